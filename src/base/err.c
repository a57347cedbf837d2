/* Errors as values, and the assertion's end. The contract is in err.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    const char *title;
    int status;
    bool retry_helps;
} codes[] = {
#define X(code, name, status, retry, title) [code] = {name, title, status, retry},
    ERR_CODES(X)
#undef X
};

static char *format_text(struct arena *arena, const char *format, va_list arguments, const char *tail)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    ASSERT(length >= 0);
    size_t tail_length = tail ? strlen(tail) + 2 : 0;
    char *text = arena_alloc_raw(arena, (size_t)length + tail_length + 1);
    (void)vsnprintf(text, (size_t)length + 1, format, arguments); /* measured just above */
    if (tail) {
        memcpy(text + length, ": ", 2);
        memcpy(text + length + 2, tail, tail_length - 1);
    }
    return text;
}

const struct err *(err_new)(struct arena *arena, enum err_code code, const char *format, ...)
{
    struct err *err = arena_new(arena, struct err);
    va_list arguments;
    va_start(arguments, format);
    err->code = code;
    err->text = format_text(arena, format, arguments, NULL);
    va_end(arguments);
    return err;
}

const struct err *(err_wrap)(struct arena *arena, const struct err *cause, const char *format, ...)
{
    ASSERT(cause);
    struct err *err = arena_new(arena, struct err);
    va_list arguments;
    va_start(arguments, format);
    err->code = cause->code;
    err->text = format_text(arena, format, arguments, cause->text);
    err->cause = cause;
    va_end(arguments);
    return err;
}

const char *err_name(enum err_code code) { return codes[code].name; }
const char *err_title(enum err_code code) { return codes[code].title; }
int err_status(enum err_code code) { return codes[code].status; }
bool err_retry_helps(enum err_code code) { return codes[code].retry_helps; }

void assert_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "telos: broken invariant at %s:%d: %s\n", file, line, expression);
    abort();
}
