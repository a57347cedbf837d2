/* Sending, seen from the engine: what is due, the body of an attempt through the gate, what became of it, pause and replay.
 *
 * 1. A body exists only as the answer to engine_delivery_body, made by the gate at that moment (P3), and its making is recorded as a read.
 * 2. Per person and destination deliveries go in order: a row is not due while an earlier one of its person waits.
 * 3. A recall is not asked of the gate: telling that data must go is owed (Art. 19).
 */
#include "engine/nodes_private.h"

#include <stdlib.h>

/* ---- what is due ---- */

const struct err *engine_outbox(struct reader *reader, struct arena *arena, str destination, uint64_t after, size_t max,
                                struct delivery **ret_rows, size_t *ret_count)
{
    struct delivery_query query = {.destination = destination, .state = DELIVERY_PENDING, .after = after, .due_ms = clock_now_ms(), .max = max,
                                   .firsts_only = true};
    return reader->engine->store->ops->deliveries(reader->session, arena, &query, ret_rows, ret_count);
}

struct claims {
    const struct delivery *rows;
    size_t count;
    bool *mine;
};

/* A claimed row is not due for a while: that is all that there is to a claim. */
static const struct err *claims_join(void *context, struct commit *commit)
{
    const struct claims *claims = context;
    for (size_t i = 0; i < claims->count; i++) {
        struct delivery row = {0};
        TRY(commit->engine->store->ops->delivery(commit->session, commit->arena, claims->rows[i].id, &row, &claims->mine[i]));
        claims->mine[i] = claims->mine[i] && row.state == DELIVERY_PENDING && row.next_ms == claims->rows[i].next_ms;
        if (!claims->mine[i])
            continue;
        commit_concerns(commit, row.profile);
        *(struct delivery_result *)vec_push(commit->arena, &commit->save.results) = (struct delivery_result){
            .number = row.number, .state = DELIVERY_PENDING, .attempts = row.attempts, .next_ms = commit->now_ms + CLAIM_MS, .done_ms = TIME_NONE,
            .reason = row.reason};
    }
    return NULL;
}

const struct err *engine_claim(struct engine *engine, struct arena *arena, const struct delivery *rows, size_t count, bool *ret_mine)
{
    struct claims claims = {rows, count, ret_mine};
    for (size_t i = 0; i < count; i++)
        ret_mine[i] = !engine->nodes;
    return engine->nodes && count ? engine_commit(engine, arena, claims_join, NULL, &claims) : NULL;
}

/* ---- the body of an attempt ---- */

struct body {
    struct reader *reader;
    struct arena *arena;
    const struct policy *policy;
    const struct delivery *delivery;
    const struct destination *destination;
    struct buf out;
    struct jsonw json;
    str reason;
    int64_t allowed_from_ms;
};

static void body_begin(struct body *body, str type)
{
    char id[UUID_TEXT_SIZE];
    buf_init(&body->out, body->arena, LIMIT_DELIVERY_BODY_BYTES * 4);
    jsonw_init(&body->json, &body->out);
    jsonw_object(&body->json);
    jsonw_field(&body->json, "id", uuid_text(body->delivery->id, id));
    jsonw_field(&body->json, "type", type);
    jsonw_field(&body->json, "purpose", body->delivery->purpose);
}

static void body_end(struct body *body, int64_t now_ms)
{
    jsonw_field_time(&body->json, "sent_at", now_ms);
    jsonw_object_end(&body->json);
}

static const struct err *recall_body(struct body *body)
{
    struct delivery opened = *body->delivery;
    TRY(open_delivery(body->reader->engine, body->arena, &opened));
    if (str_empty(opened.subject)) {
        body->reason = STR("recall_unreadable");
        return NULL;
    }
    body_begin(body, STR("recall"));
    jsonw_key(&body->json, STR("subject"));
    jsonw_raw(&body->json, opened.subject);
    body_end(body, clock_now_ms());
    return NULL;
}

/* Only what passes with time is worth waiting for. */
static void denied(struct body *body, const struct decision *decision)
{
    const reason_mask passing = REASON_BIT(REASON_QUIET_HOURS) | REASON_BIT(REASON_FREQUENCY_CAPPED);
    ASSERT(decision->reasons);
    body->reason = str_of(reason_name((enum reason)__builtin_ctzll(decision->reasons & ~passing ? decision->reasons & ~passing : decision->reasons)));
    if (!(decision->reasons & ~passing))
        body->allowed_from_ms = decision->allowed_from_ms;
}

static const struct err *event_load(struct body *body, struct event *ret_event, bool *ret_found)
{
    struct engine *engine = body->reader->engine;
    struct sets_use use = sets_of(engine, body->policy);
    const struct err *error =
        engine->store->ops->event(body->reader->session, body->arena, use.sets, body->delivery->event.value, ret_event, ret_found);
    sets_release(use);
    if (!error && *ret_found)
        error = open_events(engine, body->arena, ret_event, 1);
    return error;
}

static bool belongs(const struct person *person, profile_no profile)
{
    return person_profile(person, profile) != NULL;
}

static const struct err *profile_body(struct body *body, struct person *person)
{
    int64_t now_ms = clock_now_ms();
    const struct destination *destination = body->destination;
    struct question question = {.purpose = body->delivery->purpose, .recipient = destination->name, .channel = destination->channel,
                                .contact = !str_empty(destination->channel), .operation = OPERATION_USE, .at_ms = TIME_NONE,
                                .known_ms = TIME_NONE, .now_ms = now_ms};
    struct profile_view *view = arena_new(body->arena, struct profile_view);
    profile_view(body->arena, body->policy, person, &question, &destination->categories, view);
    if (!view->decision.allow) {
        denied(body, &view->decision);
        return NULL;
    }
    str event_text = STR_NONE, type = STR("profile");
    if (body->delivery->kind == DELIVERY_EVENT) {
        struct event event = {0};
        bool found = false;
        TRY(event_load(body, &event, &found));
        if (!found || !belongs(person, event.profile)) {
            body->reason = str_of(reason_name(REASON_RETENTION_ELAPSED));
            return NULL;
        }
        if (!profile_view_event(body->arena, view, &destination->categories, &event, &event_text)) {
            body->reason = str_of(reason_name(REASON_FACT_PURPOSE_MISMATCH));
            return NULL;
        }
        type = str_of(event_type_name(event.type));
    }
    body_begin(body, type);
    jsonw_key(&body->json, STR("profile"));
    jsonw_object(&body->json);
    profile_view_write(&body->json, view, view_told_recipient(view));
    jsonw_object_end(&body->json);
    if (!str_empty(event_text)) {
        jsonw_key(&body->json, STR("event"));
        jsonw_raw(&body->json, event_text);
    }
    body_end(body, now_ms);
    engine_record_read(body->reader->engine, (struct uuid){{0}}, person->root, body->delivery->purpose, "delivery");
    return NULL;
}

static const struct err *gated_body(struct body *body)
{
    const struct delivery *delivery = body->delivery;
    body->destination = policy_destination(body->policy, delivery->destination);
    if (!body->destination) {
        body->reason = STR("destination_removed");
        return NULL;
    }
    if (!str_equal(body->policy->purposes.items[body->destination->purpose].name, delivery->purpose)) {
        body->reason = str_of(reason_name(REASON_RECIPIENT_NOT_DECLARED)); /* it serves another purpose now */
        return NULL;
    }
    struct person *person = NULL;
    TRY(engine_person_by_no(body->reader, body->arena, body->policy, delivery->profile, PERSON_FACTS | PERSON_OUTBOX, &person));
    if (!person) {
        body->reason = str_of(reason_name(REASON_SUBJECT_ERASED));
        return NULL;
    }
    return profile_body(body, person);
}

const struct err *engine_delivery_body(struct reader *reader, struct arena *arena, const struct policy *policy, const struct delivery *delivery,
                                       str *ret_body, str *ret_reason, int64_t *ret_allowed_from_ms)
{
    struct body body = {.reader = reader, .arena = arena, .policy = policy, .delivery = delivery, .allowed_from_ms = TIME_NONE};
    if (delivery->kind == DELIVERY_RECALL)
        TRY(recall_body(&body));
    else
        TRY(gated_body(&body));
    enum reason reason;
    if (body.allowed_from_ms == TIME_NONE && reason_parse(body.reason, &reason)) /* not "later" */
        engine_count_denial(reader->engine, policy, "delivery_denied", delivery->destination, delivery->purpose, REASON_BIT(reason));
    *ret_reason = body.reason;
    *ret_allowed_from_ms = body.allowed_from_ms;
    *ret_body = str_empty(body.reason) ? buf_str(&body.out) : STR_NONE;
    return NULL;
}

/* ---- what became of it ---- */

/* An attempt may have been under way while its delivery was cancelled, by a withdrawal for instance; in an earlier commit, or in this very one, whose people were
 * worked out before it joined. Then the row stays cancelled; but what went out is remembered, and its person is looked at once more, so that the recipient
 * is told (Art. 19). Who is to be looked at stands in the setting "late_disclosures" until that is done. */
struct outcomes {
    const struct delivery_outcome *items;
    size_t count;
    bool late;
};

static void recall_key_end(struct commit *commit, const struct delivery *delivery)
{
    profile_no key;
    if (delivery->sealed.length <= sizeof key.value)
        return;
    memcpy(&key.value, delivery->sealed.data, sizeof key.value);
    *(struct key_end *)vec_push(commit->arena, &commit->batch.key_ends) = (struct key_end){.profile = key, .class_mask = KEY_CLASS_ALL};
}

static void outcome_add(struct commit *commit, const struct delivery_outcome *outcome, bool open)
{
    const struct delivery *delivery = outcome->delivery;
    commit_concerns(commit, delivery->profile);
    bool ended = outcome->result.state == DELIVERY_DELIVERED || outcome->result.state == DELIVERY_CANCELLED;
    if (open)
        *(struct delivery_result *)vec_push(commit->arena, &commit->save.results) = outcome->result;
    if (open && ended && delivery->kind == DELIVERY_RECALL)
        recall_key_end(commit, delivery);
    if (outcome->disclosed && delivery->kind != DELIVERY_RECALL)
        *(struct disclosure *)vec_push(commit->arena, &commit->save.disclosures) =
            (struct disclosure){.change = CHANGE_NEW, .profile = delivery->profile, .destination = delivery->destination,
                                .purpose = delivery->purpose, .first_ms = commit->now_ms, .last_ms = commit->now_ms, .count = 1};
}

static int number_order(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct numbers {
    uint64_t *items;
    size_t count, capacity;
};

/* Deliveries that the commit itself ends or takes away; sorted. */
static struct numbers ended_here(const struct commit *commit)
{
    struct numbers ended = {0};
    vec_each (person, &commit->batch.persons)
        vec_each (delivery, &(*person)->deliveries)
            if (delivery->change != CHANGE_NONE && delivery->change != CHANGE_NEW)
                *(uint64_t *)vec_push(commit->arena, &ended) = delivery->number;
    if (ended.count)
        qsort(ended.items, ended.count, sizeof *ended.items, number_order);
    return ended;
}

static const struct err *outcomes_join(void *context, struct commit *commit)
{
    struct outcomes *outcomes = context;
    bool *open = arena_array(commit->arena, bool, outcomes->count);
    struct numbers ended = ended_here(commit);
    str late = STR_NONE;
    for (size_t i = 0; i < outcomes->count; i++) {
        struct delivery row = {0};
        bool found = false;
        TRY(commit->engine->store->ops->delivery(commit->session, commit->arena, outcomes->items[i].delivery->id, &row, &found));
        open[i] = found && row.state == DELIVERY_PENDING &&
                  !(ended.count && bsearch(&row.number, ended.items, ended.count, sizeof *ended.items, number_order));
        outcomes->late = outcomes->late || (!open[i] && outcomes->items[i].disclosed);
    }
    if (outcomes->late)
        TRY(commit_setting_now(commit, STR("late_disclosures"), &late));
    for (size_t i = 0; i < outcomes->count; i++) {
        const struct delivery_outcome *outcome = &outcomes->items[i];
        outcome_add(commit, outcome, open[i]);
        if (!open[i] && outcome->disclosed)
            late = str_printf(commit->arena, "%.*s%s%llu", STR_FMT(late), str_empty(late) ? "" : " ",
                              (unsigned long long)outcome->delivery->profile.value);
    }
    if (outcomes->late)
        commit_setting(commit, STR("late_disclosures"), late);
    return NULL;
}

static void outcomes_after(void *context, struct engine *engine)
{
    if (!((const struct outcomes *)context)->late)
        return;
    engine->late = true;
    sweeper_wake(engine);
}

const struct err *engine_delivered(struct engine *engine, struct arena *arena, const struct delivery_outcome *outcomes, size_t count)
{
    struct outcomes all = {.items = outcomes, .count = count};
    if (!count)
        return NULL;
    return engine_commit(engine, arena, outcomes_join, outcomes_after, &all);
}

/* ---- once more ---- */

struct replay {
    struct arena *arena;
    const struct delivery *rows;
    size_t count;
};

static const struct err *replay_join(void *context, struct commit *commit)
{
    const struct replay *replay = context;
    for (size_t i = 0; i < replay->count; i++)
        commit_concerns(commit, replay->rows[i].profile);
    for (size_t i = 0; i < replay->count; i++)
        *(struct delivery_result *)vec_push(commit->arena, &commit->save.results) = (struct delivery_result){
            .number = replay->rows[i].number, .state = DELIVERY_PENDING, .next_ms = commit->now_ms, .done_ms = TIME_NONE};
    commit->outbox = commit->outbox || replay->count;
    return NULL;
}

#define REPLAY_STEP 1000
const struct err *engine_replay(struct engine *engine, struct reader *reader, struct arena *arena, str destination, struct uuid delivery,
                                int64_t since_ms, uint64_t *ret_count)
{
    const struct store_ops *ops = engine->store->ops;
    *ret_count = 0;
    if (!uuid_is_zero(delivery)) {
        struct delivery row = {0};
        bool found = false;
        TRY(ops->delivery(reader->session, arena, delivery, &row, &found));
        if (!found)
            return err_new(arena, ERR_NOT_FOUND, "there is no such delivery");
        if (row.state != DELIVERY_DEAD)
            return err_new(arena, ERR_CONFLICT, "the delivery is %s, not dead", delivery_state_name(row.state));
        struct replay replay = {arena, &row, 1};
        TRY(engine_commit(engine, arena, replay_join, NULL, &replay));
        *ret_count = 1;
        return NULL;
    }
    struct delivery_query query = {.destination = destination, .state = DELIVERY_DEAD, .due_ms = INT64_MAX, .max = REPLAY_STEP};
    for (size_t count = REPLAY_STEP; count == REPLAY_STEP;) {
        struct delivery *rows = NULL;
        TRY(ops->deliveries(reader->session, arena, &query, &rows, &count));
        struct replay replay = {arena, rows, 0};
        if (count)
            query.after = rows[count - 1].number;
        for (size_t i = 0; i < count; i++)
            if (since_ms == TIME_NONE || rows[i].done_ms >= since_ms)
                rows[replay.count++] = rows[i];
        if (replay.count)
            TRY(engine_commit(engine, arena, replay_join, NULL, &replay));
        *ret_count += replay.count;
    }
    return NULL;
}

/* ---- pause ---- */

#define PAUSED_BYTES_MAX ((size_t)LIMIT_DESTINATIONS * 4 * (LIMIT_NAME_BYTES + 1))

bool engine_destination_paused(struct engine *engine, str destination)
{
    bool paused = false;
    pthread_rwlock_rdlock(&engine->pause_lock);
    vec_each (name, &engine->paused_destinations)
        paused |= str_equal(*name, destination);
    pthread_rwlock_unlock(&engine->pause_lock);
    return paused;
}

const struct err *paused_reload(struct engine *engine, struct store_session *session, struct arena *arena)
{
    str text = STR_NONE, name;
    TRY(engine->store->ops->setting(session, arena, STR("paused"), &text));
    pthread_rwlock_wrlock(&engine->pause_lock);
    arena_clear(&engine->pause_arena);
    engine->paused_destinations.items = NULL;
    engine->paused_destinations.count = engine->paused_destinations.capacity = 0;
    while (str_split(&text, '\n', &name))
        if (!str_empty(name))
            *(str *)vec_push(&engine->pause_arena, &engine->paused_destinations) = str_copy(&engine->pause_arena, name);
    pthread_rwlock_unlock(&engine->pause_lock);
    return NULL;
}

struct pause {
    str destination;
    bool paused;
};

/* The names as they will be, a line each. */
static const struct err *pause_join(void *context, struct commit *commit)
{
    const struct pause *pause = context;
    struct buf text;
    str rest = STR_NONE, name;
    TRY(commit_setting_now(commit, STR("paused"), &rest));
    buf_init(&text, commit->arena, PAUSED_BYTES_MAX);
    while (str_split(&rest, '\n', &name))
        if (!str_empty(name) && !str_equal(name, pause->destination)) {
            buf_add(&text, name);
            buf_add_char(&text, '\n');
        }
    if (pause->paused) {
        buf_add(&text, pause->destination);
        buf_add_char(&text, '\n');
    }
    commit_setting(commit, STR("paused"), text.length ? buf_str(&text) : STR_NONE);
    return NULL;
}

static void pause_after(void *context, struct engine *engine)
{
    const struct pause *pause = context;
    pthread_rwlock_wrlock(&engine->pause_lock);
    size_t kept = 0;
    vec_each (name, &engine->paused_destinations)
        if (!str_equal(*name, pause->destination))
            engine->paused_destinations.items[kept++] = *name;
    engine->paused_destinations.count = kept;
    if (pause->paused)
        *(str *)vec_push(&engine->pause_arena, &engine->paused_destinations) = str_copy(&engine->pause_arena, pause->destination);
    pthread_rwlock_unlock(&engine->pause_lock);
}

const struct err *engine_destination_pause(struct engine *engine, struct arena *arena, str destination, bool paused)
{
    const struct policy *policy = engine_policy(engine);
    bool known = policy && policy_destination(policy, destination);
    engine_policy_release(engine, policy);
    if (!known && paused)
        return err_new(arena, ERR_NOT_FOUND, "the policy has no destination `%.*s`", STR_FMT(destination));
    struct pause pause = {destination, paused};
    return engine_commit(engine, arena, pause_join, pause_after, &pause);
}
