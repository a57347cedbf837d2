/* What a command is: a row of the one table in commands.c, from which parsing, help and docs/cli.md are made.
 *
 * 1. A command does not parse: it asks its run for arguments, options and settings that args.c has checked already.
 * 2. Its result is its exit status. Words for people go to stdout, complaints and progress to stderr.
 * 3. No secret is an argument: other users of the machine see those. Tokens and keys come from files or the
 * environment.
 */
#ifndef TELOS_MAIN_COMMAND_H
#define TELOS_MAIN_COMMAND_H

#include "main/config.h"
#include "main/output.h"

#include <limits.h>

#define EXIT_STATUSES(X) \
    X(STATUS_DONE, 0, "done") \
    X(STATUS_NO, 1, "the answer is no: denied, refused, nothing found, a check failed") \
    X(STATUS_USE, 2, "bad use: an argument, an option or a file is not as it must be") \
    X(STATUS_UNAVAILABLE, 3, "unavailable: no data directory, nobody answers, or nothing can be stored now")
enum status {
#define X(code, value, meaning) code = (value),
    EXIT_STATUSES(X)
#undef X
};

struct option {
    const char *name; /* "--purpose" */
    const char *value; /* "NAME"; NULL: a switch */
    const char *help;
    bool many; /* may be given more than once, with commas, or with several values after it */
};

struct run;
struct action {
    const char *name; /* "give"; NULL: the command is its only action */
    const char *arguments; /* "TYPE:VALUE PURPOSE"; "" */
    const char *summary;
    unsigned least, most; /* how many arguments; UINT_MAX: as many as there are */
    enum status (*act)(struct run *run);
};

enum common_options {
    COMMON_DATA = 1, /* --data, --store, --vault */
    COMMON_SERVER = 2, /* --server */
    COMMON_CLIENT = COMMON_DATA | COMMON_SERVER,
};

struct command {
    const char *name, *summary;
    const char *about; /* some sentences; "" */
    const struct action *actions;
    size_t action_count;
    const struct option *options;
    size_t option_count;
    unsigned common; /* enum common_options */
    const char *example; /* lines of a shell session */
};
#define ROWS(array) (array), sizeof(array) / sizeof(*(array))

extern const struct command *const commands[];
extern const size_t command_count;
const struct command *command_find(str name);

struct option_value {
    const struct option *option;
    const char *text; /* NULL for a switch */
};

struct local;
/* One run of one command. */
struct run {
    struct arena *arena;
    const struct command *command;
    const struct action *action;
    const char **arguments;
    size_t argument_count;
    struct option_value *values;
    size_t value_count;
    struct config config;
    struct output out;
    struct local *local; /* what run_client opened; closed by main */
};

/* Fills the call from the words after the command's name. STATUS_USE with the complaint already written, or
 * STATUS_DONE; `ret_help` is set when only help was asked for. */
enum status run_parse(struct run *run, int count, char **words, bool *ret_help);
/* `telos --data DIR profile …` is `telos profile --data DIR …`: common options may stand before the command. */
char **words_settle(struct arena *arena, int count, char **words);
/* The value of an option ("--purpose"), the last one given; NULL where it was not. */
const char *run_option(const struct run *run, const char *name);
bool run_has(const struct run *run, const char *name);
/* All values of an option that may be given more than once, commas cut. */
typedef VEC(str) str_list;
void run_options(const struct run *run, const char *name, str_list *ret_values);
/* Option as a time in RFC 3339; STATUS_USE with a complaint when it is none. TIME_NONE where it was not given. */
enum status run_time(struct run *run, const char *name, int64_t *ret_ms);

/* "telos consent: TEXT", a line that says where help is, and STATUS_USE. */
enum status run_misuse(const struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for an error, with the exit status that fits its code. */
enum status run_fail(const struct run *run, const struct err *error);
enum status status_of_err(enum err_code code);

/* Help texts, also for docs/cli.md. */
void help_overview(struct buf *out);
void help_command(struct buf *out, const struct command *command);
void help_markdown(struct buf *out);
/* Options that every command takes, and those of enum common_options. */
const struct option *options_common(unsigned common, size_t *ret_count);

#endif
