/* Who may do what: API tokens and write keys. A token is shown once; the store keeps its SHA-256, and all of them lie in memory by it.
 *
 * 1. A presented token is hashed and its hash is looked up, then compared in constant time: what leaks of timing is about hashes of guesses.
 * 2. Tokens come and go through commits; the memory follows after the commit.
 */
#include "engine/nodes_private.h"

#include <sodium.h>
#include <stdlib.h>

#define TOKEN_BYTES 32
#define TOKEN_PREFIX "telos_"

struct tokens {
    pthread_rwlock_t lock;
    struct arena arena;
    struct map by_hash; /* 32 bytes → struct token_row * */
    VEC(struct token_row *) rows;
};

static const char *const role_names[] = {[ROLE_NONE] = "none", [ROLE_SOURCE] = "source", [ROLE_AUDITOR] = "auditor", [ROLE_AGENT] = "agent",
                                         [ROLE_MARKETER] = "marketer", [ROLE_PRIVACY] = "privacy", [ROLE_ADMIN] = "admin"};

const char *role_name(enum role role) { return role_names[role]; }

bool role_parse(str text, enum role *ret_role)
{
    for (unsigned role = ROLE_SOURCE; role <= ROLE_ADMIN; role++)
        if (str_equal(text, str_of(role_names[role]))) {
            *ret_role = (enum role)role;
            return true;
        }
    return false;
}

/* With the lock held for writing. */
static void token_put(struct tokens *tokens, const struct token_row *row)
{
    struct token_row *own = NULL;
    vec_each (known, &tokens->rows)
        if (uuid_equal((*known)->id, row->id))
            own = *known;
    if (!own) {
        own = arena_new(&tokens->arena, struct token_row);
        *(struct token_row **)vec_push(&tokens->arena, &tokens->rows) = own;
    }
    *own = *row;
    own->role = str_copy(&tokens->arena, row->role);
    own->purposes = str_copy(&tokens->arena, row->purposes);
    own->label = str_copy(&tokens->arena, row->label);
    map_set(&tokens->by_hash, str_bytes(own->hash, sizeof own->hash), own);
}

const struct err *tokens_open(struct engine *engine, struct arena *arena)
{
    struct token_row *rows = NULL;
    size_t count = 0;
    TRY(engine->store->ops->tokens(engine->session, arena, &rows, &count));
    struct tokens *tokens = calloc(1, sizeof *tokens);
    ASSERT(tokens);
    pthread_rwlock_init(&tokens->lock, NULL);
    arena_init(&tokens->arena);
    map_init(&tokens->by_hash, &tokens->arena);
    for (size_t i = 0; i < count; i++)
        token_put(tokens, &rows[i]);
    engine->tokens = tokens;
    return NULL;
}

/* A token changes in its times only. */
static bool token_known(const struct tokens *tokens, const struct token_row *row)
{
    const struct token_row *known = map_get(&tokens->by_hash, str_bytes(row->hash, sizeof row->hash));
    return known && uuid_equal(known->id, row->id) && known->revoked_ms == row->revoked_ms && known->expires_ms == row->expires_ms;
}

const struct err *tokens_reload(struct engine *engine, struct store_session *session, struct arena *arena)
{
    struct token_row *rows = NULL;
    size_t count = 0;
    TRY(engine->store->ops->tokens(session, arena, &rows, &count));
    pthread_rwlock_wrlock(&engine->tokens->lock);
    for (size_t i = 0; i < count; i++)
        if (!token_known(engine->tokens, &rows[i])) /* so that memory grows with what changed only */
            token_put(engine->tokens, &rows[i]);
    pthread_rwlock_unlock(&engine->tokens->lock);
    return NULL;
}

void tokens_close(struct engine *engine)
{
    if (!engine->tokens)
        return;
    pthread_rwlock_destroy(&engine->tokens->lock);
    arena_release(&engine->tokens->arena);
    free(engine->tokens);
    engine->tokens = NULL;
}

static void token_hash(str token, struct hash *ret_hash)
{
    hash_sha256(token, ret_hash);
}

static bool token_find(struct engine *engine, struct arena *arena, str token, struct token_row *ret_row)
{
    struct hash hash;
    bool found = false;
    struct tokens *tokens = engine->tokens;
    token_hash(token, &hash);
    pthread_rwlock_rdlock(&tokens->lock);
    const struct token_row *row = map_get(&tokens->by_hash, str_bytes(hash.bytes, sizeof hash.bytes));
    if (row && sodium_memcmp(row->hash, hash.bytes, sizeof hash.bytes) == 0 && row->revoked_ms == TIME_NONE &&
        (row->expires_ms == TIME_FOREVER || row->expires_ms > clock_now_ms())) {
        *ret_row = *row;
        ret_row->role = str_copy(arena, row->role);
        ret_row->purposes = str_copy(arena, row->purposes);
        ret_row->label = str_copy(arena, row->label);
        found = true;
    }
    pthread_rwlock_unlock(&tokens->lock);
    return found;
}

void principal_grant(struct principal *principal, const struct policy *policy, str purposes)
{
    if (principal->role == ROLE_SOURCE) {
        principal->source = purposes;
    } else if (str_equal(purposes, STR("*"))) {
        principal->all_purposes = true;
        principal->purposes = policy && policy->purposes.count == 64 ? ~UINT64_C(0)
                              : policy                               ? (UINT64_C(1) << policy->purposes.count) - 1
                                                                     : 0;
    } else {
        str names = purposes, name;
        while (policy && str_split(&names, ' ', &name)) {
            const struct purpose *purpose = policy_purpose(policy, name);
            principal->purposes |= purpose ? purpose->self : 0;
        }
    }
}

bool engine_authenticate(struct engine *engine, struct arena *arena, const struct policy *policy, str token, struct principal *ret_principal)
{
    struct token_row row;
    struct principal principal = {0};
    if (!token_find(engine, arena, token, &row) || !role_parse(row.role, &principal.role))
        return false;
    principal.token = row.id;
    principal.label = row.label;
    principal_grant(&principal, policy, row.purposes);
    *ret_principal = principal;
    return true;
}

bool engine_write_key(struct engine *engine, struct arena *arena, const struct policy *policy, str key, str *ret_source)
{
    struct hash hash;
    struct token_row row;
    if (str_empty(key) || !policy)
        return false;
    token_hash(key, &hash);
    str source = snapshot_source_by_key(engine, policy, &hash);
    if (str_empty(source) && token_find(engine, arena, key, &row) && str_equal(row.role, STR("source")) && policy_source(policy, row.purposes))
        source = row.purposes;
    if (str_empty(source))
        return false;
    *ret_source = source;
    return true;
}

/* ---- making and revoking ---- */

struct token_change {
    struct token_row row;
    struct arena *arena;
    bool revoke, found;
};

static const struct err *token_join(void *context, struct commit *commit)
{
    struct token_change *change = context;
    struct tokens *tokens = commit->engine->tokens;
    if (change->revoke) {
        pthread_rwlock_rdlock(&tokens->lock);
        vec_each (row, &tokens->rows)
            if (uuid_equal((*row)->id, change->row.id) && (*row)->revoked_ms == TIME_NONE) {
                change->row = **row;
                change->found = true;
            }
        pthread_rwlock_unlock(&tokens->lock);
        if (!change->found)
            return NULL;
        change->row.revoked_ms = commit->now_ms;
    } else
        change->row.created_ms = commit->now_ms;
    *(struct token_row *)vec_push(commit->arena, &commit->save.tokens) = change->row;
    return NULL;
}

static void token_after(void *context, struct engine *engine)
{
    struct token_change *change = context;
    if (change->revoke && !change->found)
        return;
    pthread_rwlock_wrlock(&engine->tokens->lock);
    token_put(engine->tokens, &change->row);
    pthread_rwlock_unlock(&engine->tokens->lock);
}

static const struct err *token_check(struct engine *engine, struct arena *arena, enum role role, str purposes)
{
    const struct policy *policy = engine_policy(engine);
    const struct err *error = NULL;
    str name, rest = purposes;
    if (str_empty(str_trim(purposes)))
        error = err_new(arena, ERR_INVALID, role == ROLE_SOURCE ? "a source token names its source" : "a token needs purposes, or `*`");
    else if (role == ROLE_SOURCE && policy && !policy_source(policy, purposes))
        error = err_new(arena, ERR_INVALID, "the policy has no source `%.*s`", STR_FMT(purposes));
    while (!error && role != ROLE_SOURCE && policy && !str_equal(purposes, STR("*")) && str_split(&rest, ' ', &name))
        if (!str_empty(name) && !policy_purpose(policy, name))
            error = err_new(arena, ERR_INVALID, "the policy has no purpose `%.*s`", STR_FMT(name));
    engine_policy_release(engine, policy);
    return error;
}

const struct err *engine_token_create(struct engine *engine, struct arena *arena, enum role role, str purposes, str label, int64_t expires_ms,
                                      struct uuid *ret_id, str *ret_token)
{
    TRY(token_check(engine, arena, role, purposes));
    uint8_t secret[TOKEN_BYTES];
    struct id_source ids;
    struct hash hash;
    randombytes_buf(secret, sizeof secret);
    id_source_init_random(&ids);
    str token = str_printf(arena, TOKEN_PREFIX "%.*s", STR_FMT(str_base64url(arena, secret, sizeof secret)));
    sodium_memzero(secret, sizeof secret);
    token_hash(token, &hash);
    struct token_change change = {.arena = arena, .row = {.id = id_next(&ids, clock_now_ms()), .role = str_of(role_name(role)),
                                  .purposes = purposes, .label = label, .expires_ms = expires_ms, .revoked_ms = TIME_NONE}};
    memcpy(change.row.hash, hash.bytes, sizeof change.row.hash);
    TRY(engine_commit(engine, arena, token_join, token_after, &change));
    *ret_id = change.row.id;
    *ret_token = token;
    return NULL;
}

const struct err *engine_token_revoke(struct engine *engine, struct arena *arena, struct uuid id, bool *ret_found)
{
    struct token_change change = {.arena = arena, .revoke = true, .row = {.id = id}};
    TRY(engine_commit(engine, arena, token_join, token_after, &change));
    *ret_found = change.found;
    return NULL;
}
