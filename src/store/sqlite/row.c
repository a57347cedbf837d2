/* Statements, values and errors of SQLite in our terms. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <stdlib.h>

const struct err *sqlite_error(struct arena *arena, struct sqlite_session *session, int code, const char *doing)
{
    const char *path = session->store->path;
    int system = session->db ? sqlite3_system_errno(session->db) : 0;
    switch (code & 0xFF) {
    case SQLITE_FULL:
        return err_new(arena, ERR_UNAVAILABLE, "The disk of %s is full (%s). Free some space; nothing else is needed.", path, doing);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
        if (system == 28 /* ENOSPC */)
            return err_new(arena, ERR_UNAVAILABLE, "The disk of %s is full (%s). Free some space; nothing else is needed.", path, doing);
        return err_new(arena, ERR_UNAVAILABLE, "%s cannot be read or written (%s: %s%s%s). Check the disk and the file's owner; Telos tries again.",
                       path, doing, sqlite3_errstr(code), system ? ": " : "", system ? strerror(system) : "");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return err_new(arena, ERR_UNAVAILABLE, "Another program holds %s (%s). End it, such as an open sqlite3; Telos tries again.", path, doing);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return err_new(arena, ERR_INTERNAL, "%s is damaged (%s: %s). Stop Telos, keep a copy of the file and restore the newest backup.", path, doing,
                       sqlite3_errstr(code));
    case SQLITE_NOMEM:
        ASSERT(!"out of memory"); /* aborts, as everywhere */
        return NULL;
    default:
        return err_new(arena, ERR_INTERNAL, "%s: %s failed: %s (%d)", path, doing, sqlite3_errstr(code), code);
    }
}

const struct err *sql_prepare(struct sqlite_session *session, struct arena *arena, unsigned sql, sqlite3_stmt **ret)
{
    ASSERT(sql < SQL_COUNT);
    if (!session->statements[sql]) {
        int code = sqlite3_prepare_v3(session->db, sql_texts[sql], -1, SQLITE_PREPARE_PERSISTENT, &session->statements[sql], NULL);
        if (code != SQLITE_OK)
            return sqlite_error(arena, session, sqlite3_extended_errcode(session->db), sql_names[sql]);
    }
    *ret = session->statements[sql];
    return NULL;
}

static const char *statement_name(const struct sqlite_session *session, const sqlite3_stmt *statement)
{
    for (size_t i = 0; i < SQL_COUNT; i++)
        if (session->statements[i] == statement)
            return sql_names[i];
    return "a statement";
}

const struct err *sql_step(struct sqlite_session *session, struct arena *arena, sqlite3_stmt *statement, bool *ret_row)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && ret_row) {
        *ret_row = true;
        return NULL;
    }
    int reset = sqlite3_reset(statement);
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        code = reset;
    if (code != SQLITE_OK)
        return sqlite_error(arena, session, code == SQLITE_ERROR ? code : sqlite3_extended_errcode(session->db), statement_name(session, statement));
    if (ret_row)
        *ret_row = false;
    return NULL;
}

/* A bind fails only for lack of memory, which aborts, or by a mistake in this folder. */
void bind_number(sqlite3_stmt *statement, int place, uint64_t value)
{
    ASSERT(value <= INT64_MAX && sqlite3_bind_int64(statement, place, (int64_t)value) == SQLITE_OK);
}
void bind_int(sqlite3_stmt *statement, int place, int64_t value)
{
    ASSERT(sqlite3_bind_int64(statement, place, value) == SQLITE_OK);
}
void bind_time(sqlite3_stmt *statement, int place, int64_t value, int64_t none)
{
    ASSERT((value == none ? sqlite3_bind_null(statement, place) : sqlite3_bind_int64(statement, place, value)) == SQLITE_OK);
}
void bind_text(sqlite3_stmt *statement, int place, str value)
{
    ASSERT(sqlite3_bind_text(statement, place, value.length ? value.data : "", (int)value.length, SQLITE_STATIC) == SQLITE_OK);
}
void bind_name(sqlite3_stmt *statement, int place, str value)
{
    ASSERT(sqlite3_bind_text(statement, place, value.length ? value.data : NULL, (int)value.length, SQLITE_STATIC) == SQLITE_OK);
}
void bind_blob(sqlite3_stmt *statement, int place, const void *data, size_t length)
{
    ASSERT(length <= INT32_MAX && sqlite3_bind_blob(statement, place, length ? data : NULL, (int)length, SQLITE_STATIC) == SQLITE_OK);
}

int64_t column_time(sqlite3_stmt *statement, int place, int64_t none)
{
    return sqlite3_column_type(statement, place) == SQLITE_NULL ? none : sqlite3_column_int64(statement, place);
}
uint64_t column_index(sqlite3_stmt *statement, int place)
{
    return sqlite3_column_type(statement, place) == SQLITE_NULL ? UINT64_MAX : (uint64_t)sqlite3_column_int64(statement, place);
}
str column_borrow(sqlite3_stmt *statement, int place)
{
    const void *data = sqlite3_column_blob(statement, place);
    return (str){data, data ? (size_t)sqlite3_column_bytes(statement, place) : 0};
}
str column_str(sqlite3_stmt *statement, int place, struct arena *arena)
{
    str borrowed = column_borrow(statement, place);
    return borrowed.length ? str_copy(arena, borrowed) : STR_NONE;
}
void column_copy(sqlite3_stmt *statement, int place, void *ret_bytes, size_t length)
{
    str bytes = column_borrow(statement, place);
    memset(ret_bytes, 0, length);
    if (bytes.length)
        memcpy(ret_bytes, bytes.data, bytes.length < length ? bytes.length : length);
}

const struct err *transaction_begin(struct sqlite_session *session, struct arena *arena, bool write)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(session, arena, write ? SQL_BEGIN_WRITE : SQL_BEGIN_READ, &statement));
    return sql_step(session, arena, statement, NULL);
}

const struct err *transaction_commit(struct sqlite_session *session, struct arena *arena)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(session, arena, SQL_COMMIT, &statement));
    return sql_step(session, arena, statement, NULL);
}

/* After an error: some errors have rolled back already, and a rollback that fails leaves nothing to be done. */
void transaction_abandon(struct sqlite_session *session)
{
    if (sqlite3_get_autocommit(session->db))
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        if (session->statements[i] && sqlite3_stmt_busy(session->statements[i]))
            (void)sqlite3_reset(session->statements[i]); /* its error was told */
    (void)sqlite3_exec(session->db, "ROLLBACK", NULL, NULL, NULL);
}

const struct err *sql_number(struct sqlite_session *session, struct arena *arena, unsigned sql, uint64_t none, uint64_t *ret)
{
    sqlite3_stmt *statement;
    bool row;
    TRY(sql_prepare(session, arena, sql, &statement));
    TRY(sql_step(session, arena, statement, &row));
    if (!row || sqlite3_column_type(statement, 0) == SQLITE_NULL)
        *ret = none;
    else
        *ret = column_number(statement, 0);
    (void)sqlite3_reset(statement); /* it was read without error */
    return NULL;
}

void sets_sync(struct store_sqlite *store, struct purpose_sets *sets)
{
    uint32_t stored = purpose_sets_stored(sets);
    pthread_mutex_lock(&store->lock);
    for (; stored < store->sets.count; stored++)
        purpose_sets_add(sets, stored + 1, store->sets.items[stored]);
    pthread_mutex_unlock(&store->lock);
}
