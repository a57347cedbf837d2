/* The texts of the pages for persons: there in each language, with the same blanks; and what is filled in. */
#include "unit.h"

#include "server/page.h"

static unsigned blanks(const char *text)
{
    unsigned found = 0;
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
        assert_true(at[1] >= '0' && at[1] <= '2' && at[2] == '}');
        found |= 1u << (at[1] - '0');
    }
    return found;
}

static void every_text_is_there_in_each_language_with_the_same_blanks(void **state)
{
    (void)state;
    for (int text = 0; text < PAGE_TEXTS; text++) {
        for (int language = 0; language < PAGE_LANGUAGES; language++) {
            assert_true(page_texts[text][language] && *page_texts[text][language]);
            assert_true(str_valid_utf8(str_of(page_texts[text][language])));
            if (blanks(page_texts[text][language]) != blanks(page_texts[text][PAGE_EN]))
                print_error("%s\n", page_texts[text][language]);
            assert_int_equal(blanks(page_texts[text][language]), blanks(page_texts[text][PAGE_EN]));
        }
    }
}

static void dates_and_durations_are_said_in_words(void **state)
{
    (void)state;
    struct arena arena;
    int64_t time_ms;
    arena_init(&arena);
    struct page page = {.arena = &arena, .language = PAGE_EN};
    assert_true(time_parse(STR("2026-03-12T10:00:00Z"), &time_ms));
    check_str(page_date(&page, time_ms), "12 March 2026");
    check_str(page_date(&page, TIME_NONE), "–");
    check_str(page_duration(&page, (struct duration){.months = 24}), "2 years");
    check_str(page_duration(&page, (struct duration){.months = 1}), "1 month");
    check_str(page_duration(&page, (struct duration){.ms = 36 * HOUR_MS}), "36 hours");
    page.language = PAGE_HU;
    check_str(page_date(&page, time_ms), "2026. március 12.");
    check_str(page_fill(&page, TEXT_STATE_GIVEN, page_date(&page, time_ms), STR_NONE, STR_NONE), "Hozzájárult ekkor: 2026. március 12.");
    check_str(page_duration(&page, (struct duration){.ms = 30 * DAY_MS}), "30 nap");
    arena_release(&arena);
}

static void whatever_is_put_on_a_page_is_escaped(void **state)
{
    (void)state;
    struct arena arena;
    struct buf out;
    arena_init(&arena);
    buf_init(&out, &arena, 4096);
    struct page page = {.arena = &arena, .out = &out};
    html(&page, "<p");
    page_attribute(&page, "title", STR("\"><script>"));
    html(&page, ">");
    page_put(&page, STR("<script>&amp;'\""));
    check_str(buf_str(&out), "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;script&gt;&amp;amp;'&quot;");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_text_is_there_in_each_language_with_the_same_blanks),
        cmocka_unit_test(dates_and_durations_are_said_in_words),
        cmocka_unit_test(whatever_is_put_on_a_page_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
