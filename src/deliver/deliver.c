/* The sending thread: one round after another of follow the policy → begin what is due → move bytes → commit what came of it. */
#include "deliver/deliver_private.h"

#include "base/log.h"

#include <signal.h>
#include <stdlib.h>

#define DRAIN_DEFAULT_MS (5 * SECOND_MS)
#define COMMIT_AGAIN_MS SECOND_MS
#define COMMIT_MAX 1024 /* outcomes in one call */

bool deliver_may_warn(struct deliver *deliver, int64_t now_ms)
{
    if (deliver->warned_ms != TIME_NONE && now_ms - deliver->warned_ms < 10 * SECOND_MS && now_ms >= deliver->warned_ms)
        return false;
    deliver->warned_ms = now_ms;
    return true;
}

static void wake(struct deliver *deliver)
{
    if (!atomic_exchange(&deliver->woken, true))
        (void)curl_multi_wakeup(deliver->multi); /* fails only when the thread is awake anyway */
}

/* Only out of the wait: what is due need not be looked at for it. */
static void loop_wake(void *context) { (void)curl_multi_wakeup(((struct deliver *)context)->multi); }

static void loop_ended(void *context, struct transfer *transfer)
{
    struct attempt *attempt = (struct attempt *)((char *)transfer - offsetof(struct attempt, transfer));
    transfer_end(context, attempt, CURLE_OK, clock_now_ms());
}

void deliver_policy_changed(struct deliver *deliver)
{
    if (deliver)
        wake(deliver);
}

static void on_commit(void *context, const struct commit_note *note)
{
    if (note->outbox || note->policy)
        wake(context);
}

/* Takes the policy in force; each round, so that no attempt is decided by an older one. */
static void policy_follow(struct deliver *deliver)
{
    const struct policy *policy = engine_policy(deliver->engine);
    if (policy == deliver->policy) { /* ours is held, so its address cannot have been given to another */
        if (policy)
            engine_policy_release(deliver->engine, policy);
        return;
    }
    outbounds_follow(deliver, policy);
    if (deliver->policy)
        engine_policy_release(deliver->engine, deliver->policy);
    deliver->policy = policy;
}

bool deliver_policy_behind(struct deliver *deliver)
{
    const struct policy *policy = engine_policy(deliver->engine);
    bool behind = policy != deliver->policy;
    if (policy)
        engine_policy_release(deliver->engine, policy);
    return behind;
}

/* Commits up to COMMIT_MAX outcomes. Those of a failed commit stay, with their slots, and are tried again. */
static void outcomes_commit(struct deliver *deliver)
{
    struct attempt *batch[COMMIT_MAX];
    size_t count = 0;
    for (struct attempt *attempt = deliver->done; attempt && count < COMMIT_MAX; attempt = attempt->next_done)
        batch[count++] = attempt;
    if (!count)
        return;
    struct delivery_outcome *outcomes = arena_array(&deliver->scratch, struct delivery_outcome, count);
    for (size_t i = 0; i < count; i++)
        outcomes[i] = batch[i]->outcome;
    const struct err *error = engine_delivered(deliver->engine, &deliver->scratch, outcomes, count);
    int64_t now_ms = clock_now_ms();
    if (error) {
        deliver->commit_again_ms = now_ms + COMMIT_AGAIN_MS;
        if (deliver_may_warn(deliver, now_ms))
            log_write(LOG_WARN, "deliver", "%zu outcomes cannot be stored, nothing new is sent until they are: %s", deliver->done_count,
                      error->text);
        return;
    }
    deliver->commit_again_ms = TIME_NONE;
    deliver->done = batch[count - 1]->next_done;
    deliver->done_count -= count;
    for (size_t i = 0; i < count; i++)
        attempt_settled(deliver, batch[i], now_ms);
}

static bool may_commit(const struct deliver *deliver, int64_t now_ms)
{
    int64_t again_ms = deliver->commit_again_ms;
    return deliver->done && (again_ms == TIME_NONE || now_ms >= again_ms || now_ms < again_ms - COMMIT_AGAIN_MS);
}

static void transfers_collect(struct deliver *deliver)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(deliver->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        struct attempt *attempt = NULL;
        CURLcode got = curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&attempt);
        ASSERT(got == CURLE_OK && attempt);
        (void)curl_multi_remove_handle(deliver->multi, easy); /* it is ours: cannot fail */
        transfer_end(deliver, attempt, code, clock_now_ms());
    }
}

/* How far apart two looks for new rows are at least: many destinations are not all asked at every commit. */
static int64_t look_gap_ms(const struct deliver *deliver) { return 5 + (int64_t)deliver->outbounds.count / 2; }

static void pump_all(struct deliver *deliver, int64_t now_ms)
{
    if (atomic_exchange(&deliver->woken, false)) {
        int64_t gap_ms = look_gap_ms(deliver);
        vec_each (each, &deliver->outbounds) {
            struct outbound *outbound = *each;
            int64_t at_ms = outbound->last_look_ms == TIME_NONE ? now_ms : outbound->last_look_ms + gap_ms;
            if (at_ms < outbound->next_look_ms)
                outbound->next_look_ms = at_ms;
        }
    }
    vec_each (each, &deliver->outbounds)
        outbound_pump(deliver, *each, now_ms);
}

static int wait_ms(const struct deliver *deliver, int64_t now_ms, int64_t drain_until_ms)
{
    int64_t until_ms = now_ms + SECOND_MS;
    bool failing = deliver->commit_again_ms != TIME_NONE;
    if (deliver->done && !failing)
        return 0;
    if (failing && deliver->commit_again_ms < until_ms)
        until_ms = deliver->commit_again_ms;
    if (drain_until_ms != TIME_NONE && drain_until_ms < until_ms)
        until_ms = drain_until_ms;
    for (size_t i = 0; !failing && drain_until_ms == TIME_NONE && i < deliver->outbounds.count; i++) {
        int64_t at_ms = outbound_until_ms(deliver->outbounds.items[i]);
        until_ms = at_ms < until_ms ? at_ms : until_ms;
    }
    if (deliver->changed && deliver->published_ms + PUBLISH_MS < until_ms)
        until_ms = deliver->published_ms + PUBLISH_MS;
    return until_ms <= now_ms ? 0 : (int)(until_ms - now_ms);
}

static void *run(void *context)
{
    struct deliver *deliver = context;
    int64_t drain_until_ms = TIME_NONE;
    for (;;) {
        int64_t now_ms = clock_now_ms();
        arena_clear(&deliver->scratch);
        if (drain_until_ms == TIME_NONE && atomic_load(&deliver->stopping))
            drain_until_ms = now_ms + deliver->drain_ms;
        bool draining = drain_until_ms != TIME_NONE;
        if (draining && (now_ms >= drain_until_ms || now_ms < drain_until_ms - deliver->drain_ms || (!deliver->under_way && !deliver->done)))
            break;
        policy_follow(deliver);
        if (!draining && deliver->commit_again_ms == TIME_NONE) {
            status_count(deliver, now_ms);
            pump_all(deliver, now_ms);
        }
        int running;
        CURLMcode code = curl_multi_perform(deliver->multi, &running);
        if (code != CURLM_OK && deliver_may_warn(deliver, now_ms))
            log_write(LOG_WARN, "deliver", "moving bytes failed: %s", curl_multi_strerror(code));
        transfers_collect(deliver);
        outbounds_poll(deliver);
        now_ms = clock_now_ms();
        if (may_commit(deliver, now_ms))
            outcomes_commit(deliver);
        now_ms = clock_now_ms();
        if (deliver->changed && (now_ms - deliver->published_ms >= PUBLISH_MS || now_ms < deliver->published_ms))
            status_publish(deliver, now_ms);
        (void)curl_multi_poll(deliver->multi, NULL, 0, wait_ms(deliver, now_ms, drain_until_ms), NULL); /* an error only shortens the wait */
    }
    if (deliver->done)
        outcomes_commit(deliver);
    return NULL;
}

static const char *environment_of_process(const char *name) { return getenv(name); }

static void deliver_free(struct deliver *deliver)
{
    vec_each (each, &deliver->outbounds)
        outbound_close(deliver, *each);
    if (deliver->policy)
        engine_policy_release(deliver->engine, deliver->policy);
    if (deliver->multi)
        (void)curl_multi_cleanup(deliver->multi); /* all its handles are closed */
    if (deliver->reader)
        engine_reader_close(deliver->reader);
    pthread_mutex_destroy(&deliver->lock);
    arena_release(&deliver->published_arena);
    arena_release(&deliver->scratch);
    arena_release(&deliver->arena);
    free(deliver);
}

static const struct err *thread_start(struct arena *arena, struct deliver *deliver)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int failed = pthread_create(&deliver->thread, NULL, run, deliver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? err_new(arena, ERR_INTERNAL, "the sending thread cannot be started: %s", strerror(failed)) : NULL;
}

const struct err *deliver_start(struct arena *arena, struct engine *engine, const struct deliver_options *options,
                                struct deliver **ret_deliver)
{
    static const struct deliver_options defaults;
    if (!options)
        options = &defaults;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_new(arena, ERR_INTERNAL, "libcurl cannot be started");
    struct deliver *deliver = calloc(1, sizeof *deliver);
    ASSERT(deliver);
    arena_init(&deliver->arena);
    arena_init(&deliver->scratch);
    arena_init(&deliver->published_arena);
    pthread_mutex_init(&deliver->lock, NULL);
    id_source_init_random(&deliver->random);
    deliver->engine = engine;
    deliver->environment = options->environment ? options->environment : environment_of_process;
    deliver->drain_ms = options->drain_ms > 0 ? options->drain_ms : DRAIN_DEFAULT_MS;
    deliver->commit_again_ms = deliver->warned_ms = TIME_NONE;
    deliver->multi = curl_multi_init();
    ASSERT(deliver->multi);
    deliver->loop = (struct kind_loop){deliver, loop_wake, loop_ended};
    const struct err *error = engine_reader(engine, &deliver->reader);
    if (!error) {
        policy_follow(deliver); /* so that the first look at the status finds every destination */
        status_publish(deliver, clock_now_ms());
        engine_listen(engine, on_commit, deliver);
        error = thread_start(arena, deliver);
        if (error)
            engine_unlisten(engine, on_commit, deliver);
    }
    if (error) {
        deliver_free(deliver);
        return error;
    }
    *ret_deliver = deliver;
    return NULL;
}

void deliver_stop(struct deliver *deliver)
{
    if (!deliver)
        return;
    engine_unlisten(deliver->engine, on_commit, deliver);
    atomic_store(&deliver->stopping, true);
    (void)curl_multi_wakeup(deliver->multi);
    pthread_join(deliver->thread, NULL);
    deliver_free(deliver);
}
