/* Reading: persons and events loaded and opened, changes since a commit, and who is told of commits.
 *
 * 1. A reader belongs to one thread at a time; it never waits for the writer.
 * 2. Masks in what is read belong to the policy that was passed.
 * 3. While no read can be recorded, none is made (read_log_ready).
 */
#include "engine/nodes_private.h"
#include "engine/person_cache.h"
#include "engine/view_cache.h"

#include <stdlib.h>

const struct err *engine_reader(struct engine *engine, struct reader **ret_reader)
{
    struct reader *reader = calloc(1, sizeof *reader);
    ASSERT(reader);
    reader->engine = engine;
    arena_init(&reader->arena);
    const struct err *error = engine->store->ops->session(engine->store, &reader->arena, false, &reader->session);
    if (error) { /* the reader's arena goes, so its error is one of the process */
        static const struct err unavailable = {ERR_UNAVAILABLE, "no further connection to the store can be opened", NULL};
        arena_release(&reader->arena);
        free(reader);
        return &unavailable;
    }
    *ret_reader = reader;
    return NULL;
}

void engine_reader_close(struct reader *reader)
{
    if (!reader)
        return;
    reader->engine->store->ops->session_close(reader->session);
    arena_release(&reader->arena);
    free(reader);
}

struct store_session *reader_session(struct reader *reader) { return reader->session; }

const struct err *engine_totals(struct reader *reader, struct arena *arena, struct store_totals *ret_totals)
{
    return reader->engine->store->ops->totals(reader->session, arena, false, ret_totals);
}

/* ---- persons ---- */

bool engine_reads_recorded(struct engine *engine) { return read_log_ready(engine); }

static const struct err *may_read(struct engine *engine, struct arena *arena)
{
    if (read_log_ready(engine))
        return NULL;
    return err_new(arena, ERR_UNAVAILABLE, "reads cannot be recorded at the moment, so none is made");
}

static const struct err *person_load(struct reader *reader, struct arena *arena, const struct policy *policy, struct load *load,
                                     struct person ***by, struct person **ret_person)
{
    struct engine *engine = reader->engine;
    TRY(may_read(engine, arena));
    struct sets_use use = sets_of(engine, policy);
    load->arena = arena;
    load->sets = use.sets;
    load->events_from_ms = INT64_MIN;
    load->parts |= PERSON_HEAD;
    const struct err *error = engine->store->ops->load(reader->session, load);
    struct person *person = error ? NULL : (*by)[0];
    if (person)
        error = open_person(engine, arena, person);
    sets_release(use);
    if (!error)
        *ret_person = person;
    return error;
}

/* "profile:ID", as deliveries, registers and the live feed name a person; a policy that has an identity key of that name keeps it for itself. */
static bool is_profile(const struct policy *policy, str subject, str *ret_id)
{
    const str word = STR("profile:");
    if (!str_starts(subject, word) || policy_key(policy, STR("profile")))
        return false;
    *ret_id = str_slice(subject, word.length, subject.length);
    return true;
}

static const struct err *person_by_id(struct reader *reader, struct arena *arena, const struct policy *policy, str text, unsigned parts, struct person **ret_person)
{
    struct uuid id;
    profile_no number = PROFILE_NONE;
    *ret_person = NULL;
    if (!uuid_parse(text, &id))
        return err_new(arena, ERR_INVALID, "the id of a profile is a UUID, as in profile:0192f6a1-3c4e-7b2d-9f10-5a6b7c8d9e0f");
    TRY(reader->engine->store->ops->profile_by_id(reader->session, arena, id, &number));
    return number.value ? engine_person_by_no(reader, arena, policy, number, parts & PERSON_ALL, ret_person) : NULL;
}

const struct err *engine_person(struct reader *reader, struct arena *arena, const struct policy *policy, str subject, unsigned parts,
                                struct person **ret_person)
{
    struct message_identifier id = {0};
    str profile;
    if (is_profile(policy, subject, &profile))
        return person_by_id(reader, arena, policy, profile, parts, ret_person);
    TRY(identity_parse_subject(arena, policy, subject, &id));
    identifier_hash hash = identifier_hash_of(reader->engine, id.key->name, id.value);
    bool gate_only = (parts & ENGINE_GATE_ONLY) && !(parts & (unsigned)PERSON_ALL & ~(unsigned)PERSON_HEAD);
    struct person *head = gate_only ? person_cache_copy(reader->engine->person_cache, policy, &hash, PERSON_HEAD, arena) : NULL;
    if (head) {
        TRY(may_read(reader->engine, arena));
        *ret_person = head;
        return NULL;
    }
    struct load load = {.hashes = &hash, .hash_count = 1, .parts = parts & PERSON_ALL};
    return person_load(reader, arena, policy, &load, &load.by_hash, ret_person);
}

const struct err *engine_person_by_no(struct reader *reader, struct arena *arena, const struct policy *policy, profile_no number, unsigned parts,
                                      struct person **ret_person)
{
    struct load load = {.profiles = &number, .profile_count = 1, .parts = parts};
    return person_load(reader, arena, policy, &load, &load.by_profile, ret_person);
}

/* ---- views ---- */

static struct view_key key_at(const struct view_place *place)
{
    return (struct view_key){.hash = place->hash, .purpose = place->purpose, .variant = place->variant, .told = place->told};
}

const struct err *engine_view_find(struct engine *engine, struct arena *arena, const struct policy *policy, str subject,
                                   struct view_place *place, struct buf *out, profile_no *ret_root, bool *ret_found)
{
    struct message_identifier id = {0};
    str profile;
    place->never = is_profile(policy, subject, &profile); /* views are kept by identifier, and end with it */
    *ret_found = false;
    if (place->never)
        return NULL;
    TRY(identity_parse_subject(arena, policy, subject, &id));
    place->hash = identifier_hash_of(engine, id.key->name, id.value);
    return engine_view_of(engine, arena, policy, place, out, ret_root, ret_found);
}

const struct err *engine_view_of(struct engine *engine, struct arena *arena, const struct policy *policy, struct view_place *place, struct buf *out,
                                 profile_no *ret_root, bool *ret_found)
{
    struct view_made made;
    TRY(may_read(engine, arena));
    place->seen = engine->nodes ? nodes_seen(engine) : 0;
    place->mark = view_cache_mark(engine->view_cache, &place->hash);
    struct view_key key = key_at(place);
    *ret_found = view_cache_get(engine->view_cache, policy->version, &key, clock_now_ms(), out, &made);
    if (!*ret_found)
        return NULL;
    *ret_root = made.root;
    atomic_fetch_add_explicit(&engine->metrics.views_found, 1, memory_order_relaxed);
    return NULL;
}

void engine_view_keep(struct engine *engine, const struct policy *policy, const struct view_place *place, const struct person *person, int64_t from_ms,
                      int64_t until_ms, str text)
{
    if (place->never)
        return;
    struct view_key key = key_at(place);
    struct view_made made = {.root = person->root, .from_ms = from_ms, .until_ms = until_ms, .seen = place->seen};
    view_cache_put(engine->view_cache, policy->version, &key, place->mark, &made, text);
}

const struct err *engine_events(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person,
                                uint64_t before, size_t max, struct event **ret_events, size_t *ret_count)
{
    struct engine *engine = reader->engine;
    struct event *events = NULL;
    size_t count = 0;
    profile_no *numbers = arena_array(arena, profile_no, person->profiles.count + 1);
    for (size_t i = 0; i < person->profiles.count; i++)
        numbers[i] = person->profiles.items[i].number;
    struct sets_use use = sets_of(engine, policy);
    const struct err *error = engine->store->ops->events(reader->session, arena, use.sets, numbers, person->profiles.count, before, max, &events,
                                                         &count);
    sets_release(use);
    TRY(error);
    TRY(open_events(engine, arena, events, count));
    *ret_events = events;
    *ret_count = count;
    return NULL;
}

/* ---- changes ---- */

struct changes {
    struct arena *arena;
    uint64_t batch;
    uint32_t offset;
    size_t max;
    VEC(struct change_item) items;
};

/* A batch row's profiles: 9 bytes each, kind and number. */
static bool changes_take(void *context, const void *row)
{
    struct changes *changes = context;
    const struct batch_row *batch = row;
    uint32_t count = (uint32_t)(batch->profiles.length / 9);
    for (uint32_t i = batch->number == changes->batch ? changes->offset : 0; i < count; i++) {
        if (batch->profiles.data[(size_t)i * 9] != BATCH_TOUCHED)
            continue;
        if (changes->items.count == changes->max)
            return false;
        struct change_item *item = vec_push(changes->arena, &changes->items);
        *item = (struct change_item){.batch = batch->number, .offset = i, .at_ms = batch->at_ms};
        memcpy(&item->profile.value, batch->profiles.data + (size_t)i * 9 + 1, 8);
    }
    return changes->items.count < changes->max;
}

#define CHANGES_STEP 1024
const struct err *engine_changes(struct reader *reader, struct arena *arena, uint64_t batch, uint32_t offset, size_t max,
                                 struct change_item **ret_items, size_t *ret_count)
{
    struct engine *engine = reader->engine;
    struct changes changes = {.arena = arena, .batch = batch, .offset = offset, .max = max};
    uint64_t last = engine->batch_last;
    for (uint64_t from = batch; from <= last && changes.items.count < max; from += CHANGES_STEP)
        TRY(engine->store->ops->batches(reader->session, arena, from, from + CHANGES_STEP < last + 1 ? from + CHANGES_STEP : last + 1, changes_take,
                                        &changes));
    *ret_items = changes.items.items;
    *ret_count = changes.items.count;
    return NULL;
}

void engine_listen(struct engine *engine, commit_listener listener, void *context)
{
    pthread_mutex_lock(&engine->listen_lock);
    *(struct listener *)vec_push(&engine->listen_arena, &engine->listeners) = (struct listener){listener, context};
    pthread_mutex_unlock(&engine->listen_lock);
}

void engine_listen_messages(struct engine *engine, message_listener listener, void *context)
{
    pthread_mutex_lock(&engine->listen_lock);
    engine->message_listener = listener;
    engine->message_context = context;
    pthread_mutex_unlock(&engine->listen_lock);
}

void engine_unlisten(struct engine *engine, commit_listener listener, void *context)
{
    pthread_mutex_lock(&engine->listen_lock);
    size_t kept = 0;
    vec_each (item, &engine->listeners)
        if (item->call != listener || item->context != context)
            engine->listeners.items[kept++] = *item;
    engine->listeners.count = kept;
    pthread_mutex_unlock(&engine->listen_lock);
}
