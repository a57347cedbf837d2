/* Reads and deliveries, as the engine makes them; everything that comes out is looked at by the oracle. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

struct shown { /* what comes out, and for what */
    struct world *world;
    const struct person *person;
    struct verdicts verdicts;
    unsigned purpose;
    unsigned categories; /* that may be shown */
    bool delivery;
};

#define CHECK_SHOWN(shown, expression, ...)                                                                            \
    do {                                                                                                               \
        if ((shown)->delivery)                                                                                         \
            CHECK((shown)->world, DELIVERY, expression, __VA_ARGS__);                                                  \
        else                                                                                                           \
            CHECK((shown)->world, READ, expression, __VA_ARGS__);                                                      \
    } while (0)

/* Collected for this purpose or one compatible with it, and still to be kept for that. */
static bool fits(const struct shown *shown, purpose_bits collected, int64_t received_ms)
{
    const struct spec *spec = &shown->world->spec;
    collected &= shown->verdicts.stores;
    for (unsigned i = 0; i < PURPOSES; i++)
        if ((collected >> i & 1) && oracle_kept_until(&spec->purposes[i], received_ms) <= shown->world->now_ms)
            collected &= ~(1u << i);
    return oracle_fits(spec, collected, shown->purpose) && oracle_kept_until(&spec->purposes[shown->purpose], received_ms) > shown->world->now_ms;
}

static bool category_shown(const struct shown *shown, int category)
{
    return category == CAT_RIDES || (category < CATEGORIES && (shown->categories >> category & 1));
}

static void markers_shown(const struct shown *shown, str text)
{
    size_t at = 0;
    uint32_t number;
    while ((number = marker_next(shown->world, text, &at)) != 0) {
        const struct marker *marker = &shown->world->markers.items[number];
        CHECK_SHOWN(shown, category_shown(shown, marker->category == CAT_UNKNOWN ? CATEGORIES : CAT_RIDES) && oracle_fits(&shown->world->spec, marker->allowed, shown->purpose),
                    "value mk%u, allowed for %x, is shown for %s", number, marker->allowed, spec_purpose_names[shown->purpose]);
    }
}

static bool leaf_shown(void *context, str path, const struct json *value)
{
    const struct shown *shown = context;
    if (value->type == JSON_NULL) /* stands for an element that is not shown */
        return true;
    CHECK_SHOWN(shown, category_shown(shown, spec_category(&shown->world->spec, path)), "field %.*s of an event is shown for %s", STR_FMT(path),
                spec_purpose_names[shown->purpose]);
    return true;
}

static void rows_shown(const struct shown *shown, const struct profile_view *view)
{
    struct world *world = shown->world;
    static const int categories[KEYS] = {CAT_RIDES, CAT_EMAIL, CAT_PHONE, CAT_RIDES, CAT_RIDES};
    vec_each (each, &view->facts) {
        const struct fact *fact = *each;
        int category = spec_trait_category(&world->spec, fact->name);
        CHECK_SHOWN(shown, category_shown(shown, category), "fact %.*s is shown for %s, which does not cover it", STR_FMT(fact->name),
                    spec_purpose_names[shown->purpose]);
        CHECK_SHOWN(shown, fits(shown, bits_of(world, fact->purposes), fact->received_ms), "fact %.*s, kept for %x, is shown for %s", STR_FMT(fact->name),
                    bits_of(world, fact->purposes), spec_purpose_names[shown->purpose]);
    }
    vec_each (each, &view->identifiers) {
        const struct identifier *identifier = *each;
        for (unsigned i = 0; i < KEYS; i++)
            if (str_equal(identifier->type, str_of(spec_key_names[i])))
                CHECK_SHOWN(shown, category_shown(shown, categories[i]), "a %s is shown for %s, which does not cover it", spec_key_names[i],
                            spec_purpose_names[shown->purpose]);
        CHECK_SHOWN(shown, fits(shown, bits_of(world, identifier->purposes), identifier->last_seen_ms + DAY_MS), "a %.*s, kept for %x, is shown for %s",
                    STR_FMT(identifier->type), bits_of(world, identifier->purposes), spec_purpose_names[shown->purpose]);
    }
}

static void event_shown(const struct shown *shown, const struct event *event, str body)
{
    struct world *world = shown->world;
    purpose_bits collected = 0;
    for (unsigned i = 0; i < event->part_count; i++)
        collected |= bits_of(world, event->parts[i].purposes);
    CHECK_SHOWN(shown, fits(shown, collected, event->received_ms), "an event kept for %x is shown for %s", collected, spec_purpose_names[shown->purpose]);
    CHECK_SHOWN(shown, body_walk(&world->scratch, body, leaf_shown, (void *)shown), "a body that cannot be read is shown");
    markers_shown(shown, body);
}

static void view_shown(const struct shown *shown, const struct profile_view *view)
{
    struct buf out;
    struct jsonw json;
    rows_shown(shown, view);
    buf_init(&out, &shown->world->scratch, LIMIT_REPLY_BYTES);
    jsonw_init(&json, &out);
    jsonw_object(&json);
    profile_view_write(&json, view, shown->delivery ? view_told_recipient(view) : (struct view_told){~(purpose_mask)0, WITHHELD_ALL});
    jsonw_object_end(&json);
    markers_shown(shown, buf_str(&out));
}

/* --- may it be asked at all? */

static bool opted_out(const struct person *person, const char *channel)
{
    const struct preferences *newest = NULL; /* that says something of the channel */
    char no[64], yes[64];
    (void)snprintf(no, sizeof no, "\"%s\":false", channel); /* always fits */
    (void)snprintf(yes, sizeof yes, "\"%s\":true", channel);
    vec_each (row, &person->preferences)
        if ((str_find(row->value, str_of(no)) >= 0 || str_find(row->value, str_of(yes)) >= 0) && (!newest || row->at_ms >= newest->at_ms))
            newest = row;
    return newest && str_find(newest->value, str_of(no)) >= 0;
}

static void shown_fill(struct shown *shown, const struct spec_destination *destination)
{
    struct world *world = shown->world;
    const struct spec_purpose *purpose = &world->spec.purposes[shown->purpose];
    oracle_judge(&world->spec, shown->person, "", world->now_ms, TIME_FOREVER, &shown->verdicts);
    shown->categories = purpose->categories & (destination ? destination->categories : ~0u);
    if (!shown->verdicts.of[shown->purpose].special)
        shown->categories &= ~(1u << CAT_HEALTH);
}

static void asked_check(const struct shown *shown, const struct spec_destination *destination)
{
    const struct spec_purpose *purpose = &shown->world->spec.purposes[shown->purpose];
    enum basis basis = shown->verdicts.us ? purpose->basis_us : purpose->basis;
    bool robot = purpose->automated &&
                 (!purpose->reviewer || (basis != BASIS_CONSENT && basis != BASIS_CONTRACT && basis != BASIS_LEGAL_OBLIGATION));
    CHECK_SHOWN(shown, purpose->present && !shown->verdicts.of[shown->purpose].use && !robot, "%s may not be asked for, but is answered",
                spec_purpose_names[shown->purpose]);
    if (!destination)
        return;
    CHECK_SHOWN(shown, destination->present && destination->purpose == shown->purpose && destination->transfer_ok, "a recipient gets what it may not");
    CHECK_SHOWN(shown, !destination->vendor || oracle_vendor_may(shown->person, shown->purpose, shown->world->now_ms),
                "a vendor gets what no string permits");
    CHECK_SHOWN(shown, !*destination->channel || !opted_out(shown->person, destination->channel), "%s was opted out of", destination->channel);
}

void read_person(struct world *world, struct random *random, const struct cell *cell)
{
    struct shown shown = {.world = world, .person = &cell->person, .purpose = below(random, PURPOSES)};
    struct profile_view view;
    struct question question = {.purpose = str_of(spec_purpose_names[shown.purpose]), .operation = OPERATION_USE, .at_ms = TIME_NONE,
                                .known_ms = TIME_NONE, .now_ms = world->now_ms};
    profile_view(&world->scratch, world->policy, shown.person, &question, NULL, &view);
    property_checks[PROPERTY_READ]++;
    if (!view.decision.allow)
        return;
    shown_fill(&shown, NULL);
    asked_check(&shown, NULL);
    if (world_fault(world, "leak-read")) /* a cache that forgets for what it was filled */
        vec_each (fact, &shown.person->facts)
            *(const struct fact **)vec_push(&world->scratch, &view.facts) = fact;
    view_shown(&shown, &view);
    vec_each (event, &shown.person->events) {
        str body;
        if (profile_view_event(&world->scratch, &view, NULL, event, &body))
            event_shown(&shown, event, body);
    }
}

/* --- deliveries */

static const struct event *event_of(const struct person *person, event_no number)
{
    vec_each (event, &person->events)
        if (event->number.value == number.value)
            return event;
    return NULL;
}

/* The body of an attempt, as the engine makes it; false when the gate says no. */
static bool attempt(struct world *world, const struct cell *cell, const struct delivery *delivery, const struct destination *destination,
                    int64_t *ret_from_ms)
{
    struct shown shown = {.world = world, .person = &cell->person, .purpose = (unsigned)spec_purpose_find(delivery->purpose), .delivery = true};
    const struct spec_destination *spec = NULL;
    struct profile_view view;
    struct question question = {.purpose = delivery->purpose, .recipient = destination->name, .channel = destination->channel,
                                .contact = !str_empty(destination->channel), .operation = OPERATION_USE, .at_ms = TIME_NONE,
                                .known_ms = TIME_NONE, .now_ms = world->now_ms};
    profile_view(&world->scratch, world->policy, shown.person, &question, &destination->categories, &view);
    property_checks[PROPERTY_DELIVERY]++;
    *ret_from_ms = view.decision.allowed_from_ms;
    if (!view.decision.allow)
        return false;
    for (unsigned i = 0; i < DESTINATIONS; i++)
        if (str_equal(delivery->destination, str_of(spec_destination_names[i])))
            spec = &world->spec.destinations[i];
    shown_fill(&shown, spec);
    asked_check(&shown, spec);
    const struct event *event = delivery->kind == DELIVERY_EVENT ? event_of(shown.person, delivery->event) : NULL;
    str body = STR_NONE;
    if (delivery->kind == DELIVERY_EVENT && (!event || !profile_view_event(&world->scratch, &view, &destination->categories, event, &body)))
        return false;
    if (world_fault(world, "leak-delivery"))
        vec_each (fact, &shown.person->facts)
            *(const struct fact **)vec_push(&world->scratch, &view.facts) = fact;
    view_shown(&shown, &view);
    if (event)
        event_shown(&shown, event, body);
    return true;
}

static void disclosed(struct world *world, struct cell *cell, const struct delivery *delivery)
{
    vec_each (row, &cell->person.disclosures)
        if (profile_no_equal(row->profile, delivery->profile) && str_equal(row->destination, delivery->destination) &&
            str_equal(row->purpose, delivery->purpose)) {
            row->last_ms = world->now_ms;
            row->count++;
            return;
        }
    *(struct disclosure *)vec_push(&cell->arena, &cell->person.disclosures) =
        (struct disclosure){.profile = delivery->profile, .destination = delivery->destination, .purpose = delivery->purpose,
                            .first_ms = world->now_ms, .last_ms = world->now_ms, .count = 1};
}

static void try_one(struct world *world, struct random *random, struct cell *cell, struct delivery *delivery)
{
    int64_t from_ms = TIME_NONE;
    const struct destination *destination = policy_destination(world->policy, delivery->destination);
    bool recall = delivery->kind == DELIVERY_RECALL;
    bool fine = recall || (destination && str_equal(world->policy->purposes.items[destination->purpose].name, delivery->purpose) &&
                           attempt(world, cell, delivery, destination, &from_ms));
    trace_add(world, "delivery %s of %.*s for %.*s: %s", delivery_kind_name(delivery->kind), STR_FMT(delivery->destination), STR_FMT(delivery->purpose),
              fine ? "goes" : "denied");
    delivery->done_ms = world->now_ms;
    if (!fine && from_ms != TIME_NONE) {
        delivery->next_ms = from_ms;
        delivery->done_ms = TIME_NONE;
    } else if (!fine) {
        delivery->state = DELIVERY_CANCELLED;
        delivery->reason = STR("denied");
    } else if (chance(random, 75)) {
        delivery->state = DELIVERY_DELIVERED;
        if (!recall)
            disclosed(world, cell, delivery);
    } else if (chance(random, 70)) {
        delivery->attempts++;
        delivery->done_ms = TIME_NONE;
    } else
        delivery->state = DELIVERY_DEAD;
}

void deliver_some(struct world *world, struct random *random)
{
    unsigned start = below(random, (unsigned)world->cells.count), left = 1 + below(random, 4);
    for (size_t i = 0; i < world->cells.count && left; i++) {
        struct cell *cell = world->cells.items[(start + i) % world->cells.count];
        for (size_t j = 0; j < cell->person.deliveries.count && left; j++)
            if (cell->person.deliveries.items[j].state == DELIVERY_PENDING) {
                try_one(world, random, cell, &cell->person.deliveries.items[j]);
                left--;
            }
    }
}
