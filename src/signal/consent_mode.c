/* Consent Mode's words and parameters; what they mean is in consent_mode.h. */
#include "signal/consent_mode.h"

static const char *const names[] = {
#define X(code, name) name,
    CONSENT_MODES(X)
#undef X
};
static const char *const state_names[] = {"unset", "granted", "denied", "granted by default", "denied by default", "unreadable"};

const char *consent_mode_name(enum consent_mode_type type) { return names[type]; }
const char *consent_mode_state_name(enum consent_mode_state state) { return state_names[state]; }

bool consent_mode_parse(str name, enum consent_mode_type *ret_type)
{
    for (unsigned i = 0; i < CONSENT_MODE_COUNT; i++)
        if (str_equal(name, str_of(names[i]))) {
            *ret_type = (enum consent_mode_type)i;
            return true;
        }
    return false;
}

enum consent_mode_state consent_mode_word(str word)
{
    return str_equal(word, STR("granted")) ? MODE_GRANTED : str_equal(word, STR("denied")) ? MODE_DENIED : MODE_UNREADABLE;
}

void consent_mode_set(struct consent_mode *mode, enum consent_mode_type type, enum consent_mode_state state)
{
    static const uint8_t strictness[] = {[MODE_UNSET] = 0, [MODE_DEFAULT_GRANTED] = 1, [MODE_GRANTED] = 2, [MODE_DEFAULT_DENIED] = 3,
                                         [MODE_UNREADABLE] = 4, [MODE_DENIED] = 5};
    if (strictness[state] > strictness[mode->states[type]])
        mode->states[type] = (uint8_t)state;
}

static const enum consent_mode_type gcd_order[] = {CONSENT_MODE_AD_STORAGE, CONSENT_MODE_ANALYTICS_STORAGE, CONSENT_MODE_AD_USER_DATA,
                                                   CONSENT_MODE_AD_PERSONALIZATION};
enum { GCS_BYTES = 4, GCD_TYPES = 4, GCD_BYTES = 10 };

bool consent_mode_gcs(str text, struct consent_mode *mode)
{
    bool shaped = text.length == GCS_BYTES && text.data[0] == 'G' && text.data[1] == '1';
    for (unsigned i = 0; i < 2; i++) {
        char c = shaped ? text.data[2 + i] : 0;
        shaped = shaped && (c == '1' || c == '0' || c == '-');
        consent_mode_set(mode, gcd_order[i], c == '1' ? MODE_GRANTED : c == '0' ? MODE_DENIED : c == '-' ? MODE_UNSET : MODE_UNREADABLE);
    }
    return shaped;
}

static enum consent_mode_state gcd_state(char letter)
{
    switch (letter) {
    case 'l': return MODE_UNSET;
    case 'p': return MODE_DEFAULT_DENIED;
    case 't': return MODE_DEFAULT_GRANTED;
    case 'm': case 'q': case 'u': return MODE_DENIED;
    case 'n': case 'r': case 'v': return MODE_GRANTED;
    default: return MODE_UNREADABLE;
    }
}

bool consent_mode_gcd(str text, struct consent_mode *mode)
{
    bool shaped = text.length == GCD_BYTES && text.data[0] == '1' && text.data[1] == '1';
    for (unsigned i = 0; i + 1 < GCD_TYPES && shaped; i++)
        shaped = text.data[3 + 2 * i] == '1';
    bool fine = shaped;
    for (unsigned i = 0; i < GCD_TYPES; i++) {
        enum consent_mode_state state = shaped ? gcd_state(text.data[2 + 2 * i]) : MODE_UNREADABLE;
        consent_mode_set(mode, gcd_order[i], state);
        fine = fine && state != MODE_UNREADABLE;
    }
    return fine;
}
