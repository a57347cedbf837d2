/* What evidence costs against bare SHA-256: appending entries to the tree and taking its root, making and verifying proofs; what sealing
 * costs against bare AES-256-GCM; and the vault's keys, cached and not. Ours and the reference take turns in one process; processor
 * time is counted, not the clock's. Prints JSON lines.
 *
 * usage: evidence [seconds for each line [which lines, by a part of their name]]
 */
#include "evidence/entry.h"
#include "evidence/merkle.h"
#include "evidence/seal.h"
#include "evidence/vault.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ENTRIES = 4096, ENTRY_MAX = 1024, PROFILES = 100 * 1000 };

struct bench {
    struct arena arena;
    str entries[ENTRIES];
    struct hash leaves[ENTRIES], root;
    struct merkle_path paths[ENTRIES];
    EVP_MD_CTX *sha256;
    EVP_CIPHER_CTX *gcm;
    char sealed[ENTRY_MAX + SEAL_OVERHEAD];
    struct vault *vault;
    uint64_t next;
    uint8_t key[32];
};
/* Does some work, returns how much of it. */
typedef uint64_t work(struct bench *bench);

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void bare_hash(struct bench *bench, const void *data, size_t size)
{
    uint8_t digest[32];
    bool fine = EVP_DigestInit_ex2(bench->sha256, NULL, NULL) == 1 && EVP_DigestUpdate(bench->sha256, data, size) == 1;
    ASSERT(fine && EVP_DigestFinal_ex(bench->sha256, digest, NULL) == 1);
}

static uint64_t append(struct bench *bench)
{
    struct merkle_frontier frontier;
    struct hash leaf;
    merkle_frontier_init(&frontier);
    for (size_t i = 0; i < ENTRIES; i++) {
        merkle_leaf(bench->entries[i], &leaf);
        merkle_frontier_append(&frontier, &leaf);
    }
    merkle_frontier_root(&frontier, &bench->root);
    return ENTRIES;
}

/* The entries' own bytes, nothing else. */
static uint64_t append_bare(struct bench *bench)
{
    for (size_t i = 0; i < ENTRIES; i++)
        bare_hash(bench, bench->entries[i].data, bench->entries[i].length);
    return ENTRIES;
}

/* And the nodes above them: one to an entry. */
static uint64_t append_bare_nodes(struct bench *bench)
{
    uint8_t node[65] = {1};
    for (size_t i = 0; i < ENTRIES; i++) {
        bare_hash(bench, bench->entries[i].data, bench->entries[i].length);
        bare_hash(bench, node, sizeof(node));
    }
    return ENTRIES;
}

static uint64_t verify(struct bench *bench)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        struct hash leaf;
        merkle_leaf(bench->entries[i], &leaf);
        ASSERT(merkle_verify_inclusion(&leaf, i, ENTRIES, bench->paths[i].items, bench->paths[i].count, &bench->root));
    }
    return ENTRIES;
}

/* The same bytes: the entry, and a node for each step of the path. */
static uint64_t verify_bare(struct bench *bench)
{
    uint8_t node[65] = {1};
    for (size_t i = 0; i < ENTRIES; i++) {
        bare_hash(bench, bench->entries[i].data, bench->entries[i].length);
        for (size_t step = 0; step < bench->paths[i].count; step++)
            bare_hash(bench, node, sizeof(node));
    }
    return ENTRIES;
}

static uint64_t sealing(struct bench *bench)
{
    for (size_t i = 0; i < ENTRIES; i++)
        seal(bench->key, STR("0123456789abcdef"), bench->entries[i], (uint8_t *)bench->sealed);
    return ENTRIES;
}

/* A key a message, as persons' keys are, but no random nonce. */
static uint64_t sealing_bare(struct bench *bench)
{
    uint8_t nonce[12] = {0};
    for (size_t i = 0; i < ENTRIES; i++) {
        int size;
        uint8_t *out = (uint8_t *)bench->sealed;
        str text = bench->entries[i];
        memcpy(nonce, &i, sizeof(i));
        bool fine = EVP_CipherInit_ex2(bench->gcm, NULL, bench->key, nonce, 1, NULL) == 1 &&
                    EVP_CipherUpdate(bench->gcm, NULL, &size, (const uint8_t *)"0123456789abcdef", 16) == 1 &&
                    EVP_CipherUpdate(bench->gcm, out, &size, (const uint8_t *)text.data, (int)text.length) == 1 &&
                    EVP_CipherFinal_ex(bench->gcm, out + size, &size) == 1;
        ASSERT(fine && EVP_CIPHER_CTX_ctrl(bench->gcm, EVP_CTRL_AEAD_GET_TAG, 16, out + text.length) == 1);
    }
    return ENTRIES;
}

static uint64_t keys_cached(struct bench *bench)
{
    uint8_t key[32];
    for (uint64_t i = 0; i < ENTRIES; i++)
        ASSERT(vault_key(bench->vault, (profile_no){i % 1000 + 1}, KEY_CONSENT, key) == VAULT_LIVE);
    return ENTRIES;
}

static uint64_t keys_spread(struct bench *bench)
{
    uint8_t key[32];
    for (uint64_t i = 0; i < ENTRIES; i++, bench->next += 7919)
        ASSERT(vault_key(bench->vault, (profile_no){bench->next % PROFILES + 1}, (enum key_class)(bench->next % KEY_CLASS_COUNT), key) == VAULT_LIVE);
    return ENTRIES;
}

static void die(const char *what)
{
    fprintf(stderr, "evidence: %s\n", what);
    exit(1);
}

/* Entries of `size` bytes, or as the ledger makes them where it is 0; their tree and proofs. */
static void entries_make(struct bench *bench, size_t size)
{
    for (size_t i = 0; i < ENTRIES; i++) {
        char *text = arena_alloc_raw(&bench->arena, ENTRY_MAX);
        for (size_t b = 0; b < size; b++)
            text[b] = (char)(b * 31 + i * 7);
        bench->entries[i] = size ? str_bytes(text, size) : entry_personal(&bench->arena, "consent", bench->key, str_bytes(&i, sizeof(i)), (int64_t)i);
        merkle_leaf(bench->entries[i], &bench->leaves[i]);
    }
    for (size_t i = 0; i < ENTRIES; i++)
        bench->paths[i] = merkle_path_of(&bench->arena, bench->leaves, ENTRIES, i);
    merkle_root_of(bench->leaves, ENTRIES, &bench->root);
}

static double rate(struct bench *bench, work *work, double seconds)
{
    uint64_t done = 0;
    double began = now_s(), took;
    do {
        done += work(bench);
        took = now_s() - began;
    } while (took < seconds);
    return (double)done / took;
}

/* In turns of a tenth, so that what else the machine does hits both alike; a `fixed` reference is an aim. */
static void line(struct bench *bench, const char *wanted, const char *name, const char *unit, double seconds, work *ours, work *reference, double fixed)
{
    double sum_ours = 0, sum_reference = 0;
    if (wanted && !strstr(name, wanted))
        return;
    (void)ours(bench); /* warm */
    for (int turn = 0; turn < 10; turn++) {
        sum_ours += rate(bench, ours, seconds / 20) / 10;
        sum_reference += reference ? rate(bench, reference, seconds / 20) / 10 : fixed / 10;
    }
    printf("{\"name\":\"%s\",\"ours\":%.0f,\"reference\":%.0f,\"ratio\":%.3f,\"unit\":\"%s\"}\n", name, sum_ours, sum_reference, sum_ours / sum_reference,
           unit);
    (void)fflush(stdout); /* a lost line is missed by who reads it */
}

static void run(struct bench *bench, const char *wanted, double seconds)
{
    entries_make(bench, 600);
    line(bench, wanted, "append and root, entries of 600 bytes, against SHA-256 of the entries", "entries/s", seconds, append, append_bare, 0);
    line(bench, wanted, "verify inclusion, entries of 600 bytes, against SHA-256 of the same bytes", "proofs/s", seconds, verify, verify_bare, 0);
    line(bench, wanted, "seal 600 bytes, against bare AES-256-GCM", "seals/s", seconds, sealing, sealing_bare, 0);
    arena_clear(&bench->arena);
    entries_make(bench, 0);
    line(bench, wanted, "append and root, the ledger's own entries, against SHA-256 of the same bytes", "entries/s", seconds, append, append_bare_nodes, 0);
    line(bench, wanted, "a person's key, cached, against 100 ns", "keys/s", seconds, keys_cached, NULL, 1e7);
    line(bench, wanted, "a person's key, any of 100,000 persons, against 2 us", "keys/s", seconds, keys_spread, NULL, 5e5);
}

static void vault_make(struct bench *bench, const char *folder)
{
    const struct err *err = vault_open(&bench->arena, folder, NULL, &bench->vault);
    for (uint64_t first = 1; !err && first <= PROFILES; first += 1000)
        err = vault_create_keys(&bench->arena, bench->vault, (profile_no){first}, 1000);
    if (err)
        die(err->text);
}

static void folder_remove(const char *folder)
{
    static const char *const names[] = {"vault", "vault.journal", "tombstones.log", "keys/master.key", "keys", ""};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        char path[256];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        if (unlink(path) != 0)
            (void)rmdir(path); /* what is left in /tmp is seen there */
    }
}

int main(int count, char **arguments)
{
    double seconds = count > 1 ? strtod(arguments[1], NULL) : 2;
    const char *wanted = count > 2 ? arguments[2] : NULL;
    char folder[] = "/tmp/telos-bench-XXXXXX";
    struct bench *bench = calloc(1, sizeof(*bench));
    if (!bench || !mkdtemp(folder))
        die("no memory or no folder");
    arena_init(&bench->arena);
    bench->sha256 = EVP_MD_CTX_new();
    bench->gcm = EVP_CIPHER_CTX_new();
    if (!bench->sha256 || !bench->gcm || EVP_DigestInit_ex2(bench->sha256, EVP_sha256(), NULL) != 1 ||
        EVP_CipherInit_ex2(bench->gcm, EVP_aes_256_gcm(), NULL, NULL, 1, NULL) != 1)
        die("no SHA-256 or no AES");
    vault_make(bench, folder);
    run(bench, wanted, seconds);
    vault_close(bench->vault);
    folder_remove(folder);
    EVP_MD_CTX_free(bench->sha256);
    EVP_CIPHER_CTX_free(bench->gcm);
    arena_release(&bench->arena);
    free(bench);
    return 0;
}
