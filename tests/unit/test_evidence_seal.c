/* Sealing, commitments, keyed hashes and key wrapping. */
#include "unit.h"

#include "evidence/crypto_private.h"
#include "evidence/seal.h"

#include <openssl/hmac.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t key[32] = {1, 2, 3, 4}, other_key[32] = {1, 2, 3, 5};

static void what_is_sealed_opens_again(void **state)
{
    (void)state;
    uint8_t plain[300], sealed[300 + SEAL_OVERHEAD], opened[300];
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * 7);
    for (size_t length = 0; length <= sizeof(plain); length++) {
        memset(opened, 0xee, sizeof(opened));
        seal(key, STR("event 5"), str_bytes(plain, length), sealed);
        assert_true(seal_open(key, STR("event 5"), str_bytes(sealed, seal_size(length)), opened));
        assert_memory_equal(opened, plain, length);
    }
    seal(key, STR_NONE, STR(""), sealed);
    assert_true(seal_open(key, STR_NONE, str_bytes(sealed, SEAL_OVERHEAD), opened));
}

static void the_seal_is_aes_256_gcm_with_version_and_aad(void **state)
{
    (void)state;
    uint8_t sealed[5 + SEAL_OVERHEAD], cipher[5], tag[16], aad[] = {1, 'a', 'a', 'd'};
    int size;
    seal(key, STR("aad"), STR("plain"), sealed);
    assert_int_equal(sealed[0], 1);
    EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
    assert_int_equal(EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), NULL, key, sealed + 1), 1);
    assert_int_equal(EVP_EncryptUpdate(gcm, NULL, &size, aad, sizeof(aad)), 1);
    assert_int_equal(EVP_EncryptUpdate(gcm, cipher, &size, (const uint8_t *)"plain", 5), 1);
    assert_int_equal(EVP_EncryptFinal_ex(gcm, cipher, &size), 1);
    assert_int_equal(EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, 16, tag), 1);
    EVP_CIPHER_CTX_free(gcm);
    assert_memory_equal(sealed + 13, cipher, 5);
    assert_memory_equal(sealed + 18, tag, 16);
}

static void no_bit_can_be_changed_and_nothing_half_opened_is_shown(void **state)
{
    (void)state;
    static const char plain[] = "anna@example.hu";
    uint8_t sealed[sizeof(plain) + SEAL_OVERHEAD], opened[sizeof(plain)], none[sizeof(plain)] = {0};
    seal(key, STR("row 7"), str_bytes(plain, sizeof(plain)), sealed);
    for (size_t i = 0; i < sizeof(sealed); i++) {
        for (int bit = 0; bit < 8; bit++) {
            sealed[i] ^= (uint8_t)(1 << bit);
            memset(opened, 0xee, sizeof(opened));
            assert_false(seal_open(key, STR("row 7"), str_bytes(sealed, sizeof(sealed)), opened));
            assert_memory_equal(opened, none, sizeof(none));
            sealed[i] ^= (uint8_t)(1 << bit);
        }
    }
    assert_false(seal_open(key, STR("row 8"), str_bytes(sealed, sizeof(sealed)), opened));
    assert_false(seal_open(other_key, STR("row 7"), str_bytes(sealed, sizeof(sealed)), opened));
    for (size_t length = 0; length < sizeof(sealed); length++)
        assert_false(seal_open(key, STR("row 7"), str_bytes(sealed, length), opened));
    assert_true(seal_open(key, STR("row 7"), str_bytes(sealed, sizeof(sealed)), opened));
}

static void no_nonce_comes_twice_not_even_after_a_fork(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    static uint8_t nonces[2 * COUNT + 8][12];
    int ends[2];
    size_t count = 0;
    crypto_nonce(nonces[count++]);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        uint8_t mine[COUNT][12];
        for (size_t i = 0; i < COUNT; i++)
            crypto_nonce(mine[i]);
        _exit(write(ends[1], mine, sizeof(mine)) == (ssize_t)sizeof(mine) ? 0 : 1);
    }
    for (size_t i = 0; i < COUNT; i++)
        crypto_nonce(nonces[count++]);
    uint8_t *in = nonces[count];
    for (size_t got = 0; got < COUNT * 12;) {
        ssize_t part = read(ends[0], in + got, COUNT * 12 - got);
        assert_true(part > 0);
        got += (size_t)part;
    }
    count += COUNT;
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (memcmp(nonces[i], nonces[j], 12) == 0)
                fail_msg("nonces %zu and %zu are the same", i, j);
}

static void commitments_are_hmac_sha_256(void **state)
{
    (void)state;
    char record[200];
    memset(record, 'x', sizeof(record));
    for (size_t length = 0; length <= sizeof(record); length++) {
        struct hash got;
        uint8_t wanted[32];
        unsigned size;
        commitment(key, str_bytes(record, length), &got);
        assert_non_null(HMAC(EVP_sha256(), key, 32, (const uint8_t *)record, length, wanted, &size));
        assert_memory_equal(got.bytes, wanted, 32);
    }
}

static void keyed_hashes_keep_type_and_value_apart(void **state)
{
    (void)state;
    uint8_t a[16], b[16];
    keyed_hash(key, STR("email"), STR("x@y"), a);
    keyed_hash(key, STR("email"), STR("x@y"), b);
    assert_memory_equal(a, b, 16);
    keyed_hash(key, STR("emai"), STR("lx@y"), b);
    assert_memory_not_equal(a, b, 16);
    keyed_hash(other_key, STR("email"), STR("x@y"), b);
    assert_memory_not_equal(a, b, 16);
    keyed_hash(key, STR_NONE, STR_NONE, b);
    assert_memory_not_equal(a, b, 16);
}

static void wrapping_is_rfc_3394(void **state)
{
    (void)state;
    /* its vector 4.6: 256 bits of key data with a 256-bit key */
    uint8_t kek[32], data[32], wanted[40], wrapped[40], opened[32];
    for (uint8_t i = 0; i < 32; i++)
        kek[i] = i;
    assert_true(str_unhex(STR("00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F"), data, 32));
    assert_true(str_unhex(STR("28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"), wanted, 40));
    crypto_wrap(kek, data, wrapped);
    assert_memory_equal(wrapped, wanted, 40);
    assert_true(crypto_unwrap(kek, wrapped, opened));
    assert_memory_equal(opened, data, 32);
    for (size_t i = 0; i < sizeof(wrapped); i++) {
        wrapped[i] ^= 0x10;
        assert_false(crypto_unwrap(kek, wrapped, opened));
        wrapped[i] ^= 0x10;
    }
    kek[31] ^= 1;
    assert_false(crypto_unwrap(kek, wrapped, opened));
    assert_memory_equal(opened, data, 32); /* untouched */
}

static void many_keys_wrap_as_each_alone(void **state)
{
    (void)state;
    static uint8_t keys[WRAP_MANY_MAX][32], opened[WRAP_MANY_MAX][32], wrapped[WRAP_MANY_MAX][WRAPPED_SIZE];
    for (size_t i = 0; i < WRAP_MANY_MAX; i++)
        for (size_t b = 0; b < 32; b++)
            keys[i][b] = (uint8_t)(i * 31 + b * b);
    for (size_t count = 1; count <= WRAP_MANY_MAX; count = count * 2 + (count == 1)) {
        crypto_wrap_many(key, (const uint8_t(*)[32])keys, count, wrapped);
        for (size_t i = 0; i < count; i++) {
            uint8_t alone[WRAPPED_SIZE];
            crypto_wrap(key, keys[i], alone);
            assert_memory_equal(alone, wrapped[i], WRAPPED_SIZE);
        }
        assert_true(crypto_unwrap_many(key, (const uint8_t(*)[WRAPPED_SIZE])wrapped, count, opened));
        assert_memory_equal(opened, keys, count * 32);
        wrapped[count - 1][20] ^= 1;
        assert_false(crypto_unwrap_many(key, (const uint8_t(*)[WRAPPED_SIZE])wrapped, count, opened));
        wrapped[count - 1][20] ^= 1;
    }
}

static void *thread_seals(void *context)
{
    size_t *failures = context;
    uint8_t sealed[64 + SEAL_OVERHEAD], opened[64], plain[64] = {3};
    for (size_t i = 0; i < 5000; i++) {
        struct hash hash, again;
        plain[i % 64]++;
        seal(key, STR("t"), str_bytes(plain, 64), sealed);
        hash_sha256(str_bytes(sealed, sizeof(sealed)), &hash);
        hash_sha256(str_bytes(sealed, sizeof(sealed)), &again);
        *failures += !seal_open(key, STR("t"), str_bytes(sealed, sizeof(sealed)), opened) || memcmp(opened, plain, 64) != 0 || !hash_equal(&hash, &again);
    }
    return NULL;
}

static void threads_do_not_meet(void **state)
{
    (void)state;
    pthread_t threads[4];
    size_t failures[4] = {0};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, thread_seals, &failures[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(failures[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens_again),
        cmocka_unit_test(the_seal_is_aes_256_gcm_with_version_and_aad),
        cmocka_unit_test(no_bit_can_be_changed_and_nothing_half_opened_is_shown),
        cmocka_unit_test(no_nonce_comes_twice_not_even_after_a_fork),
        cmocka_unit_test(commitments_are_hmac_sha_256),
        cmocka_unit_test(keyed_hashes_keep_type_and_value_apart),
        cmocka_unit_test(wrapping_is_rfc_3394),
        cmocka_unit_test(many_keys_wrap_as_each_alone),
        cmocka_unit_test(threads_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
