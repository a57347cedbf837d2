/* Offline verification, for `telos verify FILE|DIR`: needs files and the public key, no server, no store, no vault.
 *
 * What a file is shows in its content: a signed JSON document (member "proof", receipt.h), a record with its proofs (member
 * "entry", below), a tlog-proof (first line "c2sp.org/tlog-proof@v1"), or a checkpoint (signed note). A directory is an export:
 *
 *     checkpoint             the signed tree head (note.h)
 *     manifest, manifest.sig the list of all files with their digests, signed (verify_manifest.c)
 *     export.json            what was asked for and how much it was; policies/<V>/: the policies (verify_content.c)
 *     key.pub                the public key, `name+hexid+base64`, one line; more lines for earlier keys
 *     tile/<L>/<N>[.p/<W>]   the tree's tiles, as many as there are (tiles.h); with all of level 0 the root is computed
 *     tile/entries/<N>…      entry bundles, where exported: each entry must hash to its leaf
 *     checkpoints/<name>     earlier checkpoints, where exported: each must be a beginning of the present tree
 *     receipts/<name>.json   signed documents
 *     records/<name>.json    records with their proofs (<name>.ndjson: one a line):
 *
 *         {"entry": "the entry's exact text",          entry.h
 *          "index": 17, "path": ["base64", …],         inclusion in the tree of `checkpoint`; instead of both:
 *          "proof": "c2sp.org/tlog-proof@v1\n…",       a tlog-proof with its own checkpoint
 *          "record": "the record's exact text",        optional from here on: what the entry commits to
 *          "salt": "base64",
 *          "batch": {"index": 3, "size": 512, "path": […]}}    where the entry is a batch: the record's place in it
 *
 * 1. A finding is made for every check, good or bad; a file that cannot be read or understood is a bad finding.
 * 2. With no key given, DIR/key.pub (or key.pub beside the file) is taken, and a finding says that it was not checked.
 * 3. Findings hold file names, sizes and indexes, never a record's content.
 */
#ifndef TELOS_EVIDENCE_VERIFY_H
#define TELOS_EVIDENCE_VERIFY_H

#include "base/vec.h"
#include "evidence/note.h"

struct verify_finding {
    bool ok;
    bool note; /* nothing is wrong; but the reader should know it */
    str what; /* "receipts/4711.json: signature" */
    str why; /* "signed by shop.example/telos on …", "the root does not match …" */
};
struct verify_report {
    VEC(struct verify_finding) findings;
    size_t bad_count;
};

/* `keys` may be empty, see 2. The error is only for a path that does not exist or cannot be opened. */
const struct err *verify_path(struct arena *arena, const char *path, const struct note_key *keys, size_t key_count, struct verify_report *ret) MUST_CHECK;
/* One file's content, `name` for the findings. */
void verify_text(struct arena *arena, str name, str text, const struct note_key *keys, size_t key_count, struct verify_report *ret);

#endif
