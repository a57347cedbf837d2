/* From the columns of a CSV file to messages: the mapping, a YAML file.
 *
 *     type: identify                               # of all messages: the default, or track where there is an event
 *     delimiter: ";"                               # default: found out
 *     header: yes                                  # no: columns are named 1, 2, 3, …
 *     columns:
 *       customer no: userId                        # column: path
 *       e-mail:      traits.email
 *       born:        { to: traits.birthday, type: date, format: "%d.%m.%Y" }
 *       spent:       { to: traits.spent, type: number, decimal: "," }
 *       newsletter:  { to: context.consent.categoryPreferences.newsletter, type: boolean, yes: [igen], no: [nem] }
 *       changed at:  { to: timestamp, type: time, format: "%Y.%m.%d %H:%M", zone: Europe/Budapest }
 *       tags:        { to: traits.tags, type: list, separator: "|" }
 *       notes:       ~                             # left out, on purpose
 *     constants:
 *       traits.country: HU
 *
 * 1. An empty cell says nothing: its path is left out of the message.
 * 2. A cell that is not of its type costs its record (a reject that names the column, never the value).
 * 3. Without a mapping, each column must be named by its path.
 */
#ifndef TELOS_MAIN_IMPORT_MAP_H
#define TELOS_MAIN_IMPORT_MAP_H

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "model/person.h"
#include "policy/policy.h"

struct import_map;
/* Reads a mapping. Problems with line, column and suggestion; the error says only that there are some. */
const struct err *import_map_read(struct arena *arena, str yaml, policy_problems *ret_problems, struct import_map **ret_map) MUST_CHECK;
/* The mapping of a file without one: bound to its header. */
struct import_map *import_map_plain(struct arena *arena);
char import_map_delimiter(const struct import_map *map); /* 0: not said */
bool import_map_has_header(const struct import_map *map);
/* It fills traits, but its messages are no `identify`: Telos keeps traits of other messages with the event, not as
 * facts. */
bool import_map_traits_astray(const struct import_map *map);
/* Finds the columns in the header (or, without one, by number among `count`). Columns of the file that are mapped to
 * nothing are listed. */
const struct err *import_map_bind(struct arena *arena, struct import_map *map, const str *header, size_t count, str *ret_unused) MUST_CHECK;
/* A mapping to begin with, for a file without one: YAML that names each column. */
str import_map_suggest(struct arena *arena, const str *header, size_t count);
/* Writes one message as JSON, without a line end. False: `ret_why` says what is wrong, and `out` is as it was.
 * `message_id` is used where no column gives one. */
bool import_map_message(struct arena *arena, const struct import_map *map, const str *fields, size_t count, str message_id, struct buf *out, str *ret_why);

#endif
