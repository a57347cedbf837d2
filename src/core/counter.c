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
    static const str names[] = {
        STR("properties"), STR("traits"), STR("context"), STR("event"), STR("name"), STR("groupId"), STR("userId"),
        STR("anonymousId"), STR("previousId"), STR("active"), STR("app"), STR("version"), STR("build"),
        STR("namespace"), STR("campaign"), STR("source"), STR("medium"), STR("term"), STR("content"), STR("device"),
        STR("id"), STR("advertisingId"), STR("adTrackingEnabled"), STR("manufacturer"), STR("model"), STR("type"),
        STR("token"), STR("ip"), STR("library"), STR("locale"), STR("location"), STR("city"), STR("country"),
        STR("region"), STR("latitude"), STR("longitude"), STR("speed"), STR("network"), STR("bluetooth"),
        STR("carrier"), STR("cellular"), STR("wifi"), STR("os"), STR("page"), STR("path"), STR("referrer"),
        STR("search"), STR("title"), STR("url"), STR("link"), STR("tab_url"), STR("initial_referrer"),
        STR("initial_referring_domain"), STR("referring_domain"), STR("screen"), STR("density"), STR("height"),
        STR("width"), STR("innerHeight"), STR("innerWidth"), STR("timezone"), STR("userAgent"), STR("userAgentData"),
        STR("brands"), STR("mobile"), STR("platform"), STR("externalIds"), STR("sessionId"), STR("sessionStart"),
        STR("messageId")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_equal(name, names[i]))
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

str field_public(struct arena *arena, const struct policy *policy, str path)
{
    struct buf out;
    str rest = path, part;
    const struct field_node *node = policy->fields;
    bool first = true, protocol = true;
    buf_init(&out, arena, LIMIT_FIELD_NAME_BYTES + 8);
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

static struct left_out_memo *memo_of(struct apply *apply, const struct source *source, const struct left_out *left_out)
{
    uint64_t hash = left_out->reasons * UINT64_C(0x9e3779b97f4a7c15) + source->slot;
    for (size_t i = 0; i < left_out->field.length; i++)
        hash = (hash ^ (uint8_t)left_out->field.data[i]) * UINT64_C(1099511628211);
    return &apply->left_out_memos[(hash ^ hash >> 32) % LEFT_OUT_MEMOS];
}

void counter_left_out(struct apply *apply, const struct source *source, const struct left_out *left_out)
{
    struct left_out_memo *memo = memo_of(apply, source, left_out);
    unsigned count = 0;
    if (memo->source != source || memo->reasons != left_out->reasons || !str_equal(memo->field, left_out->field)) {
        str field = field_public(apply->arena, apply->policy, left_out->field);
        *memo = (struct left_out_memo){source, left_out->field, left_out->reasons, arena_array(apply->arena, uint32_t, REASON_COUNT)};
        mask_each (reason, left_out->reasons)
            memo->places[count++] = (uint32_t)(counter_at(apply, source->name, STR("left_out"), field, str_of(reason_name((enum reason)reason))) -
                                               apply->batch->counters.items) + 1;
    }
    count = (unsigned)__builtin_popcountll(left_out->reasons);
    for (unsigned i = 0; i < count; i++)
        apply->batch->counters.items[memo->places[i] - 1].count++;
}
