/* `telos serve`: the engine, the sender and the server in one process, until a signal ends it.
 *
 *   lock and open the data ─▶ apply the policy file, if it is new ─▶ send ─▶ listen ─▶ "listening on …" ─▶ wait for a
 * signal and back in the other order; what was queued is committed before the engine closes.
 *
 * 1. A policy file that is refused stops the start before anything listens.
 * 2. Signals are taken by one thread, by waiting: no handler runs anywhere.
 */
#include "main/commands.h"

#include "base/log.h"
#include "base/time.h"
#include "deliver/callback.h"
#include "deliver/deliver.h"
#include "engine/access.h"
#include "main/file.h"
#include "main/local.h"
#include "main/policy_file.h"
#include "receive/receive.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct serving {
    struct run *run;
    struct engine *engine;
    struct deliver *deliver;
    struct receive *receive;
    struct callbacks *callbacks;
    struct server *server;
    int directory;
};

/* ---- hooks of the server ---- */

static void write_destinations(void *context, struct jsonw *w) { deliver_write_json(((struct serving *)context)->deliver, w); }
static void write_destination_metrics(void *context, struct buf *out) { deliver_write_metrics(((struct serving *)context)->deliver, out); }
static void write_sources(void *context, struct jsonw *w) { receive_write_json(((struct serving *)context)->receive, w); }
static void write_source_metrics(void *context, struct buf *out) { receive_write_metrics(((struct serving *)context)->receive, out); }
static void policy_changed(void *context) { deliver_policy_changed(((struct serving *)context)->deliver); }

/* ---- the policy file ---- */

static void show_changes(const struct policy_effect *effect)
{
    static const char *const marks[] = {[CHANGE_INFO] = " ", [CHANGE_NOTICE] = "~", [CHANGE_SERIOUS] = "!", [CHANGE_REFUSED] = "x"};
    vec_each (change, &effect->changes)
        output_note("  %s %.*s", marks[change->weight], STR_FMT(change->text));
}

static enum status apply_policy(struct serving *serving)
{
    struct run *run = serving->run;
    const char *path = config_get(&run->config, SETTING_POLICY);
    struct policy_file file;
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    uint32_t version = 0;
    if (!path)
        return STATUS_DONE;
    enum status status = policy_file_load(run, path, &file);
    if (status)
        return status;
    const struct policy *active = engine_policy(serving->engine);
    bool same = active && memcmp(active->sha256, file.policy->sha256, sizeof(active->sha256)) == 0;
    if (active)
        engine_policy_release(serving->engine, active);
    policy_file_release(&file);
    if (same)
        return STATUS_DONE;
    const struct err *error = engine_policy_apply(serving->engine, run->arena, &file.input, (struct uuid){{0}}, &effect, &problems, &version);
    if (!error) {
        log_write(LOG_INFO, "main", "policy applied version=%u changes=%zu", version, effect.changes.count);
        return STATUS_DONE;
    }
    output_complain("serve: %s", error->text);
    policy_problems_note(run->arena, path, &problems);
    show_changes(&effect);
    return error->code == ERR_CONFLICT || error->code == ERR_POLICY ? STATUS_NO : status_of_err(error->code);
}

/* ---- up and down ---- */

static const struct err *open_engine(struct serving *serving)
{
    const struct config *config = &serving->run->config;
    struct engine_options options = {
        .data = config_get(config, SETTING_DATA),
        .master_key_file = config_get(config, SETTING_MASTER_KEY_FILE),
        .store = config_get(config, SETTING_STORE),
        .vault = config_get(config, SETTING_VAULT),
        .opendsr_certificate = config_get(config, SETTING_OPENDSR_CERTIFICATE),
        .opendsr_key = config_get(config, SETTING_OPENDSR_KEY),
        .background = true,
        .debug_door = config_yes(config, SETTING_DEBUG_DOOR),
    };
    TRY(file_make_directory(serving->run->arena, options.data));
    return engine_open(serving->run->arena, &options, &serving->engine);
}

/* Checked by check_numbers before. */
static int64_t setting_number(const struct config *config, enum setting setting)
{
    int64_t number = 0;
    ASSERT(str_to_int64(str_of(config_get(config, setting)), &number));
    return number;
}

/* From the environment, or from the file; never an argument. */
static const struct err *oidc_secret(struct run *run, const char **ret_secret)
{
    const char *path = config_get(&run->config, SETTING_OIDC_CLIENT_SECRET_FILE), *given = getenv("TELOS_OIDC_CLIENT_SECRET");
    str text;
    if (given && *given) {
        *ret_secret = given;
        return NULL;
    }
    if (!path)
        return NULL;
    TRY(file_read(run->arena, path, 4096, &text));
    *ret_secret = str_z(run->arena, str_trim(text));
    return NULL;
}

static const struct err *start(struct serving *serving)
{
    struct run *run = serving->run;
    const struct config *config = &run->config;
    const char *socket;
    TRY(deliver_start(run->arena, serving->engine, NULL, &serving->deliver));
    TRY(callbacks_start(run->arena, serving->engine, &serving->callbacks));
    TRY(receive_start(run->arena, serving->engine, NULL, &serving->receive));
    TRY(local_socket(run->arena, config_get(config, SETTING_DATA), &socket, &serving->directory));
    const char *secret = NULL;
    TRY(oidc_secret(run, &secret));
    struct server_options options = {
        .oidc = {config_get(config, SETTING_OIDC_ISSUER), config_get(config, SETTING_OIDC_CLIENT_ID), secret, config_get(config, SETTING_OIDC_TITLE),
                 config_get(config, SETTING_OIDC_SCOPES), config_get(config, SETTING_OIDC_ROLE_CLAIM), config_get(config, SETTING_OIDC_ROLES),
                 config_yes(config, SETTING_OIDC_SIGN_OUT)},
        .connections_max = (size_t)setting_number(config, SETTING_CONNECTIONS),
        .idle_s = (unsigned)setting_number(config, SETTING_IDLE_SECONDS),
        .receive_s = (unsigned)setting_number(config, SETTING_REQUEST_SECONDS),
        .listen = config_get(config, SETTING_LISTEN),
        .socket = socket,
        .console = config_get(config, SETTING_CONSOLE),
        .public_url = config_get(config, SETTING_PUBLIC_URL),
        .hooks = {serving, write_destinations, write_destination_metrics, policy_changed, local_check_policy, write_sources, write_source_metrics},
        .debug_door = config_yes(config, SETTING_DEBUG_DOOR),
        .session_idle_s = (unsigned)setting_number(config, SETTING_SESSION_IDLE_SECONDS),
        .session_s = (unsigned)setting_number(config, SETTING_SESSION_SECONDS),
        .behind_proxy = config_yes(config, SETTING_BEHIND_PROXY),
    };
    return server_start(run->arena, serving->engine, &options, &serving->server);
}

static void stop(struct serving *serving)
{
    server_stop(serving->server);
    receive_stop(serving->receive);
    callbacks_stop(serving->callbacks);
    deliver_stop(serving->deliver);
    if (serving->engine)
        engine_close(serving->engine);
    file_close(&serving->directory);
}

/* The environment of a process does not change, so telos.yaml has the word here. */
static void reread_level(struct serving *serving)
{
    struct arena arena;
    struct config config;
    arena_init(&arena);
    const struct err *error = config_load(&arena, serving->run->config.file, &config);
    const char *level = error ? NULL : config.file_log;
    if (error)
        log_write(LOG_WARN, "main", "settings not read again: %s", error->text);
    else if (!level || !log_set(level))
        log_write(LOG_WARN, "main", "log level unchanged: `log` of telos.yaml is debug, info, warn or error");
    else
        log_write(LOG_WARN, "main", "log level is now %s", level);
    arena_release(&arena);
}

static void wait_for_end(struct serving *serving, const sigset_t *signals)
{
    int signal = 0;
    for (;;) {
        if (sigwait(signals, &signal) != 0)
            continue;
        if (signal != SIGHUP)
            break;
        reread_level(serving);
    }
    log_write(LOG_INFO, "main", "ending signal=%d", signal);
    /* A second one ends at once: nothing acknowledged is lost by that. */
    (void)pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

/* Where nobody may sign in yet: a link by which the first admin is made. It works once, and only as long as there is none. */
static void invite(const struct serving *serving, str address)
{
    str code;
    int64_t expires_ms;
    const char *public_url = config_get(&serving->run->config, SETTING_PUBLIC_URL);
    if (engine_user_count(serving->engine))
        return;
    const struct err *error =
        engine_code_make(serving->engine, serving->run->arena, (struct uuid){{0}}, LIMIT_SETUP_LINK_S * SECOND_MS, (struct uuid){{0}}, &code, &expires_ms);
    if (error)
        log_write(LOG_WARN, "main", "no link for the first admin could be made: %s", error->text);
    else
        (void)printf("nobody may sign in at the console yet; the first admin, within %d minutes: %.*s/console/setup#%.*s\n", LIMIT_SETUP_LINK_S / 60,
                     STR_FMT(public_url ? str_of(public_url) : address), STR_FMT(code));
}

static void announce(const struct serving *serving)
{
    str listen = str_of(config_get(&serving->run->config, SETTING_LISTEN)), host = listen;
    while (host.length && host.data[host.length - 1] != ':')
        host.length--;
    host = host.length ? str_slice(host, 0, host.length - 1) : host;
    if (str_empty(host) || str_equal(host, STR("*")))
        host = STR("127.0.0.1");
    str address = str_printf(serving->run->arena, "http://%.*s:%u", STR_FMT(host), server_port(serving->server));
    (void)printf("listening on %.*s\n", STR_FMT(address));
    (void)output_flush(); /* whoever waits for that line need not wait for the next */
    invite(serving, address);
    (void)output_flush(); /* main tells of a stdout that is gone */
}

/* The system takes 99999 for another port without a word. */
static enum status check_listen(struct run *run)
{
    const char *listen = config_get(&run->config, SETTING_LISTEN), *colon = strrchr(listen, ':');
    int64_t port;
    if (!colon || !str_to_int64(str_of(colon + 1), &port) || port < 0 || port > 65535)
        return run_misuse(run, "`%s` is no address to listen on; write HOST:PORT, as in 127.0.0.1:8480", listen);
    return STATUS_DONE;
}

static enum status check_numbers(struct run *run)
{
    static const struct {
        enum setting setting;
        int64_t most;
    } numbers[] = {{SETTING_CONNECTIONS, 1000000},
                   {SETTING_IDLE_SECONDS, 86400},
                   {SETTING_REQUEST_SECONDS, 86400},
                   {SETTING_SESSION_IDLE_SECONDS, 30 * 86400},
                   {SETTING_SESSION_SECONDS, 365 * 86400}};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        const char *value = config_get(&run->config, numbers[i].setting);
        int64_t number;
        if (!str_to_int64(str_of(value), &number) || number < 1 || number > numbers[i].most)
            return run_misuse(run, "`%s` is a whole number from 1 to %lld, not `%s`", setting_key(numbers[i].setting), (long long)numbers[i].most, value);
    }
    return STATUS_DONE;
}

static enum status serve(struct run *run)
{
    struct serving serving = {.run = run, .directory = -1};
    sigset_t signals;
    enum status status = check_listen(run);
    if (!status)
        status = check_numbers(run);
    if (!status && !config_get(&run->config, SETTING_OPENDSR_CERTIFICATE) != !config_get(&run->config, SETTING_OPENDSR_KEY))
        status = run_misuse(run, "`opendsr_certificate` and `opendsr_key` are set together, or not at all");
    if (status)
        return status;
    (void)sigemptyset(&signals); /* these cannot fail */
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread begins */
    const struct err *error = open_engine(&serving);
    if (error) {
        (void)run_fail(run, error);
        return error->code == ERR_INVALID ? STATUS_USE : STATUS_UNAVAILABLE;
    }
    status = apply_policy(&serving);
    if (!status) {
        error = start(&serving);
        if (error)
            status = run_fail(run, error);
    }
    if (!status) {
        announce(&serving);
        wait_for_end(&serving, &signals);
    }
    stop(&serving);
    return status;
}

static const struct action actions[] = {{NULL, "--data DIR", "", 0, 0, serve}};
static const struct option options[] = {
    {"--policy", "FILE", "policy to apply when there is none yet or the file has changed", false},
    {"--listen", "HOST:PORT", "default: 127.0.0.1:8480; port 0 takes a free one", false},
    {"--console", "DIR", "folder with the web console", false},
    {"--public-url", "URL", "what links to people begin with, where a proxy stands in front", false},
    {"--connections", "N", "open at a time, default: 12000; one more is answered 503", false},
    {"--idle-seconds", "N", "a connection on which nothing moves is closed after that; default: 60", false},
    {"--request-seconds", "N", "time to send one request, however slowly; default: 120", false},
    {"--session-idle-seconds", "N", "a console session without a request ends after that; default: 1800", false},
    {"--session-seconds", "N", "a console session ends after that in any case; default: 43200", false},
    {"--behind-proxy", NULL, "believe X-Forwarded-For and X-Forwarded-Proto: only where a proxy of your own sets them", false},
    {"--debug-door", NULL, "`telos debug` may be used", false},
    {"--master-key-file", "FILE", "the master key, where it is not in the data directory", false},
    {"--opendsr-certificate", "FILE", "X.509 certificate (PEM, with its chain) that replies of OpenDSR are signed by", false},
    {"--opendsr-key", "FILE", "its private key (PEM, RSA or elliptic curve)", false},
    {"--log", "LEVEL", "debug, info, warn or error; SIGHUP reads it from telos.yaml again", false},
};

const struct command command_serve = {
    .name = "serve",
    .summary = "collect, unify and send, until SIGTERM or Ctrl-C",
    .about = "Makes the data directory when it is new, and prints `listening on http://HOST:PORT` when it is ready. Write "
             "keys and other\n"
             "secrets that the policy names come from the environment. Status 3 when another process has the directory.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_DATA,
    .example = "  telos serve --data /var/lib/telos --policy policy.yaml --listen 0.0.0.0:8480\n",
};
