/* Merkle trees: the test vectors that certificate transparency's implementations share (RFC 6962, RFC 9162), and all proofs of all
 * small trees against trees built from all leaves. */
#include "unit.h"

#include "base/vec.h"
#include "evidence/merkle.h"
#include "evidence/tiles.h"

#include <stdio.h>

static const struct {
    const char *bytes;
    size_t size;
} leaves[8] = {
    {"", 0},
    {"\x00", 1},
    {"\x10", 1},
    {"\x20\x21", 2},
    {"\x30\x31", 2},
    {"\x40\x41\x42\x43", 4},
    {"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
    {"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};
static const char *const roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};
static const struct {
    uint64_t index, size;
    const char *path[3];
} inclusions[] = {
    {0, 1, {NULL}},
    {0,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {5,
     8,
     {"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2, 3, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
    {1,
     5,
     {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};
static const struct {
    uint64_t old_size, new_size;
    const char *path[3];
} consistencies[] = {
    {1, 1, {NULL}},
    {1,
     8,
     {"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
      "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
    {6,
     8,
     {"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
    {2, 5, {"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static struct hash from_hex(const char *hex)
{
    struct hash hash;
    assert_true(str_unhex(str_of(hex), hash.bytes, sizeof(hash.bytes)));
    return hash;
}

static struct hash leaf_of(size_t i)
{
    struct hash hash;
    merkle_leaf(str_bytes(leaves[i].bytes, leaves[i].size), &hash);
    return hash;
}

#define check_hash(got, hex) \
    do { \
        struct hash wanted_ = from_hex(hex); \
        assert_memory_equal((got)->bytes, wanted_.bytes, 32); \
    } while (0)

/* A tree whose leaves all lie in memory; its tiles are made from the definition in tlog-tiles. */
struct tree {
    struct hash *leaves;
    size_t count;
    size_t reads;
    bool broken;
};

static bool tree_tile(void *context, unsigned level, uint64_t index, unsigned width, struct hash *ret)
{
    struct tree *tree = context;
    size_t span = (size_t)1 << (8 * level);
    tree->reads++;
    for (unsigned i = 0; i < width; i++) {
        size_t from = (size_t)(index * MERKLE_TILE_WIDTH + i) * span;
        assert_true(from + span <= tree->count);
        merkle_root_of(tree->leaves + from, span, &ret[i]);
    }
    return !tree->broken;
}

static struct merkle_tiles tiles_of(struct tree *tree) { return (struct merkle_tiles){.context = tree, .tile = tree_tile}; }

static struct tree tree_make(struct arena *arena, size_t count)
{
    struct tree tree = {.leaves = arena_array(arena, struct hash, count + 1), .count = count};
    for (size_t i = 0; i < count; i++) {
        char text[32];
        merkle_leaf(str_bytes(text, (size_t)snprintf(text, sizeof(text), "leaf %zu", i)), &tree.leaves[i]);
    }
    return tree;
}

static void roots_are_the_published_ones(void **state)
{
    (void)state;
    struct merkle_frontier frontier;
    struct hash root, all[8];
    merkle_root_empty(&root);
    check_hash(&root, roots[0]);
    merkle_frontier_init(&frontier);
    for (size_t i = 0; i <= 8; i++) {
        merkle_frontier_root(&frontier, &root);
        check_hash(&root, roots[i]);
        merkle_root_of(all, i, &root);
        check_hash(&root, roots[i]);
        if (i < 8) {
            all[i] = leaf_of(i);
            merkle_frontier_append(&frontier, &all[i]);
        }
    }
}

static void inclusion_paths_are_the_published_ones(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct tree tree = {.leaves = arena_array(&arena, struct hash, 8), .count = 8};
    for (size_t i = 0; i < 8; i++)
        tree.leaves[i] = leaf_of(i);
    struct merkle_tiles tiles = tiles_of(&tree);
    for (size_t i = 0; i < COUNT_OF(inclusions); i++) {
        struct merkle_path path, small;
        struct hash root = from_hex(roots[inclusions[i].size]);
        check_fine(merkle_inclusion_proof(&arena, &tiles, inclusions[i].index, inclusions[i].size, &path));
        small = merkle_path_of(&arena, tree.leaves, inclusions[i].size, inclusions[i].index);
        size_t count = 0;
        for (; count < 3 && inclusions[i].path[count]; count++) {
            check_hash(&path.items[count], inclusions[i].path[count]);
            check_hash(&small.items[count], inclusions[i].path[count]);
        }
        assert_int_equal(path.count, count);
        assert_int_equal(small.count, count);
        assert_true(merkle_verify_inclusion(&tree.leaves[inclusions[i].index], inclusions[i].index, inclusions[i].size, path.items, count, &root));
    }
    arena_release(&arena);
}

static void consistency_paths_are_the_published_ones(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct tree tree = {.leaves = arena_array(&arena, struct hash, 8), .count = 8};
    for (size_t i = 0; i < 8; i++)
        tree.leaves[i] = leaf_of(i);
    struct merkle_tiles tiles = tiles_of(&tree);
    for (size_t i = 0; i < COUNT_OF(consistencies); i++) {
        struct merkle_path path;
        struct hash before = from_hex(roots[consistencies[i].old_size]), after = from_hex(roots[consistencies[i].new_size]);
        check_fine(merkle_consistency_proof(&arena, &tiles, consistencies[i].old_size, consistencies[i].new_size, &path));
        size_t count = 0;
        for (; count < 3 && consistencies[i].path[count]; count++)
            check_hash(&path.items[count], consistencies[i].path[count]);
        assert_int_equal(path.count, count);
        assert_true(merkle_verify_consistency(consistencies[i].old_size, &before, consistencies[i].new_size, &after, path.items, count));
    }
    arena_release(&arena);
}

/* Each way to spoil a path: a bit, one hash more, one less, another index, another size, another root. */
static void inclusion_spoilt(const struct hash *leaf, uint64_t index, uint64_t size, const struct merkle_path *path, const struct hash *root)
{
    struct hash items[MERKLE_PATH_MAX + 1] = {0}, other = *root;
    if (path->count > 0)
        memcpy(items, path->items, path->count * sizeof(*items));
    assert_true(merkle_verify_inclusion(leaf, index, size, items, path->count, root));
    for (size_t i = 0; i < path->count; i++) {
        items[i].bytes[i % 32] ^= 1;
        assert_false(merkle_verify_inclusion(leaf, index, size, items, path->count, root));
        items[i].bytes[i % 32] ^= 1;
    }
    assert_false(merkle_verify_inclusion(leaf, index, size, items, path->count + 1, root));
    if (path->count > 0)
        assert_false(merkle_verify_inclusion(leaf, index, size, items, path->count - 1, root));
    other.bytes[31] ^= 0x80;
    assert_false(merkle_verify_inclusion(leaf, index, size, items, path->count, &other));
    assert_false(merkle_verify_inclusion(leaf, size, size, items, path->count, root));
    if (index > 0)
        assert_false(merkle_verify_inclusion(leaf, index - 1, size, items, path->count, root));
    other = *leaf;
    other.bytes[0] ^= 1;
    assert_false(merkle_verify_inclusion(&other, index, size, items, path->count, root));
}

static void every_leaf_of_every_small_tree_is_proven_and_nothing_else(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct tree tree = tree_make(&arena, 80);
    struct merkle_tiles tiles = tiles_of(&tree);
    for (uint64_t size = 1; size <= tree.count; size++) {
        struct hash root;
        merkle_root_of(tree.leaves, size, &root);
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_path path;
            check_fine(merkle_inclusion_proof(&arena, &tiles, index, size, &path));
            inclusion_spoilt(&tree.leaves[index], index, size, &path, &root);
        }
    }
    arena_release(&arena);
}

static void every_small_tree_grows_from_every_smaller_one(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct tree tree = tree_make(&arena, 70);
    struct merkle_tiles tiles = tiles_of(&tree);
    for (uint64_t size = 0; size <= tree.count; size++) {
        struct hash after;
        merkle_root_of(tree.leaves, size, &after);
        for (uint64_t old = 0; old <= size; old++) {
            struct merkle_path path;
            struct hash before, other;
            merkle_root_of(tree.leaves, old, &before);
            other = before;
            other.bytes[3] ^= 1;
            check_fine(merkle_consistency_proof(&arena, &tiles, old, size, &path));
            assert_true(merkle_verify_consistency(old, &before, size, &after, path.items, path.count));
            assert_false(merkle_verify_consistency(old, &other, size, &after, path.items, path.count));
            assert_false(merkle_verify_consistency(size + 1, &before, size, &after, path.items, path.count));
            for (size_t i = 0; i < path.count; i++) {
                path.items[i].bytes[0] ^= 1;
                assert_false(merkle_verify_consistency(old, &before, size, &after, path.items, path.count));
                path.items[i].bytes[0] ^= 1;
            }
            if (path.count > 0)
                assert_false(merkle_verify_consistency(old, &before, size, &after, path.items, path.count - 1));
        }
    }
    arena_release(&arena);
}

static void proofs_of_a_large_tree_come_from_few_tiles(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct tree tree = tree_make(&arena, 70000);
    struct merkle_tiles tiles = tiles_of(&tree);
    static const uint64_t sizes[] = {256, 257, 65535, 65536, 65537, 69999, 70000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct hash root, again, before;
        struct merkle_frontier frontier;
        struct merkle_path path;
        merkle_root_of(tree.leaves, sizes[i], &root);
        check_fine(merkle_root_at(&arena, &tiles, sizes[i], &again));
        assert_true(hash_equal(&root, &again));
        check_fine(merkle_frontier_at(&arena, &tiles, sizes[i], &frontier));
        assert_int_equal(frontier.size, sizes[i]);
        for (uint64_t step = 0; step < 5; step++) {
            uint64_t index = (step * 17919 + step * step * 31) % sizes[i];
            tree.reads = 0;
            check_fine(merkle_inclusion_proof(&arena, &tiles, index, sizes[i], &path));
            assert_true(tree.reads <= 8);
            assert_true(merkle_verify_inclusion(&tree.leaves[index], index, sizes[i], path.items, path.count, &root));
            merkle_root_of(tree.leaves, index, &before);
            check_fine(merkle_consistency_proof(&arena, &tiles, index, sizes[i], &path));
            assert_true(merkle_verify_consistency(index, &before, sizes[i], &root, path.items, path.count));
        }
        if (sizes[i] < tree.count) { /* appending goes on from there */
            merkle_frontier_append(&frontier, &tree.leaves[sizes[i]]);
            merkle_frontier_root(&frontier, &again);
            merkle_root_of(tree.leaves, sizes[i] + 1, &root);
            assert_true(hash_equal(&root, &again));
        }
    }
    arena_release(&arena);
}

static void a_missing_tile_is_an_error_and_a_leaf_outside_is_refused(void **state)
{
    (void)state;
    struct arena arena;
    struct hash root;
    struct merkle_path path = {0};
    arena_init(&arena);
    struct tree tree = tree_make(&arena, 10);
    struct merkle_tiles tiles = tiles_of(&tree);
    check_code(merkle_inclusion_proof(&arena, &tiles, 10, 10, &path), ERR_INVALID);
    check_code(merkle_consistency_proof(&arena, &tiles, 10, 9, &path), ERR_INVALID);
    tree.broken = true;
    check_code(merkle_root_at(&arena, &tiles, 10, &root), ERR_IO);
    check_code(merkle_inclusion_proof(&arena, &tiles, 3, 10, &path), ERR_IO);
    assert_int_equal(path.count, 0);
    arena_release(&arena);
}

static void tile_addresses_have_one_text_each(void **state)
{
    (void)state;
    static const struct {
        struct tile_address address;
        const char *text;
    } good[] = {
        {{.level = 0, .index = 0, .width = 256}, "tile/0/000"},
        {{.level = 0, .index = 1234067, .width = 256}, "tile/0/x001/x234/067"},
        {{.level = 1, .index = 5, .width = 17}, "tile/1/005.p/17"},
        {{.level = 63, .index = UINT64_MAX, .width = 1}, "tile/63/x018/x446/x744/x073/x709/x551/615.p/1"},
        {{.entries = true, .index = 999, .width = 255}, "tile/entries/999.p/255"},
    };
    static const char *const bad[] = {"",
                                      "tile",
                                      "tile/",
                                      "tile/0",
                                      "tile/0/",
                                      "tile/0/0",
                                      "tile/0/00",
                                      "tile/0/0000",
                                      "tile/00/000",
                                      "tile/64/000",
                                      "tile/0/x000/000",
                                      "tile/0/x001",
                                      "tile/0/001/002",
                                      "tile/0/000.p",
                                      "tile/0/000.p/",
                                      "tile/0/000.p/0",
                                      "tile/0/000.p/256",
                                      "tile/0/000.p/01",
                                      "tile/0/000.p/1/2",
                                      "tile/0/x018/x446/x744/x073/x709/x551/616",
                                      "tile/entries/",
                                      "tile/entry/000",
                                      "tile/0/000/",
                                      "//tile/0/000",
                                      "tile/0/-01",
                                      "tile/0/x001/x234/067 "};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        char text[TILE_PATH_SIZE];
        struct tile_address address;
        check_str(tile_path(good[i].address, text), good[i].text);
        assert_true(tile_path_parse(str_of(good[i].text), &address));
        assert_true(address.entries == good[i].address.entries && address.level == good[i].address.level && address.index == good[i].address.index &&
                    address.width == good[i].address.width);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct tile_address address;
        if (tile_path_parse(str_of(bad[i]), &address))
            fail_msg("<%s> was taken for a tile", bad[i]);
    }
}

static void tile_widths_are_those_of_the_specification(void **state)
{
    (void)state;
    assert_int_equal(tile_width_at(70000, 0, 272), 256);
    assert_int_equal(tile_width_at(70000, 0, 273), 112);
    assert_int_equal(tile_width_at(70000, 0, 274), 0);
    assert_int_equal(tile_width_at(70000, 1, 0), 256);
    assert_int_equal(tile_width_at(70000, 1, 1), 17);
    assert_int_equal(tile_width_at(70000, 2, 0), 1);
    assert_int_equal(tile_width_at(256, 1, 0), 1);
    assert_int_equal(tile_width_at(255, 1, 0), 0);
    assert_int_equal(tile_width_at(0, 0, 0), 0);
    assert_int_equal(tile_width_at(UINT64_MAX, 7, 0), 255);
}

static void bundles_give_back_what_was_put_in(void **state)
{
    (void)state;
    struct arena arena;
    struct buf bundle;
    str entry;
    arena_init(&arena);
    buf_init(&bundle, &arena, 1 << 20);
    char *large = arena_alloc(&arena, TILE_ENTRY_BYTES_MAX);
    bundle_add(&bundle, STR(""));
    bundle_add(&bundle, STR("one"));
    bundle_add(&bundle, str_bytes(large, TILE_ENTRY_BYTES_MAX));
    str rest = buf_str(&bundle);
    assert_true(bundle_next(&rest, &entry) && entry.length == 0);
    assert_true(bundle_next(&rest, &entry));
    check_str(entry, "one");
    assert_true(bundle_next(&rest, &entry) && entry.length == TILE_ENTRY_BYTES_MAX);
    assert_false(bundle_next(&rest, &entry));
    assert_int_equal(rest.length, 0);
    rest = str_bytes("\0\5four", 6);
    assert_false(bundle_next(&rest, &entry));
    assert_int_equal(rest.length, 6);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots_are_the_published_ones),
        cmocka_unit_test(inclusion_paths_are_the_published_ones),
        cmocka_unit_test(consistency_paths_are_the_published_ones),
        cmocka_unit_test(every_leaf_of_every_small_tree_is_proven_and_nothing_else),
        cmocka_unit_test(every_small_tree_grows_from_every_smaller_one),
        cmocka_unit_test(proofs_of_a_large_tree_come_from_few_tiles),
        cmocka_unit_test(a_missing_tile_is_an_error_and_a_leaf_outside_is_refused),
        cmocka_unit_test(tile_addresses_have_one_text_each),
        cmocka_unit_test(tile_widths_are_those_of_the_specification),
        cmocka_unit_test(bundles_give_back_what_was_put_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
