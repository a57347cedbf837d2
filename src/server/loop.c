/* The threads that serve connections, and the entrance where new ones come in.
 *
 *   entrance: accept ──▶ room? ── no: 503, closed
 *                          └ yes: loop_bring ──▶ [ arrived ] ──┐
 *   writer, workers, flows: loop_resume ───────▶ [ woken ] ────┤ bell
 *                                                              ▼
 *   loop: wait (sockets, bell) ─▶ take what arrived and what woke ─▶ MHD_run
 *
 * MHD could do all of this with threads of its own. But then each connection that is resumed costs a system call of whoever resumes it, all
 * connections that come at once go to one thread, and one over the limit waits in the kernel until its client gives up.
 *
 * 1. A daemon belongs to its loop's thread: nobody else calls MHD for it while the thread runs.
 * 2. The bell is rung under the lock and once for all that lies there: a commit that answers many rings once.
 * 3. A waking lies in the list at most once, since its connection is suspended as long as it lies there.
 * 4. An idle loop with fewer connections than the others gets the next one.
 */
#include "server/server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_MAX 64 /* at once from one listener */
#define LOCAL_MORE 256 /* connections of local commands that have room even when all others are taken */
#define TURNED_AWAY_WAIT_MS 1000 /* when not even that can be told */

struct arrival {
    struct arrival *next;
    int fd;
    struct sockaddr_storage address;
    socklen_t size;
};
struct loop {
    struct server *server;
    bool local; /* its connections come by the Unix socket */
    struct MHD_Daemon *daemon;
    int events_fd; /* MHD's epoll; MHD closes it */
    int bell_fd;
    _Atomic bool stop;
    _Atomic size_t connections; /* brought here and still open */
    size_t begun; /* of which MHD has told, ever; the thread's own */
    pthread_mutex_t lock; /* over the lists */
    struct waking *woken, **woken_last;
    struct arrival *arrived, **arrived_last;
    pthread_t thread;
    bool running;
};
struct entrance {
    struct server *server;
    int bell_fd, spare_fd; /* spare: given up for a moment when there are no more descriptors */
    _Atomic bool stop;
    pthread_t thread;
};

static void ring(int bell_fd)
{
    static const uint64_t one = 1;
    ssize_t written = write(bell_fd, &one, sizeof one);
    ASSERT(written == sizeof one || errno == EAGAIN); /* full: it rings already */
}

static void hush(int bell_fd)
{
    uint64_t count;
    ssize_t got = read(bell_fd, &count, sizeof count);
    (void)got; /* it had not been rung: fine */
}

/* ---- a loop ---- */

void loop_resume(struct loop *loop, struct waking *waking)
{
    pthread_mutex_lock(&loop->lock);
    bool first = !loop->woken && !loop->arrived;
    waking->next = NULL;
    *loop->woken_last = waking;
    loop->woken_last = &waking->next;
    if (first)
        ring(loop->bell_fd);
    pthread_mutex_unlock(&loop->lock);
}

static void loop_bring(struct loop *loop, struct arrival *arrival)
{
    atomic_fetch_add(&loop->connections, 1);
    pthread_mutex_lock(&loop->lock);
    bool first = !loop->woken && !loop->arrived;
    *loop->arrived_last = arrival;
    loop->arrived_last = &arrival->next;
    if (first)
        ring(loop->bell_fd);
    pthread_mutex_unlock(&loop->lock);
}

void on_connection(void *context, struct MHD_Connection *connection, void **link, enum MHD_ConnectionNotificationCode code)
{
    struct loop *loop = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        loop->begun++;
        link_open(loop->server, loop->local, connection, link);
    } else {
        link_close(loop->server, link);
        atomic_fetch_sub(&loop->connections, 1);
    }
}

void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    struct loop *loop = context;
    return call_begins(loop->server, loop, uri, connection);
}

static void loop_take(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct waking *woken = loop->woken;
    struct arrival *arrived = loop->arrived;
    loop->woken = NULL;
    loop->woken_last = &loop->woken;
    loop->arrived = NULL;
    loop->arrived_last = &loop->arrived;
    pthread_mutex_unlock(&loop->lock);
    while (woken) {
        struct waking *next = woken->next; /* after it is resumed, it may be gone */
        MHD_resume_connection(woken->connection);
        woken = next;
    }
    while (arrived) {
        struct arrival *next = arrived->next;
        size_t begun = loop->begun;
        bool added = MHD_add_connection(loop->daemon, arrived->fd, (struct sockaddr *)&arrived->address, arrived->size) == MHD_YES;
        if (!added && loop->begun == begun)
            atomic_fetch_sub(&loop->connections, 1); /* it was closed before on_connection heard of it */
        free(arrived);
        arrived = next;
    }
}

/* For how long nothing happens by itself; -1: until an event. */
static int loop_patience(struct loop *loop)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    if (MHD_get_timeout(loop->daemon, &wait_ms) != MHD_YES)
        return -1;
    return wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms;
}

static void *loop_run(void *context)
{
    struct loop *loop = context;
    struct pollfd fds[] = {{.fd = loop->events_fd, .events = POLLIN}, {.fd = loop->bell_fd, .events = POLLIN}};
    while (!atomic_load(&loop->stop)) {
        int wait_ms = loop_patience(loop);
        fds[1].revents = 0;
        if (wait_ms == 0) /* just answered: their next requests are not here yet, and who makes them may wait for this processor */
            sched_yield();
        if (poll(fds, 2, wait_ms) < 0)
            ASSERT(errno == EINTR || errno == ENOMEM);
        if (fds[1].revents)
            hush(loop->bell_fd);
        loop_take(loop);
        if (MHD_run(loop->daemon) != MHD_YES)
            log_write(LOG_ERROR, "server", "a connection could not be served: %s", strerror(errno));
    }
    return NULL;
}

static void panicked(void *context, const char *file, unsigned line, const char *reason)
{
    (void)context;
    log_write(LOG_ERROR, "server", "libmicrohttpd: %s (%s:%u)", reason ? reason : "broken invariant", file, line);
    abort();
}

static const struct err *loop_start(struct arena *arena, struct server *server, bool local)
{
    struct loop *loop = calloc(1, sizeof *loop);
    ASSERT(loop && server->loop_count < LOOPS_MAX);
    loop->server = server;
    loop->local = local;
    loop->woken_last = &loop->woken;
    loop->arrived_last = &loop->arrived;
    pthread_mutex_init(&loop->lock, NULL);
    server->loops[server->loop_count++] = loop; /* from here on loops_stop frees it */
    loop->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->bell_fd < 0)
        return err_new(arena, ERR_UNAVAILABLE, "the HTTP server cannot be started: %s", strerror(errno));
    loop->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, 0, NULL, NULL, on_request, loop,
                                    MHD_OPTION_URI_LOG_CALLBACK, on_uri, loop, MHD_OPTION_NOTIFY_COMPLETED, on_completed, loop, MHD_OPTION_NOTIFY_CONNECTION,
                                    on_connection, loop, MHD_OPTION_CONNECTION_LIMIT, (unsigned)(server->connections_max + LOCAL_MORE),
                                    MHD_OPTION_CONNECTION_TIMEOUT, server->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIMIT_HEADER_BYTES,
                                    MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)4096, MHD_OPTION_END);
    const union MHD_DaemonInfo *info = loop->daemon ? MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        return err_new(arena, ERR_UNAVAILABLE, "the HTTP server cannot be started: %s", strerror(errno));
    loop->events_fd = info->epoll_fd;
    if (pthread_create(&loop->thread, NULL, loop_run, loop))
        return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
    loop->running = true;
    (void)pthread_setname_np(loop->thread, local ? "telos-local" : "telos-http"); /* only for those who look from outside */
    return NULL;
}

const struct err *loops_start(struct server *server, struct arena *arena, unsigned threads)
{
    MHD_set_panic_func(panicked, NULL);
    if (server->local_fd >= 0)
        TRY(loop_start(arena, server, true));
    for (unsigned i = 0; server->tcp_fd >= 0 && i < threads; i++)
        TRY(loop_start(arena, server, false));
    return NULL;
}

void loops_stop(struct server *server)
{
    for (size_t i = 0; i < server->loop_count; i++) {
        struct loop *loop = server->loops[i];
        atomic_store(&loop->stop, true);
        if (loop->running) {
            ring(loop->bell_fd);
            pthread_join(loop->thread, NULL);
        }
        loop_take(loop); /* what came too late is closed with the others; nothing is suspended any more */
        if (loop->daemon)
            MHD_stop_daemon(loop->daemon);
        if (loop->bell_fd >= 0)
            close(loop->bell_fd);
        pthread_mutex_destroy(&loop->lock);
        free(loop);
    }
    server->loop_count = 0;
}

/* ---- the entrance ---- */

static struct loop *loop_emptiest(const struct server *server, bool local)
{
    struct loop *found = NULL;
    for (size_t i = 0; i < server->loop_count; i++) {
        struct loop *loop = server->loops[i];
        if (loop->local == local && (!found || atomic_load(&loop->connections) < atomic_load(&found->connections)))
            found = loop;
    }
    ASSERT(found);
    return found;
}

static size_t connections_here(const struct server *server)
{
    size_t count = 0;
    for (size_t i = 0; i < server->loop_count; i++)
        count += atomic_load(&server->loops[i]->connections);
    return count;
}

/* In one piece and without waiting: a client that does not listen learns it by the close. */
static void turn_away(struct server *server, int fd)
{
    static const char body[] = "{\"type\":\"/problems/unavailable\",\"title\":\"Telos has no room for another connection\",\"status\":503,"
                               "\"detail\":\"too many connections are open; try again in a moment\"}";
    char text[512], unread[4096];
    int length = snprintf(text, sizeof text, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
                                             "Retry-After: 5\r\nConnection: close\r\n\r\n%s", sizeof body - 1, body);
    ASSERT(length > 0 && (size_t)length < sizeof text);
    atomic_fetch_add(&server->turned_away, 1);
    ssize_t sent = send(fd, text, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* it is closed in any case */
    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < 4 && recv(fd, unread, sizeof unread, MSG_DONTWAIT) > 0; i++)
        ; /* what is left unread would make the close a reset, which can overtake the answer */
    close(fd);
}

static void enter(struct server *server, int fd, const struct sockaddr_storage *address, socklen_t size, bool local)
{
    if (connections_here(server) >= server->connections_max + (local ? LOCAL_MORE : 0)) {
        turn_away(server, fd);
        return;
    }
    struct arrival *arrival = calloc(1, sizeof *arrival);
    ASSERT(arrival);
    arrival->fd = fd;
    arrival->address = *address;
    arrival->size = size;
    loop_bring(loop_emptiest(server, local), arrival);
}

/* No descriptor is free: one that is kept for this is given up, so that the client is told instead of left waiting. */
static void descriptors_are_out(struct entrance *entrance, int listener)
{
    close(entrance->spare_fd);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        turn_away(entrance->server, fd);
    entrance->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (entrance->spare_fd < 0 || fd < 0)
        usleep(TURNED_AWAY_WAIT_MS * 1000); /* others took it at once; not in circles */
}

static void accept_some(struct entrance *entrance, int listener, bool local)
{
    for (int i = 0; i < ACCEPT_MAX; i++) {
        struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
        socklen_t size = sizeof address;
        int fd = accept4(listener, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            enter(entrance->server, fd, &address, size, local);
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            descriptors_are_out(entrance, listener);
        else if (errno != ECONNABORTED && errno != EINTR)
            return; /* EAGAIN: nobody is left */
    }
}

static void *entrance_run(void *context)
{
    struct entrance *entrance = context;
    struct server *server = entrance->server;
    struct pollfd fds[] = {{.fd = entrance->bell_fd, .events = POLLIN}, {.fd = server->tcp_fd, .events = POLLIN}, {.fd = server->local_fd, .events = POLLIN}};
    while (!atomic_load(&entrance->stop)) { /* a negative descriptor is passed over */
        if (poll(fds, 3, -1) < 0)
            ASSERT(errno == EINTR || errno == ENOMEM);
        if (fds[1].revents)
            accept_some(entrance, fds[1].fd, false);
        if (fds[2].revents)
            accept_some(entrance, fds[2].fd, true);
    }
    return NULL;
}

const struct err *entrance_open(struct server *server, struct arena *arena)
{
    struct entrance *entrance = arena_new(&server->arena, struct entrance);
    entrance->server = server;
    entrance->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    entrance->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (entrance->bell_fd < 0 || entrance->spare_fd < 0)
        return err_new(arena, ERR_UNAVAILABLE, "the HTTP server cannot be started: %s", strerror(errno));
    if (pthread_create(&entrance->thread, NULL, entrance_run, entrance))
        return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
    (void)pthread_setname_np(entrance->thread, "telos-entrance"); /* only for those who look from outside */
    server->entrance = entrance;
    return NULL;
}

void entrance_close(struct server *server)
{
    struct entrance *entrance = server->entrance;
    if (!entrance)
        return;
    server->entrance = NULL;
    atomic_store(&entrance->stop, true);
    ring(entrance->bell_fd);
    pthread_join(entrance->thread, NULL);
    close(entrance->bell_fd);
    close(entrance->spare_fd);
}
