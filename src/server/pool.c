/* What is shared among threads: readers of the engine, and the workers that run what is long.
 *
 * 1. A reader is lent to one call at a time; the newest returned goes out first, so that its caches stay warm.
 * 2. A worker never waits for a commit; such a call is passed on to the engine, and the worker takes the next.
 */
#include "server/server_private.h"

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

static void *work(void *context)
{
    struct server *server = context;
    struct workers *workers = &server->workers;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (!workers->first && !workers->stopping)
            pthread_cond_wait(&workers->wake, &workers->lock);
        struct call *call = workers->first;
        if (!call)
            break;
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

const struct err *workers_start(struct server *server, struct arena *arena)
{
    struct workers *workers = &server->workers;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    workers->last = &workers->first;
    while (workers->count < WORKERS) {
        if (pthread_create(&workers->threads[workers->count], NULL, work, server))
            return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
        workers->count++;
    }
    return NULL;
}

bool workers_push(struct server *server, struct call *call)
{
    struct workers *workers = &server->workers;
    pthread_mutex_lock(&workers->lock);
    bool room = workers->waiting < LIMIT_SLOW_REQUESTS;
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

void workers_stop(struct server *server)
{
    struct workers *workers = &server->workers;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->count; i++)
        pthread_join(workers->threads[i], NULL);
    pthread_mutex_destroy(&workers->lock);
    pthread_cond_destroy(&workers->wake);
}
