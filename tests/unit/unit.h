/* What every unit test includes first: cmocka with what it needs, and a comparison of slices. */
#ifndef TELOS_TESTS_UNIT_H
#define TELOS_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Shows both texts when they differ. */
static inline void check_str_at(str got, str wanted, const char *file, int line)
{
    if (str_equal(got, wanted))
        return;
    print_error("got    <%.*s>\nwanted <%.*s>\n", STR_FMT(got), STR_FMT(wanted));
    _fail(file, line);
}
#define check_str(got, literal) check_str_at((got), str_of(literal), __FILE__, __LINE__)

/* The call must succeed; shows the error otherwise. */
static inline void check_fine_at(const struct err *err, const char *file, int line)
{
    if (!err)
        return;
    print_error("error %s: %s\n", err_name(err->code), err->text);
    _fail(file, line);
}
#define check_fine(call) check_fine_at((call), __FILE__, __LINE__)

static inline void check_code_at(const struct err *err, enum err_code code, const char *file, int line)
{
    if (err && err->code == code)
        return;
    print_error("got %s, wanted %s\n", err ? err_name(err->code) : "no error", err_name(code));
    _fail(file, line);
}
#define check_code(call, code) check_code_at((call), (code), __FILE__, __LINE__)

#endif
