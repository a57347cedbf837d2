/* A request by which a person exercises a right (GDPR Art. 7(3), 12–22): what is stored of it.
 *
 *                        identity_asked          identity_confirmed           fulfilled, upheld, overridden
 *   (opened) ─▶ received ──────────────▶ verifying ───────────────▶ in_progress ─────────────────────────▶ completed
 *      │           │ └──────────────── identity_confirmed ──────────────▲ │
 *      │           ├── expired: nobody confirmed in time ──▶ expired      │
 *      │           └── refused, withdrawn (also from the other open states) ──▶ refused, withdrawn
 *      └── nobody is known by the identifier ──▶ no_match
 *
 * The edges are the table in core/rights.c.
 *
 * 1. `record` tells what happened and holds no personal value: it outlives the person, and the certificate is made of it.
 * 2. `details` is what the person or the staff wrote, and who it is about. It is sealed under the person's evidence key, and is gone after an erasure.
 * 3. Of a request about nobody no detail is kept at all.
 */
#ifndef TELOS_MODEL_RIGHTS_H
#define TELOS_MODEL_RIGHTS_H

#include "base/time.h"
#include "base/vec.h"
#include "model/ids.h"

/* code, spelling, article of the GDPR, what it asks for */
#define RIGHTS(X)                                                                                                      \
    X(RIGHT_ACCESS, "access", "15", "a copy of the data, and what is done with it")                                    \
    X(RIGHT_PORTABILITY, "portability", "20", "the data the person provided, to take along")                           \
    X(RIGHT_RECTIFICATION, "rectification", "16", "wrong data put right")                                              \
    X(RIGHT_ERASURE, "erasure", "17", "the data erased")                                                               \
    X(RIGHT_RESTRICTION, "restriction", "18", "the data only stored")                                                  \
    X(RIGHT_RESTRICTION_LIFTED, "restriction_lifted", "18(3)", "the restriction ended")                                \
    X(RIGHT_OBJECTION, "objection", "21", "a purpose ended for this person")                                           \
    X(RIGHT_OBJECTION_LIFTED, "objection_lifted", "21", "an objection taken back")                                     \
    X(RIGHT_WITHDRAWAL, "withdrawal", "7(3)", "a consent taken back")                                                  \
    X(RIGHT_HUMAN_REVIEW, "human_review", "22(3)", "a human being to look at an automated decision")
enum right {
#define X(code, name, article, what) code,
    RIGHTS(X)
#undef X
        RIGHT_COUNT
};
const char *right_name(enum right right);
const char *right_article(enum right right);
const char *right_what(enum right right);
bool right_parse(str text, enum right *ret_right);

/* code, spelling, still to be answered */
#define RIGHTS_STATES(X)                                                                                               \
    X(RIGHTS_RECEIVED, "received", true)                                                                               \
    X(RIGHTS_VERIFYING, "verifying", true)                                                                             \
    X(RIGHTS_IN_PROGRESS, "in_progress", true)                                                                         \
    X(RIGHTS_COMPLETED, "completed", false)                                                                            \
    X(RIGHTS_REFUSED, "refused", false)                                                                                \
    X(RIGHTS_WITHDRAWN, "withdrawn", false)                                                                            \
    X(RIGHTS_EXPIRED, "expired", false)                                                                                \
    X(RIGHTS_NO_MATCH, "no_match", false)
enum rights_state {
#define X(code, name, open) code,
    RIGHTS_STATES(X)
#undef X
        RIGHTS_STATE_COUNT
};
const char *rights_state_name(enum rights_state state);
bool rights_state_open(enum rights_state state);
bool rights_state_parse(str text, enum rights_state *ret_state);

/* What was done: code, spelling. Each step is a leaf of the ledger. */
#define RIGHTS_STEPS(X)                                                                                                \
    X(RIGHTS_OPENED, "opened")                                                                                         \
    X(RIGHTS_NOBODY, "no_match")                                                                                       \
    X(RIGHTS_IDENTITY_ASKED, "identity_asked")                                                                         \
    X(RIGHTS_IDENTITY_CONFIRMED, "identity_confirmed")                                                                 \
    X(RIGHTS_EXTENDED, "extended")                                                                                     \
    X(RIGHTS_STOPPED, "stopped") /* an objection was recorded, and its purpose stopped, until it is decided */         \
    X(RIGHTS_EXPORTED, "exported")                                                                                     \
    X(RIGHTS_FULFILLED, "fulfilled")                                                                                   \
    X(RIGHTS_UPHELD, "upheld")                                                                                         \
    X(RIGHTS_OVERRIDDEN, "overridden")                                                                                 \
    X(RIGHTS_ANSWERED, "recipients_answered")                                                                          \
    X(RIGHTS_REFUSE, "refused")                                                                                        \
    X(RIGHTS_WITHDRAW, "withdrawn")                                                                                    \
    X(RIGHTS_EXPIRE, "expired")
enum rights_step_kind {
#define X(code, name) code,
    RIGHTS_STEPS(X)
#undef X
        RIGHTS_STEP_COUNT
};
const char *rights_step_name(enum rights_step_kind kind);

/* Why a request is refused: code, spelling, term of the W3C Data Privacy Vocabulary, law. */
#define RIGHTS_REFUSALS(X)                                                                                             \
    X("identity_failure", "eu-gdpr:JustificationA12IdentityFailure", "GDPR Art. 12(2), 12(6)")                         \
    X("identity_required", "eu-gdpr:JustificationA12IdentityRequired", "GDPR Art. 12(6)")                              \
    X("manifestly_unfounded", "eu-gdpr:JustificationA12ManifestlyUnfounded", "GDPR Art. 12(5)(b)")                     \
    X("excessive", "eu-gdpr:JustificationA12ManifestlyExcessive", "GDPR Art. 12(5)(b)")                                \
    X("freedom_of_expression", "eu-gdpr:JustificationA17FreedomOfExpression", "GDPR Art. 17(3)(a)")                    \
    X("legally_required", "eu-gdpr:JustificationA17LegallyRequired", "GDPR Art. 17(3)(b)")                             \
    X("official_authority", "eu-gdpr:JustificationA17OfficialAuthority", "GDPR Art. 17(3)(b)")                         \
    X("public_health", "eu-gdpr:JustificationA17PublicHealth", "GDPR Art. 17(3)(c)")                                   \
    X("archiving", "eu-gdpr:JustificationA17Archiving", "GDPR Art. 17(3)(d)")                                          \
    X("legal_claims", "eu-gdpr:JustificationA17LegalClaims", "GDPR Art. 17(3)(e), 18(2), 21(1)")                       \
    X("not_covered", "", "GDPR Art. 15–22: the right does not reach this processing")
struct rights_refusal {
    const char *name, *dpv, *law;
};
const struct rights_refusal *rights_refusal_find(str name); /* NULL where there is none */
const struct rights_refusal *rights_refusals(size_t *ret_count);

struct rights_step {
    enum rights_step_kind kind;
    int64_t at_ms;
    struct uuid token; /* who did it; zero: nobody with a token */
    str role; /* "privacy", …; "person": by a link; "system": time itself; "agent:NAME": an authorised agent */
    str code; /* of a refusal; empty */
    uint64_t ledger_index;
};

/* What stays after an erasure, under which law and until when. */
struct rights_kept {
    str purpose, basis, law;
    uint64_t count; /* facts and parts of events */
    int64_t until_ms; /* TIME_FOREVER: as long as what the policy's retention counts from goes on */
};

#define RIGHTS_RECIPIENT_STATES(X) X(RECIPIENT_WAITING, "waiting") X(RECIPIENT_TOLD, "told") X(RECIPIENT_CONFIRMED, "confirmed") X(RECIPIENT_FAILED, "failed")
enum rights_recipient_state {
#define X(code, name) code,
    RIGHTS_RECIPIENT_STATES(X)
#undef X
};
const char *rights_recipient_state_name(enum rights_recipient_state state);
/* Whom the law says must be told (Art. 19), and what came back. */
struct rights_recipient {
    str destination, recipient, purpose;
    struct uuid delivery;
    enum rights_recipient_state state;
    int64_t at_ms; /* TIME_NONE while it waits */
};

/* Rows that an erasure took: code, spelling. */
#define RIGHTS_COUNTS(X) X(facts) X(events) X(held_messages) X(deliveries) X(identifiers) X(statements) X(preferences) X(keys)
struct rights_counts {
#define X(name) uint64_t name;
    RIGHTS_COUNTS(X)
#undef X
};

struct rights_record {
    str purpose; /* of an objection or withdrawal; empty: all */
    str identity; /* how it was checked: "staff", "link", "agent"; empty: not yet */
    str code; /* why it was refused */
    str external; /* JSON object: how another protocol names it, and whom to tell; empty: it came by none */
    str told; /* the state that `external` was told of last */
    uint64_t tellings; /* attempts at telling it of the present one */
    bool extended;
    struct uuid erasure; /* id in the erasure's own leaf; zero where there was none */
    bool counted;
    struct rights_counts counts;
    VEC(struct rights_step) steps;
    VEC(struct rights_kept) kept;
    VEC(struct rights_recipient) recipients;
};

struct rights_details {
    str subject; /* "email:anna@example.hu", as it was given */
    str text; /* what the person wrote */
    str reference; /* the controller's own file number */
    str answer; /* what was answered: of a refusal, a decision, a review */
    str extension; /* why it takes longer */
    str values; /* rectification: JSON object, name of a trait → right value */
};

struct rights_request {
    struct uuid id;
    profile_no profile; /* whose; PROFILE_NONE: nobody's */
    enum right right;
    enum rights_state state;
    str channel; /* how it came: "api", "page", "command", "opendsr", "drp" */
    int64_t opened_ms, due_ms;
    int64_t done_ms; /* TIME_NONE while it is open */
    int64_t watch_ms; /* when time or a recipient's answer may change it; TIME_FOREVER: never */
    str record; /* JSON: struct rights_record */
    str sealed; /* JSON: struct rights_details; empty: none */
};

#endif
