/* Whole files read and written durably, for keys, exports and backups. Only for this folder.
 *
 * What is written appears under its name whole or not at all (a temporary file beside it, fsync, rename, fsync of the folder).
 */
#ifndef TELOS_ENGINE_FILES_PRIVATE_H
#define TELOS_ENGINE_FILES_PRIVATE_H

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

/* "a/b" */
char *files_join(struct arena *arena, const char *folder, const char *name);
const struct err *files_write(struct arena *arena, const char *path, str content, mode_t mode) MUST_CHECK;
/* The same without fsync, for the many files of an export; call files_sync_folder at the end. */
const struct err *files_put(struct arena *arena, const char *path, str content, mode_t mode) MUST_CHECK;
/* ERR_NOT_FOUND when there is none, ERR_TOO_LARGE past `max`. */
const struct err *files_read(struct arena *arena, const char *path, size_t max, str *ret_content) MUST_CHECK;
bool files_exist(const char *path);
/* Makes the folder with all above it. */
const struct err *files_folder(struct arena *arena, const char *path, mode_t mode) MUST_CHECK;
/* No such folder, or nothing in it. */
const struct err *files_folder_empty(struct arena *arena, const char *path, bool *ret_empty) MUST_CHECK;
/* Copies one file (mode 0600), fsynced. */
const struct err *files_copy(struct arena *arena, const char *from, const char *to) MUST_CHECK;
/* Calls `each` for every name in the folder but those that begin with a dot, sorted. */
const struct err *files_each(struct arena *arena, const char *folder,
                             const struct err *(*each)(void *context, struct arena *arena, const char *name, bool is_folder), void *context) MUST_CHECK;
/* Everything below it reaches the disk. */
const struct err *files_sync_folder(struct arena *arena, const char *path) MUST_CHECK;

#endif
