/* The growing buffer with a declared maximum. The contract is in str.h. */
#include "base/err.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum { CAPACITY_FIRST = 256 };

void buf_init(struct buf *buf, struct arena *arena, size_t max) { *buf = (struct buf){.arena = arena, .max = max}; }

char *buf_reserve(struct buf *buf, size_t size)
{
    if (buf->overflow || size > buf->max - buf->length) {
        buf->overflow = true;
        return NULL;
    }
    if (size > buf->capacity - buf->length) {
        size_t needed = buf->length + size;
        size_t grown = buf->capacity ? buf->capacity : CAPACITY_FIRST;
        while (grown < needed)
            grown = grown > SIZE_MAX / 2 ? needed : grown * 2;
        if (grown > buf->max)
            grown = buf->max;
        char *moved = arena_alloc_raw(buf->arena, grown);
        if (buf->length)
            memcpy(moved, buf->data, buf->length);
        buf->data = moved;
        buf->capacity = grown;
    }
    return buf->data ? buf->data + buf->length : (char *)arena_alloc_raw(buf->arena, 1);
}

void buf_add(struct buf *buf, str s)
{
    if (s.length == 0)
        return;
    char *room = buf_reserve(buf, s.length);
    if (!room)
        return;
    memcpy(room, s.data, s.length);
    buf->length += s.length;
}

void buf_add_char(struct buf *buf, char c)
{
    char *room = buf_reserve(buf, 1);
    if (!room)
        return;
    *room = c;
    buf->length++;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof(small), format, arguments);
    va_end(arguments);
    ASSERT(length >= 0);
    if ((size_t)length < sizeof(small)) {
        buf_add(buf, str_bytes(small, (size_t)length));
        return;
    }
    if (buf->overflow || (size_t)length > buf->max - buf->length) {
        buf->overflow = true;
        return;
    }
    /* vsnprintf ends with a NUL, which the maximum need not have room for: so by way of the arena. */
    char *text = arena_alloc_raw(buf->arena, (size_t)length + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments); /* measured just above */
    va_end(arguments);
    buf_add(buf, str_bytes(text, (size_t)length));
}
