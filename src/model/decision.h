/* A question to the gate and its answer (gate.md). */
#ifndef TELOS_MODEL_DECISION_H
#define TELOS_MODEL_DECISION_H

#include "model/person.h"
#include "model/reason.h"

enum operation { OPERATION_STORE, OPERATION_USE }; /* storing goes on under restriction and storage_only; using does not */

struct question {
    str purpose; /* name */
    VEC(str) categories; /* names; empty: all that the purpose covers */
    str recipient; /* destination name or recipient text; empty: none */
    str channel, topic; /* a contact, when a channel is named */
    bool contact;
    enum operation operation;
    int64_t at_ms; /* TIME_NONE: now */
    int64_t known_ms; /* TIME_NONE: all that is known now */
    profile_no subject; /* profile of the identifier that was asked by: with `known_ms`, only what was joined with it by then counts. PROFILE_NONE: the
                           whole person */
    int64_t now_ms;
};

struct category_result {
    str category;
    reason_mask reasons; /* 0: allowed */
};
struct evidence_item {
    const char *kind; /* "policy", "consent" */
    struct uuid id; /* of the consent record */
    uint64_t ledger_index;
};
struct decision {
    bool allow;
    enum basis basis;
    bool basis_known; /* false where the purpose is unknown */
    uint32_t policy_version;
    reason_mask reasons;
    VEC(struct category_result) categories;
    VEC(struct evidence_item) evidence;
    int64_t valid_until_ms; /* TIME_FOREVER: until something is said */
    int64_t allowed_from_ms; /* quiet hours, frequency: when it becomes allowed; TIME_NONE */
};

#endif
