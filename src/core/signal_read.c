/* The signals that a message itself brings, as consent records (gate.md §4): SDK consent maps, Sec-GPC, contract events.
 * A record is written only where it changes what holds: SDKs repeat their map on every event.
 */
#include "core/core_private.h"

struct wishes {
    purpose_mask yes, no, opt_out, opened, ended;
    str raw; /* the map as it came */
};

static purpose_mask category_purposes(const struct policy *policy, str category)
{
    const purpose_mask *mask = map_get(&policy->signal_by_category, category);
    return mask ? *mask : 0;
}

static void list_read(const struct policy *policy, const struct json *list, purpose_mask *mask)
{
    if (list && list->type == JSON_ARRAY)
        for (uint32_t i = 0; i < list->count; i++)
            *mask |= category_purposes(policy, json_string(&list->items[i]));
}

static void contract_read(const struct policy *policy, const struct message *message, struct wishes *wishes)
{
    if (message->type != EVENT_TRACK)
        return;
    str event = json_string(json_get(&message->body, STR("event")));
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

static struct wishes wishes_read(const struct policy *policy, const struct message *message)
{
    struct wishes wishes = {0};
    const struct json *context = json_get(&message->body, STR("context"));
    const struct json *consent = context ? json_get(context, STR("consent")) : NULL;
    const struct json *map = consent ? json_get(consent, STR("categoryPreferences")) : NULL;
    if (map && map->type == JSON_OBJECT) {
        wishes.raw = map->raw;
        for (uint32_t i = 0; i < map->count; i++) {
            const struct json_member *member = &map->members[i];
            purpose_mask mask = category_purposes(policy, member->name);
            if (member->value.type == JSON_TRUE)
                wishes.yes |= mask;
            else if (member->value.type == JSON_FALSE)
                wishes.no |= mask;
        }
    }
    const struct json *management = context ? json_get(context, STR("consentManagement")) : NULL;
    if (management && management->type == JSON_OBJECT) {
        wishes.raw = management->raw;
        list_read(policy, json_get(management, STR("allowedConsentIds")), &wishes.yes);
        list_read(policy, json_get(management, STR("deniedConsentIds")), &wishes.no);
    }
    wishes.yes &= ~wishes.no; /* of two categories for one purpose, the no counts */
    if (message->gpc && (policy->gpc_objects_in_eu ||
                         !jurisdiction_in_eu(str_empty(message->source->jurisdiction) ? policy->country : message->source->jurisdiction)))
        wishes.opt_out = policy->gpc;
    contract_read(policy, message, &wishes);
    return wishes;
}

static bool is_grant(const struct consent *record)
{
    return record && (record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED);
}

/* The record that would change what holds for this purpose; false when nothing would. */
static bool wish_yes(const struct purpose_standing *now, bool verified, enum consent_status *ret_status)
{
    if (now->basis == BASIS_CONSENT) {
        bool stale = now->reasons & (REASON_BIT(REASON_CONSENT_EXPIRED) | REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE));
        *ret_status = is_grant(now->record) ? CONSENT_RENEWED : CONSENT_GIVEN;
        return (!is_grant(now->record) || stale) && !(now->locked && !verified);
    }
    *ret_status = CONSENT_OBJECTION_LIFTED;
    return now->objection && now->objection->status == CONSENT_OBJECTED && str_equal(now->objection->method, STR("signal")) &&
           (verified || !now->objection->verified);
}

static bool wish_no(const struct purpose *purpose, const struct purpose_standing *now, enum consent_status *ret_status)
{
    if (now->basis == BASIS_CONSENT) {
        *ret_status = is_grant(now->record) ? CONSENT_WITHDRAWN : CONSENT_REFUSED;
        return !now->record || is_grant(now->record);
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

static size_t plan(const struct policy *policy, const struct standing *standing, const struct wishes *wishes, bool verified, int64_t at_ms,
                   struct planned *ret_planned)
{
    size_t count = 0;
    mask_each (slot, wishes->yes | wishes->no | wishes->opt_out | wishes->opened | wishes->ended) {
        const struct purpose *purpose = &policy->purposes.items[slot];
        const struct purpose_standing *now = &standing->purposes[slot];
        enum consent_status status = CONSENT_STATUS_COUNT;
        bool newer = !now->record || at_ms > now->record->at_ms, newer_or_same = !now->record || at_ms >= now->record->at_ms;
        if ((wishes->opt_out & purpose->self) && !(now->reasons & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL)))
            ret_planned[count++] = (struct planned){slot, CONSENT_OPTED_OUT};
        if ((wishes->yes & purpose->self) && newer && wish_yes(now, verified, &status))
            ret_planned[count++] = (struct planned){slot, status};
        if ((wishes->no & purpose->self) && newer_or_same && wish_no(purpose, now, &status))
            ret_planned[count++] = (struct planned){slot, status};
        if (now->basis == BASIS_CONTRACT) {
            if ((wishes->opened & purpose->self) && newer && wish_contract(now, true))
                ret_planned[count++] = (struct planned){slot, CONSENT_OPENED};
            else if ((wishes->ended & purpose->self) && newer_or_same && wish_contract(now, false))
                ret_planned[count++] = (struct planned){slot, CONSENT_ENDED};
        }
    }
    return count;
}

void signals_apply(struct apply *apply, struct message *message, struct named *named, size_t named_count)
{
    struct wishes wishes = wishes_read(apply->policy, message);
    if (!(wishes.yes | wishes.no | wishes.opt_out | wishes.opened | wishes.ended))
        return;
    struct person *person = NULL;
    for (size_t i = 0; i < named_count && !person; i++)
        person = named[i].known ? named[i].known->person : NULL;
    if (person && person_erased(person))
        return;
    const struct identity_key *strongest = named[0].id->key;
    bool verified = strongest->verified || message->source->trusted;
    int64_t at_ms = message->at_ms < apply->now_ms ? message->at_ms : apply->now_ms;
    struct planned planned[LIMIT_PURPOSES * 3];
    size_t count = plan(apply->policy, standing_of(apply, person, message->source), &wishes, verified, at_ms, planned);
    if (!count)
        return;
    struct known *known = resolve_hash_only(apply, message, named, named_count);
    const struct standing *before = standing_of(apply, known->person, message->source);
    /* the identifier may have turned out to be somebody else's: what holds for that person decides */
    count = plan(apply->policy, before, &wishes, verified, at_ms, planned);
    for (size_t i = 0; i < count; i++) {
        bool contract = planned[i].status == CONSENT_OPENED || planned[i].status == CONSENT_ENDED;
        struct consent record = {.purpose = apply->policy->purposes.items[planned[i].slot].name, .status = planned[i].status, .at_ms = at_ms,
                                 .verified = verified, .by = SAID_BY_SELF, .source = message->source->name,
                                 .method = contract ? STR("event") : planned[i].status == CONSENT_OPTED_OUT ? STR("gpc") : STR("signal"),
                                 .signal = planned[i].status == CONSENT_OPTED_OUT ? STR("Sec-GPC: 1") : contract ? STR_NONE : wishes.raw,
                                 .reference = contract ? message->message_id : STR_NONE};
        if (!consent_push(apply, known->person, known_identifier(known), &record))
            return;
    }
    consent_effects(apply, known->person, before);
}
