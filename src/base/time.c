/* Clocks, RFC 3339 texts, ISO 8601 durations, calendar addition. Zones are in time_zone.c. The contract is in time.h.
 *
 * 1. All calendar work is in UTC and Gregorian, by day counts, without the C library's time functions.
 */
#include "base/time.h"

#include "base/time_private.h"

#include <time.h>

int64_t clock_now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Days since 1970-01-01. Years are counted from March, so that the leap day comes last. */
int64_t time_days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void time_date_of(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int month = (int)((5 * day_of_year + 2) / 153);
    *ret_day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    *ret_month = month < 10 ? month + 3 : month - 9;
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

int time_month_days(int64_t year, int month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

int64_t time_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* What is left of the day; a product would overflow at the ends of the range. */
static int64_t clock_part(int64_t time_ms)
{
    int64_t ms = time_ms % DAY_MS;
    return ms < 0 ? ms + DAY_MS : ms;
}

static char *write_digits(char *out, int64_t value, int count)
{
    for (int i = count; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + count;
}

str time_text(int64_t time_ms, char ret_text[TIME_TEXT_SIZE])
{
    int64_t days = time_floor_div(time_ms, DAY_MS), ms = clock_part(time_ms), year;
    int month, day;
    ret_text[0] = 0;
    if (time_ms == TIME_NONE || time_ms == TIME_FOREVER)
        return (str){ret_text, 0};
    time_date_of(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        return (str){ret_text, 0};
    char *out = write_digits(ret_text, year, 4);
    *out++ = '-';
    out = write_digits(out, month, 2);
    *out++ = '-';
    out = write_digits(out, day, 2);
    *out++ = 'T';
    out = write_digits(out, ms / HOUR_MS, 2);
    *out++ = ':';
    out = write_digits(out, ms / MINUTE_MS % 60, 2);
    *out++ = ':';
    out = write_digits(out, ms / SECOND_MS % 60, 2);
    *out++ = '.';
    out = write_digits(out, ms % 1000, 3);
    *out++ = 'Z';
    *out = 0;
    return (str){ret_text, (size_t)(out - ret_text)};
}

str time_format(struct arena *arena, int64_t time_ms) { return time_text(time_ms, arena_alloc_raw(arena, TIME_TEXT_SIZE)); }

/* Takes exactly `count` digits off the front. */
static bool take_digits(str *s, int count, int *ret_value)
{
    int value = 0;
    if (s->length < (size_t)count)
        return false;
    for (int i = 0; i < count; i++) {
        char c = s->data[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *s = str_slice(*s, (size_t)count, s->length);
    *ret_value = value;
    return true;
}

static bool take_char(str *s, char c)
{
    if (s->length == 0 || s->data[0] != c)
        return false;
    *s = str_slice(*s, 1, s->length);
    return true;
}

static bool take_offset(str *s, int *ret_minutes)
{
    int hours, minutes;
    if (take_char(s, 'Z') || take_char(s, 'z')) {
        *ret_minutes = 0;
        return true;
    }
    int sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0;
    if (!sign || !take_digits(s, 2, &hours))
        return false;
    (void)take_char(s, ':'); /* ISO 8601's basic form leaves it out */
    if (!take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool take_clock(str *s, int64_t *ret_ms)
{
    int hour, minute, second, fraction_ms = 0, offset;
    if (!take_digits(s, 2, &hour) || !take_char(s, ':') || !take_digits(s, 2, &minute) || !take_char(s, ':') || !take_digits(s, 2, &second) || hour > 23 ||
        minute > 59 || second > 60) /* 60: a leap second */
        return false;
    if (take_char(s, '.') || take_char(s, ',')) {
        int digit, unit = 100;
        if (!take_digits(s, 1, &digit))
            return false;
        do {
            fraction_ms += digit * unit;
            unit /= 10;
        } while (take_digits(s, 1, &digit));
    }
    if (!take_offset(s, &offset))
        return false;
    *ret_ms = hour * HOUR_MS + minute * MINUTE_MS + second * SECOND_MS + fraction_ms - offset * MINUTE_MS;
    return true;
}

bool time_parse(str text, int64_t *ret_time_ms)
{
    int year, month, day;
    int64_t ms = 0;
    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &month) || !take_char(&text, '-') || !take_digits(&text, 2, &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > time_month_days(year, month))
        return false;
    if (text.length) {
        if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
            return false;
        if (!take_clock(&text, &ms) || text.length)
            return false;
    }
    int64_t time_ms = time_days_of(year, month, day) * DAY_MS + ms;
    if (time_ms < 0 || time_ms >= time_days_of(10000, 1, 1) * DAY_MS) /* an offset may lead out of the years */
        return false;
    *ret_time_ms = time_ms;
    return true;
}

/* Takes the parts of one half of a duration, in the order of `units`; `seen` counts them. */
static bool take_parts(str *s, const char *units, const int64_t *unit_sizes, int64_t *sums, const uint8_t *sum_of, int *seen)
{
    const char *unit = units;
    while (s->length && s->data[0] != 'T') {
        int64_t number = 0;
        size_t digits = 0;
        for (; digits < s->length && s->data[digits] >= '0' && s->data[digits] <= '9' && digits < 10; digits++)
            number = number * 10 + (s->data[digits] - '0');
        if (!digits || digits == s->length)
            return false;
        while (*unit && *unit != s->data[digits])
            unit++;
        if (!*unit)
            return false;
        int64_t part, *sum = &sums[sum_of[unit - units]];
        if (__builtin_mul_overflow(number, unit_sizes[unit - units], &part) || __builtin_add_overflow(*sum, part, sum))
            return false;
        unit++;
        (*seen)++;
        *s = str_slice(*s, digits + 1, s->length);
    }
    return true;
}

bool duration_parse(str text, struct duration *ret_duration)
{
    static const int64_t date_sizes[] = {12, 1, 7 * DAY_MS, DAY_MS}, clock_sizes[] = {HOUR_MS, MINUTE_MS, SECOND_MS};
    static const uint8_t date_sums[] = {0, 0, 1, 1}, clock_sums[] = {1, 1, 1};
    int64_t sums[2] = {0, 0}; /* months, milliseconds */
    int seen = 0;
    if (!take_char(&text, 'P') || !take_parts(&text, "YMWD", date_sizes, sums, date_sums, &seen))
        return false;
    if (take_char(&text, 'T')) {
        int before = seen;
        if (!take_parts(&text, "HMS", clock_sizes, sums, clock_sums, &seen) || seen == before)
            return false;
    }
    if (!seen || text.length || sums[0] > INT32_MAX)
        return false;
    *ret_duration = (struct duration){.months = (int32_t)sums[0], .ms = sums[1]};
    return true;
}

str duration_format(struct arena *arena, struct duration duration)
{
    struct buf out;
    buf_init(&out, arena, 128);
    if (duration_is_zero(duration))
        return STR("P0D");
    int64_t ms = duration.ms, days = ms / DAY_MS;
    buf_add_char(&out, 'P');
    if (duration.months / 12)
        buf_printf(&out, "%dY", duration.months / 12);
    if (duration.months % 12)
        buf_printf(&out, "%dM", duration.months % 12);
    if (days)
        buf_printf(&out, "%lldD", (long long)days);
    ms %= DAY_MS;
    if (ms >= SECOND_MS) {
        buf_add_char(&out, 'T');
        if (ms / HOUR_MS)
            buf_printf(&out, "%lldH", (long long)(ms / HOUR_MS));
        if (ms / MINUTE_MS % 60)
            buf_printf(&out, "%lldM", (long long)(ms / MINUTE_MS % 60));
        if (ms / SECOND_MS % 60)
            buf_printf(&out, "%lldS", (long long)(ms / SECOND_MS % 60));
    }
    return buf_str(&out);
}

int64_t time_add(int64_t time_ms, struct duration duration)
{
    if (time_ms == TIME_FOREVER || time_ms == TIME_NONE)
        return time_ms;
    if (duration.months) {
        int64_t days = time_floor_div(time_ms, DAY_MS), clock_ms = clock_part(time_ms), year;
        int month, day;
        time_date_of(days, &year, &month, &day);
        int64_t months = year * 12 + (month - 1) + duration.months;
        year = time_floor_div(months, 12);
        month = (int)(months - year * 12) + 1;
        if (day > time_month_days(year, month))
            day = time_month_days(year, month);
        if (__builtin_mul_overflow(time_days_of(year, month, day), DAY_MS, &time_ms))
            return TIME_FOREVER;
        if (__builtin_add_overflow(time_ms, clock_ms, &time_ms))
            return TIME_FOREVER;
    }
    return __builtin_add_overflow(time_ms, duration.ms, &time_ms) ? TIME_FOREVER : time_ms;
}
