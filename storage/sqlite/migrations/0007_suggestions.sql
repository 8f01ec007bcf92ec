-- Edits of the policy that were shown to people, and what became of them. It
-- needs nothing of the steps before it and touches nothing that stood before.

CREATE TABLE suggestions (
  id         TEXT PRIMARY KEY,
  version    INTEGER NOT NULL,
  state      TEXT NOT NULL,
  key        TEXT NOT NULL,
  rule       TEXT NOT NULL,
  expires_at INTEGER,
  body       TEXT NOT NULL
) STRICT;
-- A key is suggested once at a time; what was applied is settled.
CREATE UNIQUE INDEX suggestions_key ON suggestions (key) WHERE state NOT IN ('applied', 'reverted');
CREATE INDEX suggestions_keys ON suggestions (key); -- of the settled ones too
CREATE INDEX suggestions_state ON suggestions (state);
CREATE INDEX suggestions_expiry ON suggestions (expires_at) WHERE expires_at IS NOT NULL;
