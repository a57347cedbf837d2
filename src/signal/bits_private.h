/* Web-safe base64 as a row of bits, read from the most significant one (TCF "Consent string and vendor list formats" v2.2, "Creating a TC
 * string"; GPP "Consent String Specification", "Encoding"). Past the end a read gives 0 and sets `past`. */
#ifndef TELOS_SIGNAL_BITS_PRIVATE_H
#define TELOS_SIGNAL_BITS_PRIVATE_H

#include "base/str.h"

struct bits {
    const uint8_t *bytes; /* 8 readable bytes more than there are bits */
    uint32_t count, at;
    bool past;
};

/* False where a character is not of the alphabet, or there are too many. Each character is 6 bits, whatever their number: encoders pad
 * to 6, 8 or 24 bits. */
bool bits_open(struct arena *arena, str text, struct bits *ret_bits);

static inline uint64_t bits_at(const uint8_t *bytes, uint32_t at, unsigned width) /* width: 1…57 */
{
    uint64_t word;
    memcpy(&word, bytes + at / 8, sizeof word);
    return __builtin_bswap64(word) << (at % 8) >> (64 - width);
}

static inline uint64_t bits_read(struct bits *bits, unsigned width)
{
    if (width > bits->count - bits->at) {
        bits->at = bits->count;
        bits->past = true;
        return 0;
    }
    uint64_t value = width ? bits_at(bits->bytes, bits->at, width) : 0;
    bits->at += width;
    return value;
}

static inline void bits_skip(struct bits *bits, uint32_t width)
{
    bits->past |= width > bits->count - bits->at;
    bits->at = bits->past ? bits->count : bits->at + width;
}

/* A number in Fibonacci coding (GPP, "Fibonacci coding"): sums of 1, 2, 3, 5, 8, … from the first bit on, ended by "11". 0: not one, or
 * past 65,535. */
uint32_t bits_fibonacci(struct bits *bits);
/* What is left is padding: nothing but zeros. */
bool bits_rest_empty(const struct bits *bits);

#endif
