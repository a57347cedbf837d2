/* Denials outside of collecting, counted without a person: questions answered with no, reads that were withheld, deliveries that the gate stopped.
 * What was left out of messages counts the core itself (core/counter.c); both end in the same counters.
 *
 * 1. Whoever is denied something counts it here in memory; the next commit takes all of it along. A kill loses what no commit took: a second at most.
 *    Each single read stands in the log of reads anyway.
 * 2. A purpose that the policy does not know is counted as `*`: a client may write anything there.
 * 3. Bounded: kinds × purposes and destinations × reasons, emptied by each commit.
 */
#include "engine/engine_private.h"

#include <stdio.h>
#include <stdlib.h>

struct denials {
    pthread_mutex_t lock;
    struct arena arena;
    struct map places; /* key → index + 1 */
    VEC(struct counter) rows;
};

void denials_open(struct engine *engine)
{
    struct denials *denials = calloc(1, sizeof *denials);
    ASSERT(denials);
    pthread_mutex_init(&denials->lock, NULL);
    arena_init(&denials->arena);
    map_init(&denials->places, &denials->arena);
    engine->denials = denials;
}

void denials_close(struct engine *engine)
{
    if (!engine->denials)
        return;
    pthread_mutex_destroy(&engine->denials->lock);
    arena_release(&engine->denials->arena);
    free(engine->denials);
    engine->denials = NULL;
}

static void row_add(struct denials *denials, const struct counter *row)
{
    char text[4 * LIMIT_NAME_BYTES + 64];
    int length = snprintf(text, sizeof text, "%lld\n%.*s\n%.*s\n%.*s\n%.*s", (long long)row->day_ms, STR_FMT(row->what), STR_FMT(row->source),
                          STR_FMT(row->field), STR_FMT(row->reason));
    str key = str_bytes(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    uintptr_t place = (uintptr_t)map_get(&denials->places, key);
    if (place) {
        denials->rows.items[place - 1].count += row->count;
        return;
    }
    *(struct counter *)vec_push(&denials->arena, &denials->rows) =
        (struct counter){.day_ms = row->day_ms, .what = str_copy(&denials->arena, row->what), .source = str_copy(&denials->arena, row->source),
                         .field = str_copy(&denials->arena, row->field), .reason = str_copy(&denials->arena, row->reason), .count = row->count};
    map_set(&denials->places, str_copy(&denials->arena, key), (void *)(uintptr_t)denials->rows.count);
}

void engine_count_denial(struct engine *engine, const struct policy *policy, const char *what, str destination, str purpose, reason_mask reasons)
{
    struct denials *denials = engine->denials;
    int64_t now_ms = clock_now_ms();
    struct counter row = {.day_ms = now_ms - now_ms % DAY_MS, .what = str_of(what), .source = destination, .count = 1,
                          .field = policy && policy_purpose(policy, purpose) ? purpose : STR("*")};
    pthread_mutex_lock(&denials->lock);
    for (; reasons; reasons &= reasons - 1) {
        row.reason = str_of(reason_name((enum reason)__builtin_ctzll(reasons)));
        row_add(denials, &row);
    }
    pthread_mutex_unlock(&denials->lock);
}

bool denials_wait(struct engine *engine)
{
    pthread_mutex_lock(&engine->denials->lock);
    bool wait = engine->denials->rows.count != 0;
    pthread_mutex_unlock(&engine->denials->lock);
    return wait;
}

size_t denials_take(struct commit *commit)
{
    struct denials *denials = commit->engine->denials;
    pthread_mutex_lock(&denials->lock);
    commit->denial_first = commit->batch.counters.count;
    vec_each (row, &denials->rows) {
        struct counter *taken = vec_push(commit->arena, &commit->batch.counters);
        *taken = (struct counter){.day_ms = row->day_ms, .count = row->count, .what = str_copy(commit->arena, row->what),
                                  .source = str_copy(commit->arena, row->source), .field = str_copy(commit->arena, row->field),
                                  .reason = str_copy(commit->arena, row->reason)};
    }
    size_t count = denials->rows.count;
    if (count) {
        arena_clear(&denials->arena);
        map_init(&denials->places, &denials->arena);
        denials->rows.items = NULL;
        denials->rows.count = denials->rows.capacity = 0;
    }
    pthread_mutex_unlock(&denials->lock);
    commit->denial_count = count;
    return count;
}

void denials_back(struct commit *commit)
{
    struct denials *denials = commit->engine->denials;
    pthread_mutex_lock(&denials->lock);
    for (size_t i = 0; i < commit->denial_count; i++)
        row_add(denials, &commit->batch.counters.items[commit->denial_first + i]);
    pthread_mutex_unlock(&denials->lock);
}
