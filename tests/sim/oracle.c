/* The oracle: what may be done with a person's data, from the spec and the records, in the words of the design. Each question is asked by
 * looking through all records again; nothing is remembered, nothing is fast.
 */
#include "sim.h"

#include "core/signal.h"

struct asked { /* in */
    const struct spec *spec;
    const struct spec_purpose *purpose;
    const struct person *person;
    unsigned slot;
    int64_t at_ms, known_ms;
    enum basis basis;
    bool us;
};

/* --- records */

static bool refuses(enum consent_status status)
{
    return status == CONSENT_REFUSED || status == CONSENT_WITHDRAWN || status == CONSENT_OBJECTED || status == CONSENT_ENDED ||
           status == CONSENT_OPTED_OUT || status == CONSENT_RESTRICTED || status == CONSENT_EXPIRED;
}

/* Said later; at the same instant the refusal counts as the later one; then what was learned later. */
static bool later(const struct consent *a, const struct consent *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms > b->at_ms;
    if (refuses(a->status) != refuses(b->status))
        return refuses(a->status);
    if (a->known_ms != b->known_ms)
        return a->known_ms > b->known_ms;
    return memcmp(&a->id, &b->id, sizeof a->id) > 0;
}

#define BIT_OF(status) (1u << (status))

static bool counts(const struct asked *q, const struct consent *record, unsigned statuses)
{
    return (statuses >> record->status & 1) && record->known_ms <= q->known_ms && record->at_ms <= q->at_ms &&
           str_equal(record->purpose, str_of(spec_purpose_names[q->slot]));
}

/* 2: by a channel that knows who speaks; 1: on a name or address; 0: on a device. */
static int sure(const struct person *person, const struct consent *record)
{
    if (record->verified)
        return 2;
    vec_each (identifier, &person->identifiers)
        for (unsigned key = KEY_USER; key <= KEY_PHONE; key++)
            if (profile_no_equal(identifier->profile, record->profile) && identifier->number == record->identifier &&
                str_equal(identifier->type, str_of(spec_key_names[key])))
                return 1;
    return 0;
}

/* The latest of these statuses that was said at least, and at most, as surely. */
static const struct consent *latest_sure(const struct asked *q, unsigned statuses, int least, int most)
{
    const struct consent *found = NULL;
    vec_each (record, &q->person->consents)
        if (counts(q, record, statuses) && (!found || later(record, found)) && sure(q->person, record) >= least && sure(q->person, record) <= most)
            found = record;
    return found;
}

static const struct consent *latest(const struct asked *q, unsigned statuses) { return latest_sure(q, statuses, 0, 2); }

/* --- (a) consent */

static unsigned refusal_statuses(const struct asked *q)
{
    /* against a purpose that rests on consent an objection is a refusal; against direct marketing it is absolute, and stands apart */
    return BIT_OF(CONSENT_REFUSED) | BIT_OF(CONSENT_WITHDRAWN) | (q->purpose->direct_marketing || q->basis != BASIS_CONSENT ? 0 : BIT_OF(CONSENT_OBJECTED));
}

/* A grant never overrides a refusal that was said more surely: of all that was said more surely before it, the last word is a yes. */
static bool grant_counts(const struct asked *q, const struct consent *grant)
{
    for (int level = sure(q->person, grant) + 1; level <= 2; level++) {
        const struct consent *last = NULL;
        vec_each (record, &q->person->consents)
            if (counts(q, record, refusal_statuses(q) | BIT_OF(CONSENT_GIVEN) | BIT_OF(CONSENT_RENEWED)) && sure(q->person, record) >= level &&
                later(grant, record) && (!last || later(record, last)))
                last = record;
        if (last && last->status != CONSENT_GIVEN && last->status != CONSENT_RENEWED)
            return false;
    }
    return true;
}

static const struct consent *consent_standing(const struct asked *q)
{
    const struct consent *found = latest(q, refusal_statuses(q));
    vec_each (record, &q->person->consents)
        if (counts(q, record, BIT_OF(CONSENT_GIVEN) | BIT_OF(CONSENT_RENEWED)) && grant_counts(q, record) && (!found || later(record, found)))
            found = record;
    return found;
}

static unsigned notice_demanded(const struct asked *q)
{
    return q->purpose->notice_min ? q->purpose->notice_min : q->spec->notices[q->purpose->notice].renew_older_than;
}

static bool notice_in_force(const struct asked *q)
{
    const struct spec_notice *notice = &q->spec->notices[q->purpose->notice];
    return q->at_ms >= notice->effective_ms + notice->grace_ms;
}

static bool is_grant(const struct consent *record) { return record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED; }

static int year_of(int64_t time_ms)
{
    int year = 1970;
    for (int64_t days = time_ms / DAY_MS;; year++) {
        int long_year = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        if (days < 365 + long_year)
            return year;
        days -= 365 + long_year;
    }
}

/* 0: unknown. Of two years the younger. */
static int born(const struct person *person)
{
    int year = 0;
    vec_each (profile, &person->profiles)
        year = profile->birth_year > year ? profile->birth_year : year;
    return year;
}

/* In the words of Art. 8: below 16 in Hungary, below 13 in the United States. Only the year of birth is kept: the birthday counts as not yet
 * had. Of unknown age: a child where the purpose asks. */
static bool child_at(const struct asked *q, int64_t time_ms)
{
    int year = born(q->person), threshold = q->purpose->age_threshold ? (int)q->purpose->age_threshold : q->us ? 13 : 16;
    return year ? year_of(time_ms) - year - 1 < threshold : q->purpose->guardian;
}

/* The newest yes of a guardian that stands against what was refused since. */
static const struct consent *guardians_yes(const struct asked *q)
{
    const struct consent *refusal = latest(q, refusal_statuses(q)), *found = NULL;
    vec_each (record, &q->person->consents)
        if (counts(q, record, BIT_OF(CONSENT_GIVEN) | BIT_OF(CONSENT_RENEWED)) && record->by == SAID_BY_GUARDIAN && grant_counts(q, record) &&
            (!found || later(record, found)))
            found = record;
    if (!found || (refusal && later(refusal, found)))
        return NULL;
    vec_each (record, &q->person->consents)
        if (counts(q, record, BIT_OF(CONSENT_EXPIRED)) && later(record, found) && found->expires_ms <= record->at_ms)
            return NULL;
    return found;
}

/* The yes of a child takes nothing away from its guardian's. */
static const struct consent *child_stands_back(const struct asked *q, const struct consent *record)
{
    if (!record || !is_grant(record) || record->by == SAID_BY_GUARDIAN || !child_at(q, q->at_ms))
        return record;
    const struct consent *guardian = guardians_yes(q);
    return guardian ? guardian : record;
}

/* A child's own yes never counts, nor when it is grown; a guardian's until the child is grown, unless the policy lets it stand. */
static reason_mask guardian_reasons(const struct asked *q, const struct consent *record)
{
    bool guardian = record->by == SAID_BY_GUARDIAN;
    if (child_at(q, q->at_ms))
        return guardian ? 0 : REASON_BIT(REASON_CONSENT_GUARDIAN_REQUIRED);
    return born(q->person) && child_at(q, record->at_ms) && !(guardian && q->spec->guardian_stands) ? REASON_BIT(REASON_CONSENT_OWN_REQUIRED) : 0;
}

static reason_mask consent_reasons(const struct asked *q, const struct consent *record)
{
    reason_mask reasons = 0;
    if (!record)
        return REASON_BIT(REASON_CONSENT_MISSING);
    if (record->status == CONSENT_REFUSED)
        return REASON_BIT(REASON_CONSENT_REFUSED);
    if (record->status == CONSENT_WITHDRAWN)
        return REASON_BIT(REASON_CONSENT_WITHDRAWN);
    if (record->status == CONSENT_OBJECTED)
        return REASON_BIT(REASON_OBJECTED);
    if (record->expires_ms <= q->at_ms)
        reasons |= REASON_BIT(REASON_CONSENT_EXPIRED);
    if (record->notice_version < notice_demanded(q) && notice_in_force(q))
        reasons |= REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE);
    reasons |= guardian_reasons(q, record);
    if (q->purpose->explicit_consent && !record->explicit_given)
        reasons |= REASON_BIT(REASON_CONSENT_NOT_EXPLICIT);
    return reasons;
}

/* --- (b) contract, (d) vital interest, (f) legitimate interest */

static reason_mask contract_reasons(const struct asked *q)
{
    const struct consent *record = latest(q, BIT_OF(CONSENT_OPENED) | BIT_OF(CONSENT_ENDED));
    if (!record)
        return REASON_BIT(REASON_CONTRACT_MISSING);
    if (record->status == CONSENT_ENDED)
        return REASON_BIT(REASON_CONTRACT_ENDED);
    return record->notice_version < q->purpose->terms_min ? REASON_BIT(REASON_TERMS_OUTDATED) : 0;
}

static reason_mask vital_reasons(const struct asked *q)
{
    const struct consent *invoked = latest(q, BIT_OF(CONSENT_INVOKED)), *ended = latest(q, BIT_OF(CONSENT_ENDED));
    if (!invoked)
        return REASON_BIT(REASON_VITAL_INTEREST_NOT_INVOKED);
    if (ended && later(ended, invoked))
        return REASON_BIT(REASON_VITAL_INTEREST_LAPSED);
    int64_t until_ms = invoked->at_ms + q->purpose->lapse_ms;
    if (invoked->expires_ms > invoked->at_ms && invoked->expires_ms < until_ms)
        until_ms = invoked->expires_ms;
    return q->at_ms >= until_ms ? REASON_BIT(REASON_VITAL_INTEREST_LAPSED) : 0;
}

static reason_mask interest_reasons(const struct asked *q)
{
    reason_mask reasons = 0;
    if (q->purpose->notice >= 0) {
        const struct consent *informed = latest(q, BIT_OF(CONSENT_INFORMED));
        if (!informed || (informed->notice_version < notice_demanded(q) && notice_in_force(q)))
            reasons |= REASON_BIT(REASON_NOT_INFORMED);
    }
    if (q->purpose->review_ms != TIME_NONE && q->at_ms >= q->purpose->review_ms)
        reasons |= REASON_BIT(REASON_ASSESSMENT_OVERDUE);
    return reasons;
}

/* --- objections */

/* By the person, wherever it was said; or by a GPP string, where one had said it on the very same identifier. */
static bool lifts(const struct asked *q, const struct consent *lift, const struct consent *said)
{
    str gpp = str_of(signal_kind_method(SIGNAL_GPP));
    if (!counts(q, lift, BIT_OF(CONSENT_OBJECTION_LIFTED)) || !later(lift, said) || sure(q->person, lift) < sure(q->person, said))
        return false;
    return !str_equal(lift->method, gpp) || (said->status == CONSENT_OPTED_OUT && str_equal(said->method, gpp) && lift->identifier == said->identifier &&
                                             profile_no_equal(lift->profile, said->profile));
}

/* Said, and not lifted since on an identifier at least as sure; of several the one that was said most surely, then the latest. */
static const struct consent *unlifted(const struct asked *q, enum consent_status status)
{
    const struct consent *found = NULL;
    vec_each (said, &q->person->consents) {
        bool stands = counts(q, said, BIT_OF(status));
        vec_each (lift, &q->person->consents)
            stands = stands && !lifts(q, lift, said);
        if (stands && (!found || sure(q->person, said) > sure(q->person, found) || (sure(q->person, said) == sure(q->person, found) && later(said, found))))
            found = said;
    }
    return found;
}

static reason_mask objection_reasons(const struct asked *q)
{
    reason_mask reasons = unlifted(q, CONSENT_OPTED_OUT) ? REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL) : 0;
    bool can_object = q->purpose->direct_marketing || q->basis == BASIS_PUBLIC_TASK || q->basis == BASIS_LEGITIMATE_INTEREST;
    const struct consent *objection = can_object ? unlifted(q, CONSENT_OBJECTED) : NULL;
    if (!objection)
        return reasons;
    /* absolute for direct marketing; else it is examined where somebody may, and upheld where an agent recorded it */
    bool examined = !q->purpose->direct_marketing && q->spec->overriders && objection->by != SAID_BY_AGENT;
    return reasons | REASON_BIT(examined ? REASON_OBJECTION_PENDING : REASON_OBJECTED);
}

/* --- vendors */

static bool of_vendor(const struct consent *record, unsigned purpose)
{
    return (record->status == CONSENT_VENDOR_PERMITTED || record->status == CONSENT_VENDOR_DENIED) &&
           str_equal(record->purpose, str_of(spec_purpose_names[purpose])) && str_find(record->reference, STR("vendor 755")) >= 0;
}

bool oracle_vendor_named(const struct person *person, unsigned purpose)
{
    vec_each (record, &person->consents)
        if (of_vendor(record, purpose))
            return true;
    return false;
}

/* The newest word of the TC strings; a no stands at the same instant, and against each yes that was said less surely. */
bool oracle_vendor_may(const struct person *person, unsigned purpose, int64_t now_ms)
{
    const struct consent *yes = NULL;
    vec_each (record, &person->consents)
        if (of_vendor(record, purpose) && record->status == CONSENT_VENDOR_PERMITTED && record->at_ms <= now_ms && (!yes || record->at_ms >= yes->at_ms))
            yes = record;
    if (!yes || yes->expires_ms <= now_ms)
        return false;
    vec_each (record, &person->consents) {
        bool outdone = false;
        if (!of_vendor(record, purpose) || record->status != CONSENT_VENDOR_DENIED || record->at_ms > now_ms)
            continue;
        vec_each (later_yes, &person->consents)
            outdone |= of_vendor(later_yes, purpose) && later_yes->status == CONSENT_VENDOR_PERMITTED && later_yes->at_ms > record->at_ms &&
                       later_yes->at_ms <= now_ms && sure(person, later_yes) >= sure(person, record);
        if (!outdone)
            return false;
    }
    return true;
}

/* --- what cuts across */

static int64_t day_of(int64_t time_ms) { return time_ms - time_ms % DAY_MS; }

/* The day of the person's newest sign of life. */
static int64_t last_seen(const struct person *person)
{
    int64_t last_ms = TIME_NONE;
    vec_each (identifier, &person->identifiers)
        last_ms = identifier->last_seen_ms > last_ms ? identifier->last_seen_ms : last_ms;
    vec_each (record, &person->consents)
        if (record->by != SAID_BY_SYSTEM && day_of(record->known_ms) > last_ms)
            last_ms = day_of(record->known_ms);
    return last_ms;
}

/* The end of what counts from something of the person (not from the datum). */
static int64_t person_kept_until(const struct asked *q)
{
    const struct consent *from = NULL;
    switch (q->purpose->anchor) {
    case ANCHOR_LAST_SEEN: {
        int64_t last_ms = last_seen(q->person);
        return last_ms == TIME_NONE ? TIME_FOREVER : last_ms + q->purpose->retention_ms;
    }
    case ANCHOR_CONTRACT_END: {
        const struct consent *word = latest(q, BIT_OF(CONSENT_OPENED) | BIT_OF(CONSENT_ENDED));
        from = word && word->status == CONSENT_ENDED ? word : NULL;
        break;
    }
    case ANCHOR_GIVEN: /* of the grants that count */
        vec_each (record, &q->person->consents)
            if (counts(q, record, BIT_OF(CONSENT_GIVEN) | BIT_OF(CONSENT_RENEWED)) && grant_counts(q, record) && (!from || later(record, from)))
                from = record;
        break;
    default: break;
    }
    return from ? from->at_ms + q->purpose->retention_ms : TIME_FOREVER;
}

int64_t oracle_kept_until(const struct spec_purpose *purpose, int64_t received_ms)
{
    return purpose->anchor == ANCHOR_COLLECTED ? received_ms + purpose->retention_ms : TIME_FOREVER;
}

static bool restricted(const struct asked *q)
{
    const struct consent *found = NULL;
    vec_each (record, &q->person->consents)
        if ((record->status == CONSENT_RESTRICTED || record->status == CONSENT_UNRESTRICTED) && record->known_ms <= q->known_ms &&
            record->at_ms <= q->at_ms && (!found || later(record, found)))
            found = record;
    return found && found->status == CONSENT_RESTRICTED;
}

static bool erased(const struct person *person, int64_t at_ms)
{
    vec_each (profile, &person->profiles)
        if (profile->erased_ms != TIME_NONE && profile->erased_ms && profile->erased_ms <= at_ms)
            return true;
    return false;
}

static reason_mask basis_reasons(const struct asked *q, const struct consent *consent)
{
    switch (q->basis) {
    case BASIS_CONSENT: return consent_reasons(q, consent);
    case BASIS_CONTRACT: return contract_reasons(q);
    case BASIS_VITAL_INTEREST: return vital_reasons(q);
    case BASIS_LEGITIMATE_INTEREST: return interest_reasons(q);
    default: return 0;
    }
}

static reason_mask use_reasons(const struct asked *q, const struct consent *consent)
{
    reason_mask reasons = basis_reasons(q, consent) | objection_reasons(q);
    bool law = q->basis == BASIS_LEGAL_OBLIGATION;
    if (erased(q->person, q->at_ms < q->known_ms ? q->at_ms : q->known_ms))
        reasons |= REASON_BIT(REASON_SUBJECT_ERASED);
    if ((restricted(q) && !(law && q->spec->law_under_restriction)) || q->purpose->storage_only)
        reasons |= REASON_BIT(REASON_PROCESSING_RESTRICTED);
    if (q->purpose->starts_ms != TIME_NONE && q->at_ms < q->purpose->starts_ms)
        reasons |= REASON_BIT(REASON_PURPOSE_NOT_YET_ACTIVE);
    if (q->purpose->ends_ms != TIME_FOREVER && q->at_ms >= q->purpose->ends_ms)
        reasons |= REASON_BIT(REASON_PURPOSE_ENDED);
    if (q->at_ms < q->spec->activated_ms)
        reasons |= REASON_BIT(REASON_INDETERMINATE);
    if (q->at_ms >= person_kept_until(q))
        reasons |= REASON_BIT(REASON_RETENTION_ELAPSED);
    return reasons;
}

/* Art. 17(3)(b): what a law orders, and the tasks that it gives. */
static bool by_law(enum basis basis) { return basis == BASIS_LEGAL_OBLIGATION || basis == BASIS_PUBLIC_TASK; }

/* A consent under an outdated notice, an objection under examination, a restriction or an overdue assessment stop use but destroy nothing;
 * what has ended keeps what it has until its retention is over, where the retention reaches past the end; law outlives erasure. */
static reason_mask store_reasons(const struct asked *q, reason_mask use)
{
    static const enum reason suspending[] = {REASON_CONSENT_OUTDATED_NOTICE, REASON_CONSENT_OWN_REQUIRED, REASON_TERMS_OUTDATED, REASON_OBJECTION_PENDING,
                                             REASON_ASSESSMENT_OVERDUE, REASON_PROCESSING_RESTRICTED, REASON_PURPOSE_NOT_YET_ACTIVE,
                                             REASON_INDETERMINATE};
    for (size_t i = 0; i < COUNT_OF(suspending); i++)
        use &= ~REASON_BIT(suspending[i]);
    if (q->purpose->anchor == ANCHOR_CONTRACT_END)
        use &= ~REASON_BIT(REASON_CONTRACT_ENDED);
    if (q->purpose->anchor != ANCHOR_NONE && (q->basis == BASIS_CONTRACT || q->basis == BASIS_LEGAL_OBLIGATION))
        use &= ~REASON_BIT(REASON_PURPOSE_ENDED);
    if (latest(q, BIT_OF(CONSENT_INFORMED))) /* informed once, only not anew */
        use &= ~REASON_BIT(REASON_NOT_INFORMED);
    if (by_law(q->basis))
        use &= ~REASON_BIT(REASON_SUBJECT_ERASED);
    return use;
}

static reason_mask collect_reasons(const struct asked *q, reason_mask use)
{
    use &= ~REASON_BIT(REASON_PROCESSING_RESTRICTED); /* storage goes on */
    if (q->purpose->anchor == ANCHOR_LAST_SEEN) /* being seen now starts it anew */
        use &= ~REASON_BIT(REASON_RETENTION_ELAPSED);
    if (by_law(q->basis))
        use &= ~REASON_BIT(REASON_SUBJECT_ERASED);
    return use;
}

/* Did the sweeper note that the standing grant ran out? Then nothing else is said of it. */
static bool expiry_noted(const struct asked *q, const struct consent *consent)
{
    const struct consent *noted = latest(q, BIT_OF(CONSENT_EXPIRED));
    return noted && consent && !refuses(consent->status) && later(noted, consent) && consent->expires_ms <= noted->at_ms;
}

static bool special_holds(const struct asked *q, const struct consent *consent)
{
    if (q->purpose->special != 'a')
        return q->purpose->special != 0;
    return q->basis == BASIS_CONSENT && consent && !refuses(consent->status) && consent->explicit_given &&
           !expiry_noted(q, consent);
}

static bool in_california(const struct person *person, const char *otherwise)
{
    vec_each (profile, &person->profiles)
        if (!str_empty(profile->jurisdiction))
            return str_equal(profile->jurisdiction, STR("US-CA"));
    return !strcmp(otherwise, "US-CA");
}

void oracle_judge(const struct spec *spec, const struct person *person, const char *source_jurisdiction, int64_t at_ms, int64_t known_ms,
                  struct verdicts *all)
{
    static const struct person nobody;
    person = person ? person : &nobody;
    *all = (struct verdicts){.us = in_california(person, source_jurisdiction), .erased = erased(person, at_ms < known_ms ? at_ms : known_ms)};
    for (unsigned i = 0; i < PURPOSES; i++) {
        struct asked q = {spec, &spec->purposes[i], person, i, at_ms, known_ms, all->us ? spec->purposes[i].basis_us : spec->purposes[i].basis, all->us};
        if (!q.purpose->present)
            continue;
        struct verdict *verdict = &all->of[i];
        const struct consent *consent = q.basis == BASIS_CONSENT ? child_stands_back(&q, consent_standing(&q)) : NULL;
        verdict->use = use_reasons(&q, consent);
        verdict->store = store_reasons(&q, verdict->use);
        verdict->collect = collect_reasons(&q, verdict->use);
        verdict->expired_record = expiry_noted(&q, consent);
        verdict->special = special_holds(&q, consent);
        all->uses |= verdict->use ? 0 : 1u << i;
        all->stores |= verdict->store ? 0 : 1u << i;
        all->collects |= verdict->collect ? 0 : 1u << i;
        all->specials |= verdict->special ? 1u << i : 0;
    }
}

/* --- categories, purposes, keys */

purpose_bits oracle_cover(const struct spec *spec, const struct verdicts *verdicts, int category)
{
    purpose_bits cover = 0;
    if (category == CAT_RIDES)
        return ~(purpose_bits)0;
    for (unsigned i = 0; i < PURPOSES && category < CATEGORIES; i++)
        if (spec->purposes[i].present && (spec->purposes[i].categories >> category & 1))
            cover |= 1u << i;
    return category == CAT_HEALTH ? cover & verdicts->specials : cover;
}

/* Its own purpose, or one declared compatible with it: never so where it was collected on consent. */
bool oracle_fits(const struct spec *spec, purpose_bits collected, unsigned purpose)
{
    if (collected >> purpose & 1)
        return true;
    for (unsigned i = 0; i < PURPOSES; i++)
        if ((collected & spec->purposes[purpose].compatible) >> i & 1 && spec->purposes[i].basis != BASIS_CONSENT &&
            spec->purposes[i].basis_us != BASIS_CONSENT)
            return true;
    return false;
}

enum key_class oracle_class(const struct spec *spec, purpose_bits purposes, bool us)
{
    bool consent_alone = true, law = false;
    for (unsigned i = 0; i < PURPOSES; i++) {
        enum basis basis = us ? spec->purposes[i].basis_us : spec->purposes[i].basis;
        consent_alone &= !(purposes >> i & 1) || basis == BASIS_CONSENT;
        law |= (purposes >> i & 1) && by_law(basis);
    }
    return law ? KEY_LEGAL : consent_alone ? KEY_CONSENT : KEY_CONTRACT;
}

bool oracle_overdue(const struct person *person, int64_t now_ms)
{
    vec_each (profile, &person->profiles)
        if (profile->due_ms <= now_ms + 1) /* "at once", said by a step at this very instant */
            return true;
    return false;
}

/* Purposes whose notice the source shows with the message itself, and that lack nothing else. */
purpose_bits oracle_informable(const struct spec *spec, const struct verdicts *verdicts, unsigned source)
{
    purpose_bits set = 0;
    for (unsigned i = 0; i < PURPOSES; i++) {
        const struct spec_purpose *purpose = &spec->purposes[i];
        if (purpose->present && purpose->notice >= 0 && (spec->sources[source].informs >> purpose->notice & 1) &&
            verdicts->of[i].collect == REASON_BIT(REASON_NOT_INFORMED))
            set |= 1u << i;
    }
    return set;
}

static bool consent_hangs_on(const struct asked *q, profile_no profile)
{
    const struct consent *last = NULL;
    vec_each (record, &q->person->consents)
        if (profile_no_equal(record->profile, profile) && str_equal(record->purpose, str_of(spec_purpose_names[q->slot])) &&
            (!last || record->at_ms >= last->at_ms))
            last = record;
    return last && is_grant(last) && (child_at(q, last->at_ms) || (q->purpose->guardian && last->by != SAID_BY_GUARDIAN));
}

static bool year_needed_in(const struct spec *spec, const struct person *person, const struct profile *alone, bool us, int64_t now_ms)
{
    struct person one = *person; /* as if this were the only year known */
    struct profile known = *alone;
    bool needed = false;
    one.profiles.items = &known;
    one.profiles.count = 1;
    for (unsigned i = 0; i < PURPOSES; i++) {
        struct asked q = {spec, &spec->purposes[i], &one, i, now_ms, TIME_FOREVER, us ? spec->purposes[i].basis_us : spec->purposes[i].basis, us};
        if (!q.purpose->present || q.basis != BASIS_CONSENT)
            continue;
        needed |= child_at(&q, now_ms);
        vec_each (profile, &person->profiles)
            needed |= consent_hangs_on(&q, profile->number);
    }
    return needed;
}

bool oracle_year_needed(const struct spec *spec, const struct person *person, int year, int64_t now_ms)
{
    struct profile alone = {.birth_year = (int16_t)year};
    bool needed = false;
    vec_each (profile, &person->profiles) /* by the law of each place where it was seen */
        needed |= year_needed_in(spec, person, &alone, str_equal(profile->jurisdiction, STR("US-CA")), now_ms);
    return needed && !erased(person, now_ms);
}
