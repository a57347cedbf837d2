/* Views of people in memory: the text that a reader made of a person for one purpose, kept until a commit touches the person, the policy is
 * switched, or the time is over that the gate gave with it.
 *
 * 1. What it gives is what making the view anew would give: a view is a function of the person's rows, the policy and the time, and changes by time
 *    alone no sooner than at its `until_ms` (profile_view's valid_until_ms). Whoever gives it out records the read, as with a view made anew.
 * 2. A commit forgets all it touched, by every identifier, before anybody is answered. Who was making a view meanwhile cannot keep it: its mark is old.
 * 3. Views belong to a policy version; a switch forgets all.
 * 4. Only in memory (P7), packed (view_words.h). What is forgotten is overwritten at once.
 * 5. At most LIMIT_VIEW_CACHE_BYTES; the oldest go.
 */
#ifndef TELOS_ENGINE_VIEW_CACHE_H
#define TELOS_ENGINE_VIEW_CACHE_H

#include "model/person.h"

struct foreign;
struct view_cache;
struct view_key {
    identifier_hash hash; /* that the person was asked for by */
    uint16_t purpose; /* slot */
    uint16_t variant; /* what else the text depends on; the caller's */
    purpose_mask told; /* of which purposes the text tells: it is for nobody who has others */
};
struct view_made {
    profile_no root; /* whose it is: for recording the read */
    int64_t from_ms, until_ms; /* it is the same at any time from `from` to before `until` */
    uint64_t seen; /* shared stores: the newest batch known before anything of it was read */
};

struct view_cache *view_cache_new(size_t bytes);
void view_cache_free(struct view_cache *cache);
/* Shared stores: the view of whom another node touched later than `seen` is not given. Once, before it is used. */
void view_cache_share(struct view_cache *cache, const struct foreign *foreign);
/* Forgets all; from now on views are of this policy version. */
void view_cache_clear(struct view_cache *cache, uint32_t policy_version);
/* To be taken before anything of the person is read. */
uint32_t view_cache_mark(struct view_cache *cache, const identifier_hash *hash);
/* Adds the text to `out`. Any thread. */
bool view_cache_get(struct view_cache *cache, uint32_t policy_version, const struct view_key *key, int64_t now_ms, struct buf *out,
                    struct view_made *ret_made);
/* Keeps the text, unless something was forgotten near its key since the mark was taken, or it is too long. */
void view_cache_put(struct view_cache *cache, uint32_t policy_version, const struct view_key *key, uint32_t mark, const struct view_made *made, str text);
/* Also by identifiers that are gone with this commit. */
void view_cache_forget(struct view_cache *cache, const struct person *person);
size_t view_cache_count(struct view_cache *cache);

#endif
