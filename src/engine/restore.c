/* A backup brought back: never with a key that was destroyed since (P7).
 *
 *      staged: copies in DIR/restore.new; the vault there gets every tombstone that is known, here, in the backup and where it was made
 *        │  the master key opens it: else nothing of DIR was touched
 *        ▼
 *      marked (DIR/restore.unfinished): old files go, staged ones take their places
 *        ▼
 *      opened: what no key opens is taken out of the store, whom the tombstones name is erased anew, who has said no since is heard again,
 *        │  the ledger says so
 *        ▼
 *      unmarked
 *
 * 1. Interrupted before the mark, nothing has happened; after it, Telos opens only when the restore has been run again.
 * 2. DIR keeps its master key, its tombstones, its refusals and its list of mirrors. Tombstones of other places are added to its own.
 */
#include "base/log.h"
#include "engine/backup_private.h"
#include "engine/files_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct restore {
    struct arena *arena;
    const char *backup, *data, *stage, *mark, *master_key_file;
    str made, vault_id; /* of the manifest */
    const char *tombstones, *refusals; /* where the backed-up instance wrote its own */
    uint64_t size; /* of the ledger in the backup */
};

static const struct err *manifest_read(struct restore *restore)
{
    struct arena *arena = restore->arena;
    struct json manifest;
    struct checkpoint head = {0};
    str text = STR_NONE;
    const struct err *error = files_read(arena, files_join(arena, restore->backup, BACKUP_MANIFEST), 1024 * 1024, &text);
    if (error)
        return err_new(arena, error->code, "%s is no complete backup: %s", restore->backup, error->text);
    TRY(json_read(arena, text, &manifest));
    restore->made = json_string(json_get(&manifest, STR("made")));
    restore->vault_id = json_string(json_get(&manifest, STR("vault")));
    str tombstones = json_string(json_get(&manifest, STR("tombstones")));
    str note = json_string(json_get(&manifest, STR("checkpoint")));
    if (!restore->made.data || restore->vault_id.length != 32 || !tombstones.data || !note.data)
        return err_new(arena, ERR_INVALID, "%s/" BACKUP_MANIFEST " cannot be understood", restore->backup);
    str refusals = json_string(json_get(&manifest, STR("refusals")));
    restore->tombstones = str_z(arena, tombstones);
    restore->refusals = str_empty(refusals) ? NULL : str_z(arena, refusals); /* older backups do not say */
    TRY(checkpoint_parse(arena, note, &head));
    restore->size = head.size;
    return NULL;
}

/* --- staging */

static bool of_the_store(const char *name)
{
    return strcmp(name, BACKUP_MANIFEST) && strcmp(name, BACKUP_VAULT) && strcmp(name, BACKUP_VERIFIER) && strcmp(name, TOMBSTONES) && strcmp(name, REFUSALS);
}

static const struct err *stage_clear_one(void *context, struct arena *arena, const char *name, bool is_folder)
{
    const struct restore *restore = context;
    if (!is_folder && unlink(files_join(arena, restore->stage, name)) != 0 && errno != ENOENT)
        return err_new(arena, ERR_IO, "%s/%s cannot be removed: %s", restore->stage, name, strerror(errno));
    return NULL;
}

static const struct err *stage_clear(struct restore *restore)
{
    if (!files_exist(restore->stage))
        return NULL;
    return files_each(restore->arena, restore->stage, stage_clear_one, restore);
}

static const struct err *stage_copy_one(void *context, struct arena *arena, const char *name, bool is_folder)
{
    const struct restore *restore = context;
    if (is_folder || (!of_the_store(name) && strcmp(name, BACKUP_VAULT)))
        return NULL;
    return files_copy(arena, files_join(arena, restore->backup, name), files_join(arena, restore->stage, name));
}

static const struct err *tombstones_take(struct restore *restore, struct vault *vault, const char *path)
{
    uint64_t applied = 0;
    if (!files_exist(path))
        return NULL;
    TRY(vault_tombstones_apply(restore->arena, vault, path, &applied));
    log_write(LOG_INFO, "restore", "tombstones were applied count=%llu", (unsigned long long)applied);
    return NULL;
}

static const struct err *same_vault(struct restore *restore, struct vault *vault, const char *what)
{
    struct vault_status status;
    TRY(vault_status(restore->arena, vault, &status));
    if (!str_equal(str_hex(restore->arena, status.vault_id, sizeof status.vault_id), restore->vault_id))
        return err_new(restore->arena, ERR_CONFLICT, "%s is of another vault than the backup; restore into an empty directory", what);
    return NULL;
}

/* Opens the staged vault: with the right master key and with all that was ever destroyed, as far as anybody here knows. */
static const struct err *stage_vault(struct restore *restore)
{
    struct arena *arena = restore->arena;
    struct vault *vault = NULL;
    TRY(vault_open(arena, restore->stage, restore->master_key_file, &vault));
    const struct err *error = same_vault(restore, vault, "the vault in the backup");
    const char *const places[] = {files_join(arena, restore->data, TOMBSTONES), files_join(arena, restore->backup, TOMBSTONES), restore->tombstones};
    for (size_t i = 0; i < sizeof places / sizeof *places && !error; i++)
        error = tombstones_take(restore, vault, places[i]);
    vault_close(vault);
    return error;
}

/* What is there already must be of the same vault; where it cannot be opened, the restore is to mend that. */
static const struct err *present_check(struct restore *restore)
{
    struct vault *vault = NULL;
    if (!files_exist(files_join(restore->arena, restore->data, BACKUP_VAULT)) || files_exist(restore->mark))
        return NULL;
    const struct err *broken = vault_open(restore->arena, restore->data, restore->master_key_file, &vault);
    if (broken)
        return NULL;
    const struct err *error = same_vault(restore, vault, restore->data);
    vault_close(vault);
    return error;
}

/* --- replacing */

static const struct err *gone(struct arena *arena, const char *path)
{
    if (unlink(path) != 0 && errno != ENOENT)
        return err_new(arena, ERR_IO, "%s cannot be removed: %s", path, strerror(errno));
    return NULL;
}

/* The reads that were recorded for the store that is being replaced. */
static const struct err *reads_remove_one(void *context, struct arena *arena, const char *name, bool is_folder)
{
    const struct restore *restore = context;
    if (is_folder || strncmp(name, "reads.", 6) != 0)
        return NULL;
    return gone(arena, files_join(arena, restore->data, name));
}

static const struct err *place_one(void *context, struct arena *arena, const char *name, bool is_folder)
{
    const struct restore *restore = context;
    const char *to = files_join(arena, restore->data, name);
    if (is_folder || (!of_the_store(name) && strcmp(name, BACKUP_VAULT) && strcmp(name, TOMBSTONES)) || strcmp(name, "mirrors") == 0 ||
        strcmp(name, "vault.journal") == 0)
        return NULL;
    TRY(gone(arena, arena_printf(arena, "%s-wal", to))); /* of the store that is being replaced */
    TRY(gone(arena, arena_printf(arena, "%s-shm", to)));
    if (rename(files_join(arena, restore->stage, name), to) != 0)
        return err_new(arena, ERR_IO, "%s cannot be put in place: %s", to, strerror(errno));
    return NULL;
}

static const struct err *replace(struct restore *restore)
{
    struct arena *arena = restore->arena;
    TRY(files_write(arena, restore->mark, STR("run `telos restore` again\n"), 0600));
    TRY(gone(arena, files_join(arena, restore->data, "vault.journal"))); /* of the vault that is being replaced */
    TRY(files_each(arena, restore->data, reads_remove_one, restore));
    TRY(files_each(arena, restore->stage, place_one, restore));
    TRY(stage_clear(restore));
    (void)rmdir(restore->stage); /* if something is left in it, the next restore clears it */
    return files_write(arena, restore->mark, STR("run `telos restore` again\n"), 0600); /* syncs the folder, too */
}

/* --- the whole */

static const struct err *clean(struct restore *restore, int lock_fd)
{
    struct arena *arena = restore->arena;
    struct engine_options options = {.data = restore->data, .master_key_file = restore->master_key_file};
    struct engine *engine = NULL;
    char absolute[PATH_MAX];
    struct restored restored = {0};
    const char *const logs[] = {files_join(arena, restore->data, REFUSALS), files_join(arena, restore->backup, REFUSALS), restore->refusals};
    TRY(engine_open_locked(arena, &options, lock_fd, &engine));
    const struct err *error = restore_clean(engine, arena, restore->made, restore->size, logs, restore->refusals ? 3 : 2, &restored);
    if (!error && realpath(restore->backup, absolute))
        error = vault_mirror_add(arena, engine->vault, files_join(arena, absolute, BACKUP_VAULT)); /* what is destroyed here goes there, too */
    if (!error)
        error = gone(arena, restore->mark);
    engine_close(engine);
    if (!error)
        log_write(LOG_INFO, "restore", "done erased_again=%llu refused_again=%llu", (unsigned long long)restored.erased,
                  (unsigned long long)restored.said.statements);
    return error;
}

static const struct err *restore_run(struct restore *restore)
{
    TRY(present_check(restore));
    TRY(stage_clear(restore));
    TRY(files_folder(restore->arena, restore->stage, 0700));
    TRY(files_each(restore->arena, restore->backup, stage_copy_one, restore));
    const char *tombstones = files_join(restore->arena, restore->data, TOMBSTONES);
    if (files_exist(tombstones)) /* what other places know is added to it */
        TRY(files_copy(restore->arena, tombstones, files_join(restore->arena, restore->stage, TOMBSTONES)));
    TRY(stage_vault(restore));
    return replace(restore);
}

const struct err *restore_unfinished(struct arena *arena, const char *data)
{
    if (!files_exist(files_join(arena, data, RESTORE_MARK)))
        return NULL;
    return err_new(arena, ERR_CONFLICT, "a restore into %s was interrupted; run `telos restore` again", data);
}

const struct err *engine_restore(struct arena *arena, const char *backup, const char *data, const char *master_key_file)
{
    struct restore restore = {.arena = arena, .backup = backup, .data = data};
    const char *named = master_key_file ? master_key_file : getenv("TELOS_MASTER_KEY_FILE");
    restore.master_key_file = named && *named ? named : files_join(arena, data, "keys/master.key");
    restore.stage = files_join(arena, data, RESTORE_STAGE);
    restore.mark = files_join(arena, data, RESTORE_MARK);
    int lock_fd = -1;
    TRY(manifest_read(&restore));
    TRY(files_folder(arena, data, 0700));
    TRY(data_lock(arena, data, &lock_fd));
    if (!files_exist(restore.master_key_file)) {
        close(lock_fd);
        return err_new(arena, ERR_UNAVAILABLE, "the master key of the backup is missing: put it at %s", restore.master_key_file);
    }
    const struct err *error = restore_run(&restore);
    if (error) {
        close(lock_fd);
        return error;
    }
    if (str_equal(str_of(restore.master_key_file), str_of(files_join(arena, data, "keys/master.key"))))
        restore.master_key_file = NULL; /* its own place: so that it can be rotated there */
    return clean(&restore, lock_fd); /* takes the lock over */
}
