/* How a person wants to be treated: channels, topics, frequency, language, quiet hours. */
#include "server/server_private.h"

static const char *const groups[] = {"channels", "topics", "frequency", "language", "quiet_hours"};

/* Of several profiles' rows the newest that says something about a setting stands, as the gate asks them. */
struct rows {
    struct json *trees;
    const struct preferences **rows;
    size_t count;
};

static void rows_read(struct call *call, const struct person *person, struct rows *ret_rows)
{
    size_t count = person->preferences.count;
    *ret_rows = (struct rows){arena_array(&call->arena, struct json, count), arena_array(&call->arena, const struct preferences *, count), 0};
    for (size_t i = 0; i < count; i++) {
        const struct preferences *row = &person->preferences.items[i];
        size_t at = ret_rows->count;
        if (str_empty(row->value) || json_read(&call->arena, row->value, &ret_rows->trees[at]) || ret_rows->trees[at].type != JSON_OBJECT)
            continue;
        struct json tree = ret_rows->trees[at];
        for (; at > 0 && ret_rows->rows[at - 1]->at_ms < row->at_ms; at--) { /* newest first */
            ret_rows->rows[at] = ret_rows->rows[at - 1];
            ret_rows->trees[at] = ret_rows->trees[at - 1];
        }
        ret_rows->rows[at] = row;
        ret_rows->trees[at] = tree;
        ret_rows->count++;
    }
}

/* A member of a group that no newer row has. */
static bool is_newest(const struct rows *rows, size_t row, str group, str name)
{
    for (size_t i = 0; i < row; i++) {
        const struct json *value = json_get(json_get(&rows->trees[i], group), name);
        if (value && value->type != JSON_NULL)
            return false;
    }
    return true;
}

static void write_group(struct jsonw *w, const struct rows *rows, str group)
{
    jsonw_object(w);
    for (size_t row = 0; row < rows->count; row++) {
        const struct json *object = json_get(&rows->trees[row], group);
        for (uint32_t i = 0; object && object->type == JSON_OBJECT && i < object->count; i++) {
            const struct json_member *member = &object->members[i];
            if (member->value.type == JSON_NULL || !is_newest(rows, row, group, member->name))
                continue;
            jsonw_key(w, member->name);
            jsonw_value(w, &member->value);
        }
    }
    jsonw_object_end(w);
}

static void write_preferences(struct jsonw *w, const struct rows *rows)
{
    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        str group = str_of(groups[i]);
        bool whole = !strcmp(groups[i], "language") || !strcmp(groups[i], "quiet_hours");
        if (!whole) {
            jsonw_key(w, group);
            write_group(w, rows, group);
            continue;
        }
        const struct json *value = NULL;
        for (size_t row = 0; row < rows->count && !(value && value->type != JSON_NULL); row++)
            value = json_get(&rows->trees[row], group);
        if (!value || value->type == JSON_NULL)
            continue;
        jsonw_key(w, group);
        jsonw_value(w, value);
    }
}

const struct err *preferences_get(struct call *call)
{
    struct person *person = NULL;
    struct rows rows;
    struct jsonw w;
    TRY(call_person(call, call_query(call, "subject"), PERSON_HEAD, &person));
    if (!person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, person, STR_NONE, "preferences");
    rows_read(call, person, &rows);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_preferences(&w, &rows);
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *preferences_stored(struct call *call)
{
    const struct request *request = &call->work.requests[0];
    if (!str_empty(request->refusal))
        return err_new(&call->arena, ERR_INVALID, "%.*s", STR_FMT(request->refusal));
    reply_text(call, MHD_HTTP_OK, "application/json", request->value);
    return NULL;
}

const struct err *preferences_put(struct call *call)
{
    struct json body;
    struct request *request = arena_new(&call->arena, struct request);
    struct buf value;
    struct jsonw w;
    TRY(call_object(call, false, &body));
    request->kind = REQUEST_PREFERENCES;
    TRY(call_subject(call, call_query(call, "subject"), &request->subject));
    buf_init(&value, &call->arena, LIMIT_MESSAGE_BYTES);
    jsonw_init(&w, &value);
    jsonw_value(&w, &body);
    if (value.overflow)
        return err_new(&call->arena, ERR_TOO_LARGE, "preferences take %d bytes", LIMIT_MESSAGE_BYTES);
    request->value = buf_str(&value);
    call->work.requests = request;
    call->work.request_count = 1;
    call->work.bytes = request->value.length + sizeof(*request);
    return call_commit(call, preferences_stored);
}
