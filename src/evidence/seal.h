/* Sealing of values (AES-256-GCM), keyed hashes of identifiers, and commitments. Where keys come from is vault.h's.
 *
 *     sealed = version (1 byte, 0x01) | nonce (12 bytes, random) | ciphertext | tag (16 bytes)
 *
 * 1. The version byte and `aad` are authenticated: a value moved to another row does not open.
 * 2. Nonces are random, so that one key must seal fewer than 2^32 values; a person's class key never comes near.
 * 3. Nothing here allocates after a thread's first call. Broken cryptography (out of memory, no provider) aborts.
 */
#ifndef TELOS_EVIDENCE_SEAL_H
#define TELOS_EVIDENCE_SEAL_H

#include "base/str.h"
#include "evidence/merkle.h"

#define SEAL_OVERHEAD 29
static inline size_t seal_size(size_t plain) { return plain + SEAL_OVERHEAD; }

/* `out` has room for seal_size(plain.length) and does not overlap `plain`. */
void seal(const uint8_t key[32], str aad, str plain, uint8_t *out);
/* `out` has room for sealed.length - SEAL_OVERHEAD. False when it was changed, is of another key or no seal: then `out` is zeroed. */
bool seal_open(const uint8_t key[32], str aad, str sealed, uint8_t *out);

/* BLAKE2b keyed, over (length of a as 8 bytes, little-endian || a || b): for finding identifiers without storing them. */
void keyed_hash(const uint8_t key[32], str a, str b, uint8_t out[16]);
/* HMAC-SHA-256(salt, record): what a ledger entry holds of a record; without the salt it says nothing about it. */
void commitment(const uint8_t salt[32], str record, struct hash *ret);

#endif
