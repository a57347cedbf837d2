/* A little world around the core for its tests: a policy, a clock, the persons in memory. It plays the engine's part: hashes identifiers, gives
 * the whole working set, "saves" what was marked by keeping it. */
#ifndef TELOS_TESTS_CORE_WORLD_H
#define TELOS_TESTS_CORE_WORLD_H

#include "core/apply.h"
#include "core/gate.h"
#include "core/identity.h"
#include "core/profile.h"
#include "person_rows.h"

struct world {
    struct arena arena; /* lives as long as the world */
    struct policy *policy;
    VEC(struct policy *) older; /* rows may still point into them */
    struct id_source ids;
    int64_t now_ms;
    uint64_t profile_next, ledger_next;
    struct row_numbers numbers;
    VEC(struct person *) persons;
    struct batch last; /* of the last apply */
    VEC(struct leaf) leaves; /* of all */
    VEC(struct counter) counters; /* of all, not merged */
    VEC(struct key_end) key_ends; /* of all */
    unsigned rounds; /* of the last apply */
    bool lazy; /* parts other than the head count as not loaded until they are asked for */
};

void world_begin(struct world *world, const char *policy_yaml);
void world_end(struct world *world);
/* Another version of the policy takes over; purposes keep their bits by name. */
void world_policy(struct world *world, const char *policy_yaml);
void world_at(struct world *world, const char *time);
void world_later(struct world *world, const char *duration);

/* Fills a message request as the engine would. False where core_read_message refuses it (result->problem). */
bool world_message(struct world *world, const char *source, const char *json, struct request *ret_request);
void world_apply(struct world *world, struct request *requests, size_t count);
/* One message through; its result. */
struct message_result *world_send(struct world *world, const char *source, const char *json);
struct message_result *world_send_gpc(struct world *world, const char *source, const char *json);
/* "email:anna@example.hu" "newsletter" "given" — the rest of the record may be given. Refusal text, or "". */
str world_state(struct world *world, const char *subject, const char *purpose, const char *status, const struct consent *more);
str world_prefer(struct world *world, const char *subject, const char *json);
bool world_erase(struct world *world, const char *subject);
str world_undo(struct world *world, struct uuid merge);
str world_join(struct world *world, const char *left, const char *right);
void world_sweep(struct world *world); /* everybody whose time has come */
void world_sweep_all(struct world *world);
struct person *world_person(struct world *world, const char *subject); /* NULL: nobody */
size_t world_count(const struct world *world, const char *leaf_kind);
uint64_t world_counted(const struct world *world, const char *what, const char *field, const char *reason);
/* The trait's value as JSON text by the fold of all facts; STR_NONE: none. */
str world_trait(struct world *world, const char *subject, const char *trait);
struct message_identifier world_identifier(struct world *world, const char *subject);
/* Everything was said by a person's rows that must hold after each step (gate.md §6, 1). */
void world_check(struct world *world);
/* Codes with blanks between, in the order of the list. */
str world_reasons(struct world *world, reason_mask reasons);
str world_purposes(struct world *world, purpose_mask purposes);
size_t world_alive_events(const struct person *person);
size_t world_alive_facts(const struct person *person);
size_t world_alive_held(const struct person *person);

#endif
