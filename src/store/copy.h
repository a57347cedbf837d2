/* Everything of one store into another that is empty, through what every store can. Numbers, sets and order stay as they are; nothing is unsealed. */
#ifndef TELOS_STORE_COPY_H
#define TELOS_STORE_COPY_H

#include "store/store.h"

struct store_copied {
    struct store_totals from, to; /* after it: they say the same, but for bytes */
    bool leaves_same; /* every leaf hash of the ledger was read again from both */
};
/* `reader` of `from` may go on being used afterwards. The setting COPY_UNFINISHED stands in `to` until the copy is whole. */
const struct err *store_copy(struct arena *arena, const struct store_ops *from, struct store_session *reader, struct store *to,
                             void (*progress)(void *context, uint64_t done, uint64_t all), void *context, struct store_copied *ret_copied) MUST_CHECK;
/* The same numbers of rows, and the same next numbers. */
bool store_totals_equal(const struct store_totals *a, const struct store_totals *b);

#define COPY_UNFINISHED "copy_unfinished"

#endif
