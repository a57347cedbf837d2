/* Who may be processed for a purpose, now: a table in memory, one entry a profile, of which purposes hold for the person and until when that stays so.
 *
 * The first question looks at everybody, as far as its page needs; later ones only at those whom commits touched since. Nothing of it is stored, and no
 * meaning lies in a query: the gate says who holds, and is asked again before anything of a person is shown.
 *
 * 1. A profile is listed where its purpose holds, or where time alone may have changed that since it was looked at (standing->valid_until_ms).
 * 2. It depends on the active policy; another one begins the table anew.
 * 3. 48 bytes a profile, from the first question on.
 */
#ifndef TELOS_ENGINE_PEOPLE_H
#define TELOS_ENGINE_PEOPLE_H

#include "engine/engine.h"

struct people;
struct people_found {
    profile_no number;
    identifier_hash hash; /* of one of the person's identifiers, as it was when last looked at: a kept view may lie under it (engine_view_of) */
};
/* Candidates in the order of their numbers, above `after`, at most `max`; ask the gate about each. `*ret_next`: the number to go on after; 0: these were the
 * last. The page may be short, even empty, and not the last: then the table is still being made. */
const struct err *engine_people(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy *policy, const struct purpose *purpose,
                                uint64_t after, size_t max, struct people_found **ret_found, size_t *ret_count, uint64_t *ret_next) MUST_CHECK;
/* The persons of some of them, opened; NULL where nobody is left. ERR_UNAVAILABLE where reads cannot be recorded. */
const struct err *engine_people_load(struct reader *reader, struct arena *arena, const struct policy *policy, const profile_no *numbers, size_t count,
                                     unsigned parts, struct person ***ret_persons) MUST_CHECK;
void people_free(struct people *people);

/* How everybody stands with each purpose, by slot; counted, no person in it. Not complete: ask again, it goes on from here. */
struct people_standing {
    bool complete;
    uint64_t people, holds[LIMIT_PURPOSES], refused[LIMIT_PURPOSES], withdrawn[LIMIT_PURPOSES];
};
const struct err *engine_people_standing(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy *policy,
                                         struct people_standing *ret_standing) MUST_CHECK;

#endif
