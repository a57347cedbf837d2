/* The log: one line an event on stderr, `TIME level part message key=value…`. Only floors 4–6 log.
 * Never personal data, never a secret: values are counts, codes, names from the policy, and request ids. */
#ifndef TELOS_BASE_LOG_H
#define TELOS_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* From TELOS_LOG: debug, info (default), warn, error. */
void log_init(void);
/* Another level from now on, by its name; false (and no change) when there is no such level. Any thread. */
bool log_set(const char *level);
void log_write(enum log_level level, const char *part, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The request id of this thread, shown in each line at debug level; 0 for none. */
void log_request(unsigned long long request_id);

#endif
