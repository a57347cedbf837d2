/* Makes consent strings bit by bit, for tests: an encoder of their own, so that decoders are not compared with themselves. */
#ifndef TELOS_TESTS_SIGNAL_MAKE_H
#define TELOS_TESTS_SIGNAL_MAKE_H

#include "base/str.h"

struct bit_text {
    char text[4096];
    unsigned bits;
};

static inline void bits_put(struct bit_text *t, uint64_t value, unsigned width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (unsigned i = width; i-- > 0; t->bits++) {
        unsigned place = t->bits / 6, at = 5 - t->bits % 6;
        unsigned now = at == 5 ? 0 : (unsigned)(strchr(digits, t->text[place]) - digits);
        t->text[place] = digits[now | (unsigned)(value >> i & 1) << at];
        t->text[place + 1] = 0;
    }
}

struct tc_make { /* zero: a string of TCF 2.3 that grants nothing */
    int64_t day_ms;
    uint32_t consent, interest; /* bit id - 1 */
    uint32_t own_consent, own_interest; /* of the publisher's segment */
    bool no_publisher, no_disclosed, global;
    unsigned policy_version, custom_count;
    uint64_t custom_consent; /* bit id - 1 */
    unsigned vendor, vendor_interest, disclosed; /* one vendor each; 0: none */
    unsigned restrict_purpose, restrict_type, restrict_vendor;
};

static inline void purposes_put(struct bit_text *t, uint32_t mask, unsigned count)
{
    for (unsigned id = 1; id <= count; id++)
        bits_put(t, mask >> (id - 1) & 1, 1);
}

static inline void vendor_put(struct bit_text *t, unsigned vendor)
{
    bits_put(t, vendor, 16);
    bits_put(t, vendor != 0, 1);
    if (!vendor)
        return; /* an empty bitfield */
    bits_put(t, 1, 12);
    bits_put(t, 0, 1);
    bits_put(t, vendor, 16);
}

static inline str tc_make(struct arena *arena, const struct tc_make *make)
{
    struct bit_text core = {0}, disclosed = {0}, publisher = {0};
    uint64_t day = (uint64_t)make->day_ms / 100;
    bits_put(&core, 2, 6);
    bits_put(&core, day, 36);
    bits_put(&core, day, 36);
    bits_put(&core, 31, 12);
    bits_put(&core, 7, 12);
    bits_put(&core, 1, 6);
    bits_put(&core, 'H' - 'A', 6);
    bits_put(&core, 'U' - 'A', 6);
    bits_put(&core, 142, 12);
    bits_put(&core, make->policy_version ? make->policy_version : 5, 6);
    bits_put(&core, !make->global, 1);
    bits_put(&core, 0, 1);
    bits_put(&core, 0, 12);
    purposes_put(&core, make->consent, 24);
    purposes_put(&core, make->interest, 24);
    bits_put(&core, 0, 1);
    bits_put(&core, 'H' - 'A', 6);
    bits_put(&core, 'U' - 'A', 6);
    vendor_put(&core, make->vendor);
    vendor_put(&core, make->vendor_interest);
    bits_put(&core, make->restrict_purpose != 0, 12);
    if (make->restrict_purpose) {
        bits_put(&core, make->restrict_purpose, 6);
        bits_put(&core, make->restrict_type, 2);
        bits_put(&core, 1, 12);
        bits_put(&core, 1, 1);
        bits_put(&core, make->restrict_vendor, 16);
        bits_put(&core, make->restrict_vendor + 2, 16);
    }
    bits_put(&disclosed, 1, 3);
    vendor_put(&disclosed, make->disclosed);
    bits_put(&publisher, 3, 3);
    purposes_put(&publisher, make->own_consent, 24);
    purposes_put(&publisher, make->own_interest, 24);
    bits_put(&publisher, make->custom_count, 6);
    for (unsigned id = 1; id <= make->custom_count; id++)
        bits_put(&publisher, make->custom_consent >> (id - 1) & 1, 1);
    bits_put(&publisher, 0, make->custom_count);
    return str_printf(arena, "%s%s%s%s%s", core.text, make->no_disclosed ? "" : ".", make->no_disclosed ? "" : disclosed.text,
                      make->no_publisher ? "" : ".", make->no_publisher ? "" : publisher.text);
}

#define TCF_BIT(id) (UINT32_C(1) << ((id)-1))

#endif
