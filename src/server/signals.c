/* Consent signals by API: stated, decoded without being stated, and given out again for a site's own tags.
 *
 * 1. What a signal changes is decided by the core, by the same rules as for one on a message; the reply says which records were made, and why not.
 * 2. To allow something takes the purposes of the token; to take something away none (as in consents.c).
 * 3. Of purposes that the token does not have nobody is told how they stand: neither in the reply to a signal nor in the state for tags.
 * 4. Decoding asks nothing of anybody: no person is looked at, nothing is recorded.
 */
#include "server/server_private.h"

#include "core/signal.h"
#include "signal/consent_mode.h"
#include "signal/describe.h"

/* ---- reading ---- */

static const struct err *read_kind(struct call *call, const struct json *body, const struct json *value, enum signal_kind *ret_kind)
{
    str name = STR_NONE;
    TRY(body_string(call, body, "kind", &name));
    bool fine = str_empty(name) ? signal_guess(json_string(value), ret_kind) : signal_kind_parse(name, ret_kind);
    return fine ? NULL
                : err_new(&call->arena, ERR_INVALID, "`kind` is one of category_preferences, tcf, gpp, gpc, consent_mode%s",
                          str_empty(name) ? "; by its looks this value is none that is known" : "");
}

static const struct err *read_value(struct call *call, const struct json *body, const struct json **ret_value)
{
    *ret_value = json_get(body, STR("value"));
    if (!*ret_value || (*ret_value)->type == JSON_NULL)
        return err_new(&call->arena, ERR_INVALID, "`value` is missing: the string, or the object that it comes in");
    return NULL;
}

static str value_text(struct call *call, const struct json *value)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, &call->arena, LIMIT_API_BODY_BYTES * 2);
    jsonw_init(&w, &out);
    jsonw_value(&w, value);
    return out.overflow ? STR_NONE : buf_str(&out);
}

/* ---- stating ---- */

static void write_said(struct jsonw *w, const struct signal_said *said)
{
    jsonw_field(w, "purpose", said->purpose);
    jsonw_field(w, "says", str_of(said->says));
    if (!str_empty(said->vendor))
        jsonw_field(w, "destination", said->vendor);
    jsonw_field(w, "why", str_of(said->why));
}

static const struct consent *record_of(const struct person *person, struct uuid id)
{
    for (size_t i = 0; person && i < person->consents.count; i++)
        if (uuid_equal(person->consents.items[i].id, id))
            return &person->consents.items[i];
    return NULL;
}

static bool is_own(const struct call *call, const struct signal_said *said) { return principal_sees(&call->principal, call->work.policy, said->purpose); }

/* Of a foreign purpose only what the string itself says: whether its no changed anything would tell what held before. */
static void write_foreign(struct jsonw *w, struct signal_said said)
{
    if (!str_empty(said.vendor) || said.status != CONSENT_STATUS_COUNT || !strcmp(said.says, "no") || !strcmp(said.says, "opted_out"))
        return;
    said.why = "the token does not have this purpose, so it can only take away";
    jsonw_object(w);
    write_said(w, &said);
    jsonw_object_end(w);
}

static const struct err *signals_stated(struct call *call)
{
    const struct request *request = &call->work.requests[0];
    struct jsonw w;
    if (!str_empty(request->refusal))
        return err_new(&call->arena, ERR_CONFLICT, "%.*s", STR_FMT(request->refusal));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "kind", str_of(signal_kind_name(request->signal.kind)));
    jsonw_key(&w, STR("records"));
    jsonw_array(&w);
    vec_each (said, &request->signal.said) {
        if (said->status == CONSENT_STATUS_COUNT || !is_own(call, said))
            continue;
        const struct consent *record = record_of(request->person, said->record);
        jsonw_object(&w);
        jsonw_key(&w, STR("id"));
        jsonw_uuid(&w, said->record);
        jsonw_field(&w, "status", str_of(consent_status_name(said->status)));
        write_said(&w, said);
        if (record)
            jsonw_field_int(&w, "ledger_index", (int64_t)record->ledger_index);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_key(&w, STR("unchanged"));
    jsonw_array(&w);
    vec_each (said, &request->signal.said) {
        if (!is_own(call, said))
            write_foreign(&w, *said);
        if (said->status != CONSENT_STATUS_COUNT || !is_own(call, said))
            continue;
        jsonw_object(&w);
        write_said(&w, said);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

static void read_granted(struct call *call, struct signal_ask *ask)
{
    if (call->principal.all_purposes)
        return;
    str *names = arena_array(&call->arena, str, call->policy->purposes.count + 1);
    vec_each (purpose, &call->policy->purposes)
        if (principal_has(&call->principal, purpose))
            names[ask->granted_count++] = purpose->name;
    ask->granted = names;
}

const struct err *signals_post(struct call *call)
{
    struct json body;
    struct request *request = arena_new(&call->arena, struct request);
    const struct json *value;
    str subject = STR_NONE;
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "subject", &subject));
    request->kind = REQUEST_SIGNAL;
    request->signal.at_ms = call->received_ms;
    TRY(call_subject(call, subject, &request->subject));
    TRY(read_value(call, &body, &value));
    TRY(read_kind(call, &body, value, &request->signal.kind));
    TRY(body_time(call, &body, "at", &request->signal.at_ms));
    TRY(body_string(call, &body, "source", &request->signal.source));
    TRY(body_bool(call, &body, "fresh", &request->signal.fresh));
    if (!str_empty(request->signal.source) && !policy_source(call->policy, request->signal.source))
        return err_new(&call->arena, ERR_INVALID, "the active policy has no such source (`source`)");
    read_granted(call, &request->signal);
    request->value = value_text(call, value);
    if (request->value.length > LIMIT_MESSAGE_BYTES || str_empty(request->value))
        return err_new(&call->arena, ERR_TOO_LARGE, "a signal takes %d bytes", LIMIT_MESSAGE_BYTES);
    call->work.requests = request;
    call->work.request_count = 1;
    call->work.bytes = request->value.length + sizeof(*request);
    return call_commit(call, signals_stated);
}

/* ---- decoding ---- */

const struct err *signals_decode(struct call *call)
{
    struct json body;
    const struct json *value;
    enum signal_kind kind = SIGNAL_TCF;
    int64_t at_ms = call->received_ms;
    struct jsonw w;
    TRY(call_object(call, false, &body));
    TRY(read_value(call, &body, &value));
    TRY(read_kind(call, &body, value, &kind));
    TRY(body_time(call, &body, "at", &at_ms));
    reply_json(call, MHD_HTTP_OK, &w);
    signal_show(&w, &call->arena, call->policy, kind, value, at_ms);
    return NULL;
}

/* ---- out again ---- */

/* What the token may be told of: a key that other purposes share is left out. */
struct state {
    const struct policy *policy;
    const struct standing *standing;
    const struct person *person;
    purpose_mask own;
    int64_t now_ms;
};

static bool told(const struct state *state, purpose_mask mask) { return mask && !(mask & ~state->own); }

/* A key that several purposes share is granted only where all of them hold. */
static bool all_hold(const struct state *state, purpose_mask mask)
{
    vec_each (purpose, &state->policy->purposes)
        if ((mask & purpose->self) && !(state->standing->holds & purpose->self))
            return false;
    return mask != 0;
}

static void write_state_purposes(struct jsonw *w, const struct state *state)
{
    jsonw_key(w, STR("purposes"));
    jsonw_object(w);
    vec_each (purpose, &state->policy->purposes) {
        const struct purpose_standing *mine = &state->standing->purposes[purpose->slot];
        if (!told(state, purpose->self))
            continue;
        jsonw_key(w, purpose->name);
        jsonw_object(w);
        jsonw_field_bool(w, "allowed", !mine->reasons);
        jsonw_field(w, "basis", str_of(basis_name(mine->basis)));
        jsonw_key(w, STR("reasons"));
        write_reason_names(w, mine->reasons);
        jsonw_field_time(w, "valid_until", mine->valid_until_ms);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static void write_state_modes(struct jsonw *w, const struct state *state)
{
    jsonw_key(w, STR("consent_mode"));
    jsonw_object(w);
    for (unsigned type = 0; type < CONSENT_MODE_COUNT; type++) {
        purpose_mask mask = 0;
        vec_each (purpose, &state->policy->purposes)
            mask |= purpose->consent_modes >> type & 1 ? purpose->self : 0;
        if (told(state, mask))
            jsonw_field(w, consent_mode_name((enum consent_mode_type)type), all_hold(state, mask) ? STR("granted") : STR("denied"));
    }
    jsonw_object_end(w);
}

static void write_state_categories(struct jsonw *w, const struct state *state)
{
    struct map_slot slot;
    jsonw_key(w, STR("categoryPreferences"));
    jsonw_object(w);
    for (size_t position = 0; map_next(&state->policy->signal_by_category, &position, &slot);) {
        purpose_mask mask = *(const purpose_mask *)slot.value;
        if (mask && !told(state, mask))
            continue;
        jsonw_key(w, slot.key);
        jsonw_bool(w, all_hold(state, mask));
    }
    jsonw_object_end(w);
}

static void write_tcf_list(struct jsonw *w, const char *name, const struct state *state, bool consent)
{
    jsonw_key(w, str_of(name));
    jsonw_array(w);
    for (unsigned id = 1; id <= TCF_PURPOSES; id++) {
        purpose_mask mask = 0;
        vec_each (purpose, &state->policy->purposes)
            if (tcf_purpose(purpose->tcf_purposes, id) && (state->standing->purposes[purpose->slot].basis == BASIS_CONSENT) == consent)
                mask |= purpose->self;
        if (told(state, mask) && all_hold(state, mask))
            jsonw_int(w, id);
    }
    jsonw_array_end(w);
}

static void write_state_tcf(struct jsonw *w, const struct state *state)
{
    jsonw_key(w, STR("tcf"));
    jsonw_object(w);
    write_tcf_list(w, "purposes_consent", state, true);
    write_tcf_list(w, "purposes_interest", state, false);
    jsonw_key(w, STR("vendors"));
    jsonw_array(w);
    vec_each (destination, &state->policy->destinations) {
        const struct purpose *purpose = &state->policy->purposes.items[destination->purpose];
        if (destination->tcf_vendor && told(state, purpose->self) && (state->standing->holds & purpose->self) &&
            gate_vendor_permitted(state->policy, state->person, purpose->name, destination->tcf_vendor, state->now_ms, TIME_FOREVER))
            jsonw_int(w, destination->tcf_vendor);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

static void write_state_us(struct jsonw *w, const struct state *state)
{
#define X(code, name, what) name,
    static const char *const names[] = {US_USES(X)};
#undef X
    jsonw_key(w, STR("us"));
    jsonw_object(w);
    for (unsigned use = 0; use < US_USE_COUNT; use++) {
        purpose_mask mask = 0;
        bool out = false;
        vec_each (purpose, &state->policy->purposes) {
            bool named = purpose->gpp_uses & US_USE_BIT(use);
            mask |= named ? purpose->self : 0;
            out |= named && (state->standing->purposes[purpose->slot].reasons & REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL));
        }
        if (told(state, mask))
            jsonw_field(w, names[use], out ? STR("opted_out") : STR("not_opted_out"));
    }
    jsonw_object_end(w);
}

const struct err *signals_state(struct call *call)
{
    struct person *person = NULL;
    struct jsonw w;
    const struct policy *policy = call->policy;
    TRY(call_person(call, call_query(call, "subject"), PERSON_HEAD, &person));
    if (person)
        call_record(call, person, STR_NONE, "consent state");
    const struct standing *standing = gate_standing_at(&call->arena, policy, person, STR_NONE, call->received_ms, TIME_FOREVER);
    struct state state = {.policy = policy, .standing = standing, .person = person, .now_ms = call->received_ms};
    vec_each (purpose, &policy->purposes)
        state.own |= principal_has(&call->principal, purpose) ? purpose->self : 0;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_bool(&w, "known", person != NULL);
    jsonw_field_time(&w, "at", call->received_ms);
    jsonw_field_time(&w, "valid_until", standing->valid_until_ms);
    write_state_purposes(&w, &state);
    write_state_modes(&w, &state);
    write_state_categories(&w, &state);
    write_state_tcf(&w, &state);
    write_state_us(&w, &state);
    jsonw_object_end(&w);
    return NULL;
}
