/* What persons say: consents and the other statements, and their receipts.
 *
 * 1. A statement is one record for ever; its 201 carries the receipt and where the ledger has it.
 * 2. A token sees the records of its purposes; those of the whole person only `privacy` and `admin` see.
 * 3. To take something away (withdraw, refuse, object, end, restrict) any purpose may be named; to allow something, only those of the token.
 */
#include "server/server_private.h"

static bool takes_away(enum consent_status status)
{
    return status == CONSENT_REFUSED || status == CONSENT_WITHDRAWN || status == CONSENT_OBJECTED || status == CONSENT_ENDED ||
           status == CONSENT_OPTED_OUT || status == CONSENT_RESTRICTED;
}

/* The statuses that may be stated; the sweeper alone writes `expired`. */
static const struct err *read_status(struct call *call, const struct json *body, enum consent_status *ret_status)
{
    str text;
    TRY(body_need(call, body, "status", &text));
    if (!consent_status_parse(text, ret_status) || *ret_status == CONSENT_EXPIRED || status_is_vendor(*ret_status))
        return err_new(&call->arena, ERR_INVALID,
                       "`status` is one of given, refused, withdrawn, renewed, objected, objection_lifted, opened, ended, invoked, informed, opted_out, "
                       "restricted, unrestricted");
    return NULL;
}

/* "newsletter@3" */
static const struct err *read_notice(struct call *call, const struct json *body, struct consent *record)
{
    str text = STR_NONE;
    int64_t version;
    TRY(body_string(call, body, "notice", &text));
    if (str_empty(text))
        return NULL;
    ptrdiff_t at = str_find_char(text, '@');
    if (at <= 0 || !str_to_int64(str_slice(text, (size_t)at + 1, text.length), &version) || version < 1 || version > UINT32_MAX)
        return err_new(&call->arena, ERR_INVALID, "`notice` is written NAME@VERSION, as in newsletter@3");
    record->notice = str_slice(text, 0, (size_t)at);
    record->notice_version = (uint32_t)version;
    if (record->notice.length > LIMIT_NAME_BYTES)
        return err_new(&call->arena, ERR_INVALID, "`notice` is longer than %d bytes", LIMIT_NAME_BYTES);
    return NULL;
}

static const struct err *read_texts(struct call *call, const struct json *body, struct consent *record)
{
    str by = STR_NONE;
    TRY(body_string(call, body, "method", &record->method));
    TRY(body_string(call, body, "reference", &record->reference));
    TRY(body_string(call, body, "by", &by));
    if (record->method.length > LIMIT_FIELD_NAME_BYTES || record->reference.length > LIMIT_FIELD_NAME_BYTES)
        return err_new(&call->arena, ERR_INVALID, "`method` and `reference` take %d bytes", LIMIT_FIELD_NAME_BYTES);
    if (!str_empty(by) && (!said_by_parse(by, &record->by) || record->by == SAID_BY_SYSTEM))
        return err_new(&call->arena, ERR_INVALID, "`by` is self, guardian or agent");
    return NULL;
}

static const struct err *read_record(struct call *call, const struct json *body, struct consent *ret_record)
{
    struct consent record = {.at_ms = call->received_ms, .expires_ms = TIME_NONE, .source = STR("api"), .verified = true, .by = SAID_BY_SELF};
    TRY(read_status(call, body, &record.status));
    TRY(body_string(call, body, "purpose", &record.purpose));
    bool whole = record.status == CONSENT_RESTRICTED || record.status == CONSENT_UNRESTRICTED;
    if (str_empty(record.purpose) && !whole)
        return err_new(&call->arena, ERR_INVALID, "`purpose` is missing");
    const struct purpose *purpose = policy_purpose(call->policy, record.purpose);
    if (!purpose && !whole)
        return err_new(&call->arena, ERR_INVALID, "the active policy has no such purpose (`purpose`)");
    if (purpose && !takes_away(record.status) && !principal_has(&call->principal, purpose))
        return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have this purpose, so it can only take away, not allow");
    TRY(read_notice(call, body, &record));
    TRY(read_texts(call, body, &record));
    TRY(body_time(call, body, "at", &record.at_ms));
    TRY(body_time(call, body, "expires", &record.expires_ms));
    TRY(body_bool(call, body, "explicit", &record.explicit_given));
    *ret_record = record;
    return NULL;
}

/* Only where the policy's settings name the role. */
static const struct err *read_override(struct call *call, const struct json *body, struct statement *statement)
{
    TRY(body_bool(call, body, "override_objection", &statement->override_objection));
    if (!statement->override_objection)
        return NULL;
    str role = str_of(role_name(call->principal.role));
    vec_each (allowed, &call->policy->objection_overriders)
        if (str_equal(*allowed, role))
            return NULL;
    return err_new(&call->arena, ERR_FORBIDDEN, "the policy lets no `%s` override an objection (settings)", role_name(call->principal.role));
}

static void write_record(struct jsonw *w, const struct consent *record, struct arena *arena)
{
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, record->id);
    jsonw_field(w, "purpose", record->purpose);
    jsonw_field(w, "status", str_of(consent_status_name(record->status)));
    jsonw_field_time(w, "at", record->at_ms);
    jsonw_field_time(w, "known_at", record->known_ms);
    jsonw_field_time(w, "expires", record->expires_ms);
    jsonw_key(w, STR("notice"));
    if (str_empty(record->notice))
        jsonw_null(w);
    else
        jsonw_string(w, str_printf(arena, "%.*s@%u", STR_FMT(record->notice), record->notice_version));
    jsonw_field_bool(w, "explicit", record->explicit_given);
    jsonw_field(w, "by", str_of(said_by_name(record->by)));
    jsonw_field(w, "source", record->source);
    jsonw_field(w, "method", record->method);
    jsonw_field(w, "reference", record->reference);
    jsonw_field(w, "signal", record->signal);
    jsonw_field_bool(w, "verified", record->verified);
}

static void write_ledger(struct jsonw *w, const struct consent *record, struct arena *arena)
{
    jsonw_key(w, STR("ledger"));
    jsonw_object(w);
    jsonw_field_int(w, "index", (int64_t)record->ledger_index);
    jsonw_field(w, "leaf_hash", str_base64(arena, record->leaf_hash, sizeof(record->leaf_hash)));
    jsonw_object_end(w);
}

static const struct err *consents_stated(struct call *call)
{
    const struct request *request = &call->work.requests[0];
    const struct statement *statement = &request->statement;
    struct jsonw w;
    str receipt;
    if (!str_empty(request->refusal))
        return err_new(&call->arena, ERR_CONFLICT, "%.*s", STR_FMT(request->refusal));
    if (!statement->ret_record)
        return err_new(&call->arena, ERR_INTERNAL, "the statement was committed without its record");
    TRY(engine_receipt_of(call->server->engine, &call->arena, call->work.policy, statement->ret_person, statement->ret_record, &receipt));
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    write_record(&w, statement->ret_record, &call->arena);
    jsonw_key(&w, STR("receipt"));
    jsonw_raw(&w, receipt);
    write_ledger(&w, statement->ret_record, &call->arena);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *consents_post(struct call *call)
{
    struct json body;
    struct request *request = arena_new(&call->arena, struct request);
    str subject = STR_NONE;
    TRY(call_object(call, false, &body));
    TRY(body_string(call, &body, "subject", &subject));
    request->kind = REQUEST_STATEMENT;
    TRY(call_subject(call, subject, &request->statement.subject));
    TRY(read_record(call, &body, &request->statement.record));
    TRY(read_override(call, &body, &request->statement));
    call->work.requests = request;
    call->work.request_count = 1;
    call->work.bytes = call->body.length + sizeof(*request);
    return call_commit(call, consents_stated);
}

const struct err *consents_get(struct call *call)
{
    struct person *person = NULL;
    struct jsonw w;
    str purpose = call_query(call, "purpose");
    if (!str_empty(purpose) && !principal_sees(&call->principal, call->policy, purpose)) /* whether it exists is not told */
        return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have this purpose");
    TRY(call_person(call, call_query(call, "subject"), PERSON_HEAD, &person));
    call_record(call, person, purpose, "consents");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("consents"));
    jsonw_array(&w);
    for (size_t i = 0; person && i < person->consents.count; i++) {
        const struct consent *record = &person->consents.items[i];
        if (!str_empty(purpose) && !str_empty(record->purpose) && !str_equal(record->purpose, purpose))
            continue;
        if (!principal_sees(&call->principal, call->policy, record->purpose))
            continue;
        const struct identifier *on = person_identifier(person, record->profile, record->identifier);
        jsonw_object(&w);
        write_record(&w, record, &call->arena);
        jsonw_field(&w, "on", on ? on->type : STR_NONE); /* the type only: the value has its own purposes */
        write_ledger(&w, record, &call->arena);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *consent_receipt(struct call *call)
{
    struct uuid id;
    struct reader *reader;
    str json, purpose = STR_NONE;
    bool found = false;
    if (!uuid_parse(call->parameters[0], &id))
        return err_new(&call->arena, ERR_INVALID, "the id of a consent record is a UUID");
    TRY(call_reader(call, &reader));
    TRY(engine_receipt(reader, &call->arena, call->policy, id, &json, &purpose, &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no consent record of this id");
    if (!principal_sees(&call->principal, call->policy, purpose))
        return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have the purpose of this record");
    reply_text(call, MHD_HTTP_OK, "application/ld+json", json);
    return NULL;
}
