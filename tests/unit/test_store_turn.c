/* Runs over every backend, and says something of those that several nodes share: turns, and the head that goes with each save. */
#include "store_world.h"

#include <pthread.h>
#include <stdatomic.h>

static struct world w;

static struct store_session *other_session(struct store *other)
{
    struct store_session *session = NULL;
    check_fine(other->ops->session(other, &w.arena, true, &session));
    return session;
}

static const struct err *head_save(struct store *store, struct store_session *session, str head)
{
    struct save save = {.sets = w.sets, .head = head};
    return store->ops->save(session, &w.arena, &save);
}

static void a_head_is_what_the_last_save_left_on_any_node(void **state)
{
    (void)state;
    struct store *other = world_other(&w);
    if (!other)
        return;
    assert_true(w.store->shared && other->shared);
    struct store_session *session = other_session(other);
    str head = STR("?");
    check_fine(w.store->ops->turn(w.writer, &w.arena, &head));
    assert_null(head.data);
    check_fine(head_save(w.store, w.writer, STR("one")));
    check_fine(other->ops->head(session, &w.arena, &head));
    assert_true(str_equal(head, STR("one")));
    check_fine(other->ops->turn(session, &w.arena, &head));
    assert_true(str_equal(head, STR("one")));
    other->ops->turn_back(session);
    check_fine(head_save(other, session, STR_NONE)); /* takes a turn by itself, and leaves the head */
    check_fine(w.store->ops->head(w.reader, &w.arena, &head));
    assert_true(str_equal(head, STR("one")));
    other->ops->session_close(session);
    other->ops->close(other);
}

#define TURNS 200
struct counting {
    struct store *store;
    struct arena arena;
    struct store_session *session;
    _Atomic int *holders;
    pthread_t thread;
};
/* Adds one to the number in the head, TURNS times; now and then it gives a turn back before. */
static void *count_on(void *context)
{
    struct counting *counting = context;
    const struct store_ops *ops = counting->store->ops;
    for (int i = 0; i < TURNS; i++) {
        str head = STR_NONE;
        int64_t number = 0;
        if (i % 7 == 3) {
            check_fine(ops->turn(counting->session, &counting->arena, &head));
            ops->turn_back(counting->session);
        }
        check_fine(ops->turn(counting->session, &counting->arena, &head));
        assert_int_equal(atomic_fetch_add(counting->holders, 1), 0);
        assert_true(!head.data || str_to_int64(head, &number));
        struct save save = {.head = str_printf(&counting->arena, "%lld", (long long)number + 1)};
        assert_int_equal(atomic_fetch_sub(counting->holders, 1), 1);
        check_fine(ops->save(counting->session, &counting->arena, &save));
    }
    return NULL;
}

static void nobody_saves_in_anothers_turn(void **state)
{
    (void)state;
    struct store *other = world_other(&w);
    if (!other)
        return;
    _Atomic int holders = 0;
    struct counting both[2] = {{.store = w.store, .session = w.writer, .holders = &holders}, {.store = other, .session = other_session(other), .holders = &holders}};
    for (int i = 0; i < 2; i++) {
        arena_init(&both[i].arena);
        assert_int_equal(pthread_create(&both[i].thread, NULL, count_on, &both[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(both[i].thread, NULL), 0);
    int64_t number = 0;
    str head = STR_NONE;
    check_fine(w.store->ops->head(w.reader, &w.arena, &head));
    assert_true(str_to_int64(head, &number));
    assert_int_equal(number, 2 * TURNS);
    for (int i = 0; i < 2; i++)
        arena_release(&both[i].arena);
    other->ops->session_close(both[1].session);
    other->ops->close(other);
}

static void a_turn_sees_what_others_saved_and_a_node_that_goes_loses_it(void **state)
{
    (void)state;
    struct store *other = world_other(&w);
    if (!other)
        return;
    struct store_session *session = other_session(other);
    str head = STR_NONE;
    check_fine(other->ops->turn(session, &w.arena, &head));
    other->ops->session_close(session); /* with the turn */
    struct batch *batch = batch_new(&w);
    person_new(&w, batch, 1);
    save_fine(&w, batch);
    session = other_session(other);
    check_fine(other->ops->turn(session, &w.arena, &head));
    profile_no number = {1};
    struct load load = {.arena = &w.arena, .sets = w.sets, .profiles = &number, .profile_count = 1, .parts = PERSON_HEAD, .events_from_ms = INT64_MIN};
    check_fine(other->ops->load(session, &load));
    assert_non_null(load.by_profile[0]);
    other->ops->turn_back(session);
    other->ops->turn_back(session); /* nothing happens */
    other->ops->session_close(session);
    other->ops->close(other);
}

static struct person *person_by(struct store *store, struct store_session *session, uint64_t profile)
{
    profile_no number = {profile};
    struct load load = {.arena = &w.arena, .sets = w.sets, .profiles = &number, .profile_count = 1, .parts = PERSON_ALL, .events_from_ms = INT64_MIN};
    check_fine(store->ops->load(session, &load));
    assert_non_null(load.by_profile[0]);
    return load.by_profile[0];
}

/* One more event and another due time, saved with what was loaded before. */
static const struct err *due_save(struct store *store, struct store_session *session, struct person *person, int64_t due_ms, bool *ret_stale)
{
    struct batch *batch = batch_new(&w);
    batch_add(batch, person);
    person->profiles.items[0].change = CHANGE_SET;
    person->profiles.items[0].due_ms = due_ms;
    event_new(&w, person, person->root.value, 1, 0);
    struct save save = {.sets = w.sets, .batch = batch};
    const struct err *err = store->ops->save(session, &w.arena, &save);
    *ret_stale = save.stale;
    return err;
}

static void a_save_of_somebody_who_was_changed_meanwhile_changes_nothing_and_says_so(void **state)
{
    (void)state;
    struct store *other = world_other(&w);
    bool stale = true;
    if (!other)
        return;
    struct store_session *session = other_session(other);
    struct batch *batch = batch_new(&w);
    person_new(&w, batch, 1);
    save_fine(&w, batch);
    struct person *ours = person_by(w.store, w.writer, 1), *theirs = person_by(other, session, 1);
    check_fine(due_save(w.store, w.writer, ours, 5, &stale));
    assert_false(stale);
    const struct err *err = due_save(other, session, theirs, 9, &stale);
    assert_true(stale);
    assert_int_equal(err->code, ERR_UNAVAILABLE);
    struct person *now = person_by(other, session, 1);
    assert_int_equal(now->profiles.items[0].due_ms, 5);
    assert_int_equal(now->events.count, 1);
    check_fine(due_save(other, session, now, 9, &stale));
    assert_false(stale);
    now = person_by(w.store, w.writer, 1);
    assert_int_equal(now->profiles.items[0].due_ms, 9);
    assert_int_equal(now->events.count, 2);
    other->ops->session_close(session);
    other->ops->close(other);
}

static const struct backend_test tests[] = {
    BACKEND_TEST(a_head_is_what_the_last_save_left_on_any_node),
    BACKEND_TEST(nobody_saves_in_anothers_turn),
    BACKEND_TEST(a_turn_sees_what_others_saved_and_a_node_that_goes_loses_it),
    BACKEND_TEST(a_save_of_somebody_who_was_changed_meanwhile_changes_nothing_and_says_so),
};

int main(void) { return run_over_backends("store_turn", &w, tests, COUNT_OF(tests)); }
