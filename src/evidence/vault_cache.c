/* The keys in memory: a bounded cache in clear, and the way to it. See vault_private.h, invariants 2 and 3.
 *
 * All that a stripe's lock guards lies together: profiles of one page fall into one stripe, so a lookup takes one lock that hardly
 * anyone else wants. An entry has all of a profile's keys; those read by themselves are unwrapped at once, those of a whole page when they are first
 * asked for. */
#include "evidence/vault_private.h"

#include <sodium.h>
#include <stdlib.h>

int kek_index(const struct vault *vault, uint32_t generation)
{
    if (generation == 0)
        return -1;
    return vault->kek_generation[0] == generation ? 0 : vault->kek_generation[1] == generation ? 1 : -1;
}

/* Where a profile may be: the set, and its entry of each way. */
static struct cache_set *set_of(struct vault *vault, uint64_t page, uint64_t profile, struct cache_entry **ret_entries)
{
    uint64_t stripe = page % STRIPES, set = (page / STRIPES * PAGE_PROFILES + page_place(profile)) % CACHE_SETS;
    *ret_entries = &vault->cache->entries[stripe][0][set];
    return &vault->cache->sets[stripe][set];
}

static struct cache_entry *entry_of(struct cache_entry *entries, unsigned way) { return entries + (size_t)way * CACHE_SETS; }

void cache_forget_page(struct vault *vault, uint64_t page)
{
    uint64_t first = (page - 1) * PAGE_PROFILES + 1;
    stripe_of(vault, page)->forgotten++;
    for (uint64_t profile = first; profile < first + PAGE_PROFILES; profile++) {
        struct cache_entry *entries;
        struct cache_set *set = set_of(vault, page, profile, &entries);
        for (unsigned way = 0; way < CACHE_WAYS; way++) {
            if (set->profiles[way] != profile)
                continue;
            set->profiles[way] = 0;
            sodium_memzero(entry_of(entries, way), sizeof(*entries));
        }
    }
}

/* Under all stripes' locks. */
void cache_forget_all(struct vault *vault)
{
    for (unsigned stripe = 0; stripe < STRIPES; stripe++) {
        vault->stripes[stripe].forgotten++;
        for (unsigned set = 0; set < CACHE_SETS; set++)
            for (unsigned way = 0; way < CACHE_WAYS; way++)
                if (vault->cache->sets[stripe][set].profiles[way] != 0) {
                    vault->cache->sets[stripe][set].profiles[way] = 0;
                    sodium_memzero(&vault->cache->entries[stripe][way][set], sizeof(struct cache_entry));
                }
    }
}

void stripes_lock_all(struct vault *vault)
{
    for (unsigned i = 0; i < STRIPES; i++)
        ASSERT(pthread_mutex_lock(&vault->stripes[i].lock) == 0);
}

void stripes_unlock_all(struct vault *vault)
{
    for (unsigned i = STRIPES; i-- > 0;)
        ASSERT(pthread_mutex_unlock(&vault->stripes[i].lock) == 0);
}

/* The way used longest ago, emptied for this profile. */
static struct cache_entry *entry_take(struct vault *vault, struct stripe *stripe, uint64_t page_number, uint64_t profile)
{
    struct cache_entry *entries;
    struct cache_set *set = set_of(vault, page_number, profile, &entries);
    unsigned way = 0;
    for (unsigned i = 0; i < CACHE_WAYS && set->profiles[way] != 0; i++)
        if (set->profiles[i] == 0 || stripe->clock - set->used[i] > stripe->clock - set->used[way])
            way = i;
    set->profiles[way] = profile;
    set->used[way] = ++stripe->clock;
    return entry_of(entries, way);
}

/* What the entry says of this class can be relied upon. */
static bool entry_settles(const struct cache_entry *entry, enum key_class class) { return entry->checked || entry->states[class] == SLOT_LIVE; }

/* A profile's slots without their page's check sum: each live key has its own (RFC 3394, 2.2.3), so what unwraps is what was written.
 * False where that does not settle it: the page itself must be looked at. All live keys are unwrapped together, which costs hardly more than one. */
static bool slots_open(const struct vault *vault, const uint8_t slots[SLOTS_SIZE], struct cache_entry *ret)
{
    unsigned kek = vault->kek_generation[0] == 0;
    if (vault->kek_generation[!kek] != 0)
        return false; /* while rotating the page says which key it is under */
    uint8_t wrapped[KEY_CLASS_COUNT][WRAPPED_SIZE], keys[KEY_CLASS_COUNT][32];
    unsigned live = 0, classes[KEY_CLASS_COUNT];
    *ret = (struct cache_entry){.generation = vault->kek_generation[kek]};
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
        ret->states[class] = (uint8_t)slots_state(slots, class);
        if (ret->states[class] != SLOT_LIVE)
            continue;
        memcpy(wrapped[live], slots + class * WRAPPED_SIZE, WRAPPED_SIZE);
        classes[live++] = class;
    }
    if (live == 0 || !crypto_unwrap_many(vault->secrets->kek[kek], (const uint8_t(*)[WRAPPED_SIZE])wrapped, live, keys))
        return false;
    for (unsigned i = 0; i < live; i++) {
        memcpy(ret->keys[classes[i]], keys[i], 32);
        ret->clear |= KEY_CLASS_BIT(classes[i]);
    }
    sodium_memzero(keys, sizeof(keys));
    return true;
}

static bool slots_load(const struct vault *vault, uint64_t page_number, unsigned place, struct cache_entry *ret)
{
    uint8_t slots[SLOTS_SIZE];
    return !vault->remote && pread(vault->fd, slots, SLOTS_SIZE, (off_t)(page_number * VAULT_PAGE + PAGE_HEAD + place * SLOTS_SIZE)) == SLOTS_SIZE &&
           slots_open(vault, slots, ret);
}

enum slots_found {
    SLOTS_THERE,
    SLOTS_ABSENT, /* never written */
    SLOTS_OF_ANOTHER_KEY, /* wrapped under a master key that is not known here */
    SLOTS_FAILED, /* damaged, or they cannot be read */
};

/* The whole page, checked. */
static enum slots_found page_slots_load(struct vault *vault, uint64_t page_number, unsigned place, struct cache_entry *ret)
{
    uint8_t page[VAULT_PAGE];
    bool there = false, read = true;
    if (vault->remote)
        read = remote_read(vault, page_number, page, &there);
    else {
        ssize_t got = pread(vault->fd, page, VAULT_PAGE, (off_t)(page_number * VAULT_PAGE));
        there = got != 0; /* else behind the end of the file */
        read = got == 0 || got == VAULT_PAGE;
    }
    if (read && !there)
        return SLOTS_ABSENT;
    if (!read || !page_check(page, page_number))
        return SLOTS_FAILED;
    uint32_t generation = page_generation(page);
    if (generation != 0 && kek_index(vault, generation) < 0)
        return SLOTS_OF_ANOTHER_KEY;
    *ret = (struct cache_entry){.generation = generation, .checked = true};
    memcpy(ret->keys, page_key(page, place, 0), sizeof(ret->keys));
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++)
        ret->states[class] = (uint8_t)page_state(page, place, class);
    sodium_memzero(page, sizeof(page));
    return SLOTS_THERE;
}

/* Reads the profile's slots from the file, for the sake of one class. NULL where they are not there. */
static struct cache_entry *entry_load(struct vault *vault, struct stripe *stripe, uint64_t page_number, uint64_t profile, enum key_class class,
                                      enum slots_found *ret_found)
{
    struct cache_entry loaded, *entry = NULL;
    unsigned place = page_place(profile);
    bool settled = slots_load(vault, page_number, place, &loaded) && entry_settles(&loaded, class);
    *ret_found = settled ? SLOTS_THERE : page_slots_load(vault, page_number, place, &loaded);
    if (*ret_found == SLOTS_THERE) {
        entry = entry_take(vault, stripe, page_number, profile);
        *entry = loaded;
    }
    sodium_memzero(&loaded, sizeof(loaded));
    return entry;
}

static bool set_has(const struct cache_set *set, uint64_t profile)
{
    for (unsigned way = 0; way < CACHE_WAYS; way++)
        if (set->profiles[way] == profile)
            return true;
    return false;
}

bool cache_has(struct vault *vault, uint64_t profile, uint32_t *ret_forgotten)
{
    uint64_t page = page_of(profile);
    struct stripe *stripe = stripe_of(vault, page);
    struct cache_entry *entries;
    ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
    bool there = set_has(set_of(vault, page, profile, &entries), profile);
    *ret_forgotten = stripe->forgotten;
    ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
    return there;
}

void cache_offer(struct vault *vault, uint64_t profile, const uint8_t slots[SLOTS_SIZE], uint32_t forgotten)
{
    uint64_t page = page_of(profile);
    struct stripe *stripe = stripe_of(vault, page);
    struct cache_entry loaded, *entries;
    ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
    if (stripe->forgotten == forgotten && !set_has(set_of(vault, page, profile, &entries), profile) && slots_open(vault, slots, &loaded)) {
        *entry_take(vault, stripe, page, profile) = loaded;
        sodium_memzero(&loaded, sizeof(loaded));
    }
    ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
}

bool vault_asks(const struct vault *vault) { return vault->remote != NULL; }

void vault_warm(struct vault *vault, const profile_no *profiles, size_t count)
{
    if (!vault_asks(vault) || count == 0)
        return;
    count = count < VAULT_WARM_MAX ? count : VAULT_WARM_MAX;
    uint64_t *wanted = malloc(count * sizeof(*wanted));
    uint32_t *forgotten = malloc(count * sizeof(*forgotten));
    ASSERT(wanted && forgotten);
    size_t missing = 0;
    for (size_t i = 0; i < count; i++)
        if (profiles[i].value != 0 && profiles[i].value <= PROFILE_NO_MAX && !cache_has(vault, profiles[i].value, &forgotten[missing]))
            wanted[missing++] = profiles[i].value;
    if (missing > 1) /* vault_key asks for one as well */
        remote_warm(vault, wanted, forgotten, missing);
    free(wanted);
    free(forgotten);
}

static enum vault_result entry_key(struct vault *vault, struct cache_entry *entry, enum key_class class, uint8_t ret_key[32])
{
    switch ((enum slot_state)entry->states[class]) {
    case SLOT_EMPTY: return VAULT_ABSENT;
    case SLOT_DESTROYED: return VAULT_DESTROYED;
    case SLOT_LIVE: break;
    default: return VAULT_FAILED;
    }
    if (!(entry->clear & KEY_CLASS_BIT(class))) {
        int kek = kek_index(vault, entry->generation);
        uint8_t key[32];
        if (kek < 0 || !crypto_unwrap(vault->secrets->kek[kek], entry->keys[class], key))
            return VAULT_FAILED;
        memset(entry->keys[class], 0, WRAPPED_SIZE);
        memcpy(entry->keys[class], key, 32);
        sodium_memzero(key, sizeof(key));
        entry->clear |= KEY_CLASS_BIT(class);
    }
    memcpy(ret_key, entry->keys[class], 32);
    return VAULT_LIVE;
}

static enum vault_result key_get(struct vault *vault, profile_no profile, enum key_class class, enum slots_found *ret_found, uint8_t ret_key[32])
{
    uint64_t page = page_of(profile.value);
    struct stripe *stripe = stripe_of(vault, page);
    struct cache_entry *entries, *entry = NULL;
    struct cache_set *set = set_of(vault, page, profile.value, &entries);
    *ret_found = SLOTS_THERE;
    ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
    for (unsigned way = 0; way < CACHE_WAYS; way++) {
        if (set->profiles[way] == profile.value) {
            set->used[way] = ++stripe->clock;
            entry = entry_of(entries, way);
            bool empty = entry->states[class] == SLOT_EMPTY && vault->remote; /* another node may have made it meanwhile */
            if (empty || !entry_settles(entry, class)) {
                set->profiles[way] = 0;
                entry = NULL;
            }
            break;
        }
    }
    if (!entry)
        entry = entry_load(vault, stripe, page, profile.value, class, ret_found);
    enum vault_result result = entry ? entry_key(vault, entry, class, ret_key) : *ret_found == SLOTS_ABSENT ? VAULT_ABSENT : VAULT_FAILED;
    ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
    return result;
}

enum vault_result vault_key(struct vault *vault, profile_no profile, enum key_class class, uint8_t ret_key[32])
{
    enum slots_found found;
    ASSERT((unsigned)class < KEY_CLASS_COUNT);
    if (profile.value == 0 || profile.value > PROFILE_NO_MAX)
        return VAULT_ABSENT;
    enum vault_result result = key_get(vault, profile, class, &found, ret_key);
    if (found == SLOTS_OF_ANOTHER_KEY && rotation_catch_up(vault)) /* another node is giving all a new one */
        result = key_get(vault, profile, class, &found, ret_key);
    return result;
}
