#include "engine/people_walk.h"

struct people_walk people_walk_begin(const struct engine *engine)
{
    return (struct people_walk){.next = 1, .batch = engine_batch_last(engine) + 1};
}

const struct err *people_walk_to(struct people_walk *walk, struct reader *reader, struct arena *arena, uint64_t number, int64_t until_us, people_look *look,
                                 void *context)
{
    while (!walk->walked && walk->next <= number && clock_monotonic_us() < until_us) {
        struct profile *rows;
        size_t count = 0, roots = 0;
        profile_no numbers[PEOPLE_STEP];
        TRY(reader->engine->store->ops->profiles(reader->session, arena, walk->next, PEOPLE_STEP, &rows, &count));
        for (size_t i = 0; i < count; i++)
            if (profile_no_equal(rows[i].root, rows[i].number))
                numbers[roots++] = rows[i].number;
        if (roots)
            TRY(look(context, numbers, roots));
        walk->walked = !count;
        if (count)
            walk->next = rows[count - 1].number.value + 1;
    }
    return NULL;
}

const struct err *people_walk_follow(struct people_walk *walk, struct reader *reader, struct arena *arena, int64_t until_us, people_look *look, void *context,
                                     bool *ret_done)
{
    *ret_done = false;
    while (clock_monotonic_us() < until_us) {
        struct change_item *items;
        size_t count = 0;
        profile_no numbers[PEOPLE_STEP];
        TRY(engine_changes(reader, arena, walk->batch, walk->offset, PEOPLE_STEP, &items, &count));
        for (size_t i = 0; i < count; i++)
            numbers[i] = items[i].profile;
        if (!count) {
            *ret_done = true;
            return NULL;
        }
        TRY(look(context, numbers, count));
        walk->batch = items[count - 1].batch;
        walk->offset = items[count - 1].offset + 1;
    }
    return NULL;
}
