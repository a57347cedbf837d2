/* The store in memory behind a lock and a turn, for several nodes in one process: what a shared store promises, without a database.
 *
 * 1. Every call holds the lock, so each sees whole saves only.
 * 2. `turn` is the session that has the turn; save() of another waits for it. A session that is closed gives it back.
 */
#include "store/memory/memory_private.h"

#include <pthread.h>
#include <stdlib.h>

struct shared_session;
struct shared_data { /* what all handles have in common */
    pthread_mutex_t lock;
    pthread_cond_t turn_ended;
    struct store *inner;
    struct store_session *writing;
    struct shared_session *turn;
    char *head; /* malloc'ed; NULL: none yet */
    size_t head_length;
    unsigned handles;
};
struct shared_handle {
    struct store base;
    struct store_ops ops;
    struct shared_data *data;
};
struct shared_session {
    struct shared_data *data;
    struct store_session *inner;
    bool writes;
};

static struct shared_session *shared_of(struct store_session *session) { return (struct shared_session *)session; }

#define LOCKED(name, ...)                                                                                              \
    struct shared_session *shared = shared_of(session);                                                                \
    pthread_mutex_lock(&shared->data->lock);                                                                           \
    const struct err *err = shared->data->inner->ops->name(shared->inner, __VA_ARGS__);                                \
    pthread_mutex_unlock(&shared->data->lock);                                                                         \
    return err

static const struct err *shared_load(struct store_session *session, struct load *load) { LOCKED(load, load); }
static const struct err *shared_totals(struct store_session *session, struct arena *arena, bool quick, struct store_totals *ret_totals)
{
    LOCKED(totals, arena, quick, ret_totals);
}
static const struct err *shared_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                       size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count)
{
    LOCKED(events, arena, sets, profiles, profile_count, before, max, ret_events, ret_count);
}
static const struct err *shared_event(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                                      struct event *ret_event, bool *ret_found)
{
    LOCKED(event, arena, sets, number, ret_event, ret_found);
}
static const struct err *shared_batches(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    LOCKED(batches, arena, from, to, each, context);
}
static const struct err *shared_ledger(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context)
{
    LOCKED(ledger, arena, from, to, each, context);
}
static const struct err *shared_decisions(struct store_session *session, struct arena *arena, profile_no profile, store_each each, void *context)
{
    LOCKED(decisions, arena, profile, each, context);
}
static const struct err *shared_tile(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                                     uint8_t *ret_hashes)
{
    LOCKED(tile, arena, level, index, width, ret_hashes);
}
static const struct err *shared_deliveries(struct store_session *session, struct arena *arena, const struct delivery_query *query,
                                           struct delivery **ret_rows, size_t *ret_count)
{
    LOCKED(deliveries, arena, query, ret_rows, ret_count);
}
static const struct err *shared_delivery(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool *ret_found)
{
    LOCKED(delivery, arena, id, ret_row, ret_found);
}
static const struct err *shared_destination_counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows,
                                                   size_t *ret_count)
{
    LOCKED(destination_counts, arena, ret_rows, ret_count);
}
static const struct err *shared_due(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles,
                                    size_t *ret_count)
{
    LOCKED(due, arena, now_ms, max, ret_profiles, ret_count);
}
static const struct err *shared_profiles(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows,
                                         size_t *ret_count)
{
    LOCKED(profiles, arena, from, max, ret_rows, ret_count);
}
static const struct err *shared_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number)
{
    LOCKED(profile_by_id, arena, id, ret_number);
}
static const struct err *shared_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before,
                                      size_t max, struct read_row **ret_rows, size_t *ret_count)
{
    LOCKED(reads, arena, profiles, count, before, max, ret_rows, ret_count);
}
static const struct err *shared_tokens(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count)
{
    LOCKED(tokens, arena, ret_rows, ret_count);
}
static const struct err *shared_users(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count)
{
    LOCKED(users, arena, ret_rows, ret_count);
}
static const struct err *shared_sessions(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count)
{
    LOCKED(sessions, arena, ret_rows, ret_count);
}
static const struct err *shared_policies(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows, size_t *ret_count)
{
    LOCKED(policies, arena, texts, ret_rows, ret_count);
}
static const struct err *shared_policy(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row, bool *ret_found)
{
    LOCKED(policy, arena, version, ret_row, ret_found);
}
static const struct err *shared_counters(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows,
                                         size_t *ret_count)
{
    LOCKED(counters, arena, from_ms, to_ms, ret_rows, ret_count);
}
static const struct err *shared_consent(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row, bool *ret_found)
{
    LOCKED(consent, arena, id, ret_row, ret_found);
}
static const struct err *shared_right(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row, bool *ret_found)
{
    LOCKED(right, arena, id, ret_row, ret_found);
}
static const struct err *shared_rights(struct store_session *session, struct arena *arena, const struct rights_query *query,
                                       struct rights_request **ret_rows, size_t *ret_count)
{
    LOCKED(rights, arena, query, ret_rows, ret_count);
}
static const struct err *shared_setting(struct store_session *session, struct arena *arena, str key, str *ret_value)
{
    LOCKED(setting, arena, key, ret_value);
}
static const struct err *shared_settings(struct store_session *session, struct arena *arena, store_each each, void *context)
{
    LOCKED(settings, arena, each, context);
}
static const struct err *shared_purposes_in_use(struct store_session *session, struct arena *arena, struct purpose_sets *sets, purpose_mask *ret_mask)
{
    LOCKED(purposes_in_use, arena, sets, ret_mask);
}
static const struct err *shared_tidy(struct store_session *session, struct arena *arena, bool *ret_more) { LOCKED(tidy, arena, ret_more); }
static const struct err *shared_backup(struct store_session *session, struct arena *arena, const char *directory,
                                       void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    LOCKED(backup, arena, directory, progress, context);
}

/* --- the turn */

/* With the lock held. */
static void turn_take(struct shared_session *session)
{
    struct shared_data *data = session->data;
    while (data->turn && data->turn != session)
        pthread_cond_wait(&data->turn_ended, &data->lock);
    data->turn = session;
}

static void turn_end(struct shared_session *session)
{
    struct shared_data *data = session->data;
    if (data->turn != session)
        return;
    data->turn = NULL;
    pthread_cond_broadcast(&data->turn_ended);
}

static str head_copy(const struct shared_data *data, struct arena *arena)
{
    return data->head ? str_copy(arena, str_bytes(data->head, data->head_length)) : STR_NONE;
}

static const struct err *shared_head(struct store_session *session, struct arena *arena, str *ret_head)
{
    struct shared_data *data = shared_of(session)->data;
    pthread_mutex_lock(&data->lock);
    *ret_head = head_copy(data, arena);
    pthread_mutex_unlock(&data->lock);
    return NULL;
}

static const struct err *shared_turn(struct store_session *session, struct arena *arena, str *ret_head)
{
    struct shared_session *shared = shared_of(session);
    ASSERT(shared->writes);
    pthread_mutex_lock(&shared->data->lock);
    ASSERT(shared->data->turn != shared);
    turn_take(shared);
    *ret_head = head_copy(shared->data, arena);
    pthread_mutex_unlock(&shared->data->lock);
    return NULL;
}

static void shared_turn_back(struct store_session *session)
{
    struct shared_session *shared = shared_of(session);
    pthread_mutex_lock(&shared->data->lock);
    turn_end(shared);
    pthread_mutex_unlock(&shared->data->lock);
}

static const struct err *shared_save(struct store_session *session, struct arena *arena, struct save *save)
{
    struct shared_session *shared = shared_of(session);
    struct shared_data *data = shared->data;
    ASSERT(shared->writes);
    pthread_mutex_lock(&data->lock);
    turn_take(shared);
    const struct err *err = data->inner->ops->save(data->writing, arena, save);
    if (!err && save->head.data) {
        char *head = malloc(save->head.length + 1);
        ASSERT(head);
        memcpy(head, save->head.data, save->head.length);
        free(data->head);
        data->head = head;
        data->head_length = save->head.length;
    }
    turn_end(shared);
    pthread_mutex_unlock(&data->lock);
    return err;
}

/* --- opening */

static const struct err *shared_session_open(struct store *base, struct arena *arena, bool writes, struct store_session **ret_session)
{
    struct shared_data *data = ((struct shared_handle *)base)->data;
    struct shared_session *session = calloc(1, sizeof *session);
    ASSERT(session);
    session->data = data;
    session->writes = writes;
    pthread_mutex_lock(&data->lock);
    const struct err *err = data->inner->ops->session(data->inner, arena, false, &session->inner);
    pthread_mutex_unlock(&data->lock);
    if (err) {
        free(session);
        return err;
    }
    *ret_session = (struct store_session *)session;
    return NULL;
}

static void shared_session_close(struct store_session *store_session)
{
    struct shared_session *session = shared_of(store_session);
    if (!session)
        return;
    pthread_mutex_lock(&session->data->lock);
    turn_end(session);
    session->data->inner->ops->session_close(session->inner);
    pthread_mutex_unlock(&session->data->lock);
    free(session);
}

static void shared_close(struct store *base)
{
    struct shared_handle *handle = (struct shared_handle *)base;
    if (!handle)
        return;
    struct shared_data *data = handle->data;
    free(handle);
    pthread_mutex_lock(&data->lock);
    bool last = --data->handles == 0;
    pthread_mutex_unlock(&data->lock);
    if (!last)
        return;
    data->inner->ops->session_close(data->writing);
    data->inner->ops->close(data->inner);
    pthread_mutex_destroy(&data->lock);
    pthread_cond_destroy(&data->turn_ended);
    free(data->head);
    free(data);
}

static struct store_ops shared_ops(void)
{
    return (struct store_ops){
        .name = "memory", .session = shared_session_open, .session_close = shared_session_close, .load = shared_load, .save = shared_save,
        .totals = shared_totals, .events = shared_events, .event = shared_event, .batches = shared_batches, .ledger = shared_ledger,
        .tile = shared_tile, .deliveries = shared_deliveries, .delivery = shared_delivery, .destination_counts = shared_destination_counts,
        .due = shared_due, .profiles = shared_profiles, .profile_by_id = shared_profile_by_id, .reads = shared_reads, .tokens = shared_tokens, .users = shared_users, .sessions = shared_sessions,
        .decisions = shared_decisions,
        .policies = shared_policies, .policy = shared_policy, .counters = shared_counters, .consent = shared_consent, .right = shared_right,
        .rights = shared_rights, .setting = shared_setting, .settings = shared_settings, .purposes_in_use = shared_purposes_in_use, .tidy = shared_tidy,
        .backup = shared_backup, .close = shared_close, .head = shared_head, .turn = shared_turn, .turn_back = shared_turn_back,
    };
}

static const struct err *data_new(struct arena *arena, struct shared_data **ret_data)
{
    struct shared_data *data = calloc(1, sizeof *data);
    ASSERT(data);
    const struct err *err = store_memory_open(arena, &data->inner);
    if (!err)
        err = data->inner->ops->session(data->inner, arena, true, &data->writing);
    if (err) {
        if (data->inner)
            data->inner->ops->close(data->inner);
        free(data);
        return err;
    }
    pthread_mutexattr_t again; /* whoever walks rows may ask for others meanwhile */
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&data->lock, &again);
    pthread_mutexattr_destroy(&again);
    pthread_cond_init(&data->turn_ended, NULL);
    *ret_data = data;
    return NULL;
}

const struct err *store_memory_open_shared(struct arena *arena, struct store *other, struct store **ret_store)
{
    struct shared_data *data = other ? ((struct shared_handle *)other)->data : NULL;
    if (!data)
        TRY(data_new(arena, &data));
    struct shared_handle *handle = calloc(1, sizeof *handle);
    ASSERT(handle);
    handle->ops = shared_ops();
    handle->base = (struct store){.ops = &handle->ops, .shared = true};
    handle->data = data;
    pthread_mutex_lock(&data->lock);
    data->handles++;
    pthread_mutex_unlock(&data->lock);
    *ret_store = &handle->base;
    return NULL;
}
