/* Rights of persons (GDPR Art. 7(3), 12–22): requests opened, done at once where whoever asks may do that, and listed.
 *
 *     POST /v1/rights ──▶ open: true ──▶ received, to be verified and answered (rights_action.c)
 *                     └──▶ otherwise, by who may act: identity confirmed by the staff, and done, in one commit
 *
 * 1. What a right means is in core/rights.c; what it asks of the person in rights_work.c.
 * 2. An identifier that nobody is known by gives a request that ends as `no_match`, and is not kept. Done at once, it is a 404.
 * 3. `GET ?subject=` gives `rights`, what stands in the person's records, and `requests`, what was asked for.
 */
#include "server/rights_private.h"

/* ---- POST ---- */

static const struct err *read_text(struct call *call, const struct json *body, const char *name, size_t max, str *value)
{
    TRY(body_string(call, body, name, value));
    if (value->length > max)
        return err_new(&call->arena, ERR_INVALID, "`%s` takes %zu bytes", name, max);
    return NULL;
}

static const struct err *read_right(struct call *call, const struct json *body, struct rights_act *act)
{
    str name;
    const struct json *values = json_get(body, STR("values"));
    TRY(body_need(call, body, "right", &name));
    if (!right_parse(name, &act->right))
        return err_new(&call->arena, ERR_INVALID,
                       "`right` is one of access, portability, rectification, erasure, restriction, restriction_lifted, objection, objection_lifted, withdrawal, "
                       "human_review");
    TRY(read_text(call, body, "purpose", LIMIT_NAME_BYTES, &act->purpose));
    if (!str_empty(act->purpose) && !policy_purpose(call->policy, act->purpose))
        return err_new(&call->arena, ERR_INVALID, "the active policy has no such purpose (`purpose`)");
    TRY(read_text(call, body, "text", LIMIT_RIGHTS_TEXT_BYTES, &act->details.text));
    TRY(read_text(call, body, "answer", LIMIT_RIGHTS_TEXT_BYTES, &act->answer));
    TRY(read_text(call, body, "reference", LIMIT_FIELD_NAME_BYTES, &act->details.reference));
    if (values && (values->type != JSON_OBJECT || values->raw.length > LIMIT_RIGHTS_TEXT_BYTES))
        return err_new(&call->arena, ERR_INVALID, "`values` is an object of right values, at most %d bytes", LIMIT_RIGHTS_TEXT_BYTES);
    act->details.values = values ? values->raw : STR_NONE;
    return NULL;
}

static const struct err *opened(struct call *call)
{
    const struct rights_act *act = call->state;
    struct jsonw w;
    TRY(rights_refused(call, act));
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    write_act(call, &w, act, true);
    for (size_t i = 0; i < call->work.request_count; i++) {
        const struct consent *record = call->work.requests[i].statement.ret_record;
        if (!record)
            continue;
        jsonw_key(&w, STR("ledger"));
        jsonw_object(&w);
        jsonw_field_int(&w, "index", (int64_t)record->ledger_index);
        jsonw_field(&w, "leaf_hash", str_base64(&call->arena, record->leaf_hash, sizeof(record->leaf_hash)));
        jsonw_object_end(&w);
        break;
    }
    jsonw_object_end(&w);
    return NULL;
}

/* The reply to access and portability has the data in it. */
static const struct err *handed_over(struct call *call)
{
    const struct rights_act *act = call->state;
    struct person *person = NULL;
    struct jsonw w;
    TRY(call_person(call, act->details.subject, PERSON_ALL, &person));
    if (!person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, person, STR_NONE, right_name(act->right));
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    write_act(call, &w, act, true);
    jsonw_key(&w, STR("export"));
    write_export(call, &w, person, act->right == RIGHT_ACCESS);
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *committed_access(struct call *call)
{
    TRY(rights_refused(call, call->state));
    return call_offload(call, handed_over);
}

static const struct err *open_only(struct call *call, struct rights_act *act, const struct person *person)
{
    if (!rights_alive(person)) {
        act->profile = PROFILE_NONE;
        rights_step_add(act, RIGHTS_NOBODY);
        act->details = (struct rights_details){0}; /* not kept */
    }
    return rights_submit(call, act, opened);
}

static const struct err *act_at_once(struct call *call, struct rights_act *act, const struct message_identifier *subject, const struct person *person)
{
    bool reads = act->right == RIGHT_ACCESS || act->right == RIGHT_PORTABILITY;
    if (!person && reads)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    act->identity = STR("staff");
    rights_step_add(act, RIGHTS_IDENTITY_CONFIRMED);
    if (reads)
        rights_step_add(act, RIGHTS_EXPORTED);
    TRY(rights_work(call, act, subject, person));
    return rights_submit(call, act, reads ? committed_access : opened);
}

const struct err *rights_post(struct call *call)
{
    struct json body;
    struct message_identifier subject;
    struct person *person = NULL;
    struct rights_act *act = rights_act_new(call, call->local ? "command" : "api");
    bool open = false;
    TRY(call_object(call, false, &body));
    TRY(read_right(call, &body, act));
    TRY(body_string(call, &body, "subject", &act->details.subject));
    TRY(body_bool(call, &body, "open", &open));
    TRY(call_subject(call, act->details.subject, &subject));
    if (!open && !(MAY(call->principal.role) & MAY_PRIVACY))
        return err_new(&call->arena, ERR_FORBIDDEN, "an agent opens requests (`open`: true); the role `privacy` answers them");
    TRY(call_person(call, act->details.subject, PERSON_HEAD, &person));
    const struct identifier *identifier = person ? rights_identifier(call->policy, person, person->root) : NULL;
    act->profile = identifier ? identifier->profile : person ? person->root : PROFILE_NONE;
    return open ? open_only(call, act, person) : act_at_once(call, act, &subject, person);
}

/* ---- GET ---- */

static void write_right(struct jsonw *w, struct uuid id, enum right right, str purpose, int64_t at_ms)
{
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, id);
    jsonw_field(w, "right", str_of(right_name(right)));
    jsonw_field(w, "state", STR("completed"));
    jsonw_field(w, "purpose", purpose);
    jsonw_field_time(w, "at", at_ms);
    jsonw_object_end(w);
}

/* Out of the person's own records. */
static void write_exercised(struct jsonw *w, const struct person *person)
{
    static const struct {
        enum consent_status status;
        enum right right;
    } records[] = {{CONSENT_RESTRICTED, RIGHT_RESTRICTION}, {CONSENT_UNRESTRICTED, RIGHT_RESTRICTION_LIFTED}, {CONSENT_OBJECTED, RIGHT_OBJECTION},
                   {CONSENT_OBJECTION_LIFTED, RIGHT_OBJECTION_LIFTED}};
    jsonw_key(w, STR("rights"));
    jsonw_array(w);
    for (size_t i = 0; person && i < person->consents.count; i++)
        for (size_t k = 0; k < sizeof(records) / sizeof(*records); k++)
            if (person->consents.items[i].status == records[k].status)
                write_right(w, person->consents.items[i].id, records[k].right, person->consents.items[i].purpose, person->consents.items[i].at_ms);
    for (size_t i = 0; person && i < person->profiles.count; i++) {
        const struct profile *profile = &person->profiles.items[i];
        if (profile->erased_ms != TIME_NONE && profile_no_equal(profile->number, person->root))
            write_right(w, profile->id, RIGHT_ERASURE, STR_NONE, profile->erased_ms);
    }
    jsonw_array_end(w);
}

static const struct err *write_requests(struct call *call, struct jsonw *w, struct rights_query *query, bool persons)
{
    struct reader *reader;
    struct rights_case *cases = NULL;
    size_t count = 0, shown = query->max;
    query->max++;
    TRY(call_reader(call, &reader));
    TRY(engine_rights(reader, &call->arena, query, persons, &cases, &count));
    jsonw_key(w, STR("requests"));
    jsonw_array(w);
    for (size_t i = 0; i < count && i < shown; i++) {
        jsonw_object(w);
        write_case(call, w, &cases[i], persons);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    char last[UUID_TEXT_SIZE];
    if (count > shown)
        write_cursor(w, &call->arena, str_z(&call->arena, uuid_text(cases[shown - 1].row.id, last)));
    return NULL;
}

static const struct err *read_query(struct call *call, struct rights_query *query)
{
    str state = call_query(call, "state"), cursor = STR_NONE;
    enum rights_state named;
    *query = (struct rights_query){.state = -1, .due_ms = INT64_MAX, .watch_ms = TIME_NONE};
    TRY(call_limit(call, 100, &query->max));
    TRY(read_cursor(call, &cursor));
    if (!str_empty(cursor) && !uuid_parse(cursor, &query->before))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is none of this list");
    if (str_equal(state, STR("open"))) {
        query->only_open = true;
        TRY(call_query_time(call, "due_before", &query->due_ms));
    } else if (!str_empty(state)) {
        if (!rights_state_parse(state, &named))
            return err_new(&call->arena, ERR_INVALID, "`state` is open, or one of received, verifying, in_progress, completed, refused, withdrawn, expired, no_match");
        query->state = (int)named;
    }
    return NULL;
}

static const struct err *list(struct call *call, const struct person *person, bool persons)
{
    struct rights_query query;
    struct jsonw w;
    bool of_one = !str_empty(call_query(call, "subject"));
    TRY(read_query(call, &query));
    profile_no *numbers = arena_array(&call->arena, profile_no, person ? person->profiles.count + 1 : 1);
    for (size_t i = 0; person && i < person->profiles.count; i++)
        numbers[i] = person->profiles.items[i].number;
    query.profiles = numbers;
    query.profile_count = person ? person->profiles.count : 0;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_exercised(&w, person);
    if (!of_one || person) {
        TRY(write_requests(call, &w, &query, persons));
    } else {
        jsonw_key(&w, STR("requests"));
        jsonw_raw(&w, STR("[]"));
    }
    jsonw_object_end(&w);
    return NULL;
}

const struct err *rights_get(struct call *call)
{
    struct person *person = NULL;
    str subject = call_query(call, "subject");
    if (!str_empty(subject)) {
        TRY(call_person(call, subject, PERSON_HEAD, &person));
        call_record(call, person, STR_NONE, "rights");
    }
    return list(call, person, true);
}

/* For who may see no person: states, times, counts and steps. */
const struct err *rights_register_get(struct call *call)
{
    if (!str_empty(call_query(call, "subject")))
        return err_new(&call->arena, ERR_INVALID, "this list has no persons in it; ask GET /v1/rights?subject=");
    return list(call, NULL, false);
}

const struct err *right_get(struct call *call)
{
    struct rights_case one;
    struct jsonw w;
    TRY(rights_find(call, &one));
    if (one.row.profile.value && !str_empty(one.row.sealed))
        engine_record_read(call->server->engine, call->principal.token, one.row.profile, STR_NONE, "rights request");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_case(call, &w, &one, true);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *right_certificate(struct call *call)
{
    struct rights_case one;
    struct reader *reader;
    bool found = false;
    str json;
    TRY(rights_find(call, &one));
    TRY(call_reader(call, &reader));
    TRY(engine_rights_certificate(reader, &call->arena, call->policy, one.row.id, &json, &found));
    if (!found)
        return err_new(&call->arena, ERR_CONFLICT, "the request is %s; there is a certificate when it is closed", rights_state_name(one.row.state));
    reply_text(call, MHD_HTTP_OK, "application/json", json);
    return NULL;
}
