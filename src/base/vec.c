/* The growth step behind vec_push: doubling inside an arena. The contract is in vec.h. */
#include "base/vec.h"

#include "base/err.h"

void *vec_grow_(struct arena *arena, void *items, size_t *capacity, size_t item_size)
{
    size_t grown = *capacity ? *capacity * 2 : 8;
    ASSERT(item_size > 0 && grown <= PTRDIFF_MAX / item_size);
    void *moved = arena_alloc_raw(arena, grown * item_size);
    if (*capacity)
        memcpy(moved, items, *capacity * item_size);
    *capacity = grown;
    return moved;
}
