/* Campaigns for renewed consent: who is on which version, who can be asked; and that later answers look only at who was touched. */
#include "engine_world.h"

#include "engine/campaign.h"

#include <stdio.h>

static struct campaign_count count_of(struct world *world)
{
    const struct policy *policy = engine_policy(world->engine);
    struct campaign_count *count = arena_new(&world->arena, struct campaign_count);
    for (int i = 0; i < 100 && !count->complete; i++)
        check_fine(engine_campaign(world->engine, world->reader, &world->arena, policy, STR("newsletter"), count));
    engine_policy_release(world->engine, policy);
    assert_true(count->complete);
    return *count;
}

static void check_counts(struct world *world, uint64_t renewed, uint64_t open, uint64_t ended)
{
    struct campaign_count count = count_of(world);
    assert_int_equal(count.people[CAMPAIGN_RENEWED], renewed);
    assert_int_equal(count.people[CAMPAIGN_OPEN], open);
    assert_int_equal(count.people[CAMPAIGN_ENDED], ended);
}

static void new_text(struct world *world)
{
    struct map notices;
    str notice = STR("We send offers, chosen by what was bought.");
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    uint32_t version = 0;
    map_init(&notices, &world->arena);
    map_set(&notices, STR("n.md"), &notice);
    str text = str_of(world_policy);
    ptrdiff_t at = str_find(text, STR("version: 1, effective: 2026-01-01"));
    assert_true(at > 0);
    text = str_printf(&world->arena, "%.*sversion: 2, renew_older_than: 2, effective: 2026-01-01%.*s", (int)at, text.data,
                      STR_FMT(str_slice(text, (size_t)at + strlen("version: 1, effective: 2026-01-01"), text.length)));
    struct policy_input input = {.text = text, .notices = &notices};
    check_fine(engine_policy_apply(world->engine, &world->arena, &input, (struct uuid){{0}}, &effect, &problems, &version));
    assert_int_equal(version, 2);
}

static void a_new_version_opens_the_campaign_and_each_renewal_closes_one(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    for (int i = 0; i < 20; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof(subject), "user_id:u%d", i);
        world_state(&world, subject, "newsletter", CONSENT_GIVEN);
    }
    world_state(&world, "user_id:u0", "fulfilment", CONSENT_OPENED);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u0','traits':{'email':'anna@example.hu'}}");
    check_counts(&world, 20, 0, 0);
    new_text(&world);
    check_counts(&world, 0, 20, 0);
    struct campaign_count count = count_of(&world);
    assert_int_equal(count.versions[1], 20);
    assert_int_equal(count.not_contactable, 19); /* an address is known of one, whose contract lets us write */
    world_state(&world, "user_id:u0", "newsletter", CONSENT_RENEWED);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    check_counts(&world, 1, 18, 1);
    count = count_of(&world);
    assert_int_equal(count.day_count, 1);
    assert_int_equal(count.days[0].people, 1);
    world_reopen(&world);
    check_counts(&world, 1, 18, 1);
    world_end(&world);
}

static void who_was_erased_or_joined_counts_once_or_not_at_all(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "email:a@b.hu", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    check_counts(&world, 2, 0, 0);
    const struct policy *policy = engine_policy(world.engine);
    struct request join = {.kind = REQUEST_JOIN}, erase = {.kind = REQUEST_ERASE};
    check_fine(identity_parse_subject(&world.arena, policy, STR("user_id:u1"), &join.subject));
    check_fine(identity_parse_subject(&world.arena, policy, STR("email:a@b.hu"), &join.other));
    erase.subject = join.subject;
    engine_policy_release(world.engine, policy);
    struct work work = {.arena = &world.arena, .requests = &join, .request_count = 1};
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    check_counts(&world, 1, 0, 0);
    work = (struct work){.arena = &world.arena, .requests = &erase, .request_count = 1};
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    check_counts(&world, 0, 0, 0);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_version_opens_the_campaign_and_each_renewal_closes_one),
        cmocka_unit_test(who_was_erased_or_joined_counts_once_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
