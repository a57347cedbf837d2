/* Views packed against shared words; the contract is in view_words.h. */
#include "engine/view_words.h"

#include "base/err.h"

#include <lz4.h>
#include <stdlib.h>

#define WORDS_BYTES_MAX (12u * 1024)
#define SAMPLE_BYTES_MAX (16u * 1024)
#define SLOTS (1u << 15) /* of different pieces; what is not counted is left out */

struct view_words {
    LZ4_stream_t learned; /* copied for each packing: learning costs more than that */
    size_t length;
    char text[WORDS_BYTES_MAX];
};

struct piece {
    uint64_t hash; /* 0: free */
    uint64_t samples; /* a bit for each sample that has it */
};

static bool in_piece(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || u >= 0x80;
}

static uint64_t piece_hash(str piece)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < piece.length; i++)
        hash = (hash ^ (uint8_t)piece.data[i]) * UINT64_C(0x100000001b3);
    return hash | 1;
}

static struct piece *piece_find(struct piece *pieces, uint64_t hash)
{
    for (size_t i = (size_t)(hash >> 20), tries = 0; tries < 64; i++, tries++) {
        struct piece *piece = &pieces[i & (SLOTS - 1)];
        if (!piece->hash || piece->hash == hash)
            return piece;
    }
    return NULL;
}

/* The next run of letters and digits at or after *at; *at moves behind it. Empty: there is none. */
static str piece_next(str text, size_t *at, size_t *ret_begin)
{
    size_t begin = *at;
    while (begin < text.length && !in_piece(text.data[begin]))
        begin++;
    size_t end = begin;
    while (end < text.length && in_piece(text.data[end]))
        end++;
    *at = end;
    *ret_begin = begin;
    return str_slice(text, begin, end);
}

static void pieces_count(struct piece *pieces, str text, unsigned sample)
{
    size_t at = 0, begin;
    for (str part = piece_next(text, &at, &begin); !str_empty(part); part = piece_next(text, &at, &begin)) {
        struct piece *piece = piece_find(pieces, piece_hash(part));
        if (!piece)
            continue;
        piece->hash = piece_hash(part);
        piece->samples |= UINT64_C(1) << sample;
    }
}

/* The sample without what only few have. */
static void sample_add(struct view_words *words, struct piece *pieces, str text)
{
    size_t at = 0, begin, copied = 0, length = words->length;
    for (bool more = true; more;) {
        str part = piece_next(text, &at, &begin);
        const struct piece *piece = str_empty(part) ? NULL : piece_find(pieces, piece_hash(part));
        bool kept = piece && __builtin_popcountll(piece->samples) >= WORDS_PEOPLE_MIN;
        size_t end = kept ? at : begin;
        if (length + (end - copied) > WORDS_BYTES_MAX)
            return; /* a piece of a view is of no use: all or nothing */
        if (end > copied)
            memcpy(words->text + length, text.data + copied, end - copied);
        length += end - copied;
        copied = at;
        more = !str_empty(part);
    }
    words->length = length;
}

static int length_order(const void *a, const void *b)
{
    size_t x = ((const str *)a)->length, y = ((const str *)b)->length;
    return x < y ? -1 : x > y;
}

struct view_words *view_words_learn(struct arena *arena, const str *samples, size_t count)
{
    struct view_words *words = calloc(1, sizeof *words);
    ASSERT(words && count <= WORDS_SAMPLES_MAX);
    struct piece *pieces = arena_array(arena, struct piece, SLOTS);
    str *sorted = arena_array(arena, str, count + 1);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = str_slice(samples[i], 0, SAMPLE_BYTES_MAX);
        pieces_count(pieces, sorted[i], (unsigned)i);
    }
    if (count)
        qsort(sorted, count, sizeof *sorted, length_order);
    const size_t chosen[] = {count / 4, count / 2, count * 3 / 4};
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen && count; i++)
        sample_add(words, pieces, sorted[chosen[i]]);
    LZ4_initStream(&words->learned, sizeof words->learned);
    LZ4_loadDict(&words->learned, words->text, (int)words->length);
    return words;
}

void view_words_free(struct view_words *words) { free(words); }

str view_words_text(const struct view_words *words) { return str_bytes(words->text, words->length); }

size_t view_pack(const struct view_words *words, str text, char *to, size_t room)
{
    int packed;
    if (words) {
        LZ4_stream_t stream = words->learned;
        packed = LZ4_compress_fast_continue(&stream, text.data, to, (int)text.length, (int)room, 1);
    } else
        packed = LZ4_compress_default(text.data, to, (int)text.length, (int)room);
    return packed > 0 ? (size_t)packed : 0;
}

bool view_unpack(const struct view_words *words, str packed, char *to, size_t length)
{
    int got = words ? LZ4_decompress_safe_usingDict(packed.data, to, (int)packed.length, (int)length, words->text, (int)words->length)
                    : LZ4_decompress_safe(packed.data, to, (int)packed.length, (int)length);
    return got >= 0 && (size_t)got == length;
}
