/* What is queued for destinations: references to events and profiles, never data; cancellations and recalls (Art. 19).
 *
 * 1. Queueing asks only whether the destination's purpose may use what was kept; whether it may go is decided again at each attempt (P3).
 * 2. A recall keeps the identifiers that were sent, for afterwards nobody else may know them.
 */
#include "core/core_private.h"

static struct delivery *delivery_push(struct apply *apply, struct person *person, profile_no profile, str destination, str purpose,
                                      enum delivery_kind kind)
{
    struct delivery *delivery = vec_push(apply->arena, &person->deliveries);
    *delivery = (struct delivery){.change = CHANGE_NEW, .id = id_next(apply->batch->ids, apply->now_ms), .profile = profile,
                                  .destination = destination, .purpose = purpose, .kind = kind, .queued_ms = apply->now_ms,
                                  .next_ms = apply->now_ms, .done_ms = TIME_NONE};
    return delivery;
}

static bool event_wanted(const struct destination *destination, str name, enum event_type type)
{
    if (!destination->events.count)
        return true;
    str type_name = str_of(event_type_name(type));
    vec_each (wanted, &destination->events)
        if (str_equal(*wanted, type_name) || (!str_empty(name) && str_equal(*wanted, name)))
            return true;
    return false;
}

void outbox_event(struct apply *apply, struct person *person, str name, const struct event *event, purpose_mask kept)
{
    if (!(apply->event_purposes & kept))
        return;
    const struct standing *standing = standing_of(apply, person, NULL);
    vec_each (destination, &apply->policy->destinations) {
        if (!destination->sends_events || !(standing->holds >> destination->purpose & 1) ||
            !gate_purpose_fits(apply->policy, kept, destination->purpose) || !event_wanted(destination, name, event->type))
            continue;
        struct delivery *delivery = delivery_push(apply, person, person->root, destination->name,
                                                  apply->policy->purposes.items[destination->purpose].name, DELIVERY_EVENT);
        delivery->event_new = event;
    }
}

static bool profile_queued(const struct person *person, const struct destination *destination)
{
    vec_each (delivery, &person->deliveries)
        if (!row_dead(delivery) && delivery->kind == DELIVERY_PROFILE && delivery->state == DELIVERY_PENDING && delivery->attempts == 0 &&
            str_equal(delivery->destination, destination->name) && profile_no_equal(delivery->profile, person->root))
            return true;
    return false;
}

void outbox_profile(struct apply *apply, struct person *person, purpose_mask changed)
{
    if (!(apply->profile_purposes & changed))
        return;
    const struct standing *standing = standing_of(apply, person, NULL);
    vec_each (destination, &apply->policy->destinations)
        if (destination->sends_profiles && (standing->holds >> destination->purpose & 1) &&
            gate_purpose_fits(apply->policy, changed, destination->purpose) && !profile_queued(person, destination)) {
            (void)delivery_push(apply, person, person->root, destination->name, apply->policy->purposes.items[destination->purpose].name,
                                DELIVERY_PROFILE);
            person_due(person, standing->stores_until_ms); /* what waits falls with its purpose, be there data or not */
        }
}

/* --- taking back */

/* The code of why nothing may be kept for this purpose any more; empty when it may. */
static str fallen_reason(const struct apply *apply, const struct standing *standing, str name)
{
    const struct purpose *purpose = policy_purpose(apply->policy, name);
    if (!purpose)
        return str_of(reason_name(REASON_PURPOSE_UNKNOWN));
    reason_mask reasons = standing->purposes[purpose->slot].store_reasons;
    return reasons ? str_of(reason_name((enum reason)__builtin_ctzll(reasons))) : STR_NONE;
}

static bool recalled(const struct person *person, str destination, str purpose, int64_t sent_ms)
{
    vec_each (delivery, &person->deliveries)
        if (!row_dead(delivery) && delivery->kind == DELIVERY_RECALL && delivery->state != DELIVERY_CANCELLED &&
            delivery->queued_ms >= sent_ms && str_equal(delivery->destination, destination) && str_equal(delivery->purpose, purpose))
            return true;
    return false;
}

static void subject_item(struct jsonw *w, str type, str value)
{
    jsonw_object(w);
    jsonw_field(w, "type", type);
    jsonw_field(w, "value", value);
    jsonw_object_end(w);
}

/* The identifiers that a delivery for this purpose could carry; the profile's id where none is left. */
static str recall_subject(struct apply *apply, const struct person *person, str purpose_name)
{
    const struct purpose *purpose = policy_purpose(apply->policy, purpose_name);
    struct buf buf;
    struct jsonw w;
    bool any = false;
    buf_init(&buf, apply->arena, (size_t)LIMIT_PROFILE_IDENTIFIERS * LIMIT_IDENTIFIER_BYTES * 8); /* every byte escaped still fits */
    jsonw_init(&w, &buf);
    jsonw_array(&w);
    vec_each (identifier, &person->identifiers) {
        if (row_dead(identifier) || str_empty(identifier->value) ||
            (purpose && !gate_purpose_fits(apply->policy, identifier->purposes, purpose->slot)))
            continue;
        subject_item(&w, identifier->type, identifier->value);
        any = true;
    }
    if (!any)
        subject_item(&w, STR("profile_id"), uuid_format(apply->arena, person_root(person)->id));
    jsonw_array_end(&w);
    ASSERT(!buf.overflow);
    return buf_str(&buf);
}

static void recall(struct apply *apply, struct person *person, profile_no profile, str destination, str purpose, int64_t sent_ms)
{
    if (recalled(person, destination, purpose, sent_ms))
        return;
    str subject = recall_subject(apply, person, purpose);
    struct delivery *delivery = delivery_push(apply, person, profile, destination, purpose, DELIVERY_RECALL);
    delivery->subject = subject;
}

static void delivery_cancel(struct apply *apply, struct delivery *delivery, str reason)
{
    if (delivery->change == CHANGE_NEW) { /* nobody has seen it */
        row_end(delivery);
        return;
    }
    delivery->state = DELIVERY_CANCELLED;
    delivery->done_ms = apply->now_ms;
    delivery->reason = reason;
    row_touch(delivery);
}

static void take(struct apply *apply, struct person *person, const struct standing *standing, bool all)
{
    size_t queued = person->deliveries.count;
    for (size_t i = 0; i < queued; i++) {
        struct delivery *delivery = &person->deliveries.items[i];
        if (row_dead(delivery) || delivery->state != DELIVERY_PENDING || delivery->kind == DELIVERY_RECALL)
            continue;
        str reason = all ? str_of(reason_name(REASON_SUBJECT_ERASED)) : fallen_reason(apply, standing, delivery->purpose);
        if (str_empty(reason))
            continue;
        delivery_cancel(apply, delivery, reason);
        if (delivery->attempts) /* an answer may have got lost: it counts as sent */
            recall(apply, person, delivery->profile, delivery->destination, delivery->purpose, delivery->queued_ms);
    }
    vec_each (disclosure, &person->disclosures)
        if (!row_dead(disclosure) && (all || !str_empty(fallen_reason(apply, standing, disclosure->purpose))))
            recall(apply, person, disclosure->profile, disclosure->destination, disclosure->purpose, disclosure->last_ms);
}

void outbox_take(struct apply *apply, struct person *person, const struct standing *standing) { take(apply, person, standing, false); }
void outbox_recall_all(struct apply *apply, struct person *person) { take(apply, person, NULL, true); }

void outbox_take_vendor(struct apply *apply, struct person *person, const struct destination *destination)
{
    str reason = str_of(reason_name(REASON_VENDOR_NOT_PERMITTED));
    size_t queued = person->deliveries.count;
    for (size_t i = 0; i < queued; i++) {
        struct delivery *delivery = &person->deliveries.items[i];
        if (row_dead(delivery) || delivery->state != DELIVERY_PENDING || delivery->kind == DELIVERY_RECALL ||
            !str_equal(delivery->destination, destination->name))
            continue;
        delivery_cancel(apply, delivery, reason);
        if (delivery->attempts) /* an answer may have got lost: it counts as sent */
            recall(apply, person, delivery->profile, delivery->destination, delivery->purpose, delivery->queued_ms);
    }
    vec_each (disclosure, &person->disclosures)
        if (!row_dead(disclosure) && str_equal(disclosure->destination, destination->name))
            recall(apply, person, disclosure->profile, disclosure->destination, disclosure->purpose, disclosure->last_ms);
}

static bool vendor_spoken_of(const struct person *person, str purpose, uint16_t vendor)
{
    vec_each (record, &person->consents)
        if (!row_dead(record) && status_is_vendor(record->status) && str_equal(record->purpose, purpose) && vendor_named(record->reference, vendor))
            return true;
    return false;
}

void outbox_take_vendors(struct apply *apply, struct person *person)
{
    if (!apply->policy->vendor_purposes)
        return;
    vec_each (destination, &apply->policy->destinations) {
        str purpose = apply->policy->purposes.items[destination->purpose].name;
        if (destination->tcf_vendor && vendor_spoken_of(person, purpose, destination->tcf_vendor) &&
            !gate_vendor_permitted(apply->policy, person, purpose, destination->tcf_vendor, apply->now_ms, TIME_FOREVER) &&
            person_require(apply, person, PERSON_OUTBOX))
            outbox_take_vendor(apply, person, destination);
    }
}

void outbox_rectified(struct apply *apply, struct person *person, purpose_mask changed)
{
    const struct standing *standing = standing_of(apply, person, NULL);
    size_t known = person->disclosures.count;
    for (size_t i = 0; i < known; i++) {
        const struct disclosure *disclosure = &person->disclosures.items[i];
        const struct destination *destination = policy_destination(apply->policy, disclosure->destination);
        if (row_dead(disclosure) || !destination || !(standing->holds >> destination->purpose & 1) ||
            !gate_purpose_fits(apply->policy, changed, destination->purpose) || profile_queued(person, destination))
            continue;
        (void)delivery_push(apply, person, person->root, destination->name, apply->policy->purposes.items[destination->purpose].name,
                            DELIVERY_PROFILE);
        person_due(person, standing->stores_until_ms);
    }
}
