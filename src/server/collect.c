/* Collecting: from a request of any Segment, RudderStack or Jitsu SDK to messages for the engine, and back to what those SDKs expect.
 *
 * 1. 2xx only after the commit. Overload is 429 or 503, never a status that makes an SDK drop its data; while no policy is active it is 503.
 * 2. What the gate left out is no error: a client learns it only with `?explain=1` and an API token. `?explain=refused` tells less, and costs
 *    less: how many messages had which outcome, and which were dropped or invalid.
 * 3. In a batch a broken message costs itself: it is counted as invalid by the engine, and named in the reply.
 */
#include "base/gzip.h"
#include "core/envelope.h"
#include "server/server_private.h"

#define INVALID_SHOWN_MAX 20
#define WORKER_BYTES_MIN (128 * 1024) /* larger bodies are read by a worker, so that the connection's thread serves others */
#define WORKER_PACKED_BYTES_MIN (16 * 1024) /* the same for packed ones */

struct collect {
    struct envelope envelope;
    struct json defaults;
    const char **problems; /* by message: why it could not be read; NULL: it could */
    enum event_type type;  /* of the path; EVENT_TYPE_COUNT: none */
    bool import, explain;
    bool refused; /* explain only what was not taken */
};

static const struct {
    const char *name;
    enum event_type type;
} path_types[] = {{"identify", EVENT_IDENTIFY}, {"i", EVENT_IDENTIFY}, {"track", EVENT_TRACK}, {"t", EVENT_TRACK}, {"page", EVENT_PAGE}, {"p", EVENT_PAGE},
                  {"screen", EVENT_SCREEN},     {"s", EVENT_SCREEN},   {"group", EVENT_GROUP}, {"g", EVENT_GROUP}, {"alias", EVENT_ALIAS}, {"a", EVENT_ALIAS}};

/* By the last part of the path. */
static enum event_type path_type(str path)
{
    while (path.length > 1 && str_ends(path, STR("/")))
        path.length--;
    for (size_t i = path.length; i > 0; i--)
        if (path.data[i - 1] == '/') {
            path = str_slice(path, i, path.length);
            break;
        }
    for (size_t i = 0; i < sizeof(path_types) / sizeof(*path_types); i++)
        if (str_equal(path, str_of(path_types[i].name)))
            return path_types[i].type;
    return EVENT_TYPE_COUNT;
}

/* ---- whose it is ---- */

static bool try_key(struct call *call, str key, str *ret_source)
{
    return !str_empty(key) && engine_write_key(call->server->engine, &call->arena, call->policy, key, ret_source);
}

/* Jitsu's "id:secret": the whole, then each half. */
static bool try_header_key(struct call *call, str *ret_source)
{
    str key = call_header(call, "X-Write-Key");
    ptrdiff_t colon = str_find_char(key, ':');
    if (try_key(call, key, ret_source))
        return true;
    return colon >= 0 && (try_key(call, str_slice(key, (size_t)colon + 1, key.length), ret_source) || try_key(call, str_slice(key, 0, (size_t)colon), ret_source));
}

/* Who may name a source without its key: the local admin, and an admin's token. */
static bool may_name_source(struct call *call)
{
    return call->principal.role == ROLE_ADMIN;
}

static const struct err *collect_source(struct call *call, str body_key)
{
    str user = STR_NONE, password = STR_NONE, token = STR_NONE, named = call_query(call, "source");
    bool bearer = call_bearer(call, &token), basic = call_basic(call, &user, &password);
    if (bearer || !str_empty(password)) /* an SDK's password is empty or anything; it need not be a token */
        (void)engine_authenticate(call->server->engine, &call->arena, call->policy, bearer ? token : password, &call->principal);
    if (!bearer && !basic && call->local)
        call->principal = principal_local();
    if (!bearer && !basic && !call->local && !str_empty(named) && call_session(call)) /* the console sends a message, as a token would */
        TRY(call_same_site(call));
    if (!str_empty(named) && may_name_source(call)) {
        const struct source *source = policy_source(call->policy, named);
        if (!source)
            return err_new(&call->arena, ERR_INVALID, "the active policy has no source of this name (`source`)");
        call->work.source = source->name;
        return NULL;
    }
    if (try_key(call, user, &call->work.source) || try_key(call, body_key, &call->work.source) || try_key(call, call_query(call, "writeKey"), &call->work.source) ||
        try_header_key(call, &call->work.source) || try_key(call, token, &call->work.source))
        return NULL;
    return err_new(&call->arena, ERR_UNAUTHENTICATED, "the write key is missing or unknown; send it as Basic user name, as `writeKey` in the body, or in the header X-Write-Key");
}

/* ---- messages ---- */

/* RudderStack's browser SDK says in a header, too, who it is. */
static str with_anonymous_id(struct call *call, const struct json *message, str text)
{
    str header = call_header(call, "AnonymousId"), id;
    if (str_empty(header) || json_get(message, STR("anonymousId")) || json_get(message, STR("userId")) || !str_unbase64(&call->arena, header, &id) || str_empty(id))
        return text;
    struct buf out;
    struct jsonw w;
    buf_init(&out, &call->arena, LIMIT_MESSAGE_BYTES + LIMIT_HEADER_BYTES * 6);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "anonymousId", id);
    for (uint32_t i = 0; i < message->count; i++) {
        jsonw_key(&w, message->members[i].name);
        jsonw_value(&w, &message->members[i].value);
    }
    jsonw_object_end(&w);
    return buf_str(&out);
}

static void read_message(struct call *call, struct collect *collect, size_t i, int64_t sent_ms)
{
    struct collected *message = &call->work.messages[i];
    struct json *body = arena_new(&call->arena, struct json);
    str text = collect->envelope.messages.items[i];
    const char *problem = envelope_message(&call->arena, text, body);
    if (!problem) {
        str again = with_anonymous_id(call, body, text);
        if (again.data != text.data)
            problem = envelope_message(&call->arena, text = again, body);
    }
    collect->problems[i] = problem;
    *message = (struct collected){.body = body,
                                  .defaults = collect->defaults.count ? &collect->defaults : NULL,
                                  .text = problem ? STR("null") : text,
                                  .path_type = collect->envelope.batch ? EVENT_TYPE_COUNT : collect->type,
                                  .sent_ms = sent_ms,
                                  .gpc = str_equal(str_trim(call_header(call, "Sec-GPC")), STR("1")),
                                  .historical = collect->import};
    call->work.bytes += message->text.length + collect->envelope.context.length + sizeof(*message);
}

static int64_t sent_time(struct call *call, const struct envelope *envelope)
{
    int64_t sent_ms;
    if (time_parse(envelope->sent_at, &sent_ms) || time_parse(call_header(call, "SentAt"), &sent_ms))
        return sent_ms;
    return TIME_NONE;
}

static const struct err *collect_reply(struct call *call);

static const struct err *collect_text(struct call *call, str text)
{
    struct collect *collect = call->state;
    bool any;
    TRY(envelope_read(&call->arena, text, collect->import ? LIMIT_COMMIT_MESSAGES : LIMIT_BATCH_MESSAGES, &collect->envelope));
    TRY(collect_source(call, collect->envelope.write_key));
    size_t count = collect->envelope.messages.count;
    if (!collect->envelope.batch && collect->envelope.messages.items[0].length > LIMIT_MESSAGE_BYTES)
        return err_new(&call->arena, ERR_TOO_LARGE, "the message is over %d bytes", LIMIT_MESSAGE_BYTES);
    TRY(envelope_defaults(&call->arena, &collect->envelope, &collect->defaults, &any));
    str explain = call_query(call, "explain");
    bool may = MAY_PEOPLE & MAY(call->principal.role);
    collect->explain = may && str_equal(explain, STR("1"));
    collect->refused = may && str_equal(explain, STR("refused"));
    collect->problems = arena_array(&call->arena, const char *, count);
    call->work.messages = arena_array(&call->arena, struct collected, count);
    call->work.message_count = count;
    call->work.explain = collect->explain;
    int64_t sent_ms = sent_time(call, &collect->envelope);
    for (size_t i = 0; i < count; i++)
        read_message(call, collect, i, sent_ms);
    if (!collect->envelope.batch && collect->problems[0])
        return err_new(&call->arena, ERR_MALFORMED, "%s", collect->problems[0]);
    if (!count)
        return collect_reply(call);
    return call_commit(call, collect_reply);
}

static const struct err *collect_body(struct call *call)
{
    str text;
    TRY(call_unpacked(call, &text));
    return collect_text(call, text);
}

static const struct err *collect_begin(struct call *call, bool import)
{
    if (!call->policy)
        return err_new(&call->arena, ERR_UNAVAILABLE, "no policy is active yet, so nothing can be taken; send it again later");
    struct collect *collect = arena_new(&call->arena, struct collect);
    collect->type = path_type(call->path);
    collect->import = import;
    call->state = collect;
    return NULL;
}

static const struct err *collect_any(struct call *call, bool import)
{
    TRY(collect_begin(call, import));
    size_t min = gzip_is(buf_str(&call->body)) ? WORKER_PACKED_BYTES_MIN : WORKER_BYTES_MIN;
    return call->body.length >= min ? call_offload(call, collect_body) : collect_body(call);
}

const struct err *collect_post(struct call *call) { return collect_any(call, false); }

const struct err *collect_import(struct call *call) { return collect_any(call, true); }

/* ---- after the commit ---- */

static const char *problem_of(struct call *call, const struct collect *collect, size_t i)
{
    if (collect->problems[i])
        return collect->problems[i];
    const struct message_result *result = &call->work.requests[i].result;
    return result->outcome == OUTCOME_INVALID ? str_z(&call->arena, str_empty(result->problem) ? STR("the message cannot be used") : result->problem) : NULL;
}

static void write_explained(struct call *call, const struct collect *collect, struct jsonw *w, size_t i)
{
    const struct request *request = &call->work.requests[i];
    const struct message_result *result = &request->result;
    const char *problem = problem_of(call, collect, i);
    const struct policy *policy = call->work.policy;
    jsonw_object(w);
    if (!str_empty(request->message.message_id))
        jsonw_field(w, "messageId", request->message.message_id);
    else if (!problem)
        jsonw_field(w, "messageId", uuid_format(&call->arena, request->message.id));
    jsonw_field(w, "outcome", str_of(outcome_name(problem ? OUTCOME_INVALID : result->outcome)));
    if (problem)
        jsonw_field(w, "problem", str_of(problem));
    jsonw_key(w, STR("profile"));
    if (uuid_is_zero(result->profile))
        jsonw_null(w);
    else
        jsonw_uuid(w, result->profile);
    jsonw_key(w, STR("purposes"));
    write_purposes(w, policy, result->purposes);
    jsonw_key(w, STR("left_out"));
    jsonw_array(w);
    vec_each (left_out, &result->left_out) {
        jsonw_object(w);
        jsonw_field(w, "field", left_out->field);
        jsonw_key(w, STR("reasons"));
        write_reason_names(w, left_out->reasons);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    if (result->reasons) {
        jsonw_key(w, STR("reasons"));
        write_reason_names(w, result->reasons);
    }
    jsonw_object_end(w);
}

static void write_invalid(struct call *call, const struct collect *collect, struct jsonw *w)
{
    size_t count = 0;
    for (size_t i = 0; i < call->work.message_count; i++) {
        const char *problem = problem_of(call, collect, i);
        if (!problem || count++ >= INVALID_SHOWN_MAX)
            continue;
        if (count == 1) {
            jsonw_key(w, STR("invalid"));
            jsonw_array(w);
        }
        jsonw_object(w);
        jsonw_field_int(w, "index", (int64_t)i);
        jsonw_field(w, "problem", str_of(problem));
        jsonw_object_end(w);
    }
    if (!count)
        return;
    jsonw_array_end(w);
    jsonw_field_int(w, "invalid_count", (int64_t)count);
}

static enum outcome outcome_of(const struct call *call, const struct collect *collect, size_t i)
{
    return collect->problems[i] ? OUTCOME_INVALID : call->work.requests[i].result.outcome;
}

/* {"counts": {outcome: number}, "messages": [those that were not taken]}, for `?explain=refused`. */
static void write_refused(struct call *call, const struct collect *collect, struct jsonw *w)
{
    int64_t counts[OUTCOME_COUNT] = {0};
    jsonw_key(w, STR("messages"));
    jsonw_array(w);
    for (size_t i = 0; i < call->work.message_count; i++) {
        enum outcome outcome = outcome_of(call, collect, i);
        const char *problem = problem_of(call, collect, i);
        counts[outcome]++;
        if (outcome != OUTCOME_INVALID && outcome != OUTCOME_DROPPED)
            continue;
        jsonw_object(w);
        jsonw_field_int(w, "index", (int64_t)i);
        jsonw_field(w, "outcome", str_of(outcome_name(outcome)));
        if (problem)
            jsonw_field(w, "problem", str_of(problem));
        else if (call->work.requests[i].result.reasons) {
            jsonw_key(w, STR("reasons"));
            write_reason_names(w, call->work.requests[i].result.reasons);
        }
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("counts"));
    jsonw_object(w);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        jsonw_field_int(w, outcome_name((enum outcome)i), counts[i]);
    jsonw_object_end(w);
}

static bool any_invalid(const struct call *call, const struct collect *collect)
{
    for (size_t i = 0; i < call->work.message_count; i++)
        if (collect->problems[i] || call->work.requests[i].result.outcome == OUTCOME_INVALID)
            return true;
    return false;
}

static const struct err *collect_reply(struct call *call)
{
    const struct collect *collect = call->state;
    struct jsonw w;
    bool invalid = any_invalid(call, collect);
    if (!strcmp(call->route->reply, "image/gif")) {
        reply_text(call, MHD_HTTP_OK, "image/gif", pixel_gif());
        return NULL;
    }
    if (!collect->explain && !collect->refused && !invalid) {
        call->reply.status = MHD_HTTP_OK;
        if (str_empty(call_header(call, MHD_HTTP_HEADER_ORIGIN)))
            call->reply.response = call->server->success;
        else
            reply_text(call, MHD_HTTP_OK, "application/json", STR("{\"success\":true}"));
        return NULL;
    }
    if (!collect->explain && !collect->refused && !collect->envelope.batch)
        return err_new(&call->arena, ERR_INVALID, "%s", problem_of(call, collect, 0));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_bool(&w, "success", true);
    if (collect->explain) {
        jsonw_key(&w, STR("messages"));
        jsonw_array(&w);
        for (size_t i = 0; i < call->work.message_count; i++)
            write_explained(call, collect, &w, i);
        jsonw_array_end(&w);
    }
    if (collect->refused)
        write_refused(call, collect, &w);
    else
        write_invalid(call, collect, &w);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- GET: the pixel ---- */

str pixel_gif(void)
{
    static const uint8_t pixel[] = {'G', 'I', 'F', '8', '9', 'a', 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x21, 0xf9, 4,
                                    1, 0, 0, 0, 0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b};
    return str_bytes(pixel, sizeof(pixel));
}

/* {"event": …, "properties": {…}} out of a query: JSON objects and arrays as they are, all else as strings; "a.b" is b within a. */
static void write_pairs(struct call *call, struct jsonw *w, str within)
{
    for (size_t i = 0; i < call->pairs.count; i++) {
        struct pair *pair = &call->pairs.items[i];
        ptrdiff_t dot = str_find_char(pair->name, '.');
        str group = dot > 0 ? str_slice(pair->name, 0, (size_t)dot) : STR_NONE;
        if (str_empty(within) ? dot > 0 : !str_equal(group, within))
            continue;
        str name = str_empty(within) ? pair->name : str_slice(pair->name, group.length + 1, pair->name.length);
        struct json value;
        jsonw_key(w, name);
        bool nested = !str_empty(pair->value) && (pair->value.data[0] == '{' || pair->value.data[0] == '[');
        if (nested && !json_read(&call->arena, pair->value, &value))
            jsonw_value(w, &value);
        else
            jsonw_string(w, pair->value);
    }
}

static str query_message(struct call *call)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, &call->arena, LIMIT_BATCH_BYTES);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    write_pairs(call, &w, STR_NONE);
    for (size_t i = 0; i < call->pairs.count; i++) {
        ptrdiff_t dot = str_find_char(call->pairs.items[i].name, '.');
        str group = str_slice(call->pairs.items[i].name, 0, dot > 0 ? (size_t)dot : 0);
        bool first = !str_empty(group);
        for (size_t j = 0; first && j < i; j++)
            first = !(str_starts(call->pairs.items[j].name, group) && str_slice(call->pairs.items[j].name, group.length, group.length + 1).length &&
                      call->pairs.items[j].name.data[group.length] == '.');
        if (!first)
            continue;
        jsonw_key(&w, group);
        jsonw_object(&w);
        write_pairs(call, &w, group);
        jsonw_object_end(&w);
    }
    jsonw_object_end(&w);
    return buf_str(&out);
}

const struct err *collect_pixel(struct call *call)
{
    TRY(collect_begin(call, false));
    str data = call_query(call, "data"), text;
    if (str_empty(data)) /* RudderStack: each member a parameter */
        text = query_message(call);
    else if (!str_unbase64(&call->arena, data, &text)) /* Segment: one base64 of the whole */
        return err_new(&call->arena, ERR_MALFORMED, "`data` is not base64");
    return collect_text(call, text);
}

/* ---- what browser SDKs ask before they send anything ---- */

static const struct err *settings_key(struct call *call, str key)
{
    str user = STR_NONE, password, source;
    if (str_empty(key))
        key = call_query(call, "writeKey");
    if (str_empty(key) && call_basic(call, &user, &password))
        key = user;
    if (!call->policy)
        return err_new(&call->arena, ERR_UNAVAILABLE, "no policy is active yet; ask again later");
    if (!try_key(call, key, &source))
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "the write key is missing or unknown");
    call->work.source = source;
    call->parameters[0] = key;
    return NULL;
}

const struct err *settings_segment(struct call *call)
{
    struct jsonw w;
    TRY(settings_key(call, call->parameters[0]));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("integrations"));
    jsonw_object(&w);
    jsonw_key(&w, STR("Segment.io"));
    jsonw_object(&w);
    jsonw_field(&w, "apiKey", call->parameters[0]);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    jsonw_key(&w, STR("plan"));
    jsonw_raw(&w, STR("{\"track\":{\"__default\":{\"enabled\":true,\"integrations\":{}}}}"));
    jsonw_object_end(&w);
    return NULL;
}

const struct err *settings_rudder(struct call *call)
{
    struct jsonw w;
    TRY(settings_key(call, STR_NONE));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("source"));
    jsonw_object(&w);
    jsonw_field(&w, "id", call->work.source);
    jsonw_field(&w, "name", call->work.source);
    jsonw_field(&w, "writeKey", call->parameters[0]);
    jsonw_field_bool(&w, "enabled", true);
    jsonw_key(&w, STR("config"));
    jsonw_raw(&w, STR("{}"));
    jsonw_field(&w, "workspaceId", STR("telos"));
    jsonw_key(&w, STR("destinations"));
    jsonw_raw(&w, STR("[]"));
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *preflight(struct call *call)
{
    str asked = call_header(call, "Access-Control-Request-Headers");
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    reply_header(call, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS");
    reply_header(call, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS,
                 str_empty(asked) ? "authorization, content-type, content-encoding, anonymousid, sentat, x-retry-count, x-write-key" : asked.data);
    reply_header(call, MHD_HTTP_HEADER_ACCESS_CONTROL_MAX_AGE, "86400");
    return NULL;
}
