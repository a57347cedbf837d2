/* IAB TCF strings: the TC string of Europe, format 2 in its versions 2.2 and 2.3 (TCF "Consent string and vendor list formats v2", "TC string
 * format"), and the string of Canada (TCF Canada v1.1, section 5 of GPP), whose core differs where marked. Segments are base64, joined by dots.
 *
 *   core, bits                       Europe                                     Canada
 *     0   6  version                 2                                          1
 *     6  36  created                 tenths of a second since 1970              the same
 *    42  36  last updated            since 2.2 the same as created, to the day
 *    78  12  CMP id    90  12 CMP version    102  6 consent screen    108  12 language: two letters, A = 0
 *   120  12  vendor list version   132   6 policy version
 *   138   1  is service specific     must be 1 since 2.2                        not there: all that follows lies one bit before
 *   139   1  use of non-standard texts
 *   140  12  special feature opt-ins                                            special features, express consent
 *   152  24  purposes, consent                                                  purposes, express consent
 *   176  24  purposes, legitimate interest established and not objected to      purposes, implied consent
 *   200   1  purpose one treatment   201  12 publisher's country                neither
 *   213      vendors, consent: 16 highest id · 1 is range · bitfield, or 12 count × {1 is range · 16 first [· 16 last]}
 *            vendors, legitimate interest: the same                             ids in Fibonacci coding, each from the one before
 *            12 publisher restrictions × {6 purpose · 2 type · 12 count × …}    the same, with 16 highest id · 1 is range before the ranges
 *   segment 1, disclosed vendors: 3 type · vendors (mandatory in 2.3)           optional
 *   segment 2, allowed vendors: 3 type · vendors (until 2.1; read, never used)
 *   segment 3, publisher's purposes: 3 type · 24 consent · 24 legitimate interest · 6 count of custom purposes · their consent · their interest
 *
 * 1. What cannot be read to its last bit, or breaks a rule, is a fault, and grants nothing; what was read before it serves only for showing.
 * 2. Absent segments grant nothing: without the publisher's there is no word on the operator's own purposes, and nobody was disclosed
 *    without the disclosed vendors.
 * 3. Vendors stay in the string: `vendor_in` looks them up where they are. So nothing is bigger than the string.
 */
#ifndef TELOS_SIGNAL_TCF_H
#define TELOS_SIGNAL_TCF_H

#include "base/str.h"

/* code, spelling, text for people */
#define TCF_FAULTS(X)                                                                                                  \
    X(TCF_FINE, "", "")                                                                                                \
    X(TCF_NOT_BASE64, "not_base64", "it is empty, too long, or not web-safe base64")                                   \
    X(TCF_VERSION, "version", "it is of another version than 2 (Canada: 1)")                                           \
    X(TCF_CUT_SHORT, "cut_short", "it ends in the middle of a field")                                                  \
    X(TCF_OVERLONG, "overlong", "something follows the last field")                                                    \
    X(TCF_VALUE, "value", "a field holds a value that the format does not know")                                       \
    X(TCF_RANGE, "range", "a range of vendors is empty, turned round, or past the highest id")                         \
    X(TCF_SEGMENT_UNKNOWN, "segment_unknown", "it has a segment of an unknown type")                                   \
    X(TCF_SEGMENT_TWICE, "segment_twice", "it has a segment twice")                                                    \
    X(TCF_GLOBAL_SCOPE, "global_scope", "it is not service specific; global scope ended with TCF 2.2")                 \
    X(TCF_POLICY_VERSION, "policy_version", "its policy version is below 4, that of TCF 2.2")                          \
    X(TCF_INTEREST, "interest", "it claims a legitimate interest for purpose 1, 3, 4, 5 or 6, which rest on consent alone") \
    X(TCF_NOT_DISCLOSED, "not_disclosed", "it lacks the segment of disclosed vendors, mandatory in TCF 2.3")
enum tcf_fault {
#define X(code, name, text) code,
    TCF_FAULTS(X)
#undef X
        TCF_FAULT_COUNT
};
const char *tcf_fault_name(enum tcf_fault fault);
const char *tcf_fault_text(enum tcf_fault fault);

enum { TCF_PURPOSES = 24, TCF_FEATURES = 12, TCF_CUSTOM_MAX = 63 };

enum vendor_coding { VENDORS_BITFIELD, VENDORS_RANGES, VENDORS_FIBONACCI };
struct vendor_set {
    const uint8_t *bytes; /* NULL: nobody */
    uint32_t at, end; /* bits: of the bitfield or the first range; one past the last */
    uint16_t highest, ranges;
    uint8_t coding; /* enum vendor_coding */
};
bool vendor_in(const struct vendor_set *set, unsigned vendor);
/* Walks the ranges; a bitfield gives its runs of ones. `*position` begins at 0. */
struct vendor_walk {
    uint32_t at, done, last;
};
bool vendor_next(const struct vendor_set *set, struct vendor_walk *walk, unsigned *ret_first, unsigned *ret_last);

enum restriction_type { RESTRICT_PROHIBIT = 0, RESTRICT_TO_CONSENT = 1, RESTRICT_TO_INTEREST = 2 }; /* 3 is a fault */
struct tcf_restriction {
    uint8_t purpose, type; /* enum restriction_type */
    struct vendor_set vendors;
};

struct tcf {
    enum tcf_fault fault;
    bool canada;
    int64_t created_ms, updated_ms;
    uint16_t cmp_id, cmp_version, vendor_list_version;
    uint8_t version, consent_screen, policy_version;
    char language[3], publisher_country[3];
    bool service_specific, non_standard_texts, purpose_one_treatment;
    uint32_t features, consent, interest; /* by bit: tcf_bit() */
    struct vendor_set vendors_consent, vendors_interest, disclosed, allowed;
    bool has_disclosed, has_allowed, has_publisher;
    uint32_t publisher_consent, publisher_interest;
    uint8_t custom_count;
    uint64_t custom_consent, custom_interest;
    const uint8_t *bytes; /* the core, for the restrictions */
    uint32_t restrictions_at;
    uint16_t restriction_count;
    bool fibonacci; /* Canada: how its vendors are coded */
};

/* Reads a TC string. Returns whether it may be believed (no fault). Bounded by the string; takes its bytes from the arena. */
bool tcf_read(struct arena *arena, str text, struct tcf *ret_tcf);
bool tcf_read_canada(struct arena *arena, str text, struct tcf *ret_tcf);

/* Bit n (from 1) of a field of so many bits. */
static inline bool tcf_bit(uint64_t field, unsigned width, unsigned n) { return n >= 1 && n <= width && (field >> (width - n) & 1); }
static inline bool tcf_purpose(uint32_t field, unsigned purpose) { return tcf_bit(field, TCF_PURPOSES, purpose); }

struct restriction_walk {
    uint32_t at;
    uint16_t done;
};
/* The publisher's restrictions, one after the other; begins with a zeroed walk. */
bool tcf_restriction_next(const struct tcf *tcf, struct restriction_walk *walk, struct tcf_restriction *ret_restriction);

/* May this vendor process for the purpose, on consent (or else on legitimate interest)? Only where it was disclosed, the purpose's and the
 * vendor's bits are set, and no restriction says otherwise. */
bool tcf_vendor_may(const struct tcf *tcf, unsigned vendor, unsigned purpose, bool on_consent);

#endif
