/* The engine from end to end: collecting, stating, reading, sending, and what a restart must not lose. */
#include "engine_world.h"

#include "engine/engine_private.h"

#include <stdio.h>
#include <unistd.h>

static void a_profile_survives_reopening(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    assert_int_equal(world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'email':'Anna@Example.hu','name':'Anna'},'messageId':'m1'}"),
                     OUTCOME_ACCEPTED);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'red'},'messageId':'m2'}"),
                     OUTCOME_ACCEPTED);
    check_str(world_trait(&world, "email:anna@example.hu", "name"), "\"Anna\"");
    assert_int_equal(world_events(&world, "user_id:u1"), 2);
    world_reopen(&world);
    check_str(world_trait(&world, "email:anna@example.hu", "name"), "\"Anna\"");
    check_str(world_trait(&world, "user_id:u1", "email"), "\"Anna@Example.hu\"");
    assert_int_equal(world_events(&world, "user_id:u1"), 2);
    world_end(&world);
}

static void a_message_is_applied_once_also_across_a_restart(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    const char *message = "{'userId':'u1','event':'Seen','properties':{'colour':'red'},'messageId':'m2'}";
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", message), OUTCOME_ACCEPTED);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", message), OUTCOME_DUPLICATE);
    assert_int_equal(world_send(&world, EVENT_TRACK, "web", message), OUTCOME_ACCEPTED); /* another source's ids are its own */
    world_reopen(&world);
    assert_int_equal(world_send(&world, EVENT_TRACK, "till", message), OUTCOME_DUPLICATE);
    assert_int_equal(world_events(&world, "user_id:u1"), 2);
    world_end(&world);
}

static void a_withdrawal_erases_what_rested_on_it_alone(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u1", "fulfilment", CONSENT_OPENED);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'email':'a@b.hu','name':'Anna','hobby':'chess'}}");
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'red','total':3}}");
    check_str(world_trait(&world, "user_id:u1", "hobby"), "\"chess\"");
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    check_str(world_trait(&world, "user_id:u1", "hobby"), "");
    check_str(world_trait(&world, "user_id:u1", "name"), "\"Anna\"");
    assert_non_null(world_person(&world, "email:a@b.hu", PERSON_HEAD));
    world_reopen(&world);
    check_str(world_trait(&world, "user_id:u1", "hobby"), "");
    check_str(world_trait(&world, "user_id:u1", "name"), "\"Anna\"");
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'name':'Anna B.'}}");
    check_str(world_trait(&world, "user_id:u1", "name"), "\"Anna B.\"");
    world_end(&world);
}

static void a_held_message_waits_for_its_consent(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u9", "statistics", CONSENT_OBJECTED);
    assert_int_equal(world_send(&world, EVENT_TRACK, "web", "{'userId':'u9','event':'Seen','properties':{'colour':'red'}}"), OUTCOME_HELD);
    assert_int_equal(world_events(&world, "user_id:u9"), 0);
    world_reopen(&world);
    world_state(&world, "user_id:u9", "newsletter", CONSENT_GIVEN);
    assert_int_equal(world_events(&world, "user_id:u9"), 1);
    world_end(&world);
}

static void an_erased_person_stays_erased(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'name':'Anna'}}");
    const struct policy *policy = engine_policy(world.engine);
    struct request request = {.kind = REQUEST_ERASE};
    check_fine(identity_parse_subject(&world.arena, policy, STR("user_id:u1"), &request.subject));
    struct work work = {.arena = &world.arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(world.engine, &work));
    assert_true(request.found);
    engine_work_release(world.engine, &work);
    engine_policy_release(world.engine, policy);
    check_str(world_trait(&world, "user_id:u1", "name"), "");
    world_reopen(&world);
    check_str(world_trait(&world, "user_id:u1", "name"), "");
    assert_int_not_equal(world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'name':'Anna'}}"), OUTCOME_ACCEPTED);
    check_str(world_trait(&world, "user_id:u1", "name"), "");
    world_end(&world);
}

static void a_delivery_is_made_through_the_gate_and_recalled_after_a_withdrawal(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'red','total':9}}");
    struct delivery *rows = NULL;
    size_t count = 0;
    check_fine(engine_outbox(world.reader, &world.arena, STR("mailer"), 0, 10, &rows, &count));
    assert_int_equal(count, 1);
    const struct policy *policy = engine_policy(world.engine);
    str body, reason;
    int64_t from_ms;
    check_fine(engine_delivery_body(world.reader, &world.arena, policy, &rows[0], &body, &reason, &from_ms));
    check_str(reason, "");
    assert_true(str_find(body, STR("\"colour\":\"red\"")) > 0);
    assert_true(str_find(body, STR("total")) < 0); /* a purchase: not a category of this destination */
    struct delivery_outcome outcome = {.result = {.number = rows[0].number, .state = DELIVERY_DELIVERED, .attempts = 1, .next_ms = TIME_NONE,
                                                  .done_ms = clock_now_ms()}, .disclosed = true, .delivery = &rows[0]};
    check_fine(engine_delivered(world.engine, &world.arena, &outcome, 1));
    check_fine(engine_outbox(world.reader, &world.arena, STR("mailer"), 0, 10, &rows, &count));
    assert_int_equal(count, 0);
    engine_policy_release(world.engine, policy);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    world_reopen(&world);
    check_fine(engine_outbox(world.reader, &world.arena, STR("mailer"), 0, 10, &rows, &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].kind, DELIVERY_RECALL);
    const struct policy *again = engine_policy(world.engine);
    check_fine(engine_delivery_body(world.reader, &world.arena, again, &rows[0], &body, &reason, &from_ms));
    assert_true(str_find(body, STR("\"type\":\"recall\"")) > 0);
    assert_true(str_find(body, STR("\"value\":\"u1\"")) > 0);
    outcome = (struct delivery_outcome){.result = {.number = rows[0].number, .state = DELIVERY_DELIVERED, .attempts = 1, .next_ms = TIME_NONE,
                                                   .done_ms = clock_now_ms()}, .delivery = &rows[0]};
    check_fine(engine_delivered(world.engine, &world.arena, &outcome, 1));
    check_fine(engine_delivery_body(world.reader, &world.arena, again, &rows[0], &body, &reason, &from_ms));
    check_str(reason, "recall_unreadable"); /* its key went when it was confirmed */
    engine_policy_release(world.engine, again);
    world_end(&world);
}

static void settle(struct world *world, const struct delivery *row, enum delivery_state state, int64_t next_ms)
{
    struct delivery_outcome outcome = {.delivery = row, .result = {.number = row->number, .state = state, .attempts = row->attempts + 1, .next_ms = next_ms,
                                                                   .done_ms = state == DELIVERY_PENDING ? TIME_NONE : clock_now_ms(), .reason = STR("http_500")}};
    check_fine(engine_delivered(world->engine, &world->arena, &outcome, 1));
}

static size_t due(struct world *world, struct delivery **ret_rows)
{
    size_t count = 0;
    check_fine(engine_outbox(world->reader, &world->arena, STR("mailer"), 0, 10, ret_rows, &count));
    return count;
}

static void deliveries_keep_the_order_of_their_person_and_dead_ones_come_again(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u2", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'First'}");
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Second'}");
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u2','event':'Other'}");
    struct delivery *rows = NULL;
    assert_int_equal(due(&world, &rows), 2);
    struct delivery first = rows[0], other = rows[1];
    assert_true(first.profile.value != other.profile.value);
    settle(&world, &first, DELIVERY_PENDING, clock_now_ms() + HOUR_MS);
    assert_int_equal(due(&world, &rows), 1); /* the second of the first person waits for its first */
    assert_int_equal(rows[0].number, other.number);
    settle(&world, &other, DELIVERY_DELIVERED, TIME_NONE);
    settle(&world, &first, DELIVERY_DEAD, TIME_NONE);
    world_reopen(&world);
    assert_int_equal(due(&world, &rows), 1);
    assert_true(rows[0].number > first.number && profile_no_equal(rows[0].profile, first.profile));
    settle(&world, &rows[0], DELIVERY_DELIVERED, TIME_NONE);
    uint64_t count = 0;
    check_code(engine_replay(world.engine, world.reader, &world.arena, STR("mailer"), other.id, TIME_NONE, &count), ERR_CONFLICT);
    check_fine(engine_replay(world.engine, world.reader, &world.arena, STR("mailer"), (struct uuid){{0}}, TIME_NONE, &count));
    assert_int_equal(count, 1);
    assert_int_equal(due(&world, &rows), 1);
    assert_int_equal(rows[0].number, first.number);
    world_end(&world);
}

static bool listed(struct world *world, struct uuid id)
{
    struct delivery row = {0};
    bool found = false;
    check_fine(engine_store(world->engine)->delivery(reader_session(world->reader), &world->arena, id, &row, &found));
    return found;
}

static void what_has_ended_leaves_the_outbox_when_its_time_is_over(void **state)
{
    struct world world = {0};
    struct delivery rows[5], *row = NULL;
    uint64_t count = 0;
    (void)state;
    world_begin(&world);
    for (int i = 0; i < 5; i++) {
        char subject[32], text[96];
        snprintf(subject, sizeof subject, "user_id:u%d", i);
        world_state(&world, subject, "newsletter", CONSENT_GIVEN);
        snprintf(text, sizeof text, "{'userId':'u%d','event':'Seen'}", i);
        world_send(&world, EVENT_TRACK, "till", text);
    }
    assert_int_equal(due(&world, &row), 5);
    memcpy(rows, row, sizeof rows);
    settle(&world, &rows[0], DELIVERY_DELIVERED, TIME_NONE);
    settle(&world, &rows[1], DELIVERY_DEAD, TIME_NONE);
    settle(&world, &rows[2], DELIVERY_CANCELLED, TIME_NONE);
    settle(&world, &rows[3], DELIVERY_PENDING, clock_now_ms() + HOUR_MS);
    struct delivery_outcome outcome = {.delivery = &rows[4], .disclosed = true, .result = {.number = rows[4].number, .state = DELIVERY_DELIVERED,
                                       .attempts = 1, .next_ms = TIME_NONE, .done_ms = clock_now_ms()}};
    check_fine(engine_delivered(world.engine, &world.arena, &outcome, 1));
    world_state(&world, "user_id:u4", "newsletter", CONSENT_WITHDRAWN);
    assert_int_equal(due(&world, &row), 1);
    assert_int_equal(row->kind, DELIVERY_RECALL);
    struct delivery recall = *row;
    settle(&world, &recall, DELIVERY_DELIVERED, TIME_NONE);

    int64_t now_ms = clock_now_ms();
    check_fine(engine_sweep(world.engine, now_ms + 29 * DAY_MS, &count));
    for (int i = 0; i < 5; i++)
        assert_true(listed(&world, rows[i].id));
    check_fine(engine_sweep(world.engine, now_ms + 31 * DAY_MS, &count));
    assert_false(listed(&world, rows[0].id));
    assert_true(listed(&world, rows[1].id)); /* a dead letter can be replayed for longer */
    assert_false(listed(&world, rows[2].id));
    assert_true(listed(&world, rows[3].id));
    assert_false(listed(&world, rows[4].id));
    check_fine(engine_sweep(world.engine, now_ms + 91 * DAY_MS, &count));
    assert_false(listed(&world, rows[1].id));
    assert_true(listed(&world, rows[3].id)); /* what waits never goes */
    assert_true(listed(&world, recall.id)); /* that the recipient was told is evidence */
    struct engine_metrics metrics;
    engine_metrics(world.engine, &metrics);
    assert_int_equal(metrics.deliveries_removed, 4);
    world_reopen(&world);
    assert_int_equal(due(&world, &row), 0); /* the recipient is not told twice */
    world_end(&world);
}

static void what_goes_out_during_a_withdrawal_is_recalled_too(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'First'}");
    struct delivery *rows = NULL;
    assert_int_equal(due(&world, &rows), 1);
    struct delivery under_way = rows[0];
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    assert_int_equal(due(&world, &rows), 0); /* nothing was sent, as far as is known: no recall */
    struct delivery_outcome outcome = {.delivery = &under_way, .disclosed = true, .result = {.number = under_way.number, .state = DELIVERY_DELIVERED,
                                       .attempts = 1, .next_ms = TIME_NONE, .done_ms = clock_now_ms()}};
    check_fine(engine_delivered(world.engine, &world.arena, &outcome, 1));
    struct delivery row = {0};
    bool found = false;
    check_fine(engine_store(world.engine)->delivery(reader_session(world.reader), &world.arena, under_way.id, &row, &found));
    assert_true(found);
    assert_int_equal(row.state, DELIVERY_CANCELLED);
    world_reopen(&world); /* it is not forgotten by a restart */
    uint64_t count = 0;
    check_fine(engine_sweep(world.engine, clock_now_ms(), &count));
    assert_int_equal(due(&world, &rows), 1);
    assert_int_equal(rows[0].kind, DELIVERY_RECALL);
    check_fine(engine_sweep(world.engine, clock_now_ms(), &count));
    assert_int_equal(due(&world, &rows), 1);
    world_end(&world);
}

struct told { /* what a sender reports, from a thread of its own */
    struct world *world;
    const struct delivery_outcome *outcome;
    struct arena arena;
};
static void *outcome_told(void *context)
{
    struct told *told = context;
    check_fine(engine_delivered(told->world->engine, &told->arena, told->outcome, 1));
    return NULL;
}
static void *withdrawal_said(void *context)
{
    world_state(context, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    return NULL;
}

static void tickets_pause(struct engine *engine, bool paused)
{
    pthread_mutex_lock(&engine->submit_lock);
    engine->paused = paused;
    pthread_cond_signal(&engine->submitted);
    pthread_mutex_unlock(&engine->submit_lock);
}

static void tickets_await(struct engine *engine, size_t count)
{
    for (size_t waiting = 0; waiting < count;) {
        waiting = 0;
        pthread_mutex_lock(&engine->submit_lock);
        for (const struct ticket *ticket = engine->first; ticket; ticket = ticket->next)
            waiting++;
        pthread_mutex_unlock(&engine->submit_lock);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
}

/* The withdrawal was worked out when nobody knew yet that the delivery had gone out: what joins its commit must not pass it by. */
static void what_went_out_is_recalled_when_it_is_told_in_the_commit_of_the_withdrawal(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct world world = {0};
        pthread_t threads[2];
        world_begin(&world);
        world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
        world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'First'}");
        struct delivery *rows = NULL;
        assert_int_equal(due(&world, &rows), 1);
        struct delivery under_way = rows[0], row = {0};
        struct delivery_outcome outcome = {.delivery = &under_way, .disclosed = true, .result = {.number = under_way.number, .state = DELIVERY_DELIVERED,
                                           .attempts = 1, .next_ms = TIME_NONE, .done_ms = clock_now_ms()}};
        struct told told = {.world = &world, .outcome = &outcome};
        arena_init(&told.arena);
        tickets_pause(world.engine, true);
        for (int i = 0; i < 2; i++) {
            bool outcome_now = i == first;
            assert_int_equal(pthread_create(&threads[i], NULL, outcome_now ? outcome_told : withdrawal_said, outcome_now ? (void *)&told : &world), 0);
            tickets_await(world.engine, (size_t)i + 1);
        }
        tickets_pause(world.engine, false);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
        bool found = false;
        check_fine(engine_store(world.engine)->delivery(reader_session(world.reader), &world.arena, under_way.id, &row, &found));
        assert_true(found);
        assert_int_equal(row.state, DELIVERY_CANCELLED); /* as where the withdrawal came first */
        uint64_t count = 0;
        check_fine(engine_sweep(world.engine, clock_now_ms(), &count));
        assert_int_equal(due(&world, &rows), 1);
        assert_int_equal(rows[0].kind, DELIVERY_RECALL);
        arena_release(&told.arena);
        world_end(&world);
    }
}

static void tokens_and_write_keys_open_what_they_are_for(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    struct uuid id, source_id;
    str token, key, source;
    struct principal principal;
    bool found;
    check_code(engine_token_create(world.engine, &world.arena, ROLE_AGENT, STR("nothing"), STR("x"), TIME_FOREVER, &id, &token), ERR_INVALID);
    check_fine(engine_token_create(world.engine, &world.arena, ROLE_AGENT, STR("newsletter"), STR("desk"), TIME_FOREVER, &id, &token));
    check_fine(engine_token_create(world.engine, &world.arena, ROLE_SOURCE, STR("web"), STR(""), TIME_FOREVER, &source_id, &key));
    for (int round = 0; round < 2; round++) {
        const struct policy *policy = engine_policy(world.engine);
        assert_true(engine_authenticate(world.engine, &world.arena, policy, token, &principal));
        assert_int_equal(principal.role, ROLE_AGENT);
        assert_true(principal.purposes == policy_purpose(policy, STR("newsletter"))->self);
        assert_false(engine_authenticate(world.engine, &world.arena, policy, STR("telos_x"), &principal));
        assert_true(engine_write_key(world.engine, &world.arena, policy, key, &source));
        check_str(source, "web");
        assert_false(engine_write_key(world.engine, &world.arena, policy, token, &source));
        engine_policy_release(world.engine, policy);
        world_reopen(&world);
    }
    check_fine(engine_token_revoke(world.engine, &world.arena, id, &found));
    assert_true(found);
    const struct policy *policy = engine_policy(world.engine);
    assert_false(engine_authenticate(world.engine, &world.arena, policy, token, &principal));
    engine_policy_release(world.engine, policy);
    world_end(&world);
}

static void a_second_open_says_who_has_the_directory(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin_empty(&world);
    struct engine *second = NULL;
    struct engine_options options = {.data = world.data};
    const struct err *error = engine_open(&world.arena, &options, &second);
    check_code(error, ERR_CONFLICT);
    assert_non_null(strstr(error->text, "in use by process"));
    assert_null(second);
    check_code(world_try(&world, EVENT_TRACK, "web", "{'userId':'u1','event':'x'}"), ERR_CONFLICT); /* no policy yet */
    world_end(&world);
}

static void reads_are_in_the_ledger_soon_and_after_a_restart(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    for (int i = 0; i < 300; i++)
        engine_record_read(world.engine, (struct uuid){{1}}, person->root, STR("newsletter"), "profile");
    world_reopen(&world);
    struct read_row *rows = NULL;
    size_t count = 0;
    check_fine(engine_store(world.engine)->reads(reader_session(world.reader), &world.arena, &person->root, 1, 0, 1000, &rows, &count));
    assert_int_equal(count, 300);
    check_str(rows[0].what, "profile");
    assert_true(rows[0].ledger_index != UINT64_MAX);
    world_end(&world);
}

/* Somebody kept a copy of a log that was stored long ago. */
static void a_stray_file_beside_the_logs_of_reads_is_left_alone(void **state)
{
    static const char *const names[] = {"reads.1.log.old", "reads.-1.log", "reads.99999999999999999999.log", "reads..log"};
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    engine_record_read(world.engine, (struct uuid){{1}}, person->root, STR("newsletter"), "profile");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        FILE *file = fopen(arena_printf(&world.arena, "%s/%s", world.data, names[i]), "w");
        assert_non_null(file);
        fclose(file);
    }
    world_reopen(&world);
    engine_record_read(world.engine, (struct uuid){{1}}, person->root, STR("newsletter"), "profile");
    world_reopen(&world);
    struct read_row *rows = NULL;
    size_t count = 0;
    check_fine(engine_store(world.engine)->reads(reader_session(world.reader), &world.arena, &person->root, 1, 0, 1000, &rows, &count));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(access(arena_printf(&world.arena, "%s/%s", world.data, names[i]), F_OK), 0);
    world_end(&world);
}

/* More than one commit takes: none is lost, none is stored twice, and nobody is refused for it. */
static void a_flood_of_reads_is_stored_whole_in_several_commits(void **state)
{
    enum { READS = 100000 };
    struct world world = {0};
    size_t count = 0, page;
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    for (int i = 0; i < READS; i++) {
        if (i % 128 == 0)
            check_fine(engine_reads_room(world.engine, &world.arena));
        engine_record_read(world.engine, (struct uuid){{1}}, person->root, STR("newsletter"), "profile");
    }
    world_reopen(&world);
    world_reopen(&world); /* each end takes what one commit takes */
    world_reopen(&world);
    uint64_t before = 0, last_index = UINT64_MAX, commits = 0;
    do {
        struct read_row *rows = NULL;
        check_fine(engine_store(world.engine)->reads(reader_session(world.reader), &world.arena, &person->root, 1, before, 1000, &rows, &page));
        for (size_t i = 0; i < page; i++) {
            assert_true(rows[i].ledger_index != UINT64_MAX);
            commits += rows[i].ledger_index != last_index;
            last_index = rows[i].ledger_index;
            before = rows[i].number;
        }
        count += page;
    } while (page);
    assert_int_equal(count, READS);
    assert_true(commits >= 2);
    world_end(&world);
}

static void changes_tell_who_was_touched_since(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    uint64_t before = engine_batch_last(world.engine);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_state(&world, "user_id:u2", "newsletter", CONSENT_GIVEN);
    struct change_item *items = NULL;
    size_t count = 0;
    check_fine(engine_changes(world.reader, &world.arena, before + 1, 0, 10, &items, &count));
    assert_int_equal(count, 2);
    assert_true(items[0].batch + 1 == items[1].batch);
    assert_true(items[0].profile.value != items[1].profile.value);
    world_end(&world);
}

static void a_paused_destination_stays_paused(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    check_code(engine_destination_pause(world.engine, &world.arena, STR("nobody"), true), ERR_NOT_FOUND);
    check_fine(engine_destination_pause(world.engine, &world.arena, STR("mailer"), true));
    world_reopen(&world);
    assert_true(engine_destination_paused(world.engine, STR("mailer")));
    check_fine(engine_destination_pause(world.engine, &world.arena, STR("mailer"), false));
    world_reopen(&world);
    assert_false(engine_destination_paused(world.engine, STR("mailer")));
    world_end(&world);
}

static void a_policy_switch_is_followed_by_the_stored_data(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'hobby':'chess'}}");
    char *text = str_z(&world.arena, str_of(world_policy));
    char *place = strstr(text, "device, name, behaviour, purchase], direct");
    assert_non_null(place);
    memcpy(place, "device, name, purchase           ], direct", 42); /* the newsletter no longer covers behaviour */
    assert_int_equal(world_apply(&world, text), 2);
    uint64_t count = 0;
    check_fine(engine_sweep(world.engine, clock_now_ms(), &count));
    check_str(world_trait(&world, "user_id:u1", "hobby"), "");
    world_end(&world);
}

static void time_alone_ends_a_consent(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'name':'Anna'}}");
    uint64_t count = 0;
    check_fine(engine_sweep(world.engine, clock_now_ms() + 300 * DAY_MS, &count));
    check_str(world_trait(&world, "user_id:u1", "name"), "\"Anna\"");
    check_fine(engine_sweep(world.engine, clock_now_ms() + 500 * DAY_MS, &count));
    check_str(world_trait(&world, "user_id:u1", "name"), "");
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_survives_reopening),
        cmocka_unit_test(a_message_is_applied_once_also_across_a_restart),
        cmocka_unit_test(a_withdrawal_erases_what_rested_on_it_alone),
        cmocka_unit_test(a_held_message_waits_for_its_consent),
        cmocka_unit_test(an_erased_person_stays_erased),
        cmocka_unit_test(a_delivery_is_made_through_the_gate_and_recalled_after_a_withdrawal),
        cmocka_unit_test(deliveries_keep_the_order_of_their_person_and_dead_ones_come_again),
        cmocka_unit_test(what_has_ended_leaves_the_outbox_when_its_time_is_over),
        cmocka_unit_test(what_goes_out_during_a_withdrawal_is_recalled_too),
        cmocka_unit_test(what_went_out_is_recalled_when_it_is_told_in_the_commit_of_the_withdrawal),
        cmocka_unit_test(tokens_and_write_keys_open_what_they_are_for),
        cmocka_unit_test(a_second_open_says_who_has_the_directory),
        cmocka_unit_test(reads_are_in_the_ledger_soon_and_after_a_restart),
        cmocka_unit_test(a_stray_file_beside_the_logs_of_reads_is_left_alone),
        cmocka_unit_test(a_flood_of_reads_is_stored_whole_in_several_commits),
        cmocka_unit_test(changes_tell_who_was_touched_since),
        cmocka_unit_test(a_paused_destination_stays_paused),
        cmocka_unit_test(a_policy_switch_is_followed_by_the_stored_data),
        cmocka_unit_test(time_alone_ends_a_consent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
