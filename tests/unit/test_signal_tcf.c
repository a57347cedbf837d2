/* TC strings: known ones field by field, made ones by their bits, and the rules by which they may not be believed. */
#include "unit.h"

#include "base/time.h"
#include "signal/tcf.h"
#include "signal_make.h"

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

#define DAY_2026_10_01 INT64_C(1790812800000)

static enum tcf_fault fault_of(const struct tc_make *make)
{
    struct tcf tcf;
    (void)tcf_read(&arena, tc_make(&arena, make), &tcf);
    return tcf.fault;
}

static void a_made_string_is_read_field_by_field(void **state)
{
    const struct tc_make make = {.day_ms = DAY_2026_10_01, .consent = TCF_BIT(1) | TCF_BIT(4), .interest = TCF_BIT(2) | TCF_BIT(11),
                                 .own_consent = TCF_BIT(3) | TCF_BIT(24), .own_interest = TCF_BIT(7), .custom_count = 63,
                                 .custom_consent = UINT64_C(1) << 62 | 1, .vendor = 755, .vendor_interest = 8, .disclosed = 755};
    struct tcf tcf;
    (void)state;
    assert_true(tcf_read(&arena, tc_make(&arena, &make), &tcf));
    assert_int_equal(tcf.updated_ms, DAY_2026_10_01);
    assert_int_equal(tcf.cmp_id, 31);
    assert_int_equal(tcf.cmp_version, 7);
    assert_int_equal(tcf.vendor_list_version, 142);
    assert_string_equal(tcf.language, "HU");
    assert_string_equal(tcf.publisher_country, "HU");
    for (unsigned id = 1; id <= TCF_PURPOSES; id++) {
        assert_int_equal(tcf_purpose(tcf.consent, id), id == 1 || id == 4);
        assert_int_equal(tcf_purpose(tcf.interest, id), id == 2 || id == 11);
        assert_int_equal(tcf_purpose(tcf.publisher_consent, id), id == 3 || id == 24);
        assert_int_equal(tcf_purpose(tcf.publisher_interest, id), id == 7);
    }
    for (unsigned id = 1; id <= 63; id++)
        assert_int_equal(tcf_bit(tcf.custom_consent, 63, id), id == 1 || id == 63);
    for (unsigned vendor = 0; vendor <= 1000; vendor++) {
        assert_int_equal(vendor_in(&tcf.vendors_consent, vendor), vendor == 755);
        assert_int_equal(vendor_in(&tcf.vendors_interest, vendor), vendor == 8);
    }
}

static void what_breaks_a_rule_is_not_believed(void **state)
{
    (void)state;
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = DAY_2026_10_01}), TCF_FINE);
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = DAY_2026_10_01, .global = true}), TCF_GLOBAL_SCOPE);
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = DAY_2026_10_01, .policy_version = 3}), TCF_POLICY_VERSION);
    for (unsigned id = 1; id <= 11; id++) {
        bool consent_only = id == 1 || (id >= 3 && id <= 6);
        assert_int_equal(fault_of(&(struct tc_make){.day_ms = DAY_2026_10_01, .interest = TCF_BIT(id)}), consent_only ? TCF_INTEREST : TCF_FINE);
    }
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = DAY_2026_10_01, .restrict_purpose = 2, .restrict_type = 3, .restrict_vendor = 1}), TCF_VALUE);
}

static void the_segment_of_disclosed_vendors_is_mandatory_in_2_3(void **state)
{
    const int64_t before = INT64_C(1756684800000); /* 2025-09-01 */
    (void)state;
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = before, .policy_version = 4, .no_disclosed = true}), TCF_FINE);
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = before, .policy_version = 5, .no_disclosed = true}), TCF_NOT_DISCLOSED);
    assert_int_equal(fault_of(&(struct tc_make){.day_ms = DAY_2026_10_01, .policy_version = 4, .no_disclosed = true}), TCF_NOT_DISCLOSED);
}

static void strings_of_the_wild_are_told_apart(void **state)
{
    static const struct {
        const char *text;
        enum tcf_fault fault;
    } cases[] = {
        {"", TCF_NOT_BASE64},
        {".", TCF_NOT_BASE64},
        {"CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", TCF_POLICY_VERSION},
        {"COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA", TCF_GLOBAL_SCOPE}, /* TCF 2.0, of the specification */
        {"BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA", TCF_VERSION}, /* TCF 1 */
        {"CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAA=", TCF_NOT_BASE64},
        {"CPXxRf", TCF_CUT_SHORT},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct tcf tcf;
        assert_false(tcf_read(&arena, str_of(cases[i].text), &tcf));
        assert_int_equal(tcf.fault, cases[i].fault);
    }
}

static void a_segment_may_not_come_twice_nor_be_unknown(void **state)
{
    const struct tc_make make = {.day_ms = DAY_2026_10_01};
    str whole = tc_make(&arena, &make), rest = whole, core, disclosed;
    struct tcf tcf;
    (void)state;
    (void)str_split(&rest, '.', &core);
    (void)str_split(&rest, '.', &disclosed);
    assert_false(tcf_read(&arena, str_printf(&arena, "%.*s.%.*s", STR_FMT(whole), STR_FMT(disclosed)), &tcf));
    assert_int_equal(tcf.fault, TCF_SEGMENT_TWICE);
    assert_false(tcf_read(&arena, str_printf(&arena, "%.*s.oAAA", STR_FMT(core)), &tcf));
    assert_int_equal(tcf.fault, TCF_SEGMENT_UNKNOWN);
    assert_false(tcf_read(&arena, str_printf(&arena, "%.*s.", STR_FMT(whole)), &tcf));
    assert_false(tcf_read(&arena, str_printf(&arena, "%.*sAAAAAAAB", STR_FMT(whole)), &tcf)); /* more than padding */
    assert_int_equal(tcf.fault, TCF_OVERLONG);
    assert_true(tcf_read(&arena, str_printf(&arena, "%.*sAAAA", STR_FMT(whole)), &tcf)); /* padding */
}

static void a_vendor_may_what_disclosure_bits_and_restrictions_allow(void **state)
{
    const struct tc_make make = {.day_ms = DAY_2026_10_01, .consent = TCF_BIT(3) | TCF_BIT(2), .interest = TCF_BIT(2) | TCF_BIT(7), .vendor = 755,
                                 .vendor_interest = 755, .disclosed = 755};
    struct tc_make other = make;
    struct tcf tcf;
    (void)state;
    assert_true(tcf_read(&arena, tc_make(&arena, &make), &tcf));
    assert_true(tcf_vendor_may(&tcf, 755, 3, true));
    assert_false(tcf_vendor_may(&tcf, 755, 4, true)); /* the purpose's bit */
    assert_false(tcf_vendor_may(&tcf, 754, 3, true)); /* another vendor */
    assert_true(tcf_vendor_may(&tcf, 755, 7, false));
    other.disclosed = 8;
    assert_true(tcf_read(&arena, tc_make(&arena, &other), &tcf));
    assert_false(tcf_vendor_may(&tcf, 755, 3, true)); /* nobody was shown that vendor */
    for (unsigned type = RESTRICT_PROHIBIT; type <= RESTRICT_TO_INTEREST; type++) {
        other = make;
        other.restrict_purpose = 2;
        other.restrict_type = type;
        other.restrict_vendor = 754; /* to 756 */
        assert_true(tcf_read(&arena, tc_make(&arena, &other), &tcf));
        assert_int_equal(tcf_vendor_may(&tcf, 755, 2, true), type == RESTRICT_TO_CONSENT);
        assert_int_equal(tcf_vendor_may(&tcf, 755, 2, false), type == RESTRICT_TO_INTEREST);
        assert_true(tcf_vendor_may(&tcf, 755, 3, true)); /* another purpose */
    }
}

/* Each way to cut a string short, and each single bit turned over: read again or refused, never more than its bits say. */
static void cut_and_spoiled_strings_grant_nothing_that_is_not_in_them(void **state)
{
    const struct tc_make make = {.day_ms = DAY_2026_10_01, .consent = TCF_BIT(1), .own_consent = TCF_BIT(3), .vendor = 755, .disclosed = 755,
                                 .restrict_purpose = 2, .restrict_vendor = 10};
    str whole = tc_make(&arena, &make);
    (void)state;
    for (size_t length = 0; length < whole.length; length++) {
        struct tcf tcf;
        if (!tcf_read(&arena, str_slice(whole, 0, length), &tcf))
            continue;
        assert_int_equal(tcf.consent & ~(UINT32_C(1) << 23), 0);
        assert_int_equal(tcf.publisher_consent & ~(UINT32_C(1) << 21), 0);
        assert_false(tcf_vendor_may(&tcf, 755, 2, true));
    }
    for (size_t i = 0; i < whole.length * 6; i++) {
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        char *text = str_z(&arena, whole);
        struct tcf tcf;
        if (text[i / 6] == '.')
            continue;
        text[i / 6] = digits[(strchr(digits, text[i / 6]) - digits) ^ (1 << (i % 6))];
        if (tcf_read(&arena, str_of(text), &tcf)) /* at most one purpose more */
            assert_true(__builtin_popcount(tcf.consent) + __builtin_popcount(tcf.publisher_consent) <= 3);
        arena_clear(&arena);
        whole = tc_make(&arena, &make);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_made_string_is_read_field_by_field),
        cmocka_unit_test(what_breaks_a_rule_is_not_believed),
        cmocka_unit_test(the_segment_of_disclosed_vendors_is_mandatory_in_2_3),
        cmocka_unit_test(strings_of_the_wild_are_told_apart),
        cmocka_unit_test(a_segment_may_not_come_twice_nor_be_unknown),
        cmocka_unit_test(a_vendor_may_what_disclosure_bits_and_restrictions_allow),
        cmocka_unit_test(cut_and_spoiled_strings_grant_nothing_that_is_not_in_them),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
