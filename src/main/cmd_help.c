/* `telos help`: what there is, and how each command is used. */
#include "main/commands.h"

static enum status help(struct run *run)
{
    struct buf text;
    buf_init(&text, run->arena, 1024 * 1024);
    if (run_has(run, "--markdown")) {
        help_markdown(&text);
    } else if (run->argument_count == 0) {
        help_overview(&text);
    } else {
        const struct command *command = command_find(str_of(run->arguments[0]));
        if (!command)
            return run_misuse(run, "there is no command `%s`; `telos help` lists them", run->arguments[0]);
        help_command(&text, command);
    }
    output_text(&run->out, "%.*s", STR_FMT(buf_str(&text)));
    return STATUS_DONE;
}

static const struct action actions[] = {{NULL, "[COMMAND [ACTION]]", "", 0, 2, help}};
static const struct option options[] = {{"--markdown", NULL, "all of it as Markdown: docs/cli.md", false}};

const struct command command_help = {
    .name = "help",
    .summary = "what there is, and how each command is used",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_DATA, /* as everywhere; it is left alone */
    .example = "  telos help consent\n",
};
