/* `telos user`: who may sign in at the console. A password is never an argument: it comes from a file, or the user sets it by a one-time link. */
#include "main/commands.h"

#include "main/client.h"
#include "main/file.h"
#include "main/local.h"
#include "main/page.h"

enum { PASSWORD_FILE_BYTES = 1024 };

/* The id of the user of that name, or the id itself. */
static enum status find(struct run *run, struct client *client, str *ret_id)
{
    struct http_reply reply;
    struct http_request request = {.method = "GET", .path = STR("/v1/users")};
    str asked = str_of(run->arguments[0]);
    enum status status = run_ask(run, client, &request, &reply);
    if (status)
        return status;
    const struct json *users = json_get(&reply.json, STR("users"));
    for (uint32_t i = 0; users && i < users->count; i++) {
        const struct json *user = &users->items[i];
        str id = json_string(json_get(user, STR("id"))), name = json_string(json_get(user, STR("name")));
        if (!str_equal(id, asked) && (str_empty(name) || !str_equal_nocase(name, asked)))
            continue;
        *ret_id = id;
        return STATUS_DONE;
    }
    output_complain("user: there is no user `%s`; `telos user list` shows them", run->arguments[0]);
    return STATUS_NO;
}

static enum status password_read(struct run *run, str *ret_password)
{
    const char *path = run_option(run, "--password-file");
    str text;
    if (!path)
        return STATUS_DONE;
    const struct err *error = file_read(run->arena, path, PASSWORD_FILE_BYTES, &text);
    if (error)
        return run_fail(run, error);
    while (!str_empty(text) && (str_ends(text, STR("\n")) || str_ends(text, STR("\r"))))
        text.length--;
    *ret_password = text;
    return STATUS_DONE;
}

static void add_purposes(struct run *run, struct jsonw *w)
{
    str_list purposes = {0};
    run_options(run, "--purpose", &purposes);
    if (!purposes.count)
        return;
    jsonw_key(w, STR("purposes"));
    jsonw_array(w);
    vec_each (purpose, &purposes)
        jsonw_string(w, *purpose);
    jsonw_array_end(w);
}

/* The reply, or the words. */
static enum status told(struct run *run, const struct http_reply *reply, const char *words)
{
    str link = json_string(json_get(&reply->json, STR("link")));
    if (run->out.json)
        output_json(&run->out, reply->body.length ? reply->body : STR("{\"done\":true}"));
    else if (!str_empty(link))
        output_text(&run->out, "%.*s\n", STR_FMT(link));
    else
        output_text(&run->out, "%s\n", words);
    if (!str_empty(link))
        output_note("the user sets a password there; it works once, until %.*s", STR_FMT(json_string(json_get(&reply->json, STR("link_expires_at")))));
    return STATUS_DONE;
}

static enum status create(struct run *run)
{
    struct client *client;
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    str password = STR_NONE;
    const char *role = run_option(run, "--role");
    if (!role)
        return run_misuse(run, "--role is missing: admin, privacy, marketer, agent or auditor");
    enum status status = password_read(run, &password);
    if (status)
        return status;
    body_begin(run, &body, &w);
    body_add(&w, "name", run->arguments[0]);
    body_add(&w, "role", role);
    body_add(&w, "title", run_option(run, "--title"));
    body_add(&w, "email", run_option(run, "--email"));
    add_purposes(run, &w);
    if (!str_empty(password))
        jsonw_field(&w, "password", password);
    jsonw_object_end(&w);
    struct http_request request = {.method = "POST", .path = STR("/v1/users"), .body = buf_str(&body)};
    if ((status = run_client(run, LOCAL_MAKE, &client)) || (status = run_ask(run, client, &request, &reply)))
        return status;
    return told(run, &reply, "made; the user may sign in now");
}

static enum status list(struct run *run)
{
    static const char *const heads[] = {"ID", "NAME", "TITLE", "ROLE", "PURPOSES", "DISABLED", "REMOVED", "MADE"};
    static const char *const paths[] = {"id", "name", "title", "role", "purposes", "disabled", "removed", "created_at"};
    static const struct page_columns columns = {heads, paths, 8};
    return run_page(run, STR("/v1/users"), STR_NONE, &columns, "there is no user; `telos serve` prints a link for the first one", NULL);
}

/* One request about the user that the argument names. */
static enum status change(struct run *run, const char *method, const char *under, str body, const char *words)
{
    struct client *client;
    struct http_reply reply;
    str id;
    enum status status = run_client(run, 0, &client);
    if (status || (status = find(run, client, &id)))
        return status;
    struct http_request request = {.method = method, .path = str_printf(run->arena, "/v1/users/%.*s%s", STR_FMT(id), under), .body = body};
    if ((status = run_ask(run, client, &request, &reply)))
        return status;
    return told(run, &reply, words);
}

static enum status disable(struct run *run)
{
    return change(run, "PATCH", "", STR("{\"disabled\":true}"), "disabled: signed out everywhere, and cannot sign in");
}
static enum status enable(struct run *run) { return change(run, "PATCH", "", STR("{\"disabled\":false}"), "may sign in again"); }
static enum status remove_user(struct run *run) { return change(run, "DELETE", "", STR_NONE, "removed: name and address are forgotten, the id stays"); }

static enum status password(struct run *run)
{
    struct buf body;
    struct jsonw w;
    str text = STR_NONE;
    enum status status = password_read(run, &text);
    if (status)
        return status;
    if (str_empty(text))
        return change(run, "POST", "/link", STR("{}"), "");
    body_begin(run, &body, &w);
    jsonw_field(&w, "password", text);
    jsonw_object_end(&w);
    return change(run, "PUT", "/password", buf_str(&body), "set; signed out everywhere");
}

static const struct action actions[] = {
    {"create", "NAME --role ROLE --purpose P…", "a new user; prints the link by which a password is set", 1, 1, create},
    {"list", "", "all users", 0, 0, list},
    {"disable", "NAME|ID", "ends the sessions; no sign-in from now on", 1, 1, disable},
    {"enable", "NAME|ID", "takes that back", 1, 1, enable},
    {"password", "NAME|ID", "a new one-time link, or with --password-file the password itself", 1, 1, password},
    {"remove", "NAME|ID", "forgets name, title and address", 1, 1, remove_user},
};
static const struct option options[] = {
    {"--role", "ROLE", "admin, privacy, marketer, agent or auditor", false},
    {"--purpose", "P", "what the user may read for; '*' for all", true},
    {"--title", "TEXT", "how the console greets the user", false},
    {"--email", "ADDRESS", "the user's e-mail address", false},
    {"--password-file", "FILE", "its first line is the password, 12 to 256 bytes", false},
};

const struct command command_user = {
    .name = "user",
    .summary = "who may sign in at the console: make, list, disable, remove, set a password",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos user create eva --role privacy --purpose '*' --title \"Éva Nagy\"\n"
               "  telos user create bela --role agent --purpose fulfilment --password-file bela.txt\n"
               "  telos user disable bela\n",
};
