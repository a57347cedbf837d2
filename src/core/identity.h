/* Who a message speaks of: identifiers read, normalised, checked; persons found or made; joins allowed or refused. Pure.
 *
 * 1. A message's facts and events are observed on its strongest kept identifier.
 * 2. Two profiles join only when `identity.purpose` is allowed on both sides, no limit is passed and no undo forbids it.
 * 3. A refused join is recorded, and the message goes to the stronger side.
 */
#ifndef TELOS_CORE_IDENTITY_H
#define TELOS_CORE_IDENTITY_H

#include "model/change.h"
#include "policy/policy.h"

/* Normalises a value of this type: NFKC, case, e-mail, E.164… False when it is not a valid value or blocked (reason in
 * ret_reason). */
bool identity_normalise(struct arena *arena, const struct identity_key *key, str value, str *ret_value, enum reason *ret_reason);
/* Reads "email:Anna@Example.hu" into key and normalised value. Error text names what is wrong, never the value. */
const struct err *identity_parse_subject(struct arena *arena, const struct policy *policy, str subject,
                                         struct message_identifier *ret_identifier) MUST_CHECK;
/* The identifiers that a message names, strongest first, without duplicates, at most LIMIT_MESSAGE_IDENTIFIERS; fills
 * message->identifiers but not hash and person (the engine does). Reads the keys' `from` paths, context.externalIds, alias's previousId. */
void identity_extract(struct arena *arena, const struct policy *policy, struct message *message);

#endif
