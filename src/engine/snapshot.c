/* Policies in force: snapshots with a count of those who look at them, and the switch from one to the next.
 *
 * 1. `policy->references` counts users of a snapshot; the current one has one more, the engine's.
 * 2. Each snapshot has purpose sets of its own, bound to it: masks of two versions never meet.
 * 3. The switch happens on the writer thread, after the commit that made the new version durable and put it into the ledger (P2).
 */
#include "base/log.h"
#include "engine/nodes_private.h"
#include "engine/person_cache.h"
#include "engine/view_cache.h"
#include "evidence/canonical.h"

#include <stdlib.h>

static struct purpose_sets *sets_bound(const struct policy *policy)
{
    struct purpose_sets *sets = purpose_sets_new();
    str names[LIMIT_PURPOSES];
    for (size_t i = 0; i < policy->purposes.count; i++)
        names[i] = policy->purposes.items[i].name;
    purpose_sets_bind(sets, names, (unsigned)policy->purposes.count);
    return sets;
}

static struct snapshot *snapshot_new(struct policy *policy)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    ASSERT(snapshot);
    snapshot->policy = policy;
    snapshot->sets = sets_bound(policy);
    map_init(&snapshot->write_keys, &policy->arena);
    vec_each (source, &policy->sources) {
        if (str_empty(source->write_key))
            continue;
        struct hash *digest = arena_new(&policy->arena, struct hash);
        hash_sha256(source->write_key, digest);
        map_set(&snapshot->write_keys, str_bytes(digest->bytes, sizeof digest->bytes), source);
    }
    policy->references = 1;
    return snapshot;
}

/* With the lock held. */
static void snapshot_drop(struct engine *engine, struct snapshot *snapshot)
{
    ASSERT(snapshot->policy->references > 0);
    if (--snapshot->policy->references)
        return;
    for (struct snapshot **link = &engine->snapshots; *link; link = &(*link)->next)
        if (*link == snapshot) {
            *link = snapshot->next;
            break;
        }
    purpose_sets_free(snapshot->sets);
    policy_free(snapshot->policy);
    free(snapshot);
}

struct snapshot *snapshot_take(struct engine *engine)
{
    pthread_mutex_lock(&engine->policy_lock);
    struct snapshot *snapshot = engine->current;
    if (snapshot)
        snapshot->policy->references++;
    pthread_mutex_unlock(&engine->policy_lock);
    return snapshot;
}

static struct snapshot *snapshot_find(struct engine *engine, const struct policy *policy)
{
    struct snapshot *snapshot = engine->snapshots;
    while (snapshot && snapshot->policy != policy)
        snapshot = snapshot->next;
    return snapshot;
}

const struct policy *engine_policy(struct engine *engine)
{
    struct snapshot *snapshot = snapshot_take(engine);
    return snapshot ? snapshot->policy : NULL;
}

void engine_policy_release(struct engine *engine, const struct policy *policy)
{
    if (!policy)
        return;
    pthread_mutex_lock(&engine->policy_lock);
    struct snapshot *snapshot = snapshot_find(engine, policy);
    ASSERT(snapshot);
    snapshot_drop(engine, snapshot);
    pthread_mutex_unlock(&engine->policy_lock);
}

struct sets_use sets_of(struct engine *engine, const struct policy *policy)
{
    pthread_mutex_lock(&engine->policy_lock);
    struct snapshot *snapshot = snapshot_find(engine, policy);
    pthread_mutex_unlock(&engine->policy_lock);
    return snapshot ? (struct sets_use){snapshot->sets, false} : (struct sets_use){sets_bound(policy), true};
}

void sets_release(struct sets_use use)
{
    if (use.temporary)
        purpose_sets_free(use.sets);
}

struct purpose_sets *engine_purpose_sets(struct engine *engine)
{
    pthread_mutex_lock(&engine->policy_lock);
    struct purpose_sets *sets = engine->current ? engine->current->sets : NULL;
    pthread_mutex_unlock(&engine->policy_lock);
    return sets;
}

str snapshot_source_by_key(struct engine *engine, const struct policy *policy, const struct hash *digest)
{
    pthread_mutex_lock(&engine->policy_lock);
    struct snapshot *snapshot = snapshot_find(engine, policy);
    pthread_mutex_unlock(&engine->policy_lock);
    const struct source *source = snapshot ? map_get(&snapshot->write_keys, str_bytes(digest->bytes, sizeof digest->bytes)) : NULL;
    return source ? source->name : STR_NONE;
}

static void snapshot_switch(struct engine *engine, struct snapshot *snapshot)
{
    pthread_mutex_lock(&engine->policy_lock);
    struct snapshot *old = engine->current;
    snapshot->next = engine->snapshots;
    engine->snapshots = engine->current = snapshot;
    if (old)
        snapshot_drop(engine, old);
    pthread_mutex_unlock(&engine->policy_lock);
}

/* ---- stored versions ---- */

static const struct err *notices_read(struct arena *arena, str text, struct map *ret_notices)
{
    map_init(ret_notices, arena);
    if (str_empty(text))
        return NULL;
    struct json tree;
    TRY(json_read(arena, text, &tree));
    for (uint32_t i = 0; tree.type == JSON_OBJECT && i < tree.count; i++) {
        str *content = arena_new(arena, str);
        *content = json_string(&tree.members[i].value);
        map_set(ret_notices, tree.members[i].name, content);
    }
    return NULL;
}

const struct err *policy_from_row(struct arena *arena, const struct policy_row *row, struct policy **ret_policy)
{
    struct map notices;
    TRY(notices_read(arena, row->notices, &notices));
    struct policy_input input = {.text = row->text, .notices = &notices};
    policy_problems problems = {0};
    const struct err *error = policy_load(arena, &input, ret_policy, &problems);
    if (error)
        return err_new(arena, error->code, "policy version %u of the store does not load: %.*s", row->version,
                       STR_FMT(problems.count ? problems.items[0].text : str_of(error->text)));
    (*ret_policy)->version = row->version;
    (*ret_policy)->activated_ms = row->activated_ms;
    return NULL;
}

/* ---- which version was in force when ---- */

static void times_add(struct engine *engine, uint32_t version, int64_t activated_ms)
{
    pthread_mutex_lock(&engine->policy_lock);
    int64_t *times = reallocarray(engine->policy_times, version, sizeof *times);
    ASSERT(times && version > 0);
    for (uint32_t missing = engine->policy_times_count; missing + 1 < version; missing++)
        times[missing] = TIME_FOREVER; /* versions are given one after the other, so there is none */
    times[version - 1] = activated_ms;
    engine->policy_times = times;
    engine->policy_times_count = version;
    pthread_mutex_unlock(&engine->policy_lock);
}

static uint32_t version_at(struct engine *engine, int64_t at_ms)
{
    pthread_mutex_lock(&engine->policy_lock);
    uint32_t version = engine->policy_times_count;
    while (version > 0 && engine->policy_times[version - 1] > at_ms)
        version--;
    pthread_mutex_unlock(&engine->policy_lock);
    return version;
}

static const struct err *times_read(struct engine *engine)
{
    struct arena scratch;
    struct policy_row *rows = NULL;
    size_t count = 0;
    arena_init(&scratch);
    const struct err *error = engine->store->ops->policies(engine->session, &scratch, false, &rows, &count);
    for (size_t i = 0; i < count && !error; i++)
        times_add(engine, rows[i].version, rows[i].activated_ms);
    if (error)
        error = err_new(&engine->arena, error->code, "%s", error->text);
    arena_release(&scratch);
    return error;
}

const struct err *snapshot_open(struct engine *engine)
{
    struct policy_row row = {0};
    bool found = false;
    TRY(times_read(engine));
    TRY(engine->store->ops->policy(engine->session, &engine->arena, 0, &row, &found));
    if (!found)
        return NULL;
    struct policy *policy = NULL;
    TRY(policy_from_row(&engine->arena, &row, &policy));
    snapshot_switch(engine, snapshot_new(policy));
    person_cache_clear(engine->person_cache, policy);
    view_cache_clear(engine->view_cache, policy->version);
    str follow = STR_NONE;
    TRY(engine->store->ops->setting(engine->session, &engine->arena, STR("policy_follow"), &follow));
    engine->follow = !str_empty(follow);
    str late = STR_NONE;
    TRY(engine->store->ops->setting(engine->session, &engine->arena, STR("late_disclosures"), &late));
    engine->late = !str_empty(late);
    return NULL;
}

void snapshot_close(struct engine *engine)
{
    pthread_mutex_lock(&engine->policy_lock);
    if (engine->current)
        snapshot_drop(engine, engine->current);
    engine->current = NULL;
    for (const struct snapshot *held = engine->snapshots; held; held = held->next)
        log_write(LOG_WARN, "engine", "a policy snapshot is still held version=%u users=%u", held->policy->version, held->policy->references);
    while (engine->snapshots) { /* somebody forgot; the memory goes all the same */
        engine->snapshots->policy->references = 1;
        snapshot_drop(engine, engine->snapshots);
    }
    free(engine->policy_times);
    engine->policy_times = NULL;
    engine->policy_times_count = 0;
    pthread_mutex_unlock(&engine->policy_lock);
}

const struct err *engine_policy_at(struct engine *engine, struct reader *reader, struct arena *arena, int64_t at_ms, struct policy **ret_policy)
{
    uint32_t version = version_at(engine, at_ms);
    *ret_policy = NULL;
    if (!version)
        return NULL;
    struct policy_row row = {0};
    bool found = false;
    TRY(engine->store->ops->policy(reader->session, arena, version, &row, &found));
    if (!found)
        return err_new(arena, ERR_INTERNAL, "policy version %u is missing in the store", version);
    return policy_from_row(arena, &row, ret_policy);
}

/* ---- a version that another node activated ---- */

uint32_t snapshot_version(struct engine *engine)
{
    pthread_mutex_lock(&engine->policy_lock);
    uint32_t version = engine->current ? engine->current->policy->version : 0;
    pthread_mutex_unlock(&engine->policy_lock);
    return version;
}

static const struct err *times_follow(struct engine *engine, struct arena *arena, uint32_t from)
{
    struct policy_row *rows = NULL;
    size_t count = 0;
    TRY(engine->store->ops->policies(engine->session, arena, false, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].version > from)
            times_add(engine, rows[i].version, rows[i].activated_ms);
    return NULL;
}

const struct err *snapshot_follow(struct engine *engine, struct arena *arena)
{
    struct policy_row row = {0};
    bool found = false;
    TRY(engine->store->ops->policy(engine->session, arena, 0, &row, &found));
    uint32_t present = snapshot_version(engine);
    if (!found || row.version <= present)
        return err_new(arena, ERR_INTERNAL, "the policy that another node activated is missing in the store");
    struct policy *policy = NULL;
    TRY(policy_from_row(arena, &row, &policy));
    const struct err *error = times_follow(engine, arena, present);
    if (error) {
        policy_free(policy);
        return error;
    }
    snapshot_switch(engine, snapshot_new(policy));
    person_cache_clear(engine->person_cache, policy);
    view_cache_clear(engine->view_cache, policy->version);
    log_write(LOG_INFO, "policy", "another node activated version=%u", policy->version);
    return NULL;
}

/* ---- activating ---- */

struct activation {
    struct policy *policy;
    str notices;
    struct uuid by;
    struct policy_row *row;
    struct arena *arena;
    commit_join check;
    void *check_context;
};

static const struct err *activation_join(void *context, struct commit *commit)
{
    struct activation *activation = context;
    uint32_t version = (commit->policy ? commit->policy->version : 0) + 1;
    if (version > LIMIT_POLICY_VERSIONS)
        return err_new(activation->arena, ERR_CONFLICT, "there are %d policy versions already", LIMIT_POLICY_VERSIONS);
    if (commit->save.policy)
        return err_new(activation->arena, ERR_CONFLICT, "another policy is being applied just now");
    TRY(activation->check(activation->check_context, commit));
    struct policy *policy = activation->policy;
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, commit->arena, 4096);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_time(&w, "activated_at", commit->now_ms);
    jsonw_key(&w, STR("by"));
    jsonw_uuid(&w, activation->by);
    jsonw_field(&w, "controller", policy->controller);
    jsonw_field(&w, "sha256", str_hex(commit->arena, policy->sha256, sizeof policy->sha256));
    jsonw_field_int(&w, "version", version);
    jsonw_object_end(&w);
    uint64_t index = 0;
    TRY(ledger_clear(&commit->draft, "policy", buf_str(&buf), &index));
    *activation->row = (struct policy_row){.version = version, .activated_ms = commit->now_ms, .text = policy->text,
                                           .notices = activation->notices, .ledger_index = index, .by = activation->by};
    memcpy(activation->row->sha256, policy->sha256, sizeof policy->sha256);
    commit->save.policy = activation->row;
    commit->follow = true;
    return follow_begin(commit, version);
}

static void activation_after(void *context, struct engine *engine)
{
    struct activation *activation = context;
    activation->policy->version = activation->row->version;
    activation->policy->activated_ms = activation->row->activated_ms;
    times_add(engine, activation->row->version, activation->row->activated_ms);
    snapshot_switch(engine, snapshot_new(activation->policy));
    person_cache_clear(engine->person_cache, activation->policy);
    view_cache_clear(engine->view_cache, activation->policy->version);
    engine->follow = true;
    log_write(LOG_INFO, "policy", "activated version=%u", activation->row->version);
}

const struct err *policy_activate(struct engine *engine, struct arena *arena, struct policy *policy, str notices, struct uuid by,
                                  commit_join check, void *check_context, uint32_t *ret_version)
{
    struct policy_row row = {0};
    struct activation activation = {.policy = policy, .notices = notices, .by = by, .row = &row, .arena = arena, .check = check,
                                    .check_context = check_context};
    TRY(engine_commit_alone(engine, arena, activation_join, activation_after, &activation));
    *ret_version = row.version;
    sweeper_wake(engine);
    return NULL;
}
