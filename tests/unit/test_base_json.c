/* The JSON reader, its tree and the writer. */
#include "unit.h"

#include "base/id.h"
#include "base/json.h"
#include "base/json_strict.h"
#include "base/limits.h"
#include "base/time.h"

#include <math.h>
#include <pthread.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct json read_str(str text)
{
    struct json value = {0};
    check_fine(json_read(&arena, text, &value));
    return value;
}

static struct json read_text(const char *text) { return read_str(str_of(text)); }

static str written(const struct json *value)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, &arena, 1 << 20);
    jsonw_init(&w, &out);
    jsonw_value(&w, value);
    assert_false(out.overflow);
    return buf_str(&out);
}

static void a_message_is_read_whole(void **state)
{
    (void)state;
    struct json message = read_text(" {\"a\":{\"b\" : [1, \"x\",true,false,null,{}, []]},\"n\":-1.5e3 , \"s\":\"\"} ");
    assert_int_equal(message.type, JSON_OBJECT);
    assert_int_equal(message.count, 3);
    const struct json *list = json_path(&message, STR("a.b"));
    assert_non_null(list);
    assert_int_equal(list->count, 7);
    const uint8_t types[] = {JSON_NUMBER, JSON_STRING, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_OBJECT, JSON_ARRAY};
    for (int i = 0; i < 7; i++)
        assert_int_equal(list->items[i].type, types[i]);
    check_str(list->raw, "[1, \"x\",true,false,null,{}, []]");
    check_str(message.members[0].value.raw, "{\"b\" : [1, \"x\",true,false,null,{}, []]}");
    check_str(json_get(&message, STR("n"))->raw, "-1.5e3");
    check_str(json_get(&message, STR("s"))->raw, "\"\"");
    assert_null(json_get(&message, STR("absent")));
    assert_null(json_path(&message, STR("a.b.c")));
    assert_null(json_get(NULL, STR("a")));
}

static void a_scalar_is_a_whole_text(void **state)
{
    (void)state;
    check_str(read_text("  12 ").raw, "12");
    check_str(read_text("\"x\" \n").text, "x");
    assert_int_equal(read_text("null").type, JSON_NULL);
    assert_int_equal(read_text("\xef\xbb\xbf[]").type, JSON_ARRAY);
}

static void plain_texts_are_borrowed(void **state)
{
    (void)state;
    str text = STR("{\"name\":\"value\"}");
    struct json value = read_str(text);
    assert_ptr_equal(value.members[0].name.data, text.data + 2);
    assert_ptr_equal(value.members[0].value.text.data, text.data + 9);
}

static void escapes_are_resolved(void **state)
{
    (void)state;
    check_str(read_text("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"").text, "\"\\/\b\f\n\r\t");
    check_str(read_text("\"a\\u00e9\\u20AC\\ud83d\\ude00z\"").text, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    struct json nul = read_text("\"a\\u0000b\"");
    assert_true(str_equal(nul.text, STR("a\0b")));
    assert_false(nul.raw_dirty);
    struct json name = read_text("[\"plain\",{\"\\u0061\":\"\\u0062\"},\"plain\"]");
    check_str(name.items[1].members[0].name, "a");
    check_str(name.items[1].members[0].value.text, "b");
    check_str(name.items[2].text, "plain");
}

static void a_lone_surrogate_becomes_the_replacement_character(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"\"\\ud800\"", "\xef\xbf\xbd"},
        {"\"\\udc00x\"", "\xef\xbf\xbdx"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct json value = read_text(table[i][0]);
        check_str(value.text, table[i][1]);
        assert_true(value.raw_dirty);
    }
    struct json object = read_text("{\"a\":[\"\\ud800\"],\"b\":[1]}");
    assert_true(object.raw_dirty && object.members[0].value.raw_dirty);
    assert_false(object.members[1].value.raw_dirty);
    check_str(written(&object), "{\"a\":[\"\xef\xbf\xbd\"],\"b\":[1]}");
}

static void numbers_keep_all_their_digits(void **state)
{
    (void)state;
    struct json value = read_text("[123456789012345678901234567890,1e400,-0,0.10]");
    check_str(value.items[0].text, "123456789012345678901234567890");
    check_str(value.items[1].text, "1e400");
    check_str(value.items[3].text, "0.10");
    check_str(written(&value), "[123456789012345678901234567890,1e400,-0,0.10]");
    double number;
    int64_t whole;
    assert_false(json_double(&value.items[1], &number));
    assert_false(json_int(&value.items[0], &whole));
    assert_true(json_int(&value.items[2], &whole) && whole == 0);
    struct json more = read_text("[1.0,1e3,1.5,9223372036854775807,\"5\"]");
    assert_true(json_int(&more.items[0], &whole) && whole == 1);
    assert_true(json_int(&more.items[1], &whole) && whole == 1000);
    assert_false(json_int(&more.items[2], &whole));
    assert_true(json_int(&more.items[3], &whole) && whole == INT64_MAX);
    assert_false(json_int(&more.items[4], &whole));
}

static void of_equal_names_the_last_wins_at_the_place_of_the_first(void **state)
{
    (void)state;
    struct json value = read_text("{\"a\":1,\"b\":2,\"\\u0061\":3}");
    assert_int_equal(value.count, 2);
    check_str(written(&value), "{\"a\":3,\"b\":2}");
    struct buf text;
    buf_init(&text, &arena, 1 << 20);
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "%c\"name%d\":%d", i ? ',' : '{', i % 1000, i);
    buf_add_char(&text, '}');
    value = read_str(buf_str(&text));
    assert_int_equal(value.count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        int64_t number;
        check_str(value.members[i].name, arena_printf(&arena, "name%u", i));
        assert_true(json_int(&value.members[i].value, &number) && number == 2000 + (int64_t)i);
    }
}

static void broken_utf8_is_repaired_not_refused(void **state)
{
    (void)state;
    struct json value = read_text("{\"a\xff\":\"\xc3(\"}");
    check_str(value.members[0].name, "a\xef\xbf\xbd");
    check_str(value.members[0].value.text, "\xef\xbf\xbd(");
    assert_true(str_valid_utf8(written(&value)));
}

/* What another program might read otherwise is refused with its place; what is only unusual is taken. */
static void the_strict_reader_names_what_is_twice_and_what_is_no_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part, *place;
    } cases[] = {
        {"{\"a\":1,\"a\":2}", "stands twice", "(`a`), at byte 11;"},
        {"{\"p\":{\"list\":[{},{\"b\":1,\"c\":0,\"b\":[2]}]}}", "stands twice", "(`p.list[1].b`), at byte 34;"},
        {"{\"a\":1,\"\\u0061\":2}", "stands twice", "(`a`)"},
        {"{\"p\":{\"name\":\"J\xf3zsef\"}}", "not UTF-8 at byte 15", "(`p.name`)"},
        {"{\"\xff\":1}", "not UTF-8 at byte 2", ";"},
        {"{\"a\":\"\xed\xa0\x80\"}", "not UTF-8 at byte 6", "(`a`)"}, /* a surrogate as bytes is no UTF-8 */
        {"{\"a\":\"\xff\"", "not UTF-8 at byte 6", "; send"}, /* and no JSON either */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct json value;
        if (i != 6) /* json_read takes them */
            check_fine(json_read(&arena, str_of(cases[i].text), &value));
        const struct err *error = json_read_strict(&arena, str_of(cases[i].text), &value);
        assert_non_null(error);
        assert_int_equal(error->code, ERR_MALFORMED);
        if (!strstr(error->text, cases[i].part) || !strstr(error->text, cases[i].place))
            fail_msg("%s: %s", cases[i].text, error->text);
    }
    struct json value;
    check_fine(json_read_strict(&arena, STR("{\"lone\":\"a\\ud800b\",\"n\":9007199254740993,\"o\":{\"n\":1},\"\":[{\"n\":1},{\"n\":2}]}"), &value));
    check_str(json_string(json_get(&value, STR("lone"))), "a\xef\xbf\xbd\x62");
    check_fine(json_read_strict(&arena, STR("\xef\xbb\xbf{}"), &value));
}

static const char *const not_json[] = {"",
                                       " ",
                                       "{",
                                       "}",
                                       "[",
                                       "]",
                                       "{}x",
                                       "{} {}",
                                       "[1,]",
                                       "[,1]",
                                       "[1 2]",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "{\"a\":1,}",
                                       "{,}",
                                       "{a:1}",
                                       "{1:2}",
                                       "{\"a\" 1}",
                                       "{\"a\":1 \"b\":2}",
                                       "tru",
                                       "truex",
                                       "nul",
                                       "True",
                                       "NaN",
                                       "-",
                                       "+1",
                                       "01",
                                       "-01",
                                       "1.",
                                       ".5",
                                       "1e",
                                       "1e+",
                                       "0x1",
                                       "1a",
                                       "12\"a\"",
                                       "\"a",
                                       "\"a\"b",
                                       "\"a\"\"b\"",
                                       "'a'",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u12g4\"",
                                       "\"\\\"",
                                       "\"a\nb\"",
                                       "\"\t\"",
                                       "[1}",
                                       "{\"a\":1]",
                                       "[\"a\":1]",
                                       "\\",
                                       "[\\]",
                                       "{\"a\":1}}",
                                       "//x\n1",
                                       "[1]/",
                                       "\xef\xbb\xbf",
                                       ":",
                                       ",",
                                       "[tru e]",
                                       "1 2",
                                       "-a",
                                       "\"\\ud8\""};

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(not_json); i++) {
        struct json value = {.count = 77};
        const struct err *err = json_read(&arena, str_of(not_json[i]), &value);
        if (!err || err->code != ERR_MALFORMED)
            fail_msg("taken for JSON: %s", not_json[i]);
        assert_int_equal(value.count, 77);
    }
    struct json value;
    check_code(json_read(&arena, STR("\"a\0\""), &value), ERR_MALFORMED);
    check_code(json_read(&arena, STR("1\0"), &value), ERR_MALFORMED);
}

static void an_error_does_not_repeat_what_came_in(void **state)
{
    (void)state;
    struct json value;
    const struct err *err = json_read(&arena, STR("{\"email\":secret@example.com}"), &value);
    assert_non_null(err);
    assert_null(strstr(err->text, "secret"));
    assert_non_null(strstr(err->text, "at byte 9"));
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * (LIMIT_JSON_DEPTH + 1)];
    struct json value;
    memset(text, '[', LIMIT_JSON_DEPTH);
    memset(text + LIMIT_JSON_DEPTH, ']', LIMIT_JSON_DEPTH);
    check_fine(json_read(&arena, str_bytes(text, 2 * (size_t)LIMIT_JSON_DEPTH), &value));
    memset(text, '[', LIMIT_JSON_DEPTH + 1);
    memset(text + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    check_code(json_read(&arena, str_bytes(text, sizeof(text)), &value), ERR_MALFORMED);
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    struct buf text;
    struct json value;
    for (int over = 0; over <= 1; over++) {
        buf_init(&text, &arena, 1 << 20);
        buf_add_char(&text, '[');
        for (int i = 1; i < LIMIT_JSON_NODES + over; i++)
            buf_add(&text, i > 1 ? STR(",0") : STR("0"));
        buf_add_char(&text, ']');
        const struct err *err = json_read(&arena, buf_str(&text), &value);
        assert_true(over ? err && err->code == ERR_MALFORMED : !err);
    }
}

static void ids_are_trimmed_of_what_cannot_be_seen(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"\" u-1\\n\"", "u-1"}, {"\"\\u200bu 1\\ufeff\\u00a0\"", "u 1"}, {"12345678901234567890", "12345678901234567890"}, {"\"\\u200e \\u200f\"", ""},
        {"\"\"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct json value = read_text(table[i][0]);
        check_str(json_id_text(&arena, &value), table[i][1]);
    }
    struct json value = read_text("true");
    assert_null(json_id_text(&arena, &value).data);
    assert_null(json_id_text(&arena, NULL).data);
}

static void answers_about_nothing_are_safe(void **state)
{
    (void)state;
    int64_t whole;
    double number;
    assert_false(json_is_string(NULL) || json_bool(NULL, false) || json_int(NULL, &whole) || json_double(NULL, &number));
    assert_true(json_bool(NULL, true));
    assert_null(json_string(NULL).data);
    struct json value = read_text("[true,false,1]");
    assert_true(json_bool(&value.items[0], false));
    assert_false(json_bool(&value.items[1], true));
    assert_true(json_bool(&value.items[2], true));
}

static void the_writer_keeps_the_commas(void **state)
{
    (void)state;
    struct buf out;
    struct jsonw w;
    struct uuid id = {{0}};
    struct json made = json_make_string(STR_NONE), raw = json_make_raw(&arena, STR("{\"k\":[1]}"));
    buf_init(&out, &arena, 4096);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "s", STR("a\"b\\c\n\x01\x1f\x7f"));
    jsonw_field_int(&w, "min", INT64_MIN);
    jsonw_field_bool(&w, "yes", true);
    jsonw_field_time(&w, "at", 0);
    jsonw_field_time(&w, "never", TIME_FOREVER);
    jsonw_key(&w, STR("list"));
    jsonw_array(&w);
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_object(&w);
    jsonw_object_end(&w);
    jsonw_null(&w);
    jsonw_double(&w, 0.1);
    jsonw_double(&w, 1e21);
    jsonw_double(&w, NAN);
    jsonw_uuid(&w, id);
    jsonw_value(&w, &made);
    jsonw_value(&w, &raw);
    jsonw_string(&w, STR("\xff"));
    jsonw_array_end(&w);
    jsonw_field_int(&w, "end", 0);
    jsonw_object_end(&w);
    check_str(buf_str(&out), "{\"s\":\"a\\\"b\\\\c\\n\\u0001\\u001f\x7f\",\"min\":-9223372036854775808,\"yes\":true,"
                             "\"at\":\"1970-01-01T00:00:00.000Z\",\"never\":null,\"list\":[[],{},null,0.1,1e+21,null,"
                             "\"00000000-0000-0000-0000-000000000000\",\"\",{\"k\":[1]},\"\xef\xbf\xbd\"],\"end\":0}");
    (void)read_str(buf_str(&out)); /* it reads */
}

static void every_character_survives_the_writer(void **state)
{
    (void)state;
    char all[128];
    for (int c = 0; c < 128; c++)
        all[c] = (char)c;
    struct json value = json_make_string(str_bytes(all, sizeof(all)));
    struct json back = read_str(written(&value));
    assert_true(str_equal(back.text, str_bytes(all, sizeof(all))));
}

static void doubles_read_back_as_the_same(void **state)
{
    (void)state;
    struct id_source random;
    id_source_init(&random, 3);
    for (int i = 0; i < 20000; i++) {
        double number, back;
        uint64_t bits = id_random(&random);
        struct buf out;
        struct jsonw w;
        memcpy(&number, &bits, sizeof(number));
        if (!isfinite(number))
            continue;
        buf_init(&out, &arena, 64);
        jsonw_init(&w, &out);
        jsonw_double(&w, number);
        struct json value = read_str(buf_str(&out));
        assert_true(json_double(&value, &back) && back == number);
        arena_clear(&arena);
    }
}

static void a_text_cut_anywhere_is_refused(void **state)
{
    (void)state;
    str whole = STR("{\"a\":[1,{\"b\":\"x\\u00e9\\n\"},true],\"c\":null,\"d\":-1.5e3}");
    for (size_t length = 0; length < whole.length; length++) {
        struct json value;
        char *exact = arena_alloc_raw(&arena, length); /* exact, so that a sanitizer sees each byte read past the end */
        memcpy(exact, whole.data, length);
        check_code(json_read(&arena, str_bytes(exact, length), &value), ERR_MALFORMED);
    }
}

static void *read_much(void *unused)
{
    struct arena own;
    (void)unused;
    arena_init(&own);
    for (int i = 0; i < 200; i++) {
        struct buf text;
        struct json value;
        size_t count = i % 50 == 0 ? 30000 : 20;
        buf_init(&text, &own, 1 << 20);
        for (size_t j = 0; j < count; j++)
            buf_add(&text, j ? STR(",\"item of a list\"") : STR("[\"first\""));
        buf_add_char(&text, ']');
        const struct err *err = json_read(&own, buf_str(&text), &value);
        if (err || value.count != count || !str_equal(value.items[count - 1].text, STR("item of a list")))
            return "wrong";
        arena_clear(&own);
    }
    arena_release(&own);
    return NULL;
}

static void threads_read_side_by_side(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_much, NULL), 0);
    for (int i = 0; i < 4; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_read_whole),
        cmocka_unit_test(a_scalar_is_a_whole_text),
        cmocka_unit_test(plain_texts_are_borrowed),
        cmocka_unit_test(escapes_are_resolved),
        cmocka_unit_test(a_lone_surrogate_becomes_the_replacement_character),
        cmocka_unit_test(numbers_keep_all_their_digits),
        cmocka_unit_test(of_equal_names_the_last_wins_at_the_place_of_the_first),
        cmocka_unit_test(broken_utf8_is_repaired_not_refused),
        cmocka_unit_test(the_strict_reader_names_what_is_twice_and_what_is_no_utf8),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(an_error_does_not_repeat_what_came_in),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(ids_are_trimmed_of_what_cannot_be_seen),
        cmocka_unit_test(answers_about_nothing_are_safe),
        cmocka_unit_test(the_writer_keeps_the_commas),
        cmocka_unit_test(every_character_survives_the_writer),
        cmocka_unit_test(doubles_read_back_as_the_same),
        cmocka_unit_test(a_text_cut_anywhere_is_refused),
        cmocka_unit_test(threads_read_side_by_side),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
