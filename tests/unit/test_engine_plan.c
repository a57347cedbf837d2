/* Policies planned and applied: what is said beforehand is what happens. */
#include "engine_world.h"

#include "engine/engine_private.h"
#include "engine/follow.h"
#include "evidence/entry.h"

#include <stdio.h>

/* world_policy with one text replaced by another. */
static const char *changed(struct world *world, const char *from, const char *to)
{
    const char *place = strstr(world_policy, from);
    assert_non_null(place);
    return arena_printf(&world->arena, "%.*s%s%s", (int)(place - world_policy), world_policy, to, place + strlen(from));
}

/* world_policy without the lines that begin so (after spaces). */
static const char *without(struct world *world, const char *beginning)
{
    struct buf buf;
    str rest = str_of(world_policy), line;
    buf_init(&buf, &world->arena, 64 * 1024);
    while (str_split(&rest, '\n', &line))
        if (!str_starts(str_trim(line), str_of(beginning))) {
            buf_add(&buf, line);
            buf_add_char(&buf, '\n');
        }
    return str_z(&world->arena, buf_str(&buf));
}

static struct policy_input input_of(struct world *world, const char *text)
{
    static struct map notices;
    static str notice = {"We send offers.", 15};
    map_init(&notices, &world->arena);
    map_set(&notices, STR("n.md"), &notice);
    return (struct policy_input){.text = str_of(text), .notices = &notices};
}

static struct policy_effect plan(struct world *world, const char *text)
{
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    struct policy_input input = input_of(world, text);
    const struct err *error =
        engine_policy_plan(world->engine, world->reader, &world->arena, &input, true, NULL, NULL, &effect, &problems);
    vec_each (problem, &problems)
        print_error("%u:%u: %.*s\n", problem->line, problem->column, STR_FMT(problem->text));
    check_fine(error);
    return effect;
}

static void follow(struct world *world)
{
    uint64_t swept;
    check_fine(engine_sweep(world->engine, clock_now_ms(), &swept));
}

static void customers(struct world *world)
{
    for (int i = 0; i < 3; i++) {
        char subject[32], text[256];
        snprintf(subject, sizeof subject, "user_id:u%d", i);
        world_state(world, subject, "newsletter", CONSENT_GIVEN);
        if (i == 0)
            world_state(world, subject, "fulfilment", CONSENT_OPENED);
        snprintf(text, sizeof text, "{'userId':'u%d','traits':{'email':'u%d@b.hu','name':'N','hobby':'chess'}}", i, i);
        assert_int_equal(world_send(world, EVENT_IDENTIFY, "till", text), OUTCOME_ACCEPTED);
        snprintf(text, sizeof text, "{'userId':'u%d','event':'Seen','properties':{'colour':'red'}}", i);
        assert_int_equal(world_send(world, EVENT_TRACK, "till", text), OUTCOME_ACCEPTED);
    }
}

/* Ten profiles, read in steps of three, while the policy changes again and again: all are met under the last one, and no walk is thrown away. */
static void a_change_on_the_way_does_not_send_the_walk_back_to_the_beginning(void **state)
{
    enum { PEOPLE = 10, STEP = 3 };
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (unsigned changes = 0; changes < 6; changes++)
        for (unsigned every = 1; every < 9; every++) {
            unsigned met[PEOPLE + 1] = {0}, ever[PEOPLE + 1] = {0}, version = 1, steps = 0;
            struct follow_place place = follow_anew((struct follow_place){0});
            while (place.from) {
                uint64_t last = 0;
                size_t count = 0;
                for (uint64_t number = place.from; number <= PEOPLE && count < STEP; number++, count++) {
                    last = number;
                    met[number] += follow_meets(place, number);
                    ever[number] += follow_meets(place, number);
                }
                place = follow_next(place, count, last);
                assert_true(++steps < 100);
                if (version <= changes && steps % every == 0) {
                    version++;
                    memset(met, 0, sizeof met);
                    place = follow_anew(place);
                }
                assert_true(follow_parse(follow_text(&arena, version, place), &place));
            }
            for (unsigned number = 1; number <= PEOPLE; number++) {
                assert_int_equal(met[number], 1);
                assert_true(ever[number] <= version);
            }
            if (every == 1 && changes > PEOPLE / STEP) /* the last ones are met before the changes end */
                assert_true(ever[PEOPLE] > 1);
        }
    struct follow_place place;
    assert_false(follow_parse(STR("2"), &place) || follow_parse(STR("2:0"), &place) || follow_parse(STR("2:1:x"), &place));
    assert_true(follow_parse(STR("2:7"), &place)); /* as older versions wrote it */
    assert_int_equal(place.from, 7);
    arena_release(&arena);
}

static void the_version_stands_in_the_ledger_before_anything_is_stored_under_it(void **state)
{
    struct world world = {0};
    struct policy_row row = {0};
    struct ledger_row entry_row;
    struct entry entry;
    struct json record;
    bool found = false;
    (void)state;
    world_begin(&world);
    check_fine(engine_store(world.engine)->policy(reader_session(world.reader), &world.arena, 1, &row, &found));
    assert_true(found);
    check_fine(ledger_row_get(engine_store(world.engine), reader_session(world.reader), &world.arena, row.ledger_index, &entry_row, &found));
    assert_true(found);
    check_fine(entry_parse(&world.arena, entry_row.entry, &entry));
    check_str(entry.kind, "policy");
    check_fine(json_read(&world.arena, entry.record, &record));
    assert_true(str_equal(json_string(json_get(&record, STR("sha256"))), str_hex(&world.arena, row.sha256, 32)));
    assert_true(entry.at_ms <= row.activated_ms);
    world_end(&world);
}

static void the_same_policy_twice_is_one_version(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    assert_int_equal(world_apply(&world, world_policy), 1);
    assert_int_equal(world_apply(&world, changed(&world, "title: Offers", "title: Deals")), 2);
    assert_int_equal(world_apply(&world, world_policy), 3); /* going back is a step of its own */
    world_reopen(&world);
    const struct policy *policy = engine_policy(world.engine);
    assert_int_equal(policy->version, 3);
    engine_policy_release(world.engine, policy);
    world_end(&world);
}

static void a_policy_with_mistakes_is_refused_whole(void **state)
{
    struct world world = {0};
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    uint32_t version = 7;
    (void)state;
    world_begin(&world);
    struct policy_input input = input_of(&world, "purposes: { newsletter: { title: x, basis: wish } }\n");
    check_code(engine_policy_apply(world.engine, &world.arena, &input, (struct uuid){{0}}, &effect, &problems, &version), ERR_POLICY);
    assert_true(problems.count > 0);
    assert_int_equal(version, 7);
    world_end(&world);
}

static void the_basis_of_a_purpose_in_use_cannot_be_changed(void **state)
{
    struct world world = {0};
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    uint32_t version = 0;
    (void)state;
    world_begin(&world);
    char *text = str_z(&world.arena, str_of(changed(&world, "basis: consent, notice: newsletter",
                                                     "basis: legitimate_interest, interest: sales, balancing_test: lia.pdf@2026-02-11")));
    char *expires = strstr(text, ", expires: P1Y after given");
    assert_non_null(expires);
    memset(expires, ' ', strlen(", expires: P1Y after given"));
    assert_false(plan(&world, text).refused); /* nobody is concerned yet */
    customers(&world);
    assert_true(plan(&world, text).refused);
    struct policy_input input = input_of(&world, text);
    check_code(engine_policy_apply(world.engine, &world.arena, &input, (struct uuid){{0}}, &effect, &problems, &version), ERR_CONFLICT);
    assert_true(effect.refused);
    assert_true(effect.changes.count > 0);
    const struct policy *policy = engine_policy(world.engine);
    assert_int_equal(policy->version, 1);
    engine_policy_release(world.engine, policy);
    world_end(&world);
}

static void a_new_notice_that_asks_for_renewal_counts_who_must_consent_again(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    customers(&world);
    const char *text = changed(&world, "newsletter: { version: 1, effective: 2026-01-01,", "newsletter: { version: 2, effective: 2026-02-01, renew_older_than: 2,");
    struct policy_effect effect = plan(&world, text);
    assert_false(effect.refused);
    assert_int_equal(effect.people_reconsent, 3);
    assert_int_equal(effect.people_lost, 0);
    assert_int_equal(effect.facts_erased, 0); /* an outdated notice stops use, it erases nothing */
    world_end(&world);
}

static void a_purpose_that_ends_counts_and_erases_what_rested_on_it(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    customers(&world);
    char *text = str_z(&world.arena, str_of(without(&world, "newsletter: { title")));
    const char *const places[][2] = {
        {"purposes: [newsletter, fulfilment, statistics]", "purposes: [fulfilment, statistics]"},
        {"purposes: [fulfilment, newsletter]", "purposes: [fulfilment]"},
        {"  Newsletter: newsletter\n", "  Newsletter: fulfilment\n"},
        {"purpose: newsletter, categories: [email, account, behaviour, name]", "purpose: fulfilment, categories: [email, account, name]"},
    };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        char *place = strstr(text, places[i][0]);
        assert_non_null(place);
        text = arena_printf(&world.arena, "%.*s%s%s", (int)(place - text), text, places[i][1], place + strlen(places[i][0]));
    }
    struct policy_effect effect = plan(&world, text);
    assert_int_equal(effect.people_lost, 3);
    assert_int_equal(effect.flows_stopped.count, 1);
    check_str(effect.flows_stopped.items[0], "newsletter → mailer");
    assert_true(effect.facts_erased >= 7); /* hobby of all, e-mail and name of those without a contract */
    assert_true(effect.events_erased >= 4);
    assert_true(effect.deliveries_cancelled >= 1);
    struct store_totals before = {0}, after = {0};
    check_fine(engine_totals(world.reader, &world.arena, &before));
    assert_int_equal(world_apply(&world, text), 2);
    follow(&world);
    check_fine(engine_totals(world.reader, &world.arena, &after));
    assert_int_equal(before.facts - after.facts, effect.facts_erased); /* what was said is what happened */
    assert_int_equal(before.events - after.events, effect.events_erased);
    check_str(world_trait(&world, "user_id:u0", "hobby"), "");
    check_str(world_trait(&world, "user_id:u0", "name"), "\"N\"");
    assert_null(world_person(&world, "email:u1@b.hu", PERSON_HEAD)->facts.items);
    world_end(&world);
}

/* Switzerland is adequate, until the policy says that it no longer is. */
static void a_country_that_is_no_longer_adequate_stops_what_is_queued(void **state)
{
    struct world world = {0};
    struct delivery *rows;
    size_t count;
    str body, reason;
    int64_t from_ms;
    (void)state;
    world_begin(&world);
    const char *swiss = changed(&world, "(processor, HU)", "(processor, CH)");
    assert_int_equal(world_apply(&world, swiss), 2);
    customers(&world);
    check_fine(engine_outbox(world.reader, &world.arena, STR("mailer"), 0, 10, &rows, &count));
    assert_true(count >= 3);
    const char *fallen = arena_printf(&world.arena, "transfers: { adequate: [JP] }\n%s", swiss);
    struct policy_effect effect = plan(&world, fallen);
    assert_int_equal(effect.flows_stopped.count, 1);
    check_str(effect.flows_stopped.items[0], "newsletter → mailer");
    assert_int_equal(effect.deliveries_cancelled, 6); /* the first of each person is due */
    assert_int_equal(effect.facts_erased + effect.events_erased, 0);
    assert_int_equal(world_apply(&world, fallen), 3);
    const struct policy *policy = engine_policy(world.engine);
    for (size_t i = 0; i < count; i++) {
        check_fine(engine_delivery_body(world.reader, &world.arena, policy, &rows[i], &body, &reason, &from_ms));
        check_str(reason, "transfer_without_safeguard");
        assert_true(str_empty(body));
    }
    engine_policy_release(world.engine, policy);
    world_end(&world);
}

static void a_category_taken_off_a_purpose_erases_its_facts(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    customers(&world);
    char *text = str_z(&world.arena, str_of(changed(&world, "categories: [email, account, device, name, behaviour, purchase]",
                                                     "categories: [email, account, device, behaviour, purchase]")));
    char *mailer = strstr(text, "behaviour, name], recipient");
    assert_non_null(mailer);
    memcpy(mailer, "behaviour      ], recipient", 27);
    struct policy_effect effect = plan(&world, text);
    assert_int_equal(effect.facts_erased, 2); /* the names of the two without a contract */
    assert_int_equal(effect.people_lost, 0);
    world_apply(&world, text);
    follow(&world);
    check_str(world_trait(&world, "user_id:u0", "name"), "\"N\"");
    check_str(world_trait(&world, "user_id:u1", "name"), "");
    world_end(&world);
}

static void the_policy_of_a_past_day_can_be_read(void **state)
{
    struct world world = {0};
    struct policy *policy = NULL;
    (void)state;
    world_begin(&world);
    int64_t between_ms = clock_now_ms();
    while (clock_now_ms() == between_ms)
        ;
    world_apply(&world, changed(&world, "title: Offers", "title: Deals"));
    check_fine(engine_policy_at(world.engine, world.reader, &world.arena, between_ms, &policy));
    assert_int_equal(policy->version, 1);
    check_str(policy_purpose(policy, STR("newsletter"))->title, "Offers");
    policy_free(policy);
    check_fine(engine_policy_at(world.engine, world.reader, &world.arena, TIME_FOREVER, &policy));
    assert_int_equal(policy->version, 2);
    policy_free(policy);
    check_fine(engine_policy_at(world.engine, world.reader, &world.arena, 0, &policy));
    assert_null(policy);
    world_end(&world);
}

static void a_plan_changes_nothing(void **state)
{
    struct world world = {0};
    struct store_totals before = {0}, after = {0};
    (void)state;
    world_begin(&world);
    customers(&world);
    check_fine(engine_totals(world.reader, &world.arena, &before));
    (void)plan(&world, changed(&world, "newsletter: { version: 1, effective: 2026-01-01,", "newsletter: { version: 2, effective: 2026-02-01, renew_older_than: 2,"));
    check_fine(engine_totals(world.reader, &world.arena, &after));
    assert_int_equal(before.facts, after.facts);
    assert_int_equal(before.ledger, after.ledger);
    assert_int_equal(before.pending, after.pending);
    check_str(world_trait(&world, "user_id:u1", "hobby"), "\"chess\"");
    world_end(&world);
}

/* As large as one may be: 64 purposes, 1,000 categories, 1,000 fields. */
static void the_largest_policy_is_applied_and_used(void **state)
{
    struct world world = {0};
    struct buf buf;
    (void)state;
    world_begin_empty(&world);
    buf_init(&buf, &world.arena, 1024 * 1024);
    buf_add(&buf, STR("controller: { name: Big Kft., country: HU, dpo: dpo@big.example, regions: [EU] }\ncategories:\n"));
    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "  c%d: { dpv: pd:Behavioral }\n", i);
    buf_add(&buf, STR("fields:\n"));
    for (int i = 0; i < 999; i++)
        buf_printf(&buf, "  traits.f%d: c%d\n", i, i);
    buf_add(&buf, STR("  default: c999\nnotices:\n  n: { version: 1, effective: 2026-01-01, languages: { en: n.md } }\npurposes:\n"));
    for (int p = 0; p < 64; p++) {
        buf_printf(&buf, "  p%d: { title: Purpose %d, basis: consent, notice: n, categories: [c999", p, p);
        for (int i = p; i < 999; i += 64)
            buf_printf(&buf, ", c%d", i);
        buf_add(&buf, STR("] }\n"));
    }
    buf_add(&buf, STR("sources:\n  till: { kind: store, trusted: true, when_denied: drop, purposes: ["));
    for (int p = 0; p < 64; p++)
        buf_printf(&buf, "%sp%d", p ? ", " : "", p);
    buf_add(&buf, STR("] }\nidentity:\n  keys:\n    user_id: { category: c999, unique: true }\n"));
    assert_int_equal(world_apply(&world, str_z(&world.arena, buf_str(&buf))), 1);
    world_state(&world, "user_id:u1", "p63", CONSENT_GIVEN);
    world_state(&world, "user_id:u1", "p0", CONSENT_GIVEN);
    assert_int_equal(world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'f63':'a','f64':'b','f65':'c','f998':'d'}}"), OUTCOME_TRIMMED);
    world_reopen(&world); /* and read again from the store */
    check_str(world_trait(&world, "user_id:u1", "f63"), "\"a\"");
    check_str(world_trait(&world, "user_id:u1", "f64"), "\"b\"");
    check_str(world_trait(&world, "user_id:u1", "f65"), ""); /* p1 */
    check_str(world_trait(&world, "user_id:u1", "f998"), ""); /* p38 */
    world_end(&world);
}

static void each_day_has_the_policy_that_was_in_force(void **state)
{
    struct world world = {0};
    int64_t times[4] = {0};
    (void)state;
    world_begin(&world);
    for (int i = 1; i <= 3; i++) {
        const struct policy *policy = engine_policy(world.engine);
        times[i] = policy->activated_ms;
        engine_policy_release(world.engine, policy);
        while (clock_now_ms() <= times[i])
            ;
        if (i < 3)
            world_apply(&world, changed(&world, "title: Learn", i == 1 ? "title: Learn more" : "title: Learn most"));
    }
    for (int round = 0; round < 2; round++, world_reopen(&world)) {
        struct policy *policy = NULL;
        check_fine(engine_policy_at(world.engine, world.reader, &world.arena, times[1] - 1, &policy));
        assert_null(policy);
        for (uint32_t i = 1; i <= 3; i++) {
            check_fine(engine_policy_at(world.engine, world.reader, &world.arena, times[i], &policy));
            assert_non_null(policy);
            assert_int_equal(policy->version, i);
            policy_free(policy);
        }
        check_fine(engine_policy_at(world.engine, world.reader, &world.arena, TIME_FOREVER - 1, &policy));
        assert_int_equal(policy->version, 3);
        policy_free(policy);
    }
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_policy_is_applied_and_used),
        cmocka_unit_test(each_day_has_the_policy_that_was_in_force),
        cmocka_unit_test(a_change_on_the_way_does_not_send_the_walk_back_to_the_beginning),
        cmocka_unit_test(the_version_stands_in_the_ledger_before_anything_is_stored_under_it),
        cmocka_unit_test(the_same_policy_twice_is_one_version),
        cmocka_unit_test(a_policy_with_mistakes_is_refused_whole),
        cmocka_unit_test(the_basis_of_a_purpose_in_use_cannot_be_changed),
        cmocka_unit_test(a_new_notice_that_asks_for_renewal_counts_who_must_consent_again),
        cmocka_unit_test(a_purpose_that_ends_counts_and_erases_what_rested_on_it),
        cmocka_unit_test(a_country_that_is_no_longer_adequate_stops_what_is_queued),
        cmocka_unit_test(a_category_taken_off_a_purpose_erases_its_facts),
        cmocka_unit_test(the_policy_of_a_past_day_can_be_read),
        cmocka_unit_test(a_plan_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
