/* Cells as JSON values; the contract is in import_cell.h. */
#include "main/import_cell.h"

#include "base/limits.h"
#include "base/time.h"

#include <time.h>

static const char *const type_names[] = {
#define X(code, name) name,
    CELL_TYPES(X)
#undef X
};
enum { TYPE_COUNT = sizeof(type_names) / sizeof(*type_names), FORMAT_BYTES_MAX = 64, WEEK_MINUTES = 7 * 24 * 60 };

const char *cell_type_name(enum cell_type type) { return type_names[type]; }

bool cell_type_parse(str text, enum cell_type *ret_type)
{
    for (int i = 0; i < TYPE_COUNT; i++) {
        if (!str_equal(text, str_of(type_names[i])))
            continue;
        *ret_type = (enum cell_type)i;
        return true;
    }
    return false;
}

str cell_type_list(struct arena *arena)
{
    struct buf out;
    buf_init(&out, arena, 256);
    for (int i = 0; i < TYPE_COUNT; i++)
        buf_printf(&out, "%s%s", i ? ", " : "", type_names[i]);
    return buf_str(&out);
}

static str json_text(struct arena *arena, str text)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, text.length * 6 + 16);
    jsonw_init(&w, &out);
    jsonw_string(&w, text);
    return buf_str(&out);
}

/* ---- numbers ---- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Length of a space that groups digits at the front of `s`: blank, no-break space, narrow no-break space, thin space.
 */
static size_t group_space(str s)
{
    static const str spaces[] = {STR(" "), STR("\xc2\xa0"), STR("\xe2\x80\xaf"), STR("\xe2\x80\x89")};
    for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
        if (str_starts(s, spaces[i]))
            return spaces[i].length;
    return 0;
}

/* Digits with groups taken out, as JSON writes numbers; false where it is no number. */
static bool number_text(struct arena *arena, str cell, char decimal, bool whole, str *ret_json)
{
    char *out = arena_alloc_raw(arena, cell.length + 2);
    size_t length = 0, i = 0, digits = 0;
    char group = decimal == ',' ? '.' : ',';
    if (i < cell.length && (cell.data[i] == '-' || cell.data[i] == '+'))
        if (cell.data[i++] == '-')
            out[length++] = '-';
    size_t first = length;
    for (; i < cell.length && cell.data[i] != decimal && (cell.data[i] | 0x20) != 'e';) {
        size_t space = group_space(str_slice(cell, i, cell.length));
        bool grouped = digits && (space || cell.data[i] == group);
        if (grouped) {
            i += space ? space : 1;
            size_t run = i;
            while (run < cell.length && is_digit(cell.data[run]))
                run++;
            if (run - i != 3) /* a group has three digits: "1.5" with a decimal comma is a mistake, not 15 */
                return false;
            continue;
        }
        if (!is_digit(cell.data[i]))
            return false;
        if (length == first + 1 && out[first] == '0') /* JSON has no leading zeros */
            length--;
        out[length++] = cell.data[i++];
        digits++;
    }
    if (digits == 0 || (whole && i < cell.length))
        return false;
    if (i < cell.length && cell.data[i] == decimal) {
        size_t from = ++i;
        out[length++] = '.';
        while (i < cell.length && is_digit(cell.data[i]))
            out[length++] = cell.data[i++];
        if (i == from)
            return false;
    }
    if (i < cell.length) { /* an exponent */
        out[length++] = 'e';
        i++;
        if (i < cell.length && (cell.data[i] == '-' || cell.data[i] == '+'))
            out[length++] = cell.data[i++];
        size_t from = i;
        while (i < cell.length && is_digit(cell.data[i]))
            out[length++] = cell.data[i++];
        if (i == from || i < cell.length)
            return false;
    }
    *ret_json = str_bytes(out, length);
    return true;
}

/* ---- times ---- */

/* Minute of the week in UTC, from Monday. */
static int week_minute(int64_t ms)
{
    int64_t minutes = ms / MINUTE_MS - (ms % MINUTE_MS < 0) + 3 * 24 * 60; /* 1970 began on a Thursday */
    return (int)((minutes % WEEK_MINUTES + WEEK_MINUTES) % WEEK_MINUTES);
}

/* The instant whose local time in the zone reads like `local_ms` does in UTC. In a gap or a fold: one of the two. */
static int64_t from_zone(int64_t local_ms, str zone)
{
    int64_t at_ms = local_ms;
    int minute, weekday, wanted = week_minute(local_ms);
    for (int round = 0; round < 3 && !str_empty(zone); round++) {
        if (!time_local(at_ms, zone, &minute, &weekday))
            break;
        int off = wanted - (weekday * 24 * 60 + minute);
        if (off > WEEK_MINUTES / 2)
            off -= WEEK_MINUTES;
        else if (off < -WEEK_MINUTES / 2)
            off += WEEK_MINUTES;
        if (off == 0)
            break;
        at_ms += off * MINUTE_MS;
    }
    return at_ms;
}

/* By strptime, whole and with a day that the month has; `ret_ms` as if it were UTC. */
static bool parts_read(struct arena *arena, const char *format, str cell, struct tm *ret_parts, int64_t *ret_ms)
{
    struct tm parts = {.tm_mday = 1};
    if (memchr(cell.data, 0, cell.length))
        return false;
    const char *end = strptime(str_z(arena, cell), format, &parts);
    if (!end || *end)
        return false;
    struct tm same = parts;
    *ret_ms = (int64_t)timegm(&same) * SECOND_MS;
    if (same.tm_mday != parts.tm_mday || same.tm_mon != parts.tm_mon || parts.tm_year < -1900 || parts.tm_year > 8099)
        return false;
    *ret_parts = parts;
    return true;
}

static bool unix_value(str cell, bool in_ms, int64_t *ret_ms)
{
    int64_t number;
    double seconds;
    if (str_to_int64(cell, &number) && number >= 0 && number < (in_ms ? INT64_C(253402300800000) : INT64_C(253402300800)))
        *ret_ms = in_ms ? number : number * SECOND_MS;
    else if (!in_ms && str_to_double(cell, &seconds) && seconds >= 0 && seconds < 253402300800.0)
        *ret_ms = (int64_t)(seconds * 1000.0);
    else
        return false;
    return true;
}

static const char *time_value(struct arena *arena, const struct cell_rule *rule, str cell, str *ret_json)
{
    char text[TIME_TEXT_SIZE];
    struct tm parts;
    int64_t ms;
    bool fine;
    if (!rule->format)
        fine = time_parse(cell, &ms);
    else if (strncmp(rule->format, "unix", 4) == 0)
        fine = unix_value(cell, strcmp(rule->format, "unix_ms") == 0, &ms);
    else if ((fine = parts_read(arena, rule->format, cell, &parts, &ms)))
        ms = strstr(rule->format, "%z") ? ms - parts.tm_gmtoff * SECOND_MS : from_zone(ms, rule->zone);
    if (!fine)
        return "not a time in this format";
    if (ms < 0)
        return "a time before 1970";
    (void)time_text(ms, text); /* the text is in `text` */
    *ret_json = str_printf(arena, "\"%s\"", text);
    return NULL;
}

/* A day of the calendar: no zone moves it. */
static const char *date_value(struct arena *arena, const struct cell_rule *rule, str cell, str *ret_json)
{
    struct tm parts;
    int64_t ms;
    char text[TIME_TEXT_SIZE];
    if (rule->format && strncmp(rule->format, "unix", 4) == 0) {
        if (!unix_value(cell, strcmp(rule->format, "unix_ms") == 0, &ms))
            return "not a date in this format";
        (void)time_text(ms, text); /* the text is in `text` */
        *ret_json = str_printf(arena, "\"%.10s\"", text);
        return NULL;
    }
    bool fine = parts_read(arena, rule->format ? rule->format : "%Y-%m-%d", cell, &parts, &ms);
    if (!fine && !rule->format && cell.length > 10 && (cell.data[10] == 'T' || cell.data[10] == ' '))
        fine = parts_read(arena, "%Y-%m-%d", str_slice(cell, 0, 10), &parts, &ms);
    if (!fine)
        return "not a date in this format";
    *ret_json = str_printf(arena, "\"%04d-%02d-%02d\"", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    return NULL;
}

const char *cell_rule_problem(const struct cell_rule *rule)
{
    int minute, weekday;
    if (rule->format && strlen(rule->format) > FORMAT_BYTES_MAX)
        return "the format is too long";
    bool named = rule->format && (strcmp(rule->format, "unix") == 0 || strcmp(rule->format, "unix_ms") == 0);
    if (rule->format && !named && !strchr(rule->format, '%'))
        return "a format is unix, unix_ms, or made of %Y %m %d %H %M %S and what stands between them";
    if (!str_empty(rule->zone) && !time_local(0, rule->zone, &minute, &weekday))
        return "this time zone is unknown; write it as Europe/Budapest";
    return NULL;
}

/* ---- the rest ---- */

static bool any_of(str cell, const cell_words *words, const char *const *usual)
{
    vec_each (word, words)
        if (str_equal_nocase(cell, *word))
            return true;
    for (; *usual; usual++)
        if (str_equal_nocase(cell, str_of(*usual)))
            return true;
    return false;
}

static const char *boolean_value(const struct cell_rule *rule, str cell, str *ret_json)
{
    static const char *const yes[] = {"true", "yes", "y", "1", "on", NULL};
    static const char *const no[] = {"false", "no", "n", "0", "off", NULL};
    static const char *const none[] = {NULL};
    bool is_yes = any_of(cell, &rule->yes, none), is_no = !is_yes && any_of(cell, &rule->no, none); /* its own words come first */
    if (!is_yes && !is_no) {
        is_yes = any_of(cell, &rule->yes, yes);
        is_no = any_of(cell, &rule->no, no);
    }
    if (is_yes)
        *ret_json = STR("true");
    else if (is_no)
        *ret_json = STR("false");
    return is_yes || is_no ? NULL : "neither yes nor no";
}

static str list_value(struct arena *arena, str cell, char separator)
{
    struct buf out;
    struct jsonw w;
    str part;
    buf_init(&out, arena, cell.length * 9 + 16);
    jsonw_init(&w, &out);
    jsonw_array(&w);
    while (str_split(&cell, separator, &part))
        if (!str_empty(str_trim(part)))
            jsonw_string(&w, str_trim(part));
    jsonw_array_end(&w);
    return buf_str(&out);
}

const char *cell_value(struct arena *arena, const struct cell_rule *rule, str cell, str *ret_json)
{
    struct json value;
    const struct err *error;
    str trimmed = str_trim(cell);
    *ret_json = STR_NONE;
    if (str_empty(trimmed))
        return NULL;
    switch (rule->type) {
    case CELL_TEXT: *ret_json = json_text(arena, cell); return NULL;
    case CELL_NUMBER: return number_text(arena, trimmed, rule->decimal, false, ret_json) ? NULL : "not a number";
    case CELL_INTEGER: return number_text(arena, trimmed, rule->decimal, true, ret_json) ? NULL : "not a whole number";
    case CELL_BOOLEAN: return boolean_value(rule, trimmed, ret_json);
    case CELL_TIME: return time_value(arena, rule, trimmed, ret_json);
    case CELL_DATE: return date_value(arena, rule, trimmed, ret_json);
    case CELL_LIST: *ret_json = list_value(arena, trimmed, rule->separator); return NULL;
    case CELL_JSON:
        error = json_read(arena, trimmed, &value);
        if (error)
            return "not JSON";
        *ret_json = trimmed;
        return NULL;
    }
    return "of no known type";
}
