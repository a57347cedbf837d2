/* The sections of single facts: controller, settings, transfers, signals, traits. */
#include "policy/country.h"
#include "policy/load_private.h"

enum { AGE_MIN = 10, AGE_MAX = 21 };

/* ---- controller ---- */

static void push_region(struct loader *loader, const struct node *item, void *context)
{
    str region = STR_NONE;
    read_jurisdiction(loader, item, &region);
    if (!str_empty(region))
        *(str *)vec_push(loader->arena, (str_vec *)context) = region;
}

static void read_regions(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "the list of regions", push_region, field);
}

void load_controller(struct loader *loader, const struct node *section)
{
    static const struct member members[] = {
        {"name", read_text, offsetof(struct policy, controller)}, {"country", read_country, offsetof(struct policy, country)},
        {"dpo", read_text, offsetof(struct policy, dpo)},         {"contact", read_text, offsetof(struct policy, contact)},
        {"address", read_text, offsetof(struct policy, address)}, {"regions", read_regions, offsetof(struct policy, regions)},
    };
    struct policy *policy = loader->policy;
    where_set(loader, "section", STR("controller"));
    members_read(loader, section, members, sizeof(members) / sizeof(members[0]), policy);
    if (section->count && str_empty(policy->controller) && !node_get(section, STR("name")))
        problem_at(loader, section, STR_NONE, "`name` is missing: who the controller is, as people know it");
    if (section->count && str_empty(policy->country) && !node_get(section, STR("country")))
        problem_at(loader, section, STR_NONE, "`country` is missing: where the controller is established, as HU");
    where_set(loader, NULL, STR_NONE);
    const struct country *country = country_find(policy->country);
    if (!policy->regions.count && country && country->eea)
        *(str *)vec_push(loader->arena, &policy->regions) = STR("EEA");
    policy->age_of_consent = country_age_of_consent(policy->country);
    policy->quiet_zone = country_zone(policy->country);
}

/* ---- settings ---- */

static void read_age(struct loader *loader, const struct node *value, void *field)
{
    int64_t age;
    if (!expect_text(loader, value, "the age"))
        return;
    if (str_to_int64(value->text, &age) && age >= AGE_MIN && age <= AGE_MAX)
        *(uint8_t *)field = (uint8_t)age;
    else
        problem_at(loader, value, STR_NONE, "`%.*s` must be an age from %d to %d", STR_FMT(shown(value->text)), AGE_MIN, AGE_MAX);
}

/* `age_of_consent: 16`, or by place: `{ default: 16, AT: 14 }` */
static void read_ages(struct loader *loader, const struct node *value, void *field)
{
    struct policy *policy = field;
    if (value->kind != NODE_MAP) {
        read_age(loader, value, &policy->age_of_consent);
        policy->age_everywhere = true;
        return;
    }
    if (value->count > LIMIT_POLICY_LIST) {
        problem_at(loader, value, STR_NONE, "`age_of_consent` has %u entries, the limit is %d", value->count, (int)LIMIT_POLICY_LIST);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct entry *entry = &value->entries[i];
        struct age_rule rule = {0};
        read_age(loader, &entry->value, &rule.age);
        if (str_equal(entry->key.text, STR("default"))) {
            policy->age_everywhere = true;
            policy->age_of_consent = rule.age ? rule.age : policy->age_of_consent;
            continue;
        }
        read_jurisdiction(loader, &entry->key, &rule.jurisdiction);
        if (rule.age && !str_empty(rule.jurisdiction))
            *(struct age_rule *)vec_push(loader->arena, &policy->ages) = rule;
    }
}

static void read_unknown_age(struct loader *loader, const struct node *value, void *field)
{
    static const char *const words[] = {"unchecked", "guardian"};
    int word = read_word(loader, value, "rule for people of unknown age", words, 2);
    if (word >= 0)
        *(bool *)field = word == 1;
}

static void read_guardian_consent(struct loader *loader, const struct node *value, void *field)
{
    static const char *const words[] = {"until_of_age", "stands"};
    int word = read_word(loader, value, "rule for a guardian's consent", words, 2);
    if (word >= 0)
        *(bool *)field = word == 1;
}

static void push_role(struct loader *loader, const struct node *item, void *context)
{
    static const char *const roles[] = {"admin", "privacy", "marketer", "agent", "auditor"};
    int role = read_word(loader, item, "role", roles, sizeof(roles) / sizeof(roles[0]));
    if (role >= 0)
        *(str *)vec_push(loader->arena, (str_vec *)context) = str_of(roles[role]);
}

static void read_roles(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "the list of roles", push_role, field);
}

/* Whether the machine knows the zone is asked when it is used: a policy must load on every machine alike. */
static void read_zone(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "the time zone"))
        return;
    bool fine = value->text.length <= LIMIT_NAME_BYTES && str_find(value->text, STR("..")) < 0 && name_valid(str_slice(value->text, 0, 1));
    for (size_t i = 0; i < value->text.length && fine; i++) {
        char c = value->text.data[i];
        fine = name_valid(str_bytes(&c, 1)) || c == '_' || c == '-' || c == '+' || c == '/';
    }
    if (fine)
        *(str *)field = keep(loader, value);
    else
        problem_at(loader, value, STR_NONE, "`%.*s` is not a time zone; write an IANA name, as Europe/Budapest", STR_FMT(shown(value->text)));
}

static void read_lifetime(struct loader *loader, const struct node *value, void *field)
{
    struct duration duration = {0, 0};
    if (!expect_text(loader, value, loader->key) || !parse_duration(loader, value, value->text, &duration))
        return;
    if (duration_is_zero(duration))
        problem_at(loader, value, STR_NONE, "a consent must live for some time; write P13M or the like");
    else
        *(struct duration *)field = duration;
}

/* A day at least: so long the one who looks after it may look. */
static void read_kept(struct loader *loader, const struct node *value, void *field)
{
    struct duration duration = {0, 0};
    if (!expect_text(loader, value, loader->key) || !parse_duration(loader, value, value->text, &duration))
        return;
    if (!duration.months && duration.ms < DAY_MS)
        problem_at(loader, value, STR_NONE, "deliveries are kept for a day at least; write P30D or the like");
    else
        *(struct duration *)field = duration;
}

void load_settings(struct loader *loader, const struct node *section)
{
    static const struct member members[] = {
        {"gpc_objects_in_eu", read_flag, offsetof(struct policy, gpc_objects_in_eu)},
        {"legal_obligation_under_restriction", read_flag, offsetof(struct policy, legal_obligation_under_restriction)},
        {"objection_overriders", read_roles, offsetof(struct policy, objection_overriders)},
        {"consent_lifetime", read_lifetime, offsetof(struct policy, consent_lifetime_default)},
        {"deliveries_kept", read_kept, offsetof(struct policy, deliveries_kept)},
        {"dead_letters_kept", read_kept, offsetof(struct policy, dead_letters_kept)},
        {"age_of_consent", read_ages, 0},
        {"unknown_age", read_unknown_age, offsetof(struct policy, unknown_age_needs_guardian)},
        {"guardian_consent", read_guardian_consent, offsetof(struct policy, guardian_consent_stands)},
        {"quiet_zone", read_zone, offsetof(struct policy, quiet_zone)},
        {"tcf_own_purposes", read_own_purposes, offsetof(struct policy, tcf_core)},
    };
    struct policy *policy = loader->policy;
    policy->gpc_objects_in_eu = true; /* strict where the law is unsettled */
    policy->consent_lifetime_default.months = 13;
    policy->deliveries_kept.ms = 30 * DAY_MS;
    policy->dead_letters_kept.ms = 90 * DAY_MS;
    where_set(loader, "section", STR("settings"));
    members_read(loader, section, members, sizeof(members) / sizeof(members[0]), policy);
    where_set(loader, NULL, STR_NONE);
}

/* ---- transfers ---- */

static void adequate_push(struct loader *loader, str country, int64_t until_ms)
{
    *(str *)vec_push(loader->arena, &loader->policy->adequate) = country;
    *(int64_t *)vec_push(loader->arena, &loader->policy->adequate_until_ms) = until_ms;
}

/* `GB`, or `GB until 2031-12-27` */
static void push_country(struct loader *loader, const struct node *item, void *context)
{
    str country = STR_NONE;
    int64_t until_ms = TIME_FOREVER;
    struct node name = *item, end = *item;
    ptrdiff_t at = str_find(item->text, STR(" until "));
    (void)context; /* the policy's own lists */
    if (at >= 0) {
        name.text = str_trim(str_slice(item->text, 0, (size_t)at));
        end.text = str_trim(str_slice(item->text, (size_t)at + sizeof(" until ") - 1, item->text.length));
        if (!parse_time(loader, &end, &until_ms))
            return;
    }
    read_country(loader, &name, &country);
    if (!str_empty(country))
        adequate_push(loader, country, until_ms);
}

static void read_countries(struct loader *loader, const struct node *value, void *field)
{
    if (value->kind != NODE_LIST || value->count) /* `[]`: none is adequate */
        each_text(loader, value, "the list of countries", push_country, field);
}

void load_transfers(struct loader *loader, const struct node *section)
{
    static const struct member members[] = {{"adequate", read_countries, 0}};
    struct policy *policy = loader->policy;
    where_set(loader, "section", STR("transfers"));
    members_read(loader, section, members, sizeof(members) / sizeof(members[0]), policy);
    where_set(loader, NULL, STR_NONE);
    if (node_get(section, STR("adequate")))
        return;
    for (size_t i = 0; i < countries_count; i++) {
        int64_t until_ms = TIME_FOREVER;
        bool read = !countries[i].adequate_until || time_parse(str_of(countries[i].adequate_until), &until_ms);
        ASSERT(read);
        if (countries[i].adequate)
            adequate_push(loader, str_of(countries[i].code), until_ms);
    }
}

/* ---- signals: consent category of an SDK → purposes ---- */

void load_signals(struct loader *loader, const struct node *section)
{
    struct policy *policy = loader->policy;
    if (section->count > LIMIT_FIELDS) {
        problem_at(loader, section, STR_NONE, "`signals` has %u entries, the limit is %d", section->count, (int)LIMIT_FIELDS);
        return;
    }
    for (uint32_t i = 0; i < section->count; i++) {
        const struct entry *entry = &section->entries[i];
        purpose_mask *mask = arena_new(loader->arena, purpose_mask);
        if (!expect_text(loader, &entry->key, "a consent category"))
            continue;
        where_set(loader, "signal", entry->key.text);
        read_purposes(loader, &entry->value, mask);
        where_set(loader, NULL, STR_NONE);
        if (map_get(&policy->signal_by_category, entry->key.text))
            continue; /* here twice: reported */
        str category = keep(loader, &entry->key);
        map_set(&policy->signal_by_category, category, mask);
        vec_each (purpose, &policy->purposes)
            if (*mask & purpose->self)
                *(str *)vec_push(loader->arena, &purpose->signals) = category;
    }
}

/* ---- traits: how many observed values become the profile's one ---- */

void load_traits(struct loader *loader, const struct node *section)
{
#define X(code, name) name,
    static const char *const words[] = {FOLD_RULES(X)};
#undef X
    struct policy *policy = loader->policy;
    if (section->count > LIMIT_FIELDS) {
        problem_at(loader, section, STR_NONE, "`traits` has %u entries, the limit is %d", section->count, (int)LIMIT_FIELDS);
        return;
    }
    for (uint32_t i = 0; i < section->count; i++) {
        const struct entry *entry = &section->entries[i];
        str name = str_starts(entry->key.text, STR("traits.")) ? str_slice(entry->key.text, 7, entry->key.text.length) : entry->key.text;
        where_set(loader, "trait", name);
        if (str_empty(name) || name.length > LIMIT_FIELD_NAME_BYTES)
            problem_at(loader, &entry->key, STR_NONE, "this is not a trait's name; write as in `traits`, with dots: address.city");
        int word = entry->value.kind == NODE_SCALAR && str_equal(entry->value.text, STR("most_trusted"))
                       ? (int)FOLD_MOST_TRUSTED
                       : read_word(loader, &entry->value, "fold rule", words, FOLD_RULE_COUNT);
        where_set(loader, NULL, STR_NONE);
        if (word >= 0)
            *(struct trait_rule *)vec_push(loader->arena, &policy->traits) =
                (struct trait_rule){str_copy(loader->arena, name), (enum fold_rule)word};
    }
    vec_each (rule, &policy->traits)
        if (!map_get(&policy->trait_by_name, rule->name))
            map_set(&policy->trait_by_name, rule->name, rule);
}
