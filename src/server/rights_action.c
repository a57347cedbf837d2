/* What the staff does with a request that was opened: asks for proof of who it is, confirms, extends, does, decides, refuses, takes back.
 *
 * 1. A step is refused where the diagram of model/rights.h has no edge for it, and each is a leaf of the ledger in the same commit.
 * 2. Nothing is done for a person whose identity nobody confirmed.
 * 3. The deadline is extended once, within it, with a reason that the person is told (Art. 12(3)).
 */
#include "server/rights_private.h"

#define LINK_LIFE_MS (7 * DAY_MS)

struct action {
    struct rights_act *act;
    struct rights_case one;
    struct json body;
};

static const struct err *action_begin(struct call *call, struct action *action)
{
    TRY(call_object(call, true, &action->body));
    TRY(rights_find(call, &action->one));
    struct rights_act *act = rights_act_new(call, "api");
    act->id = action->one.row.id;
    act->right = action->one.row.right;
    act->purpose = action->one.record.purpose;
    act->details = action->one.details;
    act->profile = action->one.row.profile;
    action->act = act;
    return NULL;
}

static const struct err *read_words(struct call *call, const struct json *body, const char *name, bool needed, str *value)
{
    TRY(body_string(call, body, name, value));
    if (needed && str_empty(str_trim(*value)))
        return err_new(&call->arena, ERR_INVALID, "`%s` is missing: it is what the person is told", name);
    if (value->length > LIMIT_RIGHTS_TEXT_BYTES)
        return err_new(&call->arena, ERR_INVALID, "`%s` takes %d bytes", name, LIMIT_RIGHTS_TEXT_BYTES);
    return NULL;
}

/* The edge must be there before anything is asked of the person. */
static const struct err *edge_needed(struct call *call, const struct action *action, enum rights_step_kind kind)
{
    enum rights_state to;
    if (rights_step_allowed(action->one.row.state, kind, &to))
        return NULL;
    const char *then = action->one.row.state == RIGHTS_RECEIVED || action->one.row.state == RIGHTS_VERIFYING ? "; confirm the identity first" : "";
    return err_new(&call->arena, ERR_CONFLICT, "the request is %s, so the step `%s` is not possible%s", rights_state_name(action->one.row.state),
                   rights_step_name(kind), then);
}

static const struct err *acted(struct call *call)
{
    const struct rights_act *act = call->state;
    struct jsonw w;
    TRY(rights_refused(call, act));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_act(call, &w, act, true);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- identity ---- */

static const struct err *person_of_case(struct call *call, const struct rights_case *one, struct person **ret_person)
{
    struct reader *reader;
    *ret_person = NULL;
    if (!one->row.profile.value)
        return err_new(&call->arena, ERR_CONFLICT, "nobody is known by the identifier of this request");
    TRY(call_reader(call, &reader));
    TRY(engine_person_by_no(reader, &call->arena, call->policy, one->row.profile, PERSON_HEAD, ret_person));
    return *ret_person ? NULL : err_new(&call->arena, ERR_CONFLICT, "the person of this request is not there any more");
}

struct asked {
    const struct rights_act *act;
    str url;
    int64_t expires_ms;
};
static const struct err *link_made(struct call *call)
{
    const struct asked *asked = call->state;
    struct jsonw w;
    TRY(rights_refused(call, asked->act));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_act(call, &w, asked->act, true);
    jsonw_field(&w, "url", asked->url);
    jsonw_field_time(&w, "expires_at", asked->expires_ms);
    jsonw_object_end(&w);
    return NULL;
}

/* The identifier that the person gave, if that is one of theirs; else the one named in the body. */
static const struct err *verify_subject(struct call *call, const struct action *action, str *ret_subject)
{
    *ret_subject = action->one.details.subject;
    TRY(body_string(call, &action->body, "to", ret_subject));
    if (str_empty(*ret_subject))
        return err_new(&call->arena, ERR_INVALID, "say with `to` which known identifier the link is sent to, as in email:anna@example.hu");
    return NULL;
}

const struct err *right_verify(struct call *call)
{
    struct action action;
    struct person *person, *known;
    struct reader *reader;
    str subject, ticket;
    TRY(action_begin(call, &action));
    TRY(edge_needed(call, &action, RIGHTS_IDENTITY_ASKED));
    TRY(person_of_case(call, &action.one, &person));
    TRY(verify_subject(call, &action, &subject));
    struct asked *asked = arena_new(&call->arena, struct asked);
    asked->expires_ms = call->received_ms + LINK_LIFE_MS;
    TRY(call_reader(call, &reader));
    TRY(engine_link_make(reader, &call->arena, call->policy, STR("rights"), subject, asked->expires_ms, &ticket, &known));
    if (str_empty(ticket) || !profile_no_equal(known->root, person->root))
        return err_new(&call->arena, ERR_CONFLICT, "that is no known identifier of this person: a link may be sent to such a one only");
    call_record(call, person, STR_NONE, "rights link");
    char id[UUID_TEXT_SIZE];
    asked->url = str_printf(&call->arena, "%.*s&r=%.*s", STR_FMT(link_address(call, "/rights", ticket)), STR_FMT(uuid_text(action.one.row.id, id)));
    rights_step_add(action.act, RIGHTS_IDENTITY_ASKED);
    asked->act = action.act;
    call->state = asked;
    call->work.bytes = call->body.length + sizeof(*action.act);
    engine_rights_attach(&call->work, action.act);
    return call_commit(call, link_made);
}

const struct err *right_confirm(struct call *call)
{
    struct action action;
    TRY(action_begin(call, &action));
    TRY(edge_needed(call, &action, RIGHTS_IDENTITY_CONFIRMED));
    action.act->identity = STR("staff");
    rights_step_add(action.act, RIGHTS_IDENTITY_CONFIRMED);
    return rights_submit(call, action.act, acted);
}

/* ---- time ---- */

const struct err *right_extend(struct call *call)
{
    struct action action;
    TRY(action_begin(call, &action));
    TRY(edge_needed(call, &action, RIGHTS_EXTENDED));
    TRY(read_words(call, &action.body, "reason", true, &action.act->extension));
    if (action.one.record.extended)
        return err_new(&call->arena, ERR_CONFLICT, "the deadline was extended already; it is extended once (Art. 12(3))");
    if (action.one.row.due_ms < call->received_ms)
        return err_new(&call->arena, ERR_CONFLICT, "the deadline has passed; it is extended within the first month (Art. 12(3))");
    rights_step_add(action.act, RIGHTS_EXTENDED);
    return rights_submit(call, action.act, acted);
}

/* ---- the answer ---- */

static const struct err *subject_of_case(struct call *call, const struct rights_case *one, struct message_identifier *ret_subject, struct person **ret_person)
{
    TRY(person_of_case(call, one, ret_person));
    const struct identifier *identifier = rights_identifier(call->policy, *ret_person, one->row.profile);
    if (!identifier)
        return err_new(&call->arena, ERR_CONFLICT, "the person has no identifier left that the policy knows");
    *ret_subject = engine_link_identifier(call->policy, identifier);
    return NULL;
}

const struct err *right_fulfil(struct call *call)
{
    struct action action;
    struct message_identifier subject;
    struct person *person;
    const struct json *values;
    TRY(action_begin(call, &action));
    TRY(edge_needed(call, &action, RIGHTS_FULFILLED));
    TRY(read_words(call, &action.body, "answer", false, &action.act->answer));
    TRY(body_string(call, &action.body, "purpose", &action.act->purpose));
    if ((values = json_get(&action.body, STR("values"))) && values->type == JSON_OBJECT)
        action.act->details.values = values->raw;
    TRY(subject_of_case(call, &action.one, &subject, &person));
    bool stopped = false;
    vec_each (step, &action.one.record.steps)
        stopped |= step->kind == RIGHTS_STOPPED;
    if (stopped)
        return err_new(&call->arena, ERR_CONFLICT, "the objection is being examined: decide it (POST /v1/rights/{id}/decide)");
    TRY(rights_work(call, action.act, &subject, person));
    return rights_submit(call, action.act, acted);
}

static const struct err *may_override(struct call *call)
{
    str role = str_of(role_name(call->principal.role));
    vec_each (allowed, &call->policy->objection_overriders)
        if (str_equal(*allowed, role))
            return NULL;
    return err_new(&call->arena, ERR_FORBIDDEN, "the policy lets no `%s` override an objection (settings)", role_name(call->principal.role));
}

/* An objection that was examined: upheld, or overridden by compelling grounds that are shown (Art. 21(1)). */
const struct err *right_decide(struct call *call)
{
    struct action action;
    struct message_identifier subject;
    struct person *person;
    str decision, evidence = STR_NONE;
    TRY(action_begin(call, &action));
    TRY(body_need(call, &action.body, "decision", &decision));
    TRY(read_words(call, &action.body, "answer", true, &action.act->answer));
    bool overridden = str_equal(decision, STR("overridden"));
    if (!overridden && !str_equal(decision, STR("upheld")))
        return err_new(&call->arena, ERR_INVALID, "`decision` is upheld or overridden");
    TRY(edge_needed(call, &action, RIGHTS_UPHELD));
    if (action.one.row.right != RIGHT_OBJECTION)
        return err_new(&call->arena, ERR_CONFLICT, "only an objection is decided; `fulfil` or `refuse` the others");
    TRY(body_string(call, &action.body, "evidence", &evidence));
    if (overridden) {
        TRY(may_override(call));
        if (str_empty(evidence) || evidence.length > LIMIT_FIELD_NAME_BYTES)
            return err_new(&call->arena, ERR_INVALID, "`evidence` is missing: where the compelling grounds are shown, at most %d bytes", LIMIT_FIELD_NAME_BYTES);
    }
    TRY(subject_of_case(call, &action.one, &subject, &person));
    struct request *request = arena_new(&call->arena, struct request);
    request->kind = REQUEST_STATEMENT;
    request->statement.subject = subject;
    request->statement.override_objection = overridden;
    request->statement.record = (struct consent){.at_ms = call->received_ms, .expires_ms = TIME_NONE, .source = STR("api"), .verified = true,
                                                 .by = SAID_BY_AGENT, .status = overridden ? CONSENT_OBJECTION_LIFTED : CONSENT_OBJECTED,
                                                 .purpose = action.act->purpose, .reference = evidence, .method = STR("objection decided")};
    call->work.requests = request;
    call->work.request_count = 1;
    rights_step_add(action.act, overridden ? RIGHTS_OVERRIDDEN : RIGHTS_UPHELD);
    return rights_submit(call, action.act, acted);
}

const struct err *right_refuse(struct call *call)
{
    struct action action;
    TRY(action_begin(call, &action));
    TRY(edge_needed(call, &action, RIGHTS_REFUSE));
    TRY(body_need(call, &action.body, "code", &action.act->code));
    TRY(read_words(call, &action.body, "answer", false, &action.act->answer));
    if (!rights_refusal_find(action.act->code)) {
        struct buf names;
        size_t count;
        const struct rights_refusal *all = rights_refusals(&count);
        buf_init(&names, &call->arena, 4096);
        for (size_t i = 0; i < count; i++)
            buf_printf(&names, "%s%s", i ? ", " : "", all[i].name);
        return err_new(&call->arena, ERR_INVALID, "`code` is one of %.*s", STR_FMT(buf_str(&names)));
    }
    rights_step_add(action.act, RIGHTS_REFUSE);
    return rights_submit(call, action.act, acted);
}

const struct err *right_withdraw(struct call *call)
{
    struct action action;
    TRY(action_begin(call, &action));
    TRY(edge_needed(call, &action, RIGHTS_WITHDRAW));
    rights_step_add(action.act, RIGHTS_WITHDRAW);
    return rights_submit(call, action.act, acted);
}
