/* The key vault: a file outside the data store with the keys of every person, by retention class. Destroying a slot here is
 * what erases: in the store, its WAL, its replicas and its backups alike.
 *
 * In DIR:  vault              header and slots
 *          vault.journal      the pages of the write under way (redo)
 *          tombstones.log     what was destroyed, a line each; copy it apart from the data
 *          mirrors            registered copies of the vault in backups, and what is still to be destroyed there
 *          keys/master.key    the master key, unless the operator keeps it elsewhere
 *
 * 1. A slot is empty, live or destroyed. A destroyed slot never becomes live again, so a profile number whose keys
 *    were destroyed is not given out a second time.
 * 2. A change is durable before its function returns. A crash at any instant leaves the old or the new state of each
 *    page, never a mixture (redo journal, CRC per page).
 * 3. A destroyed key is in no file of DIR, in no reachable mirror and in no memory of the vault when vault_destroy returns.
 * 4. Index key and signing seed stay the same for the life of the vault; rotation only wraps them anew.
 * 5. All functions may be called from many threads, but vault_open and vault_close. That one process has the vault open is the
 *    engine's business (its lock).
 * 6. Overwriting is what a file can do: on copy-on-write file systems and flash, older blocks may linger; after
 *    vault_rotate they open under no key that exists.
 */
#ifndef TELOS_EVIDENCE_VAULT_H
#define TELOS_EVIDENCE_VAULT_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/ids.h"
#include "model/key_class.h"

const char *key_class_name(enum key_class class);

struct vault;

/* Opens the vault in `dir`, or makes a new one (directories 0700, files 0600). `master_key_file` NULL: DIR/keys/master.key, which
 * a new vault creates; a file given by the operator must exist (32 bytes as 64 hex digits or base64). Finishes what a crash
 * interrupted. ERR_UNAVAILABLE, naming the file, when the master key is missing or is another. The vault is not in the arena. */
const struct err *vault_open(struct arena *arena, const char *dir, const char *master_key_file, struct vault **ret) MUST_CHECK;
void vault_close(struct vault *vault); /* takes NULL; zeroes every key in memory */

/* As in vault_status, but at once. */
void vault_id(const struct vault *vault, uint8_t ret_id[16]);

/* Makes all slots of profiles `first`…`first + count - 1` live that are empty; live and destroyed ones stay. For use ahead of need,
 * some 1024 at a time. */
const struct err *vault_create_keys(struct arena *arena, struct vault *vault, profile_no first, uint64_t count) MUST_CHECK;

/* VAULT_FAILED: the page cannot be read or is damaged; deny, and treat it as ERR_IO. */
enum vault_result { VAULT_LIVE, VAULT_DESTROYED, VAULT_ABSENT, VAULT_FAILED };
/* The key in clear; under 100 ns when cached. `ret_key` is written only for VAULT_LIVE. */
enum vault_result vault_key(struct vault *vault, profile_no profile, enum key_class class, uint8_t ret_key[32]);
/* Whether a key that is not in memory costs a question to a database. */
bool vault_asks(const struct vault *vault);
/* Where it does: one question for all of these that are not in memory, VAULT_WARM_MAX at most. What does not come is asked for by vault_key. */
#define VAULT_WARM_MAX 65536
void vault_warm(struct vault *vault, const profile_no *profiles, size_t count);

/* Destroys the slots of `class_masks[i]` of `profiles[i]`, empty ones too; doing it again is harmless. First the tombstones, then
 * the slots, then the mirrors; a mirror that cannot be reached is remembered and is no error. In a damaged page the keys' bytes are overwritten all the
 * same. After an error, call it again. */
const struct err *vault_destroy(struct arena *arena, struct vault *vault, const profile_no *profiles, const uint8_t *class_masks, size_t count,
                                int64_t now_ms) MUST_CHECK;
/* Destroys the key of a live (or makes that of an empty) slot and puts a new one in its place; mirrors and tombstones
 * as above. For KEY_HOLD. ERR_CONFLICT when the slot is destroyed. */
const struct err *vault_renew(struct arena *arena, struct vault *vault, profile_no profile, enum key_class class, int64_t now_ms) MUST_CHECK;

/* For a vault that several nodes use: ends keys that the commit with this number owes, once, whichever node comes first; numbers ascend. When it
 * returns they are ended. `renew`: a new key takes the place of the old one. */
struct vault_end {
    profile_no profile;
    uint8_t class_mask;
    bool renew;
};
const struct err *vault_end_keys(struct arena *arena, struct vault *vault, uint64_t number, const struct vault_end *ends, size_t count,
                                 int64_t now_ms) MUST_CHECK;
/* What other nodes changed in it since the last time is no longer in this one's memory. */
const struct err *vault_follow(struct arena *arena, struct vault *vault) MUST_CHECK;

/* The same for many at once, with the syncs of one; slots that are destroyed stay so and are counted (`ret_destroyed` may be NULL). */
const struct err *vault_renew_all(struct arena *arena, struct vault *vault, const profile_no *profiles, size_t count, enum key_class class, int64_t now_ms,
                                  size_t *ret_destroyed) MUST_CHECK;

/* For keyed hashes of identifiers; the same for the life of the vault. */
void vault_index_key(const struct vault *vault, uint8_t ret_key[32]);
/* The Ed25519 seed of checkpoints and receipts. */
void vault_signing_seed(const struct vault *vault, uint8_t ret_seed[32]);
/* A key for another purpose, by its label: "decision-salt", "message-id", "links", … */
void vault_derive(const struct vault *vault, str label, uint8_t ret_key[32]);

/* Makes a new master key and wraps everything under it, page by page, while others read and write; continues a rotation that was
 * interrupted. At the end the mirrors are brought to the new key and the old master key is destroyed. `progress` may be NULL; it
 * returns false to pause (then the vault works on under both keys, and the next call goes on). ERR_CONFLICT when one is running; ERR_IO when a page is damaged:
 * then the old key is kept. Whoever keeps a copy of the master key apart must copy the new one: the mirrors open under no other. In a vault of several nodes
 * (vault_remote.h) the new key is FILE.next, which a person brings to each of them first: where it is not there it is made, and ERR_CONFLICT says what to do
 * with it. The others take it into use when they next touch the vault. */
typedef bool vault_progress(void *context, uint64_t pages_done, uint64_t pages_total);
const struct err *vault_rotate(struct arena *arena, struct vault *vault, vault_progress *progress, void *context) MUST_CHECK;

struct vault_status {
    uint8_t vault_id[16];
    uint8_t master_key_id[8];
    uint32_t generation; /* counts the master keys */
    bool rotating;
    uint64_t pages_total, pages_rewrapped; /* rewrapped: under the newest generation */
    uint64_t profile_no_max; /* the highest number with a slot that is not empty */
    uint64_t live[KEY_CLASS_COUNT], destroyed[KEY_CLASS_COUNT];
    uint64_t pages_damaged;
    size_t mirrors, mirrors_pending;
};
/* Reads the whole vault (0.2 s for a million persons). */
const struct err *vault_status(struct arena *arena, struct vault *vault, struct vault_status *ret) MUST_CHECK;

/* A consistent copy of the vault file (mode 0600, fsynced), as of some instant during the call; changes wait meanwhile (0.2 s for a
 * million persons), vault_key does not. What stood at `path` is overwritten. It holds no master key. */
const struct err *vault_copy_to(struct arena *arena, struct vault *vault, const char *path) MUST_CHECK;

/* Registers a copy made by vault_copy_to: from now on what is destroyed here is destroyed there. ERR_NOT_FOUND when there is no file,
 * ERR_INVALID when it is not a copy of this vault. Adding it again is harmless; it is brought up to date at once. */
const struct err *vault_mirror_add(struct arena *arena, struct vault *vault, const char *path) MUST_CHECK;
/* The backup is gone: nothing is to be destroyed there any more. ERR_NOT_FOUND when it was not registered. */
const struct err *vault_mirror_remove(struct arena *arena, struct vault *vault, const char *path) MUST_CHECK;
struct vault_mirror {
    const char *path;
    uint64_t pending; /* persons whose keys are still to be destroyed there */
    bool pending_all; /* it must be brought to the present whole, such as after a rotation */
};
struct vault_mirrors {
    struct vault_mirror *items;
    size_t count, capacity;
};
struct vault_mirrors vault_mirrors(struct arena *arena, struct vault *vault);
/* Tries again what is pending; how many mirrors still are comes back. */
const struct err *vault_mirror_retry(struct arena *arena, struct vault *vault, size_t *ret_pending) MUST_CHECK;

/* Destroys again everything that the tombstones at `path` list and this vault still has: after a restore, with the newest
 * tombstones that there are, before the first datum is read. Lines of another vault are ignored. ERR_INVALID when a line is
 * damaged (the others are applied), but a torn last line is not one. */
const struct err *vault_tombstones_apply(struct arena *arena, struct vault *vault, const char *path, uint64_t *ret_applied) MUST_CHECK;

#endif
