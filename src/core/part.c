/* The bodies of an event's parts: one a set of purposes, written from the marks of classify.c. Where a whole subtree goes into one part,
 * its text is copied as it came. Where the elements of an array differ, it becomes {"[]": length, "0": …}, so that parts can be put
 * together again (profile_view_event).
 */
#include "core/core_private.h"

#include <stdio.h>

struct writer { /* of one part; appends by hand, for each message passes here */
    struct apply *apply;
    const struct message *message;
    enum event_type type;
    purpose_mask mask, kept; /* of this part; of the whole message */
    struct buf buf;
    bool comma;
};
enum pick { PICK_SKIP, PICK_WHOLE, PICK_DESCEND };

static enum pick pick(const struct writer *w, const struct mark *mark)
{
    bool content = mark->flags & MARK_CONTENT, ride = mark->flags & MARK_RIDE;
    if (!(mark->flags & MARK_HOLE)) {
        if (!content)
            return w->kept == w->mask ? PICK_WHOLE : PICK_SKIP;
        if (mark->any == mark->all && (!ride || mark->all == w->kept))
            return mark->all == w->mask ? PICK_WHOLE : PICK_SKIP;
    }
    if (!content && !ride)
        return PICK_SKIP;
    return mark->size > 1 ? PICK_DESCEND : PICK_SKIP;
}

static void put(struct writer *w, str text)
{
    char *room = w->buf.capacity - w->buf.length >= text.length && w->buf.data ? w->buf.data + w->buf.length : buf_reserve(&w->buf, text.length);
    if (!room)
        return; /* `overflow` is set */
    memcpy(room, text.data, text.length);
    w->buf.length += text.length;
}

/* Letters, digits and what else needs no care in a JSON text. */
static bool plain(str text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            return false;
    }
    return true;
}

static void key_put(struct writer *w, str name)
{
    if (w->comma)
        put(w, STR(","));
    w->comma = false;
    if (plain(name)) {
        put(w, STR("\""));
        put(w, name);
        put(w, STR("\":"));
        return;
    }
    struct jsonw json;
    jsonw_init(&json, &w->buf);
    jsonw_string(&json, name);
    put(w, STR(":"));
}

static void value_whole(struct writer *w, const struct json *value)
{
    struct jsonw json;
    if (value->raw_dirty || str_empty(value->raw)) {
        jsonw_init(&json, &w->buf);
        jsonw_value(&json, value);
    } else
        put(w, value->raw);
    w->comma = true;
}

static void open_put(struct writer *w)
{
    put(w, STR("{"));
    w->comma = false;
}
static void close_put(struct writer *w)
{
    put(w, STR("}"));
    w->comma = true;
}

static bool node_write(struct writer *w, const struct json *value, size_t index);

/* Takes back what was written since `length`, when nothing was. */
static bool keep_or_rewind(struct writer *w, bool wrote, size_t length, bool comma)
{
    if (!wrote) {
        w->buf.length = length;
        w->comma = comma;
    }
    return wrote;
}

/* "name":value as it stands in the message, where it stands there in one piece. */
static str member_raw(const struct writer *w, str name, const struct json *value)
{
    str text = w->message->body.raw;
    if (value->raw_dirty || !text.data || name.data <= text.data || name.data + name.length >= text.data + text.length)
        return STR_NONE;
    const char *behind = name.data + name.length; /* a name with escapes does not lie in the text */
    ptrdiff_t gap = value->raw.data - behind;
    if (gap != 2 && !(gap == 3 && behind[2] == ' '))
        return STR_NONE;
    if (name.data[-1] != '"' || behind[0] != '"' || behind[1] != ':')
        return STR_NONE;
    return (str){name.data - 1, (size_t)(value->raw.data + value->raw.length - (name.data - 1))};
}

static bool member_write(struct writer *w, str name, const struct json *value, size_t index)
{
    size_t length = w->buf.length;
    bool comma = w->comma;
    switch (pick(w, &w->apply->marks.nodes.items[index])) {
    case PICK_SKIP: return false;
    case PICK_WHOLE: {
        str raw = member_raw(w, name, value);
        if (!str_empty(raw)) {
            if (w->comma)
                put(w, STR(","));
            put(w, raw);
            w->comma = true;
            return true;
        }
        break;
    }
    case PICK_DESCEND: break;
    }
    key_put(w, name);
    return keep_or_rewind(w, node_write(w, value, index), length, comma);
}

static bool array_write(struct writer *w, const struct json *value, size_t index)
{
    const struct mark *nodes = w->apply->marks.nodes.items;
    char number[24];
    bool wrote = false;
    open_put(w);
    put(w, str_bytes(number, (size_t)snprintf(number, sizeof number, "\"[]\":%u", value->count)));
    w->comma = true;
    size_t child = index + 1;
    for (uint32_t i = 0; i < value->count; i++, child += nodes[child].size)
        wrote |= member_write(w, str_bytes(number, (size_t)snprintf(number, sizeof number, "%u", i)), &value->items[i], child);
    close_put(w);
    return wrote;
}

static bool object_write(struct writer *w, const struct json *value, size_t index, bool context)
{
    const struct mark *nodes = w->apply->marks.nodes.items;
    bool wrote = false;
    open_put(w);
    size_t child = index + 1;
    for (uint32_t i = 0; i < value->count; i++) {
        const struct json_member *member = &value->members[i];
        if (context) {
            enum context_kind kind = context_kind(member->name);
            if (kind == CONTEXT_ENVELOPE || (kind == CONTEXT_TRAITS && w->type == EVENT_IDENTIFY && member->value.type == JSON_OBJECT))
                continue;
        }
        wrote |= member_write(w, member->name, &member->value, child);
        child += nodes[child].size;
    }
    close_put(w);
    return wrote;
}

static bool node_write(struct writer *w, const struct json *value, size_t index)
{
    switch (pick(w, &w->apply->marks.nodes.items[index])) {
    case PICK_SKIP: return false;
    case PICK_WHOLE: value_whole(w, value); return true;
    case PICK_DESCEND: break;
    }
    return value->type == JSON_ARRAY ? array_write(w, value, index) : object_write(w, value, index, false);
}

static void body_write(struct writer *w)
{
    const struct mark *nodes = w->apply->marks.nodes.items;
    size_t index = 0;
    open_put(w);
    for (uint32_t i = 0; i < w->message->body.count; i++) {
        const struct json_member *member = &w->message->body.members[i];
        enum top_kind kind = top_kind(member->name, w->type);
        if (kind == TOP_ENVELOPE || kind == TOP_FACTS)
            continue;
        ASSERT(index < w->apply->marks.nodes.count);
        if (kind == TOP_CONTEXT && member->value.type == JSON_OBJECT && pick(w, &nodes[index]) == PICK_DESCEND) {
            size_t length = w->buf.length;
            bool comma = w->comma;
            key_put(w, member->name);
            (void)keep_or_rewind(w, object_write(w, &member->value, index, true), length, comma);
        } else
            (void)member_write(w, member->name, &member->value, index); /* nothing written is fine */
        index += nodes[index].size;
    }
    close_put(w);
}

uint8_t part_key_class(const struct policy *policy, purpose_mask purposes, str jurisdiction)
{
    uint8_t found = KEY_CONSENT;
    mask_each (slot, purposes) {
        enum basis basis = purpose_basis(&policy->purposes.items[slot], jurisdiction);
        if (basis_outlives_erasure(basis))
            found = KEY_LEGAL;
        else if (basis != BASIS_CONSENT && found == KEY_CONSENT)
            found = KEY_CONTRACT;
    }
    return found;
}

void parts_make(struct apply *apply, const struct message *message, const struct classified *classified, enum event_type type,
                str jurisdiction, struct event *event)
{
    purpose_mask masks[EVENT_PARTS_MAX];
    unsigned count = 0;
    bool whole = false;
    for (unsigned i = 0; i < classified->mask_count; i++) {
        masks[count++] = classified->masks[i];
        whole |= classified->masks[i] == classified->kept;
    }
    if ((classified->ride && !whole) || count == 0)
        masks[count++] = classified->kept;
    event->parts = arena_array(apply->arena, struct event_part, count);
    event->part_count = 0;
    struct writer w = {.apply = apply, .message = message, .type = type, .kept = classified->kept};
    for (unsigned i = 0; i < count; i++) {
        w.mask = masks[i];
        buf_init(&w.buf, apply->arena, LIMIT_MESSAGE_BYTES * 8);
        (void)buf_reserve(&w.buf, (count == 1 ? message->text.length : message->text.length / 2) + 64); /* one growth, not ten */
        w.comma = false;
        body_write(&w);
        ASSERT(!w.buf.overflow);
        if (w.buf.length <= 2 && count > 1)
            continue;
        event->parts[event->part_count++] = (struct event_part){
            .purposes = masks[i], .key_class = part_key_class(apply->policy, masks[i], jurisdiction), .body = buf_str(&w.buf)};
    }
    if (event->part_count == 0)
        event->parts[event->part_count++] = (struct event_part){
            .purposes = classified->kept, .key_class = part_key_class(apply->policy, classified->kept, jurisdiction), .body = STR("{}")};
}
