/* What an OpenID provider says: its ID token checked (signature, issuer, audience, times, nonce), and what role its claims give.
 * No I/O, no clock; what comes in is untrusted.
 */
#ifndef TELOS_SERVER_OIDC_TOKEN_H
#define TELOS_SERVER_OIDC_TOKEN_H

#include "base/json.h"
#include "base/time.h"
#include "engine/engine.h"

struct oidc_expected {
    str issuer, client, nonce;
    int64_t now_ms;
};
/* RS256 and ES256 only, by a key of the provider's key set (`jwks`). Returns NULL when it is good, and its claims; else a word for the log that says
 * what is wrong with it: "signature", "issuer", "audience", "expired", "nonce", … */
const char *oidc_token_check(struct arena *arena, str token, str jwks, const struct oidc_expected *expected, struct json *ret_claims);
/* Is a key of this id in the set? When not, the set is asked for anew. */
bool oidc_token_key_known(struct arena *arena, str token, str jwks);

/* "telos-admins=admin:*; shop=marketer:newsletter profiling": the first that the claim (a text or a list of them) has. */
bool oidc_roles_find(struct arena *arena, str roles, const struct json *claim, enum role *ret_role, str *ret_purposes);
/* What is wrong with such a text; NULL: nothing. */
const char *oidc_roles_fault(str roles);

#endif
