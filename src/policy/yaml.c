/* libyaml's events made into a bounded tree; see yaml_private.h for what it promises. */
#include "policy/yaml_private.h"

#include <yaml.h>

/* Maps up to this many entries are searched one by one for a key twice. */
enum { SMALL_MAP = 8 };

struct reader {
    struct arena *arena, *problem_arena;
    policy_problems *problems;
    str text;
    yaml_parser_t parser;
    struct map anchors; /* name → finished node */
    uint32_t nodes;
    bool failed;
};

void problem_push(struct arena *arena, policy_problems *problems, uint32_t line, uint32_t column, str text, str suggestion)
{
    if (problems->count >= LIMIT_POLICY_PROBLEMS)
        return;
    struct policy_problem *problem = vec_push(arena, problems);
    *problem = (struct policy_problem){line, column, str_copy(arena, text), str_copy(arena, suggestion)};
}

static bool fail(struct reader *reader, yaml_mark_t mark, str text)
{
    if (!reader->failed)
        problem_push(reader->problem_arena, reader->problems, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1, text, STR_NONE);
    reader->failed = true;
    return false;
}

/* A byte that is not UTF-8 has no mark, only an offset. */
static yaml_mark_t mark_of_offset(str text, size_t offset)
{
    yaml_mark_t mark = {.index = offset};
    for (size_t i = 0; i < offset && i < text.length; i++) {
        if (text.data[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (((uint8_t)text.data[i] & 0xC0) != 0x80) {
            mark.column++;
        }
    }
    return mark;
}

static bool next_event(struct reader *reader, yaml_event_t *ret_event)
{
    if (yaml_parser_parse(&reader->parser, ret_event))
        return true;
    const yaml_parser_t *parser = &reader->parser;
    if (parser->error == YAML_READER_ERROR)
        return fail(reader, mark_of_offset(reader->text, parser->problem_offset),
                    STR("not a text in UTF-8; save the file as UTF-8 without control characters"));
    yaml_mark_t mark = parser->problem ? parser->problem_mark : parser->mark;
    return fail(reader, mark,
                str_printf(reader->problem_arena, "not YAML: %s%s%s; check indentation (spaces, no tabs), colons, quotes and brackets",
                           parser->problem ? parser->problem : "it ends too early", parser->context ? ", " : "",
                           parser->context ? parser->context : ""));
}

static bool node_count(struct reader *reader, yaml_mark_t mark, uint32_t count)
{
    if (count > LIMIT_POLICY_NODES - reader->nodes)
        return fail(reader, mark, STR("the file is too large with its aliases written out; use fewer aliases"));
    reader->nodes += count;
    return true;
}

static bool text_clean(str text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = (uint8_t)text.data[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F)
            return false;
    }
    return true;
}

static bool is_null(const struct node *node)
{
    return node->plain && (str_empty(node->text) || str_equal(node->text, STR("~")) || str_equal_nocase(node->text, STR("null")));
}

static bool read_scalar(struct reader *reader, const yaml_event_t *event, struct node *node)
{
    str text = str_bytes(event->data.scalar.value, event->data.scalar.length);
    node->kind = NODE_SCALAR;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (!text_clean(text))
        return fail(reader, event->start_mark, STR("the text holds a control character; take it out"));
    node->text = str_copy(reader->arena, text);
    if (is_null(node))
        node->kind = NODE_NULL;
    return true;
}

static bool read_alias(struct reader *reader, const yaml_event_t *event, struct node *node)
{
    str name = str_of((const char *)event->data.alias.anchor);
    const struct node *target = map_get(&reader->anchors, name);
    if (!target)
        return fail(reader, event->start_mark,
                    str_printf(reader->problem_arena, "alias `*%.*s` has no finished anchor before it; define `&%.*s` first",
                               STR_FMT(name), STR_FMT(name)));
    if (!node_count(reader, event->start_mark, target->size - 1))
        return false;
    uint32_t line = node->line, column = node->column;
    *node = *target;
    node->line = line;
    node->column = column;
    return true;
}

static bool read_node(struct reader *reader, const yaml_event_t *event, unsigned depth, struct node *ret_node);

static bool read_list(struct reader *reader, unsigned depth, struct node *node)
{
    VEC(struct node) items = {0};
    node->kind = NODE_LIST;
    for (;;) {
        yaml_event_t event;
        struct node item = {0};
        if (!next_event(reader, &event))
            return false;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        bool ok = end || read_node(reader, &event, depth + 1, &item);
        yaml_event_delete(&event);
        if (!ok)
            return false;
        if (end)
            break;
        *(struct node *)vec_push(reader->arena, &items) = item;
        node->size += item.size;
    }
    node->items = items.items;
    node->count = (uint32_t)items.count;
    return true;
}

static void check_duplicates(struct reader *reader, const struct node *map)
{
    struct map seen;
    if (map->count > SMALL_MAP)
        map_init(&seen, reader->arena);
    for (uint32_t i = 0; i < map->count; i++) {
        const struct node *key = &map->entries[i].key, *first = NULL;
        if (map->count > SMALL_MAP) {
            first = map_get(&seen, key->text);
            if (!first)
                map_set(&seen, key->text, &map->entries[i].key);
        } else {
            for (uint32_t j = 0; j < i && !first; j++)
                if (str_equal(map->entries[j].key.text, key->text))
                    first = &map->entries[j].key;
        }
        if (first)
            problem_push(reader->problem_arena, reader->problems, key->line, key->column,
                         str_printf(reader->problem_arena, "key `%.*s` is here twice, first in line %u; keep one", STR_FMT(key->text),
                                    first->line),
                         STR_NONE);
    }
}

static bool read_map(struct reader *reader, unsigned depth, struct node *node)
{
    VEC(struct entry) entries = {0};
    node->kind = NODE_MAP;
    for (;;) {
        yaml_event_t event;
        struct entry entry = {0};
        if (!next_event(reader, &event))
            return false;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        bool ok = end || read_node(reader, &event, depth + 1, &entry.key);
        if (ok && !end && entry.key.kind > NODE_SCALAR)
            ok = fail(reader, event.start_mark, STR("a key must be a plain text"));
        yaml_event_delete(&event);
        if (!ok)
            return false;
        if (end)
            break;
        if (!next_event(reader, &event))
            return false;
        ok = read_node(reader, &event, depth + 1, &entry.value);
        yaml_event_delete(&event);
        if (!ok)
            return false;
        *(struct entry *)vec_push(reader->arena, &entries) = entry;
        node->size += entry.key.size + entry.value.size;
    }
    node->entries = entries.items;
    node->count = (uint32_t)entries.count;
    check_duplicates(reader, node);
    return true;
}

static bool read_node(struct reader *reader, const yaml_event_t *event, unsigned depth, struct node *ret_node)
{
    struct node node = {.line = (uint32_t)event->start_mark.line + 1, .column = (uint32_t)event->start_mark.column + 1, .size = 1};
    const yaml_char_t *anchor = NULL;
    bool ok;
    if (!node_count(reader, event->start_mark, 1))
        return false;
    if (depth > LIMIT_POLICY_DEPTH)
        return fail(reader, event->start_mark, STR("nested too deep; a policy needs no more than a few levels"));
    if (event->type == YAML_ALIAS_EVENT) {
        ok = read_alias(reader, event, &node);
    } else if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        ok = read_scalar(reader, event, &node);
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        ok = read_list(reader, depth, &node);
    } else {
        anchor = event->data.mapping_start.anchor;
        ok = read_map(reader, depth, &node);
    }
    if (!ok)
        return false;
    if (anchor) { /* only now, so that nothing can stand inside itself */
        struct node *kept = arena_new(reader->arena, struct node);
        *kept = node;
        map_set(&reader->anchors, str_copy(reader->arena, str_of((const char *)anchor)), kept);
    }
    *ret_node = node;
    return true;
}

/* Stream start, one document, stream end. */
static bool read_stream(struct reader *reader, struct node *ret_root)
{
    bool found = false;
    for (;;) {
        yaml_event_t event;
        if (!next_event(reader, &event))
            return false;
        yaml_event_type_t type = event.type;
        bool ok = true;
        if (type == YAML_DOCUMENT_START_EVENT && found)
            ok = fail(reader, event.start_mark, STR("a second document begins here; a policy is one document"));
        else if (type >= YAML_ALIAS_EVENT) /* the document's node: alias, scalar, list or map */
            ok = found = read_node(reader, &event, 0, ret_root);
        yaml_event_delete(&event);
        if (!ok)
            return false;
        if (type == YAML_STREAM_END_EVENT || type == YAML_NO_EVENT)
            break;
    }
    if (!found)
        return fail(reader, (yaml_mark_t){0}, STR("the policy is empty; begin with `controller:` and `purposes:`"));
    return true;
}

bool yaml_read(struct arena *arena, str text, struct arena *problem_arena, policy_problems *problems, struct node *ret_root)
{
    struct reader reader = {.arena = arena, .problem_arena = problem_arena, .problems = problems, .text = text};
    if (text.length > LIMIT_POLICY_BYTES)
        return fail(&reader, (yaml_mark_t){0},
                    str_printf(problem_arena, "the policy has %zu bytes, the limit is %d; shorten it", text.length, (int)LIMIT_POLICY_BYTES));
    map_init(&reader.anchors, arena);
    if (!yaml_parser_initialize(&reader.parser))
        return fail(&reader, (yaml_mark_t){0}, STR("no memory for the YAML reader"));
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.data ? text.data : ""), text.length);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    bool ok = read_stream(&reader, ret_root);
    yaml_parser_delete(&reader.parser);
    return ok;
}

const struct node *node_get(const struct node *map, str name)
{
    if (map && map->kind == NODE_MAP)
        for (uint32_t i = 0; i < map->count; i++)
            if (str_equal(map->entries[i].key.text, name))
                return &map->entries[i].value;
    return NULL;
}
