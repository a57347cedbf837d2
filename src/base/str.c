/* Slices: comparing, finding, cutting, numbers, nearest name. Codecs are in str_code.c, UTF-8 in utf8.c, the growing
 * buffer in buf.c. The contract is in str.h.
 *
 * 1. Nothing here depends on the locale.
 */
#include "base/str.h"

#include "base/err.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool str_equal_nocase(str a, str b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return false;
    return true;
}

int str_compare(str a, str b)
{
    size_t common = a.length < b.length ? a.length : b.length;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    if (order)
        return order;
    return (a.length > b.length) - (a.length < b.length);
}

bool str_starts(str s, str prefix) { return prefix.length == 0 || (s.length >= prefix.length && memcmp(s.data, prefix.data, prefix.length) == 0); }

bool str_ends(str s, str suffix)
{
    return suffix.length == 0 || (s.length >= suffix.length && memcmp(s.data + s.length - suffix.length, suffix.data, suffix.length) == 0);
}

ptrdiff_t str_find(str s, str part)
{
    if (part.length == 0)
        return 0;
    if (part.length > s.length)
        return -1;
    const char *at = memmem(s.data, s.length, part.data, part.length);
    return at ? at - s.data : -1;
}

ptrdiff_t str_find_char(str s, char c)
{
    const char *at = s.length ? memchr(s.data, c, s.length) : NULL;
    return at ? at - s.data : -1;
}

str str_slice(str s, size_t from, size_t to)
{
    if (to > s.length)
        to = s.length;
    if (from > to)
        from = to;
    return s.data ? (str){s.data + from, to - from} : s;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

str str_trim(str s)
{
    while (s.length && is_blank(s.data[0])) {
        s.data++;
        s.length--;
    }
    while (s.length && is_blank(s.data[s.length - 1]))
        s.length--;
    return s;
}

bool str_split(str *rest, char separator, str *ret_part)
{
    if (!rest->data)
        return false;
    ptrdiff_t at = str_find_char(*rest, separator);
    if (at < 0) {
        *ret_part = *rest;
        *rest = STR_NONE;
    } else {
        *ret_part = (str){rest->data, (size_t)at};
        *rest = (str){rest->data + at + 1, rest->length - (size_t)at - 1};
    }
    return true;
}

str str_copy(struct arena *arena, str s)
{
    if (!s.data)
        return s;
    char *copy = arena_alloc_raw(arena, s.length);
    memcpy(copy, s.data, s.length);
    return (str){copy, s.length};
}

char *str_z(struct arena *arena, str s)
{
    char *copy = arena_alloc_raw(arena, s.length + 1);
    if (s.length)
        memcpy(copy, s.data, s.length);
    copy[s.length] = 0;
    return copy;
}

str str_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    ASSERT(length >= 0);
    char *text = arena_alloc_raw(arena, (size_t)length + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments); /* measured just above */
    va_end(arguments);
    return (str){text, (size_t)length};
}

str str_lower_ascii(struct arena *arena, str s)
{
    char *copy = arena_alloc_raw(arena, s.length);
    for (size_t i = 0; i < s.length; i++)
        copy[i] = lower(s.data[i]);
    return (str){copy, s.length};
}

bool str_to_int64(str s, int64_t *ret_value)
{
    bool negative = s.length && s.data[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.length)
        return false;
    int64_t value = 0; /* counted downwards, so that INT64_MIN fits */
    for (; i < s.length; i++) {
        if (!is_digit(s.data[i]))
            return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, s.data[i] - '0', &value))
            return false;
    }
    if (!negative && value == INT64_MIN)
        return false;
    *ret_value = negative ? value : -value;
    return true;
}

/* [+-] digits [. digits] [e [+-] digits], as in every sane text format: neither hex nor infinities. */
static bool is_decimal(str s)
{
    size_t i = 0, digits = 0;
    if (i < s.length && (s.data[i] == '-' || s.data[i] == '+'))
        i++;
    for (; i < s.length && is_digit(s.data[i]); i++)
        digits++;
    if (i < s.length && s.data[i] == '.')
        for (i++; i < s.length && is_digit(s.data[i]); i++)
            digits++;
    if (!digits)
        return false;
    if (i < s.length && (s.data[i] == 'e' || s.data[i] == 'E')) {
        i++;
        if (i < s.length && (s.data[i] == '-' || s.data[i] == '+'))
            i++;
        size_t exponent_from = i;
        while (i < s.length && is_digit(s.data[i]))
            i++;
        if (i == exponent_from)
            return false;
    }
    return i == s.length;
}

bool str_to_double(str s, double *ret_value)
{
    char text[512]; /* a number that needs more is no number that anybody means */
    if (s.length >= sizeof(text) || !is_decimal(s))
        return false;
    memcpy(text, s.data, s.length);
    text[s.length] = 0;
    double value = strtod(text, NULL); /* the program stays in the C locale */
    if (!isfinite(value))
        return false;
    *ret_value = value;
    return true;
}

enum { NEAREST_LENGTH_MAX = 64 };

/* Edit distance with neighbours swapped counting as one (optimal string alignment). */
static size_t edit_distance(str a, str b)
{
    size_t rows[3][NEAREST_LENGTH_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= b.length; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t best = last[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *freed = before;
        before = last;
        last = now;
        now = freed;
    }
    return last[b.length];
}

str str_nearest(str s, const str *candidates, size_t count)
{
    str nearest = STR_NONE;
    size_t allowed = s.length / 3;
    if (s.length > NEAREST_LENGTH_MAX)
        return nearest;
    for (size_t i = 0; i < count; i++) {
        str candidate = candidates[i];
        if (candidate.length > NEAREST_LENGTH_MAX)
            continue;
        size_t distance = edit_distance(s, candidate);
        if (distance <= allowed && (!nearest.data || distance < edit_distance(s, nearest)))
            nearest = candidate;
    }
    return nearest;
}
