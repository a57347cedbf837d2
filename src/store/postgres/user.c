/* Users of the console and their sessions. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

static const uint8_t nothing[16];

static void put_hash(struct rows *rows, const uint8_t hash[16])
{
    put_bytes(rows, hash, memcmp(hash, nothing, sizeof nothing) == 0 ? 0 : sizeof nothing);
}

static void users_put(struct saving *saving)
{
    const struct save *save = saving->save;
    struct rows rows = rows_make(saving->arena, "ubbtttbnnn");
    str *keys = arena_array(saving->arena, str, save->users.count);
    for (size_t i = 0; i < save->users.count; i++)
        keys[i] = str_bytes(save->users.items[i].id.bytes, 16);
    const bool *last = last_of_key(saving->arena, keys, save->users.count);
    for (size_t i = 0; i < save->users.count; i++) {
        const struct user_row *row = &save->users.items[i];
        if (!last[i])
            continue;
        put_uuid(&rows, row->id);
        put_hash(&rows, row->login);
        put_hash(&rows, row->subject);
        put_text(&rows, row->role);
        put_text(&rows, row->purposes);
        put_text(&rows, row->password);
        put_blob(&rows, row->sealed);
        put_int(&rows, row->disabled);
        put_int(&rows, row->created_ms);
        put_int(&rows, row->changed_ms);
    }
    pipe_add_rows(saving->session, SQL_USER_PUT, &rows);
}

static void sessions_put(struct saving *saving)
{
    const struct save *save = saving->save;
    struct rows rows = rows_make(saving->arena, "uunbnnn");
    str *keys = arena_array(saving->arena, str, save->sessions.count);
    for (size_t i = 0; i < save->sessions.count; i++)
        keys[i] = str_bytes(save->sessions.items[i].id.bytes, 16);
    const bool *last = last_of_key(saving->arena, keys, save->sessions.count);
    for (size_t i = 0; i < save->sessions.count; i++) {
        const struct session_row *row = &save->sessions.items[i];
        if (!last[i])
            continue;
        put_uuid(&rows, row->id);
        put_uuid(&rows, row->user);
        put_int(&rows, row->link);
        put_bytes(&rows, row->hash, sizeof row->hash);
        put_int(&rows, row->created_ms);
        put_int(&rows, row->seen_ms);
        put_int(&rows, row->expires_ms);
    }
    pipe_add_rows(saving->session, SQL_SESSION_PUT, &rows);
}

void users_save(struct saving *saving)
{
    struct rows gone = rows_make(saving->arena, "u");
    users_put(saving);
    sessions_put(saving);
    vec_each (id, &saving->save->sessions_gone)
        put_uuid(&gone, *id);
    pipe_add_rows(saving->session, SQL_SESSION_DELETE, &gone);
}

const struct err *postgres_users(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count)
{
    const PGresult *result;
    TRY(ask(session_of(session), arena, SQL_USERS, NULL, &result));
    size_t count = (size_t)PQntuples(result);
    struct user_row *rows = arena_array(arena, struct user_row, count);
    for (size_t i = 0; i < count; i++) {
        int n = (int)i;
        rows[i] = (struct user_row){.role = got_str(result, n, 3, arena), .purposes = got_str(result, n, 4, arena), .password = got_str(result, n, 5, arena),
                                    .sealed = got_str(result, n, 6, arena), .disabled = got_bool(result, n, 7), .created_ms = got_int(result, n, 8),
                                    .changed_ms = got_int(result, n, 9)};
        got_copy(result, n, 0, rows[i].id.bytes, sizeof rows[i].id.bytes);
        got_copy(result, n, 1, rows[i].login, sizeof rows[i].login);
        got_copy(result, n, 2, rows[i].subject, sizeof rows[i].subject);
    }
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_sessions(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count)
{
    const PGresult *result;
    TRY(ask(session_of(session), arena, SQL_SESSIONS, NULL, &result));
    size_t count = (size_t)PQntuples(result);
    struct session_row *rows = arena_array(arena, struct session_row, count);
    for (size_t i = 0; i < count; i++) {
        int n = (int)i;
        rows[i] = (struct session_row){.link = got_bool(result, n, 2), .created_ms = got_int(result, n, 4), .seen_ms = got_int(result, n, 5),
                                       .expires_ms = got_int(result, n, 6)};
        got_copy(result, n, 0, rows[i].id.bytes, sizeof rows[i].id.bytes);
        got_copy(result, n, 1, rows[i].user.bytes, sizeof rows[i].user.bytes);
        got_copy(result, n, 3, rows[i].hash, sizeof rows[i].hash);
    }
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}
