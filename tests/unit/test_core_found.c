/* What the simulation found in the core, each as the shortest story that shows it. */
#include "unit.h"

#include "core_policy.h"
#include "core/rights.h"
#include "core_world.h"
#include "model/key_class.h"

static struct world world;

#define SHORT_LIVED                                                                                                    \
    CORE_CONTROLLER CORE_DATA                                                                                          \
        "purposes:\n"                                                                                                  \
        "  orders: { title: T, basis: contract, contract: sale@1, categories: [purchase], retention: P1D after collected }\n"  \
        "  advice: { title: T, basis: legitimate_interest, interest: help, balancing_test: lia.pdf@2026-02-11, categories: [purchase], compatible_with: [orders], compatible_assessment: c.pdf, retention: P1Y after collected }\n" \
        "  watch:  { title: T, basis: public_task, law: a law, categories: [behaviour], retention: P2D after last_seen }\n"       \
        "  sale:   { title: T, basis: legitimate_interest, interest: money, balancing_test: lia.pdf@2026-02-11, categories: [behaviour], gpc: true, retention: P1Y after collected }\n" \
        "sources:\n"                                                                                                   \
        "  shop: { kind: website, key_env: NONE_1, purposes: [orders, watch], when_denied: drop }\n"                         \
        "  coast: { kind: website, key_env: NONE_2, purposes: [watch, sale], when_denied: drop, jurisdiction: US-CA }\n"  \
        "identity:\n  keys:\n    email: { normalise: email, category: email }\n"

#define TASK                                                                                                           \
    CORE_CONTROLLER CORE_DATA                                                                                          \
        "purposes:\n"                                                                                                  \
        "  task: { title: T, basis: public_task, law: a law, categories: [purchase], retention: P1Y after collected }\n" \
        "  news: { title: T, basis: consent, notice: privacy, categories: [purchase, behaviour, phone], retention: P1Y after collected }\n" \
        "sources:\n  shop: { kind: website, key_env: NONE_1, purposes: [task, news], when_denied: hold P5D }\n" \
        "identity:\n  keys:\n    phone: { normalise: e164, default_region: HU, category: phone }\n"

#define PROMOTION                                                                                                      \
    CORE_CONTROLLER CORE_DATA                                                                                          \
        "purposes:\n"                                                                                                  \
        "  promotion: { title: T, basis: consent, notice: privacy, categories: [behaviour], ends: 2026-10-03, retention: P1Y after collected }\n" \
        "sources:\n  shop: { kind: website, key_env: NONE_1, purposes: [promotion], when_denied: hold P5D }\n"

static int set_up(void **state)
{
    (void)state;
    world_begin(&world, CORE_POLICY);
    return 0;
}
static int set_up_lazy(void **state)
{
    set_up(state);
    world.lazy = true;
    return 0;
}
static int set_up_short(void **state)
{
    (void)state;
    world_begin(&world, SHORT_LIVED);
    return 0;
}
static int set_up_task(void **state)
{
    (void)state;
    world_begin(&world, TASK);
    return 0;
}
static int set_up_promotion(void **state)
{
    (void)state;
    world_begin(&world, PROMOTION);
    world_at(&world, "2026-10-01T08:00:00Z");
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

#define ANNA "user_id:anna"

static void say(const char *subject, const char *purpose, const char *status) { check_str(world_state(&world, subject, purpose, status, NULL), ""); }

static size_t facts_seen(const char *subject, const char *purpose)
{
    struct question question = {.purpose = str_of(purpose), .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms};
    struct profile_view view;
    profile_view(&world.arena, world.policy, world_person(&world, subject), &question, NULL, &view);
    assert_true(view.decision.allow);
    return view.facts.count;
}

static void nothing_overdue_is_read_for_a_compatible_purpose(void **state)
{
    (void)state;
    say(ANNA, "orders", "opened");
    (void)world_send(&world, "shop", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"points\":7}}");
    assert_int_equal(facts_seen(ANNA, "advice"), 1);
    world_later(&world, "P2D"); /* the sweeper has not come yet */
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 1);
    assert_int_equal(facts_seen(ANNA, "advice"), 0);
}

static void who_is_seen_again_is_swept_in_time(void **state)
{
    (void)state;
    say(ANNA, "orders", "opened");
    world_later(&world, "P5D");
    (void)world_send(&world, "shop", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\"}}");
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 1);
    world_later(&world, "P3D");
    world_sweep(&world); /* only those whose time has come */
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
}

static void a_value_that_came_with_a_statement_goes_in_time(void **state)
{
    (void)state;
    say(ANNA, "fraud", "informed");
    check_str(world_person(&world, ANNA)->identifiers.items[0].value, "anna");
    world_later(&world, "P1Y");
    world_later(&world, "P2D");
    world_sweep(&world);
    const struct person *anna = world_person(&world, ANNA);
    assert_true(!anna || str_empty(anna->identifiers.items[0].value));
}

static void what_no_consent_can_release_is_not_held(void **state)
{
    static const char *const purposes[] = {"newsletter", "analytics", "children", "care"};
    const char *viewed = "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"}}";
    (void)state;
    assert_int_equal(world_send(&world, "web", viewed)->outcome, OUTCOME_HELD);
    for (size_t i = 0; i < COUNT_OF(purposes); i++)
        say(ANNA, purposes[i], "refused");
    assert_int_equal(world_send(&world, "web", viewed)->outcome, OUTCOME_DROPPED);
}

static void a_message_may_name_twice_who_is_just_forgotten(void **state)
{
    const char *bought = "{\"type\":\"track\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"event\":\"Bought\",\"properties\":{\"total\":5}}";
    (void)state;
    (void)world_send(&world, "drop", bought);
    world_later(&world, "P9Y");
    assert_int_equal(world_send(&world, "drop", bought)->outcome, OUTCOME_ACCEPTED);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 1);
}

static void what_a_release_brought_is_not_brought_again(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/a\"}}");
    assert_int_equal(world_alive_held(world_person(&world, ANNA)), 1);
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/b\"},"
                                    "\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 2);
    assert_int_equal(world_person(&world, ANNA)->identifiers.count, 2); /* and world_check found no second owner */
}

static void who_is_joined_by_a_release_has_messages_released_too(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/a\"}}");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/b\"}}");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/c\"}}");
    say(ANNA, "newsletter", "given"); /* "/c" joins the two */
    assert_ptr_equal(world_person(&world, ANNA), world_person(&world, "anonymous_id:a1"));
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 3);
    assert_int_equal(world_alive_held(world_person(&world, ANNA)), 0);
}

static void a_no_holds_for_whom_the_message_is_about(void **state)
{
    (void)state; /* the mail address is the stronger identifier, but nothing covers it: the message is about the browser */
    (void)world_send_gpc(&world, "coast", "{\"type\":\"identify\",\"anonymousId\":\"a1\",\"traits\":{\"email\":\"anna@example.hu\",\"colour\":\"red\"}}");
    const struct person *person = world_person(&world, "anonymous_id:a1");
    assert_int_equal(person->facts.count, 1);
    check_str(world_purposes(&world, person->facts.items[0].purposes), "watch");
}

static void an_empty_container_takes_nothing_away(void **state)
{
    (void)state;
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Bought\",\"properties\":{\"total\":5},\"context\":{\"device\":{}}}");
    str before = str_copy(&world.arena, world_person(&world, ANNA)->events.items[0].parts[0].body);
    world_policy(&world, CORE_POLICY);
    world_sweep_all(&world);
    assert_true(str_equal(world_person(&world, ANNA)->events.items[0].parts[0].body, before));
}

static void the_last_keys_of_who_was_erased_end(void **state)
{
    unsigned ended = 0;
    (void)state;
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Bought\",\"properties\":{\"total\":5}}");
    profile_no number = world_person(&world, ANNA)->root;
    assert_true(world_erase(&world, ANNA)); /* the invoice stays, for eight years */
    world_later(&world, "P8Y");
    world_later(&world, "PT1H");
    say(ANNA, "fulfilment", "opened"); /* takes the name along; the invoice has just gone */
    world_later(&world, "P2D");
    world_sweep_all(&world);
    vec_each (end, &world.key_ends)
        ended |= profile_no_equal(end->profile, number) ? end->class_mask : 0;
    assert_int_equal(ended & KEY_CLASS_ALL, KEY_CLASS_ALL);
}

/* Whom a law brings back is somebody new: what the same message says of consent is said by that person. */
static void who_comes_back_is_heard_at_once(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    assert_true(world_erase(&world, ANNA));
    world_later(&world, "P1D");
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Bought\",\"properties\":{\"total\":5,\"page\":\"p\"},"
                                     "\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":false,\"Analytics\":true}}}}");
    const struct person *person = world_person(&world, ANNA);
    assert_int_equal(person->profiles.items[0].erased_ms, TIME_NONE);
    assert_int_equal(person->consents.count, 2);
    assert_int_equal(person->consents.items[0].status, CONSENT_REFUSED);
    assert_int_equal(person->consents.items[1].status, CONSENT_GIVEN);
    assert_int_equal(world_alive_events(person), 1);
    purpose_mask kept = 0;
    for (unsigned i = 0; i < person->events.items[0].part_count; i++)
        kept |= person->events.items[0].parts[i].purposes;
    check_str(world_purposes(&world, kept), "analytics bookkeeping");
    check_str(world_purposes(&world, person->identifiers.items[0].purposes), "analytics bookkeeping");
}

static void nobody_comes_back_by_a_signal_alone(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    assert_true(world_erase(&world, ANNA));
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Segment Consent Preference Updated\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    assert_true(world_person(&world, ANNA)->profiles.items[0].erased_ms != TIME_NONE);
    assert_int_equal(world_person(&world, ANNA)->consents.count, 0);
}

#define BORN_BY_LAW                                                                                                    \
    CORE_CONTROLLER CORE_DATA                                                                                          \
        "purposes:\n  books: { title: T, basis: legal_obligation, law: a law, categories: [birth], retention: P8Y after collected }\n" \
        "sources:\n  till: { kind: store, key_env: NONE_1, purposes: [books], when_denied: drop }\n"

/* A law keeps the date of birth of somebody erased; the year that consents are judged by goes all the same. */
static void an_erased_person_has_no_age(void **state)
{
    (void)state;
    world_policy(&world, BORN_BY_LAW);
    (void)world_send(&world, "till", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"2008-05-05\"}}");
    assert_int_equal(world_person(&world, ANNA)->profiles.items[0].birth_year, 2008);
    assert_true(world_erase(&world, ANNA));
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 1);
    assert_int_equal(world_person(&world, ANNA)->profiles.items[0].birth_year, 0);
    world_later(&world, "P1D");
    world_sweep_all(&world);
    assert_int_equal(world_person(&world, ANNA)->profiles.items[0].birth_year, 0);
}

/* The address may not be kept, so the message is about the browser, who allows nothing: then nobody is known by its device either. */
static void what_is_dropped_leaves_no_identifier(void **state)
{
    (void)state;
    say("email:anna@example.hu", "analytics", "given");
    say("anonymous_id:a2", "newsletter", "refused");
    const struct message_result *result =
        world_send(&world, "drop", "{\"type\":\"page\",\"anonymousId\":\"a2\",\"properties\":{\"page\":\"p\"},\"context\":{\"traits\":{\"email\":\"anna@example.hu\"},\"device\":{\"id\":\"d1\"}}}");
    assert_int_equal(result->outcome, OUTCOME_DROPPED);
    assert_int_equal(world_person(&world, "anonymous_id:a2")->identifiers.count, 1);
    assert_null(world_person(&world, "device_id:d1"));
}

/* What was said stays with the identifier that it was said on, and is each side's own again after an undo. What the joined person's objection
 * erased is erased: no undo brings it back. */
static void an_undo_gives_back_what_was_said_not_what_was_erased(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    say("user_id:bela", "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\"}}");
    world_later(&world, "PT1H");
    world_policy(&world, CORE_CONTROLLER CORE_DATA CORE_PURPOSES CORE_FLOW "  keys:\n    user_id: { limit_per_profile: 2 }\n");
    check_str(world_join(&world, ANNA, "user_id:bela"), "");
    struct uuid merge = world_person(&world, ANNA)->merges.items[0].id;
    say("user_id:bela", "newsletter", "objected");
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
    world_later(&world, "PT1H");
    check_str(world_undo(&world, merge), "");
    assert_int_equal(world_person(&world, ANNA)->consents.count, 1);
    assert_int_equal(world_person(&world, "user_id:bela")->consents.count, 2);
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"blue\"}}"); /* her own yes holds again */
    check_str(world_trait(&world, ANNA, "colour"), "\"blue\"");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"bela\",\"traits\":{\"colour\":\"red\"}}");
    check_str(world_trait(&world, "user_id:bela", "colour"), "");
}

#define INFORMED_IDENTITY CORE_CONTROLLER CORE_DATA CORE_PURPOSES CORE_FLOW "  purpose: fraud\n" CORE_KEYS

/* Joining rests on an interest with a notice: who is shown it with the message is informed first, and joined then. */
static void people_are_informed_before_they_are_joined(void **state)
{
    (void)state;
    size_t informed = 0, merged = 0;
    world_policy(&world, INFORMED_IDENTITY);
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"B\",\"properties\":{\"total\":5}}");
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"B\",\"properties\":{\"total\":5}}");
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"event\":\"B\",\"properties\":{\"total\":5}}");
    assert_int_equal(world.persons.count, 2); /* this source shows nothing */
    (void)world_send(&world, "till", "{\"type\":\"track\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"event\":\"B\",\"properties\":{\"total\":5}}");
    assert_int_equal(world.persons.count, 1);
    vec_each (leaf, &world.leaves) {
        bool merge = str_equal(str_of(leaf->kind), STR("merge"));
        informed += !merged && !merge && str_find(leaf->record, STR("\"informed\"")) >= 0;
        merged += merge;
    }
    assert_int_equal(merged, 1);
    assert_int_equal(informed, 2); /* each side, before the join */
    assert_int_equal(world_person(&world, ANNA)->consents.count, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down), {#name " (lazily loaded)", name, set_up_lazy, tear_down, NULL}
static void nothing_waits_with_somebody_erased_whom_a_message_names_beside_another(void **state)
{
    (void)state;
    say("phone:+36201234567", "news", "given");
    assert_true(world_erase(&world, "phone:+36201234567"));
    check_str(world_state(&world, "anonymous_id:a1", "task", "objected", &(struct consent){.by = SAID_BY_AGENT}), "");
    const struct message_result *result =
        world_send(&world, "shop", "{\"type\":\"identify\",\"anonymousId\":\"a1\",\"traits\":{\"phone\":\"+36201234567\",\"points\":3}}");
    assert_int_equal(result->outcome, OUTCOME_DROPPED);
    vec_each (person, &world.persons)
        assert_int_equal(world_alive_held(*person), 0);
}

static void nothing_is_held_beyond_the_end_of_the_last_purpose_that_it_hopes_for(void **state)
{
    (void)state;
    assert_int_equal(world_send(&world, "shop", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/\"}}")->outcome, OUTCOME_HELD);
    world_at(&world, "2026-10-03T00:00:00Z");
    world_sweep(&world);
    assert_true(!world_person(&world, ANNA) || !world_alive_held(world_person(&world, ANNA)));
}

/* Art. 17(3)(b): it stays as long as its retention says, is used for nothing, and its law and end are told. */
static void a_task_that_a_law_gives_outlives_an_erasure(void **state)
{
    (void)state;
    struct rights_record record = {0};
    world_at(&world, "2026-10-01T08:00:00Z");
    (void)world_send(&world, "shop", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"}}");
    (void)world_send(&world, "shop", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\"}}");
    world_person(&world, ANNA)->events.items[0].parts[0].key_class = KEY_CONTRACT; /* as it was sealed before tasks were kept */
    assert_true(world_erase(&world, ANNA));
    const struct person *anna = world_person(&world, ANNA);
    assert_int_equal(world_alive_events(anna), 2);
    assert_int_equal(world_alive_facts(anna), 1);
    assert_int_equal(anna->events.items[0].parts[0].key_class, KEY_LEGAL);
    vec_each (end, &world.key_ends)
        assert_false(end->class_mask & KEY_CLASS_BIT(KEY_LEGAL));
    rights_outcome(&world.arena, world.policy, anna, true, &record);
    assert_int_equal(record.kept.count, 1);
    check_str(record.kept.items[0].law, "a law");
    check_str(record.kept.items[0].basis, "public_task");
    check_str(time_format(&world.arena, record.kept.items[0].until_ms), "2026-10-03T00:00:00.000Z");
    struct question question = {.purpose = STR("watch"), .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms};
    struct decision decision;
    gate_decide(&world.arena, world.policy, anna, &question, &decision);
    check_str(world_reasons(&world, decision.reasons), "subject_erased");
    world_check(&world);
    world_at(&world, "2026-10-03T08:00:00Z");
    world_sweep(&world);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
}

/* ... but not an objection to it that was upheld (Art. 17(1)(c)). */
static void an_objection_to_a_task_that_was_upheld_leaves_nothing_of_it(void **state)
{
    (void)state;
    (void)world_send(&world, "shop", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"}}");
    check_str(world_state(&world, ANNA, "watch", "objected", &(struct consent){.by = SAID_BY_AGENT}), "");
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
    assert_true(world_erase(&world, ANNA));
    unsigned ended = 0;
    vec_each (end, &world.key_ends)
        ended |= end->class_mask;
    assert_int_equal(ended, KEY_CLASS_ALL);
    check_str(world_person(&world, ANNA)->identifiers.items[0].value, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_overdue_is_read_for_a_compatible_purpose, set_up_short, tear_down),
        cmocka_unit_test_setup_teardown(who_is_seen_again_is_swept_in_time, set_up_short, tear_down),
        TEST(a_value_that_came_with_a_statement_goes_in_time),
        TEST(what_no_consent_can_release_is_not_held),
        TEST(a_message_may_name_twice_who_is_just_forgotten),
        TEST(what_a_release_brought_is_not_brought_again),
        TEST(who_is_joined_by_a_release_has_messages_released_too),
        cmocka_unit_test_setup_teardown(a_no_holds_for_whom_the_message_is_about, set_up_short, tear_down),
        TEST(an_empty_container_takes_nothing_away),
        TEST(the_last_keys_of_who_was_erased_end),
        TEST(who_comes_back_is_heard_at_once),
        TEST(nobody_comes_back_by_a_signal_alone),
        TEST(people_are_informed_before_they_are_joined),
        TEST(what_is_dropped_leaves_no_identifier),
        TEST(an_erased_person_has_no_age),
        TEST(an_undo_gives_back_what_was_said_not_what_was_erased),
        cmocka_unit_test_setup_teardown(a_task_that_a_law_gives_outlives_an_erasure, set_up_short, tear_down),
        cmocka_unit_test_setup_teardown(an_objection_to_a_task_that_was_upheld_leaves_nothing_of_it, set_up_short, tear_down),
        cmocka_unit_test_setup_teardown(nothing_waits_with_somebody_erased_whom_a_message_names_beside_another, set_up_task, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_held_beyond_the_end_of_the_last_purpose_that_it_hopes_for, set_up_promotion, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
