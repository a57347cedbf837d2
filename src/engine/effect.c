/* What a policy would do to stored data: the very core function that the sweeper will call runs on every person, and its marks are counted
 * instead of saved. So a plan cannot say anything else than what happens. */
#include "engine/effect_private.h"

#define SLICE_PROFILES 256

/* --- flows */

static bool flows(const struct policy *policy, const struct destination *destination, int64_t now_ms)
{
    const struct purpose *purpose = &policy->purposes.items[destination->purpose];
    int64_t until_ms;
    return purpose->starts_ms <= now_ms && now_ms < purpose->ends_ms && !purpose->storage_only &&
           policy_transfer_at(policy, destination, now_ms, &until_ms);
}

static bool goes_on(const struct policy *new_policy, const struct purpose *purpose, const struct destination *destination, int64_t now_ms)
{
    const struct destination *then = policy_destination(new_policy, destination->name);
    return then && str_equal(new_policy->purposes.items[then->purpose].name, purpose->name) && flows(new_policy, then, now_ms);
}

void effect_flows(struct arena *arena, const struct policy *old, const struct policy *new_policy, int64_t now_ms, struct policy_effect *effect)
{
    vec_each (destination, &old->destinations) {
        const struct purpose *purpose = &old->purposes.items[destination->purpose];
        if (!flows(old, destination, now_ms) || goes_on(new_policy, purpose, destination, now_ms))
            continue;
        *vec_push(arena, &effect->flows_stopped) =
            str_printf(arena, "%.*s → %.*s", STR_FMT(purpose->name), STR_FMT(destination->name));
    }
}

/* --- people */

#define OUTDATED (REASON_BIT(REASON_CONSENT_OUTDATED_NOTICE) | REASON_BIT(REASON_TERMS_OUTDATED))

struct walk {
    struct engine *engine;
    struct reader *reader;
    struct arena *arena; /* of one slice */
    const struct policy *old, *new_policy;
    struct id_source ids;
    int64_t now_ms;
    struct policy_effect *effect;
};

static bool superseded(const struct policy *policy, str name)
{
    vec_each (purpose, &policy->purposes)
        if (str_equal(purpose->supersedes, name))
            return true;
    return false;
}

static void person_count(struct walk *walk, struct person *person)
{
    const struct profile *root = person_profile(person, person->root);
    str jurisdiction = root ? root->jurisdiction : STR_NONE;
    const struct standing *before = gate_standing_at(walk->arena, walk->old, person, jurisdiction, walk->now_ms, walk->now_ms);
    const struct standing *after = gate_standing_at(walk->arena, walk->new_policy, person, jurisdiction, walk->now_ms, walk->now_ms);
    bool again = false, lost = false;
    vec_each (purpose, &walk->old->purposes) {
        if (!(before->holds & purpose->self) || !before->purposes[purpose->slot].record)
            continue; /* where nothing was ever said by the person, nobody is lost */
        const struct purpose *then = policy_purpose(walk->new_policy, purpose->name);
        if (then && (after->holds & then->self))
            continue;
        reason_mask reasons = then ? after->purposes[then->slot].reasons : 0;
        if (then ? reasons && !(reasons & ~OUTDATED) : superseded(walk->new_policy, purpose->name))
            again = true;
        else
            lost = true;
    }
    walk->effect->people_reconsent += again;
    walk->effect->people_lost += lost;
}

struct living {
    uint64_t facts, events, pending;
};

/* What waits for a flow that has stopped is not sent: its next attempt is its last. */
static bool still_flows(const struct policy *policy, const struct delivery *delivery, int64_t now_ms)
{
    const struct destination *destination = policy_destination(policy, delivery->destination);
    return destination && flows(policy, destination, now_ms);
}

static struct living living_count(const struct person *person, const struct policy *policy, int64_t now_ms)
{
    struct living living = {0};
    vec_each (fact, &person->facts)
        living.facts += fact->change < CHANGE_GONE;
    vec_each (event, &person->events)
        living.events += event->change < CHANGE_GONE;
    vec_each (delivery, &person->deliveries)
        living.pending += delivery->change < CHANGE_GONE && delivery->kind != DELIVERY_RECALL && delivery->state == DELIVERY_PENDING &&
                          still_flows(policy, delivery, now_ms);
    return living;
}

static void person_follow(struct walk *walk, struct person *person)
{
    struct request request = {.kind = REQUEST_SWEEP, .person = person};
    struct batch batch = {.arena = walk->arena, .policy = walk->new_policy, .ids = &walk->ids, .now_ms = walk->now_ms,
                          .profile_next = UINT64_MAX / 2, .requests = &request, .request_count = 1};
    *vec_push(walk->arena, &batch.persons) = person;
    struct living before = living_count(person, walk->old, walk->now_ms);
    core_apply(&batch);
    struct living after = living_count(person, walk->new_policy, walk->now_ms);
    walk->effect->facts_erased += before.facts - after.facts;
    walk->effect->events_erased += before.events - after.events;
    walk->effect->deliveries_cancelled += before.pending > after.pending ? before.pending - after.pending : 0;
}

static const struct err *slice_count(struct walk *walk, const struct profile *rows, size_t count)
{
    profile_no roots[SLICE_PROFILES];
    size_t root_count = 0;
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(rows[i].root, rows[i].number) && rows[i].erased_ms == TIME_NONE)
            roots[root_count++] = rows[i].number;
    if (!root_count)
        return NULL;
    struct person **persons = NULL;
    TRY(load_persons(walk->engine, walk->reader->session, walk->arena, walk->new_policy, roots, root_count, PERSON_ALL, &persons));
    for (size_t i = 0; i < root_count; i++) {
        if (!persons[i])
            continue;
        person_count(walk, persons[i]);
        person_follow(walk, persons[i]);
    }
    return NULL;
}

const struct err *effect_count(struct reader *reader, struct arena *arena, const struct policy *old, const struct policy *new_policy,
                               void (*progress)(void *, uint64_t done, uint64_t all), void *context, struct policy_effect *effect)
{
    struct arena slice;
    struct store_totals totals;
    struct walk walk = {.engine = reader->engine, .reader = reader, .arena = &slice, .old = old, .new_policy = new_policy,
                        .now_ms = clock_now_ms(), .effect = effect};
    const struct store_ops *ops = engine_store(reader->engine);
    const struct err *error = NULL;
    TRY(ops->totals(reader->session, arena, true, &totals));
    id_source_init_random(&walk.ids);
    arena_init(&slice);
    for (uint64_t from = 1;;) {
        struct profile *rows = NULL;
        size_t count = 0;
        error = ops->profiles(reader->session, &slice, from, SLICE_PROFILES, &rows, &count);
        if (error || count == 0)
            break;
        from = rows[count - 1].number.value + 1;
        error = slice_count(&walk, rows, count);
        if (error)
            break;
        arena_clear(&slice);
        if (progress)
            progress(context, from - 1, totals.profile_next > 1 ? totals.profile_next - 1 : 1);
    }
    if (error)
        error = err_new(arena, error->code, "%s", error->text);
    arena_release(&slice);
    return error;
}
