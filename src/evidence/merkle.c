/* Merkle trees: hashing, appending at the right edge, verification, and trees that lie in memory whole. Proofs from tiles are in
 * merkle_proof.c. */
#include "evidence/merkle.h"

#include "evidence/crypto_private.h"
#include "evidence/merkle_private.h"

void hash_sha256(str data, struct hash *ret) { crypto_sha256(data.data, data.length, NULL, 0, ret->bytes); }

void merkle_leaf(str data, struct hash *ret)
{
    enum { COPIED_MAX = 512 };
    uint8_t leaf[1 + COPIED_MAX];
    if (data.length == 0 || data.length > COPIED_MAX) {
        crypto_sha256("\0", 1, data.data, data.length, ret->bytes);
        return;
    }
    leaf[0] = 0; /* in one piece, since a second call costs more than copying a short entry */
    memcpy(leaf + 1, data.data, data.length);
    crypto_sha256(leaf, 1 + data.length, NULL, 0, ret->bytes);
}

void merkle_node(const struct hash *left, const struct hash *right, struct hash *ret)
{
    uint8_t node[65];
    node[0] = 1;
    memcpy(node + 1, left->bytes, 32);
    memcpy(node + 33, right->bytes, 32);
    crypto_sha256(node, sizeof(node), NULL, 0, ret->bytes);
}

void merkle_root_empty(struct hash *ret) { hash_sha256(STR(""), ret); }

void merkle_frontier_init(struct merkle_frontier *frontier)
{
    frontier->size = 0;
    frontier->count = 0;
}

void merkle_frontier_append(struct merkle_frontier *frontier, const struct hash *leaf)
{
    ASSERT(frontier->size < UINT64_MAX && frontier->count == __builtin_popcountll(frontier->size));
    struct hash node = *leaf;
    /* each full subtree at the right edge doubles, like a carry in binary addition */
    for (uint64_t carry = frontier->size; carry & 1; carry >>= 1)
        merkle_node(&frontier->nodes[--frontier->count], &node, &node);
    frontier->nodes[frontier->count++] = node;
    frontier->size++;
}

/* The root over full subtrees, the largest first. */
void merkle_fold(const struct hash *nodes, size_t count, struct hash *ret)
{
    if (count == 0) {
        merkle_root_empty(ret);
        return;
    }
    struct hash root = nodes[count - 1];
    for (size_t i = count - 1; i-- > 0;)
        merkle_node(&nodes[i], &root, &root);
    *ret = root;
}

void merkle_frontier_root(const struct merkle_frontier *frontier, struct hash *ret) { merkle_fold(frontier->nodes, frontier->count, ret); }

bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *path, size_t count, const struct hash *root)
{
    if (index >= size)
        return false;
    uint64_t here = index, last = size - 1;
    struct hash node = *leaf;
    for (size_t i = 0; i < count; i++) {
        if (last == 0)
            return false;
        if ((here & 1) || here == last) {
            merkle_node(&path[i], &node, &node);
            while (!(here & 1) && here != 0) { /* levels at which it is the last node and has no sibling */
                here >>= 1;
                last >>= 1;
            }
        } else {
            merkle_node(&node, &path[i], &node);
        }
        here >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&node, root);
}

/* RFC 9162 §2.1.4.2 from step 4 on, `first` being the first hash of the proof. */
static bool consistency_walk(uint64_t old_size, const struct hash *old_root, uint64_t new_size, const struct hash *new_root, const struct hash *first,
                             const struct hash *path, size_t count)
{
    uint64_t here = old_size - 1, last = new_size - 1;
    while (here & 1) {
        here >>= 1;
        last >>= 1;
    }
    struct hash old_node = *first, new_node = *first;
    for (size_t i = 0; i < count; i++) {
        if (last == 0)
            return false;
        if ((here & 1) || here == last) {
            merkle_node(&path[i], &old_node, &old_node);
            merkle_node(&path[i], &new_node, &new_node);
            while (!(here & 1) && here != 0) {
                here >>= 1;
                last >>= 1;
            }
        } else {
            merkle_node(&new_node, &path[i], &new_node);
        }
        here >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&old_node, old_root) && hash_equal(&new_node, new_root);
}

bool merkle_verify_consistency(uint64_t old_size, const struct hash *old_root, uint64_t new_size, const struct hash *new_root, const struct hash *path,
                               size_t count)
{
    if (old_size > new_size)
        return false;
    if (old_size == new_size)
        return count == 0 && hash_equal(old_root, new_root);
    if (old_size == 0) {
        struct hash empty;
        merkle_root_empty(&empty);
        return count == 0 && hash_equal(old_root, &empty);
    }
    if ((old_size & (old_size - 1)) == 0) /* a full subtree of the new tree: its root is the proof's first hash, left out */
        return consistency_walk(old_size, old_root, new_size, new_root, old_root, path, count);
    if (count == 0)
        return false;
    return consistency_walk(old_size, old_root, new_size, new_root, path, path + 1, count - 1);
}

void merkle_root_of(const struct hash *leaves, size_t count, struct hash *ret)
{
    struct merkle_frontier frontier;
    merkle_frontier_init(&frontier);
    for (size_t i = 0; i < count; i++)
        merkle_frontier_append(&frontier, &leaves[i]);
    merkle_frontier_root(&frontier, ret);
}

struct merkle_path merkle_path_of(struct arena *arena, const struct hash *leaves, size_t count, size_t index)
{
    ASSERT(index < count);
    struct merkle_path path = {0};
    size_t from = 0, to = count;
    while (to - from > 1) {
        size_t middle = from + (size_t)merkle_split(to - from);
        struct hash *sibling = vec_push(arena, &path);
        if (index < middle) {
            merkle_root_of(leaves + middle, to - middle, sibling);
            to = middle;
        } else {
            merkle_root_of(leaves + from, middle - from, sibling);
            from = middle;
        }
    }
    merkle_path_reverse(&path);
    return path;
}

void merkle_path_reverse(struct merkle_path *path)
{
    for (size_t i = 0, j = path->count; i + 1 < j; i++) {
        struct hash swapped = path->items[--j];
        path->items[j] = path->items[i];
        path->items[i] = swapped;
    }
}
