/* A policy file on this machine: read, loaded with its notices, and checked, with every problem told. */
#ifndef TELOS_MAIN_POLICY_FILE_H
#define TELOS_MAIN_POLICY_FILE_H

#include "main/command.h"
#include "policy/policy.h"

struct policy_file {
    struct policy_input input; /* text and folder */
    struct policy *policy;
};
/* STATUS_NO when it is refused, the problems written on stderr (or, with --json, as JSON on stdout); STATUS_USE when it
 * cannot be read. */
enum status policy_file_load(struct run *run, const char *path, struct policy_file *ret_file);
/* Also checks, but tells nothing: the caller does. */
enum status policy_file_check(struct run *run, const char *path, struct policy_file *ret_file, policy_problems *ret_problems);
void policy_file_release(struct policy_file *file);
/* A line a problem on stderr: "policy.yaml:12:7: …". */
void policy_problems_note(struct arena *arena, const char *path, const policy_problems *problems);

#endif
