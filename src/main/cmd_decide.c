/* `telos decide`: asks the gate. */
#include "main/commands.h"

#include "base/time.h"
#include "main/client.h"

static void show_reasons(const struct run *run, const struct json *reasons)
{
    for (uint32_t i = 0; reasons && reasons->type == JSON_ARRAY && i < reasons->count; i++) {
        const struct json *reason = &reasons->items[i];
        str category = json_string(json_get(reason, STR("category")));
        output_text(&run->out, "  %.*s%s%.*s%s  %.*s\n", STR_FMT(json_string(json_get(reason, STR("code")))), category.length ? " (" : "", STR_FMT(category),
                    category.length ? ")" : "", STR_FMT(json_string(json_get(reason, STR("text")))));
    }
}

static void show_decision(const struct run *run, const struct json *decision, bool allowed)
{
    str basis = output_cell(run->arena, json_get(decision, STR("basis"))),
        until = output_cell(run->arena, json_get(decision, allowed ? STR("valid_until") : STR("allowed_from")));
    output_ink(&run->out, allowed ? INK_GOOD : INK_BAD, "%s", allowed ? "allow" : "deny");
    if (basis.length)
        output_text(&run->out, "  basis %.*s", STR_FMT(basis));
    output_text(&run->out, "  policy version %.*s", STR_FMT(output_cell(run->arena, json_get(decision, STR("policy_version")))));
    if (until.length)
        output_text(&run->out, "  %s %.*s", allowed ? "until" : "allowed from", STR_FMT(until));
    output_text(&run->out, "\n");
    show_reasons(run, json_get(decision, STR("reasons")));
    show_members(run, "Categories", json_get(decision, STR("categories")));
    const struct json *evidence = json_get(decision, STR("evidence"));
    if (!evidence || evidence->type != JSON_ARRAY || evidence->count == 0)
        return;
    static const char *const heads[] = {"EVIDENCE", "ID", "LEDGER"};
    static const char *const paths[] = {"kind", "id", "ledger_index"};
    struct table table;
    output_text(&run->out, "\n");
    table_init(&table, run->arena, heads, 3);
    table_add_items(&table, evidence, paths);
    table_print(&run->out, &table);
}

static enum status decide(struct run *run)
{
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    int64_t at_ms, known_ms;
    str_list categories = {0};
    enum status status = run_time(run, "--at", &at_ms);
    if (status || (status = run_time(run, "--known-at", &known_ms)))
        return status;
    run_options(run, "--category", &categories);
    body_begin(run, &body, &w);
    body_add(&w, "subject", run->arguments[0]);
    body_add(&w, "purpose", run->arguments[1]);
    if (categories.count) {
        jsonw_key(&w, STR("categories"));
        jsonw_array(&w);
        vec_each (category, &categories)
            jsonw_string(&w, *category);
        jsonw_array_end(&w);
    }
    body_add(&w, "recipient", run_option(run, "--recipient"));
    body_add(&w, "channel", run_option(run, "--channel"));
    if (run_has(run, "--contact"))
        jsonw_field_bool(&w, "contact", true);
    if (at_ms != TIME_NONE)
        jsonw_field_time(&w, "at", at_ms);
    if (known_ms != TIME_NONE)
        jsonw_field_time(&w, "known_at", known_ms);
    jsonw_object_end(&w);
    if ((status = run_post(run, STR("/v1/decide"), buf_str(&body), &reply)))
        return status;
    bool allowed = str_equal(json_string(json_get(&reply.json, STR("decision"))), STR("allow"));
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        show_decision(run, &reply.json, allowed);
    return allowed ? STATUS_DONE : STATUS_NO;
}

static const struct action actions[] = {{NULL, "TYPE:VALUE PURPOSE", "", 2, 2, decide}};
static const struct option options[] = {
    {"--category", "C", "categories of data that are asked for; default: all of the purpose", true},
    {"--recipient", "R", "to whom the data would go", false},
    {"--channel", "C", "by which channel the person would be contacted", false},
    {"--contact", NULL, "the person would be contacted", false},
    {"--at", "TIME", "was it lawful then?", false},
    {"--known-at", "TIME", "from what was known then", false},
};

const struct command command_decide = {
    .name = "decide",
    .summary = "ask the gate: may this be done, on which basis, and if not, why not",
    .about = "Every reason that applies is given. Status 0: allowed; 1: denied.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos decide email:anna.kovacs@example.hu newsletter --category email behaviour --channel email\n",
};
