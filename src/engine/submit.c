/* The way into the queue. What can be done without the store is done here, on the submitter's thread: reading messages, hashing
 * identifiers, working out which parts of a person will be needed.
 */
#include "engine/engine_private.h"
#include "engine/rights_private.h"
#include "evidence/seal.h"

#include <sodium.h>

identifier_hash identifier_hash_of(const struct engine *engine, str type, str value)
{
    identifier_hash hash;
    keyed_hash(engine->index_key, type, value, hash.bytes);
    return hash;
}

/* Keyed, so that the rows say nothing about ids, and nobody can choose collisions. Never 0. */
static uint64_t dedupe_id(const struct engine *engine, str source, str message_id)
{
    uint8_t text[LIMIT_NAME_BYTES + 1 + 512], digest[8];
    uint64_t id;
    ASSERT(source.length <= LIMIT_NAME_BYTES);
    memcpy(text, source.data, source.length);
    text[source.length] = 0;
    if (source.length + 1 + message_id.length <= sizeof text) {
        memcpy(text + source.length + 1, message_id.data, message_id.length);
        crypto_shorthash(digest, text, source.length + 1 + message_id.length, engine->message_key);
    } else { /* very long: through a hash that takes two parts */
        uint8_t wide[16];
        keyed_hash(engine->message_key, source, message_id, wide);
        memcpy(digest, wide, sizeof digest);
    }
    memcpy(&id, digest, sizeof id);
    return id ? id : 1;
}

static bool identifier_bind(const struct engine *engine, const struct policy *policy, struct message_identifier *id, str *refusal)
{
    if (!id->key)
        return true;
    const struct identity_key *key = policy_key(policy, id->key->name);
    if (!key) {
        *refusal = STR("the policy has no such type of identifier");
        return false;
    }
    id->key = key;
    if (!str_empty(id->value)) /* else it is one whose value is not kept: the hash came with it (engine_link_identifier) */
        id->hash = identifier_hash_of(engine, key->name, id->value);
    return true;
}

static void message_read(const struct engine *engine, const struct policy *policy, const struct work *work, const struct source *source,
                         const struct collected *collected, struct request *request)
{
    *request = (struct request){.kind = REQUEST_MESSAGE};
    struct message *message = &request->message;
    message->text = collected->text;
    message->source = source;
    message->received_ms = work->received_ms;
    message->sent_ms = collected->sent_ms;
    message->queued_ms = collected->queued_ms;
    message->gpc = collected->gpc;
    message->historical = collected->historical;
    if (!source) {
        request->result = (struct message_result){.outcome = OUTCOME_INVALID, .problem = STR("the policy has no such source")};
        return;
    }
    if (!core_read_message(work->arena, policy, collected->body, collected->defaults, collected->path_type, message, &request->result)) {
        request->result.outcome = OUTCOME_INVALID;
        return;
    }
    for (size_t i = 0; i < message->identifier_count; i++)
        message->identifiers[i].hash = identifier_hash_of(engine, message->identifiers[i].key->name, message->identifiers[i].value);
    message->dedupe = str_empty(message->message_id) ? 0 : dedupe_id(engine, source->name, message->message_id);
}

void ticket_read(struct engine *engine, struct ticket *ticket, const struct policy *policy)
{
    struct work *work = ticket->work;
    if (work->messages) {
        const struct source *source = policy_source(policy, work->source);
        for (size_t i = 0; i < work->message_count; i++)
            message_read(engine, policy, work, source, &work->messages[i], &work->requests[i]);
    }
    for (size_t i = 0; i < work->request_count; i++) {
        struct request *request = &work->requests[i];
        if (!work->messages) {
            bool fine = identifier_bind(engine, policy, &request->statement.subject, &request->refusal) &&
                        identifier_bind(engine, policy, &request->subject, &request->refusal) &&
                        identifier_bind(engine, policy, &request->other, &request->refusal);
            if (!fine)
                continue;
        } else if (request->result.outcome == OUTCOME_INVALID)
            continue;
        ticket->needs[i] = (uint8_t)core_needs(policy, request);
    }
}

const struct err *ticket_submit(struct engine *engine, struct ticket *ticket)
{
    const struct err *error = NULL;
    pthread_mutex_lock(&engine->submit_lock);
    if (engine->stopping)
        error = err_new(ticket->arena, ERR_UNAVAILABLE, "Telos is stopping");
    else if (ticket->work && engine->queue_bytes && engine->queue_bytes + ticket->bytes > LIMIT_QUEUE_BYTES)
        error = err_new(ticket->arena, ERR_TOO_MANY, "too much is waiting to be stored; send it again in a second");
    else {
        *engine->last = ticket;
        engine->last = &ticket->next;
        engine->queue_bytes += ticket->bytes;
        engine->queue_works++;
        if (engine->writer_waits && engine->queue_works >= engine->writer_wants)
            pthread_cond_signal(&engine->submitted);
    }
    pthread_mutex_unlock(&engine->submit_lock);
    return error;
}

static const struct err *work_submit(struct engine *engine, struct work *work, bool waits)
{
    work->ticket = NULL;
    work->error = NULL;
    work->policy = NULL;
    if (!engine->storing)
        return err_new(work->arena, ERR_UNAVAILABLE, "Telos cannot store at the moment; send it again later");
    const struct policy *policy = engine_policy(engine);
    if (!policy)
        return err_new(work->arena, ERR_CONFLICT, "there is no policy yet; apply one with `telos policy apply`");
    if (work->received_ms == 0)
        work->received_ms = clock_now_ms();
    if (work->messages) {
        work->requests = arena_array(work->arena, struct request, work->message_count);
        work->request_count = work->message_count;
    }
    struct ticket *ticket = arena_new(work->arena, struct ticket);
    ticket->arena = work->arena;
    ticket->work = work;
    if (work->rights) {
        ticket->join = rights_join;
        ticket->context = work->rights;
    }
    ticket->policy = policy;
    ticket->bytes = work->bytes + sizeof *ticket + work->request_count * sizeof *work->requests;
    ticket->needs = arena_array(work->arena, uint8_t, work->request_count);
    ticket->waits = waits;
    if (waits)
        sem_init(&ticket->finished, 0, 0);
    ticket_read(engine, ticket, policy);
    work->ticket = ticket; /* before it is queued: `done` may come at once */
    const struct err *error = ticket_submit(engine, ticket);
    if (error) {
        work->ticket = NULL;
        engine_policy_release(engine, policy);
    }
    return error;
}

static void ticket_wait(struct ticket *ticket)
{
    while (sem_wait(&ticket->finished)) /* a signal: again */
        ;
    sem_destroy(&ticket->finished);
}

const struct err *engine_submit(struct engine *engine, struct work *work)
{
    ASSERT(work->done);
    return work_submit(engine, work, false);
}

const struct err *engine_do(struct engine *engine, struct work *work)
{
    TRY(work_submit(engine, work, true));
    ticket_wait(work->ticket);
    return work->error;
}

void engine_work_release(struct engine *engine, struct work *work)
{
    struct ticket *ticket = work->ticket;
    if (!ticket)
        return;
    work->ticket = NULL;
    if (ticket->policy)
        engine_policy_release(engine, ticket->policy);
    if (ticket->commit)
        commit_release(ticket->commit);
}

static const struct err *ticket_do(struct engine *engine, struct ticket *ticket)
{
    ticket->waits = true;
    sem_init(&ticket->finished, 0, 0);
    const struct err *error = ticket_submit(engine, ticket);
    if (error) {
        sem_destroy(&ticket->finished);
        return error;
    }
    ticket_wait(ticket);
    return ticket->error;
}

const struct err *engine_commit(struct engine *engine, struct arena *arena, commit_join join, commit_after after, void *context)
{
    struct ticket ticket = {.arena = arena, .join = join, .after = after, .context = context};
    return ticket_do(engine, &ticket);
}

const struct err *engine_commit_alone(struct engine *engine, struct arena *arena, commit_join join, commit_after after, void *context)
{
    struct ticket ticket = {.arena = arena, .join = join, .after = after, .context = context, .alone = true};
    return ticket_do(engine, &ticket);
}

const struct err *engine_sweep_profiles(struct engine *engine, struct arena *arena, const profile_no *profiles, size_t count, int64_t now_ms)
{
    if (!count)
        return NULL;
    struct ticket ticket = {.arena = arena, .sweeps = profiles, .sweep_count = count, .sweep_now_ms = now_ms, .alone = now_ms != TIME_NONE};
    return ticket_do(engine, &ticket);
}
