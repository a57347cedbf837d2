/* Merkle trees as RFC 6962 and RFC 9162 hash them (SHA-256, leaf 0x00, node 0x01): appending, proofs, verification.
 * It is not a store: whoever keeps the tiles hands them over through `struct merkle_tiles`.
 *
 * 1. A tree is only ever appended to; a frontier plus the leaves to come is all that appending needs.
 * 2. Proofs are made from tiles alone (256 hashes each, C2SP tlog-tiles), never from all leaves.
 * 3. Verification needs nothing but hashes: no arena, no reader, no key.
 */
#ifndef TELOS_EVIDENCE_MERKLE_H
#define TELOS_EVIDENCE_MERKLE_H

#include "base/err.h"
#include "base/str.h"

struct hash {
    uint8_t bytes[32];
};

#define MERKLE_TILE_WIDTH 256
#define MERKLE_PATH_MAX 65 /* the longest proof of a tree with 2^64 - 1 leaves */

static inline bool hash_equal(const struct hash *a, const struct hash *b) { return memcmp(a->bytes, b->bytes, 32) == 0; }

/* SHA-256(0x00 || data) */
void merkle_leaf(str data, struct hash *ret);
/* SHA-256(0x01 || left || right); `ret` may be one of them. */
void merkle_node(const struct hash *left, const struct hash *right, struct hash *ret);
/* SHA-256 of nothing: the root of the tree without leaves. */
void merkle_root_empty(struct hash *ret);
/* Plain SHA-256, for fingerprints and key ids. */
void hash_sha256(str data, struct hash *ret);

/* The right edge of a tree: the roots of the full subtrees that it consists of, the largest first. */
struct merkle_frontier {
    uint64_t size;
    struct hash nodes[64];
    uint8_t count;
};
void merkle_frontier_init(struct merkle_frontier *frontier);
void merkle_frontier_append(struct merkle_frontier *frontier, const struct hash *leaf);
void merkle_frontier_root(const struct merkle_frontier *frontier, struct hash *ret);

/* Who keeps the tiles. `tile` writes the first `width` hashes (1…256) of tile `index` of `level`; false when they cannot be
 * read. Level 0 holds leaf hashes, each hash of level L + 1 is the root of a full tile of level L. */
struct merkle_tiles {
    void *context;
    bool (*tile)(void *context, unsigned level, uint64_t index, unsigned width, struct hash *ret_hashes);
};

/* A proof; fits vec_push and vec_each. */
struct merkle_path {
    struct hash *items;
    size_t count, capacity;
};

/* The frontier of the first `size` leaves: what appending resumes from after a restart. */
const struct err *merkle_frontier_at(struct arena *arena, const struct merkle_tiles *tiles, uint64_t size, struct merkle_frontier *ret) MUST_CHECK;
/* The root of the first `size` leaves. ERR_IO when a tile is missing, like the next two. */
const struct err *merkle_root_at(struct arena *arena, const struct merkle_tiles *tiles, uint64_t size, struct hash *ret) MUST_CHECK;
/* RFC 9162 §2.1.3.1: from the leaf's sibling upwards. ERR_INVALID unless index < size. */
const struct err *merkle_inclusion_proof(struct arena *arena, const struct merkle_tiles *tiles, uint64_t index, uint64_t size,
                                         struct merkle_path *ret) MUST_CHECK;
/* RFC 9162 §2.1.4.1. ERR_INVALID unless old <= new; empty when old is 0 or equals new. */
const struct err *merkle_consistency_proof(struct arena *arena, const struct merkle_tiles *tiles, uint64_t old_size, uint64_t new_size,
                                           struct merkle_path *ret) MUST_CHECK;

/* RFC 9162 §2.1.3.2 */
bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *path, size_t count, const struct hash *root);
/* RFC 9162 §2.1.4.2; from the empty tree everything grows, given its own root and an empty path. */
bool merkle_verify_consistency(uint64_t old_size, const struct hash *old_root, uint64_t new_size, const struct hash *new_root, const struct hash *path,
                               size_t count);

/* Small trees that lie in memory whole, such as the decisions of one batch. */
void merkle_root_of(const struct hash *leaves, size_t count, struct hash *ret);
/* The inclusion path of leaf `index` < count. */
struct merkle_path merkle_path_of(struct arena *arena, const struct hash *leaves, size_t count, size_t index);

#endif
