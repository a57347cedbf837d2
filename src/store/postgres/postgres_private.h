/* What the files of the PostgreSQL store share. Not for others.
 *
 * 1. A session is one connection, in pipeline mode from its first statement on: statements are queued, then run together in one round trip.
 * 2. Everything goes and comes in binary. Sets of rows go as one array a column.
 * 3. A connection that broke is made anew by the next call. What reads is then asked once more; what saves finds out what became of it.
 * 4. Between turn() and the end of it, the session's transaction holds the lock of the row of `head`.
 */
#ifndef TELOS_STORE_POSTGRES_PRIVATE_H
#define TELOS_STORE_POSTGRES_PRIVATE_H

#include "store/store.h"

#include <libpq-fe.h>
#include <pthread.h>

enum { PIPE_MAX = 128, COLUMNS_MAX = 17, STATEMENTS_MAX = 200 };

struct store_postgres {
    struct store base;
    char *uri; /* without a password */
    char *place; /* "PostgreSQL at HOST, database NAME", for errors */
    pthread_mutex_t lock; /* of what follows */
    struct arena arena; /* names of sets */
    VEC(str) sets; /* names of set i + 1, as far as they are known here */
    bool writing;
    bool citus; /* the tables are distributed; found when the store is opened */
};

struct pipe_entry {
    unsigned sql;
    bool prepares;
    PGresult *result; /* of the last run, until the next one is begun */
};

struct postgres_session {
    struct store_postgres *store;
    PGconn *conn; /* NULL: not connected */
    bool writes;
    bool named; /* prepared statements last: no pooler stands between */
    bool prepared[STATEMENTS_MAX];
    struct pipe_entry pipe[PIPE_MAX];
    unsigned pipe_count;
    bool pipe_ran; /* its results are there; the next statement begins anew */
    bool again; /* the last run failed by a deadlock, a serialisation failure or a statement that must be prepared anew */
    bool lost; /* …or by the connection */
    bool stale; /* …or by a profile that is not as it was loaded */
    bool doubt; /* Citus: a server of the cluster failed, so it may hold commits that are prepared and decided, but not visible (citus.c) */

    bool turn; /* the transaction is open and holds the lock */
    int64_t sequence; /* of the head under it */
    uint64_t read_next;
    char xact[32]; /* number of the transaction */
};
static inline struct postgres_session *session_of(struct store_session *session) { return (struct postgres_session *)session; }

/* --- rows.c: parameters. Types of columns: n bigint, i integer, s smallint, t text, b bytea, u uuid, o boolean. */
struct column {
    char type;
    bool nulls;
    uint8_t *bytes; /* elements; the header of the array is put before them in the end */
    size_t length, capacity;
};
struct rows {
    struct arena *arena;
    unsigned columns, at;
    size_t count;
    struct column column[COLUMNS_MAX];
};
struct rows rows_make(struct arena *arena, const char *types);
void put_int(struct rows *rows, int64_t value);
void put_number(struct rows *rows, uint64_t value);
void put_time(struct rows *rows, int64_t value, int64_t none); /* NULL for `none` */
void put_text(struct rows *rows, str value); /* empty: '' */
void put_name(struct rows *rows, str value); /* empty: NULL */
void put_bytes(struct rows *rows, const void *data, size_t length); /* length 0: NULL */
static inline void put_blob(struct rows *rows, str value) { put_bytes(rows, value.data, value.length); }
void put_value(struct rows *rows, str value); /* bytes, where none are a value */
void put_uuid(struct rows *rows, struct uuid id);
void put_uuid_or_null(struct rows *rows, struct uuid id); /* zero: NULL */

struct params {
    struct arena *arena;
    int count;
    const char *values[COLUMNS_MAX];
    int lengths[COLUMNS_MAX];
};
static inline struct params params_make(struct arena *arena) { return (struct params){.arena = arena}; }
void param_int(struct params *params, int64_t value);
void param_number(struct params *params, uint64_t value); /* above INT64_MAX: INT64_MAX */
void param_bytes(struct params *params, str value); /* also text */
static inline void param_uuid(struct params *params, const struct uuid *id) { param_bytes(params, str_bytes(id->bytes, 16)); }
void param_rows(struct params *params, const struct rows *rows); /* each column an array */

struct cells { /* each a parameter */
    int count;
    const char **values;
    int *lengths, *formats;
};
/* The cells of rows `from` to `to`, row by row; `at` are the places of the columns' next elements, from rows_begin() on. */
void rows_begin(const struct rows *rows, size_t at[COLUMNS_MAX]);
struct cells rows_cells(const struct rows *rows, size_t at[COLUMNS_MAX], size_t from, size_t to);
const char *rows_type(const struct rows *rows, unsigned column); /* its name in SQL */

/* --- rows.c: columns of results; what is NULL is 0, empty or `none` */
bool got_null(const PGresult *result, int row, int column);
int64_t got_int(const PGresult *result, int row, int column);
static inline uint64_t got_number(const PGresult *result, int row, int column) { return (uint64_t)got_int(result, row, column); }
static inline bool got_bool(const PGresult *result, int row, int column) { return got_int(result, row, column) != 0; }
int64_t got_time(const PGresult *result, int row, int column, int64_t none);
uint64_t got_index(const PGresult *result, int row, int column); /* NULL: UINT64_MAX */
str got_borrow(const PGresult *result, int row, int column); /* good until the next run of the session */
str got_str(const PGresult *result, int row, int column, struct arena *arena);
void got_copy(const PGresult *result, int row, int column, void *ret_bytes, size_t length); /* zeroes where it is shorter */

/* --- connection.c */
/* Connected, in pipeline mode, with nothing queued. Ends a turn that was lost with the connection. */
const struct err *session_ready(struct postgres_session *session, struct arena *arena) MUST_CHECK;
/* Queues; errors come with the run. `params` may be NULL. Returns the place of the result. */
unsigned pipe_add(struct postgres_session *session, unsigned sql, const struct params *params);
unsigned pipe_add_text(struct postgres_session *session, unsigned sql, const char *text, const struct cells *cells); /* a statement of its own text */
void pipe_add_rows(struct postgres_session *session, unsigned sql, const struct rows *rows); /* nothing where there are none */
/* Runs what is queued. On failure nothing of it happened, but where it ended a transaction and `lost` is set. */
const struct err *pipe_run(struct postgres_session *session, struct arena *arena) MUST_CHECK;
static inline const PGresult *pipe_result(const struct postgres_session *session, unsigned place) { return session->pipe[place].result; }
/* One question, asked again once where that may help and no turn is lost by it. */
const struct err *ask(struct postgres_session *session, struct arena *arena, unsigned sql, const struct params *params, const PGresult **ret) MUST_CHECK;
/* Whether what failed should be tried once more: it was no part of a turn, and the reason may have passed. */
bool try_again(const struct postgres_session *session, bool in_turn, int *tries);
void transaction_give_up(struct postgres_session *session);
void session_disconnect(struct postgres_session *session);
const struct err *connection_open(struct arena *arena, const struct store_postgres *store, PGconn **ret_conn) MUST_CHECK;
const struct err *result_error(struct arena *arena, const struct store_postgres *store, const PGresult *result, const char *doing) MUST_CHECK;
const struct err *lost_error(struct arena *arena, const struct store_postgres *store, const PGconn *conn, const char *doing) MUST_CHECK;

/* What reads in one snapshot, before and after; nothing in a turn. */
void queue_read_begin(struct postgres_session *session);
void queue_read_end(struct postgres_session *session);

/* --- citus.c */
unsigned citus_statement(unsigned sql); /* what is sent in its place where the tables are distributed */
bool citus_pipe_rows(struct postgres_session *session, unsigned sql, const struct rows *rows); /* false: as everywhere */
const struct err *citus_settle(struct postgres_session *session, struct arena *arena) MUST_CHECK; /* ends the doubt */
void citus_settle_wait(struct postgres_session *session, struct arena *arena, int64_t wait_ms); /* …or gives up; the next call asks again */
void citus_notice(void *session, const PGresult *result); /* a receiver of notices */
bool citus_fault(const char *state); /* whether an error of this SQLSTATE leaves doubt */

/* --- sets: what the store knows of them */
unsigned sets_ask(struct postgres_session *session, struct arena *arena); /* queues the question for those that are not known here */
const struct err *sets_learn(struct postgres_session *session, struct arena *arena, unsigned place) MUST_CHECK; /* its answer */
void sets_tell(struct store_postgres *store, struct purpose_sets *sets);

/* --- schema.c */
const struct err *schema_check(struct arena *arena, struct store_postgres *store) MUST_CHECK;

/* --- read.c: rows into structs */
void profile_got(const PGresult *result, int row, struct arena *arena, struct profile *ret_row);
void consent_got(const PGresult *result, int row, struct arena *arena, struct consent *ret_row);
void event_got(const PGresult *result, int row, struct arena *arena, struct purpose_sets *sets, struct event *ret_row);
void delivery_got(const PGresult *result, int row, struct arena *arena, struct delivery *ret_row);

/* --- save.c and its helpers: each queues */
struct saving {
    struct postgres_session *session;
    struct arena *arena;
    struct save *save;
    uint64_t profile_next, event_next, outbox_next, held_next; /* 0: as they are */
};
/* Of rows with the same key only the last counts: true where no later one has it. */
bool *last_of_key(struct arena *arena, const str *keys, size_t count);
void queue_persons(struct saving *saving);
void queue_disclosures_add(struct saving *saving);
void queue_events(struct saving *saving);
void queue_held(struct saving *saving);
void queue_outbox(struct saving *saving);
const struct err *tiles_make(struct saving *saving, struct rows *tiles) MUST_CHECK; /* before anything is queued */
void queue_ledger(struct saving *saving, const struct rows *tiles);
void queue_small(struct saving *saving); /* tokens, policy, settings, counters, rights, reads */
const struct err *turn_take(struct postgres_session *session, struct arena *arena, str *ret_head) MUST_CHECK;
static inline void next_above(uint64_t *next, uint64_t number)
{
    if (number >= *next)
        *next = number + 1;
}

/* --- the ops of the same names */
extern const struct store_ops postgres_ops;
const struct err *postgres_load(struct store_session *session, struct load *load) MUST_CHECK;
const struct err *postgres_save(struct store_session *session, struct arena *arena, struct save *save) MUST_CHECK;
const struct err *postgres_head(struct store_session *session, struct arena *arena, str *ret_head) MUST_CHECK;
const struct err *postgres_turn(struct store_session *session, struct arena *arena, str *ret_head) MUST_CHECK;
void postgres_turn_back(struct store_session *session);
const struct err *postgres_totals(struct store_session *session, struct arena *arena, bool quick, struct store_totals *ret_totals) MUST_CHECK;
const struct err *postgres_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                  size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count) MUST_CHECK;
const struct err *postgres_event(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                                 struct event *ret_event, bool *ret_found) MUST_CHECK;
const struct err *postgres_batches(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each,
                                   void *context) MUST_CHECK;
const struct err *postgres_ledger(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each,
                                  void *context) MUST_CHECK;
const struct err *postgres_tile(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                                uint8_t *ret_hashes) MUST_CHECK;
const struct err *postgres_deliveries(struct store_session *session, struct arena *arena, const struct delivery_query *query,
                                      struct delivery **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *postgres_delivery(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row,
                                    bool *ret_found) MUST_CHECK;
const struct err *postgres_destination_counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows,
                                              size_t *ret_count) MUST_CHECK;
const struct err *postgres_due(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles,
                               size_t *ret_count) MUST_CHECK;
const struct err *postgres_profiles(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows,
                                    size_t *ret_count) MUST_CHECK;
const struct err *postgres_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number) MUST_CHECK;
const struct err *postgres_decisions(struct store_session *session, struct arena *arena, profile_no profile, store_each each, void *context) MUST_CHECK;
const struct err *postgres_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before,
                                 size_t max, struct read_row **ret_rows, size_t *ret_count) MUST_CHECK;
void users_save(struct saving *saving); /* and sessions (user.c) */
const struct err *postgres_users(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *postgres_sessions(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *postgres_tokens(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *postgres_policies(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows,
                                    size_t *ret_count) MUST_CHECK;
const struct err *postgres_policy(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row,
                                  bool *ret_found) MUST_CHECK;
const struct err *postgres_counters(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows,
                                    size_t *ret_count) MUST_CHECK;
const struct err *postgres_consent(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row,
                                   bool *ret_found) MUST_CHECK;
const struct err *postgres_right(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row,
                                 bool *ret_found) MUST_CHECK;
const struct err *postgres_rights(struct store_session *session, struct arena *arena, const struct rights_query *query,
                                  struct rights_request **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *postgres_setting(struct store_session *session, struct arena *arena, str key, str *ret_value) MUST_CHECK;
const struct err *postgres_settings(struct store_session *session, struct arena *arena, store_each each, void *context) MUST_CHECK;
const struct err *postgres_purposes_in_use(struct store_session *session, struct arena *arena, struct purpose_sets *sets,
                                           purpose_mask *ret_mask) MUST_CHECK;

#endif
