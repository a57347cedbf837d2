/* What is known of a person: the working set that the store fills, the engine opens, and the core reads and changes.
 *
 * A *profile* is made once and keeps its own rows for ever. When two profiles turn out to be one person, they are linked (a merge);
 * rows do not move. A *person* is a group of linked profiles, named by the oldest of them (its root). So undoing a merge gives each side exactly what was
 * its own (P6), and each profile keeps its own keys (P7).
 *
 * 1. Every fact, event part and held message names the profile and identifier it was observed on.
 * 2. `purposes` are masks of the policy version that the working set was loaded for (the engine translates purpose sets).
 * 3. The store fills `sealed`; the engine opens it into the clear fields; saving goes the other way.
 * 4. Items are changed in place and marked; nothing is taken out of an array. `CHANGE_NEW` items are inserted, `CHANGE_SET`
 *    ones updated, `CHANGE_GONE` ones deleted when the batch is saved.
 */
#ifndef TELOS_MODEL_PERSON_H
#define TELOS_MODEL_PERSON_H

#include "base/json.h"
#include "base/time.h"
#include "base/vec.h"
#include "model/ids.h"
#include "model/purpose.h"

enum change { CHANGE_NONE, CHANGE_NEW, CHANGE_SET, CHANGE_GONE };

/* One typed key of a person. `value` is absent where only the hash may be kept (a withdrawal, an objection, a held message). */
struct identifier {
    enum change change;
    profile_no profile;
    uint32_t number; /* within the profile, from 1 */
    str type; /* name of the identity key */
    identifier_hash hash;
    str value; /* clear and normalised; empty: not kept */
    str sealed;
    purpose_mask purposes; /* why the value is kept; 0 with an empty value */
    bool verified;
    int64_t first_seen_ms, last_seen_ms; /* last_seen is kept to the day */
    struct uuid message; /* that brought it */
};

/* One attribute value observed on one identifier. */
struct fact {
    enum change change;
    profile_no profile;
    uint32_t identifier; /* its number within the profile */
    str name; /* "address.city" */
    str value; /* JSON text */
    str source; /* name */
    int64_t observed_ms, received_ms;
    purpose_mask purposes;
    uint32_t page; /* the engine's: number of the page it is sealed in; 0: none yet */
};
/* Facts of one identifier with the same purposes, sealed together (engine/facts.h); the store keeps pages, the core sees facts. */
struct fact_page {
    enum change change;
    profile_no profile;
    uint32_t identifier, number; /* number: within the profile, from 1 */
    purpose_mask purposes;
    uint8_t key_class; /* enum key_class */
    uint32_t fact_count;
    int64_t observed_first_ms, observed_last_ms;
    str sealed;
};

/* Status of a consent record: code, spelling, DPV term. */
#define CONSENT_STATUSES(X)                                                                                            \
    X(CONSENT_GIVEN, "given", "dpv:ConsentGiven")                                                                      \
    X(CONSENT_REFUSED, "refused", "dpv:ConsentRefused")                                                                \
    X(CONSENT_WITHDRAWN, "withdrawn", "dpv:ConsentWithdrawn")                                                          \
    X(CONSENT_RENEWED, "renewed", "dpv:RenewedConsentGiven")                                                           \
    X(CONSENT_EXPIRED, "expired", "dpv:ConsentExpired") /* written by the sweeper */                                   \
    X(CONSENT_OBJECTED, "objected", "dpv:LegitimateInterestObjected")                                                  \
    X(CONSENT_OBJECTION_LIFTED, "objection_lifted", "dpv:LegitimateInterestNotObjected")                               \
    X(CONSENT_OPENED, "opened", "dpv:ContractActive")                                                        \
    X(CONSENT_ENDED, "ended", "dpv:ContractTerminated")                                                                \
    X(CONSENT_INVOKED, "invoked", "dpv:VitalInterestOngoing")                                                          \
    X(CONSENT_INFORMED, "informed", "dpv:LegitimateInterestInformed")                                                  \
    X(CONSENT_OPTED_OUT, "opted_out", "dpv:ConsentRefused") /* by a signal such as GPC */                              \
    X(CONSENT_RESTRICTED, "restricted", "eu-gdpr:A18") /* of the whole person: purpose empty */                        \
    X(CONSENT_UNRESTRICTED, "unrestricted", "eu-gdpr:A18")                                                             \
    X(CONSENT_VENDOR_PERMITTED, "vendor_permitted", "dpv:ConsentGiven") /* a TC string lets one vendor have it: in `reference` */ \
    X(CONSENT_VENDOR_DENIED, "vendor_denied", "dpv:ConsentRefused")
enum consent_status {
#define X(code, name, dpv) code,
    CONSENT_STATUSES(X)
#undef X
        CONSENT_STATUS_COUNT
};
/* About one recipient alone, and not about the purpose. */
static inline bool status_is_vendor(enum consent_status status) { return status == CONSENT_VENDOR_PERMITTED || status == CONSENT_VENDOR_DENIED; }
const char *consent_status_name(enum consent_status status);
const char *consent_status_dpv(enum consent_status status);
bool consent_status_parse(str text, enum consent_status *ret_status);

enum said_by { SAID_BY_SELF, SAID_BY_GUARDIAN, SAID_BY_AGENT, SAID_BY_SYSTEM };
const char *said_by_name(enum said_by by);
bool said_by_parse(str text, enum said_by *ret_by);

/* One immutable statement by or for a person (also grounds: contract, vital interest, objection). Never changed, only added to.
 * Bitemporal: `at` when it was said, `known` when we learned it. */
struct consent {
    enum change change; /* NONE or NEW */
    struct uuid id;
    profile_no profile;
    uint32_t identifier; /* that it was said on */
    bool verified; /* the identifier was verified, or it came by an API token */
    str purpose; /* name; empty for restriction of everything */
    enum consent_status status;
    str notice; uint32_t notice_version; /* "newsletter", 3 */
    bool explicit_given;
    enum said_by by;
    int64_t at_ms, known_ms;
    int64_t expires_ms; /* TIME_FOREVER where it does not run out */
    str source; /* name of the source or "api" */
    str method, reference, signal; /* sealed: how, where the proof is, the raw signal */
    str sealed; /* the three above */
    uint64_t ledger_index; /* set when saved */
    uint8_t leaf_hash[32];
};

/* One kept part of an event: the fields that share one set of purposes (gate.md §4). */
struct event_part {
    purpose_mask purposes;
    uint8_t key_class; /* enum key_class of evidence/vault.h, chosen by core */
    str body; /* JSON object: {"event":…, "properties":{…}, "context":{…}}; sparse arrays as {"[]":n,"0":…} */
    str sealed;
};
#define EVENT_PARTS_MAX 64

/* One thing that happened. */
#define EVENT_TYPES(X) X(EVENT_IDENTIFY, "identify") X(EVENT_TRACK, "track") X(EVENT_PAGE, "page") X(EVENT_SCREEN, "screen") X(EVENT_GROUP, "group") X(EVENT_ALIAS, "alias")
enum event_type {
#define X(code, name) code,
    EVENT_TYPES(X)
#undef X
        EVENT_TYPE_COUNT
};
const char *event_type_name(enum event_type type);
bool event_type_parse(str text, enum event_type *ret_type);

struct event {
    enum change change;
    event_no number; /* given at save */
    struct uuid id;
    profile_no profile;
    uint32_t identifier;
    enum event_type type;
    str source;
    int64_t at_ms, received_ms;
    uint32_t policy_version; /* that allowed it */
    uint64_t batch; uint32_t batch_index; /* its decision: leaf `batch_index` of the batch's sub-tree */
    str decided; /* the store's: names of the purposes that it was taken for, sorted, with a space between; those taken off since, too */
    uint8_t part_count;
    struct event_part *parts;
};

/* A message waiting for its consent (gate.md §4 `hold`), sealed under the profile's hold key. */
struct held {
    enum change change;
    uint64_t number;
    profile_no profile;
    uint32_t identifier;
    str source;
    int64_t received_ms, expires_ms;
    str message; /* JSON text of the whole message, envelope included */
    str sealed;
};

/* How a person wants to be treated; one row a profile, the newest statement per setting wins over the group. JSON text:
 * {"channels":{"email":false},"topics":{},"frequency":{"email":{"max":2,"per":"P7D"}},"language":"hu","quiet_hours":{"from":"21:00","to":"08:00","zone":"Europe/Budapest"}} */
struct preferences {
    enum change change;
    profile_no profile;
    int64_t at_ms;
    str value, sealed;
};

/* Two profiles found to be one person, and why. */
struct merge {
    enum change change;
    struct uuid id;
    profile_no left, right;
    str reason; /* "identify", "alias", "api" */
    identifier_hash through_left, through_right; /* the pair of identifiers that joined them */
    str source;
    int64_t at_ms;
    int64_t undone_ms; /* TIME_NONE while it stands; an undone merge also forbids this pair to join again */
};

/* A join that a limit or the gate refused. Counted by pair and reason. */
struct refused_join {
    enum change change;
    profile_no left, right; /* right may be PROFILE_NONE: the identifier was not attached */
    str type; /* of the identifier that would have joined them */
    str reason; /* reason code */
    uint64_t count;
    int64_t first_ms, last_ms;
};

/* What was sent to whom under which purpose (Art. 19: whom to tell). */
struct disclosure {
    enum change change;
    profile_no profile;
    str destination, purpose;
    int64_t first_ms, last_ms;
    uint64_t count;
};

/* One profile's own row. */
struct profile {
    enum change change;
    profile_no number;
    struct uuid id;
    profile_no root; /* of its person; itself when it stands alone */
    int64_t created_ms, erased_ms; /* erased: TIME_NONE while it lives */
    int64_t due_ms; /* when the sweeper must look at it; TIME_FOREVER: never */
    uint32_t identifier_next; /* next identifier number */
    str jurisdiction; /* "HU", "US-CA"; empty: the source's or the controller's */
    int16_t birth_year; /* from the trait `birthdate`/`age` by policy; 0: unknown */
    str sealed; /* the year; empty where there is none */
    uint64_t version;
};

enum person_loaded {
    PERSON_HEAD = 1, /* profiles, identifiers, consents, merges, preferences: always */
    PERSON_FACTS = 2,
    PERSON_EVENTS = 4, /* every event with its parts */
    PERSON_HELD = 8,
    PERSON_OUTBOX = 16, /* pending deliveries and disclosures */
    PERSON_ALL = 31,
    PERSON_SAID = 32, /* the texts of consent records opened, where they are not (`texts_unopened`) */
};

enum delivery_state { DELIVERY_PENDING, DELIVERY_DELIVERED, DELIVERY_DEAD, DELIVERY_CANCELLED };
const char *delivery_state_name(enum delivery_state state);
enum delivery_kind { DELIVERY_EVENT, DELIVERY_PROFILE, DELIVERY_RECALL };
const char *delivery_kind_name(enum delivery_kind kind);

/* An outbox row: a reference, never data (but a recall keeps, sealed, the identifiers that were sent). */
struct delivery {
    enum change change;
    uint64_t number; /* order within the outbox */
    struct uuid id;
    profile_no profile; /* root at the time it was queued: order is kept per root */
    str destination, purpose; /* names */
    enum delivery_kind kind;
    event_no event; /* DELIVERY_EVENT */
    const struct event *event_new; /* while the event has no number yet */
    enum delivery_state state;
    uint32_t attempts;
    int64_t queued_ms, next_ms, done_ms;
    str reason; /* code of the last failure or cancellation, never a body */
    str subject, sealed; /* DELIVERY_RECALL: JSON array of identifiers */
};

struct person {
    profile_no root;
    unsigned loaded; /* enum person_loaded bits */
    unsigned needed; /* parts the core found missing; see core/apply.h */
    bool texts_unopened; /* method, reference and signal of consent records lie sealed: most messages do without */
    VEC(struct profile) profiles; /* oldest first */
    VEC(struct identifier) identifiers;
    VEC(struct consent) consents; /* in order of known_ms */
    VEC(struct merge) merges; /* among these profiles, undone ones too */
    VEC(struct preferences) preferences;
    VEC(struct fact) facts;
    VEC(struct fact_page) fact_pages; /* store and engine only */
    VEC(struct event) events;
    VEC(struct held) held;
    VEC(struct delivery) deliveries; /* pending, and recalls */
    VEC(struct disclosure) disclosures;
    VEC(struct refused_join) refused;
    const void *standing; /* the core's own cache of what the consents amount to; reset it when consents change */
    struct person *merged_into; /* within a batch: this group became part of another */
};

struct profile *person_profile(const struct person *person, profile_no number);
struct identifier *person_identifier(const struct person *person, profile_no profile, uint32_t number);

#endif
