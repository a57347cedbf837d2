/* The store: one table of functions, a folder for each backend. It keeps rows and finds them again; it holds no meaning.
 *
 * 1. A `store` is opened once a process; a `session` is one connection. One session writes (the engine's), any number read.
 *    A session belongs to one thread at a time.
 * 2. save() is one transaction: all of it is durable when it returns NULL, or none of it happened. A failed save leaves the
 *    store usable; ERR_UNAVAILABLE where it may succeed later (disk full, I/O error).
 * 3. The store never sees a personal value in clear: `sealed`, hashes, and names from the policy only. It fills `sealed`, never `value`.
 * 4. Purpose masks are translated to and from stored sets of purpose names by `purpose_sets`, so that masks of different policy
 *    versions never meet.
 * 5. Event numbers, outbox numbers, ledger indexes and batch numbers are given by the engine, dense and ascending.
 * 6. Rows of a profile are found by profile number; merges do not move rows.
 * 7. Every function that gets `sets` first adds to them what the store knows and they do not.
 * 8. A key end of the evidence class in a batch takes `record_sealed` off the ledger rows of that profile, and `sealed` off its rights requests
 *    (what the same save brings of these counts).
 * 9. A shared store (`store.shared`) is worked by several processes, nodes, at once. Their commits take turns: between turn() and the save() or
 *    turn_back() that ends it no other node saves, and what the session reads is the newest. A save without a turn before it takes one by itself.
 *    What nodes must know of each other stands in the head, a text that each save replaces and nobody but the engine reads.
 *     Where somebody is no longer as they were loaded, a save changes nothing and says so (`save.stale`).
 * 10. Loads and reads outside a turn see whole saves only, each call for itself; a save that has returned is seen by whoever asks after that, on any
 *    node. A node that dies, or loses its connection, in its turn loses the turn and nothing of it was saved. Where the connection broke while the
 *    save was ending, save() finds out what became of it before it returns; ERR_UNAVAILABLE then means that nothing was saved, or that it cannot be
 *    found out: the head tells.
 */
#ifndef TELOS_STORE_STORE_H
#define TELOS_STORE_STORE_H

#include "model/change.h"
#include "model/rights.h"
#include "store/purpose_set.h"

struct store;
struct store_session;

/* What load fills. Either hashes or profile numbers, or both. */
struct load {
    struct arena *arena;
    struct purpose_sets *sets;
    const identifier_hash *hashes;
    size_t hash_count;
    const profile_no *profiles;
    size_t profile_count;
    unsigned parts; /* enum person_loaded bits for every person found; PERSON_HEAD always */
    int64_t events_from_ms; /* PERSON_EVENTS: only events at or after (INT64_MIN: all) */
    size_t events_max; /* newest first when limited; 0: all, in order of number */
    /* out: a person for each hash and number, NULL where nobody; the same pointer where two are one person; whole groups. */
    struct person **by_hash, **by_profile;
    VEC(struct person *) persons;
};

/* One commit's own row: what makes duplicates, the stream, and decision proofs possible after a restart. */
struct batch_row {
    uint64_t number;
    int64_t at_ms;
    uint32_t policy_version;
    uint32_t message_count;
    str dedupe; /* 8 bytes a message: keyed hashes of (source, messageId) */
    str decisions; /* 32 bytes a message: leaf hashes of the sub-tree */
    str profiles; /* touched persons: 9 bytes each: kind, profile number little-endian */
    uint64_t ledger_index; /* leaf with the sub-tree's root; UINT64_MAX: none */
};

struct ledger_row {
    uint64_t index;
    uint8_t leaf_hash[32];
    str entry; /* what is hashed: JSON without personal data (C2SP tile entry) */
    profile_no profile; /* whose evidence key commits it; PROFILE_NONE */
    str record_sealed; /* what the leaf commits to, sealed under the person's evidence key; dies with the person */
};

struct delivery_result { /* of one attempt */
    uint64_t number;
    enum delivery_state state;
    uint32_t attempts;
    int64_t next_ms, done_ms;
    str reason;
};

struct read_row { /* a read of a person's data */
    int64_t at_ms;
    struct uuid token; /* zero: local command */
    profile_no profile;
    str purpose, what; /* "profile", "timeline", "delivery", … */
    uint64_t ledger_index; /* leaf of the batch of reads */
    uint64_t number; /* given by the store, ascending; what `before` means to reads() */
};

/* Decisions about events of one profile that are gone (engine/decision.c). */
struct kept_decisions {
    profile_no profile;
    uint64_t batch; /* in which those events went */
    uint32_t part; /* of several of that batch, from 0 */
    uint32_t count;
    str sealed;
};

struct token_row {
    struct uuid id;
    str role; /* "admin", …, or "source" */
    str purposes; /* names separated by spaces; "*": all; a source token: the source's name */
    str label;
    uint8_t hash[32]; /* SHA-256 of the token */
    int64_t created_ms, expires_ms, revoked_ms; /* TIME_FOREVER, TIME_NONE */
};

struct user_row { /* who may sign in at the console */
    struct uuid id;
    uint8_t login[16], subject[16]; /* keyed hashes of the name, and of issuer and subject at an OpenID provider; zeros: none */
    str role; /* "admin", …; */
    str purposes; /* names separated by spaces; "*": all */
    str password; /* Argon2id, as libsodium writes it; empty: none */
    str sealed; /* name, title, e-mail address; empty once the user is removed */
    bool disabled;
    int64_t created_ms, changed_ms;
};

struct session_row { /* of a user at a browser, or a link by which one sets a password */
    struct uuid id, user;
    bool link;
    uint8_t hash[32]; /* SHA-256 of the token */
    int64_t created_ms, seen_ms, expires_ms;
};

struct policy_row {
    uint32_t version;
    int64_t activated_ms;
    str text, notices; /* the file; notices: JSON object path → text */
    uint8_t sha256[32];
    uint64_t ledger_index;
    struct uuid by;
};

struct store_totals;
/* One save. Everything is optional; what is marked in `batch->persons` goes down with the rest in one transaction. */
struct save {
    struct purpose_sets *sets;
    struct batch *batch; /* may be NULL */
    const struct batch_row *row; /* may be NULL */
    VEC(struct ledger_row) ledger;
    VEC(struct delivery_result) results;
    VEC(uint64_t) outbox_gone; /* numbers of rows that go, but for those that are pending */
    VEC(struct disclosure) disclosures; /* added to what is there (count, last) */
    VEC(struct read_row) reads;
    VEC(struct token_row) tokens; /* inserted or replaced by id */
    VEC(struct user_row) users; /* the same */
    VEC(struct session_row) sessions; /* the same */
    VEC(struct uuid) sessions_gone;
    VEC(struct rights_request) rights; /* as tokens */
    VEC(profile_no) decisions_gone; /* nothing that was kept of these is kept any longer */
    VEC(struct kept_decisions) decisions; /* added, after the former went */
    const struct policy_row *policy;
    struct { str key, value; } *settings; /* replaced; value STR_NONE: removed */
    size_t setting_count;
    const struct store_totals *numbers; /* only when a store is copied: its *_next are at least these; may be NULL */
    str head; /* shared stores: the new head; STR_NONE: it stays as it is */
    bool stale; /* out, shared stores: somebody is not as they were loaded (ERR_UNAVAILABLE); loading and applying again helps */
};

struct setting_row { str key, value; };

struct delivery_query {
    str destination; /* empty: all */
    int state; /* enum delivery_state, or -1 */
    uint64_t after; /* numbers above this */
    int64_t due_ms; /* only rows whose next_ms is at or before; INT64_MAX: all */
    size_t max;
    bool newest_first; /* then `after` means below, 0: from the end */
    bool firsts_only; /* with a destination and DELIVERY_PENDING: only rows before which no other of the same profile waits there, due or not */
};

/* Of rights requests, newest first. */
struct rights_query {
    const profile_no *profiles; /* of these… */
    size_t profile_count; /* …or, with 0, of everybody and nobody */
    struct uuid before; /* ids below; zero: from the newest */
    int state; /* enum rights_state, or -1; not with profiles */
    bool only_open; /* and due until due_ms; not with profiles */
    int64_t due_ms;
    int64_t watch_ms; /* not TIME_NONE: only those to be looked at until then, the earliest first; nothing else counts */
    size_t max;
};

struct destination_count {
    str destination;
    uint64_t pending, delivered, dead, cancelled;
    int64_t oldest_pending_ms; /* TIME_NONE */
};

struct store_totals {
    uint64_t profiles, persons, identifiers, facts, events, consents, held, pending, batches, ledger, reads;
    uint64_t profile_next, event_next, outbox_next, held_next, batch_next;
    uint64_t bytes; /* on disk */
};

typedef bool (*store_each)(void *context, const void *row); /* false stops the walk */

struct store_ops {
    const char *name;
    const struct err *(*session)(struct store *store, struct arena *arena, bool writes, struct store_session **ret_session);
    void (*session_close)(struct store_session *session);
    const struct err *(*load)(struct store_session *session, struct load *load);
    const struct err *(*save)(struct store_session *session, struct arena *arena, struct save *save);
    /* Totals; `quick` leaves out what would need a scan (only the *_next and bytes are filled). */
    const struct err *(*totals)(struct store_session *session, struct arena *arena, bool quick, struct store_totals *ret_totals);
    /* Events of these profiles, newest first, numbers below `before` (0: from the end). */
    const struct err *(*events)(struct store_session *session, struct arena *arena, struct purpose_sets *sets, const profile_no *profiles,
                                size_t profile_count, uint64_t before, size_t max, struct event **ret_events, size_t *ret_count);
    const struct err *(*event)(struct store_session *session, struct arena *arena, struct purpose_sets *sets, uint64_t number,
                               struct event *ret_event, bool *ret_found);
    /* Walks batch rows from `from` upwards, for the duplicate window, the stream and proofs. */
    const struct err *(*batches)(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context);
    const struct err *(*ledger)(struct store_session *session, struct arena *arena, uint64_t from, uint64_t to, store_each each, void *context);
    /* Hashes of a tile (level, index, width), evidence/merkle.h. */
    const struct err *(*tile)(struct store_session *session, struct arena *arena, unsigned level, uint64_t index, unsigned width, uint8_t *ret_hashes);
    const struct err *(*deliveries)(struct store_session *session, struct arena *arena, const struct delivery_query *query,
                                    struct delivery **ret_rows, size_t *ret_count);
    const struct err *(*delivery)(struct store_session *session, struct arena *arena, struct uuid id, struct delivery *ret_row, bool *ret_found);
    const struct err *(*destination_counts)(struct store_session *session, struct arena *arena, struct destination_count **ret_rows, size_t *ret_count);
    /* Profiles whose due time has come, oldest first. */
    const struct err *(*due)(struct store_session *session, struct arena *arena, int64_t now_ms, size_t max, profile_no **ret_profiles, size_t *ret_count);
    /* Every profile from a number on, for audit and for policy changes. */
    const struct err *(*profiles)(struct store_session *session, struct arena *arena, uint64_t from, size_t max, struct profile **ret_rows, size_t *ret_count);
    const struct err *(*profile_by_id)(struct store_session *session, struct arena *arena, struct uuid id, profile_no *ret_number);
    const struct err *(*reads)(struct store_session *session, struct arena *arena, const profile_no *profiles, size_t count, uint64_t before, size_t max,
                               struct read_row **ret_rows, size_t *ret_count);
    /* Walks what is kept of one profile, the newest batch first, its last part first; rows are good during the call. */
    const struct err *(*decisions)(struct store_session *session, struct arena *arena, profile_no profile, store_each each, void *context);
    const struct err *(*tokens)(struct store_session *session, struct arena *arena, struct token_row **ret_rows, size_t *ret_count);
    const struct err *(*users)(struct store_session *session, struct arena *arena, struct user_row **ret_rows, size_t *ret_count);
    const struct err *(*sessions)(struct store_session *session, struct arena *arena, struct session_row **ret_rows, size_t *ret_count);
    const struct err *(*policies)(struct store_session *session, struct arena *arena, bool texts, struct policy_row **ret_rows, size_t *ret_count);
    const struct err *(*policy)(struct store_session *session, struct arena *arena, uint32_t version, struct policy_row *ret_row, bool *ret_found); /* 0: newest */
    const struct err *(*counters)(struct store_session *session, struct arena *arena, int64_t from_ms, int64_t to_ms, struct counter **ret_rows, size_t *ret_count);
    const struct err *(*consent)(struct store_session *session, struct arena *arena, struct uuid id, struct consent *ret_row, bool *ret_found);
    const struct err *(*right)(struct store_session *session, struct arena *arena, struct uuid id, struct rights_request *ret_row, bool *ret_found);
    const struct err *(*rights)(struct store_session *session, struct arena *arena, const struct rights_query *query, struct rights_request **ret_rows,
                                size_t *ret_count);
    const struct err *(*setting)(struct store_session *session, struct arena *arena, str key, str *ret_value); /* STR_NONE: unset */
    /* Which purposes (names) have any data or consents: for policy_diff. */
    const struct err *(*purposes_in_use)(struct store_session *session, struct arena *arena, struct purpose_sets *sets, purpose_mask *ret_mask);
    /* Housekeeping between commits: sorted index rows, WAL checkpoint in small steps. `*ret_more`: call again soon. */
    const struct err *(*tidy)(struct store_session *session, struct arena *arena, bool *ret_more);
    /* A consistent copy of the data into a directory, while serving. `progress` (may be NULL) is told bytes. */
    const struct err *(*backup)(struct store_session *session, struct arena *arena, const char *directory,
                                void (*progress)(void *context, uint64_t done, uint64_t all), void *context);
    /* Every setting, in any order: for copying a store (copy.h). NULL where that is not offered. */
    const struct err *(*settings)(struct store_session *session, struct arena *arena, store_each each, void *context);
    void (*close)(struct store *store);
    /* ---- of shared stores only, else NULL ---- */
    /* The newest head, without the turn: one short question. STR_NONE: none was saved yet. */
    const struct err *(*head)(struct store_session *session, struct arena *arena, str *ret_head);
    /* Waits for the turn and reads the head under it. For the writing session, which must not have it already. */
    const struct err *(*turn)(struct store_session *session, struct arena *arena, str *ret_head);
    /* Ends the turn without a save; nothing where it was lost or ended already. */
    void (*turn_back)(struct store_session *session);
};

struct store {
    const struct store_ops *ops;
    bool shared;
};

/* Opens `sqlite` under the directory (made when missing), migrating it forward. */
const struct err *store_sqlite_open(struct arena *arena, const char *directory, struct store **ret_store) MUST_CHECK;
/* PostgreSQL at an address of libpq's (postgres://…), bringing its layout up to date where the role may. */
const struct err *store_postgres_open(struct arena *arena, const char *uri, struct store **ret_store) MUST_CHECK;
/* In memory, for the simulator. */
const struct err *store_memory_open(struct arena *arena, struct store **ret_store) MUST_CHECK;
/* In memory, shared: `other` NULL makes a new one, else the handle is another node's on the same data. The last one closed frees it. */
const struct err *store_memory_open_shared(struct arena *arena, struct store *other, struct store **ret_store) MUST_CHECK;
/* Wraps another: traces, slows, or fails the n-th call of a kind (named fault points in debug/points.h). */
const struct err *store_debug_open(struct arena *arena, struct store *inner, struct store **ret_store) MUST_CHECK;

#endif
