/* The PostgreSQL store beyond what every store can: bringing the layout into a database, for `telos migrate`. */
#ifndef TELOS_STORE_POSTGRES_POSTGRES_H
#define TELOS_STORE_POSTGRES_POSTGRES_H

#include "store/store.h"

struct postgres_migrated {
    int from, to; /* versions of the layout; 0: there was none */
    bool granted; /* the role telos_app is there and may work */
    bool citus; /* the extension is there */
};
/* As the owner: brings the layout up to date, makes the role, grants. */
const struct err *store_postgres_migrate(struct arena *arena, const char *uri, struct postgres_migrated *ret_migrated) MUST_CHECK;
/* What distributes the tables, one statement a line; and doing it, once. */
str store_postgres_citus_sql(struct arena *arena);
const struct err *store_postgres_distribute(struct arena *arena, const char *uri, bool *ret_new) MUST_CHECK;
/* A store that is not opened yet: checks the address, connects to nothing. */
const struct err *store_postgres_make(struct arena *arena, const char *uri, struct store **ret_store) MUST_CHECK;
/* "postgres://…" or "postgresql://…" */
bool store_postgres_is(str address);

#endif
