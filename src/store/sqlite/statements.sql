-- Each statement that the embedded store runs, by its name.

-- name: begin_read
BEGIN
-- name: begin_write
BEGIN IMMEDIATE
-- name: commit
COMMIT

-- name: person_rows
SELECT key, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p FROM person_row WHERE key BETWEEN ?1 AND ?2
-- name: person_row_put
INSERT OR REPLACE INTO person_row VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
-- name: person_row_delete
DELETE FROM person_row WHERE key = ?1
-- name: person_row_last
SELECT key FROM person_row WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1
-- name: person_row_from
SELECT key, a, b, c, d, e, f, g, h, i FROM person_row WHERE key >= ?1 ORDER BY key LIMIT 1
-- name: profile_old
SELECT a, b, d, j FROM person_row WHERE key = ?1
-- name: profile_requeue
UPDATE person_row SET j = ?2 WHERE key = ?1
-- name: identifier_old
SELECT a, b, c, d, e, f, h FROM person_row WHERE key = ?1
-- name: identifier_seen
UPDATE person_row SET g = max(g, ?2) WHERE key = ?1
-- name: fact_page_old
SELECT d FROM person_row WHERE key = ?1

-- name: hash_get
SELECT profile, number FROM identifier_hash WHERE hash = ?1
-- name: hash_put
INSERT OR REPLACE INTO identifier_hash VALUES (?1, ?2, ?3)
-- name: hash_delete
DELETE FROM identifier_hash WHERE hash = ?1 AND profile = ?2

-- name: profile_id_get
SELECT number FROM profile_id WHERE id = ?1
-- name: profile_id_put
INSERT OR REPLACE INTO profile_id VALUES (?1, ?2)
-- name: profile_id_delete
DELETE FROM profile_id WHERE id = ?1
-- name: consent_id_get
SELECT key FROM consent_id WHERE id = ?1
-- name: consent_id_put
INSERT OR REPLACE INTO consent_id VALUES (?1, ?2)
-- name: consent_id_delete
DELETE FROM consent_id WHERE id = ?1
-- name: consent_purpose_add
INSERT INTO consent_purpose VALUES (?1, ?2) ON CONFLICT (purpose) DO UPDATE SET count = count + excluded.count
-- name: consent_purposes
SELECT purpose FROM consent_purpose WHERE count > 0

-- name: due_put
INSERT OR IGNORE INTO due VALUES (?1, ?2)
-- name: due_delete
DELETE FROM due WHERE due_ms = ?1 AND profile = ?2
-- name: due_list
SELECT due.profile FROM due JOIN person_row ON key = due.profile << 24 WHERE due_ms <= ?1 AND e <= ?1 ORDER BY due_ms, due.profile LIMIT ?2
-- name: due_stale
SELECT first.due_ms, first.profile, person_row.e
FROM (SELECT due_ms, profile FROM due WHERE due_ms <= ?1 ORDER BY due_ms, profile LIMIT 256) AS first
LEFT JOIN person_row ON key = first.profile << 24 WHERE ifnull(e > ?1, 1)

-- name: event_insert
INSERT INTO event VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, NULL)
-- name: event_get
SELECT number, previous, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts, decided
FROM event WHERE number = ?1
-- name: event_link
SELECT previous FROM event WHERE number = ?1
-- name: event_relink
UPDATE event SET previous = ?2 WHERE number = ?1
-- name: event_update
UPDATE event SET decided = coalesce(decided, purpose_sets), purpose_sets = ?2, parts = ?3 WHERE number = ?1
-- name: decisions_put
INSERT INTO kept_decisions VALUES (?1, ?2, ?3, ?4, ?5)
-- name: decisions_delete
DELETE FROM kept_decisions WHERE profile = ?1
-- name: decisions_list
SELECT profile, batch, part, count, sealed FROM kept_decisions WHERE profile = ?1 ORDER BY batch DESC, part DESC
-- name: event_delete
DELETE FROM event WHERE number = ?1
-- name: event_sets
SELECT purpose_sets FROM event ORDER BY number DESC

-- name: held_insert
INSERT INTO held VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
-- name: held_delete
DELETE FROM held WHERE number = ?1
-- name: held_list
SELECT number, profile, identifier, source, received_ms, expires_ms, sealed FROM held WHERE profile = ?1 ORDER BY number

-- name: outbox_insert
INSERT INTO outbox VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
-- name: outbox_old
SELECT destination, state FROM outbox WHERE number = ?1
-- name: outbox_update
UPDATE outbox SET state = ?2, attempts = ?3, next_ms = ?4, done_ms = ?5, reason = ?6 WHERE number = ?1
-- name: outbox_reseal
UPDATE outbox SET sealed = ?2 WHERE number = ?1
-- name: outbox_delete
DELETE FROM outbox WHERE number = ?1
-- name: outbox_get
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed FROM outbox WHERE number = ?1
-- name: outbox_by_id
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed FROM outbox WHERE id = ?1
-- name: outbox_of_profile
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE profile = ?1 AND (state = 0 OR kind = 2) ORDER BY number
-- name: outbox_state_up
SELECT number FROM outbox WHERE destination = ?1 AND state = ?2 AND number > ?3 AND ifnull(next_ms, ?5) <= ?4 ORDER BY number LIMIT ?6
-- name: outbox_firsts
SELECT number FROM outbox AS row WHERE destination = ?1 AND state = 0 AND number > ?3 AND ifnull(next_ms, ?5) <= ?4
AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.profile = row.profile AND earlier.number < row.number AND earlier.state = 0
AND earlier.destination = ?1) ORDER BY number LIMIT ?6
-- name: outbox_state_down
SELECT number FROM outbox WHERE destination = ?1 AND state = ?2 AND number < ?3 AND ifnull(next_ms, ?5) <= ?4 ORDER BY number DESC LIMIT ?6
-- name: outbox_up
SELECT number, state, next_ms FROM outbox WHERE number > ?1 ORDER BY number
-- name: outbox_down
SELECT number, state, next_ms FROM outbox WHERE number < ?1 ORDER BY number DESC
-- name: outbox_oldest
SELECT queued_ms FROM outbox WHERE destination = ?1 AND state = 0 ORDER BY number LIMIT 1
-- name: outbox_count_add
INSERT INTO outbox_count VALUES (?1, ?2, ?3) ON CONFLICT (destination, state) DO UPDATE SET count = count + excluded.count
-- name: outbox_counts
SELECT destination, state, count FROM outbox_count WHERE count > 0 ORDER BY destination, state

-- name: batch_insert
INSERT INTO batch VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
-- name: batch_list
SELECT number, at_ms, policy_version, message_count, ledger_index, dedupe, profiles, decisions FROM batch WHERE number BETWEEN ?1 AND ?2 ORDER BY number
-- name: batch_last
SELECT max(number) FROM batch

-- name: ledger_insert
INSERT INTO ledger VALUES (?1, ?2, ?3, ?4, ?5)
-- name: ledger_list
SELECT number, leaf_hash, profile, entry, record_sealed FROM ledger WHERE number BETWEEN ?1 AND ?2 ORDER BY number
-- name: ledger_forget
UPDATE ledger SET record_sealed = NULL WHERE profile = ?1 AND record_sealed IS NOT NULL
-- name: page_size
PRAGMA page_size
-- name: ledger_last
SELECT max(number) FROM ledger
-- name: leaf_hashes
SELECT leaf_hash FROM ledger WHERE number BETWEEN ?1 AND ?2 ORDER BY number
-- name: tile_put
INSERT OR REPLACE INTO tile VALUES (?1, ?2)
-- name: tile_hashes
SELECT hash FROM tile WHERE key BETWEEN ?1 AND ?2 ORDER BY key

-- name: read_insert
INSERT INTO read VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
-- name: read_get
SELECT number, previous, at_ms, token, profile, purpose, what, ledger_index FROM read WHERE number = ?1
-- name: reads_down
SELECT number, previous, at_ms, token, profile, purpose, what, ledger_index FROM read WHERE number < ?1 ORDER BY number DESC LIMIT ?2

-- name: purpose_set_insert
INSERT INTO purpose_set VALUES (?1, ?2)
-- name: purpose_sets
SELECT id, names FROM purpose_set WHERE id > ?1 ORDER BY id
-- name: person_row_sets
SELECT key, b, d FROM person_row WHERE key > ?1 ORDER BY key

-- name: token_put
INSERT OR REPLACE INTO token VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
-- name: tokens
SELECT id, role, purposes, label, hash, created_ms, expires_ms, revoked_ms FROM token ORDER BY id
-- name: user_put
INSERT OR REPLACE INTO user VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
-- name: users
SELECT id, login, subject, role, purposes, password, sealed, disabled, created_ms, changed_ms FROM user ORDER BY id
-- name: session_put
INSERT OR REPLACE INTO session VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
-- name: session_delete
DELETE FROM session WHERE id = ?1
-- name: sessions
SELECT id, user, link, hash, created_ms, seen_ms, expires_ms FROM session ORDER BY id
-- name: policy_put
INSERT INTO policy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
-- name: policies
SELECT version, activated_ms, sha256, ledger_index, applied_by FROM policy ORDER BY version
-- name: policies_whole
SELECT version, activated_ms, sha256, ledger_index, applied_by, text, notices FROM policy ORDER BY version
-- name: policy_get
SELECT version, activated_ms, sha256, ledger_index, applied_by, text, notices FROM policy WHERE version = ?1
-- name: policy_newest
SELECT version, activated_ms, sha256, ledger_index, applied_by, text, notices FROM policy ORDER BY version DESC LIMIT 1
-- name: counter_add
INSERT INTO counter VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET count = count + excluded.count
-- name: counters
SELECT day_ms, source, what, field, reason, count FROM counter WHERE day_ms BETWEEN ?1 AND ?2
-- name: setting_put
INSERT OR REPLACE INTO setting VALUES (?1, ?2)
-- name: setting_delete
DELETE FROM setting WHERE key = ?1
-- name: settings
SELECT key, value FROM setting ORDER BY key
-- name: setting_get
SELECT value FROM setting WHERE key = ?1

-- name: journal_insert
INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
-- name: journal_newest
SELECT number, profiles, persons, identifiers, facts, events, consents, held, pending, profile_next, event_next, outbox_next, held_next, read_next
FROM journal ORDER BY number DESC LIMIT 1
-- name: journal_last
SELECT max(number) FROM journal
-- name: journal_entries
SELECT number, entries FROM journal WHERE number > ?1 AND entries IS NOT NULL ORDER BY number
-- name: journal_trim
DELETE FROM journal WHERE number <= ?1 AND number < ?2 AND number < (SELECT min(number) FROM journal) + 1000
-- name: journal_first
SELECT min(number) FROM journal
-- name: chain_put
INSERT OR REPLACE INTO chain_head VALUES (?1, ?2)
-- name: chain_heads
SELECT key, heads FROM chain_head
-- name: mark_put
INSERT OR REPLACE INTO mark VALUES (?1, ?2)
-- name: mark_get
SELECT value FROM mark WHERE name = ?1
-- name: disk_bytes
SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()

-- name: rights_put
INSERT OR REPLACE INTO rights_request VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
-- name: rights_forget
UPDATE rights_request SET sealed = NULL WHERE profile = ?1 AND sealed IS NOT NULL
-- name: rights_get
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed FROM rights_request WHERE id = ?1
-- name: rights_of_profile
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed FROM rights_request
    WHERE profile = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3
-- name: rights_all
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed FROM rights_request
    WHERE id < ?1 ORDER BY id DESC LIMIT ?2
-- name: rights_in_state
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed FROM rights_request
    WHERE id < ?1 AND state = ?3 ORDER BY id DESC LIMIT ?2
-- name: rights_open
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed FROM rights_request
    WHERE done_ms IS NULL AND id < ?1 AND due_ms <= ?3 ORDER BY id DESC LIMIT ?2
-- name: rights_watched
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed FROM rights_request
    WHERE watch_ms <= ?1 ORDER BY watch_ms LIMIT ?2
