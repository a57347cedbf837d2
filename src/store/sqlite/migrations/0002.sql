-- Requests by which people exercise their rights. `record` holds no personal value; `details` is sealed. id: UUIDv7, so they lie in order of time.
CREATE TABLE rights_request (id BLOB PRIMARY KEY, profile INTEGER, right_name TEXT NOT NULL, state TEXT NOT NULL, channel TEXT NOT NULL,
    opened_ms INTEGER NOT NULL, due_ms INTEGER NOT NULL, done_ms INTEGER, watch_ms INTEGER, record TEXT NOT NULL, sealed BLOB) WITHOUT ROWID;
CREATE INDEX rights_request_profile ON rights_request (profile, id) WHERE profile IS NOT NULL;
CREATE INDEX rights_request_open ON rights_request (due_ms) WHERE done_ms IS NULL;
CREATE INDEX rights_request_watch ON rights_request (watch_ms) WHERE watch_ms IS NOT NULL;
