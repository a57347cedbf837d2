/* A rights request as JSON: what everybody may see of it, and what only those who see persons. */
#include "server/rights_private.h"

bool rights_sees_persons(const struct call *call) { return call->principal.role != ROLE_AUDITOR; }

static void write_steps(struct jsonw *w, const struct rights_record *record)
{
    jsonw_key(w, STR("steps"));
    jsonw_array(w);
    vec_each (step, &record->steps) {
        jsonw_object(w);
        jsonw_field(w, "step", str_of(rights_step_name(step->kind)));
        jsonw_field_time(w, "at", step->at_ms);
        jsonw_field(w, "role", step->role);
        jsonw_key(w, STR("token"));
        if (uuid_is_zero(step->token))
            jsonw_null(w);
        else
            jsonw_uuid(w, step->token);
        if (!str_empty(step->code))
            jsonw_field(w, "code", step->code);
        jsonw_field_int(w, "ledger_index", (int64_t)step->ledger_index);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_recipients(struct jsonw *w, const struct rights_record *record)
{
    int64_t pending = 0;
    jsonw_key(w, STR("recipients"));
    jsonw_array(w);
    vec_each (recipient, &record->recipients) {
        pending += recipient->state == RECIPIENT_WAITING || recipient->state == RECIPIENT_TOLD;
        jsonw_object(w);
        jsonw_field(w, "destination", recipient->destination);
        jsonw_field(w, "recipient", recipient->recipient);
        jsonw_field(w, "purpose", recipient->purpose);
        jsonw_key(w, STR("delivery"));
        jsonw_uuid(w, recipient->delivery);
        jsonw_field(w, "state", str_of(rights_recipient_state_name(recipient->state)));
        jsonw_field_time(w, "at", recipient->at_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_field_int(w, "recipients_pending", pending);
}

static void write_outcome(struct jsonw *w, const struct rights_record *record)
{
    if (!record->counted)
        return;
    rights_counts_write(w, record);
    rights_kept_write(w, record);
}

static void write_refusal(struct jsonw *w, const struct rights_record *record)
{
    const struct rights_refusal *refusal = rights_refusal_find(record->code);
    if (!refusal)
        return;
    jsonw_key(w, STR("refusal"));
    jsonw_object(w);
    jsonw_field(w, "code", str_of(refusal->name));
    jsonw_field(w, "law", str_of(refusal->law));
    jsonw_field(w, "dpv", str_of(refusal->dpv));
    jsonw_object_end(w);
}

static void write_details(struct jsonw *w, const struct rights_details *details)
{
    jsonw_field(w, "subject", details->subject);
    jsonw_field(w, "text", details->text);
    jsonw_field(w, "reference", details->reference);
    jsonw_field(w, "answer", details->answer);
    jsonw_field(w, "extension", details->extension);
    if (!str_empty(details->values)) {
        jsonw_key(w, STR("values"));
        jsonw_raw(w, details->values);
    }
}

void write_case(struct call *call, struct jsonw *w, const struct rights_case *one, bool persons)
{
    const struct rights_request *row = &one->row;
    bool open = rights_state_open(row->state);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, row->id);
    jsonw_field(w, "right", str_of(right_name(row->right)));
    jsonw_field(w, "article", str_of(right_article(row->right)));
    jsonw_field(w, "state", str_of(rights_state_name(row->state)));
    jsonw_field_time(w, "at", open ? row->opened_ms : row->done_ms);
    jsonw_field(w, "channel", row->channel);
    jsonw_field_time(w, "opened_at", row->opened_ms);
    jsonw_field_time(w, "due_at", row->due_ms);
    jsonw_field_time(w, "done_at", row->done_ms);
    jsonw_key(w, STR("days_left"));
    if (open)
        jsonw_int(w, rights_days_left(row->due_ms, call->received_ms));
    else
        jsonw_null(w);
    jsonw_field_bool(w, "overdue", open && row->due_ms < call->received_ms);
    jsonw_field_bool(w, "late", !open && row->done_ms > row->due_ms);
    jsonw_field_bool(w, "extended", one->record.extended);
    jsonw_field(w, "purpose", one->record.purpose);
    jsonw_field(w, "identity", one->record.identity);
    write_refusal(w, &one->record);
    write_outcome(w, &one->record);
    write_recipients(w, &one->record);
    write_steps(w, &one->record);
    if (persons)
        write_details(w, &one->details);
}

void write_act(struct call *call, struct jsonw *w, const struct rights_act *act, bool persons)
{
    struct rights_case one = {.row = act->ret_row, .record = act->ret_record, .details = act->details};
    if (!str_empty(act->answer))
        one.details.answer = act->answer;
    if (!str_empty(act->extension))
        one.details.extension = act->extension;
    write_case(call, w, &one, persons && !str_empty(act->ret_row.sealed));
}

const struct err *rights_find(struct call *call, struct rights_case *ret_case)
{
    struct reader *reader;
    struct uuid id;
    bool found = false;
    if (!uuid_parse(call->parameters[0], &id))
        return err_new(&call->arena, ERR_INVALID, "the id of a rights request is a UUID");
    TRY(call_reader(call, &reader));
    TRY(engine_right(reader, &call->arena, id, rights_sees_persons(call), ret_case, &found));
    return found ? NULL : err_new(&call->arena, ERR_NOT_FOUND, "there is no rights request of this id");
}
