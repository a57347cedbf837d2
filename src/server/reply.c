/* Replies: JSON, problem documents (RFC 9457), CORS headers, and handing them to MHD.
 *
 * 1. A body lives in the call's arena until MHD is done with it; nothing is copied.
 * 2. What a problem says never holds personal data or a secret: error texts do not (base/err.h), and nothing is added here.
 * 3. A reply that grew past LIMIT_REPLY_BYTES is not cut short: it becomes a problem that says so.
 */
#include "server/page.h"

#include <stdio.h>

#define CURSOR_MARK "c1:"
#define REPLY_BYTES_FIRST 1024
#define LOG_GAP_US 1000000

void reply_header(struct call *call, const char *name, const char *value)
{
    ASSERT(call->reply.header_count < REPLY_HEADERS_MAX);
    call->reply.headers[call->reply.header_count].name = name;
    call->reply.headers[call->reply.header_count++].value = value;
}

static void reply_begin(struct call *call, unsigned status, const char *type)
{
    call->reply.status = status;
    call->reply.type = type;
    call->reply.constant = STR_NONE;
    buf_init(&call->reply.out, &call->arena, LIMIT_REPLY_BYTES);
}

void reply_json(struct call *call, unsigned status, struct jsonw *w)
{
    reply_begin(call, status, "application/json");
    (void)buf_reserve(&call->reply.out, REPLY_BYTES_FIRST); /* so that a usual reply asks for memory once */
    jsonw_init(w, &call->reply.out);
}

void reply_text(struct call *call, unsigned status, const char *type, str text)
{
    reply_begin(call, status, type);
    call->reply.constant = text;
}

void reply_empty(struct call *call, unsigned status) { reply_begin(call, status, NULL); }

void reply_problem_begin(struct call *call, enum err_code code, const char *detail, struct jsonw *w)
{
    reply_begin(call, (unsigned)err_status(code), "application/problem+json");
    jsonw_init(w, &call->reply.out);
    jsonw_object(w);
    jsonw_field(w, "type", str_printf(&call->arena, "/problems/%s", err_name(code)));
    jsonw_field(w, "title", str_of(err_title(code)));
    jsonw_field_int(w, "status", err_status(code));
    jsonw_field(w, "detail", str_of(detail));
    jsonw_field_int(w, "request", (int64_t)call->id);
    if (code == ERR_UNAUTHENTICATED)
        reply_header(call, MHD_HTTP_HEADER_WWW_AUTHENTICATE, call->route && (call->route->flags & ROUTE_COLLECT) ? "Basic realm=\"Telos\"" : "Bearer realm=\"Telos\"");
    if (err_retry_helps(code))
        reply_header(call, MHD_HTTP_HEADER_RETRY_AFTER, call->retry_after ? call->retry_after : code == ERR_TOO_MANY ? "1" : "5");
}

/* At most one a second: while nothing can be stored, every request fails alike. The path may name a person, the route's pattern does not. */
static void log_failure(struct call *call, const struct err *error)
{
    struct server *server = call->server;
    int64_t now_us = clock_monotonic_us(), last_us = atomic_load(&server->failure_logged_us);
    if (now_us - last_us < LOG_GAP_US || !atomic_compare_exchange_strong(&server->failure_logged_us, &last_us, now_us)) {
        atomic_fetch_add(&server->failures_unlogged, 1);
        return;
    }
    uint64_t more = atomic_exchange(&server->failures_unlogged, 0);
    log_write(LOG_WARN, "server", "request %llu: %s %s: %s: %s not_logged=%llu", call->id, call->route ? call->route->method : "?",
              call->route ? call->route->path : "(no route)", err_name(error->code), error->text, (unsigned long long)more);
}

void reply_problem(struct call *call, const struct err *error)
{
    struct jsonw w;
    if (err_status(error->code) >= 500)
        log_failure(call, error);
    if (call->route && call->route->reply && !strcmp(call->route->reply, "image/gif")) { /* an <img> can do nothing with a problem */
        reply_text(call, err_retry_helps(error->code) ? (unsigned)err_status(error->code) : MHD_HTTP_OK, "image/gif", pixel_gif());
        return;
    }
    if (call->route && (call->route->flags & ROUTE_PERSON)) { /* a person reads it, not a program */
        page_problem(call, error);
        return;
    }
    const char *detail = error->code == ERR_INTERNAL ? "something went wrong inside Telos; its log has the details under this request's number" : error->text;
    reply_problem_begin(call, error->code, detail, &w);
    if (call->route && (!strncmp(call->route->path, "/v1/data-rights-request", 23) || !strncmp(call->route->path, "/v1/agent/", 10))) {
        call->reply.type = "application/json"; /* the error state of the Data Rights Protocol, 3.06 */
        jsonw_field(&w, "code", str_printf(&call->arena, "%d", (int)err_status(error->code)));
        jsonw_field(&w, "message", str_of(detail));
        jsonw_field_bool(&w, "fatal", !err_retry_helps(error->code));
    }
    jsonw_object_end(&w);
}

/* ---- to MHD ---- */

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value); /* only fails out of memory or on our own malformed text */
}

static void add_cors(struct call *call, struct MHD_Response *response)
{
    str origin = call_header(call, MHD_HTTP_HEADER_ORIGIN);
    if (str_empty(origin))
        return;
    add(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, origin.data);
    add(response, MHD_HTTP_HEADER_VARY, "Origin");
    if (!str_equal(origin, STR("*")))
        add(response, "Access-Control-Allow-Credentials", "true");
    add(response, MHD_HTTP_HEADER_ACCESS_CONTROL_EXPOSE_HEADERS, "Retry-After");
}

static struct MHD_Response *response_make(struct call *call)
{
    struct reply *reply = &call->reply;
    if (reply->out.overflow) {
        const struct err *error = err_new(&call->arena, ERR_TOO_LARGE, "the reply is over %d bytes; ask for less at a time (`limit`)", LIMIT_REPLY_BYTES);
        reply_problem(call, error);
    }
    str body = reply->out.length ? buf_str(&reply->out) : reply->constant;
    return MHD_create_response_from_buffer(body.length, (void *)(uintptr_t)body.data, MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result reply_send(struct call *call)
{
    struct reply *reply = &call->reply;
    ASSERT(reply->status);
    struct MHD_Response *response = reply->response;
    if (response == call->server->success && response)
        return MHD_queue_response(call->connection, reply->status, response);
    reply->response = NULL;
    if (!response)
        response = response_make(call);
    if (!response)
        return MHD_NO;
    if (reply->type)
        add(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply->type);
    if (reply->type && !str_starts(str_of(reply->type), STR("image/")))
        add(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    for (size_t i = 0; i < reply->header_count; i++)
        add(response, reply->headers[i].name, reply->headers[i].value);
    if (call->route && (call->route->flags & ROUTE_CORS))
        add_cors(call, response);
    enum MHD_Result result = MHD_queue_response(call->connection, reply->status, response);
    MHD_destroy_response(response); /* the connection has its own reference */
    return result;
}

/* ---- pages ---- */

void write_cursor(struct jsonw *w, struct arena *arena, const char *text)
{
    str marked = str_printf(arena, CURSOR_MARK "%s", text);
    jsonw_field(w, "next", str_base64url(arena, marked.data, marked.length));
}

const struct err *read_cursor(struct call *call, str *ret_text)
{
    str text = call_query(call, "cursor"), plain;
    if (str_empty(text))
        return NULL;
    if (!str_unbase64(&call->arena, text, &plain) || !str_starts(plain, STR(CURSOR_MARK)))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one that Telos gave out; take `next` of the page before");
    *ret_text = str_slice(plain, sizeof(CURSOR_MARK) - 1, plain.length);
    return NULL;
}
