/* Users of the console, and their sessions: who may sign in, is signed in, and may set a password by a one-time link.
 *
 *   user_make ─▶ link ─▶ setup (password) ─▶ sign in ─▶ session ─▶ seen … ─▶ idle, over, ended, or the user was changed
 *
 * 1. All of them lie in memory; each change goes through a commit, and memory follows after it. Only `seen` is ahead of the store, by a minute.
 * 2. Names, titles and addresses are sealed under a key of their own, and found by keyed hash. Neither log nor ledger holds them: there a user is an id.
 * 3. Tokens of sessions and links are 32 random bytes; only their SHA-256 is kept.
 * 4. Each change, sign-in and failure is an entry of the ledger, kind "access"; failures of names that nobody has are counted and entered together.
 * 5. Whatever changes what a user may do, or the password, ends the user's sessions. There is always an admin who is not disabled, once there is one.
 */
#ifndef TELOS_ENGINE_ACCESS_H
#define TELOS_ENGINE_ACCESS_H

#include "engine/engine.h"

struct user {
    struct uuid id;
    enum role role;
    str purposes; /* names separated by spaces, or "*" */
    str name, title, email; /* empty once removed */
    bool disabled, removed, has_password, oidc;
    int64_t created_ms, changed_ms;
};
const struct err *engine_users(struct engine *engine, struct arena *arena, struct user **ret_users, size_t *ret_count) MUST_CHECK;
/* False where there is none of this id. */
bool engine_user(struct engine *engine, struct arena *arena, struct uuid id, struct user *ret_user);
size_t engine_user_count(struct engine *engine); /* without those that were removed */

enum { /* what of a user_facts counts */
    USER_NAME = 1, USER_TITLE = 2, USER_EMAIL = 4, USER_ROLE = 8, /* with purposes */
    USER_DISABLED = 16, USER_PASSWORD = 32, USER_SUBJECT = 64, USER_REMOVED = 128,
};
struct user_facts {
    unsigned set;
    str name, title, email, purposes;
    str password; /* hashed: engine_password_hash */
    str subject; /* of an OpenID provider: issuer and subject */
    enum role role;
    bool disabled;
};
struct user_order { /* who orders a change */
    struct uuid by; /* zero: the machine's own user, or a link */
    struct uuid keep; /* the session that does not end by it; zero: none */
    str code; /* of the link that is used up by it; STR_NONE */
};
/* ERR_CONFLICT where the name is taken; with a link's code, where it is no more good (ERR_FORBIDDEN). Beyond LIMIT_USERS: ERR_CONFLICT. */
const struct err *engine_user_make(struct engine *engine, struct arena *arena, const struct user_facts *facts, const struct user_order *order,
                                   struct uuid *ret_id) MUST_CHECK;
/* ERR_NOT_FOUND; ERR_CONFLICT where no admin would be left. */
const struct err *engine_user_change(struct engine *engine, struct arena *arena, struct uuid id, const struct user_facts *facts,
                                     const struct user_order *order) MUST_CHECK;

/* Argon2id; takes tens of milliseconds and 64 MB: on a thread that serves nobody else. */
const struct err *engine_password_hash(struct arena *arena, str password, str *ret_hash) MUST_CHECK;
/* The user whom name and password belong to; takes the same time whether there is such a name or not. A failure is entered in the ledger. */
const struct err *engine_password_check(struct engine *engine, struct arena *arena, str name, str password, struct uuid *ret_user, bool *ret_good) MUST_CHECK;
/* Is this the password of the user? Without an entry. */
bool engine_password_of(struct engine *engine, struct uuid id, str password);
/* Whom an OpenID provider's subject (issuer and `sub`) belongs to. */
bool engine_user_by_subject(struct engine *engine, struct arena *arena, str subject, struct user *ret_user);

/* ---- sessions ---- */
struct session_info {
    struct uuid id, user;
    int64_t created_ms, seen_ms, expires_ms;
};
/* `how`: "password", "oidc", "link". The token is shown once. The oldest of more than LIMIT_USER_SESSIONS ends. */
const struct err *engine_session_begin(struct engine *engine, struct arena *arena, struct uuid user, const char *how, int64_t life_ms, str *ret_token,
                                       struct session_info *ret_info) MUST_CHECK;
/* Who shows this token, as a principal whose `token` is the user's id. False when it is unknown, over, idle for `idle_ms`, or its user may not. Marks it as seen. */
bool engine_session_find(struct engine *engine, struct arena *arena, const struct policy *policy, str token, int64_t idle_ms, struct principal *ret_principal,
                         struct session_info *ret_info);
/* The same without marking it: a stream that is open keeps nobody signed in. */
bool engine_session_look(struct engine *engine, struct arena *arena, const struct policy *policy, str token, int64_t idle_ms, struct principal *ret_principal,
                         struct session_info *ret_info);
/* Of one user (zero: of all), newest first. */
void engine_sessions(struct engine *engine, struct arena *arena, struct uuid user, int64_t idle_ms, struct session_info **ret_rows, size_t *ret_count);
/* `of`: only if it is this user's; zero: anybody's. `how`: "signed_out" or "session_ended". */
const struct err *engine_session_end(struct engine *engine, struct arena *arena, struct uuid id, struct uuid of, struct uuid by, const char *how,
                                     bool *ret_found) MUST_CHECK;

/* ---- one-time links ---- */
/* For a user to set a password, or (user zero) for the first admin, then as long as this process lives; the user's other links end. */
const struct err *engine_code_make(struct engine *engine, struct arena *arena, struct uuid user, int64_t life_ms, struct uuid by, str *ret_code,
                                   int64_t *ret_expires_ms) MUST_CHECK;
/* False when it is unknown, used or over. `ret_user` zero: the first admin is to be made. */
bool engine_code_find(struct engine *engine, str code, struct uuid *ret_user, int64_t *ret_expires_ms);

/* Once a minute or so: when sessions were seen, failures of unknown names, and what is over goes. */
const struct err *engine_access_tend(struct engine *engine, struct arena *arena, int64_t idle_ms) MUST_CHECK;

#endif
