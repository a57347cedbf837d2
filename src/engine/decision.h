/* Decisions about a person's messages, as evidence: which there are, what each said, and the proof that it was decided so. Of events that are stored and of
 * events that were and are gone; of a message of which nothing was kept, nothing is kept about its decision either (P1).
 */
#ifndef TELOS_ENGINE_DECISION_H
#define TELOS_ENGINE_DECISION_H

#include "engine/engine.h"

/* Where a list goes on: first the stored events, newest first; then those that are gone, profile by profile, the latest to go first. */
struct decision_place {
    uint64_t event; /* number; below it. 0: from the newest */
    profile_no profile; /* not PROFILE_NONE: among what is gone, in this row… */
    uint64_t batch;
    uint32_t part, entry; /* …from this entry on */
};
struct decision_known {
    profile_no profile;
    struct uuid event;
    uint64_t batch; /* in which it was decided */
    uint32_t index; /* its leaf there */
    uint32_t policy_version;
    str source, purposes; /* as it was decided; names, sorted */
    bool gone; /* the event is not stored any more */
    struct decision_place place; /* after this one */
};
struct decisions {
    struct decision_known *items;
    size_t count, capacity;
};
const struct err *engine_decisions(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person,
                                   const struct decision_place *after, size_t max, struct decisions *ret_found) MUST_CHECK;
const struct err *engine_decision_find(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person, struct uuid event,
                                       struct decision_known *ret_known, bool *ret_found) MUST_CHECK;
/* The purposes of the policy that the last decision was made under, so that a list does not read it again for each; all zero at first. */
struct decision_memo {
    uint32_t policy_version;
    const str *names;
    size_t count;
    const struct decision_source { /* which of them each source may name: bit i is names[i] */
        str name;
        purpose_mask purposes;
    } *sources;
    size_t source_count;
};
/* The canonical text that the leaf commits to. ERR_CONFLICT where what is stored does not hash to the leaf. */
const struct err *engine_decision_text(struct reader *reader, struct arena *arena, const struct decision_known *known, struct decision_memo *memo,
                                       str *ret_text) MUST_CHECK;
/* The same, and a record file of evidence/verify.h. */
const struct err *engine_decision_evidence(struct reader *reader, struct arena *arena, const struct decision_known *known, str *ret_text,
                                           str *ret_evidence) MUST_CHECK;

#endif
