/* Figures over time without a person in them: outcomes and reasons by day and source; what people said by purpose, and how they stand now. */
#include "engine/people.h"
#include "server/server_private.h"

static const struct err *counters_between(struct call *call, int64_t *from_ms, int64_t *to_ms, struct counter **ret_rows, size_t *ret_count)
{
    struct reader *reader;
    *from_ms = call->received_ms - 30 * DAY_MS;
    *to_ms = call->received_ms + DAY_MS;
    TRY(call_query_time(call, "from", from_ms));
    TRY(call_query_time(call, "to", to_ms));
    TRY(call_reader(call, &reader));
    return engine_store(call->server->engine)->counters(reader_session(reader), &call->arena, *from_ms, *to_ms, ret_rows, ret_count);
}

static bool is_outcome(const struct counter *row)
{
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (str_equal(row->what, str_of(outcome_name((enum outcome)i))) && str_empty(row->field) && str_empty(row->reason))
            return true;
    return false;
}

/* Adds rows that share a key; `groups` has room for all. */
static struct counter *group_of(struct map *places, struct arena *arena, struct counter *groups, size_t *count, str key)
{
    uintptr_t place = (uintptr_t)map_get(places, key);
    if (place)
        return &groups[place - 1];
    groups[*count] = (struct counter){0};
    map_set(places, str_copy(arena, key), (void *)(uintptr_t)(*count + 1));
    return &groups[(*count)++];
}

/* ---- GET /v1/stats ---- */

/* Rows come by day, source and what: those of one day and source lie together. */
static void write_points(struct jsonw *w, const struct counter *rows, size_t count)
{
    const struct counter *last = NULL;
    jsonw_key(w, STR("points"));
    jsonw_array(w);
    for (size_t i = 0; i < count; i++) {
        const struct counter *row = &rows[i];
        if (!is_outcome(row))
            continue;
        if (!last || last->day_ms != row->day_ms || !str_equal(last->source, row->source)) {
            if (last) {
                jsonw_object_end(w);
                jsonw_object_end(w);
            }
            jsonw_object(w);
            jsonw_field_time(w, "at", row->day_ms);
            jsonw_field(w, "source", row->source);
            jsonw_key(w, STR("outcomes"));
            jsonw_object(w);
        }
        jsonw_key(w, row->what);
        jsonw_int(w, (int64_t)row->count);
        last = row;
    }
    if (last) {
        jsonw_object_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_reasons_over_time(struct call *call, struct jsonw *w, const struct counter *rows, size_t count)
{
    struct counter *groups = arena_array(&call->arena, struct counter, count + 1);
    struct map places;
    size_t found = 0;
    map_init(&places, &call->arena);
    for (size_t i = 0; i < count; i++) {
        enum reason reason;
        if (!reason_parse(rows[i].reason, &reason))
            continue;
        str key = str_printf(&call->arena, "%lld\n%.*s\n%.*s\n%.*s", (long long)rows[i].day_ms, STR_FMT(rows[i].source), STR_FMT(rows[i].what), STR_FMT(rows[i].reason));
        struct counter *group = group_of(&places, &call->arena, groups, &found, key);
        uint64_t before = group->count;
        *group = rows[i];
        group->count += before;
    }
    jsonw_key(w, STR("reasons"));
    jsonw_array(w);
    for (size_t i = 0; i < found; i++) {
        jsonw_object(w);
        jsonw_field_time(w, "at", groups[i].day_ms);
        jsonw_field(w, "source", groups[i].source);
        jsonw_field(w, "what", groups[i].what);
        jsonw_field(w, "reason", groups[i].reason);
        jsonw_field_int(w, "count", (int64_t)groups[i].count);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_now(struct call *call, struct jsonw *w, const struct store_totals *totals)
{
    struct engine_metrics metrics;
    engine_metrics(call->server->engine, &metrics);
    jsonw_key(w, STR("now"));
    jsonw_object(w);
    jsonw_field_int(w, "profiles", (int64_t)totals->profiles);
    jsonw_field_int(w, "persons", (int64_t)totals->persons);
    jsonw_field_int(w, "events", (int64_t)totals->events);
    jsonw_field_int(w, "consents", (int64_t)totals->consents);
    jsonw_field_int(w, "held", (int64_t)totals->held);
    jsonw_field_int(w, "pending", (int64_t)totals->pending);
    jsonw_field_int(w, "messages", (int64_t)metrics.messages);
    jsonw_field_time(w, "since", call->server->started_ms);
    jsonw_object_end(w);
}

const struct err *stats_get(struct call *call)
{
    struct counter *rows;
    struct store_totals totals;
    struct jsonw w;
    size_t count;
    int64_t from_ms, to_ms;
    str step = call_query(call, "step");
    if (!str_empty(step) && !str_equal(step, STR("P1D")))
        return err_new(&call->arena, ERR_INVALID, "`step` is P1D: figures are kept by day");
    TRY(counters_between(call, &from_ms, &to_ms, &rows, &count));
    TRY(engine_totals(call->reader, &call->arena, &totals));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_time(&w, "from", from_ms);
    jsonw_field_time(&w, "to", to_ms);
    jsonw_field(&w, "step", STR("P1D"));
    write_points(&w, rows, count);
    write_reasons_over_time(call, &w, rows, count);
    write_now(call, &w, &totals);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- GET /v1/consents/rates ---- */

enum rate_by { BY_SOURCE, BY_CHANNEL, BY_NOTICE };

static const struct err *read_by(struct call *call, enum rate_by *ret_by)
{
    static const char *const names[] = {[BY_SOURCE] = "source", [BY_CHANNEL] = "channel", [BY_NOTICE] = "notice"};
    str by = call_query(call, "by");
    *ret_by = BY_SOURCE;
    for (int i = BY_SOURCE; i <= BY_NOTICE && !str_empty(by); i++)
        if (str_equal(by, str_of(names[i]))) {
            *ret_by = (enum rate_by)i;
            return NULL;
        }
    return str_empty(by) ? NULL : err_new(&call->arena, ERR_INVALID, "`by` is source, channel or notice");
}

/* "given newsletter@3" → the status and the notice (engine/said.c) */
static str group_name(struct call *call, const struct counter *row, enum rate_by by, str *ret_status)
{
    str notice = row->reason;
    (void)str_split(&notice, ' ', ret_status); /* there is always a status */
    if (by == BY_NOTICE)
        return notice.data ? notice : STR("");
    const struct source *source = by == BY_CHANNEL ? policy_source(call->policy, row->source) : NULL;
    return source ? source->kind : row->source;
}

struct rate {
    str purpose, group;
    int64_t day_ms;
    uint64_t counts[CONSENT_STATUS_COUNT];
};

static void write_rates(struct call *call, struct jsonw *w, const struct counter *rows, size_t count, enum rate_by by)
{
    struct rate *rates = arena_array(&call->arena, struct rate, count + 1);
    struct map places;
    size_t found = 0;
    map_init(&places, &call->arena);
    for (size_t i = 0; i < count; i++) {
        enum consent_status status;
        str text, group;
        if (!str_equal(rows[i].what, STR("said")))
            continue;
        group = group_name(call, &rows[i], by, &text);
        if (!consent_status_parse(text, &status))
            continue;
        str key = str_printf(&call->arena, "%lld\n%.*s\n%.*s", (long long)rows[i].day_ms, STR_FMT(rows[i].field), STR_FMT(group));
        uintptr_t place = (uintptr_t)map_get(&places, key);
        if (!place) {
            rates[found] = (struct rate){.purpose = rows[i].field, .group = group, .day_ms = rows[i].day_ms};
            place = ++found;
            map_set(&places, key, (void *)place);
        }
        rates[place - 1].counts[status] += rows[i].count;
    }
    jsonw_key(w, STR("rates"));
    jsonw_array(w);
    for (size_t i = 0; i < found; i++) {
        jsonw_object(w);
        jsonw_field(w, "purpose", rates[i].purpose);
        jsonw_field(w, "group", rates[i].group);
        jsonw_field_time(w, "day", rates[i].day_ms);
        for (int status = 0; status < CONSENT_STATUS_COUNT; status++)
            if (rates[i].counts[status])
                jsonw_field_int(w, consent_status_name((enum consent_status)status), (int64_t)rates[i].counts[status]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_standing(struct call *call, struct jsonw *w, const struct people_standing *standing)
{
    jsonw_key(w, STR("standing"));
    jsonw_array(w);
    vec_each (purpose, &call->policy->purposes) {
        uint64_t given = standing->holds[purpose->slot], refused = standing->refused[purpose->slot], withdrawn = standing->withdrawn[purpose->slot];
        jsonw_object(w);
        jsonw_field(w, "purpose", purpose->name);
        jsonw_field_int(w, "people", (int64_t)standing->people);
        jsonw_field_int(w, "given", (int64_t)given);
        jsonw_field_int(w, "refused", (int64_t)refused);
        jsonw_field_int(w, "withdrawn", (int64_t)withdrawn);
        jsonw_field_int(w, "none", (int64_t)(standing->people - given - refused - withdrawn));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_field_bool(w, "complete", standing->complete);
}

const struct err *consent_rates_get(struct call *call)
{
    struct counter *rows;
    struct people_standing *standing = arena_new(&call->arena, struct people_standing);
    struct jsonw w;
    size_t count;
    int64_t from_ms, to_ms;
    enum rate_by by;
    TRY(read_by(call, &by));
    TRY(counters_between(call, &from_ms, &to_ms, &rows, &count));
    TRY(engine_people_standing(call->server->engine, call->reader, &call->arena, call->policy, standing));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_rates(call, &w, rows, count, by);
    write_standing(call, &w, standing);
    jsonw_field_time(&w, "as_of", clock_now_ms());
    jsonw_object_end(&w);
    return NULL;
}
