/* A file of an import, unpacked on the way; the contract is in import_input.h. */
#include "main/import_input.h"

#include "main/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { PACKED_BYTES = 256 * 1024, SKIP_BYTES = 64 * 1024, WINDOW_BITS_GZIP = 15 + 16 };

enum packing { PACKING_UNKNOWN, PACKING_NONE, PACKING_GZIP, PACKING_ZSTD };

struct input {
    struct arena *arena;
    const char *path;
    int fd;
    enum packing packing;
    bool regular, ended; /* ended: the file has no more bytes */
    bool inside; /* a gzip member or zstd frame has begun and not ended */
    uint64_t size, done;
    char *packed; /* read, not unpacked yet */
    size_t at, end;
    z_stream gzip;
    ZSTD_DStream *zstd;
};

const struct err *input_open(struct arena *arena, const char *path, struct input **ret_input)
{
    struct stat found;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error(arena, path, errno);
    if (fstat(fd, &found) < 0 || S_ISDIR(found.st_mode)) {
        const struct err *error = err_new(arena, ERR_INVALID, "%s is a folder; name the files in it: %s/*", path, path);
        (void)close(fd); /* only read */
        return error;
    }
    struct input *input = arena_new(arena, struct input);
    *input = (struct input){.arena = arena, .path = path, .fd = fd, .regular = S_ISREG(found.st_mode)};
    input->size = input->regular ? (uint64_t)found.st_size : 0;
    input->packed = arena_alloc_raw(arena, PACKED_BYTES);
    *ret_input = input;
    return NULL;
}

void input_close(struct input *input)
{
    if (!input)
        return;
    if (input->packing == PACKING_GZIP)
        (void)inflateEnd(&input->gzip); /* says only that it was not at its end */
    (void)ZSTD_freeDStream(input->zstd); /* takes NULL; cannot fail */
    (void)close(input->fd); /* only read */
}

static const struct err *read_some(struct input *input, char *to, size_t room, size_t *ret_got)
{
    for (;;) {
        ssize_t got = read(input->fd, to, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error(input->arena, input->path, errno);
        input->done += (uint64_t)got;
        input->ended = got == 0;
        *ret_got = (size_t)got;
        return NULL;
    }
}

/* Fills the packed buffer when it is empty. */
static const struct err *refill(struct input *input)
{
    size_t got = 0;
    if (input->at < input->end || input->ended)
        return NULL;
    TRY(read_some(input, input->packed, PACKED_BYTES, &got));
    input->at = 0;
    input->end = got;
    return NULL;
}

/* Looks at the first bytes; a pipe may bring them one by one. */
static const struct err *find_packing(struct input *input)
{
    while (input->end < 4 && !input->ended) {
        size_t got = 0;
        TRY(read_some(input, input->packed + input->end, PACKED_BYTES - input->end, &got));
        input->end += got;
    }
    const uint8_t *head = (const uint8_t *)input->packed;
    input->packing = PACKING_NONE;
    if (input->end >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
        input->packing = PACKING_GZIP;
        int result = inflateInit2(&input->gzip, WINDOW_BITS_GZIP);
        ASSERT(result == Z_OK); /* out of memory ends the program */
    } else if (input->end >= 4 && head[0] == 0x28 && head[1] == 0xb5 && head[2] == 0x2f && head[3] == 0xfd) {
        input->packing = PACKING_ZSTD;
        input->zstd = ZSTD_createDStream();
        ASSERT(input->zstd); /* out of memory ends the program */
    }
    return NULL;
}

static const struct err *broken(struct input *input, const char *what)
{
    return err_new(input->arena, ERR_INVALID, "%s: %s after %llu bytes of the file; copy it again from where it came", input->path, what,
                   (unsigned long long)(input->done - (input->end - input->at)));
}

static const struct err *gzip_read(struct input *input, char *to, size_t room, size_t *ret_got)
{
    z_stream *gzip = &input->gzip;
    gzip->next_out = (Bytef *)to;
    gzip->avail_out = (uInt)room;
    while (gzip->avail_out == room) {
        TRY(refill(input));
        if (input->at == input->end) {
            *ret_got = 0;
            return input->inside ? broken(input, "the gzip data is cut short") : NULL;
        }
        gzip->next_in = (Bytef *)input->packed + input->at;
        gzip->avail_in = (uInt)(input->end - input->at);
        input->inside = true;
        int result = inflate(gzip, Z_NO_FLUSH);
        input->at = input->end - gzip->avail_in;
        if (result == Z_STREAM_END) { /* another member may follow */
            input->inside = false;
            result = inflateReset(gzip);
        }
        if (result != Z_OK && result != Z_BUF_ERROR)
            return broken(input, "the gzip data is broken");
    }
    *ret_got = room - gzip->avail_out;
    return NULL;
}

static const struct err *zstd_read(struct input *input, char *to, size_t room, size_t *ret_got)
{
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos == 0) {
        TRY(refill(input));
        if (input->at == input->end && !input->inside)
            break;
        ZSTD_inBuffer in = {input->packed, input->end, input->at};
        size_t result = ZSTD_decompressStream(input->zstd, &out, &in);
        bool moved = in.pos != input->at || out.pos != 0;
        input->at = in.pos;
        if (ZSTD_isError(result))
            return broken(input, "the zstd data is broken");
        input->inside = result != 0;
        if (!moved && input->ended)
            return broken(input, "the zstd data is cut short");
    }
    *ret_got = out.pos;
    return NULL;
}

const struct err *input_read(struct input *input, char *to, size_t room, size_t *ret_got)
{
    if (input->packing == PACKING_UNKNOWN)
        TRY(find_packing(input));
    if (room > UINT32_MAX / 2)
        room = UINT32_MAX / 2;
    if (input->packing == PACKING_GZIP)
        return gzip_read(input, to, room, ret_got);
    if (input->packing == PACKING_ZSTD)
        return zstd_read(input, to, room, ret_got);
    if (input->at == input->end && !input->ended)
        return read_some(input, to, room, ret_got);
    size_t got = input->end - input->at < room ? input->end - input->at : room;
    memcpy(to, input->packed + input->at, got);
    input->at += got;
    *ret_got = got;
    return NULL;
}

const struct err *input_skip(struct input *input, uint64_t count)
{
    char *to = arena_alloc_raw(input->arena, SKIP_BYTES);
    while (count) {
        size_t got = 0, room = count < SKIP_BYTES ? (size_t)count : SKIP_BYTES;
        if (input->packing == PACKING_NONE && input->regular && input->at == input->end && count > SKIP_BYTES) {
            uint64_t left = input->size > input->done ? input->size - input->done : 0;
            uint64_t step = count < left ? count : left;
            if (step == 0 || lseek(input->fd, (off_t)step, SEEK_CUR) < 0)
                return NULL;
            input->done += step;
            count -= step;
            continue;
        }
        TRY(input_read(input, to, room, &got));
        if (got == 0)
            return NULL;
        count -= got;
    }
    return NULL;
}

uint64_t input_done_bytes(const struct input *input) { return input->done - (input->end - input->at); }
uint64_t input_size_bytes(const struct input *input) { return input->size; }
bool input_is_file(const struct input *input) { return input->regular; }
