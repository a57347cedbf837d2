/* POST /v1/preferences/link: a signed link to a person's own page. The link is a secret: who holds it is taken for the person. */
#include "server/server_private.h"

static const struct err *read_expiry(struct call *call, const struct json *body, int64_t *ret_expires_ms)
{
    const struct json *member = json_get(body, STR("expires_in"));
    struct duration duration = {.ms = LIMIT_LINK_LIFE_DEFAULT_S * SECOND_MS};
    int64_t seconds;
    if (member && member->type == JSON_NUMBER && json_int(member, &seconds) && seconds > 0 && seconds <= LIMIT_LINK_LIFE_S)
        duration.ms = seconds * SECOND_MS;
    else if (member && member->type != JSON_NULL && !(member->type == JSON_STRING && duration_parse(member->text, &duration)))
        return err_new(&call->arena, ERR_INVALID, "`expires_in` is a duration as in \"P7D\", or a number of seconds up to %d", LIMIT_LINK_LIFE_S);
    int64_t expires_ms = time_add(call->received_ms, duration);
    if (expires_ms <= call->received_ms || expires_ms - call->received_ms > LIMIT_LINK_LIFE_S * SECOND_MS)
        return err_new(&call->arena, ERR_INVALID, "a link lives for at most %d days", LIMIT_LINK_LIFE_S / (24 * 3600));
    *ret_expires_ms = expires_ms;
    return NULL;
}

str link_address(struct call *call, const char *path, str ticket)
{
    struct server *server = call->server;
    if (server->public_url)
        return str_printf(&call->arena, "%s%s?t=%.*s", server->public_url, path, STR_FMT(ticket));
    str host = call->local ? STR_NONE : call_header(call, MHD_HTTP_HEADER_HOST);
    if (str_empty(host))
        host = str_printf(&call->arena, "127.0.0.1:%u", server->port);
    return str_printf(&call->arena, "http://%.*s%s?t=%.*s", STR_FMT(host), path, STR_FMT(ticket));
}

const struct err *preference_link_post(struct call *call)
{
    struct json body;
    struct reader *reader;
    struct person *person;
    struct jsonw w;
    str subject, ticket;
    int64_t expires_ms = 0;
    TRY(call_whole_person(call));
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "subject", &subject));
    TRY(read_expiry(call, &body, &expires_ms));
    TRY(call_reader(call, &reader));
    TRY(engine_link_make(reader, &call->arena, call->policy, STR("preferences"), subject, expires_ms, &ticket, &person));
    if (str_empty(ticket))
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, person, STR_NONE, "preference link");
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    jsonw_field(&w, "url", link_address(call, "/preferences", ticket));
    jsonw_field_time(&w, "expires_at", expires_ms);
    jsonw_object_end(&w);
    return NULL;
}
