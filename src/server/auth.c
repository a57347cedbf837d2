/* Who asks, and for which purpose.
 *
 * 1. The Unix socket is the local admin, unless a token is shown there, too: then it counts.
 * 2. A read is made for one purpose: the header `Purpose` (or `?purpose=`) chooses among the token's.
 * 3. Why a token is not taken (unknown, expired, revoked) is not told.
 */
#include "server/server_private.h"

struct principal principal_local(void)
{
    return (struct principal){.role = ROLE_ADMIN, .all_purposes = true, .purposes = ~(purpose_mask)0, .label = STR("local")};
}

static bool authorization(struct call *call, str scheme, str *ret_rest)
{
    str header = call_header(call, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header.length <= scheme.length || header.data[scheme.length] != ' ' ||
        !str_equal_nocase(str_slice(header, 0, scheme.length), scheme))
        return false;
    *ret_rest = str_trim(str_slice(header, scheme.length + 1, header.length));
    return true;
}

bool call_bearer(struct call *call, str *ret_token) { return authorization(call, STR("Bearer"), ret_token); }

bool call_basic(struct call *call, str *ret_user, str *ret_password)
{
    str text, plain;
    if (!authorization(call, STR("Basic"), &text) || !str_unbase64(&call->arena, text, &plain))
        return false;
    ptrdiff_t colon = str_find_char(plain, ':');
    *ret_user = colon < 0 ? plain : str_slice(plain, 0, (size_t)colon);
    *ret_password = colon < 0 ? STR_NONE : str_slice(plain, (size_t)colon + 1, plain.length);
    return true;
}

static str roles_text(struct arena *arena, unsigned may)
{
    struct buf out;
    buf_init(&out, arena, 256);
    for (int role = ROLE_AUDITOR; role <= ROLE_ADMIN; role++)
        if (may & MAY(role))
            buf_printf(&out, "%s%s", out.length ? ", " : "", role_name((enum role)role));
    return buf_str(&out);
}

const struct err *call_authenticate(struct call *call)
{
    unsigned may = call->route->may;
    str token = STR_NONE, password;
    if (may & MAY_ANYONE)
        return NULL;
    bool shown = call_bearer(call, &token) || (call_basic(call, &password, &token) && !str_empty(token));
    if (!shown && call->local)
        call->principal = principal_local();
    else if (!shown)
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "send an API token: `Authorization: Bearer TOKEN` (`telos token create` makes one)");
    else if (!engine_authenticate(call->server->engine, &call->arena, call->policy, token, &call->principal))
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "the token is unknown, expired or revoked; `telos token create` makes a new one");
    if ((may & MAY_LOCAL_ONLY) && !call->local)
        return err_new(&call->arena, ERR_FORBIDDEN, "this is done on the machine itself: use the `telos` command there");
    unsigned roles = may & ~(MAY_LOCAL_ONLY);
    if (!(roles & MAY(call->principal.role)))
        return err_new(&call->arena, ERR_FORBIDDEN, "the role `%s` may not do that; it takes one of: %.*s", role_name(call->principal.role),
                       STR_FMT(roles_text(&call->arena, roles)));
    return NULL;
}

bool principal_has(const struct principal *principal, const struct purpose *purpose)
{
    return principal->all_purposes || (principal->purposes & purpose->self);
}

bool principal_sees(const struct principal *principal, const struct policy *policy, str purpose)
{
    if (str_empty(purpose))
        return MAY_PRIVACY & MAY(principal->role);
    const struct purpose *found = policy_purpose(policy, purpose);
    return found ? principal_has(principal, found) : principal->all_purposes; /* of a purpose that the policy has no more */
}

const struct err *call_whole_person(struct call *call)
{
    bool whole = call->principal.all_purposes;
    if (!whole && call->policy) {
        whole = true;
        vec_each (purpose, &call->policy->purposes)
            whole &= principal_has(&call->principal, purpose);
    }
    return whole ? NULL : err_new(&call->arena, ERR_FORBIDDEN, "this opens everything of the person, so it takes a token with all purposes (`--purpose '*'`)");
}

static str purposes_text(struct call *call)
{
    struct buf out;
    buf_init(&out, &call->arena, LIMIT_PURPOSES * (LIMIT_NAME_BYTES + 2));
    vec_each (purpose, &call->policy->purposes)
        if (principal_has(&call->principal, purpose))
            buf_printf(&out, "%s%.*s", out.length ? ", " : "", STR_FMT(purpose->name));
    return buf_str(&out);
}

const struct err *call_purpose(struct call *call, const struct purpose **ret_purpose)
{
    str name = call_query(call, "purpose");
    if (str_empty(name))
        name = str_trim(call_header(call, "Purpose"));
    const struct purpose *found = NULL;
    if (!str_empty(name)) {
        found = policy_purpose(call->policy, name);
        if (!found || !principal_has(&call->principal, found)) /* whether it exists is not told to who may not use it */
            return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have this purpose; it has: %.*s", STR_FMT(purposes_text(call)));
        *ret_purpose = found;
        return NULL;
    }
    size_t count = 0;
    vec_each (purpose, &call->policy->purposes) {
        if (principal_has(&call->principal, purpose)) {
            found = purpose;
            count++;
        }
    }
    if (!count)
        return err_new(&call->arena, ERR_FORBIDDEN, "the token has no purpose of the active policy");
    if (count > 1)
        return err_new(&call->arena, ERR_INVALID, "say for which purpose, in the header `Purpose: NAME`; the token has: %.*s",
                       STR_FMT(purposes_text(call)));
    *ret_purpose = found;
    return NULL;
}
