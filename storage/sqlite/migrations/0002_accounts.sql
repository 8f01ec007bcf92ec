-- Whose a chat account is, personal links to the company's sign-in, and what
-- people did in chat that is not answered yet. Nothing that stood before is
-- touched: a store of the step before goes on with its grants as they are.

-- account is what jit.Account.String writes; its platform is fixed with it.
CREATE TABLE links (
  account   TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  state     TEXT NOT NULL,
  principal TEXT NOT NULL,
  platform  TEXT NOT NULL,
  body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX links_principal ON links (principal);

CREATE TABLE sign_ins (
  token_sha256 TEXT PRIMARY KEY,
  version      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  used_at      INTEGER,
  body         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_expires ON sign_ins (expires_at);

-- due_at is when somebody else may take a delivery up; NULL once it is settled,
-- and then body is empty. Ids grow in the order of arrival. Of the two indexes
-- below a row stands in one at a time: what is written when a delivery arrives
-- is on the way to its acknowledgement.
CREATE TABLE inbox (
  id       INTEGER PRIMARY KEY,
  key      TEXT NOT NULL UNIQUE,
  chat     TEXT NOT NULL,
  at       INTEGER NOT NULL,
  due_at   INTEGER,
  attempts INTEGER NOT NULL,
  body     TEXT NOT NULL
) STRICT;
CREATE INDEX inbox_due ON inbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX inbox_settled ON inbox (at) WHERE due_at IS NULL;
