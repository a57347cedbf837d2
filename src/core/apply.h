/* core_apply: the whole meaning of Telos as one pure function. No I/O, no clock, no randomness, no globals: time, ids and
 * the working set come in with the batch; changes go out as marks in the persons, and as leaves, counters and key ends.
 *
 * 1. The requests are done in order, as if each were its own batch: a batch of n gives what n batches of one give.
 * 2. Nothing that was not allowed is left anywhere in the batch to be saved.
 * 3. Where a person lacks a part that turns out to be needed, its bits are set in `person->needed` and `batch->more_needed` is set: the
 *    engine loads a fresh working set with those parts and applies again from scratch. Nothing of such a run is saved.
 * 4. A message whose result is OUTCOME_DUPLICATE or OUTCOME_INVALID already (so said whoever read it) is counted and nothing else; all other
 *    results are written anew.
 */
#ifndef TELOS_CORE_APPLY_H
#define TELOS_CORE_APPLY_H

#include "model/change.h"
#include "policy/policy.h"

/* Which parts of persons these requests will need, before loading: identify needs facts (to replace older ones), a statement that
 * takes something away needs everything, one that grants needs held. For messages: from their type and the signals they bring. */
unsigned core_needs(const struct policy *policy, const struct request *request);
void core_apply(struct batch *batch);
/* The batch takes place at this time (ms since 1970), later than the one it was worked out for: nodes that share a store follow one another, and their times
 * never fall. What was decided about its messages says so, too. */
void core_decided_at(struct batch *batch, int64_t at_ms);

/* Reads one collected message out of its JSON object: type (the path's beats the body's; EVENT_TYPE_COUNT: from the body), ids, times with
 * clock-skew correction, identifiers. Returns false with result->problem when it is invalid. `sent_ms` and `defaults` (the batch's outer
 * context and integrations; may be NULL) come from the envelope. */
bool core_read_message(struct arena *arena, const struct policy *policy, const struct json *body, const struct json *defaults,
                       enum event_type path_type, struct message *message, struct message_result *result);

/* The path of a field as it may be shown and counted without its person: what a client made up itself is `*`. */
str field_public(struct arena *arena, const struct policy *policy, str path);

/* What the ledger leaf of a consent record commits to: canonical JSON. `profile`: the UUID of the record's own profile. */
str consent_record_json(struct arena *arena, const struct consent *record, struct uuid profile);

#endif
