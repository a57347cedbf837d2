/* `telos show`: the inside of a running Telos, without personal data. */
#include "main/commands.h"

#include "main/client.h"

static void show_list(const struct run *run, const struct json *items)
{
    struct table table;
    const struct json *first = &items->items[0];
    const char **heads = arena_array(run->arena, const char *, first->count);
    for (uint32_t i = 0; i < first->count; i++)
        heads[i] = str_z(run->arena, first->members[i].name);
    table_init(&table, run->arena, heads, first->count);
    table_add_items(&table, items, heads);
    output_text(&run->out, "\n");
    table_print(&run->out, &table);
}

static void show_value(const struct run *run, const struct json *value)
{
    struct table table;
    if (value->type == JSON_ARRAY) {
        if (value->count && value->items[0].type == JSON_OBJECT && value->items[0].count)
            show_list(run, value);
        else
            output_text(&run->out, "%.*s\n", STR_FMT(value->count ? output_cell(run->arena, value) : STR("(none)")));
        return;
    }
    table_init(&table, run->arena, NULL, 2);
    for (uint32_t i = 0; value->type == JSON_OBJECT && i < value->count; i++) {
        if (value->members[i].value.type == JSON_ARRAY)
            continue;
        table_add(&table, value->members[i].name);
        table_add(&table, output_cell(run->arena, &value->members[i].value));
    }
    table_print(&run->out, &table);
    for (uint32_t i = 0; value->type == JSON_OBJECT && i < value->count; i++)
        if (value->members[i].value.type == JSON_ARRAY)
            show_value(run, &value->members[i].value);
}

static enum status show(struct run *run)
{
    struct http_reply reply;
    enum status status = run_get(run, str_printf(run->arena, "/v1/admin/show/%s", run->action->name), STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        show_value(run, &reply.json);
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"queues", "", "what waits for a commit, and how long the last ones took", 0, 0, show},
    {"batches", "", "the newest commits", 0, 0, show},
    {"policies", "", "the versions in memory", 0, 0, show},
    {"holds", "", "messages that wait for their consent", 0, 0, show},
    {"destinations", "", "their states, backlogs and last errors", 0, 0, show},
    {"sources", "", "those that Telos reads by itself (Kafka): their states, lag and what was refused", 0, 0, show},
    {"memory", "", "who holds how much of it", 0, 0, show},
};

const struct command command_show = {
    .name = "show",
    .summary = "the inside of a running Telos, without personal data",
    .about = "",
    .actions = ROWS(actions),
    .common = COMMON_CLIENT,
    .example = "  telos show destinations\n",
};
