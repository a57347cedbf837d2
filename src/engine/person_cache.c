/* Heads of people in memory; the contract is in person_cache.h.
 *
 * An entry is one block: header, the identifiers' hashes, then profiles, identifiers, consents, merges and refused joins as rows of numbers, squeezed. Names become
 * numbers of a table that lives as long as the process (they come from policies, so there are few). Entries are found by any of their identifiers' hashes
 * (open addressing).
 */
#include "engine/person_cache.h"

#include "base/limits.h"
#include "engine/foreign.h"
#include "base/map.h"
#include "base/vec.h"
#include "engine/squeeze.h"
#include "model/signal_kind.h"

#include <pthread.h>
#include <stdlib.h>

const char value_unopened[] = "?";

#define NAMES_MAX UINT16_MAX
#define ROWS_MAX 200 /* of each kind; larger people are read from the store */

struct packed_profile {
    uint64_t number, root, version;
    int64_t created_ms, erased_ms, due_ms;
    uint8_t id[16];
    uint32_t identifier_next;
    uint16_t jurisdiction;
    int16_t birth_year;
};
struct packed_identifier { /* without the message that brought it: only who rewrites the row needs that, and loads it */
    uint64_t purposes;
    int32_t first_seen_day, last_seen_day;
    uint32_t number;
    uint16_t type;
    uint8_t profile; /* place in the entry */
    uint8_t flags;
};
enum { FLAG_VERIFIED = 1, FLAG_VALUE = 2, FLAG_EXPLICIT = 4 };
struct packed_consent {
    uint8_t id[16];
    int64_t at_ms, known_ms, expires_ms;
    uint64_t ledger_index;
    uint32_t identifier, notice_version;
    uint16_t purpose, notice, source;
    uint8_t profile, status, by, flags;
    uint16_t vendor; /* of a word about a vendor of the TCF: its id */
    uint8_t method; /* signal_methods: which kind of signal said it; by this a signal knows its own word again. 0: another, not kept here */
};
struct packed_merge {
    uint8_t id[16], through_left[16], through_right[16];
    uint64_t left, right;
    int64_t at_ms, undone_ms;
    uint16_t reason, source;
};

struct packed_refused {
    uint64_t left, right, count;
    int64_t first_ms, last_ms;
    uint16_t type, reason;
};

struct entry {
    uint32_t size, place; /* place: in cache->entries, as long as it lives */
    uint64_t root, batch; /* batch: the newest when it was read; counts in shared stores only */
    uint32_t round; /* in which `person` was made */
    bool used, no_held, texts_unopened;
    uint8_t profile_count, identifier_count, consent_count, merge_count, refused_count;
    struct person *person;
    uint8_t hashes[][16]; /* of the identifiers; the squeezed rows follow */
};

/* The rows of one entry as they are before they are squeezed. */
struct rows {
    struct packed_profile *profiles;
    struct packed_identifier *identifiers;
    struct packed_consent *consents;
    struct packed_merge *merges;
    struct packed_refused *refused;
    size_t size;
};
struct slot {
    uint32_t tag; /* first bytes of the hash: they also say where the slot belongs */
    uint32_t entry; /* its place + 1; 0: free */
};
struct person_cache {
    pthread_mutex_t lock; /* over everything; held for less than a microsecond */
    const struct policy *policy;
    struct arena names_arena, *round_arena;
    struct map name_numbers; /* text → number + 1 */
    VEC(str) names;
    struct slot *slots; /* a power of two */
    size_t slot_count, slots_used;
    struct entry **entries; /* NULL where one was taken out */
    uint32_t *places_free; /* such places */
    size_t places_free_count, place_count, place_capacity, entry_count, hand;
    size_t bytes;
    uint8_t *scratch, *squeezed; /* room for the rows of the largest entry, as they are and squeezed */
    uint32_t round;
    const struct foreign *foreign; /* NULL: the store is not shared */
    uint64_t batch;
};

#define SCRATCH_SIZE \
    (ROWS_MAX * (sizeof(struct packed_profile) + sizeof(struct packed_identifier) + sizeof(struct packed_consent) + sizeof(struct packed_merge) + \
                 sizeof(struct packed_refused)))
#define WHOLE_WORDS(type) _Static_assert(sizeof(struct type) % 8 == 0, "rows are squeezed by eights")
WHOLE_WORDS(packed_profile);
WHOLE_WORDS(packed_identifier);
WHOLE_WORDS(packed_consent);
WHOLE_WORDS(packed_merge);
WHOLE_WORDS(packed_refused);

struct person_cache *person_cache_new(void)
{
    struct person_cache *cache = calloc(1, sizeof *cache);
    ASSERT(cache);
    cache->scratch = malloc(SCRATCH_SIZE);
    cache->squeezed = malloc(squeeze_max(SCRATCH_SIZE) + 1);
    ASSERT(cache->scratch && cache->squeezed);
    pthread_mutex_init(&cache->lock, NULL);
    map_init(&cache->name_numbers, &cache->names_arena);
    return cache;
}

void person_cache_clear(struct person_cache *cache, const struct policy *policy)
{
    pthread_mutex_lock(&cache->lock);
    cache->policy = policy;
    for (size_t i = 0; i < cache->place_count; i++)
        free(cache->entries[i]);
    cache->entry_count = cache->place_count = cache->places_free_count = cache->hand = cache->bytes = cache->slots_used = 0;
    if (cache->slots)
        memset(cache->slots, 0, cache->slot_count * sizeof *cache->slots);
    pthread_mutex_unlock(&cache->lock);
}

void person_cache_free(struct person_cache *cache)
{
    if (!cache)
        return;
    person_cache_clear(cache, NULL);
    pthread_mutex_destroy(&cache->lock);
    free(cache->entries);
    free(cache->places_free);
    free(cache->slots);
    free(cache->scratch);
    free(cache->squeezed);
    arena_release(&cache->names_arena);
    free(cache);
}

void person_cache_share(struct person_cache *cache, const struct foreign *foreign)
{
    pthread_mutex_lock(&cache->lock);
    cache->foreign = foreign;
    pthread_mutex_unlock(&cache->lock);
}

void person_cache_at(struct person_cache *cache, uint64_t batch)
{
    pthread_mutex_lock(&cache->lock);
    cache->batch = batch;
    pthread_mutex_unlock(&cache->lock);
}

size_t person_cache_count(struct person_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    size_t count = cache->entry_count;
    pthread_mutex_unlock(&cache->lock);
    return count;
}

bool person_cache_full(struct person_cache *cache)
{
    pthread_mutex_lock(&cache->lock);
    bool full = cache->bytes > LIMIT_PERSON_CACHE_BYTES / 16 * 15;
    pthread_mutex_unlock(&cache->lock);
    return full;
}

/* ---- names ---- */

static bool name_number(struct person_cache *cache, str name, uint16_t *ret_number)
{
    uintptr_t number = (uintptr_t)map_get(&cache->name_numbers, name);
    if (!number) {
        if (cache->names.count == NAMES_MAX || name.length > LIMIT_NAME_BYTES)
            return false;
        str own = str_copy(&cache->names_arena, name);
        *(str *)vec_push(&cache->names_arena, &cache->names) = own;
        number = cache->names.count;
        map_set(&cache->name_numbers, own, (void *)number);
    }
    *ret_number = (uint16_t)(number - 1);
    return true;
}

/* ---- finding ---- */

/* Where the rows of an entry with so many of them lie in the scratch. */
static struct rows rows_of(const struct person_cache *cache, const struct entry *entry)
{
    struct rows rows;
    rows.profiles = (void *)cache->scratch;
    rows.identifiers = (void *)(rows.profiles + entry->profile_count);
    rows.consents = (void *)(rows.identifiers + entry->identifier_count);
    rows.merges = (void *)(rows.consents + entry->consent_count);
    rows.refused = (void *)(rows.merges + entry->merge_count);
    rows.size = (size_t)((uint8_t *)(rows.refused + entry->refused_count) - cache->scratch);
    return rows;
}

static uint32_t tag_of(const uint8_t hash[16])
{
    uint32_t tag;
    memcpy(&tag, hash, sizeof tag);
    return tag;
}

static bool entry_has(const struct entry *entry, const uint8_t hash[16])
{
    for (unsigned i = 0; i < entry->identifier_count; i++)
        if (memcmp(entry->hashes[i], hash, 16) == 0)
            return true;
    return false;
}

static struct entry *entry_find(const struct person_cache *cache, const uint8_t hash[16])
{
    uint32_t tag = tag_of(hash);
    if (!cache->slots_used)
        return NULL;
    for (size_t i = tag & (cache->slot_count - 1); cache->slots[i].entry; i = (i + 1) & (cache->slot_count - 1)) {
        struct entry *entry = cache->slots[i].tag == tag ? cache->entries[cache->slots[i].entry - 1] : NULL;
        if (entry && entry_has(entry, hash))
            return entry;
    }
    return NULL;
}

static void slot_put(struct person_cache *cache, struct slot slot)
{
    size_t i = slot.tag & (cache->slot_count - 1);
    while (cache->slots[i].entry)
        i = (i + 1) & (cache->slot_count - 1);
    cache->slots[i] = slot;
    cache->slots_used++;
}

static void slots_grow(struct person_cache *cache)
{
    struct slot *old = cache->slots;
    size_t old_count = cache->slot_count;
    cache->slot_count = old_count ? old_count * 2 : 4096;
    cache->slots = calloc(cache->slot_count, sizeof *cache->slots);
    ASSERT(cache->slots);
    cache->slots_used = 0;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].entry)
            slot_put(cache, old[i]);
    free(old);
}

static void slot_remove(struct person_cache *cache, struct slot slot)
{
    size_t mask = cache->slot_count - 1, hole = slot.tag & mask;
    while (cache->slots[hole].entry && (cache->slots[hole].entry != slot.entry || cache->slots[hole].tag != slot.tag))
        hole = (hole + 1) & mask;
    ASSERT(cache->slots[hole].entry);
    cache->slots_used--;
    for (size_t next = (hole + 1) & mask; cache->slots[next].entry; next = (next + 1) & mask) {
        size_t home = cache->slots[next].tag & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            cache->slots[hole] = cache->slots[next];
            hole = next;
        }
    }
    cache->slots[hole].entry = 0;
}

static void entry_add(struct person_cache *cache, struct entry *entry)
{
    if (!cache->places_free_count && cache->place_count == cache->place_capacity) {
        cache->place_capacity = cache->place_capacity ? cache->place_capacity * 2 : 1024;
        cache->entries = realloc(cache->entries, cache->place_capacity * sizeof *cache->entries);
        cache->places_free = realloc(cache->places_free, cache->place_capacity * sizeof *cache->places_free);
        ASSERT(cache->entries && cache->places_free);
    }
    entry->place = cache->places_free_count ? cache->places_free[--cache->places_free_count] : (uint32_t)cache->place_count++;
    cache->entries[entry->place] = entry;
    cache->entry_count++;
    cache->bytes += entry->size;
    while ((cache->slots_used + entry->identifier_count) * 2 > cache->slot_count)
        slots_grow(cache);
    for (unsigned i = 0; i < entry->identifier_count; i++)
        slot_put(cache, (struct slot){tag_of(entry->hashes[i]), entry->place + 1});
}

static void entry_remove(struct person_cache *cache, struct entry *entry)
{
    for (unsigned i = 0; i < entry->identifier_count; i++)
        slot_remove(cache, (struct slot){tag_of(entry->hashes[i]), entry->place + 1});
    cache->entries[entry->place] = NULL;
    cache->places_free[cache->places_free_count++] = entry->place;
    cache->entry_count--;
    cache->bytes -= entry->size;
    free(entry);
}

static void forget(struct person_cache *cache, const struct person *person)
{
    vec_each (identifier, &person->identifiers) {
        struct entry *entry = entry_find(cache, identifier->hash.bytes);
        if (entry)
            entry_remove(cache, entry);
    }
}

void person_cache_forget(struct person_cache *cache, const struct person *person)
{
    pthread_mutex_lock(&cache->lock);
    forget(cache, person);
    pthread_mutex_unlock(&cache->lock);
}

/* The clock's hand: who was used since it last came by stays. */
static void room_make(struct person_cache *cache, size_t size)
{
    while (cache->entry_count && cache->bytes + size > LIMIT_PERSON_CACHE_BYTES) {
        if (cache->hand >= cache->place_count)
            cache->hand = 0;
        struct entry *entry = cache->entries[cache->hand++];
        if (entry && !entry->used)
            entry_remove(cache, entry);
        else if (entry)
            entry->used = false;
    }
}

/* ---- packing ---- */

struct packing {
    struct person_cache *cache;
    const struct person *person;
    bool fits;
};
static uint16_t pack_name(struct packing *packing, str name)
{
    uint16_t number = 0;
    packing->fits = packing->fits && name_number(packing->cache, name, &number);
    return number;
}

static int32_t pack_day(struct packing *packing, int64_t time_ms)
{
    int64_t day = time_ms / DAY_MS;
    packing->fits = packing->fits && day * DAY_MS == time_ms && day >= INT32_MIN && day <= INT32_MAX; /* identifiers know days only */
    return (int32_t)day;
}

static uint8_t profile_place(struct packing *packing, profile_no number)
{
    unsigned place = 0;
    vec_each (profile, &packing->person->profiles) {
        if (profile_no_equal(profile->number, number) && profile->change < CHANGE_GONE)
            return (uint8_t)place;
        place += profile->change < CHANGE_GONE;
    }
    packing->fits = false;
    return 0;
}

#define rows_alive(rows) \
    ({ \
        size_t alive_ = 0; \
        vec_each (row_, (rows)) \
            alive_ += row_->change < CHANGE_GONE; \
        alive_; \
    })
#define alive_each(row, rows) \
    vec_each (row, (rows)) \
        if (row->change < CHANGE_GONE)

static void pack_identities(struct packing *packing, struct packed_profile *profiles, struct packed_identifier *identifiers)
{
    alive_each (row, &packing->person->profiles) {
        *profiles = (struct packed_profile){
            .number = row->number.value, .root = row->root.value, .version = row->version + (row->change == CHANGE_SET), .created_ms = row->created_ms, .erased_ms = row->erased_ms,
            .due_ms = row->due_ms, .identifier_next = row->identifier_next, .jurisdiction = pack_name(packing, row->jurisdiction),
            .birth_year = row->birth_year};
        memcpy(profiles++->id, row->id.bytes, 16);
    }
    alive_each (row, &packing->person->identifiers) {
        *identifiers++ = (struct packed_identifier){
            .purposes = row->purposes, .first_seen_day = pack_day(packing, row->first_seen_ms),
            .last_seen_day = pack_day(packing, row->last_seen_ms), .number = row->number, .type = pack_name(packing, row->type), .profile = profile_place(packing, row->profile),
            .flags = (uint8_t)((row->verified ? FLAG_VERIFIED : 0) | (str_empty(row->value) ? 0 : FLAG_VALUE))};
    }
}

static void pack_joins(struct packing *packing, struct packed_merge *merges, struct packed_refused *refused)
{
    alive_each (row, &packing->person->merges) {
        *merges = (struct packed_merge){.left = row->left.value, .right = row->right.value, .at_ms = row->at_ms, .undone_ms = row->undone_ms,
                                        .reason = pack_name(packing, row->reason), .source = pack_name(packing, row->source)};
        memcpy(merges->id, row->id.bytes, 16);
        memcpy(merges->through_left, row->through_left.bytes, 16);
        memcpy(merges++->through_right, row->through_right.bytes, 16);
    }
    alive_each (row, &packing->person->refused)
        *refused++ = (struct packed_refused){.left = row->left.value, .right = row->right.value, .count = row->count, .first_ms = row->first_ms,
                                             .last_ms = row->last_ms, .type = pack_name(packing, row->type), .reason = pack_name(packing, row->reason)};
}

/* The methods by which the core knows what a signal said before (core/signal_record.c). */
static const char *const signal_methods[] = {
    "",
#define X(code, name, method, decoder) method,
    SIGNAL_KINDS(X)
#undef X
};

static uint8_t pack_method(str method)
{
    for (size_t i = 1; i < sizeof signal_methods / sizeof *signal_methods; i++)
        if (str_equal(method, str_of(signal_methods[i])))
            return (uint8_t)i;
    return 0;
}

static uint16_t pack_vendor(const struct consent *row)
{
    static const char before[] = ", vendor ";
    ptrdiff_t at = status_is_vendor(row->status) ? str_find(row->reference, STR(before)) : -1;
    int64_t vendor = 0;
    return at >= 0 && str_to_int64(str_slice(row->reference, (size_t)at + sizeof before - 1, row->reference.length), &vendor) ? (uint16_t)vendor : 0;
}

static void pack_consents(struct packing *packing, struct packed_consent *consents)
{
    alive_each (row, &packing->person->consents) {
        *consents = (struct packed_consent){
            .at_ms = row->at_ms, .known_ms = row->known_ms, .expires_ms = row->expires_ms, .ledger_index = row->ledger_index,
            .identifier = row->identifier, .notice_version = row->notice_version, .purpose = pack_name(packing, row->purpose),
            .notice = pack_name(packing, row->notice), .source = pack_name(packing, row->source), .profile = profile_place(packing, row->profile),
            .status = (uint8_t)row->status, .by = (uint8_t)row->by, .method = pack_method(row->method), .vendor = pack_vendor(row),
            .flags = (uint8_t)((row->verified ? FLAG_VERIFIED : 0) | (row->explicit_given ? FLAG_EXPLICIT : 0))};
        memcpy(consents++->id, row->id.bytes, 16);
    }
}

static bool vendors_unopened(const struct person *person)
{
    vec_each (row, &person->consents)
        if (person->texts_unopened && status_is_vendor(row->status))
            return true;
    return false;
}

static void put(struct person_cache *cache, const struct person *person)
{
    size_t profiles = rows_alive(&person->profiles), identifiers = rows_alive(&person->identifiers), consents = rows_alive(&person->consents),
           merges = rows_alive(&person->merges), refused = rows_alive(&person->refused);
    forget(cache, person);
    if (vendors_unopened(person)) /* the gate asks them: such a head would deny */
        return;
    if (!profiles || !identifiers || rows_alive(&person->preferences) || profiles > ROWS_MAX || identifiers > ROWS_MAX || consents > ROWS_MAX ||
        merges > ROWS_MAX || refused > ROWS_MAX)
        return;
    struct entry head = {.root = person->root.value, .batch = cache->batch,
                         .texts_unopened = person->texts_unopened, .no_held = (person->loaded & PERSON_HELD) && !rows_alive(&person->held), .profile_count = (uint8_t)profiles,
                         .identifier_count = (uint8_t)identifiers, .consent_count = (uint8_t)consents, .merge_count = (uint8_t)merges,
                         .refused_count = (uint8_t)refused};
    struct rows rows = rows_of(cache, &head);
    struct packing packing = {cache, person, true};
    memset(cache->scratch, 0, rows.size); /* what lies between the fields */
    pack_identities(&packing, rows.profiles, rows.identifiers);
    pack_consents(&packing, rows.consents);
    pack_joins(&packing, rows.merges, rows.refused);
    if (!packing.fits)
        return;
    size_t squeezed = squeeze(cache->scratch, rows.size, cache->squeezed);
    head.size = (uint32_t)(sizeof head + identifiers * sizeof head.hashes[0] + squeezed);
    room_make(cache, head.size);
    struct entry *entry = malloc(head.size);
    ASSERT(entry);
    *entry = head;
    size_t place = 0;
    alive_each (row, &person->identifiers)
        memcpy(entry->hashes[place++], row->hash.bytes, 16);
    memcpy(entry->hashes[place], cache->squeezed, squeezed);
    entry_add(cache, entry);
}

void person_cache_put(struct person_cache *cache, const struct person *person)
{
    pthread_mutex_lock(&cache->lock);
    put(cache, person);
    pthread_mutex_unlock(&cache->lock);
}

/* ---- unpacking ---- */

#define rows_make(arena, rows, number) \
    do { \
        (rows)->items = (number) ? arena_array((arena), __typeof__(*(rows)->items), (number)) : NULL; \
        (rows)->count = (rows)->capacity = (number); \
    } while (0)

static void unpack_identities(const struct person_cache *cache, const struct entry *entry, const struct rows *rows, struct arena *arena, struct person *person)
{
    const struct packed_profile *profiles = rows->profiles;
    const struct packed_identifier *identifiers = rows->identifiers;
    const uint8_t(*hash)[16] = entry->hashes;
    rows_make(arena, &person->profiles, entry->profile_count);
    vec_each (row, &person->profiles) {
        *row = (struct profile){.number = {profiles->number}, .root = {profiles->root}, .version = profiles->version,
                                .created_ms = profiles->created_ms, .erased_ms = profiles->erased_ms, .due_ms = profiles->due_ms,
                                .identifier_next = profiles->identifier_next, .jurisdiction = cache->names.items[profiles->jurisdiction],
                                .birth_year = profiles->birth_year};
        memcpy(row->id.bytes, profiles++->id, 16);
    }
    rows_make(arena, &person->identifiers, entry->identifier_count);
    vec_each (row, &person->identifiers) {
        *row = (struct identifier){.profile = person->profiles.items[identifiers->profile].number, .number = identifiers->number,
                                   .type = cache->names.items[identifiers->type], .purposes = identifiers->purposes,
                                   .value = identifiers->flags & FLAG_VALUE ? VALUE_UNOPENED : STR_NONE,
                                   .verified = identifiers->flags & FLAG_VERIFIED, .first_seen_ms = identifiers->first_seen_day * DAY_MS,
                                   .last_seen_ms = identifiers->last_seen_day * DAY_MS};
        memcpy(row->hash.bytes, *hash++, 16);
        identifiers++;
    }
}

static void unpack_consents(const struct person_cache *cache, const struct entry *entry, const struct rows *rows, struct arena *arena, struct person *person)
{
    const struct packed_consent *consents = rows->consents;
    rows_make(arena, &person->consents, entry->consent_count);
    vec_each (row, &person->consents) {
        *row = (struct consent){.profile = person->profiles.items[consents->profile].number, .identifier = consents->identifier,
                                .verified = consents->flags & FLAG_VERIFIED, .purpose = cache->names.items[consents->purpose],
                                .status = (enum consent_status)consents->status, .notice = cache->names.items[consents->notice],
                                .notice_version = consents->notice_version, .explicit_given = consents->flags & FLAG_EXPLICIT,
                                .by = (enum said_by)consents->by, .at_ms = consents->at_ms, .known_ms = consents->known_ms,
                                .expires_ms = consents->expires_ms, .source = cache->names.items[consents->source],
                                .ledger_index = consents->ledger_index, .method = str_of(signal_methods[consents->method])};
        if (consents->vendor)
            row->reference = str_printf(arena, ", vendor %u", consents->vendor);
        memcpy(row->id.bytes, consents++->id, 16);
    }
}

static void unpack_joins(const struct person_cache *cache, const struct entry *entry, const struct rows *rows, struct arena *arena, struct person *person)
{
    const struct packed_merge *merges = rows->merges;
    const struct packed_refused *refused = rows->refused;
    rows_make(arena, &person->merges, entry->merge_count);
    vec_each (row, &person->merges) {
        *row = (struct merge){.left = {merges->left}, .right = {merges->right}, .reason = cache->names.items[merges->reason],
                              .source = cache->names.items[merges->source], .at_ms = merges->at_ms, .undone_ms = merges->undone_ms};
        memcpy(row->id.bytes, merges->id, 16);
        memcpy(row->through_left.bytes, merges->through_left, 16);
        memcpy(row->through_right.bytes, merges++->through_right, 16);
    }
    rows_make(arena, &person->refused, entry->refused_count);
    vec_each (row, &person->refused) {
        *row = (struct refused_join){.left = {refused->left}, .right = {refused->right}, .type = cache->names.items[refused->type],
                                     .reason = cache->names.items[refused->reason], .count = refused->count, .first_ms = refused->first_ms,
                                     .last_ms = refused->last_ms};
        refused++;
    }
}

void person_cache_round(struct person_cache *cache, struct arena *arena)
{
    cache->round++;
    cache->round_arena = arena;
}

static struct person *unpack(const struct person_cache *cache, const struct entry *entry, struct arena *arena)
{
    struct person *person = arena_new(arena, struct person);
    person->root = (profile_no){entry->root};
    person->loaded = PERSON_HEAD | (entry->no_held ? PERSON_HELD : 0);
    person->texts_unopened = entry->texts_unopened;
    struct rows rows = rows_of(cache, entry);
    size_t head = sizeof *entry + entry->identifier_count * sizeof entry->hashes[0],
           read = unsqueeze((const uint8_t *)entry + head, cache->scratch, rows.size);
    ASSERT(head + read == entry->size);
    unpack_identities(cache, entry, &rows, arena, person);
    unpack_consents(cache, entry, &rows, arena, person);
    unpack_joins(cache, entry, &rows, arena, person);
    return person;
}

static bool entry_serves(const struct person_cache *cache, const struct entry *entry, unsigned parts)
{
    if (entry && cache->foreign && foreign_at(cache->foreign, entry->root) > entry->batch)
        return false; /* it goes when it is put anew, or for want of room */
    return entry && !(parts & ~(unsigned)(PERSON_HEAD | (entry->no_held ? PERSON_HELD : 0)));
}

/* Three steps, each for all hashes at once, so that the misses of one step wait together: slots, their places, the entries. */
void person_cache_prefetch(struct person_cache *cache, const identifier_hash *hashes, size_t count)
{
    ASSERT(count <= PERSON_CACHE_PREFETCH);
    pthread_mutex_lock(&cache->lock);
    size_t mask = cache->slots_used ? cache->slot_count - 1 : 0;
    uint32_t places[PERSON_CACHE_PREFETCH];
    for (size_t i = 0; mask && i < count; i++)
        __builtin_prefetch(&cache->slots[tag_of(hashes[i].bytes) & mask]);
    for (size_t i = 0; mask && i < count; i++) {
        uint32_t tag = tag_of(hashes[i].bytes);
        size_t slot = tag & mask;
        while (cache->slots[slot].entry && cache->slots[slot].tag != tag)
            slot = (slot + 1) & mask;
        places[i] = cache->slots[slot].entry;
        if (places[i])
            __builtin_prefetch(&cache->entries[places[i] - 1]);
    }
    for (size_t i = 0; mask && i < count; i++) {
        const char *entry = places[i] ? (const char *)cache->entries[places[i] - 1] : NULL;
        for (size_t line = 0; entry && line < 4; line++)
            __builtin_prefetch(entry + line * 64);
    }
    pthread_mutex_unlock(&cache->lock);
}

struct person *person_cache_get(struct person_cache *cache, const identifier_hash *hash, unsigned parts, bool *ret_first)
{
    struct person *person = NULL;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = entry_find(cache, hash->bytes);
    if (entry_serves(cache, entry, parts)) {
        *ret_first = entry->round != cache->round;
        if (*ret_first)
            entry->person = unpack(cache, entry, cache->round_arena);
        entry->round = cache->round;
        entry->used = true;
        person = entry->person;
    }
    pthread_mutex_unlock(&cache->lock);
    return person;
}

struct person *person_cache_copy(struct person_cache *cache, const struct policy *policy, const identifier_hash *hash, unsigned parts,
                                 struct arena *arena)
{
    struct person *person = NULL;
    pthread_mutex_lock(&cache->lock);
    struct entry *entry = cache->policy == policy ? entry_find(cache, hash->bytes) : NULL;
    if (entry_serves(cache, entry, parts)) {
        entry->used = true;
        person = unpack(cache, entry, arena);
    }
    pthread_mutex_unlock(&cache->lock);
    return person;
}
