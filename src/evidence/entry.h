/* The entries of the ledger, as bytes: what one leaf says. Three forms, each canonical JSON (RFC 8785):
 *
 *     {"at":"2026-11-24T16:30:00.000Z","commitment":"base64","kind":"consent"}           about a person
 *     {"at":…,"kind":"policy","record":{…}}                                             about nobody: in clear
 *     {"at":…,"count":512,"kind":"decisions","root":"base64"}                           the root of a batch's own tree
 *
 * 1. No personal data in clear, ever: a commitment is HMAC(evidence key of the person, record).
 * 2. The leaves of a batch's tree are merkle_leaf(commitment of each record).
 */
#ifndef TELOS_EVIDENCE_ENTRY_H
#define TELOS_EVIDENCE_ENTRY_H

#include "evidence/merkle.h"

/* `salt` is the person's KEY_EVIDENCE; `record` any text, best canonical JSON. */
str entry_personal(struct arena *arena, const char *kind, const uint8_t salt[32], str record, int64_t at_ms);
/* `record` must be a JSON object; ERR_MALFORMED or ERR_INVALID else. */
const struct err *entry_clear(struct arena *arena, const char *kind, str record, int64_t at_ms, str *ret) MUST_CHECK;
str entry_batch(struct arena *arena, const char *kind, const struct hash *root, uint64_t count, int64_t at_ms);

struct entry {
    str kind;
    int64_t at_ms;
    enum { ENTRY_PERSONAL, ENTRY_CLEAR, ENTRY_BATCH } form;
    struct hash hash; /* commitment or root */
    uint64_t count;
    str record; /* ENTRY_CLEAR: canonical JSON */
};
const struct err *entry_parse(struct arena *arena, str text, struct entry *ret) MUST_CHECK;

#endif
