/* Recorded reads on their way into the store: every read of a person's data is written down before it is answered, and reaches the store and the
 * ledger in batches with the next commits.
 *
 *      engine_record_read ──▶ reads.N.log (mapped) ──read_log_take──▶ a commit's save.reads ──read_log_taken──▶ the file is removed
 *
 * 1. A mapped page outlives kill -9: a read that engine_record_read wrote down is not lost with the process.
 * 2. Space is taken before it is needed (posix_fallocate). Where it cannot be had, read_log_ready says so, and nobody reads.
 * 3. A commit takes whole files; it also stores the setting "reads_done" = N, so that after a kill no file is taken twice.
 * 4. Many reads at once (lists) are slowed down to what commits take: engine_reads_room. A commit takes only TAKE_FILES, and the next one follows at once.
 * 5. A record holds no personal data: a profile number, names from the policy, a token's id.
 */
#include "base/log.h"
#include "engine/engine_private.h"
#include "engine/files_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_RECORDS 8192
#define FILES_MAX 64 /* half a million reads that could not be stored: then reading stops */
#define FILES_MANY (FILES_MAX / 2) /* with so many waiting, whoever reads many people at once waits, too, so that single reads still have room */
#define TAKE_FEW 256 /* fewer are taken only when their time has come */
#define TAKE_FILES 8 /* into one commit: 65,000 reads, a few tenths of a second that others wait for it */
#define ROOM_AWAIT_MS 20000

struct record { /* 128 bytes */
    _Atomic uint32_t written; /* 1 when the rest is there */
    uint32_t reserved;
    int64_t at_ms;
    uint8_t token[16];
    uint64_t profile;
    char what[22]; /* what is longer is cut: so say it in 22 bytes */
    uint8_t what_length, purpose_length;
    char purpose[LIMIT_NAME_BYTES];
};
_Static_assert(sizeof(struct record) == 128, "a record has its size on disk");

struct segment { /* one file */
    uint64_t number;
    struct record *records;
    _Atomic uint32_t next; /* may run past FILE_RECORDS */
    struct segment *older;
};
struct read_log {
    pthread_rwlock_t lock; /* shared: adding a record; exclusive: another file becomes current */
    struct segment *current, *spare; /* current heads the list of all, newest first */
    uint64_t next_number;
    _Atomic size_t files;
    _Atomic bool ready;
    struct segment *taken; /* the newest file of the commit under way; all older ones go with it */
};

static char *segment_path(struct arena *arena, const struct engine *engine, uint64_t number)
{
    return files_join(arena, engine->data, arena_printf(arena, "reads.%llu.log", (unsigned long long)number));
}

/* NULL where it cannot be had. */
static struct segment *segment_open(struct engine *engine, uint64_t number)
{
    struct arena arena;
    arena_init(&arena);
    const size_t size = FILE_RECORDS * sizeof(struct record);
    int fd = open(segment_path(&arena, engine, number), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    arena_release(&arena);
    if (fd < 0)
        return NULL;
    int failed = posix_fallocate(fd, 0, (off_t)size);
    void *memory = failed ? MAP_FAILED : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED)
        return NULL;
    struct segment *segment = calloc(1, sizeof *segment);
    ASSERT(segment);
    segment->number = number;
    segment->records = memory;
    while (segment->next < FILE_RECORDS && segment->records[segment->next].written)
        segment->next++;
    return segment;
}

static void segment_close(struct engine *engine, struct segment *segment, bool remove)
{
    if (!segment)
        return;
    munmap(segment->records, FILE_RECORDS * sizeof(struct record));
    if (remove) {
        struct arena arena;
        arena_init(&arena);
        if (unlink(segment_path(&arena, engine, segment->number)))
            log_write(LOG_WARN, "engine", "a log of reads cannot be removed: %s", strerror(errno));
        arena_release(&arena);
    }
    free(segment);
}

/* With the lock held exclusively: the spare becomes current. */
static bool segment_advance(struct engine *engine)
{
    struct read_log *log = engine->read_log;
    if (!log->spare && log->files < FILES_MAX) {
        log->spare = segment_open(engine, log->next_number);
        if (log->spare) {
            log->next_number++;
            log->files++;
        }
    }
    if (!log->spare)
        return false;
    log->spare->older = log->current;
    log->current = log->spare;
    log->spare = NULL;
    return true;
}

static void spare_make(struct engine *engine)
{
    struct read_log *log = engine->read_log;
    pthread_rwlock_wrlock(&log->lock);
    if (!log->spare && log->files < FILES_MAX) {
        log->spare = segment_open(engine, log->next_number);
        if (log->spare) {
            log->next_number++;
            log->files++;
        }
    }
    log->ready = log->spare != NULL;
    pthread_rwlock_unlock(&log->lock);
}

/* ---- opening ---- */

static int number_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* "reads.N.log", as segment_path makes it. */
static bool segment_number(str name, uint64_t *ret_number)
{
    int64_t number = 0;
    if (!str_starts(name, STR("reads.")) || !str_ends(name, STR(".log")) ||
        !str_to_int64(str_slice(name, strlen("reads."), name.length - strlen(".log")), &number) || number < 1)
        return false;
    *ret_number = (uint64_t)number;
    return true;
}

static const struct err *leftovers_open(struct engine *engine, struct arena *arena, uint64_t done)
{
    struct read_log *log = engine->read_log;
    VEC(uint64_t) numbers = {0};
    DIR *directory = opendir(engine->data);
    if (!directory)
        return err_new(arena, ERR_IO, "%s cannot be read: %s", engine->data, strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory));) {
        uint64_t number;
        if (segment_number(str_of(entry->d_name), &number))
            *(uint64_t *)vec_push(arena, &numbers) = number;
    }
    closedir(directory);
    if (numbers.count)
        qsort(numbers.items, numbers.count, sizeof *numbers.items, number_order);
    vec_each (number, &numbers) {
        if (*number <= done) {
            if (unlink(segment_path(arena, engine, *number)))
                return err_new(arena, ERR_IO, "a log of reads cannot be removed: %s", strerror(errno));
            continue;
        }
        struct segment *segment = segment_open(engine, *number);
        if (!segment)
            return err_new(arena, ERR_IO, "a log of reads cannot be opened: %s", strerror(errno));
        segment->older = log->current;
        log->current = segment;
        log->files++;
        log->next_number = *number + 1;
    }
    return NULL;
}

const struct err *read_log_open(struct engine *engine, struct arena *arena)
{
    str text = STR_NONE;
    int64_t done = 0;
    TRY(engine->store->ops->setting(engine->session, arena, nodes_setting(engine, arena, "reads_done"), &text));
    if (!str_empty(text) && !str_to_int64(text, &done))
        return err_new(arena, ERR_INTERNAL, "the setting `reads_done` is damaged");
    struct read_log *log = calloc(1, sizeof *log);
    ASSERT(log);
    pthread_rwlock_init(&log->lock, NULL);
    engine->read_log = log;
    log->next_number = (uint64_t)done + 1;
    TRY(leftovers_open(engine, arena, (uint64_t)done));
    if (!log->current && !segment_advance(engine))
        return err_new(arena, ERR_UNAVAILABLE, "there is no room in %s to record reads", engine->data);
    spare_make(engine);
    return NULL;
}

void read_log_close(struct engine *engine)
{
    struct read_log *log = engine->read_log;
    if (!log)
        return;
    segment_close(engine, log->spare, true);
    while (log->current) {
        struct segment *older = log->current->older;
        bool empty = log->current->next == 0;
        segment_close(engine, log->current, empty);
        log->current = older;
    }
    pthread_rwlock_destroy(&log->lock);
    free(log);
    engine->read_log = NULL;
}

/* A file half full without one to follow it gets one at once, where the next commit is too far away; only without room nobody reads. */
bool read_log_ready(struct engine *engine)
{
    const struct read_log *log = engine->read_log;
    if (log->ready || log->current->next < FILE_RECORDS / 2)
        return true;
    spare_make(engine);
    return log->ready;
}

bool read_log_presses(struct engine *engine)
{
    return engine->read_log && engine->read_log->files > TAKE_FILES / 2;
}

const struct err *engine_reads_room(struct engine *engine, struct arena *arena)
{
    const struct read_log *log = engine->read_log;
    for (int waited_ms = 0; log->files >= FILES_MANY && waited_ms < ROOM_AWAIT_MS; waited_ms += 5)
        usleep(5000);
    if (log->files < FILES_MANY && read_log_ready(engine))
        return NULL;
    return err_new(arena, ERR_UNAVAILABLE, "more is read than can be recorded at the moment; read on a little later");
}

/* ---- adding ---- */

static bool record_add(struct read_log *log, const struct record *record)
{
    uint32_t place = atomic_fetch_add(&log->current->next, 1);
    if (place >= FILE_RECORDS) {
        atomic_store(&log->current->next, FILE_RECORDS);
        return false;
    }
    struct record *to = &log->current->records[place];
    memcpy((char *)to + sizeof to->written, (const char *)record + sizeof record->written, sizeof *to - sizeof to->written);
    atomic_store_explicit(&to->written, 1, memory_order_release);
    return true;
}

void engine_record_read(struct engine *engine, struct uuid token, profile_no profile, str purpose, const char *what)
{
    struct read_log *log = engine->read_log;
    struct record record = {.at_ms = clock_now_ms(), .profile = profile.value};
    memcpy(record.token, token.bytes, sizeof record.token);
    size_t length = strlen(what);
    record.what_length = (uint8_t)(length < sizeof record.what ? length : sizeof record.what);
    memcpy(record.what, what, record.what_length);
    record.purpose_length = (uint8_t)(purpose.length < sizeof record.purpose ? purpose.length : sizeof record.purpose);
    if (record.purpose_length)
        memcpy(record.purpose, purpose.data, record.purpose_length);
    for (;;) {
        pthread_rwlock_rdlock(&log->lock);
        bool added = record_add(log, &record);
        pthread_rwlock_unlock(&log->lock);
        if (added)
            return;
        pthread_rwlock_wrlock(&log->lock);
        bool room = log->current->next < FILE_RECORDS || segment_advance(engine);
        log->ready = log->ready && log->spare;
        pthread_rwlock_unlock(&log->lock);
        if (read_log_presses(engine))
            writer_wake(engine);
        if (!room) /* readers are stopped at half a file; what is under way waits for the next commit */
            usleep(10000);
    }
}

/* ---- into a commit ---- */

static uint64_t read_log_waiting(const struct read_log *log)
{
    uint64_t count = 0;
    for (const struct segment *segment = log->current; segment; segment = segment->older)
        count += segment->next < FILE_RECORDS ? segment->next : FILE_RECORDS;
    return count;
}

static void segment_take(struct commit *commit, const struct segment *segment)
{
    if (segment->older)
        segment_take(commit, segment->older);
    for (uint32_t i = 0; i < FILE_RECORDS; i++) {
        const struct record *record = &segment->records[i];
        if (!record->written)
            continue;
        struct read_row *row = vec_push(commit->arena, &commit->save.reads);
        *row = (struct read_row){.at_ms = record->at_ms, .profile = {record->profile}, .ledger_index = UINT64_MAX};
        memcpy(row->token.bytes, record->token, sizeof row->token.bytes);
        row->purpose = str_copy(commit->arena, str_bytes(record->purpose, record->purpose_length));
        row->what = str_copy(commit->arena, str_bytes(record->what, record->what_length));
    }
}

bool read_log_waits(struct engine *engine)
{
    struct read_log *log = engine->read_log;
    pthread_rwlock_rdlock(&log->lock);
    bool waits = read_log_waiting(log) != 0;
    pthread_rwlock_unlock(&log->lock);
    return waits;
}

/* How many are older than the current one. */
static size_t segments_before(const struct read_log *log)
{
    size_t count = 0;
    for (const struct segment *segment = log->current->older; segment; segment = segment->older)
        count++;
    return count;
}

size_t read_log_take(struct commit *commit, bool all)
{
    struct engine *engine = commit->engine;
    struct read_log *log = engine->read_log;
    pthread_rwlock_wrlock(&log->lock); /* whoever adds has finished; the next ones add to another file */
    uint64_t waiting = read_log_waiting(log);
    size_t before = segments_before(log);
    bool take = waiting && (all || waiting >= TAKE_FEW) && (before >= TAKE_FILES || segment_advance(engine));
    log->taken = take ? log->current->older : NULL;
    for (before = segments_before(log); take && before > TAKE_FILES; before--)
        log->taken = log->taken->older;
    pthread_rwlock_unlock(&log->lock);
    if (!take) {
        if (!log->ready)
            spare_make(engine);
        return 0;
    }
    segment_take(commit, log->taken);
    commit_setting(commit, nodes_setting(engine, commit->arena, "reads_done"), str_printf(commit->arena, "%llu", (unsigned long long)log->taken->number));
    return commit->save.reads.count;
}

void read_log_taken(struct engine *engine, bool committed)
{
    struct read_log *log = engine->read_log;
    if (!log->taken)
        return;
    struct segment *gone = NULL;
    if (committed) {
        pthread_rwlock_wrlock(&log->lock);
        struct segment *newest = log->current;
        while (newest && newest->older != log->taken)
            newest = newest->older;
        if (newest) {
            gone = newest->older;
            newest->older = NULL;
        }
        pthread_rwlock_unlock(&log->lock);
    }
    log->taken = NULL;
    while (gone) {
        struct segment *older = gone->older;
        segment_close(engine, gone, true);
        pthread_rwlock_wrlock(&log->lock);
        log->files--;
        pthread_rwlock_unlock(&log->lock);
        gone = older;
    }
    spare_make(engine);
}
