/* Ids, errors, gzip, the log. */
#include "unit.h"

#include "base/gzip.h"
#include "base/id.h"
#include "base/log.h"

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

static void ids_rise_even_when_the_clock_goes_back(void **state)
{
    (void)state;
    struct id_source source;
    struct uuid last = {{0}};
    id_source_init(&source, 42);
    for (int i = 0; i < 300000; i++) {
        int64_t now_ms = INT64_C(1790000000000) + i / 1000 - (i % 7 == 0 ? 5000 : 0);
        struct uuid id = id_next(&source, now_ms);
        assert_true(memcmp(id.bytes, last.bytes, 16) > 0);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
        assert_true(uuid_time_ms(id) >= now_ms && uuid_time_ms(id) <= INT64_C(1790000000300));
        last = id;
    }
}

static void ids_stay_in_order_when_the_counter_runs_over(void **state)
{
    (void)state;
    struct id_source source;
    id_source_init(&source, 1);
    struct uuid first = id_next(&source, 1000);
    source.counter = (1u << 26) - 2;
    struct uuid last = id_next(&source, 1000), after = id_next(&source, 1000);
    assert_int_equal(uuid_time_ms(first), 1000);
    assert_int_equal(uuid_time_ms(last), 1000);
    assert_int_equal(uuid_time_ms(after), 1001);
    assert_true(memcmp(after.bytes, last.bytes, 16) > 0);
}

static void a_seed_gives_the_same_ids_and_chance_does_not(void **state)
{
    (void)state;
    struct id_source a, b;
    id_source_init(&a, 7);
    id_source_init(&b, 7);
    assert_true(uuid_equal(id_next(&a, 5), id_next(&b, 5)));
    id_source_init_random(&a);
    id_source_init_random(&b);
    assert_false(uuid_equal(id_next(&a, 5), id_next(&b, 5)));
}

static void ids_are_written_and_read(void **state)
{
    (void)state;
    struct uuid id, kept = {{9}};
    assert_true(uuid_parse(STR("0192F3c4-5a6b-7c8d-9eaf-0123456789ab"), &id));
    check_str(uuid_format(&arena, id), "0192f3c4-5a6b-7c8d-9eaf-0123456789ab");
    assert_false(uuid_is_zero(id));
    const char *bad[] = {"", "0192f3c45a6b7c8d9eaf0123456789ab", "0192f3c4-5a6b-7c8d-9eaf-0123456789a", "0192f3c4-5a6b-7c8d-9eaf-0123456789ag",
                         "0192f3c4_5a6b-7c8d-9eaf-0123456789ab"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(uuid_parse(str_of(bad[i]), &kept));
    assert_int_equal(kept.bytes[0], 9);
}

static const struct err *tried(const struct err *err)
{
    TRY(err);
    return err_new(&arena, ERR_IO, "went on");
}

static void errors_tell_what_and_why(void **state)
{
    (void)state;
    const struct err *cause = err_new(&arena, ERR_TOO_LARGE, "over %d bytes", 5);
    const struct err *err = err_wrap(&arena, cause, "reading %s", "the body");
    assert_string_equal(err->text, "reading the body: over 5 bytes");
    assert_int_equal(err->code, ERR_TOO_LARGE);
    assert_ptr_equal(err->cause, cause);
    assert_int_equal(err_status(err->code), 413);
    assert_string_equal(err_name(ERR_NOT_FOUND), "not-found");
    assert_string_equal(err_title(ERR_TOO_MANY), "Slow down");
    assert_true(err_retry_helps(ERR_UNAVAILABLE) && !err_retry_helps(ERR_INVALID));
    assert_ptr_equal(tried(cause), cause);
    assert_int_equal(tried(NULL)->code, ERR_IO);
}

static void gzip_goes_both_ways(void **state)
{
    (void)state;
    for (size_t length = 0; length < 300000; length = length * 3 + 1) {
        char *text = arena_alloc_raw(&arena, length);
        for (size_t i = 0; i < length; i++)
            text[i] = (char)(i * i >> 3);
        str packed = gzip_pack(&arena, str_bytes(text, length)), back;
        assert_true(gzip_is(packed));
        check_fine(gzip_unpack(&arena, packed, length, &back));
        assert_true(str_equal(back, str_bytes(text, length)));
        if (length)
            check_code(gzip_unpack(&arena, packed, length - 1, &back), ERR_TOO_LARGE);
    }
    assert_false(gzip_is(STR("{}")));
}

static void several_gzip_members_are_one_text(void **state)
{
    (void)state;
    str a = gzip_pack(&arena, STR("one ")), b = gzip_pack(&arena, STR("two")), back;
    check_code(gzip_unpack(&arena, STR(""), 0, &back), ERR_MALFORMED);
    char *both = arena_alloc_raw(&arena, a.length + b.length);
    memcpy(both, a.data, a.length);
    memcpy(both + a.length, b.data, b.length);
    check_fine(gzip_unpack(&arena, str_bytes(both, a.length + b.length), 100, &back));
    check_str(back, "one two");
}

static void zlib_bodies_are_unpacked_too(void **state)
{
    (void)state;
    str back;
    check_fine(gzip_unpack(&arena, STR("\x78\x9c\x4b\x04\x00\x00\x62\x00\x62"), 100, &back));
    check_str(back, "a");
}

static void a_broken_gzip_body_is_refused_wherever_it_is_cut(void **state)
{
    (void)state;
    str packed = gzip_pack(&arena, STR("some text, some text, some text")), back;
    for (size_t length = 0; length < packed.length; length++)
        check_code(gzip_unpack(&arena, str_slice(packed, 0, length), 1000, &back), ERR_MALFORMED);
    char *changed = str_z(&arena, packed);
    changed[packed.length - 5] ^= 1; /* in the checksum */
    check_code(gzip_unpack(&arena, str_bytes(changed, packed.length), 1000, &back), ERR_MALFORMED);
    char *longer = str_z(&arena, packed);
    longer[packed.length] = 'x';
    check_code(gzip_unpack(&arena, str_bytes(longer, packed.length + 1), 1000, &back), ERR_MALFORMED);
}

static void a_bomb_is_refused_before_it_is_unpacked(void **state)
{
    (void)state;
    struct arena own;
    str back, bomb = gzip_pack(&arena, str_bytes(arena_alloc(&arena, 50000000), 50000000));
    arena_init(&own);
    check_code(gzip_unpack(&own, bomb, 1000000, &back), ERR_TOO_LARGE);
    assert_true(own.used_bytes < 4000000);
    arena_release(&own);
}

/* What `log_write` sends to stderr at the level TELOS_LOG=`level`. */
static str logged(const char *level, enum log_level at, const char *text)
{
    int ends[2], kept = dup(STDERR_FILENO);
    static char line[8192];
    assert_int_equal(pipe(ends), 0);
    setenv("TELOS_LOG", level, 1);
    log_init();
    dup2(ends[1], STDERR_FILENO);
    log_request(12);
    log_write(at, "engine", "%s", text);
    log_request(0);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(ends[1]);
    ssize_t length = read(ends[0], line, sizeof(line));
    close(ends[0]);
    return str_bytes(line, length > 0 ? (size_t)length : 0);
}

static void a_log_line_is_one_line(void **state)
{
    (void)state;
    str line = logged("info", LOG_WARN, "slow\nforged line\x1b[0m");
    assert_true(str_ends(line, STR("Z warn engine slow forged line [0m\n")));
    assert_int_equal(logged("error", LOG_WARN, "slow").length, 0);
    assert_int_equal(logged("info", LOG_DEBUG, "detail").length, 0);
    assert_true(str_ends(logged("debug", LOG_DEBUG, "detail"), STR("debug engine detail request=12\n")));
    char *endless = arena_alloc(&arena, 5001);
    memset(endless, 'x', 5000);
    line = logged("debug", LOG_ERROR, endless);
    assert_true(line.length <= 2048 && str_ends(line, STR("xx\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_rise_even_when_the_clock_goes_back),
        cmocka_unit_test(ids_stay_in_order_when_the_counter_runs_over),
        cmocka_unit_test(a_seed_gives_the_same_ids_and_chance_does_not),
        cmocka_unit_test(ids_are_written_and_read),
        cmocka_unit_test(errors_tell_what_and_why),
        cmocka_unit_test(gzip_goes_both_ways),
        cmocka_unit_test(several_gzip_members_are_one_text),
        cmocka_unit_test(zlib_bodies_are_unpacked_too),
        cmocka_unit_test(a_broken_gzip_body_is_refused_wherever_it_is_cut),
        cmocka_unit_test(a_bomb_is_refused_before_it_is_unpacked),
        cmocka_unit_test(a_log_line_is_one_line),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
