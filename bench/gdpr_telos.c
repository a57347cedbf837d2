/* Telos' side: its public HTTP API over keep-alive, one request an operation (where a purpose's records are read, one a page of 1,000). The gate decides; what
 * is checked here is only that its answer is the right one. */
#include "gdpr.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REPLY_MAX = 16 << 20, REQUEST_MAX = 256 * 1024, RETENTION_DAYS = 900, IDLE_S = 20 /* the server closes what is idle for a minute */ };

struct connection {
    const struct side *side;
    int fd;
    time_t used; /* last */
    char *request, *reply;
    size_t length; /* of the reply's body */
    const char *body;
    char basic[256];
};

static pthread_mutex_t policy_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned retention_days[PURPOSES];

static void base64(const char *from, char *to)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t length = strlen(from);
    for (size_t i = 0; i < length; i += 3) {
        unsigned a = (unsigned char)from[i], b = i + 1 < length ? (unsigned char)from[i + 1] : 0, c = i + 2 < length ? (unsigned char)from[i + 2] : 0;
        *to++ = letters[a >> 2];
        *to++ = letters[(a & 3) << 4 | b >> 4];
        *to++ = i + 1 < length ? letters[(b & 15) << 2 | c >> 6] : '=';
        *to++ = i + 2 < length ? letters[c & 63] : '=';
    }
    *to = 0;
}

static int dial(const struct side *side)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(side->place, NULL, 10)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("telos", "no connection");
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* only slower without */
    return fd;
}

static void send_all(int fd, const char *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t n = send(fd, data + done, length - done, MSG_NOSIGNAL);
        if (n <= 0)
            fail("telos", "the connection broke");
        done += (size_t)n;
    }
}

static size_t request_write(struct connection *c, const char *method, const char *path, bool as_source, const char *body, size_t length)
{
    int head = snprintf(c->request, REQUEST_MAX, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: %s %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                        method, path, as_source ? "Basic" : "Bearer", as_source ? c->basic : c->side->token, length);
    memcpy(c->request + head, body, length);
    return (size_t)head + length;
}

/* The status; the body is in the connection until the next call. */
static unsigned call(struct connection *c, const char *method, const char *path, bool as_source, const char *body)
{
    size_t got = 0, size = 0;
    time_t now = time(NULL);
    if (now - c->used > IDLE_S) { /* the other sides had their turn */
        (void)close(c->fd); /* nothing is under way */
        c->fd = dial(c->side);
    }
    c->used = now;
    send_all(c->fd, c->request, request_write(c, method, path, as_source, body, strlen(body)));
    while (!size || got < size) {
        ssize_t n = recv(c->fd, c->reply + got, REPLY_MAX - 1 - got, 0);
        if (n <= 0)
            fail(path, "no reply");
        got += (size_t)n;
        c->reply[got] = 0;
        const char *end = size ? NULL : strstr(c->reply, "\r\n\r\n");
        if (!end)
            continue;
        const char *length = strcasestr(c->reply, "\r\nContent-Length:");
        if (!length || length > end)
            fail(path, "a reply without length");
        c->body = end + 4;
        c->length = strtoul(length + 17, NULL, 10);
        size = (size_t)(end + 4 - c->reply) + c->length;
        if (size >= REPLY_MAX)
            fail(path, "a reply that is too long");
    }
    return (unsigned)strtoul(c->reply + 9, NULL, 10);
}

/* ---- messages and the policy ---- */

static void identify_write(char *to, size_t size, const char *user, const char *mail, unsigned version, const char *consents, uint64_t number)
{
    int length = snprintf(to, size, "{\"userId\":\"%s\",\"messageId\":\"%s-%u\",\"traits\":{\"email\":\"%s\"", user, user, version, mail);
    for (unsigned i = 0; i < FIELDS; i++) {
        char text[FIELD_BYTES + 1];
        field_text(text, number, version, i);
        length += snprintf(to + length, size - (size_t)length, ",\"f%u\":\"%s\"", i, text);
    }
    (void)snprintf(to + length, size - (size_t)length, "}%s}", consents);
}

static unsigned identify(struct connection *c, const struct record *record, bool fresh)
{
    char body[TEXT_MAX], user[32], mail[48], consents[96] = "";
    (void)snprintf(user, sizeof user, "u%llu", (unsigned long long)record->number);
    (void)snprintf(mail, sizeof mail, "k%llu@bench.example", (unsigned long long)record->number);
    if (fresh && !c->side->open)
        (void)snprintf(consents, sizeof consents, ",\"context\":{\"consent\":{\"categoryPreferences\":{\"P%u\":true}}}", record->purpose);
    identify_write(body, sizeof body, user, mail, record->version, consents, record->number);
    return call(c, "POST", "/v1/identify", true, body);
}

static int policy_text(const struct side *side, char *to, size_t size)
{
    int n = snprintf(to, size, "controller: { name: Bench Kft., country: HU, dpo: dpo@bench.example, regions: [EU] }\\n"
                               "categories: { email: { dpv: \\\"pd:EmailAddress\\\", identifier: true }, data: { dpv: \\\"pd:Behavioral\\\" } }\\n"
                               "fields: { traits.email: email, default: data }\\n"
                               "notices: { site: { version: 1, effective: 2026-01-01, languages: { en: site.en.md } } }\\npurposes:\\n");
    if (side->open)
        n += snprintf(to + n, size - (size_t)n, "  p0: { title: All, basis: legal_obligation, law: \\\"Bench Act\\\", categories: [email, data], retention: P%uD after collected }\\n",
                      RETENTION_DAYS);
    for (unsigned i = 0; !side->open && i < PURPOSES; i++)
        n += snprintf(to + n, size - (size_t)n, "  p%u: { title: Purpose %u, basis: consent, notice: site, categories: [email, data], retention: P%uD after collected }\\n", i, i,
                      retention_days[i] ? retention_days[i] : RETENTION_DAYS);
    if (!side->open)
        n += snprintf(to + n, size - (size_t)n, "signals:\\n");
    for (unsigned i = 0; !side->open && i < PURPOSES; i++)
        n += snprintf(to + n, size - (size_t)n, "  P%u: p%u\\n", i, i);
    n += snprintf(to + n, size - (size_t)n, "sources:\\n  bench: { kind: server, key_env: BENCH_WRITE_KEY, when_denied: drop, region: EU, purposes: [");
    for (unsigned i = 0; i < (side->open ? 1 : PURPOSES); i++)
        n += snprintf(to + n, size - (size_t)n, "%sp%u", i ? ", " : "", i);
    return n + snprintf(to + n, size - (size_t)n, "] }\\nidentity: { keys: { email: { normalise: email } } }\\n");
}

/* The retention of a purpose is what says how long its records live: changing it is a policy, one at a time. */
static unsigned policy_apply(struct connection *c, unsigned purpose, unsigned days)
{
    static char body[64 * 1024];
    (void)pthread_mutex_lock(&policy_lock); /* cannot fail */
    if (days)
        retention_days[purpose] = days;
    int n = snprintf(body, sizeof body, "{\"policy\":\"");
    n += policy_text(c->side, body + n, sizeof body - (size_t)n);
    (void)snprintf(body + n, sizeof body - (size_t)n, "\",\"notices\":{\"site.en.md\":\"We measure.\\n\"}}");
    unsigned status = call(c, "POST", "/v1/policy", false, body);
    (void)pthread_mutex_unlock(&policy_lock);
    return status;
}

/* ---- all records of a purpose ---- */

/* A page at a time, as the API gives them; a person is in none twice. */
static void page_count(struct connection *c, uint64_t *count)
{
    static const char user[] = "\"user_id\",\"value\":\"u"; /* among the identifiers: once a person */
    const char *at = c->body, *end = c->body + c->length;
    while ((at = memmem(at, (size_t)(end - at), user, sizeof user - 1))) {
        at += sizeof user - 1;
        *count += *at >= '0' && *at <= '9';
    }
}

static struct answer read_purpose(struct connection *c, unsigned purpose)
{
    struct answer answer = {.right = true};
    char path[128], cursor[64] = "";
    for (bool more = true; more;) {
        (void)snprintf(path, sizeof path, "/v1/profiles?purpose=p%u&limit=1000%s%s", purpose, *cursor ? "&cursor=" : "", cursor);
        if (call(c, "GET", path, false, "") != 200)
            return (struct answer){.failed = true};
        page_count(c, &answer.count);
        const char *next = memmem(c->body + (c->length > 128 ? c->length - 128 : 0), c->length > 128 ? 128 : c->length, "\"next\":\"", 8);
        size_t length = next ? strcspn(next + 8, "\"") : 0;
        more = next != NULL;
        if (length >= sizeof cursor)
            fail(path, "a cursor that is too long");
        if (next)
            memcpy(cursor, next + 8, length);
        cursor[length] = 0;
    }
    answer.found = answer.count > 0;
    return answer;
}

/* ---- one operation ---- */

static bool fields_right(const struct connection *c, const struct record *record)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        char text[FIELD_BYTES + 1];
        field_text(text, record->number, record->version, i);
        if (!memmem(c->body, c->length, text, FIELD_BYTES))
            return false;
    }
    return true;
}

static uint64_t occurrences(const struct connection *c, const char *what)
{
    uint64_t count = 0;
    const char *at = c->body, *end = c->body + c->length;
    while ((at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
        count++;
        at += strlen(what);
    }
    return count;
}

static struct answer read_one(struct connection *c, const char *subject, const struct record *record)
{
    char path[160];
    (void)snprintf(path, sizeof path, "/v1/profiles/%s%llu%s?purpose=p%u&events=0", subject, (unsigned long long)record->number, *subject == 'e' ? "@bench.example" : "",
                   record->purpose);
    unsigned status = call(c, "GET", path, false, "");
    return (struct answer){.failed = status != 200 && status != 404 && status != 403, .found = status == 200, .right = status != 200 || fields_right(c, record)};
}

static struct answer listed(struct connection *c, const char *path, const char *item)
{
    unsigned status = call(c, "GET", path, false, "");
    struct answer answer = {.failed = status != 200 && status != 404 && status != 403, .right = true};
    answer.count = status == 200 ? occurrences(c, item) : 0;
    answer.found = answer.count > 0;
    return answer;
}

static struct answer written(unsigned status) { return (struct answer){.failed = status >= 300 && status != 404, .found = status < 300, .right = true}; }

static struct answer run(struct connection *c, enum operation operation, const struct record *record, unsigned value)
{
    char path[160], body[256];
    unsigned long long n = record->number;
    switch (operation) {
    case OP_INSERT:
    case OP_UPDATE:
        return written(identify(c, record, operation == OP_INSERT));
    case OP_READ:
    case OP_VERIFY:
        return read_one(c, "email:k", record);
    case OP_READ_USER:
        return read_one(c, "user_id:u", record);
    case OP_UPDATE_PURPOSE:
        return written(policy_apply(c, record->purpose, value));
    case OP_UPDATE_USER: /* what lengthens the life of her record */
        (void)snprintf(body, sizeof body, "{\"subject\":\"user_id:u%llu\",\"purpose\":\"p%u\",\"status\":\"renewed\",\"notice\":\"site@1\",\"method\":\"bench\"}", n, record->purpose);
        return written(call(c, "POST", "/v1/consents", false, body));
    case OP_DELETE:
        (void)snprintf(body, sizeof body, "{\"subject\":\"email:k%llu@bench.example\",\"right\":\"erasure\"}", n);
        return written(call(c, "POST", "/v1/rights", false, body));
    case OP_METADATA:
        (void)snprintf(path, sizeof path, "/v1/consents?subject=user_id:u%llu", n);
        return listed(c, path, "\"purpose\":");
    case OP_LOGS:
        (void)snprintf(path, sizeof path, "/v1/profiles/user_id:u%llu/timeline?purpose=p%u&limit=100", n, record->purpose);
        return listed(c, path, "\"at\":");
    case OP_READ_PURPOSE:
        return read_purpose(c, record->purpose);
    default:
        fail("operation", "unknown");
    }
}

static struct connection *open_connection(const struct side *side)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c || !(c->request = malloc(REQUEST_MAX)) || !(c->reply = malloc(REPLY_MAX)))
        fail("memory", "not enough");
    char pair[128];
    c->side = side;
    c->fd = dial(side);
    c->used = time(NULL);
    (void)snprintf(pair, sizeof pair, "%s:", side->key);
    base64(pair, c->basic);
    if (policy_apply(c, 0, 0) >= 300) /* the same text once more changes nothing */
        fail("policy", c->body);
    return c;
}

static void close_connection(struct connection *c)
{
    (void)close(c->fd); /* nothing is under way */
    free(c->request);
    free(c->reply);
    free(c);
}

const struct side telos_side = {.name = "telos", .open_connection = open_connection, .close_connection = close_connection, .run = run};
