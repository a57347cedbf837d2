/* The HTTP face of Telos: routes, authentication, limits, problem replies, the live stream, the console's static files.
 *
 * 1. It holds no meaning: what may be kept, seen or sent is decided below (engine, core). It reads requests, asks, and writes replies.
 * 2. A 2xx to something that changes data is sent after its commit (P5); a request that waits for a commit or for a long piece of work holds
 *    no thread that serves others.
 * 3. Each read of a person's data is recorded before its reply is sent, under the purpose it was made for.
 * 4. Every failure is a problem document (RFC 9457) with a stable `type`; neither it, nor the log, nor a metric holds personal data or a secret.
 * 5. Who connects to the Unix socket is the local admin with all purposes; who comes by TCP must show a write key or a token.
 * 6. It knows nothing of sending: what it has to say of destinations is asked of the hooks that `main` hands over.
 */
#ifndef TELOS_SERVER_SERVER_H
#define TELOS_SERVER_SERVER_H

#include "base/json.h"
#include "engine/engine.h"

/* What the server asks of its neighbour floors through main; every function may be NULL, and is called from several threads at once. */
struct server_hooks {
    void *context;
    void (*write_destinations)(void *context, struct jsonw *w); /* one JSON array: the destinations with their states */
    void (*write_destination_metrics)(void *context, struct buf *out); /* OpenMetrics lines without "# EOF" */
    void (*policy_changed)(void *context); /* a policy was activated, a destination resumed, deliveries set back to pending */
    /* Adds what is wrong with parts of a policy that the policy floor does not know (the destinations' own options). */
    void (*check_policy)(void *context, struct arena *arena, const struct policy *policy, policy_problems *problems);
    void (*write_sources)(void *context, struct jsonw *w); /* one JSON array: the sources that Telos reads by itself, with their states */
    void (*write_source_metrics)(void *context, struct buf *out); /* OpenMetrics lines without "# EOF" */
};

/* An OpenID provider by which users sign on; `issuer` NULL: none. Texts may be NULL where there is a default. */
struct oidc_options {
    const char *issuer, *client_id, *client_secret;
    const char *title, *scopes, *role_claim;
    const char *roles; /* "NAME=ROLE:PURPOSES; …", as oidc_token.h says */
    bool sign_out; /* signing out here leads to where the provider ends its own session */
};

struct server_options {
    const char *listen; /* "HOST:PORT", "[::1]:PORT"; port 0 takes a free one; NULL: no TCP */
    const char *socket; /* path of a Unix socket, made with mode 0600, an old one is replaced; NULL: none */
    const char *console; /* folder of static files for `/`; NULL: a plain page */
    const char *public_url; /* "https://privacy.example.hu": what links to people begin with; NULL: the address they were asked for at */
    struct server_hooks hooks;
    unsigned threads; /* that serve connections; 0: 2 */
    size_t connections_max; /* 0: LIMIT_CONNECTIONS */
    unsigned session_idle_s, session_s; /* 0: LIMIT_SESSION_IDLE_S, LIMIT_SESSION_LIFE_S */
    struct oidc_options oidc;
    bool behind_proxy; /* X-Forwarded-For and -Proto of whoever connects are believed */
    unsigned idle_s, receive_s; /* 0: LIMIT_CONNECTION_IDLE_S, LIMIT_REQUEST_RECEIVE_S */
    bool debug_door; /* POST /v1/admin/debug/… */
};

struct server;

/* Listens and serves from when it returns NULL. The engine must outlive it; strings of the options are copied. */
const struct err *server_start(struct arena *arena, struct engine *engine, const struct server_options *options,
                               struct server **ret_server) MUST_CHECK;
/* The TCP port in use; 0 where there is none. */
unsigned server_port(const struct server *server);
/* Takes no new connection, ends streams, answers what is under way (bounded to some seconds), then ends and frees all. NULL is fine. To be
 * called before engine_close. */
void server_stop(struct server *server);

#endif
