/* The wrapping store: each call goes through call_begin and call_end. */
#include "store/debug/debug.h"
#include "store/debug/debug_private.h"

#include "base/time.h"

#include <stdlib.h>
#include <unistd.h>

struct store_debug {
    struct store base;
    struct store_ops ops;
    struct store *inner;
    struct armed points[FAULT_COUNT];
    _Atomic uint32_t slow_us;
    store_debug_trace trace;
    void *trace_context;
};
struct debug_session {
    struct store_debug *store;
    struct store_session *inner;
};

static struct store_debug *debug_of(struct store_session *session) { return ((struct debug_session *)session)->store; }
static struct store_session *inner_of(struct store_session *session) { return ((struct debug_session *)session)->inner; }

static const char *const fault_names[] = {
#define X(code, name, what) name,
    FAULT_POINTS(X)
#undef X
};
static const char *const fault_whats[] = {
#define X(code, name, what) what,
    FAULT_POINTS(X)
#undef X
};

/* --- what every call does */

static const struct err *call_begin(struct store_debug *store, struct arena *arena, enum fault fault, int64_t *ret_began_us)
{
    *ret_began_us = clock_monotonic_us();
    if (store->slow_us)
        (void)usleep(store->slow_us); /* waking early does no harm */
    if (armed_hit(&store->points[fault]))
        return err_new(arena, ERR_UNAVAILABLE, "The store was made to fail (debug point `%s`).", fault_names[fault]);
    return NULL;
}

static const struct err *call_end(struct store_debug *store, const char *call, int64_t began_us, const struct err *err)
{
    if (store->trace)
        store->trace(store->trace_context, call, clock_monotonic_us() - began_us, err);
    return err;
}

#define CALL(name, fault, arena, ...)                                                                                  \
    struct store_debug *store = debug_of(session);                                                                     \
    int64_t began_us;                                                                                                  \
    const struct err *err = call_begin(store, (arena), (fault), &began_us);                                            \
    if (!err)                                                                                                          \
        err = store->inner->ops->name(inner_of(session), __VA_ARGS__);                                                 \
    return call_end(store, #name, began_us, err)

/* --- the calls */

static const struct err *debug_save(struct store_session *session, struct arena *arena, struct save *save)
{
    struct store_debug *store = debug_of(session);
    int64_t began_us;
    const struct err *err = call_begin(store, arena, FAULT_SAVE, &began_us);
    if (armed_hit(&store->points[FAULT_EXIT_BEFORE_SAVE]))
        _exit(9);
    if (!err)
        err = store->inner->ops->save(inner_of(session), arena, save);
    if (!err && armed_hit(&store->points[FAULT_EXIT_AFTER_SAVE]))
        _exit(9);
    return call_end(store, "save", began_us, err);
}

static const struct err *debug_load(struct store_session *session, struct load *load)
{
    CALL(load, FAULT_LOAD, load->arena, load);
}

static const struct err *debug_totals(struct store_session *session, struct arena *arena, bool quick, struct store_totals *ret_totals)
{
    CALL(totals, FAULT_READ, arena, arena, quick, ret_totals);
}

static const struct err *debug_events(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no
                                      *profiles, size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t
                                      *ret_count)
{
    CALL(events, FAULT_READ, arena, arena, sets, profiles, profile_count, before, max, ret_events, ret_count);
}

static const struct err *debug_event(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                                     struct event *ret_event, bool *ret_found)
{
    CALL(event, FAULT_READ, arena, arena, sets, number, ret_event, ret_found);
}

static const struct err *debug_batches(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each,
                                       void *context)
{
    CALL(batches, FAULT_READ, arena, arena, from, to, each, context);
}

static const struct err *debug_ledger(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each,
                                      void *context)
{
    CALL(ledger, FAULT_READ, arena, arena, from, to, each, context);
}

static const struct err *debug_decisions(struct store_session *session, struct arena *arena, profile_no profile, store_each each,
                                         void *context)
{
    CALL(decisions, FAULT_READ, arena, arena, profile, each, context);
}

static const struct err *debug_tile(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width,
                                    uint8_t *ret_hashes)
{
    CALL(tile, FAULT_READ, arena, arena, level, index, width, ret_hashes);
}

static const struct err *debug_deliveries(struct store_session *session, struct arena *arena, const struct delivery_query *query, struct
                                          delivery **ret_rows, size_t *ret_count)
{
    CALL(deliveries, FAULT_READ, arena, arena, query, ret_rows, ret_count);
}

static const struct err *debug_delivery(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool
                                        *ret_found)
{
    CALL(delivery, FAULT_READ, arena, arena, id, ret_row, ret_found);
}

static const struct err *debug_destination_counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows,
                                                  size_t *ret_count)
{
    CALL(destination_counts, FAULT_READ, arena, arena, ret_rows, ret_count);
}

static const struct err *debug_due(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no
                                   **ret_profiles, size_t *ret_count)
{
    CALL(due, FAULT_READ, arena, arena, now_ms, max, ret_profiles, ret_count);
}

static const struct err *debug_profiles(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile
                                        **ret_rows, size_t *ret_count)
{
    CALL(profiles, FAULT_READ, arena, arena, from, max, ret_rows, ret_count);
}

static const struct err *debug_profile_by_id(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number)
{
    CALL(profile_by_id, FAULT_READ, arena, arena, id, ret_number);
}

static const struct err *debug_reads(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count,
                                     uint64_t before, size_t max, struct read_row **ret_rows, size_t *ret_count)
{
    CALL(reads, FAULT_READ, arena, arena, profiles, count, before, max, ret_rows, ret_count);
}

static const struct err *debug_tokens(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count)
{
    CALL(tokens, FAULT_READ, arena, arena, ret_rows, ret_count);
}

static const struct err *debug_users(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count)
{
    CALL(users, FAULT_READ, arena, arena, ret_rows, ret_count);
}

static const struct err *debug_sessions(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count)
{
    CALL(sessions, FAULT_READ, arena, arena, ret_rows, ret_count);
}

static const struct err *debug_policies(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows,
                                        size_t *ret_count)
{
    CALL(policies, FAULT_READ, arena, arena, texts, ret_rows, ret_count);
}

static const struct err *debug_policy(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row,
                                      bool *ret_found)
{
    CALL(policy, FAULT_READ, arena, arena, version, ret_row, ret_found);
}

static const struct err *debug_counters(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter
                                        **ret_rows, size_t *ret_count)
{
    CALL(counters, FAULT_READ, arena, arena, from_ms, to_ms, ret_rows, ret_count);
}

static const struct err *debug_consent(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row, bool
                                       *ret_found)
{
    CALL(consent, FAULT_READ, arena, arena, id, ret_row, ret_found);
}

static const struct err *debug_settings(struct store_session *session, struct arena *arena, store_each each, void *context)
{
    CALL(settings, FAULT_READ, arena, arena, each, context);
}

static const struct err *debug_setting(struct store_session *session, struct arena *arena, str key, str *ret_value)
{
    CALL(setting, FAULT_READ, arena, arena, key, ret_value);
}

static const struct err *debug_purposes_in_use(struct store_session *session, struct arena *arena, struct purpose_sets *sets, purpose_mask
                                               *ret_mask)
{
    CALL(purposes_in_use, FAULT_READ, arena, arena, sets, ret_mask);
}

static const struct err *debug_tidy(struct store_session *session, struct arena *arena, bool *ret_more)
{
    CALL(tidy, FAULT_TIDY, arena, arena, ret_more);
}

static const struct err *debug_backup(struct store_session *session, struct arena *arena, const char *directory,
                                      void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    CALL(backup, FAULT_BACKUP, arena, arena, directory, progress, context);
}

/* --- sessions, arming */

static const struct err *debug_session(struct store *base, struct arena *arena, bool writes, struct store_session **ret_session)
{
    struct store_debug *store = (struct store_debug *)base;
    struct store_session *inner;
    TRY(store->inner->ops->session(store->inner, arena, writes, &inner));
    struct debug_session *session = calloc(1, sizeof *session);
    ASSERT(session);
    *session = (struct debug_session){store, inner};
    *ret_session = (struct store_session *)session;
    return NULL;
}

static void debug_session_close(struct store_session *session)
{
    if (session)
        debug_of(session)->inner->ops->session_close(inner_of(session));
    free(session);
}

static void debug_close(struct store *base)
{
    struct store_debug *store = (struct store_debug *)base;
    if (store)
        store->inner->ops->close(store->inner);
    free(store);
}

static struct armed *armed_of(struct store *base, str point)
{
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        if (!str_equal(str_of(fault_names[i]), point))
            continue;
        if (!fault_of_files((enum fault)i))
            return &((struct store_debug *)base)->points[i];
        return files_armed() ? &files_armed()[i] : NULL;
    }
    return NULL;
}

bool store_debug_arm(struct store *base, str point, uint64_t skip, uint64_t times)
{
    struct armed *armed = armed_of(base, point);
    if (!armed)
        return false;
    uint64_t from = armed->reached + skip;
    armed->to = 0; /* so that no call meets half of it */
    armed->from = from;
    armed->to = times > UINT64_MAX - from ? UINT64_MAX : from + times;
    return true;
}

void store_debug_disarm(struct store *base, str point)
{
    struct armed *armed = armed_of(base, point);
    if (armed)
        armed->to = 0;
}

uint64_t store_debug_reached(struct store *base, str point)
{
    const struct armed *armed = armed_of(base, point);
    return armed ? armed->reached : 0;
}

void store_debug_slow(struct store *base, uint32_t each_us) { ((struct store_debug *)base)->slow_us = each_us; }

static const struct err *debug_right(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row, bool *ret_found)
{
    CALL(right, FAULT_READ, arena, arena, id, ret_row, ret_found);
}

static const struct err *debug_rights(struct store_session *session, struct arena *arena, const struct rights_query *query,
                                      struct rights_request **ret_rows, size_t *ret_count)
{
    CALL(rights, FAULT_READ, arena, arena, query, ret_rows, ret_count);
}

static const struct err *debug_head(struct store_session *session, struct arena *arena, str *ret_head)
{
    CALL(head, FAULT_READ, arena, arena, ret_head);
}

static const struct err *debug_turn(struct store_session *session, struct arena *arena, str *ret_head)
{
    CALL(turn, FAULT_READ, arena, arena, ret_head);
}

static void debug_turn_back(struct store_session *session) { debug_of(session)->inner->ops->turn_back(inner_of(session)); }

void store_debug_tell(struct store *base, store_debug_trace trace, void *context)
{
    struct store_debug *store = (struct store_debug *)base;
    store->trace = trace;
    store->trace_context = context;
}

bool store_debug_point(size_t *position, const char **ret_name, const char **ret_what)
{
    if (*position >= FAULT_COUNT)
        return false;
    *ret_name = fault_names[*position];
    *ret_what = fault_whats[(*position)++];
    return true;
}

const struct err *store_debug_open(struct arena *arena, struct store *inner, struct store **ret_store)
{
    (void)arena;
    struct store_debug *store = calloc(1, sizeof *store);
    ASSERT(store);
    store->inner = inner;
    store->ops = (struct store_ops){
        .name = inner->ops->name, .session = debug_session, .session_close = debug_session_close, .close = debug_close,
        .load = debug_load, .save = debug_save, .totals = debug_totals, .events = debug_events, .event = debug_event,
        .batches = debug_batches, .ledger = debug_ledger, .tile = debug_tile, .deliveries = debug_deliveries, .delivery = debug_delivery,
        .destination_counts = debug_destination_counts, .due = debug_due, .profiles = debug_profiles,
        .profile_by_id = debug_profile_by_id, .reads = debug_reads, .decisions = debug_decisions, .tokens = debug_tokens, .users = debug_users, .sessions = debug_sessions, .policies = debug_policies,
        .policy = debug_policy, .counters = debug_counters, .consent = debug_consent, .setting = debug_setting, .settings = debug_settings, .right = debug_right, .rights = debug_rights,
        .purposes_in_use = debug_purposes_in_use, .tidy = debug_tidy, .backup = debug_backup,
    };
    if (inner->shared) {
        store->ops.head = debug_head;
        store->ops.turn = debug_turn;
        store->ops.turn_back = debug_turn_back;
    }
    store->base.ops = &store->ops;
    store->base.shared = inner->shared;
    *ret_store = &store->base;
    return NULL;
}
