/* From bytes to records: lines (NDJSON), or CSV records as in RFC 4180 (quoted fields may hold line ends), and CSV
 * fields.
 *
 * 1. Constant memory: a record is at most LIMIT_IMPORT_RECORD_BYTES. A longer one is told as RECORD_TOO_LONG, and
 * reading goes on with the next line; so does it after a quote that is never closed (RECORD_UNCLOSED), which therefore
 * costs its line, not the file.
 * 2. The same records come, however the bytes are cut into pieces.
 * 3. A UTF-8 byte order mark at the start is skipped. Empty lines are no records.
 */
#ifndef TELOS_MAIN_IMPORT_RECORD_H
#define TELOS_MAIN_IMPORT_RECORD_H

#include "base/err.h"
#include "base/str.h"

typedef const struct err *record_source(void *context, char *to, size_t room, size_t *ret_got); /* 0 bytes: the end */

enum record_state { RECORD_FINE, RECORD_TOO_LONG, RECORD_UNCLOSED };
struct record {
    str text; /* without its line end; good until the next call */
    enum record_state state;
    uint64_t offset, line; /* where it begins: bytes from the start, lines from 1 */
};

struct records {
    record_source *source;
    void *context;
    bool csv;
    char delimiter;
    char *data;
    size_t at, end, capacity; /* of what is read and not taken yet */
    uint64_t offset, line; /* of `at` */
    bool ended;
};
/* `delimiter` 0: lines. The buffer lives in `arena`. */
void records_init(struct records *records, struct arena *arena, record_source *source, void *context, char delimiter);
/* False in `ret_found` at the end. */
const struct err *records_next(struct records *records, struct record *ret_record, bool *ret_found) MUST_CHECK;
/* The first bytes without taking them, at most `room`: for finding out what a file is. */
const struct err *records_peek(struct records *records, str *ret_head) MUST_CHECK;

/* Cuts a CSV record into fields, quotes taken off. At most LIMIT_IMPORT_COLUMNS; the number beyond is still counted. */
size_t csv_fields(struct arena *arena, str record, char delimiter, str *ret_fields, size_t room);
/* The delimiter of a file by its first line: what stands most often outside quotes of `,` `;` and tab. */
char csv_delimiter(str head);

#endif
