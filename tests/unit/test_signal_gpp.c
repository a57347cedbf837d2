/* GPP strings, Global Privacy Control and Consent Mode: known ones, and what is none. */
#include "unit.h"

#include "signal/consent_mode.h"
#include "signal/gpc.h"
#include "signal/gpp.h"

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

static struct gpp read(const char *text)
{
    struct gpp gpp;
    (void)gpp_read(&arena, str_of(text), &gpp);
    return gpp;
}

static void the_strings_of_the_specification_are_read(void **state)
{
    (void)state;
    struct gpp gpp = read("DBABMA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA");
    assert_int_equal(gpp.count, 1);
    assert_int_equal(gpp.sections[0].id, 2);
    assert_int_equal(gpp.sections[0].fault, GPP_TCF); /* of TCF 2.0: its policy version is too old */
    gpp = read("DBACNYA~CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA~1YNN");
    assert_int_equal(gpp.count, 2);
    assert_int_equal(gpp.sections[1].id, 6);
    assert_int_equal(gpp.sections[1].us->in, US_USE_BIT(US_SALE));
    assert_int_equal(gpp.sections[1].us->out, 0);
    gpp = read("DBABTA~1YYN");
    assert_int_equal(gpp.sections[0].us->out, US_USE_BIT(US_SALE) | US_USE_BIT(US_SHARING));
    gpp = read("DBAA");
    assert_int_equal(gpp.fault, GPP_FINE);
    assert_int_equal(gpp.count, 0);
}

/* Sections made by the reference encoder (the signal suite makes thousands more). */
static void sections_of_the_states_say_what_the_person_opted_out_of(void **state)
{
    (void)state;
    struct us_section us;
    assert_int_equal(us_section_read(&arena, 8, STR("BUUAAABA.YA"), &us), GPP_FINE);
    assert_int_equal(us.version, 1);
    assert_int_equal(us.fields[US_SALE_OPT_OUT], US_YES);
    assert_int_equal(us.fields[US_SHARING_OPT_OUT], US_YES);
    assert_int_equal(us.fields[US_TARGETED_ADVERTISING_OPT_OUT], US_ABSENT);
    assert_true(us.has_gpc && us.gpc);
    assert_int_equal(us.out, US_USE_BIT(US_SALE) | US_USE_BIT(US_SHARING));
    assert_int_equal(us_section_read(&arena, 8, STR("BUUAAABA"), &us), GPP_FINE);
    assert_false(us.has_gpc);
    assert_int_equal(us_section_read(&arena, 8, STR("BUUAAA"), &us), GPP_CUT_SHORT);
    assert_int_equal(us_section_read(&arena, 8, STR("B_UAAABA"), &us), GPP_VALUE); /* 3 is no value */
    assert_int_equal(us_section_read(&arena, 8, STR("BUUAAABAAAAB"), &us), GPP_OVERLONG);
    assert_int_equal(us_section_read(&arena, 8, STR("DUUAAABA"), &us), GPP_VERSION);
    assert_int_equal(us_section_read(&arena, 9, STR("BUUAAABA.YA"), &us), GPP_OVERLONG); /* Virginia knows no signal of browsers */
    assert_int_equal(us_section_read(&arena, 8, STR("BUUAAABA.YA.YA"), &us), GPP_OVERLONG);
    assert_int_equal(us_section_read(&arena, 99, STR("BUUAAABA"), &us), GPP_UNKNOWN_SECTION);
}

static void what_is_no_gpp_string_is_refused_whole(void **state)
{
    static const struct {
        const char *text;
        enum gpp_fault fault;
    } cases[] = {{"", GPP_NOT_GPP}, {"~", GPP_NOT_GPP}, {"CPXxRf", GPP_NOT_GPP}, {"DCAA", GPP_NOT_GPP}, {"DB", GPP_HEADER}, {"DBABTA", GPP_SECTIONS},
                 {"DBABTA~1YNN~1YNN", GPP_SECTIONS}, {"DBABTA~", GPP_SECTIONS}, {"DBABTA~1YNN~", GPP_SECTIONS}, {"DBAA~", GPP_SECTIONS}, {"DB__TA~1YNN", GPP_HEADER}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gpp gpp = read(cases[i].text);
        assert_int_equal(gpp.fault, cases[i].fault);
        assert_int_equal(gpp.count, 0);
    }
}

static void us_privacy_has_four_characters(void **state)
{
    struct us_section us;
    (void)state;
    assert_int_equal(us_privacy_read(STR("1---"), &us), GPP_FINE);
    assert_int_equal(us.out | us.in, 0);
    assert_int_equal(us_privacy_read(STR("2YNN"), &us), GPP_VERSION);
    assert_int_equal(us_privacy_read(STR("1YxN"), &us), GPP_VALUE);
    assert_int_equal(us_privacy_read(STR("1YN"), &us), GPP_CUT_SHORT);
    assert_int_equal(us_privacy_read(STR("1YNNN"), &us), GPP_OVERLONG);
}

static void only_the_value_1_is_a_privacy_signal(void **state)
{
    (void)state;
    assert_true(gpc_read(STR("1")));
    assert_true(gpc_read(STR("0, 1")));
    assert_true(gpc_read(STR(" 1 ")));
    static const char *const others[] = {"", "0", "11", "true", "yes", "1;", "0,0", "1.0"};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(gpc_read(str_of(others[i])));
}

static void consent_mode_tells_choices_from_defaults(void **state)
{
    struct consent_mode mode = {0};
    (void)state;
    assert_true(consent_mode_gcs(STR("G10-"), &mode));
    assert_int_equal(mode.states[CONSENT_MODE_AD_STORAGE], MODE_DENIED);
    assert_int_equal(mode.states[CONSENT_MODE_ANALYTICS_STORAGE], MODE_UNSET);
    mode = (struct consent_mode){0};
    assert_true(consent_mode_gcd(STR("11p1t1r1u5"), &mode));
    assert_int_equal(mode.states[CONSENT_MODE_AD_STORAGE], MODE_DEFAULT_DENIED);
    assert_int_equal(mode.states[CONSENT_MODE_ANALYTICS_STORAGE], MODE_DEFAULT_GRANTED);
    assert_int_equal(mode.states[CONSENT_MODE_AD_USER_DATA], MODE_GRANTED);
    assert_int_equal(mode.states[CONSENT_MODE_AD_PERSONALIZATION], MODE_DENIED);
    static const char *const broken[] = {"", "11p1t1r1u", "12p1t1r1u5", "11p2t1r1u5", "11x1t1r1u5", "11p1t1r1u55"};
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        mode = (struct consent_mode){0};
        assert_false(consent_mode_gcd(str_of(broken[i]), &mode));
        assert_int_equal(mode.states[CONSENT_MODE_AD_STORAGE] == MODE_UNREADABLE || mode.states[CONSENT_MODE_AD_STORAGE] == MODE_DEFAULT_DENIED, 1);
    }
    mode = (struct consent_mode){0};
    assert_false(consent_mode_gcs(STR("G2"), &mode));
    assert_int_equal(mode.states[CONSENT_MODE_AD_STORAGE], MODE_UNREADABLE);
    consent_mode_set(&mode, CONSENT_MODE_AD_STORAGE, MODE_GRANTED); /* what allows less stands */
    assert_int_equal(mode.states[CONSENT_MODE_AD_STORAGE], MODE_UNREADABLE);
    assert_int_equal(consent_mode_word(STR("Granted")), MODE_UNREADABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strings_of_the_specification_are_read),
        cmocka_unit_test(sections_of_the_states_say_what_the_person_opted_out_of),
        cmocka_unit_test(what_is_no_gpp_string_is_refused_whole),
        cmocka_unit_test(us_privacy_has_four_characters),
        cmocka_unit_test(only_the_value_1_is_a_privacy_signal),
        cmocka_unit_test(consent_mode_tells_choices_from_defaults),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
