/* Any sequence of messages and statements through the core under one policy, a line each:
 *
 *     N{…}          a message from source N                     gN{…}           the same with Sec-GPC: 1
 *     sAP subject   status A (a…), purpose P (a…; z: none)      p subject {…}   preferences
 *     j one two     join            u   undo the last merge     e subject       erase           w N   N days pass, everybody is swept
 *
 * Whatever comes, what is kept is allowed (gate.md §6, 1), each text that leaves the core is JSON, and one batch of many gives what many batches of
 * one give.
 */
#include "core/apply.h"
#include "core/gate.h"
#include "core/identity.h"
#include "core/profile.h"

#include "../unit/core_policy.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS_MAX = 64 };

struct world {
    struct arena arena;
    struct id_source ids;
    int64_t now_ms;
    uint64_t profile_next;
    VEC(struct person *) persons;
    struct request requests[REQUESTS_MAX];
    size_t count;
    bool one_by_one;
};

static struct policy *policy; /* loaded once; the process's own */

static void policy_make(void)
{
    static struct arena arena;
    struct map notices;
    policy_problems problems = {0};
    static const char *const names[] = {"newsletter.md", "privacy.md"};
    arena_init(&arena);
    map_init(&notices, &arena);
    for (size_t i = 0; i < 2; i++) {
        str *text = arena_new(&arena, str);
        *text = STR("A notice.");
        map_set(&notices, str_of(names[i]), text);
    }
    struct policy_input input = {.text = STR(CORE_POLICY), .notices = &notices};
    const struct err *err = policy_load(&arena, &input, &policy, &problems);
    ASSERT(!err);
    policy->version = 1;
}

static void hash_fill(struct message_identifier *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < id->key->name.length; i++)
        hash = (hash ^ (uint8_t)id->key->name.data[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; i < id->value.length; i++)
        hash = (hash ^ (uint8_t)id->value.data[i]) * UINT64_C(1099511628211);
    memcpy(id->hash.bytes, &hash, sizeof hash);
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    memcpy(id->hash.bytes + 8, &hash, sizeof hash);
}

/* --- what must hold */

static void check_json(struct arena *arena, str text)
{
    struct json tree;
    const struct err *err = json_read(arena, text, &tree);
    ASSERT(!err);
}

static void check_kept(const struct standing *standing, purpose_mask purposes) { ASSERT(purposes && !(purposes & ~standing->stores)); }

static void check_person(struct world *world, const struct person *person)
{
    const struct standing *standing = gate_standing_at(&world->arena, policy, person, STR_NONE, world->now_ms, TIME_FOREVER);
    vec_each (fact, &person->facts) {
        check_kept(standing, fact->purposes);
        check_json(&world->arena, fact->value);
    }
    vec_each (event, &person->events) {
        ASSERT(event->part_count > 0);
        for (unsigned i = 0; i < event->part_count; i++) {
            check_kept(standing, event->parts[i].purposes);
            check_json(&world->arena, event->parts[i].body);
        }
    }
    vec_each (identifier, &person->identifiers) {
        ASSERT((identifier->purposes == 0) == str_empty(identifier->value));
        ASSERT(!(identifier->purposes & ~standing->stores));
        vec_each (other, &world->persons)
            vec_each (twin, &(*other)->identifiers)
                ASSERT(twin == identifier || memcmp(&twin->hash, &identifier->hash, sizeof twin->hash) != 0);
    }
    vec_each (delivery, &person->deliveries)
        ASSERT(delivery->kind != DELIVERY_EVENT || delivery->event.value || delivery->state != DELIVERY_PENDING);
}

static void check_view(struct world *world, const struct person *person)
{
    vec_each (purpose, &policy->purposes) {
        struct question question = {.purpose = purpose->name, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world->now_ms, .operation = OPERATION_USE};
        struct profile_view view;
        struct buf buf;
        struct jsonw w;
        str body;
        profile_view(&world->arena, policy, person, &question, NULL, &view);
        if (!view.decision.allow)
            continue;
        buf_init(&buf, &world->arena, 64 * 1024 * 1024);
        jsonw_init(&w, &buf);
        jsonw_object(&w);
        profile_view_write(&w, &view, (struct view_told){~(purpose_mask)0, WITHHELD_ALL});
        jsonw_object_end(&w);
        check_json(&world->arena, buf_str(&buf));
        vec_each (event, &person->events)
            if (profile_view_event(&world->arena, &view, NULL, event, &body))
                check_json(&world->arena, body);
    }
}

/* --- applying and keeping */

#define rows_keep(rows)                                                                                                \
    do {                                                                                                               \
        size_t kept_ = 0;                                                                                              \
        vec_each (row_, (rows)) {                                                                                      \
            ASSERT(row_->change <= CHANGE_GONE);                                                                       \
            if (row_->change == CHANGE_GONE)                                                                           \
                continue;                                                                                              \
            row_->change = CHANGE_NONE;                                                                                \
            (rows)->items[kept_++] = *row_;                                                                            \
        }                                                                                                              \
        (rows)->count = kept_;                                                                                         \
    } while (0)

static void person_keep(struct person *person, uint64_t *event_next)
{
    vec_each (event, &person->events)
        if (event->change == CHANGE_NEW)
            event->number.value = (*event_next)++;
    vec_each (delivery, &person->deliveries)
        if (delivery->event_new) {
            delivery->event = delivery->event_new->number;
            delivery->event_new = NULL;
        }
    rows_keep(&person->profiles);
    rows_keep(&person->identifiers);
    rows_keep(&person->consents);
    rows_keep(&person->merges);
    rows_keep(&person->preferences);
    rows_keep(&person->facts);
    rows_keep(&person->events);
    rows_keep(&person->held);
    rows_keep(&person->deliveries);
    rows_keep(&person->disclosures);
    rows_keep(&person->refused);
    person->loaded = PERSON_ALL;
    person->standing = NULL;
}

static void batch_apply(struct world *world, struct request *requests, size_t count)
{
    struct batch batch = {.arena = &world->arena, .policy = policy, .ids = &world->ids, .now_ms = world->now_ms,
                          .profile_next = world->profile_next, .requests = requests, .request_count = count};
    uint64_t event_next = world->profile_next << 20;
    vec_each (person, &world->persons)
        *(struct person **)vec_push(&world->arena, &batch.persons) = *person;
    core_apply(&batch);
    ASSERT(!batch.more_needed);
    for (size_t i = 0; i < count; i++)
        if (requests[i].kind == REQUEST_MESSAGE) {
            check_json(&world->arena, requests[i].result.decision);
            ASSERT(!(requests[i].result.purposes & ~requests[i].message.source->purposes));
        }
    vec_each (leaf, &batch.leaves)
        check_json(&world->arena, leaf->record);
    world->persons.count = 0;
    vec_each (person, &batch.persons) {
        person_keep(*person, &event_next);
        if ((*person)->profiles.count)
            *(struct person **)vec_push(&world->arena, &world->persons) = *person;
    }
    world->profile_next = batch.profile_next + 1;
    vec_each (person, &world->persons)
        check_person(world, *person);
}

static void flush(struct world *world)
{
    if (world->one_by_one)
        for (size_t i = 0; i < world->count; i++)
            batch_apply(world, &world->requests[i], 1);
    else if (world->count)
        batch_apply(world, world->requests, world->count);
    world->count = 0;
}

static void sweep(struct world *world)
{
    size_t count = world->persons.count;
    struct request *requests = arena_array(&world->arena, struct request, count + 1);
    for (size_t i = 0; i < count; i++)
        requests[i] = (struct request){.kind = REQUEST_SWEEP, .person = world->persons.items[i]};
    if (count)
        batch_apply(world, requests, count);
}

/* --- reading the lines */

static bool subject_read(struct world *world, str *rest, struct message_identifier *ret_id)
{
    str word;
    *rest = str_trim(*rest);
    if (!str_split(rest, ' ', &word) || identity_parse_subject(&world->arena, policy, word, ret_id))
        return false;
    hash_fill(ret_id);
    return true;
}

static bool message_line(struct world *world, str line, struct request *request)
{
    struct message *message = &request->message;
    struct json body;
    message->gpc = line.data[0] == 'g';
    if (message->gpc)
        line = str_slice(line, 1, line.length);
    if (line.length < 2 || line.data[0] < '0' || (size_t)(line.data[0] - '0') >= policy->sources.count ||
        json_read(&world->arena, str_slice(line, 1, line.length), &body))
        return false;
    message->source = &policy->sources.items[line.data[0] - '0'];
    message->received_ms = world->now_ms;
    message->sent_ms = TIME_NONE;
    request->kind = REQUEST_MESSAGE;
    if (!core_read_message(&world->arena, policy, &body, NULL, EVENT_TYPE_COUNT, message, &request->result))
        return false;
    for (size_t i = 0; i < message->identifier_count; i++)
        hash_fill(&message->identifiers[i]);
    return true;
}

static bool statement_line(struct world *world, str line, struct request *request)
{
    struct consent *record = &request->statement.record;
    if (line.length < 4 || line.data[1] < 'a' || line.data[1] - 'a' >= CONSENT_STATUS_COUNT)
        return false;
    size_t purpose = (size_t)(uint8_t)(line.data[2] - 'a');
    request->kind = REQUEST_STATEMENT;
    record->status = (enum consent_status)(line.data[1] - 'a');
    record->purpose = purpose < policy->purposes.count ? policy->purposes.items[purpose].name : STR_NONE;
    record->at_ms = world->now_ms;
    record->source = STR("api");
    record->explicit_given = line.data[3] == '!';
    str rest = str_slice(line, 4, line.length);
    return subject_read(world, &rest, &request->statement.subject);
}

static bool undo_line(struct world *world, struct request *request)
{
    request->kind = REQUEST_UNDO_MERGE;
    vec_each (person, &world->persons)
        vec_each (merge, &(*person)->merges)
            if (merge->undone_ms == TIME_NONE)
                request->merge = merge->id;
    return !uuid_is_zero(request->merge);
}

static bool line_read(struct world *world, str line, struct request *request)
{
    str rest = str_slice(line, 1, line.length);
    switch (line.data[0]) {
    case 's': return statement_line(world, line, request);
    case 'p':
        request->kind = REQUEST_PREFERENCES;
        if (!subject_read(world, &rest, &request->subject))
            return false;
        request->value = rest;
        return true;
    case 'e': request->kind = REQUEST_ERASE; return subject_read(world, &rest, &request->subject);
    case 'j': request->kind = REQUEST_JOIN; return subject_read(world, &rest, &request->subject) && subject_read(world, &rest, &request->other);
    default: return message_line(world, line, request);
    }
}

static void days_pass(struct world *world, str text)
{
    int64_t days;
    flush(world);
    if (!str_to_int64(str_trim(text), &days) || days < 0 || days > 4000)
        return;
    world->now_ms += days * DAY_MS + 1;
    sweep(world);
}

static int digest_order(const void *a, const void *b) { return memcmp(a, b, 32); }

/* Runs all lines; the digests of all people, sorted. */
static uint8_t *run(struct world *world, str text, bool one_by_one, size_t *ret_count)
{
    str line;
    *world = (struct world){.profile_next = 1, .now_ms = INT64_C(1790812800000), .one_by_one = one_by_one};
    arena_init(&world->arena);
    id_source_init(&world->ids, 1);
    for (unsigned lines = 0; lines < 40 && str_split(&text, '\n', &line); lines++) {
        if (str_empty(line))
            continue;
        struct request *request = &world->requests[world->count];
        *request = (struct request){0};
        if (line.data[0] == 'w')
            days_pass(world, str_slice(line, 1, line.length));
        else if (line.data[0] == 'u') { /* names a merge that is there already */
            flush(world);
            request = &world->requests[0];
            *request = (struct request){0};
            world->count += undo_line(world, request);
        } else
            world->count += line_read(world, line, request);
    }
    flush(world);
    *ret_count = world->persons.count;
    uint8_t *digests = arena_alloc(&world->arena, world->persons.count * 32 + 1);
    for (size_t i = 0; i < world->persons.count; i++) {
        profile_digest(&world->arena, policy, world->persons.items[i], digests + i * 32);
        check_view(world, world->persons.items[i]);
    }
    qsort(digests, world->persons.count, 32, digest_order);
    return digests;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world together, one_by_one;
    size_t count, other_count;
    if (!policy)
        policy_make();
    str text = str_bytes(data, size);
    const uint8_t *digests = run(&together, text, false, &count), *others = run(&one_by_one, text, true, &other_count);
    ASSERT(count == other_count && (count == 0 || memcmp(digests, others, count * 32) == 0));
    arena_release(&together.arena);
    arena_release(&one_by_one.arena);
    return 0;
}
