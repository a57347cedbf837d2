/* A policy file on this machine; the contract is in policy_file.h. */
#include "main/policy_file.h"

#include "base/limits.h"
#include "deliver/deliver.h"
#include "main/file.h"
#include "receive/receive.h"

void policy_problems_note(struct arena *arena, const char *path, const policy_problems *problems)
{
    if (problems->count)
        output_note("%.*s", STR_FMT(str_trim(policy_problems_text(arena, path, problems))));
}

static const char *folder_of(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_printf(arena, "%.*s", slash == path ? 1 : (int)(slash - path), path) : ".";
}

enum status policy_file_check(struct run *run, const char *path, struct policy_file *ret_file, policy_problems *ret_problems)
{
    struct policy_file file = {0};
    const struct err *error = file_read(run->arena, path, LIMIT_POLICY_BYTES, &file.input.text);
    if (error)
        return run_misuse(run, "%s", error->text);
    file.input.directory = folder_of(run->arena, path);
    error = policy_load(run->arena, &file.input, &file.policy, ret_problems);
    if (error && error->code != ERR_POLICY)
        return run_fail(run, error);
    if (!error) {
        deliver_check(run->arena, file.policy, ret_problems);
        receive_check(run->arena, file.policy, ret_problems);
    }
    *ret_file = file;
    return ret_problems->count || error ? STATUS_NO : STATUS_DONE;
}

static void write_problems(struct run *run, const policy_problems *problems)
{
    struct buf text;
    struct jsonw w;
    buf_init(&text, run->arena, LIMIT_POLICY_BYTES);
    jsonw_init(&w, &text);
    jsonw_object(&w);
    jsonw_field_bool(&w, "valid", problems->count == 0);
    jsonw_key(&w, STR("problems"));
    jsonw_array(&w);
    vec_each (problem, problems) {
        jsonw_object(&w);
        jsonw_field_int(&w, "line", problem->line);
        jsonw_field_int(&w, "column", problem->column);
        jsonw_field(&w, "text", problem->text);
        jsonw_field(&w, "suggestion", problem->suggestion);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    output_json(&run->out, buf_str(&text));
}

enum status policy_file_load(struct run *run, const char *path, struct policy_file *ret_file)
{
    policy_problems problems = {0};
    enum status status = policy_file_check(run, path, ret_file, &problems);
    if (status != STATUS_NO)
        return status;
    if (run->out.json)
        write_problems(run, &problems);
    policy_problems_note(run->arena, path, &problems);
    output_complain("%s: %s is refused; nothing was changed", run->command->name, path);
    policy_file_release(ret_file);
    return STATUS_NO;
}

void policy_file_release(struct policy_file *file)
{
    if (file->policy)
        policy_free(file->policy);
    file->policy = NULL;
}
