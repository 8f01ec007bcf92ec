-- What filters and indexes need stands in columns; body is the rest of the row
-- as JSON. Times are microseconds since 1970 UTC; NULL is "none". Columns that are
-- not named in an UPDATE of ours are fixed at birth.

-- One row: the head of the log and the counters of the store.
CREATE TABLE head (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  seq      INTEGER NOT NULL,
  hash     BLOB NOT NULL,
  fence    INTEGER NOT NULL,
  outgoing INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, zeroblob(32), 0, 0);

CREATE TABLE requests (
  id         TEXT PRIMARY KEY,
  version    INTEGER NOT NULL,
  state      TEXT NOT NULL,
  by_person  TEXT NOT NULL,
  for_person TEXT NOT NULL,
  resource   TEXT NOT NULL,
  batch      TEXT NOT NULL,
  extends    TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  next_at    INTEGER,
  body       TEXT NOT NULL
) STRICT;
CREATE INDEX requests_due ON requests (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX requests_created ON requests (created_at, id);
CREATE INDEX requests_open ON requests (state) WHERE state IN ('scheduled', 'pending');
CREATE INDEX requests_for ON requests (for_person, created_at);
CREATE INDEX requests_by ON requests (by_person, created_at) WHERE by_person <> for_person;
CREATE INDEX requests_batch ON requests (batch) WHERE batch <> '';
CREATE INDEX requests_extends ON requests (extends) WHERE extends <> '';

CREATE TABLE approvals (
  request TEXT NOT NULL REFERENCES requests (id),
  person  TEXT NOT NULL,
  PRIMARY KEY (request, person)
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
  id         TEXT PRIMARY KEY,
  version    INTEGER NOT NULL,
  state      TEXT NOT NULL,
  request    TEXT NOT NULL,
  principal  TEXT NOT NULL,
  resource   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  not_after  INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  next_at    INTEGER,
  body       TEXT NOT NULL
) STRICT;
CREATE INDEX grants_due ON grants (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX grants_live ON grants (expires_at) WHERE state <> 'ended';
CREATE INDEX grants_created ON grants (created_at, id);
CREATE INDEX grants_principal ON grants (principal, created_at);
CREATE INDEX grants_request ON grants (request);

-- due_at is when a holding may be claimed: next_at, or the end of the lease
-- that runs on it. rank puts removals (0) before everything else (1).
CREATE TABLE holdings (
  id          TEXT PRIMARY KEY,
  version     INTEGER NOT NULL,
  state       TEXT NOT NULL,
  grant_id    TEXT NOT NULL,
  target      TEXT NOT NULL,
  request     TEXT NOT NULL,
  principal   TEXT NOT NULL,
  resource    TEXT NOT NULL,
  not_after   INTEGER NOT NULL,
  standing    TEXT NOT NULL,
  rank        INTEGER NOT NULL,
  next_at     INTEGER,
  due_at      INTEGER,
  fence       INTEGER NOT NULL,
  lease_until INTEGER,
  body        TEXT NOT NULL
) STRICT;
CREATE INDEX holdings_due ON holdings (rank, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX holdings_grant ON holdings (grant_id);
CREATE INDEX holdings_target ON holdings (target) WHERE target <> '';

CREATE TABLE reviews (
  grant_id  TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  principal TEXT NOT NULL,
  due_at    INTEGER NOT NULL,
  done_at   INTEGER,
  body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX reviews_open ON reviews (due_at) WHERE done_at IS NULL;
CREATE INDEX reviews_principal ON reviews (principal);

CREATE TABLE advances (
  id         TEXT PRIMARY KEY,
  version    INTEGER NOT NULL,
  principal  TEXT NOT NULL,
  resource   TEXT NOT NULL,
  until      INTEGER NOT NULL,
  revoked_at INTEGER,
  created_at INTEGER NOT NULL,
  body       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX advances_principal ON advances (principal);

CREATE TABLE pickups (
  token_sha256 TEXT PRIMARY KEY,
  used_at      INTEGER,
  body         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  seq           INTEGER PRIMARY KEY,
  at            INTEGER NOT NULL,
  kind          TEXT NOT NULL,
  actor         TEXT NOT NULL,
  actor_account TEXT NOT NULL,
  origin        TEXT NOT NULL,
  request       TEXT NOT NULL,
  grant_id      TEXT NOT NULL,
  resource      TEXT NOT NULL,
  outcome       TEXT NOT NULL,
  policy_sha256 TEXT NOT NULL,
  data_sha256   BLOB NOT NULL,
  data          TEXT NOT NULL,
  prev          BLOB NOT NULL,
  hash          BLOB NOT NULL
) STRICT;
CREATE INDEX events_request ON events (request) WHERE request <> '';
CREATE INDEX events_grant ON events (grant_id) WHERE grant_id <> '';

-- The log only grows. Blanking an event's data is the one change it takes.
CREATE TRIGGER events_stay BEFORE UPDATE ON events
WHEN NEW.data IS NOT '{}'
  OR NEW.seq IS NOT OLD.seq OR NEW.at IS NOT OLD.at OR NEW.kind IS NOT OLD.kind
  OR NEW.actor IS NOT OLD.actor OR NEW.actor_account IS NOT OLD.actor_account
  OR NEW.origin IS NOT OLD.origin OR NEW.request IS NOT OLD.request
  OR NEW.grant_id IS NOT OLD.grant_id OR NEW.resource IS NOT OLD.resource
  OR NEW.outcome IS NOT OLD.outcome OR NEW.policy_sha256 IS NOT OLD.policy_sha256
  OR NEW.data_sha256 IS NOT OLD.data_sha256 OR NEW.prev IS NOT OLD.prev OR NEW.hash IS NOT OLD.hash
BEGIN
  SELECT RAISE(ABORT, 'events are never changed');
END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
BEGIN
  SELECT RAISE(ABORT, 'events are never deleted');
END;

-- due_at is NULL while an older message of the thread waits, so that only the
-- oldest of each thread can be claimed. fence is 0 until the row is taken.
CREATE TABLE outgoing (
  id          INTEGER PRIMARY KEY,
  thread      TEXT NOT NULL,
  slot        TEXT NOT NULL,
  next_at     INTEGER NOT NULL,
  due_at      INTEGER,
  fence       INTEGER NOT NULL,
  lease_until INTEGER,
  body        TEXT NOT NULL
) STRICT;
CREATE INDEX outgoing_due ON outgoing (due_at) WHERE due_at IS NOT NULL;
-- One row a slot that was not taken: those have fence 0, the others their own.
CREATE UNIQUE INDEX outgoing_slot ON outgoing (thread, slot, fence);

-- Where each slot's message stands. first is the id of its first delivery.
CREATE TABLE messages (
  thread TEXT NOT NULL,
  slot   TEXT NOT NULL,
  first  INTEGER NOT NULL,
  ref    TEXT NOT NULL,
  body   TEXT NOT NULL,
  PRIMARY KEY (thread, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  key    TEXT PRIMARY KEY,
  at     INTEGER NOT NULL,
  answer BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_at ON deliveries (at);

CREATE TABLE notes (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
