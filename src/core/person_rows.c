/* Making and marking the rows of persons, and what else a change leaves behind: leaves, keys to end. */
#include "core/core_private.h"

struct person *person_latest(struct person *person)
{
    while (person && person->merged_into)
        person = person->merged_into;
    return person;
}

struct person *person_make(struct apply *apply, str jurisdiction)
{
    struct batch *batch = apply->batch;
    struct person *person = arena_new(apply->arena, struct person);
    person->loaded = PERSON_ALL; /* nothing of it lies in the store */
    person->root = (profile_no){batch->profile_next++};
    *(struct profile *)vec_push(apply->arena, &person->profiles) = (struct profile){
        .change = CHANGE_NEW, .number = person->root, .id = id_next(batch->ids, apply->now_ms), .root = person->root,
        .created_ms = apply->now_ms, .erased_ms = TIME_NONE, .due_ms = TIME_FOREVER, .identifier_next = 1, .jurisdiction = jurisdiction};
    *(struct person **)vec_push(apply->arena, &batch->persons) = person;
    return person;
}

struct known *person_attach(struct apply *apply, struct person *person, profile_no number, const struct message_identifier *id,
                            bool verified, purpose_mask purposes, struct uuid message)
{
    struct profile *profile = person_profile(person, number);
    ASSERT(profile && !row_dead(profile));
    row_touch(profile);
    if (!profile->identifier_next)
        profile->identifier_next = 1;
    uint32_t position = (uint32_t)person->identifiers.count;
    *(struct identifier *)vec_push(apply->arena, &person->identifiers) = (struct identifier){
        .change = CHANGE_NEW, .profile = number, .number = profile->identifier_next++, .type = id->key->name, .hash = id->hash,
        .value = purposes ? id->value : STR_NONE, .purposes = purposes, .verified = verified, .first_seen_ms = apply->day_ms,
        .last_seen_ms = apply->day_ms, .message = message};
    gate_standing_reset(person); /* it is a sign of life */
    index_add(apply, person, position);
    return index_find(apply, &id->hash);
}

bool person_require(struct apply *apply, struct person *person, unsigned parts)
{
    if ((person->loaded & parts) == parts)
        return true;
    vec_each (other, &apply->batch->persons) /* the store loads groups as they were before this batch */
        if (person_latest(*other) == person)
            (*other)->needed |= parts;
    person->needed |= parts;
    apply->batch->more_needed = true;
    return false;
}

struct profile *person_root(const struct person *person)
{
    struct profile *root = person_profile(person, person->root);
    ASSERT(root);
    return root;
}

str person_jurisdiction(const struct person *person)
{
    vec_each (profile, &person->profiles)
        if (!row_dead(profile) && !str_empty(profile->jurisdiction))
            return profile->jurisdiction;
    return STR_NONE;
}

bool person_erased(const struct person *person)
{
    vec_each (profile, &person->profiles)
        if (profile->erased_ms != TIME_NONE && profile->erased_ms != 0)
            return true;
    return false;
}

void person_due(struct person *person, int64_t due_ms)
{
    struct profile *root = person_root(person);
    if (due_ms < root->due_ms) {
        root->due_ms = due_ms;
        row_touch(root);
    }
}

bool person_overdue(const struct person *person, int64_t now_ms)
{
    vec_each (profile, &person->profiles)
        if (!row_dead(profile) && profile->due_ms <= now_ms)
            return true;
    return false;
}

int64_t person_last_seen(const struct person *person)
{
    int64_t last_ms = TIME_NONE;
    vec_each (identifier, &person->identifiers)
        if (!row_dead(identifier) && identifier->last_seen_ms > last_ms)
            last_ms = identifier->last_seen_ms;
    vec_each (record, &person->consents) /* what a person says is a sign of life; what the sweeper writes is not */
        if (!row_dead(record) && record->by != SAID_BY_SYSTEM && record->known_ms > last_ms)
            last_ms = record->known_ms - record->known_ms % DAY_MS;
    return last_ms;
}

struct leaf *leaf_push(struct apply *apply, const char *kind, profile_no profile, int64_t at_ms, str record)
{
    struct leaf *leaf = vec_push(apply->arena, &apply->batch->leaves);
    *leaf = (struct leaf){.kind = kind, .record = record, .profile = profile, .at_ms = at_ms};
    return leaf;
}

void key_end_push(struct apply *apply, profile_no profile, unsigned class_mask, bool renew)
{
    vec_each (end, &apply->batch->key_ends)
        if (profile_no_equal(end->profile, profile) && end->renew == renew) {
            end->class_mask |= (uint8_t)class_mask;
            return;
        }
    *(struct key_end *)vec_push(apply->arena, &apply->batch->key_ends) =
        (struct key_end){.profile = profile, .class_mask = (uint8_t)class_mask, .renew = renew};
}
