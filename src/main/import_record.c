/* Lines and CSV records; the contract is in import_record.h. */
#include "main/import_record.h"

#include "base/limits.h"

void records_init(struct records *records, struct arena *arena, record_source *source, void *context, char delimiter)
{
    *records = (struct records){.source = source, .context = context, .csv = delimiter != 0, .delimiter = delimiter, .line = 1};
    records->capacity = LIMIT_IMPORT_RECORD_BYTES * 2;
    records->data = arena_alloc_raw(arena, records->capacity);
}

/* Reads more behind what is there; moves it to the front first where there is no room. */
static const struct err *fill(struct records *records)
{
    size_t got = 0;
    if (records->end == records->capacity) {
        memmove(records->data, records->data + records->at, records->end - records->at);
        records->end -= records->at;
        records->at = 0;
    }
    ASSERT(records->end < records->capacity);
    TRY(records->source(records->context, records->data + records->end, records->capacity - records->end, &got));
    records->end += got;
    records->ended = got == 0;
    return NULL;
}

static str rest_of(const struct records *records) { return str_bytes(records->data + records->at, records->end - records->at); }

/* Takes bytes from the front, counting lines. */
static void take(struct records *records, size_t count)
{
    const char *from = records->data + records->at, *end = from + count;
    for (const char *at = from; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        records->line++;
    records->at += count;
    records->offset += count;
    if (records->at == records->end)
        records->at = records->end = 0;
}

static const struct err *skip_mark(struct records *records)
{
    while (records->end - records->at < 3 && !records->ended)
        TRY(fill(records));
    if (str_starts(rest_of(records), STR("\xef\xbb\xbf")))
        take(records, 3);
    return NULL;
}

const struct err *records_peek(struct records *records, str *ret_head)
{
    if (records->offset == 0)
        TRY(skip_mark(records));
    while (records->end - records->at < LIMIT_IMPORT_RECORD_BYTES / 4 && !records->ended)
        TRY(fill(records));
    *ret_head = rest_of(records);
    return NULL;
}

/* Where a scan of a CSV record stands. */
enum csv_state { AT_FIELD, PLAIN, QUOTED, AFTER_QUOTE };

/* Position of the line end that ends the record, from `*position` on; -1: not in sight. */
static ptrdiff_t csv_end(str text, char delimiter, size_t *position, enum csv_state *state)
{
    for (size_t i = *position; i < text.length; i++) {
        char c = text.data[i];
        if (*state == QUOTED) {
            const char *quote = memchr(text.data + i, '"', text.length - i);
            i = quote ? (size_t)(quote - text.data) : text.length - 1;
            if (quote)
                *state = AFTER_QUOTE;
        } else if (c == '\n') {
            *position = i;
            return (ptrdiff_t)i;
        } else if (c == delimiter) {
            *state = AT_FIELD;
        } else if (c == '"' && *state != PLAIN) {
            *state = QUOTED; /* begins a field, or doubled inside one */
        } else {
            *state = PLAIN;
        }
    }
    *position = text.length;
    return -1;
}

static ptrdiff_t line_end(str text, size_t *position)
{
    ptrdiff_t end = str_find_char(str_slice(text, *position, text.length), '\n');
    if (end >= 0)
        return (ptrdiff_t)*position + end;
    *position = text.length;
    return -1;
}

/* Throws away bytes up to a line end. */
static const struct err *skip_line(struct records *records)
{
    for (;;) {
        size_t position = 0;
        str text = rest_of(records);
        ptrdiff_t end = line_end(text, &position);
        take(records, end < 0 ? text.length : (size_t)end + 1);
        if (end >= 0 || records->ended)
            return NULL;
        TRY(fill(records));
    }
}

/* A record that has no end: only its first line is lost. */
static const struct err *give_up(struct records *records, enum record_state state, struct record *ret_record)
{
    size_t position = 0;
    ptrdiff_t end = line_end(rest_of(records), &position);
    *ret_record = (struct record){.text = STR(""), .state = state, .offset = records->offset, .line = records->line};
    if (end < 0)
        return skip_line(records);
    take(records, (size_t)end + 1);
    return NULL;
}

/* The next piece between line ends; `ret_found` false at the end. */
static const struct err *next_piece(struct records *records, struct record *ret_record, bool *ret_found)
{
    enum csv_state state = AT_FIELD;
    size_t position = 0;
    for (;;) {
        str text = rest_of(records);
        ptrdiff_t end = records->csv ? csv_end(text, records->delimiter, &position, &state) : line_end(text, &position);
        size_t length = end < 0 ? text.length : (size_t)end;
        *ret_found = true;
        if (length > LIMIT_IMPORT_RECORD_BYTES)
            return give_up(records, RECORD_TOO_LONG, ret_record);
        if (end < 0 && records->ended && records->csv && state == QUOTED)
            return give_up(records, RECORD_UNCLOSED, ret_record);
        if (end >= 0 || records->ended) {
            *ret_found = end >= 0 || length > 0;
            *ret_record = (struct record){.text = str_slice(text, 0, length), .offset = records->offset, .line = records->line};
            take(records, end < 0 ? length : length + 1);
            return NULL;
        }
        TRY(fill(records));
    }
}

const struct err *records_next(struct records *records, struct record *ret_record, bool *ret_found)
{
    if (records->offset == 0)
        TRY(skip_mark(records));
    for (;;) {
        struct record record;
        bool found;
        TRY(next_piece(records, &record, &found));
        if (str_ends(record.text, STR("\r")))
            record.text.length--;
        if (found && record.state == RECORD_FINE && str_empty(str_trim(record.text)))
            continue;
        *ret_record = record;
        *ret_found = found;
        return NULL;
    }
}

/* ---- fields ---- */

/* The inside of a quoted field at the front of `*rest`, and what may follow its closing quote. */
static str quoted_field(struct arena *arena, str *rest, char delimiter)
{
    char *out = arena_alloc_raw(arena, rest->length);
    size_t length = 0, i = 1;
    bool quoted = true;
    for (; i < rest->length && (quoted || rest->data[i] != delimiter); i++) {
        char c = rest->data[i];
        if (!quoted || c != '"') {
            out[length++] = c;
        } else if (i + 1 < rest->length && rest->data[i + 1] == '"') {
            out[length++] = '"';
            i++;
        } else {
            quoted = false;
        }
    }
    *rest = str_slice(*rest, i, rest->length);
    return str_bytes(out, length);
}

size_t csv_fields(struct arena *arena, str record, char delimiter, str *ret_fields, size_t room)
{
    size_t count = 0;
    for (;;) {
        str field;
        if (record.length && record.data[0] == '"') {
            field = quoted_field(arena, &record, delimiter);
        } else {
            ptrdiff_t end = str_find_char(record, delimiter);
            size_t length = end < 0 ? record.length : (size_t)end;
            field = str_slice(record, 0, length);
            record = str_slice(record, length, record.length);
        }
        if (count < room)
            ret_fields[count] = field;
        count++;
        if (record.length == 0)
            return count;
        record = str_slice(record, 1, record.length); /* the delimiter */
    }
}

char csv_delimiter(str head)
{
    static const char all[] = {',', ';', '\t'};
    size_t counts[sizeof(all)] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < head.length; i++) {
        char c = head.data[i];
        if (c == '"')
            quoted = !quoted;
        else if (c == '\n' && !quoted)
            break;
        for (size_t k = 0; !quoted && k < sizeof(all); k++)
            counts[k] += c == all[k];
    }
    for (size_t k = 1; k < sizeof(all); k++)
        if (counts[k] > counts[best])
            best = k;
    return all[best];
}
