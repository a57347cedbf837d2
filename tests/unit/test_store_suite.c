/* Runs over every backend: what save writes of persons and their events, load finds again. */
#include "store_world.h"

static struct world w;

/* --- round trip */

static void everything_saved_is_loaded_again(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *first = person_rich(&w, batch, 1), *second = person_rich(&w, batch, 2);
    save_fine(&w, batch);
    same_person(load_person(&w, 1, PERSON_ALL), first);
    same_person(load_hash(&w, 22, PERSON_ALL), second);
    tidy_all(&w);
    world_reopen(&w);
    same_person(load_person(&w, 1, PERSON_ALL), first);
    same_person(load_hash(&w, 11, PERSON_ALL), first);
    same_person(load_person(&w, 2, PERSON_ALL), second);
    assert_null(load_person(&w, 3, PERSON_ALL));
    assert_null(load_hash(&w, 99, PERSON_ALL));
}

static void only_the_parts_asked_for_are_loaded(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_rich(&w, batch, 1);
    save_fine(&w, batch);
    struct person *person = load_person(&w, 1, 0);
    assert_int_equal(person->loaded, PERSON_HEAD);
    assert_int_equal(person->identifiers.count, 2);
    assert_int_equal(person->fact_pages.count + person->events.count + person->held.count + person->deliveries.count + person->disclosures.count, 0);
    person = load_person(&w, 1, PERSON_FACTS | PERSON_OUTBOX);
    assert_int_equal(person->loaded, PERSON_HEAD | PERSON_FACTS | PERSON_OUTBOX);
    assert_int_equal(person->fact_pages.count, 2);
    assert_int_equal(person->deliveries.count, 2);
    assert_int_equal(person->disclosures.count, 1);
    assert_int_equal(person->events.count + person->held.count, 0);
}

static void one_load_gives_one_person_for_all_its_keys(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_rich(&w, batch, 1);
    person_rich(&w, batch, 2);
    save_fine(&w, batch);
    identifier_hash hashes[] = {hash_of(11), hash_of(12), hash_of(21), hash_of(5)};
    profile_no profiles[] = {{1}, {2}, {9}};
    struct load load = {.arena = &w.arena, .sets = w.sets, .hashes = hashes, .hash_count = 4, .profiles = profiles, .profile_count = 3,
                        .parts = PERSON_HEAD, .events_from_ms = INT64_MIN};
    check_fine(w.store->ops->load(w.writer, &load));
    assert_int_equal(load.persons.count, 2);
    assert_non_null(load.by_hash[0]);
    assert_ptr_equal(load.by_hash[0], load.by_hash[1]);
    assert_ptr_equal(load.by_hash[0], load.by_profile[0]);
    assert_ptr_equal(load.by_hash[2], load.by_profile[1]);
    assert_null(load.by_hash[3]);
    assert_null(load.by_profile[2]);
}

/* --- changes */

static void changed_rows_are_updated_and_gone_ones_deleted(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_rich(&w, batch, 1);
    save_fine(&w, batch);
    struct person *person = load_person(&w, 1, PERSON_ALL);
    batch = batch_new(&w);
    batch_add(batch, person);
    person->profiles.items[0].change = CHANGE_SET;
    person->profiles.items[0].birth_year = 1990; /* in clear: never kept */
    person->profiles.items[0].sealed = STR("another year");
    person->profiles.items[0].due_ms = 400;
    person->identifiers.items[0].change = CHANGE_SET;
    person->identifiers.items[0].last_seen_ms = 7777;
    person->identifiers.items[1].change = CHANGE_GONE;
    person->preferences.items[0].change = CHANGE_SET;
    person->preferences.items[0].sealed = STR("others");
    person->refused.items[0].change = CHANGE_SET;
    person->refused.items[0].count = 9;
    person->fact_pages.items[0].change = CHANGE_GONE;
    person->fact_pages.items[1].change = CHANGE_SET;
    person->fact_pages.items[1].purposes = 2;
    person->events.items[0].change = CHANGE_SET;
    person->events.items[0].part_count = 1;
    person->events.items[0].parts[0].purposes = 8;
    person->events.items[1].change = CHANGE_GONE;
    person->held.items[0].change = CHANGE_GONE;
    person->deliveries.items[0].change = CHANGE_SET;
    person->deliveries.items[0].state = DELIVERY_CANCELLED;
    person->deliveries.items[0].reason = STR("consent_withdrawn");
    person->deliveries.items[0].done_ms = 99;
    person->disclosures.items[0].change = CHANGE_GONE;
    save_fine(&w, batch);
    struct person *after = load_person(&w, 1, PERSON_ALL);
    assert_int_equal(after->profiles.items[0].version, 1);
    person->identifiers.count = 1;
    person->fact_pages.items[0] = person->fact_pages.items[1];
    person->fact_pages.count = 1;
    person->events.count = 1;
    person->held.count = 0;
    person->deliveries.items[0] = person->deliveries.items[1]; /* a cancelled one is history; a recall is always loaded */
    person->deliveries.count = 1;
    person->disclosures.count = 0;
    person->profiles.items[0].birth_year = 0;
    same_person(after, person);
    assert_null(load_hash(&w, 12, PERSON_HEAD));
    world_reopen(&w);
    same_person(load_person(&w, 1, PERSON_ALL), person);
}

static void rows_of_the_outbox_go_but_for_those_that_wait(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    static const enum delivery_state states[] = {DELIVERY_PENDING, DELIVERY_DELIVERED, DELIVERY_DEAD, DELIVERY_CANCELLED};
    uint64_t numbers[4];
    for (size_t i = 0; i < 4; i++) {
        struct delivery *row = delivery_new(&w, person, 1, "mailer");
        row->state = states[i];
        numbers[i] = row->number;
    }
    save_fine(&w, batch);
    struct save save = {.sets = w.sets};
    for (size_t i = 0; i < 4; i++)
        *(uint64_t *)vec_push(&w.arena, &save.outbox_gone) = numbers[i];
    *(uint64_t *)vec_push(&w.arena, &save.outbox_gone) = 999; /* nobody */
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    struct destination_count *counts = NULL;
    struct delivery *rows = NULL;
    size_t count = 0;
    check_fine(w.store->ops->destination_counts(w.reader, &w.arena, &counts, &count));
    assert_int_equal(count, 1);
    assert_int_equal(counts[0].pending, 1);
    assert_int_equal(counts[0].delivered + counts[0].dead + counts[0].cancelled, 0);
    struct delivery_query query = {.state = -1, .due_ms = INT64_MAX, .max = 10};
    check_fine(w.store->ops->deliveries(w.reader, &w.arena, &query, &rows, &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].number, numbers[0]);
    world_reopen(&w);
    check_fine(w.store->ops->destination_counts(w.reader, &w.arena, &counts, &count));
    assert_int_equal(count, 1);
    assert_int_equal(load_person(&w, 1, PERSON_ALL)->deliveries.count, 1);
}

static void an_identifier_may_go_from_one_profile_to_another_in_one_commit(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    identifier_new(&w, person_new(&w, batch, 1), 1, 1, 1);
    person_new(&w, batch, 2);
    save_fine(&w, batch);
    batch = batch_new(&w);
    struct person *first = load_person(&w, 1, PERSON_HEAD), *second = load_person(&w, 2, PERSON_HEAD);
    batch_add(batch, second); /* the new owner comes before the old one */
    batch_add(batch, first);
    identifier_new(&w, second, 2, 1, 1);
    first->identifiers.items[0].change = CHANGE_GONE;
    save_fine(&w, batch);
    assert_int_equal(load_hash(&w, 1, PERSON_HEAD)->root.value, 2);
    assert_int_equal(load_person(&w, 1, PERSON_HEAD)->identifiers.count, 0);
}

/* Identifiers of profile 1 whose bit is set are seen on that day. */
static void seen_on(unsigned bits, int64_t day)
{
    struct person *person = load_person(&w, 1, PERSON_HEAD);
    struct batch *batch = batch_new(&w);
    batch_add(batch, person);
    vec_each (row, &person->identifiers)
        if (bits >> (row->number - 1) & 1) {
            row->change = CHANGE_SET;
            row->last_seen_ms = day * DAY_MS;
        }
    save_fine(&w, batch);
}

static void days_are(const int64_t wanted[3])
{
    struct person *person = load_person(&w, 1, PERSON_HEAD);
    assert_int_equal(person->identifiers.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(person->identifiers.items[i].last_seen_ms, wanted[i] * DAY_MS);
}

static void the_day_an_identifier_was_seen_is_kept(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    for (size_t i = 0; i < 3; i++)
        identifier_new(&w, person, 1, (uint32_t)i + 1, (unsigned)i + 1)->last_seen_ms = 20000 * DAY_MS;
    save_fine(&w, batch);
    seen_on(1, 20001);
    seen_on(2, 20001);
    days_are((int64_t[]){20001, 20001, 20000});
    seen_on(5, 20003); /* the second stays behind */
    days_are((int64_t[]){20003, 20001, 20003});
    world_reopen(&w);
    days_are((int64_t[]){20003, 20001, 20003});
    seen_on(2, 20002); /* told late */
    days_are((int64_t[]){20003, 20002, 20003});
    seen_on(2, 20003);
    days_are((int64_t[]){20003, 20003, 20003});
    person = load_person(&w, 1, PERSON_HEAD);
    batch = batch_new(&w);
    batch_add(batch, person);
    person->identifiers.items[0].change = CHANGE_SET; /* more than the day changes */
    person->identifiers.items[0].last_seen_ms = 20009 * DAY_MS;
    person->identifiers.items[0].sealed = STR("another seal");
    person->identifiers.items[1].change = CHANGE_SET;
    person->identifiers.items[1].last_seen_ms = 20009 * DAY_MS;
    save_fine(&w, batch);
    days_are((int64_t[]){20009, 20009, 20003});
    check_str(load_person(&w, 1, PERSON_HEAD)->identifiers.items[0].sealed, "another seal");
    tidy_all(&w);
    world_reopen(&w);
    days_are((int64_t[]){20009, 20009, 20003});
}

/* --- groups */

static struct merge *merge_new(struct person *person, unsigned n, uint64_t left, uint64_t right)
{
    struct merge *row = vec_push(&w.arena, &person->merges);
    *row = (struct merge){.change = CHANGE_NEW, .id = uuid_of(6, n), .left = {left}, .right = {right}, .reason = STR("identify"),
                          .through_left = hash_of((unsigned)left), .through_right = hash_of((unsigned)right), .source = STR("web"), .at_ms = 15,
                          .undone_ms = TIME_NONE};
    return row;
}

/* Three profiles; 2 is joined to 1 and 3 to 2. */
static void group_make(void)
{
    struct batch *batch = batch_new(&w);
    for (uint64_t i = 1; i <= 4; i++) {
        struct person *person = person_new(&w, batch, i);
        identifier_new(&w, person, i, 1, (unsigned)i);
        consent_new(&w, person, i, (unsigned)(10 - i));
        event_new(&w, person, i, 1, 0);
    }
    save_fine(&w, batch);
    batch = batch_new(&w);
    struct person *person = load_person(&w, 2, PERSON_HEAD), *third = load_person(&w, 3, PERSON_HEAD);
    person->profiles.items[0].root.value = third->profiles.items[0].root.value = 1;
    person->profiles.items[0].change = third->profiles.items[0].change = CHANGE_SET;
    merge_new(person, 1, 2, 1);
    merge_new(third, 2, 3, 2);
    batch_add(batch, person);
    batch_add(batch, third);
    save_fine(&w, batch);
}

static void groups_are_loaded_whole_from_any_member(void **state)
{
    (void)state;
    group_make();
    for (unsigned from = 1; from <= 3; from++) {
        struct person *person = load_hash(&w, from, PERSON_ALL);
        assert_int_equal(person->root.value, 1);
        assert_int_equal(person->profiles.count, 3);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(person->profiles.items[i].number.value, i + 1); /* oldest first */
        assert_int_equal(person->identifiers.count, 3);
        assert_int_equal(person->merges.count, 2);
        assert_int_equal(person->events.count, 3);
        assert_true(person->events.items[0].number.value < person->events.items[1].number.value);
        assert_int_equal(person->consents.count, 3);
        assert_true(person->consents.items[0].known_ms < person->consents.items[1].known_ms);
        assert_true(person->consents.items[1].known_ms < person->consents.items[2].known_ms);
    }
    assert_int_equal(load_person(&w, 4, PERSON_HEAD)->profiles.count, 1);
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, false, &totals));
    assert_int_equal(totals.profiles, 4);
    assert_int_equal(totals.persons, 2);
}

static void an_undone_merge_parts_the_group_and_stays_with_its_left_side(void **state)
{
    (void)state;
    group_make();
    struct person *person = load_person(&w, 1, PERSON_HEAD);
    struct batch *batch = batch_new(&w);
    vec_each (merge, &person->merges)
        if (merge->left.value == 3) {
            merge->change = CHANGE_SET;
            merge->undone_ms = 500;
        }
    person->profiles.items[2].root.value = 3;
    person->profiles.items[2].change = CHANGE_SET;
    batch_add(batch, person);
    save_fine(&w, batch);
    struct person *left = load_person(&w, 2, PERSON_HEAD), *right = load_person(&w, 3, PERSON_HEAD);
    assert_int_equal(left->profiles.count, 2);
    assert_int_equal(left->merges.count, 1);
    assert_int_equal(right->root.value, 3);
    assert_int_equal(right->profiles.count, 1);
    assert_int_equal(right->merges.count, 1);
    assert_int_equal(right->merges.items[0].undone_ms, 500);
}

/* --- events */

static void events_numbered(uint64_t before, size_t max, const uint64_t *wanted, size_t count)
{
    profile_no profiles[] = {{1}, {2}};
    struct event *events;
    size_t got;
    check_fine(w.store->ops->events(w.reader, &w.arena, w.sets, profiles, 2, before, max, &events, &got));
    assert_int_equal(got, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(events[i].number.value, wanted[i]);
}

static void events_make(void)
{
    struct batch *batch = batch_new(&w);
    struct person *first = person_new(&w, batch, 1), *second = person_new(&w, batch, 2), *third = person_new(&w, batch, 3);
    for (int i = 0; i < 3; i++) { /* 1, 4, 7 of the first; 2, 5, 8 of the second; 3, 6, 9 of the third */
        event_new(&w, first, 1, 1, 0);
        event_new(&w, second, 2, 1, 0);
        event_new(&w, third, 3, 1, 0);
    }
    save_fine(&w, batch);
}

static void events_are_listed_newest_first_in_pages(void **state)
{
    (void)state;
    events_make();
    for (int round = 0; round < 2; round++) {
        events_numbered(0, 100, (uint64_t[]){8, 7, 5, 4, 2, 1}, 6);
        events_numbered(0, 2, (uint64_t[]){8, 7}, 2);
        events_numbered(7, 2, (uint64_t[]){5, 4}, 2);
        events_numbered(4, 10, (uint64_t[]){2, 1}, 2);
        events_numbered(3, 10, (uint64_t[]){2, 1}, 2);
        events_numbered(1, 10, NULL, 0);
        events_numbered(1000, 1, (uint64_t[]){8}, 1);
        tidy_all(&w);
        world_reopen(&w);
    }
    struct event event;
    bool found;
    check_fine(w.store->ops->event(w.reader, &w.arena, w.sets, 5, &event, &found));
    assert_true(found);
    assert_int_equal(event.profile.value, 2);
    check_fine(w.store->ops->event(w.reader, &w.arena, w.sets, 50, &event, &found));
    assert_false(found);
}

static void a_load_may_limit_events(void **state)
{
    (void)state;
    events_make();
    profile_no number = {1};
    struct load load = {.arena = &w.arena, .sets = w.sets, .profiles = &number, .profile_count = 1, .parts = PERSON_EVENTS,
                        .events_from_ms = INT64_MIN, .events_max = 2};
    check_fine(w.store->ops->load(w.reader, &load));
    assert_int_equal(load.by_profile[0]->events.count, 2);
    assert_int_equal(load.by_profile[0]->events.items[0].number.value, 7); /* newest first */
    load.events_max = 0;
    load.events_from_ms = 400;
    check_fine(w.store->ops->load(w.reader, &load));
    assert_int_equal(load.by_profile[0]->events.count, 2);
    assert_int_equal(load.by_profile[0]->events.items[0].number.value, 4); /* in order */
}

/* Takes those events off profile 1 whose place is set in the mask, adds one, and looks whether the rest is found. */
static void events_cut(unsigned mask, unsigned count)
{
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    for (unsigned i = 0; i < count; i++)
        event_new(&w, person, 1, 1, 0);
    save_fine(&w, batch);
    person = load_person(&w, 1, PERSON_EVENTS);
    batch = batch_new(&w);
    batch_add(batch, person);
    for (unsigned i = 0; i < count; i++)
        if (mask >> i & 1)
            person->events.items[i].change = CHANGE_GONE;
    event_new(&w, person, 1, 1, 0);
    save_fine(&w, batch);
    for (int round = 0; round < 2; round++) {
        struct person *after = load_person(&w, 1, PERSON_EVENTS);
        size_t found = 0;
        vec_each (event, &person->events)
            if (event->change != CHANGE_GONE)
                assert_int_equal(after->events.items[found++].number.value, event->number.value);
        assert_int_equal(after->events.count, found);
        if (mask % 3 == 0)
            world_reopen(&w);
    }
}

static void events_may_go_from_anywhere_in_a_list(void **state)
{
    (void)state;
    enum backend backend = w.backend;
    for (unsigned mask = 0; mask < 16; mask++) {
        events_cut(mask, 4);
        world_close(&w);
        world_open(&w, backend);
    }
}

static void numbers_are_not_given_again_when_the_newest_rows_are_gone(void **state)
{
    (void)state;
    events_make();
    struct person *person = load_person(&w, 3, PERSON_EVENTS);
    struct batch *batch = batch_new(&w);
    batch_add(batch, person);
    vec_each (event, &person->events)
        event->change = CHANGE_GONE;
    save_fine(&w, batch);
    world_reopen(&w);
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, true, &totals));
    assert_int_equal(totals.event_next, 10);
    assert_int_equal(totals.profile_next, 4);
    assert_int_equal(totals.batch_next, 3);
    check_fine(w.store->ops->totals(w.reader, &w.arena, false, &totals));
    assert_int_equal(totals.events, 6);
    assert_int_equal(load_person(&w, 3, PERSON_EVENTS)->events.count, 0);
}

static const struct backend_test tests[] = {
    BACKEND_TEST(everything_saved_is_loaded_again),
    BACKEND_TEST(only_the_parts_asked_for_are_loaded),
    BACKEND_TEST(one_load_gives_one_person_for_all_its_keys),
    BACKEND_TEST(changed_rows_are_updated_and_gone_ones_deleted),
    BACKEND_TEST(rows_of_the_outbox_go_but_for_those_that_wait),
    BACKEND_TEST(an_identifier_may_go_from_one_profile_to_another_in_one_commit),
    BACKEND_TEST(the_day_an_identifier_was_seen_is_kept),
    BACKEND_TEST(groups_are_loaded_whole_from_any_member),
    BACKEND_TEST(an_undone_merge_parts_the_group_and_stays_with_its_left_side),
    BACKEND_TEST(events_are_listed_newest_first_in_pages),
    BACKEND_TEST(a_load_may_limit_events),
    BACKEND_TEST(events_may_go_from_anywhere_in_a_list),
    BACKEND_TEST(numbers_are_not_given_again_when_the_newest_rows_are_gone),
};

int main(void) { return run_over_backends("store_suite", &w, tests, COUNT_OF(tests)); }
