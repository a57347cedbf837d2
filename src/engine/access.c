/* Users and sessions in memory, and what is read of them; the contract is in access.h. Changes: access_change.c. */
#include "engine/access_private.h"
#include "engine/nodes_private.h"

#include "evidence/seal.h"

#include <sodium.h>
#include <stdlib.h>

static const uint8_t nothing[16];

/* ---- finding ---- */

struct user_entry *access_user(const struct access *access, struct uuid id)
{
    for (size_t i = 0; i < access->user_count; i++)
        if (uuid_equal(access->users[i]->row.id, id))
            return access->users[i];
    return NULL;
}

struct user_entry *access_user_by_login(const struct access *access, const uint8_t login[16])
{
    for (size_t i = 0; i < access->user_count; i++)
        if (memcmp(access->users[i]->row.login, login, 16) == 0 && memcmp(login, nothing, 16) != 0)
            return access->users[i];
    return NULL;
}

struct session_entry *access_session(const struct access *access, struct uuid id)
{
    for (size_t i = 0; i < access->session_count; i++)
        if (uuid_equal(access->sessions[i]->row.id, id))
            return access->sessions[i];
    return NULL;
}

/* What leaks of timing is about hashes of guesses. */
struct session_entry *access_session_by_token(const struct access *access, str token, bool link)
{
    struct hash hash;
    hash_sha256(token, &hash);
    for (size_t i = 0; i < access->session_count; i++)
        if (access->sessions[i]->row.link == link && sodium_memcmp(access->sessions[i]->row.hash, hash.bytes, sizeof hash.bytes) == 0)
            return access->sessions[i];
    return NULL;
}

/* ---- memory follows ---- */

void access_user_put(struct access *access, const struct user_row *row)
{
    struct user_entry *entry = access_user(access, row->id);
    if (entry)
        arena_release(&entry->arena);
    else {
        entry = calloc(1, sizeof *entry);
        struct user_entry **users = realloc(access->users, (access->user_count + 1) * sizeof(struct user_entry *));
        ASSERT(entry && users);
        access->users = users;
        access->users[access->user_count++] = entry;
    }
    arena_init(&entry->arena);
    entry->row = *row;
    entry->row.role = str_copy(&entry->arena, row->role);
    entry->row.purposes = str_copy(&entry->arena, row->purposes);
    entry->row.password = str_copy(&entry->arena, row->password);
    entry->row.sealed = str_copy(&entry->arena, row->sealed);
}

void access_session_put(struct access *access, const struct session_row *row)
{
    struct session_entry *entry = access_session(access, row->id);
    if (!entry) {
        entry = calloc(1, sizeof *entry);
        struct session_entry **sessions = realloc(access->sessions, (access->session_count + 1) * sizeof(struct session_entry *));
        ASSERT(entry && sessions);
        access->sessions = sessions;
        access->sessions[access->session_count++] = entry;
        atomic_store(&entry->seen_ms, row->seen_ms);
    }
    entry->row = *row;
}

void access_session_drop(struct access *access, struct uuid id)
{
    for (size_t i = 0; i < access->session_count; i++)
        if (uuid_equal(access->sessions[i]->row.id, id)) {
            free(access->sessions[i]);
            access->sessions[i] = access->sessions[--access->session_count];
            return;
        }
}

const struct err *access_open(struct engine *engine, struct arena *arena)
{
    struct user_row *users = NULL;
    struct session_row *sessions = NULL;
    size_t user_count = 0, session_count = 0;
    TRY(engine->store->ops->users(engine->session, arena, &users, &user_count));
    TRY(engine->store->ops->sessions(engine->session, arena, &sessions, &session_count));
    struct access *access = calloc(1, sizeof *access);
    ASSERT(access);
    pthread_rwlock_init(&access->lock, NULL);
    vault_derive(engine->vault, STR("users"), access->seal_key);
    vault_derive(engine->vault, STR("user-names"), access->index_key);
    for (size_t i = 0; i < user_count; i++)
        access_user_put(access, &users[i]);
    for (size_t i = 0; i < session_count; i++)
        access_session_put(access, &sessions[i]);
    engine->access = access;
    return NULL;
}

const struct err *access_reload(struct engine *engine, struct store_session *session, struct arena *arena)
{
    struct access *access = engine->access;
    struct user_row *users = NULL;
    struct session_row *sessions = NULL;
    size_t user_count = 0, session_count = 0;
    TRY(engine->store->ops->users(session, arena, &users, &user_count));
    TRY(engine->store->ops->sessions(session, arena, &sessions, &session_count));
    pthread_rwlock_wrlock(&access->lock);
    for (size_t i = 0; i < user_count; i++)
        access_user_put(access, &users[i]);
    for (size_t i = 0; i < session_count; i++)
        access_session_put(access, &sessions[i]);
    for (size_t i = access->session_count; i-- > 0;) {
        bool there = false;
        for (size_t j = 0; j < session_count; j++)
            there |= uuid_equal(access->sessions[i]->row.id, sessions[j].id);
        if (!there)
            access_session_drop(access, access->sessions[i]->row.id);
    }
    pthread_rwlock_unlock(&access->lock);
    return NULL;
}

void access_close(struct engine *engine)
{
    struct access *access = engine->access;
    if (!access)
        return;
    for (size_t i = 0; i < access->user_count; i++) {
        arena_release(&access->users[i]->arena);
        free(access->users[i]);
    }
    for (size_t i = 0; i < access->session_count; i++)
        free(access->sessions[i]);
    free(access->users);
    free(access->sessions);
    pthread_rwlock_destroy(&access->lock);
    sodium_memzero(access, sizeof *access);
    free(access);
    engine->access = NULL;
}

/* ---- rows and users ---- */

void access_login(const struct access *access, struct arena *arena, str name, uint8_t ret_login[16])
{
    str text = str_lower_ascii(arena, str_trim(name));
    memset(ret_login, 0, 16);
    if (!str_empty(text))
        keyed_hash(access->index_key, STR("name"), text, ret_login);
}

void access_subject(const struct access *access, str subject, uint8_t ret_subject[16])
{
    memset(ret_subject, 0, 16);
    if (!str_empty(subject))
        keyed_hash(access->index_key, STR("subject"), subject, ret_subject);
}

static str row_aad(struct arena *arena, const struct user_row *row)
{
    return str_printf(arena, "user:%.*s", STR_FMT(uuid_format(arena, row->id)));
}

bool access_row_open(const struct access *access, struct arena *arena, const struct user_row *row, struct user *ret_user)
{
    struct json facts = {0};
    *ret_user = (struct user){.id = row->id, .purposes = str_copy(arena, row->purposes), .disabled = row->disabled, .removed = str_empty(row->sealed),
                              .has_password = !str_empty(row->password), .oidc = memcmp(row->subject, nothing, 16) != 0,
                              .created_ms = row->created_ms, .changed_ms = row->changed_ms};
    if (!role_parse(row->role, &ret_user->role))
        return false;
    if (ret_user->removed)
        return true;
    if (row->sealed.length < SEAL_OVERHEAD)
        return false;
    size_t size = row->sealed.length - SEAL_OVERHEAD;
    uint8_t *plain = arena_alloc_raw(arena, size + 1);
    if (!seal_open(access->seal_key, row_aad(arena, row), row->sealed, plain) || json_read(arena, str_bytes(plain, size), &facts))
        return false;
    ret_user->name = str_copy(arena, json_string(json_get(&facts, STR("name"))));
    ret_user->title = str_copy(arena, json_string(json_get(&facts, STR("title"))));
    ret_user->email = str_copy(arena, json_string(json_get(&facts, STR("email"))));
    return true;
}

void access_row_seal(const struct access *access, struct arena *arena, const struct user *user, struct user_row *row)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, 16 * LIMIT_FIELD_NAME_BYTES);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "name", user->name);
    jsonw_field(&w, "title", user->title);
    jsonw_field(&w, "email", user->email);
    jsonw_object_end(&w);
    ASSERT(!out.overflow);
    uint8_t *sealed = arena_alloc_raw(arena, seal_size(out.length));
    seal(access->seal_key, row_aad(arena, row), buf_str(&out), sealed);
    row->sealed = str_bytes(sealed, seal_size(out.length));
}

bool access_is_admin(const struct user_row *row)
{
    return !row->disabled && !str_empty(row->sealed) && str_equal(row->role, str_of(role_name(ROLE_ADMIN)));
}

const struct err *engine_users(struct engine *engine, struct arena *arena, struct user **ret_users, size_t *ret_count)
{
    struct access *access = engine->access;
    const struct err *error = NULL;
    pthread_rwlock_rdlock(&access->lock);
    size_t count = access->user_count;
    struct user *users = arena_array(arena, struct user, count);
    for (size_t i = 0; i < count && !error; i++)
        if (!access_row_open(access, arena, &access->users[i]->row, &users[i]))
            error = err_new(arena, ERR_INTERNAL, "the record of a user is damaged");
    pthread_rwlock_unlock(&access->lock);
    if (error)
        return error;
    *ret_users = users;
    *ret_count = count;
    return NULL;
}

bool engine_user(struct engine *engine, struct arena *arena, struct uuid id, struct user *ret_user)
{
    struct access *access = engine->access;
    pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *entry = access_user(access, id);
    bool found = entry && access_row_open(access, arena, &entry->row, ret_user);
    pthread_rwlock_unlock(&access->lock);
    return found;
}

size_t engine_user_count(struct engine *engine)
{
    struct access *access = engine->access;
    size_t count = 0;
    pthread_rwlock_rdlock(&access->lock);
    for (size_t i = 0; i < access->user_count; i++)
        count += !str_empty(access->users[i]->row.sealed);
    pthread_rwlock_unlock(&access->lock);
    return count;
}

bool engine_user_by_subject(struct engine *engine, struct arena *arena, str subject, struct user *ret_user)
{
    struct access *access = engine->access;
    uint8_t hash[16];
    bool found = false;
    access_subject(access, subject, hash);
    pthread_rwlock_rdlock(&access->lock);
    for (size_t i = 0; i < access->user_count && !found; i++)
        found = memcmp(hash, nothing, 16) && memcmp(access->users[i]->row.subject, hash, 16) == 0 && !str_empty(access->users[i]->row.sealed) &&
                access_row_open(access, arena, &access->users[i]->row, ret_user);
    pthread_rwlock_unlock(&access->lock);
    return found;
}

/* ---- sessions ---- */

static bool session_stands(const struct session_entry *entry, int64_t now_ms, int64_t idle_ms)
{
    return !entry->row.link && entry->row.expires_ms > now_ms && atomic_load(&entry->seen_ms) > now_ms - idle_ms;
}

static struct session_info info_of(const struct session_entry *entry)
{
    return (struct session_info){entry->row.id, entry->row.user, entry->row.created_ms, atomic_load(&entry->seen_ms), entry->row.expires_ms};
}

static bool session_open(struct engine *engine, struct arena *arena, const struct policy *policy, str token, int64_t idle_ms, bool mark,
                         struct principal *ret_principal, struct session_info *ret_info)
{
    struct access *access = engine->access;
    int64_t now_ms = clock_now_ms();
    struct principal principal = {0};
    bool found = false;
    pthread_rwlock_rdlock(&access->lock);
    struct session_entry *entry = access_session_by_token(access, token, false);
    const struct user_entry *user = entry ? access_user(access, entry->row.user) : NULL;
    if (user && session_stands(entry, now_ms, idle_ms) && !user->row.disabled && !str_empty(user->row.sealed) && role_parse(user->row.role, &principal.role)) {
        if (mark)
            atomic_store(&entry->seen_ms, now_ms);
        principal.token = user->row.id;
        principal_grant(&principal, policy, str_copy(arena, user->row.purposes));
        *ret_info = info_of(entry);
        found = true;
    }
    pthread_rwlock_unlock(&access->lock);
    if (!found)
        return false;
    *ret_principal = principal;
    return true;
}

bool engine_session_find(struct engine *engine, struct arena *arena, const struct policy *policy, str token, int64_t idle_ms, struct principal *ret_principal,
                         struct session_info *ret_info)
{
    return session_open(engine, arena, policy, token, idle_ms, true, ret_principal, ret_info);
}

bool engine_session_look(struct engine *engine, struct arena *arena, const struct policy *policy, str token, int64_t idle_ms, struct principal *ret_principal,
                         struct session_info *ret_info)
{
    return session_open(engine, arena, policy, token, idle_ms, false, ret_principal, ret_info);
}

static int newest_first(const void *a, const void *b)
{
    const struct session_info *x = a, *y = b;
    return x->created_ms < y->created_ms ? 1 : x->created_ms > y->created_ms ? -1 : memcmp(y->id.bytes, x->id.bytes, sizeof x->id.bytes);
}

void engine_sessions(struct engine *engine, struct arena *arena, struct uuid user, int64_t idle_ms, struct session_info **ret_rows, size_t *ret_count)
{
    struct access *access = engine->access;
    VEC(struct session_info) rows = {0};
    int64_t now_ms = clock_now_ms();
    pthread_rwlock_rdlock(&access->lock);
    for (size_t i = 0; i < access->session_count; i++)
        if (session_stands(access->sessions[i], now_ms, idle_ms) && (uuid_is_zero(user) || uuid_equal(access->sessions[i]->row.user, user)))
            *(struct session_info *)vec_push(arena, &rows) = info_of(access->sessions[i]);
    pthread_rwlock_unlock(&access->lock);
    if (rows.count)
        qsort(rows.items, rows.count, sizeof *rows.items, newest_first);
    *ret_rows = rows.items;
    *ret_count = rows.count;
}

bool engine_code_find(struct engine *engine, str code, struct uuid *ret_user, int64_t *ret_expires_ms)
{
    struct access *access = engine->access;
    pthread_rwlock_rdlock(&access->lock);
    const struct session_entry *entry = access_session_by_token(access, code, true);
    bool found = entry && entry->row.expires_ms > clock_now_ms();
    if (found) {
        *ret_user = entry->row.user;
        *ret_expires_ms = entry->row.expires_ms;
    }
    pthread_rwlock_unlock(&access->lock);
    return found;
}
