/* What must hold of one step: rows are marked where they changed, keys went with what they sealed, messages were counted and kept for exactly
 * what was allowed, and the gate gives the oracle's answers. */
#include "sim.h"

#include "core/signal.h"

#include <stdlib.h>

/* --- marks: what the store would not be told of must be as it was */

#define marks_count(field, part)                                                                                       \
    do {                                                                                                               \
        size_t was_ = 0, is_ = 0;                                                                                      \
        for (size_t i_ = 0; i_ < count; i_++)                                                                          \
            was_ += before[i_]->field.count;                                                                           \
        vec_each (person_, &world->batch.persons) {                                                                    \
            whole &= ((*person_)->loaded & (part)) == (part);                                                          \
            vec_each (row_, &(*person_)->field)                                                                        \
                is_ += row_->change != CHANGE_NEW;                                                                     \
        }                                                                                                              \
        CHECK(world, MARKS, !whole || was_ == is_, "%zu rows of " #field " were loaded, %zu came back", was_, is_);      \
        whole = true;                                                                                                  \
    } while (0)

static const struct event *event_find(const struct person *const *before, size_t count, event_no number)
{
    for (size_t i = 0; i < count; i++)
        vec_each (event, &before[i]->events)
            if (event->number.value == number.value)
                return event;
    return NULL;
}

static const struct identifier *identifier_find(const struct person *const *before, size_t count, const identifier_hash *hash)
{
    for (size_t i = 0; i < count; i++)
        vec_each (identifier, &before[i]->identifiers)
            if (!memcmp(&identifier->hash, hash, sizeof *hash))
                return identifier;
    return NULL;
}

static bool event_same(const struct event *a, const struct event *b)
{
    if (!b || a->part_count != b->part_count || !profile_no_equal(a->profile, b->profile) || a->at_ms != b->at_ms)
        return false;
    for (unsigned i = 0; i < a->part_count; i++)
        if (a->parts[i].purposes != b->parts[i].purposes || !str_equal(a->parts[i].body, b->parts[i].body) ||
            a->parts[i].key_class != b->parts[i].key_class)
            return false;
    return true;
}

static bool fact_stored(const struct person *const *before, size_t count, const struct fact *fact)
{
    for (size_t i = 0; i < count; i++)
        vec_each (old, &before[i]->facts)
            if (old->value.data == fact->value.data)
                return old->purposes == fact->purposes && old->observed_ms == fact->observed_ms && old->received_ms == fact->received_ms &&
                       old->identifier == fact->identifier && profile_no_equal(old->profile, fact->profile);
    return false;
}

void check_marks(struct world *world, const struct person *const *before, size_t count)
{
    bool whole = true;
    marks_count(profiles, 0);
    marks_count(identifiers, 0);
    marks_count(consents, 0);
    marks_count(merges, 0);
    marks_count(preferences, 0);
    marks_count(facts, PERSON_FACTS);
    marks_count(events, PERSON_EVENTS);
    marks_count(held, PERSON_HELD);
    marks_count(deliveries, PERSON_OUTBOX);
    vec_each (each, &world->batch.persons) {
        vec_each (event, &(*each)->events)
            if (event->change == CHANGE_NONE)
                CHECK(world, MARKS, event_same(event, event_find(before, count, event->number)), "an event was changed without a mark");
        vec_each (fact, &(*each)->facts)
            if (fact->change == CHANGE_NONE)
                CHECK(world, MARKS, fact_stored(before, count, fact), "fact %.*s was changed without a mark", STR_FMT(fact->name));
        vec_each (identifier, &(*each)->identifiers) {
            const struct identifier *old = identifier->change == CHANGE_NONE ? identifier_find(before, count, &identifier->hash) : NULL;
            CHECK(world, MARKS, identifier->change != CHANGE_NONE || (old && old->purposes == identifier->purposes && old->verified == identifier->verified &&
                                                                      old->last_seen_ms == identifier->last_seen_ms),
                  "a %.*s was changed without a mark", STR_FMT(identifier->type));
        }
    }
}

/* Whoever has an open write key speaks for nobody surely, but in a browser that was this person's when the last sure no was said. */
void check_sureness(struct world *world)
{
    vec_each (each, &world->batch.persons)
        vec_each (record, &(*each)->consents) {
            int source = spec_source_find(record->source);
            bool no_before = false, device = false;
            if (record->change != CHANGE_NEW || !record->verified || record->by == SAID_BY_SYSTEM || source < 0 || !world->spec.sources[source].open)
                continue;
            vec_each (other, &(*each)->consents)
                no_before |= other->verified && other != record && other->known_ms <= record->known_ms &&
                             (other->status == CONSENT_REFUSED || other->status == CONSENT_WITHDRAWN || other->status == CONSENT_OBJECTED ||
                              other->status == CONSENT_OPTED_OUT || other->status == CONSENT_VENDOR_DENIED);
            vec_each (identifier, &(*each)->identifiers)
                device |= identifier->change != CHANGE_NEW &&
                          (str_equal(identifier->type, STR("device_id")) || str_equal(identifier->type, STR("anonymous_id")));
            CHECK(world, RECORDS, no_before && device, "%s said %s to %.*s surely, but anybody may have said it", spec_source_names[source],
                  consent_status_name(record->status), STR_FMT(record->purpose));
        }
}

/* --- keys */

static bool in_california(const struct person *person)
{
    vec_each (profile, &person->profiles)
        if (!str_empty(profile->jurisdiction))
            return str_equal(profile->jurisdiction, STR("US-CA"));
    return false;
}

struct sealed { /* live rows of one profile by key class; those that were there before */
    unsigned now[KEY_CLASS_COUNT], old[KEY_CLASS_COUNT];
};

#define alive(row) ((row)->change < CHANGE_GONE)

static void sealed_count(struct world *world, const struct person *person, profile_no profile, struct sealed *sealed)
{
    bool us = in_california(person);
    vec_each (fact, &person->facts)
        if (alive(fact) && profile_no_equal(fact->profile, profile)) {
            enum key_class class = oracle_class(&world->spec, bits_of(world, fact->purposes), us);
            sealed->now[class]++;
            sealed->old[class] += fact->change == CHANGE_NONE;
        }
    vec_each (event, &person->events)
        for (unsigned i = 0; alive(event) && i < event->part_count && profile_no_equal(event->profile, profile); i++) {
            sealed->now[event->parts[i].key_class]++;
            sealed->old[event->parts[i].key_class] += event->change == CHANGE_NONE;
        }
    vec_each (held, &person->held)
        if (alive(held) && profile_no_equal(held->profile, profile)) {
            sealed->now[KEY_HOLD]++;
            sealed->old[KEY_HOLD] += held->change == CHANGE_NONE;
        }
}

static unsigned ended_classes(const struct world *world, profile_no profile)
{
    unsigned classes = 0;
    vec_each (end, &world->batch.key_ends)
        classes |= profile_no_equal(end->profile, profile) ? end->class_mask : 0;
    return classes;
}

static void profile_keys(struct world *world, const struct person *old, const struct profile *was)
{
    struct sealed before = {{0}, {0}}, after = {{0}, {0}};
    const struct profile *is = NULL;
    const struct person *person = NULL;
    vec_each (each, &world->batch.persons) {
        const struct profile *found = person_profile(*each, was->number);
        is = found ? found : is;
        person = found ? *each : person;
    }
    unsigned ended = ended_classes(world, was->number);
    if (!is || !alive(is)) {
        CHECK(world, KEYS, ((world_note(world, was->number)->keys_ended | ended) & KEY_CLASS_ALL) == KEY_CLASS_ALL, "a profile is gone, its keys are not");
        world_note(world, was->number)->alive = false;
        return;
    }
    if ((person->loaded & PERSON_ALL) != PERSON_ALL)
        return;
    sealed_count(world, old, was->number, &before);
    sealed_count(world, person, was->number, &after);
    bool replaced = in_california(old) != in_california(person); /* by another basis, or by a newer value: nothing was taken away */
    vec_each (fact, &person->facts)
        replaced |= (fact->change == CHANGE_NEW || fact->change == CHANGE_SET) && profile_no_equal(fact->profile, was->number);
    if (before.now[KEY_CONSENT] && !after.now[KEY_CONSENT] && !replaced && !(world_note(world, was->number)->keys_ended & KEY_CLASS_BIT(KEY_CONSENT)))
        CHECK(world, KEYS, ended & KEY_CLASS_BIT(KEY_CONSENT), "the last datum on consent of a profile is gone, its key is not");
    if (before.now[KEY_HOLD] && !after.now[KEY_HOLD])
        CHECK(world, KEYS, ended & KEY_CLASS_BIT(KEY_HOLD), "the last held message of a profile is gone, its key is not");
    bool erased_now = is->erased_ms == world->now_ms && was->erased_ms != is->erased_ms;
    unsigned least = KEY_CLASS_BIT(KEY_CONSENT) | KEY_CLASS_BIT(KEY_CONTRACT) | KEY_CLASS_BIT(KEY_HOLD);
    if (erased_now) {
        world_note(world, was->number)->erased = true;
        CHECK(world, KEYS, (ended & least) == least, "a profile was erased, its keys live on");
    }
}

/* What a key sealed that is destroyed is gone, too. */
static void end_check(struct world *world, const struct key_end *end)
{
    vec_each (each, &world->batch.persons) {
        struct sealed sealed = {{0}, {0}};
        const struct profile *profile = person_profile(*each, end->profile);
        if (!profile || !alive(profile))
            continue;
        sealed_count(world, *each, end->profile, &sealed);
        for (unsigned class = 0; class < KEY_CLASS_COUNT; class++) {
            unsigned left = end->renew ? sealed.old[class] : sealed.now[class];
            CHECK(world, KEYS, !(end->class_mask >> class & 1) || !left, "key class %u of a profile ends, but %u rows are sealed with it", class, left);
        }
    }
}

void check_keys(struct world *world, const struct person *const *before, size_t count)
{
    for (size_t i = 0; i < count; i++)
        vec_each (profile, &before[i]->profiles)
            profile_keys(world, before[i], profile);
    vec_each (end, &world->batch.key_ends)
        end_check(world, end);
    vec_each (each, &world->batch.persons) { /* each part is sealed by the class that its purposes demand */
        bool us = in_california(*each);
        vec_each (event, &(*each)->events)
            for (unsigned i = 0; event->change == CHANGE_NEW && (*each)->profiles.count == 1 && i < event->part_count; i++)
                CHECK(world, KEYS, event->parts[i].key_class == oracle_class(&world->spec, bits_of(world, event->parts[i].purposes), us),
                      "a part of an event is sealed by the wrong key class");
    }
}

/* --- counters */

void check_counters(struct world *world)
{
    uint64_t messages = 0, counted = 0;
    for (size_t i = 0; i < world->batch.request_count; i++)
        messages += world->batch.requests[i].kind == REQUEST_MESSAGE;
    vec_each (counter, &world->batch.counters)
        for (int i = 0; i < OUTCOME_COUNT; i++)
            counted += str_equal(counter->what, str_of(outcome_name((enum outcome)i))) && str_empty(counter->field) && str_empty(counter->reason)
                           ? counter->count
                           : 0;
    CHECK(world, COUNTERS, messages == counted, "%llu messages, %llu outcomes counted", (unsigned long long)messages, (unsigned long long)counted);
}

/* --- one message */

static bool kept(enum outcome outcome) { return outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_TRIMMED; }

static struct cell *cell_of(struct world *world, const struct request *request)
{
    if (kept(request->result.outcome) && request->result.profile_no.value)
        return world_cell_of(world, request->result.profile_no);
    for (size_t i = 0; i < request->message.identifier_count; i++)
        if (str_equal(request->message.identifiers[i].key->name, STR("user_id")))
            return world_cell(world, &request->message.identifiers[i].hash);
    return NULL;
}

/* A GPP string takes back what GPP said on the same identifier, and only where nothing else that was said since the last lift stands against the purpose. */
static void backs_check(struct world *world, const struct request *request, const struct person *person)
{
    str gpp = str_of(signal_kind_method(SIGNAL_GPP));
    vec_each (back, &person->consents) {
        int64_t lifted_ms = TIME_NONE;
        if (back->status != CONSENT_OBJECTION_LIFTED || memcmp(&back->id, &request->message.id, sizeof(back->id)) < 0 || back->at_ms != request->message.at_ms ||
            !str_equal(back->method, gpp)) /* not made by this message */
            continue;
        vec_each (record, &person->consents)
            if (record != back && record->status == CONSENT_OBJECTION_LIFTED && str_equal(record->purpose, back->purpose) && record->at_ms < back->at_ms &&
                record->at_ms > lifted_ms)
                lifted_ms = record->at_ms;
        vec_each (record, &person->consents) {
            bool against = record->status == CONSENT_OPTED_OUT || record->status == CONSENT_OBJECTED;
            if (!against || !str_equal(record->purpose, back->purpose) || record->at_ms >= back->at_ms || record->at_ms <= lifted_ms)
                continue;
            CHECK(world, SIGNAL, str_equal(record->method, gpp) && profile_no_equal(record->profile, back->profile) && record->identifier == back->identifier,
                  "a GPP string lifted for %.*s what %.*s had said elsewhere", STR_FMT(back->purpose), STR_FMT(record->method));
        }
    }
}

static void signals_check(struct world *world, const struct sending *sending, const struct request *request, const struct person *person,
                          const struct verdicts *verdicts)
{
    purpose_bits refused = 0;
    for (unsigned i = 0; i < SIGNALS; i++)
        refused |= sending->signal[i] < 0 ? world->spec.signals[i] : 0;
    refused |= sending->tcf_no;
    vec_each (record, &person->consents) { /* what was said later stands */
        int place = spec_purpose_find(record->purpose);
        if (place >= 0 && record->at_ms > request->message.at_ms)
            refused &= ~(1u << place);
    }
    for (unsigned i = 0; i < PURPOSES; i++)
        if ((refused >> i & 1) && world->spec.purposes[i].basis == BASIS_CONSENT && world->spec.purposes[i].basis_us == BASIS_CONSENT)
            CHECK(world, SIGNAL, verdicts->of[i].use & verdicts->of[i].collect, "message m%u said no to %s, and it holds", sending->message,
                  spec_purpose_names[i]);
    if (sending->tcf_no & refused & 1u << P_TIPS && world->spec.purposes[P_TIPS].present)
        CHECK(world, SIGNAL, verdicts->of[P_TIPS].use, "the TC string of message m%u objects to tips, and they go on", sending->message);
    purpose_bits lifted = 0; /* since */
    vec_each (record, &person->consents) {
        int place = spec_purpose_find(record->purpose);
        if (place >= 0 && record->status == CONSENT_OBJECTION_LIFTED && record->at_ms >= request->message.at_ms)
            lifted |= 1u << place;
    }
    bool objects = (sending->gpc || sending->gpp_gpc) && (world->spec.gpc_in_eu || sending->source == SOURCE_CALIFORNIA);
    for (unsigned i = 0; i < PURPOSES && objects; i++)
        if (world->spec.purposes[i].present && world->spec.purposes[i].gpc && !(lifted >> i & 1))
            CHECK(world, SIGNAL, verdicts->of[i].use & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL), "message m%u came with Sec-GPC, and %s is not opted out",
                  sending->message, spec_purpose_names[i]);
    for (unsigned i = 0; i < PURPOSES && sending->gpp_out; i++)
        if (world->spec.purposes[i].present && (GPP_PURPOSES >> i & 1) && !(lifted >> i & 1))
            CHECK(world, SIGNAL, verdicts->of[i].use & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL), "message m%u opts out of sale by GPP, and %s goes on",
                  sending->message, spec_purpose_names[i]);
    if (sending->gpp_in && !sending->released) /* what came out of hold may have joined people after that */
        backs_check(world, request, person);
}

static bool is_fact(const struct world *world, const struct request *request, const struct marker *marker)
{
    (void)world;
    return request->message.type == EVENT_IDENTIFY && marker->category != CAT_DEVICE;
}

static void marker_check(struct world *world, const struct sending *sending, const struct request *request, const struct verdicts *verdicts,
                         uint32_t number)
{
    const struct marker *marker = &world->markers.items[number];
    enum outcome outcome = request->result.outcome;
    purpose_bits stored = marker->step == world->step && marker->scan && marker->seen ? marker->now : 0;
    purpose_bits expected = marker_may(world, verdicts, marker, false) | (sending->released ? stored & marker_may(world, verdicts, marker, true) : 0);
    bool fact = is_fact(world, request, marker), loose = sending->odd_consent || sending->released;
    if (marker->again || outcome == OUTCOME_DUPLICATE || outcome == OUTCOME_INVALID)
        return;
    if (!kept(outcome)) {
        CHECK(world, EXACT, !stored, "message m%u is %s, but its value mk%u is stored", sending->message, outcome_name(outcome), number);
        CHECK(world, EXACT, !expected || loose || !sending->kept_id, "message m%u is %s, but mk%u might have been kept (%x)", sending->message,
              outcome_name(outcome), number, expected);
        return;
    }
    CHECK(world, EXACT, loose ? !(stored & ~expected) : fact ? !stored || stored == expected : stored == expected,
          "value mk%u of message m%u is stored for %x, allowed is %x", number, sending->message, stored, expected);
}

/* Art. 8: a year of birth that a message says counts before its own yes, unless a fact of the person says another. */
static void age_check(struct world *world, const struct sending *sending, const struct request *request, const struct person *person)
{
    int youngest = 0;
    vec_each (fact, &person->facts)
        if (str_equal(fact->name, STR("birthdate")))
            return;
    vec_each (profile, &person->profiles)
        youngest = profile->birth_year > youngest ? profile->birth_year : youngest;
    if (oracle_year_needed(&world->spec, person, sending->born, world->now_ms))
        CHECK(world, AGE, youngest >= sending->born, "message m%u (%s) says that the person was born in %d, known is %d", sending->message,
              outcome_name(request->result.outcome), sending->born, youngest);
}

/* What is told of a message is what was kept of it. Of an identify part may lie in facts alone, which may be there already: so no more is told than
 * is allowed. */
static void told_check(struct world *world, const struct sending *sending, const struct request *request, const struct person *person,
                       const struct verdicts *verdicts)
{
    purpose_bits stored = 0, told = bits_of(world, request->result.purposes);
    vec_each (event, &person->events)
        if (uuid_equal(event->id, request->message.id))
            for (unsigned i = 0; i < event->part_count; i++)
                stored |= bits_of(world, event->parts[i].purposes);
    purpose_bits more = verdicts->collects | oracle_informable(&world->spec, verdicts, sending->source);
    more = request->message.type == EVENT_IDENTIFY ? more & ~sending->narrowed : 0;
    CHECK(world, EXACT, !(stored & ~told) && !(told & ~stored & ~more), "message m%u is told to be kept for %x, it is for %x", sending->message, told, stored);
}

void check_message(struct world *world, const struct sending *sending, const struct request *request)
{
    struct cell *cell = cell_of(world, request);
    struct verdicts verdicts;
    if (!cell || oracle_overdue(&cell->person, world->now_ms))
        return;
    oracle_judge(&world->spec, &cell->person, "", world->now_ms, TIME_FOREVER, &verdicts);
    for (uint32_t i = 0; i < sending->marker_count; i++)
        marker_check(world, sending, request, &verdicts, sending->marker_first + i);
    if (request->result.outcome != OUTCOME_DUPLICATE && request->result.outcome != OUTCOME_INVALID && !verdicts.erased)
        signals_check(world, sending, request, &cell->person, &verdicts);
    bool judged = request->result.outcome != OUTCOME_DUPLICATE && request->result.outcome != OUTCOME_INVALID && request->result.outcome != OUTCOME_HELD;
    if (sending->born && judged && !verdicts.erased) /* what is held says it when it is released */
        age_check(world, sending, request, &cell->person);
    if (kept(request->result.outcome) && !sending->released)
        told_check(world, sending, request, &cell->person, &verdicts);
}

/* --- the gate's answer */

static reason_mask automated_reasons(const struct spec_purpose *purpose, enum basis basis)
{
    bool permitted = (basis == BASIS_CONSENT || basis == BASIS_CONTRACT || basis == BASIS_LEGAL_OBLIGATION) && purpose->reviewer;
    return purpose->automated && !permitted ? REASON_BIT(REASON_AUTOMATED_DECISION_NOT_PERMITTED) : 0;
}

static void answer_check(struct world *world, const struct question *question, const struct decision *decision, const struct verdicts *verdicts,
                         unsigned i)
{
    const struct spec_purpose *purpose = &world->spec.purposes[i];
    const struct verdict *verdict = &verdicts->of[i];
    enum basis basis = verdicts->us ? purpose->basis_us : purpose->basis;
    bool use = question->operation == OPERATION_USE;
    reason_mask reasons = use ? verdict->use | automated_reasons(purpose, basis) : verdict->store;
    bool any = (purpose->categories & ~(1u << CAT_HEALTH)) || verdict->special;
    if (!purpose->present)
        reasons = REASON_BIT(REASON_PURPOSE_UNKNOWN) | (verdicts->erased ? REASON_BIT(REASON_SUBJECT_ERASED) : 0);
    CHECK(world, DECIDE, decision->allow == (!reasons && any), "%s %s: the gate says %s, the oracle %s (%llx, %llx)", use ? "using for" : "storing for",
          spec_purpose_names[i], decision->allow ? "yes" : "no", reasons ? "no" : "yes", (unsigned long long)decision->reasons,
          (unsigned long long)reasons);
    if (verdict->expired_record) /* then the record stands for all that could be said of the grant */
        reasons = decision->reasons & REASON_BIT(REASON_CONSENT_EXPIRED) ? decision->reasons : 0;
    CHECK(world, DECIDE, decision->reasons == reasons, "%s %s: the gate's reasons are %llx, the oracle's %llx", use ? "using for" : "storing for",
          spec_purpose_names[i], (unsigned long long)decision->reasons, (unsigned long long)reasons);
}

void check_decide(struct world *world, struct random *random, const struct cell *cell)
{
    struct verdicts verdicts;
    bool past = chance(random, 30);
    int64_t at_ms = past ? world->now_ms - (int64_t)below(random, 20 * 24) * HOUR_MS : world->now_ms;
    int64_t known_ms = past && chance(random, 50) ? world->now_ms - (int64_t)below(random, 20 * 24) * HOUR_MS : TIME_NONE;
    oracle_judge(&world->spec, &cell->person, "", at_ms, known_ms == TIME_NONE ? TIME_FOREVER : known_ms, &verdicts);
    for (int n = 0; n < 3; n++) {
        unsigned i = below(random, PURPOSES);
        struct decision decision;
        struct question question = {.purpose = str_of(spec_purpose_names[i]), .operation = chance(random, 50) ? OPERATION_USE : OPERATION_STORE,
                                    .at_ms = at_ms, .known_ms = known_ms, .now_ms = world->now_ms};
        gate_decide(&world->scratch, world->policy, &cell->person, &question, &decision);
        answer_check(world, &question, &decision, &verdicts, i);
    }
}
