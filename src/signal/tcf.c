/* Reads TC strings; the layout is in tcf.h. */
#include "signal/tcf.h"
#include "signal/bits_private.h"

enum {
    VERSION_EUROPE = 2, VERSION_CANADA = 1, POLICY_LEAST = 4, POLICY_DISCLOSES = 5,
    SEGMENT_DISCLOSED = 1, SEGMENT_ALLOWED = 2, SEGMENT_PUBLISHER = 3, SEGMENTS_MAX = 4
};
/* Strings made from then on need the segment of disclosed vendors, whatever policy version they name: 2026-03-01. */
#define DISCLOSES_FROM_MS INT64_C(1772323200000)
/* Purposes 1, 3, 4, 5 and 6. */
#define CONSENT_ONLY (UINT32_C(0x2F) << (TCF_PURPOSES - 6) & ~(UINT32_C(1) << (TCF_PURPOSES - 2)))

#define X(code, name, text) [code] = {name, text},
static const struct {
    const char *name, *text;
} faults[] = {TCF_FAULTS(X)};
#undef X

const char *tcf_fault_name(enum tcf_fault fault) { return faults[fault].name; }
const char *tcf_fault_text(enum tcf_fault fault) { return faults[fault].text; }

/* --- vendors */

/* One entry of a list of ranges. Fibonacci-coded ones count from the id before (`*last`). */
static bool range_read(struct bits *bits, bool fibonacci, uint32_t *last, uint32_t *ret_first)
{
    bool range = bits_read(bits, 1);
    if (!fibonacci) {
        *ret_first = (uint32_t)bits_read(bits, 16);
        *last = range ? (uint32_t)bits_read(bits, 16) : *ret_first;
        return !bits->past && *ret_first >= 1 && *last >= *ret_first;
    }
    uint32_t step = bits_fibonacci(bits), more = range && step ? bits_fibonacci(bits) : 0;
    *ret_first = *last + step;
    *last = *ret_first + more;
    return step && (!range || more) && *last <= UINT16_MAX;
}

static enum tcf_fault ranges_read(struct bits *bits, bool fibonacci, uint32_t highest, struct vendor_set *set)
{
    set->bytes = bits->bytes;
    set->coding = fibonacci ? VENDORS_FIBONACCI : VENDORS_RANGES;
    set->highest = (uint16_t)highest;
    set->ranges = (uint16_t)bits_read(bits, 12);
    set->at = bits->at;
    uint32_t first, last = 0;
    for (unsigned i = 0; i < set->ranges; i++) {
        bool fine = range_read(bits, fibonacci, &last, &first);
        if (bits->past)
            return TCF_CUT_SHORT;
        if (!fine || last > highest)
            return TCF_RANGE;
    }
    set->end = bits->at;
    return bits->past ? TCF_CUT_SHORT : TCF_FINE;
}

/* `set` stays as it was on a fault: nobody is in it. */
static enum tcf_fault vendors_read(struct bits *bits, bool fibonacci, struct vendor_set *set)
{
    struct vendor_set read = {0};
    uint32_t highest = (uint32_t)bits_read(bits, 16);
    enum tcf_fault fault = TCF_FINE;
    if (bits_read(bits, 1))
        fault = ranges_read(bits, fibonacci, highest, &read);
    else {
        read = (struct vendor_set){.bytes = bits->bytes, .at = bits->at, .highest = (uint16_t)highest, .coding = VENDORS_BITFIELD};
        bits_skip(bits, highest);
        read.end = bits->at;
        fault = bits->past ? TCF_CUT_SHORT : TCF_FINE;
    }
    *set = fault ? *set : read;
    return fault;
}

bool vendor_next(const struct vendor_set *set, struct vendor_walk *walk, unsigned *ret_first, unsigned *ret_last)
{
    if (!set->bytes)
        return false;
    if (set->coding == VENDORS_BITFIELD) {
        while (walk->done < set->highest && !bits_at(set->bytes, set->at + walk->done, 1))
            walk->done++;
        if (walk->done >= set->highest)
            return false;
        *ret_first = walk->done + 1;
        while (walk->done < set->highest && bits_at(set->bytes, set->at + walk->done, 1))
            walk->done++;
        *ret_last = walk->done;
        return true;
    }
    if (walk->done++ >= set->ranges)
        return false;
    struct bits bits = {.bytes = set->bytes, .count = set->end, .at = walk->at ? walk->at : set->at};
    (void)range_read(&bits, set->coding == VENDORS_FIBONACCI, &walk->last, ret_first); /* it was read before */
    walk->at = bits.at;
    *ret_last = walk->last;
    return true;
}

bool vendor_in(const struct vendor_set *set, unsigned vendor)
{
    struct vendor_walk walk = {0};
    unsigned first, last;
    if (!set->bytes || vendor < 1 || vendor > set->highest)
        return false;
    if (set->coding == VENDORS_BITFIELD)
        return bits_at(set->bytes, set->at + vendor - 1, 1);
    while (vendor_next(set, &walk, &first, &last))
        if (vendor >= first && vendor <= last)
            return true;
    return false;
}

/* --- restrictions */

static enum tcf_fault restriction_read(struct bits *bits, bool canada, bool fibonacci, struct tcf_restriction *restriction)
{
    *restriction = (struct tcf_restriction){.purpose = (uint8_t)bits_read(bits, 6), .type = (uint8_t)bits_read(bits, 2)};
    return canada && fibonacci ? vendors_read(bits, true, &restriction->vendors) : ranges_read(bits, false, UINT16_MAX, &restriction->vendors);
}

bool tcf_restriction_next(const struct tcf *tcf, struct restriction_walk *walk, struct tcf_restriction *ret_restriction)
{
    if (walk->done >= tcf->restriction_count)
        return false;
    struct bits bits = {.bytes = tcf->bytes, .count = UINT32_MAX, .at = walk->done ? walk->at : tcf->restrictions_at};
    (void)restriction_read(&bits, tcf->canada, tcf->fibonacci, ret_restriction); /* it was read before */
    walk->at = bits.at;
    walk->done++;
    return true;
}

static enum tcf_fault restrictions_read(struct bits *bits, struct tcf *tcf)
{
    struct tcf_restriction restriction;
    unsigned count = (unsigned)bits_read(bits, 12);
    tcf->bytes = bits->bytes;
    tcf->restrictions_at = bits->at;
    for (unsigned i = 0; i < count; i++) {
        enum tcf_fault fault = restriction_read(bits, tcf->canada, tcf->fibonacci, &restriction);
        if (fault)
            return fault;
        if (restriction.purpose < 1 || restriction.purpose > TCF_PURPOSES || restriction.type > RESTRICT_TO_INTEREST)
            return TCF_VALUE;
    }
    tcf->restriction_count = (uint16_t)count;
    return bits->past ? TCF_CUT_SHORT : TCF_FINE;
}

/* --- the segments */

static bool letters_read(struct bits *bits, char ret_text[3])
{
    unsigned first = (unsigned)bits_read(bits, 6), second = (unsigned)bits_read(bits, 6);
    bool fine = first < 26 && second < 26;
    ret_text[0] = fine ? (char)('A' + first) : '?';
    ret_text[1] = fine ? (char)('A' + second) : '?';
    ret_text[2] = 0;
    return fine;
}

static enum tcf_fault core_read(struct bits *bits, struct tcf *tcf)
{
    tcf->version = (uint8_t)bits_read(bits, 6);
    if (tcf->version != (tcf->canada ? VERSION_CANADA : VERSION_EUROPE))
        return bits->past ? TCF_CUT_SHORT : TCF_VERSION;
    tcf->created_ms = (int64_t)bits_read(bits, 36) * 100;
    tcf->updated_ms = (int64_t)bits_read(bits, 36) * 100;
    tcf->cmp_id = (uint16_t)bits_read(bits, 12);
    tcf->cmp_version = (uint16_t)bits_read(bits, 12);
    tcf->consent_screen = (uint8_t)bits_read(bits, 6);
    bool letters = letters_read(bits, tcf->language);
    tcf->vendor_list_version = (uint16_t)bits_read(bits, 12);
    tcf->policy_version = (uint8_t)bits_read(bits, 6);
    tcf->service_specific = tcf->canada || bits_read(bits, 1);
    tcf->non_standard_texts = bits_read(bits, 1);
    tcf->features = (uint32_t)bits_read(bits, TCF_FEATURES);
    tcf->consent = (uint32_t)bits_read(bits, TCF_PURPOSES);
    tcf->interest = (uint32_t)bits_read(bits, TCF_PURPOSES);
    if (!tcf->canada) {
        tcf->purpose_one_treatment = bits_read(bits, 1);
        letters &= letters_read(bits, tcf->publisher_country);
    }
    enum tcf_fault fault = vendors_read(bits, tcf->fibonacci, &tcf->vendors_consent);
    fault = fault ? fault : vendors_read(bits, tcf->fibonacci, &tcf->vendors_interest);
    fault = fault ? fault : restrictions_read(bits, tcf);
    if (fault)
        return fault;
    if (!bits_rest_empty(bits))
        return TCF_OVERLONG;
    return letters ? TCF_FINE : TCF_VALUE;
}

static enum tcf_fault publisher_read(struct bits *bits, struct tcf *tcf)
{
    if (tcf->has_publisher)
        return TCF_SEGMENT_TWICE;
    tcf->has_publisher = true;
    tcf->publisher_consent = (uint32_t)bits_read(bits, TCF_PURPOSES);
    tcf->publisher_interest = (uint32_t)bits_read(bits, TCF_PURPOSES);
    tcf->custom_count = (uint8_t)bits_read(bits, 6);
    unsigned high = tcf->custom_count > 32 ? 32 : tcf->custom_count, low = tcf->custom_count - high;
    tcf->custom_consent = bits_read(bits, high) << low;
    tcf->custom_consent |= bits_read(bits, low);
    tcf->custom_interest = bits_read(bits, high) << low;
    tcf->custom_interest |= bits_read(bits, low);
    return TCF_FINE;
}

static enum tcf_fault segment_read(struct bits *bits, struct tcf *tcf)
{
    unsigned type = (unsigned)bits_read(bits, 3);
    enum tcf_fault fault = TCF_SEGMENT_UNKNOWN;
    if (type == SEGMENT_PUBLISHER)
        fault = publisher_read(bits, tcf);
    if (type == SEGMENT_DISCLOSED || (type == SEGMENT_ALLOWED && !tcf->canada)) {
        bool disclosed = type == SEGMENT_DISCLOSED, *has = disclosed ? &tcf->has_disclosed : &tcf->has_allowed;
        fault = *has ? TCF_SEGMENT_TWICE : vendors_read(bits, tcf->fibonacci, disclosed ? &tcf->disclosed : &tcf->allowed);
        *has = true;
    }
    if (bits->past)
        return TCF_CUT_SHORT;
    return fault || bits_rest_empty(bits) ? fault : TCF_OVERLONG;
}

static enum tcf_fault rules_check(const struct tcf *tcf)
{
    if (tcf->canada)
        return TCF_FINE;
    if (!tcf->service_specific)
        return TCF_GLOBAL_SCOPE;
    if (tcf->policy_version < POLICY_LEAST)
        return TCF_POLICY_VERSION;
    if (tcf->interest & CONSENT_ONLY)
        return TCF_INTEREST;
    bool must = tcf->policy_version >= POLICY_DISCLOSES || tcf->updated_ms >= DISCLOSES_FROM_MS;
    return must && !tcf->has_disclosed ? TCF_NOT_DISCLOSED : TCF_FINE;
}

static enum tcf_fault string_read(struct arena *arena, str text, struct tcf *tcf)
{
    str rest = text, part;
    for (unsigned i = 0; str_split(&rest, '.', &part); i++) {
        struct bits bits;
        if (str_empty(part) || i >= SEGMENTS_MAX)
            return i >= SEGMENTS_MAX ? TCF_SEGMENT_TWICE : TCF_NOT_BASE64;
        if (!bits_open(arena, part, &bits))
            return TCF_NOT_BASE64;
        enum tcf_fault fault = i ? segment_read(&bits, tcf) : core_read(&bits, tcf);
        if (fault)
            return fault;
    }
    return rules_check(tcf);
}

bool tcf_read(struct arena *arena, str text, struct tcf *ret_tcf)
{
    *ret_tcf = (struct tcf){0};
    ret_tcf->fault = str_empty(text) ? TCF_NOT_BASE64 : string_read(arena, text, ret_tcf);
    return ret_tcf->fault == TCF_FINE;
}

/* The format says Fibonacci; the first encoders wrote fixed numbers. One of the two reads to the last bit. */
bool tcf_read_canada(struct arena *arena, str text, struct tcf *ret_tcf)
{
    *ret_tcf = (struct tcf){.canada = true, .fibonacci = true};
    ret_tcf->fault = str_empty(text) ? TCF_NOT_BASE64 : string_read(arena, text, ret_tcf);
    if (ret_tcf->fault == TCF_FINE || ret_tcf->fault == TCF_NOT_BASE64 || ret_tcf->fault == TCF_VERSION)
        return ret_tcf->fault == TCF_FINE;
    struct tcf fixed = {.canada = true};
    fixed.fault = string_read(arena, text, &fixed);
    if (fixed.fault == TCF_FINE)
        *ret_tcf = fixed;
    return ret_tcf->fault == TCF_FINE;
}

bool tcf_vendor_may(const struct tcf *tcf, unsigned vendor, unsigned purpose, bool on_consent)
{
    struct restriction_walk walk = {0};
    struct tcf_restriction restriction;
    if (tcf->fault || !tcf->has_disclosed || !vendor_in(&tcf->disclosed, vendor))
        return false;
    while (tcf_restriction_next(tcf, &walk, &restriction))
        if (restriction.purpose == purpose && restriction.type != (on_consent ? RESTRICT_TO_CONSENT : RESTRICT_TO_INTEREST) &&
            vendor_in(&restriction.vendors, vendor))
            return false;
    return on_consent ? tcf_purpose(tcf->consent, purpose) && vendor_in(&tcf->vendors_consent, vendor)
                      : tcf_purpose(tcf->interest, purpose) && vendor_in(&tcf->vendors_interest, vendor);
}
