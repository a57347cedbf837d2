/* Packing and unpacking by zlib. The contract is in gzip.h.
 *
 * 1. zlib's own state lives in the caller's arena, so unpacking asks for no other memory.
 * 2. Never more than `max` bytes are unpacked, plus one to see that there would be more.
 */
#include "base/gzip.h"

#include <zlib.h>

enum { WINDOW_BITS_ANY = 15 + 32, WINDOW_BITS_GZIP = 15 + 16, ROOM_BYTES_FIRST = 4096 };

static void *zlib_alloc(void *arena, unsigned count, unsigned size) { return arena_alloc(arena, (size_t)count * size); }

static void zlib_free(void *arena, void *memory)
{
    (void)arena; /* the arena gives it back */
    (void)memory;
}

/* Unpacks one member after the other (a gzip file may hold several). */
static const struct err *unpack_all(struct arena *arena, z_stream *stream, size_t max, struct buf *out)
{
    for (;;) {
        size_t room = out->capacity > out->length ? out->capacity - out->length : out->length + ROOM_BYTES_FIRST;
        if (room > out->max - out->length)
            room = out->max - out->length;
        if (room == 0)
            return err_new(arena, ERR_TOO_LARGE, "the unpacked body is over %zu bytes; send it in smaller pieces", max);
        char *to = buf_reserve(out, room);
        stream->next_out = (Bytef *)to;
        stream->avail_out = (uInt)room;
        int result = inflate(stream, Z_NO_FLUSH);
        out->length += room - stream->avail_out;
        if (result == Z_STREAM_END) {
            if (stream->avail_in == 0)
                return NULL;
            result = inflateReset(stream);
        }
        if (result != Z_OK && !(result == Z_BUF_ERROR && stream->avail_out == 0))
            return err_new(arena, ERR_MALFORMED, "the gzip body is broken or cut short");
        if (stream->avail_in == 0 && stream->avail_out > 0)
            return err_new(arena, ERR_MALFORMED, "the gzip body is cut short");
    }
}

const struct err *gzip_unpack(struct arena *arena, str data, size_t max, str *ret_text)
{
    if (data.length > UINT32_MAX / 2 || max > UINT32_MAX / 2)
        return err_new(arena, ERR_TOO_LARGE, "the packed body is too large");
    z_stream stream = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = arena};
    stream.next_in = (Bytef *)(uintptr_t)data.data;
    stream.avail_in = (uInt)data.length;
    if (inflateInit2(&stream, WINDOW_BITS_ANY) != Z_OK)
        return err_new(arena, ERR_INTERNAL, "zlib cannot be started");
    struct buf out;
    buf_init(&out, arena, max + 1);
    size_t guess = data.length * 6 + ROOM_BYTES_FIRST;
    (void)buf_reserve(&out, guess < out.max ? guess : out.max); /* asks for memory once in the usual case */
    const struct err *err = unpack_all(arena, &stream, max, &out);
    (void)inflateEnd(&stream); /* frees nothing that an arena would not */
    if (err)
        return err;
    if (out.length > max)
        return err_new(arena, ERR_TOO_LARGE, "the unpacked body is over %zu bytes; send it in smaller pieces", max);
    *ret_text = buf_str(&out);
    return NULL;
}

str gzip_pack(struct arena *arena, str text)
{
    ASSERT(text.length <= UINT32_MAX / 2);
    z_stream stream = {0};
    int result = deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS_GZIP, 8, Z_DEFAULT_STRATEGY);
    ASSERT(result == Z_OK); /* out of memory ends the program */
    size_t room = deflateBound(&stream, text.length);
    char *packed = arena_alloc_raw(arena, room);
    stream.next_in = (Bytef *)(uintptr_t)text.data;
    stream.avail_in = (uInt)text.length;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)room;
    result = deflate(&stream, Z_FINISH);
    ASSERT(result == Z_STREAM_END);
    (void)deflateEnd(&stream); /* says only that it was ended */
    return str_bytes(packed, room - stream.avail_out);
}
