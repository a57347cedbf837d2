/* Runs over every backend: what is counted, due, queued, proven, read, and the small tables. */
#include "store_world.h"

#include "model/key_class.h"

/* The first hashes of levels 1 and 2 over the leaf hashes of leaf_add, worked out by another program. */
#define TILE_1_0 "47b1bfd4fcc22e82f6268a2e84c63eaf924286cbbe6f3187031bacc80e22d0bb"
#define TILE_2_0 "8185f2b9ecf0d47ea02c806b483995be6abc054d92def80f8337967cfbc3815f"

static struct world w;

/* --- totals, dues, outbox */

static void totals_count_what_is_there(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_rich(&w, batch, 1);
    struct person *second = person_rich(&w, batch, 2);
    save_fine(&w, batch);
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, false, &totals));
    assert_int_equal(totals.profiles, 2);
    assert_int_equal(totals.identifiers, 4);
    assert_int_equal(totals.facts, 12);
    assert_int_equal(totals.events, 4);
    assert_int_equal(totals.consents, 4);
    assert_int_equal(totals.held, 2);
    assert_int_equal(totals.pending, 4);
    assert_int_equal(totals.batches, 1);
    assert_int_equal(totals.outbox_next, 5);
    assert_int_equal(totals.held_next, 5);
    second = load_person(&w, second->root.value, PERSON_ALL);
    batch = batch_new(&w);
    batch_add(batch, second);
    second->profiles.items[0].change = CHANGE_SET;
    second->profiles.items[0].erased_ms = 900;
    vec_each (row, &second->identifiers)
        row->change = CHANGE_GONE;
    vec_each (row, &second->consents)
        row->change = CHANGE_GONE;
    vec_each (row, &second->fact_pages)
        row->change = CHANGE_GONE;
    vec_each (row, &second->events)
        row->change = CHANGE_GONE;
    vec_each (row, &second->held)
        row->change = CHANGE_GONE;
    vec_each (row, &second->deliveries)
        row->change = CHANGE_GONE;
    save_fine(&w, batch);
    world_reopen(&w);
    check_fine(w.store->ops->totals(w.reader, &w.arena, false, &totals));
    assert_int_equal(totals.profiles, 1);
    assert_int_equal(totals.persons, 1);
    assert_int_equal(totals.identifiers, 2);
    assert_int_equal(totals.facts, 6);
    assert_int_equal(totals.events, 2);
    assert_int_equal(totals.consents, 2);
    assert_int_equal(totals.held, 1);
    assert_int_equal(totals.pending, 2);
}

static void due_set(uint64_t profile, int64_t due_ms)
{
    struct person *person = load_person(&w, profile, PERSON_HEAD);
    struct batch *batch = batch_new(&w);
    batch_add(batch, person);
    person->profiles.items[0].change = CHANGE_SET;
    person->profiles.items[0].due_ms = due_ms;
    save_fine(&w, batch);
}

static void due_is(int64_t now_ms, const uint64_t *wanted, size_t count)
{
    profile_no *got;
    size_t got_count;
    check_fine(w.store->ops->due(w.reader, &w.arena, now_ms, 100, &got, &got_count));
    assert_int_equal(got_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(got[i].value, wanted[i]);
}

static void profiles_come_up_when_they_are_due(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    for (uint64_t i = 1; i <= 4; i++)
        person_new(&w, batch, i)->profiles.items[0].due_ms = i == 4 ? TIME_FOREVER : (int64_t)(1000 - 100 * i);
    save_fine(&w, batch);
    due_is(600, NULL, 0);
    due_is(700, (uint64_t[]){3}, 1);
    due_is(2000, (uint64_t[]){3, 2, 1}, 3);
    due_set(3, 5000); /* put off */
    due_set(2, TIME_FOREVER);
    due_set(4, 100); /* brought forward */
    due_is(2000, (uint64_t[]){4, 1}, 2);
    tidy_all(&w);
    due_is(2000, (uint64_t[]){4, 1}, 2);
    due_is(5000, (uint64_t[]){4, 1, 3}, 3);
    world_reopen(&w);
    due_is(5000, (uint64_t[]){4, 1, 3}, 3);
    due_set(3, 50);
    due_is(5000, (uint64_t[]){3, 4, 1}, 3);
}

static void outbox_is(struct delivery_query query, const uint64_t *wanted, size_t count)
{
    struct delivery *rows;
    size_t got;
    check_fine(w.store->ops->deliveries(w.reader, &w.arena, &query, &rows, &got));
    assert_int_equal(got, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(rows[i].number, wanted[i]);
}

/* A person whose first delivery has to wait (quiet hours) must not fill the page with those behind it. */
static void a_waiting_first_row_hides_those_behind_it_and_nobody_elses(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *one = person_new(&w, batch, 1), *two = person_new(&w, batch, 2);
    for (int i = 0; i < 4; i++) /* 1 to 4 */
        delivery_new(&w, one, 1, "desk");
    delivery_new(&w, two, 2, "desk");
    delivery_new(&w, two, 2, "desk");
    delivery_new(&w, one, 1, "mailer");
    save_fine(&w, batch);
    struct save save = {.sets = w.sets};
    *(struct delivery_result *)vec_push(&w.arena, &save.results) = (struct delivery_result){1, DELIVERY_PENDING, 0, 9000, TIME_NONE, STR("quiet_hours")};
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    struct delivery_query query = {.destination = STR("desk"), .state = DELIVERY_PENDING, .due_ms = 8000, .max = 2, .firsts_only = true};
    outbox_is(query, (uint64_t[]){5}, 1);
    query.due_ms = 9000;
    outbox_is(query, (uint64_t[]){1, 5}, 2);
    query.destination = STR("mailer");
    outbox_is(query, (uint64_t[]){7}, 1);
}

static void outbox_rows_come_in_order_by_destination_and_state(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    for (int i = 0; i < 3; i++) { /* desk: 1, 3, 5; mailer: 2, 4, 6 */
        delivery_new(&w, person, 1, "desk");
        delivery_new(&w, person, 1, "mailer");
    }
    save_fine(&w, batch);
    struct save save = {.sets = w.sets};
    *(struct delivery_result *)vec_push(&w.arena, &save.results) = (struct delivery_result){1, DELIVERY_DELIVERED, 1, TIME_FOREVER, 44, STR_NONE};
    *(struct delivery_result *)vec_push(&w.arena, &save.results) = (struct delivery_result){3, DELIVERY_PENDING, 2, 9000, TIME_NONE, STR("http_500")};
    *(struct delivery_result *)vec_push(&w.arena, &save.results) = (struct delivery_result){4, DELIVERY_DEAD, 30, TIME_FOREVER, 55, STR("timeout")};
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    world_reopen(&w);
    str desk = STR("desk");
    outbox_is((struct delivery_query){.destination = desk, .state = DELIVERY_PENDING, .due_ms = INT64_MAX, .max = 10}, (uint64_t[]){3, 5}, 2);
    outbox_is((struct delivery_query){.destination = desk, .state = DELIVERY_PENDING, .due_ms = 8000, .max = 10}, (uint64_t[]){5}, 1);
    outbox_is((struct delivery_query){.destination = desk, .state = DELIVERY_PENDING, .after = 3, .due_ms = INT64_MAX, .max = 10}, (uint64_t[]){5}, 1);
    outbox_is((struct delivery_query){.destination = desk, .state = -1, .due_ms = INT64_MAX, .max = 2}, (uint64_t[]){1, 3}, 2);
    outbox_is((struct delivery_query){.destination = desk, .state = -1, .due_ms = INT64_MAX, .max = 2, .newest_first = true}, (uint64_t[]){5, 3}, 2);
    outbox_is((struct delivery_query){.state = -1, .due_ms = INT64_MAX, .max = 4, .newest_first = true, .after = 6}, (uint64_t[]){5, 4, 3, 2}, 4);
    outbox_is((struct delivery_query){.state = -1, .due_ms = INT64_MAX, .max = 100}, (uint64_t[]){1, 2, 3, 4, 5, 6}, 6);
    outbox_is((struct delivery_query){.state = DELIVERY_PENDING, .due_ms = INT64_MAX, .max = 100}, (uint64_t[]){2, 3, 5, 6}, 4);
    outbox_is((struct delivery_query){.state = DELIVERY_DEAD, .due_ms = INT64_MAX, .max = 100}, (uint64_t[]){4}, 1);
    struct delivery row;
    bool found;
    check_fine(w.store->ops->delivery(w.reader, &w.arena, uuid_of(4, 4), &row, &found));
    assert_true(found);
    check_str(row.reason, "timeout");
    assert_int_equal(row.attempts, 30);
    assert_int_equal(row.done_ms, 55);
    check_fine(w.store->ops->delivery(w.reader, &w.arena, uuid_of(4, 40), &row, &found));
    assert_false(found);
    assert_int_equal(load_person(&w, 1, PERSON_OUTBOX)->deliveries.count, 4);
    struct destination_count *counts;
    size_t count;
    check_fine(w.store->ops->destination_counts(w.reader, &w.arena, &counts, &count));
    assert_int_equal(count, 2);
    check_str(counts[0].destination, "desk");
    assert_int_equal(counts[0].pending, 2);
    assert_int_equal(counts[0].delivered, 1);
    assert_int_equal(counts[0].oldest_pending_ms, 3000);
    assert_int_equal(counts[1].pending, 2);
    assert_int_equal(counts[1].dead, 1);
}

static void a_result_may_bring_a_dead_letter_back(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    delivery_new(&w, person_new(&w, batch, 1), 1, "desk");
    save_fine(&w, batch);
    for (int i = 0; i < 2; i++) {
        struct save save = {.sets = w.sets};
        *(struct delivery_result *)vec_push(&w.arena, &save.results) =
            i ? (struct delivery_result){1, DELIVERY_PENDING, 0, 10, TIME_NONE, STR_NONE} : (struct delivery_result){1, DELIVERY_DEAD, 3, TIME_FOREVER, 5, STR("x")};
        check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    }
    outbox_is((struct delivery_query){.destination = STR("desk"), .state = DELIVERY_PENDING, .due_ms = 10, .max = 1}, (uint64_t[]){1}, 1);
    struct destination_count *counts;
    size_t count;
    check_fine(w.store->ops->destination_counts(w.reader, &w.arena, &counts, &count));
    assert_int_equal(counts[0].pending, 1);
    assert_int_equal(counts[0].dead, 0);
}

/* --- evidence, reads, the rest */

static bool collect_batch(void *context, const void *row)
{
    const struct batch_row *batch = row;
    uint64_t *sum = context;
    check_str(batch->dedupe, "12345678");
    check_str(batch->profiles, "123456789");
    check_str(batch->decisions, "decision");
    assert_true(batch->ledger_index == UINT64_MAX);
    *sum = *sum * 10 + batch->number;
    return batch->number < 3;
}

static void batches_are_walked_in_order_until_told_to_stop(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        save_fine(&w, batch_new(&w));
    uint64_t sum = 0;
    check_fine(w.store->ops->batches(w.reader, &w.arena, 2, UINT64_MAX, collect_batch, &sum));
    assert_int_equal(sum, 23);
    sum = 0;
    check_fine(w.store->ops->batches(w.reader, &w.arena, 0, 2, collect_batch, &sum));
    assert_int_equal(sum, 12);
}

static bool collect_leaf(void *context, const void *row)
{
    const struct ledger_row *leaf = row;
    struct ledger_row *into = context;
    *into = *leaf;
    into->entry = str_copy(&w.arena, leaf->entry);
    into->record_sealed = str_copy(&w.arena, leaf->record_sealed);
    return true;
}

static void leaf_add(struct save *save, uint64_t index, uint64_t profile)
{
    struct ledger_row *row = vec_push(&w.arena, &save->ledger);
    *row = (struct ledger_row){.index = index, .entry = str_printf(&w.arena, "{\"n\":%u}", (unsigned)index), .profile = {profile},
                               .record_sealed = profile ? STR("record") : STR_NONE};
    memcpy(row->leaf_hash, &index, sizeof index);
}

static void the_ledger_keeps_leaves_and_the_records_die_with_the_evidence_key(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets};
    leaf_add(&save, 0, 0);
    leaf_add(&save, 1, 1);
    leaf_add(&save, 2, 2);
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    struct batch *batch = batch_new(&w);
    *(struct key_end *)vec_push(&w.arena, &batch->key_ends) = (struct key_end){.profile = {1}, .class_mask = KEY_CLASS_BIT(KEY_CONSENT)};
    *(struct key_end *)vec_push(&w.arena, &batch->key_ends) = (struct key_end){.profile = {2}, .class_mask = KEY_CLASS_ALL};
    save_fine(&w, batch);
    world_reopen(&w);
    struct ledger_row row;
    check_fine(w.store->ops->ledger(w.reader, &w.arena, 1, 1, collect_leaf, &row));
    check_str(row.entry, "{\"n\":1}");
    check_str(row.record_sealed, "record");
    assert_int_equal(row.profile.value, 1);
    assert_int_equal(row.leaf_hash[0], 1);
    check_fine(w.store->ops->ledger(w.reader, &w.arena, 2, 5, collect_leaf, &row));
    assert_int_equal(row.index, 2);
    assert_int_equal(row.record_sealed.length, 0);
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, true, &totals));
    assert_int_equal(totals.ledger, 3);
}

static void tiles_of_every_level_are_found(void **state)
{
    (void)state;
    uint64_t index = 0;
    for (int part = 0; part < 7; part++) { /* not at the bounds of tiles */
        struct save save = {.sets = w.sets};
        for (int i = 0; i < 10000; i++)
            leaf_add(&save, index++, 0);
        check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    }
    uint8_t low[256][32], high[256][32];
    check_fine(w.store->ops->tile(w.reader, &w.arena, 0, 3, 256, low[0]));
    assert_int_equal(low[5][0], 5);
    assert_int_equal(low[5][1], 3);
    check_fine(w.store->ops->tile(w.reader, &w.arena, 0, 70000 / 256, 70000 % 256, low[0]));
    check_fine(w.store->ops->tile(w.reader, &w.arena, 1, 0, 256, low[0]));
    check_fine(w.store->ops->tile(w.reader, &w.arena, 1, 1, 70000 / 256 - 256, high[0]));
    check_fine(w.store->ops->tile(w.reader, &w.arena, 2, 0, 1, high[0]));
    check_code(w.store->ops->tile(w.reader, &w.arena, 0, 70000 / 256, 256, low[0]), ERR_NOT_FOUND);
    check_code(w.store->ops->tile(w.reader, &w.arena, 2, 1, 1, low[0]), ERR_NOT_FOUND);
    check_code(w.store->ops->tile(w.reader, &w.arena, 60, 0, 1, low[0]), ERR_NOT_FOUND);
    check_str(str_hex(&w.arena, low[0], 32), TILE_1_0);
    check_str(str_hex(&w.arena, high[0], 32), TILE_2_0);
}

static void read_add(struct save *save, uint64_t profile, int64_t at_ms)
{
    *(struct read_row *)vec_push(&w.arena, &save->reads) =
        (struct read_row){.at_ms = at_ms, .token = uuid_of(7, 1), .profile = {profile}, .purpose = STR("a"), .what = STR("profile"), .ledger_index = 3};
}

static void reads_of_persons_are_listed_newest_first(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets};
    for (int64_t i = 1; i <= 6; i++)
        read_add(&save, (uint64_t)(i % 2 + 1), i);
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    world_reopen(&w);
    struct read_row *rows;
    size_t count;
    check_fine(w.store->ops->reads(w.reader, &w.arena, (profile_no[]){{1}}, 1, 0, 2, &rows, &count));
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].at_ms, 6);
    assert_int_equal(rows[1].at_ms, 4);
    assert_int_equal(rows[0].ledger_index, 3);
    check_str(rows[0].what, "profile");
    assert_true(uuid_equal(rows[0].token, uuid_of(7, 1)));
    check_fine(w.store->ops->reads(w.reader, &w.arena, (profile_no[]){{1}}, 1, rows[1].number, 2, &rows, &count));
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].at_ms, 2);
    check_fine(w.store->ops->reads(w.reader, &w.arena, NULL, 0, 0, 100, &rows, &count));
    assert_int_equal(count, 6);
    assert_int_equal(rows[0].at_ms, 6);
    struct store_totals totals;
    check_fine(w.store->ops->totals(w.reader, &w.arena, false, &totals));
    assert_int_equal(totals.reads, 6);
}

static void disclosures_add_up(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    person_new(&w, batch, 1);
    save_fine(&w, batch);
    for (int i = 0; i < 3; i++) {
        struct save save = {.sets = w.sets};
        *(struct disclosure *)vec_push(&w.arena, &save.disclosures) =
            (struct disclosure){CHANGE_NEW, {1}, i == 2 ? STR("mailer") : STR("desk"), STR("a"), 10 + i, 10 + i, 1};
        check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    }
    struct person *person = load_person(&w, 1, PERSON_OUTBOX);
    assert_int_equal(person->disclosures.count, 2);
    assert_int_equal(person->disclosures.items[0].count, 2);
    assert_int_equal(person->disclosures.items[0].first_ms, 10);
    assert_int_equal(person->disclosures.items[0].last_ms, 11);
    assert_int_equal(person->disclosures.items[1].count, 1);
}

static void users_and_sessions_are_kept_replaced_and_taken_away(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets};
    struct user_row user = {.id = uuid_of(8, 1), .login = {1, 2}, .role = STR("agent"), .purposes = STR("a b"), .password = STR("$argon2id$"),
                            .sealed = str_bytes("s\0s", 3), .created_ms = 1, .changed_ms = 2};
    struct session_row first = {.id = uuid_of(8, 2), .user = user.id, .hash = {7}, .created_ms = 3, .seen_ms = 4, .expires_ms = 5};
    struct session_row link = {.id = uuid_of(8, 3), .user = user.id, .link = true, .hash = {8}, .created_ms = 3, .seen_ms = 3, .expires_ms = 9};
    *(struct user_row *)vec_push(&w.arena, &save.users) = user;
    *(struct session_row *)vec_push(&w.arena, &save.sessions) = first;
    *(struct session_row *)vec_push(&w.arena, &save.sessions) = link;
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    user.disabled = true;
    user.subject[15] = 3;
    user.purposes = STR("*");
    user.password = user.sealed = STR_NONE;
    first.seen_ms = 44;
    save.users.items[0] = user;
    save.sessions.items[0] = first;
    save.sessions.count = 1;
    *(struct uuid *)vec_push(&w.arena, &save.sessions_gone) = link.id;
    *(struct uuid *)vec_push(&w.arena, &save.sessions_gone) = uuid_of(8, 9); /* nobody's: harmless */
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    world_reopen(&w);
    struct user_row *users;
    struct session_row *sessions;
    size_t count;
    check_fine(w.store->ops->users(w.reader, &w.arena, &users, &count));
    assert_int_equal(count, 1);
    assert_true(uuid_equal(users[0].id, user.id) && users[0].disabled && users[0].created_ms == 1 && users[0].changed_ms == 2);
    assert_memory_equal(users[0].login, user.login, sizeof user.login);
    assert_memory_equal(users[0].subject, user.subject, sizeof user.subject);
    check_str(users[0].role, "agent");
    check_str(users[0].purposes, "*");
    assert_true(str_empty(users[0].password) && str_empty(users[0].sealed));
    check_fine(w.store->ops->sessions(w.reader, &w.arena, &sessions, &count));
    assert_int_equal(count, 1);
    assert_true(uuid_equal(sessions[0].id, first.id) && uuid_equal(sessions[0].user, user.id) && !sessions[0].link);
    assert_true(sessions[0].created_ms == 3 && sessions[0].seen_ms == 44 && sessions[0].expires_ms == 5 && sessions[0].hash[0] == 7);
}

static void tokens_policies_and_settings_are_kept(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets};
    struct token_row token = {.id = uuid_of(8, 1), .role = STR("admin"), .purposes = STR("*"), .label = STR("me"), .hash = {9},
                              .created_ms = 1, .expires_ms = TIME_FOREVER, .revoked_ms = TIME_NONE};
    *(struct token_row *)vec_push(&w.arena, &save.tokens) = token;
    struct policy_row policy = {.version = 1, .activated_ms = 5, .text = STR("text one"), .notices = STR("{}"), .sha256 = {1}, .ledger_index = 0,
                                .by = uuid_of(8, 1)};
    save.policy = &policy;
    __typeof__(*save.settings) settings[] = {{STR("paused desk"), STR("1")}, {STR("empty"), STR("")}};
    save.settings = settings;
    save.setting_count = 2;
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    policy.version = 2;
    policy.text = STR("text two");
    token.revoked_ms = 77;
    save.tokens.items[0] = token;
    settings[0].value = STR_NONE;
    save.setting_count = 1;
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    world_reopen(&w);
    struct token_row *tokens;
    size_t count;
    check_fine(w.store->ops->tokens(w.reader, &w.arena, &tokens, &count));
    assert_int_equal(count, 1);
    assert_int_equal(tokens[0].revoked_ms, 77);
    assert_true(tokens[0].expires_ms == TIME_FOREVER);
    assert_int_equal(tokens[0].hash[0], 9);
    struct policy_row *policies, one;
    bool found;
    check_fine(w.store->ops->policies(w.reader, &w.arena, false, &policies, &count));
    assert_int_equal(count, 2);
    assert_int_equal(policies[0].text.length, 0);
    check_fine(w.store->ops->policies(w.reader, &w.arena, true, &policies, &count));
    check_str(policies[1].text, "text two");
    check_fine(w.store->ops->policy(w.reader, &w.arena, 0, &one, &found));
    assert_int_equal(one.version, 2);
    check_fine(w.store->ops->policy(w.reader, &w.arena, 1, &one, &found));
    check_str(one.text, "text one");
    check_str(one.notices, "{}");
    assert_true(uuid_equal(one.by, uuid_of(8, 1)));
    check_fine(w.store->ops->policy(w.reader, &w.arena, 3, &one, &found));
    assert_false(found);
    str value;
    check_fine(w.store->ops->setting(w.reader, &w.arena, STR("paused desk"), &value));
    assert_null(value.data);
    check_fine(w.store->ops->setting(w.reader, &w.arena, STR("empty"), &value));
    assert_non_null(value.data);
    assert_int_equal(value.length, 0);
}

static struct rights_request right_of(uint64_t number, uint64_t profile, enum rights_state state)
{
    return (struct rights_request){.id = uuid_of(9, (unsigned)number), .profile = {profile}, .right = RIGHT_ERASURE, .state = state, .channel = STR("api"),
                                   .opened_ms = (int64_t)number, .due_ms = (int64_t)number + 100,
                                   .done_ms = rights_state_open(state) ? TIME_NONE : (int64_t)number + 1, .watch_ms = TIME_FOREVER,
                                   .record = STR("{\"steps\":[]}"), .sealed = profile ? STR("sealed") : STR_NONE};
}

static size_t rights_found(const struct rights_query *asked, struct rights_request **ret_rows)
{
    struct rights_query query = *asked;
    size_t count;
    if (!query.max)
        query.max = 100;
    check_fine(w.store->ops->rights(w.reader, &w.arena, &query, ret_rows, &count));
    return count;
}

static void rights_requests_are_found_by_person_state_and_time(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets};
    for (uint64_t i = 1; i <= 4; i++)
        *(struct rights_request *)vec_push(&w.arena, &save.rights) = right_of(i, i % 2 + 1, i == 4 ? RIGHTS_REFUSED : RIGHTS_RECEIVED);
    *(struct rights_request *)vec_push(&w.arena, &save.rights) = right_of(5, 0, RIGHTS_NO_MATCH);
    save.rights.items[0].watch_ms = 50;
    save.rights.items[1].watch_ms = 40;
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    save.rights.items[2].state = RIGHTS_IN_PROGRESS;
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    world_reopen(&w);
    struct rights_request row, *rows;
    bool found;
    check_fine(w.store->ops->right(w.reader, &w.arena, uuid_of(9, 3), &row, &found));
    assert_true(found && row.state == RIGHTS_IN_PROGRESS && row.right == RIGHT_ERASURE && row.profile.value == 2);
    assert_true(row.due_ms == 103 && row.done_ms == TIME_NONE && row.watch_ms == TIME_FOREVER);
    check_str(row.record, "{\"steps\":[]}");
    check_str(row.sealed, "sealed");
    check_fine(w.store->ops->right(w.reader, &w.arena, uuid_of(9, 77), &row, &found));
    assert_false(found);
    assert_int_equal(rights_found(&(struct rights_query){.state = -1, .watch_ms = TIME_NONE}, &rows), 5);
    assert_int_equal(rows[0].opened_ms, 5);
    assert_int_equal(rows[0].profile.value, 0);
    assert_int_equal(rights_found(&(struct rights_query){.state = -1, .watch_ms = TIME_NONE, .before = uuid_of(9, 3), .max = 1}, &rows), 1);
    assert_int_equal(rows[0].opened_ms, 2);
    assert_int_equal(rights_found(&(struct rights_query){.profiles = (profile_no[]){{2}, {7}}, .profile_count = 2, .watch_ms = TIME_NONE}, &rows), 2);
    assert_int_equal(rows[0].opened_ms, 3);
    assert_int_equal(rights_found(&(struct rights_query){.state = RIGHTS_REFUSED, .watch_ms = TIME_NONE}, &rows), 1);
    assert_int_equal(rights_found(&(struct rights_query){.state = -1, .only_open = true, .due_ms = 102, .watch_ms = TIME_NONE}, &rows), 2);
    assert_int_equal(rights_found(&(struct rights_query){.watch_ms = 45}, &rows), 1);
    assert_int_equal(rows[0].opened_ms, 2);
    assert_int_equal(rights_found(&(struct rights_query){.watch_ms = 1000}, &rows), 2);
}

static void what_a_person_asked_dies_with_the_evidence_key(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets};
    struct rights_request row;
    bool found;
    *(struct rights_request *)vec_push(&w.arena, &save.rights) = right_of(1, 1, RIGHTS_RECEIVED);
    *(struct rights_request *)vec_push(&w.arena, &save.rights) = right_of(2, 2, RIGHTS_RECEIVED);
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    struct batch *batch = batch_new(&w);
    *(struct key_end *)vec_push(&w.arena, &batch->key_ends) = (struct key_end){{1}, KEY_CLASS_ALL, false};
    save_fine(&w, batch);
    check_fine(w.store->ops->right(w.reader, &w.arena, uuid_of(9, 1), &row, &found));
    assert_true(found && str_empty(row.sealed));
    check_fine(w.store->ops->right(w.reader, &w.arena, uuid_of(9, 2), &row, &found));
    check_str(row.sealed, "sealed");
}

static void counters_add_up(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct batch *batch = batch_new(&w);
        *(struct counter *)vec_push(&w.arena, &batch->counters) = (struct counter){0, STR("web"), STR("dropped"), STR_NONE, STR("consent_missing"), 3};
        *(struct counter *)vec_push(&w.arena, &batch->counters) = (struct counter){DAY_MS * i, STR("web"), STR("accepted"), STR_NONE, STR_NONE, 1};
        save_fine(&w, batch);
    }
    struct counter *rows;
    size_t count;
    check_fine(w.store->ops->counters(w.reader, &w.arena, INT64_MIN, INT64_MAX, &rows, &count));
    assert_int_equal(count, 3);
    check_fine(w.store->ops->counters(w.reader, &w.arena, 0, 0, &rows, &count));
    assert_int_equal(count, 2);
    check_str(rows[1].what, "dropped");
    assert_int_equal(rows[1].count, 6);
}

static void profiles_and_consents_are_found_by_id_and_profiles_in_order(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    for (uint64_t i = 1; i <= 5; i++)
        person_rich(&w, batch, i);
    save_fine(&w, batch);
    profile_no number;
    check_fine(w.store->ops->profile_by_id(w.reader, &w.arena, uuid_of(1, 4), &number));
    assert_int_equal(number.value, 4);
    check_fine(w.store->ops->profile_by_id(w.reader, &w.arena, uuid_of(1, 44), &number));
    assert_int_equal(number.value, 0);
    struct consent consent;
    bool found;
    check_fine(w.store->ops->consent(w.reader, &w.arena, uuid_of(5, 31), &consent, &found));
    assert_true(found);
    assert_int_equal(consent.profile.value, 3);
    check_str(consent.notice, "newsletter");
    check_fine(w.store->ops->consent(w.reader, &w.arena, uuid_of(5, 999), &consent, &found));
    assert_false(found);
    struct profile *rows;
    size_t count;
    check_fine(w.store->ops->profiles(w.reader, &w.arena, 2, 3, &rows, &count));
    assert_int_equal(count, 3);
    assert_int_equal(rows[0].number.value, 2);
    assert_int_equal(rows[2].number.value, 4);
    check_fine(w.store->ops->profiles(w.reader, &w.arena, 5, 3, &rows, &count));
    assert_int_equal(count, 1);
}

static void purposes_in_use_are_those_of_data_and_consents(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    event_new(&w, person, 1, 4, 8); /* c and d */
    event_new(&w, person, 1, 16, 0); /* e */
    consent_new(&w, person, 1, 1); /* b */
    save_fine(&w, batch);
    purpose_mask mask;
    check_fine(w.store->ops->purposes_in_use(w.reader, &w.arena, w.sets, &mask));
    assert_int_equal(mask, 2 | 4 | 8 | 16);
    person = load_person(&w, 1, PERSON_ALL);
    person->events.items[0].change = CHANGE_GONE;
    batch = batch_new(&w);
    batch_add(batch, person);
    save_fine(&w, batch);
    world_reopen(&w);
    check_fine(w.store->ops->purposes_in_use(w.reader, &w.arena, w.sets, &mask));
    assert_int_equal(mask, 2 | 16);
}

static void masks_of_another_policy_are_translated(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    event_new(&w, person, 1, 1 | 4, 2); /* a, c; b */
    save_fine(&w, batch);
    struct purpose_sets *other = purpose_sets_new();
    const str names[] = {STR("c"), STR("x"), STR("a")};
    purpose_sets_bind(other, names, COUNT_OF(names));
    profile_no number = {1};
    struct load load = {.arena = &w.arena, .sets = other, .profiles = &number, .profile_count = 1, .parts = PERSON_EVENTS, .events_from_ms = INT64_MIN};
    check_fine(w.store->ops->load(w.reader, &load));
    assert_int_equal(load.by_profile[0]->events.items[0].parts[0].purposes, 1 | 4);
    assert_int_equal(load.by_profile[0]->events.items[0].parts[1].purposes, 0); /* `b` is nobody's */
    purpose_sets_free(other);
}

/* --- decisions */

static void what_an_event_was_taken_for_is_known_after_purposes_were_taken_off(void **state)
{
    (void)state;
    struct batch *batch = batch_new(&w);
    struct person *person = person_new(&w, batch, 1);
    event_new(&w, person, 1, 2 | 4, 1 | 4); /* b, c; a, c */
    event_new(&w, person, 1, 8, 0);
    save_fine(&w, batch);
    check_str(load_person(&w, 1, PERSON_ALL)->events.items[0].decided, "a b c");
    for (int i = 0; i < 2; i++) {
        batch = batch_new(&w);
        batch_add(batch, person = load_person(&w, 1, PERSON_ALL));
        person->events.items[0].change = CHANGE_SET;
        person->events.items[0].part_count = 1;
        person->events.items[0].parts[0].purposes = i ? 2 : 4;
        save_fine(&w, batch);
        world_reopen(&w);
        person = load_person(&w, 1, PERSON_ALL);
        assert_int_equal(person->events.items[0].parts[0].purposes, i ? 2 : 4);
        check_str(person->events.items[0].decided, "a b c");
        check_str(person->events.items[1].decided, "d");
    }
    struct purpose_sets *other = purpose_sets_new();
    const str names[] = {STR("c")}; /* a policy without the others */
    purpose_sets_bind(other, names, 1);
    profile_no number = {1};
    struct event *events;
    size_t count;
    check_fine(w.store->ops->events(w.reader, &w.arena, other, &number, 1, 0, 10, &events, &count));
    assert_int_equal(count, 2);
    check_str(events[1].decided, "a b c");
    purpose_sets_free(other);
}

struct walked {
    size_t count, stop;
    struct kept_decisions rows[8];
};

static bool walk_decisions(void *context, const void *row)
{
    struct walked *walked = context;
    struct kept_decisions *copy = &walked->rows[walked->count++];
    *copy = *(const struct kept_decisions *)row;
    copy->sealed = str_copy(&w.arena, copy->sealed);
    return walked->count != walked->stop;
}

static struct walked decisions_of(uint64_t profile, size_t stop)
{
    struct walked walked = {.stop = stop};
    check_fine(w.store->ops->decisions(w.reader, &w.arena, (profile_no){profile}, walk_decisions, &walked));
    return walked;
}

static void decision_add(struct save *save, uint64_t profile, uint64_t batch, uint32_t part, const char *sealed)
{
    *(struct kept_decisions *)vec_push(&w.arena, &save->decisions) =
        (struct kept_decisions){.profile = {profile}, .batch = batch, .part = part, .count = part + 3, .sealed = str_of(sealed)};
}

static void decisions_about_events_that_are_gone_are_kept_until_they_are_told_to_go(void **state)
{
    (void)state;
    struct save save = {.sets = w.sets}, later = {.sets = w.sets}, gone = {0};
    decision_add(&save, 1, 7, 0, "seventh");
    decision_add(&save, 1, 7, 1, "seventh, more");
    decision_add(&save, 2, 7, 0, "another's");
    check_fine(w.store->ops->save(w.writer, &w.arena, &save));
    decision_add(&later, 1, 9, 0, "ninth");
    check_fine(w.store->ops->save(w.writer, &w.arena, &later));
    world_reopen(&w);
    struct walked walked = decisions_of(1, 0);
    assert_int_equal(walked.count, 3);
    check_str(walked.rows[0].sealed, "ninth");
    check_str(walked.rows[1].sealed, "seventh, more");
    assert_int_equal(walked.rows[1].part, 1);
    assert_int_equal(walked.rows[1].count, 4);
    assert_int_equal(walked.rows[2].batch, 7);
    assert_int_equal(walked.rows[2].profile.value, 1);
    assert_int_equal(decisions_of(1, 2).count, 2); /* told to stop */
    assert_int_equal(decisions_of(3, 0).count, 0);
    *(profile_no *)vec_push(&w.arena, &gone.decisions_gone) = (profile_no){1};
    *(profile_no *)vec_push(&w.arena, &gone.decisions_gone) = (profile_no){3};
    check_fine(w.store->ops->save(w.writer, &w.arena, &gone));
    world_reopen(&w);
    assert_int_equal(decisions_of(1, 0).count, 0);
    assert_int_equal(decisions_of(2, 0).count, 1);
}

static const struct backend_test tests[] = {
    BACKEND_TEST(totals_count_what_is_there),
    BACKEND_TEST(profiles_come_up_when_they_are_due),
    BACKEND_TEST(outbox_rows_come_in_order_by_destination_and_state),
    BACKEND_TEST(a_waiting_first_row_hides_those_behind_it_and_nobody_elses),
    BACKEND_TEST(a_result_may_bring_a_dead_letter_back),
    BACKEND_TEST(batches_are_walked_in_order_until_told_to_stop),
    BACKEND_TEST(the_ledger_keeps_leaves_and_the_records_die_with_the_evidence_key),
    BACKEND_TEST(tiles_of_every_level_are_found),
    BACKEND_TEST(reads_of_persons_are_listed_newest_first),
    BACKEND_TEST(disclosures_add_up),
    BACKEND_TEST(users_and_sessions_are_kept_replaced_and_taken_away),
    BACKEND_TEST(tokens_policies_and_settings_are_kept),
    BACKEND_TEST(rights_requests_are_found_by_person_state_and_time),
    BACKEND_TEST(what_a_person_asked_dies_with_the_evidence_key),
    BACKEND_TEST(counters_add_up),
    BACKEND_TEST(profiles_and_consents_are_found_by_id_and_profiles_in_order),
    BACKEND_TEST(purposes_in_use_are_those_of_data_and_consents),
    BACKEND_TEST(masks_of_another_policy_are_translated),
    BACKEND_TEST(what_an_event_was_taken_for_is_known_after_purposes_were_taken_off),
    BACKEND_TEST(decisions_about_events_that_are_gone_are_kept_until_they_are_told_to_go),
};

int main(void) { return run_over_backends("store_tables", &w, tests, COUNT_OF(tests)); }
