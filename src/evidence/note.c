/* C2SP signed notes and the keys that sign them. Checkpoints and tlog-proofs, which are notes of a form, are in checkpoint.c. */
#include "evidence/note.h"

#include "evidence/text_private.h"

#include <sodium.h>
#include <stdio.h>

#define SIGNATURE_TYPE_ED25519 1
#define SIGNATURE_SIZE 64
#define DASH "\xe2\x80\x94 " /* U+2014 and a space */

/* The code point at `*at`, which is moved past it; the text is valid UTF-8. */
static uint32_t code_point(str text, size_t *at)
{
    uint8_t first = (uint8_t)text.data[(*at)++];
    int more = first < 0xc0 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    uint32_t c = more == 0 ? first : first & (0x3fu >> more);
    while (more-- > 0)
        c = c << 6 | ((uint8_t)text.data[(*at)++] & 0x3f);
    return c;
}

/* Unicode's White_Space. */
static bool is_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

bool note_name_allowed(str name)
{
    if (name.length == 0 || !str_valid_utf8(name))
        return false;
    for (size_t at = 0; at < name.length;) {
        uint32_t c = code_point(name, &at);
        if (c < 0x20 || c == 0x7f || c == '+' || is_space(c))
            return false;
    }
    return true;
}

/* No control characters but newlines, valid UTF-8. */
static bool text_allowed(str text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((uint8_t)text.data[i] < 0x20 && text.data[i] != '\n')
            return false;
    return str_valid_utf8(text);
}

static uint32_t key_id(struct arena *arena, str name, const uint8_t public_key[32])
{
    struct buf text;
    struct hash hash;
    buf_init(&text, arena, name.length + 34);
    buf_add(&text, name);
    buf_add(&text, STR("\n\x01"));
    buf_add(&text, str_bytes(public_key, 32));
    hash_sha256(buf_str(&text), &hash);
    return (uint32_t)hash.bytes[0] << 24 | (uint32_t)hash.bytes[1] << 16 | (uint32_t)hash.bytes[2] << 8 | hash.bytes[3];
}

static const struct err *name_check(struct arena *arena, str name)
{
    if (note_name_allowed(name))
        return NULL;
    return err_new(arena, ERR_INVALID, "a key's name must not be empty nor hold spaces, control characters or '+'");
}

const struct err *note_key_from_public(struct arena *arena, str name, const uint8_t public_key[32], struct note_key *ret)
{
    TRY(name_check(arena, name));
    *ret = (struct note_key){.name = str_copy(arena, name), .id = key_id(arena, name, public_key)};
    memcpy(ret->public_key, public_key, 32);
    return NULL;
}

const struct err *note_key_from_seed(struct arena *arena, str name, const uint8_t seed[32], struct note_key *ret)
{
    TRY(name_check(arena, name));
    ASSERT(sodium_init() >= 0);
    struct note_key key = {.name = str_copy(arena, name), .can_sign = true};
    ASSERT(crypto_sign_seed_keypair(key.public_key, key.secret, seed) == 0);
    key.id = key_id(arena, name, key.public_key);
    *ret = key;
    note_key_clear(&key);
    return NULL;
}

void note_key_clear(struct note_key *key)
{
    sodium_memzero(key->secret, sizeof(key->secret));
    key->can_sign = false;
}

str note_verifier_text(struct arena *arena, const struct note_key *key)
{
    uint8_t bytes[33] = {SIGNATURE_TYPE_ED25519};
    memcpy(bytes + 1, key->public_key, 32);
    str encoded = str_base64(arena, bytes, sizeof(bytes));
    return str_printf(arena, "%.*s+%08x+%.*s", STR_FMT(key->name), key->id, STR_FMT(encoded));
}

const struct err *note_verifier_parse(struct arena *arena, str text, struct note_key *ret)
{
    str rest = text, name, id, bytes;
    struct note_key key;
    uint8_t number[4];
    /* the base64 part may hold a '+' itself, so it is what follows the second one */
    if (!str_split(&rest, '+', &name) || !rest.data || !str_split(&rest, '+', &id) || !rest.data)
        return err_new(arena, ERR_MALFORMED, "a public key is written name+hexid+base64");
    if (!text_unbase64(arena, rest, &bytes) || bytes.length != 33 || bytes.data[0] != SIGNATURE_TYPE_ED25519)
        return err_new(arena, ERR_MALFORMED, "the public key is not an Ed25519 key in base64");
    TRY(note_key_from_public(arena, name, (const uint8_t *)bytes.data + 1, &key));
    char expected[9];
    (void)snprintf(expected, sizeof(expected), "%08x", key.id); /* always eight digits */
    if (!str_unhex(id, number, sizeof(number)) || !str_equal(id, str_of(expected)))
        return err_new(arena, ERR_INVALID, "the public key's id does not fit its name and bytes");
    *ret = key;
    return NULL;
}

const struct err *note_sign(struct arena *arena, str text, const struct note_key *key, str *ret_note)
{
    ASSERT(key->can_sign && sodium_init() >= 0);
    if (!str_ends(text, STR("\n")) || !text_allowed(text))
        return err_new(arena, ERR_INVALID, "the text of a note must be UTF-8 without control characters and end in a newline");
    uint8_t bytes[4 + SIGNATURE_SIZE] = {(uint8_t)(key->id >> 24), (uint8_t)(key->id >> 16), (uint8_t)(key->id >> 8), (uint8_t)key->id};
    ASSERT(crypto_sign_detached(bytes + 4, NULL, (const uint8_t *)text.data, text.length, key->secret) == 0);
    struct buf note;
    buf_init(&note, arena, NOTE_BYTES_MAX);
    buf_add(&note, text);
    buf_add(&note, STR("\n" DASH));
    buf_add(&note, key->name);
    buf_add_char(&note, ' ');
    buf_add(&note, str_base64(arena, bytes, sizeof(bytes)));
    buf_add_char(&note, '\n');
    if (note.overflow)
        return err_new(arena, ERR_TOO_LARGE, "the note is over %d bytes", NOTE_BYTES_MAX);
    *ret_note = buf_str(&note);
    return NULL;
}

/* Where the last empty line parts text and signatures; false where there is none. */
static bool note_split(str note, str *ret_text, str *ret_signatures)
{
    for (size_t i = note.length; i-- > 1;) {
        if (note.data[i] == '\n' && note.data[i - 1] == '\n') {
            *ret_text = str_slice(note, 0, i);
            *ret_signatures = str_slice(note, i + 1, note.length);
            return true;
        }
    }
    return false;
}

struct signature {
    str name;
    uint32_t id;
    str bytes; /* after the id */
};

/* "— name base64(id || signature)" */
static bool signature_parse(struct arena *arena, str line, struct signature *ret)
{
    str rest = line, bytes;
    if (!str_starts(line, STR(DASH)))
        return false;
    rest = str_slice(line, sizeof(DASH) - 1, line.length);
    if (!str_split(&rest, ' ', &ret->name) || !rest.data || !note_name_allowed(ret->name))
        return false;
    if (!text_unbase64(arena, rest, &bytes) || bytes.length <= 4)
        return false;
    const uint8_t *id = (const uint8_t *)bytes.data;
    ret->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    ret->bytes = str_slice(bytes, 4, bytes.length);
    return true;
}

enum signature_result { SIGNATURE_UNKNOWN, SIGNATURE_HOLDS, SIGNATURE_BROKEN };

/* Two keys may share name and id (ids are short); then one of them must have signed. */
static enum signature_result signature_check(const struct signature *signature, str text, const struct note_key *keys, size_t key_count, size_t *ret_signer)
{
    enum signature_result result = SIGNATURE_UNKNOWN;
    for (size_t i = 0; i < key_count; i++) {
        if (keys[i].id != signature->id || !str_equal(keys[i].name, signature->name))
            continue;
        result = SIGNATURE_BROKEN;
        if (signature->bytes.length == SIGNATURE_SIZE &&
            crypto_sign_verify_detached((const uint8_t *)signature->bytes.data, (const uint8_t *)text.data, text.length, keys[i].public_key) == 0) {
            *ret_signer = i;
            return SIGNATURE_HOLDS;
        }
    }
    return result;
}

const struct err *note_verify(struct arena *arena, str note, const struct note_key *keys, size_t key_count, str *ret_text, uint64_t *ret_signers)
{
    str text, signatures, line;
    ASSERT(sodium_init() >= 0);
    if (note.length > NOTE_BYTES_MAX)
        return err_new(arena, ERR_TOO_LARGE, "the note is over %d bytes", NOTE_BYTES_MAX);
    if (!text_allowed(note))
        return err_new(arena, ERR_MALFORMED, "not a signed note: it holds control characters or is not UTF-8");
    if (!note_split(note, &text, &signatures) || signatures.length == 0)
        return err_new(arena, ERR_MALFORMED, "not a signed note: there is no signature after an empty line");
    uint64_t signers = 0;
    size_t count = 0;
    bool signed_by_one = false;
    while (signatures.length > 0) {
        struct signature signature;
        size_t signer = 0;
        if (++count > NOTE_SIGNATURES_MAX)
            return err_new(arena, ERR_TOO_LARGE, "the note has over %d signatures", NOTE_SIGNATURES_MAX);
        if (!text_line(&signatures, &line) || !signature_parse(arena, line, &signature))
            return err_new(arena, ERR_MALFORMED, "not a signed note: signature line %zu is broken", count);
        enum signature_result result = signature_check(&signature, text, keys, key_count, &signer);
        if (result == SIGNATURE_BROKEN)
            return err_new(arena, ERR_INVALID, "the signature of %.*s does not hold: text or signature was changed", STR_FMT(signature.name));
        if (result == SIGNATURE_HOLDS) {
            signed_by_one = true;
            signers |= signer < 64 ? UINT64_C(1) << signer : 0;
        }
    }
    if (!signed_by_one)
        return err_new(arena, ERR_INVALID, "the note is signed by none of the known keys");
    *ret_text = text;
    if (ret_signers)
        *ret_signers = signers;
    return NULL;
}

bool note_parts(str note, str *ret_text)
{
    str signatures;
    return note.length <= NOTE_BYTES_MAX && text_allowed(note) && note_split(note, ret_text, &signatures) && signatures.length > 0;
}
