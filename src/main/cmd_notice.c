/* `telos notice`: the texts that people were shown, what changed in them, and how a campaign for renewed consent stands. */
#include "main/commands.h"

#include "main/client.h"
#include "main/local.h"
#include "main/page.h"

enum { BAR_WIDTH = 40 };

static str notice_path(struct run *run, const char *rest)
{
    return str_printf(run->arena, "/v1/notices/%.*s%s", STR_FMT(path_encode(run->arena, str_of(run->arguments[0]))), rest);
}

static enum status list(struct run *run)
{
    static const char *const heads[] = {"NOTICE", "VERSION", "EFFECTIVE", "RENEW OLDER THAN", "GRACE UNTIL"};
    static const char *const paths[] = {"id", "version", "effective", "renew_older_than", "grace_until"};
    static const struct page_columns columns = {heads, paths, 5};
    return run_page(run, STR("/v1/notices"), STR_NONE, &columns, "the policy has no notice", NULL);
}

static enum status history(struct run *run)
{
    static const char *const heads[] = {"VERSION", "EFFECTIVE", "POLICY", "IN FORCE SINCE", "LEDGER"};
    static const char *const paths[] = {"version", "effective", "policy_version", "activated_at", "ledger_index"};
    struct http_reply reply;
    struct table table;
    enum status status = run_get(run, notice_path(run, ""), STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    table_init(&table, run->arena, heads, 5);
    table_add_items(&table, json_get(&reply.json, STR("versions")), paths); /* not the reply's first list, which a page would take */
    table_print(&run->out, &table);
    return STATUS_DONE;
}

static enum status show(struct run *run)
{
    struct http_reply reply;
    if (run->argument_count < 2)
        return history(run);
    str version = path_encode(run->arena, str_of(run->arguments[1]));
    str path = str_printf(run->arena, "%.*s/%.*s", STR_FMT(notice_path(run, "/versions")), STR_FMT(version));
    path = path_with(run->arena, path, "language", run_option(run, "--language"));
    enum status status = run_get(run, path, STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    str text = json_string(json_get(&reply.json, STR("text")));
    output_ink(&run->out, INK_DIM, "# %s@%s, %.*s, SHA-256 %.*s\n", run->arguments[0], run->arguments[1],
               STR_FMT(json_string(json_get(&reply.json, STR("language")))), STR_FMT(json_string(json_get(&reply.json, STR("sha256")))));
    output_raw(&run->out, text);
    if (!str_ends(text, STR("\n")))
        output_text(&run->out, "\n");
    return STATUS_DONE;
}

/* Words taken out in [-…-], new ones in {+…+}, as `git diff --word-diff` writes them. */
static enum status diff(struct run *run)
{
    struct http_reply reply;
    str path = path_with(run->arena, notice_path(run, "/diff"), "from", run->arguments[1]);
    path = path_with(run->arena, path, "to", run->arguments[2]);
    path = path_with(run->arena, path, "language", run_option(run, "--language"));
    enum status status = run_get(run, path, STR_NONE, &reply);
    if (status)
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    const struct json *changes = json_get(&reply.json, STR("changes"));
    for (uint32_t i = 0; changes && changes->type == JSON_ARRAY && i < changes->count; i++) {
        str what = json_string(json_get(&changes->items[i], STR("what")));
        str text = json_string(json_get(&changes->items[i], STR("text")));
        if (str_equal(what, STR("same")))
            output_text(&run->out, "%.*s", STR_FMT(text));
        else if (str_equal(what, STR("removed")))
            output_ink(&run->out, INK_BAD, "[-%.*s-]", STR_FMT(text));
        else
            output_ink(&run->out, INK_GOOD, "{+%.*s+}", STR_FMT(text));
    }
    output_text(&run->out, "\n");
    return STATUS_DONE;
}

/* ---- the campaign ---- */

static int64_t number_of(const struct json *object, const char *name)
{
    int64_t value = 0;
    (void)json_int(json_get(object, str_of(name)), &value); /* absent: 0 */
    return value;
}

static void bar(const struct run *run, const char *label, int64_t part, int64_t whole)
{
    struct buf picture;
    int full = whole > 0 ? (int)(part * BAR_WIDTH / whole) : 0;
    buf_init(&picture, run->arena, 4096);
    for (int i = 0; i < BAR_WIDTH; i++)
        buf_add(&picture, i < full ? STR("█") : STR("░"));
    output_text(&run->out, "%-16s %.*s %3lld %%  %.*s\n", label, STR_FMT(buf_str(&picture)), whole > 0 ? (long long)(part * 100 / whole) : 0LL,
                STR_FMT(output_number(run->arena, (uint64_t)part)));
}

static void draw(const struct run *run, const struct json *count)
{
    int64_t renewed = number_of(count, "renewed"), open = number_of(count, "open"), asked = renewed + open;
    output_ink(&run->out, INK_BOLD, "%s: version %lld; consents below version %lld must be renewed\n", run->arguments[0],
               (long long)number_of(count, "version"), (long long)number_of(count, "needs"));
    bar(run, "renewed", renewed, asked);
    bar(run, "still open", open, asked);
    output_text(&run->out, "%-16s %lld\n", "ended (no more)", (long long)number_of(count, "ended"));
    const struct json *ways = json_get(count, STR("contactable"));
    if (open)
        output_ink(&run->out, INK_BOLD, "\nwho may be written to now, of those still open\n");
    for (uint32_t i = 0; open && ways && i < ways->count; i++)
        bar(run, str_z(run->arena, json_string(json_get(&ways->items[i], STR("purpose")))), number_of(&ways->items[i], "people"), open);
    if (open)
        bar(run, "nobody may", number_of(count, "not_contactable"), open);
    const struct json *days = json_get(count, STR("days"));
    int64_t most = 1;
    for (uint32_t i = 0; days && i < days->count; i++)
        most = number_of(&days->items[i], "renewed") > most ? number_of(&days->items[i], "renewed") : most;
    if (days && days->count)
        output_ink(&run->out, INK_BOLD, "\nrenewed by day\n");
    for (uint32_t i = 0; days && i < days->count; i++)
        bar(run, str_z(run->arena, str_slice(json_string(json_get(&days->items[i], STR("day"))), 0, 10)), number_of(&days->items[i], "renewed"), most);
}

/* The first time everybody is looked at, a slice an answer. */
static enum status reconsent(struct run *run)
{
    struct client *client;
    struct http_reply reply;
    struct progress progress;
    enum status status = run_client(run, LOCAL_READ, &client);
    if (status)
        return status;
    progress_begin(&progress, "counting", "profiles", 0);
    for (;;) {
        struct http_request request = {.method = "GET", .path = notice_path(run, "/reconsent")};
        if ((status = run_ask(run, client, &request, &reply)))
            return status;
        if (json_bool(json_get(&reply.json, STR("complete")), true))
            break;
        uint64_t done = (uint64_t)number_of(&reply.json, "looked_at");
        progress_show(&progress, done, (uint64_t)number_of(&reply.json, "profiles"), done);
    }
    progress_end(&progress);
    if (run->out.json)
        output_json(&run->out, reply.body);
    else
        draw(run, &reply.json);
    return STATUS_DONE;
}

static enum status seen(struct run *run)
{
    static const char *const heads[] = {"NOTICE", "VERSION", "FIRST", "LAST", "POLICY", "LEDGER"};
    static const char *const paths[] = {"id", "version", "first_at", "last_at", "policy_version", "ledger_index"};
    static const struct page_columns columns = {heads, paths, 6};
    str path = path_with(run->arena, STR("/v1/consents/notices"), "subject", run->arguments[0]);
    return run_page(run, path, STR_NONE, &columns, "no record of this person names a notice", NULL);
}

static const struct action actions[] = {
    {"seen", "TYPE:VALUE", "which version of which text stood before this person", 1, 1, seen},
    {"list", "", "the notices of the active policy", 0, 0, list},
    {"show", "NOTICE [VERSION]", "its versions, or the text of one", 1, 2, show},
    {"diff", "NOTICE FROM TO", "what changed between two versions, word by word", 3, 3, diff},
    {"reconsent", "NOTICE", "how far people have renewed their consent, who is left and who may be asked", 1, 1, reconsent},
};
static const struct option options[] = {
    {"--language", "LANGUAGE", "of the text: hu, en; default: the first there is", false},
};

const struct command command_notice = {
    .name = "notice",
    .summary = "texts that people were shown, what changed, and campaigns for renewed consent",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos notice diff newsletter 2 3 --language en\n"
               "  telos notice reconsent newsletter\n"
               "  telos notice seen email:anna@example.hu\n",
};
