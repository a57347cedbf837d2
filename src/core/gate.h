/* The gate: what may be done with a datum, here and now, for this person (gate.md §1–3). Pure.
 *
 * 1. Every reason that applies is given, not only the first.
 * 2. Where it cannot know, it denies.
 * 3. Hard stops (erased, restricted, direct-marketing objection, opt-out) beat every grant.
 * 4. Three questions differ: may it be *collected* anew, may what is there be *stored* on, may it be *used*. A consent under an outdated
 *    notice, an objection under examination, a restriction or an overdue assessment stop use but destroy nothing.
 */
#ifndef TELOS_CORE_GATE_H
#define TELOS_CORE_GATE_H

#include "model/decision.h"
#include "policy/policy.h"

/* How sure it is that the person said it. A yes never overrides a no that was said more surely. */
enum sureness {
    SURE_DEVICE, /* on what anybody may hold: a cookie, a device */
    SURE_NAMED, /* on an account or address that a public source named: its write key lies open to everybody */
    SURE_PROVEN, /* on an account or address by who keeps the key secret; by API; by the link that was sent to the person */
    SURENESS_COUNT
};
enum sureness gate_sureness(const struct policy *policy, const struct person *person, const struct consent *record);

/* What a person's records amount to for each purpose slot at (at, known): the fold of the consent history. */
struct purpose_standing {
    reason_mask reasons; /* against use; 0: the basis holds */
    reason_mask collect_reasons, store_reasons; /* against collecting anew; against keeping what is there */
    enum basis basis;
    const struct consent *record; /* the record that decides, or NULL */
    const struct consent *objection; /* the objection or opt-out that stands, or NULL */
    int64_t valid_until_ms;
    int64_t stores_until_ms; /* when storing on may fall by time alone */
    int64_t keep_until_ms; /* retention that counts from something of the person; TIME_FOREVER: none */
    enum sureness locked; /* a refusal stands that was said as surely as this: a yes that is less sure does not count */
};
struct standing {
    const struct policy *policy;
    str jurisdiction;
    int64_t at_ms, known_ms, valid_until_ms; /* recompute past valid_until */
    int64_t stores_until_ms; /* the earliest of those of the purposes */
    bool restricted, erased;
    purpose_mask holds; /* purposes that may be used */
    purpose_mask collects, stores; /* that new data may be collected for; that data may be kept for */
    purpose_mask special; /* whose condition for special categories (Art. 9) holds */
    struct purpose_standing purposes[]; /* one a purpose of the policy */
};

/* Folds the person's records (NULL person: nobody is known; consent purposes are missing). Cached in person->standing by the
 * three-argument form; `gate_standing_at` never caches. `jurisdiction`: of the source or person; may be empty. */
const struct standing *gate_standing(struct arena *arena, const struct policy *policy, struct person *person, str jurisdiction,
                                     int64_t now_ms);
const struct standing *gate_standing_at(struct arena *arena, const struct policy *policy, const struct person *person,
                                        str jurisdiction, int64_t at_ms, int64_t known_ms);
/* Forgets the cache; call after records, profiles or merges changed. */
void gate_standing_reset(struct person *person);

/* The whole answer to a question. `person` may be NULL. */
void gate_decide(struct arena *arena, const struct policy *policy, const struct person *person, const struct question *question,
                 struct decision *ret_decision);

/* Whether the newest word of a TC string lets the vendor have what is processed for the purpose. A permission overrides no denial that was said more
 * surely. */
bool gate_vendor_permitted(const struct policy *policy, const struct person *person, str purpose, uint16_t vendor, int64_t at_ms, int64_t known_ms);

/* May a fact or event part that carries `collected` purposes be used for `purpose`? (purpose limitation, Art. 6(4)): its own, or
 * declared compatible and not collected on consent. */
bool gate_purpose_fits(const struct policy *policy, purpose_mask collected, uint16_t purpose);

#endif
