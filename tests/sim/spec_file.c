/* The spec as the file that Telos loads; and what the file says of fields, for the oracle. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#define BIT(n) (1u << (n))

/* --- fields: one list for both */
static const struct {
    const char *path;
    int category; /* CAT_UNKNOWN: spec->vary */
} field_rules[] = {
    {"traits.email", CAT_EMAIL},
    {"traits.phone", CAT_PHONE},
    {"traits.birthdate", CAT_BIRTH},
    {"traits.age", CAT_BIRTH},
    {"traits.allergy", CAT_HEALTH},
    {"traits.colour", CAT_BEHAVIOUR},
    {"traits.sizes", CAT_BEHAVIOUR},
    {"traits.first", CAT_BEHAVIOUR},
    {"traits.best", CAT_BEHAVIOUR},
    {"traits.points", CAT_PURCHASE},
    {"traits.least", CAT_PURCHASE},
    {"traits.address.city", CAT_BEHAVIOUR},
    {"traits.vary", CAT_UNKNOWN},
    {"properties.products[*]", CAT_PURCHASE},
    {"properties.products[*].symptom", CAT_HEALTH},
    {"properties.total", CAT_PURCHASE},
    {"properties.page", CAT_BEHAVIOUR},
    {"properties.vary", CAT_UNKNOWN},
    {"properties.test", CAT_RIDES},
    {"properties.deep.*", CAT_DEVICE},
    {"properties.deep.inner", CAT_BEHAVIOUR},
    {"context.device.*", CAT_DEVICE},
};

/* Does the rule cover this path, or what lies above it? */
static bool rule_covers(const char *rule, str path)
{
    size_t i = 0;
    for (; *rule; rule++) {
        if (*rule == '*' && rule[1] != ']') { /* one part */
            if (i == path.length)
                return false;
            while (i < path.length && path.data[i] != '.' && path.data[i] != '[')
                i++;
        } else if (*rule == '*')
            continue; /* "[*]" is written "[]" in paths */
        else if (i == path.length || path.data[i++] != *rule)
            return false;
    }
    return i == path.length || path.data[i] == '.' || path.data[i] == '[';
}

int spec_category(const struct spec *spec, str path)
{
    static const char *const riding[] = {"event", "name", "context.library", "context.sessionId"};
    int category = CAT_UNKNOWN;
    size_t longest = 0;
    bool literal = false;
    if (str_starts(path, STR("context.traits.")))
        path = str_slice(path, 8, path.length);
    for (size_t i = 0; i < COUNT_OF(riding); i++)
        if (rule_covers(riding[i], path))
            return CAT_RIDES;
    for (size_t i = 0; i < COUNT_OF(field_rules); i++) {
        size_t parts = 1;
        bool exact = !strstr(field_rules[i].path, ".*");
        for (const char *c = field_rules[i].path; *c; c++)
            parts += *c == '.' || *c == '[';
        if (!rule_covers(field_rules[i].path, path) || parts < longest || (parts == longest && literal))
            continue;
        longest = parts;
        literal = exact;
        category = field_rules[i].category == CAT_UNKNOWN ? spec->vary : field_rules[i].category;
    }
    return category;
}

int spec_trait_category(const struct spec *spec, str name)
{
    char path[7 + LIMIT_FIELD_NAME_BYTES] = "traits.";
    name = str_slice(name, 0, LIMIT_FIELD_NAME_BYTES);
    memcpy(path + 7, name.data, name.length);
    return spec_category(spec, str_bytes(path, 7 + name.length));
}

static const struct {
    const char *trait;
    enum fold_rule rule;
} trait_rules[] = {{"points", FOLD_MAX}, {"least", FOLD_MIN}, {"sizes", FOLD_UNION}, {"first", FOLD_FIRST}, {"best", FOLD_MOST_TRUSTED}};

enum fold_rule spec_rule(str trait)
{
    for (size_t i = 0; i < COUNT_OF(trait_rules); i++)
        if (str_equal(trait, str_of(trait_rules[i].trait)))
            return trait_rules[i].rule;
    return FOLD_LATEST;
}

/* --- writing */

static void names_write(struct buf *out, unsigned set, const char *const *names, unsigned count)
{
    const char *comma = "";
    buf_add_char(out, '[');
    for (unsigned i = 0; i < count; i++)
        if (set >> i & 1) {
            buf_printf(out, "%s%s", comma, names[i]);
            comma = ", ";
        }
    buf_add_char(out, ']');
}

static void time_write(struct buf *out, const char *key, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE];
    if (time_ms != TIME_NONE && time_ms != TIME_FOREVER)
        buf_printf(out, ", %s: \"%.*s\"", key, STR_FMT(time_text(time_ms, text)));
}

static int day_count(int64_t ms) { return (int)(ms / DAY_MS); }

static void cites_write(struct buf *out, const struct spec_purpose *purpose)
{
    bool interest = purpose->basis == BASIS_LEGITIMATE_INTEREST || purpose->basis_us == BASIS_LEGITIMATE_INTEREST;
    if (purpose->basis == BASIS_CONSENT)
        buf_printf(out, ", expires: P%dD after given", day_count(purpose->expires_ms));
    if (purpose->basis == BASIS_CONTRACT)
        buf_printf(out, ", contract: terms of sale@%u, opened_by: [Order Completed], ended_by: [Account Closed]", purpose->terms);
    if (purpose->terms_min)
        buf_printf(out, ", terms_min_version: %u", purpose->terms_min);
    if (purpose->basis == BASIS_LEGAL_OBLIGATION || purpose->basis == BASIS_PUBLIC_TASK)
        buf_printf(out, ", law: Act C of 2000");
    if (purpose->basis == BASIS_VITAL_INTEREST)
        buf_printf(out, ", why_no_other_basis: nobody can be asked, lapses: PT%dH", (int)(purpose->lapse_ms / HOUR_MS));
    if (interest) {
        buf_printf(out, ", interest: a good one, balancing_test: lia.pdf@2026-02-11");
        time_write(out, "review", purpose->review_ms);
    }
    if (purpose->notice >= 0)
        buf_printf(out, ", notice: %s", spec_notice_names[purpose->notice]);
    if (purpose->notice_min)
        buf_printf(out, ", notice_min_version: %u", purpose->notice_min);
}

static void purpose_write(struct buf *out, const struct spec *spec, unsigned i, const struct spec_purpose *purpose)
{
    buf_printf(out, "  %s: { title: T", spec_purpose_names[i]);
    if (purpose->basis == purpose->basis_us)
        buf_printf(out, ", basis: %s", basis_name(purpose->basis));
    else
        buf_printf(out, ", basis: { default: %s, US-CA: %s }", basis_name(purpose->basis), basis_name(purpose->basis_us));
    cites_write(out, purpose);
    buf_printf(out, ", categories: ");
    names_write(out, purpose->categories, spec_category_names, CATEGORIES);
    if (purpose->anchor != ANCHOR_NONE)
        buf_printf(out, ", retention: P%dD after %s", day_count(purpose->retention_ms), anchor_name(purpose->anchor));
    if (purpose->special)
        buf_printf(out, ", special_condition: %c", purpose->special);
    if (purpose->age_threshold)
        buf_printf(out, ", age_threshold: %u", purpose->age_threshold);
    if (purpose->compatible) {
        buf_printf(out, ", compatible_assessment: c.pdf, compatible_with: ");
        names_write(out, purpose->compatible, spec_purpose_names, PURPOSES);
    }
    buf_printf(out, "%s%s%s%s%s%s%s", purpose->direct_marketing ? ", direct_marketing: true" : "", purpose->gpc ? ", gpc: true" : "",
               purpose->storage_only ? ", storage_only: true" : "", purpose->guardian ? ", minors: guardian" : "",
               purpose->explicit_consent ? ", explicit_consent: true" : "", purpose->automated ? ", automated_decision: true" : "",
               purpose->automated && purpose->reviewer ? ", human_reviewer: Eva" : "");
    if (spec->tcf && (i == P_NEWSLETTER || i == P_TIPS))
        buf_printf(out, ", tcf: %s", i == P_NEWSLETTER ? "[1, 3, 4]" : "[7]");
    if (spec->gpp && (GPP_PURPOSES >> i & 1))
        buf_printf(out, ", gpp: %s", i == P_DEALS ? "[sale, sharing]" : "sale");
    time_write(out, "starts", purpose->starts_ms);
    time_write(out, "ends", purpose->ends_ms);
    buf_printf(out, " }\n");
}

static void data_write(struct buf *out, const struct spec *spec)
{
    char text[TIME_TEXT_SIZE];
    buf_printf(out, "controller: { name: Sim, country: HU, regions: [EU] }\nsettings: { gpc_objects_in_eu: %s, legal_obligation_under_restriction: %s%s%s }\n",
               spec->gpc_in_eu ? "true" : "false", spec->law_under_restriction ? "true" : "false",
               spec->overriders ? ", objection_overriders: [privacy]" : "", spec->guardian_stands ? ", guardian_consent: stands" : "");
    buf_printf(out, "categories:\n");
    for (unsigned i = 0; i < CATEGORIES; i++)
        buf_printf(out, "  %s: { dpv: pd:Thing%s%s }\n", spec_category_names[i], i <= CAT_PHONE ? ", identifier: true" : "",
                   i == CAT_HEALTH ? ", special: true" : "");
    buf_printf(out, "fields:\n");
    for (size_t i = 0; i < COUNT_OF(field_rules); i++) {
        int category = field_rules[i].category == CAT_UNKNOWN ? spec->vary : field_rules[i].category;
        buf_printf(out, "  %s: %s\n", field_rules[i].path, category == CAT_RIDES ? "none" : spec_category_names[category]);
    }
    buf_printf(out, "traits:\n");
    for (size_t i = 0; i < COUNT_OF(trait_rules); i++)
        buf_printf(out, "  %s: %s\n", trait_rules[i].trait, fold_rule_name(trait_rules[i].rule));
    buf_printf(out, "notices:\n");
    for (unsigned i = 0; i < NOTICES; i++)
        buf_printf(out, "  %s: { version: %u, effective: \"%.*s\", renew_older_than: %u%s, languages: { en: %s.md } }\n", spec_notice_names[i],
                   spec->notices[i].version, STR_FMT(time_text(spec->notices[i].effective_ms, text)), spec->notices[i].renew_older_than,
                   spec->notices[i].grace_ms ? str_z(out->arena, str_printf(out->arena, ", grace: P%dD", day_count(spec->notices[i].grace_ms))) : "",
                   spec_notice_names[i]);
}

static void flow_write(struct buf *out, const struct spec *spec)
{
    buf_printf(out, "sources:\n");
    for (unsigned i = 0; i < SOURCES; i++) {
        const struct spec_source *source = &spec->sources[i];
        buf_printf(out, "  %s: { kind: %s, key_env: SIM_NONE_%u, trust: %u, when_denied: %s", spec_source_names[i], source->open ? "website" : "store", i,
                   source->trust, when_denied_name(source->when_denied));
        if (source->when_denied == WHEN_DENIED_HOLD)
            buf_printf(out, " P%dD", day_count(source->hold_ms));
        buf_printf(out, "%s%s%s, purposes: ", source->trusted ? ", trusted: true" : "", source->informs ? ", informs: [privacy]" : "",
                   *source->jurisdiction ? ", jurisdiction: US-CA" : "");
        names_write(out, source->purposes, spec_purpose_names, PURPOSES);
        buf_printf(out, " }\n");
    }
    buf_printf(out, "destinations:\n  null_one: { kind: webhook, purpose: orders, recipient: \"Null (processor, HU)\", url: \"http://127.0.0.1:1/\", events: [Never] }\n");
    for (unsigned i = 0; i < DESTINATIONS; i++) {
        const struct spec_destination *destination = &spec->destinations[i];
        if (!destination->present)
            continue;
        buf_printf(out, "  %s: { kind: webhook, purpose: %s, recipient: \"%s Kft. (processor, %s)\", url: \"http://127.0.0.1:1/\"%s", spec_destination_names[i],
                   spec_purpose_names[destination->purpose], spec_destination_names[i], i == DEST_FAR ? "CN" : "HU",
                   i == DEST_FAR && destination->transfer_ok ? ", safeguard: standard clauses" : "");
        if (destination->vendor)
            buf_printf(out, ", tcf_vendor: %d", VENDOR);
        buf_printf(out, "%s%s, send: [events%s], categories: ", *destination->channel ? ", channel: " : "", destination->channel,
                   destination->profiles ? ", profiles" : "");
        names_write(out, destination->categories, spec_category_names, CATEGORIES);
        buf_printf(out, destination->wanted ? ", events: [%s] }\n" : " }\n", destination->wanted);
    }
    buf_printf(out, "signals:\n");
    for (unsigned i = 0; i < SIGNALS; i++) {
        buf_printf(out, "  %s: ", spec_signal_names[i]);
        names_write(out, spec->signals[i], spec_purpose_names, PURPOSES);
        buf_add_char(out, '\n');
    }
    buf_printf(out, "identity:\n");
    if (spec->identity_purpose >= 0)
        buf_printf(out, "  purpose: %s\n", spec_purpose_names[spec->identity_purpose]);
    buf_printf(out, "  keys:\n    user_id: { limit_per_profile: %u }\n    email: { normalise: email, limit_per_profile: %u, category: email }\n",
               spec->key_limits[KEY_USER], spec->key_limits[KEY_EMAIL]);
    buf_printf(out, "    phone: { normalise: e164, default_region: HU, limit_per_profile: %u, category: phone }\n", spec->key_limits[KEY_PHONE]);
    buf_printf(out, "    device_id: { limit_per_profile: %u }\n    anonymous_id: { limit_per_profile: %u, blocked: [\"kiosk-*\"] }\n",
               spec->key_limits[KEY_DEVICE], spec->key_limits[KEY_ANONYMOUS]);
}

struct policy *spec_policy(struct arena *arena, const struct spec *spec, uint32_t version)
{
    struct buf out;
    struct map notices;
    struct policy *policy = NULL;
    policy_problems problems = {0};
    str content = STR("A notice.");
    map_init(&notices, arena);
    map_set(&notices, STR("newsletter.md"), &content);
    map_set(&notices, STR("privacy.md"), &content);
    buf_init(&out, arena, LIMIT_POLICY_BYTES);
    data_write(&out, spec);
    buf_printf(&out, "purposes:\n");
    for (unsigned i = 0; i < PURPOSES; i++) {
        unsigned turned = (i * 7 + spec->order) % PURPOSES; /* 7 and 15 have no common divisor */
        if (spec->purposes[turned].present)
            purpose_write(&out, spec, turned, &spec->purposes[turned]);
    }
    flow_write(&out, spec);
    struct policy_input input = {.text = buf_str(&out), .notices = &notices};
    if (policy_load(arena, &input, &policy, &problems)) {
        fprintf(stderr, "sim: the policy is refused:\n%.*s\n%.*s\n", STR_FMT(policy_problems_text(arena, "policy.yaml", &problems)),
                STR_FMT(buf_str(&out)));
        abort();
    }
    policy->version = version;
    policy->activated_ms = spec->activated_ms;
    return policy;
}
