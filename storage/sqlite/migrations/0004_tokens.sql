-- Machines that asked for a token and wait for a person's word, and the tokens
-- they were given. Of every secret only its digest is here.

CREATE TABLE devices (
  id               TEXT PRIMARY KEY,
  version          INTEGER NOT NULL,
  code_sha256      TEXT NOT NULL UNIQUE,
  user_code_sha256 TEXT NOT NULL,
  network          TEXT NOT NULL,
  expires_at       INTEGER NOT NULL,
  settled_at       INTEGER,
  body             TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX devices_expires ON devices (expires_at);
CREATE INDEX devices_user_code ON devices (user_code_sha256);

CREATE TABLE tokens (
  id         TEXT PRIMARY KEY,
  version    INTEGER NOT NULL,
  sha256     TEXT NOT NULL UNIQUE,
  principal  TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  revoked_at INTEGER,
  body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_principal ON tokens (principal);
CREATE INDEX tokens_expires ON tokens (expires_at);
