/* The Data Rights Protocol 1.0: agents whom persons have authorised send requests, signed with their own key, over our own requests.
 *
 *     POST /v1/agent/{id}                     pair up: a signed message, answered with the token for asking      GET: is it still good?
 *     POST /v1/data-rights-request            a signed request            GET …/{id} with that token: its status        DELETE: revoked, signed
 *
 * A body is base64( Ed25519 signature (64 bytes) || JSON ).
 *
 * 1. The policy names the agents, their keys, and what each may exercise (`rights.agents`). The token of the pairing says which agent it is, and the
 *    signature is verified with that agent's key before anything is read (3.07).
 * 2. An agent only opens: what it says of the person's address is no proof for us. The staff verifies, then answers. But `sale:opt-out` is done at once,
 *    for the purposes that say `gpp: [sale]`: an opt-out takes no proof of who it is (11 CCR 7026(d)), and costs the person nothing if it was somebody else.
 * 3. A message is for this business alone, lives between `issued-at` and `expires-at`, at most a day, and is taken once.
 * 4. An agent sees and revokes only what it opened itself.
 */
#include "base/json_strict.h"
#include "server/rights_private.h"

#include <sodium.h>

#define PROTOCOL "drp"
#define SKEW_MS (5 * MINUTE_MS)
#define LIFE_MAX_MS DAY_MS

struct drp_message {
    const struct rights_agent *agent;
    struct json json;
};

static const struct err *agent_of_token(struct call *call, const struct rights_agent **ret_agent);

/* Opens the body with an agent's key: that of the token, or, for pairing, of whoever's fits. */
static const struct err *message_open(struct call *call, bool pairing, struct drp_message *ret_message)
{
    str bytes;
    const struct rights_agent *holder = NULL;
    const struct err *refused = err_new(&call->arena, ERR_FORBIDDEN, "the message is not signed by %s", pairing ? "an agent that the policy names" : "the agent of the token");
    if (!call->policy || str_empty(call->policy->rights_domain))
        return err_new(&call->arena, ERR_NOT_FOUND, "this protocol is closed; the policy's section `rights` opens it");
    if (!pairing)
        TRY(agent_of_token(call, &holder));
    if (!str_unbase64(&call->arena, str_trim(buf_str(&call->body)), &bytes) || bytes.length <= crypto_sign_BYTES)
        return err_new(&call->arena, ERR_MALFORMED, "the body is base64 of a signature (64 bytes) and a JSON object");
    const unsigned char *signature = (const unsigned char *)bytes.data;
    str text = str_slice(bytes, crypto_sign_BYTES, bytes.length);
    ret_message->agent = NULL;
    vec_each (agent, &call->policy->rights_agents)
        if ((pairing || agent == holder) && crypto_sign_verify_detached(signature, (const unsigned char *)text.data, text.length, agent->key) == 0)
            ret_message->agent = agent;
    if (!ret_message->agent)
        return refused;
    TRY(json_read_strict(&call->arena, text, &ret_message->json));
    str name = json_string(json_get(&ret_message->json, STR("agent-id")));
    return str_equal(name, ret_message->agent->name) || (str_empty(name) && !pairing) ? NULL : refused;
}

/* What a message must say of itself, but one that revokes: that says a reason only (2.04), and its token and path are enough. */
static const struct err *message_fresh(struct call *call, const struct json *json)
{
    if (!str_equal(json_string(json_get(json, STR("drp.version"))), STR("1.0")))
        return err_new(&call->arena, ERR_INVALID, "`drp.version` is \"1.0\"");
    if (str_empty(json_string(json_get(json, STR("agent-id")))))
        return err_new(&call->arena, ERR_INVALID, "`agent-id` is missing");
    int64_t issued_ms, expires_ms;
    str issued = json_string(json_get(json, STR("issued-at"))), expires = json_string(json_get(json, STR("expires-at")));
    if (!str_equal(json_string(json_get(json, STR("business-id"))), call->policy->rights_domain))
        return err_new(&call->arena, ERR_FORBIDDEN, "the message is for another business (`business-id`)");
    if (!time_parse(issued, &issued_ms) || !time_parse(expires, &expires_ms) || issued_ms > call->received_ms + SKEW_MS || expires_ms <= call->received_ms ||
        expires_ms - issued_ms > LIFE_MAX_MS)
        return err_new(&call->arena, ERR_FORBIDDEN, "the message has expired, is not valid yet, or lives for more than a day (`issued-at`, `expires-at`)");
    return NULL;
}

/* ---- pairing ---- */

const struct err *drp_agent_post(struct call *call)
{
    struct drp_message message;
    struct jsonw w;
    TRY(message_open(call, true, &message));
    TRY(message_fresh(call, &message.json));
    if (!str_equal(call->parameters[0], message.agent->name))
        return err_new(&call->arena, ERR_FORBIDDEN, "the address names another agent");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "agent-id", message.agent->name);
    jsonw_field(&w, "token", engine_rights_agent_token(call->server->engine, &call->arena, message.agent->name, message.agent->key));
    jsonw_object_end(&w);
    reply_header(call, "Cache-Control", "no-store");
    return NULL;
}

static const struct err *agent_of_token(struct call *call, const struct rights_agent **ret_agent)
{
    str token;
    *ret_agent = NULL;
    if (!call->policy || str_empty(call->policy->rights_domain))
        return err_new(&call->arena, ERR_NOT_FOUND, "this protocol is closed; the policy's section `rights` opens it");
    for (size_t i = 0; call_bearer(call, &token) && i < call->policy->rights_agents.count; i++) {
        const struct rights_agent *agent = &call->policy->rights_agents.items[i];
        str expected = engine_rights_agent_token(call->server->engine, &call->arena, agent->name, agent->key);
        if (token.length == expected.length && sodium_memcmp(token.data, expected.data, expected.length) == 0)
            *ret_agent = agent;
    }
    return *ret_agent ? NULL : err_new(&call->arena, ERR_UNAUTHENTICATED, "the token is of no agent; pair up anew (POST /v1/agent/{id})");
}

const struct err *drp_agent_get(struct call *call)
{
    const struct rights_agent *agent;
    struct jsonw w;
    TRY(agent_of_token(call, &agent));
    if (!str_equal(call->parameters[0], agent->name))
        return err_new(&call->arena, ERR_FORBIDDEN, "the token is another agent's");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "agent-id", agent->name);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- status ---- */

static void reply_status(struct call *call, const struct rights_case *one)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    rights_status_drp(&w, &call->arena, one, call->policy->rights_domain);
    jsonw_object_end(&w);
    reply_header(call, "Cache-Control", "no-store");
}

static const struct err *opened(struct call *call)
{
    const struct rights_act *act = call->state;
    TRY(rights_refused(call, act));
    struct rights_case one = {.row = act->ret_row, .record = act->ret_record};
    reply_status(call, &one);
    return NULL;
}

/* ---- a request ---- */

static const struct err *read_exercise(struct call *call, const struct drp_message *message, struct rights_act *act)
{
    static const enum right rights[] = {[EXERCISE_ACCESS] = RIGHT_ACCESS, [EXERCISE_ACCESS_CATEGORIES] = RIGHT_ACCESS, [EXERCISE_ACCESS_SPECIFIC] = RIGHT_ACCESS,
                                        [EXERCISE_DELETION] = RIGHT_ERASURE, [EXERCISE_SALE_OPT_OUT] = RIGHT_OBJECTION,
                                        [EXERCISE_SALE_OPT_IN] = RIGHT_OBJECTION_LIFTED};
#define X(code, name) name,
    static const char *const names[] = {AGENT_EXERCISES(X)};
#undef X
    str exercise = json_string(json_get(&message->json, STR("exercise")));
    unsigned found = 0;
    while (found < EXERCISE_COUNT && !str_equal(exercise, str_of(names[found])))
        found++;
    if (found == EXERCISE_COUNT)
        return err_new(&call->arena, ERR_INVALID, "`exercise` is access, access:categories, access:specific, deletion, sale:opt-out or sale:opt-in");
    if (!(message->agent->exercises >> found & 1))
        return err_new(&call->arena, ERR_FORBIDDEN, "the policy does not let this agent exercise that");
    act->right = rights[found];
    act->details.text = str_copy(&call->arena, exercise);
    return NULL;
}

/* By e-mail address, else by telephone. */
static const struct err *read_person(struct call *call, const struct json *json, struct rights_act *act, struct person **ret_person)
{
    static const struct {
        const char *member, *key;
    } members[] = {{"email", "email"}, {"phone_number", "phone"}};
    struct message_identifier subject;
    *ret_person = NULL;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members) && !*ret_person; i++) {
        str value = json_string(json_get(json, str_of(members[i].member)));
        if (str_empty(value) || !policy_key(call->policy, str_of(members[i].key)))
            continue;
        str text = str_printf(&call->arena, "%s:%.*s", members[i].key, STR_FMT(value));
        TRY(call_subject(call, text, &subject));
        TRY(call_person(call, text, PERSON_HEAD, ret_person));
        if (*ret_person || str_empty(act->details.subject))
            act->details.subject = text;
    }
    return str_empty(act->details.subject) ? err_new(&call->arena, ERR_INVALID, "`email` or `phone_number` must say who it is about") : NULL;
}

static str write_external(struct call *call, const struct drp_message *message, str id, str callback)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, &call->arena, 64 * 1024);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "protocol", STR(PROTOCOL));
    jsonw_field(&w, "agent", message->agent->name);
    jsonw_field(&w, "id", id);
    jsonw_key(&w, STR("callbacks"));
    jsonw_array(&w);
    if (!str_empty(callback))
        jsonw_string(&w, callback);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return buf_str(&out);
}

/* The name of a request that the agent gave none: so that the same message is taken once, too. */
static str digest_of(struct call *call)
{
    struct hash digest;
    hash_sha256(str_trim(buf_str(&call->body)), &digest);
    return str_hex(&call->arena, digest.bytes, sizeof digest.bytes);
}

const struct err *drp_post(struct call *call)
{
    struct drp_message message;
    struct message_identifier subject;
    struct person *person;
    TRY(message_open(call, false, &message));
    TRY(message_fresh(call, &message.json));
    struct rights_act *act = arena_new(&call->arena, struct rights_act);
    act->channel = STR(PROTOCOL);
    act->role = str_printf(&call->arena, "agent:%.*s", STR_FMT(message.agent->name));
    TRY(read_exercise(call, &message, act));
    str id = json_string(json_get(&message.json, STR("agent-request-id"))), callback = json_string(json_get(&message.json, STR("status_callback")));
    if (id.length > LIMIT_NAME_BYTES || !str_valid_utf8(id))
        return err_new(&call->arena, ERR_INVALID, "`agent-request-id` is your own name of the request, at most %d bytes", LIMIT_NAME_BYTES);
    if (!str_empty(callback) && !callback_allowed(call->policy, callback))
        return err_new(&call->arena, ERR_INVALID, "`status_callback` is an https address of a public host");
    act->alias = str_printf(&call->arena, PROTOCOL ":%.*s:%.*s", STR_FMT(message.agent->name), STR_FMT(str_empty(id) ? digest_of(call) : id));
    act->external = write_external(call, &message, id, callback);
    TRY(read_person(call, &message.json, act, &person));
    if (rights_alive(person)) {
        const struct identifier *identifier = rights_identifier(call->policy, person, person->root);
        act->profile = identifier ? identifier->profile : person->root;
        if (str_equal(act->details.text, STR("sale:opt-out"))) {
            TRY(call_subject(call, act->details.subject, &subject));
            rights_opt_out(call, act, &subject);
        }
    } else {
        act->details = (struct rights_details){0};
        rights_step_add(act, RIGHTS_NOBODY);
    }
    return rights_submit(call, act, opened);
}

static const struct err *find(struct call *call, const struct rights_agent *agent, struct rights_case *ret_case)
{
    struct json external;
    TRY(rights_find(call, ret_case));
    bool mine = !str_empty(ret_case->record.external) && !json_read(&call->arena, ret_case->record.external, &external) &&
                str_equal(json_string(json_get(&external, STR("agent"))), agent->name) && str_equal(json_string(json_get(&external, STR("protocol"))), STR(PROTOCOL));
    return mine ? NULL : err_new(&call->arena, ERR_FORBIDDEN, "the request is not this agent's");
}

const struct err *drp_get(struct call *call)
{
    const struct rights_agent *agent;
    struct rights_case one;
    TRY(agent_of_token(call, &agent));
    TRY(find(call, agent, &one));
    reply_status(call, &one);
    return NULL;
}

const struct err *drp_delete(struct call *call)
{
    struct drp_message message;
    struct rights_case one;
    TRY(message_open(call, false, &message));
    if (json_get(&message.json, STR("business-id")))
        TRY(message_fresh(call, &message.json));
    TRY(find(call, message.agent, &one));
    struct rights_act *act = arena_new(&call->arena, struct rights_act);
    act->id = one.row.id;
    act->role = str_printf(&call->arena, "agent:%.*s", STR_FMT(message.agent->name));
    rights_step_add(act, RIGHTS_WITHDRAW);
    return rights_submit(call, act, opened);
}
