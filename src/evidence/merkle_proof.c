/* Proofs out of tiles. A proof is a short list of ranges of leaves; each range is a few full subtrees; each of these lies within
 * one tile. Only the tiles that a proof touches are read, each once. */
#include "evidence/merkle_private.h"
#include "evidence/tiles.h"

#define TILE_LEVELS 8 /* 256^8 leaves are all there can be */

struct tile_cached {
    uint64_t index;
    unsigned width; /* 0: nothing here yet */
    struct hash *hashes;
};
struct reader {
    struct arena *arena;
    const struct merkle_tiles *tiles;
    uint64_t size; /* of the tree that is read */
    struct tile_cached cache[TILE_LEVELS];
};

static const struct err *tile_read(struct reader *reader, unsigned level, uint64_t index, unsigned width_min, const struct hash **ret_hashes)
{
    ASSERT(level < TILE_LEVELS);
    struct tile_cached *cached = &reader->cache[level];
    if (cached->width == 0 || cached->index != index) {
        unsigned width = tile_width_at(reader->size, level, index);
        ASSERT(width >= width_min);
        if (!cached->hashes)
            cached->hashes = arena_alloc_raw(reader->arena, sizeof(struct hash) * MERKLE_TILE_WIDTH);
        cached->width = 0;
        if (!reader->tiles->tile(reader->tiles->context, level, index, width, cached->hashes))
            return err_new(reader->arena, ERR_IO, "tile %u/%llu (%u hashes) of the ledger cannot be read", level, (unsigned long long)index, width);
        cached->index = index;
        cached->width = width;
    }
    *ret_hashes = cached->hashes;
    return NULL;
}

/* The root of the full subtree of 2^height leaves that starts at leaf `index << height`. */
static const struct err *subtree_root(struct reader *reader, unsigned height, uint64_t index, struct hash *ret)
{
    unsigned level = height / 8, inner = height % 8;
    uint64_t first = index << inner; /* among the level's hashes */
    unsigned offset = (unsigned)(first % MERKLE_TILE_WIDTH), count = 1u << inner;
    const struct hash *hashes = NULL;
    TRY(tile_read(reader, level, first / MERKLE_TILE_WIDTH, offset + count, &hashes));
    ASSERT(hashes);
    struct hash nodes[MERKLE_TILE_WIDTH / 2];
    memcpy(nodes, hashes + offset, sizeof(struct hash) * count);
    for (; count > 1; count /= 2)
        for (unsigned i = 0; i < count / 2; i++)
            merkle_node(&nodes[2 * i], &nodes[2 * i + 1], &nodes[i]);
    *ret = nodes[0];
    return NULL;
}

/* The full subtrees of leaves [from, to), the largest first; `from` is a multiple of the largest. */
static const struct err *range_nodes(struct reader *reader, uint64_t from, uint64_t to, struct hash nodes[64], size_t *ret_count)
{
    size_t count = 0;
    while (from < to) {
        unsigned height = 63 - (unsigned)__builtin_clzll(to - from);
        ASSERT(count < 64 && (from & ((UINT64_C(1) << height) - 1)) == 0);
        TRY(subtree_root(reader, height, from >> height, &nodes[count++]));
        from += UINT64_C(1) << height;
    }
    *ret_count = count;
    return NULL;
}

static const struct err *range_push(struct reader *reader, uint64_t from, uint64_t to, struct merkle_path *path)
{
    struct hash nodes[64];
    size_t count = 0;
    TRY(range_nodes(reader, from, to, nodes, &count));
    merkle_fold(nodes, count, vec_push(reader->arena, path));
    return NULL;
}

const struct err *merkle_frontier_at(struct arena *arena, const struct merkle_tiles *tiles, uint64_t size, struct merkle_frontier *ret)
{
    struct reader reader = {.arena = arena, .tiles = tiles, .size = size};
    struct hash nodes[64];
    size_t count = 0;
    TRY(range_nodes(&reader, 0, size, nodes, &count));
    ret->size = size;
    ret->count = (uint8_t)count;
    memcpy(ret->nodes, nodes, sizeof(struct hash) * count);
    return NULL;
}

const struct err *merkle_root_at(struct arena *arena, const struct merkle_tiles *tiles, uint64_t size, struct hash *ret)
{
    struct merkle_frontier frontier;
    TRY(merkle_frontier_at(arena, tiles, size, &frontier));
    merkle_frontier_root(&frontier, ret);
    return NULL;
}

const struct err *merkle_inclusion_proof(struct arena *arena, const struct merkle_tiles *tiles, uint64_t index, uint64_t size, struct merkle_path *ret)
{
    if (index >= size)
        return err_new(arena, ERR_INVALID, "leaf %llu is not in a tree of %llu leaves", (unsigned long long)index, (unsigned long long)size);
    struct reader reader = {.arena = arena, .tiles = tiles, .size = size};
    struct merkle_path path = {0};
    uint64_t from = 0, to = size;
    while (to - from > 1) { /* from the root down; turned round at the end */
        uint64_t middle = from + merkle_split(to - from);
        if (index < middle) {
            TRY(range_push(&reader, middle, to, &path));
            to = middle;
        } else {
            TRY(range_push(&reader, from, middle, &path));
            from = middle;
        }
    }
    merkle_path_reverse(&path);
    *ret = path;
    return NULL;
}

const struct err *merkle_consistency_proof(struct arena *arena, const struct merkle_tiles *tiles, uint64_t old_size, uint64_t new_size, struct merkle_path *ret)
{
    if (old_size > new_size)
        return err_new(arena, ERR_INVALID, "a tree of %llu leaves is no beginning of one of %llu leaves", (unsigned long long)old_size,
                       (unsigned long long)new_size);
    struct reader reader = {.arena = arena, .tiles = tiles, .size = new_size};
    struct merkle_path path = {0};
    uint64_t from = 0, to = new_size;
    while (old_size != 0 && old_size != to) {
        uint64_t middle = from + merkle_split(to - from);
        if (old_size <= middle) {
            TRY(range_push(&reader, middle, to, &path));
            to = middle;
        } else {
            TRY(range_push(&reader, from, middle, &path));
            from = middle;
        }
    }
    if (from != 0) /* else the old root itself is the first hash, which the verifier has */
        TRY(range_push(&reader, from, to, &path));
    merkle_path_reverse(&path);
    *ret = path;
    return NULL;
}
