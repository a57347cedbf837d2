/* A small world for the sending thread: an outbox in memory in the place of the engine, and a web server that answers as it is told. */
#ifndef TELOS_TESTS_UNIT_DELIVER_WORLD_H
#define TELOS_TESTS_UNIT_DELIVER_WORLD_H

#include "deliver/deliver.h"

#include <pthread.h>

#define WORLD_ROWS 4096
#define WORLD_REQUESTS 8192

struct seen { /* a request that came in */
    int port_index;
    int64_t at_ms;
    uint64_t number, profile; /* from the body */
    char id[40], signature[128], body[256];
    int attempt;
};
struct answer {
    int status;
    const char *headers; /* lines, or NULL */
    int delay_ms;
    bool hang_up; /* close without an answer */
};
typedef struct answer (*answerer)(const struct seen *seen, unsigned nth); /* nth request for that row, from 1 */

struct row {
    struct delivery delivery;
    bool disclosed, denied; /* denied: the gate says no from now on */
    int64_t allowed_from_ms; /* with denied: quiet hours; TIME_NONE */
    bool too_large;
};

struct world {
    pthread_mutex_t lock;
    struct row rows[WORLD_ROWS];
    size_t row_count;
    struct seen seen[WORLD_REQUESTS];
    size_t seen_count;
    struct policy *policy;
    bool paused;
    unsigned commits, commits_failing; /* that many commits fail from now on */
    int64_t commit_delay_ms;
};
extern struct world world;

/* A server on a free port of the loopback interface; returns the port. */
int world_serve(answerer answer);
/* Nobody listens there. */
int world_dead_port(void);
/* A policy with these webhooks: pairs of name and port, ended by NULL; `option` may be added to all ("timeout", "1s"). */
void world_begin(const char *option_name, const char *option_value, ...);
void world_destination(const char *name, int port);
/* One of kind `kafka`; more options as pairs of name and value, ended by NULL. */
void world_kafka(const char *name, const char *brokers, const char *topic, ...);
void world_start(int64_t drain_ms);
void world_stop(void); /* the sending thread */
void world_end(void);
uint64_t world_add(const char *destination, uint64_t profile, enum delivery_kind kind);
void world_note(void); /* tells of a commit */
struct row world_row(uint64_t number);
/* Waits until all rows are in the state, or the time is over. */
bool world_wait_state(enum delivery_state state, int64_t ms);
bool world_wait_row(uint64_t number, enum delivery_state state, int64_t ms);
bool world_wait_seen(size_t count, int64_t ms);
size_t world_seen_count(void);
struct deliver_status world_status(const char *name, struct arena *arena);
extern struct deliver *world_deliver;

#endif
