/* `telos keys`: the master key and the persons' keys under it. */
#include "main/commands.h"

#include "main/client.h"
#include "main/job.h"

static void show_status(const struct run *run, const struct json *keys)
{
    static const char *const heads[] = {"CLASS", "LIVE", "DESTROYED"};
    static const char *const paths[] = {"class", "live", "destroyed"};
    struct table table;
    bool rotating = json_bool(json_get(keys, STR("rotating")), false);
    output_text(&run->out, "master key %.*s, generation %.*s%s\n", STR_FMT(output_cell(run->arena, json_get(keys, STR("master_key")))),
                STR_FMT(output_cell(run->arena, json_get(keys, STR("generation")))), rotating ? ", being rotated" : "");
    output_text(&run->out, "pages %.*s, damaged %.*s; copies in backups %.*s, not reached yet %.*s\n\n",
                STR_FMT(output_cell(run->arena, json_get(keys, STR("pages")))), STR_FMT(output_cell(run->arena, json_get(keys, STR("pages_damaged")))),
                STR_FMT(output_cell(run->arena, json_get(keys, STR("mirrors")))), STR_FMT(output_cell(run->arena, json_get(keys, STR("mirrors_pending")))));
    table_init(&table, run->arena, heads, 3);
    table_add_items(&table, json_get(keys, STR("classes")), paths);
    table_print(&run->out, &table);
}

static enum status status_of_keys(struct run *run)
{
    struct http_reply reply;
    enum status status = run_get(run, STR("/v1/admin/keys"), STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        show_status(run, &reply.json);
    return STATUS_DONE;
}

static enum status rotate(struct run *run)
{
    static const struct job_watch watch = {"Rotating", "pages", NULL, NULL};
    struct json result;
    enum status status = run_job(run, STR("/v1/admin/keys/rotate"), STR("{}"), &watch, &result);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, result.raw);
        return STATUS_DONE;
    }
    output_ink(&run->out, INK_GOOD, "rotated: the old master key opens nothing any more\n");
    show_status(run, &result);
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"rotate", "", "a new master key, while serving; the old one is destroyed at the end", 0, 0, rotate},
    {"status", "", "which master key, how many keys of persons live and are destroyed", 0, 0, status_of_keys},
};

const struct command command_keys = {
    .name = "keys",
    .summary = "rotate the master key; show the state of the keys",
    .about = "",
    .actions = ROWS(actions),
    .common = COMMON_CLIENT,
    .example = "  telos keys rotate\n",
};
