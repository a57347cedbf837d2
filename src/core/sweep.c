/* What time alone brings: consents that run out, retention that is over, held messages whose time is up (gate.md §3, §5).
 *
 * 1. `due_ms` of the root is never later than the first moment at which something must be done; it may be earlier.
 * 2. A consent that ran out has the effect of a withdrawal: a record of its own, and what rested on it goes.
 */
#include "core/core_private.h"

static const struct identifier *record_identifier(const struct person *person, const struct consent *record)
{
    const struct identifier *found = person_identifier(person, record->profile, record->identifier);
    return found && !row_dead(found) ? found : NULL;
}

static void consents_expire(struct apply *apply, struct person *person)
{
    const struct standing *standing = standing_of(apply, person, NULL);
    vec_each (purpose, &apply->policy->purposes) {
        const struct purpose_standing *mine = &standing->purposes[purpose->slot];
        const struct consent *record = mine->record;
        if (!record || !(mine->reasons & REASON_BIT(REASON_CONSENT_EXPIRED)) || record->status == CONSENT_EXPIRED)
            continue;
        const struct identifier *identifier = record_identifier(person, record);
        if (!identifier)
            continue;
        struct consent expired = {.purpose = record->purpose, .status = CONSENT_EXPIRED, .at_ms = record->expires_ms, .by = SAID_BY_SYSTEM,
                                  .verified = record->verified, .notice = record->notice, .notice_version = record->notice_version,
                                  .source = STR("telos"), .method = STR("expiry")};
        if (!consent_push(apply, person, identifier, &expired))
            return; /* the gate knows by the grant itself */
        standing = standing_of(apply, person, NULL);
    }
}

/* --- when to look again */

struct oldest { /* received time of the oldest datum of each purpose whose retention counts from there */
    int64_t received_ms[LIMIT_PURPOSES];
};

static void oldest_note(const struct apply *apply, struct oldest *oldest, purpose_mask purposes, int64_t received_ms)
{
    mask_each (slot, purposes & apply->collected_retention)
        if (received_ms < oldest->received_ms[slot])
            oldest->received_ms[slot] = received_ms;
}

/* Until when what was said is worth keeping where nothing else is: a refusal as long as a consent would live; what a person gave, withdrew
 * or objected to, for ever. TIME_NONE: nothing was said. */
static int64_t said_until(const struct apply *apply, const struct person *person)
{
    int64_t until_ms = TIME_NONE;
    vec_each (record, &person->consents) {
        if (row_dead(record))
            continue;
        bool fades = record->status == CONSENT_REFUSED || record->status == CONSENT_INFORMED || status_is_vendor(record->status);
        int64_t mine_ms = fades ? time_add(record->known_ms, apply->policy->consent_lifetime_default) : TIME_FOREVER;
        until_ms = mine_ms > until_ms ? mine_ms : until_ms;
    }
    return until_ms;
}

static bool outbox_empty(const struct person *person)
{
    vec_each (delivery, &person->deliveries)
        if (!row_dead(delivery) && delivery->state == DELIVERY_PENDING)
            return false;
    return true;
}

/* Confirmed, and that an hour ago: for so long whoever tracks what recipients answer (Art. 19) finds it. */
static bool recalls_over(const struct apply *apply, const struct person *person)
{
    vec_each (delivery, &person->deliveries)
        if (!row_dead(delivery) && delivery->kind == DELIVERY_RECALL && delivery->done_ms != TIME_NONE && delivery->done_ms + HOUR_MS > apply->now_ms)
            return false;
    return outbox_empty(person);
}

int64_t person_due_work_out(struct apply *apply, struct person *person)
{
    const struct standing *standing = standing_of(apply, person, NULL);
    struct oldest oldest;
    int64_t due_ms = standing->stores_until_ms;
    memset(&oldest, 0x7f, sizeof oldest);
    vec_each (fact, &person->facts)
        if (!row_dead(fact))
            oldest_note(apply, &oldest, fact->purposes, fact->received_ms);
    vec_each (event, &person->events)
        for (unsigned i = 0; !row_dead(event) && i < event->part_count; i++)
            oldest_note(apply, &oldest, event->parts[i].purposes, event->received_ms);
    vec_each (identifier, &person->identifiers)
        if (!row_dead(identifier))
            oldest_note(apply, &oldest, identifier->purposes, identifier->last_seen_ms + DAY_MS);
    vec_each (held, &person->held)
        if (!row_dead(held) && held->expires_ms < due_ms)
            due_ms = held->expires_ms;
    mask_each (slot, apply->collected_retention) {
        if (oldest.received_ms[slot] > apply->now_ms + DAY_MS)
            continue;
        int64_t until_ms = retention_collected(&apply->policy->purposes.items[slot], oldest.received_ms[slot]);
        due_ms = until_ms < due_ms ? until_ms : due_ms;
    }
    vec_each (record, &person->consents) /* what a vendor was sent is called back then */
        if (!row_dead(record) && record->status == CONSENT_VENDOR_PERMITTED && record->expires_ms > apply->now_ms && record->expires_ms < due_ms)
            due_ms = record->expires_ms;
    int64_t grown_ms = birth_year_due(apply, person), faded_ms = said_until(apply, person);
    due_ms = grown_ms < due_ms ? grown_ms : due_ms;
    if (faded_ms > apply->now_ms && faded_ms < due_ms)
        due_ms = faded_ms;
    if (standing->erased && !recalls_over(apply, person) && apply->now_ms + HOUR_MS < due_ms)
        due_ms = apply->now_ms + HOUR_MS; /* then it goes altogether */
    return due_ms > apply->now_ms ? due_ms : apply->now_ms + 1;
}

void person_sweep(struct apply *apply, struct person *person)
{
    if (!person_require(apply, person, PERSON_ALL))
        return;
    consents_expire(apply, person);
    person_enforce(apply, person);
    person_drop_if_empty(apply, person);
    if (row_dead(person_root(person)))
        return;
    int64_t due_ms = person_due_work_out(apply, person);
    vec_each (profile, &person->profiles) {
        int64_t wanted_ms = profile_no_equal(profile->number, person->root) ? due_ms : TIME_FOREVER;
        if (profile->due_ms == wanted_ms)
            continue;
        profile->due_ms = wanted_ms;
        row_touch(profile);
    }
}

bool person_sweep_if_due(struct apply *apply, struct person *person)
{
    if (!person_overdue(person, apply->now_ms))
        return true;
    if (!person_require(apply, person, PERSON_ALL))
        return false;
    person_sweep(apply, person);
    return true;
}

void sweep_apply(struct apply *apply, struct request *request)
{
    struct person *person = person_latest(request->person);
    if (!person || row_dead(person_root(person)) || !person_require(apply, person, PERSON_ALL))
        return;
    request->found = true;
    person_sweep(apply, person);
}

/* --- nothing left */

static bool data_empty(const struct apply *apply, const struct person *person)
{
    vec_each (identifier, &person->identifiers)
        if (!row_dead(identifier) && identifier->purposes)
            return false;
    if (said_until(apply, person) > apply->now_ms)
        return false;
    vec_each (row, &person->preferences)
        if (!row_dead(row))
            return false;
    vec_each (fact, &person->facts)
        if (!row_dead(fact))
            return false;
    vec_each (event, &person->events)
        if (!row_dead(event))
            return false;
    vec_each (held, &person->held)
        if (!row_dead(held))
            return false;
    return true;
}

/* Did data go in this batch? Then its keys go with it. */
static bool data_ended(const struct person *person)
{
    bool ended = false;
    vec_each (fact, &person->facts)
        ended |= fact->change == CHANGE_GONE;
    vec_each (event, &person->events)
        ended |= event->change == CHANGE_GONE;
    vec_each (identifier, &person->identifiers)
        ended |= identifier->change != CHANGE_NONE;
    return ended;
}

static bool identifiers_left(const struct person *person)
{
    vec_each (identifier, &person->identifiers)
        if (!row_dead(identifier))
            return true;
    return false;
}

#define rows_end(rows)                                                                                                 \
    do {                                                                                                               \
        vec_each (ending_, (rows))                                                                                     \
            if (!row_dead(ending_))                                                                                    \
                row_end(ending_);                                                                                      \
    } while (0)

/* Recalls have keys of their own: they go on when the person's keys are gone. */
static void erased_end(struct apply *apply, struct person *person)
{
    if (data_ended(person) || !identifiers_left(person)) /* who came anew may have taken the last name along */
        vec_each (profile, &person->profiles)
            key_end_push(apply, profile->number, KEY_CLASS_ALL, false);
    if (!recalls_over(apply, person))
        return;
    rows_end(&person->deliveries);
    rows_end(&person->disclosures);
    rows_end(&person->refused);
    if (!identifiers_left(person))
        rows_end(&person->profiles);
}

/* A person of whom only hashes are left, and who said nothing, is forgotten. An erased one keeps its hashes, so that it stays erased. */
void person_drop_if_empty(struct apply *apply, struct person *person)
{
    if ((person->loaded & PERSON_ALL) != PERSON_ALL || row_dead(person_root(person)) || !data_empty(apply, person))
        return;
    if (person_erased(person)) {
        erased_end(apply, person);
        return;
    }
    if (!outbox_empty(person))
        return;
    vec_each (profile, &person->profiles)
        if (profile->change != CHANGE_NEW)
            key_end_push(apply, profile->number, KEY_CLASS_ALL, false);
    rows_end(&person->identifiers);
    index_forget(apply, person);
    rows_end(&person->merges);
    rows_end(&person->deliveries);
    rows_end(&person->disclosures);
    rows_end(&person->refused);
    rows_end(&person->profiles);
}
