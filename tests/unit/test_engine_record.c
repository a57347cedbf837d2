/* Records of the ledger, packed before they are sealed: each comes back byte by byte, whatever it holds, and what was stored without packing, too. */
#include "engine_world.h"

#include "core/apply.h"
#include "engine/ledger.h"
#include "engine/record_pack.h"
#include "evidence/seal.h"

static void check_back(struct arena *arena, str record)
{
    str packed = record_pack(arena, record), back = STR_NONE;
    assert_true(packed.length <= record.length);
    assert_true(record_unpack(arena, packed, &back));
    check_str(back, str_z(arena, record));
}

static str consent_text(struct arena *arena, unsigned n)
{
    struct consent record = {.id = {{(uint8_t)n, (uint8_t)(n * 7), 0x70}}, .purpose = STR("newsletter"), .status = n % 2 ? CONSENT_GIVEN : CONSENT_REFUSED,
                             .notice = STR("newsletter"), .notice_version = 3, .at_ms = INT64_C(1795592780430) + n * 977, .known_ms = INT64_C(1795592781430) + n * 911,
                             .expires_ms = INT64_C(1827128780430) + n, .source = STR("web"), .method = STR("consent category"),
                             .reference = STR("decoder category_preferences/1"), .signal = STR("{\"Newsletter\":true,\"Analytics\":false}")};
    return consent_record_json(arena, &record, (struct uuid){{1, 2, 3, (uint8_t)n, 5}});
}

static void a_consent_becomes_less_than_half_and_comes_back(void **state)
{
    struct arena arena;
    size_t before = 0, after = 0;
    (void)state;
    arena_init(&arena);
    for (unsigned n = 0; n < 200; n++) {
        str text = consent_text(&arena, n);
        check_back(&arena, text);
        before += text.length;
        after += record_pack(&arena, text).length;
    }
    print_message("%zu bytes a record, packed %zu\n", before / 200, after / 200);
    assert_true(after * 2 < before);
    arena_release(&arena);
}

static void whatever_is_in_a_record_comes_back(void **state)
{
    struct arena arena;
    uint64_t random = 88172645463325252u;
    (void)state;
    arena_init(&arena);
    check_back(&arena, STR(""));
    check_back(&arena, STR("{}"));
    for (int round = 0; round < 300; round++) {
        size_t length = 1 + (size_t)(random % (round % 10 ? 900 : 60000));
        char *text = arena_alloc_raw(&arena, length + 1);
        for (size_t i = 0; i < length; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            text[i] = round % 3 ? (char)(32 + random % 95) : "\"at:{}2026-"[random % 11];
        }
        text[0] = '{';
        text[length] = 0;
        check_back(&arena, str_bytes(text, length));
        arena_clear(&arena);
    }
    arena_release(&arena);
}

static void what_is_damaged_is_told_and_no_byte_is_read_beyond(void **state)
{
    struct arena arena;
    (void)state;
    arena_init(&arena);
    str packed = record_pack(&arena, consent_text(&arena, 1)), back;
    for (size_t length = 1; length < packed.length; length++) /* the sanitizer looks on */
        assert_false(record_unpack(&arena, str_copy(&arena, str_slice(packed, 0, length)), &back));
    for (size_t i = 1; i < 5; i++) {
        char *changed = str_z(&arena, packed);
        changed[i] = (char)(changed[i] ^ 0x41);
        assert_false(record_unpack(&arena, str_bytes(changed, packed.length), &back));
    }
    arena_release(&arena);
}

static void what_was_sealed_before_there_was_packing_opens(void **state)
{
    struct arena arena;
    uint8_t key[32] = {7};
    str record = STR("{\"at\":\"2026-01-01T00:00:00.000Z\",\"status\":\"given\"}"), back = STR_NONE;
    (void)state;
    arena_init(&arena);
    uint8_t *old = arena_alloc_raw(&arena, seal_size(record.length));
    seal(key, STR("ledger:17"), record, old);
    assert_true(ledger_record_open(&arena, key, 17, str_bytes(old, seal_size(record.length)), &back));
    check_str(back, "{\"at\":\"2026-01-01T00:00:00.000Z\",\"status\":\"given\"}");
    str text = consent_text(&arena, 3);
    assert_true(ledger_record_open(&arena, key, 4711, ledger_record_seal(&arena, key, 4711, text), &back));
    check_str(back, str_z(&arena, text));
    assert_false(ledger_record_open(&arena, key, 4712, ledger_record_seal(&arena, key, 4711, text), &back)); /* not at another place */
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_consent_becomes_less_than_half_and_comes_back),
        cmocka_unit_test(whatever_is_in_a_record_comes_back),
        cmocka_unit_test(what_is_damaged_is_told_and_no_byte_is_read_beyond),
        cmocka_unit_test(what_was_sealed_before_there_was_packing_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
