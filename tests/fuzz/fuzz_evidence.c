/* Any bytes into the readers of evidence; the first byte says which. What is read must write back as it was, what is canonical must stay so,
 * and nothing but what was signed may verify. */
#include "base/vec.h"
#include "evidence/canonical.h"
#include "evidence/entry.h"
#include "evidence/receipt.h"
#include "evidence/tiles.h"
#include "evidence/vault_private.h"
#include "evidence/verify.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_canonical(struct arena *arena, str text)
{
    str canonical, again;
    if (json_canonical_text(arena, text, &canonical))
        return;
    const struct err *err = json_canonical_text(arena, canonical, &again);
    ASSERT(!err && str_equal(canonical, again));
}

static void fuzz_entry(struct arena *arena, str text)
{
    struct entry entry;
    str again;
    if (entry_parse(arena, text, &entry))
        return;
    const char *kind = str_z(arena, entry.kind);
    if (entry.form == ENTRY_BATCH) {
        ASSERT(str_equal(entry_batch(arena, kind, &entry.hash, entry.count, entry.at_ms), text));
    } else if (entry.form == ENTRY_CLEAR) {
        const struct err *err = entry_clear(arena, kind, entry.record, entry.at_ms, &again);
        ASSERT(!err && str_equal(again, text));
    }
}

static struct note_key known_key(struct arena *arena)
{
    static const uint8_t seed[32] = {4};
    struct note_key key;
    const struct err *err = note_key_from_seed(arena, STR("shop.example/telos"), seed, &key);
    ASSERT(!err);
    return key;
}

static void fuzz_note(struct arena *arena, str text)
{
    struct note_key key = known_key(arena);
    struct checkpoint checkpoint;
    str signed_text;
    uint64_t signers = 0;
    if (!note_verify(arena, text, &key, 1, &signed_text, &signers)) {
        ASSERT(signers == 1 && str_starts(text, signed_text) && str_ends(signed_text, STR("\n")));
        ASSERT(str_valid_utf8(text));
    }
    if (!checkpoint_parse(arena, text, &checkpoint)) {
        str root = str_base64(arena, checkpoint.root.bytes, 32);
        str head = str_printf(arena, "%.*s\n%llu\n%.*s\n%.*s", STR_FMT(checkpoint.origin), (unsigned long long)checkpoint.size, STR_FMT(root),
                              STR_FMT(checkpoint.extension));
        ASSERT(str_starts(text, head));
    }
}

static void fuzz_proof(struct arena *arena, str text)
{
    struct tlog_proof proof;
    struct note_key key = known_key(arena);
    struct hash leaf;
    struct checkpoint checkpoint;
    if (tlog_proof_parse(arena, text, &proof))
        return;
    ASSERT(str_equal(tlog_proof_make(arena, &proof), text));
    merkle_leaf(STR("never in any tree"), &leaf);
    ASSERT(tlog_proof_verify(arena, text, &leaf, &key, 1, &checkpoint) != NULL);
}

static void fuzz_key(struct arena *arena, str text)
{
    struct note_key key;
    if (note_verifier_parse(arena, text, &key))
        return;
    ASSERT(str_equal(note_verifier_text(arena, &key), text) && note_name_allowed(key.name));
}

static void fuzz_receipt(struct arena *arena, str text)
{
    struct note_key key = known_key(arena);
    struct receipt_check check;
    str sealed;
    if (!receipt_verify(arena, text, &key, 1, &check))
        ASSERT(check.why != NULL);
    if (receipt_seal(arena, text, &key, 1000, &sealed))
        return;
    const struct err *err = receipt_verify(arena, sealed, &key, 1, &check);
    ASSERT(!err && check.valid);
}

static void fuzz_verify(struct arena *arena, str text)
{
    struct note_key key = known_key(arena);
    struct verify_report report = {0};
    verify_text(arena, STR("input"), text, &key, 1, &report);
    ASSERT(report.findings.count > 0);
    size_t bad = 0;
    vec_each (finding, &report.findings) {
        ASSERT(str_valid_utf8(finding->what) && str_valid_utf8(finding->why));
        bad += !finding->ok;
    }
    ASSERT(bad == report.bad_count);
}

static void fuzz_tile(struct arena *arena, str text)
{
    struct tile_address address;
    char path[TILE_PATH_SIZE];
    struct buf again;
    str rest = text, entry;
    if (tile_path_parse(text, &address)) {
        str without = str_starts(text, STR("/")) ? str_slice(text, 1, text.length) : text;
        ASSERT(str_equal(tile_path(address, path), without));
        (void)tile_width_at(UINT64_MAX, address.level, address.index); /* must not fault */
    }
    buf_init(&again, arena, text.length + 1);
    while (bundle_next(&rest, &entry))
        bundle_add(&again, entry);
    ASSERT(str_starts(text, buf_str(&again)) && again.length + rest.length == text.length);
}

/* A log of tombstones, such as one that comes with a backup. */
static void fuzz_tombstones(struct arena *arena, str text)
{
    static const uint8_t vault_id[16] = {0x92, 0xbe, 0xcd, 0x89, 0xb5, 0xe0, 0x53, 0x46, 0x84, 0xb0, 0x15, 0xfc, 0xd8, 0xcc, 0x0d, 0xd0};
    struct vault_faults none = {0};
    struct tombstones_reader *reader = arena_new(arena, struct tombstones_reader);
    struct key_change change;
    enum tombstone_result result;
    AUTO_FD fd = memfd_create("tombstones", MFD_CLOEXEC);
    ASSERT(fd >= 0 && io_write(&none, fd, text.data, text.length, 0));
    tombstones_reader_init(reader, fd, 0);
    for (size_t lines = 0; (result = tombstones_next(reader, vault_id, &change)) != TOMBSTONE_END; lines++) {
        ASSERT(result != TOMBSTONE_FAILED && lines <= text.length && reader->offset <= text.length);
        if (result == TOMBSTONE_LINE) {
            ASSERT(change.profile > 0 && change.profile <= PROFILE_NO_MAX && ((change.destroy | change.renew) & ~KEY_CLASS_ALL) == 0);
            ASSERT((change.destroy != 0) != (change.renew != 0) && change.fingerprinted == (change.renew != 0));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct arena *, str) = {
        fuzz_canonical, fuzz_entry, fuzz_note, fuzz_proof, fuzz_key, fuzz_receipt, fuzz_verify, fuzz_tile, fuzz_tombstones,
    };
    struct arena arena;
    if (size == 0)
        return 0;
    arena_init(&arena);
    readers[data[0] % (sizeof(readers) / sizeof(*readers))](&arena, str_bytes(data + 1, size - 1));
    arena_release(&arena);
    return 0;
}
