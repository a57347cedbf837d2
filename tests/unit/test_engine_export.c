/* An exported folder is checked by `telos verify` with the public key alone; a changed byte anywhere is found. */
#include "engine_world.h"

#include "engine/engine_private.h"
#include "evidence/verify.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *export(struct world *world, const char *name, int64_t from_ms, int64_t to_ms)
{
    const char *folder = arena_printf(&world->arena, "%s/%s", world->data, name);
    struct export_wish wish = {.from_ms = from_ms, .to_ms = to_ms};
    check_fine(engine_export_folder(world->engine, world->reader, &world->arena, &wish, folder, NULL, NULL));
    return folder;
}

static struct verify_report verify(struct world *world, const char *folder)
{
    struct note_key key;
    struct verify_report report = {0};
    check_fine(note_verifier_parse(&world->arena, engine_verifier_key(world->engine), &key));
    check_fine(verify_path(&world->arena, folder, &key, 1, &report));
    return report;
}

static void check_good(const struct verify_report *report)
{
    vec_each (finding, &report->findings)
        if (!finding->ok)
            print_error("%.*s: %.*s\n", STR_FMT(finding->what), STR_FMT(finding->why));
    assert_int_equal(report->bad_count, 0);
    assert_true(report->findings.count > 0);
}

static size_t records(const struct verify_report *report)
{
    size_t count = 0;
    vec_each (finding, &report->findings)
        count += finding->ok && str_find(finding->why, STR("it is what the entry commits to")) >= 0;
    return count;
}

static void life(struct world *world)
{
    world_state(world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'email':'Anna@Example.hu','name':'Anna'}}");
    world_state(world, "user_id:u1", "fulfilment", CONSENT_OPENED);
    world_state(world, "user_id:u2", "newsletter", CONSENT_REFUSED);
}

static void an_export_verifies_with_the_public_key_alone(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    life(&world);
    const char *folder = export(&world, "e", INT64_MIN, TIME_FOREVER);
    struct verify_report report = verify(&world, folder);
    check_good(&report);
    assert_true(records(&report) >= 3);
    assert_int_equal(access(arena_printf(&world.arena, "%s/policies/1/policy.yaml", folder), F_OK), 0);
    assert_int_equal(access(arena_printf(&world.arena, "%s/policies/1/n.md", folder), F_OK), 0);
    struct export_wish wish = {.from_ms = INT64_MIN, .to_ms = TIME_FOREVER};
    check_code(engine_export_folder(world.engine, world.reader, &world.arena, &wish, folder, NULL, NULL), ERR_CONFLICT);
    world_end(&world);
}

static void an_empty_ledger_exports_and_verifies(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin_empty(&world);
    struct verify_report report = verify(&world, export(&world, "e", INT64_MIN, TIME_FOREVER));
    check_good(&report);
    world_end(&world);
}

static void another_key_does_not_verify_it(void **state)
{
    struct world world = {0};
    const uint8_t seed[32] = {9};
    struct note_key key;
    struct verify_report report = {0};
    (void)state;
    world_begin(&world);
    life(&world);
    const char *folder = export(&world, "e", INT64_MIN, TIME_FOREVER);
    check_fine(note_key_from_seed(&world.arena, ledger_origin(world.engine->ledger), seed, &key));
    check_fine(verify_path(&world.arena, folder, &key, 1, &report));
    assert_true(report.bad_count > 0);
    world_end(&world);
}

static void only_what_was_entered_in_the_time_asked_for_is_told(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    int64_t middle_ms = clock_now_ms() + 1;
    while (clock_now_ms() <= middle_ms)
        ;
    world_state(&world, "user_id:u2", "newsletter", CONSENT_REFUSED);
    struct verify_report report = verify(&world, export(&world, "first", INT64_MIN, middle_ms));
    check_good(&report);
    assert_int_equal(records(&report), 1);
    report = verify(&world, export(&world, "second", middle_ms, TIME_FOREVER));
    check_good(&report);
    assert_int_equal(records(&report), 1);
    report = verify(&world, export(&world, "none", 0, 1000));
    check_good(&report);
    assert_int_equal(records(&report), 0);
    struct export_wish wish = {.from_ms = 5, .to_ms = 4};
    check_code(engine_export(world.engine, world.reader, &world.arena, &wish, NULL, NULL, NULL), ERR_INVALID);
    world_end(&world);
}

static void of_an_erased_person_only_the_entries_are_left(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    life(&world);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    const uint8_t all = KEY_CLASS_ALL;
    check_fine(vault_destroy(&world.arena, engine_vault(world.engine), &person->root, &all, 1, clock_now_ms()));
    struct verify_report report = verify(&world, export(&world, "e", INT64_MIN, TIME_FOREVER));
    check_good(&report); /* the proofs hold without them */
    assert_int_equal(records(&report), 1);
    world_end(&world);
}

/* Every file of the folder, one byte after the other changed here and there: always found. */
static struct world *walk_world;
static const char *walk_folder;
static unsigned walk_files;

static int change_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    if (type != FTW_F)
        return 0;
    (void)place;
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (long at = 0; at < status->st_size; at += status->st_size / 13 + 1) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        int byte = fgetc(file);
        for (int again = 0; again < 2; again++) {
            assert_int_equal(fseek(file, at, SEEK_SET), 0);
            assert_int_equal(fputc(again ? byte : byte ^ 1, file), again ? byte : byte ^ 1);
            assert_int_equal(fflush(file), 0);
            struct verify_report report = verify(walk_world, walk_folder);
            if (!again && report.bad_count == 0)
                fail_msg("byte %ld changed in %s was not found", at, path);
            if (again)
                assert_int_equal(report.bad_count, 0);
        }
    }
    fclose(file);
    walk_files++;
    return 0;
}

static void a_changed_byte_anywhere_is_found(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    life(&world);
    walk_world = &world;
    walk_folder = export(&world, "e", INT64_MIN, TIME_FOREVER);
    walk_files = 0;
    assert_int_equal(nftw(walk_folder, change_one, 16, FTW_PHYS), 0);
    assert_int_equal(walk_files, 11); /* checkpoint, tile, entries, records, policy, its list, notice, export.json, key.pub, manifest, manifest.sig */
    world_end(&world);
}

static int remove_it(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void what_was_left_out_or_added_is_found(void **state)
{
    static const char *const parts[] = {"records", "policies", "export.json", "manifest", "manifest.sig", "key.pub", "tile"};
    struct world world = {0};
    (void)state;
    world_begin(&world);
    life(&world);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const char *folder = export(&world, arena_printf(&world.arena, "e%zu", i), INT64_MIN, TIME_FOREVER);
        assert_int_equal(nftw(arena_printf(&world.arena, "%s/%s", folder, parts[i]), remove_it, 16, FTW_PHYS | FTW_DEPTH), 0);
        if (verify(&world, folder).bad_count == 0)
            fail_msg("nobody missed %s", parts[i]);
    }
    const char *folder = export(&world, "more", INT64_MIN, TIME_FOREVER);
    FILE *file = fopen(arena_printf(&world.arena, "%s/policies/9.yaml", folder), "w");
    assert_non_null(file);
    fclose(file);
    assert_true(verify(&world, folder).bad_count > 0);
    world_end(&world);
}

static void a_receipt_verifies_as_a_file(void **state)
{
    struct world world = {0};
    struct note_key key;
    struct verify_report report = {0};
    str text;
    bool found = false;
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    const struct policy *policy = engine_policy(world.engine);
    check_fine(engine_receipt(world.reader, &world.arena, policy, said.id, &text, NULL, &found));
    assert_true(found);
    engine_policy_release(world.engine, policy);
    check_fine(note_verifier_parse(&world.arena, engine_verifier_key(world.engine), &key));
    verify_text(&world.arena, STR("receipt.json"), text, &key, 1, &report);
    check_good(&report);
    assert_int_equal(records(&report), 1);
    world_end(&world);
}

static void a_tree_of_several_tiles_exports_whole(void **state)
{
    struct world world = {0};
    enum { MANY = 600 };
    (void)state;
    world_begin(&world);
    const struct policy *policy = engine_policy(world.engine);
    struct request *requests = arena_array(&world.arena, struct request, MANY);
    for (int n = 0; n < MANY; n++) {
        requests[n] = (struct request){.kind = REQUEST_STATEMENT};
        check_fine(identity_parse_subject(&world.arena, policy, str_printf(&world.arena, "user_id:u%d", n % 50), &requests[n].statement.subject));
        requests[n].statement.record = (struct consent){.purpose = STR("newsletter"), .status = CONSENT_GIVEN, .by = SAID_BY_SELF,
                                                        .at_ms = clock_now_ms(), .expires_ms = TIME_NONE, .source = STR("api")};
    }
    struct work work = {.arena = &world.arena, .requests = requests, .request_count = MANY};
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    engine_policy_release(world.engine, policy);
    struct verify_report report = verify(&world, export(&world, "e", INT64_MIN, TIME_FOREVER));
    check_good(&report);
    assert_int_equal(records(&report), MANY);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_export_verifies_with_the_public_key_alone),
        cmocka_unit_test(an_empty_ledger_exports_and_verifies),
        cmocka_unit_test(another_key_does_not_verify_it),
        cmocka_unit_test(only_what_was_entered_in_the_time_asked_for_is_told),
        cmocka_unit_test(of_an_erased_person_only_the_entries_are_left),
        cmocka_unit_test(a_changed_byte_anywhere_is_found),
        cmocka_unit_test(what_was_left_out_or_added_is_found),
        cmocka_unit_test(a_receipt_verifies_as_a_file),
        cmocka_unit_test(a_tree_of_several_tiles_exports_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
