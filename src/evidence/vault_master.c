/* The master key's file: 32 bytes as 64 hex digits (or base64), mode 0600. While a rotation is under way a second one stands beside
 * it, FILE.next. The master key itself wraps nothing: what wraps is derived from it and the vault's id. */
#include "evidence/vault_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX 4096

static void derive(const uint8_t master[32], const char *label, const uint8_t *more, size_t more_size, uint8_t ret[32])
{
    crypto_generichash_state state;
    bool fine = crypto_generichash_init(&state, master, 32, 32) == 0;
    fine = fine && crypto_generichash_update(&state, (const uint8_t *)label, strlen(label)) == 0;
    fine = fine && (more_size == 0 || crypto_generichash_update(&state, more, more_size) == 0);
    ASSERT(fine && crypto_generichash_final(&state, ret, 32) == 0);
    sodium_memzero(&state, sizeof(state));
}

void master_key_id(const uint8_t master[32], uint8_t ret_id[8])
{
    uint8_t hash[32];
    derive(master, "telos master key id", NULL, 0, hash);
    memcpy(ret_id, hash, 8);
}

void master_kek(const uint8_t master[32], const uint8_t vault_id[16], uint8_t ret_kek[32]) { derive(master, "telos key wrapping key", vault_id, 16, ret_kek); }

enum master_result master_read(const char *path, uint8_t ret_master[32])
{
    char text[FILE_SIZE_MAX];
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? MASTER_MISSING : MASTER_UNREADABLE;
    ssize_t got = pread(fd, text, sizeof(text), 0);
    str key = str_trim(str_bytes(text, got > 0 ? (size_t)got : 0));
    bool fine = got > 0 && str_unhex(key, ret_master, 32);
    size_t length;
    if (!fine && got > 0)
        fine = sodium_base642bin(ret_master, 32, key.data, key.length, NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL) == 0 && length == 32;
    if (!fine && got > 0)
        fine = sodium_base642bin(ret_master, 32, key.data, key.length, NULL, &length, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0 && length == 32;
    sodium_memzero(text, sizeof(text));
    return fine ? MASTER_FINE : MASTER_UNREADABLE;
}

const struct err *master_create(struct arena *arena, const struct vault_faults *faults, const char *path, uint8_t ret_master[32])
{
    uint8_t master[32];
    char text[66];
    const char *fresh = arena_printf(arena, "%s.new", path);
    randombytes_buf(master, sizeof(master));
    sodium_bin2hex(text, sizeof(text), master, sizeof(master));
    text[64] = '\n';
    AUTO_FD fd = io_create(faults, fresh);
    bool fine = fd >= 0 && io_write(faults, fd, text, 65, 0) && io_sync(faults, fd) && io_rename(faults, fresh, path);
    sodium_memzero(text, sizeof(text));
    if (!fine)
        return io_error(arena, "cannot write the master key", path);
    memcpy(ret_master, master, sizeof(master));
    sodium_memzero(master, sizeof(master));
    return NULL;
}

/* A file whose content must be gone: overwritten, synced, then unlinked. */
static bool file_destroy(const struct vault_faults *faults, const char *path)
{
    struct stat stat;
    AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    return fstat(fd, &stat) == 0 && io_wipe(faults, fd, stat.st_size) && io_sync(faults, fd);
}

const struct err *master_replace(struct arena *arena, struct vault *vault)
{
    if (!file_destroy(&vault->faults, vault->path_master) || !io_rename(&vault->faults, vault->path_master_next, vault->path_master))
        return io_error(arena, "cannot replace the master key", vault->path_master);
    return NULL;
}

/* Reads the file at `path`; it must hold the key with this id. */
static const struct err *key_load(struct arena *arena, struct vault *vault, const char *path, const uint8_t id[8], uint8_t ret_kek[32])
{
    uint8_t master[32], found[8];
    enum master_result result = master_read(path, master);
    if (result == MASTER_MISSING)
        return err_new(arena, ERR_UNAVAILABLE, "the master key %s is missing: without it nothing personal can be read", path);
    if (result == MASTER_UNREADABLE)
        return err_new(arena, ERR_UNAVAILABLE, "the master key %s cannot be read: it must hold 32 bytes as 64 hex digits or base64", path);
    master_key_id(master, found);
    bool same = memcmp(found, id, sizeof(found)) == 0;
    if (same)
        master_kek(master, vault->header.vault_id, ret_kek);
    sodium_memzero(master, sizeof(master));
    if (!same)
        return err_new(arena, ERR_UNAVAILABLE, "the master key %s is not the one that %s was made with", path, vault->path);
    return NULL;
}

const struct err *master_settle(struct arena *arena, struct vault *vault)
{
    uint8_t kek[32];
    const struct err *err = key_load(arena, vault, vault->path_master, vault->header.key_id, kek);
    if (err && !key_load(arena, vault, vault->path_master_next, vault->header.key_id, kek))
        err = master_replace(arena, vault);
    sodium_memzero(kek, sizeof(kek));
    return err;
}

const struct err *master_find(struct arena *arena, struct vault *vault, const uint8_t id[8], uint8_t ret_kek[32])
{
    if (!key_load(arena, vault, vault->path_master, id, ret_kek) || !key_load(arena, vault, vault->path_master_next, id, ret_kek))
        return NULL;
    return err_new(arena, ERR_UNAVAILABLE,
                   "the master key is being replaced, and this node has not got the new one: copy FILE.next of the node where "
                   "`telos keys rotate` was called to %s (mode 0600)",
                   vault->path_master_next);
}

const struct err *master_next(struct arena *arena, struct vault *vault, uint8_t ret_master[32])
{
    uint8_t id[8];
    enum master_result result = master_read(vault->path_master_next, ret_master);
    if (result == MASTER_MISSING) {
        TRY(master_create(arena, &vault->faults, vault->path_master_next, ret_master));
        sodium_memzero(ret_master, 32);
        return err_new(arena, ERR_CONFLICT,
                       "the new master key was made, and nothing is wrapped under it yet: copy %s to the same place on each other node "
                       "(mode 0600), then call `telos keys rotate` again",
                       vault->path_master_next);
    }
    if (result == MASTER_UNREADABLE)
        return err_new(arena, ERR_UNAVAILABLE, "the new master key %s cannot be read: it must hold 32 bytes as 64 hex digits or base64",
                       vault->path_master_next);
    master_key_id(ret_master, id);
    if (memcmp(id, vault->header.key_id, sizeof(id)) != 0)
        return NULL;
    sodium_memzero(ret_master, 32);
    return err_new(arena, ERR_CONFLICT, "%s holds the master key that is in use: remove it, and a new one is made", vault->path_master_next);
}

const struct err *master_load(struct arena *arena, struct vault *vault)
{
    struct vault_secrets *secrets = vault->secrets;
    const struct vault_header *header = &vault->header;
    const struct err *err = key_load(arena, vault, vault->path_master, header->key_id, secrets->kek[0]);
    if (!header->rotating) {
        /* after a rotation's last change: the key that it made is still to take the old one's place */
        if (err && !key_load(arena, vault, vault->path_master_next, header->key_id, secrets->kek[0]))
            err = master_replace(arena, vault);
        else if (!err && !vault->remote && /* of several nodes it may be brought already */
                 !(file_destroy(&vault->faults, vault->path_master_next) && /* before its first change: it wraps nothing */
                   io_unlink(&vault->faults, vault->path_master_next)))
            err = io_error(arena, "cannot remove", vault->path_master_next);
    } else if (!err) {
        err = key_load(arena, vault, vault->path_master_next, header->next_key_id, secrets->kek[1]);
    }
    if (err)
        return err;
    if (!crypto_unwrap(secrets->kek[0], header->root, secrets->root))
        return err_new(arena, ERR_IO, "%s is damaged: its root secret does not open", vault->path);
    vault->kek_generation[0] = header->generation;
    vault->kek_generation[1] = header->rotating ? header->generation + 1 : 0;
    return NULL;
}
