-- What was gathered from outside and what follows from it: values by key, in the
-- byte order of the keys.
CREATE TABLE leaves (
  ledger TEXT NOT NULL,
  key    BLOB NOT NULL,
  value  BLOB NOT NULL,
  PRIMARY KEY (ledger, key)
) STRICT, WITHOUT ROWID;

-- When the use of a grant that ended has to be summed up next.
ALTER TABLE grants ADD COLUMN receipt_at INTEGER;
CREATE INDEX grants_receipt ON grants (receipt_at) WHERE receipt_at IS NOT NULL;
