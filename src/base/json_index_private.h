/* simdjson's first stage, the one on which its On-Demand and DOM readers both stand: the positions of all structural
 * characters and of the starts of all scalars, found by the best instruction set of this machine. */
#ifndef TELOS_BASE_JSON_INDEX_PRIVATE_H
#define TELOS_BASE_JSON_INDEX_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum json_index_result { JSON_INDEX_FINE, JSON_INDEX_BROKEN, JSON_INDEX_UTF8, JSON_INDEX_MEMORY };

/* Positions into `text`, in order; they are good until this thread's next call. After the last stands `length` itself.
 * Checked: UTF-8, that strings are closed, and that they hold no control characters. */
enum json_index_result json_index(const char *text, size_t length, const uint32_t **ret_positions, size_t *ret_count);
/* Gives back this thread's memory beyond what usual texts need. */
void json_index_trim(void);

#ifdef __cplusplus
}
#endif
#endif
