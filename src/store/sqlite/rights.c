/* Rights requests: rows of one table, found by id, by profile, by state, and by when they are to be looked at. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <stdlib.h>

const struct err *save_rights(struct saving *saving)
{
    vec_each (row, &saving->save->rights) {
        sqlite3_stmt *s;
        TRY(sql_prepare(saving->session, saving->arena, SQL_RIGHTS_PUT, &s));
        bind_uuid(s, 1, &row->id);
        bind_time(s, 2, (int64_t)row->profile.value, 0);
        bind_text(s, 3, str_of(right_name(row->right)));
        bind_text(s, 4, str_of(rights_state_name(row->state)));
        bind_text(s, 5, row->channel);
        bind_int(s, 6, row->opened_ms);
        bind_int(s, 7, row->due_ms);
        bind_time(s, 8, row->done_ms, TIME_NONE);
        bind_time(s, 9, row->watch_ms, TIME_FOREVER);
        bind_text(s, 10, row->record);
        bind_bytes(s, 11, row->sealed);
        TRY(sql_step(saving->session, saving->arena, s, NULL));
    }
    return NULL;
}

static const struct err *rights_read(sqlite3_stmt *s, struct arena *arena, struct rights_request *row)
{
    *row = (struct rights_request){.profile = {(uint64_t)column_time(s, 1, 0)}, .channel = column_str(s, 4, arena), .opened_ms = column_int(s, 5),
                                   .due_ms = column_int(s, 6), .done_ms = column_time(s, 7, TIME_NONE), .watch_ms = column_time(s, 8, TIME_FOREVER),
                                   .record = column_str(s, 9, arena), .sealed = column_str(s, 10, arena)};
    column_copy(s, 0, row->id.bytes, 16);
    if (!right_parse(column_borrow(s, 2), &row->right) || !rights_state_parse(column_borrow(s, 3), &row->state))
        return err_new(arena, ERR_INTERNAL, "a rights request in the store is damaged");
    return NULL;
}

const struct err *sqlite_right(struct store_session *store_session, struct arena *arena, struct uuid id, struct rights_request *ret_row, bool *ret_found)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    bool found;
    TRY(sql_prepare(session, arena, SQL_RIGHTS_GET, &s));
    bind_uuid(s, 1, &id);
    TRY(sql_step(session, arena, s, &found));
    const struct err *error = found ? rights_read(s, arena, ret_row) : NULL;
    sqlite3_reset(s);
    *ret_found = found && !error;
    return error;
}

typedef VEC(struct rights_request) rights_rows;

static const struct err *rows_take(struct sqlite_session *session, struct arena *arena, sqlite3_stmt *s, rights_rows *rows)
{
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            return NULL;
        const struct err *error = rights_read(s, arena, vec_push(arena, rows));
        if (error) {
            sqlite3_reset(s);
            return error;
        }
    }
}

static const struct err *of_profiles(struct sqlite_session *session, struct arena *arena, const struct rights_query *query, struct uuid before,
                                     rights_rows *rows)
{
    for (size_t i = 0; i < query->profile_count; i++) {
        sqlite3_stmt *s;
        TRY(sql_prepare(session, arena, SQL_RIGHTS_OF_PROFILE, &s));
        bind_number(s, 1, query->profiles[i].value);
        bind_uuid(s, 2, &before);
        bind_number(s, 3, query->max);
        TRY(rows_take(session, arena, s, rows));
    }
    return NULL;
}

static int newest_first(const void *a, const void *b)
{
    return memcmp(((const struct rights_request *)b)->id.bytes, ((const struct rights_request *)a)->id.bytes, 16);
}

static const struct err *of_all(struct sqlite_session *session, struct arena *arena, const struct rights_query *query, struct uuid before, rights_rows *rows)
{
    sqlite3_stmt *s;
    enum sql sql = query->only_open ? SQL_RIGHTS_OPEN : query->state >= 0 ? SQL_RIGHTS_IN_STATE : SQL_RIGHTS_ALL;
    TRY(sql_prepare(session, arena, sql, &s));
    bind_uuid(s, 1, &before);
    bind_number(s, 2, query->max);
    if (query->only_open)
        bind_int(s, 3, query->due_ms);
    else if (query->state >= 0)
        bind_text(s, 3, str_of(rights_state_name((enum rights_state)query->state)));
    return rows_take(session, arena, s, rows);
}

const struct err *sqlite_rights(struct store_session *store_session, struct arena *arena, const struct rights_query *query,
                                struct rights_request **ret_rows, size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    rights_rows rows = {0};
    struct uuid before = query->before;
    if (uuid_is_zero(before))
        memset(before.bytes, 0xff, sizeof before.bytes);
    if (query->watch_ms != TIME_NONE) {
        sqlite3_stmt *s;
        TRY(sql_prepare(session, arena, SQL_RIGHTS_WATCHED, &s));
        bind_int(s, 1, query->watch_ms);
        bind_number(s, 2, query->max);
        TRY(rows_take(session, arena, s, &rows));
    } else if (query->profile_count)
        TRY(of_profiles(session, arena, query, before, &rows));
    else
        TRY(of_all(session, arena, query, before, &rows));
    if (query->watch_ms == TIME_NONE && rows.count > 1)
        qsort(rows.items, rows.count, sizeof *rows.items, newest_first);
    *ret_rows = rows.items;
    *ret_count = rows.count < query->max ? rows.count : query->max;
    return NULL;
}
