/* Everybody once, then those whom commits touched since: what a table in memory of all people is kept by (campaign.c, people.c). */
#ifndef TELOS_ENGINE_PEOPLE_WALK_H
#define TELOS_ENGINE_PEOPLE_WALK_H

#include "engine/engine_private.h"

#define PEOPLE_STEP 256 /* profiles looked at at a time */

struct people_walk {
    uint64_t next; /* profile number to look at next */
    uint64_t batch; /* commits up to here were followed */
    uint32_t offset;
    bool walked; /* all were looked at once */
};
/* Takes these profiles in: roots of persons on the walk; on the way after it, whatever profile a commit touched. */
typedef const struct err *people_look(void *context, const profile_no *numbers, size_t count);

/* Begins after the last commit: who is looked at later is seen with all before it. */
struct people_walk people_walk_begin(const struct engine *engine);
/* Goes on until the walk has passed `number` (UINT64_MAX: all), or the time is over. */
const struct err *people_walk_to(struct people_walk *walk, struct reader *reader, struct arena *arena, uint64_t number, int64_t until_us, people_look *look,
                                 void *context) MUST_CHECK;
/* Those touched since; `*ret_done` false where the time was over first. */
const struct err *people_walk_follow(struct people_walk *walk, struct reader *reader, struct arena *arena, int64_t until_us, people_look *look, void *context,
                                     bool *ret_done) MUST_CHECK;

#endif
