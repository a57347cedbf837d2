/* The thread's share of OpenSSL: contexts made once, used again and again. See crypto_private.h for the invariants. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_Init and the like */
#include "evidence/crypto_private.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct crypto_thread *crypto_thread_mine;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static EVP_CIPHER *algorithm_gcm, *algorithm_ecb;
static _Atomic unsigned fork_epoch;

static void thread_ends(void *context)
{
    struct crypto_thread *mine = context;
    EVP_CIPHER_CTX_free(mine->gcm_seal);
    EVP_CIPHER_CTX_free(mine->gcm_open);
    EVP_CIPHER_CTX_free(mine->ecb_encrypt);
    EVP_CIPHER_CTX_free(mine->ecb_decrypt);
    sodium_memzero(mine, sizeof(*mine));
    free(mine);
    crypto_thread_mine = NULL;
}

static void forked(void) { atomic_fetch_add(&fork_epoch, 1); }

static void process_starts(void)
{
    ASSERT(sodium_init() >= 0);
    algorithm_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    algorithm_ecb = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
    ASSERT(algorithm_gcm && algorithm_ecb);
    ASSERT(pthread_key_create(&thread_end, thread_ends) == 0);
    ASSERT(pthread_atfork(NULL, NULL, forked) == 0);
}

static EVP_CIPHER_CTX *cipher_new(const EVP_CIPHER *algorithm, int encrypt)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    ASSERT(cipher);
    ASSERT(EVP_CipherInit_ex2(cipher, algorithm, NULL, NULL, encrypt, NULL) == 1);
    return cipher;
}

struct crypto_thread *crypto_thread_start(void)
{
    ASSERT(pthread_once(&once, process_starts) == 0);
    struct crypto_thread *mine = calloc(1, sizeof(*mine));
    ASSERT(mine);
    mine->gcm_seal = cipher_new(algorithm_gcm, 1);
    mine->gcm_open = cipher_new(algorithm_gcm, 0);
    mine->ecb_encrypt = cipher_new(algorithm_ecb, 1);
    mine->ecb_decrypt = cipher_new(algorithm_ecb, 0);
    mine->nonces_used = NONCE_BUFFER_SIZE;
    ASSERT(pthread_setspecific(thread_end, mine) == 0);
    crypto_thread_mine = mine;
    return mine;
}

void crypto_nonce(uint8_t ret_nonce[12])
{
    struct crypto_thread *mine = crypto_thread();
    unsigned epoch = atomic_load_explicit(&fork_epoch, memory_order_relaxed);
    if (mine->nonces_used == NONCE_BUFFER_SIZE || mine->fork_epoch != epoch) {
        randombytes_buf(mine->nonces, NONCE_BUFFER_SIZE);
        mine->nonces_used = 0;
        mine->fork_epoch = epoch;
    }
    memcpy(ret_nonce, mine->nonces + mine->nonces_used, 12);
    mine->nonces_used += 12;
}

/* By OpenSSL's older calls: they are on the stack, where EVP's cost half a hash again, and a message of Telos costs five hashes. */
void crypto_sha256(const void *first, size_t first_size, const void *second, size_t second_size, uint8_t ret_digest[32])
{
    SHA256_CTX sha256;
    bool fine = SHA256_Init(&sha256) == 1;
    fine = fine && (first_size == 0 || SHA256_Update(&sha256, first, first_size) == 1);
    fine = fine && (second_size == 0 || SHA256_Update(&sha256, second, second_size) == 1);
    ASSERT(fine && SHA256_Final(ret_digest, &sha256) == 1); /* which wipes it */
}

/* RFC 3394 by its own steps over plain AES blocks: OpenSSL's own does them one key at a time and without the processor's AES
 * instructions (4 µs a key). Here each step is one call for all keys. A key is four halves R beside the register A; `blocks` has
 * A | R[i] of each key. */
#define HALVES 4
#define ROUNDS 6
static const uint8_t wrap_iv[8] = {0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6};

static void step_mix(uint8_t block[16], unsigned step) { block[7] ^= (uint8_t)step; /* at most 24 */ }

static void cipher_key(EVP_CIPHER_CTX *cipher, const uint8_t kek[32], int encrypt)
{
    ASSERT(EVP_CipherInit_ex2(cipher, NULL, kek, NULL, encrypt, NULL) == 1 && EVP_CIPHER_CTX_set_padding(cipher, 0) == 1);
}

static void cipher_blocks(EVP_CIPHER_CTX *cipher, uint8_t (*blocks)[16], size_t count)
{
    int size = (int)count * 16, done = EVP_Cipher(cipher, blocks[0], blocks[0], (unsigned)size);
    ASSERT(done == size);
}

void crypto_wrap_many(const uint8_t kek[32], const uint8_t (*keys)[32], size_t count, uint8_t (*ret_wrapped)[WRAPPED_SIZE])
{
    uint8_t blocks[WRAP_MANY_MAX][16];
    EVP_CIPHER_CTX *cipher = crypto_thread()->ecb_encrypt;
    ASSERT(count > 0 && count <= WRAP_MANY_MAX);
    cipher_key(cipher, kek, 1);
    for (size_t k = 0; k < count; k++) {
        memmove(ret_wrapped[k] + 8, keys[k], 32);
        memcpy(blocks[k], wrap_iv, 8);
    }
    for (unsigned step = 1; step <= ROUNDS * HALVES; step++) {
        unsigned half = (step - 1) % HALVES + 1;
        for (size_t k = 0; k < count; k++)
            memcpy(blocks[k] + 8, ret_wrapped[k] + 8 * half, 8);
        cipher_blocks(cipher, blocks, count);
        for (size_t k = 0; k < count; k++) {
            memcpy(ret_wrapped[k] + 8 * half, blocks[k] + 8, 8);
            step_mix(blocks[k], step);
        }
    }
    for (size_t k = 0; k < count; k++)
        memcpy(ret_wrapped[k], blocks[k], 8);
    sodium_memzero(blocks, count * 16);
}

bool crypto_unwrap_many(const uint8_t kek[32], const uint8_t (*wrapped)[WRAPPED_SIZE], size_t count, uint8_t (*ret_keys)[32])
{
    uint8_t blocks[WRAP_MANY_MAX][16], keys[WRAP_MANY_MAX][32];
    EVP_CIPHER_CTX *cipher = crypto_thread()->ecb_decrypt;
    ASSERT(count > 0 && count <= WRAP_MANY_MAX);
    cipher_key(cipher, kek, 0);
    for (size_t k = 0; k < count; k++) {
        memcpy(blocks[k], wrapped[k], 8);
        memcpy(keys[k], wrapped[k] + 8, 32);
    }
    for (unsigned step = ROUNDS * HALVES; step >= 1; step--) {
        unsigned half = (step - 1) % HALVES;
        for (size_t k = 0; k < count; k++) {
            step_mix(blocks[k], step);
            memcpy(blocks[k] + 8, keys[k] + 8 * half, 8);
        }
        cipher_blocks(cipher, blocks, count);
        for (size_t k = 0; k < count; k++)
            memcpy(keys[k] + 8 * half, blocks[k] + 8, 8);
    }
    bool fine = true;
    for (size_t k = 0; k < count; k++)
        fine &= sodium_memcmp(blocks[k], wrap_iv, 8) == 0;
    if (fine)
        memcpy(ret_keys, keys, count * 32);
    sodium_memzero(keys, count * 32);
    sodium_memzero(blocks, count * 16);
    return fine;
}

void crypto_wrap(const uint8_t kek[32], const uint8_t key[32], uint8_t ret_wrapped[WRAPPED_SIZE])
{
    crypto_wrap_many(kek, (const uint8_t(*)[32])key, 1, (uint8_t(*)[WRAPPED_SIZE])ret_wrapped);
}

bool crypto_unwrap(const uint8_t kek[32], const uint8_t wrapped[WRAPPED_SIZE], uint8_t ret_key[32])
{
    return crypto_unwrap_many(kek, (const uint8_t(*)[WRAPPED_SIZE])wrapped, 1, (uint8_t(*)[32])ret_key);
}
