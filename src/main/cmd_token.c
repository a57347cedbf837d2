/* `telos token`: who may ask Telos, for which purposes. */
#include "main/commands.h"

#include "base/time.h"
#include "main/client.h"
#include "main/local.h"
#include "main/page.h"

static enum status create(struct run *run)
{
    struct client *client;
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    str_list purposes = {0};
    int64_t expires_ms;
    const char *role = run_option(run, "--role");
    if (!role)
        return run_misuse(run, "--role is missing: admin, privacy, marketer, agent, auditor or source");
    enum status status = run_time(run, "--expires", &expires_ms);
    if (status)
        return status;
    run_options(run, "--purpose", &purposes);
    body_begin(run, &body, &w);
    body_add(&w, "role", role);
    body_add(&w, "source", run_option(run, "--source"));
    body_add(&w, "label", run_option(run, "--label"));
    if (purposes.count) {
        jsonw_key(&w, STR("purposes"));
        jsonw_array(&w);
        vec_each (purpose, &purposes)
            jsonw_string(&w, *purpose);
        jsonw_array_end(&w);
    }
    if (expires_ms != TIME_NONE)
        jsonw_field_time(&w, "expires", expires_ms);
    jsonw_object_end(&w);
    struct http_request request = {.method = "POST", .path = STR("/v1/tokens"), .body = buf_str(&body)};
    if ((status = run_client(run, LOCAL_MAKE, &client)) || (status = run_ask(run, client, &request, &reply)))
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    output_text(&run->out, "%.*s\n", STR_FMT(json_string(json_get(&reply.json, STR("token")))));
    output_note("id %.*s; the token is shown only now", STR_FMT(json_string(json_get(&reply.json, STR("id")))));
    return STATUS_DONE;
}

static enum status list(struct run *run)
{
    static const char *const heads[] = {"ID", "ROLE", "PURPOSES", "SOURCE", "LABEL", "MADE", "EXPIRES", "REVOKED"};
    static const char *const paths[] = {"id", "role", "purposes", "source", "label", "created_at", "expires_at", "revoked_at"};
    static const struct page_columns columns = {heads, paths, 8};
    return run_page(run, STR("/v1/tokens"), STR_NONE, &columns, "there is no token", NULL);
}

static enum status revoke(struct run *run)
{
    struct client *client;
    struct http_reply reply;
    str id = path_encode(run->arena, str_of(run->arguments[0]));
    struct http_request request = {.method = "DELETE", .path = str_printf(run->arena, "/v1/tokens/%.*s", STR_FMT(id))};
    enum status status = run_client(run, 0, &client);
    if (status || (status = run_ask(run, client, &request, &reply)))
        return status;
    if (run->out.json)
        output_json(&run->out, str_printf(run->arena, "{\"id\":\"%.*s\",\"revoked\":true}", STR_FMT(id)));
    else
        output_text(&run->out, "revoked: it opens nothing from now on\n");
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"create", "--role ROLE --purpose P…", "a new token; it is shown once", 0, 0, create},
    {"list", "", "all tokens, without their secrets", 0, 0, list},
    {"revoke", "ID", "this one opens nothing from now on", 1, 1, revoke},
};
static const struct option options[] = {
    {"--role", "ROLE", "admin, privacy, marketer, agent, auditor, or source (a write key)", false},
    {"--purpose", "P", "what it may read for; '*' for all", true},
    {"--source", "NAME", "role source: whose write key it is", false},
    {"--label", "TEXT", "who has it", false},
    {"--expires", "TIME", "when it ends by itself", false},
};

const struct command command_token = {
    .name = "token",
    .summary = "API tokens and write keys: make, list, revoke",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos token create --role agent --purpose fulfilment newsletter --label \"call centre\"\n"
               "  telos token create --role source --source till\n",
};
