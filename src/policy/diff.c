/* Two policies compared, in words: the frame, and the sections of single facts. Purposes and notices are in diff_purpose.c, sources and
 * destinations in diff_flow.c. Everything is compared by name: slots mean nothing outside their own version. */
#include "policy/diff_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHANGE_TEXT_BYTES = 2048, VALUE_BYTES = 120, LIST_NAMES = 12 };

/* ---- words ---- */

void differ_where(struct differ *differ, const char *what, str name)
{
    differ->where = what ? str_printf(differ->arena, "%s `%.*s`", what, STR_FMT(name)) : STR_NONE;
}

void change_add(struct differ *differ, enum change_weight weight, const char *format, ...)
{
    char text[CHANGE_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    str whole = str_bytes(text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1);
    whole = str_repair_utf8(differ->arena, whole); /* it may have been cut inside a character */
    whole = str_empty(differ->where) ? str_copy(differ->arena, whole)
                                     : str_printf(differ->arena, "%.*s: %.*s", STR_FMT(differ->where), STR_FMT(whole));
    struct policy_change *change = vec_push(differ->arena, differ->changes);
    *change = (struct policy_change){weight, whole, differ->old_purpose, differ->new_purpose};
}

static str value_shown(str value) { return str_slice(value, 0, VALUE_BYTES); }

void text_compare(struct differ *differ, enum change_weight weight, const char *what, str before, str after)
{
    if (str_equal(before, after))
        return;
    if (str_empty(before))
        change_add(differ, weight, "%s is now `%.*s`", what, STR_FMT(value_shown(after)));
    else if (str_empty(after))
        change_add(differ, weight, "%s `%.*s` is taken out", what, STR_FMT(value_shown(before)));
    else
        change_add(differ, weight, "%s changes from `%.*s` to `%.*s`", what, STR_FMT(value_shown(before)), STR_FMT(value_shown(after)));
}

void local_compare(struct differ *differ, enum change_weight weight, const char *what, str before, const local_texts *befores, str after,
                   const local_texts *afters)
{
    text_compare(differ, weight, what, before, after);
    vec_each (now, afters) {
        str old = local_text(befores, now->language, STR_NONE);
        if (!str_equal(old, before) || !str_equal(now->text, after)) /* that one is told above */
            text_compare(differ, weight, arena_printf(differ->arena, "%s in `%.*s`", what, STR_FMT(now->language)), old, now->text);
    }
    vec_each (old, befores)
        if (str_empty(local_text(afters, old->language, STR_NONE)) && !str_equal(old->text, before))
            text_compare(differ, weight, arena_printf(differ->arena, "%s in `%.*s`", what, STR_FMT(old->language)), old->text, STR_NONE);
}

void flag_compare(struct differ *differ, enum change_weight on, enum change_weight off, const char *now_on, const char *now_off, bool before,
                  bool after)
{
    if (before != after)
        change_add(differ, after ? on : off, "%s", after ? now_on : now_off);
}

void number_compare(struct differ *differ, enum change_weight weight, const char *what, int64_t before, int64_t after)
{
    if (before != after)
        change_add(differ, weight, "%s changes from %lld to %lld", what, (long long)before, (long long)after);
}

str date_words(struct arena *arena, int64_t time_ms)
{
    str text = time_format(arena, time_ms);
    return time_ms % DAY_MS ? text : str_slice(text, 0, 10);
}

static bool dated(int64_t time_ms) { return time_ms != TIME_NONE && time_ms != TIME_FOREVER; }

void time_compare(struct differ *differ, enum change_weight weight, const char *what, int64_t before_ms, int64_t after_ms)
{
    if (before_ms == after_ms)
        return;
    str was = date_words(differ->arena, before_ms), is = date_words(differ->arena, after_ms);
    if (!dated(before_ms))
        change_add(differ, weight, "%s is now %.*s", what, STR_FMT(is));
    else if (!dated(after_ms))
        change_add(differ, weight, "%s, %.*s, is taken out", what, STR_FMT(was));
    else
        change_add(differ, weight, "%s moves from %.*s to %.*s", what, STR_FMT(was), STR_FMT(is));
}

int duration_compare(struct duration before, struct duration after)
{
    const int64_t day_ms = INT64_C(1767225600000); /* 2026-01-01 */
    int64_t a = time_add(day_ms, before), b = time_add(day_ms, after);
    return (b > a) - (b < a);
}

/* "2 years", "13 months", "14 days", "36 hours"; a mixed one as it is written. */
str duration_words(struct arena *arena, struct duration duration)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{DAY_MS, "day"}, {HOUR_MS, "hour"}, {MINUTE_MS, "minute"}, {SECOND_MS, "second"}};
    int64_t count = duration.months;
    const char *unit = "month";
    if (duration_is_zero(duration))
        return STR("no time");
    if (duration.months && duration.ms)
        return duration_format(arena, duration);
    if (duration.months && duration.months % 12 == 0) {
        count = duration.months / 12;
        unit = "year";
    }
    for (size_t i = 0; duration.ms && i < sizeof(units) / sizeof(units[0]); i++) {
        if (duration.ms % units[i].ms)
            continue;
        count = duration.ms / units[i].ms;
        unit = units[i].unit;
        break;
    }
    return str_printf(arena, "%lld %s%s", (long long)count, unit, count == 1 ? "" : "s");
}

str quoted_list(struct arena *arena, const str_list *names)
{
    struct buf text;
    buf_init(&text, arena, CHANGE_TEXT_BYTES);
    size_t shown = names->count <= LIST_NAMES ? names->count : LIST_NAMES;
    for (size_t i = 0; i < shown; i++)
        buf_printf(&text, "%s`%.*s`", i ? ", " : "", STR_FMT(value_shown(names->items[i])));
    if (shown < names->count)
        buf_printf(&text, " and %zu more", names->count - shown);
    return buf_str(&text);
}

static bool list_has(const str_list *list, str name)
{
    vec_each (item, list)
        if (str_equal(*item, name))
            return true;
    return false;
}

void list_compare(struct differ *differ, enum change_weight lost, enum change_weight gained, const char *no_longer, const char *newly,
                  const str_list *before, const str_list *after)
{
    str_list gone = {0}, come = {0};
    vec_each (item, before)
        if (!list_has(after, *item))
            *(str *)vec_push(differ->arena, &gone) = *item;
    vec_each (item, after)
        if (!list_has(before, *item))
            *(str *)vec_push(differ->arena, &come) = *item;
    if (gone.count)
        change_add(differ, lost, "%s %.*s", no_longer, STR_FMT(quoted_list(differ->arena, &gone)));
    if (come.count)
        change_add(differ, gained, "%s %.*s", newly, STR_FMT(quoted_list(differ->arena, &come)));
}

void purpose_names(struct arena *arena, const struct policy *policy, purpose_mask mask, str_list *ret_names)
{
    vec_each (purpose, &policy->purposes)
        if (mask & purpose->self)
            *(str *)vec_push(arena, ret_names) = purpose->name;
}

void category_names(struct arena *arena, const struct policy *policy, const struct category_set *set, str_list *ret_names)
{
    for (size_t slot = 0; slot < policy->categories.count; slot++)
        if (category_in(set, (unsigned)slot))
            *(str *)vec_push(arena, ret_names) = policy->categories.items[slot].name;
}

str slot_name(const struct policy *policy, uint16_t purpose)
{
    return purpose == SLOT_NONE ? STR_NONE : policy->purposes.items[purpose].name;
}

/* ---- controller, settings, transfers ---- */

#define LIST(member) ((const str_list *)&(member))

static void diff_controller(struct differ *differ)
{
    const struct policy *before = differ->before, *after = differ->after;
    differ_where(differ, "section", STR("controller"));
    text_compare(differ, CHANGE_SERIOUS, "its name", before->controller, after->controller);
    text_compare(differ, CHANGE_SERIOUS, "its country", before->country, after->country);
    text_compare(differ, CHANGE_NOTICE, "the data protection officer", before->dpo, after->dpo);
    text_compare(differ, CHANGE_NOTICE, "the contact", before->contact, after->contact);
    text_compare(differ, CHANGE_NOTICE, "the address", before->address, after->address);
    list_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "recipients there now need adequacy or a safeguard:",
                 "recipients there no longer need a safeguard:", LIST(before->regions), LIST(after->regions));
}

static void age_names(struct arena *arena, const struct policy *policy, str_list *ret_names)
{
    vec_each (rule, &policy->ages)
        *(str *)vec_push(arena, ret_names) = str_printf(arena, "%.*s: %u", STR_FMT(rule->jurisdiction), rule->age);
}

static void adequate_names(struct arena *arena, const struct policy *policy, str_list *ret_names)
{
    for (size_t i = 0; i < policy->adequate.count; i++) {
        int64_t until_ms = policy->adequate_until_ms.items[i];
        *(str *)vec_push(arena, ret_names) = until_ms == TIME_FOREVER ? policy->adequate.items[i]
                                                                      : str_printf(arena, "%.*s until %.*s", STR_FMT(policy->adequate.items[i]),
                                                                                   STR_FMT(date_words(arena, until_ms)));
    }
}

static void diff_ages(struct differ *differ)
{
    const struct policy *before = differ->before, *after = differ->after;
    str_list was = {0}, is = {0};
    number_compare(differ, CHANGE_SERIOUS, "the age from which a person consents alone", before->age_of_consent, after->age_of_consent);
    flag_compare(differ, CHANGE_SERIOUS, CHANGE_SERIOUS, "that age now holds wherever a person is", "that age now follows from where a person is (Art. 8)",
                 before->age_everywhere, after->age_everywhere);
    age_names(differ->arena, before, &was);
    age_names(differ->arena, after, &is);
    list_compare(differ, CHANGE_SERIOUS, CHANGE_SERIOUS, "the age from which a person consents alone is no longer", "the age from which a person consents alone is now",
                 &was, &is);
    flag_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "a guardian's consent now stands when the child comes of age",
                 "a guardian's consent now ends when the child comes of age, who is asked itself", before->guardian_consent_stands, after->guardian_consent_stands);
}

static void kept_compare(struct differ *differ, const char *what, struct duration before, struct duration after)
{
    if (duration_compare(before, after))
        change_add(differ, CHANGE_NOTICE, "%s kept for %.*s instead of %.*s", what, STR_FMT(duration_words(differ->arena, after)),
                   STR_FMT(duration_words(differ->arena, before)));
}

static void diff_settings(struct differ *differ)
{
    const struct policy *before = differ->before, *after = differ->after;
    differ_where(differ, "section", STR("settings"));
    flag_compare(differ, CHANGE_NOTICE, CHANGE_SERIOUS, "a Global Privacy Control signal now counts as an objection in the EU, too",
                 "a Global Privacy Control signal no longer counts as an objection in the EU", before->gpc_objects_in_eu, after->gpc_objects_in_eu);
    flag_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "processing by legal obligation now goes on while a person's data is restricted",
                 "processing by legal obligation now stops while a person's data is restricted", before->legal_obligation_under_restriction,
                 after->legal_obligation_under_restriction);
    list_compare(differ, CHANGE_NOTICE, CHANGE_SERIOUS, "an objection may no longer be overridden by", "an objection may now be overridden by",
                 LIST(before->objection_overriders), LIST(after->objection_overriders));
    if (duration_compare(before->consent_lifetime_default, after->consent_lifetime_default))
        change_add(differ, CHANGE_NOTICE, "a consent for which nothing else is said lives for %.*s instead of %.*s; those already given keep their end",
                   STR_FMT(duration_words(differ->arena, after->consent_lifetime_default)),
                   STR_FMT(duration_words(differ->arena, before->consent_lifetime_default)));
    kept_compare(differ, "deliveries that have ended are", before->deliveries_kept, after->deliveries_kept);
    kept_compare(differ, "dead letters are", before->dead_letters_kept, after->dead_letters_kept);
    diff_ages(differ);
    text_compare(differ, CHANGE_NOTICE, "the name for privacy tools", before->rights_domain, after->rights_domain);
    text_compare(differ, CHANGE_NOTICE, "who may exercise rights for persons", before->rights_text, after->rights_text);
    text_compare(differ, CHANGE_NOTICE, "the time zone of quiet hours", before->quiet_zone, after->quiet_zone);
    str_list before_adequate = {0}, after_adequate = {0};
    adequate_names(differ->arena, before, &before_adequate);
    adequate_names(differ->arena, after, &after_adequate);
    differ_where(differ, "section", STR("transfers"));
    list_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "no longer taken as adequate, so recipients there need a safeguard:",
                 "now taken as adequate, so recipients there need no safeguard:", &before_adequate, &after_adequate);
}

/* ---- categories and fields ---- */

static void diff_topics(struct differ *differ)
{
    str_list was = {0}, is = {0};
    vec_each (topic, &differ->before->topics)
        *(str *)vec_push(differ->arena, &was) = topic->name;
    vec_each (topic, &differ->after->topics)
        *(str *)vec_push(differ->arena, &is) = topic->name;
    differ_where(differ, "section", STR("topics"));
    list_compare(differ, CHANGE_NOTICE, CHANGE_INFO, "people can no longer choose the topics", "people can now choose the topics", &was, &is);
}

static void diff_categories(struct differ *differ)
{
    vec_each (old, &differ->before->categories) {
        const struct category *now = policy_category(differ->after, old->name);
        differ_where(differ, "category", old->name);
        if (!now) {
            change_add(differ, old->covered_by ? CHANGE_NOTICE : CHANGE_INFO, "is taken out");
            continue;
        }
        flag_compare(differ, CHANGE_SERIOUS, CHANGE_SERIOUS, "is now special (Art. 9): purposes need a condition for it",
                     "is no longer special (Art. 9): purposes need no condition for it", old->special, now->special);
        flag_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "now identifies people", "no longer identifies people", old->identifier, now->identifier);
        local_compare(differ, CHANGE_INFO, "its title", old->title, &old->titles, now->title, &now->titles);
        text_compare(differ, CHANGE_INFO, "its DPV term", old->dpv, now->dpv);
    }
    vec_each (now, &differ->after->categories)
        if (!policy_category(differ->before, now->name)) {
            differ_where(differ, "category", now->name);
            change_add(differ, CHANGE_INFO, now->special ? "is new, and special (Art. 9)" : "is new");
        }
}

static str rule_words(const struct policy *policy, uint16_t category, bool not_personal)
{
    return not_personal ? STR("none") : category == SLOT_NONE ? STR("refuse") : policy->categories.items[category].name;
}

static void rules_by_path(struct arena *arena, const struct policy *policy, struct map *ret_map)
{
    map_init(ret_map, arena);
    vec_each (rule, &policy->field_rules)
        map_set(ret_map, rule->path, rule);
}

static void diff_fields(struct differ *differ)
{
    const struct policy *before = differ->before, *after = differ->after;
    struct map old_rules, new_rules;
    rules_by_path(differ->arena, before, &old_rules);
    rules_by_path(differ->arena, after, &new_rules);
    vec_each (old, &before->field_rules) {
        const struct field_rule *now = map_get(&new_rules, old->path);
        str was = rule_words(before, old->category, old->not_personal);
        differ_where(differ, "field", old->path);
        if (!now)
            change_add(differ, CHANGE_NOTICE, "is no longer named (it was `%.*s`); a wider rule or the default decides", STR_FMT(was));
        else if (!str_equal(was, rule_words(after, now->category, now->not_personal)))
            change_add(differ, now->not_personal ? CHANGE_SERIOUS : CHANGE_NOTICE, "moves from `%.*s` to `%.*s`; this holds for what comes in from now on",
                       STR_FMT(was), STR_FMT(rule_words(after, now->category, now->not_personal)));
    }
    vec_each (now, &after->field_rules)
        if (!map_get(&old_rules, now->path)) {
            differ_where(differ, "field", now->path);
            change_add(differ, now->not_personal ? CHANGE_NOTICE : CHANGE_INFO, "is now `%.*s`",
                       STR_FMT(rule_words(after, now->category, now->not_personal)));
        }
    str was = rule_words(before, before->field_default, false), is = rule_words(after, after->field_default, false);
    differ_where(differ, "field", STR("default"));
    if (!str_equal(was, is))
        change_add(differ, CHANGE_SERIOUS, "fields that are not named change from `%.*s` to `%.*s`", STR_FMT(was), STR_FMT(is));
}

/* ---- identity and traits ---- */

static void diff_key(struct differ *differ, const struct identity_key *old, const struct identity_key *now)
{
    if (old->normalise != now->normalise)
        change_add(differ, CHANGE_SERIOUS, "is normalised as `%s` instead of `%s`: identifiers kept in the old form may not be found any more",
                   normalise_name(now->normalise), normalise_name(old->normalise));
    if (old->limit_per_profile != now->limit_per_profile)
        change_add(differ, now->limit_per_profile < old->limit_per_profile ? CHANGE_NOTICE : CHANGE_SERIOUS,
                   "a person may have %u of them instead of %u; %s", now->limit_per_profile, old->limit_per_profile,
                   now->limit_per_profile < old->limit_per_profile ? "people who have more keep them, new ones are not joined"
                                                                   : "more joins are possible from now on");
    flag_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "now counts as verified, so a grant on it can override a refusal",
                 "no longer counts as verified", old->verified, now->verified);
    if (now->normalise == NORMALISE_E164)
        text_compare(differ, CHANGE_NOTICE, "the country of numbers that name none", old->default_region, now->default_region);
    text_compare(differ, CHANGE_NOTICE, "its category",
                 old->category == SLOT_NONE ? STR_NONE : differ->before->categories.items[old->category].name,
                 now->category == SLOT_NONE ? STR_NONE : differ->after->categories.items[now->category].name);
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "is no longer read from", "is now read from", LIST(old->from), LIST(now->from));
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "these values may identify again:", "these values no longer identify anybody:",
                 LIST(old->blocked), LIST(now->blocked));
}

static void diff_identity(struct differ *differ)
{
    const struct policy *before = differ->before, *after = differ->after;
    bool reordered = false;
    vec_each (old, &before->keys) {
        const struct identity_key *now = policy_key(after, old->name);
        differ_where(differ, "identity key", old->name);
        if (now)
            diff_key(differ, old, now);
        else
            change_add(differ, CHANGE_SERIOUS, "is taken out: nobody can be found or joined by it any more");
        for (const struct identity_key *weaker = old + 1; now && weaker < before->keys.items + before->keys.count; weaker++) {
            const struct identity_key *other = policy_key(after, weaker->name);
            reordered |= other && other->slot < now->slot;
        }
    }
    vec_each (now, &after->keys)
        if (!policy_key(before, now->name)) {
            differ_where(differ, "identity key", now->name);
            change_add(differ, CHANGE_NOTICE, "is new: people may be found and joined by it");
        }
    differ_where(differ, "section", STR("identity"));
    if (reordered)
        change_add(differ, CHANGE_NOTICE, "the order of strength changes; what comes in from now on is kept on other identifiers");
    text_compare(differ, CHANGE_SERIOUS, "the purpose of joining", slot_name(before, before->identity_purpose), slot_name(after, after->identity_purpose));
}

static void diff_traits(struct differ *differ)
{
    const struct policy *before = differ->before, *after = differ->after;
    vec_each (now, &after->traits) {
        const struct trait_rule *old = map_get(&before->trait_by_name, now->name);
        enum fold_rule was = old ? old->rule : policy_trait_rule(before, now->name);
        differ_where(differ, "trait", now->name);
        if (was != now->rule)
            change_add(differ, CHANGE_NOTICE, "is folded by `%s` instead of `%s`; profiles change with it", fold_rule_name(now->rule), fold_rule_name(was));
    }
    vec_each (old, &before->traits) {
        enum fold_rule is = policy_trait_rule(after, old->name);
        differ_where(differ, "trait", old->name);
        if (!map_get(&after->trait_by_name, old->name) && is != old->rule)
            change_add(differ, CHANGE_NOTICE, "is folded by `%s` instead of `%s`; profiles change with it", fold_rule_name(is), fold_rule_name(old->rule));
    }
}

/* ---- the whole ---- */

struct ranked {
    struct policy_change change;
    size_t at;
};

static int rank(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    if (left->change.weight != right->change.weight)
        return left->change.weight > right->change.weight ? -1 : 1;
    return (left->at > right->at) - (left->at < right->at);
}

void changes_sort(struct arena *arena, policy_changes *changes)
{
    struct ranked *ranked = arena_array(arena, struct ranked, changes->count + 1);
    for (size_t i = 0; i < changes->count; i++)
        ranked[i] = (struct ranked){changes->items[i], i};
    qsort(ranked, changes->count, sizeof(*ranked), rank);
    for (size_t i = 0; i < changes->count; i++)
        changes->items[i] = ranked[i].change;
}

void policy_diff(struct arena *arena, const struct policy *old, const struct policy *new_policy, purpose_mask in_use, policy_changes *ret_changes)
{
    struct differ differ = {.arena = arena, .before = old, .after = new_policy, .in_use = in_use, .changes = ret_changes,
                            .old_purpose = SLOT_NONE, .new_purpose = SLOT_NONE};
    memset(ret_changes, 0, sizeof(*ret_changes));
    if (!old) {
        change_add(&differ, CHANGE_INFO, "the first policy; purposes: %zu, sources: %zu, destinations: %zu", new_policy->purposes.count,
                   new_policy->sources.count, new_policy->destinations.count);
        return;
    }
    diff_purposes(&differ);
    diff_notices(&differ);
    diff_destinations(&differ);
    diff_sources(&differ);
    diff_identity(&differ);
    diff_categories(&differ);
    diff_topics(&differ);
    diff_fields(&differ);
    diff_traits(&differ);
    diff_controller(&differ);
    diff_settings(&differ);
    changes_sort(arena, ret_changes);
}
