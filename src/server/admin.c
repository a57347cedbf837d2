/* Care of the machine: backup, keys, sweep, audit and export. What writes into a directory of the machine is for the local socket only. */
#include "server/server_private.h"


static void backup_run(struct job *job)
{
    const char *directory = job->context;
    struct buf out;
    struct jsonw w;
    const struct err *error = engine_backup(job->server->engine, &job->arena, directory, job_progress, job);
    if (error) {
        job_error(job, error);
        return;
    }
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("result"));
    jsonw_object(&w);
    jsonw_field(&w, "directory", str_of(directory));
    jsonw_field_time(&w, "at", clock_now_ms());
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

const struct err *backup_post(struct call *call)
{
    struct json body;
    const char *directory = NULL;
    TRY(call_object(call, false, &body));
    TRY(read_directory(call, &body, &directory));
    struct job *job = job_new(call);
    job->run = backup_run;
    job->what = "backup";
    job->context = str_z(&job->arena, str_of(directory));
    return job_start(call, job);
}

/* ---- keys ---- */

static const struct err *write_keys(struct arena *arena, struct server *server, struct jsonw *w)
{
    struct vault_status status;
    TRY(vault_status(arena, engine_vault(server->engine), &status));
    jsonw_field(w, "vault", str_hex(arena, status.vault_id, sizeof(status.vault_id)));
    jsonw_field(w, "master_key", str_hex(arena, status.master_key_id, sizeof(status.master_key_id))); /* its id, not the key */
    jsonw_field_int(w, "generation", status.generation);
    jsonw_field_bool(w, "rotating", status.rotating);
    jsonw_field_int(w, "pages", (int64_t)status.pages_total);
    jsonw_field_int(w, "pages_rewrapped", (int64_t)status.pages_rewrapped);
    jsonw_field_int(w, "pages_damaged", (int64_t)status.pages_damaged);
    jsonw_field_int(w, "mirrors", (int64_t)status.mirrors);
    jsonw_field_int(w, "mirrors_pending", (int64_t)status.mirrors_pending);
    jsonw_key(w, STR("classes"));
    jsonw_array(w);
    for (int class = 0; class < KEY_CLASS_COUNT; class ++) {
        jsonw_object(w);
        jsonw_field(w, "class", str_of(key_class_name((enum key_class)class)));
        jsonw_field_int(w, "live", (int64_t)status.live[class]);
        jsonw_field_int(w, "destroyed", (int64_t)status.destroyed[class]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    return NULL;
}

const struct err *keys_get(struct call *call)
{
    struct jsonw w;
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    TRY(write_keys(&call->arena, call->server, &w));
    jsonw_object_end(&w);
    return NULL;
}

static void rotate_run(struct job *job)
{
    struct buf out;
    struct jsonw w;
    const struct err *error = engine_keys_rotate(job->server->engine, &job->arena, job_progress, job);
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("result"));
    jsonw_object(&w);
    if (!error)
        error = write_keys(&job->arena, job->server, &w);
    if (error) {
        job_error(job, error);
        return;
    }
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

const struct err *keys_rotate(struct call *call)
{
    struct job *job = job_new(call);
    job->run = rotate_run;
    return job_start(call, job);
}

const struct err *sweep_post(struct call *call)
{
    struct jsonw w;
    struct json body;
    uint64_t profiles = 0;
    int64_t at_ms = call->received_ms;
    TRY(call_object(call, true, &body));
    TRY(body_time(call, &body, "at", &at_ms));
    if (at_ms > call->received_ms)
        return err_new(&call->arena, ERR_INVALID, "`at` lies in the future: what is not due yet is not erased");
    TRY(engine_sweep(call->server->engine, at_ms, &profiles));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_field_int(&w, "profiles", (int64_t)profiles);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- audit ---- */

static void audit_found(void *context, const struct audit_finding *finding)
{
    struct job *job = context;
    struct buf out;
    struct jsonw w;
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("finding"));
    jsonw_object(&w);
    jsonw_field(&w, "promise", str_of(finding->promise));
    jsonw_field(&w, "where", finding->where);
    jsonw_field(&w, "what", finding->what);
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

static void audit_run(struct job *job)
{
    struct buf out;
    struct jsonw w;
    uint64_t violations = 0;
    const struct err *error = engine_audit(job->server->engine, job->reader, &job->arena, audit_found, job_progress, job, &violations);
    if (error) {
        job_error(job, error);
        return;
    }
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("result"));
    jsonw_object(&w);
    jsonw_field_int(&w, "violations", (int64_t)violations);
    jsonw_field_time(&w, "at", clock_now_ms());
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

const struct err *audit_check(struct call *call)
{
    struct job *job = job_new(call);
    job->run = audit_run;
    job->what = "audit";
    return job_start(call, job);
}
