/* The world: what the engine does around the core. It gives numbers, loads whom a request names (and the parts that turn out to be needed),
 * applies, and stores what is marked. */
#include "sim.h"

#include "fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS_MAX = 12 };

/* --- small things */

bool world_fault(const struct world *world, const char *name) { return world->fault && !strcmp(world->fault, name); }

void fail_at(struct world *world, const char *property, const char *format, ...)
{
    va_list arguments;
    if (world->property || (world->looking && strcmp(world->looking, property) != 0))
        return;
    world->property = property;
    va_start(arguments, format);
    (void)vsnprintf(world->detail, sizeof world->detail, format, arguments); /* cut where it is too long */
    va_end(arguments);
}

void trace_add(struct world *world, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    if (!world->tracing || world->clone)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    *(str *)vec_push(&world->arena, &world->trace) = str_printf(&world->arena, "%6u  %s", world->step, text);
}

/* Not the engine's hash, but as good as any: the core never looks into it. */
identifier_hash world_hash(str key, str value)
{
    uint64_t words[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)};
    identifier_hash hash;
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < key.length + 1 + value.length; i++) {
            unsigned char c = i < key.length ? (unsigned char)key.data[i] : i == key.length ? 0 : (unsigned char)value.data[i - key.length - 1];
            words[turn] = (words[turn] ^ c) * UINT64_C(0x100000001b3);
        }
        words[turn] ^= words[turn] >> 29;
        words[turn] *= UINT64_C(0xbf58476d1ce4e5b9);
    }
    memcpy(hash.bytes, words, sizeof hash.bytes);
    return hash;
}

struct message_identifier world_identifier(struct world *world, unsigned key, str value)
{
    struct message_identifier id;
    str subject = str_printf(&world->scratch, "%s:%.*s", spec_key_names[key], STR_FMT(value));
    if (identity_parse_subject(&world->scratch, world->policy, subject, &id))
        abort();
    id.hash = world_hash(id.key->name, id.value);
    return id;
}

struct cell *world_cell(const struct world *world, const identifier_hash *hash)
{
    vec_each (cell, &world->cells)
        vec_each (identifier, &(*cell)->person.identifiers)
            if (!memcmp(&identifier->hash, hash, sizeof *hash))
                return *cell;
    return NULL;
}

struct cell *world_cell_of(const struct world *world, profile_no number)
{
    vec_each (cell, &world->cells)
        vec_each (profile, &(*cell)->person.profiles)
            if (profile_no_equal(profile->number, number))
                return *cell;
    return NULL;
}

struct profile_note *world_note(struct world *world, profile_no number)
{
    while (world->profiles.count < number.value) {
        struct profile_note *note = vec_push(&world->arena, &world->profiles);
        note->number.value = world->profiles.count;
        note->alive = true;
    }
    return &world->profiles.items[number.value - 1];
}

purpose_bits bits_of(const struct world *world, purpose_mask mask)
{
    purpose_bits bits = 0;
    for (; mask; mask &= mask - 1)
        bits |= 1u << world->slot_names[__builtin_ctzll(mask)];
    return bits;
}

static void policy_take(struct world *world, uint32_t version)
{
    world->policy = spec_policy(&world->scratch, &world->spec, version);
    memset(world->slot_names, 31, sizeof world->slot_names);
    vec_each (purpose, &world->policy->purposes)
        world->slot_names[purpose->slot] = (uint8_t)spec_purpose_find(purpose->name);
    if (world_fault(world, "lenient-gate"))
        vec_each (purpose, &world->policy->purposes)
            purpose->direct_marketing = false;
    if (world_fault(world, "no-limit"))
        vec_each (key, &world->policy->keys) {
            key->limit_per_profile = LIMIT_PROFILE_IDENTIFIERS;
            key->unique = false;
        }
}

/* --- beginning, ending */

void world_begin(struct world *world, uint64_t seed, const char *fault)
{
    struct random random = random_of(seed, 0);
    *world = (struct world){.seed = seed, .fault = fault, .profile_next = 1, .numbers = {1, 1, 1}};
    arena_init(&world->arena);
    arena_init(&world->scratch);
    id_source_init(&world->ids, seed);
    str begin = seed % 10 == 3 ? STR("2026-12-24T08:00:00Z") : STR("2026-10-01T08:00:00Z"); /* children come of age on New Year's Day */
    if (!time_parse(begin, &world->now_ms))
        abort();
    spec_make(&random, seed, world->now_ms, &world->spec);
    policy_take(world, 1);
    (void)vec_push(&world->arena, &world->markers); /* 0 is no marker */
}

static void cells_free(struct world *world)
{
    vec_each (cell, &world->before)
        cell_free(*cell);
    world->before.count = world->touched.count = 0;
}

void world_end(struct world *world)
{
    cells_free(world);
    vec_each (cell, &world->cells)
        cell_free(*cell);
    if (!world->clone)
        policy_free(world->policy);
    arena_release(&world->arena);
    arena_release(&world->scratch);
}

void world_clone(struct world *world, const struct world *from)
{
    *world = *from;
    world->clone = true;
    world->marker_offset = from->marker_offset + (uint32_t)from->markers.count;
    world->fault = from->fault;
    arena_init(&world->arena);
    arena_init(&world->scratch);
    memset(&world->cells, 0, sizeof world->cells);
    memset(&world->before, 0, sizeof world->before);
    memset(&world->touched, 0, sizeof world->touched);
    memset(&world->markers, 0, sizeof world->markers);
    memset(&world->profiles, 0, sizeof world->profiles);
    memset(&world->commitments, 0, sizeof world->commitments);
    memset(&world->sent, 0, sizeof world->sent);
    vec_each (cell, &from->cells)
        *(struct cell **)vec_push(&world->arena, &world->cells) = cell_new(&(*cell)->person);
    vec_each (note, &from->profiles)
        *(struct profile_note *)vec_push(&world->arena, &world->profiles) = *note;
}

/* --- loading */

struct loading {
    struct world *world;
    struct request *requests;
    size_t request_count;
    profile_no *roots; /* whom a request names by person */
    VEC(struct cell *) cells;
    VEC(unsigned) parts; /* by cell */
    struct person **given; /* by cell, in the round under way */
    struct map looked_up;
    enum load_mode mode;
};

static void want(struct loading *loading, struct cell *cell, unsigned parts)
{
    if (!cell)
        return;
    for (size_t i = 0; i < loading->cells.count; i++)
        if (loading->cells.items[i] == cell) {
            loading->parts.items[i] |= parts;
            return;
        }
    *(struct cell **)vec_push(&loading->world->scratch, &loading->cells) = cell;
    *(unsigned *)vec_push(&loading->world->scratch, &loading->parts) = parts | PERSON_HEAD;
}

static void want_hash(struct loading *loading, const identifier_hash *hash, unsigned parts)
{
    want(loading, world_cell(loading->world, hash), parts);
    map_set(&loading->looked_up, str_bytes(hash->bytes, sizeof hash->bytes), loading);
}

static void want_named(struct loading *loading, struct request *request, size_t place)
{
    struct world *world = loading->world;
    unsigned parts = loading->mode == LOAD_ALL ? PERSON_ALL : loading->mode == LOAD_HEADS ? PERSON_HEAD : core_needs(world->policy, request);
    if (request->kind == REQUEST_MESSAGE)
        for (size_t i = 0; i < request->message.identifier_count; i++)
            want_hash(loading, &request->message.identifiers[i].hash, parts);
    else if (request->kind == REQUEST_STATEMENT)
        want_hash(loading, &request->statement.subject.hash, parts);
    if (request->subject.key)
        want_hash(loading, &request->subject.hash, parts);
    if (request->other.key)
        want_hash(loading, &request->other.hash, parts);
    if (request->person) {
        loading->roots[place] = request->person->root;
        want(loading, world_cell_of(world, request->person->root), parts);
    }
}

static void needs_add(struct loading *loading)
{
    struct batch *batch = &loading->world->batch;
    bool progress = batch->wanted.count > 0;
    size_t count = loading->cells.count;
    for (size_t i = 0; i < count; i++) {
        progress |= (loading->given[i]->needed & ~loading->parts.items[i]) != 0;
        loading->parts.items[i] |= loading->given[i]->needed;
    }
    vec_each (hash, &batch->wanted) {
        identifier_hash *copy = arena_new(&loading->world->scratch, identifier_hash);
        *copy = *hash;
        want_hash(loading, copy, PERSON_HEAD);
    }
    if (!progress) {
        fail_at(loading->world, "what_is_loaded_first_does_not_matter", "the core asks for more, but not for what");
        abort();
    }
}

static bool round_run(struct loading *loading)
{
    struct world *world = loading->world;
    struct batch *batch = &world->batch;
    struct arena *arena = &world->scratch;
    size_t count = loading->cells.count;
    *batch = (struct batch){.arena = arena, .policy = world->policy, .ids = &world->ids, .now_ms = world->now_ms,
                            .profile_next = world->profile_next, .requests = loading->requests, .request_count = loading->request_count,
                            .looked_up = loading->looked_up};
    loading->given = arena_array(arena, struct person *, count + 1);
    for (size_t i = 0; i < count; i++) {
        loading->given[i] = person_load(arena, &loading->cells.items[i]->person, loading->parts.items[i]);
        *(struct person **)vec_push(arena, &batch->persons) = loading->given[i];
    }
    for (size_t i = 0; i < loading->request_count; i++) {
        if (!loading->roots[i].value)
            continue;
        loading->requests[i].person = NULL;
        for (size_t j = 0; j < count; j++)
            if (person_profile(loading->given[j], loading->roots[i]))
                loading->requests[i].person = loading->given[j];
    }
    core_apply(batch);
    if (batch->more_needed)
        needs_add(loading);
    return !batch->more_needed;
}

/* --- storing */

static uint64_t text_hash(str text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void evidence_note(struct world *world)
{
    vec_each (leaf, &world->batch.leaves) {
        if (!str_equal(str_of(leaf->kind), STR("consent")))
            continue;
        world_note(world, leaf->profile)->records++;
        CHECK(world, EVIDENCE, leaf->consent, "a consent leaf points to no record");
        if (leaf->consent)
            *(struct commitment *)vec_push(&world->arena, &world->commitments) =
                (struct commitment){leaf->consent->id, text_hash(leaf->record)};
    }
    bool joined = false;
    uint64_t held_out = world->held_out;
    vec_each (leaf, &world->batch.leaves)
        joined |= str_equal(str_of(leaf->kind), STR("merge"));
    vec_each (counter, &world->batch.counters) {
        int source = spec_source_find(counter->source);
        if (str_equal(counter->what, STR("held")) && !str_empty(counter->reason))
            world->held_out += counter->count;
        for (int i = 0; source >= 0 && i < OUTCOME_COUNT; i++)
            if (str_equal(counter->what, str_of(outcome_name((enum outcome)i))) && str_empty(counter->field) && str_empty(counter->reason) &&
                !(world_fault(world, "lose-counter") && world->step % 50 == 7))
                world->counted[source][i] += counter->count;
    }
    world->late_join = world->held_out != held_out || (joined && world->held_in > world->held_out);
    for (size_t i = 0; i < world->batch.request_count; i++) {
        const struct request *request = &world->batch.requests[i];
        if (request->kind != REQUEST_MESSAGE)
            continue;
        int source = spec_source_find(request->message.source->name);
        world->messages[source]++;
        world->outcomes[source][request->result.outcome]++;
        world->held_in += request->result.outcome == OUTCOME_HELD;
    }
    vec_each (end, &world->batch.key_ends)
        if (!end->renew)
            world_note(world, end->profile)->keys_ended |= end->class_mask;
}

static void cells_take(struct world *world, struct loading *loading)
{
    size_t kept = 0;
    vec_each (cell, &world->cells) {
        bool replaced = false;
        vec_each (loaded, &loading->cells)
            replaced |= *loaded == *cell;
        if (replaced)
            *(struct cell **)vec_push(&world->arena, &world->before) = *cell;
        else
            world->cells.items[kept++] = *cell;
    }
    world->cells.count = kept;
}

static void store(struct world *world, struct loading *loading)
{
    struct arena *arena = &world->scratch;
    size_t count = loading->cells.count;
    const struct person **before = arena_array(arena, const struct person *, count + 1);
    for (size_t i = 0; i < count; i++)
        before[i] = &loading->cells.items[i]->person;
    world->profile_next = world->batch.profile_next;
    vec_each (person, &world->batch.persons)
        person_number(*person, &world->numbers);
    if (world->fault)
        fault_before_store(world);
    evidence_note(world);
    if (!world->clone) {
        check_marks(world, before, count);
        check_keys(world, before, count);
        check_counters(world);
        check_sureness(world);
    }
    cells_take(world, loading);
    for (size_t i = 0; i < count; i++)
        person_unloaded_back(arena, person_now(loading->given[i]), before[i], loading->parts.items[i]);
    vec_each (each, &world->batch.persons) {
        struct person *person = *each;
        if (world->fault)
            fault_plant(world, person, before, count);
        person_settle(person);
        if (!person->profiles.count)
            continue;
        struct cell *cell = cell_new(person);
        cell->fresh = true;
        *(struct cell **)vec_push(&world->arena, &world->cells) = cell;
        *(struct cell **)vec_push(&world->arena, &world->touched) = cell;
    }
}

void world_apply(struct world *world, struct request *requests, size_t count, enum load_mode mode)
{
    struct loading loading = {.world = world, .requests = requests, .request_count = count, .mode = mode};
    cells_free(world);
    loading.roots = arena_array(&world->scratch, profile_no, count + 1);
    map_init(&loading.looked_up, &world->scratch);
    for (size_t i = 0; i < count; i++)
        want_named(&loading, &requests[i], i);
    unsigned rounds = 1;
    while (!round_run(&loading))
        if (rounds++ == ROUNDS_MAX) {
            fail_at(world, "what_is_loaded_first_does_not_matter", "the core still asks for more after %u rounds", rounds);
            return;
        }
    store(world, &loading);
}

/* --- time and policy */

void world_sweep(struct world *world, bool everybody)
{
    struct request *requests = arena_array(&world->scratch, struct request, world->cells.count + 1);
    size_t count = 0;
    vec_each (cell, &world->cells)
        if (everybody || oracle_overdue(&(*cell)->person, world->now_ms))
            requests[count++] = (struct request){.kind = REQUEST_SWEEP, .person = &(*cell)->person};
    if (count && !world_fault(world, "skip-sweep"))
        world_apply(world, requests, count, LOAD_ALL);
}

void world_switch_policy(struct world *world, struct random *random)
{
    struct policy *old = world->policy;
    spec_change(random, world->now_ms, &world->spec);
    policy_take(world, old->version + 1);
    vec_each (cell, &world->cells)
        person_purposes_move(&(*cell)->person, old, world->policy);
    policy_free(old);
    world_sweep(world, true);
}

/* --- digests */

static void digest_add(uint64_t sum[4], const uint8_t digest[32])
{
    for (int i = 0; i < 4; i++) {
        uint64_t word;
        memcpy(&word, digest + i * 8, 8);
        sum[i] += word * UINT64_C(0x9e3779b97f4a7c15) + (word >> 17);
    }
}

void world_digest_all(struct world *world, bool fresh, uint8_t ret_digest[32])
{
    uint64_t sum[4] = {0};
    vec_each (cell, &world->cells) {
        uint8_t digest[32];
        if (fresh && !(*cell)->fresh)
            continue;
        profile_digest(&world->scratch, world->policy, &(*cell)->person, digest);
        digest_add(sum, digest);
        vec_each (row, &(*cell)->person.deliveries)
            if (row->kind == DELIVERY_RECALL || (row->kind == DELIVERY_EVENT && row->state != DELIVERY_CANCELLED)) /* a profile queued twice says the same */
                sum[row->kind] += text_hash(row->destination) * (1 + (unsigned)row->state) + text_hash(row->purpose);
    }
    memcpy(ret_digest, sum, 32);
}
