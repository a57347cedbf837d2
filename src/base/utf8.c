/* UTF-8 checked and repaired. The contract is in str.h.
 *
 * 1. Repair replaces each maximal part of a broken sequence by one U+FFFD (Unicode §3.9, as the browsers do).
 */
#include "base/str.h"

#include "base/err.h"

/* Length of the valid sequence at `p`, or 0 with the length of the broken part. */
static size_t sequence(const uint8_t *p, const uint8_t *end, size_t *ret_broken)
{
    uint8_t first = p[0], low = 0x80, high = 0xbf;
    size_t need;
    *ret_broken = 1;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf) {
        need = 2;
    } else if (first >= 0xe0 && first <= 0xef) {
        need = 3;
        if (first == 0xe0)
            low = 0xa0;
        if (first == 0xed)
            high = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
        need = 4;
        if (first == 0xf0)
            low = 0x90;
        if (first == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if (p + i == end || p[i] < low || p[i] > high) {
            *ret_broken = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return need;
}

/* The first byte that does not belong to a valid sequence, or `end`. */
static const uint8_t *first_broken(const uint8_t *p, const uint8_t *end)
{
    while (p < end) {
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), (eight & UINT64_C(0x8080808080808080)) == 0)) {
            p += 8;
            continue;
        }
        size_t broken, length = sequence(p, end, &broken);
        if (!length)
            return p;
        p += length;
    }
    return end;
}

bool str_valid_utf8(str s)
{
    const uint8_t *p = (const uint8_t *)s.data;
    return s.length == 0 || first_broken(p, p + s.length) == p + s.length;
}

str str_repair_utf8(struct arena *arena, str s)
{
    if (str_valid_utf8(s))
        return s;
    const uint8_t *p = (const uint8_t *)s.data, *end = p + s.length;
    ASSERT(s.length < SIZE_MAX / 4);
    size_t length = 0; /* measured first: a broken byte may grow to three */
    for (const uint8_t *q = p; q < end;) {
        const uint8_t *stop = first_broken(q, end);
        length += (size_t)(stop - q);
        q = stop;
        if (q < end) {
            size_t broken;
            (void)sequence(q, end, &broken); /* known to be broken */
            length += 3;
            q += broken;
        }
    }
    char *text = arena_alloc_raw(arena, length), *out = text;
    while (p < end) {
        const uint8_t *stop = first_broken(p, end);
        memcpy(out, p, (size_t)(stop - p));
        out += stop - p;
        p = stop;
        if (p < end) {
            size_t broken;
            (void)sequence(p, end, &broken); /* known to be broken */
            memcpy(out, "\xef\xbf\xbd", 3);
            out += 3;
            p += broken;
        }
    }
    return (str){text, length};
}
