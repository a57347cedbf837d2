/* Saving what is appended: events, held messages, the outbox, ledger leaves with their tiles. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include "store/event_parts.h"

#include <openssl/sha.h>
#include <stdlib.h>

#define EACH_CHANGED(field)                                                                                            \
    vec_each (person_, &saving->save->batch->persons)                                                                  \
        vec_each (row, &(*person_)->field)                                                                             \
            if (row->change)

/* --- events */

static void put_parts(struct saving *saving, struct rows *rows, const struct event *event)
{
    str parts = event_parts_pack(saving->arena, event);
    put_name(rows, event_sets_text(saving->arena, saving->save->sets, event));
    put_bytes(rows, parts.data, parts.length);
}

static int event_order(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    return x->number.value < y->number.value ? -1 : x->number.value > y->number.value;
}

static void event_put(struct saving *saving, struct rows *rows, const struct event *event)
{
    ASSERT(event->number.value > 0 && event->profile.value > 0);
    put_number(rows, event->number.value);
    put_number(rows, event->profile.value);
    put_int(rows, event->identifier);
    put_text(rows, str_of(event_type_name(event->type)));
    put_text(rows, event->source);
    put_int(rows, event->at_ms);
    put_int(rows, event->received_ms);
    put_int(rows, event->policy_version);
    put_number(rows, event->batch);
    put_int(rows, event->batch_index);
    put_uuid(rows, event->id);
    put_parts(saving, rows, event);
}

void queue_events(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nnittnniniutb"), gone = rows_make(saving->arena, "nn"), set = rows_make(saving->arena, "nntb");
    VEC(const struct event *) added = {0};
    EACH_CHANGED(events) {
        if (row->change == CHANGE_NEW) {
            *(const struct event **)vec_push(saving->arena, &added) = row;
            continue;
        }
        struct rows *rows = row->change == CHANGE_GONE ? &gone : &set;
        put_number(rows, row->profile.value);
        put_number(rows, row->number.value);
        if (rows == &gone)
            continue;
        put_parts(saving, rows, row);
    }
    if (added.count > 1) /* at the end of the table in order */
        qsort(added.items, added.count, sizeof *added.items, event_order);
    vec_each (event, &added) {
        event_put(saving, &put, *event);
        next_above(&saving->event_next, (*event)->number.value);
    }
    pipe_add_rows(saving->session, SQL_EVENT_UPDATE, &set);
    pipe_add_rows(saving->session, SQL_EVENT_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_EVENT_INSERT, &put);
}

/* --- held messages */

void queue_held(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nnitnnb"), gone = rows_make(saving->arena, "nn");
    EACH_CHANGED(held) {
        if (row->change == CHANGE_GONE) {
            put_number(&gone, row->profile.value);
            put_number(&gone, row->number);
            continue;
        }
        ASSERT(row->sealed.length);
        put_number(&put, row->number);
        put_number(&put, row->profile.value);
        put_int(&put, row->identifier);
        put_text(&put, row->source);
        put_int(&put, row->received_ms);
        put_time(&put, row->expires_ms, TIME_FOREVER);
        put_blob(&put, row->sealed);
        next_above(&saving->held_next, row->number);
    }
    pipe_add_rows(saving->session, SQL_HELD_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_HELD_PUT, &put);
}

/* --- the outbox */

static void delivery_state_put(struct rows *rows, const struct delivery_result *row)
{
    put_int(rows, row->state);
    put_int(rows, row->attempts);
    put_time(rows, row->next_ms, TIME_FOREVER);
    put_time(rows, row->done_ms, TIME_NONE);
    put_name(rows, row->reason);
}

static void delivery_put(struct rows *rows, const struct delivery *row)
{
    uint64_t event = row->event_new ? row->event_new->number.value : row->event.value;
    ASSERT(row->number > 0);
    put_number(rows, row->number);
    put_uuid(rows, row->id);
    put_number(rows, row->profile.value);
    put_text(rows, row->destination);
    put_text(rows, row->purpose);
    put_int(rows, row->kind);
    put_time(rows, (int64_t)event, 0);
    put_int(rows, row->state);
    put_int(rows, row->attempts);
    put_int(rows, row->queued_ms);
    put_time(rows, row->next_ms, TIME_FOREVER);
    put_time(rows, row->done_ms, TIME_NONE);
    put_name(rows, row->reason);
    put_blob(rows, row->sealed);
}

static void deliveries_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nunttsnsinnntb"), gone = rows_make(saving->arena, "nn"), set = rows_make(saving->arena, "nnsinntb");
    EACH_CHANGED(deliveries) {
        if (row->change == CHANGE_NEW) {
            delivery_put(&put, row);
            next_above(&saving->outbox_next, row->number);
            continue;
        }
        struct rows *rows = row->change == CHANGE_GONE ? &gone : &set;
        put_number(rows, row->profile.value);
        put_number(rows, row->number);
        if (rows == &gone)
            continue;
        delivery_state_put(rows, &(struct delivery_result){row->number, row->state, row->attempts, row->next_ms, row->done_ms, row->reason});
        put_blob(rows, row->sealed);
    }
    pipe_add_rows(saving->session, SQL_OUTBOX_SET, &set);
    pipe_add_rows(saving->session, SQL_OUTBOX_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_OUTBOX_INSERT, &put);
}

void queue_outbox(struct saving *saving)
{
    const struct save *save = saving->save;
    struct rows results = rows_make(saving->arena, "nsinnt");
    if (save->batch)
        deliveries_save(saving);
    str *keys = arena_array(saving->arena, str, save->results.count);
    for (size_t i = 0; i < save->results.count; i++)
        keys[i] = str_bytes(&save->results.items[i].number, sizeof save->results.items[i].number);
    const bool *last = last_of_key(saving->arena, keys, save->results.count);
    for (size_t i = 0; i < save->results.count; i++)
        if (last[i]) {
            put_number(&results, save->results.items[i].number);
            delivery_state_put(&results, &save->results.items[i]);
        }
    pipe_add_rows(saving->session, SQL_OUTBOX_RESULT, &results);
    struct rows gone = rows_make(saving->arena, "n");
    vec_each (number, &save->outbox_gone)
        put_number(&gone, *number);
    pipe_add_rows(saving->session, SQL_OUTBOX_GONE, &gone);
}

/* --- the ledger */

/* RFC 9162 §2.1.1: a full tile's root; `hashes` is used up. (The evidence room has the same; it is a neighbour, so it is not known here.) */
static void tile_root(uint8_t (*hashes)[32], size_t count, uint8_t ret[32])
{
    for (; count > 1; count /= 2)
        for (size_t i = 0; i < count / 2; i++) {
            uint8_t node[65];
            node[0] = 1;
            memcpy(node + 1, hashes[2 * i], 32);
            memcpy(node + 33, hashes[2 * i + 1], 32);
            ASSERT(SHA256(node, sizeof node, hashes[i]));
        }
    memcpy(ret, hashes[0], 32);
}

/* Hashes of a level from `first` on that this save brings: they may fill tiles, whose roots are hashes of the next level. */
struct level {
    uint64_t first;
    VEC(struct { uint8_t bytes[32]; }) hashes;
};

static const struct err *level_up(struct saving *saving, unsigned level, const struct level *from, struct level *to)
{
    uint64_t end = from->first + from->hashes.count;
    to->first = from->first / 256;
    for (uint64_t tile = to->first; (tile + 1) * 256 <= end; tile++) {
        uint8_t hashes[256][32];
        unsigned there = tile * 256 < from->first ? (unsigned)(from->first - tile * 256) : 0; /* saved before */
        if (there)
            TRY(postgres_tile((struct store_session *)saving->session, saving->arena, level, tile, there, hashes[0]));
        for (unsigned i = there; i < 256; i++)
            memcpy(hashes[i], from->hashes.items[tile * 256 + i - from->first].bytes, 32);
        tile_root(hashes, 256, ((__typeof__(to->hashes.items))vec_push(saving->arena, &to->hashes))->bytes);
    }
    return NULL;
}

const struct err *tiles_make(struct saving *saving, struct rows *tiles)
{
    const struct save *save = saving->save;
    struct level level = {0};
    if (!save->ledger.count)
        return NULL;
    level.first = save->ledger.items[0].index;
    vec_each (row, &save->ledger) {
        ASSERT(row->index == level.first + level.hashes.count);
        memcpy(((__typeof__(level.hashes.items))vec_push(saving->arena, &level.hashes))->bytes, row->leaf_hash, 32);
    }
    for (unsigned number = 0; level.hashes.count; number++) {
        struct level above = {0};
        TRY(level_up(saving, number, &level, &above));
        for (size_t i = 0; i < above.hashes.count; i++) {
            put_number(tiles, (uint64_t)(number + 1) << 52 | (above.first + i));
            put_bytes(tiles, above.hashes.items[i].bytes, 32);
        }
        level = above;
    }
    return NULL;
}

void queue_ledger(struct saving *saving, const struct rows *tiles)
{
    struct rows rows = rows_make(saving->arena, "nbntb");
    vec_each (row, &saving->save->ledger) {
        put_number(&rows, row->index);
        put_bytes(&rows, row->leaf_hash, sizeof row->leaf_hash);
        put_time(&rows, (int64_t)row->profile.value, 0);
        put_text(&rows, row->entry);
        put_blob(&rows, row->record_sealed);
    }
    pipe_add_rows(saving->session, SQL_LEDGER_INSERT, &rows);
    pipe_add_rows(saving->session, SQL_TILE_PUT, tiles);
}
