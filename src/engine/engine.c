/* Opening and closing: the lock, the parts in their order, and what a restart has to finish. */
#include "base/log.h"
#include "engine/nodes_private.h"
#include "engine/campaign.h"
#include "engine/files_private.h"
#include "engine/people.h"
#include "engine/person_cache.h"
#include "engine/refusal_log_private.h"
#include "engine/view_cache.h"
#include "evidence/vault_remote.h"
#include "evidence/x509.h"
#include "store/debug/debug.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

const struct err *data_lock(struct arena *arena, const char *data, int *ret_fd)
{
    const char *path = files_join(arena, data, "lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_new(arena, ERR_IO, "%s cannot be opened: %s", path, strerror(errno));
    char text[32] = {0};
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        int error = errno;
        ssize_t length = pread(fd, text, sizeof text - 1, 0);
        close(fd);
        if (error != EWOULDBLOCK)
            return err_new(arena, ERR_IO, "%s cannot be locked: %s", path, strerror(error));
        return err_new(arena, ERR_CONFLICT, "%s is in use by process %.*s", data, (int)(length > 0 ? length : 0), text);
    }
    int length = snprintf(text, sizeof text, "%d", (int)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)length, 0) != length) { /* for people only; the lock itself holds */
        const struct err *error = err_new(arena, ERR_IO, "%s cannot be written: %s", path, strerror(errno));
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return NULL;
}

/* ---- what a restart finishes or reads in ---- */

struct rebuild {
    struct dedupe *dedupe;
    int64_t from_ms;
    uint64_t count;
    int64_t oldest_ms;
};
static bool rebuild_measure(void *context, const void *row)
{
    struct rebuild *rebuild = context;
    const struct batch_row *batch = row;
    rebuild->count += batch->dedupe.length / 8;
    if (rebuild->oldest_ms == TIME_NONE)
        rebuild->oldest_ms = batch->at_ms;
    return true;
}
static bool rebuild_add(void *context, const void *row)
{
    struct rebuild *rebuild = context;
    const struct batch_row *batch = row;
    for (size_t i = 0; batch->at_ms >= rebuild->from_ms && i + 8 <= batch->dedupe.length; i += 8) {
        uint64_t id;
        memcpy(&id, batch->dedupe.data + i, sizeof id);
        if (id && !dedupe_has(rebuild->dedupe, id))
            dedupe_add(rebuild->dedupe, id, batch->at_ms);
    }
    return true;
}

#define REBUILD_STEP 256
/* Back from the newest batch until the window is full, then forward. */
static const struct err *dedupe_rebuild(struct engine *engine, uint64_t batch_next)
{
    struct rebuild rebuild = {.dedupe = engine->dedupe, .from_ms = clock_now_ms() - DAY_MS};
    const struct store_ops *ops = engine->store->ops;
    struct arena scratch;
    arena_init(&scratch);
    uint64_t from = batch_next;
    const struct err *error = NULL;
    while (!error && from > 1 && rebuild.count < LIMIT_DEDUPE_IDS) {
        uint64_t to = from;
        from = from > REBUILD_STEP ? from - REBUILD_STEP : 1;
        rebuild.oldest_ms = TIME_NONE;
        error = ops->batches(engine->session, &scratch, from, to, rebuild_measure, &rebuild);
        arena_clear(&scratch);
        if (rebuild.oldest_ms != TIME_NONE && rebuild.oldest_ms < rebuild.from_ms)
            break;
    }
    for (; !error && from < batch_next; from += REBUILD_STEP) {
        error = ops->batches(engine->session, &scratch, from, from + REBUILD_STEP, rebuild_add, &rebuild);
        arena_clear(&scratch);
    }
    if (error)
        error = err_wrap(&engine->arena, error, "the newest batches cannot be read");
    arena_release(&scratch);
    return error;
}

/* A number whose keys were destroyed is not given out again, even where its rows are gone. */
static const struct err *profile_next_find(struct engine *engine, uint64_t stored_next)
{
    str text = STR_NONE;
    int64_t setting = 0;
    TRY(engine->store->ops->setting(engine->session, &engine->arena, STR("profile_next"), &text));
    if (!str_empty(text) && (!str_to_int64(text, &setting) || setting < 0))
        return err_new(&engine->arena, ERR_INTERNAL, "the setting `profile_next` is damaged");
    engine->profile_next = stored_next > (uint64_t)setting ? stored_next : (uint64_t)setting;
    if (engine->profile_next == 0)
        engine->profile_next = 1;
    uint8_t key[32];
    for (uint64_t unused = 0; unused < KEYS_AHEAD;) { /* numbers with keys ahead of need end after KEYS_AHEAD */
        uint64_t number = engine->profile_next + unused;
        enum vault_result result = vault_key(engine->vault, (profile_no){number}, KEY_EVIDENCE, key);
        if (result == VAULT_DESTROYED) {
            engine->profile_next = number + 1;
            unused = 0;
        } else
            unused++;
    }
    explicit_bzero(key, sizeof key);
    engine->keys_until = engine->profile_next_seen = engine->profile_next; /* making keys that are there is harmless */
    return NULL;
}

static const struct err *key_ends_finish(struct engine *engine)
{
    str text = STR_NONE;
    TRY(engine->store->ops->setting(engine->session, &engine->arena, STR("key_ends"), &text));
    if (str_empty(text))
        return NULL;
    TRY(key_ends_read(engine, text));
    engine->key_ends_stored = true;
    size_t count = engine->key_ends.count;
    TRY(key_ends_destroy(engine, &engine->arena));
    log_write(LOG_INFO, "engine", "an interrupted erasure was finished keys=%zu", count);
    return NULL;
}

static const struct err *keys_open(struct engine *engine, struct arena *arena)
{
    const char *uri = engine->options.vault;
    if (uri && *uri)
        return vault_open_postgres(arena, uri, engine->data, engine->master_key_file, &engine->vault);
    return vault_open(arena, engine->data, engine->master_key_file, &engine->vault);
}

static const struct err *parts_open(struct engine *engine)
{
    struct arena *arena = &engine->arena;
    const struct engine_options *options = &engine->options;
    if (options->shared_vault)
        engine->vault = options->shared_vault;
    else
        TRY(keys_open(engine, arena));
    vault_index_key(engine->vault, engine->index_key);
    vault_derive(engine->vault, STR("message-id"), engine->message_key);
    vault_derive(engine->vault, STR("ticket"), engine->ticket_key);
    if (options->debug_door)
        store_debug_files();
    if (options->opened)
        engine->store = options->opened;
    else if (!options->store || strcmp(options->store, "sqlite") == 0)
        TRY(store_sqlite_open(arena, engine->data, &engine->store));
    else if (strcmp(options->store, "memory") == 0)
        TRY(store_memory_open(arena, &engine->store));
    else if (str_starts(str_of(options->store), STR("postgres://")) || str_starts(str_of(options->store), STR("postgresql://")))
        TRY(store_postgres_open(arena, options->store, &engine->store));
    else
        return err_new(arena, ERR_INVALID, "there is no such store; there is `sqlite`, and postgres://USER@HOST/DATABASE");
    if (options->debug_door) {
        struct store *wrapped = NULL;
        TRY(store_debug_open(arena, engine->store, &wrapped));
        engine->store = wrapped;
    }
    TRY(engine->store->ops->session(engine->store, arena, true, &engine->session));
    struct store_totals totals = {0};
    TRY(engine->store->ops->totals(engine->session, arena, true, &totals));
    engine->event_next = totals.event_next ? totals.event_next : 1;
    engine->outbox_next = totals.outbox_next ? totals.outbox_next : 1;
    engine->held_next = totals.held_next ? totals.held_next : 1;
    uint64_t batch_next = totals.batch_next ? totals.batch_next : 1;
    engine->batch_last = batch_next - 1;
    TRY(profile_next_find(engine, totals.profile_next));
    TRY(nodes_open(engine, arena));
    if (!engine->nodes)
        TRY(key_ends_finish(engine));
    TRY(ledger_open(arena, engine->store, engine->session, engine->vault, engine->data, &engine->ledger));
    if (options->opendsr_certificate)
        TRY(x509_signer_open(arena, options->opendsr_certificate, options->opendsr_key, &engine->signer));
    engine->person_cache = person_cache_new();
    engine->view_cache = view_cache_new(LIMIT_VIEW_CACHE_BYTES);
    TRY(snapshot_open(engine));
    TRY(tokens_open(engine, arena));
    TRY(access_open(engine, arena));
    TRY(paused_reload(engine, engine->session, arena));
    TRY(read_log_open(engine, arena));
    denials_open(engine);
    TRY(refusal_log_open(engine, arena));
    engine->dedupe = dedupe_new();
    TRY(dedupe_rebuild(engine, batch_next));
    engine->metrics.dedupe_ids = dedupe_count(engine->dedupe);
    TRY(nodes_begin(engine, arena));
    return writer_start(engine, arena);
}

static void parts_close(struct engine *engine)
{
    sweeper_stop(engine);
    writer_stop(engine);
    commits_free(engine);
    read_log_close(engine);
    denials_close(engine);
    refusal_log_close(engine);
    tokens_close(engine);
    access_close(engine);
    ledger_close(engine->ledger);
    x509_signer_free(engine->signer);
    snapshot_close(engine);
    dedupe_free(engine->dedupe);
    person_cache_free(engine->person_cache);
    view_cache_free(engine->view_cache);
    nodes_close(engine);
    if (engine->session)
        engine->store->ops->session_close(engine->session);
    if (engine->store)
        engine->store->ops->close(engine->store);
    if (!engine->options.shared_vault)
        vault_close(engine->vault);
    if (engine->lock_fd >= 0)
        close(engine->lock_fd);
    pthread_mutex_destroy(&engine->policy_lock);
    pthread_mutex_destroy(&engine->submit_lock);
    pthread_cond_destroy(&engine->submitted);
    pthread_mutex_destroy(&engine->sweep_lock);
    pthread_cond_destroy(&engine->sweep_wake);
    pthread_mutex_destroy(&engine->listen_lock);
    pthread_rwlock_destroy(&engine->pause_lock);
    pthread_mutex_destroy(&engine->arena_lock);
    arena_release(&engine->pause_arena);
    arena_release(&engine->listen_arena);
    arena_release(&engine->key_ends_arena);
    explicit_bzero(engine->index_key, sizeof engine->index_key);
    explicit_bzero(engine->message_key, sizeof engine->message_key);
    explicit_bzero(engine->ticket_key, sizeof engine->ticket_key);
    campaigns_free(atomic_load(&engine->campaigns));
    people_free(atomic_load(&engine->people));
    arena_release(&engine->arena);
    free(engine);
}

static struct engine *engine_new(const struct engine_options *options)
{
    struct engine *engine = calloc(1, sizeof *engine);
    ASSERT(engine);
    engine->options = *options;
    arena_init(&engine->arena);
    engine->data = str_z(&engine->arena, str_of(options->data));
    const char *key_file = options->master_key_file ? options->master_key_file : getenv("TELOS_MASTER_KEY_FILE");
    engine->master_key_file = key_file && *key_file ? str_z(&engine->arena, str_of(key_file)) : NULL;
    engine->lock_fd = -1;
    engine->last = &engine->first;
    engine->storing = true;
    pthread_condattr_t monotonic; /* waits must not follow a clock that is set */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&engine->policy_lock, NULL);
    pthread_mutex_init(&engine->submit_lock, NULL);
    pthread_cond_init(&engine->submitted, &monotonic);
    pthread_mutex_init(&engine->sweep_lock, NULL);
    pthread_cond_init(&engine->sweep_wake, &monotonic);
    pthread_mutex_init(&engine->listen_lock, NULL);
    pthread_rwlock_init(&engine->pause_lock, NULL);
    pthread_mutex_init(&engine->arena_lock, NULL);
    pthread_condattr_destroy(&monotonic);
    id_source_init_random(&engine->ids);
    return engine;
}

const struct err *engine_open_locked(struct arena *arena, const struct engine_options *options, int lock_fd, struct engine **ret_engine)
{
    struct engine *engine = engine_new(options);
    engine->lock_fd = lock_fd;
    const struct err *error = parts_open(engine);
    if (!error)
        error = years_seal(engine);
    if (error) {
        error = err_new(arena, error->code, "%s", error->text); /* a copy, for its arena ends */
        parts_close(engine);
        return error;
    }
    if (options->background)
        sweeper_start(engine);
    *ret_engine = engine;
    return NULL;
}

const struct err *engine_open(struct arena *arena, const struct engine_options *options, struct engine **ret_engine)
{
    TRY(files_folder(arena, options->data, 0700));
    int lock_fd = -1;
    TRY(data_lock(arena, options->data, &lock_fd));
    const struct err *error = restore_unfinished(arena, options->data);
    if (error) {
        close(lock_fd);
        return error;
    }
    return engine_open_locked(arena, options, lock_fd, ret_engine);
}

void engine_close(struct engine *engine)
{
    if (engine)
        parts_close(engine);
}

/* ---- what others may look at ---- */

const char *engine_data(const struct engine *engine) { return engine->data; }
struct vault *engine_vault(struct engine *engine) { return engine->vault; }
const struct store_ops *engine_store(const struct engine *engine) { return engine->store->ops; }
uint64_t engine_batch_last(const struct engine *engine) { return engine->batch_last; }

void engine_metrics(struct engine *engine, struct engine_metrics *ret_metrics)
{
    struct engine_metrics metrics = {
        .commits = engine->metrics.commits, .messages = engine->metrics.messages, .statements = engine->metrics.statements,
        .retries = engine->metrics.retries, .failures = engine->metrics.failures, .commit_us_last = engine->metrics.commit_us_last,
        .commit_us_max = engine->metrics.commit_us_max, .dedupe_ids = engine->metrics.dedupe_ids, .reads = engine->metrics.reads,
        .views = view_cache_count(engine->view_cache), .views_found = engine->metrics.views_found,
        .swept = engine->metrics.swept, .tidy_runs = engine->metrics.tidy_runs,
        .deliveries_removed = engine->metrics.deliveries_removed, .storing = engine->storing};
    for (unsigned i = 0; i < OUTCOME_COUNT; i++)
        metrics.outcomes[i] = engine->metrics.outcomes[i];
    pthread_mutex_lock(&engine->submit_lock);
    metrics.queue_bytes = engine->queue_bytes;
    metrics.queue_works = engine->queue_works;
    pthread_mutex_unlock(&engine->submit_lock);
    *ret_metrics = metrics;
}
