/* From the words of the command line to a call; the contract is in command.h.
 *
 * An option that may have several values takes all words that follow it (`--purpose a b c`), unless the action would
 * then miss an argument: so `decide --category email email:anna@example.hu newsletter` is understood, too.
 */
#include "main/command.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdlib.h>

static const struct option always[] = {
    {"--json", NULL, "write JSON", false},
    {"--config", "FILE", "settings; default: telos.yaml here, or /etc/telos/telos.yaml", false},
    {"--help", NULL, "show this help", false},
};
static const struct option with_data[] = {
    {"--data", "DIR", "the data directory; default: data", false},
    {"--store", "STORE", "the store: sqlite (inside the data directory; default) or postgres://USER@HOST/DATABASE", false},
    {"--vault", "VAULT", "the keys of people: inside the data directory (default) or, for several nodes, postgres://USER@HOST/DATABASE", false},
};
static const struct option with_server[] = {
    {"--server", "URL", "talk to this Telos instead; its API token is in TELOS_TOKEN or in the file of --token-file", false},
    {"--token-file", "FILE", "file with the API token for --server", false},
};

const struct option *options_common(unsigned common, size_t *ret_count)
{
    *ret_count = 0;
    if (common == 0) {
        *ret_count = sizeof(always) / sizeof(*always);
        return always;
    }
    if (common == COMMON_DATA) {
        *ret_count = sizeof(with_data) / sizeof(*with_data);
        return with_data;
    }
    if (common == COMMON_SERVER) {
        *ret_count = sizeof(with_server) / sizeof(*with_server);
        return with_server;
    }
    return NULL;
}

static const unsigned groups[] = {0, COMMON_DATA, COMMON_SERVER};

/* Walks all options of a command, its own first; NULL after the last. */
static const struct option *option_at(const struct command *command, size_t index)
{
    if (index < command->option_count)
        return &command->options[index];
    index -= command->option_count;
    for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
        size_t count;
        const struct option *options = options_common(groups[g], &count);
        if (groups[g] && !(command->common & groups[g]))
            continue;
        if (index < count)
            return &options[index];
        index -= count;
    }
    return NULL;
}

static const struct option *option_find(const struct command *command, str name)
{
    const struct option *option;
    for (size_t i = 0; (option = option_at(command, i)); i++)
        if (str_equal(name, str_of(option->name)))
            return option;
    return NULL;
}

enum status run_misuse(const struct run *run, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char text[2048];
    (void)vsnprintf(text, sizeof(text), format, arguments); /* a cut complaint is still one */
    va_end(arguments);
    output_complain("%s: %s", run->command->name, text);
    output_note("See: telos help %s", run->command->name);
    return STATUS_USE;
}

static enum status unknown_option(const struct run *run, str name)
{
    str names[64];
    size_t count = 0;
    const struct option *option;
    for (size_t i = 0; count < 64 && (option = option_at(run->command, i)); i++)
        names[count++] = str_of(option->name);
    str near = str_nearest(name, names, count);
    for (size_t i = 0; !near.data && i < count; i++)
        if (name.length > 3 && str_starts(names[i], name))
            near = names[i];
    if (near.data)
        return run_misuse(run, "there is no option %.*s: did you mean %.*s?", STR_FMT(name), STR_FMT(near));
    return run_misuse(run, "there is no option %.*s", STR_FMT(name));
}

static const struct option *option_common(str name)
{
    for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
        size_t count;
        const struct option *options = options_common(groups[g], &count);
        for (size_t i = 0; i < count; i++)
            if (str_equal(name, str_of(options[i].name)))
                return &options[i];
    }
    return NULL;
}

char **words_settle(struct arena *arena, int count, char **words)
{
    int at = 0;
    for (; at < count && str_starts(str_of(words[at]), STR("--")); at++) {
        str name = str_of(words[at]);
        ptrdiff_t equals = str_find_char(name, '=');
        const struct option *option = option_common(equals < 0 ? name : str_slice(name, 0, (size_t)equals));
        if (!option || str_equal(name, STR("--help")))
            return words;
        at += option->value && equals < 0;
    }
    if (at == 0 || at >= count)
        return words;
    char **settled = arena_array(arena, char *, (size_t)count);
    settled[0] = words[at];
    memcpy(settled + 1, words, (size_t)at * sizeof(*words));
    memcpy(settled + 1 + at, words + at + 1, (size_t)(count - at - 1) * sizeof(*words));
    return settled;
}

/* Words while they are read: plain ones, each with the option that it may belong to. */
struct word {
    const char *text;
    const struct option *after; /* an open option with several values; NULL */
};
typedef VEC(struct word) word_list;
typedef VEC(struct option_value) value_list;

static enum status read_option(struct run *run, char **words, int count, int *at, value_list *values, const struct option **ret_open)
{
    str word = str_of(words[*at]), name = word;
    ptrdiff_t equals = str_find_char(word, '=');
    if (equals >= 0)
        name = str_slice(word, 0, (size_t)equals);
    const struct option *option = option_find(run->command, str_equal(name, STR("-h")) ? STR("--help") : name);
    *ret_open = NULL;
    if (!option)
        return unknown_option(run, name);
    const char *value = NULL;
    if (option->value && equals >= 0)
        value = word.data + equals + 1;
    else if (equals >= 0)
        return run_misuse(run, "%s takes no value", option->name);
    else if (option->value && *at + 1 < count && !str_starts(str_of(words[*at + 1]), STR("--"))) /* else: --name=--value */
        value = words[++*at];
    if (option->value && !value)
        return run_misuse(run, "%s needs a value: %s %s", option->name, option->name, option->value);
    if (!option->many)
        for (size_t i = 0; i < values->count; i++)
            if (values->items[i].option == option)
                return run_misuse(run, "%s is given twice", option->name);
    *vec_push(run->arena, values) = (struct option_value){option, value};
    *ret_open = option->many && equals < 0 ? option : NULL;
    return STATUS_DONE;
}

static enum status read_words(struct run *run, int count, char **words, word_list *plain, value_list *values)
{
    const struct option *open = NULL;
    bool only_plain = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i];
        if (only_plain || word[0] != '-' || word[1] == 0) {
            *vec_push(run->arena, plain) = (struct word){word, open};
            continue;
        }
        if (strcmp(word, "--") == 0) {
            only_plain = true;
            open = NULL;
            continue;
        }
        enum status status = read_option(run, words, count, &i, values, &open);
        if (status)
            return status;
    }
    return STATUS_DONE;
}

/* Gives words after an open option to it, but for those that the action needs. */
static void settle_words(struct run *run, const word_list *plain, value_list *values, unsigned least)
{
    size_t own = 0, maybe = 0;
    for (size_t i = 0; i < plain->count; i++)
        *(plain->items[i].after ? &maybe : &own) += 1;
    size_t missing = own < least ? least - own : 0; /* taken from the end */
    run->arguments = arena_array(run->arena, const char *, plain->count + 1);
    for (size_t i = 0; i < plain->count; i++) {
        const struct word *word = &plain->items[i];
        if (word->after && maybe-- > missing)
            *vec_push(run->arena, values) = (struct option_value){word->after, word->text};
        else
            run->arguments[run->argument_count++] = word->text;
    }
}

static enum status no_action(const struct run *run, const char *word)
{
    const struct command *command = run->command;
    str names[32];
    size_t count = 0;
    struct buf list;
    buf_init(&list, run->arena, 1024);
    for (size_t i = 0; i < command->action_count && i < 32; i++) {
        names[count++] = str_of(command->actions[i].name);
        buf_printf(&list, "%s%s", i ? ", " : "", command->actions[i].name);
    }
    if (!word)
        return run_misuse(run, "what? One of: %.*s", STR_FMT(buf_str(&list)));
    str near = str_nearest(str_of(word), names, count);
    if (near.data)
        return run_misuse(run, "there is no `%s`: did you mean `%.*s`?", word, STR_FMT(near));
    return run_misuse(run, "there is no `%s`; there are: %.*s", word, STR_FMT(buf_str(&list)));
}

/* The action is the first word that belongs to no option; it is taken out of `plain`. */
static enum status find_action(struct run *run, word_list *plain)
{
    const struct command *command = run->command;
    if (!command->actions[0].name) {
        run->action = &command->actions[0];
        return STATUS_DONE;
    }
    if (plain->count == 0)
        return no_action(run, NULL);
    for (size_t i = 0; i < command->action_count; i++)
        if (strcmp(command->actions[i].name, plain->items[0].text) == 0)
            run->action = &command->actions[i];
    if (!run->action)
        return no_action(run, plain->items[0].text);
    plain->items++;
    plain->count--;
    return STATUS_DONE;
}

static enum status check_count(const struct run *run)
{
    const struct action *action = run->action;
    const char *space = action->name ? " " : "", *name = action->name ? action->name : "";
    if (run->argument_count < action->least)
        return run_misuse(run, "too few arguments; it is: telos %s%s%s %s", run->command->name, space, name, action->arguments);
    if (run->argument_count > action->most && action->most == 0)
        return run_misuse(run, "`%s` is one argument too many", run->arguments[0]);
    if (run->argument_count > action->most)
        return run_misuse(run, "`%s` is one argument too many; it is: telos %s%s%s %s", run->arguments[action->most], run->command->name, space, name,
                          action->arguments);
    return STATUS_DONE;
}

enum status run_parse(struct run *run, int count, char **words, bool *ret_help)
{
    word_list plain = {0};
    value_list values = {0};
    enum status status = read_words(run, count, words, &plain, &values);
    run->values = values.items;
    run->value_count = values.count;
    *ret_help = run_has(run, "--help");
    if (*ret_help || status)
        return *ret_help ? STATUS_DONE : status;
    output_init(&run->out, run_has(run, "--json"));
    if ((status = find_action(run, &plain)))
        return status;
    settle_words(run, &plain, &values, run->action->least);
    run->values = values.items;
    run->value_count = values.count;
    if ((status = check_count(run)))
        return status;
    const struct err *error = config_load(run->arena, run_option(run, "--config"), &run->config);
    if (error)
        return run_misuse(run, "%s", error->text);
    for (size_t i = 0; i < values.count; i++)
        (void)config_flag(&run->config, values.items[i].option->name, values.items[i].text); /* most options are no settings */
    return STATUS_DONE;
}

const char *run_option(const struct run *run, const char *name)
{
    for (size_t i = run->value_count; i-- > 0;)
        if (strcmp(run->values[i].option->name, name) == 0)
            return run->values[i].text;
    return NULL;
}

bool run_has(const struct run *run, const char *name)
{
    for (size_t i = 0; i < run->value_count; i++)
        if (strcmp(run->values[i].option->name, name) == 0)
            return true;
    return false;
}

void run_options(const struct run *run, const char *name, str_list *ret_values)
{
    for (size_t i = 0; i < run->value_count; i++) {
        if (strcmp(run->values[i].option->name, name) != 0)
            continue;
        str rest = str_of(run->values[i].text), part;
        while (str_split(&rest, ',', &part))
            if (!str_empty(str_trim(part)))
                *vec_push(run->arena, ret_values) = str_trim(part);
    }
}

enum status run_time(struct run *run, const char *name, int64_t *ret_ms)
{
    const char *text = run_option(run, name);
    *ret_ms = TIME_NONE;
    if (text && !time_parse(str_of(text), ret_ms))
        return run_misuse(run, "%s %s is no time; write it as 2026-11-24 or 2026-11-24T16:30:00Z", name, text);
    return STATUS_DONE;
}

enum status status_of_err(enum err_code code)
{
    switch (code) {
    case ERR_FORBIDDEN:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_POLICY: return STATUS_NO;
    case ERR_MALFORMED:
    case ERR_INVALID:
    case ERR_UNAUTHENTICATED:
    case ERR_METHOD:
    case ERR_TOO_LARGE: return STATUS_USE;
    case ERR_TOO_MANY:
    case ERR_INTERNAL:
    case ERR_UNAVAILABLE:
    case ERR_IO: return STATUS_UNAVAILABLE;
    }
    return STATUS_UNAVAILABLE;
}

enum status run_fail(const struct run *run, const struct err *error)
{
    output_complain("%s: %s", run->command->name, error->text);
    return status_of_err(error->code);
}
