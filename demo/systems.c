/* The systems that Duna Bolt's data goes to: mailer, desk, crm, ads. They check each signature, answer, and count; nothing is kept. One of them
 * is shaky on purpose, so that retries can be watched. GET / shows the counts, GET /shop a page with the consent banner (page.c). */
#include "demo.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX (1024 * 1024)
#define SYSTEMS(X) X("mailer", 0) X("desk", 0) X("crm", 25) X("ads", 0) /* name, how many of a thousand requests it fails */
static const struct {
    const char *name;
    unsigned fails;
} systems[] = {
#define X(name, fails) {"/" name, fails},
    SYSTEMS(X)
#undef X
};
#define SYSTEM_COUNT (sizeof systems / sizeof *systems)

struct desk {
    const char *secret, *server, *write_key;
    atomic_ullong events[SYSTEM_COUNT], recalls[SYSTEM_COUNT], refused, failed;
};
struct letter {
    char *body;
    size_t length;
    bool too_large;
};

/* "t=1700000000,v1=hex": HMAC-SHA-256 over "t.body". */
static bool signature_holds(const char *secret, const char *header, const struct letter *letter)
{
    const char *stamp = header ? strstr(header, "t=") : NULL, *given = header ? strstr(header, "v1=") : NULL;
    if (!stamp || !given || strlen(given + 3) < 64)
        return false;
    size_t stamp_length = strcspn(stamp + 2, ",");
    char *text = malloc(stamp_length + 1 + letter->length);
    if (!text)
        return false;
    memcpy(text, stamp + 2, stamp_length);
    text[stamp_length] = '.';
    memcpy(text + stamp_length + 1, letter->body ? letter->body : "", letter->length);
    unsigned char digest[32];
    unsigned size = sizeof digest;
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (unsigned char *)text, stamp_length + 1 + letter->length, digest, &size);
    free(text);
    unsigned difference = 0;
    for (unsigned i = 0; i < 32; i++) {
        char hex[3];
        snprintf(hex, sizeof hex, "%02x", digest[i]);
        difference |= (unsigned)(hex[0] ^ given[3 + 2 * i]) | (unsigned)(hex[1] ^ given[4 + 2 * i]);
    }
    return difference == 0;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result show_page(const struct desk *desk, struct MHD_Connection *connection, const char *language)
{
    char *page = page_make(desk->server, desk->write_key ? desk->write_key : "", language);
    if (!page)
        return reply(connection, 500, "{\"error\":\"the address of Telos or the write key cannot stand in a page\"}\n");
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(page), page, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header(response, "Content-Type", "text/html; charset=utf-8");
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result show_counts(struct desk *desk, struct MHD_Connection *connection)
{
    char text[1024];
    int length = snprintf(text, sizeof text, "{");
    for (size_t i = 0; i < SYSTEM_COUNT; i++)
        length += snprintf(text + length, sizeof text - (size_t)length, "\"%s\":{\"events\":%llu,\"recalls\":%llu},", systems[i].name + 1,
                           atomic_load(&desk->events[i]), atomic_load(&desk->recalls[i]));
    snprintf(text + length, sizeof text - (size_t)length, "\"signature_refused\":%llu,\"failed_on_purpose\":%llu}\n",
             atomic_load(&desk->refused), atomic_load(&desk->failed));
    return reply(connection, 200, text);
}

static enum MHD_Result take(struct desk *desk, struct MHD_Connection *connection, const char *url, const struct letter *letter)
{
    size_t system = 0;
    while (system < SYSTEM_COUNT && strcmp(url, systems[system].name) != 0)
        system++;
    if (system == SYSTEM_COUNT)
        return reply(connection, 404, "{\"error\":\"no such system\"}\n");
    if (letter->too_large)
        return reply(connection, 413, "{\"error\":\"too large\"}\n");
    if (!signature_holds(desk->secret, MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Telos-Signature"), letter)) {
        atomic_fetch_add(&desk->refused, 1);
        return reply(connection, 401, "{\"error\":\"the signature does not hold\"}\n");
    }
    unsigned long long nth = atomic_load(&desk->events[system]) + atomic_load(&desk->failed);
    if (systems[system].fails && nth % 1000 >= 1000 - systems[system].fails) {
        atomic_fetch_add(&desk->failed, 1);
        return reply(connection, 503, "{\"error\":\"busy\"}\n");
    }
    bool recall = letter->body && memmem(letter->body, letter->length, "\"type\":\"recall\"", 15);
    atomic_fetch_add(recall ? &desk->recalls[system] : &desk->events[system], 1);
    return reply(connection, 200, "{\"ok\":true}\n");
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *size, void **state)
{
    (void)version;
    struct desk *desk = context;
    struct letter *letter = *state;
    if (!letter) {
        *state = letter = calloc(1, sizeof *letter);
        return letter ? MHD_YES : MHD_NO;
    }
    if (*size) {
        char *grown = letter->length + *size <= BODY_MAX ? realloc(letter->body, letter->length + *size) : NULL;
        if (grown) {
            memcpy(grown + letter->length, data, *size);
            letter->body = grown;
            letter->length += *size;
        } else {
            letter->too_large = true;
        }
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0 && strcmp(url, "/") == 0)
        return show_counts(desk, connection);
    if (strcmp(method, "GET") == 0 && (strcmp(url, "/shop") == 0 || strcmp(url, "/shop/en") == 0))
        return show_page(desk, connection, url[5] ? "en" : "hu");
    return strcmp(method, "POST") == 0 ? take(desk, connection, url, letter) : reply(connection, 405, "{\"error\":\"POST only\"}\n");
}

static void on_done(void *context, struct MHD_Connection *connection, void **state, enum MHD_RequestTerminationCode code)
{
    (void)context, (void)connection, (void)code;
    struct letter *letter = *state;
    if (letter)
        free(letter->body);
    free(letter);
    *state = NULL;
}

int systems_run(unsigned port, const char *server)
{
    struct desk desk = {.secret = getenv("DUNA_HOOK_SECRET"), .server = server, .write_key = getenv("DUNA_WEB_KEY")};
    if (!desk.secret) {
        fprintf(stderr, "telos-demo: DUNA_HOOK_SECRET is not in the environment; ./run makes it\n");
        return 2;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, (uint16_t)port, NULL, NULL, on_request, &desk, MHD_OPTION_SOCK_ADDR,
                         &address, MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_END);
    if (!daemon) {
        fprintf(stderr, "telos-demo: port %u of this machine is taken\n", port);
        return 3;
    }
    int got;
    sigwait(&signals, &got);
    MHD_stop_daemon(daemon);
    return 0;
}
