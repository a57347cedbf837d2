/* The commands, one file each (cmd_NAME.c). */
#ifndef TELOS_MAIN_COMMANDS_H
#define TELOS_MAIN_COMMANDS_H

#include "base/limits.h"
#include "main/command.h"

/* Begins a JSON object for a request's body; jsonw_object_end and buf_str end it. */
void body_begin(struct run *run, struct buf *body, struct jsonw *w);
/* A member where `value` is not NULL. */
void body_add(struct jsonw *w, const char *name, const char *value);
/* Reasons, as codes or as objects with code and text, in one line. */
str reasons_words(struct arena *arena, const struct json *reasons);
/* A heading, and a list of names and values under it; nothing where `object` has no members. */
void show_members(const struct run *run, const char *heading, const struct json *object);
/* The list in a page: the reply itself, or its first member that is a list. NULL where there is none. */
const struct json *page_items(const struct json *reply);

#define COMMANDS(X) \
    X(serve) \
    X(policy) \
    X(import) \
    X(profile) \
    X(consent) \
    X(signal) \
    X(notice) \
    X(decide) \
    X(rights) X(audit) X(verify) X(token) X(user) X(backup) X(restore) X(migrate) X(keys) X(doctor) X(bench) X(show) X(debug) X(help) X(version)

#define X(name) extern const struct command command_##name;
COMMANDS(X)
#undef X

#endif
