/* The profile: the fold of facts, and what one purpose sees of a person. */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"

static struct world world;

static int set_up(void **state)
{
    (void)state;
    world_begin(&world, CORE_POLICY);
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

static struct profile_view view_for(const char *purpose)
{
    struct profile_view view;
    struct question question = {.purpose = str_of(purpose), .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms, .operation = OPERATION_USE};
    profile_view(&world.arena, world.policy, world_person(&world, ANNA), &question, NULL, &view);
    return view;
}

#define EVERYTHING ((struct view_told){~(purpose_mask)0, WITHHELD_ALL})

static str written_for(const char *purpose, const struct view_told *told)
{
    struct profile_view view = view_for(purpose);
    struct buf buf;
    struct jsonw w;
    if (!view.decision.allow)
        return str_printf(&world.arena, "denied %.*s", STR_FMT(world_reasons(&world, view.decision.reasons)));
    buf_init(&buf, &world.arena, 65536);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    profile_view_write(&w, &view, told ? *told : view_told_recipient(&view));
    jsonw_object_end(&w);
    str text = buf_str(&buf);
    return str_slice(text, (size_t)str_find(text, STR("\"purpose\"")), text.length);
}

static str written(const char *purpose)
{
    return written_for(purpose, &EVERYTHING);
}

static str event_seen(const char *purpose, size_t number)
{
    struct profile_view view = view_for(purpose);
    str body;
    const struct person *person = world_person(&world, ANNA);
    return profile_view_event(&world.arena, &view, NULL, &person->events.items[number], &body) ? body : STR("nothing");
}

static void everybody(void) /* who agreed to nearly all */
{
    say(ANNA, "newsletter", "given");
    say(ANNA, "analytics", "given");
    say(ANNA, "fulfilment", "opened");
    world_later(&world, "PT1H");
}

static void a_purpose_sees_what_was_collected_for_it(void **state)
{
    (void)state;
    everybody();
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"email\":\"anna@example.hu\",\"colour\":\"red\",\"points\":7}}");
    check_str(written("newsletter"),
              "\"purpose\":\"newsletter\",\"identifiers\":[{\"type\":\"user_id\",\"value\":\"anna\"},{\"type\":\"email\",\"value\":\"anna@example.hu\"}],"
              "\"traits\":{\"colour\":\"red\",\"email\":\"anna@example.hu\",\"points\":7},"
              "\"facts\":[{\"name\":\"email\",\"value\":\"anna@example.hu\",\"source\":\"web\",\"observed_at\":\"2026-10-01T01:00:00.000Z\",\"purposes\":[\"newsletter\",\"fulfilment\"],\"on\":\"user_id:anna\"},"
              "{\"name\":\"colour\",\"value\":\"red\",\"source\":\"web\",\"observed_at\":\"2026-10-01T01:00:00.000Z\",\"purposes\":[\"newsletter\",\"analytics\"],\"on\":\"user_id:anna\"},"
              "{\"name\":\"points\",\"value\":7,\"source\":\"web\",\"observed_at\":\"2026-10-01T01:00:00.000Z\",\"purposes\":[\"newsletter\",\"fulfilment\"],\"on\":\"user_id:anna\"}],"
              "\"consents\":{\"newsletter\":{\"status\":\"given\",\"basis\":\"consent\",\"at\":\"2026-10-01T00:00:00.000Z\",\"notice\":\"newsletter@3\"},"
              "\"analytics\":{\"status\":\"given\",\"basis\":\"consent\",\"at\":\"2026-10-01T00:00:00.000Z\",\"notice\":\"privacy@2\"},"
              "\"fulfilment\":{\"status\":\"opened\",\"basis\":\"contract\",\"at\":\"2026-10-01T00:00:00.000Z\",\"notice\":null}},"
              "\"preferences\":{\"channels\":{},\"topics\":{},\"frequency\":{}},\"withheld\":[]}");
    str fulfilment = written("fulfilment");
    assert_true(str_find(fulfilment, STR("\"traits\":{\"email\":\"anna@example.hu\",\"points\":7}")) > 0);
    assert_true(str_find(fulfilment, STR("\"withheld\":[{\"field\":\"colour\",\"reasons\":[\"category_not_covered\",\"fact_purpose_mismatch\"]}]")) > 0);
    say(ANNA, "newsletter", "withdrawn");
    check_str(written("newsletter"), "denied consent_withdrawn");
}

static void compatible_purposes_see_what_was_not_collected_on_consent(void **state)
{
    (void)state;
    everybody();
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\",\"points\":7}}");
    str advice = written("advice");
    assert_true(str_find(advice, STR("\"traits\":{\"points\":7}")) > 0); /* of the contract */
    assert_true(str_find(advice, STR("{\"field\":\"colour\",\"reasons\":[\"fact_purpose_mismatch\"]}")) > 0); /* of a consent: never */
}

static void events_are_put_together_for_a_purpose(void **state)
{
    (void)state;
    struct consent sure = {.explicit_given = true};
    everybody();
    check_str(world_state(&world, ANNA, "care", "given", &sure), "");
    (void)world_send(&world, "web",
                     "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Asked\",\"properties\":{\"page\":\"/a\",\"total\":5,\"test\":true,\"products\":[{\"sku\":\"a\"},{\"sku\":\"b\",\"symptom\":\"cough\"}]},"
                     "\"context\":{\"device\":{\"model\":\"x\"},\"library\":{\"name\":\"js\"}}}");
    check_str(event_seen("newsletter", 0), "{\"event\":\"Asked\",\"properties\":{\"page\":\"/a\",\"total\":5,\"products\":[{\"sku\":\"a\"},{\"sku\":\"b\"}],\"test\":true},\"context\":{\"library\":{\"name\":\"js\"}}}");
    check_str(event_seen("care", 0), "{\"event\":\"Asked\",\"properties\":{\"page\":\"/a\",\"total\":5,\"products\":[{\"sku\":\"a\"},{\"sku\":\"b\",\"symptom\":\"cough\"}],\"test\":true},\"context\":{\"library\":{\"name\":\"js\"}}}");
    check_str(event_seen("analytics", 0), "{\"event\":\"Asked\",\"properties\":{\"page\":\"/a\",\"test\":true},\"context\":{\"device\":{\"model\":\"x\"},\"library\":{\"name\":\"js\"}}}");
    check_str(event_seen("fraud", 0), "nothing");
}

static void rules_say_which_value_stands(void **state)
{
    (void)state;
    everybody();
    world_at(&world, "2026-10-05");
#define SAY(day, traits) "{\"type\":\"identify\",\"userId\":\"anna\",\"timestamp\":\"2026-10-0" day "T00:00:00Z\",\"traits\":" traits "}"
    (void)world_send(&world, "web", SAY("3", "{\"colour\":\"red\",\"points\":5,\"sizes\":[\"m\",\"l\"]}"));
    (void)world_send(&world, "web", SAY("2", "{\"colour\":\"blue\",\"points\":9,\"sizes\":\"s\"}"));
    (void)world_send(&world, "till", SAY("4", "{\"points\":7}"));
    check_str(world_trait(&world, ANNA, "colour"), "\"red\"");
    check_str(world_trait(&world, ANNA, "points"), "9");
    check_str(world_trait(&world, ANNA, "sizes"), "[\"l\",\"m\",\"s\"]");
    (void)world_send(&world, "web", SAY("4", "{\"colour\":null}"));
    check_str(world_trait(&world, ANNA, "colour"), "");
    (void)world_send(&world, "web", SAY("3", "{\"colour\":\"green\"}")); /* older than the removal */
    check_str(world_trait(&world, ANNA, "colour"), "");
}

static void what_is_said_again_is_not_kept_twice(void **state)
{
    (void)state;
    everybody();
    for (int i = 0; i < 10; i++) {
        world_later(&world, "PT1H");
        (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\",\"points\":7,\"sizes\":[1]}}");
    }
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 3);
}

static void of_several_profiles_the_newest_preference_stands(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    say("anonymous_id:a1", "newsletter", "given");
    check_str(world_prefer(&world, "anonymous_id:a1", "{\"channels\":{\"email\":false,\"sms\":false},\"language\":\"hu\"}"), "");
    world_later(&world, "PT1H");
    check_str(world_prefer(&world, ANNA, "{\"channels\":{\"email\":true}}"), "");
    check_str(world_join(&world, ANNA, "anonymous_id:a1"), "");
    assert_true(str_find(written("newsletter"), STR("\"preferences\":{\"channels\":{\"email\":true,\"sms\":false},\"topics\":{},\"frequency\":{},\"language\":\"hu\"}")) > 0);
}

static void digests_tell_people_apart_and_know_them_again(void **state)
{
    (void)state;
    uint8_t one[32], two[32];
    everybody();
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\"}}");
    profile_digest(&world.arena, world.policy, world_person(&world, ANNA), one);
    profile_digest(&world.arena, world.policy, world_person(&world, ANNA), two);
    assert_memory_equal(one, two, 32);
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"blue\"}}");
    profile_digest(&world.arena, world.policy, world_person(&world, ANNA), two);
    assert_memory_not_equal(one, two, 32);
}

static bool has(str text, const char *part) { return str_find(text, str_of(part)) >= 0; }

static void whoever_has_it_for_one_purpose_hears_of_no_other(void **state)
{
    (void)state;
    struct consent sure = {.explicit_given = true};
    everybody();
    check_str(world_state(&world, ANNA, "care", "given", &sure), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"allergy\":\"nuts\",\"colour\":\"red\",\"points\":7}}");
    str all = written("fulfilment");
    assert_true(has(all, "\"field\":\"allergy\"") && has(all, "\"field\":\"colour\"") && has(all, "analytics"));
    str sent = written_for("fulfilment", NULL);
    assert_true(has(sent, "\"points\":7") && has(sent, "\"purposes\":[\"fulfilment\"]") && has(sent, "\"consents\":{\"fulfilment\":{"));
    assert_false(has(sent, "withheld") || has(sent, "allergy") || has(sent, "colour") || has(sent, "newsletter") || has(sent, "analytics") || has(sent, "care"));
    /* A token: of its purposes, and the names of all fields but those that are another purpose's secret. */
    purpose_mask own = policy_purpose(world.policy, STR("fulfilment"))->self, care = policy_purpose(world.policy, STR("care"))->self;
    str narrow = written_for("fulfilment", &(struct view_told){own, WITHHELD_OWN});
    assert_true(has(narrow, "\"field\":\"colour\"") && has(narrow, "\"consents\":{\"fulfilment\":{"));
    assert_false(has(narrow, "allergy") || has(narrow, "newsletter") || has(narrow, "analytics") || has(narrow, "care"));
    str wide = written_for("fulfilment", &(struct view_told){own | care, WITHHELD_OWN});
    assert_true(has(wide, "\"field\":\"allergy\"") && !has(wide, "analytics"));
    str officer = written_for("fulfilment", &(struct view_told){own, WITHHELD_ALL});
    assert_true(has(officer, "\"field\":\"allergy\"") && !has(officer, "analytics"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_purpose_sees_what_was_collected_for_it),
        TEST(compatible_purposes_see_what_was_not_collected_on_consent),
        TEST(events_are_put_together_for_a_purpose),
        TEST(rules_say_which_value_stands),
        TEST(what_is_said_again_is_not_kept_twice),
        TEST(of_several_profiles_the_newest_preference_stands),
        TEST(whoever_has_it_for_one_purpose_hears_of_no_other),
        TEST(digests_tell_people_apart_and_know_them_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
