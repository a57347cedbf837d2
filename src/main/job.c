/* Following a long piece of work; the contract is in job.h. */
#include "main/job.h"

struct following {
    struct run *run;
    const struct job_watch *watch;
    struct progress progress;
    str result, problem; /* JSON; data NULL: not come yet */
};

static void on_line(void *context, struct arena *arena, const struct json *line)
{
    struct following *following = context;
    const struct json *progress = json_get(line, STR("progress")), *finding = json_get(line, STR("finding"));
    const struct json *result = json_get(line, STR("result")), *problem = json_get(line, STR("problem"));
    (void)arena;
    if (progress && following->run->out.json) {
        (void)fprintf(stderr, "%.*s\n", STR_FMT(line->raw)); /* only a picture */
    } else if (progress) {
        int64_t done = 0, all = 0;
        (void)json_int(json_get(progress, STR("done")), &done); /* 0 where it is not said */
        (void)json_int(json_get(progress, STR("all")), &all);
        progress_show(&following->progress, (uint64_t)done, (uint64_t)all, (uint64_t)done);
    }
    if (finding && following->watch->finding) {
        progress_end(&following->progress);
        following->watch->finding(following->watch->context, finding);
    }
    if (result)
        following->result = str_copy(following->run->arena, result->raw);
    if (problem)
        following->problem = str_copy(following->run->arena, problem->raw);
}

static enum status refused_late(struct run *run, str problem)
{
    int64_t status = 500;
    struct http_reply reply = {.body = problem, .is_json = true};
    const struct err *error = json_read(run->arena, problem, &reply.json);
    if (error)
        return run_fail(run, error);
    (void)json_int(json_get(&reply.json, STR("status")), &status); /* 500 where it is not said */
    reply.status = (int)status;
    return run_refused(run, &reply);
}

enum status run_job(struct run *run, str path, str body, const struct job_watch *watch, struct json *ret_result)
{
    struct client *client;
    struct http_reply reply;
    struct following following = {.run = run, .watch = watch};
    struct http_request request = {.method = "POST", .path = path, .body = body, .lines = true};
    enum status status = run_client(run, 0, &client);
    if (status)
        return status;
    progress_begin(&following.progress, watch->label, watch->unit, 0);
    const struct err *error = client_stream(client, run->arena, &request, on_line, &following, &reply);
    progress_end(&following.progress);
    if (error)
        return run_fail(run, error);
    if (reply.status / 100 != 2)
        return run_refused(run, &reply);
    if (following.problem.data)
        return refused_late(run, following.problem);
    if (!following.result.data) {
        output_complain("%s: the server ended before it was done", run->command->name);
        return STATUS_UNAVAILABLE;
    }
    error = json_read(run->arena, following.result, ret_result);
    return error ? run_fail(run, error) : STATUS_DONE;
}
