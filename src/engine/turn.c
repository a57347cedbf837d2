/* A commit on a shared store: worked out before its turn, checked under it, worked out again where another node was faster. The picture is in
 * nodes_private.h. All of it on the writer thread, but for the lease. */
#include "engine/nodes_private.h"

#include "base/log.h"
#include "engine/person_cache.h"

#include <stdlib.h>

#define ROUNDS_OPTIMISTIC 2
#define BLOCK UINT64_C(262144) /* profile numbers that a node reserves at once */
#define NUMBERS_A_MESSAGE 4 /* more people than that a message makes only where identifiers are kept apart; then it is noticed */

static size_t commit_size(const struct commit *commit)
{
    size_t count = 0;
    for (const struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next)
        count += ticket->work ? ticket->work->request_count : ticket->sweep_count;
    return count;
}

/* ---- ids of messages that other nodes took ---- */

/* True when one of the commit's own is among them: then its ids have left the window. */
static bool ids_take(struct commit *commit)
{
    struct engine *engine = commit->engine;
    struct nodes *nodes = engine->nodes;
    pthread_mutex_lock(&nodes->follow_lock);
    __typeof__(nodes->ids) ids = nodes->ids;
    size_t count = nodes->id_count;
    nodes->ids = NULL;
    nodes->id_count = nodes->id_capacity = 0;
    pthread_mutex_unlock(&nodes->follow_lock);
    if (!count)
        return false;
    bool clash = false;
    dedupe_remove_newest(engine->dedupe, commit->dedupe_added);
    for (size_t i = 0; i < count; i++)
        if (!dedupe_has(engine->dedupe, ids[i].id))
            dedupe_add(engine->dedupe, ids[i].id, ids[i].at_ms);
    free(ids);
    vec_each (id, &commit->dedupe_ids)
        clash |= dedupe_has(engine->dedupe, *id);
    if (clash)
        commit->dedupe_added = 0;
    else
        vec_each (id, &commit->dedupe_ids)
            dedupe_add(engine->dedupe, *id, commit->now_ms);
    return clash;
}

/* ---- the turn ---- */

void nodes_turn_end(struct engine *engine)
{
    struct nodes *nodes = engine->nodes;
    if (!nodes || !nodes->has_turn)
        return;
    nodes->has_turn = false;
    engine->store->ops->turn_back(engine->session);
}

static const struct err *turn_take(struct commit *commit)
{
    struct engine *engine = commit->engine;
    struct nodes *nodes = engine->nodes;
    str head = STR_NONE;
    TRY(engine->store->ops->turn(engine->session, commit->arena, &head));
    nodes->has_turn = true;
    TRY(nodes_follow(engine, engine->session, commit->arena, head));
    pthread_mutex_lock(&nodes->follow_lock);
    nodes->next = nodes->seen;
    pthread_mutex_unlock(&nodes->follow_lock);
    nodes->next.saves++;
    return NULL;
}

/* In the turn: the numbers are ours as soon as this commit is saved. */
static void block_reserve(struct engine *engine, uint64_t wanted)
{
    struct nodes *nodes = engine->nodes;
    uint64_t size = wanted > BLOCK ? wanted : BLOCK;
    engine->profile_next = nodes->next.profile_next;
    nodes->next.profile_next += size;
    nodes->block_until = nodes->next.profile_next;
    nodes->block_new = true;
    engine->keys_until = engine->profile_next_seen = engine->profile_next;
}

void commit_concerns(struct commit *commit, profile_no profile)
{
    if (commit->engine->nodes)
        *(profile_no *)vec_push(commit->arena, &commit->concerned) = profile;
}

profile_no commit_profile_next(struct commit *commit)
{
    struct nodes *nodes = commit->engine->nodes;
    if (nodes && commit->batch.profile_next >= nodes->block_until) {
        block_reserve(commit->engine, BLOCK);
        commit->batch.profile_next = commit->engine->profile_next;
    }
    return (profile_no){commit->batch.profile_next++};
}

/* ---- is it still true? ---- */

static bool touched_meanwhile(const struct commit *commit, uint64_t seen)
{
    const struct foreign *foreign = &commit->engine->nodes->foreign;
    for (size_t i = 0; i < commit->loaded_count; i++)
        vec_each (profile, &commit->loaded[i]->profiles)
            if (foreign_at(foreign, profile->number.value) > seen)
                return true;
    return false;
}

/* Somebody whom nobody knew when the commit was worked out. */
static const struct err *made_meanwhile(struct commit *commit, bool *ret_made)
{
    struct load load = {.arena = commit->arena, .sets = commit->sets, .hashes = commit->unknown.items, .hash_count = commit->unknown.count,
                        .parts = PERSON_HEAD, .events_from_ms = INT64_MIN};
    *ret_made = false;
    if (!load.hash_count)
        return NULL;
    TRY(commit->engine->store->ops->load(commit->session, &load));
    *ret_made = load.persons.count != 0;
    return NULL;
}

static const struct err *still_true(struct commit *commit, uint64_t seen, bool *ret_true)
{
    struct nodes *nodes = commit->engine->nodes;
    bool clash = ids_take(commit), made = false;
    uint32_t version = commit->policy ? commit->policy->version : 0;
    *ret_true = false;
    if (clash || version != nodes->next.policy_version || commit->batch.profile_next > nodes->block_until)
        return NULL;
    if (nodes->next.batch_last > seen) {
        if (touched_meanwhile(commit, seen))
            return NULL;
        TRY(made_meanwhile(commit, &made));
    }
    *ret_true = !made;
    return NULL;
}

/* ---- rounds ---- */

static const struct err *work_out(struct commit *commit, uint64_t seen)
{
    person_cache_at(commit->engine->person_cache, seen);
    commit_begin(commit);
    return working_set_apply(commit);
}

/* With the turn from the beginning: nothing can come in between. */
static const struct err *round_in_turn(struct commit *commit, uint64_t numbers)
{
    struct engine *engine = commit->engine;
    TRY(turn_take(commit));
    if (nodes_policy_waits(engine))
        TRY(snapshot_follow(engine, commit->arena));
    (void)ids_take(commit); /* it has none of its own yet */
    if (engine->profile_next + numbers > engine->nodes->block_until)
        block_reserve(engine, numbers);
    TRY(work_out(commit, engine->nodes->next.batch_last));
    ASSERT(commit->batch.profile_next <= engine->nodes->block_until);
    return NULL;
}

static const struct err *round_before_turn(struct commit *commit, bool *ret_true)
{
    struct engine *engine = commit->engine;
    uint64_t seen = nodes_seen(engine);
    if (nodes_policy_waits(engine))
        TRY(snapshot_follow(engine, commit->arena));
    (void)ids_take(commit); /* as above */
    TRY(work_out(commit, seen));
    TRY(turn_take(commit));
    return still_true(commit, seen, ret_true);
}

const struct err *nodes_apply(struct commit *commit)
{
    struct engine *engine = commit->engine;
    size_t size = commit_size(commit);
    uint64_t likely = size * NUMBERS_A_MESSAGE + 64, most = size * (LIMIT_MESSAGE_IDENTIFIERS + 2) + 64;
    bool fine = false, early = size && !commit_has_positions(commit); /* how far a queue was taken in is only certain in the turn */
    engine->nodes->block_new = false;
    for (unsigned round = 0; early && !fine && round < ROUNDS_OPTIMISTIC && engine->profile_next + likely <= engine->nodes->block_until; round++) {
        TRY(round_before_turn(commit, &fine));
        if (fine)
            break;
        nodes_turn_end(engine);
        engine->metrics.retries++;
        commit_again(commit);
    }
    if (!fine)
        TRY(round_in_turn(commit, most));
    const struct node_head *next = &engine->nodes->next;
    commit->event_next = next->event_next;
    commit->outbox_next = next->outbox_next;
    commit->held_next = next->held_next;
    if (next->at_ms > commit->now_ms) {
        commit->now_ms = next->at_ms;
        core_decided_at(&commit->batch, commit->now_ms);
    }
    commit->row.number = next->batch_last + 1;
    commit->row.at_ms = commit->now_ms;
    return NULL;
}

/* ---- saving ---- */

uint64_t nodes_save_number(struct engine *engine) { return engine->nodes->next.saves; }

static bool settings_shared(const struct commit *commit)
{
    static const char *const keys[] = {"paused", "policy_follow", "late_disclosures"};
    vec_each (setting, &commit->settings)
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (str_equal(setting->key, str_of(keys[i])))
                return true;
    return false;
}

void nodes_save_prepare(struct commit *commit)
{
    struct nodes *nodes = commit->engine->nodes;
    struct node_head *next = &nodes->next;
    if (commit->save.row)
        next->batch_last = commit->row.number;
    next->at_ms = commit->now_ms > next->at_ms ? commit->now_ms : next->at_ms;
    next->event_next = commit->event_next;
    next->outbox_next = commit->outbox_next;
    next->held_next = commit->held_next;
    if (commit->save.policy)
        next->policy_version = commit->save.policy->version;
    if (commit->save.tokens.count)
        next->tokens_at = next->saves;
    if (commit->save.users.count || commit->save.sessions.count || commit->save.sessions_gone.count)
        next->access_at = next->saves;
    if (settings_shared(commit))
        next->settings_at = next->saves;
    if (commit->key_ends.count)
        next->ends_at = next->saves;
    next->frontier = commit->draft.frontier;
    commit->save.head = node_head_write(commit->arena, next);
    nodes->has_turn = false; /* the save ends it */
}

void nodes_saved(struct commit *commit)
{
    struct engine *engine = commit->engine;
    struct nodes *nodes = engine->nodes;
    pthread_mutex_lock(&nodes->follow_lock);
    if (nodes->seen.saves < nodes->next.saves)
        nodes->seen = nodes->next;
    pthread_mutex_unlock(&nodes->follow_lock);
    nodes->block_new = false;
    if (commit->save.row)
        person_cache_at(engine->person_cache, commit->row.number);
}

/* Numbers that were reserved in a turn that came to nothing are not ours. */
void nodes_failed(struct commit *commit)
{
    struct engine *engine = commit->engine;
    nodes_turn_end(engine);
    if (engine->nodes->block_new)
        engine->nodes->block_until = engine->profile_next;
    engine->nodes->block_new = false;
}

/* While nothing waits. */
void nodes_idle(struct commit *commit)
{
    struct engine *engine = commit->engine;
    str head = STR_NONE;
    const struct err *error = engine->store->ops->head(engine->session, commit->arena, &head);
    if (!error)
        error = nodes_follow(engine, engine->session, commit->arena, head);
    if (!error && nodes_policy_waits(engine))
        error = snapshot_follow(engine, commit->arena);
    (void)ids_take(commit); /* an empty commit has none */
    if (error && engine->storing)
        log_write(LOG_WARN, "nodes", "other nodes cannot be followed: %s", error->text);
}

/* ---- leases ---- */

#define LEASE_MS (10 * SECOND_MS)

struct lease {
    const char *key;
    bool mine;
};

/* "node until": false where another one has it. */
static bool lease_free(const struct engine *engine, str text, int64_t now_ms, int64_t *ret_until_ms)
{
    str node;
    *ret_until_ms = TIME_NONE;
    if (!str_split(&text, ' ', &node) || !str_to_int64(text, ret_until_ms))
        return true;
    bool own = str_equal(node, str_of(engine->nodes->id));
    if (!own && *ret_until_ms > now_ms && *ret_until_ms <= now_ms + 2 * LEASE_MS) /* one from a clock far ahead holds nobody */
        return false;
    *ret_until_ms = own ? *ret_until_ms : TIME_NONE;
    return true;
}

static const struct err *lease_join(void *context, struct commit *commit)
{
    struct lease *lease = context;
    str text = STR_NONE;
    int64_t until_ms;
    TRY(commit_setting_now(commit, str_of(lease->key), &text));
    lease->mine = lease_free(commit->engine, text, commit->now_ms, &until_ms);
    if (lease->mine)
        commit_setting(commit, str_of(lease->key),
                       str_printf(commit->arena, "%s %lld", commit->engine->nodes->id, (long long)commit->now_ms + LEASE_MS));
    return NULL;
}

bool engine_lease(struct reader *reader, struct arena *arena, const char *what)
{
    struct engine *engine = reader->engine;
    struct lease lease = {.key = arena_printf(arena, "lease.%s", what)};
    str text = STR_NONE;
    int64_t now_ms = clock_now_ms(), until_ms;
    if (!engine->nodes)
        return true;
    const struct err *error = engine->store->ops->setting(reader->session, arena, str_of(lease.key), &text);
    if (error || !lease_free(engine, text, now_ms, &until_ms))
        return false;
    if (until_ms != TIME_NONE && until_ms > now_ms + LEASE_MS / 2)
        return true;
    error = engine_commit(engine, arena, lease_join, NULL, &lease);
    return !error && lease.mine;
}
