/* Times, durations, zones. */
#include "unit.h"

#include "base/time.h"

#include <stdlib.h>
#include <time.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static int64_t at(const char *text)
{
    int64_t time_ms;
    if (!time_parse(str_of(text), &time_ms))
        fail_msg("not a time: %s", text);
    return time_ms;
}

static void times_are_read_in_every_form(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"2026-11-24T16:30:00.123Z", "2026-11-24T16:30:00.123Z"},
        {"2026-11-24T16:30:00Z", "2026-11-24T16:30:00.000Z"},
        {"2026-11-24t16:30:00z", "2026-11-24T16:30:00.000Z"},
        {"2026-11-24 16:30:00+01:00", "2026-11-24T15:30:00.000Z"},
        {"2026-11-24T16:30:00.5-0530", "2026-11-24T22:00:00.500Z"},
        {"2026-11-24T16:30:00.123999999Z", "2026-11-24T16:30:00.123Z"},
        {"2026-09-01", "2026-09-01T00:00:00.000Z"},
        {"2024-02-29T23:59:60Z", "2024-03-01T00:00:00.000Z"},
        {"1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
        {"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        check_str(time_format(&arena, at(table[i][0])), table[i][1]);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "2026",
                         "2026-13-01",
                         "2026-02-29",
                         "2026-00-10",
                         "2026-01-00",
                         "1969-12-31",
                         "2026-11-24T",
                         "2026-11-24T16:30Z",
                         "2026-11-24T24:00:00Z",
                         "2026-11-24T16:60:00Z",
                         "2026-11-24T16:30:61Z",
                         "2026-11-24T16:30:00",
                         "2026-11-24T16:30:00.Z",
                         "2026-11-24T16:30:00+1",
                         "2026-11-24T16:30:00Zx",
                         "2026-11-24T16:30:00+24:00",
                         "+275760-09-13T00:00:00.000Z",
                         "1970-01-01T00:00:00+01:00",
                         "9999-12-31T23:59:59-01:00",
                         "2026-1-01",
                         "1764000000"};
    int64_t time_ms = 5;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (time_parse(str_of(bad[i]), &time_ms))
            fail_msg("taken for a time: %s", bad[i]);
    assert_int_equal(time_ms, 5);
}

static void texts_of_times_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t second = 0; second < INT64_C(253402300800); second += INT64_C(86400) * 13 + 4567) {
        time_t when = (time_t)second;
        struct tm parts;
        char wanted[TIME_TEXT_SIZE], got[TIME_TEXT_SIZE];
        gmtime_r(&when, &parts);
        strftime(wanted, sizeof(wanted), "%Y-%m-%dT%H:%M:%S.000Z", &parts);
        str text = time_text(second * 1000, got);
        assert_string_equal(got, wanted);
        assert_true(at(got) == second * 1000 && text.length == 24);
    }
}

static void a_time_that_never_comes_has_no_text(void **state)
{
    (void)state;
    check_str(time_format(&arena, TIME_NONE), "");
    check_str(time_format(&arena, TIME_FOREVER), "");
    check_str(time_format(&arena, -1), "1969-12-31T23:59:59.999Z");
    check_str(time_format(&arena, INT64_MAX - 1), "");
}

static void durations_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int32_t months;
        int64_t ms;
        const char *written;
    } table[] = {
        {"P5Y", 60, 0, "P5Y"},
        {"P18M", 18, 0, "P1Y6M"},
        {"P30D", 0, 30 * DAY_MS, "P30D"},
        {"P2W", 0, 14 * DAY_MS, "P14D"},
        {"PT72H", 0, 3 * DAY_MS, "P3D"},
        {"P1DT12H", 0, 36 * HOUR_MS, "P1DT12H"},
        {"PT1H30M5S", 0, 5405 * SECOND_MS, "PT1H30M5S"},
        {"P1Y2M3DT4M", 14, 3 * DAY_MS + 4 * MINUTE_MS, "P1Y2M3DT4M"},
        {"P0D", 0, 0, "P0D"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct duration duration;
        assert_true(duration_parse(str_of(table[i].text), &duration));
        assert_int_equal(duration.months, table[i].months);
        assert_true(duration.ms == table[i].ms);
        check_str(duration_format(&arena, duration), table[i].written);
    }
    const char *bad[] = {"", "P", "PT", "P1", "5Y", "P1H", "PT1D", "P1DT", "P1M1Y", "P-1D", "P1.5D", "P1D ", "P99999999999D", "P9999999999Y", "PT1HT1M", "p1d"};
    struct duration duration = {1, 1};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (duration_parse(str_of(bad[i]), &duration))
            fail_msg("taken for a duration: %s", bad[i]);
    assert_int_equal(duration.months, 1);
}

static void calendar_addition_ends_in_the_month_it_means(void **state)
{
    (void)state;
    static const char *const table[][3] = {
        {"2026-01-31T10:00:00Z", "P1M", "2026-02-28T10:00:00.000Z"},   {"2024-01-31T10:00:00Z", "P1M", "2024-02-29T10:00:00.000Z"},
        {"2024-02-29T00:00:00Z", "P1Y", "2025-02-28T00:00:00.000Z"},   {"2024-02-29T00:00:00Z", "P4Y", "2028-02-29T00:00:00.000Z"},
        {"2026-12-15T00:00:00Z", "P1M1D", "2027-01-16T00:00:00.000Z"}, {"2026-11-24T16:30:00Z", "PT36H", "2026-11-26T04:30:00.000Z"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct duration duration;
        assert_true(duration_parse(str_of(table[i][1]), &duration));
        check_str(time_format(&arena, time_add(at(table[i][0]), duration)), table[i][2]);
    }
    assert_true(time_add(TIME_FOREVER, (struct duration){1, 1}) == TIME_FOREVER);
    assert_true(time_add(at("2026-01-01"), (struct duration){0, INT64_MAX}) == TIME_FOREVER);
    assert_true(time_add(at("2026-01-01"), (struct duration){INT32_MAX, INT64_MAX}) == TIME_FOREVER);
    assert_true(time_add(INT64_MAX - 1, (struct duration){INT32_MAX, 0}) == TIME_FOREVER);
}

static void local_times_agree_with_the_c_library(void **state)
{
    (void)state;
    const char *zones[] = {"Europe/Berlin", "America/New_York", "Australia/Sydney",  "Asia/Kolkata",
                           "Europe/Dublin", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia"};
    for (size_t i = 0; i < COUNT_OF(zones); i++) {
        setenv("TZ", zones[i], 1);
        tzset();
        for (int64_t second = 0; second < INT64_C(4102444800); second += INT64_C(3600) * 31 + 17) { /* until 2100 */
            time_t when = (time_t)second;
            struct tm parts;
            int minute = -1, weekday = -1;
            localtime_r(&when, &parts);
            assert_true(time_local(second * 1000, str_of(zones[i]), &minute, &weekday));
            if (minute != parts.tm_hour * 60 + parts.tm_min || weekday != (parts.tm_wday + 6) % 7)
                fail_msg("%s at %lld: got minute %d day %d, the C library says %02d:%02d day %d", zones[i], (long long)second, minute, weekday, parts.tm_hour,
                         parts.tm_min, (parts.tm_wday + 6) % 7);
        }
    }
    unsetenv("TZ");
    tzset();
}

static void an_unknown_zone_is_no_zone(void **state)
{
    (void)state;
    int minute = 7, weekday = 7;
    const char *bad[] = {"", "Europe/Nowhere", "../../../etc/passwd", "/etc/localtime", "Europe/../Europe/Berlin", "Europe", "tzdata.zi", "zone.tab"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(time_local(0, str_of(bad[i]), &minute, &weekday));
    assert_int_equal(minute, 7);
    assert_true(time_local(at("2026-11-24T16:30:00Z"), STR("UTC"), &minute, &weekday));
    assert_int_equal(minute, 16 * 60 + 30);
    assert_int_equal(weekday, 1);
}

static void the_clocks_run(void **state)
{
    (void)state;
    int64_t first = clock_monotonic_us();
    assert_true(clock_monotonic_us() >= first);
    assert_true(clock_now_ms() > at("2020-01-01"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_in_every_form),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(texts_of_times_agree_with_the_c_library),
        cmocka_unit_test(a_time_that_never_comes_has_no_text),
        cmocka_unit_test(durations_are_read_and_written),
        cmocka_unit_test(calendar_addition_ends_in_the_month_it_means),
        cmocka_unit_test(local_times_agree_with_the_c_library),
        cmocka_unit_test(an_unknown_zone_is_no_zone),
        cmocka_unit_test(the_clocks_run),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
