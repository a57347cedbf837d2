/* A backup while serving: the store's own consistent copy, then the vault's, which from then on is a mirror of the vault.
 *
 * 1. The store is copied first: so whoever is in it has a key in the copy, or none anywhere.
 * 2. A folder without backup.json is no backup.
 */
#include "base/log.h"
#include "engine/backup_private.h"
#include "engine/files_private.h"

#include <limits.h>
#include <stdlib.h>

/* Where this instance writes it, wherever a restore is run from. */
static str path_of(struct engine *engine, struct arena *arena, const char *name)
{
    char absolute[PATH_MAX];
    return str_of(files_join(arena, realpath(engine->data, absolute) ? absolute : engine->data, name));
}

static const struct err *manifest_write(struct engine *engine, struct arena *arena, const char *directory)
{
    struct vault_status status;
    struct buf buf;
    struct jsonw w;
    str note = STR_NONE;
    TRY(vault_status(arena, engine->vault, &status));
    TRY(ledger_checkpoint(engine->ledger, arena, &note));
    buf_init(&buf, arena, 64 * 1024);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_int(&w, "format", 1);
    jsonw_field_time(&w, "made", clock_now_ms());
    jsonw_field(&w, "vault", str_hex(arena, status.vault_id, sizeof status.vault_id));
    jsonw_field(&w, "master_key", str_hex(arena, status.master_key_id, sizeof status.master_key_id));
    jsonw_field(&w, "tombstones", path_of(engine, arena, TOMBSTONES));
    jsonw_field(&w, "refusals", path_of(engine, arena, REFUSALS));
    jsonw_field(&w, "checkpoint", note);
    jsonw_object_end(&w);
    return files_write(arena, files_join(arena, directory, BACKUP_MANIFEST), buf_str(&buf), 0600);
}

static const struct err *backup_made(struct engine *engine, struct arena *arena, const char *directory,
                                     void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    struct reader *reader = NULL;
    char absolute[PATH_MAX];
    TRY(files_folder(arena, directory, 0700));
    TRY(engine_reader(engine, &reader));
    const struct err *error = engine_store(engine)->backup(reader->session, arena, directory, progress, context);
    engine_reader_close(reader);
    if (error)
        return error;
    if (!realpath(directory, absolute))
        return err_new(arena, ERR_IO, "%s cannot be found again", directory);
    const char *vault = files_join(arena, absolute, BACKUP_VAULT);
    TRY(vault_copy_to(arena, engine->vault, vault));
    TRY(vault_mirror_add(arena, engine->vault, vault));
    str verifier = str_printf(arena, "%.*s\n", STR_FMT(engine_verifier_key(engine)));
    TRY(files_write(arena, files_join(arena, directory, BACKUP_VERIFIER), verifier, 0644));
    TRY(manifest_write(engine, arena, directory));
    return files_sync_folder(arena, directory);
}

const struct err *engine_backup(struct engine *engine, struct arena *arena, const char *directory,
                                void (*progress)(void *context, uint64_t done, uint64_t all), void *context)
{
    bool empty = false;
    TRY(files_folder_empty(arena, directory, &empty));
    if (!empty)
        return err_new(arena, ERR_CONFLICT, "%s is not empty; a backup wants a folder of its own", directory);
    const struct err *error = backup_made(engine, arena, directory, progress, context);
    log_write(error ? LOG_ERROR : LOG_INFO, "backup", "%s", error ? error->text : "made");
    return error;
}
