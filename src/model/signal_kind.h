/* The kinds of consent signals that Telos reads. The policy says per source which of them count; the record that one led to names it as its
 * method. */
#ifndef TELOS_MODEL_SIGNAL_KIND_H
#define TELOS_MODEL_SIGNAL_KIND_H

#include <stdint.h>

/* code, spelling in the API and the policy, method of the records, decoder and its version (kept with the raw signal as evidence) */
#define SIGNAL_KINDS(X)                                                                                                \
    X(SIGNAL_CATEGORIES, "category_preferences", "signal", "")                                                         \
    X(SIGNAL_TCF, "tcf", "tcf", "decoder tcf/1")                                                                       \
    X(SIGNAL_GPP, "gpp", "gpp", "decoder gpp/1")                                                                       \
    X(SIGNAL_GPC, "gpc", "gpc", "")                                                                                    \
    X(SIGNAL_CONSENT_MODE, "consent_mode", "consent_mode", "decoder consent_mode/1")
enum signal_kind {
#define X(code, name, method, decoder) code,
    SIGNAL_KINDS(X)
#undef X
        SIGNAL_KIND_COUNT
};
#define SIGNAL_KIND_BIT(kind) ((uint8_t)(1u << (kind)))
#define SIGNAL_KIND_ALL ((uint8_t)((1u << SIGNAL_KIND_COUNT) - 1))

/* What a purpose does that the privacy laws of the United States let a person opt out of: code, spelling in the policy, what it means. */
#define US_USES(X)                                                                                                     \
    X(US_SALE, "sale", "personal data is sold")                                                                        \
    X(US_SHARING, "sharing", "personal data is shared for cross-context behavioural advertising")                      \
    X(US_TARGETED_ADVERTISING, "targeted_advertising", "advertising is targeted by behaviour elsewhere")               \
    X(US_SENSITIVE_DATA, "sensitive_data", "sensitive data is processed")                                              \
    X(US_KNOWN_CHILD, "known_child", "data of a known child is processed")                                             \
    X(US_PERSONAL_DATA, "personal_data", "data is processed beyond what was told when it was collected")
enum us_use {
#define X(code, name, what) code,
    US_USES(X)
#undef X
        US_USE_COUNT
};
#define US_USE_BIT(use) ((uint8_t)(1u << (use)))

/* Google's consent types. */
#define CONSENT_MODES(X)                                                                                               \
    X(CONSENT_MODE_AD_STORAGE, "ad_storage")                                                                           \
    X(CONSENT_MODE_AD_USER_DATA, "ad_user_data")                                                                       \
    X(CONSENT_MODE_AD_PERSONALIZATION, "ad_personalization")                                                           \
    X(CONSENT_MODE_ANALYTICS_STORAGE, "analytics_storage")                                                             \
    X(CONSENT_MODE_FUNCTIONALITY_STORAGE, "functionality_storage")                                                     \
    X(CONSENT_MODE_PERSONALIZATION_STORAGE, "personalization_storage")                                                 \
    X(CONSENT_MODE_SECURITY_STORAGE, "security_storage")
enum consent_mode_type {
#define X(code, name) code,
    CONSENT_MODES(X)
#undef X
        CONSENT_MODE_COUNT
};

#endif
