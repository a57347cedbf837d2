/* Any bytes as a policy file: it is loaded whole, and then keeps what policy.h promises, or refused with problems that have a place and
 * are valid text. A loaded policy differs from itself in nothing, has the same hash when it is loaded again, and can be compared, warned of
 * and walked without a fault. */
#include "base/limits.h"
#include "policy/policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_environment(const char *name)
{
    (void)name;
    return NULL;
}

static void check_problems(const policy_problems *problems, bool any)
{
    ASSERT((problems->count > 0) == any && problems->count <= LIMIT_POLICY_PROBLEMS);
    vec_each (problem, problems) {
        ASSERT(problem->line >= 1 && problem->column >= 1);
        ASSERT(problem->text.length > 0 && str_valid_utf8(problem->text) && str_valid_utf8(problem->suggestion));
        ASSERT(str_find_char(problem->suggestion, '\n') < 0);
    }
}

static void check_purpose(const struct policy *policy, const struct purpose *purpose)
{
    unsigned slot = (unsigned)(purpose - policy->purposes.items);
    ASSERT(purpose->slot == slot && purpose->self == UINT64_C(1) << slot);
    ASSERT(policy_purpose(policy, purpose->name) == purpose);
    ASSERT(purpose->basis < BASIS_COUNT && purpose_basis(purpose, STR_NONE) == purpose->basis);
    ASSERT(purpose->basis != BASIS_CONSENT || (purpose->notice != SLOT_NONE && purpose->expires.anchor == ANCHOR_GIVEN));
    ASSERT(purpose->basis != BASIS_CONTRACT || !str_empty(purpose->contract));
    ASSERT(purpose->basis != BASIS_LEGAL_OBLIGATION || (!str_empty(purpose->law) && purpose->retention.anchor != ANCHOR_NONE));
    ASSERT(purpose->basis != BASIS_VITAL_INTEREST || !str_empty(purpose->why_no_other_basis));
    ASSERT(purpose->basis != BASIS_PUBLIC_TASK || !str_empty(purpose->law));
    ASSERT(purpose->basis != BASIS_LEGITIMATE_INTEREST || (!str_empty(purpose->interest) && purpose->assessment_at_ms != TIME_NONE));
    ASSERT(purpose->vital_lapse.ms > 0 && purpose->vital_lapse.ms <= 72 * HOUR_MS && !purpose->vital_lapse.months);
    ASSERT(purpose->notice == SLOT_NONE || purpose->notice < policy->notices.count);
    for (size_t category = 0; category < LIMIT_CATEGORIES; category++)
        if (category_in(&purpose->categories, (unsigned)category))
            ASSERT(category < policy->categories.count && policy->categories.items[category].covered_by & purpose->self);
}

static void check_policy(struct arena *arena, const struct policy *policy)
{
    bool not_personal;
    ASSERT(policy->purposes.count >= 1 && policy->purposes.count <= LIMIT_PURPOSES);
    ASSERT(policy->categories.count <= LIMIT_CATEGORIES && policy->field_rules.count <= LIMIT_FIELDS + 1);
    ASSERT(policy_key(policy, STR("user_id")) && policy_key(policy, STR("anonymous_id")));
    vec_each (purpose, &policy->purposes)
        check_purpose(policy, purpose);
    vec_each (source, &policy->sources)
        ASSERT(policy_source(policy, source->name) == source && str_empty(source->write_key));
    vec_each (destination, &policy->destinations) {
        ASSERT(policy_destination(policy, destination->name) == destination && destination->purpose < policy->purposes.count);
        (void)policy_transfer_ok(policy, destination->country, destination->safeguard);
    }
    vec_each (key, &policy->keys) {
        ASSERT(policy_key(policy, key->name) == key && key->from.count > 0 && key->limit_per_profile >= 1);
        ASSERT(key == policy->keys.items || key[-1].strength >= key->strength);
        ASSERT(key->slot == key - policy->keys.items && (key->category == SLOT_NONE || key->category < policy->categories.count));
    }
    vec_each (rule, &policy->field_rules) {
        uint16_t slot = policy_field_category(policy, rule->path, &not_personal);
        ASSERT(slot == SLOT_NONE || slot < policy->categories.count);
        if (str_find_char(rule->path, '*') < 0 && !str_starts(rule->path, STR("context.traits.")))
            ASSERT(slot == rule->category && not_personal == rule->not_personal); /* nothing is more exact than the path itself */
    }
    vec_each (trait, &policy->traits)
        ASSERT(policy_trait_rule(policy, trait->name) <= FOLD_MIN);
    policy_changes changes;
    policy_diff(arena, policy, policy, ~UINT64_C(0), &changes);
    ASSERT(changes.count == 0);
    policy_warnings(arena, policy, &changes);
    vec_each (change, &changes)
        ASSERT(str_valid_utf8(change->text));
}

static const char other_policy[] = "controller: { name: A, country: HU }\nnotices: { n: { version: 1, languages: { en: a.md } } }\n"
                                   "purposes: { p: { basis: consent, notice: n, categories: [email, phone] } }\n"
                                   "sources: { web: { purposes: p } }\ndestinations: { d: { kind: webhook, purpose: p } }\n"
                                   "fields: { traits.email: email }\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct map notices;
    policy_problems problems;
    struct policy *policy = NULL, *again = NULL, *other = NULL;
    str text = str_bytes(data, size), notice = STR("We send offers.");
    arena_init(&arena);
    map_init(&notices, &arena);
    map_set(&notices, STR("a.md"), &notice);
    map_set(&notices, STR("b.md"), &notice);
    struct policy_input input = {.text = text, .notices = &notices, .environment = no_environment};
    const struct err *err = policy_load(&arena, &input, &policy, &problems);
    check_problems(&problems, err != NULL);
    (void)policy_problems_text(&arena, "policy.yaml", &problems); /* must not fault */
    if (!err) {
        check_policy(&arena, policy);
        err = policy_load(&arena, &input, &again, &problems);
        ASSERT(!err && memcmp(policy->sha256, again->sha256, sizeof(policy->sha256)) == 0);
        input.text = STR(other_policy);
        err = policy_load(&arena, &input, &other, &problems);
        ASSERT(!err);
        policy_changes changes;
        policy_diff(&arena, policy, other, ~UINT64_C(0), &changes);
        policy_diff(&arena, other, policy, 1, &changes);
        vec_each (change, &changes)
            ASSERT(str_valid_utf8(change->text));
    }
    policy_free(policy);
    policy_free(again);
    policy_free(other);
    arena_release(&arena);
    return 0;
}
