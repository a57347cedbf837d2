/* Connections, the pipeline, and what went wrong in our terms.
 *
 *   not connected ──session_ready──▶ ready ──pipe_add──▶ queued ──pipe_run──▶ ready, results there
 *         ▲                            │                                        │
 *         └── session_disconnect ◀─────┴────────── the connection broke ◀───────┘
 */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include <stdlib.h>

_Static_assert((int)SQL_COUNT <= (int)STATEMENTS_MAX, "raise STATEMENTS_MAX");

/* --- errors. Only the primary message is told: details may hold values of rows. */

static bool state_is(const char *state, const char *class) { return state && strncmp(state, class, strlen(class)) == 0; }

const struct err *result_error(struct arena *arena, const struct store_postgres *store, const PGresult *result, const char *doing)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE), *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    text = text ? text : "no reason was given";
    static const char *const passing[] = {"08", "40", "53", "55", "57", "58", "25006", "25P", "22012"};
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (state_is(state, passing[i]))
            return err_new(arena, ERR_UNAVAILABLE, "%s cannot do that now (%s: %s). Telos tries again.", store->place, doing,
                           state_is(state, "22012") ? "a profile was changed by another node" : text);
    if (state_is(state, "42501"))
        return err_new(arena, ERR_INTERNAL, "%s does not let this role do that (%s: %s). Run `telos migrate` as the owner: it grants what is needed.",
                       store->place, doing, text);
    if (state_is(state, "42P01") || state_is(state, "42703"))
        return err_new(arena, ERR_CONFLICT, "%s lacks a table or column (%s: %s). Run `telos migrate` as the owner.", store->place, doing, text);
    return err_new(arena, ERR_INTERNAL, "%s: %s failed: %s (%s)", store->place, doing, text, state ? state : "?");
}

const struct err *lost_error(struct arena *arena, const struct store_postgres *store, const PGconn *conn, const char *doing)
{
    str text = str_trim(str_of(conn ? PQerrorMessage(conn) : ""));
    ptrdiff_t line = str_find_char(text, '\n');
    text = line >= 0 ? str_slice(text, 0, (size_t)line) : text;
    return err_new(arena, ERR_UNAVAILABLE, "%s cannot be reached (%s%s%.*s). Check that it runs; Telos tries again.", store->place, doing,
                   text.length ? ": " : "", STR_FMT(text));
}

/* --- connecting */

static void notice_ignore(void *context, const PGresult *result)
{
    (void)context;
    (void)result; /* "exists already, skipping" and its like */
}

const struct err *connection_open(struct arena *arena, const struct store_postgres *store, PGconn **ret_conn)
{
    /* What stands before `dbname` may be said otherwise in the address or by PGOPTIONS and its like. */
    const char *const names[] = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                                 "fallback_application_name", "dbname", "client_encoding", NULL};
    const char *const values[] = {"10", "10", "5", "3", "30000", "telos", store->uri, "UTF8", NULL};
    PGconn *conn = PQconnectdbParams(names, values, 1);
    ASSERT(conn);
    if (PQstatus(conn) != CONNECTION_OK) {
        const struct err *err = lost_error(arena, store, conn, "connecting");
        PQfinish(conn);
        return err;
    }
    (void)PQsetNoticeReceiver(conn, notice_ignore, NULL); /* returns the one before */
    if (PQserverVersion(conn) < 130000) {
        PQfinish(conn);
        return err_new(arena, ERR_CONFLICT, "%s is older than PostgreSQL 13; Telos needs 13, and is tested with 15.", store->place);
    }
    *ret_conn = conn;
    return NULL;
}

static void results_clear(struct postgres_session *session)
{
    for (unsigned i = 0; i < session->pipe_count; i++) {
        PQclear(session->pipe[i].result);
        session->pipe[i].result = NULL;
    }
    session->pipe_count = 0;
    session->pipe_ran = false;
}

void session_disconnect(struct postgres_session *session)
{
    results_clear(session);
    PQfinish(session->conn);
    session->conn = NULL;
    session->turn = false;
    memset(session->prepared, 0, sizeof session->prepared);
}

const struct err *session_ready(struct postgres_session *session, struct arena *arena)
{
    if (session->pipe_ran)
        results_clear(session);
    if (session->conn && PQstatus(session->conn) == CONNECTION_OK)
        return session->doubt && !session->turn ? citus_settle(session, arena) : NULL;
    session_disconnect(session);
    TRY(connection_open(arena, session->store, &session->conn));
    ASSERT(PQenterPipelineMode(session->conn));
    session->named = false;
    unsigned place = pipe_add(session, SQL_POOLED, NULL);
    TRY(pipe_run(session, arena));
    session->named = got_int(pipe_result(session, place), 0, 0) == PQbackendPID(session->conn);
    if (!session->store->citus)
        return NULL;
    (void)PQsetNoticeReceiver(session->conn, citus_notice, session);
    session->doubt = true; /* perhaps the last connection ended because the cluster did */
    return citus_settle(session, arena);
}

/* --- the pipeline */

static unsigned pipe_sent(struct postgres_session *session, unsigned sql, bool sent)
{
    session->lost = !sent || (session->pipe_count > 1 && session->lost);
    session->pipe[session->pipe_count] = (struct pipe_entry){sql, false, NULL};
    return session->pipe_count++;
}

unsigned pipe_add_text(struct postgres_session *session, unsigned sql, const char *text, const struct cells *cells)
{
    if (session->pipe_ran)
        results_clear(session);
    ASSERT(session->pipe_count + 2 <= PIPE_MAX && session->conn);
    return pipe_sent(session, sql, PQsendQueryParams(session->conn, text, cells->count, NULL, cells->values, cells->lengths, cells->formats, 1));
}

unsigned pipe_add(struct postgres_session *session, unsigned sql, const struct params *params)
{
    static const int binary[COLUMNS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    int count = params ? params->count : 0;
    bool sent;
    const char *const *values = params ? params->values : NULL;
    const int *lengths = params ? params->lengths : NULL;
    if (session->pipe_ran)
        results_clear(session);
    sql = session->store->citus ? citus_statement(sql) : sql;
    ASSERT(sql < SQL_COUNT && session->pipe_count + 2 <= PIPE_MAX && session->conn);
    if (session->named && !session->prepared[sql]) {
        session->prepared[sql] = PQsendPrepare(session->conn, sql_names[sql], sql_texts[sql], 0, NULL) == 1;
        session->pipe[session->pipe_count++] = (struct pipe_entry){sql, true, NULL};
    }
    if (session->named)
        sent = PQsendQueryPrepared(session->conn, sql_names[sql], count, values, lengths, binary, 1);
    else
        sent = PQsendQueryParams(session->conn, sql_texts[sql], count, NULL, values, lengths, binary, 1);
    return pipe_sent(session, sql, sent);
}

void pipe_add_rows(struct postgres_session *session, unsigned sql, const struct rows *rows)
{
    struct params params = params_make(rows->arena);
    if (!rows->count)
        return;
    if (session->store->citus && citus_pipe_rows(session, sql, rows))
        return;
    param_rows(&params, rows);
    (void)pipe_add(session, sql, &params);
}

/* Takes the result of one statement; the NULL after it, too. */
static PGresult *result_take(struct postgres_session *session)
{
    PGresult *result = PQgetResult(session->conn);
    if (result)
        PQclear(PQgetResult(session->conn)); /* NULL, but where the connection breaks */
    return result;
}

static const struct err *entry_take(struct postgres_session *session, struct arena *arena, struct pipe_entry *entry)
{
    entry->result = result_take(session);
    ExecStatusType status = entry->result ? PQresultStatus(entry->result) : PGRES_FATAL_ERROR;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return NULL;
    if (entry->prepares)
        session->prepared[entry->sql] = false;
    if (PQstatus(session->conn) != CONNECTION_OK || !entry->result) {
        session->lost = true;
        return lost_error(arena, session->store, session->conn, sql_names[entry->sql]);
    }
    const char *state = PQresultErrorField(entry->result, PG_DIAG_SQLSTATE);
    if (state_is(state, "57P01") || state_is(state, "57P02") || state_is(state, "57P03") || state_is(state, "25P03"))
        session->lost = true; /* the server ends this connection */
    /* gone with a pooler's connection, there already, or of a layout that was changed */
    if (state_is(state, "26000") || state_is(state, "42P05") || state_is(state, "0A000"))
        session->again = session->lost = true;
    if (state_is(state, "22012") && (entry->sql == SQL_PROFILE_CHECK || entry->sql == SQL_CITUS_PROFILE_CHECK))
        session->stale = true;
    if (state_is(state, "40001") || state_is(state, "40P01"))
        session->again = true;
    session->doubt = session->doubt || (session->store->citus && citus_fault(state));
    return result_error(arena, session->store, entry->result, sql_names[entry->sql]);
}

const struct err *pipe_run(struct postgres_session *session, struct arena *arena)
{
    const struct err *err = NULL;
    session->again = session->stale = false;
    session->pipe_ran = true;
    if (session->lost || !PQpipelineSync(session->conn)) {
        session->lost = true;
        err = lost_error(arena, session->store, session->conn, session->pipe_count ? sql_names[session->pipe[0].sql] : "sending");
    }
    for (unsigned i = 0; i < session->pipe_count && !session->lost; i++) {
        const struct err *failed = entry_take(session, arena, &session->pipe[i]);
        err = err ? err : failed; /* those after the first were left out */
    }
    if (!session->lost) {
        PGresult *result = PQgetResult(session->conn);
        session->lost = !result || PQresultStatus(result) != PGRES_PIPELINE_SYNC;
        PQclear(result);
        if (session->lost && !err)
            err = lost_error(arena, session->store, session->conn, "answering");
    }
    if (session->lost) {
        bool again = session->again;
        session_disconnect(session);
        session->again = again;
        session->lost = true;
    }
    return err;
}

bool try_again(const struct postgres_session *session, bool in_turn, int *tries)
{
    return !in_turn && (session->lost || session->again) && (*tries)++ < 2;
}

const struct err *ask(struct postgres_session *session, struct arena *arena, unsigned sql, const struct params *params, const PGresult **ret)
{
    bool in_turn = session->turn;
    const struct err *err;
    int tries = 0;
    do {
        unsigned place = 0;
        err = session_ready(session, arena);
        if (err)
            return err;
        place = pipe_add(session, sql, params);
        err = pipe_run(session, arena);
        if (!err)
            *ret = pipe_result(session, place);
    } while (err && try_again(session, in_turn, &tries));
    if (err && in_turn)
        transaction_give_up(session);
    return err;
}

void queue_read_begin(struct postgres_session *session)
{
    if (session->turn)
        return;
    if (!session->store->citus) {
        (void)pipe_add(session, SQL_BEGIN_READ, NULL);
        return;
    }
    (void)pipe_add(session, SQL_BEGIN, NULL);
    (void)pipe_add(session, SQL_TURN_LIMIT, NULL); /* who hangs holds up those who save */
    (void)pipe_add(session, SQL_CITUS_GATE_SHARED, NULL);
}

void queue_read_end(struct postgres_session *session)
{
    if (!session->turn)
        (void)pipe_add(session, SQL_COMMIT, NULL);
}

/* Whatever transaction is open, ends; a connection that does not even do that is given up. */
void transaction_give_up(struct postgres_session *session)
{
    struct arena arena;
    bool again = session->again, lost = session->lost;
    session->turn = false;
    if (!session->conn || PQstatus(session->conn) != CONNECTION_OK)
        return;
    arena_init(&arena);
    (void)pipe_add(session, SQL_ROLLBACK, NULL);
    if (pipe_run(session, &arena))
        session_disconnect(session);
    arena_release(&arena);
    session->again = again;
    session->lost = lost;
}

/* --- sets */

unsigned sets_ask(struct postgres_session *session, struct arena *arena)
{
    struct params params = params_make(arena);
    pthread_mutex_lock(&session->store->lock);
    param_number(&params, session->store->sets.count);
    pthread_mutex_unlock(&session->store->lock);
    return pipe_add(session, SQL_PURPOSE_SETS, &params);
}

const struct err *sets_learn(struct postgres_session *session, struct arena *arena, unsigned place)
{
    struct store_postgres *store = session->store;
    const PGresult *result = pipe_result(session, place);
    const struct err *err = NULL;
    pthread_mutex_lock(&store->lock);
    for (int i = 0; i < PQntuples(result) && !err; i++) {
        uint64_t id = got_number(result, i, 0);
        if (id == store->sets.count + 1) /* else another session has learned it meanwhile */
            *(str *)vec_push(&store->arena, &store->sets) = got_str(result, i, 1, &store->arena);
        else if (id > store->sets.count)
            err = err_new(arena, ERR_INTERNAL, "%s is damaged (purpose sets); restore a backup.", store->place);
    }
    pthread_mutex_unlock(&store->lock);
    return err;
}

void sets_tell(struct store_postgres *store, struct purpose_sets *sets)
{
    uint32_t stored = purpose_sets_stored(sets);
    pthread_mutex_lock(&store->lock);
    for (; stored < store->sets.count; stored++)
        purpose_sets_add(sets, stored + 1, store->sets.items[stored]);
    pthread_mutex_unlock(&store->lock);
}
