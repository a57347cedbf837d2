/* What a right asks of the person: the requests to the core that go into the same commit as the steps.
 *
 *   access, portability   nothing: the export is read            restriction, lifted    a record of the whole person
 *   rectification         REQUEST_RECTIFY                         objection, lifted      a record; decided later where the law lets it be examined
 *   erasure               REQUEST_ERASE                           withdrawal             a record for each consent
 *   human review          nothing: a person answers
 */
#include "server/rights_private.h"

struct rights_act *rights_act_new(struct call *call, const char *channel)
{
    struct rights_act *act = arena_new(&call->arena, struct rights_act);
    act->channel = str_of(channel);
    act->token = call->principal.token;
    act->role = str_of(role_name(call->principal.role));
    return act;
}

void rights_step_add(struct rights_act *act, enum rights_step_kind kind)
{
    ASSERT(act->step_count < RIGHTS_ACT_STEPS);
    act->steps[act->step_count++] = kind;
}

struct rights_act *rights_act_by_person(struct call *call, enum right right, const struct person *person, const struct identifier *identifier)
{
    struct rights_act *act = arena_new(&call->arena, struct rights_act);
    act->right = right;
    act->channel = STR("page");
    act->role = STR("person");
    act->profile = identifier ? identifier->profile : person->root;
    act->identity = STR("link");
    if (identifier && !str_empty(identifier->value))
        act->details.subject = str_printf(&call->arena, "%.*s:%.*s", STR_FMT(identifier->type), STR_FMT(identifier->value));
    rights_step_add(act, RIGHTS_IDENTITY_CONFIRMED);
    return act;
}

const struct identifier *rights_identifier(const struct policy *policy, const struct person *person, profile_no profile)
{
    const struct identifier *found = NULL;
    unsigned best = 0;
    vec_each (identifier, &person->identifiers) {
        const struct identity_key *key = policy_key(policy, identifier->type);
        unsigned rank = !key ? 0 : 1u + key->strength + (profile_no_equal(identifier->profile, profile) ? 1u << 16 : 0);
        if (rank > best) {
            best = rank;
            found = identifier;
        }
    }
    return found;
}

bool rights_alive(const struct person *person)
{
    for (size_t i = 0; person && i < person->profiles.count; i++)
        if (person->profiles.items[i].erased_ms == TIME_NONE)
            return true;
    return false;
}

static struct request *request_add(struct call *call, size_t room)
{
    struct work *work = &call->work;
    if (!work->requests)
        work->requests = arena_array(&call->arena, struct request, room);
    return &work->requests[work->request_count++];
}

static struct consent *say(struct call *call, const struct rights_act *act, const struct message_identifier *subject, enum consent_status status, str purpose,
                           size_t room)
{
    struct request *request = request_add(call, room);
    bool person = str_equal(act->role, STR("person"));
    request->kind = REQUEST_STATEMENT;
    request->statement.subject = *subject;
    request->statement.record = (struct consent){.at_ms = call->received_ms, .expires_ms = TIME_NONE, .source = STR("api"), .verified = true,
                                                 .by = SAID_BY_SELF, .status = status, .purpose = purpose, .reference = act->details.reference,
                                                 .method = person ? STR("rights request, by the person") : STR("rights request")};
    return &request->statement.record;
}

static const struct err *purpose_named(struct call *call, const struct rights_act *act, const struct purpose **ret_purpose)
{
    *ret_purpose = policy_purpose(call->policy, act->purpose);
    if (str_empty(act->purpose))
        return err_new(&call->arena, ERR_INVALID, "`purpose` is missing: what the person objects to");
    return *ret_purpose ? NULL : err_new(&call->arena, ERR_INVALID, "the active policy has no such purpose (`purpose`)");
}

static str jurisdiction_of(const struct person *person)
{
    for (size_t i = 0; person && i < person->profiles.count; i++)
        if (!str_empty(person->profiles.items[i].jurisdiction))
            return person->profiles.items[i].jurisdiction;
    return STR_NONE;
}

enum rights_step_kind rights_objection_step(const struct policy *policy, const struct purpose *purpose, const struct person *person)
{
    bool examined = rights_effect_on(RIGHT_OBJECTION, policy, purpose, jurisdiction_of(person)) == EFFECT_EXAMINE && policy->objection_overriders.count;
    return examined ? RIGHTS_STOPPED : RIGHTS_FULFILLED;
}

static const struct err *objection(struct call *call, struct rights_act *act, const struct message_identifier *subject, const struct person *person)
{
    const struct purpose *purpose;
    TRY(purpose_named(call, act, &purpose));
    if (rights_effect_on(RIGHT_OBJECTION, call->policy, purpose, jurisdiction_of(person)) == EFFECT_NONE)
        return err_new(&call->arena, ERR_CONFLICT, "the right to object does not reach this purpose: it rests on another basis (GDPR Art. 21)");
    (void)say(call, act, subject, CONSENT_OBJECTED, act->purpose, 1);
    rights_step_add(act, rights_objection_step(call->policy, purpose, person));
    return NULL;
}

/* Of one purpose, or of all that the person gave. */
static const struct err *withdrawal(struct call *call, struct rights_act *act, const struct message_identifier *subject, struct person *person)
{
    size_t room = call->policy->purposes.count + 1;
    if (!str_empty(act->purpose)) {
        const struct purpose *purpose;
        TRY(purpose_named(call, act, &purpose));
        (void)say(call, act, subject, CONSENT_WITHDRAWN, act->purpose, 1);
    } else if (person) {
        const struct standing *standing = gate_standing(&call->arena, call->policy, person, STR_NONE, call->received_ms);
        vec_each (purpose, &call->policy->purposes) {
            const struct purpose_standing *now = &standing->purposes[purpose->slot];
            if (now->basis == BASIS_CONSENT && now->record && (now->record->status == CONSENT_GIVEN || now->record->status == CONSENT_RENEWED))
                (void)say(call, act, subject, CONSENT_WITHDRAWN, purpose->name, room);
        }
    }
    rights_step_add(act, RIGHTS_FULFILLED);
    return NULL;
}

static const struct err *rectification(struct call *call, struct rights_act *act, const struct message_identifier *subject)
{
    if (str_empty(act->details.values))
        return err_new(&call->arena, ERR_INVALID, "`values` is missing: the right values, as in {\"address.city\": \"Pécs\"}; null removes one");
    struct request *request = request_add(call, 1);
    request->kind = REQUEST_RECTIFY;
    request->subject = *subject;
    request->value = act->details.values;
    rights_step_add(act, RIGHTS_FULFILLED);
    return NULL;
}

static void erasure(struct call *call, struct rights_act *act, const struct message_identifier *subject)
{
    struct request *request = request_add(call, 1);
    request->kind = REQUEST_ERASE;
    request->subject = *subject;
    rights_step_add(act, RIGHTS_FULFILLED);
}

const struct err *rights_work(struct call *call, struct rights_act *act, const struct message_identifier *subject, const struct person *person)
{
    const struct purpose *purpose;
    switch (act->right) {
    case RIGHT_ACCESS: case RIGHT_PORTABILITY:
        rights_step_add(act, RIGHTS_FULFILLED);
        return NULL;
    case RIGHT_RECTIFICATION: return rectification(call, act, subject);
    case RIGHT_ERASURE: erasure(call, act, subject); return NULL;
    case RIGHT_RESTRICTION: case RIGHT_RESTRICTION_LIFTED:
        (void)say(call, act, subject, act->right == RIGHT_RESTRICTION ? CONSENT_RESTRICTED : CONSENT_UNRESTRICTED, STR_NONE, 1);
        rights_step_add(act, RIGHTS_FULFILLED);
        return NULL;
    case RIGHT_OBJECTION: return objection(call, act, subject, person);
    case RIGHT_OBJECTION_LIFTED:
        TRY(purpose_named(call, act, &purpose));
        (void)say(call, act, subject, CONSENT_OBJECTION_LIFTED, act->purpose, 1);
        rights_step_add(act, RIGHTS_FULFILLED);
        return NULL;
    case RIGHT_WITHDRAWAL: return withdrawal(call, act, subject, (struct person *)(uintptr_t)person);
    case RIGHT_HUMAN_REVIEW:
        if (str_empty(act->answer))
            return err_new(&call->arena, ERR_INVALID, "`answer` is missing: what the human being decided, and why");
        rights_step_add(act, RIGHTS_FULFILLED);
        return NULL;
    default: return err_new(&call->arena, ERR_INVALID, "there is no such right");
    }
}

void rights_opt_out(struct call *call, struct rights_act *act, const struct message_identifier *subject)
{
    size_t said = 0;
    vec_each (purpose, &call->policy->purposes)
        if (purpose->gpp_uses & US_USE_BIT(US_SALE)) {
            struct consent *record = say(call, act, subject, CONSENT_OPTED_OUT, purpose->name, call->policy->purposes.count);
            record->method = STR("authorised agent");
            said++;
        }
    if (!said)
        return; /* nothing is said to be a sale: the staff answers */
    act->identity = STR("agent");
    rights_step_add(act, RIGHTS_IDENTITY_CONFIRMED);
    rights_step_add(act, RIGHTS_FULFILLED);
}

const struct err *rights_submit(struct call *call, struct rights_act *act, handler then)
{
    call->state = act;
    call->work.bytes = call->body.length + sizeof(*act) + call->work.request_count * sizeof(struct request);
    engine_rights_attach(&call->work, act);
    return call_commit(call, then);
}

const struct err *rights_refused(struct call *call, const struct rights_act *act)
{
    for (size_t i = 0; i < call->work.request_count; i++) {
        const struct request *request = &call->work.requests[i];
        if ((request->kind == REQUEST_ERASE || request->kind == REQUEST_RECTIFY) && !request->found && str_empty(request->refusal))
            return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier, or the person was erased before");
    }
    if (!str_empty(act->ret_refusal))
        return err_new(&call->arena, ERR_CONFLICT, "%.*s", STR_FMT(act->ret_refusal));
    return act->ret_found ? NULL : err_new(&call->arena, ERR_NOT_FOUND, "there is no request of this id");
}
