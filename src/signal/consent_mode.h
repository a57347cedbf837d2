/* Google Consent Mode v2: the state of each consent type, as the words of `gtag('consent', …)` or the parameters of Google's own requests.
 *
 *   gcs   G1 · ad_storage · analytics_storage, each 1 granted, 0 denied, - not set. As "G101"
 *   gcd   1 · 1 · four times {letter · 1} in the order ad_storage, analytics_storage, ad_user_data, ad_personalization, and a last character in
 *         place of the fourth 1. As "11p1t1p1t5". The letter is what the page had set by default, and what the person chose afterwards:
 *           l  nothing · nothing      p  denied · nothing       t  granted · nothing
 *           m  nothing · denied       q  denied · denied        u  granted · denied
 *           n  nothing · granted      r  denied · granted       v  granted · granted
 *
 * A default is what the page assumes while nobody has chosen: a granted one is no yes of the person, a denied one no refusal. It denies for the
 * time being, and no more.
 */
#ifndef TELOS_SIGNAL_CONSENT_MODE_H
#define TELOS_SIGNAL_CONSENT_MODE_H

#include "base/str.h"
#include "model/signal_kind.h"

enum consent_mode_state {
    MODE_UNSET, /* nothing was said */
    MODE_GRANTED, MODE_DENIED, /* by the person */
    MODE_DEFAULT_GRANTED, MODE_DEFAULT_DENIED, /* by the page */
    MODE_UNREADABLE
};
struct consent_mode {
    uint8_t states[CONSENT_MODE_COUNT]; /* enum consent_mode_state */
};

const char *consent_mode_name(enum consent_mode_type type);
const char *consent_mode_state_name(enum consent_mode_state state);
bool consent_mode_parse(str name, enum consent_mode_type *ret_type);
/* "granted", "denied"; anything else is unreadable. */
enum consent_mode_state consent_mode_word(str word);
/* Of two words about the same, the one that allows less stands. */
void consent_mode_set(struct consent_mode *mode, enum consent_mode_type type, enum consent_mode_state state);
/* False where the whole is not of this form: then each type that it speaks of is unreadable. */
bool consent_mode_gcs(str text, struct consent_mode *mode);
bool consent_mode_gcd(str text, struct consent_mode *mode);

#endif
