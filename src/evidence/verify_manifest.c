/* An export for an audit, or a person's copy, is whole and unchanged: `manifest` has a line a file ("SHA-256  path"), `manifest.sig` is a signed note (C2SP) of the manifest's own digest.
 *
 *     telos export manifest v1
 *     <SHA-256 of the file `manifest`, in hex>
 *
 * 1. So a file that was changed, left out or added is found, whatever is in it: a withdrawal taken out of the records, another text of a notice.
 * 2. `checkpoints/` and `receipts/` are for what others put beside an export, to be verified with it; they are not listed.
 * 3. A folder that says what it holds (export.json, policies; data.json of a person's copy) must have a manifest. Bare tiles need none: the root speaks for them; single records neither,
 *    but it is said that nothing tells what was left out.
 */
#include "base/map.h"
#include "evidence/verify_private.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#define MANIFEST_HEAD "telos export manifest v1\n"
#define HEX_LENGTH 64
#define DEPTH_MAX 32

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

static bool path_inside(str path) { return !str_empty(path) && path.data[0] != '/' && str_find(path, STR("..")) < 0; }

static void file_check(struct manifest *manifest, str hex, str path)
{
    struct verifier *verifier = manifest->verifier;
    struct arena file;
    struct hash digest;
    str text;
    arena_init(&file);
    bool same = verifier_file(verifier, &file, arena_printf(&file, "%s/%.*s", manifest->directory, STR_FMT(path)), path, &text);
    if (same) {
        hash_sha256(text, &digest);
        same = str_equal(str_hex(&file, digest.bytes, sizeof(digest.bytes)), hex);
        if (!same)
            verifier_finding(verifier, false, path, "manifest", "it is not the file that was exported");
    }
    manifest->fine += same;
    manifest->wrong += !same;
    arena_release(&file);
}

static void lines_check(struct manifest *manifest, str text)
{
    struct verifier *verifier = manifest->verifier;
    str line;
    for (unsigned number = 1; text.length > 0 && str_split(&text, '\n', &line); number++) {
        str path = line.length > HEX_LENGTH + 2 ? str_slice(line, HEX_LENGTH + 2, line.length) : STR_NONE;
        if (!path_inside(path)) {
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
    verifier_finding(verifier, same, STR("manifest"), "signature", same ? "signed: this is the list of what was exported" : "it is not the list that was signed");
    return same;
}

void verify_manifest(struct verifier *verifier, const char *directory)
{
    struct manifest manifest = {.verifier = verifier, .directory = directory};
    struct arena text_arena;
    str text, note;
    if (!there(&manifest, "manifest") && !there(&manifest, "manifest.sig")) {
        if (there(&manifest, "export.json") || there(&manifest, "policies") || (there(&manifest, "data.json") && there(&manifest, "checkpoint")))
            verifier_finding(verifier, false, STR("manifest"), "manifest", "it is missing, so nobody can tell what was left out or changed");
        else if (there(&manifest, "records"))
            verifier_finding(verifier, true, STR("manifest"), "manifest", "none: what is here was checked, what was left out cannot be told");
        return;
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
}
