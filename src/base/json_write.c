/* The JSON writer. The contract is in json.h.
 *
 * 1. What it writes is valid JSON in valid UTF-8, whatever bytes the strings hold.
 * 2. A number that JSON cannot say (infinite, not a number) is written as null.
 */
#include "base/json.h"

#include "base/id.h"
#include "base/time.h"

#include <math.h>
#include <stdio.h>

/* 0: as it is; 'u': by its number; otherwise the letter after the backslash. */
static const char escapes[256] = {
    [0] = 'u',    [1] = 'u',    [2] = 'u',  [3] = 'u',  [4] = 'u',  [5] = 'u',  [6] = 'u',  [7] = 'u',  ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', [11] = 'u',
    ['\f'] = 'f', ['\r'] = 'r', [14] = 'u', [15] = 'u', [16] = 'u', [17] = 'u', [18] = 'u', [19] = 'u', [20] = 'u',   [21] = 'u',   [22] = 'u',   [23] = 'u',
    [24] = 'u',   [25] = 'u',   [26] = 'u', [27] = 'u', [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u', ['"'] = '"',  ['\\'] = '\\'};

void jsonw_init(struct jsonw *w, struct buf *out) { *w = (struct jsonw){.out = out}; }

static void begin_value(struct jsonw *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

static void write_text(struct buf *out, str text)
{
    static const char digits[] = "0123456789abcdef";
    if (!str_valid_utf8(text))
        text = str_repair_utf8(out->arena, text);
    buf_add_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if (!escapes[c])
            continue;
        buf_add(out, str_slice(text, from, i));
        from = i + 1;
        char escape[6] = {'\\', escapes[c], '0', '0', digits[c >> 4], digits[c & 15]};
        buf_add(out, str_bytes(escape, escapes[c] == 'u' ? 6 : 2));
    }
    buf_add(out, str_slice(text, from, text.length));
    buf_add_char(out, '"');
}

static void open_with(struct jsonw *w, char c)
{
    begin_value(w);
    buf_add_char(w->out, c);
    w->comma = false;
}

static void close_with(struct jsonw *w, char c)
{
    buf_add_char(w->out, c);
    w->comma = true;
}

void jsonw_object(struct jsonw *w) { open_with(w, '{'); }
void jsonw_object_end(struct jsonw *w) { close_with(w, '}'); }
void jsonw_array(struct jsonw *w) { open_with(w, '['); }
void jsonw_array_end(struct jsonw *w) { close_with(w, ']'); }

void jsonw_key(struct jsonw *w, str name)
{
    begin_value(w);
    write_text(w->out, name);
    buf_add_char(w->out, ':');
    w->comma = false;
}

void jsonw_string(struct jsonw *w, str value)
{
    begin_value(w);
    write_text(w->out, value);
}

void jsonw_int(struct jsonw *w, int64_t value)
{
    char digits[24], *out = digits + sizeof(digits);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        *--out = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (value < 0)
        *--out = '-';
    begin_value(w);
    buf_add(w->out, str_bytes(out, (size_t)(digits + sizeof(digits) - out)));
}

void jsonw_double(struct jsonw *w, double value)
{
    char text[40];
    int length = 0;
    if (!isfinite(value)) {
        jsonw_null(w);
        return;
    }
    for (int precision = 15; precision <= 17; precision++) { /* the shortest that reads back as the same */
        double back;
        length = snprintf(text, sizeof(text), "%.*g", precision, value);
        ASSERT(length > 0 && (size_t)length < sizeof(text));
        if (str_to_double(str_bytes(text, (size_t)length), &back) && back == value)
            break;
    }
    begin_value(w);
    buf_add(w->out, str_bytes(text, (size_t)length));
}

void jsonw_bool(struct jsonw *w, bool value)
{
    begin_value(w);
    buf_add(w->out, value ? STR("true") : STR("false"));
}

void jsonw_null(struct jsonw *w)
{
    begin_value(w);
    buf_add(w->out, STR("null"));
}

void jsonw_raw(struct jsonw *w, str json_text)
{
    begin_value(w);
    buf_add(w->out, json_text);
}

void jsonw_value(struct jsonw *w, const struct json *value)
{
    if (value->raw.data && !value->raw_dirty) {
        jsonw_raw(w, value->raw);
        return;
    }
    switch ((enum json_type)value->type) {
    case JSON_NULL: jsonw_null(w); break;
    case JSON_FALSE:
    case JSON_TRUE: jsonw_bool(w, value->type == JSON_TRUE); break;
    case JSON_NUMBER: jsonw_raw(w, value->text); break;
    case JSON_STRING: jsonw_string(w, value->text); break;
    case JSON_ARRAY:
        jsonw_array(w);
        for (uint32_t i = 0; i < value->count; i++)
            jsonw_value(w, &value->items[i]);
        jsonw_array_end(w);
        break;
    case JSON_OBJECT:
        jsonw_object(w);
        for (uint32_t i = 0; i < value->count; i++) {
            jsonw_key(w, value->members[i].name);
            jsonw_value(w, &value->members[i].value);
        }
        jsonw_object_end(w);
        break;
    }
}

void jsonw_time(struct jsonw *w, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE];
    str time = time_text(time_ms, text);
    if (time.length)
        jsonw_string(w, time);
    else
        jsonw_null(w);
}

void jsonw_uuid_(struct jsonw *w, const uint8_t bytes[16])
{
    struct uuid id;
    char text[UUID_TEXT_SIZE];
    memcpy(id.bytes, bytes, sizeof(id.bytes));
    jsonw_string(w, uuid_text(id, text));
}

void jsonw_field(struct jsonw *w, const char *name, str value)
{
    jsonw_key(w, str_of(name));
    jsonw_string(w, value);
}

void jsonw_field_int(struct jsonw *w, const char *name, int64_t value)
{
    jsonw_key(w, str_of(name));
    jsonw_int(w, value);
}

void jsonw_field_bool(struct jsonw *w, const char *name, bool value)
{
    jsonw_key(w, str_of(name));
    jsonw_bool(w, value);
}

void jsonw_field_time(struct jsonw *w, const char *name, int64_t time_ms)
{
    jsonw_key(w, str_of(name));
    jsonw_time(w, time_ms);
}
