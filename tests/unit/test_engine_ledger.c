/* The ledger within the engine: what a commit leaves in it, and that anybody can check it with hashes and the public key alone. */
#include "engine_world.h"

#include "core/apply.h"
#include "engine/engine_private.h"
#include "engine/proof_series_private.h"
#include "evidence/entry.h"
#include "evidence/seal.h"
#include "evidence/tiles.h"

static struct checkpoint head_of(struct world *world)
{
    str note;
    struct checkpoint head;
    struct note_key key;
    check_fine(note_verifier_parse(&world->arena, engine_verifier_key(world->engine), &key));
    check_fine(engine_checkpoint(world->engine, &world->arena, &note));
    check_fine(checkpoint_verify(&world->arena, note, &key, 1, &head));
    return head;
}

static struct hash hash_in(struct world *world, const struct json *json, const char *name)
{
    str bytes;
    struct hash hash;
    assert_true(str_unbase64(&world->arena, json_string(json_get(json, str_of(name))), &bytes));
    assert_int_equal(bytes.length, sizeof hash);
    memcpy(&hash, bytes.data, sizeof hash);
    return hash;
}

static size_t path_in(struct world *world, const struct json *json, struct hash *path)
{
    const struct json *items = json_get(json, STR("path"));
    for (uint32_t i = 0; i < items->count; i++) {
        str bytes;
        assert_true(str_unbase64(&world->arena, items->items[i].text, &bytes));
        memcpy(&path[i], bytes.data, sizeof *path);
    }
    return items->count;
}

static struct json inclusion(struct world *world, uint64_t index, uint64_t size)
{
    str text;
    struct json json;
    check_fine(engine_inclusion(world->reader, &world->arena, index, size, &text));
    check_fine(json_read(&world->arena, text, &json));
    return json;
}

static void the_first_policy_is_the_first_entry(void **state)
{
    struct world world = {0};
    struct ledger_row row;
    struct entry entry;
    bool found = false;
    (void)state;
    world_begin(&world);
    struct checkpoint head = head_of(&world);
    assert_int_equal(head.size, 1);
    check_fine(ledger_row_get(engine_store(world.engine), reader_session(world.reader), &world.arena, 0, &row, &found));
    assert_true(found);
    check_fine(entry_parse(&world.arena, row.entry, &entry));
    check_str(entry.kind, "policy");
    assert_int_equal(entry.form, ENTRY_CLEAR);
    world_end(&world);
}

static void an_empty_ledger_has_a_signed_head(void **state)
{
    struct world world = {0};
    struct hash empty;
    (void)state;
    world_begin_empty(&world);
    struct checkpoint head = head_of(&world);
    merkle_root_empty(&empty);
    assert_int_equal(head.size, 0);
    assert_true(hash_equal(&head.root, &empty));
    world_end(&world);
}

static void a_consent_knows_its_leaf_and_the_leaf_commits_to_it(void **state)
{
    struct world world = {0};
    struct ledger_row row;
    struct entry entry;
    struct hash made;
    uint8_t key[32], salt[32];
    bool found = false;
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    assert_int_equal(person->consents.count, 1);
    const struct consent *record = &person->consents.items[0];
    assert_int_equal(record->ledger_index, said.ledger_index);
    assert_memory_equal(record->leaf_hash, said.leaf_hash, 32);
    check_fine(ledger_row_get(engine_store(world.engine), reader_session(world.reader), &world.arena, record->ledger_index, &row, &found));
    assert_true(found);
    assert_memory_equal(row.leaf_hash, said.leaf_hash, 32);
    check_fine(entry_parse(&world.arena, row.entry, &entry));
    check_str(entry.kind, "consent");
    assert_int_equal(vault_key(engine_vault(world.engine), record->profile, KEY_EVIDENCE, key), VAULT_LIVE);
    ledger_salt(key, record->ledger_index, LEDGER_PLACE_ALONE, salt);
    commitment(salt, consent_record_json(&world.arena, record, person->profiles.items[0].id), &made);
    assert_true(hash_equal(&made, &entry.hash));
    str opened;
    assert_true(ledger_record_open(&world.arena, key, row.index, row.record_sealed, &opened));
    assert_true(str_equal(opened, consent_record_json(&world.arena, record, person->profiles.items[0].id)));
    assert_false(ledger_record_open(&world.arena, key, row.index + 1, row.record_sealed, &opened)); /* moved to another row */
    world_end(&world);
}

static void entries_hold_nothing_personal(void **state)
{
    struct world world = {0};
    str bundle;
    bool found = false;
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:needle-user", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'needle-user','traits':{'email':'needle@example.hu','name':'Needle'}}");
    struct checkpoint head = head_of(&world);
    assert_true(head.size >= 3);
    check_fine(engine_entries(world.reader, &world.arena, 0, (unsigned)head.size, &bundle, &found));
    assert_true(found);
    assert_int_equal(str_find(bundle, STR("eedle")), -1);
    assert_int_equal(str_find(bundle, STR("example.hu")), -1);
    world_end(&world);
}

static void every_entry_is_proven_in_every_later_tree(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    for (int i = 0; i < 5; i++)
        world_state(&world, "user_id:u1", "newsletter", i % 2 ? CONSENT_WITHDRAWN : CONSENT_GIVEN);
    uint64_t size = head_of(&world).size;
    assert_true(size >= 6);
    for (uint64_t index = 0; index < size; index++)
        for (uint64_t at = index + 1; at <= size; at++) {
            struct hash path[MERKLE_PATH_MAX];
            struct json json = inclusion(&world, index, at);
            struct hash leaf = hash_in(&world, &json, "leaf_hash"), root = hash_in(&world, &json, "root");
            size_t count = path_in(&world, &json, path);
            assert_true(merkle_verify_inclusion(&leaf, index, at, path, count, &root));
        }
    str text;
    check_code(engine_inclusion(world.reader, &world.arena, size, 0, &text), ERR_NOT_FOUND);
    check_code(engine_inclusion(world.reader, &world.arena, 0, size + 1, &text), ERR_NOT_FOUND);
    world_end(&world);
}

static void a_proof_verifies_as_a_tlog_proof(void **state)
{
    struct world world = {0};
    struct note_key key;
    struct checkpoint head;
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    check_fine(note_verifier_parse(&world.arena, engine_verifier_key(world.engine), &key));
    struct json json = inclusion(&world, said.ledger_index, 0);
    struct hash leaf;
    memcpy(&leaf, said.leaf_hash, sizeof leaf);
    check_fine(tlog_proof_verify(&world.arena, json_string(json_get(&json, STR("proof"))), &leaf, &key, 1, &head));
    leaf.bytes[5] ^= 1;
    assert_non_null(tlog_proof_verify(&world.arena, json_string(json_get(&json, STR("proof"))), &leaf, &key, 1, &head));
    world_end(&world);
}

static void each_tree_is_a_beginning_of_the_next(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    for (int i = 0; i < 4; i++)
        world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    uint64_t size = head_of(&world).size;
    for (uint64_t from = 0; from <= size; from++) {
        str text;
        struct json json;
        struct hash path[MERKLE_PATH_MAX];
        check_fine(engine_consistency(world.reader, &world.arena, from, 0, &text));
        check_fine(json_read(&world.arena, text, &json));
        struct hash old = hash_in(&world, &json, "from_root"), now = hash_in(&world, &json, "to_root");
        size_t count = path_in(&world, &json, path);
        assert_true(merkle_verify_consistency(from, &old, size, &now, path, count));
    }
    str text;
    check_code(engine_consistency(world.reader, &world.arena, 2, 1, &text), ERR_INVALID);
    world_end(&world);
}

static void the_tree_goes_on_after_a_restart(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct checkpoint before = head_of(&world);
    str origin = str_copy(&world.arena, before.origin), key = str_copy(&world.arena, engine_verifier_key(world.engine));
    world_reopen(&world);
    struct checkpoint after = head_of(&world);
    assert_int_equal(before.size, after.size);
    assert_true(hash_equal(&before.root, &after.root));
    check_str(after.origin, str_z(&world.arena, origin));
    assert_true(str_equal(key, engine_verifier_key(world.engine)));
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    struct checkpoint later = head_of(&world);
    str text;
    struct json json;
    struct hash path[MERKLE_PATH_MAX];
    check_fine(engine_consistency(world.reader, &world.arena, before.size, later.size, &text));
    check_fine(json_read(&world.arena, text, &json));
    size_t count = path_in(&world, &json, path);
    assert_true(merkle_verify_consistency(before.size, &before.root, later.size, &later.root, path, count));
    world_end(&world);
}

static void the_decisions_of_a_batch_are_one_entry(void **state)
{
    struct world world = {0};
    uint8_t key[32], salt[32];
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct json body;
    str text = world_json(&world, "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}");
    check_fine(json_read(&world.arena, text, &body));
    struct collected collected = {.body = &body, .text = text, .path_type = EVENT_TRACK, .sent_ms = TIME_NONE};
    struct work work = {.arena = &world.arena, .source = STR("till"), .messages = &collected, .message_count = 1};
    check_fine(engine_do(world.engine, &work));
    struct message_result result = work.requests[0].result;
    assert_int_equal(result.outcome, OUTCOME_ACCEPTED);
    str decision = str_copy(&world.arena, result.decision); /* it lives as long as the work */
    engine_work_release(world.engine, &work);
    uint64_t index = head_of(&world).size - 1;
    struct ledger_row row;
    struct entry entry;
    bool found = false;
    check_fine(ledger_row_get(engine_store(world.engine), reader_session(world.reader), &world.arena, index, &row, &found));
    assert_true(found);
    check_fine(entry_parse(&world.arena, row.entry, &entry));
    check_str(entry.kind, "decisions");
    assert_int_equal(entry.count, 1);
    assert_int_equal(vault_key(engine_vault(world.engine), result.profile_no, KEY_EVIDENCE, key), VAULT_LIVE);
    ledger_salt(key, index, 0, salt);
    struct hash leaf, root;
    ledger_sub_leaf(salt, decision, &leaf);
    merkle_root_of(&leaf, 1, &root);
    assert_true(hash_equal(&root, &entry.hash));
    world_end(&world);
}

static void salts_of_two_records_have_nothing_to_do_with_each_other(void **state)
{
    const uint8_t key[32] = {1, 2, 3};
    uint8_t a[32], b[32], c[32], again[32];
    (void)state;
    ledger_salt(key, 7, LEDGER_PLACE_ALONE, a);
    ledger_salt(key, 8, LEDGER_PLACE_ALONE, b);
    ledger_salt(key, 7, 0, c);
    ledger_salt(key, 7, LEDGER_PLACE_ALONE, again);
    assert_memory_equal(a, again, 32);
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a, c, 32);
    assert_memory_not_equal(a, key, 32);
}

static void tiles_are_served_in_full_and_in_part(void **state)
{
    struct world world = {0};
    str bytes;
    bool found = true;
    (void)state;
    world_begin(&world);
    for (int i = 0; i < 3; i++)
        world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct checkpoint head = head_of(&world);
    check_fine(engine_tile(world.reader, &world.arena, 0, 0, (unsigned)head.size, &bytes, &found));
    assert_true(found);
    struct hash root;
    merkle_root_of((const struct hash *)bytes.data, head.size, &root);
    assert_true(hash_equal(&root, &head.root));
    check_fine(engine_tile(world.reader, &world.arena, 0, 0, (unsigned)head.size + 1, &bytes, &found));
    assert_false(found);
    check_fine(engine_tile(world.reader, &world.arena, 0, 1, 1, &bytes, &found));
    assert_false(found);
    check_fine(engine_entries(world.reader, &world.arena, 0, 2, &bytes, &found));
    assert_true(found);
    str entry;
    for (unsigned i = 0; i < 2; i++) {
        struct hash leaf;
        assert_true(bundle_next(&bytes, &entry));
        merkle_leaf(entry, &leaf);
        struct json json = inclusion(&world, i, 0);
        struct hash wanted = hash_in(&world, &json, "leaf_hash");
        assert_true(hash_equal(&leaf, &wanted));
    }
    assert_true(str_empty(bytes));
    world_end(&world);
}

static void a_tree_of_more_than_one_tile_proves_its_entries(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    enum { MANY = 300 };
    struct request *requests = arena_array(&world.arena, struct request, MANY);
    const struct policy *policy = engine_policy(world.engine);
    for (int i = 0; i < MANY; i++) {
        requests[i] = (struct request){.kind = REQUEST_STATEMENT};
        check_fine(identity_parse_subject(&world.arena, policy, str_printf(&world.arena, "user_id:u%d", i), &requests[i].statement.subject));
        requests[i].statement.record = (struct consent){.purpose = STR("newsletter"), .status = CONSENT_GIVEN, .by = SAID_BY_SELF,
                                                        .at_ms = clock_now_ms(), .expires_ms = TIME_NONE, .source = STR("api")};
    }
    struct work work = {.arena = &world.arena, .requests = requests, .request_count = MANY};
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    engine_policy_release(world.engine, policy);
    uint64_t size = head_of(&world).size;
    assert_int_equal(size, MANY + 1);
    const uint64_t some[] = {0, 1, 255, 256, 257, 300};
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(some); i++) {
            struct hash path[MERKLE_PATH_MAX];
            struct json json = inclusion(&world, some[i], 0);
            struct hash leaf = hash_in(&world, &json, "leaf_hash"), root = hash_in(&world, &json, "root");
            size_t count = path_in(&world, &json, path);
            assert_true(merkle_verify_inclusion(&leaf, some[i], size, path, count, &root));
        }
        world_reopen(&world);
    }
    world_end(&world);
}

/* A tree in memory, as tiles. */
struct small_tree {
    struct hash leaves[70000];
    unsigned read;
};

static bool small_tile(void *context, unsigned level, uint64_t index, unsigned width, struct hash *ret_hashes)
{
    struct small_tree *tree = context;
    uint64_t step = 1;
    for (unsigned i = 0; i < level; i++)
        step *= MERKLE_TILE_WIDTH;
    for (unsigned i = 0; i < width; i++)
        merkle_root_of(&tree->leaves[(index * MERKLE_TILE_WIDTH + i) * step], step, &ret_hashes[i]);
    tree->read++;
    return true;
}

static void proofs_in_a_series_are_those_made_one_by_one(void **state)
{
    static struct small_tree tree;
    static const uint64_t sizes[] = {1, 2, 3, 5, 8, 255, 256, 257, 511, 512, 513, 700, 65536, 65539};
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT_OF(tree.leaves); i++)
        merkle_leaf(str_bytes(&i, sizeof i), &tree.leaves[i]);
    struct merkle_tiles tiles = {.context = &tree, .tile = small_tile};
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        struct proof_series *series = proof_series_new(&arena, &tiles, sizes[s]);
        uint64_t step = sizes[s] > 1000 ? 8191 : 1;
        for (uint64_t index = 0; index < sizes[s]; index += index + step < sizes[s] ? step : sizes[s] - index == 1 ? 1 : sizes[s] - index - 1) {
            struct merkle_path wanted = {0}, got = {0};
            check_fine(merkle_inclusion_proof(&arena, &tiles, index, sizes[s], &wanted));
            assert_true(proof_series_path(series, &arena, index, &got));
            assert_int_equal(wanted.count, got.count);
            if (wanted.count)
                assert_memory_equal(wanted.items, got.items, wanted.count * sizeof *wanted.items);
        }
        arena_clear(&arena);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_ledger_has_a_signed_head),
        cmocka_unit_test(the_first_policy_is_the_first_entry),
        cmocka_unit_test(a_consent_knows_its_leaf_and_the_leaf_commits_to_it),
        cmocka_unit_test(entries_hold_nothing_personal),
        cmocka_unit_test(every_entry_is_proven_in_every_later_tree),
        cmocka_unit_test(a_proof_verifies_as_a_tlog_proof),
        cmocka_unit_test(each_tree_is_a_beginning_of_the_next),
        cmocka_unit_test(the_tree_goes_on_after_a_restart),
        cmocka_unit_test(the_decisions_of_a_batch_are_one_entry),
        cmocka_unit_test(salts_of_two_records_have_nothing_to_do_with_each_other),
        cmocka_unit_test(proofs_in_a_series_are_those_made_one_by_one),
        cmocka_unit_test(tiles_are_served_in_full_and_in_part),
        cmocka_unit_test(a_tree_of_more_than_one_tile_proves_its_entries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
