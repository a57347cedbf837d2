/* Whole files, read and written durably. */
#include "engine/files_private.h"

#include "base/vec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (256 * 1024)

char *files_join(struct arena *arena, const char *folder, const char *name) { return arena_printf(arena, "%s/%s", folder, name); }

static const struct err *failed(struct arena *arena, const char *what, const char *path)
{
    return err_new(arena, ERR_IO, "%s %s: %s", what, path, strerror(errno));
}

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, data, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        data += written;
        length -= (size_t)written;
    }
    return true;
}

static const struct err *sync_path(struct arena *arena, const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    if (fd < 0)
        return failed(arena, "cannot open", path);
    bool fine = fsync(fd) == 0;
    const struct err *error = fine ? NULL : failed(arena, "cannot sync", path);
    close(fd);
    return error;
}

static char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return str_z(arena, STR("."));
    return slash == path ? str_z(arena, STR("/")) : str_z(arena, str_bytes(path, (size_t)(slash - path)));
}

static const struct err *put(struct arena *arena, const char *path, str content, mode_t mode, bool durable)
{
    char *temporary = arena_printf(arena, "%s.new", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return failed(arena, "cannot make", temporary);
    bool fine = write_all(fd, content.data, content.length) && (!durable || fsync(fd) == 0);
    int saved = errno;
    fine = close(fd) == 0 && fine;
    if (!fine || rename(temporary, path) != 0) {
        if (!fine)
            errno = saved ? saved : EIO;
        const struct err *error = failed(arena, "cannot write", path);
        (void)unlink(temporary); /* a leftover does no harm */
        return error;
    }
    return durable ? sync_path(arena, folder_of(arena, path), O_DIRECTORY) : NULL;
}

const struct err *files_write(struct arena *arena, const char *path, str content, mode_t mode) { return put(arena, path, content, mode, true); }
const struct err *files_put(struct arena *arena, const char *path, str content, mode_t mode) { return put(arena, path, content, mode, false); }

const struct err *files_read(struct arena *arena, const char *path, size_t max, str *ret_content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return err_new(arena, ERR_NOT_FOUND, "there is no file %s", path);
    if (fd < 0)
        return failed(arena, "cannot open", path);
    struct buf buf;
    buf_init(&buf, arena, max + 1);
    const struct err *error = NULL;
    for (;;) {
        size_t room = max + 1 - buf.length < 64 * 1024 ? max + 1 - buf.length : 64 * 1024;
        char *at = room ? buf_reserve(&buf, room) : NULL;
        ssize_t got = at ? read(fd, at, room) : 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = failed(arena, "cannot read", path);
        if (got <= 0)
            break;
        buf.length += (size_t)got;
    }
    close(fd);
    if (error)
        return error;
    if (buf.length > max)
        return err_new(arena, ERR_TOO_LARGE, "%s is longer than %zu bytes", path, max);
    *ret_content = buf_str(&buf);
    return NULL;
}

bool files_exist(const char *path) { return access(path, F_OK) == 0; }

const struct err *files_folder(struct arena *arena, const char *path, mode_t mode)
{
    char *text = str_z(arena, str_of(path));
    for (char *at = text + 1;; at++) {
        if (*at && *at != '/')
            continue;
        char kept = *at;
        *at = 0;
        if (mkdir(text, mode) != 0 && errno != EEXIST)
            return failed(arena, "cannot make", text);
        *at = kept;
        if (!kept)
            break;
    }
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return err_new(arena, ERR_IO, "%s is no folder", path);
    return NULL;
}

const struct err *files_folder_empty(struct arena *arena, const char *path, bool *ret_empty)
{
    DIR *folder = opendir(path);
    if (!folder) {
        if (errno != ENOENT)
            return failed(arena, "cannot open", path);
        *ret_empty = true;
        return NULL;
    }
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    *ret_empty = empty;
    return NULL;
}

const struct err *files_copy(struct arena *arena, const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return failed(arena, "cannot open", from);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (out < 0) {
        const struct err *error = failed(arena, "cannot make", to);
        close(in);
        return error;
    }
    char *buffer = arena_alloc_raw(arena, COPY_BYTES);
    const struct err *error = NULL;
    for (;;) {
        ssize_t got = read(in, buffer, COPY_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            error = failed(arena, "cannot read", from);
        if (got <= 0)
            break;
        if (!write_all(out, buffer, (size_t)got)) {
            error = failed(arena, "cannot write", to);
            break;
        }
    }
    if (!error && fsync(out) != 0)
        error = failed(arena, "cannot sync", to);
    close(in);
    if (close(out) != 0 && !error)
        error = failed(arena, "cannot write", to);
    return error;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

const struct err *files_each(struct arena *arena, const char *path,
                             const struct err *(*each)(void *context, struct arena *arena, const char *name, bool is_folder), void *context)
{
    DIR *folder = opendir(path);
    if (!folder)
        return failed(arena, "cannot open", path);
    VEC(char *) names = {0};
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            *vec_push(arena, &names) = str_z(arena, str_of(entry->d_name));
    closedir(folder);
    if (names.count > 1)
        qsort(names.items, names.count, sizeof *names.items, by_name);
    vec_each (name, &names) {
        struct stat status;
        if (lstat(files_join(arena, path, *name), &status) != 0)
            continue; /* gone meanwhile */
        if (S_ISDIR(status.st_mode) || S_ISREG(status.st_mode))
            TRY(each(context, arena, *name, S_ISDIR(status.st_mode)));
    }
    return NULL;
}

/* One call for the whole file system: an export has many files, and each fsync is a turn of the disk. */
const struct err *files_sync_folder(struct arena *arena, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (fd < 0)
        return failed(arena, "cannot open", path);
    const struct err *error = syncfs(fd) == 0 ? NULL : failed(arena, "cannot sync", path);
    close(fd);
    return error;
}
