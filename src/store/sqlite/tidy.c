/* Housekeeping between commits, in steps of a few milliseconds. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

struct stale_due {
    int64_t due_ms, later_ms;
    profile_no profile;
};

static const struct err *due_move(struct sqlite_session *session, struct arena *arena, const struct stale_due *row)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_DUE_DELETE, &s));
    bind_int(s, 1, row->due_ms);
    bind_number(s, 2, row->profile.value);
    TRY(sql_step(session, arena, s, NULL));
    if (row->later_ms != TIME_FOREVER) {
        TRY(sql_prepare(session, arena, SQL_DUE_PUT, &s));
        bind_int(s, 1, row->later_ms);
        bind_number(s, 2, row->profile.value);
        TRY(sql_step(session, arena, s, NULL));
    }
    TRY(sql_prepare(session, arena, SQL_PROFILE_REQUEUE, &s));
    bind_int(s, 1, row_key(row->profile, ROW_PROFILE, 0));
    bind_time(s, 2, row->later_ms, TIME_FOREVER);
    return sql_step(session, arena, s, NULL);
}

/* Queue entries whose time has come although their profile is due later by now (save_person.c). */
static const struct err *due_requeue(struct sqlite_session *session, struct arena *arena, bool *ret_more)
{
    VEC(struct stale_due) rows = {0};
    sqlite3_stmt *s;
    int64_t now_ms = session->store->due_now_ms;
    if (session->due_done_ms >= now_ms)
        return NULL;
    TRY(sql_prepare(session, arena, SQL_DUE_STALE, &s));
    bind_int(s, 1, now_ms);
    for (bool row;;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            break;
        *(struct stale_due *)vec_push(arena, &rows) =
            (struct stale_due){column_int(s, 0), column_time(s, 2, TIME_FOREVER), {column_number(s, 1)}};
    }
    if (!rows.count) {
        session->due_done_ms = now_ms;
        return NULL;
    }
    const struct err *err = transaction_begin(session, arena, true);
    for (size_t i = 0; i < rows.count && !err; i++)
        err = due_move(session, arena, &rows.items[i]);
    if (!err)
        err = transaction_commit(session, arena);
    if (err)
        transaction_abandon(session);
    *ret_more = true;
    return err;
}

const struct err *sqlite_tidy(struct store_session *store_session, struct arena *arena, bool *ret_more)
{
    struct sqlite_session *session = session_of(store_session);
    bool more = false;
    ASSERT(session->writes);
    TRY(checkpoint_step(session, arena));
    if (fold_wanted(session))
        TRY(fold_step(session, arena));
    else
        TRY(due_requeue(session, arena, &more));
    *ret_more = more || fold_wanted(session);
    return NULL;
}
