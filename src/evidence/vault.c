/* Opening, making and closing a vault, and the secrets that are not a person's. */
#include "evidence/vault_private.h"
#include "evidence/vault_remote.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const char *const class_names[] = {
#define X(code, name, what) name,
    KEY_CLASSES(X)
#undef X
};
const char *key_class_name(enum key_class class) { return class_names[class]; }

static const struct err *directory_make(struct arena *arena, const char *path)
{
    struct stat stat_now;
    if (mkdir(path, 0700) == 0 || (errno == EEXIST && stat(path, &stat_now) == 0 && S_ISDIR(stat_now.st_mode)))
        return NULL;
    return io_error(arena, "cannot make the directory", path);
}

static void *map_private(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(memory != MAP_FAILED);
    /* keys belong neither into a core dump nor onto the swap; where the system forbids locking, swap must be encrypted */
    (void)madvise(memory, size, MADV_DONTDUMP);
    (void)mlock2(memory, size, MLOCK_ONFAULT);
    return memory;
}

static struct vault *vault_new(const char *dir, const char *master_key_file, const struct vault_faults *faults)
{
    struct vault *vault = NULL;
    ASSERT(sodium_init() >= 0 && posix_memalign((void **)&vault, 64, sizeof(*vault)) == 0);
    memset(vault, 0, sizeof(*vault));
    arena_init(&vault->arena);
    struct arena *arena = &vault->arena;
    vault->dir = arena_printf(arena, "%s", dir);
    vault->path = arena_printf(arena, "%s/vault", dir);
    vault->path_journal = arena_printf(arena, "%s/vault.journal", dir);
    vault->path_tombstones = arena_printf(arena, "%s/tombstones.log", dir);
    vault->path_mirrors = arena_printf(arena, "%s/mirrors", dir);
    vault->path_master = master_key_file ? arena_printf(arena, "%s", master_key_file) : arena_printf(arena, "%s/keys/master.key", dir);
    vault->path_master_next = arena_printf(arena, "%s.next", vault->path_master);
    if (faults)
        vault->faults = *faults;
    vault->fd = vault->fd_journal = vault->fd_tombstones = -1;
    vault->record = malloc(RECORD_SIZE_MAX);
    vault->secrets = sodium_malloc(sizeof(*vault->secrets));
    ASSERT(vault->record && vault->secrets);
    sodium_memzero(vault->secrets, sizeof(*vault->secrets));
    vault->cache = map_private(sizeof(*vault->cache));
    ASSERT(pthread_mutex_init(&vault->changing, NULL) == 0);
    for (unsigned i = 0; i < STRIPES; i++)
        ASSERT(pthread_mutex_init(&vault->stripes[i].lock, NULL) == 0);
    return vault;
}

void vault_close(struct vault *vault)
{
    if (!vault)
        return;
    remote_close(vault);
    if (!vault->broken && vault->unsynced && io_sync(&vault->faults, vault->fd) && io_wipe(&vault->faults, vault->fd_journal, (off_t)vault->journal_size))
        (void)io_truncate(&vault->faults, vault->fd_journal, 0); /* only spares the next start the replay */
    fd_close(&vault->fd);
    fd_close(&vault->fd_journal);
    fd_close(&vault->fd_tombstones);
    for (unsigned i = 0; i < STRIPES; i++)
        (void)pthread_mutex_destroy(&vault->stripes[i].lock); /* nobody else may use the vault now */
    (void)pthread_mutex_destroy(&vault->changing);
    (void)munmap(vault->cache, sizeof(*vault->cache)); /* gives the pages back, which the system zeroes */
    sodium_free(vault->secrets); /* zeroes */
    free(vault->record);
    mirrors_free(vault);
    arena_release(&vault->arena);
    free(vault);
}

/* The header of a new vault, under the master key, which is made where it may be. */
static const struct err *header_make(struct arena *arena, struct vault *vault, bool own_master, uint8_t page[VAULT_PAGE])
{
    uint8_t master[32], kek[32], root[32];
    enum master_result result = master_read(vault->path_master, master);
    if (result == MASTER_MISSING && own_master)
        TRY(master_create(arena, &vault->faults, vault->path_master, master));
    else if (result != MASTER_FINE)
        return err_new(arena, ERR_UNAVAILABLE, "the master key %s %s", vault->path_master,
                       result == MASTER_MISSING ? "is missing" : "cannot be read: it must hold 32 bytes as 64 hex digits or base64");
    struct vault_header header = {.generation = 1, .change = 1};
    randombytes_buf(header.vault_id, sizeof(header.vault_id));
    randombytes_buf(root, sizeof(root));
    master_key_id(master, header.key_id);
    master_kek(master, header.vault_id, kek);
    crypto_wrap(kek, root, header.root);
    header_write(&header, page);
    sodium_memzero(master, sizeof(master));
    sodium_memzero(kek, sizeof(kek));
    sodium_memzero(root, sizeof(root));
    return NULL;
}

/* A directory that never had a vault gets one. What there is of an old one must not be passed over: its keys would be lost. */
static const struct err *vault_make(struct arena *arena, struct vault *vault, bool own_master)
{
    struct stat stat_now;
    uint8_t page[VAULT_PAGE];
    if (stat(vault->path_tombstones, &stat_now) == 0 && stat_now.st_size > 0)
        return err_new(arena, ERR_UNAVAILABLE, "%s is missing, though %s says that there was one: restore it from a backup", vault->path,
                       vault->path_tombstones);
    TRY(header_make(arena, vault, own_master, page));
    if (!io_replace(arena, &vault->faults, vault->path, str_bytes(page, sizeof(page))))
        return io_error(arena, "cannot write", vault->path);
    return NULL;
}

static const struct err *vault_start(struct arena *arena, struct vault *vault, bool own_master)
{
    TRY(directory_make(arena, vault->dir));
    if (own_master)
        TRY(directory_make(arena, arena_printf(arena, "%s/keys", vault->dir)));
    vault->fd = open(vault->path, O_RDWR | O_CLOEXEC);
    if (vault->fd < 0 && errno == ENOENT) {
        TRY(vault_make(arena, vault, own_master));
        vault->fd = open(vault->path, O_RDWR | O_CLOEXEC);
    }
    if (vault->fd < 0)
        return io_error(arena, "cannot open", vault->path);
    vault->fd_journal = open(vault->path_journal, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (vault->fd_journal < 0)
        return io_error(arena, "cannot open", vault->path_journal);
    TRY(journal_replay(arena, vault));
    memcpy(vault->id, vault->header.vault_id, sizeof(vault->id));
    TRY(master_load(arena, vault));
    TRY(tombstones_open(arena, vault));
    TRY(mirrors_load(arena, vault));
    return mirrors_bring(arena, vault);
}

const struct err *vault_open_with(struct arena *arena, const char *dir, const char *master_key_file, const struct vault_faults *faults, struct vault **ret)
{
    struct vault *vault = vault_new(dir, master_key_file, faults);
    const struct err *err = vault_start(arena, vault, master_key_file == NULL);
    if (err) {
        vault_close(vault);
        return err;
    }
    *ret = vault;
    return NULL;
}

const struct err *vault_open(struct arena *arena, const char *dir, const char *master_key_file, struct vault **ret)
{
    return vault_open_with(arena, dir, master_key_file, NULL, ret);
}

static const struct err *remote_start(struct arena *arena, struct vault *vault, const char *uri, bool own_master)
{
    uint8_t page[VAULT_PAGE];
    bool there = false;
    TRY(directory_make(arena, vault->dir));
    if (own_master)
        TRY(directory_make(arena, arena_printf(arena, "%s/keys", vault->dir)));
    TRY(remote_open(arena, vault, uri));
    TRY(remote_header(arena, vault, NULL, &there));
    if (!there) {
        TRY(header_make(arena, vault, own_master, page));
        TRY(remote_header(arena, vault, page, &there));
    }
    memcpy(vault->id, vault->header.vault_id, sizeof(vault->id));
    return master_load(arena, vault);
}

const struct err *vault_open_postgres(struct arena *arena, const char *uri, const char *dir, const char *master_key_file, struct vault **ret)
{
    struct vault *vault = vault_new(dir, master_key_file, NULL);
    const struct err *err = remote_start(arena, vault, uri, master_key_file == NULL);
    if (err) {
        vault_close(vault);
        return err;
    }
    *ret = vault;
    return NULL;
}

void vault_id(const struct vault *vault, uint8_t ret_id[16]) { memcpy(ret_id, vault->id, sizeof(vault->id)); }

/* Each secret has a label of its own; those of callers cannot meet the vault's. */
static void secret(const struct vault *vault, char kind, str label, uint8_t ret_key[32])
{
    crypto_generichash_state state;
    bool fine = crypto_generichash_init(&state, vault->secrets->root, 32, 32) == 0;
    fine = fine && crypto_generichash_update(&state, (const uint8_t *)&kind, 1) == 0;
    fine = fine && (label.length == 0 || crypto_generichash_update(&state, (const uint8_t *)label.data, label.length) == 0);
    ASSERT(fine && crypto_generichash_final(&state, ret_key, 32) == 0);
    sodium_memzero(&state, sizeof(state));
}

void vault_index_key(const struct vault *vault, uint8_t ret_key[32]) { secret(vault, 'i', STR(""), ret_key); }

void vault_signing_seed(const struct vault *vault, uint8_t ret_seed[32]) { secret(vault, 's', STR(""), ret_seed); }

void vault_derive(const struct vault *vault, str label, uint8_t ret_key[32]) { secret(vault, 'l', label, ret_key); }
