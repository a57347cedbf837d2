/* `str`: pointer and length, borrowed, not NUL-terminated; the type at every boundary. `buf`: a growing buffer. */
#ifndef TELOS_BASE_STR_H
#define TELOS_BASE_STR_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
    const char *data;
    size_t length;
} str;

#define STR(literal) ((str){(literal), sizeof(literal) - 1})
#define STR_NONE ((str){NULL, 0})
#define STR_FMT(s) (int)(s).length, (s).data ? (s).data : ""

static inline str str_of(const char *text) { return (str){text, text ? strlen(text) : 0}; }
static inline str str_bytes(const void *data, size_t length) { return (str){(const char *)data, length}; }
static inline bool str_empty(str s) { return s.length == 0; }
static inline bool str_equal(str a, str b) { return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0); }
bool str_equal_nocase(str a, str b); /* ASCII only */
int str_compare(str a, str b); /* bytewise; shorter first where one begins the other */
bool str_starts(str s, str prefix);
bool str_ends(str s, str suffix);
/* Position of `part` in `s`, or -1. */
ptrdiff_t str_find(str s, str part);
ptrdiff_t str_find_char(str s, char c);
str str_slice(str s, size_t from, size_t to); /* clamped to the string */
/* Takes ASCII spaces, tabs and line ends off both ends. */
str str_trim(str s);
/* Cuts `*rest` at the first `separator`; false when `*rest` was used up (data == NULL). */
bool str_split(str *rest, char separator, str *ret_part);
str str_copy(struct arena *arena, str s);
char *str_z(struct arena *arena, str s); /* NUL-terminated copy */
str str_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
str str_lower_ascii(struct arena *arena, str s);
/* Whole string is a decimal integer within the bounds. */
bool str_to_int64(str s, int64_t *ret_value);
bool str_to_double(str s, double *ret_value);
str str_hex(struct arena *arena, const void *data, size_t length);
bool str_unhex(str hex, void *ret_data, size_t length); /* exactly 2*length digits */
str str_base64(struct arena *arena, const void *data, size_t length); /* RFC 4648 §4, padded */
str str_base64url(struct arena *arena, const void *data, size_t length); /* §5, unpadded */
/* Either alphabet, padded or not; false when not base64. */
bool str_unbase64(struct arena *arena, str text, str *ret_data);
/* The nearest of `count` candidates by edit distance, at most 1/3 of the length away; STR_NONE when none is near:
 * "did you mean …?" */
str str_nearest(str s, const str *candidates, size_t count);
bool str_valid_utf8(str s);
/* Invalid sequences become U+FFFD, as Go's and the browsers' decoders do. Returns `s` itself when it is valid. */
str str_repair_utf8(struct arena *arena, str s);

/* A growing buffer in an arena that declares its maximum. Past it, `overflow` is set and nothing more is added. */
struct buf {
    struct arena *arena;
    char *data;
    size_t length, capacity, max;
    bool overflow;
};

void buf_init(struct buf *buf, struct arena *arena, size_t max);
static inline void buf_clear(struct buf *buf)
{
    buf->length = 0;
    buf->overflow = false;
}
static inline str buf_str(const struct buf *buf) { return (str){buf->data ? buf->data : "", buf->length}; }
/* Room for `size` more bytes, or NULL at the maximum; the caller adds to `length`. */
char *buf_reserve(struct buf *buf, size_t size);
void buf_add(struct buf *buf, str s);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
