-- Each statement of the PostgreSQL store, by its name. Sets of rows come as one array a column; every statement names its columns, so that a node of this
-- version works on a layout to which a newer one has added some.

-- name: begin
BEGIN

-- name: begin_read
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY

-- name: commit
COMMIT

-- name: rollback
ROLLBACK

-- name: turn_limit
-- A node that hangs in its turn loses it; one that dies loses it at once.
SET LOCAL idle_in_transaction_session_timeout = 60000

-- name: turn
SELECT sequence, text, read_next, pg_current_xact_id()::text FROM head WHERE one = 1 FOR UPDATE

-- name: head_get
SELECT text FROM head WHERE one = 1

-- name: head_put
UPDATE head SET sequence = sequence + 1, text = CASE WHEN $1::bigint = 1 THEN $2::bytea ELSE text END,
    profile_next = greatest(profile_next, $3::bigint), event_next = greatest(event_next, $4::bigint), outbox_next = greatest(outbox_next, $5::bigint),
    held_next = greatest(held_next, $6::bigint), read_next = read_next + $7::bigint WHERE one = 1

-- name: xact_status
-- What became of a transaction whose end nobody heard of.
SELECT pg_xact_status($1::text::xid8)

-- name: head_sequence
SELECT sequence FROM head WHERE one = 1

-- name: saved_leaf
SELECT leaf_hash FROM ledger WHERE number = $1::bigint

-- name: pooled
-- Another process than the one that was connected to: a pooler stands between.
SELECT pg_backend_pid()

-- name: index_plans
-- For the transactions that load and save people. A prepared statement keeps its plan, and one that was made while a table was empty would read it whole until the
-- next ANALYZE, however large it grows meanwhile.
SET LOCAL enable_seqscan = off

-- name: purpose_sets
-- Purpose sets.
SELECT id, names FROM purpose_set WHERE id > $1::bigint ORDER BY id

-- name: purpose_set_insert
INSERT INTO purpose_set (id, names)
SELECT * FROM unnest($1::integer[], $2::text[])

-- name: load_hashes
-- Loading: `member` are the profiles of everybody who is asked for, by root. What merges say beyond that is looked at afterwards (load.c). Sets go from step
-- to step as arrays, so that there is no join whose plan, made while the tables were small, would read all of them later.
SELECT hash, profile FROM identifier_hash WHERE hash = ANY ($1::bytea[])

-- name: load_profiles
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT number, id, root, created_ms, erased_ms, due_ms, identifier_next, jurisdiction, sealed, version FROM profile WHERE number = ANY (ARRAY(SELECT number FROM member)) ORDER BY number

-- name: load_identifiers
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT profile, number, type, hash, sealed, purpose_set, verified, first_seen_ms, last_seen_ms, message
FROM identifier WHERE profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY profile, number

-- name: load_consents
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT profile, id, identifier, verified, purpose, status, notice, notice_version, explicit, said_by, at_ms, known_ms, expires_ms, source, sealed, ledger_index, leaf_hash
FROM consent WHERE profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY profile, known_ms, id

-- name: load_merges
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT left_profile, id, right_profile, reason, through_left, through_right, source, at_ms, undone_ms, ordinal
FROM merge WHERE left_profile = ANY (ARRAY(SELECT number FROM member))
UNION SELECT left_profile, id, right_profile, reason, through_left, through_right, source, at_ms, undone_ms, ordinal
FROM merge WHERE right_profile = ANY (ARRAY(SELECT number FROM member)) AND undone_ms IS NULL ORDER BY left_profile, ordinal

-- name: load_preferences
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT profile, at_ms, sealed FROM preferences WHERE profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY profile

-- name: load_refused
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT left_profile, right_profile, type, reason, count, first_ms, last_ms
FROM refused_join WHERE left_profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY left_profile, ordinal

-- name: load_fact_pages
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT profile, number, identifier, purpose_set, key_class, fact_count, observed_first_ms, observed_last_ms, sealed
FROM fact_page WHERE profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY profile, number

-- name: load_disclosures
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT profile, destination, purpose, first_ms, last_ms, count
FROM disclosure WHERE profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY profile, ordinal

-- name: load_held
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT number, profile, identifier, source, received_ms, expires_ms, sealed
FROM held WHERE profile = ANY (ARRAY(SELECT number FROM member)) ORDER BY profile, number

-- name: load_outbox
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE profile = ANY (ARRAY(SELECT number FROM member)) AND (state = 0 OR kind = 2) ORDER BY profile, number

-- name: load_events
WITH member AS MATERIALIZED (SELECT number FROM profile WHERE root = ANY (ARRAY(SELECT root FROM profile WHERE number = ANY (ARRAY(
    SELECT profile FROM identifier_hash WHERE hash = ANY ($1::bytea[]) UNION ALL SELECT unnest($2::bigint[]))))))
SELECT found.number, found.profile, found.identifier, found.type, found.source, found.at_ms, found.received_ms, found.policy_version, found.batch, found.batch_index, found.id, found.purpose_sets, found.parts, found.decided
FROM member, LATERAL (SELECT number, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts, decided
    FROM event WHERE event.profile = member.number AND at_ms >= $3::bigint ORDER BY number DESC LIMIT $4::bigint) AS found

-- Saving.

-- name: profile_check
-- Fails (division by zero) where a profile is no longer as it was loaded.
SELECT 1 / (count(*) = $3::bigint)::int FROM profile JOIN unnest($1::bigint[], $2::bigint[]) AS seen (number, version)
ON profile.number = seen.number AND profile.version = seen.version

-- name: profile_put
INSERT INTO profile (number, id, root, created_ms, erased_ms, due_ms, identifier_next, jurisdiction, sealed, version)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::integer[], $8::text[], $9::bytea[], $10::bigint[])
ON CONFLICT (number) DO UPDATE SET id = excluded.id, root = excluded.root, created_ms = excluded.created_ms, erased_ms = excluded.erased_ms, due_ms = excluded.due_ms, identifier_next = excluded.identifier_next, jurisdiction = excluded.jurisdiction, sealed = excluded.sealed, version = excluded.version

-- name: profile_delete
DELETE FROM profile USING unnest($1::bigint[]) AS gone (number)
WHERE profile.number = gone.number

-- name: hash_put
INSERT INTO identifier_hash (hash, profile, number)
SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::integer[])
ON CONFLICT (hash) DO UPDATE SET profile = excluded.profile, number = excluded.number

-- name: hash_delete
DELETE FROM identifier_hash USING unnest($1::bytea[], $2::bigint[]) AS gone (hash, profile)
WHERE identifier_hash.hash = gone.hash AND identifier_hash.profile = gone.profile

-- name: identifier_put
INSERT INTO identifier (profile, number, type, hash, sealed, purpose_set, verified, first_seen_ms, last_seen_ms, message)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::bytea[], $5::bytea[], $6::integer[], $7::boolean[], $8::bigint[], $9::bigint[], $10::uuid[])
ON CONFLICT (profile, number) DO UPDATE SET type = excluded.type, hash = excluded.hash, sealed = excluded.sealed, purpose_set = excluded.purpose_set, verified = excluded.verified, first_seen_ms = excluded.first_seen_ms, last_seen_ms = excluded.last_seen_ms, message = excluded.message

-- name: identifier_delete
DELETE FROM identifier USING unnest($1::bigint[], $2::integer[]) AS gone (profile, number)
WHERE identifier.profile = gone.profile AND identifier.number = gone.number

-- name: consent_put
INSERT INTO consent (profile, id, identifier, verified, purpose, status, notice, notice_version, explicit, said_by, at_ms, known_ms, expires_ms, source, sealed, ledger_index, leaf_hash)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::integer[], $4::boolean[], $5::text[], $6::text[], $7::text[], $8::integer[], $9::boolean[], $10::text[], $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::bytea[], $16::bigint[], $17::bytea[])
ON CONFLICT (profile, id) DO UPDATE SET identifier = excluded.identifier, verified = excluded.verified, purpose = excluded.purpose, status = excluded.status, notice = excluded.notice, notice_version = excluded.notice_version, explicit = excluded.explicit, said_by = excluded.said_by, at_ms = excluded.at_ms, known_ms = excluded.known_ms, expires_ms = excluded.expires_ms, source = excluded.source, sealed = excluded.sealed, ledger_index = excluded.ledger_index, leaf_hash = excluded.leaf_hash

-- name: consent_delete
DELETE FROM consent USING unnest($1::bigint[], $2::uuid[]) AS gone (profile, id)
WHERE consent.profile = gone.profile AND consent.id = gone.id

-- name: merge_put
INSERT INTO merge (left_profile, id, right_profile, reason, through_left, through_right, source, at_ms, undone_ms)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::text[], $5::bytea[], $6::bytea[], $7::text[], $8::bigint[], $9::bigint[])
ON CONFLICT (left_profile, id) DO UPDATE SET right_profile = excluded.right_profile, reason = excluded.reason, through_left = excluded.through_left, through_right = excluded.through_right, source = excluded.source, at_ms = excluded.at_ms, undone_ms = excluded.undone_ms

-- name: merge_delete
DELETE FROM merge USING unnest($1::bigint[], $2::uuid[]) AS gone (left_profile, id)
WHERE merge.left_profile = gone.left_profile AND merge.id = gone.id

-- name: preferences_put
INSERT INTO preferences (profile, at_ms, sealed)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[])
ON CONFLICT (profile) DO UPDATE SET at_ms = excluded.at_ms, sealed = excluded.sealed

-- name: preferences_delete
DELETE FROM preferences USING unnest($1::bigint[]) AS gone (profile)
WHERE preferences.profile = gone.profile

-- name: refused_put
INSERT INTO refused_join (left_profile, right_profile, type, reason, count, first_ms, last_ms)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])
ON CONFLICT (left_profile, right_profile, type, reason) DO UPDATE SET count = excluded.count, first_ms = excluded.first_ms, last_ms = excluded.last_ms

-- name: refused_delete
DELETE FROM refused_join USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS gone (left_profile, right_profile, type, reason)
WHERE refused_join.left_profile = gone.left_profile AND refused_join.right_profile = gone.right_profile AND refused_join.type = gone.type AND refused_join.reason = gone.reason

-- name: fact_page_put
INSERT INTO fact_page (profile, number, identifier, purpose_set, key_class, fact_count, observed_first_ms, observed_last_ms, sealed)
SELECT * FROM unnest($1::bigint[], $2::integer[], $3::integer[], $4::integer[], $5::smallint[], $6::integer[], $7::bigint[], $8::bigint[], $9::bytea[])
ON CONFLICT (profile, number) DO UPDATE SET identifier = excluded.identifier, purpose_set = excluded.purpose_set, key_class = excluded.key_class, fact_count = excluded.fact_count, observed_first_ms = excluded.observed_first_ms, observed_last_ms = excluded.observed_last_ms, sealed = excluded.sealed

-- name: fact_page_delete
DELETE FROM fact_page USING unnest($1::bigint[], $2::integer[]) AS gone (profile, number)
WHERE fact_page.profile = gone.profile AND fact_page.number = gone.number

-- name: disclosure_put
INSERT INTO disclosure (profile, destination, purpose, first_ms, last_ms, count)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (profile, destination, purpose) DO UPDATE SET first_ms = excluded.first_ms, last_ms = excluded.last_ms, count = excluded.count

-- name: disclosure_delete
DELETE FROM disclosure USING unnest($1::bigint[], $2::text[], $3::text[]) AS gone (profile, destination, purpose)
WHERE disclosure.profile = gone.profile AND disclosure.destination = gone.destination AND disclosure.purpose = gone.purpose

-- name: disclosure_add
INSERT INTO disclosure (profile, destination, purpose, first_ms, last_ms, count)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
ON CONFLICT (profile, destination, purpose) DO UPDATE SET last_ms = excluded.last_ms, count = disclosure.count + excluded.count

-- name: event_insert
INSERT INTO event (number, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::integer[], $9::bigint[], $10::integer[], $11::uuid[], $12::text[], $13::bytea[])

-- name: event_update
UPDATE event SET decided = coalesce(event.decided, event.purpose_sets), purpose_sets = changed.purpose_sets, parts = changed.parts
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[]) AS changed (profile, number, purpose_sets, parts)
WHERE event.profile = changed.profile AND event.number = changed.number

-- name: event_delete
DELETE FROM event USING unnest($1::bigint[], $2::bigint[]) AS gone (profile, number)
WHERE event.profile = gone.profile AND event.number = gone.number

-- name: held_put
INSERT INTO held (number, profile, identifier, source, received_ms, expires_ms, sealed)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[])
ON CONFLICT (profile, number) DO UPDATE SET identifier = excluded.identifier, source = excluded.source, received_ms = excluded.received_ms, expires_ms = excluded.expires_ms, sealed = excluded.sealed

-- name: held_delete
DELETE FROM held USING unnest($1::bigint[], $2::bigint[]) AS gone (profile, number)
WHERE held.profile = gone.profile AND held.number = gone.number

-- name: outbox_insert
INSERT INTO outbox (number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::smallint[], $7::bigint[], $8::smallint[], $9::integer[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::bytea[])

-- name: outbox_set
UPDATE outbox SET state = changed.state, attempts = changed.attempts, next_ms = changed.next_ms, done_ms = changed.done_ms, reason = changed.reason,
    sealed = changed.sealed
FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::integer[], $5::bigint[], $6::bigint[], $7::text[], $8::bytea[]) AS changed (profile, number, state, attempts, next_ms, done_ms, reason, sealed)
WHERE outbox.profile = changed.profile AND outbox.number = changed.number

-- name: outbox_delete
DELETE FROM outbox USING unnest($1::bigint[], $2::bigint[]) AS gone (profile, number)
WHERE outbox.profile = gone.profile AND outbox.number = gone.number

-- name: outbox_result
UPDATE outbox SET state = changed.state, attempts = changed.attempts, next_ms = changed.next_ms, done_ms = changed.done_ms, reason = changed.reason
FROM unnest($1::bigint[], $2::smallint[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[]) AS changed (number, state, attempts, next_ms, done_ms, reason)
WHERE outbox.number = changed.number

-- name: outbox_gone
DELETE FROM outbox WHERE number = ANY ($1::bigint[]) AND state <> 0

-- name: counter_add
INSERT INTO counter (day_ms, source, what, field, reason, count)
SELECT day_ms, source, what, field, reason, sum(count)::bigint
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS added (day_ms, source, what, field, reason, count)
GROUP BY day_ms, source, what, field, reason ORDER BY day_ms, source, what, field, reason
ON CONFLICT (day_ms, source, what, field, reason) DO UPDATE SET count = counter.count + excluded.count

-- name: batch_put
INSERT INTO batch (number, at_ms, policy_version, message_count, ledger_index, dedupe, profiles, decisions)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::bigint[], $6::bytea[], $7::bytea[], $8::bytea[])
ON CONFLICT (number) DO UPDATE SET at_ms = excluded.at_ms, policy_version = excluded.policy_version, message_count = excluded.message_count, ledger_index = excluded.ledger_index, dedupe = excluded.dedupe, profiles = excluded.profiles, decisions = excluded.decisions

-- name: ledger_insert
INSERT INTO ledger (number, leaf_hash, profile, entry, record_sealed)
SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::text[], $5::bytea[])

-- name: ledger_forget
UPDATE ledger SET record_sealed = NULL WHERE profile = ANY ($1::bigint[]) AND record_sealed IS NOT NULL

-- name: tile_put
INSERT INTO tile (number, hash)
SELECT * FROM unnest($1::bigint[], $2::bytea[])
ON CONFLICT (number) DO UPDATE SET hash = excluded.hash

-- name: read_insert
INSERT INTO read (number, at_ms, token, profile, purpose, what, ledger_index)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::text[], $6::text[], $7::bigint[])

-- name: token_put
INSERT INTO token (id, role, purposes, label, hash, created_ms, expires_ms, revoked_ms)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::bigint[], $8::bigint[])
ON CONFLICT (id) DO UPDATE SET role = excluded.role, purposes = excluded.purposes, label = excluded.label, hash = excluded.hash, created_ms = excluded.created_ms, expires_ms = excluded.expires_ms, revoked_ms = excluded.revoked_ms

-- name: user_put
INSERT INTO console_user (id, login, subject, role, purposes, password, sealed, disabled, created_ms, changed_ms)
SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bigint[], $9::bigint[], $10::bigint[])
ON CONFLICT (id) DO UPDATE SET login = excluded.login, subject = excluded.subject, role = excluded.role, purposes = excluded.purposes, password = excluded.password, sealed = excluded.sealed, disabled = excluded.disabled, created_ms = excluded.created_ms, changed_ms = excluded.changed_ms

-- name: session_put
INSERT INTO console_session (id, user_id, link, hash, created_ms, seen_ms, expires_ms)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bytea[], $5::bigint[], $6::bigint[], $7::bigint[])
ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, link = excluded.link, hash = excluded.hash, created_ms = excluded.created_ms, seen_ms = excluded.seen_ms, expires_ms = excluded.expires_ms

-- name: session_delete
DELETE FROM console_session WHERE id = ANY ($1::uuid[])

-- name: policy_insert
INSERT INTO policy (version, activated_ms, sha256, ledger_index, applied_by, text, notices)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bytea[], $4::bigint[], $5::uuid[], $6::text[], $7::text[])

-- name: setting_put
INSERT INTO setting (key, value)
SELECT * FROM unnest($1::text[], $2::bytea[])
ON CONFLICT (key) DO UPDATE SET value = excluded.value

-- name: setting_delete
DELETE FROM setting WHERE key = ANY ($1::text[])

-- name: rights_put
INSERT INTO rights_request (id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed)
SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::bytea[])
ON CONFLICT (id) DO UPDATE SET profile = excluded.profile, right_name = excluded.right_name, state = excluded.state, channel = excluded.channel, opened_ms = excluded.opened_ms, due_ms = excluded.due_ms, done_ms = excluded.done_ms, watch_ms = excluded.watch_ms, record = excluded.record, sealed = excluded.sealed

-- name: decisions_put
INSERT INTO kept_decisions (profile, batch, part, count, sealed)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::integer[], $4::integer[], $5::bytea[])

-- name: decisions_delete
DELETE FROM kept_decisions WHERE profile = ANY ($1::bigint[])

-- name: decisions_list
SELECT profile, batch, part, count, sealed FROM kept_decisions WHERE profile = $1::bigint AND (batch, part) < ($2::bigint, $3::bigint)
ORDER BY batch DESC, part DESC LIMIT 64

-- name: rights_forget
UPDATE rights_request SET sealed = NULL WHERE profile = ANY ($1::bigint[]) AND sealed IS NOT NULL

-- name: events
-- Reading.
SELECT found.number, found.profile, found.identifier, found.type, found.source, found.at_ms, found.received_ms, found.policy_version, found.batch, found.batch_index, found.id, found.purpose_sets, found.parts, found.decided
FROM unnest($1::bigint[]) AS wanted (profile), LATERAL (SELECT number, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts, decided
    FROM event WHERE event.profile = wanted.profile AND number < $2::bigint ORDER BY number DESC LIMIT $3::bigint) AS found
ORDER BY found.number DESC LIMIT $3::bigint

-- name: event_get
SELECT number, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts, decided
FROM event WHERE number = $1::bigint

-- name: event_sets
SELECT min(number), array_to_string(array_agg(DISTINCT purpose_sets), ',')
FROM (SELECT number, purpose_sets FROM event WHERE number < $1::bigint ORDER BY number DESC LIMIT 50000) AS newest

-- name: row_sets
SELECT DISTINCT purpose_set FROM identifier UNION SELECT DISTINCT purpose_set FROM fact_page

-- name: consent_purposes
SELECT DISTINCT purpose FROM consent WHERE purpose IS NOT NULL

-- name: batch_list
SELECT number, at_ms, policy_version, message_count, ledger_index, dedupe, profiles, decisions
FROM batch WHERE number BETWEEN $1::bigint AND $2::bigint ORDER BY number LIMIT 256

-- name: ledger_list
SELECT number, leaf_hash, profile, entry, record_sealed FROM ledger WHERE number BETWEEN $1::bigint AND $2::bigint ORDER BY number LIMIT 1024

-- name: leaf_hashes
SELECT leaf_hash FROM ledger WHERE number BETWEEN $1::bigint AND $2::bigint ORDER BY number

-- name: tile_hashes
SELECT hash FROM tile WHERE number BETWEEN $1::bigint AND $2::bigint ORDER BY number

-- name: outbox_up
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE true AND number > $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number LIMIT $3::bigint

-- name: outbox_state_up
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE state = $4::bigint AND number > $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number LIMIT $3::bigint

-- name: outbox_of_up
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE destination = $4::text AND number > $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number LIMIT $3::bigint

-- name: outbox_of_state_up
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE destination = $4::text AND state = $5::bigint AND number > $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number LIMIT $3::bigint

-- name: outbox_down
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE true AND number < $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number DESC LIMIT $3::bigint

-- name: outbox_state_down
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE state = $4::bigint AND number < $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number DESC LIMIT $3::bigint

-- name: outbox_of_down
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE destination = $4::text AND number < $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number DESC LIMIT $3::bigint

-- name: outbox_of_state_down
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE destination = $4::text AND state = $5::bigint AND number < $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number DESC LIMIT $3::bigint

-- name: outbox_firsts
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE destination = $4::text AND state = 0 AND NOT EXISTS (SELECT 1 FROM outbox AS earlier WHERE earlier.profile = outbox.profile
    AND earlier.number < outbox.number AND earlier.state = 0 AND earlier.destination = $4::text)
AND number > $1::bigint AND coalesce(next_ms, 9223372036854775807) <= $2::bigint ORDER BY number LIMIT $3::bigint

-- name: outbox_by_id
SELECT number, id, profile, destination, purpose, kind, event, state, attempts, queued_ms, next_ms, done_ms, reason, sealed
FROM outbox WHERE id = $1::uuid

-- name: outbox_counts
SELECT destination, state, count(*), min(number) FROM outbox GROUP BY destination, state ORDER BY destination, state

-- name: outbox_queued
SELECT number, queued_ms FROM outbox WHERE number = ANY ($1::bigint[])

-- name: due
SELECT number FROM profile WHERE due_ms <= $1::bigint ORDER BY due_ms, number LIMIT $2::bigint

-- name: profiles
SELECT number, id, root, created_ms, erased_ms, due_ms, identifier_next, jurisdiction, sealed, version
FROM profile WHERE number >= $1::bigint ORDER BY number LIMIT $2::bigint

-- name: profile_by_id
SELECT number FROM profile WHERE id = $1::uuid

-- name: consent_get
SELECT profile, id, identifier, verified, purpose, status, notice, notice_version, explicit, said_by, at_ms, known_ms, expires_ms, source, sealed, ledger_index, leaf_hash
FROM consent WHERE id = $1::uuid

-- name: reads
SELECT found.number, found.at_ms, found.token, found.profile, found.purpose, found.what, found.ledger_index
FROM unnest($3::bigint[]) AS wanted (profile), LATERAL (SELECT number, at_ms, token, profile, purpose, what, ledger_index
    FROM read WHERE read.profile = wanted.profile AND number < $1::bigint ORDER BY number DESC LIMIT $2::bigint) AS found
ORDER BY found.number DESC LIMIT $2::bigint

-- name: reads_all
SELECT number, at_ms, token, profile, purpose, what, ledger_index
FROM read WHERE number < $1::bigint ORDER BY number DESC LIMIT $2::bigint

-- name: users
SELECT id, login, subject, role, purposes, password, sealed, disabled, created_ms, changed_ms FROM console_user ORDER BY id

-- name: sessions
SELECT id, user_id, link, hash, created_ms, seen_ms, expires_ms FROM console_session ORDER BY id

-- name: tokens
SELECT id, role, purposes, label, hash, created_ms, expires_ms, revoked_ms FROM token ORDER BY id

-- name: policies
SELECT version, activated_ms, sha256, ledger_index, applied_by FROM policy ORDER BY version

-- name: policies_whole
SELECT version, activated_ms, sha256, ledger_index, applied_by, text, notices FROM policy ORDER BY version

-- name: policy_get
SELECT version, activated_ms, sha256, ledger_index, applied_by, text, notices FROM policy WHERE version = $1::bigint

-- name: policy_newest
SELECT version, activated_ms, sha256, ledger_index, applied_by, text, notices FROM policy ORDER BY version DESC LIMIT 1

-- name: counters
SELECT day_ms, source, what, field, reason, count FROM counter WHERE day_ms BETWEEN $1::bigint AND $2::bigint
ORDER BY day_ms, source, what, field, reason

-- name: settings
SELECT key, value FROM setting ORDER BY key

-- name: setting_get
SELECT value FROM setting WHERE key = $1::text

-- name: rights_get
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed
FROM rights_request WHERE id = $1::uuid

-- name: rights_of_profiles
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed
FROM rights_request WHERE id < $1::uuid AND profile = ANY ($3::bigint[]) ORDER BY id DESC LIMIT $2::bigint

-- name: rights_all
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed
FROM rights_request WHERE id < $1::uuid ORDER BY id DESC LIMIT $2::bigint

-- name: rights_in_state
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed
FROM rights_request WHERE id < $1::uuid AND state = $3::text ORDER BY id DESC LIMIT $2::bigint

-- name: rights_open
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed
FROM rights_request WHERE id < $1::uuid AND done_ms IS NULL AND due_ms <= $3::bigint ORDER BY id DESC LIMIT $2::bigint

-- name: rights_watched
SELECT id, profile, right_name, state, channel, opened_ms, due_ms, done_ms, watch_ms, record, sealed
FROM rights_request WHERE watch_ms <= $1::bigint ORDER BY watch_ms, id LIMIT $2::bigint

-- name: totals_next
SELECT profile_next, event_next, outbox_next, held_next, read_next, (SELECT coalesce(max(number), 0) FROM batch),
    (SELECT coalesce(max(number), -1) FROM ledger), pg_database_size(current_database()) FROM head WHERE one = 1

-- name: totals_profiles
SELECT count(*), count(*) FILTER (WHERE root = number) FROM profile WHERE erased_ms IS NULL

-- name: totals_rest
SELECT (SELECT count(*) FROM identifier), (SELECT coalesce(sum(fact_count), 0)::bigint FROM fact_page), (SELECT count(*) FROM event),
    (SELECT count(*) FROM consent), (SELECT count(*) FROM held), (SELECT count(*) FROM outbox WHERE state = 0)
