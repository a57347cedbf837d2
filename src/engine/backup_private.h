/* The names in a backup, for backup.c and restore.c.
 *
 *     BACKUP/telos.db …      what the store's backup wrote
 *     BACKUP/vault           copy of the vault, registered as its mirror: what is destroyed later is destroyed here, too
 *     BACKUP/verifier.pub    the ledger's public key
 *     BACKUP/backup.json     when, of which vault, where its tombstones and refusals are written, the tree head; last, so that it says: complete
 *
 * The master key is in no backup.
 */
#ifndef TELOS_ENGINE_BACKUP_PRIVATE_H
#define TELOS_ENGINE_BACKUP_PRIVATE_H

#include "engine/refusal_log_private.h"

#define BACKUP_MANIFEST "backup.json"
#define BACKUP_VAULT "vault"
#define BACKUP_VERIFIER "verifier.pub"
#define TOMBSTONES "tombstones.log"
#define RESTORE_STAGE "restore.new" /* in the data directory: what is being brought in */
#define RESTORE_MARK "restore.unfinished" /* from the first replaced file until all has been cleaned */

struct restored {
    uint64_t erased; /* persons, again */
    struct refusals_said_again said;
};
/* Takes out of the restored store what no key opens any more, erases anew whom the tombstones say to be erased, and records again what
 * the logs of refusals say. The first of those is the directory's own. */
const struct err *restore_clean(struct engine *engine, struct arena *arena, str made, uint64_t size, const char *const *refusal_logs,
                                size_t refusal_log_count, struct restored *ret_restored) MUST_CHECK;

#endif
