/* What people and programs read: tables and words on a terminal, JSON with --json, progress on stderr.
 *
 * 1. What came from data is shown without control characters: a trait must not steer a terminal.
 * 2. Colours only on a terminal, and never with NO_COLOR set.
 * 3. JSON is written on one line to a file or a pipe, indented on a terminal.
 */
#ifndef TELOS_MAIN_OUTPUT_H
#define TELOS_MAIN_OUTPUT_H

#include "base/json.h"
#include "base/vec.h"

#include <stdio.h>

struct output {
    bool json, terminal, colour;
    unsigned width; /* of the terminal, else 100 */
};
void output_init(struct output *out, bool json);

enum ink { INK_NONE, INK_BOLD, INK_DIM, INK_GOOD, INK_BAD, INK_WARN };
/* Words on stdout; control characters but line ends are replaced. */
void output_text(const struct output *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_ink(const struct output *out, enum ink ink, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A text byte by byte, but cleaned on a terminal. */
void output_raw(const struct output *out, str text);
/* One JSON value on stdout, with a line end. */
void output_json(const struct output *out, str json_text);
/* A line on stderr, as "telos: TEXT"; without the name where it is only a note. */
void output_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void output_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* False when stdout could not be written (a full disk, a closed pipe). */
bool output_flush(void);

/* A JSON value in a few words, for a cell: strings without quotes, lists with commas, times to the second. */
str output_cell(struct arena *arena, const struct json *value);
/* "1,234,567". */
str output_number(struct arena *arena, uint64_t number);
/* "2 d", "3 h 10 min", "45 s". */
str output_span(struct arena *arena, int64_t ms);

struct table {
    struct arena *arena;
    size_t columns;
    const char *const *heads;
    VEC(str) cells;
};
void table_init(struct table *table, struct arena *arena, const char *const *heads, size_t columns);
void table_add(struct table *table, str cell);
void table_print(const struct output *out, const struct table *table);
/* Rows from a JSON list: `paths` are dotted paths into each item. */
void table_add_items(struct table *table, const struct json *items, const char *const *paths);

/* Progress on stderr: a bar with rate and time left on a terminal; else a line each ten seconds. */
struct progress {
    const char *label, *unit; /* "Importing", "messages" */
    bool terminal, shown;
    int64_t begun_us, drawn_us;
    uint64_t begun_done; /* what had been done before this run */
};
void progress_begin(struct progress *progress, const char *label, const char *unit, uint64_t done);
/* `done` of `all` decide the bar (bytes, pages, …); `units` is what the rate counts. `all` 0: unknown. */
void progress_show(struct progress *progress, uint64_t done, uint64_t all, uint64_t units);
/* Clears the bar, so that words can follow. */
void progress_end(struct progress *progress);

#endif
