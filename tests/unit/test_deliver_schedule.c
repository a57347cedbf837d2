/* When to try again, and when to leave a destination alone: pure functions, tables of cases. */
#include "deliver/schedule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW INT64_C(1795530000000) /* 2026-11-24T14:20:00Z */

static struct verdict verdict_http(long status, int64_t retry_after_ms)
{
    struct verdict verdict;
    verdict_of_http(status, retry_after_ms, &verdict);
    return verdict;
}

static void waits_grow_twofold_up_to_an_hour(void **state)
{
    (void)state;
    assert_int_equal(backoff_ceiling_ms(1), 1000);
    assert_int_equal(backoff_ceiling_ms(2), 2000);
    assert_int_equal(backoff_ceiling_ms(12), 2048000);
    assert_int_equal(backoff_ceiling_ms(13), 3600000);
    assert_int_equal(backoff_ceiling_ms(30), 3600000);
    assert_int_equal(backoff_ceiling_ms(4000000000u), 3600000);
}

static void jitter_takes_any_part_of_the_wait(void **state)
{
    (void)state;
    struct id_source source;
    id_source_init(&source, 7);
    int64_t least = INT64_MAX, most = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t wait = backoff_ms(4, id_random(&source));
        least = wait < least ? wait : least;
        most = wait > most ? wait : most;
    }
    assert_in_range(least, 1, 50);
    assert_in_range(most, 7950, 8000);
}

static void retry_after_is_read_as_seconds_or_as_any_http_date(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t delay_ms; /* -1: not readable */
    } cases[] = {
        {"0", 0},
        {"120", 120000},
        {"  7 ", 7000},
        {"86400", 86400000},
        {"999999999999999999999999", 86400000},
        {"Tue, 24 Nov 2026 14:20:30 GMT", 30000},
        {"Tuesday, 24-Nov-26 14:21:00 GMT", 60000},
        {"Tue Nov 24 14:20:10 2026", 10000},
        {"Tue, 24 Nov 2020 14:20:30 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:59 GMT", 86400000},
        {"", -1},
        {"soon", -1},
        {"-5", -1},
        {"1.5", -1},
        {"5 minutes", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t delay_ms = -1;
        bool read = retry_after_parse(str_of(cases[i].text), NOW, &delay_ms);
        if (read != (cases[i].delay_ms >= 0) || (read && delay_ms != cases[i].delay_ms))
            fail_msg("Retry-After `%s`: %d, %lld ms", cases[i].text, read, (long long)delay_ms);
    }
}

static void each_status_means_one_thing(void **state)
{
    (void)state;
    static const struct {
        long status;
        enum verdict_kind kind;
        const char *reason;
        bool destination_failed, gone;
    } cases[] = {
        {200, VERDICT_DELIVERED, "", false, false},       {204, VERDICT_DELIVERED, "", false, false},
        {301, VERDICT_RETRY, "http_301", true, false},    {400, VERDICT_REFUSED, "http_400", false, false},
        {401, VERDICT_REFUSED, "http_401", false, false}, {404, VERDICT_REFUSED, "http_404", false, false},
        {408, VERDICT_RETRY, "http_408", true, false},    {410, VERDICT_REFUSED, "http_410", false, true},
        {425, VERDICT_RETRY, "http_425", true, false},    {429, VERDICT_RETRY, "http_429", true, false},
        {460, VERDICT_RETRY, "http_460", true, false},    {499, VERDICT_REFUSED, "http_499", false, false},
        {500, VERDICT_RETRY, "http_500", true, false},    {503, VERDICT_RETRY, "http_503", true, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verdict verdict = verdict_http(cases[i].status, TIME_NONE);
        assert_int_equal(verdict.kind, cases[i].kind);
        assert_string_equal(verdict.reason, cases[i].reason);
        assert_int_equal(verdict.destination_failed, cases[i].destination_failed);
        assert_int_equal(verdict.gone, cases[i].gone);
    }
}

static void a_row_ends_delivered_or_dead_or_waits(void **state)
{
    (void)state;
    struct delivery row = {.number = 9, .kind = DELIVERY_EVENT, .state = DELIVERY_PENDING};
    struct delivery_result result;
    struct verdict verdict = verdict_http(200, TIME_NONE);
    schedule_result(&row, 1, &verdict, NOW, 5, &result);
    assert_int_equal(result.state, DELIVERY_DELIVERED);
    assert_int_equal(result.number, 9);
    assert_int_equal(result.done_ms, NOW);

    verdict = verdict_http(400, TIME_NONE);
    schedule_result(&row, 1, &verdict, NOW, 5, &result);
    assert_int_equal(result.state, DELIVERY_DEAD);
    assert_true(str_equal(result.reason, STR("http_400")));

    verdict = verdict_http(503, TIME_NONE);
    schedule_result(&row, LIMIT_DELIVERY_ATTEMPTS - 1, &verdict, NOW, 5, &result);
    assert_int_equal(result.state, DELIVERY_PENDING);
    assert_int_equal(result.done_ms, TIME_NONE);
    schedule_result(&row, LIMIT_DELIVERY_ATTEMPTS, &verdict, NOW, 5, &result);
    assert_int_equal(result.state, DELIVERY_DEAD);
    assert_true(str_equal(result.reason, STR("http_503")));
}

static void what_the_destination_asks_for_is_never_undercut(void **state)
{
    (void)state;
    struct delivery row = {.kind = DELIVERY_EVENT};
    struct delivery_result result;
    struct verdict verdict = verdict_http(503, 90000);
    for (uint64_t random = 0; random < 5000; random += 37) {
        schedule_result(&row, 2, &verdict, NOW, random, &result);
        assert_true(result.next_ms >= NOW + 90000);
    }
    verdict = verdict_http(503, 1);
    schedule_result(&row, 2, &verdict, NOW, 1999, &result);
    assert_int_equal(result.next_ms, NOW + 2000);
}

static void a_recall_never_ends_dead(void **state)
{
    (void)state;
    struct delivery row = {.kind = DELIVERY_RECALL};
    struct delivery_result result;
    static const long statuses[] = {400, 404, 410, 500, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct verdict verdict = verdict_http(statuses[i], TIME_NONE);
        schedule_result(&row, 100000, &verdict, NOW, UINT64_MAX, &result);
        assert_int_equal(result.state, DELIVERY_PENDING);
        assert_in_range(result.next_ms, NOW + 1, NOW + HOUR_MS);
    }
}

static void a_failing_destination_gets_one_probe_at_a_time(void **state)
{
    (void)state;
    struct circuit circuit;
    struct verdict bad = verdict_http(500, TIME_NONE), good = verdict_http(200, TIME_NONE);
    circuit_init(&circuit);
    assert_int_equal(circuit_room(&circuit, NOW, 0, 32), 32);
    assert_int_equal(circuit_room(&circuit, NOW, 30, 32), 2);
    for (int i = 0; i < CIRCUIT_FAILURES - 1; i++)
        circuit_note(&circuit, &bad, false, NOW, 0);
    assert_int_equal(circuit_room(&circuit, NOW, 0, 32), 32);
    circuit_note(&circuit, &bad, false, NOW, 0);
    assert_true(circuit.open);
    assert_int_equal(circuit_room(&circuit, NOW, 0, 32), 0);
    assert_int_equal(circuit_until_ms(&circuit, NOW), circuit.probe_ms);
    int64_t at_ms = circuit.probe_ms, last_ms = 0;
    for (int i = 0; i < 20; i++) { /* each failed probe makes the wait longer, up to a minute */
        assert_int_equal(circuit_room(&circuit, at_ms, 1, 32), 0);
        assert_int_equal(circuit_room(&circuit, at_ms, 0, 32), 1);
        circuit_note(&circuit, &bad, true, at_ms, 0);
        int64_t wait_ms = circuit.probe_ms - at_ms;
        assert_true(wait_ms >= last_ms && wait_ms <= CIRCUIT_PROBE_MAX_MS);
        last_ms = wait_ms;
        at_ms = circuit.probe_ms;
    }
    circuit_note(&circuit, &good, false, at_ms, 0); /* sent long ago: no proof that it is well now */
    assert_true(circuit.open);
    circuit_note(&circuit, &good, true, at_ms, 0);
    assert_int_equal(circuit_room(&circuit, at_ms, 0, 32), 32);
}

static void one_success_among_failures_keeps_it_open_for_all(void **state)
{
    (void)state;
    struct circuit circuit;
    struct verdict bad = verdict_http(500, TIME_NONE), good = verdict_http(200, TIME_NONE), refused = verdict_http(400, TIME_NONE);
    circuit_init(&circuit);
    for (int i = 0; i < 100; i++)
        circuit_note(&circuit, i % 4 == 3 ? (i % 8 == 3 ? &good : &refused) : &bad, false, NOW, 0);
    assert_false(circuit.open);
}

static void gone_opens_at_once_and_an_answer_closes_it(void **state)
{
    (void)state;
    struct circuit circuit;
    struct verdict gone = verdict_http(410, TIME_NONE), good = verdict_http(200, TIME_NONE);
    circuit_init(&circuit);
    circuit_note(&circuit, &gone, false, NOW, 0);
    assert_true(circuit.open && circuit.gone);
    circuit_note(&circuit, &good, true, NOW, 0);
    assert_false(circuit.open || circuit.gone);
}

static void too_many_requests_holds_the_whole_destination(void **state)
{
    (void)state;
    struct circuit circuit;
    struct verdict verdict = verdict_http(429, 5000);
    circuit_init(&circuit);
    circuit_note(&circuit, &verdict, false, NOW, 0);
    assert_int_equal(circuit_room(&circuit, NOW + 4999, 0, 32), 0);
    assert_int_equal(circuit_until_ms(&circuit, NOW), NOW + 5000);
    assert_int_equal(circuit_room(&circuit, NOW + 5000, 0, 32), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_grow_twofold_up_to_an_hour),
        cmocka_unit_test(jitter_takes_any_part_of_the_wait),
        cmocka_unit_test(retry_after_is_read_as_seconds_or_as_any_http_date),
        cmocka_unit_test(each_status_means_one_thing),
        cmocka_unit_test(a_row_ends_delivered_or_dead_or_waits),
        cmocka_unit_test(what_the_destination_asks_for_is_never_undercut),
        cmocka_unit_test(a_recall_never_ends_dead),
        cmocka_unit_test(a_failing_destination_gets_one_probe_at_a_time),
        cmocka_unit_test(one_success_among_failures_keeps_it_open_for_all),
        cmocka_unit_test(gone_opens_at_once_and_an_answer_closes_it),
        cmocka_unit_test(too_many_requests_holds_the_whole_destination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
