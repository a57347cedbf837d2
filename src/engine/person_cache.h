/* Heads of people that messages name again and again, packed in memory: profiles, identifiers, consents, merges, refused joins. Without values: only hashes, names
 * from the policy, times. The writer fills it; readers that only ask the gate take from it, too.
 *
 * 1. What it gives is what the store would: whoever commits a change to a head puts the person anew, also when only a held message was added. A
 *    policy switch empties it, for masks belong to a policy.
 * 2. A person is in it with all its identifiers or not at all.
 * 3. Identifier values come back as VALUE_UNOPENED, so such a person serves messages only; whoever needs more loads it (working_set.c).
 * 4. At most LIMIT_PERSON_CACHE_BYTES; the least used go.
 * 5. Only the writer puts: a reader's view of the store may be older than what lies here.
 */
#ifndef TELOS_ENGINE_PERSON_CACHE_H
#define TELOS_ENGINE_PERSON_CACHE_H

#include "model/person.h"

struct policy;
struct foreign;
struct person_cache;
struct person_cache *person_cache_new(void);
void person_cache_free(struct person_cache *cache);
/* Forgets everybody; from now on masks are this policy's. */
void person_cache_clear(struct person_cache *cache, const struct policy *policy);
/* Shared stores: who was touched by another node later than what lies here was read is not given. Once, before it is used. */
void person_cache_share(struct person_cache *cache, const struct foreign *foreign);
/* What is put from now on was read when this batch, or a newer one, was the newest. */
void person_cache_at(struct person_cache *cache, uint64_t batch);
/* A new round: the same person is given as the same struct within one. */
void person_cache_round(struct person_cache *cache, struct arena *arena);
#define PERSON_CACHE_PREFETCH 64
/* Brings what the next person_cache_get of these will look at, at most PERSON_CACHE_PREFETCH of them, nearer to the processor. */
void person_cache_prefetch(struct person_cache *cache, const identifier_hash *hashes, size_t count);
/* NULL when it is not there, or has not the parts. `*ret_first`: for the first time in this round. */
struct person *person_cache_get(struct person_cache *cache, const identifier_hash *hash, unsigned parts, bool *ret_first);
/* For a reader: a copy in its arena; NULL also when the cache belongs to another policy. Any thread. */
struct person *person_cache_copy(struct person_cache *cache, const struct policy *policy, const identifier_hash *hash, unsigned parts,
                                 struct arena *arena);
/* As it came from the store, or as it was just saved (rows that are gone are left out). Who is too large or too rare in kind is forgotten. */
void person_cache_put(struct person_cache *cache, const struct person *person);
void person_cache_forget(struct person_cache *cache, const struct person *person);
size_t person_cache_count(struct person_cache *cache);
bool person_cache_full(struct person_cache *cache); /* whoever is put now drives another out */

/* A value that is there but was not opened. */
extern const char value_unopened[];
#define VALUE_UNOPENED ((str){value_unopened, 1})
static inline bool value_is_unopened(str value) { return value.data == value_unopened; }

#endif
