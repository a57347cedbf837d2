/* The store with a file against the store in memory: the same random commits go to both, and everything that can be read must be the same, through
 * housekeeping and reopening. `SEED=n` repeats one run. */
#include "store_world.h"

#include "model/key_class.h"

#include <stdio.h>
#include <stdlib.h>

enum { PROFILES_MOST = 40, STEPS = 400 };

static struct world file, memory;
static uint64_t random_state, profile_last, held_last, consent_last, ledger_next;
static unsigned hash_last;

static unsigned below(unsigned bound)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(random_state >> 33) % bound;
}
static bool one_in(unsigned n) { return below(n) == 0; }

/* --- changes */

static void identifiers_change(struct batch *batch, struct person *person, struct profile *profile)
{
    if (one_in(4)) {
        identifier_new(&file, person, profile->number.value, profile->identifier_next++, ++hash_last)->last_seen_ms = (int64_t)below(30) * DAY_MS;
        profile->change = profile->change ? profile->change : CHANGE_SET;
    }
    vec_each (row, &person->identifiers) {
        if (row->change || !profile_no_equal(row->profile, profile->number))
            continue;
        if (one_in(12)) {
            row->change = CHANGE_GONE;
        } else if (one_in(2)) { /* seen again, mostly on a later day, and nothing else */
            row->change = CHANGE_SET;
            row->last_seen_ms += (int64_t)below(3) * DAY_MS;
            if (one_in(5))
                row->sealed = str_printf(batch->arena, "sealed anew %u", below(1000));
        }
    }
}

static void consents_change(struct batch *batch, struct person *person, struct profile *profile)
{
    if (one_in(6)) {
        consent_new(&file, person, profile->number.value, (unsigned)++consent_last);
        person->consents.items[person->consents.count - 1].purpose = one_in(2) ? STR("a") : STR("c");
    }
    vec_each (row, &person->consents)
        if (!row->change && one_in(30))
            row->change = CHANGE_GONE;
    if (one_in(10)) {
        bool there = false;
        vec_each (row, &person->preferences)
            if (profile_no_equal(row->profile, profile->number)) {
                row->change = row->change == CHANGE_NEW ? CHANGE_NEW : one_in(4) ? CHANGE_GONE : CHANGE_SET;
                row->sealed = str_printf(batch->arena, "wish %u", below(1000));
                there = true;
            }
        if (!there)
            *(struct preferences *)vec_push(batch->arena, &person->preferences) =
                (struct preferences){.change = CHANGE_NEW, .profile = profile->number, .at_ms = below(1000), .sealed = STR("wish")};
    }
}

static void pages_change(struct batch *batch, struct person *person, struct profile *profile)
{
    uint32_t next = 1;
    vec_each (row, &person->fact_pages) {
        if (!profile_no_equal(row->profile, profile->number))
            continue;
        next = row->number >= next ? row->number + 1 : next;
        if (!row->change && one_in(3)) {
            row->change = one_in(4) ? CHANGE_GONE : CHANGE_SET;
            row->fact_count = below(9) + 1;
            row->purposes = below(63) + 1;
            row->sealed = str_printf(batch->arena, "page %0*u", (int)below(3000) + 1, below(1000));
        }
    }
    if (one_in(3))
        *(struct fact_page *)vec_push(batch->arena, &person->fact_pages) =
            (struct fact_page){.change = CHANGE_NEW, .profile = profile->number, .identifier = 1, .number = next, .purposes = below(63) + 1,
                               .key_class = (uint8_t)below(5), .fact_count = 2, .sealed = STR("new page")};
}

static void events_change(struct person *person, struct profile *profile)
{
    vec_each (row, &person->events) {
        if (row->change)
            continue;
        if (one_in(15)) {
            row->change = CHANGE_GONE;
        } else if (one_in(15)) {
            row->change = CHANGE_SET;
            row->parts[0].purposes = below(63) + 1;
            if (row->part_count == 2 && one_in(2))
                row->part_count = 1;
        }
    }
    for (unsigned i = below(4); i > 0; i--)
        event_new(&file, person, profile->number.value, below(63) + 1, one_in(3) ? below(63) + 1 : 0);
}

static void queues_change(struct batch *batch, struct person *person, struct profile *profile)
{
    vec_each (row, &person->held)
        if (!row->change && one_in(3))
            row->change = CHANGE_GONE;
    if (one_in(4))
        *(struct held *)vec_push(batch->arena, &person->held) =
            (struct held){.change = CHANGE_NEW, .number = ++held_last, .profile = profile->number, .identifier = 1, .source = STR("web"),
                          .received_ms = below(1000), .expires_ms = one_in(3) ? TIME_FOREVER : 5000, .sealed = STR("held")};
    vec_each (row, &person->deliveries)
        if (!row->change && one_in(4)) {
            row->change = one_in(3) ? CHANGE_GONE : CHANGE_SET;
            row->state = (enum delivery_state)below(4);
            row->reason = one_in(2) ? STR("because") : STR_NONE;
        }
    if (one_in(2)) {
        struct delivery *row = delivery_new(&file, person, person->root.value, one_in(2) ? "desk" : one_in(2) ? "mailer" : "shop");
        row->kind = one_in(5) ? DELIVERY_RECALL : DELIVERY_EVENT;
        row->next_ms = one_in(5) ? TIME_FOREVER : (int64_t)below(100000);
    }
    vec_each (row, &person->disclosures)
        if (!row->change && one_in(5)) {
            row->change = one_in(2) ? CHANGE_GONE : CHANGE_SET;
            row->count += 5;
        }
    vec_each (row, &person->refused)
        if (!row->change && one_in(3)) {
            row->change = CHANGE_SET;
            row->count++;
        }
    if (one_in(10) && !person->refused.count)
        *(struct refused_join *)vec_push(batch->arena, &person->refused) =
            (struct refused_join){CHANGE_NEW, profile->number, {below(50)}, STR("email"), STR("join_undone"), 1, 2, 3};
}

static void person_change(struct batch *batch, struct person *person)
{
    struct profile *profile = &person->profiles.items[below((unsigned)person->profiles.count)];
    identifiers_change(batch, person, profile);
    consents_change(batch, person, profile);
    pages_change(batch, person, profile);
    events_change(person, profile);
    queues_change(batch, person, profile);
    if (one_in(3)) {
        profile->change = profile->change ? profile->change : CHANGE_SET;
        profile->due_ms = one_in(3) ? TIME_FOREVER : (int64_t)below(2000);
        profile->erased_ms = one_in(9) ? 7 : TIME_NONE;
    }
}

/* Two persons become one; or a merge of one is undone. */
static void group_change(struct batch *batch, struct person *left, struct person *right)
{
    vec_each (merge, &left->merges)
        if (left->profiles.count == 2 && merge->undone_ms == TIME_NONE && one_in(2)) { /* the easy case: two parts of one profile each */
            merge->change = CHANGE_SET;
            merge->undone_ms = 9;
            left->profiles.items[1].root = left->profiles.items[1].number;
            left->profiles.items[1].change = CHANGE_SET;
            return;
        }
    if (!right || right == left || left->profiles.count + right->profiles.count > 6)
        return;
    struct merge *merge = vec_push(batch->arena, &left->merges);
    *merge = (struct merge){.change = CHANGE_NEW, .id = uuid_of(6, below(1u << 24)), .left = left->profiles.items[0].number,
                            .right = right->profiles.items[0].number, .reason = STR("identify"), .source = STR("web"), .at_ms = 5,
                            .undone_ms = TIME_NONE};
    profile_no root = left->root.value < right->root.value ? left->root : right->root;
    struct person *both[] = {left, right};
    for (size_t i = 0; i < 2; i++)
        vec_each (profile, &both[i]->profiles)
            if (!profile_no_equal(profile->root, root)) {
                profile->root = root;
                profile->change = CHANGE_SET;
            }
}

static void rest_change(struct save *save, struct batch *batch)
{
    struct arena *arena = &file.arena;
    for (unsigned i = below(3); i > 0; i--)
        *(struct delivery_result *)vec_push(arena, &save->results) =
            (struct delivery_result){below((unsigned)file.outbox_next + 2), (enum delivery_state)below(4), below(9), (int64_t)below(100000),
                                     one_in(2) ? TIME_NONE : 77, one_in(2) ? STR("http_500") : STR_NONE};
    for (unsigned i = below(3); profile_last && i > 0; i--) {
        *(struct disclosure *)vec_push(arena, &save->disclosures) =
            (struct disclosure){CHANGE_NEW, {below((unsigned)profile_last) + 1}, one_in(2) ? STR("desk") : STR("shop"), STR("a"), 9, 9, 1};
        *(struct read_row *)vec_push(arena, &save->reads) =
            (struct read_row){.at_ms = below(1000), .profile = {below((unsigned)profile_last + 1)}, .purpose = STR("b"), .what = STR("profile"),
                              .ledger_index = one_in(2) ? UINT64_MAX : 3};
    }
    for (unsigned i = below(60); i > 0; i--) {
        struct ledger_row *row = vec_push(arena, &save->ledger);
        *row = (struct ledger_row){.index = ledger_next++, .entry = STR("{}"), .profile = {profile_last && one_in(2) ? below((unsigned)profile_last) + 1 : 0}};
        row->record_sealed = row->profile.value ? STR("record") : STR_NONE;
        memcpy(row->leaf_hash, &row->index, sizeof row->index);
    }
    if (one_in(8))
        *(struct key_end *)vec_push(arena, &batch->key_ends) = (struct key_end){{below((unsigned)profile_last + 1)}, KEY_CLASS_ALL, one_in(3)};
    *(struct counter *)vec_push(arena, &batch->counters) = (struct counter){below(3), STR("web"), one_in(2) ? STR("dropped") : STR("held"), STR_NONE, STR_NONE, 2};
}

/* --- comparing */

static struct person *person_of(struct world *world, uint64_t profile)
{
    profile_no number = {profile};
    struct load load = {.arena = &file.arena, .sets = world->sets, .profiles = &number, .profile_count = 1, .parts = PERSON_ALL, .events_from_ms = INT64_MIN};
    check_fine(world->store->ops->load(world->reader, &load));
    return load.by_profile[0];
}

#define BOTH(type, name, call)                                                                                         \
    type *name##_file, *name##_memory;                                                                                 \
    size_t name##_file_count, name##_memory_count;                                                                     \
    {                                                                                                                  \
        struct world *world = &file;                                                                                   \
        type **rows = &name##_file;                                                                                    \
        size_t *count = &name##_file_count;                                                                            \
        check_fine(call);                                                                                              \
        world = &memory;                                                                                               \
        rows = &name##_memory;                                                                                         \
        count = &name##_memory_count;                                                                                  \
        check_fine(call);                                                                                              \
    }                                                                                                                  \
    assert_int_equal(name##_file_count, name##_memory_count)

static void lists_are_the_same(void)
{
    struct arena *arena = &file.arena;
    profile_no some[] = {{below(PROFILES_MOST) + 1}, {below(PROFILES_MOST) + 1}};
    size_t some_count = some[0].value == some[1].value ? 1 : 2;
    uint64_t before = one_in(2) ? 0 : below((unsigned)file.event_next + 1);
    size_t max = below(20) + 1;
    BOTH(struct event, events, world->store->ops->events(world->reader, arena, world->sets, some, some_count, before, max, rows, count));
    for (size_t i = 0; i < events_file_count; i++)
        assert_int_equal(events_file[i].number.value, events_memory[i].number.value);
    before = one_in(2) ? 0 : below(200);
    some_count = one_in(4) ? 0 : some_count;
    BOTH(struct read_row, reads, world->store->ops->reads(world->reader, arena, some, some_count, before, max, rows, count));
    for (size_t i = 0; i < reads_file_count; i++)
        assert_int_equal(reads_file[i].number, reads_memory[i].number);
    struct delivery_query query = {.destination = one_in(3) ? STR_NONE : one_in(2) ? STR("desk") : STR("shop"), .state = (int)below(5) - 1,
                                   .after = one_in(2) ? 0 : below((unsigned)file.outbox_next), .due_ms = one_in(2) ? INT64_MAX : below(100000),
                                   .max = max, .newest_first = one_in(2)};
    BOTH(struct delivery, outbox, world->store->ops->deliveries(world->reader, arena, &query, rows, count));
    for (size_t i = 0; i < outbox_file_count; i++)
        assert_int_equal(outbox_file[i].number, outbox_memory[i].number);
}

static int number_order(const void *a, const void *b)
{
    uint64_t x = ((const profile_no *)a)->value, y = ((const profile_no *)b)->value;
    return x < y ? -1 : x > y;
}

static void tables_are_the_same(void)
{
    struct arena *arena = &file.arena;
    int64_t now_ms = below(2500);
    BOTH(profile_no, due, world->store->ops->due(world->reader, arena, now_ms, 1000, rows, count));
    if (due_file_count) { /* the order may differ where a time was put off */
        qsort(due_file, due_file_count, sizeof *due_file, number_order);
        qsort(due_memory, due_memory_count, sizeof *due_memory, number_order);
        assert_memory_equal(due_file, due_memory, due_file_count * sizeof *due_file);
    }
    BOTH(struct counter, counters, world->store->ops->counters(world->reader, arena, 0, 1, rows, count));
    for (size_t i = 0; i < counters_file_count; i++)
        assert_int_equal(counters_file[i].count, counters_memory[i].count);
    BOTH(struct destination_count, counts, world->store->ops->destination_counts(world->reader, arena, rows, count));
    for (size_t i = 0; i < counts_file_count; i++) {
        assert_int_equal(counts_file[i].pending, counts_memory[i].pending);
        assert_int_equal(counts_file[i].delivered, counts_memory[i].delivered);
        assert_int_equal(counts_file[i].dead, counts_memory[i].dead);
        assert_int_equal(counts_file[i].cancelled, counts_memory[i].cancelled);
        assert_int_equal(counts_file[i].oldest_pending_ms, counts_memory[i].oldest_pending_ms);
    }
    struct store_totals totals, wanted;
    check_fine(file.store->ops->totals(file.reader, arena, false, &totals));
    check_fine(memory.store->ops->totals(memory.reader, arena, false, &wanted));
    totals.bytes = wanted.bytes = 0;
    assert_memory_equal(&totals, &wanted, sizeof totals);
    purpose_mask mask, wanted_mask;
    check_fine(file.store->ops->purposes_in_use(file.reader, arena, file.sets, &mask));
    check_fine(memory.store->ops->purposes_in_use(memory.reader, arena, memory.sets, &wanted_mask));
    assert_int_equal(mask, wanted_mask);
    unsigned level = below(2), width = below(256) + 1;
    uint64_t index = below(4);
    uint8_t hashes[256][32] = {{0}}, wanted_hashes[256][32] = {{0}};
    const struct err *err = file.store->ops->tile(file.reader, arena, level, index, width, hashes[0]);
    const struct err *wanted_err = memory.store->ops->tile(memory.reader, arena, level, index, width, wanted_hashes[0]);
    assert_int_equal(err == NULL, wanted_err == NULL);
    assert_memory_equal(hashes, wanted_hashes, sizeof hashes);
}

static bool leaf_collect(void *context, const void *row)
{
    const struct ledger_row *leaf = row;
    uint64_t *sum = context;
    *sum = *sum * 31 + leaf->index * 7 + leaf->record_sealed.length + leaf->profile.value;
    return true;
}

static void stores_are_the_same(bool everything)
{
    for (uint64_t i = 1; i <= PROFILES_MOST; i++) {
        if (!everything && !one_in(8))
            continue;
        struct person *got = person_of(&file, i), *wanted = person_of(&memory, i);
        assert_int_equal(got == NULL, wanted == NULL);
        if (got)
            same_person(got, wanted);
        if (got)
            vec_each (profile, &got->profiles)
                assert_int_equal(profile->version, wanted->profiles.items[profile - got->profiles.items].version);
    }
    for (unsigned i = 0; i < (everything ? 20 : 2); i++)
        lists_are_the_same();
    tables_are_the_same();
    uint64_t sum = 0, wanted_sum = 0;
    check_fine(file.store->ops->ledger(file.reader, &file.arena, 0, UINT64_MAX, leaf_collect, &sum));
    check_fine(memory.store->ops->ledger(memory.reader, &file.arena, 0, UINT64_MAX, leaf_collect, &wanted_sum));
    assert_int_equal(sum, wanted_sum);
}

/* --- a run */

static void step(void)
{
    struct batch *batch = batch_new(&file);
    struct batch_row row = {.number = file.batch_next, .at_ms = 1, .policy_version = 1, .ledger_index = UINT64_MAX};
    struct save save = {.batch = batch, .row = &row};
    struct person *former = NULL;
    unsigned saved = (unsigned)profile_last;
    if (profile_last < PROFILES_MOST && one_in(4))
        person_change(batch, person_new(&file, batch, ++profile_last));
    for (unsigned i = below(3); saved && i > 0; i--) {
        struct person *person = person_of(&file, below(saved) + 1);
        bool known = false;
        vec_each (other, &batch->persons)
            known = known || profile_no_equal((*other)->root, person->root);
        if (known)
            continue;
        batch_add(batch, person);
        person_change(batch, person);
        if (one_in(4))
            group_change(batch, person, former);
        former = person;
    }
    rest_change(&save, batch);
    save.sets = file.sets;
    check_fine(file.store->ops->save(file.writer, &file.arena, &save));
    save.sets = memory.sets;
    check_fine(memory.store->ops->save(memory.writer, &file.arena, &save));
    file.batch_next++;
}

static void run(uint64_t seed, enum backend backend)
{
    random_state = seed;
    profile_last = held_last = consent_last = ledger_next = 0;
    hash_last = 0;
    world_open(&file, backend);
    world_open(&memory, BACKEND_MEMORY);
    for (int i = 0; i < STEPS; i++) {
        step();
        if (one_in(10))
            tidy_all(&file);
        if (one_in(40))
            world_reopen(&file);
        stores_are_the_same(one_in(40));
    }
    world_reopen(&file);
    stores_are_the_same(true);
    world_close(&memory);
    world_close(&file);
}

static void both_say_the_same(enum backend backend)
{
    const char *seed = getenv("SEED");
    int64_t number = 0;
    if (seed && str_to_int64(str_of(seed), &number)) {
        run((uint64_t)number, backend);
        return;
    }
    for (uint64_t i = 1; i <= 3; i++) {
        print_message("seed %u\n", (unsigned)i);
        run(i, backend);
    }
}

static void both_stores_say_the_same_after_any_commits(void **state)
{
    (void)state;
    both_say_the_same(BACKEND_SQLITE);
}

static void postgres_and_memory_say_the_same_after_any_commits(void **state)
{
    (void)state;
    if (!getenv("TELOS_TEST_POSTGRES"))
        skip(); /* the suite `postgres` sets it */
    both_say_the_same(BACKEND_POSTGRES);
}

int main(void)
{
    if (getenv("TEST_FILTER"))
        cmocka_set_test_filter(getenv("TEST_FILTER"));
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_stores_say_the_same_after_any_commits),
                                       cmocka_unit_test(postgres_and_memory_say_the_same_after_any_commits)};
    return cmocka_run_group_tests_name("store_model", tests, NULL, NULL);
}
