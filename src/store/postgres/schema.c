/* The layout in the database: its version, migrations, roles, and how Citus distributes it.
 *
 * `schema_version` says which version the layout has and the oldest program version that can live with it: so nodes of the former program go on while
 * a new one has migrated already. A migration only adds; what an older program does not know has a default.
 */
#include "store/postgres/postgres.h"
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include "store/copy.h"

enum { MIGRATIONS = sizeof sql_migrations / sizeof *sql_migrations };
/* The oldest version of the program (of its layout) that can work on the layout after each migration. */
static const int oldest_after[] = {1, 1};
_Static_assert(sizeof oldest_after / sizeof *oldest_after == MIGRATIONS, "say who can live with the new layout");

#define APP_ROLE "telos_app"

struct schema {
    struct arena *arena;
    struct store_postgres *store;
    PGconn *conn;
};

/* Runs statements by the simple protocol; *ret_number (may be NULL) is the first column of the last row, or `none`. */
static const struct err *run(struct schema *schema, const char *sql, const char *doing, int64_t none, int64_t *ret_number)
{
    PGresult *result = PQexec(schema->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    const struct err *err = NULL;
    if (PQstatus(schema->conn) != CONNECTION_OK)
        err = lost_error(schema->arena, schema->store, schema->conn, doing);
    else if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        err = result_error(schema->arena, schema->store, result, doing);
    else if (ret_number && (PQntuples(result) < 1 || PQgetisnull(result, 0, 0) || !str_to_int64(str_of(PQgetvalue(result, 0, 0)), ret_number)))
        *ret_number = none;
    PQclear(result);
    return err;
}

static const struct err *version_read(struct schema *schema, int64_t *ret_version, int64_t *ret_oldest)
{
    int64_t there = 0;
    *ret_version = *ret_oldest = 0;
    TRY(run(schema, "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('schema_version')", "opening", 0, &there));
    if (!there)
        return NULL;
    TRY(run(schema, "SELECT version FROM schema_version WHERE one = 1", "opening", 0, ret_version));
    return run(schema, "SELECT oldest FROM schema_version WHERE one = 1", "opening", 0, ret_oldest);
}

static const struct err *version_fits(struct schema *schema, int64_t version, int64_t oldest)
{
    if (version > MIGRATIONS && oldest > MIGRATIONS)
        return err_new(schema->arena, ERR_CONFLICT, "%s has the layout of a newer Telos (%d; this one knows %d). Use the newer program.",
                       schema->store->place, (int)version, MIGRATIONS);
    return NULL;
}

static const struct err *migrate_locked(struct schema *schema, int64_t *ret_from)
{
    int64_t oldest = 0;
    TRY(run(schema, "SELECT 1 FROM pg_advisory_xact_lock(1413827663)", "waiting for another migration", 0, NULL));
    TRY(version_read(schema, ret_from, &oldest));
    TRY(version_fits(schema, *ret_from, oldest));
    if (*ret_from >= MIGRATIONS)
        return NULL;
    TRY(run(schema, "CREATE TABLE IF NOT EXISTS schema_version (one smallint PRIMARY KEY CHECK (one = 1), version integer NOT NULL, oldest integer NOT NULL)",
            "bringing the layout up to date", 0, NULL));
    for (int64_t i = *ret_from; i < MIGRATIONS; i++)
        TRY(run(schema, sql_migrations[i], "bringing the layout up to date", 0, NULL));
    const char *sql = arena_printf(schema->arena,
                                   "INSERT INTO schema_version (one, version, oldest) VALUES (1, %d, %d)"
                                   " ON CONFLICT (one) DO UPDATE SET version = excluded.version, oldest = excluded.oldest",
                                   MIGRATIONS, oldest_after[MIGRATIONS - 1]);
    return run(schema, sql, "bringing the layout up to date", 0, NULL);
}

static const struct err *in_transaction(struct schema *schema, const struct err *(*step)(struct schema *, int64_t *), int64_t *ret)
{
    TRY(run(schema, "BEGIN", "opening", 0, NULL));
    const struct err *err = step(schema, ret);
    if (!err)
        return run(schema, "COMMIT", "bringing the layout up to date", 0, NULL);
    PQclear(PQexec(schema->conn, "ROLLBACK")); /* the first error is what is told */
    return err;
}

/* Whether the tables are distributed. */
static const struct err *citus_find(struct schema *schema)
{
    int64_t there = 0;
    TRY(run(schema, "SELECT count(*) FROM pg_catalog.pg_extension WHERE extname = 'citus'", "opening", 0, &there));
    if (there)
        TRY(run(schema, "SELECT count(*) FROM pg_catalog.pg_dist_partition WHERE logicalrelid = 'profile'::regclass", "opening", 0, &there));
    schema->store->citus = there;
    return NULL;
}

/* Whoever may, brings the layout up to date; who may not, is told who should. */
static const struct err *check(struct schema *schema)
{
    int64_t version = 0, oldest = 0, may = 0;
    TRY(version_read(schema, &version, &oldest));
    TRY(version_fits(schema, version, oldest));
    if (version >= MIGRATIONS) {
        int64_t unfinished = 0;
        TRY(citus_find(schema));
        TRY(run(schema, "SELECT count(*) FROM setting WHERE key = '" COPY_UNFINISHED "'", "opening", 0, &unfinished));
        return unfinished ? err_new(schema->arena, ERR_CONFLICT, "%s holds a copy that was broken off. Make the database anew and start `telos migrate` again.",
                                    schema->store->place) : NULL;
    }
    TRY(run(schema, "SELECT has_schema_privilege(current_schema(), 'CREATE')::int", "opening", 0, &may));
    if (!may)
        return err_new(schema->arena, ERR_CONFLICT, "%s has %s, and this role may not change that. Run `telos migrate --store …` as the owner.",
                       schema->store->place, version ? "the layout of an older Telos" : "no tables of Telos");
    return in_transaction(schema, migrate_locked, &version);
}

const struct err *schema_check(struct arena *arena, struct store_postgres *store)
{
    struct schema schema = {.arena = arena, .store = store};
    TRY(connection_open(arena, store, &schema.conn));
    const struct err *err = check(&schema);
    PQfinish(schema.conn);
    return err;
}

/* --- roles: the owner migrates, `telos_app` works */

static const struct err *grant_locked(struct schema *schema, int64_t *ret_there)
{
    int64_t may = 0;
    TRY(run(schema, "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = '" APP_ROLE "'", "looking for the role", 0, ret_there));
    if (!*ret_there) {
        TRY(run(schema, "SELECT (rolcreaterole OR rolsuper)::int FROM pg_catalog.pg_roles WHERE rolname = current_user", "looking for the role", 0, &may));
        if (!may)
            return NULL;
        TRY(run(schema, "CREATE ROLE " APP_ROLE " NOLOGIN", "making the role", 0, NULL));
        *ret_there = 1;
    }
    const char *sql = "DO $$ BEGIN"
                      " EXECUTE format('GRANT USAGE ON SCHEMA %I TO " APP_ROLE "', current_schema());"
                      " EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO " APP_ROLE "', current_schema());"
                      " EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA %I TO " APP_ROLE "', current_schema());"
                      " REVOKE INSERT, UPDATE, DELETE ON schema_version FROM " APP_ROLE ";"
                      " REVOKE DELETE ON head, policy, purpose_set FROM " APP_ROLE ";"
                      " REVOKE UPDATE, DELETE ON tile FROM " APP_ROLE "; GRANT UPDATE ON tile TO " APP_ROLE ";"
                      " REVOKE DELETE ON ledger, batch, token, read FROM " APP_ROLE ";"
                      " END $$";
    return run(schema, sql, "granting", 0, NULL);
}

const struct err *store_postgres_migrate(struct arena *arena, const char *uri, struct postgres_migrated *ret_migrated)
{
    struct store *base;
    int64_t from = 0, granted = 0, citus = 0;
    TRY(store_postgres_make(arena, uri, &base));
    struct schema schema = {.arena = arena, .store = (struct store_postgres *)base};
    const struct err *err = connection_open(arena, schema.store, &schema.conn);
    if (!err)
        err = in_transaction(&schema, migrate_locked, &from);
    if (!err)
        err = in_transaction(&schema, grant_locked, &granted);
    if (!err)
        err = run(&schema, "SELECT count(*) FROM pg_catalog.pg_extension WHERE extname = 'citus'", "looking for Citus", 0, &citus);
    if (!err)
        *ret_migrated = (struct postgres_migrated){.from = (int)from, .to = from > MIGRATIONS ? (int)from : MIGRATIONS, .granted = granted, .citus = citus};
    PQfinish(schema.conn);
    base->ops->close(base);
    return err;
}

/* --- Citus */

/* table, distribution column, table with which its shards lie */
static const char *const distributed[][3] = {
    {"profile", "number", "none"}, {"identifier", "profile", "profile"}, {"consent", "profile", "profile"}, {"merge", "left_profile", "profile"},
    {"preferences", "profile", "profile"}, {"refused_join", "left_profile", "profile"}, {"fact_page", "profile", "profile"},
    {"disclosure", "profile", "profile"}, {"event", "profile", "profile"}, {"kept_decisions", "profile", "profile"}, {"held", "profile", "profile"}, {"outbox", "profile", "profile"},
    {"read", "profile", "profile"}, {"identifier_hash", "hash", "none"}, {"batch", "number", "none"}, {"ledger", "number", "none"},
};
/* What every commit changes, or few: it lies on the coordinator, where it costs a commit nothing. No statement joins it with what is distributed. */
static const char *const local[] = {"head", "schema_version", "setting", "purpose_set", "policy", "token", "console_user", "console_session", "counter", "tile", "rights_request"};

static const char *distribution_sql(struct arena *arena, size_t i)
{
    size_t locals = sizeof local / sizeof *local;
    if (i < locals)
        return arena_printf(arena, "SELECT citus_add_local_table_to_metadata('%s')", local[i]);
    const char *const *row = distributed[i - locals];
    return arena_printf(arena, "SELECT create_distributed_table('%s', '%s', colocate_with => '%s')", row[0], row[1], row[2]);
}
enum { DISTRIBUTIONS = sizeof local / sizeof *local + sizeof distributed / sizeof *distributed };
static const char *distribution_table(size_t i)
{
    size_t locals = sizeof local / sizeof *local;
    return i < locals ? local[i] : distributed[i - locals][0];
}
/* Nodes bring to their end commits that a failed server left undecided. */
#define CITUS_GRANT "GRANT EXECUTE ON FUNCTION pg_catalog.recover_prepared_transactions() TO " APP_ROLE

str store_postgres_citus_sql(struct arena *arena)
{
    struct buf text;
    buf_init(&text, arena, 64 * 1024);
    for (size_t i = 0; i < DISTRIBUTIONS; i++)
        buf_printf(&text, "%s;\n", distribution_sql(arena, i));
    buf_printf(&text, "%s;\n", CITUS_GRANT);
    ASSERT(!text.overflow);
    return buf_str(&text);
}

/* *ret_done: 0 where a table was still to be distributed. */
static const struct err *citus_done(struct schema *schema, int64_t *ret_done)
{
    int64_t role = 0, owner = 0;
    *ret_done = 1;
    for (size_t i = 0; i < DISTRIBUTIONS; i++) {
        int64_t there = 0;
        const char *sql = arena_printf(schema->arena, "SELECT count(*) FROM pg_catalog.pg_dist_partition WHERE logicalrelid = '%s'::regclass",
                                       distribution_table(i));
        TRY(run(schema, sql, "looking for Citus", 0, &there));
        if (there)
            continue;
        *ret_done = 0;
        TRY(run(schema, distribution_sql(schema->arena, i), "distributing the tables", 0, NULL));
    }
    TRY(run(schema, "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = '" APP_ROLE "'", "looking for the role", 0, &role));
    TRY(run(schema, "SELECT pg_catalog.pg_has_role(proowner, 'USAGE')::int FROM pg_catalog.pg_proc WHERE proname = 'recover_prepared_transactions'",
            "looking for Citus", 0, &owner));
    return role && owner ? run(schema, CITUS_GRANT, "granting", 0, NULL) : NULL;
}

const struct err *store_postgres_distribute(struct arena *arena, const char *uri, bool *ret_new)
{
    struct store *base;
    int64_t done = 0;
    TRY(store_postgres_make(arena, uri, &base));
    struct schema schema = {.arena = arena, .store = (struct store_postgres *)base};
    const struct err *err = connection_open(arena, schema.store, &schema.conn);
    if (!err)
        err = in_transaction(&schema, citus_done, &done);
    if (!err)
        *ret_new = !done;
    PQfinish(schema.conn);
    base->ops->close(base);
    return err;
}
