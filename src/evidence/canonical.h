/* Canonical JSON (RFC 8785, JCS): one text for one value, so that what was hashed or signed can be made again.
 *
 * 1. Members are sorted by their UTF-16 code units, no spaces, the shortest escapes.
 * 2. Numbers are doubles and written as ECMAScript writes them; a number past the doubles' range has no canonical text.
 *    An integer over 2^53 that must keep its digits belongs in a string.
 */
#ifndef TELOS_EVIDENCE_CANONICAL_H
#define TELOS_EVIDENCE_CANONICAL_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

/* STR_NONE when a number in it is beyond the doubles. */
str json_canonical(struct arena *arena, const struct json *value);
/* The same from text; ERR_MALFORMED or ERR_INVALID. */
const struct err *json_canonical_text(struct arena *arena, str text, str *ret) MUST_CHECK;

#define CANONICAL_NUMBER_SIZE 32
/* A finite double as ECMAScript's Number::toString writes it; returns it as a str over `ret_text`. */
str canonical_number(double value, char ret_text[CANONICAL_NUMBER_SIZE]);

#endif
