/* One save is one transaction: the turn (unless it is taken already), then everything in one pipeline that ends with COMMIT.
 *
 *   no turn ──turn_take──▶ turn ──everything, COMMIT──▶ saved
 *                           │            │ deadlock, serialisation failure: from the beginning, if nobody saved meanwhile
 *                           │            │ the connection broke before COMMIT was sent: nothing happened
 *                           │            └ …after: ask what became of the transaction
 *                           └─turn_back──▶ no turn
 */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include "base/map.h"

#include <unistd.h>

enum { SAVE_TRIES = 5, OUTCOME_MS = 15000, OUTCOME_PAUSE_US = 100000 };

/* --- turns */

const struct err *turn_take(struct postgres_session *session, struct arena *arena, str *ret_head)
{
    const struct err *err;
    int tries = 0;
    ASSERT(session->writes && !session->turn);
    do {
        unsigned place, sets;
        TRY(session_ready(session, arena));
        (void)pipe_add(session, SQL_BEGIN, NULL);
        (void)pipe_add(session, SQL_TURN_LIMIT, NULL);
        if (session->store->citus)
            (void)pipe_add(session, SQL_CITUS_TURN, NULL);
        (void)pipe_add(session, SQL_INDEX_PLANS, NULL);
        place = pipe_add(session, SQL_TURN, NULL);
        sets = sets_ask(session, arena);
        err = pipe_run(session, arena);
        if (!err)
            err = sets_learn(session, arena, sets);
        if (!err && PQntuples(pipe_result(session, place)) != 1)
            err = err_new(arena, ERR_INTERNAL, "%s is damaged (no head); restore a backup.", session->store->place);
        if (err) {
            transaction_give_up(session);
            continue;
        }
        const PGresult *result = pipe_result(session, place);
        session->turn = true;
        session->sequence = got_int(result, 0, 0);
        session->read_next = got_number(result, 0, 2);
        got_copy(result, 0, 3, session->xact, sizeof session->xact - 1);
        if (ret_head)
            *ret_head = got_null(result, 0, 1) ? STR_NONE : got_borrow(result, 0, 1).length ? got_str(result, 0, 1, arena) : STR("");
    } while (err && try_again(session, false, &tries));
    return err;
}

const struct err *postgres_head(struct store_session *session, struct arena *arena, str *ret_head)
{
    const PGresult *result;
    TRY(ask(session_of(session), arena, SQL_HEAD_GET, NULL, &result));
    bool none = PQntuples(result) == 0 || got_null(result, 0, 0);
    *ret_head = none ? STR_NONE : got_borrow(result, 0, 0).length ? got_str(result, 0, 0, arena) : STR("");
    return NULL;
}

const struct err *postgres_turn(struct store_session *session, struct arena *arena, str *ret_head)
{
    return turn_take(session_of(session), arena, ret_head);
}

void postgres_turn_back(struct store_session *session)
{
    if (session_of(session)->turn)
        transaction_give_up(session_of(session));
}

/* --- a save */

bool *last_of_key(struct arena *arena, const str *keys, size_t count)
{
    bool *last = arena_array(arena, bool, count);
    struct map known;
    map_init(&known, arena);
    for (size_t i = count; i-- > 0;) {
        last[i] = !map_get(&known, keys[i]);
        map_set(&known, keys[i], last);
    }
    return last;
}

static void save_row(struct saving *saving, const struct batch_row *row)
{
    struct rows rows = rows_make(saving->arena, "nniinbbb");
    put_number(&rows, row->number);
    put_int(&rows, row->at_ms);
    put_int(&rows, row->policy_version);
    put_int(&rows, row->message_count);
    put_time(&rows, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
    put_blob(&rows, row->dedupe);
    put_blob(&rows, row->profiles);
    put_blob(&rows, row->decisions);
    pipe_add_rows(saving->session, SQL_BATCH_PUT, &rows);
}

/* Sets that the rows of this save name and the store has not yet. */
static size_t save_sets(struct saving *saving)
{
    struct rows rows = rows_make(saving->arena, "it");
    uint32_t position = (uint32_t)saving->session->store->sets.count, id;
    str names;
    while (saving->save->sets && purpose_sets_next(saving->save->sets, &position, &id, &names)) {
        put_int(&rows, id);
        put_text(&rows, names);
    }
    pipe_add_rows(saving->session, SQL_PURPOSE_SET_INSERT, &rows);
    return rows.count;
}

/* It is durable: others may be told of the new sets. */
static void sets_saved(struct saving *saving, size_t count)
{
    struct store_postgres *store = saving->session->store;
    uint32_t position, id;
    str names;
    if (!saving->save->sets)
        return;
    pthread_mutex_lock(&store->lock);
    position = (uint32_t)store->sets.count;
    while (count > 0 && purpose_sets_next(saving->save->sets, &position, &id, &names))
        *(str *)vec_push(&store->arena, &store->sets) = str_copy(&store->arena, names);
    pthread_mutex_unlock(&store->lock);
    purpose_sets_saved(saving->save->sets);
}

static void save_head(struct saving *saving)
{
    const struct save *save = saving->save;
    struct params params = params_make(saving->arena);
    if (save->numbers) {
        next_above(&saving->profile_next, save->numbers->profile_next - 1);
        next_above(&saving->event_next, save->numbers->event_next - 1);
        next_above(&saving->outbox_next, save->numbers->outbox_next - 1);
        next_above(&saving->held_next, save->numbers->held_next - 1);
    }
    param_int(&params, save->head.data != NULL);
    param_bytes(&params, save->head);
    param_number(&params, saving->profile_next);
    param_number(&params, saving->event_next);
    param_number(&params, saving->outbox_next);
    param_number(&params, saving->held_next);
    param_number(&params, save->reads.count);
    (void)pipe_add(saving->session, SQL_HEAD_PUT, &params);
}

/* Everything is queued in the order in which it must happen. */
static size_t save_queue(struct saving *saving, const struct rows *tiles)
{
    struct save *save = saving->save;
    if (save->batch) {
        queue_persons(saving);
        queue_events(saving);
        queue_held(saving);
    }
    queue_outbox(saving);
    if (save->row)
        save_row(saving, save->row);
    queue_ledger(saving, tiles);
    queue_disclosures_add(saving);
    queue_small(saving);
    size_t sets = save_sets(saving);
    save_head(saving);
    if (saving->session->store->citus)
        (void)pipe_add(saving->session, SQL_CITUS_GATE, NULL);
    (void)pipe_add(saving->session, SQL_COMMIT, NULL);
    return sets;
}

/* Whether this very save left its trace. A server that crashed may give the number of a transaction that it lost to another one, such as another node's save. */
static const struct err *trace_find(struct saving *saving, int64_t before, bool *ret_found)
{
    const struct ledger_row *first = saving->save->ledger.count ? saving->save->ledger.items : NULL;
    struct params params = params_make(saving->arena);
    const PGresult *result;
    if (!first) {
        TRY(ask(saving->session, saving->arena, SQL_HEAD_SEQUENCE, NULL, &result));
        *ret_found = PQntuples(result) && got_int(result, 0, 0) > before;
        return NULL;
    }
    param_int(&params, (int64_t)first->index); /* what entries commit to is never the same twice */
    TRY(ask(saving->session, saving->arena, SQL_SAVED_LEAF, &params, &result));
    *ret_found = PQntuples(result) && str_equal(got_borrow(result, 0, 0), str_bytes(first->leaf_hash, sizeof first->leaf_hash));
    return NULL;
}

/* Whether the transaction whose COMMIT nobody answered took place. */
static const struct err *outcome_ask(struct saving *saving, str xact, int64_t before, bool *ret_saved)
{
    struct postgres_session *session = saving->session;
    struct arena *arena = saving->arena;
    const struct err *err = NULL;
    for (int64_t until_ms = clock_monotonic_us() / 1000 + OUTCOME_MS; clock_monotonic_us() / 1000 < until_ms;) {
        struct params params = params_make(arena);
        const PGresult *result;
        param_bytes(&params, xact);
        err = ask(session, arena, SQL_XACT_STATUS, &params, &result);
        str status = err || !PQntuples(result) ? STR_NONE : got_borrow(result, 0, 0);
        bool committed = str_equal(status, STR("committed")), aborted = str_equal(status, STR("aborted"));
        if (committed)
            err = trace_find(saving, before, ret_saved);
        if (!err && (committed || aborted))
            return NULL;
        (void)usleep(OUTCOME_PAUSE_US); /* the server restarts, or has not noticed yet */
    }
    return err_new(arena, ERR_UNAVAILABLE, "%s broke off while it was saving, and does not tell how that ended%s%s.", session->store->place,
                   err ? ": " : "", err ? err->text : "");
}

static const struct err *save_once(struct saving *saving)
{
    struct postgres_session *session = saving->session;
    struct rows tiles = rows_make(saving->arena, "nb");
    str xact = str_copy(saving->arena, str_of(session->xact));
    int64_t before = session->sequence;
    session->again = session->stale = false;
    if (saving->save->sets)
        sets_tell(session->store, saving->save->sets);
    TRY(session_ready(session, saving->arena));
    if (!session->turn)
        return lost_error(saving->arena, session->store, NULL, "saving in a turn that is lost");
    TRY(tiles_make(saving, &tiles));
    size_t sets = save_queue(saving, &tiles);
    const struct err *err = pipe_run(session, saving->arena);
    session->turn = session->turn && err;
    bool saved = false;
    if (err && session->lost && !session->again) {
        TRY(outcome_ask(saving, xact, before, &saved));
        session->lost = true;
    }
    if (err && !saved)
        return err;
    sets_saved(saving, sets);
    if (session->doubt)
        citus_settle_wait(session, saving->arena, OUTCOME_MS);
    return NULL;
}

const struct err *postgres_save(struct store_session *store_session, struct arena *arena, struct save *save)
{
    struct postgres_session *session = session_of(store_session);
    const struct err *err = NULL;
    ASSERT(session->writes);
    bool in_turn = session->turn;
    int64_t sequence = session->sequence;
    for (int tries = 0; tries < SAVE_TRIES; tries++) {
        struct saving saving = {.session = session, .arena = arena, .save = save};
        if (!session->turn)
            TRY(turn_take(session, arena, NULL));
        if (in_turn && session->sequence != sequence) {
            err = err_new(arena, ERR_UNAVAILABLE, "%s: the turn was lost, and another node has saved since. Nothing was saved.", session->store->place);
            break;
        }
        err = save_once(&saving);
        save->stale = err && session->stale;
        if (!err || !session->again)
            break;
        transaction_give_up(session);
    }
    if (err)
        transaction_give_up(session);
    return err;
}
