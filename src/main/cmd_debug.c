/* `telos debug`: disturbs a running Telos on purpose. Only where the door was opened at the start. */
#include "main/commands.h"

#include "main/client.h"

#include <stdlib.h>

static enum status debug(struct run *run)
{
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    int64_t nth = 1;
    const char *count = run_option(run, "--nth"), *action = run->action->name;
    if (count && (!str_to_int64(str_of(count), &nth) || nth < 0))
        return run_misuse(run, "--nth is a whole number from 0");
    body_begin(run, &body, &w);
    if (strcmp(action, "pause") == 0) {
        bool resume = run->argument_count && strcmp(run->arguments[0], "off") == 0;
        if (run->argument_count && !resume && strcmp(run->arguments[0], "on") != 0)
            return run_misuse(run, "pause on, or pause off");
        jsonw_field_bool(&w, "paused", !resume);
    } else if (strcmp(action, "fail") == 0) {
        body_add(&w, "point", run->arguments[0]);
        jsonw_field_int(&w, "nth", nth);
    }
    jsonw_object_end(&w);
    enum status status = run_post(run, str_printf(run->arena, "/v1/admin/debug/%s", action), buf_str(&body), &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    for (uint32_t i = 0; i < reply.json.count && reply.json.type == JSON_OBJECT; i++)
        output_text(&run->out, "%.*s  %.*s\n", STR_FMT(reply.json.members[i].name), STR_FMT(output_cell(run->arena, &reply.json.members[i].value)));
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"digest", "", "one hash over all profiles, as they are folded now", 0, 0, debug},
    {"rebuild", "", "fold all profiles anew from their facts; the digest must not change", 0, 0, debug},
    {"pause", "[on|off]", "the writer takes nothing more; off: it goes on", 0, 1, debug},
    {"fail", "POINT", "the next call of a fault point fails", 1, 1, debug},
};
static const struct option options[] = {
    {"--nth", "N", "fail: only the Nth call; 0: none any more", false},
    {"--debug-door", NULL, "where nobody serves: open the door for this run", false},
};

const struct command command_debug = {
    .name = "debug",
    .summary = "disturb a running Telos on purpose; only with `telos serve --debug-door`",
    .about = "Prints no personal data. Rebuild, then digest, shows that a profile is derived and never authored.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos debug digest && telos debug rebuild && telos debug digest\n",
};
