/* One collected message read out of its JSON: what kind it is, when it happened, whom it names. Lenient where existing SDKs are careless
 * (ids as numbers, blank ids, dates in odd forms), strict where a message could not mean anything.
 *
 * 1. A client's clock is corrected by what it thought the time was when it sent (`sentAt`). No event lies in the future.
 */
#include "core/core_private.h"

static bool time_read(const struct json *value, int64_t *ret_time_ms)
{
    int64_t number;
    if (json_is_string(value))
        return time_parse(str_trim(value->text), ret_time_ms);
    if (!json_int(value, &number) || number < 0)
        return false;
    number = number < INT64_C(100000000000) ? number * SECOND_MS : number; /* seconds, or milliseconds as JavaScript counts */
    if (number > INT64_C(253402300799999)) /* the year 9999 */
        return false;
    *ret_time_ms = number;
    return true;
}

static void times_read(struct message *message)
{
    int64_t original_ms, sent_ms;
    const struct json *body = &message->body;
    if (time_read(json_get(body, STR("sentAt")), &sent_ms))
        message->sent_ms = sent_ms;
    /* A message may have waited in a queue: its sender's clock is compared with the queue's, which took it at once. */
    int64_t came_ms = message->queued_ms > 0 && message->queued_ms < message->received_ms ? message->queued_ms : message->received_ms;
    message->at_ms = came_ms;
    if (!time_read(json_get(body, STR("timestamp")), &original_ms) && !time_read(json_get(body, STR("originalTimestamp")), &original_ms))
        return;
    if (message->historical || message->sent_ms == TIME_NONE)
        message->at_ms = original_ms;
    else
        message->at_ms = came_ms - (message->sent_ms - original_ms);
    if (message->at_ms > message->received_ms)
        message->at_ms = message->received_ms;
    if (message->at_ms < 0)
        message->at_ms = 0;
}

/* --- the batch's own context and integrations, under the message's */

static struct json *member_add(struct json *object, uint32_t *count, str name, const struct json *value)
{
    object->members[*count] = (struct json_member){name, *value};
    return &object->members[(*count)++].value;
}

/* The members of `below` that `over` does not have, and those of `over`. */
static struct json merged(struct arena *arena, const struct json *over, const struct json *below)
{
    struct json out = {.type = JSON_OBJECT, .raw_dirty = true};
    uint32_t count = 0;
    out.members = arena_array(arena, struct json_member, over->count + below->count + 1);
    for (uint32_t i = 0; i < over->count; i++)
        (void)member_add(&out, &count, over->members[i].name, &over->members[i].value);
    for (uint32_t i = 0; i < below->count; i++)
        if (!json_get(over, below->members[i].name))
            (void)member_add(&out, &count, below->members[i].name, &below->members[i].value);
    out.count = count;
    return out;
}

static bool is_object(const struct json *value) { return value && value->type == JSON_OBJECT; }

static void defaults_merge(struct arena *arena, const struct json *defaults, struct message *message)
{
    static const char *const names[] = {"context", "integrations"};
    struct json extra = {.type = JSON_OBJECT};
    struct json_member members[2];
    extra.members = members;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json *below = json_get(defaults, str_of(names[i])), *own = json_get(&message->body, str_of(names[i]));
        if (!is_object(below) || (own && own->type != JSON_OBJECT && own->type != JSON_NULL))
            continue;
        struct json both = is_object(own) ? merged(arena, own, below) : *below;
        (void)member_add(&extra, &extra.count, str_of(names[i]), &both);
    }
    if (!extra.count)
        return;
    message->body = merged(arena, &extra, &message->body);
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, (size_t)LIMIT_MESSAGE_BYTES * 16 + LIMIT_BATCH_BYTES);
    jsonw_init(&w, &buf);
    jsonw_value(&w, &message->body);
    message->text = buf_str(&buf);
}

/* --- */

static bool type_read(const struct json *body, enum event_type path_type, enum event_type *ret_type)
{
    if (path_type != EVENT_TYPE_COUNT) {
        *ret_type = path_type;
        return true;
    }
    return event_type_parse(str_trim(json_string(json_get(body, STR("type")))), ret_type);
}

static str id_of(struct arena *arena, const struct json *body, str name) { return json_id_text(arena, json_get(body, name)); }

/* What is wrong with it; empty: nothing. */
static str message_wrong(struct arena *arena, const struct message *message)
{
    const struct json *body = &message->body;
    switch (message->type) {
    case EVENT_TRACK: return str_empty(str_trim(json_string(json_get(body, STR("event"))))) ? STR("`event` is missing") : STR_NONE;
    case EVENT_GROUP: return str_empty(id_of(arena, body, STR("groupId"))) ? STR("`groupId` is missing") : STR_NONE;
    case EVENT_ALIAS: return str_empty(id_of(arena, body, STR("previousId"))) ? STR("`previousId` is missing") : STR_NONE;
    default: return STR_NONE;
    }
}

bool core_read_message(struct arena *arena, const struct policy *policy, const struct json *body, const struct json *defaults,
                       enum event_type path_type, struct message *message, struct message_result *result)
{
    result->outcome = OUTCOME_INVALID;
    if (!body || body->type != JSON_OBJECT) {
        result->problem = STR("a message is a JSON object");
        return false;
    }
    message->body = *body;
    if (str_empty(message->text))
        message->text = body->raw;
    if (message->text.length > LIMIT_MESSAGE_BYTES) {
        result->problem = STR("the message is over 32 KB");
        return false;
    }
    if (!type_read(body, path_type, &message->type)) {
        result->problem = STR("`type` is missing or none of identify, track, page, screen, group, alias");
        return false;
    }
    result->problem = message_wrong(arena, message);
    if (!str_empty(result->problem))
        return false;
    if (is_object(defaults))
        defaults_merge(arena, defaults, message);
    message->message_id = id_of(arena, body, STR("messageId"));
    times_read(message);
    identity_extract(arena, policy, message);
    if (!message->identifier_count && !message->ignored_count) {
        result->problem = STR("nobody is named: `userId` or `anonymousId` is missing");
        return false;
    }
    result->outcome = OUTCOME_ACCEPTED;
    return true;
}
