/* `telos bench`: a quick load test of this machine. Serves a data directory of its own, which it removes, and asks it
 * over HTTP, with a write key and a token, as a source and a reader would. Client and server share the processors, so
 * real figures are higher; bench/ has the careful ones.
 */
#include "main/commands.h"

#include "base/time.h"
#include "engine/engine.h"
#include "main/file.h"
#include "main/flight.h"
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 100, SAMPLES_MAX = 1 << 20, CONNECTIONS_MAX = 64, PEOPLE_DEFAULT = 2000, PEOPLE_MAX = 1000000 };

static const char policy_text[] = "controller: { name: Bench, country: HU, dpo: dpo@bench.example, regions: [EU] }\n"
                                  "categories:\n"
                                  "  email:     { dpv: pd:EmailAddress, identifier: true }\n"
                                  "  behaviour: { dpv: pd:Behavioural }\n"
                                  "fields: { traits.email: email, default: behaviour }\n"
                                  "notices: { bench: { version: 1, effective: 2020-01-01, languages: { en: bench.en.md } } }\n"
                                  "purposes:\n"
                                  "  bench: { title: Measure, basis: consent, notice: bench, categories: [email, behaviour], retention: P1Y after "
                                  "collected }\n"
                                  "sources: { bench: { kind: server, purposes: [bench], when_denied: drop } }\n"
                                  "identity: { keys: { email: { normalise: email, unique: true } } }\n";

struct bench {
    struct run *run;
    const char *directory;
    struct engine *engine;
    struct server *server;
    struct client *writer, *reader;
    uint64_t people, next; /* next: counts what was asked, over all phases */
    int64_t seconds;
    struct buf json;
    struct jsonw w;
    struct table table;
};

struct phase {
    const char *name;
    bool reads;
    unsigned connections;
    unsigned units; /* in one request */
    void (*make)(struct bench *bench, uint64_t n, struct buf *path, struct buf *body); /* an empty body: GET */
    const char *method;
    bool once; /* one request a person, or a batch, instead of some seconds */
};

/* ---- what is asked ---- */

static void make_consent(struct bench *bench, uint64_t n, struct buf *path, struct buf *body)
{
    buf_add(path, STR("/v1/consents"));
    buf_printf(body,
               "{\"subject\":\"user_id:u%llu\",\"purpose\":\"bench\",\"status\":\"given\",\"notice\":\"bench@1\","
               "\"method\":\"bench\"}",
               (unsigned long long)(n % bench->people));
}

static void make_identify(struct bench *bench, uint64_t n, struct buf *path, struct buf *body)
{
    buf_add(path, STR("/v1/batch"));
    buf_add(body, STR("{\"batch\":["));
    for (unsigned i = 0; i < BATCH; i++) {
        unsigned long long who = (n * BATCH + i) % bench->people;
        buf_printf(body,
                   "%s{\"type\":\"identify\",\"userId\":\"u%llu\",\"messageId\":\"i%llu-%u\",\"traits\":{\"email\":\"u%"
                   "llu@bench.example\",\"city\":\"Győr\",\"plan\":\"basic\"}}",
                   i ? "," : "", who, (unsigned long long)bench->next, i, who);
    }
    buf_add(body, STR("]}"));
}

static void track(struct bench *bench, struct buf *body, uint64_t who, unsigned i)
{
    buf_printf(body,
               "{\"type\":\"track\",\"userId\":\"u%llu\",\"messageId\":\"t%llu-%u\",\"event\":\"Product "
               "Viewed\",\"properties\":{\"product_id\":\"507f1f77bcf86cd799439011\","
               "\"sku\":\"G-32\",\"category\":\"Bicycles\",\"name\":\"City bicycle "
               "28\\\"\",\"brand\":\"Duna\",\"variant\":\"green\",\"price\":189.90,\"currency\":\"EUR\","
               "\"position\":%u},\"context\":{\"page\":{\"path\":\"/bicycles/city-28\",\"title\":\"City bicycle "
               "28\"},\"locale\":\"hu-HU\"}}",
               (unsigned long long)who, (unsigned long long)bench->next, i, i);
}

static void make_batch(struct bench *bench, uint64_t n, struct buf *path, struct buf *body)
{
    buf_add(path, STR("/v1/batch"));
    buf_add(body, STR("{\"batch\":["));
    for (unsigned i = 0; i < BATCH; i++) {
        if (i)
            buf_add_char(body, ',');
        track(bench, body, (n * 7919 + i * 104729) % bench->people, i);
    }
    buf_add(body, STR("]}"));
}

static void make_single(struct bench *bench, uint64_t n, struct buf *path, struct buf *body)
{
    buf_add(path, STR("/v1/track"));
    track(bench, body, (n * 7919) % bench->people, 0);
}

static void make_decide(struct bench *bench, uint64_t n, struct buf *path, struct buf *body)
{
    buf_add(path, STR("/v1/decide"));
    buf_printf(body, "{\"subject\":\"user_id:u%llu\",\"purpose\":\"bench\",\"categories\":[\"email\",\"behaviour\"]}",
               (unsigned long long)((n * 7919) % bench->people));
}

static void make_profile(struct bench *bench, uint64_t n, struct buf *path, struct buf *body)
{
    (void)body;
    buf_printf(path, "/v1/profiles/user_id:u%llu?purpose=bench&events=0", (unsigned long long)((n * 7919) % bench->people));
}

/* ---- a phase ---- */

struct tally {
    int64_t *samples_us;
    size_t sample_count;
    uint64_t fine, failed;
    int status; /* of the first failure */
};

static void tally_add(struct tally *tally, const struct flight *flight)
{
    bool fine = !flight->error && flight->reply.status / 100 == 2;
    if (!fine && tally->failed++ == 0)
        tally->status = flight->error ? 0 : flight->reply.status;
    tally->fine += fine;
    if (fine && tally->sample_count < SAMPLES_MAX)
        tally->samples_us[tally->sample_count++] = flight->us;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static double percentile_ms(const struct tally *tally, double part)
{
    if (tally->sample_count == 0)
        return 0;
    return (double)tally->samples_us[(size_t)((double)(tally->sample_count - 1) * part)] / 1000.0;
}

static void phase_tell(struct bench *bench, const struct phase *phase, struct tally *tally, double seconds)
{
    struct arena *arena = bench->run->arena;
    double rate = seconds > 0 ? (double)(tally->fine * phase->units) / seconds : 0;
    qsort(tally->samples_us, tally->sample_count, sizeof(*tally->samples_us), by_value);
    table_add(&bench->table, str_of(phase->name));
    table_add(&bench->table, str_printf(arena, "%u", phase->connections));
    table_add(&bench->table, output_number(arena, (uint64_t)rate));
    table_add(&bench->table, str_printf(arena, "%.2f ms", percentile_ms(tally, 0.5)));
    table_add(&bench->table, str_printf(arena, "%.2f ms", percentile_ms(tally, 0.99)));
    table_add(&bench->table, tally->failed ? str_printf(arena, "%llu (first: %d)", (unsigned long long)tally->failed, tally->status) : STR("0"));
    jsonw_object(&bench->w);
    jsonw_field(&bench->w, "name", str_of(phase->name));
    jsonw_field_int(&bench->w, "connections", phase->connections);
    jsonw_key(&bench->w, STR("per_second"));
    jsonw_double(&bench->w, rate);
    jsonw_key(&bench->w, STR("p50_ms"));
    jsonw_double(&bench->w, percentile_ms(tally, 0.5));
    jsonw_key(&bench->w, STR("p99_ms"));
    jsonw_double(&bench->w, percentile_ms(tally, 0.99));
    jsonw_field_int(&bench->w, "failed", (int64_t)tally->failed);
    jsonw_object_end(&bench->w);
}

struct post { /* the texts of one request under way */
    struct arena arena;
    struct buf path, body;
};

static void launch(struct bench *bench, const struct phase *phase, struct flights *flights, struct flight *flight, uint64_t n)
{
    struct post *post = flight->context;
    buf_clear(&post->path);
    buf_clear(&post->body);
    phase->make(bench, n, &post->path, &post->body);
    bench->next++;
    flight->request = (struct http_request){.method = phase->method, .path = buf_str(&post->path), .body = post->body.length ? buf_str(&post->body) : STR_NONE};
    flight_start(flights, flight);
}

static bool phase_run(struct bench *bench, const struct phase *phase)
{
    struct arena arena;
    struct post posts[CONNECTIONS_MAX];
    struct tally tally = {0};
    uint64_t n = 0, most = phase->once ? (bench->people + phase->units - 1) / phase->units : UINT64_MAX;
    struct progress progress;
    arena_init(&arena);
    tally.samples_us = arena_alloc_raw(&arena, sizeof(int64_t) * SAMPLES_MAX);
    struct flights *flights = flights_open(&arena, phase->reads ? bench->reader : bench->writer, phase->connections);
    int64_t begun_us = clock_monotonic_us(), end_us = phase->once ? INT64_MAX : begun_us + bench->seconds * 1000000;
    progress_begin(&progress, phase->name, "requests", 0);
    for (unsigned i = 0; i < phase->connections && n < most; i++) {
        arena_init(&posts[i].arena);
        buf_init(&posts[i].path, &posts[i].arena, 1024);
        buf_init(&posts[i].body, &posts[i].arena, LIMIT_API_BODY_BYTES);
        struct flight *flight = flight_take(flights);
        flight->context = &posts[i];
        launch(bench, phase, flights, flight, n++);
    }
    unsigned used = (unsigned)flights_under_way(flights);
    while (flights_under_way(flights)) {
        for (struct flight *flight = flights_wait(flights, 100); flight; flight = flights_wait(flights, 0)) {
            tally_add(&tally, flight);
            if (n < most && clock_monotonic_us() < end_us && tally.failed < 1000)
                launch(bench, phase, flights, flight, n++);
        }
        int64_t now_us = clock_monotonic_us();
        progress_show(&progress, phase->once ? n : (uint64_t)(now_us - begun_us), phase->once ? most : (uint64_t)bench->seconds * 1000000, tally.fine);
    }
    progress_end(&progress);
    phase_tell(bench, phase, &tally, (double)(clock_monotonic_us() - begun_us) / 1e6);
    flights_close(flights);
    for (unsigned i = 0; i < used; i++)
        arena_release(&posts[i].arena);
    arena_release(&arena);
    return tally.failed == 0;
}

/* ---- the directory and what serves it ---- */

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *where)
{
    (void)found;
    (void)type;
    (void)where;
    return remove(path);
}

static const struct err *clients_open(struct bench *bench)
{
    struct arena *arena = bench->run->arena;
    struct uuid id;
    struct client_target target = {0};
    str key, token;
    TRY(engine_token_create(bench->engine, arena, ROLE_SOURCE, STR("bench"), STR("bench"), TIME_FOREVER, &id, &key));
    TRY(engine_token_create(bench->engine, arena, ROLE_ADMIN, STR("*"), STR("bench"), TIME_FOREVER, &id, &token));
    target.server = arena_printf(arena, "http://127.0.0.1:%u", server_port(bench->server));
    target.write_key = key;
    TRY(client_open(arena, &target, &bench->writer));
    target.write_key = STR_NONE;
    target.token = token;
    return client_open(arena, &target, &bench->reader);
}

static const struct err *open_all(struct bench *bench)
{
    struct arena *arena = bench->run->arena;
    struct engine_options engine = {.data = bench->directory, .background = true};
    struct server_options server = {.listen = "127.0.0.1:0"};
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    struct map notices;
    str notice = STR("You are measured.\n");
    uint32_t version;
    map_init(&notices, arena);
    map_set(&notices, STR("bench.en.md"), &notice);
    struct policy_input input = {.text = str_of(policy_text), .notices = &notices};
    TRY(engine_open(arena, &engine, &bench->engine));
    const struct err *error = engine_policy_apply(bench->engine, arena, &input, (struct uuid){{0}}, &effect, &problems, &version);
    if (error && problems.count)
        return err_wrap(arena, error, "%s", str_z(arena, policy_problems_text(arena, "bench policy", &problems)));
    if (error)
        return error;
    TRY(server_start(arena, bench->engine, &server, &bench->server));
    return clients_open(bench);
}

static void close_all(struct bench *bench)
{
    client_close(bench->writer);
    client_close(bench->reader);
    server_stop(bench->server);
    if (bench->engine)
        engine_close(bench->engine);
    (void)nftw(bench->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* what cannot be removed is named by its place */
}

static const struct phase phases[] = {
    {"consents, one a request", true, CONNECTIONS_MAX, 1, make_consent, "POST", true},
    {"identify, batches of 100", false, 8, BATCH, make_identify, "POST", true},
    {"events, batches of 100", false, 8, BATCH, make_batch, "POST", false},
    {"events, one a request", false, CONNECTIONS_MAX, 1, make_single, "POST", false},
    {"decide", true, 16, 1, make_decide, "POST", false},
    {"profile, gated", true, 16, 1, make_profile, "GET", false},
};

static enum status measure(struct bench *bench)
{
    static const char *const heads[] = {"WHAT", "CONNECTIONS", "PER SECOND", "P50", "P99", "FAILED"};
    struct run *run = bench->run;
    bool fine = true;
    body_begin(run, &bench->json, &bench->w);
    jsonw_field_int(&bench->w, "people", (int64_t)bench->people);
    jsonw_field_int(&bench->w, "seconds", bench->seconds);
    jsonw_key(&bench->w, STR("rows"));
    jsonw_array(&bench->w);
    table_init(&bench->table, run->arena, heads, 6);
    for (size_t i = 0; i < sizeof(phases) / sizeof(*phases); i++)
        fine = phase_run(bench, &phases[i]) && fine;
    jsonw_array_end(&bench->w);
    jsonw_object_end(&bench->w);
    if (run->out.json)
        output_json(&run->out, buf_str(&bench->json));
    else
        table_print(&run->out, &bench->table);
    return fine ? STATUS_DONE : STATUS_NO;
}

static enum status bench(struct run *run)
{
    struct bench bench = {.run = run};
    int64_t people = PEOPLE_DEFAULT;
    const char *count = run_option(run, "--people"), *seconds = run_option(run, "--seconds"), *base = getenv("TMPDIR");
    bench.seconds = 3;
    if (count && (!str_to_int64(str_of(count), &people) || people < 1 || people > PEOPLE_MAX))
        return run_misuse(run, "--people is a whole number from 1 to %d", PEOPLE_MAX);
    if (seconds && (!str_to_int64(str_of(seconds), &bench.seconds) || bench.seconds < 1 || bench.seconds > 3600))
        return run_misuse(run, "--seconds is a whole number from 1 to 3600");
    bench.people = (uint64_t)people;
    if (run_option(run, "--data") || run_option(run, "--store") || run_option(run, "--vault"))
        output_note("bench works in a directory of its own; what stands in --data is left alone");
    char *directory = arena_printf(run->arena, "%s/telos-bench-XXXXXX", base && *base ? base : "/var/tmp");
    if (!mkdtemp(directory)) {
        output_complain("bench: %s: %s; name a folder with room in TMPDIR", directory, strerror(errno));
        return STATUS_UNAVAILABLE;
    }
    bench.directory = directory;
    const struct err *error = open_all(&bench);
    enum status status = error ? run_fail(run, error) : measure(&bench);
    close_all(&bench);
    return status;
}

static const struct action actions[] = {{NULL, "", "", 0, 0, bench}};
static const struct option options[] = {
    {"--people", "N", "known persons; default 2000", false},
    {"--seconds", "N", "for each row; default 3", false},
};

const struct command command_bench = {
    .name = "bench",
    .summary = "a quick load test of this machine, on a directory of its own in TMPDIR (else /var/tmp)",
    .about = "Client and server share the processors, so a real server does more. bench/run measures with care. --data and "
             "--store are taken,\nas everywhere, and left alone.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_DATA,
    .example = "  telos bench --people 100000 --seconds 10\n",
};
