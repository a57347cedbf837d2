/* Tickets: short sealed texts for links that are sent to a person, such as to the preference centre. Whoever holds one may act for the person it
 * names until it expires, so it is a secret.
 *
 *     ticket = base64url( seal(key, "telos ticket 1" || audience, profile UUID (16) | identifier (4) | expires (8) ) )      little-endian
 *
 * 1. It says nothing to who cannot open it: the person's id and the time are inside the seal; an identifier is in none.
 * 2. It opens for the audience that it was made for, and for no other; a changed character, another encoding or a padded one opens nothing.
 * 3. The seal has a random nonce of 96 bits: two tickets for the same never look alike.
 * 4. It fails closed: outputs are written only when it is good, and the seal is checked (in constant time) before anything in it is looked at.
 */
#ifndef TELOS_EVIDENCE_TICKET_H
#define TELOS_EVIDENCE_TICKET_H

#include "base/id.h"
#include "base/str.h"

#define TICKET_AUDIENCE_BYTES 32
#define TICKET_TEXT_BYTES 76

struct ticket_content {
    struct uuid profile;
    uint32_t identifier; /* its number within the profile: the one that the link is sent to */
    int64_t expires_ms;
};
enum ticket_result { TICKET_GOOD, TICKET_BAD, TICKET_EXPIRED };

/* `key`: vault_derive(…, "ticket"). `audience` takes TICKET_AUDIENCE_BYTES. */
str ticket_make(struct arena *arena, const uint8_t key[32], str audience, const struct ticket_content *content);
/* TICKET_EXPIRED: it was good; `ret_content` is written then, too. */
enum ticket_result ticket_open(struct arena *arena, const uint8_t key[32], str audience, str text, int64_t now_ms, struct ticket_content *ret_content);

#endif
