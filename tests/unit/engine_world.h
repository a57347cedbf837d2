/* A small world for tests of the engine: a data directory in /tmp, a policy, and short ways to send and ask. */
#ifndef TELOS_TESTS_UNIT_ENGINE_WORLD_H
#define TELOS_TESTS_UNIT_ENGINE_WORLD_H

#include "unit.h"

#include "engine/engine.h"
#include "engine/rights.h"

struct world {
    struct arena arena;
    char data[64];
    struct engine *engine;
    struct reader *reader;
    bool debug_door, background;
    int64_t received_ms; /* of messages and statements; 0: now */
    struct store *store; /* of the next opening: a handle of a shared store; NULL: sqlite */
    struct vault *vault; /* the same */
};

/* The policy of most tests: `newsletter` on consent, `fulfilment` on contract, `fraud` on legitimate interest. */
extern const char world_policy[];

void world_begin(struct world *world); /* makes the directory, opens, applies world_policy */
void world_begin_empty(struct world *world); /* without a policy */
void world_open(struct world *world);
void world_close(struct world *world);
void world_reopen(struct world *world);
void world_end(struct world *world); /* closes, removes the directory */
uint32_t world_apply(struct world *world, const char *policy);

/* Sends one message of a source; its outcome. The text is JSON with '…' for quotes: {'userId':'u1'}. */
enum outcome world_send(struct world *world, enum event_type type, const char *source, const char *text);
struct message_result world_send_result(struct world *world, enum event_type type, const char *source, const char *text);
const struct err *world_try(struct world *world, enum event_type type, const char *source, const char *text);
/* States something by API on "type:value". */
struct consent world_state(struct world *world, const char *subject, const char *purpose, enum consent_status status);
/* A rights request of a known person, with these steps; its id. Nothing is asked of the core. */
struct uuid world_right(struct world *world, const char *subject, enum right right, const enum rights_step_kind *steps, size_t step_count);
struct person *world_person(struct world *world, const char *subject, unsigned parts);
/* The trait of the folded profile, as JSON text; empty: none. */
str world_trait(struct world *world, const char *subject, const char *trait);
size_t world_events(struct world *world, const char *subject);
str world_json(struct world *world, const char *text); /* quotes put right */

#endif
