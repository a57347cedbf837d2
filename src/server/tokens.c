/* API tokens: made (shown once), listed, revoked. */
#include "server/server_private.h"

/* Purposes are kept as one text, with spaces between. */
void write_purpose_names(struct jsonw *w, str purposes)
{
    jsonw_array(w);
    while (!str_empty(purposes)) {
        ptrdiff_t space = str_find_char(purposes, ' ');
        size_t length = space < 0 ? purposes.length : (size_t)space;
        if (length)
            jsonw_string(w, str_slice(purposes, 0, length));
        purposes = space < 0 ? STR_NONE : str_slice(purposes, length + 1, purposes.length);
    }
    jsonw_array_end(w);
}

/* What the token is for. */
static void write_grant(struct jsonw *w, bool source, str purposes)
{
    if (source) {
        jsonw_field(w, "source", purposes);
        return;
    }
    jsonw_key(w, STR("purposes"));
    write_purpose_names(w, purposes);
}

const struct err *tokens_get(struct call *call)
{
    struct reader *reader;
    struct token_row *rows;
    struct jsonw w;
    size_t count;
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->tokens(reader_session(reader), &call->arena, &rows, &count));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("tokens"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++) {
        bool source = str_equal(rows[i].role, str_of(role_name(ROLE_SOURCE)));
        jsonw_object(&w);
        jsonw_key(&w, STR("id"));
        jsonw_uuid(&w, rows[i].id);
        jsonw_field(&w, "role", rows[i].role);
        write_grant(&w, source, rows[i].purposes);
        jsonw_field(&w, "label", rows[i].label);
        jsonw_field_time(&w, "created_at", rows[i].created_ms);
        jsonw_field_time(&w, "expires_at", rows[i].expires_ms);
        jsonw_field_time(&w, "revoked_at", rows[i].revoked_ms);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

/* One purpose, known to the policy where there is one: a token for a misspelt purpose would open nothing and nobody would know why. */
static const struct err *add_purpose(struct call *call, struct buf *out, str name)
{
    if (str_find_char(name, ' ') >= 0 || str_empty(name) || name.length > LIMIT_NAME_BYTES)
        return err_new(&call->arena, ERR_INVALID, "`purposes` must hold names of purposes, or be [\"*\"]");
    if (!str_equal(name, STR("*")) && call->policy && !policy_purpose(call->policy, name))
        return err_new(&call->arena, ERR_INVALID, "the active policy has no purpose `%.*s`", STR_FMT(name));
    if (out->length)
        buf_add_char(out, ' ');
    buf_add(out, name);
    return NULL;
}

/* An array of names, or a text with spaces or commas between them. */
static const struct err *read_purposes(struct call *call, const struct json *body, str *ret_purposes)
{
    const struct json *list = json_get(body, STR("purposes"));
    struct buf out;
    buf_init(&out, &call->arena, LIMIT_PURPOSES * (LIMIT_NAME_BYTES + 1));
    if (!list || list->type == JSON_NULL)
        list = json_get(body, STR("purpose"));
    if (list && list->type == JSON_STRING) {
        str rest = list->text;
        while (!str_empty(rest)) {
            size_t length = 0;
            while (length < rest.length && rest.data[length] != ' ' && rest.data[length] != ',')
                length++;
            if (length)
                TRY(add_purpose(call, &out, str_slice(rest, 0, length)));
            rest = str_slice(rest, length + 1, rest.length);
        }
    } else if (list && list->type == JSON_ARRAY) {
        for (uint32_t i = 0; i < list->count; i++)
            TRY(add_purpose(call, &out, json_string(&list->items[i])));
    }
    if (!out.length)
        return err_new(&call->arena, ERR_INVALID, "`purposes` is missing: a list of names, or [\"*\"] for all");
    *ret_purposes = buf_str(&out);
    return NULL;
}

static const struct err *read_grant(struct call *call, const struct json *body, enum role *ret_role, str *ret_purposes)
{
    str role;
    TRY(body_need(call, body, "role", &role));
    if (!role_parse(role, ret_role) || *ret_role == ROLE_NONE)
        return err_new(&call->arena, ERR_INVALID, "`role` is one of admin, privacy, marketer, agent, auditor, source");
    if (*ret_role == ROLE_AUDITOR) { /* it sees no personal data, so it needs no purpose */
        *ret_purposes = STR("*");
        return NULL;
    }
    if (*ret_role != ROLE_SOURCE)
        return read_purposes(call, body, ret_purposes);
    TRY(body_need(call, body, "source", ret_purposes));
    if (call->policy && !policy_source(call->policy, *ret_purposes))
        return err_new(&call->arena, ERR_INVALID, "the active policy has no source of this name (`source`)");
    return NULL;
}

const struct err *body_grant(struct call *call, const struct json *body, enum role *ret_role, str *ret_purposes)
{
    TRY(read_grant(call, body, ret_role, ret_purposes));
    if (*ret_role == ROLE_SOURCE)
        return err_new(&call->arena, ERR_INVALID, "`role` of a user is one of admin, privacy, marketer, agent, auditor");
    return NULL;
}

const struct err *tokens_post(struct call *call)
{
    struct json body;
    struct uuid id;
    struct jsonw w;
    enum role role;
    str purposes, label = STR(""), token;
    int64_t expires_ms = TIME_FOREVER;
    TRY(call_object(call, false, &body));
    TRY(read_grant(call, &body, &role, &purposes));
    TRY(body_string(call, &body, "label", &label));
    TRY(body_time(call, &body, "expires", &expires_ms));
    if (label.length > LIMIT_FIELD_NAME_BYTES)
        return err_new(&call->arena, ERR_INVALID, "`label` takes %d bytes", LIMIT_FIELD_NAME_BYTES);
    if (expires_ms <= call->received_ms)
        return err_new(&call->arena, ERR_INVALID, "`expires` lies in the past");
    TRY(engine_token_create(call->server->engine, &call->arena, role, purposes, label, expires_ms, &id, &token));
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, id);
    jsonw_field(&w, "token", token);
    jsonw_field(&w, "role", str_of(role_name(role)));
    write_grant(&w, role == ROLE_SOURCE, purposes);
    jsonw_field_time(&w, "expires_at", expires_ms);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *token_delete(struct call *call)
{
    struct uuid id;
    bool found = false;
    if (!uuid_parse(call->parameters[0], &id))
        return err_new(&call->arena, ERR_INVALID, "the id of a token is a UUID");
    TRY(engine_token_revoke(call->server->engine, &call->arena, id, &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no token of this id");
    reply_empty(call, MHD_HTTP_NO_CONTENT);
    return NULL;
}
