/* What a batch asks for, and what core_apply says must change. The engine fills a `batch`, the core works on it, the
 * engine seals and the store saves what is marked. Everything lives in the batch's arena. */
#ifndef TELOS_MODEL_CHANGE_H
#define TELOS_MODEL_CHANGE_H

#include "model/person.h"
#include "model/signal_kind.h"
#include "base/map.h"
#include "model/reason.h"

struct policy;
struct source;
struct identity_key;

struct left_out;
/* A collected message after parsing, before the gate. */
struct message {
    struct json body; /* the object */
    str text; /* its JSON text (for holding) */
    enum event_type type;
    str message_id; /* empty: one was made */
    struct uuid id; /* of the event it becomes */
    uint64_t dedupe; /* keyed hash of source and messageId */
    const struct source *source;
    int64_t received_ms, sent_ms; /* sent_ms: TIME_NONE when the client gave none */
    int64_t queued_ms; /* when it came into the queue that it was read from; 0: it came by itself */
    int64_t at_ms; /* corrected for clock skew */
    bool gpc; /* Sec-GPC: 1 */
    bool historical; /* /v1/import: no skew correction, keeps timestamp */
    bool released; /* comes from hold: no dedupe, not held again */
    struct held *from_hold; /* when released: its row */
    /* identifiers named by it, normalised and hashed by the engine (core/identity.h extracts them) */
    struct message_identifier *identifiers;
    size_t identifier_count;
    struct left_out *ignored; /* identifiers that were not taken, and why: invalid, blocked, too many */
    size_t ignored_count;
};

struct message_identifier {
    const struct identity_key *key;
    str value; /* normalised */
    identifier_hash hash;
    bool previous; /* alias's previousId */
    struct person *person; /* set by load: who is known by it; NULL: nobody */
};

#define OUTCOMES(X)                                                                                                    \
    X(OUTCOME_ACCEPTED, "accepted") X(OUTCOME_TRIMMED, "trimmed") X(OUTCOME_HELD, "held") X(OUTCOME_DROPPED, "dropped") \
    X(OUTCOME_ANONYMISED, "anonymised") X(OUTCOME_DUPLICATE, "duplicate") X(OUTCOME_INVALID, "invalid")
enum outcome {
#define X(code, name) code,
    OUTCOMES(X)
#undef X
        OUTCOME_COUNT
};
const char *outcome_name(enum outcome outcome);

struct left_out {
    str field;
    reason_mask reasons;
};
struct message_result {
    enum outcome outcome;
    str problem; /* OUTCOME_INVALID: what is wrong */
    struct uuid profile; /* zero where none */
    purpose_mask purposes;
    VEC(struct left_out) left_out;
    reason_mask reasons; /* why nothing was kept */
    str decision; /* canonical JSON of the decision, for the evidence sub-tree */
    struct person *person; /* for the commitment's salt; NULL: no person */
    profile_no profile_no;
};

/* A statement by API: POST /v1/consents and its like. */
struct statement {
    struct message_identifier subject;
    struct consent record; /* all but profile, identifier, id */
    bool unverified; /* it counts as what was said on an unverified identifier: a signal that a restore says again */
    bool override_objection; /* recorded only where the policy's settings allow the role */
    struct person *ret_person;
    struct consent *ret_record; /* the record in the person */
};

/* What a signal said about one purpose, and what became of it. */
struct signal_said {
    str purpose;
    const char *says; /* "yes", "no", "opted_out", "unreadable", "nothing" */
    enum consent_status status; /* of the record; CONSENT_STATUS_COUNT: none was made */
    struct uuid record;
    str vendor; /* destination that the record is about alone; empty: the purpose */
    const char *why;
};
/* A consent signal by API: POST /v1/consents/signals. The signal itself is `value` of the request. */
struct signal_ask {
    enum signal_kind kind;
    str source; /* name; empty: the API */
    int64_t at_ms;
    bool fresh; /* the person has just chosen */
    const str *granted; /* names of purposes that it may allow; NULL: all */
    size_t granted_count;
    VEC(struct signal_said) said; /* out */
};

enum request_kind {
    REQUEST_MESSAGE, REQUEST_STATEMENT, REQUEST_PREFERENCES, REQUEST_UNDO_MERGE, REQUEST_ERASE, REQUEST_SWEEP, REQUEST_JOIN, REQUEST_RECTIFY,
    REQUEST_SIGNAL,
};
/* One thing to do; a batch is a sequence of these, done in order. */
struct request {
    enum request_kind kind;
    struct message message; /* REQUEST_MESSAGE */
    struct message_result result;
    struct statement statement; /* REQUEST_STATEMENT */
    struct signal_ask signal; /* REQUEST_SIGNAL */
    struct message_identifier subject, other; /* SIGNAL, PREFERENCES, ERASE, RECTIFY, UNDO_MERGE, JOIN (subject and other) */
    struct person *person; /* SWEEP, UNDO_MERGE, ERASE: loaded by the engine */
    struct uuid merge; /* UNDO_MERGE; out: of the JOIN that was made; ERASE: the id of the erasure in its ledger leaf */
    str value; /* PREFERENCES, SIGNAL: JSON text; RECTIFY: JSON object, name of a trait → right value, null: it is wrong to have one */
    bool found; /* ERASE, RECTIFY, UNDO_MERGE: there was something to do */
    str refusal; /* why it could not be done, for the user; empty: done */
};

/* A leaf for the ledger: the engine commits to `record` under the person's evidence key (or as it is, where there is no person). */
struct leaf {
    const char *kind; /* "consent", "policy", "erasure", "decisions", "merge", "undo", "disclosure", "recall" */
    str record; /* canonical JSON */
    profile_no profile; /* PROFILE_NONE: no personal data in it; it is published in clear */
    struct consent *consent; /* gets index and leaf hash back */
    int64_t at_ms;
};

/* Counted without a person: by day, source, what, field and reason. */
struct counter {
    int64_t day_ms;
    str source, what, field, reason; /* what: an outcome name or "left_out" */
    uint64_t count;
};

/* Keys to destroy after the commit (and again at start, if it was interrupted). */
struct key_end {
    profile_no profile;
    uint8_t class_mask; /* bit a key class */
    bool renew; /* KEY_HOLD: a new key takes its place */
};

/* The decision about a message that came out of hold in this batch: a leaf of the batch's sub-tree, after those of the requests. */
struct released_decision {
    str decision; /* canonical JSON, as in message_result */
    profile_no profile;
};

struct batch {
    struct arena *arena;
    const struct policy *policy;
    struct id_source *ids;
    int64_t now_ms;
    uint64_t profile_next; /* first free profile number; the core takes from here and counts up */
    VEC(struct person *) persons; /* loaded and new ones */
    struct request *requests;
    size_t request_count;
    /* what the core adds besides the marks in persons */
    VEC(struct leaf) leaves;
    VEC(struct released_decision) released; /* event->batch_index counts on: request_count is the first of these */
    VEC(struct counter) counters; /* merged by key */
    VEC(struct key_end) key_ends;
    struct map counter_index;
    /* Identifiers met in held messages: the core needs the persons known by them, too. The engine loads them, puts every hash that
     * it has looked up into `looked_up` (key: the 16 bytes, value: not NULL), and applies again. An engine that leaves
     * looked_up.arena NULL gets no wishes: then such identifiers join nobody. */
    VEC(identifier_hash) wanted;
    struct map looked_up;
    bool more_needed; /* a person lacks a part (loaded bits): the engine loads `needs` and applies again from scratch */
};

#endif
