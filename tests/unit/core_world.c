/* The world of the core's tests. */
#include "unit.h"

#include "core_world.h"

#include <sodium.h>
#include <stdlib.h>

static struct policy *policy_of(struct arena *arena, const char *yaml, uint32_t version, int64_t activated_ms)
{
    static const char *const names[] = {"newsletter", "privacy", "wellness", "terms"};
    struct map notices;
    struct policy *policy = NULL;
    policy_problems problems = {0};
    map_init(&notices, arena);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        str *content = arena_new(arena, str);
        *content = str_printf(arena, "The notice %s.", names[i]);
        map_set(&notices, str_printf(arena, "%s.md", names[i]), content);
    }
    struct policy_input input = {.text = str_of(yaml), .notices = &notices};
    const struct err *error = policy_load(arena, &input, &policy, &problems);
    if (error) {
        print_error("%s\n", str_z(arena, policy_problems_text(arena, "policy.yaml", &problems)));
        check_fine(error);
    }
    policy->version = version;
    policy->activated_ms = activated_ms;
    return policy;
}

void world_begin(struct world *world, const char *policy_yaml)
{
    *world = (struct world){.profile_next = 1, .numbers = {1, 1, 1}};
    arena_init(&world->arena);
    id_source_init(&world->ids, 7);
    world->policy = policy_of(&world->arena, policy_yaml, 1, 0);
    world_at(world, "2026-10-01");
}

void world_end(struct world *world)
{
    policy_free(world->policy);
    vec_each (policy, &world->older)
        policy_free(*policy);
    arena_release(&world->arena);
}

void world_policy(struct world *world, const char *policy_yaml)
{
    struct policy *old = world->policy;
    world->policy = policy_of(&world->arena, policy_yaml, old->version + 1, world->now_ms);
    vec_each (person, &world->persons)
        person_purposes_move(*person, old, world->policy);
    *(struct policy **)vec_push(&world->arena, &world->older) = old;
}

void world_at(struct world *world, const char *time) { assert_true(time_parse(str_of(time), &world->now_ms)); }

void world_later(struct world *world, const char *text)
{
    struct duration duration;
    assert_true(duration_parse(str_of(text), &duration));
    world->now_ms = time_add(world->now_ms, duration);
}

static identifier_hash hash_of(str type, str value)
{
    crypto_hash_sha256_state state;
    uint8_t digest[32];
    identifier_hash hash;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const uint8_t *)type.data, type.length);
    crypto_hash_sha256_update(&state, (const uint8_t *)":", 1);
    crypto_hash_sha256_update(&state, (const uint8_t *)value.data, value.length);
    crypto_hash_sha256_final(&state, digest);
    memcpy(hash.bytes, digest, sizeof hash.bytes);
    return hash;
}

struct message_identifier world_identifier(struct world *world, const char *subject)
{
    struct message_identifier id;
    check_fine(identity_parse_subject(&world->arena, world->policy, str_of(subject), &id));
    id.hash = hash_of(id.key->name, id.value);
    return id;
}

bool world_message(struct world *world, const char *source, const char *json, struct request *ret_request)
{
    struct json *body = arena_new(&world->arena, struct json);
    *ret_request = (struct request){.kind = REQUEST_MESSAGE};
    struct message *message = &ret_request->message;
    check_fine(json_read(&world->arena, str_copy(&world->arena, str_of(json)), body));
    message->source = policy_source(world->policy, str_of(source));
    assert_non_null(message->source);
    message->received_ms = world->now_ms;
    message->sent_ms = TIME_NONE;
    message->id = id_next(&world->ids, world->now_ms);
    if (!core_read_message(&world->arena, world->policy, body, NULL, EVENT_TYPE_COUNT, message, &ret_request->result))
        return false;
    for (size_t i = 0; i < message->identifier_count; i++)
        message->identifiers[i].hash = hash_of(message->identifiers[i].key->name, message->identifiers[i].value);
    return true;
}

/* --- loading and saving */

static bool batch_run(struct world *world, struct request *requests, size_t count, unsigned *parts, const struct map *looked_up)
{
    struct batch *batch = &world->last;
    *batch = (struct batch){.arena = &world->arena, .policy = world->policy, .ids = &world->ids, .now_ms = world->now_ms,
                            .profile_next = world->profile_next, .requests = requests, .request_count = count, .looked_up = *looked_up};
    for (size_t i = 0; i < world->persons.count; i++)
        *(struct person **)vec_push(&world->arena, &batch->persons) = person_load(&world->arena, world->persons.items[i], parts[i]);
    for (size_t i = 0; i < count; i++) /* a sweep names its person */
        if (requests[i].kind == REQUEST_SWEEP)
            vec_each (person, &batch->persons)
                if (profile_no_equal((*person)->root, requests[i].subject.person->root))
                    requests[i].person = *person;
    struct person **given = arena_array(&world->arena, struct person *, world->persons.count + 1);
    if (world->persons.count)
        memcpy(given, batch->persons.items, world->persons.count * sizeof *given);
    core_apply(batch);
    if (batch->more_needed) {
        bool progress = batch->wanted.count > 0;
        for (size_t i = 0; i < world->persons.count; i++) {
            progress |= (given[i]->needed & ~parts[i]) != 0;
            parts[i] |= given[i]->needed;
        }
        assert_true(progress);
        return false;
    }
    for (size_t i = 0; i < world->persons.count; i++)
        person_unloaded_back(&world->arena, person_now(given[i]), world->persons.items[i], parts[i]);
    return true;
}

void world_apply(struct world *world, struct request *requests, size_t count)
{
    unsigned *parts = arena_array(&world->arena, unsigned, world->persons.count + 1);
    struct map looked_up;
    map_init(&looked_up, &world->arena);
    for (size_t i = 0; i < world->persons.count; i++)
        parts[i] = world->lazy ? PERSON_HEAD : PERSON_ALL;
    for (world->rounds = 1; !batch_run(world, requests, count, parts, &looked_up); world->rounds++) {
        assert_true(world->rounds < 10);
        vec_each (wanted, &world->last.wanted)
            map_set(&looked_up, str_copy(&world->arena, str_bytes(wanted->bytes, sizeof wanted->bytes)), world);
    }
    world->persons.count = 0;
    vec_each (leaf, &world->last.leaves) {
        if (leaf->consent)
            leaf->consent->ledger_index = world->ledger_next;
        world->ledger_next++;
        *(struct leaf *)vec_push(&world->arena, &world->leaves) = *leaf;
    }
    vec_each (person, &world->last.persons) {
        person_number(*person, &world->numbers);
        person_settle(*person);
        if ((*person)->profiles.count)
            *(struct person **)vec_push(&world->arena, &world->persons) = *person;
    }
    vec_each (counter, &world->last.counters)
        *(struct counter *)vec_push(&world->arena, &world->counters) = *counter;
    vec_each (end, &world->last.key_ends)
        *(struct key_end *)vec_push(&world->arena, &world->key_ends) = *end;
    world->profile_next = world->last.profile_next;
    world_check(world);
}

/* --- shorthands */

static struct message_result *send(struct world *world, const char *source, const char *json, bool gpc)
{
    struct request *request = arena_new(&world->arena, struct request);
    if (!world_message(world, source, json, request)) {
        print_error("refused: %.*s\n", STR_FMT(request->result.problem));
        fail();
    }
    request->message.gpc = gpc;
    world_apply(world, request, 1);
    return &request->result;
}

struct message_result *world_send(struct world *world, const char *source, const char *json) { return send(world, source, json, false); }
struct message_result *world_send_gpc(struct world *world, const char *source, const char *json) { return send(world, source, json, true); }

str world_state(struct world *world, const char *subject, const char *purpose, const char *status, const struct consent *more)
{
    struct request *request = arena_new(&world->arena, struct request);
    request->kind = REQUEST_STATEMENT;
    request->statement.subject = world_identifier(world, subject);
    struct consent *record = &request->statement.record;
    if (more)
        *record = *more;
    record->purpose = str_of(purpose);
    assert_true(consent_status_parse(str_of(status), &record->status));
    if (!record->at_ms)
        record->at_ms = world->now_ms;
    if (str_empty(record->source))
        record->source = STR("api");
    world_apply(world, request, 1);
    if (str_empty(request->refusal))
        assert_non_null(request->statement.ret_record);
    return request->refusal;
}

str world_prefer(struct world *world, const char *subject, const char *json)
{
    struct request *request = arena_new(&world->arena, struct request);
    *request = (struct request){.kind = REQUEST_PREFERENCES, .subject = world_identifier(world, subject), .value = str_of(json)};
    world_apply(world, request, 1);
    return request->refusal;
}

bool world_erase(struct world *world, const char *subject)
{
    struct request *request = arena_new(&world->arena, struct request);
    *request = (struct request){.kind = REQUEST_ERASE, .subject = world_identifier(world, subject)};
    world_apply(world, request, 1);
    return request->found;
}

str world_undo(struct world *world, struct uuid merge)
{
    struct request *request = arena_new(&world->arena, struct request);
    *request = (struct request){.kind = REQUEST_UNDO_MERGE, .merge = merge};
    world_apply(world, request, 1);
    return request->refusal;
}

str world_join(struct world *world, const char *left, const char *right)
{
    struct request *request = arena_new(&world->arena, struct request);
    *request = (struct request){.kind = REQUEST_JOIN, .subject = world_identifier(world, left), .other = world_identifier(world, right)};
    world_apply(world, request, 1);
    return request->refusal;
}

static void sweep(struct world *world, bool all)
{
    struct request *requests = arena_array(&world->arena, struct request, world->persons.count + 1);
    size_t count = 0;
    vec_each (person, &world->persons) {
        bool due = all;
        vec_each (profile, &(*person)->profiles)
            due |= profile->due_ms <= world->now_ms;
        if (due)
            requests[count++] = (struct request){.kind = REQUEST_SWEEP, .subject = {.person = *person}};
    }
    if (count)
        world_apply(world, requests, count);
}

void world_sweep(struct world *world) { sweep(world, false); }
void world_sweep_all(struct world *world) { sweep(world, true); }

struct person *world_person(struct world *world, const char *subject)
{
    struct message_identifier id = world_identifier(world, subject);
    vec_each (person, &world->persons)
        vec_each (identifier, &(*person)->identifiers)
            if (!memcmp(&identifier->hash, &id.hash, sizeof id.hash))
                return *person;
    return NULL;
}

size_t world_count(const struct world *world, const char *leaf_kind)
{
    size_t count = 0;
    vec_each (leaf, &world->leaves)
        count += str_equal(str_of(leaf->kind), str_of(leaf_kind));
    return count;
}

uint64_t world_counted(const struct world *world, const char *what, const char *field, const char *reason)
{
    uint64_t count = 0;
    vec_each (counter, &world->counters)
        if (str_equal(counter->what, str_of(what)) && str_equal(counter->field, str_of(field)) && str_equal(counter->reason, str_of(reason)))
            count += counter->count;
    return count;
}

str world_trait(struct world *world, const char *subject, const char *trait)
{
    struct person *person = world_person(world, subject);
    traits folded;
    assert_non_null(person);
    profile_fold(&world->arena, world->policy, person, NULL, NULL, &folded);
    vec_each (found, &folded)
        if (str_equal(found->name, str_of(trait)))
            return found->value;
    return STR_NONE;
}

str world_reasons(struct world *world, reason_mask reasons)
{
    struct buf buf;
    buf_init(&buf, &world->arena, 8192);
    for (unsigned i = 0; i < REASON_COUNT; i++)
        if (reasons & REASON_BIT(i)) {
            if (buf.length)
                buf_add_char(&buf, ' ');
            buf_add(&buf, str_of(reason_name((enum reason)i)));
        }
    return buf_str(&buf);
}

str world_purposes(struct world *world, purpose_mask purposes)
{
    struct buf buf;
    buf_init(&buf, &world->arena, 8192);
    vec_each (purpose, &world->policy->purposes)
        if (purposes & purpose->self) {
            if (buf.length)
                buf_add_char(&buf, ' ');
            buf_add(&buf, purpose->name);
        }
    return buf_str(&buf);
}

size_t world_alive_events(const struct person *person) { return person ? person->events.count : 0; }
size_t world_alive_facts(const struct person *person) { return person ? person->facts.count : 0; }
size_t world_alive_held(const struct person *person) { return person ? person->held.count : 0; }

/* --- what must always hold */

static void check_stored(struct world *world, const struct standing *standing, purpose_mask purposes, const char *what)
{
    if (purposes && !(purposes & ~standing->stores))
        return;
    print_error("%s is kept for (%.*s), allowed are (%.*s)\n", what, STR_FMT(world_purposes(world, purposes)),
                STR_FMT(world_purposes(world, standing->stores)));
    fail();
}

static bool erased(const struct person *person) { return person->profiles.items[0].erased_ms != TIME_NONE; }

static void check_rows(struct world *world, const struct person *person)
{
    vec_each (profile, &person->profiles)
        assert_true(profile_no_equal(profile->root, person->root));
    assert_true(profile_no_equal(person->root, person->profiles.items[0].number));
    vec_each (identifier, &person->identifiers) {
        assert_non_null(person_profile(person, identifier->profile));
        assert_true((identifier->purposes == 0) == str_empty(identifier->value));
        vec_each (other, &world->persons)
            vec_each (twin, &(*other)->identifiers)
                assert_true(twin == identifier || memcmp(&twin->hash, &identifier->hash, sizeof twin->hash) != 0);
    }
    vec_each (fact, &person->facts)
        assert_true(person_identifier(person, fact->profile, fact->identifier) || erased(person));
    vec_each (event, &person->events)
        assert_true(event->part_count > 0 && (person_identifier(person, event->profile, event->identifier) || erased(person)));
    vec_each (record, &person->consents)
        assert_non_null(person_identifier(person, record->profile, record->identifier));
    vec_each (held, &person->held)
        assert_non_null(person_identifier(person, held->profile, held->identifier));
}

void world_check(struct world *world)
{
    vec_each (each, &world->persons) {
        const struct person *person = *each;
        check_rows(world, person);
        bool due = false;
        vec_each (profile, &person->profiles)
            due |= profile->due_ms <= world->now_ms;
        if (due) /* time has moved on: first the sweeper */
            continue;
        const struct standing *standing = gate_standing_at(&world->arena, world->policy, person, STR_NONE, world->now_ms, TIME_FOREVER);
        vec_each (fact, &person->facts)
            check_stored(world, standing, fact->purposes, "a fact");
        vec_each (event, &person->events)
            for (unsigned i = 0; i < event->part_count; i++)
                check_stored(world, standing, event->parts[i].purposes, "an event");
        vec_each (identifier, &person->identifiers)
            if (identifier->purposes)
                check_stored(world, standing, identifier->purposes, "an identifier");
    }
}
