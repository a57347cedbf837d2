/* The one table of commands, and what several of them share. */
#include "main/commands.h"

const struct command *const commands[] = {
#define X(name) &command_##name,
    COMMANDS(X)
#undef X
};
const size_t command_count = sizeof(commands) / sizeof(*commands);

const struct command *command_find(str name)
{
    for (size_t i = 0; i < command_count; i++)
        if (str_equal(name, str_of(commands[i]->name)))
            return commands[i];
    return NULL;
}

void body_begin(struct run *run, struct buf *body, struct jsonw *w)
{
    buf_init(body, run->arena, LIMIT_API_BODY_BYTES);
    jsonw_init(w, body);
    jsonw_object(w);
}

void body_add(struct jsonw *w, const char *name, const char *value)
{
    if (value)
        jsonw_field(w, name, str_of(value));
}

str reasons_words(struct arena *arena, const struct json *reasons)
{
    struct buf out;
    buf_init(&out, arena, 8192);
    for (uint32_t i = 0; reasons && reasons->type == JSON_ARRAY && i < reasons->count; i++) {
        const struct json *item = &reasons->items[i];
        str code = json_is_string(item) ? item->text : json_string(json_get(item, STR("code")));
        str text = json_string(json_get(item, STR("text"))), category = json_string(json_get(item, STR("category")));
        buf_printf(&out, "%s%.*s", i ? "; " : "", STR_FMT(code));
        if (category.length)
            buf_printf(&out, " (%.*s)", STR_FMT(category));
        if (text.length)
            buf_printf(&out, ": %.*s", STR_FMT(text));
    }
    return buf_str(&out);
}

void show_members(const struct run *run, const char *heading, const struct json *object)
{
    if (!object || object->type != JSON_OBJECT || object->count == 0)
        return;
    struct table table;
    uint32_t told = 0;
    for (uint32_t i = 0; i < object->count; i++)
        told += object->members[i].value.type != JSON_OBJECT || object->members[i].value.count;
    if (!told)
        return;
    output_ink(&run->out, INK_BOLD, "\n%s\n", heading);
    table_init(&table, run->arena, NULL, 2);
    for (uint32_t i = 0; i < object->count; i++) {
        if (object->members[i].value.type == JSON_OBJECT && !object->members[i].value.count)
            continue;
        table_add(&table, str_printf(run->arena, "  %.*s", STR_FMT(object->members[i].name)));
        table_add(&table, output_cell(run->arena, &object->members[i].value));
    }
    table_print(&run->out, &table);
}

const struct json *page_items(const struct json *reply)
{
    if (reply->type == JSON_ARRAY)
        return reply;
    for (uint32_t i = 0; reply->type == JSON_OBJECT && i < reply->count; i++)
        if (reply->members[i].value.type == JSON_ARRAY)
            return &reply->members[i].value;
    return NULL;
}
