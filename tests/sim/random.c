/* Random numbers out of (seed, step): SplitMix64. */
#include "sim.h"

static uint64_t mix(uint64_t value)
{
    value ^= value >> 30;
    value *= UINT64_C(0xbf58476d1ce4e5b9);
    value ^= value >> 27;
    value *= UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

struct random random_of(uint64_t seed, uint64_t step)
{
    return (struct random){mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ mix(step * UINT64_C(0xd1342543de82ef95) + 1)};
}

uint64_t random_next(struct random *random) { return mix(random->state += UINT64_C(0x9e3779b97f4a7c15)); }

unsigned below(struct random *random, unsigned limit) { return limit ? (unsigned)(random_next(random) >> 33) % limit : 0; }

bool chance(struct random *random, unsigned percent) { return below(random, 100) < percent; }
