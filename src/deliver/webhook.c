/* The destination kind `webhook`: a POST of the JSON body, signed, to one address that the policy names.
 *
 * 1. http and https only; no redirect is followed, no proxy of the environment is used: data goes to the recipient declared, nowhere else.
 * 2. TLS 1.2 or newer, certificate and host name verified, always. `ca_file` names another set of authorities, never none.
 * 3. The reply's body is read up to a bound and thrown away: a recipient's words are no part of Telos.
 *
 * Options: url; secret_env (name of the environment variable with the signing secret); timeout (default 10 s); ca_file.
 */
#include "deliver/webhook.h"

#include "deliver/schedule.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_MS (10 * SECOND_MS)
#define CONNECT_MAX_MS (5 * SECOND_MS)
#define URL_BYTES_MAX 2048

struct webhook {
    char *url, *ca_file; /* ca_file NULL: the system's */
    char *secret; /* NULL: not signed */
    size_t secret_length;
    int64_t timeout_ms;
};

void webhook_signature(str secret, int64_t now_ms, str body, char ret_value[WEBHOOK_SIGNATURE_SIZE])
{
    int64_t seconds = now_ms / SECOND_MS;
    char prefix[32];
    int prefix_length = snprintf(prefix, sizeof prefix, "%lld.", (long long)seconds);
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_length = 0;
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    ASSERT(algorithm);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(algorithm);
    ASSERT(mac);
    char name[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0), OSSL_PARAM_construct_end()};
    bool ok = EVP_MAC_init(mac, (const unsigned char *)secret.data, secret.length, parameters) == 1 &&
              EVP_MAC_update(mac, (const unsigned char *)prefix, (size_t)prefix_length) == 1 &&
              EVP_MAC_update(mac, (const unsigned char *)body.data, body.length) == 1 &&
              EVP_MAC_final(mac, digest, &digest_length, sizeof digest) == 1;
    EVP_MAC_CTX_free(mac);
    EVP_MAC_free(algorithm);
    ASSERT(ok && digest_length == 32);
    int at = snprintf(ret_value, WEBHOOK_SIGNATURE_SIZE, "t=%lld,v1=", (long long)seconds);
    for (size_t i = 0; i < digest_length; i++)
        at += snprintf(ret_value + at, (size_t)(WEBHOOK_SIGNATURE_SIZE - at), "%02x", digest[i]);
}

bool webhook_timeout_parse(str text, int64_t *ret_ms)
{
    struct duration duration;
    int64_t ms, seconds;
    text = str_trim(text);
    if (duration_parse(text, &duration) && duration.months == 0) {
        ms = duration.ms;
    } else {
        if (str_ends(text, STR("s")))
            text = str_slice(text, 0, text.length - 1);
        if (!str_to_int64(text, &seconds) || seconds < 1 || seconds > LIMIT_DELIVERY_TIMEOUT_S)
            return false;
        ms = seconds * SECOND_MS;
    }
    if (ms < SECOND_MS || ms > LIMIT_DELIVERY_TIMEOUT_S * SECOND_MS)
        return false;
    *ret_ms = ms;
    return true;
}

static bool url_has(CURLU *url, CURLUPart part)
{
    char *value = NULL;
    bool has = curl_url_get(url, part, &value, 0) == CURLUE_OK;
    curl_free(value);
    return has;
}

const char *webhook_url_problem(str text)
{
    if (str_empty(text))
        return "a webhook needs `url`";
    if (text.length > URL_BYTES_MAX)
        return "`url` is too long";
    char z[URL_BYTES_MAX + 1];
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
            return "`url` has a space or a control character in it";
        z[i] = text.data[i];
    }
    z[text.length] = 0;
    CURLU *url = curl_url();
    ASSERT(url);
    const char *problem = NULL;
    char *scheme = NULL;
    if (curl_url_set(url, CURLUPART_URL, z, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
        problem = "`url` is not an address; write https://HOST/PATH";
    else if (curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK || (strcmp(scheme, "http") && strcmp(scheme, "https")))
        problem = "`url` must begin with https:// or http://";
    else if (!url_has(url, CURLUPART_HOST))
        problem = "`url` names no host";
    else if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD))
        problem = "`url` must hold no user name or password: a policy is no place for secrets";
    else if (url_has(url, CURLUPART_FRAGMENT))
        problem = "`url` must have no #fragment";
    curl_free(scheme);
    curl_url_cleanup(url);
    return problem;
}

static void webhook_check(struct arena *arena, const struct destination *destination, policy_problems *ret_problems)
{
    static const str known[] = {{"url", 3}, {"secret_env", 10}, {"timeout", 7}, {"ca_file", 7}};
    const size_t known_count = sizeof known / sizeof *known;
    for (size_t i = 0; i < destination->options.count; i++) {
        const struct flow_option *option = &destination->options.items[i];
        str name = option->name;
        bool found = false;
        for (size_t k = 0; k < known_count; k++)
            found = found || str_equal(name, known[k]);
        if (found)
            continue;
        if (str_equal(name, STR("secret"))) {
            kind_problem_at(arena, ret_problems, destination, option, known[1],
                         "a policy is no place for secrets: put it into the environment and name the variable in `secret_env`");
            continue;
        }
        str nearest = str_nearest(name, known, known_count);
        if (str_empty(nearest))
            kind_problem_at(arena, ret_problems, destination, option, nearest, "a webhook has no option `%.*s`; it has url, secret_env, timeout, ca_file",
                         STR_FMT(name));
        else
            kind_problem_at(arena, ret_problems, destination, option, nearest, "option `%.*s` is unknown: did you mean `%.*s`?", STR_FMT(name),
                         STR_FMT(nearest));
    }
    const char *problem = webhook_url_problem(destination_option(destination, STR("url"), STR_NONE));
    if (problem)
        kind_problem(arena, ret_problems, destination, STR_NONE, "%s", problem);
    int64_t timeout_ms;
    str timeout = destination_option(destination, STR("timeout"), STR("10"));
    if (!webhook_timeout_parse(timeout, &timeout_ms))
        kind_problem(arena, ret_problems, destination, STR_NONE, "`timeout` is 1 to %d seconds, as in `timeout: 10s`", LIMIT_DELIVERY_TIMEOUT_S);
}

static const char *webhook_open(struct arena *arena, const struct destination *destination, const char *(*environment)(const char *),
                                void **ret_target)
{
    struct webhook *webhook = arena_new(arena, struct webhook);
    str url = destination_option(destination, STR("url"), STR_NONE);
    if (webhook_url_problem(url))
        return "url_invalid";
    webhook->url = str_z(arena, url);
    webhook->timeout_ms = TIMEOUT_DEFAULT_MS;
    str timeout = destination_option(destination, STR("timeout"), STR_NONE);
    if (!str_empty(timeout) && !webhook_timeout_parse(timeout, &webhook->timeout_ms))
        return "timeout_invalid";
    str ca_file = destination_option(destination, STR("ca_file"), STR_NONE);
    if (!str_empty(ca_file)) {
        webhook->ca_file = str_z(arena, ca_file);
        if (access(webhook->ca_file, R_OK) != 0)
            return "ca_file_unreadable";
    }
    str variable = destination_option(destination, STR("secret_env"), STR_NONE);
    if (!str_empty(variable)) {
        const char *secret = environment(str_z(arena, variable));
        if (!secret || !*secret)
            return "secret_missing"; /* unsigned is not what was asked for */
        webhook->secret = str_z(arena, str_of(secret));
        webhook->secret_length = strlen(secret);
    }
    *ret_target = webhook;
    return NULL;
}

static void webhook_close(void *target)
{
    struct webhook *webhook = target;
    if (webhook->secret)
        OPENSSL_cleanse(webhook->secret, webhook->secret_length);
}

static bool webhook_is_signed(const void *target) { return ((const struct webhook *)target)->secret != NULL; }

static size_t on_reply(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    (void)data; /* never kept, never logged */
    transfer->reply_bytes += size * count;
    if (transfer->reply_bytes <= LIMIT_DELIVERY_REPLY_BYTES)
        return size * count;
    transfer->reply_cut = true;
    return 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    str line = str_bytes(data, size * count), name;
    int64_t delay_ms;
    if (str_split(&line, ':', &name) && str_equal_nocase(name, STR("retry-after")) &&
        retry_after_parse(line, clock_now_ms(), &delay_ms))
        transfer->retry_after_ms = delay_ms;
    return size * count;
}

static bool add_header(struct transfer *transfer, const char *name, const char *value)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s%s%s", name, *value ? ": " : ":", value);
    ASSERT(length > 0 && (size_t)length < sizeof line);
    struct curl_slist *headers = curl_slist_append(transfer->headers, line);
    if (headers)
        transfer->headers = headers;
    return headers != NULL;
}

static bool add_headers(const struct webhook *webhook, struct transfer *transfer, int64_t now_ms)
{
    char id[UUID_TEXT_SIZE], attempt[16], signature[WEBHOOK_SIGNATURE_SIZE];
    uuid_text(transfer->delivery->id, id);
    snprintf(attempt, sizeof attempt, "%u", transfer->attempt);
    if (webhook->secret)
        webhook_signature(str_bytes(webhook->secret, webhook->secret_length), now_ms, transfer->body, signature);
    return add_header(transfer, "Content-Type", "application/json") && add_header(transfer, "User-Agent", "Telos") &&
           add_header(transfer, "Accept", "*/*") && add_header(transfer, "Expect", "") && add_header(transfer, "Telos-Delivery", id) &&
           add_header(transfer, "Telos-Attempt", attempt) &&
           (!webhook->secret || add_header(transfer, "Telos-Signature", signature));
}

static const char *webhook_begin(void *target, struct transfer *transfer, int64_t now_ms)
{
    const struct webhook *webhook = target;
    CURL *easy = transfer->easy;
    long timeout_ms = (long)webhook->timeout_ms;
    if (!add_headers(webhook, transfer, now_ms))
        return "send_failed";
    bool ok = curl_easy_setopt(easy, CURLOPT_URL, webhook->url) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK && curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.length) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.data) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms < CONNECT_MAX_MS ? timeout_ms : (long)CONNECT_MAX_MS) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
              (!webhook->ca_file || curl_easy_setopt(easy, CURLOPT_CAINFO, webhook->ca_file) == CURLE_OK) &&
              curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_reply) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
              curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK;
    return ok ? NULL : "send_failed";
}

static void webhook_classify(const struct transfer *transfer, CURLcode code, struct verdict *ret_verdict)
{
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 where there was no reply */
    /* The status is the answer. That the rest of the reply was cut off, by us or by them, changes nothing in it. */
    if (code == CURLE_OK || status >= 200)
        verdict_of_http(status, transfer->retry_after_ms, ret_verdict);
    else
        verdict_of_curl(code, ret_verdict);
}

const struct kind kind_webhook = {
    .name = "webhook",
    .check = webhook_check,
    .open = webhook_open,
    .close = webhook_close,
    .is_signed = webhook_is_signed,
    .begin = webhook_begin,
    .classify = webhook_classify,
};
