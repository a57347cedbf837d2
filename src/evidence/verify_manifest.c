/* An export for an audit, or a person's copy, is whole and unchanged: `manifest` has a line a file ("SHA-256  path"), `manifest.sig` is a signed note (C2SP) of
 * the manifest's own digest.
 *
 *     telos export manifest v1
 *     <SHA-256 of the file `manifest`, in hex>
 *
 * 1. So a file that was changed, left out or added is found, whatever is in it: a withdrawal taken out of the records, another text of a notice.
 * 2. `checkpoints/` and `receipts/` are for what others put beside an export, to be verified with it; they are not listed.
 * 3. A folder that says what it holds (export.json, policies, records/N.ndjson; the pages and tables of a person's copy) must have a manifest. Bare tiles need
 *    none: the root speaks for them; single records neither, but it is said that nothing tells what was left out.
 * 4. Whoever holds the ledger's key can sign another list: verify_content.c holds an export against the log itself.
 */
#include "base/map.h"
#include "evidence/verify_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_HEAD "telos export manifest v1\n"
#define HEX_LENGTH 64
#define DEPTH_MAX 32
#define PIECE_BYTES ((size_t)64 * 1024)

struct manifest {
    struct verifier *verifier;
    const char *directory;
    struct map listed; /* path → itself */
    uint64_t fine, wrong;
};

static bool there(const struct manifest *manifest, const char *name)
{
    struct stat status;
    return lstat(arena_printf(manifest->verifier->arena, "%s/%s", manifest->directory, name), &status) == 0;
}

bool verifier_path_inside(str path) { return !str_empty(path) && path.data[0] != '/' && str_find(path, STR("..")) < 0; }

/* In pieces: a person's events may be more than memory should hold. NULL, or what is wrong with it. */
static const char *file_digest(const char *path, uint8_t ret_digest[crypto_hash_sha256_BYTES])
{
    crypto_hash_sha256_state state;
    uint8_t piece[PIECE_BYTES];
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? "it is missing" : "it cannot be read";
    bool regular = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    (void)crypto_hash_sha256_init(&state); /* cannot fail */
    ssize_t got = 1;
    while (regular && got > 0) {
        got = read(fd, piece, sizeof(piece));
        if (got > 0)
            (void)crypto_hash_sha256_update(&state, piece, (size_t)got); /* cannot fail */
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
    (void)close(fd); /* only read */
    (void)crypto_hash_sha256_final(&state, ret_digest);
    return !regular ? "it is no regular file" : got < 0 ? "it cannot be read to its end" : NULL;
}

static void file_check(struct manifest *manifest, str hex, str path)
{
    struct verifier *verifier = manifest->verifier;
    struct arena file;
    uint8_t digest[crypto_hash_sha256_BYTES];
    arena_init(&file);
    const char *wrong = file_digest(arena_printf(&file, "%s/%.*s", manifest->directory, STR_FMT(path)), digest);
    if (!wrong && !str_equal(str_hex(&file, digest, sizeof(digest)), hex))
        wrong = "it is not the file that was exported";
    if (wrong)
        verifier_finding(verifier, false, path, "manifest", "%s", wrong);
    manifest->fine += !wrong;
    manifest->wrong += wrong != NULL;
    arena_release(&file);
}

static void lines_check(struct manifest *manifest, str text)
{
    struct verifier *verifier = manifest->verifier;
    str line;
    for (unsigned number = 1; text.length > 0 && str_split(&text, '\n', &line); number++) {
        str path = line.length > HEX_LENGTH + 2 ? str_slice(line, HEX_LENGTH + 2, line.length) : STR_NONE;
        if (!verifier_path_inside(path)) {
            verifier_finding(verifier, false, STR("manifest"), "manifest", "line %u names no file of the folder", number);
            manifest->wrong++;
            continue;
        }
        path = str_copy(verifier->arena, path);
        map_set(&manifest->listed, path, (void *)(uintptr_t)path.data);
        file_check(manifest, str_slice(line, 0, HEX_LENGTH), path);
    }
}

static bool listed_or_own(const struct manifest *manifest, str path)
{
    return map_get(&manifest->listed, path) || str_equal(path, STR("manifest")) || str_equal(path, STR("manifest.sig")) ||
           str_starts(path, STR("checkpoints/")) || str_starts(path, STR("receipts/"));
}

static void strangers_find(struct manifest *manifest, str below, int depth)
{
    struct verifier *verifier = manifest->verifier;
    DIR *folder = opendir(arena_printf(verifier->arena, "%s/%.*s", manifest->directory, STR_FMT(below)));
    if (!folder) {
        verifier_finding(verifier, false, str_empty(below) ? STR("manifest") : below, "manifest", "the folder cannot be read");
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder));) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        str path = str_printf(verifier->arena, "%.*s%s%s", STR_FMT(below), str_empty(below) ? "" : "/", entry->d_name);
        bool known = lstat(arena_printf(verifier->arena, "%s/%.*s", manifest->directory, STR_FMT(path)), &status) == 0;
        if (known && S_ISDIR(status.st_mode) && depth < DEPTH_MAX)
            strangers_find(manifest, path, depth + 1);
        else if (!listed_or_own(manifest, path))
            verifier_finding(verifier, false, path, "manifest", "it is none of the files that were exported");
    }
    (void)closedir(folder); /* only read */
}

static bool signature_check(struct verifier *verifier, str manifest, str note)
{
    struct hash digest;
    str text, wanted;
    if (note_verify(verifier->arena, note, verifier->keys, verifier->key_count, &text, NULL)) {
        verifier_finding(verifier, false, STR("manifest.sig"), "signature", "it is not signed by a key that you trust");
        return false;
    }
    hash_sha256(manifest, &digest);
    wanted = str_printf(verifier->arena, MANIFEST_HEAD "%.*s\n", STR_FMT(str_hex(verifier->arena, digest.bytes, sizeof(digest.bytes))));
    bool same = str_equal(text, wanted);
    verifier_finding(verifier, same, STR("manifest"), "signature",
                     same ? "signed: this is the list of what was exported" : "it is not the list that was signed");
    return same;
}

/* Without a list: what must have one, and what nothing here speaks of. */
static void unlisted(struct manifest *manifest)
{
    static const str evidence[] = {STR("checkpoint"), STR("key.pub"), STR("tile"), STR("checkpoints"), STR("receipts"), STR("records")};
    static const str copy[] = {STR("data.json"), STR("events.json"), STR("csv"), STR("index.html"), STR("en.html"), STR("hu.html")};
    struct verifier *verifier = manifest->verifier;
    verifier_names found = verifier_folder(verifier, manifest->directory, STR("manifest"));
    bool needed = there(manifest, "export.json") || there(manifest, "policies"), records = there(manifest, "records");
    for (size_t i = 0; i < sizeof(copy) / sizeof(*copy); i++)
        needed |= there(manifest, copy[i].data) && there(manifest, "checkpoint");
    verifier_names lines = verifier_folder(verifier, arena_printf(verifier->arena, "%s/records", manifest->directory), STR("records"));
    vec_each (name, &lines)
        needed |= str_ends(str_of(*name), STR(".ndjson")); /* only an export has them */
    if (needed) {
        verifier_finding(verifier, false, STR("manifest"), "manifest", "it is missing, so nobody can tell what was left out or changed");
        return;
    }
    if (records)
        verifier_note(verifier, STR("manifest"), "manifest", "none: what is here was checked, what was left out cannot be told");
    vec_each (name, &found) {
        bool known = false;
        for (size_t i = 0; i < sizeof(evidence) / sizeof(*evidence); i++)
            known |= str_equal(str_of(*name), evidence[i]);
        if (!known)
            verifier_note(verifier, str_of(*name), "manifest", "not checked: nothing that is signed speaks of it");
    }
}

bool verify_manifest(struct verifier *verifier, const char *directory)
{
    struct manifest manifest = {.verifier = verifier, .directory = directory};
    struct arena text_arena;
    str text, note;
    if (!there(&manifest, "manifest") && !there(&manifest, "manifest.sig")) {
        unlisted(&manifest);
        return false;
    }
    map_init(&manifest.listed, verifier->arena);
    arena_init(&text_arena);
    if (verifier_file(verifier, &text_arena, arena_printf(&text_arena, "%s/manifest", directory), STR("manifest"), &text) &&
        verifier_file(verifier, &text_arena, arena_printf(&text_arena, "%s/manifest.sig", directory), STR("manifest.sig"), &note) &&
        signature_check(verifier, text, note)) {
        lines_check(&manifest, text);
        strangers_find(&manifest, STR_NONE, 0);
        if (!manifest.wrong)
            verifier_finding(verifier, true, STR("manifest"), "manifest", "%llu files are there, as they were exported", (unsigned long long)manifest.fine);
    }
    arena_release(&text_arena);
    return true;
}
