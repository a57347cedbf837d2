/* `telos profile`: one person as seen for one purpose. */
#include "main/commands.h"

#include "main/client.h"
#include "main/page.h"

static void show_identifiers(const struct run *run, const struct json *profile)
{
    static const char *const paths[] = {"type", "value"};
    struct table table;
    table_init(&table, run->arena, NULL, 2);
    table_add_items(&table, json_get(profile, STR("identifiers")), paths);
    for (size_t i = 0; i < table.cells.count; i += 2)
        table.cells.items[i] = str_printf(run->arena, "  %.*s", STR_FMT(table.cells.items[i]));
    if (table.cells.count)
        output_ink(&run->out, INK_BOLD, "\nIdentifiers\n");
    table_print(&run->out, &table);
}

static void show_consents(const struct run *run, const struct json *consents)
{
    struct table table;
    if (!consents || consents->type != JSON_OBJECT || consents->count == 0)
        return;
    output_ink(&run->out, INK_BOLD, "\nWhat it rests on\n");
    table_init(&table, run->arena, NULL, 5);
    for (uint32_t i = 0; i < consents->count; i++) {
        const struct json *consent = &consents->members[i].value;
        table_add(&table, str_printf(run->arena, "  %.*s", STR_FMT(consents->members[i].name)));
        table_add(&table, json_string(json_get(consent, STR("status"))));
        table_add(&table, json_string(json_get(consent, STR("basis"))));
        table_add(&table, output_cell(run->arena, json_get(consent, STR("at"))));
        table_add(&table, json_string(json_get(consent, STR("notice"))));
    }
    table_print(&run->out, &table);
}

static void show_events(const struct run *run, const struct json *events)
{
    struct table table;
    if (!events || events->type != JSON_ARRAY || events->count == 0)
        return;
    output_ink(&run->out, INK_BOLD, "\nRecent events\n");
    table_init(&table, run->arena, NULL, 4);
    for (uint32_t i = 0; i < events->count; i++) {
        const struct json *event = &events->items[i], *at = json_get(event, STR("at"));
        table_add(&table, str_printf(run->arena, "  %.*s", STR_FMT(output_cell(run->arena, at ? at : json_get(event, STR("timestamp"))))));
        table_add(&table, json_string(json_get(event, STR("type"))));
        table_add(&table, output_cell(run->arena, json_get(event, STR("event"))));
        table_add(&table, output_cell(run->arena, json_get(event, STR("properties"))));
    }
    table_print(&run->out, &table);
}

static void show_withheld(const struct run *run, const struct json *withheld)
{
    struct table table;
    if (!withheld || withheld->type != JSON_ARRAY || withheld->count == 0)
        return;
    output_ink(&run->out, INK_WARN, "\nWithheld\n");
    table_init(&table, run->arena, NULL, 2);
    for (uint32_t i = 0; i < withheld->count; i++) {
        table_add(&table, str_printf(run->arena, "  %.*s", STR_FMT(output_cell(run->arena, json_get(&withheld->items[i], STR("field"))))));
        table_add(&table, reasons_words(run->arena, json_get(&withheld->items[i], STR("reasons"))));
    }
    table_print(&run->out, &table);
}

static void show_facts(const struct run *run, const struct json *facts)
{
    static const char *const heads[] = {"FACT", "VALUE", "SOURCE", "OBSERVED", "ON", "PURPOSES"};
    static const char *const paths[] = {"name", "value", "source", "observed_at", "on", "purposes"};
    struct table table;
    output_text(&run->out, "\n");
    table_init(&table, run->arena, heads, 6);
    table_add_items(&table, facts, paths);
    table_print(&run->out, &table);
}

/* Everybody who may be processed for the purpose now. */
static enum status everybody(struct run *run)
{
    static const char *const heads[] = {"PROFILE", "IDENTIFIERS", "TRAITS"};
    static const char *const paths[] = {"id", "identifiers", "traits"};
    static const struct page_columns columns = {heads, paths, 3};
    return run_page(run, STR("/v1/profiles"), str_of(run_option(run, "--purpose")), &columns, "nobody may be processed for it", NULL);
}

static enum status profile(struct run *run)
{
    struct http_reply reply;
    const char *purpose = run_option(run, "--purpose");
    if (!run->argument_count)
        return everybody(run);
    str path = str_printf(run->arena, "/v1/profiles/%.*s", STR_FMT(path_encode(run->arena, str_of(run->arguments[0]))));
    enum status status = run_get(run, path, str_of(purpose), &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    const struct json *segments = json_get(&reply.json, STR("segments"));
    output_ink(&run->out, INK_BOLD, "%s", run->arguments[0]);
    output_text(&run->out, "  as seen for %.*s\n", STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("purpose")))));
    output_ink(&run->out, INK_DIM, "%.*s\n", STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("id")))));
    show_identifiers(run, &reply.json);
    show_members(run, "Traits", json_get(&reply.json, STR("traits")));
    if (segments && segments->type == JSON_ARRAY && segments->count)
        output_text(&run->out, "\nSegments: %.*s\n", STR_FMT(output_cell(run->arena, segments)));
    show_consents(run, json_get(&reply.json, STR("consents")));
    show_members(run, "Preferences", json_get(&reply.json, STR("preferences")));
    show_events(run, json_get(&reply.json, STR("events")));
    show_withheld(run, json_get(&reply.json, STR("withheld")));
    if (run_has(run, "--facts"))
        show_facts(run, json_get(&reply.json, STR("facts")));
    return STATUS_DONE;
}

static const struct action actions[] = {{NULL, "[TYPE:VALUE] --purpose NAME", "", 0, 1, profile}};
static const struct option options[] = {
    {"--purpose", "NAME", "why you look: the reply is what the gate allows for it, and the look is recorded", false},
    {"--limit", "N", "without TYPE:VALUE: how many at a time; default: 100", false},
    {"--cursor", "CURSOR", "where the page before ended", false},
    {"--facts", NULL, "each fact with its source, time and purposes, too", false},
};

const struct command command_profile = {
    .name = "profile",
    .summary = "one person as seen for one purpose",
    .about = "Without TYPE:VALUE: everybody who may be processed for the purpose now, a page at a time.\n"
             "Status 1 where nobody is known by that identifier, or the whole person is withheld.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos profile email:anna.kovacs@example.hu --purpose newsletter\n"
               "  telos profile --purpose newsletter --limit 20\n",
};
