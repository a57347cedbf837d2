/* The restored store brought to what the vault knows and what persons have said: rows that no key opens go, whom the tombstones name is erased
 * anew, who has said no since is heard again.
 *
 * Two passes over all people and one over the logs of refusals, each in commits of its own, so that it can be interrupted anywhere and run again:
 *   1. rows whose key is destroyed, or was renewed since the backup (they do not open), are ended;
 *   2. who has lost the contract key was erased: erased again, through the core. Everybody else is swept, for time has passed;
 *   3. what was refused, withdrawn or objected to since is recorded again (refusal_again.c).
 */
#include "engine/backup_private.h"

#define STEP_PROFILES 64

struct step {
    struct engine *engine;
    struct reader *reader;
    struct arena *arena;
    str made;
    profile_no numbers[STEP_PROFILES];
    size_t count;
};

/* --- pass 1: what does not open */

/* One row on its own: does everything sealed in it open? */
#define opens_alone(engine, arena, rows, row)                                                                          \
    ({                                                                                                                 \
        struct person one_ = {0};                                                                                      \
        *(__typeof__(row))vec_push((arena), &one_.rows) = *(row);                                                      \
        open_person((engine), (arena), &one_) == NULL;                                                                 \
    })

static bool key_lives(struct engine *engine, profile_no profile, enum key_class class)
{
    uint8_t key[32];
    bool live = vault_key(engine->vault, profile, class, key) == VAULT_LIVE;
    explicit_bzero(key, sizeof key);
    return live;
}

static void data_end(struct engine *engine, struct arena *arena, const struct person *person, struct person *ended)
{
    vec_each (page, &person->fact_pages)
        if (!key_lives(engine, page->profile, (enum key_class)page->key_class) || !opens_alone(engine, arena, fact_pages, page)) {
            struct fact_page *row = vec_push(arena, &ended->fact_pages);
            *row = *page;
            row->change = CHANGE_GONE;
        }
    vec_each (held, &person->held)
        if (!key_lives(engine, held->profile, KEY_HOLD) || !opens_alone(engine, arena, held, held)) {
            struct held *row = vec_push(arena, &ended->held);
            *row = *held;
            row->change = CHANGE_GONE;
        }
}

/* What was to be sent of an event that is gone. */
static void deliveries_end(struct arena *arena, const struct person *person, event_no event, struct person *ended)
{
    vec_each (delivery, &person->deliveries) {
        if (delivery->kind != DELIVERY_EVENT || delivery->state != DELIVERY_PENDING || delivery->event.value != event.value)
            continue;
        struct delivery *row = vec_push(arena, &ended->deliveries);
        *row = *delivery;
        row->change = CHANGE_SET;
        row->state = DELIVERY_CANCELLED;
        row->done_ms = clock_now_ms();
        row->reason = str_of(reason_name(REASON_SUBJECT_ERASED));
    }
}

/* Parts that open stay, and are sealed again. */
static void events_end(struct engine *engine, struct arena *arena, const struct person *person, struct person *ended)
{
    vec_each (event, &person->events) {
        struct event *kept = arena_new(arena, struct event);
        *kept = *event;
        kept->parts = arena_array(arena, struct event_part, event->part_count + 1);
        kept->part_count = 0;
        for (unsigned i = 0; i < event->part_count; i++) {
            struct event one = *event;
            one.parts = &event->parts[i];
            one.part_count = 1;
            if (key_lives(engine, event->profile, (enum key_class)event->parts[i].key_class) && !open_events(engine, arena, &one, 1) && one.part_count)
                kept->parts[kept->part_count++] = event->parts[i];
        }
        if (kept->part_count == event->part_count)
            continue;
        kept->change = kept->part_count ? CHANGE_SET : CHANGE_GONE;
        *(struct event *)vec_push(arena, &ended->events) = *kept;
        if (!kept->part_count)
            deliveries_end(arena, person, event->number, ended);
    }
}

static void records_end(struct engine *engine, struct arena *arena, const struct person *person, struct person *ended)
{
    vec_each (identifier, &person->identifiers)
        if (identifier->sealed.length && (!key_lives(engine, identifier->profile, KEY_EVIDENCE) || !opens_alone(engine, arena, identifiers, identifier))) {
            struct identifier *row = vec_push(arena, &ended->identifiers);
            *row = *identifier;
            row->change = CHANGE_SET; /* the hash stays: so nobody forgets that it was erased */
            row->purposes = 0;
            row->value = row->sealed = STR_NONE;
        }
    vec_each (record, &person->consents)
        if (!key_lives(engine, record->profile, KEY_EVIDENCE) || !opens_alone(engine, arena, consents, record)) {
            struct consent *row = vec_push(arena, &ended->consents);
            *row = *record;
            row->change = CHANGE_GONE;
        }
    vec_each (preferences, &person->preferences)
        if (!key_lives(engine, preferences->profile, KEY_EVIDENCE) || !opens_alone(engine, arena, preferences, preferences)) {
            struct preferences *row = vec_push(arena, &ended->preferences);
            *row = *preferences;
            row->change = CHANGE_GONE;
        }
}

static const struct err *end_join(void *context, struct commit *commit)
{
    struct step *step = context;
    struct load load = {.arena = commit->arena, .sets = commit->sets, .profiles = step->numbers, .profile_count = step->count,
                        .parts = PERSON_ALL, .events_from_ms = INT64_MIN};
    TRY(step->engine->store->ops->load(commit->session, &load));
    vec_each (person, &load.persons) {
        struct person *ended = arena_new(commit->arena, struct person);
        ended->root = (*person)->root;
        ended->profiles = (*person)->profiles;
        data_end(step->engine, commit->arena, *person, ended);
        events_end(step->engine, commit->arena, *person, ended);
        records_end(step->engine, commit->arena, *person, ended);
        *(struct person **)vec_push(commit->arena, &commit->batch.persons) = ended;
    }
    commit_setting(commit, STR("restored"), step->made); /* so that the commit is not taken for an empty one */
    return NULL;
}

/* --- pass 2: who was erased */


/* The persons become the commit's own, with their pages. */
static void persons_add(struct commit *commit, struct person **persons, size_t count)
{
    struct person **loaded = arena_array(commit->arena, struct person *, commit->loaded_count + count + 1);
    if (commit->loaded_count)
        memcpy(loaded, commit->loaded, commit->loaded_count * sizeof *loaded);
    for (size_t i = 0; i < count; i++) {
        loaded[commit->loaded_count + i] = persons[i];
        *(struct person **)vec_push(commit->arena, &commit->batch.persons) = persons[i];
    }
    commit->loaded = loaded;
    commit->loaded_count += count;
}

static const struct err *erase_join(void *context, struct commit *commit)
{
    struct step *step = context;
    struct person **persons = NULL;
    struct batch batch = {.arena = commit->arena, .policy = commit->policy, .ids = &commit->engine->ids, .now_ms = commit->now_ms,
                          .profile_next = commit->batch.profile_next};
    TRY(load_persons(step->engine, commit->session, commit->arena, commit->policy, step->numbers, step->count, PERSON_ALL, &persons));
    map_init(&batch.counter_index, commit->arena);
    batch.requests = arena_array(commit->arena, struct request, step->count);
    for (size_t i = 0; i < step->count; i++) {
        if (!persons[i])
            continue;
        *(struct person **)vec_push(commit->arena, &batch.persons) = persons[i];
        batch.requests[batch.request_count++] = (struct request){.kind = REQUEST_ERASE, .person = persons[i]};
    }
    core_apply(&batch);
    ASSERT(!batch.more_needed && batch.profile_next == commit->batch.profile_next);
    persons_add(commit, batch.persons.items, batch.persons.count);
    vec_each (leaf, &batch.leaves)
        *(struct leaf *)vec_push(commit->arena, &commit->batch.leaves) = *leaf;
    vec_each (counter, &batch.counters)
        *(struct counter *)vec_push(commit->arena, &commit->batch.counters) = *counter;
    vec_each (end, &batch.key_ends)
        *(struct key_end *)vec_push(commit->arena, &commit->batch.key_ends) = *end;
    return NULL;
}

/* --- pass 3: what persons have said no to since */

static const struct err *refusals_clean(struct engine *engine, struct reader *reader, struct arena *arena, const char *const *logs, size_t count,
                                        struct refusals_said_again *said)
{
    const struct err *error = NULL;
    for (size_t i = 0; i < count && !error; i++) {
        engine->refusals_quiet = i == 0; /* the directory's own has these lines already; those of other places are to be in it, too */
        error = refusals_say_again(engine, reader, arena, logs[i], said);
    }
    engine->refusals_quiet = false;
    return error;
}

/* --- walking */

struct note {
    str made;
    uint64_t size, erased;
    struct refusals_said_again said;
};

static const struct err *note_join(void *context, struct commit *commit)
{
    const struct note *note = context;
    struct buf buf;
    struct jsonw w;
    uint64_t index;
    buf_init(&buf, commit->arena, 1024);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field(&w, "backup_made", note->made);
    jsonw_field_int(&w, "erased_again", (int64_t)note->erased);
    jsonw_field_int(&w, "refused_again", (int64_t)note->said.statements);
    jsonw_field_int(&w, "size", (int64_t)note->size);
    jsonw_object_end(&w);
    return ledger_clear(&commit->draft, "restore", buf_str(&buf), &index);
}

static const struct err *slice_clean(struct step *step, const struct profile *rows, size_t count, uint64_t *erased)
{
    struct step erase = {.engine = step->engine, .reader = step->reader, .arena = step->arena};
    profile_no sweep[STEP_PROFILES];
    size_t sweep_count = 0;
    step->count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!profile_no_equal(rows[i].root, rows[i].number))
            continue;
        step->numbers[step->count++] = rows[i].number;
        if (rows[i].erased_ms == TIME_NONE && !key_lives(step->engine, rows[i].number, KEY_CONTRACT))
            erase.numbers[erase.count++] = rows[i].number;
        else
            sweep[sweep_count++] = rows[i].number;
    }
    if (!step->count)
        return NULL;
    TRY(engine_commit(step->engine, step->arena, end_join, NULL, step));
    if (erase.count)
        TRY(engine_commit(step->engine, step->arena, erase_join, NULL, &erase));
    *erased += erase.count;
    return engine_sweep_profiles(step->engine, step->arena, sweep, sweep_count, TIME_NONE);
}

const struct err *restore_clean(struct engine *engine, struct arena *arena, str made, uint64_t size, const char *const *refusal_logs,
                                size_t refusal_log_count, struct restored *ret_restored)
{
    struct note note = {.made = made, .size = size};
    struct step step = {.engine = engine, .made = made};
    struct arena slice;
    const struct policy *policy = engine_policy(engine);
    const struct err *error = NULL;
    engine_policy_release(engine, policy);
    TRY(engine_reader(engine, &step.reader));
    arena_init(&slice);
    step.arena = &slice;
    for (uint64_t from = 1; policy && !error;) { /* without a policy nobody was ever stored */
        struct profile *rows = NULL;
        size_t count = 0;
        error = engine_store(engine)->profiles(step.reader->session, &slice, from, STEP_PROFILES, &rows, &count);
        if (error || !count)
            break;
        from = rows[count - 1].number.value + 1;
        error = slice_clean(&step, rows, count, &note.erased);
        if (!error)
            arena_clear(&slice);
    }
    if (error)
        error = err_new(arena, error->code, "%s", error->text);
    arena_release(&slice);
    if (!error)
        error = refusals_clean(engine, step.reader, arena, refusal_logs, refusal_log_count, &note.said);
    engine_reader_close(step.reader);
    if (!error)
        error = engine_commit(engine, arena, note_join, NULL, &note);
    *ret_restored = (struct restored){note.erased, note.said};
    return error;
}
