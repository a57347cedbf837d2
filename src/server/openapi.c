/* /openapi.json (3.1), made from the route table and schemas.json when the server starts; so it cannot name a route that is not there. */
#include "server/server_private.h"

#define OPENAPI_BYTES_MAX (4 * 1024 * 1024)

/* Query and path parameters by name: what they are, and their JSON schema. */
static const struct {
    const char *name, *about, *schema;
} parameters[] = {
    {"subject", "TYPE:VALUE, as in email:anna@example.hu", "{\"type\":\"string\",\"pattern\":\"^[^:]+:.+$\"}"},
    {"purpose", "why it is read; or the header Purpose", "{\"type\":\"string\"}"},
    {"limit", "items in a page", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}"},
    {"cursor", "`next` of the page before", "{\"type\":\"string\"}"},
    {"events", "how many of the newest events", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}"},
    {"at", "a time or day", "{\"type\":\"string\"}"},
    {"count", "0: leave the effects on stored data uncounted", "{\"type\":\"string\",\"enum\":[\"0\",\"1\"]}"},
    {"format", "json, csv or html; or by Accept", "{\"type\":\"string\",\"enum\":[\"json\",\"csv\",\"html\"]}"},
    {"state", "only these", "{\"type\":\"string\",\"enum\":[\"pending\",\"delivered\",\"dead\",\"cancelled\"]}"},
    {"rights state", "only these; `open`: all that are not closed",
     "{\"type\":\"string\",\"enum\":[\"open\",\"received\",\"verifying\",\"in_progress\",\"completed\",\"refused\",\"withdrawn\",\"expired\",\"no_match\"]}"},
    {"index", "number of the leaf", "{\"type\":\"integer\",\"minimum\":0}"},
    {"size", "of the tree; left out: now", "{\"type\":\"integer\",\"minimum\":0}"},
    {"number", "of the version", "{\"type\":\"integer\",\"minimum\":1}"},
    {"records", "`opened` puts the records themselves in, with what proves them: personal data", "{\"type\":\"string\",\"enum\":[\"closed\",\"opened\"]}"},
    {"by", "how fine the counts are", "{\"type\":\"string\",\"enum\":[\"reason\",\"day\",\"source\",\"what\",\"field\",\"all\"]}"},
    {"rates by", "what statements are counted apart by", "{\"type\":\"string\",\"enum\":[\"source\",\"channel\",\"notice\"]}"},
    {"token", "the id of a token, or `local`", "{\"type\":\"string\"}"},
    {"id", "", "{\"type\":\"string\",\"format\":\"uuid\"}"},
    {"key", "the source's write key", "{\"type\":\"string\"}"},
    {"t", "the ticket of a signed link", "{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_-]{76}$\"}"},
    {"lang", "language of the page", "{\"type\":\"string\",\"enum\":[\"en\",\"hu\"]}"},
    {"right", "all of it, or what may be taken along", "{\"type\":\"string\",\"enum\":[\"access\",\"portability\"]}"},
    {"explain", "1, with an API token: what became of each message, and why", "{\"type\":\"string\",\"enum\":[\"1\"]}"},
    {"writeKey", "the source's key, where it is not sent as Basic user name or in the body", "{\"type\":\"string\"}"},
};

static const char *about_of(str name)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
        if (str_equal(name, str_of(parameters[i].name)))
            return parameters[i].about;
    return "";
}

static str schema_of(str name)
{
    for (size_t i = 0; i < sizeof(parameters) / sizeof(*parameters); i++)
        if (str_equal(name, str_of(parameters[i].name)))
            return str_of(parameters[i].schema);
    return STR("{\"type\":\"string\"}");
}

static void write_parameter(struct jsonw *w, const struct route *route, str name, const char *in, bool required)
{
    /* Requests have states of their own; everywhere else a name means one thing. */
    str known = str_equal(name, STR("state")) && strstr(route->path, "/rights") ? STR("rights state")
                : str_equal(name, STR("by")) && strstr(route->path, "/rates")   ? STR("rates by")
                                                                                : name;
    jsonw_object(w);
    jsonw_field(w, "name", name);
    jsonw_field(w, "in", str_of(in));
    jsonw_field_bool(w, "required", required);
    if (about_of(known)[0])
        jsonw_field(w, "description", str_of(about_of(known)));
    jsonw_key(w, STR("schema"));
    jsonw_raw(w, schema_of(known));
    jsonw_object_end(w);
}

static str name_within(str part) /* "{path...}" → "path" */
{
    str name = str_slice(part, 1, part.length - 1);
    return str_ends(name, STR("...")) ? str_slice(name, 0, name.length - 3) : name;
}

static void write_parameters(struct jsonw *w, const struct route *route)
{
    str rest = str_of(route->path), part;
    jsonw_key(w, STR("parameters"));
    jsonw_array(w);
    while (!str_empty(rest) && str_split(&rest, '/', &part))
        if (str_starts(part, STR("{")))
            write_parameter(w, route, name_within(part), "path", true);
    rest = route->query ? str_of(route->query) : STR_NONE;
    while (!str_empty(rest) && str_split(&rest, ' ', &part)) {
        bool required = str_ends(part, STR("!"));
        write_parameter(w, route, required ? str_slice(part, 0, part.length - 1) : part, "query", required);
    }
    jsonw_array_end(w);
}

static void write_reference(struct jsonw *w, struct arena *arena, const char *schema)
{
    jsonw_key(w, STR("schema"));
    jsonw_object(w);
    jsonw_field(w, "$ref", str_printf(arena, "#/components/schemas/%s", schema));
    jsonw_object_end(w);
}

/* `x-events`: what each kind of server-sent event carries, "name=Schema name=Schema"; OpenAPI has no words of its own for it. */
static void write_events(struct jsonw *w, struct arena *arena, str events)
{
    str pair, name;
    jsonw_key(w, STR("x-events"));
    jsonw_object(w);
    while (!str_empty(events) && str_split(&events, ' ', &pair)) {
        if (!str_split(&pair, '=', &name))
            continue;
        jsonw_key(w, name);
        jsonw_object(w);
        jsonw_field(w, "$ref", str_printf(arena, "#/components/schemas/%.*s", STR_FMT(pair)));
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

/* `what` is the name of a schema (JSON then) or a media type; with its events after `;` where it is a stream. */
static void write_content(struct jsonw *w, struct arena *arena, const char *what, const char *json_type)
{
    bool media = strchr(what, '/') != NULL;
    str events = str_of(what), type;
    bool streams = media && strchr(what, ';') && str_split(&events, ';', &type);
    jsonw_key(w, STR("content"));
    jsonw_object(w);
    jsonw_key(w, streams ? type : str_of(media ? what : json_type));
    jsonw_object(w);
    if (!media)
        write_reference(w, arena, what);
    if (streams)
        write_events(w, arena, events);
    jsonw_object_end(w);
    jsonw_object_end(w);
}

static void write_responses(struct jsonw *w, struct arena *arena, const struct route *route)
{
    jsonw_key(w, STR("responses"));
    jsonw_object(w);
    jsonw_key(w, str_printf(arena, "%u", route->status));
    jsonw_object(w);
    jsonw_field(w, "description", STR("done"));
    if (route->reply)
        write_content(w, arena, route->reply, "application/json");
    jsonw_object_end(w);
    jsonw_key(w, STR("default"));
    jsonw_object(w);
    jsonw_field(w, "description", STR("what went wrong and what to do (RFC 9457)"));
    write_content(w, arena, "Problem", "application/problem+json");
    jsonw_object_end(w);
    jsonw_object_end(w);
}

static void write_security(struct jsonw *w, const struct route *route)
{
    jsonw_key(w, STR("security"));
    if (route->flags & ROUTE_COLLECT)
        jsonw_raw(w, STR("[{\"writeKey\":[]},{\"writeKeyHeader\":[]},{}]"));
    else
        jsonw_raw(w, route->may & MAY_ANYONE ? STR("[]") : STR("[{\"token\":[]},{\"session\":[]}]"));
    jsonw_key(w, STR("x-roles"));
    jsonw_array(w);
    for (int role = ROLE_AUDITOR; role <= ROLE_ADMIN; role++)
        if (route->may & MAY(role))
            jsonw_string(w, str_of(role_name((enum role)role)));
    jsonw_array_end(w);
    if (route->may & MAY_LOCAL_ONLY)
        jsonw_field_bool(w, "x-local-only", true);
}

static void write_operation(struct jsonw *w, struct arena *arena, const struct route *route)
{
    jsonw_key(w, str_lower_ascii(arena, str_of(route->method)));
    jsonw_object(w);
    if (route->operation)
        jsonw_field(w, "operationId", str_of(route->operation));
    jsonw_field(w, "summary", str_of(route->summary));
    write_security(w, route);
    write_parameters(w, route);
    if (route->request_schema) {
        jsonw_key(w, STR("requestBody"));
        jsonw_object(w);
        write_content(w, arena, route->request_schema, "application/json");
        jsonw_object_end(w);
    }
    write_responses(w, arena, route);
    jsonw_object_end(w);
}

static void write_paths(struct jsonw *w, struct arena *arena, const struct route *all, size_t count)
{
    jsonw_key(w, STR("paths"));
    jsonw_object(w);
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t j = 0; j < i && first; j++)
            first = strcmp(all[i].path, all[j].path) != 0;
        if (!first)
            continue;
        str path = str_of(all[i].path);
        if (str_ends(path, STR("...}")))
            path = str_printf(arena, "%.*s}", (int)path.length - 4, path.data);
        jsonw_key(w, path);
        jsonw_object(w);
        for (size_t j = i; j < count; j++)
            if (!strcmp(all[i].path, all[j].path))
                write_operation(w, arena, &all[j]);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

str openapi_make(struct arena *arena, const struct route *all, size_t count)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, OPENAPI_BYTES_MAX);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "openapi", STR("3.1.0"));
    jsonw_key(&w, STR("info"));
    jsonw_raw(&w, STR("{\"title\":\"Telos\",\"version\":\"1\",\"summary\":\"A customer data platform that keeps data tied to its purpose.\"}"));
    write_paths(&w, arena, all, count);
    jsonw_key(&w, STR("components"));
    jsonw_object(&w);
    jsonw_key(&w, STR("securitySchemes"));
    jsonw_raw(&w, STR("{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"An API token: a role and a set of purposes.\"},"
                      "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"telos_session\",\"description\":\"Of a user who is signed in; unsafe methods "
                      "need the header `Telos-Console: 1`, too.\"},"
                      "\"writeKey\":{\"type\":\"http\",\"scheme\":\"basic\",\"description\":\"A source's write key as user name.\"},"
                      "\"writeKeyHeader\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-Write-Key\"}}"));
    jsonw_key(&w, STR("schemas"));
    jsonw_raw(&w, str_bytes(schemas_json, schemas_json_size));
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    ASSERT(!out.overflow);
    return buf_str(&out);
}
