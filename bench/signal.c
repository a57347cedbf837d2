/* What reading a TC string costs beside turning the same string from base64 into bytes: a typical one (bitfields of some hundred vendors,
 * disclosed vendors, publisher's segment), and one with ranges and restrictions. Ours and the reference take turns in one process; processor time
 * is counted, not the clock's. Prints JSON lines: strings a second, medians.
 *
 * usage: signal [rounds]
 */
#include "base/err.h"
#include "signal/gpp.h"
#include "signal/tcf.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { STRINGS = 20000, ROUNDS_MAX = 101 };

static const struct {
    const char *name, *text;
} cases[] = {
    {"typical", "CQuPXIAQuPXIAmTiX8ENCOF0AP_gAEIAAIYgHBtswWdABlAEBQtQEMZIqEAB8GoJno7GVyeiIOjbBkySFfUwi5XoFICACcgKYUqVa6EGbIAYsBMk1SgQtz1z"
     "wNRGIQILA-TB4EoJakIqhZ5cjWCgYpiA0MD1osQMV6AS4Z5gpLwhlQC3UL5GshwA9SBwgcC62dZ2JgUxogIIzQU-UzogeQByCRXEiAJMABBcrVIyUBQDpBYD"
     "BcJxQOe59FRATiARcX6dgwbGICCwRAA4qAqyEgZMCihgWEggIFCGaGZQJxZZ4A6tPBYDniB8UoTYuLHMIjREc5ACwBGaQdgiZhDsIAowADAj4CQCoAIA6gDb"
     "QoAMA34CAwESEgBMAkQCSAH7AnACcgE-wJ_AoCBTgFOgMsAaBA2QDZRQAYAA4AMYBPgFHAKwArQEMwNkA2UA.IAAA.YAAAEA1JcGiIIQ8AAAAAAAAA"},
    {"ranges", "CQuPXIAQuPXIAWsN_ZENCOF8AH_gAEKAAIYgAuwAoAogCpAFYAXQAAAClwAIApyQASABoAIACHAM3AfcB-B0ASBM4E0AMEAYNAzkDOhgAKBDoEPAMvKgAgAj"
     "QCSAJQAA.IAAA.YIAQQAH4A8gA"},
    {"california in GPP", "DBABBg~BUUAAABA.YA"},
};

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static unsigned sink; /* so that nothing is left out */

static void read_string(struct arena *arena, str text)
{
    if (text.data[0] == 'D') {
        struct gpp gpp;
        sink += gpp_read(arena, text, &gpp);
        return;
    }
    struct tcf tcf;
    sink += tcf_read(arena, text, &tcf);
}

/* The segments one by one: a dot is no base64, nor is what joins the sections of GPP. */
static void decode_base64(struct arena *arena, str text)
{
    str rest = text, part, data;
    while (str_split(&rest, text.data[0] == 'D' ? '~' : '.', &part)) {
        part.length -= part.length % 4; /* the reference takes whole groups */
        sink += str_unbase64(arena, part, &data);
    }
}

static double measure(struct arena *arena, str text, void (*work)(struct arena *arena, str text))
{
    double began = now_ns();
    for (int i = 0; i < STRINGS; i++) {
        work(arena, text);
        arena_clear(arena);
    }
    return (now_ns() - began) / STRINGS;
}

static int order(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

int main(int count, char **arguments)
{
    int rounds = count > 1 ? (int)strtol(arguments[1], NULL, 10) : 9;
    struct arena arena;
    arena_init(&arena);
    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double ours[ROUNDS_MAX], reference[ROUNDS_MAX];
        str text = str_of(cases[i].text);
        for (int round = 0; round < rounds; round++) {
            ours[round] = measure(&arena, text, read_string);
            reference[round] = measure(&arena, text, decode_base64);
        }
        qsort(ours, (size_t)rounds, sizeof *ours, order);
        qsort(reference, (size_t)rounds, sizeof *reference, order);
        double mine = ours[rounds / 2], base = reference[rounds / 2];
        printf("{\"name\": \"read a consent string: %s\", \"bytes\": %zu, \"ns\": %.0f, \"ours\": %.0f, \"reference\": %.0f, \"unit\": \"strings/s\"}\n",
               cases[i].name, text.length, mine, 1e9 / mine, 1e9 / base);
    }
    arena_release(&arena);
    return sink == 0;
}
