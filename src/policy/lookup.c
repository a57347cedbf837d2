/* Questions about a loaded policy: by name, by jurisdiction, by country; and the words of its enums. */
#include "policy/country.h"
#include "policy/policy.h"

const struct purpose *policy_purpose(const struct policy *policy, str name) { return map_get(&policy->purpose_by_name, name); }
const struct category *policy_category(const struct policy *policy, str name) { return map_get(&policy->category_by_name, name); }
const struct notice *policy_notice(const struct policy *policy, str name) { return map_get(&policy->notice_by_name, name); }
const struct source *policy_source(const struct policy *policy, str name) { return map_get(&policy->source_by_name, name); }
const struct destination *policy_destination(const struct policy *policy, str name) { return map_get(&policy->destination_by_name, name); }
const struct identity_key *policy_key(const struct policy *policy, str name) { return map_get(&policy->key_by_name, name); }

/* A rule for `address` also rules `address.city`, unless that has its own. */
enum fold_rule policy_trait_rule(const struct policy *policy, str trait)
{
    if (!policy->traits.count)
        return FOLD_LATEST;
    for (size_t length = trait.length; length > 0; length--) {
        if (length < trait.length && trait.data[length] != '.' && trait.data[length] != '[')
            continue;
        const struct trait_rule *rule = map_get(&policy->trait_by_name, str_slice(trait, 0, length));
        if (rule)
            return rule->rule;
    }
    return FOLD_LATEST;
}

/* How exactly a rule for `place` meets the jurisdiction: itself, the country that it is a part of, a region that holds the country. 0: not. */
static unsigned place_exact(str place, str jurisdiction)
{
    if (str_equal(place, jurisdiction))
        return 4;
    if (!country_in_region(jurisdiction, place))
        return 0;
    return str_equal(place, str_slice(jurisdiction, 0, 2)) ? 3 : str_equal(place, STR("EU")) ? 2 : 1;
}

enum basis purpose_basis(const struct purpose *purpose, str jurisdiction)
{
    enum basis found = purpose->basis;
    unsigned best = 0;
    if (str_empty(jurisdiction))
        return found;
    vec_each (other, &purpose->bases) {
        unsigned exact = place_exact(other->jurisdiction, jurisdiction);
        if (exact > best) {
            best = exact;
            found = other->basis;
        }
    }
    return found;
}

unsigned policy_age_threshold(const struct policy *policy, const struct purpose *purpose, str jurisdiction)
{
    unsigned best = 0, found = policy->age_of_consent;
    if (purpose->age_threshold)
        return purpose->age_threshold;
    if (str_empty(jurisdiction))
        jurisdiction = policy->country;
    vec_each (rule, &policy->ages) {
        unsigned exact = place_exact(rule->jurisdiction, jurisdiction);
        if (exact > best) {
            best = exact;
            found = rule->age;
        }
    }
    return best || policy->age_everywhere ? found : country_age_of_consent(jurisdiction);
}

/* No third country: the controller's own, its regions, and from within the EEA the EEA. */
bool policy_at_home(const struct policy *policy, str country)
{
    if (country_in_region(country, policy->country))
        return true;
    vec_each (region, &policy->regions)
        if (country_in_region(country, *region))
            return true;
    return country_in_region(policy->country, STR("EEA")) && country_in_region(country, STR("EEA"));
}

/* Until when the country is adequate; TIME_NONE: it is not. */
static int64_t adequate_until(const struct policy *policy, str country)
{
    int64_t until_ms = TIME_NONE;
    for (size_t i = 0; i < policy->adequate.count; i++)
        if (country_in_region(country, policy->adequate.items[i]) && policy->adequate_until_ms.items[i] > until_ms)
            until_ms = policy->adequate_until_ms.items[i];
    return until_ms;
}

bool policy_transfer_ok(const struct policy *policy, str country, str safeguard)
{
    if (!str_empty(safeguard))
        return true;
    if (str_empty(country))
        return false; /* nobody knows where it goes */
    return policy_at_home(policy, country) || adequate_until(policy, country) != TIME_NONE;
}

bool policy_transfer_at(const struct policy *policy, const struct destination *destination, int64_t at_ms, int64_t *ret_until_ms)
{
    int64_t until_ms = str_empty(destination->safeguard) ? TIME_NONE : destination->safeguard_until_ms;
    if (!str_empty(destination->country)) {
        int64_t adequate_ms = policy_at_home(policy, destination->country) ? TIME_FOREVER : adequate_until(policy, destination->country);
        until_ms = adequate_ms > until_ms ? adequate_ms : until_ms;
    }
    *ret_until_ms = until_ms > at_ms ? until_ms : TIME_FOREVER;
    return until_ms > at_ms;
}

str flow_option(const flow_options *options, str name, str otherwise)
{
    vec_each (option, options)
        if (str_equal(option->name, name))
            return option->value;
    return otherwise;
}

str destination_option(const struct destination *destination, str name, str otherwise)
{
    return flow_option(&destination->options, name, otherwise);
}

/* ---- words ---- */

#define X(code, name) name,
static const char *const anchor_names[] = {ANCHORS(X)};
static const char *const when_denied_names[] = {WHEN_DENIED(X)};
static const char *const normalise_names[] = {NORMALISERS(X)};
static const char *const fold_rule_names[] = {FOLD_RULES(X)};
#undef X

const char *anchor_name(enum anchor anchor) { return anchor_names[anchor]; }
const char *when_denied_name(enum when_denied when_denied) { return when_denied_names[when_denied]; }
const char *normalise_name(enum normalise normalise) { return normalise_names[normalise]; }
const char *fold_rule_name(enum fold_rule rule) { return fold_rule_names[rule]; }

str period_format(struct arena *arena, const struct period *period)
{
    if (period->anchor == ANCHOR_NONE)
        return STR_NONE;
    return str_printf(arena, "%.*s after %s", STR_FMT(duration_format(arena, period->duration)), anchor_name(period->anchor));
}
