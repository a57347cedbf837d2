/* What the files of the embedded store share. Not for others.
 *
 * 1. A session has its own connection and its own prepared statements; the writing session alone changes `store->totals`,
 *    `store->chains` and the list of sets, and only after its commit.
 * 2. A statement that was stepped is reset before the function that stepped it returns.
 */
#ifndef TELOS_STORE_SQLITE_PRIVATE_H
#define TELOS_STORE_SQLITE_PRIVATE_H

#include "store/sqlite/chain_private.h"
#include "store/store.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

/* kind << 20 in the key of person_row; see migrations/0001.sql. In the order in which loading wants them. */
enum row_kind {
    ROW_PROFILE, ROW_IDENTIFIER, ROW_CONSENT, ROW_MERGE, ROW_MERGE_END, ROW_PREFERENCES, ROW_REFUSED, ROW_FACT_PAGE, ROW_DISCLOSURE, ROW_KINDS
};
#define ROW_NUMBER_MAX 0xFFFFFu
#define PROFILE_NO_MAX ((UINT64_C(1) << 39) - 1)
static inline int64_t row_key(profile_no profile, enum row_kind kind, uint32_t number)
{
    return (int64_t)(profile.value << 24 | (uint64_t)kind << 20 | number);
}
static inline profile_no row_profile(int64_t key) { return (profile_no){(uint64_t)key >> 24}; }
static inline enum row_kind row_kind_of(int64_t key) { return (enum row_kind)(key >> 20 & 15); }
static inline uint32_t row_number(int64_t key) { return (uint32_t)key & ROW_NUMBER_MAX; }

/* The totals that each journal row carries. */
struct journal_totals {
    uint64_t profiles, persons, identifiers, facts, events, consents, held, pending;
    uint64_t profile_next, event_next, outbox_next, held_next, read_next;
};

enum copier_state { COPIER_IDLE, COPIER_ASKED, COPIER_COPYING, COPIER_DONE };
struct copier { /* checkpoint.c */
    pthread_mutex_t lock;
    pthread_cond_t changed, ended;
    pthread_t thread;
    bool started, stop;
    enum copier_state state;
    int code, log, copied; /* of the last copying: of SQLite, and pages */
    sqlite3 *db; /* the thread's, while it is started */
};

struct store_sqlite {
    struct store base;
    char *path;
    pthread_mutex_t lock; /* of what follows, up to the blank line */
    struct arena arena; /* names of sets */
    VEC(str) sets; /* names of set i + 1; told to readers before the commit that saves them, and never given to others */
    bool writing; /* the one writing session is open */
    struct sqlite_session *first; /* the session that opened the store, until a writer takes it */

    size_t sets_saved; /* the writing session's: how many of them are in the file */
    struct chains chains;
    struct journal_totals totals; /* the writing session's */
    uint64_t journal_number; /* of the newest row */
    struct copier copier;
    _Atomic int64_t due_now_ms; /* the latest time that due() was asked about */
};

struct sqlite_session {
    struct store_sqlite *store;
    sqlite3 *db;
    bool writes;
    sqlite3_stmt **statements; /* by enum sql; NULL until first used */
    int wal_frames; /* pages in the log after the last commit */
    int wal_copied; /* how many of them lie in the data file, too */
    int wal_tried; /* how many there were when the last copying began */
    int wal_forced; /* how many there were when the writer last waited for it */
    int64_t due_done_ms; /* up to here no entry of `due` is stale */
    struct fold fold;
};

static inline struct sqlite_session *session_of(struct store_session *session) { return (struct sqlite_session *)session; }

/* --- row.c */
/* The prepared statement `sql` (enum sql), reset and with its bindings cleared by whoever used it last. */
const struct err *sql_prepare(struct sqlite_session *session, struct arena *arena, unsigned sql, sqlite3_stmt **ret) MUST_CHECK;
/* Steps: *ret_row says whether there is a row; at the end and on errors the statement is reset. `ret_row` NULL: no row is expected. */
const struct err *sql_step(struct sqlite_session *session, struct arena *arena, sqlite3_stmt *statement, bool *ret_row) MUST_CHECK;
const struct err *sqlite_error(struct arena *arena, struct sqlite_session *session, int code, const char *doing) MUST_CHECK;
void bind_number(sqlite3_stmt *statement, int place, uint64_t value);
void bind_int(sqlite3_stmt *statement, int place, int64_t value);
void bind_time(sqlite3_stmt *statement, int place, int64_t value, int64_t none); /* NULL for `none` */
void bind_text(sqlite3_stmt *statement, int place, str value); /* empty: '' */
void bind_name(sqlite3_stmt *statement, int place, str value); /* empty: NULL */
void bind_blob(sqlite3_stmt *statement, int place, const void *data, size_t length); /* length 0: NULL */
static inline void bind_bytes(sqlite3_stmt *statement, int place, str value) { bind_blob(statement, place, value.data, value.length); }
static inline void bind_uuid(sqlite3_stmt *statement, int place, const struct uuid *id) { bind_blob(statement, place, id->bytes, 16); }
static inline uint64_t column_number(sqlite3_stmt *statement, int place) { return (uint64_t)sqlite3_column_int64(statement, place); }
static inline int64_t column_int(sqlite3_stmt *statement, int place) { return sqlite3_column_int64(statement, place); }
int64_t column_time(sqlite3_stmt *statement, int place, int64_t none);
uint64_t column_index(sqlite3_stmt *statement, int place); /* NULL: UINT64_MAX */
str column_str(sqlite3_stmt *statement, int place, struct arena *arena);
str column_borrow(sqlite3_stmt *statement, int place); /* good until the next step */
void column_copy(sqlite3_stmt *statement, int place, void *ret_bytes, size_t length); /* zeroes where it is shorter */
const struct err *transaction_begin(struct sqlite_session *session, struct arena *arena, bool write) MUST_CHECK;
const struct err *transaction_commit(struct sqlite_session *session, struct arena *arena) MUST_CHECK;
void transaction_abandon(struct sqlite_session *session);
/* One number; NULL gives `none`. */
const struct err *sql_number(struct sqlite_session *session, struct arena *arena, unsigned sql, uint64_t none, uint64_t *ret) MUST_CHECK;
void sets_sync(struct store_sqlite *store, struct purpose_sets *sets);

/* --- load.c, read.c: rows into structs */
const struct err *sqlite_load(struct store_session *session, struct load *load) MUST_CHECK;
void event_read(sqlite3_stmt *statement, struct arena *arena, struct purpose_sets *sets, struct event *ret_event);
void delivery_read(sqlite3_stmt *statement, struct arena *arena, struct delivery *ret_row);
void consent_read(sqlite3_stmt *statement, struct arena *arena, struct consent *ret_row);
void profile_read(sqlite3_stmt *statement, struct arena *arena, struct profile *ret_row);

/* --- seen.c */
/* The later of what the row and what memory say. `seen`: of the profile, from chain_head. */
int64_t seen_latest(uint64_t seen, uint32_t number, int64_t row_ms);

/* --- save.c and its helpers */
struct seen_row { /* an identifier of which nothing changed but the day it was seen */
    profile_no profile;
    uint32_t number;
    int64_t seen_ms;
};
struct consent_delta {
    str purpose;
    int64_t count;
};
struct outbox_delta {
    str destination;
    int64_t states[4];
};
struct saving {
    struct sqlite_session *session;
    struct arena *arena;
    struct save *save;
    struct journal_totals totals;
    struct chain_changes chains;
    VEC(struct outbox_delta) outbox;
    VEC(struct seen_row) seen; /* of the person at hand */
    VEC(struct consent_delta) consents;
    int64_t next_key; /* of the consent that would follow the one just saved; 0: not known */
};
const struct err *sqlite_save(struct store_session *session, struct arena *arena, struct save *save) MUST_CHECK;
const struct err *save_persons(struct saving *saving) MUST_CHECK; /* rows of person_row */
/* Takes the identifier over if its row need not be written: then *ret_taken is true and seen_flush writes it down. */
const struct err *seen_take(struct saving *saving, const struct identifier *row, bool *ret_taken) MUST_CHECK;
void seen_forget(struct saving *saving, profile_no profile, uint32_t number); /* the identifier goes */
const struct err *seen_flush(struct saving *saving) MUST_CHECK;
const struct err *save_disclosure(struct saving *saving, const struct disclosure *row, bool add) MUST_CHECK;
const struct err *save_events(struct saving *saving) MUST_CHECK;
const struct err *save_held(struct saving *saving) MUST_CHECK;
const struct err *save_outbox(struct saving *saving) MUST_CHECK;
const struct err *save_ledger(struct saving *saving) MUST_CHECK;
const struct err *save_decisions(struct saving *saving) MUST_CHECK;
const struct err *save_rights(struct saving *saving) MUST_CHECK; /* rights.c */

/* --- read.c, read_more.c: the ops of the same names */
const struct err *sqlite_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_event(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                               struct event *ret_event, bool *ret_found) MUST_CHECK;
const struct err *sqlite_batches(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context) MUST_CHECK;
const struct err *sqlite_ledger(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context) MUST_CHECK;
const struct err *sqlite_tile(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                              uint8_t *ret_hashes) MUST_CHECK;
const struct err *sqlite_deliveries(struct store_session *session, struct arena *arena, const struct delivery_query *query,
                                    struct delivery **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_delivery(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool *ret_found) MUST_CHECK;
const struct err *sqlite_destination_counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows,
                                            size_t *ret_count) MUST_CHECK;
const struct err *sqlite_due(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles,
                             size_t *ret_count) MUST_CHECK;
const struct err *sqlite_profiles(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows,
                                  size_t *ret_count) MUST_CHECK;
const struct err *sqlite_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number) MUST_CHECK;
const struct err *sqlite_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before,
                               size_t max, struct read_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_decisions(struct store_session *session, struct arena *arena, profile_no profile, store_each each, void *context) MUST_CHECK;
const struct err *sqlite_tokens(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_users(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_sessions(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count) MUST_CHECK;
/* Parts of a save (user.c). */
const struct err *user_put(struct sqlite_session *session, struct arena *arena, const struct user_row *row) MUST_CHECK;
const struct err *session_put(struct sqlite_session *session, struct arena *arena, const struct session_row *row) MUST_CHECK;
const struct err *session_delete(struct sqlite_session *session, struct arena *arena, struct uuid id) MUST_CHECK;
const struct err *sqlite_policies(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_policy(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row, bool *ret_found) MUST_CHECK;
const struct err *sqlite_counters(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows,
                                  size_t *ret_count) MUST_CHECK;
const struct err *sqlite_consent(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row, bool *ret_found) MUST_CHECK;
const struct err *sqlite_right(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row,
                               bool *ret_found) MUST_CHECK;
const struct err *sqlite_rights(struct store_session *session, struct arena *arena, const struct rights_query *query,
                                struct rights_request **ret_rows, size_t *ret_count) MUST_CHECK;
const struct err *sqlite_setting(struct store_session *session, struct arena *arena, str key, str *ret_value) MUST_CHECK;
const struct err *sqlite_settings(struct store_session *session, struct arena *arena, store_each each, void *context) MUST_CHECK;
const struct err *sqlite_purposes_in_use(struct store_session *session, struct arena *arena, struct purpose_sets *sets, purpose_mask *ret_mask) MUST_CHECK;
const struct err *sqlite_totals(struct store_session *session, struct arena *arena, bool quick, struct store_totals *ret_totals) MUST_CHECK;
const struct err *journal_newest(struct sqlite_session *session, struct arena *arena, struct journal_totals *ret_totals, uint64_t *ret_number) MUST_CHECK;

/* --- checkpoint.c, tidy.c, backup.c */
void copier_init(struct copier *copier);
void copier_stop(struct copier *copier); /* ends the thread */
void copier_release(struct copier *copier);
bool checkpoint_wanted(const struct sqlite_session *session);
/* Asks the copier, looks what it did, copies the rest: never long. */
const struct err *checkpoint_step(struct sqlite_session *session, struct arena *arena) MUST_CHECK;
const struct err *sqlite_tidy(struct store_session *session, struct arena *arena, bool *ret_more) MUST_CHECK;
const struct err *sqlite_backup(struct store_session *session, struct arena *arena, const char *directory,
                                void (*progress)(void *context, uint64_t done, uint64_t all), void *context) MUST_CHECK;

#endif
