/* When to try again: pure functions over times and random numbers given as arguments.
 *
 * 1. Waits grow twofold from one second up to LIMIT_DELIVERY_RETRY_S, with full jitter: a uniform part of the whole, so that what failed
 *    together does not come back together.
 * 2. What a destination asks for (Retry-After) is never undercut, but believed for LIMIT_DELIVERY_RETRY_AFTER_S at most.
 *
 * The circuit of a destination:
 *
 *            CIRCUIT_FAILURES in a row, or 410            probe_ms is reached: one request alone
 *   closed ─────────────────────────────────▶ open ────────────────────────────────────────────▶ probe under way
 *     ▲                                         ▲         it failed: level + 1, a longer wait            │
 *     │                                         └─────────────────────────────────────────────────────────┤
 *     └────────────────────────────── it answered ────────────────────────────────────────────────────────┘
 *   all edges: circuit_note
 */
#ifndef TELOS_DELIVER_SCHEDULE_H
#define TELOS_DELIVER_SCHEDULE_H

#include "deliver/kind.h"

#define CIRCUIT_FAILURES 5 /* in a row: then it is the destination, not chance */
#define CIRCUIT_PROBE_MAX_MS MINUTE_MS /* a destination that is well again is noticed within this */

/* The longest wait after `attempts` failed attempts (1 or more), and the one to take. */
int64_t backoff_ceiling_ms(uint32_t attempts);
int64_t backoff_ms(uint32_t attempts, uint64_t random);

/* A Retry-After value, seconds or an HTTP date, as a delay from `now_ms` of 0 or more. False when it is neither. */
bool retry_after_parse(str value, int64_t now_ms, int64_t *ret_delay_ms);

/* What becomes of a row after an attempt (`attempts` counts it). `ret_result->reason` points into `verdict`. */
void schedule_result(const struct delivery *delivery, uint32_t attempts, const struct verdict *verdict, int64_t now_ms, uint64_t random,
                     struct delivery_result *ret_result);

struct circuit {
    bool open, gone;
    uint32_t failures; /* in a row */
    uint32_t level; /* failed probes */
    int64_t probe_ms; /* open: the next probe */
    int64_t hold_ms; /* nothing before this: Retry-After; TIME_NONE */
};
void circuit_init(struct circuit *circuit);
/* After each attempt; `probe`: it was sent while the circuit was open. */
void circuit_note(struct circuit *circuit, const struct verdict *verdict, bool probe, int64_t now_ms, uint64_t random);
/* How many requests may be under way now, `limit` at most, when `active` are. */
size_t circuit_room(const struct circuit *circuit, int64_t now_ms, size_t active, size_t limit);
/* When circuit_room may grow again, or TIME_FOREVER. */
int64_t circuit_until_ms(const struct circuit *circuit, int64_t now_ms);

#endif
