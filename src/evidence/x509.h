/* Signing replies with a certificate that others check by their own store of authorities (OpenDSR): RSA (PKCS #1 v1.5) or ECDSA, over SHA-256.
 *
 * The certificate file is PEM: the leaf first, then whatever chain it needs; it is served as it is. The key is read once, when the file is opened,
 * and may be used by many threads at a time.
 */
#ifndef TELOS_EVIDENCE_X509_H
#define TELOS_EVIDENCE_X509_H

#include "base/err.h"
#include "base/str.h"

struct x509_signer;
/* ERR_INVALID says which file and what is wrong: not PEM, expired, of another key, of a kind or strength that is not taken, readable by everybody. */
const struct err *x509_signer_open(struct arena *arena, const char *certificate_file, const char *key_file, struct x509_signer **ret_signer) MUST_CHECK;
void x509_signer_free(struct x509_signer *signer); /* takes NULL */
str x509_signer_certificates(const struct x509_signer *signer); /* PEM: leaf and chain, nothing else of the file */
bool x509_signer_names(const struct x509_signer *signer, str host); /* is the certificate one of this host? */
/* In base64; STR_NONE where OpenSSL fails. */
str x509_sign(struct arena *arena, const struct x509_signer *signer, str text);

#endif
