/* The sweeper: people whose time has come (retention, expiry, held messages), and all people after a policy was switched, are looked at again by
 * the core, in commits of their own between the others. Rows of the outbox whose time is over go likewise (outbox_sweep.c).
 *
 *      IDLE ──a second, or sweeper_wake──▶ DUE: store.due → REQUEST_SWEEP … until nothing is due
 *                                           └─ follow: profiles from the setting "policy_follow" on → REQUEST_SWEEP … round (follow.h)
 *
 * 1. Where it got to in following a policy is stored with the sweep itself: a restart goes on from there.
 * 2. It takes SWEEP_STEP people a commit, so that nobody waits long for it.
 */
#include "base/log.h"
#include "engine/nodes_private.h"
#include "engine/follow.h"
#include "engine/rights_private.h"

#include <stdlib.h>
#include <time.h>

#define SWEEP_STEP 128
#define SWEEP_EVERY_MS 1000

struct sweeper {
    struct engine *engine;
    struct reader *reader;
    struct arena arena;
};

static bool stopping(struct engine *engine)
{
    pthread_mutex_lock(&engine->sweep_lock);
    bool stop = engine->sweep_stop;
    pthread_mutex_unlock(&engine->sweep_lock);
    return stop;
}

/* Everybody whose time has come. Who is still due after having been looked at is left for the next time. */
static const struct err *sweep_due(struct engine *engine, struct store_session *session, struct arena *arena, int64_t now_ms, bool forced,
                                   uint64_t *ret_count)
{
    profile_no last = PROFILE_NONE;
    for (;;) {
        profile_no *numbers = NULL;
        size_t count = 0;
        arena_clear(arena);
        TRY(engine->store->ops->due(session, arena, now_ms, SWEEP_STEP, &numbers, &count));
        if (!count || profile_no_equal(numbers[0], last))
            return NULL;
        last = numbers[0];
        TRY(engine_sweep_profiles(engine, arena, numbers, count, forced ? now_ms : TIME_NONE));
        *ret_count += count;
        if (!forced && stopping(engine))
            return NULL;
    }
}

/* ---- after a policy was switched ---- */

static const struct err *follow_read(struct engine *engine, struct store_session *session, struct arena *arena, str *ret_text,
                                     struct follow_place *ret_place)
{
    TRY(engine->store->ops->setting(session, arena, STR("policy_follow"), ret_text));
    if (!follow_parse(*ret_text, ret_place))
        return err_new(arena, ERR_INTERNAL, "the setting `policy_follow` is damaged");
    return NULL;
}

const struct err *follow_begin(struct commit *commit, uint32_t version)
{
    str text = STR_NONE;
    struct follow_place place;
    TRY(commit_setting_now(commit, STR("policy_follow"), &text));
    if (!follow_parse(text, &place))
        place = (struct follow_place){0}; /* damaged: all of them from the first on */
    commit_setting(commit, STR("policy_follow"), follow_text(commit->arena, version, follow_anew(place)));
    return NULL;
}

struct follow {
    str expected; /* where it stood when the people were read */
    struct follow_place next;
    bool changed; /* another policy came: these people are met again */
};
static const struct err *follow_join(void *context, struct commit *commit)
{
    struct follow *follow = context;
    str text = STR_NONE;
    struct follow_place place;
    TRY(follow_read(commit->engine, commit->session, commit->arena, &text, &place));
    follow->changed = !str_equal(text, follow->expected) || commit->follow;
    if (!follow->changed)
        commit_setting(commit, STR("policy_follow"), follow_text(commit->arena, commit->row.policy_version, follow->next));
    return NULL;
}

/* What the setting behind the flag asked for is done, by a commit that was just saved. */
static void flag_clear(struct engine *engine, _Atomic bool *flag)
{
    if (engine->nodes)
        nodes_flag_clear(engine, flag);
    else
        *flag = false;
}

static void follow_after(void *context, struct engine *engine)
{
    const struct follow *follow = context;
    if (follow->changed || follow->next.from)
        return;
    flag_clear(engine, &engine->follow); /* here, on the writer thread, it cannot meet a policy that is just being activated */
    log_write(LOG_INFO, "sweeper", "stored data follows the policy in force");
}

static bool is_among(const profile_no *numbers, size_t count, profile_no number)
{
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(numbers[i], number))
            return true;
    return false;
}

static const struct err *follow_step(struct engine *engine, struct store_session *session, struct arena *arena, uint64_t *ret_count, bool *ret_done)
{
    struct profile *rows = NULL;
    size_t count = 0, roots = 0;
    struct follow_place place;
    struct follow follow = {0};
    TRY(follow_read(engine, session, arena, &follow.expected, &place));
    *ret_done = !place.from;
    if (!place.from)
        return NULL;
    TRY(engine->store->ops->profiles(session, arena, place.from, SWEEP_STEP, &rows, &count));
    profile_no *numbers = arena_array(arena, profile_no, count + 1);
    for (size_t i = 0; i < count && follow_meets(place, rows[i].number.value); i++)
        if (!is_among(numbers, roots, rows[i].root)) /* of each profile, as it may have joined somebody who was met before */
            numbers[roots++] = rows[i].root;
    TRY(engine_sweep_profiles(engine, arena, numbers, roots, TIME_NONE));
    follow.next = follow_next(place, count, count ? rows[count - 1].number.value : 0);
    TRY(engine_commit(engine, arena, follow_join, follow_after, &follow));
    *ret_count += roots;
    return NULL;
}

const struct err *sweep_follow(struct engine *engine, struct store_session *session, struct arena *arena, uint64_t *ret_count)
{
    for (bool done = false; engine->follow && !done && !stopping(engine);) {
        arena_clear(arena);
        TRY(follow_step(engine, session, arena, ret_count, &done));
    }
    return NULL;
}

/* ---- what went out too late (outbox.c) ---- */

struct late {
    str expected;
    bool done;
};
static const struct err *late_join(void *context, struct commit *commit)
{
    struct late *late = context;
    str text = STR_NONE;
    TRY(commit_setting_now(commit, STR("late_disclosures"), &text));
    late->done = str_equal(text, late->expected); /* else others came since: all of them once more */
    if (late->done)
        commit_setting(commit, STR("late_disclosures"), STR_NONE);
    return NULL;
}

static void late_after(void *context, struct engine *engine)
{
    if (((const struct late *)context)->done)
        flag_clear(engine, &engine->late);
}

static const struct err *sweep_late(struct engine *engine, struct store_session *session, struct arena *arena, uint64_t *ret_count)
{
    struct late late = {.expected = STR_NONE};
    str number;
    int64_t value;
    VEC(profile_no) numbers = {0};
    arena_clear(arena);
    if (!engine->late)
        return NULL;
    TRY(engine->store->ops->setting(session, arena, STR("late_disclosures"), &late.expected));
    for (str rest = late.expected; str_split(&rest, ' ', &number);)
        if (str_to_int64(number, &value) && value > 0)
            *(profile_no *)vec_push(arena, &numbers) = (profile_no){(uint64_t)value};
    TRY(engine_sweep_profiles(engine, arena, numbers.items, numbers.count, TIME_NONE));
    *ret_count += numbers.count;
    return engine_commit(engine, arena, late_join, late_after, &late);
}

/* ---- now, and the thread ---- */

const struct err *engine_sweep(struct engine *engine, int64_t now_ms, uint64_t *ret_profiles)
{
    struct arena arena;
    struct reader *reader = NULL;
    *ret_profiles = 0;
    TRY(engine_reader(engine, &reader));
    arena_init(&arena);
    const struct err *error = sweep_due(engine, reader->session, &arena, now_ms, now_ms > clock_now_ms() + SECOND_MS, ret_profiles);
    if (!error)
        error = sweep_late(engine, reader->session, &arena, ret_profiles);
    if (!error)
        error = rights_tend(engine, reader->session, &arena, now_ms);
    if (!error && engine->follow)
        error = sweep_follow(engine, reader->session, &arena, ret_profiles);
    if (!error)
        error = sweep_outbox(engine, reader->session, &arena, now_ms, true);
    if (error) { /* it lives in the arena that ends here */
        static const struct err again = {ERR_UNAVAILABLE, "sweeping was interrupted; the log says why", NULL};
        log_write(LOG_ERROR, "sweeper", "%s", error->text);
        error = &again;
    }
    arena_release(&arena);
    engine_reader_close(reader);
    return error;
}

static void round_run(struct sweeper *sweeper)
{
    struct engine *engine = sweeper->engine;
    uint64_t count = 0;
    if (!engine->storing || !engine_purpose_sets(engine))
        return;
    const struct err *error = NULL;
    while (!error && engine->keys_until < engine->profile_next_seen + KEYS_AHEAD)
        error = keys_ahead(engine, &sweeper->arena, engine->keys_until + 1);
    if (!error && !engine_lease(sweeper->reader, &sweeper->arena, "sweeper")) {
        arena_clear(&sweeper->arena);
        return; /* another node does it */
    }
    if (!error)
        error = sweep_due(engine, sweeper->reader->session, &sweeper->arena, clock_now_ms(), false, &count);
    if (!error)
        error = sweep_late(engine, sweeper->reader->session, &sweeper->arena, &count);
    if (!error)
        error = rights_tend(engine, sweeper->reader->session, &sweeper->arena, clock_now_ms());
    if (!error)
        error = sweep_follow(engine, sweeper->reader->session, &sweeper->arena, &count);
    if (!error)
        error = sweep_outbox(engine, sweeper->reader->session, &sweeper->arena, clock_now_ms(), false);
    if (error && error->code != ERR_UNAVAILABLE)
        log_write(LOG_ERROR, "sweeper", "%s", error->text);
    arena_clear(&sweeper->arena);
}

static void *sweeper_main(void *context)
{
    struct sweeper sweeper = {.engine = context};
    struct engine *engine = context;
    arena_init(&sweeper.arena);
    const struct err *error = engine_reader(engine, &sweeper.reader);
    if (error) {
        log_write(LOG_ERROR, "sweeper", "does not run: %s", error->text);
        return NULL;
    }
    while (!stopping(engine)) {
        round_run(&sweeper);
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += SWEEP_EVERY_MS / 1000;
        pthread_mutex_lock(&engine->sweep_lock);
        if (!engine->sweep_stop && !engine->sweep_now)
            (void)pthread_cond_timedwait(&engine->sweep_wake, &engine->sweep_lock, &until); /* either way it looks again */
        engine->sweep_now = false;
        pthread_mutex_unlock(&engine->sweep_lock);
    }
    engine_reader_close(sweeper.reader);
    arena_release(&sweeper.arena);
    return NULL;
}

void sweeper_start(struct engine *engine)
{
    engine->sweeper_running = pthread_create(&engine->sweeper_thread, NULL, sweeper_main, engine) == 0;
    if (engine->sweeper_running)
        (void)pthread_setname_np(engine->sweeper_thread, "telos-sweeper"); /* only for those who look from outside */
    else
        log_write(LOG_ERROR, "sweeper", "does not run: no thread can be started");
}

void sweeper_wake(struct engine *engine)
{
    pthread_mutex_lock(&engine->sweep_lock);
    engine->sweep_now = true;
    pthread_cond_signal(&engine->sweep_wake);
    pthread_mutex_unlock(&engine->sweep_lock);
}

void sweeper_stop(struct engine *engine)
{
    pthread_mutex_lock(&engine->sweep_lock);
    engine->sweep_stop = true;
    pthread_cond_signal(&engine->sweep_wake);
    pthread_mutex_unlock(&engine->sweep_lock);
    if (engine->sweeper_running)
        pthread_join(engine->sweeper_thread, NULL);
    engine->sweeper_running = false;
}
