/* GET /v1/profiles?purpose=: everybody who may be processed for the purpose now, each as that purpose may see them, a page at a time.
 *
 * 1. The list in memory (engine/people.h) says whom to look at; the gate decides about each when the page is made. Who is withheld is not in it.
 * 2. Each one shown is a recorded read.
 */
#include "engine/people.h"
#include "server/server_private.h"

#define LOAD_AT_ONCE 128

static const struct err *write_some(struct call *call, struct jsonw *w, struct reader *reader, const struct purpose *purpose, size_t events,
                                    const profile_no *numbers, size_t count)
{
    struct person **persons = NULL;
    struct view_told told = view_told_to(&call->principal, call->policy);
    TRY(engine_people_load(reader, &call->arena, call->policy, numbers, count, PERSON_HEAD | PERSON_FACTS, &persons));
    for (size_t i = 0; i < count; i++) {
        struct profile_view view;
        if (!persons[i])
            continue;
        view_person(call, persons[i], purpose, &view);
        if (!view.decision.allow)
            continue;
        call_record(call, persons[i], purpose->name, "profile");
        TRY(write_profile(call, w, &view, told, events));
    }
    return NULL;
}

const struct err *profiles_get(struct call *call)
{
    const struct purpose *purpose;
    struct reader *reader;
    struct jsonw w;
    profile_no *numbers;
    size_t limit, count;
    uint64_t next = 0;
    int64_t after = 0, events = 0;
    str cursor = STR_NONE;
    TRY(call_purpose(call, &purpose));
    TRY(call_limit(call, 100, &limit));
    TRY(call_query_int(call, "events", 0, LIMIT_PAGE_ITEMS, &events));
    TRY(read_cursor(call, &cursor));
    if (!str_empty(cursor) && (!str_to_int64(cursor, &after) || after < 0))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one that Telos gave out; take `next` of the page before");
    TRY(call_reader(call, &reader));
    TRY(engine_people(call->server->engine, reader, &call->arena, call->policy, purpose, (uint64_t)after, limit, &numbers, &count, &next));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field(&w, "purpose", purpose->name);
    jsonw_key(&w, STR("profiles"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i += LOAD_AT_ONCE)
        TRY(write_some(call, &w, reader, purpose, (size_t)events, numbers + i, count - i < LOAD_AT_ONCE ? count - i : LOAD_AT_ONCE));
    jsonw_array_end(&w);
    if (next)
        write_cursor(&w, &call->arena, arena_printf(&call->arena, "%llu", (unsigned long long)next));
    jsonw_object_end(&w);
    return NULL;
}
