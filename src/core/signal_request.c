/* A signal that comes by the API, by the same rules as one on a message (signal_record.c); and for each purpose that it speaks of, what became of
 * it. `fresh`: whoever sends it says that the person has just chosen. */
#include "core/signal_private.h"

/* Why a purpose got no record. */
static const char *unrecorded(const struct wishes *wishes, const struct speaker *speaker, const struct purpose *purpose, bool refused, bool yes)
{
    const struct purpose_standing *now = &speaker->standing->purposes[purpose->slot];
    if (wishes->reading.unreadable & purpose->self)
        return "it cannot be read, was not chosen, or has run out; that is no yes";
    if (!refused && !yes)
        return "it says nothing for certain";
    if (now->basis != BASIS_CONSENT && now->basis != BASIS_LEGITIMATE_INTEREST && now->basis != BASIS_PUBLIC_TASK && !purpose->direct_marketing)
        return "the purpose rests on a basis that a signal does not change";
    if (!refused && !(wishes->granted & purpose->self))
        return "the token does not have this purpose, so it can only take away";
    if (now->record && speaker->at_ms <= now->record->at_ms)
        return "something newer is known";
    if (refused || (!now->reasons && yes))
        return "it says what holds already";
    return "a repeated yes undoes no refusal; send `fresh` where the person has just chosen";
}

static const char *says(bool unreadable, bool out, bool refused, bool yes)
{
    return out ? "opted_out" : refused ? "no" : unreadable ? "unreadable" : yes ? "yes" : "nothing";
}

static void said_push(struct apply *apply, struct request *request, const struct wishes *wishes, const struct speaker *speaker, unsigned slot,
                      const planned_list *planned)
{
    const struct purpose *purpose = &apply->policy->purposes.items[slot];
    const struct signal_reading *reading = &wishes->reading;
    enum signal_ground ground = speaker->standing->purposes[slot].basis == BASIS_CONSENT ? GROUND_CONSENT : GROUND_INTEREST;
    purpose_mask gpc = reading->gpc || reading->gpp_gpc ? gpc_purposes(apply->policy, speaker->source, speaker->person) : 0;
    bool out = (reading->out | gpc) & purpose->self, refused = out || (signal_no(reading, ground) & purpose->self);
    bool yes = (signal_yes(reading, ground) | (reading->back & ~reading->out)) & purpose->self;
    struct signal_said said = {.purpose = purpose->name, .says = says(reading->unreadable & purpose->self, out, refused, yes),
                               .status = CONSENT_STATUS_COUNT};
    for (size_t i = 0; i < planned->count; i++) {
        if (planned->items[i].slot != slot)
            continue;
        struct signal_said *item = vec_push(apply->arena, &request->signal.said);
        *item = said;
        item->status = planned->items[i].status;
        item->record = planned->items[i].record;
        item->vendor = planned->items[i].vendor ? planned->items[i].vendor->name : STR_NONE;
        item->why = planned->items[i].vendor ? "what the string lets this vendor have" : "it changes what holds";
    }
    vec_each (item, &request->signal.said)
        if (str_equal(item->purpose, purpose->name) && str_empty(item->vendor))
            return;
    said.why = unrecorded(wishes, speaker, purpose, refused, yes);
    *(struct signal_said *)vec_push(apply->arena, &request->signal.said) = said;
}

static bool signal_wishes(struct apply *apply, struct request *request, const struct source *source, struct wishes *wishes)
{
    const struct signal_ask *ask = &request->signal;
    struct json value;
    *wishes = (struct wishes){.granted = policy_purposes(apply->policy)};
    if (json_read(apply->arena, request->value, &value)) {
        request->refusal = STR("`value` is not valid JSON");
        return false;
    }
    if (source && !(source->signals & SIGNAL_KIND_BIT(ask->kind))) {
        request->refusal = STR("the policy's `signals` of this source do not name this kind");
        return false;
    }
    if (ask->granted) {
        wishes->granted = 0;
        for (size_t i = 0; i < ask->granted_count; i++) {
            const struct purpose *purpose = policy_purpose(apply->policy, ask->granted[i]);
            wishes->granted |= purpose ? purpose->self : 0;
        }
    }
    wishes->reading.fresh = ask->fresh;
    signal_read_value(apply->arena, apply->policy, ask->kind, &value, ask->at_ms, &wishes->reading);
    return true;
}

void signal_request_apply(struct apply *apply, struct request *request)
{
    const struct signal_ask *ask = &request->signal;
    const struct source *source = str_empty(ask->source) ? NULL : policy_source(apply->policy, ask->source);
    struct known *known = index_find(apply, &request->subject.hash);
    struct wishes wishes;
    planned_list planned = {0};
    memset(&request->signal.said, 0, sizeof request->signal.said);
    request->person = NULL;
    if (known && !person_sweep_if_due(apply, known->person))
        return;
    known = index_find(apply, &request->subject.hash); /* whoever had nothing left is gone */
    if (!str_empty(ask->source) && !source)
        request->refusal = STR("the policy has no such source");
    else if (known && person_erased(known->person))
        request->refusal = STR("the person was erased");
    else if (ask->at_ms > apply->now_ms)
        request->refusal = STR("`at` lies in the future; a signal is recorded once it is said");
    if (!str_empty(request->refusal) || !signal_wishes(apply, request, source, &wishes))
        return;
    struct speaker speaker = {.person = known ? known->person : NULL, .identifier = known ? known_identifier(known) : NULL, .source = source,
                              .sure = SURE_PROVEN, .at_ms = ask->at_ms};
    speaker.standing = standing_of(apply, speaker.person, source);
    wishes_plan(apply, &speaker, &wishes, &planned);
    if (planned.count) {
        if (!known) {
            struct person *person = person_make(apply, STR_NONE);
            known = person_attach(apply, person, person->root, &request->subject, true, 0, (struct uuid){0});
        }
        (void)wishes_record(apply, &wishes, &speaker, known, STR_NONE, &planned); /* how many is in `planned` */
    }
    mask_each (slot, wishes_mention(apply->policy, &wishes) | wishes.reading.unreadable)
        said_push(apply, request, &wishes, &speaker, slot, &planned);
    request->person = known ? person_latest(known->person) : NULL;
    request->found = planned.count > 0;
}
