/* Who was touched by other nodes' commits: for each profile the newest batch of another node that touched it, as far as this node has followed.
 * What lies in memory of a person and was read when batch N was the newest known is good as long as `foreign_at` of its root is not above N.
 *
 * Profiles share places when there are more than FOREIGN_PLACES: then something good may be forgotten, never something bad kept. Lock-free.
 */
#ifndef TELOS_ENGINE_FOREIGN_H
#define TELOS_ENGINE_FOREIGN_H

#include "base/err.h"
#include "model/ids.h"

#include <stdatomic.h>

#define FOREIGN_PLACES (1u << 20)
struct foreign {
    _Atomic uint64_t batch[FOREIGN_PLACES];
};

static inline uint64_t foreign_at(const struct foreign *foreign, uint64_t profile)
{
    return atomic_load_explicit(&foreign->batch[profile % FOREIGN_PLACES], memory_order_acquire);
}

static inline void foreign_touch(struct foreign *foreign, uint64_t profile, uint64_t batch)
{
    _Atomic uint64_t *place = &foreign->batch[profile % FOREIGN_PLACES];
    uint64_t before = atomic_load_explicit(place, memory_order_relaxed);
    while (before < batch && !atomic_compare_exchange_weak_explicit(place, &before, batch, memory_order_release, memory_order_relaxed))
        ;
}

#endif
