/* What handlers share when they speak of persons: finding them, writing them, and writing down that they were read. */
#include "server/server_private.h"

#define EVENT_PAGES_MAX 8

const struct err *call_person(struct call *call, str subject, unsigned parts, struct person **ret_person)
{
    struct reader *reader;
    TRY(call_reader(call, &reader));
    if (str_empty(subject))
        return err_new(&call->arena, ERR_INVALID, "say who: `subject=TYPE:VALUE`, as in email:anna@example.hu");
    return engine_person(reader, &call->arena, call->policy, subject, parts, ret_person);
}

const struct err *call_subject(struct call *call, str subject, struct message_identifier *ret_identifier)
{
    if (str_empty(subject))
        return err_new(&call->arena, ERR_INVALID, "`subject` is missing: write TYPE:VALUE, as in email:anna@example.hu");
    return identity_parse_subject(&call->arena, call->policy, subject, ret_identifier);
}

void call_record(struct call *call, const struct person *person, str purpose, const char *what)
{
    if (person)
        engine_record_read(call->server->engine, call->principal.token, person->root, purpose, what);
}

struct uuid profile_uuid(const struct person *person, profile_no number)
{
    const struct profile *profile = person_profile(person, number);
    return profile ? profile->id : (struct uuid){0};
}

void write_reason_names(struct jsonw *w, reason_mask reasons)
{
    jsonw_array(w);
    for (; reasons; reasons &= reasons - 1)
        jsonw_string(w, str_of(reason_name((enum reason)__builtin_ctzll(reasons))));
    jsonw_array_end(w);
}

/* `unknown`: the text for `indeterminate`; STR_NONE: its own. */
static void write_reason_items(struct jsonw *w, reason_mask reasons, str category, bool remedy, str unknown)
{
    for (; reasons; reasons &= reasons - 1) {
        enum reason reason = (enum reason)__builtin_ctzll(reasons);
        jsonw_object(w);
        jsonw_field(w, "code", str_of(reason_name(reason)));
        jsonw_field(w, "text", reason == REASON_INDETERMINATE && !str_empty(unknown) ? unknown : str_of(reason_text(reason)));
        if (remedy)
            jsonw_field(w, "remedy", str_of(reason_remedy(reason)));
        if (!str_empty(category))
            jsonw_field(w, "category", category);
        jsonw_object_end(w);
    }
}

void write_reasons(struct jsonw *w, reason_mask reasons)
{
    jsonw_array(w);
    write_reason_items(w, reasons, STR_NONE, true, STR_NONE);
    jsonw_array_end(w);
}

void write_purposes(struct jsonw *w, const struct policy *policy, purpose_mask mask)
{
    jsonw_array(w);
    vec_each (purpose, &policy->purposes)
        if (mask & purpose->self)
            jsonw_string(w, purpose->name);
    jsonw_array_end(w);
}

static void add_number(struct buf *out, uint64_t value)
{
    char digits[24], *at = digits + sizeof(digits);
    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_add(out, str_bytes(at, (size_t)(digits + sizeof(digits) - at)));
}

static void write_evidence(struct jsonw *w, const struct decision *decision, uint64_t policy_index)
{
    struct buf *out = w->out;
    char id[UUID_TEXT_SIZE];
    jsonw_key(w, STR("evidence"));
    jsonw_array(w);
    vec_each (item, &decision->evidence) {
        bool policy = item->kind[0] == 'p';
        uint64_t index = policy ? policy_index : item->ledger_index;
        jsonw_raw(w, policy ? STR("{\"kind\":\"policy\",\"id\":\"") : STR("{\"kind\":\"consent\",\"id\":\""));
        if (policy)
            add_number(out, decision->policy_version);
        else
            buf_add(out, uuid_text(item->id, id));
        buf_add(out, STR("\",\"ledger_index\":"));
        if (index == UINT64_MAX)
            buf_add(out, STR("null"));
        else
            add_number(out, index);
        buf_add_char(out, '}');
    }
    jsonw_array_end(w);
}

/* Written as text where it is always the same: this is what `decide` spends its time on. */
/* What is said of the purpose is not said again of each category; and who has not agreed has not failed to agree explicitly. */
static reason_mask category_reasons(const struct decision *decision, const struct category_result *category)
{
    const reason_mask none = REASON_BIT(REASON_CONSENT_MISSING) | REASON_BIT(REASON_CONSENT_REFUSED) | REASON_BIT(REASON_CONSENT_WITHDRAWN);
    return category->reasons & ~decision->reasons & ~(decision->reasons & none ? REASON_BIT(REASON_CONSENT_NOT_EXPLICIT) : 0);
}

void write_decision(struct jsonw *w, const struct decision *decision, uint64_t policy_index, str unknown)
{
    jsonw_raw(w, decision->allow ? STR("{\"decision\":\"allow\",\"basis\":") : STR("{\"decision\":\"deny\",\"basis\":"));
    w->comma = false;
    if (decision->basis_known)
        jsonw_string(w, str_of(basis_name(decision->basis)));
    else
        jsonw_null(w);
    buf_add(w->out, STR(",\"policy_version\":"));
    add_number(w->out, decision->policy_version);
    jsonw_key(w, STR("reasons"));
    jsonw_array(w);
    write_reason_items(w, decision->reasons, STR_NONE, false, unknown);
    vec_each (category, &decision->categories)
        write_reason_items(w, category_reasons(decision, category), category->category, false, STR_NONE);
    jsonw_array_end(w);
    jsonw_key(w, STR("categories"));
    jsonw_object(w);
    vec_each (category, &decision->categories) {
        jsonw_key(w, category->category);
        jsonw_raw(w, category->reasons || decision->reasons ? STR("\"deny\"") : STR("\"allow\""));
    }
    jsonw_object_end(w);
    write_evidence(w, decision, policy_index);
    jsonw_field_time(w, "valid_until", decision->valid_until_ms);
    if (decision->allowed_from_ms != TIME_NONE)
        jsonw_field_time(w, "allowed_from", decision->allowed_from_ms);
    jsonw_object_end(w);
}

void write_event(struct jsonw *w, const struct event *event, str body)
{
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, event->id);
    jsonw_field(w, "type", str_of(event_type_name(event->type)));
    jsonw_field_time(w, "at", event->at_ms);
    jsonw_field_time(w, "received_at", event->received_ms);
    jsonw_field(w, "source", event->source);
    if (body.length > 2) { /* its members, within this object */
        jsonw_raw(w, str_slice(body, 1, body.length - 1));
    }
    jsonw_object_end(w);
}

/* The newest events that the view may see; looks at no more than some pages of them. */
static const struct err *write_events(struct call *call, struct jsonw *w, struct profile_view *view, size_t max)
{
    uint64_t before = 0;
    struct reader *reader;
    TRY(call_reader(call, &reader));
    jsonw_key(w, STR("events"));
    jsonw_array(w);
    for (size_t shown = 0, pages = 0; shown < max && pages < EVENT_PAGES_MAX; pages++) {
        struct event *events;
        size_t count, wanted = max - shown;
        TRY(engine_events(reader, &call->arena, call->policy, view->person, before, wanted, &events, &count));
        for (size_t i = 0; i < count; i++) {
            str body;
            before = events[i].number.value;
            int64_t until_ms = profile_view_event_until(view, &events[i]);
            view->valid_until_ms = until_ms < view->valid_until_ms ? until_ms : view->valid_until_ms;
            if (!profile_view_event(&call->arena, view, NULL, &events[i], &body))
                continue;
            write_event(w, &events[i], body);
            shown++;
        }
        if (count < wanted)
            break;
    }
    jsonw_array_end(w);
    return NULL;
}

struct view_told view_told_to(const struct principal *principal, const struct policy *policy)
{
    purpose_mask own = 0, every = 0;
    vec_each (purpose, &policy->purposes) {
        every |= purpose->self;
        own |= principal_has(principal, purpose) ? purpose->self : 0;
    }
    bool all = own == every || (MAY_PRIVACY & MAY(principal->role));
    return (struct view_told){own, all ? WITHHELD_ALL : WITHHELD_OWN};
}

const struct err *write_profile(struct call *call, struct jsonw *w, struct profile_view *view, struct view_told told, size_t events_max)
{
    jsonw_object(w);
    profile_view_write(w, view, told);
    TRY(write_events(call, w, view, events_max));
    jsonw_key(w, STR("segments"));
    jsonw_raw(w, STR("[]"));
    jsonw_object_end(w);
    return NULL;
}

void view_person(struct call *call, const struct person *person, const struct purpose *purpose, struct profile_view *ret_view)
{
    struct question question = {
        .purpose = purpose->name, .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = clock_now_ms()};
    profile_view(&call->arena, call->policy, person, &question, NULL, ret_view);
}

void reply_withheld(struct call *call, str purpose, const struct decision *decision)
{
    struct jsonw w;
    reason_mask reasons = decision->reasons;
    vec_each (category, &decision->categories)
        reasons |= category->reasons;
    engine_count_denial(call->server->engine, call->policy, "read_denied", STR_NONE, purpose, reasons);
    reply_problem_begin(call, ERR_FORBIDDEN, "the gate withholds this person for this purpose; `reasons` says why", &w);
    jsonw_key(&w, STR("reasons"));
    write_reasons(&w, reasons);
    jsonw_object_end(&w);
}
