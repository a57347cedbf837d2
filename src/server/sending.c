/* Sources, destinations and deliveries: their states, and pause, resume, retry, replay. Sending itself is another floor's; what it alone knows (the states
 * of the destinations) comes by the hooks.
 *
 * A delivery is a reference and holds no data, so a page of them shows no person but by the profile's id.
 */
#include "server/server_private.h"

#define DELIVERIES_DEFAULT 100

static void changed(struct call *call)
{
    if (call->server->hooks.policy_changed)
        call->server->hooks.policy_changed(call->server->hooks.context);
}

/* The hook's array, or what the policy and the store say where nobody sends. */
static const struct err *write_all(struct call *call, struct jsonw *w)
{
    struct reader *reader;
    struct destination_count *counts;
    size_t count;
    if (call->server->hooks.write_destinations) {
        call->server->hooks.write_destinations(call->server->hooks.context, w);
        return NULL;
    }
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->destination_counts(reader_session(reader), &call->arena, &counts, &count));
    jsonw_array(w);
    vec_each (destination, &call->policy->destinations) {
        uint64_t pending = 0;
        for (size_t i = 0; i < count; i++)
            if (str_equal(counts[i].destination, destination->name))
                pending = counts[i].pending;
        jsonw_object(w);
        jsonw_field(w, "name", destination->name);
        jsonw_field(w, "kind", destination->kind);
        jsonw_field(w, "purpose", call->policy->purposes.items[destination->purpose].name);
        jsonw_field(w, "state", engine_destination_paused(call->server->engine, destination->name) ? STR("paused") : STR("ready"));
        jsonw_field_int(w, "backlog", (int64_t)pending);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    return NULL;
}

const struct err *destinations_get(struct call *call)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("destinations"));
    TRY(write_all(call, &w));
    jsonw_object_end(&w);
    return NULL;
}

/* ---- sources ---- */

/* Those that send by themselves, then those that Telos reads. */
static const struct err *write_sources(struct call *call, struct jsonw *w)
{
    struct buf out;
    struct jsonw read;
    struct json all = {0};
    buf_init(&out, &call->arena, LIMIT_REPLY_BYTES);
    jsonw_init(&read, &out);
    if (call->server->hooks.write_sources)
        call->server->hooks.write_sources(call->server->hooks.context, &read);
    if (out.length)
        TRY(json_read(&call->arena, buf_str(&out), &all));
    jsonw_array(w);
    vec_each (source, &call->policy->sources) {
        const struct json *state = NULL;
        for (uint32_t i = 0; all.type == JSON_ARRAY && i < all.count && !state; i++)
            if (str_equal(json_string(json_get(&all.items[i], STR("name"))), source->name))
                state = &all.items[i];
        if (state) {
            jsonw_value(w, state);
            continue;
        }
        jsonw_object(w);
        jsonw_field(w, "name", source->name);
        jsonw_field(w, "kind", source->kind);
        jsonw_field(w, "state", str_equal(source->kind, STR("kafka")) ? STR("joining") : STR("open"));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    return NULL;
}

const struct err *sources_get(struct call *call)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("sources"));
    TRY(write_sources(call, &w));
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *no_destination(struct call *call)
{
    return err_new(&call->arena, ERR_NOT_FOUND, "there is no destination of this name; GET /v1/destinations lists them");
}

/* Picks one of the array, which is short. */
const struct err *destination_get(struct call *call)
{
    struct buf out;
    struct jsonw w;
    struct json all;
    buf_init(&out, &call->arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &out);
    TRY(write_all(call, &w));
    TRY(json_read(&call->arena, buf_str(&out), &all));
    for (uint32_t i = 0; all.type == JSON_ARRAY && i < all.count; i++) {
        if (!str_equal(json_string(json_get(&all.items[i], STR("name"))), call->parameters[0]))
            continue;
        reply_json(call, MHD_HTTP_OK, &w);
        jsonw_value(&w, &all.items[i]);
        return NULL;
    }
    return no_destination(call);
}

/* In the policy, or known for what is left of it: a removed destination may still owe recalls. */
static const struct err *destination_known(struct call *call, str name)
{
    struct reader *reader;
    struct destination_count *counts;
    size_t count;
    if (policy_destination(call->policy, name))
        return NULL;
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->destination_counts(reader_session(reader), &call->arena, &counts, &count));
    for (size_t i = 0; i < count; i++)
        if (str_equal(counts[i].destination, name))
            return NULL;
    return no_destination(call);
}

static const struct err *set_paused(struct call *call, bool paused)
{
    struct jsonw w;
    TRY(destination_known(call, call->parameters[0]));
    TRY(engine_destination_pause(call->server->engine, &call->arena, call->parameters[0], paused));
    changed(call);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "name", call->parameters[0]);
    jsonw_field_bool(&w, "paused", paused);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *destination_pause(struct call *call) { return set_paused(call, true); }
const struct err *destination_resume(struct call *call) { return set_paused(call, false); }

static const struct err *replay(struct call *call, str destination, struct uuid delivery, int64_t since_ms)
{
    struct reader *reader;
    struct jsonw w;
    uint64_t count = 0;
    TRY(call_reader(call, &reader));
    TRY(engine_replay(call->server->engine, reader, &call->arena, destination, delivery, since_ms, &count));
    changed(call);
    if (!count && !uuid_is_zero(delivery))
        return err_new(&call->arena, ERR_CONFLICT, "only a dead delivery can be tried again; this one is not");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_int(&w, "replayed", (int64_t)count);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *destination_replay(struct call *call)
{
    struct json body;
    int64_t since_ms = TIME_NONE;
    TRY(call_object(call, true, &body));
    TRY(body_time(call, &body, "since", &since_ms));
    TRY(destination_known(call, call->parameters[0]));
    return replay(call, call->parameters[0], (struct uuid){0}, since_ms);
}

/* ---- deliveries ---- */

static const struct err *write_delivery(struct call *call, struct jsonw *w, const struct delivery *row)
{
    struct reader *reader;
    struct person *person = NULL;
    TRY(call_reader(call, &reader));
    TRY(engine_person_by_no(reader, &call->arena, call->policy, row->profile, PERSON_HEAD, &person));
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, row->id);
    jsonw_field(w, "destination", row->destination);
    jsonw_field(w, "purpose", row->purpose);
    jsonw_field(w, "kind", str_of(delivery_kind_name(row->kind)));
    jsonw_field(w, "state", str_of(delivery_state_name(row->state)));
    jsonw_key(w, STR("profile"));
    if (person)
        jsonw_uuid(w, profile_uuid(person, person->root));
    else
        jsonw_null(w);
    jsonw_field_int(w, "attempts", row->attempts);
    jsonw_field_time(w, "queued_at", row->queued_ms);
    jsonw_field_time(w, "next_at", row->state == DELIVERY_PENDING ? row->next_ms : TIME_NONE);
    jsonw_field_time(w, "done_at", row->done_ms);
    jsonw_field(w, "reason", row->reason);
    jsonw_object_end(w);
    return NULL;
}

static const struct err *read_state(struct call *call, int *state)
{
    str text = call_query(call, "state");
    if (str_empty(text))
        return NULL;
    for (int each = DELIVERY_PENDING; each <= DELIVERY_CANCELLED; each++)
        if (str_equal(text, str_of(delivery_state_name((enum delivery_state)each)))) {
            *state = each;
            return NULL;
        }
    return err_new(&call->arena, ERR_INVALID, "`state` is one of pending, delivered, dead, cancelled");
}

/* Newest first. */
const struct err *deliveries_get(struct call *call)
{
    struct delivery_query query = {.destination = call_query(call, "destination"), .state = -1, .due_ms = INT64_MAX, .newest_first = true};
    struct reader *reader;
    struct delivery *rows;
    struct jsonw w;
    str place = STR_NONE;
    int64_t before = 0;
    size_t count;
    TRY(call_limit(call, DELIVERIES_DEFAULT, &query.max));
    TRY(read_state(call, &query.state));
    TRY(read_cursor(call, &place));
    if (!str_empty(place) && (!str_to_int64(place, &before) || before < 0))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one of this list");
    query.after = (uint64_t)before;
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->deliveries(reader_session(reader), &call->arena, &query, &rows, &count));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("deliveries"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++)
        TRY(write_delivery(call, &w, &rows[i]));
    jsonw_array_end(&w);
    if (count == query.max)
        write_cursor(&w, &call->arena, arena_printf(&call->arena, "%llu", (unsigned long long)rows[count - 1].number));
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *find_delivery(struct call *call, struct delivery *ret_row)
{
    struct reader *reader;
    struct uuid id;
    bool found = false;
    if (!uuid_parse(call->parameters[0], &id))
        return err_new(&call->arena, ERR_INVALID, "the id of a delivery is a UUID");
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->delivery(reader_session(reader), &call->arena, id, ret_row, &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no delivery of this id");
    return NULL;
}

const struct err *delivery_get(struct call *call)
{
    struct delivery row;
    struct jsonw w;
    TRY(find_delivery(call, &row));
    reply_json(call, MHD_HTTP_OK, &w);
    return write_delivery(call, &w, &row);
}

const struct err *delivery_retry(struct call *call)
{
    struct delivery row;
    TRY(find_delivery(call, &row));
    return replay(call, row.destination, row.id, TIME_NONE);
}
