/* Ids as distinct types, so that one kind cannot be passed for another. */
#ifndef TELOS_MODEL_IDS_H
#define TELOS_MODEL_IDS_H

#include "base/id.h"

/* Row numbers are dense and sequential: they name rows, vault slots and index entries. 0 is "none". What leaves Telos is the UUID. */
typedef struct profile_no { uint64_t value; } profile_no;
typedef struct event_no { uint64_t value; } event_no;
typedef struct identifier_hash { uint8_t bytes[16]; } identifier_hash; /* keyed hash of type and normalised value */

#define PROFILE_NONE ((profile_no){0})
static inline bool profile_no_equal(profile_no a, profile_no b) { return a.value == b.value; }

#endif
