/* Changes of users, sessions and one-time links, each in a commit with its entry in the ledger; the contract is in access.h.
 *
 * A join decides on the writer thread, where nobody else changes anything: is the name free, is the link good, does an admin remain.
 */
#include "engine/access_private.h"

#include <sodium.h>

/* What a wrong name is checked against, so that it takes as long as a wrong password: the hash of random bytes that nobody kept. */
static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$MGdCWLg/9EbnW4be9OWO7Q$W2c2sU9Fn1VyjSb3L7VnrkdjvpBUykfGWdbwl0DOxrE";

const struct err *access_enter(struct commit *commit, const char *what, struct uuid user, const struct uuid *by, const char *how, uint64_t count)
{
    struct buf out;
    struct jsonw w;
    uint64_t index;
    buf_init(&out, commit->arena, 1024);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "what", str_of(what));
    if (!uuid_is_zero(user)) {
        jsonw_key(&w, STR("user"));
        jsonw_uuid(&w, user);
    }
    if (by && uuid_is_zero(*by)) {
        jsonw_field(&w, "by", STR("local"));
    } else if (by) {
        jsonw_key(&w, STR("by"));
        jsonw_uuid(&w, *by);
    }
    if (how)
        jsonw_field(&w, "how", str_of(how));
    if (count)
        jsonw_field_int(&w, "count", (int64_t)count);
    jsonw_object_end(&w);
    ASSERT(!out.overflow);
    return ledger_clear(&commit->draft, "access", buf_str(&out), &index);
}

struct export_taken {
    struct uuid who;
    bool closed;
};

static const struct err *export_join(void *context, struct commit *commit)
{
    const struct export_taken *taken = context;
    return access_enter(commit, "evidence_exported", (struct uuid){{0}}, &taken->who, taken->closed ? "closed" : "opened", 0);
}

const struct err *engine_export_enter(struct engine *engine, struct arena *arena, struct uuid who, bool closed)
{
    struct export_taken taken = {who, closed};
    return engine_commit(engine, arena, export_join, NULL, &taken);
}

static void session_gone(struct commit *commit, struct uuid id) { *(struct uuid *)vec_push(commit->arena, &commit->save.sessions_gone) = id; }

/* ---- a user ---- */

struct user_work {
    struct uuid id;
    const struct user_facts *facts;
    const struct user_order *order;
    struct arena *arena;
    bool make;
    struct user_row row;
    VEC(struct uuid) gone;
};

static const struct err *code_check(struct user_work *work, const struct access *access, struct commit *commit)
{
    if (!work->order->code.data)
        return NULL;
    const struct session_entry *link = access_session_by_token(access, work->order->code, true);
    bool first = link && uuid_is_zero(link->row.user);
    bool fits = link && link->row.expires_ms > commit->now_ms && (first ? work->make : uuid_equal(link->row.user, work->id));
    for (size_t i = 0; fits && first && i < access->user_count; i++)
        fits = str_empty(access->users[i]->row.sealed);
    if (!fits)
        return err_new(work->arena, ERR_FORBIDDEN, "the link was used, is over, or is not for this; ask for a new one");
    *(struct uuid *)vec_push(work->arena, &work->gone) = link->row.id;
    return NULL;
}

static const struct err *row_find(struct user_work *work, const struct access *access, struct user *ret_user)
{
    const struct user_entry *entry = access_user(access, work->id);
    if (work->make) {
        if (access->user_count >= LIMIT_USERS)
            return err_new(work->arena, ERR_CONFLICT, "there are %d users already", LIMIT_USERS);
        work->row = (struct user_row){.id = work->id};
        *ret_user = (struct user){.id = work->id};
        return NULL;
    }
    if (!entry || str_empty(entry->row.sealed))
        return err_new(work->arena, ERR_NOT_FOUND, "there is no user of this id");
    work->row = entry->row;
    work->row.role = str_copy(work->arena, entry->row.role);
    work->row.purposes = str_copy(work->arena, entry->row.purposes);
    work->row.password = str_copy(work->arena, entry->row.password);
    if (!access_row_open(access, work->arena, &entry->row, ret_user))
        return err_new(work->arena, ERR_INTERNAL, "the record of the user is damaged");
    return NULL;
}

static const struct err *facts_apply(struct user_work *work, const struct access *access, struct user *user)
{
    const struct user_facts *facts = work->facts;
    struct user_row *row = &work->row;
    if (facts->set & USER_NAME) {
        access_login(access, work->arena, facts->name, row->login);
        const struct user_entry *other = access_user_by_login(access, row->login);
        if (other && !uuid_equal(other->row.id, work->id))
            return err_new(work->arena, ERR_CONFLICT, "there is a user of this name already");
        user->name = str_trim(facts->name);
    }
    if (facts->set & USER_TITLE)
        user->title = facts->title;
    if (facts->set & USER_EMAIL)
        user->email = facts->email;
    if (facts->set & USER_ROLE) {
        row->role = str_of(role_name(facts->role));
        row->purposes = facts->purposes;
    }
    if (facts->set & USER_DISABLED)
        row->disabled = facts->disabled;
    if (facts->set & USER_PASSWORD)
        row->password = facts->password;
    if (facts->set & USER_SUBJECT)
        access_subject(access, facts->subject, row->subject);
    access_row_seal(access, work->arena, user, row);
    if (facts->set & USER_REMOVED) {
        *row = (struct user_row){.id = row->id, .role = row->role, .purposes = STR(""), .password = STR(""), .disabled = true, .created_ms = row->created_ms};
    }
    return NULL;
}

static const struct err *admin_remains(const struct user_work *work, const struct access *access)
{
    const struct user_entry *before = work->make ? NULL : access_user(access, work->id);
    if (!before || !access_is_admin(&before->row) || access_is_admin(&work->row))
        return NULL;
    for (size_t i = 0; i < access->user_count; i++)
        if (access_is_admin(&access->users[i]->row) && !uuid_equal(access->users[i]->row.id, work->id))
            return NULL;
    return err_new(work->arena, ERR_CONFLICT, "this is the only admin; make another one first");
}

static const char *what_of(const struct user_work *work)
{
    unsigned set = work->facts->set;
    if (work->make)
        return "user_made";
    if (set & USER_REMOVED)
        return "user_removed";
    if (set & USER_DISABLED)
        return work->row.disabled ? "user_disabled" : "user_enabled";
    return set & USER_PASSWORD ? "password_set" : "user_changed";
}

static void sessions_end(struct user_work *work, const struct access *access)
{
    unsigned set = work->facts->set;
    if (work->make || !(set & (USER_ROLE | USER_DISABLED | USER_PASSWORD | USER_REMOVED)))
        return;
    bool links = set & (USER_DISABLED | USER_PASSWORD | USER_REMOVED);
    for (size_t i = 0; i < access->session_count; i++) {
        const struct session_row *row = &access->sessions[i]->row;
        if (uuid_equal(row->user, work->id) && (links || !row->link) && !uuid_equal(row->id, work->order->keep))
            *(struct uuid *)vec_push(work->arena, &work->gone) = row->id;
    }
}

static const struct err *user_join(void *context, struct commit *commit)
{
    struct user_work *work = context;
    struct access *access = commit->engine->access;
    struct user user;
    work->gone.count = 0;
    pthread_rwlock_rdlock(&access->lock);
    const struct err *error = code_check(work, access, commit);
    if (!error)
        error = row_find(work, access, &user);
    if (!error)
        error = facts_apply(work, access, &user);
    if (!error)
        error = admin_remains(work, access);
    if (!error)
        sessions_end(work, access);
    pthread_rwlock_unlock(&access->lock);
    TRY(error);
    work->row.changed_ms = commit->now_ms;
    if (work->make)
        work->row.created_ms = commit->now_ms;
    TRY(access_enter(commit, what_of(work), work->id, work->order->code.data ? NULL : &work->order->by, work->order->code.data ? "link" : NULL, 0));
    *(struct user_row *)vec_push(commit->arena, &commit->save.users) = work->row;
    vec_each (id, &work->gone)
        session_gone(commit, *id);
    return NULL;
}

static void user_after(void *context, struct engine *engine)
{
    struct user_work *work = context;
    pthread_rwlock_wrlock(&engine->access->lock);
    access_user_put(engine->access, &work->row);
    vec_each (id, &work->gone)
        access_session_drop(engine->access, *id);
    pthread_rwlock_unlock(&engine->access->lock);
}

static struct uuid id_make(void)
{
    struct id_source ids;
    id_source_init_random(&ids);
    return id_next(&ids, clock_now_ms());
}

const struct err *engine_user_make(struct engine *engine, struct arena *arena, const struct user_facts *facts, const struct user_order *order,
                                   struct uuid *ret_id)
{
    struct user_work work = {.id = id_make(), .facts = facts, .order = order, .arena = arena, .make = true};
    ASSERT((facts->set & USER_NAME) && (facts->set & USER_ROLE));
    TRY(engine_commit(engine, arena, user_join, user_after, &work));
    *ret_id = work.id;
    return NULL;
}

const struct err *engine_user_change(struct engine *engine, struct arena *arena, struct uuid id, const struct user_facts *facts,
                                     const struct user_order *order)
{
    struct user_work work = {.id = id, .facts = facts, .order = order, .arena = arena};
    return engine_commit(engine, arena, user_join, user_after, &work);
}

/* ---- passwords ---- */

const struct err *engine_password_hash(struct arena *arena, str password, str *ret_hash)
{
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(hash, password.data ? password.data : "", password.length, crypto_pwhash_OPSLIMIT_INTERACTIVE, crypto_pwhash_MEMLIMIT_INTERACTIVE))
        return err_new(arena, ERR_UNAVAILABLE, "there is no memory to work on a password now; try again in a moment");
    *ret_hash = str_copy(arena, str_of(hash));
    return NULL;
}

/* The hash to check against: the user's, or nobody's, which fits nothing. `*ret_may`: the user may sign in by it. */
static void hash_of(const struct user_entry *entry, char ret_hash[crypto_pwhash_STRBYTES], bool *ret_may)
{
    *ret_may = entry && !entry->row.disabled && !str_empty(entry->row.password) && entry->row.password.length < crypto_pwhash_STRBYTES;
    str hash = *ret_may ? entry->row.password : str_of(nobody);
    memcpy(ret_hash, hash.data, hash.length);
    ret_hash[hash.length] = '\0';
}

static bool verify(const char *hash, str password) { return crypto_pwhash_str_verify(hash, password.data ? password.data : "", password.length) == 0; }

struct failure {
    struct uuid user;
};

static const struct err *failure_join(void *context, struct commit *commit)
{
    struct failure *failure = context;
    return access_enter(commit, "sign_in_failed", failure->user, NULL, "password", 0);
}

const struct err *engine_password_check(struct engine *engine, struct arena *arena, str name, str password, struct uuid *ret_user, bool *ret_good)
{
    struct access *access = engine->access;
    char hash[crypto_pwhash_STRBYTES];
    uint8_t login[16];
    bool may;
    access_login(access, arena, name, login);
    pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *entry = access_user_by_login(access, login);
    struct failure failure = {entry ? entry->row.id : (struct uuid){{0}}};
    hash_of(entry, hash, &may);
    pthread_rwlock_unlock(&access->lock);
    bool good = verify(hash, password) && may;
    sodium_memzero(hash, sizeof hash);
    if (good)
        *ret_user = failure.user;
    else if (uuid_is_zero(failure.user))
        atomic_fetch_add(&access->unknown_failures, 1);
    else
        TRY(engine_commit(engine, arena, failure_join, NULL, &failure));
    *ret_good = good;
    return NULL;
}

bool engine_password_of(struct engine *engine, struct uuid id, str password)
{
    struct access *access = engine->access;
    char hash[crypto_pwhash_STRBYTES];
    bool may;
    pthread_rwlock_rdlock(&access->lock);
    hash_of(access_user(access, id), hash, &may);
    pthread_rwlock_unlock(&access->lock);
    return verify(hash, password) && may;
}

/* ---- sessions and links ---- */

struct session_work {
    struct session_row row;
    struct uuid by, of;
    const char *how;
    int64_t idle_ms;
    struct arena *arena;
    VEC(struct uuid) gone;
    VEC(struct session_row) seen;
    uint64_t unknown;
    bool found;
};

static void gone_add(struct session_work *work, struct uuid id) { *(struct uuid *)vec_push(work->arena, &work->gone) = id; }

/* Those of the user beyond what one may have: the oldest. */
static void oldest_end(struct session_work *work, const struct access *access)
{
    const struct session_entry *oldest = NULL;
    size_t count = 0;
    for (size_t i = 0; i < access->session_count; i++) {
        const struct session_entry *entry = access->sessions[i];
        if (entry->row.link || !uuid_equal(entry->row.user, work->row.user))
            continue;
        count++;
        if (!oldest || entry->row.created_ms < oldest->row.created_ms)
            oldest = entry;
    }
    if (count >= LIMIT_USER_SESSIONS)
        gone_add(work, oldest->row.id);
}

static const struct err *begin_join(void *context, struct commit *commit)
{
    struct session_work *work = context;
    struct access *access = commit->engine->access;
    work->gone.count = 0;
    pthread_rwlock_rdlock(&access->lock);
    const struct user_entry *user = access_user(access, work->row.user);
    bool there = user && !str_empty(user->row.sealed) && !user->row.disabled;
    if (!work->row.link)
        oldest_end(work, access);
    for (size_t i = 0; work->row.link && i < access->session_count; i++)
        if (access->sessions[i]->row.link && uuid_equal(access->sessions[i]->row.user, work->row.user))
            gone_add(work, access->sessions[i]->row.id);
    pthread_rwlock_unlock(&access->lock);
    if (!there)
        return err_new(work->arena, ERR_NOT_FOUND, "there is no user of this id who may sign in");
    TRY(access_enter(commit, work->row.link ? "link_made" : "signed_in", work->row.user, work->row.link ? &work->by : NULL, work->how, 0));
    *(struct session_row *)vec_push(commit->arena, &commit->save.sessions) = work->row;
    vec_each (id, &work->gone)
        session_gone(commit, *id);
    return NULL;
}

static void session_after(void *context, struct engine *engine)
{
    struct session_work *work = context;
    pthread_rwlock_wrlock(&engine->access->lock);
    vec_each (id, &work->gone)
        access_session_drop(engine->access, *id);
    if (!uuid_is_zero(work->row.id))
        access_session_put(engine->access, &work->row);
    pthread_rwlock_unlock(&engine->access->lock);
}

static str secret_make(struct arena *arena, struct session_row *row)
{
    uint8_t secret[ACCESS_TOKEN_BYTES];
    struct hash hash;
    randombytes_buf(secret, sizeof secret);
    str token = str_base64url(arena, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    hash_sha256(token, &hash);
    memcpy(row->hash, hash.bytes, sizeof row->hash);
    return token;
}

static void first_replace(struct access *access, const struct session_row *row)
{
    pthread_rwlock_wrlock(&access->lock);
    for (size_t i = access->session_count; i-- > 0;)
        if (access->sessions[i]->row.link && uuid_is_zero(access->sessions[i]->row.user))
            access_session_drop(access, access->sessions[i]->row.id);
    access_session_put(access, row);
    pthread_rwlock_unlock(&access->lock);
}

static const struct err *begin(struct engine *engine, struct session_work *work, int64_t life_ms, str *ret_token)
{
    int64_t now_ms = clock_now_ms();
    work->row.id = id_make();
    work->row.created_ms = work->row.seen_ms = now_ms;
    work->row.expires_ms = now_ms + life_ms;
    str token = secret_make(work->arena, &work->row);
    if (uuid_is_zero(work->row.user)) { /* the first admin's: made at each start, so it lies in memory only, and its use is what the ledger tells */
        first_replace(engine->access, &work->row);
        *ret_token = token;
        return NULL;
    }
    TRY(engine_commit(engine, work->arena, begin_join, session_after, work));
    *ret_token = token;
    return NULL;
}

const struct err *engine_session_begin(struct engine *engine, struct arena *arena, struct uuid user, const char *how, int64_t life_ms, str *ret_token,
                                       struct session_info *ret_info)
{
    struct session_work work = {.row = {.user = user}, .how = how, .arena = arena};
    TRY(begin(engine, &work, life_ms, ret_token));
    *ret_info = (struct session_info){work.row.id, user, work.row.created_ms, work.row.seen_ms, work.row.expires_ms};
    return NULL;
}

const struct err *engine_code_make(struct engine *engine, struct arena *arena, struct uuid user, int64_t life_ms, struct uuid by, str *ret_code,
                                   int64_t *ret_expires_ms)
{
    struct session_work work = {.row = {.user = user, .link = true}, .by = by, .arena = arena};
    TRY(begin(engine, &work, life_ms, ret_code));
    *ret_expires_ms = work.row.expires_ms;
    return NULL;
}

static const struct err *end_join(void *context, struct commit *commit)
{
    struct session_work *work = context;
    struct access *access = commit->engine->access;
    struct uuid user = {{0}};
    pthread_rwlock_rdlock(&access->lock);
    const struct session_entry *entry = access_session(access, work->gone.items[0]);
    work->found = entry && !entry->row.link && (uuid_is_zero(work->of) || uuid_equal(entry->row.user, work->of));
    if (work->found)
        user = entry->row.user;
    pthread_rwlock_unlock(&access->lock);
    if (!work->found)
        return NULL;
    session_gone(commit, work->gone.items[0]);
    return access_enter(commit, work->how, user, &work->by, NULL, 0);
}

static void end_after(void *context, struct engine *engine)
{
    const struct session_work *work = context;
    if (work->found)
        session_after(context, engine);
}

const struct err *engine_session_end(struct engine *engine, struct arena *arena, struct uuid id, struct uuid of, struct uuid by, const char *how,
                                     bool *ret_found)
{
    struct session_work work = {.of = of, .by = by, .how = how, .arena = arena};
    gone_add(&work, id);
    TRY(engine_commit(engine, arena, end_join, end_after, &work));
    *ret_found = work.found;
    return NULL;
}

/* ---- care ---- */

static const struct err *tend_join(void *context, struct commit *commit)
{
    struct session_work *work = context;
    if (work->unknown)
        TRY(access_enter(commit, "sign_in_failed", (struct uuid){{0}}, NULL, "password", work->unknown));
    vec_each (row, &work->seen)
        *(struct session_row *)vec_push(commit->arena, &commit->save.sessions) = *row;
    vec_each (id, &work->gone)
        session_gone(commit, *id);
    return NULL;
}

static void tend_after(void *context, struct engine *engine)
{
    struct session_work *work = context;
    struct access *access = engine->access;
    pthread_rwlock_wrlock(&access->lock);
    vec_each (row, &work->seen)
        if (access_session(access, row->id))
            access_session_put(access, row);
    vec_each (id, &work->gone)
        access_session_drop(access, *id);
    pthread_rwlock_unlock(&access->lock);
}

/* Looked at twice: whether there is anything to do, and on the writer thread, where a session that ended meanwhile is not put down again. */
static void tend_look(struct session_work *work, const struct access *access, int64_t now_ms)
{
    for (size_t i = 0; i < access->session_count; i++) {
        const struct session_entry *entry = access->sessions[i];
        int64_t seen_ms = atomic_load(&entry->seen_ms);
        bool over = entry->row.expires_ms <= now_ms || (!entry->row.link && seen_ms <= now_ms - work->idle_ms);
        if (over) {
            gone_add(work, entry->row.id);
        } else if (seen_ms != entry->row.seen_ms) {
            struct session_row *row = vec_push(work->arena, &work->seen);
            *row = entry->row;
            row->seen_ms = seen_ms;
        }
    }
}

static const struct err *tend_look_join(void *context, struct commit *commit)
{
    struct session_work *work = context;
    struct access *access = commit->engine->access;
    work->gone.count = work->seen.count = 0;
    pthread_rwlock_rdlock(&access->lock);
    tend_look(work, access, commit->now_ms);
    pthread_rwlock_unlock(&access->lock);
    return tend_join(work, commit);
}

static bool tend_needed(struct engine *engine, struct session_work *work)
{
    struct access *access = engine->access;
    pthread_rwlock_rdlock(&access->lock);
    tend_look(work, access, clock_now_ms());
    pthread_rwlock_unlock(&access->lock);
    return work->gone.count || work->seen.count || work->unknown;
}

const struct err *engine_access_tend(struct engine *engine, struct arena *arena, int64_t idle_ms)
{
    struct access *access = engine->access;
    struct session_work work = {.idle_ms = idle_ms, .arena = arena, .unknown = atomic_exchange(&access->unknown_failures, 0)};
    if (!tend_needed(engine, &work))
        return NULL;
    const struct err *error = engine_commit(engine, arena, tend_look_join, tend_after, &work);
    if (error)
        atomic_fetch_add(&access->unknown_failures, work.unknown);
    return error;
}
