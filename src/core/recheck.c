/* Stored events under the policy of today: a field whose category a purpose no longer covers is taken off that purpose. Where the fields of a
 * part now differ, the part is cut up anew, one a set of purposes, as part.c does with new messages.
 *
 * What only rides along (the event's name, what is not personal) stays where something of the event stays that it rides with: where the last of
 * that went, the event goes, as a new message of that kind would be left out whole.
 */
#include "core/core_private.h"

struct recheck {
    struct apply *apply;
    const struct standing *standing;
    enum event_type type;
    purpose_mask whole; /* purposes of the part until now */
    purpose_mask wanted; /* while writing: of this cut */
    purpose_mask kept; /* of all content of the event, under the policy of today */
    bool content; /* there is any */
    bool looking; /* for that, before anything is cut */
    purpose_mask masks[EVENT_PARTS_MAX];
    unsigned mask_count;
    struct jsonw json;
    struct buf buf;
    bool writing;
};

static bool is_sparse(const struct json *value) { return value->type == JSON_OBJECT && json_get(value, STR("[]")); }

/* Of what only rides along. */
static purpose_mask ride_mask(const struct recheck *r) { return r->content ? r->whole & r->kept : r->whole; }

static purpose_mask content_mask(struct recheck *r, uint16_t slot)
{
    const struct category *category = slot == SLOT_NONE ? NULL : &r->apply->policy->categories.items[slot];
    purpose_mask mask = category ? r->whole & category->covered_by & (category->special ? r->standing->special : ~UINT64_C(0)) : 0;
    if (r->looking) {
        r->content = true;
        r->kept |= mask;
    }
    return mask;
}

static purpose_mask leaf_mask(struct recheck *r, const struct field_walk *walk)
{
    return walk->not_personal ? ride_mask(r) : content_mask(r, walk->category);
}

/* Past the number of parts an event may have, a field loses more purposes rather than gaining any. */
static purpose_mask mask_note(struct recheck *r, purpose_mask mask)
{
    for (unsigned i = 0; i < r->mask_count; i++)
        if (r->masks[i] == mask)
            return mask;
    if (r->writing || r->mask_count == EVENT_PARTS_MAX) {
        for (unsigned i = 0; i < r->mask_count; i++)
            if (r->masks[i] && !(r->masks[i] & ~mask))
                return r->masks[i];
        return 0;
    }
    r->masks[r->mask_count++] = mask;
    return mask;
}

/* Looks at one value: collects its mask, or writes it when it belongs to this cut. True when something was written. */
static bool leaf(struct recheck *r, const struct json *value, purpose_mask mask)
{
    mask = mask_note(r, mask);
    if (!r->writing || mask != r->wanted)
        return false;
    jsonw_value(&r->json, value);
    return true;
}

static bool value_pass(struct recheck *r, const struct json *value, struct field_walk walk);

/* Where writing stood before a member that may turn out to belong to no field of this cut. */
struct written {
    size_t length;
    bool comma;
};

static struct written name_put(struct recheck *r, str name)
{
    struct written before = {r->buf.length, r->json.comma};
    if (r->writing)
        jsonw_key(&r->json, name);
    return before;
}

static bool keep_or_rewind(struct recheck *r, struct written before, bool wrote)
{
    if (r->writing && !wrote) {
        r->buf.length = before.length;
        r->json.comma = before.comma;
    }
    return wrote;
}

static bool member_pass(struct recheck *r, str name, const struct json *value, struct field_walk walk)
{
    struct written before = name_put(r, name);
    return keep_or_rewind(r, before, value_pass(r, value, walk));
}

/* An object member by member, as `each` says. */
static bool object_pass(struct recheck *r, str name, const struct json *object, bool (*each)(struct recheck *r, const struct json_member *member))
{
    struct written before = name_put(r, name);
    bool wrote = false;
    if (r->writing)
        jsonw_object(&r->json);
    for (uint32_t i = 0; i < object->count; i++)
        wrote |= each(r, &object->members[i]);
    if (r->writing)
        jsonw_object_end(&r->json);
    return keep_or_rewind(r, before, wrote);
}

static bool items_pass(struct recheck *r, const struct json *value, struct field_walk walk)
{
    struct field_walk deeper = field_walk_item(r->apply->policy, walk);
    bool wrote = false;
    if (r->writing) {
        jsonw_object(&r->json);
        jsonw_key(&r->json, STR("[]"));
        if (value->type == JSON_ARRAY)
            jsonw_int(&r->json, value->count);
        else
            jsonw_value(&r->json, json_get(value, STR("[]")));
    }
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->type == JSON_ARRAY)
            wrote |= member_pass(r, str_printf(r->apply->arena, "%u", i), &value->items[i], deeper);
        else if (!str_equal(value->members[i].name, STR("[]")))
            wrote |= member_pass(r, value->members[i].name, &value->members[i].value, deeper);
    }
    if (r->writing)
        jsonw_object_end(&r->json);
    return wrote;
}

static bool value_pass(struct recheck *r, const struct json *value, struct field_walk walk)
{
    bool sparse = is_sparse(value);
    if (value->type >= JSON_ARRAY && !value->count)
        return leaf(r, value, ride_mask(r)); /* an empty container says nothing; it stays with the rest */
    if (!sparse && (value->type < JSON_ARRAY || !value->count || (field_walk_uniform(walk) && value->type == JSON_ARRAY)))
        return leaf(r, value, leaf_mask(r, &walk));
    if (sparse || value->type == JSON_ARRAY)
        return items_pass(r, value, walk);
    bool wrote = false;
    if (r->writing)
        jsonw_object(&r->json);
    for (uint32_t i = 0; i < value->count; i++)
        wrote |= member_pass(r, value->members[i].name, &value->members[i].value,
                             field_walk_key(r->apply->policy, walk, value->members[i].name));
    if (r->writing)
        jsonw_object_end(&r->json);
    return wrote;
}

static bool riding(struct recheck *r, str name, const struct json *value)
{
    struct written before = name_put(r, name);
    return keep_or_rewind(r, before, leaf(r, value, ride_mask(r)));
}

static bool context_trait(struct recheck *r, const struct json_member *member)
{
    const struct apply *apply = r->apply;
    return member_pass(r, member->name, &member->value,
                       context_trait_walk(apply->policy, apply->context_traits_walk, apply->traits_walk, member->name));
}

static bool context_member(struct recheck *r, const struct json_member *member)
{
    const struct apply *apply = r->apply;
    switch (context_kind(member->name)) {
    case CONTEXT_ENVELOPE: return false;
    case CONTEXT_RIDE: return riding(r, member->name, &member->value);
    case CONTEXT_TRAITS:
        return member->value.type == JSON_OBJECT ? object_pass(r, member->name, &member->value, context_trait)
                                                 : member_pass(r, member->name, &member->value, apply->traits_walk);
    case CONTEXT_CONTENT: break;
    }
    return member_pass(r, member->name, &member->value, field_walk_key(apply->policy, apply->context_walk, member->name));
}

static void body_pass(struct recheck *r, const struct json *body)
{
    struct apply *apply = r->apply;
    if (r->writing)
        jsonw_object(&r->json);
    for (uint32_t i = 0; i < body->count; i++) {
        const struct json_member *member = &body->members[i];
        struct field_walk walk = field_walk_key(apply->policy, apply->root_walk, member->name);
        enum top_kind kind = top_kind(member->name, r->type);
        if (kind == TOP_CONTEXT && member->value.type == JSON_OBJECT)
            (void)object_pass(r, member->name, &member->value, context_member);
        else if (kind == TOP_NAME && !walk.exact) { /* the name goes where its content goes, or where any unnamed field may go */
            (void)content_mask(r, apply->policy->field_default);
            (void)riding(r, member->name, &member->value);
        } else
            (void)member_pass(r, member->name, &member->value, walk);
    }
    if (r->writing)
        jsonw_object_end(&r->json);
}

/* What is there of content in all parts together. */
static void content_look(struct recheck *r, const struct event *event)
{
    struct json body;
    r->looking = true;
    for (unsigned i = 0; i < event->part_count; i++) {
        r->whole = event->parts[i].purposes;
        r->mask_count = 0;
        if (!json_read(r->apply->arena, event->parts[i].body, &body) && body.type == JSON_OBJECT)
            body_pass(r, &body);
    }
    r->looking = false;
}

/* The cuts of one part, added to `parts`; false when the part is as it was. */
static bool part_recheck(struct recheck *r, const struct event_part *part, struct event_part *parts, unsigned *count, unsigned max)
{
    struct json body;
    r->whole = part->purposes;
    r->mask_count = 0;
    r->writing = false;
    if (json_read(r->apply->arena, part->body, &body) || body.type != JSON_OBJECT)
        return false; /* not written by part.c; its purposes are all that is known of it */
    body_pass(r, &body);
    if (r->mask_count == 0 || (r->mask_count == 1 && r->masks[0] == r->whole))
        return false;
    r->writing = true;
    for (unsigned i = 0; i < r->mask_count && *count < max; i++) {
        r->wanted = r->masks[i];
        if (!r->wanted)
            continue;
        buf_init(&r->buf, r->apply->arena, part->body.length * 8 + 4096);
        jsonw_init(&r->json, &r->buf);
        body_pass(r, &body);
        if (r->buf.overflow || r->buf.length <= 2)
            continue;
        parts[(*count)++] = (struct event_part){.purposes = r->wanted,
                                                .key_class = part_key_class(r->apply->policy, r->wanted, r->standing->jurisdiction),
                                                .body = buf_str(&r->buf)};
    }
    return true;
}

bool event_recheck(struct apply *apply, struct event *event, const struct standing *standing)
{
    struct event_part *parts = arena_array(apply->arena, struct event_part, EVENT_PARTS_MAX * 2);
    unsigned count = 0;
    bool changed = false;
    struct recheck r = {.apply = apply, .standing = standing, .type = event->type};
    if (event->type != EVENT_IDENTIFY) /* whose content became facts */
        content_look(&r, event);
    for (unsigned i = 0; i < event->part_count; i++) {
        unsigned left = event->part_count - i - 1; /* each of the others needs a place */
        if (part_recheck(&r, &event->parts[i], parts, &count, EVENT_PARTS_MAX - left))
            changed = true;
        else
            parts[count++] = event->parts[i];
    }
    if (changed) {
        event->parts = parts;
        event->part_count = (uint8_t)count;
    }
    return changed;
}
