/* Sending: takes what is due from the outbox and brings it to its destination, through the gate, at each attempt.
 *
 * What it is: one thread with a libcurl multi loop for all destinations, a state machine a destination (destination_private.h), and one
 * file a destination kind (kind.h). What it is not: it makes no body (engine_delivery_body does, through the gate) and it keeps
 * nothing: a row's truth is in the store.
 *
 * 1. No body exists before its attempt, and none outlives it: the gate is asked each time.
 * 2. An outcome is committed after the response. A kill in between repeats the attempt under the same Telos-Delivery id.
 * 3. Of one person, one delivery is under way to one destination, and the next starts when that one has ended.
 * 4. Every row ends delivered, dead with a reason, or cancelled with a reason. A recall never ends dead.
 * 5. A slow or dead destination holds nothing that another needs: slots, bytes and timers are its own.
 * 6. Neither bodies, replies, addresses nor secrets are logged: names from the policy, counts and codes only.
 */
#ifndef TELOS_DELIVER_DELIVER_H
#define TELOS_DELIVER_DELIVER_H

#include "base/json.h"
#include "engine/engine.h"

struct deliver;

struct deliver_options {
    int64_t drain_ms; /* how long deliver_stop waits for requests under way; 0: 5 s */
    const char *(*environment)(const char *name); /* secrets; NULL: getenv */
};

/* What is wrong with the destinations' own options (`url`, `timeout`, …), added to `ret_problems`, in `arena`. To be asked wherever a
 * policy is checked or applied: the policy floor does not know the kinds. Line and column are 0. */
void deliver_check(struct arena *arena, const struct policy *policy, policy_problems *ret_problems);

/* Whether this version can send to destinations of the kind; to others nothing is sent (DELIVER_UNSUPPORTED). */
bool deliver_has_kind(str kind);

/* Starts the thread. The engine must outlive it; `options` may be NULL. */
const struct err *deliver_start(struct arena *arena, struct engine *engine, const struct deliver_options *options,
                                struct deliver **ret_deliver) MUST_CHECK;
/* Takes nothing new, waits for what is under way (bounded by drain_ms), commits the outcomes, ends the thread and frees all. What was cut
 * off stays pending in the outbox. NULL is fine. To be called before engine_close. */
void deliver_stop(struct deliver *deliver);
/* Looks again at once: the policy was switched, a destination resumed, dead letters replayed. Any thread. (It would find out by itself
 * within a second.) */
void deliver_policy_changed(struct deliver *deliver);

/* The states of a destination, and their words in JSON and in the console. */
#define DELIVER_STATES(X)                                                                                              \
    X(DELIVER_READY, "ready") /* sends */                                                                              \
    X(DELIVER_PAUSED, "paused") /* by a person; what is under way ends */                                              \
    X(DELIVER_WAITING, "waiting") /* it asked for a pause by Retry-After */                                            \
    X(DELIVER_FAILING, "failing") /* several failures in a row: one probe at a time */                                 \
    X(DELIVER_GONE, "gone") /* it answered 410: one probe at a time, ever rarer */                                     \
    X(DELIVER_MISCONFIGURED, "misconfigured") /* its options or secret are missing; nothing is sent */                 \
    X(DELIVER_UNSUPPORTED, "unsupported") /* no such kind in this version; nothing is sent */                          \
    X(DELIVER_REMOVED, "removed") /* no longer in the policy; its deliveries are cancelled, recalls wait */
enum deliver_state {
#define X(code, name) code,
    DELIVER_STATES(X)
#undef X
};
const char *deliver_state_name(enum deliver_state state);

#define DELIVER_REASON_SIZE 48
struct deliver_status { /* one destination; counters count since the start of the process */
    str name, kind, purpose;
    enum deliver_state state;
    uint32_t in_flight;
    uint64_t backlog; /* pending rows, a few seconds old at most */
    uint64_t kept, dead_letters; /* rows that have ended and are still there; those of them that can be replayed */
    int64_t oldest_ms; /* when the oldest pending row was queued; TIME_NONE */
    int64_t last_success_ms, last_error_ms; /* TIME_NONE */
    char last_error[DELIVER_REASON_SIZE]; /* reason code: "http_503", "timeout"; "" */
    uint32_t failures; /* in a row */
    uint64_t attempts, delivered, retries, dead, cancelled;
    int64_t next_retry_ms; /* the earliest known; TIME_NONE */
    bool is_signed; /* bodies carry a signature */
};
/* A copy of all states, in `arena`, in the policy's order. Any thread. */
void deliver_status(struct deliver *deliver, struct arena *arena, struct deliver_status **ret_items, size_t *ret_count);
/* The same as one JSON array of objects, for /v1/destinations and `telos show destinations`. Any thread. */
void deliver_write_json(struct deliver *deliver, struct jsonw *w);
/* The same as OpenMetrics lines (telos_destination_…{destination="…"}), without the closing "# EOF". Any thread. */
void deliver_write_metrics(struct deliver *deliver, struct buf *out);

#endif
