/* C2SP signed notes, tlog checkpoints and tlog-proofs: the text forms in which roots and proofs leave Telos.
 * Not a tree (merkle.h) and not a store of keys (vault.h).
 *
 * 1. Only Ed25519 (signature type 0x01). Signatures of unknown keys are skipped; one of a known key that does not
 *    verify refuses the whole note.
 * 2. What is read is read strictly: a text that differs in one byte from what the formats allow is refused.
 * 3. A secret never leaves this part: no text, no error holds it.
 */
#ifndef TELOS_EVIDENCE_NOTE_H
#define TELOS_EVIDENCE_NOTE_H

#include "evidence/merkle.h"

#define NOTE_SIGNATURES_MAX 32
#define NOTE_BYTES_MAX (256 * 1024)

/* A signer's key (`can_sign`), or only its public half for verifying. */
struct note_key {
    str name; /* for the ledger: its origin, such as "shop.example/telos" */
    uint32_t id; /* the first four bytes of SHA-256(name || 0x0A || 0x01 || public) */
    uint8_t public_key[32];
    uint8_t secret[64]; /* zero unless can_sign */
    bool can_sign;
};

/* A name for a key: not empty, valid UTF-8, no spaces, no control characters, no '+'. */
bool note_name_allowed(str name);
/* ERR_INVALID for a name that is not allowed. The name is copied. */
const struct err *note_key_from_seed(struct arena *arena, str name, const uint8_t seed[32], struct note_key *ret) MUST_CHECK;
const struct err *note_key_from_public(struct arena *arena, str name, const uint8_t public_key[32], struct note_key *ret) MUST_CHECK;
/* `name+hexid+base64(0x01 || public)`, the text of `key.pub`. */
str note_verifier_text(struct arena *arena, const struct note_key *key);
const struct err *note_verifier_parse(struct arena *arena, str text, struct note_key *ret) MUST_CHECK;
/* Takes the secret out of memory. */
void note_key_clear(struct note_key *key);

/* `text` must be allowed in a note (UTF-8, ends in a newline, no other control character); else ERR_INVALID. */
const struct err *note_sign(struct arena *arena, str text, const struct note_key *key, str *ret_note) MUST_CHECK;
/* At least one signature of the known keys; returns the text with its last newline (borrowed from `note`) and, where
 * ret_signers is not NULL, a bit for each of the first 64 keys that signed. */
const struct err *note_verify(struct arena *arena, str note, const struct note_key *keys, size_t key_count, str *ret_text, uint64_t *ret_signers) MUST_CHECK;

struct checkpoint {
    str origin;
    uint64_t size;
    struct hash root;
    str extension; /* further lines, verbatim; mostly empty */
};

/* A signed checkpoint; `key` must be able to sign and `origin` be an allowed name (both are asserted). */
str checkpoint_make(struct arena *arena, str origin, uint64_t size, const struct hash *root, const struct note_key *key);
/* Reads without verifying a signature: for showing only. */
const struct err *checkpoint_parse(struct arena *arena, str note, struct checkpoint *ret) MUST_CHECK;
/* Reads and verifies: signed by one of the keys that has the origin for its name. */
const struct err *checkpoint_verify(struct arena *arena, str note, const struct note_key *keys, size_t key_count, struct checkpoint *ret) MUST_CHECK;

/* C2SP tlog-proof v1: that an entry stands in the ledger, in one text. */
struct tlog_proof {
    uint64_t index;
    struct merkle_path path;
    str checkpoint; /* the signed note, verbatim */
    str extra; /* opaque bytes, not authenticated; mostly empty */
};
str tlog_proof_make(struct arena *arena, const struct tlog_proof *proof);
const struct err *tlog_proof_parse(struct arena *arena, str text, struct tlog_proof *ret) MUST_CHECK;
/* The whole check: the checkpoint's signature, then the path from `leaf` to its root. */
const struct err *tlog_proof_verify(struct arena *arena, str text, const struct hash *leaf, const struct note_key *keys, size_t key_count,
                                    struct checkpoint *ret) MUST_CHECK;

#endif
