/* Folders for the tests of the vault and the verifier: made fresh, copied, searched byte by byte, thrown away. */
#ifndef TELOS_TESTS_EVIDENCE_WORLD_H
#define TELOS_TESTS_EVIDENCE_WORLD_H

#include "unit.h"

/* A new folder in memory where there is such a place, else in /tmp. */
const char *world_folder(struct arena *arena);
void world_remove(const char *folder);
void world_copy(const char *from, const char *to); /* `to` is made or emptied first */
void world_copy_file(const char *from, const char *to);
str world_read(struct arena *arena, const char *path); /* must exist */
void world_write(const char *path, str content); /* folders on the way are made */
bool world_exists(const char *path);
/* How many files below the folder hold these bytes. */
size_t world_find(const char *folder, const void *bytes, size_t size);
const char *world_path(struct arena *arena, const char *folder, const char *name);

#endif
