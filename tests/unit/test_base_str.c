/* Slices, their codecs, UTF-8. */
#include "unit.h"

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

static void comparing_and_finding(void **state)
{
    (void)state;
    assert_true(str_equal(STR_NONE, STR("")));
    assert_true(str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_equal_nocase(STR("a"), STR("ab")));
    assert_true(str_compare(STR("a"), STR("b")) < 0);
    assert_true(str_compare(STR("ab"), STR("a")) > 0);
    assert_int_equal(str_compare(STR_NONE, STR("")), 0);
    assert_true(str_compare(STR("\xff"), STR("a")) > 0);
    assert_true(str_starts(STR("abc"), STR("ab")) && str_starts(STR_NONE, STR_NONE));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_int_equal(str_find(STR("hello"), STR("l")), 2);
    assert_int_equal(str_find(STR("hello"), STR("lx")), -1);
    assert_int_equal(str_find(STR("x"), STR("")), 0);
    assert_int_equal(str_find_char(STR_NONE, 'x'), -1);
}

static void cutting(void **state)
{
    (void)state;
    check_str(str_slice(STR("hello"), 1, 3), "el");
    check_str(str_slice(STR("hello"), 4, 99), "o");
    check_str(str_slice(STR("hello"), 9, 3), "");
    check_str(str_trim(STR(" \t a b\r\n")), "a b");
    check_str(str_trim(STR("  ")), "");
}

static void splitting_gives_every_part_once(void **state)
{
    (void)state;
    str rest = STR("a,,b,"), part;
    const char *wanted[] = {"a", "", "b", ""};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_true(str_split(&rest, ',', &part));
        check_str(part, wanted[i]);
    }
    assert_false(str_split(&rest, ',', &part));
    rest = STR("");
    assert_true(str_split(&rest, ',', &part));
    assert_false(str_split(&rest, ',', &part));
}

static void copies_are_their_own(void **state)
{
    (void)state;
    char text[] = "Abc";
    str copy = str_copy(&arena, str_of(text)), small = str_lower_ascii(&arena, str_of(text));
    char *z = str_z(&arena, str_of(text));
    text[0] = 'x';
    check_str(copy, "Abc");
    check_str(small, "abc");
    assert_string_equal(z, "Abc");
    assert_string_equal(str_z(&arena, STR_NONE), "");
    check_str(str_printf(&arena, "%d%%", 5), "5%");
}

static void whole_numbers_are_read_within_their_bounds_only(void **state)
{
    (void)state;
    int64_t number = 77;
    assert_true(str_to_int64(STR("9223372036854775807"), &number));
    assert_true(number == INT64_MAX);
    assert_true(str_to_int64(STR("-9223372036854775808"), &number));
    assert_true(number == INT64_MIN);
    number = 77;
    const char *bad[] = {"", "-", "+1", " 1", "1 ", "1x", "9223372036854775808", "-9223372036854775809", "0x1", "1.0"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(str_to_int64(str_of(bad[i]), &number));
    assert_int_equal(number, 77);
}

static void decimals_are_read_and_nothing_else(void **state)
{
    (void)state;
    double number = 0;
    assert_true(str_to_double(STR("-1.5e3"), &number));
    assert_true(number == -1500.0);
    assert_true(str_to_double(STR(".5"), &number) && number == 0.5);
    const char *bad[] = {"", ".", "e5", "1e", "nan", "inf", "0x10", "1e999", "1 ", "1,5"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(str_to_double(str_of(bad[i]), &number));
    assert_true(number == 0.5);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[3] = {0};
    check_str(str_hex(&arena, "\x00\xab\xff", 3), "00abff");
    assert_true(str_unhex(STR("00ABff"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
    assert_false(str_unhex(STR("00ab"), bytes, 3));
    assert_false(str_unhex(STR("00ab0g"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xab\xff", 3);
}

static void base64_follows_the_standard(void **state)
{
    (void)state;
    static const char *const table[][3] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"\xfb\xff", "+/8=", "-_8"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        str plain = str_of(table[i][0]), back;
        check_str(str_base64(&arena, plain.data, plain.length), table[i][1]);
        check_str(str_base64url(&arena, plain.data, plain.length), table[i][2]);
        for (int form = 1; form <= 2; form++) {
            assert_true(str_unbase64(&arena, str_of(table[i][form]), &back));
            assert_true(str_equal(back, plain));
        }
    }
    const char *bad[] = {"Z", "Zg=", "Z===", "Zg==Zg==", "Z g=", "Zh==", "Zm9=", "====", "Zm9v="};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        str back;
        assert_false(str_unbase64(&arena, str_of(bad[i]), &back));
    }
}

static void the_nearest_name_is_proposed_only_when_it_is_near(void **state)
{
    (void)state;
    const str names[] = {STR("analytics"), STR("marketing"), STR("service"), STR("a")};
    check_str(str_nearest(STR("anlytics"), names, 4), "analytics");
    check_str(str_nearest(STR("makreting"), names, 4), "marketing");
    assert_null(str_nearest(STR("billing"), names, 4).data);
    assert_null(str_nearest(STR(""), names, 4).data);
    assert_null(str_nearest(STR("x"), names, 4).data);
}

static void broken_utf8_is_found(void **state)
{
    (void)state;
    const char *good[] = {
        "", "plain ASCII, long enough for the fast path", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"};
    const char *bad[] = {"\x80", "\xc0\x80",     "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                         "\xff", "abcdefgh\xc3", "\xe2\x82", "\xe2\x82x"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(str_valid_utf8(str_of(good[i])));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(str_valid_utf8(str_of(bad[i])));
}

static void broken_utf8_is_repaired_as_browsers_do(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xe2\x82", "\xef\xbf\xbd"},
        {"\xe2\x82x", "\xef\xbf\xbdx"},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x98\xc3\xa9", "\xef\xbf\xbd\xc3\xa9"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        str repaired = str_repair_utf8(&arena, str_of(table[i][0]));
        check_str(repaired, table[i][1]);
        assert_true(str_valid_utf8(repaired));
    }
    str good = STR("\xc3\xa9");
    assert_ptr_equal(str_repair_utf8(&arena, good).data, good.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing_and_finding),
        cmocka_unit_test(cutting),
        cmocka_unit_test(splitting_gives_every_part_once),
        cmocka_unit_test(copies_are_their_own),
        cmocka_unit_test(whole_numbers_are_read_within_their_bounds_only),
        cmocka_unit_test(decimals_are_read_and_nothing_else),
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(base64_follows_the_standard),
        cmocka_unit_test(the_nearest_name_is_proposed_only_when_it_is_near),
        cmocka_unit_test(broken_utf8_is_found),
        cmocka_unit_test(broken_utf8_is_repaired_as_browsers_do),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
