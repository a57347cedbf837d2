/* What a policy would do to stored data (effect.c); for plan.c. */
#ifndef TELOS_ENGINE_EFFECT_PRIVATE_H
#define TELOS_ENGINE_EFFECT_PRIVATE_H

#include "engine/engine_private.h"

/* "newsletter → mailer" for each way of data that goes under `old` and no more under `new_policy`. */
void effect_flows(struct arena *arena, const struct policy *old, const struct policy *new_policy, int64_t now_ms, struct policy_effect *effect);
/* Walks all people and does in memory, on each, what the sweeper would do. Nothing is saved. */
const struct err *effect_count(struct reader *reader, struct arena *arena, const struct policy *old, const struct policy *new_policy,
                               void (*progress)(void *, uint64_t done, uint64_t all), void *context, struct policy_effect *effect) MUST_CHECK;

#endif
