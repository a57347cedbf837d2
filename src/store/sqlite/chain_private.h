/* Chains: the lists of events and of reads of each profile. Every row names the one before it of the same profile; where each list
 * begins (its head, the newest row) is kept in memory, 8 bytes a profile, so that a commit writes no index at all. In the same way, and
 * for the same reason, the day on which identifiers were last seen (seen.c): its "head" is day << 32 | a bit an identifier number.
 *
 * 1. The heads in memory are those of the last commit. They are rebuilt at open from `chain_head` and the journal rows after the mark
 *    `journal_folded`, in order.
 * 2. tidy() folds: it writes the chunks of heads that changed, then moves the mark up to the journal row at which it began. What
 *    changed meanwhile is said again by later journal rows, which assign and never add, so replaying them is harmless.
 * 3. The writing session changes heads after its commit, under the lock. A reader whose snapshot does not have a row that a
 *    chain names (newer, or deleted since) has an old snapshot: it takes a new one.
 * 4. A reader's snapshot may hold a commit whose heads are not changed yet: then it would see a delivery without its event. It waits for
 *    them (snapshot_begin): the journal row of each commit has a number, and memory says up to which one it follows.
 */
#ifndef TELOS_STORE_SQLITE_CHAIN_PRIVATE_H
#define TELOS_STORE_SQLITE_CHAIN_PRIVATE_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

#include <pthread.h>

enum chain { CHAIN_EVENTS, CHAIN_READS, CHAIN_SEEN, CHAIN_COUNT };
enum { CHAIN_CHUNK = 256 };

struct sqlite_session;

struct chain_chunk {
    bool changed; /* since it was written */
    uint64_t heads[CHAIN_CHUNK];
};
struct chains {
    pthread_rwlock_t lock;
    struct chain_chunk **chunks[CHAIN_COUNT];
    size_t chunk_count[CHAIN_COUNT];
    uint64_t unfolded; /* assignments since the last fold began */
    uint64_t chunks_used;
    _Atomic uint64_t followed; /* journal row up to which heads are those of the file */
};

/* What one save does to heads: the last assignment by profile, and the same as journal bytes in order. */
struct chain_change {
    enum chain chain;
    uint64_t profile, head;
};
struct chain_changes {
    struct arena *arena;
    VEC(struct chain_change) list;
    uint32_t *index; /* open addressing over list, by chain and profile; 0 is free, else place + 1 */
    size_t index_slots;
    struct buf journal;
    size_t run_count; /* of the run that is being written: where its count stands… */
    size_t run_at;
    uint64_t run_next; /* …and the number that would continue it */
    enum chain run_chain;
};

/* A fold under way. */
struct fold {
    bool running;
    uint64_t mark; /* journal row at which it began */
    enum chain chain;
    size_t chunk;
    bool trimming; /* the mark is moved; old journal rows are going */
};

void chains_init(struct chains *chains);
void chains_release(struct chains *chains);
uint64_t chain_head(struct chains *chains, enum chain chain, uint64_t profile);
const struct err *chains_open(struct sqlite_session *session, struct arena *arena) MUST_CHECK;

void chain_changes_init(struct chain_changes *changes, struct arena *arena);
/* The head as this save sees it. */
uint64_t chain_head_pending(struct chains *chains, const struct chain_changes *changes, enum chain chain, uint64_t profile);
/* A new row `number` of the profile becomes its head; the former head comes back. Numbers ascend. */
uint64_t chain_push(struct chains *chains, struct chain_changes *changes, enum chain chain, uint64_t profile, uint64_t number);
/* Another head, after rows went. */
void chain_assign(struct chain_changes *changes, enum chain chain, uint64_t profile, uint64_t head);
/* After the commit whose journal row has this number. */
void chains_apply(struct chains *chains, const struct chain_changes *changes, uint64_t journal_number);
/* Begins a reading transaction whose snapshot is no newer than the heads. ERR_UNAVAILABLE when they do not follow within a second. */
const struct err *snapshot_begin(struct sqlite_session *session, struct arena *arena) MUST_CHECK;

/* True when so much is unfolded that a fold is due or one is under way. */
bool fold_wanted(const struct sqlite_session *session);
const struct err *fold_step(struct sqlite_session *session, struct arena *arena) MUST_CHECK;

#endif
