/* Saving what is appended: events, held messages, the outbox, ledger leaves with their tiles.
 *
 * 1. Rows go down in order of their number, so that each table is written at its end.
 * 2. Events that go are cut out of their profile's chain before new ones are put on it.
 */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include "store/event_parts.h"

#include <openssl/sha.h>
#include <stdlib.h>

/* --- events */

typedef VEC(const struct event *) event_list;

static int event_order(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    return x->number.value < y->number.value ? -1 : x->number.value > y->number.value;
}

/* By profile, newest first. */
static int gone_order(const void *a, const void *b)
{
    const struct event *x = *(const struct event *const *)a, *y = *(const struct event *const *)b;
    if (x->profile.value != y->profile.value)
        return x->profile.value < y->profile.value ? -1 : 1;
    return -event_order(a, b);
}

static const struct err *event_link(struct saving *saving, uint64_t number, uint64_t *ret_previous, bool *ret_found)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(saving->session, saving->arena, SQL_EVENT_LINK, &statement));
    bind_number(statement, 1, number);
    TRY(sql_step(saving->session, saving->arena, statement, ret_found));
    *ret_previous = *ret_found ? column_number(statement, 0) : 0;
    (void)sqlite3_reset(statement); /* it was read without error */
    return NULL;
}

static const struct err *chain_join(struct saving *saving, uint64_t profile, uint64_t newer, uint64_t older)
{
    sqlite3_stmt *statement;
    if (!newer) {
        chain_assign(&saving->chains, CHAIN_EVENTS, profile, older);
        return NULL;
    }
    TRY(sql_prepare(saving->session, saving->arena, SQL_EVENT_RELINK, &statement));
    bind_number(statement, 1, newer);
    bind_time(statement, 2, (int64_t)older, 0);
    return sql_step(saving->session, saving->arena, statement, NULL);
}

/* Walks down one profile's chain as far as the oldest of these, and closes the gaps. */
static const struct err *chain_cut(struct saving *saving, const struct event *const *gone, size_t count)
{
    uint64_t profile = gone[0]->profile.value, kept = 0, previous;
    uint64_t number = chain_head_pending(&saving->session->store->chains, &saving->chains, CHAIN_EVENTS, profile);
    bool gap = false, found;
    size_t i = 0;
    for (; number; number = previous) {
        while (i < count && gone[i]->number.value > number)
            i++; /* was not there any more */
        if (i == count && !gap)
            return NULL;
        bool goes = i < count && gone[i]->number.value == number;
        if (!goes && gap)
            TRY(chain_join(saving, profile, kept, number));
        if (!goes && i == count)
            return NULL;
        TRY(event_link(saving, number, &previous, &found));
        if (!found)
            return err_new(saving->arena, ERR_INTERNAL, "An event that a profile's list names is missing; run `telos audit check`.");
        gap = goes;
        i += goes;
        kept = goes ? kept : number;
    }
    return gap ? chain_join(saving, profile, kept, 0) : NULL;
}

static const struct err *events_forget(struct saving *saving, event_list *gone)
{
    if (!gone->count)
        return NULL;
    qsort(gone->items, gone->count, sizeof *gone->items, gone_order);
    for (size_t from = 0, to; from < gone->count; from = to) {
        for (to = from; to < gone->count && profile_no_equal(gone->items[to]->profile, gone->items[from]->profile);)
            to++;
        TRY(chain_cut(saving, gone->items + from, to - from));
    }
    qsort(gone->items, gone->count, sizeof *gone->items, event_order);
    vec_each (event, gone) {
        sqlite3_stmt *statement;
        TRY(sql_prepare(saving->session, saving->arena, SQL_EVENT_DELETE, &statement));
        bind_number(statement, 1, (*event)->number.value);
        TRY(sql_step(saving->session, saving->arena, statement, NULL));
        saving->totals.events -= (uint64_t)sqlite3_changes(saving->session->db);
    }
    return NULL;
}

/* Sets at this place, parts at the next. The sets of a single part, which is the usual case, as a number. */
static void bind_parts(struct saving *saving, sqlite3_stmt *statement, int place, const struct event *event)
{
    struct purpose_sets *sets = saving->save->sets;
    if (event->part_count == 1)
        bind_int(statement, place, purpose_sets_id(sets, event->parts[0].purposes));
    else
        bind_name(statement, place, event_sets_text(saving->arena, sets, event));
    str parts = event_parts_pack(saving->arena, event);
    bind_blob(statement, place + 1, parts.data, parts.length);
}

static const struct err *event_insert(struct saving *saving, const struct event *event)
{
    sqlite3_stmt *s;
    ASSERT(event->number.value > 0 && event->profile.value > 0 && event->profile.value <= PROFILE_NO_MAX);
    uint64_t previous = chain_push(&saving->session->store->chains, &saving->chains, CHAIN_EVENTS, event->profile.value, event->number.value);
    TRY(sql_prepare(saving->session, saving->arena, SQL_EVENT_INSERT, &s));
    bind_number(s, 1, event->number.value);
    bind_time(s, 2, (int64_t)previous, 0);
    bind_number(s, 3, event->profile.value);
    bind_int(s, 4, event->identifier);
    bind_text(s, 5, str_of(event_type_name(event->type)));
    bind_text(s, 6, event->source);
    bind_int(s, 7, event->at_ms);
    bind_int(s, 8, event->received_ms);
    bind_int(s, 9, event->policy_version);
    bind_number(s, 10, event->batch);
    bind_int(s, 11, event->batch_index);
    bind_uuid(s, 12, &event->id);
    bind_parts(saving, s, 13, event);
    return sql_step(saving->session, saving->arena, s, NULL);
}

static const struct err *event_update(struct saving *saving, const struct event *event)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(saving->session, saving->arena, SQL_EVENT_UPDATE, &s));
    bind_number(s, 1, event->number.value);
    bind_parts(saving, s, 2, event);
    return sql_step(saving->session, saving->arena, s, NULL);
}

const struct err *save_events(struct saving *saving)
{
    event_list added = {0}, gone = {0};
    vec_each (person, &saving->save->batch->persons)
        vec_each (event, &(*person)->events) {
            if (event->change == CHANGE_NEW)
                *(const struct event **)vec_push(saving->arena, &added) = event;
            else if (event->change == CHANGE_GONE)
                *(const struct event **)vec_push(saving->arena, &gone) = event;
            else if (event->change == CHANGE_SET)
                TRY(event_update(saving, event));
        }
    TRY(events_forget(saving, &gone));
    bool sorted = true;
    for (size_t i = 1; i < added.count && sorted; i++)
        sorted = added.items[i - 1]->number.value < added.items[i]->number.value;
    if (!sorted)
        qsort(added.items, added.count, sizeof *added.items, event_order);
    vec_each (event, &added)
        TRY(event_insert(saving, *event));
    saving->totals.events += added.count;
    if (added.count && added.items[added.count - 1]->number.value >= saving->totals.event_next)
        saving->totals.event_next = added.items[added.count - 1]->number.value + 1;
    return NULL;
}

/* --- decisions about events that are gone */

const struct err *save_decisions(struct saving *saving)
{
    sqlite3_stmt *s;
    vec_each (profile, &saving->save->decisions_gone) {
        TRY(sql_prepare(saving->session, saving->arena, SQL_DECISIONS_DELETE, &s));
        bind_number(s, 1, profile->value);
        TRY(sql_step(saving->session, saving->arena, s, NULL));
    }
    vec_each (row, &saving->save->decisions) {
        TRY(sql_prepare(saving->session, saving->arena, SQL_DECISIONS_PUT, &s));
        bind_number(s, 1, row->profile.value);
        bind_number(s, 2, row->batch);
        bind_int(s, 3, row->part);
        bind_int(s, 4, row->count);
        ASSERT(row->sealed.length);
        bind_bytes(s, 5, row->sealed);
        TRY(sql_step(saving->session, saving->arena, s, NULL));
    }
    return NULL;
}

/* --- held messages */

static const struct err *held_change(struct saving *saving, const struct held *row)
{
    sqlite3_stmt *s;
    if (row->change != CHANGE_NEW) {
        TRY(sql_prepare(saving->session, saving->arena, SQL_HELD_DELETE, &s));
        bind_number(s, 1, row->number);
        TRY(sql_step(saving->session, saving->arena, s, NULL));
        saving->totals.held -= (uint64_t)sqlite3_changes(saving->session->db);
    }
    if (row->change == CHANGE_GONE)
        return NULL;
    TRY(sql_prepare(saving->session, saving->arena, SQL_HELD_INSERT, &s));
    bind_number(s, 1, row->number);
    bind_number(s, 2, row->profile.value);
    bind_int(s, 3, row->identifier);
    bind_text(s, 4, row->source);
    bind_int(s, 5, row->received_ms);
    bind_time(s, 6, row->expires_ms, TIME_FOREVER);
    ASSERT(row->sealed.length);
    bind_bytes(s, 7, row->sealed);
    TRY(sql_step(saving->session, saving->arena, s, NULL));
    saving->totals.held++;
    if (row->number >= saving->totals.held_next)
        saving->totals.held_next = row->number + 1;
    return NULL;
}

const struct err *save_held(struct saving *saving)
{
    vec_each (person, &saving->save->batch->persons)
        vec_each (row, &(*person)->held)
            if (row->change)
                TRY(held_change(saving, row));
    return NULL;
}

/* --- the outbox */

static int64_t *state_delta(struct saving *saving, str destination, enum delivery_state state)
{
    ASSERT((unsigned)state < 4);
    vec_each (delta, &saving->outbox)
        if (str_equal(delta->destination, destination))
            return &delta->states[state];
    struct outbox_delta *delta = vec_push(saving->arena, &saving->outbox);
    delta->destination = str_copy(saving->arena, destination);
    return &delta->states[state];
}

static void state_count(struct saving *saving, str destination, enum delivery_state state, int64_t by)
{
    *state_delta(saving, destination, state) += by;
    if (state == DELIVERY_PENDING)
        saving->totals.pending += (uint64_t)by;
}

/* Takes the row, as it was, out of the counts; false where there is none. */
static const struct err *outbox_uncount(struct saving *saving, uint64_t number, str *ret_destination, bool *ret_found)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_OLD, &s));
    bind_number(s, 1, number);
    TRY(sql_step(saving->session, saving->arena, s, ret_found));
    if (!*ret_found)
        return NULL;
    *ret_destination = column_str(s, 0, saving->arena);
    state_count(saving, *ret_destination, (enum delivery_state)column_int(s, 1), -1);
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

static const struct err *outbox_result(struct saving *saving, const struct delivery_result *row)
{
    sqlite3_stmt *s;
    str destination;
    bool found;
    TRY(outbox_uncount(saving, row->number, &destination, &found));
    if (!found)
        return NULL;
    state_count(saving, destination, row->state, 1);
    TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_UPDATE, &s));
    bind_number(s, 1, row->number);
    bind_int(s, 2, row->state);
    bind_int(s, 3, row->attempts);
    bind_time(s, 4, row->next_ms, TIME_FOREVER);
    bind_time(s, 5, row->done_ms, TIME_NONE);
    bind_name(s, 6, row->reason);
    return sql_step(saving->session, saving->arena, s, NULL);
}

/* Looked at by the engine before this commit: what was replayed meanwhile is pending, and stays. */
static const struct err *outbox_remove(struct saving *saving, uint64_t number)
{
    sqlite3_stmt *s;
    bool found;
    TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_OLD, &s));
    bind_number(s, 1, number);
    TRY(sql_step(saving->session, saving->arena, s, &found));
    if (!found)
        return NULL;
    str destination = column_str(s, 0, saving->arena);
    enum delivery_state state = (enum delivery_state)column_int(s, 1);
    (void)sqlite3_reset(s); /* it was read without error */
    if (state == DELIVERY_PENDING)
        return NULL;
    state_count(saving, destination, state, -1);
    TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_DELETE, &s));
    bind_number(s, 1, number);
    return sql_step(saving->session, saving->arena, s, NULL);
}

static const struct err *outbox_change(struct saving *saving, const struct delivery *row)
{
    sqlite3_stmt *s;
    if (row->change == CHANGE_GONE) {
        str destination;
        bool found;
        TRY(outbox_uncount(saving, row->number, &destination, &found));
        TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_DELETE, &s));
        bind_number(s, 1, row->number);
        return sql_step(saving->session, saving->arena, s, NULL);
    }
    if (row->change == CHANGE_SET) {
        struct delivery_result result = {row->number, row->state, row->attempts, row->next_ms, row->done_ms, row->reason};
        TRY(outbox_result(saving, &result));
        TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_RESEAL, &s));
        bind_number(s, 1, row->number);
        bind_bytes(s, 2, row->sealed);
        return sql_step(saving->session, saving->arena, s, NULL);
    }
    uint64_t event = row->event_new ? row->event_new->number.value : row->event.value;
    ASSERT(row->number > 0);
    TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_INSERT, &s));
    bind_number(s, 1, row->number);
    bind_uuid(s, 2, &row->id);
    bind_number(s, 3, row->profile.value);
    bind_text(s, 4, row->destination);
    bind_text(s, 5, row->purpose);
    bind_int(s, 6, row->kind);
    bind_time(s, 7, (int64_t)event, 0);
    bind_int(s, 8, row->state);
    bind_int(s, 9, row->attempts);
    bind_int(s, 10, row->queued_ms);
    bind_time(s, 11, row->next_ms, TIME_FOREVER);
    bind_time(s, 12, row->done_ms, TIME_NONE);
    bind_name(s, 13, row->reason);
    bind_bytes(s, 14, row->sealed);
    state_count(saving, row->destination, row->state, 1);
    if (row->number >= saving->totals.outbox_next)
        saving->totals.outbox_next = row->number + 1;
    return sql_step(saving->session, saving->arena, s, NULL);
}

static int delivery_order(const void *a, const void *b)
{
    const struct delivery *x = *(const struct delivery *const *)a, *y = *(const struct delivery *const *)b;
    return x->number < y->number ? -1 : x->number > y->number;
}

const struct err *save_outbox(struct saving *saving)
{
    VEC(const struct delivery *) added = {0};
    if (saving->save->batch)
        vec_each (person, &saving->save->batch->persons)
            vec_each (row, &(*person)->deliveries) {
                if (row->change == CHANGE_NEW)
                    *(const struct delivery **)vec_push(saving->arena, &added) = row;
                else if (row->change)
                    TRY(outbox_change(saving, row));
            }
    if (added.count > 1)
        qsort(added.items, added.count, sizeof *added.items, delivery_order);
    vec_each (row, &added)
        TRY(outbox_change(saving, *row));
    vec_each (result, &saving->save->results)
        TRY(outbox_result(saving, result));
    vec_each (number, &saving->save->outbox_gone)
        TRY(outbox_remove(saving, *number));
    vec_each (delta, &saving->outbox)
        for (int state = 0; state < 4; state++) {
            sqlite3_stmt *s;
            if (!delta->states[state])
                continue;
            TRY(sql_prepare(saving->session, saving->arena, SQL_OUTBOX_COUNT_ADD, &s));
            bind_text(s, 1, delta->destination);
            bind_int(s, 2, state);
            bind_int(s, 3, delta->states[state]);
            TRY(sql_step(saving->session, saving->arena, s, NULL));
        }
    return NULL;
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

/* Leaf `index` completed a tile of level 0, and perhaps tiles above: each full tile's root is a hash of the level above it. */
static const struct err *tiles_grow(struct saving *saving, uint64_t index)
{
    uint64_t size = index + 1;
    for (unsigned level = 0; size % 256 == 0; level++, size /= 256) {
        uint8_t hashes[256][32], root[32];
        uint64_t position = size / 256 - 1;
        TRY(sqlite_tile((struct store_session *)saving->session, saving->arena, level, position, 256, hashes[0]));
        tile_root(hashes, 256, root);
        sqlite3_stmt *statement;
        TRY(sql_prepare(saving->session, saving->arena, SQL_TILE_PUT, &statement));
        bind_number(statement, 1, (uint64_t)(level + 1) << 52 | position);
        bind_blob(statement, 2, root, sizeof root);
        TRY(sql_step(saving->session, saving->arena, statement, NULL));
    }
    return NULL;
}

const struct err *save_ledger(struct saving *saving)
{
    vec_each (row, &saving->save->ledger) {
        sqlite3_stmt *s;
        TRY(sql_prepare(saving->session, saving->arena, SQL_LEDGER_INSERT, &s));
        bind_number(s, 1, row->index);
        bind_blob(s, 2, row->leaf_hash, 32);
        bind_time(s, 3, (int64_t)row->profile.value, 0);
        bind_text(s, 4, row->entry);
        bind_bytes(s, 5, row->record_sealed);
        TRY(sql_step(saving->session, saving->arena, s, NULL));
        if ((row->index + 1) % 256 == 0)
            TRY(tiles_grow(saving, row->index));
    }
    return NULL;
}
