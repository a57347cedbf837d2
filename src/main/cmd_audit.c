/* `telos audit`: what a controller must be able to show. */
#include "main/commands.h"

#include "base/time.h"
#include "main/client.h"
#include "main/file.h"
#include "main/job.h"
#include "main/page.h"

/* ---- ropa ---- */

enum { ROPA_RECIPIENTS = 3, ROPA_COLUMNS = 5 };

static enum status ropa(struct run *run)
{
    static const char *const heads[] = {"ACTIVITY", "BASIS", "CATEGORIES", "RECIPIENTS", "KEPT"};
    static const char *const paths[] = {"activity", "basis", "categories", "recipients", "retention"};
    struct http_reply reply;
    struct table table;
    const char *format = run_option(run, "--format");
    if (format && strcmp(format, "json") != 0 && strcmp(format, "csv") != 0 && strcmp(format, "html") != 0)
        return run_misuse(run, "--format is json, csv or html");
    str path = path_with(run->arena, STR("/v1/ropa"), "format", run->out.json ? "json" : format);
    enum status status = run_get(run, path_with(run->arena, path, "at", run_option(run, "--at")), STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json || (format && strcmp(format, "json") == 0)) {
        output_json(&run->out, reply.body);
    } else if (format) {
        output_raw(&run->out, reply.body);
    } else {
        table_init(&table, run->arena, heads, ROPA_COLUMNS);
        table_add_items(&table, page_items(&reply.json), paths);
        for (size_t i = ROPA_RECIPIENTS; i < table.cells.count; i += ROPA_COLUMNS)
            if (str_empty(table.cells.items[i]))
                table.cells.items[i] = STR("none");
        table_print(&run->out, &table);
    }
    return STATUS_DONE;
}

/* ---- check ---- */

struct findings {
    struct run *run;
    struct buf json;
    struct jsonw w;
    uint64_t count;
};

static void finding_show(void *context, const struct json *finding)
{
    struct findings *findings = context;
    struct run *run = findings->run;
    findings->count++;
    if (run->out.json) {
        jsonw_value(&findings->w, finding);
        return;
    }
    output_ink(&run->out, INK_BAD, "%.*s", STR_FMT(json_string(json_get(finding, STR("promise")))));
    output_text(&run->out, "  %.*s: %.*s\n", STR_FMT(output_cell(run->arena, json_get(finding, STR("where")))),
                STR_FMT(output_cell(run->arena, json_get(finding, STR("what")))));
}

static enum status check(struct run *run)
{
    struct findings findings = {.run = run};
    struct job_watch watch = {"Checking P1 to P7", "rows", finding_show, &findings};
    struct json result;
    int64_t violations = 0;
    body_begin(run, &findings.json, &findings.w);
    jsonw_key(&findings.w, STR("findings"));
    jsonw_array(&findings.w);
    enum status status = run_job(run, STR("/v1/audit/check"), STR("{}"), &watch, &result);
    if (status)
        return status;
    (void)json_int(json_get(&result, STR("violations")), &violations); /* 0 where it is not said: then the findings count */
    if (violations < (int64_t)findings.count)
        violations = (int64_t)findings.count;
    jsonw_array_end(&findings.w);
    jsonw_field_int(&findings.w, "violations", violations);
    jsonw_object_end(&findings.w);
    if (run->out.json)
        output_json(&run->out, buf_str(&findings.json));
    else if (violations)
        output_ink(&run->out, INK_BAD, "%lld violations\n", (long long)violations);
    else
        output_ink(&run->out, INK_GOOD, "P1 to P7 hold over the whole store\n");
    return violations ? STATUS_NO : STATUS_DONE;
}

/* ---- registers ---- */

/* `path` with each of these options that was given, under the same name without its dashes. */
static str with_options(struct run *run, str path, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        path = path_with(run->arena, path, names[i] + 2, run_option(run, names[i]));
    return path;
}

static enum status denials(struct run *run)
{
    static const char *const options[] = {"--from", "--to", "--by"};
    static const char *const heads[] = {"COUNT", "REASON", "DAY", "WHAT", "SOURCE", "FIELD", "WHY"};
    static const char *const paths[] = {"count", "reason", "day", "what", "source", "field", "text"};
    static const struct page_columns columns = {heads, paths, 7};
    return run_page(run, with_options(run, STR("/v1/denials"), options, 3), STR_NONE, &columns, "the gate denied nothing", NULL);
}

static enum status reads(struct run *run)
{
    static const char *const options[] = {"--from", "--to", "--token"};
    static const char *const heads[] = {"AT", "TOKEN", "LABEL", "PROFILE", "PURPOSE", "WHAT", "LEDGER"};
    static const char *const paths[] = {"at", "by.token", "by.label", "profile", "purpose", "what", "ledger_index"};
    static const struct page_columns columns = {heads, paths, 7};
    str path = with_options(run, STR("/v1/reads"), options, 3);
    if (run->argument_count)
        path = path_with(run->arena, path, "subject", run->arguments[0]);
    return run_page(run, path, STR_NONE, &columns, "nobody read anything", NULL);
}

/* ---- timeline ---- */

static enum status timeline(struct run *run)
{
    static const char *const heads[] = {"AT", "WHAT", "DETAIL"};
    static const char *const paths[] = {"at", "what", "detail"};
    static const struct page_columns columns = {heads, paths, 3};
    const char *purpose = run_option(run, "--purpose");
    str path = str_printf(run->arena, "/v1/profiles/%.*s/timeline", STR_FMT(path_encode(run->arena, str_of(run->arguments[0]))));
    return run_page(run, path, str_of(purpose), &columns, "there is nothing to see", NULL);
}

/* ---- export ---- */

static enum status export_evidence(struct run *run)
{
    static const struct job_watch watch = {"Exporting", "entries", NULL, NULL};
    struct buf body;
    struct jsonw w;
    struct json result;
    int64_t from_ms, to_ms;
    char today[TIME_TEXT_SIZE];
    enum status status = run_time(run, "--from", &from_ms);
    if (status || (status = run_time(run, "--to", &to_ms)))
        return status;
    (void)time_text(clock_now_ms(), today); /* the text is in `today` */
    const char *directory = run->argument_count ? run->arguments[0] : run_option(run, "--out");
    if (!directory)
        directory = arena_printf(run->arena, "telos-evidence-%.10s", today);
    directory = file_absolute(run->arena, directory);
    body_begin(run, &body, &w);
    body_add(&w, "directory", directory);
    if (from_ms != TIME_NONE)
        jsonw_field_time(&w, "from", from_ms);
    if (to_ms != TIME_NONE)
        jsonw_field_time(&w, "to", to_ms);
    jsonw_object_end(&w);
    if ((status = run_job(run, STR("/v1/audit/export"), buf_str(&body), &watch, &result)))
        return status;
    if (run->out.json)
        output_json(&run->out, result.raw);
    else
        output_text(&run->out, "evidence is in %s; anyone can check it offline: telos verify %s\n", directory, directory);
    return STATUS_DONE;
}

/* ---- decisions ---- */

static enum status decision_one(struct run *run, str path)
{
    struct http_reply reply;
    const char *file = run_option(run, "--out");
    path = str_printf(run->arena, "%.*s/%.*s", STR_FMT(path), STR_FMT(path_encode(run->arena, str_of(run->arguments[1]))));
    enum status status = run_get(run, path, STR_NONE, &reply);
    if (status)
        return status;
    if (!file) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    const struct json *evidence = json_get(&reply.json, STR("evidence"));
    const struct err *error = file_replace(run->arena, file, evidence ? evidence->raw : STR_NONE);
    if (error)
        return run_fail(run, error);
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        output_text(&run->out, "%.*s\nthe evidence is in %s; anyone can check it offline: telos verify %s --key verifier.pub\n",
                    STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("decision")))), file, file);
    return STATUS_DONE;
}

static enum status decisions(struct run *run)
{
    static const char *const heads[] = {"DECIDED", "EVENT", "OUTCOME", "POLICY", "PURPOSES", "SOURCE", "EVENT IS"};
    static const char *const paths[] = {"decision.at", "event", "decision.outcome", "decision.policy", "decision.purposes", "decision.source", "event_is"};
    static const struct page_columns columns = {heads, paths, 7};
    str path = str_printf(run->arena, "/v1/profiles/%.*s/decisions", STR_FMT(path_encode(run->arena, str_of(run->arguments[0]))));
    return run->argument_count > 1 ? decision_one(run, path) : run_page(run, path, STR_NONE, &columns, "no message of this person was ever stored", NULL);
}

static const struct action actions[] = {
    {"ropa", "", "the record of processing activities (Art. 30), from the policy in force, now or --at a time", 0, 0, ropa},
    {"check", "", "promises P1 to P7 over the whole store; status 1 when one is broken", 0, 0, check},
    {"timeline", "TYPE:VALUE", "what was collected, said, decided, sent, read and erased of a person", 1, 1, timeline},
    {"decisions", "TYPE:VALUE [EVENT]", "what was decided about a person's messages, also where the event is gone; with the id of one: its proofs", 1, 2,
     decisions},
    {"denials", "", "every no of the gate, counted by reason; finer with --by", 0, 0, denials},
    {"reads", "[TYPE:VALUE]", "who read whose data, when and for which purpose; of one person, or by one token", 0, 1, reads},
    {"export", "[DIR]", "evidence of a time, for `telos verify`; default: all of it, into telos-evidence-DATE", 0, 1, export_evidence},
};
static const struct option options[] = {
    {"--format", "FORMAT", "ropa: json, csv or html", false},
    {"--at", "TIME", "ropa: as it was then", false},
    {"--from", "TIME", "export, denials, reads: from then", false},
    {"--to", "TIME", "export, denials, reads: until then", false},
    {"--by", "WHAT", "denials: reason, day, source, what, field or all", false},
    {"--token", "ID", "reads: by this token or user alone (the id in column TOKEN); `local`: by the commands of the machine itself", false},
    {"--out", "PATH", "export: the folder, if it is not an argument; decisions: a file for the evidence of one", false},
    {"--purpose", "NAME", "timeline: why you look; without it, what events say is left out", false},
    {"--limit", "N", "timeline, decisions, reads: how many at a time", false},
    {"--cursor", "TEXT", "timeline, decisions, reads: go on where the last one ended", false},
};

const struct command command_audit = {
    .name = "audit",
    .summary = "what a controller must be able to show: records, checks, timelines, evidence",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example =
        "  telos audit check\n  telos audit timeline email:anna.kovacs@example.hu\n  telos audit timeline email:anna.kovacs@example.hu --purpose fulfilment\n"
        "  telos audit denials --from 2026-09-01 --by source\n  telos audit reads email:anna.kovacs@example.hu\n"
        "  telos audit decisions email:anna.kovacs@example.hu\n"
        "  telos audit export evidence --from 2026-09-01 --to 2026-10-01 && telos verify evidence\n",
};
