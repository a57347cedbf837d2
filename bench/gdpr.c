/* GDPRBench's workloads (controller, customer, processor) and a regulator's, written from their description, on Telos and on PostgreSQL: the same operations
 * on the same records by the same choice, one round trip each, every answer checked against what was written.
 *
 *     bench/gdpr --side NAME=PLACE[,TOKEN[,KEY]]… [--records N] [--operations N] [--seconds S] [--rounds N] [--threads N] [--workloads LIST]
 *
 * Sides: telos and telos-open (a port), postgres and postgres-reads (a libpq connection string). bench/gdprbench starts them and makes the table. Rounds
 * alternate between the sides; each run of a workload ends after --operations or --seconds, whichever comes first. Prints a JSON line a run. With
 * `--wait 1`, an empty line on its input is waited for once everything is loaded, so that somebody can look at what was stored. */
#include "gdpr.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDES_MAX = 6, THREADS_MAX = 64, WORKLOADS = 6, PICKS = 200, WRONG_SHOWN = 10 };
#define ZIPF_THETA 0.99

static const char *const operation_names[OP_COUNT] = {
#define X(name, text) text,
    OPERATIONS(X)
#undef X
};

struct workload {
    const char *name;
    bool zipf;
    unsigned percent[OP_COUNT];
};
static const struct workload workloads[WORKLOADS] = {
    {"controller", false, {[OP_INSERT] = 25, [OP_UPDATE_PURPOSE] = 25, [OP_UPDATE_USER] = 25, [OP_DELETE] = 25}},
    {"customer", true, {[OP_READ] = 20, [OP_UPDATE] = 20, [OP_DELETE] = 20, [OP_METADATA] = 10, [OP_READ_USER] = 10, [OP_UPDATE_PURPOSE] = 10, [OP_UPDATE_USER] = 10}},
    {"processor", false, {[OP_READ] = 20, [OP_READ_PURPOSE] = 40, [OP_READ_USER] = 40}},
    {"lookups", false, {[OP_READ] = 34, [OP_READ_USER] = 66}},
    {"regulator", false, {[OP_METADATA] = 46, [OP_LOGS] = 31, [OP_VERIFY] = 23}},
    {"gate", false, {[OP_INSERT] = 20, [OP_UPDATE] = 40, [OP_READ] = 40}},
};

static struct {
    uint64_t records, operations, seed, wait;
    double seconds;
    unsigned rounds, threads;
    const char *workloads;
} options = {10000, 2000, 1, 0, 10, 5, 8, "controller,customer,processor,lookups,regulator"};

/* The records of one side and who is at them. */
struct model {
    struct record *records;
    unsigned char *locks;
    uint64_t count, capacity;
};

struct latencies {
    uint32_t *us;
    size_t count, capacity;
};

struct job { /* one run of a workload on one side */
    const struct side *side;
    struct model *model;
    const struct workload *workload; /* NULL: loading */
    uint64_t begun, wrong, failed, expected[PURPOSES];
    double until;
    unsigned round;
};
struct worker {
    struct job *job;
    struct connection *connection;
    unsigned number;
    uint64_t random;
    struct latencies latencies[OP_COUNT];
    pthread_t thread;
};

void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench/gdpr: %s: %s\n", what, why);
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t chance(struct worker *worker) { return mix(worker->random += UINT64_C(0x9e3779b97f4a7c15)); }

void field_text(char to[FIELD_BYTES + 1], uint64_t number, unsigned version, unsigned field)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEF";
    int length = snprintf(to, FIELD_BYTES + 1, "%llu-%u-%u-", (unsigned long long)number, version, field);
    uint64_t z = mix(number * 31 + version * 17 + field + 1);
    for (int i = length; i < FIELD_BYTES; i++) {
        to[i] = letters[z & 31];
        z = (z >> 5) ? z >> 5 : mix(number + (uint64_t)i);
    }
    to[FIELD_BYTES] = 0;
}

/* ---- which record ---- */

static double zeta;
static void zipf_prepare(uint64_t n)
{
    for (uint64_t i = 1; i <= n; i++)
        zeta += pow((double)i, -ZIPF_THETA);
}

/* Gray et al., "Quickly generating billion-record synthetic databases", with the popular ones spread over all. */
static uint64_t zipf(double u, uint64_t n)
{
    double uz = u * zeta, two = 1 + pow(0.5, ZIPF_THETA);
    uint64_t rank = 0;
    if (uz >= two) {
        double eta = (1 - pow(2.0 / (double)n, 1 - ZIPF_THETA)) / (1 - two / zeta);
        rank = (uint64_t)((double)n * pow(eta * u - eta + 1, 1 / (1 - ZIPF_THETA)));
    } else if (uz >= 1) {
        rank = 1;
    }
    return mix(rank + 1) % n;
}

/* A record that nobody else is at, as the operation wants it: alive, or, to verify a deletion, gone where some are. */
static struct record *pick(struct worker *worker, enum operation operation, bool by_zipf)
{
    struct model *model = worker->job->model;
    for (unsigned tries = 0; tries < PICKS; tries++) {
        uint64_t count = __atomic_load_n(&model->count, __ATOMIC_ACQUIRE), number;
        number = by_zipf && tries < PICKS / 2 ? zipf((double)(chance(worker) >> 11) / 9007199254740992.0, options.records) : chance(worker) % count;
        if (__atomic_test_and_set(&model->locks[number], __ATOMIC_ACQUIRE))
            continue;
        bool wanted = operation == OP_VERIFY ? !model->records[number].alive || tries > PICKS / 2 : model->records[number].alive;
        if (wanted)
            return &model->records[number];
        __atomic_clear(&model->locks[number], __ATOMIC_RELEASE);
    }
    return NULL;
}

static struct record *make(struct model *model, bool open)
{
    uint64_t number = __atomic_fetch_add(&model->count, 1, __ATOMIC_ACQ_REL); /* its lock is taken from the beginning */
    if (number >= model->capacity)
        fail("records", "more were made than there is room for");
    model->records[number] = (struct record){.number = number, .purpose = open ? 0 : (unsigned)(mix(number + 7) % PURPOSES), .version = 1};
    return &model->records[number];
}

static void model_init(struct model *model)
{
    model->capacity = options.records + (options.operations + 64) * (options.rounds + 1) * WORKLOADS;
    model->records = calloc(model->capacity, sizeof *model->records);
    model->locks = malloc(model->capacity);
    if (!model->records || !model->locks)
        fail("memory", "not enough");
    memset(model->locks, 1, model->capacity);
}

/* ---- running ---- */

static void took(struct latencies *latencies, double seconds)
{
    if (latencies->count == latencies->capacity) {
        latencies->capacity = latencies->capacity ? latencies->capacity * 2 : 1024;
        latencies->us = realloc(latencies->us, latencies->capacity * sizeof *latencies->us);
        if (!latencies->us)
            fail("memory", "not enough");
    }
    latencies->us[latencies->count++] = (uint32_t)(seconds * 1e6);
}

static bool is_right(const struct job *job, enum operation operation, const struct record *record, const struct answer *answer)
{
    switch (operation) {
    case OP_READ:
    case OP_READ_USER:
    case OP_METADATA:
    case OP_VERIFY:
        return answer->found == record->alive && answer->right;
    case OP_READ_PURPOSE: /* only where nobody writes meanwhile */
        return answer->right && (job->workload->percent[OP_INSERT] + job->workload->percent[OP_DELETE] || answer->count == job->expected[record->purpose]);
    default:
        return answer->found;
    }
}

static void operate(struct worker *worker, enum operation operation)
{
    struct job *job = worker->job;
    bool by_zipf = job->workload && job->workload->zipf;
    struct record *record = operation == OP_INSERT ? make(job->model, job->side->open) : pick(worker, operation, by_zipf);
    if (!record)
        return;
    if (operation == OP_UPDATE)
        record->version++;
    double begun = now_s();
    struct answer answer = job->side->run(worker->connection, operation, record, 900 + (unsigned)(chance(worker) % 100));
    took(&worker->latencies[operation], now_s() - begun);
    if (answer.failed || !is_right(job, operation, record, &answer)) {
        uint64_t wrong = __atomic_add_fetch(answer.failed ? &job->failed : &job->wrong, 1, __ATOMIC_RELAXED);
        if (wrong <= WRONG_SHOWN)
            fprintf(stderr, "bench/gdpr: %s, %s: %s; record %llu, %s, purpose %u, answer %s, %llu\n", job->side->name, operation_names[operation],
                    answer.failed ? "failed" : "wrong", (unsigned long long)record->number, record->alive ? "alive" : "deleted", record->purpose,
                    answer.found ? "found" : "not found", (unsigned long long)answer.count);
    }
    if (operation == OP_INSERT)
        record->alive = true;
    else if (operation == OP_DELETE)
        record->alive = false;
    __atomic_clear(&job->model->locks[record->number], __ATOMIC_RELEASE);
}

static enum operation choose(struct worker *worker, const struct workload *workload)
{
    unsigned at = (unsigned)(chance(worker) % 100);
    for (int i = 0; i < OP_COUNT; i++) {
        if (at < workload->percent[i])
            return (enum operation)i;
        at -= workload->percent[i];
    }
    return OP_READ;
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct job *job = worker->job;
    uint64_t all = job->workload ? options.operations : options.records;
    while (__atomic_fetch_add(&job->begun, 1, __ATOMIC_RELAXED) < all && (!job->workload || now_s() < job->until))
        operate(worker, job->workload ? choose(worker, job->workload) : OP_INSERT);
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print_job(const struct job *job, struct worker *workers, double seconds)
{
    uint64_t done = 0;
    for (unsigned t = 0; t < options.threads; t++)
        for (int i = 0; i < OP_COUNT; i++)
            done += workers[t].latencies[i].count;
    printf("{\"side\":\"%s\",\"workload\":\"%s\",\"round\":%u,\"records\":%llu,\"operations\":%llu,\"seconds\":%.3f,\"per_second\":%.2f,\"wrong\":%llu,\"failed\":%llu,\"each\":{",
           job->side->name, job->workload ? job->workload->name : "load", job->round, (unsigned long long)options.records, (unsigned long long)done, seconds,
           (double)done / seconds, (unsigned long long)job->wrong, (unsigned long long)job->failed);
    bool comma = false;
    for (int i = 0; i < OP_COUNT; i++) {
        struct latencies all = {0};
        for (unsigned t = 0; t < options.threads; t++)
            for (size_t k = 0; k < workers[t].latencies[i].count; k++)
                took(&all, (double)workers[t].latencies[i].us[k] / 1e6);
        if (!all.count)
            continue;
        qsort(all.us, all.count, sizeof *all.us, by_value);
        printf("%s\"%s\":{\"count\":%zu,\"p50_us\":%u,\"p99_us\":%u}", comma ? "," : "", operation_names[i], all.count, all.us[all.count / 2], all.us[all.count - 1 - all.count / 100]);
        comma = true;
        free(all.us);
    }
    printf("}}\n");
    (void)fflush(stdout);
}

static void job_run(struct job *job, struct connection **connections)
{
    struct worker *workers = calloc(options.threads, sizeof *workers);
    if (!workers)
        fail("memory", "not enough");
    for (uint64_t i = 0; i < job->model->count; i++)
        if (job->model->records[i].alive)
            job->expected[job->model->records[i].purpose]++;
    double begun = now_s();
    job->until = begun + options.seconds;
    for (unsigned t = 0; t < options.threads; t++) {
        workers[t] = (struct worker){.job = job, .connection = connections[t], .number = t, .random = mix(options.seed * 1000 + job->round * 100 + t)};
        if (pthread_create(&workers[t].thread, NULL, work, &workers[t]) != 0)
            fail("threads", "none can be made");
    }
    for (unsigned t = 0; t < options.threads; t++)
        (void)pthread_join(workers[t].thread, NULL); /* they were made above */
    print_job(job, workers, now_s() - begun);
    for (unsigned t = 0; t < options.threads; t++)
        for (int i = 0; i < OP_COUNT; i++)
            free(workers[t].latencies[i].us);
    free(workers);
}

/* ---- the words ---- */

static struct side side_read(char *word)
{
    char *place = strchr(word, '=');
    if (!place)
        fail(word, "NAME=PLACE is wanted");
    *place++ = 0;
    struct side side = strncmp(word, "postgres", 8) == 0 ? postgres_side : telos_side;
    side.name = word;
    side.place = place;
    side.open = strcmp(word, "telos-open") == 0;
    side.records_reads = strcmp(word, "postgres-reads") == 0;
    if (side.run == telos_side.run) {
        char *token = strchr(place, ','), *key = token ? strchr(token + 1, ',') : NULL;
        if (!key)
            fail(word, "PORT,TOKEN,KEY is wanted");
        *token = *key = 0;
        side.token = token + 1;
        side.key = key + 1;
    }
    return side;
}

static unsigned words_read(int count, char **words, struct side *sides)
{
    unsigned side_count = 0;
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i], *value = words[i + 1];
        uint64_t number = strtoull(value, NULL, 10);
        if (strcmp(name, "--side") == 0 && side_count < SIDES_MAX) sides[side_count++] = side_read(words[i + 1]);
        else if (strcmp(name, "--records") == 0) options.records = number;
        else if (strcmp(name, "--operations") == 0) options.operations = number;
        else if (strcmp(name, "--seconds") == 0) options.seconds = strtod(value, NULL);
        else if (strcmp(name, "--rounds") == 0) options.rounds = (unsigned)number;
        else if (strcmp(name, "--threads") == 0) options.threads = (unsigned)number;
        else if (strcmp(name, "--seed") == 0) options.seed = number;
        else if (strcmp(name, "--wait") == 0) options.wait = number;
        else if (strcmp(name, "--workloads") == 0) options.workloads = value;
        else fail(name, "no such option");
    }
    if (!side_count || !options.records || !options.threads || options.threads > THREADS_MAX)
        fail("words", "--side NAME=PLACE is wanted, and at most 64 threads");
    return side_count;
}

int main(int count, char **words)
{
    static struct side sides[SIDES_MAX];
    static struct model models[SIDES_MAX];
    static struct connection *connections[SIDES_MAX][THREADS_MAX];
    unsigned side_count = words_read(count, words, sides);
    zipf_prepare(options.records);
    for (unsigned s = 0; s < side_count; s++) {
        struct job job = {.side = &sides[s], .model = &models[s]};
        model_init(&models[s]);
        for (unsigned t = 0; t < options.threads; t++)
            connections[s][t] = sides[s].open_connection(&sides[s]);
        job_run(&job, connections[s]);
    }
    if (options.wait && getchar() == EOF)
        fail("--wait", "nobody is there");
    for (int w = 0; w < WORKLOADS; w++) {
        if (!strstr(options.workloads, workloads[w].name))
            continue;
        for (unsigned round = 0; round < options.rounds; round++)
            for (unsigned s = 0; s < side_count; s++) {
                struct job job = {.side = &sides[s], .model = &models[s], .workload = &workloads[w], .round = round + 1};
                job_run(&job, connections[s]);
            }
    }
    for (unsigned s = 0; s < side_count; s++) {
        for (unsigned t = 0; t < options.threads; t++)
            sides[s].close_connection(connections[s][t]);
        free(models[s].records);
        free(models[s].locks);
    }
    return 0;
}
