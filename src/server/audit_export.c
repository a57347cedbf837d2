/* The evidence for an audit: into a directory of the machine, line by line (`telos audit export`), or as a ZIP that is sent (the console).
 *
 * 1. The archive lies nowhere: what is read is packed and sent. One that breaks off lacks its directory, so that nobody takes a part for the whole.
 * 2. Records stay closed unless opening them is asked for; that takes `privacy` or `admin` with all purposes, and each record is a recorded read.
 * 3. Taking an export stands in the ledger before its first byte leaves, so the export itself holds it.
 */
#include "server/zip.h"

#include <limits.h>

struct export {
    struct export_wish wish;
    const char *directory;
    struct zip *zip;
};

const struct err *read_directory(struct call *call, const struct json *body, const char **ret_directory)
{
    str text;
    TRY(body_need(call, body, "directory", &text));
    if (text.data[0] != '/' || text.length >= PATH_MAX || memchr(text.data, 0, text.length))
        return err_new(&call->arena, ERR_INVALID, "`directory` must be an absolute path");
    *ret_directory = str_z(&call->arena, text);
    return NULL;
}

static struct job *export_job(struct call *call, const struct export_wish *wish, struct export **ret_export)
{
    struct job *job = job_new(call);
    *ret_export = arena_new(&job->arena, struct export);
    (*ret_export)->wish = *wish;
    (*ret_export)->wish.reader = call->principal.token;
    job->what = "evidence_export";
    job->context = *ret_export;
    return job;
}

static const struct err *period_ok(struct call *call, const struct export_wish *wish)
{
    return wish->to_ms < wish->from_ms ? err_new(&call->arena, ERR_INVALID, "`to` lies before `from`") : NULL;
}

/* ---- into a directory ---- */

static void folder_run(struct job *job)
{
    const struct export *export = job->context;
    struct buf out;
    struct jsonw w;
    const struct err *error = engine_export_enter(job->server->engine, &job->arena, export->wish.reader, export->wish.closed);
    if (!error)
        error = engine_export_folder(job->server->engine, job->reader, &job->arena, &export->wish, export->directory, job_progress, job);
    if (error) {
        job_error(job, error);
        return;
    }
    job_line_begin(job, &out, &w);
    jsonw_key(&w, STR("result"));
    jsonw_object(&w);
    jsonw_field(&w, "directory", str_of(export->directory));
    jsonw_object_end(&w);
    job_line_end(job, &out, &w);
}

const struct err *audit_export(struct call *call)
{
    struct export_wish wish = {.to_ms = call->received_ms};
    struct export *export;
    struct json body;
    const char *directory = NULL;
    TRY(call_object(call, false, &body));
    TRY(read_directory(call, &body, &directory));
    TRY(body_time(call, &body, "from", &wish.from_ms));
    TRY(body_time(call, &body, "to", &wish.to_ms));
    TRY(period_ok(call, &wish));
    struct job *job = export_job(call, &wish, &export);
    export->directory = str_z(&job->arena, str_of(directory));
    job->run = folder_run;
    return job_start(call, job);
}

/* ---- as an archive ---- */

static const struct err *into_zip(void *context, struct arena *arena, const char *name, str content)
{
    struct zip *zip = context;
    zip_put(zip, name, clock_now_ms(), content);
    return zip_broken(zip) ? err_new(arena, ERR_UNAVAILABLE, "the client left, or it is too large") : NULL;
}

static void archive_run(struct job *job)
{
    const struct export *export = job->context;
    struct zip *zip = zip_begin(job->flow, (uint64_t)LIMIT_AUDIT_EXPORT_MIB * 1024 * 1024);
    struct export_sink sink = {into_zip, zip};
    const struct err *error = engine_export(job->server->engine, job->reader, &job->arena, &export->wish, &sink, job_progress, job);
    if (!zip_end(zip, !error))
        log_write(LOG_WARN, "server", "an export of the evidence broke off: %s", error ? error->text : "the client left, or it is too large");
}

const struct err *audit_archive(struct call *call)
{
    struct export_wish wish = {.to_ms = call->received_ms, .closed = true};
    struct export *export;
    char day[TIME_TEXT_SIZE];
    str records = call_query(call, "records");
    TRY(call_query_time(call, "from", &wish.from_ms));
    TRY(call_query_time(call, "to", &wish.to_ms));
    TRY(period_ok(call, &wish));
    if (!str_empty(records) && !str_equal(records, STR("closed")) && !str_equal(records, STR("opened")))
        return err_new(&call->arena, ERR_INVALID, "`records` is closed or opened");
    wish.closed = !str_equal(records, STR("opened"));
    if (!wish.closed) {
        if (!(MAY_PRIVACY & MAY(call->principal.role)))
            return err_new(&call->arena, ERR_FORBIDDEN, "opened records are personal data; this role takes the export with closed ones");
        TRY(call_whole_person(call));
    }
    TRY(engine_export_enter(call->server->engine, &call->arena, call->principal.token, wish.closed));
    struct job *job = export_job(call, &wish, &export);
    job->run = archive_run;
    job->quiet = true;
    TRY(job_start(call, job));
    call->reply.type = "application/zip";
    str today = str_slice(time_text(call->received_ms, day), 0, strlen("2026-11-25"));
    reply_header(call, "Content-Disposition", arena_printf(&call->arena, "attachment; filename=\"telos-evidence-%.*s.zip\"", STR_FMT(today)));
    reply_header(call, "Cache-Control", "no-store");
    reply_header(call, "X-Content-Type-Options", "nosniff");
    return NULL;
}
