/* An event as a purpose may see it: the parts that were collected for it are put together again, and fields of categories that it does not
 * cover are taken out. A sparse array ({"[]": length, "0": …}, part.c) becomes an array again; what is not to be seen in it is null.
 */
#include "core/core_private.h"

struct viewer {
    struct arena *arena;
    const struct profile_view *view;
    const struct category_set *categories; /* narrows further; may be NULL */
    struct jsonw json;
    struct buf buf;
    bool content; /* there was something to see, seen or not */
};

static bool is_sparse(const struct json *value) { return value->type == JSON_OBJECT && json_get(value, STR("[]")); }

/* --- putting parts together */

static void tree_merge(struct arena *arena, struct json *into, const struct json *from)
{
    if (into->type != JSON_OBJECT || from->type != JSON_OBJECT)
        return; /* parts do not overlap: the first stands */
    struct json_member *members = arena_array(arena, struct json_member, into->count + from->count + 1);
    uint32_t count = into->count;
    if (count)
        memcpy(members, into->members, count * sizeof *members);
    for (uint32_t i = 0; i < from->count; i++) {
        struct json *same = NULL;
        for (uint32_t j = 0; j < into->count && !same; j++)
            if (str_equal(members[j].name, from->members[i].name))
                same = &members[j].value;
        if (same)
            tree_merge(arena, same, &from->members[i].value);
        else
            members[count++] = from->members[i];
    }
    into->members = members;
    into->count = count;
}

/* --- writing what may be seen */

static bool category_seen(const struct viewer *v, const struct field_walk *walk)
{
    if (walk->not_personal)
        return true;
    return walk->category != SLOT_NONE && category_in(&v->view->allowed, walk->category) &&
           (!v->categories || category_in(v->categories, walk->category));
}

static bool value_write(struct viewer *v, const struct json *value, struct field_walk walk);

/* Takes back what was written since `length`, when nothing of it was content. */
static bool keep_or_rewind(struct viewer *v, bool wrote, size_t length, bool comma)
{
    if (!wrote) {
        v->buf.length = length;
        v->json.comma = comma;
    }
    return wrote;
}

static bool member_write(struct viewer *v, str name, const struct json *value, struct field_walk walk)
{
    size_t length = v->buf.length;
    bool comma = v->json.comma;
    jsonw_key(&v->json, name);
    return keep_or_rewind(v, value_write(v, value, walk), length, comma);
}

static bool item_write(struct viewer *v, const struct json *item, struct field_walk walk)
{
    size_t length = v->buf.length;
    bool comma = v->json.comma;
    if (item && value_write(v, item, walk))
        return true;
    v->buf.length = length;
    v->json.comma = comma;
    jsonw_null(&v->json);
    return false;
}

/* Elements of a sparse array; a length that no message could have had is not believed. */
static const struct json **sparse_items(struct arena *arena, const struct json *value, uint32_t *ret_count)
{
    int64_t length, place;
    *ret_count = 0;
    if (!json_int(json_get(value, STR("[]")), &length) || length < 0 || length > LIMIT_MESSAGE_BYTES)
        return NULL;
    const struct json **items = arena_array(arena, const struct json *, (size_t)length + 1);
    for (uint32_t i = 0; i < value->count; i++)
        if (str_to_int64(value->members[i].name, &place) && place >= 0 && place < length)
            items[place] = &value->members[i].value;
    *ret_count = (uint32_t)length;
    return items;
}

static bool array_write(struct viewer *v, const struct json *value, struct field_walk walk)
{
    bool sparse = value->type == JSON_OBJECT, wrote = false;
    uint32_t count = value->count;
    const struct json **items = sparse ? sparse_items(v->arena, value, &count) : NULL;
    struct field_walk deeper = field_walk_item(v->view->policy, walk);
    jsonw_array(&v->json);
    for (uint32_t i = 0; i < count; i++)
        wrote |= item_write(v, sparse ? items[i] : &value->items[i], deeper);
    jsonw_array_end(&v->json);
    return wrote || count == 0;
}

static bool value_write(struct viewer *v, const struct json *value, struct field_walk walk)
{
    if (is_sparse(value) || (value->type == JSON_ARRAY && value->count && !field_walk_uniform(walk)))
        return array_write(v, value, walk);
    if (value->type == JSON_OBJECT && value->count) { /* also where all is alike: a sparse array may lie deeper */
        bool wrote = false;
        jsonw_object(&v->json);
        for (uint32_t i = 0; i < value->count; i++)
            wrote |= member_write(v, value->members[i].name, &value->members[i].value,
                                  field_walk_key(v->view->policy, walk, value->members[i].name));
        jsonw_object_end(&v->json);
        return wrote;
    }
    v->content = true;
    if (!category_seen(v, &walk))
        return false;
    jsonw_value(&v->json, value);
    return true;
}

static bool ride_write(struct viewer *v, str name, const struct json *value)
{
    v->content = true;
    jsonw_key(&v->json, name);
    jsonw_value(&v->json, value);
    return true;
}

static bool context_traits_write(struct viewer *v, const struct json *traits, struct field_walk root, struct field_walk context)
{
    const struct policy *policy = v->view->policy;
    struct field_walk traits_walk = field_walk_key(policy, root, STR("traits")), here = field_walk_key(policy, context, STR("traits"));
    if (traits->type != JSON_OBJECT)
        return member_write(v, STR("traits"), traits, traits_walk);
    size_t length = v->buf.length;
    bool comma = v->json.comma, wrote = false;
    jsonw_key(&v->json, STR("traits"));
    jsonw_object(&v->json);
    for (uint32_t i = 0; i < traits->count; i++)
        wrote |= member_write(v, traits->members[i].name, &traits->members[i].value,
                              context_trait_walk(policy, here, traits_walk, traits->members[i].name));
    jsonw_object_end(&v->json);
    return keep_or_rewind(v, wrote, length, comma);
}

static bool context_write(struct viewer *v, const struct json *context, struct field_walk root)
{
    const struct policy *policy = v->view->policy;
    struct field_walk walk = field_walk_key(policy, root, STR("context"));
    size_t length = v->buf.length;
    bool comma = v->json.comma, wrote = false;
    jsonw_key(&v->json, STR("context"));
    jsonw_object(&v->json);
    for (uint32_t i = 0; i < context->count; i++) {
        const struct json_member *member = &context->members[i];
        switch (context_kind(member->name)) {
        case CONTEXT_ENVELOPE: break;
        case CONTEXT_RIDE: wrote |= ride_write(v, member->name, &member->value); break;
        case CONTEXT_TRAITS: wrote |= context_traits_write(v, &member->value, root, walk); break;
        case CONTEXT_CONTENT:
            wrote |= member_write(v, member->name, &member->value, field_walk_key(policy, walk, member->name));
            break;
        }
    }
    jsonw_object_end(&v->json);
    return keep_or_rewind(v, wrote, length, comma);
}

static bool body_write(struct viewer *v, const struct json *body, enum event_type type)
{
    const struct policy *policy = v->view->policy;
    struct field_walk root = fields_walk(policy);
    bool wrote = false;
    jsonw_object(&v->json);
    for (uint32_t i = 0; i < 2 * body->count; i++) { /* first what it is called, then the rest */
        const struct json_member *member = &body->members[i < body->count ? i : i - body->count];
        struct field_walk walk = field_walk_key(policy, root, member->name);
        enum top_kind kind = top_kind(member->name, type);
        if ((kind == TOP_NAME) != (i < body->count))
            continue;
        if (kind == TOP_CONTEXT && member->value.type == JSON_OBJECT)
            wrote |= context_write(v, &member->value, root);
        else if (kind == TOP_NAME && !walk.exact) /* the name goes where its content goes */
            wrote |= ride_write(v, member->name, &member->value);
        else
            wrote |= member_write(v, member->name, &member->value, walk);
    }
    jsonw_object_end(&v->json);
    return wrote;
}

bool profile_view_event(struct arena *arena, const struct profile_view *view, const struct category_set *categories,
                        const struct event *event, str *ret_body)
{
    struct json whole = {.type = JSON_OBJECT};
    bool any = false;
    size_t bytes = 64;
    if (!view->decision.allow || view->purpose == SLOT_NONE || row_dead(event) ||
        retention_collected(&view->policy->purposes.items[view->purpose], event->received_ms) <= view->now_ms)
        return false;
    for (unsigned i = 0; i < event->part_count; i++) {
        const struct event_part *part = &event->parts[i];
        struct json body;
        if (!part->purposes || !gate_purpose_fits(view->policy, view_keeps(view, part->purposes, event->received_ms), view->purpose) || json_read(arena, part->body, &body))
            continue;
        tree_merge(arena, &whole, &body);
        any = true;
        bytes += part->body.length;
    }
    if (!any)
        return false;
    struct viewer v = {.arena = arena, .view = view, .categories = categories};
    buf_init(&v.buf, arena, bytes * 8 + LIMIT_MESSAGE_BYTES * 8); /* nulls for what is not seen in sparse arrays */
    jsonw_init(&v.json, &v.buf);
    bool wrote = body_write(&v, &whole, event->type);
    if (v.buf.overflow || (!wrote && v.content))
        return false;
    *ret_body = buf_str(&v.buf);
    return true;
}
