/* GET /v1/stream: server-sent events, one for each person that a commit touched, as the stream's purpose may see them when it is sent.
 *
 * One thread serves all streams: it is woken after a commit, reads the changes after each stream's place, and pushes what fits.
 *
 * 1. An event is made through the gate at the moment it is pushed, and recorded as a read.
 * 2. A stream's place is "batch-offset"; its client comes back with it (`Last-Event-ID`) and misses nothing that is still kept.
 * 3. A slow client gets no more than LIMIT_STREAM_BUFFER_BYTES ahead; the rest stays in the store, and it catches up.
 * 4. A token is asked again before each push: revoked, it ends the stream.
 *
 * The same thread watches for connections that send too slowly (link.c), because it wakes up every second anyway.
 */
#include "server/server_private.h"

#include <stdlib.h>
#include <time.h>

#define CHANGES_MAX 256
#define HEARTBEAT_US (15 * 1000000)
#define WATCH_US (5 * 1000000)
#define TICK_MS 500
#define ROOM_MIN 1024

struct stream {
    struct stream *next;
    struct arena arena; /* of its texts */
    struct flow *flow;
    struct credential credential;
    str purpose;
    struct uuid token_id;
    uint64_t batch;
    uint32_t next_offset; /* within that batch: the first that it has not got */
    int64_t sent_us;
    bool behind; /* there was more than could be pushed */
};

struct streams {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct stream *first; /* the thread's own */
    struct stream *arrived; /* under the lock */
    _Atomic size_t count;
    bool woken, stopping;
    struct call scratch; /* a call without a connection: arena, policy and reader of the round */
};

size_t streams_count(const struct server *server) { return server->streams ? atomic_load(&server->streams->count) : 0; }

/* ---- one event ---- */

/* Reasons that say that something was allowed before and is not any more: then who has a copy must learn it. For somebody who never
 * agreed, not even that they exist is told. */
static bool was_taken_away(reason_mask reasons)
{
    return reasons & (REASON_BIT(REASON_CONSENT_WITHDRAWN) | REASON_BIT(REASON_CONSENT_REFUSED) | REASON_BIT(REASON_CONSENT_EXPIRED) |
                      REASON_BIT(REASON_OBJECTED) | REASON_BIT(REASON_OBJECTION_PENDING) | REASON_BIT(REASON_OPTED_OUT_BY_SIGNAL) |
                      REASON_BIT(REASON_SUBJECT_ERASED) | REASON_BIT(REASON_PROCESSING_RESTRICTED) | REASON_BIT(REASON_CONTRACT_ENDED));
}

static void write_withheld(struct jsonw *w, const struct stream *stream, const struct person *person, const struct decision *decision)
{
    jsonw_object(w);
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, profile_uuid(person, person->root));
    jsonw_field(w, "purpose", stream->purpose);
    jsonw_key(w, STR("reasons"));
    write_reason_names(w, decision->reasons);
    jsonw_object_end(w);
}

static const struct err *push_change(struct call *call, struct stream *stream, const struct purpose *purpose, const struct change_item *item)
{
    struct person *person = NULL;
    struct profile_view view;
    struct buf out;
    struct jsonw w;
    TRY(engine_person_by_no(call->reader, &call->arena, call->policy, item->profile, PERSON_HEAD | PERSON_FACTS, &person));
    if (!person)
        return NULL;
    view_person(call, person, purpose, &view);
    if (!view.decision.allow && !was_taken_away(view.decision.reasons))
        return NULL;
    buf_init(&out, &call->arena, LIMIT_REPLY_BYTES);
    buf_printf(&out, "id: %llu-%u\nevent: %s\ndata: ", (unsigned long long)item->batch, item->offset, view.decision.allow ? "profile" : "withheld");
    size_t from = out.length;
    jsonw_init(&w, &out);
    if (view.decision.allow) {
        call->principal.token = stream->token_id;
        call_record(call, person, stream->purpose, "stream");
        TRY(write_profile(call, &w, &view, view_told_recipient(&view), 1));
    } else {
        write_withheld(&w, stream, person, &view.decision);
    }
    line_flatten(&out, from);
    buf_add(&out, STR("\n\n"));
    if (out.overflow)
        return err_new(&call->arena, ERR_TOO_LARGE, "a profile is too large for the stream");
    flow_push(stream->flow, buf_str(&out));
    stream->sent_us = clock_monotonic_us();
    return NULL;
}

/* ---- one round of one stream ---- */

/* The purpose that it may still see, or NULL: then it has ended. */
static const struct purpose *still_allowed(struct call *call, const struct stream *stream)
{
    struct principal principal;
    const struct purpose *purpose = policy_purpose(call->policy, stream->purpose);
    if (!credential_open(call->server, &call->arena, call->policy, &stream->credential, &principal))
        return NULL;
    return purpose && (MAY_PEOPLE & MAY(principal.role)) && principal_has(&principal, purpose) ? purpose : NULL;
}

/* Of several changes of one person in a row only the last is worth sending: each shows the person as it is now. */
static bool comes_again(const struct change_item *items, size_t count, size_t i)
{
    for (size_t j = i + 1; j < count; j++)
        if (profile_no_equal(items[j].profile, items[i].profile))
            return true;
    return false;
}

/* False when the stream has ended. */
static bool serve(struct call *call, struct stream *stream, int64_t now_us)
{
    struct change_item *items;
    size_t count;
    stream->behind = false;
    if (flow_closed(stream->flow))
        return false;
    const struct purpose *purpose = still_allowed(call, stream);
    if (!purpose) {
        flow_push(stream->flow, STR("event: end\ndata: {\"reason\":\"the token or its purpose is no longer valid\"}\n\n"));
        return false;
    }
    if (flow_room(stream->flow) < ROOM_MIN)
        return true;
    const struct err *error = engine_changes(call->reader, &call->arena, stream->batch, stream->next_offset, CHANGES_MAX, &items, &count);
    for (size_t i = 0; !error && i < count && flow_room(stream->flow) >= ROOM_MIN; i++) {
        if (!comes_again(items, count, i))
            error = push_change(call, stream, purpose, &items[i]);
        stream->batch = items[i].batch;
        stream->next_offset = items[i].offset + 1;
        stream->behind = i + 1 == count && count == CHANGES_MAX;
    }
    if (error) {
        log_write(LOG_WARN, "server", "a stream is ended: %s: %s", err_name(error->code), error->text);
        return false;
    }
    if (now_us - stream->sent_us > HEARTBEAT_US) {
        flow_push(stream->flow, STR(":\n\n"));
        stream->sent_us = now_us;
    }
    return true;
}

static void stream_free(struct streams *streams, struct stream *stream)
{
    flow_end(stream->flow);
    arena_release(&stream->arena);
    free(stream);
    atomic_fetch_sub(&streams->count, 1);
}

/* True when somebody could not be given everything yet. */
static bool serve_all(struct streams *streams)
{
    struct call *call = &streams->scratch;
    const struct err *error = NULL;
    bool behind = false;
    if (!streams->first)
        return false;
    call->reader = reader_take(streams->server, &error);
    call->policy = engine_policy(streams->server->engine);
    for (struct stream **at = &streams->first, *stream; (stream = *at);) {
        bool goes_on = !error && call->policy && serve(call, stream, clock_monotonic_us());
        behind |= goes_on && stream->behind;
        arena_clear(&call->arena);
        if (goes_on) {
            at = &stream->next;
            continue;
        }
        *at = stream->next;
        stream_free(streams, stream);
    }
    if (call->policy)
        engine_policy_release(streams->server->engine, call->policy);
    if (call->reader)
        reader_give_back(streams->server, call->reader);
    call->policy = NULL;
    call->reader = NULL;
    return behind;
}

/* ---- the thread ---- */

static void wait_until_woken(struct streams *streams)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    int result = 0;
    while (!streams->woken && !streams->stopping && !result)
        result = pthread_cond_timedwait(&streams->wake, &streams->lock, &until);
    streams->woken = false;
}

static void take_arrived(struct streams *streams)
{
    while (streams->arrived) {
        struct stream *stream = streams->arrived;
        streams->arrived = stream->next;
        stream->next = streams->first;
        streams->first = stream;
    }
}

static void *run(void *context)
{
    struct streams *streams = context;
    int64_t watched_us = clock_monotonic_us();
    bool behind = false;
    for (;;) {
        pthread_mutex_lock(&streams->lock);
        if (!behind)
            wait_until_woken(streams);
        take_arrived(streams);
        bool stopping = streams->stopping;
        pthread_mutex_unlock(&streams->lock);
        if (stopping)
            break;
        behind = serve_all(streams);
        int64_t now_us = clock_monotonic_us();
        if (now_us - watched_us > WATCH_US) {
            links_watch(streams->server);
            watched_us = now_us;
        }
    }
    while (streams->first) {
        struct stream *stream = streams->first;
        streams->first = stream->next;
        stream_free(streams, stream);
    }
    return NULL;
}

static void wake(struct streams *streams)
{
    pthread_mutex_lock(&streams->lock);
    streams->woken = true;
    pthread_cond_signal(&streams->wake);
    pthread_mutex_unlock(&streams->lock);
}

static void on_commit(void *context, const struct commit_note *note)
{
    struct streams *streams = context;
    if ((note->profile_count || note->policy) && atomic_load(&streams->count))
        wake(streams);
}

const struct err *streams_start(struct server *server, struct arena *arena)
{
    struct streams *streams = calloc(1, sizeof(*streams));
    pthread_condattr_t attributes;
    ASSERT(streams);
    streams->server = streams->scratch.server = server;
    arena_init(&streams->scratch.arena);
    pthread_mutex_init(&streams->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&streams->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&streams->thread, NULL, run, streams)) {
        free(streams);
        return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
    }
    server->streams = streams;
    engine_listen(server->engine, on_commit, streams);
    return NULL;
}

void streams_stop(struct server *server)
{
    struct streams *streams = server->streams;
    if (!streams)
        return;
    engine_unlisten(server->engine, on_commit, streams);
    pthread_mutex_lock(&streams->lock);
    streams->stopping = true;
    pthread_cond_signal(&streams->wake);
    pthread_mutex_unlock(&streams->lock);
    pthread_join(streams->thread, NULL);
}

void streams_free(struct server *server)
{
    struct streams *streams = server->streams;
    if (!streams)
        return;
    pthread_mutex_destroy(&streams->lock);
    pthread_cond_destroy(&streams->wake);
    arena_release(&streams->scratch.arena);
    server->streams = NULL;
    free(streams);
}

/* ---- the route ---- */

static const struct err *read_place(struct call *call, struct stream *stream)
{
    str text = call_header(call, "Last-Event-ID"), part;
    int64_t batch, offset;
    if (str_empty(text))
        text = call_query(call, "last_event_id");
    if (str_empty(text)) {
        stream->batch = engine_batch_last(call->server->engine);
        stream->next_offset = UINT32_MAX;
        return NULL;
    }
    if (!str_split(&text, '-', &part) || !str_to_int64(part, &batch) || !str_to_int64(text, &offset) || batch < 0 || offset < 0 || offset >= UINT32_MAX)
        return err_new(&call->arena, ERR_INVALID, "`Last-Event-ID` is not one that this stream gave out");
    stream->batch = (uint64_t)batch;
    stream->next_offset = (uint32_t)offset + 1;
    return NULL;
}

const struct err *stream_get(struct call *call)
{
    const struct purpose *purpose;
    struct streams *streams = call->server->streams;
    struct stream place = {0};
    TRY(call_purpose(call, &purpose));
    TRY(read_place(call, &place));
    if (!str_empty(call_query(call, "segment")))
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no segment of this name");
    if (atomic_fetch_add(&streams->count, 1) >= LIMIT_STREAM_CLIENTS) {
        atomic_fetch_sub(&streams->count, 1);
        return err_new(&call->arena, ERR_TOO_MANY, "%d streams are open already; try again when one has ended", LIMIT_STREAM_CLIENTS);
    }
    struct stream *stream = malloc(sizeof(*stream));
    ASSERT(stream);
    *stream = place;
    arena_init(&stream->arena);
    stream->credential = call_credential(call, &stream->arena);
    stream->token_id = call->principal.token;
    stream->purpose = str_copy(&stream->arena, purpose->name);
    stream->flow = flow_new(call, LIMIT_STREAM_BUFFER_BYTES);
    stream->sent_us = clock_monotonic_us();
    flow_push(stream->flow, STR("retry: 2000\n\n"));
    reply_text(call, MHD_HTTP_OK, "text/event-stream", STR_NONE);
    reply_header(call, "X-Accel-Buffering", "no");
    call->reply.response = flow_response(stream->flow);
    pthread_mutex_lock(&streams->lock);
    bool stopping = streams->stopping;
    if (!stopping) {
        stream->next = streams->arrived;
        streams->arrived = stream;
    }
    pthread_mutex_unlock(&streams->lock);
    if (stopping)
        stream_free(streams, stream); /* the reply ends at once */
    else
        wake(streams);
    return NULL;
}
