/* How a command reaches Telos; the contract is in local.h. */
#include "main/local.h"

#include "deliver/deliver.h"
#include "main/file.h"
#include "receive/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How long to wait for one that has the directory but does not listen yet (it replays its log), or no longer. */
#define STARTING_MS (15 * SECOND_MS)
enum { TOKEN_BYTES_MAX = 4096 };

struct local {
    struct engine *engine; /* NULL: another process serves */
    struct server *server;
    struct client *client;
    int directory; /* descriptor; -1: none */
};

const struct err *local_socket(struct arena *arena, const char *data, const char **ret_path, int *ret_fd)
{
    struct sockaddr_un address;
    const char *path = arena_printf(arena, "%s/telos.sock", data);
    *ret_fd = -1;
    if (strlen(path) < sizeof(address.sun_path)) {
        *ret_path = path;
        return NULL;
    }
    int fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return file_error(arena, data, errno);
    *ret_fd = fd;
    *ret_path = arena_printf(arena, "/proc/self/fd/%d/telos.sock", fd);
    return NULL;
}

bool local_answers(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ASSERT(socket_path);
    size_t length = strlen(socket_path);
    if (length >= sizeof(address.sun_path))
        return false;
    memcpy(address.sun_path, socket_path, length);
    int fd FILE_CLOSED = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

void local_check_policy(void *context, struct arena *arena, const struct policy *policy, policy_problems *problems)
{
    (void)context;
    deliver_check(arena, policy, problems);
    receive_check(arena, policy, problems);
}

static void pause_ms(int64_t ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&span, NULL); /* a shorter pause does no harm */
}

/* A vault, or (where that is not a file of this folder) the name of a node. */
static bool has_data(struct arena *arena, const char *data)
{
    return access(arena_printf(arena, "%s/vault", data), F_OK) == 0 || access(arena_printf(arena, "%s/node", data), F_OK) == 0;
}

/* Opens the engine here, or waits for whoever has it to listen. */
static const struct err *engine_or_socket(struct run *run, unsigned use, const char *socket_path, struct engine **ret_engine)
{
    const char *store = config_get(&run->config, SETTING_STORE);
    struct engine_options options = {
        .data = config_get(&run->config, SETTING_DATA),
        .master_key_file = config_get(&run->config, SETTING_MASTER_KEY_FILE),
        .store = store,
        .vault = config_get(&run->config, SETTING_VAULT),
        .background = (use & LOCAL_LONG) != 0,
        .debug_door = config_yes(&run->config, SETTING_DEBUG_DOOR),
    };
    int64_t until_ms = clock_now_ms() + STARTING_MS;
    *ret_engine = NULL;
    while (!local_answers(socket_path)) {
        const struct err *error = engine_open(run->arena, &options, ret_engine);
        if (!error || error->code != ERR_CONFLICT)
            return error;
        if (clock_now_ms() > until_ms)
            return err_new(run->arena, ERR_UNAVAILABLE, "%s, and it does not answer at %s", error->text, socket_path);
        pause_ms(100);
    }
    return NULL;
}

/* What links to people begin with: there is no listener here, so it is where `telos serve` would be. NULL: not known. */
static const char *links_begin_with(const struct run *run)
{
    const char *url = config_get(&run->config, SETTING_PUBLIC_URL), *listen = config_get(&run->config, SETTING_LISTEN);
    if (url || !listen || !strchr(listen, ':') || str_ends(str_of(listen), STR(":0")))
        return url;
    return arena_printf(run->arena, "http://%s", listen);
}

static const struct err *open_here(struct run *run, unsigned use, struct local *local, const char **ret_socket)
{
    const char *data = config_get(&run->config, SETTING_DATA);
    if (!(use & LOCAL_MAKE) && !has_data(run->arena, data))
        return err_new(run->arena, ERR_UNAVAILABLE,
                       "there is no Telos data in %s; name the right directory with --data, or make one with `telos "
                       "serve --data %s`",
                       data, data);
    if (use & LOCAL_MAKE)
        TRY(file_make_directory(run->arena, data));
    TRY(local_socket(run->arena, data, ret_socket, &local->directory));
    TRY(engine_or_socket(run, use, *ret_socket, &local->engine));
    if (!local->engine)
        return NULL;
    struct server_options options = {
        .socket = *ret_socket,
        .public_url = links_begin_with(run),
        .hooks = {.check_policy = local_check_policy},
        .debug_door = config_yes(&run->config, SETTING_DEBUG_DOOR),
    };
    return server_start(run->arena, local->engine, &options, &local->server);
}

/* The token of --server: TELOS_TOKEN, else the file. */
static const struct err *token_read(struct run *run, str *ret_token)
{
    const char *token = getenv("TELOS_TOKEN"), *file = config_get(&run->config, SETTING_TOKEN_FILE);
    bool file_first = file && run->config.origins[SETTING_TOKEN_FILE] == ORIGIN_FLAG;
    *ret_token = STR_NONE;
    if (token && *token && !file_first) {
        *ret_token = str_of(token);
        return NULL;
    }
    if (!file)
        return NULL;
    str text;
    TRY(file_read(run->arena, file, TOKEN_BYTES_MAX, &text));
    *ret_token = str_trim(text);
    return NULL;
}

/* The URL of a Telos elsewhere; NULL: the data directory. */
static const char *server_of(const struct run *run)
{
    const struct config *config = &run->config;
    if (config->origins[SETTING_SERVER] < config->origins[SETTING_DATA] || !(run->command->common & COMMON_SERVER))
        return NULL; /* --data beats a TELOS_SERVER */
    return config_get(config, SETTING_SERVER);
}

bool local_reachable(const struct run *run) { return server_of(run) || has_data(run->arena, config_get(&run->config, SETTING_DATA)); }

static const struct err *target_find(struct run *run, unsigned use, struct local *local, struct client_target *ret_target)
{
    const struct config *config = &run->config;
    const char *server = server_of(run);
    if (!server)
        return open_here(run, use, local, &ret_target->socket);
    if (config->origins[SETTING_SERVER] == ORIGIN_FLAG && config->origins[SETTING_DATA] == ORIGIN_FLAG)
        return err_new(run->arena, ERR_INVALID, "either --server or --data, not both");
    ret_target->server = server;
    const char *key = getenv("TELOS_WRITE_KEY");
    if (key && *key && strcmp(run->command->name, "import") == 0)
        ret_target->write_key = str_of(key);
    return token_read(run, &ret_target->token);
}

enum status run_client(struct run *run, unsigned use, struct client **ret_client)
{
    struct client_target target = {0};
    if (run->local && run->local->client) { /* one a command */
        *ret_client = run->local->client;
        return STATUS_DONE;
    }
    run->local = arena_new(run->arena, struct local);
    run->local->directory = -1;
    const struct err *error = target_find(run, use, run->local, &target);
    if (!error)
        error = client_open(run->arena, &target, &run->local->client);
    if (error) {
        enum status status = run_fail(run, error);
        return error->code == ERR_INVALID ? status : STATUS_UNAVAILABLE;
    }
    *ret_client = run->local->client;
    return STATUS_DONE;
}

void local_close(struct local *local)
{
    if (!local)
        return;
    client_close(local->client);
    server_stop(local->server);
    if (local->engine)
        engine_close(local->engine);
    file_close(&local->directory);
}
