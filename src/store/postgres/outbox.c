/* Reading the outbox and requests by which people exercise their rights. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include <stdlib.h>

/* --- the outbox */

static unsigned deliveries_sql(const struct delivery_query *query)
{
    bool of = !str_empty(query->destination), state = query->state >= 0;
    if (query->firsts_only)
        return SQL_OUTBOX_FIRSTS;
    if (query->newest_first)
        return of && state ? SQL_OUTBOX_OF_STATE_DOWN : of ? SQL_OUTBOX_OF_DOWN : state ? SQL_OUTBOX_STATE_DOWN : SQL_OUTBOX_DOWN;
    return of && state ? SQL_OUTBOX_OF_STATE_UP : of ? SQL_OUTBOX_OF_UP : state ? SQL_OUTBOX_STATE_UP : SQL_OUTBOX_UP;
}

const struct err *postgres_deliveries(struct store_session *session, struct arena *arena, const struct delivery_query *query,
                                      struct delivery **ret_rows, size_t *ret_count)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_number(&params, query->newest_first && query->after == 0 ? INT64_MAX : query->after);
    param_int(&params, query->due_ms);
    param_number(&params, query->max);
    if (!str_empty(query->destination) || query->firsts_only)
        param_bytes(&params, query->destination);
    if (query->state >= 0 && !query->firsts_only)
        param_int(&params, query->state);
    TRY(ask(session_of(session), arena, deliveries_sql(query), &params, &result));
    size_t count = (size_t)PQntuples(result);
    struct delivery *rows = arena_array(arena, struct delivery, count);
    for (size_t i = 0; i < count; i++)
        delivery_got(result, (int)i, arena, &rows[i]);
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_delivery(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool *ret_found)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_uuid(&params, &id);
    TRY(ask(session_of(session), arena, SQL_OUTBOX_BY_ID, &params, &result));
    *ret_found = PQntuples(result) > 0;
    if (*ret_found)
        delivery_got(result, 0, arena, ret_row);
    return NULL;
}

typedef VEC(struct destination_count) count_rows;

static void count_take(count_rows *rows, struct arena *arena, const PGresult *result, int i, struct rows *oldest, uint64_t *numbers)
{
    struct destination_count *row = rows->count ? &rows->items[rows->count - 1] : NULL;
    str destination = got_borrow(result, i, 0);
    uint64_t count = got_number(result, i, 2);
    if (!row || !str_equal(row->destination, destination)) {
        row = vec_push(arena, rows);
        row->destination = str_copy(arena, destination);
        row->oldest_pending_ms = TIME_NONE;
    }
    switch ((enum delivery_state)got_int(result, i, 1)) {
    case DELIVERY_PENDING:
        row->pending = count;
        numbers[rows->count - 1] = got_number(result, i, 3);
        put_number(oldest, numbers[rows->count - 1]);
        break;
    case DELIVERY_DELIVERED: row->delivered = count; break;
    case DELIVERY_DEAD: row->dead = count; break;
    case DELIVERY_CANCELLED: row->cancelled = count; break;
    }
}

const struct err *postgres_destination_counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows,
                                              size_t *ret_count)
{
    count_rows rows = {0};
    struct rows oldest = rows_make(arena, "n");
    const PGresult *result;
    TRY(ask(session_of(session), arena, SQL_OUTBOX_COUNTS, NULL, &result));
    uint64_t *numbers = arena_array(arena, uint64_t, (size_t)PQntuples(result) + 1); /* of the oldest row that waits, by place in `rows` */
    for (int i = 0; i < PQntuples(result); i++)
        count_take(&rows, arena, result, i, &oldest, numbers);
    if (oldest.count) {
        struct params params = params_make(arena);
        param_rows(&params, &oldest);
        TRY(ask(session_of(session), arena, SQL_OUTBOX_QUEUED, &params, &result));
        for (size_t k = 0; k < rows.count; k++)
            for (int i = 0; i < PQntuples(result); i++)
                if (numbers[k] && got_number(result, i, 0) == numbers[k])
                    rows.items[k].oldest_pending_ms = got_int(result, i, 1);
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

/* --- rights requests */

static const struct err *right_got(const PGresult *r, int i, struct arena *arena, struct rights_request *row)
{
    *row = (struct rights_request){.profile.value = got_number(r, i, 1), .channel = got_str(r, i, 4, arena), .opened_ms = got_int(r, i, 5),
                                   .due_ms = got_int(r, i, 6), .done_ms = got_time(r, i, 7, TIME_NONE), .watch_ms = got_time(r, i, 8, TIME_FOREVER),
                                   .record = got_str(r, i, 9, arena), .sealed = got_str(r, i, 10, arena)};
    got_copy(r, i, 0, row->id.bytes, 16);
    if (!right_parse(got_borrow(r, i, 2), &row->right) || !rights_state_parse(got_borrow(r, i, 3), &row->state))
        return err_new(arena, ERR_INTERNAL, "a rights request in the store is damaged");
    return NULL;
}

const struct err *postgres_right(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row, bool *ret_found)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_uuid(&params, &id);
    TRY(ask(session_of(session), arena, SQL_RIGHTS_GET, &params, &result));
    bool found = PQntuples(result) > 0;
    if (found)
        TRY(right_got(result, 0, arena, ret_row));
    *ret_found = found;
    return NULL;
}

static unsigned rights_params(struct arena *arena, const struct rights_query *query, struct params *params)
{
    struct uuid before = query->before;
    if (query->watch_ms != TIME_NONE) {
        param_int(params, query->watch_ms);
        param_number(params, query->max);
        return SQL_RIGHTS_WATCHED;
    }
    if (uuid_is_zero(before))
        memset(before.bytes, 0xff, sizeof before.bytes);
    param_bytes(params, str_copy(arena, str_bytes(before.bytes, sizeof before.bytes)));
    param_number(params, query->max);
    if (query->profile_count) {
        struct rows rows = rows_make(arena, "n");
        for (size_t i = 0; i < query->profile_count; i++)
            put_number(&rows, query->profiles[i].value);
        param_rows(params, &rows);
        return SQL_RIGHTS_OF_PROFILES;
    }
    if (query->only_open) {
        param_int(params, query->due_ms);
        return SQL_RIGHTS_OPEN;
    }
    if (query->state < 0)
        return SQL_RIGHTS_ALL;
    param_bytes(params, str_of(rights_state_name((enum rights_state)query->state)));
    return SQL_RIGHTS_IN_STATE;
}

const struct err *postgres_rights(struct store_session *session, struct arena *arena, const struct rights_query *query,
                                  struct rights_request **ret_rows, size_t *ret_count)
{
    struct params params = params_make(arena);
    unsigned sql = rights_params(arena, query, &params);
    const PGresult *result;
    TRY(ask(session_of(session), arena, sql, &params, &result));
    size_t count = (size_t)PQntuples(result);
    struct rights_request *rows = arena_array(arena, struct rights_request, count);
    for (size_t i = 0; i < count; i++)
        TRY(right_got(result, (int)i, arena, &rows[i]));
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}
