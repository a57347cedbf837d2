/* Field by field: which purposes cover it, and why the others are left out (gate.md §4). The outcome is a list of marks, one a node of
 * the message in depth-first order, from which part.c writes the bodies; a subtree below which no rule differs is one mark.
 */
#include "core/core_private.h"

struct path { /* on the stack, innermost first */
    const struct path *up;
    str name;
    size_t length;
};
struct classifier {
    struct apply *apply;
    const struct gate_view *view;
    struct classified *out;
    struct message_result *result; /* NULL: nothing is reported */
};

/* By length first: each message's names pass here. */
enum top_kind top_kind(str name, enum event_type type)
{
#define IS(literal) (memcmp(name.data, literal, sizeof(literal) - 1) == 0)
    bool envelope = false;
    switch (name.length) {
    case 4:
        if (IS("name") && (type == EVENT_PAGE || type == EVENT_SCREEN))
            return TOP_NAME;
        envelope = IS("type");
        break;
    case 5:
        if (IS("event"))
            return TOP_NAME;
        break;
    case 6:
        if (IS("traits"))
            return type == EVENT_IDENTIFY ? TOP_FACTS : TOP_CONTENT;
        envelope = IS("userId") || IS("sentAt");
        break;
    case 7:
        if (IS("context"))
            return TOP_CONTEXT;
        envelope = IS("version") || IS("channel");
        break;
    case 8: envelope = IS("writeKey"); break;
    case 9: envelope = IS("messageId") || IS("timestamp") || IS("_metadata"); break;
    case 10: envelope = IS("receivedAt") || IS("previousId"); break;
    case 11: envelope = IS("anonymousId"); break;
    case 12: envelope = IS("integrations"); break;
    case 17: envelope = IS("originalTimestamp"); break;
    default: break;
    }
#undef IS
    return envelope ? TOP_ENVELOPE : TOP_CONTENT;
}

enum context_kind context_kind(str name)
{
    if (str_equal(name, STR("traits")))
        return CONTEXT_TRAITS;
    if (str_equal(name, STR("library")) || str_equal(name, STR("sessionId")) || str_equal(name, STR("sessionStart")))
        return CONTEXT_RIDE;
    if (str_equal(name, STR("consent")) || str_equal(name, STR("consentManagement")) || str_equal(name, STR("purposes")) ||
        str_equal(name, STR("externalIds")))
        return CONTEXT_ENVELOPE;
    return CONTEXT_CONTENT;
}

/* --- what a category may be kept for, and why not */

static purpose_mask category_mask(const struct classifier *c, uint16_t category)
{
    if (category == SLOT_NONE)
        return 0;
    const struct category *row = &c->apply->policy->categories.items[category];
    purpose_mask mask = row->covered_by & c->view->allowed;
    return row->special ? mask & c->view->standing->special : mask;
}

reason_mask field_reasons(const struct apply *apply, const struct gate_view *view, uint16_t category)
{
    if (category == SLOT_NONE)
        return REASON_BIT(REASON_FIELD_NOT_DECLARED);
    const struct category *row = &apply->policy->categories.items[category];
    purpose_mask covering = row->covered_by & view->declared;
    if (!covering)
        return REASON_BIT(REASON_CATEGORY_NOT_COVERED);
    reason_mask reasons = 0;
    mask_each (slot, covering) {
        purpose_mask bit = UINT64_C(1) << slot;
        if (view->narrowed & bit)
            reasons |= REASON_BIT(REASON_PURPOSE_NARROWED);
        else if (!(view->allowed & bit))
            reasons |= view_reasons(view, slot);
        else if (row->special)
            reasons |= gate_special_reasons(apply->policy, view->standing, slot);
    }
    return reasons;
}

/* Purposes that would take what is left out now, if they were allowed. */
static purpose_mask category_wanted(const struct classifier *c, uint16_t category)
{
    const struct gate_view *view = c->view;
    return category == SLOT_NONE ? 0 : cover_of(c->apply->policy, category) & view->declared & ~view->narrowed & ~view->allowed;
}

static bool item_step(str name) { return str_equal(name, STR("[*]")); }

static str path_text(struct arena *arena, const struct path *path)
{
    if (!path)
        return STR_NONE;
    size_t length = path->length;
    char *text = arena_alloc_raw(arena, length + 1), *end = text + length;
    for (; path; path = path->up) {
        end -= path->name.length;
        if (path->name.length)
            memcpy(end, path->name.data, path->name.length);
        if (path->up && !item_step(path->name))
            *--end = '.';
    }
    ASSERT(end == text);
    return (str){text, length};
}

static void report(struct classifier *c, const struct path *path, reason_mask reasons)
{
    if (!c->result)
        return;
    str text = path_text(c->apply->arena, path);
    vec_each (left_out, &c->result->left_out)
        if (str_equal(left_out->field, text)) {
            left_out->reasons |= reasons;
            return;
        }
    if (c->result->left_out.count < 256)
        *(struct left_out *)vec_push(c->apply->arena, &c->result->left_out) = (struct left_out){text, reasons};
}

static struct path path_down(const struct path *up, str name)
{
    return (struct path){up, name, (up ? up->length : 0) + name.length + (up && !item_step(name))};
}

static void report_below(struct classifier *c, const struct json *value, const struct path *path, reason_mask reasons)
{
    if (!c->result)
        return;
    if (value->type == JSON_OBJECT && value->count)
        for (uint32_t i = 0; i < value->count; i++) {
            struct path deeper = path_down(path, value->members[i].name);
            report_below(c, &value->members[i].value, deeper.length > LIMIT_FIELD_NAME_BYTES ? path : &deeper, reasons);
        }
    else if (value->type == JSON_ARRAY && value->count && (value->items[0].type == JSON_OBJECT || value->items[0].type == JSON_ARRAY)) {
        struct path deeper = path_down(path, STR("[*]"));
        for (uint32_t i = 0; i < value->count; i++)
            report_below(c, &value->items[i], &deeper, reasons);
    } else
        report(c, path, reasons);
}

/* --- marks */

/* Remembers a distinct mask. Past EVENT_PARTS_MAX of them (one is kept free) a smaller known one is used, so that no purpose is added. */
static purpose_mask mask_note(struct classified *out, purpose_mask mask)
{
    for (unsigned i = 0; i < out->mask_count; i++)
        if (out->masks[i] == mask)
            return mask;
    if (out->mask_count < EVENT_PARTS_MAX - 1) {
        out->masks[out->mask_count++] = mask;
        return mask;
    }
    for (unsigned i = 0; i < out->mask_count; i++)
        if ((out->masks[i] & ~mask) == 0)
            return out->masks[i];
    return 0;
}

static void mark_content(struct classifier *c, size_t index, const struct json *value, const struct path *path, uint16_t category)
{
    purpose_mask mask = category_mask(c, category);
    if (path && path->length > LIMIT_FIELD_NAME_BYTES) {
        report(c, path->up, REASON_BIT(REASON_FIELD_NAME_TOO_LONG));
        mask = 0;
    } else if (!mask)
        report_below(c, value, path, field_reasons(c->apply, c->view, category));
    if (mask)
        mask = mask_note(c->out, mask);
    else
        c->out->wanted |= category_wanted(c, category);
    c->out->denied |= mask == 0;
    c->out->content = true;
    c->out->kept |= mask;
    c->apply->marks.nodes.items[index] = (struct mark){mask, mask, 1, MARK_CONTENT};
}

static inline size_t mark_push(struct classifier *c)
{
    struct marks *marks = &c->apply->marks;
    if (marks->nodes.count == marks->nodes.capacity)
        marks->nodes.items = vec_grow_(c->apply->arena, marks->nodes.items, &marks->nodes.capacity, sizeof *marks->nodes.items);
    marks->nodes.items[marks->nodes.count] = (struct mark){.size = 1};
    return marks->nodes.count++;
}

static void mark_ride(struct classifier *c)
{
    size_t index = mark_push(c); /* which may move the marks */
    c->apply->marks.nodes.items[index].flags = MARK_RIDE;
    c->out->ride = true;
}

/* Sums the marks below into their parent. */
static void mark_close(struct apply *apply, size_t index, bool hole)
{
    struct mark *nodes = apply->marks.nodes.items;
    struct mark sum = {.all = ~UINT64_C(0), .flags = hole ? MARK_HOLE : 0};
    size_t end = apply->marks.nodes.count;
    for (size_t child = index + 1; child < end; child += nodes[child].size) {
        sum.flags |= nodes[child].flags;
        if (nodes[child].flags & MARK_CONTENT) {
            sum.any |= nodes[child].any;
            sum.all &= nodes[child].all;
        }
    }
    sum.size = (uint32_t)(end - index);
    nodes[index] = sum;
}

static bool alike_below(const struct classifier *c, const struct field_node *node, purpose_mask mask);

static bool alike_child(const struct classifier *c, const struct field_node *child, purpose_mask mask)
{
    if (!child)
        return true;
    if (child->exact && (child->not_personal || category_mask(c, child->category) != mask))
        return false;
    return alike_below(c, child, mask);
}

static bool alike_below(const struct classifier *c, const struct field_node *node, purpose_mask mask)
{
    for (const struct field_node *child = node->children; child; child = child->next)
        if (!alike_child(c, child, mask))
            return false;
    return alike_child(c, node->any, mask) && alike_child(c, node->item, mask);
}

/* May the subtree be one mark, although rules differ below? Only where it is kept: what is left out is told field by field. */
static bool subtree_alike(struct classifier *c, struct field_walk walk)
{
    purpose_mask special = c->view->standing->special, mask = category_mask(c, walk.category);
    if (!mask || walk.not_personal)
        return false;
    struct alike_memo *memo = &c->apply->alike_memos[((uintptr_t)walk.node >> 4) % ALIKE_MEMOS];
    if (memo->node != walk.node || memo->category != walk.category || memo->allowed != c->view->allowed || memo->special != special)
        *memo = (struct alike_memo){walk.node, c->view->allowed, special, walk.category, alike_below(c, walk.node, mask)};
    return memo->alike;
}

static void node_classify(struct classifier *c, const struct json *value, struct field_walk walk, const struct path *path)
{
    bool deeper = value->type >= JSON_ARRAY && value->count > 0;
    if (walk.not_personal && (!deeper || field_walk_uniform(walk))) {
        mark_ride(c);
        return;
    }
    size_t index = mark_push(c);
    if (!deeper && value->type >= JSON_ARRAY)
        return; /* an empty container says nothing */
    if (!deeper || field_walk_uniform(walk) || subtree_alike(c, walk)) {
        mark_content(c, index, value, path, walk.category);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        if (value->type == JSON_OBJECT) {
            struct path below = path_down(path, value->members[i].name);
            node_classify(c, &value->members[i].value, field_walk_key(c->apply->policy, walk, value->members[i].name), &below);
        } else {
            struct path below = path_down(path, STR("[*]"));
            node_classify(c, &value->items[i], field_walk_item(c->apply->policy, walk), &below);
        }
    }
    mark_close(c->apply, index, false);
}

/* --- traits of identify: each leaf a fact; arrays are whole values */

static void trait_classify(struct classifier *c, const struct json *value, struct field_walk walk, const struct path *path, const struct path *name)
{
    if (value->type == JSON_OBJECT) {
        for (uint32_t i = 0; i < value->count; i++) {
            struct path below = path_down(path, value->members[i].name), deeper = path_down(name, value->members[i].name);
            trait_classify(c, &value->members[i].value, field_walk_key(c->apply->policy, walk, value->members[i].name), &below, &deeper);
        }
        return;
    }
    struct marks *marks = &c->apply->marks;
    size_t index = marks->nodes.count;
    unsigned mask_count = c->out->mask_count;
    purpose_mask kept = c->out->kept;
    bool ride = c->out->ride;
    if (value->type == JSON_ARRAY && value->count == 0) /* an emptied list is a statement, too */
        mark_content(c, mark_push(c), value, path, walk.category);
    else
        node_classify(c, value, walk, path);
    struct mark mark = marks->nodes.items[index];
    marks->nodes.count = index; /* facts are not part of the body */
    c->out->mask_count = mask_count;
    c->out->ride = ride;
    c->out->kept = kept | (mark.flags & MARK_CONTENT ? mark.all : 0);
    purpose_mask mask = mark.flags & MARK_CONTENT ? mark.all : ~UINT64_C(0); /* not personal: rides along */
    if ((mark.flags & MARK_CONTENT) && mark.any && !mark.all)
        report(c, path, REASON_BIT(REASON_CATEGORY_NOT_COVERED));
    if (!mask)
        return;
    str text = path_text(c->apply->arena, name);
    vec_each (found, &c->out->traits)
        if (str_equal(found->name, text))
            return; /* traits before context.traits */
    str raw = value->raw;
    if (value->raw_dirty) {
        struct buf buf;
        struct jsonw w;
        buf_init(&buf, c->apply->arena, LIMIT_MESSAGE_BYTES * 8);
        jsonw_init(&w, &buf);
        jsonw_value(&w, value);
        raw = buf_str(&buf);
    }
    *(struct trait_found *)vec_push(c->apply->arena, &c->out->traits) = (struct trait_found){text, raw, mask};
}

static void context_traits(struct classifier *c, const struct message *message, const struct json *traits, const struct path *path)
{
    struct apply *apply = c->apply;
    struct path root = {NULL, STR("traits"), 6};
    if (traits->type != JSON_OBJECT) {
        node_classify(c, traits, apply->traits_walk, path);
        return;
    }
    bool facts = message->type == EVENT_IDENTIFY;
    size_t index = facts ? 0 : mark_push(c);
    for (uint32_t i = 0; i < traits->count; i++) {
        const struct json_member *member = &traits->members[i];
        struct field_walk walk = context_trait_walk(apply->policy, apply->context_traits_walk, apply->traits_walk, member->name);
        struct path below = path_down(facts ? &root : path, member->name), name = {NULL, member->name, member->name.length};
        if (facts)
            trait_classify(c, &member->value, walk, &below, &name);
        else
            node_classify(c, &member->value, walk, &below);
    }
    if (!facts)
        mark_close(apply, index, false);
}

static void context_classify(struct classifier *c, const struct message *message, const struct json *context, const struct path *path)
{
    if (context->type != JSON_OBJECT) {
        node_classify(c, context, c->apply->context_walk, path);
        return;
    }
    size_t index = mark_push(c);
    bool hole = false;
    for (uint32_t i = 0; i < context->count; i++) {
        const struct json_member *member = &context->members[i];
        struct path below = path_down(path, member->name);
        switch (context_kind(member->name)) {
        case CONTEXT_ENVELOPE: hole = true; break;
        case CONTEXT_RIDE: mark_ride(c); break;
        case CONTEXT_TRAITS:
            hole |= message->type == EVENT_IDENTIFY && member->value.type == JSON_OBJECT;
            context_traits(c, message, &member->value, &below);
            break;
        case CONTEXT_CONTENT:
            node_classify(c, &member->value, field_walk_key(c->apply->policy, c->apply->context_walk, member->name), &below);
            break;
        }
    }
    mark_close(c->apply, index, hole);
}

/* The event's name goes where its content goes, unless the policy names the field itself. */
static void name_finish(struct classifier *c, size_t index, const struct json *value, str name, bool ruled)
{
    struct path path = {NULL, name, name.length};
    if (ruled) {
        mark_content(c, index, value, &path, field_walk_key(c->apply->policy, c->apply->root_walk, name).category);
        return;
    }
    uint16_t category = c->apply->policy->field_default;
    purpose_mask mask = c->out->kept | category_mask(c, category);
    c->out->content = true;
    if (mask)
        mask = mask_note(c->out, mask);
    else {
        report(c, &path, field_reasons(c->apply, c->view, category));
        c->out->wanted |= category_wanted(c, category);
        c->out->denied = true;
    }
    c->out->kept |= mask;
    c->apply->marks.nodes.items[index] = (struct mark){mask, mask, 1, MARK_CONTENT};
}

void classify_message(struct apply *apply, const struct message *message, const struct gate_view *view, bool reporting,
                      struct classified *ret_classified, struct message_result *result)
{
    ret_classified->kept = ret_classified->wanted = 0;
    ret_classified->mask_count = 0;
    ret_classified->ride = ret_classified->denied = ret_classified->content = false;
    memset(&ret_classified->traits, 0, sizeof ret_classified->traits);
    struct classifier c = {apply, view, ret_classified, reporting ? result : NULL};
    apply->marks.nodes.count = 0;
    size_t name_index = SIZE_MAX;
    const struct json_member *name = NULL;
    for (uint32_t i = 0; i < message->body.count; i++) {
        const struct json_member *member = &message->body.members[i];
        struct path path = {NULL, member->name, member->name.length};
        switch (top_kind(member->name, message->type)) {
        case TOP_ENVELOPE: break;
        case TOP_CONTEXT: context_classify(&c, message, &member->value, &path); break;
        case TOP_NAME:
            name_index = mark_push(&c);
            name = member;
            break;
        case TOP_FACTS:
            if (member->value.type == JSON_OBJECT)
                trait_classify(&c, &member->value, apply->traits_walk, &path, NULL);
            break;
        case TOP_CONTENT:
            node_classify(&c, &member->value, field_walk_key(apply->policy, apply->root_walk, member->name), &path);
            break;
        }
    }
    if (name)
        name_finish(&c, name_index, &name->value, name->name, str_equal(name->name, STR("event")) ? apply->event_rule : apply->name_rule);
    vec_each (found, &ret_classified->traits)
        if (found->purposes == ~UINT64_C(0))
            found->purposes = ret_classified->kept;
}
