/* What the files of the server share among themselves. The way of a call (one HTTP request):
 *
 *   on_uri ─▶ on_request (head) ─▶ on_request (body, piece by piece) ─▶ on_request (end) ─▶ call_run ──▶ reply_send ─▶ on_completed
 *   call_take  route, limits        call_body_add               inline: the handler at once   │  ▲      call_give_back
 *                                                                     otherwise: suspend, a worker  │  │
 *                                                                     waiting for a commit: suspend, engine_submit ─▶ work_done: resume
 *
 * 1. A call belongs to one thread at a time: the connection's, a worker's, or (its `work` only) the engine's writer.
 *    Whoever passes it on does not touch it any more, and returns `&call_passed_on`.
 * 2. A connection is suspended before its call is passed on, so that the one who resumes it always comes later.
 * 3. All memory of a call is in its arena, which is cleared when MHD is done with the reply.
 */
#ifndef TELOS_SERVER_PRIVATE_H
#define TELOS_SERVER_PRIVATE_H

#include "base/limits.h"
#include "base/log.h"
#include "base/time.h"
#include "engine/access.h"
#include "server/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define MAY(role) (1u << (role))
#define MAY_ANYONE (1u << 16)     /* no key, no token */
#define MAY_LOCAL_ONLY (1u << 17) /* only over the Unix socket: it writes on this machine's disk */
#define MAY_ADMIN MAY(ROLE_ADMIN)
#define MAY_PRIVACY (MAY_ADMIN | MAY(ROLE_PRIVACY))
#define MAY_STATE (MAY_PRIVACY | MAY(ROLE_AGENT))      /* record what a person says */
#define MAY_PEOPLE (MAY_STATE | MAY(ROLE_MARKETER))    /* see persons, through the gate */
#define MAY_EVIDENCE (MAY_PEOPLE | MAY(ROLE_AUDITOR))  /* policy, evidence, counts: nothing personal in clear */

#define ROUTE_INLINE 1u /* the connection's own thread may run it: short */
#define ROUTE_CORS 2u   /* browsers of any site may call it */
#define ROUTE_COLLECT 4u /* checks the write key itself, because it may be in the body */
#define ROUTE_POLICY 8u /* needs an active policy */
#define ROUTE_DEBUG 16u /* only with the debug door */
#define ROUTE_PERSON 32u /* a page for a person: what goes wrong is a page, too */
#define PARAMETERS_MAX 3

struct call;
typedef const struct err *(*handler)(struct call *call);

struct route {
    const char *method, *path; /* "/v1/profiles/{subject}/timeline"; a last "{path...}" takes the rest */
    unsigned may;
    unsigned flags;
    size_t body_bytes_max; /* 0: it takes no body */
    handler handle;
    /* what /openapi.json says of it */
    const char *operation, *summary;
    const char *query; /* "subject! purpose limit": `!` where it must be given; NULL: none */
    const char *request_schema; /* name in schemas.json, or a media type; NULL: no body */
    unsigned status; /* when all is well */
    const char *reply; /* schema name, or a media type; after it `;EVENT=SCHEMA …` where it is a stream */
};
const struct route *routes(size_t *ret_count);

#define ROUTE_METHODS_MAX 8
/* A node of the tree that paths are found by. */
struct route_node {
    str name;
    struct route_node *children, *next, *parameter;
    bool rest;
    const struct route *routes[ROUTE_METHODS_MAX]; /* one a method */
    size_t route_count;
};
struct route_node *route_tree(struct arena *arena);
/* The node of a path, or NULL; its parameters, decoded. */
const struct route_node *route_find(const struct route_node *root, struct arena *arena, str path, str ret_parameters[PARAMETERS_MAX]);

#define REPLY_HEADERS_MAX 16
struct reply {
    unsigned status;
    const char *type; /* media type */
    struct buf out;
    str constant; /* used when `out` is empty; lives as long as the program or the arena */
    struct MHD_Response *response; /* ready made: a stream or a file */
    struct { const char *name, *value; } headers[REPLY_HEADERS_MAX];
    size_t header_count;
};

struct pair {
    str name, value;
};
struct loop; /* loop.c: a thread that serves connections */
struct waking { /* a suspended connection that is to go on */
    struct waking *next;
    struct MHD_Connection *connection;
};
struct call {
    struct call *next; /* of the free list or the workers' queue */
    struct server *server;
    struct loop *loop;
    struct MHD_Connection *connection;
    struct waking waking;
    struct link *link;
    struct arena arena;
    unsigned long long id;
    const struct route *route;
    const char *method;
    str path, query; /* as they came: still percent-encoded */
    str parameters[PARAMETERS_MAX];
    VEC(struct pair) pairs; /* of the query, decoded */
    struct buf body;
    size_t body_discarded, body_bytes_max;
    int64_t began_us, received_ms;
    struct principal principal;
    struct session_info session; /* the id is zero where no cookie of a session counts */
    const char *retry_after; /* seconds, where a problem knows better than its code */
    const struct policy *policy; /* snapshot; NULL: none is active */
    struct reader *reader;
    struct reply reply;
    handler then; /* what goes on after the commit, on the connection's thread */
    void *state; /* the handler's own */
    struct work work;
    bool begun, local, head, pairs_read, suspended, work_held, body_over;
    _Atomic bool woken; /* who had it while it was suspended has let go */
};

/* A connection, for as long as it is open. */
struct link {
    struct link *next, *before;
    int fd;
    bool local;
    _Atomic int64_t since_us; /* connected, or its last request ended */
    _Atomic bool busy, receiving;
};

/* Counted for /metrics. */
struct tally {
    _Atomic uint64_t requests, failures; /* failures: 5xx */
    _Atomic uint64_t refused; /* 4xx */
    _Atomic uint64_t us;
};

#define WORKERS 4
struct workers {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct call *first, **last;
    size_t waiting, waiting_max;
    bool stopping;
    pthread_t threads[WORKERS];
    size_t count;
    void (*idle)(struct server *server); /* called about every half minute when nothing waits; may be NULL */
    struct server *server;
};

/* Failed sign-ins, by name and by address: throttle.c. */
struct throttle_place {
    uint8_t key[16]; /* keyed hash: names are not kept */
    int64_t since_ms;
    uint32_t failures;
};
struct throttle {
    pthread_mutex_t lock;
    uint8_t secret[32];
    struct throttle_place *places; /* LIMIT_LOGIN_PLACES */
};
struct oidc;

struct streams;
struct live;
struct flow;

#define READERS_MAX 64
#define LOOPS_MAX 65
struct entrance;
struct server {
    struct arena arena; /* lives as long as the server */
    struct engine *engine;
    struct server_hooks hooks;
    const char *console, *socket, *public_url;
    bool debug_door;
    int tcp_fd, local_fd; /* listeners; -1: none */
    struct entrance *entrance;
    struct loop *loops[LOOPS_MAX];
    size_t loop_count, connections_max;
    unsigned idle_s, receive_s;
    unsigned port;
    const struct route *routes;
    size_t route_count;
    struct route_node *tree;
    struct tally *tallies; /* by route */
    _Atomic uint64_t unrouted, failures_unlogged;
    _Atomic int64_t failure_logged_us;
    str openapi;
    struct MHD_Response *success; /* {"success":true} */
    int64_t started_ms;
    _Atomic unsigned long long call_next;
    _Atomic uint64_t policy_index; /* version << 40 | ledger index of its activation */
    _Atomic size_t active, suspended, connections, jobs;
    pthread_mutex_t jobs_lock; /* guards the list */
    struct job *jobs_first;
    _Atomic uint64_t turned_away; /* connections over the limit */
    _Atomic bool stopping;

    pthread_mutex_t lock; /* guards what follows */
    struct call *calls_free;
    size_t calls_free_count;
    struct reader *readers[READERS_MAX];
    size_t reader_count;
    struct flow *flows;
    pthread_mutex_t links_lock; /* its own: MHD tells of connections while it holds locks */
    struct link *links;

    struct workers workers, logins, providers; /* passwords; OpenID providers, who may be slow: neither takes a thread of others */
    struct throttle throttle;
    struct oidc *oidc; /* NULL: none is configured */
    int64_t session_idle_ms, session_life_ms;
    bool behind_proxy;
    struct streams *streams;
    struct live *live;
};

/* ---- call.c: the life of a call ---- */
extern const struct err call_passed_on; /* not an error: the call belongs to another thread now */
enum MHD_Result on_request(void *loop, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                           const char *upload, size_t *upload_size, void **context);
struct call *call_begins(struct server *server, struct loop *loop, const char *uri, struct MHD_Connection *connection);
void on_completed(void *loop, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code);
void call_free(struct call *call);
/* Runs the handler and makes a problem of its error. Afterwards the call is finished, or somebody else's. */
void call_handle(struct call *call, handler handle);
/* Passes `call->work` to the engine; `then` runs after the commit, on the connection's thread. Return what it returns. */
const struct err *call_commit(struct call *call, handler then) MUST_CHECK;
/* For a handler that finds out that it is long: a worker goes on with `then`. Return what it returns. */
const struct err *call_offload(struct call *call, handler then) MUST_CHECK;
/* The same, by those that check passwords and ask OpenID providers. */
const struct err *call_offload_login(struct call *call, handler then) MUST_CHECK;
const struct err *call_offload_provider(struct call *call, handler then) MUST_CHECK;
/* The reader of this call, taken when first asked for. */
const struct err *call_reader(struct call *call, struct reader **ret_reader) MUST_CHECK;

/* ---- what a request brings: input.c ---- */
str call_header(struct call *call, const char *name); /* STR_NONE where absent */
str call_query(struct call *call, const char *name); /* decoded; STR_NONE where absent */
const struct err *call_query_int(struct call *call, const char *name, int64_t low, int64_t high, int64_t *value) MUST_CHECK;
const struct err *call_query_time(struct call *call, const char *name, int64_t *value) MUST_CHECK;
/* The `limit` of a page, 1…LIMIT_PAGE_ITEMS. */
const struct err *call_limit(struct call *call, int64_t otherwise, size_t *ret_limit) MUST_CHECK;
/* The body, unpacked, as one JSON object (or array). */
const struct err *call_json(struct call *call, struct json *ret_body) MUST_CHECK;
/* The same, only an object; nothing at all reads as {} where it may. */
const struct err *call_object(struct call *call, bool may_be_empty, struct json *ret_body) MUST_CHECK;
const struct err *call_unpacked(struct call *call, str *ret_text) MUST_CHECK;
/* Members of a body, with an error text that names them. Absent: unchanged. */
const struct err *body_string(struct call *call, const struct json *body, const char *name, str *value) MUST_CHECK;
const struct err *body_need(struct call *call, const struct json *body, const char *name, str *value) MUST_CHECK; /* must be there */
const struct err *body_time(struct call *call, const struct json *body, const char *name, int64_t *value) MUST_CHECK;
const struct err *body_bool(struct call *call, const struct json *body, const char *name, bool *value) MUST_CHECK;
/* The bytes that it stands for, which need not be UTF-8. */
str percent_decode(struct arena *arena, str text, bool plus);
/* What is wrong with the address as it came, before any route sees it. */
const struct err *call_address_fault(struct call *call) MUST_CHECK;

/* ---- who asks: auth.c ---- */
const struct err *call_authenticate(struct call *call) MUST_CHECK;
/* The Authorization header's Basic user and password; false where there is none. */
bool call_basic(struct call *call, str *ret_user, str *ret_password);
bool call_bearer(struct call *call, str *ret_token);
/* The purpose of this read: the header Purpose, `?purpose=`, or the only one that the token has. */
const struct err *call_purpose(struct call *call, const struct purpose **ret_purpose) MUST_CHECK;
/* ERR_FORBIDDEN unless the token has every purpose: for what opens all of a person, whichever purpose it is kept for. */
const struct err *call_whole_person(struct call *call) MUST_CHECK;
bool principal_has(const struct principal *principal, const struct purpose *purpose);
/* May it see a record of this purpose? Those of the whole person (no purpose) are for `privacy` and `admin`. */
bool principal_sees(const struct principal *principal, const struct policy *policy, str purpose);
struct principal principal_local(void);
#define SESSION_COOKIE "telos_session"
str call_cookie(struct call *call, const char *name); /* STR_NONE where absent */
/* The session of the cookie, if it stands: fills call->principal and call->session. */
bool call_session(struct call *call);
/* An unsafe request of a browser: it must be one that no other site can make. */
const struct err *call_same_site(struct call *call) MUST_CHECK;
/* What opened this call, to be asked again later: a token, or a session's. */
struct credential {
    str token; /* empty: the local admin */
    bool session;
};
struct credential call_credential(struct call *call, struct arena *arena);
bool credential_open(struct server *server, struct arena *arena, const struct policy *policy, const struct credential *credential, struct principal *ret_principal);
bool call_https(struct call *call); /* as the browser sees it */
str call_address(struct call *call, const char *path); /* of this Telos, as others reach it */

/* ---- throttle.c: failed sign-ins ---- */
void throttle_open(struct throttle *throttle);
void throttle_close(struct throttle *throttle);
/* Counts an attempt as failed, with the name (may be empty) and the caller's address; ERR_TOO_MANY where too many failed before, and call->retry_after. */
const struct err *throttle_charge(struct call *call, str name) MUST_CHECK;
void throttle_good(struct call *call, str name); /* it did not fail after all: the name begins anew, the address gets it back */

/* ---- session.c, users.c, oidc.c ---- */
const struct err *session_get(struct call *call);
const struct err *session_post(struct call *call);
const struct err *session_delete_own(struct call *call);
const struct err *session_setup_get(struct call *call);
const struct err *session_setup_post(struct call *call);
const struct err *session_password_put(struct call *call);
const struct err *sessions_get(struct call *call);
const struct err *session_delete_one(struct call *call);
const struct err *session_start(struct call *call, struct uuid user, const char *how) MUST_CHECK; /* with the cookie; the reply is not begun */
const struct err *body_password(struct call *call, const struct json *body, const char *name, str *ret_password) MUST_CHECK;
void logins_idle(struct server *server);
const struct err *user_facts_check(struct call *call, const struct user_facts *facts) MUST_CHECK; /* their texts */
void oidc_write(const struct oidc *oidc, struct jsonw *w); /* an object, or null */
const struct err *oidc_open(struct arena *arena, struct server *server, const struct oidc_options *options) MUST_CHECK; /* nothing where there is no issuer */
void oidc_close(struct server *server);
const struct err *oidc_start(struct call *call);
const struct err *oidc_callback(struct call *call);
const struct err *oidc_end(struct call *call);
const struct err *users_get(struct call *call);
const struct err *users_post(struct call *call);
const struct err *user_get(struct call *call);
const struct err *user_patch(struct call *call);
const struct err *user_delete(struct call *call);
const struct err *user_link_post(struct call *call);
const struct err *user_password_put(struct call *call);
void write_user(struct jsonw *w, const struct user *user); /* an object */
/* tokens.c: purposes of tokens and users. */
void write_purpose_names(struct jsonw *w, str names); /* an array */
const struct err *body_grant(struct call *call, const struct json *body, enum role *ret_role, str *ret_purposes) MUST_CHECK; /* no source */

/* ---- persons: person.c ---- */
/* The person of "type:value"; NULL where nobody is known by it. */
const struct err *call_person(struct call *call, str subject, unsigned parts, struct person **ret_person) MUST_CHECK;
const struct err *call_subject(struct call *call, str subject, struct message_identifier *ret_identifier) MUST_CHECK;
void call_record(struct call *call, const struct person *person, str purpose, const char *what);
/* `policy_index`: UINT64_MAX where it is not known. `unknown`: what `indeterminate` means here, STR_NONE for the reason's own text. */
void write_decision(struct jsonw *w, const struct decision *decision, uint64_t policy_index, str unknown);
void write_reasons(struct jsonw *w, reason_mask reasons); /* [{"code","text","remedy"}] */
void write_reason_names(struct jsonw *w, reason_mask reasons);
void write_purposes(struct jsonw *w, const struct policy *policy, purpose_mask mask);
str period_text(struct arena *arena, const struct period *period); /* "P5Y after contract_end"; empty: no limit */
void write_event(struct jsonw *w, const struct event *event, str body);
/* The person as one purpose sees it, now. */
void view_person(struct call *call, const struct person *person, const struct purpose *purpose, struct profile_view *ret_view);
/* What a view tells this token beside the person's data. */
struct view_told view_told_to(const struct principal *principal, const struct policy *policy);
/* What a kept view depends on beside person, purpose and `told`. */
uint16_t view_variant(size_t events, struct view_told told);
/* Also brings view->valid_until_ms forward to what its events last. */
const struct err *write_profile(struct call *call, struct jsonw *w, struct profile_view *view, struct view_told told, size_t events_max) MUST_CHECK;
void reply_withheld(struct call *call, str purpose, const struct decision *decision); /* 403 with reasons */
struct uuid profile_uuid(const struct person *person, profile_no number);

/* ---- the reply: reply.c ---- */
/* Begins a JSON reply. What is written to `w` is sent when the handler returns NULL. */
void reply_json(struct call *call, unsigned status, struct jsonw *w);
void reply_text(struct call *call, unsigned status, const char *type, str text);
void reply_header(struct call *call, const char *name, const char *value); /* both borrowed */
void reply_empty(struct call *call, unsigned status);
void reply_problem(struct call *call, const struct err *error);
/* A problem document that goes on with members of its own: ends with the object open. */
void reply_problem_begin(struct call *call, enum err_code code, const char *detail, struct jsonw *w);
enum MHD_Result reply_send(struct call *call);
/* "next": an opaque cursor, where there is more. */
void write_cursor(struct jsonw *w, struct arena *arena, const char *text);
/* `?cursor=` decoded; unchanged where absent. */
const struct err *read_cursor(struct call *call, str *ret_text) MUST_CHECK;

/* ---- replies that come little by little: flow.c ---- */
struct flow *flow_new(struct call *call, size_t bytes_max);
/* The reply that the flow feeds; the reply takes over one of its two owners. */
struct MHD_Response *flow_response(struct flow *flow);
/* Waits for room; false when nobody reads any more. */
bool flow_write(struct flow *flow, str text);
/* Never waits; the caller saw that there was room, and may pass it by this one text. */
void flow_push(struct flow *flow, str text);
/* Room that is free now; 0 when it was closed, see flow_closed. */
size_t flow_room(struct flow *flow);
bool flow_closed(struct flow *flow); /* also true when the client has closed its side: who listens to a stream keeps it open */
void flow_end(struct flow *flow); /* what was written is sent, then the reply ends; the writer's part is given up */
void flows_stop(struct server *server); /* all readers are told that it is over */

/* ---- job.c: a long piece of work on a thread of its own, answered line by line (NDJSON) ---- */
struct job {
    struct server *server;
    struct arena arena; /* its context lives here, too */
    struct flow *flow;
    struct reader *reader;
    const struct policy *policy; /* NULL: none is active */
    void (*run)(struct job *job);
    void *context;
    int64_t told_us; /* when progress was told */
    const char *what; /* a word for GET /v1/jobs */
    struct uuid by;
    int64_t began_ms;
    bool quiet; /* the reply is no lines, but the work's own bytes */
    _Atomic uint64_t done, all;
    struct job *next; /* of those under way */
};
struct job *job_new(struct call *call);
const struct err *jobs_get(struct call *call);
/* ---- audit_export.c ---- */
const struct err *read_directory(struct call *call, const struct json *body, const char **ret_directory); /* `directory`, an absolute path */
/* The reply is the job's lines. It frees the job, also when it fails. */
const struct err *job_start(struct call *call, struct job *job) MUST_CHECK;
void job_line_begin(struct job *job, struct buf *out, struct jsonw *w); /* opens an object */
void job_line_end(struct job *job, struct buf *out, struct jsonw *w);
void job_progress(void *job, uint64_t done, uint64_t all);
void job_error(struct job *job, const struct err *error);
void line_flatten(struct buf *out, size_t from); /* JSON onto one line */

/* ---- pools: pool.c ---- */
struct reader *reader_take(struct server *server, const struct err **ret_error);
void reader_give_back(struct server *server, struct reader *reader);
const struct err *workers_start(struct server *server, struct workers *workers, size_t threads, size_t waiting_max, struct arena *arena) MUST_CHECK;
bool workers_push(struct workers *workers, struct call *call); /* false when too many wait */
void workers_stop(struct workers *workers);

/* ---- loop.c: the threads that serve connections; the entrance ---- */
const struct err *loops_start(struct server *server, struct arena *arena, unsigned threads) MUST_CHECK;
void loops_stop(struct server *server); /* nothing is suspended any more; open connections are closed */
/* From any thread, instead of MHD_resume_connection. Once it is resumed, `waking` is no longer looked at. */
void loop_resume(struct loop *loop, struct waking *waking);
const struct err *entrance_open(struct server *server, struct arena *arena) MUST_CHECK;
void entrance_close(struct server *server); /* takes nobody any more; the listeners are still open */
void *on_uri(void *loop, const char *uri, struct MHD_Connection *connection);
void on_connection(void *loop, struct MHD_Connection *connection, void **link, enum MHD_ConnectionNotificationCode code);

/* ---- link.c: connections ---- */
void link_open(struct server *server, bool local, struct MHD_Connection *connection, void **ret_link);
void link_close(struct server *server, void **ret_link);
/* Closes those that send too slowly or not at all; what MHD's own idle timeout does not see. */
void links_watch(struct server *server);

/* ---- the stream: stream.c ---- */
const struct err *streams_start(struct server *server, struct arena *arena) MUST_CHECK;
void streams_stop(struct server *server); /* all end; who asks for one now gets one that ends at once */
void streams_free(struct server *server); /* when no call is left */
size_t streams_count(const struct server *server);

/* ---- the feed of messages: live.c ---- */
const struct err *live_start(struct server *server, struct arena *arena) MUST_CHECK;
void live_stop(struct server *server);
void live_free(struct server *server); /* when no call is left */
const struct err *live_get(struct call *call);
const struct err *stats_get(struct call *call);
const struct err *consent_rates_get(struct call *call);

str openapi_make(struct arena *arena, const struct route *routes, size_t count);
extern const char schemas_json[];
extern const unsigned schemas_json_size;

/* ---- the handlers, by file ---- */
const struct err *collect_post(struct call *call);
const struct err *collect_import(struct call *call);
str pixel_gif(void);
const struct err *collect_pixel(struct call *call);
const struct err *settings_segment(struct call *call);
const struct err *settings_rudder(struct call *call);
const struct err *preflight(struct call *call); /* OPTIONS on what browsers of any site may call */

const struct err *consents_post(struct call *call);
const struct err *consents_get(struct call *call);
const struct err *consent_receipt(struct call *call);
const struct err *signals_post(struct call *call);
const struct err *signals_decode(struct call *call);
const struct err *signals_state(struct call *call);
const struct err *preferences_get(struct call *call);
const struct err *preferences_put(struct call *call);
const struct err *rights_post(struct call *call);
const struct err *rights_get(struct call *call);
const struct err *rights_register_get(struct call *call);
const struct err *right_get(struct call *call);
const struct err *right_certificate(struct call *call);
const struct err *right_export(struct call *call);
const struct err *rights_page_get(struct call *call);
const struct err *opendsr_discovery(struct call *call);
const struct err *opendsr_certificate(struct call *call);
const struct err *opendsr_post(struct call *call);
const struct err *opendsr_get(struct call *call);
const struct err *opendsr_delete(struct call *call);
const struct err *drp_agent_post(struct call *call);
const struct err *drp_agent_get(struct call *call);
const struct err *drp_post(struct call *call);
const struct err *drp_get(struct call *call);
const struct err *drp_delete(struct call *call);
const struct err *rights_page_post(struct call *call);
const struct err *right_verify(struct call *call);
const struct err *right_confirm(struct call *call);
const struct err *right_extend(struct call *call);
const struct err *right_fulfil(struct call *call);
const struct err *right_decide(struct call *call);
const struct err *right_refuse(struct call *call);
const struct err *right_withdraw(struct call *call);

/* Links that persons open, and what they see: preference_link.c, preference_page.c, page.h. */
str link_address(struct call *call, const char *path, str ticket);
const struct err *notices_get(struct call *call);
const struct err *notices_seen_get(struct call *call);
const struct err *notice_get(struct call *call);
const struct err *notice_version_get(struct call *call);
const struct err *notice_diff_get(struct call *call);
const struct err *notice_reconsent_get(struct call *call);
const struct err *notice_people_get(struct call *call);
const struct err *banner_get(struct call *call);
const struct err *banner_js_get(struct call *call);
const struct err *preference_link_post(struct call *call);
const struct err *preference_page_get(struct call *call);
const struct err *preference_page_post(struct call *call);
const struct err *preference_css_get(struct call *call);
const struct err *preference_receipt_get(struct call *call);

const struct err *decide_post(struct call *call);
const struct err *profile_get(struct call *call);
const struct err *profiles_get(struct call *call);
const struct err *timeline_get(struct call *call);
const struct err *decisions_get(struct call *call);
const struct err *decision_get(struct call *call);
const struct err *identity_get(struct call *call);
const struct err *merges_get(struct call *call);
const struct err *merges_post(struct call *call);
const struct err *merge_undo(struct call *call);
const struct err *stream_get(struct call *call);

const struct err *sources_get(struct call *call);
const struct err *destinations_get(struct call *call);
const struct err *destination_get(struct call *call);
const struct err *destination_pause(struct call *call);
const struct err *destination_resume(struct call *call);
const struct err *destination_replay(struct call *call);
const struct err *deliveries_get(struct call *call);
const struct err *delivery_get(struct call *call);
const struct err *delivery_retry(struct call *call);

const struct err *policy_get(struct call *call);
const struct err *policy_post(struct call *call);
const struct err *policy_check(struct call *call);
const struct err *policy_plan(struct call *call);
const struct err *policy_versions_get(struct call *call);
const struct err *policy_version_get(struct call *call);
void html_text(struct buf *out, str text); /* escaped */
const struct err *ropa_get(struct call *call);
const struct err *counters_get(struct call *call);
const struct err *denials_get(struct call *call);
const struct err *reads_get(struct call *call);

const struct err *checkpoint_get(struct call *call);
const struct err *verifier_get(struct call *call);
const struct err *inclusion_get(struct call *call);
const struct err *consistency_get(struct call *call);
const struct err *tile_get(struct call *call);

const struct err *tokens_get(struct call *call);
const struct err *tokens_post(struct call *call);
const struct err *token_delete(struct call *call);
const struct err *backup_post(struct call *call);
const struct err *keys_get(struct call *call);
const struct err *keys_rotate(struct call *call);
const struct err *sweep_post(struct call *call);
const struct err *audit_check(struct call *call);
const struct err *audit_export(struct call *call);
const struct err *audit_archive(struct call *call);
const struct err *show_get(struct call *call);
const struct err *debug_post(struct call *call);

const struct err *healthz_get(struct call *call);
const struct err *readyz_get(struct call *call);
const struct err *metrics_get(struct call *call);
const struct err *openapi_get(struct call *call);
const struct err *problem_get(struct call *call);
const struct err *gpc_get(struct call *call);
const struct err *static_get(struct call *call);

#endif
