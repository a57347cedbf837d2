/* Reading import files: cells, records, mappings, and files as messages. */
#include "unit.h"

#include "base/json_strict.h"
#include "base/limits.h"
#include "main/import_cell.h"
#include "main/import_feed.h"
#include "main/import_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

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

struct cell_case {
    struct cell_rule rule;
    const char *cell, *json; /* json NULL: refused; "": absent */
};

static void check_cells(const struct cell_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        str json = STR_NONE;
        struct cell_rule rule = cases[i].rule;
        rule.decimal = rule.decimal ? rule.decimal : '.';
        rule.separator = rule.separator ? rule.separator : ',';
        assert_null(cell_rule_problem(&rule));
        const char *why = cell_value(&arena, &rule, str_of(cases[i].cell), &json);
        if (!cases[i].json && !why)
            print_error("<%s> was taken as <%.*s>\n", cases[i].cell, STR_FMT(json));
        if (cases[i].json && why)
            print_error("<%s> was refused: %s\n", cases[i].cell, why);
        assert_true((cases[i].json == NULL) == (why != NULL));
        if (cases[i].json)
            check_str(json, cases[i].json);
    }
}

static void numbers_are_read_as_people_write_them(void **state)
{
    (void)state;
    const struct cell_case cases[] = {
        {{.type = CELL_NUMBER}, "12", "12"},
        {{.type = CELL_NUMBER}, " -0.50 ", "-0.50"},
        {{.type = CELL_NUMBER}, "007", "7"},
        {{.type = CELL_NUMBER}, "0", "0"},
        {{.type = CELL_NUMBER}, "1,234,567.5", "1234567.5"},
        {{.type = CELL_NUMBER}, "1e3", "1e3"},
        {{.type = CELL_NUMBER, .decimal = ','}, "1 234,50", "1234.50"},
        {{.type = CELL_NUMBER, .decimal = ','},
         "1\xc2\xa0"
         "234\xe2\x80\xaf"
         "567",
         "1234567"},
        {{.type = CELL_NUMBER, .decimal = ','}, "1.234.567,8", "1234567.8"},
        {{.type = CELL_NUMBER, .decimal = ','}, "1.5", NULL}, /* a decimal point where a comma was declared */
        {{.type = CELL_NUMBER}, "1,5", NULL},
        {{.type = CELL_NUMBER}, "12 Ft", NULL},
        {{.type = CELL_NUMBER}, ".5", NULL},
        {{.type = CELL_NUMBER}, "5.", NULL},
        {{.type = CELL_NUMBER}, "-", NULL},
        {{.type = CELL_NUMBER}, "1e", NULL},
        {{.type = CELL_NUMBER}, "", ""},
        {{.type = CELL_INTEGER}, "12", "12"},
        {{.type = CELL_INTEGER}, "12.0", NULL},
        {{.type = CELL_INTEGER}, "9007199254740993", "9007199254740993"},
    };
    check_cells(cases, COUNT_OF(cases));
}

static void times_are_read_in_their_format_and_zone(void **state)
{
    (void)state;
    const struct cell_case cases[] = {
        {{.type = CELL_TIME}, "2026-07-01T12:00:00+02:00", "\"2026-07-01T10:00:00.000Z\""},
        {{.type = CELL_TIME}, "2026-07-01", "\"2026-07-01T00:00:00.000Z\""},
        {{.type = CELL_TIME}, "yesterday", NULL},
        {{.type = CELL_TIME, .format = "unix"}, "1790000000", "\"2026-09-21T14:13:20.000Z\""},
        {{.type = CELL_TIME, .format = "unix"}, "1790000000.25", "\"2026-09-21T14:13:20.250Z\""},
        {{.type = CELL_TIME, .format = "unix_ms"}, "1790000000001", "\"2026-09-21T14:13:20.001Z\""},
        {{.type = CELL_TIME, .format = "unix"}, "-1", NULL},
        {{.type = CELL_TIME, .format = "%d.%m.%Y %H:%M"}, "01.07.2026 12:00", "\"2026-07-01T12:00:00.000Z\""},
        {{.type = CELL_TIME, .format = "%d.%m.%Y %H:%M"}, "01.07.2026", NULL},
        {{.type = CELL_TIME, .format = "%d.%m.%Y"}, "31.02.2026", NULL},
        {{.type = CELL_TIME, .format = "%Y-%m-%d %H:%M %z"}, "2026-07-01 12:00 +0200", "\"2026-07-01T10:00:00.000Z\""},
        {{.type = CELL_TIME, .format = "%Y-%m-%d %H:%M", .zone = STR("Europe/Budapest")}, "2026-07-01 12:00", "\"2026-07-01T10:00:00.000Z\""},
        {{.type = CELL_TIME, .format = "%Y-%m-%d %H:%M", .zone = STR("Europe/Budapest")}, "2026-12-01 00:30", "\"2026-11-30T23:30:00.000Z\""},
        {{.type = CELL_TIME, .format = "%Y-%m-%d %H:%M", .zone = STR("Pacific/Auckland")}, "2026-01-01 01:00", "\"2025-12-31T12:00:00.000Z\""},
        {{.type = CELL_TIME, .format = "%Y-%m-%d %H:%M", .zone = STR("America/Los_Angeles")}, "2026-12-31 20:00", "\"2027-01-01T04:00:00.000Z\""},
        {{.type = CELL_TIME, .format = "%Y"}, "1960", NULL},
        {{.type = CELL_DATE}, "1958-12-24", "\"1958-12-24\""},
        {{.type = CELL_DATE}, "2026-07-01T23:00:00-05:00", "\"2026-07-01\""},
        {{.type = CELL_DATE, .format = "%d/%m/%Y"}, "24/12/1958", "\"1958-12-24\""},
        {{.type = CELL_DATE, .format = "%d/%m/%Y"}, "29/02/1900", NULL},
    };
    check_cells(cases, COUNT_OF(cases));
}

static void other_cells_are_read_by_their_type(void **state)
{
    (void)state;
    str igen[] = {STR("igen"), STR("1")}, nem[] = {STR("nem"), STR("yes")};
    cell_words yes = {.items = igen, .count = 2}, no = {.items = nem, .count = 2};
    const struct cell_case cases[] = {
        {{.type = CELL_TEXT}, " a\"b\n", "\" a\\\"b\\n\""},
        {{.type = CELL_TEXT}, "  ", ""},
        {{.type = CELL_BOOLEAN}, "TRUE", "true"},
        {{.type = CELL_BOOLEAN}, "0", "false"},
        {{.type = CELL_BOOLEAN}, "maybe", NULL},
        {{.type = CELL_BOOLEAN, .yes = yes, .no = no}, "Igen", "true"},
        {{.type = CELL_BOOLEAN, .yes = yes, .no = no}, "yes", "false"}, /* the mapping's own words come first */
        {{.type = CELL_LIST}, "a, b,,c ", "[\"a\",\"b\",\"c\"]"},
        {{.type = CELL_LIST, .separator = '|'}, "a,b|c", "[\"a,b\",\"c\"]"},
        {{.type = CELL_JSON}, " {\"a\": [1]} ", "{\"a\": [1]}"},
        {{.type = CELL_JSON}, "{a}", NULL},
    };
    check_cells(cases, COUNT_OF(cases));
}

static void fields_are_cut_as_rfc_4180_says(void **state)
{
    (void)state;
    const struct {
        const char *record;
        size_t count;
        const char *fields[4];
    } cases[] = {
        {"a,b", 2, {"a", "b"}},       {"", 1, {""}},
        {",", 2, {"", ""}},           {"\"a,b\",c", 2, {"a,b", "c"}},
        {"\"a\"\"b\"", 1, {"a\"b"}},  {"\"a\nb\",", 2, {"a\nb", ""}},
        {"a\"b,c", 2, {"a\"b", "c"}}, {"\"a\"b\"c\",d", 2, {"ab\"c\"", "d"}},
        {"\"\"\"\"", 1, {"\""}},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        str fields[4];
        assert_int_equal(csv_fields(&arena, str_of(cases[i].record), ',', fields, 4), cases[i].count);
        for (size_t k = 0; k < cases[i].count; k++)
            check_str(fields[k], cases[i].fields[k]);
    }
    str fields[2];
    assert_int_equal(csv_fields(&arena, STR("a;b;c"), ';', fields, 2), 3); /* counted, but not written beyond the room */
    assert_int_equal(csv_delimiter(STR("a;b;\"c,d,e,f\"\n1,2,3,4,5")), ';');
    assert_int_equal(csv_delimiter(STR("alone\n")), ',');
}

struct bytes {
    str rest;
};

static const struct err *take(void *context, char *to, size_t room, size_t *ret_got)
{
    struct bytes *bytes = context;
    size_t got = bytes->rest.length < room ? bytes->rest.length : room;
    memcpy(to, bytes->rest.data, got);
    bytes->rest = str_slice(bytes->rest, got, bytes->rest.length);
    *ret_got = got;
    return NULL;
}

static void a_record_without_end_costs_its_line(void **state)
{
    (void)state;
    size_t length = LIMIT_IMPORT_RECORD_BYTES + 100;
    struct buf file;
    struct records records;
    struct record record;
    bool found;
    buf_init(&file, &arena, length * 3);
    buf_add(&file, STR("first\n1,\"open\n2,fine\n"));
    for (size_t i = 0; i < length / 2; i++)
        buf_add(&file, STR("x\n"));
    struct bytes bytes = {buf_str(&file)};
    records_init(&records, &arena, take, &bytes, ',');
    check_fine(records_next(&records, &record, &found));
    check_str(record.text, "first");
    check_fine(records_next(&records, &record, &found));
    assert_int_equal(record.state, RECORD_TOO_LONG);
    assert_int_equal(record.line, 2);
    check_fine(records_next(&records, &record, &found));
    assert_int_equal(record.state, RECORD_FINE);
    check_str(record.text, "2,fine");
    assert_int_equal(record.line, 3);
    assert_int_equal(record.offset, 14);
}

/* ---- files ---- */

static const char *file_with(const char *content)
{
    char *path = arena_printf(&arena, "/tmp/telos-unit-import-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
    return path;
}

static str next_message(struct feed *feed, struct buf *out, uint64_t line)
{
    struct feed_item item;
    bool found;
    buf_init(out, &arena, LIMIT_IMPORT_RECORD_BYTES);
    check_fine(feed_next(feed, out, &item, &found));
    assert_true(found);
    assert_int_equal(item.line, line);
    assert_null(item.why.data);
    return buf_str(out);
}

static void a_line_with_a_name_twice_or_that_is_no_utf8_is_rejected_with_its_place(void **state)
{
    (void)state;
    static const char *const places[] = {"(`traits.plan`)", "(`traits.name`)"};
    struct feed_options options = {
        .source = "web",
        .format = IMPORT_NDJSON,
        .path = file_with(
            "{\"userId\":\"1\",\"traits\":{\"plan\":\"a\",\"plan\":\"b\"}}\n{\"userId\":\"1\",\"traits\":{\"name\":\"J\xf3zsef\"}}\n{\"userId\":\"2\"}\n")};
    struct feed *feed;
    struct buf out;
    check_fine(feed_open(&arena, &options, &feed));
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        struct feed_item item;
        bool found;
        buf_init(&out, &arena, LIMIT_IMPORT_RECORD_BYTES);
        check_fine(feed_next(feed, &out, &item, &found));
        assert_true(found && item.why.data);
        assert_true(str_find(item.why, str_of(places[i])) > 0);
        assert_int_equal(out.length, 0);
    }
    (void)next_message(feed, &out, 3);
    feed_close(feed);
}

static void a_message_without_an_id_gets_the_same_one_each_time(void **state)
{
    (void)state;
    const char *path = file_with("{\"type\":\"track\",\"userId\":\"u\"}\n{\"type\":\"track\",\"userId\":\"u\"}\n{"
                                 "\"messageId\":\"own\"}\n{\"messageId\":\" \"}\n{}\n");
    struct feed_options options = {.path = path, .source = "web", .format = IMPORT_NDJSON};
    str seen[2][5];
    struct place middle = {0, 0};
    for (int round = 0; round < 2; round++) {
        struct feed *feed;
        struct buf out;
        check_fine(feed_open(&arena, &options, &feed));
        for (uint64_t i = 0; i < 5; i++) {
            struct json message;
            check_fine(json_read_strict(&arena, next_message(feed, &out, i + 1), &message)); /* so its id is there once */
            seen[round][i] = json_string(json_get(&message, STR("messageId")));
            if (i == 1)
                middle = feed_place(feed);
        }
        feed_close(feed);
    }
    for (int i = 0; i < 5; i++)
        assert_true(str_equal(seen[0][i], seen[1][i]) && seen[0][i].length > 1);
    assert_false(str_equal(seen[0][0], seen[0][1])); /* the same text at another place is another message */
    check_str(seen[0][2], "own");
    /* From the middle on, the same messages come. */
    struct feed *feed;
    struct buf out;
    struct json message;
    options.from = middle;
    check_fine(feed_open(&arena, &options, &feed));
    check_fine(json_read(&arena, next_message(feed, &out, 3), &message));
    check_str(json_string(json_get(&message, STR("messageId"))), "own");
    check_fine(json_read(&arena, next_message(feed, &out, 4), &message));
    assert_true(str_equal(json_string(json_get(&message, STR("messageId"))), seen[0][3]));
    feed_close(feed);
    /* Another source, other messages. */
    options.from = (struct place){0, 0};
    options.source = "app";
    check_fine(feed_open(&arena, &options, &feed));
    check_fine(json_read(&arena, next_message(feed, &out, 1), &message));
    assert_false(str_equal(json_string(json_get(&message, STR("messageId"))), seen[0][0]));
    feed_close(feed);
    (void)unlink(path);
}

static void a_csv_goes_on_behind_its_header(void **state)
{
    (void)state;
    const char *path = file_with("userId,traits.note\n1,\"a\nb\"\n2,c\n");
    struct feed_options options = {.path = path, .source = "web", .format = IMPORT_CSV};
    struct feed *feed;
    struct buf out;
    check_fine(feed_open(&arena, &options, &feed));
    (void)next_message(feed, &out, 2);
    options.from = feed_place(feed);
    assert_int_equal(options.from.line, 4);
    feed_close(feed);
    check_fine(feed_open(&arena, &options, &feed));
    str text = next_message(feed, &out, 4);
    assert_true(str_starts(text, STR("{\"userId\":\"2\",\"traits\":{\"note\":\"c\"},\"type\":\"identify\",\"messageId\":\"import-")));
    feed_close(feed);
    (void)unlink(path);
}

static void a_mapping_fills_only_what_there_is(void **state)
{
    (void)state;
    const char *path = file_with("id,mail,city\n1,,\n2,b@example.hu,\n,,\n");
    struct feed_options options = {.path = path,
                                   .source = "web",
                                   .mapping = STR("columns:\n  id: userId\n  mail: traits.contact.email\n  city: "
                                                  "traits.contact.address.city\nconstants:\n  traits.level: 3\n"),
                                   .mapping_path = "map.yaml"};
    struct feed *feed;
    struct buf out;
    struct json message;
    check_fine(feed_open(&arena, &options, &feed));
    assert_int_equal(feed_format(feed), IMPORT_CSV);
    check_fine(json_read(&arena, next_message(feed, &out, 2), &message));
    check_str(json_get(&message, STR("traits"))->raw, "{\"level\":3}");
    check_fine(json_read(&arena, next_message(feed, &out, 3), &message));
    check_str(json_get(&message, STR("traits"))->raw, "{\"contact\":{\"email\":\"b@example.hu\"},\"level\":3}");
    feed_close(feed);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers_are_read_as_people_write_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_are_read_in_their_format_and_zone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_cells_are_read_by_their_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_cut_as_rfc_4180_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_record_without_end_costs_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_without_an_id_gets_the_same_one_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_with_a_name_twice_or_that_is_no_utf8_is_rejected_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_csv_goes_on_behind_its_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mapping_fills_only_what_there_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
