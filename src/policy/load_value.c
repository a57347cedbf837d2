/* Readers of single values: each takes a node and a field, fills it, or reports what to do instead. */
#include "policy/load_private.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROBLEM_TEXT_BYTES = 768, SHOWN_BYTES = 80, SUGGESTIONS_MAX = 2048 };

void problem_at(struct loader *loader, const struct node *node, str suggestion, const char *format, ...)
{
    char text[PROBLEM_TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    size_t size = (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    str whole = str_repair_utf8(loader->scratch, str_bytes(text, size)); /* it may have been cut inside a character */
    if (!str_empty(loader->where))
        whole = str_printf(loader->scratch, "%.*s: %.*s", STR_FMT(loader->where), STR_FMT(whole));
    problem_push(loader->problem_arena, loader->problems, node->line, node->column, whole, suggestion);
}

str shown(str text) { return str_slice(text, 0, SHOWN_BYTES); }

void where_set(struct loader *loader, const char *what, str name)
{
    loader->where = what ? str_printf(loader->scratch, "%s `%.*s`", what, STR_FMT(shown(name))) : STR_NONE;
}

bool expect_map(struct loader *loader, const struct node *node, const char *what)
{
    if (node->kind == NODE_MAP)
        return true;
    problem_at(loader, node, STR_NONE, "%s must be a map of `key: value`", what);
    return false;
}

bool expect_text(struct loader *loader, const struct node *node, const char *what)
{
    if (node->kind == NODE_SCALAR && node->text.length <= LIMIT_POLICY_TEXT_BYTES)
        return true;
    if (node->kind == NODE_SCALAR)
        problem_at(loader, node, STR_NONE, "%s is longer than %d bytes; shorten it", what, (int)LIMIT_POLICY_TEXT_BYTES);
    else if (node->kind == NODE_NULL)
        problem_at(loader, node, STR_NONE, "%s has no value; give it one or take it out", what);
    else
        problem_at(loader, node, STR_NONE, "%s must be a single value, not a %s", what, node->kind == NODE_LIST ? "list" : "map");
    return false;
}

const struct member *member_find(const struct member *members, size_t count, str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(name, str_of(members[i].name)))
            return &members[i];
    return NULL;
}

void member_unknown(struct loader *loader, const struct node *key, const struct member *members, size_t count)
{
    str names[64];
    if (problems_full(loader))
        return;
    count = count < 64 ? count : 64;
    for (size_t i = 0; i < count; i++)
        names[i] = str_of(members[i].name);
    str near = str_nearest(key->text, names, count);
    problem_at(loader, key, near, "unknown key `%.*s`%s", STR_FMT(shown(key->text)),
               str_empty(near) ? "; take it out, docs/policy.md lists the keys" : "");
}

void members_read(struct loader *loader, const struct node *map, const struct member *members, size_t count, void *target)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct entry *entry = &map->entries[i];
        const struct member *found = member_find(members, count, entry->key.text);
        bool again = map->count <= 64 && node_get(map, entry->key.text) != &entry->value;
        if (found && !again) {
            const char *outer = loader->key;
            loader->key = arena_printf(loader->scratch, "`%s`", found->name);
            found->read(loader, &entry->value, (char *)target + found->offset);
            loader->key = outer;
        } else if (!found) {
            member_unknown(loader, &entry->key, members, count);
        }
    }
}

void each_text(struct loader *loader, const struct node *node, const char *what,
               void (*visit)(struct loader *loader, const struct node *item, void *context), void *context)
{
    if (node->kind == NODE_LIST) {
        if (node->count > LIMIT_POLICY_LIST) {
            problem_at(loader, node, STR_NONE, "%s has %u items, the limit is %d; shorten it", what, node->count, (int)LIMIT_POLICY_LIST);
            return;
        }
        for (uint32_t i = 0; i < node->count; i++)
            if (expect_text(loader, &node->items[i], what))
                visit(loader, &node->items[i], context);
    } else if (node->kind == NODE_MAP) {
        problem_at(loader, node, STR_NONE, "%s must be a value or a list `[a, b]`, not a map", what);
    } else if (expect_text(loader, node, what)) {
        visit(loader, node, context);
    }
}

str keep(struct loader *loader, const struct node *node) { return str_copy(loader->arena, node->text); }

bool name_valid(str name)
{
    if (str_empty(name) || name.length > LIMIT_NAME_BYTES)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (i == 0 || (c != '_' && c != '-' && c != '.')))
            return false;
    }
    return true;
}

static bool upper(char c) { return c >= 'A' && c <= 'Z'; }

bool country_shaped(str text) { return text.length == 2 && upper(text.data[0]) && upper(text.data[1]); }

bool jurisdiction_shaped(str text)
{
    if (country_shaped(text) || str_equal(text, STR("EEA")))
        return true;
    if (text.length < 4 || text.length > 6 || !country_shaped(str_slice(text, 0, 2)) || text.data[2] != '-')
        return false;
    for (size_t i = 3; i < text.length; i++)
        if (!upper(text.data[i]) && !(text.data[i] >= '0' && text.data[i] <= '9'))
            return false;
    return true;
}

int read_word(struct loader *loader, const struct node *node, const char *what, const char *const *words, size_t count)
{
    str names[64];
    struct buf list;
    if (!expect_text(loader, node, what))
        return -1;
    buf_init(&list, loader->scratch, PROBLEM_TEXT_BYTES);
    for (size_t i = 0; i < count && i < 64; i++) {
        names[i] = str_of(words[i]);
        if (str_equal(node->text, names[i]))
            return (int)i;
        buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
    }
    problem_at(loader, node, str_nearest(node->text, names, count < 64 ? count : 64), "unknown %s `%.*s`, it is one of: %.*s", what,
               STR_FMT(shown(node->text)), STR_FMT(buf_str(&list)));
    return -1;
}

bool parse_time(struct loader *loader, const struct node *node, int64_t *ret_ms)
{
    if (!expect_text(loader, node, "the date"))
        return false;
    if (time_parse(node->text, ret_ms))
        return true;
    problem_at(loader, node, STR_NONE, "`%.*s` is not a date; write 2026-09-01 or 2026-09-01T08:00:00Z", STR_FMT(shown(node->text)));
    return false;
}

bool parse_duration(struct loader *loader, const struct node *node, str text, struct duration *ret_duration)
{
    struct duration duration;
    if (duration_parse(text, &duration) && duration.months >= 0 && duration.ms >= 0) {
        *ret_duration = duration;
        return true;
    }
    problem_at(loader, node, STR_NONE, "`%.*s` is not a duration; write P2Y, P13M, P30D, PT72H or the like", STR_FMT(shown(text)));
    return false;
}

void read_text(struct loader *loader, const struct node *value, void *field)
{
    if (expect_text(loader, value, loader->key))
        *(str *)field = str_trim(keep(loader, value));
}

static void push_text(struct loader *loader, const struct node *item, void *context)
{
    vec_each (known, (str_vec *)context)
        if (str_equal(*known, item->text))
            return; /* saying it twice changes nothing */
    *(str *)vec_push(loader->arena, (str_vec *)context) = keep(loader, item);
}

void read_texts(struct loader *loader, const struct node *value, void *field) { each_text(loader, value, loader->key, push_text, field); }

void read_flag(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, loader->key))
        return;
    if (str_equal_nocase(value->text, STR("true")) || str_equal_nocase(value->text, STR("yes")))
        *(bool *)field = true;
    else if (str_equal_nocase(value->text, STR("false")) || str_equal_nocase(value->text, STR("no")))
        *(bool *)field = false;
    else
        problem_at(loader, value, STR_NONE, "`%.*s` must be true or false", STR_FMT(shown(value->text)));
}

static void read_bounded(struct loader *loader, const struct node *value, uint32_t *field, int64_t least)
{
    int64_t number;
    if (!expect_text(loader, value, loader->key))
        return;
    if (str_to_int64(value->text, &number) && number >= least && number <= 1000000000)
        *field = (uint32_t)number;
    else
        problem_at(loader, value, STR_NONE, "`%.*s` must be a whole number from %d up", STR_FMT(shown(value->text)), (int)least);
}

void read_number(struct loader *loader, const struct node *value, void *field) { read_bounded(loader, value, field, 0); }
void read_count(struct loader *loader, const struct node *value, void *field) { read_bounded(loader, value, field, 1); }
void read_time(struct loader *loader, const struct node *value, void *field) { (void)parse_time(loader, value, field); /* reports */ }

void read_duration(struct loader *loader, const struct node *value, void *field)
{
    if (expect_text(loader, value, "the duration"))
        (void)parse_duration(loader, value, value->text, field); /* reports */
}

void read_country(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "the country"))
        return;
    if (country_shaped(value->text))
        *(str *)field = keep(loader, value);
    else
        problem_at(loader, value, STR_NONE, "`%.*s` is not a country; write two capital letters (ISO 3166-1), as HU",
                   STR_FMT(shown(value->text)));
}

void read_jurisdiction(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "the jurisdiction"))
        return;
    if (jurisdiction_shaped(value->text))
        *(str *)field = keep(loader, value);
    else
        problem_at(loader, value, STR_NONE, "`%.*s` is not a region; write a country (HU), a part of one (US-CA), EU or EEA",
                   STR_FMT(shown(value->text)));
}

void read_nothing(struct loader *loader, const struct node *value, void *field) { (void)loader, (void)value, (void)field; }

void read_secret(struct loader *loader, const struct node *value, void *field)
{
    (void)field; /* the value is not even looked at */
    problem_at(loader, value, STR_NONE,
               "a secret does not belong in a policy, which is shown and kept; name the environment variable that holds it (`key_env`, "
               "`secret_env`)");
}

const void *find_named(struct loader *loader, const struct node *node, const struct map *names, const char *what, const char *section)
{
    const void *found = map_get(names, node->text);
    if (found || problems_full(loader))
        return found;
    str candidates[SUGGESTIONS_MAX];
    size_t count = 0, position = 0;
    struct map_slot slot;
    while (count < SUGGESTIONS_MAX && map_next(names, &position, &slot))
        candidates[count++] = slot.key;
    str near = str_nearest(node->text, candidates, count);
    if (str_empty(near))
        problem_at(loader, node, near, "unknown %s `%.*s`; declare it under `%s` or take it out", what, STR_FMT(shown(node->text)), section);
    else
        problem_at(loader, node, near, "unknown %s `%.*s`", what, STR_FMT(shown(node->text)));
    return NULL;
}

const struct purpose *find_purpose(struct loader *loader, const struct node *node)
{
    return find_named(loader, node, &loader->policy->purpose_by_name, "purpose", "purposes");
}

const struct notice *find_notice(struct loader *loader, const struct node *node)
{
    return find_named(loader, node, &loader->policy->notice_by_name, "notice", "notices");
}

static void add_purpose(struct loader *loader, const struct node *item, void *context)
{
    const struct purpose *purpose = find_purpose(loader, item);
    if (purpose)
        *(purpose_mask *)context |= purpose->self;
}

void read_purposes(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "the list of purposes", add_purpose, field);
}

static void add_category(struct loader *loader, const struct node *item, void *context)
{
    const struct category *category = find_category(loader, item);
    if (category)
        category_add(context, (unsigned)(category - loader->policy->categories.items));
}

void read_categories(struct loader *loader, const struct node *value, void *field)
{
    each_text(loader, value, "the list of categories", add_category, field);
}
