/* The writer thread: takes all that waits into one commit, runs it, answers everybody together; between commits it tidies.
 *
 *            tickets_take             commit_run                  answer
 *   WAITING ─────────────▶ TAKEN ───────────────▶ COMMITTED ───────────────▶ WAITING
 *      ▲                     │ fails before save: `alone` again, one by one
 *      │                     └ fails while saving: everybody gets ERR_UNAVAILABLE; `storing` is false
 *      └── every PROBE_MS while not `storing`: an empty commit; when it is stored, `storing` is true again
 *
 * 1. The thread owns the writing session and every number.
 * 2. What fails for one ticket alone costs only that ticket.
 */
#include "base/log.h"
#include "engine/nodes_private.h"
#include "engine/person_cache.h"

#include <time.h>

#define IDLE_MS 250
#define FOLLOW_MS 50 /* shared stores: how late what other nodes did is known at the latest, to the stream and the sender */
#define PROBE_MS 250
#define READS_EVERY_MS 1000 /* recorded reads reach the ledger at the latest then */
#define STALE_TRIES 5
#define GATHER_FEWEST 4 /* fewer clients than that are not waited for */
#define GATHER_MESSAGES_MAX 256 /* with more than that, what a commit costs by itself no longer matters */
#define GATHER_US_MAX 2000

struct writer {
    struct engine *engine;
    uint64_t warm_next; /* the next profile whose head is brought into memory; 0: all that fit are */
    int64_t probe_us, reads_us;
    bool more_to_tidy;
    size_t works_last, works_before; /* in the last two commits */
    uint64_t took_us; /* the last one */
};

static size_t ticket_messages(const struct ticket *ticket)
{
    return ticket->work ? ticket->work->request_count : ticket->sweep_count;
}

static struct timespec after_us(int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / 1000000;
    until.tv_nsec += us % 1000000 * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    return until;
}

/* Waits for something to do, up to IDLE_MS. */
static void tickets_await(struct engine *engine, bool hurry)
{
    struct timespec until = after_us((engine->nodes ? FOLLOW_MS : IDLE_MS) * 1000);
    engine->writer_waits = true;
    engine->writer_wants = 1;
    while (!engine->stopping && (engine->paused || (!engine->first && !(engine->storing && read_log_presses(engine)))) && !hurry)
        if (pthread_cond_timedwait(&engine->submitted, &engine->submit_lock, &until))
            break;
    engine->writer_waits = false;
}

/* Who was answered by the last two commits is about to ask again. A commit costs much by itself (the disk above all), so a third of what the
 * last one took is waited for them: else they fall apart into two groups that take turns, each half as large as it could be. */
static void tickets_gather(struct writer *writer)
{
    struct engine *engine = writer->engine;
    size_t wanted = writer->works_last + writer->works_before, messages = 0;
    if (wanted < GATHER_FEWEST || engine->queue_works >= wanted || !engine->first || engine->paused)
        return;
    for (const struct ticket *ticket = engine->first; ticket; ticket = ticket->next) {
        messages += ticket_messages(ticket);
        if (messages > GATHER_MESSAGES_MAX || ticket->alone)
            return;
    }
    uint64_t wait_us = writer->took_us / 3;
    struct timespec until = after_us(wait_us < GATHER_US_MAX ? (int64_t)wait_us : GATHER_US_MAX);
    engine->writer_waits = true;
    engine->writer_wants = wanted;
    while (!engine->stopping && engine->queue_works < wanted)
        if (pthread_cond_timedwait(&engine->submitted, &engine->submit_lock, &until))
            break;
    engine->writer_waits = false;
}

/* False when there is nothing left and Telos stops. */
static bool tickets_take(struct writer *writer, struct commit *commit)
{
    struct engine *engine = writer->engine;
    struct ticket **last = &commit->tickets;
    size_t count = 0;
    pthread_mutex_lock(&engine->submit_lock);
    tickets_await(engine, writer->more_to_tidy || writer->warm_next);
    tickets_gather(writer);
    writer->works_before = writer->works_last;
    writer->works_last = 0;
    bool go_on = engine->first || !engine->stopping;
    while (engine->first && (!engine->paused || engine->stopping)) {
        struct ticket *ticket = engine->first;
        if (commit->tickets && (ticket->alone || count + ticket_messages(ticket) > LIMIT_COMMIT_MESSAGES))
            break;
        engine->first = ticket->next;
        if (!engine->first)
            engine->last = &engine->first;
        engine->queue_bytes -= ticket->bytes;
        engine->queue_works--;
        ticket->next = NULL;
        *last = ticket;
        last = &ticket->next;
        count += ticket_messages(ticket);
        writer->works_last += ticket->work != NULL;
        if (ticket->sweep_count && ticket->sweep_now_ms != TIME_NONE)
            commit->now_forced_ms = ticket->sweep_now_ms;
        if (ticket->alone)
            break;
    }
    pthread_mutex_unlock(&engine->submit_lock);
    return go_on;
}

/* Back to the head of the queue; `alone`: each to be tried in a commit of its own. */
static void tickets_give_back(struct engine *engine, struct ticket *tickets, bool alone)
{
    struct ticket **last = &tickets;
    pthread_mutex_lock(&engine->submit_lock);
    for (; *last; last = &(*last)->next) {
        (*last)->alone = (*last)->alone || alone;
        (*last)->error = NULL;
        engine->queue_bytes += (*last)->bytes;
        engine->queue_works++;
    }
    *last = engine->first;
    if (!engine->first)
        engine->last = last;
    engine->first = tickets;
    pthread_mutex_unlock(&engine->submit_lock);
}

static void answer(struct commit *commit, const struct err *error)
{
    struct ticket *next = NULL;
    for (struct ticket *ticket = commit->tickets; ticket; ticket = next) {
        next = ticket->next; /* after the answer the ticket may be gone */
        if (error)
            ticket->error = err_new(ticket->arena, error->code, "%s", error->text);
        if (ticket->work) {
            ticket->work->error = ticket->error;
            ticket->work->policy = error ? ticket->policy : commit->policy;
            ticket->work->batch = commit->row.number;
            ticket->commit = commit;
            atomic_fetch_add(&commit->references, 1);
        }
        if (ticket->waits)
            sem_post(&ticket->finished);
        else {
            ASSERT(ticket->work); /* whoever does not wait is called */
            ticket->work->done(ticket->work);
        }
    }
}

/* Somebody was not as they were loaded: all of the commit is loaded and applied again, unless that happens time after time. */
static bool once_more(struct commit *commit)
{
    bool few = true;
    for (struct ticket *ticket = commit->tickets; ticket; ticket = ticket->next)
        few = ++ticket->stale <= STALE_TRIES && few;
    if (!few || !commit->tickets)
        return false;
    commit->engine->metrics.retries++;
    tickets_give_back(commit->engine, commit->tickets, false);
    return true;
}

static void failed(struct commit *commit, const struct err *error, bool saving)
{
    struct engine *engine = commit->engine;
    if (commit->save.stale && once_more(commit))
        return;
    engine->metrics.failures++;
    if (!saving && commit->tickets && commit->tickets->next && error->code != ERR_UNAVAILABLE) {
        tickets_give_back(engine, commit->tickets, true);
        return;
    }
    bool outage = error->code == ERR_UNAVAILABLE || error->code == ERR_IO;
    if (outage && engine->storing)
        log_write(LOG_ERROR, "engine", "storing fails: %s", error->text);
    else if (!outage)
        log_write(LOG_ERROR, "engine", "a commit failed: %s", error->text);
    if (outage)
        engine->storing = false;
    answer(commit, outage ? err_new(commit->arena, ERR_UNAVAILABLE, "Telos cannot store at the moment; send it again later") : error);
}

static void run(struct writer *writer, struct commit *commit)
{
    writer->more_to_tidy = true;
    struct engine *engine = writer->engine;
    int64_t now_us = clock_monotonic_us();
    bool saving = false;
    if (commit->probe)
        writer->probe_us = now_us;
    if (commit->reads_all)
        writer->reads_us = now_us;
    const struct err *error = commit_run(commit, &saving);
    if (error) {
        failed(commit, error, saving);
        return;
    }
    if (saving && !engine->storing) {
        log_write(LOG_INFO, "engine", "storing works again");
        engine->storing = true;
    }
    answer(commit, NULL);
    uint64_t took_us = (uint64_t)(clock_monotonic_us() - now_us);
    if (saving) {
        writer->took_us = took_us;
        engine->metrics.commit_us_last = took_us;
        if (took_us > engine->metrics.commit_us_max)
            engine->metrics.commit_us_max = took_us;
    }
}

/* One small step a commit; more of them while nothing waits. */
static void tidy(struct writer *writer, struct commit *commit)
{
    struct engine *engine = writer->engine;
    bool wanted = writer->more_to_tidy;
    writer->more_to_tidy = false;
    if (!engine->storing || !wanted)
        return;
    const struct err *error = engine->store->ops->tidy(engine->session, commit->arena, &writer->more_to_tidy);
    engine->metrics.tidy_runs++;
    if (error) {
        writer->more_to_tidy = false;
        log_write(LOG_WARN, "engine", "tidying failed: %s", error->text);
    }
}

#define WARM_STEP 64
/* While nothing waits, heads are brought into memory, so that the first messages after a start need not seek them. */
static void warm(struct writer *writer, struct commit *commit)
{
    struct engine *engine = writer->engine;
    struct snapshot *snapshot = NULL;
    if (!writer->warm_next || !engine->storing || !(snapshot = snapshot_take(engine)))
        return;
    profile_no numbers[WARM_STEP];
    size_t count = 0;
    for (; count < WARM_STEP && writer->warm_next < engine->profile_next; count++)
        numbers[count] = (profile_no){writer->warm_next++};
    struct load load = {.arena = commit->arena, .sets = snapshot->sets, .profiles = numbers, .profile_count = count,
                        .parts = PERSON_HEAD | PERSON_HELD, .events_from_ms = INT64_MIN};
    if (engine->nodes)
        person_cache_at(engine->person_cache, nodes_seen(engine));
    const struct err *error = count ? engine->store->ops->load(engine->session, &load) : NULL;
    vec_each (person, &load.persons)
        if (!error) {
            vec_each (row, &(*person)->identifiers)
                row->value = str_empty(row->sealed) ? STR_NONE : VALUE_UNOPENED;
            (*person)->texts_unopened = (*person)->consents.count > 0;
            person_cache_put(engine->person_cache, *person);
        }
    if (error || !count || person_cache_full(engine->person_cache))
        writer->warm_next = 0;
    engine_policy_release(engine, snapshot->policy);
}

static void *writer_main(void *context)
{
    struct writer writer = {.engine = context};
    struct engine *engine = context;
    writer.warm_next = engine->options.background;
    for (bool go_on = true; go_on;) {
        struct commit *commit = commit_new(engine);
        go_on = tickets_take(&writer, commit);
        int64_t now_us = clock_monotonic_us();
        commit->reads_all = !go_on || (read_log_presses(engine) && !engine->paused) || now_us - writer.reads_us >= READS_EVERY_MS * 1000;
        if (!engine->storing && now_us - writer.probe_us >= PROBE_MS * 1000) {
            commit->probe = true;
            commit_setting(commit, STR("stored_again"), time_format(commit->arena, clock_now_ms()));
        }
        if (commit->tickets || commit->probe || (commit->reads_all && engine->storing))
            run(&writer, commit);
        tidy(&writer, commit);
        if (!commit->tickets && engine->nodes)
            nodes_idle(commit);
        if (!commit->tickets)
            warm(&writer, commit);
        commit_release(commit);
    }
    return NULL;
}

const struct err *writer_start(struct engine *engine, struct arena *arena)
{
    if (pthread_create(&engine->writer_thread, NULL, writer_main, engine))
        return err_new(arena, ERR_UNAVAILABLE, "no thread can be started");
    (void)pthread_setname_np(engine->writer_thread, "telos-writer"); /* only for those who look from outside */
    engine->writer_running = true;
    return NULL;
}

void writer_wake(struct engine *engine)
{
    pthread_mutex_lock(&engine->submit_lock);
    pthread_cond_signal(&engine->submitted);
    pthread_mutex_unlock(&engine->submit_lock);
}

void writer_stop(struct engine *engine)
{
    if (!engine->writer_running)
        return;
    pthread_mutex_lock(&engine->submit_lock);
    engine->stopping = true;
    pthread_cond_signal(&engine->submitted);
    pthread_mutex_unlock(&engine->submit_lock);
    pthread_join(engine->writer_thread, NULL);
    engine->writer_running = false;
}
