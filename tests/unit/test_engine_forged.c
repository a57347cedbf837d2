/* Exports that somebody forged who knows how they are made. Files are taken away together with what tells of them; or the list is signed
 * again with the ledger's own key, as a controller could do. What the signed log itself says is then what finds it. */
#include "engine_world.h"

#include "engine/engine_private.h"
#include "engine/files_private.h"
#include "evidence/verify.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX ((size_t)1 << 20)

static struct world world;
static const char *folder;
static unsigned exports;

static const char *inside(const char *name) { return arena_printf(&world.arena, "%s/%s", folder, name); }

static void export(int64_t from_ms, int64_t to_ms)
{
    folder = arena_printf(&world.arena, "%s/e%u", world.data, exports++);
    struct export_wish wish = {.from_ms = from_ms, .to_ms = to_ms};
    check_fine(engine_export_folder(world.engine, world.reader, &world.arena, &wish, folder, NULL, NULL));
}

static struct verify_report verify(void)
{
    struct note_key key;
    struct verify_report report = {0};
    check_fine(note_verifier_parse(&world.arena, engine_verifier_key(world.engine), &key));
    check_fine(verify_path(&world.arena, folder, &key, 1, &report));
    return report;
}

static bool says(const struct verify_report *report, bool ok, const char *what, const char *why)
{
    vec_each (finding, &report->findings)
        if (finding->ok == ok && str_find(finding->what, str_of(what)) >= 0 && str_find(finding->why, str_of(why)) >= 0)
            return true;
    vec_each (finding, &report->findings)
        print_error("%s %.*s: %.*s\n", finding->ok ? "ok " : "BAD", STR_FMT(finding->what), STR_FMT(finding->why));
    return false;
}

static void check_good(void)
{
    struct verify_report report = verify();
    vec_each (finding, &report.findings)
        if (!finding->ok)
            print_error("%.*s: %.*s\n", STR_FMT(finding->what), STR_FMT(finding->why));
    assert_int_equal(report.bad_count, 0);
}

static str read_in(const char *name)
{
    str text;
    check_fine(files_read(&world.arena, inside(name), FILE_MAX, &text));
    return text;
}

static void write_in(const char *name, str text) { check_fine(files_put(&world.arena, inside(name), text, 0600)); }

static void replace_in(const char *name, const char *was, const char *is)
{
    str text = read_in(name);
    ptrdiff_t at = str_find(text, str_of(was));
    assert_true(at >= 0);
    write_in(name, str_printf(&world.arena, "%.*s%s%.*s", STR_FMT(str_slice(text, 0, (size_t)at)), is,
                              STR_FMT(str_slice(text, (size_t)at + strlen(was), text.length))));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void take(const char *name) { assert_int_equal(nftw(inside(name), remove_one, 16, FTW_PHYS | FTW_DEPTH), 0); }

#define RECORDS "records/000000000000.ndjson"

/* The line that has `word` in it goes, and every other stays. */
static void take_line(const char *word)
{
    str text = read_in(RECORDS), line;
    struct buf left;
    unsigned taken = 0;
    buf_init(&left, &world.arena, FILE_MAX);
    while (text.length > 0 && str_split(&text, '\n', &line)) {
        if (!taken && str_find(line, str_of(word)) >= 0) {
            taken++;
            continue;
        }
        buf_add(&left, line);
        buf_add_char(&left, '\n');
    }
    assert_int_equal(taken, 1);
    write_in(RECORDS, buf_str(&left));
}

/* ---- the list, made again over what is there ---- */

static struct buf list;

static int list_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    struct hash digest;
    (void)status, (void)place;
    const char *name = path + strlen(folder) + 1;
    if (type != FTW_F || str_starts(str_of(name), STR("manifest")))
        return 0;
    hash_sha256(read_in(name), &digest);
    buf_add(&list, str_hex(&world.arena, digest.bytes, sizeof digest.bytes));
    buf_printf(&list, "  %s\n", name);
    return 0;
}

static void sign_again(void)
{
    str note;
    buf_init(&list, &world.arena, FILE_MAX);
    assert_int_equal(nftw(folder, list_one, 16, FTW_PHYS), 0);
    check_fine(engine_manifest_sign(world.engine, &world.arena, buf_str(&list), &note));
    write_in("manifest", buf_str(&list));
    write_in("manifest.sig", note);
}

static int begin(void **state)
{
    (void)state;
    world = (struct world){0};
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u2", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    export(INT64_MIN, TIME_FOREVER);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

/* ---- files taken away together with what tells of them ---- */

static void without_the_list_an_export_is_no_export(void **state)
{
    (void)state;
    take("manifest");
    take("manifest.sig");
    take("export.json");
    take("policies");
    take_line("withdrawn");
    struct verify_report report = verify();
    assert_true(says(&report, false, "manifest: manifest", "missing"));
}

static void a_copy_without_its_list_is_found_by_its_pages_too(void **state)
{
    (void)state;
    static const char *const gone[] = {"records", "policies", "tile", "export.json", "manifest", "manifest.sig"};
    for (size_t i = 0; i < COUNT_OF(gone); i++)
        take(gone[i]);
    check_good(); /* a checkpoint and its key */
    static const char *const pages[] = {"index.html", "hu.html", "events.json", "data.json"};
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        write_in(pages[i], STR("x"));
        struct verify_report report = verify();
        assert_true(says(&report, false, "manifest: manifest", "missing"));
        take(pages[i]);
    }
    write_in("notes.txt", STR("x"));
    check_good();
    struct verify_report report = verify();
    assert_true(says(&report, true, "notes.txt", "not checked"));
}

/* ---- signed again ---- */

static void signing_again_what_is_there_changes_nothing(void **state)
{
    (void)state;
    check_good();
    sign_again();
    check_good();
}

static void another_basis_is_not_the_policy_of_the_log(void **state)
{
    (void)state;
    replace_in("policies/1/policy.yaml", "basis: consent", "basis: contract");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "policies/1: policy", "not the policy"));
}

static void another_text_of_a_notice_is_not_the_policy_of_the_log(void **state)
{
    (void)state;
    write_in("policies/1/n.md", STR("another"));
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "policies/1: policy", "not the policy"));
}

static void a_notice_laid_beside_is_none_of_the_policy(void **state)
{
    (void)state;
    write_in("policies/1/n2.md", STR("another"));
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "policies/1/n2.md", "none of"));
}

static void a_policy_that_was_never_activated_is_in_no_log(void **state)
{
    (void)state;
    assert_int_equal(mkdir(inside("policies/7"), 0700), 0);
    write_in("policies/7/policy.yaml", read_in("policies/1/policy.yaml"));
    write_in("policies/7/n.md", read_in("policies/1/n.md"));
    write_in("policies/7.json", read_in("policies/1.json"));
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "policies/7: policy", "no entry"));
}

static void a_policy_of_the_time_that_is_missing_is_missed(void **state)
{
    (void)state;
    take("policies");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "policies/1: policy", "missing"));
}

static void a_withdrawal_left_out_is_missed(void **state)
{
    (void)state;
    take_line("withdrawn");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "records: entries", "1 entr"));
    assert_true(says(&report, false, "export.json: records", ""));
}

static void a_withdrawal_left_out_of_the_counts_too_is_missed(void **state)
{
    (void)state;
    str text = read_in("export.json");
    unsigned lines = 0;
    for (str rest = read_in(RECORDS), line; rest.length > 0 && str_split(&rest, '\n', &line);)
        lines++;
    assert_true(str_find(text, str_printf(&world.arena, "\"records\":%u", lines)) >= 0);
    take_line("withdrawn");
    replace_in("export.json", arena_printf(&world.arena, "\"records\":%u", lines), arena_printf(&world.arena, "\"records\":%u", lines - 1));
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "records: entries", "1 entr"));
}

static void all_records_left_out_are_missed(void **state)
{
    (void)state;
    take("records");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "records: entries", "have no line"));
}

static void entries_left_out_are_missed(void **state)
{
    (void)state;
    take("records");
    take("tile/entries");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "tile/entries: entries", "not here"));
}

static void what_the_export_says_of_itself_is_counted(void **state)
{
    static const char *const members[] = {"\"entries\":", "\"records\":", "\"size\":", "\"policies\":"};
    (void)state;
    str whole = read_in("export.json");
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        replace_in("export.json", members[i], arena_printf(&world.arena, "%s9", members[i]));
        sign_again();
        struct verify_report report = verify();
        assert_true(says(&report, false, "export.json", "but"));
        write_in("export.json", whole);
    }
    take("export.json");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "export.json", "missing"));
}

/* Many entries, all of one commit; returns a time after it. */
static int64_t many(void)
{
    enum { MANY = 300 };
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
    int64_t after_ms = clock_now_ms() + 1;
    while (clock_now_ms() <= after_ms)
        ;
    return after_ms;
}

static void a_time_asked_for_begins_and_ends_where_the_log_says(void **state)
{
    static const struct {
        int from, to;
        const char *gone, *with;
    } cuts[] = {
        {0, 1, "tile/entries/001", "records/000000000256.ndjson"}, {0, 1, "tile/entries/002", "records/000000000512.ndjson"},
        {1, 2, "tile/entries/002", "records/000000000604.ndjson"}, {1, 2, "tile/entries/003.p", "records/000000000768.ndjson"},
    };
    (void)state;
    int64_t times[3] = {many(), 0, 0};
    times[1] = many();
    times[2] = many();
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        export(times[cuts[i].from], times[cuts[i].to]);
        check_good();
        take(cuts[i].gone);
        if (access(inside(cuts[i].with), F_OK) == 0)
            take(cuts[i].with);
        sign_again();
        struct verify_report report = verify();
        assert_true(says(&report, false, "tile/entries: entries", "not here"));
    }
    export(times[0], times[0]); /* between two commits */
    check_good();
    take("tile/entries");
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "tile/entries: entries", "not here"));
    export(times[2] + 1, TIME_FOREVER);
    check_good();
}

/* ---- what is no forgery, and told ---- */

static void how_many_are_not_shown_is_told(void **state)
{
    (void)state;
    const uint8_t all = KEY_CLASS_ALL;
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    check_fine(vault_destroy(&world.arena, engine_vault(world.engine), &person->root, &all, 1, clock_now_ms()));
    export(INT64_MIN, TIME_FOREVER);
    check_good();
    struct verify_report report = verify();
    assert_true(says(&report, true, "records: not shown", "2 of 3"));
}

static void a_record_taken_out_of_its_line_counts_as_not_shown(void **state)
{
    (void)state;
    str text = read_in(RECORDS);
    ptrdiff_t word = str_find(text, STR("withdrawn"));
    assert_true(word > 0);
    size_t from = (size_t)word, to = (size_t)word;
    while (strncmp(text.data + from, ",\"record\":", 10) != 0)
        from--;
    while (text.data[to] != '\n')
        to++;
    write_in(RECORDS, str_printf(&world.arena, "%.*s}%.*s", STR_FMT(str_slice(text, 0, from)), STR_FMT(str_slice(text, to, text.length))));
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, true, "records: not shown", "1 of 3"));
}

static void the_policy_of_a_later_time_is_bound_to_its_earlier_entry(void **state)
{
    (void)state;
    int64_t after_ms = clock_now_ms() + 1;
    while (clock_now_ms() <= after_ms)
        ;
    world_state(&world, "user_id:u3", "newsletter", CONSENT_GIVEN);
    export(after_ms, TIME_FOREVER);
    check_good();
    struct verify_report report = verify();
    assert_true(says(&report, true, "policies/1: policy", "entry"));
    export(0, 1000); /* before anything was */
    check_good();
}

/* Two notices of one file, and a path by a detour: the digest is made of each as the policy names it. */
static void notices_named_in_odd_ways_are_exported_all_the_same(void **state)
{
    (void)state;
    str policy = str_of(world_policy), one = STR("We send offers."), two = STR("Else.");
    static const char was[] = "languages: { en: n.md } }\n", is[] = "languages: { en: n.md, hu: ./a//n.md, de: policy.yaml } }\n"
                                                                   "  again: { version: 1, effective: 2026-01-01, languages: { en: n.md } }\n";
    ptrdiff_t at = str_find(policy, STR(was));
    struct map notices;
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    uint32_t version = 0;
    assert_true(at > 0);
    map_init(&notices, &world.arena);
    map_set(&notices, STR("n.md"), &one);
    map_set(&notices, STR("./a//n.md"), &two);
    map_set(&notices, STR("policy.yaml"), &two);
    struct policy_input input = {.text = str_printf(&world.arena, "%.*s%s%.*s", STR_FMT(str_slice(policy, 0, (size_t)at)), is,
                                                    STR_FMT(str_slice(policy, (size_t)at + sizeof was - 1, policy.length))),
                                 .notices = &notices};
    check_fine(engine_policy_apply(world.engine, &world.arena, &input, (struct uuid){{0}}, &effect, &problems, &version));
    export(INT64_MIN, TIME_FOREVER);
    check_good();
    struct verify_report report = verify();
    assert_true(says(&report, true, "policies/2: policy", "entry"));
    write_in("policies/2/__a__n_md", STR("another"));
    sign_again();
    report = verify();
    assert_true(says(&report, false, "policies/2: policy", "not the policy"));
}

static void another_key_in_the_folder_is_told(void **state)
{
    const uint8_t seed[32] = {7};
    struct note_key key;
    (void)state;
    check_fine(note_key_from_seed(&world.arena, ledger_origin(world.engine->ledger), seed, &key));
    write_in("key.pub", str_printf(&world.arena, "%.*s\n", STR_FMT(note_verifier_text(&world.arena, &key))));
    sign_again();
    struct verify_report report = verify();
    assert_true(says(&report, false, "key.pub: key", "not the key"));
}

static void a_large_file_of_a_copy_is_hashed_whole(void **state)
{
    (void)state;
    const char *path = inside("events.json");
    struct hash digest;
    str note, text = STR_NONE;
    write_in("events.json", STR("x"));
    assert_int_equal(truncate(path, (off_t)65 * 1024 * 1024), 0);
    check_fine(files_read(&world.arena, path, (size_t)80 << 20, &text));
    hash_sha256(text, &digest);
    str lines = str_printf(&world.arena, "%.*s%.*s  events.json\n", STR_FMT(read_in("manifest")),
                           STR_FMT(str_hex(&world.arena, digest.bytes, sizeof digest.bytes)));
    check_fine(engine_manifest_sign(world.engine, &world.arena, lines, &note));
    write_in("manifest", lines);
    write_in("manifest.sig", note);
    check_good();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(without_the_list_an_export_is_no_export),
        CASE(a_copy_without_its_list_is_found_by_its_pages_too),
        CASE(signing_again_what_is_there_changes_nothing),
        CASE(another_basis_is_not_the_policy_of_the_log),
        CASE(another_text_of_a_notice_is_not_the_policy_of_the_log),
        CASE(a_notice_laid_beside_is_none_of_the_policy),
        CASE(a_policy_that_was_never_activated_is_in_no_log),
        CASE(a_policy_of_the_time_that_is_missing_is_missed),
        CASE(a_withdrawal_left_out_is_missed),
        CASE(a_withdrawal_left_out_of_the_counts_too_is_missed),
        CASE(all_records_left_out_are_missed),
        CASE(entries_left_out_are_missed),
        CASE(what_the_export_says_of_itself_is_counted),
        CASE(a_time_asked_for_begins_and_ends_where_the_log_says),
        CASE(how_many_are_not_shown_is_told),
        CASE(a_record_taken_out_of_its_line_counts_as_not_shown),
        CASE(the_policy_of_a_later_time_is_bound_to_its_earlier_entry),
        CASE(notices_named_in_odd_ways_are_exported_all_the_same),
        CASE(another_key_in_the_folder_is_told),
        CASE(a_large_file_of_a_copy_is_hashed_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
