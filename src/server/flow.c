/* Replies that come little by little: a bounded buffer between a writer (a stream, a job) and the connection that reads it.
 *
 *   writer: flow_write ──▶ [ bytes ] ──▶ read_some (MHD asks) ──▶ client
 *
 * 1. It has two owners, the writer and the reply; the last one frees it.
 * 2. While there is nothing to send, the connection is suspended; who writes, ends or stops it resumes it. `waiting` is set and taken under
 *    the lock, so that each suspension is resumed once.
 * 3. A client that is gone is noticed at the next bytes, or by flow_closed; then flow_write answers false.
 */
#include "server/server_private.h"

#include <poll.h>
#include <stdlib.h>

struct flow {
    struct flow *next, *before; /* the server's list */
    struct server *server;
    struct loop *loop;
    struct waking waking; /* and the connection */
    int fd; /* open as long as the reply is */
    pthread_mutex_t lock;
    pthread_cond_t room;
    char *bytes;
    size_t from, length, capacity, bytes_max;
    unsigned owners;
    bool waiting; /* the connection is suspended */
    bool ended;   /* no more will be written */
    bool closed;  /* nobody reads any more */
};

struct flow *flow_new(struct call *call, size_t bytes_max)
{
    struct flow *flow = calloc(1, sizeof(*flow));
    ASSERT(flow);
    struct server *server = call->server;
    flow->server = server;
    flow->loop = call->loop;
    flow->waking.connection = call->connection;
    flow->fd = call->link ? call->link->fd : -1;
    flow->bytes_max = bytes_max;
    flow->owners = 2;
    pthread_mutex_init(&flow->lock, NULL);
    pthread_cond_init(&flow->room, NULL);
    pthread_mutex_lock(&server->lock);
    flow->next = server->flows;
    if (flow->next)
        flow->next->before = flow;
    server->flows = flow;
    pthread_mutex_unlock(&server->lock);
    return flow;
}

static void flow_leave(struct flow *flow)
{
    struct server *server = flow->server;
    pthread_mutex_lock(&server->lock); /* before the flow's own lock, as in flows_stop */
    pthread_mutex_lock(&flow->lock);
    bool last = --flow->owners == 0;
    pthread_mutex_unlock(&flow->lock);
    if (last) {
        if (flow->next)
            flow->next->before = flow->before;
        if (flow->before)
            flow->before->next = flow->next;
        else
            server->flows = flow->next;
    }
    pthread_mutex_unlock(&server->lock);
    if (!last)
        return;
    pthread_mutex_destroy(&flow->lock);
    pthread_cond_destroy(&flow->room);
    free(flow->bytes);
    free(flow);
}

static void wake(struct flow *flow) /* under its lock */
{
    if (!flow->waiting)
        return;
    flow->waiting = false;
    atomic_fetch_sub(&flow->server->suspended, 1);
    loop_resume(flow->loop, &flow->waking);
}

/* ---- the reading side: MHD calls these ---- */

static ssize_t read_some(void *context, uint64_t position, char *out, size_t max)
{
    (void)position; /* each byte is asked for once */
    struct flow *flow = context;
    ssize_t result = 0;
    pthread_mutex_lock(&flow->lock);
    if (flow->length) {
        size_t size = flow->length < max ? flow->length : max;
        memcpy(out, flow->bytes + flow->from, size);
        flow->from += size;
        flow->length -= size;
        if (!flow->length)
            flow->from = 0;
        pthread_cond_signal(&flow->room);
        result = (ssize_t)size;
    } else if (flow->ended || flow->closed) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        flow->waiting = true;
        atomic_fetch_add(&flow->server->suspended, 1);
        MHD_suspend_connection(flow->waking.connection);
    }
    pthread_mutex_unlock(&flow->lock);
    return result;
}

static void reply_gone(void *context)
{
    struct flow *flow = context;
    pthread_mutex_lock(&flow->lock);
    flow->closed = true;
    pthread_cond_broadcast(&flow->room);
    pthread_mutex_unlock(&flow->lock);
    flow_leave(flow);
}

struct MHD_Response *flow_response(struct flow *flow)
{
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16 * 1024, read_some, flow, reply_gone);
    ASSERT(response); /* fails only out of memory */
    return response;
}

/* ---- the writing side ---- */

static void append(struct flow *flow, str text)
{
    if (flow->from + flow->length + text.length > flow->capacity) {
        size_t capacity = flow->capacity ? flow->capacity : 4096;
        while (capacity < flow->length + text.length)
            capacity *= 2;
        if (capacity > flow->capacity) {
            char *bytes = realloc(flow->bytes, capacity);
            ASSERT(bytes);
            flow->bytes = bytes;
            flow->capacity = capacity;
        }
        memmove(flow->bytes, flow->bytes + flow->from, flow->length);
        flow->from = 0;
    }
    memcpy(flow->bytes + flow->length + flow->from, text.data, text.length);
    flow->length += text.length;
}

bool flow_write(struct flow *flow, str text)
{
    pthread_mutex_lock(&flow->lock);
    while (!str_empty(text) && !flow->closed) {
        if (flow->length >= flow->bytes_max) {
            pthread_cond_wait(&flow->room, &flow->lock);
            continue;
        }
        str piece = str_slice(text, 0, flow->bytes_max - flow->length);
        append(flow, piece);
        text = str_slice(text, piece.length, text.length);
        wake(flow);
    }
    bool open = !flow->closed;
    pthread_mutex_unlock(&flow->lock);
    return open;
}

void flow_push(struct flow *flow, str text)
{
    pthread_mutex_lock(&flow->lock);
    if (!flow->closed) {
        append(flow, text);
        wake(flow);
    }
    pthread_mutex_unlock(&flow->lock);
}

size_t flow_room(struct flow *flow)
{
    pthread_mutex_lock(&flow->lock);
    size_t room = flow->closed || flow->length >= flow->bytes_max ? 0 : flow->bytes_max - flow->length;
    pthread_mutex_unlock(&flow->lock);
    return room;
}

bool flow_closed(struct flow *flow)
{
    struct pollfd poll_fd = {.fd = flow->fd, .events = POLLRDHUP};
    pthread_mutex_lock(&flow->lock); /* while it is held and not closed, the reply lives, and so does the socket */
    bool closed = flow->closed || (flow->fd >= 0 && poll(&poll_fd, 1, 0) > 0);
    pthread_mutex_unlock(&flow->lock);
    return closed;
}

void flow_end(struct flow *flow)
{
    pthread_mutex_lock(&flow->lock);
    flow->ended = true;
    wake(flow);
    pthread_mutex_unlock(&flow->lock);
    flow_leave(flow);
}

void flows_stop(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    for (struct flow *flow = server->flows; flow; flow = flow->next) {
        pthread_mutex_lock(&flow->lock);
        flow->closed = true;
        pthread_cond_broadcast(&flow->room);
        wake(flow);
        pthread_mutex_unlock(&flow->lock);
    }
    pthread_mutex_unlock(&server->lock);
}
