-- What is sent instead where Citus distributes the tables (citus.c), and what is sent only there. Statements name the distribution column, so that only the
-- shards that hold something are asked; what asks for each person's newest rows is said in a way that Citus can split.

-- name: citus_turn
-- The turn: also against whoever comes while the last commit is decided, but not visible on every server yet. One connection a server: each that has
-- written is prepared by itself.
SELECT pg_advisory_xact_lock(1413827664, hashtext(current_schema())), set_config('citus.max_adaptive_executor_pool_size', '1', true)

-- name: citus_gate
-- From here until every server shows the commit, nobody reads.
SELECT pg_advisory_xact_lock(1413827665, hashtext(current_schema()))

-- name: citus_gate_shared
SELECT pg_advisory_xact_lock_shared(1413827665, hashtext(current_schema()))

-- name: citus_head_get
SELECT text FROM head, (SELECT pg_advisory_xact_lock_shared(1413827665, hashtext(current_schema())) AS waited) AS gate WHERE one = 1

-- name: citus_recover
SELECT recover_prepared_transactions()

-- name: citus_load
-- All rows of people in one statement, which goes to each shard once: kind (the place in load.c's `parts`), the row as record_send() writes it. Kind -1:
-- whose root somebody is, wherever those lie.
SELECT kind, content FROM (
    SELECT 0 AS kind, number AS profile, number AS first, NULL::uuid AS second, record_send(ROW(number, id, root, created_ms, erased_ms,
        due_ms, identifier_next, jurisdiction, sealed, version)) AS content
    FROM profile WHERE number = ANY ($1::bigint[])
    UNION ALL SELECT -1, number, number, NULL, record_send(ROW(root, number)) FROM profile WHERE root = ANY ($1::bigint[])
    UNION ALL SELECT 1, profile, number, NULL, record_send(ROW(profile, number, type, hash, sealed, purpose_set, verified, first_seen_ms,
        last_seen_ms, message))
    FROM identifier WHERE profile = ANY ($1::bigint[])
    UNION ALL SELECT 2, profile, known_ms, id, record_send(ROW(profile, id, identifier, verified, purpose, status, notice, notice_version,
        explicit, said_by, at_ms, known_ms, expires_ms, source, sealed, ledger_index, leaf_hash))
    FROM consent WHERE profile = ANY ($1::bigint[])
    UNION ALL SELECT 3, left_profile, ordinal, NULL, record_send(ROW(left_profile, id, right_profile, reason, through_left, through_right,
        source, at_ms, undone_ms, ordinal))
    FROM merge WHERE (left_profile = ANY ($1::bigint[]) OR (right_profile = ANY ($1::bigint[]) AND undone_ms IS NULL))
    UNION ALL SELECT 4, profile, at_ms, NULL, record_send(ROW(profile, at_ms, sealed))
    FROM preferences WHERE profile = ANY ($1::bigint[])
    UNION ALL SELECT 5, left_profile, ordinal, NULL, record_send(ROW(left_profile, right_profile, type, reason, count, first_ms, last_ms))
    FROM refused_join WHERE left_profile = ANY ($1::bigint[])
    UNION ALL SELECT 6, profile, number, NULL, record_send(ROW(profile, number, identifier, purpose_set, key_class, fact_count,
        observed_first_ms, observed_last_ms, sealed))
    FROM fact_page WHERE profile = ANY ($1::bigint[]) AND $2::bigint & 64 <> 0
    UNION ALL SELECT 7, profile, ordinal, NULL, record_send(ROW(profile, destination, purpose, first_ms, last_ms, count))
    FROM disclosure WHERE profile = ANY ($1::bigint[]) AND $2::bigint & 128 <> 0
    UNION ALL SELECT 8, profile, number, NULL, record_send(ROW(number, profile, identifier, source, received_ms, expires_ms, sealed))
    FROM held WHERE profile = ANY ($1::bigint[]) AND $2::bigint & 256 <> 0
    UNION ALL SELECT 9, profile, number, NULL, record_send(ROW(number, id, profile, destination, purpose, kind, event, state, attempts,
        queued_ms, next_ms, done_ms, reason, sealed))
    FROM outbox WHERE profile = ANY ($1::bigint[]) AND (state = 0 OR kind = 2) AND $2::bigint & 512 <> 0
    UNION ALL SELECT 10, profile, -number, NULL, record_send(ROW(number, profile, identifier, type, source, at_ms, received_ms,
        policy_version, batch, batch_index, id, purpose_sets, parts, decided))
    FROM (SELECT number, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts, decided,
        row_number() OVER (PARTITION BY profile ORDER BY number DESC) AS place
        FROM event WHERE profile = ANY ($1::bigint[]) AND $2::bigint & 1024 <> 0 AND at_ms >= $3::bigint) AS newest WHERE place <= $4::bigint
) AS found ORDER BY kind, profile, first, second

-- name: citus_events
SELECT number, profile, identifier, type, source, at_ms, received_ms, policy_version, batch, batch_index, id, purpose_sets, parts, decided
FROM event WHERE profile = ANY ($1::bigint[]) AND number < $2::bigint ORDER BY number DESC LIMIT $3::bigint

-- name: citus_reads
SELECT number, at_ms, token, profile, purpose, what, ledger_index
FROM read WHERE profile = ANY ($3::bigint[]) AND number < $1::bigint ORDER BY number DESC LIMIT $2::bigint

-- name: citus_batch_some
SELECT number, at_ms, policy_version, message_count, ledger_index, dedupe, profiles, decisions
FROM batch WHERE number = ANY ($3::bigint[]) AND number BETWEEN $1::bigint AND $2::bigint ORDER BY number LIMIT 256

-- name: citus_totals_next
SELECT profile_next, event_next, outbox_next, held_next, read_next, (SELECT coalesce(max(number), 0) FROM batch),
    (SELECT coalesce(max(number), -1) FROM ledger), 
    (SELECT sum(result::bigint)::bigint FROM run_command_on_all_nodes('SELECT pg_database_size(current_database())')) FROM head WHERE one = 1

-- name: citus_profile_check
SELECT 1 / (count(*) = $3::bigint)::int FROM profile JOIN unnest($1::bigint[], $2::bigint[]) AS seen (number, version)
ON profile.number = seen.number AND profile.version = seen.version
WHERE profile.number = ANY ($1::bigint[])

-- name: citus_profile_delete
DELETE FROM profile USING unnest($1::bigint[]) AS gone (number)
WHERE profile.number = gone.number AND profile.number = ANY ($1::bigint[])

-- name: citus_hash_delete
DELETE FROM identifier_hash USING unnest($1::bytea[], $2::bigint[]) AS gone (hash, profile)
WHERE identifier_hash.hash = gone.hash AND identifier_hash.profile = gone.profile AND identifier_hash.hash = ANY ($1::bytea[])

-- name: citus_identifier_delete
DELETE FROM identifier USING unnest($1::bigint[], $2::integer[]) AS gone (profile, number)
WHERE identifier.profile = gone.profile AND identifier.number = gone.number AND identifier.profile = ANY ($1::bigint[])

-- name: citus_consent_delete
DELETE FROM consent USING unnest($1::bigint[], $2::uuid[]) AS gone (profile, id)
WHERE consent.profile = gone.profile AND consent.id = gone.id AND consent.profile = ANY ($1::bigint[])

-- name: citus_merge_delete
DELETE FROM merge USING unnest($1::bigint[], $2::uuid[]) AS gone (left_profile, id)
WHERE merge.left_profile = gone.left_profile AND merge.id = gone.id AND merge.left_profile = ANY ($1::bigint[])

-- name: citus_preferences_delete
DELETE FROM preferences USING unnest($1::bigint[]) AS gone (profile)
WHERE preferences.profile = gone.profile AND preferences.profile = ANY ($1::bigint[])

-- name: citus_refused_delete
DELETE FROM refused_join USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS gone (left_profile, right_profile, type, reason)
WHERE refused_join.left_profile = gone.left_profile AND refused_join.right_profile = gone.right_profile AND refused_join.type = gone.type AND refused_join.reason = gone.reason AND refused_join.left_profile = ANY ($1::bigint[])

-- name: citus_fact_page_delete
DELETE FROM fact_page USING unnest($1::bigint[], $2::integer[]) AS gone (profile, number)
WHERE fact_page.profile = gone.profile AND fact_page.number = gone.number AND fact_page.profile = ANY ($1::bigint[])

-- name: citus_disclosure_delete
DELETE FROM disclosure USING unnest($1::bigint[], $2::text[], $3::text[]) AS gone (profile, destination, purpose)
WHERE disclosure.profile = gone.profile AND disclosure.destination = gone.destination AND disclosure.purpose = gone.purpose AND disclosure.profile = ANY ($1::bigint[])

-- name: citus_event_update
UPDATE event SET decided = coalesce(event.decided, event.purpose_sets), purpose_sets = changed.purpose_sets, parts = changed.parts
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bytea[]) AS changed (profile, number, purpose_sets, parts)
WHERE event.profile = changed.profile AND event.number = changed.number AND event.profile = ANY ($1::bigint[])

-- name: citus_event_delete
DELETE FROM event USING unnest($1::bigint[], $2::bigint[]) AS gone (profile, number)
WHERE event.profile = gone.profile AND event.number = gone.number AND event.profile = ANY ($1::bigint[])

-- name: citus_held_delete
DELETE FROM held USING unnest($1::bigint[], $2::bigint[]) AS gone (profile, number)
WHERE held.profile = gone.profile AND held.number = gone.number AND held.profile = ANY ($1::bigint[])

-- name: citus_outbox_set
UPDATE outbox SET state = changed.state, attempts = changed.attempts, next_ms = changed.next_ms, done_ms = changed.done_ms, reason = changed.reason,
    sealed = changed.sealed
FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::integer[], $5::bigint[], $6::bigint[], $7::text[], $8::bytea[]) AS changed (profile, number, state, attempts, next_ms, done_ms, reason, sealed)
WHERE outbox.profile = changed.profile AND outbox.number = changed.number AND outbox.profile = ANY ($1::bigint[])

-- name: citus_outbox_delete
DELETE FROM outbox USING unnest($1::bigint[], $2::bigint[]) AS gone (profile, number)
WHERE outbox.profile = gone.profile AND outbox.number = gone.number AND outbox.profile = ANY ($1::bigint[])
