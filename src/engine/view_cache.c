/* Views of people in memory; the contract is in view_cache.h.
 *
 * Shards by hash, each with a lock, a ring of bytes and a table into it:
 *
 *      ring:  … free │ oldest view │ … │ newest view │ free …        a new one is written behind the newest, and overwrites the oldest
 *      table: open addressing, tag of the hash → place in the ring; views of one hash lie in one chain
 *
 * A mark is the number of times that something was forgotten under a part of the hash. It is compared under the lock that forgetting takes.
 */
#include "engine/view_cache.h"

#include "base/err.h"
#include "base/limits.h"
#include "engine/foreign.h"
#include "engine/view_words.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SHARDS 32
#define MARKS 128 /* a shard */
#define TEXT_BYTES_MAX UINT16_MAX

struct view {
    uint32_t size; /* of all of it, a multiple of 8; 0: the ring goes on at its beginning */
    uint16_t packed, length, purpose, variant;
    bool forgotten, words;
    uint8_t hash[16];
    uint64_t root;
    purpose_mask told;
    int64_t from_ms, until_ms;
    char text[]; /* in a shared store `seen` (8 bytes) comes first */
};
_Static_assert(sizeof(struct view) == 64, "what a view costs beside its text");
struct slot {
    uint32_t tag;
    uint32_t place; /* in the ring, in eighths, + 1; 0: free */
};
struct shard {
    _Alignas(64) pthread_mutex_t lock;
    char *ring;
    size_t first, end, count; /* where the oldest lies, where the next one goes, how many, forgotten ones too */
    struct slot *slots; /* a power of two */
    size_t slot_count, slots_used;
    _Atomic uint32_t marks[MARKS];
};
struct view_cache {
    char *memory;
    size_t bytes, ring_bytes;
    pthread_mutex_t words_lock; /* guards words_learned and learning; `words` is changed under all shards' locks, too */
    struct words_use {
        struct view_words *words;
        _Atomic uint32_t users; /* who is packing, and the cache itself */
    } *words; /* NULL until they are learned */
    const struct foreign *foreign; /* NULL: the store is not shared */
    size_t before; /* bytes before a view's text: 8 in a shared store */
    _Atomic uint32_t policy_version;
    _Atomic size_t unlearned; /* how many views were kept without words */
    struct shard shards[SHARDS];
};

struct view_cache *view_cache_new(size_t bytes)
{
    struct view_cache *cache = aligned_alloc(64, sizeof *cache);
    ASSERT(cache);
    memset(cache, 0, sizeof *cache);
    cache->ring_bytes = bytes / SHARDS & ~(size_t)4095;
    cache->bytes = cache->ring_bytes * SHARDS;
    cache->memory = mmap(NULL, cache->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT(cache->memory != MAP_FAILED);
    (void)madvise(cache->memory, cache->bytes, MADV_DONTDUMP); /* personal data does not belong into a core file; where that fails, it is as before */
    pthread_mutex_init(&cache->words_lock, NULL);
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&cache->shards[i].lock, NULL);
        cache->shards[i].ring = cache->memory + i * cache->ring_bytes;
    }
    return cache;
}

/* ---- the words ---- */

static struct words_use *words_take(struct view_cache *cache)
{
    pthread_mutex_lock(&cache->words_lock);
    struct words_use *use = cache->words;
    if (use)
        atomic_fetch_add(&use->users, 1);
    pthread_mutex_unlock(&cache->words_lock);
    return use;
}

static void words_drop(struct words_use *use)
{
    if (!use || atomic_fetch_sub(&use->users, 1) != 1)
        return;
    view_words_free(use->words);
    free(use);
}

/* ---- the table ---- */

static uint32_t tag_of(const uint8_t hash[16])
{
    uint32_t tag;
    memcpy(&tag, hash + 4, sizeof tag);
    return tag;
}

static struct shard *shard_of(struct view_cache *cache, const identifier_hash *hash) { return &cache->shards[hash->bytes[0] % SHARDS]; }

static _Atomic uint32_t *mark_of(struct shard *shard, const identifier_hash *hash) { return &shard->marks[hash->bytes[1] % MARKS]; }

static struct view *view_at(const struct shard *shard, uint32_t place) { return (struct view *)(void *)(shard->ring + ((size_t)place - 1) * 8); }

static uint32_t place_of(const struct shard *shard, const struct view *view) { return (uint32_t)(((const char *)view - shard->ring) / 8) + 1; }

static void slot_put(struct shard *shard, struct slot slot)
{
    size_t i = slot.tag & (shard->slot_count - 1);
    while (shard->slots[i].place)
        i = (i + 1) & (shard->slot_count - 1);
    shard->slots[i] = slot;
    shard->slots_used++;
}

static void slots_grow(struct shard *shard)
{
    struct slot *old = shard->slots;
    size_t old_count = shard->slot_count;
    shard->slot_count = old_count ? old_count * 2 : 256;
    shard->slots = calloc(shard->slot_count, sizeof *shard->slots);
    ASSERT(shard->slots);
    shard->slots_used = 0;
    for (size_t i = 0; i < old_count; i++)
        if (old[i].place)
            slot_put(shard, old[i]);
    free(old);
}

/* What comes after the hole moves up, where it may. */
static void slot_remove(struct shard *shard, size_t hole)
{
    size_t mask = shard->slot_count - 1;
    shard->slots_used--;
    for (size_t next = (hole + 1) & mask; shard->slots[next].place; next = (next + 1) & mask) {
        size_t home = shard->slots[next].tag & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            shard->slots[hole] = shard->slots[next];
            hole = next;
        }
    }
    shard->slots[hole].place = 0;
}

static void view_forget(struct shard *shard, struct view *view)
{
    size_t mask = shard->slot_count - 1, i = tag_of(view->hash) & mask;
    uint32_t place = place_of(shard, view);
    while (shard->slots[i].place != place) {
        ASSERT(shard->slots[i].place);
        i = (i + 1) & mask;
    }
    slot_remove(shard, i);
    view->forgotten = true;
    memset(view->hash, 0, sizeof view->hash);
    memset(view->text, 0, view->size - sizeof *view);
}

static struct view *view_find(const struct shard *shard, const struct view_key *key)
{
    uint32_t tag = tag_of(key->hash.bytes);
    size_t mask = shard->slot_count - 1;
    if (!shard->slots_used)
        return NULL;
    for (size_t i = tag & mask; shard->slots[i].place; i = (i + 1) & mask) {
        struct view *view = shard->slots[i].tag == tag ? view_at(shard, shard->slots[i].place) : NULL;
        if (view && view->purpose == key->purpose && view->variant == key->variant && view->told == key->told &&
            !memcmp(view->hash, key->hash.bytes, sizeof view->hash))
            return view;
    }
    return NULL;
}

static void hash_forget(struct shard *shard, const identifier_hash *hash)
{
    uint32_t tag = tag_of(hash->bytes);
    size_t mask = shard->slot_count - 1;
    if (!shard->slots_used)
        return;
    for (size_t i = tag & mask; shard->slots[i].place;) {
        struct view *view = shard->slots[i].tag == tag ? view_at(shard, shard->slots[i].place) : NULL;
        if (view && !memcmp(view->hash, hash->bytes, sizeof view->hash))
            view_forget(shard, view); /* another one may have moved to i */
        else
            i = (i + 1) & mask;
    }
}

/* ---- the ring ---- */

static void oldest_drop(struct shard *shard, size_t ring_bytes)
{
    struct view *view = (struct view *)(void *)(shard->ring + shard->first);
    if (!view->forgotten)
        view_forget(shard, view);
    shard->first += view->size;
    shard->count--;
    if (!shard->count)
        shard->first = shard->end = 0;
    else if (shard->first == ring_bytes || !((struct view *)(void *)(shard->ring + shard->first))->size)
        shard->first = 0;
}

static struct view *room_make(struct shard *shard, size_t ring_bytes, size_t size)
{
    if (shard->end + size > ring_bytes) {
        while (shard->count && shard->first >= shard->end)
            oldest_drop(shard, ring_bytes);
        if (shard->count && shard->end < ring_bytes)
            ((struct view *)(void *)(shard->ring + shard->end))->size = 0;
        shard->end = 0;
        if (!shard->count)
            shard->first = 0;
    }
    while (shard->count && shard->first >= shard->end && shard->first < shard->end + size)
        oldest_drop(shard, ring_bytes);
    struct view *view = (struct view *)(void *)(shard->ring + shard->end);
    shard->end += size;
    shard->count++;
    return view;
}

/* ---- learning: once, from what is kept by then ---- */

#define LEARN_FROM 256 /* so many views are kept unlearned; some of them are the samples */

static size_t samples_take(struct view_cache *cache, struct arena *arena, str *ret_samples)
{
    size_t count = 0;
    for (size_t s = 0; s < SHARDS && count < WORDS_SAMPLES_MAX; s++) {
        struct shard *shard = &cache->shards[s];
        pthread_mutex_lock(&shard->lock);
        size_t taken = 0;
        for (size_t i = 0; i < shard->slot_count && taken < 4 && count < WORDS_SAMPLES_MAX; i++) {
            struct view *view = shard->slots[i].place ? view_at(shard, shard->slots[i].place) : NULL;
            if (!view || view->words)
                continue;
            char *text = arena_alloc_raw(arena, view->length);
            if (!view_unpack(NULL, str_bytes(view->text + cache->before, view->packed), text, view->length))
                continue;
            ret_samples[count++] = str_bytes(text, view->length);
            taken++;
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return count;
}

static void learn(struct view_cache *cache, uint32_t policy_version)
{
    struct arena arena;
    str samples[WORDS_SAMPLES_MAX];
    arena_init(&arena);
    size_t count = samples_take(cache, &arena, samples);
    struct words_use *use = calloc(1, sizeof *use);
    ASSERT(use);
    use->words = view_words_learn(&arena, samples, count);
    use->users = 1;
    for (size_t i = 0; i < count; i++)
        memset((char *)(uintptr_t)samples[i].data, 0, samples[i].length);
    arena_release(&arena);
    pthread_mutex_lock(&cache->words_lock);
    if (!cache->words && cache->policy_version == policy_version) {
        cache->words = use;
        use = NULL;
    }
    pthread_mutex_unlock(&cache->words_lock);
    words_drop(use);
}

/* ---- from outside ---- */

void view_cache_clear(struct view_cache *cache, uint32_t policy_version)
{
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_lock(&cache->shards[i].lock);
    pthread_mutex_lock(&cache->words_lock);
    struct words_use *words = cache->words;
    cache->words = NULL;
    cache->unlearned = 0;
    cache->policy_version = policy_version;
    pthread_mutex_unlock(&cache->words_lock);
    for (size_t i = SHARDS; i-- > 0;) {
        struct shard *shard = &cache->shards[i];
        free(shard->slots);
        shard->slots = NULL;
        shard->slot_count = shard->slots_used = shard->first = shard->end = shard->count = 0;
        for (size_t m = 0; m < MARKS; m++)
            atomic_fetch_add(&shard->marks[m], 1);
        if (madvise(shard->ring, cache->ring_bytes, MADV_DONTNEED)) /* gives the memory back, zeroed */
            memset(shard->ring, 0, cache->ring_bytes);
        pthread_mutex_unlock(&shard->lock);
    }
    words_drop(words);
}

void view_cache_free(struct view_cache *cache)
{
    if (!cache)
        return;
    view_cache_clear(cache, 0);
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_destroy(&cache->shards[i].lock);
    pthread_mutex_destroy(&cache->words_lock);
    munmap(cache->memory, cache->bytes);
    free(cache);
}

uint32_t view_cache_mark(struct view_cache *cache, const identifier_hash *hash)
{
    return atomic_load(mark_of(shard_of(cache, hash), hash));
}

void view_cache_share(struct view_cache *cache, const struct foreign *foreign)
{
    cache->foreign = foreign;
    cache->before = sizeof(uint64_t);
}

static bool touched_elsewhere(const struct view_cache *cache, const struct view *view)
{
    uint64_t seen = 0;
    memcpy(&seen, view->text, cache->before);
    return cache->foreign && foreign_at(cache->foreign, view->root) > seen;
}

bool view_cache_get(struct view_cache *cache, uint32_t policy_version, const struct view_key *key, int64_t now_ms, struct buf *out,
                    struct view_made *ret_made)
{
    struct shard *shard = shard_of(cache, &key->hash);
    bool found = false;
    pthread_mutex_lock(&shard->lock);
    struct view *view = cache->policy_version == policy_version ? view_find(shard, key) : NULL;
    if (view && (now_ms >= view->until_ms || touched_elsewhere(cache, view)))
        view_forget(shard, view);
    else if (view && now_ms >= view->from_ms) { /* a clock that was set back proves nothing about what was before */
        char *to = buf_reserve(out, view->length);
        struct view_words *words = view->words ? cache->words->words : NULL;
        found = to && view_unpack(words, str_bytes(view->text + cache->before, view->packed), to, view->length);
        ASSERT(found || !to);
        if (found) {
            out->length += view->length;
            *ret_made = (struct view_made){.root = {view->root}, .from_ms = view->from_ms, .until_ms = view->until_ms};
        }
    }
    pthread_mutex_unlock(&shard->lock);
    return found;
}

static void put(struct view_cache *cache, struct shard *shard, const struct view_key *key, const struct view_made *made, str text, str packed,
                bool words)
{
    size_t size = (sizeof(struct view) + cache->before + packed.length + 7) & ~(size_t)7;
    struct view *older = view_find(shard, key);
    if (older)
        view_forget(shard, older);
    struct view *view = room_make(shard, cache->ring_bytes, size);
    *view = (struct view){.size = (uint32_t)size, .packed = (uint16_t)packed.length, .length = (uint16_t)text.length, .purpose = key->purpose,
                          .variant = key->variant, .told = key->told, .root = made->root.value, .from_ms = made->from_ms, .until_ms = made->until_ms, .words = words};
    memcpy(view->hash, key->hash.bytes, sizeof view->hash);
    memcpy(view->text, &made->seen, cache->before);
    memcpy(view->text + cache->before, packed.data, packed.length);
    if ((shard->slots_used + 1) * 4 > shard->slot_count * 3)
        slots_grow(shard);
    slot_put(shard, (struct slot){tag_of(view->hash), place_of(shard, view)});
}

void view_cache_put(struct view_cache *cache, uint32_t policy_version, const struct view_key *key, uint32_t mark, const struct view_made *made, str text)
{
    struct shard *shard = shard_of(cache, &key->hash);
    if (made->until_ms <= made->from_ms || text.length > TEXT_BYTES_MAX || cache->policy_version != policy_version ||
        sizeof(struct view) + TEXT_BYTES_MAX > cache->ring_bytes / 4)
        return;
    struct words_use *use = words_take(cache);
    char *packed = malloc(TEXT_BYTES_MAX);
    ASSERT(packed);
    size_t length = view_pack(use ? use->words : NULL, text, packed, TEXT_BYTES_MAX);
    pthread_mutex_lock(&shard->lock);
    bool kept = length && atomic_load(mark_of(shard, &key->hash)) == mark && cache->policy_version == policy_version && (!use || use == cache->words);
    if (kept)
        put(cache, shard, key, made, text, str_bytes(packed, length), use != NULL);
    pthread_mutex_unlock(&shard->lock);
    free(packed);
    words_drop(use);
    if (kept && !use && atomic_fetch_add(&cache->unlearned, 1) + 1 == LEARN_FROM)
        learn(cache, policy_version);
}

void view_cache_forget(struct view_cache *cache, const struct person *person)
{
    vec_each (identifier, &person->identifiers) {
        struct shard *shard = shard_of(cache, &identifier->hash);
        pthread_mutex_lock(&shard->lock);
        atomic_fetch_add(mark_of(shard, &identifier->hash), 1);
        hash_forget(shard, &identifier->hash);
        pthread_mutex_unlock(&shard->lock);
    }
}

size_t view_cache_count(struct view_cache *cache)
{
    size_t count = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        count += cache->shards[i].slots_used;
        pthread_mutex_unlock(&cache->shards[i].lock);
    }
    return count;
}
