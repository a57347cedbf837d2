/* The ledger as it is read over HTTP: tree head, proofs, tiles and entry bundles (C2SP tlog-tiles). */
#include "engine/engine_private.h"
#include "evidence/tiles.h"

const struct err *engine_checkpoint(struct engine *engine, struct arena *arena, str *ret_note)
{
    return ledger_checkpoint(engine->ledger, arena, ret_note);
}

str engine_verifier_key(struct engine *engine) { return ledger_verifier(engine->ledger); }

static const struct err *beyond(struct arena *arena, const char *what, uint64_t number, uint64_t size)
{
    return err_new(arena, ERR_NOT_FOUND, "%s %llu: the ledger has %llu entries", what, (unsigned long long)number, (unsigned long long)size);
}

static void path_write(struct arena *arena, struct jsonw *w, const struct merkle_path *path)
{
    jsonw_key(w, STR("path"));
    jsonw_array(w);
    vec_each (hash, path)
        jsonw_string(w, str_base64(arena, hash->bytes, sizeof hash->bytes));
    jsonw_array_end(w);
}

static void hash_write(struct arena *arena, struct jsonw *w, const char *name, const struct hash *hash)
{
    jsonw_field(w, name, str_base64(arena, hash->bytes, sizeof hash->bytes));
}

/* What merkle.h says when a tile is missing is less than what the store said. */
static const struct err *better(const struct ledger_tiles *tiles, const struct err *error) { return error && tiles->error ? tiles->error : error; }

/* The leaf hash out of its tile. */
static const struct err *leaf_hash(const struct ledger_tiles *tiles, uint64_t index, struct hash *ret)
{
    struct hash hashes[MERKLE_TILE_WIDTH];
    unsigned width = (unsigned)(index % MERKLE_TILE_WIDTH) + 1;
    TRY(tiles->ops->tile(tiles->session, tiles->arena, 0, index / MERKLE_TILE_WIDTH, width, (uint8_t *)hashes));
    *ret = hashes[width - 1];
    return NULL;
}

const struct err *engine_inclusion(struct reader *reader, struct arena *arena, uint64_t index, uint64_t size, str *ret_json)
{
    struct ledger *ledger = reader->engine->ledger;
    uint64_t now = ledger_size(ledger);
    if (size == 0)
        size = now;
    if (size > now)
        return beyond(arena, "size", size, now);
    if (index >= size)
        return beyond(arena, "entry", index, size);
    struct ledger_tiles tiles = {.ops = engine_store(reader->engine), .session = reader->session, .arena = arena};
    struct merkle_tiles hashes = ledger_tiles(&tiles);
    struct tlog_proof proof = {.index = index};
    struct hash leaf, root;
    TRY(better(&tiles, merkle_inclusion_proof(arena, &hashes, index, size, &proof.path)));
    TRY(better(&tiles, merkle_root_at(arena, &hashes, size, &root)));
    TRY(leaf_hash(&tiles, index, &leaf));
    proof.checkpoint = ledger_checkpoint_at(ledger, arena, size, &root);

    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, 64 * 1024);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_int(&w, "index", (int64_t)index);
    jsonw_field_int(&w, "size", (int64_t)size);
    hash_write(arena, &w, "leaf_hash", &leaf);
    hash_write(arena, &w, "root", &root);
    path_write(arena, &w, &proof.path);
    jsonw_field(&w, "checkpoint", proof.checkpoint);
    jsonw_field(&w, "proof", tlog_proof_make(arena, &proof));
    jsonw_object_end(&w);
    ASSERT(!buf.overflow);
    *ret_json = buf_str(&buf);
    return NULL;
}

const struct err *engine_consistency(struct reader *reader, struct arena *arena, uint64_t from, uint64_t to, str *ret_json)
{
    struct ledger *ledger = reader->engine->ledger;
    uint64_t now = ledger_size(ledger);
    if (to == 0)
        to = now;
    if (to > now)
        return beyond(arena, "size", to, now);
    if (from > to)
        return err_new(arena, ERR_INVALID, "`from` must not be above `to`");
    struct ledger_tiles tiles = {.ops = engine_store(reader->engine), .session = reader->session, .arena = arena};
    struct merkle_tiles hashes = ledger_tiles(&tiles);
    struct merkle_path path = {0};
    struct hash from_root, to_root;
    TRY(better(&tiles, merkle_consistency_proof(arena, &hashes, from, to, &path)));
    TRY(better(&tiles, merkle_root_at(arena, &hashes, from, &from_root)));
    TRY(better(&tiles, merkle_root_at(arena, &hashes, to, &to_root)));

    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, 64 * 1024);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_int(&w, "from", (int64_t)from);
    jsonw_field_int(&w, "to", (int64_t)to);
    hash_write(arena, &w, "from_root", &from_root);
    hash_write(arena, &w, "to_root", &to_root);
    path_write(arena, &w, &path);
    jsonw_field(&w, "checkpoint", ledger_checkpoint_at(ledger, arena, to, &to_root));
    jsonw_object_end(&w);
    ASSERT(!buf.overflow);
    *ret_json = buf_str(&buf);
    return NULL;
}

const struct err *engine_tile(struct reader *reader, struct arena *arena, unsigned level, uint64_t index, unsigned width, str *ret_bytes,
                              bool *ret_found)
{
    *ret_found = false;
    if (level > TILE_LEVEL_MAX || width == 0 || width > MERKLE_TILE_WIDTH || tile_width_at(ledger_size(reader->engine->ledger), level, index) < width)
        return NULL;
    struct hash *hashes = arena_array(arena, struct hash, width);
    TRY(engine_store(reader->engine)->tile(reader->session, arena, level, index, width, (uint8_t *)hashes));
    *ret_bytes = str_bytes(hashes, width * sizeof *hashes);
    *ret_found = true;
    return NULL;
}

struct bundle {
    struct buf bytes;
    uint64_t next;
    unsigned left;
};

static bool bundle_take(void *context, const void *row)
{
    struct bundle *bundle = context;
    const struct ledger_row *entry = row;
    if (bundle->left == 0 || entry->index != bundle->next)
        return false;
    bundle_add(&bundle->bytes, entry->entry);
    bundle->next++;
    bundle->left--;
    return bundle->left > 0;
}

const struct err *engine_entries(struct reader *reader, struct arena *arena, uint64_t index, unsigned width, str *ret_bytes, bool *ret_found)
{
    *ret_found = false;
    if (width == 0 || width > MERKLE_TILE_WIDTH || tile_width_at(ledger_size(reader->engine->ledger), 0, index) < width)
        return NULL;
    struct bundle bundle = {.next = index * MERKLE_TILE_WIDTH, .left = width};
    buf_init(&bundle.bytes, arena, (size_t)MERKLE_TILE_WIDTH * (TILE_ENTRY_BYTES_MAX + 2));
    TRY(engine_store(reader->engine)->ledger(reader->session, arena, bundle.next, bundle.next + width - 1, bundle_take, &bundle));
    if (bundle.left)
        return err_new(arena, ERR_IO, "entry %llu is missing from the ledger", (unsigned long long)bundle.next);
    *ret_bytes = buf_str(&bundle.bytes);
    *ret_found = true;
    return NULL;
}
