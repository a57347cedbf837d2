/* `telos policy`: checked on this machine; compared, simulated and applied where the data is. */
#include "main/commands.h"

#include "base/time.h"
#include "deliver/deliver.h"
#include "main/client.h"
#include "main/job.h"
#include "main/local.h"
#include "main/page.h"
#include "main/policy_file.h"

enum { BODY_BYTES_MAX = 64 * 1024 * 1024 };

static enum ink weight_ink(str weight)
{
    if (str_equal(weight, STR("refused")))
        return INK_BAD;
    return str_equal(weight, STR("serious")) ? INK_WARN : INK_NONE;
}

static void show_changes(const struct run *run, const struct json *changes)
{
    for (uint32_t i = 0; changes && changes->type == JSON_ARRAY && i < changes->count; i++) {
        str weight = json_string(json_get(&changes->items[i], STR("weight")));
        output_ink(&run->out, weight_ink(weight), "  %-8.*s", STR_FMT(weight));
        output_text(&run->out, " %.*s\n", STR_FMT(json_string(json_get(&changes->items[i], STR("text")))));
    }
}

static void show_effects(const struct run *run, const struct json *plan)
{
    static const struct {
        const char *name, *one, *many;
    } effects[] = {{"people_reconsent", "person will have to consent again", "people will have to consent again"},
                   {"people_lost", "person is lost to a purpose", "people are lost to a purpose"},
                   {"facts_erased", "fact is erased", "facts are erased"},
                   {"events_erased", "event is erased", "events are erased"},
                   {"deliveries_cancelled", "waiting delivery is cancelled", "waiting deliveries are cancelled"}};
    const struct json *flows = json_get(plan, STR("flows_stopped"));
    for (size_t i = 0; i < sizeof(effects) / sizeof(*effects); i++) {
        int64_t count = 0;
        const struct json *value = json_get(json_get(plan, STR("effects")), str_of(effects[i].name));
        if (json_int(value, &count) && count > 0)
            output_text(&run->out, "%.*s %s\n", STR_FMT(output_number(run->arena, (uint64_t)count)), count == 1 ? effects[i].one : effects[i].many);
    }
    for (uint32_t i = 0; flows && flows->type == JSON_ARRAY && i < flows->count; i++)
        output_text(&run->out, "this flow stops: %.*s\n", STR_FMT(json_string(&flows->items[i])));
}

/* ---- check ---- */

static void write_warnings(struct run *run, const struct policy *policy, const policy_changes *warnings)
{
    struct buf text;
    struct jsonw w;
    body_begin(run, &text, &w);
    jsonw_field_bool(&w, "valid", true);
    jsonw_key(&w, STR("problems"));
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_key(&w, STR("warnings"));
    jsonw_array(&w);
    vec_each (warning, warnings)
        jsonw_string(&w, warning->text);
    jsonw_array_end(&w);
    jsonw_field_int(&w, "purposes", (int64_t)policy->purposes.count);
    jsonw_field_int(&w, "sources", (int64_t)policy->sources.count);
    jsonw_field_int(&w, "destinations", (int64_t)policy->destinations.count);
    jsonw_object_end(&w);
    output_json(&run->out, buf_str(&text));
}

static void warn_unsent(struct run *run, const struct policy *policy, policy_changes *warnings)
{
    vec_each (destination, &policy->destinations) {
        if (deliver_has_kind(destination->kind))
            continue;
        struct policy_change *warning = vec_push(run->arena, warnings);
        *warning = (struct policy_change){.weight = CHANGE_NOTICE, .old_purpose = SLOT_NONE, .new_purpose = SLOT_NONE};
        warning->text = str_printf(run->arena, "destination `%.*s`: this version cannot send to the kind `%.*s`; nothing is sent to it yet",
                                   STR_FMT(destination->name), STR_FMT(destination->kind));
    }
}

static enum status check(struct run *run)
{
    struct policy_file file;
    policy_changes warnings = {0};
    enum status status = policy_file_load(run, run->arguments[0], &file);
    if (status)
        return status;
    policy_warnings(run->arena, file.policy, &warnings);
    warn_unsent(run, file.policy, &warnings);
    if (run->out.json) {
        write_warnings(run, file.policy, &warnings);
    } else {
        output_ink(&run->out, INK_GOOD, "%s can be applied", run->arguments[0]);
        output_text(&run->out, ": %zu purposes, %zu sources, %zu destinations\n", (size_t)file.policy->purposes.count, (size_t)file.policy->sources.count,
                    (size_t)file.policy->destinations.count);
        vec_each (warning, &warnings)
            output_text(&run->out, "  note: %.*s\n", STR_FMT(warning->text));
    }
    policy_file_release(&file);
    return STATUS_DONE;
}

/* ---- what goes to the server ---- */

/* {"policy": text, "notices": {path: text}}: the server sees no files of this machine. */
static enum status body_of(struct run *run, str *ret_body, uint8_t ret_sha256[32])
{
    struct policy_file file;
    struct buf *body = arena_new(run->arena, struct buf);
    struct jsonw w;
    enum status status = policy_file_load(run, run->arguments[0], &file);
    if (status)
        return status;
    buf_init(body, run->arena, BODY_BYTES_MAX);
    jsonw_init(&w, body);
    jsonw_object(&w);
    jsonw_field(&w, "policy", file.input.text);
    jsonw_key(&w, STR("notices"));
    jsonw_object(&w);
    vec_each (notice, &file.policy->notices)
        vec_each (text, &notice->texts) {
            jsonw_key(&w, text->path);
            jsonw_string(&w, text->content);
        }
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    memcpy(ret_sha256, file.policy->sha256, 32);
    policy_file_release(&file);
    if (body->overflow)
        return run_misuse(run, "policy and notices are over %d bytes", BODY_BYTES_MAX);
    *ret_body = buf_str(body);
    return STATUS_DONE;
}

static enum status show_plan(struct run *run, const struct json *plan, str text)
{
    bool refused = json_bool(json_get(plan, STR("refused")), false);
    const struct json *changes = json_get(plan, STR("changes"));
    if (run->out.json) {
        output_json(&run->out, text);
    } else {
        if (!changes || changes->count == 0)
            output_text(&run->out, "nothing changes\n");
        show_changes(run, changes);
        show_effects(run, plan);
        if (refused)
            output_ink(&run->out, INK_BAD, "it would be refused\n");
    }
    return refused ? STATUS_NO : STATUS_DONE;
}

static enum status diff(struct run *run)
{
    struct http_reply reply;
    str body = STR_NONE;
    uint8_t sha256[32];
    enum status status = body_of(run, &body, sha256);
    if (status || (status = run_post(run, STR("/v1/policy/plan?count=0"), body, &reply)))
        return status;
    return show_plan(run, &reply.json, reply.body);
}

/* Everybody is looked at: that takes its time, and says how far it is. */
static enum status plan_whole(struct run *run, str body, struct json *ret_plan)
{
    static const struct job_watch watch = {"Simulating", "people", NULL, NULL};
    return run_job(run, STR("/v1/policy/plan"), body, &watch, ret_plan);
}

static enum status simulate(struct run *run)
{
    struct json plan;
    str body = STR_NONE;
    uint8_t sha256[32];
    enum status status = body_of(run, &body, sha256);
    if (status || (status = plan_whole(run, body, &plan)))
        return status;
    return show_plan(run, &plan, plan.raw);
}

/* Is the very same policy in force already? Then its version stays. */
static bool is_active(struct run *run, struct client *client, const uint8_t sha256[32], str *ret_version)
{
    struct http_reply reply;
    const struct err *error = client_call(client, run->arena, &(struct http_request){.method = "GET", .path = STR("/v1/policy")}, &reply);
    if (error || reply.status != 200)
        return false; /* none yet; and if it is worse, applying tells */
    *ret_version = output_cell(run->arena, json_get(&reply.json, STR("version")));
    return str_equal(json_string(json_get(&reply.json, STR("sha256"))), str_hex(run->arena, sha256, 32));
}

/* The version that is in force now, and what that does to stored data, as it was counted before. `plan` NULL: nothing was stored. */
static void show_applied(struct run *run, const struct http_reply *reply, const struct json *plan)
{
    if (run->out.json) {
        struct buf text;
        struct jsonw w;
        body_begin(run, &text, &w);
        for (uint32_t i = 0; i < reply->json.count; i++) {
            const struct json_member *member = &reply->json.members[i];
            const struct json *counted = plan ? json_get(plan, member->name) : NULL; /* `effects` and `flows_stopped`, as they were counted */
            jsonw_key(&w, member->name);
            jsonw_raw(&w, counted ? counted->raw : member->value.raw);
        }
        jsonw_object_end(&w);
        output_json(&run->out, buf_str(&text));
        return;
    }
    show_changes(run, json_get(&reply->json, STR("changes")));
    if (plan)
        show_effects(run, plan);
    output_ink(&run->out, INK_GOOD, "version %.*s is in force\n", STR_FMT(output_cell(run->arena, json_get(&reply->json, STR("version")))));
}

static enum status apply(struct run *run)
{
    struct http_reply reply;
    struct json plan;
    struct client *client;
    str body = STR_NONE, version = STR_NONE;
    uint8_t sha256[32];
    enum status status = body_of(run, &body, sha256);
    if (status || (status = run_client(run, LOCAL_MAKE, &client)))
        return status;
    if (is_active(run, client, sha256, &version)) {
        if (run->out.json)
            output_json(&run->out, str_printf(run->arena, "{\"version\":%.*s,\"changes\":[],\"unchanged\":true}", STR_FMT(version)));
        else
            output_text(&run->out, "this policy is in force already, as version %.*s\n", STR_FMT(version));
        return STATUS_DONE;
    }
    bool counted = !str_empty(version) && !run_has(run, "--uncounted");
    if (counted && (status = plan_whole(run, body, &plan)))
        return status;
    struct http_request request = {.method = "POST", .path = STR("/v1/policy"), .body = body};
    const struct err *error = client_call(client, run->arena, &request, &reply);
    if (error)
        return run_fail(run, error);
    if (reply.status / 100 != 2) {
        status = run_refused(run, &reply);
        if (reply.is_json && !run->out.json)
            show_changes(run, json_get(&reply.json, STR("changes")));
        return status;
    }
    show_applied(run, &reply, counted ? &plan : NULL);
    return STATUS_DONE;
}

/* ---- show ---- */

static enum status show_versions(struct run *run)
{
    static const char *const heads[] = {"VERSION", "IN FORCE SINCE", "LEDGER", "BY", "SHA-256"};
    static const char *const paths[] = {"version", "activated_at", "ledger_index", "by", "sha256"};
    static const struct page_columns columns = {heads, paths, 5};
    return run_page(run, STR("/v1/policy/versions"), STR_NONE, &columns, "there is no policy yet", NULL);
}

static enum status show(struct run *run)
{
    struct http_reply reply;
    int64_t at_ms;
    const char *version = run_option(run, "--version");
    if (run_has(run, "--versions"))
        return show_versions(run);
    enum status status = run_time(run, "--at", &at_ms);
    if (status)
        return status;
    str path = path_with(run->arena, STR("/v1/policy"), "at", at_ms == TIME_NONE ? NULL : str_z(run->arena, time_format(run->arena, at_ms)));
    if (version)
        path = str_printf(run->arena, "/v1/policy/versions/%.*s", STR_FMT(path_encode(run->arena, str_of(version))));
    if ((status = run_get(run, path, STR_NONE, &reply)))
        return status;
    if (run->out.json) {
        output_json(&run->out, reply.body);
        return STATUS_DONE;
    }
    str text = json_string(json_get(&reply.json, STR("policy")));
    output_ink(&run->out, INK_DIM, "# version %.*s, in force since %.*s\n", STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("version")))),
               STR_FMT(output_cell(run->arena, json_get(&reply.json, STR("activated_at")))));
    output_raw(&run->out, text);
    if (!str_ends(text, STR("\n")))
        output_text(&run->out, "\n");
    return STATUS_DONE;
}

static const struct action actions[] = {
    {"check", "FILE", "can it be loaded? Needs no data directory; status 1 with line and column of each problem", 1, 1, check},
    {"diff", "FILE", "what would change, in words", 1, 1, diff},
    {"simulate", "FILE", "what it would do to stored data: whom would we lose, which flows stop?", 1, 1, simulate},
    {"apply", "FILE", "put it in force, and say what it does to stored data; refused where it edits a basis in use", 1, 1, apply},
    {"show", "", "the policy in force, now or at a time", 0, 0, show},
};
static const struct option options[] = {
    {"--uncounted", NULL, "apply: at once, without counting first what it does to stored data", false},
    {"--at", "TIME", "show: the one in force then", false},
    {"--version", "N", "show: this version", false},
    {"--versions", NULL, "show: a list of all versions, newest first", false},
    {"--limit", "N", "show --versions: how many at a time", false},
    {"--cursor", "TEXT", "show --versions: go on where the last list ended", false},
};

const struct command command_policy = {
    .name = "policy",
    .summary = "check, compare, simulate, apply and show the policy",
    .about = "",
    .actions = ROWS(actions),
    .options = ROWS(options),
    .common = COMMON_CLIENT,
    .example = "  telos policy check policy.yaml\n  telos policy simulate policy.yaml && telos policy apply policy.yaml\n"
               "  telos policy show --at 2026-09-01\n",
};
