/* Long pieces of work (audits, exports, plans, key rotation), answered line by line on a thread of their own.
 *
 * 1. At most LIMIT_JOBS at a time.
 * 2. A job goes on when its client is gone: half an export or half a rotation helps nobody.
 * 3. What is under way can be asked for (GET /v1/jobs): what, who, how far; by whoever began it, and by admins.
 * 4. The status is 200 before the work is done, so its end is told by the last line: {"result": …} or {"problem": …}.
 */
#include "server/server_private.h"

#include <stdlib.h>

#define PROGRESS_US 200000
#define LINE_BYTES_MAX (1024 * 1024)

void line_flatten(struct buf *out, size_t from)
{
    for (size_t i = from; i < out->length; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r') /* only spaces between JSON's words can be these */
            out->data[i] = ' ';
}

struct job *job_new(struct call *call)
{
    struct job *job = calloc(1, sizeof(*job));
    ASSERT(job);
    arena_init(&job->arena);
    job->server = call->server;
    job->what = "work";
    job->by = call->principal.token;
    job->began_ms = call->received_ms;
    return job;
}

static void job_list(struct server *server, struct job *job)
{
    pthread_mutex_lock(&server->jobs_lock);
    job->next = server->jobs_first;
    server->jobs_first = job;
    pthread_mutex_unlock(&server->jobs_lock);
}

static void job_unlist(struct server *server, struct job *job)
{
    pthread_mutex_lock(&server->jobs_lock);
    for (struct job **at = &server->jobs_first; *at; at = &(*at)->next)
        if (*at == job) {
            *at = job->next;
            break;
        }
    pthread_mutex_unlock(&server->jobs_lock);
}

const struct err *jobs_get(struct call *call)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("jobs"));
    jsonw_array(&w);
    pthread_mutex_lock(&call->server->jobs_lock); /* at most LIMIT_JOBS */
    for (const struct job *job = call->server->jobs_first; job; job = job->next) {
        if (call->principal.role != ROLE_ADMIN && !uuid_equal(job->by, call->principal.token))
            continue;
        jsonw_object(&w);
        jsonw_field(&w, "what", str_of(job->what));
        jsonw_field_bool(&w, "own", uuid_equal(job->by, call->principal.token));
        jsonw_field_time(&w, "began_at", job->began_ms);
        jsonw_field_int(&w, "done", (int64_t)atomic_load(&job->done));
        jsonw_field_int(&w, "all", (int64_t)atomic_load(&job->all));
        jsonw_object_end(&w);
    }
    pthread_mutex_unlock(&call->server->jobs_lock);
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

static void job_free(struct job *job)
{
    struct server *server = job->server;
    job_unlist(server, job);
    if (job->policy)
        engine_policy_release(server->engine, job->policy);
    if (job->reader)
        reader_give_back(server, job->reader);
    arena_release(&job->arena);
    free(job);
    atomic_fetch_sub(&server->jobs, 1);
}

static void *job_main(void *context)
{
    struct job *job = context;
    const struct err *error = NULL;
    job->policy = engine_policy(job->server->engine);
    job->reader = reader_take(job->server, &error);
    if (error)
        job_error(job, error);
    else
        job->run(job);
    flow_end(job->flow);
    job_free(job);
    return NULL;
}

const struct err *job_start(struct call *call, struct job *job)
{
    struct server *server = call->server;
    pthread_t thread;
    pthread_attr_t attributes;
    if (atomic_fetch_add(&server->jobs, 1) >= LIMIT_JOBS) {
        job_free(job);
        return err_new(&call->arena, ERR_TOO_MANY, "%d long pieces of work are under way already; try again when one has ended", LIMIT_JOBS);
    }
    job->flow = flow_new(call, LIMIT_STREAM_BUFFER_BYTES);
    struct MHD_Response *response = flow_response(job->flow);
    job_list(server, job);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&thread, &attributes, job_main, job);
    pthread_attr_destroy(&attributes);
    if (failed) {
        flow_end(job->flow);
        MHD_destroy_response(response);
        job_free(job);
        return err_new(&call->arena, ERR_UNAVAILABLE, "a thread cannot be started; raise the limit of processes (ulimit -u)");
    }
    reply_text(call, MHD_HTTP_OK, "application/x-ndjson", STR_NONE);
    call->reply.response = response;
    return NULL;
}

void job_line_begin(struct job *job, struct buf *out, struct jsonw *w)
{
    buf_init(out, &job->arena, LINE_BYTES_MAX);
    jsonw_init(w, out);
    jsonw_object(w);
}

void job_line_end(struct job *job, struct buf *out, struct jsonw *w)
{
    jsonw_object_end(w);
    line_flatten(out, 0);
    buf_add_char(out, '\n');
    (void)flow_write(job->flow, buf_str(out)); /* when the client is gone the work goes on */
}

void job_progress(void *context, uint64_t done, uint64_t all)
{
    struct job *job = context;
    struct buf out;
    struct jsonw w;
    int64_t now_us = clock_monotonic_us();
    atomic_store(&job->done, done);
    atomic_store(&job->all, all);
    if (job->quiet || now_us - job->told_us < PROGRESS_US)
        return;
    job->told_us = now_us;
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("progress"));
    jsonw_object(&w);
    jsonw_field_int(&w, "done", (int64_t)done);
    jsonw_field_int(&w, "all", (int64_t)all);
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

void job_error(struct job *job, const struct err *error)
{
    struct buf out;
    struct jsonw w;
    log_write(LOG_WARN, "server", "a long piece of work failed: %s: %s", err_name(error->code), error->text);
    if (job->quiet)
        return;
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("problem"));
    jsonw_object(&w);
    jsonw_field(&w, "type", str_printf(&job->arena, "/problems/%s", err_name(error->code)));
    jsonw_field(&w, "title", str_of(err_title(error->code)));
    jsonw_field_int(&w, "status", err_status(error->code));
    jsonw_field(&w, "detail", str_of(error->text));
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}
