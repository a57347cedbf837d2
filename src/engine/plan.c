/* Policies planned and applied: what would change in words, what it would do to stored data, and the refusal of what must not be changed. */
#include "engine/effect_private.h"

static str str_kept(struct arena *arena, str text) { return text.data ? str_copy(arena, text) : text; }

/* The changes' texts outlive the policy that they were worked out from. */
static void changes_keep(struct arena *arena, policy_changes *changes)
{
    vec_each (change, changes)
        change->text = str_kept(arena, change->text);
}

static const struct err *in_use(struct reader *reader, struct arena *arena, const struct policy *policy, purpose_mask *ret_mask)
{
    struct sets_use use = sets_of(reader->engine, policy);
    const struct err *error = engine_store(reader->engine)->purposes_in_use(reader->session, arena, use.sets, ret_mask);
    sets_release(use);
    return error;
}

/* What changes against the active policy (NULL: there is none yet). */
static const struct err *plan(struct reader *reader, struct arena *arena, const struct policy *old, const struct policy *new_policy,
                              struct policy_effect *effect)
{
    *effect = (struct policy_effect){0};
    if (!old) { /* nothing is stored without a policy */
        effect->counted = true;
        struct policy_change *change = vec_push(arena, &effect->changes);
        *change = (struct policy_change){.weight = CHANGE_INFO, .old_purpose = SLOT_NONE, .new_purpose = SLOT_NONE};
        change->text = str_printf(arena, "the first policy: %zu purposes, %zu sources, %zu destinations", new_policy->purposes.count,
                                  new_policy->sources.count, new_policy->destinations.count);
        return NULL;
    }
    purpose_mask used = 0;
    TRY(in_use(reader, arena, old, &used));
    policy_diff(arena, old, new_policy, used, &effect->changes);
    changes_keep(arena, &effect->changes);
    vec_each (change, &effect->changes)
        effect->refused |= change->weight == CHANGE_REFUSED;
    effect_flows(arena, old, new_policy, clock_now_ms(), effect);
    return NULL;
}

const struct err *engine_policy_plan(struct engine *engine, struct reader *reader, struct arena *arena, const struct policy_input *input,
                                     bool count_effects, void (*progress)(void *, uint64_t done, uint64_t all), void *context,
                                     struct policy_effect *ret_effect, policy_problems *ret_problems)
{
    struct policy *new_policy = NULL;
    TRY(policy_load(arena, input, &new_policy, ret_problems));
    const struct policy *old = engine_policy(engine);
    struct policy_effect effect;
    const struct err *error = plan(reader, arena, old, new_policy, &effect);
    if (!error && old && count_effects) {
        error = effect_count(reader, arena, old, new_policy, progress, context, &effect);
        effect.counted = true;
    }
    engine_policy_release(engine, old);
    policy_free(new_policy);
    if (!error)
        *ret_effect = effect;
    return error;
}

static str notices_json(struct arena *arena, const struct policy *policy)
{
    struct buf buf;
    struct jsonw w;
    struct map written;
    map_init(&written, arena);
    buf_init(&buf, arena, (size_t)LIMIT_NOTICES * LIMIT_NOTICE_BYTES);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    vec_each (notice, &policy->notices)
        vec_each (text, &notice->texts) {
            if (map_get(&written, text->path))
                continue; /* one file may serve two notices */
            map_set(&written, text->path, text);
            jsonw_key(&w, text->path);
            jsonw_string(&w, text->content);
        }
    jsonw_object_end(&w);
    return buf_str(&buf);
}

static const struct err *refusal(struct arena *arena, const struct policy_effect *effect)
{
    vec_each (change, &effect->changes)
        if (change->weight == CHANGE_REFUSED)
            return err_new(arena, ERR_CONFLICT, "the policy was not applied: %.*s", STR_FMT(change->text));
    return NULL;
}

struct recheck { /* what was refused or not, once more at the moment of the switch */
    struct arena *arena;
    const struct policy *old, *new_policy;
    struct policy_effect *effect;
};

static const struct err *recheck_join(void *context, struct commit *commit)
{
    struct recheck *recheck = context;
    purpose_mask used = 0;
    if (commit->policy != recheck->old)
        return err_new(recheck->arena, ERR_CONFLICT, "another policy was applied meanwhile; look at the difference again");
    if (!recheck->old)
        return NULL;
    TRY(commit->engine->store->ops->purposes_in_use(commit->session, commit->arena, commit->sets, &used));
    recheck->effect->changes = (policy_changes){0};
    policy_diff(recheck->arena, recheck->old, recheck->new_policy, used, &recheck->effect->changes);
    changes_keep(recheck->arena, &recheck->effect->changes);
    const struct err *error = refusal(recheck->arena, recheck->effect);
    recheck->effect->refused = error != NULL;
    return error;
}

const struct err *engine_policy_apply(struct engine *engine, struct arena *arena, const struct policy_input *input, struct uuid by,
                                      struct policy_effect *ret_effect, policy_problems *ret_problems, uint32_t *ret_version)
{
    struct policy *new_policy = NULL;
    struct policy_effect effect = {0};
    struct reader *reader = NULL;
    TRY(policy_load(arena, input, &new_policy, ret_problems));
    const struct err *error = engine_reader(engine, &reader);
    if (error) {
        policy_free(new_policy);
        return error;
    }
    const struct policy *old = engine_policy(engine);
    uint32_t version = old ? old->version : 0;
    bool same = old && memcmp(old->sha256, new_policy->sha256, sizeof old->sha256) == 0;
    effect.counted = same; /* it changes nothing */
    if (!same)
        error = plan(reader, arena, old, new_policy, &effect);
    engine_reader_close(reader);
    if (!error)
        error = refusal(arena, &effect);
    if (!error && !same) { /* else the very same text is in force already: nothing to do */
        struct recheck recheck = {.arena = arena, .old = old, .new_policy = new_policy, .effect = &effect};
        error = policy_activate(engine, arena, new_policy, notices_json(arena, new_policy), by, recheck_join, &recheck, &version);
    }
    if (error || same)
        policy_free(new_policy); /* it is taken over only when it was activated */
    engine_policy_release(engine, old);
    if (error && error->code != ERR_CONFLICT)
        return error;
    *ret_effect = effect; /* with a refusal, too: it says why */
    if (!error)
        *ret_version = version;
    return error;
}
