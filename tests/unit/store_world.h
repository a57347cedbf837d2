/* A store of any backend with its sessions, and working sets made up by hand: for the tests of the store. */
#ifndef TELOS_TESTS_STORE_WORLD_H
#define TELOS_TESTS_STORE_WORLD_H

#include "unit.h"

#include "store/store.h"

enum backend { BACKEND_SQLITE, BACKEND_MEMORY, BACKEND_DEBUG, BACKEND_SHARED, BACKEND_POSTGRES, BACKEND_COUNT };
const char *backend_name(enum backend backend);

struct world {
    enum backend backend;
    struct arena arena; /* of the test */
    char directory[64];
    char schema[32]; /* in PostgreSQL */
    struct store *store;
    struct store_session *writer, *reader;
    struct purpose_sets *sets; /* "a" … "f" are slots 0 … 5 */
    uint64_t batch_next, event_next, outbox_next;
};
void world_open(struct world *world, enum backend backend);
/* Runs statements in the test's database, beside the store. */
void postgres_run(struct world *world, const char *sql);
/* Closes and opens again (in memory: new sessions only). */
void world_reopen(struct world *world);
void world_close(struct world *world);
/* The same data as another node opens it; NULL where the store is not shared. The caller closes it, and its sessions first. */
struct store *world_other(struct world *world);

identifier_hash hash_of(unsigned n);
struct uuid uuid_of(unsigned kind, unsigned n);
/* A batch with nothing in it. */
struct batch *batch_new(struct world *world);
/* A new person of one profile in the batch. */
struct person *person_new(struct world *world, struct batch *batch, uint64_t number);
/* A loaded person goes into the batch. */
void batch_add(struct batch *batch, struct person *person);
struct identifier *identifier_new(struct world *world, struct person *person, uint64_t profile, uint32_t number, unsigned hash);
/* Takes the next event number. */
struct event *event_new(struct world *world, struct person *person, uint64_t profile, purpose_mask first, purpose_mask second);
struct delivery *delivery_new(struct world *world, struct person *person, uint64_t profile, const char *destination);
void consent_new(struct world *world, struct person *person, uint64_t profile, unsigned n);
/* A person with rows of every kind: identifiers 10 n + 1 and 10 n + 2, consents alike. */
struct person *person_rich(struct world *world, struct batch *batch, uint64_t number);
const struct err *save_batch(struct world *world, struct batch *batch);
void save_fine(struct world *world, struct batch *batch);

/* Loads by profile; NULL where nobody. */
struct person *load_person(struct world *world, uint64_t profile, unsigned parts);
struct person *load_hash(struct world *world, unsigned hash, unsigned parts);
/* tidy() until there is nothing left to do. */
void tidy_all(struct world *world);

/* Fail the test where the rows differ (marks and clear values aside). */
void same_person(const struct person *got, const struct person *wanted);

/* Runs the tests over every backend; `world` is opened before and closed after each. */
struct backend_test {
    const char *name;
    CMUnitTestFunction function;
};
#define BACKEND_TEST(function) {#function, function}
int run_over_backends(const char *suite, struct world *world, const struct backend_test *tests, size_t test_count);

#endif
