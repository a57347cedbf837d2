/* What a person's records amount to: the fold of the consent history (gate.md §2, §5). Not the answer to a question: that is gate.c.
 *
 * 1. Records are taken in the order in which they were said; at the same instant the refusal is taken last, so that it stands.
 * 2. A grant never overrides a refusal that was said more surely: not a device's yes an account's no, nor what a public source says of somebody
 *    it names what the person said through a proven channel.
 * 3. Objections and opt-outs stand until lifted on an identifier at least as sure; no grant lifts them. What a person says lifts them wherever they
 *    were said; what a GPP string takes back is only the opt-out of the very browser, whoever its person turns out to be.
 * 4. One basis a purpose; when it fails, no other is tried.
 * 5. The yes of a child takes nothing away from its guardian's; a no of either counts (Art. 8).
 */
#include "core/core_private.h"

#include <stdio.h>
#include <stdlib.h>

struct fold { /* of one purpose */
    const struct consent *record; /* newest grant or refusal */
    const struct consent *granted; /* newest grant, whatever came after */
    const struct consent *guardian; /* newest grant by a guardian that no refusal came after */
    const struct consent *objection[SURENESS_COUNT], *opt_out[SURENESS_COUNT]; /* by how surely they were said */
    const struct consent *contract, *ended, *vital, *informed;
    enum sureness locked;
    enum sureness lifted; /* used while opt-outs are taken back one by one */
    bool all_lifted;
};
struct person_fold {
    const struct consent *restriction;
    bool taken_back; /* a GPP string took an opt-out back */
    int64_t next_ms; /* the next record that is said only later */
    struct fold purposes[];
};

static bool status_denies(enum consent_status status)
{
    switch (status) {
    case CONSENT_REFUSED: case CONSENT_WITHDRAWN: case CONSENT_EXPIRED: case CONSENT_OBJECTED: case CONSENT_ENDED:
    case CONSENT_OPTED_OUT: case CONSENT_RESTRICTED:
        return true;
    default:
        return false;
    }
}

static int record_order(const void *left, const void *right)
{
    const struct consent *a = *(const struct consent *const *)left, *b = *(const struct consent *const *)right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    bool a_denies = status_denies(a->status), b_denies = status_denies(b->status);
    if (a_denies != b_denies)
        return a_denies ? 1 : -1;
    if (a->known_ms != b->known_ms)
        return a->known_ms < b->known_ms ? -1 : 1;
    return memcmp(a->id.bytes, b->id.bytes, 16);
}

/* They mostly come in order already. */
static void records_sort(const struct consent **order, size_t count)
{
    if (count > 64) {
        qsort(order, count, sizeof *order, record_order);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        const struct consent *record = order[i];
        size_t place = i;
        for (; place > 0 && record_order(&order[place - 1], &record) > 0; place--)
            order[place] = order[place - 1];
        order[place] = record;
    }
}

/* The records keep whether the channel proved who spoke; of the others an account or address is surer than a device. */
enum sureness gate_sureness(const struct policy *policy, const struct person *person, const struct consent *record)
{
    if (record->verified)
        return SURE_PROVEN;
    const struct identifier *identifier = person_identifier(person, record->profile, record->identifier);
    const struct identity_key *key = identifier ? policy_key(policy, identifier->type) : NULL;
    return key && key->verified ? SURE_NAMED : SURE_DEVICE;
}

static void fold_lift(struct fold *fold, enum sureness sure)
{
    for (unsigned i = 0; i <= sure; i++)
        fold->objection[i] = fold->opt_out[i] = NULL;
}

static void fold_refusal(struct fold *fold, const struct consent *record, enum sureness sure)
{
    fold->record = record;
    fold->guardian = NULL;
    fold->locked = sure > fold->locked ? sure : fold->locked;
}

static const struct consent *surest(const struct consent *const *said)
{
    unsigned sure = SURENESS_COUNT - 1;
    while (sure && !said[sure])
        sure--;
    return said[sure];
}

static bool needs_sureness(enum consent_status status)
{
    switch (status) {
    case CONSENT_GIVEN: case CONSENT_RENEWED: case CONSENT_REFUSED: case CONSENT_WITHDRAWN: case CONSENT_OBJECTED: case CONSENT_OPTED_OUT:
    case CONSENT_OBJECTION_LIFTED:
        return true;
    default: return false;
    }
}

static void fold_record(struct fold *fold, const struct consent *record, enum sureness sure, bool objection_is_refusal)
{
    switch (record->status) {
    case CONSENT_GIVEN: case CONSENT_RENEWED:
        if (sure < fold->locked)
            return;
        fold->locked = SURE_DEVICE;
        fold->record = fold->granted = record;
        fold->guardian = record->by == SAID_BY_GUARDIAN ? record : fold->guardian;
        return;
    case CONSENT_REFUSED: case CONSENT_WITHDRAWN: fold_refusal(fold, record, sure); return;
    case CONSENT_EXPIRED: /* only what really ran out: a renewal learned later outlives it */
        if (fold->guardian && fold->guardian->expires_ms <= record->at_ms)
            fold->guardian = NULL;
        if (fold->record && fold->record == fold->granted && fold->record->expires_ms <= record->at_ms)
            fold->record = record;
        return;
    case CONSENT_OBJECTED:
        if (objection_is_refusal)
            fold_refusal(fold, record, sure);
        else
            fold->objection[sure] = record;
        return;
    case CONSENT_OPTED_OUT: fold->opt_out[sure] = record; return;
    case CONSENT_OBJECTION_LIFTED: fold_lift(fold, sure); return;
    case CONSENT_OPENED: fold->contract = record; fold->ended = NULL; return;
    case CONSENT_ENDED: fold->contract = fold->ended = record; fold->vital = fold->vital ? record : NULL; return;
    case CONSENT_INVOKED: fold->vital = record; return;
    case CONSENT_INFORMED: fold->informed = record; return;
    default: return;
    }
}

static bool is_gpp(const struct consent *record) { return str_equal(record->method, str_of(signal_kind_method(SIGNAL_GPP))); }

static bool takes_back(const struct consent *lift, const struct consent *opt_out)
{
    return is_gpp(opt_out) && lift->identifier == opt_out->identifier && profile_no_equal(lift->profile, opt_out->profile) &&
           str_equal(lift->purpose, opt_out->purpose);
}

/* The opt-outs once more, newest first, where some were taken back on one identifier only. */
static void fold_opt_outs(struct arena *arena, const struct policy *policy, const struct person *person, const struct consent *const *order, size_t count,
                          struct person_fold *fold)
{
    VEC(const struct consent *) lifts = {0}; /* one an identifier and purpose, the surest */
    for (size_t i = 0; i < policy->purposes.count; i++)
        memset(fold->purposes[i].opt_out, 0, sizeof fold->purposes[i].opt_out);
    while (count--) {
        const struct consent *record = order[count];
        const struct purpose *purpose = policy_purpose(policy, record->purpose);
        if (!purpose || (record->status != CONSENT_OPTED_OUT && record->status != CONSENT_OBJECTION_LIFTED))
            continue;
        struct fold *one = &fold->purposes[purpose->slot];
        enum sureness sure = gate_sureness(policy, person, record);
        bool lifted = one->all_lifted && sure <= one->lifted, known = false;
        if (record->status == CONSENT_OPTED_OUT) {
            vec_each (lift, &lifts)
                lifted |= takes_back(*lift, record) && gate_sureness(policy, person, *lift) >= sure;
            if (!lifted && !one->opt_out[sure])
                one->opt_out[sure] = record;
        } else if (!is_gpp(record)) {
            one->lifted = one->all_lifted && one->lifted > sure ? one->lifted : sure;
            one->all_lifted = true;
        } else {
            vec_each (lift, &lifts)
                known |= takes_back(*lift, record) && gate_sureness(policy, person, *lift) >= sure;
            if (!known)
                *(const struct consent **)vec_push(arena, &lifts) = record;
        }
    }
}

/* Few names are compared faster than hashed. */
static const struct purpose *purpose_find(const struct policy *policy, str name)
{
    if (policy->purposes.count > 16)
        return policy_purpose(policy, name);
    vec_each (purpose, &policy->purposes)
        if (str_equal(purpose->name, name))
            return purpose;
    return NULL;
}

static void fold_person(struct arena *arena, const struct policy *policy, const struct person *person, str jurisdiction, int64_t at_ms,
                        int64_t known_ms, struct person_fold *fold)
{
    if (!person || !person->consents.count)
        return;
    const struct consent **order = arena_array(arena, const struct consent *, person->consents.count);
    size_t count = 0;
    vec_each (record, &person->consents) {
        if (row_dead(record) || record->known_ms > known_ms)
            continue;
        if (record->at_ms > at_ms)
            fold->next_ms = record->at_ms < fold->next_ms ? record->at_ms : fold->next_ms;
        else
            order[count++] = record;
    }
    records_sort(order, count);
    for (size_t i = 0; i < count; i++) {
        if (order[i]->status == CONSENT_RESTRICTED || order[i]->status == CONSENT_UNRESTRICTED) {
            fold->restriction = order[i];
            continue;
        }
        const struct purpose *purpose = purpose_find(policy, order[i]->purpose);
        if (order[i]->status == CONSENT_OBJECTION_LIFTED && is_gpp(order[i]))
            fold->taken_back = true;
        else if (purpose)
            fold_record(&fold->purposes[purpose->slot], order[i],
                        needs_sureness(order[i]->status) ? gate_sureness(policy, person, order[i]) : SURE_DEVICE,
                        !purpose->direct_marketing && purpose_basis(purpose, jurisdiction) == BASIS_CONSENT);
    }
    if (fold->taken_back)
        fold_opt_outs(arena, policy, person, order, count, fold);
}

/* --- the bases */

struct basis_state { /* in */
    const struct policy *policy;
    const struct purpose *purpose;
    const struct fold *fold;
    int64_t at_ms, next_ms; /* next_ms: the next record that is said only later */
    str jurisdiction;
    int born; /* year; 0: unknown */
    struct seen_memo *memo; /* by purpose slot; may be NULL */
};

static void valid_until(struct purpose_standing *standing, int64_t at_ms, int64_t flips_ms)
{
    if (flips_ms > at_ms && flips_ms < standing->valid_until_ms)
        standing->valid_until_ms = flips_ms;
}

static void stores_until(struct purpose_standing *standing, int64_t at_ms, int64_t flips_ms)
{
    valid_until(standing, at_ms, flips_ms);
    if (flips_ms > at_ms && flips_ms < standing->stores_until_ms)
        standing->stores_until_ms = flips_ms;
}

static reason_mask notice_outdated(const struct basis_state *s, const struct consent *record, struct purpose_standing *standing)
{
    if (s->purpose->notice == SLOT_NONE)
        return 0;
    const struct notice *notice = &s->policy->notices.items[s->purpose->notice];
    uint32_t least = s->purpose->notice_min_version ? s->purpose->notice_min_version : notice->renew_older_than;
    if (!least || (str_equal(record->notice, notice->name) && record->notice_version >= least))
        return str_empty(record->notice) || str_equal(record->notice, notice->name) ? 0 : REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE);
    int64_t from_ms = notice->effective_ms == TIME_NONE ? TIME_NONE : time_add(notice->effective_ms, notice->grace);
    if (from_ms != TIME_NONE && s->at_ms < from_ms) {
        valid_until(standing, s->at_ms, from_ms);
        return 0;
    }
    return REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE);
}

/* The first moment of the year. */
static int64_t year_start(int year)
{
    char text[16];
    int64_t start_ms = TIME_FOREVER;
    (void)time_parse(str_bytes(text, (size_t)snprintf(text, sizeof text, "%04d-01-01", year)), &start_ms); /* a year beyond any is for ever */
    return start_ms;
}

int64_t gate_of_age_ms(const struct policy *policy, const struct purpose *purpose, str jurisdiction, int born)
{
    return year_start(born + (int)policy_age_threshold(policy, purpose, jurisdiction) + 1);
}

static int64_t of_age(const struct basis_state *s)
{
    return s->born ? gate_of_age_ms(s->policy, s->purpose, s->jurisdiction, s->born) : s->purpose->child_sensitive ? TIME_FOREVER : TIME_NONE;
}

static bool is_grant(const struct consent *record)
{
    return record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED;
}

/* What was last said; but a child's own yes stands back behind its guardian's, and so does its running out. */
static const struct consent *consent_of(const struct basis_state *s)
{
    const struct consent *record = s->fold->record;
    bool own = record && (is_grant(record) ? record->by != SAID_BY_GUARDIAN : record->status == CONSENT_EXPIRED);
    return own && s->fold->guardian && s->at_ms < of_age(s) ? s->fold->guardian : record;
}

/* Who consents for a child, and for how long. A child's own yes never counts, nor when it is grown; a guardian's counts until the child can say
 * it itself. What a guardian said of somebody of age, or of unknown age, stands. */
static reason_mask guardian_reasons(const struct basis_state *s, const struct consent *record, struct purpose_standing *standing)
{
    bool guardian = record->by == SAID_BY_GUARDIAN;
    int64_t of_age_ms = of_age(s);
    valid_until(standing, s->at_ms, of_age_ms);
    if (s->at_ms < of_age_ms)
        return guardian ? 0 : REASON_BIT(REASON_CONSENT_GUARDIAN_REQUIRED);
    bool said_as_child = record->at_ms < of_age_ms;
    return said_as_child && !(guardian && s->policy->guardian_consent_stands) ? REASON_BIT(REASON_CONSENT_OWN_REQUIRED) : 0;
}

static reason_mask basis_consent(const struct basis_state *s, struct purpose_standing *standing)
{
    const struct consent *record = consent_of(s);
    standing->record = record;
    standing->locked = s->fold->locked;
    if (!record)
        return REASON_BIT(REASON_CONSENT_MISSING);
    switch (record->status) {
    case CONSENT_REFUSED: return REASON_BIT(REASON_CONSENT_REFUSED);
    case CONSENT_WITHDRAWN: return REASON_BIT(REASON_CONSENT_WITHDRAWN);
    case CONSENT_EXPIRED: return REASON_BIT(REASON_CONSENT_EXPIRED);
    case CONSENT_OBJECTED: return REASON_BIT(REASON_OBJECTED);
    default: break;
    }
    reason_mask reasons = 0;
    if (record->expires_ms <= s->at_ms)
        reasons |= REASON_BIT(REASON_CONSENT_EXPIRED);
    stores_until(standing, s->at_ms, record->expires_ms);
    reasons |= notice_outdated(s, record, standing);
    reasons |= guardian_reasons(s, record, standing);
    if (s->purpose->explicit_consent && !record->explicit_given)
        reasons |= REASON_BIT(REASON_CONSENT_NOT_EXPLICIT);
    return reasons;
}

static reason_mask basis_contract(const struct basis_state *s, struct purpose_standing *standing)
{
    const struct consent *record = s->fold->contract;
    standing->record = record;
    if (!record)
        return REASON_BIT(REASON_CONTRACT_MISSING);
    if (record->status == CONSENT_ENDED)
        return REASON_BIT(REASON_CONTRACT_ENDED);
    return record->notice_version < s->purpose->terms_min_version ? REASON_BIT(REASON_TERMS_OUTDATED) : 0;
}

static reason_mask basis_vital(const struct basis_state *s, struct purpose_standing *standing)
{
    const struct consent *record = s->fold->vital;
    standing->record = record;
    if (!record)
        return REASON_BIT(REASON_VITAL_INTEREST_NOT_INVOKED);
    if (record->status == CONSENT_ENDED)
        return REASON_BIT(REASON_VITAL_INTEREST_LAPSED);
    struct duration longest = {0, 72 * HOUR_MS};
    struct duration lapse = duration_is_zero(s->purpose->vital_lapse) ? longest : s->purpose->vital_lapse;
    int64_t until_ms = time_add(record->at_ms, lapse), most_ms = time_add(record->at_ms, longest);
    until_ms = until_ms < most_ms ? until_ms : most_ms;
    if (record->expires_ms > record->at_ms && record->expires_ms < until_ms)
        until_ms = record->expires_ms;
    stores_until(standing, s->at_ms, until_ms);
    return until_ms <= s->at_ms ? REASON_BIT(REASON_VITAL_INTEREST_LAPSED) : 0;
}

/* An objection that someone may still decide is pending; where nobody may override it, or an agent recorded it, it is upheld. */
static reason_mask objection_reasons(const struct basis_state *s, struct purpose_standing *standing)
{
    const struct consent *objection = surest(s->fold->objection);
    if (!objection)
        return 0;
    bool task = standing->basis == BASIS_PUBLIC_TASK || standing->basis == BASIS_LEGITIMATE_INTEREST;
    if (!s->purpose->direct_marketing && !task)
        return 0; /* Art. 21 knows no objection to contract, law and life */
    standing->objection = objection;
    bool pending = !s->purpose->direct_marketing && s->policy->objection_overriders.count && objection->by != SAID_BY_AGENT;
    return REASON_BIT(pending ? REASON_OBJECTION_PENDING : REASON_OBJECTED);
}

static reason_mask basis_interest(const struct basis_state *s, struct purpose_standing *standing)
{
    reason_mask reasons = 0;
    if (s->purpose->notice != SLOT_NONE) {
        const struct notice *notice = &s->policy->notices.items[s->purpose->notice];
        const struct consent *informed = s->fold->informed;
        standing->record = informed;
        uint32_t least = s->purpose->notice_min_version ? s->purpose->notice_min_version : notice->renew_older_than;
        int64_t from_ms = notice->effective_ms == TIME_NONE ? TIME_NONE : time_add(notice->effective_ms, notice->grace);
        bool effective = from_ms == TIME_NONE || s->at_ms >= from_ms;
        if (!effective && informed && informed->notice_version < least)
            valid_until(standing, s->at_ms, from_ms);
        if (!informed || (effective && informed->notice_version < least))
            reasons |= REASON_BIT(REASON_NOT_INFORMED);
    }
    int64_t review_ms = s->purpose->assessment_review_ms;
    if (review_ms != TIME_NONE && review_ms != 0) {
        if (s->at_ms >= review_ms)
            reasons |= REASON_BIT(REASON_ASSESSMENT_OVERDUE);
        valid_until(standing, s->at_ms, review_ms);
    }
    return reasons;
}

static reason_mask basis_reasons(const struct basis_state *s, struct purpose_standing *standing)
{
    switch (standing->basis) {
    case BASIS_CONSENT: return basis_consent(s, standing);
    case BASIS_CONTRACT: return basis_contract(s, standing);
    case BASIS_VITAL_INTEREST: return basis_vital(s, standing);
    case BASIS_LEGITIMATE_INTEREST: return basis_interest(s, standing);
    case BASIS_LEGAL_OBLIGATION: case BASIS_PUBLIC_TASK: return 0;
    default: return REASON_BIT(REASON_INDETERMINATE);
    }
}

/* --- what stops use, what stops collecting, what ends keeping */

/* These suspend: what is there stays, but is neither used nor added to (but for a restriction, which lets collecting go on). */
#define SUSPENDING                                                                                                     \
    (REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE) | REASON_BIT(REASON_CONSENT_OWN_REQUIRED) | REASON_BIT(REASON_TERMS_OUTDATED) | REASON_BIT(REASON_OBJECTION_PENDING) | \
     REASON_BIT(REASON_ASSESSMENT_OVERDUE) | REASON_BIT(REASON_PROCESSING_RESTRICTED) | REASON_BIT(REASON_PURPOSE_NOT_YET_ACTIVE) | \
     REASON_BIT(REASON_INDETERMINATE))

/* Most people of a batch were last seen on the same few days, and calendars are slow. */
static int64_t seen_until(const struct basis_state *s, int64_t last_seen_ms)
{
    struct seen_memo *memo = s->memo ? &s->memo[s->purpose->slot] : NULL;
    if (memo && memo->seen_ms == last_seen_ms)
        return memo->until_ms;
    int64_t until_ms = time_add(last_seen_ms, s->purpose->retention.duration);
    if (memo)
        *memo = (struct seen_memo){last_seen_ms, until_ms};
    return until_ms;
}

static int64_t keep_until(const struct basis_state *s, int64_t last_seen_ms)
{
    const struct period *retention = &s->purpose->retention;
    switch (retention->anchor) {
    case ANCHOR_LAST_SEEN: return last_seen_ms == TIME_NONE ? TIME_FOREVER : seen_until(s, last_seen_ms);
    case ANCHOR_CONTRACT_END: return s->fold->ended ? time_add(s->fold->ended->at_ms, retention->duration) : TIME_FOREVER;
    case ANCHOR_GIVEN: return s->fold->granted ? time_add(s->fold->granted->at_ms, retention->duration) : TIME_FOREVER;
    default: return TIME_FOREVER;
    }
}

/* A purpose or contract that ended keeps what it has until its retention is over, where the retention reaches past the end. */
static reason_mask store_reasons(const struct basis_state *s, const struct purpose_standing *standing)
{
    reason_mask reasons = standing->reasons & ~SUSPENDING;
    enum anchor anchor = s->purpose->retention.anchor;
    if (anchor == ANCHOR_CONTRACT_END)
        reasons &= ~REASON_BIT(REASON_CONTRACT_ENDED);
    if (anchor != ANCHOR_NONE && (standing->basis == BASIS_CONTRACT || standing->basis == BASIS_LEGAL_OBLIGATION))
        reasons &= ~REASON_BIT(REASON_PURPOSE_ENDED);
    if (s->fold->informed)
        reasons &= ~REASON_BIT(REASON_NOT_INFORMED);
    if (basis_outlives_erasure(standing->basis))
        reasons &= ~REASON_BIT(REASON_SUBJECT_ERASED);
    return reasons;
}

static void purpose_stand(const struct basis_state *s, struct standing *all, int64_t last_seen_ms)
{
    const struct purpose *purpose = s->purpose;
    struct purpose_standing *standing = &all->purposes[purpose->slot];
    standing->basis = purpose->bases.count ? purpose_basis(purpose, all->jurisdiction) : purpose->basis;
    standing->valid_until_ms = s->next_ms;
    standing->stores_until_ms = TIME_FOREVER;
    reason_mask reasons = basis_reasons(s, standing) | objection_reasons(s, standing);
    const struct consent *opt_out = surest(s->fold->opt_out);
    if (opt_out) {
        reasons |= REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL);
        standing->objection = opt_out;
    }
    if (all->erased)
        reasons |= REASON_BIT(REASON_SUBJECT_ERASED);
    bool law_goes_on = standing->basis == BASIS_LEGAL_OBLIGATION && s->policy->legal_obligation_under_restriction;
    if ((all->restricted && !law_goes_on) || purpose->storage_only)
        reasons |= REASON_BIT(REASON_PROCESSING_RESTRICTED);
    if (purpose->starts_ms != TIME_NONE && s->at_ms < purpose->starts_ms)
        reasons |= REASON_BIT(REASON_PURPOSE_NOT_YET_ACTIVE);
    if (purpose->ends_ms != TIME_NONE && purpose->ends_ms != 0 && s->at_ms >= purpose->ends_ms)
        reasons |= REASON_BIT(REASON_PURPOSE_ENDED);
    if (s->policy->activated_ms > 0 && s->at_ms < s->policy->activated_ms)
        reasons |= REASON_BIT(REASON_INDETERMINATE);
    valid_until(standing, s->at_ms, s->policy->activated_ms);
    valid_until(standing, s->at_ms, purpose->starts_ms);
    stores_until(standing, s->at_ms, purpose->ends_ms ? purpose->ends_ms : TIME_FOREVER);
    standing->keep_until_ms = keep_until(s, last_seen_ms);
    if (standing->keep_until_ms <= s->at_ms)
        reasons |= REASON_BIT(REASON_RETENTION_ELAPSED);
    stores_until(standing, s->at_ms, standing->keep_until_ms);
    standing->reasons = reasons;
    standing->store_reasons = store_reasons(s, standing);
    standing->collect_reasons = reasons & ~REASON_BIT(REASON_PROCESSING_RESTRICTED);
    if (purpose->retention.anchor == ANCHOR_LAST_SEEN) /* being seen now starts it anew */
        standing->collect_reasons &= ~REASON_BIT(REASON_RETENTION_ELAPSED);
    if (basis_outlives_erasure(standing->basis))
        standing->collect_reasons &= ~REASON_BIT(REASON_SUBJECT_ERASED);
    all->holds |= reasons ? 0 : purpose->self;
    all->collects |= standing->collect_reasons ? 0 : purpose->self;
    all->stores |= standing->store_reasons ? 0 : purpose->self;
    if (!gate_special_reasons(s->policy, all, purpose->slot))
        all->special |= purpose->self;
    if (standing->valid_until_ms < all->valid_until_ms)
        all->valid_until_ms = standing->valid_until_ms;
    if (standing->stores_until_ms < all->stores_until_ms)
        all->stores_until_ms = standing->stores_until_ms;
}

reason_mask gate_special_reasons(const struct policy *policy, const struct standing *standing, unsigned slot)
{
    const struct purpose *purpose = &policy->purposes.items[slot];
    if (str_empty(purpose->special_condition))
        return REASON_BIT(REASON_SPECIAL_CATEGORY_WITHOUT_CONDITION);
    const struct consent *record = standing->purposes[slot].record;
    bool explicit_given = record && record->explicit_given && is_grant(record);
    return str_equal(purpose->special_condition, STR("a")) && !explicit_given ? REASON_BIT(REASON_CONSENT_NOT_EXPLICIT) : 0;
}

/* Only the year is kept, so the last birthday counts as not yet had; of several years the youngest is believed. 0: unknown. */
static int person_born(const struct person *person)
{
    int born = 0;
    if (person)
        vec_each (profile, &person->profiles)
            born = !row_dead(profile) && profile->birth_year > born ? profile->birth_year : born;
    return born;
}

static bool erased_by(const struct person *person, int64_t time_ms)
{
    vec_each (profile, &person->profiles)
        if (profile->erased_ms != TIME_NONE && profile->erased_ms != 0 && profile->erased_ms <= time_ms)
            return true;
    return false;
}

static const struct standing *standing_make(struct arena *arena, const struct policy *policy, const struct person *person, str jurisdiction,
                                            int64_t at_ms, int64_t known_ms, struct seen_memo *memo)
{
    static const struct fold nothing; /* the fold of no records */
    size_t purposes = policy->purposes.count;
    struct standing *standing = arena_alloc(arena, sizeof *standing + purposes * sizeof *standing->purposes);
    standing->policy = policy;
    standing->jurisdiction = person && person->profiles.count ? person_jurisdiction(person) : jurisdiction;
    if (str_empty(standing->jurisdiction))
        standing->jurisdiction = jurisdiction;
    standing->at_ms = at_ms;
    standing->known_ms = known_ms;
    standing->valid_until_ms = standing->stores_until_ms = TIME_FOREVER;
    standing->erased = person && erased_by(person, at_ms < known_ms ? at_ms : known_ms);
    struct person_fold *fold = NULL;
    if (person && person->consents.count) {
        fold = arena_alloc(arena, sizeof *fold + purposes * sizeof *fold->purposes);
        fold->next_ms = TIME_FOREVER;
        fold_person(arena, policy, person, standing->jurisdiction, at_ms, known_ms, fold);
        standing->restricted = fold->restriction && fold->restriction->status == CONSENT_RESTRICTED;
        standing->valid_until_ms = standing->stores_until_ms = fold->next_ms;
    }
    int64_t last_seen_ms = person ? person_last_seen(person) : TIME_NONE;
    struct basis_state state = {.policy = policy, .at_ms = at_ms, .next_ms = fold ? fold->next_ms : TIME_FOREVER,
                                .jurisdiction = standing->jurisdiction, .born = person_born(person),
                                .memo = memo};
    vec_each (purpose, &policy->purposes) {
        state.purpose = purpose;
        state.fold = fold ? &fold->purposes[purpose->slot] : &nothing;
        purpose_stand(&state, standing, last_seen_ms);
    }
    return standing;
}

const struct standing *gate_standing_at(struct arena *arena, const struct policy *policy, const struct person *person, str jurisdiction,
                                        int64_t at_ms, int64_t known_ms)
{
    return standing_make(arena, policy, person, jurisdiction, at_ms, known_ms, NULL);
}

static const struct standing *standing_cached(struct arena *arena, const struct policy *policy, struct person *person, str jurisdiction,
                                              int64_t now_ms, struct seen_memo *memo)
{
    const struct standing *cached = person->standing;
    if (cached && cached->policy == policy && now_ms >= cached->at_ms && now_ms < cached->valid_until_ms &&
        (str_equal(cached->jurisdiction, jurisdiction) || !str_empty(person_jurisdiction(person))))
        return cached;
    person->standing = standing_make(arena, policy, person, jurisdiction, now_ms, TIME_FOREVER, memo);
    return person->standing;
}

const struct standing *gate_standing(struct arena *arena, const struct policy *policy, struct person *person, str jurisdiction,
                                     int64_t now_ms)
{
    return person ? standing_cached(arena, policy, person, jurisdiction, now_ms, NULL)
                  : standing_make(arena, policy, NULL, jurisdiction, now_ms, TIME_FOREVER, NULL);
}

void gate_standing_reset(struct person *person) { person->standing = NULL; }

const struct standing *standing_of(struct apply *apply, struct person *person, const struct source *source)
{
    if (person)
        return standing_cached(apply->arena, apply->policy, person, STR_NONE, apply->now_ms, apply->seen_memo);
    if (!source)
        return gate_standing(apply->arena, apply->policy, NULL, STR_NONE, apply->now_ms);
    const struct standing **slot = &apply->nobody[source->slot];
    if (!*slot)
        *slot = gate_standing(apply->arena, apply->policy, NULL, source->jurisdiction, apply->now_ms);
    return *slot;
}
