/* Decisions about messages, shown at any time: what a decision said is made again from what is stored, held against the leaf of its batch, and handed out
 * with the proofs that `telos verify` checks (gate.md §7).
 *
 *      event stored as it was ──purposes taken off──▶ its row still names what it was taken for ──event goes──▶ kept_decisions
 *                                                                                                     └── person erased ──▶ nothing, but the leaf
 *
 * 1. The text of a decision follows from the event's id, source, policy version and purposes, its batch's time, and whether something was left out
 *    (`trimmed`), which the leaf itself tells: of the two texts that are possible only one hashes to it. Where purposes were taken off before the row
 *    kept what it was decided for (layout 5 of the store), the leaf tells them, too: the missing ones are among those of the event's source.
 * 2. Of an event that goes, these are sealed under the person's evidence key in the same commit, KEPT_MAX in a row. They hold no value of the person, and
 *    die with the key like everything that a leaf commits to. Of a message of which nothing was kept there is nothing here either.
 * 3. What does not hash to its leaf is never shown: ERR_CONFLICT, which says why that may be.
 *
 * An entry of such a row: flags (1: policy, source and purposes are those of the entry before), batch (8 bytes, little-endian), place in it (4), id of the event
 * (16), and unless flag 1: policy version (4), length of the source (1), length of the purposes (2), source, purposes (names, sorted, a space between).
 */
#include "engine/decision.h"

#include "base/limits.h"
#include "engine/seal_private.h"

#include <sodium.h>

enum { KEPT_MAX = 1024, MISSING_MAX = 10, FLAG_SAME = 1, ENTRY_BYTES = 1 + 8 + 4 + 16, SAID_BYTES = 4 + 1 + 2 };

/* ---- setting aside, when events go ---- */

struct keeping {
    struct commit *commit;
    struct keyring ring;
    profile_no profile;
    const struct event *last; /* in the row under way */
    struct buf row;
    uint32_t count, part;
};

static struct aad decisions_aad(profile_no profile, uint64_t batch, uint32_t part)
{
    uint8_t rest[12];
    memcpy(rest, &batch, 8);
    memcpy(rest + 8, &part, 4);
    return aad_make(SEALED_DECISIONS, profile, rest, sizeof rest);
}

static const struct err *row_close(struct keeping *keeping)
{
    struct commit *commit = keeping->commit;
    if (!keeping->count)
        return NULL;
    struct kept_decisions row = {.profile = keeping->profile, .batch = commit->row.number, .part = keeping->part++, .count = keeping->count};
    TRY(value_seal(&keeping->ring, row.profile, KEY_EVIDENCE, decisions_aad(row.profile, row.batch, row.part), buf_str(&keeping->row), &row.sealed));
    *(struct kept_decisions *)vec_push(commit->arena, &commit->save.decisions) = row;
    buf_clear(&keeping->row);
    keeping->count = 0;
    keeping->last = NULL;
    return NULL;
}

static const struct err *event_keep(struct keeping *keeping, const struct event *event)
{
    const struct event *last = keeping->last;
    bool same = last && last->policy_version == event->policy_version && str_equal(last->source, event->source) && str_equal(last->decided, event->decided);
    uint8_t bytes[ENTRY_BYTES + SAID_BYTES] = {same ? FLAG_SAME : 0};
    uint16_t length = (uint16_t)event->decided.length;
    ASSERT(event->source.length <= UINT8_MAX && event->decided.length <= UINT16_MAX);
    memcpy(bytes + 1, &event->batch, 8);
    memcpy(bytes + 9, &event->batch_index, 4);
    memcpy(bytes + 13, event->id.bytes, 16);
    memcpy(bytes + ENTRY_BYTES, &event->policy_version, 4);
    bytes[ENTRY_BYTES + 4] = (uint8_t)event->source.length;
    memcpy(bytes + ENTRY_BYTES + 5, &length, 2);
    buf_add(&keeping->row, str_bytes(bytes, same ? ENTRY_BYTES : sizeof bytes));
    if (!same) {
        buf_add(&keeping->row, event->source);
        buf_add(&keeping->row, event->decided);
    }
    ASSERT(!keeping->row.overflow);
    keeping->last = event;
    return ++keeping->count == KEPT_MAX ? row_close(keeping) : NULL;
}

static bool ends(const struct commit *commit, const struct person *person, profile_no number)
{
    const struct profile *profile = person_profile(person, number);
    if (profile && (profile->change == CHANGE_GONE || profile->erased_ms != TIME_NONE))
        return true;
    vec_each (end, &commit->batch.key_ends)
        if (profile_no_equal(end->profile, number) && (end->class_mask & KEY_CLASS_BIT(KEY_EVIDENCE)))
            return true;
    return false;
}

static const struct err *profile_keep(struct keeping *keeping, const struct person *person, profile_no number)
{
    const uint8_t *key;
    keeping->profile = number;
    keeping->part = 0;
    vec_each (event, &person->events) {
        if (event->change != CHANGE_GONE || !event->number.value || !profile_no_equal(event->profile, number) || str_empty(event->decided))
            continue;
        if (keyring_get(&keeping->ring, number, KEY_EVIDENCE, &key) == VAULT_DESTROYED)
            return NULL; /* as after a restore: nobody could read it */
        TRY(event_keep(keeping, event));
    }
    return row_close(keeping);
}

const struct err *decisions_keep(struct commit *commit)
{
    struct keeping keeping = {.commit = commit};
    const struct err *error = NULL;
    keyring_init(&keeping.ring, commit->engine, commit->arena);
    buf_init(&keeping.row, commit->arena, (size_t)KEPT_MAX * (ENTRY_BYTES + SAID_BYTES + UINT8_MAX + UINT16_MAX));
    vec_each (item, &commit->batch.persons) {
        const struct person *person = *item;
        if (person->merged_into)
            continue;
        vec_each (profile, &person->profiles) {
            if (!ends(commit, person, profile->number)) {
                if (!error)
                    error = profile_keep(&keeping, person, profile->number);
            } else if (profile->change)
                *(profile_no *)vec_push(commit->arena, &commit->save.decisions_gone) = profile->number;
        }
    }
    keyring_clear(&keeping.ring);
    return error;
}

/* ---- reading what was set aside ---- */

const struct err *decisions_open(struct keyring *ring, const struct kept_decisions *row, str *ret_plain)
{
    return value_open(ring, row->profile, KEY_EVIDENCE, decisions_aad(row->profile, row->batch, row->part), row->sealed, ret_plain);
}

bool decision_read(struct arena *arena, str *rest, struct decision_known *known)
{
    if (rest->length < ENTRY_BYTES)
        return false;
    const uint8_t *bytes = (const uint8_t *)rest->data;
    bool same = bytes[0] & FLAG_SAME;
    memcpy(&known->batch, bytes + 1, 8);
    memcpy(&known->index, bytes + 9, 4);
    memcpy(known->event.bytes, bytes + 13, 16);
    *rest = str_slice(*rest, ENTRY_BYTES, rest->length);
    if (same)
        return true;
    uint16_t length;
    if (rest->length < SAID_BYTES)
        return false;
    bytes = (const uint8_t *)rest->data;
    memcpy(&known->policy_version, bytes, 4);
    size_t source = bytes[4];
    memcpy(&length, bytes + 5, 2);
    *rest = str_slice(*rest, SAID_BYTES, rest->length);
    if (rest->length < source + length)
        return false;
    known->source = str_copy(arena, str_slice(*rest, 0, source));
    known->purposes = str_copy(arena, str_slice(*rest, source, source + length));
    *rest = str_slice(*rest, source + length, rest->length);
    return true;
}

struct walk {
    struct keyring ring;
    struct arena *arena;
    const struct decision_place *from;
    size_t max;
    struct decisions *found;
    const struct uuid *event; /* only this one; NULL: all */
    const struct err *error;
};

static bool walk_row(void *context, const void *stored)
{
    struct walk *walk = context;
    const struct kept_decisions *row = stored;
    const struct decision_place *from = walk->from;
    struct decision_known known = {.profile = row->profile, .gone = true};
    str plain;
    bool at_from = profile_no_equal(row->profile, from->profile);
    if (at_from && (row->batch > from->batch || (row->batch == from->batch && row->part > from->part)))
        return true;
    walk->error = decisions_open(&walk->ring, row, &plain);
    for (uint32_t i = 0; !walk->error && !str_empty(plain) && walk->found->count < walk->max; i++) {
        if (!decision_read(walk->arena, &plain, &known)) {
            walk->error = err_new(walk->arena, ERR_INTERNAL, "a row of kept decisions is damaged");
            break;
        }
        if (at_from && row->batch == from->batch && row->part == from->part && i < from->entry)
            continue;
        if (walk->event && !uuid_equal(*walk->event, known.event))
            continue;
        known.place = (struct decision_place){.profile = row->profile, .batch = row->batch, .part = row->part, .entry = i + 1};
        *(struct decision_known *)vec_push(walk->arena, walk->found) = known;
    }
    return !walk->error && walk->found->count < walk->max;
}

static const struct err *gone_find(struct reader *reader, struct arena *arena, const struct person *person, const struct decision_place *from,
                                   const struct uuid *event, size_t max, struct decisions *found)
{
    struct engine *engine = reader->engine;
    struct walk walk = {.arena = arena, .from = from, .max = max, .found = found, .event = event};
    const struct err *error = NULL;
    keyring_init(&walk.ring, engine, arena);
    vec_each (profile, &person->profiles) {
        if (profile->number.value < from->profile.value || found->count >= max || error)
            continue;
        error = engine->store->ops->decisions(reader->session, arena, profile->number, walk_row, &walk);
        error = error ? error : walk.error;
    }
    keyring_clear(&walk.ring);
    return error;
}

/* ---- events that are stored ---- */

static const struct err *stored_find(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person, uint64_t before,
                                     const struct uuid *wanted, size_t max, struct decisions *found)
{
    enum { STEP = 256 };
    struct engine *engine = reader->engine;
    profile_no *numbers = arena_array(arena, profile_no, person->profiles.count + 1);
    for (size_t i = 0; i < person->profiles.count; i++)
        numbers[i] = person->profiles.items[i].number;
    struct sets_use use = sets_of(engine, policy);
    const struct err *error = NULL;
    for (bool more = true; more && !error && found->count < max;) {
        struct event *events = NULL;
        size_t count = 0;
        error = engine->store->ops->events(reader->session, arena, use.sets, numbers, person->profiles.count, before, STEP, &events, &count);
        more = count == STEP;
        for (size_t i = 0; !error && i < count && found->count < max; i++) {
            const struct event *event = &events[i];
            before = event->number.value;
            if (!wanted || uuid_equal(*wanted, event->id))
                *(struct decision_known *)vec_push(arena, found) =
                    (struct decision_known){.profile = event->profile, .event = event->id, .batch = event->batch, .index = event->batch_index,
                                            .policy_version = event->policy_version, .source = event->source, .purposes = event->decided,
                                            .place = {.event = before}};
        }
    }
    sets_release(use);
    return error;
}

const struct err *engine_decisions(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person,
                                   const struct decision_place *after, size_t max, struct decisions *ret_found)
{
    struct decisions found = {0};
    if (!after->profile.value)
        TRY(stored_find(reader, arena, policy, person, after->event, NULL, max, &found));
    if (found.count < max)
        TRY(gone_find(reader, arena, person, after, NULL, max, &found));
    *ret_found = found;
    return NULL;
}

const struct err *engine_decision_find(struct reader *reader, struct arena *arena, const struct policy *policy, const struct person *person, struct uuid event,
                                       struct decision_known *ret_known, bool *ret_found)
{
    struct decisions found = {0};
    struct decision_place from = {0};
    TRY(stored_find(reader, arena, policy, person, 0, &event, 1, &found));
    if (!found.count)
        TRY(gone_find(reader, arena, person, &from, &event, 1, &found));
    *ret_found = found.count > 0;
    if (found.count)
        *ret_known = found.items[0];
    return NULL;
}

/* ---- the text, and its proofs ---- */

struct saying {
    struct reader *reader;
    struct arena *arena;
    const struct decision_known *known;
    struct batch_row batch;
    bool batch_found;
    const struct hash *leaves;
    size_t leaf_count;
    uint8_t salt[32];
    struct decision_memo *memo;
};

static bool batch_take(void *context, const void *row)
{
    struct saying *saying = context;
    const struct batch_row *batch = row;
    saying->batch = (struct batch_row){.number = batch->number, .at_ms = batch->at_ms, .policy_version = batch->policy_version,
                                       .ledger_index = batch->ledger_index, .decisions = str_copy(saying->arena, batch->decisions)};
    saying->batch_found = true;
    return false;
}

static void memo_take(struct arena *arena, const struct policy *policy, struct decision_memo *memo)
{
    str *names = arena_array(arena, str, policy->purposes.count + 1);
    struct decision_source *sources = arena_array(arena, struct decision_source, policy->sources.count + 1);
    for (size_t i = 0; i < policy->purposes.count; i++)
        names[i] = str_copy(arena, policy->purposes.items[i].name);
    for (size_t i = 0; i < policy->sources.count; i++)
        sources[i] = (struct decision_source){str_copy(arena, policy->sources.items[i].name), policy->sources.items[i].purposes};
    *memo = (struct decision_memo){policy->version, names, policy->purposes.count, sources, policy->sources.count};
}

const struct err *decision_memo_fill(struct reader *reader, struct arena *arena, uint32_t version, struct decision_memo *memo)
{
    struct engine *engine = reader->engine;
    const struct policy *now = memo->policy_version == version ? NULL : engine_policy(engine);
    if (now && now->version == version)
        memo_take(arena, now, memo);
    engine_policy_release(engine, now);
    if (memo->policy_version == version)
        return NULL;
    struct policy_row row;
    struct policy *policy = NULL;
    bool found = false;
    TRY(engine_store(engine)->policy(reader->session, arena, version, &row, &found));
    if (!found)
        return err_new(arena, ERR_INTERNAL, "policy version %u, under which it was decided, is missing", version);
    TRY(policy_from_row(arena, &row, &policy));
    memo_take(arena, policy, memo);
    policy_free(policy);
    return NULL;
}

static purpose_mask memo_mask(const struct decision_memo *memo, str names)
{
    purpose_mask mask = 0;
    str name;
    while (str_split(&names, ' ', &name))
        for (size_t i = 0; i < memo->count; i++)
            if (str_equal(name, memo->names[i]))
                mask |= UINT64_C(1) << i;
    return mask;
}

/* As the core wrote it (core/message.c): its leaf commits to these very bytes. The purposes are in the order of the policy that decided. */
static void text_write(const struct decision_memo *memo, const struct decision_known *known, int64_t at_ms, enum outcome outcome, purpose_mask purposes, struct buf *buf)
{
    struct jsonw w;
    buf_clear(buf);
    jsonw_init(&w, buf);
    jsonw_object(&w);
    jsonw_field_time(&w, "at", at_ms);
    jsonw_key(&w, STR("event"));
    jsonw_uuid(&w, known->event);
    jsonw_field(&w, "outcome", str_of(outcome_name(outcome)));
    jsonw_field_int(&w, "policy", known->policy_version);
    jsonw_key(&w, STR("purposes"));
    jsonw_array(&w);
    for (purpose_mask rest = purposes; rest; rest &= rest - 1)
        jsonw_string(&w, memo->names[__builtin_ctzll(rest)]);
    jsonw_array_end(&w);
    jsonw_key(&w, STR("reasons"));
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_field(&w, "source", known->source);
    jsonw_object_end(&w);
    ASSERT(!buf->overflow);
}

/* Those of its source that the event may have had besides; none where they are too many to be tried. */
static purpose_mask missing_of(const struct decision_memo *memo, const struct decision_known *known, purpose_mask had)
{
    for (size_t i = 0; i < memo->source_count; i++)
        if (str_equal(memo->sources[i].name, known->source)) {
            purpose_mask missing = memo->sources[i].purposes & ~had;
            return __builtin_popcountll(missing) <= MISSING_MAX ? missing : 0;
        }
    return 0;
}

bool decision_text(struct arena *arena, const struct decision_memo *memo, const struct decision_known *known, int64_t at_ms, const uint8_t salt[32],
                   const struct hash *leaf, bool search, str *ret_text)
{
    static const enum outcome outcomes[] = {OUTCOME_ACCEPTED, OUTCOME_TRIMMED};
    purpose_mask had = memo_mask(memo, known->purposes), missing = search ? missing_of(memo, known, had) : 0, more = 0;
    struct buf buf;
    buf_init(&buf, arena, (size_t)LIMIT_PURPOSES * LIMIT_NAME_BYTES * 8 + 4096);
    do { /* each part of what is missing, none first */
        for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
            struct hash made;
            text_write(memo, known, at_ms, outcomes[i], had | more, &buf);
            ledger_sub_leaf(salt, buf_str(&buf), &made);
            if (hash_equal(&made, leaf)) {
                *ret_text = buf_str(&buf);
                return true;
            }
        }
        more = (more - missing) & missing;
    } while (more);
    return false;
}

static const struct err *salt_make(struct saying *saying)
{
    uint8_t key[32];
    enum vault_result result = vault_key(saying->reader->engine->vault, saying->known->profile, KEY_EVIDENCE, key);
    if (result == VAULT_LIVE)
        ledger_salt(key, saying->batch.ledger_index, saying->known->index, saying->salt);
    explicit_bzero(key, sizeof key);
    return result == VAULT_LIVE ? NULL : err_new(saying->arena, ERR_NOT_FOUND, "the person was erased: what was decided cannot be read any more");
}

static const struct err *text_find(struct saying *saying, str *ret_text)
{
    const struct decision_known *known = saying->known;
    const struct store_ops *ops = engine_store(saying->reader->engine);
    TRY(ops->batches(saying->reader->session, saying->arena, known->batch, known->batch, batch_take, saying));
    saying->leaves = (const struct hash *)(const void *)saying->batch.decisions.data;
    saying->leaf_count = saying->batch.decisions.length / sizeof(struct hash);
    if (!saying->batch_found || known->index >= saying->leaf_count || saying->batch.ledger_index == UINT64_MAX)
        return err_new(saying->arena, ERR_INTERNAL, "batch %llu, in which it was decided, is missing; `telos audit check` tells more",
                       (unsigned long long)known->batch);
    TRY(salt_make(saying));
    TRY(decision_memo_fill(saying->reader, saying->arena, known->policy_version, saying->memo));
    if (decision_text(saying->arena, saying->memo, known, saying->batch.at_ms, saying->salt, &saying->leaves[known->index], !known->gone, ret_text))
        return NULL;
    return err_new(saying->arena, ERR_CONFLICT, "what is stored does not hash to leaf %u of batch %llu, so nothing is claimed: the row was changed from outside",
                   known->index, (unsigned long long)known->batch);
}

const struct err *engine_decision_text(struct reader *reader, struct arena *arena, const struct decision_known *known, struct decision_memo *memo, str *ret_text)
{
    struct saying saying = {.reader = reader, .arena = arena, .known = known, .memo = memo};
    const struct err *error = text_find(&saying, ret_text);
    sodium_memzero(saying.salt, sizeof saying.salt);
    return error;
}

static const struct err *evidence_write(struct saying *saying, str text, struct jsonw *w)
{
    struct ledger *ledger = saying->reader->engine->ledger;
    str proof = STR_NONE, entry = STR_NONE;
    TRY(ledger_proof(ledger, saying->arena, saying->batch.ledger_index, &proof));
    TRY(ledger_entry(ledger, saying->arena, saying->batch.ledger_index, &entry));
    struct merkle_path path = merkle_path_of(saying->arena, saying->leaves, saying->leaf_count, saying->known->index);
    jsonw_object(w);
    jsonw_key(w, STR("batch"));
    jsonw_object(w);
    jsonw_field_int(w, "index", saying->known->index);
    jsonw_key(w, STR("path"));
    jsonw_array(w);
    vec_each (hash, &path)
        jsonw_string(w, str_base64(saying->arena, hash->bytes, sizeof hash->bytes));
    jsonw_array_end(w);
    jsonw_field_int(w, "size", (int64_t)saying->leaf_count);
    jsonw_object_end(w);
    jsonw_field(w, "entry", entry);
    jsonw_field(w, "proof", proof);
    jsonw_field(w, "record", text);
    jsonw_field(w, "salt", str_base64(saying->arena, saying->salt, sizeof saying->salt));
    jsonw_object_end(w);
    return NULL;
}

const struct err *engine_decision_evidence(struct reader *reader, struct arena *arena, const struct decision_known *known, str *ret_text, str *ret_evidence)
{
    struct decision_memo memo = {0};
    struct saying saying = {.reader = reader, .arena = arena, .known = known, .memo = &memo};
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, 1024 * 1024);
    jsonw_init(&w, &buf);
    const struct err *error = text_find(&saying, ret_text);
    if (!error)
        error = evidence_write(&saying, *ret_text, &w);
    sodium_memzero(saying.salt, sizeof saying.salt);
    ASSERT(!buf.overflow);
    *ret_evidence = buf_str(&buf);
    return error;
}
