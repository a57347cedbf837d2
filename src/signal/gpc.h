/* Global Privacy Control (W3C "Global Privacy Control", 3.1 "Sec-GPC"): the one value that counts is `1`. Any other value, and its absence, say
 * nothing; they are never a yes. Of a header that came several times any one `1` counts. */
#ifndef TELOS_SIGNAL_GPC_H
#define TELOS_SIGNAL_GPC_H

#include "base/str.h"

/* The value of the header, several of them joined by commas. */
static inline bool gpc_read(str value)
{
    str part;
    bool found = false;
    while (str_split(&value, ',', &part))
        found |= str_equal(str_trim(part), STR("1"));
    return found;
}

#endif
