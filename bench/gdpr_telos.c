/* Telos' side: its public HTTP API over keep-alive, one request an operation (two where a purpose's records are read, see below). The gate decides; what is
 * checked here is only that its answer is the right one.
 *
 * There is no request "all records of a purpose": who wants them follows the stream of changes from its beginning. So that its end is seen, a record of
 * everybody's purposes is touched just before. */
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

enum { REPLY_MAX = 1 << 20, REQUEST_MAX = 256 * 1024, RETENTION_DAYS = 900, IDLE_S = 20 /* the server closes what is idle for a minute */ };

struct connection {
    const struct side *side;
    int fd;
    time_t used; /* last */
    char *request, *reply;
    size_t length; /* of the reply's body */
    const char *body;
    char basic[256];
    unsigned marker, marker_version; /* a record of this connection's own */
    uint64_t *seen; /* a bit a record, for the stream */
    uint64_t seen_words;
};

static pthread_mutex_t policy_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned retention_days[PURPOSES];
static unsigned markers;

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

static unsigned marker_touch(struct connection *c)
{
    char body[TEXT_MAX], consents[TEXT_MAX / 2] = "", user[32], mail[64];
    if (!c->marker)
        c->marker = __atomic_add_fetch(&markers, 1, __ATOMIC_RELAXED);
    bool fresh = c->marker_version++ == 0;
    int n = 0;
    for (unsigned i = 0; fresh && i < PURPOSES; i++)
        n += snprintf(consents + n, sizeof consents - (size_t)n, "%s\"P%u\":true", i ? "," : ",\"context\":{\"consent\":{\"categoryPreferences\":{", i);
    if (fresh)
        (void)snprintf(consents + n, sizeof consents - (size_t)n, "}}}");
    (void)snprintf(user, sizeof user, "marker-%s-%u", c->side->name, c->marker);
    (void)snprintf(mail, sizeof mail, "%s@bench.example", user);
    identify_write(body, sizeof body, user, mail, c->marker_version, consents, UINT64_MAX - c->marker);
    return call(c, "POST", "/v1/identify", true, body);
}

static void seen_mark(struct connection *c, uint64_t number, uint64_t *count)
{
    if (number / 64 >= c->seen_words) {
        uint64_t words = number / 64 * 2 + 1024;
        c->seen = realloc(c->seen, words * sizeof *c->seen);
        if (!c->seen)
            fail("memory", "not enough");
        memset(c->seen + c->seen_words, 0, (words - c->seen_words) * sizeof *c->seen);
        c->seen_words = words;
    }
    uint64_t bit = UINT64_C(1) << number % 64;
    *count += !(c->seen[number / 64] & bit);
    c->seen[number / 64] |= bit;
}

/* One event of the stream; true when it is the marker's. Each has `"value":"k123@bench.example"`. */
static bool event_take(struct connection *c, const char *event, const char *marker, uint64_t *count)
{
    if (!strstr(event, "event: profile"))
        return false;
    if (strstr(event, marker))
        return true;
    const char *mail = strstr(event, "\"k");
    for (; mail; mail = strstr(mail + 2, "\"k")) {
        char *end;
        uint64_t number = strtoull(mail + 2, &end, 10);
        if (end > mail + 2 && *end == '@') {
            seen_mark(c, number, count);
            break;
        }
    }
    return false;
}

struct unchunk { /* what is left of a chunked body after its framing is taken off */
    size_t left; /* of this chunk, with its closing line end */
    char line[32];
    unsigned line_length;
    bool in_chunk;
};

static size_t unchunk(struct unchunk *u, const char *from, size_t length, char *to)
{
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        if (u->in_chunk) {
            if (u->left > 2)
                to[out++] = from[i];
            if (--u->left == 0)
                u->in_chunk = false;
        } else if (from[i] == '\n') {
            u->line[u->line_length] = 0;
            u->left = strtoul(u->line, NULL, 16) + 2;
            u->in_chunk = true;
            u->line_length = 0;
        } else if (u->line_length + 1 < sizeof u->line) {
            u->line[u->line_length++] = from[i];
        }
    }
    return out;
}

static struct answer read_purpose(struct connection *c, unsigned purpose)
{
    struct answer answer = {0};
    char path[96], marker[FIELD_BYTES + 1];
    if (marker_touch(c) != 200)
        return (struct answer){.failed = true};
    field_text(marker, UINT64_MAX - c->marker, c->marker_version, 0);
    if (c->seen)
        memset(c->seen, 0, c->seen_words * sizeof *c->seen);
    (void)snprintf(path, sizeof path, "/v1/stream?purpose=p%u&last_event_id=0-0", purpose);
    struct unchunk u = {0};
    char *raw = malloc(65536);
    int fd = dial(c->side);
    if (!raw)
        fail("memory", "not enough");
    send_all(fd, c->request, request_write(c, "GET", path, false, "", 0));
    size_t held = 0;
    bool head = true, ended = false;
    while (!ended) {
        ssize_t n = recv(fd, raw, 65536, 0);
        if (n <= 0)
            fail(path, "the stream broke");
        const char *from = raw;
        if (head) { /* it comes in one piece, and before the first chunk */
            from = memmem(raw, (size_t)n, "\r\n\r\n", 4);
            if (!from || strncmp(raw + 9, "200", 3) != 0)
                fail(path, "no stream");
            from += 4;
            head = false;
        }
        held += unchunk(&u, from, (size_t)(n - (from - raw)), c->reply + held);
        c->reply[held] = 0;
        char *event = c->reply;
        for (char *end; !ended && (end = strstr(event, "\n\n")); event = end + 2) {
            *end = 0;
            ended = event_take(c, event, marker, &answer.count);
        }
        held -= (size_t)(event - c->reply);
        memmove(c->reply, event, held + 1);
        if (held > REPLY_MAX / 2)
            fail(path, "an event that is too long");
    }
    (void)close(fd); /* was only read */
    free(raw);
    answer.found = answer.count > 0;
    answer.right = true;
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
    free(c->seen);
    free(c->request);
    free(c->reply);
    free(c);
}

const struct side telos_side = {.name = "telos", .open_connection = open_connection, .close_connection = close_connection, .run = run};
