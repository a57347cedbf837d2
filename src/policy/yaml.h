/* A YAML file as a tree with places (the policy, an import mapping, telos.yaml): what libyaml's events say, bounded, before anything is known of its meaning.
 *
 * 1. Every node knows its line and column, counted from 1 in characters.
 * 2. Bounded: bytes, depth, nodes. An alias shares its anchor's subtree, and counts as if it were written out, so that
 *    a few lines cannot stand for a billion nodes. An alias inside its own anchor is refused.
 * 3. Keys are scalars, and no map has one twice.
 * 4. Scalars are UTF-8 without control characters other than line ends and tabs.
 */
#ifndef TELOS_POLICY_YAML_H
#define TELOS_POLICY_YAML_H

#include "policy/policy.h"

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct entry;
struct node {
    enum node_kind kind;
    bool plain; /* a scalar without quotes */
    uint32_t line, column;
    uint32_t size; /* nodes in it, aliases written out */
    uint32_t count; /* items or entries */
    str text;
    struct node *items;
    struct entry *entries;
};
struct entry {
    struct node key, value;
};

/* Reads one document into `arena`. False when it cannot be read as a tree; problems (also duplicate keys, which do not end
 * the reading) are added to `problems`. */
bool yaml_read(struct arena *arena, str text, struct arena *problem_arena, policy_problems *problems, struct node *ret_root);
/* NULL when the map (or other node) has no such key. */
const struct node *node_get(const struct node *map, str name);

/* Adds a problem at a place, unless there are LIMIT_POLICY_PROBLEMS already. */
void problem_push(struct arena *arena, policy_problems *problems, uint32_t line, uint32_t column, str text, str suggestion);

#endif
