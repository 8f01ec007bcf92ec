-- What was gathered from outside and what follows from it: values by key, in the
-- byte order of the keys.
CREATE TABLE leaves (
  ledger TEXT NOT NULL,
  key    BLOB NOT NULL,
  value  BLOB NOT NULL,
  PRIMARY KEY (ledger, key)
) STRICT, WITHOUT ROWID;
