/* `telos backup`: a copy of everything but the master key. */
#include "main/commands.h"

#include "main/file.h"
#include "main/job.h"

static enum status backup(struct run *run)
{
    static const struct job_watch watch = {"Backing up", "bytes", NULL, NULL};
    struct json result;
    struct buf body;
    struct jsonw w;
    const char *directory = file_absolute(run->arena, run->arguments[0]);
    body_begin(run, &body, &w);
    body_add(&w, "directory", directory);
    jsonw_object_end(&w);
    enum status status = run_job(run, STR("/v1/admin/backup"), buf_str(&body), &watch, &result);
    if (status)
        return status;
    if (run->out.json)
        output_json(&run->out, result.raw);
    else
        output_text(&run->out, "the backup is in %s; it does not hold the master key: keep that apart from it\n", directory);
    return STATUS_DONE;
}

static const struct action actions[] = {{NULL, "DIR", "", 1, 1, backup}};

const struct command command_backup = {
    .name = "backup",
    .summary = "copy everything but the master key into a folder, while serving",
    .about = "What is erased later is erased in the backup, too, as long as the folder can be reached; and `telos "
             "restore` applies\n"
             "every tombstone that is known.",
    .actions = ROWS(actions),
    .common = COMMON_CLIENT,
    .example = "  telos backup /mnt/backup/telos-2026-11-24\n",
};
