/* The ledger within the engine: entries of a commit, the frontier, the signed tree head. */
#include "engine/ledger.h"

#include "base/time.h"
#include "engine/files_private.h"
#include "engine/record_pack.h"
#include "evidence/seal.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ORIGIN_SETTING STR("ledger.origin")

struct ledger {
    struct arena arena; /* the process's lifetime: origin, key */
    struct store *store;
    struct vault *vault;
    str origin;
    struct note_key key;
    str verifier;
    pthread_mutex_t lock; /* over the next three */
    struct merkle_frontier frontier;
    char *note; /* checkpoint of note_size leaves; NULL: none signed yet */
    size_t note_length;
    uint64_t note_size;
    pthread_mutex_t proof_lock; /* over the session */
    struct store_session *session;
};

/* --- reading the tree */

struct row_wanted {
    struct arena *arena;
    uint64_t index;
    struct ledger_row *row;
    bool found;
};

static bool row_take(void *context, const void *row)
{
    struct row_wanted *wanted = context;
    const struct ledger_row *from = row;
    if (from->index != wanted->index)
        return from->index < wanted->index;
    *wanted->row = *from;
    wanted->row->entry = str_copy(wanted->arena, from->entry);
    wanted->row->record_sealed = str_copy(wanted->arena, from->record_sealed);
    wanted->found = true;
    return false;
}

const struct err *ledger_row_get(const struct store_ops *ops, struct store_session *session, struct arena *arena, uint64_t index,
                                 struct ledger_row *ret_row, bool *ret_found)
{
    struct ledger_row row = {0};
    struct row_wanted wanted = {.arena = arena, .index = index, .row = &row};
    TRY(ops->ledger(session, arena, index, index, row_take, &wanted));
    *ret_found = wanted.found;
    if (wanted.found)
        *ret_row = row;
    return NULL;
}

static bool tile_read(void *context, unsigned level, uint64_t index, unsigned width, struct hash *ret_hashes)
{
    struct ledger_tiles *tiles = context;
    _Static_assert(sizeof(struct hash) == 32, "hashes lie one after the other");
    const struct err *error = tiles->ops->tile(tiles->session, tiles->arena, level, index, width, (uint8_t *)ret_hashes);
    if (error)
        tiles->error = error;
    return !error;
}

struct merkle_tiles ledger_tiles(struct ledger_tiles *tiles) { return (struct merkle_tiles){.context = tiles, .tile = tile_read}; }

/* How many rows there are: as the store says, or, where it does not count them, by doubling and halving, for rows are dense. */
static const struct err *ledger_count(const struct store_ops *ops, struct store_session *session, struct arena *arena, uint64_t *ret_size)
{
    struct ledger_row row;
    struct store_totals totals = {0};
    uint64_t below = 0, above = 1; /* row below - 1 is there, row above - 1 is not */
    bool found;
    TRY(ops->totals(session, arena, true, &totals));
    if (totals.ledger) {
        *ret_size = totals.ledger;
        return NULL;
    }
    for (;; above *= 2) {
        TRY(ledger_row_get(ops, session, arena, above - 1, &row, &found));
        if (!found)
            break;
        below = above;
        ASSERT(above < UINT64_MAX / 4);
    }
    while (above - below > 1) {
        uint64_t middle = below + (above - below) / 2;
        TRY(ledger_row_get(ops, session, arena, middle - 1, &row, &found));
        if (found)
            below = middle;
        else
            above = middle;
    }
    *ret_size = below;
    return NULL;
}

/* --- opening */

static const struct err *origin_find(struct arena *arena, struct ledger *ledger, struct store_session *writing)
{
    const struct store_ops *ops = ledger->store->ops;
    str origin = STR_NONE;
    TRY(ops->setting(writing, arena, ORIGIN_SETTING, &origin));
    if (origin.data) {
        ledger->origin = str_copy(&ledger->arena, origin);
        return NULL;
    }
    const char *named = getenv("TELOS_LEDGER_ORIGIN");
    if (named && *named) {
        if (!note_name_allowed(str_of(named)))
            return err_new(arena, ERR_INVALID, "TELOS_LEDGER_ORIGIN: an origin has no spaces, no control characters and no `+`, as in "
                                               "shop.example/telos");
        ledger->origin = str_copy(&ledger->arena, str_of(named));
    } else {
        struct vault_status status;
        TRY(vault_status(arena, ledger->vault, &status));
        ledger->origin = str_printf(&ledger->arena, "telos/%.*s", STR_FMT(str_hex(arena, status.vault_id, sizeof status.vault_id)));
    }
    __typeof__(*((struct save *)0)->settings) setting = {.key = ORIGIN_SETTING, .value = ledger->origin};
    struct save save = {.settings = &setting, .setting_count = 1};
    return ops->save(writing, arena, &save);
}

static const struct err *key_write(struct arena *arena, const struct ledger *ledger, const char *data)
{
    const char *folder = files_join(arena, data, "keys");
    const char *path = files_join(arena, folder, "verifier.pub");
    str text = str_printf(arena, "%.*s\n", STR_FMT(ledger->verifier));
    str present = STR_NONE;
    const struct err *missing = files_read(arena, path, 4096, &present);
    if (!missing && str_equal(present, text))
        return NULL;
    TRY(files_folder(arena, folder, 0700));
    return files_write(arena, path, text, 0644);
}

static const struct err *opened(struct arena *arena, struct ledger *ledger, struct store_session *writing, const char *data)
{
    const struct store_ops *ops = ledger->store->ops;
    TRY(origin_find(arena, ledger, writing));
    uint8_t seed[32];
    vault_signing_seed(ledger->vault, seed);
    const struct err *error = note_key_from_seed(&ledger->arena, ledger->origin, seed, &ledger->key);
    sodium_memzero(seed, sizeof seed);
    if (error)
        return error;
    ledger->verifier = note_verifier_text(&ledger->arena, &ledger->key);
    TRY(key_write(arena, ledger, data));
    uint64_t size = 0;
    TRY(ledger_count(ops, writing, arena, &size));
    struct ledger_tiles tiles = {.ops = ops, .session = writing, .arena = arena};
    struct merkle_tiles reader = ledger_tiles(&tiles);
    error = merkle_frontier_at(arena, &reader, size, &ledger->frontier);
    if (error)
        return err_wrap(arena, tiles.error ? tiles.error : error,
                        "the ledger is damaged near its end, so nothing can be added to it; restore a backup");
    return ops->session(ledger->store, &ledger->arena, false, &ledger->session);
}

const struct err *ledger_open(struct arena *arena, struct store *store, struct store_session *writing, struct vault *vault, const char *data,
                              struct ledger **ret_ledger)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    ASSERT(ledger);
    arena_init(&ledger->arena);
    ledger->store = store;
    ledger->vault = vault;
    ASSERT(pthread_mutex_init(&ledger->lock, NULL) == 0);
    ASSERT(pthread_mutex_init(&ledger->proof_lock, NULL) == 0);
    merkle_frontier_init(&ledger->frontier);
    const struct err *error = opened(arena, ledger, writing, data);
    if (error) {
        error = err_new(arena, error->code, "%s", error->text); /* it may lie in the ledger's own arena */
        ledger_close(ledger);
        return error;
    }
    *ret_ledger = ledger;
    return NULL;
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    if (ledger->session)
        ledger->store->ops->session_close(ledger->session);
    note_key_clear(&ledger->key);
    pthread_mutex_destroy(&ledger->lock);
    pthread_mutex_destroy(&ledger->proof_lock);
    free(ledger->note);
    arena_release(&ledger->arena);
    free(ledger);
}

/* --- salts and records */

/* SHA-256 of key and label. Both have a fixed length, so nothing can be appended; and it costs a third of an HMAC, once a message. */
void ledger_salt(const uint8_t evidence_key[32], uint64_t index, uint64_t place, uint8_t ret_salt[32])
{
    uint8_t bytes[64] = {0};
    static const char label[16] = "telos-salt-v1";
    memcpy(bytes, evidence_key, 32);
    memcpy(bytes + 32, label, sizeof label);
    for (unsigned i = 0; i < 8; i++) {
        bytes[48 + i] = (uint8_t)(index >> (8 * i));
        bytes[56 + i] = (uint8_t)(place >> (8 * i));
    }
    struct hash made;
    hash_sha256(str_bytes(bytes, sizeof bytes), &made);
    memcpy(ret_salt, made.bytes, 32);
    sodium_memzero(bytes, 32);
}

void ledger_sub_leaf(const uint8_t salt[32], str record, struct hash *ret_leaf)
{
    struct hash committed;
    commitment(salt, record, &committed);
    merkle_leaf(str_bytes(committed.bytes, sizeof committed.bytes), ret_leaf);
}

void ledger_nobody(struct vault *vault, uint8_t ret_key[32]) { vault_derive(vault, STR("decision-salt"), ret_key); }

str ledger_read_record(struct arena *arena, const struct read_row *row)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, 4096);
    jsonw_init(&w, &buf);
    jsonw_object(&w); /* keys sorted, so that it is canonical */
    jsonw_field_time(&w, "at", row->at_ms);
    jsonw_field(&w, "purpose", row->purpose);
    jsonw_key(&w, STR("token"));
    jsonw_uuid(&w, row->token);
    jsonw_field(&w, "what", row->what);
    jsonw_object_end(&w);
    ASSERT(!buf.overflow);
    return buf_str(&buf);
}

static str record_aad(uint64_t index, char ret_text[40])
{
    int length = snprintf(ret_text, 40, "ledger:%llu", (unsigned long long)index);
    return str_bytes(ret_text, (size_t)length);
}

str ledger_record_seal(struct arena *arena, const uint8_t evidence_key[32], uint64_t index, str record)
{
    char aad[40];
    str packed = record_pack(arena, record);
    size_t size = seal_size(packed.length);
    uint8_t *out = arena_alloc_raw(arena, size);
    seal(evidence_key, record_aad(index, aad), packed, out);
    return str_bytes(out, size);
}

bool ledger_record_open(struct arena *arena, const uint8_t evidence_key[32], uint64_t index, str sealed, str *ret_record)
{
    char aad[40];
    if (sealed.length < SEAL_OVERHEAD)
        return false;
    size_t size = sealed.length - SEAL_OVERHEAD;
    uint8_t *out = arena_alloc_raw(arena, size + 1);
    if (!seal_open(evidence_key, record_aad(index, aad), sealed, out))
        return false;
    return record_unpack(arena, str_bytes(out, size), ret_record);
}

/* --- a commit's entries */

void ledger_begin(struct ledger *ledger, struct arena *arena, struct save *save, int64_t now_ms, struct ledger_draft *ret_draft)
{
    *ret_draft = (struct ledger_draft){.ledger = ledger, .arena = arena, .save = save, .now_ms = now_ms};
    pthread_mutex_lock(&ledger->lock);
    ret_draft->frontier = ledger->frontier;
    pthread_mutex_unlock(&ledger->lock);
}

/* Adds the entry; the row is good until the next one is added. */
static struct ledger_row *entry_add(struct ledger_draft *draft, str entry)
{
    struct hash leaf;
    merkle_leaf(entry, &leaf);
    struct ledger_row *row = vec_push(draft->arena, &draft->save->ledger);
    row->index = draft->frontier.size;
    row->entry = entry;
    memcpy(row->leaf_hash, leaf.bytes, sizeof row->leaf_hash);
    merkle_frontier_append(&draft->frontier, &leaf);
    return row;
}

/* `*ret_live` false: the keys are destroyed; what is committed to under a key that nobody has says only that something was done. */
static const struct err *evidence_key(struct ledger_draft *draft, profile_no profile, uint8_t ret_key[32], bool *ret_live)
{
    if (profile.value == 0) {
        ledger_nobody(draft->ledger->vault, ret_key);
        *ret_live = true;
        return NULL;
    }
    switch (vault_key(draft->ledger->vault, profile, KEY_EVIDENCE, ret_key)) {
    case VAULT_LIVE: *ret_live = true; return NULL;
    case VAULT_DESTROYED:
        randombytes_buf(ret_key, 32);
        *ret_live = false;
        return NULL;
    case VAULT_ABSENT:
        return err_new(draft->arena, ERR_INTERNAL, "profile %llu has no keys yet; nothing was stored", (unsigned long long)profile.value);
    case VAULT_FAILED: break;
    }
    return err_new(draft->arena, ERR_UNAVAILABLE, "the key vault cannot be read; nothing was stored");
}

static const struct err *leaf_personal(struct ledger_draft *draft, const struct leaf *leaf)
{
    uint8_t key[32], salt[32];
    bool live = false;
    TRY(evidence_key(draft, leaf->profile, key, &live));
    uint64_t index = draft->frontier.size;
    ledger_salt(key, index, LEDGER_PLACE_ALONE, salt);
    str entry = entry_personal(draft->arena, leaf->kind, salt, leaf->record, draft->now_ms);
    struct ledger_row *row = entry_add(draft, entry);
    row->profile = leaf->profile;
    if (live)
        row->record_sealed = ledger_record_seal(draft->arena, key, index, leaf->record);
    if (leaf->consent) {
        leaf->consent->ledger_index = index;
        memcpy(leaf->consent->leaf_hash, row->leaf_hash, sizeof leaf->consent->leaf_hash);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(salt, sizeof salt);
    return NULL;
}

const struct err *ledger_clear(struct ledger_draft *draft, const char *kind, str record, uint64_t *ret_index)
{
    str entry = STR_NONE;
    TRY(entry_clear(draft->arena, kind, record, draft->now_ms, &entry));
    uint64_t index = draft->frontier.size;
    (void)entry_add(draft, entry); /* nothing lies beside it */
    *ret_index = index;
    return NULL;
}

const struct err *ledger_leaves(struct ledger_draft *draft, struct batch *batch)
{
    vec_each (leaf, &batch->leaves) {
        uint64_t index;
        if (leaf->profile.value)
            TRY(leaf_personal(draft, leaf));
        else
            TRY(ledger_clear(draft, leaf->kind, leaf->record, &index));
    }
    return NULL;
}

/* The sub-tree's entry; its leaves lie beside it where `keep` says so. */
static uint64_t batch_add(struct ledger_draft *draft, const char *kind, const struct hash *leaves, size_t count, bool keep)
{
    struct hash root;
    merkle_root_of(leaves, count, &root);
    struct ledger_row *row = entry_add(draft, entry_batch(draft->arena, kind, &root, count, draft->now_ms));
    if (keep)
        row->record_sealed = str_bytes(leaves, count * sizeof *leaves);
    return row->index;
}

const struct err *ledger_decisions(struct ledger_draft *draft, const struct batch *batch, struct batch_row *row)
{
    bool any = batch->released.count > 0;
    size_t count = batch->request_count + batch->released.count;
    for (size_t i = 0; i < batch->request_count && !any; i++)
        any = batch->requests[i].kind == REQUEST_MESSAGE;
    row->ledger_index = UINT64_MAX;
    row->decisions = STR_NONE;
    if (!any)
        return NULL;
    struct hash *leaves = arena_array(draft->arena, struct hash, count);
    uint8_t key[32], salt[32];
    for (size_t i = 0; i < count; i++) {
        struct released_decision said = {0};
        if (i >= batch->request_count)
            said = batch->released.items[i - batch->request_count];
        else if (batch->requests[i].kind == REQUEST_MESSAGE)
            said = (struct released_decision){batch->requests[i].result.decision, batch->requests[i].result.profile_no};
        bool live;
        TRY(evidence_key(draft, said.profile, key, &live));
        ledger_salt(key, draft->frontier.size, i, salt);
        ledger_sub_leaf(salt, said.decision, &leaves[i]);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(salt, sizeof salt);
    row->ledger_index = batch_add(draft, "decisions", leaves, count, false);
    row->decisions = str_bytes(leaves, count * sizeof *leaves);
    return NULL;
}

const struct err *ledger_reads(struct ledger_draft *draft, struct read_row *rows, size_t count)
{
    if (count == 0)
        return NULL;
    struct hash *leaves = arena_array(draft->arena, struct hash, count);
    uint8_t key[32], salt[32];
    for (size_t i = 0; i < count; i++) {
        bool live;
        TRY(evidence_key(draft, rows[i].profile, key, &live));
        ledger_salt(key, draft->frontier.size, 0, salt); /* a read row does not know its place: it is looked for among the leaves */
        ledger_sub_leaf(salt, ledger_read_record(draft->arena, &rows[i]), &leaves[i]);
    }
    sodium_memzero(key, sizeof key);
    sodium_memzero(salt, sizeof salt);
    uint64_t index = batch_add(draft, "reads", leaves, count, true);
    for (size_t i = 0; i < count; i++)
        rows[i].ledger_index = index;
    return NULL;
}

void ledger_committed(const struct ledger_draft *draft)
{
    struct ledger *ledger = draft->ledger;
    pthread_mutex_lock(&ledger->lock);
    if (draft->frontier.size > ledger->frontier.size) /* else other nodes' entries were followed meanwhile */
        ledger->frontier = draft->frontier;
    pthread_mutex_unlock(&ledger->lock);
}

void ledger_follow(struct ledger *ledger, const struct merkle_frontier *frontier)
{
    pthread_mutex_lock(&ledger->lock);
    if (frontier->size > ledger->frontier.size)
        ledger->frontier = *frontier;
    pthread_mutex_unlock(&ledger->lock);
}

void ledger_where(struct ledger *ledger, struct merkle_frontier *ret_frontier)
{
    pthread_mutex_lock(&ledger->lock);
    *ret_frontier = ledger->frontier;
    pthread_mutex_unlock(&ledger->lock);
}

/* --- the tree head */

uint64_t ledger_size(struct ledger *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    uint64_t size = ledger->frontier.size;
    pthread_mutex_unlock(&ledger->lock);
    return size;
}

str ledger_origin(const struct ledger *ledger) { return ledger->origin; }
const struct note_key *ledger_key(const struct ledger *ledger) { return &ledger->key; }
str ledger_verifier(const struct ledger *ledger) { return ledger->verifier; }

str ledger_checkpoint_at(struct ledger *ledger, struct arena *arena, uint64_t size, const struct hash *root)
{
    return checkpoint_make(arena, ledger->origin, size, root, &ledger->key);
}

const struct err *ledger_checkpoint(struct ledger *ledger, struct arena *arena, str *ret_note)
{
    pthread_mutex_lock(&ledger->lock);
    struct merkle_frontier frontier = ledger->frontier;
    str note = STR_NONE;
    if (ledger->note && ledger->note_size == frontier.size)
        note = str_copy(arena, str_bytes(ledger->note, ledger->note_length));
    pthread_mutex_unlock(&ledger->lock);
    if (!note.data) { /* signed outside the lock: the same text whoever does it, Ed25519 has no randomness */
        struct hash root;
        merkle_frontier_root(&frontier, &root);
        note = ledger_checkpoint_at(ledger, arena, frontier.size, &root);
        char *kept = malloc(note.length);
        ASSERT(kept);
        memcpy(kept, note.data, note.length);
        pthread_mutex_lock(&ledger->lock);
        if (!ledger->note || ledger->note_size < frontier.size) {
            char *older = ledger->note;
            ledger->note = kept;
            ledger->note_length = note.length;
            ledger->note_size = frontier.size;
            kept = older;
        }
        pthread_mutex_unlock(&ledger->lock);
        free(kept);
    }
    *ret_note = note;
    return NULL;
}

const struct err *ledger_proof(struct ledger *ledger, struct arena *arena, uint64_t index, str *ret_proof)
{
    str note = STR_NONE;
    TRY(ledger_checkpoint(ledger, arena, &note));
    struct checkpoint head;
    TRY(checkpoint_parse(arena, note, &head));
    if (index >= head.size)
        return err_new(arena, ERR_NOT_FOUND, "the ledger has %llu entries; there is no entry %llu", (unsigned long long)head.size,
                       (unsigned long long)index);
    struct ledger_tiles tiles = {.ops = ledger->store->ops, .session = ledger->session, .arena = arena};
    struct merkle_tiles reader = ledger_tiles(&tiles);
    struct tlog_proof proof = {.index = index, .checkpoint = note};
    pthread_mutex_lock(&ledger->proof_lock);
    const struct err *error = merkle_inclusion_proof(arena, &reader, index, head.size, &proof.path);
    pthread_mutex_unlock(&ledger->proof_lock);
    if (error)
        return tiles.error ? tiles.error : error;
    *ret_proof = tlog_proof_make(arena, &proof);
    return NULL;
}

const struct err *ledger_entry(struct ledger *ledger, struct arena *arena, uint64_t index, str *ret_entry)
{
    struct ledger_row row;
    bool found = false;
    pthread_mutex_lock(&ledger->proof_lock);
    const struct err *error = ledger_row_get(ledger->store->ops, ledger->session, arena, index, &row, &found);
    pthread_mutex_unlock(&ledger->proof_lock);
    if (error)
        return error;
    if (!found)
        return err_new(arena, ERR_NOT_FOUND, "the ledger has no entry %llu", (unsigned long long)index);
    *ret_entry = row.entry;
    return NULL;
}
