/* Small files, whole; the contract is in file.h. */
#include "main/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void file_close(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* what had to be durable was synced before */
}

const struct err *file_error(struct arena *arena, const char *path, int number)
{
    enum err_code code = number == ENOENT || number == ENOTDIR                    ? ERR_NOT_FOUND
                         : number == EACCES || number == EPERM || number == EROFS ? ERR_FORBIDDEN
                                                                                  : ERR_IO;
    return err_new(arena, code, "%s: %s", path, strerror(number));
}

const struct err *file_read(struct arena *arena, const char *path, size_t bytes_max, str *ret_text)
{
    int fd FILE_CLOSED = -1;
    int from = STDIN_FILENO;
    if (strcmp(path, "-") != 0)
        from = fd = open(path, O_RDONLY | O_CLOEXEC); /* NOLINT(clang-analyzer-deadcode.DeadStores): `fd` is closed at the end */
    if (from < 0)
        return file_error(arena, path, errno);
    struct buf text;
    buf_init(&text, arena, bytes_max + 1);
    for (;;) {
        size_t room = bytes_max + 1 - text.length < 16384 ? bytes_max + 1 - text.length : 16384;
        if (room == 0)
            return err_new(arena, ERR_TOO_LARGE, "%s: over %zu bytes", path, bytes_max);
        char *to = buf_reserve(&text, room);
        ssize_t got = read(from, to, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return file_error(arena, path, errno);
        if (got == 0)
            break;
        text.length += (size_t)got;
    }
    *ret_text = buf_str(&text);
    return NULL;
}

static bool write_whole(int fd, str text)
{
    while (text.length) {
        ssize_t wrote = write(fd, text.data, text.length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        text = str_slice(text, (size_t)wrote, text.length);
    }
    return fsync(fd) == 0;
}

const struct err *file_replace(struct arena *arena, const char *path, str text)
{
    const char *new_path = arena_printf(arena, "%s.new", path);
    int fd FILE_CLOSED = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return file_error(arena, new_path, errno);
    if (!write_whole(fd, text))
        return file_error(arena, new_path, errno);
    if (rename(new_path, path) < 0)
        return file_error(arena, path, errno);
    return NULL;
}

const struct err *file_make_directory(struct arena *arena, const char *path)
{
    char *each = str_z(arena, str_of(path));
    for (char *slash = each + 1; *each && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        (void)mkdir(each, 0700); /* that it is there is what counts, and the next step tells */
        *slash = '/';
    }
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return file_error(arena, path, errno);
    struct stat found;
    if (stat(path, &found) < 0)
        return file_error(arena, path, errno);
    return S_ISDIR(found.st_mode) ? NULL : err_new(arena, ERR_CONFLICT, "%s: is not a directory", path);
}

const char *file_absolute(struct arena *arena, const char *path)
{
    char here[PATH_MAX];
    if (path[0] == '/' || !getcwd(here, sizeof(here)))
        return path;
    return arena_printf(arena, "%s/%s", here, path);
}
