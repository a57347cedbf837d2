/* Once, after an update: the year of birth lay in clear in the profile's row before layout 3 of the embedded store. The store reads such rows as they are;
 * here each is saved once more, which seals it. The setting "birth_years_clear" holds the profile number to go on from, so a kill costs one step.
 */
#include "base/log.h"
#include "engine/engine_private.h"

#define STEP_PROFILES 512

struct step {
    profile_no numbers[STEP_PROFILES];
    size_t count;
    uint64_t next; /* 0: these were the last */
};

static const struct err *seal_join(void *context, struct commit *commit)
{
    const struct step *step = context;
    struct person **persons = NULL;
    commit_setting(commit, STR("birth_years_clear"), step->next ? str_printf(commit->arena, "%llu", (unsigned long long)step->next) : STR_NONE);
    if (!step->count)
        return NULL;
    TRY(load_persons(commit->engine, commit->session, commit->arena, commit->policy, step->numbers, step->count, PERSON_HEAD, &persons));
    for (size_t i = 0; i < step->count; i++) {
        bool added = !persons[i];
        for (size_t j = 0; j < i && !added; j++)
            added = persons[j] == persons[i]; /* several profiles of one person */
        if (added)
            continue;
        vec_each (row, &persons[i]->profiles)
            if (row->birth_year && str_empty(row->sealed))
                row->change = CHANGE_SET;
        *(struct person **)vec_push(commit->arena, &commit->batch.persons) = persons[i];
    }
    return NULL;
}

static const struct err *step_run(struct engine *engine, struct reader *reader, struct arena *arena, uint64_t *from)
{
    struct profile *rows = NULL;
    size_t count = 0;
    struct step step = {.count = 0};
    TRY(engine->store->ops->profiles(reader->session, arena, *from, STEP_PROFILES, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].birth_year)
            step.numbers[step.count++] = rows[i].number;
    *from = step.next = count ? rows[count - 1].number.value + 1 : 0;
    return engine_commit_alone(engine, arena, seal_join, NULL, &step);
}

const struct err *years_seal(struct engine *engine)
{
    str text = STR_NONE;
    int64_t number = 0;
    struct reader *reader = NULL;
    struct arena slice;
    TRY(engine_reader(engine, &reader));
    arena_init(&slice);
    const struct err *error = engine->store->ops->setting(reader->session, &slice, STR("birth_years_clear"), &text);
    bool owed = !error && !str_empty(text);
    if (owed && (!str_to_int64(text, &number) || number <= 0))
        error = err_new(&slice, ERR_INTERNAL, "the setting `birth_years_clear` is damaged");
    for (uint64_t from = (uint64_t)number; from && !error;) {
        arena_clear(&slice);
        error = step_run(engine, reader, &slice, &from);
    }
    if (error) /* a full disk must not keep anybody from starting: the next start goes on */
        log_write(LOG_ERROR, "engine", "years of birth that an older Telos left in clear are not all sealed yet: %s", error->text);
    else if (owed)
        log_write(LOG_INFO, "engine", "years of birth that an older Telos left in clear are sealed");
    arena_release(&slice);
    engine_reader_close(reader);
    return NULL;
}
