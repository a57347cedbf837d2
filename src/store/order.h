/* The orders in which `load` gives rows, the same for every backend; for qsort. */
#ifndef TELOS_STORE_ORDER_H
#define TELOS_STORE_ORDER_H

#include "model/person.h"

#include <string.h>

static inline int profile_no_order(const void *a, const void *b)
{
    uint64_t x = ((const profile_no *)a)->value, y = ((const profile_no *)b)->value;
    return x < y ? -1 : x > y;
}

/* Consents by when they became known; at one moment by id, so that the order is the same everywhere. */
static inline int known_order(const void *a, const void *b)
{
    const struct consent *x = a, *y = b;
    if (x->known_ms != y->known_ms)
        return x->known_ms < y->known_ms ? -1 : 1;
    return memcmp(x->id.bytes, y->id.bytes, 16);
}

static inline int event_older_first(const void *a, const void *b)
{
    uint64_t x = ((const struct event *)a)->number.value, y = ((const struct event *)b)->number.value;
    return x < y ? -1 : x > y;
}

static inline int event_newer_first(const void *a, const void *b)
{
    return event_older_first(b, a);
}

#endif
