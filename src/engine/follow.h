/* How far all people were looked at since the policy changed: a walk in a circle over the profiles' numbers. Pure.
 *
 * 1. Each profile is met once after the last change. A change on the way does not send the walk back to the beginning: it goes on from where it
 *    is, over the end, and round to there again. So however often the policy changes, the last profile is met as often as the first.
 */
#ifndef TELOS_ENGINE_FOLLOW_H
#define TELOS_ENGINE_FOLLOW_H

#include "base/str.h"

#include <stdbool.h>

struct follow_place {
    uint64_t from; /* the next profile number to look at; 0: all were met */
    uint64_t stop; /* past the end it begins again at 1, up to here; 0: it does not */
};

/* The setting's text "version:from" or "version:from:stop"; empty: all were met. False when it is damaged. */
bool follow_parse(str text, struct follow_place *ret_place);
str follow_text(struct arena *arena, uint32_t version, struct follow_place place);
/* Another policy is in force from now on. */
struct follow_place follow_anew(struct follow_place place);
/* After `count` profiles from `place.from` on were read, the last of them with this number; 0 of them: past the end. */
struct follow_place follow_next(struct follow_place place, size_t count, uint64_t last);
/* Is this number still to be looked at in this round? */
bool follow_meets(struct follow_place place, uint64_t number);

#endif
