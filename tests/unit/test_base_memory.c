/* Arenas, vectors, maps, buffers. */
#include "unit.h"

#include "base/id.h"
#include "base/map.h"
#include "base/vec.h"

static void memory_comes_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 5000; size += 37) {
            uint8_t *memory = arena_alloc(&arena, size);
            assert_int_equal((uintptr_t)memory % 16, 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xee, size);
        }
        arena_clear(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
    arena_release(&arena);
}

static void pieces_of_an_arena_do_not_overlap(void **state)
{
    (void)state;
    struct arena arena;
    struct id_source random;
    enum { PIECES = 2000 };
    static uint8_t *pieces[PIECES];
    static size_t sizes[PIECES];
    arena_init(&arena);
    id_source_init(&random, 1);
    for (int i = 0; i < PIECES; i++) {
        sizes[i] = id_random(&random) % (i % 50 == 0 ? 300000 : 300);
        pieces[i] = arena_alloc_raw(&arena, sizes[i]);
        memset(pieces[i], i & 255, sizes[i]);
    }
    for (int i = 0; i < PIECES; i++)
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(pieces[i][j], i & 255);
    arena_release(&arena);
    assert_null(arena.blocks);
}

static void a_cleared_arena_asks_for_no_new_memory(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < 1000; i++)
        (void)arena_alloc(&arena, 100); /* only to make it grow */
    arena_clear(&arena);
    const void *kept = arena.blocks;
    assert_non_null(kept);
    (void)arena_alloc(&arena, 10000); /* fits into what was kept */
    assert_ptr_equal(arena.blocks, kept);
    arena_release(&arena);
}

static void printed_text_of_any_length_is_whole(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    assert_int_equal(strlen(arena_printf(&arena, "%5000d", 1)), 5000);
    arena_release(&arena);
}

static void a_vector_keeps_what_was_pushed(void **state)
{
    (void)state;
    struct arena arena;
    VEC(int) numbers = {0};
    arena_init(&arena);
    for (int i = 0; i < 1000; i++)
        *vec_push(&arena, &numbers) = i;
    int wanted = 0;
    vec_each (number, &numbers)
        assert_int_equal(*number, wanted++);
    assert_int_equal(wanted, 1000);
    assert_int_equal(*vec_push(&arena, &numbers), 0);
    arena_release(&arena);
}

static void a_map_finds_what_was_set(void **state)
{
    (void)state;
    struct arena arena;
    struct map map;
    static int values[20000];
    arena_init(&arena);
    map_init(&map, &arena);
    assert_null(map_get(&map, STR("x")));
    for (int i = 0; i < 20000; i++)
        map_set(&map, str_printf(&arena, "key%d", i), &values[i]);
    assert_int_equal(map.count, 20000);
    for (int i = 0; i < 20000; i++)
        assert_ptr_equal(map_get(&map, str_printf(&arena, "key%d", i)), &values[i]);
    assert_null(map_get(&map, STR("key20000")));
    map_set(&map, STR("key7"), &values[8]);
    assert_ptr_equal(map_get(&map, STR("key7")), &values[8]);
    assert_int_equal(map.count, 20000);
    arena_release(&arena);
}

static void the_empty_key_is_a_key(void **state)
{
    (void)state;
    struct arena arena;
    struct map map;
    int value;
    arena_init(&arena);
    map_init(&map, &arena);
    map_set(&map, STR_NONE, &value);
    assert_ptr_equal(map_get(&map, STR("")), &value);
    arena_release(&arena);
}

static void a_maps_walk_does_not_depend_on_how_it_was_filled(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (int count = 1; count < 400; count += 13) {
        struct map up, down;
        struct map_slot a, b;
        size_t at_up = 0, at_down = 0;
        int seen = 0;
        map_init(&up, &arena);
        map_init(&down, &arena);
        for (int i = 0; i < count; i++) {
            map_set(&up, str_printf(&arena, "%d", i), &seen);
            map_set(&down, str_printf(&arena, "%d", count - 1 - i), &seen);
        }
        while (map_next(&up, &at_up, &a)) {
            assert_true(map_next(&down, &at_down, &b));
            assert_true(str_equal(a.key, b.key));
            seen++;
        }
        assert_false(map_next(&down, &at_down, &b));
        assert_int_equal(seen, count);
    }
    arena_release(&arena);
}

static void a_buffer_stops_at_its_maximum(void **state)
{
    (void)state;
    struct arena arena;
    struct buf buf;
    arena_init(&arena);
    buf_init(&buf, &arena, 10);
    buf_add(&buf, STR("12345"));
    buf_printf(&buf, "%d", 67890);
    check_str(buf_str(&buf), "1234567890");
    assert_false(buf.overflow);
    buf_add_char(&buf, 'x');
    assert_true(buf.overflow);
    buf_add(&buf, STR(""));
    buf_add(&buf, STR("y"));
    check_str(buf_str(&buf), "1234567890");
    buf_clear(&buf);
    buf_add(&buf, STR("z"));
    check_str(buf_str(&buf), "z");
    arena_release(&arena);
}

static void a_buffer_grows_and_keeps_its_content(void **state)
{
    (void)state;
    struct arena arena;
    struct buf buf;
    arena_init(&arena);
    buf_init(&buf, &arena, 1000000);
    for (int i = 0; i < 20000; i++)
        buf_printf(&buf, "%05d", i);
    assert_int_equal(buf.length, 100000);
    for (int i = 0; i < 20000; i++) {
        int64_t number;
        assert_true(str_to_int64(str_slice(buf_str(&buf), (size_t)i * 5, (size_t)i * 5 + 5), &number));
        assert_int_equal(number, i);
    }
    buf_clear(&buf);
    buf_printf(&buf, "%3000d", 5);
    assert_int_equal(buf.length, 3000);
    struct buf empty;
    buf_init(&empty, &arena, 0);
    buf_add(&empty, STR(""));
    assert_false(empty.overflow);
    buf_add_char(&empty, 'x');
    assert_true(empty.overflow);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_comes_zeroed_and_aligned),
        cmocka_unit_test(pieces_of_an_arena_do_not_overlap),
        cmocka_unit_test(a_cleared_arena_asks_for_no_new_memory),
        cmocka_unit_test(printed_text_of_any_length_is_whole),
        cmocka_unit_test(a_vector_keeps_what_was_pushed),
        cmocka_unit_test(a_map_finds_what_was_set),
        cmocka_unit_test(the_empty_key_is_a_key),
        cmocka_unit_test(a_maps_walk_does_not_depend_on_how_it_was_filled),
        cmocka_unit_test(a_buffer_stops_at_its_maximum),
        cmocka_unit_test(a_buffer_grows_and_keeps_its_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
