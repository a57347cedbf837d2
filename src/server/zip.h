/* A ZIP file written as it goes out: nothing of it lies in memory longer than a block, and nothing ever on disk. */
#ifndef TELOS_SERVER_ZIP_H
#define TELOS_SERVER_ZIP_H

#include "server/server_private.h"

struct zip;
/* Into `flow`, at most `bytes_max` in all. Freed by zip_end. */
struct zip *zip_begin(struct flow *flow, uint64_t bytes_max);
void zip_file(struct zip *zip, const char *name, int64_t time_ms); /* the next file; ends the one before */
void zip_add(struct zip *zip, str bytes); /* to the file */
/* A whole file. */
void zip_put(struct zip *zip, const char *name, int64_t time_ms, str bytes);
/* Of all files so far: a line each, "SHA-256  name", as evidence/verify_manifest.c reads it. Good until zip_end. */
str zip_manifest(struct zip *zip);
bool zip_broken(const struct zip *zip); /* the client is gone, it grew too large, or the library failed: write no more */
/* Writes the directory that makes it whole, unless it is broken or `whole` is false: then whoever opens it sees that it is not whole. True: it is. */
bool zip_end(struct zip *zip, bool whole);

#endif
