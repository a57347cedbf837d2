/* `telos doctor`: looks at everything that makes a Telos ill, and says what to do. One function a look. */
#include "main/commands.h"

#include "base/time.h"
#include "main/client.h"
#include "main/file.h"
#include "main/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

enum verdict { VERDICT_FINE, VERDICT_NOTE, VERDICT_BAD };
struct look {
    const char *what;
    enum verdict verdict;
    str why;
};
struct visit {
    struct run *run;
    const char *data;
    struct client *client; /* NULL: Telos could not be asked */
    VEC(struct look) looks;
    size_t bad;
};

__attribute__((format(printf, 4, 5))) static void look(struct visit *visit, const char *what, enum verdict verdict, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments); /* a cut text still says it */
    va_end(arguments);
    *vec_push(visit->run->arena, &visit->looks) = (struct look){what, verdict, str_copy(visit->run->arena, str_of(text))};
    visit->bad += verdict == VERDICT_BAD;
}

/* ---- the machine ---- */

static void look_directory(struct visit *visit)
{
    struct stat found;
    if (stat(visit->data, &found) < 0)
        look(visit, "data directory", VERDICT_BAD, "%s: %s; name the right one with --data", visit->data, strerror(errno));
    else if (found.st_mode & 077)
        look(visit, "data directory", VERDICT_BAD, "%s is open to others (mode %03o): chmod 700 %s", visit->data, (unsigned)found.st_mode & 0777, visit->data);
    else if (found.st_uid != geteuid())
        look(visit, "data directory", VERDICT_NOTE, "%s belongs to user %u; run commands as that user", visit->data, (unsigned)found.st_uid);
    else
        look(visit, "data directory", VERDICT_FINE, "%s", visit->data);
}

static void look_disk(struct visit *visit)
{
    struct statvfs found;
    if (statvfs(visit->data, &found) < 0)
        return; /* there is no directory: told already */
    double free = (double)found.f_bavail * (double)found.f_frsize / 1e9, part = found.f_blocks ? (double)found.f_bavail / (double)found.f_blocks : 0;
    if (free < 1)
        look(visit, "disk", VERDICT_BAD, "%.1f GB free: make room, or Telos answers 503 soon", free);
    else if (part < 0.05)
        look(visit, "disk", VERDICT_NOTE, "%.1f GB free, under 5 %%", free);
    else
        look(visit, "disk", VERDICT_FINE, "%.1f GB free", free);
}

static int by_value(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

/* Each acknowledged batch waits for one of these. */
static void look_sync(struct visit *visit)
{
    enum { ROUNDS = 9 };
    int64_t times_us[ROUNDS];
    const char *path = arena_printf(visit->run->arena, "%s/doctor.%d", visit->data, (int)getpid());
    int fd FILE_CLOSED = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        look(visit, "writing", VERDICT_BAD, "%s: %s", path, strerror(errno));
        return;
    }
    char block[4096] = {0};
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begun_us = clock_monotonic_us();
        if (write(fd, block, sizeof(block)) != (ssize_t)sizeof(block) || fdatasync(fd) < 0) {
            look(visit, "writing", VERDICT_BAD, "%s: %s", path, strerror(errno));
            (void)unlink(path); /* made above; nothing depends on it */
            return;
        }
        times_us[i] = clock_monotonic_us() - begun_us;
    }
    (void)unlink(path); /* made above; nothing depends on it */
    qsort(times_us, ROUNDS, sizeof(*times_us), by_value);
    const size_t middle = ROUNDS / 2;
    double ms = (double)times_us[middle] / 1000.0;
    look(visit, "writing", ms > 30 ? VERDICT_NOTE : VERDICT_FINE, "a durable write takes %.2f ms%s", ms,
         ms > 30 ? "; every acknowledgement waits for one: a faster disk helps most" : "");
}

static void look_clock(struct visit *visit)
{
    struct timex state = {0};
    int result = adjtimex(&state);
    int64_t now_ms = clock_now_ms();
    if (now_ms < INT64_C(1735689600000)) /* 2025 */
        look(visit, "clock", VERDICT_BAD, "it is before 2025: set it; consents and retention are counted by it");
    else if (result < 0 || (state.status & STA_UNSYNC))
        look(visit, "clock", VERDICT_NOTE, "not known to be synchronised (systemd-timesyncd, chrony or the host may do it)");
    else
        look(visit, "clock", VERDICT_FINE, "synchronised");
}

static void look_files(struct visit *visit)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return; /* Linux knows it */
    bool few = limit.rlim_max != RLIM_INFINITY && limit.rlim_max < LIMIT_CONNECTIONS;
    look(visit, "open files", few ? VERDICT_NOTE : VERDICT_FINE, "%llu allowed%s", (unsigned long long)limit.rlim_max,
         few ? "; fewer connections than Telos could keep open: raise `ulimit -n`" : "");
}

static void look_master_key(struct visit *visit)
{
    struct stat found;
    const char *elsewhere = config_get(&visit->run->config, SETTING_MASTER_KEY_FILE);
    const char *path = elsewhere ? elsewhere : arena_printf(visit->run->arena, "%s/keys/master.key", visit->data);
    if (stat(path, &found) < 0)
        look(visit, "master key", VERDICT_BAD, "%s: %s; without it nothing can be opened: bring it back from where you keep it apart", path, strerror(errno));
    else if (found.st_mode & 077)
        look(visit, "master key", VERDICT_BAD, "%s can be read by others: chmod 600 %s", path, path);
    else if (!elsewhere)
        look(visit, "master key", VERDICT_NOTE, "it lies in the data directory: who copies all of it has all; see --master-key-file");
    else
        look(visit, "master key", VERDICT_FINE, "%s", path);
}

/* ---- Telos ---- */

static bool ask(struct visit *visit, const char *path, struct http_reply *ret_reply, const char *what)
{
    struct http_request request = {.method = "GET", .path = str_of(path)};
    const struct err *error = client_call(visit->client, visit->run->arena, &request, ret_reply);
    if (error)
        look(visit, what, VERDICT_BAD, "%s", error->text);
    return !error;
}

static void look_ready(struct visit *visit)
{
    struct http_reply reply;
    if (!ask(visit, "/readyz", &reply, "ready"))
        return;
    str version = output_cell(visit->run->arena, json_get(&reply.json, STR("policy_version")));
    str detail = json_string(json_get(&reply.json, STR("detail")));
    if (reply.status == 200)
        look(visit, "ready", VERDICT_FINE, "policy version %.*s is in force", STR_FMT(version));
    else
        look(visit, "ready", VERDICT_BAD, "%.*s", STR_FMT(detail));
}

static void look_keys(struct visit *visit)
{
    struct http_reply reply;
    int64_t damaged = 0, pending = 0;
    if (!ask(visit, "/v1/admin/keys", &reply, "keys") || reply.status != 200)
        return;
    (void)json_int(json_get(&reply.json, STR("pages_damaged")), &damaged); /* 0 where it is not said */
    (void)json_int(json_get(&reply.json, STR("mirrors_pending")), &pending);
    if (damaged)
        look(visit, "keys", VERDICT_BAD, "%lld pages of the vault are damaged: restore it from a backup", (long long)damaged);
    else if (json_bool(json_get(&reply.json, STR("rotating")), false))
        look(visit, "keys", VERDICT_NOTE, "a rotation was begun and has not ended: telos keys rotate");
    else if (pending)
        look(visit, "keys", VERDICT_NOTE, "%lld backups still hold keys that were destroyed here; make them reachable, or remove them", (long long)pending);
    else
        look(visit, "keys", VERDICT_FINE, "generation %.*s", STR_FMT(output_cell(visit->run->arena, json_get(&reply.json, STR("generation")))));
}

static void look_destinations(struct visit *visit)
{
    struct http_reply reply;
    if (!ask(visit, "/v1/destinations", &reply, "destinations") || reply.status != 200)
        return;
    const struct json *items = page_items(&reply.json);
    for (uint32_t i = 0; items && i < items->count; i++) {
        const struct json *item = &items->items[i];
        str name = json_string(json_get(item, STR("name"))), state = json_string(json_get(item, STR("state")));
        str last = json_string(json_get(item, STR("last_error")));
        bool ill =
            str_equal(state, STR("misconfigured")) || str_equal(state, STR("failing")) || str_equal(state, STR("gone")) || str_equal(state, STR("unsupported"));
        if (ill)
            look(visit, "destination", VERDICT_NOTE, "%.*s is %.*s%s%.*s; its backlog: %.*s", STR_FMT(name), STR_FMT(state), last.length ? ": " : "",
                 STR_FMT(last), STR_FMT(output_cell(visit->run->arena, json_get(item, STR("backlog")))));
    }
    if (items && items->count)
        look(visit, "destinations", VERDICT_FINE, "%u in the policy", items->count);
}

static void look_sources(struct visit *visit)
{
    struct http_reply reply;
    if (!ask(visit, "/v1/sources", &reply, "sources") || reply.status != 200)
        return;
    const struct json *items = page_items(&reply.json);
    for (uint32_t i = 0; items && i < items->count; i++) {
        const struct json *item = &items->items[i];
        str name = json_string(json_get(item, STR("name"))), state = json_string(json_get(item, STR("state")));
        str last = json_string(json_get(item, STR("last_error")));
        int64_t lost = 0;
        bool stuck = str_equal(state, STR("stuck"));
        (void)json_int(json_get(item, STR("lost")), &lost); /* stays 0 */
        if (stuck || str_equal(state, STR("misconfigured")) || str_equal(state, STR("failing")))
            look(visit, "source", stuck ? VERDICT_BAD : VERDICT_NOTE, "%.*s is %.*s%s%.*s%s", STR_FMT(name), STR_FMT(state), last.length ? ": " : "",
                 STR_FMT(last), stuck ? "; its topic ends before what was taken in: see \"Another topic of that name\" in docs/kafka.md" : "");
        if (lost > 0)
            look(visit, "source", VERDICT_BAD, "%.*s: its topic removed %lld records before they could be read: keep them longer there", STR_FMT(name),
                 (long long)lost);
    }
    if (items && items->count)
        look(visit, "sources", VERDICT_FINE, "%u in the policy", items->count);
}

static void tell(struct visit *visit)
{
    static const char *const words[] = {[VERDICT_FINE] = "fine", [VERDICT_NOTE] = "note", [VERDICT_BAD] = "bad"};
    static const enum ink inks[] = {[VERDICT_FINE] = INK_GOOD, [VERDICT_NOTE] = INK_WARN, [VERDICT_BAD] = INK_BAD};
    const struct output *out = &visit->run->out;
    struct buf text;
    struct jsonw w;
    body_begin(visit->run, &text, &w);
    jsonw_field_bool(&w, "healthy", visit->bad == 0);
    jsonw_key(&w, STR("checks"));
    jsonw_array(&w);
    vec_each (each, &visit->looks) {
        jsonw_object(&w);
        body_add(&w, "check", each->what);
        body_add(&w, "verdict", words[each->verdict]);
        jsonw_field(&w, "why", each->why);
        jsonw_object_end(&w);
        if (out->json)
            continue;
        output_ink(out, inks[each->verdict], "%s", words[each->verdict]);
        output_text(out, "  %-14s  %.*s\n", each->what, STR_FMT(each->why));
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (out->json)
        output_json(out, buf_str(&text));
}

static enum status doctor(struct run *run)
{
    struct visit visit = {.run = run, .data = config_get(&run->config, SETTING_DATA)};
    const char *server = config_get(&run->config, SETTING_SERVER);
    if (!server || run->config.origins[SETTING_SERVER] < run->config.origins[SETTING_DATA]) {
        look_directory(&visit);
        look_disk(&visit);
        if (visit.bad == 0)
            look_sync(&visit);
        look_master_key(&visit);
        look_files(&visit);
    }
    look_clock(&visit);
    if (visit.bad == 0 && run_client(run, LOCAL_READ, &visit.client)) {
        tell(&visit);
        return STATUS_UNAVAILABLE;
    }
    if (visit.client) {
        look_ready(&visit);
        look_keys(&visit);
        look_destinations(&visit);
        look_sources(&visit);
    }
    tell(&visit);
    return visit.bad ? STATUS_NO : STATUS_DONE;
}

static const struct action actions[] = {{NULL, "", "", 0, 0, doctor}};
static const struct option options[] = {
    {"--master-key-file", "FILE", "the master key, where it is not in the data directory", false},
};

const struct command command_doctor = {
    .name = "doctor",
    .summary = "look at what makes a Telos ill, and say what to do",
    .about = "Status 1 when anything is bad; notes are advice.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos doctor --data /var/lib/telos\n",
};
