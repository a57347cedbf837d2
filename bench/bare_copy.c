/* The limit that an import is held against: the rows of a finished store, written once more into an empty file with the same schema and indexes by a bare
 * SQLite loop, with as many durable commits as the store made.
 *
 *     bench/bare_copy FROM.db TO.db
 *
 * Each commit takes the same share of every table, in the order in which the rows came, so that the indexes meet the same random keys. The reading is done
 * once before, alone, and its time is taken off: the loop is charged for writing only. Prints one JSON line. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { TABLES_MAX = 64, SQL_MAX = 4096 };

struct table {
    char name[128];
    sqlite3_stmt *read, *write;
    sqlite3_int64 rows, written;
    int columns;
};

static sqlite3 *from, *to;
static struct table tables[TABLES_MAX];
static int table_count;

static void fail(sqlite3 *db, const char *what)
{
    fprintf(stderr, "bench/bare_copy: %s: %s\n", what, sqlite3_errmsg(db));
    exit(1);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage); /* cannot fail for this process */
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(db, sql);
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        fail(db, sql);
    return statement;
}

static sqlite3_int64 number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = prepared(db, sql);
    sqlite3_int64 value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    (void)sqlite3_finalize(statement); /* its last error was seen */
    return value;
}

/* How the rows of a table came: tables that are found by a random key are read in the order of what they lead to. */
static const char *order_of(const char *name)
{
    if (strcmp(name, "identifier_hash") == 0)
        return " ORDER BY profile, number";
    if (strcmp(name, "profile_id") == 0)
        return " ORDER BY number";
    if (strcmp(name, "consent_id") == 0)
        return " ORDER BY key";
    if (strcmp(name, "due") == 0)
        return " ORDER BY profile";
    return "";
}

static void schema_copy(void)
{
    sqlite3_stmt *all = prepared(from, "SELECT sql, type, name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'index', rowid");
    while (sqlite3_step(all) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(all, 2);
        if (strncmp(name, "sqlite_", 7) == 0)
            continue;
        execute(to, (const char *)sqlite3_column_text(all, 0));
        if (strcmp((const char *)sqlite3_column_text(all, 1), "table") != 0)
            continue;
        if (table_count == TABLES_MAX) {
            fprintf(stderr, "bench/bare_copy: more than %d tables\n", TABLES_MAX);
            exit(1);
        }
        (void)snprintf(tables[table_count++].name, sizeof tables->name, "%s", name);
    }
    (void)sqlite3_finalize(all);
}

static void table_open(struct table *table)
{
    char sql[SQL_MAX];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM \"%s\"", table->name);
    table->rows = number(from, sql);
    (void)snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"%s", table->name, order_of(table->name));
    table->read = prepared(from, sql);
    table->columns = sqlite3_column_count(table->read);
    int length = snprintf(sql, sizeof sql, "INSERT INTO \"%s\" VALUES (?", table->name);
    for (int i = 1; i < table->columns; i++)
        length += snprintf(sql + length, sizeof sql - (size_t)length, ",?");
    (void)snprintf(sql + length, sizeof sql - (size_t)length, ")");
    table->write = prepared(to, sql);
}

/* The rows of this commit; without `writes` they are only read. */
static sqlite3_int64 share(struct table *table, sqlite3_int64 commit, sqlite3_int64 commits, int writes)
{
    sqlite3_int64 until = (sqlite3_int64)((double)table->rows * (double)(commit + 1) / (double)commits), done = 0;
    if (commit + 1 == commits)
        until = table->rows;
    for (; table->written < until; table->written++, done++) {
        if (sqlite3_step(table->read) != SQLITE_ROW)
            fail(from, table->name);
        for (int i = 0; i < table->columns; i++) {
            sqlite3_value *value = sqlite3_column_value(table->read, i);
            if (!writes)
                (void)sqlite3_value_bytes(value);
            else if (sqlite3_bind_value(table->write, i + 1, value) != SQLITE_OK)
                fail(to, table->name);
        }
        if (writes) {
            if (sqlite3_step(table->write) != SQLITE_DONE)
                fail(to, table->name);
            (void)sqlite3_reset(table->write); /* cannot fail after DONE */
        }
    }
    return done;
}

static sqlite3_int64 pass(sqlite3_int64 commits, int writes, double *ret_wall_s, double *ret_cpu_s)
{
    sqlite3_int64 rows = 0;
    double begun = now_s(), cpu = cpu_s();
    for (sqlite3_int64 commit = 0; commit < commits; commit++) {
        if (writes)
            execute(to, "BEGIN IMMEDIATE");
        for (int i = 0; i < table_count; i++)
            rows += share(&tables[i], commit, commits, writes);
        if (writes)
            execute(to, "COMMIT");
    }
    *ret_wall_s = now_s() - begun;
    *ret_cpu_s = cpu_s() - cpu;
    for (int i = 0; i < table_count; i++) {
        (void)sqlite3_reset(tables[i].read); /* the next pass tells */
        tables[i].written = 0;
    }
    return rows;
}

int main(int count, char **words)
{
    double read_wall, read_cpu, wall, cpu;
    if (count != 3) {
        fprintf(stderr, "usage: bare_copy FROM.db TO.db\n");
        return 2;
    }
    if (sqlite3_open_v2(words[1], &from, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        fail(from, words[1]);
    if (sqlite3_open_v2(words[2], &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        fail(to, words[2]);
    execute(from, "PRAGMA cache_size=-262144; PRAGMA mmap_size=4294967296");
    execute(to, "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536");
    schema_copy();
    for (int i = 0; i < table_count; i++)
        table_open(&tables[i]);
    sqlite3_int64 commits = number(from, "SELECT count(*) FROM batch");
    commits = commits ? commits : 1;
    (void)pass(commits, 0, &read_wall, &read_cpu); /* the file comes into memory */
    (void)pass(commits, 0, &read_wall, &read_cpu);
    sqlite3_int64 rows = pass(commits, 1, &wall, &cpu);
    printf("{\"rows\":%lld,\"commits\":%lld,\"events\":%lld,\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"read_seconds\":%.3f}\n", (long long)rows, (long long)commits,
           (long long)number(from, "SELECT count(*) FROM event"), wall - read_wall, cpu - read_cpu, read_wall);
    for (int i = 0; i < table_count; i++) {
        (void)sqlite3_finalize(tables[i].read);
        (void)sqlite3_finalize(tables[i].write);
    }
    (void)sqlite3_close(from);
    (void)sqlite3_close(to);
    return 0;
}
