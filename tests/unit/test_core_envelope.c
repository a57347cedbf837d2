/* The envelope of collect bodies (core/envelope.h). */
#include "unit.h"

#include "base/limits.h"
#include "core/envelope.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct envelope read_fine(const char *text)
{
    struct envelope envelope;
    check_fine(envelope_read(&arena, str_of(text), LIMIT_BATCH_MESSAGES, &envelope));
    return envelope;
}

static void a_single_message_is_the_whole_text(void **state)
{
    (void)state;
    struct envelope envelope = read_fine(" {\"userId\":\"u\",\"context\":{\"a\":1},\"writeKey\":\"k\"} ");
    assert_false(envelope.batch);
    assert_int_equal(envelope.messages.count, 1);
    check_str(envelope.messages.items[0], "{\"userId\":\"u\",\"context\":{\"a\":1},\"writeKey\":\"k\"}");
    check_str(envelope.write_key, "k");
    assert_true(str_empty(envelope.context)); /* it is the message's own */
}

static void a_batch_is_cut_into_its_messages(void **state)
{
    (void)state;
    struct envelope envelope = read_fine("{\"batch\":[{\"a\":\"}],[\\\"\"} , {\"b\":[[],{}]},7],\"sentAt\":\"t\",\"context\":{\"c\":1},\"integrations\":{}}");
    assert_true(envelope.batch);
    assert_int_equal(envelope.messages.count, 3);
    check_str(envelope.messages.items[0], "{\"a\":\"}],[\\\"\"}");
    check_str(envelope.messages.items[1], "{\"b\":[[],{}]}");
    check_str(envelope.messages.items[2], "7");
    check_str(envelope.sent_at, "t");
    check_str(envelope.context, "{\"c\":1}");
}

static void a_broken_message_costs_only_itself(void **state)
{
    (void)state;
    struct json message;
    struct envelope envelope = read_fine("{\"batch\":[{\"a\":1},{\"a\":tru},{\"a\":2}]}");
    assert_int_equal(envelope.messages.count, 3);
    assert_null(envelope_message(&arena, envelope.messages.items[0], &message));
    assert_non_null(envelope_message(&arena, envelope.messages.items[1], &message));
    assert_int_equal(message.type, JSON_NULL);
    assert_null(envelope_message(&arena, envelope.messages.items[2], &message));
}

static void names_may_be_escaped_and_one_twice_refuses_the_batch(void **state)
{
    (void)state;
    check_str(read_fine("{\"\\u0077riteKey\":\"a\"}").write_key, "a");
    struct envelope envelope;
    check_code(envelope_read(&arena, STR("{\"batch\":[1],\"batch\":[1,2]}"), 10, &envelope), ERR_MALFORMED);
    check_code(envelope_read(&arena, STR("{\"writeKey\":\"a\",\"write\\u004bey\":\"b\",\"batch\":[]}"), 10, &envelope), ERR_MALFORMED);
    assert_int_equal(read_fine("{\"x\":1,\"x\":2,\"batch\":[1,2]}").messages.count, 2); /* nobody reads it */
    struct json message; /* a message that stands alone is read as one */
    struct envelope alone = read_fine("{\"writeKey\":\"a\",\"writeKey\":\"b\"}");
    assert_non_null(strstr(envelope_message(&arena, alone.messages.items[0], &message), "stands twice"));
}

static void a_message_with_a_type_is_no_batch(void **state)
{
    (void)state;
    assert_false(read_fine("{\"type\":\"track\",\"batch\":[1,2]}").batch);
    assert_false(read_fine("{\"batch\":{\"a\":1}}").batch);
    assert_true(read_fine("[{},{}]").batch);
    assert_int_equal(read_fine("{\"batch\":[]}").messages.count, 0);
}

static void what_is_no_json_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " ", "{", "[", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,}", "{a:1}", "hello", "42", "{} x", "{\"batch\":[{]}", "{\"batch\":[1 2]}",
                                        "{\"batch\":[1,]}", "{\"a\":\"x}", "{\"a\":\"\\\"}", "null", "\"x\""};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct envelope envelope;
        check_code(envelope_read(&arena, str_of(texts[i]), LIMIT_BATCH_MESSAGES, &envelope), ERR_MALFORMED);
    }
}

static void too_many_messages_are_too_large(void **state)
{
    (void)state;
    struct envelope envelope;
    check_code(envelope_read(&arena, STR("[1,2,3]"), 2, &envelope), ERR_TOO_LARGE);
    check_fine(envelope_read(&arena, STR("[1,2]"), 2, &envelope));
}

static void a_message_over_the_limit_is_told(void **state)
{
    (void)state;
    struct json message;
    char *text = arena_alloc(&arena, LIMIT_MESSAGE_BYTES + 1);
    memset(text, ' ', LIMIT_MESSAGE_BYTES + 1);
    text[0] = '{';
    text[LIMIT_MESSAGE_BYTES - 1] = '}';
    assert_null(envelope_message(&arena, str_bytes(text, LIMIT_MESSAGE_BYTES), &message));
    text[LIMIT_MESSAGE_BYTES] = ' ';
    assert_non_null(envelope_message(&arena, str_bytes(text, LIMIT_MESSAGE_BYTES + 1), &message));
}

static void an_outer_context_that_would_multiply_is_too_large(void **state)
{
    (void)state;
    struct buf buf;
    struct envelope envelope;
    struct json defaults;
    bool any = false;
    buf_init(&buf, &arena, LIMIT_BATCH_BYTES);
    buf_add(&buf, STR("{\"context\":{\"a\":\""));
    for (int i = 0; i < 4000; i++)
        buf_add_char(&buf, 'x');
    buf_add(&buf, STR("\"},\"batch\":[1"));
    for (int i = 0; i < 2000; i++)
        buf_add(&buf, STR(",1"));
    buf_add(&buf, STR("]}"));
    check_fine(envelope_read(&arena, buf_str(&buf), LIMIT_BATCH_MESSAGES, &envelope));
    check_code(envelope_defaults(&arena, &envelope, &defaults, &any), ERR_TOO_LARGE);
    envelope = read_fine("{\"context\":{\"a\":1},\"integrations\":null,\"batch\":[{},{}]}");
    check_fine(envelope_defaults(&arena, &envelope, &defaults, &any));
    assert_true(any);
    assert_non_null(json_path(&defaults, STR("context.a")));
    assert_null(json_get(&defaults, STR("integrations")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_single_message_is_the_whole_text),
        cmocka_unit_test(a_batch_is_cut_into_its_messages),
        cmocka_unit_test(a_broken_message_costs_only_itself),
        cmocka_unit_test(names_may_be_escaped_and_one_twice_refuses_the_batch),
        cmocka_unit_test(a_message_with_a_type_is_no_batch),
        cmocka_unit_test(what_is_no_json_is_malformed),
        cmocka_unit_test(too_many_messages_are_too_large),
        cmocka_unit_test(a_message_over_the_limit_is_told),
        cmocka_unit_test(an_outer_context_that_would_multiply_is_too_large),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
