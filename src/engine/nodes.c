/* What the other nodes committed: looked for, followed, and told to those who listen. The picture is in nodes_private.h. */
#include "engine/nodes_private.h"

#include "base/log.h"
#include "engine/files_private.h"
#include "engine/person_cache.h"
#include "engine/view_cache.h"

#include <sodium.h>
#include <stdlib.h>

#define FOLLOW_STEP 256

/* ---- following ---- */

struct following {
    struct engine *engine;
    struct arena *arena;
    struct commit_note note;
    VEC(profile_no) roots;
};

static void id_add(struct nodes *nodes, uint64_t id, int64_t at_ms)
{
    if (nodes->id_count == nodes->id_capacity) {
        nodes->id_capacity = nodes->id_capacity ? nodes->id_capacity * 2 : 1024;
        nodes->ids = reallocarray(nodes->ids, nodes->id_capacity, sizeof *nodes->ids);
        ASSERT(nodes->ids);
    }
    nodes->ids[nodes->id_count].id = id;
    nodes->ids[nodes->id_count++].at_ms = at_ms;
}

static bool batch_follow(void *context, const void *row)
{
    struct following *following = context;
    struct nodes *nodes = following->engine->nodes;
    const struct batch_row *batch = row;
    for (size_t i = 0; i + 9 <= batch->profiles.length; i += 9) {
        profile_no profile;
        memcpy(&profile.value, batch->profiles.data + i + 1, 8);
        foreign_touch(&nodes->foreign, profile.value, batch->number);
        if (batch->profiles.data[i] == BATCH_TOUCHED)
            *(profile_no *)vec_push(following->arena, &following->roots) = profile;
    }
    for (size_t i = 0; i + 8 <= batch->dedupe.length; i += 8) {
        uint64_t id;
        memcpy(&id, batch->dedupe.data + i, sizeof id);
        if (id)
            id_add(nodes, id, batch->at_ms);
    }
    following->note.batch = batch->number;
    following->note.at_ms = batch->at_ms;
    return true;
}

static const struct err *batches_follow(struct following *following, struct store_session *session, uint64_t to)
{
    struct engine *engine = following->engine;
    for (uint64_t from = engine->nodes->seen.batch_last + 1; from <= to; from += FOLLOW_STEP) {
        uint64_t until = from + FOLLOW_STEP - 1 < to ? from + FOLLOW_STEP - 1 : to;
        TRY(engine->store->ops->batches(session, following->arena, from, until, batch_follow, following));
    }
    return NULL;
}

static const struct err *settings_follow(struct engine *engine, struct store_session *session, struct arena *arena)
{
    str text = STR_NONE;
    TRY(paused_reload(engine, session, arena));
    TRY(engine->store->ops->setting(session, arena, STR("policy_follow"), &text));
    engine->follow = !str_empty(text);
    text = STR_NONE;
    TRY(engine->store->ops->setting(session, arena, STR("late_disclosures"), &text));
    engine->late = !str_empty(text);
    return NULL;
}

/* Keys that a committed change still owes, whoever committed it. Where the setting is of a newer save than the head, all that came before it was done
 * before that save. */
static const struct err *ends_follow(struct engine *engine, struct store_session *session, struct arena *arena)
{
    struct nodes *nodes = engine->nodes;
    key_end_list ends = {0};
    str text = STR_NONE;
    uint64_t number = 0;
    TRY(engine->store->ops->setting(session, arena, STR("key_ends"), &text));
    if (str_empty(text))
        return NULL;
    TRY(key_ends_parse(arena, text, &number, &ends));
    TRY(key_ends_do(engine, arena, number, &ends));
    TRY(vault_follow(arena, engine->vault));
    if (number > nodes->ends_done)
        nodes->ends_done = number;
    return NULL;
}

/* With follow_lock held. */
static const struct err *follow_all(struct following *following, struct store_session *session, const struct node_head *head)
{
    struct engine *engine = following->engine;
    struct nodes *nodes = engine->nodes;
    struct arena *arena = following->arena;
    following->note.outbox = true; /* nobody can tell; who sends looks */
    following->note.policy = head->policy_version != nodes->seen.policy_version;
    TRY(batches_follow(following, session, head->batch_last));
    if (head->tokens_at > nodes->seen.tokens_at)
        TRY(tokens_reload(engine, session, arena));
    if (head->access_at > nodes->seen.access_at)
        TRY(access_reload(engine, session, arena));
    if (head->settings_at > nodes->seen.settings_at || following->note.policy)
        TRY(settings_follow(engine, session, arena));
    ledger_follow(engine->ledger, &head->frontier);
    if (head->batch_last > engine->batch_last)
        engine->batch_last = head->batch_last;
    nodes->seen = *head;
    return NULL;
}

const struct err *nodes_follow(struct engine *engine, struct store_session *session, struct arena *arena, str text)
{
    struct nodes *nodes = engine->nodes;
    struct node_head head;
    struct following following = {.engine = engine, .arena = arena};
    const struct err *error = NULL;
    if (!node_head_read(arena, text, &head))
        return err_new(arena, ERR_INTERNAL, "the head of the shared store is damaged, or of a newer Telos");
    pthread_mutex_lock(&nodes->follow_lock);
    bool news = head.saves > nodes->seen.saves;
    uint64_t before = nodes->seen.batch_last;
    if (head.ends_at > nodes->ends_done)
        error = ends_follow(engine, session, arena);
    if (news && !error)
        error = follow_all(&following, session, &head);
    pthread_mutex_unlock(&nodes->follow_lock);
    if (error || !news)
        return error;
    following.note.profiles = following.roots.items;
    following.note.profile_count = following.roots.count;
    if (head.batch_last > before || following.note.policy)
        commit_tell(engine, &following.note);
    return NULL;
}

void nodes_flag_clear(struct engine *engine, _Atomic bool *flag)
{
    struct nodes *nodes = engine->nodes;
    pthread_mutex_lock(&nodes->follow_lock); /* whoever follows sets the flag with it */
    if (nodes->seen.settings_at <= nodes->next.saves)
        *flag = false;
    pthread_mutex_unlock(&nodes->follow_lock);
}

uint64_t nodes_seen(struct engine *engine)
{
    struct nodes *nodes = engine->nodes;
    pthread_mutex_lock(&nodes->follow_lock);
    uint64_t batch = nodes->seen.batch_last;
    pthread_mutex_unlock(&nodes->follow_lock);
    return batch;
}

bool nodes_policy_waits(struct engine *engine)
{
    struct nodes *nodes = engine->nodes;
    pthread_mutex_lock(&nodes->follow_lock);
    uint32_t version = nodes->seen.policy_version;
    pthread_mutex_unlock(&nodes->follow_lock);
    return version > snapshot_version(engine);
}

/* ---- looking, for readers ---- */

static const struct err unreached = {ERR_UNAVAILABLE, "the store cannot be asked what other nodes did", NULL};

static const struct err *check(struct engine *engine)
{
    struct nodes *nodes = engine->nodes;
    struct arena arena;
    str head = STR_NONE;
    arena_init(&arena);
    const struct err *error = engine->store->ops->head(nodes->session, &arena, &head);
    if (!error)
        error = nodes_follow(engine, nodes->session, &arena, head);
    if (error) {
        log_write(LOG_WARN, "nodes", "other nodes cannot be followed: %s", error->text);
        error = &unreached;
    }
    arena_release(&arena);
    return error;
}

static const struct err *nothing_join(void *context, struct commit *commit)
{
    (void)context, (void)commit;
    return NULL;
}

/* A look that begins after the caller came is enough, whoever makes it: so many readers share one. */
const struct err *engine_catch_up(struct engine *engine, struct arena *arena)
{
    struct nodes *nodes = engine->nodes;
    if (!nodes)
        return NULL;
    pthread_mutex_lock(&nodes->check_lock);
    uint64_t wanted = nodes->started + 1;
    while (nodes->finished < wanted) {
        if (nodes->running) {
            pthread_cond_wait(&nodes->checked, &nodes->check_lock);
            continue;
        }
        uint64_t number = ++nodes->started;
        nodes->running = true;
        pthread_mutex_unlock(&nodes->check_lock);
        const struct err *failed = check(engine);
        pthread_mutex_lock(&nodes->check_lock);
        nodes->running = false;
        nodes->finished = number;
        nodes->failed = failed;
        pthread_cond_broadcast(&nodes->checked);
    }
    const struct err *failed = nodes->failed;
    pthread_mutex_unlock(&nodes->check_lock);
    if (failed)
        return failed;
    while (nodes_policy_waits(engine)) /* policies are switched by the writer, between commits */
        TRY(engine_commit(engine, arena, nothing_join, NULL, NULL));
    return NULL;
}

bool engine_is_shared(const struct engine *engine) { return engine->nodes != NULL; }

/* ---- opening ---- */

str nodes_setting(struct engine *engine, struct arena *arena, const char *key)
{
    return engine->nodes ? str_printf(arena, "%s.%s", key, engine->nodes->id) : str_of(key);
}

static const struct err *id_find(struct engine *engine, struct arena *arena)
{
    struct nodes *nodes = engine->nodes;
    const char *path = files_join(arena, engine->data, "node");
    str text = STR_NONE;
    uint8_t bytes[8];
    const struct err *missing = files_read(arena, path, 64, &text);
    text = str_trim(text);
    if (missing || text.length != 16 || !str_unhex(text, bytes, sizeof bytes)) {
        randombytes_buf(bytes, sizeof bytes);
        text = str_hex(arena, bytes, sizeof bytes);
        TRY(files_write(arena, path, str_printf(arena, "%.*s\n", STR_FMT(text)), 0600));
    }
    memcpy(nodes->id, text.data, 16);
    return NULL;
}

/* The first head of a store; under the turn, so that one node makes it. */
static const struct err *head_make(struct engine *engine, struct arena *arena)
{
    const struct store_ops *ops = engine->store->ops;
    struct store_totals totals = {0};
    TRY(ops->totals(engine->session, arena, true, &totals));
    struct node_head head = {.saves = 1, .batch_last = totals.batch_next ? totals.batch_next - 1 : 0,
                             .profile_next = engine->profile_next, .event_next = totals.event_next ? totals.event_next : 1,
                             .outbox_next = totals.outbox_next ? totals.outbox_next : 1, .held_next = totals.held_next ? totals.held_next : 1,
                             .policy_version = snapshot_version(engine)};
    ledger_where(engine->ledger, &head.frontier);
    struct save save = {.head = node_head_write(arena, &head)};
    return ops->save(engine->session, arena, &save);
}

/* What other nodes sealed must open here, and be found by the same hashes: all nodes have one vault, which the store remembers. */
static const struct err *vault_fits(struct engine *engine, struct arena *arena)
{
    const struct store_ops *ops = engine->store->ops;
    uint8_t id[16];
    str head = STR_NONE, known = STR_NONE;
    vault_id(engine->vault, id);
    str own = str_hex(arena, id, sizeof id);
    TRY(ops->setting(engine->session, arena, STR("vault.id"), &known));
    if (str_empty(known)) { /* under the turn, so that one node says it */
        TRY(ops->turn(engine->session, arena, &head));
        const struct err *error = ops->setting(engine->session, arena, STR("vault.id"), &known);
        __typeof__(*((struct save *)0)->settings) setting = {.key = STR("vault.id"), .value = own};
        struct save save = {.settings = &setting, .setting_count = 1};
        if (!error && str_empty(known)) {
            known = own;
            error = ops->save(engine->session, arena, &save);
        } else
            ops->turn_back(engine->session);
        if (error)
            return error;
    }
    if (str_equal(known, own))
        return NULL;
    return err_new(arena, ERR_CONFLICT, "the keys in %s are not those that this store was made with: all nodes of a store use one vault", engine->data);
}

const struct err *nodes_open(struct engine *engine, struct arena *arena)
{
    const struct store_ops *ops = engine->store->ops;
    if (!engine->store->shared)
        return NULL;
    struct nodes *nodes = calloc(1, sizeof *nodes);
    ASSERT(nodes);
    engine->nodes = nodes;
    pthread_mutex_init(&nodes->follow_lock, NULL);
    pthread_mutex_init(&nodes->check_lock, NULL);
    pthread_cond_init(&nodes->checked, NULL);
    TRY(id_find(engine, arena));
    TRY(vault_fits(engine, arena));
    return ops->session(engine->store, arena, false, &nodes->session);
}

/* Everything else was read since nodes_open: it may be newer than the first look, never older, and following twice does no harm. */
const struct err *nodes_begin(struct engine *engine, struct arena *arena)
{
    struct nodes *nodes = engine->nodes;
    const struct store_ops *ops = engine->store->ops;
    str text = STR_NONE;
    if (!nodes)
        return NULL;
    TRY(ops->head(nodes->session, arena, &text));
    if (!text.data) {
        TRY(ops->turn(engine->session, arena, &text));
        const struct err *error = text.data ? NULL : head_make(engine, arena);
        if (text.data || error)
            ops->turn_back(engine->session);
        if (error)
            return error;
        TRY(ops->head(nodes->session, arena, &text));
    }
    struct node_head head;
    if (!node_head_read(arena, text, &head))
        return err_new(arena, ERR_INTERNAL, "the head of the shared store is damaged, or of a newer Telos");
    nodes->seen = head;
    nodes->seen.saves = 0;
    nodes->seen.batch_last = engine->batch_last < head.batch_last ? engine->batch_last : head.batch_last;
    nodes->seen.settings_at = nodes->seen.tokens_at = nodes->seen.access_at = 0; /* they were read before this look */
    person_cache_share(engine->person_cache, &nodes->foreign);
    view_cache_share(engine->view_cache, &nodes->foreign);
    engine->profile_next = head.profile_next;
    nodes->block_until = head.profile_next; /* empty */
    TRY(nodes_follow(engine, engine->session, arena, text));
    return nodes_policy_waits(engine) ? snapshot_follow(engine, arena) : NULL;
}

void nodes_close(struct engine *engine)
{
    struct nodes *nodes = engine->nodes;
    if (!nodes)
        return;
    if (nodes->session)
        engine->store->ops->session_close(nodes->session);
    pthread_mutex_destroy(&nodes->follow_lock);
    pthread_mutex_destroy(&nodes->check_lock);
    pthread_cond_destroy(&nodes->checked);
    free(nodes->ids);
    free(nodes);
    engine->nodes = NULL;
}
