/* Faults that can be planted with --break: each is what some part of Telos might do wrong, and each must be found by the properties. */
#include "sim.h"

#include "fault.h"

const struct fault faults[] = {
    {"keep-facts", PROPERTY_STORED, "a fact that must go stays in the store"},
    {"keep-events", PROPERTY_STORED, "an event loses no purposes"},
    {"keep-values", PROPERTY_STORED, "the value of an identifier stays when its purposes go"},
    {"skip-sweep", PROPERTY_STORED, "nobody sweeps"},
    {"resurrect", PROPERTY_STORED, "a purpose that was taken off a fact comes back"},
    {"forget-clock", PROPERTY_REPLAY, "events are dated by arrival"},
    {"leak-read", PROPERTY_READ, "a read shows facts of other purposes"},
    {"forget-objection", PROPERTY_RECORDS, "objections are not stored"},
    {"change-record", PROPERTY_EVIDENCE, "a consent record is changed after it was made"},
    {"lose-counter", PROPERTY_COUNTERS, "an outcome is not counted"},
    {"lose-key-end", PROPERTY_KEYS, "a key lives on"},
    {"two-owners", PROPERTY_IDENTITY, "an identifier comes to belong to two"},
    {"two-roots", PROPERTY_IDENTITY, "a profile forgets its root"},
    {"hold-longer", PROPERTY_HOLDS, "held messages are kept longer"},
    {"no-limit", PROPERTY_LIMITS, "identity limits are not looked at"},
    {"foreign-bit", PROPERTY_PURPOSES, "a purpose that the policy does not have is stored"},
    {"mixed-undo", PROPERTY_UNDO, "after an undo a fact stays on the wrong side"},
    {"batch-order", PROPERTY_BATCH, "a batch is done backwards"},
    {"lose-recall", PROPERTY_OUTBOX, "recalls are not stored"},
    {"half-loaded", PROPERTY_LOADING, "facts are lost where they were not loaded"},
    {"stale-fact", PROPERTY_FOLD, "an older value of a trait wins"},
    {"deaf", PROPERTY_SIGNAL, "signals are not heard"},
    {"ageless", PROPERTY_AGE, "a year of birth is not heard"},
    {"unmarked", PROPERTY_MARKS, "a row changes without its mark"},
    {"cover-all", PROPERTY_COVERED, "a fact is stored for all purposes that there are"},
    {"grow", PROPERTY_SHRINKS, "a stored fact gains purposes"},
    {"lose-part", PROPERTY_EXACT, "an event loses a part on its way to the store"},
    {"leak-delivery", PROPERTY_DELIVERY, "a delivery takes facts of other purposes along"},
    {"lenient-gate", PROPERTY_DECIDE, "the gate does not know what is direct marketing"},
    {"dice", PROPERTY_SAME, "the core rolls dice"},
};
const size_t fault_count = COUNT_OF(faults);

static const struct person *person_before(const struct person *const *before, size_t count, profile_no root)
{
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(before[i]->root, root))
            return before[i];
    return NULL;
}

/* What a newer fact takes the place of stays, and the newer one goes. */
static void stale_fault(struct person *person)
{
    vec_each (old, &person->facts)
        vec_each (fact, &person->facts)
            if (old->change == CHANGE_GONE && fact->change == CHANGE_NEW && str_equal(old->name, fact->name)) {
                old->change = CHANGE_NONE;
                fact->change = CHANGE_GONE;
                break;
            }
}

static void facts_fault(struct world *world, struct person *person)
{
    vec_each (fact, &person->facts) {
        if (world_fault(world, "keep-facts") && fact->change == CHANGE_GONE)
            fact->change = CHANGE_NONE;
        purpose_mask every = (UINT64_C(1) << world->policy->purposes.count) - 1;
        if ((world_fault(world, "cover-all") && fact->change == CHANGE_NEW) || (world_fault(world, "grow") && fact->change != CHANGE_NEW))
            fact->purposes = every;
        if (world_fault(world, "foreign-bit") && fact->change == CHANGE_NEW && world->step % 16 == 3)
            fact->purposes |= UINT64_C(1) << 63;
    }
    if (world_fault(world, "stale-fact"))
        stale_fault(person);
}

static void parts_fault(struct person *person)
{
    vec_each (event, &person->events)
        if (event->change == CHANGE_NEW && event->part_count > 1)
            event->part_count--;
}

static void resurrect(const struct person *old, struct person *person)
{
    vec_each (fact, &person->facts)
        vec_each (was, &old->facts)
            if (fact->change == CHANGE_SET && was->value.data == fact->value.data && fact->purposes)
                fact->purposes = was->purposes;
}

static void events_fault(const struct person *old, struct person *person)
{
    vec_each (event, &person->events)
        vec_each (was, &old->events)
            if (event->change == CHANGE_SET && was->number.value == event->number.value) {
                event->parts = was->parts;
                event->part_count = was->part_count;
            }
}

static void values_fault(const struct person *old, struct person *person)
{
    vec_each (identifier, &person->identifiers)
        vec_each (was, &old->identifiers)
            if (identifier->change == CHANGE_SET && !memcmp(&was->hash, &identifier->hash, sizeof was->hash) && !identifier->purposes) {
                identifier->value = was->value;
                identifier->purposes = was->purposes;
            }
}

static void records_fault(struct world *world, struct person *person)
{
    vec_each (record, &person->consents) {
        if (world_fault(world, "forget-objection") && record->status == CONSENT_OBJECTED && record->change == CHANGE_NEW)
            record->change = CHANGE_GONE;
        if (world_fault(world, "change-record") && record->change == CHANGE_NONE && world->step % 64 == 5)
            record->at_ms += SECOND_MS;
    }
    vec_each (delivery, &person->deliveries)
        if (world_fault(world, "lose-recall") && delivery->kind == DELIVERY_RECALL && delivery->change == CHANGE_NEW)
            delivery->change = CHANGE_GONE;
    vec_each (held, &person->held)
        if (world_fault(world, "hold-longer") && held->change == CHANGE_NEW)
            held->expires_ms += DAY_MS;
}

static void identity_fault(struct world *world, struct person *person)
{
    if (world_fault(world, "two-roots") && person->profiles.count > 1)
        person->profiles.items[1].root = person->profiles.items[1].number;
    if (world_fault(world, "two-owners") && world->step % 32 == 9 && world->cells.count && world->cells.items[0]->person.identifiers.count &&
        person->identifiers.count) {
        struct identifier twin = person->identifiers.items[0];
        twin.hash = world->cells.items[0]->person.identifiers.items[0].hash;
        twin.number = 99;
        *(struct identifier *)vec_push(&world->scratch, &person->identifiers) = twin;
    }
    if (world_fault(world, "dice") && person->events.count && world->fault_arg++ % 97 == 96)
        person->events.items[0].at_ms -= (int64_t)(map_hash(STR("dice")) % 1000) + (int64_t)(clock_monotonic_us() % 1000);
    if (world_fault(world, "mixed-undo") && world->batch.request_count == 1 && world->batch.requests[0].kind == REQUEST_UNDO_MERGE &&
        person->facts.count)
        person->facts.items[0].change = CHANGE_GONE;
    if (world_fault(world, "half-loaded") && !(person->loaded & PERSON_EVENTS))
        person->events.count = 0;
}

/* The others would bring a copy out of step with itself before anybody looks at it. */
static bool planted_here(const struct world *world)
{
    return !world->clone || world_fault(world, "mixed-undo") || world_fault(world, "half-loaded") || world_fault(world, "stale-fact");
}

void fault_plant(struct world *world, struct person *person, const struct person *const *before, size_t count)
{
    const struct person *old = person_before(before, count, person->root);
    if (!planted_here(world))
        return;
    facts_fault(world, person);
    records_fault(world, person);
    if (world_fault(world, "lose-part"))
        parts_fault(person);
    identity_fault(world, person);
    if (!old)
        return;
    if (world_fault(world, "resurrect"))
        resurrect(old, person);
    if (world_fault(world, "keep-events"))
        events_fault(old, person);
    if (world_fault(world, "keep-values"))
        values_fault(old, person);
}

void fault_before_store(struct world *world)
{
    if (world->clone)
        return;
    if (world_fault(world, "lose-key-end"))
        world->batch.key_ends.count = 0;
    if (world_fault(world, "unmarked"))
        vec_each (each, &world->batch.persons)
            vec_each (fact, &(*each)->facts)
                if (fact->change == CHANGE_SET && fact->purposes)
                    fact->change = CHANGE_NONE;
}
