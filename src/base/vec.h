/* A typed growing array in an arena: `VEC(struct fact) facts; *vec_push(arena, &facts) = …;` */
#ifndef TELOS_BASE_VEC_H
#define TELOS_BASE_VEC_H

#include "base/arena.h"

#include <string.h>

#define VEC(type) \
    struct { \
        type *items; \
        size_t count, capacity; \
    }

void *vec_grow_(struct arena *arena, void *items, size_t *capacity, size_t item_size);

/* A zeroed new last item; the pointer is good until the next push. */
#define vec_push(arena, vec) \
    (((vec)->count == (vec)->capacity ? (void)((vec)->items = vec_grow_((arena), (vec)->items, &(vec)->capacity, sizeof(*(vec)->items))) : (void)0), \
     memset(&(vec)->items[(vec)->count], 0, sizeof(*(vec)->items)), &(vec)->items[(vec)->count++])

/* An empty one has no items: adding 0 to NULL is undefined. */
#define vec_each(item, vec) for (__typeof__((vec)->items + 0) item = (vec)->items; item && item < (vec)->items + (vec)->count; item++)

#endif
