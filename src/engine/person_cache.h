/* Heads of people that messages name again and again, packed in memory: profiles, identifiers, consents, merges, refused joins. Without values: only hashes, names
 * from the policy, times. The writer's alone.
 *
 * 1. What it gives is what the store would: whoever commits a change to a head puts the person anew, also when only a held message was added. A
 *    policy switch empties it, for masks belong to a policy.
 * 2. A person is in it with all its identifiers or not at all.
 * 3. Identifier values come back as VALUE_UNOPENED, so such a person serves messages only; whoever needs more loads it (working_set.c).
 * 4. At most LIMIT_PERSON_CACHE_BYTES; the least used go.
 */
#ifndef TELOS_ENGINE_PERSON_CACHE_H
#define TELOS_ENGINE_PERSON_CACHE_H

#include "model/person.h"

struct person_cache;
struct person_cache *person_cache_new(void);
void person_cache_free(struct person_cache *cache);
void person_cache_clear(struct person_cache *cache);
/* A new round: the same person is given as the same struct within one. */
void person_cache_round(struct person_cache *cache, struct arena *arena);
/* NULL when it is not there, or has not the parts. `*ret_first`: for the first time in this round. */
struct person *person_cache_get(struct person_cache *cache, const identifier_hash *hash, unsigned parts, bool *ret_first);
/* As it came from the store, or as it was just saved (rows that are gone are left out). Who is too large or too rare in kind is forgotten. */
void person_cache_put(struct person_cache *cache, const struct person *person);
void person_cache_forget(struct person_cache *cache, const struct person *person);
size_t person_cache_count(const struct person_cache *cache);

/* A value that is there but was not opened. */
extern const char value_unopened[];
#define VALUE_UNOPENED ((str){value_unopened, 1})
static inline bool value_is_unopened(str value) { return value.data == value_unopened; }

#endif
