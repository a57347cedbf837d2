/* Starting and stopping: listeners, the threads. The contract is in server.h.
 *
 * TCP, and the Unix socket of the local commands, share everything but the listener and the threads that serve their connections (loop.c).
 *
 * Stopping, in this order: no new connection → streams and jobs are told → what is under way is answered (bounded) → all that is
 * suspended is resumed (the engine and the workers see to that) → the daemons end → the rest is freed.
 */
#include "server/server_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define THREADS_DEFAULT 2
#define PROVIDER_WORKERS 4 /* each waits for an OpenID provider, five seconds at most; only where there is one */
#define LOGIN_WORKERS 2 /* each works on 64 MB while it checks a password */
#define BACKLOG 4096
#define STOP_WAIT_MS (10 * SECOND_MS)

/* ---- listeners ---- */

static const struct err *split_address(struct arena *arena, const char *text, char **ret_host, char **ret_port)
{
    str address = str_of(text);
    ptrdiff_t colon = -1;
    for (size_t i = 0; i < address.length; i++)
        if (address.data[i] == ':')
            colon = (ptrdiff_t)i;
    if (colon < 0)
        return err_new(arena, ERR_INVALID, "`%s` is no address to listen on; write HOST:PORT, as in 127.0.0.1:8480", text);
    str host = str_slice(address, 0, (size_t)colon);
    if (host.length > 1 && host.data[0] == '[' && str_ends(host, STR("]")))
        host = str_slice(host, 1, host.length - 1);
    *ret_host = str_empty(host) || str_equal(host, STR("*")) ? NULL : str_z(arena, host);
    *ret_port = str_z(arena, str_slice(address, (size_t)colon + 1, address.length));
    return NULL;
}

static int listen_on(const struct addrinfo *address)
{
    int yes = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) || bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, BACKLOG)) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static unsigned port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, &address.any, &size))
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static const struct err *listen_tcp(struct arena *arena, struct server *server, const char *listen)
{
    char *host = NULL, *port = NULL;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    TRY(split_address(arena, listen, &host, &port));
    int code = getaddrinfo(host, port, &hints, &found);
    if (code)
        return err_new(arena, ERR_INVALID, "cannot listen on %s: %s", listen, gai_strerror(code));
    int error = 0;
    for (struct addrinfo *each = found; each && server->tcp_fd < 0; each = each->ai_next) {
        server->tcp_fd = listen_on(each);
        error = errno;
    }
    freeaddrinfo(found);
    if (server->tcp_fd < 0)
        return err_new(arena, ERR_UNAVAILABLE, "cannot listen on %s: %s%s", listen, strerror(error),
                       error == EADDRINUSE ? "; another program has the port, choose one with --listen HOST:PORT" : "");
    server->port = port_of(server->tcp_fd);
    return NULL;
}

static const struct err *listen_local(struct arena *arena, struct server *server, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return err_new(arena, ERR_INVALID, "the path of the local socket is longer than %zu bytes: %s; choose a shorter data directory",
                       sizeof(address.sun_path) - 1, path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)unlink(path); /* left by one that was killed; that we own the directory is sure by its lock */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    bool bound = fd >= 0 && !bind(fd, (struct sockaddr *)&address, sizeof(address));
    umask(mask);
    if (!bound || listen(fd, BACKLOG)) {
        const struct err *error = err_new(arena, ERR_UNAVAILABLE, "cannot listen on %s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return error;
    }
    server->local_fd = fd;
    server->socket = str_z(&server->arena, str_of(path));
    return NULL;
}

/* ---- start ---- */

/* As many open files as connections may need; where the system allows fewer, fewer connections. */
static void raise_files(const struct server *server)
{
    struct rlimit limit;
    rlim_t wanted = server->connections_max + 1000;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= wanted ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < wanted)
        log_write(LOG_WARN, "server", "only %llu open files are allowed: fewer connections than %zu at a time", (unsigned long long)limit.rlim_cur,
                  server->connections_max);
}

static struct MHD_Response *success_make(void)
{
    static const char text[] = "{\"success\":true}";
    struct MHD_Response *response = MHD_create_response_from_buffer(sizeof(text) - 1, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    ASSERT(response);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json"); /* only fails out of memory */
    return response;
}

static const struct err *start(struct arena *arena, struct server *server, const struct server_options *options)
{
    if (options->listen)
        TRY(listen_tcp(arena, server, options->listen));
    if (options->socket)
        TRY(listen_local(arena, server, options->socket));
    raise_files(server);
    server->routes = routes(&server->route_count);
    server->tree = route_tree(&server->arena);
    server->tallies = arena_array(&server->arena, struct tally, server->route_count);
    server->openapi = openapi_make(&server->arena, server->routes, server->route_count);
    server->success = success_make();
    throttle_open(&server->throttle);
    server->logins.idle = logins_idle;
    TRY(oidc_open(arena, server, &options->oidc));
    TRY(workers_start(server, &server->workers, WORKERS, LIMIT_SLOW_REQUESTS, arena));
    TRY(workers_start(server, &server->logins, LOGIN_WORKERS, LIMIT_LOGINS_WAITING, arena));
    TRY(workers_start(server, &server->providers, options->oidc.issuer ? PROVIDER_WORKERS : 0, LIMIT_LOGINS_WAITING, arena));
    TRY(streams_start(server, arena));
    TRY(live_start(server, arena));
    TRY(loops_start(server, arena, options->threads ? options->threads : THREADS_DEFAULT));
    return entrance_open(server, arena);
}

const struct err *server_start(struct arena *arena, struct engine *engine, const struct server_options *options, struct server **ret_server)
{
    struct server *server = calloc(1, sizeof(*server));
    ASSERT(server);
    arena_init(&server->arena);
    pthread_mutex_init(&server->lock, NULL);
    pthread_mutex_init(&server->jobs_lock, NULL);
    pthread_mutex_init(&server->links_lock, NULL);
    server->engine = engine;
    server->hooks = options->hooks;
    server->debug_door = options->debug_door;
    server->public_url = options->public_url ? str_z(&server->arena, str_of(options->public_url)) : NULL;
    server->console = options->console ? str_z(&server->arena, str_of(options->console)) : NULL;
    server->tcp_fd = server->local_fd = -1;
    server->connections_max = options->connections_max ? options->connections_max : LIMIT_CONNECTIONS;
    server->idle_s = options->idle_s ? options->idle_s : LIMIT_CONNECTION_IDLE_S;
    server->receive_s = options->receive_s ? options->receive_s : LIMIT_REQUEST_RECEIVE_S;
    server->session_idle_ms = (options->session_idle_s ? options->session_idle_s : LIMIT_SESSION_IDLE_S) * SECOND_MS;
    server->session_life_ms = (options->session_s ? options->session_s : LIMIT_SESSION_LIFE_S) * SECOND_MS;
    server->behind_proxy = options->behind_proxy;
    server->started_ms = clock_now_ms();
    const struct err *error = start(arena, server, options);
    if (error) {
        server_stop(server);
        return error;
    }
    *ret_server = server;
    return NULL;
}

unsigned server_port(const struct server *server) { return server->port; }

/* ---- the end ---- */

static void wait_for(_Atomic size_t *count, int64_t wait_ms)
{
    int64_t until_us = clock_monotonic_us() + wait_ms * 1000;
    while (atomic_load(count) && clock_monotonic_us() < until_us)
        usleep(2000);
}

static void listener_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void doors_close(struct server *server)
{
    entrance_close(server);
    listener_close(&server->tcp_fd);
    listener_close(&server->local_fd);
    if (server->socket)
        (void)unlink(server->socket); /* may be gone already */
    atomic_store(&server->stopping, true);
    streams_stop(server);
    live_stop(server);
    flows_stop(server);
    wait_for(&server->active, STOP_WAIT_MS);
    while (atomic_load(&server->jobs) || atomic_load(&server->suspended)) { /* the engine and the jobs end in bounded time */
        flows_stop(server);
        usleep(2000);
    }
    loops_stop(server);
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    doors_close(server);
    workers_stop(&server->workers);
    workers_stop(&server->logins);
    workers_stop(&server->providers);
    throttle_close(&server->throttle);
    oidc_close(server);
    streams_free(server);
    live_free(server);
    if (server->success)
        MHD_destroy_response(server->success);
    while (server->reader_count)
        engine_reader_close(server->readers[--server->reader_count]);
    for (struct call *call = server->calls_free, *next; call; call = next) {
        next = call->next;
        call_free(call);
    }
    pthread_mutex_destroy(&server->lock);
    pthread_mutex_destroy(&server->jobs_lock);
    pthread_mutex_destroy(&server->links_lock);
    arena_release(&server->arena);
    free(server);
}
