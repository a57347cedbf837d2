/* Several requests under way at once: for import and bench, which are as fast as the server only when it never waits
 * for them. */
#ifndef TELOS_MAIN_FLIGHT_H
#define TELOS_MAIN_FLIGHT_H

#include "main/client.h"

struct flights;
struct flight { /* a slot; one request at a time, on a connection that is kept */
    struct http_request request; /* in; its texts are borrowed until the flight has landed */
    void *context; /* the owner's */
    const struct err *error; /* out: nobody answered */
    struct http_reply reply; /* out, if there is no error; good until the slot is used again */
    int64_t us; /* out: how long it took */
};

/* The client must outlive it. */
struct flights *flights_open(struct arena *arena, struct client *client, size_t slots);
void flights_close(struct flights *flights); /* takes NULL; what is under way is cut off */
size_t flights_under_way(const struct flights *flights);
/* A free slot, or NULL. It is taken from now on. */
struct flight *flight_take(struct flights *flights);
void flight_start(struct flights *flights, struct flight *flight);
/* The next one that landed, or NULL when none did within the time. Its slot stays taken: start it again, or give it
 * back. */
struct flight *flights_wait(struct flights *flights, int64_t wait_ms);
void flight_give_back(struct flights *flights, struct flight *flight);
/* `ret_flight->reply.json` is read only when asked for: most replies need only their status. */
bool flight_json(struct flight *flight);

#endif
