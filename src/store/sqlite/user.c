/* Users of the console and their sessions. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

static const uint8_t nothing[16];

static size_t hash_size(const uint8_t hash[16]) { return memcmp(hash, nothing, sizeof nothing) == 0 ? 0 : sizeof nothing; }

const struct err *user_put(struct sqlite_session *session, struct arena *arena, const struct user_row *row)
{
    sqlite3_stmt *s;
    bool found;
    TRY(sql_prepare(session, arena, SQL_USER_PUT, &s));
    bind_uuid(s, 1, &row->id);
    bind_blob(s, 2, row->login, hash_size(row->login));
    bind_blob(s, 3, row->subject, hash_size(row->subject));
    bind_text(s, 4, row->role);
    bind_text(s, 5, row->purposes);
    bind_text(s, 6, row->password);
    bind_blob(s, 7, row->sealed.data, row->sealed.length);
    bind_int(s, 8, row->disabled);
    bind_int(s, 9, row->created_ms);
    bind_int(s, 10, row->changed_ms);
    return sql_step(session, arena, s, &found);
}

const struct err *session_put(struct sqlite_session *session, struct arena *arena, const struct session_row *row)
{
    sqlite3_stmt *s;
    bool found;
    TRY(sql_prepare(session, arena, SQL_SESSION_PUT, &s));
    bind_uuid(s, 1, &row->id);
    bind_uuid(s, 2, &row->user);
    bind_int(s, 3, row->link);
    bind_blob(s, 4, row->hash, sizeof row->hash);
    bind_int(s, 5, row->created_ms);
    bind_int(s, 6, row->seen_ms);
    bind_int(s, 7, row->expires_ms);
    return sql_step(session, arena, s, &found);
}

const struct err *session_delete(struct sqlite_session *session, struct arena *arena, struct uuid id)
{
    sqlite3_stmt *s;
    bool found;
    TRY(sql_prepare(session, arena, SQL_SESSION_DELETE, &s));
    bind_uuid(s, 1, &id);
    return sql_step(session, arena, s, &found);
}

const struct err *sqlite_users(struct store_session *store_session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(struct user_row) rows = {0};
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_USERS, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            break;
        struct user_row *row = vec_push(arena, &rows);
        column_copy(s, 0, row->id.bytes, sizeof row->id.bytes);
        column_copy(s, 1, row->login, sizeof row->login);
        column_copy(s, 2, row->subject, sizeof row->subject);
        row->role = column_str(s, 3, arena);
        row->purposes = column_str(s, 4, arena);
        row->password = column_str(s, 5, arena);
        row->sealed = column_str(s, 6, arena);
        row->disabled = column_int(s, 7) != 0;
        row->created_ms = column_int(s, 8);
        row->changed_ms = column_int(s, 9);
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

const struct err *sqlite_sessions(struct store_session *store_session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(struct session_row) rows = {0};
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_SESSIONS, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            break;
        struct session_row *row = vec_push(arena, &rows);
        column_copy(s, 0, row->id.bytes, sizeof row->id.bytes);
        column_copy(s, 1, row->user.bytes, sizeof row->user.bytes);
        row->link = column_int(s, 2) != 0;
        column_copy(s, 3, row->hash, sizeof row->hash);
        row->created_ms = column_int(s, 4);
        row->seen_ms = column_int(s, 5);
        row->expires_ms = column_int(s, 6);
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}
