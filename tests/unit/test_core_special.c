/* Special categories (Art. 9) on their way through the core: they ride on nothing, and each purpose needs a condition of its own. */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"

static struct world world;

#define CLINIC                                                                                                         \
    CORE_CONTROLLER                                                                                                    \
    "categories:\n"                                                                                                    \
    "  purchase:  { dpv: pd:PurchasesAndSpendingHabit }\n"                                                             \
    "  behaviour: { dpv: pd:Behavioural }\n"                                                                           \
    "  health:    { dpv: pd:Health, special: true }\n"                                                                 \
    "  religion:  { dpv: pd:Religion, special: true }\n"                                                               \
    "fields:\n"                                                                                                        \
    "  traits.about: behaviour\n"                                                                                      \
    "  traits.about.faith: religion\n"                                                                                 \
    "  traits.allergy: health\n"                                                                                       \
    "  properties.total: purchase\n"                                                                                   \
    "  properties.symptom: health\n"                                                                                   \
    "  properties.free: none\n"                                                                                        \
    "notices: { care: { version: 1, languages: { en: privacy.md } } }\n"                                               \
    "purposes:\n"                                                                                                      \
    "  shop:   { title: T, basis: public_task, law: a law, categories: [purchase, behaviour, health, religion], retention: P1Y after collected }\n" \
    "  clinic: { title: T, basis: contract, contract: c, categories: [health, purchase], special_condition: h, retention: P1Y after collected }\n" \
    "  care:   { title: T, basis: consent, notice: care, categories: [health], special_condition: a, retention: P1Y after collected }\n" \
    "  advice: { title: T, basis: legitimate_interest, interest: i, balancing_test: l.pdf@2026-02-11, categories: [health, purchase], compatible_with: [clinic], compatible_assessment: c.pdf, retention: P1Y after collected }\n" \
    "sources:\n"                                                                                                       \
    "  web:  { kind: website, key_env: NONE_1, purposes: [shop], when_denied: drop }\n"                                \
    "  desk: { kind: store, key_env: NONE_2, purposes: [shop, clinic, care], when_denied: drop, trusted: true }\n"     \
    "identity:\n  keys:\n    email: { normalise: email }\n"

static int set_up(void **state)
{
    (void)state;
    world_begin(&world, CLINIC);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

#define ANNA "user_id:anna"

static str left_out(const struct message_result *result, size_t place)
{
    assert_true(place < result->left_out.count);
    return str_printf(&world.arena, "%.*s: %.*s", STR_FMT(result->left_out.items[place].field),
                      STR_FMT(world_reasons(&world, result->left_out.items[place].reasons)));
}

static str view_facts(const char *purpose)
{
    struct question question = {.purpose = str_of(purpose), .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms};
    struct profile_view view;
    struct buf buf;
    buf_init(&buf, &world.arena, 4096);
    profile_view(&world.arena, world.policy, world_person(&world, ANNA), &question, NULL, &view);
    vec_each (fact, &view.facts)
        buf_printf(&buf, "%s%.*s", buf.length ? " " : "", STR_FMT((*fact)->name));
    return buf_str(&buf);
}

static void a_special_field_is_trimmed_with_its_reason(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Bought\",\"properties\":{\"total\":5,\"symptom\":\"cough\",\"free\":1}}");
    assert_int_equal(result->outcome, OUTCOME_TRIMMED);
    assert_int_equal(result->left_out.count, 1);
    check_str(left_out(result, 0), "properties.symptom: special_category_without_condition");
    check_str(world_person(&world, ANNA)->events.items[0].parts[0].body, "{\"event\":\"Bought\",\"properties\":{\"total\":5,\"free\":1}}");
}

static void what_rides_does_not_ride_on_it(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Felt ill\",\"properties\":{\"symptom\":\"cough\",\"free\":1}}");
    assert_int_equal(result->outcome, OUTCOME_DROPPED);
    assert_true(result->reasons & REASON_BIT(REASON_SPECIAL_CATEGORY_WITHOUT_CONDITION));
    assert_null(world_person(&world, ANNA)); /* not even the event's name, which tells as much */
}

static void a_special_leaf_is_cut_out_of_a_common_branch(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"about\":{\"likes\":\"tea\",\"faith\":\"x\"}}}");
    assert_int_equal(result->outcome, OUTCOME_TRIMMED);
    check_str(left_out(result, 0), "traits.about.faith: special_category_without_condition");
    check_str(world_trait(&world, ANNA, "about.likes"), "\"tea\"");
    check_str(world_trait(&world, ANNA, "about.faith"), "");
}

static void a_condition_serves_its_own_purpose_only(void **state)
{
    (void)state;
    check_str(world_state(&world, ANNA, "clinic", "opened", NULL), "");
    (void)world_send(&world, "desk", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"allergy\":\"nuts\"}}");
    check_str(world_purposes(&world, world_person(&world, ANNA)->facts.items[0].purposes), "clinic");
    check_str(view_facts("clinic"), "allergy");
    check_str(view_facts("shop"), "");
    check_str(view_facts("advice"), ""); /* compatible, but Art. 9 asks for a condition of its own */
}

static void a_consent_that_is_no_longer_explicit_takes_it_away(void **state)
{
    (void)state;
    struct consent explicitly = {.explicit_given = true};
    check_str(world_state(&world, ANNA, "care", "given", &explicitly), "");
    (void)world_send(&world, "desk", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"allergy\":\"nuts\"}}");
    check_str(view_facts("care"), "allergy");
    world_later(&world, "P1D");
    check_str(world_state(&world, ANNA, "care", "renewed", NULL), "");
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
}

static void a_category_that_becomes_special_is_cut_out_of_what_is_stored(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Bought\",\"properties\":{\"total\":5}}");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"about\":{\"likes\":\"tea\"}}}");
    world_later(&world, "P1D");
    char *policy = str_z(&world.arena, STR(CLINIC));
    char *place = strstr(policy, "pd:Behavioural }");
    assert_non_null(place);
    world_policy(&world, arena_printf(&world.arena, "%.*spd:Behavioural, special: true }%s", (int)(place - policy), policy, place + 16));
    world_sweep_all(&world);
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 2); /* the purchase stays; so does that she was seen */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_special_field_is_trimmed_with_its_reason), TEST(what_rides_does_not_ride_on_it),
        TEST(a_special_leaf_is_cut_out_of_a_common_branch), TEST(a_condition_serves_its_own_purpose_only),
        TEST(a_consent_that_is_no_longer_explicit_takes_it_away), TEST(a_category_that_becomes_special_is_cut_out_of_what_is_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
