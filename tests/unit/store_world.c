#include "store_world.h"

#include "store/postgres/postgres.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char *backend_name(enum backend backend)
{
    static const char *const names[] = {[BACKEND_SQLITE] = "sqlite", [BACKEND_MEMORY] = "memory", [BACKEND_DEBUG] = "debug", [BACKEND_SHARED] = "shared",
                                        [BACKEND_POSTGRES] = "postgres"};
    return names[backend];
}

/* Data that lasts as long as its handle. */
static bool in_memory(const struct world *world) { return world->backend == BACKEND_MEMORY || world->backend == BACKEND_SHARED; }

/* --- PostgreSQL: TELOS_TEST_POSTGRES names a database of its own (tests/postgres/run.py); each world has a schema in it. With TELOS_TEST_DISTRIBUTED it is one
 * of Citus, over which each world's tables are distributed. */

static const char *postgres_uri(void) { return getenv("TELOS_TEST_POSTGRES"); }

static bool distributed(void) { return getenv("TELOS_TEST_DISTRIBUTED") != NULL; }

void postgres_run(struct world *world, const char *sql)
{
    PGconn *conn = PQconnectdb(postgres_uri());
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    (void)world;
}

static const char *schema_uri(struct world *world)
{
    const char *uri = postgres_uri();
    return arena_printf(&world->arena, "%s%coptions=-csearch_path%%3D%s%s", uri, strchr(uri, '?') ? '&' : '?', world->schema,
                        distributed() ? "%20-ccitus.shard_count%3D4" : "");
}

static void schema_make(struct world *world)
{
    static unsigned number;
    (void)snprintf(world->schema, sizeof world->schema, "w%d_%u", (int)getpid(), ++number);
    postgres_run(world, arena_printf(&world->arena, "CREATE SCHEMA %s", world->schema));
    if (!distributed())
        return;
    struct postgres_migrated migrated;
    bool new_there = false;
    check_fine(store_postgres_migrate(&world->arena, schema_uri(world), &migrated));
    check_fine(store_postgres_distribute(&world->arena, schema_uri(world), &new_there));
    assert_true(migrated.citus && new_there);
}

static void sessions_open(struct world *world)
{
    check_fine(world->store->ops->session(world->store, &world->arena, true, &world->writer));
    check_fine(world->store->ops->session(world->store, &world->arena, false, &world->reader));
}

static void store_open(struct world *world)
{
    struct store *inner = NULL;
    if (world->backend == BACKEND_MEMORY)
        check_fine(store_memory_open(&world->arena, &world->store));
    else if (world->backend == BACKEND_SHARED)
        check_fine(store_memory_open_shared(&world->arena, NULL, &world->store));
    else if (world->backend == BACKEND_POSTGRES)
        check_fine(store_postgres_open(&world->arena, schema_uri(world), &world->store));
    else
        check_fine(store_sqlite_open(&world->arena, world->directory, &inner));
    if (world->backend == BACKEND_DEBUG)
        check_fine(store_debug_open(&world->arena, inner, &world->store));
    else if (inner)
        world->store = inner;
}

void world_open(struct world *world, enum backend backend)
{
    *world = (struct world){.backend = backend, .batch_next = 1, .event_next = 1, .outbox_next = 1};
    arena_init(&world->arena);
    (void)snprintf(world->directory, sizeof world->directory, "/tmp/telos-store-XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    if (backend == BACKEND_POSTGRES)
        schema_make(world);
    store_open(world);
    sessions_open(world);
    world->sets = purpose_sets_new();
    const str names[] = {STR("a"), STR("b"), STR("c"), STR("d"), STR("e"), STR("f")};
    purpose_sets_bind(world->sets, names, COUNT_OF(names));
}

void world_reopen(struct world *world)
{
    world->store->ops->session_close(world->reader);
    world->store->ops->session_close(world->writer);
    if (!in_memory(world)) {
        world->store->ops->close(world->store);
        store_open(world);
    }
    sessions_open(world);
    purpose_sets_free(world->sets); /* what is translated from now on must come from the store */
    world->sets = purpose_sets_new();
    const str names[] = {STR("a"), STR("b"), STR("c"), STR("d"), STR("e"), STR("f")};
    purpose_sets_bind(world->sets, names, COUNT_OF(names));
}

struct store *world_other(struct world *world)
{
    struct store *other = NULL;
    if (world->backend == BACKEND_SHARED)
        check_fine(store_memory_open_shared(&world->arena, world->store, &other));
    if (world->backend == BACKEND_POSTGRES)
        check_fine(store_postgres_open(&world->arena, schema_uri(world), &other));
    return other;
}

void world_close(struct world *world)
{
    world->store->ops->session_close(world->reader);
    world->store->ops->session_close(world->writer);
    world->store->ops->close(world->store);
    purpose_sets_free(world->sets);
    if (world->backend == BACKEND_POSTGRES)
        postgres_run(world, arena_printf(&world->arena, "SET client_min_messages = warning; DROP SCHEMA %s CASCADE", world->schema));
    static const char *const files[] = {"telos.db", "telos.db-wal", "telos.db-shm", "copy/telos.db", "copy/telos.db-wal", "copy/telos.db-shm"};
    for (size_t i = 0; i < COUNT_OF(files); i++)
        (void)remove(arena_printf(&world->arena, "%s/%s", world->directory, files[i]));
    (void)remove(arena_printf(&world->arena, "%s/copy", world->directory));
    assert_int_equal(remove(world->directory), 0);
    arena_release(&world->arena);
}

identifier_hash hash_of(unsigned n)
{
    identifier_hash hash = {{(uint8_t)(n * 37 + 11)}}; /* first bytes in no order */
    memcpy(hash.bytes + 4, &n, sizeof n);
    return hash;
}

struct uuid uuid_of(unsigned kind, unsigned n)
{
    struct uuid id = {{1, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, (uint8_t)kind, 0, 0x70}};
    return id;
}

struct batch *batch_new(struct world *world)
{
    struct batch *batch = arena_new(&world->arena, struct batch);
    batch->arena = &world->arena;
    return batch;
}

void batch_add(struct batch *batch, struct person *person)
{
    *(struct person **)vec_push(batch->arena, &batch->persons) = person;
}

struct person *person_new(struct world *world, struct batch *batch, uint64_t number)
{
    struct person *person = arena_new(&world->arena, struct person);
    person->root.value = number;
    person->loaded = PERSON_ALL;
    struct profile *profile = vec_push(&world->arena, &person->profiles);
    *profile = (struct profile){.change = CHANGE_NEW, .number = {number}, .id = uuid_of(1, (unsigned)number), .root = {number},
                                .created_ms = 1000 + (int64_t)number, .erased_ms = TIME_NONE, .due_ms = TIME_FOREVER, .identifier_next = 1,
                                .jurisdiction = STR("HU"), .sealed = STR("sealed year")};
    batch_add(batch, person);
    return person;
}

struct identifier *identifier_new(struct world *world, struct person *person, uint64_t profile, uint32_t number, unsigned hash)
{
    struct identifier *row = vec_push(&world->arena, &person->identifiers);
    *row = (struct identifier){.change = CHANGE_NEW, .profile = {profile}, .number = number, .type = STR("email"), .hash = hash_of(hash),
                               .sealed = str_printf(&world->arena, "sealed identifier %u", hash), .purposes = 3, .verified = true,
                               .first_seen_ms = 5000, .last_seen_ms = 6000, .message = uuid_of(2, hash)};
    return row;
}

struct event *event_new(struct world *world, struct person *person, uint64_t profile, purpose_mask first, purpose_mask second)
{
    struct event *event = vec_push(&world->arena, &person->events);
    uint64_t number = world->event_next++;
    *event = (struct event){.change = CHANGE_NEW, .number = {number}, .id = uuid_of(3, (unsigned)number), .profile = {profile}, .identifier = 1,
                            .type = EVENT_TRACK, .source = STR("web"), .at_ms = (int64_t)(100 * number), .received_ms = (int64_t)(100 * number + 7),
                            .policy_version = 4, .batch = world->batch_next, .batch_index = (uint32_t)number % 5, .part_count = second ? 2 : 1};
    event->parts = arena_array(&world->arena, struct event_part, 2);
    event->parts[0] = (struct event_part){.purposes = first, .key_class = 1, .sealed = str_printf(&world->arena, "part one of %u", (unsigned)number)};
    event->parts[1] = (struct event_part){.purposes = second, .key_class = 2, .sealed = str_printf(&world->arena, "part two of %u", (unsigned)number)};
    return event;
}

struct delivery *delivery_new(struct world *world, struct person *person, uint64_t profile, const char *destination)
{
    struct delivery *row = vec_push(&world->arena, &person->deliveries);
    uint64_t number = world->outbox_next++;
    *row = (struct delivery){.change = CHANGE_NEW, .number = number, .id = uuid_of(4, (unsigned)number), .profile = {profile},
                             .destination = str_of(destination), .purpose = STR("a"), .kind = DELIVERY_EVENT, .event = {7},
                             .state = DELIVERY_PENDING, .queued_ms = (int64_t)(1000 * number), .next_ms = (int64_t)(1000 * number),
                             .done_ms = TIME_NONE};
    return row;
}

void consent_new(struct world *world, struct person *person, uint64_t profile, unsigned n)
{
    struct consent *row = vec_push(&world->arena, &person->consents);
    *row = (struct consent){.change = CHANGE_NEW, .id = uuid_of(5, n), .profile = {profile}, .identifier = 1, .verified = true, .purpose = STR("b"),
                            .status = CONSENT_WITHDRAWN, .notice = STR("newsletter"), .notice_version = 3, .explicit_given = true,
                            .by = SAID_BY_GUARDIAN, .at_ms = 90, .known_ms = (int64_t)(100 + n), .expires_ms = 5000 + (int64_t)n,
                            .source = STR("api"), .sealed = STR("how it was said"), .ledger_index = n};
    memset(row->leaf_hash, (int)n, sizeof row->leaf_hash);
}

static void fact_page_new(struct world *world, struct person *person, uint64_t profile, uint32_t number, purpose_mask purposes)
{
    *(struct fact_page *)vec_push(&world->arena, &person->fact_pages) =
        (struct fact_page){.change = CHANGE_NEW, .profile = {profile}, .identifier = 1, .number = number, .purposes = purposes, .key_class = 2,
                           .fact_count = 3, .observed_first_ms = 10, .observed_last_ms = 20, .sealed = str_printf(&world->arena, "facts %u", number)};
}

struct person *person_rich(struct world *world, struct batch *batch, uint64_t number)
{
    struct person *person = person_new(world, batch, number);
    unsigned n = (unsigned)number;
    identifier_new(world, person, number, 1, n * 10 + 1);
    struct identifier *bare = identifier_new(world, person, number, 2, n * 10 + 2);
    bare->sealed = STR_NONE;
    bare->purposes = 0;
    bare->verified = false;
    consent_new(world, person, number, n * 10 + 1);
    consent_new(world, person, number, n * 10 + 2);
    person->consents.items[1].expires_ms = TIME_FOREVER;
    person->consents.items[1].purpose = STR_NONE;
    person->consents.items[1].ledger_index = UINT64_MAX;
    *(struct preferences *)vec_push(&world->arena, &person->preferences) =
        (struct preferences){.change = CHANGE_NEW, .profile = {number}, .at_ms = 12, .sealed = STR("preferences")};
    *(struct refused_join *)vec_push(&world->arena, &person->refused) =
        (struct refused_join){CHANGE_NEW, {number}, PROFILE_NONE, STR("email"), STR("identifier_limit"), 1, 5, 6};
    fact_page_new(world, person, number, 1, 5);
    fact_page_new(world, person, number, 2, 1);
    event_new(world, person, number, 1, 6);
    event_new(world, person, number, 63, 0);
    *(struct held *)vec_push(&world->arena, &person->held) =
        (struct held){.change = CHANGE_NEW, .number = number * 2, .profile = {number}, .identifier = 1, .source = STR("web"), .received_ms = 8,
                      .expires_ms = 88, .sealed = STR("held message")};
    delivery_new(world, person, number, "desk");
    struct delivery *recall = delivery_new(world, person, number, "mailer");
    recall->kind = DELIVERY_RECALL;
    recall->event.value = 0;
    recall->sealed = STR("to whom");
    *(struct disclosure *)vec_push(&world->arena, &person->disclosures) =
        (struct disclosure){CHANGE_NEW, {number}, STR("desk"), STR("a"), 50, 60, 2};
    return person;
}

const struct err *save_batch(struct world *world, struct batch *batch)
{
    struct batch_row row = {.number = world->batch_next, .at_ms = 77, .policy_version = 4, .message_count = 1, .dedupe = STR("12345678"),
                            .decisions = STR("decision"), .profiles = STR("123456789"), .ledger_index = UINT64_MAX};
    struct save save = {.sets = world->sets, .batch = batch, .row = &row};
    const struct err *err = world->store->ops->save(world->writer, &world->arena, &save);
    if (!err)
        world->batch_next++;
    return err;
}

void save_fine(struct world *world, struct batch *batch) { check_fine(save_batch(world, batch)); }

struct person *load_person(struct world *world, uint64_t profile, unsigned parts)
{
    profile_no number = {profile};
    struct load load = {.arena = &world->arena, .sets = world->sets, .profiles = &number, .profile_count = 1, .parts = parts,
                        .events_from_ms = INT64_MIN};
    check_fine(world->store->ops->load(world->reader, &load));
    return load.by_profile[0];
}

struct person *load_hash(struct world *world, unsigned hash, unsigned parts)
{
    identifier_hash wanted = hash_of(hash);
    struct load load = {.arena = &world->arena, .sets = world->sets, .hashes = &wanted, .hash_count = 1, .parts = parts,
                        .events_from_ms = INT64_MIN};
    check_fine(world->store->ops->load(world->reader, &load));
    return load.by_hash[0];
}

void tidy_all(struct world *world)
{
    bool more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 10000);
        check_fine(world->store->ops->tidy(world->writer, &world->arena, &more));
    }
}

#define SAME(field) assert_int_equal(got->field, wanted->field)
#define SAME_NO(field) assert_int_equal(got->field.value, wanted->field.value)
#define SAME_STR(field) check_str_at(got->field, wanted->field, __FILE__, __LINE__)
#define SAME_BYTES(field) assert_memory_equal(&got->field, &wanted->field, sizeof got->field)
#define EACH_ROW(field)                                                                                                \
    assert_int_equal(person->field.count, model->field.count);                                                         \
    for (__typeof__(person->field.items + 0) got = person->field.items, wanted = model->field.items; got < person->field.items + person->field.count; got++, wanted++)

static void same_events(const struct person *person, const struct person *model)
{
    EACH_ROW(events) {
        SAME_NO(number); SAME_BYTES(id); SAME_NO(profile); SAME(identifier); SAME(type); SAME_STR(source); SAME(at_ms); SAME(received_ms);
        SAME(policy_version); SAME(batch); SAME(batch_index); SAME(part_count);
        for (size_t i = 0; i < got->part_count; i++) {
            SAME(parts[i].purposes); SAME(parts[i].key_class); SAME_STR(parts[i].sealed);
        }
    }
}

static void same_head(const struct person *person, const struct person *model)
{
    EACH_ROW(profiles) {
        SAME_NO(number); SAME_BYTES(id); SAME_NO(root); SAME(created_ms); SAME(erased_ms); SAME(due_ms); SAME(identifier_next);
        SAME_STR(jurisdiction); SAME_STR(sealed); SAME(birth_year);
    }
    EACH_ROW(identifiers) {
        SAME_NO(profile); SAME(number); SAME_STR(type); SAME_BYTES(hash); SAME_STR(sealed); SAME(purposes); SAME(verified); SAME(first_seen_ms);
        SAME(last_seen_ms); SAME_BYTES(message);
    }
    EACH_ROW(consents) {
        SAME_BYTES(id); SAME_NO(profile); SAME(identifier); SAME(verified); SAME_STR(purpose); SAME(status); SAME_STR(notice); SAME(notice_version);
        SAME(explicit_given); SAME(by); SAME(at_ms); SAME(known_ms); SAME(expires_ms); SAME_STR(source); SAME_STR(sealed); SAME(ledger_index);
        SAME_BYTES(leaf_hash);
    }
    EACH_ROW(merges) {
        SAME_BYTES(id); SAME_NO(left); SAME_NO(right); SAME_STR(reason); SAME_BYTES(through_left); SAME_BYTES(through_right); SAME_STR(source);
        SAME(at_ms); SAME(undone_ms);
    }
    EACH_ROW(preferences) { SAME_NO(profile); SAME(at_ms); SAME_STR(sealed); }
    EACH_ROW(refused) {
        SAME_NO(left); SAME_NO(right); SAME_STR(type); SAME_STR(reason); SAME(count); SAME(first_ms); SAME(last_ms);
    }
}

void same_person(const struct person *person, const struct person *model)
{
    assert_non_null(person);
    assert_int_equal(person->root.value, model->root.value);
    same_head(person, model);
    EACH_ROW(fact_pages) {
        SAME_NO(profile); SAME(identifier); SAME(number); SAME(purposes); SAME(key_class); SAME(fact_count); SAME(observed_first_ms);
        SAME(observed_last_ms); SAME_STR(sealed);
    }
    same_events(person, model);
    EACH_ROW(held) {
        SAME(number); SAME_NO(profile); SAME(identifier); SAME_STR(source); SAME(received_ms); SAME(expires_ms); SAME_STR(sealed);
    }
    EACH_ROW(deliveries) {
        SAME(number); SAME_BYTES(id); SAME_NO(profile); SAME_STR(destination); SAME_STR(purpose); SAME(kind); SAME_NO(event); SAME(state);
        SAME(attempts); SAME(queued_ms); SAME(next_ms); SAME(done_ms); SAME_STR(reason); SAME_STR(sealed);
    }
    EACH_ROW(disclosures) {
        SAME_NO(profile); SAME_STR(destination); SAME_STR(purpose); SAME(first_ms); SAME(last_ms); SAME(count);
    }
}

/* --- over every backend */

static struct world *the_world;

static int open_backend(void **state)
{
    world_open(the_world, *(const enum backend *)*state);
    return 0;
}

static int close_backend(void **state)
{
    (void)state;
    world_close(the_world);
    return 0;
}

int run_over_backends(const char *suite, struct world *world, const struct backend_test *tests, size_t test_count)
{
    static enum backend backends[BACKEND_COUNT];
    static struct CMUnitTest all[64 * BACKEND_COUNT];
    static char names[COUNT_OF(all)][96];
    size_t count = 0;
    assert_true(test_count * BACKEND_COUNT <= COUNT_OF(all));
    the_world = world;
    for (int backend = 0; backend < BACKEND_COUNT; backend++) {
        backends[backend] = (enum backend)backend;
        if (backend == BACKEND_POSTGRES && !postgres_uri())
            continue; /* the suite `postgres` sets it */
        for (size_t i = 0; i < test_count; i++, count++) {
            (void)snprintf(names[count], sizeof names[count], "%s: %s", backend_name(backends[backend]), tests[i].name);
            all[count] = (struct CMUnitTest){names[count], tests[i].function, open_backend, close_backend, &backends[backend]};
        }
    }
    if (getenv("TEST_FILTER"))
        cmocka_set_test_filter(getenv("TEST_FILTER")); /* "sqlite*" */
    return _cmocka_run_group_tests(suite, all, count, NULL, NULL);
}
