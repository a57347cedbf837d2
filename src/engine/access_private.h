/* What access.c and access_change.c share: users, sessions and links in memory. */
#ifndef TELOS_ENGINE_ACCESS_PRIVATE_H
#define TELOS_ENGINE_ACCESS_PRIVATE_H

#include "engine/access.h"
#include "engine/engine_private.h"

#define ACCESS_TOKEN_BYTES 32

struct user_entry {
    struct arena arena; /* of the row's texts */
    struct user_row row;
};
struct session_entry {
    struct session_row row;
    _Atomic int64_t seen_ms; /* ahead of the row */
};
struct access {
    pthread_rwlock_t lock;
    struct user_entry **users;
    struct session_entry **sessions; /* and links */
    size_t user_count, session_count;
    uint8_t seal_key[32], index_key[32];
    _Atomic uint64_t unknown_failures; /* not yet in the ledger */
};

/* With the lock held. NULL where there is none. */
struct user_entry *access_user(const struct access *access, struct uuid id);
struct user_entry *access_user_by_login(const struct access *access, const uint8_t login[16]);
struct session_entry *access_session(const struct access *access, struct uuid id);
struct session_entry *access_session_by_token(const struct access *access, str token, bool link);
/* With the lock held for writing; on the writer thread, after the commit. */
void access_user_put(struct access *access, const struct user_row *row);
void access_session_put(struct access *access, const struct session_row *row);
void access_session_drop(struct access *access, struct uuid id);

/* Case and outer spaces of a name count for nothing; empty: no login. */
void access_login(const struct access *access, struct arena *arena, str name, uint8_t ret_login[16]);
void access_subject(const struct access *access, str subject, uint8_t ret_subject[16]);
bool access_row_open(const struct access *access, struct arena *arena, const struct user_row *row, struct user *ret_user);
void access_row_seal(const struct access *access, struct arena *arena, const struct user *user, struct user_row *row);
bool access_is_admin(const struct user_row *row); /* who can sign in and is one */
/* An entry of the ledger; `by` NULL: nobody's order. */
const struct err *access_enter(struct commit *commit, const char *what, struct uuid user, const struct uuid *by, const char *how, uint64_t count) MUST_CHECK;

#endif
