/* The audit: a store that Telos made has no violation, and each planted fault is found at its place. */
#include "engine_world.h"

#include "engine/engine_private.h"

#include <sched.h>
#include <sqlite3.h>
#include <stdio.h>

struct findings {
    struct arena *arena;
    VEC(str) lines; /* "P4 ledger entry 3: it is missing" */
    uint64_t done, all;
};

static void found(void *context, const struct audit_finding *finding)
{
    struct findings *findings = context;
    *(str *)vec_push(findings->arena, &findings->lines) =
        str_printf(findings->arena, "%s %.*s: %.*s", finding->promise, STR_FMT(finding->where), STR_FMT(finding->what));
}

static void progress(void *context, uint64_t done, uint64_t all)
{
    struct findings *findings = context;
    assert_true(done >= findings->done && done <= all);
    findings->done = done;
    findings->all = all;
}

static struct findings audit(struct world *world)
{
    struct findings findings = {.arena = &world->arena};
    uint64_t violations = 0;
    check_fine(engine_audit(world->engine, world->reader, &world->arena, found, progress, &findings, &violations));
    assert_int_equal(violations, findings.lines.count);
    return findings;
}

static void all_well(struct world *world)
{
    struct findings findings = audit(world);
    vec_each (line, &findings.lines)
        print_error("%.*s\n", STR_FMT(*line));
    assert_int_equal(findings.lines.count, 0);
    assert_true(findings.done > 0 || findings.all == 0);
}

/* Some life: consents given and taken back, a contract, several devices joined, held messages, reads, an objection, an erasure. */
static void life(struct world *world)
{
    world_state(world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_state(world, "user_id:u1", "fulfilment", CONSENT_OPENED);
    world_send(world, EVENT_IDENTIFY, "till", "{'userId':'u1','anonymousId':'a1','traits':{'email':'Anna@Example.hu','name':'Anna','hobby':'chess','birthdate':'1985-02-03'}}");
    world_send(world, EVENT_TRACK, "web", "{'userId':'u1','event':'Seen','properties':{'colour':'red','total':3}}");
    world_send(world, EVENT_TRACK, "web", "{'anonymousId':'a2','event':'Seen','properties':{'colour':'blue'}}");
    world_send(world, EVENT_IDENTIFY, "web", "{'userId':'u1','anonymousId':'a2','traits':{}}");
    world_state(world, "user_id:u2", "newsletter", CONSENT_GIVEN);
    world_send(world, EVENT_IDENTIFY, "till", "{'userId':'u2','traits':{'email':'bela@example.hu','name':'Bela'}}");
    world_state(world, "user_id:u2", "newsletter", CONSENT_WITHDRAWN);
    world_state(world, "user_id:u9", "statistics", CONSENT_OBJECTED);
    world_send(world, EVENT_TRACK, "web", "{'userId':'u9','event':'Seen','properties':{'colour':'red'}}"); /* held */
    static const enum rights_step_kind answered[] = {RIGHTS_IDENTITY_ASKED, RIGHTS_IDENTITY_CONFIRMED, RIGHTS_EXTENDED, RIGHTS_FULFILLED};
    static const enum rights_step_kind refused[] = {RIGHTS_REFUSE};
    (void)world_right(world, "user_id:u1", RIGHT_ACCESS, answered, COUNT_OF(answered));
    (void)world_right(world, "user_id:u2", RIGHT_ERASURE, NULL, 0);
    (void)world_right(world, "user_id:u2", RIGHT_PORTABILITY, refused, COUNT_OF(refused));
    struct person *person = world_person(world, "user_id:u1", PERSON_HEAD);
    engine_record_read(world->engine, (struct uuid){{7}}, person->root, STR("newsletter"), "profile");
    engine_record_read(world->engine, (struct uuid){{8}}, person->root, STR("fulfilment"), "timeline");
}

static void world_of_life(struct world *world)
{
    uint64_t swept;
    world_begin(world);
    life(world);
    check_fine(engine_sweep(world->engine, clock_now_ms(), &swept)); /* the policy is followed */
    world_reopen(world); /* what was read is in the store then */
}

static void sql(struct world *world, const char *text)
{
    sqlite3 *db = NULL;
    char *problem = NULL;
    world_close(world);
    assert_int_equal(sqlite3_open(arena_printf(&world->arena, "%s/telos.db", world->data), &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, &problem) != SQLITE_OK)
        fail_msg("%s: %s", text, problem);
    assert_true(sqlite3_changes(db) > 0);
    sqlite3_close(db);
    world_open(world);
}

static bool finds(struct world *world, const char *promise, const char *part)
{
    struct findings findings = audit(world);
    vec_each (line, &findings.lines)
        if (str_starts(*line, str_of(promise)) && str_find(*line, str_of(part)) >= 0)
            return true;
    print_error("nothing was found with %s … %s, but\n", promise, part);
    vec_each (line, &findings.lines)
        print_error("    %.*s\n", STR_FMT(*line));
    return false;
}

static void a_store_that_telos_made_has_no_violation(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin_empty(&world);
    all_well(&world); /* without a policy */
    world_end(&world);
    world_of_life(&world);
    all_well(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    world_state(&world, "user_id:u1", "fulfilment", CONSENT_ENDED);
    all_well(&world);
    world_end(&world);
}

static void after_an_erasure_there_is_no_violation(void **state)
{
    struct world world = {0};
    (void)state;
    world_of_life(&world);
    const struct policy *policy = engine_policy(world.engine);
    struct request request = {.kind = REQUEST_ERASE};
    check_fine(identity_parse_subject(&world.arena, policy, STR("user_id:u1"), &request.subject));
    struct work work = {.arena = &world.arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(world.engine, &work));
    assert_true(request.found);
    engine_work_release(world.engine, &work);
    engine_policy_release(world.engine, policy);
    all_well(&world);
    world_reopen(&world);
    all_well(&world);
    world_end(&world);
}

static void after_a_new_policy_there_is_no_violation(void **state)
{
    struct world world = {0};
    (void)state;
    world_of_life(&world);
    char *text = str_z(&world.arena, str_of(world_policy));
    char *place = strstr(text, "categories: [email, account, device, name, behaviour, purchase]");
    assert_non_null(place);
    memcpy(place, "categories: [email, account, device, name, behaviour          ]", 63);
    world_apply(&world, text);
    all_well(&world);
    world_end(&world);
}

/* --- planted faults: [SQL, promise, part of the finding] */

struct fault {
    const char *sql, *promise, *part;
};


static const struct fault faults[] = {
    /* P1: no datum without a purpose */
    {"UPDATE person_row SET b = 0 WHERE (key >> 20 & 15) = 7", "P1", "has no purpose"},
    {"UPDATE event SET purpose_sets = 0 WHERE number = 1", "P1", "has no purpose"},
    {"INSERT INTO purpose_set SELECT max(id) + 1, 'yesterday' FROM purpose_set; UPDATE person_row SET b = (SELECT max(id) FROM purpose_set) WHERE (key >> 20 & 15) = 7", "P1", "has no purpose"},
    {"DELETE FROM person_row WHERE (key >> 20 & 15) = 2 AND d = 'newsletter'", "P1", "may not be stored any more for `newsletter` consent_missing"},
    {"UPDATE person_row SET e = 'refused' WHERE (key >> 20 & 15) = 2 AND d = 'newsletter' AND e = 'given'", "P1", "consent_refused"},
    {"UPDATE person_row SET e = 1 WHERE (key >> 20 & 15) = 0", "P1", "due for the sweeper"},
    /* P2: basis before processing */
    {"UPDATE policy SET activated_ms = activated_ms + 3600000", "P2", "before policy version 1 was activated"},
    {"UPDATE policy SET text = replace(text, 'title: Learn', 'title: Earn ')", "P2", "text or its notices were changed"},
    {"UPDATE policy SET notices = replace(notices, 'offers', 'nothing')", "P2", "text or its notices were changed"},
    {"UPDATE policy SET ledger_index = 2", "P2", "none of a policy"},
    {"UPDATE event SET policy_version = 9 WHERE number = 2", "P2", "policy version 9"},
    {"UPDATE batch SET policy_version = 4 WHERE number = 3", "P2", "policy version 4"},
    /* P3: reads are evidence */
    {"UPDATE read SET purpose = 'fraud' WHERE what = 'profile'", "P3", "not among the leaves"},
    {"UPDATE outbox SET event = 999 WHERE state = 0", "P3", "its event is gone"},
    /* P4: evidence cannot be rewritten */
    {"UPDATE ledger SET entry = replace(entry, '\"kind\":\"consent\"', '\"kind\":\"consenT\"') WHERE number = 1", "P4", "does not hash to its leaf"},
    {"UPDATE ledger SET leaf_hash = x'00000000' || substr(leaf_hash, 5) WHERE number = 1", "P4", "ledger entry 1"},
    {"UPDATE ledger SET record_sealed = NULL WHERE number = 1", "P4", "its record is missing"},
    {"UPDATE ledger SET record_sealed = (SELECT record_sealed FROM ledger WHERE number = 2) WHERE number = 1", "P7", "ledger entry 1: its record does not open"},
    {"UPDATE batch SET decisions = x'00000000' || substr(decisions, 5) WHERE decisions IS NOT NULL", "P4", "decisions do not hash"},
    {"UPDATE batch SET ledger_index = 1 WHERE decisions IS NOT NULL", "P4", "none of its decisions"},
    {"UPDATE person_row SET j = j - 86400000 WHERE (key >> 20 & 15) = 2", "P4", "not what its ledger entry commits to"},
    {"UPDATE person_row SET o = 0 WHERE (key >> 20 & 15) = 2", "P4", "not the one that it names"},
    {"UPDATE rights_request SET record = replace(record, '\"step\":\"extended\"', '\"step\":\"exported\"')", "P4", "of its step `exported` ledger entry"},
    {"UPDATE rights_request SET record = replace(record, '\"role\":\"privacy\"', '\"role\":\"person\"') WHERE right_name = 'access'", "P4", "somebody else did it"},
    {"UPDATE rights_request SET record = replace(record, '\"at\":\"20', '\"at\":\"19') WHERE right_name = 'access'", "P4", "says another time"},
    {"UPDATE rights_request SET right_name = 'withdrawal' WHERE right_name = 'erasure'", "P4", "says another right"},
    {"UPDATE rights_request SET state = 'completed' WHERE right_name = 'erasure'", "P4", "its last step in the ledger led elsewhere"},
    {"UPDATE rights_request SET due_ms = due_ms + 86400000 WHERE right_name = 'erasure'", "P4", "its deadline is not"},
    {"UPDATE rights_request SET opened_ms = opened_ms + 86400000 WHERE right_name = 'erasure'", "P4", "it was not opened when"},
    {"UPDATE rights_request SET record = 'x' WHERE right_name = 'erasure'", "P4", "its record cannot be read"},
    {"DELETE FROM rights_request WHERE right_name = 'erasure'", "P4", "no request tells of it"},
    {"UPDATE ledger SET entry = replace(entry, '\"step\":\"fulfilled\"', '\"step\":\"refused\"') WHERE entry LIKE '%\"step\":\"fulfilled\"%'", "P4", "does not hash to its leaf"},
    {"UPDATE ledger SET entry = replace(entry, '\"step\":\"fulfilled\"', '\"step\":\"refused\"') WHERE entry LIKE '%\"step\":\"fulfilled\"%'", "P4", "of its step `fulfilled` ledger entry"},
    {"UPDATE event SET source = 'web' WHERE source = 'till'", "P4", "what was decided about it is not what leaf 0 of batch"},
    {"UPDATE event SET decided = (SELECT id FROM purpose_set WHERE names = 'statistics') WHERE number = 1", "P4", "event"},
    {"UPDATE event SET batch_index = 0, batch = (SELECT min(batch) FROM event) WHERE number = 2", "P4", "commits to: it was changed"},
    {"UPDATE event SET id = x'00000000' || substr(id, 5) WHERE number = 1", "P4", "commits to: it was changed"},
    {"UPDATE batch SET at_ms = at_ms + 1 WHERE number = (SELECT batch FROM event WHERE number = 1)", "P4", "commits to: it was changed"},
    {"UPDATE kept_decisions SET sealed = substr(sealed, 1, 20) || x'00000000' || substr(sealed, 25)", "P7", "kept decisions of batch"},
    {"UPDATE kept_decisions SET batch = batch + 1", "P7", "kept decisions of batch"},
    {"UPDATE kept_decisions SET count = count + 1", "P4", "it holds 1 decisions, not 2"},
    /* P5: what is counted is there */
    {"DELETE FROM batch WHERE number = 2", "P5", "batch 2"},
    {"DELETE FROM held", "P5", "held messages"},
    {"DELETE FROM event WHERE number = 2", "P5", "cannot be loaded"},
    {"UPDATE event SET batch = 5000 WHERE number = 1", "P5", "its batch 5000 is missing"},
    /* P6: a profile is derived */
    {"UPDATE event SET identifier = 99 WHERE number = 1", "P6", "identifier 99"},
    {"UPDATE person_row SET a = 99 WHERE (key >> 20 & 15) = 7", "P7", "does not open"}, /* it is sealed to its place */
    /* P7: sealed, and erased for good */
    {"UPDATE person_row SET c = 'Anna@Example.hu' WHERE (key >> 20 & 15) = 1 AND a = 'email'", "P7", "not sealed"},
    {"UPDATE person_row SET g = substr(g, 1, 20) || x'00000000' || substr(g, 25) WHERE (key >> 20 & 15) = 7", "P7", "page of facts 1: it does not open"},
    {"UPDATE person_row SET n = substr(n, 1, 20) || x'00000000' || substr(n, 25) WHERE (key >> 20 & 15) = 2", "P7", "does not open"},
    {"UPDATE event SET parts = substr(parts, 1, length(parts) - 4) || x'00000000' WHERE number = 2", "P7", "event"},
    {"UPDATE person_row SET h = 1985 WHERE (key >> 20 & 15) = 0", "P7", "its year of birth lies in clear"},
    {"UPDATE person_row SET h = substr(h, 1, 20) || x'0000' || substr(h, 23) WHERE (key >> 20 & 15) = 0 AND h IS NOT NULL", "P7", "profile 1: it does not open"},
    {"UPDATE held SET sealed = substr(sealed, 1, 30) || x'00000000' || substr(sealed, 35)", "P7", "held message"},
    {"UPDATE person_row SET d = 1 WHERE (key >> 20 & 15) = 0", "P7", "it was erased, but its consent key lives"},
};

static void each_planted_fault_is_found(void **state)
{
    size_t missed = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        struct world world = {0};
        world_of_life(&world);
        sql(&world, faults[i].sql);
        if (!finds(&world, faults[i].promise, faults[i].part)) {
            print_error("  after %s\n", faults[i].sql);
            missed++;
        }
        world_end(&world);
    }
    assert_int_equal(missed, 0);
}

static int64_t sql_number(struct world *world, const char *text)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(arena_printf(&world->arena, "%s/telos.db", world->data), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

static int born(struct world *world) { return world_person(world, "user_id:u1", PERSON_HEAD)->profiles.items[0].birth_year; }

/* Layout 2 had the year in clear: such a store is brought forward, and nothing of it is left. */
static void years_of_birth_that_an_older_telos_left_in_clear_are_sealed_at_the_next_start(void **state)
{
    static const char clear[] = "SELECT count(*) FROM person_row WHERE (key >> 20 & 15) = 0 AND typeof(h) = 'integer'";
    static const char sealed[] = "SELECT count(*) FROM person_row WHERE (key >> 20 & 15) = 0 AND typeof(h) = 'blob'";
    struct world world = {0};
    (void)state;
    world_of_life(&world);
    assert_int_equal(born(&world), 1985);
    assert_int_equal(sql_number(&world, clear), 0);
    assert_int_equal(sql_number(&world, sealed), 1);
    sql(&world, "UPDATE person_row SET h = CASE WHEN h IS NULL THEN 0 ELSE 1985 END WHERE (key >> 20 & 15) = 0;"
                "INSERT INTO setting VALUES ('birth_years_clear', '1')"); /* as migration 3 leaves it */
    assert_int_equal(born(&world), 1985);
    assert_int_equal(sql_number(&world, sealed), 1);
    assert_int_equal(sql_number(&world, "SELECT count(*) FROM person_row WHERE (key >> 20 & 15) = 0 AND typeof(h) = 'integer' AND h <> 0"), 0);
    assert_int_equal(sql_number(&world, "SELECT count(*) FROM setting WHERE key = 'birth_years_clear'"), 0);
    all_well(&world);
    world_reopen(&world);
    assert_int_equal(born(&world), 1985);
    world_end(&world);
}

/* More entries than one tile holds; then one is taken out, or a hash of the tile above is changed. */
static void a_missing_entry_and_a_changed_tile_are_found(void **state)
{
    static const struct fault deep[] = {
        {"DELETE FROM ledger WHERE number = 7", "P4", "ledger entry 7: it is missing"},
        {"UPDATE tile SET hash = x'00000000' || substr(hash, 5)", "P4", "ledger tile level 1 index 0: hash 0"},
        {"UPDATE ledger SET leaf_hash = x'00000000' || substr(leaf_hash, 5) WHERE number = 8", "P4", "ledger entry 8"},
    };
    enum { MANY = 300 };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(deep); i++) {
        struct world world = {0};
        world_begin(&world);
        const struct policy *policy = engine_policy(world.engine);
        struct request *requests = arena_array(&world.arena, struct request, MANY);
        for (int n = 0; n < MANY; n++) {
            requests[n] = (struct request){.kind = REQUEST_STATEMENT};
            check_fine(identity_parse_subject(&world.arena, policy, str_printf(&world.arena, "user_id:u%d", n % 10), &requests[n].statement.subject));
            requests[n].statement.record = (struct consent){.purpose = STR("newsletter"), .status = CONSENT_GIVEN, .by = SAID_BY_SELF,
                                                            .at_ms = clock_now_ms(), .expires_ms = TIME_NONE, .source = STR("api")};
        }
        struct work work = {.arena = &world.arena, .requests = requests, .request_count = MANY};
        check_fine(engine_do(world.engine, &work));
        engine_work_release(world.engine, &work);
        engine_policy_release(world.engine, policy);
        all_well(&world);
        sql(&world, deep[i].sql);
        assert_true(finds(&world, deep[i].promise, deep[i].part));
        world_end(&world);
    }
}

/* Where the end of the tree is damaged, nothing may be added to it: Telos says so and does not open. */
static void a_ledger_damaged_at_its_end_is_not_written_on(void **state)
{
    struct world world = {0};
    (void)state;
    world_of_life(&world);
    world_close(&world);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(arena_printf(&world.arena, "%s/telos.db", world.data), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DELETE FROM ledger WHERE number = 2", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    struct engine_options options = {.data = world.data};
    assert_non_null(engine_open(&world.arena, &options, &world.engine));
    world_end(&world);
}

struct traffic {
    struct world *world;
    _Atomic bool stop;
    unsigned sent;
};

static void *traffic_main(void *context)
{
    struct traffic *traffic = context;
    struct arena arena;
    arena_init(&arena);
    while (!traffic->stop) {
        struct json body;
        str text = str_printf(&arena, "{\"userId\":\"u%u\",\"event\":\"Seen\",\"properties\":{\"colour\":\"%u\"}}", traffic->sent % 20, traffic->sent);
        assert_null(json_read(&arena, text, &body));
        struct collected collected = {.body = &body, .text = text, .path_type = EVENT_TRACK, .sent_ms = TIME_NONE};
        struct work work = {.arena = &arena, .source = STR("web"), .messages = &collected, .message_count = 1, .bytes = text.length};
        assert_null(engine_do(traffic->world->engine, &work));
        engine_work_release(traffic->world->engine, &work);
        arena_clear(&arena);
        traffic->sent++;
    }
    arena_release(&arena);
    return NULL;
}

static void an_audit_while_serving_finds_nothing(void **state)
{
    struct world world = {.background = true};
    struct traffic traffic = {.world = &world};
    pthread_t thread;
    (void)state;
    world_of_life(&world);
    assert_int_equal(pthread_create(&thread, NULL, traffic_main, &traffic), 0);
    while (traffic.sent < 20)
        (void)sched_yield();
    for (int i = 0; i < 5; i++)
        all_well(&world);
    traffic.stop = true;
    pthread_join(thread, NULL);
    all_well(&world);
    world_end(&world);
}

static void rows_left_over_from_a_destroyed_key_are_found(void **state)
{
    struct world world = {0};
    const uint8_t consent = KEY_CLASS_BIT(KEY_CONSENT), evidence = KEY_CLASS_BIT(KEY_EVIDENCE);
    (void)state;
    world_of_life(&world);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    check_fine(vault_destroy(&world.arena, engine_vault(world.engine), &person->root, &consent, 1, clock_now_ms()));
    assert_true(finds(&world, "P7", "consent key is destroyed"));
    check_fine(vault_destroy(&world.arena, engine_vault(world.engine), &person->root, &evidence, 1, clock_now_ms()));
    assert_true(finds(&world, "P7", "left over from a destroyed key"));
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_telos_made_has_no_violation),
        cmocka_unit_test(after_an_erasure_there_is_no_violation),
        cmocka_unit_test(after_a_new_policy_there_is_no_violation),
        cmocka_unit_test(each_planted_fault_is_found),
        cmocka_unit_test(years_of_birth_that_an_older_telos_left_in_clear_are_sealed_at_the_next_start),
        cmocka_unit_test(a_missing_entry_and_a_changed_tile_are_found),
        cmocka_unit_test(a_ledger_damaged_at_its_end_is_not_written_on),
        cmocka_unit_test(an_audit_while_serving_finds_nothing),
        cmocka_unit_test(rows_left_over_from_a_destroyed_key_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
