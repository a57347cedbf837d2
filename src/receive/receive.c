/* The thread that follows the policy: a feed for each source of kind `kafka`, begun, ended and begun anew as the policy says. */
#include "receive/receive_private.h"

#include "base/log.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define FOLLOW_MS SECOND_MS

static bool is_kafka(const struct source *source) { return str_equal(source->kind, STR("kafka")); }

static struct kafka_declared declared_of(struct arena *arena, const struct source *source)
{
    return (struct kafka_declared){.use = KAFKA_RECEIVE, .who = str_printf(arena, "source `%.*s`", STR_FMT(source->name)),
                                   .line = source->line, .column = source->column, .options = &source->options};
}

struct kafka_declared feed_declared(struct arena *arena, const struct feed *feed)
{
    return (struct kafka_declared){.use = KAFKA_RECEIVE, .who = str_printf(arena, "source `%.*s`", STR_FMT(feed->name)), .options = &feed->declared};
}

void receive_check(struct arena *arena, const struct policy *policy, policy_problems *ret_problems)
{
    size_t count = 0;
    vec_each (source, &policy->sources) {
        if (!is_kafka(source))
            continue;
        struct kafka_declared declared = declared_of(arena, source);
        kafka_check(arena, &declared, ret_problems);
        if (++count == LIMIT_KAFKA_SOURCES + 1)
            *(struct policy_problem *)vec_push(arena, ret_problems) =
                (struct policy_problem){.line = source->line, .column = source->column,
                                        .text = str_printf(arena, "more than %d sources of kind `kafka`; one may read several topics", LIMIT_KAFKA_SOURCES)};
    }
}

/* ---- feeds ---- */

static str options_text(struct arena *arena, const struct source *source)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, LIMIT_POLICY_BYTES);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    for (size_t i = 0; i < source->options.count; i++) {
        jsonw_key(&w, source->options.items[i].name);
        jsonw_string(&w, source->options.items[i].value);
    }
    jsonw_object_end(&w);
    return buf_str(&out);
}

static bool thread_begin(pthread_t *thread, void *(*main)(void *), void *context, const char *name)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
    int failed = pthread_create(thread, NULL, main, context);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        (void)pthread_setname_np(*thread, name); /* only for those who look from outside */
    return !failed;
}

static void feed_free(struct feed *feed)
{
    if (feed->reader)
        engine_reader_close(feed->reader);
    arena_release(&feed->scratch);
    arena_release(&feed->arena);
    free(feed);
}

static struct feed *feed_new(struct receive *receive, const struct source *source)
{
    struct feed *feed = calloc(1, sizeof *feed);
    ASSERT(feed);
    arena_init(&feed->arena);
    arena_init(&feed->scratch);
    feed->receive = receive;
    feed->name = str_copy(&feed->arena, source->name);
    feed->options = options_text(&feed->arena, source);
    vec_each (option, &source->options)
        *(struct flow_option *)vec_push(&feed->arena, &feed->declared) =
            (struct flow_option){.name = str_copy(&feed->arena, option->name), .value = str_copy(&feed->arena, option->value)};
    str group = flow_option(&feed->declared, STR("group"), STR_NONE);
    feed->group = str_empty(group) ? str_printf(&feed->arena, "telos-%.*s", STR_FMT(feed->name)) : group;
    feed->topics = flow_option(&feed->declared, STR("topic"), STR_NONE);
    feed->dead_letter = flow_option(&feed->declared, STR("dead_letter"), STR_NONE);
    feed->latest = str_equal(flow_option(&feed->declared, STR("start"), STR_NONE), STR("latest"));
    feed->warned_ms = TIME_NONE;
    feed->status = (struct receive_status){.name = feed->name, .group = feed->group, .topics = feed->topics, .state = RECEIVE_JOINING, .lag = -1,
                                           .last_stored_ms = TIME_NONE, .last_error_ms = TIME_NONE};
    feed->published = feed->status;
    return feed;
}

static void feed_begin(struct receive *receive, const struct source *source)
{
    struct feed *feed = feed_new(receive, source);
    const struct err *error = engine_reader(receive->engine, &feed->reader);
    if (!error)
        feed->running = thread_begin(&feed->thread, feed_main, feed, "telos-receive");
    if (!feed->running) {
        log_write(LOG_ERROR, "receive", "source %.*s cannot be read: no thread or reader can be had", STR_FMT(feed->name));
        feed_free(feed);
        return;
    }
    pthread_mutex_lock(&receive->lock);
    *(struct feed **)vec_push(&receive->arena, &receive->feeds) = feed;
    pthread_mutex_unlock(&receive->lock);
}

static void feed_end(struct receive *receive, size_t at)
{
    struct feed *feed = receive->feeds.items[at];
    atomic_store(&feed->stopping, true);
    pthread_join(feed->thread, NULL);
    pthread_mutex_lock(&receive->lock);
    receive->feeds.items[at] = receive->feeds.items[--receive->feeds.count];
    pthread_mutex_unlock(&receive->lock);
    feed_free(feed);
}

/* Only this thread changes the list, so it may look at it without the lock. */
static void policy_follow(struct receive *receive)
{
    struct arena arena;
    const struct policy *policy = engine_policy(receive->engine);
    arena_init(&arena);
    for (size_t i = receive->feeds.count; i-- > 0;) {
        const struct feed *feed = receive->feeds.items[i];
        const struct source *source = policy ? policy_source(policy, feed->name) : NULL;
        if (!source || !is_kafka(source) || !str_equal(options_text(&arena, source), feed->options))
            feed_end(receive, i);
    }
    for (size_t i = 0; policy && i < policy->sources.count; i++) {
        const struct source *source = &policy->sources.items[i];
        bool found = !is_kafka(source) || receive->feeds.count >= LIMIT_KAFKA_SOURCES;
        for (size_t k = 0; k < receive->feeds.count && !found; k++)
            found = str_equal(receive->feeds.items[k]->name, source->name);
        if (!found)
            feed_begin(receive, source);
    }
    if (policy)
        engine_policy_release(receive->engine, policy);
    arena_release(&arena);
}

static void *receive_main(void *context)
{
    struct receive *receive = context;
    for (bool go_on = true; go_on;) {
        policy_follow(receive);
        pthread_mutex_lock(&receive->lock);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += FOLLOW_MS / 1000;
        while (!receive->stopping && !receive->follow)
            if (pthread_cond_timedwait(&receive->changed, &receive->lock, &until))
                break;
        receive->follow = false;
        go_on = !receive->stopping;
        pthread_mutex_unlock(&receive->lock);
    }
    vec_each (feed, &receive->feeds)
        atomic_store(&(*feed)->stopping, true); /* all at once, then one after the other */
    while (receive->feeds.count)
        feed_end(receive, receive->feeds.count - 1);
    return NULL;
}

static void on_commit(void *context, const struct commit_note *note)
{
    struct receive *receive = context;
    if (!note->policy)
        return;
    pthread_mutex_lock(&receive->lock);
    receive->follow = true;
    pthread_cond_signal(&receive->changed);
    pthread_mutex_unlock(&receive->lock);
}

static const char *environment_of_process(const char *name) { return getenv(name); }

static void receive_free(struct receive *receive)
{
    pthread_mutex_destroy(&receive->lock);
    pthread_cond_destroy(&receive->changed);
    arena_release(&receive->arena);
    free(receive);
}

const struct err *receive_start(struct arena *arena, struct engine *engine, const char *(*environment)(const char *name),
                                struct receive **ret_receive)
{
    struct receive *receive = calloc(1, sizeof *receive);
    ASSERT(receive);
    arena_init(&receive->arena);
    pthread_mutex_init(&receive->lock, NULL);
    pthread_cond_init(&receive->changed, NULL);
    receive->engine = engine;
    receive->environment = environment ? environment : environment_of_process;
    engine_listen(engine, on_commit, receive);
    if (!thread_begin(&receive->thread, receive_main, receive, "telos-sources")) {
        engine_unlisten(engine, on_commit, receive);
        receive_free(receive);
        return err_new(arena, ERR_INTERNAL, "the thread that reads sources cannot be started");
    }
    *ret_receive = receive;
    return NULL;
}

void receive_stop(struct receive *receive)
{
    if (!receive)
        return;
    engine_unlisten(receive->engine, on_commit, receive);
    pthread_mutex_lock(&receive->lock);
    receive->stopping = true;
    pthread_cond_signal(&receive->changed);
    pthread_mutex_unlock(&receive->lock);
    pthread_join(receive->thread, NULL);
    receive_free(receive);
}
