/* Reading a Kafka topic into a real engine: everything once, across restarts, rebalances and bad days; what cannot be taken is not lost in silence. */
#include "engine_world.h"
#include "kafka_world.h"

#include "receive/receive.h"

#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC "shop"
#define PARTITIONS 3
#define LONG_MS 90000

static struct world world;
static struct receive *readers[2];
static int next_person;

static const char *policy_text(const char *options)
{
    const char *at = strstr(world_policy, "sources:\n") + strlen("sources:\n");
    return arena_printf(&world.arena, "%.*s  shop: { kind: kafka, purposes: [fulfilment, newsletter], when_denied: drop, trusted: true, brokers: '%s', topic: %s, session_timeout: 4s, %s }\n%s",
                        (int)(at - world_policy), world_policy, kafka_world_brokers(), TOPIC, options, at);
}

static void begin(const char *options)
{
    world = (struct world){.debug_door = true};
    kafka_world_begin(TOPIC, PARTITIONS);
    world_begin(&world);
    world_apply(&world, policy_text(options));
    next_person = 0;
}

static void reader_start(int which) { check_fine(receive_start(&world.arena, world.engine, NULL, &readers[which])); }
static void reader_stop(int which)
{
    receive_stop(readers[which]);
    readers[which] = NULL;
}

static void end(void)
{
    reader_stop(0);
    reader_stop(1);
    world_end(&world);
    kafka_world_end();
}

static struct receive_status status(int which)
{
    struct receive_status *items = NULL;
    size_t count = 0;
    receive_status(readers[which], &world.arena, &items, &count);
    return count ? items[0] : (struct receive_status){.state = RECEIVE_STATE_COUNT};
}

static void write_value(int32_t partition, const char *value) { kafka_world_write(TOPIC, partition, "key", value, value ? strlen(value) : 0, 0); }

/* One person each, in turn over the partitions; without messageId, so that only the offset can tell it from its like. */
static void write_orders(int count)
{
    for (int i = 0; i < count; i++, next_person++)
        write_value(next_person % PARTITIONS, arena_printf(&world.arena, "{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u%d\",\"properties\":{\"total\":1}}", next_person));
}

static size_t events_of(int person) { return world_events(&world, arena_printf(&world.arena, "user_id:u%d", person)); }

#define wait_for(condition)                                                                                            \
    do {                                                                                                               \
        int64_t until_ms_ = clock_now_ms() + LONG_MS;                                                                  \
        while (!(condition) && clock_now_ms() < until_ms_)                                                             \
            usleep(20000);                                                                                             \
        assert_true(condition);                                                                                        \
    } while (0)

static int people_missing(void)
{
    int missing = 0;
    for (int i = 0; i < next_person; i++)
        missing += events_of(i) == 0;
    return missing;
}

static void check_each_once(void)
{
    wait_for(people_missing() == 0);
    for (int i = 0; i < next_person; i++)
        assert_int_equal(events_of(i), 1);
}

static void each_record_is_stored_once_across_restarts(void **state)
{
    (void)state;
    begin("start: earliest");
    write_orders(30);
    reader_start(0);
    check_each_once();
    wait_for(status(0).state == RECEIVE_READING);
    assert_int_equal(status(0).partitions, PARTITIONS);
    wait_for(kafka_world_committed("telos-shop", TOPIC, 0) == 10); /* told to Kafka for those who look there */
    reader_stop(0);
    write_orders(30);
    engine_reader_close(world.reader);
    engine_close(world.engine);
    world_open(&world);
    reader_start(0);
    check_each_once();
    wait_for(status(0).messages == 30);
    assert_int_equal(status(0).skipped, 0); /* it went on where the store was, not at the beginning */
    end();
}

static void two_readers_share_the_partitions_and_store_each_record_once(void **state)
{
    (void)state;
    begin("start: earliest");
    write_orders(15);
    reader_start(0);
    wait_for(status(0).partitions == PARTITIONS);
    reader_start(1); /* a rebalance in the middle */
    write_orders(15);
    wait_for(status(0).partitions + status(1).partitions == PARTITIONS && status(1).partitions > 0);
    write_orders(15);
    reader_stop(0); /* and another one */
    write_orders(15);
    check_each_once();
    wait_for(status(1).partitions == PARTITIONS);
    end();
}

static void storing_that_fails_for_a_while_loses_and_doubles_nothing(void **state)
{
    (void)state;
    begin("start: earliest");
    check_fine(engine_debug_fail(world.engine, &world.arena, STR("save"), 1));
    write_orders(20);
    reader_start(0);
    check_each_once();
    check_fine(engine_debug_pause(world.engine, &world.arena, true));
    write_orders(20);
    usleep(300000);
    assert_int_equal(events_of(25), 0);
    check_fine(engine_debug_pause(world.engine, &world.arena, false));
    check_each_once();
    end();
}

/* Five that cannot be taken, each for another reason, and between them orders that can. */
static void write_bad_ones(void)
{
    static char big[LIMIT_MESSAGE_BYTES + 100];
    memset(big, ' ', sizeof big);
    memcpy(big, "{\"type\":\"track\"", 15);
    big[sizeof big - 2] = '}';
    big[sizeof big - 1] = 0;
    write_orders(3);
    write_value(0, "no json at all");
    write_value(1, NULL);
    write_value(2, big);
    write_value(0, "{\"type\":\"track\"}");
    write_value(1, "{\"batch\":[{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"b1\",\"properties\":{\"total\":1}},{\"type\":}]}");
    write_orders(3);
}

static void what_cannot_be_taken_is_counted_by_its_reason(void **state)
{
    (void)state;
    begin("start: earliest");
    write_bad_ones();
    reader_start(0);
    check_each_once();
    assert_int_equal(world_events(&world, "user_id:b1"), 1);
    wait_for(status(0).refused[REFUSAL_MALFORMED] == 2 && status(0).refused[REFUSAL_INVALID] == 1);
    wait_for(status(0).refused[REFUSAL_NO_VALUE] == 1 && status(0).refused[REFUSAL_TOO_LARGE] == 1);
    struct receive_status now = status(0);
    assert_int_equal(now.refused[REFUSAL_FAILED], 0);
    assert_int_equal(now.dead_letters, 0);
    end();
}

static void what_cannot_be_taken_goes_to_the_dead_letter_topic_first(void **state)
{
    (void)state;
    struct record *letters;
    begin("start: earliest, dead_letter: shop.dead");
    assert_int_equal(rd_kafka_mock_topic_create(kafka_cluster, "shop.dead", 1, 1), 0);
    write_bad_ones();
    reader_start(0);
    check_each_once();
    assert_int_equal(world_events(&world, "user_id:b1"), 1);
    assert_int_equal(kafka_world_read(&world.arena, "shop.dead", 1, 5, LONG_MS, &letters), 5);
    const char *const reasons[] = {"no_value", "malformed", "malformed", "too_large", "invalid"};
    bool found[5] = {false};
    for (size_t i = 0; i < 5; i++) {
        size_t k = 0;
        while (k < 5 && (found[k] || !str_equal(letters[i].reason, str_of(reasons[k]))))
            k++;
        assert_true(k < 5);
        found[k] = true;
        check_str(letters[i].key, "key");
        if (k == 4)
            check_str(letters[i].value, "{\"type\":\"track\"}");
    }
    wait_for(status(0).dead_letters == 5);
    reader_stop(0); /* and not again after a restart */
    reader_start(0);
    write_orders(1);
    check_each_once();
    assert_int_equal(kafka_world_read(&world.arena, "shop.dead", 1, 6, 1500, &letters), 5);
    end();
}

static void a_group_that_starts_at_the_latest_leaves_out_only_what_was_before(void **state)
{
    (void)state;
    begin("start: latest");
    write_orders(6);
    reader_start(0);
    wait_for(status(0).state == RECEIVE_READING);
    int64_t position = -1;
    for (int p = 0; p < PARTITIONS; p++)
        wait_for(!engine_position(world.reader, &world.arena, str_printf(&world.arena, "kafka/shop/telos-shop/shop/%d", p), &position) && position == 2);
    reader_stop(0);
    write_orders(3); /* while it is away */
    reader_start(0);
    for (int i = 6; i < 9; i++)
        wait_for(events_of(i) == 1);
    for (int i = 0; i < 6; i++)
        assert_int_equal(events_of(i), 0);
    end();
}

static void a_topic_that_ends_before_what_was_taken_in_is_not_read_and_said(void **state)
{
    (void)state;
    begin("start: earliest");
    struct work_position position = {.key = STR("kafka/shop/telos-shop/shop/0"), .from = 0, .until = 1000};
    struct work work = {.arena = &world.arena, .source = STR("shop"), .position = &position};
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    write_orders(9);
    reader_start(0);
    wait_for(status(0).state == RECEIVE_STUCK && status(0).stuck == 1);
    assert_string_equal(status(0).last_error, "position_beyond_end");
    for (int i = 0; i < 9; i++) /* the other partitions go on */
        if (i % PARTITIONS)
            wait_for(events_of(i) == 1);
        else
            assert_int_equal(events_of(i), 0);
    end();
}

static void a_broker_that_is_away_is_said_and_read_from_when_it_is_back(void **state)
{
    (void)state;
    begin("start: earliest");
    write_orders(3);
    reader_start(0);
    check_each_once();
    rd_kafka_mock_broker_set_down(kafka_cluster, 1);
    wait_for(status(0).state == RECEIVE_FAILING);
    assert_string_equal(status(0).last_error, "connect_failed");
    rd_kafka_mock_broker_set_up(kafka_cluster, 1);
    wait_for(status(0).state == RECEIVE_READING);
    write_orders(3);
    check_each_once();
    end();
}

static void a_message_without_a_time_happened_when_the_topic_got_it(void **state)
{
    (void)state;
    begin("start: earliest");
    const char *value = "{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u0\",\"properties\":{\"total\":1}}";
    int64_t at_ms = clock_now_ms() - HOUR_MS;
    kafka_world_write(TOPIC, 0, "key", value, strlen(value), at_ms);
    next_person = 1;
    reader_start(0);
    check_each_once();
    const struct policy *policy = engine_policy(world.engine);
    struct person *person = world_person(&world, "user_id:u0", 0);
    struct event *events;
    size_t count;
    check_fine(engine_events(world.reader, &world.arena, policy, person, 0, 10, &events, &count));
    assert_int_equal(count, 1);
    assert_true(events[0].at_ms == at_ms);
    assert_true(events[0].received_ms > at_ms + HOUR_MS - MINUTE_MS); /* what retention counts from */
    engine_policy_release(world.engine, policy);
    end();
}

static void a_changed_policy_ends_and_begins_the_reading(void **state)
{
    (void)state;
    begin("start: earliest, sasl.mechanism: PLAIN, sasl.username: u, security.protocol: sasl_plaintext, sasl.password_env: TELOS_TEST_NOT_SET");
    write_orders(3);
    reader_start(0);
    wait_for(status(0).state == RECEIVE_MISCONFIGURED);
    assert_string_equal(status(0).last_error, "secret_missing");
    world_apply(&world, policy_text("start: earliest"));
    check_each_once();
    world_apply(&world, world_policy); /* taken out */
    wait_for(status(0).state == RECEIVE_STATE_COUNT);
    end();
}

/* A group takes seconds to join, in which nothing happens: so all cases at once, a process each. */
static int side_by_side(char *program, const struct CMUnitTest *tests, size_t count)
{
    pid_t children[16];
    int failures = 0;
    ASSERT(count <= COUNT_OF(children));
    for (size_t i = 0; i < count; i++) {
        char *arguments[] = {program, (char *)(uintptr_t)tests[i].name, NULL};
        if (posix_spawn(&children[i], "/proc/self/exe", NULL, NULL, arguments, environ))
            children[i] = -1;
    }
    for (size_t i = 0; i < count; i++) {
        int how = 0;
        failures += children[i] < 0 || waitpid(children[i], &how, 0) != children[i] || how != 0;
    }
    return failures;
}

int main(int count, char **arguments)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_is_stored_once_across_restarts),
        cmocka_unit_test(two_readers_share_the_partitions_and_store_each_record_once),
        cmocka_unit_test(storing_that_fails_for_a_while_loses_and_doubles_nothing),
        cmocka_unit_test(what_cannot_be_taken_is_counted_by_its_reason),
        cmocka_unit_test(what_cannot_be_taken_goes_to_the_dead_letter_topic_first),
        cmocka_unit_test(a_group_that_starts_at_the_latest_leaves_out_only_what_was_before),
        cmocka_unit_test(a_topic_that_ends_before_what_was_taken_in_is_not_read_and_said),
        cmocka_unit_test(a_broker_that_is_away_is_said_and_read_from_when_it_is_back),
        cmocka_unit_test(a_message_without_a_time_happened_when_the_topic_got_it),
        cmocka_unit_test(a_changed_policy_ends_and_begins_the_reading),
    };
    if (count < 2)
        return side_by_side(arguments[0], tests, COUNT_OF(tests));
    cmocka_set_test_filter(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
