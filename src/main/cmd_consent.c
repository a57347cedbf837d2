/* `telos consent`: what a person said, recorded and shown. */
#include "main/commands.h"

#include "base/time.h"
#include "main/client.h"
#include "main/page.h"

/* The verb on the command line is the status of the record. */
static const struct {
    const char *verb, *status;
} verbs[] = {
    {"give", "given"},  {"renew", "renewed"}, {"refuse", "refused"}, {"withdraw", "withdrawn"}, {"object", "objected"}, {"lift", "objection_lifted"},
    {"open", "opened"}, {"end", "ended"},     {"invoke", "invoked"}, {"inform", "informed"},
};

static enum status check_options(struct run *run, int64_t *ret_at_ms)
{
    const char *by = run_option(run, "--by"), *notice = run_option(run, "--notice");
    if (by && strcmp(by, "self") != 0 && strcmp(by, "guardian") != 0 && strcmp(by, "agent") != 0)
        return run_misuse(run, "--by is self, guardian or agent");
    if (notice && str_find_char(str_of(notice), '@') <= 0)
        return run_misuse(run, "--notice %s needs its version: --notice %s@1", notice, notice);
    return run_time(run, "--at", ret_at_ms);
}

static enum status state(struct run *run)
{
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    int64_t at_ms;
    const char *word = NULL;
    enum status status = check_options(run, &at_ms);
    if (status)
        return status;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
        if (strcmp(verbs[i].verb, run->action->name) == 0)
            word = verbs[i].status;
    body_begin(run, &body, &w);
    body_add(&w, "subject", run->arguments[0]);
    body_add(&w, "purpose", run->arguments[1]);
    body_add(&w, "status", word);
    body_add(&w, "notice", run_option(run, "--notice"));
    body_add(&w, "method", run_option(run, "--method") ? run_option(run, "--method") : "command line");
    body_add(&w, "by", run_option(run, "--by"));
    body_add(&w, "reference", run_option(run, "--reference"));
    if (run_has(run, "--explicit"))
        jsonw_field_bool(&w, "explicit", true);
    if (at_ms != TIME_NONE)
        jsonw_field_time(&w, "at", at_ms);
    jsonw_object_end(&w);
    if ((status = run_post(run, STR("/v1/consents"), buf_str(&body), &reply)))
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    output_ink(&run->out, INK_GOOD, "%s", word);
    output_text(&run->out, ": %s for %s\n", run->arguments[1], run->arguments[0]);
    output_text(&run->out, "record %.*s, leaf %.*s of the ledger\n", STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("id")))),
                STR_FMT(output_cell(run->arena, json_path(&reply.json, STR("ledger.index")))));
    return STATUS_DONE;
}

static enum status show(struct run *run)
{
    static const char *const heads[] = {"AT", "PURPOSE", "STATUS", "NOTICE", "BY", "METHOD", "SOURCE", "ID"};
    static const char *const paths[] = {"at", "purpose", "status", "notice", "by", "method", "source", "id"};
    static const struct page_columns columns = {heads, paths, 8};
    size_t count = 0;
    str path = path_with(run->arena, STR("/v1/consents"), "subject", run->arguments[0]);
    path = path_with(run->arena, path, "purpose", run->argument_count > 1 ? run->arguments[1] : NULL);
    enum status status = run_page(run, path, STR_NONE, &columns, "nothing is recorded", &count);
    return status ? status : count ? STATUS_DONE : STATUS_NO;
}

static enum status receipt(struct run *run)
{
    struct http_reply reply;
    str id = path_encode(run->arena, str_of(run->arguments[0]));
    enum status status = run_get(run, str_printf(run->arena, "/v1/consents/%.*s/receipt", STR_FMT(id)), STR_NONE, &reply);
    if (!status)
        output_json(&run->out, reply.body);
    return status;
}

/* The link is a secret, so it goes to stdout alone: nothing else of it is written anywhere. */
static enum status make_link(struct run *run)
{
    struct http_reply reply;
    struct buf body;
    struct jsonw w;
    body_begin(run, &body, &w);
    body_add(&w, "subject", run->arguments[0]);
    body_add(&w, "expires_in", run_option(run, "--expires-in"));
    jsonw_object_end(&w);
    enum status status = run_post(run, STR("/v1/preferences/link"), buf_str(&body), &reply);
    if (status)
        return status;
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        output_text(&run->out, "%.*s\n", STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("url")))));
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"give", "TYPE:VALUE PURPOSE", "the person agrees, under --notice", 2, 2, state},
    {"renew", "TYPE:VALUE PURPOSE", "the person agrees again", 2, 2, state},
    {"refuse", "TYPE:VALUE PURPOSE", "the person says no", 2, 2, state},
    {"withdraw", "TYPE:VALUE PURPOSE", "the person takes the consent back; what rested on it alone is erased", 2, 2, state},
    {"object", "TYPE:VALUE PURPOSE", "the person objects (Art. 21)", 2, 2, state},
    {"lift", "TYPE:VALUE PURPOSE", "the objection is lifted", 2, 2, state},
    {"open", "TYPE:VALUE PURPOSE", "a contract is open", 2, 2, state},
    {"end", "TYPE:VALUE PURPOSE", "the contract has ended", 2, 2, state},
    {"invoke", "TYPE:VALUE PURPOSE", "a vital interest is invoked; say why in --reference", 2, 2, state},
    {"inform", "TYPE:VALUE PURPOSE", "the person was informed", 2, 2, state},
    {"show", "TYPE:VALUE [PURPOSE]", "all that was said, in order; status 1 where nothing was", 1, 2, show},
    {"link", "TYPE:VALUE", "a signed link to the person's own page; whoever holds it is taken for the person", 1, 1, make_link},
    {"receipt", "ID", "the signed receipt of a record (ISO/IEC TS 27560)", 1, 1, receipt},
};
static const struct option options[] = {
    {"--notice", "ID@VERSION", "the text that the person saw", false},
    {"--at", "TIME", "when it was said; default: now", false},
    {"--by", "WHO", "who said it: self, guardian or agent", false},
    {"--method", "TEXT", "how it was said; default: command line", false},
    {"--reference", "TEXT", "where the proof is", false},
    {"--expires-in", "DURATION", "how long the link works, as in P7D (default), at most P30D", false},
    {"--explicit", NULL, "it was said explicitly (Art. 9)", false},
};

const struct command command_consent = {
    .name = "consent",
    .summary = "record what a person said, and show it",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos consent give email:anna.kovacs@example.hu newsletter --notice newsletter@3 --method \"form in "
               "the shop\"\n"
               "  telos consent show email:anna.kovacs@example.hu newsletter\n"
               "  telos consent link email:anna.kovacs@example.hu --expires-in P3D\n",
};
