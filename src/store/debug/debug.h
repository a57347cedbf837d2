/* The store that wraps another: it traces calls, slows them, and fails the n-th at a named point (points.h).
 *
 * 1. Without anything armed it changes nothing but costs a few nanoseconds a call.
 * 2. Faults of files (disk_full, sync, exit_in_…) lie below SQLite: store_debug_files must be called before the store is opened.
 * 3. Arming and disarming may happen on any thread.
 */
#ifndef TELOS_STORE_DEBUG_H
#define TELOS_STORE_DEBUG_H

#include "store/debug/points.h"
#include "store/store.h"

/* Puts a layer below SQLite, for the life of the process, in which files can be made to fail. */
void store_debug_files(void);

/* After `skip` more calls that pass, the next `times` calls at the point fail (UINT64_MAX: until disarmed). False when there is no such point, or
 * when it is one of files and store_debug_files was not called. */
bool store_debug_arm(struct store *store, str point, uint64_t skip, uint64_t times);
void store_debug_disarm(struct store *store, str point);
/* How often the point was reached, failing or not. */
uint64_t store_debug_reached(struct store *store, str point);
/* Each call takes at least this much longer. */
void store_debug_slow(struct store *store, uint32_t each_us);
/* Told after each call. NULL: no more. Set it while no call is under way. */
typedef void (*store_debug_trace)(void *context, const char *call, int64_t took_us, const struct err *err);
void store_debug_tell(struct store *store, store_debug_trace trace, void *context);
/* Names and descriptions, one after the other, for `telos debug`; false at the end. *position starts at 0. */
bool store_debug_point(size_t *position, const char **ret_name, const char **ret_what);

#endif
