/* An event's parts as every backend stores them: their sealed bytes in one value, the numbers of their purpose sets in another.
 *
 *     parts   class of the key (1 byte) | length (4, little-endian) | sealed bytes; one part after the other
 *     sets    "3" or "3,7": the set of each part
 */
#ifndef TELOS_STORE_EVENT_PARTS_H
#define TELOS_STORE_EVENT_PARTS_H

#include "model/person.h"
#include "store/purpose_set.h"

/* At most EVENT_PARTS_MAX parts; both in `arena`. */
str event_parts_pack(struct arena *arena, const struct event *event);
str event_sets_text(struct arena *arena, struct purpose_sets *sets, const struct event *event);
/* The way back. Parts without a set have no purpose, so that the gate denies them. */
void event_parts_unpack(str parts, str set_names, struct arena *arena, struct purpose_sets *sets, struct event *event);
/* Names of all purposes in the sets of such a text. */
str event_sets_names(str set_names, struct arena *arena, struct purpose_sets *sets);

#endif
