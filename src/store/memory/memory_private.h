/* What the files of the store in memory share. Not for others. One thread at a time.
 *
 * 1. A stored row is one block: the struct, then the bytes of its texts. Loading copies it into the caller's arena.
 * 2. `purposes` of a stored row holds the number of a set, as a file would.
 */
#ifndef TELOS_STORE_MEMORY_PRIVATE_H
#define TELOS_STORE_MEMORY_PRIVATE_H

#include "store/store.h"

/* Where the texts of a kind of row are. What is no text here is not kept: clear values. */
struct row_type {
    size_t size, change; /* change: offset of its mark */
    size_t texts[6];
    unsigned text_count;
    size_t clears[4]; /* texts that only the engine may have */
    unsigned clear_count;
};
extern const struct row_type type_profile, type_identifier, type_consent, type_merge, type_preferences, type_refused, type_fact_page,
    type_disclosure, type_held, type_delivery, type_event, type_batch, type_ledger, type_read, type_token, type_user, type_session, type_policy, type_counter, type_rights, type_decisions;

void *row_make(const struct row_type *type, const void *row); /* a block of its own */
/* Texts copied into the arena, the mark cleared. */
void row_load(const struct row_type *type, struct arena *arena, const void *stored, void *ret_row);
/* Events have parts besides. */
/* `decided`: what the row said before; absent: it is new. */
struct event *event_make(const struct event *event, str decided, struct purpose_sets *sets);
void event_load(struct arena *arena, struct purpose_sets *sets, const struct event *stored, struct event *ret_row);
void event_free(struct event *event);

/* Pointers to blocks, or numbers. */
struct row_list {
    void **items;
    size_t count, capacity;
};
void row_list_add(struct row_list *list, void *block);
void row_list_remove(struct row_list *list, size_t place); /* frees the block, keeps the order */
void row_list_set(struct row_list *list, size_t place, void *block); /* grows; frees what was there */
void *row_list_get(const struct row_list *list, size_t place); /* NULL past the end */
void row_list_release(struct row_list *list);

struct number_list {
    uint64_t *items;
    size_t count, capacity;
};
void number_list_add(struct number_list *list, uint64_t number);
void number_list_remove(struct number_list *list, uint64_t number); /* keeps the order; nothing where it is not in it */

struct memory_profile {
    struct profile *row;
    struct row_list identifiers, consents, merges, preferences, refused, fact_pages, disclosures, held, decisions;
    struct number_list merge_ends; /* left sides of standing merges whose right side this is */
    struct number_list events, deliveries, leaves;
};

struct hash_slot {
    identifier_hash hash;
    uint64_t profile; /* 0: free; UINT64_MAX: was taken out */
};

struct store_memory {
    struct store base;
    bool writing;
    struct row_list profiles, events, outbox, batches, ledger, reads; /* by number; profiles: struct memory_profile */
    struct row_list tokens, users, sessions, policies, counters, rights;
    struct hash_slot *hashes;
    size_t hash_slots, hash_used;
    struct arena arena; /* names of sets, settings' keys */
    VEC(str) sets;
    struct memory_setting { str key, value; struct memory_setting *next; } *settings;
    uint64_t profile_next, event_next, outbox_next, held_next, batch_next;
};

struct memory_session {
    struct store_memory *store;
    bool writes;
};
static inline struct store_memory *memory_of(struct store_session *session) { return ((struct memory_session *)session)->store; }

struct memory_profile *memory_profile(const struct store_memory *store, profile_no number); /* NULL where there is none */
void memory_hash_set(struct store_memory *store, const identifier_hash *hash, uint64_t profile); /* 0 takes it out */
uint64_t memory_hash_get(const struct store_memory *store, const identifier_hash *hash);
void memory_sets_sync(struct store_memory *store, struct purpose_sets *sets);

const struct err *memory_load(struct store_session *session, struct load *load);
const struct err *memory_save(struct store_session *session, struct arena *arena, struct save *save);
extern const struct store_ops memory_reads_ops; /* the reading ops; memory.c adds the others */

#endif
