/* Messages through the core: what is kept under which purposes, what is left out, held, counted; and what the signals on them do. */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"
#include "model/key_class.h"

static struct world world;

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
static int tear_down(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

#define ANNA "user_id:anna"

static void give(const char *subject, const char *purpose) { check_str(world_state(&world, subject, purpose, "given", NULL), ""); }
static void withdraw(const char *subject, const char *purpose) { check_str(world_state(&world, subject, purpose, "withdrawn", NULL), ""); }

/* "(newsletter) {…}" a part, joined by blanks, of the newest event. */
static str newest(const char *subject)
{
    const struct person *person = world_person(&world, subject);
    struct buf buf;
    buf_init(&buf, &world.arena, 65536);
    if (!person || !person->events.count)
        return STR("nothing");
    const struct event *event = &person->events.items[person->events.count - 1];
    for (unsigned i = 0; i < event->part_count; i++)
        buf_printf(&buf, "%s(%.*s) %.*s", i ? " " : "", STR_FMT(world_purposes(&world, event->parts[i].purposes)), STR_FMT(event->parts[i].body));
    return buf_str(&buf);
}

static str outcome(const struct message_result *result)
{
    return str_printf(&world.arena, "%s (%.*s) %.*s", outcome_name(result->outcome), STR_FMT(world_purposes(&world, result->purposes)),
                      STR_FMT(world_reasons(&world, result->reasons)));
}

static str left_out(const struct message_result *result)
{
    struct buf buf;
    buf_init(&buf, &world.arena, 65536);
    vec_each (each, &result->left_out)
        buf_printf(&buf, "%s%.*s: %.*s", buf.length ? "; " : "", STR_FMT(each->field), STR_FMT(world_reasons(&world, each->reasons)));
    return buf_str(&buf);
}

/* --- kept */

static void each_field_is_kept_for_exactly_the_purposes_that_cover_it(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    give(ANNA, "analytics");
    const struct message_result *result =
        world_send(&world, "web",
                   "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\",\"total\":5,\"test\":1},"
                   "\"context\":{\"device\":{\"model\":\"x\"},\"library\":{\"name\":\"js\"}}}");
    check_str(outcome(result), "accepted (newsletter analytics) ");
    check_str(newest(ANNA), "(newsletter analytics) {\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\",\"test\":1},\"context\":{\"library\":{\"name\":\"js\"}}} "
                            "(newsletter) {\"properties\":{\"total\":5}} (analytics) {\"context\":{\"device\":{\"model\":\"x\"}}}");
}

static void what_is_not_allowed_is_left_out_and_counted_by_field_and_reason(void **state)
{
    (void)state;
    give(ANNA, "analytics");
    const struct message_result *result =
        world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\",\"total\":5,\"odd\":{\"anna@example.hu\":1}}}");
    check_str(outcome(result), "trimmed (analytics) ");
    check_str(left_out(result), "properties.total: consent_missing contract_missing; properties.odd.anna@example.hu: field_not_declared");
    check_str(newest(ANNA), "(analytics) {\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\"}}");
    assert_int_equal(world_counted(&world, "left_out", "properties.total", "consent_missing"), 1);
    assert_int_equal(world_counted(&world, "left_out", "properties.*", "field_not_declared"), 1);
    vec_each (counter, &world.counters) /* a client's own names may say who somebody is */
        assert_true(str_find(counter->field, STR("anna")) < 0);
}

static void special_fields_are_cut_out_of_lists(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    const char *order = "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Asked\",\"properties\":{\"products\":[{\"sku\":\"a\"},{\"sku\":\"b\",\"symptom\":\"cough\"}]}}";
    const struct message_result *result = world_send(&world, "web", order);
    check_str(outcome(result), "trimmed (newsletter) ");
    check_str(newest(ANNA), "(newsletter) {\"event\":\"Asked\",\"properties\":{\"products\":{\"[]\":2,\"0\":{\"sku\":\"a\"},\"1\":{\"sku\":\"b\"}}}}");
    struct consent explicit_given = {.explicit_given = true};
    check_str(world_state(&world, ANNA, "care", "given", &explicit_given), "");
    result = world_send(&world, "web", order);
    check_str(outcome(result), "accepted (newsletter care) ");
    check_str(newest(ANNA), "(newsletter care) {\"event\":\"Asked\",\"properties\":{\"products\":{\"[]\":2,\"0\":{\"sku\":\"a\"},\"1\":{\"sku\":\"b\"}}}} "
                            "(care) {\"properties\":{\"products\":{\"[]\":2,\"1\":{\"symptom\":\"cough\"}}}}");
}

static void an_identify_becomes_facts_and_its_mail_address_an_identifier(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"email\":\"Anna@Example.HU \",\"colour\":\"red\",\"address\":{\"city\":\"Pécs\"},\"phone\":\"06 20 123 4567\"}}");
    assert_ptr_equal(world_person(&world, ANNA), world_person(&world, "email:anna@example.hu"));
    assert_null(world_person(&world, "phone:+36201234567")); /* the newsletter does not cover it */
    check_str(world_trait(&world, ANNA, "email"), "\"Anna@Example.HU \"");
    check_str(world_trait(&world, ANNA, "address.city"), "\"Pécs\"");
    check_str(world_trait(&world, ANNA, "phone"), "");
}

static void rudderstack_puts_traits_into_the_context(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"originalTimestamp\":\"2026-09-30T10:00:00Z\",\"context\":{\"traits\":{\"colour\":\"blue\"}}}");
    check_str(world_trait(&world, ANNA, "colour"), "\"blue\"");
}

/* --- not kept */

static void nothing_personal_is_kept_of_what_is_dropped(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "drop", "{\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\"}}");
    check_str(outcome(result), "dropped () field_not_declared consent_missing");
    assert_int_equal(world.persons.count, 0);
    assert_int_equal(world_counted(&world, "dropped", "", ""), 1);
}

static void a_kiosk_that_anonymises_only_counts(void **state)
{
    (void)state;
    check_str(outcome(world_send(&world, "kiosk", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/a\"}}")), "anonymised () consent_missing");
    check_str(outcome(world_send(&world, "kiosk", "{\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"anna@example.hu\"}")), "anonymised () field_not_declared consent_missing");
    assert_int_equal(world.persons.count, 0);
    vec_each (counter, &world.counters)
        assert_true(str_find(counter->field, STR("anna")) < 0);
}

static void whoever_cannot_be_named_is_not_stored(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "till", "{\"type\":\"track\",\"anonymousId\":\"kiosk-7\",\"event\":\"Sold\",\"properties\":{\"total\":3}}");
    assert_true(result->reasons & REASON_BIT(REASON_NO_IDENTIFIER));
    assert_int_equal(result->outcome, OUTCOME_DROPPED);
    check_str(left_out(result), "anonymousId: identifier_blocked");
    assert_int_equal(world.persons.count, 0);
}

/* --- held */

static void a_held_message_comes_in_when_its_consent_arrives(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\"}}");
    assert_int_equal(result->outcome, OUTCOME_HELD);
    const struct person *person = world_person(&world, "anonymous_id:a1");
    assert_int_equal(world_alive_held(person), 1);
    assert_true(str_empty(person->identifiers.items[0].value)); /* its hash alone */
    world_later(&world, "PT1H");
    give("anonymous_id:a1", "analytics");
    person = world_person(&world, "anonymous_id:a1");
    assert_int_equal(world_alive_held(person), 0);
    check_str(newest("anonymous_id:a1"), "(analytics) {\"event\":\"Viewed\",\"properties\":{\"page\":\"/a\"}}");
    assert_int_equal(world.key_ends.count, 1);
    assert_true(world.key_ends.items[0].renew && world.key_ends.items[0].class_mask == KEY_CLASS_BIT(KEY_HOLD));
    assert_int_equal(world_counted(&world, "held", "", "released"), 1);
}

static void held_messages_join_whom_they_name_when_they_come_in(void **state)
{
    (void)state;
    give(ANNA, "analytics");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"A\",\"properties\":{\"page\":\"1\"}}");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"B\",\"properties\":{\"page\":\"2\"}}");
    assert_int_equal(world.persons.count, 2);
    give("anonymous_id:a1", "analytics");
    assert_int_equal(world.persons.count, 2);
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"traits\":{\"colour\":\"red\"}}");
    assert_int_equal(world.persons.count, 1);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 3);
}

static void a_held_message_is_destroyed_when_its_time_is_up(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/a\"}}");
    world_later(&world, "PT23H");
    world_sweep(&world);
    assert_int_equal(world.persons.count, 1);
    world_later(&world, "PT1H");
    world_sweep(&world);
    assert_int_equal(world.persons.count, 0); /* and with it all that was known: a hash */
    assert_int_equal(world.key_ends.items[world.key_ends.count - 1].class_mask, KEY_CLASS_ALL);
}

static void no_more_than_the_limit_is_held(void **state)
{
    (void)state;
    struct request *requests = arena_array(&world.arena, struct request, LIMIT_PROFILE_HELD + 1);
    for (size_t i = 0; i <= LIMIT_PROFILE_HELD; i++)
        assert_true(world_message(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"/a\"}}", &requests[i]));
    world_apply(&world, requests, LIMIT_PROFILE_HELD + 1);
    assert_int_equal(requests[LIMIT_PROFILE_HELD - 1].result.outcome, OUTCOME_HELD);
    assert_int_equal(requests[LIMIT_PROFILE_HELD].result.outcome, OUTCOME_DROPPED);
    assert_true(requests[LIMIT_PROFILE_HELD].result.reasons & REASON_BIT(REASON_HOLD_FULL));
}

static void what_nobody_could_ever_allow_is_not_held(void **state)
{
    (void)state;
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"unheard\":\"/a\"}}");
    check_str(outcome(result), "dropped () field_not_declared consent_missing contract_missing");
    assert_int_equal(world.persons.count, 0);
}

static void names_and_facts_have_their_limits(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    world_policy(&world, CORE_POLICY_ALL_FIELDS);
    char *name = arena_alloc(&world.arena, LIMIT_FIELD_NAME_BYTES + 1);
    memset(name, 'x', LIMIT_FIELD_NAME_BYTES);
    str long_one = str_printf(&world.arena, "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"%s\":1,\"colour\":2}}", name);
    const struct message_result *result = world_send(&world, "web", str_z(&world.arena, long_one));
    check_str(left_out(result), "traits: field_name_too_long");
    check_str(world_trait(&world, ANNA, "colour"), "2");
    for (unsigned i = 0; i <= LIMIT_PROFILE_FACTS / 1000; i++) {
        struct buf buf;
        buf_init(&buf, &world.arena, 65536);
        buf_printf(&buf, "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{");
        for (unsigned j = 0; j < 1000; j++)
            buf_printf(&buf, "%s\"t%u\":1", j ? "," : "", i * 1000 + j);
        buf_printf(&buf, "}}");
        result = world_send(&world, "web", str_z(&world.arena, buf_str(&buf)));
    }
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), LIMIT_PROFILE_FACTS);
    assert_int_equal(result->outcome, OUTCOME_TRIMMED);
    check_str(world_reasons(&world, result->left_out.items[999].reasons), "too_many_facts");
}

/* --- narrowing */

static void a_message_may_narrow_its_purposes(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    give(ANNA, "analytics");
#define NARROWED(purposes) "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"},\"context\":{\"purposes\":" purposes "}}"
    check_str(outcome(world_send(&world, "web", NARROWED("[\"analytics\"]"))), "accepted (analytics) ");
    check_str(newest(ANNA), "(analytics) {\"properties\":{\"page\":\"/a\"}}");
    check_str(outcome(world_send(&world, "web", NARROWED("\"newsletter\""))), "accepted (newsletter) ");
    check_str(outcome(world_send(&world, "web", NARROWED("[\"bookkeeping\",\"analytics\"]"))), "accepted (analytics) "); /* never widens */
    check_str(outcome(world_send(&world, "web", NARROWED("null"))), "accepted (newsletter analytics) ");
    assert_int_equal(world_send(&world, "drop", NARROWED("[]"))->reasons & REASON_BIT(REASON_PURPOSE_NARROWED), REASON_BIT(REASON_PURPOSE_NARROWED));
    assert_int_equal(world_send(&world, "drop", NARROWED("7"))->outcome, OUTCOME_DROPPED);
}

/* --- signals */

#define MAP(map) "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"},\"context\":{\"consent\":{\"categoryPreferences\":" map "}}}"
#define CHANGED(map) "{\"type\":\"track\",\"event\":\"Segment Consent Preference Updated\",\"userId\":\"anna\",\"context\":{\"consent\":{\"categoryPreferences\":" map "}}}"

/* With the browser's own id, as each SDK sends it. */
#define ON_DEVICE(type, device, advertising)                                                                           \
    "{\"type\":\"" type "\",\"event\":\"Segment Consent Preference Updated\",\"userId\":\"anna\",\"anonymousId\":\"" device               \
    "\",\"properties\":{\"page\":\"/a\"},\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":" advertising "}}}}"

static str status(const char *subject, const char *purpose)
{
    const struct person *person = world_person(&world, subject);
    const struct standing *standing = gate_standing_at(&world.arena, world.policy, person, STR_NONE, world.now_ms, TIME_FOREVER);
    const struct purpose_standing *mine = &standing->purposes[policy_purpose(world.policy, str_of(purpose))->slot];
    const struct consent *record = mine->objection ? mine->objection : mine->record;
    return record ? str_of(consent_status_name(record->status)) : STR("nothing");
}

static void a_consent_map_counts_before_the_message_itself(void **state)
{
    (void)state;
    check_str(outcome(world_send(&world, "web", MAP("{\"Advertising\":true,\"Analytics\":false}"))), "accepted (newsletter) ");
    check_str(status(ANNA, "newsletter"), "given");
    check_str(status(ANNA, "analytics"), "refused");
    (void)world_send(&world, "web", MAP("{\"Advertising\":true,\"Analytics\":false}"));
    assert_int_equal(world_count(&world, "consent"), 2); /* repeating it says nothing new */
    world_later(&world, "PT1M");
    assert_int_equal(world_send(&world, "web", MAP("{\"Advertising\":false}"))->outcome, OUTCOME_HELD);
    check_str(status(ANNA, "newsletter"), "withdrawn");
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
}

static void an_old_yes_on_a_device_does_not_undo_a_withdrawal(void **state)
{
    (void)state;
    (void)world_send(&world, "web", ON_DEVICE("page", "a1", "true"));
    world_later(&world, "PT1M");
    withdraw(ANNA, "newsletter"); /* by the link in a mail */
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", ON_DEVICE("page", "a1", "true"));
    check_str(status(ANNA, "newsletter"), "withdrawn");
    world_later(&world, "PT1M");
    check_str(outcome(world_send(&world, "web", ON_DEVICE("track", "a1", "true"))), "accepted (newsletter) "); /* a fresh yes, in her own browser */
    check_str(status(ANNA, "newsletter"), "given");
}

static void switching_off_and_on_again_is_a_fresh_yes(void **state)
{
    (void)state;
    (void)world_send(&world, "web", ON_DEVICE("page", "a1", "true"));
    world_later(&world, "PT1M");
    withdraw(ANNA, "newsletter");
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", ON_DEVICE("page", "a1", "false"));
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", ON_DEVICE("page", "a1", "true"));
    check_str(status(ANNA, "newsletter"), "given");
}

/* The key of a page lies open to everybody: whoever knows an address could else lift what its owner said by the link in a mail. */
static void whom_an_open_key_merely_names_does_not_come_back_by_it(void **state)
{
    (void)state;
    static const char *const no[] = {"withdrawn", "objected"};
    for (int i = 0; i < 2; i++) {
        tear_down(state);
        set_up(state);
        (void)world_send(&world, "web", ON_DEVICE("page", "a1", "true"));
        world_later(&world, "PT1M");
        check_str(world_state(&world, ANNA, "newsletter", no[i], NULL), "");
        world_later(&world, "PT1M");
        (void)world_send(&world, "web", CHANGED("{\"Advertising\":true}"));
        (void)world_send(&world, "web", ON_DEVICE("track", "stranger", "false"));
        world_later(&world, "PT1M");
        (void)world_send(&world, "web", ON_DEVICE("track", "stranger", "true")); /* a device that came only after the no */
        const struct message_result *result = world_send(&world, "web", ON_DEVICE("page", "stranger", "true"));
        check_str(world_purposes(&world, result->purposes), "");
        assert_true(result->reasons & (i ? REASON_BIT(REASON_OBJECTED) : REASON_BIT(REASON_CONSENT_REFUSED))); /* as the stranger said */
    }
}

static void of_two_names_by_an_open_key_the_account_is_surer_than_the_device(void **state)
{
    (void)state;
    (void)world_send(&world, "web", ON_DEVICE("page", "a1", "true"));
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", CHANGED("{\"Advertising\":false}"));
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"event\":\"Segment Consent Preference Updated\",\"anonymousId\":\"a1\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    check_str(status(ANNA, "newsletter"), "withdrawn"); /* whoever sits at it now */
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", CHANGED("{\"Advertising\":true}"));
    check_str(status(ANNA, "newsletter"), "given");
}

static void an_unsure_device_does_not_override_what_was_said_surely(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    world_later(&world, "PT1M");
    withdraw(ANNA, "newsletter");
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"event\":\"Segment Consent Preference Updated\",\"anonymousId\":\"a1\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    check_str(status(ANNA, "newsletter"), "withdrawn");
}

static void a_signal_that_cannot_be_read_denies(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    give(ANNA, "care");
    const struct message_result *result = world_send(&world, "drop", MAP("{\"Advertising\":\"perhaps\"}"));
    check_str(outcome(result), "dropped () consent_missing indeterminate");
    check_str(status(ANNA, "newsletter"), "given");
    assert_true(world_send(&world, "drop", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"},\"context\":{\"consent\":\"CPxyz\"}}")->reasons &
                REASON_BIT(REASON_INDETERMINATE));
}

static void rudderstack_says_which_ids_are_denied(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"},\"context\":{\"consentManagement\":{\"allowedConsentIds\":[\"Analytics\"],\"deniedConsentIds\":[\"Advertising\"],\"provider\":\"custom\"}}}");
    check_str(status(ANNA, "analytics"), "given");
    check_str(status(ANNA, "newsletter"), "refused");
    check_str(newest(ANNA), "(analytics) {\"properties\":{\"page\":\"/a\"}}");
}

static void global_privacy_control_counts_outside_the_eu_unless_the_policy_says_more(void **state)
{
    (void)state;
    give(ANNA, "newsletter");
    (void)world_send_gpc(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"}}");
    check_str(status(ANNA, "newsletter"), "given");
    const struct message_result *result = world_send_gpc(&world, "california", "{\"type\":\"page\",\"anonymousId\":\"c\",\"properties\":{\"page\":\"/a\"}}");
    assert_int_equal(result->outcome, OUTCOME_DROPPED);
    check_str(status("anonymous_id:c", "sale"), "opted_out");
    check_str(status("anonymous_id:c", "newsletter"), "opted_out"); /* it holds for the person, whatever the source */
    check_str(outcome(world_send(&world, "california", "{\"type\":\"page\",\"anonymousId\":\"d\",\"properties\":{\"page\":\"/a\"}}")), "accepted (sale) ");
    check_str(status("anonymous_id:d", "sale"), "informed"); /* the source shows its notice */
}

static void events_open_and_end_contracts(void **state)
{
    (void)state;
    check_str(outcome(world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"messageId\":\"m-1\",\"event\":\"Order Completed\",\"properties\":{\"total\":5}}")),
              "accepted (fulfilment) ");
    check_str(newest(ANNA), "(fulfilment) {\"event\":\"Order Completed\",\"properties\":{\"total\":5}}");
    const struct person *person = world_person(&world, ANNA);
    check_str(person->consents.items[0].reference, "m-1");
    assert_int_equal(person->consents.items[0].notice_version, 4);
    world_later(&world, "P1D");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Order Completed\",\"properties\":{\"total\":6}}");
    assert_int_equal(world_count(&world, "consent"), 1);
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Account Closed\"}");
    check_str(status(ANNA, "fulfilment"), "ended");
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 2); /* kept until its retention after the end is over */
    world_later(&world, "P5Y");
    world_sweep(&world);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
}

static void a_source_that_shows_the_notice_informs_its_people(void **state)
{
    (void)state;
    check_str(outcome(world_send(&world, "till", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Sold\",\"properties\":{\"total\":5}}")), "accepted (bookkeeping fraud) ");
    check_str(status(ANNA, "fraud"), "informed");
    (void)world_send(&world, "till", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Sold\",\"properties\":{\"total\":5}}");
    assert_int_equal(world_count(&world, "consent"), 1);
}

/* Sec-GPC on the very first message: that the person was not informed yet is no reason beside it, as the message itself informs. */
static void who_is_informed_with_the_message_is_told_only_the_opt_out(void **state)
{
    (void)state;
    const struct message_result *result = world_send_gpc(&world, "california", "{\"type\":\"page\",\"anonymousId\":\"c\",\"properties\":{\"page\":\"/a\"}}");
    check_str(outcome(result), "dropped () opted_out_by_signal");
    assert_int_equal(result->left_out.count, 1);
    check_str(world_reasons(&world, result->left_out.items[0].reasons), "opted_out_by_signal");
    assert_int_equal(world_counted(&world, "left_out", "properties.page", "not_informed"), 0);
}

/* --- many ways to the same */

static void parts_that_are_not_loaded_are_asked_for(void **state)
{
    (void)state;
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/a\"}}");
    assert_int_equal(world_alive_held(world_person(&world, ANNA)), 1);
    give(ANNA, "newsletter");
    assert_true(world.rounds > 1);
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\"}}");
    assert_true(world.rounds > 1);
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"/b\"}}");
    assert_int_equal(world.rounds, 1); /* a plain message needs no more than the head */
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 3);
    withdraw(ANNA, "newsletter");
    assert_true(world.rounds > 1);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
}

static void the_order_of_arrival_and_repetition_change_nothing(void **state)
{
    (void)state;
    static const char *const sent[] = {
        "{\"type\":\"identify\",\"userId\":\"anna\",\"timestamp\":\"2026-09-01T10:00:00Z\",\"traits\":{\"colour\":\"red\",\"points\":5,\"sizes\":[1,2]}}",
        "{\"type\":\"identify\",\"userId\":\"anna\",\"timestamp\":\"2026-09-02T10:00:00Z\",\"traits\":{\"colour\":\"blue\",\"points\":3,\"sizes\":[2,3]}}",
        "{\"type\":\"identify\",\"anonymousId\":\"a1\",\"userId\":\"anna\",\"timestamp\":\"2026-09-03T10:00:00Z\",\"traits\":{\"colour\":null}}",
        "{\"type\":\"identify\",\"anonymousId\":\"a1\",\"timestamp\":\"2026-09-04T10:00:00Z\",\"traits\":{\"sizes\":4}}",
    };
    uint8_t first[32] = {0}, digest[32];
    for (unsigned order = 0; order < 24; order++) {
        unsigned left[4] = {0, 1, 2, 3}, rest = order;
        tear_down(state);
        set_up(state);
        give(ANNA, "newsletter");
        for (unsigned i = 0; i < 4; i++) {
            unsigned pick = rest % (4 - i);
            rest /= 4 - i;
            (void)world_send(&world, "web", sent[left[pick]]);
            if (i == order % 4)
                (void)world_send(&world, "web", sent[left[pick]]);
            memmove(&left[pick], &left[pick + 1], (3 - pick) * sizeof *left);
        }
        struct person *person = world_person(&world, ANNA);
        struct person alone = *person; /* the facts: an event that comes twice is told apart by its id, which is the engine's business */
        alone.events.count = 0;
        profile_digest(&world.arena, world.policy, &alone, digest);
        if (order == 0)
            memcpy(first, digest, sizeof digest);
        if (memcmp(first, digest, sizeof digest))
            print_error("order %u differs\n", order);
        assert_memory_equal(first, digest, sizeof digest);
        check_str(world_trait(&world, ANNA, "points"), "5");
        check_str(world_trait(&world, ANNA, "sizes"), "[1,2,3,4]");
        check_str(world_trait(&world, ANNA, "colour"), "");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_LAZY(name) cmocka_unit_test_setup_teardown(name, set_up_lazy, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_field_is_kept_for_exactly_the_purposes_that_cover_it), TEST(what_is_not_allowed_is_left_out_and_counted_by_field_and_reason),
        TEST(special_fields_are_cut_out_of_lists), TEST(an_identify_becomes_facts_and_its_mail_address_an_identifier),
        TEST(rudderstack_puts_traits_into_the_context), TEST(nothing_personal_is_kept_of_what_is_dropped),
        TEST(a_kiosk_that_anonymises_only_counts), TEST(whoever_cannot_be_named_is_not_stored),
        TEST(a_held_message_comes_in_when_its_consent_arrives), TEST_LAZY(held_messages_join_whom_they_name_when_they_come_in),
        TEST_LAZY(a_held_message_is_destroyed_when_its_time_is_up), TEST(no_more_than_the_limit_is_held),
        TEST(names_and_facts_have_their_limits),
        TEST(what_nobody_could_ever_allow_is_not_held), TEST(a_message_may_narrow_its_purposes),
        TEST(a_consent_map_counts_before_the_message_itself), TEST_LAZY(an_old_yes_on_a_device_does_not_undo_a_withdrawal),
        TEST(switching_off_and_on_again_is_a_fresh_yes), TEST(whom_an_open_key_merely_names_does_not_come_back_by_it),
        TEST(of_two_names_by_an_open_key_the_account_is_surer_than_the_device), TEST(an_unsure_device_does_not_override_what_was_said_surely),
        TEST(a_signal_that_cannot_be_read_denies), TEST(rudderstack_says_which_ids_are_denied),
        TEST(global_privacy_control_counts_outside_the_eu_unless_the_policy_says_more), TEST(events_open_and_end_contracts),
        TEST(a_source_that_shows_the_notice_informs_its_people), TEST(who_is_informed_with_the_message_is_told_only_the_opt_out),
        TEST_LAZY(parts_that_are_not_loaded_are_asked_for),
        TEST(the_order_of_arrival_and_repetition_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
