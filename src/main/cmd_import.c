/* `telos import`: files to messages, several parcels under way, resumable.
 *
 * Batches are a ring: `begun` counts those that were read, `retired` those whose outcome is written down, always in the
 * order of the file. So what is known to be done is a beginning of the file, and that is what the state keeps.
 */
#include "main/commands.h"

#include "base/time.h"
#include "main/file.h"
#include "main/flight.h"
#include "main/import_parcel.h"
#include "main/local.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WINDOW = 6, DRY_SHOWN = 3, DRY_REJECTS_SHOWN = 20, MAPPING_BYTES_MAX = 256 * 1024 };
#define GIVE_UP_US (INT64_C(60) * 1000 * 1000)

struct importing {
    struct run *run;
    struct arena arena; /* of one file */
    struct client *client;
    struct flights *flights;
    struct parcel parcels[WINDOW];
    uint64_t begun, retired;
    str path; /* of the request */
    const char *file;
    struct feed *feed;
    struct import_state state;
    struct progress progress;
    uint64_t done_bytes; /* of the file: what is written down */
    uint64_t units; /* messages of this run that were answered */
    int64_t failing_us; /* since when nothing was taken; 0: it goes well */
    int signals; /* descriptor of SIGINT and SIGTERM */
    bool ended, stopping; /* stopping: nothing new is begun */
    enum status status;
};

static struct parcel *parcel_at(struct importing *importing, uint64_t number) { return &importing->parcels[number % WINDOW]; }

/* ---- one round ---- */

static const struct err *read_ahead(struct importing *importing)
{
    while (!importing->ended && !importing->stopping && importing->begun - importing->retired < WINDOW) {
        struct parcel *parcel = parcel_at(importing, importing->begun);
        TRY(parcel_fill(parcel, importing->feed, &importing->ended));
        if (parcel->state != PARCEL_EMPTY)
            importing->begun++;
        if (flights_under_way(importing->flights))
            return NULL; /* bytes of the others wait to be moved */
    }
    return NULL;
}

static void start_waiting(struct importing *importing)
{
    int64_t now_us = clock_monotonic_us();
    for (uint64_t i = importing->retired; i < importing->begun; i++) {
        struct parcel *parcel = parcel_at(importing, i);
        if (parcel->state != PARCEL_WAITING || parcel->at_us > now_us || importing->stopping)
            continue;
        struct flight *flight = flight_take(importing->flights);
        if (!flight)
            return;
        flight->context = parcel;
        flight->request = (struct http_request){.method = "POST", .path = importing->path, .body = buf_str(&parcel->body)};
        parcel->state = PARCEL_FLYING;
        flight_start(importing->flights, flight);
    }
}

/* Later again; the whole stops when nothing was taken for a minute. */
static void try_later(struct importing *importing, struct parcel *parcel, const struct flight *flight)
{
    int64_t now_us = clock_monotonic_us();
    int64_t wait_us = INT64_C(200000) << (parcel->attempts < 5 ? parcel->attempts : 5);
    if (flight->reply.retry_after_s > 0 && flight->reply.retry_after_s < 60)
        wait_us = (int64_t)flight->reply.retry_after_s * 1000000;
    parcel->attempts++;
    parcel->state = PARCEL_WAITING;
    parcel->at_us = now_us + wait_us;
    if (!importing->failing_us)
        importing->failing_us = now_us;
    if (now_us - importing->failing_us < GIVE_UP_US || importing->stopping)
        return;
    progress_end(&importing->progress);
    if (flight->error)
        output_complain("import: %s", flight->error->text);
    else
        (void)run_refused(importing->run, &flight->reply); /* its status is the same for all that may be tried again */
    importing->stopping = true;
    importing->status = STATUS_UNAVAILABLE;
}

static void landed(struct importing *importing, struct flight *flight)
{
    struct parcel *parcel = flight->context;
    int status = flight->error ? 0 : flight->reply.status;
    if (status / 100 == 2) {
        if (flight_json(flight))
            parcel_answered(parcel, &flight->reply.json);
        else
            parcel_answered(parcel, &(struct json){.type = JSON_OBJECT});
        parcel->state = PARCEL_DONE;
        importing->units += parcel->lines.count;
        importing->failing_us = 0;
    } else if (status == 0 || status == 408 || status == 429 || status >= 500) {
        try_later(importing, parcel, flight);
    } else {
        parcel->state = PARCEL_WAITING;
        if (!importing->stopping) {
            progress_end(&importing->progress);
            (void)flight_json(flight); /* for its words, where there are some */
            importing->status = run_refused(importing->run, &flight->reply);
        }
        importing->stopping = true;
    }
    flight_give_back(importing->flights, flight);
}

static const struct err *retire(struct importing *importing)
{
    while (importing->retired < importing->begun && parcel_at(importing, importing->retired)->state == PARCEL_DONE) {
        TRY(parcel_retire(parcel_at(importing, importing->retired), &importing->arena, importing->file, &importing->state));
        importing->done_bytes = parcel_at(importing, importing->retired)->after_bytes;
        importing->retired++;
    }
    struct arena scratch;
    arena_init(&scratch);
    const struct err *error = import_state_save(&scratch, &importing->state, false);
    if (error)
        error = err_new(&importing->arena, error->code, "%s", error->text);
    arena_release(&scratch);
    return error;
}

static bool interrupted(const struct importing *importing)
{
    struct signalfd_siginfo signal;
    return read(importing->signals, &signal, sizeof(signal)) == (ssize_t)sizeof(signal);
}

static const struct err *send_all(struct importing *importing)
{
    for (;;) {
        TRY(read_ahead(importing));
        start_waiting(importing);
        struct flight *flight = flights_wait(importing->flights, importing->ended || importing->begun - importing->retired == WINDOW ? 50 : 1);
        for (; flight; flight = flights_wait(importing->flights, 0))
            landed(importing, flight);
        TRY(retire(importing));
        progress_show(&importing->progress, importing->done_bytes, feed_size_bytes(importing->feed), importing->units);
        if (interrupted(importing)) {
            if (importing->stopping)
                return NULL;
            importing->stopping = true;
            importing->status = STATUS_UNAVAILABLE;
            progress_end(&importing->progress);
            output_note("interrupted: waiting for what is under way …");
        }
        if (flights_under_way(importing->flights) == 0 && (importing->stopping || (importing->ended && importing->retired == importing->begun)))
            return NULL;
    }
}

/* ---- one file ---- */

static void show_counts(const struct run *run, const char *file, const struct import_counts *counts, uint64_t units, double seconds, const char *rejects)
{
    struct arena *arena = run->arena;
    output_text(&run->out, "%s: %.*s messages", file, STR_FMT(output_number(arena, counts->read)));
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (counts->outcomes[i])
            output_text(&run->out, ", %.*s %s", STR_FMT(output_number(arena, counts->outcomes[i])), outcome_name((enum outcome)i));
    if (units && seconds > 0)
        output_text(&run->out, "; %.1f s, %.*s messages/s", seconds, STR_FMT(output_number(arena, (uint64_t)((double)units / seconds))));
    output_text(&run->out, "\n");
    if (counts->rejected)
        output_text(&run->out, "%.*s not taken; why, line by line: %s\n", STR_FMT(output_number(arena, counts->rejected)), rejects);
}

static void write_counts(struct jsonw *w, const char *file, const struct import_state *state, uint64_t units, double seconds)
{
    jsonw_object(w);
    jsonw_field(w, "file", str_of(file));
    jsonw_field_bool(w, "done", state->done);
    jsonw_field_int(w, "line", (int64_t)state->place.line);
    jsonw_field_int(w, "read", (int64_t)state->counts.read);
    for (int i = 0; i < OUTCOME_COUNT; i++)
        jsonw_field_int(w, outcome_name((enum outcome)i), (int64_t)state->counts.outcomes[i]);
    jsonw_field_int(w, "rejected", (int64_t)state->counts.rejected);
    jsonw_key(w, STR("rejects"));
    if (state->counts.rejected)
        jsonw_string(w, str_of(state->rejects_path));
    else
        jsonw_null(w);
    jsonw_key(w, STR("seconds"));
    jsonw_double(w, seconds);
    jsonw_field_int(w, "messages_per_second", seconds > 0 ? (int64_t)((double)units / seconds) : 0);
    jsonw_object_end(w);
}

struct plan { /* what the command line asks for */
    const char *source, *mapping_path;
    enum import_format format;
    str mapping;
};

static void tell_mapping(const char *file, const struct feed *feed)
{
    if (feed_unused(feed).length)
        output_note("%s: columns that go nowhere: %.*s", file, STR_FMT(feed_unused(feed)));
    if (feed_traits_astray(feed))
        output_note("%s: traits make a profile only in messages of type identify; import the file once more with a "
                    "mapping of that type",
                    file);
}

static const struct err *file_begin(struct importing *importing, const struct plan *plan)
{
    struct run *run = importing->run;
    bool remote = config_get(&run->config, SETTING_SERVER) && run->config.origins[SETTING_SERVER] >= run->config.origins[SETTING_DATA];
    struct import_identity identity = {
        .file = importing->file,
        .source = plan->source,
        .server = remote ? config_get(&run->config, SETTING_SERVER) : "",
        .directory = remote ? ".telos-imports" : arena_printf(&importing->arena, "%s/imports", config_get(&run->config, SETTING_DATA)),
        .mapping = plan->mapping,
        .format = plan->format,
        .rejects = run_option(run, "--rejects"),
    };
    TRY(import_state_open(&importing->arena, &identity, run_has(run, "--again"), &importing->state));
    if (importing->state.done)
        return NULL;
    struct feed_options options = {.path = importing->file,
                                   .source = plan->source,
                                   .format = plan->format,
                                   .mapping = plan->mapping,
                                   .mapping_path = plan->mapping_path,
                                   .from = importing->state.place};
    TRY(feed_open(&importing->arena, &options, &importing->feed));
    tell_mapping(importing->file, importing->feed);
    if (importing->state.place.offset)
        output_note("%s: going on at line %llu", importing->file, (unsigned long long)importing->state.place.line);
    return NULL;
}

static const struct err *file_run(struct importing *importing, const struct plan *plan)
{
    TRY(file_begin(importing, plan));
    if (importing->state.done)
        return NULL;
    importing->done_bytes = feed_done_bytes(importing->feed);
    progress_begin(&importing->progress, "Importing", "messages", importing->done_bytes);
    const struct err *error = send_all(importing);
    progress_end(&importing->progress);
    importing->state.done = !error && !importing->stopping;
    const struct err *saving = import_state_save(&importing->arena, &importing->state, true);
    return error ? error : saving;
}

static void file_import(struct importing *importing, const char *file, const struct plan *plan, struct jsonw *w)
{
    struct run *run = importing->run;
    int64_t begun_us = clock_monotonic_us();
    arena_init(&importing->arena);
    importing->file = file;
    importing->feed = NULL;
    importing->state = (struct import_state){.rejects_fd = -1};
    importing->begun = importing->retired = importing->units = 0;
    importing->ended = false;
    const struct err *error = file_run(importing, plan);
    double seconds = (double)(clock_monotonic_us() - begun_us) / 1e6;
    if (error) {
        importing->status = run_fail(run, error);
        if (importing->status == STATUS_NO) /* a file that is not there, or may not be written */
            importing->status = STATUS_USE;
        importing->stopping = true;
    } else if (importing->state.done && !importing->feed) {
        output_note("%s: imported before; --again imports it once more", file);
    }
    if (run->out.json)
        write_counts(w, file, &importing->state, importing->units, seconds);
    else if (importing->feed)
        show_counts(run, file, &importing->state.counts, importing->units, seconds, importing->state.rejects_path);
    if (importing->feed && !importing->state.done)
        output_note("%s: stopped at line %llu; the same command goes on there", file,
                    (unsigned long long)(importing->state.place.line ? importing->state.place.line : 1));
    if (!importing->status && run_has(run, "--strict") && importing->state.counts.rejected)
        importing->status = STATUS_NO;
    feed_close(importing->feed);
    import_state_close(&importing->state);
    arena_release(&importing->arena);
}

/* ---- a dry run ---- */

static enum status dry_file(struct run *run, const char *file, const struct plan *plan)
{
    struct arena arena;
    struct buf message;
    struct feed *feed = NULL;
    struct feed_item item;
    uint64_t good = 0, bad = 0;
    bool found = true;
    struct feed_options options = {.path = file, .source = plan->source, .format = plan->format, .mapping = plan->mapping, .mapping_path = plan->mapping_path};
    arena_init(&arena);
    buf_init(&message, &arena, LIMIT_IMPORT_RECORD_BYTES * 8);
    const struct err *error = feed_open(&arena, &options, &feed);
    if (!error)
        tell_mapping(file, feed);
    while (!error && found) {
        buf_clear(&message);
        error = feed_next(feed, &message, &item, &found);
        if (error || !found)
            break;
        if (!item.why.data && good++ < DRY_SHOWN)
            output_json(&run->out, buf_str(&message));
        if (item.why.data && bad++ < DRY_REJECTS_SHOWN)
            output_note("%s:%llu: %.*s", file, (unsigned long long)item.line, STR_FMT(item.why));
    }
    if (!error)
        output_note("%s: read as %s; %llu messages would be sent, %llu records are no messages", file, import_format_name(feed_format(feed)),
                    (unsigned long long)good, (unsigned long long)bad);
    enum status status = error ? run_fail(run, error) : run_has(run, "--strict") && bad ? STATUS_NO : STATUS_DONE;
    feed_close(feed);
    arena_release(&arena);
    return status;
}

/* ---- the command ---- */

static enum status plan_read(struct run *run, struct plan *ret_plan)
{
    const char *format = run_option(run, "--format");
    struct plan plan = {.source = run_option(run, "--source"), .mapping_path = run_option(run, "--map")};
    if (!plan.source)
        return run_misuse(run, "--source NAME is missing: the source in the policy that these messages come from");
    if (format && !import_format_parse(str_of(format), &plan.format))
        return run_misuse(run, "--format is ndjson, csv or segment");
    if (run->argument_count > 1 && run_option(run, "--rejects"))
        return run_misuse(run, "--rejects is for one file");
    if (plan.mapping_path) {
        const struct err *error = file_read(run->arena, plan.mapping_path, MAPPING_BYTES_MAX, &plan.mapping);
        if (error)
            return run_misuse(run, "%s", error->text);
    }
    for (size_t i = 0; i < run->argument_count; i++) {
        struct stat found;
        const char *file = run->arguments[i];
        if (strcmp(file, "-") == 0)
            continue;
        if (stat(file, &found) == 0 && S_ISDIR(found.st_mode))
            return run_misuse(run, "%s is a folder; name the files in it: %s/*", file, file);
        if (access(file, R_OK) != 0)
            return run_misuse(run, "%s cannot be read", file);
    }
    *ret_plan = plan;
    return STATUS_DONE;
}

static void files_import(struct importing *importing, const struct plan *plan)
{
    struct run *run = importing->run;
    struct buf text;
    struct jsonw w;
    sigset_t set;
    (void)sigemptyset(&set); /* these cannot fail */
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    importing->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    buf_init(&text, run->arena, LIMIT_API_BODY_BYTES);
    jsonw_init(&w, &text);
    jsonw_object(&w);
    jsonw_key(&w, STR("files"));
    jsonw_array(&w);
    for (size_t i = 0; i < WINDOW; i++)
        parcel_init(&importing->parcels[i]);
    for (size_t i = 0; i < run->argument_count && !importing->stopping; i++)
        file_import(importing, run->arguments[i], plan, &w);
    for (size_t i = 0; i < WINDOW; i++)
        parcel_release(&importing->parcels[i]);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (run->out.json)
        output_json(&run->out, buf_str(&text));
    file_close(&importing->signals);
}

/* Fails at once where waiting would not help: nobody answers, or no policy is in force. */
static enum status check_ready(struct run *run, struct client *client)
{
    struct http_reply reply;
    const struct err *error = client_call(client, run->arena, &(struct http_request){.method = "GET", .path = STR("/readyz")}, &reply);
    if (error)
        return run_fail(run, error);
    return reply.status == 503 ? run_refused(run, &reply) : STATUS_DONE;
}

static str import_path(struct run *run, const struct plan *plan)
{
    return path_with(run->arena, path_with(run->arena, STR("/v1/import"), "source", plan->source), "explain", "refused");
}

/* Would the source be taken? Asked with no message. */
static enum status dry_source(struct run *run, const struct plan *plan)
{
    struct client *client;
    struct http_reply reply;
    if (!local_reachable(run)) {
        output_note("there is no Telos data in %s: whether a policy has the source `%s` was not looked up", config_get(&run->config, SETTING_DATA),
                    plan->source);
        return STATUS_DONE;
    }
    enum status status = run_client(run, LOCAL_READ, &client);
    if (status || (status = check_ready(run, client)))
        return status;
    struct http_request request = {.method = "POST", .path = import_path(run, plan), .body = STR("{\"batch\":[]}")};
    return run_ask(run, client, &request, &reply);
}

static enum status dry_run(struct run *run, const struct plan *plan)
{
    enum status status = dry_source(run, plan);
    for (size_t i = 0; !status && i < run->argument_count; i++)
        status = dry_file(run, run->arguments[i], plan);
    return status;
}

static enum status import(struct run *run)
{
    struct plan plan = {0};
    struct importing importing = {.run = run};
    sigset_t set;
    enum status status = plan_read(run, &plan);
    if (status)
        return status;
    if (run_has(run, "--dry-run"))
        return dry_run(run, &plan);
    (void)sigemptyset(&set); /* these cannot fail */
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* before any thread begins */
    if ((status = run_client(run, LOCAL_LONG, &importing.client)) || (status = check_ready(run, importing.client)))
        return status;
    importing.path = import_path(run, &plan);
    importing.flights = flights_open(run->arena, importing.client, WINDOW);
    files_import(&importing, &plan);
    flights_close(importing.flights);
    return importing.status;
}

static const struct action actions[] = {{NULL, "FILE… --source NAME", "", 1, UINT_MAX, import}};
static const struct option options[] = {
    {"--source", "NAME", "the source of the policy that the messages come from", false},
    {"--format", "FORMAT", "ndjson, csv or segment; default: by name and content", false},
    {"--map", "FILE", "for CSV: which column goes where (below)", false},
    {"--rejects", "FILE", "where to write what was not taken; default: FILE.rejects.ndjson", false},
    {"--dry-run", NULL, "only read: show the first messages and what is wrong, ask whether the source is known; send nothing", false},
    {"--again", NULL, "from the start, even if it was imported before", false},
    {"--strict", NULL, "status 1 when anything was not taken", false},
};

const struct command command_import = {
    .name = "import",
    .summary = "bring in files: NDJSON, CSV with a mapping, Segment exports; plain, gzip or zstd",
    .about = "NDJSON is a message a line, as in the Segment HTTP API. An import that was interrupted goes on where it was "
             "when the same\n"
             "command is given again; nothing is applied twice. The rejects file has a line for each message that was not "
             "taken, with its\n"
             "line in FILE and why. By --server: with an admin's token, or with the source's write key in "
             "TELOS_WRITE_KEY.\n\n"
             "A mapping for CSV (YAML):\n\n"
             "  columns:                          # column: path, or what it is\n"
             "    customer no: userId\n"
             "    e-mail: traits.email\n"
             "    born: { to: traits.birthday, type: date, format: \"%d.%m.%Y\" }\n"
             "    spent: { to: traits.spent, type: number, decimal: \",\" }\n"
             "    changed at: { to: timestamp, type: time, format: \"%Y.%m.%d %H:%M\", zone: Europe/Budapest }\n"
             "    agreed: { to: context.consent.categoryPreferences.newsletter, type: boolean, yes: igen, no: nem }\n"
             "    notes: ~                        # left out, on purpose\n"
             "  constants:\n"
             "    traits.country: HU\n\n"
             "Each record becomes an identify; with `type: track` and `event: Order Completed` before the columns, a track, "
             "whose columns go to\n"
             "properties.\n\n"
             "Types: text, number, integer, boolean, time, date, list (separator: \",\"), json. Formats of times: rfc3339, "
             "unix, unix_ms, or as\n"
             "strptime's. Delimiters (comma, semicolon, tab) are found out; `delimiter: \"|\"` names another. `header: no`: "
             "columns are 1, 2, …\n"
             "Without a mapping, each column is named by its path.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos import customers.csv.gz --source till --map customers.map.yaml\n"
               "  telos import export/*.gz --source web --format segment\n",
};
