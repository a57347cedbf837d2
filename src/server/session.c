/* Sign in, stay signed in, sign out; setting a password by a one-time link. Whoever is signed in acts as a token would (auth.c).
 *
 *   session_post: counted (throttle.c) ─▶ a login worker: Argon2id ─▶ session_start: cookie, ledger ─▶ 201
 *
 * 1. What was wrong is never told: no such name, wrong password and a disabled user are one answer, after the same work.
 * 2. Passwords are looked at on the login workers only, LOGIN_WORKERS at a time: sign-ins cannot take what others need.
 * 3. The cookie is HttpOnly, SameSite=Strict, Path=/, and Secure where browsers come by HTTPS.
 */
#include "server/server_private.h"

const struct err *body_password(struct call *call, const struct json *body, const char *name, str *ret_password)
{
    TRY(body_need(call, body, name, ret_password));
    if (ret_password->length > LIMIT_PASSWORD_BYTES || ret_password->length < LIMIT_PASSWORD_MIN)
        return err_new(&call->arena, ERR_INVALID, "a password takes %d to %d bytes (`%s`)", LIMIT_PASSWORD_MIN, LIMIT_PASSWORD_BYTES, name);
    return NULL;
}

static void set_cookie(struct call *call, str token, int64_t life_s)
{
    reply_header(call, MHD_HTTP_HEADER_SET_COOKIE, arena_printf(&call->arena, SESSION_COOKIE "=%.*s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", STR_FMT(token),
                                                                (long long)life_s, call_https(call) ? "; Secure" : ""));
}

const struct err *session_start(struct call *call, struct uuid user, const char *how)
{
    str token;
    TRY(engine_session_begin(call->server->engine, &call->arena, user, how, call->server->session_life_ms, &token, &call->session));
    set_cookie(call, token, call->server->session_life_ms / SECOND_MS);
    return NULL;
}

/* ---- what the console asks first ---- */

static void write_session(struct call *call, struct jsonw *w, const struct session_info *session)
{
    jsonw_key(w, STR("session"));
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, session->id);
    jsonw_field_time(w, "created_at", session->created_ms);
    jsonw_field_time(w, "expires_at", session->expires_ms);
    jsonw_field_time(w, "idle_expires_at", session->seen_ms + call->server->session_idle_ms);
    jsonw_object_end(w);
}

static void write_ways(struct call *call, struct jsonw *w)
{
    jsonw_key(w, STR("sign_in"));
    jsonw_object(w);
    jsonw_field_bool(w, "password", true);
    jsonw_key(w, STR("oidc"));
    oidc_write(call->server->oidc, w);
    jsonw_field_bool(w, "setup", engine_user_count(call->server->engine) == 0);
    jsonw_object_end(w);
}

static void reply_state(struct call *call, unsigned status)
{
    struct jsonw w;
    struct user user;
    bool signed_in = !uuid_is_zero(call->session.id) && engine_user(call->server->engine, &call->arena, call->session.user, &user);
    reply_json(call, status, &w);
    jsonw_object(&w);
    jsonw_field_bool(&w, "signed_in", signed_in);
    if (signed_in) {
        jsonw_key(&w, STR("user"));
        write_user(&w, &user);
        write_session(call, &w, &call->session);
    }
    write_ways(call, &w);
    jsonw_object_end(&w);
}

const struct err *session_get(struct call *call)
{
    if (!call->local)
        (void)call_session(call); /* not signed in is an answer here */
    reply_state(call, MHD_HTTP_OK);
    return NULL;
}

/* ---- by password ---- */

struct sign_in {
    str name, password;
};

static const struct err *sign_in(struct call *call)
{
    const struct sign_in *asked = call->state;
    struct uuid user;
    bool good = false;
    TRY(engine_password_check(call->server->engine, &call->arena, asked->name, asked->password, &user, &good));
    if (!good)
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "name or password is wrong, or the user may not sign in");
    throttle_good(call, asked->name);
    TRY(session_start(call, user, "password"));
    reply_state(call, MHD_HTTP_CREATED);
    return NULL;
}

const struct err *session_post(struct call *call)
{
    struct json body;
    struct sign_in *asked = arena_new(&call->arena, struct sign_in);
    TRY(call_same_site(call));
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "name", &asked->name));
    TRY(body_need(call, &body, "password", &asked->password));
    if (asked->name.length > LIMIT_USER_TEXT_BYTES || asked->password.length > LIMIT_PASSWORD_BYTES)
        return err_new(&call->arena, ERR_INVALID, "a name takes %d bytes, a password %d", LIMIT_USER_TEXT_BYTES, LIMIT_PASSWORD_BYTES);
    TRY(throttle_charge(call, asked->name));
    call->state = asked;
    return call_offload_login(call, sign_in);
}

static const struct err *password_change(struct call *call)
{
    const struct sign_in *asked = call->state; /* name: the new one */
    struct user_facts facts = {.set = USER_PASSWORD};
    struct user_order order = {.by = call->session.user, .keep = call->session.id};
    struct user user;
    if (!engine_user(call->server->engine, &call->arena, call->session.user, &user))
        return err_new(&call->arena, ERR_UNAUTHENTICATED, "the session is over; sign in again");
    bool good = engine_password_of(call->server->engine, user.id, asked->password);
    if (!good)
        return err_new(&call->arena, ERR_FORBIDDEN, "`old` is not the password");
    throttle_good(call, user.name);
    TRY(engine_password_hash(&call->arena, asked->name, &facts.password));
    TRY(engine_user_change(call->server->engine, &call->arena, user.id, &facts, &order));
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    return NULL;
}

const struct err *session_password_put(struct call *call)
{
    struct json body;
    struct user user;
    struct sign_in *asked = arena_new(&call->arena, struct sign_in);
    if (uuid_is_zero(call->session.id) || !engine_user(call->server->engine, &call->arena, call->session.user, &user))
        return err_new(&call->arena, ERR_FORBIDDEN, "a password belongs to a user who is signed in; a token has none");
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "old", &asked->password));
    TRY(body_password(call, &body, "new", &asked->name));
    if (asked->password.length > LIMIT_PASSWORD_BYTES)
        return err_new(&call->arena, ERR_FORBIDDEN, "`old` is not the password");
    TRY(throttle_charge(call, user.name));
    call->state = asked;
    return call_offload_login(call, password_change);
}

/* ---- by a one-time link ---- */

struct setup {
    str code;
    struct uuid user; /* zero: the first admin is to be made */
    struct user_facts facts;
    str password;
};

const struct err *session_setup_get(struct call *call)
{
    struct uuid id;
    struct user user;
    struct jsonw w;
    int64_t expires_ms;
    str code = call_query(call, "code");
    TRY(throttle_charge(call, STR_NONE));
    if (!engine_code_find(call->server->engine, code, &id, &expires_ms))
        return err_new(&call->arena, ERR_FORBIDDEN, "the link was used, is over, or was never made; ask for a new one");
    throttle_good(call, STR_NONE);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_bool(&w, "first", uuid_is_zero(id));
    if (!uuid_is_zero(id) && engine_user(call->server->engine, &call->arena, id, &user))
        jsonw_field(&w, "name", user.name);
    jsonw_field_time(&w, "expires_at", expires_ms);
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *setup(struct call *call)
{
    struct setup *asked = call->state;
    struct engine *engine = call->server->engine;
    struct user_order order = {.code = asked->code};
    struct user_facts *facts = &asked->facts;
    facts->set |= USER_PASSWORD;
    TRY(engine_password_hash(&call->arena, asked->password, &facts->password));
    if (uuid_is_zero(asked->user)) {
        facts->set |= USER_NAME | USER_TITLE | USER_EMAIL | USER_ROLE;
        facts->role = ROLE_ADMIN;
        facts->purposes = STR("*");
        TRY(engine_user_make(engine, &call->arena, facts, &order, &asked->user));
    } else {
        TRY(engine_user_change(engine, &call->arena, asked->user, facts, &order));
    }
    throttle_good(call, STR_NONE);
    TRY(session_start(call, asked->user, "link"));
    reply_state(call, MHD_HTTP_CREATED);
    return NULL;
}

const struct err *session_setup_post(struct call *call)
{
    struct json body;
    int64_t expires_ms;
    struct setup *asked = arena_new(&call->arena, struct setup);
    struct user_facts *facts = &asked->facts;
    TRY(call_same_site(call));
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "code", &asked->code));
    TRY(body_password(call, &body, "password", &asked->password));
    TRY(throttle_charge(call, STR_NONE));
    if (!engine_code_find(call->server->engine, asked->code, &asked->user, &expires_ms))
        return err_new(&call->arena, ERR_FORBIDDEN, "the link was used, is over, or was never made; ask for a new one");
    if (uuid_is_zero(asked->user)) {
        TRY(body_need(call, &body, "name", &facts->name));
        TRY(body_string(call, &body, "title", &facts->title));
        TRY(body_string(call, &body, "email", &facts->email));
        TRY(user_facts_check(call, facts));
    }
    call->state = asked;
    return call_offload_login(call, setup);
}

/* ---- which there are, and their end ---- */

const struct err *session_delete_own(struct call *call)
{
    bool found;
    TRY(call_same_site(call));
    if (call_session(call))
        TRY(engine_session_end(call->server->engine, &call->arena, call->session.id, call->session.user, call->session.user, "signed_out", &found));
    set_cookie(call, STR_NONE, 0);
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    return NULL;
}

/* Whose sessions may be seen and ended: zero means everybody's. */
static struct uuid own_only(const struct call *call)
{
    return call->principal.role == ROLE_ADMIN ? (struct uuid){{0}} : call->principal.token;
}

const struct err *sessions_get(struct call *call)
{
    struct session_info *rows;
    struct jsonw w;
    size_t count;
    struct uuid user = call->session.user; /* one's own, where nothing is asked for */
    str asked = call_query(call, "user"), mine = STR("*");
    if (uuid_is_zero(user) && call->principal.role != ROLE_ADMIN)
        return err_new(&call->arena, ERR_FORBIDDEN, "a token has no sessions");
    if (!str_empty(asked) && (call->principal.role != ROLE_ADMIN || (!str_equal(asked, mine) && !uuid_parse(asked, &user))))
        return err_new(&call->arena, ERR_INVALID, "`user` is the id of a user, or `*`; only an admin may ask for others'");
    if (str_equal(asked, mine))
        user = (struct uuid){{0}};
    engine_sessions(call->server->engine, &call->arena, user, call->server->session_idle_ms, &rows, &count);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("sessions"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++) {
        jsonw_object(&w);
        jsonw_key(&w, STR("id"));
        jsonw_uuid(&w, rows[i].id);
        jsonw_key(&w, STR("user"));
        jsonw_uuid(&w, rows[i].user);
        jsonw_field_time(&w, "created_at", rows[i].created_ms);
        jsonw_field_time(&w, "seen_at", rows[i].seen_ms);
        jsonw_field_time(&w, "expires_at", rows[i].expires_ms);
        jsonw_field_bool(&w, "current", uuid_equal(rows[i].id, call->session.id));
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *session_delete_one(struct call *call)
{
    struct uuid id;
    bool found = false;
    if (!uuid_parse(call->parameters[0], &id))
        return err_new(&call->arena, ERR_INVALID, "the id of a session is a UUID");
    TRY(engine_session_end(call->server->engine, &call->arena, id, own_only(call), call->principal.token, "session_ended", &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no session of this id");
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    return NULL;
}

void logins_idle(struct server *server)
{
    struct arena arena;
    arena_init(&arena);
    const struct err *error = engine_access_tend(server->engine, &arena, server->session_idle_ms);
    if (error)
        log_write(LOG_WARN, "server", "sessions cannot be written down now: %s", error->text);
    arena_release(&arena);
}
