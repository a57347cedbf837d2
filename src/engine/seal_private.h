/* Sealing and opening one value at a time, with the last key kept; for seal_person.c and facts.c.
 *
 * What is authenticated with a value ties it to its row: kind, profile, and a number or id within the profile. A value that was moved to
 * another row does not open.
 */
#ifndef TELOS_ENGINE_SEAL_PRIVATE_H
#define TELOS_ENGINE_SEAL_PRIVATE_H

#include "engine/engine_private.h"
#include "evidence/seal.h"

enum sealed_kind { SEALED_IDENTIFIER = 'i', SEALED_FACTS = 'f', SEALED_CONSENT = 'c', SEALED_EVENT = 'e', SEALED_HELD = 'h',
                   SEALED_PREFERENCES = 'p', SEALED_RECALL = 'r', SEALED_REFUSAL = 'n', SEALED_RIGHTS = 'q', SEALED_BIRTH_YEAR = 'y', SEALED_DECISIONS = 'd' };
struct aad {
    uint8_t bytes[26];
    uint8_t length;
};
static inline struct aad aad_make(enum sealed_kind kind, profile_no profile, const void *rest, size_t rest_length)
{
    struct aad aad = {.length = (uint8_t)(9 + rest_length)};
    aad.bytes[0] = (uint8_t)kind;
    memcpy(aad.bytes + 1, &profile.value, 8);
    memcpy(aad.bytes + 9, rest, rest_length);
    return aad;
}
#define aad_str(aad) str_bytes((aad).bytes, (aad).length)

struct keyring { /* the last key of each class */
    struct engine *engine;
    struct arena *arena;
    profile_no profile[KEY_CLASS_COUNT];
    uint8_t keys[KEY_CLASS_COUNT][32];
    enum vault_result results[KEY_CLASS_COUNT];
};
void keyring_init(struct keyring *ring, struct engine *engine, struct arena *arena);
void keyring_clear(struct keyring *ring);
enum vault_result keyring_get(struct keyring *ring, profile_no profile, enum key_class class, const uint8_t **ret_key);
/* ERR_INTERNAL when the key is gone: nothing may be stored under it. */
const struct err *value_seal(struct keyring *ring, profile_no profile, enum key_class class, struct aad aad, str plain, str *ret_sealed) MUST_CHECK;
/* *ret_plain is STR_NONE where the key is gone. ERR_IO where the vault fails, ERR_INTERNAL where the seal is broken. */
const struct err *value_open(struct keyring *ring, profile_no profile, enum key_class class, struct aad aad, str sealed, str *ret_plain) MUST_CHECK;
/* The number that a page is authenticated by. */
static inline struct aad facts_aad(const struct fact_page *page)
{
    uint32_t rest[2] = {page->identifier, page->number};
    return aad_make(SEALED_FACTS, page->profile, rest, sizeof rest);
}

#endif
