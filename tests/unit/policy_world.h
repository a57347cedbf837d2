/* What the policy's tests share: a policy made of a few lines, completed where they say nothing. */
#ifndef TELOS_TESTS_POLICY_WORLD_H
#define TELOS_TESTS_POLICY_WORLD_H

#include "unit.h"

#include "policy/policy.h"

extern struct arena policy_arena; /* until the test's end */
int policy_world_begin(void **state);
int policy_world_end(void **state);
/* The text, followed by a controller and by a purpose `p` (contract, categories email) unless it has those sections itself; with the
 * notices "a.md" and "b.md". Its own lines keep their numbers. */
const struct err *policy_try(const char *text, struct policy **ret_policy, policy_problems *ret_problems);
struct policy *policy_of(const char *text); /* must load */
str policy_refusal(const char *text); /* must not: "LINE:COLUMN: text" a line each */
void policy_notice_set(const char *path, const char *content); /* for the loads that follow, until the test's end */

#endif
