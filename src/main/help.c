/* Help as text, from the table of commands. */
#include "main/command.h"

static void usage_line(struct buf *out, const struct command *command, const struct action *action)
{
    buf_printf(out, "  telos %s", command->name);
    if (action->name)
        buf_printf(out, " %s", action->name);
    if (*action->arguments)
        buf_printf(out, " %s", action->arguments);
    if (command->option_count)
        buf_add(out, STR(" [OPTION…]"));
    buf_add_char(out, '\n');
    if (*action->summary)
        buf_printf(out, "        %s\n", action->summary);
}

static void option_lines(struct buf *out, const struct option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        char left[64];
        int length =
            snprintf(left, sizeof(left), "%s%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "", option->many ? "…" : "");
        int columns = option->many ? length - 2 : length; /* the ellipsis has three bytes */
        buf_printf(out, "  %s%*s  %s\n", left, columns < 24 ? 24 - columns : 0, "", option->help);
    }
}

void help_command(struct buf *out, const struct command *command)
{
    size_t count;
    buf_printf(out, "telos %s: %s\n\n", command->name, command->summary);
    for (size_t i = 0; i < command->action_count; i++)
        usage_line(out, command, &command->actions[i]);
    if (*command->about)
        buf_printf(out, "\n%s\n", command->about);
    if (command->option_count)
        buf_add(out, STR("\nOptions:\n"));
    option_lines(out, command->options, command->option_count);
    buf_add(out, STR("\nCommon options:\n"));
    if (command->common & COMMON_DATA) {
        const struct option *options = options_common(COMMON_DATA, &count);
        option_lines(out, options, count);
    }
    if (command->common & COMMON_SERVER) {
        const struct option *options = options_common(COMMON_SERVER, &count);
        option_lines(out, options, count);
    }
    const struct option *options = options_common(0, &count);
    option_lines(out, options, count);
    buf_printf(out, "\nExample:\n%s", command->example);
}

void help_overview(struct buf *out)
{
    buf_add(out, STR("telos: a customer data platform that keeps data tied to its purpose\n\n"
                     "  telos COMMAND [ARGUMENT…] [OPTION…]\n\n"));
    for (size_t i = 0; i < command_count; i++)
        buf_printf(out, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
    buf_add(out, STR("\n`telos help COMMAND` has its options and an example.\n\n"
                     "Commands work on the data directory (--data DIR, default: data), beside a running server or "
                     "without one, or by\n"
                     "--server URL on another machine. They write JSON with --json.\n\nExit status:\n"));
#define X(code, value, meaning) buf_printf(out, "  %d  %s\n", value, meaning);
    EXIT_STATUSES(X)
#undef X
    buf_add(out, STR("\nSettings: flags beat the environment, which beats telos.yaml, which beats the defaults.\n"));
    for (enum setting setting = 0; setting < SETTING_COUNT; setting++)
        buf_printf(out, "  %-16s %-22s %s%s%s%s\n", setting_key(setting), setting_environment(setting), setting_help(setting),
                   setting_default(setting) ? " (default: " : "", setting_default(setting) ? setting_default(setting) : "",
                   setting_default(setting) ? ")" : "");
}

void help_markdown(struct buf *out)
{
    buf_add(out, STR("# The command line\n\nMade by `telos help --markdown`; the `cli` suite fails where the two "
                     "differ.\n\n```\n"));
    help_overview(out);
    buf_add(out, STR("```\n"));
    for (size_t i = 0; i < command_count; i++) {
        buf_printf(out, "\n## telos %s\n\n```\n", commands[i]->name);
        help_command(out, commands[i]);
        buf_add(out, STR("```\n"));
    }
}
