-- The first layout. Times are milliseconds since 1970 UTC; NULL where there is none (or no end). Purposes are numbers of `purpose_set`.
-- What is called sealed is encrypted; everything else is free of personal values.

-- The engine's own settings.
CREATE TABLE setting (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE purpose_set (id INTEGER PRIMARY KEY, names TEXT NOT NULL);

-- Everything that belongs to one profile, but its events, lies side by side, so that one seek finds it and a change of it dirties
-- one page. key = profile << 24 | kind << 20 | number. The views below give the columns of each kind their names.
CREATE TABLE person_row (key INTEGER PRIMARY KEY, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);

CREATE VIEW profile AS SELECT key >> 24 AS number, a AS id, b AS root, c AS created_ms, d AS erased_ms, e AS due_ms,
    f AS identifier_next, g AS jurisdiction, h AS birth_year, i AS version
    FROM person_row WHERE (key >> 20 & 15) = 0;
CREATE VIEW identifier AS SELECT key >> 24 AS profile, key & 0xFFFFF AS number, a AS type, b AS hash, c AS sealed, d AS purpose_set,
    e AS verified, f AS first_seen_ms, g AS last_seen_ms, h AS message
    FROM person_row WHERE (key >> 20 & 15) = 1;
CREATE VIEW consent AS SELECT key >> 24 AS profile, a AS id, b AS identifier, c AS verified, d AS purpose, e AS status, f AS notice,
    g AS notice_version, h AS explicit, i AS said_by, j AS at_ms, k AS known_ms, l AS expires_ms, m AS source, n AS sealed,
    o AS ledger_index, p AS leaf_hash
    FROM person_row WHERE (key >> 20 & 15) = 2;
CREATE VIEW merge AS SELECT key >> 24 AS left, a AS id, b AS right, c AS reason, d AS through_left, e AS through_right, f AS source,
    g AS at_ms, h AS undone_ms
    FROM person_row WHERE (key >> 20 & 15) = 3;
-- kind 4: the other end of a merge: a: left, b: row of the merge; only while it stands
CREATE VIEW preferences AS SELECT key >> 24 AS profile, a AS at_ms, b AS sealed FROM person_row WHERE (key >> 20 & 15) = 5;
CREATE VIEW refused_join AS SELECT key >> 24 AS left, a AS right, b AS type, c AS reason, d AS count, e AS first_ms, f AS last_ms
    FROM person_row WHERE (key >> 20 & 15) = 6;
CREATE VIEW fact_page AS SELECT key >> 24 AS profile, key & 0xFFFFF AS number, a AS identifier, b AS purpose_set, c AS key_class,
    d AS fact_count, e AS observed_first_ms, f AS observed_last_ms, g AS sealed
    FROM person_row WHERE (key >> 20 & 15) = 7;
CREATE VIEW disclosure AS SELECT key >> 24 AS profile, a AS destination, b AS purpose, c AS first_ms, d AS last_ms, e AS count
    FROM person_row WHERE (key >> 20 & 15) = 8;

CREATE TABLE identifier_hash (hash BLOB PRIMARY KEY, profile INTEGER NOT NULL, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE profile_id (id BLOB PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE consent_id (id BLOB PRIMARY KEY, key INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE consent_purpose (purpose TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
-- When the sweeper must look at a profile; may be earlier than the profile's own due_ms, never later.
CREATE TABLE due (due_ms INTEGER NOT NULL, profile INTEGER NOT NULL, PRIMARY KEY (due_ms, profile)) WITHOUT ROWID;

-- Events in the order they came. `previous` is the number of the profile's event before: a list that needs no index.
-- `purpose_sets`: a number, or several separated by commas, one a part. `parts`: for each part its key class (1 byte), its length
-- (4 bytes, little-endian) and its sealed body.
CREATE TABLE event (number INTEGER PRIMARY KEY, previous INTEGER, profile INTEGER NOT NULL, identifier INTEGER NOT NULL, type TEXT NOT NULL,
    source TEXT NOT NULL, at_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL, policy_version INTEGER NOT NULL, batch INTEGER NOT NULL,
    batch_index INTEGER NOT NULL, id BLOB NOT NULL, purpose_sets, parts BLOB);

CREATE TABLE held (number INTEGER PRIMARY KEY, profile INTEGER NOT NULL, identifier INTEGER NOT NULL, source TEXT NOT NULL,
    received_ms INTEGER NOT NULL, expires_ms INTEGER, sealed BLOB NOT NULL);
CREATE INDEX held_profile ON held (profile);

-- state: 0 pending, 1 delivered, 2 dead, 3 cancelled. kind: 0 event, 1 profile, 2 recall.
CREATE TABLE outbox (number INTEGER PRIMARY KEY, id BLOB NOT NULL, profile INTEGER NOT NULL, destination TEXT NOT NULL, purpose TEXT NOT NULL,
    kind INTEGER NOT NULL, event INTEGER, state INTEGER NOT NULL, attempts INTEGER NOT NULL, queued_ms INTEGER NOT NULL,
    next_ms INTEGER, done_ms INTEGER, reason TEXT, sealed BLOB);
CREATE INDEX outbox_state ON outbox (destination, state, number, next_ms);
CREATE INDEX outbox_profile ON outbox (profile, number) WHERE state = 0 OR kind = 2;
CREATE UNIQUE INDEX outbox_id ON outbox (id);
CREATE TABLE outbox_count (destination TEXT NOT NULL, state INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (destination, state)) WITHOUT ROWID;

-- What is long and seldom read comes last.
CREATE TABLE batch (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, policy_version INTEGER NOT NULL, message_count INTEGER NOT NULL,
    ledger_index INTEGER, dedupe BLOB, profiles BLOB, decisions BLOB);

CREATE TABLE ledger (number INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, profile INTEGER, entry TEXT NOT NULL, record_sealed BLOB);
CREATE INDEX ledger_profile ON ledger (profile) WHERE record_sealed IS NOT NULL;
-- Hashes of full tiles from level 1 on: key = level << 52 | position.
CREATE TABLE tile (key INTEGER PRIMARY KEY, hash BLOB NOT NULL);

CREATE TABLE read (number INTEGER PRIMARY KEY, previous INTEGER, at_ms INTEGER NOT NULL, token BLOB, profile INTEGER NOT NULL,
    purpose TEXT NOT NULL, what TEXT NOT NULL, ledger_index INTEGER);

CREATE TABLE token (id BLOB PRIMARY KEY, role TEXT NOT NULL, purposes TEXT NOT NULL, label TEXT NOT NULL, hash BLOB NOT NULL,
    created_ms INTEGER NOT NULL, expires_ms INTEGER, revoked_ms INTEGER) WITHOUT ROWID;
CREATE TABLE policy (version INTEGER PRIMARY KEY, activated_ms INTEGER NOT NULL, sha256 BLOB NOT NULL, ledger_index INTEGER,
    applied_by BLOB, text TEXT NOT NULL, notices TEXT NOT NULL);
CREATE TABLE counter (day_ms INTEGER NOT NULL, source TEXT NOT NULL, what TEXT NOT NULL, field TEXT NOT NULL, reason TEXT NOT NULL,
    count INTEGER NOT NULL, PRIMARY KEY (day_ms, source, what, field, reason)) WITHOUT ROWID;

-- One row a commit: the totals after it, and what the indexes in memory learned from it (chain.c). Rows that were folded into
-- `chain_head` go, but the newest always stays.
CREATE TABLE journal (number INTEGER PRIMARY KEY, profiles INTEGER NOT NULL, persons INTEGER NOT NULL, identifiers INTEGER NOT NULL,
    facts INTEGER NOT NULL, events INTEGER NOT NULL, consents INTEGER NOT NULL, held INTEGER NOT NULL, pending INTEGER NOT NULL,
    profile_next INTEGER NOT NULL, event_next INTEGER NOT NULL, outbox_next INTEGER NOT NULL, held_next INTEGER NOT NULL,
    read_next INTEGER NOT NULL, entries BLOB);
-- Where each profile's list of events (chain 0) and of reads (chain 1) begins: key = chain << 40 | profile / 256; 256 numbers of 6 bytes.
-- Chain 2: the day (since 1970, 16 bits) on which identifiers 1…32 (a bit each) were last seen, where that is later than their row says.
CREATE TABLE chain_head (key INTEGER PRIMARY KEY, heads BLOB NOT NULL);
CREATE TABLE mark (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO mark VALUES ('journal_folded', 0);
INSERT INTO journal VALUES (0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, NULL);
