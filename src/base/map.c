/* The hash map: ordered linear probing. The contract is in map.h.
 *
 * 1. Slots are sorted by (hash, key) from front to back, with gaps: a key's home is given by the top bits of its hash,
 *    and no key lies before its home. So the walk's order depends on the keys alone, not on how they came in.
 * 2. `capacity` homes are followed by TAIL slots, so that nothing wraps around; a full tail makes the map grow.
 * 3. A slot with hash 0 is free.
 */
#include "base/map.h"

#include "base/err.h"

#include <pthread.h>
#include <sodium.h>

enum { CAPACITY_FIRST = 16, TAIL = 32 };

static uint8_t hash_key[crypto_shorthash_KEYBYTES];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;
static bool hash_key_set;

static void hash_key_random(void)
{
    if (!hash_key_set)
        randombytes_buf(hash_key, sizeof(hash_key));
}

void map_hash_seed(const uint8_t key[16])
{
    memcpy(hash_key, key, sizeof(hash_key));
    hash_key_set = true;
}

uint64_t map_hash(str key)
{
    pthread_once(&hash_key_once, hash_key_random);
    uint64_t hash;
    uint8_t bytes[crypto_shorthash_BYTES];
    (void)crypto_shorthash(bytes, (const uint8_t *)(key.data ? key.data : ""), key.length, hash_key); /* cannot fail */
    memcpy(&hash, bytes, sizeof(hash));
    return hash;
}

static uint64_t slot_hash(str key)
{
    uint64_t hash = map_hash(key);
    return hash ? hash : 1;
}

static size_t map_home(const struct map *map, uint64_t hash) { return (size_t)(hash >> (64 - __builtin_ctzll(map->capacity))); }

/* The first slot from the key's home on that is free or not less than (hash, key). */
static size_t map_seek(const struct map *map, uint64_t hash, str key, bool *ret_found)
{
    size_t at = map_home(map, hash);
    *ret_found = false;
    for (; at < map->capacity + TAIL; at++) {
        const struct map_slot *slot = &map->slots[at];
        if (slot->hash == 0 || slot->hash > hash)
            return at;
        if (slot->hash == hash) {
            int order = str_compare(slot->key, key);
            *ret_found = order == 0;
            if (order >= 0)
                return at;
        }
    }
    return at;
}

/* False when the tail is full. */
static bool map_insert(struct map *map, uint64_t hash, str key, void *value)
{
    bool found;
    size_t at = map_seek(map, hash, key, &found);
    ASSERT(!found);
    size_t gap = at;
    while (gap < map->capacity + TAIL && map->slots[gap].hash)
        gap++;
    if (gap == map->capacity + TAIL)
        return false;
    memmove(&map->slots[at + 1], &map->slots[at], (gap - at) * sizeof(*map->slots));
    map->slots[at] = (struct map_slot){hash, key, value};
    map->count++;
    return true;
}

static void map_grow(struct map *map)
{
    const struct map_slot *old = map->slots;
    size_t old_slots = map->slots ? map->capacity + TAIL : 0;
    size_t capacity = map->capacity ? map->capacity : CAPACITY_FIRST / 2;
    for (bool done = false; !done;) {
        capacity *= 2;
        map->capacity = capacity;
        map->count = 0;
        map->slots = arena_array(map->arena, struct map_slot, capacity + TAIL);
        done = true;
        for (size_t i = 0; i < old_slots && done; i++)
            if (old[i].hash)
                done = map_insert(map, old[i].hash, old[i].key, old[i].value);
    }
}

void map_init(struct map *map, struct arena *arena) { *map = (struct map){.arena = arena}; }

void *map_get(const struct map *map, str key)
{
    if (map->count == 0)
        return NULL;
    bool found;
    size_t at = map_seek(map, slot_hash(key), key, &found);
    return found ? map->slots[at].value : NULL;
}

void map_set(struct map *map, str key, void *value)
{
    uint64_t hash = slot_hash(key);
    if (map->capacity) {
        bool found;
        size_t at = map_seek(map, hash, key, &found);
        if (found) {
            map->slots[at].value = value;
            return;
        }
    }
    if (map->count + 1 > map->capacity / 4 * 3)
        map_grow(map);
    while (!map_insert(map, hash, key, value))
        map_grow(map);
}

bool map_next(const struct map *map, size_t *position, struct map_slot *ret_slot)
{
    if (!map->slots)
        return false;
    while (*position < map->capacity + TAIL) {
        const struct map_slot *slot = &map->slots[(*position)++];
        if (slot->hash) {
            *ret_slot = *slot;
            return true;
        }
    }
    return false;
}
