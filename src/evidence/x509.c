/* See x509.h. */
#include "evidence/x509.h"

#include "base/limits.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define RSA_BITS_MIN 2048
#define SIGNATURE_BYTES_MAX 2048

struct x509_signer {
    X509 *leaf;
    EVP_PKEY *key;
    BIO *chain; /* the PEM of all certificates */
};

static const struct err *file_error(struct arena *arena, const char *path, const char *what) { return err_new(arena, ERR_INVALID, "%s %s", path, what); }

/* A key with a passphrase is refused, not asked for. */
static int no_passphrase(char *to, int size, int writing, void *context)
{
    (void)to, (void)size, (void)writing, (void)context;
    return 0;
}

static const struct err *certificates_read(struct arena *arena, const char *path, struct x509_signer *signer)
{
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_new(arena, ERR_INVALID, "%s cannot be read: %s", path, strerror(errno));
    signer->chain = BIO_new(BIO_s_mem());
    ASSERT(signer->chain);
    bool fine = true;
    for (int count = 0; fine && count < LIMIT_CERTIFICATES; count++) {
        X509 *one = PEM_read_X509(file, NULL, no_passphrase, NULL);
        if (!one)
            break;
        fine = PEM_write_bio_X509(signer->chain, one) == 1;
        if (signer->leaf)
            X509_free(one);
        else
            signer->leaf = one;
    }
    (void)fclose(file); /* only read */
    if (!fine || !signer->leaf)
        return file_error(arena, path, "holds no certificate in PEM");
    return X509_cmp_current_time(X509_get0_notAfter(signer->leaf)) > 0 ? NULL : file_error(arena, path, "holds a certificate that has expired");
}

static const struct err *key_check(struct arena *arena, const char *path, EVP_PKEY *key)
{
    int kind = EVP_PKEY_get_base_id(key);
    if (kind == EVP_PKEY_RSA)
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN ? NULL : file_error(arena, path, "is an RSA key of less than 2048 bits");
    return kind == EVP_PKEY_EC ? NULL : file_error(arena, path, "is neither an RSA nor an elliptic curve key");
}

static const struct err *key_read(struct arena *arena, const char *path, struct x509_signer *signer)
{
    struct stat status;
    FILE *file = fopen(path, "rbe");
    if (!file)
        return err_new(arena, ERR_INVALID, "%s cannot be read: %s", path, strerror(errno));
    bool open_to_all = fstat(fileno(file), &status) != 0 || (status.st_mode & (S_IROTH | S_IWOTH));
    if (!open_to_all)
        signer->key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
    (void)fclose(file); /* only read */
    if (open_to_all)
        return file_error(arena, path, "can be read by everybody on this machine; make it 0600");
    if (!signer->key)
        return file_error(arena, path, "holds no private key in PEM without a passphrase");
    return key_check(arena, path, signer->key);
}

const struct err *x509_signer_open(struct arena *arena, const char *certificate_file, const char *key_file, struct x509_signer **ret_signer)
{
    struct x509_signer *signer = calloc(1, sizeof *signer);
    ASSERT(signer);
    const struct err *error = certificates_read(arena, certificate_file, signer);
    if (!error)
        error = key_read(arena, key_file, signer);
    if (!error && X509_check_private_key(signer->leaf, signer->key) != 1)
        error = file_error(arena, key_file, "is not the key of the certificate");
    if (error) {
        x509_signer_free(signer);
        return error;
    }
    *ret_signer = signer;
    return NULL;
}

void x509_signer_free(struct x509_signer *signer)
{
    if (!signer)
        return;
    X509_free(signer->leaf);
    EVP_PKEY_free(signer->key);
    BIO_free(signer->chain);
    free(signer);
}

str x509_signer_certificates(const struct x509_signer *signer)
{
    char *text = NULL;
    long length = BIO_get_mem_data(signer->chain, &text);
    return str_bytes(text, (size_t)length);
}

bool x509_signer_names(const struct x509_signer *signer, str host)
{
    return !str_empty(host) && X509_check_host(signer->leaf, host.data, host.length, 0, NULL) == 1;
}

str x509_sign(struct arena *arena, const struct x509_signer *signer, str text)
{
    uint8_t signature[SIGNATURE_BYTES_MAX];
    size_t length = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ASSERT(context);
    bool fine = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, signer->key) == 1 &&
                EVP_DigestSign(context, signature, &length, (const uint8_t *)text.data, text.length) == 1;
    EVP_MD_CTX_free(context);
    return fine ? str_base64(arena, signature, length) : STR_NONE;
}
