/* Values to and from PostgreSQL's binary formats: arrays of a column for what goes, columns of a row for what comes. */
#include "store/postgres/postgres_private.h"

#include <arpa/inet.h>
#include <endian.h>

/* --- arrays */

static uint32_t type_oid(char type)
{
    switch (type) {
    case 'n': return 20;
    case 'i': return 23;
    case 's': return 21;
    case 't': return 25;
    case 'b': return 17;
    case 'u': return 2950;
    case 'o': return 16;
    default: ASSERT(!"a type of column"); return 0;
    }
}

struct rows rows_make(struct arena *arena, const char *types)
{
    struct rows rows = {.arena = arena, .columns = (unsigned)strlen(types)};
    ASSERT(rows.columns > 0 && rows.columns <= COLUMNS_MAX);
    for (unsigned i = 0; i < rows.columns; i++)
        rows.column[i].type = types[i];
    return rows;
}

enum { ARRAY_HEADER = 20, COLUMN_BYTES = 256 };

/* The next column's next element; its length stands before it. */
static uint8_t *element(struct rows *rows, int32_t length)
{
    struct column *column = &rows->column[rows->at];
    size_t wanted = column->length + 4 + (length > 0 ? (size_t)length : 0);
    if (!column->capacity)
        column->length = ARRAY_HEADER, wanted += ARRAY_HEADER;
    if (wanted > column->capacity) {
        size_t capacity = column->capacity ? column->capacity * 2 : COLUMN_BYTES;
        while (capacity < wanted)
            capacity *= 2;
        uint8_t *bytes = arena_alloc_raw(rows->arena, capacity);
        if (column->bytes)
            memcpy(bytes, column->bytes, column->length);
        column->bytes = bytes;
        column->capacity = capacity;
    }
    uint32_t before = htonl((uint32_t)length);
    uint8_t *place = column->bytes + column->length;
    memcpy(place, &before, 4);
    column->length = wanted;
    column->nulls = column->nulls || length < 0;
    if (rows->at == 0)
        rows->count++;
    rows->at = rows->at + 1 == rows->columns ? 0 : rows->at + 1;
    return place + 4;
}

static void put_null(struct rows *rows) { (void)element(rows, -1); }

void put_int(struct rows *rows, int64_t value)
{
    uint64_t eight = htobe64((uint64_t)value);
    uint32_t four = htonl((uint32_t)value);
    uint16_t two = htons((uint16_t)value);
    switch (rows->column[rows->at].type) {
    case 'n': memcpy(element(rows, 8), &eight, 8); break;
    case 'i':
        ASSERT(value >= INT32_MIN && value <= INT32_MAX);
        memcpy(element(rows, 4), &four, 4);
        break;
    case 's':
        ASSERT(value >= INT16_MIN && value <= INT16_MAX);
        memcpy(element(rows, 2), &two, 2);
        break;
    case 'o': *element(rows, 1) = value != 0; break;
    default: ASSERT(!"a column of numbers");
    }
}
void put_number(struct rows *rows, uint64_t value)
{
    ASSERT(value <= INT64_MAX);
    put_int(rows, (int64_t)value);
}
void put_time(struct rows *rows, int64_t value, int64_t none)
{
    if (value == none)
        put_null(rows);
    else
        put_int(rows, value);
}
void put_value(struct rows *rows, str value)
{
    ASSERT(value.length <= INT32_MAX);
    uint8_t *place = element(rows, (int32_t)value.length);
    if (value.length)
        memcpy(place, value.data, value.length);
}
void put_text(struct rows *rows, str value) { put_value(rows, value); }
void put_name(struct rows *rows, str value)
{
    if (value.length)
        put_value(rows, value);
    else
        put_null(rows);
}
void put_bytes(struct rows *rows, const void *data, size_t length) { put_name(rows, str_bytes(data, length)); }
void put_uuid(struct rows *rows, struct uuid id) { put_value(rows, str_bytes(id.bytes, sizeof id.bytes)); }
void put_uuid_or_null(struct rows *rows, struct uuid id) { put_bytes(rows, id.bytes, uuid_is_zero(id) ? 0 : sizeof id.bytes); }

/* --- parameters */

void param_bytes(struct params *params, str value)
{
    ASSERT(params->count < COLUMNS_MAX && value.length <= INT32_MAX);
    params->values[params->count] = value.data ? value.data : "";
    params->lengths[params->count++] = (int)value.length;
}

void param_int(struct params *params, int64_t value)
{
    uint64_t eight = htobe64((uint64_t)value);
    param_bytes(params, str_copy(params->arena, str_bytes(&eight, sizeof eight)));
}

void param_number(struct params *params, uint64_t value) { param_int(params, value > INT64_MAX ? INT64_MAX : (int64_t)value); }

void param_rows(struct params *params, const struct rows *rows)
{
    ASSERT(rows->at == 0 && rows->count <= INT32_MAX);
    for (unsigned i = 0; i < rows->columns; i++) {
        const struct column *column = &rows->column[i];
        uint32_t header[5] = {htonl(rows->count ? 1 : 0), htonl(column->nulls), htonl(type_oid(column->type)), htonl((uint32_t)rows->count), htonl(1)};
        if (!rows->count) { /* an array without dimensions */
            param_bytes(params, str_copy(params->arena, str_bytes(header, 12)));
            continue;
        }
        memcpy(column->bytes, header, ARRAY_HEADER);
        param_bytes(params, str_bytes(column->bytes, column->length));
    }
}

/* --- cells */

void rows_begin(const struct rows *rows, size_t at[COLUMNS_MAX])
{
    for (unsigned i = 0; i < rows->columns; i++)
        at[i] = ARRAY_HEADER;
}

struct cells rows_cells(const struct rows *rows, size_t at[COLUMNS_MAX], size_t from, size_t to)
{
    size_t count = (to - from) * rows->columns;
    struct cells cells = {.values = arena_array(rows->arena, const char *, count), .lengths = arena_array(rows->arena, int, count),
                          .formats = arena_array(rows->arena, int, count)};
    for (size_t row = from; row < to; row++)
        for (unsigned i = 0; i < rows->columns; i++) {
            const uint8_t *element = rows->column[i].bytes + at[i];
            uint32_t length;
            memcpy(&length, element, sizeof length);
            length = ntohl(length);
            bool null = length == UINT32_MAX;
            at[i] += sizeof length + (null ? 0 : length);
            cells.values[cells.count] = null ? NULL : (const char *)element + sizeof length;
            cells.lengths[cells.count] = null ? 0 : (int)length;
            cells.formats[cells.count++] = 1;
        }
    return cells;
}

const char *rows_type(const struct rows *rows, unsigned column)
{
    switch (rows->column[column].type) {
    case 'n': return "bigint";
    case 'i': return "integer";
    case 's': return "smallint";
    case 't': return "text";
    case 'b': return "bytea";
    case 'u': return "uuid";
    default: return "boolean";
    }
}

/* --- results */

bool got_null(const PGresult *result, int row, int column) { return PQgetisnull(result, row, column); }

int64_t got_int(const PGresult *result, int row, int column)
{
    const char *value = PQgetvalue(result, row, column);
    uint64_t eight;
    uint32_t four;
    uint16_t two;
    if (PQgetisnull(result, row, column))
        return 0;
    switch (PQgetlength(result, row, column)) {
    case 8: memcpy(&eight, value, 8); return (int64_t)be64toh(eight);
    case 4: memcpy(&four, value, 4); return (int32_t)ntohl(four);
    case 2: memcpy(&two, value, 2); return (int16_t)ntohs(two);
    case 1: return *value;
    default: ASSERT(!"a number"); return 0;
    }
}

int64_t got_time(const PGresult *result, int row, int column, int64_t none)
{
    return PQgetisnull(result, row, column) ? none : got_int(result, row, column);
}
uint64_t got_index(const PGresult *result, int row, int column) { return (uint64_t)got_time(result, row, column, -1); }

str got_borrow(const PGresult *result, int row, int column)
{
    int length = PQgetlength(result, row, column);
    return length ? str_bytes(PQgetvalue(result, row, column), (size_t)length) : STR_NONE;
}
str got_str(const PGresult *result, int row, int column, struct arena *arena)
{
    str value = got_borrow(result, row, column);
    return value.length ? str_copy(arena, value) : STR_NONE;
}
void got_copy(const PGresult *result, int row, int column, void *ret_bytes, size_t length)
{
    str value = got_borrow(result, row, column);
    size_t there = value.length < length ? value.length : length;
    memset(ret_bytes, 0, length);
    if (there)
        memcpy(ret_bytes, value.data, there);
}
