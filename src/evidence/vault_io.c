/* The vault's writing to files. Each step first asks `faults`, so that a test can end the world at any of them. */
#include "evidence/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool step_allowed(const struct vault_faults *faults, const struct vault_step *step)
{
    if (!faults->before || faults->before(faults->context, step))
        return true;
    errno = EIO;
    return false;
}

bool io_write(const struct vault_faults *faults, int fd, const void *data, size_t size, off_t offset)
{
    struct vault_step step = {.kind = STEP_WRITE, .fd = fd, .data = data, .size = size, .offset = offset};
    if (!step_allowed(faults, &step))
        return false;
    const uint8_t *bytes = data;
    while (size > 0) {
        ssize_t written = pwrite(fd, bytes, size, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        size -= (size_t)written;
        offset += written;
    }
    return true;
}

bool io_sync(const struct vault_faults *faults, int fd)
{
    struct vault_step step = {.kind = STEP_SYNC, .fd = fd};
    return step_allowed(faults, &step) && fdatasync(fd) == 0;
}

bool io_truncate(const struct vault_faults *faults, int fd, off_t size)
{
    struct vault_step step = {.kind = STEP_TRUNCATE, .fd = fd, .offset = size};
    return step_allowed(faults, &step) && ftruncate(fd, size) == 0;
}

static bool sync_directory_of(const char *path)
{
    char directory[4096];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof(directory)) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(directory, path, length);
    directory[length] = '\0';
    AUTO_FD fd = open(slash ? (length ? directory : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && (fsync(fd) == 0 || errno == EINVAL); /* some file systems cannot sync a directory: then it needs none */
}

bool io_rename(const struct vault_faults *faults, const char *from, const char *to)
{
    struct vault_step step = {.kind = STEP_RENAME, .fd = -1, .path = to, .from = from};
    return step_allowed(faults, &step) && rename(from, to) == 0 && sync_directory_of(to);
}

bool io_unlink(const struct vault_faults *faults, const char *path)
{
    struct vault_step step = {.kind = STEP_UNLINK, .fd = -1, .path = path};
    return step_allowed(faults, &step) && (unlink(path) == 0 || errno == ENOENT);
}

int io_create(const struct vault_faults *faults, const char *path)
{
    struct vault_step step = {.kind = STEP_CREATE, .fd = -1, .path = path};
    if (!step_allowed(faults, &step))
        return -1;
    return open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
}

bool io_wipe(const struct vault_faults *faults, int fd, off_t size)
{
    static const uint8_t zeroes[64 * 1024];
    for (off_t at = 0; at < size;) {
        size_t part = size - at < (off_t)sizeof(zeroes) ? (size_t)(size - at) : sizeof(zeroes);
        if (!io_write(faults, fd, zeroes, part, at))
            return false;
        at += (off_t)part;
    }
    return true;
}

bool io_replace(struct arena *arena, const struct vault_faults *faults, const char *path, str content)
{
    const char *fresh = arena_printf(arena, "%s.new", path);
    AUTO_FD fd = io_create(faults, fresh);
    return fd >= 0 && io_write(faults, fd, content.data, content.length, 0) && io_sync(faults, fd) && io_rename(faults, fresh, path);
}

bool io_read(int fd, void *data, size_t size, off_t offset)
{
    uint8_t *bytes = data;
    while (size > 0) {
        ssize_t got = pread(fd, bytes, size, offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            errno = got == 0 ? 0 : errno;
            return false;
        }
        bytes += got;
        size -= (size_t)got;
        offset += got;
    }
    return true;
}

bool io_read_file(struct arena *arena, const char *path, size_t max, str *ret_content)
{
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    if (fd < 0 || fstat(fd, &stat) != 0)
        return false;
    if (!S_ISREG(stat.st_mode) || (uint64_t)stat.st_size > max) {
        errno = EFBIG;
        return false;
    }
    char *data = arena_alloc_raw(arena, (size_t)stat.st_size + 1);
    if (!io_read(fd, data, (size_t)stat.st_size, 0))
        return false;
    *ret_content = str_bytes(data, (size_t)stat.st_size);
    return true;
}

const struct err *io_error(struct arena *arena, const char *what, const char *path)
{
    int number = errno;
    char text[128];
    bool full = number == ENOSPC || number == EDQUOT;
    return err_new(arena, full ? ERR_UNAVAILABLE : ERR_IO, "%s %s: %s", what, path,
                   number ? strerror_r(number, text, sizeof(text)) : "the file ends too early");
}
