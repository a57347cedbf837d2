/* How long a view lasts: until its `valid_until_ms` nothing of it changes by time alone. Shown on random lives: the text that is written of a person at
 * any moment before that is the same, byte by byte, though consents run out, data grows too old, notices and purposes begin, and birthdays come. */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"

#include <stdio.h>

#define USERS 6
#define STEPS 400

static struct world world;

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* As a server writes it: the view, then its events. */
static str view_at(struct arena *arena, const struct person *person, str purpose, int64_t now_ms, int64_t *ret_until_ms)
{
    struct profile_view view;
    struct question question = {.purpose = purpose, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = now_ms, .operation = OPERATION_USE};
    profile_view(arena, world.policy, person, &question, NULL, &view);
    *ret_until_ms = view.valid_until_ms;
    struct buf buf;
    struct jsonw w;
    if (!view.decision.allow)
        return str_printf(arena, "denied %llx", (unsigned long long)view.decision.reasons);
    buf_init(&buf, arena, 1 << 20);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    profile_view_write(&w, &view, (struct view_told){~(purpose_mask)0, WITHHELD_ALL});
    jsonw_key(&w, STR("events"));
    jsonw_array(&w);
    vec_each (event, &person->events) {
        str body;
        int64_t until_ms = profile_view_event_until(&view, event);
        if (until_ms < *ret_until_ms)
            *ret_until_ms = until_ms;
        if (profile_view_event(arena, &view, NULL, event, &body))
            jsonw_raw(&w, body);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    assert_false(buf.overflow);
    return buf_str(&buf);
}

static void step(uint64_t *seed, int number)
{
    static const char *const purposes[] = {"newsletter", "analytics", "children", "care", "fulfilment", "emergency", "safety", "fraud", "sale"};
    static const char *const statuses[] = {"given", "given", "given", "withdrawn", "objected", "opened", "ended", "invoked", "objection_lifted", "informed"};
    static const char *const sources[] = {"web", "till", "drop", "california"};
    unsigned who = next(seed) % USERS, kind = next(seed) % 10;
    const char *subject = arena_printf(&world.arena, "user_id:u%u", who), *text; /* the world keeps what it was told */
    if (kind < 4) {
        struct consent more = {.notice = next(seed) % 2 ? STR("newsletter") : STR("privacy"), .notice_version = 1 + next(seed) % 3,
                               .explicit_given = next(seed) % 2, .by = next(seed) % 3 ? SAID_BY_SELF : SAID_BY_GUARDIAN};
        (void)world_state(&world, subject, purposes[next(seed) % 9], statuses[next(seed) % 10], &more); /* what makes no sense is refused */
    } else if (kind < 7) {
        text = arena_printf(&world.arena,
                            "{\"type\":\"identify\",\"messageId\":\"i%d\",\"userId\":\"u%u\",\"traits\":{\"email\":\"u%u@x.hu\",\"colour\":\"c%d\",\"points\":%u,"
                 "\"allergy\":\"nuts\",\"birthdate\":\"20%02u-05-05\"}}",
                 number, who, who, number, next(seed) % 100, 6 + next(seed) % 8);
        (void)world_send(&world, sources[next(seed) % 4], text);
    } else {
        text = arena_printf(&world.arena,
                            "{\"type\":\"track\",\"messageId\":\"t%d\",\"userId\":\"u%u\",\"event\":\"%s\",\"properties\":{\"total\":%d,\"page\":\"p\","
                 "\"products\":[{\"sku\":\"a\",\"symptom\":\"cough\"}]},\"context\":{\"device\":{\"id\":\"d\"}}}",
                 number, who, next(seed) % 3 ? "Seen" : "Order Completed", number);
        (void)world_send(&world, sources[next(seed) % 4], text);
    }
}

/* How many of the views end by time within reach: shows that the test looks at something. */
static size_t views_check(uint64_t *seed)
{
    size_t ends = 0;
    struct arena arena;
    arena_init(&arena);
    for (unsigned who = 0; who < USERS; who++) {
        char subject[40];
        snprintf(subject, sizeof subject, "user_id:u%u", who);
        const struct person *person = world_person(&world, subject);
        if (!person)
            continue;
        vec_each (purpose, &world.policy->purposes) {
            int64_t until_ms, other_ms;
            str now = view_at(&arena, person, purpose->name, world.now_ms, &until_ms);
            assert_true(until_ms > world.now_ms);
            int64_t span_ms = until_ms == TIME_FOREVER ? 20 * 365 * DAY_MS : until_ms - world.now_ms;
            ends += until_ms != TIME_FOREVER && !str_starts(now, STR("denied"));
            for (int i = 0; i < 6; i++) {
                int64_t at_ms = world.now_ms + (i == 0 ? span_ms - 1 : (int64_t)((uint64_t)next(seed) * (uint64_t)(span_ms / 1000) / (UINT64_C(1) << 31)) * 1000);
                str then = view_at(&arena, person, purpose->name, at_ms, &other_ms);
                if (!str_equal(now, then))
                    print_error("%s for %.*s, from %s to %s, is another at %s:\n%.*s\n%.*s\n", subject, STR_FMT(purpose->name),
                                time_format(&arena, world.now_ms).data, time_format(&arena, until_ms == TIME_FOREVER ? world.now_ms : until_ms).data,
                                time_format(&arena, at_ms).data, STR_FMT(now), STR_FMT(then));
                assert_true(str_equal(now, then));
            }
        }
        arena_clear(&arena);
    }
    arena_release(&arena);
    return ends;
}

static void no_view_changes_by_time_before_it_says_so(void **state)
{
    (void)state;
    size_t ends = 0;
    for (uint64_t life = 1; life <= 3; life++) {
        uint64_t seed = life * 7919;
        world_begin(&world, CORE_POLICY);
        for (int i = 0; i < STEPS; i++) {
            world.now_ms += (int64_t)(next(&seed) % (3 * (uint64_t)DAY_MS));
            step(&seed, i);
            if (i % 8 == 7) {
                ends += views_check(&seed);
                world_sweep(&world);
                ends += views_check(&seed);
            }
        }
        world_end(&world);
    }
    assert_true(ends > 500);
}

static int64_t decided_until(const char *purpose, str channel)
{
    struct decision decision;
    struct question question = {.purpose = str_of(purpose), .channel = channel, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms,
                                .operation = OPERATION_USE};
    gate_decide(&world.arena, world.policy, world_person(&world, "user_id:anna"), &question, &decision);
    return decision.valid_until_ms;
}

#define UNTIL(purpose, channel) time_format(&world.arena, decided_until(purpose, channel)).data

static void an_answer_says_when_a_new_notice_will_end_it(void **state)
{
    (void)state;
    world_begin(&world,
                "controller: { name: T, country: HU, regions: [EU] }\n"
                "categories: { behaviour: {} }\n"
                "fields: { default: behaviour }\n"
                "notices: { site: { version: 2, effective: 2026-12-01, grace: P7D, renew_older_than: 2, languages: { en: privacy.md } } }\n"
                "purposes: { serve: { title: Serve, basis: legitimate_interest, interest: i, balancing_test: lia.pdf@2026-01-01, notice: site, "
                "categories: [behaviour], retention: P9Y after collected } }\n"
                "sources: { web: { kind: website, key_env: NONE_1, purposes: [serve], when_denied: drop } }\n");
    world_at(&world, "2026-11-20");
    struct consent more = {.notice = STR("site"), .notice_version = 1};
    check_str(world_state(&world, "user_id:anna", "serve", "informed", &more), "");
    assert_string_equal(UNTIL("serve", STR_NONE), "2026-12-08T00:00:00.000Z");
    world_end(&world);
}

static void an_answer_in_quiet_hours_lasts_until_they_are_over(void **state)
{
    (void)state;
    world_begin(&world, CORE_POLICY);
    world_at(&world, "2026-10-10T20:30:00Z");
    struct consent more = {.notice = STR("newsletter"), .notice_version = 3};
    check_str(world_state(&world, "user_id:anna", "newsletter", "given", &more), "");
    check_str(world_prefer(&world, "user_id:anna", "{\"quiet_hours\":{\"from\":\"22:00\",\"to\":\"08:00\",\"zone\":\"Europe/Budapest\"}}"), "");
    assert_string_equal(UNTIL("newsletter", STR("email")), "2026-10-11T06:00:00.000Z");
    world_at(&world, "2026-10-11T07:00:00Z");
    assert_string_equal(UNTIL("newsletter", STR("email")), "2026-10-11T20:00:00.000Z");
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_view_changes_by_time_before_it_says_so),
        cmocka_unit_test(an_answer_says_when_a_new_notice_will_end_it),
        cmocka_unit_test(an_answer_in_quiet_hours_lasts_until_they_are_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
