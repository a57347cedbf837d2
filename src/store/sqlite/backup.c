/* A consistent copy of the data file, made in steps while others read and write. One read transaction holds the instant that is copied;
 * meanwhile the log cannot start anew, so it grows by what is written. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BACKUP_PAGES = 512, BACKUP_PAUSE_US = 200 };

static const struct err *copy_error(struct arena *arena, const char *path, int code)
{
    return err_new(arena, ERR_UNAVAILABLE, "%s cannot be written: %s. Check the disk, then make the backup again.", path, sqlite3_errstr(code));
}

struct copying {
    void (*progress)(void *context, uint64_t done, uint64_t all);
    void *context;
    uint64_t page_bytes;
};

static void copied(const struct copying *copying, sqlite3_backup *backup)
{
    uint64_t all = (uint64_t)sqlite3_backup_pagecount(backup), left = (uint64_t)sqlite3_backup_remaining(backup);
    if (copying->progress && all)
        copying->progress(copying->context, (all - left) * copying->page_bytes, all * copying->page_bytes);
}

static const struct err *copy_pages(struct sqlite_session *session, struct arena *arena, sqlite3 *copy, const char *path,
                                    const struct copying *copying)
{
    sqlite3_backup *backup = sqlite3_backup_init(copy, "main", session->db, "main");
    if (!backup)
        return copy_error(arena, path, sqlite3_errcode(copy));
    int code;
    do {
        code = sqlite3_backup_step(backup, BACKUP_PAGES);
        copied(copying, backup);
        if (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED)
            (void)usleep(BACKUP_PAUSE_US); /* leaves the disk to the others */
    } while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
    int finished = sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE || finished != SQLITE_OK)
        return copy_error(arena, path, finished != SQLITE_OK ? finished : code);
    return NULL;
}

static const struct err *copy_to(struct sqlite_session *session, struct arena *arena, const char *path, struct copying *copying)
{
    sqlite3 *copy = NULL;
    uint64_t ignored;
    TRY(transaction_begin(session, arena, false));
    TRY(sql_number(session, arena, SQL_LEDGER_LAST, 0, &ignored)); /* the instant is that of the first read */
    TRY(sql_number(session, arena, SQL_PAGE_SIZE, 0, &copying->page_bytes));
    int code = sqlite3_open_v2(path, &copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(copy, "PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL", NULL, NULL, NULL);
    const struct err *err = code == SQLITE_OK ? copy_pages(session, arena, copy, path, copying) : copy_error(arena, path, code);
    code = sqlite3_close(copy);
    if (!err && code != SQLITE_OK)
        err = copy_error(arena, path, code);
    return err ? err : transaction_commit(session, arena);
}

static const struct err *sync_path(struct arena *arena, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int failed = file < 0 || fsync(file) != 0 ? errno : 0;
    if (file >= 0)
        (void)close(file); /* only read */
    return failed ? err_new(arena, ERR_UNAVAILABLE, "%s cannot be made durable: %s.", path, strerror(failed)) : NULL;
}

const struct err *sqlite_backup(struct store_session *store_session, struct arena *arena, const char *directory,
                                void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    struct sqlite_session *session = session_of(store_session);
    struct copying copying = {.progress = progress, .context = context};
    const char *path = arena_printf(arena, "%s/telos.db", directory), *partial = arena_printf(arena, "%s/telos.db.partial", directory);
    struct stat there;
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return err_new(arena, ERR_UNAVAILABLE, "%s cannot be made: %s.", directory, strerror(errno));
    if (stat(path, &there) == 0)
        return err_new(arena, ERR_CONFLICT, "%s is there already; name another directory for the backup.", path);
    (void)unlink(partial); /* of a backup that was interrupted; mostly there is none */
    int file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return err_new(arena, ERR_UNAVAILABLE, "%s cannot be made: %s.", partial, strerror(errno));
    (void)close(file); /* empty */
    const struct err *err = copy_to(session, arena, partial, &copying);
    if (err)
        transaction_abandon(session);
    if (!err)
        err = sync_path(arena, partial);
    if (!err && rename(partial, path) != 0)
        err = err_new(arena, ERR_UNAVAILABLE, "%s cannot be renamed: %s.", partial, strerror(errno));
    if (err) {
        (void)unlink(partial); /* half a copy is of no use */
        return err;
    }
    return sync_path(arena, directory);
}
