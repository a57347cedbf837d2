/* The ZIP writer, on libarchive: it alone of the usual libraries writes without going back, which a stream cannot. */
#include "server/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>

struct zip {
    struct archive *archive;
    struct archive_entry *entry;
    struct flow *flow;
    uint64_t bytes, bytes_max;
    bool broken, gone, discarding;
    struct arena arena; /* of the manifest */
    struct buf manifest;
    crypto_hash_sha256_state digest; /* of the file under way */
    const char *name; /* the file under way; NULL: none */
};

#define MANIFEST_BYTES_MAX ((size_t)16 * 1024 * 1024)

static la_ssize_t block_write(struct archive *archive, void *context, const void *bytes, size_t length)
{
    struct zip *zip = context;
    if (zip->discarding)
        return (la_ssize_t)length;
    zip->bytes += length;
    if (zip->bytes > zip->bytes_max || !flow_write(zip->flow, str_bytes(bytes, length))) {
        zip->gone = true;
        archive_set_error(archive, ECANCELED, "nobody reads any more");
        return -1;
    }
    return (la_ssize_t)length;
}

struct zip *zip_begin(struct flow *flow, uint64_t bytes_max)
{
    struct zip *zip = calloc(1, sizeof(*zip));
    ASSERT(zip);
    zip->flow = flow;
    arena_init(&zip->arena);
    buf_init(&zip->manifest, &zip->arena, MANIFEST_BYTES_MAX);
    zip->bytes_max = bytes_max;
    zip->archive = archive_write_new();
    zip->entry = archive_entry_new();
    ASSERT(zip->archive && zip->entry);
    zip->broken = archive_write_set_format_zip(zip->archive) != ARCHIVE_OK || archive_write_set_bytes_per_block(zip->archive, 32 * 1024) != ARCHIVE_OK ||
                  archive_write_set_bytes_in_last_block(zip->archive, 1) != ARCHIVE_OK ||
                  archive_write_open(zip->archive, zip, NULL, block_write, NULL) != ARCHIVE_OK;
    return zip;
}

bool zip_broken(const struct zip *zip) { return zip->broken; }

static void file_end(struct zip *zip)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    char hex[sizeof digest * 2 + 1];
    if (!zip->name)
        return;
    crypto_hash_sha256_final(&zip->digest, digest);
    buf_printf(&zip->manifest, "%s  %s\n", sodium_bin2hex(hex, sizeof hex, digest, sizeof digest), zip->name);
    zip->broken |= zip->manifest.overflow;
    zip->name = NULL;
}

str zip_manifest(struct zip *zip)
{
    file_end(zip);
    return buf_str(&zip->manifest);
}

void zip_file(struct zip *zip, const char *name, int64_t time_ms)
{
    if (zip->broken)
        return;
    file_end(zip);
    zip->name = arena_printf(&zip->arena, "%s", name);
    crypto_hash_sha256_init(&zip->digest);
    archive_entry_clear(zip->entry);
    archive_entry_set_pathname(zip->entry, name);
    archive_entry_set_filetype(zip->entry, S_IFREG);
    archive_entry_set_perm(zip->entry, 0600);
    archive_entry_set_mtime(zip->entry, (time_t)(time_ms / 1000), 0);
    zip->broken = archive_write_header(zip->archive, zip->entry) != ARCHIVE_OK;
}

void zip_add(struct zip *zip, str bytes)
{
    if (zip->broken || !bytes.length)
        return;
    crypto_hash_sha256_update(&zip->digest, (const uint8_t *)bytes.data, bytes.length);
    zip->broken = archive_write_data(zip->archive, bytes.data, bytes.length) != (la_ssize_t)bytes.length || zip->gone;
}

void zip_put(struct zip *zip, const char *name, int64_t time_ms, str bytes)
{
    zip_file(zip, name, time_ms);
    zip_add(zip, bytes);
}

bool zip_end(struct zip *zip, bool whole)
{
    bool fine = whole && !zip->broken;
    zip->discarding = !fine;
    fine &= archive_write_close(zip->archive) == ARCHIVE_OK && !zip->gone;
    archive_write_free(zip->archive);
    archive_entry_free(zip->entry);
    arena_release(&zip->arena);
    free(zip);
    return fine;
}
