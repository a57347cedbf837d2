/* The two sides of the GDPRBench comparison: the same operations, one round trip each, over HTTP to Telos and over libpq to PostgreSQL. */
#ifndef TELOS_BENCH_GDPR_H
#define TELOS_BENCH_GDPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PURPOSES = 25, FIELDS = 10, FIELD_BYTES = 100, TEXT_MAX = 4096 };

#define OPERATIONS(X)                                                                                                  \
    X(INSERT, "create a record")                                                                                       \
    X(UPDATE_PURPOSE, "update metadata by purpose")                                                                    \
    X(UPDATE_USER, "update metadata by user")                                                                          \
    X(DELETE, "delete by key")                                                                                         \
    X(READ, "read data by key")                                                                                        \
    X(UPDATE, "update data by key")                                                                                    \
    X(READ_PURPOSE, "read data by purpose")                                                                            \
    X(READ_USER, "read by user")                                                                                       \
    X(METADATA, "metadata by user")                                                                                    \
    X(LOGS, "logs of a user")                                                                                          \
    X(VERIFY, "verify a deletion")

enum operation {
#define X(name, text) OP_##name,
    OPERATIONS(X)
#undef X
        OP_COUNT
};

/* What the bench knows of a record, so that each answer can be checked. */
struct record {
    uint64_t number;
    unsigned purpose, version;
    bool alive;
};

struct answer {
    bool failed; /* no answer, or one that makes no sense */
    bool found; /* the record, or its metadata */
    bool right; /* its data is what was written last */
    uint64_t count; /* READ_PURPOSE: records; LOGS: entries */
};

/* One connection; belongs to one thread. */
struct connection;
struct side {
    const char *name;
    const char *place; /* port, or connection string */
    const char *token, *key;
    bool open; /* Telos: one purpose that always allows, instead of consents */
    bool records_reads; /* PostgreSQL: each read writes a line of the log, too */
    struct connection *(*open_connection)(const struct side *side);
    void (*close_connection)(struct connection *connection);
    struct answer (*run)(struct connection *connection, enum operation operation, const struct record *record, unsigned value);
};

extern const struct side telos_side, postgres_side;

/* The text of a field of a record's version: FIELD_BYTES characters, the same on both sides. */
void field_text(char to[FIELD_BYTES + 1], uint64_t number, unsigned version, unsigned field);
void fail(const char *what, const char *why) __attribute__((noreturn));

#endif
