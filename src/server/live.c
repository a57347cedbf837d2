/* GET /v1/live: messages as they arrive, with the gate's answer, to whoever watches.
 *
 *   writer: on_messages ──▶ [ ring ] ──▶ one thread: what each watcher may be told ──▶ flows
 *
 * 1. The writer never waits: one producer, one consumer, no lock. A full ring drops what comes, and the number is told.
 * 2. A watcher that reads too slowly misses messages, never slows others; the number is told.
 * 3. Told are source, type, outcome, purposes, names of fields as they are counted (core/apply.h), reasons. The profile's id and the purposes are for those
 *    who have one of them; names of fields of special categories for all-purpose watchers, `privacy` and `admin`.
 * 4. What the event is called is kept of the person, so it is told to those who have a purpose that it was kept for, never where it is of a special
 *    category, and it is a read of the person: recorded before it is told, once while the watcher is shown the person again and again. Where reads
 *    cannot be recorded, or come faster than READS_A_SECOND, messages come without it.
 * 5. Who watches is asked again every second: a token that was revoked, a session that ended, ends the feed.
 */
#include "server/server_private.h"

#include <stdlib.h>
#include <time.h>

#define RING 4096u
#define LEFT_MAX 12
#define FIELD_MAX 96
#define TICK_MS 100
#define SECOND_US 1000000
#define ITEM_BYTES_MAX (8 * 1024)
#define NAME_MAX_BYTES 120 /* what is called longer comes without its name */
#define READS_A_SECOND 2000 /* of all watchers: the log of reads must not fill up for those who serve people */
#define SHOWN 1024 /* persons that a watcher was shown, as far as they do not push each other out: then a read is recorded twice */

struct live_item {
    int64_t at_ms;
    enum event_type type;
    enum outcome outcome;
    purpose_mask purposes;
    reason_mask reasons;
    uint32_t policy_version;
    struct uuid profile;
    profile_no person;
    purpose_mask name_purposes; /* what the name was kept for */
    uint8_t name_length, source_length;
    char name[NAME_MAX_BYTES];
    char source[LIMIT_NAME_BYTES];
    uint16_t left_count, left_more;
    struct {
        reason_mask reasons;
        uint8_t length;
        char field[FIELD_MAX];
    } left[LEFT_MAX];
};

struct watcher {
    struct watcher *next;
    struct arena arena; /* of its texts */
    struct flow *flow;
    struct credential credential;
    str source, purpose, outcome; /* empty: all */
    struct principal principal;
    uint32_t version; /* of the policy that the principal's purposes are slots of */
    profile_no shown[SHOWN];
    uint64_t dropped;
    struct buf out; /* of this round */
};

struct live {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t lock; /* guards `arrived` and `stopping` */
    pthread_cond_t wake;
    struct watcher *first, *arrived;
    bool stopping;
    _Atomic size_t count;
    struct live_item *ring; /* RING of them */
    _Atomic uint64_t head, tail; /* head: the writer's; tail: the thread's */
    _Atomic uint64_t missed;
    struct arena arena; /* of a round */
    int64_t second_us;
    struct engine_metrics before;
    unsigned reads; /* in this second */
    const struct policy *policy;
};

/* ---- the writer's side ---- */

/* The name goes where its content went, unless the policy names the field itself (core/classify.c). */
static void name_fill(struct live_item *item, const struct policy *policy, const struct request *request)
{
    const struct message *message = &request->message;
    str key = message->type == EVENT_TRACK ? STR("event") : STR("name");
    str name = json_string(json_get(&message->body, key));
    item->name_length = 0;
    if (!request->result.purposes || !request->result.profile_no.value || str_empty(name) || name.length > sizeof item->name)
        return;
    struct field_walk walk = field_walk_key(policy, field_walk_start(policy), key);
    item->name_purposes = request->result.purposes;
    if (walk.exact && !walk.not_personal) {
        const struct category *category = walk.category == SLOT_NONE ? NULL : &policy->categories.items[walk.category];
        item->name_purposes &= category && !category->special ? category->covered_by : 0;
    }
    item->name_length = (uint8_t)name.length;
    memcpy(item->name, name.data, name.length);
}

static void item_fill(struct live_item *item, int64_t at_ms, const struct policy *policy, const struct request *request)
{
    const struct message_result *result = &request->result;
    str source = request->message.source ? request->message.source->name : STR_NONE;
    item->at_ms = at_ms;
    item->type = request->message.type;
    item->outcome = result->outcome;
    item->purposes = result->purposes;
    item->reasons = result->reasons;
    item->policy_version = policy->version;
    item->profile = result->profile;
    item->person = result->profile_no;
    name_fill(item, policy, request);
    item->source_length = (uint8_t)(source.length < sizeof item->source ? source.length : sizeof item->source);
    if (item->source_length)
        memcpy(item->source, source.data, item->source_length);
    item->left_count = item->left_more = 0;
    vec_each (left, &result->left_out) {
        if (item->left_count == LEFT_MAX || left->field.length > FIELD_MAX) {
            item->left_more++;
            continue;
        }
        item->left[item->left_count].reasons = left->reasons;
        item->left[item->left_count].length = (uint8_t)left->field.length;
        if (left->field.length)
            memcpy(item->left[item->left_count].field, left->field.data, left->field.length);
        item->left_count++;
    }
}

static void on_messages(void *context, int64_t at_ms, const struct policy *policy, const struct request *requests, size_t count)
{
    struct live *live = context;
    if (!atomic_load_explicit(&live->count, memory_order_relaxed))
        return;
    uint64_t head = atomic_load_explicit(&live->head, memory_order_relaxed), tail = atomic_load_explicit(&live->tail, memory_order_acquire), missed = 0;
    for (size_t i = 0; i < count; i++) {
        if (requests[i].kind != REQUEST_MESSAGE)
            continue;
        if (head - tail >= RING) {
            missed++;
            continue;
        }
        item_fill(&live->ring[head % RING], at_ms, policy, &requests[i]);
        head++;
    }
    atomic_store_explicit(&live->head, head, memory_order_release);
    if (missed)
        atomic_fetch_add(&live->missed, missed);
}

/* ---- what a watcher may be told ---- */

static bool sees_all(const struct watcher *watcher)
{
    return watcher->principal.all_purposes || (MAY_PRIVACY & MAY(watcher->principal.role));
}

static bool is_special(const struct policy *policy, str field)
{
    bool not_personal;
    uint16_t slot = policy_field_category(policy, field, &not_personal);
    return slot != SLOT_NONE && policy->categories.items[slot].special;
}

static bool wanted(const struct live *live, const struct watcher *watcher, const struct live_item *item)
{
    if (!str_empty(watcher->source) && !str_equal(watcher->source, str_bytes(item->source, item->source_length)))
        return false;
    if (!str_empty(watcher->outcome) && !str_equal(watcher->outcome, str_of(outcome_name(item->outcome))))
        return false;
    if (str_empty(watcher->purpose))
        return true;
    const struct purpose *purpose = policy_purpose(live->policy, watcher->purpose);
    return purpose && item->policy_version == live->policy->version && (item->purposes & purpose->self);
}

static void write_left(const struct live *live, const struct watcher *watcher, const struct live_item *item, struct arena *arena, struct jsonw *w)
{
    unsigned more = item->left_more;
    jsonw_key(w, STR("left_out"));
    jsonw_array(w);
    for (unsigned i = 0; i < item->left_count; i++) {
        str field = str_bytes(item->left[i].field, item->left[i].length);
        if (!sees_all(watcher) && is_special(live->policy, field)) {
            more++;
            continue;
        }
        jsonw_object(w);
        jsonw_field(w, "field", field_public(arena, live->policy, field));
        jsonw_key(w, STR("reasons"));
        write_reason_names(w, item->left[i].reasons);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    if (more)
        jsonw_field_int(w, "left_out_more", more);
}

static bool name_told(struct live *live, struct watcher *watcher, const struct live_item *item, purpose_mask seen)
{
    profile_no *place = &watcher->shown[item->person.value % SHOWN];
    if (!seen || !item->name_length)
        return false;
    if (profile_no_equal(*place, item->person))
        return true;
    if (live->reads >= READS_A_SECOND || !engine_reads_recorded(live->server->engine))
        return false;
    live->reads++;
    *place = item->person;
    engine_record_read(live->server->engine, watcher->principal.token, item->person, live->policy->purposes.items[__builtin_ctzll(seen)].name, "live");
    return true;
}

static void write_item(struct live *live, struct watcher *watcher, const struct live_item *item, struct arena *arena, struct jsonw *w)
{
    bool same = item->policy_version == live->policy->version && watcher->version == live->policy->version; /* masks of two policies never meet */
    purpose_mask shared = same ? item->purposes & watcher->principal.purposes : 0;
    jsonw_object(w);
    jsonw_field_time(w, "at", item->at_ms);
    jsonw_field(w, "source", str_bytes(item->source, item->source_length));
    jsonw_field(w, "type", str_of(item->type < EVENT_TYPE_COUNT ? event_type_name(item->type) : "unknown"));
    if (name_told(live, watcher, item, shared & item->name_purposes))
        jsonw_field(w, "name", str_bytes(item->name, item->name_length));
    jsonw_field(w, "outcome", str_of(outcome_name(item->outcome)));
    jsonw_key(w, STR("purposes"));
    write_purposes(w, live->policy, shared);
    if (shared && !uuid_is_zero(item->profile)) {
        jsonw_key(w, STR("profile"));
        jsonw_uuid(w, item->profile);
    }
    if (same && (shared || !item->purposes)) {
        write_left(live, watcher, item, arena, w);
        jsonw_key(w, STR("reasons"));
        write_reason_names(w, item->reasons);
    }
    jsonw_object_end(w);
}

static bool room(const struct watcher *watcher)
{
    size_t free_bytes = flow_room(watcher->flow);
    return free_bytes > watcher->out.length + ITEM_BYTES_MAX;
}

static void tell_item(struct live *live, struct watcher *watcher, const struct live_item *item)
{
    struct jsonw w;
    if (!wanted(live, watcher, item))
        return;
    if (!room(watcher)) {
        watcher->dropped++;
        return;
    }
    buf_add(&watcher->out, STR("event: message\ndata: "));
    size_t from = watcher->out.length;
    jsonw_init(&w, &watcher->out);
    write_item(live, watcher, item, &live->arena, &w);
    line_flatten(&watcher->out, from);
    buf_add(&watcher->out, STR("\n\n"));
}

static void tell_dropped(struct watcher *watcher)
{
    if (!watcher->dropped || !room(watcher))
        return;
    buf_printf(&watcher->out, "event: dropped\ndata: {\"count\":%llu}\n\n", (unsigned long long)watcher->dropped);
    watcher->dropped = 0;
}

static void tell_rate(struct live *live, struct watcher *watcher, const struct engine_metrics *now)
{
    char at[TIME_TEXT_SIZE];
    uint64_t all = 0;
    if (!room(watcher))
        return;
    buf_printf(&watcher->out, "event: rate\ndata: {\"at\":\"%.*s\"", STR_FMT(time_text(clock_now_ms(), at)));
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        uint64_t count = now->outcomes[i] - live->before.outcomes[i];
        all += count;
        buf_printf(&watcher->out, ",\"%s\":%llu", outcome_name((enum outcome)i), (unsigned long long)count);
    }
    buf_printf(&watcher->out, ",\"messages\":%llu}\n\n", (unsigned long long)all);
}

/* ---- the thread ---- */

static void watcher_free(struct live *live, struct watcher *watcher)
{
    flow_end(watcher->flow);
    arena_release(&watcher->arena);
    free(watcher);
    atomic_fetch_sub(&live->count, 1);
}

static bool may_still_watch(struct live *live, struct watcher *watcher)
{
    struct principal principal;
    if (!credential_open(live->server, &live->arena, live->policy, &watcher->credential, &principal) || !(MAY_PEOPLE & MAY(principal.role)))
        return false;
    watcher->principal = principal;
    watcher->version = live->policy->version;
    return true;
}

/* Once a second: rates, and who may still watch. */
static void second_passed(struct live *live)
{
    struct engine_metrics now;
    live->reads = 0;
    engine_metrics(live->server->engine, &now);
    for (struct watcher **at = &live->first, *watcher; (watcher = *at);) {
        if (!flow_closed(watcher->flow) && may_still_watch(live, watcher)) {
            tell_rate(live, watcher, &now);
            at = &watcher->next;
            continue;
        }
        flow_push(watcher->flow, STR("event: end\ndata: {\"reason\":\"the token or the session is no longer valid\"}\n\n"));
        *at = watcher->next;
        watcher_free(live, watcher);
    }
    live->before = now;
}

static void round_begin(struct live *live)
{
    uint64_t missed = atomic_exchange(&live->missed, 0);
    for (struct watcher *watcher = live->first; watcher; watcher = watcher->next) {
        buf_init(&watcher->out, &live->arena, LIMIT_LIVE_BUFFER_BYTES + 2 * ITEM_BYTES_MAX);
        watcher->dropped += missed;
    }
}

static void serve(struct live *live)
{
    int64_t now_us = clock_monotonic_us();
    uint64_t tail = atomic_load_explicit(&live->tail, memory_order_relaxed), head = atomic_load_explicit(&live->head, memory_order_acquire);
    live->policy = engine_policy(live->server->engine);
    if (!live->policy)
        return;
    round_begin(live);
    for (; tail != head; tail++) {
        for (struct watcher *watcher = live->first; watcher; watcher = watcher->next)
            tell_item(live, watcher, &live->ring[tail % RING]);
        atomic_store_explicit(&live->tail, tail + 1, memory_order_release);
    }
    for (struct watcher *watcher = live->first; watcher; watcher = watcher->next)
        tell_dropped(watcher);
    if (now_us - live->second_us >= SECOND_US) {
        live->second_us = now_us;
        second_passed(live);
    }
    for (struct watcher *watcher = live->first; watcher; watcher = watcher->next)
        if (watcher->out.length)
            flow_push(watcher->flow, buf_str(&watcher->out));
    engine_policy_release(live->server->engine, live->policy);
    arena_clear(&live->arena);
}

/* False when it is over. */
static bool wait_for_round(struct live *live)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&live->lock);
    bool idle = !live->first;
    while (!live->stopping && !live->first && !live->arrived)
        pthread_cond_wait(&live->wake, &live->lock);
    if (idle) { /* a second begins now: what came while nobody watched is no rate */
        engine_metrics(live->server->engine, &live->before);
        live->second_us = clock_monotonic_us();
    }
    if (!live->stopping && !live->arrived)
        (void)pthread_cond_timedwait(&live->wake, &live->lock, &until); /* whichever comes first */
    while (live->arrived) {
        struct watcher *watcher = live->arrived;
        live->arrived = watcher->next;
        watcher->next = live->first;
        live->first = watcher;
    }
    bool goes_on = !live->stopping;
    pthread_mutex_unlock(&live->lock);
    return goes_on;
}

static void *run(void *context)
{
    struct live *live = context;
    while (wait_for_round(live))
        serve(live);
    for (struct watcher *watcher = live->first, *next; watcher; watcher = next) {
        next = watcher->next;
        watcher_free(live, watcher);
    }
    live->first = NULL;
    return NULL;
}

const struct err *live_start(struct server *server, struct arena *arena)
{
    struct live *live = calloc(1, sizeof *live);
    ASSERT(live);
    live->server = server;
    live->ring = calloc(RING, sizeof *live->ring);
    ASSERT(live->ring);
    arena_init(&live->arena);
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->wake, NULL);
    if (pthread_create(&live->thread, NULL, run, live)) {
        free(live->ring);
        free(live);
        return err_new(arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
    }
    server->live = live;
    engine_listen_messages(server->engine, on_messages, live);
    return NULL;
}

void live_stop(struct server *server)
{
    struct live *live = server->live;
    if (!live)
        return;
    engine_listen_messages(server->engine, NULL, NULL);
    pthread_mutex_lock(&live->lock);
    live->stopping = true;
    pthread_cond_signal(&live->wake);
    pthread_mutex_unlock(&live->lock);
    pthread_join(live->thread, NULL);
}

void live_free(struct server *server)
{
    struct live *live = server->live;
    if (!live)
        return;
    pthread_mutex_destroy(&live->lock);
    pthread_cond_destroy(&live->wake);
    arena_release(&live->arena);
    free(live->ring);
    free(live);
    server->live = NULL;
}

/* ---- the route ---- */

static const struct err *read_filters(struct call *call, struct watcher *watcher)
{
    str source = call_query(call, "source"), outcome = call_query(call, "outcome"), purpose = call_query(call, "purpose");
    bool known = str_empty(outcome);
    for (int i = 0; i < OUTCOME_COUNT && !known; i++)
        known = str_equal(outcome, str_of(outcome_name((enum outcome)i)));
    if (!known)
        return err_new(&call->arena, ERR_INVALID, "`outcome` is accepted, trimmed, held, dropped, anonymised, duplicate or invalid");
    if (!str_empty(source) && !policy_source(call->policy, source))
        return err_new(&call->arena, ERR_INVALID, "the active policy has no source of this name (`source`)");
    const struct purpose *found = str_empty(purpose) ? NULL : policy_purpose(call->policy, purpose);
    if (!str_empty(purpose) && (!found || !principal_has(&call->principal, found)))
        return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have this purpose");
    watcher->source = str_copy(&watcher->arena, source);
    watcher->outcome = str_copy(&watcher->arena, outcome);
    watcher->purpose = str_copy(&watcher->arena, purpose);
    return NULL;
}

const struct err *live_get(struct call *call)
{
    struct live *live = call->server->live;
    if (atomic_fetch_add(&live->count, 1) >= LIMIT_LIVE_CLIENTS) {
        atomic_fetch_sub(&live->count, 1);
        return err_new(&call->arena, ERR_TOO_MANY, "%d are watching already; try again when one has ended", LIMIT_LIVE_CLIENTS);
    }
    struct watcher *watcher = calloc(1, sizeof *watcher);
    ASSERT(watcher);
    arena_init(&watcher->arena);
    const struct err *error = read_filters(call, watcher);
    if (error) {
        arena_release(&watcher->arena);
        free(watcher);
        atomic_fetch_sub(&live->count, 1);
        return error;
    }
    watcher->credential = call_credential(call, &watcher->arena);
    watcher->principal = call->principal;
    watcher->version = call->policy->version;
    watcher->flow = flow_new(call, LIMIT_LIVE_BUFFER_BYTES);
    flow_push(watcher->flow, STR("retry: 2000\n\n"));
    reply_text(call, MHD_HTTP_OK, "text/event-stream", STR_NONE);
    reply_header(call, "X-Accel-Buffering", "no");
    call->reply.response = flow_response(watcher->flow);
    pthread_mutex_lock(&live->lock);
    bool stopping = live->stopping;
    if (!stopping) {
        watcher->next = live->arrived;
        live->arrived = watcher;
        pthread_cond_signal(&live->wake);
    }
    pthread_mutex_unlock(&live->lock);
    if (stopping)
        watcher_free(live, watcher); /* the reply ends at once */
    return NULL;
}
