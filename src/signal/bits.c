/* Base64 to bits, and what is read of them in more than one word. The contract is in bits_private.h. */
#include "signal/bits_private.h"
#include "base/limits.h"

enum { TAIL_BYTES = 8, FIBONACCI_MAX = 65535 };

/* Value + 1 of each character of RFC 4648 §5; 0: not one. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11,
    ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
    ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33,
    ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,
    ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,
    ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

bool bits_open(struct arena *arena, str text, struct bits *ret_bits)
{
    if (text.length > LIMIT_SIGNAL_BYTES)
        return false;
    size_t size = (text.length * 6 + 7) / 8;
    uint8_t *bytes = arena_alloc_raw(arena, size + 3 + TAIL_BYTES), *out = bytes;
    const uint8_t *in = (const uint8_t *)text.data, *end = in + text.length;
    for (; end - in >= 4; in += 4, out += 3) {
        uint32_t a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];
        if (!a || !b || !c || !d)
            return false;
        uint32_t word = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        out[0] = (uint8_t)(word >> 16);
        out[1] = (uint8_t)(word >> 8);
        out[2] = (uint8_t)word;
    }
    uint32_t word = 0, left = 0;
    for (; in < end; in++) {
        if (!values[*in])
            return false;
        left += 6;
        word |= (uint32_t)(values[*in] - 1) << (24 - left);
    }
    memset(out, 0, (size_t)(bytes + size + 3 + TAIL_BYTES - out));
    for (unsigned i = 0; i * 8 < left; i++)
        out[i] = (uint8_t)(word >> (16 - 8 * i));
    *ret_bits = (struct bits){.bytes = bytes, .count = (uint32_t)(text.length * 6)};
    return true;
}

uint32_t bits_fibonacci(struct bits *bits)
{
    uint32_t value = 0, step = 1, next = 2;
    bool before = false;
    while (step <= FIBONACCI_MAX) {
        bool bit = bits_read(bits, 1);
        if (bits->past)
            return 0;
        if (bit && before)
            return value <= FIBONACCI_MAX ? value : 0;
        value += bit ? step : 0;
        before = bit;
        uint32_t sum = step + next;
        step = next;
        next = sum;
    }
    return before && bits_read(bits, 1) && value <= FIBONACCI_MAX ? value : 0; /* the largest step may still be ended */
}

bool bits_rest_empty(const struct bits *bits)
{
    struct bits rest = *bits;
    while (rest.at < rest.count) {
        unsigned width = rest.count - rest.at < 32 ? rest.count - rest.at : 32;
        if (bits_read(&rest, width))
            return false;
    }
    return true;
}
