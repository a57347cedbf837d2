/* What follows from what people say, from time, and from the policy: data goes, queues are emptied, recipients told, people joined and parted. */
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

static void say(const char *subject, const char *purpose, const char *status) { check_str(world_state(&world, subject, purpose, status, NULL), ""); }

static size_t deliveries(const char *subject, enum delivery_kind kind, enum delivery_state state)
{
    const struct person *person = world_person(&world, subject);
    size_t count = 0;
    vec_each (delivery, &person->deliveries)
        count += delivery->kind == kind && delivery->state == state;
    return count;
}

/* A delivery that went out, as the engine notes it. */
static void sent(const char *subject, const char *destination, const char *purpose)
{
    struct person *person = world_person(&world, subject);
    *(struct disclosure *)vec_push(&world.arena, &person->disclosures) = (struct disclosure){
        .profile = person->root, .destination = str_of(destination), .purpose = str_of(purpose), .first_ms = world.now_ms, .last_ms = world.now_ms,
        .count = 1};
}

static bool leaks(const char *subject, const char *needle)
{
    const struct person *person = world_person(&world, subject);
    bool found = false;
    vec_each (fact, &person->facts)
        found |= str_find(fact->value, str_of(needle)) >= 0;
    vec_each (event, &person->events)
        for (unsigned i = 0; i < event->part_count; i++)
            found |= str_find(event->parts[i].body, str_of(needle)) >= 0;
    vec_each (identifier, &person->identifiers)
        found |= str_find(identifier->value, str_of(needle)) >= 0;
    return found;
}

/* --- consent falls */

static void withdrawal_erases_what_rested_on_it_alone(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    say(ANNA, "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"email\":\"needle-mail@example.hu\",\"colour\":\"needle-both\",\"points\":77}}");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Viewed\",\"properties\":{\"page\":\"needle-both\",\"total\":\"needle-total\"}}");
    assert_true(leaks(ANNA, "needle-total") && leaks(ANNA, "needle-mail"));
    world_later(&world, "P1D");
    say(ANNA, "newsletter", "withdrawn");
    assert_false(leaks(ANNA, "needle-total"));
    assert_false(leaks(ANNA, "needle-mail"));
    assert_true(leaks(ANNA, "needle-both")); /* analytics goes on */
    assert_true(str_empty(world_person(&world, "email:needle-mail@example.hu")->identifiers.items[1].value)); /* known by its hash alone */
    say(ANNA, "analytics", "withdrawn");
    assert_false(leaks(ANNA, "needle"));
    assert_true(world.key_ends.count > 0); /* and no older copy opens either */
    assert_true(world.key_ends.items[world.key_ends.count - 1].class_mask & KEY_CLASS_BIT(KEY_CONSENT));
    assert_int_equal(world_count(&world, "consent"), 4);
}

static void withdrawal_cancels_what_is_queued_and_recalls_what_was_sent(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"email\":\"anna@example.hu\"}}");
    assert_int_equal(deliveries(ANNA, DELIVERY_EVENT, DELIVERY_PENDING), 1);
    assert_true(deliveries(ANNA, DELIVERY_PROFILE, DELIVERY_PENDING) >= 1);
    sent(ANNA, "mailer", "newsletter");
    world_later(&world, "PT1H");
    say(ANNA, "newsletter", "withdrawn");
    assert_int_equal(deliveries(ANNA, DELIVERY_EVENT, DELIVERY_PENDING) + deliveries(ANNA, DELIVERY_PROFILE, DELIVERY_PENDING), 0);
    assert_int_equal(deliveries(ANNA, DELIVERY_EVENT, DELIVERY_CANCELLED), 1);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1);
    const struct person *person = world_person(&world, ANNA);
    vec_each (delivery, &person->deliveries) {
        if (delivery->kind == DELIVERY_RECALL)
            check_str(delivery->subject,
                      "[{\"type\":\"user_id\",\"value\":\"anna\"},{\"type\":\"email\",\"value\":\"anna@example.hu\"}]");
        else
            check_str(delivery->reason, "consent_withdrawn");
    }
    world_sweep_all(&world);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1); /* told once */
    world_later(&world, "PT1H");
    sent(ANNA, "mailer", "newsletter"); /* what was under way when it came */
    world_sweep_all(&world);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 2);
}

static void only_destinations_that_may_use_it_get_it(void **state)
{
    (void)state;
    say(ANNA, "fulfilment", "opened");
    (void)world_send(&world, "till", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Order Completed\",\"properties\":{\"total\":5}}");
    (void)world_send(&world, "till", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Other\",\"properties\":{\"total\":5}}");
    const struct person *person = world_person(&world, ANNA);
    assert_int_equal(person->deliveries.count, 1);
    check_str(person->deliveries.items[0].destination, "desk");
    assert_int_equal(person->deliveries.items[0].event.value, 1);
    say(ANNA, "", "restricted");
    (void)world_send(&world, "till", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Order Completed\",\"properties\":{\"total\":5}}");
    assert_int_equal(world_person(&world, ANNA)->deliveries.count, 1); /* stored, but not used */
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 3);
}

static void a_consent_that_runs_out_is_a_withdrawal(void **state)
{
    (void)state;
    say(ANNA, "care", "given");
    struct consent sure = {.explicit_given = true};
    world_later(&world, "PT1H");
    check_str(world_state(&world, ANNA, "care", "given", &sure), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"needle\"}}");
    world_later(&world, "P11M");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"needle\"}}"); /* kept for a year from now */
    assert_true(leaks(ANNA, "needle"));
    world_later(&world, "P2M");
    world_sweep(&world);
    assert_false(leaks(ANNA, "needle"));
    const struct person *person = world_person(&world, ANNA);
    const struct consent *last = &person->consents.items[person->consents.count - 1];
    assert_int_equal(last->status, CONSENT_EXPIRED);
    assert_int_equal(last->by, SAID_BY_SYSTEM);
    assert_true(last->at_ms < last->known_ms || last->at_ms == last->known_ms);
    size_t records = world_count(&world, "consent");
    world_sweep_all(&world);
    assert_int_equal(world_count(&world, "consent"), records); /* written once */
}

static void an_expiry_is_noticed_before_the_next_message(void **state)
{
    (void)state;
    struct consent sure = {.explicit_given = true};
    check_str(world_state(&world, ANNA, "care", "given", &sure), "");
    world_later(&world, "P13M");
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"allergy\":\"nuts\"}}");
    assert_int_equal(result->outcome, OUTCOME_HELD);
    assert_true(result->reasons & REASON_BIT(REASON_CONSENT_EXPIRED));
    assert_int_equal(world_person(&world, ANNA)->consents.items[1].status, CONSENT_EXPIRED);
}

/* --- time */

static void retention_counts_from_when_each_datum_was_collected(void **state)
{
    (void)state;
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Sold\",\"properties\":{\"total\":1}}");
    world_later(&world, "P1Y");
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Sold\",\"properties\":{\"total\":2}}");
    world_later(&world, "P7Y");
    world_sweep(&world);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 1);
    world_later(&world, "P1Y");
    world_sweep(&world);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
    world_later(&world, "P1D"); /* the identifier was last seen within that day */
    world_sweep(&world);
    assert_int_equal(world.persons.count, 0);
}

static void retention_counts_from_the_last_sign_of_life(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"1\"}}");
    world_later(&world, "P1Y");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"2\"}}");
    say(ANNA, "newsletter", "renewed");
    world_later(&world, "P1Y");
    world_sweep(&world);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 2); /* seen a year ago */
    world_later(&world, "P1Y");
    world_sweep(&world);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
}

static void imported_history_is_as_old_as_it_is(void **state)
{
    (void)state;
    struct request request;
    say(ANNA, "newsletter", "given");
    assert_true(world_message(&world, "web", "{\"type\":\"page\",\"userId\":\"bela\",\"timestamp\":\"2020-01-01T00:00:00Z\",\"properties\":{\"page\":\"1\"}}", &request));
    request.message.historical = true;
    request.message.at_ms = request.message.received_ms - 6 * 365 * DAY_MS;
    struct consent given = {.at_ms = request.message.at_ms};
    check_str(world_state(&world, "user_id:bela", "newsletter", "given", &given), "");
    world_apply(&world, &request, 1);
    assert_true(world_person(&world, "user_id:bela")->identifiers.items[0].last_seen_ms >= world.now_ms - DAY_MS); /* the consent was learned today */
}

/* --- erasure */

static void erasure_keeps_only_what_a_law_orders(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    say(ANNA, "fulfilment", "opened");
    (void)world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Sold\",\"properties\":{\"total\":\"needle-law\",\"page\":\"needle-page\"}}");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"email\":\"needle-mail@example.hu\"}}");
    sent(ANNA, "mailer", "newsletter");
    assert_true(world_erase(&world, ANNA));
    assert_true(leaks(ANNA, "needle-law"));
    assert_false(leaks(ANNA, "needle-page"));
    assert_false(leaks(ANNA, "needle-mail"));
    assert_int_equal(world_person(&world, ANNA)->consents.count, 0);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1);
    assert_int_equal(world_count(&world, "erasure"), 1);
    const struct key_end *end = &world.key_ends.items[world.key_ends.count - 1];
    assert_int_equal(end->class_mask, KEY_CLASS_BIT(KEY_CONSENT) | KEY_CLASS_BIT(KEY_CONTRACT) | KEY_CLASS_BIT(KEY_HOLD));
    assert_false(world_erase(&world, ANNA)); /* there is nothing more to do */
    check_str(world_state(&world, ANNA, "newsletter", "withdrawn", NULL), "the person was erased");
}

static void erasure_of_one_without_legal_data_ends_every_key(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"needle\"}}");
    assert_true(world_erase(&world, ANNA));
    assert_int_equal(world.key_ends.items[world.key_ends.count - 1].class_mask, KEY_CLASS_ALL);
    const struct message_result *result = world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"needle\"},\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}}");
    assert_int_equal(result->outcome, OUTCOME_DROPPED); /* whatever a forgotten device goes on sending */
    assert_true(result->reasons & REASON_BIT(REASON_SUBJECT_ERASED));
    assert_false(leaks(ANNA, "needle"));
}

static void recalls_outlive_the_keys_of_an_erased_person(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"needle\"}}");
    sent(ANNA, "mailer", "newsletter");
    assert_true(world_erase(&world, ANNA));
    assert_int_equal(world.key_ends.items[world.key_ends.count - 1].class_mask, KEY_CLASS_ALL);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1);
    world_later(&world, "PT1H");
    world_sweep(&world);
    struct person *person = world_person(&world, ANNA);
    vec_each (delivery, &person->deliveries) {
        delivery->state = DELIVERY_DELIVERED;
        delivery->done_ms = world.now_ms;
    }
    world_sweep_all(&world);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_DELIVERED), 1); /* whoever tracks the answers has not looked yet */
    world_later(&world, "PT1H");
    world_sweep(&world);
    person = world_person(&world, ANNA);
    assert_int_equal(person->deliveries.count + person->disclosures.count, 0);
    assert_true(str_empty(person->identifiers.items[0].value)); /* its hash stays */
}

static void a_new_relationship_may_follow_an_erasure(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"old\"}}");
    assert_true(world_erase(&world, ANNA));
    struct uuid old = world_person(&world, ANNA)->profiles.items[0].id;
    world_later(&world, "P1D");
    say(ANNA, "newsletter", "given"); /* said anew, to us */
    struct person *person = world_person(&world, ANNA);
    assert_false(uuid_equal(person->profiles.items[0].id, old));
    assert_int_equal(world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"new\"}}")->outcome, OUTCOME_ACCEPTED);
}

static void a_law_may_order_new_records_of_an_erased_person(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"old\"}}");
    assert_true(world_erase(&world, ANNA));
    struct uuid old = world_person(&world, ANNA)->profiles.items[0].id;
    const struct message_result *result = world_send(&world, "drop", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Sold\",\"properties\":{\"total\":1}}");
    check_str(world_purposes(&world, result->purposes), "bookkeeping");
    assert_false(uuid_equal(result->profile, old)); /* whose keys are gone */
}

/* --- joining and parting */

static struct uuid join_anna(void)
{
    say(ANNA, "analytics", "given");
    say("anonymous_id:a1", "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"u\"}}");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}");
    assert_int_equal(world.persons.count, 2);
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"traits\":{\"colour\":\"red\"}}");
    assert_int_equal(world.persons.count, 1);
    return world.persons.items[0]->merges.items[0].id;
}

static void joined_people_are_one_and_parted_they_are_two_again(void **state)
{
    (void)state;
    struct uuid merge = join_anna();
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 3);
    assert_int_equal(world_count(&world, "merge"), 1);
    check_str(world_undo(&world, merge), "");
    assert_int_equal(world.persons.count, 2);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 2); /* the identify was seen on her own identifier */
    assert_int_equal(world_alive_events(world_person(&world, "anonymous_id:a1")), 1);
    assert_int_equal(world_person(&world, ANNA)->consents.count, 1);
    assert_int_equal(world_person(&world, "anonymous_id:a1")->consents.count, 1);
    check_str(world_undo(&world, merge), "this merge was undone already");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"traits\":{\"colour\":\"blue\"}}");
    assert_int_equal(world.persons.count, 2); /* an undone join is not made again by the next message */
    check_str(world_person(&world, ANNA)->refused.items[0].reason, "join_undone");
}

/* The plan counts it, too (engine/effect.c): it runs the same function. */
static void an_event_of_which_no_content_is_covered_any_more_goes_with_its_name(void **state)
{
    (void)state;
    static const char *const covers[] = {"behaviour, purchase", "behaviour"};
    for (int i = 0; i < 2; i++) {
        char *policy = arena_printf(&world.arena, CORE_CONTROLLER CORE_DATA "purposes:\n  newsletter: { title: T, basis: consent, notice: newsletter, categories: [%s], retention: P2Y after last_seen }\n"
                                    "sources:\n  web: { kind: website, key_env: NONE_1, purposes: [newsletter], when_denied: drop }\n", covers[i]);
        world_policy(&world, policy);
        if (i)
            break;
        say(ANNA, "newsletter", "given");
        (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Bought\",\"properties\":{\"total\":5,\"test\":1}}");
        (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Seen\",\"properties\":{\"total\":5,\"page\":\"a\",\"test\":1}}");
        (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\"}"); /* never had any content */
        assert_int_equal(world_alive_events(world_person(&world, ANNA)), 3);
    }
    world_sweep_all(&world);
    const struct person *anna = world_person(&world, ANNA);
    assert_int_equal(world_alive_events(anna), 2);
    unsigned seen = 0;
    vec_each (event, &anna->events)
        if (event->change != CHANGE_GONE && event->part_count == 1 && event->type == EVENT_TRACK) {
            check_str(event->parts[0].body, "{\"event\":\"Seen\",\"properties\":{\"page\":\"a\",\"test\":1}}");
            seen++;
        }
    assert_int_equal(seen, 1);
}

static void merge_then_undo_is_never_merged(void **state)
{
    (void)state;
    uint8_t before[2][32], after[2][32];
    say(ANNA, "analytics", "given");
    say("anonymous_id:a1", "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"red\"}}");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}");
    check_str(world_prefer(&world, "anonymous_id:a1", "{\"channels\":{\"email\":false}}"), "");
    profile_digest(&world.arena, world.policy, world_person(&world, ANNA), before[0]);
    profile_digest(&world.arena, world.policy, world_person(&world, "anonymous_id:a1"), before[1]);
    check_str(world_join(&world, ANNA, "anonymous_id:a1"), "");
    assert_int_equal(world.persons.count, 1);
    check_str(world_undo(&world, world.persons.items[0]->merges.items[0].id), "");
    profile_digest(&world.arena, world.policy, world_person(&world, ANNA), after[0]);
    profile_digest(&world.arena, world.policy, world_person(&world, "anonymous_id:a1"), after[1]);
    assert_memory_equal(before, after, sizeof before);
}

static void what_was_objected_to_anywhere_holds_for_the_person(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    say(ANNA, "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"V\",\"properties\":{\"total\":\"needle\"}}");
    say("anonymous_id:a1", "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}");
    say("anonymous_id:a1", "newsletter", "objected");
    say("anonymous_id:a1", "", "restricted");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"traits\":{\"colour\":\"red\"}}");
    assert_int_equal(world.persons.count, 1);
    const struct standing *standing = gate_standing_at(&world.arena, world.policy, world_person(&world, ANNA), STR_NONE, world.now_ms, TIME_FOREVER);
    assert_true(standing->restricted);
    assert_true(standing->purposes[policy_purpose(world.policy, STR("newsletter"))->slot].reasons & REASON_BIT(REASON_OBJECTED));
    assert_false(leaks(ANNA, "needle"));
}

static void limits_keep_a_shared_device_from_melting_people(void **state)
{
    (void)state;
    static const char *const people[] = {"anna", "bela", "csilla"};
    for (size_t i = 0; i < COUNT_OF(people); i++) {
        const char *subject = str_z(&world.arena, str_printf(&world.arena, "user_id:%s", people[i]));
        say(subject, "analytics", "given");
        (void)world_send(&world, "web", str_z(&world.arena, str_printf(&world.arena, "{\"type\":\"identify\",\"userId\":\"%s\",\"anonymousId\":\"shared\",\"traits\":{\"colour\":\"%s\"}}", people[i], people[i])));
    }
    assert_int_equal(world.persons.count, 3); /* one user id a person */
    check_str(world_trait(&world, "user_id:bela", "colour"), "\"bela\"");
    const struct person *bela = world_person(&world, "user_id:bela");
    check_str(bela->refused.items[0].reason, "identifier_limit");
    for (int i = 0; i < 5; i++)
        (void)world_send(&world, "web", str_z(&world.arena, str_printf(&world.arena, "{\"type\":\"page\",\"userId\":\"anna\",\"anonymousId\":\"x%d\",\"properties\":{\"page\":\"1\"}}", i)));
    unsigned anonymous = 0;
    vec_each (identifier, &world_person(&world, ANNA)->identifiers)
        anonymous += str_equal(identifier->type, STR("anonymous_id"));
    assert_int_equal(anonymous, 3);
}

static void joining_needs_its_own_purpose_on_both_sides(void **state)
{
    (void)state;
    world_policy(&world, CORE_POLICY_IDENTITY);
    say(ANNA, "analytics", "given");
    say("anonymous_id:a1", "analytics", "given");
    say("anonymous_id:a1", "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"traits\":{\"colour\":\"red\"}}");
    assert_int_equal(world.persons.count, 2);
    check_str(world_person(&world, ANNA)->refused.items[0].reason, "identity_not_permitted");
    check_str(world_join(&world, ANNA, "anonymous_id:a1"), "Joining is itself processing, and its purpose is denied for one side.");
    say(ANNA, "newsletter", "given");
    check_str(world_join(&world, ANNA, "anonymous_id:a1"), "");
    assert_int_equal(world.persons.count, 1);
}

static void an_alias_joins_the_earlier_id(void **state)
{
    (void)state;
    say("anonymous_id:a1", "analytics", "given");
    say(ANNA, "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}");
    (void)world_send(&world, "web", "{\"type\":\"alias\",\"userId\":\"anna\",\"previousId\":\"a1\"}");
    assert_int_equal(world.persons.count, 1);
    check_str(world.persons.items[0]->merges.items[0].reason, "alias");
}

static void an_alias_gives_a_user_id_another_one_past_the_limit(void **state)
{
    (void)state;
    say(ANNA, "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}");
    check_str(world_purposes(&world, world_send(&world, "web", "{\"type\":\"alias\",\"userId\":\"anna-2\",\"previousId\":\"anna\"}")->purposes), "analytics");
    assert_ptr_equal(world_person(&world, "user_id:anna-2"), world_person(&world, ANNA));
    const struct person *anna = world_person(&world, ANNA);
    assert_int_equal(anna->refused.count, 0);
    assert_int_equal(anna->profiles.count, 1); /* one more name, as a device is one more */
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna-3\",\"anonymousId\":\"a1\",\"properties\":{\"page\":\"a\"}}"); /* that says nothing of the kind */
    assert_ptr_not_equal(world_person(&world, "user_id:anna-3"), world_person(&world, ANNA));
    say("user_id:anna-4", "analytics", "given"); /* known, but by nothing else: there is a merge, which can be undone */
    (void)world_send(&world, "web", "{\"type\":\"alias\",\"userId\":\"anna-4\",\"previousId\":\"anna\"}");
    assert_ptr_equal(world_person(&world, "user_id:anna-4"), world_person(&world, ANNA));
    check_str(world_person(&world, ANNA)->merges.items[0].reason, "alias");
    check_str(world_undo(&world, world_person(&world, ANNA)->merges.items[0].id), "");
    assert_ptr_not_equal(world_person(&world, "user_id:anna-4"), world_person(&world, ANNA));
    (void)world_send(&world, "web", "{\"type\":\"alias\",\"userId\":\"anna-4\",\"previousId\":\"anna\"}"); /* what was undone stays so */
    assert_ptr_not_equal(world_person(&world, "user_id:anna-4"), world_person(&world, ANNA));
}

/* What the message says of itself is heard by whom it turns out to be about, though its strongest id is new. */
static void the_signal_of_an_alias_is_said_by_whom_it_names_anew(void **state)
{
    (void)state;
    say(ANNA, "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"page\",\"userId\":\"anna\",\"properties\":{\"page\":\"a\"}}");
    world_later(&world, "PT1M");
    (void)world_send(&world, "web", "{\"type\":\"alias\",\"userId\":\"anna-2\",\"previousId\":\"anna\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Analytics\":false}}}}");
    assert_int_equal(world.persons.count, 1);
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
}

static void an_open_key_melts_no_two_accounts(void **state)
{
    (void)state;
    static const char *const who[] = {"anna", "bela"};
    for (int i = 0; i < 2; i++) {
        say(arena_printf(&world.arena, "user_id:%s", who[i]), "fulfilment", "opened");
        (void)world_send(&world, "web", arena_printf(&world.arena, "{\"type\":\"identify\",\"userId\":\"%s\",\"anonymousId\":\"a-%s\",\"traits\":{\"points\":1}}", who[i], who[i]));
    }
    (void)world_send(&world, "web", "{\"type\":\"alias\",\"userId\":\"bela\",\"previousId\":\"anna\"}");
    assert_ptr_not_equal(world_person(&world, "user_id:bela"), world_person(&world, ANNA));
    check_str(world_person(&world, "user_id:bela")->refused.items[0].reason, "identifier_limit");
    (void)world_send(&world, "till", "{\"type\":\"alias\",\"userId\":\"bela\",\"previousId\":\"anna\"}"); /* its key is kept secret */
    assert_ptr_equal(world_person(&world, "user_id:bela"), world_person(&world, ANNA));
}

static void what_was_known_before_a_join_is_told_apart(void **state)
{
    (void)state;
    struct decision decision;
    say(ANNA, "newsletter", "given");
    say("anonymous_id:a1", "newsletter", "refused");
    world_later(&world, "P1D");
    int64_t before_ms = world.now_ms;
    world_later(&world, "P1D");
    check_str(world_join(&world, ANNA, "anonymous_id:a1"), "");
    const struct person *person = world_person(&world, ANNA);
    profile_no anna = person->identifiers.items[0].profile;
    struct question question = {.purpose = STR("newsletter"), .at_ms = before_ms, .known_ms = before_ms, .now_ms = world.now_ms, .subject = anna,
                                .operation = OPERATION_USE};
    gate_decide(&world.arena, world.policy, person, &question, &decision);
    assert_true(decision.allow);
    question.at_ms = question.known_ms = TIME_NONE;
    gate_decide(&world.arena, world.policy, person, &question, &decision);
    check_str(world_reasons(&world, decision.reasons), "consent_refused");
}

/* --- the policy changes */

static void a_purpose_that_is_gone_takes_its_data_with_it(void **state)
{
    (void)state;
    say(ANNA, "analytics", "given");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"needle\"}}");
    world_later(&world, "P1D");
    world_policy(&world, CORE_CONTROLLER CORE_DATA
                 "purposes:\n  newsletter: { title: Send offers, basis: consent, notice: newsletter, categories: [email, behaviour], retention: P2Y after last_seen }\n"
                 "sources:\n  web: { kind: website, key_env: NONE_1, purposes: [newsletter], when_denied: drop }\n");
    world_sweep_all(&world);
    assert_false(leaks(ANNA, "needle"));
    assert_int_equal(world_person(&world, ANNA)->consents.count, 1); /* what was said stays */
}

static void a_category_that_is_no_longer_covered_is_taken_off(void **state)
{
    (void)state;
    say(ANNA, "newsletter", "given");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"colour\":\"needle-colour\",\"points\":\"needle-points\"}}");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"V\",\"properties\":{\"page\":\"needle-page\",\"total\":\"needle-total\"}}");
    world_later(&world, "P1D");
    world_policy(&world, CORE_CONTROLLER CORE_DATA
                 "purposes:\n  newsletter: { title: Send offers, basis: consent, notice: newsletter, categories: [email, behaviour], retention: P2Y after last_seen }\n"
                 "sources:\n  web: { kind: website, key_env: NONE_1, purposes: [newsletter], when_denied: drop }\n");
    world_sweep_all(&world);
    assert_true(leaks(ANNA, "needle-colour") && leaks(ANNA, "needle-page"));
    assert_false(leaks(ANNA, "needle-points"));
    assert_false(leaks(ANNA, "needle-total"));
}

/* --- children */

static int born(const char *subject) { return world_person(&world, subject)->profiles.items[0].birth_year; }

static void a_childs_consent_needs_a_guardian_once_the_age_is_known(void **state)
{
    (void)state;
    struct consent guardian = {.by = SAID_BY_GUARDIAN};
    say(ANNA, "newsletter", "given");
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"2015-05-05\",\"points\":1}}");
    assert_int_equal(world_person(&world, ANNA)->profiles.items[0].birth_year, 2015);
    check_str(world_trait(&world, ANNA, "points"), ""); /* her own consent to the newsletter no longer counts */
    check_str(world_trait(&world, ANNA, "birthdate"), "\"2015-05-05\"");
    say(ANNA, "children", "withdrawn");
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
    assert_int_equal(born(ANNA), 2015); /* as long as it protects her */
    world_later(&world, "P4Y");
    world_sweep_all(&world);
    say(ANNA, "newsletter", "renewed");
    (void)world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"V\",\"properties\":{\"page\":\"p\"}}");
    assert_int_equal(world_alive_events(world_person(&world, ANNA)), 0);
    say(ANNA, "newsletter", "withdrawn");
    world_at(&world, "2032-01-01");
    world_sweep(&world);
    assert_int_equal(born(ANNA), 0); /* of age, and nothing says it any more */
}

#define CHILD "\"context\":{\"traits\":{\"birthdate\":\"2015-05-05\"},\"consent\":{\"categoryPreferences\":{\"Advertising\":true}}}"

/* A track says who speaks: the age that rides along counts before the yes does, known before or not. */
static void a_childs_own_yes_with_its_age_in_the_context_is_not_one(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++) {
        const char *subject = known ? ANNA : "user_id:bela", *user = known ? "anna" : "bela";
        if (known)
            say(ANNA, "fulfilment", "opened");
        struct message_result *result = world_send(
            &world, "web", arena_printf(&world.arena, "{\"type\":\"track\",\"userId\":\"%s\",\"event\":\"V\",\"properties\":{\"page\":\"p\",\"total\":1}," CHILD "}", user));
        const struct purpose *newsletter = policy_purpose(world.policy, STR("newsletter"));
        assert_int_equal(result->purposes & newsletter->self, 0);
        assert_int_equal(born(subject), 2015);
        assert_int_equal(deliveries(subject, DELIVERY_EVENT, DELIVERY_PENDING), 0);
        const struct standing *standing = gate_standing_at(&world.arena, world.policy, world_person(&world, subject), STR("HU"), world.now_ms, world.now_ms);
        assert_int_equal(standing->purposes[newsletter->slot].reasons, REASON_BIT(REASON_CONSENT_GUARDIAN_REQUIRED));
        vec_each (event, &world_person(&world, subject)->events)
            for (unsigned i = 0; i < event->part_count; i++)
                assert_int_equal(event->parts[i].purposes & newsletter->self, 0);
    }
}

/* What is told, and recorded as the decision, is what is kept, where the age comes out of the message's own traits. */
static void what_is_told_of_a_childs_message_is_what_is_kept(void **state)
{
    (void)state;
    struct consent guardian = {.by = SAID_BY_GUARDIAN};
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    say(ANNA, "newsletter", "given");
    struct message_result *result =
        world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"2015-05-05\",\"colour\":\"red\",\"points\":1}}");
    const struct purpose *children = policy_purpose(world.policy, STR("children"));
    assert_int_equal(result->purposes, children->self);
    assert_true(str_find(result->decision, STR("newsletter")) < 0);
    assert_int_equal(result->outcome, OUTCOME_TRIMMED);
    check_str(world_trait(&world, ANNA, "colour"), "\"red\"");
    check_str(world_trait(&world, ANNA, "points"), "");
}

/* Of whom facts say another year, a word that rides along changes nothing. */
static void a_year_in_the_context_yields_to_a_fact(void **state)
{
    (void)state;
    say(ANNA, "children", "given");
    say(ANNA, "newsletter", "given");
    struct consent guardian = {.by = SAID_BY_GUARDIAN};
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"1990-05-05\"}}");
    struct message_result *result = world_send(&world, "web", "{\"type\":\"track\",\"userId\":\"anna\",\"event\":\"V\",\"properties\":{\"page\":\"p\"}," CHILD "}");
    assert_int_equal(born(ANNA), 1990);
    assert_true((result->purposes & policy_purpose(world.policy, STR("newsletter"))->self) != 0);
}

static void a_year_of_birth_goes_with_the_last_fact_that_says_it(void **state)
{
    (void)state;
    struct consent guardian = {.by = SAID_BY_GUARDIAN};
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"12/05/1990\"}}");
    assert_int_equal(born(ANNA), 1990);
    say(ANNA, "children", "withdrawn");
    assert_int_equal(born(ANNA), 0);
}

static void an_erased_child_leaves_no_year_of_birth(void **state)
{
    (void)state;
    struct consent guardian = {.by = SAID_BY_GUARDIAN};
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"2015. 05. 05.\"}}");
    assert_int_equal(born(ANNA), 2015);
    assert_true(world_erase(&world, ANNA));
    assert_int_equal(born(ANNA), 0);
}

/* Where people of unknown age need a guardian, an own consent rests on the year: it is kept with it, and goes with it. */
static void a_year_of_birth_stays_while_a_consent_rests_on_it(void **state)
{
    (void)state;
    say(ANNA, "analytics", "given");
    struct consent guardian = {.by = SAID_BY_GUARDIAN};
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"1990-05-05\",\"colour\":\"red\"}}");
    say(ANNA, "children", "renewed");
    world_later(&world, "P1Y");
    world_sweep(&world); /* the fact is past its retention */
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 0);
    assert_int_equal(born(ANNA), 1990);
    say(ANNA, "children", "withdrawn");
    assert_int_equal(born(ANNA), 0);
}

/* --- statements */

static void statements_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    struct consent tomorrow = {.at_ms = world.now_ms + DAY_MS};
    check_str(world_state(&world, ANNA, "newsletter", "opened", NULL), "`opened` does not fit: purpose `newsletter` rests on consent");
    check_str(world_state(&world, ANNA, "fulfilment", "given", NULL), "`given` does not fit: purpose `fulfilment` rests on contract");
    check_str(world_state(&world, ANNA, "nothing", "given", NULL), "the policy has no such purpose");
    check_str(world_state(&world, ANNA, "newsletter", "given", &tomorrow), "`at` lies in the future; a statement is recorded once it is said");
    check_str(world_state(&world, ANNA, "newsletter", "restricted", NULL), "a restriction is of the whole person; leave out `purpose`");
    struct consent next = {.notice = STR("newsletter"), .notice_version = 4}, terms = {.notice_version = 5};
    check_str(world_state(&world, ANNA, "newsletter", "given", &next), "notice `newsletter` has no version 4; the newest is 3");
    check_str(world_state(&world, ANNA, "fulfilment", "opened", &terms), "`fulfilment` has no terms of version 5; the newest are 4");
    assert_int_equal(world.persons.count, 0);
}

static void a_guardians_yes_outlives_the_childs(void **state)
{
    (void)state;
    struct consent guardian = {.by = SAID_BY_GUARDIAN}, brief = {.expires_ms = world.now_ms + 3 * DAY_MS};
    check_str(world_state(&world, ANNA, "children", "given", &guardian), "");
    (void)world_send(&world, "web", "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"birthdate\":\"2015-05-05\"}}");
    world_later(&world, "PT1H");
    check_str(world_state(&world, ANNA, "children", "renewed", &brief), "");
    world_later(&world, "P5D");
    say(ANNA, "children", "expired");
    world_sweep_all(&world);
    assert_int_equal(world_alive_facts(world_person(&world, ANNA)), 1);
    const struct standing *standing = gate_standing_at(&world.arena, world.policy, world_person(&world, ANNA), STR_NONE, world.now_ms, TIME_FOREVER);
    assert_int_equal(standing->purposes[policy_purpose(world.policy, STR("children"))->slot].reasons, 0);
}

static void no_consent_outlives_the_policy(void **state)
{
    (void)state;
    struct consent long_lived = {.expires_ms = world.now_ms + 4000 * DAY_MS}, short_lived = {.expires_ms = world.now_ms + 40 * DAY_MS};
    check_str(world_state(&world, ANNA, "newsletter", "given", &long_lived), "");
    check_str(world_state(&world, ANNA, "analytics", "given", &short_lived), "");
    const struct person *person = world_person(&world, ANNA);
    assert_int_equal(person->consents.items[0].expires_ms, time_add(world.now_ms, (struct duration){.months = 24}));
    assert_int_equal(person->consents.items[1].expires_ms, short_lived.expires_ms);
}

static void who_names_no_notice_agreed_to_the_one_in_force(void **state)
{
    (void)state;
    struct consent august = {.at_ms = INT64_C(1788134400000)}; /* 2026-08-31 */
    check_str(world_state(&world, ANNA, "newsletter", "given", &august), "");
    say("user_id:bela", "newsletter", "given");
    assert_int_equal(world_person(&world, ANNA)->consents.items[0].notice_version, 2); /* what came before version 3 */
    assert_int_equal(world_person(&world, "user_id:bela")->consents.items[0].notice_version, 3);
}

static void preferences_are_checked(void **state)
{
    (void)state;
    check_str(world_prefer(&world, ANNA, "{\"chanels\":{}}"), "unknown setting; there are channels, topics, frequency, language and quiet_hours");
    check_str(world_prefer(&world, ANNA, "{\"channels\":{\"email\":3}}"), "`channels` and `topics` say true or false for each name");
    check_str(world_prefer(&world, ANNA, "{\"quiet_hours\":{\"from\":\"21:00\",\"to\":\"08:00\",\"zone\":\"Mars/Base\"}}"),
              "`quiet_hours` is {\"from\": \"21:00\", \"to\": \"08:00\", \"zone\": \"Europe/Budapest\"}");
    check_str(world_prefer(&world, ANNA, "{\"channels\":{\"email\":false},\"language\":\"hu\"}"), "");
    check_str(world_prefer(&world, ANNA, "[]"), "preferences are an object");
    assert_int_equal(world_person(&world, ANNA)->preferences.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down), {#name " (lazily loaded)", name, set_up_lazy, tear_down, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(withdrawal_erases_what_rested_on_it_alone),
        TEST(withdrawal_cancels_what_is_queued_and_recalls_what_was_sent),
        TEST(only_destinations_that_may_use_it_get_it),
        TEST(a_consent_that_runs_out_is_a_withdrawal),
        TEST(an_expiry_is_noticed_before_the_next_message),
        TEST(retention_counts_from_when_each_datum_was_collected),
        TEST(retention_counts_from_the_last_sign_of_life),
        TEST(imported_history_is_as_old_as_it_is),
        TEST(erasure_keeps_only_what_a_law_orders),
        TEST(erasure_of_one_without_legal_data_ends_every_key),
        TEST(recalls_outlive_the_keys_of_an_erased_person),
        TEST(a_new_relationship_may_follow_an_erasure),
        TEST(a_law_may_order_new_records_of_an_erased_person),
        TEST(joined_people_are_one_and_parted_they_are_two_again),
        TEST(an_event_of_which_no_content_is_covered_any_more_goes_with_its_name),
        TEST(merge_then_undo_is_never_merged),
        TEST(what_was_objected_to_anywhere_holds_for_the_person),
        TEST(limits_keep_a_shared_device_from_melting_people),
        TEST(joining_needs_its_own_purpose_on_both_sides),
        TEST(an_alias_joins_the_earlier_id),
        TEST(an_alias_gives_a_user_id_another_one_past_the_limit),
        TEST(the_signal_of_an_alias_is_said_by_whom_it_names_anew),
        TEST(an_open_key_melts_no_two_accounts),
        TEST(what_was_known_before_a_join_is_told_apart),
        TEST(a_purpose_that_is_gone_takes_its_data_with_it),
        TEST(a_category_that_is_no_longer_covered_is_taken_off),
        TEST(a_childs_consent_needs_a_guardian_once_the_age_is_known),
        TEST(a_childs_own_yes_with_its_age_in_the_context_is_not_one),
        TEST(what_is_told_of_a_childs_message_is_what_is_kept),
        TEST(a_year_in_the_context_yields_to_a_fact),
        TEST(a_year_of_birth_goes_with_the_last_fact_that_says_it),
        TEST(an_erased_child_leaves_no_year_of_birth),
        TEST(a_year_of_birth_stays_while_a_consent_rests_on_it),
        TEST(statements_that_do_not_fit_are_refused),
        TEST(a_guardians_yes_outlives_the_childs),
        TEST(no_consent_outlives_the_policy),
        TEST(who_names_no_notice_agreed_to_the_one_in_force),
        TEST(preferences_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
