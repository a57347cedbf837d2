/* Decisions as evidence: what was decided about an event can be shown, and checked offline, whatever became of the event since. */
#include "engine_world.h"

#include "core/identity.h"
#include "engine/decision.h"
#include "engine/engine_private.h"
#include "evidence/verify.h"

#include <stdio.h>

static const struct policy *policy_in(struct world *world)
{
    const struct policy *policy = engine_policy(world->engine);
    engine_policy_release(world->engine, policy); /* the test keeps it in force as long as it looks at it */
    return policy;
}

/* All of a person, in pages of `step`. */
static struct decisions all_of(struct world *world, const char *subject, size_t step)
{
    struct decisions all = {0}, page;
    struct decision_place place = {0};
    struct person *person = world_person(world, subject, PERSON_HEAD);
    if (!person)
        return all;
    do {
        check_fine(engine_decisions(world->reader, &world->arena, policy_in(world), person, &place, step, &page));
        vec_each (known, &page)
            *(struct decision_known *)vec_push(&world->arena, &all) = *known;
        if (page.count)
            place = page.items[page.count - 1].place;
    } while (page.count == step);
    return all;
}

static str text_of(struct world *world, const struct decision_known *known)
{
    struct decision_memo memo = {0};
    str text = STR_NONE;
    check_fine(engine_decision_text(world->reader, &world->arena, known, &memo, &text));
    return text;
}

/* The evidence is good by the public key alone, and not after one byte of the record was changed. */
static void evidence_holds(struct world *world, const struct decision_known *known, str wanted_text)
{
    str text, evidence;
    struct note_key key;
    struct verify_report report = {0}, forged = {0};
    check_fine(engine_decision_evidence(world->reader, &world->arena, known, &text, &evidence));
    assert_true(str_equal(text, wanted_text));
    check_fine(note_verifier_parse(&world->arena, engine_verifier_key(world->engine), &key));
    verify_text(&world->arena, STR("decision"), evidence, &key, 1, &report);
    vec_each (finding, &report.findings)
        if (!finding->ok && !finding->note)
            print_error("%.*s: %.*s\n", STR_FMT(finding->what), STR_FMT(finding->why));
    assert_int_equal(report.bad_count, 0);
    assert_true(report.findings.count >= 2);
    char *changed = str_z(&world->arena, evidence), *place = strstr(changed, "newsletter");
    assert_non_null(place);
    *place = 'm';
    verify_text(&world->arena, STR("decision"), str_of(changed), &key, 1, &forged);
    assert_true(forged.bad_count > 0);
}

static void a_decision_is_told_as_it_was_made(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct message_result trimmed = world_send_result(&world, EVENT_TRACK, "web", "{'userId':'u1','event':'Seen','properties':{'colour':'red','total':3}}");
    struct message_result again = world_send_result(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'email':'anna@example.hu','hobby':'chess'}}");
    struct decisions all = all_of(&world, "user_id:u1", 1);
    assert_int_equal(all.count, 2);
    assert_true(str_equal(text_of(&world, &all.items[0]), again.decision));
    assert_true(str_equal(text_of(&world, &all.items[1]), trimmed.decision));
    assert_false(all.items[0].gone || all.items[1].gone);
    evidence_holds(&world, &all.items[0], again.decision);
    evidence_holds(&world, &all.items[1], trimmed.decision);
    world_end(&world);
}

static void it_is_told_the_same_after_purposes_were_taken_off_and_after_the_event_is_gone(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct message_result both = world_send_result(&world, EVENT_TRACK, "web", "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}");
    struct message_result one = world_send_result(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'blue'}}");
    assert_true(str_find(both.decision, STR("\"newsletter\",\"statistics\"")) > 0);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    assert_int_equal(world_events(&world, "user_id:u1"), 1);
    for (int round = 0; round < 2; round++) {
        struct decisions all = all_of(&world, "user_id:u1", 1);
        assert_int_equal(all.count, 2);
        assert_false(all.items[0].gone);
        assert_true(all.items[1].gone);
        evidence_holds(&world, &all.items[0], both.decision);
        evidence_holds(&world, &all.items[1], one.decision);
        world_reopen(&world);
    }
    world_state(&world, "user_id:u1", "statistics", CONSENT_OBJECTED);
    assert_int_equal(world_events(&world, "user_id:u1"), 0);
    struct decisions all = all_of(&world, "user_id:u1", 1);
    assert_int_equal(all.count, 2);
    evidence_holds(&world, &all.items[0], both.decision); /* twice taken off; the latest to go comes first */
    evidence_holds(&world, &all.items[1], one.decision);
    struct decision_known known;
    bool found = false;
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    check_fine(engine_decision_find(world.reader, &world.arena, policy_in(&world), person, all.items[1].event, &known, &found));
    assert_true(found && known.gone);
    evidence_holds(&world, &known, one.decision);
    check_fine(engine_decision_find(world.reader, &world.arena, policy_in(&world), person, (struct uuid){{9}}, &known, &found));
    assert_false(found);
    world_end(&world);
}

static void it_is_told_under_the_policy_of_its_day(void **state)
{
    struct world world = {0};
    uint64_t swept;
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct message_result result = world_send_result(&world, EVENT_TRACK, "web", "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}");
    char *text = str_z(&world.arena, str_of(world_policy)), *line = strstr(text, "  statistics:");
    char *end = strstr(line, "sources:"), *in_source;
    memmove(line, end, strlen(end) + 1); /* a policy without the purpose */
    in_source = strstr(text, ", statistics]");
    assert_non_null(in_source);
    memcpy(in_source, "            ]", 13);
    assert_int_equal(world_apply(&world, text), 2);
    check_fine(engine_sweep(world.engine, clock_now_ms(), &swept));
    struct decisions all = all_of(&world, "user_id:u1", 10);
    assert_int_equal(all.count, 1);
    evidence_holds(&world, &all.items[0], result.decision);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    all = all_of(&world, "user_id:u1", 10);
    assert_int_equal(all.count, 1);
    assert_true(all.items[0].gone);
    evidence_holds(&world, &all.items[0], result.decision);
    world_end(&world);
}

static void what_came_out_of_hold_and_what_others_brought_into_a_person_is_told(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "statistics", CONSENT_OBJECTED);
    assert_int_equal(world_send(&world, EVENT_TRACK, "web", "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}"), OUTCOME_HELD);
    assert_int_equal(all_of(&world, "user_id:u1", 10).count, 0);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct decisions all = all_of(&world, "user_id:u1", 10);
    assert_int_equal(all.count, 1);
    evidence_holds(&world, &all.items[0], text_of(&world, &all.items[0]));
    struct message_result device = world_send_result(&world, EVENT_TRACK, "web", "{'anonymousId':'a1','event':'Seen','properties':{'colour':'blue'}}");
    world_send(&world, EVENT_IDENTIFY, "web", "{'userId':'u1','anonymousId':'a1','traits':{}}");
    all = all_of(&world, "user_id:u1", 1);
    assert_int_equal(all.count, 3);
    size_t same = 0;
    vec_each (known, &all)
        same += str_equal(text_of(&world, known), device.decision);
    assert_int_equal(same, 1);
    world_end(&world);
}

static bool row_count(void *context, const void *row)
{
    (void)row;
    ++*(size_t *)context;
    return true;
}

static size_t rows_kept(struct world *world)
{
    size_t count = 0;
    for (uint64_t number = 1; number < 10; number++)
        check_fine(engine_store(world->engine)->decisions(reader_session(world->reader), &world->arena, (profile_no){number}, row_count, &count));
    return count;
}

static void many_that_go_at_once_are_kept_in_few_rows_and_listed_without_gap(void **state)
{
    enum { MANY = 2500 };
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct work work = {.arena = &world.arena, .source = STR("till"), .message_count = MANY};
    work.messages = arena_array(&world.arena, struct collected, MANY);
    for (size_t i = 0; i < MANY; i++) {
        struct json *body = arena_new(&world.arena, struct json);
        str text = str_printf(&world.arena, "{\"userId\":\"u1\",\"event\":\"Seen\",\"properties\":{\"n\":%zu}}", i);
        check_fine(json_read(&world.arena, text, body));
        work.messages[i] = (struct collected){.body = body, .text = text, .path_type = EVENT_TRACK, .sent_ms = TIME_NONE};
        work.bytes += text.length;
    }
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    assert_int_equal(all_of(&world, "user_id:u1", 999).count, MANY);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    assert_int_equal(world_events(&world, "user_id:u1"), 0);
    assert_int_equal(rows_kept(&world), 3);
    struct decisions all = all_of(&world, "user_id:u1", 333);
    assert_int_equal(all.count, MANY);
    for (size_t i = 0; i < MANY; i += 499) {
        assert_true(str_starts(text_of(&world, &all.items[i]), STR("{\"at\":")));
        for (size_t k = 0; k < i; k++)
            assert_false(uuid_equal(all.items[i].event, all.items[k].event));
    }
    world_end(&world);
}

static void erase(struct world *world, const char *subject)
{
    const struct policy *policy = engine_policy(world->engine);
    struct request request = {.kind = REQUEST_ERASE};
    check_fine(identity_parse_subject(&world->arena, policy, str_of(subject), &request.subject));
    struct work work = {.arena = &world->arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(world->engine, &work));
    assert_true(request.found);
    engine_work_release(world->engine, &work);
    engine_policy_release(world->engine, policy);
}

static void nothing_is_kept_of_a_person_who_was_erased(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u2", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}");
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u2','event':'Seen','properties':{'colour':'red'}}");
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    world_state(&world, "user_id:u2", "newsletter", CONSENT_WITHDRAWN);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'blue'}}");
    assert_int_equal(rows_kept(&world), 2);
    erase(&world, "user_id:u1");
    assert_int_equal(rows_kept(&world), 1);
    assert_int_equal(all_of(&world, "user_id:u2", 10).count, 1);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_is_told_as_it_was_made),
        cmocka_unit_test(it_is_told_the_same_after_purposes_were_taken_off_and_after_the_event_is_gone),
        cmocka_unit_test(it_is_told_under_the_policy_of_its_day),
        cmocka_unit_test(what_came_out_of_hold_and_what_others_brought_into_a_person_is_told),
        cmocka_unit_test(many_that_go_at_once_are_kept_in_few_rows_and_listed_without_gap),
        cmocka_unit_test(nothing_is_kept_of_a_person_who_was_erased),
    };
    return cmocka_run_group_tests_name("engine_decision", tests, NULL, NULL);
}
