-- A store as a jitbot wrote it that had migrations 0001 and 0002: what
-- by_0001.sql holds, brought forward, with a link of an account, a sign-in that
-- waits, and a delivery that is not answered. It is read by tests and never changed.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT;
INSERT INTO migrations VALUES(1,'start','bd24c44c87c1b79e98f360d9b9df872c28b8fa5ff3815172a8f1bc831f78ca8d');
INSERT INTO migrations VALUES(2,'accounts','38e7800169eebb4a9ff7ae261bedaf0c8333de583f6da3b2ca746567648371de');
CREATE TABLE head (
  one      INTEGER PRIMARY KEY CHECK (one = 1),
  seq      INTEGER NOT NULL,
  hash     BLOB NOT NULL,
  fence    INTEGER NOT NULL,
  outgoing INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES(1,12,X'467ea78384b919419d781c5c2cf5300aeb7dd391b92d58fc88a29b60985d8bb9',3,2);
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
INSERT INTO requests VALUES('req_pending',2,'pending','ann@example.com','ann@example.com','prod-db','','','approval',1774612800000000,1774614600000000,'{"kind":"access","by_account":{"platform":"web","user":"ann"},"duration":3600000000000,"reason":"INC-42","ticket":"INC-42","lapse_at":"2026-03-27T20:00:00Z","decision":{"policy_sha256":"ab","outcome":"approval","rule":"databases","line":7,"count":2,"approvers":["bo@example.com","cy@example.com"],"max_duration":14400000000000},"facts":{"groups":["dba"]},"approvals":[{"by":"bo@example.com","account":{"platform":"web","user":"bo"},"at":"2026-03-27T12:01:00Z","duration":3600000000000}]}');
INSERT INTO requests VALUES('req_live',2,'approved','ann@example.com','ann@example.com','prod-db','','','approval',1774612800000000,NULL,'{"kind":"access","by_account":{"platform":"web","user":"ann"},"duration":3600000000000,"reason":"INC-42","ticket":"INC-42","lapse_at":"2026-03-27T20:00:00Z","decision":{"policy_sha256":"ab","outcome":"approval","rule":"databases","line":7,"count":2,"approvers":["bo@example.com","cy@example.com"],"max_duration":14400000000000},"facts":{"groups":["dba"]},"approvals":[{"by":"bo@example.com","account":{"platform":"web","user":"bo"},"at":"2026-03-27T12:01:00Z","duration":3600000000000},{"by":"cy@example.com","account":{},"at":"2026-03-27T12:01:00Z","duration":3600000000000}],"decided_at":"2026-03-27T12:01:00Z","decided_by":"bo@example.com"}');
CREATE TABLE approvals (
  request TEXT NOT NULL REFERENCES requests (id),
  person  TEXT NOT NULL,
  PRIMARY KEY (request, person)
) STRICT, WITHOUT ROWID;
INSERT INTO approvals VALUES('req_live','bo@example.com');
INSERT INTO approvals VALUES('req_live','cy@example.com');
INSERT INTO approvals VALUES('req_pending','bo@example.com');
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
INSERT INTO grants VALUES('grt_live',2,'active','req_live','ann@example.com','prod-db',1774612860000000,1774617360000000,1774616520000000,1774615920000000,'{"kind":"access","rule":"databases","duration":3600000000000,"holdings":1,"confirmed_at":"2026-03-27T12:02:00Z","warn_before":600000000000}');
INSERT INTO grants VALUES('grt_bg',3,'revoking','req_bg','ann@example.com','prod-db',1774612860000000,1774617360000000,1774616520000000,NULL,'{"kind":"break_glass","duration":3600000000000,"holdings":1,"confirmed_at":"2026-03-27T12:02:00Z","end_by":"ann@example.com","end_reason":"done"}');
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
INSERT INTO holdings VALUES('hld_live',5,'present','grt_live','postgres:prod/readonly','req_live','ann@example.com','prod-db',1774617360000000,'no',1,NULL,NULL,2,NULL,'{"entitlement":{"kind":"postgres_role","params":{"role":"readonly"}}}');
INSERT INTO holdings VALUES('hld_bg',6,'removing','grt_bg','','req_bg','ann@example.com','prod-db',1774617360000000,'no',0,1774613100000000,1774613100000000,2,NULL,'{"entitlement":{"kind":"aws_credentials"}}');
CREATE TABLE reviews (
  grant_id  TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  principal TEXT NOT NULL,
  due_at    INTEGER NOT NULL,
  done_at   INTEGER,
  body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO reviews VALUES('grt_bg',1,'ann@example.com',1774699200000000,NULL,'{"grant":"grt_bg","version":0,"principal":"ann@example.com","resource":"prod-db","due_at":"2026-03-28T12:00:00Z"}');
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
INSERT INTO advances VALUES('adv_1',1,'ann@example.com','prod-db',1775212800000000,NULL,1774612860000000,'{"id":"adv_1","version":0,"by":"","principal":"ann@example.com","resource":"prod-db","until":"2026-04-03T10:40:00Z","cap":0,"created_at":"2026-03-27T12:01:00Z"}');
CREATE TABLE pickups (
  token_sha256 TEXT PRIMARY KEY,
  used_at      INTEGER,
  body         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO pickups VALUES('ab12',NULL,'{"token_sha256":"ab12","grant":"grt_bg","holding":"hld_bg","principal":"ann@example.com","created_at":"2026-03-27T12:01:00Z","expires_at":"2026-03-27T12:06:00Z"}');
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
INSERT INTO events VALUES(1,1774612800000000,'request.created','ann@example.com','web:ann','web','req_pending','','prod-db','ok','',X'07d212257b246dc5b7cf4f281b6ec04db53c85197212a9506202ef02c934cb60','{"moves":[{"id":"req_pending","from":"","to":"pending"}],"reason":"INC-42"}',X'0000000000000000000000000000000000000000000000000000000000000000',X'5a4b36b7290d73882d7bb6ff6a57308f577afe96671c9542e77a19f120139159');
INSERT INTO events VALUES(2,1774612800000000,'request.created','ann@example.com','web:ann','web','req_live','','prod-db','ok','',X'95cf3031eef6ec2fe3d3ca1132b316f9cb0b6f65550fe950f853fe6d1ec48bbb','{"moves":[{"id":"req_live","from":"","to":"pending"}],"reason":"INC-42"}',X'5a4b36b7290d73882d7bb6ff6a57308f577afe96671c9542e77a19f120139159',X'0aa16378904657831e490cdc175f0307763f83ca58bc2349d87cfe0bbc62e101');
INSERT INTO events VALUES(3,1774612860000000,'request.approval','bo@example.com','web:ann','web','req_pending','','prod-db','ok','',X'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','{}',X'0aa16378904657831e490cdc175f0307763f83ca58bc2349d87cfe0bbc62e101',X'1e66d36bb9d47f921fb3fe61a1a287e984ce785b36bbeabc2ede7d988b6ce514');
INSERT INTO events VALUES(4,1774612860000000,'request.approved','bo@example.com','web:ann','web','req_live','grt_live','prod-db','ok','',X'1b117b6b43461b29251fc8d52a6b2dde40a46348f9eb38e2ca95cb4acdaaec05','{"moves":[{"id":"req_live","from":"pending","to":"approved"},{"id":"grt_live","from":"","to":"provisioning"},{"id":"hld_live","from":"","to":"wanted"}]}',X'1e66d36bb9d47f921fb3fe61a1a287e984ce785b36bbeabc2ede7d988b6ce514',X'439e2af7ba2fccd343eb7657c14dc6b6233c8f0ccb57d526daa15030a3ec1f15');
INSERT INTO events VALUES(5,1774612860000000,'request.approved','ann@example.com','web:ann','web','req_bg','grt_bg','prod-db','ok','',X'53c6d8ea45d814a7d94f384dbf04ffaf34cb5dabbaaa264676b2d2200e3d494e','{"moves":[{"id":"grt_bg","from":"","to":"provisioning"},{"id":"hld_bg","from":"","to":"wanted"}]}',X'439e2af7ba2fccd343eb7657c14dc6b6233c8f0ccb57d526daa15030a3ec1f15',X'b10eeaf13078659efc0989fb08ee7890c9975f6ba1887e5c5d4bdf0702ec0d43');
INSERT INTO events VALUES(6,1774612860000000,'holding.retry','jitbot','web:ann','web','req_live','grt_live','prod-db','ok','',X'78e475567bce33aa9d5d8c998652c166149af7154c4f451ab6087f59bf595277','{"moves":[{"id":"hld_live","from":"wanted","to":"applying"}]}',X'b10eeaf13078659efc0989fb08ee7890c9975f6ba1887e5c5d4bdf0702ec0d43',X'b7749dc00d963f0c732916e4cc0843ce8309ffce8bfcf8c684e60357cfe78e35');
INSERT INTO events VALUES(7,1774612860000000,'holding.retry','jitbot','web:ann','web','req_bg','grt_bg','prod-db','ok','',X'472272a19b4215c755bf2931900462e12dbaec6c1922313c32e6503e8ef9ce9a','{"moves":[{"id":"hld_bg","from":"wanted","to":"applying"}]}',X'b7749dc00d963f0c732916e4cc0843ce8309ffce8bfcf8c684e60357cfe78e35',X'6495119b47612acfbab43de0529208a4a589df2c811720062b54620541661cca');
INSERT INTO events VALUES(8,1774612920000000,'grant.active','jitbot','web:ann','web','req_live','grt_live','prod-db','ok','',X'07133fca6c589fad09691e5cf2f47da09fdc522a34abe058a33482e5a46cc1e0','{"moves":[{"id":"grt_live","from":"provisioning","to":"active"},{"id":"hld_live","from":"applying","to":"present"}]}',X'6495119b47612acfbab43de0529208a4a589df2c811720062b54620541661cca',X'f710f5a9b65fc4947ac30dc84d6da32d307ba10e1450c2dad3e53f7dbee66fac');
INSERT INTO events VALUES(9,1774612920000000,'grant.active','jitbot','web:ann','web','req_bg','grt_bg','prod-db','ok','',X'0dc9e261f4809635fa03c21291529ccfc90669a8517fb03dfeee70938fe94bc7','{"moves":[{"id":"grt_bg","from":"provisioning","to":"active"},{"id":"hld_bg","from":"applying","to":"present"}]}',X'f710f5a9b65fc4947ac30dc84d6da32d307ba10e1450c2dad3e53f7dbee66fac',X'ed4e4d1c006d70103c3ceb6e119a3499b651077bcc010578035ed59df05c22cd');
INSERT INTO events VALUES(10,1774613100000000,'grant.revoking','ann@example.com','web:ann','web','req_bg','grt_bg','prod-db','ok','',X'71de20557605581553b2173e869c79d2a27a84b3b9e705df316ecccb82dc08d4','{"moves":[{"id":"grt_bg","from":"active","to":"revoking"},{"id":"hld_bg","from":"present","to":"removing"}]}',X'ed4e4d1c006d70103c3ceb6e119a3499b651077bcc010578035ed59df05c22cd',X'31fda0526e2e029f86f39dba904d206d51ded9fe4144707b78deb5ae7405dd96');
INSERT INTO events VALUES(11,1774612980000000,'account.linked','ann@example.com','','','','','','ok','',X'1ce75abf307bf5f6fc4106b9ddf94bf9b3a7a8ab3887ab5d85ca9f7cf9faa63e','{"moves":[{"id":"slack:T1/U1","from":"","to":"on"}]}',X'31fda0526e2e029f86f39dba904d206d51ded9fe4144707b78deb5ae7405dd96',X'f3329f5297d5c2951e273ad6e8c73c9a27a0c3f65cd22578427b25e98693f60d');
INSERT INTO events VALUES(12,1774613040000000,'sign_in.offered','unknown','','','','','','ok','',X'44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','{}',X'f3329f5297d5c2951e273ad6e8c73c9a27a0c3f65cd22578427b25e98693f60d',X'467ea78384b919419d781c5c2cf5300aeb7dd391b92d58fc88a29b60985d8bb9');
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
INSERT INTO outgoing VALUES(2,'req_live','direct',1774612860000000,1774612860000000,0,NULL,'{"audience":"holder","chat":"web","person":"ann@example.com","card":{"title":"Approved"},"queued_at":"2026-03-27T12:01:00Z"}');
CREATE TABLE messages (
  thread TEXT NOT NULL,
  slot   TEXT NOT NULL,
  first  INTEGER NOT NULL,
  ref    TEXT NOT NULL,
  body   TEXT NOT NULL,
  PRIMARY KEY (thread, slot)
) STRICT, WITHOUT ROWID;
INSERT INTO messages VALUES('req_live','card',1,'access/1','{"Thread":"req_live","Slot":"card","Root":"","Audience":"everyone","Chat":"web","Channel":"access","Person":"","Ref":"access/1"}');
CREATE TABLE deliveries (
  key    TEXT PRIMARY KEY,
  at     INTEGER NOT NULL,
  answer BLOB
) STRICT, WITHOUT ROWID;
INSERT INTO deliveries VALUES('web:1',1774612800000000,X'7b227469746c65223a2241736b6564227d');
CREATE TABLE notes (
  name  TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO notes VALUES('clock',X'30');
CREATE TABLE links (
  account   TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  state     TEXT NOT NULL,
  principal TEXT NOT NULL,
  platform  TEXT NOT NULL,
  body      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO links VALUES('slack:T1/U1',1,'on','ann@example.com','slack','{"account":{"platform":"slack","team":"T1","user":"U1"},"version":0,"state":"on","principal":"ann@example.com","how":"sign_in","by":"ann@example.com","email":"ann@example.com","linked_at":"2026-03-27T12:00:00Z","changed_at":"2026-03-27T12:00:00Z"}');
CREATE TABLE sign_ins (
  token_sha256 TEXT PRIMARY KEY,
  version      INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL,
  used_at      INTEGER,
  body         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO sign_ins VALUES('ab12',1,1774613640000000,NULL,'{"token_sha256":"ab12","version":0,"purpose":"link","account":{"platform":"slack","team":"T1","user":"U2"},"account_name":"U2","created_at":"2026-03-27T12:04:00Z","expires_at":"2026-03-27T12:14:00Z"}');
CREATE TABLE inbox (
  id       INTEGER PRIMARY KEY,
  key      TEXT NOT NULL UNIQUE,
  chat     TEXT NOT NULL,
  at       INTEGER NOT NULL,
  due_at   INTEGER,
  attempts INTEGER NOT NULL,
  body     TEXT NOT NULL
) STRICT;
INSERT INTO inbox VALUES(1,'slack:1','slack',1774613100000000,1774613100000000,0,'{"Text":"mine"}');
CREATE INDEX requests_due ON requests (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX requests_created ON requests (created_at, id);
CREATE INDEX requests_open ON requests (state) WHERE state IN ('scheduled', 'pending');
CREATE INDEX requests_for ON requests (for_person, created_at);
CREATE INDEX requests_by ON requests (by_person, created_at) WHERE by_person <> for_person;
CREATE INDEX requests_batch ON requests (batch) WHERE batch <> '';
CREATE INDEX requests_extends ON requests (extends) WHERE extends <> '';
CREATE INDEX grants_due ON grants (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX grants_live ON grants (expires_at) WHERE state <> 'ended';
CREATE INDEX grants_created ON grants (created_at, id);
CREATE INDEX grants_principal ON grants (principal, created_at);
CREATE INDEX grants_request ON grants (request);
CREATE INDEX holdings_due ON holdings (rank, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX holdings_grant ON holdings (grant_id);
CREATE INDEX holdings_target ON holdings (target) WHERE target <> '';
CREATE INDEX reviews_open ON reviews (due_at) WHERE done_at IS NULL;
CREATE INDEX reviews_principal ON reviews (principal);
CREATE INDEX advances_principal ON advances (principal);
CREATE INDEX events_request ON events (request) WHERE request <> '';
CREATE INDEX events_grant ON events (grant_id) WHERE grant_id <> '';
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
CREATE INDEX outgoing_due ON outgoing (due_at) WHERE due_at IS NOT NULL;
CREATE UNIQUE INDEX outgoing_slot ON outgoing (thread, slot, fence);
CREATE INDEX deliveries_at ON deliveries (at);
CREATE INDEX links_principal ON links (principal);
CREATE INDEX sign_ins_expires ON sign_ins (expires_at);
CREATE INDEX inbox_due ON inbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX inbox_settled ON inbox (at) WHERE due_at IS NULL;
PRAGMA user_version = 2;
COMMIT;
