/* The debug door: looks into a running engine and disturbs it on purpose. Only where engine_options.debug_door opened it; prints no
 * personal data.
 */
#include "engine/engine_private.h"
#include "store/debug/debug.h"

static const struct err *door(const struct engine *engine, struct arena *arena)
{
    return engine->options.debug_door ? NULL : err_new(arena, ERR_FORBIDDEN, "the debug door is closed; start with --debug-door");
}

#define DIGEST_STEP 64
/* Added up without regard to order, so that row numbers and order of arrival do not matter. */
static void digest_add(uint8_t sum[32], const uint8_t digest[32])
{
    unsigned carry = 0;
    for (size_t i = 0; i < 32; i++) {
        carry += (unsigned)sum[i] + digest[i];
        sum[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

const struct err *engine_debug_digest(struct reader *reader, struct arena *arena, uint8_t ret_digest[32], uint64_t *ret_people)
{
    struct engine *engine = reader->engine;
    TRY(door(engine, arena));
    const struct policy *policy = engine_policy(engine);
    if (!policy)
        return err_new(arena, ERR_CONFLICT, "there is no policy yet");
    uint8_t sum[32] = {0};
    uint64_t people = 0, from = 1;
    const struct err *error = NULL;
    struct arena scratch;
    arena_init(&scratch);
    while (!error) {
        struct profile *rows = NULL;
        struct person **persons = NULL;
        size_t count = 0, roots = 0;
        arena_clear(&scratch);
        error = engine->store->ops->profiles(reader->session, &scratch, from, DIGEST_STEP, &rows, &count);
        if (error || !count)
            break;
        profile_no *numbers = arena_array(&scratch, profile_no, count);
        for (size_t i = 0; i < count; i++)
            if (profile_no_equal(rows[i].root, rows[i].number))
                numbers[roots++] = rows[i].number;
        from = rows[count - 1].number.value + 1;
        error = load_persons(engine, reader->session, &scratch, policy, numbers, roots, PERSON_ALL, &persons);
        for (size_t i = 0; i < roots && !error; i++) {
            uint8_t digest[32];
            if (!persons[i])
                continue;
            profile_digest(&scratch, policy, persons[i], digest);
            digest_add(sum, digest);
            people++;
        }
    }
    if (error)
        error = err_new(arena, error->code, "%s", error->text);
    arena_release(&scratch);
    engine_policy_release(engine, policy);
    if (!error) {
        memcpy(ret_digest, sum, sizeof sum);
        *ret_people = people;
    }
    return error;
}

static const struct err *rebuild_join(void *context, struct commit *commit)
{
    (void)context;
    if (!commit->policy)
        return err_new(commit->arena, ERR_CONFLICT, "there is no policy yet");
    commit_setting(commit, STR("policy_follow"), str_printf(commit->arena, "%u:1", commit->policy->version));
    return NULL;
}
static void rebuild_after(void *context, struct engine *engine)
{
    (void)context;
    engine->follow = true;
}

const struct err *engine_debug_rebuild(struct engine *engine, struct arena *arena, uint64_t *ret_people)
{
    TRY(door(engine, arena));
    TRY(engine_commit(engine, arena, rebuild_join, rebuild_after, NULL));
    return engine_sweep(engine, clock_now_ms(), ret_people);
}

const struct err *engine_debug_pause(struct engine *engine, struct arena *arena, bool paused)
{
    TRY(door(engine, arena));
    pthread_mutex_lock(&engine->submit_lock);
    engine->paused = paused;
    pthread_cond_signal(&engine->submitted);
    pthread_mutex_unlock(&engine->submit_lock);
    return NULL;
}

const struct err *engine_debug_fail(struct engine *engine, struct arena *arena, str point, uint64_t nth)
{
    TRY(door(engine, arena));
    if (!store_debug_arm(engine->store, point, nth ? nth - 1 : 0, nth ? 1 : 0))
        return err_new(arena, ERR_NOT_FOUND, "there is no fault point `%.*s`", STR_FMT(point));
    if (nth == 0)
        store_debug_disarm(engine->store, point);
    return NULL;
}
