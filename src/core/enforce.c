/* What the records, the time or the policy no longer allow is taken off, in the same commit (gate.md §5): purposes of facts, events and
 * identifiers, and what is left without one; held messages that no consent can release any more; deliveries, recalls.
 *
 * 1. Afterwards every live fact, event part and identifier value has at least one purpose, and the gate allows storing it for each.
 */
#include "core/core_private.h"

purpose_mask purposes_storable(const struct apply *apply, const struct standing *standing, purpose_mask purposes, int64_t received_ms)
{
    purpose_mask mask = purposes & standing->stores;
    mask_each (slot, mask & apply->collected_retention)
        if (retention_collected(&apply->policy->purposes.items[slot], received_ms) <= apply->now_ms)
            mask &= ~(UINT64_C(1) << slot);
    return mask;
}

/* --- what a trait's value holds, under the policy of today */

static purpose_mask category_cover(const struct policy *policy, const struct field_walk *walk, const struct standing *standing)
{
    if (walk->not_personal)
        return ~UINT64_C(0);
    if (walk->category == SLOT_NONE)
        return 0;
    const struct category *category = &policy->categories.items[walk->category];
    return category->special ? category->covered_by & standing->special : category->covered_by;
}

static purpose_mask value_cover(const struct policy *policy, const struct json *value, struct field_walk walk, const struct standing *standing)
{
    if (value->type < JSON_ARRAY || !value->count || field_walk_uniform(walk))
        return category_cover(policy, &walk, standing);
    purpose_mask mask = ~UINT64_C(0);
    for (uint32_t i = 0; i < value->count; i++)
        mask &= value->type == JSON_ARRAY
                    ? value_cover(policy, &value->items[i], field_walk_item(policy, walk), standing)
                    : value_cover(policy, &value->members[i].value, field_walk_key(policy, walk, value->members[i].name), standing);
    return mask;
}

struct field_walk trait_walk(const struct policy *policy, struct field_walk traits_walk, str name)
{
    str part;
    while (str_split(&name, '.', &part))
        traits_walk = field_walk_key(policy, traits_walk, part);
    return traits_walk;
}

purpose_mask fact_cover(struct arena *arena, const struct policy *policy, struct field_walk traits_walk, const struct fact *fact,
                        const struct standing *standing)
{
    struct field_walk walk = trait_walk(policy, traits_walk, fact->name);
    if (field_walk_uniform(walk) || str_empty(fact->value) || fact->value.data[0] != '[')
        return category_cover(policy, &walk, standing);
    struct json tree;
    return json_read(arena, fact->value, &tree) ? 0 : value_cover(policy, &tree, walk, standing);
}

/* --- the rows */

static void consent_data_lost(struct apply *apply, profile_no profile)
{
    vec_each (lost, &apply->consent_lost)
        if (profile_no_equal(*lost, profile))
            return;
    *(profile_no *)vec_push(apply->arena, &apply->consent_lost) = profile;
}

static void facts_enforce(struct apply *apply, struct person *person, const struct standing *standing)
{
    vec_each (fact, &person->facts) {
        if (row_dead(fact))
            continue;
        purpose_mask mask = purposes_storable(apply, standing, fact->purposes, fact->received_ms);
        if (mask)
            mask &= fact_cover(apply->arena, apply->policy, apply->traits_walk, fact, standing);
        if (mask == fact->purposes && mask)
            continue;
        if (part_key_class(apply->policy, fact->purposes, standing->jurisdiction) == KEY_CONSENT)
            consent_data_lost(apply, fact->profile);
        if (mask) {
            fact->purposes = mask;
            row_touch(fact);
        } else
            row_end(fact);
    }
}

/* May the policy see the event's fields otherwise than when they were kept? */
static bool recheck_needed(const struct apply *apply, const struct event *event, const struct standing *standing)
{
    bool needed = event->policy_version != apply->policy->version;
    for (unsigned i = 0; i < event->part_count && !needed; i++)
        needed = event->parts[i].purposes & apply->special_purposes & ~standing->special;
    return needed;
}

static void event_enforce(struct apply *apply, struct event *event, const struct standing *standing)
{
    unsigned kept = 0;
    bool changed = recheck_needed(apply, event, standing) && event_recheck(apply, event, standing);
    if (changed)
        consent_data_lost(apply, event->profile);
    for (unsigned i = 0; i < event->part_count; i++) {
        struct event_part *part = &event->parts[i];
        purpose_mask mask = purposes_storable(apply, standing, part->purposes, event->received_ms);
        if (mask != part->purposes || !mask) {
            changed = true;
            if (part->key_class == KEY_CONSENT)
                consent_data_lost(apply, event->profile);
            part->purposes = mask;
            if (mask)
                part->key_class = part_key_class(apply->policy, mask, standing->jurisdiction);
        }
        if (mask)
            event->parts[kept++] = *part;
    }
    event->part_count = (uint8_t)kept;
    if (!kept)
        row_end(event);
    else if (changed)
        row_touch(event);
}

void identifiers_enforce(struct apply *apply, struct person *person, const struct standing *standing)
{
    vec_each (identifier, &person->identifiers) {
        if (row_dead(identifier) || (!identifier->purposes && str_empty(identifier->value)))
            continue;
        const struct identity_key *key = policy_key(apply->policy, identifier->type);
        purpose_mask covered = !key ? 0 : key->category == SLOT_NONE ? ~UINT64_C(0) : cover_of(apply->policy, key->category);
        purpose_mask mask = purposes_storable(apply, standing, identifier->purposes & covered, identifier->last_seen_ms + DAY_MS);
        if (mask == identifier->purposes && mask)
            continue;
        identifier->purposes = mask;
        if (!mask)
            identifier->value = identifier->sealed = STR_NONE;
        row_touch(identifier);
    }
}

void held_enforce(struct apply *apply, struct person *person, const struct standing *standing)
{
    vec_each (held, &person->held) {
        if (row_dead(held) || (held->expires_ms > apply->now_ms && held_hopeful(apply, standing, held)))
            continue;
        row_end(held);
        counter_add(apply, held->source, STR("held"), STR_NONE, held->expires_ms <= apply->now_ms ? STR("expired") : STR("refused"));
    }
}

static str event_name(const struct event *event)
{
    return event->number.value ? str_bytes(&event->number.value, sizeof event->number.value) : str_bytes(event->id.bytes, sizeof event->id.bytes);
}

/* A delivery of an event that is gone has nothing to send. */
static void deliveries_enforce(struct apply *apply, struct person *person)
{
    struct map gone;
    map_init(&gone, apply->arena);
    vec_each (event, &person->events)
        if (row_dead(event))
            map_set(&gone, event_name(event), event);
    vec_each (delivery, &person->deliveries) {
        if (row_dead(delivery) || delivery->kind != DELIVERY_EVENT || delivery->state != DELIVERY_PENDING)
            continue;
        str name = delivery->event_new ? event_name(delivery->event_new) : str_bytes(&delivery->event.value, sizeof delivery->event.value);
        if (!map_get(&gone, name))
            continue;
        if (delivery->change == CHANGE_NEW) {
            row_end(delivery);
            continue;
        }
        delivery->state = DELIVERY_CANCELLED;
        delivery->done_ms = apply->now_ms;
        delivery->reason = str_of(reason_name(REASON_RETENTION_ELAPSED));
        row_touch(delivery);
    }
}

void person_enforce(struct apply *apply, struct person *person)
{
    if (!person_require(apply, person, PERSON_ALL))
        return;
    const struct standing *standing = standing_of(apply, person, NULL);
    outbox_take(apply, person, standing);
    outbox_take_vendors(apply, person);
    facts_enforce(apply, person, standing);
    bool events_ended = false;
    vec_each (event, &person->events)
        if (!row_dead(event)) {
            event_enforce(apply, event, standing);
            events_ended |= row_dead(event);
        }
    if (events_ended)
        deliveries_enforce(apply, person);
    identifiers_enforce(apply, person, standing);
    held_enforce(apply, person, standing);
    if (birth_year_derive(apply, person) && (standing->stores & ~standing_of(apply, person, NULL)->stores))
        person_enforce(apply, person); /* of an earlier, younger year: at most once a fact that says one */
}
