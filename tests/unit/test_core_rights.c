/* The rights of persons: deadlines as Regulation 1182/71 reckons them, the steps of a request, and what each right does under each basis. */
#include "core/rights.h"

#include "unit.h"

static int64_t at(const char *text)
{
    int64_t time_ms = 0;
    assert_true(time_parse(str_of(text), &time_ms));
    return time_ms;
}

struct deadline {
    const char *received, *zone;
    unsigned months;
    const char *due; /* the last second */
};
static void a_deadline_ends_with_the_day_of_the_same_number(void **state)
{
    static const struct deadline cases[] = {
        {"2026-11-25T00:30:00Z", "UTC", 1, "2026-12-25T23:59:59Z"},           /* a Friday, though Christmas: holidays are not counted */
        {"2026-01-31T12:00:00Z", "UTC", 1, "2026-03-02T23:59:59Z"},           /* 28 February is a Saturday, so the Monday after */
        {"2027-01-31T12:00:00Z", "UTC", 1, "2027-03-01T23:59:59Z"},           /* 28 February 2027 is a Sunday */
        {"2025-01-31T12:00:00Z", "UTC", 1, "2025-02-28T23:59:59Z"},           /* a Friday: the last day of the month */
        {"2024-01-31T12:00:00Z", "UTC", 1, "2024-02-29T23:59:59Z"},           /* a leap year, a Thursday */
        {"2024-01-29T12:00:00Z", "UTC", 1, "2024-02-29T23:59:59Z"},
        {"2028-01-30T12:00:00Z", "UTC", 1, "2028-02-29T23:59:59Z"},           /* leap year, a Tuesday */
        {"2100-01-30T12:00:00Z", "UTC", 1, "2100-03-01T23:59:59Z"},           /* no leap year; 28 February 2100 is a Sunday */
        {"2026-08-31T12:00:00Z", "UTC", 1, "2026-09-30T23:59:59Z"},           /* September has 30 days */
        {"2026-12-31T12:00:00Z", "UTC", 1, "2027-02-01T23:59:59Z"},           /* over the year; 31 January 2027 is a Sunday */
        {"2026-08-31T12:00:00Z", "UTC", 3, "2026-11-30T23:59:59Z"},           /* extended */
        {"2026-11-30T12:00:00Z", "UTC", 3, "2027-03-01T23:59:59Z"},           /* 28 February 2027 is a Sunday */
        {"2026-10-05T12:00:00Z", "Europe/Budapest", 1, "2026-11-05T22:59:59Z"}, /* winter time at the end */
        {"2026-03-05T12:00:00Z", "Europe/Budapest", 1, "2026-04-06T21:59:59Z"}, /* 5 April is a Sunday. Summer time at the end */
        {"2026-06-30T22:30:00Z", "Europe/Budapest", 1, "2026-08-03T21:59:59Z"}, /* 1 July there already; 1 August is a Saturday */
        {"2026-07-01T03:00:00Z", "America/New_York", 1, "2026-07-31T03:59:59Z"}, /* still 30 June there */
        {"2026-11-25T10:00:00Z", "Nowhere/Town", 1, "2026-12-25T23:59:59Z"},  /* an unknown zone is UTC */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TIME_TEXT_SIZE];
        int64_t due_ms = rights_due(at(cases[i].received), str_of(cases[i].zone), cases[i].months);
        str shown = time_text(due_ms - 999, text);
        if (due_ms != at(cases[i].due) + 999)
            print_message("%s in %s, %u months: %.*s\n", cases[i].received, cases[i].zone, cases[i].months, STR_FMT(shown));
        assert_int_equal(due_ms, at(cases[i].due) + 999);
    }
}

static void days_are_counted_down_and_then_over(void **state)
{
    int64_t due_ms = at("2026-12-25T23:59:59.999Z");
    (void)state;
    assert_int_equal(rights_days_left(due_ms, at("2026-12-25T00:00:00Z")), 1);
    assert_int_equal(rights_days_left(due_ms, at("2026-12-24T23:00:00Z")), 2);
    assert_int_equal(rights_days_left(due_ms, due_ms), 0);
    assert_int_equal(rights_days_left(due_ms, due_ms + 1), -1);
    assert_int_equal(rights_days_left(due_ms, due_ms + DAY_MS + 1), -2);
}

struct walk {
    enum rights_state from;
    enum rights_step_kind step;
    int to; /* -1: not allowed */
};
static void a_step_leads_where_the_diagram_says(void **state)
{
    static const struct walk cases[] = {
        {RIGHTS_RECEIVED, RIGHTS_IDENTITY_ASKED, RIGHTS_VERIFYING},
        {RIGHTS_VERIFYING, RIGHTS_IDENTITY_CONFIRMED, RIGHTS_IN_PROGRESS},
        {RIGHTS_IN_PROGRESS, RIGHTS_FULFILLED, RIGHTS_COMPLETED},
        {RIGHTS_IN_PROGRESS, RIGHTS_OVERRIDDEN, RIGHTS_COMPLETED},
        {RIGHTS_COMPLETED, RIGHTS_EXPORTED, RIGHTS_COMPLETED},
        {RIGHTS_COMPLETED, RIGHTS_ANSWERED, RIGHTS_COMPLETED},
        {RIGHTS_VERIFYING, RIGHTS_EXPIRE, RIGHTS_EXPIRED},
        {RIGHTS_RECEIVED, RIGHTS_FULFILLED, -1}, /* nothing is done for somebody whose identity nobody confirmed */
        {RIGHTS_VERIFYING, RIGHTS_EXPORTED, -1},
        {RIGHTS_IN_PROGRESS, RIGHTS_EXPIRE, -1}, /* what is late is late, but it does not go away */
        {RIGHTS_COMPLETED, RIGHTS_REFUSE, -1},
        {RIGHTS_COMPLETED, RIGHTS_WITHDRAW, -1},
        {RIGHTS_REFUSED, RIGHTS_FULFILLED, -1},
        {RIGHTS_NO_MATCH, RIGHTS_IDENTITY_CONFIRMED, -1},
        {RIGHTS_COMPLETED, RIGHTS_EXTENDED, -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum rights_state to = RIGHTS_STATE_COUNT;
        bool allowed = rights_step_allowed(cases[i].from, cases[i].step, &to);
        assert_int_equal(allowed, cases[i].to >= 0);
        if (allowed)
            assert_int_equal(to, cases[i].to);
    }
}

static void what_is_closed_is_never_opened_again(void **state)
{
    (void)state;
    for (unsigned from = 0; from < RIGHTS_STATE_COUNT; from++)
        for (unsigned step = 0; step < RIGHTS_STEP_COUNT; step++) {
            enum rights_state to;
            if (!rights_state_open((enum rights_state)from) && rights_step_allowed((enum rights_state)from, (enum rights_step_kind)step, &to))
                assert_int_equal(to, from);
        }
}

/* A line a case, to be read beside the regulation. */
static const char *const effects[] = {
    /* right               consent  contract legal    vital    public   interest */
    "access                give     give     give     give     give     give",
    "portability           give     give     none     none     none     none",
    "rectification         replace  replace  replace  replace  replace  replace",
    "erasure               erase    erase    keep     erase    keep     erase",
    "restriction           store    store    store    store    store    store",
    "restriction_lifted    resume   resume   resume   resume   resume   resume",
    "objection             stop     none     none     none     examine  examine",
    "objection_lifted      resume   none     none     none     resume   resume",
    "withdrawal            erase    none     none     none     none     none",
    "human_review          none     none     none     none     none     none",
};

static str word(str *line)
{
    *line = str_trim(*line);
    str part;
    return str_split(line, ' ', &part) ? part : STR_NONE;
}

static void each_right_does_what_the_regulation_says_under_each_basis(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        str line = str_of(effects[i]);
        enum right right;
        assert_true(right_parse(word(&line), &right));
        assert_int_equal(right, i);
        for (unsigned basis = 0; basis < BASIS_COUNT; basis++) {
            str expected = word(&line);
            const char *is = rights_effect_name(rights_effect(right, (enum basis)basis, false, false, false));
            if (!str_equal(expected, str_of(is)))
                fail_msg("%s under %s: %s", right_name(right), basis_name((enum basis)basis), is);
        }
    }
    assert_int_equal(sizeof effects / sizeof *effects, RIGHT_COUNT);
}

static void an_objection_to_direct_marketing_is_absolute(void **state)
{
    (void)state;
    for (unsigned basis = 0; basis < BASIS_COUNT; basis++)
        assert_int_equal(rights_effect(RIGHT_OBJECTION, (enum basis)basis, true, false, false), EFFECT_STOP);
}

static void exceptions_are_what_the_policy_says(void **state)
{
    (void)state;
    assert_int_equal(rights_effect(RIGHT_RESTRICTION, BASIS_LEGAL_OBLIGATION, false, false, true), EFFECT_NONE);
    assert_int_equal(rights_effect(RIGHT_RESTRICTION, BASIS_CONTRACT, false, false, true), EFFECT_STORE);
    assert_int_equal(rights_effect(RIGHT_HUMAN_REVIEW, BASIS_CONTRACT, false, true, false), EFFECT_REVIEW);
}

static void a_record_comes_back_as_it_was_written(void **state)
{
    struct arena arena;
    struct rights_record record = {.purpose = STR("newsletter"), .identity = STR("link"), .code = STR(""), .extended = true, .counted = true}, back;
    (void)state;
    arena_init(&arena);
    memset(record.erasure.bytes, 7, 16);
    record.counts.facts = 12;
    record.counts.keys = 5;
    *(struct rights_step *)vec_push(&arena, &record.steps) =
        (struct rights_step){.kind = RIGHTS_OPENED, .at_ms = 1000, .role = STR("privacy"), .token = record.erasure, .ledger_index = 42};
    *(struct rights_kept *)vec_push(&arena, &record.kept) = (struct rights_kept){STR("books"), STR("legal_obligation"), STR("Act C §169"), 3, 5000};
    *(struct rights_recipient *)vec_push(&arena, &record.recipients) = (struct rights_recipient){
        STR("hook"), STR("Hook Kft. (processor, HU)"), STR("newsletter"), record.erasure, RECIPIENT_FAILED, 7000};
    str text = rights_record_write(&arena, &record);
    assert_null(rights_record_read(&arena, text, &back));
    assert_int_equal(back.steps.items[0].ledger_index, 42);
    assert_int_equal(back.kept.items[0].until_ms, 5000);
    assert_int_equal(back.recipients.items[0].state, RECIPIENT_FAILED);
    str again = rights_record_write(&arena, &back);
    assert_true(str_equal(text, again));
    struct rights_details details = {.subject = STR("email:anna@example.hu"), .text = STR("\"quoted\"\nlines"), .values = STR("{\"name\":\"Anna\"}")}, read;
    assert_null(rights_details_read(&arena, rights_details_write(&arena, &details), &read));
    assert_true(str_equal(read.text, details.text) && str_equal(read.values, details.values) && str_empty(read.answer));
    assert_non_null(rights_record_read(&arena, STR("{\"steps\":[{\"step\":\"dance\"}]}"), &back));
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deadline_ends_with_the_day_of_the_same_number),
        cmocka_unit_test(days_are_counted_down_and_then_over),
        cmocka_unit_test(a_step_leads_where_the_diagram_says),
        cmocka_unit_test(what_is_closed_is_never_opened_again),
        cmocka_unit_test(each_right_does_what_the_regulation_says_under_each_basis),
        cmocka_unit_test(an_objection_to_direct_marketing_is_absolute),
        cmocka_unit_test(exceptions_are_what_the_policy_says),
        cmocka_unit_test(a_record_comes_back_as_it_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
