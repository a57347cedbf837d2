/* OpenDSR 2.0: access, portability and erasure as privacy tools send them, over our own requests.
 *
 *     GET  /opendsr/v2/discovery            what is supported                  POST   /opendsr/v2/requests        a request of a controller
 *     GET  /opendsr/v2/requests/{id}, …/status/{id}   its status               DELETE /opendsr/v2/requests/{id}   cancelled, while it is pending
 *
 * 1. The token says what may be done: `privacy` and `admin` have it done at once (the controller knows who it is), an `agent` only opens it.
 * 2. Identities come raw: ours are found by a keyed hash, so somebody else's hash of an address finds nobody, and discovery says so.
 * 3. Replies are signed: X-OpenDSR-Signature is made with the key of the certificate that GET /opendsr/v2/certificate serves (RSA or ECDSA over
 *    SHA-256 of the body); where none is set, it is Ed25519 over the SHA-256 of the body, by the key of /v1/evidence/key.
 * 4. Closed (404) unless the policy names a domain (`rights: { domain: … }`).
 */
#include "evidence/x509.h"
#include "server/rights_private.h"

#define PROTOCOL "opendsr"

static const struct {
    const char *theirs, *ours; /* identity type, identity key */
} identities[] = {{"email", "email"}, {"controller_customer_id", "user_id"}, {"phone", "phone"}, {"android_advertising_id", "device_id"},
                  {"ios_advertising_id", "device_id"}, {"android_id", "device_id"}, {"ios_vendor_id", "device_id"}};

static const struct err *domain_needed(struct call *call)
{
    return str_empty(call->policy->rights_domain) ? err_new(&call->arena, ERR_NOT_FOUND, "this protocol is closed; the policy's section `rights` opens it") : NULL;
}

/* Its signature and domain, when the body is whole. */
static void reply_sign(struct call *call)
{
    str signature = engine_rights_sign(call->server->engine, &call->arena, buf_str(&call->reply.out));
    reply_header(call, "X-OpenDSR-Signature", str_z(&call->arena, signature));
    reply_header(call, "X-OpenDSR-Processor-Domain", str_z(&call->arena, call->policy->rights_domain));
    reply_header(call, "Cache-Control", "no-store");
}

const struct err *opendsr_discovery(struct call *call)
{
    struct jsonw w;
    const struct x509_signer *signer = engine_rights_signer(call->server->engine);
    TRY(domain_needed(call));
    if (signer && !x509_signer_names(signer, call->policy->rights_domain)) /* whoever relied on it would refuse every reply */
        return err_new(&call->arena, ERR_CONFLICT, "the certificate of OpenDSR is not one of `%.*s`, the domain of the policy's section `rights`",
                       STR_FMT(call->policy->rights_domain));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "api_version", STR("2.0"));
    jsonw_key(&w, STR("supported_identities"));
    jsonw_array(&w);
    for (size_t i = 0; i < sizeof(identities) / sizeof(*identities); i++) {
        if (!policy_key(call->policy, str_of(identities[i].ours)))
            continue;
        jsonw_object(&w);
        jsonw_field(&w, "identity_type", str_of(identities[i].theirs));
        jsonw_field(&w, "identity_format", STR("raw"));
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_key(&w, STR("supported_subject_request_types"));
    jsonw_raw(&w, STR("[\"access\",\"portability\",\"erasure\"]"));
    jsonw_field(&w, "processor_certificate", str_printf(&call->arena, "https://%.*s%s", STR_FMT(call->policy->rights_domain),
                                                        signer ? "/opendsr/v2/certificate" : "/v1/evidence/key"));
    jsonw_object_end(&w);
    reply_sign(call);
    return NULL;
}

const struct err *opendsr_certificate(struct call *call)
{
    const struct x509_signer *signer = engine_rights_signer(call->server->engine);
    TRY(domain_needed(call));
    if (!signer)
        return err_new(&call->arena, ERR_NOT_FOUND, "no certificate is set (`telos serve --opendsr-certificate`); replies are signed by the key of /v1/evidence/key");
    reply_text(call, MHD_HTTP_OK, "application/x-pem-file", x509_signer_certificates(signer));
    return NULL;
}

/* ---- a request ---- */

static const char *key_of(str theirs)
{
    for (size_t i = 0; i < sizeof(identities) / sizeof(*identities); i++)
        if (str_equal(theirs, str_of(identities[i].theirs)))
            return identities[i].ours;
    return NULL;
}

/* The first identity by which somebody is known; the first of all where nobody is. */
static const struct err *read_identities(struct call *call, const struct json *body, str *ret_subject, struct person **ret_person)
{
    const struct json *list = json_get(body, STR("subject_identities"));
    *ret_subject = STR_NONE;
    *ret_person = NULL;
    if (!list || list->type != JSON_ARRAY || !list->count || list->count > LIMIT_MESSAGE_IDENTIFIERS)
        return err_new(&call->arena, ERR_INVALID, "`subject_identities` is a list of 1 to %d identities", LIMIT_MESSAGE_IDENTIFIERS);
    for (uint32_t i = 0; i < list->count && !*ret_person; i++) {
        str type, value, format;
        TRY(body_need(call, &list->items[i], "identity_type", &type));
        TRY(body_need(call, &list->items[i], "identity_value", &value));
        TRY(body_need(call, &list->items[i], "identity_format", &format));
        const char *key = key_of(type);
        if (!key || !policy_key(call->policy, str_of(key)) || !str_equal(format, STR("raw")))
            return err_new(&call->arena, ERR_INVALID, "an identity of this type or format is not supported; see /opendsr/v2/discovery");
        str subject = str_printf(&call->arena, "%s:%.*s", key, STR_FMT(value));
        TRY(call_person(call, subject, PERSON_HEAD, ret_person));
        if (*ret_person || str_empty(*ret_subject))
            *ret_subject = subject;
    }
    return NULL;
}

static const struct err *write_external(struct call *call, const struct json *body, str id, str *ret_json)
{
    const struct json *urls = json_get(body, STR("status_callback_urls"));
    struct buf out;
    struct jsonw w;
    buf_init(&out, &call->arena, 64 * 1024);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "protocol", STR(PROTOCOL));
    jsonw_field(&w, "id", id);
    jsonw_key(&w, STR("callbacks"));
    jsonw_array(&w);
    bool fine = !urls || urls->type == JSON_NULL || (urls->type == JSON_ARRAY && urls->count <= LIMIT_RIGHTS_CALLBACKS);
    for (uint32_t i = 0; fine && urls && urls->type == JSON_ARRAY && i < urls->count; i++) {
        str url = json_string(&urls->items[i]);
        fine = callback_allowed(call->policy, url);
        if (fine)
            jsonw_string(&w, url);
    }
    if (!fine)
        return err_new(&call->arena, ERR_INVALID, "`status_callback_urls` are at most %d https addresses of public hosts, or of those that the policy names",
                       LIMIT_RIGHTS_CALLBACKS);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    *ret_json = buf_str(&out);
    return NULL;
}

static const struct err *accepted(struct call *call)
{
    const struct rights_act *act = call->state;
    struct jsonw w;
    TRY(rights_refused(call, act));
    str id = str_slice(act->alias, sizeof(PROTOCOL), act->alias.length);
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    jsonw_field(&w, "controller_id", call->policy->rights_domain);
    jsonw_field_time(&w, "expected_completion_time", act->ret_row.done_ms != TIME_NONE ? act->ret_row.done_ms : act->ret_row.due_ms);
    jsonw_field_time(&w, "received_time", act->ret_row.opened_ms);
    jsonw_field(&w, "encoded_request", str_base64(&call->arena, call->body.data, call->body.length));
    jsonw_field(&w, "subject_request_id", id);
    jsonw_object_end(&w);
    reply_sign(call);
    return NULL;
}

const struct err *opendsr_post(struct call *call)
{
    struct json body;
    struct message_identifier subject;
    struct person *person;
    struct uuid uuid;
    str id, type, regulation = STR("gdpr");
    int64_t submitted_ms = TIME_NONE;
    TRY(domain_needed(call));
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "subject_request_id", &id));
    TRY(body_need(call, &body, "subject_request_type", &type));
    TRY(body_string(call, &body, "regulation", &regulation));
    TRY(body_time(call, &body, "submitted_time", &submitted_ms));
    struct rights_act *act = rights_act_new(call, PROTOCOL);
    if (!uuid_parse(id, &uuid) || !right_parse(type, &act->right) ||
        (act->right != RIGHT_ACCESS && act->right != RIGHT_PORTABILITY && act->right != RIGHT_ERASURE))
        return err_new(&call->arena, ERR_INVALID, "`subject_request_id` is a UUID, `subject_request_type` access, portability or erasure");
    act->alias = str_printf(&call->arena, PROTOCOL ":%.*s", STR_FMT(uuid_format(&call->arena, uuid)));
    TRY(write_external(call, &body, id, &act->external));
    TRY(read_identities(call, &body, &act->details.subject, &person));
    TRY(call_subject(call, act->details.subject, &subject));
    if (!rights_alive(person)) {
        act->details = (struct rights_details){0};
        rights_step_add(act, RIGHTS_NOBODY);
        return rights_submit(call, act, accepted);
    }
    const struct identifier *identifier = rights_identifier(call->policy, person, person->root);
    act->profile = identifier ? identifier->profile : person->root;
    if (MAY(call->principal.role) & MAY_PRIVACY) { /* the controller answers for who it is */
        act->identity = STR("controller");
        rights_step_add(act, RIGHTS_IDENTITY_CONFIRMED);
        TRY(rights_work(call, act, &subject, person));
    }
    return rights_submit(call, act, accepted);
}

/* ---- its status ---- */

static const struct err *find(struct call *call, struct rights_case *ret_case)
{
    struct reader *reader;
    struct uuid theirs, ours;
    bool found = false;
    TRY(domain_needed(call));
    TRY(call_reader(call, &reader));
    if (!uuid_parse(call->parameters[0], &theirs))
        return err_new(&call->arena, ERR_INVALID, "the id of a request is a UUID");
    TRY(engine_rights_alias(reader, &call->arena, str_printf(&call->arena, PROTOCOL ":%.*s", STR_FMT(uuid_format(&call->arena, theirs))), &ours));
    if (!uuid_is_zero(ours))
        TRY(engine_right(reader, &call->arena, ours, false, ret_case, &found));
    return found ? NULL : err_new(&call->arena, ERR_NOT_FOUND, "there is no request of this id");
}

static void reply_status(struct call *call, unsigned status, const struct rights_request *row)
{
    struct jsonw w;
    char id[UUID_TEXT_SIZE];
    bool copy = row->right != RIGHT_ERASURE && (row->state == RIGHTS_COMPLETED || row->state == RIGHTS_IN_PROGRESS);
    reply_json(call, status, &w);
    jsonw_object(&w);
    jsonw_field(&w, "controller_id", call->policy->rights_domain);
    jsonw_field_time(&w, "expected_completion_time", row->done_ms != TIME_NONE ? row->done_ms : row->due_ms);
    jsonw_field(&w, "subject_request_id", call->parameters[0]);
    jsonw_field(&w, "request_status", str_of(rights_status_opendsr(row->state)));
    jsonw_field(&w, "api_version", STR("2.0"));
    jsonw_key(&w, STR("results_url"));
    if (copy)
        jsonw_string(&w, str_printf(&call->arena, "https://%.*s/v1/rights/%.*s/export", STR_FMT(call->policy->rights_domain), STR_FMT(uuid_text(row->id, id))));
    else
        jsonw_null(&w);
    jsonw_object_end(&w);
    reply_sign(call);
}

const struct err *opendsr_get(struct call *call)
{
    struct rights_case one;
    TRY(find(call, &one));
    reply_status(call, MHD_HTTP_OK, &one.row);
    return NULL;
}

static const struct err *cancelled(struct call *call)
{
    const struct rights_act *act = call->state;
    TRY(rights_refused(call, act));
    reply_status(call, MHD_HTTP_ACCEPTED, &act->ret_row);
    return NULL;
}

const struct err *opendsr_delete(struct call *call)
{
    struct rights_case one;
    TRY(find(call, &one));
    struct rights_act *act = rights_act_new(call, PROTOCOL);
    act->id = one.row.id;
    rights_step_add(act, RIGHTS_WITHDRAW);
    return rights_submit(call, act, cancelled);
}
