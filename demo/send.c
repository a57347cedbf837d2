#include "send.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TRIES_MAX 60

static const char *const source_keys[SOURCE_COUNT] = {
#define X(code, name, key) key,
    SOURCES(X)
#undef X
};

static size_t reply_forget(char *data, size_t size, size_t count, void *context)
{
    (void)data, (void)context;
    return size * count;
}

bool sender_init(struct sender *sender, const char *server, const char *token, volatile int *stop)
{
    *sender = (struct sender){.stop = stop};
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        if (!getenv(source_keys[i])) {
            fprintf(stderr, "telos-demo: the write key %s is not in the environment; ./run makes it\n", source_keys[i]);
            return false;
        }
    arena_init(&sender->arena);
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        buf_init(&sender->waiting[i].body, &sender->arena, BATCH_BYTES + 64 * 1024);
    sender->server = strdup(server);
    sender->token = token ? strdup(token) : NULL;
    sender->easy = curl_easy_init();
    return sender->easy && sender->server;
}

void sender_release(struct sender *sender)
{
    curl_easy_cleanup(sender->easy);
    free(sender->server);
    free(sender->token);
    arena_release(&sender->arena);
}

/* The status of one attempt; 0 when no reply came. `key`: a write key for Basic, NULL: the API token. */
static long attempt(struct sender *sender, const char *method, const char *path, str body, const char *key, long *ret_wait_s)
{
    char url[512], header[512], user[256];
    curl_easy_reset(sender->easy);
    snprintf(url, sizeof url, "%s%s", sender->server, path);
    curl_easy_setopt(sender->easy, CURLOPT_URL, url);
    curl_easy_setopt(sender->easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(sender->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.length);
    curl_easy_setopt(sender->easy, CURLOPT_WRITEFUNCTION, reply_forget);
    curl_easy_setopt(sender->easy, CURLOPT_TIMEOUT, 60L);
    curl_easy_setopt(sender->easy, CURLOPT_NOSIGNAL, 1L);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (key) {
        snprintf(user, sizeof user, "%s:", key);
        curl_easy_setopt(sender->easy, CURLOPT_USERPWD, user);
    } else if (sender->token) {
        snprintf(header, sizeof header, "Authorization: Bearer %s", sender->token);
        headers = curl_slist_append(headers, header);
    }
    curl_easy_setopt(sender->easy, CURLOPT_HTTPHEADER, headers);
    int64_t begun_us = clock_monotonic_us();
    CURLcode code = curl_easy_perform(sender->easy);
    sender->busy_us += clock_monotonic_us() - begun_us;
    long status = 0;
    curl_off_t wait_s = 0;
    if (code == CURLE_OK) {
        curl_easy_getinfo(sender->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(sender->easy, CURLINFO_RETRY_AFTER, &wait_s);
    }
    curl_slist_free_all(headers);
    *ret_wait_s = wait_s > 0 && wait_s < 10 ? (long)wait_s : 1;
    return status;
}

/* As the SDKs do: again on 429, 5xx and silence, with what the server asks for between; never again on another 4xx. */
static bool perform(struct sender *sender, const char *method, const char *path, str body, const char *key)
{
    for (unsigned tries = 0; tries < TRIES_MAX && !*sender->stop && !sender->stopped; tries++) {
        long wait_s, status = attempt(sender, method, path, body, key, &wait_s);
        sender->requests++;
        sender->bytes += body.length;
        if (status >= 200 && status < 300)
            return true;
        if (status >= 400 && status < 500 && status != 429) {
            if (sender->failures++ < 3)
                fprintf(stderr, "\ntelos-demo: %s %s was refused with %ld\n", method, path, status);
            return false;
        }
        sender->retried++;
        sleep((unsigned)wait_s);
    }
    sender->stopped = true;
    return false;
}

static void flush_source(struct sender *sender, unsigned source)
{
    struct waiting *waiting = &sender->waiting[source];
    if (!waiting->count)
        return;
    char text[TIME_TEXT_SIZE];
    buf_add(&waiting->body, STR("],\"sentAt\":\""));
    buf_add(&waiting->body, time_text(clock_now_ms(), text));
    buf_add(&waiting->body, STR("\"}"));
    if (perform(sender, "POST", "/v1/batch", buf_str(&waiting->body), getenv(source_keys[source])))
        sender->messages += waiting->count;
    buf_clear(&waiting->body);
    waiting->count = 0;
}

void send_message(struct sender *sender, enum source_name source, str json)
{
    struct waiting *waiting = &sender->waiting[source];
    buf_add(&waiting->body, waiting->count ? STR(",") : STR("{\"batch\":["));
    buf_add(&waiting->body, json);
    if (++waiting->count == BATCH_MESSAGES || waiting->body.length > BATCH_BYTES)
        flush_source(sender, source);
}

void send_flush(struct sender *sender)
{
    for (unsigned i = 0; i < SOURCE_COUNT; i++)
        flush_source(sender, i);
}

void send_statement(struct sender *sender, const char *method, const char *path, str json)
{
    send_flush(sender);
    sender->statements += perform(sender, method, path, json, NULL);
}
