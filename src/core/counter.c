/* What is counted without a person: outcomes, and what was left out, by day, source, field and reason.
 *
 * 1. A counter names only what the policy or the protocol names. A path that a client made up may itself say who somebody is, so its
 *    own parts are counted as `*`; that also bounds how many counters there are.
 */
#include "core/core_private.h"

static struct counter *counter_at(struct apply *apply, str source, str what, str field, str reason)
{
    struct batch *batch = apply->batch;
    struct buf key;
    buf_init(&key, apply->arena, 4 * LIMIT_FIELD_NAME_BYTES);
    const str parts[] = {source, what, field, reason};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        buf_add(&key, parts[i]);
        buf_add_char(&key, '\n');
    }
    if (!batch->counter_index.arena)
        map_init(&batch->counter_index, batch->arena);
    uintptr_t position = (uintptr_t)map_get(&batch->counter_index, buf_str(&key));
    if (!position) {
        *(struct counter *)vec_push(apply->arena, &batch->counters) =
            (struct counter){.day_ms = apply->day_ms, .source = source, .what = what, .field = field, .reason = reason};
        position = batch->counters.count;
        map_set(&batch->counter_index, buf_str(&key), (void *)position);
    }
    return &batch->counters.items[position - 1];
}

void counter_add(struct apply *apply, str source, str what, str field, str reason)
{
    counter_at(apply, source, what, field, reason)->count++;
}

void counter_outcome(struct apply *apply, const struct source *source, enum outcome outcome)
{
    uint32_t *place = &apply->outcome_counters[source->slot * OUTCOME_COUNT + outcome];
    if (!*place)
        *place = (uint32_t)(counter_at(apply, source->name, str_of(outcome_name(outcome)), STR_NONE, STR_NONE) -
                            apply->batch->counters.items) + 1;
    apply->batch->counters.items[*place - 1].count++;
}

/* Names that the tracking protocol itself gives to what lies in `context`, and at the top. */
static bool protocol_name(str name)
{
    static const char *const names[] = {
        "properties", "traits", "context", "event", "name", "groupId", "userId", "anonymousId", "previousId", "active", "app", "version",
        "build", "namespace", "campaign", "source", "medium", "term", "content", "device", "id", "advertisingId", "adTrackingEnabled",
        "manufacturer", "model", "type", "token", "ip", "library", "locale", "location", "city", "country", "region", "latitude", "longitude",
        "speed", "network", "bluetooth", "carrier", "cellular", "wifi", "os", "page", "path", "referrer", "search", "title", "url",
        "link", "tab_url", "initial_referrer", "initial_referring_domain", "referring_domain", "screen", "density", "height", "width",
        "innerHeight", "innerWidth", "timezone", "userAgent", "userAgentData", "brands", "mobile", "platform", "externalIds", "sessionId",
        "sessionStart", "messageId"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_equal(name, str_of(names[i])))
            return true;
    return false;
}

static const struct field_node *node_child(const struct field_node *node, str name)
{
    const struct field_node *child = node ? node->children : NULL;
    while (child && !str_equal(child->name, name))
        child = child->next;
    return child;
}

static str public_field(struct apply *apply, str path)
{
    struct buf out;
    str rest = path, part;
    const struct field_node *node = apply->policy->fields;
    bool first = true, protocol = true;
    buf_init(&out, apply->arena, LIMIT_FIELD_NAME_BYTES + 8);
    while (str_split(&rest, '.', &part)) {
        bool item = str_ends(part, STR("[*]"));
        str name = item ? str_slice(part, 0, part.length - 3) : part;
        const struct field_node *child = node_child(node, name);
        protocol = protocol && protocol_name(name);
        if (!first)
            buf_add_char(&out, '.');
        if (!child && !protocol) {
            buf_add_char(&out, '*');
            break;
        }
        buf_add(&out, part);
        protocol = protocol && (!first || str_equal(name, STR("context"))); /* below `properties` and `traits` all names are the client's */
        node = child && item ? child->item : child;
        first = false;
    }
    return buf_str(&out);
}

void counter_left_out(struct apply *apply, const struct source *source, const struct left_out *left_out)
{
    str field = public_field(apply, left_out->field);
    mask_each (reason, left_out->reasons)
        counter_add(apply, source->name, STR("left_out"), field, str_of(reason_name((enum reason)reason)));
}
