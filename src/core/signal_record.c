/* What a signal changes for a person: the rules by which it becomes records, or none.
 *
 * 1. A record is written only where it changes what holds: SDKs repeat their map on every event.
 * 2. A repeated map is no new statement. What was refused, withdrawn or ran out comes back only by a fresh act: the event that says that
 *    the choice was changed, a TC string that was made on a later day, or a yes by the same kind of signal on the identifier whose own last
 *    word was no. So a device that still holds an old yes undoes no withdrawal made elsewhere, and renews nothing under a new notice.
 * 3. A no always counts, and is written again where it is said more surely; a yes counts against no refusal that was said more surely. And an opt-out is taken back only by the signal that said it, on the identifier that it was said on.
 */
#include "core/signal_private.h"

static bool is_grant(const struct consent *record)
{
    return record && (record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED);
}

/* What this very identifier last said by this kind of signal. `vendor`: of this one alone; 0: of the purpose. */
static const struct consent *own_word(const struct speaker *speaker, str purpose, str method, uint16_t vendor)
{
    const struct consent *last = NULL;
    const struct identifier *identifier = speaker->identifier;
    if (!speaker->person || !identifier)
        return NULL;
    vec_each (record, &speaker->person->consents)
        if (!row_dead(record) && record->identifier == identifier->number && profile_no_equal(record->profile, identifier->profile) &&
            str_equal(record->purpose, purpose) && str_equal(record->method, method) && status_is_vendor(record->status) == (vendor != 0) &&
            (!vendor || vendor_named(record->reference, vendor)) && (!last || record->at_ms >= last->at_ms))
            last = record;
    return last;
}

static bool own_yes(const struct consent *own) { return is_grant(own) || (own && own->status == CONSENT_OBJECTION_LIFTED); }

/* --- yes and no of one voice */

/* The record that would change what holds for this purpose; false when nothing would. */
static bool wish_yes(const struct policy *policy, const struct purpose_standing *now, const struct consent *own, const struct speaker *speaker, bool fresh, str method,
                     enum consent_status *ret_status)
{
    bool changed = fresh || (own && !own_yes(own));
    if (now->basis == BASIS_CONSENT) {
        bool stale = now->reasons & (REASON_BIT(REASON_CONSENT_EXPIRED) | REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE));
        *ret_status = is_grant(now->record) ? CONSENT_RENEWED : CONSENT_GIVEN;
        if (speaker->sure < now->locked)
            return false;
        return !now->record || (changed && (!is_grant(now->record) || stale));
    }
    *ret_status = CONSENT_OBJECTION_LIFTED;
    return changed && now->objection && now->objection->status == CONSENT_OBJECTED && str_equal(now->objection->method, method) &&
           speaker->sure >= gate_sureness(policy, speaker->person, now->objection);
}

static bool wish_no(const struct policy *policy, const struct purpose *purpose, const struct purpose_standing *now, const struct consent *own,
                    const struct speaker *speaker, enum consent_status *ret_status)
{
    if (now->basis == BASIS_CONSENT) {
        *ret_status = is_grant(now->record) ? CONSENT_WITHDRAWN : CONSENT_REFUSED;
        return !now->record || is_grant(now->record) || own_yes(own) || speaker->sure > now->locked;
    }
    *ret_status = CONSENT_OBJECTED;
    bool may = now->basis == BASIS_LEGITIMATE_INTEREST || now->basis == BASIS_PUBLIC_TASK || purpose->direct_marketing;
    bool surer = now->objection && now->objection->status == CONSENT_OBJECTED &&
                 speaker->sure > gate_sureness(policy, speaker->person, now->objection);
    return may && (!now->objection || surer);
}

static bool wish_contract(const struct purpose_standing *now, bool opened)
{
    bool open = now->record && now->record->status == CONSENT_OPENED;
    return opened ? !open || (now->reasons & REASON_BIT(REASON_TERMS_OUTDATED)) : open;
}

struct planning {
    struct apply *apply;
    const struct policy *policy;
    const struct speaker *speaker;
    const struct wishes *wishes;
    planned_list *planned;
};

static struct planned *planned_push(const struct planning *p, unsigned slot, enum consent_status status, str method, str raw, str reference)
{
    struct planned *planned = vec_push(p->apply->arena, p->planned);
    *planned = (struct planned){.slot = slot, .status = status, .method = method, .raw = raw, .reference = reference, .expires_ms = TIME_NONE};
    return planned;
}

static int64_t voice_runs_out(const struct policy *policy, const struct purpose *purpose, const struct signal_voice *voice)
{
    struct duration lifetime = purpose->expires.anchor != ANCHOR_NONE ? purpose->expires.duration : policy->consent_lifetime_default;
    return voice->said_ms == TIME_NONE || duration_is_zero(lifetime) ? TIME_NONE : time_add(voice->said_ms, lifetime);
}

static void plan_voices(const struct planning *p, unsigned slot)
{
    const struct purpose *purpose = &p->policy->purposes.items[slot];
    const struct purpose_standing *now = &p->speaker->standing->purposes[slot];
    const struct signal_reading *reading = &p->wishes->reading;
    enum signal_ground ground = now->basis == BASIS_CONSENT ? GROUND_CONSENT : GROUND_INTEREST;
    bool refused = signal_no(reading, ground) & purpose->self;
    bool may_grant = !refused && !p->wishes->denials_only && !(reading->unreadable & purpose->self) && (p->wishes->granted & purpose->self) &&
                     (ground == GROUND_CONSENT || !p->wishes->lifts_nothing);
    int64_t at_ms = p->speaker->at_ms;
    for (unsigned i = 0; i < reading->voice_count; i++) {
        const struct signal_voice *voice = &reading->voices[i];
        str method = str_of(signal_kind_method(voice->kind)), decoder = str_of(signal_kind_decoder(voice->kind));
        bool yes = may_grant && (voice->yes[ground] & purpose->self), no = voice->no[ground] & purpose->self;
        bool newer = !now->record || at_ms > now->record->at_ms, same = !now->record || at_ms >= now->record->at_ms;
        enum consent_status status = CONSENT_STATUS_COUNT;
        if (!yes && !no)
            continue;
        const struct consent *own = own_word(p->speaker, purpose->name, method, 0);
        bool later = voice->said_ms != TIME_NONE && now->record && voice->said_ms > now->record->at_ms;
        if (no ? same && wish_no(p->policy, purpose, now, own, p->speaker, &status) : newer && wish_yes(p->policy, now, own, p->speaker, reading->fresh || later, method, &status)) {
            planned_push(p, slot, status, method, voice->raw, decoder)->expires_ms = voice_runs_out(p->policy, purpose, voice);
            return; /* one record says it */
        }
    }
}

/* --- opt-outs */

static bool opted_out_by(const struct person *person, str purpose, str method)
{
    const struct consent *last = NULL;
    vec_each (record, &person->consents)
        if (!row_dead(record) && str_equal(record->purpose, purpose) &&
            (record->status == CONSENT_OBJECTION_LIFTED || (record->status == CONSENT_OPTED_OUT && str_equal(record->method, method))) &&
            (!last || record->at_ms >= last->at_ms))
            last = record;
    return last && last->status == CONSENT_OPTED_OUT;
}

static void plan_out(const struct planning *p, unsigned slot, str method, str raw, str reference)
{
    const struct purpose_standing *now = &p->speaker->standing->purposes[slot];
    bool out = now->reasons & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL);
    if (!out || !p->speaker->person || !opted_out_by(p->speaker->person, p->policy->purposes.items[slot].name, method))
        (void)planned_push(p, slot, CONSENT_OPTED_OUT, method, raw, reference);
}

static bool same_identifier(const struct consent *record, profile_no profile, uint32_t number)
{
    return record->identifier == number && profile_no_equal(record->profile, profile);
}

/* As the gate folds it (gate_standing.c): a person's word lifts all, this signal's own only what it had said on the same identifier. */
static bool is_lifted(const struct policy *policy, const struct speaker *speaker, const struct consent *said, str method)
{
    vec_each (lift, &speaker->person->consents) {
        if (row_dead(lift) || lift->status != CONSENT_OBJECTION_LIFTED || !str_equal(lift->purpose, said->purpose) || said->at_ms >= lift->at_ms ||
            gate_sureness(policy, speaker->person, lift) < speaker->sure)
            continue;
        bool own = str_equal(lift->method, method);
        if (!own || (said->status == CONSENT_OPTED_OUT && str_equal(said->method, method) && same_identifier(said, lift->profile, lift->identifier)))
            return true;
    }
    return false;
}

/* Whether all that stands against the purpose is an opt-out by GPP on this very identifier. */
static bool only_own_opt_out(const struct policy *policy, const struct speaker *speaker, str purpose, str method)
{
    bool own = false;
    vec_each (record, &speaker->person->consents) {
        if (row_dead(record) || (record->status != CONSENT_OPTED_OUT && record->status != CONSENT_OBJECTED) || !str_equal(record->purpose, purpose) ||
            is_lifted(policy, speaker, record, method))
            continue;
        if (!same_identifier(record, speaker->identifier->profile, speaker->identifier->number) || !str_equal(record->method, method))
            return false;
        own = true;
    }
    return own;
}

static void plan_back(const struct planning *p, unsigned slot)
{
    const struct purpose *purpose = &p->policy->purposes.items[slot];
    const struct purpose_standing *now = &p->speaker->standing->purposes[slot];
    str method = str_of(signal_kind_method(SIGNAL_GPP));
    if (!(now->reasons & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL)) || !p->speaker->person || !p->speaker->identifier || p->wishes->denials_only || p->wishes->lifts_nothing ||
        !(p->wishes->granted & purpose->self) || (p->wishes->reading.unreadable & purpose->self) || !now->objection ||
        p->speaker->at_ms <= now->objection->at_ms || !only_own_opt_out(p->policy, p->speaker, purpose->name, method))
        return;
    (void)planned_push(p, slot, CONSENT_OBJECTION_LIFTED, method, p->wishes->reading.gpp_raw, str_of(signal_kind_decoder(SIGNAL_GPP)));
}

/* --- vendors */

static const struct consent *vendor_newest(const struct person *person, str purpose, uint16_t vendor)
{
    const struct consent *last = NULL;
    for (size_t i = 0; person && i < person->consents.count; i++) {
        const struct consent *record = &person->consents.items[i];
        if (!row_dead(record) && status_is_vendor(record->status) && str_equal(record->purpose, purpose) && vendor_named(record->reference, vendor) &&
            (!last || record->at_ms >= last->at_ms))
            last = record;
    }
    return last;
}

/* As with purposes: a permission is recorded where there was no word, or by a fresh act; a denial where something was permitted. */
static void plan_vendor(const struct planning *p, const struct vendor_word *word)
{
    const struct destination *destination = &p->policy->destinations.items[word->destination];
    const struct purpose *purpose = &p->policy->purposes.items[destination->purpose];
    const struct signal_voice *voice = p->wishes->reading.vendor_voice;
    const struct speaker *speaker = p->speaker;
    bool may = word->may[speaker->standing->purposes[purpose->slot].basis == BASIS_CONSENT ? GROUND_CONSENT : GROUND_INTEREST];
    str method = str_of(signal_kind_method(voice->kind));
    const struct consent *now = vendor_newest(speaker->person, purpose->name, destination->tcf_vendor);
    const struct consent *own = own_word(speaker, purpose->name, method, destination->tcf_vendor);
    bool permitted = now && now->status == CONSENT_VENDOR_PERMITTED;
    bool changed = p->wishes->reading.fresh || (own && own->status == CONSENT_VENDOR_DENIED) || (now && voice->said_ms > now->at_ms);
    int64_t runs_out_ms = voice_runs_out(p->policy, purpose, voice);
    if (now && speaker->at_ms < now->at_ms + may) /* a permission must be newer, a denial as new */
        return;
    if (may) {
        bool renewed = permitted && runs_out_ms != TIME_NONE && runs_out_ms > now->expires_ms;
        if (p->wishes->denials_only || !(p->wishes->granted & purpose->self) || (runs_out_ms != TIME_NONE && runs_out_ms <= speaker->at_ms) ||
            (now && !renewed && (permitted || !changed)))
            return;
    } else if (!permitted)
        return;
    str reference = str_printf(p->apply->arena, "%s, vendor %u", signal_kind_decoder(voice->kind), destination->tcf_vendor);
    struct planned *planned =
        planned_push(p, purpose->slot, may ? CONSENT_VENDOR_PERMITTED : CONSENT_VENDOR_DENIED, method, voice->raw, reference);
    planned->vendor = destination;
    planned->expires_ms = may ? runs_out_ms : TIME_NONE;
}

/* --- all together */

purpose_mask wishes_mention(const struct policy *policy, const struct wishes *wishes)
{
    const struct signal_reading *reading = &wishes->reading;
    purpose_mask mask = wishes->opened | wishes->ended | reading->out | reading->back;
    for (unsigned ground = 0; ground < GROUND_COUNT; ground++)
        mask |= signal_yes(reading, (enum signal_ground)ground) | signal_no(reading, (enum signal_ground)ground);
    mask |= reading->gpc || reading->gpp_gpc ? policy->gpc : 0;
    return mask | (reading->vendors.count ? policy->vendor_purposes : 0);
}

bool wishes_ready(struct apply *apply, const struct wishes *wishes, struct person *person)
{
    if (!person || !person->texts_unopened || !(wishes_mention(apply->policy, wishes) & ~(wishes->opened | wishes->ended)))
        return true;
    return person_require(apply, person, PERSON_SAID);
}

void wishes_plan(struct apply *apply, const struct speaker *speaker, const struct wishes *wishes, planned_list *ret_planned)
{
    const struct policy *policy = apply->policy;
    const struct planning p = {apply, policy, speaker, wishes, ret_planned};
    const struct signal_reading *reading = &wishes->reading;
    purpose_mask gpc = reading->gpc || reading->gpp_gpc ? gpc_purposes(policy, speaker->source, speaker->person) : 0;
    purpose_mask by_gpc = reading->gpc ? gpc : 0, by_gpp = reading->out | (reading->gpp_gpc ? gpc : 0);
    mask_each (slot, wishes_mention(policy, wishes)) {
        purpose_mask bit = UINT64_C(1) << slot;
        const struct purpose_standing *now = &speaker->standing->purposes[slot];
        if (by_gpc & bit)
            plan_out(&p, slot, STR("gpc"), STR("Sec-GPC: 1"), STR_NONE);
        if (by_gpp & bit)
            plan_out(&p, slot, str_of(signal_kind_method(SIGNAL_GPP)), reading->gpp_raw, str_of(signal_kind_decoder(SIGNAL_GPP)));
        else if ((reading->back & bit) && !(by_gpc & bit))
            plan_back(&p, slot);
        plan_voices(&p, slot);
        if (now->basis == BASIS_CONTRACT) {
            bool newer = !now->record || speaker->at_ms > now->record->at_ms, same = !now->record || speaker->at_ms >= now->record->at_ms;
            if (!wishes->denials_only && (wishes->opened & bit) && newer && wish_contract(now, true))
                (void)planned_push(&p, slot, CONSENT_OPENED, STR("event"), STR_NONE, STR_NONE);
            else if (!wishes->denials_only && (wishes->ended & bit) && same && wish_contract(now, false))
                (void)planned_push(&p, slot, CONSENT_ENDED, STR("event"), STR_NONE, STR_NONE);
        }
    }
    vec_each (word, &reading->vendors)
        plan_vendor(&p, word);
}

purpose_mask gpc_purposes(const struct policy *policy, const struct source *source, const struct person *person)
{
    if (policy->gpc_objects_in_eu)
        return policy->gpc;
    str place = person ? person_jurisdiction(person) : STR_NONE;
    if (str_empty(place) && source)
        place = source->jurisdiction;
    return jurisdiction_in_eu(str_empty(place) ? policy->country : place) ? 0 : policy->gpc;
}

size_t wishes_record(struct apply *apply, const struct wishes *wishes, const struct speaker *speaker, struct known *known, str message_id,
                     planned_list *ret_planned)
{
    struct speaker here = *speaker;
    here.person = known->person;
    here.identifier = known_identifier(known);
    here.standing = standing_of(apply, known->person, speaker->source);
    ret_planned->count = 0;
    if (!wishes_ready(apply, wishes, known->person))
        return 0;
    wishes_plan(apply, &here, wishes, ret_planned);
    size_t made = 0;
    vec_each (planned, ret_planned) {
        bool contract = planned->status == CONSENT_OPENED || planned->status == CONSENT_ENDED;
        struct consent record = {.purpose = apply->policy->purposes.items[planned->slot].name, .status = planned->status, .at_ms = here.at_ms,
                                 .verified = here.sure == SURE_PROVEN, .by = SAID_BY_SELF, .source = speaker->source ? speaker->source->name : STR("api"),
                                 .method = planned->method, .signal = planned->raw, .expires_ms = planned->expires_ms,
                                 .reference = contract ? message_id : planned->reference};
        const struct consent *pushed = consent_push(apply, known->person, known_identifier(known), &record);
        if (!pushed)
            break;
        planned->record = pushed->id;
        made++;
    }
    ret_planned->count = made;
    vec_each (planned, ret_planned)
        if (planned->status == CONSENT_VENDOR_DENIED && person_require(apply, known->person, PERSON_OUTBOX))
            outbox_take_vendor(apply, known->person, planned->vendor);
    if (made)
        consent_effects(apply, known->person, here.standing);
    return made;
}
