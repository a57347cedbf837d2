/* What the two files of debug/ share: the points as they are armed. */
#ifndef TELOS_STORE_DEBUG_PRIVATE_H
#define TELOS_STORE_DEBUG_PRIVATE_H

#include "store/debug/points.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct armed {
    _Atomic uint64_t reached;
    _Atomic uint64_t from, to; /* calls from…to-1 fail; both 0: none */
};

/* Counts a call, and says whether it must fail. */
static inline bool armed_hit(struct armed *armed)
{
    uint64_t call = atomic_fetch_add(&armed->reached, 1);
    return call >= armed->from && call < armed->to;
}
/* True for the points below SQLite. */
static inline bool fault_of_files(enum fault fault)
{
    return fault == FAULT_DISK_FULL || fault == FAULT_EXIT_IN_SYNC || fault == FAULT_EXIT_IN_WRITE || fault == FAULT_SYNC;
}
/* NULL until store_debug_files was called. */
struct armed *files_armed(void);

#endif
