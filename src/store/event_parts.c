/* An event's parts as bytes and back; the layout is in event_parts.h. */
#include "store/event_parts.h"

#define PART_HEAD 5

str event_parts_pack(struct arena *arena, const struct event *event)
{
    size_t length = 0;
    for (size_t i = 0; i < event->part_count; i++)
        length += PART_HEAD + event->parts[i].sealed.length;
    char *bytes = arena_alloc_raw(arena, length), *next = bytes;
    for (size_t i = 0; i < event->part_count; i++) {
        const struct event_part *part = &event->parts[i];
        uint32_t part_length = (uint32_t)part->sealed.length;
        *next++ = (char)part->key_class;
        memcpy(next, &part_length, sizeof part_length);
        next += sizeof part_length;
        if (part_length)
            memcpy(next, part->sealed.data, part_length);
        next += part_length;
    }
    return str_bytes(bytes, length);
}

str event_sets_text(struct arena *arena, struct purpose_sets *sets, const struct event *event)
{
    struct buf text;
    buf_init(&text, arena, EVENT_PARTS_MAX * 12);
    for (size_t i = 0; i < event->part_count; i++)
        buf_printf(&text, "%s%u", i ? "," : "", purpose_sets_id(sets, event->parts[i].purposes));
    return buf_str(&text);
}

static uint32_t set_next(str *rest)
{
    str text;
    int64_t id = 0;
    if (str_split(rest, ',', &text))
        (void)str_to_int64(text, &id); /* what is no number is no set */
    return id > 0 && id <= UINT32_MAX ? (uint32_t)id : 0;
}

/* The first part of what is left, and the rest. */
static struct event_part part_next(str *rest)
{
    uint32_t length;
    memcpy(&length, rest->data + 1, sizeof length);
    ASSERT(length <= rest->length - PART_HEAD);
    struct event_part part = {.key_class = (uint8_t)rest->data[0], .sealed = str_slice(*rest, PART_HEAD, PART_HEAD + length)};
    *rest = str_slice(*rest, PART_HEAD + length, rest->length);
    return part;
}

void event_parts_unpack(str parts, str set_names, struct arena *arena, struct purpose_sets *sets, struct event *event)
{
    size_t count = 0;
    for (str rest = parts; rest.length >= PART_HEAD; count++)
        (void)part_next(&rest); /* only counted */
    ASSERT(count <= EVENT_PARTS_MAX);
    event->part_count = (uint8_t)count;
    event->parts = arena_array(arena, struct event_part, count);
    parts = str_copy(arena, parts);
    for (size_t i = 0; i < count; i++) {
        event->parts[i] = part_next(&parts);
        event->parts[i].purposes = purpose_sets_mask(sets, set_next(&set_names));
    }
}

str event_sets_names(str set_names, struct arena *arena, struct purpose_sets *sets)
{
    uint32_t ids[EVENT_PARTS_MAX];
    size_t count = 0;
    while (!str_empty(set_names) && count < EVENT_PARTS_MAX)
        ids[count++] = set_next(&set_names);
    return purpose_sets_names(sets, arena, ids, count);
}
