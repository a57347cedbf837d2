/* How far an import of one file has come, kept so that it goes on after an interruption, and its rejects.
 *
 * 1. The state is behind what is stored, never ahead: what is sent again is known by its ids.
 * 2. The rejects file is cut back to what the state says when an import goes on, so no line stands in it twice.
 * 3. A file is known by its path, source and mapping, and by its first bytes: another file under the same name begins
 * anew; one that has grown goes on where it ended.
 */
#ifndef TELOS_MAIN_IMPORT_STATE_H
#define TELOS_MAIN_IMPORT_STATE_H

#include "main/import_feed.h"
#include "model/change.h"

struct import_counts {
    uint64_t read, outcomes[OUTCOME_COUNT], rejected; /* rejected: in the rejects file */
};

struct import_state {
    const char *path; /* of the state file; NULL: not kept (standard input) */
    const char *rejects_path;
    struct place place;
    struct import_counts counts;
    uint64_t rejects_bytes, size;
    bool done;
    /* private */
    str head; /* what the file is known by */
    int rejects_fd;
    int64_t saved_us;
};

struct import_identity {
    const char *file, *source;
    const char *server; /* "" for the data directory */
    const char *directory; /* for the state file */
    str mapping;
    enum import_format format;
    const char *rejects; /* path; NULL: FILE.rejects.ndjson */
};
/* Finds what is known of this import; `again` forgets it. */
const struct err *import_state_open(struct arena *arena, const struct import_identity *identity, bool again, struct import_state *ret_state) MUST_CHECK;
/* One line of the rejects file; it is made when there is a first one. */
const struct err *import_state_reject(struct arena *arena, struct import_state *state, str line) MUST_CHECK;
/* Writes the state down, at most four times a second unless `now`. */
const struct err *import_state_save(struct arena *arena, struct import_state *state, bool now) MUST_CHECK;
void import_state_close(struct import_state *state);

#endif
