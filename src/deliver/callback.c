/* The sender of status callbacks; see callback.h. */
#include "deliver/callback.h"

#include "base/log.h"
#include "engine/rights.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_EVERY_S 1
#define TIMEOUT_S 10L
#define AT_ONCE 16

struct callbacks {
    struct engine *engine;
    struct reader *reader;
    struct arena arena;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

/* ---- where to ---- */

static bool public4(uint32_t address)
{
    static const struct {
        uint32_t network;
        unsigned bits;
    } others[] = {{0x00000000, 8}, {0x0a000000, 8}, {0x64400000, 10}, {0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0000000, 24},
                  {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4}, {0xf0000000, 4}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if ((address ^ others[i].network) >> (32 - others[i].bits) == 0)
            return false;
    return true;
}

bool callback_address_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return public4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family != AF_INET6)
        return false;
    const uint8_t *bytes = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)bytes))
        return public4((uint32_t)bytes[12] << 24 | (uint32_t)bytes[13] << 16 | (uint32_t)bytes[14] << 8 | bytes[15]);
    return (bytes[0] & 0xe0) == 0x20 && !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8) && /* documentation */
           !(bytes[0] == 0x20 && bytes[1] == 0x02) && !(bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0 && bytes[3] == 0); /* 6to4, Teredo */
}

struct attempt {
    bool named; /* the policy names the host: any address will do */
};

/* Called for the very address that is about to be connected to: a name cannot lead elsewhere between looking and connecting. */
static curl_socket_t socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct attempt *attempt = context;
    if (purpose != CURLSOCKTYPE_IPCXN || (!attempt->named && !callback_address_public(&address->addr)))
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t reply_ignore(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count; /* a bounded reply: CURLOPT_MAXFILESIZE and the time see to it */
}

static bool host_named(const struct policy *policy, const char *url)
{
    char *host = NULL;
    bool named = false;
    CURLU *parts = curl_url();
    if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK && curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        vec_each (name, &policy->callback_hosts)
            named |= str_equal_nocase(*name, str_of(host));
    curl_free(host);
    curl_url_cleanup(parts);
    return named;
}

/* ---- what ---- */

static str body_of(struct arena *arena, const struct policy *policy, const struct rights_case *one, const struct json *external, str url)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, 16 * 1024);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    if (str_equal(json_string(json_get(external, STR("protocol"))), STR("opendsr"))) {
        jsonw_field(&w, "controller_id", policy->rights_domain);
        jsonw_field_time(&w, "expected_completion_time", one->row.done_ms != TIME_NONE ? one->row.done_ms : one->row.due_ms);
        jsonw_field(&w, "status_callback_url", url);
        jsonw_field(&w, "subject_request_id", json_string(json_get(external, STR("id"))));
        jsonw_field(&w, "request_status", str_of(rights_status_opendsr(one->row.state)));
        jsonw_field(&w, "api_version", STR("2.0"));
    } else
        rights_status_drp(&w, arena, one, policy->rights_domain);
    jsonw_object_end(&w);
    return buf_str(&buf);
}

static bool post(struct callbacks *callbacks, const struct policy *policy, str url, str body)
{
    struct attempt attempt = {.named = host_named(policy, str_z(&callbacks->arena, url))};
    CURL *easy = curl_easy_init();
    struct curl_slist *headers = NULL;
    long status = 0;
    if (!easy)
        return false;
    str signature = engine_rights_sign(callbacks->engine, &callbacks->arena, body);
    headers = curl_slist_append(headers, "Content-Type: application/json");
    headers = curl_slist_append(headers, arena_printf(&callbacks->arena, "X-OpenDSR-Signature: %.*s", STR_FMT(signature)));
    headers = curl_slist_append(headers, arena_printf(&callbacks->arena, "X-OpenDSR-Processor-Domain: %.*s", STR_FMT(policy->rights_domain)));
    curl_easy_setopt(easy, CURLOPT_URL, str_z(&callbacks->arena, url));
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, attempt.named ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)LIMIT_DELIVERY_REPLY_BYTES);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, &attempt);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, reply_ignore);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body.length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data);
    bool sent = curl_easy_perform(easy) == CURLE_OK && curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status / 100 == 2;
    curl_slist_free_all(headers);
    curl_easy_cleanup(easy);
    return sent;
}

static const struct err *tell(struct callbacks *callbacks, const struct policy *policy, const struct rights_case *one)
{
    struct json external;
    bool told = true;
    TRY(json_read(&callbacks->arena, one->record.external, &external));
    const struct json *urls = json_get(&external, STR("callbacks"));
    for (uint32_t i = 0; urls && urls->type == JSON_ARRAY && i < urls->count; i++) {
        str url = json_string(&urls->items[i]);
        told &= post(callbacks, policy, url, body_of(&callbacks->arena, policy, one, &external, url));
    }
    return engine_rights_told(callbacks->engine, &callbacks->arena, one->row.id, one->row.state, told);
}

static bool stopping(struct callbacks *callbacks)
{
    pthread_mutex_lock(&callbacks->lock);
    bool stop = callbacks->stopping;
    pthread_mutex_unlock(&callbacks->lock);
    return stop;
}

static const struct err *round_run(struct callbacks *callbacks, const struct policy *policy)
{
    struct rights_case *cases = NULL;
    size_t count = 0;
    TRY(engine_rights_untold(callbacks->reader, &callbacks->arena, AT_ONCE, &cases, &count));
    for (size_t i = 0; i < count && !stopping(callbacks); i++)
        TRY(tell(callbacks, policy, &cases[i]));
    return NULL;
}

static void *callbacks_main(void *context)
{
    struct callbacks *callbacks = context;
    while (!stopping(callbacks)) {
        const struct policy *policy = engine_policy(callbacks->engine);
        if (policy && !str_empty(policy->rights_domain) && engine_lease(callbacks->reader, &callbacks->arena, "callbacks")) {
            const struct err *error = round_run(callbacks, policy);
            if (error && error->code != ERR_UNAVAILABLE)
                log_write(LOG_WARN, "callbacks", "%s", error->text);
        }
        if (policy)
            engine_policy_release(callbacks->engine, policy);
        arena_clear(&callbacks->arena);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += LOOK_EVERY_S;
        pthread_mutex_lock(&callbacks->lock);
        if (!callbacks->stopping)
            (void)pthread_cond_timedwait(&callbacks->wake, &callbacks->lock, &until); /* either way it looks again */
        pthread_mutex_unlock(&callbacks->lock);
    }
    return NULL;
}

const struct err *callbacks_start(struct arena *arena, struct engine *engine, struct callbacks **ret_callbacks)
{
    struct callbacks *callbacks = calloc(1, sizeof *callbacks);
    ASSERT(callbacks);
    callbacks->engine = engine;
    const struct err *error = engine_reader(engine, &callbacks->reader);
    if (error) {
        free(callbacks);
        return error;
    }
    arena_init(&callbacks->arena);
    pthread_mutex_init(&callbacks->lock, NULL);
    pthread_cond_init(&callbacks->wake, NULL);
    if (pthread_create(&callbacks->thread, NULL, callbacks_main, callbacks) != 0) {
        engine_reader_close(callbacks->reader);
        free(callbacks);
        return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
    }
    *ret_callbacks = callbacks;
    return NULL;
}

void callbacks_stop(struct callbacks *callbacks)
{
    if (!callbacks)
        return;
    pthread_mutex_lock(&callbacks->lock);
    callbacks->stopping = true;
    pthread_cond_signal(&callbacks->wake);
    pthread_mutex_unlock(&callbacks->lock);
    pthread_join(callbacks->thread, NULL);
    engine_reader_close(callbacks->reader);
    arena_release(&callbacks->arena);
    pthread_mutex_destroy(&callbacks->lock);
    pthread_cond_destroy(&callbacks->wake);
    free(callbacks);
}
