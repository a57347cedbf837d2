/* What has been sent, given up or cancelled does not stay in the outbox for ever: rows go when the policy's time for them is over
 * (`settings.deliveries_kept`, `settings.dead_letters_kept`), oldest first, in steps between the other commits.
 *
 * 1. A pending row never goes, however old.
 * 2. A recall never goes: it is the evidence that a recipient was told (Art. 19), and the core asks it before it tells anybody again. It has
 *    no identifiers left once it is confirmed: their key is destroyed.
 * 3. What was disclosed to whom is another row (struct disclosure) and stays until the person is erased, as does the ledger.
 */
#include "engine/engine_private.h"

#define SWEEP_ROWS 1000
#define SWEEP_EVERY_MS (10 * MINUTE_MS)

struct kept {
    struct duration ended, dead;
    int64_t now_ms;
};

static bool is_over(const struct kept *kept, const struct delivery *row)
{
    if (row->kind == DELIVERY_RECALL || row->done_ms == TIME_NONE)
        return false;
    switch (row->state) {
    case DELIVERY_DELIVERED: case DELIVERY_CANCELLED: return time_add(row->done_ms, kept->ended) <= kept->now_ms;
    case DELIVERY_DEAD: return time_add(row->done_ms, kept->dead) <= kept->now_ms;
    default: return false;
    }
}

/* Rows lie in the order in which they were queued, so none behind this one is over either. */
static bool is_too_young(const struct kept *kept, const struct delivery *row)
{
    return time_add(row->queued_ms, kept->ended) > kept->now_ms && time_add(row->queued_ms, kept->dead) > kept->now_ms;
}

struct gone {
    const uint64_t *numbers;
    size_t count;
};
static const struct err *gone_join(void *context, struct commit *commit)
{
    const struct gone *gone = context;
    for (size_t i = 0; i < gone->count; i++)
        *(uint64_t *)vec_push(commit->arena, &commit->save.outbox_gone) = gone->numbers[i];
    return NULL;
}

static void gone_after(void *context, struct engine *engine)
{
    engine->metrics.deliveries_removed += ((const struct gone *)context)->count;
}

/* One step. *ret_done: what is left was queued too late to be over. */
static const struct err *outbox_step(struct engine *engine, struct store_session *session, struct arena *arena, int64_t now_ms, bool *ret_done)
{
    const struct policy *policy = engine_policy(engine);
    if (!policy) {
        *ret_done = true;
        return NULL;
    }
    struct kept kept = {policy->deliveries_kept, policy->dead_letters_kept, now_ms};
    engine_policy_release(engine, policy);
    struct delivery_query query = {.state = -1, .after = engine->outbox_sweep_after, .due_ms = INT64_MAX, .max = SWEEP_ROWS};
    struct delivery *rows = NULL;
    size_t count = 0;
    TRY(engine->store->ops->deliveries(session, arena, &query, &rows, &count));
    uint64_t *numbers = arena_array(arena, uint64_t, count + 1);
    struct gone gone = {.numbers = numbers};
    size_t i = 0;
    for (; i < count && !is_too_young(&kept, &rows[i]); i++)
        if (is_over(&kept, &rows[i]))
            numbers[gone.count++] = rows[i].number;
    if (gone.count)
        TRY(engine_commit(engine, arena, gone_join, gone_after, &gone));
    *ret_done = i < count || count < SWEEP_ROWS;
    engine->outbox_sweep_after = *ret_done ? 0 : rows[count - 1].number;
    return NULL;
}

const struct err *sweep_outbox(struct engine *engine, struct store_session *session, struct arena *arena, int64_t now_ms, bool all)
{
    if (!all && now_ms < engine->outbox_sweep_ms)
        return NULL;
    for (bool done = false; !done;) { /* the background takes a step a round */
        arena_clear(arena);
        TRY(outbox_step(engine, session, arena, now_ms, &done));
        if (done)
            engine->outbox_sweep_ms = now_ms + SWEEP_EVERY_MS;
        if (!all)
            return NULL;
    }
    return NULL;
}
