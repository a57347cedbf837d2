/* A vault whose pages lie in PostgreSQL, so that several nodes use it. Schema telos_vault:
 *
 *     page       number → image, as in the file; page 0 is the header
 *     tombstone  number → line, as in tombstones.log; the numbers ascend in the order of the changes
 *     ended      the newest commit whose keys were ended (vault_end_keys)
 *
 * 1. A change is one transaction, which holds the lock of page 0's row from its beginning: so changes of all nodes follow one another, and pages,
 *    tombstones and `ended` are durable together or not at all. There is no journal.
 * 2. Keys in memory are forgotten when the change is committed; those of other nodes' changes by remote_follow, from the tombstones.
 * 3. What `changing` guards is asked over one connection, what vault_key misses over another.
 */
#include "evidence/vault_private.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

struct remote {
    char *uri;
    PGconn *conn, *reading;
    bool within; /* a transaction is open, and holds the lock */
    pthread_mutex_t read_lock; /* over `reading` and `followed` */
    uint64_t followed; /* the newest tombstone whose page was forgotten here */
    uint64_t *touched; /* pages of the transaction */
    size_t touched_count, touched_capacity;
};

static const struct err *failed(struct arena *arena, const PGconn *conn, const PGresult *result, const char *doing)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    if (!text || !*text)
        text = conn ? PQerrorMessage(conn) : "no connection";
    str line = str_trim(str_of(text));
    ptrdiff_t end = str_find_char(line, '\n');
    return err_new(arena, ERR_UNAVAILABLE, "the key vault in PostgreSQL: %s failed: %.*s%s%s", doing,
                   STR_FMT(end >= 0 ? str_slice(line, 0, (size_t)end) : line), state ? ", " : "", state ? state : "");
}

static const struct err *connect_to(struct arena *arena, const char *uri, PGconn **conn)
{
    if (*conn && PQstatus(*conn) == CONNECTION_OK)
        return NULL;
    PQfinish(*conn);
    const char *const names[] = {"connect_timeout", "tcp_user_timeout", "fallback_application_name", "dbname", NULL};
    const char *const values[] = {"10", "30000", "telos-vault", uri, NULL};
    *conn = PQconnectdbParams(names, values, 1);
    if (PQstatus(*conn) == CONNECTION_OK)
        return NULL;
    const struct err *err = failed(arena, *conn, NULL, "connecting");
    PQfinish(*conn);
    *conn = NULL;
    return err;
}

/* One statement; parameters are a number, bytes, or both. */
static const struct err *run(struct arena *arena, PGconn *conn, const char *sql, const uint64_t *number, str bytes, PGresult **ret)
{
    uint8_t big[8];
    const char *values[2] = {NULL};
    int lengths[2] = {0}, formats[2] = {1, 1}, count = 0;
    if (number) {
        for (int i = 0; i < 8; i++)
            big[i] = (uint8_t)(*number >> (8 * (7 - i)));
        values[count] = (const char *)big;
        lengths[count++] = 8;
    }
    if (bytes.data) {
        values[count] = bytes.data;
        lengths[count++] = (int)bytes.length;
    }
    PGresult *result = PQexecParams(conn, sql, count, NULL, values, lengths, formats, 1);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        const struct err *err = failed(arena, conn, result, "a question");
        PQclear(result);
        return err;
    }
    if (ret)
        *ret = result;
    else
        PQclear(result);
    return NULL;
}

static uint64_t got_number(const PGresult *result, int row, int column)
{
    uint64_t number = 0;
    const uint8_t *bytes = (const uint8_t *)PQgetvalue(result, row, column);
    for (int i = 0; i < PQgetlength(result, row, column) && i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

static bool got_page(const PGresult *result, uint8_t page[VAULT_PAGE], bool *ret_there)
{
    *ret_there = PQntuples(result) == 1;
    if (*ret_there && PQgetlength(result, 0, 0) != VAULT_PAGE)
        return false;
    if (*ret_there)
        memcpy(page, PQgetvalue(result, 0, 0), VAULT_PAGE);
    else
        memset(page, 0, VAULT_PAGE);
    return true;
}

/* ---- a change ---- */

static const struct err *ended_with(struct vault *vault, struct remote *remote, const struct err *err)
{
    if (err && remote->conn) {
        PQclear(PQexec(remote->conn, "ROLLBACK"));
        if (PQstatus(remote->conn) != CONNECTION_OK) {
            PQfinish(remote->conn);
            remote->conn = NULL;
        }
    }
    remote->within = false;
    for (size_t i = 0; i < remote->touched_count; i++) {
        struct stripe *stripe = stripe_of(vault, remote->touched[i]);
        ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
        cache_forget_page(vault, remote->touched[i]);
        ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
    }
    remote->touched_count = 0;
    return err;
}

const struct err *remote_begin(struct arena *arena, struct vault *vault)
{
    struct remote *remote = vault->remote;
    PGresult *result = NULL;
    uint8_t page[VAULT_PAGE];
    struct vault_header header;
    bool there = false;
    if (remote->within)
        return NULL;
    TRY(connect_to(arena, remote->uri, &remote->conn));
    if (run(arena, remote->conn, "BEGIN", NULL, STR_NONE, NULL)) { /* it may have been cut since it was used last */
        TRY(connect_to(arena, remote->uri, &remote->conn));
        TRY(run(arena, remote->conn, "BEGIN", NULL, STR_NONE, NULL));
    }
    remote->within = true;
    const struct err *err = run(arena, remote->conn, "SELECT image FROM telos_vault.page WHERE number = 0 FOR UPDATE", NULL, STR_NONE, &result);
    if (!err && (!got_page(result, page, &there) || !there || !header_read(page, &header)))
        err = err_new(arena, ERR_IO, "the key vault in PostgreSQL is damaged or of another version: its header cannot be read");
    PQclear(result);
    if (!err)
        err = rotation_follow(arena, vault, &header);
    return err ? ended_with(vault, remote, err) : NULL;
}

const struct err *remote_end(struct arena *arena, struct vault *vault, const struct err *err)
{
    struct remote *remote = vault->remote;
    if (!remote->within)
        return err;
    if (!err)
        err = run(arena, remote->conn, "COMMIT", NULL, STR_NONE, NULL);
    return ended_with(vault, remote, err);
}

const struct err *remote_page(struct arena *arena, struct vault *vault, uint64_t number, uint8_t page[VAULT_PAGE])
{
    PGresult *result = NULL;
    bool there;
    TRY(run(arena, vault->remote->conn, "SELECT image FROM telos_vault.page WHERE number = $1::bigint", &number, STR_NONE, &result));
    bool fine = got_page(result, page, &there);
    PQclear(result);
    return fine ? NULL : err_new(arena, ERR_IO, "page %llu of the key vault is damaged", (unsigned long long)number);
}

const struct err *remote_store(struct arena *arena, struct vault *vault, uint64_t number, const uint8_t page[VAULT_PAGE])
{
    struct remote *remote = vault->remote;
    TRY(run(arena, remote->conn,
            "INSERT INTO telos_vault.page (number, image) VALUES ($1::bigint, $2::bytea) ON CONFLICT (number) DO UPDATE SET image = excluded.image", &number,
            str_bytes(page, VAULT_PAGE), NULL));
    if (number == 0)
        return NULL;
    if (remote->touched_count == remote->touched_capacity) {
        remote->touched_capacity = remote->touched_capacity ? remote->touched_capacity * 2 : 64;
        remote->touched = reallocarray(remote->touched, remote->touched_capacity, sizeof(*remote->touched));
        ASSERT(remote->touched);
    }
    remote->touched[remote->touched_count++] = number;
    return NULL;
}

const struct err *remote_lines(struct arena *arena, struct vault *vault, str lines)
{
    return run(
        arena, vault->remote->conn,
        "INSERT INTO telos_vault.tombstone (line) SELECT line FROM regexp_split_to_table(rtrim($1::text, E'\\n'), E'\\n') WITH ORDINALITY AS l (line, place) "
        "ORDER BY place",
        NULL, lines, NULL);
}

const struct err *remote_ended(struct arena *arena, struct vault *vault, uint64_t *ret_number)
{
    PGresult *result = NULL;
    TRY(run(arena, vault->remote->conn, "SELECT number FROM telos_vault.ended WHERE one = 1", NULL, STR_NONE, &result));
    *ret_number = PQntuples(result) == 1 ? got_number(result, 0, 0) : 0;
    PQclear(result);
    return NULL;
}

const struct err *remote_ended_set(struct arena *arena, struct vault *vault, uint64_t number)
{
    return run(arena, vault->remote->conn,
               "INSERT INTO telos_vault.ended (one, number) VALUES (1, $1::bigint) ON CONFLICT (one) DO UPDATE SET number = excluded.number", &number, STR_NONE,
               NULL);
}

/* ---- reading ---- */

bool remote_read(struct vault *vault, uint64_t number, uint8_t page[VAULT_PAGE], bool *ret_there)
{
    struct remote *remote = vault->remote;
    struct arena arena;
    PGresult *result = NULL;
    const struct err *err = NULL;
    arena_init(&arena);
    ASSERT(pthread_mutex_lock(&remote->read_lock) == 0);
    for (int tries = 0; tries < 2; tries++) { /* a connection that broke is made anew */
        err = connect_to(&arena, remote->uri, &remote->reading);
        if (!err)
            err = run(&arena, remote->reading, "SELECT image FROM telos_vault.page WHERE number = $1::bigint", &number, STR_NONE, &result);
        if (!err)
            break;
    }
    bool fine = !err && got_page(result, page, ret_there);
    PQclear(result);
    ASSERT(pthread_mutex_unlock(&remote->read_lock) == 0);
    arena_release(&arena);
    return fine;
}

/* What cannot be read now is asked for one by one, where an error is told. */
void remote_warm(struct vault *vault, const uint64_t *profiles, const uint32_t *forgotten, size_t count)
{
    static const char sql[] =
        "SELECT wanted.place, substring(found.image FROM (%d + (wanted.profile - 1) %% %d * %d)::int FOR %d) "
        "FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (profile, place), LATERAL "
        "(SELECT image FROM telos_vault.page WHERE number = (wanted.profile - 1) / %d + 1 OFFSET 0) AS found"; /* OFFSET 0: no join over all pages */
    struct remote *remote = vault->remote;
    struct arena arena;
    struct buf list;
    PGresult *result = NULL;
    arena_init(&arena);
    buf_init(&list, &arena, count * 21 + 3);
    buf_add_char(&list, '{');
    for (size_t i = 0; i < count; i++)
        buf_printf(&list, "%s%llu", i ? "," : "", (unsigned long long)profiles[i]);
    buf_add_char(&list, '}');
    buf_add_char(&list, '\0');
    const char *values[] = {buf_str(&list).data},
               *text = arena_printf(&arena, sql, PAGE_HEAD + 1, (int)PAGE_PROFILES, (int)SLOTS_SIZE, (int)SLOTS_SIZE, (int)PAGE_PROFILES);
    ASSERT(pthread_mutex_lock(&remote->read_lock) == 0);
    const struct err *err = connect_to(&arena, remote->uri, &remote->reading);
    if (!err)
        result = PQexecParams(remote->reading, text, 1, NULL, values, NULL, NULL, 1);
    ASSERT(pthread_mutex_unlock(&remote->read_lock) == 0);
    int rows = result && PQresultStatus(result) == PGRES_TUPLES_OK ? PQntuples(result) : 0;
    for (int i = 0; i < rows; i++) {
        uint64_t place = got_number(result, i, 0);
        if (place >= 1 && place <= count && PQgetlength(result, i, 1) == SLOTS_SIZE)
            cache_offer(vault, profiles[place - 1], (const uint8_t *)PQgetvalue(result, i, 1), forgotten[place - 1]);
    }
    PQclear(result);
    arena_release(&arena);
}

const struct err *remote_follow(struct arena *arena, struct vault *vault)
{
    struct remote *remote = vault->remote;
    PGresult *result = NULL;
    ASSERT(pthread_mutex_lock(&remote->read_lock) == 0);
    const struct err *err = connect_to(arena, remote->uri, &remote->reading);
    if (!err)
        err =
            run(arena, remote->reading, "SELECT number, split_part(line, ' ', 4)::bigint FROM telos_vault.tombstone WHERE number > $1::bigint ORDER BY number",
                &remote->followed, STR_NONE, &result);
    uint64_t newest = remote->followed;
    int count = err ? 0 : PQntuples(result);
    ASSERT(pthread_mutex_unlock(&remote->read_lock) == 0);
    for (int i = 0; i < count; i++) {
        uint64_t page = page_of(got_number(result, i, 1));
        struct stripe *stripe = stripe_of(vault, page);
        newest = got_number(result, i, 0);
        ASSERT(pthread_mutex_lock(&stripe->lock) == 0);
        cache_forget_page(vault, page);
        ASSERT(pthread_mutex_unlock(&stripe->lock) == 0);
    }
    PQclear(result);
    ASSERT(pthread_mutex_lock(&remote->read_lock) == 0);
    remote->followed = newest > remote->followed ? newest : remote->followed;
    ASSERT(pthread_mutex_unlock(&remote->read_lock) == 0);
    return err;
}

const struct err *remote_pages(struct arena *arena, struct vault *vault, uint64_t *ret_pages)
{
    PGresult *result = NULL;
    TRY(run(arena, vault->remote->conn, "SELECT coalesce(max(number), 0) + 1 FROM telos_vault.page", NULL, STR_NONE, &result));
    *ret_pages = got_number(result, 0, 0);
    PQclear(result);
    return NULL;
}

const struct err *remote_refuses(struct arena *arena, const struct vault *vault, const char *what)
{
    return vault->remote ? err_new(arena, ERR_CONFLICT, "a key vault in PostgreSQL %s", what) : NULL;
}

/* ---- opening ---- */

/* An address is seen by others (in a list of processes), so a password in it is refused, as in that of the store. */
static const struct err *address_check(struct arena *arena, const char *uri)
{
    PQconninfoOption *options = NULL;
    bool password = false;
    if (strncmp(uri, "postgres://", 11) == 0 || strncmp(uri, "postgresql://", 13) == 0)
        options = PQconninfoParse(uri, NULL);
    if (!options)
        return err_new(arena, ERR_INVALID, "the address of the key vault cannot be read; it looks like postgres://USER@HOST:PORT/DATABASE");
    for (const PQconninfoOption *option = options; option->keyword; option++)
        password |= option->val && *option->val && (!strcmp(option->keyword, "password") || !strcmp(option->keyword, "sslpassword"));
    PQconninfoFree(options);
    if (!password)
        return NULL;
    return err_new(arena, ERR_INVALID,
                   "no password in the address of the key vault, please: others can see it. Put it into a file that PGPASSFILE names "
                   "(mode 0600, HOST:PORT:DATABASE:USER:PASSWORD), or into a service file.");
}

/* What PostgreSQL remarks (a table is there already) is nobody's news. */
static void remark_drop(void *context, const PGresult *result) { (void)context, (void)result; }

static const char schema[] = "BEGIN; SELECT pg_advisory_xact_lock(7310579); CREATE SCHEMA IF NOT EXISTS telos_vault;"
                             "CREATE TABLE IF NOT EXISTS telos_vault.page (number bigint PRIMARY KEY, image bytea NOT NULL) WITH (fillfactor = 50);"
                             "ALTER TABLE telos_vault.page ALTER COLUMN image SET STORAGE PLAIN;"
                             "CREATE TABLE IF NOT EXISTS telos_vault.tombstone (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text NOT NULL);"
                             "CREATE TABLE IF NOT EXISTS telos_vault.ended (one int PRIMARY KEY CHECK (one = 1), number bigint NOT NULL); COMMIT";

static const struct err *header_find(struct arena *arena, struct vault *vault, bool *ret_there)
{
    uint8_t page[VAULT_PAGE];
    PGresult *result = NULL;
    TRY(run(arena, vault->remote->conn, "SELECT image FROM telos_vault.page WHERE number = 0", NULL, STR_NONE, &result));
    bool fine = got_page(result, page, ret_there) && (!*ret_there || header_read(page, &vault->header));
    PQclear(result);
    return fine ? NULL : err_new(arena, ERR_IO, "the key vault in PostgreSQL is damaged or of another version: its header cannot be read");
}

const struct err *remote_open(struct arena *arena, struct vault *vault, const char *uri)
{
    TRY(address_check(arena, uri));
    struct remote *remote = calloc(1, sizeof(*remote));
    ASSERT(remote && pthread_mutex_init(&remote->read_lock, NULL) == 0);
    vault->remote = remote;
    remote->uri = strdup(uri);
    ASSERT(remote->uri);
    TRY(connect_to(arena, uri, &remote->conn));
    PQsetNoticeReceiver(remote->conn, remark_drop, NULL);
    PGresult *result = PQexec(remote->conn, schema);
    ExecStatusType status = PQresultStatus(result);
    const struct err *err = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? NULL : failed(arena, remote->conn, result, "making its tables");
    PQclear(result);
    result = NULL;
    if (err)
        PQclear(PQexec(remote->conn, "ROLLBACK"));
    else
        err = run(arena, remote->conn, "SELECT coalesce(max(number), 0) FROM telos_vault.tombstone", NULL, STR_NONE, &result);
    if (!err && PQntuples(result) == 1) { /* nothing is in memory yet */
        remote->followed = got_number(result, 0, 0);
        PQclear(result);
    }
    return err;
}

/* The header that is there, or (`fresh`, made by the caller) put there unless another node was faster. */
const struct err *remote_header(struct arena *arena, struct vault *vault, const uint8_t fresh[VAULT_PAGE], bool *ret_there)
{
    if (fresh) {
        uint64_t zero = 0;
        TRY(run(arena, vault->remote->conn, "INSERT INTO telos_vault.page (number, image) VALUES ($1::bigint, $2::bytea) ON CONFLICT DO NOTHING", &zero,
                str_bytes(fresh, VAULT_PAGE), NULL));
    }
    return header_find(arena, vault, ret_there);
}

void remote_close(struct vault *vault)
{
    struct remote *remote = vault->remote;
    if (!remote)
        return;
    PQfinish(remote->conn);
    PQfinish(remote->reading);
    pthread_mutex_destroy(&remote->read_lock);
    free(remote->touched);
    free(remote->uri);
    free(remote);
    vault->remote = NULL;
}
