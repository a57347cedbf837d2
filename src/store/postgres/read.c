/* Rows into structs; events and reads, newest first; batches and leaves, in order. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include "store/event_parts.h"

enum { WALK_SOME = 16 }; /* batches: a node that follows the others asks for the few newest */

void profile_got(const PGresult *r, int i, struct arena *arena, struct profile *row)
{
    *row = (struct profile){.number.value = got_number(r, i, 0), .root.value = got_number(r, i, 2), .created_ms = got_int(r, i, 3),
                            .erased_ms = got_time(r, i, 4, TIME_NONE), .due_ms = got_time(r, i, 5, TIME_FOREVER),
                            .identifier_next = (uint32_t)got_int(r, i, 6), .jurisdiction = got_str(r, i, 7, arena),
                            .sealed = got_str(r, i, 8, arena), .version = got_number(r, i, 9)};
    got_copy(r, i, 1, row->id.bytes, 16);
}

void consent_got(const PGresult *r, int i, struct arena *arena, struct consent *row)
{
    *row = (struct consent){.profile.value = got_number(r, i, 0), .identifier = (uint32_t)got_int(r, i, 2), .verified = got_bool(r, i, 3),
                            .purpose = got_str(r, i, 4, arena), .notice = got_str(r, i, 6, arena), .notice_version = (uint32_t)got_int(r, i, 7),
                            .explicit_given = got_bool(r, i, 8), .at_ms = got_int(r, i, 10), .known_ms = got_int(r, i, 11),
                            .expires_ms = got_time(r, i, 12, TIME_FOREVER), .source = got_str(r, i, 13, arena),
                            .sealed = got_str(r, i, 14, arena), .ledger_index = got_index(r, i, 15)};
    got_copy(r, i, 1, row->id.bytes, 16);
    ASSERT(consent_status_parse(got_borrow(r, i, 5), &row->status));
    ASSERT(said_by_parse(got_borrow(r, i, 9), &row->by));
    got_copy(r, i, 16, row->leaf_hash, 32);
}

void event_got(const PGresult *r, int i, struct arena *arena, struct purpose_sets *sets, struct event *row)
{
    *row = (struct event){.number.value = got_number(r, i, 0), .profile.value = got_number(r, i, 1), .identifier = (uint32_t)got_int(r, i, 2),
                          .source = got_str(r, i, 4, arena), .at_ms = got_int(r, i, 5), .received_ms = got_int(r, i, 6),
                          .policy_version = (uint32_t)got_int(r, i, 7), .batch = got_number(r, i, 8), .batch_index = (uint32_t)got_int(r, i, 9)};
    ASSERT(event_type_parse(got_borrow(r, i, 3), &row->type));
    got_copy(r, i, 10, row->id.bytes, 16);
    str set_names = got_borrow(r, i, 11), decided = got_borrow(r, i, 13);
    event_parts_unpack(got_borrow(r, i, 12), set_names, arena, sets, row);
    row->decided = event_sets_names(str_empty(decided) ? set_names : decided, arena, sets);
}

void delivery_got(const PGresult *r, int i, struct arena *arena, struct delivery *row)
{
    *row = (struct delivery){.number = got_number(r, i, 0), .profile.value = got_number(r, i, 2), .destination = got_str(r, i, 3, arena),
                             .purpose = got_str(r, i, 4, arena), .kind = (enum delivery_kind)got_int(r, i, 5), .event.value = got_number(r, i, 6),
                             .state = (enum delivery_state)got_int(r, i, 7), .attempts = (uint32_t)got_int(r, i, 8), .queued_ms = got_int(r, i, 9),
                             .next_ms = got_time(r, i, 10, TIME_FOREVER), .done_ms = got_time(r, i, 11, TIME_NONE),
                             .reason = got_str(r, i, 12, arena), .sealed = got_str(r, i, 13, arena)};
    got_copy(r, i, 1, row->id.bytes, 16);
}

/* --- events */

/* A question about rows that name sets; the sets are read after it, so that they are all known. */
static const struct err *ask_with_sets(struct postgres_session *session, struct arena *arena, struct purpose_sets *sets, unsigned sql,
                                       const struct params *params, const PGresult **ret)
{
    bool in_turn = session->turn;
    const struct err *err;
    int tries = 0;
    do {
        unsigned place = 0, sets_place = 0;
        TRY(session_ready(session, arena));
        place = pipe_add(session, sql, params);
        sets_place = sets_ask(session, arena);
        err = pipe_run(session, arena);
        if (!err) {
            TRY(sets_learn(session, arena, sets_place));
            sets_tell(session->store, sets);
            *ret = pipe_result(session, place);
        }
    } while (err && try_again(session, in_turn, &tries));
    if (err && in_turn)
        transaction_give_up(session);
    return err;
}

static struct rows profiles_rows(struct arena *arena, const profile_no *profiles, size_t count)
{
    struct rows rows = rows_make(arena, "n");
    for (size_t i = 0; i < count; i++) {
        bool again = profiles[i].value > INT64_MAX; /* nobody's, or asked for before */
        for (size_t k = 0; k < i && !again; k++)
            again = profile_no_equal(profiles[k], profiles[i]);
        if (!again)
            put_number(&rows, profiles[i].value);
    }
    return rows;
}

static uint64_t bound_of(uint64_t before) { return before && before <= INT64_MAX ? before : INT64_MAX; }

const struct err *postgres_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                  size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count)
{
    struct rows rows = profiles_rows(arena, profiles, profile_count);
    struct params params = params_make(arena);
    const PGresult *result;
    param_rows(&params, &rows);
    param_number(&params, bound_of(before));
    param_number(&params, max);
    TRY(ask_with_sets(session_of(session), arena, sets, SQL_EVENTS, &params, &result));
    size_t count = (size_t)PQntuples(result);
    struct event *events = arena_array(arena, struct event, count);
    for (size_t i = 0; i < count; i++)
        event_got(result, (int)i, arena, sets, &events[i]);
    *ret_events = events;
    *ret_count = count;
    return NULL;
}

const struct err *postgres_event(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                                 struct event *ret_event, bool *ret_found)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_number(&params, number);
    TRY(ask_with_sets(session_of(session), arena, sets, SQL_EVENT_GET, &params, &result));
    *ret_found = PQntuples(result) > 0;
    if (*ret_found)
        event_got(result, 0, arena, sets, ret_event);
    return NULL;
}

/* --- reads */

const struct err *postgres_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before,
                                 size_t max, struct read_row **ret_rows, size_t *ret_count)
{
    struct params params = params_make(arena);
    const PGresult *result;
    param_number(&params, bound_of(before));
    param_number(&params, max);
    if (count) {
        struct rows rows = profiles_rows(arena, profiles, count);
        param_rows(&params, &rows);
    }
    TRY(ask(session_of(session), arena, count ? SQL_READS : SQL_READS_ALL, &params, &result));
    size_t found = (size_t)PQntuples(result);
    struct read_row *rows = arena_array(arena, struct read_row, found);
    for (size_t i = 0; i < found; i++) {
        int n = (int)i;
        rows[i] = (struct read_row){.number = got_number(result, n, 0), .at_ms = got_int(result, n, 1), .profile.value = got_number(result, n, 3),
                                    .purpose = got_str(result, n, 4, arena), .what = got_str(result, n, 5, arena),
                                    .ledger_index = got_index(result, n, 6)};
        got_copy(result, n, 2, rows[i].token.bytes, 16);
    }
    *ret_rows = rows;
    *ret_count = found;
    return NULL;
}

/* --- in order: page by page, for a page lies in memory */

static bool batch_show(const PGresult *r, int i, store_each each, void *context)
{
    struct batch_row row = {.number = got_number(r, i, 0), .at_ms = got_int(r, i, 1), .policy_version = (uint32_t)got_int(r, i, 2),
                            .message_count = (uint32_t)got_int(r, i, 3), .ledger_index = got_index(r, i, 4), .dedupe = got_borrow(r, i, 5),
                            .profiles = got_borrow(r, i, 6), .decisions = got_borrow(r, i, 7)};
    return each(context, &row);
}

static bool leaf_show(const PGresult *r, int i, store_each each, void *context)
{
    struct ledger_row row = {.index = got_number(r, i, 0), .profile.value = got_number(r, i, 2), .entry = got_borrow(r, i, 3),
                             .record_sealed = got_borrow(r, i, 4)};
    got_copy(r, i, 1, row.leaf_hash, 32);
    return each(context, &row);
}

/* The callback may ask this session something else: so the page is kept from it. */
static PGresult *page_keep(struct postgres_session *session, const PGresult *result)
{
    PGresult *page = NULL;
    for (unsigned i = 0; i < session->pipe_count; i++)
        if (session->pipe[i].result == result) {
            page = session->pipe[i].result;
            session->pipe[i].result = NULL;
        }
    return page;
}

/* Each number between, so that Citus asks only the shards that hold them. */
static void numbers_param(struct arena *arena, struct params *params, uint64_t from, uint64_t to)
{
    struct rows numbers = rows_make(arena, "n");
    for (uint64_t number = from; number <= to; number++)
        put_number(&numbers, number);
    param_rows(params, &numbers);
}

static const struct err *walk(struct postgres_session *session, struct arena *arena, unsigned sql, uint64_t from, uint64_t to,
                              bool (*show)(const PGresult *, int, store_each, void *), store_each each, void *context)
{
    for (bool more = true; more && from <= to && from <= INT64_MAX;) {
        struct params params = params_make(arena);
        const PGresult *result;
        param_number(&params, from);
        param_number(&params, to);
        bool some = sql == SQL_BATCH_LIST && session->store->citus && to - from < WALK_SOME;
        if (some)
            numbers_param(arena, &params, from, to);
        TRY(ask(session, arena, some ? SQL_CITUS_BATCH_SOME : sql, &params, &result));
        PGresult *page = page_keep(session, result);
        int count = PQntuples(page);
        more = count > 0;
        for (int i = 0; i < count && more; i++) {
            from = got_number(page, i, 0) + 1;
            more = show(page, i, each, context);
        }
        PQclear(page);
    }
    return NULL;
}

const struct err *postgres_batches(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    return walk(session_of(session), arena, SQL_BATCH_LIST, from, to, batch_show, each, context);
}

const struct err *postgres_ledger(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    return walk(session_of(session), arena, SQL_LEDGER_LIST, from, to, leaf_show, each, context);
}

const struct err *postgres_decisions(struct store_session *session, struct arena *arena, profile_no profile, store_each each, void *context)
{
    uint64_t batch = INT64_MAX;
    int64_t part = INT64_MAX;
    for (bool more = true; more;) {
        struct params params = params_make(arena);
        const PGresult *result;
        param_number(&params, profile.value);
        param_number(&params, batch);
        param_int(&params, part);
        TRY(ask(session_of(session), arena, SQL_DECISIONS_LIST, &params, &result));
        PGresult *page = page_keep(session_of(session), result);
        int count = PQntuples(page);
        more = count > 0;
        for (int i = 0; i < count && more; i++) {
            struct kept_decisions row = {.profile.value = got_number(page, i, 0), .batch = batch = got_number(page, i, 1),
                                         .part = (uint32_t)(part = got_int(page, i, 2)), .count = (uint32_t)got_int(page, i, 3),
                                         .sealed = got_borrow(page, i, 4)};
            more = each(context, &row);
        }
        PQclear(page);
    }
    return NULL;
}

const struct err *postgres_tile(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                                uint8_t *ret_hashes)
{
    struct params params = params_make(arena);
    const PGresult *result;
    uint64_t from = index * 256;
    if (level > 6 || index >> 40 || width == 0 || width > 256)
        return err_new(arena, ERR_NOT_FOUND, "The ledger has no such tile.");
    if (level)
        from |= (uint64_t)level << 52;
    param_number(&params, from);
    param_number(&params, from + width - 1);
    TRY(ask(session_of(session), arena, level ? SQL_TILE_HASHES : SQL_LEAF_HASHES, &params, &result));
    if (PQntuples(result) != (int)width)
        return err_new(arena, ERR_NOT_FOUND, "The ledger has no such tile yet.");
    for (unsigned i = 0; i < width; i++)
        got_copy(result, (int)i, 0, ret_hashes + (size_t)i * 32, 32);
    return NULL;
}
