/* One person as seen for one purpose, and the graph of profiles that make a person: why two are one, and undoing it.
 *
 * 1. 404 where nobody is known by the identifier, 403 with reasons where the gate withholds the whole person.
 * 2. Merges are shown by profile id, type and reason: no value of an identifier is needed to understand or undo one.
 */
#include "server/server_private.h"

#define EVENTS_DEFAULT 20
#define VARIANT_WITHHELD 0x8000 /* beside the number of events */
_Static_assert(LIMIT_PAGE_ITEMS < VARIANT_WITHHELD, "a variant holds the number of events, and whether all is told that is withheld");

uint16_t view_variant(size_t events, struct view_told told)
{
    return (uint16_t)(events | (told.withheld == WITHHELD_ALL ? VARIANT_WITHHELD : 0));
}

/* Made from what is stored now, and kept for the next reads of it. */
static const struct err *profile_make(struct call *call, const struct purpose *purpose, size_t events, struct view_told told, const struct view_place *place)
{
    struct person *person = NULL;
    struct profile_view view;
    struct jsonw w;
    TRY(call_person(call, call->parameters[0], PERSON_HEAD | PERSON_FACTS, &person));
    if (!person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, person, purpose->name, "profile");
    view_person(call, person, purpose, &view);
    if (!view.decision.allow) {
        reply_withheld(call, purpose->name, &view.decision);
        return NULL;
    }
    reply_json(call, MHD_HTTP_OK, &w);
    TRY(write_profile(call, &w, &view, told, events));
    if (!call->reply.out.overflow)
        engine_view_keep(call->server->engine, call->policy, place, person, view.now_ms, view.valid_until_ms, buf_str(&call->reply.out));
    return NULL;
}

/* A view that was kept says what the gate would say now, or it would not have been kept (engine_view_find). It is recorded as any other. */
const struct err *profile_get(struct call *call)
{
    const struct purpose *purpose;
    struct jsonw w;
    profile_no root = {0};
    bool found = false;
    int64_t events = EVENTS_DEFAULT;
    TRY(call_purpose(call, &purpose));
    TRY(call_query_int(call, "events", 0, LIMIT_PAGE_ITEMS, &events));
    reply_json(call, MHD_HTTP_OK, &w);
    struct view_told told = view_told_to(&call->principal, call->policy);
    struct view_place place = {.purpose = purpose->slot, .told = told.purposes, .variant = view_variant((size_t)events, told)};
    TRY(engine_view_find(call->server->engine, &call->arena, call->policy, call->parameters[0], &place, &call->reply.out, &root, &found));
    if (!found)
        return profile_make(call, purpose, (size_t)events, told, &place);
    engine_record_read(call->server->engine, call->principal.token, root, purpose->name, "profile");
    return NULL;
}

/* ---- the graph ---- */

static void write_profiles(struct jsonw *w, const struct person *person, const struct profile_view *view)
{
    jsonw_key(w, STR("profiles"));
    jsonw_array(w);
    vec_each (profile, &person->profiles) {
        jsonw_object(w);
        jsonw_key(w, STR("id"));
        jsonw_uuid(w, profile->id);
        jsonw_field_bool(w, "root", profile_no_equal(profile->number, person->root));
        jsonw_field_time(w, "created_at", profile->created_ms);
        jsonw_key(w, STR("identifiers"));
        jsonw_array(w);
        vec_each (identifier, &person->identifiers) {
            if (!profile_no_equal(identifier->profile, profile->number))
                continue;
            bool seen = false;
            vec_each (each, &view->identifiers)
                seen |= *each == identifier;
            jsonw_object(w);
            jsonw_field(w, "type", identifier->type);
            jsonw_key(w, STR("value"));
            if (seen)
                jsonw_string(w, identifier->value);
            else
                jsonw_null(w); /* not kept, or not for this purpose */
            jsonw_field_bool(w, "verified", identifier->verified);
            jsonw_field_time(w, "first_seen", identifier->first_seen_ms);
            jsonw_field_time(w, "last_seen", identifier->last_seen_ms);
            jsonw_object_end(w);
        }
        jsonw_array_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static str type_of_hash(const struct person *person, identifier_hash hash)
{
    vec_each (identifier, &person->identifiers)
        if (!memcmp(identifier->hash.bytes, hash.bytes, sizeof(hash.bytes)))
            return identifier->type;
    return STR_NONE;
}

/* null where it is none of this person's any more: an undone merge names no other person. */
static void write_side(struct jsonw *w, const char *name, struct uuid id)
{
    jsonw_key(w, str_of(name));
    if (uuid_is_zero(id))
        jsonw_null(w);
    else
        jsonw_uuid(w, id);
}

static void write_type(struct jsonw *w, str type)
{
    if (str_empty(type))
        jsonw_null(w);
    else
        jsonw_string(w, type);
}

static void write_merges(struct jsonw *w, const struct person *person)
{
    jsonw_key(w, STR("merges"));
    jsonw_array(w);
    vec_each (merge, &person->merges) {
        jsonw_object(w);
        jsonw_key(w, STR("id"));
        jsonw_uuid(w, merge->id);
        write_side(w, "left", profile_uuid(person, merge->left));
        write_side(w, "right", profile_uuid(person, merge->right));
        jsonw_field(w, "reason", merge->reason);
        jsonw_key(w, STR("through"));
        jsonw_array(w);
        write_type(w, type_of_hash(person, merge->through_left));
        write_type(w, type_of_hash(person, merge->through_right));
        jsonw_array_end(w);
        jsonw_field(w, "source", merge->source);
        jsonw_field_time(w, "at", merge->at_ms);
        jsonw_field_time(w, "undone_at", merge->undone_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("refused"));
    jsonw_array(w);
    vec_each (refused, &person->refused) {
        jsonw_object(w);
        jsonw_field(w, "type", refused->type);
        jsonw_field(w, "reason", refused->reason);
        jsonw_field_int(w, "count", (int64_t)refused->count);
        jsonw_field_time(w, "first", refused->first_ms);
        jsonw_field_time(w, "last", refused->last_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static const struct err *known_person(struct call *call, unsigned parts, struct person **ret_person)
{
    struct person *person = NULL;
    TRY(call_person(call, call->parameters[0], parts, &person));
    if (!person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    *ret_person = person;
    return NULL;
}

const struct err *identity_get(struct call *call)
{
    const struct purpose *purpose;
    struct person *person = NULL;
    struct profile_view view;
    struct jsonw w;
    TRY(call_purpose(call, &purpose));
    TRY(known_person(call, PERSON_HEAD | PERSON_FACTS, &person));
    call_record(call, person, purpose->name, "identity");
    view_person(call, person, purpose, &view);
    if (!view.decision.allow) {
        reply_withheld(call, purpose->name, &view.decision);
        return NULL;
    }
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, profile_uuid(person, person->root));
    jsonw_field(&w, "purpose", purpose->name);
    write_profiles(&w, person, &view);
    write_merges(&w, person);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *merges_get(struct call *call)
{
    struct person *person = NULL;
    struct jsonw w;
    TRY(known_person(call, PERSON_HEAD, &person));
    call_record(call, person, STR_NONE, "merges");
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    write_merges(&w, person);
    jsonw_object_end(&w);
    return NULL;
}

static const struct err *merge_done(struct call *call)
{
    const struct request *request = &call->work.requests[0];
    struct jsonw w;
    if (request->kind == REQUEST_UNDO_MERGE && !request->found)
        return err_new(&call->arena, ERR_NOT_FOUND, "there is no such merge of this person, or it was undone before");
    if (!str_empty(request->refusal))
        return err_new(&call->arena, ERR_CONFLICT, "%.*s", STR_FMT(request->refusal));
    if (!request->found)
        return err_new(&call->arena, ERR_CONFLICT, "the two are one person already");
    reply_json(call, call->route->status, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, request->merge);
    jsonw_field(&w, "state", request->kind == REQUEST_JOIN ? STR("merged") : STR("undone"));
    jsonw_field_time(&w, "at", call->received_ms);
    jsonw_object_end(&w);
    return NULL;
}

const struct err *merges_post(struct call *call)
{
    struct json body;
    str other = STR_NONE;
    struct request *request = arena_new(&call->arena, struct request);
    TRY(call_object(call, false, &body));
    TRY(body_need(call, &body, "with", &other));
    request->kind = REQUEST_JOIN;
    TRY(call_subject(call, call->parameters[0], &request->subject));
    TRY(call_subject(call, other, &request->other));
    call->work.requests = request;
    call->work.request_count = 1;
    call->work.bytes = sizeof(*request) + call->body.length;
    return call_commit(call, merge_done);
}

const struct err *merge_undo(struct call *call)
{
    struct request *request = arena_new(&call->arena, struct request);
    if (!uuid_parse(call->parameters[1], &request->merge))
        return err_new(&call->arena, ERR_INVALID, "the id of a merge is a UUID");
    request->kind = REQUEST_UNDO_MERGE;
    TRY(call_subject(call, call->parameters[0], &request->subject));
    call->work.requests = request;
    call->work.request_count = 1;
    call->work.bytes = sizeof(*request);
    return call_commit(call, merge_done);
}
