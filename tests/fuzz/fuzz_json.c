/* Any bytes into the JSON reader: it answers with an error or a tree; the tree keeps its promises (bounds, exact `raw`,
 * valid UTF-8, no name twice), and written out and read again it is the same tree. The bytes as a string survive the
 * writer. */
#include "base/json.h"
#include "base/limits.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t nodes;

static void check_tree(const struct json *value, str within, int depth)
{
    ASSERT(++nodes <= LIMIT_JSON_NODES && depth <= LIMIT_JSON_DEPTH);
    ASSERT(value->raw.length > 0);
    if (within.data)
        ASSERT(value->raw.data >= within.data && value->raw.data + value->raw.length <= within.data + within.length);
    switch ((enum json_type)value->type) {
    case JSON_STRING:
        ASSERT(value->raw.data[0] == '"' && value->raw.data[value->raw.length - 1] == '"');
        ASSERT(str_valid_utf8(value->text) && value->text.length + 2 <= value->raw.length);
        break;
    case JSON_NUMBER: ASSERT(str_equal(value->text, value->raw)); break;
    case JSON_NULL: ASSERT(str_equal(value->raw, STR("null"))); break;
    case JSON_FALSE: ASSERT(str_equal(value->raw, STR("false"))); break;
    case JSON_TRUE: ASSERT(str_equal(value->raw, STR("true"))); break;
    case JSON_ARRAY:
        ASSERT(value->raw.data[0] == '[' && value->raw.data[value->raw.length - 1] == ']');
        for (uint32_t i = 0; i < value->count; i++)
            check_tree(&value->items[i], value->raw, depth + 1);
        break;
    case JSON_OBJECT:
        ASSERT(value->raw.data[0] == '{' && value->raw.data[value->raw.length - 1] == '}');
        for (uint32_t i = 0; i < value->count; i++) {
            ASSERT(str_valid_utf8(value->members[i].name));
            ASSERT(json_get(value, value->members[i].name) == &value->members[i].value); /* so no name twice */
            check_tree(&value->members[i].value, value->raw, depth + 1);
        }
        break;
    }
}

static void check_same(const struct json *a, const struct json *b)
{
    ASSERT(a->type == b->type && a->count == b->count);
    if (a->type == JSON_STRING || a->type == JSON_NUMBER)
        ASSERT(str_equal(a->text, b->text));
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->type == JSON_ARRAY) {
            check_same(&a->items[i], &b->items[i]);
        } else {
            ASSERT(str_equal(a->members[i].name, b->members[i].name));
            check_same(&a->members[i].value, &b->members[i].value);
        }
    }
}

/* Forgets the raw texts, so that the writer writes every value itself. */
static void forget_raw(struct json *value)
{
    value->raw_dirty = true;
    for (uint32_t i = 0; i < value->count; i++)
        forget_raw(value->type == JSON_ARRAY ? &value->items[i] : &value->members[i].value);
}

static void check_written(struct arena *arena, const struct json *value, size_t max)
{
    struct buf out;
    struct jsonw w;
    struct json again;
    buf_init(&out, arena, max);
    jsonw_init(&w, &out);
    jsonw_value(&w, value);
    ASSERT(!out.overflow);
    const struct err *err = json_read(arena, buf_str(&out), &again);
    ASSERT(!err);
    ASSERT(!again.raw_dirty);
    check_same(value, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct json value;
    str text = str_bytes(data, size);
    size_t max = size * 6 + 64;
    arena_init(&arena);
    const struct err *err = json_read(&arena, text, &value);
    if (!err) {
        nodes = 0;
        check_tree(&value, str_valid_utf8(text) ? text : STR_NONE, 0);
        check_written(&arena, &value, max);
        forget_raw(&value);
        check_written(&arena, &value, max);
        (void)json_path(&value, STR("context.device.id")); /* must not fault; there may be nothing */
        (void)json_id_text(&arena, &value);
    }
    struct json string = json_make_string(str_repair_utf8(&arena, text));
    check_written(&arena, &string, max * 3);
    arena_release(&arena);
    return 0;
}
