/* gzip and zlib bodies, unpacked under a bound (a bomb is refused as too large, not unpacked). */
#ifndef TELOS_BASE_GZIP_H
#define TELOS_BASE_GZIP_H

#include "base/err.h"
#include "base/str.h"

/* True when the bytes start like gzip (1f 8b). */
static inline bool gzip_is(str data) { return data.length > 2 && (uint8_t)data.data[0] == 0x1f && (uint8_t)data.data[1] == 0x8b; }
/* ERR_TOO_LARGE past `max`, ERR_MALFORMED when broken or truncated. */
const struct err *gzip_unpack(struct arena *arena, str data, size_t max, str *ret_text) MUST_CHECK;
str gzip_pack(struct arena *arena, str text);

#endif
