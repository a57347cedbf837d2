/* Canonical JSON. See canonical.h for what is promised. */
#include "evidence/canonical.h"

#include "base/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DIGITS_MAX 17 /* every double comes back from so many */

struct decimal {
    char digits[DIGITS_MAX + 1]; /* without a point; NUL-terminated */
    int count;
    int point; /* value = 0.DIGITS × 10^point */
};

/* "d.ddde±x" taken apart; zeroes at the end say nothing. */
static void decimal_split(const char *text, struct decimal *ret)
{
    int count = 0;
    const char *in = text;
    for (; *in && *in != 'e'; in++)
        if (*in >= '0' && *in <= '9' && count < DIGITS_MAX)
            ret->digits[count++] = *in;
    ret->point = (int)strtol(in + 1, NULL, 10) + 1;
    while (count > 1 && ret->digits[count - 1] == '0')
        count--;
    ret->digits[count] = '\0';
    ret->count = count;
}

static double decimal_value(const struct decimal *decimal)
{
    char text[DIGITS_MAX + 16];
    int length = snprintf(text, sizeof(text), "0.%se%d", decimal->digits, decimal->point);
    ASSERT(length > 0 && (size_t)length < sizeof(text));
    double value;
    return str_to_double(str_bytes(text, (size_t)length), &value) ? value : (double)INFINITY; /* rounded up past the doubles */
}

/* The next decimal up with as many digits. */
static void decimal_up(struct decimal *decimal, int digits)
{
    while (decimal->count < digits)
        decimal->digits[decimal->count++] = '0';
    int i = digits - 1;
    while (i >= 0 && decimal->digits[i] == '9')
        decimal->digits[i--] = '0';
    if (i >= 0) {
        decimal->digits[i]++;
    } else {
        decimal->digits[0] = '1';
        decimal->point++;
    }
    while (decimal->count > 1 && decimal->digits[decimal->count - 1] == '0')
        decimal->count--;
    decimal->digits[decimal->count] = '\0';
}

/* The shortest decimal that reads back as `value` (> 0), the nearest of these. printf gives the nearest of a length. At a power of
 * two the doubles lie closer below than above, so there the nearest may miss while the next one up does not. */
static void decimal_shortest(double value, struct decimal *ret)
{
    /* any text of 15 digits survives a double, so of normal numbers nothing shorter must be tried */
    for (int digits = fpclassify(value) == FP_SUBNORMAL ? 1 : 15; digits <= DIGITS_MAX; digits++) {
        char text[40];
        int length = snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        ASSERT(length > 0 && (size_t)length < sizeof(text));
        decimal_split(text, ret);
        if (decimal_value(ret) == value)
            return;
        decimal_up(ret, digits);
        if (decimal_value(ret) == value)
            return;
    }
    ASSERT(!"17 digits are enough");
}

/* ECMAScript's Number::toString lays the digits out by where the point falls. */
static void decimal_write(const struct decimal *decimal, bool negative, struct buf *out)
{
    str digits = str_bytes(decimal->digits, (size_t)decimal->count);
    int point = decimal->point, count = decimal->count;
    if (negative)
        buf_add_char(out, '-');
    if (count <= point && point <= 21) {
        buf_add(out, digits);
        for (int i = count; i < point; i++)
            buf_add_char(out, '0');
    } else if (0 < point && point <= 21) {
        buf_add(out, str_slice(digits, 0, (size_t)point));
        buf_add_char(out, '.');
        buf_add(out, str_slice(digits, (size_t)point, digits.length));
    } else if (-6 < point && point <= 0) {
        buf_add(out, STR("0."));
        for (int i = point; i < 0; i++)
            buf_add_char(out, '0');
        buf_add(out, digits);
    } else {
        buf_add(out, str_slice(digits, 0, 1));
        if (count > 1) {
            buf_add_char(out, '.');
            buf_add(out, str_slice(digits, 1, digits.length));
        }
        buf_printf(out, "e%+d", point - 1);
    }
}

str canonical_number(double value, char ret_text[CANONICAL_NUMBER_SIZE])
{
    ASSERT(isfinite(value));
    if (value == trunc(value) && fabs(value) < 1e15) { /* most numbers; also makes 0 of -0 */
        int length = snprintf(ret_text, CANONICAL_NUMBER_SIZE, "%lld", (long long)value);
        ASSERT(length > 0 && length < CANONICAL_NUMBER_SIZE);
        return str_bytes(ret_text, (size_t)length);
    }
    struct decimal decimal;
    decimal_shortest(fabs(value), &decimal);
    struct buf out = {.data = ret_text, .capacity = CANONICAL_NUMBER_SIZE, .max = CANONICAL_NUMBER_SIZE};
    decimal_write(&decimal, value < 0, &out);
    ASSERT(!out.overflow);
    return buf_str(&out);
}

/* Compares as UTF-16 would: bytewise as UTF-8 does, but what needs two UTF-16 units (first byte 0xF0 and up) comes before
 * U+E000…U+FFFF (first byte 0xEE and 0xEF). */
static int utf16_compare(str a, str b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    for (size_t i = 0; i < shorter; i++) {
        uint8_t x = (uint8_t)a.data[i], y = (uint8_t)b.data[i];
        if (x == y)
            continue;
        if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0))
            return x >= 0xf0 ? -1 : 1;
        return x < y ? -1 : 1;
    }
    return a.length == b.length ? 0 : a.length < b.length ? -1 : 1;
}

static int member_compare(const void *left, const void *right)
{
    const struct json_member *const *a = left, *const *b = right;
    return utf16_compare((*a)->name, (*b)->name);
}

static bool write_value(struct arena *arena, struct jsonw *w, const struct json *value);

static bool write_object(struct arena *arena, struct jsonw *w, const struct json *object)
{
    const struct json_member **members = arena_array(arena, const struct json_member *, object->count + 1);
    for (uint32_t i = 0; i < object->count; i++)
        members[i] = &object->members[i];
    if (object->count > 1)
        qsort(members, object->count, sizeof(*members), member_compare);
    jsonw_object(w);
    for (uint32_t i = 0; i < object->count; i++) {
        jsonw_key(w, members[i]->name);
        if (!write_value(arena, w, &members[i]->value))
            return false;
    }
    jsonw_object_end(w);
    return true;
}

static bool write_value(struct arena *arena, struct jsonw *w, const struct json *value)
{
    switch ((enum json_type)value->type) {
    case JSON_NULL: jsonw_null(w); return true;
    case JSON_FALSE:
    case JSON_TRUE: jsonw_bool(w, value->type == JSON_TRUE); return true;
    case JSON_STRING: jsonw_string(w, value->text); return true; /* the writer's escapes are RFC 8785's */
    case JSON_NUMBER: {
        double number;
        char text[CANONICAL_NUMBER_SIZE];
        if (!str_to_double(value->text, &number) || !isfinite(number))
            return false;
        jsonw_raw(w, canonical_number(number, text));
        return true;
    }
    case JSON_ARRAY:
        jsonw_array(w);
        for (uint32_t i = 0; i < value->count; i++)
            if (!write_value(arena, w, &value->items[i]))
                return false;
        jsonw_array_end(w);
        return true;
    case JSON_OBJECT: return write_object(arena, w, value);
    }
    return false;
}

str json_canonical(struct arena *arena, const struct json *value)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, SIZE_MAX / 4);
    jsonw_init(&w, &out);
    if (!write_value(arena, &w, value))
        return STR_NONE;
    return buf_str(&out);
}

const struct err *json_canonical_text(struct arena *arena, str text, str *ret)
{
    struct json value;
    if (!str_valid_utf8(text))
        return err_new(arena, ERR_MALFORMED, "the JSON text is not valid UTF-8");
    TRY(json_read(arena, text, &value));
    if (value.raw_dirty)
        return err_new(arena, ERR_INVALID, "the JSON text has a name twice or half a surrogate pair: it has no canonical form");
    str canonical = json_canonical(arena, &value);
    if (!canonical.data)
        return err_new(arena, ERR_INVALID, "a number in the JSON text is beyond what a double can hold");
    *ret = canonical;
    return NULL;
}
