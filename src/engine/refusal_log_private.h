/* What persons said no to, kept apart from the store: DIR/refusals.log, a line for each no, so that the restore of an older backup does not make
 * somebody consent again who has withdrawn since.
 *
 *     telos1 VAULT-ID refusal 4711 2026-11-24 BASE64
 *
 * The last part is sealed under the person's evidence key: what was said, when, and the keyed hashes of the identifiers that the person was
 * known by. So nothing personal stands in clear, and the line dies with the person.
 *
 * 1. A line is on the disk before the commit that it belongs to, so that nobody is told of a no that a restore could forget. A commit that fails
 *    after that leaves a line behind: the person did say it, so a restore that hears it is right.
 * 2. Only what takes away: refusals, withdrawals, objections, opt-outs, ended contracts, restrictions, vendors denied, and preferences. A yes that came after the
 *    backup is lost with the backup's age, and has to be asked for again.
 * 3. What runs out by itself (expiry, retention) is no statement; the sweeper finds it again.
 * 4. The profile is the person's oldest one, so that whatever part of the person is in the backup, its key is there, too.
 */
#ifndef TELOS_ENGINE_REFUSAL_LOG_PRIVATE_H
#define TELOS_ENGINE_REFUSAL_LOG_PRIVATE_H

#include "engine/engine_private.h"

#define REFUSALS "refusals.log"

const struct err *refusal_log_open(struct engine *engine, struct arena *arena) MUST_CHECK;
void refusal_log_close(struct engine *engine);
/* Writes the lines of all that this commit's persons say no to; durable when it returns. On the writer thread, when all else is prepared. */
const struct err *refusal_log_write(struct commit *commit) MUST_CHECK;

struct refusals_said_again {
    uint64_t statements; /* recorded anew */
    uint64_t refused; /* the policy of the backup does not know what they are about */
    uint64_t damaged; /* lines that do not open although their key is there */
};
/* Records again what a log says and the store does not know. A log that is not there is an empty one. Doing it again is harmless. */
const struct err *refusals_say_again(struct engine *engine, struct reader *reader, struct arena *arena, const char *path,
                                     struct refusals_said_again *said) MUST_CHECK;

#endif
