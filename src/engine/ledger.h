/* The ledger within the engine: how a commit's leaves become entries, and how the tree is read. The tree itself is
 * evidence/merkle.h, its rows are the store's.
 *
 * A commit goes:  ledger_begin → ledger_leaves, ledger_decisions, ledger_reads, ledger_clear (any of them, any number) → the store's
 * save → ledger_committed. Where the save fails, the draft is thrown away and nothing has happened.
 *
 * 1. Entries are dense and only the writer thread makes them; `at` in an entry is the time of the commit, so it never falls.
 * 2. No personal data in an entry (P4). What a leaf commits to lies beside it, sealed under the person's evidence key.
 * 3. The salt of a commitment is made from the person's evidence key, the leaf's index and its place in a batch: who is shown one salt can
 *    check that one record, and learns neither the key nor any other record.
 * 4. The frontier moves after the commit, never before; so a checkpoint never covers a leaf that is not durable.
 */
#ifndef TELOS_ENGINE_LEDGER_H
#define TELOS_ENGINE_LEDGER_H

#include "evidence/entry.h"
#include "evidence/merkle.h"
#include "evidence/note.h"
#include "evidence/vault.h"
#include "store/store.h"

struct ledger;

/* Reads where the tree ends (`writing` is used during the call only), makes the signing key, writes DIR/keys/verifier.pub. The origin is
 * the setting "ledger.origin", else TELOS_LEDGER_ORIGIN, else "telos/<vault id>"; it is kept from the first opening on. Not in the arena. */
const struct err *ledger_open(struct arena *arena, struct store *store, struct store_session *writing, struct vault *vault, const char *data,
                              struct ledger **ret_ledger) MUST_CHECK;
void ledger_close(struct ledger *ledger); /* takes NULL */

struct ledger_draft {
    struct ledger *ledger;
    struct arena *arena;
    struct save *save; /* gets the rows */
    int64_t now_ms;
    struct merkle_frontier frontier;
};
void ledger_begin(struct ledger *ledger, struct arena *arena, struct save *save, int64_t now_ms, struct ledger_draft *ret_draft);
/* One entry for each of batch->leaves; consents get their index and leaf hash. The persons' keys must exist. */
const struct err *ledger_leaves(struct ledger_draft *draft, struct batch *batch) MUST_CHECK;
/* The decisions of a batch's messages as one sub-tree: fills row->decisions and row->ledger_index. A leaf a request (then those that came out of hold), so that its place is
 * event->batch_index; of a request that is no message it says nothing. No entry without messages. */
const struct err *ledger_decisions(struct ledger_draft *draft, const struct batch *batch, struct batch_row *row) MUST_CHECK;
/* Reads of persons' data as one sub-tree; sets their ledger_index. */
const struct err *ledger_reads(struct ledger_draft *draft, struct read_row *rows, size_t count) MUST_CHECK;
/* An entry about nobody; `record` is a JSON object. */
const struct err *ledger_clear(struct ledger_draft *draft, const char *kind, str record, uint64_t *ret_index) MUST_CHECK;
/* After the save has succeeded. */
void ledger_committed(const struct ledger_draft *draft);

/* Other nodes' entries: the frontier moves on, never back. */
void ledger_follow(struct ledger *ledger, const struct merkle_frontier *frontier);
void ledger_where(struct ledger *ledger, struct merkle_frontier *ret_frontier);

/* How many leaves are durable. */
uint64_t ledger_size(struct ledger *ledger);
str ledger_origin(const struct ledger *ledger);
const struct note_key *ledger_key(const struct ledger *ledger);
str ledger_verifier(const struct ledger *ledger); /* the public key as C2SP text, one line without its end */
/* The signed tree head; the same text as long as nothing is added. */
const struct err *ledger_checkpoint(struct ledger *ledger, struct arena *arena, str *ret_note) MUST_CHECK;
/* Signs the tree of `size` leaves (at most ledger_size), whose root is `root`. */
str ledger_checkpoint_at(struct ledger *ledger, struct arena *arena, uint64_t size, const struct hash *root);

/* Tiles through a session; all of merkle.h's proofs work on it. */
struct ledger_tiles {
    const struct store_ops *ops;
    struct store_session *session;
    struct arena *arena;
    const struct err *error; /* of the last tile that could not be read */
};
struct merkle_tiles ledger_tiles(struct ledger_tiles *tiles);
/* An entry, and the tlog-proof of its leaf against the present checkpoint, through a session of the ledger's own; callable from any thread. */
const struct err *ledger_entry(struct ledger *ledger, struct arena *arena, uint64_t index, str *ret_entry) MUST_CHECK;
const struct err *ledger_proof(struct ledger *ledger, struct arena *arena, uint64_t index, str *ret_proof) MUST_CHECK;

/* The row of one leaf; false where there is none. */
const struct err *ledger_row_get(const struct store_ops *ops, struct store_session *session, struct arena *arena, uint64_t index,
                                 struct ledger_row *ret_row, bool *ret_found) MUST_CHECK;

#define LEDGER_PLACE_ALONE UINT64_MAX /* a leaf of the ledger itself, no place in a batch */
/* The salt of a record: what a verifier is given to check that one commitment. */
void ledger_salt(const uint8_t evidence_key[32], uint64_t index, uint64_t place, uint8_t ret_salt[32]);
/* A message's or read's leaf in its sub-tree. */
void ledger_sub_leaf(const uint8_t salt[32], str record, struct hash *ret_leaf);
/* The key that stands for the evidence key where a decision is about nobody. */
void ledger_nobody(struct vault *vault, uint8_t ret_key[32]);
/* What a read's leaf commits to: canonical JSON. */
str ledger_read_record(struct arena *arena, const struct read_row *row);
/* Sealing of the record beside a leaf. */
str ledger_record_seal(struct arena *arena, const uint8_t evidence_key[32], uint64_t index, str record);
bool ledger_record_open(struct arena *arena, const uint8_t evidence_key[32], uint64_t index, str sealed, str *ret_record);

#endif
