/* The HTTP client of all commands: over the Unix socket of a data directory, or to --server URL with a token.
 *
 * 1. Every command asks Telos through here, so that it works the same beside a running server, without one, and from
 * afar.
 * 2. No proxy, no redirect: what a token opens is told to nobody else. TLS is verified, always.
 * 3. A reply that says no is a result (its status), not an error; an error means that nobody answered.
 */
#ifndef TELOS_MAIN_CLIENT_H
#define TELOS_MAIN_CLIENT_H

#include "main/command.h"

struct client;
struct client_target {
    const char *socket; /* path; NULL: by `server` */
    const char *server; /* URL */
    str token; /* API token; empty: none */
    str write_key; /* for collecting, by Basic user name, with the token as password; empty: none */
};
/* Connects with the first call. The target's texts are borrowed. */
const struct err *client_open(struct arena *arena, const struct client_target *target, struct client **ret_client) MUST_CHECK;
void client_close(struct client *client); /* takes NULL */

struct http_request {
    const char *method;
    str path; /* with its query */
    str body; /* data NULL: none */
    str purpose; /* header Purpose; empty: none */
    bool lines; /* the reply is wanted as lines of JSON, while the work goes on */
};
struct http_reply {
    int status;
    str body;
    bool is_json; /* `json` is its tree */
    struct json json;
    int retry_after_s; /* 0: not said */
};
const struct err *client_call(struct client *client, struct arena *arena, const struct http_request *request, struct http_reply *ret_reply) MUST_CHECK;
/* A reply in lines of JSON: each is given to `line` as it comes, if the status is 2xx; otherwise the reply is as above.
 */
typedef void client_line(void *context, struct arena *arena, const struct json *line);
const struct err *client_stream(struct client *client, struct arena *arena, const struct http_request *request, client_line *line, void *context,
                                struct http_reply *ret_reply) MUST_CHECK;

/* Percent-encoded for a path or a query; ':' and '@' stay. */
str path_encode(struct arena *arena, str part);
/* Adds "?name=value" or "&name=value", encoded; nothing when `value` is NULL. */
str path_with(struct arena *arena, str path, const char *name, const char *value);

/* What --server, --data and the environment ask for, opened. `use`: enum local_use of local.h. */
enum status run_client(struct run *run, unsigned use, struct client **ret_client);
/* One call, with its failure told: STATUS_DONE for 2xx. Where the reply says no, it is written (JSON with --json). */
enum status run_ask(struct run *run, struct client *client, const struct http_request *request, struct http_reply *ret_reply);
/* Connects, asks by GET, and tells a failure: what most commands that only show something do. */
enum status run_get(struct run *run, str path, str purpose, struct http_reply *ret_reply);
/* The same by POST with a JSON body. */
enum status run_post(struct run *run, str path, str body, struct http_reply *ret_reply);
/* Tells a reply that is not 2xx, and its exit status. */
enum status run_refused(struct run *run, const struct http_reply *reply);
enum status status_of_http(int status);

#endif
