/* Reading the rest: totals, profiles, tokens, policies, counters, settings, purposes in use. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

/* --- totals */

static void totals_got(struct postgres_session *session, const unsigned places[3], bool quick, struct store_totals *ret)
{
    const PGresult *next = pipe_result(session, places[0]);
    *ret = (struct store_totals){.profile_next = got_number(next, 0, 0), .event_next = got_number(next, 0, 1), .outbox_next = got_number(next, 0, 2),
                                 .held_next = got_number(next, 0, 3), .reads = got_number(next, 0, 4) - 1, .batches = got_number(next, 0, 5),
                                 .batch_next = got_number(next, 0, 5) + 1, .ledger = (uint64_t)(got_int(next, 0, 6) + 1), .bytes = got_number(next, 0, 7)};
    if (quick)
        return;
    const PGresult *profiles = pipe_result(session, places[1]), *rest = pipe_result(session, places[2]);
    ret->profiles = got_number(profiles, 0, 0);
    ret->persons = got_number(profiles, 0, 1);
    ret->identifiers = got_number(rest, 0, 0);
    ret->facts = got_number(rest, 0, 1);
    ret->events = got_number(rest, 0, 2);
    ret->consents = got_number(rest, 0, 3);
    ret->held = got_number(rest, 0, 4);
    ret->pending = got_number(rest, 0, 5);
}

const struct err *postgres_totals(struct store_session *store_session, struct arena *arena, bool quick, struct store_totals *ret_totals)
{
    struct postgres_session *session = session_of(store_session);
    bool in_turn = session->turn;
    const struct err *err;
    int tries = 0;
    do {
        unsigned places[3] = {0};
        TRY(session_ready(session, arena));
        queue_read_begin(session);
        places[0] = pipe_add(session, SQL_TOTALS_NEXT, NULL);
        if (!quick) {
            places[1] = pipe_add(session, SQL_TOTALS_PROFILES, NULL);
            places[2] = pipe_add(session, SQL_TOTALS_REST, NULL);
        }
        queue_read_end(session);
        err = pipe_run(session, arena);
        if (!err)
            totals_got(session, places, quick, ret_totals);
        else
            transaction_give_up(session);
    } while (err && try_again(session, in_turn, &tries));
    return err;
}

/* --- profiles */

const struct err *postgres_due(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles,
                               size_t *ret_count)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_int(&params, now_ms);
    param_number(&params, max);
    TRY(ask(session_of(session), arena, SQL_DUE, &params, &result));
    size_t count = (size_t)PQntuples(result);
    profile_no *found = arena_array(arena, profile_no, count);
    for (size_t i = 0; i < count; i++)
        found[i].value = got_number(result, (int)i, 0);
    *ret_profiles = found;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_profiles(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows,
                                    size_t *ret_count)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_number(&params, from);
    param_number(&params, max);
    TRY(ask(session_of(session), arena, SQL_PROFILES, &params, &result));
    size_t count = (size_t)PQntuples(result);
    struct profile *rows = arena_array(arena, struct profile, count);
    for (size_t i = 0; i < count; i++)
        profile_got(result, (int)i, arena, &rows[i]);
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_uuid(&params, &id);
    TRY(ask(session_of(session), arena, SQL_PROFILE_BY_ID, &params, &result));
    ret_number->value = PQntuples(result) ? got_number(result, 0, 0) : 0;
    return NULL;
}

const struct err *postgres_consent(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row, bool *ret_found)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_uuid(&params, &id);
    TRY(ask(session_of(session), arena, SQL_CONSENT_GET, &params, &result));
    *ret_found = PQntuples(result) > 0;
    if (*ret_found)
        consent_got(result, 0, arena, ret_row);
    return NULL;
}

/* --- small tables */

const struct err *postgres_tokens(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count)
{
    const PGresult *result;
    TRY(ask(session_of(session), arena, SQL_TOKENS, NULL, &result));
    size_t count = (size_t)PQntuples(result);
    struct token_row *rows = arena_array(arena, struct token_row, count);
    for (size_t i = 0; i < count; i++) {
        int n = (int)i;
        rows[i] = (struct token_row){.role = got_str(result, n, 1, arena), .purposes = got_str(result, n, 2, arena), .label = got_str(result, n, 3, arena),
                                     .created_ms = got_int(result, n, 5), .expires_ms = got_time(result, n, 6, TIME_FOREVER),
                                     .revoked_ms = got_time(result, n, 7, TIME_NONE)};
        got_copy(result, n, 0, rows[i].id.bytes, 16);
        got_copy(result, n, 4, rows[i].hash, sizeof rows[i].hash);
    }
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

static void policy_got(const PGresult *r, int i, struct arena *arena, bool texts, struct policy_row *row)
{
    *row = (struct policy_row){.version = (uint32_t)got_int(r, i, 0), .activated_ms = got_int(r, i, 1), .ledger_index = got_index(r, i, 3)};
    got_copy(r, i, 2, row->sha256, sizeof row->sha256);
    got_copy(r, i, 4, row->by.bytes, 16);
    if (texts) {
        row->text = got_str(r, i, 5, arena);
        row->notices = got_str(r, i, 6, arena);
    }
}

const struct err *postgres_policies(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows, size_t *ret_count)
{
    const PGresult *result;
    TRY(ask(session_of(session), arena, texts ? SQL_POLICIES_WHOLE : SQL_POLICIES, NULL, &result));
    size_t count = (size_t)PQntuples(result);
    struct policy_row *rows = arena_array(arena, struct policy_row, count);
    for (size_t i = 0; i < count; i++)
        policy_got(result, (int)i, arena, texts, &rows[i]);
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_policy(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row, bool *ret_found)
{
    struct params params = params_make(arena);
    const PGresult *result;
    if (version)
        param_int(&params, version);
    TRY(ask(session_of(session), arena, version ? SQL_POLICY_GET : SQL_POLICY_NEWEST, &params, &result));
    *ret_found = PQntuples(result) > 0;
    if (*ret_found)
        policy_got(result, 0, arena, true, ret_row);
    return NULL;
}

const struct err *postgres_counters(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows,
                                    size_t *ret_count)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_int(&params, from_ms);
    param_int(&params, to_ms);
    TRY(ask(session_of(session), arena, SQL_COUNTERS, &params, &result));
    size_t count = (size_t)PQntuples(result);
    struct counter *rows = arena_array(arena, struct counter, count);
    for (size_t i = 0; i < count; i++) {
        int n = (int)i;
        rows[i] = (struct counter){.day_ms = got_int(result, n, 0), .source = got_str(result, n, 1, arena), .what = got_str(result, n, 2, arena),
                                   .field = got_str(result, n, 3, arena), .reason = got_str(result, n, 4, arena), .count = got_number(result, n, 5)};
    }
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_setting(struct store_session *session, struct arena *arena, str key, str *ret_value)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_bytes(&params, key);
    TRY(ask(session_of(session), arena, SQL_SETTING_GET, &params, &result));
    str value = PQntuples(result) ? got_str(result, 0, 0, arena) : STR_NONE;
    *ret_value = PQntuples(result) && !value.data ? STR("") : value;
    return NULL;
}

const struct err *postgres_settings(struct store_session *session, struct arena *arena, store_each each, void *context)
{
    const PGresult *result;
    TRY(ask(session_of(session), arena, SQL_SETTINGS, NULL, &result));
    size_t count = (size_t)PQntuples(result);
    struct setting_row *rows = arena_array(arena, struct setting_row, count); /* the callback may ask this session something else */
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct setting_row){got_str(result, (int)i, 0, arena), got_str(result, (int)i, 1, arena)};
    for (size_t i = 0; i < count; i++)
        if (!each(context, &rows[i]))
            break;
    return NULL;
}

/* --- purposes in use */

struct in_use {
    bool *seen; /* by set number */
    uint32_t sets, left; /* left: not seen yet */
};

static void set_seen(struct in_use *use, int64_t id)
{
    if (id > 0 && id <= use->sets && !use->seen[id]) {
        use->seen[id] = true;
        use->left--;
    }
}

static const struct err *rows_seen(struct postgres_session *session, struct arena *arena, struct in_use *use)
{
    const PGresult *result;
    TRY(ask(session, arena, SQL_ROW_SETS, NULL, &result));
    for (int i = 0; i < PQntuples(result); i++)
        set_seen(use, got_int(result, i, 0));
    return NULL;
}

/* From the newest events back, until every set was met. */
static const struct err *events_seen(struct postgres_session *session, struct arena *arena, struct in_use *use)
{
    for (uint64_t before = INT64_MAX; use->left && before;) {
        struct params params = params_make(arena);
        const PGresult *result;
        param_number(&params, before);
        TRY(ask(session, arena, SQL_EVENT_SETS, &params, &result));
        before = got_number(result, 0, 0); /* the oldest of them; NULL: there were none */
        str text, rest = got_borrow(result, 0, 1);
        int64_t id;
        while (str_split(&rest, ',', &text))
            if (str_to_int64(text, &id))
                set_seen(use, id);
    }
    return NULL;
}

const struct err *postgres_purposes_in_use(struct store_session *store_session, struct arena *arena, struct purpose_sets *sets, purpose_mask *ret_mask)
{
    struct postgres_session *session = session_of(store_session);
    const PGresult *result;
    struct in_use use;
    TRY(session_ready(session, arena));
    unsigned place = sets_ask(session, arena);
    TRY(pipe_run(session, arena));
    TRY(sets_learn(session, arena, place));
    sets_tell(session->store, sets);
    use = (struct in_use){.sets = purpose_sets_stored(sets), .left = purpose_sets_stored(sets)};
    use.seen = arena_array(arena, bool, use.sets + 1);
    TRY(rows_seen(session, arena, &use));
    TRY(events_seen(session, arena, &use));
    purpose_mask mask = 0;
    for (uint32_t id = 1; id <= use.sets; id++)
        mask |= use.seen[id] ? purpose_sets_mask(sets, id) : 0;
    TRY(ask(session, arena, SQL_CONSENT_PURPOSES, NULL, &result));
    for (int i = 0; i < PQntuples(result); i++)
        mask |= purpose_sets_name_mask(sets, got_borrow(result, i, 0));
    *ret_mask = mask;
    return NULL;
}
