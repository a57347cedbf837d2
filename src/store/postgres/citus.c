/* Where Citus distributes the tables: other statements for some, and what a commit on several servers needs.
 *
 * A commit is prepared on the servers, decided by the coordinator's own commit, then made visible server by server. Three things follow:
 *   1. Who reads meanwhile could see half of it. So a commit takes a lock (the gate) before COMMIT and keeps it until every server shows it; who reads
 *      several things, or the head, takes the same lock, shared. The turn has a lock of that kind, too.
 *   2. Where the coordinator or a server fails in between, rows stay as they were before, though the commit is decided: in doubt. Whoever connects, or
 *      sees a server fail, first has such commits brought to their end, and says that the store is away as long as that cannot be.
 *   3. The small tables lie on the coordinator, known to Citus: it prepares on a server also where the commit changes only that one and these.
 */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include <unistd.h>

enum { PAUSE_US = 200000, CELLS_MAX = 60000 /* PostgreSQL takes 65,535 parameters */ };

unsigned citus_statement(unsigned sql)
{
    static const unsigned variants[SQL_COUNT] = {
        [SQL_HEAD_GET] = SQL_CITUS_HEAD_GET,
        [SQL_EVENTS] = SQL_CITUS_EVENTS,
        [SQL_READS] = SQL_CITUS_READS,
        [SQL_TOTALS_NEXT] = SQL_CITUS_TOTALS_NEXT,
        [SQL_PROFILE_CHECK] = SQL_CITUS_PROFILE_CHECK,
        [SQL_PROFILE_DELETE] = SQL_CITUS_PROFILE_DELETE,
        [SQL_HASH_DELETE] = SQL_CITUS_HASH_DELETE,
        [SQL_IDENTIFIER_DELETE] = SQL_CITUS_IDENTIFIER_DELETE,
        [SQL_CONSENT_DELETE] = SQL_CITUS_CONSENT_DELETE,
        [SQL_MERGE_DELETE] = SQL_CITUS_MERGE_DELETE,
        [SQL_PREFERENCES_DELETE] = SQL_CITUS_PREFERENCES_DELETE,
        [SQL_REFUSED_DELETE] = SQL_CITUS_REFUSED_DELETE,
        [SQL_FACT_PAGE_DELETE] = SQL_CITUS_FACT_PAGE_DELETE,
        [SQL_DISCLOSURE_DELETE] = SQL_CITUS_DISCLOSURE_DELETE,
        [SQL_EVENT_UPDATE] = SQL_CITUS_EVENT_UPDATE,
        [SQL_EVENT_DELETE] = SQL_CITUS_EVENT_DELETE,
        [SQL_HELD_DELETE] = SQL_CITUS_HELD_DELETE,
        [SQL_OUTBOX_SET] = SQL_CITUS_OUTBOX_SET,
        [SQL_OUTBOX_DELETE] = SQL_CITUS_OUTBOX_DELETE,
    };
    return variants[sql] ? variants[sql] : sql;
}

/* --- rows that replace others of the same key: as VALUES, which Citus sends to each shard in one statement. (From an array they would go to a file of each
 * shard first, over a connection of its own that has to be prepared, too.) */

static bool replaces(unsigned sql)
{
    static const unsigned which[] = {SQL_PROFILE_PUT, SQL_HASH_PUT, SQL_IDENTIFIER_PUT, SQL_CONSENT_PUT, SQL_MERGE_PUT, SQL_PREFERENCES_PUT,
                                     SQL_REFUSED_PUT, SQL_FACT_PAGE_PUT, SQL_DISCLOSURE_PUT, SQL_DISCLOSURE_ADD, SQL_HELD_PUT, SQL_BATCH_PUT};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++)
        if (which[i] == sql)
            return true;
    return false;
}

static const char *values_text(struct arena *arena, unsigned sql, const struct rows *rows, size_t count)
{
    static const char head_end[] = "SELECT * FROM unnest(";
    str whole = str_of(sql_texts[sql]);
    ptrdiff_t head = str_find(whole, STR(head_end)), tail = str_find(whole, STR("ON CONFLICT"));
    ASSERT(head > 0 && tail > head);
    struct buf text;
    buf_init(&text, arena, 4096 + count * rows->columns * 24);
    buf_printf(&text, "%.*s VALUES ", (int)head, whole.data);
    unsigned number = 0;
    for (size_t row = 0; row < count; row++) {
        for (unsigned i = 0; i < rows->columns; i++)
            buf_printf(&text, "%s$%u::%s", i ? ", " : row ? "), (" : "(", ++number, rows_type(rows, i));
    }
    buf_printf(&text, ") %s", whole.data + tail);
    ASSERT(!text.overflow);
    return str_z(arena, buf_str(&text));
}

bool citus_pipe_rows(struct postgres_session *session, unsigned sql, const struct rows *rows)
{
    size_t at[COLUMNS_MAX], most = CELLS_MAX / rows->columns;
    if (!replaces(sql))
        return false;
    rows_begin(rows, at);
    for (size_t from = 0; from < rows->count; from += most) {
        size_t to = rows->count - from < most ? rows->count : from + most;
        struct cells cells = rows_cells(rows, at, from, to);
        (void)pipe_add_text(session, sql, values_text(rows->arena, sql, rows, to - from), &cells);
    }
    return true;
}

/* --- doubt */

void citus_notice(void *context, const PGresult *result)
{
    struct postgres_session *session = context;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity && strcmp(severity, "WARNING") == 0) /* "failed to commit transaction on …", "connection to the remote node … failed" */
        session->doubt = true;
}

bool citus_fault(const char *state)
{
    return state && (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0);
}

const struct err *citus_settle(struct postgres_session *session, struct arena *arena)
{
    ASSERT(!session->turn && session->conn);
    session->doubt = false;
    (void)pipe_add(session, SQL_CITUS_RECOVER, NULL);
    const struct err *err = pipe_run(session, arena);
    if (!err && !session->doubt)
        return NULL;
    session->doubt = true;
    return err ? err : err_new(arena, ERR_UNAVAILABLE, "%s: a server of the cluster cannot be reached. Check that all run; Telos tries again.",
                               session->store->place);
}

void citus_settle_wait(struct postgres_session *session, struct arena *arena, int64_t wait_ms)
{
    int64_t until_ms = clock_monotonic_us() / 1000 + wait_ms;
    while (session->doubt && session->conn && citus_settle(session, arena) && clock_monotonic_us() / 1000 < until_ms)
        (void)usleep(PAUSE_US);
}
