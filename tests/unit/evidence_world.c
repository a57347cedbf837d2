/* See evidence_world.h. */
#include "evidence_world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *world_folder(struct arena *arena)
{
    char *path = arena_printf(arena, "%s/telos-evidence-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

const char *world_path(struct arena *arena, const char *folder, const char *name) { return arena_printf(arena, "%s/%s", folder, name); }

bool world_exists(const char *path) { return access(path, F_OK) == 0; }

/* Calls `each` for every file below `folder`, then for the folder itself where `folders`. */
static void walk(const char *folder, const char *inner, bool folders, void (*each)(void *context, const char *path, const char *inner, bool is_folder),
                 void *context)
{
    char path[4096], name[4096];
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct stat stat;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)snprintf(name, sizeof(name), "%s/%s", inner, entry->d_name);
        assert_int_equal(lstat(path, &stat), 0);
        if (S_ISDIR(stat.st_mode)) {
            if (folders)
                each(context, path, name, true);
            walk(path, name, folders, each, context);
        } else {
            each(context, path, name, false);
        }
    }
    (void)closedir(dir);
}

static void remove_file(void *context, const char *path, const char *inner, bool is_folder)
{
    (void)context, (void)inner, (void)is_folder;
    (void)unlink(path);
}

static void remove_folders(const char *folder)
{
    char path[4096];
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        remove_folders(path);
    }
    (void)closedir(dir);
    (void)rmdir(folder);
}

void world_remove(const char *folder)
{
    if (!world_exists(folder))
        return;
    walk(folder, "", false, remove_file, NULL);
    remove_folders(folder);
}

void world_copy_file(const char *from, const char *to)
{
    struct arena arena;
    arena_init(&arena);
    world_write(to, world_read(&arena, from));
    arena_release(&arena);
}

static void copy_one(void *context, const char *path, const char *inner, bool is_folder)
{
    char to[8192];
    (void)snprintf(to, sizeof(to), "%s%s", (const char *)context, inner);
    if (is_folder)
        assert_true(mkdir(to, 0700) == 0 || errno == EEXIST);
    else
        world_copy_file(path, to);
}

void world_copy(const char *from, const char *to)
{
    world_remove(to);
    assert_int_equal(mkdir(to, 0700), 0);
    walk(from, "", true, copy_one, (void *)to);
}

str world_read(struct arena *arena, const char *path)
{
    struct stat stat;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &stat) != 0)
        fail_msg("%s cannot be read", path);
    char *data = arena_alloc_raw(arena, (size_t)stat.st_size + 1);
    assert_int_equal(read(fd, data, (size_t)stat.st_size), stat.st_size);
    (void)close(fd);
    return str_bytes(data, (size_t)stat.st_size);
}

void world_write(const char *path, str content)
{
    char folder[4096];
    (void)snprintf(folder, sizeof(folder), "%s", path);
    for (char *slash = folder + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        (void)mkdir(folder, 0700); /* mostly there already */
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        fail_msg("%s cannot be written", path);
    assert_int_equal(write(fd, content.data ? content.data : "", content.length), (ssize_t)content.length);
    (void)close(fd);
}

struct search {
    str bytes;
    size_t found;
};

static void search_file(void *context, const char *path, const char *inner, bool is_folder)
{
    struct search *search = context;
    struct arena arena;
    (void)inner, (void)is_folder;
    arena_init(&arena);
    str content = world_read(&arena, path);
    search->found += content.length > 0 && memmem(content.data, content.length, search->bytes.data, search->bytes.length) != NULL;
    arena_release(&arena);
}

size_t world_find(const char *folder, const void *bytes, size_t size)
{
    struct search search = {.bytes = str_bytes(bytes, size)};
    walk(folder, "", false, search_file, &search);
    return search.found;
}
