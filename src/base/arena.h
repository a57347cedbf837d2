/* Arenas: memory with one lifetime (process, policy snapshot, batch or request).
 *
 * 1. Nothing taken from an arena is freed on its own; arena_clear or arena_release ends it all at once.
 * 2. Memory comes zeroed and aligned to 16 bytes. Running out of memory aborts (killing is safe, see P5).
 * 3. An arena belongs to one thread at a time.
 */
#ifndef TELOS_BASE_ARENA_H
#define TELOS_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena_block;
struct arena {
    struct arena_block *blocks; /* newest first */
    uint8_t *next, *end;
    size_t used_bytes; /* given out since init or clear */
};

void arena_init(struct arena *arena);
/* Gives everything back but one block, so that the next batch need not ask again. */
void arena_clear(struct arena *arena);
void arena_release(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size);
/* Not zeroed: for buffers that are written at once. */
void *arena_alloc_raw(struct arena *arena, size_t size);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(count)))

#endif
