/* Purpose sets in memory. Entries lie in chunks that never move, so readers look masks up without a lock; everything else
 * is under one.
 *
 * 1. entry(id) is set before `count` shows it; only its mask changes afterwards (atomically, at a binding).
 * 2. `exact` finds the set of a mask; a set with a name that the policy lacks is not in it, because its mask says less than it does.
 */
#include "store/purpose_set.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { CHUNK_FIRST = 64, CHUNKS = 24 };

struct entry {
    _Atomic purpose_mask mask;
    str names;
};
struct purpose_sets {
    pthread_mutex_t lock;
    struct arena arena; /* names of sets, which live as long as this does */
    struct arena bound; /* of the binding */
    const str *slots;
    unsigned slot_count;
    bool numbers; /* masks are numbers of sets */
    struct entry *chunks[CHUNKS]; /* chunk k holds CHUNK_FIRST << k entries */
    _Atomic uint32_t count, stored;
    uint32_t *exact; /* open addressing by mask: id, 0 is free; a power of two of slots */
    uint32_t exact_slots, exact_count;
};

static struct entry *entry_at(const struct purpose_sets *sets, uint32_t id)
{
    uint32_t place = id - 1 + CHUNK_FIRST;
    unsigned chunk = 31u - (unsigned)__builtin_clz(place) - 6; /* 64 = 1 << 6 */
    ASSERT(chunk < CHUNKS);
    return &sets->chunks[chunk][place - ((uint32_t)CHUNK_FIRST << chunk)];
}

struct purpose_sets *purpose_sets_new(void)
{
    struct purpose_sets *sets = calloc(1, sizeof *sets);
    ASSERT(sets);
    pthread_mutex_init(&sets->lock, NULL);
    arena_init(&sets->arena);
    arena_init(&sets->bound);
    return sets;
}

void purpose_sets_free(struct purpose_sets *sets)
{
    if (!sets)
        return;
    for (size_t i = 0; i < CHUNKS; i++)
        free(sets->chunks[i]);
    free(sets->exact);
    arena_release(&sets->arena);
    arena_release(&sets->bound);
    pthread_mutex_destroy(&sets->lock);
    free(sets);
}

/* The mask of the names under the binding; `ret_exact`: every name has a slot. */
static purpose_mask mask_of(const struct purpose_sets *sets, str names, bool *ret_exact)
{
    purpose_mask mask = 0;
    *ret_exact = true;
    str name;
    while (str_split(&names, ' ', &name)) {
        unsigned slot = 0;
        while (slot < sets->slot_count && !str_equal(sets->slots[slot], name))
            slot++;
        if (slot < sets->slot_count)
            mask |= (purpose_mask)1 << slot;
        else
            *ret_exact = false;
    }
    return mask;
}

static uint32_t exact_slot(const struct purpose_sets *sets, purpose_mask mask)
{
    uint64_t hash = mask * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t slot = (uint32_t)(hash >> 32) & (sets->exact_slots - 1);
    while (sets->exact[slot] && entry_at(sets, sets->exact[slot])->mask != mask)
        slot = (slot + 1) & (sets->exact_slots - 1);
    return slot;
}

static void exact_put(struct purpose_sets *sets, uint32_t id)
{
    ASSERT((sets->exact != NULL) == (sets->exact_slots != 0));
    if ((sets->exact_count + 1) * 2 > sets->exact_slots) {
        uint32_t *old = sets->exact, old_slots = sets->exact_slots;
        sets->exact_slots = old_slots ? old_slots * 2 : 64;
        sets->exact = calloc(sets->exact_slots, sizeof *sets->exact);
        ASSERT(sets->exact);
        for (uint32_t i = 0; i < old_slots; i++)
            if (old[i])
                sets->exact[exact_slot(sets, entry_at(sets, old[i])->mask)] = old[i];
        free(old);
    }
    uint32_t slot = exact_slot(sets, entry_at(sets, id)->mask);
    sets->exact_count += sets->exact[slot] == 0;
    sets->exact[slot] = id;
}

static void exact_rebuild(struct purpose_sets *sets)
{
    if (sets->exact)
        memset(sets->exact, 0, sets->exact_slots * sizeof *sets->exact);
    sets->exact_count = 0;
    for (uint32_t id = 1; id <= sets->count; id++) {
        struct entry *entry = entry_at(sets, id);
        bool exact;
        entry->mask = entry->names.length ? mask_of(sets, entry->names, &exact) : 0;
        if (entry->names.length && exact)
            exact_put(sets, id);
    }
}

static void entry_set(struct purpose_sets *sets, uint32_t id, str names)
{
    uint32_t place = id - 1 + CHUNK_FIRST;
    unsigned chunk = 31u - (unsigned)__builtin_clz(place) - 6;
    ASSERT(chunk < CHUNKS);
    if (!sets->chunks[chunk]) {
        sets->chunks[chunk] = calloc((size_t)CHUNK_FIRST << chunk, sizeof *sets->chunks[chunk]);
        ASSERT(sets->chunks[chunk]);
    }
    struct entry *entry = &sets->chunks[chunk][place - ((uint32_t)CHUNK_FIRST << chunk)];
    bool exact, replaced = entry->names.length && !str_equal(entry->names, names);
    entry->names = str_copy(&sets->arena, names);
    entry->mask = mask_of(sets, names, &exact);
    if (id > sets->count)
        sets->count = id;
    if (replaced) /* was made up for a save that never was; the store gave the number to another */
        exact_rebuild(sets);
    else if (exact)
        exact_put(sets, id);
}

void purpose_sets_add(struct purpose_sets *sets, uint32_t id, str names)
{
    pthread_mutex_lock(&sets->lock);
    ASSERT(id > 0 && names.length > 0 && id <= sets->count + 1);
    entry_set(sets, id, names);
    if (id == sets->stored + 1)
        sets->stored = id;
    pthread_mutex_unlock(&sets->lock);
}

void purpose_sets_bind(struct purpose_sets *sets, const str *names, unsigned count)
{
    ASSERT(count <= 64);
    pthread_mutex_lock(&sets->lock);
    arena_clear(&sets->bound);
    str *slots = arena_array(&sets->bound, str, count);
    for (unsigned i = 0; i < count; i++)
        slots[i] = str_copy(&sets->bound, names[i]);
    sets->slots = slots;
    sets->slot_count = count;
    exact_rebuild(sets);
    pthread_mutex_unlock(&sets->lock);
}

void purpose_sets_bind_numbers(struct purpose_sets *sets) { sets->numbers = true; }

purpose_mask purpose_sets_mask(struct purpose_sets *sets, uint32_t id)
{
    if (sets->numbers)
        return id;
    return id > 0 && id <= sets->count ? entry_at(sets, id)->mask : 0;
}

purpose_mask purpose_sets_name_mask(struct purpose_sets *sets, str name)
{
    bool exact;
    pthread_mutex_lock(&sets->lock);
    purpose_mask mask = name.length ? mask_of(sets, name, &exact) : 0;
    pthread_mutex_unlock(&sets->lock);
    return mask;
}

static int name_order(const void *a, const void *b)
{
    return str_compare(*(const str *)a, *(const str *)b);
}

static str names_join(struct arena *arena, str *names, size_t count)
{
    struct buf text;
    qsort(names, count, sizeof *names, name_order);
    buf_init(&text, arena, 64 * 1024);
    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add_char(&text, ' ');
        buf_add(&text, names[i]);
    }
    return buf_str(&text);
}

static str names_of(struct purpose_sets *sets, struct arena *arena, purpose_mask mask)
{
    str names[64];
    size_t count = 0;
    for (unsigned slot = 0; slot < sets->slot_count; slot++)
        if (mask >> slot & 1)
            names[count++] = sets->slots[slot];
    return names_join(arena, names, count);
}

str purpose_sets_names(struct purpose_sets *sets, struct arena *arena, const uint32_t *ids, size_t count)
{
    str names[64], name, found = STR_NONE;
    size_t name_count = 0;
    pthread_mutex_lock(&sets->lock); /* a set that was never saved may be getting other names just now */
    for (size_t i = 0; i < count; i++) {
        str rest = ids[i] > 0 && ids[i] <= sets->count ? entry_at(sets, ids[i])->names : STR_NONE;
        found = count == 1 ? str_copy(arena, rest) : STR_NONE;
        while (count > 1 && str_split(&rest, ' ', &name)) {
            bool known = false;
            for (size_t k = 0; k < name_count && !known; k++)
                known = str_equal(names[k], name);
            if (!known && name_count < 64)
                names[name_count++] = str_copy(arena, name);
        }
    }
    pthread_mutex_unlock(&sets->lock);
    return count > 1 ? names_join(arena, names, name_count) : found;
}

uint32_t purpose_sets_id(struct purpose_sets *sets, purpose_mask mask)
{
    if (mask == 0 || sets->numbers)
        return (uint32_t)mask;
    pthread_mutex_lock(&sets->lock);
    ASSERT(sets->slot_count == 64 || mask >> sets->slot_count == 0);
    uint32_t id = sets->exact ? sets->exact[exact_slot(sets, mask)] : 0;
    if (!id) {
        id = sets->count + 1;
        entry_set(sets, id, names_of(sets, &sets->arena, mask));
    }
    pthread_mutex_unlock(&sets->lock);
    return id;
}

bool purpose_sets_unsaved(struct purpose_sets *sets, uint32_t *position, uint32_t *ret_id, str *ret_names)
{
    uint32_t id = (*position > sets->stored ? *position : sets->stored) + 1;
    if (id > sets->count)
        return false;
    *position = *ret_id = id;
    *ret_names = entry_at(sets, id)->names;
    return true;
}

void purpose_sets_saved(struct purpose_sets *sets)
{
    pthread_mutex_lock(&sets->lock);
    sets->stored = sets->count;
    pthread_mutex_unlock(&sets->lock);
}

uint32_t purpose_sets_stored(const struct purpose_sets *sets)
{
    return sets->stored;
}

bool purpose_sets_next(struct purpose_sets *sets, uint32_t *position, uint32_t *ret_id, str *ret_names)
{
    if (*position >= sets->count)
        return false;
    *ret_id = ++*position;
    pthread_mutex_lock(&sets->lock); /* a set that was never saved may be getting other names just now */
    *ret_names = entry_at(sets, *ret_id)->names;
    pthread_mutex_unlock(&sets->lock);
    return true;
}
