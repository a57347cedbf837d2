/* PostgreSQL's side: a table with the metadata columns of GDPRBench and an index on each, a log, one prepared statement an operation. Each statement checks
 * the purpose and the objections itself, as an application would have to. */
#include "gdpr.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RETRIES = 20 };

struct connection {
    const struct side *side;
    PGconn *pg, *reads; /* reads: does not wait for the disk when it writes the log (`records_reads`) */
};

/* With `records_reads`, reads go through a statement that also writes the log. */
#define MARKS "f0, f1, f2, f3, f4, f5, f6, f7, f8, f9"
#define PERMITTED "pur = $2 AND NOT obj @> ARRAY[$2]"
static const char *const plain[OP_COUNT] = {
    [OP_INSERT] = "WITH made AS (INSERT INTO record (key, usr, pur, ttl, obj, dec, acl, shr, src, cat, " MARKS ") VALUES ($1, $2, $3, now() + interval '900 days', '{}', "
                  "'dec0', ARRAY['acl' || (length($1) % 10)], ARRAY['shr' || (length($2) % 10)], 'bench', 'cat1', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING key, usr) "
                  "INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'create', $3 FROM made",
    [OP_UPDATE_PURPOSE] = "WITH changed AS (UPDATE record SET ttl = now() + $2::int * interval '1 day' WHERE pur = $1 RETURNING 1) "
                          "INSERT INTO log (usr, key, what, pur) SELECT '', '', 'ttl of ' || count(*), $1 FROM changed",
    [OP_UPDATE_USER] = "WITH changed AS (UPDATE record SET ttl = now() + interval '900 days' WHERE usr = $1 RETURNING key, usr) "
                       "INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'ttl', '' FROM changed",
    [OP_DELETE] = "WITH gone AS (DELETE FROM record WHERE key = $1 RETURNING key, usr) INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'delete', '' FROM gone",
    [OP_READ] = "SELECT " MARKS " FROM record WHERE key = $1 AND " PERMITTED,
    [OP_UPDATE] = "WITH changed AS (UPDATE record SET (" MARKS ") = ROW ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12) WHERE key = $1 AND " PERMITTED " RETURNING key, usr) "
                  "INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'update', $2 FROM changed",
    [OP_READ_PURPOSE] = "SELECT key, " MARKS " FROM record WHERE pur = $1 AND NOT obj @> ARRAY[$1]",
    [OP_READ_USER] = "SELECT " MARKS ", key, pur, ttl, obj, dec, acl, shr, src FROM record WHERE usr = $1 AND " PERMITTED,
    [OP_METADATA] = "SELECT key, pur, ttl, obj, dec, acl, shr, src, cat FROM record WHERE usr = $1",
    [OP_LOGS] = "SELECT at, key, what, pur FROM log WHERE usr = $1 ORDER BY id DESC LIMIT 100",
    [OP_VERIFY] = "SELECT 1 FROM record WHERE key = $1",
};
static const char *const recording[OP_COUNT] = {
    [OP_READ] = "WITH it AS (SELECT * FROM record WHERE key = $1 AND " PERMITTED "), noted AS (INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'read', $2 FROM it) "
                "SELECT " MARKS " FROM it",
    [OP_READ_PURPOSE] = "WITH it AS (SELECT * FROM record WHERE pur = $1 AND NOT obj @> ARRAY[$1]), noted AS (INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'read', $1 "
                        "FROM it) SELECT key, " MARKS " FROM it",
    [OP_READ_USER] = "WITH it AS (SELECT * FROM record WHERE usr = $1 AND " PERMITTED "), noted AS (INSERT INTO log (usr, key, what, pur) SELECT usr, key, 'read', $2 FROM it) "
                     "SELECT " MARKS ", key, pur, ttl, obj, dec, acl, shr, src FROM it",
    [OP_LOGS] = "WITH noted AS (INSERT INTO log (usr, key, what, pur) VALUES ($1, '', 'logs', '')) SELECT at, key, what, pur FROM log WHERE usr = $1 ORDER BY id DESC LIMIT 100",
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS record (key text PRIMARY KEY, usr text NOT NULL, pur text NOT NULL, ttl timestamptz NOT NULL, obj text[] NOT NULL, dec text NOT NULL, "
    "acl text[] NOT NULL, shr text[] NOT NULL, src text NOT NULL, cat text NOT NULL, f0 text, f1 text, f2 text, f3 text, f4 text, f5 text, f6 text, f7 text, f8 text, f9 text);"
    "CREATE INDEX IF NOT EXISTS record_usr ON record (usr); CREATE INDEX IF NOT EXISTS record_pur ON record (pur); CREATE INDEX IF NOT EXISTS record_ttl ON record (ttl);"
    "CREATE INDEX IF NOT EXISTS record_obj ON record USING gin (obj); CREATE INDEX IF NOT EXISTS record_dec ON record (dec);"
    "CREATE INDEX IF NOT EXISTS record_acl ON record USING gin (acl); CREATE INDEX IF NOT EXISTS record_shr ON record USING gin (shr);"
    "CREATE INDEX IF NOT EXISTS record_src ON record (src);"
    "CREATE TABLE IF NOT EXISTS log (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), usr text NOT NULL, key text NOT NULL, what text NOT NULL, pur text NOT NULL);"
    "CREATE INDEX IF NOT EXISTS log_usr ON log (usr, id);";

static bool is_read(enum operation operation)
{
    return operation == OP_READ || operation == OP_READ_PURPOSE || operation == OP_READ_USER || operation == OP_METADATA || operation == OP_LOGS || operation == OP_VERIFY;
}

static PGconn *connect_pg(const struct side *side, const char *more)
{
    char place[512];
    (void)snprintf(place, sizeof place, "%s %s", side->place, more);
    PGconn *pg = PQconnectdb(place);
    if (PQstatus(pg) != CONNECTION_OK)
        fail("postgres", PQerrorMessage(pg));
    PQclear(PQexec(pg, "SET client_min_messages = warning"));
    PGresult *result = PQexec(pg, schema);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail("schema", PQerrorMessage(pg));
    PQclear(result);
    for (int i = 0; i < OP_COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "op%d", i);
        const char *sql = side->records_reads && recording[i] ? recording[i] : plain[i];
        result = PQprepare(pg, name, sql, 0, NULL);
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            fail(sql, PQerrorMessage(pg));
        PQclear(result);
    }
    return pg;
}

static struct connection *open_connection(const struct side *side)
{
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection)
        fail("memory", "not enough");
    connection->side = side;
    connection->pg = connect_pg(side, "");
    connection->reads = side->records_reads ? connect_pg(side, "options='-c synchronous_commit=off'") : connection->pg;
    return connection;
}

static void close_connection(struct connection *connection)
{
    if (connection->reads != connection->pg)
        PQfinish(connection->reads);
    PQfinish(connection->pg);
    free(connection);
}

/* The fields come first in every row of one record. */
static bool fields_right(PGresult *result, const struct record *record)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        char text[FIELD_BYTES + 1];
        field_text(text, record->number, record->version, i);
        if (strcmp(PQgetvalue(result, 0, (int)i), text) != 0)
            return false;
    }
    return true;
}

static struct answer run(struct connection *connection, enum operation operation, const struct record *record, unsigned value)
{
    char key[48], user[32], purpose[16], days[16], fields[FIELDS][FIELD_BYTES + 1], name[16];
    const char *words[3 + FIELDS] = {key};
    int count = 1;
    (void)snprintf(key, sizeof key, "k%llu@bench.example", (unsigned long long)record->number);
    (void)snprintf(user, sizeof user, "u%llu", (unsigned long long)record->number);
    (void)snprintf(purpose, sizeof purpose, "p%u", record->purpose);
    (void)snprintf(days, sizeof days, "%u", value);
    (void)snprintf(name, sizeof name, "op%d", (int)operation);
    if (operation == OP_UPDATE_USER || operation == OP_READ_USER || operation == OP_METADATA || operation == OP_LOGS)
        words[0] = user;
    else if (operation == OP_UPDATE_PURPOSE || operation == OP_READ_PURPOSE)
        words[0] = purpose;
    if (operation == OP_INSERT)
        words[count++] = user;
    if (operation == OP_UPDATE_PURPOSE)
        words[count++] = days;
    if (operation == OP_INSERT || operation == OP_READ || operation == OP_UPDATE || operation == OP_READ_USER)
        words[count++] = purpose;
    for (unsigned i = 0; (operation == OP_INSERT || operation == OP_UPDATE) && i < FIELDS; i++) {
        field_text(fields[i], record->number, record->version, i);
        words[count++] = fields[i];
    }
    PGconn *pg = is_read(operation) ? connection->reads : connection->pg;
    PGresult *result = PQexecPrepared(pg, name, count, words, NULL, NULL, 0);
    /* Two changes of many records may meet; then it ends one of them, and whoever asked asks again, within the same operation. */
    for (int tries = 0; tries < RETRIES && PQresultErrorField(result, PG_DIAG_SQLSTATE) && strcmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "40P01") == 0; tries++) {
        PQclear(result);
        result = PQexecPrepared(pg, name, count, words, NULL, NULL, 0);
    }
    struct answer answer = {.failed = PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK};
    if (answer.failed)
        fprintf(stderr, "gdpr: %s", PQerrorMessage(pg));
    answer.count = (uint64_t)PQntuples(result);
    answer.found = is_read(operation) ? answer.count > 0 : strcmp(PQcmdTuples(result), "0") != 0;
    answer.right = !answer.failed && ((operation != OP_READ && operation != OP_READ_USER) || !answer.found || fields_right(result, record));
    PQclear(result);
    return answer;
}

const struct side postgres_side = {.name = "postgres", .open_connection = open_connection, .close_connection = close_connection, .run = run};
