/* Purpose sets: the stored form of a purpose mask. A set is a sorted list of purpose names with a small number; the same few sets recur,
 * so rows keep only the number. Masks belong to a policy version, sets to the store.
 *
 * 1. A set's number and names never change and are never reused.
 * 2. Names that the bound policy lacks translate to no bit: such data is no one's purpose and the gate denies it.
 * Thread-safe: many readers, the writer interns.
 */
#ifndef TELOS_STORE_PURPOSE_SET_H
#define TELOS_STORE_PURPOSE_SET_H

#include "base/err.h"
#include "base/vec.h"
#include "model/purpose.h"
#include "base/str.h"

struct purpose_sets;
struct purpose_sets *purpose_sets_new(void);
void purpose_sets_free(struct purpose_sets *sets);
/* A set known from the store: "fulfilment newsletter" (names sorted, separated by one space). */
void purpose_sets_add(struct purpose_sets *sets, uint32_t id, str names);
/* Binds to a policy: names[slot]. Masks from before the call are void. */
void purpose_sets_bind(struct purpose_sets *sets, const str *names, unsigned count);
/* Binds to nothing: a mask is the number of its set. For copying a store whole; masks mean nothing to anybody else then. */
void purpose_sets_bind_numbers(struct purpose_sets *sets);
purpose_mask purpose_sets_mask(struct purpose_sets *sets, uint32_t id); /* unknown id: 0 */
/* Names of the purposes in any of these sets, as in one set. What the bound policy lacks is among them. */
str purpose_sets_names(struct purpose_sets *sets, struct arena *arena, const uint32_t *ids, size_t count);
purpose_mask purpose_sets_name_mask(struct purpose_sets *sets, str name); /* the name's bit; unknown: 0 */
/* The number of the mask's set; a new one is remembered until purpose_sets_unsaved hands it out to be saved. 0 is the empty set. */
uint32_t purpose_sets_id(struct purpose_sets *sets, purpose_mask mask);
/* Next set not saved yet; false when there is none. purpose_sets_saved marks them all after the commit. */
bool purpose_sets_unsaved(struct purpose_sets *sets, uint32_t *position, uint32_t *ret_id, str *ret_names);
void purpose_sets_saved(struct purpose_sets *sets);
/* All sets up to this number came from the store or were saved to it. A backend adds what lies above before it translates a row, so
 * that no one else need to. */
uint32_t purpose_sets_stored(const struct purpose_sets *sets);
/* Walks all sets that are known, saved or not, in order of number; *position starts at 0. For the engine, which binds the same sets to more than
 * one policy: each policy in use has a `purpose_sets` of its own. */
bool purpose_sets_next(struct purpose_sets *sets, uint32_t *position, uint32_t *ret_id, str *ret_names);

#endif
