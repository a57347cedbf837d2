/* What is shared among threads: readers of the engine, and the workers that run what is long.
 *
 * 1. A reader is lent to one call at a time; the newest returned goes out first, so that its caches stay warm.
 * 2. A worker never waits for a commit; such a call is passed on to the engine, and the worker takes the next.
 */
#include "server/server_private.h"

#include <time.h>

struct reader *reader_take(struct server *server, const struct err **ret_error)
{
    struct reader *reader = NULL;
    pthread_mutex_lock(&server->lock);
    if (server->reader_count)
        reader = server->readers[--server->reader_count];
    pthread_mutex_unlock(&server->lock);
    if (!reader)
        *ret_error = engine_reader(server->engine, &reader);
    return reader;
}

void reader_give_back(struct server *server, struct reader *reader)
{
    pthread_mutex_lock(&server->lock);
    bool keep = server->reader_count < READERS_MAX;
    if (keep)
        server->readers[server->reader_count++] = reader;
    pthread_mutex_unlock(&server->lock);
    if (!keep)
        engine_reader_close(reader);
}

#define IDLE_S 30

/* Until a call waits, or it is time to tend. */
static void wait_for_call(struct workers *workers)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += IDLE_S;
    int result = 0;
    while (!workers->first && !workers->stopping && !result)
        result = workers->idle ? pthread_cond_timedwait(&workers->wake, &workers->lock, &until) : pthread_cond_wait(&workers->wake, &workers->lock);
}

static void *work(void *context)
{
    struct workers *workers = context;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        wait_for_call(workers);
        struct call *call = workers->first;
        if (!call && workers->stopping)
            break;
        if (!call) {
            pthread_mutex_unlock(&workers->lock);
            workers->idle(workers->server);
            pthread_mutex_lock(&workers->lock);
            continue;
        }
        workers->first = call->next;
        if (!workers->first)
            workers->last = &workers->first;
        workers->waiting--;
        pthread_mutex_unlock(&workers->lock);
        handler then = call->then;
        call->then = NULL;
        call->next = NULL;
        call_handle(call, then);
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

const struct err *workers_start(struct server *server, struct workers *workers, size_t threads, size_t waiting_max, struct arena *arena)
{
    ASSERT(threads <= WORKERS);
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    workers->server = server;
    workers->last = &workers->first;
    workers->waiting_max = waiting_max;
    while (workers->count < threads) {
        if (pthread_create(&workers->threads[workers->count], NULL, work, workers))
            return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
        workers->count++;
    }
    return NULL;
}

bool workers_push(struct workers *workers, struct call *call)
{
    pthread_mutex_lock(&workers->lock);
    bool room = workers->waiting < workers->waiting_max;
    if (room) {
        call->next = NULL;
        *workers->last = call;
        workers->last = &call->next;
        workers->waiting++;
        pthread_cond_signal(&workers->wake);
    }
    pthread_mutex_unlock(&workers->lock);
    return room;
}

void workers_stop(struct workers *workers)
{
    if (!workers->last) /* never started */
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->wake);
}
