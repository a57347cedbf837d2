/* Making, destroying and renewing keys: what is to become of slots is worked out page by page, each page of a change once. */
#include "evidence/vault_private.h"

#include <sodium.h>
#include <stdlib.h>

void key_fingerprint(const uint8_t key[32], uint8_t ret_fingerprint[8])
{
    static const char label[] = "telos key fingerprint";
    uint8_t hash[16];
    ASSERT(crypto_generichash(hash, sizeof(hash), (const uint8_t *)label, sizeof(label) - 1, key, 32) == 0);
    memcpy(ret_fingerprint, hash, 8);
}

bool page_unwrap(const struct vault *vault, const uint8_t *page, unsigned place, unsigned class, uint8_t ret_key[32])
{
    int kek = kek_index(vault, page_generation(page));
    return kek >= 0 && crypto_unwrap(vault->secrets->kek[kek], page_key((uint8_t *)page, place, class), ret_key);
}

/* The live slots of a page; returns how many. */
static size_t slots_live(const uint8_t *page, uint8_t *ret_slots[PAGE_PROFILES * KEY_CLASS_COUNT])
{
    size_t count = 0;
    for (unsigned place = 0; place < PAGE_PROFILES; place++)
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++)
            if (page_state(page, place, class) == SLOT_LIVE)
                ret_slots[count++] = page_key((uint8_t *)page, place, class);
    return count;
}

bool page_rewrap(const struct vault *vault, uint8_t *page, uint32_t generation)
{
    enum { SLOTS = PAGE_PROFILES * KEY_CLASS_COUNT };
    uint8_t *slots[SLOTS], wrapped[SLOTS][WRAPPED_SIZE], keys[SLOTS][32];
    int from = kek_index(vault, page_generation(page)), to = kek_index(vault, generation);
    size_t count = slots_live(page, slots);
    bool fine = from >= 0 && to >= 0;
    for (size_t i = 0; i < count; i++)
        memcpy(wrapped[i], slots[i], WRAPPED_SIZE);
    if (fine && count > 0) {
        fine = crypto_unwrap_many(vault->secrets->kek[from], (const uint8_t(*)[WRAPPED_SIZE])wrapped, count, keys);
        if (fine)
            crypto_wrap_many(vault->secrets->kek[to], (const uint8_t(*)[32])keys, count, wrapped);
        sodium_memzero(keys, sizeof(keys));
    }
    if (!fine)
        return false;
    for (size_t i = 0; i < count; i++)
        memcpy(slots[i], wrapped[i], WRAPPED_SIZE);
    page_generation_set(page, generation);
    return true;
}

const struct err *page_damaged(struct arena *arena, const struct vault *vault, uint64_t number)
{
    return err_new(arena, ERR_IO, "page %llu of %s is damaged: restore it from a backup", (unsigned long long)number, vault->path);
}

/* A page gets its generation with its first key, the newest there is. */
static const uint8_t *page_kek(const struct vault *vault, uint8_t *page)
{
    if (page_generation(page) == 0)
        page_generation_set(page, newest_generation(vault));
    int kek = kek_index(vault, page_generation(page));
    ASSERT(kek >= 0); /* change_page looked */
    return vault->secrets->kek[kek];
}

static void slot_fill(const struct vault *vault, uint8_t *page, unsigned place, unsigned class, const uint8_t key[32])
{
    const uint8_t *kek = page_kek(vault, page);
    page_state_set(page, place, class, SLOT_LIVE);
    crypto_wrap(kek, key, page_key(page, place, class));
}

/* Fills the empty slots of profiles `first`…`last`, which lie in this page; false when there are none. */
static bool page_create(const struct vault *vault, uint8_t *page, uint64_t first, uint64_t last)
{
    enum { SLOTS = PAGE_PROFILES * KEY_CLASS_COUNT };
    uint8_t *slots[SLOTS], wrapped[SLOTS][WRAPPED_SIZE], keys[SLOTS][32];
    size_t count = 0;
    for (uint64_t profile = first; profile <= last; profile++) {
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
            if (page_state(page, page_place(profile), class) != SLOT_EMPTY)
                continue;
            page_state_set(page, page_place(profile), class, SLOT_LIVE);
            slots[count++] = page_key(page, page_place(profile), class);
        }
    }
    if (count == 0)
        return false;
    randombytes_buf(keys, count * 32);
    crypto_wrap_many(page_kek(vault, page), (const uint8_t(*)[32])keys, count, wrapped);
    sodium_memzero(keys, sizeof(keys));
    for (size_t i = 0; i < count; i++)
        memcpy(slots[i], wrapped[i], WRAPPED_SIZE);
    return true;
}

static const struct err *create(struct arena *arena, struct vault *vault, uint64_t first, uint64_t last)
{
    TRY(change_begin(arena, vault));
    while (first <= last) {
        uint64_t number = page_of(first), page_last = number * PAGE_PROFILES;
        uint8_t *page;
        if (vault->record_pages == RECORD_PAGES)
            TRY(change_commit(arena, vault, &vault->header));
        TRY(change_page(arena, vault, number, &page));
        if (!page)
            return page_damaged(arena, vault, number);
        if (!page_create(vault, page, first, page_last < last ? page_last : last))
            vault->record_pages--; /* nothing to change in it */
        first = page_last + 1;
    }
    return vault->record_pages > 0 ? change_commit(arena, vault, &vault->header) : NULL;
}

const struct err *vault_create_keys(struct arena *arena, struct vault *vault, profile_no first, uint64_t count)
{
    if (first.value == 0 || first.value > PROFILE_NO_MAX || count > PROFILE_NO_MAX - first.value)
        return err_new(arena, ERR_INVALID, "profile numbers run from 1 to %llu", (unsigned long long)PROFILE_NO_MAX);
    if (count == 0)
        return NULL;
    vault_lock(vault);
    return vault_unlock_after(arena, vault, create(arena, vault, first.value, first.value + count - 1));
}

/* Whether the slot's key is the one that the change means. */
static bool renew_meant(const struct vault *vault, const uint8_t *page, const struct key_change *change, unsigned class)
{
    enum slot_state state = page_state(page, page_place(change->profile), class);
    uint8_t key[32], fingerprint[8];
    if (state == SLOT_DESTROYED)
        return false;
    if (!change->fingerprinted)
        return true;
    bool meant = state == SLOT_LIVE && page_unwrap(vault, page, page_place(change->profile), class, key);
    if (meant) {
        key_fingerprint(key, fingerprint);
        meant = memcmp(fingerprint, change->fingerprint, sizeof(fingerprint)) == 0;
    }
    sodium_memzero(key, sizeof(key));
    return meant;
}

/* The classes of a page's slots that the change touches. */
static uint8_t classes_meant(const struct vault *vault, const uint8_t *page, const struct key_change *change)
{
    uint8_t meant = 0;
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
        uint8_t bit = KEY_CLASS_BIT(class);
        if (change->destroy & bit)
            meant |= page_state(page, page_place(change->profile), class) != SLOT_DESTROYED ? bit : 0;
        else if ((change->renew & bit) && renew_meant(vault, page, change, class))
            meant |= bit;
    }
    return meant;
}

bool page_wants(const struct vault *vault, const uint8_t *page, const struct key_change *change) { return classes_meant(vault, page, change) != 0; }

bool page_apply(const struct vault *vault, uint8_t *page, const struct key_change *change)
{
    unsigned place = page_place(change->profile);
    uint8_t meant = classes_meant(vault, page, change);
    for (unsigned class = 0; class < KEY_CLASS_COUNT; class ++) {
        if (!(meant & KEY_CLASS_BIT(class)))
            continue;
        if (change->destroy & KEY_CLASS_BIT(class)) {
            (void)page_kek(vault, page); /* for the page's generation */
            page_state_set(page, place, class, SLOT_DESTROYED);
        } else {
            uint8_t key[32];
            randombytes_buf(key, sizeof(key));
            slot_fill(vault, page, place, class, key);
            sodium_memzero(key, sizeof(key));
        }
    }
    return meant != 0;
}

bool slots_wipe(const struct vault_faults *faults, int fd, const struct key_change *change)
{
    static const uint8_t zeroes[WRAPPED_SIZE];
    off_t slots = (off_t)(page_of(change->profile) * VAULT_PAGE + PAGE_HEAD + page_place(change->profile) * SLOTS_SIZE);
    bool fine = true;
    for (unsigned class = 0; fine && class < KEY_CLASS_COUNT; class ++)
        if ((change->destroy | change->renew) & KEY_CLASS_BIT(class))
            fine = io_write(faults, fd, zeroes, sizeof(zeroes), slots + (off_t)(class * WRAPPED_SIZE));
    return fine;
}

static int change_compare(const void *left, const void *right)
{
    const struct key_change *a = left, *b = right;
    if (a->profile != b->profile)
        return a->profile < b->profile ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

/* Of two changes of one profile the earlier one stays first. */
void keys_sort(struct key_changes *changes)
{
    bool sorted = true;
    for (size_t i = 0; i < changes->count; i++) {
        changes->items[i].order = i;
        sorted = sorted && (i == 0 || changes->items[i - 1].profile <= changes->items[i].profile);
    }
    if (!sorted)
        qsort(changes->items, changes->count, sizeof(*changes->items), change_compare);
}

static bool damaged_wipe(struct vault *vault, const struct key_change *change)
{
    uint64_t number = page_of(change->profile);
    struct stripe *stripe = stripe_of(vault, number);
    ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
    bool fine = slots_wipe(&vault->faults, vault->fd, change);
    cache_forget_page(vault, number);
    ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
    vault->unsynced = true;
    return fine;
}

/* The changes of one page, from *next on. */
static const struct err *page_changes(struct arena *arena, struct vault *vault, const struct key_changes *changes, size_t *next)
{
    uint64_t number = page_of(changes->items[*next].profile);
    uint8_t *page;
    bool changed = false;
    if (vault->record_pages == RECORD_PAGES)
        TRY(change_commit(arena, vault, &vault->header));
    TRY(change_page(arena, vault, number, &page));
    for (; *next < changes->count && page_of(changes->items[*next].profile) == number; ++*next) {
        if (page)
            changed |= page_apply(vault, page, &changes->items[*next]);
        else if (vault->remote)
            return page_damaged(arena, vault, number);
        else if (!damaged_wipe(vault, &changes->items[*next]))
            return io_error(arena, "cannot write", vault->path);
    }
    if (page && !changed)
        vault->record_pages--;
    return NULL;
}

const struct err *keys_apply(struct arena *arena, struct vault *vault, struct key_changes *changes, uint64_t tombstones_applied)
{
    struct vault_header header;
    keys_sort(changes);
    TRY(change_begin(arena, vault));
    TRY(change_settle(arena, vault)); /* no image in the journal may hold what is destroyed now */
    for (size_t next = 0; next < changes->count;)
        TRY(page_changes(arena, vault, changes, &next));
    if (vault->record_pages == 0 && vault->header.tombstones_applied == tombstones_applied && !vault->unsynced)
        return NULL;
    header = vault->header;
    header.tombstones_applied = tombstones_applied;
    TRY(change_commit(arena, vault, &header));
    if (vault->remote)
        return NULL;
    vault->broken = !io_sync(&vault->faults, vault->fd);
    if (vault->broken)
        return io_error(arena, "cannot sync", vault->path);
    vault->unsynced = false;
    sodium_memzero(vault->record, RECORD_SIZE_MAX); /* pages as they were before, too */
    return NULL;
}
