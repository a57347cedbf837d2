/* One commit, from tickets to rows; see README.md for its states.
 *
 *   tickets ─gather─▶ origins ─working_set_apply─▶ batch ─joins─▶ ─number_rows─▶ ─seal─▶ ─ledger─▶ ─save─▶ ─settle─▶ keys destroyed, notes
 *
 * 1. Until `save` has returned, nothing outside the commit has changed but the duplicate window, and that is taken back on failure.
 */
#include "base/log.h"
#include "engine/nodes_private.h"
#include "engine/person_cache.h"
#include "engine/view_cache.h"
#include "engine/refusal_log_private.h"

#include <stdlib.h>

#define COMMITS_KEPT 8
#define ARENA_KEPT_BYTES (64u * 1024 * 1024)

struct commit *commit_new(struct engine *engine)
{
    pthread_mutex_lock(&engine->arena_lock);
    struct commit *commit = engine->commits_free;
    if (commit) {
        engine->commits_free = commit->next_free;
        engine->commits_free_count--;
    }
    pthread_mutex_unlock(&engine->arena_lock);
    if (!commit) {
        commit = calloc(1, sizeof *commit);
        ASSERT(commit);
        arena_init(&commit->own_arena);
    }
    struct arena arena = commit->own_arena;
    *commit = (struct commit){.engine = engine, .own_arena = arena, .references = 1, .now_forced_ms = TIME_NONE};
    commit->arena = &commit->own_arena;
    commit->session = engine->session;
    return commit;
}

static void commit_free(struct commit *commit)
{
    arena_release(&commit->own_arena);
    free(commit);
}

void commit_release(struct commit *commit)
{
    struct engine *engine = commit->engine;
    if (atomic_fetch_sub(&commit->references, 1) != 1)
        return;
    if (commit->snapshot)
        engine_policy_release(engine, commit->policy);
    bool keep = commit->own_arena.used_bytes <= ARENA_KEPT_BYTES;
    if (keep)
        arena_clear(&commit->own_arena);
    else
        arena_release(&commit->own_arena);
    pthread_mutex_lock(&engine->arena_lock);
    keep = engine->commits_free_count < COMMITS_KEPT;
    if (keep) {
        commit->next_free = engine->commits_free;
        engine->commits_free = commit;
        engine->commits_free_count++;
    }
    pthread_mutex_unlock(&engine->arena_lock);
    if (!keep)
        commit_free(commit);
}

void commits_free(struct engine *engine)
{
    while (engine->commits_free) {
        struct commit *commit = engine->commits_free;
        engine->commits_free = commit->next_free;
        commit_free(commit);
    }
}

void commit_setting(struct commit *commit, str key, str value)
{
    *(struct setting *)vec_push(commit->arena, &commit->settings) = (struct setting){key, value};
}

const struct err *commit_setting_now(struct commit *commit, str key, str *ret_value)
{
    for (size_t i = commit->settings.count; i-- > 0;)
        if (str_equal(commit->settings.items[i].key, key)) {
            *ret_value = commit->settings.items[i].value;
            return NULL;
        }
    return commit->engine->store->ops->setting(commit->session, commit->arena, key, ret_value);
}

/* ---- gather ---- */

static void origin_add(struct commit *commit, struct request *request, unsigned needs)
{
    *(struct origin *)vec_push(commit->arena, &commit->origins) = (struct origin){request, needs};
}

/* Duplicates and invalid messages take part, too, but only to be counted. */
static void message_gather(struct commit *commit, struct request *request, unsigned needs)
{
    struct engine *engine = commit->engine;
    uint64_t id = request->message.dedupe;
    if (request->result.outcome == OUTCOME_INVALID) {
        if (request->message.source)
            origin_add(commit, request, 0);
        return;
    }
    if (id && dedupe_has(engine->dedupe, id)) {
        request->result = (struct message_result){.outcome = OUTCOME_DUPLICATE};
        origin_add(commit, request, 0);
        return;
    }
    request->result.outcome = OUTCOME_ACCEPTED;
    if (id) {
        dedupe_add(engine->dedupe, id, commit->now_ms);
        commit->dedupe_added++;
        *(uint64_t *)vec_push(commit->arena, &commit->dedupe_ids) = id;
    }
    origin_add(commit, request, needs);
    commit->message_count++;
}

static void work_gather(struct commit *commit, struct ticket *ticket)
{
    struct work *work = ticket->work;
    for (size_t i = ticket->skip; i < work->request_count; i++) {
        struct request *request = &work->requests[i];
        if (request->kind == REQUEST_MESSAGE)
            message_gather(commit, request, ticket->needs[i]);
        else if (str_empty(request->refusal))
            origin_add(commit, request, ticket->needs[i]);
    }
}

static void gather(struct commit *commit)
{
    struct engine *engine = commit->engine;
    int64_t now_ms = clock_now_ms();
    commit->now_ms = commit->now_forced_ms != TIME_NONE ? commit->now_forced_ms : now_ms;
    commit->setting_first = commit->settings.count;
    dedupe_expire(engine->dedupe, now_ms - DAY_MS);
    for (struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next) {
        if (ticket->work) {
            if (ticket->policy != commit->policy) { /* switched since: read again */
                ticket_read(engine, ticket, commit->policy);
                const struct policy *old = ticket->policy;
                struct snapshot *held = snapshot_take(engine);
                ticket->policy = held->policy;
                engine_policy_release(engine, old);
            }
            ticket->error = position_take(commit, ticket);
            if (!ticket->error)
                work_gather(commit, ticket);
        }
        for (size_t i = 0; i < ticket->sweep_count; i++)
            *(profile_no *)vec_push(commit->arena, &commit->sweeps) = ticket->sweeps[i];
    }
    commit->row = (struct batch_row){.number = engine->batch_last + 1, .at_ms = commit->now_ms, .ledger_index = UINT64_MAX,
                                     .policy_version = commit->policy ? commit->policy->version : 0};
    commit->event_next = engine->event_next;
    commit->outbox_next = engine->outbox_next;
    commit->held_next = engine->held_next;
}

void commit_begin(struct commit *commit)
{
    commit->snapshot = snapshot_take(commit->engine);
    commit->policy = commit->snapshot ? commit->snapshot->policy : NULL;
    commit->sets = commit->snapshot ? commit->snapshot->sets : NULL;
    gather(commit);
}

/* As it was before commit_begin: nothing of what was worked out is true any more. Joins have not run yet. */
void commit_again(struct commit *commit)
{
    struct commit before = *commit;
    dedupe_remove_newest(commit->engine->dedupe, commit->dedupe_added);
    if (commit->snapshot)
        engine_policy_release(commit->engine, commit->policy);
    *commit = (struct commit){.engine = before.engine, .session = before.session, .own_arena = before.own_arena, .references = before.references,
                              .tickets = before.tickets, .now_forced_ms = before.now_forced_ms, .probe = before.probe, .reads_all = before.reads_all};
    commit->arena = &commit->own_arena;
    for (size_t i = 0; i < before.setting_first; i++)
        commit_setting(commit, before.settings.items[i].key, before.settings.items[i].value);
}

/* ---- numbers ---- */

static void event_numbers(struct commit *commit, struct person *person)
{
    vec_each (event, &person->events)
        if (event->change == CHANGE_NEW) {
            event->number = (event_no){commit->event_next++};
            event->batch = commit->row.number;
        }
}

static void outbox_numbers(struct commit *commit, struct person *person)
{
    vec_each (delivery, &person->deliveries) {
        if (delivery->change != CHANGE_NEW)
            continue;
        delivery->number = commit->outbox_next++;
        commit->outbox = true;
        if (delivery->event_new) {
            delivery->event = delivery->event_new->number;
            ASSERT(delivery->event.value);
        }
    }
}

#define any_changed(rows) \
    ({ \
        bool found_ = false; \
        vec_each (row_, (rows)) \
            found_ |= row_->change != CHANGE_NONE; \
        found_; \
    })

/* What the cache of heads tells of a person. */
static bool head_changed(const struct person *person)
{
    return any_changed(&person->profiles) || any_changed(&person->identifiers) || any_changed(&person->consents) ||
           any_changed(&person->preferences) || any_changed(&person->merges) || any_changed(&person->refused) || any_changed(&person->held);
}

static bool person_changed(const struct person *person)
{
    return any_changed(&person->events) || any_changed(&person->facts) || head_changed(person);
}

static void touched_add(char *out, size_t place, char kind, profile_no profile)
{
    out[place * 9] = kind;
    memcpy(out + place * 9 + 1, &profile.value, 8);
}

static str touched_pack(struct commit *commit)
{
    size_t count = commit->touched.count;
    char *out = arena_alloc_raw(commit->arena, (count + commit->concerned.count) * 9 + 1);
    for (size_t i = 0; i < count; i++)
        touched_add(out, i, BATCH_TOUCHED, commit->touched.items[i]);
    for (size_t i = 0; i < commit->concerned.count; i++)
        touched_add(out, count + i, BATCH_CONCERNED, commit->concerned.items[i]);
    return str_bytes(out, (count + commit->concerned.count) * 9);
}

/* Another node may know any of them as the root of a person. */
static void concerned_add(struct commit *commit, const struct person *person)
{
    vec_each (profile, &person->profiles)
        if (!profile_no_equal(profile->number, person->root))
            commit_concerns(commit, profile->number);
}

static void number_rows(struct commit *commit)
{
    struct batch *batch = &commit->batch;
    vec_each (person, &batch->persons)
        if (!(*person)->merged_into)
            event_numbers(commit, *person);
    vec_each (item, &batch->persons) {
        struct person *person = *item;
        if (person->merged_into)
            continue;
        if (person->deliveries.count)
            outbox_numbers(commit, person);
        vec_each (held, &person->held)
            if (held->change == CHANGE_NEW)
                held->number = commit->held_next++;
        if (person_changed(person)) {
            *(profile_no *)vec_push(commit->arena, &commit->touched) = person->root;
            concerned_add(commit, person);
        } else if (person->deliveries.count)
            commit_concerns(commit, person->root);
    }
    commit->row.profiles = touched_pack(commit);
    commit->row.dedupe = str_bytes(commit->dedupe_ids.items, commit->dedupe_ids.count * sizeof(uint64_t));
    commit->row.message_count = (uint32_t)commit->message_count;
}

/* ---- joins, seal, ledger, save ---- */

static void joins_run(struct commit *commit)
{
    for (struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next)
        if (ticket->join)
            ticket->error = ticket->join(ticket->context, commit);
}

static const struct err *ledger_write(struct commit *commit)
{
    TRY(ledger_leaves(&commit->draft, &commit->batch));
    if (commit->batch.request_count)
        TRY(ledger_decisions(&commit->draft, &commit->batch, &commit->row));
    if (commit->save.reads.count)
        TRY(ledger_reads(&commit->draft, commit->save.reads.items, commit->save.reads.count));
    return NULL;
}

static const struct err *prepare(struct commit *commit)
{
    if (commit->engine->nodes)
        TRY(nodes_apply(commit));
    else {
        commit_begin(commit);
        TRY(working_set_apply(commit));
    }
    said_count(commit);
    positions_count(commit);
    commit->save.sets = commit->sets;
    ledger_begin(commit->engine->ledger, commit->arena, &commit->save, commit->now_ms, &commit->draft);
    joins_run(commit);
    commit->reads_taken = read_log_take(commit, commit->reads_all);
    if (commit->reads_all && commit->policy)
        (void)denials_take(commit); /* how many does not matter here */
    number_rows(commit);
    TRY(keys_ahead(commit->engine, commit->arena, commit->batch.profile_next));
    TRY(seal_commit(commit));
    TRY(ledger_write(commit));
    key_ends_plan(commit);
    if (commit->made_recall_keys)
        commit_setting(commit, STR("profile_next"), str_printf(commit->arena, "%llu", (unsigned long long)commit->batch.profile_next));
    return refusal_log_write(commit);
}

static bool commit_empty(const struct commit *commit)
{
    const struct save *save = &commit->save;
    return !commit->batch.request_count && !commit->settings.count && !save->results.count && !save->outbox_gone.count && !save->disclosures.count && !save->reads.count &&
           !save->tokens.count && !save->users.count && !save->sessions.count && !save->sessions_gone.count && !save->policy && !save->ledger.count && !commit->denial_count;
}

static const struct err *save_all(struct commit *commit)
{
    struct save *save = &commit->save;
    save->batch = commit->policy ? &commit->batch : NULL;
    bool has_row = commit->batch.request_count || commit->touched.count || commit->concerned.count;
    save->row = has_row ? &commit->row : NULL;
    save->settings = arena_alloc(commit->arena, (commit->settings.count + 1) * sizeof *save->settings);
    for (size_t i = 0; i < commit->settings.count; i++) {
        save->settings[i].key = commit->settings.items[i].key;
        save->settings[i].value = commit->settings.items[i].value;
    }
    save->setting_count = commit->settings.count;
    if (commit->engine->nodes)
        nodes_save_prepare(commit);
    return commit->engine->store->ops->save(commit->session, commit->arena, save);
}

static const struct err *keys_settle(struct commit *commit)
{
    struct engine *engine = commit->engine;
    if (engine->nodes) /* where that fails, whoever has the next turn does it first */
        return commit->key_ends.count ? key_ends_do(engine, commit->arena, nodes_save_number(engine), &commit->key_ends) : NULL;
    engine->key_ends_stored = commit->key_ends.count != 0;
    arena_clear(&engine->key_ends_arena);
    engine->key_ends.items = NULL;
    engine->key_ends.count = engine->key_ends.capacity = 0;
    vec_each (end, &commit->key_ends)
        *(struct key_end *)vec_push(&engine->key_ends_arena, &engine->key_ends) = *end;
    return key_ends_destroy(engine, commit->arena);
}

/* The commit is durable: the writer's numbers move on, keys are destroyed. */
static void settle(struct commit *commit)
{
    struct engine *engine = commit->engine;
    engine->event_next = commit->event_next;
    engine->outbox_next = commit->outbox_next;
    engine->held_next = commit->held_next;
    engine->profile_next = commit->batch.profile_next ? commit->batch.profile_next : engine->profile_next;
    engine->profile_next_seen = engine->profile_next;
    if (engine->options.background && engine->keys_until < engine->profile_next + KEYS_AHEAD / 2)
        sweeper_wake(engine);
    if (commit->save.row && commit->row.number > engine->batch_last)
        engine->batch_last = commit->row.number;
    ledger_committed(&commit->draft);
    if (commit->save.head.data) /* else nothing was to be saved */
        nodes_saved(commit);
    vec_each (person, &commit->batch.persons)
        if (head_changed(*person))
            person_cache_put(engine->person_cache, *person);
    const struct err *error = keys_settle(commit);
    if (error)
        log_write(LOG_ERROR, "engine", "keys cannot be destroyed now, tried again soon: %s", error->text);
    for (struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next)
        if (ticket->join && ticket->after && !ticket->error)
            ticket->after(ticket->context, engine);
}

/* Results go back to where they were asked for. */
static void results_copy(struct commit *commit)
{
    for (size_t i = 0; i < commit->origins.count; i++)
        *commit->origins.items[i].request = commit->batch.requests[i];
}

static void count(struct commit *commit)
{
    struct engine *engine = commit->engine;
    engine->metrics.commits++;
    engine->metrics.messages += commit->message_count;
    engine->metrics.dedupe_ids = dedupe_count(engine->dedupe);
    engine->metrics.swept += commit->sweeps.count;
    engine->metrics.reads += commit->save.reads.count;
    for (struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next)
        for (size_t i = 0; ticket->work && !ticket->error && i < ticket->work->request_count; i++) {
            const struct request *request = &ticket->work->requests[i];
            if (request->kind == REQUEST_MESSAGE)
                engine->metrics.outcomes[request->result.outcome]++;
            else
                engine->metrics.statements += request->kind == REQUEST_STATEMENT;
        }
}

void commit_tell(struct engine *engine, const struct commit_note *note)
{
    pthread_mutex_lock(&engine->listen_lock);
    vec_each (listener, &engine->listeners)
        listener->call(listener->context, note);
    pthread_mutex_unlock(&engine->listen_lock);
}

static void note(struct commit *commit)
{
    struct commit_note note = {.batch = commit->engine->batch_last, .at_ms = commit->now_ms, .profiles = commit->touched.items,
                               .profile_count = commit->touched.count, .outbox = commit->outbox, .policy = commit->follow};
    struct engine *engine = commit->engine;
    commit_tell(engine, &note);
    pthread_mutex_lock(&engine->listen_lock);
    if (engine->message_listener && commit->policy && commit->batch.request_count)
        engine->message_listener(engine->message_context, commit->now_ms, commit->policy, commit->batch.requests, commit->batch.request_count);
    pthread_mutex_unlock(&engine->listen_lock);
}

/* Views of everybody that was looked at, changed or not; also where saving failed, for then nobody knows what a reader finds. */
static void views_forget(struct commit *commit)
{
    struct view_cache *views = commit->engine->view_cache;
    for (size_t i = 0; i < commit->loaded_count; i++)
        view_cache_forget(views, commit->loaded[i]);
    vec_each (person, &commit->batch.persons)
        view_cache_forget(views, *person);
}

/* Somebody was changed without a word to the nodes: nothing that lies in memory of these people is believed any longer. */
static void persons_forget(struct commit *commit)
{
    struct person_cache *cache = commit->engine->person_cache;
    for (size_t i = 0; i < commit->loaded_count; i++)
        person_cache_forget(cache, commit->loaded[i]);
    vec_each (person, &commit->batch.persons)
        person_cache_forget(cache, *person);
}

const struct err *commit_run(struct commit *commit, bool *ret_saving)
{
    struct engine *engine = commit->engine;
    *ret_saving = false;
    if (engine->nodes && !commit->tickets && !commit->probe && !read_log_waits(engine) && !denials_wait(engine))
        return NULL; /* no turn for nothing */
    const struct err *error = prepare(commit);
    if (!error && !(commit_empty(commit) && !commit->probe)) {
        *ret_saving = true;
        error = save_all(commit);
        views_forget(commit);
    }
    read_log_taken(engine, !error);
    if (error)
        denials_back(commit);
    if (engine->nodes && (error || !*ret_saving))
        nodes_failed(commit);
    if (error) {
        if (commit->save.stale)
            persons_forget(commit);
        dedupe_remove_newest(engine->dedupe, commit->dedupe_added);
        return error;
    }
    settle(commit);
    results_copy(commit);
    count(commit);
    note(commit);
    return NULL;
}
