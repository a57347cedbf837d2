/* How a campaign for renewed consent stands: who is on which version of a notice, who can be asked, how many renewed by day.
 *
 * The first question looks at everybody, in slices of about a second; later ones look only at those whom commits touched since (the batch rows
 * say whom). In between stands one small entry a profile, in memory: LIMIT_CAMPAIGNS notices at a time, the one asked longest ago makes room.
 *
 * 1. A person counts once, however many profiles they have.
 * 2. The gate says who can be asked: contact by e-mail, for a purpose that holds for the person now.
 * 3. It depends on the active policy; another one begins the count anew.
 */
#ifndef TELOS_ENGINE_CAMPAIGN_H
#define TELOS_ENGINE_CAMPAIGN_H

#include "engine/engine.h"

enum campaign_state {
    CAMPAIGN_NONE,    /* never agreed to anything under this notice */
    CAMPAIGN_OPEN,    /* the newest yes is under a version that is too old */
    CAMPAIGN_RENEWED, /* the newest yes is under one that is new enough */
    CAMPAIGN_ENDED,   /* agreed once, and withdrew, refused, or let it run out */
    CAMPAIGN_STATES,
};
#define CAMPAIGN_VERSIONS 256 /* versions from here on are counted under the last */
#define CAMPAIGN_DAYS 366

struct campaign_day {
    int64_t day_ms;
    uint64_t people;
};
struct campaign_count {
    bool complete; /* false: ask again, it goes on from here */
    uint64_t looked_at, profiles;
    uint32_t needs; /* the oldest version that is good enough */
    uint64_t people[CAMPAIGN_STATES], versions[CAMPAIGN_VERSIONS];
    uint64_t contactable[LIMIT_PURPOSES], not_contactable; /* of those who are open */
    struct campaign_day days[CAMPAIGN_DAYS]; /* the newest, oldest first */
    size_t day_count;
};
const struct err *engine_campaign(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy *policy, str notice,
                                  struct campaign_count *ret_count) MUST_CHECK;
/* Who is open and could be asked for the purpose when last looked at, profile numbers above `after`, in order. After engine_campaign, which brings the
 * count up to date; ask the gate again before anything is shown or sent. */
const struct err *engine_campaign_people(struct engine *engine, struct arena *arena, const struct policy *policy, str notice,
                                         const struct purpose *purpose, uint64_t after, size_t max, profile_no **ret_numbers, size_t *ret_count) MUST_CHECK;
void campaigns_free(struct campaigns *campaigns);

#endif
