/* Opening: the file, its migrations, sessions.
 *
 * 1. The session that opens the store reads what memory keeps (sets, chains, totals); it becomes the first writing session.
 * 2. Connections share no cache and no mutex: a session belongs to one thread at a time.
 */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { APPLICATION_ID = 0x54454C4F /* "TELO" */, BUSY_MS = 5000 };
enum { MIGRATIONS = sizeof sql_migrations / sizeof *sql_migrations };

static const struct err *run(struct sqlite_session *session, struct arena *arena, const char *sql, const char *doing)
{
    int code = sqlite3_exec(session->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? NULL : sqlite_error(arena, session, sqlite3_extended_errcode(session->db), doing);
}

static int frames_told(void *context, sqlite3 *db, const char *name, int frames)
{
    (void)db;
    (void)name;
    struct sqlite_session *session = context;
    if (frames < session->wal_frames) /* the log began anew */
        session->wal_copied = session->wal_tried = session->wal_forced = 0;
    session->wal_frames = frames;
    return SQLITE_OK;
}

static void session_free(struct sqlite_session *session)
{
    if (!session)
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        (void)sqlite3_finalize(session->statements[i]); /* its last error was told */
    (void)sqlite3_close(session->db);
    free(session->statements);
    free(session);
}

static const struct err *session_setup(struct sqlite_session *session, struct arena *arena)
{
    TRY(run(session, arena,
            "PRAGMA page_size=4096; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF",
            "opening"));
    TRY(run(session, arena, session->writes ? "PRAGMA cache_size=-65536" : "PRAGMA cache_size=-4096", "opening"));
    TRY(run(session, arena, "PRAGMA mmap_size=134217728", "opening"));
    return run(session, arena, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864", "opening");
}

static const struct err *session_make(struct store_sqlite *store, struct arena *arena, bool writes, struct sqlite_session **ret)
{
    struct sqlite_session *session = calloc(1, sizeof *session);
    ASSERT(session);
    session->store = store;
    session->writes = writes;
    session->due_done_ms = TIME_NONE;
    session->statements = calloc(SQL_COUNT, sizeof(*session->statements));
    ASSERT(session->statements);
    int code = sqlite3_open_v2(store->path, &session->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    const struct err *err = NULL;
    if (code != SQLITE_OK) {
        err = sqlite_error(arena, session, code, "opening");
    } else {
        (void)sqlite3_extended_result_codes(session->db, 1); /* cannot fail */
        (void)sqlite3_busy_timeout(session->db, BUSY_MS);
        err = session_setup(session, arena);
        (void)sqlite3_wal_hook(session->db, frames_told, session); /* returns the hook before it */
    }
    if (err) {
        session_free(session);
        return err;
    }
    *ret = session;
    return NULL;
}

static const struct err *sqlite_session(struct store *base, struct arena *arena, bool writes, struct store_session **ret_session)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    struct sqlite_session *session = NULL;
    pthread_mutex_lock(&store->lock);
    bool taken = writes && store->writing;
    if (writes && !taken) {
        store->writing = true;
        session = store->first;
        store->first = NULL;
    }
    pthread_mutex_unlock(&store->lock);
    if (taken)
        return err_new(arena, ERR_CONFLICT, "The store has a writing session already.");
    if (!session) {
        const struct err *err = session_make(store, arena, writes, &session);
        if (err) {
            if (writes)
                store->writing = false;
            return err;
        }
    }
    *ret_session = (struct store_session *)session;
    return NULL;
}

static void sqlite_session_close(struct store_session *store_session)
{
    struct sqlite_session *session = session_of(store_session);
    if (!session)
        return;
    struct store_sqlite *store = session->store;
    pthread_mutex_lock(&store->lock);
    if (session->writes)
        store->writing = false;
    pthread_mutex_unlock(&store->lock);
    session_free(session);
}

static void sqlite_close(struct store *base)
{
    struct store_sqlite *store = (struct store_sqlite *)base;
    if (!store)
        return;
    copier_release(&store->copier);
    session_free(store->first);
    chains_release(&store->chains);
    arena_release(&store->arena);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

/* --- migrations */

static const struct err *pragma_number(struct sqlite_session *session, struct arena *arena, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(session->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        if (sqlite3_step(statement) == SQLITE_ROW)
            *ret = sqlite3_column_int64(statement, 0);
        code = sqlite3_finalize(statement);
    }
    return code == SQLITE_OK ? NULL : sqlite_error(arena, session, sqlite3_extended_errcode(session->db), "opening");
}

static const struct err *migrate_to(struct sqlite_session *session, struct arena *arena, int64_t version, int64_t application)
{
    if (version > MIGRATIONS || (version > 0 && application != APPLICATION_ID))
        return err_new(arena, ERR_CONFLICT, "%s was made by a newer Telos, or by something else; use the program that made it.",
                       session->store->path);
    for (int64_t i = version; i < MIGRATIONS; i++)
        TRY(run(session, arena, sql_migrations[i], "bringing the layout up to date"));
    if (version < MIGRATIONS)
        TRY(run(session, arena, arena_printf(arena, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID, MIGRATIONS), "opening"));
    return NULL;
}

static const struct err *migrate(struct sqlite_session *session, struct arena *arena)
{
    int64_t version = 0, application = 0;
    TRY(run(session, arena, "BEGIN IMMEDIATE", "opening"));
    const struct err *err = pragma_number(session, arena, "PRAGMA user_version", &version);
    if (!err)
        err = pragma_number(session, arena, "PRAGMA application_id", &application);
    if (!err)
        err = migrate_to(session, arena, version, application);
    if (!err)
        err = run(session, arena, "COMMIT", "opening");
    if (err)
        transaction_abandon(session);
    return err;
}

/* --- the store */

static const struct err *sets_read(struct store_sqlite *store, struct sqlite_session *session, struct arena *arena)
{
    sqlite3_stmt *s;
    TRY(sql_prepare(session, arena, SQL_PURPOSE_SETS, &s));
    bind_int(s, 1, 0);
    for (bool row;;) {
        TRY(sql_step(session, arena, s, &row));
        if (!row)
            break;
        if (column_number(s, 0) != store->sets.count + 1) {
            (void)sqlite3_reset(s); /* the damage is what is told */
            return err_new(arena, ERR_INTERNAL, "%s is damaged (purpose sets); restore a backup.", store->path);
        }
        *(str *)vec_push(&store->arena, &store->sets) = column_str(s, 1, &store->arena);
    }
    store->sets_saved = store->sets.count;
    return NULL;
}

static const struct err *store_fill(struct store_sqlite *store, struct arena *arena)
{
    TRY(session_make(store, arena, true, &store->first));
    TRY(migrate(store->first, arena));
    TRY(sets_read(store, store->first, arena));
    TRY(journal_newest(store->first, arena, &store->totals, &store->journal_number));
    return chains_open(store->first, arena);
}

static const struct err *file_make(struct arena *arena, const char *directory, const char *path)
{
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return err_new(arena, ERR_IO, "%s cannot be made: %s.", directory, strerror(errno));
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* SQLite gives its side files the same mode */
    if (file < 0)
        return err_new(arena, ERR_IO, "%s cannot be opened: %s.", path, strerror(errno));
    (void)close(file); /* nothing was written */
    return NULL;
}

static const struct store_ops sqlite_ops = {
    .name = "sqlite", .session = sqlite_session, .session_close = sqlite_session_close, .load = sqlite_load, .save = sqlite_save,
    .totals = sqlite_totals, .events = sqlite_events, .event = sqlite_event, .batches = sqlite_batches, .ledger = sqlite_ledger,
    .tile = sqlite_tile, .deliveries = sqlite_deliveries, .delivery = sqlite_delivery, .destination_counts = sqlite_destination_counts,
    .due = sqlite_due, .profiles = sqlite_profiles, .profile_by_id = sqlite_profile_by_id, .reads = sqlite_reads, .decisions = sqlite_decisions, .tokens = sqlite_tokens, .users = sqlite_users, .sessions = sqlite_sessions,
    .policies = sqlite_policies, .policy = sqlite_policy, .counters = sqlite_counters, .consent = sqlite_consent,
    .right = sqlite_right, .rights = sqlite_rights, .setting = sqlite_setting, .settings = sqlite_settings, .purposes_in_use = sqlite_purposes_in_use, .tidy = sqlite_tidy, .backup = sqlite_backup, .close = sqlite_close,
};

const struct err *store_sqlite_open(struct arena *arena, const char *directory, struct store **ret_store)
{
    const char *path = arena_printf(arena, "%s/telos.db", directory);
    TRY(file_make(arena, directory, path));
    struct store_sqlite *store = calloc(1, sizeof *store);
    ASSERT(store);
    store->base.ops = &sqlite_ops;
    store->due_now_ms = TIME_NONE;
    pthread_mutex_init(&store->lock, NULL);
    arena_init(&store->arena);
    chains_init(&store->chains);
    copier_init(&store->copier);
    store->path = strdup(path);
    ASSERT(store->path);
    const struct err *err = store_fill(store, arena);
    if (err) {
        sqlite_close(&store->base);
        return err;
    }
    *ret_store = &store->base;
    return NULL;
}
