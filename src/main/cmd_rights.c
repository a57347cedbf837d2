/* `telos rights`: what a person may demand (GDPR Art. 7(3), 12–22), done at once or as a request that is verified and answered. */
#include "main/commands.h"

#include "base/id.h"
#include "base/time.h"
#include "main/client.h"
#include "main/file.h"

#define ZIP_END "PK\005\006"

static bool is_id(const char *text)
{
    struct uuid id;
    return uuid_parse(str_of(text), &id);
}

/* NAME=VALUE…: a value that is JSON is taken as such, any other as a text. */
static enum status add_values(struct run *run, struct jsonw *w, const char **pairs, size_t count)
{
    jsonw_key(w, STR("values"));
    jsonw_object(w);
    for (size_t i = 0; i < count; i++) {
        struct json value;
        str text = str_of(pairs[i]);
        ptrdiff_t equals = str_find_char(text, '=');
        if (equals <= 0)
            return run_misuse(run, "write NAME=VALUE, as in address.city=Pécs; VALUE null removes it");
        str right = str_slice(text, (size_t)equals + 1, text.length);
        jsonw_key(w, str_slice(text, 0, (size_t)equals));
        if (json_read(run->arena, right, &value) || value.type == JSON_OBJECT)
            jsonw_string(w, right);
        else
            jsonw_raw(w, value.raw);
    }
    jsonw_object_end(w);
    return STATUS_DONE;
}

struct wish {
    const char *right, *subject, *purpose;
    const char **values;
    size_t value_count;
    bool later; /* only opened */
};

static enum status ask_right(struct run *run, struct client *client, const struct wish *wish, struct http_reply *ret_reply)
{
    struct buf body;
    struct jsonw w;
    body_begin(run, &body, &w);
    body_add(&w, "right", wish->right);
    body_add(&w, "subject", wish->subject);
    body_add(&w, "purpose", wish->purpose);
    body_add(&w, "reference", run_option(run, "--reference"));
    body_add(&w, "text", run_option(run, "--text"));
    body_add(&w, "answer", run_option(run, "--answer"));
    if (wish->later)
        jsonw_field_bool(&w, "open", true);
    if (wish->values) {
        enum status status = add_values(run, &w, wish->values, wish->value_count);
        if (status)
            return status;
    }
    jsonw_object_end(&w);
    return run_ask(run, client, &(struct http_request){.method = "POST", .path = STR("/v1/rights"), .body = buf_str(&body)}, ret_reply);
}

static str cell_of(struct run *run, const struct http_reply *reply, const char *path) { return output_cell(run->arena, json_path(&reply->json, str_of(path))); }

/* "completed: erasure, request …, due …" */
static enum status told(struct run *run, const struct http_reply *reply)
{
    if (run->out.json) {
        output_json(&run->out, reply->body);
        return STATUS_DONE;
    }
    output_ink(&run->out, INK_GOOD, "%.*s", STR_FMT(cell_of(run, reply, "state")));
    output_text(&run->out, ": %.*s, request %.*s", STR_FMT(cell_of(run, reply, "right")), STR_FMT(cell_of(run, reply, "id")));
    const struct json *left = json_get(&reply->json, STR("days_left"));
    if (left && left->type == JSON_NUMBER)
        output_text(&run->out, ", to be answered by %.*s (%.*s days)", STR_FMT(cell_of(run, reply, "due_at")), STR_FMT(left->text));
    str pending = cell_of(run, reply, "recipients_pending");
    if (pending.length && !str_equal(pending, STR("0")))
        output_text(&run->out, ", %.*s recipients to be told", STR_FMT(pending));
    output_text(&run->out, "\n");
    str url = cell_of(run, reply, "url");
    if (url.length)
        output_text(&run->out, "send this link to the person, and to nobody else:\n  %.*s\n", STR_FMT(url));
    return STATUS_DONE;
}

static enum status exercise(struct run *run, const struct wish *wish)
{
    struct http_reply reply;
    struct client *client;
    enum status status = run_client(run, 0, &client);
    if (!status)
        status = ask_right(run, client, wish, &reply);
    return status ? status : told(run, &reply);
}

/* ---- what the person gets ---- */

static enum status write_out(struct run *run, const char *out, const char *right, str content)
{
    const struct err *error = file_replace(run->arena, out, content);
    if (error)
        return run_misuse(run, "%s", error->text);
    if (run->out.json)
        output_json(&run->out, str_printf(run->arena, "{\"right\":\"%s\",\"bytes\":%zu}", right, content.length));
    else
        output_text(&run->out, "written to %s: it holds personal data, hand it to the person only\n", out);
    return STATUS_DONE;
}

/* JSON, into a file of its own or on stdout. */
static enum status hand_over(struct run *run, const char *right, const char *subject)
{
    struct http_reply reply;
    struct client *client;
    const char *out = run_option(run, "--out");
    enum status status = run_client(run, 0, &client);
    if (!status)
        status = ask_right(run, client, &(struct wish){.right = right, .subject = subject}, &reply);
    if (status)
        return status;
    if (out)
        return write_out(run, out, right, reply.body);
    output_json(&run->out, reply.body);
    return STATUS_DONE;
}

static str request_path(struct run *run, str id, const char *what)
{
    return str_printf(run->arena, "/v1/rights/%.*s%s%s", STR_FMT(id), *what ? "/" : "", what);
}

static enum status fetch_zip(struct run *run, struct client *client, str id, const char *right, const char *out)
{
    struct http_reply reply;
    enum status status = run_ask(run, client, &(struct http_request){.method = "GET", .path = request_path(run, id, "export")}, &reply);
    if (status)
        return status;
    if (reply.body.length < 22 || str_find(str_slice(reply.body, reply.body.length - 22, reply.body.length), STR(ZIP_END)) != 0) {
        output_complain("the copy broke off; the server's log says why");
        return STATUS_UNAVAILABLE;
    }
    return write_out(run, out, right, reply.body);
}

/* A request is opened, its identity known to whoever types this, and answered by the copy. */
static enum status export_zip(struct run *run, const char *right, const char *whom, const char *out)
{
    struct http_reply reply;
    struct client *client;
    enum status status = run_client(run, 0, &client);
    if (status)
        return status;
    if (is_id(whom))
        return fetch_zip(run, client, str_of(whom), right, out);
    status = ask_right(run, client, &(struct wish){.right = right, .subject = whom, .later = true}, &reply);
    if (status)
        return status;
    str id = str_copy(run->arena, json_string(json_get(&reply.json, STR("id"))));
    if (str_equal(json_string(json_get(&reply.json, STR("state"))), STR("no_match"))) {
        output_complain("nobody is known by this identifier");
        return STATUS_NO;
    }
    status = run_ask(run, client, &(struct http_request){.method = "POST", .path = request_path(run, id, "confirm"), .body = STR("{}")}, &reply);
    return status ? status : fetch_zip(run, client, id, right, out);
}

static enum status export_copy(struct run *run)
{
    const char *right = run_has(run, "--portable") ? "portability" : "access", *out = run_option(run, "--out"), *whom = run->arguments[0];
    if (out && (str_ends(str_of(out), STR(".zip")) || is_id(whom)))
        return export_zip(run, right, whom, out);
    if (is_id(whom))
        return run_misuse(run, "say with --out FILE.zip where the copy goes");
    return hand_over(run, right, whom);
}

static enum status certificate(struct run *run)
{
    struct http_reply reply;
    const char *out = run_option(run, "--out");
    enum status status = run_get(run, request_path(run, str_of(run->arguments[0]), "certificate"), STR_NONE, &reply);
    if (status)
        return status;
    if (!out) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    const struct err *error = file_replace(run->arena, out, reply.body);
    if (error)
        return run_misuse(run, "%s", error->text);
    if (run->out.json)
        output_json(&run->out, str_printf(run->arena, "{\"bytes\":%zu}", reply.body.length));
    else
        output_text(&run->out, "written to %s: it names no person; anybody can check it with `telos verify`\n", out);
    return STATUS_DONE;
}

/* ---- by the right's name ---- */

static enum status open_request(struct run *run)
{
    const char *right = run->arguments[0], *subject = run->arguments[1];
    bool later = run_has(run, "--later");
    if (!later && (strcmp(right, "access") == 0 || strcmp(right, "portability") == 0))
        return hand_over(run, right, subject);
    return exercise(run, &(struct wish){.right = right,
                                        .subject = subject,
                                        .purpose = run_option(run, "--purpose"),
                                        .later = later,
                                        .values = run->argument_count > 2 ? run->arguments + 2 : NULL,
                                        .value_count = run->argument_count - 2});
}

static enum status erase(struct run *run) { return exercise(run, &(struct wish){.right = "erasure", .subject = run->arguments[0]}); }

static enum status restrict_person(struct run *run)
{
    return exercise(run, &(struct wish){.right = run_has(run, "--lift") ? "restriction_lifted" : "restriction", .subject = run->arguments[0]});
}

static enum status object(struct run *run)
{
    return exercise(
        run, &(struct wish){.right = run_has(run, "--lift") ? "objection_lifted" : "objection", .subject = run->arguments[0], .purpose = run->arguments[1]});
}

static enum status rectify(struct run *run)
{
    return exercise(
        run, &(struct wish){.right = "rectification", .subject = run->arguments[0], .values = run->arguments + 1, .value_count = run->argument_count - 1});
}

/* ---- requests ---- */

static void print_requests(struct run *run, const struct json *items)
{
    static const char *const heads[] = {"OPENED", "RIGHT", "STATE", "DAYS LEFT", "OVERDUE", "DUE", "ID"};
    static const char *const paths[] = {"opened_at", "right", "state", "days_left", "overdue", "due_at", "id"};
    struct table table;
    table_init(&table, run->arena, heads, 7);
    table_add_items(&table, items, paths);
    table_print(&run->out, &table);
}

/* What was asked and answered, by whom, of whom; of an erasure what went and what stays. */
static void details_print(struct run *run, const struct http_reply *reply)
{
    static const char *const names[] = {"subject", "purpose", "text", "values", "reference", "extension", "identity", "refusal", "answer", "erased", "kept"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        str said = output_cell(run->arena, json_get(&reply->json, str_of(names[i])));
        if (said.length)
            output_text(&run->out, "%-9s  %.*s\n", names[i], STR_FMT(said));
    }
}

static enum status show_one(struct run *run)
{
    static const char *const heads[] = {"AT", "STEP", "BY", "CODE", "LEDGER"}, *const paths[] = {"at", "step", "role", "code", "ledger_index"};
    static const char *const told_heads[] = {"RECIPIENT", "PURPOSE", "STATE", "AT"}, *const told_paths[] = {"recipient", "purpose", "state", "at"};
    struct http_reply reply;
    struct table table;
    enum status status = run_get(run, request_path(run, str_of(run->arguments[0]), ""), STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    (void)told(run, &reply);
    details_print(run, &reply);
    table_init(&table, run->arena, heads, 5);
    table_add_items(&table, json_get(&reply.json, STR("steps")), paths);
    table_print(&run->out, &table);
    const struct json *recipients = json_get(&reply.json, STR("recipients"));
    if (recipients && recipients->count) {
        table_init(&table, run->arena, told_heads, 4);
        table_add_items(&table, recipients, told_paths);
        table_print(&run->out, &table);
    }
    return STATUS_DONE;
}

static enum status show(struct run *run)
{
    static const char *const heads[] = {"AT", "RIGHT", "STATE", "PURPOSE", "ID"}, *const paths[] = {"at", "right", "state", "purpose", "id"};
    struct http_reply reply;
    struct table table;
    if (is_id(run->arguments[0]))
        return show_one(run);
    enum status status = run_get(run, path_with(run->arena, STR("/v1/rights"), "subject", run->arguments[0]), STR_NONE, &reply);
    if (status)
        return status;
    const struct json *items = json_get(&reply.json, STR("rights")), *requests = json_get(&reply.json, STR("requests"));
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    if ((!items || !items->count) && (!requests || !requests->count))
        output_text(&run->out, "no right was exercised\n");
    if (items && items->count) {
        table_init(&table, run->arena, heads, 5);
        table_add_items(&table, items, paths);
        table_print(&run->out, &table);
    }
    if (requests && requests->count)
        print_requests(run, requests);
    return STATUS_DONE;
}

static enum status list(struct run *run)
{
    struct http_reply reply;
    const char *state = run_option(run, "--state");
    str path = path_with(run->arena, STR("/v1/rights"), "state", state ? state : "open");
    enum status status = run_get(run, path_with(run->arena, path, "due_before", run_option(run, "--due-before")), STR_NONE, &reply);
    if (status)
        return status;
    const struct json *requests = json_get(&reply.json, STR("requests"));
    if (run->out.json)
        output_json(&run->out, reply.body);
    else if (!requests || !requests->count)
        output_text(&run->out, "no request is %s\n", state ? state : "open");
    else
        print_requests(run, requests);
    return STATUS_DONE;
}

static enum status act(struct run *run, const char *action)
{
    static const struct {
        const char *option, *member;
    } members[] = {{"--to", "to"}, {"--reason", "reason"}, {"--answer", "answer"}, {"--code", "code"}, {"--decision", "decision"}, {"--evidence", "evidence"}};
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    body_begin(run, &body, &w);
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
        body_add(&w, members[i].member, run_option(run, members[i].option));
    jsonw_object_end(&w);
    enum status status = run_post(run, request_path(run, str_of(run->arguments[0]), action), buf_str(&body), &reply);
    return status ? status : told(run, &reply);
}

static enum status verify(struct run *run) { return act(run, "verify"); }
static enum status confirm(struct run *run) { return act(run, "confirm"); }
static enum status extend(struct run *run) { return act(run, "extend"); }
static enum status fulfil(struct run *run) { return act(run, "fulfil"); }
static enum status decide(struct run *run) { return act(run, "decide"); }
static enum status refuse(struct run *run) { return act(run, "refuse"); }
static enum status withdraw(struct run *run) { return act(run, "withdraw"); }

static const struct action actions[] = {
    {"open", "RIGHT TYPE:VALUE [NAME=VALUE…]",
     "exercise a right by its name: access, portability, rectification, erasure, restriction, objection, withdrawal, human_review, …", 2, UINT_MAX,
     open_request},
    {"show", "TYPE:VALUE|ID", "what a person has exercised and asked for, or one request with its steps", 1, 1, show},
    {"list", "", "requests that are open (or in another --state), the newest first", 0, 0, list},
    {"verify", "ID", "make the signed link by which the person confirms that the request is theirs", 1, 1, verify},
    {"confirm", "ID", "you know who it is", 1, 1, confirm},
    {"extend", "ID", "two further months, with --reason (Art. 12(3))", 1, 1, extend},
    {"fulfil", "ID", "do what was asked", 1, 1, fulfil},
    {"decide", "ID", "an objection: --decision upheld, or overridden with --evidence (Art. 21(1))", 1, 1, decide},
    {"refuse", "ID", "refuse, with --code of the law that allows it", 1, 1, refuse},
    {"withdraw", "ID", "the person takes the request back", 1, 1, withdraw},
    {"certificate", "ID", "what was done, signed, naming no person", 1, 1, certificate},
    {"export", "TYPE:VALUE|ID", "everything about the person (Art. 15), or what they may take along (--portable, Art. 20)", 1, 1, export_copy},
    {"erase", "TYPE:VALUE", "erase the person (Art. 17); what a law orders kept stays", 1, 1, erase},
    {"restrict", "TYPE:VALUE", "store only (Art. 18)", 1, 1, restrict_person},
    {"object", "TYPE:VALUE PURPOSE", "objection (Art. 21)", 2, 2, object},
    {"rectify", "TYPE:VALUE NAME=VALUE…", "put wrong values right, and tell recipients (Art. 16, 19)", 2, UINT_MAX, rectify},
};
static const struct option options[] = {
    {"--out", "FILE", "export, certificate: write to this file; FILE.zip gives pages, JSON, CSV, receipts and proofs", false},
    {"--portable", NULL, "export: what rests on consent or contract, and was provided by the person", false},
    {"--later", NULL, "open: only open it, to be verified and answered", false},
    {"--lift", NULL, "restrict, object: take it back", false},
    {"--purpose", "NAME", "open objection, withdrawal: of which purpose", false},
    {"--reference", "TEXT", "your own file number", false},
    {"--text", "TEXT", "open: what the person wrote", false},
    {"--state", "STATE", "list: received, verifying, in_progress, completed, refused, withdrawn, expired, no_match", false},
    {"--due-before", "TIME", "list: only what is due before", false},
    {"--to", "TYPE:VALUE", "verify: the known identifier that the link goes to", false},
    {"--reason", "TEXT", "extend: why; the person is told", false},
    {"--answer", "TEXT", "fulfil, refuse, decide: what the person is told", false},
    {"--code", "CODE", "refuse: identity_failure, manifestly_unfounded, excessive, legally_required, legal_claims, …", false},
    {"--decision", "WORD", "decide: upheld or overridden", false},
    {"--evidence", "TEXT", "decide: where the compelling grounds are shown", false},
};

const struct command command_rights = {
    .name = "rights",
    .summary = "what a person may demand: access, erasure, restriction, objection",
    .about = "Done at once, or with `open --later` as a request that is verified, answered within a month, and counted down. Status 1 where nobody is known by "
             "that identifier, or the request's state does not allow it.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example =
        "  telos rights export email:anna.kovacs@example.hu --out anna.zip\n  telos rights erase "
        "email:anna.kovacs@example.hu --reference 2026/117\n  telos rights open erasure email:anna.kovacs@example.hu --later --text \"Please forget me\"\n"
        "  telos rights verify 01980c2e-0000-7000-8000-000000000000\n  telos rights list --due-before 2026-12-24\n"
        "  telos rights rectify email:anna.kovacs@example.hu address.city=Pécs\n",
};
