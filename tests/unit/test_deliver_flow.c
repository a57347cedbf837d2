/* The sending thread over an outbox in memory and real sockets: order, retries, isolation, the gate at each attempt, bad days. */
#include "deliver_world.h"

#include "deliver/webhook.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static struct answer always_ok(const struct seen *seen, unsigned nth) { return (void)seen, (void)nth, (struct answer){.status = 200}; }
static struct answer slowly_ok(const struct seen *seen, unsigned nth)
{
    return (void)seen, (void)nth, (struct answer){.status = 200, .delay_ms = 30};
}
static struct answer second_time_ok(const struct seen *seen, unsigned nth)
{
    return (void)seen, (struct answer){.status = nth == 1 ? 503 : 200};
}
static struct answer third_of_person_one_fails_once(const struct seen *seen, unsigned nth)
{
    return (struct answer){.status = seen->profile == 1 && seen->number == 3 && nth == 1 ? 500 : 200, .delay_ms = 2};
}
static struct answer bad_request(const struct seen *seen, unsigned nth) { return (void)seen, (void)nth, (struct answer){.status = 400}; }
static struct answer wait_two_seconds(const struct seen *seen, unsigned nth)
{
    return (void)seen, (struct answer){.status = nth == 1 ? 429 : 200, .headers = "retry-AFTER: 2\r\n"};
}
static struct answer never_in_time(const struct seen *seen, unsigned nth)
{
    return (void)seen, (void)nth, (struct answer){.status = 200, .delay_ms = 3000};
}
static struct answer gone(const struct seen *seen, unsigned nth) { return (void)seen, (void)nth, (struct answer){.status = 410}; }
static struct answer hangs_up_once(const struct seen *seen, unsigned nth)
{
    return (void)seen, (struct answer){.status = 200, .hang_up = nth == 1};
}
static struct answer refuses_twice(const struct seen *seen, unsigned nth)
{
    return (void)seen, (struct answer){.status = nth == 1 ? 404 : nth == 2 ? 500 : 200};
}
static atomic_int down;
static struct answer down_for_a_while(const struct seen *seen, unsigned nth)
{
    return (void)seen, (void)nth, (struct answer){.status = down ? 500 : 200};
}
static struct answer moved(const struct seen *seen, unsigned nth)
{
    return (void)seen, (void)nth, (struct answer){.status = 307, .headers = "Location: http://127.0.0.1:1/elsewhere\r\n"};
}

static void each_row_arrives_once_signed_and_numbered(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    for (uint64_t i = 1; i <= 200; i++)
        world_add("desk", i, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_state(DELIVERY_DELIVERED, 10000));
    assert_int_equal(world_seen_count(), 200);
    for (size_t i = 0; i < world_seen_count(); i++) {
        const struct seen *seen = &world.seen[i];
        char id[UUID_TEXT_SIZE], expected[WEBHOOK_SIGNATURE_SIZE];
        long long t;
        uuid_text(world_row(seen->number).delivery.id, id);
        assert_string_equal(seen->id, id);
        assert_int_equal(seen->attempt, 1);
        assert_int_equal(sscanf(seen->signature, "t=%lld,", &t), 1);
        assert_in_range(t, seen->at_ms / 1000 - 5, seen->at_ms / 1000 + 1);
        webhook_signature(STR("s3cret"), t * 1000, str_of(seen->body), expected);
        assert_string_equal(seen->signature, expected);
        assert_true(world_row(seen->number).disclosed);
    }
    world_end();
}

static void a_new_row_leaves_at_once_when_the_commit_is_told(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    world_start(1000);
    usleep(300000);
    for (uint64_t i = 1; i <= 5; i++) {
        int64_t begun_ms = clock_now_ms();
        uint64_t number = world_add("desk", i, DELIVERY_EVENT);
        world_note();
        assert_true(world_wait_row(number, DELIVERY_DELIVERED, 5000));
        assert_true(clock_now_ms() - begun_ms < 400); /* sooner than any polling */
        usleep(50000);
    }
    world_end();
}

static void order_is_kept_for_each_person(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(third_of_person_one_fails_once), NULL);
    for (uint64_t i = 0; i < 300; i++)
        world_add("desk", i % 10 + (i % 10 == 2 ? (uint64_t)-1 : 0), DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_state(DELIVERY_DELIVERED, 20000));
    uint64_t last[16] = {0};
    for (size_t i = 0; i < world_seen_count(); i++) {
        assert_true(world.seen[i].number >= last[world.seen[i].profile]); /* equal: the repeated one */
        last[world.seen[i].profile] = world.seen[i].number;
    }
    assert_int_equal(world_seen_count(), 301);
    world_end();
}

static void a_failed_attempt_is_repeated_under_the_same_id(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(second_time_ok), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_row(number, DELIVERY_DELIVERED, 5000));
    assert_int_equal(world_seen_count(), 2);
    assert_string_equal(world.seen[0].id, world.seen[1].id);
    assert_int_equal(world.seen[1].attempt, 2);
    assert_int_equal(world_row(number).delivery.attempts, 2);
    world_end();
}

static void a_connection_that_breaks_is_a_retry_and_a_disclosure(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(hangs_up_once), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_seen(1, 3000));
    for (int i = 0; i < 500 && !world_row(number).delivery.attempts; i++)
        usleep(2000);
    assert_true(world_row(number).disclosed); /* they read it, though they did not answer */
    assert_true(world_wait_row(number, DELIVERY_DELIVERED, 5000));
    world_end();
}

static void a_refused_row_is_dead_at_once_and_the_next_one_goes(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    world_begin(NULL, NULL, "desk", world_serve(bad_request), NULL);
    world_add("desk", 1, DELIVERY_EVENT);
    world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_state(DELIVERY_DEAD, 5000));
    assert_int_equal(world_seen_count(), 2);
    assert_true(str_equal(world_row(1).delivery.reason, STR("http_400")));
    usleep(100000);
    struct deliver_status status = world_status("desk", &arena);
    assert_int_equal(status.dead, 2);
    assert_string_equal(status.last_error, "http_400");
    assert_int_equal(status.state, DELIVER_READY);
    world_end();
    arena_release(&arena);
}

static void retry_after_is_obeyed_for_the_whole_destination(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(wait_two_seconds), NULL);
    uint64_t first = world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_seen(1, 3000));
    usleep(100000);
    world_add("desk", 2, DELIVERY_EVENT);
    world_note();
    assert_true(world_wait_row(first, DELIVERY_DELIVERED, 8000));
    for (size_t i = 1; i < world_seen_count(); i++)
        assert_true(world.seen[i].at_ms - world.seen[0].at_ms >= 1990);
    world_end();
}

static void a_slow_and_a_dead_destination_delay_no_other(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    world_begin("timeout", "1s", "slow", world_serve(never_in_time), "dead", world_dead_port(), "good", world_serve(slowly_ok), NULL);
    for (uint64_t i = 1; i <= 100; i++) {
        world_add("slow", i, DELIVERY_EVENT);
        world_add("dead", i, DELIVERY_EVENT);
    }
    world_start(200);
    usleep(300000);
    int64_t begun_ms = clock_now_ms();
    uint64_t last = 0;
    for (uint64_t i = 1; i <= 100; i++)
        last = world_add("good", i, DELIVERY_EVENT);
    world_note();
    assert_true(world_wait_row(last, DELIVERY_DELIVERED, 5000));
    assert_true(clock_now_ms() - begun_ms < 1500); /* 100 by 32 at a time, 30 ms each */
    usleep(1500000);
    struct deliver_status status = world_status("slow", &arena);
    assert_int_equal(status.state, DELIVER_FAILING);
    assert_string_equal(status.last_error, "timeout");
    status = world_status("dead", &arena);
    assert_int_equal(status.state, DELIVER_FAILING);
    assert_string_equal(status.last_error, "connect_failed");
    assert_int_equal(status.backlog, 100);
    assert_true(status.attempts < 50); /* the others wait while one probes */
    world_end();
    arena_release(&arena);
}

static void a_destination_that_comes_back_gets_everything(void **state)
{
    (void)state;
    down = 1;
    world_begin(NULL, NULL, "desk", world_serve(down_for_a_while), NULL);
    for (uint64_t i = 1; i <= 120; i++)
        world_add("desk", i, DELIVERY_EVENT);
    world_start(1000);
    usleep(1500000);
    size_t during = world_seen_count();
    assert_in_range(during, 32, 40);
    down = 0;
    assert_true(world_wait_state(DELIVERY_DELIVERED, 30000));
    world_end();
}

static void the_gate_is_asked_at_each_attempt(void **state)
{
    (void)state;
    down = 1;
    world_begin(NULL, NULL, "desk", world_serve(down_for_a_while), NULL);
    uint64_t withdrawn = world_add("desk", 1, DELIVERY_EVENT), quiet = world_add("desk", 2, DELIVERY_EVENT);
    world.rows[quiet - 1].denied = true;
    world.rows[quiet - 1].allowed_from_ms = clock_now_ms() + 1500;
    world_start(1000);
    assert_true(world_wait_seen(1, 3000));
    pthread_mutex_lock(&world.lock);
    world.rows[withdrawn - 1].denied = true;
    pthread_mutex_unlock(&world.lock);
    assert_true(world_wait_row(withdrawn, DELIVERY_CANCELLED, 8000));
    assert_true(str_equal(world_row(withdrawn).delivery.reason, STR("consent_withdrawn")));
    down = 0;
    assert_true(world_wait_row(quiet, DELIVERY_DELIVERED, 8000));
    assert_true(world_row(quiet).delivery.done_ms >= world_row(quiet).allowed_from_ms);
    assert_int_equal(world_row(quiet).delivery.attempts, 1); /* waiting is no attempt */
    for (size_t i = 0; i < world_seen_count(); i++)
        assert_true(world.seen[i].number != withdrawn || world.seen[i].attempt == 1);
    world_end();
}

static void a_recall_is_tried_until_it_is_confirmed(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(refuses_twice), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_RECALL);
    world_start(1000);
    assert_true(world_wait_row(number, DELIVERY_DELIVERED, 10000));
    assert_int_equal(world_seen_count(), 3);
    assert_false(world_row(number).disclosed);
    world_end();
}

static void after_its_last_attempt_a_row_is_dead_with_the_reason(void **state)
{
    (void)state;
    down = 1;
    world_begin(NULL, NULL, "desk", world_serve(down_for_a_while), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world.rows[number - 1].delivery.attempts = LIMIT_DELIVERY_ATTEMPTS - 1;
    world_start(1000);
    assert_true(world_wait_row(number, DELIVERY_DEAD, 5000));
    assert_true(str_equal(world_row(number).delivery.reason, STR("http_500")));
    world_end();
}

static void a_body_over_the_limit_is_dead(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world.rows[number - 1].too_large = true;
    world_start(1000);
    assert_true(world_wait_row(number, DELIVERY_DEAD, 5000));
    assert_true(str_equal(world_row(number).delivery.reason, STR("too_large")));
    assert_int_equal(world_seen_count(), 0);
    world_end();
}

static void pause_holds_and_resume_lets_go(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    world.paused = true;
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    usleep(700000);
    assert_int_equal(world_seen_count(), 0);
    assert_int_equal(world_status("desk", &arena).state, DELIVER_PAUSED);
    pthread_mutex_lock(&world.lock);
    world.paused = false;
    pthread_mutex_unlock(&world.lock);
    deliver_policy_changed(world_deliver);
    assert_true(world_wait_row(number, DELIVERY_DELIVERED, 3000));
    world_end();
    arena_release(&arena);
}

static void gone_is_flagged_and_no_longer_flooded(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    world_begin(NULL, NULL, "desk", world_serve(gone), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_row(number, DELIVERY_DEAD, 3000));
    assert_true(str_equal(world_row(number).delivery.reason, STR("http_410")));
    for (uint64_t i = 2; i <= 100; i++)
        world_add("desk", i, DELIVERY_EVENT);
    world_note();
    usleep(1500000);
    assert_true(world_seen_count() <= 4);
    assert_int_equal(world_status("desk", &arena).state, DELIVER_GONE);
    world_end();
    arena_release(&arena);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(moved), NULL);
    uint64_t number = world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    for (int i = 0; i < 1000 && !world_row(number).delivery.attempts; i++)
        usleep(2000);
    assert_int_equal(world_row(number).delivery.state, DELIVERY_PENDING);
    assert_true(str_equal(world_row(number).delivery.reason, STR("http_307")));
    world_end();
}

static void what_cannot_be_remembered_is_not_sent(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    uint64_t first = world_add("desk", 1, DELIVERY_EVENT);
    world.commits_failing = 2;
    world_start(1000);
    assert_true(world_wait_seen(1, 3000));
    usleep(100000);
    world_add("desk", 2, DELIVERY_EVENT);
    world_note();
    usleep(500000);
    assert_int_equal(world_seen_count(), 1);
    assert_int_equal(world_row(first).delivery.state, DELIVERY_PENDING);
    assert_true(world_wait_state(DELIVERY_DELIVERED, 8000));
    assert_int_equal(world_seen_count(), 2); /* and nothing is sent twice for it */
    world_end();
}

static void stopping_waits_for_what_is_under_way_but_not_for_ever(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_serve(slowly_ok), "slow", world_serve(never_in_time), NULL);
    for (uint64_t i = 1; i <= 20; i++)
        world_add("desk", i, DELIVERY_EVENT);
    uint64_t cut_off = world_add("slow", 1, DELIVERY_EVENT);
    world_start(500);
    assert_true(world_wait_seen(21, 3000));
    int64_t begun_ms = clock_now_ms();
    world_stop();
    assert_in_range(clock_now_ms() - begun_ms, 0, 900);
    for (uint64_t i = 1; i <= 20; i++)
        assert_int_equal(world_row(i).delivery.state, DELIVERY_DELIVERED);
    assert_int_equal(world_row(cut_off).delivery.state, DELIVERY_PENDING);
    world_end();
}

static void a_removed_destination_gets_nothing_more(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    uint64_t event = world_add("former", 1, DELIVERY_EVENT), recall = world_add("former", 2, DELIVERY_RECALL);
    world_start(1000);
    assert_true(world_wait_row(event, DELIVERY_CANCELLED, 5000));
    assert_true(str_equal(world_row(event).delivery.reason, STR("recipient_not_declared")));
    assert_int_equal(world_row(recall).delivery.state, DELIVERY_PENDING); /* still owed, and in sight */
    usleep(100000);
    assert_int_equal(world_status("former", &arena).state, DELIVER_REMOVED);
    assert_int_equal(world_status("former", &arena).backlog, 2);
    world_end();
    arena_release(&arena);
}

static void another_address_in_the_policy_is_used_at_once(void **state)
{
    (void)state;
    world_begin(NULL, NULL, "desk", world_dead_port(), NULL);
    world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    for (int i = 0; i < 1000 && !world_row(1).delivery.attempts; i++)
        usleep(2000);
    struct arena arena;
    arena_init(&arena);
    struct policy *next = arena_new(&arena, struct policy);
    *next = *world.policy;
    memset(&next->destinations, 0, sizeof next->destinations);
    map_init(&next->destination_by_name, &arena);
    int port = world_serve(always_ok);
    struct policy *before = world.policy;
    struct destination *destination = vec_push(&arena, &next->destinations);
    *destination = before->destinations.items[0];
    memset(&destination->options, 0, sizeof destination->options);
    *(struct flow_option *)vec_push(&arena, &destination->options) =
        (struct flow_option){.name = STR("url"), .value = str_printf(&arena, "http://127.0.0.1:%d/", port)};
    map_set(&next->destination_by_name, destination->name, destination);
    world.policy = next;
    deliver_policy_changed(world_deliver);
    assert_true(world_wait_state(DELIVERY_DELIVERED, 8000));
    world_end();
    arena_release(&arena);
}

static void the_status_is_json_and_metrics(void **state)
{
    (void)state;
    struct arena arena;
    struct buf out;
    struct jsonw w;
    struct json value;
    arena_init(&arena);
    buf_init(&out, &arena, 1 << 20);
    jsonw_init(&w, &out);
    world_begin(NULL, NULL, "desk", world_serve(always_ok), NULL);
    world_add("desk", 1, DELIVERY_EVENT);
    world_start(1000);
    assert_true(world_wait_state(DELIVERY_DELIVERED, 3000));
    usleep(150000);
    deliver_write_json(world_deliver, &w);
    assert_null(json_read(&arena, buf_str(&out), &value));
    assert_int_equal(value.count, 1);
    assert_true(str_equal(json_string(json_get(&value.items[0], STR("state"))), STR("ready")));
    int64_t delivered = 0;
    assert_true(json_int(json_get(&value.items[0], STR("delivered")), &delivered));
    assert_int_equal(delivered, 1);
    buf_clear(&out);
    deliver_write_metrics(world_deliver, &out);
    assert_true(str_find(buf_str(&out), STR("telos_destination_delivered_total{destination=\"desk\"} 1\n")) > 0);
    world_end();
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_arrives_once_signed_and_numbered),
        cmocka_unit_test(a_new_row_leaves_at_once_when_the_commit_is_told),
        cmocka_unit_test(order_is_kept_for_each_person),
        cmocka_unit_test(a_failed_attempt_is_repeated_under_the_same_id),
        cmocka_unit_test(a_connection_that_breaks_is_a_retry_and_a_disclosure),
        cmocka_unit_test(a_refused_row_is_dead_at_once_and_the_next_one_goes),
        cmocka_unit_test(retry_after_is_obeyed_for_the_whole_destination),
        cmocka_unit_test(a_slow_and_a_dead_destination_delay_no_other),
        cmocka_unit_test(a_destination_that_comes_back_gets_everything),
        cmocka_unit_test(the_gate_is_asked_at_each_attempt),
        cmocka_unit_test(a_recall_is_tried_until_it_is_confirmed),
        cmocka_unit_test(after_its_last_attempt_a_row_is_dead_with_the_reason),
        cmocka_unit_test(a_body_over_the_limit_is_dead),
        cmocka_unit_test(pause_holds_and_resume_lets_go),
        cmocka_unit_test(gone_is_flagged_and_no_longer_flooded),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(what_cannot_be_remembered_is_not_sent),
        cmocka_unit_test(stopping_waits_for_what_is_under_way_but_not_for_ever),
        cmocka_unit_test(a_removed_destination_gets_nothing_more),
        cmocka_unit_test(another_address_in_the_policy_is_used_at_once),
        cmocka_unit_test(the_status_is_json_and_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
