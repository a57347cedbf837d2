/* Finding a route by path: a tree of path segments, made once. Segments of the request are decoded after they are cut, so that an
 * encoded slash stays within its segment. A trailing slash counts for nothing.
 */
#include "server/server_private.h"

static struct route_node *child_of(struct arena *arena, struct route_node *node, str name)
{
    if (name.length > 1 && name.data[0] == '{') {
        if (!node->parameter) {
            node->parameter = arena_new(arena, struct route_node);
            node->parameter->name = name;
            node->parameter->rest = str_ends(name, STR("...}"));
        }
        return node->parameter;
    }
    for (struct route_node *child = node->children; child; child = child->next)
        if (str_equal(child->name, name))
            return child;
    struct route_node *child = arena_new(arena, struct route_node);
    child->name = name;
    child->next = node->children;
    node->children = child;
    return child;
}

struct route_node *route_tree(struct arena *arena)
{
    struct route_node *root = arena_new(arena, struct route_node);
    size_t count;
    const struct route *all = routes(&count);
    for (size_t i = 0; i < count; i++) {
        struct route_node *node = root;
        str rest = str_of(all[i].path + 1), part;
        while (!str_empty(rest) && str_split(&rest, '/', &part))
            node = child_of(arena, node, part);
        ASSERT(node->route_count < ROUTE_METHODS_MAX);
        node->routes[node->route_count++] = &all[i];
    }
    return root;
}

const struct route_node *route_find(const struct route_node *root, struct arena *arena, str path, str ret_parameters[PARAMETERS_MAX])
{
    const struct route_node *node = root;
    size_t parameters = 0;
    str rest = str_starts(path, STR("/")) ? str_slice(path, 1, path.length) : path, part;
    while (rest.length > 1 && str_ends(rest, STR("/")))
        rest.length--;
    while (!str_empty(rest)) {
        str before = rest;
        (void)str_split(&rest, '/', &part); /* there is one: the rest is not empty */
        const struct route_node *found = NULL;
        for (const struct route_node *child = node->children; child && !found; child = child->next)
            if (str_equal(child->name, part))
                found = child;
        if (!found && node->parameter && !str_empty(part)) {
            ASSERT(parameters < PARAMETERS_MAX);
            found = node->parameter;
            ret_parameters[parameters++] = percent_decode(arena, found->rest ? before : part, false);
            if (found->rest)
                return found;
        }
        if (!found)
            return NULL;
        node = found;
    }
    return node;
}
