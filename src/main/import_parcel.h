/* One batch of an import: its messages as a body for /v1/import, where each stands in the file, and what became of
 * them. */
#ifndef TELOS_MAIN_IMPORT_PARCEL_H
#define TELOS_MAIN_IMPORT_PARCEL_H

#include "main/client.h"
#include "main/import_state.h"

enum { IMPORT_PARCEL_MESSAGES = 2500, IMPORT_PARCEL_BYTES = 2 * 1024 * 1024 };

enum parcel_state { PARCEL_EMPTY, PARCEL_WAITING, PARCEL_FLYING, PARCEL_DONE };
struct reject {
    uint64_t line;
    const char *outcome; /* "invalid", "dropped" */
    str why; /* JSON: a text, or a list of reason codes */
};
struct parcel {
    struct arena keep; /* of the body and the lines, used again for the next batch */
    struct arena scratch; /* of this batch's rejects */
    enum parcel_state state;
    struct buf body;
    VEC(uint64_t) lines; /* of the messages, in order */
    VEC(struct reject) rejects;
    struct import_counts counts;
    struct place after; /* where the next batch begins */
    uint64_t after_bytes; /* the same in bytes of the file itself, for progress */
    int64_t at_us; /* PARCEL_WAITING: not before */
    unsigned attempts;
};
void parcel_init(struct parcel *parcel);
void parcel_release(struct parcel *parcel);
/* Takes messages from the feed until the batch is full or the file ends (`ret_ended`). */
const struct err *parcel_fill(struct parcel *parcel, struct feed *feed, bool *ret_ended) MUST_CHECK;
/* What a 200 said. */
void parcel_answered(struct parcel *parcel, const struct json *reply);
/* Writes its rejects, in the order of the file, and adds its counts to the state. */
const struct err *parcel_retire(struct parcel *parcel, struct arena *arena, const char *file, struct import_state *state) MUST_CHECK;

#endif
