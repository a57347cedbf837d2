/* Links that persons open: whom a ticket names after restarts, rotations, merges, withdrawals and erasure. */
#include "engine_world.h"

#define NEVER INT64_C(4000000000000)

static str make_for(struct world *world, const char *audience, const char *subject)
{
    const struct policy *policy = engine_policy(world->engine);
    struct person *person;
    str ticket;
    check_fine(engine_link_make(world->reader, &world->arena, policy, str_of(audience), str_of(subject), NEVER, &ticket, &person));
    engine_policy_release(world->engine, policy);
    return ticket;
}

/* Whom it opens for: the e-mail address or user id that it was sent to; empty: nobody. */
static str opens(struct world *world, const char *audience, str ticket, int64_t now_ms)
{
    const struct policy *policy = engine_policy(world->engine);
    struct link_holder holder;
    check_fine(engine_link_open(world->reader, &world->arena, policy, str_of(audience), ticket, now_ms, PERSON_HEAD, &holder));
    engine_policy_release(world->engine, policy);
    if (holder.state != LINK_GOOD)
        assert_null(holder.person);
    return holder.state == LINK_GOOD      ? (str_empty(holder.identifier->value) ? STR("(hash)") : holder.identifier->value)
           : holder.state == LINK_EXPIRED ? STR("(expired)")
                                          : STR("");
}

static struct request do_one(struct world *world, struct request request)
{
    struct work work = {.arena = &world->arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(world->engine, &work));
    check_str(request.refusal, "");
    engine_work_release(world->engine, &work);
    return request;
}

static struct message_identifier subject_of(struct world *world, const char *subject)
{
    const struct policy *policy = engine_policy(world->engine);
    struct message_identifier id;
    check_fine(identity_parse_subject(&world->arena, policy, str_of(subject), &id));
    engine_policy_release(world->engine, policy);
    return id;
}

static void customers(struct world *world)
{
    world_begin(world);
    world_state(world, "user_id:u1", "fulfilment", CONSENT_OPENED);
    world_state(world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'email':'anna@example.hu','name':'Anna'}}");
    world_state(world, "user_id:u2", "fulfilment", CONSENT_OPENED);
    world_send(world, EVENT_IDENTIFY, "till", "{'userId':'u2','traits':{'name':'Bea'}}");
}

static void a_link_lives_through_restart_and_rotation(void **state)
{
    struct world world = {0};
    (void)state;
    customers(&world);
    str ticket = str_copy(&world.arena, make_for(&world, "preferences", "email:Anna@example.hu"));
    check_str(opens(&world, "preferences", ticket, NEVER - 1), "anna@example.hu");
    world_reopen(&world);
    check_str(opens(&world, "preferences", ticket, NEVER - 1), "anna@example.hu");
    check_fine(engine_keys_rotate(world.engine, &world.arena, NULL, NULL));
    check_str(opens(&world, "preferences", ticket, NEVER - 1), "anna@example.hu");
    world_reopen(&world);
    check_str(opens(&world, "preferences", ticket, NEVER - 1), "anna@example.hu");
    check_str(opens(&world, "preferences", ticket, NEVER), "(expired)");
    check_str(opens(&world, "rights", ticket, 0), "");
    world_end(&world);
}

static void another_installation_opens_nothing_of_ours(void **state)
{
    struct world world = {0}, other = {0};
    (void)state;
    customers(&world);
    customers(&other);
    str ticket = make_for(&world, "preferences", "user_id:u1");
    check_str(opens(&other, "preferences", ticket, 0), "");
    world_end(&other);
    world_end(&world);
}

static void nobody_gets_no_link(void **state)
{
    struct world world = {0};
    (void)state;
    customers(&world);
    check_str(make_for(&world, "preferences", "user_id:nobody"), "");
    world_end(&world);
}

static void an_erased_person_s_links_open_nothing(void **state)
{
    struct world world = {0};
    (void)state;
    customers(&world);
    str ticket = make_for(&world, "preferences", "user_id:u1");
    assert_true(do_one(&world, (struct request){.kind = REQUEST_ERASE, .subject = subject_of(&world, "user_id:u1")}).found);
    check_str(opens(&world, "preferences", ticket, 0), "");
    check_str(make_for(&world, "preferences", "user_id:u1"), "");
    world_reopen(&world);
    check_str(opens(&world, "preferences", ticket, 0), "");
    world_end(&world);
}

static void a_link_follows_a_merge_and_its_undoing(void **state)
{
    struct world world = {0};
    struct link_holder holder;
    (void)state;
    world_begin(&world);
    world_state(&world, "email:anna@example.hu", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    str ticket = make_for(&world, "preferences", "email:anna@example.hu");
    do_one(&world, (struct request){.kind = REQUEST_JOIN, .subject = subject_of(&world, "user_id:u1"), .other = subject_of(&world, "email:anna@example.hu")});
    const struct policy *policy = engine_policy(world.engine);
    check_fine(engine_link_open(world.reader, &world.arena, policy, STR("preferences"), ticket, 0, PERSON_HEAD, &holder));
    assert_int_equal(holder.state, LINK_GOOD);
    assert_int_equal(holder.person->profiles.count, 2);
    check_str(holder.identifier->value, "anna@example.hu");
    do_one(&world, (struct request){.kind = REQUEST_UNDO_MERGE, .subject = subject_of(&world, "user_id:u1"), .merge = holder.person->merges.items[0].id});
    check_fine(engine_link_open(world.reader, &world.arena, policy, STR("preferences"), ticket, 0, PERSON_HEAD, &holder));
    assert_int_equal(holder.state, LINK_GOOD);
    assert_int_equal(holder.person->profiles.count, 1);
    check_str(holder.identifier->value, "anna@example.hu");
    engine_policy_release(world.engine, policy);
    world_end(&world);
}

static void what_is_said_through_a_link_needs_no_value_of_the_identifier(void **state)
{
    struct world world = {0};
    struct link_holder holder;
    (void)state;
    world_begin(&world);
    world_state(&world, "email:anna@example.hu", "newsletter", CONSENT_GIVEN);
    str ticket = make_for(&world, "preferences", "email:anna@example.hu");
    world_state(&world, "email:anna@example.hu", "newsletter", CONSENT_WITHDRAWN);
    check_str(opens(&world, "preferences", ticket, 0), "(hash)"); /* the address is gone, and still the person can speak */
    const struct policy *policy = engine_policy(world.engine);
    check_fine(engine_link_open(world.reader, &world.arena, policy, STR("preferences"), ticket, 0, PERSON_HEAD, &holder));
    struct request request = {.kind = REQUEST_STATEMENT,
                              .statement = {.subject = engine_link_identifier(policy, holder.identifier),
                                            .record = {.purpose = STR("statistics"), .status = CONSENT_OBJECTED, .at_ms = clock_now_ms(), .source = STR("api")}}};
    do_one(&world, request);
    engine_policy_release(world.engine, policy);
    struct person *person = world_person(&world, "email:anna@example.hu", PERSON_HEAD);
    assert_non_null(person);
    assert_int_equal(person->consents.items[person->consents.count - 1].status, CONSENT_OBJECTED);
    check_str(opens(&world, "preferences", ticket, 0), "(hash)");
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_lives_through_restart_and_rotation),
        cmocka_unit_test(another_installation_opens_nothing_of_ours),
        cmocka_unit_test(nobody_gets_no_link),
        cmocka_unit_test(an_erased_person_s_links_open_nothing),
        cmocka_unit_test(a_link_follows_a_merge_and_its_undoing),
        cmocka_unit_test(what_is_said_through_a_link_needs_no_value_of_the_identifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
