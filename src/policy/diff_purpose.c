/* Purposes and notices of two policies compared. What a change does to people whose data is there weighs more than what it will do. */
#include "policy/diff_private.h"

#define LIST(member) ((const str_list *)&(member))

static bool used(const struct differ *differ, const struct purpose *old) { return differ->in_use & old->self; }
static enum change_weight weight(const struct differ *differ, const struct purpose *old)
{
    return used(differ, old) ? CHANGE_SERIOUS : CHANGE_NOTICE;
}

/* ---- basis ---- */

static str bases_words(struct arena *arena, const struct purpose *purpose)
{
    struct buf text;
    buf_init(&text, arena, 1024);
    buf_printf(&text, "%s", basis_name(purpose->basis));
    vec_each (other, &purpose->bases)
        buf_printf(&text, ", %.*s: %s", STR_FMT(other->jurisdiction), basis_name(other->basis));
    return buf_str(&text);
}

/* The same default, and the same basis in every jurisdiction that either names; the order does not matter. */
static bool bases_equal(const struct purpose *old, const struct purpose *now)
{
    if (old->basis != now->basis)
        return false;
    vec_each (one, &old->bases)
        if (purpose_basis(now, one->jurisdiction) != one->basis)
            return false;
    vec_each (one, &now->bases)
        if (purpose_basis(old, one->jurisdiction) != one->basis)
            return false;
    return true;
}

static void diff_basis(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    if (bases_equal(old, now))
        return;
    str was = bases_words(differ->arena, old), is = bases_words(differ->arena, now);
    if (used(differ, old))
        change_add(differ, CHANGE_REFUSED,
                   "its basis would change from %.*s to %.*s while data or consents rest on it; give the new basis to a purpose of another name that "
                   "`supersedes: %.*s`, and let this one end (`ends:`)",
                   STR_FMT(was), STR_FMT(is), STR_FMT(old->name));
    else
        change_add(differ, CHANGE_NOTICE, "its basis changes from %.*s to %.*s; nothing rests on it yet", STR_FMT(was), STR_FMT(is));
}

/* ---- notice and terms ---- */

static const struct notice *notice_of(const struct policy *policy, const struct purpose *purpose)
{
    return purpose->notice == SLOT_NONE ? NULL : &policy->notices.items[purpose->notice];
}

static uint32_t least_version(const struct purpose *purpose, const struct notice *notice)
{
    return purpose->notice_min_version ? purpose->notice_min_version : notice->renew_older_than;
}

static void diff_notice_of(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    const struct notice *was = notice_of(differ->before, old), *is = notice_of(differ->after, now);
    bool consent = now->basis == BASIS_CONSENT;
    const char *again = consent ? "will have to consent again" : "will have to be informed again";
    if (!was && !is)
        return;
    if (!is) {
        change_add(differ, CHANGE_NOTICE, "it no longer names a notice");
    } else if (!was) {
        change_add(differ, weight(differ, old), "it now names notice `%.*s`: whoever has not been shown it %s", STR_FMT(is->name),
                   consent ? "has to consent under it" : "has to be informed first");
    } else if (!str_equal(was->name, is->name)) {
        change_add(differ, weight(differ, old), "its notice changes from `%.*s` to `%.*s`: everyone who saw the old one %s", STR_FMT(was->name),
                   STR_FMT(is->name), again);
    } else if (least_version(now, is) > least_version(old, was)) {
        int64_t from_ms = is->effective_ms == TIME_NONE ? TIME_NONE : time_add(is->effective_ms, is->grace);
        str from = from_ms == TIME_NONE ? STR("at once") : str_printf(differ->arena, "from %.*s on", STR_FMT(date_words(differ->arena, from_ms)));
        change_add(differ, weight(differ, old), "people who %s notice `%.*s` version %u or older %s, %.*s", consent ? "agreed to" : "saw",
                   STR_FMT(is->name), least_version(now, is) - 1, again, STR_FMT(from));
    } else if (least_version(now, is) < least_version(old, was)) {
        change_add(differ, weight(differ, old), "older versions of notice `%.*s` are enough again: from version %u instead of %u", STR_FMT(is->name),
                   least_version(now, is), least_version(old, was));
    }
}

static void diff_terms(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    local_compare(differ, CHANGE_NOTICE, "its contract", old->contract, &old->contracts, now->contract, &now->contracts);
    number_compare(differ, CHANGE_NOTICE, "the version of its terms", old->terms_version, now->terms_version);
    if (now->terms_min_version > old->terms_min_version)
        change_add(differ, weight(differ, old), "people whose contract is under terms older than version %u must accept the present ones",
                   now->terms_min_version);
    else if (now->terms_min_version < old->terms_min_version)
        change_add(differ, CHANGE_NOTICE, "terms from version %u on are enough instead of %u", now->terms_min_version, old->terms_min_version);
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "a contract is no longer opened by", "a contract is now opened by", LIST(old->opened_by),
                 LIST(now->opened_by));
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "a contract is no longer ended by", "a contract is now ended by", LIST(old->ended_by),
                 LIST(now->ended_by));
}

static void diff_citations(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    diff_terms(differ, old, now);
    local_compare(differ, CHANGE_NOTICE, "its law", old->law, &old->laws, now->law, &now->laws);
    local_compare(differ, CHANGE_NOTICE, "its interest", old->interest, &old->interests, now->interest, &now->interests);
    text_compare(differ, CHANGE_NOTICE, "its balancing test", old->balancing_test, now->balancing_test);
    time_compare(differ, CHANGE_NOTICE, "the date of its balancing test", old->assessment_at_ms, now->assessment_at_ms);
    time_compare(differ, CHANGE_NOTICE, "the review of its balancing test", old->assessment_review_ms, now->assessment_review_ms);
    local_compare(differ, CHANGE_NOTICE, "why no other basis serves", old->why_no_other_basis, &old->whys, now->why_no_other_basis, &now->whys);
    if (duration_compare(old->vital_lapse, now->vital_lapse))
        change_add(differ, CHANGE_NOTICE, "an invoked vital interest lapses after %.*s instead of %.*s",
                   STR_FMT(duration_words(differ->arena, now->vital_lapse)), STR_FMT(duration_words(differ->arena, old->vital_lapse)));
}

/* ---- how long ---- */

static str period_words(struct arena *arena, const struct period *period)
{
    static const char *const since[] = {"", "it was collected", "the person was last seen", "the contract's end", "it was given"};
    _Static_assert(sizeof(since) / sizeof(since[0]) == ANCHOR_GIVEN + 1, "words for each anchor");
    if (period->anchor == ANCHOR_NONE)
        return STR("without end");
    return str_printf(arena, "until %.*s after %s", STR_FMT(duration_words(arena, period->duration)), since[period->anchor]);
}

static bool period_equal(const struct period *a, const struct period *b)
{
    return a->anchor == b->anchor && (a->anchor == ANCHOR_NONE || duration_compare(a->duration, b->duration) == 0);
}

static void diff_periods(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    str was = period_words(differ->arena, &old->retention), is = period_words(differ->arena, &now->retention);
    if (!period_equal(&old->retention, &now->retention)) {
        bool ends = old->retention.anchor == ANCHOR_NONE;
        bool shorter = ends || (old->retention.anchor == now->retention.anchor && duration_compare(old->retention.duration, now->retention.duration) < 0);
        bool longer = now->retention.anchor == ANCHOR_NONE || (old->retention.anchor == now->retention.anchor && !shorter);
        change_add(differ, longer ? CHANGE_NOTICE : weight(differ, old), "data is kept %.*s instead of %.*s%s", STR_FMT(is), STR_FMT(was),
                   shorter  ? ": what is older is erased"
                   : longer ? ": longer than people were told"
                            : ": what is past it is erased");
    }
    if (!period_equal(&old->expires, &now->expires) && old->basis == now->basis)
        change_add(differ, CHANGE_NOTICE, "a consent holds %.*s instead of %.*s; those already given keep their end",
                   STR_FMT(period_words(differ->arena, &now->expires)), STR_FMT(period_words(differ->arena, &old->expires)));
    time_compare(differ, CHANGE_NOTICE, "its start", old->starts_ms, now->starts_ms);
    time_compare(differ, now->ends_ms < old->ends_ms ? weight(differ, old) : CHANGE_NOTICE, "its end", old->ends_ms, now->ends_ms);
}

/* ---- conditions ---- */

static void diff_conditions(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    enum change_weight w = weight(differ, old);
    text_compare(differ, w, "its condition of Art. 9(2)", old->special_condition, now->special_condition);
    text_compare(differ, CHANGE_NOTICE, "the law of that condition", old->special_law, now->special_law);
    flag_compare(differ, w, CHANGE_SERIOUS, "consents must be explicit: those that were not no longer suffice", "consents need not be explicit any more",
                 old->explicit_consent, now->explicit_consent);
    flag_compare(differ, w, CHANGE_SERIOUS, "is now direct marketing: an objection is absolute", "is no longer direct marketing: an objection is no longer absolute",
                 old->direct_marketing, now->direct_marketing);
    flag_compare(differ, w, CHANGE_SERIOUS, "a Global Privacy Control signal now objects to it", "a Global Privacy Control signal no longer objects to it",
                 old->gpc_objects, now->gpc_objects);
    flag_compare(differ, CHANGE_SERIOUS, CHANGE_NOTICE, "now decides automatically with legal effect (Art. 22)", "no longer decides automatically with legal effect",
                 old->automated_decision, now->automated_decision);
    text_compare(differ, CHANGE_NOTICE, "its human reviewer", old->human_reviewer, now->human_reviewer);
    if (old->age_threshold != now->age_threshold)
        change_add(differ, w, "a guardian is needed below %u instead of %u", policy_age_threshold(differ->after, now, STR_NONE),
                   policy_age_threshold(differ->before, old, STR_NONE));
    flag_compare(differ, w, CHANGE_SERIOUS, "people of unknown age now need a guardian", "people of unknown age no longer need a guardian", old->child_sensitive,
                 now->child_sensitive);
    flag_compare(differ, w, CHANGE_SERIOUS, "its data is from now on only stored, neither read nor sent", "its data may be read and sent again", old->storage_only,
                 now->storage_only);
}

static void diff_rest(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    str_list was = {0}, is = {0};
    purpose_names(differ->arena, differ->before, old->compatible_with, &was);
    purpose_names(differ->arena, differ->after, now->compatible_with, &is);
    list_compare(differ, weight(differ, old), CHANGE_SERIOUS, "may no longer use what was collected for", "may now use what was collected for", &was, &is);
    text_compare(differ, CHANGE_NOTICE, "its assessment of compatibility", old->compatible_assessment, now->compatible_assessment);
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "is no longer decided by the consent categories", "is now decided by the consent categories",
                 LIST(old->signals), LIST(now->signals));
    list_compare(differ, CHANGE_NOTICE, CHANGE_NOTICE, "no longer answers to Consent Mode's", "now answers to Consent Mode's", LIST(old->consent_mode),
                 LIST(now->consent_mode));
    if (old->tcf.count != now->tcf.count || (old->tcf.count && memcmp(old->tcf.items, now->tcf.items, old->tcf.count * sizeof(uint16_t)) != 0))
        change_add(differ, CHANGE_NOTICE, "its TCF purposes change");
    if (old->tcf_custom != now->tcf_custom || old->tcf_features != now->tcf_features)
        change_add(differ, CHANGE_NOTICE, "its custom purposes or special features of the TCF change");
    if (now->gpp_uses & ~old->gpp_uses)
        change_add(differ, weight(differ, old), "people in the United States can opt out of it by more signals (GPP)");
    if (old->gpp_uses & ~now->gpp_uses)
        change_add(differ, CHANGE_SERIOUS, "people in the United States can no longer opt out of it by all signals that counted (GPP)");
    text_compare(differ, CHANGE_INFO, "what it supersedes", old->supersedes, now->supersedes);
    local_compare(differ, CHANGE_NOTICE, "its title", old->title, &old->titles, now->title, &now->titles);
    local_compare(differ, CHANGE_NOTICE, "its description", old->description, &old->descriptions, now->description, &now->descriptions);
    text_compare(differ, CHANGE_INFO, "its DPV term", old->dpv, now->dpv);
}

static void diff_covered(struct differ *differ, const struct purpose *old, const struct purpose *now)
{
    str_list was = {0}, is = {0};
    category_names(differ->arena, differ->before, &old->categories, &was);
    category_names(differ->arena, differ->after, &now->categories, &is);
    list_compare(differ, weight(differ, old), CHANGE_NOTICE, "no longer covers, so that it may neither collect nor use it:", "now also covers", &was, &is);
}

/* ---- all purposes ---- */

static const struct purpose *successor(const struct policy *policy, str name)
{
    vec_each (purpose, &policy->purposes)
        if (str_equal(purpose->supersedes, name))
            return purpose;
    return NULL;
}

static void diff_removed(struct differ *differ, const struct purpose *old)
{
    const struct purpose *next = successor(differ->after, old->name);
    const char *law = old->basis == BASIS_LEGAL_OBLIGATION ? ", although a law orders it to be kept" : "";
    str after = next ? str_printf(differ->arena, "; `%.*s` supersedes it and begins with nothing of it", STR_FMT(next->name)) : STR_NONE;
    if (used(differ, old))
        change_add(differ, CHANGE_SERIOUS, "is taken out: what rests on it alone is erased%s%.*s", law, STR_FMT(after));
    else
        change_add(differ, CHANGE_NOTICE, "is taken out; nothing rests on it%.*s", STR_FMT(after));
}

void diff_purposes(struct differ *differ)
{
    vec_each (old, &differ->before->purposes) {
        const struct purpose *now = policy_purpose(differ->after, old->name);
        differ_where(differ, "purpose", old->name);
        differ->old_purpose = old->slot;
        differ->new_purpose = now ? now->slot : SLOT_NONE;
        if (!now) {
            diff_removed(differ, old);
            continue;
        }
        diff_basis(differ, old, now);
        diff_notice_of(differ, old, now);
        diff_covered(differ, old, now);
        diff_periods(differ, old, now);
        diff_conditions(differ, old, now);
        diff_citations(differ, old, now);
        diff_rest(differ, old, now);
    }
    differ->old_purpose = SLOT_NONE;
    vec_each (now, &differ->after->purposes) {
        if (policy_purpose(differ->before, now->name))
            continue;
        differ->new_purpose = now->slot;
        differ_where(differ, "purpose", now->name);
        change_add(differ, CHANGE_INFO, "is new, on the basis of %.*s%s%.*s%s", STR_FMT(bases_words(differ->arena, now)),
                   str_empty(now->supersedes) ? "" : "; it supersedes `", STR_FMT(now->supersedes), str_empty(now->supersedes) ? "" : "`");
    }
    differ->new_purpose = SLOT_NONE;
}

/* ---- notices ---- */

static const struct notice_text *text_in(const struct notice *notice, str language)
{
    vec_each (text, &notice->texts)
        if (str_equal(text->language, language))
            return text;
    return NULL;
}

static bool notice_used(const struct differ *differ, const struct notice *notice)
{
    vec_each (purpose, &differ->before->purposes)
        if (purpose->notice == notice->slot && used(differ, purpose))
            return true;
    return false;
}

static void diff_texts(struct differ *differ, const struct notice *old, const struct notice *now)
{
    vec_each (text, &old->texts) {
        const struct notice_text *is = text_in(now, text->language);
        if (!is)
            change_add(differ, CHANGE_NOTICE, "is no longer there in `%.*s`", STR_FMT(text->language));
        else if (old->version == now->version && memcmp(text->sha256, is->sha256, sizeof(text->sha256)) != 0)
            change_add(differ, notice_used(differ, old) ? CHANGE_REFUSED : CHANGE_NOTICE,
                       "its text in `%.*s` changes under the same version %u, so nobody could say any more what people saw; give the new text `version: %u`"
                       " (`renew_older_than` may stay, so that nobody has to consent again)",
                       STR_FMT(text->language), now->version, now->version + 1);
    }
    vec_each (text, &now->texts)
        if (!text_in(old, text->language))
            change_add(differ, CHANGE_INFO, "is now there in `%.*s`, too", STR_FMT(text->language));
}

static void diff_notice(struct differ *differ, const struct notice *old, const struct notice *now)
{
    if (now->version < old->version)
        change_add(differ, notice_used(differ, old) ? CHANGE_REFUSED : CHANGE_NOTICE,
                   "its version would go back from %u to %u; versions only go up, give the text `version: %u`", old->version, now->version, old->version + 1);
    else if (now->version > old->version)
        change_add(differ, CHANGE_NOTICE, "goes from version %u to %u%s", old->version, now->version,
                   now->renew_older_than == old->renew_older_than ? "; who agreed to an older one need not consent again" : "");
    diff_texts(differ, old, now);
    time_compare(differ, CHANGE_NOTICE, "the day from which it is in force", old->effective_ms, now->effective_ms);
    if (duration_compare(old->grace, now->grace))
        change_add(differ, CHANGE_NOTICE, "older consents hold for %.*s after that day instead of %.*s", STR_FMT(duration_words(differ->arena, now->grace)),
                   STR_FMT(duration_words(differ->arena, old->grace)));
}

void diff_notices(struct differ *differ)
{
    vec_each (old, &differ->before->notices) {
        const struct notice *now = policy_notice(differ->after, old->name);
        differ_where(differ, "notice", old->name);
        if (now)
            diff_notice(differ, old, now);
        else
            change_add(differ, CHANGE_NOTICE, "is taken out; what was said under it keeps its text");
    }
    vec_each (now, &differ->after->notices)
        if (!policy_notice(differ->before, now->name)) {
            differ_where(differ, "notice", now->name);
            change_add(differ, CHANGE_INFO, "is new");
        }
}
