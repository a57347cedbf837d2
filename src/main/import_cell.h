/* One cell of a CSV file as a JSON value of a declared type. */
#ifndef TELOS_MAIN_IMPORT_CELL_H
#define TELOS_MAIN_IMPORT_CELL_H

#include "base/json.h"
#include "base/vec.h"

/* code, spelling in a mapping */
#define CELL_TYPES(X) \
    X(CELL_TEXT, "text") \
    X(CELL_NUMBER, "number") \
    X(CELL_INTEGER, "integer") \
    X(CELL_BOOLEAN, "boolean") \
    X(CELL_TIME, "time") \
    X(CELL_DATE, "date") \
    X(CELL_LIST, "list") \
    X(CELL_JSON, "json")
enum cell_type {
#define X(code, name) code,
    CELL_TYPES(X)
#undef X
};
const char *cell_type_name(enum cell_type type);
bool cell_type_parse(str text, enum cell_type *ret_type);
str cell_type_list(struct arena *arena); /* for complaints */

typedef VEC(str) cell_words;
struct cell_rule {
    enum cell_type type;
    const char *format; /* time, date: as strptime's, or "unix", "unix_ms"; NULL: RFC 3339 */
    str zone; /* IANA; empty: UTC */
    char decimal; /* number: '.' or ',' */
    char separator; /* list */
    cell_words yes, no; /* boolean: further words */
};
/* Can the format and the zone be used? NULL, or what is wrong. */
const char *cell_rule_problem(const struct cell_rule *rule);
/* NULL: `ret_json` is its value. Otherwise what it is not: "not a number". A cell of blanks is absent: `ret_json` is
 * STR_NONE. */
const char *cell_value(struct arena *arena, const struct cell_rule *rule, str cell, str *ret_json);

#endif
