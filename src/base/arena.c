/* Arenas: bump allocation in blocks that double up to a cap. The contract is in arena.h.
 *
 * 1. `blocks` is a list of all blocks; `next`…`end` is the free part of the block at its head.
 * 2. A request that would waste much of the current block gets a block of its own behind the head.
 * 3. Under AddressSanitizer whatever is not given out is poisoned, so overruns and use after clear are found.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(address, size) __asan_poison_memory_region((address), (size))
#define UNPOISON(address, size) __asan_unpoison_memory_region((address), (size))
#define RED_ZONE 16
#else
#define POISON(address, size) ((void)(address), (void)(size))
#define UNPOISON(address, size) ((void)(address), (void)(size))
#define RED_ZONE 0
#endif

enum { ALIGNMENT = 16, BLOCK_BYTES_FIRST = 8 * 1024, BLOCK_BYTES_MAX = 1024 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* of data */
    _Alignas(ALIGNMENT) uint8_t data[];
};

static void arena_die(void)
{
    static const char text[] = "telos: out of memory\n";
    (void)!fwrite(text, 1, sizeof(text) - 1, stderr); /* nothing left to do when even this fails */
    abort();
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (!block)
        arena_die();
    block->older = NULL;
    block->size = size;
    POISON(block->data, size);
    return block;
}

static void block_free(struct arena_block *block)
{
    UNPOISON(block->data, block->size);
    free(block);
}

void arena_init(struct arena *arena) { *arena = (struct arena){0}; }

void arena_clear(struct arena *arena)
{
    /* Keeps the largest ordinary block; one that a single big value asked for goes back. */
    struct arena_block *kept = NULL;
    for (struct arena_block *block = arena->blocks; block; block = block->older)
        if (block->size <= BLOCK_BYTES_MAX && (!kept || block->size > kept->size))
            kept = block;
    for (struct arena_block *block = arena->blocks, *older; block; block = older) {
        older = block->older;
        if (block != kept)
            block_free(block);
    }
    *arena = (struct arena){0};
    if (kept) {
        kept->older = NULL;
        POISON(kept->data, kept->size);
        arena->blocks = kept;
        arena->next = kept->data;
        arena->end = kept->data + kept->size;
    }
}

void arena_release(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *older; block; block = older) {
        older = block->older;
        block_free(block);
    }
    *arena = (struct arena){0};
}

/* The slow path: the current block has no room for `size` (already rounded) bytes. */
static void *arena_alloc_block(struct arena *arena, size_t size)
{
    size_t usual = BLOCK_BYTES_FIRST;
    if (arena->blocks) {
        usual = arena->blocks->size * 2;
        if (usual > BLOCK_BYTES_MAX)
            usual = BLOCK_BYTES_MAX;
        if (usual < BLOCK_BYTES_FIRST)
            usual = BLOCK_BYTES_FIRST;
    }
    if (size > usual / 4 && arena->blocks) { /* its own block, behind the head, whose room stays in use */
        struct arena_block *own = block_new(size);
        own->older = arena->blocks->older;
        arena->blocks->older = own;
        return own->data;
    }
    if (size > usual)
        usual = size;
    struct arena_block *block = block_new(usual);
    block->older = arena->blocks;
    arena->blocks = block;
    arena->next = block->data + size;
    arena->end = block->data + usual;
    return block->data;
}

void *arena_alloc_raw(struct arena *arena, size_t size)
{
    if (size > PTRDIFF_MAX / 2)
        arena_die();
    size_t rounded = ((size ? size : 1) + RED_ZONE + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    void *memory;
    if (rounded <= (size_t)(arena->end - arena->next)) {
        memory = arena->next;
        arena->next += rounded;
    } else {
        memory = arena_alloc_block(arena, rounded);
    }
    arena->used_bytes += rounded;
    UNPOISON(memory, size);
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *memory = arena_alloc_raw(arena, size);
    memset(memory, 0, size);
    return memory;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        arena_die();
    char *text = arena_alloc_raw(arena, (size_t)length + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
