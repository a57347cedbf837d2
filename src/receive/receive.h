/* Receiving: reads from where sources put their messages by themselves (a Kafka topic), and hands them to the engine as HTTP does.
 *
 * What it is: one thread that follows the policy, and a thread for each source of kind `kafka` (receive_private.h). What it is not: it keeps
 * nothing. How far a partition was taken in stands in the store, written in the commit of the messages themselves.
 *
 * 1. A record is read at least once and stored once: by a restart, a rebalance, or two nodes that both think a partition is theirs, it is
 *    at most read again.
 * 2. What cannot be taken goes to the dead-letter topic before the position moves past it, or, where none is declared, is counted with its reason.
 * 3. While the engine cannot take more, partitions are paused; memory is bounded (LIMIT_KAFKA_BUFFER_BYTES a source).
 * 4. What is no longer there to be read (a topic shorter than what was taken in, or whose oldest records went) is told and counted.
 * 5. Neither records, addresses nor secrets are logged.
 */
#ifndef TELOS_RECEIVE_RECEIVE_H
#define TELOS_RECEIVE_RECEIVE_H

#include "base/json.h"
#include "engine/engine.h"

struct receive;

/* What is wrong with the options of sources of kind `kafka`, with line and column, added to `ret_problems`. */
void receive_check(struct arena *arena, const struct policy *policy, policy_problems *ret_problems);

/* Starts the threads. The engine must outlive it; `environment` (for secrets) NULL: getenv. */
const struct err *receive_start(struct arena *arena, struct engine *engine, const char *(*environment)(const char *name),
                                struct receive **ret_receive) MUST_CHECK;
/* Reads no more, waits for what is being stored, leaves the groups. NULL is fine. Before engine_close. */
void receive_stop(struct receive *receive);

/* The states of a source, and their words in JSON. */
#define RECEIVE_STATES(X)                                                                                              \
    X(RECEIVE_JOINING, "joining") /* no partition is its own: it joins its group, or others have them all */           \
    X(RECEIVE_READING, "reading")                                                                                      \
    X(RECEIVE_WAITING, "waiting") /* Telos cannot store, or its queue is full: partitions are paused */                \
    X(RECEIVE_FAILING, "failing") /* `last_error` says why */                                                          \
    X(RECEIVE_STUCK, "stuck") /* a partition cannot be read on: somebody must decide */                                \
    X(RECEIVE_MISCONFIGURED, "misconfigured") /* its options or secret are missing; nothing is read */
enum receive_state {
#define X(code, name) code,
    RECEIVE_STATES(X)
#undef X
        RECEIVE_STATE_COUNT
};
const char *receive_state_name(enum receive_state state);

/* Why something was not taken. */
#define RECEIVE_REFUSALS(X)                                                                                            \
    X(REFUSAL_NO_VALUE, "no_value") /* a tombstone */                                                                  \
    X(REFUSAL_MALFORMED, "malformed") /* no JSON object, or no list of them */                                         \
    X(REFUSAL_TOO_LARGE, "too_large")                                                                                  \
    X(REFUSAL_INVALID, "invalid") /* JSON, but no message */                                                           \
    X(REFUSAL_FAILED, "failed") /* storing this record alone fails */
enum receive_refusal {
#define X(code, name) code,
    RECEIVE_REFUSALS(X)
#undef X
        REFUSAL_COUNT
};
const char *receive_refusal_name(enum receive_refusal refusal);

#define RECEIVE_REASON_SIZE 48
struct receive_status { /* one source; counters count since the start of the process */
    str name, group, topics;
    enum receive_state state;
    uint32_t partitions, paused, stuck;
    uint64_t records; /* read */
    uint64_t messages; /* stored, or judged by the gate */
    uint64_t skipped; /* read again, stored before */
    uint64_t refused[REFUSAL_COUNT]; /* messages and records that cannot be taken */
    uint64_t dead_letters; /* of those: written to the dead-letter topic */
    uint64_t lost; /* positions that the topic no longer had */
    int64_t lag; /* records not yet read, as far as is known; -1: unknown */
    uint64_t buffered_bytes;
    int64_t last_stored_ms, last_error_ms; /* TIME_NONE */
    char last_error[RECEIVE_REASON_SIZE];
};
void receive_status(struct receive *receive, struct arena *arena, struct receive_status **ret_items, size_t *ret_count);
/* One JSON array of objects. Any thread. */
void receive_write_json(struct receive *receive, struct jsonw *w);
/* OpenMetrics lines (telos_source_…{source="…"}), without the closing "# EOF". Any thread. */
void receive_write_metrics(struct receive *receive, struct buf *out);

#endif
