/* Faults that can be planted with --break: each is what some part of Telos might do wrong, and each must be found by the properties. */
#include "sim.h"

#include "fault.h"

const struct fault faults[] = {
    {"keep-facts", "a fact that must go stays in the store"},
    {"keep-events", "an event loses no purposes"},
    {"keep-values", "the value of an identifier stays when its purposes go"},
    {"skip-sweep", "nobody sweeps"},
    {"resurrect", "a purpose that was taken off a fact comes back"},
    {"forget-clock", "events are dated by arrival"},
    {"leak-read", "a read shows facts of other purposes"},
    {"forget-objection", "objections are not stored"},
    {"change-record", "a consent record is changed after it was made"},
    {"lose-counter", "an outcome is not counted"},
    {"lose-key-end", "a key lives on"},
    {"two-owners", "an identifier comes to belong to two"},
    {"two-roots", "a profile forgets its root"},
    {"hold-longer", "held messages are kept longer"},
    {"no-limit", "identity limits are not looked at"},
    {"foreign-bit", "a purpose that the policy does not have is stored"},
    {"mixed-undo", "after an undo a fact stays on the wrong side"},
    {"batch-order", "a batch is done backwards"},
    {"lose-recall", "recalls are not stored"},
    {"half-loaded", "facts are lost where they were not loaded"},
    {"lose-fact", "the newest fact of a trait is lost"},
    {"deaf", "signals are not heard"},
    {"unmarked", "a row changes without its mark"},
    {"dice", "the core rolls dice"},
};
const size_t fault_count = COUNT_OF(faults);

static const struct person *person_before(const struct person *const *before, size_t count, profile_no root)
{
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(before[i]->root, root))
            return before[i];
    return NULL;
}

static void facts_fault(struct world *world, struct person *person)
{
    vec_each (fact, &person->facts) {
        if (world_fault(world, "keep-facts") && fact->change == CHANGE_GONE)
            fact->change = CHANGE_NONE;
        if (world_fault(world, "foreign-bit") && fact->change == CHANGE_NEW && world->step % 16 == 3)
            fact->purposes |= UINT64_C(1) << 63;
    }
    for (size_t i = person->facts.count; world_fault(world, "lose-fact") && i > 0; i--)
        if (person->facts.items[i - 1].change == CHANGE_NEW && str_equal(person->facts.items[i - 1].name, STR("colour"))) {
            person->facts.items[i - 1].change = CHANGE_GONE;
            break;
        }
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

void fault_plant(struct world *world, struct person *person, const struct person *const *before, size_t count)
{
    const struct person *old = person_before(before, count, person->root);
    facts_fault(world, person);
    records_fault(world, person);
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
    if (world_fault(world, "lose-key-end"))
        world->batch.key_ends.count = 0;
    if (world_fault(world, "unmarked"))
        vec_each (each, &world->batch.persons)
            vec_each (fact, &(*each)->facts)
                if (fact->change == CHANGE_SET && fact->purposes)
                    fact->change = CHANGE_NONE;
}
