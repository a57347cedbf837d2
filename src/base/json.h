/* JSON reading (over simdjson's structural index, see json_index.cc) into a small tree, and writing by an appender.
 *
 * 1. Numbers keep their text, so integers keep all their digits.
 * 2. Strings are unescaped to UTF-8. A lone surrogate becomes U+FFFD; \u0000 stays a NUL byte inside the string.
 * 3. Of duplicate keys the last wins (at the place of the first).
 * 4. Invalid UTF-8 is repaired before reading (U+FFFD), not refused; an identifier with U+FFFD in it names nobody (core/identity_normalise.c).
 * 5. Depth and number of nodes are bounded (limits.h); past them the text is refused.
 * 6. `raw` is the value's own text in the input, for copying it unchanged. Where `raw_dirty`, the value must be written from
 *    the tree instead: it holds a lone surrogate, or a name twice (whose loser still stands in `raw`).
 */
#ifndef TELOS_BASE_JSON_H
#define TELOS_BASE_JSON_H

#include "base/err.h"
#include "base/str.h"

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json;
struct json_member;
struct json {
    uint8_t type; /* enum json_type */
    bool raw_dirty; /* write it anew from the tree instead of copying `raw` */
    uint32_t count; /* items or members */
    union {
        str text; /* string: unescaped; number: its text */
        struct json *items;
        struct json_member *members;
    };
    str raw;
};
struct json_member {
    str name;
    struct json value;
};

/* Reads one whole JSON text. The tree lives in `arena`; it may borrow from `text`, which must outlive it. */
const struct err *json_read(struct arena *arena, str text, struct json *ret_value) MUST_CHECK;

const struct json *json_get(const struct json *object, str name); /* NULL when absent or not an object */
/* Walks "context.device.id"; NULL when absent. */
const struct json *json_path(const struct json *object, str path);
bool json_is_string(const struct json *value); /* NULL-safe, like the next ones */
str json_string(const struct json *value); /* STR_NONE when it is not a string */
/* A string, or a number as its text (ids); trimmed of spaces and invisible characters (U+200B…U+200F, U+FEFF, U+00A0). */
str json_id_text(struct arena *arena, const struct json *value);
bool json_bool(const struct json *value, bool otherwise);
bool json_int(const struct json *value, int64_t *ret_value);
bool json_double(const struct json *value, double *ret_value);

/* Building trees (for replies that are easier as values). */
struct json json_make_string(str text);
struct json json_make_raw(struct arena *arena, str raw); /* reads it; must be valid */

/* The writer: an appender with commas kept for you. `w` writes into a `buf`. */
struct jsonw {
    struct buf *out;
    bool comma;
};
void jsonw_init(struct jsonw *w, struct buf *out);
void jsonw_object(struct jsonw *w);
void jsonw_object_end(struct jsonw *w);
void jsonw_array(struct jsonw *w);
void jsonw_array_end(struct jsonw *w);
void jsonw_key(struct jsonw *w, str name);
void jsonw_string(struct jsonw *w, str value);
void jsonw_int(struct jsonw *w, int64_t value);
void jsonw_double(struct jsonw *w, double value);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
void jsonw_raw(struct jsonw *w, str json_text); /* must be one valid value */
void jsonw_value(struct jsonw *w, const struct json *value);
void jsonw_time(struct jsonw *w, int64_t time_ms); /* null for TIME_NONE and TIME_FOREVER */
void jsonw_uuid_(struct jsonw *w, const uint8_t bytes[16]);
#define jsonw_uuid(w, id) jsonw_uuid_((w), (id).bytes)
/* key and value at once */
void jsonw_field(struct jsonw *w, const char *name, str value);
void jsonw_field_int(struct jsonw *w, const char *name, int64_t value);
void jsonw_field_bool(struct jsonw *w, const char *name, bool value);
void jsonw_field_time(struct jsonw *w, const char *name, int64_t time_ms);

#endif
