/* The life of a call: from the request line to the moment when MHD is done with its reply. The picture is in server_private.h.
 *
 * 1. A reply is queued only after the whole body has come (or has been thrown away), so that a client that is still sending sees it.
 *    Only where the client announces more than BODY_DISCARD_MAX is it told at once, and the connection closed.
 * 2. A call that waits holds no reader.
 */
#include "server/server_private.h"

#include <sodium.h>
#include <stdlib.h>

#define BODY_DISCARD_MAX (64u * 1024 * 1024)
#define CALLS_FREE_MAX 256
#define ARENA_KEPT_BYTES_MAX (256 * 1024)
#define BODY_BYTES_FIRST_MAX (64 * 1024)

const struct err call_passed_on = {.code = ERR_INTERNAL, .text = "passed on"};

static struct call *call_take(struct server *server)
{
    pthread_mutex_lock(&server->lock);
    struct call *call = server->calls_free;
    if (call) {
        server->calls_free = call->next;
        server->calls_free_count--;
    }
    pthread_mutex_unlock(&server->lock);
    if (!call) {
        call = calloc(1, sizeof(*call));
        ASSERT(call);
        arena_init(&call->arena);
    }
    call->server = server;
    return call;
}

void call_free(struct call *call)
{
    arena_release(&call->arena);
    free(call);
}

static void reader_return(struct call *call)
{
    if (call->reader)
        reader_give_back(call->server, call->reader);
    call->reader = NULL;
}

static void call_give_back(struct call *call)
{
    struct server *server = call->server;
    bool answered = call->received_ms != 0;
    reader_return(call);
    if (call->work_held)
        engine_work_release(server->engine, &call->work);
    if (call->policy)
        engine_policy_release(server->engine, call->policy);
    if (call->route && call->route->body_bytes_max == LIMIT_SIGN_IN_BYTES && call->body.data) /* a password may lie in it, and the memory is used again */
        sodium_memzero(call->body.data, call->body.length);
    bool keep = call->arena.used_bytes <= ARENA_KEPT_BYTES_MAX;
    struct arena arena = call->arena;
    if (keep)
        arena_clear(&arena);
    else
        arena_release(&arena);
    *call = (struct call){.arena = arena};
    pthread_mutex_lock(&server->lock);
    keep = server->calls_free_count < CALLS_FREE_MAX;
    if (keep) {
        call->next = server->calls_free;
        server->calls_free = call;
        server->calls_free_count++;
    }
    pthread_mutex_unlock(&server->lock);
    if (!keep)
        call_free(call);
    if (answered)
        atomic_fetch_sub(&server->active, 1);
}

const struct err *call_reader(struct call *call, struct reader **ret_reader)
{
    const struct err *error = NULL;
    if (!call->reader)
        call->reader = reader_take(call->server, &error);
    if (!error)
        *ret_reader = call->reader;
    return error;
}

/* ---- from one thread to another ---- */

static void call_suspend(struct call *call)
{
    if (call->suspended)
        return;
    call->suspended = true;
    atomic_store(&call->woken, false);
    atomic_fetch_add(&call->server->suspended, 1);
    /* MHD looks at connections with a timeout of their own first after a resume; the others it would read from, and a client that has
     * closed its sending side would be dropped without its answer. */
    MHD_set_connection_option(call->connection, MHD_CONNECTION_OPTION_TIMEOUT, call->server->idle_s + 1);
    MHD_suspend_connection(call->connection);
}

static void call_wake(struct call *call)
{
    struct loop *loop = call->loop;
    call->waking.connection = call->connection;
    atomic_store(&call->woken, true);
    loop_resume(loop, &call->waking);
}

/* The reply is there. When the call runs on its connection's thread it is sent by whoever called; otherwise that thread is woken. */
static void call_finish(struct call *call)
{
    reader_return(call);
    if (call->suspended)
        call_wake(call); /* from here on it is the connection's */
}

static void work_done(struct work *work)
{
    call_wake(work->context);
}

const struct err *call_commit(struct call *call, handler then)
{
    reader_return(call);
    call_suspend(call);
    call->then = then;
    call->work.arena = &call->arena;
    call->work.received_ms = call->received_ms;
    call->work.done = work_done;
    call->work.context = call;
    call->work_held = true;
    const struct err *error = engine_submit(call->server->engine, &call->work);
    if (!error)
        return &call_passed_on;
    call->work_held = false;
    call->then = NULL;
    return error;
}

static const struct err *offload(struct call *call, struct workers *workers, handler then)
{
    reader_return(call);
    call_suspend(call);
    call->then = then;
    if (workers_push(workers, call))
        return &call_passed_on;
    call->then = NULL;
    return err_new(&call->arena, ERR_TOO_MANY, "too many long requests wait already; try again in a moment");
}

const struct err *call_offload(struct call *call, handler then) { return offload(call, &call->server->workers, then); }
const struct err *call_offload_login(struct call *call, handler then) { return offload(call, &call->server->logins, then); }
const struct err *call_offload_provider(struct call *call, handler then) { return offload(call, &call->server->providers, then); }

void call_handle(struct call *call, handler handle)
{
    log_request(call->id);
    const struct err *error = handle(call);
    if (error == &call_passed_on) {
        log_request(0);
        return;
    }
    if (error)
        reply_problem(call, error);
    ASSERT(call->reply.status);
    log_request(0);
    call_finish(call);
}

/* After a resume: the commit was made (or failed), or a worker has finished. */
static void call_resumed(struct call *call)
{
    ASSERT(atomic_load(&call->woken)); /* nobody else has it any more */
    call->suspended = false;
    MHD_set_connection_option(call->connection, MHD_CONNECTION_OPTION_TIMEOUT, call->server->idle_s);
    atomic_fetch_sub(&call->server->suspended, 1);
    if (call->reply.status)
        return;
    handler then = call->then;
    ASSERT(then && call->work_held);
    call->then = NULL;
    if (call->work.error)
        reply_problem(call, call->work.error);
    else
        call_handle(call, then);
}

/* ---- the head ---- */

/* "http://host/path", as proxies ask, is "/path". */
static str path_of(str address)
{
    ptrdiff_t scheme = str_starts(address, STR("/")) ? -1 : str_find(address, STR("://"));
    if (scheme < 0)
        return address;
    str rest = str_slice(address, (size_t)scheme + 3, address.length);
    ptrdiff_t slash = str_find_char(rest, '/');
    return slash < 0 ? STR("/") : str_slice(rest, (size_t)slash, rest.length);
}

struct call *call_begins(struct server *server, struct loop *loop, const char *uri, struct MHD_Connection *connection)
{
    struct call *call = call_take(server);
    str text = str_copy(&call->arena, str_of(uri));
    ptrdiff_t mark = str_find_char(text, '?');
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    call->loop = loop;
    call->connection = connection;
    call->link = info ? info->socket_context : NULL;
    if (mark >= 0) /* the query is read by ourselves; MHD's reading of it costs time, and hangs when it fills its memory */
        ((char *)(uintptr_t)uri)[mark + 1] = '\0';
    call->path = path_of(mark < 0 ? text : str_slice(text, 0, (size_t)mark));
    call->query = mark < 0 ? STR_NONE : str_slice(text, (size_t)mark + 1, text.length);
    call->local = call->link && call->link->local;
    call->began_us = clock_monotonic_us();
    if (call->link) {
        atomic_store(&call->link->since_us, call->began_us);
        atomic_store(&call->link->busy, true);
        atomic_store(&call->link->receiving, true);
    }
    return call;
}

static bool method_is(const struct route *route, const char *method, bool head)
{
    return !strcmp(route->method, method) || (head && !strcmp(route->method, "GET"));
}

/* Finds the route. Where there is none, or not with this method, the problem is made later, in call_run. */
static const struct route_node *call_route(struct call *call, const char *method)
{
    call->method = method;
    call->head = !strcmp(method, "HEAD");
    const struct route_node *node = route_find(call->server->tree, &call->arena, call->path, call->parameters);
    for (size_t i = 0; node && i < node->route_count; i++)
        if (method_is(node->routes[i], method, call->head))
            call->route = node->routes[i];
    return node;
}

static void call_begin(struct call *call, const char *method)
{
    call->begun = true;
    call->id = atomic_fetch_add(&call->server->call_next, 1) + 1;
    call->state = (void *)(uintptr_t)call_route(call, method);
    call->body_bytes_max = call->route ? call->route->body_bytes_max : 0;
    buf_init(&call->body, &call->arena, call->body_bytes_max);
    int64_t length;
    if (call->body_bytes_max && str_to_int64(call_header(call, MHD_HTTP_HEADER_CONTENT_LENGTH), &length) && length > 0 &&
        (size_t)length <= call->body_bytes_max)
        (void)buf_reserve(&call->body, length < BODY_BYTES_FIRST_MAX ? (size_t)length : BODY_BYTES_FIRST_MAX); /* only a hint */
}

/* More than anybody may send: told at once, before the body. */
static bool call_hopeless(struct call *call)
{
    int64_t length;
    return str_to_int64(call_header(call, MHD_HTTP_HEADER_CONTENT_LENGTH), &length) && length > (int64_t)BODY_DISCARD_MAX;
}

static enum MHD_Result call_body_add(struct call *call, const char *upload, size_t size)
{
    if (call->body_over || call->body.length + size > call->body_bytes_max) {
        call->body_over = true;
        call->body_discarded += size;
        return call->body_discarded > BODY_DISCARD_MAX ? MHD_NO : MHD_YES;
    }
    buf_add(&call->body, str_bytes(upload, size));
    return MHD_YES;
}

/* ---- running ---- */

static const struct err *wrong_method(struct call *call, const struct route_node *node)
{
    struct buf allow;
    if (!strcmp(call->method, MHD_HTTP_METHOD_OPTIONS) && (node->routes[0]->flags & ROUTE_CORS)) {
        call->route = node->routes[0];
        return preflight(call);
    }
    buf_init(&allow, &call->arena, 256);
    for (size_t i = 0; i < node->route_count; i++) {
        buf_printf(&allow, "%s, ", node->routes[i]->method);
        if (!strcmp(node->routes[i]->method, "GET"))
            buf_add(&allow, STR("HEAD, "));
    }
    buf_add(&allow, STR("OPTIONS"));
    reply_header(call, MHD_HTTP_HEADER_ALLOW, str_z(&call->arena, buf_str(&allow)));
    if (!strcmp(call->method, MHD_HTTP_METHOD_OPTIONS)) {
        reply_empty(call, MHD_HTTP_NO_CONTENT);
        return NULL;
    }
    return err_new(&call->arena, ERR_METHOD, "this address does not take %s; it takes %.*s", call->method, STR_FMT(buf_str(&allow)));
}

static const struct err *find_fault(struct call *call)
{
    const struct route_node *node = call->state;
    call->state = NULL;
    if (atomic_load(&call->server->stopping))
        return err_new(&call->arena, ERR_UNAVAILABLE, "Telos is being stopped; send it again when it is back");
    TRY(call_address_fault(call));
    if (!node || !node->route_count) {
        bool static_file = !strcmp(call->method, "GET") || call->head;
        return static_file ? static_get(call) : err_new(&call->arena, ERR_NOT_FOUND, "no such address; /openapi.json lists all that there are");
    }
    if (!call->route)
        return wrong_method(call, node);
    if ((call->route->flags & ROUTE_DEBUG) && !call->server->debug_door)
        return err_new(&call->arena, ERR_NOT_FOUND, "the debug door is closed; start Telos with it to use this");
    if (call->body_over)
        return err_new(&call->arena, ERR_TOO_LARGE, "the body is over %zu bytes; send less at a time", call->body_bytes_max);
    return NULL;
}

static const struct err *call_check(struct call *call)
{
    TRY(find_fault(call));
    if (call->reply.status)
        return NULL;
    TRY(engine_catch_up(call->server->engine, &call->arena));
    call->policy = engine_policy(call->server->engine);
    if (call->route->flags & ROUTE_COLLECT)
        return NULL;
    TRY(call_authenticate(call));
    if ((call->route->flags & ROUTE_POLICY) && !call->policy)
        return err_new(&call->arena, ERR_CONFLICT, "no policy is active yet; apply one first (POST /v1/policy, or `telos policy apply FILE`)");
    return NULL;
}

/* The whole request is there. */
static void call_run(struct call *call)
{
    call->received_ms = clock_now_ms();
    atomic_fetch_add(&call->server->active, 1);
    if (call->link)
        atomic_store(&call->link->receiving, false);
    const struct err *error = call_check(call);
    if (error)
        reply_problem(call, error);
    if (call->reply.status)
        return;
    if (call->route->flags & ROUTE_INLINE) {
        call_handle(call, call->route->handle);
        return;
    }
    error = call_offload(call, call->route->handle);
    if (error == &call_passed_on)
        return;
    reply_problem(call, error);
    call_finish(call);
}

enum MHD_Result on_request(void *loop, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                           const char *upload, size_t *upload_size, void **context)
{
    (void)loop, (void)url, (void)version; /* the address as it came is taken by on_uri */
    struct call *call = *context;
    if (!call->begun) {
        call_begin(call, method);
        if (!call_hopeless(call))
            return MHD_YES;
        reply_problem(call, err_new(&call->arena, ERR_TOO_LARGE, "the body is far over every limit; send less at a time"));
        return reply_send(call);
    }
    ASSERT(call->connection == connection);
    if (*upload_size) {
        size_t size = *upload_size;
        *upload_size = 0;
        return call_body_add(call, upload, size);
    }
    if (call->suspended)
        call_resumed(call);
    else
        call_run(call);
    if (call->suspended) /* it waits: for its commit, or a worker has it; only this thread changes the flag back */
        return MHD_YES;
    return reply_send(call);
}

static void call_count(struct call *call, int64_t now_us)
{
    struct server *server = call->server;
    if (!call->route) {
        atomic_fetch_add_explicit(&server->unrouted, 1, memory_order_relaxed);
        return;
    }
    struct tally *tally = &server->tallies[call->route - server->routes];
    atomic_fetch_add_explicit(&tally->requests, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&tally->us, (uint64_t)(now_us - call->began_us), memory_order_relaxed);
    if (call->reply.status >= 500)
        atomic_fetch_add_explicit(&tally->failures, 1, memory_order_relaxed);
    else if (call->reply.status >= 400)
        atomic_fetch_add_explicit(&tally->refused, 1, memory_order_relaxed);
}

void on_completed(void *loop, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
    (void)loop, (void)connection, (void)code;
    struct call *call = *context;
    if (!call)
        return;
    *context = NULL;
    if (call->suspended) { /* resumed, but its client was gone before its turn came */
        ASSERT(atomic_load(&call->woken));
        atomic_fetch_sub(&call->server->suspended, 1);
    }
    int64_t now_us = clock_monotonic_us();
    call_count(call, now_us);
    if (call->link) {
        atomic_store(&call->link->since_us, now_us);
        atomic_store(&call->link->busy, false);
        atomic_store(&call->link->receiving, false);
    }
    if (call->reply.response && call->reply.response != call->server->success)
        MHD_destroy_response(call->reply.response); /* made, but never sent */
    call_give_back(call);
}
