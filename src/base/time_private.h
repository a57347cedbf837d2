/* Calendar arithmetic shared by time.c and time_zone.c. */
#ifndef TELOS_BASE_TIME_PRIVATE_H
#define TELOS_BASE_TIME_PRIVATE_H

#include <stdint.h>

/* Days since 1970-01-01 of a Gregorian date, and back. */
int64_t time_days_of(int64_t year, int month, int day);
void time_date_of(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
int time_month_days(int64_t year, int month);
/* Rounds down, also below zero; b > 0. */
int64_t time_floor_div(int64_t a, int64_t b);

#endif
