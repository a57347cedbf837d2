/* What loads but will not do what its author may hope, because the gate denies it or the law looks askance. Each warning says what to do. */
#include "policy/diff_private.h"
#include "policy/dpv.h"

enum { HOLD_DAYS_LONG = 30 };

typedef struct differ warner; /* only `after` and where the words go */

static bool uses(const struct purpose *purpose, enum basis basis)
{
    vec_each (other, &purpose->bases)
        if (other->basis == basis)
            return true;
    return purpose->basis == basis;
}

/* ---- purposes ---- */

static void warn_special(warner *w, const struct purpose *purpose)
{
    str_list special = {0};
    vec_each (category, &w->after->categories)
        if (category->special && category->covered_by & purpose->self)
            *(str *)vec_push(w->arena, &special) = category->name;
    if (special.count && str_empty(purpose->special_condition))
        change_add(w, CHANGE_SERIOUS, "special data (Art. 9) without a condition, so the gate denies %.*s; name the letter: `special_condition: a`",
                   STR_FMT(quoted_list(w->arena, &special)));
    char letter = str_empty(purpose->special_condition) ? 0 : purpose->special_condition.data[0];
    if (letter && strchr("bghij", letter) && str_empty(purpose->special_law))
        change_add(w, CHANGE_NOTICE, "Art. 9(2)(%c) rests on a law; cite it: `special_law: Act XLVII of 1997 §4`", letter);
    if (letter && !strchr("bghij", letter) && !str_empty(purpose->special_law))
        change_add(w, CHANGE_INFO, "`special_law` is not used by it");
    if (str_equal(purpose->special_condition, STR("a")) && !uses(purpose, BASIS_CONSENT))
        change_add(w, CHANGE_SERIOUS, "`special_condition: a` is explicit consent, which the basis %s never asks for", basis_name(purpose->basis));
}

static void warn_automated(warner *w, const struct purpose *purpose)
{
    if (!purpose->automated_decision)
        return;
    if (!uses(purpose, BASIS_CONSENT) && !uses(purpose, BASIS_CONTRACT) && !uses(purpose, BASIS_LEGAL_OBLIGATION))
        change_add(w, CHANGE_SERIOUS, "an automated decision with legal effect (Art. 22) rests on consent, contract or law only, so the gate denies it");
    else if (str_empty(purpose->human_reviewer))
        change_add(w, CHANGE_SERIOUS, "an automated decision with legal effect (Art. 22) without `human_reviewer:`, so the gate denies it");
}

static bool shown_somewhere(const struct policy *policy, uint16_t notice)
{
    vec_each (source, &policy->sources)
        vec_each (slot, &source->informs)
            if (*slot == notice)
                return true;
    return false;
}

static void warn_interest(warner *w, const struct purpose *purpose)
{
    if (!uses(purpose, BASIS_LEGITIMATE_INTEREST))
        return;
    if (purpose->assessment_review_ms == TIME_NONE)
        change_add(w, CHANGE_NOTICE, "its balancing test is never reviewed; add `review: P1Y` or a date");
    if (purpose->notice == SLOT_NONE)
        change_add(w, CHANGE_NOTICE, "names no notice, so nothing shows that people were informed (Art. 13 and 14); add `notice:`");
    else if (!shown_somewhere(w->after, purpose->notice))
        change_add(w, CHANGE_NOTICE, "no source shows its notice `%.*s`, so people are `not_informed` until that is recorded; add `informs: %.*s` to a source",
                   STR_FMT(w->after->notices.items[purpose->notice].name), STR_FMT(w->after->notices.items[purpose->notice].name));
}

static void warn_compatible(warner *w, const struct purpose *purpose)
{
    str_list consent = {0};
    vec_each (other, &w->after->purposes)
        if (purpose->compatible_with & other->self && uses(other, BASIS_CONSENT))
            *(str *)vec_push(w->arena, &consent) = other->name;
    if (consent.count)
        change_add(w, CHANGE_SERIOUS, "what was collected on consent is never used for another purpose, so `compatible_with` does nothing for %.*s",
                   STR_FMT(quoted_list(w->arena, &consent)));
}

/* Cited, but for a basis that the purpose does not have: perhaps the basis is the slip. */
static void warn_unused(warner *w, const struct purpose *purpose)
{
    const struct {
        const char *key;
        bool said, serves;
    } cited[] = {
        {"contract", !str_empty(purpose->contract), uses(purpose, BASIS_CONTRACT)},
        {"law", !str_empty(purpose->law), uses(purpose, BASIS_LEGAL_OBLIGATION) || uses(purpose, BASIS_PUBLIC_TASK)},
        {"interest", !str_empty(purpose->interest), uses(purpose, BASIS_LEGITIMATE_INTEREST)},
        {"balancing_test", !str_empty(purpose->balancing_test), uses(purpose, BASIS_LEGITIMATE_INTEREST)},
        {"why_no_other_basis", !str_empty(purpose->why_no_other_basis), uses(purpose, BASIS_VITAL_INTEREST)},
        {"human_reviewer", !str_empty(purpose->human_reviewer), purpose->automated_decision},
    };
    for (size_t i = 0; i < sizeof(cited) / sizeof(cited[0]); i++)
        if (cited[i].said && !cited[i].serves)
            change_add(w, CHANGE_INFO, "`%s` is not used by it", cited[i].key);
}

static void warn_supersedes(warner *w, const struct purpose *purpose)
{
    const struct purpose *earlier = policy_purpose(w->after, purpose->supersedes);
    if (earlier && earlier->ends_ms == TIME_FOREVER)
        change_add(w, CHANGE_NOTICE, "supersedes `%.*s`, which goes on beside it; give that one `ends:`", STR_FMT(earlier->name));
}

static purpose_mask collected(const struct policy *policy)
{
    purpose_mask mask = 0;
    vec_each (source, &policy->sources)
        mask |= source->purposes;
    return mask;
}

/* Purposes 1, 3, 4, 5 and 6 rest on consent alone since TCF 2.2: the bits of an interest in them are never set. */
#define TCF_CONSENT_ONLY UINT32_C(0xBC0000)

static void warn_signals(warner *w, const struct purpose *purpose)
{
    bool interest = purpose->basis == BASIS_LEGITIMATE_INTEREST;
    vec_each (other, &purpose->bases) /* nobody in the United States is shown the TCF */
        interest |= other->basis == BASIS_LEGITIMATE_INTEREST && !str_starts(other->jurisdiction, STR("US"));
    if ((purpose->tcf_purposes & TCF_CONSENT_ONLY) && interest)
        change_add(w, CHANGE_SERIOUS, "the TCF lets its purposes 1, 3, 4, 5 and 6 rest on consent only, so each TC string counts as an objection; rest it on consent, or take them out");
    if (purpose->gpp_uses && !purpose->gpc_objects && (purpose->gpp_uses & (US_USE_BIT(US_SALE) | US_USE_BIT(US_SHARING))))
        change_add(w, CHANGE_NOTICE, "can be opted out of by GPP, but not by Global Privacy Control, which some states equate with it; add `gpc: true`");
}

static void warn_purpose(warner *w, const struct purpose *purpose)
{
    warn_signals(w, purpose);
    if (purpose->retention.anchor == ANCHOR_NONE)
        change_add(w, CHANGE_NOTICE, "its data is kept without end (Art. 5(1)(e)); add `retention: P2Y after last_seen` or the like");
    if (purpose->retention.anchor == ANCHOR_LAST_SEEN && !purpose->retention.duration.months && purpose->retention.duration.ms < 2 * DAY_MS)
        change_add(w, CHANGE_NOTICE, "when somebody was last seen is known to the day, and its retention counts from that day's start, so it may be over within hours; write "
                                     "P2D or more, or count from `collected`");
    warn_special(w, purpose);
    warn_automated(w, purpose);
    warn_interest(w, purpose);
    warn_compatible(w, purpose);
    warn_supersedes(w, purpose);
    if (uses(purpose, BASIS_CONTRACT) && !purpose->opened_by.count)
        change_add(w, CHANGE_INFO, "no event opens its contract, so each has to be stated through the API; or add `opened_by: [Order Completed]`");
    if (purpose->direct_marketing && (uses(purpose, BASIS_LEGAL_OBLIGATION) || uses(purpose, BASIS_PUBLIC_TASK) || uses(purpose, BASIS_VITAL_INTEREST)))
        change_add(w, CHANGE_NOTICE, "direct marketing hardly rests on %s", basis_name(purpose->basis));
    if (!(collected(w->after) & purpose->self) && !purpose->compatible_with)
        change_add(w, CHANGE_INFO, "no source collects for it");
    if (str_equal(purpose->title, purpose->name))
        change_add(w, CHANGE_INFO, "has no `title`, which people read in receipts and in the preference centre");
    warn_unused(w, purpose);
}

/* ---- sources and destinations ---- */

static void warn_source(warner *w, const struct source *source)
{
    const struct duration long_ms = {.ms = HOLD_DAYS_LONG * DAY_MS};
    if (!str_empty(source->key_env) && str_empty(source->write_key)) {
        change_add(w, CHANGE_NOTICE,
                   "%.*s is not set, or holds the key of another source, so nobody can send with it; set it, or make a key: `telos token create --source %.*s`",
                   STR_FMT(source->key_env), STR_FMT(source->name));
    }
    if (!(source->signals & SIGNAL_KIND_BIT(SIGNAL_GPC)) && (source->purposes & w->after->gpc))
        change_add(w, CHANGE_SERIOUS, "does not hear Global Privacy Control, though it collects for purposes that it objects to; add `gpc` to its `signals`");
    if (source->when_denied == WHEN_DENIED_HOLD && duration_compare(source->hold, long_ms) < 0)
        change_add(w, CHANGE_NOTICE, "holds data for %.*s without a basis; hours or days are enough to ask", STR_FMT(duration_words(w->arena, source->hold)));
}

static void warn_channel(warner *w, const struct destination *destination)
{
    str type = destination->channel;
    if (str_empty(type))
        return;
    if (str_equal(type, STR("sms")) || str_equal(type, STR("phone")) || str_equal(type, STR("whatsapp")))
        type = STR("phone");
    else if (str_equal(type, STR("push")))
        type = STR("device_id");
    if (!policy_key(w->after, type))
        change_add(w, CHANGE_SERIOUS, "nobody can be reached by `%.*s`: there is no identity key `%.*s`", STR_FMT(destination->channel), STR_FMT(type));
}

static void warn_destination(warner *w, const struct destination *destination)
{
    const struct purpose *purpose = &w->after->purposes.items[destination->purpose];
    str_list denied = {0};
    for (size_t slot = 0; slot < w->after->categories.count; slot++)
        if (category_in(&destination->categories, (unsigned)slot) && !category_in(&purpose->categories, (unsigned)slot))
            *(str *)vec_push(w->arena, &denied) = w->after->categories.items[slot].name;
    if (str_empty(destination->country) && str_empty(destination->safeguard))
        change_add(w, CHANGE_SERIOUS, "nobody knows in which country the recipient is, so the gate denies every transfer; write `recipient: \"%.*s (processor, HU)\"`",
                   STR_FMT(destination->recipient));
    else if (!policy_transfer_ok(w->after, destination->country, destination->safeguard))
        change_add(w, CHANGE_SERIOUS, "%.*s is neither in the controller's region nor adequate, so the gate denies every transfer; name a `safeguard:`",
                   STR_FMT(destination->country));
    else if (destination->safeguard_kind == SAFEGUARD_DEROGATION)
        change_add(w, CHANGE_SERIOUS, "a derogation (Art. 49) is for single, occasional transfers; what is sent regularly needs clauses, rules or an adequate country");
    if (denied.count)
        change_add(w, CHANGE_NOTICE, "purpose `%.*s` does not cover %.*s, so that is never sent", STR_FMT(purpose->name), STR_FMT(quoted_list(w->arena, &denied)));
    if (purpose->storage_only)
        change_add(w, CHANGE_SERIOUS, "purpose `%.*s` only stores, so nothing is ever sent", STR_FMT(purpose->name));
    if (str_empty(destination->recipient))
        change_add(w, CHANGE_INFO, "names no recipient, so it is taken for the controller's own system");
    if (!destination->sends_events && !destination->sends_profiles)
        change_add(w, CHANGE_NOTICE, "is sent neither events nor profiles");
    warn_channel(w, destination);
}

/* ---- categories and keys ---- */

static void warn_term(warner *w, str term, bool (*known)(str, str *))
{
    str near;
    if (!known(term, &near))
        change_add(w, CHANGE_NOTICE, "`dpv: %.*s` is no published term%s%.*s%s", STR_FMT(term), str_empty(near) ? "; see https://w3id.org/dpv" : ": did you mean `",
                   STR_FMT(near), str_empty(near) ? "" : "`?");
}

static void warn_categories(warner *w)
{
    const struct policy *policy = w->after;
    struct category_set found = {0};
    vec_each (rule, &policy->field_rules)
        if (rule->category != SLOT_NONE)
            category_add(&found, rule->category);
    vec_each (key, &policy->keys)
        if (key->category != SLOT_NONE)
            category_add(&found, key->category);
    if (policy->field_default != SLOT_NONE)
        category_add(&found, policy->field_default);
    vec_each (category, &policy->categories) {
        differ_where(w, "category", category->name);
        warn_term(w, category->dpv, dpv_category_known);
        if (!category->covered_by)
            change_add(w, CHANGE_NOTICE, "no purpose covers it, so whatever is of it is left out");
        else if (!category_in(&found, (unsigned)(category - policy->categories.items)))
            change_add(w, CHANGE_INFO, "no field is of it; name one under `fields`");
    }
    vec_each (key, &policy->keys) {
        differ_where(w, "identity key", key->name);
        if (key->category != SLOT_NONE && !policy->categories.items[key->category].covered_by)
            change_add(w, CHANGE_SERIOUS, "no purpose covers its category `%.*s`, so it names nobody",
                       STR_FMT(policy->categories.items[key->category].name));
    }
}

static void warn_controller(warner *w)
{
    int minute, weekday;
    differ_where(w, "section", STR("controller"));
    if (str_empty(w->after->dpo) && str_empty(w->after->contact))
        change_add(w, CHANGE_INFO, "names neither `dpo` nor `contact`, whom people can write to (Art. 13(1))");
    differ_where(w, "section", STR("settings"));
    if (!time_local(0, w->after->quiet_zone, &minute, &weekday))
        change_add(w, CHANGE_NOTICE, "this machine does not know the time zone `%.*s`; is the package tzdata installed?", STR_FMT(w->after->quiet_zone));
}

void policy_warnings(struct arena *arena, const struct policy *policy, policy_changes *ret_warnings)
{
    warner w = {.arena = arena, .after = policy, .changes = ret_warnings, .old_purpose = SLOT_NONE, .new_purpose = SLOT_NONE};
    memset(ret_warnings, 0, sizeof(*ret_warnings));
    vec_each (purpose, &policy->purposes) {
        differ_where(&w, "purpose", purpose->name);
        w.new_purpose = purpose->slot;
        warn_term(&w, purpose->dpv, dpv_purpose_known);
        warn_purpose(&w, purpose);
    }
    w.new_purpose = SLOT_NONE;
    vec_each (destination, &policy->destinations) {
        differ_where(&w, "destination", destination->name);
        warn_destination(&w, destination);
    }
    vec_each (source, &policy->sources) {
        differ_where(&w, "source", source->name);
        warn_source(&w, source);
    }
    warn_categories(&w);
    warn_controller(&w);
    changes_sort(arena, ret_warnings);
}
