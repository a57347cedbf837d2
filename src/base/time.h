/* Times (int64_t milliseconds since 1970 UTC), RFC 3339 texts and ISO 8601 durations. Only clock_now_ms reads a clock:
 * floors 4–6 call it, the core gets time as an argument. */
#ifndef TELOS_BASE_TIME_H
#define TELOS_BASE_TIME_H

#include "base/str.h"

#define TIME_NONE INT64_MIN
#define TIME_FOREVER INT64_MAX
#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

int64_t clock_now_ms(void);
int64_t clock_monotonic_us(void);

#define TIME_TEXT_SIZE 32
/* "2026-11-24T16:30:00.123Z" into `ret_text`, which holds TIME_TEXT_SIZE bytes; returns it as a str. */
str time_text(int64_t time_ms, char ret_text[TIME_TEXT_SIZE]);
str time_format(struct arena *arena, int64_t time_ms);
/* RFC 3339 with any offset and fraction, also "2026-09-01" (midnight UTC) and what JavaScript's toISOString writes. Years 1970 to
 * 9999. */
bool time_parse(str text, int64_t *ret_time_ms);

/* An ISO 8601 duration (P5Y, P30D, PT72H, P1DT12H). Years and months are of the calendar, so they are kept apart. */
struct duration {
    int32_t months;
    int64_t ms;
};
bool duration_parse(str text, struct duration *ret_duration);
str duration_format(struct arena *arena, struct duration duration);
/* Calendar addition in UTC; the day is clamped to the month's end. Saturates at TIME_FOREVER. */
int64_t time_add(int64_t time_ms, struct duration duration);
static inline bool duration_is_zero(struct duration d) { return d.months == 0 && d.ms == 0; }
/* Local minute of the day (0…1439) and weekday (0 = Monday) in an IANA zone; false when the zone is unknown. */
bool time_local(int64_t time_ms, str zone, int *ret_minute, int *ret_weekday);

#endif
