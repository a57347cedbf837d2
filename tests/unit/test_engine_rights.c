/* Rights requests and time: what nobody confirms ends on its due date, and what is confirmed does not. */
#include "engine_world.h"

static struct rights_case shown(struct world *world, struct uuid id)
{
    struct rights_case one = {0};
    bool found = false;
    engine_reader_close(world->reader); /* sees what was committed since */
    check_fine(engine_reader(world->engine, &world->reader));
    check_fine(engine_right(world->reader, &world->arena, id, true, &one, &found));
    assert_true(found);
    return one;
}

static size_t steps_of(const struct rights_case *one, enum rights_step_kind kind)
{
    size_t count = 0;
    vec_each (step, &one->record.steps)
        count += step->kind == kind;
    return count;
}

static void tell(void *context, const struct audit_finding *finding)
{
    (void)context;
    print_error("%s %.*s: %.*s\n", finding->promise, STR_FMT(finding->where), STR_FMT(finding->what));
}

static void all_well(struct world *world)
{
    uint64_t violations = 0;
    check_fine(engine_audit(world->engine, world->reader, &world->arena, tell, NULL, NULL, &violations));
    assert_int_equal(violations, 0);
}

static void what_nobody_confirms_expires_on_its_due_date(void **state)
{
    static const enum rights_step_kind asked[] = {RIGHTS_IDENTITY_ASKED}, confirmed[] = {RIGHTS_IDENTITY_CONFIRMED};
    struct world world = {0};
    uint64_t swept;
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct uuid received = world_right(&world, "user_id:u1", RIGHT_ERASURE, NULL, 0), verifying = world_right(&world, "user_id:u1", RIGHT_ACCESS, asked, 1),
                known = world_right(&world, "user_id:u1", RIGHT_PORTABILITY, confirmed, 1);
    int64_t due_ms = shown(&world, received).row.due_ms;

    check_fine(engine_sweep(world.engine, due_ms, &swept)); /* the last millisecond is still the person's */
    assert_int_equal(shown(&world, received).row.state, RIGHTS_RECEIVED);
    assert_int_equal(shown(&world, verifying).row.state, RIGHTS_VERIFYING);

    for (int round = 0; round < 2; round++) { /* once expired, nothing more happens */
        check_fine(engine_sweep(world.engine, due_ms + 2 + round * DAY_MS, &swept));
        struct rights_case one = shown(&world, received), two = shown(&world, verifying), three = shown(&world, known);
        assert_int_equal(one.row.state, RIGHTS_EXPIRED);
        assert_int_equal(two.row.state, RIGHTS_EXPIRED);
        assert_int_equal(three.row.state, RIGHTS_IN_PROGRESS); /* the controller owes an answer, however late */
        assert_int_equal(steps_of(&one, RIGHTS_EXPIRE), 1);
        check_str(one.record.steps.items[one.record.steps.count - 1].role, "system");
        check_str(one.details.text, "Please look after this"); /* the person is not erased: what was asked stays readable */
        assert_true(one.row.done_ms != TIME_NONE && one.row.watch_ms == TIME_FOREVER);
    }
    assert_non_null(world_person(&world, "user_id:u1", PERSON_HEAD)); /* nothing was erased by it */
    all_well(&world); /* the steps stand in the ledger */
    world_reopen(&world);
    all_well(&world);
    world_end(&world);
}

static void an_extended_request_expires_at_its_later_date(void **state)
{
    static const enum rights_step_kind extended[] = {RIGHTS_EXTENDED};
    struct world world = {0};
    uint64_t swept;
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct uuid plain = world_right(&world, "user_id:u1", RIGHT_ERASURE, NULL, 0), longer = world_right(&world, "user_id:u1", RIGHT_ACCESS, extended, 1);
    int64_t first_ms = shown(&world, plain).row.due_ms, later_ms = shown(&world, longer).row.due_ms;
    assert_true(later_ms > first_ms + 50 * DAY_MS);
    check_fine(engine_sweep(world.engine, first_ms + 2, &swept));
    assert_int_equal(shown(&world, plain).row.state, RIGHTS_EXPIRED);
    assert_int_equal(shown(&world, longer).row.state, RIGHTS_RECEIVED);
    check_fine(engine_sweep(world.engine, later_ms + 2, &swept));
    assert_int_equal(shown(&world, longer).row.state, RIGHTS_EXPIRED);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_nobody_confirms_expires_on_its_due_date),
        cmocka_unit_test(an_extended_request_expires_at_its_later_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
