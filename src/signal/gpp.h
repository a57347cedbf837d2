/* IAB Global Privacy Platform strings ("GPP Consent String Specification" 1.1): `header~section~…`.
 *
 *   header, bits        0  6 type, 3    6  6 version, 1    12  12 count × {1 is range · first [· last]}: the sections that follow, by id, in
 *                       Fibonacci coding, each counted from the one before
 *   section 2           TCF of Europe, 5 TCF of Canada (tcf.h)
 *   section 6           us_privacy as text: version 1, notice, opt-out of sale, covered by the LSPA, each Y, N or -
 *   sections 7 to 27    the United States; 6 bits of version, then fields of 2 bits: 0 does not apply, 1 yes (opted out; no consent; notice
 *                       given), 2 no (not opted out; consent; no notice)
 *     7 national        sharing notice · notices of opting out of sale, sharing, targeted advertising, sensitive data · limiting notice · sale ·
 *                       sharing · targeted advertising · 16 kinds of sensitive data (version 1: 12) · 3 of known children (version 1: 2) ·
 *                       personal data · covered by the MSPA · its opt-out mode · its service provider mode
 *     8 California      notices of sale, sharing, limiting · sale · sharing · 9 kinds of sensitive data · 2 of children · personal data · MSPA
 *     9 to 23 states    notice of sharing or processing · notices of sale, targeted advertising [· sensitive data] · sale · targeted advertising ·
 *                       kinds of sensitive data · of children [· additional data] · MSPA; how many kinds, see gpp_us.c
 *     24 to 27 states   6 MSPA version · covered by the MSPA · its mode · notices of processing, sale, targeted advertising · sale · targeted
 *                       advertising [· children] · additional data
 *     after a dot       most: 2 type, 1 · 1 Global Privacy Control. Sections 25, 26, 27: 8 kinds of sensitive data
 *
 * 1. A section that cannot be read to its last bit is a fault of its own: it grants nothing, and the others stand.
 * 2. A section of an unknown id is a fault, too: what it may forbid, nobody here can read.
 */
#ifndef TELOS_SIGNAL_GPP_H
#define TELOS_SIGNAL_GPP_H

#include "model/signal_kind.h"
#include "signal/tcf.h"

#define GPP_FAULTS(X)                                                                                                  \
    X(GPP_FINE, "", "")                                                                                                \
    X(GPP_NOT_GPP, "not_gpp", "it does not begin with a header of type 3, version 1")                                  \
    X(GPP_HEADER, "header", "its header cannot be read")                                                               \
    X(GPP_SECTIONS, "sections", "it has other sections than its header says")                                          \
    X(GPP_UNKNOWN_SECTION, "unknown_section", "a section that is not known here")                                      \
    X(GPP_NOT_BASE64, "not_base64", "it is empty, too long, or not web-safe base64")                                   \
    X(GPP_VERSION, "version", "a version that is not known here")                                                      \
    X(GPP_CUT_SHORT, "cut_short", "it ends in the middle of a field")                                                  \
    X(GPP_OVERLONG, "overlong", "something follows the last field")                                                    \
    X(GPP_VALUE, "value", "a field holds a value that the format does not know")                                       \
    X(GPP_TCF, "tcf", "its TCF string cannot be believed")
enum gpp_fault {
#define X(code, name, text) code,
    GPP_FAULTS(X)
#undef X
        GPP_FAULT_COUNT
};
const char *gpp_fault_name(enum gpp_fault fault);
const char *gpp_fault_text(enum gpp_fault fault);

#define US_FIELDS(X)                                                                                                   \
    X(US_SHARING_NOTICE, "sharing_notice")                                                                             \
    X(US_PROCESSING_NOTICE, "processing_notice")                                                                       \
    X(US_SALE_OPT_OUT_NOTICE, "sale_opt_out_notice")                                                                   \
    X(US_SHARING_OPT_OUT_NOTICE, "sharing_opt_out_notice")                                                             \
    X(US_TARGETED_ADVERTISING_OPT_OUT_NOTICE, "targeted_advertising_opt_out_notice")                                   \
    X(US_SENSITIVE_DATA_PROCESSING_OPT_OUT_NOTICE, "sensitive_data_processing_opt_out_notice")                         \
    X(US_SENSITIVE_DATA_OPT_OUT_NOTICE, "sensitive_data_opt_out_notice")                                               \
    X(US_SENSITIVE_DATA_LIMIT_USE_NOTICE, "sensitive_data_limit_use_notice")                                           \
    X(US_SALE_OPT_OUT, "sale_opt_out")                                                                                 \
    X(US_SHARING_OPT_OUT, "sharing_opt_out")                                                                           \
    X(US_TARGETED_ADVERTISING_OPT_OUT, "targeted_advertising_opt_out")                                                 \
    X(US_PERSONAL_DATA_CONSENTS, "personal_data_consents")                                                             \
    X(US_ADDITIONAL_DATA_PROCESSING_CONSENT, "additional_data_processing_consent")                                     \
    X(US_MSPA_COVERED_TRANSACTION, "mspa_covered_transaction")                                                         \
    X(US_MSPA_OPT_OUT_OPTION_MODE, "mspa_opt_out_option_mode")                                                         \
    X(US_MSPA_SERVICE_PROVIDER_MODE, "mspa_service_provider_mode")                                                     \
    X(US_MSPA_MODE, "mspa_mode")
enum us_field {
#define X(code, name) code,
    US_FIELDS(X)
#undef X
        US_FIELD_COUNT
};
const char *us_field_name(enum us_field field);

enum { US_SENSITIVE_MAX = 16, US_CHILD_MAX = 5, US_ABSENT = 0xFF, GPP_SECTIONS_MAX = 64 };
enum us_value { US_NOT_APPLICABLE = 0, US_YES = 1, US_NO = 2 };
struct us_section {
    uint8_t version;
    uint8_t fields[US_FIELD_COUNT]; /* enum us_value, or US_ABSENT where the section has no such field */
    uint8_t sensitive[US_SENSITIVE_MAX], sensitive_count;
    uint8_t child[US_CHILD_MAX], child_count;
    bool has_gpc, gpc;
    /* bits of enum us_use: what the person opted out of, or does not consent to; what the section says the opposite of; what it has a field for
     * that does not apply */
    uint8_t out, in, mute;
};

enum gpp_kind { GPP_OTHER, GPP_EUROPE, GPP_CANADA, GPP_US_PRIVACY, GPP_US };
struct gpp_section {
    uint16_t id;
    enum gpp_kind kind;
    enum gpp_fault fault;
    str text;
    const struct tcf *tcf; /* GPP_EUROPE, GPP_CANADA */
    const struct us_section *us; /* GPP_US, GPP_US_PRIVACY (out and in only) */
};
struct gpp {
    enum gpp_fault fault; /* of the whole: then there are no sections */
    uint16_t count;
    struct gpp_section *sections; /* in the order of the string */
};

/* Returns whether the string as a whole could be read; each section says for itself. */
bool gpp_read(struct arena *arena, str text, struct gpp *ret_gpp);
/* "usca" of 8; "" where it is not known. */
const char *gpp_section_name(unsigned id);
/* One section of the United States. */
enum gpp_fault us_section_read(struct arena *arena, unsigned id, str text, struct us_section *ret_section);
/* The older string of four letters, as "1YNN". */
enum gpp_fault us_privacy_read(str text, struct us_section *ret_section);

#endif
