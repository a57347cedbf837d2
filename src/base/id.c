/* UUIDv7 with a 26-bit counter after the time (RFC 9562 §6.2, method 1), and xoshiro256** behind it. The contract is in
 * id.h.
 *
 * 1. Within a source each id is greater than the one before, even when the clock goes back.
 * 2. The counter starts each millisecond at a random value below half of its range, so that it has room for 2^25 ids;
 *    when it runs over, the source's own time moves on by a millisecond.
 */
#include "base/id.h"

#include "base/err.h"

#include <sys/random.h>

enum { COUNTER_BITS = 26, COUNTER_LOW_BITS = 14 };

static const int8_t hex_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11,
    ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

str uuid_text(struct uuid id, char ret_text[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    char *out = ret_text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[id.bytes[i] >> 4];
        *out++ = digits[id.bytes[i] & 15];
    }
    *out = 0;
    return str_bytes(ret_text, UUID_TEXT_SIZE - 1);
}

str uuid_format(struct arena *arena, struct uuid id) { return uuid_text(id, arena_alloc_raw(arena, UUID_TEXT_SIZE)); }

bool uuid_parse(str text, struct uuid *ret_id)
{
    if (text.length != UUID_TEXT_SIZE - 1)
        return false;
    struct uuid id;
    const char *in = text.data;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *in++ != '-')
            return false;
        int high = hex_values[(uint8_t)in[0]], low = hex_values[(uint8_t)in[1]];
        if (!high || !low)
            return false;
        id.bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
        in += 2;
    }
    *ret_id = id;
    return true;
}

bool uuid_is_zero(struct uuid id)
{
    static const struct uuid zero;
    return uuid_equal(id, zero);
}

int64_t uuid_time_ms(struct uuid id)
{
    int64_t time_ms = 0;
    for (int i = 0; i < 6; i++)
        time_ms = time_ms << 8 | id.bytes[i];
    return time_ms;
}

static uint64_t rotate_left(uint64_t x, int by) { return x << by | x >> (64 - by); }

uint64_t id_random(struct id_source *source)
{
    uint64_t *s = source->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

void id_source_init(struct id_source *source, uint64_t seed)
{
    *source = (struct id_source){.last_ms = -1};
    for (int i = 0; i < 4; i++) { /* splitmix64, as the generator's authors advise */
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        source->state[i] = z ^ z >> 31;
    }
}

void id_source_init_random(struct id_source *source)
{
    *source = (struct id_source){.last_ms = -1};
    ssize_t got = getrandom(source->state, sizeof(source->state), 0);
    ASSERT(got == (ssize_t)sizeof(source->state)); /* up to 256 bytes come whole */
}

struct uuid id_next(struct id_source *source, int64_t now_ms)
{
    if (now_ms < 0)
        now_ms = 0;
    uint64_t random = id_random(source);
    if (now_ms > source->last_ms) {
        source->last_ms = now_ms;
        source->counter = (uint32_t)(id_random(source) >> (64 - (COUNTER_BITS - 1)));
    } else if (++source->counter >> COUNTER_BITS) {
        source->last_ms++;
        source->counter = 0;
    }
    struct uuid id;
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(source->last_ms >> (40 - 8 * i));
    uint32_t high = source->counter >> COUNTER_LOW_BITS, low = source->counter & ((1u << COUNTER_LOW_BITS) - 1);
    id.bytes[6] = (uint8_t)(0x70 | high >> 8);
    id.bytes[7] = (uint8_t)high;
    id.bytes[8] = (uint8_t)(0x80 | low >> 8);
    id.bytes[9] = (uint8_t)low;
    for (int i = 0; i < 6; i++)
        id.bytes[10 + i] = (uint8_t)(random >> (8 * i));
    return id;
}
