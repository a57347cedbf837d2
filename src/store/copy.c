/* Copying a store: small tables, people with what is theirs, the outbox, then the log in its order. Each step is a save of a bounded number of rows.
 *
 * 1. Masks of purposes are the numbers of sets themselves here (purpose_sets_bind_numbers): so sets of former policies come along.
 * 2. A person is copied with the page in which the oldest of its profiles is.
 */
#include "store/copy.h"

#include "base/map.h"

enum { PROFILES = 256, ROWS = 1000, BATCHES = 64 };

struct copying {
    struct arena arena; /* of one step */
    const struct store_ops *from;
    struct store_session *reader, *writer;
    struct store *to;
    struct purpose_sets *sets;
    uint64_t done, all;
    void (*progress)(void *context, uint64_t done, uint64_t all);
    void *context;
};

static const struct err *save(struct copying *copying, struct save *rows, uint64_t count)
{
    rows->sets = copying->sets;
    TRY(copying->to->ops->save(copying->writer, &copying->arena, rows));
    copying->done += count;
    if (copying->progress)
        copying->progress(copying->context, copying->done, copying->all);
    return NULL;
}

/* --- small tables */

static bool setting_take(void *context, const void *row)
{
    const struct setting_row *setting = row;
    struct { struct copying *copying; VEC(struct setting_row) rows; } *taken = context;
    *(struct setting_row *)vec_push(&taken->copying->arena, &taken->rows) = (struct setting_row){
        str_copy(&taken->copying->arena, setting->key), setting->value.length ? str_copy(&taken->copying->arena, setting->value) : STR("")};
    return true;
}

static const struct err *settings_copy(struct copying *copying)
{
    struct { struct copying *copying; VEC(struct setting_row) rows; } taken = {.copying = copying};
    TRY(copying->from->settings(copying->reader, &copying->arena, setting_take, &taken));
    struct save rows = {.setting_count = taken.rows.count + 1};
    rows.settings = arena_alloc(&copying->arena, rows.setting_count * sizeof *rows.settings);
    for (size_t i = 0; i < taken.rows.count; i++) {
        rows.settings[i].key = taken.rows.items[i].key;
        rows.settings[i].value = taken.rows.items[i].value;
    }
    rows.settings[taken.rows.count].key = STR(COPY_UNFINISHED);
    rows.settings[taken.rows.count].value = STR("1");
    return save(copying, &rows, 0);
}

static const struct err *policies_copy(struct copying *copying)
{
    struct policy_row *policies;
    size_t count;
    TRY(copying->from->policies(copying->reader, &copying->arena, true, &policies, &count));
    for (size_t i = 0; i < count; i++) {
        struct save rows = {.policy = &policies[i]};
        TRY(save(copying, &rows, 0));
    }
    return NULL;
}

static const struct err *tokens_and_counters_copy(struct copying *copying)
{
    struct token_row *tokens;
    struct user_row *users;
    struct session_row *sessions;
    struct counter *counters;
    size_t token_count, user_count, session_count, counter_count;
    struct batch batch = {.arena = &copying->arena};
    struct save rows = {.batch = &batch};
    TRY(copying->from->tokens(copying->reader, &copying->arena, &tokens, &token_count));
    TRY(copying->from->counters(copying->reader, &copying->arena, INT64_MIN, INT64_MAX, &counters, &counter_count));
    TRY(copying->from->users(copying->reader, &copying->arena, &users, &user_count));
    TRY(copying->from->sessions(copying->reader, &copying->arena, &sessions, &session_count));
    for (size_t i = 0; i < user_count; i++)
        *(struct user_row *)vec_push(&copying->arena, &rows.users) = users[i];
    for (size_t i = 0; i < session_count; i++)
        *(struct session_row *)vec_push(&copying->arena, &rows.sessions) = sessions[i];
    for (size_t i = 0; i < token_count; i++)
        *(struct token_row *)vec_push(&copying->arena, &rows.tokens) = tokens[i];
    for (size_t i = 0; i < counter_count; i++)
        *(struct counter *)vec_push(&copying->arena, &batch.counters) = counters[i];
    return save(copying, &rows, 0);
}

static const struct err *rights_copy(struct copying *copying)
{
    struct rights_query query = {.state = -1, .watch_ms = TIME_NONE, .max = ROWS};
    for (size_t count = ROWS; count == ROWS;) {
        struct rights_request *found;
        struct save rows = {0};
        TRY(copying->from->rights(copying->reader, &copying->arena, &query, &found, &count));
        for (size_t i = 0; i < count; i++)
            *(struct rights_request *)vec_push(&copying->arena, &rows.rights) = found[i];
        if (count)
            query.before = found[count - 1].id;
        TRY(save(copying, &rows, 0));
        arena_clear(&copying->arena);
    }
    return NULL;
}

/* --- people */

#define MARK_NEW(field)                                                                                                \
    vec_each (row, &person->field)                                                                                     \
        row->change = CHANGE_NEW

/* The number of the set of these names; made where there is none. */
static uint32_t set_of(struct copying *copying, str names)
{
    uint32_t position = 0, id = 0;
    str known;
    while (purpose_sets_next(copying->sets, &position, &id, &known))
        if (str_equal(known, names))
            return id;
    purpose_sets_add(copying->sets, position + 1, names);
    return position + 1;
}

/* An event that was changed knows for what it was decided at first: it is saved as it was then, and changed afterwards, as it was changed once. */
static void event_first(struct copying *copying, struct event *event, struct person *later)
{
    uint32_t ids[EVENT_PARTS_MAX];
    for (size_t i = 0; i < event->part_count; i++)
        ids[i] = (uint32_t)event->parts[i].purposes;
    if (str_empty(event->decided) || str_equal(event->decided, purpose_sets_names(copying->sets, &copying->arena, ids, event->part_count)))
        return;
    uint32_t first = set_of(copying, event->decided);
    struct event *changed = vec_push(&copying->arena, &later->events);
    *changed = *event;
    changed->change = CHANGE_SET;
    event->parts = arena_array(&copying->arena, struct event_part, event->part_count);
    for (size_t i = 0; i < event->part_count; i++) {
        event->parts[i] = changed->parts[i];
        event->parts[i].purposes = first;
    }
}

static bool decisions_take(void *context, const void *row)
{
    struct { struct copying *copying; struct save *rows; } *taken = context;
    struct kept_decisions *kept = vec_push(&taken->copying->arena, &taken->rows->decisions);
    *kept = *(const struct kept_decisions *)row;
    kept->sealed = str_copy(&taken->copying->arena, kept->sealed);
    return true;
}

static uint64_t person_mark(struct person *person)
{
    MARK_NEW(profiles);
    MARK_NEW(identifiers);
    MARK_NEW(consents);
    MARK_NEW(merges);
    MARK_NEW(preferences);
    MARK_NEW(fact_pages);
    MARK_NEW(events);
    MARK_NEW(held);
    MARK_NEW(disclosures);
    MARK_NEW(refused);
    person->deliveries.count = 0; /* all of the outbox follows */
    return person->profiles.count + person->events.count;
}

static const struct err *people_copy(struct copying *copying)
{
    struct arena *arena = &copying->arena;
    for (uint64_t from = 1;;) {
        struct profile *page;
        size_t count;
        struct batch batch = {.arena = arena};
        struct save rows = {.batch = &batch};
        struct person later = {0}, *changed = &later;
        struct { struct copying *copying; struct save *rows; } kept = {copying, &rows};
        uint64_t done = 0;
        TRY(copying->from->profiles(copying->reader, arena, from, PROFILES, &page, &count));
        if (!count)
            return NULL;
        struct load load = {.arena = arena, .sets = copying->sets, .profiles = arena_array(arena, profile_no, count), .profile_count = count,
                            .parts = PERSON_ALL, .events_from_ms = INT64_MIN};
        for (size_t i = 0; i < count; i++)
            ((profile_no *)load.profiles)[i] = page[i].number;
        TRY(copying->from->load(copying->reader, &load));
        vec_each (person, &load.persons)
            if ((*person)->profiles.items[0].number.value >= from) {
                done += person_mark(*person);
                vec_each (event, &(*person)->events)
                    event_first(copying, event, &later);
                *(struct person **)vec_push(arena, &batch.persons) = *person;
            }
        for (size_t i = 0; i < count; i++)
            TRY(copying->from->decisions(copying->reader, arena, page[i].number, decisions_take, &kept));
        from = page[count - 1].number.value + 1;
        TRY(save(copying, &rows, done));
        if (later.events.count) {
            struct batch second = {.arena = arena, .persons = {&changed, 1, 1}};
            rows = (struct save){.batch = &second};
            TRY(save(copying, &rows, 0));
        }
        arena_clear(arena);
    }
}

/* --- the outbox and the log */

static const struct err *outbox_copy(struct copying *copying)
{
    struct delivery_query query = {.state = -1, .due_ms = INT64_MAX, .max = ROWS};
    for (size_t count = ROWS; count == ROWS;) {
        struct delivery *found;
        struct person person = {0}, *one = &person;
        struct batch batch = {.arena = &copying->arena, .persons = {&one, 1, 1}};
        struct save rows = {.batch = &batch};
        TRY(copying->from->deliveries(copying->reader, &copying->arena, &query, &found, &count));
        for (size_t i = 0; i < count; i++) {
            found[i].change = CHANGE_NEW;
            query.after = found[i].number;
        }
        person.deliveries.items = found;
        person.deliveries.count = person.deliveries.capacity = count;
        TRY(save(copying, &rows, count));
        arena_clear(&copying->arena);
    }
    return NULL;
}

struct leaves {
    struct copying *copying;
    struct save *rows;
};
static bool leaf_take(void *context, const void *row)
{
    struct leaves *leaves = context;
    struct ledger_row *leaf = vec_push(&leaves->copying->arena, &leaves->rows->ledger);
    *leaf = *(const struct ledger_row *)row;
    leaf->entry = str_copy(&leaves->copying->arena, leaf->entry);
    leaf->record_sealed = str_copy(&leaves->copying->arena, leaf->record_sealed);
    return true;
}

static const struct err *ledger_copy(struct copying *copying, uint64_t size)
{
    for (uint64_t from = 0; from < size; from += ROWS) {
        struct save rows = {0};
        TRY(copying->from->ledger(copying->reader, &copying->arena, from, from + ROWS - 1, leaf_take, &(struct leaves){copying, &rows}));
        TRY(save(copying, &rows, rows.ledger.count));
        arena_clear(&copying->arena);
    }
    return NULL;
}

struct batches {
    struct copying *copying;
    VEC(struct batch_row) rows;
};
static bool batch_take(void *context, const void *row)
{
    struct batches *batches = context;
    struct arena *arena = &batches->copying->arena;
    struct batch_row *batch = vec_push(arena, &batches->rows);
    *batch = *(const struct batch_row *)row;
    batch->dedupe = str_copy(arena, batch->dedupe);
    batch->decisions = str_copy(arena, batch->decisions);
    batch->profiles = str_copy(arena, batch->profiles);
    return true;
}

static const struct err *batches_copy(struct copying *copying, uint64_t last)
{
    for (uint64_t from = 0; from <= last; from += BATCHES) {
        struct batches batches = {.copying = copying};
        TRY(copying->from->batches(copying->reader, &copying->arena, from, from + BATCHES - 1, batch_take, &batches));
        vec_each (row, &batches.rows) {
            struct save rows = {.row = row};
            TRY(save(copying, &rows, 1));
        }
        arena_clear(&copying->arena);
    }
    return NULL;
}

/* In their order, for the store numbers them. */
static const struct err *reads_copy(struct copying *copying, uint64_t last)
{
    for (uint64_t from = 1; from <= last; from += ROWS) {
        struct read_row *found;
        size_t count, wanted = last - from + 1 < ROWS ? last - from + 1 : ROWS;
        struct save rows = {0};
        TRY(copying->from->reads(copying->reader, &copying->arena, NULL, 0, from + wanted, wanted, &found, &count));
        for (size_t i = count; i-- > 0;)
            *(struct read_row *)vec_push(&copying->arena, &rows.reads) = found[i];
        TRY(save(copying, &rows, count));
        arena_clear(&copying->arena);
    }
    return NULL;
}

/* --- all */

bool store_totals_equal(const struct store_totals *a, const struct store_totals *b)
{
    struct store_totals x = *a, y = *b;
    x.bytes = y.bytes = 0;
    return memcmp(&x, &y, sizeof x) == 0;
}

/* Numbers whose rows are gone are not given again. */
static const struct err *numbers_copy(struct copying *copying, const struct store_totals *totals)
{
    struct save rows = {.numbers = totals};
    return save(copying, &rows, 0);
}

static const struct err *finish(struct copying *copying)
{
    struct save rows = {.setting_count = 1};
    rows.settings = arena_alloc(&copying->arena, sizeof *rows.settings);
    rows.settings[0].key = STR(COPY_UNFINISHED);
    rows.settings[0].value = STR_NONE;
    return save(copying, &rows, 0);
}

static const struct err *leaves_compare(struct copying *copying, uint64_t size, bool *ret_same)
{
    *ret_same = true;
    for (uint64_t index = 0; index * 256 < size && *ret_same; index++) {
        unsigned width = size - index * 256 < 256 ? (unsigned)(size - index * 256) : 256;
        uint8_t mine[256][32], theirs[256][32];
        TRY(copying->from->tile(copying->reader, &copying->arena, 0, index, width, mine[0]));
        TRY(copying->to->ops->tile(copying->writer, &copying->arena, 0, index, width, theirs[0]));
        *ret_same = memcmp(mine, theirs, (size_t)width * 32) == 0;
        arena_clear(&copying->arena);
    }
    return NULL;
}

static const struct err *copy_all(struct copying *copying, struct store_copied *copied)
{
    const struct store_totals *totals = &copied->from;
    TRY(copying->to->ops->totals(copying->writer, &copying->arena, false, &copied->to));
    if (copied->to.profile_next > 1 || copied->to.ledger || copied->to.batches)
        return err_new(&copying->arena, ERR_CONFLICT, "the store to copy into is not empty");
    TRY(copying->from->totals(copying->reader, &copying->arena, false, &copied->from));
    copying->all = totals->profile_next - 1 + totals->events + totals->outbox_next - 1 + totals->ledger + totals->batches + totals->reads;
    TRY(settings_copy(copying));
    TRY(policies_copy(copying));
    TRY(tokens_and_counters_copy(copying));
    TRY(rights_copy(copying));
    TRY(people_copy(copying));
    TRY(outbox_copy(copying));
    TRY(ledger_copy(copying, totals->ledger));
    TRY(batches_copy(copying, totals->batch_next - 1));
    TRY(reads_copy(copying, totals->reads));
    TRY(numbers_copy(copying, totals));
    TRY(leaves_compare(copying, totals->ledger, &copied->leaves_same));
    TRY(copying->to->ops->totals(copying->writer, &copying->arena, false, &copied->to));
    if (!copied->leaves_same || !store_totals_equal(&copied->from, &copied->to))
        return NULL; /* it stays marked as unfinished */
    return finish(copying);
}

const struct err *store_copy(struct arena *arena, const struct store_ops *from, struct store_session *reader, struct store *to,
                             void (*progress)(void *context, uint64_t done, uint64_t all), void *context, struct store_copied *ret_copied)
{
    struct copying copying = {.from = from, .reader = reader, .to = to, .progress = progress, .context = context};
    struct store_copied copied = {0};
    if (!from->settings)
        return err_new(arena, ERR_CONFLICT, "a store of the kind `%s` cannot be copied", from->name);
    TRY(to->ops->session(to, arena, true, &copying.writer));
    arena_init(&copying.arena);
    copying.sets = purpose_sets_new();
    purpose_sets_bind_numbers(copying.sets);
    const struct err *err = copy_all(&copying, &copied);
    if (err)
        err = err_new(arena, err->code, "%s", err->text); /* a copy, for its arena ends */
    else
        *ret_copied = copied;
    purpose_sets_free(copying.sets);
    arena_release(&copying.arena);
    to->ops->session_close(copying.writer);
    return err;
}
