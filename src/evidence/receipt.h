/* Signing a JSON document, such as the consent receipt that is handed to a person.
 *
 * The signature is a JSON object, kept as the document's member "proof":
 *
 *     {"type":"Ed25519Signature","verificationMethod":"name+hexid+base64…","created":"2026-11-24T16:30:00.000Z",
 *      "proofValue":"base64"}
 *
 * What is signed, so that neither the document nor the signature's own members can be changed:
 *
 *     "telos-receipt-v1\n" || SHA-256(canonical(proof without proofValue)) || SHA-256(canonical(document without proof))
 *
 * 1. Spaces and the order of members do not matter (RFC 8785); every value does.
 * 2. `verificationMethod` only names the key: trust comes from the keys that the caller passes.
 */
#ifndef TELOS_EVIDENCE_RECEIPT_H
#define TELOS_EVIDENCE_RECEIPT_H

#include "base/json.h"
#include "evidence/note.h"

/* `json` is an object without "proof" (ERR_INVALID else); the signature object's text comes back. */
const struct err *receipt_sign(struct arena *arena, str json, const struct note_key *key, int64_t created_ms, str *ret_signature) MUST_CHECK;
/* The same, and the document's text with "proof" added as its last member. */
const struct err *receipt_seal(struct arena *arena, str json, const struct note_key *key, int64_t created_ms, str *ret_document) MUST_CHECK;

struct receipt_check {
    bool valid;
    const char *why; /* what is wrong when it is not valid; what was shown when it is */
    int64_t created_ms;
    str key_name;
};
/* A signature that does not hold is a result, not an error; the error is for a text that is no signed document at all. */
const struct err *receipt_verify(struct arena *arena, str document, const struct note_key *keys, size_t key_count, struct receipt_check *ret) MUST_CHECK;

#endif
