/* Rows of small numbers in few bytes: of each eight bytes, those that are not zero, behind one byte that says which. Numbers, days and times below
 * 2^48 leave two to seven zeroes each. No more than that, because both ways must cost less than a read from the store by far.
 */
#ifndef TELOS_ENGINE_SQUEEZE_H
#define TELOS_ENGINE_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What `size` bytes, a multiple of 8, take at most. */
static inline size_t squeeze_max(size_t size)
{
    return size / 8 * 9;
}

/* Returns the bytes written. */
static inline size_t squeeze(const uint8_t *in, size_t size, uint8_t *out)
{
    const uint8_t *begin = out;
    for (size_t word = 0; word < size; word += 8) {
        uint8_t *which = out++, bits = 0;
        for (unsigned i = 0; i < 8; i++) {
            uint8_t byte = in[word + i];
            *out = byte; /* overwritten by the next one where it is zero; so `out` has room for one byte more */
            out += byte != 0;
            bits |= (uint8_t)((byte != 0) << i);
        }
        *which = bits;
    }
    return (size_t)(out - begin);
}

/* Gives back `size` bytes; returns how many it read. */
static inline size_t unsqueeze(const uint8_t *in, uint8_t *out, size_t size)
{
    const uint8_t *begin = in;
    for (size_t word = 0; word < size; word += 8) {
        unsigned bits = *in++;
        for (unsigned i = 0; i < 8; i++) {
            unsigned there = bits >> i & 1;
            out[word + i] = there ? *in : 0;
            in += there;
        }
    }
    return (size_t)(in - begin);
}

#endif
