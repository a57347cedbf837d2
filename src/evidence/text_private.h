/* Small pieces of text that several formats here share. All reading is strict: each value has exactly one text. */
#ifndef TELOS_EVIDENCE_TEXT_PRIVATE_H
#define TELOS_EVIDENCE_TEXT_PRIVATE_H

#include "evidence/merkle.h"

/* Standard base64, padded, nothing else. */
bool text_unbase64(struct arena *arena, str text, str *ret_data);
bool text_hash(struct arena *arena, str text, struct hash *ret);
/* A decimal number without a sign and without zeroes before it, up to UINT64_MAX. */
bool text_uint64(str text, uint64_t *ret);
/* Takes the next line off `*rest`, without its newline; false when there is no whole line. */
bool text_line(str *rest, str *ret_line);

#endif
