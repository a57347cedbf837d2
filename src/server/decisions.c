/* Decisions about a person's messages as evidence: the list, and one with all that `telos verify` needs. A decision names every purpose that was allowed, so only a
 * token that has all of them may see it.
 */
#include "server/server_private.h"

#include "engine/decision.h"

#define DECISIONS_DEFAULT 20
#define DECISIONS_MAX 200 /* each is made again from its batch and held against its leaf */

static bool sees(const struct call *call, const struct decision_known *known)
{
    str rest = known->purposes, name;
    while (str_split(&rest, ' ', &name))
        if (!principal_sees(&call->principal, call->policy, name))
            return false;
    return true;
}

/* "event.profile.batch.part.entry" */
static const struct err *read_place(struct call *call, struct decision_place *ret_place)
{
    str text = STR_NONE, part;
    int64_t numbers[5];
    TRY(read_cursor(call, &text));
    if (str_empty(text))
        return NULL;
    for (size_t i = 0; i < 5; i++)
        if (!str_split(&text, '.', &part) || !str_to_int64(part, &numbers[i]) || numbers[i] < 0)
            return err_new(&call->arena, ERR_INVALID, "`cursor` is not one of this list");
    *ret_place = (struct decision_place){.event = (uint64_t)numbers[0], .profile = {(uint64_t)numbers[1]}, .batch = (uint64_t)numbers[2],
                                         .part = (uint32_t)numbers[3], .entry = (uint32_t)numbers[4]};
    return NULL;
}

static const struct err *person_of(struct call *call, struct person **ret_person)
{
    TRY(call_person(call, call->parameters[0], PERSON_HEAD, ret_person));
    if (!*ret_person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, *ret_person, STR_NONE, "decisions");
    return NULL;
}

/* `why`: of what does not hash to its leaf nothing is claimed. */
static void write_place(struct jsonw *w, const struct decision_known *known, str text, const struct err *why)
{
    jsonw_key(w, STR("event"));
    jsonw_uuid(w, known->event);
    jsonw_key(w, STR("decision"));
    if (why) {
        jsonw_null(w);
        jsonw_field(w, "why", str_of(why->text));
    } else
        jsonw_raw(w, text);
    jsonw_field(w, "event_is", known->gone ? STR("gone") : STR("stored"));
    jsonw_key(w, STR("leaf"));
    jsonw_object(w);
    jsonw_field_int(w, "batch", (int64_t)known->batch);
    jsonw_field_int(w, "index", known->index);
    jsonw_object_end(w);
}

const struct err *decisions_get(struct call *call)
{
    struct person *person;
    struct reader *reader;
    struct decision_place place = {0};
    struct decisions found;
    struct decision_memo memo = {0};
    struct jsonw w;
    size_t limit;
    TRY(call_limit(call, DECISIONS_DEFAULT, &limit));
    limit = limit < DECISIONS_MAX ? limit : DECISIONS_MAX;
    TRY(read_place(call, &place));
    TRY(person_of(call, &person));
    TRY(call_reader(call, &reader));
    TRY(engine_decisions(reader, &call->arena, call->policy, person, &place, limit, &found));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("items"));
    jsonw_array(&w);
    vec_each (known, &found) {
        str text = STR_NONE;
        if (!sees(call, known))
            continue;
        const struct err *error = engine_decision_text(reader, &call->arena, known, &memo, &text);
        if (error && error->code != ERR_INTERNAL && error->code != ERR_CONFLICT)
            return error;
        jsonw_object(&w);
        write_place(&w, known, text, error);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    if (found.count == limit) {
        place = found.items[limit - 1].place;
        write_cursor(&w, &call->arena,
                     arena_printf(&call->arena, "%llu.%llu.%llu.%u.%u", (unsigned long long)place.event, (unsigned long long)place.profile.value,
                                  (unsigned long long)place.batch, place.part, place.entry));
    }
    jsonw_object_end(&w);
    return NULL;
}

const struct err *decision_get(struct call *call)
{
    struct person *person;
    struct reader *reader;
    struct uuid event;
    struct decision_known known;
    struct jsonw w;
    str text, evidence;
    bool found = false;
    if (!uuid_parse(call->parameters[1], &event))
        return err_new(&call->arena, ERR_INVALID, "the id of an event is a UUID");
    TRY(person_of(call, &person));
    TRY(call_reader(call, &reader));
    TRY(engine_decision_find(reader, &call->arena, call->policy, person, event, &known, &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, "this person has no event of this id, and had none that was stored");
    if (!sees(call, &known))
        return err_new(&call->arena, ERR_FORBIDDEN, "the token does not have all purposes of this decision");
    TRY(engine_decision_evidence(reader, &call->arena, &known, &text, &evidence));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_place(&w, &known, text, NULL);
    jsonw_key(&w, STR("evidence"));
    jsonw_raw(&w, evidence);
    jsonw_object_end(&w);
    return NULL;
}
