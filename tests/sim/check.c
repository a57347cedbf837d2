/* What must hold of each person after each step, by the oracle's judgement. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

const char *const property_names[PROPERTY_COUNT] = {
#define X(code, name) name,
    PROPERTIES(X)
#undef X
};
uint64_t property_checks[PROPERTY_COUNT];

struct look { /* at one person */
    struct world *world;
    struct cell *cell;
    const struct person *person;
    struct verdicts verdicts;
    bool overdue;
    purpose_mask known; /* bits that the policy has */
    VEC(uint32_t) found; /* markers */
};

/* --- identity */

static bool connected(const struct person *person)
{
    uint64_t reached[64];
    size_t count = 1;
    reached[0] = person->root.value;
    for (size_t i = 0; i < count; i++)
        vec_each (merge, &person->merges) {
            uint64_t other = merge->left.value == reached[i] ? merge->right.value : merge->right.value == reached[i] ? merge->left.value : 0;
            bool known = !other || merge->undone_ms != TIME_NONE;
            for (size_t j = 0; j < count && !known; j++)
                known = reached[j] == other;
            if (!known && count < COUNT_OF(reached))
                reached[count++] = other;
        }
    return count == person->profiles.count;
}

static void identity_check(struct look *look)
{
    struct world *world = look->world;
    const struct person *person = look->person;
    unsigned counts[KEYS] = {0};
    vec_each (profile, &person->profiles) {
        CHECK(world, IDENTITY, profile_no_equal(profile->root, person->root) && profile->number.value >= person->root.value,
              "profile %llu has root %llu in a person of root %llu", (unsigned long long)profile->number.value,
              (unsigned long long)profile->root.value, (unsigned long long)person->root.value);
        CHECK(world, IDENTITY, !world_note(world, profile->number)->erased || (profile->erased_ms != TIME_NONE && profile->erased_ms),
              "an erased profile lives again");
    }
    CHECK(world, IDENTITY, connected(person), "the person's profiles are not held together by merges that stand");
    vec_each (identifier, &person->identifiers) {
        CHECK(world, IDENTITY, person_profile(person, identifier->profile), "an identifier of a foreign profile");
        vec_each (other, &world->cells)
            vec_each (twin, &(*other)->person.identifiers)
                CHECK(world, IDENTITY, twin == identifier || memcmp(&twin->hash, &identifier->hash, sizeof twin->hash) != 0,
                      "two owners of one %.*s", STR_FMT(identifier->type));
        for (unsigned i = 0; i < KEYS; i++)
            counts[i] += str_equal(identifier->type, str_of(spec_key_names[i]));
    }
    unsigned told = 0; /* to be one, by an alias: of accounts the limit does not stand against that */
    vec_each (merge, &person->merges)
        told += merge->undone_ms == TIME_NONE && str_equal(merge->reason, STR("alias")) ? world->spec.key_limits[KEY_USER] : 0;
    vec_each (identifier, &person->identifiers)
        vec_each (alias, &world->aliases)
            told += uuid_equal(identifier->message, *alias) && str_equal(identifier->type, STR("user_id"));
    for (unsigned i = 0; i < KEYS; i++)
        CHECK(world, LIMITS, counts[i] <= world->spec.key_limits[i] + (i == KEY_USER ? told : 0), "%u identifiers of type %s, the limit is %u", counts[i], spec_key_names[i],
              world->spec.key_limits[i]);
}

/* Of somebody erased only what a law orders kept is left; of statements, those about such purposes. */
static void erased_check(struct look *look)
{
    struct world *world = look->world;
    const struct person *person = look->person;
    CHECK(world, RECORDS, !person->preferences.count && !person->held.count, "an erased person still has preferences or held messages");
    vec_each (record, &person->consents) {
        int place = spec_purpose_find(record->purpose);
        const struct spec_purpose *purpose = place >= 0 ? &world->spec.purposes[place] : NULL;
        enum basis basis = purpose ? look->verdicts.us ? purpose->basis_us : purpose->basis : BASIS_COUNT;
        CHECK(world, RECORDS, basis == BASIS_LEGAL_OBLIGATION || basis == BASIS_PUBLIC_TASK,
              "an erased person's statement (%s to %.*s) is kept", consent_status_name(record->status), STR_FMT(record->purpose));
    }
    vec_each (profile, &person->profiles)
        CHECK(world, RECORDS, !profile->birth_year, "an erased person's year of birth is kept");
}

static void references_check(struct look *look)
{
    struct world *world = look->world;
    const struct person *person = look->person;
    uint32_t records = 0;
    vec_each (fact, &person->facts)
        CHECK(world, IDENTITY, person_identifier(person, fact->profile, fact->identifier) || look->verdicts.erased, "a fact on nothing");
    vec_each (event, &person->events)
        CHECK(world, IDENTITY, person_identifier(person, event->profile, event->identifier) || look->verdicts.erased, "an event on nothing");
    vec_each (record, &person->consents)
        CHECK(world, IDENTITY, person_identifier(person, record->profile, record->identifier) || look->verdicts.erased, "a record on nothing");
    vec_each (profile, &person->profiles)
        records += world_note(world, profile->number)->records;
    if (look->verdicts.erased)
        erased_check(look);
    else
        CHECK(world, RECORDS, records == person->consents.count, "%u records were made, %zu are there", records, person->consents.count);
}

/* --- stored */

static const char *bits_text(struct world *world, purpose_bits bits)
{
    struct buf out;
    buf_init(&out, &world->scratch, 1024);
    for (unsigned i = 0; i < PURPOSES; i++)
        if (bits >> i & 1)
            buf_printf(&out, "%s%s", out.length ? " " : "", spec_purpose_names[i]);
    return str_z(&world->scratch, buf_str(&out));
}

static void stored_check(struct look *look, purpose_mask mask, int64_t counted_from_ms, const char *what, str name)
{
    struct world *world = look->world;
    CHECK(world, PURPOSES, !(mask & ~look->known), "%s %.*s has purposes outside the policy", what, STR_FMT(name));
    if (look->overdue || world->property)
        return;
    purpose_bits bits = bits_of(world, mask), wrong = bits & ~look->verdicts.stores;
    CHECK(world, STORED, mask, "%s %.*s has no purpose", what, STR_FMT(name));
    for (unsigned i = 0; i < PURPOSES; i++)
        if ((bits >> i & 1) && oracle_kept_until(&world->spec.purposes[i], counted_from_ms) <= world->now_ms)
            wrong |= 1u << i;
    CHECK(world, STORED, !wrong, "%s %.*s is kept for (%s), but may not be for (%s)", what, STR_FMT(name), bits_text(world, bits),
          bits_text(world, wrong));
}

static void covered_check(struct look *look, purpose_mask mask, int category, str path, const char *what)
{
    struct world *world = look->world;
    purpose_bits wrong = bits_of(world, mask) & ~oracle_cover(&world->spec, &look->verdicts, category);
    CHECK(world, COVERED, !wrong, "%s %.*s is kept for (%s), which do not cover it", what, STR_FMT(path), bits_text(world, wrong));
}

struct covering {
    struct look *look;
    purpose_mask mask;
};
static bool leaf_covered(void *context, str path, const struct json *value)
{
    struct covering *covering = context;
    (void)value; /* markers are looked for in the text */
    covered_check(covering->look, covering->mask, spec_category(&covering->look->world->spec, path), path, "a field of an event,");
    return true;
}

/* A year of birth is kept while a fact says it, or Art. 8 needs it. */
static void births_check(struct look *look)
{
    struct world *world = look->world;
    vec_each (profile, &look->person->profiles) {
        bool said = false;
        vec_each (fact, &look->person->facts)
            said |= profile_no_equal(fact->profile, profile->number) && str_equal(fact->name, STR("birthdate"));
        if (profile->birth_year && !said && !look->overdue)
            CHECK(world, STORED, oracle_year_needed(&world->spec, look->person, profile->birth_year, world->now_ms),
                  "the year of birth %d is kept, which no fact says and nothing needs", profile->birth_year);
    }
}

/* --- markers */

static void marker_found(struct look *look, uint32_t number, purpose_bits bits)
{
    struct world *world = look->world;
    struct marker *marker = &world->markers.items[number];
    if (marker->scan != world->scans) {
        marker->scan = world->scans;
        marker->now = 0;
        *(uint32_t *)vec_push(&world->scratch, &look->found) = number;
        if (!marker->seen || marker->step == world->step || (marker->again && world->late_join)) /* again: another copy may come out of hold */
            marker->allowed |= marker_may(world, &look->verdicts, marker, world->late_join);
    }
    marker->now |= bits;
    CHECK(world, SHRINKS, look->overdue || !(bits & ~marker->allowed), "value mk%u of message m%u is kept for (%s), but was allowed for (%s)", number, marker->message,
          bits_text(world, bits), bits_text(world, marker->allowed));
}

static void markers_find(struct look *look, str text, purpose_mask mask)
{
    size_t at = 0;
    uint32_t number;
    while ((number = marker_next(look->world, text, &at)) != 0)
        marker_found(look, number, bits_of(look->world, mask));
}

static void markers_settle(struct look *look)
{
    vec_each (number, &look->found) {
        struct marker *marker = &look->world->markers.items[*number];
        marker->seen = true;
        if (!marker->again) /* else the other copy may be somebody else's */
            marker->allowed = marker->now;
    }
}

/* --- the rows */

static void facts_check(struct look *look)
{
    vec_each (fact, &look->person->facts) {
        stored_check(look, fact->purposes, fact->received_ms, "fact", fact->name);
        if (!look->overdue)
            covered_check(look, fact->purposes, spec_trait_category(&look->world->spec, fact->name), fact->name, "fact");
        markers_find(look, fact->value, fact->purposes);
    }
}

/* Reading a body again tells nothing new as long as nothing that it is judged by has changed. */
static uint64_t event_stamp(const struct look *look, const struct event *event)
{
    uint64_t stamp = look->world->policy->version * UINT64_C(0x9e3779b97f4a7c15) + look->verdicts.specials;
    for (unsigned i = 0; i < event->part_count; i++)
        stamp = (stamp ^ event->parts[i].purposes) * UINT64_C(0x100000001b3) + event->parts[i].body.length;
    return stamp;
}

static void events_check(struct look *look)
{
    vec_each (event, &look->person->events) {
        uint64_t stamp = event_stamp(look, event);
        CHECK(look->world, STORED, event->part_count > 0, "an event without parts");
        for (unsigned i = 0; i < event->part_count; i++) {
            const struct event_part *part = &event->parts[i];
            stored_check(look, part->purposes, event->received_ms, "part of event", event->source);
            if (event->batch != stamp && !look->overdue) {
                struct covering covering = {look, part->purposes};
                CHECK(look->world, COVERED, body_walk(&look->world->scratch, part->body, leaf_covered, &covering), "an event body cannot be read");
            }
            markers_find(look, part->body, part->purposes);
        }
        if (!look->overdue)
            event->batch = stamp; /* the engine's field; here it remembers what was read */
    }
}

static void identifiers_check(struct look *look)
{
    struct world *world = look->world;
    static const int categories[KEYS] = {CAT_RIDES, CAT_EMAIL, CAT_PHONE, CAT_RIDES, CAT_RIDES};
    vec_each (identifier, &look->person->identifiers) {
        CHECK(world, STORED, (identifier->purposes == 0) == str_empty(identifier->value), "a %.*s has purposes without value, or a value without",
              STR_FMT(identifier->type));
        if (!identifier->purposes)
            continue;
        stored_check(look, identifier->purposes, identifier->last_seen_ms + DAY_MS, "identifier", identifier->type);
        for (unsigned i = 0; i < KEYS && !look->overdue; i++)
            if (str_equal(identifier->type, str_of(spec_key_names[i]))) {
                purpose_bits wrong = bits_of(world, identifier->purposes) & ~oracle_cover(&world->spec, &look->verdicts, categories[i]);
                CHECK(world, COVERED, !wrong, "a %s is kept for (%s), which do not cover it", spec_key_names[i], bits_text(world, wrong));
            }
    }
}

static void holds_check(struct look *look)
{
    const reason_mask final = REASON_BIT(REASON_CONSENT_REFUSED) | REASON_BIT(REASON_CONSENT_WITHDRAWN) | REASON_BIT(REASON_OBJECTED) |
                              REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL) | REASON_BIT(REASON_PURPOSE_ENDED) | REASON_BIT(REASON_SUBJECT_ERASED);
    struct world *world = look->world;
    vec_each (held, &look->person->held) {
        int source = spec_source_find(held->source);
        bool hope = false;
        CHECK(world, HOLDS, source >= 0 && held->expires_ms <= held->received_ms + world->spec.sources[source].hold_ms,
              "a message of %.*s is held longer than its source allows", STR_FMT(held->source));
        if (look->overdue)
            continue;
        CHECK(world, HOLDS, held->expires_ms > world->now_ms, "a message of %.*s is held beyond its time", STR_FMT(held->source));
        for (unsigned i = 0; source >= 0 && i < PURPOSES; i++)
            hope |= (world->spec.sources[source].purposes >> i & 1) && !(look->verdicts.of[i].collect & final);
        CHECK(world, HOLDS, hope, "a message of %.*s is held, but no consent can release it any more", STR_FMT(held->source));
    }
}

/* --- what was sent is taken back */

static bool recalled(const struct person *person, const struct disclosure *sent)
{
    vec_each (row, &person->deliveries)
        if (row->kind == DELIVERY_RECALL && row->state != DELIVERY_CANCELLED && row->queued_ms >= sent->last_ms &&
            str_equal(row->destination, sent->destination) && str_equal(row->purpose, sent->purpose))
            return true;
    return false;
}

static bool fallen(const struct look *look, str purpose)
{
    int place = spec_purpose_find(purpose);
    return look->verdicts.erased || place < 0 || !look->world->spec.purposes[place].present || look->verdicts.of[place].store;
}

static bool vendor_lost(const struct look *look, str destination, str purpose)
{
    const struct spec *spec = &look->world->spec;
    int place = spec_purpose_find(purpose);
    for (unsigned i = 0; i < DESTINATIONS && place >= 0; i++)
        if (spec->destinations[i].present && spec->destinations[i].vendor && spec->destinations[i].purpose == (unsigned)place &&
            str_equal(destination, str_of(spec_destination_names[i])))
            return oracle_vendor_named(look->person, (unsigned)place) &&
                   !oracle_vendor_may(look->person, (unsigned)place, look->world->now_ms);
    return false;
}

static void outbox_check(struct look *look)
{
    if (look->overdue)
        return;
    vec_each (sent, &look->person->disclosures)
        CHECK(look->world, OUTBOX, !vendor_lost(look, sent->destination, sent->purpose) || recalled(look->person, sent),
              "%.*s may not have it any more as a vendor, and is not told so", STR_FMT(sent->destination));
    vec_each (sent, &look->person->disclosures)
        CHECK(look->world, OUTBOX, !fallen(look, sent->purpose) || recalled(look->person, sent), "%.*s was sent data for %.*s, and not told that it must go",
              STR_FMT(sent->destination), STR_FMT(sent->purpose));
    vec_each (row, &look->person->deliveries)
        CHECK(look->world, OUTBOX, row->kind == DELIVERY_RECALL || row->state != DELIVERY_PENDING || !fallen(look, row->purpose),
              "a delivery for %.*s waits, which may no longer be", STR_FMT(row->purpose));
}

/* --- evidence */

static uint64_t text_hash(str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static const struct commitment *commitment_find(const struct world *world, struct uuid id)
{
    size_t low = 0, high = world->commitments.count;
    while (low < high) { /* ids ascend */
        size_t middle = (low + high) / 2;
        if (memcmp(&world->commitments.items[middle].id, &id, sizeof id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < world->commitments.count && uuid_equal(world->commitments.items[low].id, id) ? &world->commitments.items[low] : NULL;
}

static void evidence_check(struct look *look, bool all)
{
    struct world *world = look->world;
    vec_each (record, &look->person->consents) {
        if (!all && record->known_ms != world->now_ms)
            continue;
        const struct commitment *commitment = commitment_find(world, record->id);
        const struct profile *profile = person_profile(look->person, record->profile);
        CHECK(world, EVIDENCE, commitment && profile && commitment->hash == text_hash(consent_record_json(&world->scratch, record, profile->id)),
              "a record of %.*s (%s) is not what its leaf commits to", STR_FMT(record->purpose), consent_status_name(record->status));
    }
}

static void person_look(struct world *world, struct cell *cell, bool all)
{
    struct look look = {.world = world, .cell = cell, .person = &cell->person, .overdue = oracle_overdue(&cell->person, world->now_ms)};
    size_t purposes = world->policy->purposes.count;
    look.known = purposes == 64 ? ~UINT64_C(0) : (UINT64_C(1) << purposes) - 1;
    oracle_judge(&world->spec, look.person, "", world->now_ms, TIME_FOREVER, &look.verdicts);
    world->scans++;
    identity_check(&look);
    references_check(&look);
    facts_check(&look);
    events_check(&look);
    identifiers_check(&look);
    births_check(&look);
    markers_settle(&look);
    holds_check(&look);
    outbox_check(&look);
    evidence_check(&look, all);
}

void check_person(struct world *world, struct cell *cell) { person_look(world, cell, false); }

void check_touched(struct world *world)
{
    vec_each (cell, &world->touched)
        person_look(world, *cell, false);
}

void check_everybody(struct world *world)
{
    vec_each (cell, &world->cells)
        person_look(world, *cell, true);
    for (unsigned i = 0; i < SOURCES; i++) {
        uint64_t counted = 0;
        for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++) {
            counted += world->counted[i][outcome];
            CHECK(world, COUNTERS, world->counted[i][outcome] == world->outcomes[i][outcome], "%s: %llu messages were %s, %llu are counted",
                  spec_source_names[i], (unsigned long long)world->outcomes[i][outcome], outcome_name((enum outcome)outcome),
                  (unsigned long long)world->counted[i][outcome]);
        }
        CHECK(world, COUNTERS, counted == world->messages[i], "%s: %llu messages came, %llu are counted", spec_source_names[i],
              (unsigned long long)world->messages[i], (unsigned long long)counted);
    }
    uint64_t alive = 0;
    vec_each (cell, &world->cells)
        alive += (*cell)->person.held.count;
    CHECK(world, COUNTERS, world->held_in == world->held_out + alive, "%llu messages were held, %llu left, %llu wait", (unsigned long long)world->held_in,
          (unsigned long long)world->held_out, (unsigned long long)alive);
}
