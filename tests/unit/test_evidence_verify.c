/* Offline verification: an export as it should be, then the same with each kind of fault planted, one at a time. */
#include "evidence_world.h"

#include "base/vec.h"
#include "evidence/entry.h"
#include "evidence/receipt.h"
#include "evidence/seal.h"
#include "evidence/tiles.h"
#include "evidence/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES = 700, EARLIER = 300, BATCH = 5, AT_PERSON = 17, AT_POLICY = 300, AT_BATCH = 699 };
static struct arena arena;
static const char *folder, *good;
static struct note_key key;
static uint8_t salt[32] = {9};
static str entries[ENTRIES], batch_records[BATCH];
static struct hash leaves[ENTRIES], batch_leaves[BATCH];

static void write_in(const char *dir, const char *name, str content) { world_write(world_path(&arena, dir, name), content); }

static struct hash root_of(size_t count)
{
    struct hash root;
    merkle_root_of(leaves, count, &root);
    return root;
}

static str checkpoint_of(size_t count)
{
    struct hash root = root_of(count);
    return checkpoint_make(&arena, key.name, count, &root, &key);
}

/* Every tile of a tree, by the definition. */
static void tiles_write(const char *dir, const struct hash *hashes, size_t count, unsigned level)
{
    struct hash *above = arena_array(&arena, struct hash, count / MERKLE_TILE_WIDTH + 1);
    for (uint64_t index = 0; index * MERKLE_TILE_WIDTH < count; index++) {
        char path[TILE_PATH_SIZE];
        size_t width = count - index * MERKLE_TILE_WIDTH < MERKLE_TILE_WIDTH ? count - index * MERKLE_TILE_WIDTH : MERKLE_TILE_WIDTH;
        str name = tile_path((struct tile_address){.level = level, .index = index, .width = (unsigned)width}, path);
        write_in(dir, str_z(&arena, name), str_bytes(hashes + index * MERKLE_TILE_WIDTH, width * 32));
        if (width == MERKLE_TILE_WIDTH)
            merkle_root_of(hashes + index * MERKLE_TILE_WIDTH, MERKLE_TILE_WIDTH, &above[index]);
    }
    if (count >= MERKLE_TILE_WIDTH)
        tiles_write(dir, above, count / MERKLE_TILE_WIDTH, level + 1);
}

static void bundles_write(const char *dir)
{
    for (size_t from = 0; from < ENTRIES; from += MERKLE_TILE_WIDTH) {
        struct buf bundle;
        char path[TILE_PATH_SIZE];
        size_t to = from + MERKLE_TILE_WIDTH < ENTRIES ? from + MERKLE_TILE_WIDTH : ENTRIES;
        buf_init(&bundle, &arena, 1 << 22);
        for (size_t i = from; i < to; i++)
            bundle_add(&bundle, entries[i]);
        str name = tile_path((struct tile_address){.entries = true, .index = from / MERKLE_TILE_WIDTH, .width = (unsigned)(to - from)}, path);
        write_in(dir, str_z(&arena, name), buf_str(&bundle));
    }
}

static void path_write(struct jsonw *w, const struct merkle_path *path)
{
    jsonw_key(w, STR("path"));
    jsonw_array(w);
    vec_each (hash, path)
        jsonw_string(w, str_base64(&arena, hash->bytes, 32));
    jsonw_array_end(w);
}

/* A record of entry `at`; by path in the tree, or by a proof of its own. */
static str record_of(size_t at, str record, bool with_salt, bool with_proof)
{
    struct buf out;
    struct jsonw w;
    struct merkle_path path = merkle_path_of(&arena, leaves, ENTRIES, at);
    buf_init(&out, &arena, 1 << 20);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "entry", entries[at]);
    if (with_proof) {
        struct tlog_proof proof = {.index = at, .path = path, .checkpoint = checkpoint_of(ENTRIES)};
        jsonw_field(&w, "proof", tlog_proof_make(&arena, &proof));
    } else {
        jsonw_field_int(&w, "index", (int64_t)at);
        path_write(&w, &path);
    }
    jsonw_field(&w, "record", record);
    if (with_salt)
        jsonw_field(&w, "salt", str_base64(&arena, salt, 32));
    if (at == AT_BATCH) {
        struct merkle_path place = merkle_path_of(&arena, batch_leaves, BATCH, 3);
        jsonw_key(&w, STR("batch"));
        jsonw_object(&w);
        jsonw_field_int(&w, "index", 3);
        jsonw_field_int(&w, "size", BATCH);
        path_write(&w, &place);
        jsonw_object_end(&w);
    }
    jsonw_object_end(&w);
    return buf_str(&out);
}

/* A receipt that brings its own evidence, as the engine makes them. */
static str receipt_of(void)
{
    struct buf out;
    struct jsonw w;
    str sealed;
    buf_init(&out, &arena, 1 << 20);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "@type", STR("dpv:ConsentRecord"));
    jsonw_key(&w, STR("telos:evidence"));
    jsonw_raw(&w, record_of(AT_PERSON, STR("{\"n\":17}"), true, true));
    jsonw_object_end(&w);
    check_fine(receipt_seal(&arena, buf_str(&out), &key, 1795624200123, &sealed));
    return sealed;
}

static void ledger_make(void)
{
    struct hash root;
    for (size_t i = 0; i < BATCH; i++) {
        struct hash hash;
        batch_records[i] = str_printf(&arena, "{\"decision\":%zu}", i);
        commitment(salt, batch_records[i], &hash);
        merkle_leaf(str_bytes(hash.bytes, 32), &batch_leaves[i]);
    }
    merkle_root_of(batch_leaves, BATCH, &root);
    for (size_t i = 0; i < ENTRIES; i++) {
        if (i == AT_POLICY)
            check_fine(entry_clear(&arena, "policy", STR("{\"version\":1}"), 1000, &entries[i]));
        else if (i == AT_BATCH)
            entries[i] = entry_batch(&arena, "decisions", &root, BATCH, 1000);
        else
            entries[i] = entry_personal(&arena, "consent", salt, str_printf(&arena, "{\"n\":%zu}", i), 1000 + (int64_t)i);
        merkle_leaf(entries[i], &leaves[i]);
    }
}

static int make(void **state)
{
    uint8_t seed[32] = {4};
    (void)state;
    arena_init(&arena);
    const char *root = world_folder(&arena);
    good = world_path(&arena, root, "good");
    folder = world_path(&arena, root, "export");
    check_fine(note_key_from_seed(&arena, STR("shop.example/telos"), seed, &key));
    ledger_make();
    write_in(good, "checkpoint", checkpoint_of(ENTRIES));
    write_in(good, "key.pub", str_printf(&arena, "%.*s\n", STR_FMT(note_verifier_text(&arena, &key))));
    tiles_write(good, leaves, ENTRIES, 0);
    bundles_write(good);
    write_in(good, "checkpoints/300", checkpoint_of(EARLIER));
    write_in(good, "checkpoints/256", checkpoint_of(256));
    write_in(good, "receipts/17.json", receipt_of());
    write_in(good, "records/17.json", record_of(AT_PERSON, STR("{\"n\":17}"), true, false));
    write_in(good, "records/17-alone.json", record_of(AT_PERSON, STR("{\"n\":17}"), true, true));
    write_in(good, "records/300.json", record_of(AT_POLICY, STR("{ \"version\": 1 }"), false, false));
    write_in(good, "records/699-3.json", record_of(AT_BATCH, batch_records[3], true, false));
    write_in(good, "notes.txt", STR("{}")); /* what verification does not know it leaves alone */
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    char *root = strdup(good);
    assert_non_null(root);
    *strrchr(root, '/') = '\0';
    world_remove(root);
    free(root);
    arena_release(&arena);
    return 0;
}

static struct verify_report verify(bool with_key)
{
    struct verify_report report = {0};
    check_fine(verify_path(&arena, folder, with_key ? &key : NULL, with_key, &report));
    return report;
}

static void show(const struct verify_report *report)
{
    for (size_t i = 0; i < report->findings.count; i++) {
        const struct verify_finding *finding = &report->findings.items[i];
        print_message("%s %.*s: %.*s\n", finding->ok ? "ok " : "BAD", STR_FMT(finding->what), STR_FMT(finding->why));
    }
}

static bool has(const struct verify_report *report, bool ok, const char *what, const char *why)
{
    for (size_t i = 0; i < report->findings.count; i++) {
        const struct verify_finding *finding = &report->findings.items[i];
        if (finding->ok == ok && str_equal(finding->what, str_of(what)) && str_find(finding->why, str_of(why)) >= 0)
            return true;
    }
    return false;
}

static void an_export_as_it_should_be_has_only_good_findings(void **state)
{
    (void)state;
    world_copy(good, folder);
    struct verify_report report = verify(true);
    if (report.bad_count)
        show(&report);
    assert_int_equal(report.bad_count, 0);
    assert_true(has(&report, true, "checkpoint: checkpoint", "700 entries"));
    assert_true(has(&report, true, "tile: root", ""));
    assert_true(has(&report, true, "tile/0/001: tile", "place in the tile above"));
    assert_true(has(&report, true, "tile/0/002.p/188: tile", "under the root"));
    assert_true(has(&report, true, "tile/entries/002.p/188: entries", "188 entries"));
    assert_true(has(&report, true, "checkpoints/300: consistency", "begins with it"));
    assert_true(has(&report, true, "receipts/17.json: signature", "shop.example/telos"));
    assert_true(has(&report, true, "receipts/17.json: record", "commits to"));
    assert_true(has(&report, true, "records/17.json: inclusion", "entry 17 of 700"));
    assert_true(has(&report, true, "records/300.json: record", ""));
    assert_true(has(&report, true, "records/699-3.json: record", "record 3 of a batch of 5"));
    assert_true(has(&report, true, "key.pub: key", "it is the key that you trust"));
    report = verify(false); /* the key that lies there, said to be unchecked */
    assert_int_equal(report.bad_count, 0);
    assert_true(has(&report, true, "key.pub: key", "checked against nothing"));
}

struct fault {
    const char *file; /* one byte of it is changed… */
    const char *what, *why; /* …and this is found */
};

static void one_changed_byte_anywhere_is_found(void **state)
{
    (void)state;
    static const char *const files[] = {
        "checkpoint",      "tile/0/000",       "tile/0/001",      "tile/0/002.p/188",      "tile/1/000.p/2",   "tile/entries/000",   "tile/entries/002.p/188",
        "checkpoints/300", "receipts/17.json", "records/17.json", "records/17-alone.json", "records/300.json", "records/699-3.json",
    };
    world_copy(good, folder);
    for (size_t f = 0; f < COUNT_OF(files); f++) {
        str content = world_read(&arena, world_path(&arena, folder, files[f]));
        for (size_t step = 0; step < 25; step++) {
            size_t at = step * 7919 % content.length;
            char *spoilt = arena_alloc(&arena, content.length);
            memcpy(spoilt, content.data, content.length);
            spoilt[at] ^= 2;
            write_in(folder, files[f], str_bytes(spoilt, content.length));
            struct verify_report report = verify(true);
            if (report.bad_count == 0)
                fail_msg("byte %zu of %s was changed and nobody noticed", at, files[f]);
        }
        write_in(folder, files[f], content);
    }
    assert_int_equal(verify(true).bad_count, 0);
}

static void every_missing_tile_that_the_root_needs_is_missed(void **state)
{
    (void)state;
    static const struct fault faults[] = {
        {"tile/0/002.p/188", "tile: root", "cannot be computed"},
        {"checkpoint", "checkpoint: file", "missing"},
        {"tile/0/000", "tile/entries/000: entries", "missing or damaged"},
    };
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        world_copy(good, folder);
        assert_int_equal(unlink(world_path(&arena, folder, faults[i].file)), 0);
        struct verify_report report = verify(true);
        if (!has(&report, false, faults[i].what, faults[i].why)) {
            show(&report);
            fail_msg("%s was missing and not missed", faults[i].file);
        }
    }
    /* what can be worked out from below need not be there */
    world_copy(good, folder);
    assert_int_equal(unlink(world_path(&arena, folder, "tile/1/000.p/2")), 0);
    struct verify_report report = verify(true);
    if (report.bad_count)
        show(&report);
    assert_int_equal(report.bad_count, 0);
}

static void tiles_that_do_not_belong_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t size;
        const char *what, *why;
    } cases[] = {
        {"tile/0/003", 8192, "tile/0/003: tile", "beyond"},
        {"tile/0/003.p/1", 32, "tile/0/003.p/1: tile", "beyond"},
        {"tile/2/000.p/1", 32, "tile/2/000.p/1: tile", "beyond"},
        {"tile/0/000.p/44", 44 * 32, "tile/0/000.p/44: tile", "not the beginning"},
        {"tile/0/000.p/44", 43 * 32, "tile/0/000.p/44: tile", "does not have 44"},
        {"tile/0/0", 32, "tile/0/0: tile", "no tile has that name"},
        {"tile/entries/003.p/1", 4, "tile/entries/003.p/1: entries", "beyond"},
        {"tile/readme", 4, "tile/readme: tile", "no tile has that name"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        world_copy(good, folder);
        write_in(folder, cases[i].file, str_bytes(arena_alloc(&arena, cases[i].size), cases[i].size));
        struct verify_report report = verify(true);
        if (!has(&report, false, cases[i].what, cases[i].why)) {
            show(&report);
            fail_msg("case %zu, %s was not found", i, cases[i].file);
        }
    }
    world_copy(good, folder);
    write_in(folder, "tile/0/000.p/44", str_bytes(leaves, 44 * 32)); /* an earlier partial tile that fits */
    assert_int_equal(verify(true).bad_count, 0);
}

static void a_rewritten_ledger_is_found_by_its_earlier_checkpoints(void **state)
{
    (void)state;
    /* all is signed and fits together, but entry 5 is another than when the tree had 300 entries */
    world_copy(good, folder);
    str kept = entries[5];
    struct hash leaf = leaves[5];
    entries[5] = entry_personal(&arena, "consent", salt, STR("{\"n\":\"rewritten\"}"), 5);
    merkle_leaf(entries[5], &leaves[5]);
    write_in(folder, "checkpoint", checkpoint_of(ENTRIES));
    tiles_write(folder, leaves, ENTRIES, 0);
    bundles_write(folder);
    entries[5] = kept;
    leaves[5] = leaf;
    struct verify_report report = verify(true);
    assert_true(has(&report, true, "tile: root", ""));
    assert_true(has(&report, false, "checkpoints/300: consistency", "rewritten"));
    assert_true(has(&report, false, "records/17.json: inclusion", "does not lead"));
    /* a checkpoint of the future */
    world_copy(good, folder);
    struct hash root = root_of(ENTRIES);
    write_in(folder, "checkpoints/900", checkpoint_make(&arena, key.name, 900, &root, &key));
    report = verify(true);
    assert_true(has(&report, false, "checkpoints/900: consistency", "more than the present tree"));
}

static void signatures_of_another_key_do_not_count(void **state)
{
    (void)state;
    struct note_key other;
    uint8_t seed[32] = {5};
    struct verify_report report = {0};
    check_fine(note_key_from_seed(&arena, key.name, seed, &other));
    world_copy(good, folder);
    check_fine(verify_path(&arena, folder, &other, 1, &report));
    assert_true(has(&report, false, "checkpoint: checkpoint", "none of the known keys"));
    assert_true(has(&report, false, "receipts/17.json: signature", "not among the known ones"));
    assert_true(has(&report, false, "records/17.json: inclusion", "no checkpoint that holds"));
    write_in(folder, "key.pub", STR("nonsense\n"));
    report = verify(false);
    assert_true(has(&report, false, "key.pub: key", ""));
    assert_int_equal(unlink(world_path(&arena, folder, "key.pub")), 0);
    report = verify(false);
    assert_true(has(&report, false, "key.pub: file", "missing"));
    assert_true(report.bad_count > 3);
}

static void records_are_held_to_what_was_committed(void **state)
{
    (void)state;
    world_copy(good, folder);
    write_in(folder, "records/a.json", record_of(AT_PERSON, STR("{\"n\":18}"), true, false));
    write_in(folder, "records/b.json", record_of(AT_PERSON, STR("{\"n\":17}"), false, false));
    write_in(folder, "records/c.json", record_of(AT_POLICY, STR("{\"version\":2}"), false, false));
    write_in(folder, "records/d.json", record_of(AT_BATCH, batch_records[2], true, false));
    write_in(folder, "records/e.json", STR("{\"entry\":\"{}\"}"));
    write_in(folder, "records/f.json", STR("{\"x\":1}"));
    write_in(folder, "records/g.json", STR(""));
    write_in(folder, "records/h.json", STR("{"));
    struct verify_report report = verify(true);
    assert_true(has(&report, false, "records/a.json: record", "another record"));
    assert_true(has(&report, false, "records/b.json: record", "salt"));
    assert_true(has(&report, false, "records/c.json: record", "not the one"));
    assert_true(has(&report, false, "records/d.json: record", "not in the batch"));
    assert_true(has(&report, false, "records/e.json: entry", ""));
    assert_true(has(&report, false, "records/f.json: JSON", "neither"));
    assert_true(has(&report, false, "records/g.json: content", "empty"));
    assert_true(has(&report, false, "records/h.json: JSON", ""));
    assert_int_equal(report.bad_count, 8);
    for (size_t i = 0; i < report.findings.count; i++) /* nothing of a record's content is told */
        assert_true(str_find(report.findings.items[i].why, STR("\"n\"")) < 0);
}

static void links_and_folders_in_place_of_files_are_no_files(void **state)
{
    (void)state;
    world_copy(good, folder);
    assert_int_equal(symlink("/etc/passwd", world_path(&arena, folder, "receipts/link.json")), 0);
    assert_int_equal(mkdir(world_path(&arena, folder, "records/deep"), 0700), 0);
    assert_int_equal(mkfifo(world_path(&arena, folder, "records/pipe"), 0700), 0);
    struct verify_report report = verify(true);
    assert_true(has(&report, false, "receipts/link.json: file", ""));
    assert_true(has(&report, false, "records/deep: file", "no regular file"));
    assert_true(has(&report, false, "records/pipe: file", "no regular file"));
}

static void single_files_are_known_by_their_content(void **state)
{
    (void)state;
    struct verify_report report = {0};
    struct tlog_proof proof = {.index = 17, .path = merkle_path_of(&arena, leaves, ENTRIES, 17), .checkpoint = checkpoint_of(ENTRIES)};
    str text = tlog_proof_make(&arena, &proof);
    world_copy(good, folder);
    verify_text(&arena, STR("p"), text, &key, 1, &report);
    assert_true(report.bad_count == 0 && has(&report, true, "p: proof", "entry 17"));
    proof.index = 18;
    proof.path.count--;
    verify_text(&arena, STR("p"), tlog_proof_make(&arena, &proof), &key, 1, &report);
    assert_true(has(&report, false, "p: proof", "do not fit"));
    verify_text(&arena, STR("c"), checkpoint_of(ENTRIES), &key, 1, &report);
    assert_true(report.findings.count == 1 && has(&report, true, "c: checkpoint", "700"));
    verify_text(&arena, STR("c\x1b[31m"), STR("anything"), &key, 1, &report);
    assert_true(has(&report, false, "c?[31m: checkpoint", "")); /* a name does not steer the terminal */
    verify_text(&arena, STR("r"), record_of(AT_PERSON, STR("{\"n\":17}"), true, true), &key, 1, &report);
    assert_int_equal(report.bad_count, 0);
    verify_text(&arena, STR("r"), record_of(AT_PERSON, STR("{\"n\":17}"), true, false), &key, 1, &report);
    assert_true(has(&report, false, "r: inclusion", "no checkpoint"));
    /* in its export a record finds checkpoint and key */
    check_fine(verify_path(&arena, world_path(&arena, folder, "records/17.json"), NULL, 0, &report));
    if (report.bad_count)
        show(&report);
    assert_true(report.bad_count == 0 && has(&report, true, "17.json: inclusion", "entry 17 of 700"));
    check_fine(verify_path(&arena, world_path(&arena, folder, "receipts/17.json"), &key, 1, &report));
    assert_int_equal(report.bad_count, 0);
    check_code(verify_path(&arena, world_path(&arena, folder, "none"), &key, 1, &report), ERR_NOT_FOUND);
}

static void a_tree_of_three_levels_is_tied_to_its_root_tile_by_tile(void **state)
{
    (void)state;
    enum { LARGE = 66000 };
    struct hash *large = arena_array(&arena, struct hash, LARGE), root;
    for (size_t i = 0; i < LARGE; i++)
        merkle_leaf(str_bytes(&i, sizeof(i)), &large[i]);
    merkle_root_of(large, LARGE, &root);
    world_remove(folder);
    write_in(folder, "checkpoint", checkpoint_make(&arena, key.name, LARGE, &root, &key));
    tiles_write(folder, large, LARGE, 0);
    struct verify_report report = verify(true);
    if (report.bad_count)
        show(&report);
    assert_int_equal(report.bad_count, 0);
    assert_int_equal(report.findings.count, 2 + 258 + 2 + 1);
    large[12345].bytes[4] ^= 1; /* deep below tiles that are all there and right */
    write_in(folder, "tile/0/048", str_bytes(large + 48 * MERKLE_TILE_WIDTH, 8192));
    report = verify(true);
    assert_true(report.bad_count == 1 && has(&report, false, "tile/0/048: tile", "does not hash"));
    /* without the level above, the tiles are worked out: then the root itself is another */
    assert_int_equal(unlink(world_path(&arena, folder, "tile/1/000")), 0);
    assert_int_equal(unlink(world_path(&arena, folder, "tile/2/000.p/1")), 0);
    report = verify(true);
    assert_true(has(&report, false, "tile: root", "another root"));
}

static void a_ledger_without_entries_verifies(void **state)
{
    (void)state;
    struct hash root;
    merkle_root_empty(&root);
    world_remove(folder);
    write_in(folder, "checkpoint", checkpoint_make(&arena, key.name, 0, &root, &key));
    struct verify_report report = verify(true);
    assert_int_equal(report.bad_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_export_as_it_should_be_has_only_good_findings),
        cmocka_unit_test(one_changed_byte_anywhere_is_found),
        cmocka_unit_test(every_missing_tile_that_the_root_needs_is_missed),
        cmocka_unit_test(tiles_that_do_not_belong_are_found),
        cmocka_unit_test(a_rewritten_ledger_is_found_by_its_earlier_checkpoints),
        cmocka_unit_test(signatures_of_another_key_do_not_count),
        cmocka_unit_test(records_are_held_to_what_was_committed),
        cmocka_unit_test(links_and_folders_in_place_of_files_are_no_files),
        cmocka_unit_test(single_files_are_known_by_their_content),
        cmocka_unit_test(a_tree_of_three_levels_is_tied_to_its_root_tile_by_tile),
        cmocka_unit_test(a_ledger_without_entries_verifies),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
