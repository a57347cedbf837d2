/* The policy over HTTP: shown, checked, planned, activated.
 *
 * 1. A body is the YAML itself, or JSON {"policy": "YAML text", "notices": {"path": "text"}}. There are no files of the server's machine behind it.
 * 2. What the floors below do not know (the destinations' own options) is checked through the hook, before anything is activated.
 */
#include "base/json_strict.h"
#include "server/server_private.h"

#define VERSIONS_DEFAULT 100

struct proposal {
    struct policy_input input;
    struct map notices;
    policy_problems problems;
};

/* JSON with `policy` and perhaps `notices`; a YAML file that happens to be JSON has no member `policy` that is a string. */
static const struct err *read_parts(struct call *call, const struct json *body, struct proposal *proposal)
{
    const struct json *notices = json_get(body, STR("notices"));
    proposal->input.text = json_get(body, STR("policy"))->text;
    if (!notices || notices->type == JSON_NULL)
        return NULL;
    if (notices->type != JSON_OBJECT)
        return err_new(&call->arena, ERR_INVALID, "`notices` must be an object: path → text");
    for (uint32_t i = 0; i < notices->count; i++) {
        if (notices->members[i].value.type != JSON_STRING)
            return err_new(&call->arena, ERR_INVALID, "`notices` must hold texts only");
        str *text = arena_new(&call->arena, str);
        *text = notices->members[i].value.text;
        map_set(&proposal->notices, notices->members[i].name, text);
    }
    return NULL;
}

static const struct err *read_proposal(struct call *call, struct proposal *proposal)
{
    struct json body;
    str text;
    TRY(call_unpacked(call, &text));
    *proposal = (struct proposal){0};
    map_init(&proposal->notices, &call->arena);
    proposal->input.notices = &proposal->notices;
    proposal->input.text = text;
    str trimmed = str_trim(text);
    if (str_empty(trimmed))
        return err_new(&call->arena, ERR_MALFORMED, "the body is empty; send the policy's YAML");
    bool json = trimmed.data[0] == '{' && !json_read(&call->arena, text, &body);
    if (!json || !json_is_string(json_get(&body, STR("policy"))))
        return NULL;
    TRY(json_read_strict(&call->arena, text, &body));
    return read_parts(call, &body, proposal);
}

static void write_problems(struct jsonw *w, const policy_problems *problems)
{
    jsonw_key(w, STR("problems"));
    jsonw_array(w);
    vec_each (problem, problems) {
        jsonw_object(w);
        jsonw_field_int(w, "line", problem->line);
        jsonw_field_int(w, "column", problem->column);
        jsonw_field(w, "text", problem->text);
        if (!str_empty(problem->suggestion))
            jsonw_field(w, "suggestion", problem->suggestion);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static const char *const weights[] = {"info", "notice", "serious", "refused"};

static void write_changes(struct jsonw *w, const char *name, const policy_changes *changes)
{
    jsonw_key(w, str_of(name));
    jsonw_array(w);
    vec_each (change, changes) {
        jsonw_object(w);
        jsonw_field(w, "weight", str_of(weights[change->weight]));
        jsonw_field(w, "text", change->text);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

/* null: nobody counted, which is not the same as nothing. */
static void write_counts(struct jsonw *w, const struct policy_effect *effect)
{
    if (!effect->counted) {
        jsonw_null(w);
        return;
    }
    jsonw_object(w);
    jsonw_field_int(w, "people_reconsent", (int64_t)effect->people_reconsent);
    jsonw_field_int(w, "people_lost", (int64_t)effect->people_lost);
    jsonw_field_int(w, "facts_erased", (int64_t)effect->facts_erased);
    jsonw_field_int(w, "events_erased", (int64_t)effect->events_erased);
    jsonw_field_int(w, "deliveries_cancelled", (int64_t)effect->deliveries_cancelled);
    jsonw_object_end(w);
}

static void write_effect(struct jsonw *w, const struct policy_effect *effect)
{
    write_changes(w, "changes", &effect->changes);
    jsonw_key(w, STR("effects"));
    write_counts(w, effect);
    jsonw_key(w, STR("flows_stopped"));
    jsonw_array(w);
    vec_each (flow, &effect->flows_stopped)
        jsonw_string(w, *flow);
    jsonw_array_end(w);
    jsonw_field_bool(w, "refused", effect->refused);
}

/* The problems are the answer: 422 with each of them. */
static void reply_problems(struct call *call, const policy_problems *problems)
{
    struct jsonw w;
    reply_problem_begin(call, ERR_POLICY, "mend what `problems` lists, line by line", &w);
    write_problems(&w, problems);
    jsonw_object_end(&w);
}

/* Loads it and asks the hook. NULL policy: refused, and the reply is made. The caller frees the policy. */
static const struct err *load_proposal(struct call *call, struct proposal *proposal, struct policy **ret_policy)
{
    struct policy *policy = NULL;
    const struct err *error = policy_load(&call->arena, &proposal->input, &policy, &proposal->problems);
    *ret_policy = NULL;
    if (error && error->code != ERR_POLICY)
        return error;
    if (!error && call->server->hooks.check_policy)
        call->server->hooks.check_policy(call->server->hooks.context, &call->arena, policy, &proposal->problems);
    if (!error && !proposal->problems.count) {
        *ret_policy = policy;
        return NULL;
    }
    if (policy)
        policy_free(policy);
    reply_problems(call, &proposal->problems);
    return NULL;
}

const struct err *policy_check(struct call *call)
{
    struct proposal proposal;
    struct policy *policy;
    policy_changes warnings = {0};
    struct jsonw w;
    TRY(read_proposal(call, &proposal));
    TRY(load_proposal(call, &proposal, &policy));
    if (!policy)
        return NULL;
    policy_warnings(&call->arena, policy, &warnings);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_bool(&w, "valid", true);
    write_changes(&w, "warnings", &warnings);
    jsonw_key(&w, STR("counts"));
    jsonw_object(&w);
    jsonw_field_int(&w, "purposes", (int64_t)policy->purposes.count);
    jsonw_field_int(&w, "categories", (int64_t)policy->categories.count);
    jsonw_field_int(&w, "notices", (int64_t)policy->notices.count);
    jsonw_field_int(&w, "sources", (int64_t)policy->sources.count);
    jsonw_field_int(&w, "destinations", (int64_t)policy->destinations.count);
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    policy_free(policy);
    return NULL;
}

/* ---- plan ---- */

struct plan {
    struct policy_input input;
    struct map notices;
    bool count;
};

static void plan_write(struct jsonw *w, const struct policy_effect *effect, const policy_problems *problems)
{
    write_effect(w, effect);
    write_problems(w, problems);
}

static void plan_run(struct job *job)
{
    struct plan *plan = job->context;
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    struct buf out;
    struct jsonw w;
    const struct err *error =
        engine_policy_plan(job->server->engine, job->reader, &job->arena, &plan->input, plan->count, job_progress, job, &effect, &problems);
    if (error && error->code != ERR_POLICY) {
        job_error(job, error);
        return;
    }
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("result"));
    jsonw_object(&w);
    plan_write(&w, &effect, &problems);
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

/* The job outlives the call, so it has its own copy. */
static const struct err *plan_as_job(struct call *call, const struct proposal *proposal)
{
    struct job *job = job_new(call);
    struct plan *plan = arena_new(&job->arena, struct plan);
    struct map_slot slot;
    size_t position = 0;
    map_init(&plan->notices, &job->arena);
    while (map_next(&proposal->notices, &position, &slot)) {
        str *text = arena_new(&job->arena, str);
        *text = str_copy(&job->arena, *(const str *)slot.value);
        map_set(&plan->notices, str_copy(&job->arena, slot.key), text);
    }
    plan->input = (struct policy_input){.text = str_copy(&job->arena, proposal->input.text), .notices = &plan->notices};
    plan->count = true;
    job->run = plan_run;
    job->context = plan;
    return job_start(call, job);
}

const struct err *policy_plan(struct call *call)
{
    struct proposal proposal;
    struct policy *policy;
    struct policy_effect effect = {0};
    struct reader *reader;
    struct jsonw w;
    TRY(read_proposal(call, &proposal));
    TRY(load_proposal(call, &proposal, &policy));
    if (!policy)
        return NULL;
    policy_free(policy);
    bool count = !str_equal(call_query(call, "count"), STR("0"));
    if (count && str_find(call_header(call, MHD_HTTP_HEADER_ACCEPT), STR("ndjson")) >= 0)
        return plan_as_job(call, &proposal);
    TRY(call_reader(call, &reader));
    TRY(engine_policy_plan(call->server->engine, reader, &call->arena, &proposal.input, count, NULL, NULL, &effect, &proposal.problems));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    plan_write(&w, &effect, &proposal.problems);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- apply ---- */

static void reply_refused(struct call *call, const struct err *error, const struct policy_effect *effect)
{
    struct jsonw w;
    reply_problem_begin(call, error->code, error->text, &w);
    write_effect(&w, effect);
    jsonw_object_end(&w);
}

const struct err *policy_post(struct call *call)
{
    struct proposal proposal;
    struct policy *policy;
    struct policy_effect effect = {0};
    struct jsonw w;
    uint32_t version = 0;
    TRY(read_proposal(call, &proposal));
    TRY(load_proposal(call, &proposal, &policy));
    if (!policy)
        return NULL;
    policy_free(policy);
    const struct err *error =
        engine_policy_apply(call->server->engine, &call->arena, &proposal.input, call->principal.token, &effect, &proposal.problems, &version);
    if (error && error->code == ERR_POLICY) {
        reply_problems(call, &proposal.problems);
        return NULL;
    }
    if (error && error->code == ERR_CONFLICT) {
        reply_refused(call, error, &effect);
        return NULL;
    }
    if (error)
        return error;
    if (call->server->hooks.policy_changed)
        call->server->hooks.policy_changed(call->server->hooks.context);
    reply_json(call, MHD_HTTP_CREATED, &w);
    jsonw_object(&w);
    jsonw_field_int(&w, "version", version);
    write_effect(&w, &effect);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- what there is and was ---- */

static void write_row(struct call *call, struct jsonw *w, const struct policy_row *row, bool texts)
{
    jsonw_object(w);
    jsonw_field_int(w, "version", row->version);
    jsonw_field_time(w, "activated_at", row->activated_ms);
    jsonw_field(w, "sha256", str_hex(&call->arena, row->sha256, sizeof(row->sha256)));
    jsonw_field_int(w, "ledger_index", (int64_t)row->ledger_index);
    jsonw_key(w, STR("by"));
    if (uuid_is_zero(row->by))
        jsonw_null(w);
    else
        jsonw_uuid(w, row->by);
    if (texts) {
        jsonw_field(w, "policy", row->text);
        jsonw_key(w, STR("notices"));
        jsonw_raw(w, str_empty(row->notices) ? STR("{}") : row->notices);
    }
    jsonw_object_end(w);
}

static const struct err *reply_version(struct call *call, uint32_t version)
{
    struct reader *reader;
    struct policy_row row;
    struct jsonw w;
    bool found = false;
    TRY(call_reader(call, &reader));
    TRY(engine_store(call->server->engine)->policy(reader_session(reader), &call->arena, version, &row, &found));
    if (!found)
        return err_new(&call->arena, ERR_NOT_FOUND, version ? "there is no such version of the policy" : "no policy is active yet; apply one");
    if (str_find(call_header(call, MHD_HTTP_HEADER_ACCEPT), STR("yaml")) >= 0) {
        reply_text(call, MHD_HTTP_OK, "application/yaml", row.text);
        return NULL;
    }
    reply_json(call, MHD_HTTP_OK, &w);
    write_row(call, &w, &row, true);
    return NULL;
}

static const struct err *all_versions(struct call *call, struct policy_row **ret_rows, size_t *ret_count)
{
    struct reader *reader;
    TRY(call_reader(call, &reader));
    return engine_store(call->server->engine)->policies(reader_session(reader), &call->arena, false, ret_rows, ret_count);
}

const struct err *policy_get(struct call *call)
{
    struct policy_row *rows;
    size_t count;
    uint32_t version = 0;
    int64_t at_ms = TIME_NONE, activated_ms = INT64_MIN;
    TRY(call_query_time(call, "at", &at_ms));
    if (at_ms == TIME_NONE)
        return reply_version(call, 0);
    TRY(all_versions(call, &rows, &count));
    for (size_t i = 0; i < count; i++)
        if (rows[i].activated_ms <= at_ms && rows[i].activated_ms >= activated_ms) {
            activated_ms = rows[i].activated_ms;
            version = rows[i].version;
        }
    if (!version)
        return err_new(&call->arena, ERR_NOT_FOUND, "no policy was active then");
    return reply_version(call, version);
}

/* Newest first. */
const struct err *policy_versions_get(struct call *call)
{
    struct policy_row *rows;
    struct jsonw w;
    str place = STR_NONE;
    int64_t before = INT64_MAX;
    size_t count, max;
    TRY(call_limit(call, VERSIONS_DEFAULT, &max));
    TRY(read_cursor(call, &place));
    if (!str_empty(place) && (!str_to_int64(place, &before) || before < 1))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one of this list");
    TRY(all_versions(call, &rows, &count));
    while (count > 0 && rows[count - 1].version >= before)
        count--;
    size_t first = count > max ? count - max : 0;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("versions"));
    jsonw_array(&w);
    for (size_t i = count; i > first; i--)
        write_row(call, &w, &rows[i - 1], false);
    jsonw_array_end(&w);
    if (first > 0)
        write_cursor(&w, &call->arena, arena_printf(&call->arena, "%u", rows[first].version));
    jsonw_object_end(&w);
    return NULL;
}

const struct err *policy_version_get(struct call *call)
{
    int64_t version;
    if (!str_to_int64(call->parameters[0], &version) || version < 1 || version > UINT32_MAX)
        return err_new(&call->arena, ERR_INVALID, "a version is a whole number from 1");
    return reply_version(call, (uint32_t)version);
}
