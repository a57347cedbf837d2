/* Any bytes as a mapping and a CSV file (or lines): `MODE MAPPING NUL FILE`. However the file is cut into pieces, the
 * same records come; fields written out again in quotes are the same fields; what a mapping makes of a record is one
 * JSON object. */
#include "base/json.h"
#include "base/limits.h"
#include "main/import_map.h"
#include "main/import_record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 64 };

struct bytes {
    str rest;
    size_t piece; /* how many at a time, at most */
};

static const struct err *take(void *context, char *to, size_t room, size_t *ret_got)
{
    struct bytes *bytes = context;
    size_t got = bytes->rest.length < room ? bytes->rest.length : room;
    if (got > bytes->piece)
        got = bytes->piece;
    if (got)
        memcpy(to, bytes->rest.data, got);
    bytes->rest = str_slice(bytes->rest, got, bytes->rest.length);
    *ret_got = got;
    return NULL;
}

static void check_fields(struct arena *arena, str record, char delimiter)
{
    str fields[FIELDS_MAX], again[FIELDS_MAX];
    struct buf out;
    size_t count = csv_fields(arena, record, delimiter, fields, FIELDS_MAX);
    ASSERT(count >= 1);
    if (count > FIELDS_MAX)
        return;
    buf_init(&out, arena, record.length * 4 + FIELDS_MAX * 4);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_char(&out, delimiter);
        buf_add_char(&out, '"');
        for (size_t k = 0; k < fields[i].length; k++) {
            if (fields[i].data[k] == '"')
                buf_add_char(&out, '"');
            buf_add_char(&out, fields[i].data[k]);
        }
        buf_add_char(&out, '"');
    }
    ASSERT(!out.overflow);
    ASSERT(csv_fields(arena, buf_str(&out), delimiter, again, FIELDS_MAX) == count);
    for (size_t i = 0; i < count; i++)
        ASSERT(str_equal(fields[i], again[i]));
}

static void check_message(struct arena *arena, struct import_map *map, str record, char delimiter)
{
    str fields[FIELDS_MAX], why = STR_NONE;
    struct buf out;
    struct json message;
    size_t count = csv_fields(arena, record, delimiter, fields, FIELDS_MAX);
    if (count > FIELDS_MAX)
        return;
    buf_init(&out, arena, 16 * 1024 * 1024);
    buf_add_char(&out, 'x');
    if (!import_map_message(arena, map, fields, count, STR("id"), &out, &why)) {
        ASSERT(why.length > 0 && (out.length == 1 || out.overflow));
        return;
    }
    str text = str_slice(buf_str(&out), 1, out.length);
    const struct err *error = json_read(arena, text, &message);
    if (error) /* only what is too deep or too much for one message */
        ASSERT(text.length > 1000);
    else
        ASSERT(message.type == JSON_OBJECT && json_get(&message, STR("messageId")) && json_get(&message, STR("type")));
}

/* Reads all records twice, in different pieces, side by side. */
static void check_records(str file, size_t piece, char delimiter, struct import_map *map)
{
    struct arena arena, scratch;
    struct bytes one = {file, SIZE_MAX}, two = {file, piece};
    struct records left, right;
    bool bound = false;
    arena_init(&arena);
    arena_init(&scratch);
    records_init(&left, &arena, take, &one, delimiter);
    records_init(&right, &arena, take, &two, delimiter);
    for (;;) {
        struct record a, b;
        bool found_a, found_b;
        const struct err *error = records_next(&left, &a, &found_a);
        ASSERT(!error);
        error = records_next(&right, &b, &found_b);
        ASSERT(!error && found_a == found_b);
        if (!found_a)
            break;
        ASSERT(a.state == b.state && a.offset == b.offset && a.line == b.line && str_equal(a.text, b.text));
        ASSERT(left.offset == right.offset && left.line == right.line && a.text.length <= LIMIT_IMPORT_RECORD_BYTES);
        arena_clear(&scratch);
        if (!delimiter || a.state != RECORD_FINE)
            continue;
        check_fields(&scratch, a.text, delimiter);
        if (map && !bound) {
            str header[FIELDS_MAX], unused;
            size_t count = csv_fields(&arena, str_copy(&arena, a.text), delimiter, header, FIELDS_MAX);
            error = import_map_bind(&arena, map, header, count < FIELDS_MAX ? count : FIELDS_MAX, &unused);
            if (error)
                map = NULL;
            bound = true;
        } else if (map) {
            check_message(&scratch, map, a.text, delimiter);
        }
    }
    ASSERT(left.offset == file.length);
    arena_release(&arena);
    arena_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char delimiters[] = {',', ';', '\t', 0};
    struct arena arena;
    struct import_map *map = NULL;
    policy_problems problems = {0};
    if (size < 1)
        return 0;
    str rest = str_bytes(data + 1, size - 1), mapping = STR("");
    ptrdiff_t end = str_find_char(rest, '\0');
    if (end >= 0) {
        mapping = str_slice(rest, 0, (size_t)end);
        rest = str_slice(rest, (size_t)end + 1, rest.length);
    }
    char delimiter = delimiters[data[0] & 3];
    arena_init(&arena);
    if (mapping.length) {
        const struct err *error = import_map_read(&arena, mapping, &problems, &map);
        ASSERT(error ? problems.count > 0 : problems.count == 0);
        if (error)
            map = NULL;
    } else {
        map = import_map_plain(&arena);
    }
    (void)csv_delimiter(rest); /* must not fault */
    check_records(rest, 1 + (data[0] >> 2) % 17, delimiter, map);
    arena_release(&arena);
    return 0;
}
