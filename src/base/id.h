/* UUIDv7 identifiers (RFC 9562 §5.7): 48 bits of milliseconds, then random bits, monotone within a generator. */
#ifndef TELOS_BASE_ID_H
#define TELOS_BASE_ID_H

#include "base/str.h"

struct uuid {
    uint8_t bytes[16];
};

#define UUID_TEXT_SIZE 37
str uuid_text(struct uuid id, char ret_text[UUID_TEXT_SIZE]);
str uuid_format(struct arena *arena, struct uuid id);
bool uuid_parse(str text, struct uuid *ret_id);
static inline bool uuid_equal(struct uuid a, struct uuid b) { return memcmp(a.bytes, b.bytes, 16) == 0; }
bool uuid_is_zero(struct uuid id);
int64_t uuid_time_ms(struct uuid id);

/* A source of ids. The engine seeds it from the system's randomness, the simulator from its seed: so the core, which gets
 * it as an argument, stays a pure function. */
struct id_source {
    uint64_t state[4]; /* xoshiro256** */
    int64_t last_ms;
    uint32_t counter;
};
void id_source_init(struct id_source *source, uint64_t seed);
void id_source_init_random(struct id_source *source);
struct uuid id_next(struct id_source *source, int64_t now_ms);
uint64_t id_random(struct id_source *source); /* 64 bits; not for keys */

#endif
