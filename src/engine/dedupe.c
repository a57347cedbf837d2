/* The ids of messages of the last 24 hours, in memory: an open-addressed set of 8-byte keyed hashes, and a ring of them in order of time,
 * so that the oldest can be taken out. Rebuilt at start from the newest batch rows.
 *
 * 1. At most LIMIT_DEDUPE_IDS: when full, the oldest goes. Memory grows with what is remembered (24 bytes an id at most) and never shrinks.
 * 2. An id is never 0; every id in the ring is in the set exactly once.
 * Not thread-safe: it is the writer's.
 */
#include "engine/engine_private.h"

#include <stdlib.h>

#define SPAN_MAX 4096 /* spans of one time; past that, spans are joined */

struct span { /* ids that came at one time */
    int64_t at_ms;
    uint64_t count;
};
struct dedupe {
    uint64_t *set; /* power of two of slots; 0: free */
    size_t slots;
    uint64_t *ring;
    size_t ring_size, first, count; /* ring_size is a power of two */
    struct span spans[SPAN_MAX]; /* a ring, too */
    size_t span_first, span_count;
};

struct dedupe *dedupe_new(void)
{
    struct dedupe *dedupe = calloc(1, sizeof *dedupe);
    ASSERT(dedupe);
    return dedupe;
}

void dedupe_free(struct dedupe *dedupe)
{
    if (!dedupe)
        return;
    free(dedupe->set);
    free(dedupe->ring);
    free(dedupe);
}

static size_t slot_of(const struct dedupe *dedupe, uint64_t id)
{
    size_t slot = (size_t)id & (dedupe->slots - 1);
    while (dedupe->set[slot] && dedupe->set[slot] != id)
        slot = (slot + 1) & (dedupe->slots - 1);
    return slot;
}

bool dedupe_has(const struct dedupe *dedupe, uint64_t id)
{
    return dedupe->count && id && dedupe->set[slot_of(dedupe, id)] == id;
}

/* Takes one out and moves those up that its absence would hide. */
static void set_remove(struct dedupe *dedupe, uint64_t id)
{
    size_t mask = dedupe->slots - 1, hole = slot_of(dedupe, id);
    ASSERT(dedupe->set[hole] == id);
    for (size_t next = (hole + 1) & mask; dedupe->set[next]; next = (next + 1) & mask) {
        size_t home = (size_t)dedupe->set[next] & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            dedupe->set[hole] = dedupe->set[next];
            hole = next;
        }
    }
    dedupe->set[hole] = 0;
}

static void grow(struct dedupe *dedupe)
{
    size_t size = dedupe->ring_size ? dedupe->ring_size * 2 : 4096;
    uint64_t *ring = malloc(size * sizeof *ring), *set = calloc(size * 2, sizeof *set);
    ASSERT(ring && set);
    for (size_t i = 0; i < dedupe->count; i++)
        ring[i] = dedupe->ring[(dedupe->first + i) & (dedupe->ring_size - 1)];
    free(dedupe->ring);
    free(dedupe->set);
    dedupe->ring = ring;
    dedupe->ring_size = size;
    dedupe->first = 0;
    dedupe->set = set;
    dedupe->slots = size * 2;
    for (size_t i = 0; i < dedupe->count; i++)
        set[slot_of(dedupe, ring[i])] = ring[i];
}

static void remove_oldest(struct dedupe *dedupe)
{
    set_remove(dedupe, dedupe->ring[dedupe->first]);
    dedupe->first = (dedupe->first + 1) & (dedupe->ring_size - 1);
    dedupe->count--;
    struct span *span = &dedupe->spans[dedupe->span_first];
    if (--span->count == 0) {
        dedupe->span_first = (dedupe->span_first + 1) % SPAN_MAX;
        dedupe->span_count--;
    }
}

void dedupe_add(struct dedupe *dedupe, uint64_t id, int64_t at_ms)
{
    ASSERT(id && !dedupe_has(dedupe, id));
    if (dedupe->count == LIMIT_DEDUPE_IDS)
        remove_oldest(dedupe);
    if (dedupe->count == dedupe->ring_size)
        grow(dedupe);
    dedupe->ring[(dedupe->first + dedupe->count++) & (dedupe->ring_size - 1)] = id;
    dedupe->set[slot_of(dedupe, id)] = id;
    struct span *last = &dedupe->spans[(dedupe->span_first + dedupe->span_count + SPAN_MAX - 1) % SPAN_MAX];
    int64_t step_ms = dedupe->span_count < SPAN_MAX / 2 ? SECOND_MS : MINUTE_MS; /* a day has 1,440 minutes: spans never run out */
    if (dedupe->span_count && (at_ms < last->at_ms + step_ms || dedupe->span_count == SPAN_MAX)) {
        last->count++;
        return;
    }
    dedupe->spans[(dedupe->span_first + dedupe->span_count++) % SPAN_MAX] = (struct span){at_ms, 1};
}

void dedupe_remove_newest(struct dedupe *dedupe, size_t count)
{
    ASSERT(count <= dedupe->count);
    for (; count; count--) {
        set_remove(dedupe, dedupe->ring[(dedupe->first + --dedupe->count) & (dedupe->ring_size - 1)]);
        if (--dedupe->spans[(dedupe->span_first + dedupe->span_count - 1) % SPAN_MAX].count == 0)
            dedupe->span_count--;
    }
}

void dedupe_expire(struct dedupe *dedupe, int64_t before_ms)
{
    while (dedupe->span_count && dedupe->spans[dedupe->span_first].at_ms < before_ms)
        for (uint64_t rest = dedupe->spans[dedupe->span_first].count; rest; rest--)
            remove_oldest(dedupe);
}

size_t dedupe_count(const struct dedupe *dedupe)
{
    return dedupe->count;
}
