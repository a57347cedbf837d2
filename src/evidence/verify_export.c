/* Verification of an exported directory; verify.h lists its files.
 *
 * The tree is checked from its root downwards. The root at the checkpoint's size is computed from the topmost tiles there are (a tile
 * that is missing is worked out from the ones below it), then each full tile must hash to its place in the tile above. So whichever
 * tiles are there, each is tied to the signed root, and memory stays that of a few tiles. */
#include "evidence/verify_private.h"

#include "evidence/tiles.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 12
#define LEVELS 8

struct tile_file {
    struct tile_address address;
    const char *path;
    str name;
    bool linked; /* its hashes went into the computing of the root */
};
typedef VEC(struct tile_file) tile_files;

struct cached_tile { /* of each level the last one read whole: neighbours are asked for one after the other */
    bool known;
    uint64_t index;
    unsigned width;
    struct hash hashes[MERKLE_TILE_WIDTH];
};
struct export
{
    struct verifier *verifier;
    const char *directory;
    tile_files files; /* sorted */
    struct cached_tile *cache; /* a level each */
    struct merkle_tiles tiles;
    bool root_holds;
};

/* ---- finding files ---- */

static int name_compare(const void *left, const void *right)
{
    const char *const *a = left, *const *b = right;
    return strcmp(*a, *b);
}

verifier_names verifier_folder(struct verifier *verifier, const char *path, str name)
{
    verifier_names found = {0};
    DIR *folder = opendir(path);
    if (!folder) {
        if (errno != ENOENT)
            verifier_finding(verifier, false, name, "folder", "it cannot be read");
        return found;
    }
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            *vec_push(verifier->arena, &found) = arena_printf(verifier->arena, "%s", entry->d_name);
    (void)closedir(folder); /* only read */
    if (found.count > 1)
        qsort(found.items, found.count, sizeof(*found.items), name_compare);
    return found;
}

static void tiles_collect(struct export *export, const char *path, str name, int depth)
{
    struct verifier *verifier = export->verifier;
    verifier_names found = verifier_folder(verifier, path, name);
    vec_each (entry, &found) {
        const char *inner = arena_printf(verifier->arena, "%s/%s", path, *entry);
        str inner_name = str_printf(verifier->arena, "%.*s/%s", STR_FMT(name), *entry);
        struct stat stat;
        struct tile_address address;
        if (lstat(inner, &stat) == 0 && S_ISDIR(stat.st_mode) && depth < DEPTH_MAX) {
            tiles_collect(export, inner, inner_name, depth + 1);
        } else if (tile_path_parse(inner_name, &address) && (address.entries || address.level < LEVELS)) {
            *vec_push(verifier->arena, &export->files) = (struct tile_file){.address = address, .path = inner, .name = inner_name};
        } else {
            verifier_finding(verifier, false, inner_name, "tile", "no tile has that name");
        }
    }
}

/* Entries last; within a level by index, full tiles first. */
static int tile_compare(const void *left, const void *right)
{
    const struct tile_address *a = &((const struct tile_file *)left)->address, *b = &((const struct tile_file *)right)->address;
    if (a->entries != b->entries)
        return a->entries ? 1 : -1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    return a->width > b->width ? -1 : a->width < b->width;
}

/* The widest file of a tile; NULL when there is none. */
static struct tile_file *tile_find(struct export *export, unsigned level, uint64_t index)
{
    size_t from = 0, to = export->files.count;
    struct tile_file wanted = {.address = {.level = level, .index = index, .width = TILE_WIDTH_FULL}};
    while (from < to) { /* the first that does not come before it */
        size_t middle = from + (to - from) / 2;
        if (tile_compare(&export->files.items[middle], &wanted) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == export->files.count)
        return NULL;
    struct tile_file *file = &export->files.items[from];
    return !file->address.entries && file->address.level == level && file->address.index == index ? file : NULL;
}

/* ---- tiles ---- */

/* The hashes in a file; false when it has not as many bytes as its name says. */
static bool tile_file_read(struct export *export, const struct tile_file *file, struct hash ret[MERKLE_TILE_WIDTH])
{
    struct verifier *verifier = export->verifier;
    struct arena arena;
    str content;
    struct stat stat;
    size_t size = file->address.width * sizeof(struct hash);
    if (lstat(file->path, &stat) != 0 || !S_ISREG(stat.st_mode) || (size_t)stat.st_size != size)
        return false; /* verify_tile finds it, too, and says so */
    arena_init(&arena);
    bool fine = verifier_file(verifier, &arena, file->path, file->name, &content) && content.length == size;
    if (fine)
        memcpy(ret, content.data, size);
    arena_release(&arena);
    return fine;
}

static bool tile_read(void *context, unsigned level, uint64_t index, unsigned width, struct hash *ret);

/* A tile that no file has: each of its hashes is the root of a full tile below. */
static bool tile_compute(struct export *export, unsigned level, uint64_t index, unsigned width, struct hash *ret)
{
    struct hash below[MERKLE_TILE_WIDTH];
    for (unsigned i = 0; i < width; i++) {
        if (level == 0 || !tile_read(export, level - 1, index * MERKLE_TILE_WIDTH + i, MERKLE_TILE_WIDTH, below))
            return false;
        merkle_root_of(below, MERKLE_TILE_WIDTH, &ret[i]);
    }
    return true;
}

static bool tile_read(void *context, unsigned level, uint64_t index, unsigned width, struct hash *ret)
{
    struct export *export = context;
    if (level >= LEVELS)
        return false;
    struct cached_tile *cached = &export->cache[level];
    if (!cached->known || cached->index != index || cached->width < width) {
        struct tile_file *file = tile_find(export, level, index);
        struct hash hashes[MERKLE_TILE_WIDTH];
        bool from_file = file && file->address.width >= width;
        if (from_file ? !tile_file_read(export, file, hashes) : !tile_compute(export, level, index, width, hashes))
            return false;
        if (from_file && !export->root_holds)
            file->linked = true;
        cached->known = true;
        cached->index = index;
        cached->width = from_file ? file->address.width : width;
        memcpy(cached->hashes, hashes, cached->width * sizeof(struct hash));
    }
    memcpy(ret, cached->hashes, width * sizeof(struct hash));
    return true;
}

static void verify_root(struct export *export)
{
    struct verifier *verifier = export->verifier;
    struct hash root;
    str name = STR("tile");
    const struct err *err = merkle_root_at(&verifier->work, &export->tiles, verifier->checkpoint.size, &root);
    if (err) {
        verifier_finding(verifier, false, name, "root", "%s, so the root cannot be computed", err->text);
    } else if (!hash_equal(&root, &verifier->checkpoint.root)) {
        verifier_finding(verifier, false, name, "root", "the tiles have another root than the checkpoint of %llu entries",
                         (unsigned long long)verifier->checkpoint.size);
    } else {
        export->root_holds = true;
        verifier_finding(verifier, true, name, "root", "the tiles have the checkpoint's root");
    }
    arena_clear(&verifier->work);
}

/* A partial tile is the beginning of the widest there is. */
static void verify_tile_partial(struct export *export, const struct tile_file *file, const struct hash *hashes)
{
    struct tile_address address = file->address;
    struct hash whole[MERKLE_TILE_WIDTH];
    if (!tile_read(export, address.level, address.index, address.width, whole))
        verifier_finding(export->verifier, false, file->name, "tile", "there is nothing to compare it with");
    else if (memcmp(whole, hashes, address.width * sizeof(struct hash)) != 0)
        verifier_finding(export->verifier, false, file->name, "tile", "it is not the beginning of the wider tile beside it");
    else
        verifier_finding(export->verifier, true, file->name, "tile", "%u hashes, the beginning of the wider tile", address.width);
}

static void verify_tile(struct export *export, const struct tile_file *file)
{
    struct verifier *verifier = export->verifier;
    struct tile_address address = file->address;
    struct hash hashes[MERKLE_TILE_WIDTH], root, above[MERKLE_TILE_WIDTH];
    unsigned place = (unsigned)(address.index % MERKLE_TILE_WIDTH);
    if (tile_width_at(verifier->checkpoint.size, address.level, address.index) < address.width) {
        verifier_finding(verifier, false, file->name, "tile", "it lies beyond the checkpoint's tree");
    } else if (!tile_file_read(export, file, hashes)) {
        verifier_finding(verifier, false, file->name, "tile", "it cannot be read or does not have %u hashes", address.width);
    } else if (tile_find(export, address.level, address.index) != file) {
        verify_tile_partial(export, file, hashes);
    } else if (address.width == MERKLE_TILE_WIDTH && address.level + 1 < LEVELS &&
               tile_read(export, address.level + 1, address.index / MERKLE_TILE_WIDTH, place + 1, above)) {
        merkle_root_of(hashes, MERKLE_TILE_WIDTH, &root);
        bool same = hash_equal(&root, &above[place]);
        verifier_finding(verifier, same, file->name, "tile",
                         same ? "it hashes to its place in the tile above" : "it does not hash to its place in the tile above");
    } else if (file->linked && export->root_holds) {
        verifier_finding(verifier, true, file->name, "tile", "%u hashes under the root", address.width);
    } else {
        verifier_finding(verifier, false, file->name, "tile", "nothing ties it to the root");
    }
}

/* ---- entries ---- */

/* Each entry of a bundle must hash to its leaf; the number of the first that does not comes back, or `width` when all do. */
static unsigned bundle_compare(str bundle, const struct hash *leaves, unsigned width)
{
    str entry;
    unsigned i = 0;
    while (i < width && bundle_next(&bundle, &entry)) {
        struct hash leaf;
        merkle_leaf(entry, &leaf);
        if (!hash_equal(&leaf, &leaves[i]))
            return i;
        i++;
    }
    return i == width && bundle.length > 0 ? width + 1 : i;
}

/* To verify_content.c, which knows what should be here. */
static void bundle_tell(struct export *export, uint64_t tile, str bundle)
{
    str entry;
    for (uint64_t index = tile * MERKLE_TILE_WIDTH; bundle_next(&bundle, &entry); index++)
        content_entry(export->verifier, index, entry);
}

static void verify_bundle(struct export *export, const struct tile_file *file)
{
    struct verifier *verifier = export->verifier;
    struct tile_address address = file->address;
    struct hash leaves[MERKLE_TILE_WIDTH];
    str bundle;
    if (tile_width_at(verifier->checkpoint.size, 0, address.index) < address.width) {
        verifier_finding(verifier, false, file->name, "entries", "they lie beyond the checkpoint's tree");
    } else if (!tile_read(export, 0, address.index, address.width, leaves)) {
        verifier_finding(verifier, false, file->name, "entries", "the tile with their leaves is missing or damaged");
    } else if (verifier_file(verifier, &verifier->work, file->path, file->name, &bundle)) {
        unsigned fine = bundle_compare(bundle, leaves, address.width);
        if (fine > address.width)
            verifier_finding(verifier, false, file->name, "entries", "there is something after the last entry");
        else if (fine < address.width)
            verifier_finding(verifier, false, file->name, "entries", "entry %llu is missing or does not hash to its leaf",
                             (unsigned long long)address.index * MERKLE_TILE_WIDTH + fine);
        else {
            verifier_finding(verifier, true, file->name, "entries", "%u entries hash to their leaves", address.width);
            bundle_tell(export, address.index, bundle);
        }
    }
    arena_clear(&verifier->work);
}

/* ---- what else is there ---- */

static void verify_earlier(struct export *export, str name, str text)
{
    struct verifier *verifier = export->verifier;
    struct checkpoint earlier;
    struct hash root;
    if (!verifier_checkpoint(verifier, name, text, &earlier) || !verifier->checkpoint_known)
        return;
    if (!str_equal(earlier.origin, verifier->checkpoint.origin)) {
        verifier_finding(verifier, false, name, "consistency", "it is of another ledger");
    } else if (earlier.size > verifier->checkpoint.size) {
        verifier_finding(verifier, false, name, "consistency", "it has %llu entries, more than the present tree", (unsigned long long)earlier.size);
    } else if (merkle_root_at(&verifier->work, &export->tiles, earlier.size, &root)) {
        verifier_finding(verifier, false, name, "consistency", "the tiles that its root is made of are missing");
    } else if (!hash_equal(&root, &earlier.root)) {
        verifier_finding(verifier, false, name, "consistency", "the present tree does not begin with it: the ledger was rewritten");
    } else {
        verifier_finding(verifier, export->root_holds, name, "consistency",
                         export->root_holds ? "the present tree begins with it" : "the tiles that it was compared with do not hold");
    }
}

static void verify_folder(struct export *export, const char *folder, void (*check)(struct export *, str name, str text))
{
    struct verifier *verifier = export->verifier;
    verifier_names found = verifier_folder(verifier, arena_printf(verifier->arena, "%s/%s", export->directory, folder), str_of(folder));
    vec_each (entry, &found) {
        struct arena file;
        str text, name = str_printf(verifier->arena, "%s/%s", folder, *entry);
        arena_init(&file);
        if (verifier_file(verifier, &file, arena_printf(verifier->arena, "%s/%s/%s", export->directory, folder, *entry), name, &text))
            check(export, name, text);
        arena_release(&file);
        arena_clear(&verifier->work);
    }
}

/* One document, or one a line. */
static void verify_any(struct export *export, str name, str text)
{
    if (!str_ends(name, STR(".ndjson"))) {
        verifier_text(export->verifier, name, text);
        return;
    }
    str line;
    for (unsigned number = 1; text.length > 0 && str_split(&text, '\n', &line); number++)
        verifier_text(export->verifier, str_printf(export->verifier->arena, "%.*s:%u", STR_FMT(name), number), line);
}

static void verify_tree(struct export *export)
{
    struct verifier *verifier = export->verifier;
    tiles_collect(export, arena_printf(verifier->arena, "%s/tile", export->directory), STR("tile"), 0);
    if (export->files.count > 1)
        qsort(export->files.items, export->files.count, sizeof(*export->files.items), tile_compare);
    if (!verifier->checkpoint_known || export->files.count == 0)
        return; /* the checkpoint's finding says it; a tree without tiles has only records with their own proofs */
    verify_root(export);
    vec_each (file, &export->files) {
        if (file->address.entries)
            verify_bundle(export, file);
        else
            verify_tile(export, file);
    }
}

/* A key was given: the one in the folder is not used, but whoever compares by eye should not be led astray by it. */
static void verify_key_beside(struct verifier *verifier, str name, str text)
{
    str line;
    unsigned known = 0, others = 0;
    while (text.length > 0 && str_split(&text, '\n', &line)) {
        struct note_key key;
        bool same = false;
        if (str_empty(str_trim(line)))
            continue;
        if (!note_verifier_parse(verifier->arena, str_trim(line), &key))
            for (size_t i = 0; i < verifier->key_count; i++)
                same |= str_equal(key.name, verifier->keys[i].name) && memcmp(key.public_key, verifier->keys[i].public_key, sizeof(key.public_key)) == 0;
        known += same;
        others += !same;
    }
    if (!known)
        verifier_finding(verifier, false, name, "key", "it is not the key that you trust");
    else if (others)
        verifier_note(verifier, name, "key", "it is the key that you trust, and %u more, which were not used", others);
    else
        verifier_finding(verifier, true, name, "key", "it is the key that you trust");
}

void verify_export(struct verifier *verifier, const char *directory)
{
    struct export export = {.verifier = verifier, .directory = directory};
    str text, name = STR("key.pub");
    export.tiles = (struct merkle_tiles){.context = &export, .tile = tile_read};
    export.cache = arena_alloc(verifier->arena, LEVELS * sizeof(*export.cache));
    const char *key_path = arena_printf(verifier->arena, "%s/key.pub", directory);
    if (verifier->key_count == 0 && verifier_file(verifier, verifier->arena, key_path, name, &text))
        verifier_keys(verifier, name, text);
    else if (verifier->key_count > 0 && access(key_path, F_OK) == 0 && verifier_file(verifier, verifier->arena, key_path, name, &text))
        verify_key_beside(verifier, name, text);
    name = STR("checkpoint");
    if (verifier_file(verifier, verifier->arena, arena_printf(verifier->arena, "%s/checkpoint", directory), name, &text)) {
        struct checkpoint shown;
        verifier->checkpoint_known = verifier_checkpoint(verifier, name, text, &shown) &&
                                     !checkpoint_verify(verifier->arena, text, verifier->keys, verifier->key_count, &verifier->checkpoint);
    }
    arena_clear(&verifier->work);
    content_begin(verifier, directory, verify_manifest(verifier, directory));
    verify_tree(&export);
    verify_folder(&export, "checkpoints", verify_earlier);
    verify_folder(&export, "receipts", verify_any);
    verify_folder(&export, "records", verify_any);
    content_end(verifier, export.root_holds || (verifier->checkpoint_known && verifier->checkpoint.size == 0));
}
