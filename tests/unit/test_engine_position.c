/* Messages out of a queue: each position is stored once, whatever is read again, in whatever pieces, after whatever failed. */
#include "engine_world.h"

#include <stdio.h>

#define KEY STR("kafka/till/group/shop/0")

static struct world world;

/* Positions from..until-1, one message each; the person of position n is u<n>. */
struct piece {
    struct work work;
    struct work_position position;
    struct arena arena;
};

static void piece_make(struct piece *piece, int64_t from, int64_t until, const char *broken)
{
    size_t count = (size_t)(until - from);
    memset(piece, 0, sizeof *piece);
    arena_init(&piece->arena);
    struct collected *messages = arena_array(&piece->arena, struct collected, count + 1);
    int64_t *offsets = arena_array(&piece->arena, int64_t, count + 1);
    for (size_t i = 0; i < count; i++) {
        struct json *body = arena_new(&piece->arena, struct json);
        int64_t at = from + (int64_t)i;
        str text = str_printf(&piece->arena, "{\"type\":\"track\",\"event\":\"Order Completed\",\"userId\":\"u%lld\",\"properties\":{\"total\":1}}", (long long)at);
        if (broken && i == count - 1)
            text = str_of(broken);
        check_fine(json_read(&piece->arena, text, body));
        messages[i] = (struct collected){.body = body, .text = text, .path_type = EVENT_TYPE_COUNT, .sent_ms = TIME_NONE};
        offsets[i] = at;
    }
    piece->position = (struct work_position){.key = KEY, .from = from, .until = until, .offsets = offsets};
    piece->work = (struct work){.arena = &piece->arena, .source = STR("till"), .messages = messages, .message_count = count, .position = &piece->position};
}

static const struct err *piece_do(struct piece *piece)
{
    const struct err *error = engine_do(world.engine, &piece->work);
    engine_work_release(world.engine, &piece->work);
    return error;
}

static void take(int64_t from, int64_t until, size_t skipped)
{
    struct piece piece;
    piece_make(&piece, from, until, NULL);
    check_fine(piece_do(&piece));
    assert_int_equal(piece.position.skipped, skipped);
    arena_release(&piece.arena);
}

static int64_t stored(void)
{
    int64_t position = 0;
    check_fine(engine_position(world.reader, &world.arena, KEY, &position));
    return position;
}

static void check_each_once(int64_t until)
{
    for (int64_t i = 0; i < until; i++)
        assert_int_equal(world_events(&world, arena_printf(&world.arena, "user_id:u%lld", (long long)i)), 1);
}

static void what_is_read_again_is_stored_once(void **state)
{
    (void)state;
    world_begin(&world);
    assert_int_equal(stored(), -1);
    take(0, 5, 0);
    take(0, 5, 5);
    take(3, 8, 2);
    assert_int_equal(stored(), 8);
    world_reopen(&world);
    assert_int_equal(stored(), 8);
    take(0, 10, 8);
    check_each_once(10);
    world_end(&world);
}

static void nothing_is_leapt_over(void **state)
{
    (void)state;
    struct piece piece;
    world_begin(&world);
    take(0, 3, 0);
    piece_make(&piece, 5, 8, NULL);
    check_code(piece_do(&piece), ERR_CONFLICT);
    assert_int_equal(piece.position.answer, POSITION_GAP);
    assert_int_equal(piece.position.stored, 3);
    arena_release(&piece.arena);
    assert_int_equal(stored(), 3);
    assert_int_equal(world_events(&world, "user_id:u5"), 0);
    world_end(&world);
}

static void positions_without_messages_move_on(void **state)
{
    (void)state;
    world_begin(&world);
    struct work_position position = {.key = KEY, .from = 0, .until = 40};
    struct work work = {.arena = &world.arena, .source = STR("till"), .position = &position};
    check_fine(engine_do(world.engine, &work));
    engine_work_release(world.engine, &work);
    assert_int_equal(stored(), 40);
    world_end(&world);
}

static uint64_t refused(const char *reason)
{
    struct counter *rows;
    size_t count;
    uint64_t found = 0;
    check_fine(engine_store(world.engine)->counters(reader_session(world.reader), &world.arena, 0, INT64_MAX, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (str_equal(rows[i].what, STR("refused")) && str_equal(rows[i].source, STR("till")) && str_equal(rows[i].reason, str_of(reason)))
            found += rows[i].count;
    return found;
}

static void what_is_no_message_is_counted_once_and_stays_known(void **state)
{
    (void)state;
    static const struct position_refusal bad[] = {{1, "malformed"}, {2, "no_value"}, {4, "malformed"}, {9, "malformed"}};
    struct piece piece;
    world_begin(&world);
    for (int i = 0; i < 3; i++) { /* the third one goes on where the first two ended */
        piece_make(&piece, i < 2 ? 0 : 3, i < 2 ? 5 : 10, NULL);
        piece.position.refused = bad;
        piece.position.refused_count = i < 2 ? 3 : 4;
        check_fine(piece_do(&piece));
        arena_release(&piece.arena);
        assert_int_equal(refused("malformed"), i < 2 ? 2 : 3);
        assert_int_equal(refused("no_value"), 1);
    }
    world_reopen(&world);
    assert_int_equal(refused("malformed"), 3);
    world_end(&world);
}

static void a_strict_work_with_an_unusable_message_stores_nothing(void **state)
{
    (void)state;
    struct piece piece;
    world_begin(&world);
    piece_make(&piece, 0, 3, "{\"type\":\"track\"}");
    piece.position.strict = true;
    check_code(piece_do(&piece), ERR_INVALID);
    assert_int_equal(piece.position.answer, POSITION_INVALID);
    assert_int_equal(piece.work.requests[2].result.outcome, OUTCOME_INVALID);
    assert_int_equal(stored(), -1);
    assert_int_equal(world_events(&world, "user_id:u0"), 0);
    piece.position.strict = false; /* then it is counted, as by HTTP */
    check_fine(piece_do(&piece));
    assert_int_equal(stored(), 3);
    check_each_once(2);
    arena_release(&piece.arena);
    world_end(&world);
}

static void a_commit_that_failed_has_not_moved_the_position(void **state)
{
    (void)state;
    struct piece piece;
    world = (struct world){.debug_door = true};
    world_begin(&world);
    take(0, 2, 0);
    check_fine(engine_debug_fail(world.engine, &world.arena, STR("save"), 1));
    piece_make(&piece, 2, 6, NULL);
    check_code(piece_do(&piece), ERR_UNAVAILABLE);
    arena_release(&piece.arena);
    assert_int_equal(stored(), 2);
    for (const struct err *error = (const struct err *)&world; error;) { /* until storing works again */
        piece_make(&piece, 2, 6, NULL);
        error = piece_do(&piece);
        if (error)
            assert_int_equal(error->code, ERR_UNAVAILABLE);
        arena_release(&piece.arena);
    }
    check_each_once(6);
    world_end(&world);
}

static void a_source_that_was_just_taken_out_leaves_its_messages_in_the_queue(void **state)
{
    (void)state;
    struct piece piece;
    world_begin(&world);
    piece_make(&piece, 0, 3, NULL);
    piece.work.source = STR("gone");
    check_code(piece_do(&piece), ERR_UNAVAILABLE);
    arena_release(&piece.arena);
    assert_int_equal(stored(), -1);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_again_is_stored_once),
        cmocka_unit_test(nothing_is_leapt_over),
        cmocka_unit_test(positions_without_messages_move_on),
        cmocka_unit_test(what_is_no_message_is_counted_once_and_stays_known),
        cmocka_unit_test(a_strict_work_with_an_unusable_message_stores_nothing),
        cmocka_unit_test(a_commit_that_failed_has_not_moved_the_position),
        cmocka_unit_test(a_source_that_was_just_taken_out_leaves_its_messages_in_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
