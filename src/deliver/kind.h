/* A destination kind: one table of functions, one file a kind (webhook.c), one line in kinds.c.
 *
 * 1. `check` looks at the options as they stand in the policy, without the environment: the same answer on every machine.
 * 2. `open` resolves them (secrets, files) into a target that lives in the arena given; `close` wipes what is secret.
 * 3. `begin` sets up one libcurl handle for one attempt; the loop drives it. It never waits. A kind whose library moves the bytes itself has
 *    `poll` instead of the handle: `begin` hands the attempt over, and `poll` tells the loop which ones are over.
 * 4. `classify` says what the reply means for the row and for the destination; it decides no times but what the destination asked for.
 * 5. Reason codes are short, fixed words; never a part of a reply.
 */
#ifndef TELOS_DELIVER_KIND_H
#define TELOS_DELIVER_KIND_H

#include "deliver/deliver.h"

#include <curl/curl.h>

enum verdict_kind {
    VERDICT_DELIVERED,
    VERDICT_RETRY,
    VERDICT_REFUSED, /* it will never be taken */
};
struct verdict {
    enum verdict_kind kind;
    char reason[DELIVER_REASON_SIZE];
    int64_t retry_after_ms; /* how long the destination asks to wait; TIME_NONE */
    bool destination_failed; /* it is the destination, not this delivery */
    bool hold; /* retry_after_ms is meant for everything that goes there */
    bool gone;
};

/* What a kind sees of one attempt. */
struct transfer {
    const struct delivery *delivery;
    str body;
    uint32_t attempt; /* 1 for the first */
    CURL *easy; /* reset before `begin`; the loop's own options come after */
    struct curl_slist *headers; /* freed by the loop */
    int64_t retry_after_ms; /* from the reply; TIME_NONE */
    size_t reply_bytes;
    bool reply_cut; /* the reply was longer than we read */
    int result; /* of kinds with `poll`: their library's code… */
    const char *why; /* …and a better word for it; NULL */
    bool sent; /* the same: some of it may have gone out */
};

/* What a kind with `poll` is given of the loop. */
struct kind_loop {
    void *context;
    void (*wake)(void *context); /* `poll` has something to tell; any thread */
    void (*ended)(void *context, struct transfer *transfer); /* this attempt is over; only within `poll` */
};

struct kind {
    const char *name;
    void (*check)(struct arena *arena, const struct destination *destination, policy_problems *ret_problems);
    /* NULL when fine, else a reason code ("secret_missing"); then the destination is DELIVER_MISCONFIGURED. */
    const char *(*open)(struct arena *arena, const struct destination *destination, const char *(*environment)(const char *),
                        void **ret_target);
    void (*close)(void *target);
    bool (*is_signed)(const void *target);
    /* NULL when fine, else a reason code: the attempt failed before it began. */
    const char *(*begin)(void *target, struct transfer *transfer, int64_t now_ms);
    void (*classify)(const struct transfer *transfer, CURLcode code, struct verdict *ret_verdict);
    /* Both or none. `attach` comes once after `open`; `poll` each round, on the sending thread. What is under way at `close` never ends. */
    void (*attach)(void *target, const struct kind_loop *loop);
    void (*poll)(void *target);
};

/* NULL when this version has no such kind. */
const struct kind *kind_find(str name);
/* The kind's name nearest to a mistyped one, or STR_NONE. */
str kind_nearest(str name);

extern const struct kind kind_webhook;
extern const struct kind kind_kafka;

/* Helpers for kinds over libcurl. */
void verdict_init(struct verdict *verdict, enum verdict_kind kind, const char *reason);
/* The verdict on a transfer that failed below its protocol: "timeout", "connect_failed", … */
void verdict_of_curl(CURLcode code, struct verdict *ret_verdict);
/* The verdict on an HTTP status. */
void verdict_of_http(long status, int64_t retry_after_ms, struct verdict *ret_verdict);
/* Adds a problem "destination `x`: …" at the destination's place in the file. */
void kind_problem(struct arena *arena, policy_problems *problems, const struct destination *destination, str suggestion,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same at the place of one option. */
void kind_problem_at(struct arena *arena, policy_problems *problems, const struct destination *destination, const struct flow_option *option,
                     str suggestion, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
