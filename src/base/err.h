/* Errors are values. A function that can fail returns `const struct err *`: NULL when all is well.
 *
 * 1. Outputs stay untouched when an error is returned.
 * 2. The error lives in the arena it was made in; it is never freed on its own.
 * 3. `text` is for the user: it says where, what, and what to do. It never holds personal data or a secret.
 * 4. "Denied" and "not found" are results, not errors.
 */
#ifndef TELOS_BASE_ERR_H
#define TELOS_BASE_ERR_H

#include "base/arena.h"

#include <stdbool.h>

/* code, HTTP status, a retry helps, title (problem `title`; the problem `type` is /problems/NAME) */
#define ERR_CODES(X) \
    X(ERR_MALFORMED, "malformed", 400, false, "The request cannot be read") \
    X(ERR_INVALID, "invalid", 400, false, "A value is not allowed here") \
    X(ERR_UNAUTHENTICATED, "unauthenticated", 401, false, "The key or token is missing or unknown") \
    X(ERR_FORBIDDEN, "forbidden", 403, false, "This key or token may not do that") \
    X(ERR_NOT_FOUND, "not-found", 404, false, "There is nothing here") \
    X(ERR_METHOD, "method-not-allowed", 405, false, "This address does not take that method") \
    X(ERR_CONFLICT, "conflict", 409, false, "The present state does not allow it") \
    X(ERR_TOO_LARGE, "too-large", 413, false, "Over the size limit") \
    X(ERR_TOO_MANY, "too-many", 429, true, "Slow down") \
    X(ERR_POLICY, "policy-refused", 422, false, "The policy file is refused") \
    X(ERR_INTERNAL, "internal", 500, true, "Telos failed; the details are in its log") \
    X(ERR_UNAVAILABLE, "unavailable", 503, true, "Telos cannot store now; send it again later") \
    X(ERR_IO, "io", 503, true, "Reading or writing failed")

enum err_code {
#define X(code, name, status, retry, title) code,
    ERR_CODES(X)
#undef X
};

struct err {
    enum err_code code;
    const char *text; /* NUL-terminated, for the user */
    const struct err *cause; /* may be NULL */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Makes an error in `arena` with a printf text. */
const struct err *err_new(struct arena *arena, enum err_code code, const char *format, ...) __attribute__((format(printf, 3, 4), returns_nonnull)) MUST_CHECK;
/* The same with the cause beneath; its text follows after ": ". */
const struct err *err_wrap(struct arena *arena, const struct err *cause, const char *format, ...)
    __attribute__((format(printf, 3, 4), returns_nonnull)) MUST_CHECK;

/* What was made is an error: never NULL, since NULL means that all is well. The analyzer of scripts/lint.sh learns it here, and with it that
 * whoever got NULL got its outputs, too. */
static inline MUST_CHECK __attribute__((nonnull, returns_nonnull)) const struct err *err_made(const struct err *err) { return err; }
#define err_new(...) err_made(err_new(__VA_ARGS__))
#define err_wrap(...) err_made(err_wrap(__VA_ARGS__))

const char *err_name(enum err_code code);
const char *err_title(enum err_code code);
int err_status(enum err_code code);
bool err_retry_helps(enum err_code code);

/* Returns the error to the caller, if there is one. */
#define TRY(call) \
    do { \
        const struct err *try_error_ = (call); \
        if (try_error_) \
            return try_error_; \
    } while (0)

/* Assertions stay in release builds: a broken invariant stops the program before it is saved. */
void assert_failed(const char *expression, const char *file, int line) __attribute__((noreturn));
#define ASSERT(expression) ((expression) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))

#endif
