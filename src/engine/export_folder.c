/* The evidence into a folder of the machine (mode 0700; files 0600), for `telos audit export`. */
#include "engine/engine_private.h"
#include "engine/files_private.h"

struct folder {
    const char *directory;
    struct arena *arena;
    char *made; /* the folder below it that was made last */
};

static const struct err *put(void *context, struct arena *arena, const char *name, str content)
{
    struct folder *folder = context;
    char *path = files_join(arena, folder->directory, name);
    char *slash = strrchr(path, '/');
    *slash = 0;
    if (!folder->made || strcmp(folder->made, path) != 0) {
        TRY(files_folder(arena, path, 0700));
        folder->made = str_z(folder->arena, str_of(path));
    }
    *slash = '/';
    return files_put(arena, path, content, 0600);
}

const struct err *engine_export_folder(struct engine *engine, struct reader *reader, struct arena *arena, const struct export_wish *wish, const char *directory,
                                       void (*progress)(void *, uint64_t done, uint64_t all), void *context)
{
    struct folder folder = {.directory = directory, .arena = arena};
    struct export_sink sink = {put, &folder};
    bool empty = false;
    TRY(files_folder_empty(arena, directory, &empty));
    if (!empty)
        return err_new(arena, ERR_CONFLICT, "%s is not empty; name a folder that does not exist yet", directory);
    TRY(files_folder(arena, directory, 0700));
    TRY(engine_export(engine, reader, arena, wish, &sink, progress, context));
    return files_sync_folder(arena, directory);
}
