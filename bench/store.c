/* How fast the embedded store takes events durably, beside a bare SQLite loop that writes the same rows with the same indexes and commits, and
 * beside one that writes event rows only. And how fast it loads persons, against bare point reads of the same rows.
 *
 *     bench/store [--people N] [--events N] [--commit N] [--rounds N] [--dir DIR] [--body BYTES]
 *     bench/store --store postgres://… [the same]     saves and loads there instead; the reference (COPY) is bench/postgres's part
 *
 * Rounds alternate; each line is JSON with medians: {"name","ours","reference","ratio","unit"}.
 */
#include "base/time.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROUNDS_MAX = 99, LOAD_BATCH = 100 };

static struct {
    uint64_t profiles, events, commit, rounds, body;
    const char *directory, *store;
} options = {100000, 100000, 100, 3, 600, "/tmp", NULL};

static uint64_t random_state;
static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void fail(const char *what, const char *text)
{
    fprintf(stderr, "bench/store: %s: %s\n", what, text);
    exit(1);
}
static void fine(const struct err *err, const char *what)
{
    if (err)
        fail(what, err->text);
}

struct rate {
    double items_s, commit_ms_p50, commit_ms_p99, commit_ms_max;
};

static int double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct rate rate_of(double *commits_ms, size_t count, double seconds)
{
    qsort(commits_ms, count, sizeof *commits_ms, double_order);
    return (struct rate){(double)options.events / seconds, commits_ms[count / 2], commits_ms[count - 1 - count / 100], commits_ms[count - 1]};
}

/* --- ours */

struct world {
    struct arena arena, batch_arena;
    char directory[256];
    struct store *store;
    struct store_session *session;
    struct purpose_sets *sets;
    uint64_t batch, event;
    char *body;
};

static void remove_all(const char *directory)
{
    static const char *const names[] = {"telos.db", "telos.db-wal", "telos.db-shm"};
    char path[320];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}

static void world_open(struct world *world, const char *name)
{
    *world = (struct world){.batch = 1, .event = 1};
    arena_init(&world->arena);
    arena_init(&world->batch_arena);
    (void)snprintf(world->directory, sizeof world->directory, "%s/telos-bench-%s-%d", options.directory, name, (int)getpid());
    remove_all(world->directory);
    if (options.store)
        fine(store_postgres_open(&world->arena, options.store, &world->store), "open");
    else
        fine(store_sqlite_open(&world->arena, world->directory, &world->store), "open");
    fine(world->store->ops->session(world->store, &world->arena, true, &world->session), "session");
    world->sets = purpose_sets_new();
    purpose_sets_bind(world->sets, (str[]){STR("newsletter"), STR("fulfilment"), STR("fraud")}, 3);
    world->body = malloc(options.body);
    if (!world->body)
        fail("memory", "not enough");
    for (size_t i = 0; i < options.body; i++)
        world->body[i] = (char)random_next();
}

static void world_close(struct world *world)
{
    world->store->ops->session_close(world->session);
    world->store->ops->close(world->store);
    purpose_sets_free(world->sets);
    free(world->body);
    arena_release(&world->arena);
    arena_release(&world->batch_arena);
}

static identifier_hash hash_of(uint64_t n)
{
    identifier_hash hash;
    uint64_t half = n * UINT64_C(0x9E3779B97F4A7C15);
    half ^= half >> 31;
    half *= UINT64_C(0xBF58476D1CE4E5B9);
    memcpy(hash.bytes, &half, 8);
    memcpy(hash.bytes + 8, &n, 8);
    return hash;
}

static struct uuid uuid_of(uint64_t n)
{
    struct uuid id = {{1, 0x90}};
    for (int i = 0; i < 8; i++)
        id.bytes[2 + i] = (uint8_t)(n >> (56 - 8 * i));
    return id;
}

static void tidy(struct world *world)
{
    for (bool more = true; more;)
        fine(world->store->ops->tidy(world->session, &world->batch_arena, &more), "tidy");
}

static void save(struct world *world, struct batch *batch, size_t messages)
{
    static char zeros[32 * 10000];
    struct ledger_row leaf = {.index = world->batch - 1, .entry = STR("{\"at\":\"2026-11-24T16:30:00.123Z\",\"count\":100,\"kind\":\"decisions\",\"root\":"
                                                                      "\"5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d\"}")};
    struct batch_row row = {.number = world->batch++, .at_ms = 1, .policy_version = 1, .message_count = (uint32_t)messages,
                            .dedupe = {zeros, 8 * messages}, .profiles = {zeros, 9 * messages}, .decisions = {zeros, 32 * messages},
                            .ledger_index = leaf.index};
    struct save save = {.sets = world->sets, .batch = batch, .row = &row};
    *(struct ledger_row *)vec_push(&world->batch_arena, &save.ledger) = leaf;
    fine(world->store->ops->save(world->session, &world->batch_arena, &save), "save");
}

/* Persons with one identifier, one consent and one page of facts each. */
static void profiles_make(struct world *world)
{
    for (uint64_t made = 0; made < options.profiles;) {
        arena_clear(&world->batch_arena);
        struct arena *arena = &world->batch_arena;
        struct batch batch = {.arena = arena};
        for (int i = 0; i < 5000 && made < options.profiles; i++) {
            profile_no number = {++made};
            struct person *person = arena_new(arena, struct person);
            *(struct person **)vec_push(arena, &batch.persons) = person;
            *(struct profile *)vec_push(arena, &person->profiles) =
                (struct profile){.change = CHANGE_NEW, .number = number, .id = uuid_of(made), .root = number, .created_ms = 1,
                                 .erased_ms = TIME_NONE, .due_ms = (int64_t)made, .identifier_next = 2};
            *(struct identifier *)vec_push(arena, &person->identifiers) =
                (struct identifier){.change = CHANGE_NEW, .profile = number, .number = 1, .type = STR("email"), .hash = hash_of(made),
                                    .sealed = {world->body, 60}, .purposes = 1};
            *(struct consent *)vec_push(arena, &person->consents) =
                (struct consent){.change = CHANGE_NEW, .id = uuid_of(made), .profile = number, .identifier = 1, .purpose = STR("newsletter"),
                                 .status = CONSENT_GIVEN, .notice = STR("newsletter"), .notice_version = 1, .source = STR("web"),
                                 .expires_ms = TIME_FOREVER, .sealed = {world->body, 80}};
            *(struct fact_page *)vec_push(arena, &person->fact_pages) =
                (struct fact_page){.change = CHANGE_NEW, .profile = number, .identifier = 1, .number = 1, .purposes = 1, .fact_count = 4,
                                   .sealed = {world->body, 200}};
        }
        save(world, &batch, 100);
        tidy(world);
    }
}

static void events_add(struct world *world, struct batch *batch, uint64_t count)
{
    struct arena *arena = &world->batch_arena;
    for (uint64_t i = 0; i < count; i++) {
        profile_no number = {random_next() % options.profiles + 1};
        struct person *person = arena_new(arena, struct person);
        *(struct person **)vec_push(arena, &batch->persons) = person;
        struct event_part *part = arena_new(arena, struct event_part);
        *part = (struct event_part){.purposes = 1, .sealed = {world->body, options.body}};
        *(struct event *)vec_push(arena, &person->events) =
            (struct event){.change = CHANGE_NEW, .number = {world->event}, .id = uuid_of(world->event), .profile = number, .identifier = 1,
                           .type = EVENT_TRACK, .source = STR("web"), .at_ms = INT64_C(1790000000000), .received_ms = INT64_C(1790000000000),
                           .policy_version = 1, .batch = world->batch, .batch_index = (uint32_t)i, .part_count = 1, .parts = part};
        world->event++;
    }
}

static struct rate ours(struct world *world)
{
    size_t commits = (options.events + options.commit - 1) / options.commit, i = 0;
    double *commits_ms = calloc(commits, sizeof *commits_ms);
    if (!commits_ms)
        fail("memory", "not enough");
    int64_t begin = clock_monotonic_us();
    for (uint64_t done = 0; done < options.events; done += options.commit) {
        arena_clear(&world->batch_arena);
        struct batch batch = {.arena = &world->batch_arena};
        int64_t from = clock_monotonic_us();
        events_add(world, &batch, options.commit);
        save(world, &batch, options.commit);
        tidy(world);
        commits_ms[i++] = (double)(clock_monotonic_us() - from) / 1000;
    }
    struct rate rate = rate_of(commits_ms, i, (double)(clock_monotonic_us() - begin) / 1e6);
    free(commits_ms);
    return rate;
}

/* Persons by identifier, 100 a load. */
static double ours_load(struct world *world, unsigned parts)
{
    int64_t begin = clock_monotonic_us();
    uint64_t count = options.events / 2;
    for (uint64_t done = 0; done < count; done += LOAD_BATCH) {
        identifier_hash hashes[LOAD_BATCH];
        for (size_t i = 0; i < LOAD_BATCH; i++)
            hashes[i] = hash_of(random_next() % options.profiles + 1);
        arena_clear(&world->batch_arena);
        struct load load = {.arena = &world->batch_arena, .sets = world->sets, .hashes = hashes, .hash_count = LOAD_BATCH, .parts = parts,
                            .events_from_ms = INT64_MIN};
        fine(world->store->ops->load(world->session, &load), "load");
        if (load.persons.count == 0)
            fail("load", "nobody found");
    }
    return (double)count / ((double)(clock_monotonic_us() - begin) / 1e6);
}

/* --- bare SQLite */

struct bare {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *event, *batch, *ledger, *journal;
    uint64_t *heads;
    uint64_t journal_number;
};

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(db));
    return statement;
}

static void run(struct bare *bare, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        fail("bare step", sqlite3_errmsg(bare->db));
    (void)sqlite3_reset(statement); /* cannot fail after DONE */
}

static uint64_t number_of(struct bare *bare, const char *sql)
{
    sqlite3_stmt *statement = prepared(bare->db, sql);
    uint64_t number = sqlite3_step(statement) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement);
    return number;
}

/* On the file that the store made, with its schema, and SQLite's own checkpoints. */
static void bare_open(struct bare *bare, const char *directory)
{
    char path[320];
    (void)snprintf(path, sizeof path, "%s/telos.db", directory);
    if (sqlite3_open_v2(path, &bare->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
        sqlite3_exec(bare->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536", NULL, NULL, NULL) != SQLITE_OK)
        fail(path, sqlite3_errmsg(bare->db));
    bare->begin = prepared(bare->db, "BEGIN IMMEDIATE");
    bare->commit = prepared(bare->db, "COMMIT");
    bare->event = prepared(bare->db, "INSERT INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bare->batch = prepared(bare->db, "INSERT INTO batch VALUES (?,?,?,?,?,?,?,?)");
    bare->ledger = prepared(bare->db, "INSERT INTO ledger VALUES (?,?,?,?,?)");
    bare->journal = prepared(bare->db, "INSERT INTO journal VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    bare->journal_number = number_of(bare, "SELECT max(number) FROM journal") + 1;
    bare->heads = calloc(options.profiles + 1, sizeof *bare->heads);
    if (!bare->heads)
        fail("memory", "not enough");
}

static void bare_close(struct bare *bare)
{
    sqlite3_stmt *statements[] = {bare->begin, bare->commit, bare->event, bare->batch, bare->ledger, bare->journal};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        (void)sqlite3_finalize(statements[i]);
    (void)sqlite3_close(bare->db);
    free(bare->heads);
}

static void bare_event(struct bare *bare, const struct world *world, uint64_t number, uint64_t batch, uint64_t index)
{
    sqlite3_stmt *s = bare->event;
    uint64_t profile = random_next() % options.profiles + 1;
    struct uuid id = uuid_of(number);
    sqlite3_bind_int64(s, 1, (int64_t)number);
    sqlite3_bind_int64(s, 2, (int64_t)bare->heads[profile]);
    bare->heads[profile] = number;
    sqlite3_bind_int64(s, 3, (int64_t)profile);
    sqlite3_bind_int64(s, 4, 1);
    sqlite3_bind_text(s, 5, "track", 5, SQLITE_STATIC);
    sqlite3_bind_text(s, 6, "web", 3, SQLITE_STATIC);
    sqlite3_bind_int64(s, 7, INT64_C(1790000000000));
    sqlite3_bind_int64(s, 8, INT64_C(1790000000000));
    sqlite3_bind_int64(s, 9, 1);
    sqlite3_bind_int64(s, 10, (int64_t)batch);
    sqlite3_bind_int64(s, 11, (int64_t)index);
    sqlite3_bind_blob(s, 12, id.bytes, 16, SQLITE_STATIC);
    sqlite3_bind_int64(s, 13, 1);
    sqlite3_bind_blob(s, 14, world->body, (int)options.body, SQLITE_STATIC);
    run(bare, s);
}

static void bare_others(struct bare *bare, uint64_t batch)
{
    static char zeros[32 * 10000];
    sqlite3_bind_int64(bare->batch, 1, (int64_t)batch);
    for (int i = 2; i <= 5; i++)
        sqlite3_bind_int64(bare->batch, i, 1);
    sqlite3_bind_blob(bare->batch, 6, zeros, (int)(8 * options.commit), SQLITE_STATIC);
    sqlite3_bind_blob(bare->batch, 7, zeros, (int)(9 * options.commit), SQLITE_STATIC);
    sqlite3_bind_blob(bare->batch, 8, zeros, (int)(32 * options.commit), SQLITE_STATIC);
    run(bare, bare->batch);
    sqlite3_bind_int64(bare->ledger, 1, (int64_t)batch - 1);
    sqlite3_bind_blob(bare->ledger, 2, zeros, 32, SQLITE_STATIC);
    sqlite3_bind_text(bare->ledger, 4, "{\"at\":\"2026-11-24T16:30:00.123Z\",\"count\":100,\"kind\":\"decisions\",\"root\":"
                                       "\"5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d5f0c3a9d\"}", -1, SQLITE_STATIC);
    run(bare, bare->ledger);
    sqlite3_bind_int64(bare->journal, 1, (int64_t)bare->journal_number++);
    for (int i = 2; i <= 14; i++)
        sqlite3_bind_int64(bare->journal, i, (int64_t)batch * 100);
    sqlite3_bind_blob(bare->journal, 15, zeros, (int)(3 * options.commit), SQLITE_STATIC);
    run(bare, bare->journal);
}

static struct rate bare_write(struct bare *bare, const struct world *world, uint64_t event, uint64_t batch, bool others)
{
    size_t commits = (options.events + options.commit - 1) / options.commit, i = 0;
    double *commits_ms = calloc(commits, sizeof *commits_ms);
    if (!commits_ms)
        fail("memory", "not enough");
    int64_t begin = clock_monotonic_us();
    for (uint64_t done = 0; done < options.events; done += options.commit, batch++) {
        int64_t from = clock_monotonic_us();
        run(bare, bare->begin);
        for (uint64_t k = 0; k < options.commit; k++)
            bare_event(bare, world, event++, batch, k);
        if (others)
            bare_others(bare, batch);
        run(bare, bare->commit);
        commits_ms[i++] = (double)(clock_monotonic_us() - from) / 1000;
    }
    struct rate rate = rate_of(commits_ms, i, (double)(clock_monotonic_us() - begin) / 1e6);
    free(commits_ms);
    return rate;
}

/* Identifier → profile and its own row, in one read transaction of 100. */
static double bare_read(struct bare *bare)
{
    sqlite3_stmt *hash = prepared(bare->db, "SELECT profile FROM identifier_hash WHERE hash = ?"),
                 *row = prepared(bare->db, "SELECT a, b, c FROM person_row WHERE key = ? << 24"), *begin = prepared(bare->db, "BEGIN");
    int64_t from = clock_monotonic_us();
    uint64_t count = options.events / 2;
    for (uint64_t done = 0; done < count; done += LOAD_BATCH) {
        run(bare, begin);
        for (int i = 0; i < LOAD_BATCH; i++) {
            identifier_hash wanted = hash_of(random_next() % options.profiles + 1);
            sqlite3_bind_blob(hash, 1, wanted.bytes, 16, SQLITE_STATIC);
            if (sqlite3_step(hash) != SQLITE_ROW)
                fail("bare read", "nobody found");
            sqlite3_bind_int64(row, 1, sqlite3_column_int64(hash, 0));
            if (sqlite3_step(row) != SQLITE_ROW)
                fail("bare read", "no row");
            (void)sqlite3_reset(hash); /* cannot fail after a row */
            (void)sqlite3_reset(row);
        }
        run(bare, bare->commit);
    }
    double rate = (double)count / ((double)(clock_monotonic_us() - from) / 1e6);
    (void)sqlite3_finalize(hash);
    (void)sqlite3_finalize(row);
    (void)sqlite3_finalize(begin);
    return rate;
}

/* --- cost */

static double cpu_us(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for this process */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static double resident_mb(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*u %lu", &pages) != 1)
        fail("/proc/self/statm", "cannot be read");
    (void)fclose(file); /* was only read */
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

/* --- rounds */

static double median(double *values, uint64_t count)
{
    qsort(values, count, sizeof *values, double_order);
    return values[count / 2];
}

static void print_line(const char *name, double *mine, double *reference, const char *unit)
{
    double a = median(mine, options.rounds), b = median(reference, options.rounds);
    printf("{\"name\":\"%s\",\"ours\":%.6g,\"reference\":%.6g,\"ratio\":%.3f,\"unit\":\"%s\"}\n", name, a, b, b > 0 ? a / b : 0, unit);
    (void)fflush(stdout);
}

static void options_read(int count, char **arguments)
{
    for (int i = 1; i + 1 < count; i += 2) {
        str name = str_of(arguments[i]);
        if (str_equal(name, STR("--dir")) || str_equal(name, STR("--store"))) {
            *(str_equal(name, STR("--dir")) ? &options.directory : &options.store) = arguments[i + 1];
            continue;
        }
        int64_t value;
        if (!str_to_int64(str_of(arguments[i + 1]), &value) || value < 1)
            fail(arguments[i], "a number above zero is wanted");
        uint64_t *place = str_equal(name, STR("--people"))   ? &options.profiles
                          : str_equal(name, STR("--events")) ? &options.events
                          : str_equal(name, STR("--commit")) ? &options.commit
                          : str_equal(name, STR("--rounds")) ? &options.rounds
                          : str_equal(name, STR("--body"))   ? &options.body
                                                             : NULL;
        if (!place)
            fail(arguments[i], "no such option");
        *place = (uint64_t)value;
    }
    if (options.rounds > ROUNDS_MAX || options.commit > 10000)
        fail("options", "at most 99 rounds and 10000 a commit");
}

/* A shared store: commits of the wanted size, then loads of 100 people, heads alone and with facts. */
static void shared_run(void)
{
    static double saves[ROUNDS_MAX], p99[ROUNDS_MAX], heads[ROUNDS_MAX], facts[ROUNDS_MAX], none[ROUNDS_MAX];
    struct world world;
    world_open(&world, "shared");
    int64_t begun = clock_monotonic_us();
    profiles_make(&world);
    double made_s = (double)(clock_monotonic_us() - begun) / 1e6;
    uint64_t first = world.batch;
    for (uint64_t round = 0; round < options.rounds; round++) {
        struct rate rate = ours(&world);
        saves[round] = rate.items_s;
        p99[round] = rate.commit_ms_p99;
        heads[round] = LOAD_BATCH / ours_load(&world, PERSON_HEAD) * 1000;
        facts[round] = LOAD_BATCH / ours_load(&world, PERSON_HEAD | PERSON_FACTS) * 1000;
    }
    print_line("save", saves, none, "events/s");
    print_line("save p99", p99, none, "ms");
    print_line("load of 100 heads", heads, none, "ms");
    print_line("load of 100 heads and facts", facts, none, "ms");
    printf("{\"name\":\"made\",\"people\":%llu,\"seconds\":%.1f,\"first_batch\":%llu}\n", (unsigned long long)options.profiles, made_s,
           (unsigned long long)first);
    world_close(&world);
}

int main(int count, char **arguments)
{
    static double mine[ROUNDS_MAX], mine_again[ROUNDS_MAX], same[ROUNDS_MAX], events[ROUNDS_MAX], mine_p99[ROUNDS_MAX], same_p99[ROUNDS_MAX], head[ROUNDS_MAX],
        facts[ROUNDS_MAX], reads[ROUNDS_MAX], event_us[ROUNDS_MAX], load_us[ROUNDS_MAX];
    options_read(count, arguments);
    random_state = 88172645463325252u;
    if (options.store) {
        shared_run();
        return 0;
    }
    struct world world, other;
    struct bare bare;
    world_open(&world, "ours");
    world_open(&other, "bare");
    profiles_make(&world);
    double resident = resident_mb(); /* before anything of the reference is there */
    profiles_make(&other);
    uint64_t batch = other.batch, event = 1;
    other.store->ops->session_close(other.session);
    other.session = NULL;
    bare_open(&bare, other.directory);
    for (uint64_t round = 0; round < options.rounds; round++) {
        double begun_us = cpu_us();
        struct rate rate = ours(&world);
        event_us[round] = (cpu_us() - begun_us) / (double)options.events;
        mine[round] = mine_again[round] = rate.items_s;
        mine_p99[round] = rate.commit_ms_p99;
        rate = bare_write(&bare, &other, event, batch, true);
        same[round] = rate.items_s;
        same_p99[round] = rate.commit_ms_p99;
        event += options.events;
        batch += (options.events + options.commit - 1) / options.commit;
        events[round] = bare_write(&bare, &other, event, batch, false).items_s;
        event += options.events;
        begun_us = cpu_us();
        head[round] = ours_load(&world, PERSON_HEAD);
        load_us[round] = (cpu_us() - begun_us) / (double)(options.events / 2);
        facts[round] = ours_load(&world, PERSON_FACTS);
        reads[round] = bare_read(&bare);
    }
    static double reads_again[ROUNDS_MAX];
    memcpy(reads_again, reads, sizeof reads);
    print_line("ingest: durable events with their batch, ledger and journal rows", mine, same, "events/s");
    print_line("ingest: the same beside event rows only", mine_again, events, "events/s");
    print_line("commit p99 (less is better)", mine_p99, same_p99, "ms");
    print_line("load: a person's head by identifier, beside two bare point reads", head, reads, "persons/s");
    print_line("load: head and facts by identifier, beside two bare point reads", facts, reads_again, "persons/s");
    printf("{\"name\":\"cost\",\"people\":%llu,\"event_cpu_us\":%.3f,\"load_cpu_us\":%.3f,\"resident_mb\":%.1f}\n", (unsigned long long)options.profiles,
           median(event_us, options.rounds), median(load_us, options.rounds), resident);
    bare_close(&bare);
    world_close(&world);
    world_close(&other);
    remove_all(world.directory);
    remove_all(other.directory);
    return 0;
}
