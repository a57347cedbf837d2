/* Rights requests: their part of a commit (rights_join), reading them, and what time and recipients bring (rights_tend).
 *
 * What is sealed is authenticated with the request's id, under the evidence key of its profile.
 */
#include "base/log.h"
#include "engine/rights_private.h"
#include "engine/seal_private.h"
#include "evidence/x509.h"

#include <sodium.h>

#define TEND_STEP 64
#define TEND_AGAIN_MS MINUTE_MS

void engine_rights_attach(struct work *work, struct rights_act *act)
{
    act->work = work;
    work->rights = act;
}

static struct aad rights_aad(const struct rights_request *row) { return aad_make(SEALED_RIGHTS, row->profile, row->id.bytes, sizeof row->id.bytes); }

static const struct err *details_seal(struct engine *engine, struct arena *arena, const struct rights_details *details, struct rights_request *row)
{
    struct keyring ring;
    const uint8_t *key;
    keyring_init(&ring, engine, arena);
    if (keyring_get(&ring, row->profile, KEY_EVIDENCE, &key) == VAULT_DESTROYED)
        return NULL; /* somebody erased: nothing is kept of what they write */
    const struct err *error = value_seal(&ring, row->profile, KEY_EVIDENCE, rights_aad(row), rights_details_write(arena, details), &row->sealed);
    keyring_clear(&ring);
    return error;
}

static const struct err *details_open(struct engine *engine, struct arena *arena, const struct rights_request *row, struct rights_details *ret_details)
{
    struct keyring ring;
    str plain = STR_NONE;
    *ret_details = (struct rights_details){0};
    if (!row->profile.value || str_empty(row->sealed))
        return NULL;
    keyring_init(&ring, engine, arena);
    const struct err *error = value_open(&ring, row->profile, KEY_EVIDENCE, rights_aad(row), row->sealed, &plain);
    keyring_clear(&ring);
    return error ? error : rights_details_read(arena, plain, ret_details);
}

/* ---- within a commit ---- */

static str step_record(struct arena *arena, const struct rights_request *row, const struct rights_step *step, const struct rights_record *record)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, LIMIT_RIGHTS_RECORD_BYTES);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    jsonw_field_time(&w, "at", step->at_ms);
    if (!str_empty(step->code))
        jsonw_field(&w, "code", step->code);
    jsonw_field_time(&w, "due", row->due_ms);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, row->id);
    jsonw_field(&w, "right", str_of(right_name(row->right)));
    jsonw_field(&w, "role", step->role);
    jsonw_field(&w, "state", str_of(rights_state_name(row->state)));
    jsonw_field(&w, "step", str_of(rights_step_name(step->kind)));
    if (!uuid_is_zero(step->token)) {
        jsonw_key(&w, STR("token"));
        jsonw_uuid(&w, step->token);
    }
    if (step->kind == RIGHTS_FULFILLED && record->counted) {
        jsonw_key(&w, STR("erasure"));
        jsonw_uuid(&w, record->erasure);
    }
    jsonw_object_end(&w);
    return buf_str(&buf);
}

static const struct err *step_push(struct commit *commit, struct rights_request *row, struct rights_record *record, struct rights_step step)
{
    step.at_ms = commit->now_ms;
    TRY(ledger_clear(&commit->draft, "rights", step_record(commit->arena, row, &step, record), &step.ledger_index));
    *(struct rights_step *)vec_push(commit->arena, &record->steps) = step;
    return NULL;
}

static const struct err *step_do(struct commit *commit, const struct rights_act *act, enum rights_step_kind kind, struct rights_request *row,
                                 struct rights_record *record)
{
    const struct policy *policy = commit->policy;
    if (!rights_step_allowed(row->state, kind, &row->state))
        return err_new(commit->arena, ERR_CONFLICT, "the request is %s, so it cannot be %s", rights_state_name(row->state), rights_step_name(kind));
    if (!rights_state_open(row->state) && row->done_ms == TIME_NONE)
        row->done_ms = commit->now_ms;
    if (kind == RIGHTS_EXTENDED) {
        row->due_ms = rights_due(row->opened_ms, policy->quiet_zone, RIGHTS_MONTHS_EXTENDED);
        record->extended = true;
    }
    record->tellings = 0; /* a new state is told anew */
    if (kind == RIGHTS_IDENTITY_CONFIRMED)
        record->identity = act->identity;
    if (kind == RIGHTS_REFUSE)
        record->code = act->code;
    return step_push(commit, row, record,
                     (struct rights_step){.kind = kind, .token = act->token, .role = act->role, .code = kind == RIGHTS_REFUSE ? act->code : STR_NONE});
}

/* What the core made of the work's request `index`. */
static const struct request *result_of(const struct commit *commit, const struct work *work, size_t index)
{
    for (size_t i = 0; i < commit->origins.count; i++)
        if (commit->origins.items[i].request == &work->requests[index])
            return &commit->batch.requests[i];
    return &work->requests[index]; /* refused before it came to the core */
}

static str work_refused(const struct commit *commit, const struct work *work)
{
    for (size_t i = 0; i < work->request_count; i++) {
        const struct request *request = result_of(commit, work, i);
        if (!str_empty(request->refusal))
            return request->refusal;
        if ((request->kind == REQUEST_ERASE || request->kind == REQUEST_RECTIFY) && !request->found)
            return STR("nobody is known by this identifier, or the person was erased before");
    }
    return STR_NONE;
}

static const struct person *person_of(const struct request *request)
{
    const struct person *person = request->kind == REQUEST_STATEMENT ? request->statement.ret_person : request->person;
    while (person && person->merged_into)
        person = person->merged_into;
    return person;
}

/* What the person had asked before an erasure: nothing is left of the words, and what was open ends with it. */
static const struct err *others_forget(struct commit *commit, const struct rights_act *act, const struct person *person, struct uuid mine)
{
    struct rights_request *rows = NULL;
    size_t count = 0;
    profile_no *numbers = arena_array(commit->arena, profile_no, person->profiles.count + 1);
    for (size_t i = 0; i < person->profiles.count; i++)
        numbers[i] = person->profiles.items[i].number;
    struct rights_query query = {.profiles = numbers, .profile_count = person->profiles.count, .state = -1, .watch_ms = TIME_NONE, .max = SIZE_MAX / 2};
    TRY(commit->engine->store->ops->rights(commit->session, commit->arena, &query, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct rights_request *row = &rows[i];
        struct rights_record record;
        if (uuid_equal(row->id, mine) || (str_empty(row->sealed) && !rights_state_open(row->state)))
            continue;
        row->sealed = STR_NONE;
        if (rights_state_open(row->state)) {
            TRY(rights_record_read(commit->arena, row->record, &record));
            row->state = RIGHTS_WITHDRAWN;
            row->done_ms = commit->now_ms;
            row->watch_ms = TIME_FOREVER;
            TRY(step_push(commit, row, &record,
                          (struct rights_step){.kind = RIGHTS_WITHDRAW, .token = act->token, .role = act->role, .code = STR("erased")}));
            row->record = rights_record_write(commit->arena, &record);
        }
        *(struct rights_request *)vec_push(commit->arena, &commit->save.rights) = *row;
    }
    return NULL;
}

static uint64_t keys_ended(const struct commit *commit, const struct person *person)
{
    uint64_t count = 0;
    vec_each (end, &commit->batch.key_ends)
        vec_each (profile, &person->profiles)
            if (profile_no_equal(end->profile, profile->number))
                count += (uint64_t)__builtin_popcount(end->class_mask);
    return count;
}

static bool does_effect(enum rights_step_kind kind)
{
    return kind == RIGHTS_FULFILLED || kind == RIGHTS_STOPPED || kind == RIGHTS_UPHELD || kind == RIGHTS_OVERRIDDEN;
}

/* What the work did to the person: before the step that says so. */
static const struct err *outcome_take(struct commit *commit, const struct rights_act *act, struct rights_request *row, struct rights_record *record,
                                      bool *ret_erased)
{
    const struct person *before = NULL;
    for (size_t i = 0; i < act->work->request_count; i++) {
        const struct request *request = result_of(commit, act->work, i);
        const struct person *person = person_of(request);
        bool erased = request->kind == REQUEST_ERASE;
        if (!person)
            continue;
        if (!row->profile.value)
            row->profile = request->statement.ret_record ? request->statement.ret_record->profile : person->root;
        if (person != before)
            rights_outcome(commit->arena, commit->policy, person, erased, record);
        before = person;
        if (!erased)
            continue;
        record->erasure = request->merge;
        record->counts.keys = keys_ended(commit, person);
        *ret_erased = true;
        TRY(others_forget(commit, act, person, row->id));
    }
    return NULL;
}

/* Somebody asked to be told of its state, and was not yet. */
static bool untold(const struct rights_request *row, const struct rights_record *record)
{
    return str_find(record->external, STR("://")) >= 0 && record->tellings < RIGHTS_TELLINGS &&
           !str_equal(record->told, str_of(rights_state_name(row->state)));
}

static int64_t watch_when(const struct rights_request *row, const struct rights_record *record, int64_t now_ms)
{
    if (untold(row, record))
        return now_ms;
    vec_each (recipient, &record->recipients)
        if (recipient->state == RECIPIENT_WAITING || recipient->state == RECIPIENT_TOLD)
            return now_ms + SECOND_MS;
    return row->state == RIGHTS_RECEIVED || row->state == RIGHTS_VERIFYING ? row->due_ms + 1 : TIME_FOREVER;
}

static const struct err *request_get(struct commit *commit, struct rights_act *act, struct rights_details *details)
{
    TRY(commit->engine->store->ops->right(commit->session, commit->arena, act->id, &act->ret_row, &act->ret_found));
    vec_each (row, &commit->save.rights) /* another step of the same commit */
        if (uuid_equal(row->id, act->id)) {
            act->ret_row = *row;
            act->ret_found = true;
        }
    if (!act->ret_found)
        return NULL;
    TRY(rights_record_read(commit->arena, act->ret_row.record, &act->ret_record));
    return details_open(commit->engine, commit->arena, &act->ret_row, details);
}

/* As many as one person may have open; a flood of them would drown the others. */
static const struct err *too_many(struct commit *commit, profile_no profile, bool *ret_many)
{
    struct rights_request *rows = NULL;
    size_t count = 0, open = 0;
    struct rights_query query = {.profiles = &profile, .profile_count = 1, .state = -1, .watch_ms = TIME_NONE, .max = SIZE_MAX / 2};
    *ret_many = false;
    if (!profile.value)
        return NULL;
    TRY(commit->engine->store->ops->rights(commit->session, commit->arena, &query, &rows, &count));
    for (size_t i = 0; i < count; i++)
        open += rights_state_open(rows[i].state);
    *ret_many = open >= LIMIT_RIGHTS_OPEN;
    return NULL;
}

static str alias_key(struct arena *arena, str alias) { return str_printf(arena, "rights %.*s", STR_FMT(alias)); }

static const struct err *request_new(struct commit *commit, struct rights_act *act, struct rights_details *details)
{
    bool many;
    TRY(too_many(commit, act->profile, &many));
    if (many) {
        act->ret_refusal = STR("the person has as many open requests as Telos keeps; answer those first");
        return NULL;
    }
    if (!str_empty(act->alias)) {
        str known = STR_NONE;
        TRY(commit_setting_now(commit, alias_key(commit->arena, act->alias), &known));
        if (!str_empty(known)) {
            act->ret_refusal = STR("there is a request of this id already");
            return NULL;
        }
    }
    act->ret_found = true;
    act->ret_row = (struct rights_request){.id = id_next(&commit->engine->ids, commit->now_ms), .profile = act->profile, .right = act->right,
                                           .state = RIGHTS_RECEIVED, .channel = act->channel, .opened_ms = commit->now_ms, .done_ms = TIME_NONE,
                                           .due_ms = rights_due(commit->now_ms, commit->policy->quiet_zone, RIGHTS_MONTHS)};
    act->ret_record = (struct rights_record){.purpose = act->purpose, .external = act->external};
    *details = act->details;
    if (!str_empty(act->alias))
        commit_setting(commit, alias_key(commit->arena, act->alias), uuid_format(commit->arena, act->ret_row.id));
    return step_push(commit, &act->ret_row, &act->ret_record, (struct rights_step){.kind = RIGHTS_OPENED, .token = act->token, .role = act->role});
}

/* Would every step be allowed, one after the other? Asked before any leaf is made. */
static bool steps_allowed(struct commit *commit, struct rights_act *act)
{
    enum rights_state state = uuid_is_zero(act->id) ? RIGHTS_RECEIVED : act->ret_row.state;
    for (size_t i = 0; i < act->step_count; i++)
        if (!rights_step_allowed(state, act->steps[i], &state)) {
            act->ret_refusal = str_printf(commit->arena, "the request is %s, so the step `%s` is not possible", rights_state_name(state),
                                          rights_step_name(act->steps[i]));
            return false;
        }
    if (act->ret_record.steps.count + act->step_count > LIMIT_RIGHTS_STEPS)
        act->ret_refusal = STR("the request has as many steps as Telos keeps");
    return str_empty(act->ret_refusal);
}

static const struct err *steps_do(struct commit *commit, struct rights_act *act, struct rights_details *details)
{
    struct rights_request *row = &act->ret_row;
    bool erased = false;
    for (size_t i = 0; i < act->step_count; i++) {
        if (does_effect(act->steps[i]))
            TRY(outcome_take(commit, act, row, &act->ret_record, &erased));
        TRY(step_do(commit, act, act->steps[i], row, &act->ret_record));
    }
    if (!str_empty(act->answer))
        details->answer = act->answer;
    if (!str_empty(act->extension))
        details->extension = act->extension;
    row->watch_ms = watch_when(row, &act->ret_record, commit->now_ms);
    row->record = rights_record_write(commit->arena, &act->ret_record);
    row->sealed = STR_NONE;
    if (row->profile.value && !erased && row->state != RIGHTS_NO_MATCH) {
        TRY(keys_ahead(commit->engine, commit->arena, commit->batch.profile_next));
        TRY(details_seal(commit->engine, commit->arena, details, row));
    }
    *(struct rights_request *)vec_push(commit->arena, &commit->save.rights) = *row;
    return NULL;
}

const struct err *rights_join(void *context, struct commit *commit)
{
    struct rights_act *act = context;
    struct rights_details details = {0};
    bool fresh = uuid_is_zero(act->id);
    act->ret_found = false;
    act->ret_record = (struct rights_record){0};
    act->ret_refusal = work_refused(commit, act->work);
    if (!str_empty(act->ret_refusal))
        return NULL;
    if (!fresh)
        TRY(request_get(commit, act, &details));
    if ((!fresh && !act->ret_found) || !steps_allowed(commit, act))
        return NULL;
    if (fresh)
        TRY(request_new(commit, act, &details));
    return str_empty(act->ret_refusal) ? steps_do(commit, act, &details) : NULL;
}

/* ---- reading ---- */

/* Recipients as the outbox knows them now. True when one of them changed. */
static const struct err *recipients_ask(struct engine *engine, struct store_session *session, struct arena *arena, struct rights_record *record,
                                        bool *ret_changed, bool *ret_all)
{
    *ret_changed = false;
    *ret_all = true;
    vec_each (recipient, &record->recipients) {
        struct delivery delivery;
        bool found = false;
        if (recipient->state == RECIPIENT_CONFIRMED)
            continue;
        TRY(engine->store->ops->delivery(session, arena, recipient->delivery, &delivery, &found));
        enum rights_recipient_state state = !found ? recipient->state
                                            : delivery.state == DELIVERY_DELIVERED ? RECIPIENT_CONFIRMED
                                            : delivery.state == DELIVERY_DEAD || delivery.state == DELIVERY_CANCELLED ? RECIPIENT_FAILED
                                            : delivery.attempts ? RECIPIENT_TOLD
                                                                : RECIPIENT_WAITING;
        *ret_changed |= state != recipient->state;
        *ret_all &= state == RECIPIENT_CONFIRMED || state == RECIPIENT_FAILED;
        if (state != recipient->state)
            recipient->at_ms = found && delivery.done_ms != TIME_NONE ? delivery.done_ms : clock_now_ms();
        recipient->state = state;
    }
    return NULL;
}

static const struct err *case_read(struct engine *engine, struct store_session *session, struct arena *arena, bool persons, struct rights_case *ret_case)
{
    bool changed, all;
    TRY(rights_record_read(arena, ret_case->row.record, &ret_case->record));
    TRY(recipients_ask(engine, session, arena, &ret_case->record, &changed, &all));
    ret_case->details = (struct rights_details){0};
    return persons ? details_open(engine, arena, &ret_case->row, &ret_case->details) : NULL;
}

const struct err *engine_right(struct reader *reader, struct arena *arena, struct uuid id, bool persons, struct rights_case *ret_case, bool *ret_found)
{
    struct rights_case one = {0};
    TRY(reader->engine->store->ops->right(reader->session, arena, id, &one.row, ret_found));
    if (!*ret_found)
        return NULL;
    TRY(case_read(reader->engine, reader->session, arena, persons, &one));
    *ret_case = one;
    return NULL;
}

const struct err *engine_rights(struct reader *reader, struct arena *arena, const struct rights_query *query, bool persons, struct rights_case **ret_cases,
                                size_t *ret_count)
{
    struct rights_request *rows = NULL;
    size_t count = 0;
    TRY(reader->engine->store->ops->rights(reader->session, arena, query, &rows, &count));
    struct rights_case *cases = arena_array(arena, struct rights_case, count + 1);
    for (size_t i = 0; i < count; i++) {
        cases[i].row = rows[i];
        TRY(case_read(reader->engine, reader->session, arena, persons, &cases[i]));
    }
    *ret_cases = cases;
    *ret_count = count;
    return NULL;
}

/* ---- other protocols ---- */

#define TELL_MAX 64

const struct err *engine_rights_untold(struct reader *reader, struct arena *arena, size_t max, struct rights_case **ret_cases, size_t *ret_count)
{
    struct rights_request *rows = NULL;
    size_t count = 0, found = 0;
    struct rights_query query = {.state = -1, .watch_ms = clock_now_ms(), .max = max < TELL_MAX ? TELL_MAX : max};
    TRY(reader->engine->store->ops->rights(reader->session, arena, &query, &rows, &count));
    struct rights_case *cases = arena_array(arena, struct rights_case, count + 1);
    for (size_t i = 0; i < count && found < max; i++) {
        struct rights_case one = {.row = rows[i]};
        TRY(rights_record_read(arena, rows[i].record, &one.record));
        if (untold(&one.row, &one.record))
            cases[found++] = one;
    }
    *ret_cases = cases;
    *ret_count = found;
    return NULL;
}

struct telling {
    struct uuid id;
    enum rights_state state;
    bool told;
};
static const struct err *telling_join(void *context, struct commit *commit)
{
    const struct telling *telling = context;
    struct rights_request row;
    struct rights_record record;
    bool found;
    TRY(commit->engine->store->ops->right(commit->session, commit->arena, telling->id, &row, &found));
    if (!found)
        return NULL;
    TRY(rights_record_read(commit->arena, row.record, &record));
    if (telling->told)
        record.told = str_of(rights_state_name(telling->state));
    record.tellings = telling->told ? 0 : record.tellings + 1;
    int64_t again_ms = telling->told ? 0 : SECOND_MS << (record.tellings < 12 ? record.tellings : 12);
    row.watch_ms = watch_when(&row, &record, commit->now_ms + again_ms);
    row.record = rights_record_write(commit->arena, &record);
    *(struct rights_request *)vec_push(commit->arena, &commit->save.rights) = row;
    return NULL;
}

const struct err *engine_rights_told(struct engine *engine, struct arena *arena, struct uuid id, enum rights_state state, bool told)
{
    struct telling telling = {id, state, told};
    return engine_commit_alone(engine, arena, telling_join, NULL, &telling);
}

const struct err *engine_rights_alias(struct reader *reader, struct arena *arena, str alias, struct uuid *ret_id)
{
    str text = STR_NONE;
    *ret_id = (struct uuid){0};
    TRY(reader->engine->store->ops->setting(reader->session, arena, alias_key(arena, alias), &text));
    if (!str_empty(text) && !uuid_parse(text, ret_id))
        return err_new(arena, ERR_INTERNAL, "the name of a rights request is damaged");
    return NULL;
}

const struct x509_signer *engine_rights_signer(const struct engine *engine) { return engine->signer; }

str engine_rights_sign(struct engine *engine, struct arena *arena, str text)
{
    struct hash digest;
    uint8_t signature[crypto_sign_BYTES];
    if (engine->signer)
        return x509_sign(arena, engine->signer, text);
    hash_sha256(text, &digest);
    crypto_sign_detached(signature, NULL, digest.bytes, sizeof digest.bytes, ledger_key(engine->ledger)->secret);
    return str_base64(arena, signature, sizeof signature);
}

str engine_rights_agent_token(struct engine *engine, struct arena *arena, str agent, const uint8_t key[32])
{
    uint8_t secret[32], token[32];
    crypto_generichash_state state;
    vault_derive(engine->vault, STR("rights-agents"), secret);
    crypto_generichash_init(&state, secret, sizeof secret, sizeof token);
    crypto_generichash_update(&state, key, 32);
    crypto_generichash_update(&state, (const unsigned char *)agent.data, agent.length);
    crypto_generichash_final(&state, token, sizeof token);
    sodium_memzero(secret, sizeof secret);
    return str_base64url(arena, token, sizeof token);
}

/* ---- what time and recipients bring ---- */

struct tend {
    struct rights_request row; /* as it was seen */
    int64_t now_ms;
};
static const struct err *tend_join(void *context, struct commit *commit)
{
    struct tend *tend = context;
    struct rights_request row;
    struct rights_record record;
    bool found, changed, all;
    TRY(commit->engine->store->ops->right(commit->session, commit->arena, tend->row.id, &row, &found));
    if (!found || row.watch_ms != tend->row.watch_ms)
        return NULL;
    TRY(rights_record_read(commit->arena, row.record, &record));
    if (untold(&row, &record) && row.due_ms > tend->now_ms)
        return NULL; /* the sender's, first */
    bool waited = watch_when(&row, &record, 0) == SECOND_MS;
    TRY(recipients_ask(commit->engine, commit->session, commit->arena, &record, &changed, &all));
    struct rights_act act = {.role = STR("system")};
    if ((row.state == RIGHTS_RECEIVED || row.state == RIGHTS_VERIFYING) && row.due_ms < tend->now_ms)
        TRY(step_do(commit, &act, RIGHTS_EXPIRE, &row, &record));
    else if (waited && all)
        TRY(step_do(commit, &act, RIGHTS_ANSWERED, &row, &record));
    bool waits = watch_when(&row, &record, 0) == SECOND_MS;
    row.watch_ms = waits ? commit->now_ms + TEND_AGAIN_MS : watch_when(&row, &record, commit->now_ms);
    row.record = rights_record_write(commit->arena, &record);
    *(struct rights_request *)vec_push(commit->arena, &commit->save.rights) = row;
    return NULL;
}

const struct err *rights_tend(struct engine *engine, struct store_session *session, struct arena *arena, int64_t now_ms)
{
    struct rights_request *rows = NULL;
    size_t count = 0;
    struct rights_query query = {.state = -1, .watch_ms = now_ms, .max = TEND_STEP};
    TRY(engine->store->ops->rights(session, arena, &query, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct tend tend = {.row = rows[i], .now_ms = now_ms};
        TRY(engine_commit(engine, arena, tend_join, NULL, &tend));
    }
    return NULL;
}
