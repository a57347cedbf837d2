/* Reading what is found by profile or in order: events, reads, batches, ledger, tiles, profiles, what is due, totals. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { STALE_TRIES_MAX = 1000 };

static const struct err *stale_error(struct arena *arena, struct sqlite_session *session)
{
    return err_new(arena, ERR_UNAVAILABLE, "A person's list leads nowhere: %s may be damaged; run `telos audit check`.", session->store->path);
}

/* --- chains, newest first */

struct walk {
    struct sqlite_session *session;
    struct arena *arena;
    enum chain chain;
    uint64_t *next; /* of each profile; 0: at its end */
    size_t count;
    uint64_t before;
    bool stale;
};

/* A statement on row `number` of the chain's table, stepped. */
static const struct err *walk_row(struct walk *walk, uint64_t number, sqlite3_stmt **ret)
{
    bool row;
    TRY(sql_prepare(walk->session, walk->arena, walk->chain == CHAIN_EVENTS ? SQL_EVENT_GET : SQL_READ_GET, ret));
    bind_number(*ret, 1, number);
    TRY(sql_step(walk->session, walk->arena, *ret, &row));
    walk->stale = walk->stale || !row;
    return NULL;
}

static const struct err *walk_begin(struct walk *walk, const profile_no *profiles)
{
    uint64_t owner = 0, owner_next = 0;
    sqlite3_stmt *statement;
    walk->stale = false;
    if (walk->before != UINT64_MAX) { /* usually the last row of the page before: its own list goes on from there */
        TRY(walk_row(walk, walk->before, &statement));
        if (!walk->stale) {
            owner = column_number(statement, walk->chain == CHAIN_EVENTS ? 2 : 4);
            owner_next = column_number(statement, 1);
            (void)sqlite3_reset(statement); /* it was read without error */
        }
        walk->stale = false;
    }
    for (size_t i = 0; i < walk->count; i++) {
        uint64_t number = chain_head(&walk->session->store->chains, walk->chain, profiles[i].value);
        if (owner && owner == profiles[i].value && number >= walk->before)
            number = owner_next;
        while (number >= walk->before && !walk->stale) {
            TRY(walk_row(walk, number, &statement));
            if (walk->stale)
                return NULL;
            number = column_number(statement, 1);
            (void)sqlite3_reset(statement); /* it was read without error */
        }
        walk->next[i] = number;
    }
    return NULL;
}

/* The next row, to be reset by the caller; NULL at the end or when stale. */
static const struct err *walk_next(struct walk *walk, sqlite3_stmt **ret)
{
    size_t best = walk->count;
    for (size_t i = 0; i < walk->count; i++)
        if (walk->next[i] && (best == walk->count || walk->next[i] > walk->next[best]))
            best = i;
    *ret = NULL;
    if (best == walk->count)
        return NULL;
    sqlite3_stmt *statement;
    TRY(walk_row(walk, walk->next[best], &statement));
    if (walk->stale)
        return NULL;
    walk->next[best] = column_number(statement, 1);
    *ret = statement;
    return NULL;
}

static struct walk walk_make(struct store_session *session, struct arena *arena, enum chain chain, size_t count, uint64_t before)
{
    return (struct walk){.session = session_of(session), .arena = arena, .chain = chain, .next = arena_array(arena, uint64_t, count),
                         .count = count, .before = before && before <= INT64_MAX ? before : UINT64_MAX};
}

typedef VEC(struct event) event_rows;

static const struct err *events_once(struct walk *walk, struct purpose_sets *sets, const profile_no *profiles, size_t max, event_rows *rows)
{
    rows->count = 0;
    TRY(snapshot_begin(walk->session, walk->arena));
    TRY(walk_begin(walk, profiles));
    while (rows->count < max && !walk->stale) {
        sqlite3_stmt *statement;
        TRY(walk_next(walk, &statement));
        if (!statement)
            break;
        if (!rows->count)
            sets_sync(walk->session->store, sets); /* after the snapshot was taken */
        event_read(statement, walk->arena, sets, vec_push(walk->arena, rows));
        (void)sqlite3_reset(statement); /* it was read without error */
    }
    return transaction_commit(walk->session, walk->arena);
}

const struct err *sqlite_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count)
{
    struct walk walk = walk_make(session, arena, CHAIN_EVENTS, profile_count, before);
    event_rows rows = {0};
    for (int tries = 0; tries < STALE_TRIES_MAX; tries++) {
        const struct err *err = events_once(&walk, sets, profiles, max, &rows);
        if (err) {
            transaction_abandon(walk.session);
            return err;
        }
        if (!walk.stale) {
            *ret_events = rows.items;
            *ret_count = rows.count;
            return NULL;
        }
    }
    return stale_error(arena, walk.session);
}

const struct err *sqlite_event(struct store_session *store_session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                               struct event *ret_event, bool *ret_found)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *statement;
    bool row;
    if (number > INT64_MAX) {
        *ret_found = false;
        return NULL;
    }
    TRY(sql_prepare(session, arena, SQL_EVENT_GET, &statement));
    bind_number(statement, 1, number);
    TRY(sql_step(session, arena, statement, &row));
    *ret_found = row;
    if (row) {
        sets_sync(session->store, sets); /* after the row: the sets that it names were saved with it */
        event_read(statement, arena, sets, ret_event);
    }
    (void)sqlite3_reset(statement); /* it was read without error */
    return NULL;
}

static void read_row_read(sqlite3_stmt *s, struct arena *arena, struct read_row *row)
{
    *row = (struct read_row){.number = column_number(s, 0), .at_ms = column_int(s, 2), .profile.value = column_number(s, 4),
                             .purpose = column_str(s, 5, arena), .what = column_str(s, 6, arena), .ledger_index = column_index(s, 7)};
    column_copy(s, 3, row->token.bytes, 16);
}

typedef VEC(struct read_row) read_rows;

static const struct err *reads_all(struct sqlite_session *session, struct arena *arena, uint64_t before, size_t max, read_rows *rows)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(session, arena, SQL_READS_DOWN, &statement));
    bind_number(statement, 1, before && before <= INT64_MAX ? before : INT64_MAX);
    bind_number(statement, 2, max < INT64_MAX ? max : INT64_MAX);
    for (bool row;;) {
        TRY(sql_step(session, arena, statement, &row));
        if (!row)
            return NULL;
        read_row_read(statement, arena, vec_push(arena, rows));
    }
}

static const struct err *reads_once(struct walk *walk, const profile_no *profiles, size_t max, read_rows *rows)
{
    rows->count = 0;
    TRY(snapshot_begin(walk->session, walk->arena));
    TRY(walk_begin(walk, profiles));
    while (rows->count < max && !walk->stale) {
        sqlite3_stmt *statement;
        TRY(walk_next(walk, &statement));
        if (!statement)
            break;
        read_row_read(statement, walk->arena, vec_push(walk->arena, rows));
        (void)sqlite3_reset(statement); /* it was read without error */
    }
    return transaction_commit(walk->session, walk->arena);
}

const struct err *sqlite_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before,
                               size_t max, struct read_row **ret_rows, size_t *ret_count)
{
    struct walk walk = walk_make(session, arena, CHAIN_READS, count, before);
    read_rows rows = {0};
    for (int tries = 0; tries < STALE_TRIES_MAX; tries++) {
        const struct err *err = count ? reads_once(&walk, profiles, max, &rows) : reads_all(walk.session, arena, before, max, &rows);
        if (err) {
            transaction_abandon(walk.session);
            return err;
        }
        if (!walk.stale) {
            *ret_rows = rows.items;
            *ret_count = rows.count;
            return NULL;
        }
    }
    return stale_error(arena, walk.session);
}

/* --- in order */

static const struct err *range(struct sqlite_session *session, struct arena *arena, enum sql sql, uint64_t from, uint64_t to, sqlite3_stmt **ret)
{
    TRY(sql_prepare(session, arena, sql, ret));
    bind_number(*ret, 1, from < INT64_MAX ? from : INT64_MAX);
    bind_number(*ret, 2, to < INT64_MAX ? to : INT64_MAX);
    return NULL;
}

/* Rows are shown where SQLite has them: the callback copies what it keeps. */
const struct err *sqlite_batches(struct store_session *store_session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    TRY(range(session, arena, SQL_BATCH_LIST, from, to, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            return NULL;
        struct batch_row row = {.number = column_number(s, 0), .at_ms = column_int(s, 1), .policy_version = (uint32_t)column_int(s, 2),
                                .message_count = (uint32_t)column_int(s, 3), .ledger_index = column_index(s, 4),
                                .dedupe = column_borrow(s, 5), .profiles = column_borrow(s, 6), .decisions = column_borrow(s, 7)};
        if (!each(context, &row)) {
            (void)sqlite3_reset(s); /* it was read without error */
            return NULL;
        }
    }
}

const struct err *sqlite_ledger(struct store_session *store_session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    TRY(range(session, arena, SQL_LEDGER_LIST, from, to, &s));
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            return NULL;
        struct ledger_row row = {.index = column_number(s, 0), .profile.value = column_number(s, 2), .entry = column_borrow(s, 3),
                                 .record_sealed = column_borrow(s, 4)};
        column_copy(s, 1, row.leaf_hash, 32);
        if (!each(context, &row)) {
            (void)sqlite3_reset(s); /* it was read without error */
            return NULL;
        }
    }
}

const struct err *sqlite_decisions(struct store_session *store_session, struct arena *arena, profile_no profile, store_each each, void *context)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_DECISIONS_LIST, &s));
    bind_number(s, 1, profile.value);
    for (bool found;;) {
        TRY(sql_step(session, arena, s, &found));
        if (!found)
            return NULL;
        struct kept_decisions row = {.profile.value = column_number(s, 0), .batch = column_number(s, 1), .part = (uint32_t)column_int(s, 2),
                                     .count = (uint32_t)column_int(s, 3), .sealed = column_borrow(s, 4)};
        if (!each(context, &row)) {
            (void)sqlite3_reset(s); /* it was read without error */
            return NULL;
        }
    }
}

const struct err *sqlite_tile(struct store_session *store_session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                              uint8_t *ret_hashes)
{
    struct sqlite_session *session = session_of(store_session);
    sqlite3_stmt *statement;
    uint64_t from = index * 256;
    if (level > 6 || index >> 40 || width == 0 || width > 256)
        return err_new(arena, ERR_NOT_FOUND, "The ledger has no such tile.");
    if (level)
        from |= (uint64_t)level << 52;
    TRY(range(session, arena, level ? SQL_TILE_HASHES : SQL_LEAF_HASHES, from, from + width - 1, &statement));
    uint8_t hashes[256][32];
    unsigned count = 0;
    for (bool row;; count++) {
        TRY(sql_step(session, arena, statement, &row));
        if (!row)
            break;
        column_copy(statement, 0, hashes[count], 32);
    }
    if (count != width)
        return err_new(arena, ERR_NOT_FOUND, "The ledger has no such tile yet.");
    memcpy(ret_hashes, hashes, (size_t)width * 32);
    return NULL;
}

const struct err *sqlite_due(struct store_session *store_session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles,
                             size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(profile_no) found = {0};
    sqlite3_stmt *statement;
    session->store->due_now_ms = now_ms;
    TRY(sql_prepare(session, arena, SQL_DUE_LIST, &statement));
    bind_int(statement, 1, now_ms);
    bind_number(statement, 2, max < INT64_MAX ? max : INT64_MAX);
    for (bool row;;) {
        TRY(sql_step(session, arena, statement, &row));
        if (!row)
            break;
        ((profile_no *)vec_push(arena, &found))->value = column_number(statement, 0);
    }
    *ret_profiles = found.items;
    *ret_count = found.count;
    return NULL;
}

const struct err *sqlite_profiles(struct store_session *store_session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows,
                                  size_t *ret_count)
{
    struct sqlite_session *session = session_of(store_session);
    VEC(struct profile) rows = {0};
    while (rows.count < max && from <= PROFILE_NO_MAX) {
        sqlite3_stmt *statement;
        bool row;
        TRY(sql_prepare(session, arena, SQL_PERSON_ROW_FROM, &statement));
        bind_int(statement, 1, row_key((profile_no){from}, ROW_PROFILE, 0));
        TRY(sql_step(session, arena, statement, &row));
        if (!row)
            break;
        int64_t key = column_int(statement, 0);
        if (row_kind_of(key) == ROW_PROFILE)
            profile_read(statement, arena, vec_push(arena, &rows));
        from = row_profile(key).value + 1;
        (void)sqlite3_reset(statement); /* it was read without error */
    }
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return NULL;
}

/* --- totals */

const struct err *journal_newest(struct sqlite_session *session, struct arena *arena, struct journal_totals *ret, uint64_t *ret_number)
{
    sqlite3_stmt *s;
    bool row;
    TRY(sql_prepare(session, arena, SQL_JOURNAL_NEWEST, &s));
    TRY(sql_step(session, arena, s, &row));
    if (!row)
        return err_new(arena, ERR_INTERNAL, "%s is damaged (no journal); restore a backup.", session->store->path);
    *ret_number = column_number(s, 0);
    *ret = (struct journal_totals){column_number(s, 1), column_number(s, 2), column_number(s, 3), column_number(s, 4), column_number(s, 5),
                                   column_number(s, 6), column_number(s, 7), column_number(s, 8), column_number(s, 9), column_number(s, 10),
                                   column_number(s, 11), column_number(s, 12), column_number(s, 13)};
    (void)sqlite3_reset(s); /* it was read without error */
    return NULL;
}

static const struct err *totals_read(struct sqlite_session *session, struct arena *arena, struct store_totals *ret)
{
    struct journal_totals totals;
    uint64_t number, batch, ledger, bytes;
    TRY(journal_newest(session, arena, &totals, &number));
    TRY(sql_number(session, arena, SQL_BATCH_LAST, 0, &batch));
    TRY(sql_number(session, arena, SQL_LEDGER_LAST, UINT64_MAX, &ledger));
    TRY(sql_number(session, arena, SQL_DISK_BYTES, 0, &bytes));
    struct stat stat_wal;
    if (stat(arena_printf(arena, "%s-wal", session->store->path), &stat_wal) == 0)
        bytes += (uint64_t)stat_wal.st_size;
    *ret = (struct store_totals){.profiles = totals.profiles, .persons = totals.persons, .identifiers = totals.identifiers, .facts = totals.facts,
                                 .events = totals.events, .consents = totals.consents, .held = totals.held, .pending = totals.pending,
                                 .batches = batch, .ledger = ledger + 1, .reads = totals.read_next - 1, .profile_next = totals.profile_next,
                                 .event_next = totals.event_next, .outbox_next = totals.outbox_next, .held_next = totals.held_next,
                                 .batch_next = batch + 1, .bytes = bytes};
    return NULL;
}

const struct err *sqlite_totals(struct store_session *store_session, struct arena *arena, bool quick, struct store_totals *ret)
{
    struct sqlite_session *session = session_of(store_session);
    (void)quick; /* the whole answer is quick: each commit writes it down */
    TRY(transaction_begin(session, arena, false)); /* all of one moment */
    const struct err *err = totals_read(session, arena, ret);
    if (!err)
        err = transaction_commit(session, arena);
    if (err)
        transaction_abandon(session);
    return err;
}
