/* `telos rights`: what a person may demand (GDPR Art. 15–21). */
#include "main/commands.h"

#include "base/time.h"
#include "main/client.h"
#include "main/file.h"

static enum status ask_right(struct run *run, const char *right, const char *subject, const char *purpose,
                             struct http_reply *ret_reply) {
    struct buf body;
    struct jsonw w;
    body_begin(run, &body, &w);
    body_add(&w, "right", right);
    body_add(&w, "subject", subject);
    body_add(&w, "purpose", purpose);
    body_add(&w, "reference", run_option(run, "--reference"));
    jsonw_object_end(&w);
    return run_post(run, STR("/v1/rights"), buf_str(&body), ret_reply);
}

static enum status exercise(struct run *run, const char *right, const char *subject, const char *purpose) {
    struct http_reply reply;
    enum status status = ask_right(run, right, subject, purpose, &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    output_ink(&run->out, INK_GOOD, "%.*s", STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("state")))));
    output_text(&run->out, ": %s of %s, request %.*s", right, subject,
                STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("id")))));
    str leaf = output_cell(run->arena, json_path(&reply.json, STR("ledger.index")));
    output_text(&run->out, "%s%.*s\n", leaf.length ? ", leaf of the ledger " : "", STR_FMT(leaf));
    return STATUS_DONE;
}

/* What the person gets: JSON, into a file of its own or on stdout. */
static enum status hand_over(struct run *run, const char *right, const char *subject) {
    struct http_reply reply;
    const char *out = run_option(run, "--out");
    enum status status = ask_right(run, right, subject, NULL, &reply);
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
        output_json(&run->out, str_printf(run->arena, "{\"right\":\"%s\",\"bytes\":%zu}", right, reply.body.length));
    else
        output_text(&run->out, "written to %s: it holds personal data, hand it to the person only\n", out);
    return STATUS_DONE;
}

static enum status open_request(struct run *run) {
    const char *right = run->arguments[0], *subject = run->arguments[1];
    if (strcmp(right, "access") == 0 || strcmp(right, "portability") == 0)
        return hand_over(run, right, subject);
    return exercise(run, right, subject, run_option(run, "--purpose"));
}

static enum status show(struct run *run) {
    static const char *const heads[] = {"AT", "RIGHT", "STATE", "PURPOSE", "ID"};
    static const char *const paths[] = {"at", "right", "state", "purpose", "id"};
    struct http_reply reply;
    struct table table;
    enum status status =
        run_get(run, path_with(run->arena, STR("/v1/rights"), "subject", run->arguments[0]), STR_NONE, &reply);
    if (status)
        return status;
    const struct json *items = page_items(&reply.json);
    if (run->out.json) {
        output_json(&run->out, reply.body);
    } else if (!items || items->count == 0) {
        output_text(&run->out, "no right was exercised\n");
    } else {
        table_init(&table, run->arena, heads, 5);
        table_add_items(&table, items, paths);
        table_print(&run->out, &table);
    }
    return STATUS_DONE;
}

static enum status export(struct run *run) {
    return hand_over(run, run_has(run, "--portable") ? "portability" : "access", run->arguments[0]);
}
static enum status erase(struct run *run) { return exercise(run, "erasure", run->arguments[0], NULL); }

static enum status restrict_person(struct run *run) {
    return exercise(run, run_has(run, "--lift") ? "restriction_lifted" : "restriction", run->arguments[0], NULL);
}

static enum status object(struct run *run) {
    return exercise(run, run_has(run, "--lift") ? "objection_lifted" : "objection", run->arguments[0],
                    run->arguments[1]);
}

static const struct action actions[] = {
    {"open", "RIGHT TYPE:VALUE", "a request by its name: access, portability, erasure, restriction, objection, …", 2, 2,
     open_request},
    {"show", "TYPE:VALUE", "which rights were exercised", 1, 1, show},
    {"export", "TYPE:VALUE", "everything about the person (Art. 15), or what they may take along (--portable, Art. 20)",
     1, 1, export},
    {"erase", "TYPE:VALUE", "erase the person (Art. 17); what a law orders kept stays", 1, 1, erase},
    {"restrict", "TYPE:VALUE", "store only (Art. 18)", 1, 1, restrict_person},
    {"object", "TYPE:VALUE PURPOSE", "objection (Art. 21)", 2, 2, object},
};
static const struct option options[] = {
    {"--out", "FILE", "export: write to this file instead", false},
    {"--portable", NULL, "export: what rests on consent or contract", false},
    {"--lift", NULL, "restrict, object: take it back", false},
    {"--purpose", "NAME", "open objection: to which purpose", false},
    {"--reference", "TEXT", "your own file number", false},
};

const struct command command_rights = {
    .name = "rights",
    .summary = "what a person may demand: access, erasure, restriction, objection",
    .about = "Status 1 where nobody is known by that identifier.",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos rights export email:anna.kovacs@example.hu --out anna.json\n  telos rights erase "
               "email:anna.kovacs@example.hu --reference 2026/117\n",
};
