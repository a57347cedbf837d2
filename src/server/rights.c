/* The rights of persons (GDPR Art. 15–21) as far as they are one commit or one read: erasure, restriction, objection; access and portability.
 *
 * 1. Erasure and statements are answered after their commit. What the law orders kept stays, and the ledger says so.
 * 2. Access shows everything that is stored of the person, whatever its purpose: it is the person who asks. It is recorded like any read.
 * 3. Portability shows what rests on consent or contract (Art. 20(1)(a)).
 */
#include "server/server_private.h"

#define RIGHTS(X)                                                                                                      \
    X(RIGHT_ACCESS, "access")                                                                                          \
    X(RIGHT_PORTABILITY, "portability")                                                                                \
    X(RIGHT_ERASURE, "erasure")                                                                                        \
    X(RIGHT_RESTRICTION, "restriction")                                                                                \
    X(RIGHT_RESTRICTION_LIFTED, "restriction_lifted")                                                                  \
    X(RIGHT_OBJECTION, "objection")                                                                                    \
    X(RIGHT_OBJECTION_LIFTED, "objection_lifted")
enum right {
#define X(code, name) code,
    RIGHTS(X)
#undef X
        RIGHT_COUNT
};
static const char *const right_names[] = {
#define X(code, name) name,
    RIGHTS(X)
#undef X
};

static void write_done(struct call *call, struct jsonw *w, struct uuid id, const char *right)
{
    reply_json(call, MHD_HTTP_CREATED, w);
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, id);
    jsonw_field(w, "right", str_of(right));
    jsonw_field(w, "state", STR("completed"));
    jsonw_field_time(w, "at", call->received_ms);
}

/* ---- what is one commit ---- */

static const struct err *rights_committed(struct call *call)
{
    const struct request *request = &call->work.requests[0];
    const struct consent *record = request->statement.ret_record;
    struct jsonw w;
    if (!str_empty(request->refusal))
        return err_new(&call->arena, ERR_CONFLICT, "%.*s", STR_FMT(request->refusal));
    if (request->kind == REQUEST_ERASE && !request->found)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier, or the person was erased before");
    write_done(call, &w, record ? record->id : request->merge, call->state);
    if (record) {
        jsonw_key(&w, STR("ledger"));
        jsonw_object(&w);
        jsonw_field_int(&w, "index", (int64_t)record->ledger_index);
        jsonw_field(&w, "leaf_hash", str_base64(&call->arena, record->leaf_hash, sizeof(record->leaf_hash)));
        jsonw_object_end(&w);
    }
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *rights_commit(struct call *call, const struct json *body, enum right right, const struct message_identifier *subject)
{
    static const enum consent_status statuses[RIGHT_COUNT] = {[RIGHT_RESTRICTION] = CONSENT_RESTRICTED,
                                                              [RIGHT_RESTRICTION_LIFTED] = CONSENT_UNRESTRICTED,
                                                              [RIGHT_OBJECTION] = CONSENT_OBJECTED,
                                                              [RIGHT_OBJECTION_LIFTED] = CONSENT_OBJECTION_LIFTED};
    struct request *request = arena_new(&call->arena, struct request);
    call->work.requests = request;
    call->work.request_count = 1;
    call->work.bytes = sizeof(*request) + call->body.length;
    if (right == RIGHT_ERASURE) {
        request->kind = REQUEST_ERASE;
        request->subject = *subject;
        return call_commit(call, rights_committed);
    }
    struct consent *record = &request->statement.record;
    *record = (struct consent){.at_ms = call->received_ms, .expires_ms = TIME_NONE, .source = STR("api"), .verified = true, .by = SAID_BY_SELF,
                               .status = statuses[right], .method = STR("rights request")};
    request->kind = REQUEST_STATEMENT;
    request->statement.subject = *subject;
    TRY(body_string(call, body, "reference", &record->reference));
    if (record->reference.length > LIMIT_FIELD_NAME_BYTES)
        return err_new(&call->arena, ERR_INVALID, "`reference` takes %d bytes", LIMIT_FIELD_NAME_BYTES);
    if (right == RIGHT_OBJECTION || right == RIGHT_OBJECTION_LIFTED) {
        TRY(body_need(call, body, "purpose", &record->purpose));
        if (!policy_purpose(call->policy, record->purpose))
            return err_new(&call->arena, ERR_INVALID, "the active policy has no such purpose (`purpose`)");
    }
    return call_commit(call, rights_committed);
}

/* ---- what is one read ---- */

/* Purposes of what the person may take along. */
static purpose_mask portable(const struct policy *policy)
{
    purpose_mask mask = 0;
    vec_each (purpose, &policy->purposes)
        if (purpose->basis == BASIS_CONSENT || purpose->basis == BASIS_CONTRACT)
            mask |= purpose->self;
    return mask;
}

static void write_identifiers(struct jsonw *w, const struct person *person)
{
    jsonw_key(w, STR("identifiers"));
    jsonw_array(w);
    vec_each (identifier, &person->identifiers) {
        if (str_empty(identifier->value))
            continue;
        jsonw_object(w);
        jsonw_field(w, "type", identifier->type);
        jsonw_field(w, "value", identifier->value);
        jsonw_field_time(w, "first_seen", identifier->first_seen_ms);
        jsonw_field_time(w, "last_seen", identifier->last_seen_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_facts(struct call *call, struct jsonw *w, const struct person *person, purpose_mask mask)
{
    jsonw_key(w, STR("facts"));
    jsonw_array(w);
    vec_each (fact, &person->facts) {
        if (!(fact->purposes & mask))
            continue;
        jsonw_object(w);
        jsonw_field(w, "name", fact->name);
        jsonw_key(w, STR("value"));
        jsonw_raw(w, fact->value);
        jsonw_field(w, "source", fact->source);
        jsonw_field_time(w, "observed_at", fact->observed_ms);
        jsonw_key(w, STR("purposes"));
        write_purposes(w, call->policy, fact->purposes);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_all_events(struct call *call, struct jsonw *w, const struct person *person, purpose_mask mask)
{
    jsonw_key(w, STR("events"));
    jsonw_array(w);
    vec_each (event, &person->events) {
        for (unsigned i = 0; i < event->part_count; i++) {
            const struct event_part *part = &event->parts[i];
            if (!(part->purposes & mask) || str_empty(part->body))
                continue;
            jsonw_object(w);
            jsonw_key(w, STR("id"));
            jsonw_uuid(w, event->id);
            jsonw_field(w, "type", str_of(event_type_name(event->type)));
            jsonw_field_time(w, "at", event->at_ms);
            jsonw_field(w, "source", event->source);
            jsonw_key(w, STR("purposes"));
            write_purposes(w, call->policy, part->purposes);
            jsonw_key(w, STR("content"));
            jsonw_raw(w, part->body);
            jsonw_object_end(w);
        }
    }
    jsonw_array_end(w);
}

static void write_said(struct jsonw *w, const struct person *person)
{
    jsonw_key(w, STR("consents"));
    jsonw_array(w);
    vec_each (record, &person->consents) {
        jsonw_object(w);
        jsonw_key(w, STR("id"));
        jsonw_uuid(w, record->id);
        jsonw_field(w, "purpose", record->purpose);
        jsonw_field(w, "status", str_of(consent_status_name(record->status)));
        jsonw_field_time(w, "at", record->at_ms);
        jsonw_field(w, "source", record->source);
        jsonw_field(w, "method", record->method);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("preferences"));
    jsonw_array(w);
    vec_each (row, &person->preferences)
        if (!str_empty(row->value))
            jsonw_raw(w, row->value);
    jsonw_array_end(w);
}

/* Art. 15(1): why, on which basis, for how long, to whom. */
static void write_information(struct call *call, struct jsonw *w, const struct person *person)
{
    jsonw_key(w, STR("purposes"));
    jsonw_array(w);
    vec_each (purpose, &call->policy->purposes) {
        jsonw_object(w);
        jsonw_field(w, "name", purpose->name);
        jsonw_field(w, "title", purpose->title);
        jsonw_field(w, "basis", str_of(basis_name(purpose->basis)));
        jsonw_field(w, "article", str_of(basis_article(purpose->basis)));
        jsonw_field(w, "retention", period_text(&call->arena, &purpose->retention));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("recipients"));
    jsonw_array(w);
    vec_each (row, &person->disclosures) {
        const struct destination *destination = policy_destination(call->policy, row->destination);
        jsonw_object(w);
        jsonw_field(w, "destination", row->destination);
        jsonw_field(w, "recipient", destination ? destination->recipient : STR(""));
        jsonw_field(w, "purpose", row->purpose);
        jsonw_field_time(w, "first", row->first_ms);
        jsonw_field_time(w, "last", row->last_ms);
        jsonw_field_int(w, "count", (int64_t)row->count);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_field_int(w, "held_messages", (int64_t)person->held.count);
    jsonw_field(w, "controller", call->policy->controller);
    jsonw_field(w, "dpo", call->policy->dpo);
}

static const struct err *rights_read(struct call *call, enum right right, str subject)
{
    struct person *person = NULL;
    struct jsonw w;
    TRY(call_person(call, subject, PERSON_ALL, &person));
    if (!person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    bool access = right == RIGHT_ACCESS;
    call_record(call, person, STR_NONE, right_names[right]);
    purpose_mask mask = access ? ~(purpose_mask)0 : portable(call->policy);
    struct uuid id = profile_uuid(person, person->root);
    write_done(call, &w, id, right_names[right]);
    jsonw_key(&w, STR("export"));
    jsonw_object(&w);
    write_identifiers(&w, person);
    write_facts(call, &w, person, mask);
    write_all_events(call, &w, person, mask);
    if (access) {
        write_said(&w, person);
        write_information(call, &w, person);
    }
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *rights_post(struct call *call)
{
    struct json body;
    struct message_identifier subject;
    str text = STR_NONE, name;
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "right", &name));
    TRY(body_string(call, &body, "subject", &text));
    TRY(call_subject(call, text, &subject));
    enum right right = RIGHT_ACCESS;
    while (right < RIGHT_COUNT && !str_equal(name, str_of(right_names[right])))
        right++;
    if (right == RIGHT_COUNT)
        return err_new(&call->arena, ERR_INVALID,
                       "`right` is one of access, portability, erasure, restriction, restriction_lifted, objection, objection_lifted; to rectify, send the right "
                       "value by identify");
    call->state = (void *)(uintptr_t)right_names[right];
    if (right == RIGHT_ACCESS || right == RIGHT_PORTABILITY)
        return rights_read(call, right, text);
    return rights_commit(call, &body, right, &subject);
}

/* What was exercised, out of the person's records. */
const struct err *rights_get(struct call *call)
{
    struct person *person = NULL;
    struct jsonw w;
    TRY(call_person(call, call_query(call, "subject"), PERSON_HEAD, &person));
    call_record(call, person, STR_NONE, "rights");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("rights"));
    jsonw_array(&w);
    for (size_t i = 0; person && i < person->consents.count; i++) {
        const struct consent *record = &person->consents.items[i];
        const char *right = record->status == CONSENT_RESTRICTED           ? right_names[RIGHT_RESTRICTION]
                            : record->status == CONSENT_UNRESTRICTED       ? right_names[RIGHT_RESTRICTION_LIFTED]
                            : record->status == CONSENT_OBJECTED           ? right_names[RIGHT_OBJECTION]
                            : record->status == CONSENT_OBJECTION_LIFTED   ? right_names[RIGHT_OBJECTION_LIFTED]
                                                                           : NULL;
        if (!right)
            continue;
        jsonw_object(&w);
        jsonw_key(&w, STR("id"));
        jsonw_uuid(&w, record->id);
        jsonw_field(&w, "right", str_of(right));
        jsonw_field(&w, "state", STR("completed"));
        jsonw_field(&w, "purpose", record->purpose);
        jsonw_field_time(&w, "at", record->at_ms);
        jsonw_object_end(&w);
    }
    for (size_t i = 0; person && i < person->profiles.count; i++) {
        const struct profile *profile = &person->profiles.items[i];
        if (profile->erased_ms == TIME_NONE || !profile_no_equal(profile->number, person->root))
            continue;
        jsonw_object(&w);
        jsonw_key(&w, STR("id"));
        jsonw_uuid(&w, profile->id);
        jsonw_field(&w, "right", str_of(right_names[RIGHT_ERASURE]));
        jsonw_field(&w, "state", STR("completed"));
        jsonw_field_time(&w, "at", profile->erased_ms);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}
