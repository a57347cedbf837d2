/* The debug door (style.md): what the running process looks like inside. Neither `show` nor `debug` prints personal data. */
#include "server/server_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BATCHES_SHOWN 50
#define POLICIES_SHOWN 50

static const struct err *show_queues(struct call *call, struct jsonw *w)
{
    struct server *server = call->server;
    struct engine_metrics metrics;
    engine_metrics(server->engine, &metrics);
    jsonw_field_int(w, "queue_works", (int64_t)metrics.queue_works);
    jsonw_field_int(w, "queue_bytes", (int64_t)metrics.queue_bytes);
    jsonw_field_int(w, "queue_bytes_max", LIMIT_QUEUE_BYTES);
    jsonw_field_bool(w, "storing", metrics.storing);
    jsonw_field_int(w, "requests_active", (int64_t)atomic_load(&server->active));
    jsonw_field_int(w, "requests_suspended", (int64_t)atomic_load(&server->suspended));
    jsonw_field_int(w, "requests_waiting_for_a_worker", (int64_t)server->workers.waiting);
    jsonw_field_int(w, "connections", (int64_t)atomic_load(&server->connections));
    jsonw_field_int(w, "streams", (int64_t)streams_count(server));
    jsonw_field_int(w, "jobs", (int64_t)atomic_load(&server->jobs));
    return NULL;
}

static bool write_batch(void *context, const void *row)
{
    struct jsonw *w = context;
    const struct batch_row *batch = row;
    jsonw_object(w);
    jsonw_field_int(w, "batch", (int64_t)batch->number);
    jsonw_field_time(w, "at", batch->at_ms);
    jsonw_field_int(w, "policy_version", batch->policy_version);
    jsonw_field_int(w, "messages", batch->message_count);
    jsonw_field_int(w, "profiles", (int64_t)(batch->profiles.length / 9));
    jsonw_key(w, STR("ledger_index"));
    if (batch->ledger_index == UINT64_MAX)
        jsonw_null(w);
    else
        jsonw_int(w, (int64_t)batch->ledger_index);
    jsonw_object_end(w);
    return true;
}

static const struct err *show_batches(struct call *call, struct jsonw *w)
{
    struct engine_metrics metrics;
    struct reader *reader;
    uint64_t last = engine_batch_last(call->server->engine);
    engine_metrics(call->server->engine, &metrics);
    jsonw_field_int(w, "commits", (int64_t)metrics.commits);
    jsonw_field_int(w, "messages", (int64_t)metrics.messages);
    jsonw_field_int(w, "retries", (int64_t)metrics.retries);
    jsonw_field_int(w, "failures", (int64_t)metrics.failures);
    jsonw_field_int(w, "commit_us_last", (int64_t)metrics.commit_us_last);
    jsonw_field_int(w, "commit_us_max", (int64_t)metrics.commit_us_max);
    jsonw_field_int(w, "last", (int64_t)last);
    jsonw_key(w, STR("batches"));
    jsonw_array(w);
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)
            ->batches(reader_session(reader), &call->arena, last > BATCHES_SHOWN ? last - BATCHES_SHOWN + 1 : 0, last + 1, write_batch, w));
    jsonw_array_end(w);
    return NULL;
}

static const struct err *show_policies(struct call *call, struct jsonw *w)
{
    struct reader *reader;
    struct policy_row *rows;
    size_t count;
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->policies(reader_session(reader), &call->arena, false, &rows, &count));
    jsonw_field_int(w, "active", call->policy ? call->policy->version : 0);
    jsonw_field_int(w, "references", call->policy ? call->policy->references : 0);
    jsonw_field_int(w, "stored", (int64_t)count);
    jsonw_key(w, STR("versions")); /* the newest; /v1/policy/versions has all */
    jsonw_array(w);
    for (size_t i = count > POLICIES_SHOWN ? count - POLICIES_SHOWN : 0; i < count; i++) {
        jsonw_object(w);
        jsonw_field_int(w, "version", rows[i].version);
        jsonw_field_time(w, "activated_at", rows[i].activated_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    return NULL;
}

static const struct err *show_holds(struct call *call, struct jsonw *w)
{
    struct reader *reader;
    struct store_totals totals;
    TRY(call_reader(call, &reader));
    TRY(engine_totals(reader, &call->arena, &totals));
    jsonw_field_int(w, "held", (int64_t)totals.held);
    jsonw_field_int(w, "pending_deliveries", (int64_t)totals.pending);
    jsonw_field_int(w, "profiles", (int64_t)totals.profiles);
    jsonw_field_int(w, "persons", (int64_t)totals.persons);
    jsonw_field_int(w, "identifiers", (int64_t)totals.identifiers);
    jsonw_field_int(w, "facts", (int64_t)totals.facts);
    jsonw_field_int(w, "events", (int64_t)totals.events);
    jsonw_field_int(w, "consents", (int64_t)totals.consents);
    jsonw_field_int(w, "ledger", (int64_t)totals.ledger);
    jsonw_field_int(w, "reads", (int64_t)totals.reads);
    jsonw_field_int(w, "bytes", (int64_t)totals.bytes);
    return NULL;
}

static const struct err *show_sources(struct call *call, struct jsonw *w)
{
    jsonw_key(w, STR("sources"));
    if (call->server->hooks.write_sources) {
        call->server->hooks.write_sources(call->server->hooks.context, w);
        return NULL;
    }
    jsonw_array(w);
    jsonw_array_end(w);
    return NULL;
}

static const struct err *show_destinations(struct call *call, struct jsonw *w)
{
    jsonw_key(w, STR("destinations"));
    if (call->server->hooks.write_destinations)
        call->server->hooks.write_destinations(call->server->hooks.context, w);
    else
        jsonw_raw(w, STR("[]"));
    return NULL;
}

static const struct err *show_memory(struct call *call, struct jsonw *w)
{
    char pages[128] = "", *rest; /* "SIZE RESIDENT …" */
    FILE *file = fopen("/proc/self/statm", "r");
    if (file) {
        if (!fgets(pages, sizeof(pages), file))
            pages[0] = '\0';
        (void)fclose(file); /* only read */
    }
    unsigned long long size = strtoull(pages, &rest, 10), resident = strtoull(rest, NULL, 10);
    long page = sysconf(_SC_PAGESIZE);
    struct engine_metrics metrics;
    engine_metrics(call->server->engine, &metrics);
    jsonw_field_int(w, "resident_bytes", (int64_t)resident * page);
    jsonw_field_int(w, "virtual_bytes", (int64_t)size * page);
    jsonw_field_int(w, "queue_bytes", (int64_t)metrics.queue_bytes);
    jsonw_field_int(w, "dedupe_ids", (int64_t)metrics.dedupe_ids);
    jsonw_field_int(w, "views", (int64_t)metrics.views);
    jsonw_field_int(w, "view_bytes_max", LIMIT_VIEW_CACHE_BYTES);
    return NULL;
}

struct part { /* of what can be shown, or done at the debug door */
    const char *name;
    const struct err *(*write)(struct call *call, struct jsonw *w);
};
/* The one that the address names writes the members of the reply. */
static const struct err *part_reply(struct call *call, const struct part *parts, size_t count)
{
    struct jsonw w;
    struct buf names;
    for (size_t i = 0; i < count; i++) {
        if (!str_equal(call->parameters[0], str_of(parts[i].name)))
            continue;
        reply_json(call, MHD_HTTP_OK, &w);
        jsonw_object(&w);
        TRY(parts[i].write(call, &w));
        jsonw_object_end(&w);
        return NULL;
    }
    buf_init(&names, &call->arena, 256);
    for (size_t i = 0; i < count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", parts[i].name);
    return err_new(&call->arena, ERR_NOT_FOUND, "there is %.*s", STR_FMT(buf_str(&names)));
}

static const struct part shows[] = {{"queues", show_queues}, {"batches", show_batches}, {"policies", show_policies},
                                    {"holds", show_holds},   {"memory", show_memory},   {"destinations", show_destinations}, {"sources", show_sources}};

const struct err *show_get(struct call *call) { return part_reply(call, shows, sizeof(shows) / sizeof(*shows)); }

/* ---- debug: only with the door open ---- */

static const struct err *debug_digest(struct call *call, struct jsonw *w)
{
    struct reader *reader;
    uint8_t digest[32];
    uint64_t people = 0;
    TRY(call_reader(call, &reader));
    TRY(engine_debug_digest(reader, &call->arena, digest, &people));
    jsonw_field(w, "digest", str_hex(&call->arena, digest, sizeof(digest)));
    jsonw_field_int(w, "people", (int64_t)people);
    return NULL;
}

static const struct err *debug_rebuild(struct call *call, struct jsonw *w)
{
    uint64_t people = 0;
    TRY(engine_debug_rebuild(call->server->engine, &call->arena, &people));
    jsonw_field_int(w, "people", (int64_t)people);
    return NULL;
}

static const struct err *debug_pause(struct call *call, struct jsonw *w)
{
    struct json body;
    bool paused = true;
    TRY(call_object(call, true, &body));
    TRY(body_bool(call, &body, "paused", &paused));
    TRY(engine_debug_pause(call->server->engine, &call->arena, paused));
    jsonw_field_bool(w, "paused", paused);
    return NULL;
}

static const struct err *debug_fail(struct call *call, struct jsonw *w)
{
    struct json body;
    str point;
    int64_t nth = 1;
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "point", &point));
    if (json_get(&body, STR("nth")) && (!json_int(json_get(&body, STR("nth")), &nth) || nth < 0))
        return err_new(&call->arena, ERR_INVALID, "`nth` must be a whole number from 0");
    TRY(engine_debug_fail(call->server->engine, &call->arena, point, (uint64_t)nth));
    jsonw_field(w, "point", point);
    jsonw_field_int(w, "nth", nth);
    return NULL;
}

static const struct part debugs[] = {{"digest", debug_digest}, {"rebuild", debug_rebuild}, {"pause", debug_pause}, {"fail", debug_fail}};

const struct err *debug_post(struct call *call) { return part_reply(call, debugs, sizeof(debugs) / sizeof(*debugs)); }
