/* One page of a list of the API, as a table or as JSON. */
#ifndef TELOS_MAIN_PAGE_H
#define TELOS_MAIN_PAGE_H

#include "main/client.h"

struct page_columns {
    const char *const *heads, *const *paths; /* as many of each: what stands above, and the member's path */
    size_t count;
};
/* Asks for `path` (with the run's --limit and --cursor, where the command has them) and prints what comes; `none` where nothing is in the list.
 * `ret_count` may be NULL. */
enum status run_page(struct run *run, str path, str purpose, const struct page_columns *columns, const char *none, size_t *ret_count);

#endif
