/* The sending thread's own structs: the loop (deliver.c), one destination (destination.c), what others see (status.c).
 *
 * The states of an attempt (one slot of a destination):
 *
 *            destination_pump          transfer_end
 *   FREE ─────────────────▶ UNDER_WAY ─────────────▶ DONE ──┐ outcomes_commit: the outcome is in the store
 *     ▲   └── the gate says no: no transfer, at once ──▶ ▲  │
 *     └─────────────────────────────────────────────────────┘
 *
 * 1. Everything here belongs to the sending thread; others reach only `published`, under `lock`, and the two atomic flags.
 * 2. A row that has a slot is not taken again, and neither is another one of its person, until its outcome is committed.
 * 3. While outcomes cannot be committed, nothing new is begun: what cannot be remembered is not sent.
 */
#ifndef TELOS_DELIVER_DELIVER_PRIVATE_H
#define TELOS_DELIVER_DELIVER_PRIVATE_H

#include "deliver/schedule.h"

#include <pthread.h>
#include <stdatomic.h>

#define POLL_MS 500 /* a destination is looked at this often even when nobody says so: rows whose time has come… */
#define POLL_EACH_MS 4 /* …and this much rarer for each destination there is */
#define LOOK_MAX_MS (10 * SECOND_MS) /* a look further away than this was planned before the clock was set back */
#define COUNT_EVERY_MS (2 * SECOND_MS) /* how old the backlog figures may be… */
#define COUNT_SHARE 50 /* …unless counting takes more than a fiftieth of the time */
#define RETRY_TIMES 64 /* known retry times kept a destination; past that, POLL_MS finds them */
#define PUBLISH_MS 50

enum attempt_state { ATTEMPT_FREE, ATTEMPT_UNDER_WAY, ATTEMPT_DONE };

struct outbound;
struct attempt {
    enum attempt_state state;
    struct outbound *outbound;
    struct arena arena; /* of this attempt: row, body, reason */
    struct delivery delivery;
    struct transfer transfer; /* its easy handle stays with the slot, for its connection */
    bool probe;
    char reason[DELIVER_REASON_SIZE];
    struct delivery_outcome outcome; /* DONE */
    struct attempt *next_done;
};

struct outbound { /* one destination */
    struct arena arena; /* names */
    str name, kind_name, purpose;
    const struct kind *kind; /* NULL: unsupported */
    struct arena target_arena;
    void *target; /* NULL: misconfigured or unsupported */
    str options; /* fingerprint of what the target was made from; in target_arena */
    const char *problem; /* reason code when there is no target */
    bool listed; /* by the policy in force */
    bool reopen; /* its options changed: anew as soon as nothing is under way */
    bool paused;
    struct circuit circuit;
    struct attempt attempts[LIMIT_DELIVERY_IN_FLIGHT];
    size_t active; /* slots not free */
    size_t bytes; /* of bodies under way */
    int64_t next_look_ms, last_look_ms;
    uint64_t cursor; /* REMOVED: where the walk over its rows stands */
    int64_t retry_ms[RETRY_TIMES]; /* ascending */
    size_t retry_count;
    struct deliver_status status; /* counters and last times; the rest is filled when published */
};

struct deliver {
    struct engine *engine;
    struct reader *reader;
    const struct policy *policy; /* held; NULL before the first */
    const char *(*environment)(const char *);
    int64_t drain_ms;
    pthread_t thread;
    atomic_bool stopping, woken;
    CURLM *multi;
    struct kind_loop loop; /* for kinds that move their own bytes */
    struct id_source random;
    struct arena scratch; /* one round of the loop */
    VEC(struct outbound *) outbounds; /* in arena */
    struct arena arena;
    struct attempt *done; /* DONE, not yet committed */
    size_t done_count, under_way;
    int64_t commit_again_ms; /* TIME_NONE; else committing failed */
    int64_t count_ms, warned_ms, published_ms;
    bool changed; /* since it was published */

    pthread_mutex_t lock; /* guards what follows */
    struct arena published_arena;
    struct deliver_status *published;
    size_t published_count;
};

/* destination.c */
/* Makes the list follow the policy: new ones, changed ones, removed ones. */
void outbounds_follow(struct deliver *deliver, const struct policy *policy);
/* A destination that only the store still knows. */
struct outbound *outbound_find(struct deliver *deliver, str name);
struct outbound *outbound_add(struct deliver *deliver, str name);
void outbound_close(struct deliver *deliver, struct outbound *outbound);
enum deliver_state outbound_state(const struct outbound *outbound, int64_t now_ms);
/* Takes what is due and what there is room for, and begins it. */
void outbound_pump(struct deliver *deliver, struct outbound *outbound, int64_t now_ms);
/* When it wants to be looked at again. */
int64_t outbound_until_ms(const struct outbound *outbound);
/* Lets the kinds that move their own bytes tell which attempts are over. */
void outbounds_poll(struct deliver *deliver);
/* The end of a transfer: verdict, circuit, outcome. */
void transfer_end(struct deliver *deliver, struct attempt *attempt, CURLcode code, int64_t now_ms);
/* The outcome is in the store: the slot is free, counters follow. */
void attempt_settled(struct deliver *deliver, struct attempt *attempt, int64_t now_ms);

/* status.c */
void status_publish(struct deliver *deliver, int64_t now_ms);
/* Reads the backlog of all destinations from the store, now and then. */
void status_count(struct deliver *deliver, int64_t now_ms);

/* A warning at most once in ten seconds: a sick store must not fill the log as well. */
bool deliver_policy_behind(struct deliver *deliver); /* another one is in force than this round's */
bool deliver_may_warn(struct deliver *deliver, int64_t now_ms);

#endif
