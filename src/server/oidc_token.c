#include "server/oidc_token.h"

#include "base/limits.h"

#include <cjose/cjose.h>
#include <stdlib.h>

#define SKEW_MS (60 * SECOND_MS)

static const struct json *string_member(const struct json *object, str name)
{
    const struct json *member = json_get(object, name);
    return json_is_string(member) ? member : NULL;
}

/* The head of the compact form, as JSON. */
static bool head_read(struct arena *arena, str token, struct json *ret_head)
{
    str rest = token, part, plain;
    return str_split(&rest, '.', &part) && !str_empty(part) && str_unbase64(arena, part, &plain) && !json_read(arena, plain, ret_head) &&
           ret_head->type == JSON_OBJECT;
}

static bool key_fits(const struct json *key, str kid, str algorithm)
{
    const struct json *id = string_member(key, STR("kid")), *use = string_member(key, STR("use")), *made_for = string_member(key, STR("alg"));
    if (!str_empty(kid) && (!id || !str_equal(id->text, kid)))
        return false;
    if ((use && !str_equal(use->text, STR("sig"))) || (made_for && !str_equal(made_for->text, algorithm)))
        return false;
    return str_equal(json_string(json_get(key, STR("kty"))), str_equal(algorithm, STR("ES256")) ? STR("EC") : STR("RSA"));
}

static const struct json *keys_read(struct arena *arena, str jwks, struct json *ret_set)
{
    const struct json *keys = json_read(arena, jwks, ret_set) ? NULL : json_get(ret_set, STR("keys"));
    return keys && keys->type == JSON_ARRAY ? keys : NULL;
}

bool oidc_token_key_known(struct arena *arena, str token, str jwks)
{
    struct json head, set;
    const struct json *keys = keys_read(arena, jwks, &set);
    if (!keys || !head_read(arena, token, &head))
        return false;
    str kid = json_string(json_get(&head, STR("kid"))), algorithm = json_string(json_get(&head, STR("alg")));
    for (uint32_t i = 0; i < keys->count; i++)
        if (key_fits(&keys->items[i], kid, algorithm))
            return true;
    return false;
}

/* Base64url as RFC 7515 §2 has it, without padding or anything else. The library asserts on some texts that are not; they never reach it. */
static bool is_base64url(str text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return text.length > 0 && text.length % 4 != 1;
}

static bool is_compact(str token)
{
    str part;
    for (int i = 0; i < 2; i++)
        if (!str_split(&token, '.', &part) || !is_base64url(part))
            return false;
    return is_base64url(token); /* another dot is no base64url */
}

static bool key_numbers_fine(const struct json *key)
{
    static const char *const names[] = {"n", "e", "x", "y", "d", "p", "q", "dp", "dq", "qi", "k"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct json *value = json_get(key, str_of(names[i]));
        if (value && !is_base64url(json_string(value)))
            return false;
    }
    return true;
}

static bool signed_by(cjose_jws_t *jws, const struct json *key)
{
    cjose_err error;
    if (!key_numbers_fine(key))
        return false;
    cjose_jwk_t *jwk = cjose_jwk_import(key->raw.data, key->raw.length, &error);
    bool good = jwk && cjose_jws_verify(jws, jwk, &error);
    cjose_jwk_release(jwk);
    return good;
}

static bool payload_read(struct arena *arena, cjose_jws_t *jws, struct json *ret_claims)
{
    uint8_t *plain = NULL;
    size_t length = 0;
    cjose_err error;
    return cjose_jws_get_plaintext(jws, &plain, &length, &error) && !json_read(arena, str_copy(arena, str_bytes(plain, length)), ret_claims) &&
           ret_claims->type == JSON_OBJECT;
}

static const char *signature_check(struct arena *arena, str token, str jwks, struct json *ret_claims)
{
    struct json head, set;
    cjose_err error;
    const struct json *keys = keys_read(arena, jwks, &set);
    if (!keys)
        return "key set";
    if (!head_read(arena, token, &head) || json_get(&head, STR("crit")))
        return "head";
    str kid = json_string(json_get(&head, STR("kid"))), algorithm = json_string(json_get(&head, STR("alg")));
    if (!str_equal(algorithm, STR("RS256")) && !str_equal(algorithm, STR("ES256")))
        return "algorithm";
    cjose_jws_t *jws = is_compact(token) ? cjose_jws_import(token.data, token.length, &error) : NULL;
    if (!jws)
        return "form";
    const char *fault = "signature";
    for (uint32_t i = 0; i < keys->count && fault; i++)
        if (key_fits(&keys->items[i], kid, algorithm) && signed_by(jws, &keys->items[i]))
            fault = NULL;
    if (!fault && !payload_read(arena, jws, ret_claims))
        fault = "claims";
    cjose_jws_release(jws);
    return fault;
}

static bool is_audience(const struct json *claims, str client)
{
    const struct json *audience = json_get(claims, STR("aud")), *party = json_get(claims, STR("azp"));
    bool found = json_is_string(audience) && str_equal(audience->text, client);
    for (uint32_t i = 0; audience && audience->type == JSON_ARRAY && i < audience->count; i++)
        found |= json_is_string(&audience->items[i]) && str_equal(audience->items[i].text, client);
    bool several = audience && audience->type == JSON_ARRAY && audience->count > 1;
    return found && (party || several ? str_equal(json_string(party), client) : true);
}

const char *oidc_token_check(struct arena *arena, str token, str jwks, const struct oidc_expected *expected, struct json *ret_claims)
{
    struct json claims;
    double expires, issued;
    const char *fault = signature_check(arena, token, jwks, &claims);
    if (fault)
        return fault;
    double now = (double)expected->now_ms, skew = (double)SKEW_MS;
    if (!str_equal(json_string(json_get(&claims, STR("iss"))), expected->issuer))
        return "issuer";
    if (!is_audience(&claims, expected->client))
        return "audience";
    if (!json_double(json_get(&claims, STR("exp")), &expires) || !(expires * 1000 + skew > now))
        return "expired";
    if (!json_double(json_get(&claims, STR("iat")), &issued) || !(issued * 1000 - skew < now))
        return "issued";
    if (str_empty(expected->nonce) || !str_equal(json_string(json_get(&claims, STR("nonce"))), expected->nonce))
        return "nonce";
    if (str_empty(json_string(json_get(&claims, STR("sub")))))
        return "subject";
    *ret_claims = claims;
    return NULL;
}

/* ---- roles ---- */

/* "name=role:purposes" */
static bool rule_read(str rule, str *ret_name, enum role *ret_role, str *ret_purposes)
{
    str rest = rule, role;
    if (!str_split(&rest, '=', ret_name) || !rest.data || !str_split(&rest, ':', &role))
        return false;
    *ret_name = str_trim(*ret_name);
    *ret_purposes = rest.data ? str_trim(rest) : STR_NONE;
    return !str_empty(*ret_name) && role_parse(str_trim(role), ret_role) && *ret_role != ROLE_SOURCE && (!str_empty(*ret_purposes) || *ret_role == ROLE_AUDITOR);
}

const char *oidc_roles_fault(str roles)
{
    str rest = roles, rule, name, purposes;
    enum role role;
    bool any = false;
    while (!str_empty(rest) && str_split(&rest, ';', &rule)) {
        if (str_empty(str_trim(rule)))
            continue;
        if (!rule_read(rule, &name, &role, &purposes))
            return "write NAME=ROLE:PURPOSES with `;` between, as in `telos-admins=admin:*; shop=marketer:newsletter profiling`";
        any = true;
    }
    return any ? NULL : "it is empty: nobody could sign in";
}

static bool claim_has(const struct json *claim, str name)
{
    if (json_is_string(claim))
        return str_equal(claim->text, name);
    for (uint32_t i = 0; claim && claim->type == JSON_ARRAY && i < claim->count; i++)
        if (json_is_string(&claim->items[i]) && str_equal(claim->items[i].text, name))
            return true;
    return false;
}

bool oidc_roles_find(struct arena *arena, str roles, const struct json *claim, enum role *ret_role, str *ret_purposes)
{
    str rest = roles, rule, name, purposes;
    enum role role;
    while (!str_empty(rest) && str_split(&rest, ';', &rule)) {
        if (!rule_read(rule, &name, &role, &purposes) || !claim_has(claim, name))
            continue;
        *ret_role = role;
        *ret_purposes = role == ROLE_AUDITOR ? STR("*") : str_copy(arena, purposes);
        return true;
    }
    return false;
}
