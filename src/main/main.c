/* `telos`: finds the command in the table, reads its words, runs it. */
#include "base/log.h"
#include "main/commands.h"
#include "main/local.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

static enum status unknown_command(struct arena *arena, str name)
{
    str *names = arena_array(arena, str, command_count);
    for (size_t i = 0; i < command_count; i++)
        names[i] = str_of(commands[i]->name);
    str near = str_nearest(name, names, command_count);
    if (near.data)
        output_complain("there is no command `%.*s`: did you mean `%.*s`?", STR_FMT(name), STR_FMT(near));
    else
        output_complain("there is no command `%.*s`; `telos help` lists them", STR_FMT(name));
    return STATUS_USE;
}

static enum status run_command(struct arena *arena, int count, char **words)
{
    struct run run = {.arena = arena};
    bool help = false;
    words = words_settle(arena, count, words);
    str name = str_of(words[0]);
    if (str_equal(name, STR("--help")) || str_equal(name, STR("-h")))
        name = STR("help");
    if (str_equal(name, STR("--version")))
        name = STR("version");
    run.command = command_find(name);
    if (!run.command)
        return unknown_command(arena, name);
    enum status status = run_parse(&run, count - 1, words + 1, &help);
    if (help) {
        struct buf text;
        buf_init(&text, arena, 64 * 1024);
        help_command(&text, run.command);
        output_text(&run.out, "%.*s", STR_FMT(buf_str(&text)));
        return STATUS_DONE;
    }
    if (status)
        return status;
    const char *log = config_get(&run.config, SETTING_LOG);
    if (run.config.origins[SETTING_LOG] == ORIGIN_DEFAULT && run.command != &command_serve)
        log = "error"; /* who asks for a profile does not want to read that a store was opened */
    log_init();
    if (!log_set(log))
        return run_misuse(&run, "`log` is debug, info, warn or error, not %s", log);
    status = run.action->act(&run);
    local_close(run.local);
    return status;
}

int main(int count, char **words)
{
    struct arena arena;
    (void)umask(077); /* what Telos writes is for its own user */
    (void)signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error to be told, not a death */
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        output_complain("libcurl cannot be started");
        return STATUS_UNAVAILABLE;
    }
    arena_init(&arena);
    enum status status = STATUS_USE;
    if (count < 2) {
        struct buf text;
        buf_init(&text, &arena, 64 * 1024);
        help_overview(&text);
        output_note("%.*s", STR_FMT(buf_str(&text)));
    } else {
        status = run_command(&arena, count - 1, words + 1);
    }
    errno = 0;
    if (!output_flush() && errno != EPIPE) {
        output_complain("the output cannot be written: %s", strerror(errno));
        status = STATUS_UNAVAILABLE;
    }
    arena_release(&arena);
    curl_global_cleanup();
    return status;
}
