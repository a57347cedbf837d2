/* Inclusion proofs in order. A node is named by its height and its position at that height; node (0, i) is leaf i. */
#include "engine/proof_series_private.h"

#include "base/vec.h"
#include "evidence/tiles.h"

#define TILE_HEIGHT 8 /* a full tile is a tree of this height */
#define LEVELS_MAX 8
#define HEIGHTS_MAX 64

struct kept {
    bool valid;
    uint64_t index;
    unsigned width;
    struct hash nodes[TILE_HEIGHT][MERKLE_TILE_WIDTH]; /* by height within the tile */
};
struct proof_series {
    const struct merkle_tiles *tiles;
    uint64_t size;
    struct kept levels[LEVELS_MAX];
    bool edge_known[HEIGHTS_MAX];
    struct hash edge[HEIGHTS_MAX]; /* the last node of each height, where it is not a full subtree */
};

struct proof_series *proof_series_new(struct arena *arena, const struct merkle_tiles *tiles, uint64_t size)
{
    struct proof_series *series = arena_new(arena, struct proof_series);
    series->tiles = tiles;
    series->size = size;
    return series;
}

static struct kept *tile_keep(struct proof_series *series, unsigned level, uint64_t index)
{
    ASSERT(level < LEVELS_MAX);
    struct kept *kept = &series->levels[level];
    if (kept->valid && kept->index == index)
        return kept;
    kept->valid = false;
    kept->index = index;
    kept->width = tile_width_at(series->size, level, index);
    if (!kept->width || !series->tiles->tile(series->tiles->context, level, index, kept->width, kept->nodes[0]))
        return NULL;
    for (unsigned height = 1; height < TILE_HEIGHT; height++)
        for (unsigned i = 0; (i + 1) << height <= kept->width; i++)
            merkle_node(&kept->nodes[height - 1][2 * i], &kept->nodes[height - 1][2 * i + 1], &kept->nodes[height][i]);
    kept->valid = true;
    return kept;
}

/* A node whose subtree is full. */
static bool node_full(struct proof_series *series, unsigned height, uint64_t position, struct hash *ret)
{
    unsigned within = height % TILE_HEIGHT;
    const struct kept *kept = tile_keep(series, height / TILE_HEIGHT, position >> (TILE_HEIGHT - within));
    unsigned place = (unsigned)(position & ((UINT64_C(1) << (TILE_HEIGHT - within)) - 1));
    if (!kept || (place + 1) << within > kept->width)
        return false;
    *ret = kept->nodes[within][place];
    return true;
}

static bool node(struct proof_series *series, unsigned height, uint64_t position, struct hash *ret)
{
    if ((position + 1) << height <= series->size)
        return node_full(series, height, position, ret);
    ASSERT(height > 0 && position << height < series->size);
    if (!series->edge_known[height]) {
        struct hash left, right;
        if (!node(series, height - 1, 2 * position, &left))
            return false;
        if ((2 * position + 1) << (height - 1) < series->size) { /* there is something on the right, too */
            if (!node(series, height - 1, 2 * position + 1, &right))
                return false;
            merkle_node(&left, &right, &left);
        }
        series->edge[height] = left;
        series->edge_known[height] = true;
    }
    *ret = series->edge[height];
    return true;
}

bool proof_series_path(struct proof_series *series, struct arena *arena, uint64_t index, struct merkle_path *ret_path)
{
    struct merkle_path path = {0};
    uint64_t last = series->size - 1;
    ASSERT(index <= last);
    for (unsigned height = 0; last > 0; height++, index >>= 1, last >>= 1) {
        if (!(index & 1) && index == last)
            continue; /* it has no sibling: it goes up as it is */
        if (!node(series, height, index ^ 1, vec_push(arena, &path)))
            return false;
    }
    *ret_path = path;
    return true;
}
