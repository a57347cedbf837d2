/* From the columns of a CSV file to messages; the contract is in import_map.h. The paths of all columns and constants
 * make one tree, along which each message is written. */
#include "main/import_map.h"

#include "base/json.h"
#include "base/limits.h"
#include "main/import_cell.h"
#include "policy/yaml.h"

#include <stdarg.h>
#include <stdio.h>

enum { COLUMN_NONE = -1, PATH_PARTS_MAX = 32 };

/* Names at the top of a message (the Segment specification's). Under the open ones, any path is allowed. */
static const struct {
    const char *name;
    bool open;
} tops[] = {{"type", false},       {"event", false},     {"userId", false},    {"anonymousId", false}, {"groupId", false},
            {"previousId", false}, {"messageId", false}, {"timestamp", false}, {"name", false},        {"category", false},
            {"channel", false},    {"traits", true},     {"properties", true}, {"context", true},      {"integrations", true}};
enum { TOP_COUNT = sizeof(tops) / sizeof(*tops) };

struct spot { /* a node of the tree */
    str name;
    int column; /* index into columns, or COLUMN_NONE */
    str constant; /* JSON; data NULL: none */
    struct spot *children, *last, *next;
    uint32_t index; /* into the values of one message */
};

struct column {
    str name;
    uint32_t line, at; /* in the mapping */
    struct cell_rule rule;
    int field; /* index in the file */
};

struct import_map {
    struct spot root;
    uint32_t spots;
    VEC(struct column) columns;
    VEC(str) ignored; /* `name: ~` */
    char delimiter;
    bool header, plain;
    const struct spot *type, *event, *message_id; /* NULL: the mapping does not say */
};

/* ---- the tree ---- */

static struct spot *spot_child(struct arena *arena, struct import_map *map, struct spot *parent, str name)
{
    for (struct spot *child = parent->children; child; child = child->next)
        if (str_equal(child->name, name))
            return child;
    struct spot *child = arena_new(arena, struct spot);
    *child = (struct spot){.name = str_copy(arena, name), .column = COLUMN_NONE, .index = map->spots++};
    *(parent->children ? &parent->last->next : &parent->children) = child;
    parent->last = child;
    return child;
}

static bool spot_taken(const struct spot *spot) { return spot->column != COLUMN_NONE || spot->constant.data; }

/* NULL, or why a path cannot stand in a message; `ret_near` is a better first name. */
static const char *path_problem(str path, str *ret_near)
{
    str names[TOP_COUNT], rest = path, part;
    size_t parts = 0;
    *ret_near = STR_NONE;
    for (size_t i = 0; i < TOP_COUNT; i++)
        names[i] = str_of(tops[i].name);
    if (str_empty(path) || path.length > LIMIT_FIELD_NAME_BYTES)
        return "is no path";
    while (str_split(&rest, '.', &part))
        if (++parts > PATH_PARTS_MAX || str_empty(part))
            return "is no path: names with dots between them";
    rest = path;
    (void)str_split(&rest, '.', &part); /* there is one */
    for (size_t i = 0; i < TOP_COUNT; i++)
        if (str_equal(part, names[i]) && (parts > 1) == tops[i].open)
            return NULL;
    *ret_near = str_nearest(part, names, TOP_COUNT);
    for (size_t i = 0; i < TOP_COUNT; i++)
        if (str_equal(part, names[i]))
            return tops[i].open ? "needs a name behind it, as in traits.email" : "has nothing below it";
    return "is not a place in a message: userId, anonymousId, type, event, timestamp, messageId, traits.…, "
           "properties.…, context.…";
}

static struct spot *path_place(struct arena *arena, struct import_map *map, str path, const char **ret_why)
{
    struct spot *spot = &map->root;
    str part;
    *ret_why = NULL;
    while (str_split(&path, '.', &part)) {
        spot = spot_child(arena, map, spot, part);
        if (spot_taken(spot))
            *ret_why = path.length ? "lies below a path that has a value of its own" : "is filled twice";
    }
    if (spot->children)
        *ret_why = "has other paths below it";
    return *ret_why ? NULL : spot;
}

static void remember_top(struct import_map *map, str path, const struct spot *spot)
{
    if (str_equal(path, STR("type")))
        map->type = spot;
    else if (str_equal(path, STR("event")))
        map->event = spot;
    else if (str_equal(path, STR("messageId")))
        map->message_id = spot;
}

/* ---- reading the mapping ---- */

struct mapping_reader {
    struct arena *arena;
    struct import_map *map;
    policy_problems *problems;
};

__attribute__((format(printf, 4, 5))) static void problem_at(struct mapping_reader *reader, const struct node *node, str suggestion, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments); /* a cut complaint is still one */
    va_end(arguments);
    problem_push(reader->arena, reader->problems, node->line, node->column, str_of(text), suggestion);
}

static struct spot *place(struct mapping_reader *reader, const struct node *node, str path)
{
    str near;
    const char *why = path_problem(path, &near);
    struct spot *spot = why ? NULL : path_place(reader->arena, reader->map, path, &why);
    if (why) {
        str whole = near;
        ptrdiff_t dot = str_find_char(path, '.');
        if (near.data && dot >= 0)
            whole = str_printf(reader->arena, "%.*s%.*s", STR_FMT(near), STR_FMT(str_slice(path, (size_t)dot, path.length)));
        problem_at(reader, node, near.data && !str_equal(whole, path) ? whole : STR_NONE, "`%.*s` %s", STR_FMT(path), why);
        return NULL;
    }
    remember_top(reader->map, path, spot);
    return spot;
}

static bool scalar(struct mapping_reader *reader, const struct node *node, str *ret_text)
{
    if (node->kind != NODE_SCALAR) {
        problem_at(reader, node, STR_NONE, "one value is wanted here");
        return false;
    }
    *ret_text = node->text;
    return true;
}

static void words_read(struct mapping_reader *reader, const struct node *node, cell_words *words)
{
    str text;
    if (node->kind != NODE_LIST) {
        if (scalar(reader, node, &text))
            *vec_push(reader->arena, words) = text;
        return;
    }
    for (uint32_t i = 0; i < node->count; i++)
        if (scalar(reader, &node->items[i], &text))
            *vec_push(reader->arena, words) = text;
}

static char one_character(struct mapping_reader *reader, const struct node *node)
{
    str text;
    if (!scalar(reader, node, &text))
        return 0;
    if (str_equal(text, STR("tab")) || str_equal(text, STR("\\t")))
        return '\t';
    if (text.length != 1 || text.data[0] == '"' || text.data[0] == '\n') {
        problem_at(reader, node, STR_NONE, "`%.*s` is not one character", STR_FMT(text));
        return 0;
    }
    return text.data[0];
}

static void option_read(struct mapping_reader *reader, const struct node *key, const struct node *value, struct cell_rule *rule)
{
    static const str names[] = {STR("to"), STR("type"), STR("format"), STR("zone"), STR("decimal"), STR("separator"), STR("yes"), STR("no")};
    str text;
    if (str_equal(key->text, STR("to")))
        return;
    if (str_equal(key->text, STR("type"))) {
        if (scalar(reader, value, &text) && !cell_type_parse(text, &rule->type))
            problem_at(reader, value, STR_NONE, "there is no type `%.*s`; there are: %.*s", STR_FMT(text), STR_FMT(cell_type_list(reader->arena)));
    } else if (str_equal(key->text, STR("format"))) {
        if (scalar(reader, value, &text) && !str_equal(text, STR("rfc3339")))
            rule->format = str_z(reader->arena, text);
    } else if (str_equal(key->text, STR("zone"))) {
        if (scalar(reader, value, &text))
            rule->zone = text;
    } else if (str_equal(key->text, STR("decimal"))) {
        char c = one_character(reader, value);
        if (c == '.' || c == ',')
            rule->decimal = c;
        else
            problem_at(reader, value, STR_NONE, "`decimal` is \".\" or \",\"");
    } else if (str_equal(key->text, STR("separator"))) {
        rule->separator = one_character(reader, value);
    } else if (str_equal(key->text, STR("yes"))) {
        words_read(reader, value, &rule->yes);
    } else if (str_equal(key->text, STR("no"))) {
        words_read(reader, value, &rule->no);
    } else {
        problem_at(reader, key, str_nearest(key->text, names, sizeof(names) / sizeof(*names)), "a column has no option `%.*s`", STR_FMT(key->text));
    }
}

static void column_read(struct mapping_reader *reader, const struct node *key, const struct node *value)
{
    struct column column = {.name = key->text, .line = key->line, .at = key->column, .rule = {.decimal = '.', .separator = ','}};
    const struct node *to = value;
    if (value->kind == NODE_NULL) {
        *vec_push(reader->arena, &reader->map->ignored) = key->text;
        return;
    }
    if (value->kind == NODE_MAP) {
        to = node_get(value, STR("to"));
        for (uint32_t i = 0; i < value->count; i++)
            option_read(reader, &value->entries[i].key, &value->entries[i].value, &column.rule);
        const char *why = cell_rule_problem(&column.rule);
        if (why)
            problem_push(reader->arena, reader->problems, value->line, value->column, str_of(why), STR_NONE);
    }
    if (!to || to->kind != NODE_SCALAR) {
        problem_at(reader, to ? to : key, STR_NONE, "column `%.*s` needs the path that it goes to, as in traits.email", STR_FMT(key->text));
        return;
    }
    struct spot *spot = place(reader, to, to->text);
    if (!spot)
        return;
    spot->column = (int)reader->map->columns.count;
    *vec_push(reader->arena, &reader->map->columns) = column;
}

/* Unquoted numbers and truth values are what they look like; everything else is text. */
static str constant_json(struct arena *arena, const struct node *value)
{
    struct json number;
    struct buf out;
    struct jsonw w;
    if (value->plain && (str_equal(value->text, STR("true")) || str_equal(value->text, STR("false"))))
        return value->text;
    if (value->plain && value->text.length && (value->text.data[0] == '-' || (value->text.data[0] >= '0' && value->text.data[0] <= '9'))) {
        const struct err *error = json_read(arena, value->text, &number);
        if (!error && number.type == JSON_NUMBER)
            return value->text;
    }
    buf_init(&out, arena, value->text.length * 6 + 16);
    jsonw_init(&w, &out);
    jsonw_string(&w, value->text);
    return buf_str(&out);
}

static void constant_read(struct mapping_reader *reader, const struct node *key, str path, const struct node *value)
{
    str text;
    if (!scalar(reader, value, &text))
        return;
    struct spot *spot = place(reader, key, path);
    if (spot)
        spot->constant = constant_json(reader->arena, value);
}

static void members_read(struct mapping_reader *reader, const struct node *node, bool columns)
{
    if (node->kind == NODE_NULL)
        return;
    if (node->kind != NODE_MAP) {
        problem_at(reader, node, STR_NONE, "`name: path` is wanted here, a line each");
        return;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct entry *entry = &node->entries[i];
        if (columns)
            column_read(reader, &entry->key, &entry->value);
        else
            constant_read(reader, &entry->key, entry->key.text, &entry->value);
    }
}

static void top_read(struct mapping_reader *reader, const struct node *key, const struct node *value)
{
    static const str names[] = {STR("type"), STR("event"), STR("delimiter"), STR("header"), STR("columns"), STR("constants")};
    str text;
    if (str_equal(key->text, STR("type")) || str_equal(key->text, STR("event"))) {
        constant_read(reader, key, key->text, value);
    } else if (str_equal(key->text, STR("delimiter"))) {
        reader->map->delimiter = one_character(reader, value);
    } else if (str_equal(key->text, STR("header"))) {
        if (scalar(reader, value, &text))
            reader->map->header = !(str_equal(text, STR("no")) || str_equal(text, STR("false")));
    } else if (str_equal(key->text, STR("columns"))) {
        members_read(reader, value, true);
    } else if (str_equal(key->text, STR("constants"))) {
        members_read(reader, value, false);
    } else {
        problem_at(reader, key, str_nearest(key->text, names, sizeof(names) / sizeof(*names)), "a mapping has no `%.*s`", STR_FMT(key->text));
    }
}

static void type_check(struct mapping_reader *reader, const struct node *root)
{
    enum event_type type;
    const struct spot *spot = reader->map->type;
    if (spot && spot->constant.data) {
        str text = str_slice(spot->constant, 1, spot->constant.length - 1);
        if (!event_type_parse(text, &type))
            problem_at(reader, root, STR_NONE, "there is no type of message `%.*s`; there are: identify, track, page, screen, group, alias", STR_FMT(text));
    }
}

static struct import_map *map_new(struct arena *arena)
{
    struct import_map *map = arena_new(arena, struct import_map);
    map->root.column = COLUMN_NONE;
    map->header = true;
    return map;
}

const struct err *import_map_read(struct arena *arena, str yaml, policy_problems *ret_problems, struct import_map **ret_map)
{
    struct mapping_reader reader = {arena, map_new(arena), ret_problems};
    struct node root;
    if (!yaml_read(arena, yaml, arena, ret_problems, &root) || ret_problems->count)
        return err_new(arena, ERR_INVALID, "the mapping cannot be read");
    if (root.kind != NODE_MAP) {
        problem_at(&reader, &root, STR_NONE, "a mapping has `columns:`, with `name of the column: path` below it");
    } else {
        for (uint32_t i = 0; i < root.count; i++)
            top_read(&reader, &root.entries[i].key, &root.entries[i].value);
        type_check(&reader, &root);
        if (reader.map->columns.count == 0 && ret_problems->count == 0)
            problem_at(&reader, &root, STR_NONE, "no column is mapped: `columns:` is missing or empty");
    }
    if (ret_problems->count)
        return err_new(arena, ERR_INVALID, "the mapping cannot be used");
    *ret_map = reader.map;
    return NULL;
}

struct import_map *import_map_plain(struct arena *arena)
{
    struct import_map *map = map_new(arena);
    map->plain = true;
    return map;
}

char import_map_delimiter(const struct import_map *map) { return map->delimiter; }
bool import_map_has_header(const struct import_map *map) { return map->header; }

bool import_map_traits_astray(const struct import_map *map)
{
    const struct spot *traits = map->root.children;
    while (traits && !str_equal(traits->name, STR("traits")))
        traits = traits->next;
    if (!traits)
        return false;
    if (map->type)
        return map->type->constant.data && !str_equal(map->type->constant, STR("\"identify\""));
    return map->event && map->event->constant.data;
}

/* ---- binding to a file ---- */

static const struct err *bind_plain(struct arena *arena, struct import_map *map, const str *header, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        str path = str_trim(header[i]), near;
        const char *why = path_problem(path, &near);
        struct spot *spot = why ? NULL : path_place(arena, map, path, &why);
        if (why && near.data && !str_equal(near, path))
            return err_new(arena, ERR_INVALID, "column `%.*s` %s; did you mean `%.*s`? Otherwise say with --map where it goes", STR_FMT(path), why,
                           STR_FMT(near));
        if (why)
            return err_new(arena, ERR_INVALID, "column `%.*s` %s; say with --map where it goes (see `telos help import`)", STR_FMT(path), why);
        remember_top(map, path, spot);
        spot->column = (int)map->columns.count;
        *vec_push(arena, &map->columns) = (struct column){.name = str_copy(arena, path), .rule = {.decimal = '.', .separator = ','}, .field = (int)i};
    }
    return NULL;
}

static int header_find(const struct import_map *map, const str *header, size_t count, str name)
{
    int64_t number;
    if (!map->header)
        return str_to_int64(name, &number) && number >= 1 && number <= (int64_t)count ? (int)number - 1 : -1;
    for (size_t i = 0; i < count; i++)
        if (str_equal(str_trim(header[i]), str_trim(name)))
            return (int)i;
    return -1;
}

static str unused_columns(struct arena *arena, const struct import_map *map, const str *header, size_t count)
{
    struct buf out;
    buf_init(&out, arena, 64 * 1024);
    for (size_t i = 0; i < count; i++) {
        bool used = !map->header;
        vec_each (column, &map->columns)
            used = used || column->field == (int)i;
        vec_each (name, &map->ignored)
            used = used || str_equal(str_trim(header[i]), *name);
        if (!used)
            buf_printf(&out, "%s`%.*s`", out.length ? ", " : "", STR_FMT(str_trim(header[i])));
    }
    return buf_str(&out);
}

const struct err *import_map_bind(struct arena *arena, struct import_map *map, const str *header, size_t count, str *ret_unused)
{
    *ret_unused = STR("");
    if (count > LIMIT_IMPORT_COLUMNS)
        return err_new(arena, ERR_TOO_LARGE, "the file has over %d columns", LIMIT_IMPORT_COLUMNS);
    if (map->plain)
        return bind_plain(arena, map, header, count);
    vec_each (column, &map->columns) {
        column->field = header_find(map, header, count, column->name);
        if (column->field >= 0)
            continue;
        str *names = arena_array(arena, str, count + 1);
        for (size_t i = 0; i < count; i++)
            names[i] = str_trim(header[i]);
        str near = map->header ? str_nearest(column->name, names, count) : STR_NONE;
        return err_new(arena, ERR_INVALID, "line %u: the file has no column `%.*s`%s%.*s%s", column->line, STR_FMT(column->name),
                       near.data ? ": did you mean `" : "", STR_FMT(near), near.data ? "`?" : "");
    }
    *ret_unused = unused_columns(arena, map, header, count);
    return NULL;
}

/* Known places for what columns are often called; the rest are traits. */
static str likely_path(struct arena *arena, str column)
{
    static const struct {
        const char *name, *path;
    } known[] = {{"id", "userId"},      {"userid", "userId"},  {"customerid", "userId"},   {"anonymousid", "anonymousId"},
                 {"time", "timestamp"}, {"date", "timestamp"}, {"timestamp", "timestamp"}, {"event", "event"},
                 {"type", "type"}};
    struct buf name;
    bool upper = false;
    buf_init(&name, arena, column.length + 1);
    for (size_t i = 0; i < column.length; i++) {
        char c = column.data[i];
        bool digit = c >= '0' && c <= '9', small = c >= 'a' && c <= 'z', large = c >= 'A' && c <= 'Z';
        if (!digit && !small && !large) {
            upper = name.length > 0;
            continue;
        }
        char lower = large ? (char)(c + 32) : c;
        buf_add_char(&name, upper && !digit ? (char)(lower - 32) : lower);
        upper = false;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_equal_nocase(buf_str(&name), str_of(known[i].name)))
            return str_of(known[i].path);
    return name.length ? str_printf(arena, "traits.%.*s", STR_FMT(buf_str(&name))) : STR("~");
}

str import_map_suggest(struct arena *arena, const str *header, size_t count)
{
    struct buf out;
    buf_init(&out, arena, LIMIT_IMPORT_RECORD_BYTES * 8);
    buf_add(&out, STR("columns:\n"));
    for (size_t i = 0; i < count; i++) {
        struct jsonw w;
        buf_add(&out, STR("  "));
        jsonw_init(&w, &out);
        jsonw_string(&w, str_trim(header[i])); /* a JSON string is a YAML string */
        buf_printf(&out, ": %.*s\n", STR_FMT(likely_path(arena, str_trim(header[i]))));
    }
    return buf_str(&out);
}

/* ---- a message ---- */

struct message_writer {
    const struct import_map *map;
    const str *values; /* by spot; data NULL: absent */
    struct buf *out;
};

/* Writes the members of a spot that have a value; true when there were any. */
static bool write_members(struct message_writer *writer, const struct spot *parent)
{
    bool any = false;
    for (const struct spot *child = parent->children; child; child = child->next) {
        size_t before = writer->out->length;
        struct jsonw w;
        jsonw_init(&w, writer->out);
        if (any)
            buf_add_char(writer->out, ',');
        jsonw_string(&w, child->name);
        buf_add_char(writer->out, ':');
        bool wrote;
        if (child->children) {
            buf_add_char(writer->out, '{');
            wrote = write_members(writer, child);
            buf_add_char(writer->out, '}');
        } else {
            str value = child->constant.data ? child->constant : writer->values[child->index];
            wrote = value.data != NULL;
            buf_add(writer->out, value);
        }
        if (!wrote && !writer->out->overflow)
            writer->out->length = before;
        any = any || wrote;
    }
    return any;
}

static bool has_value(const struct spot *spot, const str *values) { return spot && (spot->constant.data || values[spot->index].data); }

static bool cells_read(struct arena *arena, const struct import_map *map, const struct spot *parent, const str *fields, size_t count, str *values, str *ret_why)
{
    for (const struct spot *child = parent->children; child; child = child->next) {
        if (child->children && !cells_read(arena, map, child, fields, count, values, ret_why))
            return false;
        if (child->column == COLUMN_NONE)
            continue;
        const struct column *column = &map->columns.items[child->column];
        if ((size_t)column->field >= count)
            continue; /* a short record: the cells at its end are empty */
        const char *why = cell_value(arena, &column->rule, fields[column->field], &values[child->index]);
        if (why) {
            *ret_why = str_printf(arena, "column `%.*s`: %s", STR_FMT(column->name), why);
            return false;
        }
    }
    return true;
}

bool import_map_message(struct arena *arena, const struct import_map *map, const str *fields, size_t count, str message_id, struct buf *out, str *ret_why)
{
    str *values = arena_array(arena, str, map->spots + 1);
    struct message_writer writer = {map, values, out};
    struct jsonw w;
    size_t before = out->length;
    for (size_t i = 0; i < count; i++) {
        if (str_valid_utf8(fields[i]))
            continue;
        *ret_why = str_printf(arena, "not UTF-8; convert the file first, as with: iconv -f WINDOWS-1250 -t UTF-8");
        return false;
    }
    if (!cells_read(arena, map, &map->root, fields, count, values, ret_why))
        return false;
    jsonw_init(&w, out);
    buf_add_char(out, '{');
    bool any = write_members(&writer, &map->root);
    if (any && !has_value(map->type, values))
        buf_add(out, has_value(map->event, values) ? STR(",\"type\":\"track\"") : STR(",\"type\":\"identify\""));
    if (any && !has_value(map->message_id, values)) {
        buf_add(out, STR(",\"messageId\":"));
        jsonw_string(&w, message_id);
    }
    buf_add_char(out, '}');
    if (!any || out->overflow) {
        if (!out->overflow)
            out->length = before;
        *ret_why = any ? STR("too long for one message") : STR("all its cells are empty");
        return false;
    }
    return true;
}
