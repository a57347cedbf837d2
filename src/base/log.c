/* The log on stderr: each line is one write, so lines of several threads do not mix. The contract is in log.h. */
#include "base/log.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 2048 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static _Atomic int level_least = LOG_INFO;
static _Thread_local unsigned long long thread_request;

bool log_set(const char *wanted)
{
    for (int level = LOG_DEBUG; level <= LOG_ERROR; level++) {
        if (strcmp(wanted, level_names[level]) != 0)
            continue;
        atomic_store(&level_least, level);
        return true;
    }
    return false;
}

void log_init(void)
{
    const char *wanted = getenv("TELOS_LOG");
    atomic_store(&level_least, LOG_INFO);
    if (wanted)
        (void)log_set(wanted); /* an unknown level leaves the usual one */
}

void log_request(unsigned long long request_id) { thread_request = request_id; }

void log_write(enum log_level level, const char *part, const char *format, ...)
{
    int least = atomic_load_explicit(&level_least, memory_order_relaxed);
    if ((int)level < least)
        return;
    char line[LINE_BYTES_MAX], time[TIME_TEXT_SIZE];
    (void)time_text(clock_now_ms(), time); /* the text is in `time` */
    int head = snprintf(line, sizeof(line), "%s %s %s ", time, level_names[level], part);
    size_t length = head < 0 ? 0 : (size_t)head;
    if (length > sizeof(line) / 2)
        length = sizeof(line) / 2;
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + length, sizeof(line) - length, format, arguments);
    va_end(arguments);
    size_t room = sizeof(line) - length - 1;
    length += body < 0 ? 0 : (size_t)body < room ? (size_t)body : room;
    if (thread_request && least == LOG_DEBUG && length + 40 < sizeof(line)) {
        int tail = snprintf(line + length, sizeof(line) - length, " request=%llu", thread_request);
        length += tail < 0 ? 0 : (size_t)tail;
    }
    /* One event, one line: nothing that came in can forge a second one. */
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    if (length == sizeof(line))
        length--;
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, length); /* there is no better place to complain */
}
