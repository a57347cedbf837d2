/* Who may sign in: made, listed, changed, removed, by an admin. */
#include "server/server_private.h"

void write_user(struct jsonw *w, const struct user *user)
{
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, user->id);
    jsonw_field(w, "name", user->name);
    jsonw_field(w, "title", user->title);
    jsonw_field(w, "email", user->email);
    jsonw_field(w, "role", str_of(role_name(user->role)));
    jsonw_key(w, STR("purposes"));
    write_purpose_names(w, user->purposes);
    jsonw_field_bool(w, "disabled", user->disabled);
    jsonw_field_bool(w, "removed", user->removed);
    jsonw_field_bool(w, "password", user->has_password);
    jsonw_field_bool(w, "oidc", user->oidc);
    jsonw_field_time(w, "created_at", user->created_ms);
    jsonw_field_time(w, "changed_at", user->changed_ms);
    jsonw_object_end(w);
}

/* Control characters would let a name look like another in a list or a terminal. */
static bool text_ok(str text)
{
    if (!text.data)
        return true; /* not said */
    if (text.length > LIMIT_USER_TEXT_BYTES)
        return false;
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

const struct err *user_facts_check(struct call *call, const struct user_facts *facts)
{
    if ((facts->set & USER_NAME || facts->name.data) && str_empty(str_trim(facts->name)))
        return err_new(&call->arena, ERR_INVALID, "`name` is empty");
    if (!text_ok(facts->name) || !text_ok(facts->title) || !text_ok(facts->email))
        return err_new(&call->arena, ERR_INVALID, "`name`, `title` and `email` take %d bytes each, without control characters", LIMIT_USER_TEXT_BYTES);
    return NULL;
}

const struct err *users_get(struct call *call)
{
    struct user *users;
    struct jsonw w;
    size_t count;
    TRY(engine_users(call->server->engine, &call->arena, &users, &count));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("users"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++)
        write_user(&w, &users[i]);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *user_of(struct call *call, struct user *ret_user)
{
    struct uuid id;
    if (!uuid_parse(call->parameters[0], &id))
        return err_new(&call->arena, ERR_INVALID, "the id of a user is a UUID");
    if (!engine_user(call->server->engine, &call->arena, id, ret_user))
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no user of this id");
    return NULL;
}

static const struct err *reply_user(struct call *call, struct uuid id)
{
    struct user user;
    struct jsonw w;
    if (!engine_user(call->server->engine, &call->arena, id, &user))
        return err_new(&call->arena, ERR_NOT_FOUND, "the user was removed meanwhile");
    reply_json(call, MHD_HTTP_OK, &w);
    write_user(&w, &user);
    return NULL;
}

const struct err *user_get(struct call *call)
{
    struct user user;
    TRY(user_of(call, &user));
    return reply_user(call, user.id);
}

/* ---- making ---- */

struct made {
    struct user_facts facts;
    str password;
};

static const struct err *write_link(struct call *call, struct jsonw *w, struct uuid id)
{
    str code;
    int64_t expires_ms;
    TRY(engine_code_make(call->server->engine, &call->arena, id, LIMIT_USER_LINK_S * SECOND_MS, call->principal.token, &code, &expires_ms));
    jsonw_field(w, "link", str_printf(&call->arena, "%.*s#%.*s", STR_FMT(call_address(call, "/console/setup")), STR_FMT(code)));
    jsonw_field_time(w, "link_expires_at", expires_ms);
    return NULL;
}

static const struct err *user_make(struct call *call)
{
    struct made *made = call->state;
    struct user_order order = {.by = call->principal.token};
    struct jsonw w;
    struct uuid id;
    if (!str_empty(made->password)) {
        TRY(engine_password_hash(&call->arena, made->password, &made->facts.password));
        made->facts.set |= USER_PASSWORD;
    }
    TRY(engine_user_make(call->server->engine, &call->arena, &made->facts, &order, &id));
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, id);
    if (str_empty(made->password))
        TRY(write_link(call, &w, id));
    jsonw_object_end(&w);
    return NULL;
}

const struct err *users_post(struct call *call)
{
    struct json body;
    struct made *made = arena_new(&call->arena, struct made);
    struct user_facts *facts = &made->facts;
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "name", &facts->name));
    TRY(body_string(call, &body, "title", &facts->title));
    TRY(body_string(call, &body, "email", &facts->email));
    TRY(body_grant(call, &body, &facts->role, &facts->purposes));
    facts->set = USER_NAME | USER_TITLE | USER_EMAIL | USER_ROLE;
    TRY(user_facts_check(call, facts));
    const struct json *password = json_get(&body, STR("password"));
    if (password && password->type != JSON_NULL)
        TRY(body_password(call, &body, "password", &made->password));
    call->state = made;
    return call_offload_login(call, user_make);
}

/* ---- changing ---- */

static bool is_there(const struct json *body, const char *name)
{
    const struct json *member = json_get(body, str_of(name));
    return member && member->type != JSON_NULL;
}

static const struct err *read_changes(struct call *call, const struct json *body, struct user_facts *facts)
{
    TRY(body_string(call, body, "title", &facts->title));
    TRY(body_string(call, body, "email", &facts->email));
    TRY(body_bool(call, body, "disabled", &facts->disabled));
    facts->set = (is_there(body, "title") ? USER_TITLE : 0u) | (is_there(body, "email") ? USER_EMAIL : 0u) | (is_there(body, "disabled") ? USER_DISABLED : 0u);
    if (is_there(body, "role")) {
        TRY(body_grant(call, body, &facts->role, &facts->purposes));
        facts->set |= USER_ROLE;
    } else if (is_there(body, "purposes")) {
        return err_new(&call->arena, ERR_INVALID, "`purposes` come with `role`: say both");
    }
    if (!facts->set)
        return err_new(&call->arena, ERR_INVALID, "say what changes: `title`, `email`, `role` with `purposes`, `disabled`");
    return user_facts_check(call, facts);
}

const struct err *user_patch(struct call *call)
{
    struct json body;
    struct user user;
    struct user_facts facts = {0};
    struct user_order order = {.by = call->principal.token};
    TRY(user_of(call, &user));
    TRY(call_object(call, false, &body));
    TRY(read_changes(call, &body, &facts));
    TRY(engine_user_change(call->server->engine, &call->arena, user.id, &facts, &order));
    return reply_user(call, user.id);
}

const struct err *user_delete(struct call *call)
{
    struct user user;
    struct user_facts facts = {.set = USER_REMOVED};
    struct user_order order = {.by = call->principal.token};
    TRY(user_of(call, &user));
    TRY(engine_user_change(call->server->engine, &call->arena, user.id, &facts, &order));
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    return NULL;
}

const struct err *user_link_post(struct call *call)
{
    struct user user;
    struct jsonw w;
    TRY(user_of(call, &user));
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    TRY(write_link(call, &w, user.id));
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *password_set(struct call *call)
{
    struct made *made = call->state;
    struct user user;
    struct user_order order = {.by = call->principal.token, .keep = call->session.id};
    TRY(user_of(call, &user));
    made->facts.set = USER_PASSWORD;
    TRY(engine_password_hash(&call->arena, made->password, &made->facts.password));
    TRY(engine_user_change(call->server->engine, &call->arena, user.id, &made->facts, &order));
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    return NULL;
}

const struct err *user_password_put(struct call *call)
{
    struct json body;
    struct user user;
    struct made *made = arena_new(&call->arena, struct made);
    TRY(user_of(call, &user));
    TRY(call_object(call, false, &body));
    TRY(body_password(call, &body, "password", &made->password));
    call->state = made;
    return call_offload_login(call, password_set);
}
