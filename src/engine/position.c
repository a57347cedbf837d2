/* How far a queue outside (a partition of a topic) has been taken in: a setting a queue, written in the very commit that stores its messages. So
 * whatever is read twice (after a kill, by a node that took a partition over, by one that was thought dead) is stored once.
 *
 * 1. The answer is given on the writer thread, on a shared store in this node's turn, where it is the newest: nobody else can store between the look
 *    and the save.
 * 2. Nothing is leapt over: a work that does not begin at or before the stored position is refused.
 * 3. What could not be taken is counted in that commit, too (`what` is "refused"), so once, and it stays known.
 */
#include "engine/engine_private.h"

/* "12345"; -1 when unset. */
static const struct err *position_read(struct arena *arena, str text, int64_t *ret_stored)
{
    *ret_stored = -1;
    if (!str_empty(text) && (!str_to_int64(text, ret_stored) || *ret_stored < 0))
        return err_new(arena, ERR_INTERNAL, "a stored position of a queue is no number");
    return NULL;
}

static bool any_invalid(const struct work *work, size_t from)
{
    for (size_t i = from; i < work->request_count; i++)
        if (work->requests[i].result.outcome == OUTCOME_INVALID)
            return true;
    return false;
}

const struct err *position_take(struct commit *commit, struct ticket *ticket)
{
    struct work *work = ticket->work;
    struct work_position *position = work->position;
    const struct err *error;
    str text = STR_NONE;
    ticket->skip = 0;
    if (!position)
        return NULL;
    if (!policy_source(commit->policy, work->source)) /* taken out just now: its messages stay in the queue */
        return err_new(ticket->arena, ERR_UNAVAILABLE, "the policy has no such source");
    error = commit_setting_now(commit, position->key, &text);
    if (!error)
        error = position_read(ticket->arena, text, &position->stored);
    if (error)
        return err_new(ticket->arena, error->code, "%s", error->text);
    position->answer = POSITION_GAP;
    if (position->stored >= 0 && position->from > position->stored)
        return err_new(ticket->arena, ERR_CONFLICT, "what lies between was not stored yet");
    while (ticket->skip < work->request_count && position->offsets[ticket->skip] < position->stored)
        work->requests[ticket->skip++].result = (struct message_result){.outcome = OUTCOME_DUPLICATE};
    position->answer = POSITION_INVALID;
    if (position->strict && any_invalid(work, ticket->skip))
        return err_new(ticket->arena, ERR_INVALID, "some of these messages cannot be used");
    position->answer = POSITION_TAKEN;
    position->skipped = ticket->skip;
    if (position->until > position->stored)
        commit_setting(commit, str_copy(commit->arena, position->key), str_printf(commit->arena, "%lld", (long long)position->until));
    return NULL;
}

bool commit_has_positions(const struct commit *commit)
{
    for (const struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next)
        if (ticket->work && ticket->work->position)
            return true;
    return false;
}

static void refusal_count(struct commit *commit, str source, const char *reason)
{
    struct batch *batch = &commit->batch;
    int64_t day_ms = commit->now_ms - commit->now_ms % DAY_MS;
    for (size_t i = batch->counters.count; i-- > 0;) {
        struct counter *row = &batch->counters.items[i];
        if (!str_equal(row->what, STR("refused")))
            break; /* ours are the last ones */
        if (row->day_ms == day_ms && str_equal(row->source, source) && str_equal(row->reason, str_of(reason))) {
            row->count++;
            return;
        }
    }
    *(struct counter *)vec_push(commit->arena, &batch->counters) =
        (struct counter){.day_ms = day_ms, .source = source, .what = STR("refused"), .reason = str_of(reason), .count = 1};
}

void positions_count(struct commit *commit)
{
    for (struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next) {
        const struct work_position *position = ticket->work && !ticket->error ? ticket->work->position : NULL;
        for (size_t i = 0; position && i < position->refused_count; i++)
            if (position->refused[i].offset >= position->stored)
                refusal_count(commit, ticket->work->source, position->refused[i].reason);
    }
}

const struct err *engine_position(struct reader *reader, struct arena *arena, str key, int64_t *ret_stored)
{
    str text = STR_NONE;
    TRY(reader->engine->store->ops->setting(reader->session, arena, key, &text));
    return position_read(arena, text, ret_stored);
}
