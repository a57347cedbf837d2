/* Copying the log into the data file beside the writer, on a thread and connection of its own, so that commits do not wait for it.
 *
 *     idle ──tidy: the log is long──▶ asked ──thread──▶ copying ──thread──▶ done ──tidy──▶ idle
 *
 * 1. The thread starts with the first request and ends with the store.
 * 2. While it copies, the writer goes on and the log grows; SQLite starts the log anew only when everything in it is copied and no one
 *    reads it. So when little is left, tidy() copies the rest itself, between two commits.
 */
#include "store/sqlite/sqlite_private.h"

#include <stdlib.h>

enum {
    PAGES_LONG = 4000, /* of a log that is worth copying. Fewer: hot pages are copied again and again; more: the log is long to read at start */
    PAGES_REST = 200,  /* what tidy() copies itself: a millisecond or two */
    PAGES_MOST = 16 * 1024, /* of the log */
};

static void *copier_run(void *context)
{
    struct copier *copier = context;
    pthread_mutex_lock(&copier->lock);
    for (;;) {
        while (copier->state != COPIER_ASKED && !copier->stop)
            (void)pthread_cond_wait(&copier->changed, &copier->lock); /* cannot fail */
        if (copier->stop)
            break;
        copier->state = COPIER_COPYING;
        pthread_mutex_unlock(&copier->lock);
        int log = 0, copied = 0;
        int code = sqlite3_wal_checkpoint_v2(copier->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
        pthread_mutex_lock(&copier->lock);
        copier->code = code == SQLITE_BUSY ? SQLITE_OK : code;
        copier->log = log;
        copier->copied = copied;
        copier->state = COPIER_DONE;
        (void)pthread_cond_signal(&copier->ended); /* cannot fail */
    }
    pthread_mutex_unlock(&copier->lock);
    return NULL;
}

void copier_init(struct copier *copier)
{
    pthread_mutex_init(&copier->lock, NULL);
    pthread_cond_init(&copier->changed, NULL);
    pthread_cond_init(&copier->ended, NULL);
}

void copier_stop(struct copier *copier)
{
    if (copier->started) {
        pthread_mutex_lock(&copier->lock);
        copier->stop = true;
        (void)pthread_cond_signal(&copier->changed); /* cannot fail */
        pthread_mutex_unlock(&copier->lock);
        (void)pthread_join(copier->thread, NULL); /* it is there */
    }
    copier->started = copier->stop = false;
    (void)sqlite3_close(copier->db); /* no statement is open */
    copier->db = NULL;
}

void copier_release(struct copier *copier)
{
    copier_stop(copier);
    pthread_cond_destroy(&copier->changed);
    pthread_cond_destroy(&copier->ended);
    pthread_mutex_destroy(&copier->lock);
}

static const struct err *copier_ask(struct sqlite_session *session, struct arena *arena)
{
    struct copier *copier = &session->store->copier;
    if (!copier->db) {
        int code = sqlite3_open_v2(session->store->path, &copier->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
        if (code == SQLITE_OK)
            code = sqlite3_exec(copier->db, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=16", NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            (void)sqlite3_close(copier->db); /* it is tried again */
            copier->db = NULL;
            return sqlite_error(arena, session, code, "checkpoint");
        }
    }
    if (!copier->started) {
        if (pthread_create(&copier->thread, NULL, copier_run, copier) != 0)
            return err_new(arena, ERR_UNAVAILABLE, "No thread can be started for copying the log of %s.", session->store->path);
        copier->started = true;
        (void)pthread_setname_np(copier->thread, "telos-copier"); /* for whoever looks at threads */
    }
    pthread_mutex_lock(&copier->lock);
    copier->state = COPIER_ASKED;
    (void)pthread_cond_signal(&copier->changed); /* cannot fail */
    pthread_mutex_unlock(&copier->lock);
    return NULL;
}

/* Between commits: nothing is added meanwhile, so with no reader in the way the log is used up afterwards. */
static const struct err *copy_rest(struct sqlite_session *session, struct arena *arena)
{
    int log = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(session->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
    if (code != SQLITE_OK && code != SQLITE_BUSY) /* busy: next time */
        return sqlite_error(arena, session, sqlite3_extended_errcode(session->db), "checkpoint");
    session->wal_copied = copied > 0 ? copied : 0;
    if (code == SQLITE_OK && copied >= log)
        session->wal_frames = session->wal_copied = session->wal_tried = session->wal_forced = 0;
    return NULL;
}

/* The copier does not catch up: the writer waits for it, so that the log stays within its bound. */
static const struct err *copy_all(struct sqlite_session *session, struct arena *arena)
{
    struct copier *copier = &session->store->copier;
    pthread_mutex_lock(&copier->lock);
    while (copier->state == COPIER_ASKED || copier->state == COPIER_COPYING)
        (void)pthread_cond_wait(&copier->ended, &copier->lock); /* cannot fail */
    copier->state = COPIER_IDLE;
    pthread_mutex_unlock(&copier->lock);
    session->wal_tried = session->wal_forced = session->wal_frames;
    return copy_rest(session, arena);
}

bool checkpoint_wanted(const struct sqlite_session *session)
{
    /* what a long reader keeps from being copied waits until there are as many pages again */
    int done = session->wal_copied > session->wal_tried ? session->wal_copied : session->wal_tried;
    return session->wal_frames - done >= PAGES_LONG;
}

const struct err *checkpoint_step(struct sqlite_session *session, struct arena *arena)
{
    struct copier *copier = &session->store->copier;
    if (session->wal_frames - session->wal_forced >= PAGES_MOST)
        return copy_all(session, arena);
    pthread_mutex_lock(&copier->lock);
    enum copier_state state = copier->state;
    int code = copier->code, copied = copier->copied > 0 ? copier->copied : 0;
    if (state == COPIER_DONE)
        copier->state = COPIER_IDLE;
    pthread_mutex_unlock(&copier->lock);
    if (state == COPIER_ASKED || state == COPIER_COPYING)
        return NULL;
    bool chase = false;
    if (state == COPIER_DONE) {
        if (code != SQLITE_OK)
            return sqlite_error(arena, session, code, "checkpoint");
        chase = copied > session->wal_copied; /* it got on: what was added meanwhile is next */
        session->wal_copied = copied;
        if (chase && session->wal_frames - copied <= PAGES_REST)
            return copy_rest(session, arena);
    }
    if (!chase && !checkpoint_wanted(session))
        return NULL;
    session->wal_tried = session->wal_frames;
    return copier_ask(session, arena);
}
