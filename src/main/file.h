/* Small files, whole: read under a bound, written so that a kill leaves the old or the new one. */
#ifndef TELOS_MAIN_FILE_H
#define TELOS_MAIN_FILE_H

#include "base/err.h"
#include "base/str.h"

/* "-" is standard input. ERR_NOT_FOUND, ERR_FORBIDDEN, ERR_TOO_LARGE or ERR_IO, each naming the file. */
const struct err *file_read(struct arena *arena, const char *path, size_t bytes_max, str *ret_text) MUST_CHECK;
/* Mode 0600, synced, by a new file that takes the old one's place. */
const struct err *file_replace(struct arena *arena, const char *path, str text) MUST_CHECK;
/* Makes a directory (0700) and those above it that are missing. */
const struct err *file_make_directory(struct arena *arena, const char *path) MUST_CHECK;
/* From the root: another process has a working directory of its own. */
const char *file_absolute(struct arena *arena, const char *path);
/* An error for an errno, in words that name the file. */
const struct err *file_error(struct arena *arena, const char *path, int number) MUST_CHECK;
/* For __attribute__((cleanup)); a negative one is none. */
void file_close(const int *fd);
#define FILE_CLOSED __attribute__((cleanup(file_close)))

#endif
