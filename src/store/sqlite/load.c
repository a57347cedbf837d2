/* Filling a working set. All of a load is read in one transaction, so it is of one instant.
 *
 * 1. A person is the component of profiles that standing merges connect; each profile's rows come with one range scan, and in the end
 *    in order of the profiles, whichever of them was asked for.
 * 2. A chain that leads to a row which this snapshot lacks is newer or was cut meanwhile (chain_private.h): then `stale` is set, and the
 *    whole load is done again on a new snapshot. The writing session never meets that.
 */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include "base/map.h"
#include "store/event_parts.h"
#include "store/order.h"

#include <stdlib.h>

enum { STALE_TRIES_MAX = 1000 };

struct loading {
    struct sqlite_session *session;
    struct load *load;
    struct arena *arena;
    struct map persons; /* by profile number */
    uint64_t seen; /* of the profile at hand (seen.c) */
    bool stale, synced; /* synced: sets were, after the snapshot was taken */
};

/* --- rows into structs */

void profile_read(sqlite3_stmt *s, struct arena *arena, struct profile *row)
{
    row->number = row_profile(column_int(s, 0));
    column_copy(s, 1, row->id.bytes, 16);
    row->root.value = column_number(s, 2);
    row->created_ms = column_int(s, 3);
    row->erased_ms = column_time(s, 4, TIME_NONE);
    row->due_ms = column_time(s, 5, TIME_FOREVER);
    row->identifier_next = (uint32_t)column_int(s, 6);
    row->jurisdiction = column_str(s, 7, arena);
    if (sqlite3_column_type(s, 8) == SQLITE_INTEGER)
        row->birth_year = (int16_t)column_int(s, 8); /* of an older Telos, which the engine seals at its next start (0003.sql) */
    else
        row->sealed = column_str(s, 8, arena);
    row->version = column_number(s, 9);
}

static void identifier_read(sqlite3_stmt *s, struct arena *arena, struct purpose_sets *sets, uint64_t seen, struct identifier *row)
{
    int64_t key = column_int(s, 0);
    row->profile = row_profile(key);
    row->number = row_number(key);
    row->type = column_str(s, 1, arena);
    column_copy(s, 2, row->hash.bytes, sizeof row->hash.bytes);
    row->sealed = column_str(s, 3, arena);
    row->purposes = purpose_sets_mask(sets, (uint32_t)column_int(s, 4));
    row->verified = column_int(s, 5) != 0;
    row->first_seen_ms = column_int(s, 6);
    row->last_seen_ms = seen_latest(seen, row->number, column_int(s, 7));
    column_copy(s, 8, row->message.bytes, 16);
}

void consent_read(sqlite3_stmt *s, struct arena *arena, struct consent *row)
{
    row->profile = row_profile(column_int(s, 0));
    column_copy(s, 1, row->id.bytes, 16);
    row->identifier = (uint32_t)column_int(s, 2);
    row->verified = column_int(s, 3) != 0;
    row->purpose = column_str(s, 4, arena);
    ASSERT(consent_status_parse(column_borrow(s, 5), &row->status));
    row->notice = column_str(s, 6, arena);
    row->notice_version = (uint32_t)column_int(s, 7);
    row->explicit_given = column_int(s, 8) != 0;
    ASSERT(said_by_parse(column_borrow(s, 9), &row->by));
    row->at_ms = column_int(s, 10);
    row->known_ms = column_int(s, 11);
    row->expires_ms = column_time(s, 12, TIME_FOREVER);
    row->source = column_str(s, 13, arena);
    row->sealed = column_str(s, 14, arena);
    row->ledger_index = column_index(s, 15);
    column_copy(s, 16, row->leaf_hash, 32);
}

static void merge_read(sqlite3_stmt *s, struct arena *arena, struct merge *row)
{
    row->left = row_profile(column_int(s, 0));
    column_copy(s, 1, row->id.bytes, 16);
    row->right.value = column_number(s, 2);
    row->reason = column_str(s, 3, arena);
    column_copy(s, 4, row->through_left.bytes, 16);
    column_copy(s, 5, row->through_right.bytes, 16);
    row->source = column_str(s, 6, arena);
    row->at_ms = column_int(s, 7);
    row->undone_ms = column_time(s, 8, TIME_NONE);
}

static void refused_read(sqlite3_stmt *s, struct arena *arena, struct refused_join *row)
{
    row->left = row_profile(column_int(s, 0));
    row->right.value = column_number(s, 1);
    row->type = column_str(s, 2, arena);
    row->reason = column_str(s, 3, arena);
    row->count = column_number(s, 4);
    row->first_ms = column_int(s, 5);
    row->last_ms = column_int(s, 6);
}

static void fact_page_read(sqlite3_stmt *s, struct arena *arena, struct purpose_sets *sets, struct fact_page *row)
{
    int64_t key = column_int(s, 0);
    row->profile = row_profile(key);
    row->number = row_number(key);
    row->identifier = (uint32_t)column_int(s, 1);
    row->purposes = purpose_sets_mask(sets, (uint32_t)column_int(s, 2));
    row->key_class = (uint8_t)column_int(s, 3);
    row->fact_count = (uint32_t)column_int(s, 4);
    row->observed_first_ms = column_int(s, 5);
    row->observed_last_ms = column_int(s, 6);
    row->sealed = column_str(s, 7, arena);
}

static void disclosure_read(sqlite3_stmt *s, struct arena *arena, struct disclosure *row)
{
    row->profile = row_profile(column_int(s, 0));
    row->destination = column_str(s, 1, arena);
    row->purpose = column_str(s, 2, arena);
    row->first_ms = column_int(s, 3);
    row->last_ms = column_int(s, 4);
    row->count = column_number(s, 5);
}

static void preferences_read(sqlite3_stmt *s, struct arena *arena, struct preferences *row)
{
    row->profile = row_profile(column_int(s, 0));
    row->at_ms = column_int(s, 1);
    row->sealed = column_str(s, 2, arena);
}

void event_read(sqlite3_stmt *s, struct arena *arena, struct purpose_sets *sets, struct event *row)
{
    *row = (struct event){.number.value = column_number(s, 0), .profile.value = column_number(s, 2),
                          .identifier = (uint32_t)column_int(s, 3), .source = column_str(s, 5, arena), .at_ms = column_int(s, 6),
                          .received_ms = column_int(s, 7), .policy_version = (uint32_t)column_int(s, 8), .batch = column_number(s, 9),
                          .batch_index = (uint32_t)column_int(s, 10)};
    ASSERT(event_type_parse(column_borrow(s, 4), &row->type));
    column_copy(s, 11, row->id.bytes, 16);
    str parts = column_borrow(s, 13); /* before the conversions to text, which leave it where it is */
    str set_names = str_of((const char *)sqlite3_column_text(s, 12));
    event_parts_unpack(parts, set_names, arena, sets, row);
    if (sqlite3_column_type(s, 14) != SQLITE_NULL)
        set_names = str_of((const char *)sqlite3_column_text(s, 14));
    row->decided = event_sets_names(set_names, arena, sets);
}

void delivery_read(sqlite3_stmt *s, struct arena *arena, struct delivery *row)
{
    *row = (struct delivery){.number = column_number(s, 0), .profile.value = column_number(s, 2), .destination = column_str(s, 3, arena),
                             .purpose = column_str(s, 4, arena), .kind = (enum delivery_kind)column_int(s, 5),
                             .event.value = column_number(s, 6), .state = (enum delivery_state)column_int(s, 7),
                             .attempts = (uint32_t)column_int(s, 8), .queued_ms = column_int(s, 9),
                             .next_ms = column_time(s, 10, TIME_FOREVER), .done_ms = column_time(s, 11, TIME_NONE),
                             .reason = column_str(s, 12, arena), .sealed = column_str(s, 13, arena)};
    column_copy(s, 1, row->id.bytes, 16);
}

/* --- persons */

static str profile_key(struct arena *arena, profile_no profile)
{
    return str_copy(arena, str_bytes(&profile, sizeof profile));
}

typedef VEC(profile_no) profile_queue;

static void queue_add(struct arena *arena, profile_queue *queue, profile_no profile)
{
    vec_each (known, queue)
        if (profile_no_equal(*known, profile))
            return;
    *(profile_no *)vec_push(arena, queue) = profile;
}

static void row_load(struct loading *loading, sqlite3_stmt *s, enum row_kind kind, struct person *person, profile_queue *queue)
{
    struct arena *arena = loading->arena;
    struct purpose_sets *sets = loading->load->sets;
    struct profile *profile;
    struct merge *merge;
    switch (kind) {
    case ROW_PROFILE:
        profile = vec_push(arena, &person->profiles);
        profile_read(s, arena, profile);
        queue_add(arena, queue, profile->root);
        break;
    case ROW_IDENTIFIER: identifier_read(s, arena, sets, loading->seen, vec_push(arena, &person->identifiers)); break;
    case ROW_CONSENT: consent_read(s, arena, vec_push(arena, &person->consents)); break;
    case ROW_MERGE:
        merge = vec_push(arena, &person->merges);
        merge_read(s, arena, merge);
        if (merge->undone_ms == TIME_NONE)
            queue_add(arena, queue, merge->right);
        break;
    case ROW_MERGE_END: queue_add(arena, queue, (profile_no){column_number(s, 1)}); break;
    case ROW_PREFERENCES: preferences_read(s, arena, vec_push(arena, &person->preferences)); break;
    case ROW_REFUSED: refused_read(s, arena, vec_push(arena, &person->refused)); break;
    case ROW_FACT_PAGE:
        if (loading->load->parts & PERSON_FACTS)
            fact_page_read(s, arena, sets, vec_push(arena, &person->fact_pages));
        break;
    case ROW_DISCLOSURE: disclosure_read(s, arena, vec_push(arena, &person->disclosures)); break;
    case ROW_KINDS: break;
    }
}

static const struct err *profile_load(struct loading *loading, profile_no profile, struct person *person, profile_queue *queue)
{
    sqlite3_stmt *statement;
    unsigned parts = loading->load->parts;
    enum row_kind last = parts & PERSON_OUTBOX ? ROW_DISCLOSURE : parts & PERSON_FACTS ? ROW_FACT_PAGE : ROW_REFUSED;
    loading->seen = chain_head(&loading->session->store->chains, CHAIN_SEEN, profile.value);
    TRY(sql_prepare(loading->session, loading->arena, SQL_PERSON_ROWS, &statement));
    bind_int(statement, 1, row_key(profile, 0, 0));
    bind_int(statement, 2, row_key(profile, last, ROW_NUMBER_MAX));
    for (bool row;;) {
        TRY(sql_step(loading->session, loading->arena, statement, &row));
        if (!row)
            return NULL;
        if (!loading->synced)
            sets_sync(loading->session->store, loading->load->sets);
        loading->synced = true;
        row_load(loading, statement, row_kind_of(column_int(statement, 0)), person, queue);
    }
}

/* False when it was not sorted before. */
static bool queue_sort(profile_queue *queue)
{
    bool sorted = true;
    for (size_t i = 1; i < queue->count; i++)
        sorted = sorted && queue->items[i - 1].value < queue->items[i].value;
    qsort(queue->items, queue->count, sizeof *queue->items, profile_no_order);
    return sorted;
}

static const struct err *events_load(struct loading *loading, struct person *person)
{
    const struct load *load = loading->load;
    sqlite3_stmt *statement;
    vec_each (profile, &person->profiles) {
        uint64_t number = chain_head(&loading->session->store->chains, CHAIN_EVENTS, profile->number.value);
        for (size_t taken = 0; number && (load->events_max == 0 || taken < load->events_max);) {
            bool row;
            TRY(sql_prepare(loading->session, loading->arena, SQL_EVENT_GET, &statement));
            bind_number(statement, 1, number);
            TRY(sql_step(loading->session, loading->arena, statement, &row));
            if (!row) {
                loading->stale = true;
                return NULL;
            }
            if (column_int(statement, 6) >= load->events_from_ms) {
                event_read(statement, loading->arena, load->sets, vec_push(loading->arena, &person->events));
                taken++;
            }
            number = column_number(statement, 1);
            (void)sqlite3_reset(statement); /* it was read without error */
        }
    }
    if (person->events.count)
        qsort(person->events.items, person->events.count, sizeof *person->events.items, load->events_max ? event_newer_first : event_older_first);
    if (load->events_max && person->events.count > load->events_max)
        person->events.count = load->events_max;
    return NULL;
}

static const struct err *held_load(struct loading *loading, profile_no profile, struct person *person)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(loading->session, loading->arena, SQL_HELD_LIST, &s));
    bind_number(s, 1, profile.value);
    for (bool row;;) {
        TRY(sql_step(loading->session, loading->arena, s, &row));
        if (!row)
            return NULL;
        struct held *held = vec_push(loading->arena, &person->held);
        held->number = column_number(s, 0);
        held->profile.value = column_number(s, 1);
        held->identifier = (uint32_t)column_int(s, 2);
        held->source = column_str(s, 3, loading->arena);
        held->received_ms = column_int(s, 4);
        held->expires_ms = column_time(s, 5, TIME_FOREVER);
        held->sealed = column_str(s, 6, loading->arena);
    }
}

static const struct err *outbox_load(struct loading *loading, profile_no profile, struct person *person)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(loading->session, loading->arena, SQL_OUTBOX_OF_PROFILE, &statement));
    bind_number(statement, 1, profile.value);
    for (bool row;;) {
        TRY(sql_step(loading->session, loading->arena, statement, &row));
        if (!row)
            return NULL;
        delivery_read(statement, loading->arena, vec_push(loading->arena, &person->deliveries));
    }
}

static const struct err *parts_load(struct loading *loading, struct person *person)
{
    unsigned parts = loading->load->parts;
    if (parts & PERSON_EVENTS)
        TRY(events_load(loading, person));
    vec_each (profile, &person->profiles) {
        if (parts & PERSON_HELD)
            TRY(held_load(loading, profile->number, person));
        if (parts & PERSON_OUTBOX)
            TRY(outbox_load(loading, profile->number, person));
    }
    return NULL;
}

/* NULL in *ret where there is no such profile. */
static const struct err *person_load(struct loading *loading, profile_no number, struct person **ret)
{
    struct arena *arena = loading->arena;
    *ret = map_get(&loading->persons, str_bytes(&number, sizeof number));
    if (*ret || number.value == 0 || number.value > PROFILE_NO_MAX)
        return NULL;
    struct person *person = arena_new(arena, struct person);
    profile_queue queue = {0};
    queue_add(arena, &queue, number);
    for (size_t i = 0; i < queue.count; i++) {
        TRY(profile_load(loading, queue.items[i], person, &queue));
        if (!person->profiles.count)
            return NULL;
    }
    if (queue.count > 1 && !queue_sort(&queue)) {
        *person = (struct person){0};
        for (size_t i = 0, count = queue.count; i < count; i++)
            TRY(profile_load(loading, queue.items[i], person, &queue));
    }
    if (person->consents.count > 1)
        qsort(person->consents.items, person->consents.count, sizeof *person->consents.items, known_order);
    ASSERT(person->profiles.count); /* its own at least */
    person->root = person->profiles.items[0].number;
    person->loaded = loading->load->parts | PERSON_HEAD;
    TRY(parts_load(loading, person));
    vec_each (profile, &person->profiles)
        map_set(&loading->persons, profile_key(arena, profile->number), person);
    *(struct person **)vec_push(arena, &loading->load->persons) = person;
    *ret = person;
    return NULL;
}

static const struct err *hash_find(struct loading *loading, const identifier_hash *hash, profile_no *ret)
{
    sqlite3_stmt *statement;
    bool row;
    TRY(sql_prepare(loading->session, loading->arena, SQL_HASH_GET, &statement));
    bind_blob(statement, 1, hash->bytes, sizeof hash->bytes);
    TRY(sql_step(loading->session, loading->arena, statement, &row));
    ret->value = row ? column_number(statement, 0) : 0;
    (void)sqlite3_reset(statement); /* it was read without error */
    return NULL;
}

static const struct err *load_once(struct loading *loading)
{
    struct load *load = loading->load;
    map_init(&loading->persons, loading->arena);
    loading->stale = loading->synced = false;
    load->persons.count = 0;
    TRY(snapshot_begin(loading->session, loading->arena));
    for (size_t i = 0; i < load->hash_count && !loading->stale; i++) {
        profile_no number;
        TRY(hash_find(loading, &load->hashes[i], &number));
        TRY(person_load(loading, number, &load->by_hash[i]));
    }
    for (size_t i = 0; i < load->profile_count && !loading->stale; i++)
        TRY(person_load(loading, load->profiles[i], &load->by_profile[i]));
    return transaction_commit(loading->session, loading->arena);
}

const struct err *sqlite_load(struct store_session *store_session, struct load *load)
{
    struct loading loading = {.session = session_of(store_session), .load = load, .arena = load->arena};
    load->by_hash = arena_array(load->arena, struct person *, load->hash_count);
    load->by_profile = arena_array(load->arena, struct person *, load->profile_count);
    load->persons.items = NULL;
    load->persons.count = load->persons.capacity = 0;
    for (int tries = 0; tries < STALE_TRIES_MAX; tries++) {
        const struct err *err = load_once(&loading);
        if (err) {
            transaction_abandon(loading.session);
            return err;
        }
        if (!loading.stale)
            return NULL;
    }
    return err_new(load->arena, ERR_UNAVAILABLE, "The list of a person's events leads nowhere: %s may be damaged; run `telos audit check`.",
                   loading.session->store->path);
}
