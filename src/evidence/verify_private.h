/* What verify.c (texts) and verify_export.c (a directory) share. */
#ifndef TELOS_EVIDENCE_VERIFY_PRIVATE_H
#define TELOS_EVIDENCE_VERIFY_PRIVATE_H

#include "evidence/verify.h"

#define VERIFY_FILE_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct content; /* verify_content.c */

struct verifier {
    struct arena *arena; /* of the report */
    struct arena work; /* of the file under way */
    struct verify_report report;
    const struct note_key *keys;
    size_t key_count;
    bool checkpoint_known; /* of the directory, signed by a known key */
    struct checkpoint checkpoint;
    struct content *content; /* of an export; NULL: of a single file */
};

typedef VEC(const char *) verifier_names;

void verifier_finding(struct verifier *verifier, bool ok, str name, const char *check, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Nothing is wrong, but it is told. */
void verifier_note(struct verifier *verifier, str name, const char *check, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* One file's content; everything that does not go into a finding lives in `work`, which is cleared at the end. */
void verifier_text(struct verifier *verifier, str name, str text);
/* Verifies and returns the checkpoint; false when it does not hold. */
bool verifier_checkpoint(struct verifier *verifier, str name, str text, struct checkpoint *ret);
/* "key.pub": reads its keys into the verifier. */
void verifier_keys(struct verifier *verifier, str name, str text);
void verify_export(struct verifier *verifier, const char *directory);
/* False when there is none. For verify_manifest.c, like the next. */
bool verify_manifest(struct verifier *verifier, const char *directory);
bool verifier_path_inside(str path); /* below the folder, by no detour */
/* The entries of a folder, sorted; none where there is no folder. */
verifier_names verifier_folder(struct verifier *verifier, const char *path, str name);
/* Whether the export tells all, and its policies are those of the log: verify_content.c. Between begin and end each entry of a bundle that
 * holds, and each line of records/ whose inclusion holds. */
void content_begin(struct verifier *verifier, const char *directory, bool manifest);
void content_entry(struct verifier *verifier, uint64_t index, str text);
void content_line(struct verifier *verifier, uint64_t index, bool record);
void content_end(struct verifier *verifier, bool root_holds);
/* Reads a regular file; false with a bad finding. */
bool verifier_file(struct verifier *verifier, struct arena *arena, const char *path, str name, str *ret_text);

#endif
