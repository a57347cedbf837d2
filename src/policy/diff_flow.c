/* Sources and destinations of two policies compared. */
#include "policy/diff_private.h"

#define LIST(member) ((const str_list *)&(member))

static void diff_options(struct differ *differ, const flow_options *old, const flow_options *now)
{
    vec_each (option, old)
        text_compare(differ, CHANGE_NOTICE, arena_printf(differ->arena, "its option `%.*s`", STR_FMT(option->name)), option->value,
                     flow_option(now, option->name, STR_NONE));
    vec_each (option, now)
        if (!flow_option(old, option->name, STR_NONE).data)
            text_compare(differ, CHANGE_NOTICE, arena_printf(differ->arena, "its option `%.*s`", STR_FMT(option->name)), STR_NONE, option->value);
}

/* ---- sources ---- */

static str denied_words(struct arena *arena, const struct source *source)
{
    if (source->when_denied == WHEN_DENIED_HOLD)
        return str_printf(arena, "hold for %.*s", STR_FMT(duration_words(arena, source->hold)));
    return str_of(when_denied_name(source->when_denied));
}

static void informed_names(struct arena *arena, const struct policy *policy, const struct source *source, str_list *ret_names)
{
    vec_each (slot, &source->informs)
        *(str *)vec_push(arena, ret_names) = policy->notices.items[*slot].name;
}

static void diff_source(struct differ *differ, const struct source *old, const struct source *now)
{
    str_list was = {0}, is = {0}, informed = {0}, informs = {0};
    purpose_names(differ->arena, differ->before, old->purposes, &was);
    purpose_names(differ->arena, differ->after, now->purposes, &is);
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "no longer collects for", "now also collects for", &was, &is);
    text_compare(differ, CHANGE_NOTICE, "what happens to what is denied", denied_words(differ->arena, old), denied_words(differ->arena, now));
    flag_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "is now trusted: its identifiers count as verified", "is no longer trusted", old->trusted, now->trusted);
    flag_compare(differ, CHANGE_NOTICE, CHANGE_SERIOUS, "is now public: whom it names counts as named, not as proven",
                 "is no longer public: a yes by it can lift what was refused on a verified identifier", old->public, now->public);
    informed_names(differ->arena, differ->before, old, &informed);
    informed_names(differ->arena, differ->after, now, &informs);
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "its people are no longer shown", "its people are now shown", &informed, &informs);
    text_compare(differ, CHANGE_NOTICE, "where its people are", old->jurisdiction, now->jurisdiction);
    text_compare(differ, CHANGE_INFO, "its region", old->region, now->region);
    number_compare(differ, CHANGE_NOTICE, "its trust", old->trust, now->trust);
    if (now->signals & ~old->signals)
        change_add(differ, CHANGE_NOTICE, "more kinds of consent signals count from it");
    if (old->signals & ~now->signals)
        change_add(differ, CHANGE_SERIOUS, "fewer kinds of consent signals count from it: what people say by the others is not heard");
    text_compare(differ, CHANGE_NOTICE, "the variable with its key", old->key_env, now->key_env);
    text_compare(differ, CHANGE_INFO, "its kind", old->kind, now->kind);
    diff_options(differ, &old->options, &now->options);
    local_compare(differ, CHANGE_INFO, "its title", old->title, &old->titles, now->title, &now->titles);
}

void diff_sources(struct differ *differ)
{
    vec_each (old, &differ->before->sources) {
        const struct source *now = policy_source(differ->after, old->name);
        differ_where(differ, "source", old->name);
        if (now)
            diff_source(differ, old, now);
        else
            change_add(differ, CHANGE_SERIOUS, "is taken out: what it sends is refused from now on");
    }
    vec_each (now, &differ->after->sources)
        if (!policy_source(differ->before, now->name)) {
            str_list names = {0};
            differ_where(differ, "source", now->name);
            purpose_names(differ->arena, differ->after, now->purposes, &names);
            change_add(differ, CHANGE_NOTICE, "is new, and collects for %.*s", STR_FMT(quoted_list(differ->arena, &names)));
        }
}

/* ---- destinations ---- */

static void diff_destination(struct differ *differ, const struct destination *old, const struct destination *now)
{
    str_list was = {0}, is = {0};
    text_compare(differ, CHANGE_SERIOUS, "its purpose", slot_name(differ->before, old->purpose), slot_name(differ->after, now->purpose));
    text_compare(differ, CHANGE_SERIOUS, "its recipient", old->recipient, now->recipient);
    text_compare(differ, CHANGE_SERIOUS, "the country that data goes to", old->country, now->country);
    text_compare(differ, str_empty(now->safeguard) ? CHANGE_SERIOUS : CHANGE_NOTICE, "the safeguard of the transfer", old->safeguard, now->safeguard);
    time_compare(differ, CHANGE_NOTICE, "the end of the safeguard", old->safeguard_until_ms, now->safeguard_until_ms);
    category_names(differ->arena, differ->before, &old->categories, &was);
    category_names(differ->arena, differ->after, &now->categories, &is);
    list_compare(differ, CHANGE_NOTICE, CHANGE_SERIOUS, "is no longer sent", "is now also sent", &was, &is);
    number_compare(differ, CHANGE_SERIOUS, "the vendor of the TCF that it is", old->tcf_vendor, now->tcf_vendor);
    text_compare(differ, CHANGE_NOTICE, "its kind", old->kind, now->kind);
    text_compare(differ, CHANGE_NOTICE, "its channel", old->channel, now->channel);
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, old->events.count && !now->events.count ? "is sent every event, no longer only" : "is no longer sent the events",
                 now->events.count && !old->events.count ? "is no longer sent every event, only" : "is now sent the events", LIST(old->events), LIST(now->events));
    flag_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "is now sent events", "is no longer sent events", old->sends_events, now->sends_events);
    flag_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "is now sent profiles", "is no longer sent profiles", old->sends_profiles, now->sends_profiles);
    local_compare(differ, CHANGE_INFO, "its title", old->title, &old->titles, now->title, &now->titles);
    diff_options(differ, &old->options, &now->options);
}

void diff_destinations(struct differ *differ)
{
    vec_each (old, &differ->before->destinations) {
        const struct destination *now = policy_destination(differ->after, old->name);
        differ_where(differ, "destination", old->name);
        if (now)
            diff_destination(differ, old, now);
        else
            change_add(differ, CHANGE_SERIOUS, "is taken out: nothing goes to it any more, and recalls that are still owed to it cannot be sent");
    }
    vec_each (now, &differ->after->destinations) {
        if (policy_destination(differ->before, now->name))
            continue;
        str_list names = {0};
        differ_where(differ, "destination", now->name);
        category_names(differ->arena, differ->after, &now->categories, &names);
        str recipient = str_empty(now->recipient) ? STR("the controller's own system") : now->recipient;
        str country = str_empty(now->country) ? STR("an unknown country") : now->country;
        change_add(differ, CHANGE_NOTICE, "is new: %.*s, in %.*s, is sent for `%.*s` %.*s", STR_FMT(recipient), STR_FMT(country),
                   STR_FMT(slot_name(differ->after, now->purpose)), STR_FMT(quoted_list(differ->arena, &names)));
    }
}
