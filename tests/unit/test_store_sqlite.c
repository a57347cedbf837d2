/* What only a store with a file has to stand: kills, full disks, damage, folding, copying, readers beside the writer. */
#include "store_world.h"

#include "store/debug/debug.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct world w;

static int open_debug(void **state)
{
    (void)state;
    store_debug_files();
    world_open(&w, BACKEND_DEBUG);
    return 0;
}

static int close_debug(void **state)
{
    (void)state;
    static const char *const points[] = {"disk_full", "exit_in_sync", "exit_in_write", "sync"};
    for (size_t i = 0; i < COUNT_OF(points); i++)
        store_debug_disarm(w.store, str_of(points[i]));
    world_close(&w);
    return 0;
}

/* --- saves that fail */

static void save_fails_at(const char *point, uint64_t skip, bool *ret_failed)
{
    struct person *before = load_person(&w, 1, PERSON_ALL);
    struct batch *batch = batch_new(&w);
    struct person *person = load_person(&w, 1, PERSON_ALL);
    batch_add(batch, person);
    uint64_t event_next = w.event_next, outbox_next = w.outbox_next;
    person->profiles.items[0].change = CHANGE_SET;
    person->profiles.items[0].sealed = str_printf(&w.arena, "year %llu", (unsigned long long)person->profiles.items[0].version);
    if (person->events.count > 3)
        person->events.items[1].change = CHANGE_GONE;
    event_new(&w, person, 1, 1 + skip % 60, 0); /* new sets, too */
    delivery_new(&w, person, 1, "desk");
    assert_true(store_debug_arm(w.store, str_of(point), skip, 1));
    const struct err *err = save_batch(&w, batch);
    store_debug_disarm(w.store, str_of(point));
    *ret_failed = err != NULL;
    if (!err)
        return;
    assert_int_equal(err->code, ERR_UNAVAILABLE);
    assert_true(strlen(err->text) > 40); /* says what to do */
    same_person(load_person(&w, 1, PERSON_ALL), before);
    w.event_next = event_next;
    w.outbox_next = outbox_next;
}

static void a_save_that_fails_leaves_nothing_and_the_next_succeeds(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_rich(&w, batch, 1);
    save_fine(&w, batch);
    static const char *const points[] = {"disk_full", "sync", "save"};
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        bool failed = true;
        unsigned fails = 0;
        for (uint64_t skip = 0; failed; skip++, fails += failed) {
            assert_true(skip < 1000);
            save_fails_at(points[i], skip, &failed);
            if (failed && skip % 3 == 0) {
                bool again;
                save_fails_at(points[i], 1000000, &again);
                assert_false(again);
            }
        }
        assert_true(fails > 0);
    }
    struct person *last = load_person(&w, 1, PERSON_ALL);
    world_reopen(&w);
    struct person *reopened = load_person(&w, 1, PERSON_ALL);
    same_person(reopened, last);
}

static void housekeeping_that_fails_can_be_done_again(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    for (int i = 0; i < 30000; i++)
        event_new(&w, person, 1, 1, 0);
    save_fine(&w, batch);
    for (uint64_t skip = 0; skip < 12; skip++) {
        bool more;
        assert_true(store_debug_arm(w.store, skip % 2 ? STR("sync") : STR("disk_full"), skip / 2 * 7, 1));
        const struct err *err = w.store->ops->tidy(w.writer, &w.arena, &more);
        assert_true(!err || err->code == ERR_UNAVAILABLE);
        store_debug_disarm(w.store, STR("sync"));
        store_debug_disarm(w.store, STR("disk_full"));
    }
    tidy_all(&w);
    assert_int_equal(load_person(&w, 1, PERSON_EVENTS)->events.count, 30000);
}

/* --- kills */

/* Saves batches one after the other and tells each that is durable; ends where the armed point lies. */
static void child_run(int told, const char *point, uint64_t skip)
{
    struct store_totals totals;
    world_reopen(&w);
    check_fine(w.store->ops->totals(w.writer, &w.arena, true, &totals));
    w.batch_next = totals.batch_next;
    w.event_next = totals.event_next;
    (void)store_debug_arm(w.store, str_of(point), skip, 1);
    for (int i = 0; i < 200; i++) {
        struct batch *batch = batch_new(&w);
        for (uint64_t profile = 1; profile <= 3; profile++) {
            struct person *person = load_person(&w, profile, i % 5 ? PERSON_HEAD : PERSON_EVENTS);
            if (!person)
                person = person_new(&w, batch, profile);
            else
                batch_add(batch, person);
            if (person->events.count > 10)
                person->events.items[person->events.count / 2].change = CHANGE_GONE;
            event_new(&w, person, profile, (purpose_mask)i % 63 + 1, 0);
        }
        uint64_t number = w.batch_next;
        if (save_batch(&w, batch))
            _exit(3);
        if (write(told, &number, sizeof number) != sizeof number)
            _exit(4);
        bool more;
        if (w.store->ops->tidy(w.writer, &w.arena, &more))
            _exit(5);
    }
    _exit(0);
}

/* Every list holds exactly the profile's rows, in order; the counts are right. */
static void lists_are_sound(void)
{
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, false, &totals));
    uint64_t found = 0, events = 0;
    for (uint64_t profile = 1; profile <= 3; profile++) {
        struct person *person = load_person(&w, profile, PERSON_EVENTS);
        if (!person)
            continue;
        vec_each (event, &person->events) {
            assert_int_equal(event->profile.value, profile);
            assert_true(event == person->events.items || event->number.value > event[-1].number.value);
            assert_int_not_equal(event->parts[0].purposes, 0);
        }
        found += person->events.count;
    }
    for (uint64_t number = 1; number < totals.event_next; number++) {
        struct event event;
        bool there;
        check_fine(w.store->ops->event(w.reader, &w.arena, w.sets, number, &event, &there));
        events += there;
    }
    assert_int_equal(found, events);
    assert_int_equal(totals.events, events);
}

static void a_kill_at_any_instant_loses_nothing_that_was_told(void **state)
{
    (void)state;
    static const char *const points[] = {"exit_in_sync", "exit_in_write", "exit_after_save", "exit_before_save"};
    uint64_t last = 0;
    for (unsigned round = 0; round < 24; round++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            child_run(pipes[1], points[round % 4], round * 5 + round % 4);
        (void)close(pipes[1]);
        uint64_t number;
        while (read(pipes[0], &number, sizeof number) == sizeof number)
            last = number;
        (void)close(pipes[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
        world_reopen(&w);
        struct store_totals totals;
        check_fine(w.store->ops->totals(w.reader, &w.arena, true, &totals));
        assert_in_range(totals.batches, last, last + 1);
        assert_true(totals.event_next >= 1 + 3 * last);
        lists_are_sound();
    }
    assert_true(last > 100);
}

/* --- folding */

enum { MANY = 40000 };

/* `count` events, over MANY profiles in no order. */
static void events_many(unsigned count, unsigned seed)
{
    struct batch *batch = batch_new(&w);
    for (unsigned i = 0; i < count; i++) {
        uint64_t number = 1 + (uint64_t)(i + seed) * 7919 % MANY;
        struct person *person = arena_new(&w.arena, struct person);
        batch_add(batch, person);
        event_new(&w, person, number, 1, 0);
    }
    save_fine(&w, batch);
}

static void profiles_many(void)
{
    struct batch *batch = batch_new(&w);
    for (uint64_t i = 1; i <= MANY; i++)
        person_new(&w, batch, i);
    save_fine(&w, batch);
}

static void lists_have(uint64_t each)
{
    for (uint64_t profile = 1; profile <= MANY; profile += 997) {
        struct person *person = load_person(&w, profile, PERSON_EVENTS);
        assert_int_equal(person->events.count, each);
        vec_each (event, &person->events)
            assert_int_equal(event->profile.value, profile);
    }
}

static int64_t number_in_file(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(arena_printf(&w.arena, "%s/telos.db", w.directory), &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return number;
}

static void heads_are_folded_and_found_before_and_after(void **state)
{
    (void)state;
    profiles_many();
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned part = 0; part < MANY; part += 5000)
            events_many(5000, part);
        lists_have(round);
        if (round == 2) {
            bool more;
            check_fine(w.store->ops->tidy(w.writer, &w.arena, &more)); /* one step: a fold is under way */
            assert_true(more);
            world_reopen(&w);
            lists_have(round);
        }
        if (round != 1)
            tidy_all(&w);
        lists_have(round);
        world_reopen(&w);
        lists_have(round);
    }
    assert_int_equal(number_in_file("SELECT count(*) > 100 FROM chain_head"), 1);
    assert_int_equal(number_in_file("SELECT count(*) < 20 FROM journal"), 1); /* what was folded is gone */
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, true, &totals));
    assert_int_equal(totals.events, 3 * MANY);
}

/* --- the file */

static void two_writing_sessions_are_refused(void **state)
{
    (void)state;
    struct store_session *second;
    check_code(w.store->ops->session(w.store, &w.arena, true, &second), ERR_CONFLICT);
}

static void a_damaged_file_says_so(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    for (uint64_t i = 1; i < 300; i++)
        person_rich(&w, batch, i);
    save_fine(&w, batch);
    world_reopen(&w); /* all of it is in the file now */
    const char *path = arena_printf(&w.arena, "%s/telos.db", w.directory);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    off_t size = lseek(file, 0, SEEK_END);
    char junk[4096];
    memset(junk, 0x5A, sizeof junk);
    for (off_t at = 4096; at < size; at += 4096)
        assert_int_equal(pwrite(file, junk, sizeof junk, at), sizeof junk);
    (void)close(file);
    struct arena arena;
    arena_init(&arena);
    struct store *store = NULL;
    const struct err *err = store_sqlite_open(&arena, w.directory, &store);
    assert_non_null(err);
    assert_int_equal(err->code, ERR_INTERNAL);
    assert_non_null(strstr(err->text, "damaged"));
    arena_release(&arena);
}

static void a_file_of_a_newer_version_is_left_alone(void **state)
{
    (void)state;
    char directory[] = "/tmp/telos-store-XXXXXX";
    assert_non_null(mkdtemp(directory));
    char *path = arena_printf(&w.arena, "%s/telos.db", directory);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version=9999", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    struct store *store;
    check_code(store_sqlite_open(&w.arena, directory, &store), ERR_CONFLICT);
    assert_int_equal(remove(path), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void what_is_deleted_is_overwritten_in_the_file(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_rich(&w, batch, 1);
    person->events.items[0].parts[0].sealed = STR("needle-in-the-event");
    person->fact_pages.items[0].sealed = STR("needle-in-the-facts");
    save_fine(&w, batch);
    world_reopen(&w);
    person = load_person(&w, 1, PERSON_ALL);
    batch = batch_new(&w);
    batch_add(batch, person);
    person->events.items[0].change = person->fact_pages.items[0].change = CHANGE_GONE;
    save_fine(&w, batch);
    world_reopen(&w); /* the log is copied and gone */
    FILE *file = fopen(arena_printf(&w.arena, "%s/telos.db", w.directory), "rb");
    assert_non_null(file);
    static char bytes[4 * 1024 * 1024];
    size_t length = fread(bytes, 1, sizeof bytes, file);
    (void)fclose(file);
    assert_true(length > 4096 && length < sizeof bytes);
    assert_null(memmem(bytes, length, "needle-in", 9));
}

struct told {
    uint64_t done, all;
    unsigned times;
};
static void backup_told(void *context, uint64_t done, uint64_t all)
{
    struct told *told = context;
    assert_true(done <= all && done >= told->done);
    *told = (struct told){done, all, told->times + 1};
}

static void a_copy_is_made_while_others_write(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_rich(&w, batch, 1);
    for (int i = 0; i < 20000; i++)
        event_new(&w, person, 1, 1, 0);
    save_fine(&w, batch);
    const char *copy = arena_printf(&w.arena, "%s/copy", w.directory);
    pid_t child = fork(); /* another process writes meanwhile: a copy that starts anew at each change would not end */
    assert_true(child >= 0);
    if (child == 0) {
        world_reopen(&w);
        for (int i = 0; i < 400; i++) {
            batch = batch_new(&w);
            event_new(&w, person_new(&w, batch, 2 + (uint64_t)i), 2 + (uint64_t)i, 1, 0);
            if (save_batch(&w, batch))
                _exit(1);
        }
        _exit(0);
    }
    struct told told = {0};
    check_fine(w.store->ops->backup(w.reader, &w.arena, copy, backup_told, &told));
    assert_true(told.times > 0 && told.done == told.all && told.all % 4096 == 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    check_code(w.store->ops->backup(w.reader, &w.arena, copy, NULL, NULL), ERR_CONFLICT);
    struct store *store;
    struct store_session *session;
    check_fine(store_sqlite_open(&w.arena, copy, &store));
    check_fine(store->ops->session(store, &w.arena, false, &session));
    profile_no number = {1};
    struct load load = {.arena = &w.arena, .sets = w.sets, .profiles = &number, .profile_count = 1, .parts = PERSON_ALL, .events_from_ms = INT64_MIN};
    check_fine(store->ops->load(session, &load));
    same_person(load.by_profile[0], person);
    store->ops->session_close(session);
    store->ops->close(store);
}

/* --- readers beside the writer */

static _Atomic uint64_t told; /* events that are durable */
static _Atomic bool writing_ended;

static void *write_on(void *unused)
{
    (void)unused;
    for (int i = 0; i < 300; i++) {
        struct batch *batch = batch_new(&w);
        struct person *person = arena_new(&w.arena, struct person);
        batch_add(batch, person);
        for (int k = 0; k < 20; k++)
            event_new(&w, person, 1, (purpose_mask)(i % 63 + 1), 0);
        if (save_batch(&w, batch))
            break;
        told = w.event_next - 1;
    }
    writing_ended = true;
    return NULL;
}

static void a_reader_sees_whole_lists_while_the_writer_goes_on(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_new(&w, batch, 1);
    save_fine(&w, batch);
    told = 0;
    writing_ended = false;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_on, NULL), 0);
    struct arena arena;
    arena_init(&arena);
    struct purpose_sets *sets = purpose_sets_new(); /* of another policy: it must learn sets as they come */
    const str names[] = {STR("f"), STR("e"), STR("d"), STR("c"), STR("b"), STR("a")};
    purpose_sets_bind(sets, names, COUNT_OF(names));
    while (!writing_ended) {
        uint64_t least = told;
        struct event *events;
        size_t count;
        arena_clear(&arena);
        profile_no number = {1};
        check_fine(w.store->ops->events(w.reader, &arena, sets, &number, 1, 0, SIZE_MAX, &events, &count));
        assert_true(count >= least && count % 20 == 0);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(events[i].number.value, count - i);
            assert_int_not_equal(events[i].parts[0].purposes, 0);
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(told, 6000);
    purpose_sets_free(sets);
    arena_release(&arena);
}

/* Each commit brings one event and its delivery: whoever sees the one sees the other. */
static void *deliver_on(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++) {
        struct batch *batch = batch_new(&w);
        struct person *person = arena_new(&w.arena, struct person);
        batch_add(batch, person);
        struct event *event = event_new(&w, person, 1, 1, 0);
        event_no number = event->number;
        delivery_new(&w, person, 1, "desk")->event = number;
        if (i > 0) { /* the one before is sent */
            struct delivery *sent = vec_push(&w.arena, &person->deliveries);
            *sent = person->deliveries.items[0];
            sent->number--;
            sent->state = DELIVERY_DELIVERED;
            sent->change = CHANGE_SET;
        }
        if (save_batch(&w, batch))
            break;
        told = w.event_next - 1;
    }
    writing_ended = true;
    return NULL;
}

static void a_reader_never_sees_a_delivery_without_its_event(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_new(&w, batch, 1);
    save_fine(&w, batch);
    told = 0;
    writing_ended = false;
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, deliver_on, NULL), 0);
    struct arena arena;
    arena_init(&arena);
    unsigned torn = 0;
    while (!writing_ended) {
        profile_no number = {1};
        arena_clear(&arena);
        struct load load = {.arena = &arena, .sets = w.sets, .profiles = &number, .profile_count = 1, .parts = PERSON_EVENTS | PERSON_OUTBOX,
                            .events_from_ms = INT64_MIN, .events_max = 2};
        check_fine(w.store->ops->load(w.reader, &load));
        const struct person *person = load.by_profile[0];
        vec_each (delivery, &person->deliveries) {
            bool there = delivery->event.value == 0;
            vec_each (event, &person->events)
                there = there || event->number.value == delivery->event.value;
            torn += !there;
        }
    }
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(told, 1000);
    assert_int_equal(torn, 0);
    arena_release(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_debug, close_debug)
    const struct CMUnitTest tests[] = {
        TEST(a_save_that_fails_leaves_nothing_and_the_next_succeeds),
        TEST(housekeeping_that_fails_can_be_done_again),
        TEST(a_kill_at_any_instant_loses_nothing_that_was_told),
        TEST(heads_are_folded_and_found_before_and_after),
        TEST(two_writing_sessions_are_refused),
        TEST(a_damaged_file_says_so),
        TEST(a_file_of_a_newer_version_is_left_alone),
        TEST(what_is_deleted_is_overwritten_in_the_file),
        TEST(a_copy_is_made_while_others_write),
        TEST(a_reader_sees_whole_lists_while_the_writer_goes_on),
        TEST(a_reader_never_sees_a_delivery_without_its_event),
    };
    return cmocka_run_group_tests_name("store_sqlite", tests, NULL, NULL);
}
