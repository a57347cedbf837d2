/* A request's record and details as JSON texts, and back. */
#include "base/limits.h"
#include "core/rights.h"

/* ---- writing ---- */

static void write_steps(struct jsonw *w, const struct rights_record *record)
{
    jsonw_key(w, STR("steps"));
    jsonw_array(w);
    vec_each (step, &record->steps) {
        jsonw_object(w);
        jsonw_field(w, "step", str_of(rights_step_name(step->kind)));
        jsonw_field_time(w, "at", step->at_ms);
        jsonw_field(w, "role", step->role);
        if (!uuid_is_zero(step->token)) {
            jsonw_key(w, STR("token"));
            jsonw_uuid(w, step->token);
        }
        if (!str_empty(step->code))
            jsonw_field(w, "code", step->code);
        jsonw_field_int(w, "ledger_index", (int64_t)step->ledger_index);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void rights_counts_write(struct jsonw *w, const struct rights_record *record)
{
    jsonw_key(w, STR("erased"));
    jsonw_object(w);
#define X(name) jsonw_field_int(w, #name, (int64_t)record->counts.name);
    RIGHTS_COUNTS(X)
#undef X
    jsonw_object_end(w);
}

void rights_kept_write(struct jsonw *w, const struct rights_record *record)
{
    jsonw_key(w, STR("kept"));
    jsonw_array(w);
    vec_each (kept, &record->kept) {
        jsonw_object(w);
        jsonw_field(w, "purpose", kept->purpose);
        jsonw_field(w, "basis", kept->basis);
        jsonw_field(w, "law", kept->law);
        jsonw_field_int(w, "count", (int64_t)kept->count);
        jsonw_field_time(w, "until", kept->until_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_outcome(struct jsonw *w, const struct rights_record *record)
{
    if (record->counted)
        rights_counts_write(w, record);
    rights_kept_write(w, record);
    jsonw_key(w, STR("recipients"));
    jsonw_array(w);
    vec_each (recipient, &record->recipients) {
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
}

str rights_record_write(struct arena *arena, const struct rights_record *record)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, LIMIT_RIGHTS_RECORD_BYTES);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field(&w, "purpose", record->purpose);
    jsonw_field(&w, "identity", record->identity);
    jsonw_field(&w, "code", record->code);
    jsonw_field_bool(&w, "extended", record->extended);
    if (!str_empty(record->external)) {
        jsonw_key(&w, STR("external"));
        jsonw_raw(&w, record->external);
        jsonw_field(&w, "told", record->told);
        jsonw_field_int(&w, "tellings", (int64_t)record->tellings);
    }
    if (!uuid_is_zero(record->erasure)) {
        jsonw_key(&w, STR("erasure"));
        jsonw_uuid(&w, record->erasure);
    }
    write_outcome(&w, record);
    write_steps(&w, record);
    jsonw_object_end(&w);
    ASSERT(!buf.overflow);
    return buf_str(&buf);
}

#define DETAILS(X) X(subject) X(text) X(reference) X(answer) X(extension)

str rights_details_write(struct arena *arena, const struct rights_details *details)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, (size_t)LIMIT_RIGHTS_TEXT_BYTES * 64);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
#define X(name)                                                                                                        \
    if (!str_empty(details->name))                                                                                     \
        jsonw_field(&w, #name, details->name);
    DETAILS(X)
#undef X
    if (!str_empty(details->values)) {
        jsonw_key(&w, STR("values"));
        jsonw_raw(&w, details->values);
    }
    jsonw_object_end(&w);
    ASSERT(!buf.overflow);
    return buf_str(&buf);
}

/* ---- reading ---- */

static str get_text(const struct json *object, const char *name) { return json_string(json_get(object, str_of(name))); }

static int64_t get_time(const struct json *object, const char *name, int64_t none)
{
    int64_t time_ms = none;
    str text = get_text(object, name);
    return !str_empty(text) && time_parse(text, &time_ms) ? time_ms : none;
}

static uint64_t get_number(const struct json *object, const char *name)
{
    int64_t number = 0;
    return json_int(json_get(object, str_of(name)), &number) && number > 0 ? (uint64_t)number : 0;
}

static struct uuid get_uuid(const struct json *object, const char *name)
{
    struct uuid id = {0};
    (void)uuid_parse(get_text(object, name), &id); /* absent: zero */
    return id;
}

static bool read_steps(struct arena *arena, const struct json *list, struct rights_record *record)
{
    for (uint32_t i = 0; list && list->type == JSON_ARRAY && i < list->count; i++) {
        const struct json *item = &list->items[i];
        struct rights_step step = {.at_ms = get_time(item, "at", TIME_NONE), .token = get_uuid(item, "token"), .role = get_text(item, "role"),
                                   .code = get_text(item, "code"), .ledger_index = get_number(item, "ledger_index")};
        str name = get_text(item, "step");
        unsigned kind = 0;
        while (kind < RIGHTS_STEP_COUNT && !str_equal(name, str_of(rights_step_name((enum rights_step_kind)kind))))
            kind++;
        if (kind == RIGHTS_STEP_COUNT)
            return false;
        step.kind = (enum rights_step_kind)kind;
        *(struct rights_step *)vec_push(arena, &record->steps) = step;
    }
    return true;
}

static enum rights_recipient_state read_recipient_state(str text)
{
    for (unsigned state = RECIPIENT_WAITING; state <= RECIPIENT_FAILED; state++)
        if (str_equal(text, str_of(rights_recipient_state_name((enum rights_recipient_state)state))))
            return (enum rights_recipient_state)state;
    return RECIPIENT_WAITING;
}

static void read_outcome(struct arena *arena, const struct json *json, struct rights_record *record)
{
    const struct json *erased = json_get(json, STR("erased")), *list = json_get(json, STR("kept"));
    record->counted = erased != NULL;
#define X(name) record->counts.name = get_number(erased, #name);
    RIGHTS_COUNTS(X)
#undef X
    for (uint32_t i = 0; list && list->type == JSON_ARRAY && i < list->count; i++) {
        const struct json *item = &list->items[i];
        *(struct rights_kept *)vec_push(arena, &record->kept) =
            (struct rights_kept){.purpose = get_text(item, "purpose"), .basis = get_text(item, "basis"), .law = get_text(item, "law"),
                                 .count = get_number(item, "count"), .until_ms = get_time(item, "until", TIME_FOREVER)};
    }
    list = json_get(json, STR("recipients"));
    for (uint32_t i = 0; list && list->type == JSON_ARRAY && i < list->count; i++) {
        const struct json *item = &list->items[i];
        *(struct rights_recipient *)vec_push(arena, &record->recipients) = (struct rights_recipient){
            .destination = get_text(item, "destination"), .recipient = get_text(item, "recipient"), .purpose = get_text(item, "purpose"),
            .delivery = get_uuid(item, "delivery"), .state = read_recipient_state(get_text(item, "state")), .at_ms = get_time(item, "at", TIME_NONE)};
    }
}

const struct err *rights_record_read(struct arena *arena, str text, struct rights_record *ret_record)
{
    struct json json;
    struct rights_record record = {0};
    TRY(json_read(arena, str_copy(arena, text), &json));
    record.purpose = get_text(&json, "purpose");
    record.identity = get_text(&json, "identity");
    record.code = get_text(&json, "code");
    record.extended = json_bool(json_get(&json, STR("extended")), false);
    record.erasure = get_uuid(&json, "erasure");
    const struct json *external = json_get(&json, STR("external"));
    record.external = external ? external->raw : STR_NONE;
    record.told = get_text(&json, "told");
    record.tellings = get_number(&json, "tellings");
    read_outcome(arena, &json, &record);
    if (json.type != JSON_OBJECT || !read_steps(arena, json_get(&json, STR("steps")), &record))
        return err_new(arena, ERR_INTERNAL, "the record of a rights request is damaged");
    *ret_record = record;
    return NULL;
}

const struct err *rights_details_read(struct arena *arena, str text, struct rights_details *ret_details)
{
    struct json json;
    struct rights_details details = {0};
    if (str_empty(text)) {
        *ret_details = details;
        return NULL;
    }
    TRY(json_read(arena, str_copy(arena, text), &json));
#define X(name) details.name = get_text(&json, #name);
    DETAILS(X)
#undef X
    const struct json *values = json_get(&json, STR("values"));
    details.values = values ? values->raw : STR_NONE;
    *ret_details = details;
    return NULL;
}
