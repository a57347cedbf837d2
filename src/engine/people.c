#include "engine/people.h"

#include "engine/people_walk.h"

#include <stdlib.h>

#define SLICE_US 900000

struct people_entry { /* of a root profile; all zero: nobody */
    purpose_mask holds, refused, withdrawn; /* of the last two: those that do not hold because the person said so */
    int64_t until_ms; /* looked at again from here on */
    identifier_hash hash;
};
struct people {
    pthread_mutex_t lock;
    uint32_t policy_version;
    struct people_walk walk;
    struct people_entry *entries; /* by profile number */
    size_t room;
};

static struct people *people_of(struct engine *engine)
{
    struct people *people = atomic_load(&engine->people);
    if (people)
        return people;
    struct people *made = calloc(1, sizeof(*made));
    ASSERT(made);
    pthread_mutex_init(&made->lock, NULL);
    if (atomic_compare_exchange_strong(&engine->people, &people, made))
        return made;
    pthread_mutex_destroy(&made->lock);
    free(made);
    return people;
}

void people_free(struct people *people)
{
    if (!people)
        return;
    free(people->entries);
    pthread_mutex_destroy(&people->lock);
    free(people);
}

static struct people_entry *entry_at(struct people *people, uint64_t number)
{
    if (number >= people->room) {
        size_t room = people->room ? people->room : 4096;
        while (room <= number)
            room *= 2;
        people->entries = realloc(people->entries, room * sizeof(struct people_entry));
        ASSERT(people->entries);
        memset(people->entries + people->room, 0, (room - people->room) * sizeof(struct people_entry));
        people->room = room;
    }
    return &people->entries[number];
}

struct looking {
    struct people *people;
    struct reader *reader;
    const struct policy *policy;
};

static void person_take(struct looking *looking, struct arena *arena, struct person *person)
{
    const struct standing *standing = gate_standing(arena, looking->policy, person, STR_NONE, clock_now_ms());
    vec_each (profile, &person->profiles)
        *entry_at(looking->people, profile->number.value) = (struct people_entry){0};
    if (standing->erased)
        return;
    struct people_entry entry = {.holds = standing->holds, .until_ms = standing->valid_until_ms};
    vec_each (purpose, &looking->policy->purposes) {
        const struct consent *record = standing->purposes[purpose->slot].record, *objection = standing->purposes[purpose->slot].objection;
        if (entry.holds & purpose->self || (!record && !objection))
            continue;
        if (!objection && record->status == CONSENT_REFUSED)
            entry.refused |= purpose->self;
        else
            entry.withdrawn |= purpose->self;
    }
    if (person->identifiers.count)
        entry.hash = person->identifiers.items[0].hash;
    *entry_at(looking->people, person->root.value) = entry;
}

static const struct err *look(void *context, const profile_no *numbers, size_t count)
{
    struct looking *looking = context;
    struct arena arena;
    struct person **persons;
    arena_init(&arena);
    const struct err *error = load_persons(looking->reader->engine, looking->reader->session, &arena, looking->policy, numbers, count, PERSON_HEAD, &persons);
    for (size_t i = 0; !error && i < count; i++) {
        if (persons[i])
            person_take(looking, &arena, persons[i]);
        else
            *entry_at(looking->people, numbers[i].value) = (struct people_entry){0};
    }
    const struct err *kept = error ? err_new(&looking->reader->arena, error->code, "%s", error->text) : NULL; /* it lay in the arena that ends here */
    arena_release(&arena);
    return kept;
}

/* Another policy begins the table anew. */
static void people_begin(struct people *people, const struct engine *engine, const struct policy *policy)
{
    if (people->policy_version != policy->version) {
        free(people->entries);
        people->entries = NULL;
        people->room = 0;
        people->policy_version = policy->version;
        people->walk = people_walk_begin(engine);
    }
}

/* Fills the page from what was looked at; the walk goes on where it is too short. */
static const struct err *page_fill(struct looking *looking, struct arena *arena, purpose_mask wanted, uint64_t after, size_t max, struct people_found *found,
                                   size_t *ret_count, uint64_t *ret_next)
{
    struct people *people = looking->people;
    int64_t now_ms = clock_now_ms(), until_us = clock_monotonic_us() + SLICE_US;
    bool followed;
    size_t count = 0;
    uint64_t at = after + 1;
    TRY(people_walk_follow(&people->walk, looking->reader, arena, until_us, look, looking, &followed));
    for (;;) {
        uint64_t known = people->walk.walked ? people->room : people->walk.next;
        for (; at < known && at < people->room && count < max; at++)
            if ((people->entries[at].holds & wanted) || (people->entries[at].until_ms && people->entries[at].until_ms <= now_ms))
                found[count++] = (struct people_found){{at}, people->entries[at].hash};
        if (count == max || people->walk.walked || clock_monotonic_us() >= until_us)
            break;
        TRY(people_walk_to(&people->walk, looking->reader, arena, people->walk.next, until_us, look, looking));
    }
    *ret_count = count;
    *ret_next = count == max || !people->walk.walked || !followed ? at - 1 : 0;
    return NULL;
}

const struct err *engine_people(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy *policy, const struct purpose *purpose,
                                uint64_t after, size_t max, struct people_found **ret_found, size_t *ret_count, uint64_t *ret_next)
{
    struct looking looking = {.people = people_of(engine), .reader = reader, .policy = policy};
    struct people *people = looking.people;
    struct people_found *found = arena_array(arena, struct people_found, max);
    pthread_mutex_lock(&people->lock);
    people_begin(people, engine, policy);
    const struct err *error = page_fill(&looking, arena, purpose->self, after, max, found, ret_count, ret_next);
    pthread_mutex_unlock(&people->lock);
    *ret_found = found;
    return error;
}

/* Those whose standing time alone has changed. */
static const struct err *overdue_look(struct looking *looking, int64_t until_us)
{
    struct people *people = looking->people;
    int64_t now_ms = clock_now_ms();
    for (uint64_t at = 1; at < people->room && clock_monotonic_us() < until_us;) {
        profile_no numbers[PEOPLE_STEP];
        size_t count = 0;
        for (; at < people->room && count < PEOPLE_STEP; at++)
            if (people->entries[at].until_ms && people->entries[at].until_ms <= now_ms)
                numbers[count++].value = at;
        if (count)
            TRY(look(looking, numbers, count));
    }
    return NULL;
}

static void slots_count(purpose_mask mask, uint64_t counts[LIMIT_PURPOSES])
{
    for (; mask; mask &= mask - 1)
        counts[__builtin_ctzll(mask)]++;
}

static void standing_count(const struct people *people, struct people_standing *ret_standing)
{
    for (uint64_t at = 1; at < people->room; at++) {
        const struct people_entry *entry = &people->entries[at];
        if (!entry->until_ms)
            continue;
        ret_standing->people++;
        slots_count(entry->holds, ret_standing->holds);
        slots_count(entry->refused, ret_standing->refused);
        slots_count(entry->withdrawn, ret_standing->withdrawn);
    }
}

const struct err *engine_people_standing(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy *policy,
                                         struct people_standing *ret_standing)
{
    struct looking looking = {.people = people_of(engine), .reader = reader, .policy = policy};
    struct people *people = looking.people;
    int64_t until_us = clock_monotonic_us() + SLICE_US;
    bool followed = false;
    *ret_standing = (struct people_standing){0};
    pthread_mutex_lock(&people->lock);
    people_begin(people, engine, policy);
    const struct err *error = people_walk_follow(&people->walk, reader, arena, until_us, look, &looking, &followed);
    if (!error)
        error = people_walk_to(&people->walk, reader, arena, UINT64_MAX, until_us, look, &looking);
    if (!error)
        error = overdue_look(&looking, until_us);
    ret_standing->complete = people->walk.walked && followed;
    standing_count(people, ret_standing);
    pthread_mutex_unlock(&people->lock);
    return error;
}

const struct err *engine_people_load(struct reader *reader, struct arena *arena, const struct policy *policy, const profile_no *numbers, size_t count,
                                     unsigned parts, struct person ***ret_persons)
{
    if (!read_log_ready(reader->engine))
        return err_new(arena, ERR_UNAVAILABLE, "reads cannot be recorded at the moment, so none is made");
    return load_persons(reader->engine, reader->session, arena, policy, numbers, count, parts, ret_persons);
}
