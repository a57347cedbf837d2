/* AES-256-GCM sealing, keyed hashes and commitments over the thread's own OpenSSL contexts. */
#include "evidence/seal.h"

#include "evidence/crypto_private.h"

#include <limits.h>
#include <sodium.h>

#define SEAL_VERSION 1
#define NONCE_SIZE 12
#define TAG_SIZE 16

/* Version and aad are authenticated together, the version first. */
static bool aad_add(EVP_CIPHER_CTX *cipher, uint8_t version, str aad)
{
    int size;
    return EVP_CipherUpdate(cipher, NULL, &size, &version, 1) == 1 &&
           (aad.length == 0 || EVP_CipherUpdate(cipher, NULL, &size, (const uint8_t *)aad.data, (int)aad.length) == 1);
}

void seal(const uint8_t key[32], str aad, str plain, uint8_t *out)
{
    ASSERT(plain.length <= INT_MAX && aad.length <= INT_MAX);
    EVP_CIPHER_CTX *cipher = crypto_thread()->gcm_seal;
    uint8_t *nonce = out + 1, *text = out + 1 + NONCE_SIZE;
    out[0] = SEAL_VERSION;
    crypto_nonce(nonce);
    int size = 0, last = 0;
    bool fine = EVP_CipherInit_ex2(cipher, NULL, key, nonce, 1, NULL) == 1 && aad_add(cipher, SEAL_VERSION, aad);
    fine = fine && (plain.length == 0 || EVP_CipherUpdate(cipher, text, &size, (const uint8_t *)plain.data, (int)plain.length) == 1);
    fine = fine && EVP_CipherFinal_ex(cipher, text + size, &last) == 1;
    fine = fine && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, text + plain.length) == 1;
    ASSERT(fine && (size_t)(size + last) == plain.length);
}

bool seal_open(const uint8_t key[32], str aad, str sealed, uint8_t *out)
{
    if (sealed.length < SEAL_OVERHEAD || sealed.length > INT_MAX || aad.length > INT_MAX)
        return false;
    EVP_CIPHER_CTX *cipher = crypto_thread()->gcm_open;
    const uint8_t *bytes = (const uint8_t *)sealed.data;
    size_t length = sealed.length - SEAL_OVERHEAD;
    uint8_t tag[TAG_SIZE];
    memcpy(tag, bytes + 1 + NONCE_SIZE + length, TAG_SIZE);
    int size = 0, last = 0;
    bool fine = bytes[0] == SEAL_VERSION;
    fine = fine && EVP_CipherInit_ex2(cipher, NULL, key, bytes + 1, 0, NULL) == 1 && aad_add(cipher, bytes[0], aad);
    fine = fine && (length == 0 || EVP_CipherUpdate(cipher, out, &size, bytes + 1 + NONCE_SIZE, (int)length) == 1);
    fine = fine && EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) == 1;
    uint8_t none[1];
    fine = fine && EVP_CipherFinal_ex(cipher, length ? out + size : none, &last) == 1;
    if (!fine && length)
        sodium_memzero(out, length);
    return fine;
}

void keyed_hash(const uint8_t key[32], str a, str b, uint8_t out[16])
{
    crypto_generichash_state state;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)a.length >> (8 * i));
    bool fine = crypto_generichash_init(&state, key, 32, 16) == 0;
    fine = fine && crypto_generichash_update(&state, length, sizeof(length)) == 0;
    fine = fine && (a.length == 0 || crypto_generichash_update(&state, (const uint8_t *)a.data, a.length) == 0);
    fine = fine && (b.length == 0 || crypto_generichash_update(&state, (const uint8_t *)b.data, b.length) == 0);
    ASSERT(fine && crypto_generichash_final(&state, out, 16) == 0);
    sodium_memzero(&state, sizeof(state));
}

void commitment(const uint8_t salt[32], str record, struct hash *ret)
{
    /* HMAC by hand: OpenSSL's own copies a context for each message, which costs more than the hashing */
    uint8_t block[64], outer[96];
    for (int i = 0; i < 64; i++) {
        uint8_t byte = i < 32 ? salt[i] : 0;
        block[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    crypto_sha256(block, sizeof(block), record.data, record.length, outer + 64);
    crypto_sha256(outer, sizeof(outer), NULL, 0, ret->bytes);
    sodium_memzero(block, sizeof(block));
    sodium_memzero(outer, sizeof(outer));
}
