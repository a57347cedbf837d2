/* After a restore: what persons said no to since the backup, said again (refusal_log_private.h).
 *
 * 1. It goes the way of every statement, through the core, so it has the same effects: what rested on the consent goes, recalls are owed.
 * 2. A no is heard by everybody in the store who is known by one of the identifiers that the person had when it was said. Where two people of the
 *    backup were one by then, both hear it.
 * 3. What the store knows already is passed over: the same record, or one that says the same at the same time.
 */
#include "base/log.h"
#include "engine/refusal_log_private.h"
#include "engine/seal_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_REQUESTS 64

struct again {
    struct engine *engine;
    struct reader *reader;
    struct arena *arena; /* of one step */
    const struct policy *policy;
    struct request *requests;
    struct uuid ids[STEP_REQUESTS];
    size_t count;
    str vault;
    struct refusals_said_again *said;
};

struct refusal {
    bool is_preferences;
    struct uuid id;
    struct consent record;
    str value;
    int64_t at_ms;
    str type;
    VEC(identifier_hash) on;
};

/* ---- reading ---- */

static bool content_read(struct arena *arena, str text, struct refusal *refusal)
{
    struct json tree;
    struct consent *record = &refusal->record;
    if (json_read(arena, text, &tree) || !json_int(json_get(&tree, STR("at")), &refusal->at_ms))
        return false;
    refusal->type = json_string(json_get(&tree, STR("type")));
    const struct json *on = json_get(&tree, STR("on"));
    for (uint32_t i = 0; on && on->type == JSON_ARRAY && i < on->count; i++) {
        identifier_hash hash;
        if (!str_unhex(json_string(&on->items[i]), hash.bytes, sizeof hash.bytes))
            return false;
        *(identifier_hash *)vec_push(arena, &refusal->on) = hash;
    }
    refusal->value = json_string(json_get(&tree, STR("preferences")));
    refusal->is_preferences = refusal->value.data != NULL;
    if (refusal->is_preferences)
        return true;
    record->at_ms = refusal->at_ms;
    record->purpose = json_string(json_get(&tree, STR("purpose")));
    record->source = json_string(json_get(&tree, STR("source")));
    record->method = json_string(json_get(&tree, STR("method")));
    record->reference = json_string(json_get(&tree, STR("reference")));
    record->signal = json_string(json_get(&tree, STR("signal")));
    record->verified = json_bool(json_get(&tree, STR("verified")), true);
    return uuid_parse(json_string(json_get(&tree, STR("id"))), &refusal->id) &&
           consent_status_parse(json_string(json_get(&tree, STR("status"))), &record->status) &&
           said_by_parse(json_string(json_get(&tree, STR("by"))), &record->by);
}

/* False: not of this vault, of a person whose key is gone, or damaged. */
static bool line_read(struct again *again, str line, struct refusal *refusal)
{
    str word, vault, verb, number, day, rest = line, sealed, content = STR_NONE;
    int64_t profile;
    struct keyring ring;
    bool whole = str_split(&rest, ' ', &word) && str_split(&rest, ' ', &vault) && str_split(&rest, ' ', &verb) &&
                 str_split(&rest, ' ', &number) && str_split(&rest, ' ', &day) && str_equal(word, STR("telos1")) &&
                 str_equal(verb, STR("refusal")) && str_to_int64(number, &profile) && profile > 0;
    if (whole && !str_equal(vault, again->vault))
        return false;
    if (!whole || !str_unbase64(again->arena, rest, &sealed)) {
        again->said->damaged++;
        return false;
    }
    profile_no owner = {(uint64_t)profile};
    keyring_init(&ring, again->engine, again->arena);
    const struct err *error = value_open(&ring, owner, KEY_EVIDENCE, aad_make(SEALED_REFUSAL, owner, "", 0), sealed, &content);
    keyring_clear(&ring);
    bool fine = !error && content.data && content_read(again->arena, content, refusal);
    again->said->damaged += error || (content.data && !fine);
    return fine;
}

/* ---- who is to hear it, and has not heard it yet ---- */

static bool is_known(const struct person *person, const struct refusal *refusal)
{
    const struct consent *said = &refusal->record;
    if (refusal->is_preferences) {
        vec_each (row, &person->preferences)
            if (row->at_ms >= refusal->at_ms)
                return true;
        return false;
    }
    vec_each (record, &person->consents)
        if (uuid_equal(record->id, refusal->id) ||
            (record->at_ms == said->at_ms && record->status == said->status && str_equal(record->purpose, said->purpose) &&
             (!status_is_vendor(said->status) || str_equal(record->reference, said->reference)))) /* one string speaks of many vendors */
            return true;
    return false;
}

static bool is_erased(const struct person *person)
{
    vec_each (profile, &person->profiles)
        if (profile->erased_ms == TIME_NONE)
            return false;
    return true;
}

static void request_add(struct again *again, const struct refusal *refusal, const struct identity_key *key, const identifier_hash *hash)
{
    struct request *request = &again->requests[again->count];
    struct message_identifier subject = {.key = key, .hash = *hash};
    *request = (struct request){.kind = refusal->is_preferences ? REQUEST_PREFERENCES : REQUEST_STATEMENT};
    if (refusal->is_preferences) {
        request->subject = subject;
        request->value = refusal->value;
    } else {
        request->statement.subject = subject;
        request->statement.record = refusal->record;
        request->statement.unverified = !refusal->record.verified;
    }
    again->ids[again->count++] = refusal->id;
}

static const struct err *step_end(struct again *again)
{
    struct work work = {.arena = again->arena, .requests = again->requests, .request_count = again->count};
    if (!again->count)
        return NULL;
    TRY(engine_do(again->engine, &work));
    for (size_t i = 0; i < again->count; i++) {
        again->said->statements += again->requests[i].found;
        again->said->refused += !str_empty(again->requests[i].refusal);
    }
    engine_work_release(again->engine, &work);
    again->count = 0;
    return NULL;
}

static const struct err *people_load(struct again *again, const struct refusal *refusal, struct load *load)
{
    struct sets_use use = sets_of(again->engine, again->policy);
    *load = (struct load){.arena = again->arena, .sets = use.sets, .hashes = refusal->on.items, .hash_count = refusal->on.count,
                          .parts = PERSON_HEAD, .events_from_ms = INT64_MIN};
    const struct err *error = again->engine->store->ops->load(again->reader->session, load);
    sets_release(use);
    return error;
}

static const struct identity_key *key_of(const struct again *again, const struct person *person, const struct refusal *refusal,
                                         const identifier_hash *hash)
{
    str type = refusal->type;
    for (size_t i = 0; person && i < person->identifiers.count; i++)
        if (memcmp(person->identifiers.items[i].hash.bytes, hash->bytes, sizeof hash->bytes) == 0)
            type = person->identifiers.items[i].type;
    return policy_key(again->policy, type);
}

static const struct err *refusal_hear(struct again *again, const struct refusal *refusal)
{
    struct load load;
    for (size_t i = 0; i < again->count && !refusal->is_preferences; i++)
        if (uuid_equal(again->ids[i], refusal->id)) { /* its twin (refusal_log.c) is under way */
            TRY(step_end(again));
            break;
        }
    if (refusal->is_preferences)
        TRY(step_end(again)); /* the newest wins, so they are heard one after the other */
    TRY(people_load(again, refusal, &load));
    bool anybody = false;
    for (size_t i = 0; i < refusal->on.count; i++) {
        struct person *person = load.by_hash[i];
        bool again_the_same = false;
        for (size_t k = 0; k < i; k++)
            again_the_same |= load.by_hash[k] == person;
        if (!person || again_the_same)
            continue;
        anybody = true;
        if (status_is_vendor(refusal->record.status)) /* which vendor is sealed */
            TRY(open_person(again->engine, again->arena, person));
        const struct identity_key *key = key_of(again, person, refusal, &refusal->on.items[i]);
        if (is_erased(person) || is_known(person, refusal))
            continue;
        if (!key) {
            again->said->refused++;
            continue;
        }
        if (again->count == STEP_REQUESTS)
            TRY(step_end(again));
        request_add(again, refusal, key, &refusal->on.items[i]);
    }
    const struct identity_key *own = anybody || !refusal->on.count ? NULL : key_of(again, NULL, refusal, &refusal->on.items[0]);
    if (own) { /* nobody of the backup: the no is kept for whoever comes back under that identifier */
        if (again->count == STEP_REQUESTS)
            TRY(step_end(again));
        request_add(again, refusal, own, &refusal->on.items[0]);
    }
    return NULL;
}

/* ---- the file ---- */

static const struct err *lines_hear(struct again *again, FILE *file, const char *path)
{
    char *line = NULL;
    size_t room = 0;
    const struct err *error = NULL;
    for (ssize_t length; !error && (length = getline(&line, &room, file)) > 0 && line[length - 1] == '\n';) { /* a torn last line is none */
        struct refusal refusal = {.at_ms = TIME_NONE};
        str text = str_copy(again->arena, str_bytes(line, (size_t)length - 1));
        if (line_read(again, text, &refusal))
            error = refusal_hear(again, &refusal);
        if (!error && !again->count)
            arena_clear(again->arena);
        if (!again->count)
            again->requests = arena_array(again->arena, struct request, STEP_REQUESTS);
    }
    if (!error)
        error = step_end(again);
    if (!error && ferror(file))
        error = err_new(again->arena, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    free(line);
    return error;
}

const struct err *refusals_say_again(struct engine *engine, struct reader *reader, struct arena *arena, const char *path,
                                     struct refusals_said_again *said)
{
    struct arena step;
    uint8_t vault[16];
    FILE *file = fopen(path, "rbe");
    if (!file)
        return errno == ENOENT ? NULL : err_new(arena, ERR_IO, "%s cannot be read: %s", path, strerror(errno));
    arena_init(&step);
    vault_id(engine->vault, vault);
    struct again again = {.engine = engine, .reader = reader, .arena = &step, .policy = engine_policy(engine), .said = said,
                          .vault = str_hex(arena, vault, sizeof vault), .requests = arena_array(&step, struct request, STEP_REQUESTS)};
    const struct err *error = again.policy ? lines_hear(&again, file, path) : NULL; /* without a policy nobody was ever stored */
    if (error)
        error = err_new(arena, error->code, "%s", error->text);
    if (again.policy)
        engine_policy_release(engine, again.policy);
    (void)fclose(file); /* only read */
    arena_release(&step);
    if (!error)
        log_write(LOG_INFO, "restore", "what was refused since was said again statements=%llu refused=%llu damaged=%llu",
                  (unsigned long long)said->statements, (unsigned long long)said->refused, (unsigned long long)said->damaged);
    return error;
}
