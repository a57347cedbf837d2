/* The thread's share of OpenSSL: contexts made once, used again and again. See crypto_private.h for the invariants. */
#include "evidence/crypto_private.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

_Thread_local struct crypto_thread *crypto_thread_mine;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_end;
static EVP_MD *algorithm_sha256;
static EVP_CIPHER *algorithm_gcm, *algorithm_wrap;
static _Atomic unsigned fork_epoch;

static void thread_ends(void *context) {
    struct crypto_thread *mine = context;
    EVP_MD_CTX_free(mine->sha256);
    EVP_CIPHER_CTX_free(mine->gcm_seal);
    EVP_CIPHER_CTX_free(mine->gcm_open);
    EVP_CIPHER_CTX_free(mine->wrap);
    EVP_CIPHER_CTX_free(mine->unwrap);
    sodium_memzero(mine, sizeof(*mine));
    free(mine);
    crypto_thread_mine = NULL;
}

static void forked(void) {
    atomic_fetch_add(&fork_epoch, 1);
}

static void process_starts(void) {
    ASSERT(sodium_init() >= 0);
    algorithm_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algorithm_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    algorithm_wrap = EVP_CIPHER_fetch(NULL, "AES-256-WRAP", NULL);
    ASSERT(algorithm_sha256 && algorithm_gcm && algorithm_wrap);
    ASSERT(pthread_key_create(&thread_end, thread_ends) == 0);
    ASSERT(pthread_atfork(NULL, NULL, forked) == 0);
}

static EVP_CIPHER_CTX *cipher_new(const EVP_CIPHER *algorithm, int encrypt) {
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    ASSERT(cipher);
    EVP_CIPHER_CTX_set_flags(cipher, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    ASSERT(EVP_CipherInit_ex2(cipher, algorithm, NULL, NULL, encrypt, NULL) == 1);
    return cipher;
}

struct crypto_thread *crypto_thread_start(void) {
    ASSERT(pthread_once(&once, process_starts) == 0);
    struct crypto_thread *mine = calloc(1, sizeof(*mine));
    ASSERT(mine);
    mine->sha256 = EVP_MD_CTX_new();
    ASSERT(mine->sha256 && EVP_DigestInit_ex2(mine->sha256, algorithm_sha256, NULL) == 1);
    mine->gcm_seal = cipher_new(algorithm_gcm, 1);
    mine->gcm_open = cipher_new(algorithm_gcm, 0);
    mine->wrap = cipher_new(algorithm_wrap, 1);
    mine->unwrap = cipher_new(algorithm_wrap, 0);
    mine->nonces_used = NONCE_BUFFER_SIZE;
    ASSERT(pthread_setspecific(thread_end, mine) == 0);
    crypto_thread_mine = mine;
    return mine;
}

void crypto_nonce(uint8_t ret_nonce[12]) {
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

void crypto_sha256(const void *first, size_t first_size, const void *second, size_t second_size, uint8_t ret_digest[32]) {
    EVP_MD_CTX *sha256 = crypto_thread()->sha256;
    bool fine = EVP_DigestInit_ex2(sha256, NULL, NULL) == 1;
    fine = fine && (first_size == 0 || EVP_DigestUpdate(sha256, first, first_size) == 1);
    fine = fine && (second_size == 0 || EVP_DigestUpdate(sha256, second, second_size) == 1);
    ASSERT(fine && EVP_DigestFinal_ex(sha256, ret_digest, NULL) == 1);
}

void crypto_wrap(const uint8_t kek[32], const uint8_t key[32], uint8_t ret_wrapped[WRAPPED_SIZE]) {
    EVP_CIPHER_CTX *wrap = crypto_thread()->wrap;
    int size = 0;
    ASSERT(EVP_CipherInit_ex2(wrap, NULL, kek, NULL, 1, NULL) == 1);
    ASSERT(EVP_CipherUpdate(wrap, ret_wrapped, &size, key, 32) == 1 && size == WRAPPED_SIZE);
}

bool crypto_unwrap(const uint8_t kek[32], const uint8_t wrapped[WRAPPED_SIZE], uint8_t ret_key[32]) {
    EVP_CIPHER_CTX *unwrap = crypto_thread()->unwrap;
    uint8_t key[WRAPPED_SIZE];
    int size = 0;
    ASSERT(EVP_CipherInit_ex2(unwrap, NULL, kek, NULL, 0, NULL) == 1);
    bool fine = EVP_CipherUpdate(unwrap, key, &size, wrapped, WRAPPED_SIZE) == 1 && size == 32;
    if (fine)
        memcpy(ret_key, key, 32);
    sodium_memzero(key, sizeof(key));
    return fine;
}
