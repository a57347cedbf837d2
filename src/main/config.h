/* Settings: flags beat TELOS_* of the environment, which beat telos.yaml, which beats the defaults.
 *
 * telos.yaml is the file of --config, else of TELOS_CONFIG, else ./telos.yaml, else /etc/telos/telos.yaml. Paths in it
 * are relative to its folder. It holds no secret.
 */
#ifndef TELOS_MAIN_CONFIG_H
#define TELOS_MAIN_CONFIG_H

#include "base/err.h"
#include "base/str.h"

/* code, key in telos.yaml (the flag has - for _), environment, default, is a path, what it is */
#define SETTINGS(X) \
    X(SETTING_DATA, "data", "TELOS_DATA", "data", true, "directory where everything is kept") \
    X(SETTING_STORE, "store", "TELOS_STORE", "sqlite", false, "the store: sqlite, or postgres://USER@HOST/DATABASE") \
    X(SETTING_VAULT, "vault", "TELOS_VAULT", NULL, false, \
      "the keys of people for several nodes: postgres://USER@HOST/DATABASE; else a file of the data directory") \
    X(SETTING_SERVER, "server", "TELOS_SERVER", NULL, false, "talk to this Telos instead of the data directory") \
    X(SETTING_LISTEN, "listen", "TELOS_LISTEN", "127.0.0.1:8480", false, "address and port to serve; port 0 takes a free one") \
    X(SETTING_POLICY, "policy", "TELOS_POLICY", NULL, true, "policy to apply at the start, when it is new or has changed") \
    X(SETTING_CONSOLE, "console", "TELOS_CONSOLE", NULL, true, "folder with the web console") \
    X(SETTING_PUBLIC_URL, "public_url", "TELOS_PUBLIC_URL", NULL, false, "what links to people begin with, as in https://privacy.example.hu") \
    X(SETTING_LOG, "log", "TELOS_LOG", "info", false, "debug, info, warn or error") \
    X(SETTING_MASTER_KEY_FILE, "master_key_file", "TELOS_MASTER_KEY_FILE", NULL, true, "the master key, where it is not in the data directory") \
    X(SETTING_OPENDSR_CERTIFICATE, "opendsr_certificate", "TELOS_OPENDSR_CERTIFICATE", NULL, true, \
      "X.509 certificate (PEM, with its chain) that replies of OpenDSR are signed by") \
    X(SETTING_OPENDSR_KEY, "opendsr_key", "TELOS_OPENDSR_KEY", NULL, true, "its private key (PEM, RSA or elliptic curve)") \
    X(SETTING_TOKEN_FILE, "token_file", "TELOS_TOKEN_FILE", NULL, true, "file with the API token for --server (or TELOS_TOKEN)") \
    X(SETTING_CONNECTIONS, "connections", "TELOS_CONNECTIONS", "12000", false, "connections open at a time; one more is answered 503") \
    X(SETTING_IDLE_SECONDS, "idle_seconds", "TELOS_IDLE_SECONDS", "60", false, "a connection on which nothing moves is closed after that") \
    X(SETTING_REQUEST_SECONDS, "request_seconds", "TELOS_REQUEST_SECONDS", "120", false, \
      "time to send one request, however slowly; then the connection is closed") \
    X(SETTING_SESSION_IDLE_SECONDS, "session_idle_seconds", "TELOS_SESSION_IDLE_SECONDS", "1800", false, \
      "a console session without a request ends after that") \
    X(SETTING_SESSION_SECONDS, "session_seconds", "TELOS_SESSION_SECONDS", "43200", false, "a console session ends after that in any case") \
    X(SETTING_BEHIND_PROXY, "behind_proxy", "TELOS_BEHIND_PROXY", "no", false, "yes: X-Forwarded-For and X-Forwarded-Proto of whoever connects are believed") \
    X(SETTING_OIDC_ISSUER, "oidc_issuer", "TELOS_OIDC_ISSUER", NULL, false, "OpenID provider by which users sign on, as in https://login.example.hu") \
    X(SETTING_OIDC_CLIENT_ID, "oidc_client_id", "TELOS_OIDC_CLIENT_ID", NULL, false, "what the provider calls Telos") \
    X(SETTING_OIDC_CLIENT_SECRET_FILE, "oidc_client_secret_file", "TELOS_OIDC_CLIENT_SECRET_FILE", NULL, true, \
      "file with its secret (or TELOS_OIDC_CLIENT_SECRET)") \
    X(SETTING_OIDC_TITLE, "oidc_title", "TELOS_OIDC_TITLE", "Single sign-on", false, "what the button says") \
    X(SETTING_OIDC_SCOPES, "oidc_scopes", "TELOS_OIDC_SCOPES", "openid profile email", false, "what is asked for") \
    X(SETTING_OIDC_ROLE_CLAIM, "oidc_role_claim", "TELOS_OIDC_ROLE_CLAIM", "roles", false, \
      "claim of the ID token that gives the role, as in groups or realm_access.roles") \
    X(SETTING_OIDC_ROLES, "oidc_roles", "TELOS_OIDC_ROLES", NULL, false, \
      "NAME=ROLE:PURPOSES; …, as in `telos-admins=admin:*; shop=marketer:newsletter profiling`; the first that fits") \
    X(SETTING_OIDC_SIGN_OUT, "oidc_sign_out", "TELOS_OIDC_SIGN_OUT", "no", false, \
      "yes: signing out signs out at the provider, too; register PUBLIC_URL/ there as where to go back to") \
    X(SETTING_DEBUG_DOOR, "debug_door", "TELOS_DEBUG_DOOR", "no", false, "yes: `telos debug` may be used")
enum setting {
#define X(code, key, environment, otherwise, path, help) code,
    SETTINGS(X)
#undef X
        SETTING_COUNT
};

enum origin { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct config {
    const char *file; /* the telos.yaml that was read; NULL: none */
    const char *values[SETTING_COUNT]; /* NULL where nothing is set */
    enum origin origins[SETTING_COUNT];
    const char *file_log; /* `log` of telos.yaml, even where the environment beats it; NULL: it has none */
};

/* Reads the environment and telos.yaml (`file` NULL: where it is looked for). ERR_INVALID names file, line and what to
 * do. */
const struct err *config_load(struct arena *arena, const char *file, struct config *ret_config) MUST_CHECK;
/* A value from a flag, by its name ("--master-key-file"); false when no setting has that name. */
bool config_flag(struct config *config, const char *flag, const char *value);
static inline const char *config_get(const struct config *config, enum setting setting) { return config->values[setting]; }
bool config_yes(const struct config *config, enum setting setting);
/* The names of its X-macro row. */
const char *setting_key(enum setting setting);
const char *setting_environment(enum setting setting);
const char *setting_help(enum setting setting);
const char *setting_default(enum setting setting);

#endif
