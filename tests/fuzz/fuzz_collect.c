/* The envelope of a collect body: any bytes. It never faults; its slices lie within the input; and what a whole JSON reader takes, it takes with
 * the same messages, the same write key and the same outer context. */
#include "base/limits.h"
#include "core/envelope.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(str part, str text)
{
    if (part.data)
        ASSERT(part.data >= text.data && part.data + part.length <= text.data + text.length);
}

static bool same_tree(const struct json *a, const struct json *b)
{
    if (a->type != b->type || a->count != b->count)
        return false;
    if (a->type == JSON_STRING || a->type == JSON_NUMBER)
        return str_equal(a->text, b->text);
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->type == JSON_ARRAY ? !same_tree(&a->items[i], &b->items[i])
                                  : !str_equal(a->members[i].name, b->members[i].name) || !same_tree(&a->members[i].value, &b->members[i].value))
            return false;
    }
    return true;
}

/* `text` is one JSON value for the whole reader, too. */
static void check_same(struct arena *arena, const struct json *whole, const struct envelope *envelope)
{
    const struct json *list = whole->type == JSON_ARRAY ? whole : json_get(whole, STR("batch"));
    bool batch = list && list->type == JSON_ARRAY && !(whole->type == JSON_OBJECT && json_get(whole, STR("type")));
    ASSERT(envelope->batch == batch);
    ASSERT(envelope->messages.count == (batch ? list->count : 1));
    const struct json *key = json_get(whole, STR("writeKey"));
    if (json_is_string(key) && key->raw.length <= LIMIT_STRING_BYTES)
        ASSERT(str_equal(envelope->write_key, key->text));
    for (size_t i = 0; i < envelope->messages.count; i++) {
        struct json message;
        const struct json *expected = batch ? &list->items[i] : whole;
        const char *problem = envelope_message(arena, envelope->messages.items[i], &message);
        ASSERT(problem || same_tree(expected, &message));
        ASSERT(!problem || expected->type != JSON_OBJECT || envelope->messages.items[i].length > LIMIT_MESSAGE_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct envelope envelope;
    struct json whole, defaults;
    bool any;
    str text = str_bytes(data, size);
    arena_init(&arena);
    const struct err *error = envelope_read(&arena, text, LIMIT_BATCH_MESSAGES, &envelope);
    if (!error) {
        vec_each (message, &envelope.messages) {
            struct json read;
            check_within(*message, text);
            (void)envelope_message(&arena, *message, &read); /* a problem or not; it must not fault */
        }
        check_within(envelope.context, text);
        check_within(envelope.integrations, text);
        error = envelope_defaults(&arena, &envelope, &defaults, &any);
    }
    /* Types twice and the like differ by rule; a tree without duplicates and in valid UTF-8 must read the same. */
    if (!error && str_valid_utf8(text) && !json_read(&arena, text, &whole) && !whole.raw_dirty && (whole.type == JSON_OBJECT || whole.type == JSON_ARRAY))
        check_same(&arena, &whole, &envelope);
    arena_release(&arena);
    return 0;
}
