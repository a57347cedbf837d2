/* Signatures over JSON documents. See receipt.h for what is signed. */
#include "evidence/receipt.h"

#include "base/time.h"
#include "evidence/canonical.h"
#include "evidence/text_private.h"

#include <sodium.h>

#define PROOF_TYPE "Ed25519Signature"
#define DOMAIN "telos-receipt-v1\n"
#define SIGNED_SIZE (sizeof(DOMAIN) - 1 + 2 * sizeof(struct hash))

/* The members of the signature object, without its value where that is not given. */
static str proof_text(struct arena *arena, str method, str created, str value)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, SIZE_MAX / 4);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "type", STR(PROOF_TYPE));
    jsonw_field(&w, "verificationMethod", method);
    jsonw_field(&w, "created", created);
    if (value.data)
        jsonw_field(&w, "proofValue", value);
    jsonw_object_end(&w);
    return buf_str(&out);
}

/* What is signed: the domain, then the hashes of proof and document, both canonical. */
static void signed_bytes(str proof_canonical, str document_canonical, uint8_t ret[SIGNED_SIZE])
{
    struct hash proof, document;
    hash_sha256(proof_canonical, &proof);
    hash_sha256(document_canonical, &document);
    memcpy(ret, DOMAIN, sizeof(DOMAIN) - 1);
    memcpy(ret + sizeof(DOMAIN) - 1, proof.bytes, sizeof(proof.bytes));
    memcpy(ret + sizeof(DOMAIN) - 1 + sizeof(proof.bytes), document.bytes, sizeof(document.bytes));
}

const struct err *receipt_sign(struct arena *arena, str json, const struct note_key *key, int64_t created_ms, str *ret_signature)
{
    str document, proof;
    struct json value;
    char time[TIME_TEXT_SIZE];
    uint8_t bytes[SIGNED_SIZE], signature[crypto_sign_BYTES];
    ASSERT(key->can_sign && sodium_init() >= 0);
    TRY(json_canonical_text(arena, json, &document));
    TRY(json_read(arena, document, &value));
    if (value.type != JSON_OBJECT || json_get(&value, STR("proof")))
        return err_new(arena, ERR_INVALID, "only a JSON object without \"proof\" can be signed");
    str method = note_verifier_text(arena, key), created = time_text(created_ms, time);
    if (created.length == 0)
        return err_new(arena, ERR_INVALID, "a signature needs a time between 1970 and 9999");
    TRY(json_canonical_text(arena, proof_text(arena, method, created, STR_NONE), &proof));
    signed_bytes(proof, document, bytes);
    ASSERT(crypto_sign_detached(signature, NULL, bytes, sizeof(bytes), key->secret) == 0);
    *ret_signature = proof_text(arena, method, created, str_base64(arena, signature, sizeof(signature)));
    return NULL;
}

const struct err *receipt_seal(struct arena *arena, str json, const struct note_key *key, int64_t created_ms, str *ret_document)
{
    str signature = STR_NONE;
    struct buf out;
    TRY(receipt_sign(arena, json, key, created_ms, &signature));
    str trimmed = str_trim(json); /* ends in the object's brace: receipt_sign read it */
    str inside = str_slice(trimmed, 0, trimmed.length - 1);
    bool empty = str_ends(str_trim(inside), STR("{"));
    buf_init(&out, arena, SIZE_MAX / 4);
    buf_add(&out, inside);
    buf_add(&out, empty ? STR("\"proof\":") : STR(",\"proof\":"));
    buf_add(&out, signature);
    buf_add_char(&out, '}');
    *ret_document = buf_str(&out);
    return NULL;
}

/* The document without its "proof", canonical. */
static str without_proof(struct arena *arena, const struct json *document)
{
    struct json rest = *document;
    rest.members = arena_array(arena, struct json_member, document->count + 1);
    rest.count = 0;
    for (uint32_t i = 0; i < document->count; i++)
        if (!str_equal(document->members[i].name, STR("proof")))
            rest.members[rest.count++] = document->members[i];
    return json_canonical(arena, &rest);
}

struct proof_parts {
    str method, created;
    int64_t created_ms;
    uint8_t signature[crypto_sign_BYTES];
    struct note_key named; /* the public key that verificationMethod spells out; it proves nothing by itself */
};

/* What is wrong with the signature object, or NULL. It has exactly the members that receipt_sign writes. */
static const char *proof_read(struct arena *arena, const struct json *proof, struct proof_parts *ret)
{
    str bytes;
    char time[TIME_TEXT_SIZE];
    if (proof->type != JSON_OBJECT || proof->count != 4 || !str_equal(json_string(json_get(proof, STR("type"))), STR(PROOF_TYPE)))
        return "its proof is not an " PROOF_TYPE;
    ret->method = json_string(json_get(proof, STR("verificationMethod")));
    ret->created = json_string(json_get(proof, STR("created")));
    if (note_verifier_parse(arena, ret->method, &ret->named))
        return "its verificationMethod is not a key";
    if (!time_parse(ret->created, &ret->created_ms) || !str_equal(time_text(ret->created_ms, time), ret->created))
        return "its time of signing is not a time";
    if (!text_unbase64(arena, json_string(json_get(proof, STR("proofValue"))), &bytes) || bytes.length != sizeof(ret->signature))
        return "its signature is not base64 of 64 bytes";
    memcpy(ret->signature, bytes.data, sizeof(ret->signature));
    return NULL;
}

static const struct note_key *key_find(const struct note_key *keys, size_t key_count, const struct note_key *named)
{
    for (size_t i = 0; i < key_count; i++)
        if (str_equal(keys[i].name, named->name) && memcmp(keys[i].public_key, named->public_key, 32) == 0)
            return &keys[i];
    return NULL;
}

const struct err *receipt_verify(struct arena *arena, str document, const struct note_key *keys, size_t key_count, struct receipt_check *ret)
{
    struct json value;
    str canonical, proof;
    struct proof_parts parts = {0};
    uint8_t bytes[SIGNED_SIZE];
    ASSERT(sodium_init() >= 0);
    TRY(json_canonical_text(arena, document, &canonical)); /* refuses names that stand twice, too */
    TRY(json_read(arena, canonical, &value));
    const struct json *given = json_get(&value, STR("proof"));
    if (!given)
        return err_new(arena, ERR_INVALID, "the document is not signed: it has no member \"proof\"");
    struct receipt_check check = {.why = proof_read(arena, given, &parts)};
    if (check.why) {
        *ret = check;
        return NULL;
    }
    check.created_ms = parts.created_ms;
    check.key_name = parts.named.name;
    const struct note_key *key = key_find(keys, key_count, &parts.named);
    TRY(json_canonical_text(arena, proof_text(arena, parts.method, parts.created, STR_NONE), &proof));
    signed_bytes(proof, without_proof(arena, &value), bytes);
    if (!key)
        check.why = "it is signed by a key that is not among the known ones";
    else if (crypto_sign_verify_detached(parts.signature, bytes, sizeof(bytes), key->public_key) != 0)
        check.why = "the signature does not hold: the document or its proof was changed";
    else
        check.valid = true;
    if (check.valid)
        check.why = arena_printf(arena, "signed by %.*s on %.*s", STR_FMT(key->name), STR_FMT(parts.created));
    *ret = check;
    return NULL;
}
