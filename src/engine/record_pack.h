/* What a ledger entry commits to, made small before it is sealed: packed by LZ4 against words that all such records have in common. A record of a consent
 * says in names and times what its row says once more, so most of it is that.
 *
 * 1. The words are fixed, for what was packed with them is evidence: another set gets another first byte.
 * 2. What is too short to gain by it, and what was stored before there was packing, stands as it is: a record is a JSON object, so it begins with `{`.
 */
#ifndef TELOS_ENGINE_RECORD_PACK_H
#define TELOS_ENGINE_RECORD_PACK_H

#include "base/str.h"

str record_pack(struct arena *arena, str record);
/* False: damaged. */
bool record_unpack(struct arena *arena, str packed, str *ret_record);

#endif
