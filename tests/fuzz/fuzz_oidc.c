/* Any text as an ID token, its key set, and a map of roles: what is taken has every property that was asked for. The first line is the token, the second
 * the key set, the rest the map. */
#include "server/oidc_token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_token(struct arena *arena, str token, str jwks)
{
    struct oidc_expected expected = {.issuer = STR("https://login.example"), .client = STR("telos"), .nonce = STR("n"), .now_ms = INT64_C(1900000000000)};
    struct json claims;
    if (oidc_token_check(arena, token, jwks, &expected, &claims))
        return;
    ASSERT(oidc_token_key_known(arena, token, jwks));
    ASSERT(str_equal(json_string(json_get(&claims, STR("iss"))), expected.issuer));
    ASSERT(str_equal(json_string(json_get(&claims, STR("nonce"))), expected.nonce));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct json claim;
    enum role role = ROLE_NONE;
    str rest = str_bytes(data, size), token = STR_NONE, jwks = STR_NONE, purposes = STR_NONE;
    if (size > 64 * 1024)
        return 0;
    arena_init(&arena);
    (void)str_split(&rest, '\n', &token);
    (void)str_split(&rest, '\n', &jwks);
    check_token(&arena, str_copy(&arena, token), str_copy(&arena, jwks));
    bool fine = oidc_roles_fault(rest) == NULL;
    if (!json_read(&arena, STR("[\"telos-admins\",\"shop\",\"a\"]"), &claim) && oidc_roles_find(&arena, rest, &claim, &role, &purposes)) {
        ASSERT(role >= ROLE_AUDITOR && role <= ROLE_ADMIN);
        ASSERT(!str_empty(purposes) || !fine);
    }
    arena_release(&arena);
    return 0;
}
