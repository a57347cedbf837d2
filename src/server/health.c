/* Liveness, readiness, metrics, and the small documents that anybody may read. No label of a metric is personal: routes by their pattern, names
 * from the policy, outcomes. */
#include "server/server_private.h"

const struct err *healthz_get(struct call *call)
{
    reply_text(call, MHD_HTTP_OK, "application/json", STR("{\"status\":\"ok\"}"));
    return NULL;
}

const struct err *readyz_get(struct call *call)
{
    struct engine_metrics metrics;
    struct jsonw w;
    engine_metrics(call->server->engine, &metrics);
    if (!metrics.storing)
        return err_new(&call->arena, ERR_UNAVAILABLE, "the last commit failed (a full disk?); Telos tries again by itself");
    if (!call->policy)
        return err_new(&call->arena, ERR_UNAVAILABLE, "no policy is active yet; apply one (POST /v1/policy, or `telos policy apply FILE`)");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "status", STR("ready"));
    jsonw_field_int(&w, "policy_version", call->policy->version);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- metrics ---- */

static void metric(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    bool counter = type[0] == 'c';
    buf_printf(out, "# TYPE telos_%s %s\n# HELP telos_%s %s\ntelos_%s%s %llu\n", name, type, name, help, name, counter ? "_total" : "",
               (unsigned long long)value);
}

static void seconds(struct buf *out, const char *name, const char *help, uint64_t us)
{
    buf_printf(out, "# TYPE telos_%s gauge\n# UNIT telos_%s seconds\n# HELP telos_%s %s\ntelos_%s %llu.%06llu\n", name, name, name, help, name,
               (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
}

static void engine_lines(struct buf *out, const struct engine_metrics *m)
{
    metric(out, "commits", "counter", "Commits.", m->commits);
    metric(out, "messages", "counter", "Messages taken.", m->messages);
    buf_add(out, STR("# TYPE telos_outcomes counter\n# HELP telos_outcomes Messages by what became of them.\n"));
    for (int i = 0; i < OUTCOME_COUNT; i++)
        buf_printf(out, "telos_outcomes_total{outcome=\"%s\"} %llu\n", outcome_name((enum outcome)i), (unsigned long long)m->outcomes[i]);
    metric(out, "statements", "counter", "Consents and other statements recorded.", m->statements);
    metric(out, "commit_retries", "counter", "Batches applied again with more loaded.", m->retries);
    metric(out, "commit_failures", "counter", "Commits that failed.", m->failures);
    metric(out, "reads", "counter", "Reads of persons recorded.", m->reads);
    metric(out, "views", "gauge", "Views of persons kept in memory.", m->views);
    metric(out, "views_found", "counter", "Reads of persons that a view in memory answered.", m->views_found);
    metric(out, "swept", "counter", "Persons looked at by the sweeper.", m->swept);
    metric(out, "deliveries_removed", "counter", "Rows of the outbox whose time was over.", m->deliveries_removed);
    metric(out, "queue_works", "gauge", "Requests waiting for a commit.", m->queue_works);
    metric(out, "queue_bytes", "gauge", "Bytes of requests waiting for a commit.", m->queue_bytes);
    metric(out, "dedupe_ids", "gauge", "Message ids remembered.", m->dedupe_ids);
    metric(out, "storing", "gauge", "1 while commits succeed.", m->storing);
    seconds(out, "commit_last_seconds", "How long the last commit took.", m->commit_us_last);
    seconds(out, "commit_max_seconds", "How long the longest commit took.", m->commit_us_max);
}

static void route_lines(struct buf *out, const struct server *server)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } lines[] = {{"http_requests", "Requests answered.", offsetof(struct tally, requests)},
                 {"http_refused", "Requests answered with 4xx.", offsetof(struct tally, refused)},
                 {"http_failures", "Requests answered with 5xx.", offsetof(struct tally, failures)},
                 {"http_microseconds", "Time from the request line to the end of the reply.", offsetof(struct tally, us)}};
    for (size_t line = 0; line < sizeof(lines) / sizeof(*lines); line++) {
        buf_printf(out, "# TYPE telos_%s counter\n# HELP telos_%s %s\n", lines[line].name, lines[line].name, lines[line].help);
        for (size_t i = 0; i < server->route_count; i++) {
            const struct tally *tally = &server->tallies[i];
            const _Atomic uint64_t *value = (const _Atomic uint64_t *)((const char *)tally + lines[line].offset);
            if (atomic_load(&tally->requests))
                buf_printf(out, "telos_%s_total{method=\"%s\",route=\"%s\"} %llu\n", lines[line].name, server->routes[i].method, server->routes[i].path,
                           (unsigned long long)atomic_load(value));
        }
    }
    metric(out, "http_unrouted", "counter", "Requests to no known address, or with a wrong method.", atomic_load(&server->unrouted));
    metric(out, "http_connections", "gauge", "Open connections.", atomic_load(&server->connections));
    metric(out, "http_turned_away", "counter", "Connections over the limit, answered 503 and closed.", atomic_load(&server->turned_away));
    metric(out, "http_suspended", "gauge", "Requests that wait for a commit, a worker, or news.", atomic_load(&server->suspended));
    metric(out, "streams", "gauge", "Open event streams.", streams_count(server));
}

const struct err *metrics_get(struct call *call)
{
    struct engine_metrics metrics;
    struct buf *out = &call->reply.out;
    engine_metrics(call->server->engine, &metrics);
    reply_text(call, MHD_HTTP_OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", STR_NONE);
    engine_lines(out, &metrics);
    route_lines(out, call->server);
    if (call->server->hooks.write_destination_metrics)
        call->server->hooks.write_destination_metrics(call->server->hooks.context, out);
    if (call->server->hooks.write_source_metrics)
        call->server->hooks.write_source_metrics(call->server->hooks.context, out);
    buf_add(out, STR("# EOF\n"));
    return NULL;
}

/* ---- small documents ---- */

const struct err *openapi_get(struct call *call)
{
    reply_text(call, MHD_HTTP_OK, "application/json", call->server->openapi);
    return NULL;
}

/* https://privacycg.github.io/gpc-spec/ : this site honours the signal. */
const struct err *gpc_get(struct call *call)
{
    struct jsonw w;
    char time[TIME_TEXT_SIZE];
    int64_t since_ms = call->policy ? call->policy->activated_ms : call->server->started_ms;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_bool(&w, "gpc", true);
    jsonw_field(&w, "lastUpdate", str_slice(time_text(since_ms, time), 0, 10));
    jsonw_object_end(&w);
    return NULL;
}

static const struct {
    enum err_code code;
} all_codes[] = {
#define X(code, name, status, retry, title) {code},
    ERR_CODES(X)
#undef X
};

/* What a problem's `type` leads to. */
const struct err *problem_get(struct call *call)
{
    struct jsonw w;
    for (size_t i = 0; i < sizeof(all_codes) / sizeof(*all_codes); i++) {
        enum err_code code = all_codes[i].code;
        if (!str_equal(call->parameters[0], str_of(err_name(code))))
            continue;
        reply_json(call, MHD_HTTP_OK, &w);
        jsonw_object(&w);
        jsonw_field(&w, "type", str_printf(&call->arena, "/problems/%s", err_name(code)));
        jsonw_field(&w, "title", str_of(err_title(code)));
        jsonw_field_int(&w, "status", err_status(code));
        jsonw_field_bool(&w, "retry_helps", err_retry_helps(code));
        jsonw_object_end(&w);
        return NULL;
    }
    return err_new(&call->arena, ERR_NOT_FOUND, "there is no problem of this type");
}
