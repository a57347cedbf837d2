/* Copies of the vault in backups, and what is still to be destroyed there.
 *
 *     telos-mirrors 1
 *     TOMBSTONES PATH        up to where in tombstones.log that copy has followed; "all": it must be copied whole
 *
 * A mirror that was out of reach catches up from the tombstones alone, so nothing else need be remembered. A page is written anew in
 * place: when that tears, the mirror is still behind, and the vault's own page takes the torn one's place. */
#include "evidence/vault_private.h"

#include "evidence/text_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FIRST_LINE "telos-mirrors 1"
#define FILE_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define BEHIND_MAX (UINT64_C(64) * 1024 * 1024) /* of tombstones; a mirror further behind is copied whole */

void mirrors_free(struct vault *vault)
{
    vec_each (mirror, &vault->mirrors)
        free(mirror->path);
    vault->mirrors.count = 0;
}

static struct mirror *mirror_add(struct vault *vault, str path)
{
    struct mirror *mirror = vec_push(&vault->arena, &vault->mirrors);
    mirror->path = strndup(path.data, path.length);
    ASSERT(mirror->path);
    return mirror;
}

const struct err *mirrors_load(struct arena *arena, struct vault *vault)
{
    str content, line, tombstones;
    if (!io_read_file(arena, vault->path_mirrors, FILE_SIZE_MAX, &content))
        return errno == ENOENT ? NULL : io_error(arena, "cannot read", vault->path_mirrors);
    bool fine = text_line(&content, &line) && str_equal(line, STR(FIRST_LINE));
    while (fine && content.length > 0) {
        uint64_t applied = 0;
        fine = text_line(&content, &line) && str_split(&line, ' ', &tombstones) && str_starts(line, STR("/"));
        bool all = fine && str_equal(tombstones, STR("all"));
        fine = fine && (all || text_uint64(tombstones, &applied));
        if (!fine)
            break;
        struct mirror *mirror = mirror_add(vault, line);
        mirror->all = all;
        mirror->tombstones = applied;
    }
    if (!fine)
        return err_new(arena, ERR_UNAVAILABLE, "%s is damaged: mend it, so that what is destroyed is destroyed in backups, too", vault->path_mirrors);
    return NULL;
}

const struct err *mirrors_save(struct arena *arena, struct vault *vault)
{
    struct buf out;
    buf_init(&out, arena, FILE_SIZE_MAX);
    buf_add(&out, STR(FIRST_LINE "\n"));
    vec_each (mirror, &vault->mirrors) {
        if (mirror->all)
            buf_printf(&out, "all %s\n", mirror->path);
        else
            buf_printf(&out, "%llu %s\n", (unsigned long long)mirror->tombstones, mirror->path);
    }
    if (out.overflow)
        return err_new(arena, ERR_TOO_LARGE, "too many mirrors in %s", vault->path_mirrors);
    if (!io_replace(arena, &vault->faults, vault->path_mirrors, buf_str(&out)))
        return io_error(arena, "cannot write", vault->path_mirrors);
    return NULL;
}

/* Copies all pages of the vault to `to`; the copy is synced. */
static bool pages_copy(struct vault *vault, int to)
{
    enum { PART = 64 * VAULT_PAGE };
    uint8_t *part = malloc(PART);
    ASSERT(part);
    bool fine = true;
    uint64_t size = vault->pages * VAULT_PAGE;
    for (uint64_t at = 0; fine && at < size; at += PART) {
        size_t length = size - at < PART ? (size_t)(size - at) : PART;
        fine = io_read(vault->fd, part, length, (off_t)at) && io_write(&vault->faults, to, part, length, (off_t)at);
    }
    free(part);
    return fine && io_sync(&vault->faults, to);
}

static bool file_wipe(struct vault *vault, int fd)
{
    struct stat stat;
    return fstat(fd, &stat) == 0 && io_wipe(&vault->faults, fd, stat.st_size) && io_sync(&vault->faults, fd);
}

/* The copy takes its place whole, and what stood there before is overwritten. A crash in between leaves the old or the new copy under
 * the name, and perhaps the old one under PATH.old, which the next copying overwrites. */
const struct err *vault_copy_whole(struct arena *arena, struct vault *vault, const char *path)
{
    const char *fresh = arena_printf(arena, "%s.new", path), *old = arena_printf(arena, "%s.old", path);
    AUTO_FD left = open(old, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (left >= 0 && (!file_wipe(vault, left) || !io_unlink(&vault->faults, old)))
        return io_error(arena, "cannot write", old);
    AUTO_FD before = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (before < 0 && errno != ENOENT)
        return io_error(arena, "cannot write", path);
    AUTO_FD copy = io_create(&vault->faults, fresh);
    if (copy < 0 || !pages_copy(vault, copy)) {
        const struct err *err = io_error(arena, "cannot write", fresh);
        (void)unlink(fresh); /* what is left of it holds nothing that the vault does not */
        return err;
    }
    if (before >= 0)
        (void)!link(path, old); /* where links are not to be had, the open file is overwritten all the same */
    if (!io_rename(&vault->faults, fresh, path))
        return io_error(arena, "cannot write", path);
    if (before >= 0 && (!file_wipe(vault, before) || !io_unlink(&vault->faults, old)))
        return io_error(arena, "cannot write", old);
    return NULL;
}

/* A damaged page of the mirror is replaced by the vault's own, under a key that the mirror's header knows. False: neither is whole. */
static bool page_mend(struct arena *arena, struct vault *vault, uint64_t number, const struct vault_header *mirror, uint8_t *page)
{
    bool fine;
    const struct err *err = page_load(arena, vault, number, page, &fine);
    if (err || !fine)
        return false;
    uint32_t generation = page_generation(page);
    if (generation != 0 && generation != mirror->generation && !(mirror->rotating && generation == mirror->generation + 1) &&
        !page_rewrap(vault, page, mirror->generation))
        return false;
    if (page_change(page) > mirror->change)
        page_change_set(page, mirror->change); /* no page may be newer than the header says */
    return true;
}

/* The changes of one page, from *next on, in the mirror. */
static bool mirror_page(struct arena *arena, struct vault *vault, int fd, const struct vault_header *header, uint64_t pages, const struct key_changes *changes,
                        size_t *next)
{
    uint64_t number = page_of(changes->items[*next].profile);
    uint8_t page[VAULT_PAGE];
    off_t at = (off_t)(number * VAULT_PAGE);
    size_t first = *next;
    bool changed = false, fine = number < pages && io_read(fd, page, VAULT_PAGE, at);
    if (number < pages && !fine)
        return false;
    if (fine && (!page_check(page, number) || (page_generation(page) != 0 && kek_index(vault, page_generation(page)) < 0)))
        fine = changed = page_mend(arena, vault, number, header, page);
    if (fine && page_generation(page) == 0)
        page_generation_set(page, header->generation); /* the only one that its header is sure to know */
    for (; *next < changes->count && page_of(changes->items[*next].profile) == number; ++*next) {
        if (number < pages && fine)
            changed |= page_apply(vault, page, &changes->items[*next]);
        else if (number < pages && !slots_wipe(&vault->faults, fd, &changes->items[*next]))
            return false;
    }
    ASSERT(*next > first);
    if (!changed)
        return true;
    page_finish(page, number);
    return io_write(&vault->faults, fd, page, VAULT_PAGE, at);
}

enum mirror_result { MIRROR_FINE, MIRROR_ALL, MIRROR_UNREACHED };

/* Destroys there what the tombstones after mirror->tombstones list. */
static enum mirror_result mirror_follow(struct arena *arena, struct vault *vault, const struct mirror *mirror, int fd)
{
    struct stat stat;
    uint8_t page[VAULT_PAGE];
    struct vault_header header;
    struct key_changes changes = {0};
    if (fstat(fd, &stat) != 0 || !io_read(fd, page, VAULT_PAGE, 0))
        return MIRROR_UNREACHED;
    if (!header_read(page, &header) || memcmp(header.vault_id, vault->header.vault_id, sizeof(header.vault_id)) != 0)
        return MIRROR_UNREACHED; /* something else is there now: it is not ours to write to */
    if (mirror->all || kek_index(vault, header.generation) < 0 || !tombstones_line_at(vault, mirror->tombstones) ||
        vault->tombstones_size - mirror->tombstones > BEHIND_MAX)
        return MIRROR_ALL;
    if (tombstones_read(arena, vault, mirror->tombstones, &changes))
        return MIRROR_UNREACHED;
    keys_sort(&changes);
    for (size_t next = 0; next < changes.count;)
        if (!mirror_page(arena, vault, fd, &header, (uint64_t)stat.st_size / VAULT_PAGE, &changes, &next))
            return MIRROR_UNREACHED;
    return io_sync(&vault->faults, fd) ? MIRROR_FINE : MIRROR_UNREACHED;
}

static bool mirror_is_behind(const struct vault *vault, const struct mirror *mirror) { return mirror->all || mirror->tombstones != vault->tombstones_size; }

/* True when the mirror is at the present now. */
static bool mirror_bring(struct arena *arena, struct vault *vault, struct mirror *mirror)
{
    AUTO_FD fd = open(mirror->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    enum mirror_result result = mirror_follow(arena, vault, mirror, fd);
    if (result == MIRROR_ALL && !vault_copy_whole(arena, vault, mirror->path))
        result = MIRROR_FINE;
    if (result != MIRROR_FINE)
        return false;
    mirror->tombstones = vault->tombstones_size;
    mirror->all = false;
    return true;
}

const struct err *mirrors_bring(struct arena *arena, struct vault *vault)
{
    bool moved = false;
    vec_each (mirror, &vault->mirrors) {
        if (mirror_is_behind(vault, mirror))
            moved |= mirror_bring(arena, vault, mirror);
    }
    return moved ? mirrors_save(arena, vault) : NULL;
}

static struct mirror *mirror_find(struct vault *vault, const char *path)
{
    vec_each (mirror, &vault->mirrors)
        if (strcmp(mirror->path, path) == 0)
            return mirror;
    return NULL;
}

static const struct err *add(struct arena *arena, struct vault *vault, const char *path)
{
    uint8_t page[VAULT_PAGE];
    struct vault_header header;
    TRY(change_begin(arena, vault));
    AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return io_error(arena, "cannot write", path);
    if (!io_read(fd, page, VAULT_PAGE, 0) || !header_read(page, &header) || memcmp(header.vault_id, vault->header.vault_id, sizeof(header.vault_id)) != 0)
        return err_new(arena, ERR_INVALID, "%s is no copy of this vault", path);
    if (!mirror_find(vault, path)) {
        struct mirror *mirror = mirror_add(vault, str_of(path));
        mirror->tombstones = header.tombstones_applied;
        mirror->all = header.generation != vault->header.generation;
        const struct err *err = mirrors_save(arena, vault);
        if (err) {
            free(vault->mirrors.items[--vault->mirrors.count].path);
            return err;
        }
    }
    return mirrors_bring(arena, vault);
}

const struct err *vault_mirror_add(struct arena *arena, struct vault *vault, const char *path)
{
    TRY(remote_refuses(arena, vault, "has no copies in files: its backups are PostgreSQL's"));
    char *whole = realpath(path, NULL);
    if (!whole && errno == ENOENT)
        return err_new(arena, ERR_NOT_FOUND, "there is no vault copy at %s", path);
    if (!whole)
        return io_error(arena, "cannot find", path);
    const char *found = arena_printf(arena, "%s", whole);
    free(whole);
    if (strchr(found, '\n'))
        return err_new(arena, ERR_INVALID, "the path of a vault copy must not hold a line end");
    vault_lock(vault);
    const struct err *err = add(arena, vault, found);
    vault_unlock(vault);
    return err;
}

/* The path as it was registered, though nothing may be there any more. */
static const char *path_whole(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    char *whole = realpath(path, NULL);
    if (whole) {
        path = arena_printf(arena, "%s", whole);
    } else {
        whole = realpath(slash ? arena_printf(arena, "%.*s/", (int)(slash - path), path) : ".", NULL);
        if (whole)
            path = arena_printf(arena, "%s/%s", strcmp(whole, "/") == 0 ? "" : whole, name);
    }
    free(whole);
    return path;
}

const struct err *vault_mirror_remove(struct arena *arena, struct vault *vault, const char *path)
{
    const char *whole = path_whole(arena, path);
    const struct err *err = NULL;
    vault_lock(vault);
    struct mirror *mirror = mirror_find(vault, whole);
    if (!mirror)
        mirror = mirror_find(vault, path);
    if (mirror) {
        struct mirror removed = *mirror;
        size_t index = (size_t)(mirror - vault->mirrors.items);
        memmove(mirror, mirror + 1, (--vault->mirrors.count - index) * sizeof(*mirror));
        err = mirrors_save(arena, vault);
        if (err) /* still registered in the file, so here, too */
            *vec_push(&vault->arena, &vault->mirrors) = removed;
        else
            free(removed.path);
    } else {
        err = err_new(arena, ERR_NOT_FOUND, "%s is not a registered copy of the vault", path);
    }
    vault_unlock(vault);
    return err;
}

/* How many persons are waiting to be erased there. */
static uint64_t mirror_pending(struct arena *arena, struct vault *vault, const struct mirror *mirror)
{
    struct key_changes changes = {0};
    uint64_t count = 0;
    if (!tombstones_line_at(vault, mirror->tombstones) || tombstones_read(arena, vault, mirror->tombstones, &changes))
        return 0;
    keys_sort(&changes);
    for (size_t i = 0; i < changes.count; i++)
        count += i == 0 || changes.items[i].profile != changes.items[i - 1].profile;
    return count;
}

struct vault_mirrors vault_mirrors(struct arena *arena, struct vault *vault)
{
    struct vault_mirrors mirrors = {0};
    vault_lock(vault);
    vec_each (mirror, &vault->mirrors) {
        struct vault_mirror *item = vec_push(arena, &mirrors);
        item->path = arena_printf(arena, "%s", mirror->path);
        item->pending_all = mirror->all || !tombstones_line_at(vault, mirror->tombstones);
        item->pending = mirror_is_behind(vault, mirror) ? mirror_pending(arena, vault, mirror) : 0;
    }
    vault_unlock(vault);
    return mirrors;
}

const struct err *vault_mirror_retry(struct arena *arena, struct vault *vault, size_t *ret_pending)
{
    size_t pending = 0;
    *ret_pending = 0;
    if (vault->remote)
        return NULL;
    vault_lock(vault);
    const struct err *err = change_begin(arena, vault);
    if (!err)
        err = tombstones_catch_up(arena, vault);
    if (!err)
        err = mirrors_bring(arena, vault);
    vec_each (mirror, &vault->mirrors)
        pending += mirror_is_behind(vault, mirror);
    vault_unlock(vault);
    if (!err)
        *ret_pending = pending;
    return err;
}

const struct err *vault_copy_to(struct arena *arena, struct vault *vault, const char *path)
{
    TRY(remote_refuses(arena, vault, "is not copied to a file: its backups are PostgreSQL's"));
    vault_lock(vault);
    const struct err *err = change_begin(arena, vault);
    if (!err)
        err = vault_copy_whole(arena, vault, path);
    vault_unlock(vault);
    return err;
}
