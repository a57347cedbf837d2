/* core_apply: the requests of a batch one after the other, and the last step that settles rows and pointers. */
#include "core/core_private.h"

struct field_walk fields_walk(const struct policy *policy)
{
    struct field_walk walk = field_walk_start(policy);
    if (!walk.exact)
        walk.category = policy->field_default;
    return walk;
}

struct field_walk context_trait_walk(const struct policy *policy, struct field_walk context_traits_walk, struct field_walk traits_walk, str name)
{
    struct field_walk here = field_walk_key(policy, context_traits_walk, name), trait = field_walk_key(policy, traits_walk, name);
    unsigned lifted = trait.exact ? trait.exact + (1u << 8 | 1u) : 0; /* as if it were written with `context.` before it */
    return here.exact && here.exact >= lifted ? here : trait;
}

static void purposes_prepare(struct apply *apply)
{
    const struct policy *policy = apply->policy;
    apply->due_collected = arena_array(apply->arena, int64_t, policy->purposes.count + 1);
    apply->seen_memo = arena_array(apply->arena, struct seen_memo, policy->purposes.count + 1); /* nobody was seen in 1970 */
    vec_each (purpose, &policy->purposes) {
        apply->due_collected[purpose->slot] = TIME_NONE;
        if (purpose->retention.anchor == ANCHOR_COLLECTED)
            apply->collected_retention |= purpose->self;
    }
    vec_each (destination, &policy->destinations) { /* whose data may serve it: its own purpose's, and what is compatible */
        const struct purpose *purpose = &policy->purposes.items[destination->purpose];
        apply->event_purposes |= destination->sends_events ? purpose->self | purpose->compatible_with : 0;
        apply->profile_purposes |= destination->sends_profiles ? purpose->self | purpose->compatible_with : 0;
    }
    vec_each (category, &policy->categories)
        apply->special_purposes |= category->special ? category->covered_by : 0;
    apply->informs = arena_array(apply->arena, purpose_mask, policy->sources.count + 1);
    vec_each (source, &policy->sources)
        vec_each (purpose, &policy->purposes)
            vec_each (notice, &source->informs)
                if (purpose->notice == *notice)
                    apply->informs[source->slot] |= purpose->self;
}

static void prepare(struct apply *apply, struct batch *batch)
{
    *apply = (struct apply){.batch = batch, .arena = batch->arena, .policy = batch->policy, .now_ms = batch->now_ms,
                            .day_ms = batch->now_ms - batch->now_ms % DAY_MS};
    const struct policy *policy = batch->policy;
    index_build(apply);
    apply->nobody = arena_array(apply->arena, const struct standing *, policy->sources.count + 1);
    apply->outcome_counters = arena_array(apply->arena, uint32_t, (policy->sources.count + 1) * OUTCOME_COUNT);
    apply->alike_memos = arena_array(apply->arena, struct alike_memo, ALIKE_MEMOS);
    apply->left_out_memos = arena_array(apply->arena, struct left_out_memo, LEFT_OUT_MEMOS);
    purposes_prepare(apply);
    apply->root_walk = fields_walk(policy);
    apply->traits_walk = field_walk_key(policy, apply->root_walk, STR("traits"));
    apply->context_walk = field_walk_key(policy, apply->root_walk, STR("context"));
    apply->context_traits_walk = field_walk_key(policy, apply->context_walk, STR("traits"));
    apply->event_rule = field_walk_key(policy, apply->root_walk, STR("event")).exact != 0;
    apply->name_rule = field_walk_key(policy, apply->root_walk, STR("name")).exact != 0;
}

static void message_request(struct apply *apply, struct request *request)
{
    struct message_result *result = &request->result;
    enum outcome before = result->outcome;
    if (before == OUTCOME_DUPLICATE || before == OUTCOME_INVALID) { /* told so by whoever read it */
        counter_outcome(apply, request->message.source, before);
        return;
    }
    *result = (struct message_result){0};
    message_apply(apply, &request->message, result);
}

static void request_apply(struct apply *apply, struct request *request)
{
    request->found = false;
    request->refusal = STR_NONE;
    switch (request->kind) {
    case REQUEST_MESSAGE: message_request(apply, request); break;
    case REQUEST_STATEMENT: statement_apply(apply, request); break;
    case REQUEST_PREFERENCES: preferences_apply(apply, request); break;
    case REQUEST_UNDO_MERGE: undo_apply(apply, request); break;
    case REQUEST_ERASE: erase_apply(apply, request); break;
    case REQUEST_SWEEP: sweep_apply(apply, request); break;
    case REQUEST_JOIN: join_apply(apply, request); break;
    case REQUEST_RECTIFY: rectify_apply(apply, request); break;
    case REQUEST_SIGNAL: signal_request_apply(apply, request); break;
    }
}

/* --- the last step */

#define rows_drop_never(rows)                                                                                          \
    do {                                                                                                               \
        size_t kept_ = 0;                                                                                              \
        vec_each (row_, (rows))                                                                                        \
            if (row_->change != CHANGE_NEVER)                                                                          \
                (rows)->items[kept_++] = *row_;                                                                        \
        (rows)->count = kept_;                                                                                         \
    } while (0)

static void never_drop(struct person *person)
{
    rows_drop_never(&person->profiles);
    rows_drop_never(&person->identifiers);
    rows_drop_never(&person->consents);
    rows_drop_never(&person->merges);
    rows_drop_never(&person->preferences);
    rows_drop_never(&person->facts);
    rows_drop_never(&person->events);
    rows_drop_never(&person->held);
    rows_drop_never(&person->deliveries);
    rows_drop_never(&person->disclosures);
    rows_drop_never(&person->refused);
}

/* Deliveries come in the order of their events, so one step forward nearly always finds the next. */
static void deliveries_point(struct person *person)
{
    size_t place = 0;
    vec_each (delivery, &person->deliveries) {
        if (!delivery->event_new)
            continue;
        const struct event *wanted = delivery->event_new;
        size_t tried = 0;
        for (; tried < person->events.count; tried++, place = (place + 1) % person->events.count)
            if (uuid_equal(person->events.items[place].id, wanted->id))
                break;
        ASSERT(tried < person->events.count);
        delivery->event_new = &person->events.items[place];
    }
}

static void records_point(struct apply *apply)
{
    struct map places;
    map_init(&places, apply->arena);
    if (!apply->records_made.count)
        return;
    vec_each (person, &apply->batch->persons)
        vec_each (record, &(*person)->consents)
            if (record->change == CHANGE_NEW)
                map_set(&places, str_bytes(record->id.bytes, sizeof record->id.bytes), record);
    vec_each (made, &apply->records_made) {
        struct consent *record = map_get(&places, str_bytes(made->id.bytes, sizeof made->id.bytes));
        apply->batch->leaves.items[made->leaf].consent = record;
        if (made->statement)
            made->statement->ret_record = record;
    }
}

static bool consent_data_left(const struct apply *apply, const struct person *person, profile_no profile)
{
    str jurisdiction = person_jurisdiction(person);
    vec_each (fact, &person->facts)
        if (!row_dead(fact) && profile_no_equal(fact->profile, profile) &&
            part_key_class(apply->policy, fact->purposes, jurisdiction) == KEY_CONSENT)
            return true;
    vec_each (event, &person->events)
        for (unsigned i = 0; !row_dead(event) && profile_no_equal(event->profile, profile) && i < event->part_count; i++)
            if (event->parts[i].key_class == KEY_CONSENT)
                return true;
    return false;
}

/* Where the last datum under a key went, the key goes too, and a new one takes its place: then no older copy opens either. */
static void keys_renew(struct apply *apply, const struct person *person)
{
    if ((person->loaded & PERSON_ALL) != PERSON_ALL)
        return;
    vec_each (profile, &person->profiles) {
        if (profile->change == CHANGE_GONE || profile->change == CHANGE_NEW || (profile->erased_ms != TIME_NONE && profile->erased_ms != 0))
            continue;
        bool held_ended = false, held_left = false, consent_lost = false;
        vec_each (held, &person->held)
            if (profile_no_equal(held->profile, profile->number)) {
                held_ended |= held->change == CHANGE_GONE;
                held_left |= !row_dead(held);
            }
        vec_each (lost, &apply->consent_lost)
            consent_lost |= profile_no_equal(*lost, profile->number);
        unsigned classes = held_ended && !held_left ? KEY_CLASS_BIT(KEY_HOLD) : 0;
        if (consent_lost && !consent_data_left(apply, person, profile->number))
            classes |= KEY_CLASS_BIT(KEY_CONSENT);
        if (classes)
            key_end_push(apply, profile->number, classes, true);
    }
}

/* Who has the profile now: people may have joined, parted or gone since. NULL: nobody. */
static struct person *owner_of(const struct batch *batch, struct person *person, profile_no profile)
{
    person = person_latest(person);
    if (!person || person_profile(person, profile))
        return person;
    vec_each (other, &batch->persons)
        if (person_profile(*other, profile))
            return *other;
    return NULL;
}

static void results_point(struct batch *batch)
{
    for (size_t i = 0; i < batch->request_count; i++) {
        struct request *request = &batch->requests[i];
        struct message_result *result = &request->result;
        if (request->kind == REQUEST_MESSAGE && result->person)
            result->person = owner_of(batch, result->person, result->profile_no);
        if (request->kind == REQUEST_STATEMENT && request->statement.ret_person)
            request->statement.ret_person =
                request->statement.ret_record
                    ? owner_of(batch, request->statement.ret_person, request->statement.ret_record->profile)
                    : NULL;
        if (request->kind != REQUEST_MESSAGE && request->kind != REQUEST_STATEMENT)
            request->person = person_latest(request->person);
    }
}

static void settle(struct apply *apply)
{
    size_t kept = 0;
    vec_each (person, &apply->batch->persons) {
        if ((*person)->merged_into)
            continue;
        keys_renew(apply, *person);
        never_drop(*person);
        deliveries_point(*person);
        (*person)->standing = NULL;
        if ((*person)->profiles.count)
            apply->batch->persons.items[kept++] = *person;
    }
    apply->batch->persons.count = kept;
    records_point(apply);
    results_point(apply->batch);
}

void core_apply(struct batch *batch)
{
    struct apply apply;
    ASSERT(batch->policy && batch->arena && batch->ids && batch->profile_next > 0);
    prepare(&apply, batch);
    for (size_t i = 0; i < batch->request_count; i++) {
        apply.request = apply.decision = (uint32_t)i;
        request_apply(&apply, &batch->requests[i]);
    }
    if (!batch->more_needed)
        settle(&apply);
}

/* --- what to load first */

static unsigned statement_needs(enum consent_status status)
{
    switch (status) {
    case CONSENT_REFUSED: case CONSENT_WITHDRAWN: case CONSENT_EXPIRED: case CONSENT_OBJECTED: case CONSENT_ENDED: case CONSENT_OPTED_OUT:
        return PERSON_ALL;
    case CONSENT_RESTRICTED: return PERSON_HEAD | PERSON_OUTBOX;
    default: return PERSON_HEAD | PERSON_HELD;
    }
}

/* Where profiles are sent on, one that is queued already need not be queued again. */
static unsigned profile_needs(const struct policy *policy)
{
    vec_each (destination, &policy->destinations)
        if (destination->sends_profiles)
            return PERSON_OUTBOX;
    return 0;
}

unsigned core_needs(const struct policy *policy, const struct request *request)
{
    switch (request->kind) {
    case REQUEST_MESSAGE: {
        unsigned parts = PERSON_HEAD;
        if (request->message.type == EVENT_IDENTIFY)
            parts |= PERSON_FACTS | profile_needs(policy);
        return request->message.source && request->message.source->when_denied == WHEN_DENIED_HOLD ? parts | PERSON_HELD : parts;
    }
    case REQUEST_STATEMENT: return statement_needs(request->statement.record.status) | profile_needs(policy);
    case REQUEST_PREFERENCES: return PERSON_HEAD | profile_needs(policy);
    default: return PERSON_ALL;
    }
}
