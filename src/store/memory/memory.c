/* The store in memory: opening, sessions, loading. For the simulator and for tests of what lies above. */
#include "store/memory/memory_private.h"

#include "base/map.h"
#include "store/order.h"

#include <stdlib.h>

/* --- identifiers by hash */

static size_t hash_place(const struct store_memory *store, const identifier_hash *hash)
{
    uint64_t start;
    memcpy(&start, hash->bytes, sizeof start);
    size_t place = (size_t)(start * UINT64_C(0x9E3779B97F4A7C15) >> 20) & (store->hash_slots - 1);
    while (store->hashes[place].profile && memcmp(&store->hashes[place].hash, hash, sizeof *hash) != 0)
        place = (place + 1) & (store->hash_slots - 1);
    return place;
}

uint64_t memory_hash_get(const struct store_memory *store, const identifier_hash *hash)
{
    if (!store->hash_slots)
        return 0;
    uint64_t profile = store->hashes[hash_place(store, hash)].profile;
    return profile == UINT64_MAX ? 0 : profile;
}

void memory_hash_set(struct store_memory *store, const identifier_hash *hash, uint64_t profile)
{
    if ((store->hash_used + 1) * 2 > store->hash_slots) {
        struct hash_slot *old = store->hashes;
        size_t old_slots = store->hash_slots;
        store->hash_slots = old_slots ? old_slots * 2 : 64;
        store->hashes = calloc(store->hash_slots, sizeof *store->hashes);
        ASSERT(store->hashes);
        store->hash_used = 0;
        for (size_t i = 0; i < old_slots; i++)
            if (old[i].profile && old[i].profile != UINT64_MAX)
                memory_hash_set(store, &old[i].hash, old[i].profile);
        free(old);
    }
    struct hash_slot *slot = &store->hashes[hash_place(store, hash)];
    if (!slot->profile && !profile)
        return;
    store->hash_used += slot->profile == 0;
    slot->hash = *hash;
    slot->profile = profile ? profile : UINT64_MAX;
}

struct memory_profile *memory_profile(const struct store_memory *store, profile_no number)
{
    struct memory_profile *profile = row_list_get(&store->profiles, number.value);
    return profile && profile->row ? profile : NULL;
}

void memory_sets_sync(struct store_memory *store, struct purpose_sets *sets)
{
    for (uint32_t stored = purpose_sets_stored(sets); stored < store->sets.count; stored++)
        purpose_sets_add(sets, stored + 1, store->sets.items[stored]);
}

/* --- loading */

typedef VEC(profile_no) profile_queue;

static void queue_add(struct arena *arena, profile_queue *queue, profile_no profile)
{
    vec_each (known, queue)
        if (profile_no_equal(*known, profile))
            return;
    *(profile_no *)vec_push(arena, queue) = profile;
}

/* Copies a list of stored rows to a vec of the person. */
#define LOAD_ROWS(list, type, vec)                                                                                     \
    for (size_t i_ = 0; i_ < (list).count; i_++)                                                                       \
    row_load(&(type), arena, (list).items[i_], vec_push(arena, (vec)))

static void profile_load(struct load *load, const struct memory_profile *profile, struct person *person, profile_queue *queue)
{
    struct arena *arena = load->arena;
    row_load(&type_profile, arena, profile->row, vec_push(arena, &person->profiles));
    queue_add(arena, queue, profile->row->root);
    for (size_t i = 0; i < profile->identifiers.count; i++) {
        struct identifier *row = vec_push(arena, &person->identifiers);
        row_load(&type_identifier, arena, profile->identifiers.items[i], row);
        row->purposes = purpose_sets_mask(load->sets, (uint32_t)row->purposes);
    }
    LOAD_ROWS(profile->consents, type_consent, &person->consents);
    LOAD_ROWS(profile->merges, type_merge, &person->merges);
    LOAD_ROWS(profile->preferences, type_preferences, &person->preferences);
    LOAD_ROWS(profile->refused, type_refused, &person->refused);
    for (size_t i = 0; i < profile->merges.count; i++) {
        const struct merge *merge = profile->merges.items[i];
        if (merge->undone_ms == TIME_NONE)
            queue_add(arena, queue, merge->right);
    }
    for (size_t i = 0; i < profile->merge_ends.count; i++)
        queue_add(arena, queue, (profile_no){profile->merge_ends.items[i]});
    for (size_t i = 0; load->parts & PERSON_FACTS && i < profile->fact_pages.count; i++) {
        struct fact_page *row = vec_push(arena, &person->fact_pages);
        row_load(&type_fact_page, arena, profile->fact_pages.items[i], row);
        row->purposes = purpose_sets_mask(load->sets, (uint32_t)row->purposes);
    }
}

static void parts_load(const struct store_memory *store, struct load *load, const struct memory_profile *profile, struct person *person)
{
    struct arena *arena = load->arena;
    if (load->parts & PERSON_HELD)
        LOAD_ROWS(profile->held, type_held, &person->held);
    if (load->parts & PERSON_OUTBOX)
        LOAD_ROWS(profile->disclosures, type_disclosure, &person->disclosures);
    for (size_t i = 0; load->parts & PERSON_OUTBOX && i < profile->deliveries.count; i++) {
        const struct delivery *row = store->outbox.items[profile->deliveries.items[i]];
        if (row->state == DELIVERY_PENDING || row->kind == DELIVERY_RECALL)
            row_load(&type_delivery, arena, row, vec_push(arena, &person->deliveries));
    }
    size_t taken = 0;
    for (size_t i = profile->events.count; load->parts & PERSON_EVENTS && i-- > 0 && (!load->events_max || taken < load->events_max);) {
        const struct event *row = store->events.items[profile->events.items[i]];
        if (row->at_ms >= load->events_from_ms) {
            event_load(arena, load->sets, row, vec_push(arena, &person->events));
            taken++;
        }
    }
}

static struct person *person_load(const struct store_memory *store, struct load *load, struct map *known, profile_no number)
{
    struct arena *arena = load->arena;
    struct person *person = map_get(known, str_bytes(&number, sizeof number));
    profile_queue queue = {0};
    if (person || !memory_profile(store, number))
        return person;
    person = arena_new(arena, struct person);
    queue_add(arena, &queue, number);
    for (size_t i = 0; i < queue.count; i++) {
        const struct memory_profile *profile = memory_profile(store, queue.items[i]);
        if (profile)
            profile_load(load, profile, person, &queue);
    }
    qsort(queue.items, queue.count, sizeof *queue.items, profile_no_order);
    *person = (struct person){0}; /* again, in order of the profiles */
    for (size_t i = 0, count = queue.count; i < count; i++) {
        const struct memory_profile *profile = memory_profile(store, queue.items[i]);
        if (profile)
            profile_load(load, profile, person, &queue);
    }
    if (person->consents.count)
        qsort(person->consents.items, person->consents.count, sizeof *person->consents.items, known_order);
    ASSERT(person->profiles.count); /* its own at least */
    person->root = person->profiles.items[0].number;
    person->loaded = load->parts | PERSON_HEAD;
    vec_each (profile, &person->profiles) {
        parts_load(store, load, memory_profile(store, profile->number), person);
        map_set(known, str_copy(arena, str_bytes(&profile->number, sizeof profile->number)), person);
    }
    if (person->events.count)
        qsort(person->events.items, person->events.count, sizeof *person->events.items, load->events_max ? event_newer_first : event_older_first);
    if (load->events_max && person->events.count > load->events_max)
        person->events.count = load->events_max;
    *(struct person **)vec_push(arena, &load->persons) = person;
    return person;
}

const struct err *memory_load(struct store_session *session, struct load *load)
{
    struct store_memory *store = memory_of(session);
    struct map known;
    map_init(&known, load->arena);
    memory_sets_sync(store, load->sets);
    load->by_hash = arena_array(load->arena, struct person *, load->hash_count);
    load->by_profile = arena_array(load->arena, struct person *, load->profile_count);
    load->persons.items = NULL;
    load->persons.count = load->persons.capacity = 0;
    for (size_t i = 0; i < load->hash_count; i++)
        load->by_hash[i] = person_load(store, load, &known, (profile_no){memory_hash_get(store, &load->hashes[i])});
    for (size_t i = 0; i < load->profile_count; i++)
        load->by_profile[i] = person_load(store, load, &known, load->profiles[i]);
    return NULL;
}

/* --- opening */

static const struct err *memory_session(struct store *base, struct arena *arena, bool writes, struct store_session **ret_session)
{
    struct store_memory *store = (struct store_memory *)base;
    if (writes && store->writing)
        return err_new(arena, ERR_CONFLICT, "The store has a writing session already.");
    struct memory_session *session = calloc(1, sizeof *session);
    ASSERT(session);
    session->store = store;
    session->writes = writes;
    store->writing = store->writing || writes;
    *ret_session = (struct store_session *)session;
    return NULL;
}

static void memory_session_close(struct store_session *store_session)
{
    struct memory_session *session = (struct memory_session *)store_session;
    if (session && session->writes)
        session->store->writing = false;
    free(session);
}

static const struct err *memory_tidy(struct store_session *session, struct arena *arena, bool *ret_more)
{
    (void)session;
    (void)arena;
    *ret_more = false; /* there is nothing that could be put off */
    return NULL;
}

static const struct err *memory_backup(struct store_session *session, struct arena *arena, const char *directory,
                                       void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    (void)session, (void)progress, (void)context;
    return err_new(arena, ERR_CONFLICT, "A store in memory cannot be copied to %s.", directory);
}

static void profile_free(struct memory_profile *profile)
{
    if (!profile)
        return;
    struct row_list *rows[] = {&profile->identifiers, &profile->consents, &profile->merges, &profile->preferences, &profile->refused,
                               &profile->fact_pages, &profile->disclosures, &profile->held, &profile->decisions};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_list_release(rows[i]);
    free(profile->merge_ends.items);
    free(profile->events.items);
    free(profile->deliveries.items);
    free(profile->leaves.items);
    free(profile->row);
}

static void memory_close(struct store *base)
{
    struct store_memory *store = (struct store_memory *)base;
    if (!store)
        return;
    for (size_t i = 0; i < store->profiles.count; i++)
        profile_free(store->profiles.items[i]);
    for (size_t i = 0; i < store->events.count; i++) {
        event_free(store->events.items[i]);
        store->events.items[i] = NULL;
    }
    for (struct memory_setting *setting = store->settings; setting; setting = setting->next)
        free((void *)setting->value.data);
    struct row_list *lists[] = {&store->profiles, &store->events, &store->outbox, &store->batches, &store->ledger,
                                &store->reads, &store->tokens, &store->users, &store->sessions, &store->policies, &store->counters, &store->rights};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        row_list_release(lists[i]);
    free(store->hashes);
    arena_release(&store->arena);
    free(store);
}

static struct store_ops memory_ops(void)
{
    struct store_ops ops = memory_reads_ops;
    ops.name = "memory";
    ops.session = memory_session;
    ops.session_close = memory_session_close;
    ops.load = memory_load;
    ops.save = memory_save;
    ops.tidy = memory_tidy;
    ops.backup = memory_backup;
    ops.close = memory_close;
    return ops;
}

const struct err *store_memory_open(struct arena *arena, struct store **ret_store)
{
    (void)arena;
    struct { struct store_memory store; struct store_ops ops; } *both = calloc(1, sizeof *both); /* ops live as long as the store */
    ASSERT(both);
    both->ops = memory_ops();
    both->store.base.ops = &both->ops;
    arena_init(&both->store.arena);
    both->store.profile_next = both->store.event_next = both->store.outbox_next = both->store.held_next = both->store.batch_next = 1;
    *ret_store = &both->store.base;
    return NULL;
}
