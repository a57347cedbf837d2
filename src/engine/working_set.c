/* load → open → core_apply: brings into memory what a batch touches, and again with more where the core finds that it needs more.
 *
 *      hashes ──load──▶ heads ──┬──────────────────────────▶ open ──▶ core_apply ──▶ done
 *                               └─ some need more: load them ──▶ ▲        │
 *                                                                └─ more_needed: those parts, those identifiers
 *
 * 1. Two identifiers or numbers of one person give the same struct.
 * 2. Each round starts from scratch: requests are copied from their origins, persons are loaded anew.
 * 3. Where most requests need a part, it is loaded for all at once; else only for those who need it.
 * 4. Heads of people that only messages name come from memory where they lie there (person_cache.h), and their records stay unopened. Where the core
 *    wants to rewrite a row of such a person, the person is loaded after all.
 */
#include "engine/engine_private.h"
#include "engine/person_cache.h"

#include <stdlib.h>

#define ROUNDS_MAX 16

struct need {
    profile_no number;
    unsigned parts;
};
struct working_set {
    struct commit *commit;
    struct arena *arena;
    VEC(identifier_hash) hashes; /* distinct */
    uint32_t *table; /* by hash: position in hashes + 1; a power of two of slots */
    size_t slots;
    uint32_t *places; /* of every identifier of every request, in order */
    unsigned base_parts; /* loaded for everybody */
    VEC(struct need) needs; /* who needs more; sorted by number */
    bool wishes; /* somebody's held messages may be let in */
    bool messages_only; /* nobody looks at values of identifiers or records */
    struct person **by_hash;
    size_t from_cache; /* the first so many of batch.persons */
};

/* The identifiers of a request, for walking. */
struct named_ids {
    struct message_identifier *items[LIMIT_MESSAGE_IDENTIFIERS + 2];
    size_t count;
};
static struct named_ids ids_of(struct request *request)
{
    struct named_ids ids = {.count = 0};
    switch (request->kind) {
    case REQUEST_MESSAGE:
        if (request->result.outcome == OUTCOME_DUPLICATE || request->result.outcome == OUTCOME_INVALID)
            break;
        ASSERT(request->message.identifier_count <= LIMIT_MESSAGE_IDENTIFIERS + 2);
        for (size_t i = 0; i < request->message.identifier_count; i++)
            ids.items[ids.count++] = &request->message.identifiers[i];
        break;
    case REQUEST_STATEMENT: ids.items[ids.count++] = &request->statement.subject; break;
    case REQUEST_PREFERENCES:
    case REQUEST_SIGNAL:
    case REQUEST_UNDO_MERGE:
    case REQUEST_ERASE:
    case REQUEST_JOIN:
    case REQUEST_RECTIFY:
        if (request->subject.key)
            ids.items[ids.count++] = &request->subject;
        if (request->other.key)
            ids.items[ids.count++] = &request->other;
        break;
    case REQUEST_SWEEP: break;
    }
    return ids;
}

/* ---- distinct hashes ---- */

static uint32_t *hash_slot(const struct working_set *set, const identifier_hash *hash)
{
    uint64_t bits;
    memcpy(&bits, hash->bytes, sizeof bits);
    size_t slot = (size_t)bits & (set->slots - 1);
    while (set->table[slot] && memcmp(set->hashes.items[set->table[slot] - 1].bytes, hash->bytes, sizeof hash->bytes) != 0)
        slot = (slot + 1) & (set->slots - 1);
    return &set->table[slot];
}

static uint32_t hash_place(struct working_set *set, const identifier_hash *hash)
{
    if ((set->hashes.count + 1) * 2 > set->slots) {
        set->slots = set->slots ? set->slots * 2 : 256;
        set->table = arena_array(set->arena, uint32_t, set->slots);
        for (uint32_t i = 0; i < set->hashes.count; i++)
            *hash_slot(set, &set->hashes.items[i]) = i + 1;
    }
    uint32_t *slot = hash_slot(set, hash);
    if (!*slot) {
        *(identifier_hash *)vec_push(set->arena, &set->hashes) = *hash;
        *slot = (uint32_t)set->hashes.count;
    }
    return *slot - 1;
}

/* ---- who needs more ---- */

static void need_add(struct working_set *set, profile_no number, unsigned parts)
{
    size_t low = 0, high = set->needs.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->needs.items[middle].number.value < number.value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < set->needs.count && profile_no_equal(set->needs.items[low].number, number)) {
        set->needs.items[low].parts |= parts;
        return;
    }
    (void)vec_push(set->arena, &set->needs);
    memmove(&set->needs.items[low + 1], &set->needs.items[low], (set->needs.count - 1 - low) * sizeof *set->needs.items);
    set->needs.items[low] = (struct need){number, parts};
}

static void gather(struct working_set *set)
{
    struct commit *commit = set->commit;
    size_t count = 0, more = 0;
    unsigned parts = PERSON_HEAD;
    set->messages_only = commit->sweeps.count == 0;
    vec_each (origin, &commit->origins) {
        set->messages_only = set->messages_only && origin->request->kind == REQUEST_MESSAGE;
        count += ids_of(origin->request).count;
        parts |= origin->needs;
        more += (origin->needs & ~(unsigned)PERSON_HEAD) != 0;
    }
    set->wishes = parts & PERSON_HELD;
    set->base_parts = more * 2 >= commit->origins.count && more ? parts : PERSON_HEAD;
    set->places = arena_alloc_raw(set->arena, (count + 1) * sizeof *set->places);
    size_t place = 0;
    vec_each (origin, &commit->origins) {
        struct named_ids ids = ids_of(origin->request);
        for (size_t i = 0; i < ids.count; i++)
            set->places[place++] = hash_place(set, &ids.items[i]->hash);
    }
    vec_each (number, &commit->sweeps)
        need_add(set, *number, PERSON_ALL);
}

/* ---- one round ---- */

/* Heads that lie in memory; the hashes of the others, with their places, are left to be loaded. */
static size_t heads_from_cache(struct working_set *set, identifier_hash *ret_rest, uint32_t *ret_places)
{
    struct commit *commit = set->commit;
    struct person_cache *cache = commit->engine->person_cache;
    size_t rest = 0;
    person_cache_round(cache, set->arena);
    for (uint32_t i = 0; i < set->hashes.count; i++) {
        bool first = false;
        if (i % PERSON_CACHE_PREFETCH == 0)
            person_cache_prefetch(cache, &set->hashes.items[i],
                                  set->hashes.count - i < PERSON_CACHE_PREFETCH ? set->hashes.count - i : PERSON_CACHE_PREFETCH);
        struct person *person = person_cache_get(cache, &set->hashes.items[i], set->base_parts, &first);
        set->by_hash[i] = person;
        if (first)
            *(struct person **)vec_push(set->arena, &commit->batch.persons) = person;
        if (person)
            continue;
        ret_places[rest] = i;
        ret_rest[rest++] = set->hashes.items[i];
    }
    set->from_cache = commit->batch.persons.count;
    return rest;
}

static void needs_of_origins(struct working_set *set)
{
    size_t place = 0;
    vec_each (origin, &set->commit->origins) {
        struct named_ids ids = ids_of(origin->request);
        for (size_t i = 0; i < ids.count; i++, place++) {
            struct person *person = set->by_hash[set->places[place]];
            bool whole = origin->request->kind != REQUEST_MESSAGE; /* its values and records are looked at: not from memory */
            if (person && (whole || (origin->needs & ~person->loaded)))
                need_add(set, person->root, origin->needs);
        }
    }
}

static const struct err *load_heads(struct working_set *set)
{
    struct commit *commit = set->commit;
    set->by_hash = arena_alloc_raw(set->arena, (set->hashes.count + 1) * sizeof *set->by_hash);
    identifier_hash *hashes = arena_alloc_raw(set->arena, (set->hashes.count + 1) * sizeof *hashes);
    uint32_t *places = arena_alloc_raw(set->arena, (set->hashes.count + 1) * sizeof *places);
    size_t rest = heads_from_cache(set, hashes, places);
    struct load load = {.arena = set->arena, .sets = commit->sets, .hashes = hashes, .hash_count = rest, .parts = set->base_parts,
                        .events_from_ms = INT64_MIN};
    if (rest)
        TRY(commit->engine->store->ops->load(commit->session, &load));
    for (size_t i = 0; i < rest; i++)
        set->by_hash[places[i]] = load.by_hash[i];
    vec_each (person, &load.persons)
        *(struct person **)vec_push(set->arena, &commit->batch.persons) = *person;
    needs_of_origins(set);
    return NULL;
}

static int person_order(const void *a, const void *b)
{
    uint64_t x = (*(struct person *const *)a)->root.value, y = (*(struct person *const *)b)->root.value;
    return x < y ? -1 : x > y;
}

static struct person *person_by_root(struct person **sorted, size_t count, profile_no root)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (sorted[middle]->root.value < root.value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && profile_no_equal(sorted[low]->root, root) ? sorted[low] : NULL;
}

/* Persons loaded with more take the place of their heads. */
static const struct err *load_more(struct working_set *set, struct load *load)
{
    struct commit *commit = set->commit;
    *load = (struct load){.arena = set->arena, .sets = commit->sets, .parts = PERSON_HEAD | set->base_parts, .events_from_ms = INT64_MIN};
    if (!set->needs.count)
        return NULL;
    profile_no *numbers = arena_array(set->arena, profile_no, set->needs.count);
    for (size_t i = 0; i < set->needs.count; i++) {
        numbers[i] = set->needs.items[i].number;
        load->parts |= set->needs.items[i].parts;
    }
    load->profiles = numbers;
    load->profile_count = set->needs.count;
    TRY(commit->engine->store->ops->load(commit->session, load));
    size_t count = load->persons.count;
    struct person **sorted = arena_array(set->arena, struct person *, count);
    if (count)
        memcpy(sorted, load->persons.items, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, person_order);
    size_t kept = 0, from_cache = 0;
    for (size_t i = 0; i < commit->batch.persons.count; i++)
        if (!person_by_root(sorted, count, commit->batch.persons.items[i]->root)) {
            from_cache += i < set->from_cache;
            commit->batch.persons.items[kept++] = commit->batch.persons.items[i];
        }
    commit->batch.persons.count = kept;
    set->from_cache = from_cache;
    for (size_t i = 0; i < count; i++)
        *(struct person **)vec_push(set->arena, &commit->batch.persons) = sorted[i];
    for (size_t i = 0; i < set->hashes.count; i++) {
        struct person *fuller = set->by_hash[i] ? person_by_root(sorted, count, set->by_hash[i]->root) : NULL;
        if (fuller)
            set->by_hash[i] = fuller;
    }
    return NULL;
}

/* The person that a sweep is about; NULL where a request before it is about the same one. */
static struct person *sweep_person(const struct commit *commit, const struct load *more, size_t sweep)
{
    struct person *person = NULL;
    for (size_t i = 0; i < more->profile_count && !person; i++)
        if (profile_no_equal(more->profiles[i], commit->sweeps.items[sweep]))
            person = more->by_profile[i];
    for (size_t i = commit->origins.count; person && i < commit->batch.request_count; i++)
        if (commit->batch.requests[i].person == person)
            person = NULL;
    return person;
}

static void requests_fill(struct working_set *set, const struct load *more)
{
    struct commit *commit = set->commit;
    struct batch *batch = &commit->batch;
    batch->requests = arena_alloc_raw(set->arena, (commit->origins.count + commit->sweeps.count + 1) * sizeof *batch->requests);
    size_t place = 0;
    for (size_t i = 0; i < commit->origins.count; i++) {
        struct request *request = &batch->requests[i];
        *request = *commit->origins.items[i].request;
        struct named_ids ids = ids_of(request);
        for (size_t j = 0; j < ids.count; j++, place++)
            ids.items[j]->person = set->by_hash[set->places[place]];
        if (request->kind == REQUEST_ERASE || request->kind == REQUEST_UNDO_MERGE)
            request->person = ids.count ? ids.items[0]->person : NULL;
    }
    batch->request_count = commit->origins.count;
    for (size_t i = 0; i < commit->sweeps.count; i++) {
        struct person *person = sweep_person(commit, more, i);
        if (person)
            batch->requests[batch->request_count++] = (struct request){.kind = REQUEST_SWEEP, .person = person};
    }
}

static void batch_begin(struct working_set *set)
{
    struct commit *commit = set->commit;
    commit->batch = (struct batch){.arena = set->arena, .policy = commit->policy, .ids = &commit->engine->ids, .now_ms = commit->now_ms,
                                   .profile_next = commit->engine->profile_next};
    map_init(&commit->batch.counter_index, set->arena);
}

static void looked_up_fill(struct working_set *set)
{
    static char yes;
    map_init(&set->commit->batch.looked_up, set->arena);
    vec_each (hash, &set->hashes)
        map_set(&set->commit->batch.looked_up, str_bytes(hash->bytes, sizeof hash->bytes), &yes);
}

/* Takes over what the core asked for; the next round loads it. */
static void wishes_take(struct working_set *set)
{
    struct batch *batch = &set->commit->batch;
    vec_each (person, &batch->persons)
        if ((*person)->needed)
            need_add(set, (*person)->root, (*person)->needed);
    vec_each (hash, &batch->wanted)
        (void)hash_place(set, hash);
    set->wishes = true;
}

/* What came from the store becomes clear, and is remembered. */
static const struct err *persons_open(struct working_set *set)
{
    struct commit *commit = set->commit;
    struct engine *engine = commit->engine;
    for (size_t i = set->from_cache; i < commit->batch.persons.count; i++) {
        struct person *person = commit->batch.persons.items[i];
        bool lazily = set->messages_only && !(person->loaded & (PERSON_EVENTS | PERSON_OUTBOX | PERSON_SAID));
        person->texts_unopened = lazily && person->consents.count;
        TRY(lazily ? open_person_data(engine, set->arena, person) : open_person(engine, set->arena, person));
        if (set->messages_only)
            person_cache_put(engine->person_cache, person);
    }
    commit->loaded_count = commit->batch.persons.count;
    commit->loaded = arena_alloc_raw(set->arena, (commit->loaded_count + 1) * sizeof *commit->loaded);
    if (commit->loaded_count)
        memcpy(commit->loaded, commit->batch.persons.items, commit->loaded_count * sizeof *commit->loaded);
    return NULL;
}

/* A row whose sealed value is not here cannot be written. True when there are such rows: their persons are asked for. */
static bool unwritable(struct working_set *set)
{
    bool found = false;
    vec_each (person, &set->commit->batch.persons)
        vec_each (row, &(*person)->identifiers)
            if (row->change == CHANGE_SET && value_is_unopened(row->value) && str_empty(row->sealed)) {
                need_add(set, row->profile, PERSON_HEAD);
                found = true;
            }
    return found;
}

/* Whom another node may make known before this commit has its turn. */
static void unknown_keep(struct working_set *set)
{
    struct commit *commit = set->commit;
    for (size_t i = 0; commit->engine->nodes && i < set->hashes.count; i++)
        if (!set->by_hash[i])
            *(identifier_hash *)vec_push(set->arena, &commit->unknown) = set->hashes.items[i];
}

const struct err *working_set_apply(struct commit *commit)
{
    struct working_set set = {.commit = commit, .arena = commit->arena};
    if (!commit->origins.count && !commit->sweeps.count) {
        batch_begin(&set);
        return NULL;
    }
    gather(&set);
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        struct load more = {0};
        batch_begin(&set);
        TRY(load_heads(&set));
        TRY(load_more(&set, &more));
        keys_warm(commit);
        TRY(persons_open(&set));
        requests_fill(&set, &more);
        if (set.wishes)
            looked_up_fill(&set);
        core_apply(&commit->batch);
        if (!commit->batch.more_needed && !unwritable(&set)) {
            unknown_keep(&set);
            return NULL;
        }
        commit->engine->metrics.retries++;
        wishes_take(&set);
    }
    return err_new(commit->arena, ERR_INTERNAL, "the working set did not come to an end after %d rounds", ROUNDS_MAX);
}

/* ---- for others that need whole persons by number ---- */

const struct err *load_persons(struct engine *engine, struct store_session *session, struct arena *arena, const struct policy *policy,
                               const profile_no *numbers, size_t count, unsigned parts, struct person ***ret_by_number)
{
    struct sets_use use = sets_of(engine, policy);
    struct load load = {.arena = arena, .sets = use.sets, .profiles = numbers, .profile_count = count, .parts = parts | PERSON_HEAD,
                        .events_from_ms = INT64_MIN};
    const struct err *error = engine->store->ops->load(session, &load);
    vec_each (person, &load.persons)
        if (!error)
            error = open_person(engine, arena, *person);
    sets_release(use);
    if (!error)
        *ret_by_number = load.by_profile;
    return error;
}
