/* A file as a sequence of messages, ready to be sent: NDJSON, CSV by a mapping, or a Segment export.
 *
 * 1. A record that makes no message is told with its line and why, and costs only itself.
 * 2. A message without an id gets one made of its source, its place in the file and its text: the same again when the
 * file is read again, so that resuming doubles nothing.
 * 3. What is told of a record never holds its content.
 */
#ifndef TELOS_MAIN_IMPORT_FEED_H
#define TELOS_MAIN_IMPORT_FEED_H

#include "main/import_map.h"

enum import_format { IMPORT_UNKNOWN, IMPORT_NDJSON, IMPORT_CSV, IMPORT_SEGMENT };
const char *import_format_name(enum import_format format);
bool import_format_parse(str text, enum import_format *ret_format);

struct place { /* where to go on */
    uint64_t offset, line;
};
struct feed_options {
    const char *path, *source;
    enum import_format format; /* IMPORT_UNKNOWN: found out */
    str mapping; /* YAML; data NULL: none */
    const char *mapping_path; /* for complaints */
    struct place from; /* offset 0: the start */
};
struct feed;
const struct err *feed_open(struct arena *arena, const struct feed_options *options, struct feed **ret_feed) MUST_CHECK;
void feed_close(struct feed *feed); /* takes NULL */
enum import_format feed_format(const struct feed *feed);
str feed_unused(const struct feed *feed); /* columns that go nowhere, in words; may be empty */
bool feed_traits_astray(const struct feed *feed); /* see import_map_traits_astray */

struct feed_item {
    uint64_t line;
    str why; /* data NULL: a message was appended; otherwise what is wrong. Good until the next call */
};
/* Appends one message to `out`. */
const struct err *feed_next(struct feed *feed, struct buf *out, struct feed_item *ret_item, bool *ret_found) MUST_CHECK;
struct place feed_place(const struct feed *feed);
uint64_t feed_done_bytes(const struct feed *feed);
uint64_t feed_size_bytes(const struct feed *feed);

#endif
