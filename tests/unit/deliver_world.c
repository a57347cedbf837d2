/* See deliver_world.h. The engine's functions that the sending thread calls, over an array of rows. */
#include "deliver_world.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct world world;
struct deliver *world_deliver;

static commit_listener listener;
static void *listener_context;
static struct arena world_arena;

/* ---- the outbox ---- */

const struct policy *engine_policy(struct engine *engine) { return (void)engine, world.policy; }
void engine_policy_release(struct engine *engine, const struct policy *policy) { (void)engine, (void)policy; }
const struct err *engine_reader(struct engine *engine, struct reader **ret_reader)
{
    (void)engine;
    *ret_reader = (struct reader *)&world;
    return NULL;
}
void engine_reader_close(struct reader *reader) { (void)reader; }
struct store_session *reader_session(struct reader *reader) { return (struct store_session *)reader; }
void engine_listen(struct engine *engine, commit_listener new_listener, void *context)
{
    (void)engine;
    listener_context = context;
    listener = new_listener;
}
void engine_unlisten(struct engine *engine, commit_listener old, void *context)
{
    (void)engine, (void)old, (void)context;
    listener = NULL;
}
bool engine_destination_paused(struct engine *engine, str destination)
{
    (void)engine, (void)destination;
    pthread_mutex_lock(&world.lock);
    bool paused = world.paused;
    pthread_mutex_unlock(&world.lock);
    return paused;
}

bool engine_is_shared(const struct engine *engine) { return (void)engine, false; }
const struct err *engine_claim(struct engine *engine, struct arena *arena, const struct delivery *rows, size_t count, bool *ret_mine)
{
    (void)engine, (void)arena, (void)rows;
    for (size_t i = 0; i < count; i++)
        ret_mine[i] = true;
    return NULL;
}

const struct err *engine_outbox(struct reader *reader, struct arena *arena, str destination, uint64_t after, size_t max,
                                struct delivery **ret_rows, size_t *ret_count)
{
    (void)reader;
    struct delivery *rows = arena_array(arena, struct delivery, max + 1);
    size_t count = 0;
    int64_t now_ms = clock_now_ms();
    pthread_mutex_lock(&world.lock);
    for (size_t i = 0; i < world.row_count && count < max; i++) {
        const struct delivery *row = &world.rows[i].delivery;
        if (!str_equal(row->destination, destination) || row->state != DELIVERY_PENDING || row->number <= after || row->next_ms > now_ms)
            continue;
        bool first = true;
        for (size_t k = 0; k < i; k++) {
            const struct delivery *other = &world.rows[k].delivery;
            if (other->state == DELIVERY_PENDING && other->profile.value == row->profile.value && str_equal(other->destination, destination))
                first = false;
        }
        if (first)
            rows[count++] = *row;
    }
    pthread_mutex_unlock(&world.lock);
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}

const struct err *engine_delivery_body(struct reader *reader, struct arena *arena, const struct policy *policy, const struct delivery *delivery,
                                       str *ret_body, str *ret_reason, int64_t *ret_allowed_from_ms)
{
    (void)reader, (void)policy;
    pthread_mutex_lock(&world.lock);
    struct row row = world.rows[delivery->number - 1];
    pthread_mutex_unlock(&world.lock);
    if (row.too_large)
        return err_new(arena, ERR_TOO_LARGE, "the body is over its limit");
    if (row.denied) {
        *ret_reason = row.allowed_from_ms == TIME_NONE ? STR("consent_withdrawn") : STR("quiet_hours");
        *ret_allowed_from_ms = row.allowed_from_ms;
        if (row.allowed_from_ms == TIME_NONE || row.allowed_from_ms > clock_now_ms())
            return NULL;
    }
    *ret_body = str_printf(arena, "{\"number\":%llu,\"profile\":%llu}", (unsigned long long)delivery->number,
                           (unsigned long long)delivery->profile.value);
    return NULL;
}

const struct err *engine_delivered(struct engine *engine, struct arena *arena, const struct delivery_outcome *outcomes, size_t count)
{
    (void)engine;
    if (world.commit_delay_ms)
        usleep((useconds_t)world.commit_delay_ms * 1000);
    pthread_mutex_lock(&world.lock);
    const struct err *error = NULL;
    if (world.commits_failing) {
        world.commits_failing--;
        error = err_new(arena, ERR_UNAVAILABLE, "the disk is full");
    }
    for (size_t i = 0; !error && i < count; i++) {
        struct row *row = &world.rows[outcomes[i].result.number - 1];
        row->disclosed = row->disclosed || outcomes[i].disclosed;
        if (row->delivery.state != DELIVERY_PENDING)
            continue;
        row->delivery.state = outcomes[i].result.state;
        row->delivery.attempts = outcomes[i].result.attempts;
        row->delivery.next_ms = outcomes[i].result.next_ms;
        row->delivery.done_ms = outcomes[i].result.done_ms;
        row->delivery.reason = str_copy(&world_arena, outcomes[i].result.reason);
    }
    world.commits++;
    pthread_mutex_unlock(&world.lock);
    return error;
}

static const struct err *counts(struct store_session *session, struct arena *arena, struct destination_count **ret_rows, size_t *ret_count)
{
    (void)session;
    struct destination_count *rows = arena_array(arena, struct destination_count, 64);
    size_t count = 0;
    pthread_mutex_lock(&world.lock);
    for (size_t i = 0; i < world.row_count; i++) {
        const struct delivery *row = &world.rows[i].delivery;
        size_t k = 0;
        while (k < count && !str_equal(rows[k].destination, row->destination))
            k++;
        if (k == count)
            rows[count++] = (struct destination_count){.destination = row->destination, .oldest_pending_ms = TIME_NONE};
        if (row->state == DELIVERY_PENDING && rows[k].pending++ == 0)
            rows[k].oldest_pending_ms = row->queued_ms;
    }
    pthread_mutex_unlock(&world.lock);
    *ret_rows = rows;
    *ret_count = count;
    return NULL;
}
static const struct store_ops ops = {.name = "world", .destination_counts = counts};
const struct store_ops *engine_store(const struct engine *engine) { return (void)engine, &ops; }

/* ---- the server ---- */

static struct server {
    int fd, index;
    answerer answer;
    pthread_t thread;
} servers[64];
static int server_count;
static int connections[4096];
static atomic_int connection_count, connections_open;

static void header_value(const char *head, const char *name, char *ret_value, size_t size)
{
    const char *at = strcasestr(head, name);
    ret_value[0] = 0;
    if (!at)
        return;
    at += strlen(name);
    size_t n = 0;
    while (at[n] && at[n] != '\r' && n + 1 < size) {
        ret_value[n] = at[n];
        n++;
    }
    ret_value[n] = 0;
}

struct connection {
    int fd;
    struct server *server;
};

static bool serve_one(struct connection *connection, char *in, size_t *used)
{
    char *end;
    size_t body_length;
    while (true) {
        in[*used] = 0;
        end = strstr(in, "\r\n\r\n");
        if (end) {
            char length[32];
            header_value(in, "content-length: ", length, sizeof length);
            body_length = strtoul(length, NULL, 10);
            if ((size_t)(end + 4 - in) + body_length <= *used)
                break;
        }
        ssize_t n = read(connection->fd, in + *used, 16000 - *used);
        if (n <= 0)
            return false;
        *used += (size_t)n;
    }
    struct seen seen = {.port_index = connection->server->index, .at_ms = clock_now_ms()};
    char attempt[16];
    header_value(in, "telos-delivery: ", seen.id, sizeof seen.id);
    header_value(in, "telos-signature: ", seen.signature, sizeof seen.signature);
    header_value(in, "telos-attempt: ", attempt, sizeof attempt);
    seen.attempt = (int)strtol(attempt, NULL, 10);
    snprintf(seen.body, sizeof seen.body, "%.*s", (int)body_length, end + 4);
    unsigned long long number = 0, profile = 0;
    if (sscanf(seen.body, "{\"number\":%llu,\"profile\":%llu}", &number, &profile) != 2)
        abort();
    seen.number = number;
    seen.profile = profile;
    pthread_mutex_lock(&world.lock);
    unsigned nth = 1;
    for (size_t i = 0; i < world.seen_count; i++)
        nth += world.seen[i].number == number;
    if (world.seen_count < WORLD_REQUESTS)
        world.seen[world.seen_count++] = seen;
    pthread_mutex_unlock(&world.lock);
    struct answer answer = connection->server->answer(&seen, nth);
    if (answer.delay_ms)
        usleep((useconds_t)answer.delay_ms * 1000);
    if (answer.hang_up)
        return false;
    char reply[512];
    int length = snprintf(reply, sizeof reply, "HTTP/1.1 %d Status\r\nContent-Length: 2\r\n%s\r\nok", answer.status, answer.headers ? answer.headers : "");
    size_t consumed = (size_t)(end + 4 - in) + body_length;
    memmove(in, in + consumed, *used - consumed);
    *used -= consumed;
    return send(connection->fd, reply, (size_t)length, MSG_NOSIGNAL) == length;
}

static void *serve_connection(void *context)
{
    struct connection *connection = context;
    char in[16001];
    size_t used = 0;
    while (serve_one(connection, in, &used))
        ;
    shutdown(connection->fd, SHUT_RDWR);
    free(connection);
    atomic_fetch_sub(&connections_open, 1);
    return NULL;
}

static void *serve(void *context)
{
    struct server *server = context;
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        int at = atomic_fetch_add(&connection_count, 1);
        pthread_t thread;
        struct connection *connection = malloc(sizeof *connection);
        *connection = (struct connection){fd, server};
        connections[at] = fd;
        atomic_fetch_add(&connections_open, 1);
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (pthread_create(&thread, NULL, serve_connection, connection))
            abort();
        pthread_detach(thread);
    }
    return NULL;
}

static int listen_on_free_port(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 256) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        abort();
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int world_serve(answerer answer)
{
    int port;
    struct server *server = &servers[server_count];
    *server = (struct server){.fd = listen_on_free_port(&port), .index = server_count, .answer = answer};
    server_count++;
    if (pthread_create(&server->thread, NULL, serve, server))
        abort();
    return port;
}

int world_dead_port(void)
{
    int port;
    close(listen_on_free_port(&port));
    return port;
}

/* ---- the world ---- */

static const char *environment(const char *name) { return strcmp(name, "WORLD_SECRET") == 0 ? "s3cret" : NULL; }
static const char *extra_name, *extra_value;

/* The array may have moved. */
static void names_again(void)
{
    for (size_t i = 0; i < world.policy->destinations.count; i++)
        map_set(&world.policy->destination_by_name, world.policy->destinations.items[i].name, &world.policy->destinations.items[i]);
}

void world_destination(const char *name, int port)
{
    struct destination *destination = vec_push(&world_arena, &world.policy->destinations);
    destination->slot = (uint16_t)(world.policy->destinations.count - 1);
    destination->name = str_copy(&world_arena, str_of(name));
    destination->kind = STR("webhook");
    struct flow_option *option = vec_push(&world_arena, &destination->options);
    *option = (struct flow_option){.name = STR("url"), .value = str_printf(&world_arena, "http://127.0.0.1:%d/hook", port)};
    option = vec_push(&world_arena, &destination->options);
    *option = (struct flow_option){.name = STR("secret_env"), .value = STR("WORLD_SECRET")};
    if (extra_name) {
        option = vec_push(&world_arena, &destination->options);
        *option = (struct flow_option){.name = str_of(extra_name), .value = str_of(extra_value)};
    }
    names_again();
}

void world_kafka(const char *name, const char *brokers, const char *topic, ...)
{
    struct destination *destination = vec_push(&world_arena, &world.policy->destinations);
    destination->slot = (uint16_t)(world.policy->destinations.count - 1);
    destination->name = str_copy(&world_arena, str_of(name));
    destination->kind = STR("kafka");
    *(struct flow_option *)vec_push(&world_arena, &destination->options) = (struct flow_option){.name = STR("brokers"), .value = str_copy(&world_arena, str_of(brokers))};
    *(struct flow_option *)vec_push(&world_arena, &destination->options) = (struct flow_option){.name = STR("topic"), .value = str_of(topic)};
    va_list arguments;
    va_start(arguments, topic);
    for (const char *option; (option = va_arg(arguments, const char *));)
        *(struct flow_option *)vec_push(&world_arena, &destination->options) =
            (struct flow_option){.name = str_of(option), .value = str_of(va_arg(arguments, const char *))};
    va_end(arguments);
    names_again();
}

void world_begin(const char *option_name, const char *option_value, ...)
{
    memset(&world, 0, sizeof world);
    pthread_mutex_init(&world.lock, NULL);
    arena_init(&world_arena);
    extra_name = option_name;
    extra_value = option_value;
    world.policy = arena_new(&world_arena, struct policy);
    map_init(&world.policy->destination_by_name, &world_arena);
    struct purpose *purpose = vec_push(&world_arena, &world.policy->purposes);
    purpose->name = STR("fulfilment");
    va_list arguments;
    va_start(arguments, option_value);
    for (const char *name; (name = va_arg(arguments, const char *));)
        world_destination(name, va_arg(arguments, int));
    va_end(arguments);
}

void world_start(int64_t drain_ms)
{
    struct deliver_options options = {.drain_ms = drain_ms, .environment = environment};
    const struct err *error = deliver_start(&world_arena, (struct engine *)&world, &options, &world_deliver);
    if (error) {
        fprintf(stderr, "%s\n", error->text);
        abort();
    }
}

void world_stop(void)
{
    deliver_stop(world_deliver);
    world_deliver = NULL;
}

void world_end(void)
{
    world_stop();
    for (int i = 0; i < server_count; i++) {
        shutdown(servers[i].fd, SHUT_RDWR);
        pthread_join(servers[i].thread, NULL);
        close(servers[i].fd);
    }
    for (int i = 0; i < connection_count; i++)
        shutdown(connections[i], SHUT_RDWR);
    while (connections_open) /* a late answer must not reach the next test's sockets */
        usleep(2000);
    for (int i = 0; i < connection_count; i++)
        close(connections[i]);
    server_count = 0;
    connection_count = 0;
    arena_release(&world_arena);
}

uint64_t world_add(const char *destination, uint64_t profile, enum delivery_kind kind)
{
    static struct id_source ids;
    pthread_mutex_lock(&world.lock);
    if (!ids.last_ms)
        id_source_init(&ids, 1);
    int64_t now_ms = clock_now_ms();
    struct row *row = &world.rows[world.row_count++];
    row->allowed_from_ms = TIME_NONE;
    row->delivery = (struct delivery){
        .number = world.row_count,
        .id = id_next(&ids, now_ms),
        .profile = {profile},
        .destination = str_copy(&world_arena, str_of(destination)),
        .purpose = STR("fulfilment"),
        .kind = kind,
        .state = DELIVERY_PENDING,
        .queued_ms = now_ms,
        .next_ms = now_ms,
        .done_ms = TIME_NONE,
    };
    uint64_t number = row->delivery.number;
    pthread_mutex_unlock(&world.lock);
    return number;
}

void world_note(void)
{
    struct commit_note note = {.outbox = true};
    if (listener)
        listener(listener_context, &note);
}

struct row world_row(uint64_t number)
{
    pthread_mutex_lock(&world.lock);
    struct row row = world.rows[number - 1];
    pthread_mutex_unlock(&world.lock);
    return row;
}

bool world_wait_row(uint64_t number, enum delivery_state state, int64_t ms)
{
    for (int64_t until_ms = clock_now_ms() + ms; clock_now_ms() < until_ms; usleep(2000))
        if (world_row(number).delivery.state == state)
            return true;
    return false;
}

bool world_wait_state(enum delivery_state state, int64_t ms)
{
    for (int64_t until_ms = clock_now_ms() + ms; clock_now_ms() < until_ms; usleep(2000)) {
        size_t in_state = 0;
        pthread_mutex_lock(&world.lock);
        for (size_t i = 0; i < world.row_count; i++)
            in_state += world.rows[i].delivery.state == state;
        bool all = in_state == world.row_count;
        pthread_mutex_unlock(&world.lock);
        if (all)
            return true;
    }
    return false;
}

bool world_wait_seen(size_t count, int64_t ms)
{
    for (int64_t until_ms = clock_now_ms() + ms; clock_now_ms() < until_ms; usleep(2000)) {
        pthread_mutex_lock(&world.lock);
        bool enough = world.seen_count >= count;
        pthread_mutex_unlock(&world.lock);
        if (enough)
            return true;
    }
    return false;
}

size_t world_seen_count(void)
{
    pthread_mutex_lock(&world.lock);
    size_t count = world.seen_count;
    pthread_mutex_unlock(&world.lock);
    return count;
}

struct deliver_status world_status(const char *name, struct arena *arena)
{
    struct deliver_status *items;
    size_t count;
    deliver_status(world_deliver, arena, &items, &count);
    for (size_t i = 0; i < count; i++)
        if (str_equal(items[i].name, str_of(name)))
            return items[i];
    return (struct deliver_status){.state = DELIVER_REMOVED};
}
