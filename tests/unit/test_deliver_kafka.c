/* Sending to a Kafka topic: what is done when, what goes twice and what must not, and what a broker's bad days leave behind. */
#include "deliver_world.h"
#include "kafka_world.h"
#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#define TOPIC "crm"
#define LONG_MS 60000
#define NOT_MS 700 /* long enough to see that nothing more comes */

static struct arena arena;

static void begin(void)
{
    arena_init(&arena);
    world_begin(NULL, NULL, NULL);
    kafka_world_begin(TOPIC, 3);
}

static void end(void)
{
    world_end();
    kafka_world_end();
    arena_release(&arena);
}

static size_t times(const struct record *records, size_t count, uint64_t number)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        n += str_starts(records[i].value, str_printf(&arena, "{\"number\":%llu,", (unsigned long long)number));
    return n;
}

static void each_row_is_one_record_under_its_person_with_the_ids_in_headers(void **state)
{
    (void)state;
    struct record *records;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, NULL);
    for (uint64_t i = 0; i < 60; i++)
        world_add("crm", i % 20 + 1, DELIVERY_EVENT);
    world_start(0);
    assert_true(world_wait_state(DELIVERY_DELIVERED, LONG_MS));
    assert_int_equal(kafka_world_read(&arena, TOPIC, 3, 60, LONG_MS, &records), 60);
    for (uint64_t number = 1; number <= 60; number++) {
        struct row row = world_row(number);
        assert_int_equal(times(records, 60, number), 1);
        assert_true(row.disclosed);
        assert_int_equal(row.delivery.attempts, 1);
    }
    for (size_t i = 0; i < 60; i++) {
        unsigned long long number = 0;
        assert_int_equal(sscanf(records[i].value.data, "{\"number\":%llu,", &number), 1);
        struct row row = world_row(number);
        check_str(records[i].delivery, uuid_format(&arena, row.delivery.id).data);
        check_str(records[i].attempt, "1");
        check_str(records[i].key, arena_printf(&arena, "%llu", (unsigned long long)row.delivery.profile.value));
        for (size_t k = 0; k < i; k++) /* a person: one partition, in order */
            if (str_equal(records[k].key, records[i].key)) {
                assert_int_equal(records[k].partition, records[i].partition);
                unsigned long long before = 0;
                assert_int_equal(sscanf(records[k].value.data, "{\"number\":%llu,", &before), 1);
                assert_true(before < number);
            }
    }
    end();
}

static void nothing_is_done_while_the_broker_is_away_and_all_goes_once_when_it_is_back(void **state)
{
    (void)state;
    struct record *records;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, "timeout", "60s", NULL);
    world_add("crm", 1, DELIVERY_EVENT);
    world_start(0);
    assert_true(world_wait_state(DELIVERY_DELIVERED, LONG_MS));
    rd_kafka_mock_broker_set_down(kafka_cluster, 1);
    for (uint64_t i = 2; i <= 20; i++)
        world_add("crm", i, DELIVERY_EVENT);
    world_note();
    usleep(NOT_MS * 1000);
    assert_int_equal(world_row(2).delivery.state, DELIVERY_PENDING);
    rd_kafka_mock_broker_set_up(kafka_cluster, 1);
    assert_true(world_wait_state(DELIVERY_DELIVERED, LONG_MS));
    assert_int_equal(kafka_world_read(&arena, TOPIC, 3, 21, 3000, &records), 20);
    for (uint64_t number = 1; number <= 20; number++)
        assert_int_equal(times(records, 20, number), 1);
    end();
}

static void a_broker_that_answers_too_late_gets_the_row_again_under_the_same_id(void **state)
{
    (void)state;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, "timeout", "1s", NULL);
    rd_kafka_mock_broker_set_down(kafka_cluster, 1);
    uint64_t number = world_add("crm", 1, DELIVERY_EVENT);
    world_start(0);
    int64_t until_ms = clock_now_ms() + LONG_MS;
    while (world_row(number).delivery.attempts == 0 && clock_now_ms() < until_ms)
        usleep(20000);
    assert_int_equal(world_row(number).delivery.state, DELIVERY_PENDING);
    check_str(world_row(number).delivery.reason, "connect_failed"); /* better than "timeout" */
    assert_false(world_row(number).disclosed); /* it certainly has not left */
    rd_kafka_mock_broker_set_up(kafka_cluster, 1);
    assert_true(world_wait_row(number, DELIVERY_DELIVERED, LONG_MS));
    assert_true(world_row(number).disclosed);
    struct record *records;
    assert_int_equal(kafka_world_read(&arena, TOPIC, 3, 1, LONG_MS, &records), 1);
    assert_true(world_row(number).delivery.attempts > 1);
    end();
}

static void a_record_that_the_broker_will_never_take_is_a_dead_letter(void **state)
{
    (void)state;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, NULL);
    rd_kafka_mock_push_request_errors(kafka_cluster, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    uint64_t number = world_add("crm", 1, DELIVERY_EVENT);
    world_start(0);
    assert_true(world_wait_row(number, DELIVERY_DEAD, LONG_MS));
    check_str(world_row(number).delivery.reason, "message_too_large");
    uint64_t next = world_add("crm", 1, DELIVERY_EVENT); /* and the person's next one goes */
    world_note();
    assert_true(world_wait_row(next, DELIVERY_DELIVERED, LONG_MS));
    end();
}

static void what_can_be_mended_at_the_broker_waits_with_its_reason(void **state)
{
    (void)state;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, NULL);
    rd_kafka_mock_push_request_errors(kafka_cluster, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    uint64_t number = world_add("crm", 1, DELIVERY_RECALL);
    world_start(0);
    int64_t until_ms = clock_now_ms() + LONG_MS;
    while (world_row(number).delivery.attempts == 0 && clock_now_ms() < until_ms)
        usleep(5000);
    check_str(world_row(number).delivery.reason, "not_authorised");
    assert_true(world_wait_row(number, DELIVERY_DELIVERED, LONG_MS));
    assert_false(world_row(number).disclosed); /* a recall tells nothing new */
    end();
}

static void what_the_gate_denies_is_never_written(void **state)
{
    (void)state;
    struct record *records;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, NULL);
    world_add("crm", 1, DELIVERY_EVENT);
    world_add("crm", 2, DELIVERY_EVENT);
    world.rows[0].denied = true;
    world_start(0);
    assert_true(world_wait_row(1, DELIVERY_CANCELLED, LONG_MS));
    assert_true(world_wait_row(2, DELIVERY_DELIVERED, LONG_MS));
    assert_int_equal(kafka_world_read(&arena, TOPIC, 3, 2, 2000, &records), 1);
    assert_int_equal(times(records, 1, 2), 1);
    end();
}

static void stopping_does_not_wait_for_a_broker_that_is_away(void **state)
{
    (void)state;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, "timeout", "60s", NULL);
    rd_kafka_mock_broker_set_down(kafka_cluster, 1);
    uint64_t number = world_add("crm", 1, DELIVERY_EVENT);
    world_start(300);
    while (world_status("crm", &arena).in_flight == 0)
        usleep(5000);
    world_stop(); /* it would hang here until the test's own limit */
    assert_int_equal(world_row(number).delivery.state, DELIVERY_PENDING);
    end();
}

static void a_secret_that_is_not_there_is_said_and_nothing_is_sent(void **state)
{
    (void)state;
    begin();
    world_kafka("crm", kafka_world_brokers(), TOPIC, "security.protocol", "sasl_plaintext", "sasl.mechanism", "PLAIN", "sasl.username", "telos",
                "sasl.password_env", "NOT_SET", NULL);
    world_add("crm", 1, DELIVERY_EVENT);
    world_start(0);
    struct deliver_status status = world_status("crm", &arena);
    for (int64_t until_ms = clock_now_ms() + LONG_MS; status.state != DELIVER_MISCONFIGURED && clock_now_ms() < until_ms; usleep(5000))
        status = world_status("crm", &arena);
    assert_int_equal(status.state, DELIVER_MISCONFIGURED);
    assert_string_equal(status.last_error, "secret_missing");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_one_record_under_its_person_with_the_ids_in_headers),
        cmocka_unit_test(nothing_is_done_while_the_broker_is_away_and_all_goes_once_when_it_is_back),
        cmocka_unit_test(a_broker_that_answers_too_late_gets_the_row_again_under_the_same_id),
        cmocka_unit_test(a_record_that_the_broker_will_never_take_is_a_dead_letter),
        cmocka_unit_test(what_can_be_mended_at_the_broker_waits_with_its_reason),
        cmocka_unit_test(what_the_gate_denies_is_never_written),
        cmocka_unit_test(stopping_does_not_wait_for_a_broker_that_is_away),
        cmocka_unit_test(a_secret_that_is_not_there_is_said_and_nothing_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
