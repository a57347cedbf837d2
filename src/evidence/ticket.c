#include "evidence/ticket.h"

#include "base/err.h"
#include "evidence/seal.h"

#include <sodium.h>

#define MARK "telos ticket 1"
#define PLAIN_BYTES 28
#define SEALED_BYTES (PLAIN_BYTES + SEAL_OVERHEAD)

static str authenticated(str audience, uint8_t space[sizeof(MARK) + TICKET_AUDIENCE_BYTES])
{
    memcpy(space, MARK, sizeof(MARK)); /* its NUL parts it from what follows */
    if (audience.length)
        memcpy(space + sizeof(MARK), audience.data, audience.length);
    return str_bytes(space, sizeof(MARK) + audience.length);
}

static void put(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *in, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

str ticket_make(struct arena *arena, const uint8_t key[32], str audience, const struct ticket_content *content)
{
    uint8_t space[sizeof(MARK) + TICKET_AUDIENCE_BYTES], plain[PLAIN_BYTES], sealed[SEALED_BYTES];
    ASSERT(audience.length && audience.length <= TICKET_AUDIENCE_BYTES);
    memcpy(plain, content->profile.bytes, 16);
    put(plain + 16, content->identifier, 4);
    put(plain + 20, (uint64_t)content->expires_ms, 8);
    seal(key, authenticated(audience, space), str_bytes(plain, sizeof(plain)), sealed);
    sodium_memzero(plain, sizeof(plain));
    str text = str_base64url(arena, sealed, sizeof(sealed));
    ASSERT(text.length == TICKET_TEXT_BYTES);
    return text;
}

enum ticket_result ticket_open(struct arena *arena, const uint8_t key[32], str audience, str text, int64_t now_ms, struct ticket_content *ret_content)
{
    uint8_t space[sizeof(MARK) + TICKET_AUDIENCE_BYTES], plain[PLAIN_BYTES];
    struct ticket_content content;
    str sealed;
    if (text.length != TICKET_TEXT_BYTES || !audience.length || audience.length > TICKET_AUDIENCE_BYTES)
        return TICKET_BAD;
    if (!str_unbase64(arena, text, &sealed) || sealed.length != SEALED_BYTES)
        return TICKET_BAD;
    if (sodium_memcmp(str_base64url(arena, sealed.data, sealed.length).data, text.data, TICKET_TEXT_BYTES) != 0) /* the other alphabet */
        return TICKET_BAD;
    if (!seal_open(key, authenticated(audience, space), sealed, plain))
        return TICKET_BAD;
    memcpy(content.profile.bytes, plain, 16);
    content.identifier = (uint32_t)get(plain + 16, 4);
    content.expires_ms = (int64_t)get(plain + 20, 8);
    sodium_memzero(plain, sizeof(plain));
    *ret_content = content;
    return now_ms < content.expires_ms ? TICKET_GOOD : TICKET_EXPIRED;
}
