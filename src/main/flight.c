/* Several requests under way, by libcurl's multi interface; the contract is in flight.h. */
#include "main/flight.h"

#include "base/limits.h"
#include "base/time.h"
#include "main/client_private.h"

struct slot {
    struct flight flight; /* first, so that one is the other */
    struct slot *next; /* of the free ones, or of those that landed */
    CURL *easy;
    struct curl_slist *headers;
    struct arena arena; /* of the reply */
    struct buf body;
    int64_t begun_us;
};

struct flights {
    struct arena *arena;
    struct client *client;
    CURLM *multi;
    struct slot *slots, *free, *landed, **landed_last;
    size_t count, under_way;
};

static size_t receive(char *data, size_t size, size_t count, void *context)
{
    struct slot *slot = context;
    buf_add(&slot->body, str_bytes(data, size * count));
    return slot->body.overflow ? CURL_WRITEFUNC_ERROR : size * count;
}

struct flights *flights_open(struct arena *arena, struct client *client, size_t slots)
{
    struct flights *flights = arena_new(arena, struct flights);
    *flights = (struct flights){.arena = arena, .client = client, .count = slots, .landed_last = &flights->landed};
    flights->multi = curl_multi_init();
    ASSERT(flights->multi); /* out of memory ends the program */
    flights->slots = arena_array(arena, struct slot, slots);
    for (size_t i = slots; i-- > 0;) {
        struct slot *slot = &flights->slots[i];
        slot->easy = client_handle(client);
        arena_init(&slot->arena);
        bool fine = curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, receive) == CURLE_OK;
        fine = fine && curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot) == CURLE_OK;
        fine = fine && curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot) == CURLE_OK;
        ASSERT(fine);
        slot->next = flights->free;
        flights->free = slot;
    }
    return flights;
}

void flights_close(struct flights *flights)
{
    if (!flights)
        return;
    for (size_t i = 0; i < flights->count; i++) {
        struct slot *slot = &flights->slots[i];
        (void)curl_multi_remove_handle(flights->multi, slot->easy); /* it may not be in it */
        curl_easy_cleanup(slot->easy);
        curl_slist_free_all(slot->headers);
        arena_release(&slot->arena);
    }
    (void)curl_multi_cleanup(flights->multi); /* it is empty: cannot fail */
}

size_t flights_under_way(const struct flights *flights) { return flights->under_way; }

struct flight *flight_take(struct flights *flights)
{
    struct slot *slot = flights->free;
    if (!slot)
        return NULL;
    flights->free = slot->next;
    slot->next = NULL;
    return &slot->flight;
}

void flight_give_back(struct flights *flights, struct flight *flight)
{
    struct slot *slot = (struct slot *)flight;
    slot->next = flights->free;
    flights->free = slot;
}

void flight_start(struct flights *flights, struct flight *flight)
{
    struct slot *slot = (struct slot *)flight;
    arena_clear(&slot->arena);
    buf_init(&slot->body, &slot->arena, LIMIT_REPLY_BYTES);
    flight->error = NULL;
    flight->reply = (struct http_reply){0};
    slot->next = NULL;
    slot->begun_us = clock_monotonic_us();
    slot->headers = client_prepare(flights->client, slot->easy, &slot->arena, &flight->request);
    CURLMcode code = curl_multi_add_handle(flights->multi, slot->easy);
    ASSERT(code == CURLM_OK);
    flights->under_way++;
}

static void land(struct flights *flights, struct slot *slot, CURLcode code)
{
    struct flight *flight = &slot->flight;
    long status = 0;
    curl_off_t wait_s = 0;
    (void)curl_multi_remove_handle(flights->multi, slot->easy); /* it is in it: cannot fail */
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    (void)curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status); /* 0 when it is not known */
    (void)curl_easy_getinfo(slot->easy, CURLINFO_RETRY_AFTER, &wait_s);
    flight->us = clock_monotonic_us() - slot->begun_us;
    flight->reply = (struct http_reply){.status = (int)status, .body = buf_str(&slot->body), .retry_after_s = (int)wait_s};
    if (code != CURLE_OK)
        flight->error = client_error(flights->client, &slot->arena, code);
    *flights->landed_last = slot;
    flights->landed_last = &slot->next;
    flights->under_way--;
}

static void collect(struct flights *flights)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(flights->multi, &left))) {
        struct slot *slot = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode got = curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
        ASSERT(got == CURLE_OK && slot);
        land(flights, slot, code);
    }
}

struct flight *flights_wait(struct flights *flights, int64_t wait_ms)
{
    int running;
    if (!flights->landed) {
        CURLMcode code = curl_multi_perform(flights->multi, &running);
        ASSERT(code == CURLM_OK);
        collect(flights);
    }
    if (!flights->landed && wait_ms > 0) {
        (void)curl_multi_poll(flights->multi, NULL, 0, (int)wait_ms, NULL); /* an interrupted wait is a short one */
        CURLMcode code = curl_multi_perform(flights->multi, &running);
        ASSERT(code == CURLM_OK);
        collect(flights);
    }
    struct slot *slot = flights->landed;
    if (!slot)
        return NULL;
    flights->landed = slot->next;
    if (!flights->landed)
        flights->landed_last = &flights->landed;
    slot->next = NULL;
    return &slot->flight;
}

bool flight_json(struct flight *flight)
{
    struct slot *slot = (struct slot *)flight;
    if (flight->error || flight->reply.is_json)
        return !flight->error;
    const struct err *error = json_read(&slot->arena, flight->reply.body, &flight->reply.json);
    flight->reply.is_json = error == NULL;
    return flight->reply.is_json;
}
