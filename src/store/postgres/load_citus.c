/* A round of a load where Citus distributes the tables: whom the hashes name (each shard of them once), then all rows of these people (each shard of them
 * once). Their rows come as records of all kinds, and are sorted here into one result a kind, as load.c takes them.
 */
#include "store/postgres/load.h"
#include "store/postgres/statements.h"

#include <arpa/inet.h>
#include <stdio.h>

/* --- records: a count, then of each column its type, its length (-1: NULL) and its bytes */

static int32_t number_take(str *rest)
{
    uint32_t value;
    ASSERT(rest->length >= sizeof value);
    memcpy(&value, rest->data, sizeof value);
    *rest = str_slice(*rest, sizeof value, rest->length);
    return (int32_t)ntohl(value);
}

static PGresult *result_make(struct postgres_session *session, int columns)
{
    PGresAttDesc columns_of[COLUMNS_MAX] = {0};
    char name[] = "column";
    ASSERT(columns > 0 && columns <= COLUMNS_MAX);
    for (int i = 0; i < columns; i++)
        columns_of[i] = (PGresAttDesc){.name = name, .format = 1, .typlen = -1, .atttypmod = -1};
    PGresult *result = PQmakeEmptyPGresult(session->conn, PGRES_TUPLES_OK);
    ASSERT(result && PQsetResultAttrs(result, columns, columns_of));
    return result;
}

static void record_take(struct postgres_session *session, PGresult **result, str record)
{
    int columns = number_take(&record);
    if (!*result)
        *result = result_make(session, columns);
    int row = PQntuples(*result);
    for (int i = 0; i < columns; i++) {
        (void)number_take(&record); /* the type */
        int32_t length = number_take(&record);
        ASSERT(length < 0 || (size_t)length <= record.length);
        ASSERT(PQsetvalue(*result, row, i, length < 0 ? NULL : (char *)(uintptr_t)record.data, length));
        if (length > 0)
            record = str_slice(record, (size_t)length, record.length);
    }
}

/* --- rows */

/* Whose root somebody is. */
static void children_take(struct loading *loading, const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct member *root = member_get(loading, (profile_no){got_number(result, i, 0)});
        if (root)
            link_add(loading, root, (profile_no){got_number(result, i, 1)});
    }
}

static void rows_take(struct loading *loading, const PGresult *all)
{
    PGresult *kinds[PARTS] = {0}, *children = NULL;
    for (int i = 0; i < PQntuples(all); i++) {
        int64_t kind = got_int(all, i, 0);
        ASSERT(kind >= -1 && kind < PARTS);
        record_take(loading->session, kind < 0 ? &children : &kinds[kind], got_borrow(all, i, 1));
    }
    for (unsigned i = 0; i < PARTS; i++) {
        loading->last = NULL;
        if (kinds[i])
            parts[i].take(loading, kinds[i]);
        PQclear(kinds[i]);
    }
    if (children)
        children_take(loading, children);
    PQclear(children);
}

static const struct err *hashes_ask(struct loading *loading)
{
    struct postgres_session *session = loading->session;
    const struct load *load = loading->load;
    struct rows hashes = rows_make(loading->arena, "b");
    struct params params = params_make(loading->arena);
    for (size_t i = 0; i < load->hash_count; i++)
        put_bytes(&hashes, load->hashes[i].bytes, sizeof load->hashes[i].bytes);
    param_rows(&params, &hashes);
    queue_read_begin(session);
    unsigned place = pipe_add(session, SQL_LOAD_HASHES, &params);
    TRY(pipe_run(session, loading->arena));
    hashes_take(loading, pipe_result(session, place));
    vec_each (number, &loading->by_hash)
        if (number->value)
            *(profile_no *)vec_push(loading->arena, &loading->wanted) = *number;
    return NULL;
}

/* Sets are asked for last, so that all that rows name are known. */
const struct err *citus_round_run(struct loading *loading)
{
    struct postgres_session *session = loading->session;
    const struct load *load = loading->load;
    struct rows wanted = rows_make(loading->arena, "n");
    struct params params = params_make(loading->arena);
    int64_t kinds = 0;
    if (loading->round == 1 && load->hash_count)
        TRY(hashes_ask(loading));
    else if (loading->round == 1)
        queue_read_begin(session);
    for (unsigned i = 0; i < PARTS; i++)
        kinds |= !parts[i].part || load->parts & parts[i].part ? (int64_t)1 << i : 0;
    vec_each (number, &loading->wanted)
        put_number(&wanted, number->value);
    param_rows(&params, &wanted);
    param_int(&params, kinds);
    param_int(&params, load->events_from_ms);
    param_number(&params, load->events_max ? load->events_max : INT64_MAX);
    unsigned place = 0, sets;
    if (wanted.count)
        place = pipe_add(session, SQL_CITUS_LOAD, &params);
    sets = sets_ask(session, loading->arena);
    TRY(pipe_run(session, loading->arena));
    TRY(sets_learn(session, loading->arena, sets));
    sets_tell(session->store, load->sets);
    if (wanted.count)
        rows_take(loading, pipe_result(session, place));
    return NULL;
}
