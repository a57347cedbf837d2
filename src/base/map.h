/* An insert-only hash map in an arena, and the keyed hash behind it (SipHash-2-4 by libsodium, so that a client cannot
 * choose collisions). For lifetimes of a batch or a policy snapshot. */
#ifndef TELOS_BASE_MAP_H
#define TELOS_BASE_MAP_H

#include "base/str.h"

struct map_slot {
    uint64_t hash;
    str key;
    void *value;
};
struct map {
    struct arena *arena;
    struct map_slot *slots; /* power of two */
    size_t count, capacity;
};

void map_init(struct map *map, struct arena *arena);
/* NULL when the key is unknown. */
void *map_get(const struct map *map, str key);
/* Keys are borrowed; an existing key keeps its first value unless map_set is called, which replaces it. */
void map_set(struct map *map, str key, void *value);
/* Walks the entries in insertion-independent order; `*position` starts at 0. */
bool map_next(const struct map *map, size_t *position, struct map_slot *ret_slot);
/* Per-process random key unless map_hash_seed was called (the simulator calls it). */
uint64_t map_hash(str key);
void map_hash_seed(const uint8_t key[16]);

#endif
