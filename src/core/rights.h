/* What the rights of persons mean: which step follows which, until when it must be answered, what each right does to data of each basis, and
 * what an erasure took, left and whom it concerns. Pure.
 *
 * 1. A deadline is a calendar month (Art. 12(3)), reckoned as Regulation 1182/71 Art. 3 says: it ends with the last hour of the day of the
 *    same number; where the month lacks it, of its last day; where that is a Saturday or Sunday, of the Monday after. Public holidays differ by
 *    country and are not counted, so a deadline is never later than the law's.
 * 2. It runs from when the request came, not from when the identity was confirmed: asking for proof wins no time.
 */
#ifndef TELOS_CORE_RIGHTS_H
#define TELOS_CORE_RIGHTS_H

#include "base/err.h"
#include "model/person.h"
#include "model/rights.h"
#include "policy/policy.h"

#define RIGHTS_MONTHS 1
#define RIGHTS_MONTHS_EXTENDED 3 /* one, and two further ones */

/* The last millisecond of a period of months that began on the local day of `from_ms`. A zone that this machine does not know counts as UTC. */
int64_t rights_due(int64_t from_ms, str zone, unsigned months);
/* Whole days that are left, the last one counted; below 0: so many days over. */
int64_t rights_days_left(int64_t due_ms, int64_t now_ms);

/* May this step be done in this state, and where does it lead? */
bool rights_step_allowed(enum rights_state from, enum rights_step_kind kind, enum rights_state *ret_to);

/* What a right does to what rests on one purpose: code, spelling, in words. */
#define RIGHTS_EFFECTS(X)                                                                                              \
    X(EFFECT_NONE, "none", "the right does not reach this basis")                                                      \
    X(EFFECT_GIVE, "give", "the person gets a copy")                                                                   \
    X(EFFECT_REPLACE, "replace", "wrong values are replaced, and recipients told")                                     \
    X(EFFECT_ERASE, "erase", "it is erased, and recipients told")                                                      \
    X(EFFECT_KEEP, "keep", "it stays as long as the law says, and is used for nothing else")                           \
    X(EFFECT_STORE, "store", "it is only stored")                                                                      \
    X(EFFECT_STOP, "stop", "it ends at once, whatever is said for it")                                                 \
    X(EFFECT_EXAMINE, "examine", "it stops until the objection is decided")                                            \
    X(EFFECT_RESUME, "resume", "it may go on")                                                                         \
    X(EFFECT_REVIEW, "review", "a human being decides anew")
enum rights_effect {
#define X(code, name, words) code,
    RIGHTS_EFFECTS(X)
#undef X
        EFFECT_COUNT
};
const char *rights_effect_name(enum rights_effect effect);
const char *rights_effect_words(enum rights_effect effect);
/* `law_goes_on`: the policy's setting `legal_obligation_under_restriction`. */
enum rights_effect rights_effect(enum right right, enum basis basis, bool direct_marketing, bool automated_decision, bool law_goes_on);
/* The same for a purpose and a person's jurisdiction. */
enum rights_effect rights_effect_on(enum right right, const struct policy *policy, const struct purpose *purpose, str jurisdiction);
/* Purposes whose data the person may take along (Art. 20(1)): on consent or contract. That it was provided by the person is up to the source. */
purpose_mask rights_portable(const struct policy *policy, str jurisdiction);
/* Art. 20 reaches what the person provided, also by being observed, but not what somebody else knew of them: the source's kind tells. */
bool rights_provided(const struct policy *policy, str source);

/* Reads what core_apply marked on the person: what went, what stays (only after an erasure: `counts`), and whom the law says must be told. */
void rights_outcome(struct arena *arena, const struct policy *policy, const struct person *person, bool counts, struct rights_record *record);

/* As they are stored. Reading takes only what writing made; ERR_INTERNAL else. */
str rights_record_write(struct arena *arena, const struct rights_record *record);
/* Two members of it, as the reply and the certificate say them, too: "erased" (counts), and "kept" (what stays, under which law and until when, Art. 17(3)). */
void rights_counts_write(struct jsonw *w, const struct rights_record *record);
void rights_kept_write(struct jsonw *w, const struct rights_record *record);
const struct err *rights_record_read(struct arena *arena, str json, struct rights_record *ret_record) MUST_CHECK;
str rights_details_write(struct arena *arena, const struct rights_details *details);
const struct err *rights_details_read(struct arena *arena, str json, struct rights_details *ret_details) MUST_CHECK;

#endif
