/* Reading the rest: the outbox, tokens, policies, counters, settings, single rows by id, purposes in use. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <stdlib.h>

/* --- the outbox */

typedef VEC(uint64_t) number_list;

static int number_up(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}
static int number_down(const void *a, const void *b) { return number_up(b, a); }

static int64_t query_bound(const struct delivery_query *query)
{
    if (query->newest_first && query->after == 0)
        return INT64_MAX;
    return query->after < INT64_MAX ? (int64_t)query->after : INT64_MAX;
}

/* Numbers of one destination's rows in one state, at most query->max. */
static const struct err *numbers_of(struct sqlite_session *session, struct arena *arena, const struct delivery_query *query, str destination,
                                    int state, number_list *numbers)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, query->firsts_only ? SQL_OUTBOX_FIRSTS : query->newest_first ? SQL_OUTBOX_STATE_DOWN : SQL_OUTBOX_STATE_UP, &s));
    bind_text(s, 1, destination);
    if (!query->firsts_only)
        bind_int(s, 2, state);
    bind_int(s, 3, query_bound(query));
    bind_int(s, 4, query->due_ms);
    bind_int(s, 5, TIME_FOREVER);
    bind_number(s, 6, query->max < INT64_MAX ? query->max : INT64_MAX);
    for (bool row;;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            return NULL;
        *(uint64_t *)vec_push(arena, numbers) = column_number(s, 0);
    }
}

/* Of every destination and state. */
static const struct err *numbers_all(struct sqlite_session *session, struct arena *arena, const struct delivery_query *query, number_list *numbers)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, query->newest_first ? SQL_OUTBOX_DOWN : SQL_OUTBOX_UP, &s));
    bind_int(s, 1, query_bound(query));
    for (bool row; numbers->count < query->max;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            return NULL;
        if (column_time(s, 2, TIME_FOREVER) <= query->due_ms)
            *(uint64_t *)vec_push(arena, numbers) = column_number(s, 0);
    }
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

struct outbox_state {
    str destination;
    int state;
    uint64_t count;
};
typedef VEC(struct outbox_state) state_list;

static const struct err *states_read(struct sqlite_session *session, struct arena *arena, state_list *list)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_OUTBOX_COUNTS, &s));
    for (bool row;;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            return NULL;
        *(struct outbox_state *)vec_push(arena, list) =
            (struct outbox_state){column_str(s, 0, arena), (int)column_int(s, 1), column_number(s, 2)};
    }
}

static const struct err *deliveries_read(struct sqlite_session *session, struct arena *arena, const struct delivery_query *query,
                                         struct delivery **ret_rows, size_t *ret_count)
{
    number_list numbers = {0};
    state_list states = {0};
    TRY(transaction_begin(session, arena, false));
    if (str_empty(query->destination) && query->state < 0) {
        TRY(numbers_all(session, arena, query, &numbers));
    } else {
        TRY(states_read(session, arena, &states));
        vec_each (state, &states)
            if (state->count && (str_empty(query->destination) || str_equal(query->destination, state->destination)) &&
                (query->state < 0 || query->state == state->state))
                TRY(numbers_of(session, arena, query, state->destination, state->state, &numbers));
    }
    if (numbers.count > 1)
        qsort(numbers.items, numbers.count, sizeof *numbers.items, query->newest_first ? number_down : number_up);
    size_t count = numbers.count < query->max ? numbers.count : query->max;
    struct delivery *rows = arena_array(arena, struct delivery, count);
    for (size_t i = 0; i < count; i++) {
        sqlite3_stmt *s;
        bool row;
        TRY(sql_prepare(session, arena, SQL_OUTBOX_GET, &s));
        bind_number(s, 1, numbers.items[i]);
        TRY(sql_step(session, arena, s, &row));
        ASSERT(row); /* one snapshot */
        delivery_read(s, arena, &rows[i]);
        (void)sqlite3_reset(s); /* it was read without error */
    }
    TRY(transaction_commit(session, arena));
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *sqlite_deliveries(struct store_session *store_session, struct arena *arena, const struct delivery_query *query,
                                    struct delivery **ret_rows, size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    const struct err *err = deliveries_read(session, arena, query, ret_rows, ret_count);
    if (err)
        transaction_abandon(session);
    return err;
}

const struct err *sqlite_delivery(struct store_session *store_session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool *ret_found)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    bool row;
    TRY(sql_prepare(session, arena, SQL_OUTBOX_BY_ID, &s));
    bind_uuid(s, 1, &id);
    TRY(sql_step(session, arena, s, &row));
    if (row)
        delivery_read(s, arena, ret_row);
    *ret_found = row;
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

static const struct err *counts_read(struct sqlite_session *session, struct arena *arena, struct destination_count **ret_rows, size_t *ret_count)
{
    state_list states = {0};
    VEC(struct destination_count) rows = {0};
    TRY(transaction_begin(session, arena, false));
    TRY(states_read(session, arena, &states));
    vec_each (state, &states) {
        struct destination_count *row = rows.count ? &rows.items[rows.count - 1] : NULL;
        if (!row || !str_equal(row->destination, state->destination)) {
            row = vec_push(arena, &rows);
            row->destination = state->destination;
            row->oldest_pending_ms = TIME_NONE;
        }
        switch ((enum delivery_state)state->state) {
        case DELIVERY_PENDING: row->pending = state->count; break;
        case DELIVERY_DELIVERED: row->delivered = state->count; break;
        case DELIVERY_DEAD: row->dead = state->count; break;
        case DELIVERY_CANCELLED: row->cancelled = state->count; break;
        }
        if (state->state != DELIVERY_PENDING || !state->count)
            continue;
        sqlite3_stmt *s;
        bool found;
        TRY(sql_prepare(session, arena, SQL_OUTBOX_OLDEST, &s));
        bind_text(s, 1, state->destination);
        TRY(sql_step(session, arena, s, &found));
        row->oldest_pending_ms = found ? column_int(s, 0) : TIME_NONE;
        (void)sqlite3_reset(s); /* it was read without error */
    }
    TRY(transaction_commit(session, arena));
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

const struct err *sqlite_destination_counts(struct store_session *store_session, struct arena *arena, struct destination_count **ret_rows,
                                            size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    const struct err *err = counts_read(session, arena, ret_rows, ret_count);
    if (err)
        transaction_abandon(session);
    return err;
}

/* --- small tables */

const struct err *sqlite_tokens(struct store_session *store_session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(struct token_row) rows = {0};
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_TOKENS, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            break;
        struct token_row *row = vec_push(arena, &rows);
        column_copy(s, 0, row->id.bytes, 16);
        row->role = column_str(s, 1, arena);
        row->purposes = column_str(s, 2, arena);
        row->label = column_str(s, 3, arena);
        column_copy(s, 4, row->hash, sizeof row->hash);
        row->created_ms = column_int(s, 5);
        row->expires_ms = column_time(s, 6, TIME_FOREVER);
        row->revoked_ms = column_time(s, 7, TIME_NONE);
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

static void policy_read(sqlite3_stmt *s, struct arena *arena, bool texts, struct policy_row *row)
{
    *row = (struct policy_row){.version = (uint32_t)column_int(s, 0), .activated_ms = column_int(s, 1), .ledger_index = column_index(s, 3)};
    column_copy(s, 2, row->sha256, sizeof row->sha256);
    column_copy(s, 4, row->by.bytes, 16);
    if (texts) {
        row->text = column_str(s, 5, arena);
        row->notices = column_str(s, 6, arena);
    }
}

const struct err *sqlite_policies(struct store_session *store_session, struct arena *arena, bool texts, struct policy_row **ret_rows, size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(struct policy_row) rows = {0};
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, texts ? SQL_POLICIES_WHOLE : SQL_POLICIES, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            break;
        policy_read(s, arena, texts, vec_push(arena, &rows));
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

const struct err *sqlite_policy(struct store_session *store_session, struct arena *arena, uint32_t version, struct policy_row *ret_row, bool *ret_found)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    bool row;
    TRY(sql_prepare(session, arena, version ? SQL_POLICY_GET : SQL_POLICY_NEWEST, &s));
    if (version)
        bind_int(s, 1, version);
    TRY(sql_step(session, arena, s, &row));
    if (row)
        policy_read(s, arena, true, ret_row);
    *ret_found = row;
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

const struct err *sqlite_counters(struct store_session *store_session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows,
                                  size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(struct counter) rows = {0};
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_COUNTERS, &s));
    bind_int(s, 1, from_ms);
    bind_int(s, 2, to_ms);
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            break;
        *(struct counter *)vec_push(arena, &rows) =
            (struct counter){.day_ms = column_int(s, 0), .source = column_str(s, 1, arena), .what = column_str(s, 2, arena),
                             .field = column_str(s, 3, arena), .reason = column_str(s, 4, arena), .count = column_number(s, 5)};
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

const struct err *sqlite_setting(struct store_session *store_session, struct arena *arena, str key, str *ret_value)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    bool row;
    TRY(sql_prepare(session, arena, SQL_SETTING_GET, &s));
    bind_text(s, 1, key);
    TRY(sql_step(session, arena, s, &row));
    str value = row ? column_str(s, 0, arena) : STR_NONE;
    *ret_value = row && !value.data ? STR("") : value;
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

const struct err *sqlite_settings(struct store_session *store_session, struct arena *arena, store_each each, void *context)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_SETTINGS, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            return NULL;
        struct setting_row row = {column_borrow(s, 0), column_borrow(s, 1)};
        if (!each(context, &row)) {
            (void)sqlite3_reset(s); /* it was read without error */
            return NULL;
        }
    }
}

/* --- by id */

static const struct err *number_by_id(struct sqlite_session *session, struct arena *arena, enum sql sql, const struct uuid *id, int64_t *ret)
{
    sqlite3_stmt *s;
    bool row;
    TRY(sql_prepare(session, arena, sql, &s));
    bind_uuid(s, 1, id);
    TRY(sql_step(session, arena, s, &row));
    *ret = row ? column_int(s, 0) : 0;
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

const struct err *sqlite_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number)
{
    int64_t number;
    TRY(number_by_id(session_of(session), arena, SQL_PROFILE_ID_GET, &id, &number));
    ret_number->value = (uint64_t)number;
    return NULL;
}

const struct err *sqlite_consent(struct store_session *store_session, struct arena *arena, struct uuid id, struct consent *ret_row, bool *ret_found)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    int64_t key;
    bool row;
    TRY(number_by_id(session, arena, SQL_CONSENT_ID_GET, &id, &key));
    TRY(sql_prepare(session, arena, SQL_PERSON_ROWS, &s));
    bind_int(s, 1, key);
    bind_int(s, 2, key ? key : -1);
    TRY(sql_step(session, arena, s, &row));
    if (row) {
        *ret_row = (struct consent){0};
        consent_read(s, arena, ret_row);
    }
    *ret_found = row;
    (void)sqlite3_reset(s); /* it was read without error */
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

static const struct err *rows_seen(struct sqlite_session *session, struct arena *arena, struct in_use *use)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_PERSON_ROW_SETS, &s));
    bind_int(s, 1, 0);
    for (bool row; use->left;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            return NULL;
        enum row_kind kind = row_kind_of(column_int(s, 0));
        if (kind == ROW_IDENTIFIER)
            set_seen(use, column_int(s, 2));
        else if (kind == ROW_FACT_PAGE)
            set_seen(use, column_int(s, 1));
    }
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

static const struct err *events_seen(struct sqlite_session *session, struct arena *arena, struct in_use *use)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_EVENT_SETS, &s));
    for (bool row; use->left;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            return NULL;
        if (sqlite3_column_type(s, 0) == SQLITE_INTEGER) {
            set_seen(use, column_int(s, 0));
            continue;
        }
        str text, rest = column_borrow(s, 0);
        int64_t id;
        while (str_split(&rest, ',', &text))
            if (str_to_int64(text, &id))
                set_seen(use, id);
    }
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

/* Stops as soon as every set has been met; what is no longer used costs a walk over everything, which a change of policy may. */
const struct err *sqlite_purposes_in_use(struct store_session *store_session, struct arena *arena, struct purpose_sets *sets, purpose_mask *ret_mask)
{
    struct sqlite_session *session = session_of(store_session);
    sets_sync(session->store, sets);
    struct in_use use = {.sets = purpose_sets_stored(sets)};
    use.left = use.sets;
    use.seen = arena_array(arena, bool, use.sets + 1);
    TRY(events_seen(session, arena, &use));
    TRY(rows_seen(session, arena, &use));
    purpose_mask mask = 0;
    for (uint32_t id = 1; id <= use.sets; id++)
        mask |= use.seen[id] ? purpose_sets_mask(sets, id) : 0;
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_CONSENT_PURPOSES, &s));
    for (bool row;;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            break;
        mask |= purpose_sets_name_mask(sets, column_borrow(s, 0));
    }
    *ret_mask = mask;
    return NULL;
}
