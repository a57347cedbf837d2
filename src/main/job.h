/* A long piece of work that Telos answers line by line: {"progress"}…, {"finding"}…, and {"result"} or {"problem"}
 * last. */
#ifndef TELOS_MAIN_JOB_H
#define TELOS_MAIN_JOB_H

#include "main/client.h"

struct job_watch {
    const char *label, *unit; /* of the progress bar: "Checking", "rows" */
    void (*finding)(void *context, const struct json *finding); /* may be NULL */
    void *context;
};
/* Asks by POST and follows it to its end; progress is a bar on stderr, or lines of JSON there with --json. STATUS_DONE: `ret_result` is the result's tree, in
 * the run's arena. */
enum status run_job(struct run *run, str path, str body, const struct job_watch *watch, struct json *ret_result);

#endif
