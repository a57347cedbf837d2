/* The signals that a message itself brings, as consent records (gate.md §4): SDK consent maps, Sec-GPC, contract events; and what a message
 * asks to be left out.
 *
 * 1. A record is written only where it changes what holds: SDKs repeat their map on every event.
 * 2. A repeated map is no new statement. What was refused, withdrawn or ran out comes back only by a fresh act: the event that says that
 *    the choice was changed, or a yes on the identifier whose own last word was no. So a device that still holds an old yes undoes no
 *    withdrawal made elsewhere, and renews nothing under a new notice.
 * 3. What cannot be read is never a yes, and stops the purposes it may speak of for this message.
 */
#include "core/core_private.h"

struct wishes {
    purpose_mask yes, no, opt_out, opened, ended;
    purpose_mask unreadable;
    bool fresh; /* the person has just chosen */
    str raw; /* the map as it came */
};

static purpose_mask category_purposes(const struct policy *policy, str category)
{
    const purpose_mask *mask = map_get(&policy->signal_by_category, category);
    return mask ? *mask : 0;
}

static purpose_mask signalled_purposes(const struct policy *policy)
{
    purpose_mask all = 0;
    struct map_slot slot;
    for (size_t position = 0; map_next(&policy->signal_by_category, &position, &slot);)
        all |= *(const purpose_mask *)slot.value;
    return all;
}

static bool said(const struct json *value) { return value && value->type != JSON_NULL; }

static void list_read(const struct policy *policy, const struct json *list, purpose_mask *mask, struct wishes *wishes)
{
    if (!said(list))
        return;
    if (list->type != JSON_ARRAY) {
        wishes->unreadable |= signalled_purposes(policy);
        return;
    }
    for (uint32_t i = 0; i < list->count; i++)
        *mask |= category_purposes(policy, json_string(&list->items[i]));
}

static void map_read(const struct policy *policy, const struct json *map, struct wishes *wishes)
{
    if (!said(map))
        return;
    if (map->type != JSON_OBJECT) {
        wishes->unreadable |= signalled_purposes(policy);
        return;
    }
    wishes->raw = map->raw;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct json_member *member = &map->members[i];
        purpose_mask mask = category_purposes(policy, member->name);
        if (member->value.type == JSON_TRUE)
            wishes->yes |= mask;
        else if (member->value.type == JSON_FALSE)
            wishes->no |= mask;
        else
            wishes->unreadable |= mask;
    }
}

static void contract_read(const struct policy *policy, const struct message *message, str event, struct wishes *wishes)
{
    mask_each (slot, message->source->purposes) {
        const struct purpose *purpose = &policy->purposes.items[slot];
        vec_each (name, &purpose->opened_by)
            if (str_equal(*name, event))
                wishes->opened |= purpose->self;
        vec_each (name, &purpose->ended_by)
            if (str_equal(*name, event))
                wishes->ended |= purpose->self;
    }
}

static struct wishes wishes_read(const struct policy *policy, const struct message *message, const struct glance *glance)
{
    struct wishes wishes = {0};
    const struct json *consent = glance->consent, *management = glance->management;
    if (consent) {
        if (consent->type != JSON_OBJECT)
            wishes.unreadable |= signalled_purposes(policy);
        map_read(policy, json_get(consent, STR("categoryPreferences")), &wishes);
    }
    if (management) {
        if (management->type != JSON_OBJECT)
            wishes.unreadable |= signalled_purposes(policy);
        wishes.raw = management->raw;
        list_read(policy, json_get(management, STR("allowedConsentIds")), &wishes.yes, &wishes);
        list_read(policy, json_get(management, STR("deniedConsentIds")), &wishes.no, &wishes);
    }
    wishes.yes &= ~wishes.no & ~wishes.unreadable; /* of two categories for one purpose, the no counts */
    if (message->type == EVENT_TRACK) {
        wishes.fresh = str_equal(glance->event, STR("Segment Consent Preference Updated"));
        contract_read(policy, message, glance->event, &wishes);
    }
    return wishes;
}

void glance_fill(const struct message *message, struct glance *ret_glance)
{
    *ret_glance = (struct glance){0};
    str name = message->type == EVENT_TRACK ? STR("event") : STR("name");
    for (uint32_t i = 0; i < message->body.count; i++) {
        const struct json_member *member = &message->body.members[i];
        if (str_equal(member->name, STR("context")))
            ret_glance->context = &member->value;
        else if (str_equal(member->name, name))
            ret_glance->event = json_string(&member->value);
    }
    const struct json *context = ret_glance->context;
    for (uint32_t i = 0; context && context->type == JSON_OBJECT && i < context->count; i++) {
        const struct json_member *member = &context->members[i];
        if (!said(&member->value))
            continue;
        if (str_equal(member->name, STR("consent")))
            ret_glance->consent = &member->value;
        else if (str_equal(member->name, STR("consentManagement")))
            ret_glance->management = &member->value;
        else if (str_equal(member->name, STR("purposes")))
            ret_glance->purposes = &member->value;
    }
}

purpose_mask message_narrows(const struct apply *apply, const struct message *message, const struct glance *glance)
{
    const struct json *list = glance->purposes;
    if (!list)
        return 0;
    purpose_mask named = 0;
    uint32_t count = list->type == JSON_ARRAY ? list->count : 1;
    for (uint32_t i = 0; i < count; i++) { /* what is no name of a purpose names none: so everything is left out */
        const struct purpose *purpose = policy_purpose(apply->policy, json_string(list->type == JSON_ARRAY ? &list->items[i] : list));
        named |= purpose ? purpose->self : 0;
    }
    return message->source->purposes & ~named;
}

/* --- what would change */

static bool is_grant(const struct consent *record)
{
    return record && (record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED);
}

/* What this very identifier last said by a signal. */
static const struct consent *own_word(const struct person *person, const struct identifier *identifier, str purpose)
{
    const struct consent *last = NULL;
    if (!person || !identifier)
        return NULL;
    vec_each (record, &person->consents)
        if (!row_dead(record) && record->identifier == identifier->number && profile_no_equal(record->profile, identifier->profile) &&
            str_equal(record->purpose, purpose) && str_equal(record->method, STR("signal")) && (!last || record->at_ms >= last->at_ms))
            last = record;
    return last;
}

static bool own_yes(const struct consent *own) { return is_grant(own) || (own && own->status == CONSENT_OBJECTION_LIFTED); }

/* The record that would change what holds for this purpose; false when nothing would. */
static bool wish_yes(const struct purpose_standing *now, const struct consent *own, bool verified, bool fresh, enum consent_status *ret_status)
{
    bool changed = fresh || (own && !own_yes(own));
    if (now->basis == BASIS_CONSENT) {
        bool stale = now->reasons & (REASON_BIT(REASON_CONSENT_EXPIRED) | REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE));
        *ret_status = is_grant(now->record) ? CONSENT_RENEWED : CONSENT_GIVEN;
        if (now->locked && !verified)
            return false;
        return !now->record || (changed && (!is_grant(now->record) || stale));
    }
    *ret_status = CONSENT_OBJECTION_LIFTED;
    return changed && now->objection && now->objection->status == CONSENT_OBJECTED && str_equal(now->objection->method, STR("signal")) &&
           (verified || !now->objection->verified);
}

static bool wish_no(const struct purpose *purpose, const struct purpose_standing *now, const struct consent *own, enum consent_status *ret_status)
{
    if (now->basis == BASIS_CONSENT) {
        *ret_status = is_grant(now->record) ? CONSENT_WITHDRAWN : CONSENT_REFUSED;
        return !now->record || is_grant(now->record) || own_yes(own);
    }
    *ret_status = CONSENT_OBJECTED;
    bool may = now->basis == BASIS_LEGITIMATE_INTEREST || now->basis == BASIS_PUBLIC_TASK || purpose->direct_marketing;
    return may && !now->objection;
}

static bool wish_contract(const struct purpose_standing *now, bool opened)
{
    bool open = now->record && now->record->status == CONSENT_OPENED;
    return opened ? !open || (now->reasons & REASON_BIT(REASON_TERMS_OUTDATED)) : open;
}

struct planned {
    unsigned slot;
    enum consent_status status;
};
struct speaker { /* who says it */
    struct person *person; /* NULL: nobody known yet */
    const struct identifier *identifier;
    const struct standing *standing;
    bool verified;
    int64_t at_ms;
};

static size_t plan(const struct policy *policy, const struct speaker *speaker, const struct wishes *wishes, struct planned *ret_planned)
{
    size_t count = 0;
    mask_each (slot, wishes->yes | wishes->no | wishes->opt_out | wishes->opened | wishes->ended) {
        const struct purpose *purpose = &policy->purposes.items[slot];
        const struct purpose_standing *now = &speaker->standing->purposes[slot];
        enum consent_status status = CONSENT_STATUS_COUNT;
        bool newer = !now->record || speaker->at_ms > now->record->at_ms, same = !now->record || speaker->at_ms >= now->record->at_ms;
        const struct consent *own =
            (wishes->yes | wishes->no) & purpose->self ? own_word(speaker->person, speaker->identifier, purpose->name) : NULL;
        if ((wishes->opt_out & purpose->self) && !(now->reasons & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL)))
            ret_planned[count++] = (struct planned){slot, CONSENT_OPTED_OUT};
        if ((wishes->yes & purpose->self) && newer && wish_yes(now, own, speaker->verified, wishes->fresh, &status))
            ret_planned[count++] = (struct planned){slot, status};
        if ((wishes->no & purpose->self) && same && wish_no(purpose, now, own, &status))
            ret_planned[count++] = (struct planned){slot, status};
        if (now->basis == BASIS_CONTRACT) {
            if ((wishes->opened & purpose->self) && newer && wish_contract(now, true))
                ret_planned[count++] = (struct planned){slot, CONSENT_OPENED};
            else if ((wishes->ended & purpose->self) && same && wish_contract(now, false))
                ret_planned[count++] = (struct planned){slot, CONSENT_ENDED};
        }
    }
    return count;
}

/* Where the signal of a browser counts: not in the EU, unless the policy takes it for an objection there, too. */
static purpose_mask opted_out(const struct policy *policy, const struct message *message, const struct person *person)
{
    if (!message->gpc || policy->gpc_objects_in_eu)
        return message->gpc ? policy->gpc : 0;
    str place = person ? person_jurisdiction(person) : STR_NONE;
    if (str_empty(place))
        place = message->source->jurisdiction;
    return jurisdiction_in_eu(str_empty(place) ? policy->country : place) ? 0 : policy->gpc;
}

static struct consent signal_record(const struct apply *apply, const struct message *message, const struct wishes *wishes,
                                    const struct speaker *speaker, const struct planned *planned)
{
    bool contract = planned->status == CONSENT_OPENED || planned->status == CONSENT_ENDED, gpc = planned->status == CONSENT_OPTED_OUT;
    return (struct consent){.purpose = apply->policy->purposes.items[planned->slot].name, .status = planned->status, .at_ms = speaker->at_ms,
                            .verified = speaker->verified, .by = SAID_BY_SELF, .source = message->source->name,
                            .method = contract ? STR("event") : gpc ? STR("gpc") : STR("signal"),
                            .signal = gpc ? STR("Sec-GPC: 1") : contract ? STR_NONE : wishes->raw,
                            .reference = contract ? message->message_id : STR_NONE};
}

/* Says to the person what the wishes change for it. */
static void wishes_record(struct apply *apply, const struct message *message, const struct wishes *wishes, struct known *known, bool verified)
{
    struct planned planned[LIMIT_PURPOSES * 3];
    struct speaker speaker = {.person = known->person, .identifier = known_identifier(known),
                              .standing = standing_of(apply, known->person, message->source), .verified = verified,
                              .at_ms = message->at_ms < apply->now_ms ? message->at_ms : apply->now_ms};
    size_t count = plan(apply->policy, &speaker, wishes, planned);
    for (size_t i = 0; i < count; i++) {
        struct consent record = signal_record(apply, message, wishes, &speaker, &planned[i]);
        if (!consent_push(apply, known->person, known_identifier(known), &record))
            break;
    }
    if (count)
        consent_effects(apply, known->person, speaker.standing);
}

void signals_deny(struct apply *apply, const struct message *message, const struct glance *glance, struct known *known)
{
    struct wishes wishes = wishes_read(apply->policy, message, glance);
    wishes.opt_out = opted_out(apply->policy, message, known->person);
    wishes.yes = wishes.opened = wishes.ended = 0;
    if (wishes.no | wishes.opt_out)
        wishes_record(apply, message, &wishes, known, known_identifier(known)->verified || message->source->trusted);
}

purpose_mask signals_apply(struct apply *apply, const struct message *message, const struct glance *glance, struct named *named, size_t named_count)
{
    struct wishes wishes = wishes_read(apply->policy, message, glance);
    struct person *person = resolve_prospect(apply, message, named, named_count);
    wishes.opt_out = opted_out(apply->policy, message, person);
    if (!named_count || !(wishes.yes | wishes.no | wishes.opt_out | wishes.opened | wishes.ended) || (person && person_erased(person)))
        return wishes.unreadable;
    struct speaker speaker = {.person = person, .identifier = named[0].known ? known_identifier(named[0].known) : NULL,
                              .standing = standing_of(apply, person, message->source),
                              .verified = named[0].id->key->verified || message->source->trusted,
                              .at_ms = message->at_ms < apply->now_ms ? message->at_ms : apply->now_ms};
    struct planned planned[LIMIT_PURPOSES * 3];
    size_t count = plan(apply->policy, &speaker, &wishes, planned);
    if (!count)
        return wishes.unreadable;
    struct known *known = resolve_hash_only(apply, message, named, named_count);
    /* the identifier may have turned out to be somebody else's: what holds for that person decides */
    wishes_record(apply, message, &wishes, known, speaker.verified);
    return wishes.unreadable;
}
