/* Field rules and the trie that walks go through.
 *
 * Rules are kept as written in a tree of rule nodes. A message's path can fit several of them at once (`a.b.d` and `a.*.c`), but a
 * walk has one position; so the tree is worked out beforehand: a trie node stands for the ordered set of rule nodes that a path so far
 * fits, most exact first. Walking is then one lookup a step, without memory and without going back.
 *
 * 1. A rule covers its path and everything below it, until a deeper rule says otherwise.
 * 2. At the same depth a literal name beats `*`, and the difference nearest to the root decides. `[*]` beats `*` for items.
 * 3. The number of trie nodes is bounded: many `*` beside many names multiply.
 */
#include "policy/load_private.h"

enum { PATH_PARTS_MAX = 32, FEW_CHILDREN = 8 };

struct rule_node {
    str name;
    struct map by_name; /* literal children */
    VEC(struct rule_node *) children; /* the same, in order */
    struct rule_node *any, *item;
    uint16_t depth, literals;
    bool ends, not_personal;
    uint16_t category;
};
struct field_rules {
    struct arena *arena;
    struct rule_node *root;
};
typedef VEC(const struct rule_node *) rule_set;

static struct rule_node *rule_node_new(struct arena *arena, const struct rule_node *parent, str name, bool literal)
{
    struct rule_node *node = arena_new(arena, struct rule_node);
    node->name = name;
    node->category = SLOT_NONE;
    map_init(&node->by_name, arena);
    if (parent) {
        node->depth = (uint16_t)(parent->depth + 1);
        node->literals = (uint16_t)(parent->literals + literal);
    }
    return node;
}

struct field_rules *field_rules_new(struct arena *arena)
{
    struct field_rules *rules = arena_new(arena, struct field_rules);
    rules->arena = arena;
    rules->root = rule_node_new(arena, NULL, STR_NONE, false);
    return rules;
}

static struct rule_node *rule_child(struct field_rules *rules, struct rule_node *node, str part, bool item)
{
    if (item) {
        if (!node->item)
            node->item = rule_node_new(rules->arena, node, STR("[]"), true);
        return node->item;
    }
    if (str_equal(part, STR("*"))) {
        if (!node->any)
            node->any = rule_node_new(rules->arena, node, STR("*"), false);
        return node->any;
    }
    struct rule_node *child = map_get(&node->by_name, part);
    if (!child) {
        child = rule_node_new(rules->arena, node, str_copy(rules->arena, part), true);
        map_set(&node->by_name, child->name, child);
        *(struct rule_node **)vec_push(rules->arena, &node->children) = child;
    }
    return child;
}

/* Takes one part off the path: a name, or "[…]". False at its end or when it is malformed. */
static bool path_part(str *rest, bool first, str *ret_part, bool *ret_item)
{
    if (str_empty(*rest))
        return false;
    if (rest->data[0] == '[') {
        ptrdiff_t end = str_find_char(*rest, ']');
        if (end < 0)
            return false;
        *ret_part = str_slice(*rest, 1, (size_t)end);
        *ret_item = true;
        *rest = str_slice(*rest, (size_t)end + 1, rest->length);
        return true;
    }
    if (!first && rest->data[0] != '.')
        return false;
    str tail = first ? *rest : str_slice(*rest, 1, rest->length);
    size_t length = 0;
    while (length < tail.length && tail.data[length] != '.' && tail.data[length] != '[')
        length++;
    *ret_part = str_slice(tail, 0, length);
    *ret_item = false;
    *rest = str_slice(tail, length, tail.length);
    return length > 0;
}

const char *field_rules_add(struct field_rules *rules, str path, uint16_t category, bool not_personal)
{
    struct rule_node *node = rules->root;
    str rest = path, part;
    bool item;
    if (path.length > LIMIT_FIELD_NAME_BYTES)
        return "the path is too long";
    for (unsigned parts = 0; !str_empty(rest); parts++) {
        if (parts == PATH_PARTS_MAX)
            return "the path has too many parts";
        if (!path_part(&rest, parts == 0, &part, &item))
            return "this is not a path; write names between dots, `*` for any name and `[*]` for the items of a list";
        if (item && !str_empty(part) && !str_equal(part, STR("*")))
            return "a rule holds for all items of a list; write `[*]`";
        if (!item && part.length > 1 && str_find_char(part, '*') >= 0)
            return "`*` stands for a whole name, not for a part of one";
        node = rule_child(rules, node, part, item);
    }
    if (node == rules->root)
        return "the path is empty";
    if (node->ends)
        return "the same path has a rule above";
    node->ends = true;
    node->category = category;
    node->not_personal = not_personal;
    return NULL;
}

/* ---- working `*` out ---- */

struct compiler {
    struct arena *arena, *scratch;
    uint32_t nodes;
    bool overflow;
};

static struct field_node *compile_set(struct compiler *compiler, str name, const rule_set *set);

/* The rule nodes that a literal name leads to, most exact first. */
static void set_after_name(struct compiler *compiler, const rule_set *set, str name, rule_set *ret_set)
{
    vec_each(node, set) {
        const struct rule_node *child = map_get(&(*node)->by_name, name);
        if (child)
            *(const struct rule_node **)vec_push(compiler->scratch, ret_set) = child;
        if ((*node)->any)
            *(const struct rule_node **)vec_push(compiler->scratch, ret_set) = (*node)->any;
    }
}

static void set_after_other(struct compiler *compiler, const rule_set *set, bool item, rule_set *ret_set)
{
    vec_each(node, set) {
        if (item && (*node)->item)
            *(const struct rule_node **)vec_push(compiler->scratch, ret_set) = (*node)->item;
        if ((*node)->any)
            *(const struct rule_node **)vec_push(compiler->scratch, ret_set) = (*node)->any;
    }
}

static uint32_t name_hash(str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.length; i++)
        hash = (hash ^ (uint8_t)name.data[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static void make_table(struct compiler *compiler, struct field_node *node, uint32_t count)
{
    uint32_t capacity = 32;
    while (capacity < count * 2)
        capacity *= 2;
    node->table = arena_array(compiler->arena, struct field_node *, capacity);
    node->table_mask = capacity - 1;
    for (struct field_node *child = node->children; child; child = child->next) {
        uint32_t at = name_hash(child->name) & node->table_mask;
        while (node->table[at])
            at = (at + 1) & node->table_mask;
        node->table[at] = child;
    }
}

static void compile_children(struct compiler *compiler, struct field_node *result, const rule_set *set)
{
    struct map done;
    struct field_node **last = &result->children;
    uint32_t count = 0;
    if (set->count > 1)
        map_init(&done, compiler->scratch);
    vec_each(node, set) {
        vec_each(child, &(*node)->children) {
            rule_set below = {0};
            if (set->count > 1 && map_get(&done, (*child)->name))
                continue;
            if (set->count > 1)
                map_set(&done, (*child)->name, *child);
            set_after_name(compiler, set, (*child)->name, &below);
            *last = compile_set(compiler, (*child)->name, &below);
            if (!*last)
                return;
            last = &(*last)->next;
            count++;
        }
    }
    if (count > FEW_CHILDREN)
        make_table(compiler, result, count);
}

static struct field_node *compile_set(struct compiler *compiler, str name, const rule_set *set)
{
    if (compiler->overflow || compiler->nodes == LIMIT_FIELD_NODES) {
        compiler->overflow = true;
        return NULL;
    }
    compiler->nodes++;
    struct field_node *result = arena_new(compiler->arena, struct field_node);
    result->name = str_copy(compiler->arena, name);
    result->category = SLOT_NONE;
    vec_each(node, set) {
        if ((*node)->ends) {
            result->category = (*node)->category;
            result->not_personal = (*node)->not_personal;
            result->exact = (uint16_t)((*node)->depth << 8 | (*node)->literals);
            result->deep = str_equal((*node)->name, STR("*"));
            break;
        }
    }
    rule_set any = {0}, item = {0};
    set_after_other(compiler, set, false, &any);
    set_after_other(compiler, set, true, &item);
    compile_children(compiler, result, set);
    if (any.count)
        result->any = compile_set(compiler, STR("*"), &any);
    if (item.count)
        result->item = compile_set(compiler, STR("[]"), &item);
    return compiler->overflow ? NULL : result;
}

struct field_node *field_rules_compile(const struct field_rules *rules, struct arena *arena)
{
    struct compiler compiler = {.arena = arena, .scratch = rules->arena};
    rule_set set = {0};
    *(const struct rule_node **)vec_push(rules->arena, &set) = rules->root;
    return compile_set(&compiler, STR_NONE, &set);
}

/* ---- walking ---- */

static struct field_walk walk_to(struct field_walk walk, const struct field_node *to)
{
    if (to && to->exact) {
        walk.category = to->category;
        walk.not_personal = to->not_personal;
        walk.exact = to->exact;
    }
    walk.node = to && (to->children || to->any || to->item) ? to : NULL;
    return walk;
}

struct field_walk field_walk_start(const struct policy *policy)
{
    return walk_to((struct field_walk){.category = SLOT_NONE}, policy->fields);
}

struct field_walk field_walk_key(const struct policy *policy, struct field_walk walk, str name)
{
    (void)policy; /* the walk itself knows its place; the argument keeps the two together at the caller */
    if (!walk.node)
        return walk;
    const struct field_node *child = NULL;
    if (walk.node->table) {
        for (uint32_t at = name_hash(name) & walk.node->table_mask; (child = walk.node->table[at]); at = (at + 1) & walk.node->table_mask)
            if (str_equal(child->name, name))
                break;
    } else {
        for (child = walk.node->children; child && !str_equal(child->name, name);)
            child = child->next;
    }
    return walk_to(walk, child ? child : walk.node->any);
}

struct field_walk field_walk_item(const struct policy *policy, struct field_walk walk)
{
    (void)policy; /* as above */
    return walk.node ? walk_to(walk, walk.node->item) : walk;
}

/* Steps are bounded by the path's own length. */
static struct field_walk walk_path(const struct policy *policy, str path, unsigned *ret_parts)
{
    struct field_walk walk = field_walk_start(policy);
    str part;
    bool item;
    unsigned parts = 0;
    for (; path_part(&path, parts == 0, &part, &item); parts++)
        walk = item ? field_walk_item(policy, walk) : field_walk_key(policy, walk, part);
    *ret_parts = parts;
    return walk;
}

uint16_t policy_field_category(const struct policy *policy, str path, bool *ret_not_personal)
{
    unsigned parts;
    struct field_walk walk = walk_path(policy, path, &parts);
    if (str_starts(path, STR("context.traits."))) { /* the same person's traits, said in passing */
        struct field_walk traits = walk_path(policy, str_slice(path, sizeof("context.") - 1, path.length), &parts);
        unsigned lifted = traits.exact ? traits.exact + (1u << 8 | 1u) : 0; /* as if it were written with `context.` before it */
        if (lifted > walk.exact)
            walk = traits;
    }
    *ret_not_personal = walk.not_personal;
    return walk.exact ? walk.category : policy->field_default;
}

uint16_t field_rule_any(const struct policy *policy, str path)
{
    unsigned parts;
    struct field_walk walk = walk_path(policy, path, &parts);
    return walk.exact ? walk.category : SLOT_NONE;
}

uint16_t field_rule_exact(const struct policy *policy, str path)
{
    unsigned parts;
    struct field_walk walk = walk_path(policy, path, &parts);
    return parts && walk.exact == (parts << 8 | parts) ? walk.category : SLOT_NONE;
}
