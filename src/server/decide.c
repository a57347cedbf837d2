/* POST /v1/decide: questions to the gate. One, or an array of up to LIMIT_DECIDE_QUESTIONS.
 *
 * 1. A denial is an answer, not an error.
 * 2. A question about a past day is decided under the policy of that day, from what is recorded (`at`, `known_at`).
 * 3. A token may ask for its own purposes only.
 * 4. An answer tells something of the person, so it is recorded as a read ("decide"); in an array once for each person and purpose.
 */
#include "server/server_private.h"

#include "base/map.h"

#define INLINE_QUESTIONS_MAX 8

/* The ledger index of the activation of a policy version; UINT64_MAX where it is not known. The last one is remembered. */
static const struct err *policy_index(struct call *call, uint32_t version, uint64_t *ret_index)
{
    struct server *server = call->server;
    struct reader *reader;
    struct policy_row row;
    bool found = false;
    uint64_t known = atomic_load(&server->policy_index);
    if (known >> 40 == version && version) {
        *ret_index = known & ((UINT64_C(1) << 40) - 1);
        return NULL;
    }
    TRY(call_reader(call, &reader));
    TRY(engine_store(server->engine)->policy(reader_session(reader), &call->arena, version, &row, &found));
    *ret_index = found ? row.ledger_index : UINT64_MAX;
    if (found && row.ledger_index < UINT64_C(1) << 40)
        atomic_store(&server->policy_index, (uint64_t)version << 40 | row.ledger_index);
    return NULL;
}

static const struct err *read_categories(struct call *call, const struct json *body, struct question *question)
{
    const struct json *list = json_get(body, STR("categories"));
    if (!list || list->type == JSON_NULL)
        return NULL;
    if (list->type != JSON_ARRAY || list->count > LIMIT_CATEGORIES)
        return err_new(&call->arena, ERR_INVALID, "`categories` must be an array of names");
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i].type != JSON_STRING)
            return err_new(&call->arena, ERR_INVALID, "`categories` must be an array of names");
        *(str *)vec_push(&call->arena, &question->categories) = list->items[i].text;
    }
    return NULL;
}

static const struct err *read_question(struct call *call, const struct json *body, str *ret_subject, struct question *ret_question)
{
    struct question question = {.operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = call->received_ms};
    str operation = STR_NONE;
    if (body->type != JSON_OBJECT)
        return err_new(&call->arena, ERR_INVALID, "a question must be a JSON object");
    TRY(body_need(call, body, "subject", ret_subject));
    TRY(body_need(call, body, "purpose", &question.purpose));
    TRY(read_categories(call, body, &question));
    TRY(body_string(call, body, "recipient", &question.recipient));
    TRY(body_string(call, body, "channel", &question.channel));
    TRY(body_string(call, body, "topic", &question.topic));
    TRY(body_bool(call, body, "contact", &question.contact));
    TRY(body_time(call, body, "at", &question.at_ms));
    TRY(body_time(call, body, "known_at", &question.known_ms));
    TRY(body_string(call, body, "operation", &operation));
    if (str_equal(operation, STR("store")))
        question.operation = OPERATION_STORE;
    else if (!str_empty(operation) && !str_equal(operation, STR("use")))
        return err_new(&call->arena, ERR_INVALID, "`operation` is \"use\" or \"store\"");
    const struct purpose *purpose = policy_purpose(call->policy, question.purpose);
    if (purpose && !principal_has(&call->principal, purpose)) /* an unknown one is denied by the gate */
        return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have this purpose");
    *ret_question = question;
    return NULL;
}

/* Under the policy of that day; before there was one, nothing was allowed. */
static const struct err *decide_past(struct call *call, str subject, const struct question *question, struct decision *ret_decision,
                                     struct person **ret_person, str *ret_unknown)
{
    struct policy *past = NULL;
    struct person *person = NULL;
    struct reader *reader;
    TRY(call_reader(call, &reader));
    TRY(engine_policy_at(call->server->engine, reader, &call->arena, question->at_ms, &past));
    const struct policy *policy = past ? past : call->policy;
    const struct err *error = engine_person(reader, &call->arena, policy, subject, PERSON_HEAD | PERSON_OUTBOX, &person);
    if (!error)
        gate_decide(&call->arena, policy, person, question, ret_decision);
    if (!error && !past) {
        ret_decision->allow = false;
        ret_decision->reasons |= REASON_BIT(REASON_INDETERMINATE);
        *ret_unknown = STR("No policy was in force at that time, so nothing was allowed.");
    }
    if (!error) /* names are the policy's, which ends here */
        vec_each (category, &ret_decision->categories)
            category->category = str_copy(&call->arena, category->category);
    if (past)
        policy_free(past);
    if (!error)
        *ret_person = person;
    return error;
}

/* `recorded`: what this call has recorded already; NULL where it asks one question only. */
static void record(struct call *call, struct map *recorded, const struct person *person, str purpose_name)
{
    static char yes;
    if (!person)
        return;
    const struct purpose *purpose = policy_purpose(call->policy, purpose_name);
    if (recorded) {
        uint64_t *key = arena_array(&call->arena, uint64_t, 2);
        key[0] = person->root.value;
        key[1] = purpose ? purpose->slot : UINT64_MAX;
        str bytes = str_bytes(key, 2 * sizeof(*key));
        if (map_get(recorded, bytes))
            return;
        map_set(recorded, bytes, &yes);
    }
    call_record(call, person, purpose ? purpose->name : STR_NONE, "decide"); /* a name that no policy knows may say anything */
}

static const struct err *decide_one(struct call *call, const struct json *body, struct jsonw *w, struct map *recorded)
{
    struct question question;
    struct decision decision;
    struct person *person = NULL;
    str subject, unknown = STR_NONE;
    uint64_t index;
    TRY(read_question(call, body, &subject, &question));
    if (question.at_ms != TIME_NONE && question.at_ms < call->policy->activated_ms) {
        TRY(decide_past(call, subject, &question, &decision, &person, &unknown));
    } else {
        bool contact = question.contact || !str_empty(question.channel) || !str_empty(question.topic);
        TRY(call_person(call, subject, contact ? PERSON_HEAD | PERSON_OUTBOX : PERSON_HEAD | ENGINE_GATE_ONLY, &person));
        gate_decide(&call->arena, call->policy, person, &question, &decision);
    }
    record(call, recorded, person, question.purpose);
    if (!decision.allow)
        engine_count_denial(call->server->engine, call->policy, "decide_denied", STR_NONE, question.purpose, decision.reasons);
    TRY(policy_index(call, decision.policy_version, &index));
    write_decision(w, &decision, index, unknown);
    return NULL;
}

static const struct err *decide_all(struct call *call)
{
    const struct json *body = call->state;
    struct jsonw w;
    struct map recorded;
    reply_json(call, MHD_HTTP_OK, &w);
    if (body->type == JSON_OBJECT)
        return decide_one(call, body, &w, NULL);
    map_init(&recorded, &call->arena);
    jsonw_array(&w);
    for (uint32_t i = 0; i < body->count; i++) {
        const struct err *error = decide_one(call, &body->items[i], &w, &recorded);
        if (error)
            return err_wrap(&call->arena, error, "question %u", i + 1);
    }
    jsonw_array_end(&w);
    return NULL;
}

const struct err *decide_post(struct call *call)
{
    struct json *body = arena_new(&call->arena, struct json);
    TRY(call_json(call, body));
    call->state = body;
    if (body->type == JSON_ARRAY && body->count > LIMIT_DECIDE_QUESTIONS)
        return err_new(&call->arena, ERR_TOO_LARGE, "one call takes %d questions; ask the rest in another", LIMIT_DECIDE_QUESTIONS);
    bool past = body->type == JSON_OBJECT && json_get(body, STR("at"));
    if (past || (body->type == JSON_ARRAY && body->count > INLINE_QUESTIONS_MAX))
        return call_offload(call, decide_all);
    return decide_all(call);
}
