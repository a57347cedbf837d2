/* Reading JSON that comes from outside: HTTP bodies, lines of files, messages of a broker. What json_read repairs or decides in silence is refused here,
 * because another program may read the same text otherwise: a name twice in one object, and bytes that are no UTF-8. A lone surrogate as an escape (\ud800) is
 * valid UTF-8 and sent by real clients, so it is taken as json_read takes it. What Telos itself stored is read by json_read.
 */
#ifndef TELOS_BASE_JSON_STRICT_H
#define TELOS_BASE_JSON_STRICT_H

#include "base/json.h"

/* ERR_MALFORMED says what is wrong, where (the path, the byte) and what to do. */
const struct err *json_read_strict(struct arena *arena, str text, struct json *ret_value) MUST_CHECK;

#endif
