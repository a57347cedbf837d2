/* What lies in memory changes nothing: the same messages and statements to two engines, one of which forgets everybody before each of them, give the
 * same people. */
#include "engine_world.h"

#include "engine/engine_private.h"
#include "engine/person_cache.h"
#include "engine/squeeze.h"

#include <stdio.h>

#define STEPS 600
#define USERS 12

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static void step(struct world *world, uint64_t *seed, int number)
{
    char text[512], user[64], other[64];
    unsigned kind = next(seed) % 100, who = next(seed) % USERS, device = next(seed) % USERS;
    const char *source = next(seed) % 3 ? "web" : "till";
    snprintf(user, sizeof user, "user_id:u%u", who);
    snprintf(other, sizeof other, "anonymous_id:a%u", device);
    if (kind < 45) {
        snprintf(text, sizeof text, "{'userId':'u%u','event':'Seen','properties':{'colour':'%u','total':%d},'messageId':'t%d'}", who, kind, number, number);
        (void)world_send(world, EVENT_TRACK, source, text);
    } else if (kind < 60) {
        snprintf(text, sizeof text, "{'anonymousId':'a%u','event':'Seen','properties':{'colour':'%u'},'messageId':'t%d'}", device, kind, number);
        (void)world_send(world, EVENT_TRACK, source, text);
    } else if (kind < 70) {
        snprintf(text, sizeof text, "{'userId':'u%u','anonymousId':'a%u','event':'Order Completed','properties':{'total':1},'messageId':'t%d'}", who, device,
                 number);
        (void)world_send(world, EVENT_TRACK, source, text);
    } else if (kind < 82) {
        snprintf(text, sizeof text, "{'userId':'u%u','traits':{'name':'N%d','hobby':'h%u','email':'u%u@b.hu'},'messageId':'t%d'}", who, number, device, who,
                 number);
        (void)world_send(world, EVENT_IDENTIFY, source, text);
    } else if (kind < 90)
        (void)world_state(world, next(seed) % 2 ? user : other, "newsletter", CONSENT_GIVEN);
    else if (kind < 95)
        (void)world_state(world, user, "newsletter", CONSENT_WITHDRAWN);
    else if (kind < 98)
        (void)world_state(world, user, "fulfilment", CONSENT_OPENED);
    else
        (void)world_state(world, other, "statistics", CONSENT_OBJECTED);
}

static void digest(struct world *world, uint8_t ret_digest[32])
{
    uint64_t people;
    check_fine(engine_debug_digest(world->reader, &world->arena, ret_digest, &people));
    assert_true(people > 3);
}

static void finding(void *context, const struct audit_finding *finding)
{
    (void)context;
    print_error("%s %.*s: %.*s\n", finding->promise, STR_FMT(finding->where), STR_FMT(finding->what));
}

static void audit(struct world *world)
{
    uint64_t violations = 0;
    check_fine(engine_audit(world->engine, world->reader, &world->arena, finding, NULL, NULL, &violations));
    assert_int_equal(violations, 0);
}

static void heads_in_memory_change_nothing(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 3; round++) {
        struct world worlds[2] = {{.debug_door = true}, {.debug_door = true}};
        uint8_t digests[2][32];
        int64_t began_ms = 0;
        for (int w = 0; w < 2; w++) {
            uint64_t seed = round * 7919;
            world_begin(&worlds[w]);
            memcpy(worlds[w].engine->index_key, worlds[0].engine->index_key, 32); /* digests name identifiers by their hashes */
            worlds[w].received_ms = w ? began_ms : (began_ms = clock_now_ms() - HOUR_MS); /* nothing runs out during the test */
            for (int i = 0; i < STEPS; i++) {
                worlds[w].received_ms += 1000;
                if (w == 1) { /* nothing is under way: the writer does not look at it now */
                    person_cache_clear(worlds[w].engine->person_cache, worlds[w].engine->current->policy);
                }
                step(&worlds[w], &seed, i);
            }
            if (w == 0)
                assert_true(person_cache_count(worlds[w].engine->person_cache) > 0);
            digest(&worlds[w], digests[w]);
        }
        assert_memory_equal(digests[0], digests[1], 32);
        world_reopen(&worlds[0]);
        digest(&worlds[0], digests[0]);
        assert_memory_equal(digests[0], digests[1], 32);
        uint64_t people;
        check_fine(engine_debug_rebuild(worlds[0].engine, &worlds[0].arena, &people));
        digest(&worlds[0], digests[0]);
        assert_memory_equal(digests[0], digests[1], 32);
        audit(&worlds[0]);
        audit(&worlds[1]);
        world_end(&worlds[0]);
        world_end(&worlds[1]);
    }
}

static struct person *head(struct arena *arena, uint64_t number)
{
    struct person *person = arena_new(arena, struct person);
    person->root = (profile_no){number};
    person->loaded = PERSON_HEAD | PERSON_HELD;
    *(struct profile *)vec_push(arena, &person->profiles) = (struct profile){.number = {number}, .root = {number}, .due_ms = TIME_FOREVER};
    for (uint32_t i = 1; i <= 3; i++) {
        struct identifier *row = vec_push(arena, &person->identifiers);
        *row = (struct identifier){.profile = {number}, .number = i, .type = STR("user_id"), .purposes = i, .value = STR("somebody"), .sealed = STR("sealed")};
        memcpy(row->hash.bytes, &number, 8);
        row->hash.bytes[15] = (uint8_t)i;
    }
    for (uint32_t i = 0; i < 3; i++)
        *(struct consent *)vec_push(arena, &person->consents) = (struct consent){.profile = {number}, .identifier = 1, .purpose = STR("newsletter"),
                                                                                 .notice_version = i, .status = CONSENT_GIVEN};
    return person;
}

static void the_cache_gives_back_what_it_got_and_is_bounded(void **state)
{
    struct arena arena, round;
    (void)state;
    arena_init(&arena);
    arena_init(&round);
    struct person_cache *cache = person_cache_new();
    enum { PEOPLE = 3000 };
    for (uint64_t number = 1; number <= PEOPLE; number++)
        person_cache_put(cache, head(&arena, number));
    assert_int_equal(person_cache_count(cache), PEOPLE);
    for (uint64_t number = 3; number <= PEOPLE; number += 3)
        person_cache_forget(cache, head(&arena, number));
    assert_int_equal(person_cache_count(cache), PEOPLE * 2 / 3);
    person_cache_round(cache, &round);
    for (uint64_t number = 1; number <= PEOPLE; number++) {
        const struct person *wanted = head(&arena, number);
        bool first = false, again = true;
        struct person *got = person_cache_get(cache, &wanted->identifiers.items[0].hash, PERSON_HEAD | PERSON_HELD, &first);
        assert_true((got == NULL) == (number % 3 == 0));
        if (!got)
            continue;
        assert_true(first);
        assert_ptr_equal(person_cache_get(cache, &wanted->identifiers.items[2].hash, PERSON_HEAD, &again), got);
        assert_false(again);
        assert_null(person_cache_get(cache, &wanted->identifiers.items[0].hash, PERSON_HEAD | PERSON_FACTS, &again));
        assert_int_equal(got->root.value, number);
        assert_int_equal(got->identifiers.count, 3);
        assert_true(value_is_unopened(got->identifiers.items[1].value));
        assert_int_equal(got->identifiers.items[2].purposes, 3);
        assert_int_equal(got->consents.items[2].notice_version, 2);
        check_str(got->consents.items[0].purpose, "newsletter");
    }
    person_cache_free(cache);
    arena_release(&round);
    arena_release(&arena);
}

static void the_window_of_duplicates_forgets_the_oldest(void **state)
{
    (void)state;
    struct dedupe *dedupe = dedupe_new();
    for (uint64_t id = 1; id <= 100000; id++)
        dedupe_add(dedupe, id * UINT64_C(0x9E3779B97F4A7C15), (int64_t)id);
    assert_true(dedupe_has(dedupe, 7 * UINT64_C(0x9E3779B97F4A7C15)));
    assert_false(dedupe_has(dedupe, 7));
    dedupe_remove_newest(dedupe, 10);
    assert_false(dedupe_has(dedupe, 100000 * UINT64_C(0x9E3779B97F4A7C15)));
    assert_true(dedupe_has(dedupe, 99990 * UINT64_C(0x9E3779B97F4A7C15)));
    dedupe_expire(dedupe, 50000); /* by seconds: a little less may go, never more */
    assert_false(dedupe_has(dedupe, 7 * UINT64_C(0x9E3779B97F4A7C15)));
    assert_true(dedupe_has(dedupe, 50001 * UINT64_C(0x9E3779B97F4A7C15)));
    dedupe_expire(dedupe, INT64_MAX);
    assert_int_equal(dedupe_count(dedupe), 0);
    dedupe_free(dedupe);
}

/* Exactly as many bytes as it says, whatever lies in them; the guards behind stay as they are. */
static void what_is_squeezed_comes_back(void **state)
{
    (void)state;
    uint64_t seed = 11;
    uint8_t rows[64 * 8], squeezed[64 * 9 + 2], back[64 * 8 + 1];
    assert_int_equal(squeeze_max(sizeof rows) + 2, sizeof squeezed);
    for (unsigned round = 0; round < 2000; round++) {
        size_t size = next(&seed) % 65 * 8;
        unsigned zeroes = next(&seed) % 101;
        for (size_t i = 0; i < size; i++)
            rows[i] = next(&seed) % 100 < zeroes ? 0 : (uint8_t)(next(&seed) | 1);
        squeezed[squeeze_max(size) + 1] = back[size] = 0xa5;
        size_t took = squeeze(rows, size, squeezed);
        assert_true(took >= size / 8 && took <= squeeze_max(size));
        assert_int_equal(unsqueeze(squeezed, back, size), took);
        assert_memory_equal(rows, back, size);
        assert_true(squeezed[squeeze_max(size) + 1] == 0xa5 && back[size] == 0xa5);
    }
    memset(rows, 255, sizeof rows);
    assert_int_equal(squeeze(rows, sizeof rows, squeezed), squeeze_max(sizeof rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_squeezed_comes_back),
        cmocka_unit_test(heads_in_memory_change_nothing),
        cmocka_unit_test(the_cache_gives_back_what_it_got_and_is_bounded),
        cmocka_unit_test(the_window_of_duplicates_forgets_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
