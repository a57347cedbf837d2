/* Bad days: the store fails, the process is killed, the queue is full. Nothing acknowledged is lost, nothing is applied twice, and it recovers alone. */
#include "engine_world.h"

#include "engine/engine_private.h"
#include "store/debug/debug.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void begin(struct world *world)
{
    *world = (struct world){.debug_door = true};
    world_begin(world);
    world_state(world, "user_id:u1", "newsletter", CONSENT_GIVEN);
}

static bool wait_storing(struct engine *engine, bool wanted)
{
    for (int i = 0; i < 500; i++) {
        struct engine_metrics metrics;
        engine_metrics(engine, &metrics);
        if (metrics.storing == wanted)
            return true;
        usleep(10000);
    }
    return false;
}

static const char seen[] = "{'userId':'u1','event':'Seen','properties':{'colour':'red'},'messageId':'m%d'}";

static void failing_at(const char *point)
{
    struct world world;
    begin(&world);
    char text[128];
    snprintf(text, sizeof text, seen, 1);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", text), OUTCOME_ACCEPTED);
    uint64_t leaves = ledger_size(world.engine->ledger);
    assert_true(store_debug_arm(world.engine->store, str_of(point), 0, UINT64_MAX));
    snprintf(text, sizeof text, seen, 2);
    check_code(world_try(&world, EVENT_TRACK, "till", text), ERR_UNAVAILABLE);
    assert_true(wait_storing(world.engine, false));
    check_code(world_try(&world, EVENT_TRACK, "till", text), ERR_UNAVAILABLE); /* refused at the door */
    assert_int_equal(world_events(&world, "user_id:u1"), 1); /* reading goes on */
    store_debug_disarm(world.engine->store, str_of(point));
    assert_true(wait_storing(world.engine, true)); /* by itself */
    assert_int_equal(ledger_size(world.engine->ledger), leaves);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", text), OUTCOME_ACCEPTED); /* not a duplicate: it was never stored */
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", text), OUTCOME_DUPLICATE);
    assert_int_equal(world_events(&world, "user_id:u1"), 2);
    world_reopen(&world);
    assert_int_equal(world_events(&world, "user_id:u1"), 2);
    world_end(&world);
}

static void a_failing_save_is_503_and_loses_nothing(void **state) { (void)state; failing_at("save"); }
static void a_full_disk_is_503_and_loses_nothing(void **state) { (void)state; failing_at("disk_full"); }
static void a_failing_fsync_is_503_and_loses_nothing(void **state) { (void)state; failing_at("sync"); }

static void a_failing_load_fails_once(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    char text[128];
    snprintf(text, sizeof text, seen, 1);
    world_reopen(&world);
    check_fine(engine_debug_fail(world.engine, &world.arena, STR("load"), 1));
    const struct err *error = world_try(&world, EVENT_TRACK, "till", text);
    assert_non_null(error);
    assert_true(wait_storing(world.engine, true));
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", text), OUTCOME_ACCEPTED);
    world_end(&world);
}

/* Runs `act` in a child that is killed by the fault point, or that ends by itself without closing. */
static void child(struct world *world, const char *point, void (*act)(struct world *world))
{
    world_close(world);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        world_open(world);
        if (point)
            store_debug_arm(world->engine->store, str_of(point), 0, UINT64_MAX);
        act(world);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    world_open(world);
}

static void send_three(struct world *world)
{
    char text[128];
    for (int i = 1; i <= 3; i++) {
        snprintf(text, sizeof text, seen, i);
        const struct err *error = world_try(world, EVENT_TRACK, "till", text);
        (void)error; /* the process may be gone before it is answered */
    }
}

static void a_kill_before_a_commit_leaves_nothing_of_it(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    child(&world, "exit_before_save", send_three);
    assert_int_equal(world_events(&world, "user_id:u1"), 0);
    char text[128];
    snprintf(text, sizeof text, seen, 1);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", text), OUTCOME_ACCEPTED);
    world_end(&world);
}

static void a_kill_after_a_commit_applies_nothing_twice(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    child(&world, "exit_after_save", send_three);
    assert_int_equal(world_events(&world, "user_id:u1"), 1);
    char text[128];
    snprintf(text, sizeof text, seen, 1);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", text), OUTCOME_DUPLICATE);
    assert_int_equal(world_events(&world, "user_id:u1"), 1);
    world_end(&world);
}

static void withdraw(struct world *world) { world_state(world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN); }

static void a_kill_between_save_and_key_destruction_is_finished_at_start(void **state)
{
    struct world world;
    (void)state;
    uint8_t before[32], after[32];
    begin(&world);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}"), OUTCOME_ACCEPTED);
    profile_no root = world_person(&world, "user_id:u1", PERSON_HEAD)->root;
    assert_int_equal(vault_key(engine_vault(world.engine), root, KEY_CONSENT, before), VAULT_LIVE);
    child(&world, "exit_after_save", withdraw);
    assert_int_equal(vault_key(engine_vault(world.engine), root, KEY_CONSENT, after), VAULT_LIVE);
    assert_memory_not_equal(before, after, sizeof before); /* the key that opened it is gone, another took its place */
    assert_int_equal(world_events(&world, "user_id:u1"), 0);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'blue'}}"), OUTCOME_ACCEPTED);
    world_reopen(&world); /* the setting is gone: nothing is destroyed twice */
    assert_int_equal(world_events(&world, "user_id:u1"), 1);
    world_end(&world);
}

static void record_reads(struct world *world)
{
    struct person *person = world_person(world, "user_id:u1", PERSON_HEAD);
    for (int i = 0; i < 100; i++)
        engine_record_read(world->engine, (struct uuid){{1}}, person->root, STR("newsletter"), "profile");
}

static void recorded_reads_survive_a_kill(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    child(&world, NULL, record_reads);
    profile_no root = world_person(&world, "user_id:u1", PERSON_HEAD)->root;
    world_reopen(&world);
    struct read_row *rows = NULL;
    size_t count = 0;
    check_fine(engine_store(world.engine)->reads(reader_session(world.reader), &world.arena, &root, 1, 0, 1000, &rows, &count));
    assert_int_equal(count, 100);
    world_reopen(&world);
    check_fine(engine_store(world.engine)->reads(reader_session(world.reader), &world.arena, &root, 1, 0, 1000, &rows, &count));
    assert_int_equal(count, 100);
    world_end(&world);
}

static _Atomic int answered;
static void on_done(struct work *work)
{
    assert_null(work->error);
    answered++;
}

static void a_full_queue_says_so_and_keeps_what_it_has(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    answered = 0;
    check_fine(engine_debug_pause(world.engine, &world.arena, true));
    enum { WORKS = 8 };
    struct work works[WORKS + 1];
    struct json body;
    str text = world_json(&world, "{'userId':'u1','event':'Seen'}");
    check_fine(json_read(&world.arena, text, &body));
    int accepted = 0;
    for (int i = 0; i <= WORKS; i++) {
        struct collected *collected = arena_new(&world.arena, struct collected);
        *collected = (struct collected){.body = &body, .text = text, .path_type = EVENT_TRACK, .sent_ms = TIME_NONE};
        works[i] = (struct work){.arena = &world.arena, .source = STR("till"), .messages = collected, .message_count = 1,
                                 .bytes = LIMIT_QUEUE_BYTES / WORKS, .done = on_done};
        const struct err *error = engine_submit(world.engine, &works[i]);
        if (error)
            check_code(error, ERR_TOO_MANY);
        else
            accepted++;
    }
    assert_true(accepted >= WORKS - 1 && accepted <= WORKS);
    assert_int_equal(answered, 0);
    check_fine(engine_debug_pause(world.engine, &world.arena, false));
    for (int i = 0; i < 500 && answered < accepted; i++)
        usleep(10000);
    assert_int_equal(answered, accepted);
    for (int i = 0; i <= WORKS; i++)
        engine_work_release(world.engine, &works[i]);
    assert_int_equal(world_events(&world, "user_id:u1"), (size_t)accepted);
    world_end(&world);
}

static void closing_finishes_what_is_queued(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    answered = 0;
    check_fine(engine_debug_pause(world.engine, &world.arena, true));
    struct work works[20];
    struct json body;
    str text = world_json(&world, "{'userId':'u1','event':'Seen'}");
    check_fine(json_read(&world.arena, text, &body));
    struct collected collected = {.body = &body, .text = text, .path_type = EVENT_TRACK, .sent_ms = TIME_NONE};
    for (int i = 0; i < 20; i++) {
        works[i] = (struct work){.arena = &world.arena, .source = STR("till"), .messages = &collected, .message_count = 1, .done = on_done};
        check_fine(engine_submit(world.engine, &works[i]));
    }
    struct engine *engine = world.engine;
    engine_reader_close(world.reader);
    world.reader = NULL;
    writer_stop(engine);
    assert_int_equal(answered, 20);
    for (int i = 0; i < 20; i++)
        engine_work_release(engine, &works[i]);
    engine_close(engine);
    world_open(&world);
    assert_int_equal(world_events(&world, "user_id:u1"), 20);
    world_end(&world);
}

/* ---- many at once ---- */

struct crowd {
    struct world *world;
    int number;
};
static void *crowd_run(void *context)
{
    struct crowd *crowd = context;
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < 60; i++) {
        arena_clear(&arena);
        struct json body;
        str text = i % 10 == 3
                       ? str_printf(&arena, "{\"userId\":\"u%d\",\"type\":\"identify\",\"traits\":{\"name\":\"N%d\"},\"messageId\":\"%d-%d\"}", i % 7, i,
                                    crowd->number, i)
                       : str_printf(&arena, "{\"userId\":\"u%d\",\"type\":\"track\",\"event\":\"E\",\"properties\":{\"total\":%d},\"messageId\":\"%d-%d\"}",
                                    i % 7, i, crowd->number, i);
        if (json_read(&arena, text, &body))
            abort();
        struct collected collected = {.body = &body, .text = text, .path_type = EVENT_TYPE_COUNT, .sent_ms = TIME_NONE};
        struct work work = {.arena = &arena, .source = STR("till"), .messages = &collected, .message_count = 1};
        if (engine_do(crowd->world->engine, &work) || work.requests[0].result.outcome > OUTCOME_TRIMMED)
            abort();
        engine_work_release(crowd->world->engine, &work);
        if (i == 30 && crowd->number == 0) { /* a policy is switched under way */
            char *policy = str_z(&arena, str_of(world_policy));
            *strstr(policy, "Test Kft.") = 'B';
            world_apply(crowd->world, policy);
        }
    }
    arena_release(&arena);
    return NULL;
}

static void many_threads_lose_nothing_while_a_policy_is_switched(void **state)
{
    struct world world;
    (void)state;
    enum { CROWD = 6 };
    pthread_t threads[CROWD];
    struct crowd crowds[CROWD];
    world = (struct world){.background = true};
    world_begin(&world);
    for (int i = 0; i < 7; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "user_id:u%d", i);
        world_state(&world, subject, "newsletter", CONSENT_GIVEN);
    }
    for (int i = 0; i < CROWD; i++) {
        crowds[i] = (struct crowd){&world, i};
        pthread_create(&threads[i], NULL, crowd_run, &crowds[i]);
    }
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    world_reopen(&world);
    size_t events = 0;
    for (int i = 0; i < 7; i++) {
        char subject[32];
        snprintf(subject, sizeof subject, "user_id:u%d", i);
        events += world_events(&world, subject);
    }
    assert_int_equal(events, CROWD * 60);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_save_is_503_and_loses_nothing),
        cmocka_unit_test(a_full_disk_is_503_and_loses_nothing),
        cmocka_unit_test(a_failing_fsync_is_503_and_loses_nothing),
        cmocka_unit_test(a_failing_load_fails_once),
        cmocka_unit_test(a_kill_before_a_commit_leaves_nothing_of_it),
        cmocka_unit_test(a_kill_after_a_commit_applies_nothing_twice),
        cmocka_unit_test(a_kill_between_save_and_key_destruction_is_finished_at_start),
        cmocka_unit_test(recorded_reads_survive_a_kill),
        cmocka_unit_test(a_full_queue_says_so_and_keeps_what_it_has),
        cmocka_unit_test(closing_finishes_what_is_queued),
        cmocka_unit_test(many_threads_lose_nothing_while_a_policy_is_switched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
