/* Who a message speaks of: the person of its strongest kept identifier, joined with the others where that is allowed. */
#include "core/core_private.h"

size_t named_fill(struct apply *apply, const struct message *message, struct named *ret_named)
{
    size_t count = 0;
    bool previous_known = false;
    for (size_t i = 0; i < message->identifier_count; i++) {
        const struct message_identifier *id = &message->identifiers[i];
        previous_known |= id->previous && index_find(apply, &id->hash);
    }
    for (size_t i = 0; i < message->identifier_count && count < LIMIT_MESSAGE_IDENTIFIERS; i++) {
        const struct message_identifier *id = &message->identifiers[i];
        struct known *known = index_find(apply, &id->hash);
        /* alias names a previousId of unknown kind: the known reading counts, else the anonymous one */
        if (id->previous && !known && (previous_known || !str_equal(id->key->name, STR("anonymous_id"))))
            continue;
        ret_named[count++] = (struct named){.id = id, .known = known};
    }
    return count;
}

static uint32_t key_limit(const struct identity_key *key)
{
    if (key->unique)
        return 1;
    return key->limit_per_profile ? key->limit_per_profile : LIMIT_PROFILE_IDENTIFIERS;
}

static uint32_t type_count(const struct person *person, const struct identity_key *key)
{
    uint32_t count = 0;
    vec_each (identifier, &person->identifiers)
        count += !row_dead(identifier) && str_equal(identifier->type, key->name);
    return count;
}

/* Joining is itself processing. */
static bool identity_permitted(struct apply *apply, const struct person *person, const struct source *source)
{
    if (person_erased(person))
        return false;
    uint16_t slot = apply->policy->identity_purpose;
    if (slot == SLOT_NONE)
        return true;
    reason_mask reasons = standing_of(apply, (struct person *)person, NULL)->purposes[slot].reasons; /* only its cache is written */
    if (source && (apply->informs[source->slot] >> slot & 1))
        reasons &= ~REASON_BIT(REASON_NOT_INFORMED);
    return reasons == 0;
}

/* Joining, and finding again, may rest on an interest of which people are informed: who is shown the notice with this very message is recorded as
 * informed before it happens. */
static void inform_first(struct apply *apply, const struct message *message, struct known *known, struct resolved *resolved)
{
    uint16_t slot = apply->policy->identity_purpose;
    if (slot == SLOT_NONE || !(apply->informs[message->source->slot] >> slot & 1))
        return;
    const struct purpose_standing *standing = &standing_of(apply, known->person, NULL)->purposes[slot];
    if (standing->reasons != REASON_BIT(REASON_NOT_INFORMED))
        return;
    informed_record(apply, known->person, known_identifier(known), message, UINT64_C(1) << slot);
    resolved->informed = true;
}

/* An account that the message says is the former one of another. */
static bool says_former(const struct message *message, const struct named *mine, const struct named *other)
{
    return message->type == EVENT_ALIAS && other->id->previous && mine->id->key == other->id->key && str_equal(mine->id->key->name, STR("user_id"));
}

/* May `mine`, which nobody has, become one more identifier of whom `other` names? Where the message says that it is that account's new name, the
 * limit of accounts a person does not stand against it. */
static reason_mask attach_refused(struct apply *apply, const struct message *message, const struct named *mine, const struct named *other)
{
    const struct person *person = other->known->person;
    const struct identity_key *key = mine->id->key;
    reason_mask reasons = 0;
    if (!identity_permitted(apply, person, message->source))
        reasons |= REASON_BIT(REASON_IDENTITY_NOT_PERMITTED);
    if ((type_count(person, key) >= key_limit(key) && !says_former(message, mine, other)) || person->identifiers.count >= LIMIT_PROFILE_IDENTIFIERS)
        reasons |= REASON_BIT(REASON_IDENTIFIER_LIMIT);
    return reasons;
}

reason_mask join_refused(struct apply *apply, const struct person *left, const struct person *right, const struct source *source,
                         const struct identity_key *said_one)
{
    reason_mask reasons = 0;
    if (!identity_permitted(apply, left, source) || !identity_permitted(apply, right, source))
        reasons |= REASON_BIT(REASON_IDENTITY_NOT_PERMITTED);
    if (left->profiles.count + right->profiles.count > LIMIT_PROFILE_MEMBERS ||
        left->identifiers.count + right->identifiers.count > LIMIT_PROFILE_IDENTIFIERS)
        reasons |= REASON_BIT(REASON_IDENTIFIER_LIMIT);
    vec_each (key, &apply->policy->keys)
        if (key != said_one && type_count(left, key) + type_count(right, key) > key_limit(key) && type_count(left, key) && type_count(right, key))
            reasons |= REASON_BIT(REASON_IDENTIFIER_LIMIT);
    return reasons;
}

/* Did a person undo a join of one of the message's identifiers with this one? */
static bool pair_undone(const struct person *person, const identifier_hash *a, const identifier_hash *b)
{
    vec_each (merge, &person->merges) {
        if (row_dead(merge) || merge->undone_ms == TIME_NONE)
            continue;
        bool straight = !memcmp(&merge->through_left, a, sizeof *a) && !memcmp(&merge->through_right, b, sizeof *b);
        bool crossed = !memcmp(&merge->through_left, b, sizeof *b) && !memcmp(&merge->through_right, a, sizeof *a);
        if (straight || crossed)
            return true;
    }
    return false;
}

static bool undone(const struct named *named, size_t count, const struct person *left, const struct named *other)
{
    for (size_t i = 0; i < count; i++)
        if (named[i].known && named[i].known->person == left &&
            (pair_undone(left, &named[i].id->hash, &other->id->hash) ||
             pair_undone(other->known->person, &named[i].id->hash, &other->id->hash)))
            return true;
    return false;
}

void refused_push(struct apply *apply, struct person *person, profile_no left, profile_no right, str type, reason_mask reasons)
{
    str reason = str_of(reason_name((enum reason)__builtin_ctzll(reasons)));
    vec_each (row, &person->refused)
        if (!row_dead(row) && profile_no_equal(row->left, left) && profile_no_equal(row->right, right) && str_equal(row->type, type) &&
            str_equal(row->reason, reason)) {
            row->count++;
            row->last_ms = apply->now_ms;
            row_touch(row);
            return;
        }
    *(struct refused_join *)vec_push(apply->arena, &person->refused) =
        (struct refused_join){.change = CHANGE_NEW, .left = left, .right = right, .type = type, .reason = reason, .count = 1,
                              .first_ms = apply->now_ms, .last_ms = apply->now_ms};
}

/* Nothing but one id is known of them. */
static bool lone(const struct person *person)
{
    uint32_t alive = 0;
    vec_each (identifier, &person->identifiers)
        alive += !row_dead(identifier);
    return alive <= 1;
}

/* The key whose limit does not stand against joining the two; NULL: none. With a write key that lies open in a page nobody melts two accounts into
 * one: there an id may be given another name, no more. */
static const struct identity_key *said_one(const struct message *message, const struct named *mine, const struct named *other)
{
    if (!says_former(message, mine, other))
        return NULL;
    return message->source->public && !lone(mine->known->person) && !lone(other->known->person) ? NULL : mine->id->key;
}

struct person *resolve_prospect(struct apply *apply, const struct message *message, const struct named *named, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (named[i].known && (i == 0 || !attach_refused(apply, message, &named[0], &named[i])))
            return named[i].known->person;
    return NULL;
}

static bool verified_by(const struct message *message, const struct named *named)
{
    return source_proves(message->source, named->id->key);
}

/* A known identifier is seen again: its value is kept from now on where it was not, and the day is noted. */
static void identifier_seen(struct apply *apply, const struct message *message, struct named *named)
{
    struct identifier *identifier = known_identifier(named->known);
    named->added = named->purposes & ~identifier->purposes;
    if (named->purposes & ~identifier->purposes || (named->purposes && str_empty(identifier->value))) {
        identifier->purposes |= named->purposes;
        identifier->value = named->id->value;
        row_touch(identifier);
    }
    if (verified_by(message, named) && !identifier->verified) {
        identifier->verified = true;
        row_touch(identifier);
    }
    if (identifier->last_seen_ms < apply->day_ms) {
        identifier->last_seen_ms = apply->day_ms;
        row_touch(identifier);
        gate_standing_reset(named->known->person); /* retention may count from there */
    }
}

static void refuse(struct apply *apply, struct named *named, struct person *person, profile_no left, profile_no right, reason_mask reasons)
{
    refused_push(apply, person, left, right, named->id->key->name, reasons);
    counter_add(apply, STR_NONE, STR("refused_join"), named->id->key->name, str_of(reason_name((enum reason)__builtin_ctzll(reasons))));
    named->lost = true;
}

/* The strongest identifier, unknown so far: attached to whom another one names, or somebody new. */
static struct known *strongest_place(struct apply *apply, const struct message *message, struct named *named, size_t count, size_t strongest,
                                     bool kept_only, purpose_mask purposes, struct resolved *resolved)
{
    struct named *mine = &named[strongest];
    for (size_t i = 0; i < count; i++) {
        if (i == strongest || !named[i].known || (kept_only && !named[i].purposes))
            continue;
        struct person *person = named[i].known->person;
        profile_no profile = known_identifier(named[i].known)->profile;
        reason_mask reasons = attach_refused(apply, message, mine, &named[i]);
        if (!reasons) {
            if (resolved)
                inform_first(apply, message, named[i].known, resolved);
            return person_attach(apply, person, profile, mine->id, verified_by(message, mine), purposes, message->id);
        }
        if (kept_only) {
            refused_push(apply, person, profile, PROFILE_NONE, mine->id->key->name, reasons);
            counter_add(apply, message->source->name, STR("refused_join"), mine->id->key->name,
                        str_of(reason_name((enum reason)__builtin_ctzll(reasons))));
            named[i].lost = true;
        }
    }
    struct person *person = person_make(apply, message->source->jurisdiction);
    return person_attach(apply, person, person->root, mine->id, verified_by(message, mine), purposes, message->id);
}

struct known *resolve_hash_only(struct apply *apply, const struct message *message, struct named *named, size_t count)
{
    ASSERT(count);
    if (!named[0].known)
        named[0].known = strongest_place(apply, message, named, count, 0, false, 0, NULL);
    return named[0].known;
}

static str join_reason(const struct message *message) { return message->type == EVENT_ALIAS ? STR("alias") : STR("identify"); }

struct resolved resolve_message(struct apply *apply, const struct message *message, struct named *named, size_t count)
{
    struct resolved resolved = {0};
    size_t strongest = 0;
    while (strongest < count && !named[strongest].purposes)
        strongest++;
    ASSERT(strongest < count);
    struct named *mine = &named[strongest];
    if (mine->known)
        identifier_seen(apply, message, mine);
    else {
        mine->known = strongest_place(apply, message, named, count, strongest, true, mine->purposes, &resolved);
        mine->added = mine->purposes;
    }
    for (size_t i = 0; i < count; i++) {
        struct named *other = &named[i];
        if (i == strongest || !other->purposes || other->lost)
            continue;
        struct person *person = mine->known->person;
        profile_no profile = known_identifier(mine->known)->profile;
        if (!other->known) /* a join may have released what brought it */
            other->known = index_find(apply, &other->id->hash);
        if (!other->known) {
            reason_mask reasons = attach_refused(apply, message, other, mine);
            if (reasons)
                refuse(apply, other, person, profile, PROFILE_NONE, reasons);
            else {
                inform_first(apply, message, mine->known, &resolved);
                other->known = person_attach(apply, person, profile, other->id, verified_by(message, other), other->purposes, message->id);
                other->added = other->purposes;
            }
            continue;
        }
        if (other->known->person != person) {
            const struct identity_key *one = said_one(message, mine, other);
            reason_mask reasons = join_refused(apply, person, other->known->person, message->source, one);
            if (undone(named, count, person, other))
                reasons |= REASON_BIT(REASON_JOIN_UNDONE);
            if (!reasons) {
                inform_first(apply, message, mine->known, &resolved);
                inform_first(apply, message, other->known, &resolved);
                reasons = join_refused(apply, person, other->known->person, NULL, one); /* a full history takes no notice */
            }
            if (reasons) {
                refuse(apply, other, person, profile, known_identifier(other->known)->profile, reasons);
                continue;
            }
            person_join(apply, mine->known, other->known, join_reason(message), message->source->name, message->received_ms);
            resolved.merged = true;
        }
        identifier_seen(apply, message, other);
    }
    resolved.known = mine->known;
    resolved.person = mine->known->person;
    return resolved;
}
