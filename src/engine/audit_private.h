/* The audit's own: what its parts share. audit.c walks people, audit_ledger.c the policies, the ledger and the batches,
 * audit_decisions.c the decisions about messages, audit_rights.c the rights requests. */
#ifndef TELOS_ENGINE_AUDIT_PRIVATE_H
#define TELOS_ENGINE_AUDIT_PRIVATE_H

#include "engine/decision.h"
#include "engine/engine_private.h"

struct batch_known { /* what of a batch row an event is checked against */
    uint64_t number;
    int64_t at_ms;
    uint32_t policy_version, decision_count;
    uint64_t ledger_index;
    const struct hash *leaves; /* of its decisions; NULL: not in memory */
};
#define BATCHES_KEPT 4096
#define LEAVES_KEPT_BYTES ((size_t)64 << 20)

struct audit {
    struct engine *engine;
    struct reader *reader;
    const struct store_ops *ops;
    struct store_session *session;
    struct arena *arena; /* of the call: what is kept */
    struct arena slice; /* cleared again and again */
    const struct policy *policy; /* in force; NULL: none was applied yet */
    struct purpose_sets *sets;
    int64_t now_ms;
    struct policy_row *policies; /* without texts, ascending */
    size_t policy_count;
    uint64_t ledger_size, batch_last;
    VEC(uint64_t) rights_leaves, rights_told; /* ledger entries that are steps of rights requests, ascending; those that requests name */
    struct batch_known *batches; /* by number % BATCHES_KEPT */
    struct arena leaves; /* of these; when they are LEAVES_KEPT_BYTES all go */
    size_t leaves_bytes;
    struct decision_memo *memos; /* beside `policies` */
    struct id_source ids;
    uint64_t violations, done, all;
    uint64_t persons, profiles, identifiers, facts, events, consents, held; /* counted */
    void (*found)(void *, const struct audit_finding *);
    void (*progress)(void *, uint64_t done, uint64_t all);
    void *context;
};

void audit_report(struct audit *audit, const char *promise, str where, const char *format, ...) __attribute__((format(printf, 4, 5)));
void audit_step(struct audit *audit, uint64_t count);
const struct policy_row *audit_policy(const struct audit *audit, uint32_t version); /* NULL: there is none */
/* P2, P4: the stored policies against their ledger entries; the ledger against its tiles and tree head; sub-trees against their batches. */
const struct err *audit_policies(struct audit *audit) MUST_CHECK;
const struct err *audit_ledger(struct audit *audit) MUST_CHECK;
const struct err *audit_batches(struct audit *audit) MUST_CHECK;
/* P4: rights requests against their steps in the ledger; after audit_ledger. */
const struct err *audit_rights(struct audit *audit) MUST_CHECK;
/* P3: the recorded reads of these profiles stand in the ledger. */
const struct err *audit_reads(struct audit *audit, const profile_no *profiles, size_t count) MUST_CHECK;
/* P4: a consent record is what its leaf commits to. */
const struct err *audit_consent(struct audit *audit, const struct consent *record, struct uuid profile, str where) MUST_CHECK;
/* P4: what was decided about a message is what its leaf commits to: of events that are stored, and of those that are gone. */
const struct err *audit_decisions(struct audit *audit, const struct person *person) MUST_CHECK;
const struct err *audit_batch_of(struct audit *audit, uint64_t number, const struct batch_known **ret) MUST_CHECK;

#endif
