#include "engine/campaign.h"

#include "engine/people_walk.h"

#include <stdlib.h>

#define SLICE_US 900000

struct campaign_entry { /* of a root profile; all zero: does not count */
    purpose_mask contactable;
    uint16_t day; /* since 1970, of the newest yes */
    uint8_t state, version;
};
struct campaign {
    char notice[LIMIT_NAME_BYTES + 1];
    uint32_t policy_version;
    int64_t asked_us;
    struct campaign_entry *entries; /* by profile number */
    size_t room;
    struct people_walk walk;
};
struct campaigns {
    pthread_mutex_t lock;
    struct campaign items[LIMIT_CAMPAIGNS];
};

static struct campaigns *campaigns_of(struct engine *engine)
{
    struct campaigns *campaigns = atomic_load(&engine->campaigns);
    if (campaigns)
        return campaigns;
    struct campaigns *made = calloc(1, sizeof(*made));
    ASSERT(made);
    pthread_mutex_init(&made->lock, NULL);
    if (atomic_compare_exchange_strong(&engine->campaigns, &campaigns, made))
        return made;
    pthread_mutex_destroy(&made->lock);
    free(made);
    return campaigns;
}

void campaigns_free(struct campaigns *campaigns)
{
    if (!campaigns)
        return;
    for (size_t i = 0; i < LIMIT_CAMPAIGNS; i++)
        free(campaigns->items[i].entries);
    pthread_mutex_destroy(&campaigns->lock);
    free(campaigns);
}

static void campaign_begin(struct campaign *campaign, const struct engine *engine, const struct policy *policy, str notice)
{
    free(campaign->entries);
    *campaign = (struct campaign){.policy_version = policy->version, .walk = people_walk_begin(engine)};
    memcpy(campaign->notice, notice.data, notice.length);
}

static struct campaign *campaign_take(struct campaigns *campaigns, const struct engine *engine, const struct policy *policy, str notice)
{
    struct campaign *oldest = &campaigns->items[0];
    for (size_t i = 0; i < LIMIT_CAMPAIGNS; i++) {
        struct campaign *campaign = &campaigns->items[i];
        if (str_equal(str_of(campaign->notice), notice)) {
            if (campaign->policy_version != policy->version)
                campaign_begin(campaign, engine, policy, notice);
            return campaign;
        }
        if (campaign->asked_us < oldest->asked_us)
            oldest = campaign;
    }
    campaign_begin(oldest, engine, policy, notice);
    return oldest;
}

static struct campaign_entry *entry_at(struct campaign *campaign, uint64_t number)
{
    if (number >= campaign->room) {
        size_t room = campaign->room ? campaign->room : 4096;
        while (room <= number)
            room *= 2;
        campaign->entries = realloc(campaign->entries, room * sizeof(struct campaign_entry));
        ASSERT(campaign->entries);
        memset(campaign->entries + campaign->room, 0, (room - campaign->room) * sizeof(struct campaign_entry));
        campaign->room = room;
    }
    return &campaign->entries[number];
}

static uint32_t needs_of(const struct policy *policy, const struct purpose *purpose, const struct notice *notice)
{
    (void)policy;
    uint32_t least = purpose->notice_min_version ? purpose->notice_min_version : notice->renew_older_than;
    return least ? least : 1;
}

/* ---- one person ---- */

static purpose_mask contactable(struct arena *arena, const struct policy *policy, const struct person *person, purpose_mask holds, int64_t now_ms)
{
    purpose_mask mask = 0;
    vec_each (purpose, &policy->purposes) {
        struct question question = {.purpose = purpose->name, .channel = STR("email"), .contact = true, .operation = OPERATION_USE, .at_ms = TIME_NONE,
                                    .known_ms = TIME_NONE, .now_ms = now_ms};
        struct decision decision;
        if (!(holds & purpose->self))
            continue;
        gate_decide(arena, policy, person, &question, &decision);
        reason_mask later = REASON_BIT(REASON_QUIET_HOURS) | REASON_BIT(REASON_FREQUENCY_CAPPED); /* it may come then */
        if (!(decision.reasons & ~later))
            mask |= purpose->self;
    }
    return mask;
}

/* The state of the purpose that is furthest behind: an open one beats a renewed one, that one that ended. */
static void person_count(struct arena *arena, const struct policy *policy, const struct notice *notice, struct person *person, struct campaign_entry *ret_entry)
{
    int64_t now_ms = clock_now_ms();
    const struct standing *standing = gate_standing(arena, policy, person, STR_NONE, now_ms);
    struct campaign_entry entry = {0};
    if (standing->erased)
        return;
    vec_each (purpose, &policy->purposes) {
        const struct purpose_standing *now = &standing->purposes[purpose->slot];
        const struct consent *record = now->record;
        if (purpose->notice != notice->slot || now->basis != BASIS_CONSENT || !record)
            continue;
        bool given = (record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED) && !now->objection && record->expires_ms > now_ms;
        bool fits = given && str_equal(record->notice, notice->name) && record->notice_version >= needs_of(policy, purpose, notice);
        enum campaign_state state = fits ? CAMPAIGN_RENEWED : given ? CAMPAIGN_OPEN : CAMPAIGN_ENDED;
        if (entry.state && entry.state <= state)
            continue;
        entry.state = (uint8_t)state;
        entry.version = (uint8_t)(record->notice_version < CAMPAIGN_VERSIONS ? record->notice_version : CAMPAIGN_VERSIONS - 1);
        entry.day = (uint16_t)(record->at_ms > 0 ? record->at_ms / DAY_MS : 0);
    }
    if (entry.state == CAMPAIGN_OPEN)
        entry.contactable = contactable(arena, policy, person, standing->holds, now_ms);
    *ret_entry = entry;
}

static void person_take(struct campaign *campaign, struct arena *arena, const struct policy *policy, const struct notice *notice, struct person *person)
{
    vec_each (profile, &person->profiles)
        *entry_at(campaign, profile->number.value) = (struct campaign_entry){0};
    person_count(arena, policy, notice, person, entry_at(campaign, person->root.value));
}

/* ---- everybody, then those who were touched ---- */

struct looking {
    struct campaign *campaign;
    struct reader *reader;
    const struct policy *policy;
    const struct notice *notice;
};
static const struct err *look_at(void *context, const profile_no *numbers, size_t count)
{
    struct looking *looking = context;
    struct campaign *campaign = looking->campaign;
    struct arena arena;
    struct person **persons;
    arena_init(&arena);
    const struct err *error = load_persons(looking->reader->engine, looking->reader->session, &arena, looking->policy, numbers, count, PERSON_HEAD, &persons);
    for (size_t i = 0; !error && i < count; i++) {
        if (persons[i])
            person_take(campaign, &arena, looking->policy, looking->notice, persons[i]);
        else
            *entry_at(campaign, numbers[i].value) = (struct campaign_entry){0};
    }
    const struct err *kept = error ? err_new(&looking->reader->arena, error->code, "%s", error->text) : NULL; /* it lay in the arena that ends here */
    arena_release(&arena);
    return kept;
}

/* ---- who is open ---- */

const struct err *engine_campaign_people(struct engine *engine, struct arena *arena, const struct policy *policy, str notice,
                                         const struct purpose *purpose, uint64_t after, size_t max, profile_no **ret_numbers, size_t *ret_count)
{
    struct campaigns *campaigns = campaigns_of(engine);
    const struct notice *known = policy_notice(policy, notice);
    profile_no *numbers = arena_array(arena, profile_no, max);
    size_t count = 0;
    if (!known)
        return err_new(arena, ERR_NOT_FOUND, "the policy has no such notice");
    pthread_mutex_lock(&campaigns->lock);
    const struct campaign *campaign = campaign_take(campaigns, engine, policy, known->name);
    for (uint64_t i = after + 1; i < campaign->room && count < max; i++)
        if (campaign->entries[i].state == CAMPAIGN_OPEN && (campaign->entries[i].contactable & purpose->self))
            numbers[count++].value = i;
    pthread_mutex_unlock(&campaigns->lock);
    *ret_numbers = numbers;
    *ret_count = count;
    return NULL;
}

/* ---- the sum ---- */

static void day_add(struct campaign_count *count, const uint64_t *by_day, int64_t newest)
{
    for (int64_t day = newest - CAMPAIGN_DAYS + 1; day <= newest; day++)
        if (day >= 0 && by_day[day])
            count->days[count->day_count++] = (struct campaign_day){day * DAY_MS, by_day[day]};
}

static void sum(const struct campaign *campaign, struct arena *arena, const struct policy *policy, struct campaign_count *count)
{
    uint64_t *by_day = arena_array(arena, uint64_t, UINT16_MAX + 1);
    int64_t newest = 0;
    for (size_t i = 0; i < campaign->room; i++) {
        const struct campaign_entry *entry = &campaign->entries[i];
        if (!entry->state)
            continue;
        count->people[entry->state]++;
        if (entry->state == CAMPAIGN_OPEN || entry->state == CAMPAIGN_RENEWED)
            count->versions[entry->version]++;
        if (entry->state == CAMPAIGN_RENEWED) {
            by_day[entry->day]++;
            newest = entry->day > newest ? entry->day : newest;
        }
        if (entry->state != CAMPAIGN_OPEN)
            continue;
        count->not_contactable += !entry->contactable;
        for (purpose_mask mask = entry->contactable; mask; mask &= mask - 1)
            count->contactable[__builtin_ctzll(mask)]++;
    }
    (void)policy;
    day_add(count, by_day, newest);
}

static const struct err *advance(struct campaign *campaign, struct reader *reader, struct arena *arena, const struct policy *policy,
                                 const struct notice *notice, struct campaign_count *count)
{
    int64_t until_us = clock_monotonic_us() + SLICE_US;
    struct store_totals totals;
    bool done = false;
    struct looking looking = {campaign, reader, policy, notice};
    TRY(people_walk_to(&campaign->walk, reader, arena, UINT64_MAX, until_us, look_at, &looking));
    if (campaign->walk.walked)
        TRY(people_walk_follow(&campaign->walk, reader, arena, until_us, look_at, &looking, &done));
    TRY(engine_store(reader->engine)->totals(reader->session, arena, true, &totals));
    count->complete = done;
    count->profiles = totals.profile_next ? totals.profile_next - 1 : 0;
    count->looked_at = campaign->walk.walked ? count->profiles : campaign->walk.next - 1;
    sum(campaign, arena, policy, count);
    return NULL;
}

const struct err *engine_campaign(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy *policy, str notice,
                                  struct campaign_count *ret_count)
{
    struct campaigns *campaigns = campaigns_of(engine);
    const struct notice *known = policy_notice(policy, notice);
    struct campaign_count *count = arena_new(arena, struct campaign_count);
    if (!known)
        return err_new(arena, ERR_NOT_FOUND, "the policy has no such notice");
    count->needs = known->renew_older_than ? known->renew_older_than : 1;
    pthread_mutex_lock(&campaigns->lock);
    struct campaign *campaign = campaign_take(campaigns, engine, policy, known->name);
    campaign->asked_us = clock_monotonic_us();
    const struct err *error = advance(campaign, reader, arena, policy, known, count);
    pthread_mutex_unlock(&campaigns->lock);
    if (!error)
        *ret_count = *count;
    return error;
}
