/* GET /v1/profiles?purpose=: everybody who may be processed for the purpose now, each as that purpose may see them, a page at a time.
 *
 * 1. The list in memory (engine/people.h) says whom to look at; the gate decides about each when the page is made, or has decided when the view was made
 *    that is kept of the person. Who is withheld is not in it.
 * 2. Each one shown is a recorded read.
 */
#include "engine/people.h"
#include "server/server_private.h"

#define LOAD_AT_ONCE 128

struct listing {
    struct call *call;
    struct jsonw w;
    struct reader *reader;
    const struct purpose *purpose;
    size_t events;
    struct view_told told;
    /* whose view is not kept, and where it is to be kept */
    profile_no numbers[LOAD_AT_ONCE];
    struct view_place places[LOAD_AT_ONCE];
    size_t count;
    struct buf kept; /* of one person; used again */
};

static const struct err *write_made(struct listing *l, const struct person *person, const struct view_place *place)
{
    struct call *call = l->call;
    struct profile_view view;
    struct buf text;
    struct jsonw w;
    view_person(call, person, l->purpose, &view);
    if (!view.decision.allow)
        return NULL;
    call_record(call, person, l->purpose->name, "profile");
    buf_init(&text, &call->arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &text);
    TRY(write_profile(call, &w, &view, l->told, l->events));
    if (text.overflow)
        return err_new(&call->arena, ERR_TOO_LARGE, "the profile is too large for a reply; ask for fewer events");
    bool own = false; /* else a commit to the person would not forget it */
    vec_each (identifier, &person->identifiers)
        own |= memcmp(identifier->hash.bytes, place->hash.bytes, sizeof place->hash.bytes) == 0;
    if (own)
        engine_view_keep(call->server->engine, call->policy, place, person, view.now_ms, view.valid_until_ms, buf_str(&text));
    jsonw_raw(&l->w, buf_str(&text));
    return NULL;
}

static const struct err *make_waiting(struct listing *l)
{
    struct person **persons = NULL;
    if (!l->count)
        return NULL;
    TRY(engine_people_load(l->reader, &l->call->arena, l->call->policy, l->numbers, l->count, PERSON_HEAD | PERSON_FACTS, &persons));
    for (size_t i = 0; i < l->count; i++)
        if (persons[i])
            TRY(write_made(l, persons[i], &l->places[i]));
    l->count = 0;
    return NULL;
}

static const struct err *write_one(struct listing *l, const struct people_found *found)
{
    struct call *call = l->call;
    struct view_place place = {.hash = found->hash, .purpose = l->purpose->slot, .told = l->told.purposes, .variant = view_variant(l->events, l->told)};
    profile_no root = {0};
    bool is_kept = false;
    buf_clear(&l->kept);
    TRY(engine_view_of(call->server->engine, &call->arena, call->policy, &place, &l->kept, &root, &is_kept));
    if (is_kept && profile_no_equal(root, found->number)) {
        TRY(make_waiting(l)); /* in order */
        engine_record_read(call->server->engine, call->principal.token, root, l->purpose->name, "profile");
        jsonw_raw(&l->w, buf_str(&l->kept));
        return NULL;
    }
    l->numbers[l->count] = found->number;
    l->places[l->count++] = place;
    return l->count == LOAD_AT_ONCE ? make_waiting(l) : NULL;
}

const struct err *profiles_get(struct call *call)
{
    struct listing *l = arena_new(&call->arena, struct listing);
    struct people_found *found;
    size_t limit, count;
    uint64_t next = 0;
    int64_t after = 0, events = 0;
    str cursor = STR_NONE;
    l->call = call;
    TRY(call_purpose(call, &l->purpose));
    TRY(call_limit(call, 100, &limit));
    TRY(call_query_int(call, "events", 0, LIMIT_PAGE_ITEMS, &events));
    TRY(read_cursor(call, &cursor));
    if (!str_empty(cursor) && (!str_to_int64(cursor, &after) || after < 0))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one that Telos gave out; take `next` of the page before");
    TRY(call_reader(call, &l->reader));
    TRY(engine_people(call->server->engine, l->reader, &call->arena, call->policy, l->purpose, (uint64_t)after, limit, &found, &count, &next));
    l->events = (size_t)events;
    l->told = view_told_to(&call->principal, call->policy);
    buf_init(&l->kept, &call->arena, LIMIT_REPLY_BYTES);
    reply_json(call, MHD_HTTP_OK, &l->w);
    jsonw_object(&l->w);
    jsonw_field(&l->w, "purpose", l->purpose->name);
    jsonw_key(&l->w, STR("profiles"));
    jsonw_array(&l->w);
    for (size_t i = 0; i < count; i++) {
        if (i % LOAD_AT_ONCE == 0)
            TRY(engine_reads_room(call->server->engine, &call->arena));
        TRY(write_one(l, &found[i]));
    }
    TRY(make_waiting(l));
    jsonw_array_end(&l->w);
    if (next)
        write_cursor(&l->w, &call->arena, arena_printf(&call->arena, "%llu", (unsigned long long)next));
    jsonw_object_end(&l->w);
    return NULL;
}
