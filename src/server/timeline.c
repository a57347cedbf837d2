/* GET /v1/profiles/{subject}/timeline: what was collected, said, decided, sent, read, merged and erased, newest first.
 *
 * 1. The person must be open to the purpose (403 otherwise); events are shown as far as the purpose may see them, and one that it may not see
 *    at all is left out. Everything else is about the handling, not of the person's data.
 *    Who accounts for the handling (Art. 5(2): the roles `privacy` and `admin`) may name no purpose: of events it is then told that they are there, and
 *    for which purposes, without what they say. So it sees what became of a person whom every purpose withholds by now.
 * 2. Of consents, deliveries, recipients and reads those are shown whose purpose the token has.
 * 3. Paged by time and event number together, so that a page neither repeats nor skips an event.
 */
#include "server/server_private.h"

#include <stdlib.h>

#define TIMELINE_DEFAULT 100
#define READS_MAX 1000

enum item_kind { ITEM_EVENT, ITEM_CONSENT, ITEM_MERGE, ITEM_UNDO, ITEM_DELIVERY, ITEM_DISCLOSURE, ITEM_READ, ITEM_ERASURE, ITEM_HELD, ITEM_CREATED };
static const char *const item_words[] = {"collected", "said", "merged", "undone", "delivery", "sent", "read", "erased", "held", "created"};

struct item {
    enum item_kind kind;
    int64_t at_ms, sort_ms;
    uint64_t order; /* among those of the same time; the same on every page */
    const void *row;
    str body; /* ITEM_EVENT */
};

struct timeline {
    struct call *call;
    const struct person *person;
    struct token_row *tokens; /* who read is said by name, not by number alone */
    size_t token_count;
    VEC(struct item) items;
    int64_t before_ms; /* only what is older, or as old with a lower order */
    uint64_t before_order, before_event;
    uint64_t event_last; /* lowest event number looked at */
    bool events_more;
};

static void item_add(struct timeline *timeline, enum item_kind kind, int64_t at_ms, size_t position, const void *row)
{
    uint64_t order = (uint64_t)kind << 48 | position;
    if (at_ms == TIME_NONE || at_ms > timeline->before_ms || (at_ms == timeline->before_ms && order >= timeline->before_order))
        return;
    *(struct item *)vec_push(&timeline->call->arena, &timeline->items) = (struct item){kind, at_ms, at_ms, order, row, STR_NONE};
}

static bool shows(const struct timeline *timeline, str purpose)
{
    return principal_sees(&timeline->call->principal, timeline->call->policy, purpose);
}

#define ADD_SHOWN(rows, kind, time_field)                                                                              \
    for (size_t i = 0; i < (rows).count; i++)                                                                          \
    if (shows(timeline, (rows).items[i].purpose))                                                                      \
    item_add(timeline, (kind), (rows).items[i].time_field, i, &(rows).items[i])
#define ADD_ALL(rows, kind, time_field)                                                                                \
    for (size_t i = 0; i < (rows).count; i++)                                                                          \
    item_add(timeline, (kind), (rows).items[i].time_field, i, &(rows).items[i])

static void add_rows(struct timeline *timeline)
{
    const struct person *person = timeline->person;
    ADD_ALL(person->profiles, ITEM_CREATED, created_ms);
    ADD_ALL(person->profiles, ITEM_ERASURE, erased_ms);
    ADD_SHOWN(person->consents, ITEM_CONSENT, at_ms);
    ADD_ALL(person->merges, ITEM_MERGE, at_ms);
    ADD_ALL(person->merges, ITEM_UNDO, undone_ms);
    ADD_SHOWN(person->deliveries, ITEM_DELIVERY, queued_ms);
    ADD_SHOWN(person->disclosures, ITEM_DISCLOSURE, last_ms);
    ADD_ALL(person->held, ITEM_HELD, received_ms);
}

static const struct err *add_reads(struct timeline *timeline, struct reader *reader)
{
    struct call *call = timeline->call;
    const struct person *person = timeline->person;
    struct read_row *rows;
    size_t count;
    profile_no *numbers = arena_array(&call->arena, profile_no, person->profiles.count);
    for (size_t i = 0; i < person->profiles.count; i++)
        numbers[i] = person->profiles.items[i].number;
    TRY(engine_store(call->server->engine)->reads(reader_session(reader), &call->arena, numbers, person->profiles.count, 0, READS_MAX, &rows, &count));
    if (count)
        TRY(engine_store(call->server->engine)->tokens(reader_session(reader), &call->arena, &timeline->tokens, &timeline->token_count));
    for (size_t i = 0; i < count; i++)
        if (str_empty(rows[i].purpose) || shows(timeline, rows[i].purpose))
            item_add(timeline, ITEM_READ, rows[i].at_ms, count - i, &rows[i]);
    return NULL;
}

/* For which purposes it is kept; false where the token has none of them. */
static bool event_purposes(const struct timeline *timeline, const struct event *event, str *ret_body)
{
    struct buf body;
    struct jsonw w;
    purpose_mask kept = 0;
    bool any = false;
    for (size_t i = 0; i < event->part_count; i++)
        kept |= event->parts[i].purposes;
    buf_init(&body, &timeline->call->arena, LIMIT_PURPOSES * (LIMIT_NAME_BYTES + 4) + 32);
    jsonw_init(&w, &body);
    jsonw_object(&w);
    jsonw_key(&w, STR("purposes"));
    jsonw_array(&w);
    vec_each (purpose, &timeline->call->policy->purposes) {
        if (!(kept & purpose->self) || !shows(timeline, purpose->name))
            continue;
        jsonw_string(&w, purpose->name);
        any = true;
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    *ret_body = buf_str(&body);
    return any;
}

/* `view` NULL: no purpose, see 1. */
static const struct err *add_events(struct timeline *timeline, struct reader *reader, const struct profile_view *view, size_t limit)
{
    struct event *events;
    size_t count;
    TRY(engine_events(reader, &timeline->call->arena, timeline->call->policy, timeline->person, timeline->before_event, limit, &events, &count));
    timeline->events_more = count == limit;
    for (size_t i = 0; i < count; i++) {
        str body;
        timeline->event_last = events[i].number.value;
        if (view ? !profile_view_event(&timeline->call->arena, view, NULL, &events[i], &body) : !event_purposes(timeline, &events[i], &body))
            continue;
        *(struct item *)vec_push(&timeline->call->arena, &timeline->items) =
            (struct item){ITEM_EVENT, events[i].received_ms, events[i].received_ms, events[i].number.value, &events[i], body};
    }
    /* An event released from hold has an old time and a new number; it stands where its number is, or a page would skip it. */
    int64_t oldest_ms = INT64_MIN;
    for (size_t i = timeline->items.count; i > 0; i--) {
        struct item *item = &timeline->items.items[i - 1];
        if (item->kind != ITEM_EVENT)
            break;
        item->sort_ms = oldest_ms = item->at_ms > oldest_ms ? item->at_ms : oldest_ms;
    }
    return NULL;
}

static int newest_first(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    if (left->sort_ms != right->sort_ms)
        return left->sort_ms < right->sort_ms ? 1 : -1;
    return left->order < right->order ? 1 : left->order > right->order ? -1 : 0;
}

static void write_read(const struct timeline *timeline, struct jsonw *w, const struct read_row *row)
{
    struct user user;
    jsonw_field(w, "what", row->what);
    jsonw_field(w, "purpose", row->purpose);
    jsonw_key(w, STR("token"));
    if (uuid_is_zero(row->token)) {
        jsonw_null(w);
        return;
    }
    jsonw_uuid(w, row->token);
    if (engine_user(timeline->call->server->engine, &timeline->call->arena, row->token, &user)) {
        jsonw_field(w, "by", user.name);
        return;
    }
    for (size_t i = 0; i < timeline->token_count; i++)
        if (memcmp(timeline->tokens[i].id.bytes, row->token.bytes, sizeof(row->token.bytes)) == 0 && !str_empty(timeline->tokens[i].label))
            jsonw_field(w, "by", timeline->tokens[i].label);
}

static void write_merge(const struct person *person, struct jsonw *w, const struct merge *merge)
{
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, merge->id);
    jsonw_key(w, STR("left"));
    jsonw_uuid(w, profile_uuid(person, merge->left));
    jsonw_key(w, STR("right"));
    jsonw_uuid(w, profile_uuid(person, merge->right));
    jsonw_field(w, "reason", merge->reason);
    jsonw_field(w, "source", merge->source);
}

static void write_delivery_item(struct jsonw *w, const struct delivery *row)
{
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, row->id);
    jsonw_field(w, "destination", row->destination);
    jsonw_field(w, "purpose", row->purpose);
    jsonw_field(w, "kind", str_of(delivery_kind_name(row->kind)));
    jsonw_field(w, "state", str_of(delivery_state_name(row->state)));
    jsonw_field(w, "reason", row->reason);
}

static void write_consent_item(struct jsonw *w, const struct consent *row)
{
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, row->id);
    jsonw_field(w, "purpose", row->purpose);
    jsonw_field(w, "status", str_of(consent_status_name(row->status)));
    jsonw_field(w, "source", row->source);
    jsonw_field_int(w, "ledger_index", (int64_t)row->ledger_index);
}

static void write_profile_item(struct jsonw *w, const struct profile *row)
{
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, row->id);
}

static void write_disclosure(struct jsonw *w, const struct disclosure *row)
{
    jsonw_field(w, "destination", row->destination);
    jsonw_field(w, "purpose", row->purpose);
    jsonw_field_time(w, "first", row->first_ms);
    jsonw_field_int(w, "count", (int64_t)row->count);
}

static void write_held(struct jsonw *w, const struct held *row)
{
    jsonw_field(w, "source", row->source);
    jsonw_field_time(w, "until", row->expires_ms);
}

static void write_item(const struct timeline *timeline, struct jsonw *w, const struct item *item)
{
    const struct event *event = item->row;
    jsonw_object(w);
    jsonw_field(w, "what", str_of(item_words[item->kind]));
    jsonw_field_time(w, "at", item->at_ms);
    jsonw_key(w, STR("detail"));
    if (item->kind == ITEM_EVENT) {
        write_event(w, event, item->body);
        jsonw_field_int(w, "policy_version", event->policy_version);
        jsonw_key(w, STR("decision"));
        jsonw_object(w);
        jsonw_field_int(w, "batch", (int64_t)event->batch);
        jsonw_field_int(w, "index", event->batch_index);
        jsonw_object_end(w);
        jsonw_object_end(w);
        return;
    }
    jsonw_object(w);
    switch (item->kind) {
    case ITEM_EVENT: break;
    case ITEM_CONSENT: write_consent_item(w, item->row); break;
    case ITEM_MERGE:
    case ITEM_UNDO: write_merge(timeline->person, w, item->row); break;
    case ITEM_DELIVERY: write_delivery_item(w, item->row); break;
    case ITEM_DISCLOSURE: write_disclosure(w, item->row); break;
    case ITEM_READ: write_read(timeline, w, item->row); break;
    case ITEM_ERASURE:
    case ITEM_CREATED: write_profile_item(w, item->row); break;
    case ITEM_HELD: write_held(w, item->row); break;
    }
    jsonw_object_end(w);
    jsonw_object_end(w);
}

/* "time.order.event" */
static const struct err *read_place(struct timeline *timeline)
{
    str text = STR_NONE, part;
    int64_t numbers[3];
    TRY(read_cursor(timeline->call, &text));
    if (str_empty(text))
        return NULL;
    for (size_t i = 0; i < 3; i++)
        if (!str_split(&text, '.', &part) || !str_to_int64(part, &numbers[i]))
            return err_new(&timeline->call->arena, ERR_INVALID, "`cursor` is not one of a timeline");
    timeline->before_ms = numbers[0];
    timeline->before_order = (uint64_t)numbers[1];
    timeline->before_event = (uint64_t)numbers[2];
    return NULL;
}

static void write_timeline(struct timeline *timeline, struct jsonw *w, size_t limit)
{
    struct call *call = timeline->call;
    if (timeline->items.count) /* qsort takes no NULL */
        qsort(timeline->items.items, timeline->items.count, sizeof(struct item), newest_first);
    uint64_t event = timeline->before_event;
    size_t shown = timeline->items.count < limit ? timeline->items.count : limit;
    jsonw_key(w, STR("items"));
    jsonw_array(w);
    for (size_t i = 0; i < shown; i++) {
        const struct item *item = &timeline->items.items[i];
        if (item->kind == ITEM_EVENT)
            event = item->order;
        write_item(timeline, w, item);
    }
    jsonw_array_end(w);
    bool all = shown == timeline->items.count;
    if (all && !timeline->events_more)
        return;
    const struct item *last = shown ? &timeline->items.items[shown - 1] : NULL;
    if (all) /* all that was looked at is shown; events that may not be seen are passed over, too */
        event = timeline->event_last;
    uint64_t order = !last ? timeline->before_order : last->kind == ITEM_EVENT ? 0 : last->order; /* events come last within their time */
    write_cursor(w, &call->arena,
                 arena_printf(&call->arena, "%lld.%llu.%llu", (long long)(last ? last->sort_ms : timeline->before_ms), (unsigned long long)order,
                              (unsigned long long)event));
}

/* NULL: none is named, and none need be. */
static const struct err *purpose_of(struct call *call, const struct purpose **ret_purpose)
{
    const struct err *error = call_purpose(call, ret_purpose);
    if (!error || error->code != ERR_INVALID || !(MAY_PRIVACY & MAY(call->principal.role)))
        return error;
    *ret_purpose = NULL;
    return NULL;
}

static const struct err *timeline_make(struct call *call)
{
    const struct purpose *purpose;
    struct person *person = NULL;
    struct reader *reader;
    struct profile_view view;
    struct jsonw w;
    size_t limit;
    struct timeline timeline = {.call = call, .before_ms = INT64_MAX, .before_order = UINT64_MAX >> 1};
    TRY(purpose_of(call, &purpose));
    TRY(call_limit(call, TIMELINE_DEFAULT, &limit));
    TRY(read_place(&timeline));
    TRY(call_person(call, call->parameters[0], PERSON_HEAD | PERSON_FACTS | PERSON_HELD | PERSON_OUTBOX, &person));
    if (!person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, person, purpose ? purpose->name : STR_NONE, "timeline");
    if (purpose)
        view_person(call, person, purpose, &view);
    if (purpose && !view.decision.allow) {
        reply_withheld(call, purpose->name, &view.decision);
        return NULL;
    }
    timeline.person = person;
    TRY(call_reader(call, &reader));
    add_rows(&timeline);
    TRY(add_reads(&timeline, reader));
    TRY(add_events(&timeline, reader, purpose ? &view : NULL, limit));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, profile_uuid(person, person->root));
    jsonw_key(&w, STR("purpose"));
    if (purpose)
        jsonw_string(&w, purpose->name);
    else
        jsonw_null(&w);
    write_timeline(&timeline, &w, limit);
    jsonw_object_end(&w);
    return NULL;
}

/* A page of the usual length is made where its connection is served: passing it to a worker and back costs more than making it. */
const struct err *timeline_get(struct call *call)
{
    size_t limit;
    TRY(call_limit(call, TIMELINE_DEFAULT, &limit));
    return limit > TIMELINE_DEFAULT ? call_offload(call, timeline_make) : timeline_make(call);
}
