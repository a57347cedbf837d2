/* What a purpose covers, as masks: the questions the core asks for each field of each message. */
#ifndef TELOS_POLICY_COVER_H
#define TELOS_POLICY_COVER_H

#include "policy/policy.h"

/* Purposes that cover the category; ~0 for SLOT_NONE is never given: an uncategorised field is covered by none. */
static inline purpose_mask cover_of(const struct policy *policy, uint16_t category)
{
    return category == SLOT_NONE ? 0 : policy->categories.items[category].covered_by;
}

#endif
