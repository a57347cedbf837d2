/* Who is known by which identifier, within the batch: an open-addressed table. The hashes are keyed already, so their own bits place them. */
#include "core/core_private.h"

static size_t hash_place(const identifier_hash *hash, size_t capacity)
{
    uint64_t bits;
    memcpy(&bits, hash->bytes, sizeof bits);
    return (size_t)bits & (capacity - 1);
}

static struct index_slot *slot_for(const struct apply *apply, const identifier_hash *hash)
{
    for (size_t place = hash_place(hash, apply->index_capacity);; place = (place + 1) & (apply->index_capacity - 1)) {
        struct index_slot *slot = &apply->index[place];
        if (!slot->known || memcmp(slot->hash.bytes, hash->bytes, sizeof hash->bytes) == 0)
            return slot;
    }
}

static void index_grow(struct apply *apply)
{
    struct index_slot *old = apply->index;
    size_t old_capacity = apply->index_capacity;
    apply->index_capacity = old_capacity ? old_capacity * 2 : 64;
    apply->index = arena_array(apply->arena, struct index_slot, apply->index_capacity);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].known)
            *slot_for(apply, &old[i].hash) = old[i];
}

struct known *index_find(const struct apply *apply, const identifier_hash *hash)
{
    struct known *known = slot_for(apply, hash)->known;
    return known && known->person ? known : NULL;
}

void index_add(struct apply *apply, struct person *person, uint32_t position)
{
    if ((apply->index_count + 1) * 2 > apply->index_capacity)
        index_grow(apply);
    const identifier_hash *hash = &person->identifiers.items[position].hash;
    struct index_slot *slot = slot_for(apply, hash);
    if (!slot->known) {
        slot->hash = *hash;
        slot->known = arena_new(apply->arena, struct known);
        apply->index_count++;
    }
    *slot->known = (struct known){person, position};
}

void index_person(struct apply *apply, struct person *person)
{
    for (uint32_t i = 0; i < person->identifiers.count; i++)
        if (!row_dead(&person->identifiers.items[i]))
            index_add(apply, person, i);
}

void index_build(struct apply *apply)
{
    size_t count = 0;
    vec_each (person, &apply->batch->persons)
        count += (*person)->identifiers.count;
    apply->index_capacity = 64;
    while (apply->index_capacity < 4 * count)
        apply->index_capacity *= 2;
    apply->index = arena_array(apply->arena, struct index_slot, apply->index_capacity);
    vec_each (person, &apply->batch->persons)
        if (!(*person)->merged_into)
            index_person(apply, *person);
}

void index_forget(struct apply *apply, const struct person *person)
{
    vec_each (identifier, &person->identifiers) {
        struct known *known = slot_for(apply, &identifier->hash)->known;
        if (row_dead(identifier) && known && known->person == person && known_identifier(known) == identifier)
            known->person = NULL;
    }
}
