/* The person's data as one JSON object: all of it (access, Art. 15), or what may be taken along (portability, Art. 20).
 *
 * 1. Access shows everything that is stored of the person, whatever its purpose: it is the person who asks. It is recorded like any read.
 * 2. Portability shows what rests on consent or contract, and was provided by the person: not what others told, or what was worked out.
 */
#include "server/rights_private.h"

static void write_identifiers(struct jsonw *w, const struct person *person, purpose_mask mask)
{
    jsonw_key(w, STR("identifiers"));
    jsonw_array(w);
    vec_each (identifier, &person->identifiers) {
        if (str_empty(identifier->value) || !(identifier->purposes & mask))
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

static bool is_given(const struct policy *policy, purpose_mask purposes, str source, purpose_mask mask, bool access)
{
    return (purposes & mask) && (access || rights_provided(policy, source));
}

static void write_facts(const struct policy *policy, struct jsonw *w, const struct person *person, purpose_mask mask, bool access)
{
    jsonw_key(w, STR("facts"));
    jsonw_array(w);
    vec_each (fact, &person->facts) {
        if (!is_given(policy, fact->purposes, fact->source, mask, access))
            continue;
        jsonw_object(w);
        jsonw_field(w, "name", fact->name);
        jsonw_key(w, STR("value"));
        jsonw_raw(w, fact->value);
        jsonw_field(w, "source", fact->source);
        jsonw_field_time(w, "observed_at", fact->observed_ms);
        jsonw_key(w, STR("purposes"));
        write_purposes(w, policy, fact->purposes);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_all_events(struct call *call, struct jsonw *w, const struct person *person, purpose_mask mask, bool access)
{
    jsonw_key(w, STR("events"));
    jsonw_array(w);
    vec_each (event, &person->events) {
        for (unsigned i = 0; i < event->part_count; i++) {
            const struct event_part *part = &event->parts[i];
            if (!is_given(call->policy, part->purposes, event->source, mask, access) || str_empty(part->body))
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
static void write_information(const struct policy *policy, struct jsonw *w, struct arena *arena, const struct person *person)
{
    jsonw_key(w, STR("purposes"));
    jsonw_array(w);
    vec_each (purpose, &policy->purposes) {
        jsonw_object(w);
        jsonw_field(w, "name", purpose->name);
        jsonw_field(w, "title", purpose->title);
        jsonw_field(w, "basis", str_of(basis_name(purpose->basis)));
        jsonw_field(w, "article", str_of(basis_article(purpose->basis)));
        jsonw_field(w, "retention", period_text(arena, &purpose->retention));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("recipients"));
    jsonw_array(w);
    vec_each (row, &person->disclosures) {
        const struct destination *destination = policy_destination(policy, row->destination);
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
    jsonw_field(w, "controller", policy->controller);
    jsonw_field(w, "dpo", policy->dpo);
}

/* Where one day a person is scored, or decided on by a machine, the logic stands here (Art. 15(1)(h)). */
static void write_logic(struct jsonw *w, const struct policy *policy)
{
    jsonw_key(w, STR("scores"));
    jsonw_raw(w, STR("[]"));
    jsonw_key(w, STR("automated_decisions"));
    jsonw_array(w);
    vec_each (purpose, &policy->purposes) {
        if (!purpose->automated_decision)
            continue;
        jsonw_object(w);
        jsonw_field(w, "purpose", purpose->name);
        jsonw_field(w, "human_reviewer", purpose->human_reviewer);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void write_export_head(const struct policy *policy, struct jsonw *w, struct arena *arena, const struct person *person, bool access)
{
    purpose_mask mask = access ? ~(purpose_mask)0 : rights_portable(policy, STR_NONE);
    write_identifiers(w, person, mask);
    write_facts(policy, w, person, mask, access);
    if (!access)
        return;
    write_said(w, person);
    write_information(policy, w, arena, person);
    write_logic(w, policy);
}

void write_export(struct call *call, struct jsonw *w, const struct person *person, bool access)
{
    purpose_mask mask = access ? ~(purpose_mask)0 : rights_portable(call->policy, STR_NONE);
    jsonw_object(w);
    write_export_head(call->policy, w, &call->arena, person, access);
    write_all_events(call, w, person, mask, access);
    jsonw_object_end(w);
}

void rights_export_reply(struct call *call, const struct person *person, bool access)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, profile_uuid(person, person->root));
    jsonw_field(&w, "right", str_of(right_name(access ? RIGHT_ACCESS : RIGHT_PORTABILITY)));
    jsonw_field(&w, "state", STR("completed"));
    jsonw_field_time(&w, "at", call->received_ms);
    jsonw_key(&w, STR("export"));
    write_export(call, &w, person, access);
    jsonw_object_end(&w);
}
