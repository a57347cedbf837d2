/* Who asks, and for which purpose.
 *
 * 1. The Unix socket is the local admin, unless a token is shown there, too: then it counts.
 * 2. A read is made for one purpose: the header `Purpose` (or `?purpose=`) chooses among the token's.
 * 3. Why a token is not taken (unknown, expired, revoked) is not told.
 * 4. A session's cookie opens exactly what a token of the user's role and purposes would; an unsafe method with it must come from our own pages.
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

/* ---- sessions of browsers ---- */

str call_cookie(struct call *call, const char *name)
{
    str rest = call_header(call, MHD_HTTP_HEADER_COOKIE), part;
    size_t length = strlen(name);
    while (!str_empty(rest) && str_split(&rest, ';', &part)) {
        part = str_trim(part);
        if (part.length > length && part.data[length] == '=' && str_starts(part, str_of(name)))
            return str_slice(part, length + 1, part.length);
    }
    return STR_NONE;
}

bool call_session(struct call *call)
{
    str token = call_cookie(call, SESSION_COOKIE);
    return !str_empty(token) && engine_session_find(call->server->engine, &call->arena, call->policy, token, call->server->session_idle_ms,
                                                    &call->principal, &call->session);
}

bool call_https(struct call *call)
{
    const struct server *server = call->server;
    if (server->public_url)
        return str_starts(str_of(server->public_url), STR("https:"));
    return server->behind_proxy && str_equal_nocase(call_header(call, "X-Forwarded-Proto"), STR("https"));
}

str call_address(struct call *call, const char *path)
{
    const struct server *server = call->server;
    if (server->public_url)
        return str_printf(&call->arena, "%s%s", server->public_url, path);
    str host = call->local ? STR_NONE : call_header(call, MHD_HTTP_HEADER_HOST);
    if (str_empty(host))
        host = str_printf(&call->arena, "127.0.0.1:%u", server->port);
    return str_printf(&call->arena, "%s://%.*s%s", call_https(call) ? "https" : "http", STR_FMT(host), path);
}

/* "https://host:port" → "host:port" */
static str host_of(str address)
{
    ptrdiff_t scheme = str_find(address, STR("://"));
    str rest = scheme < 0 ? address : str_slice(address, (size_t)scheme + 3, address.length);
    ptrdiff_t slash = str_find_char(rest, '/');
    return slash < 0 ? rest : str_slice(rest, 0, (size_t)slash);
}

/* A page of another site cannot send the header without asking first, which is refused; what the browser says of itself is looked at besides. */
const struct err *call_same_site(struct call *call)
{
    str origin = call_header(call, MHD_HTTP_HEADER_ORIGIN), fetch = call_header(call, "Sec-Fetch-Site");
    str host = call_header(call, MHD_HTTP_HEADER_HOST), ours = str_of(call->server->public_url);
    bool same = str_empty(origin) || (!str_empty(host) && str_equal_nocase(host_of(origin), host)) ||
                (!str_empty(ours) && str_equal_nocase(host_of(origin), host_of(ours)));
    if (!str_empty(fetch) && !str_equal(fetch, STR("same-origin")) && !str_equal(fetch, STR("none")))
        same = false;
    if (same && str_equal(call_header(call, "Telos-Console"), STR("1")))
        return NULL;
    return err_new(&call->arena, ERR_FORBIDDEN,
                   same ? "with a session's cookie, send the header `Telos-Console: 1`" : "this comes from a page of another site: nothing is done for it");
}

struct credential call_credential(struct call *call, struct arena *arena)
{
    struct credential credential = {0};
    str token = STR_NONE, user;
    if (!uuid_is_zero(call->session.id)) {
        credential.token = str_copy(arena, call_cookie(call, SESSION_COOKIE));
        credential.session = true;
    } else if (call_bearer(call, &token) || call_basic(call, &user, &token)) {
        credential.token = str_copy(arena, token);
    }
    return credential;
}

bool credential_open(struct server *server, struct arena *arena, const struct policy *policy, const struct credential *credential, struct principal *ret_principal)
{
    struct session_info session;
    *ret_principal = principal_local();
    if (credential->session)
        return engine_session_look(server->engine, arena, policy, credential->token, server->session_idle_ms, ret_principal, &session);
    return str_empty(credential->token) || engine_authenticate(server->engine, arena, policy, credential->token, ret_principal);
}

/* ---- who it is ---- */

static const struct err *identify(struct call *call)
{
    str token = STR_NONE, user;
    bool unsafe = strcmp(call->method, MHD_HTTP_METHOD_GET) != 0 && !call->head;
    if (call_bearer(call, &token) || (call_basic(call, &user, &token) && !str_empty(token))) {
        if (engine_authenticate(call->server->engine, &call->arena, call->policy, token, &call->principal))
            return NULL;
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "the token is unknown, expired or revoked; `telos token create` makes a new one");
    }
    if (call->local) {
        call->principal = principal_local();
        return NULL;
    }
    if (call_session(call))
        return unsafe ? call_same_site(call) : NULL;
    if (!str_empty(call_cookie(call, SESSION_COOKIE)))
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "the session is over; sign in again");
    return err_new(&call->arena, ERR_UNAUTHENTICATED, "send an API token: `Authorization: Bearer TOKEN` (`telos token create` makes one), or sign in at the console");
}

const struct err *call_authenticate(struct call *call)
{
    unsigned may = call->route->may;
    if (may & MAY_ANYONE)
        return NULL;
    TRY(identify(call));
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
