-- Where the outside and the store do not agree. It needs nothing of the steps
-- before it and touches nothing that stood before.

-- seen_at is when it was last seen; that moves without a new version.
CREATE TABLE drifts (
  id      TEXT PRIMARY KEY,
  version INTEGER NOT NULL,
  state   TEXT NOT NULL,
  kind    TEXT NOT NULL,
  target  TEXT NOT NULL,
  seen_at INTEGER NOT NULL,
  body    TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX drifts_thing ON drifts (target, kind);
CREATE INDEX drifts_live ON drifts (state) WHERE state <> 'gone';
