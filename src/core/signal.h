/* What a consent signal says about the purposes of a policy. Pure: no person, no record; what follows for somebody is signal_record.c.
 *
 * 1. Of two signals of one message that speak of one purpose, the no counts.
 * 2. What cannot be read, runs out or was not chosen by the person is never a yes; it stops the purposes that it may speak of, for this message.
 * 3. An absent part says nothing, and nothing is no yes.
 */
#ifndef TELOS_CORE_SIGNAL_H
#define TELOS_CORE_SIGNAL_H

#include "base/json.h"
#include "policy/policy.h"
#include "signal/gpp.h"

enum { SIGNAL_VOICES_MAX = 8 };
enum signal_ground { GROUND_CONSENT, GROUND_INTEREST, GROUND_COUNT }; /* what the purpose rests on where the person is */

struct signal_voice {
    enum signal_kind kind;
    purpose_mask yes[GROUND_COUNT], no[GROUND_COUNT];
    str raw;
    int64_t said_ms; /* the day on which it was chosen, where the signal says so; else TIME_NONE */
};

/* What a TC string lets a destination have that is one of its vendors. */
struct vendor_word {
    uint16_t destination;
    bool may[GROUND_COUNT];
};

struct signal_reading {
    struct signal_voice voices[SIGNAL_VOICES_MAX];
    unsigned voice_count;
    bool gpc, gpp_gpc; /* Global Privacy Control by itself; within GPP */
    purpose_mask out, back; /* GPP: opted out of; said to be not opted out of */
    str gpp_raw;
    purpose_mask unreadable;
    VEC(struct vendor_word) vendors;
    const struct signal_voice *vendor_voice; /* that the words about vendors came with */
    bool fresh; /* the person has just chosen */
};

/* Adds one signal: a string, or the object that it comes in (docs/signals.md). `at_ms`: when it was sent. */
void signal_read_value(struct arena *arena, const struct policy *policy, enum signal_kind kind, const struct json *value, int64_t at_ms,
                       struct signal_reading *reading);
void signal_read_gcs(const struct policy *policy, str gcs, str gcd, struct signal_reading *reading);
void signal_read_us_privacy(const struct policy *policy, str text, struct signal_reading *reading);
/* RudderStack's `consentManagement`. */
void signal_read_management(const struct policy *policy, const struct json *management, struct signal_reading *reading);

/* Purposes that some voice says yes or no to; a no, and what is unreadable, beats a yes. */
purpose_mask signal_yes(const struct signal_reading *reading, enum signal_ground ground);
purpose_mask signal_no(const struct signal_reading *reading, enum signal_ground ground);

/* Writes an object: "kind", "decoder", "decoded"; and, with a policy, what it says about its purposes and vendors. */
void signal_show(struct jsonw *w, struct arena *arena, const struct policy *policy, enum signal_kind kind, const struct json *value, int64_t at_ms);

const char *signal_kind_name(enum signal_kind kind);
const char *signal_kind_method(enum signal_kind kind);
const char *signal_kind_decoder(enum signal_kind kind);
bool signal_kind_parse(str name, enum signal_kind *ret_kind);

#endif
