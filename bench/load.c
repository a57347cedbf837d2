/* A load of requests over keep-alive connections, from one thread with epoll: light enough to share two cores with what it measures. It speaks
 * HTTP/1.1 to Telos (and to a constant server), and RESP to Redis, so that both sides of a ratio have the same client.
 *
 *     load --port P --mode MODE [--connections 64] [--seconds 5 | --requests N] [--people 1000] [--from 0] [--key WRITE_KEY] [--token TOKEN] [--purpose NAME]
 *
 * Modes: people (identify messages in batches of 100, one a person, in order, from number --from on), batch (track messages in batches of 100), single, decide, profile,
 * constant, redis-fill, redis. Prints one JSON line. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 100
#define REQUEST_MAX (256 * 1024)
#define PIECE_MAX 4096 /* one message, one head: far below it; a request has room for many */
#define REPLY_MAX (512 * 1024)
#define SAMPLES_MAX (8 * 1024 * 1024)

struct options {
    unsigned port, connections, people, from;
    double seconds;
    uint64_t requests; /* 0: by time */
    const char *mode, *key, *token, *purpose;
};
struct connection {
    int fd;
    char *request, *reply;
    size_t request_length, written, reply_length;
    double begun;
    bool busy;
};
struct load {
    const struct options *options;
    struct connection *connections;
    char authorization[512];
    uint64_t begun, done, errors, state;
    uint32_t *samples_us;
    size_t sample_count;
    int epoll;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint64_t chance(struct load *load)
{
    uint64_t z = (load->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void base64(const char *from, char *to)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(from), i = 0;
    for (; i < length; i += 3) {
        unsigned a = (unsigned char)from[i], b = i + 1 < length ? (unsigned char)from[i + 1] : 0, c = i + 2 < length ? (unsigned char)from[i + 2] : 0;
        *to++ = letters[a >> 2];
        *to++ = letters[(a & 3) << 4 | b >> 4];
        *to++ = i + 1 < length ? letters[(b & 15) << 2 | c >> 6] : '=';
        *to++ = i + 2 < length ? letters[c & 63] : '=';
    }
    *to = 0;
}

static size_t track(struct load *load, char *to)
{
    uint64_t id = chance(load);
    return (size_t)snprintf(to, PIECE_MAX,
        "{\"type\":\"track\",\"messageId\":\"load-%016llx%08llx\",\"userId\":\"person-%u\",\"event\":\"Product Viewed\",\"timestamp\":\"2026-11-20T10:%02u:%02u.000Z\","
        "\"properties\":{\"product_id\":\"SKU-%u\",\"name\":\"City bike 28\",\"category\":\"bikes\",\"price\":189900,\"quantity\":1,\"url\":\"https://shop.example/p/%u\"},"
        "\"context\":{\"locale\":\"hu-HU\",\"page\":{\"path\":\"/p/%u\",\"title\":\"City bike\"},\"library\":{\"name\":\"load\",\"version\":\"1\"}}}",
        (unsigned long long)id, (unsigned long long)load->begun, (unsigned)(chance(load) % load->options->people), (unsigned)(id % 60), (unsigned)(id / 60 % 60),
        (unsigned)(id % 997), (unsigned)(id % 997), (unsigned)(id % 997));
}

static size_t identify(const struct load *load, uint64_t person, char *to)
{
    (void)load;
    return (size_t)snprintf(to, PIECE_MAX,
        "{\"type\":\"identify\",\"messageId\":\"who-%llu\",\"userId\":\"person-%llu\",\"anonymousId\":\"browser-%llu\",\"traits\":{\"email\":\"person%llu@example.com\","
        "\"name\":\"Person %llu\",\"city\":\"Budapest\",\"plan\":\"gold\"}}",
        (unsigned long long)person, (unsigned long long)person, (unsigned long long)person, (unsigned long long)person, (unsigned long long)person);
}

static size_t batch_body(struct load *load, char *to, bool people)
{
    size_t length = (size_t)snprintf(to, PIECE_MAX, "{\"batch\":[");
    for (unsigned i = 0; i < BATCH; i++) {
        uint64_t person = load->options->from + load->begun * BATCH + i;
        if (people && person >= load->options->people)
            break;
        if (i)
            to[length++] = ',';
        length += people ? identify(load, person, to + length) : track(load, to + length);
    }
    return length + (size_t)snprintf(to + length, PIECE_MAX, "]}");
}

static void http_request(struct load *load, struct connection *c, const char *method, const char *path, const char *body, size_t length)
{
    int head = snprintf(c->request, PIECE_MAX, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", method, path,
                       load->authorization, length);
    memcpy(c->request + head, body, length);
    c->request_length = (size_t)head + length;
}

static void request_make(struct load *load, struct connection *c)
{
    static char body[REQUEST_MAX];
    const char *mode = load->options->mode;
    unsigned person = (unsigned)(chance(load) % load->options->people);
    if (strcmp(mode, "people") == 0 || strcmp(mode, "batch") == 0) {
        http_request(load, c, "POST", "/v1/batch", body, batch_body(load, body, mode[0] == 'p'));
    } else if (strcmp(mode, "single") == 0) {
        http_request(load, c, "POST", "/v1/track", body, track(load, body));
    } else if (strcmp(mode, "decide") == 0) {
        size_t length = (size_t)snprintf(body, PIECE_MAX, "{\"subject\":\"user_id:person-%u\",\"purpose\":\"%s\"}", person, load->options->purpose);
        http_request(load, c, "POST", "/v1/decide", body, length);
    } else if (strcmp(mode, "profile") == 0) {
        char path[128];
        snprintf(path, sizeof path, "/v1/profiles/email:person%u@example.com", person);
        http_request(load, c, "GET", path, "", 0);
    } else if (strcmp(mode, "redis-fill") == 0) {
        char value[1400];
        memset(value, 'x', 1300); /* a profile as JSON has about that size */
        c->request_length = (size_t)snprintf(c->request, PIECE_MAX, "*3\r\n$3\r\nSET\r\n$%d\r\nperson%llu@example.com\r\n$1300\r\n%.1300s\r\n",
                                            snprintf(NULL, 0, "person%llu@example.com", (unsigned long long)load->begun), (unsigned long long)load->begun, value);
    } else if (strcmp(mode, "redis") == 0) {
        c->request_length = (size_t)snprintf(c->request, PIECE_MAX, "*2\r\n$3\r\nGET\r\n$%d\r\nperson%u@example.com\r\n", snprintf(NULL, 0, "person%u@example.com", person), person);
    } else {
        size_t length = (size_t)snprintf(body, PIECE_MAX, "{\"subject\":\"user_id:person-%u\",\"purpose\":\"service\"}", person);
        http_request(load, c, "POST", "/", body, length);
    }
}

/* Length of the whole reply that begins the buffer, 0: not all there yet. */
static size_t reply_size(const struct load *load, const struct connection *c, bool *ret_ok)
{
    if (load->options->mode[0] == 'r') {
        const char *line = memchr(c->reply, '\n', c->reply_length);
        if (!line)
            return 0;
        *ret_ok = c->reply[0] == '+' || (c->reply[0] == '$' && c->reply[1] != '-');
        size_t size = (size_t)(line + 1 - c->reply) + (c->reply[0] == '$' && *ret_ok ? (size_t)atoll(c->reply + 1) + 2 : 0);
        return c->reply_length >= size ? size : 0;
    }
    c->reply[c->reply_length] = 0;
    const char *end = strstr(c->reply, "\r\n\r\n"), *length = strcasestr(c->reply, "\r\nContent-Length:");
    if (!end || !length)
        return 0;
    size_t size = (size_t)(end + 4 - c->reply) + (size_t)atoll(length + 17);
    *ret_ok = c->reply_length > 12 && c->reply[9] == '2';
    return c->reply_length >= size ? size : 0;
}

static void begin(struct load *load, struct connection *c)
{
    request_make(load, c);
    load->begun++;
    c->written = c->reply_length = 0;
    c->busy = true;
    c->begun = now_s();
}

/* Moves bytes; true when the reply is whole, -1 when the connection broke. */
static int drive(struct load *load, struct connection *c, bool *ret_ok)
{
    while (c->written < c->request_length) {
        ssize_t n = send(c->fd, c->request + c->written, c->request_length - c->written, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        c->written += (size_t)n;
    }
    for (;;) {
        ssize_t n = recv(c->fd, c->reply + c->reply_length, REPLY_MAX - 1 - c->reply_length, 0);
        if (n <= 0)
            return n < 0 && errno == EAGAIN ? 0 : -1;
        c->reply_length += (size_t)n;
        if (reply_size(load, c, ret_ok))
            return 1;
    }
}

static bool connect_all(struct load *load)
{
    load->epoll = epoll_create1(0);
    for (unsigned i = 0; i < load->options->connections; i++) {
        struct connection *c = &load->connections[i];
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)load->options->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) {
            perror("load: connect");
            return false;
        }
        int one = 1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        c->request = malloc(REQUEST_MAX);
        c->reply = malloc(REPLY_MAX);
        if (!c->request || !c->reply)
            return false;
        struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, c->fd, &event);
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool settle(struct load *load, struct connection *c)
{
    bool ok = false;
    int moved = drive(load, c, &ok);
    if (moved < 0) {
        fprintf(stderr, "load: the server closed a connection\n");
        return false;
    }
    if (moved == 0)
        return true;
    load->done++;
    load->errors += !ok;
    if (!ok && load->errors == 1)
        fprintf(stderr, "load: first refusal: %.300s\n", c->reply);
    if (load->sample_count < SAMPLES_MAX)
        load->samples_us[load->sample_count++] = (uint32_t)((now_s() - c->begun) * 1e6);
    c->busy = false;
    return true;
}

/* Takes the connection as far as it goes without waiting: replies read, next requests begun. */
static bool pump(struct load *load, struct connection *c, double until, unsigned *under_way)
{
    const struct options *o = load->options;
    while (settle(load, c)) {
        if (c->busy)
            return true;
        if (o->requests ? load->begun >= o->requests : now_s() >= until) {
            (*under_way)--;
            return true;
        }
        begin(load, c);
    }
    return false;
}

static bool run(struct load *load, double *ret_seconds)
{
    const struct options *o = load->options;
    double begun = now_s(), until = begun + o->seconds;
    unsigned under_way = 0;
    for (unsigned i = 0; i < o->connections && (!o->requests || load->begun < o->requests); i++) {
        under_way++;
        begin(load, &load->connections[i]);
        if (!pump(load, &load->connections[i], until, &under_way))
            return false;
    }
    while (under_way) {
        struct epoll_event events[256];
        int count = epoll_wait(load->epoll, events, 256, 10000);
        if (count <= 0) {
            fprintf(stderr, "load: no reply for ten seconds\n");
            return false;
        }
        for (int i = 0; i < count; i++) {
            struct connection *c = events[i].data.ptr;
            if (c->busy && !pump(load, c, until, &under_way))
                return false;
        }
    }
    *ret_seconds = now_s() - begun;
    return true;
}

static bool options_read(int count, char **words, struct options *o)
{
    *o = (struct options){.connections = 64, .people = 1000, .seconds = 5, .mode = "batch", .purpose = "service"};
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = words[i], *value = words[i + 1];
        if (strcmp(name, "--port") == 0) o->port = (unsigned)atoll(value);
        else if (strcmp(name, "--mode") == 0) o->mode = value;
        else if (strcmp(name, "--connections") == 0) o->connections = (unsigned)atoll(value);
        else if (strcmp(name, "--seconds") == 0) o->seconds = strtod(value, NULL);
        else if (strcmp(name, "--requests") == 0) o->requests = (uint64_t)atoll(value);
        else if (strcmp(name, "--people") == 0) o->people = (unsigned)atoll(value);
        else if (strcmp(name, "--from") == 0) o->from = (unsigned)atoll(value);
        else if (strcmp(name, "--key") == 0) o->key = value;
        else if (strcmp(name, "--token") == 0) o->token = value;
        else if (strcmp(name, "--purpose") == 0) o->purpose = value;
        else return false;
    }
    return o->port && o->people > o->from && o->connections;
}

int main(int count, char **words)
{
    struct options options;
    if (!options_read(count, words, &options)) {
        fprintf(stderr, "usage: load --port P --mode people|batch|single|decide|profile|constant|redis-fill|redis [--connections N] [--seconds S | --requests N]\n"
                        "            [--people N] [--from N] [--key WRITE_KEY] [--token TOKEN] [--purpose NAME]\n");
        return 2;
    }
    struct load load = {.options = &options, .state = (uint64_t)time(NULL)};
    if (options.key) {
        char pair[256], coded[400];
        snprintf(pair, sizeof pair, "%s:", options.key);
        base64(pair, coded);
        snprintf(load.authorization, sizeof load.authorization, "Authorization: Basic %s\r\n", coded);
    } else if (options.token) {
        snprintf(load.authorization, sizeof load.authorization, "Authorization: Bearer %s\r\nPurpose: %s\r\n", options.token, options.purpose);
    }
    if (strcmp(options.mode, "people") == 0)
        options.requests = (options.people - options.from + BATCH - 1) / BATCH;
    else if (strcmp(options.mode, "redis-fill") == 0)
        options.requests = options.people;
    load.connections = calloc(options.connections, sizeof *load.connections);
    load.samples_us = malloc(SAMPLES_MAX * sizeof *load.samples_us);
    double seconds;
    if (!load.connections || !load.samples_us || !connect_all(&load) || !run(&load, &seconds))
        return 1;
    qsort(load.samples_us, load.sample_count, sizeof *load.samples_us, compare);
    unsigned each = strcmp(options.mode, "batch") == 0 || strcmp(options.mode, "people") == 0 ? BATCH : 1;
    size_t n = load.sample_count;
    printf("{\"mode\":\"%s\",\"requests\":%llu,\"errors\":%llu,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n", options.mode,
           (unsigned long long)load.done, (unsigned long long)load.errors, seconds, (double)load.done * each / seconds, n ? load.samples_us[n / 2] : 0,
           n ? load.samples_us[n - 1 - n / 100] : 0, n ? load.samples_us[n - 1] : 0);
    return load.errors ? 1 : 0;
}
