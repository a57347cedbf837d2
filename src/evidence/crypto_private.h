/* What a thread keeps of OpenSSL, so that no hash and no seal allocates or looks up an algorithm again. Only for this folder.
 *
 * 1. Each thread has its own; it is freed when the thread ends.
 * 2. Algorithms are fetched once a process. When OpenSSL cannot give them, the program stops: nothing could be stored.
 */
#ifndef TELOS_EVIDENCE_CRYPTO_PRIVATE_H
#define TELOS_EVIDENCE_CRYPTO_PRIVATE_H

#include "base/err.h"

#include <openssl/evp.h>

#define NONCE_BUFFER_SIZE 3072 /* 256 nonces of 12 bytes */

struct crypto_thread {
    EVP_CIPHER_CTX *gcm_seal, *gcm_open, *ecb_encrypt, *ecb_decrypt;
    uint8_t nonces[NONCE_BUFFER_SIZE];
    size_t nonces_used;
    unsigned fork_epoch;
};

struct crypto_thread *crypto_thread_start(void);
extern _Thread_local struct crypto_thread *crypto_thread_mine;

static inline struct crypto_thread *crypto_thread(void)
{
    struct crypto_thread *mine = crypto_thread_mine;
    return mine ? mine : crypto_thread_start();
}

/* Twelve bytes never used before; after a fork, parent and child go apart. */
void crypto_nonce(uint8_t ret_nonce[12]);
/* SHA-256 over up to two parts. */
void crypto_sha256(const void *first, size_t first_size, const void *second, size_t second_size, uint8_t ret_digest[32]);

#define WRAPPED_SIZE 40
#define WRAP_MANY_MAX 128
/* RFC 3394 with a 256-bit key around another. Many at once cost a tenth of what they cost one by one. */
void crypto_wrap_many(const uint8_t kek[32], const uint8_t (*keys)[32], size_t count, uint8_t (*ret_wrapped)[WRAPPED_SIZE]);
/* False when one of them does not open under `kek`; then nothing is returned. */
bool crypto_unwrap_many(const uint8_t kek[32], const uint8_t (*wrapped)[WRAPPED_SIZE], size_t count, uint8_t (*ret_keys)[32]);
void crypto_wrap(const uint8_t kek[32], const uint8_t key[32], uint8_t ret_wrapped[WRAPPED_SIZE]);
bool crypto_unwrap(const uint8_t kek[32], const uint8_t wrapped[WRAPPED_SIZE], uint8_t ret_key[32]);

#endif
