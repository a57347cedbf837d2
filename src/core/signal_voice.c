/* From the value of a signal to what it says about purposes. The contract is in signal.h; the decoders are src/signal. */
#include "core/signal.h"
#include "core/core_private.h"
#include "signal/consent_mode.h"
#include "signal/gpc.h"

static const struct {
    const char *name, *method, *decoder;
} kinds[] = {
#define X(code, name, method, decoder) {name, method, decoder},
    SIGNAL_KINDS(X)
#undef X
};
const char *signal_kind_name(enum signal_kind kind) { return kinds[kind].name; }
const char *signal_kind_method(enum signal_kind kind) { return kinds[kind].method; }
const char *signal_kind_decoder(enum signal_kind kind) { return kinds[kind].decoder; }

bool signal_kind_parse(str name, enum signal_kind *ret_kind)
{
    for (unsigned i = 0; i < SIGNAL_KIND_COUNT; i++)
        if (str_equal(name, str_of(kinds[i].name))) {
            *ret_kind = (enum signal_kind)i;
            return true;
        }
    return false;
}

purpose_mask signal_no(const struct signal_reading *reading, enum signal_ground ground)
{
    purpose_mask mask = 0;
    for (unsigned i = 0; i < reading->voice_count; i++)
        mask |= reading->voices[i].no[ground];
    return mask;
}

purpose_mask signal_yes(const struct signal_reading *reading, enum signal_ground ground)
{
    purpose_mask mask = 0;
    for (unsigned i = 0; i < reading->voice_count; i++)
        mask |= reading->voices[i].yes[ground];
    return mask & ~signal_no(reading, ground) & ~reading->unreadable;
}

/* There is room: each place of a message speaks once. */
static struct signal_voice *voice_add(struct signal_reading *reading, enum signal_kind kind, str raw)
{
    ASSERT(reading->voice_count < SIGNAL_VOICES_MAX);
    struct signal_voice *voice = &reading->voices[reading->voice_count++];
    *voice = (struct signal_voice){.kind = kind, .raw = raw, .said_ms = TIME_NONE};
    return voice;
}

static bool said(const struct json *value) { return value && value->type != JSON_NULL; }

/* --- consent categories */

static purpose_mask category_purposes(const struct policy *policy, str category)
{
    const purpose_mask *mask = map_get(&policy->signal_by_category, category);
    return mask ? *mask : 0;
}

static purpose_mask category_all(const struct policy *policy)
{
    purpose_mask all = 0;
    struct map_slot slot;
    for (size_t position = 0; map_next(&policy->signal_by_category, &position, &slot);)
        all |= *(const purpose_mask *)slot.value;
    return all;
}

static void categories_read(const struct policy *policy, const struct json *map, struct signal_reading *reading)
{
    if (map->type != JSON_OBJECT) {
        reading->unreadable |= category_all(policy);
        return;
    }
    purpose_mask yes = 0, no = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        const struct json_member *member = &map->members[i];
        purpose_mask mask = category_purposes(policy, member->name);
        if (member->value.type == JSON_TRUE)
            yes |= mask;
        else if (member->value.type == JSON_FALSE)
            no |= mask;
        else
            reading->unreadable |= mask;
    }
    struct signal_voice *voice = voice_add(reading, SIGNAL_CATEGORIES, map->raw);
    voice->yes[GROUND_CONSENT] = voice->yes[GROUND_INTEREST] = yes;
    voice->no[GROUND_CONSENT] = voice->no[GROUND_INTEREST] = no;
}

static purpose_mask list_read(const struct policy *policy, const struct json *list, struct signal_reading *reading)
{
    purpose_mask mask = 0;
    if (!said(list))
        return 0;
    if (list->type != JSON_ARRAY) {
        reading->unreadable |= category_all(policy);
        return 0;
    }
    for (uint32_t i = 0; i < list->count; i++)
        mask |= category_purposes(policy, json_string(&list->items[i]));
    return mask;
}

void signal_read_management(const struct policy *policy, const struct json *management, struct signal_reading *reading)
{
    if (management->type != JSON_OBJECT) {
        reading->unreadable |= category_all(policy);
        return;
    }
    purpose_mask yes = list_read(policy, json_get(management, STR("allowedConsentIds")), reading);
    purpose_mask no = list_read(policy, json_get(management, STR("deniedConsentIds")), reading);
    struct signal_voice *voice = voice_add(reading, SIGNAL_CATEGORIES, management->raw);
    voice->yes[GROUND_CONSENT] = voice->yes[GROUND_INTEREST] = yes;
    voice->no[GROUND_CONSENT] = voice->no[GROUND_INTEREST] = no;
}

/* --- TCF */

struct own_bits { /* what a string says about the operator's own purposes */
    bool known;
    uint32_t consent, interest;
    uint64_t custom_consent, custom_interest; /* bit id - 1 */
    uint8_t custom_count;
};

static uint64_t custom_turned(uint64_t field, unsigned count)
{
    uint64_t mask = 0;
    for (unsigned id = 1; id <= count; id++)
        mask |= tcf_bit(field, count, id) ? UINT64_C(1) << (id - 1) : 0;
    return mask;
}

static struct own_bits own_bits(const struct policy *policy, const struct tcf *tcf)
{
    if (tcf->has_publisher)
        return (struct own_bits){.known = true, .consent = tcf->publisher_consent, .interest = tcf->publisher_interest,
                                 .custom_consent = custom_turned(tcf->custom_consent, tcf->custom_count),
                                 .custom_interest = custom_turned(tcf->custom_interest, tcf->custom_count), .custom_count = tcf->custom_count};
    return (struct own_bits){.known = policy->tcf_core, .consent = tcf->consent, .interest = tcf->interest};
}

/* Consent, as the string has run out by then: a choice is asked for again after as long as a consent lives. */
static bool run_out(const struct policy *policy, const struct purpose *purpose, int64_t said_ms, int64_t at_ms)
{
    struct duration lifetime = purpose->expires.anchor != ANCHOR_NONE ? purpose->expires.duration : policy->consent_lifetime_default;
    return !duration_is_zero(lifetime) && time_add(said_ms, lifetime) <= at_ms;
}

static void purpose_read(const struct policy *policy, const struct purpose *purpose, const struct tcf *tcf, const struct own_bits *own, int64_t at_ms,
                         struct signal_voice *voice, struct signal_reading *reading)
{
    bool custom_known = !purpose->tcf_custom || (tcf->has_publisher && (purpose->tcf_custom >> own->custom_count) == 0);
    if (!own->known || !custom_known) {
        reading->unreadable |= purpose->self; /* no word on it */
        return;
    }
    bool features = (tcf->features & purpose->tcf_features) == purpose->tcf_features;
    bool consent = features && (own->consent & purpose->tcf_purposes) == purpose->tcf_purposes &&
                   (own->custom_consent & purpose->tcf_custom) == purpose->tcf_custom;
    bool interest = features && (own->interest & purpose->tcf_purposes) == purpose->tcf_purposes &&
                    (own->custom_interest & purpose->tcf_custom) == purpose->tcf_custom;
    bool implied = tcf->canada && !consent && interest; /* not refused, yet no consent */
    if (implied || (consent && run_out(policy, purpose, tcf->updated_ms, at_ms)))
        reading->unreadable |= purpose->self;
    voice->yes[GROUND_CONSENT] |= consent ? purpose->self : 0;
    voice->no[GROUND_CONSENT] |= consent || implied ? 0 : purpose->self;
    voice->yes[GROUND_INTEREST] |= interest ? purpose->self : 0;
    voice->no[GROUND_INTEREST] |= interest ? 0 : purpose->self;
}

static void vendors_read(struct arena *arena, const struct policy *policy, const struct tcf *tcf, const struct signal_voice *voice,
                         struct signal_reading *reading)
{
    vec_each (destination, &policy->destinations) {
        if (!destination->tcf_vendor)
            continue;
        struct vendor_word word = {.destination = destination->slot, .may = {true, true}};
        vec_each (id, &policy->purposes.items[destination->purpose].tcf) {
            word.may[GROUND_CONSENT] &= tcf_vendor_may(tcf, destination->tcf_vendor, *id, true);
            word.may[GROUND_INTEREST] &= tcf_vendor_may(tcf, destination->tcf_vendor, *id, false);
        }
        *(struct vendor_word *)vec_push(arena, &reading->vendors) = word;
    }
    reading->vendor_voice = voice;
}

/* `believed`: the string has no fault. A grant of a string that is not for this place (`applies`) does not count; its refusals do. */
static void tcf_voice(struct arena *arena, const struct policy *policy, const struct tcf *tcf, enum signal_kind kind, str raw, bool applies,
                      int64_t at_ms, struct signal_reading *reading)
{
    if (tcf->fault || tcf->updated_ms > at_ms + DAY_MS || !applies) {
        reading->unreadable |= policy->tcf | policy->vendor_purposes;
        return;
    }
    struct own_bits own = own_bits(policy, tcf);
    struct signal_voice *voice = voice_add(reading, kind, raw);
    voice->said_ms = tcf->updated_ms;
    mask_each (slot, policy->tcf)
        purpose_read(policy, &policy->purposes.items[slot], tcf, &own, at_ms, voice, reading);
    if (policy->vendor_purposes && !tcf->canada)
        vendors_read(arena, policy, tcf, voice, reading);
}

/* A string, or what a CMP hands out: {"tcString": …, "gdprApplies": true, "eventStatus": "useractioncomplete"}. */
static void tcf_value(struct arena *arena, const struct policy *policy, const struct json *value, int64_t at_ms, struct signal_reading *reading)
{
    struct tcf tcf;
    const struct json *text = value;
    if (value->type == JSON_OBJECT) {
        const struct json *applies = json_get(value, STR("gdprApplies"));
        text = json_get(value, STR("tcString"));
        text = text ? text : json_get(value, STR("consentString"));
        if (applies && (applies->type == JSON_FALSE || (applies->type == JSON_NUMBER && str_equal(applies->text, STR("0")))))
            return; /* the framework does not apply: it says nothing */
        if (str_equal(json_string(json_get(value, STR("eventStatus"))), STR("cmpuishown")))
            text = NULL; /* the person is still being asked */
    }
    if (!json_is_string(text)) {
        reading->unreadable |= policy->tcf | policy->vendor_purposes;
        return;
    }
    (void)tcf_read(arena, text->text, &tcf); /* a fault is heard there */
    tcf_voice(arena, policy, &tcf, SIGNAL_TCF, text->text, true, at_ms, reading);
}

/* --- GPP */

static purpose_mask uses_purposes(const struct policy *policy, uint8_t uses)
{
    purpose_mask mask = 0;
    mask_each (slot, policy->gpp)
        if (policy->purposes.items[slot].gpp_uses & uses)
            mask |= UINT64_C(1) << slot;
    return mask;
}

static void us_voice(const struct policy *policy, const struct us_section *us, struct signal_reading *reading)
{
    reading->out |= uses_purposes(policy, us->out);
    reading->back |= uses_purposes(policy, us->in) & ~uses_purposes(policy, us->mute);
    reading->gpp_gpc |= us->has_gpc && us->gpc;
}

static bool section_applies(const struct json *applicable, unsigned id)
{
    if (!said(applicable) || applicable->type != JSON_ARRAY)
        return true;
    for (uint32_t i = 0; i < applicable->count; i++) {
        int64_t other;
        if (json_int(&applicable->items[i], &other) && other == (int64_t)id)
            return true;
    }
    return false;
}

static void gpp_text(struct arena *arena, const struct policy *policy, str text, const struct json *applicable, int64_t at_ms,
                     struct signal_reading *reading)
{
    struct gpp gpp;
    reading->gpp_raw = text;
    if (!gpp_read(arena, text, &gpp)) {
        reading->unreadable |= policy->gpp | policy->tcf;
        return;
    }
    bool heard[2] = {false, false}; /* one string of Europe, one of Canada */
    for (unsigned i = 0; i < gpp.count; i++) {
        const struct gpp_section *section = &gpp.sections[i];
        bool applies = section_applies(applicable, section->id);
        if (section->tcf && !heard[section->tcf->canada]) {
            heard[section->tcf->canada] = true;
            if (applies)
                tcf_voice(arena, policy, section->tcf, SIGNAL_GPP, text, true, at_ms, reading);
        } else if (section->fault)
            reading->unreadable |= section->kind == GPP_OTHER ? policy->gpp | policy->tcf : policy->gpp;
        else if (section->us)
            us_voice(policy, section->us, reading); /* an opt-out counts wherever it was meant for */
    }
}

void signal_read_us_privacy(const struct policy *policy, str text, struct signal_reading *reading)
{
    struct us_section us;
    if (str_empty(reading->gpp_raw))
        reading->gpp_raw = text;
    if (us_privacy_read(text, &us))
        reading->unreadable |= policy->gpp;
    else
        us_voice(policy, &us, reading);
}

static void gpp_value(struct arena *arena, const struct policy *policy, const struct json *value, int64_t at_ms, struct signal_reading *reading)
{
    const struct json *text = value->type == JSON_OBJECT ? json_get(value, STR("gppString")) : value;
    const struct json *applicable = value->type == JSON_OBJECT ? json_get(value, STR("applicableSections")) : NULL;
    if (!json_is_string(text))
        reading->unreadable |= policy->gpp | policy->tcf;
    else if (text->text.length == 4 && text->text.data[0] == '1')
        signal_read_us_privacy(policy, text->text, reading);
    else
        gpp_text(arena, policy, text->text, applicable, at_ms, reading);
}

/* --- Consent Mode */

static void modes_voice(const struct policy *policy, const struct consent_mode *modes, str raw, struct signal_reading *reading)
{
    struct signal_voice *voice = voice_add(reading, SIGNAL_CONSENT_MODE, raw);
    mask_each (slot, policy->consent_mode) {
        const struct purpose *purpose = &policy->purposes.items[slot];
        bool granted = true, denied = false, unreadable = false;
        for (unsigned type = 0; type < CONSENT_MODE_COUNT; type++) {
            if (!(purpose->consent_modes >> type & 1))
                continue;
            uint8_t state = modes->states[type];
            granted &= state == MODE_GRANTED;
            denied |= state == MODE_DENIED;
            unreadable |= state == MODE_UNREADABLE || state == MODE_DEFAULT_DENIED;
        }
        reading->unreadable |= unreadable ? purpose->self : 0;
        for (unsigned ground = 0; ground < GROUND_COUNT; ground++) {
            voice->yes[ground] |= granted ? purpose->self : 0;
            voice->no[ground] |= denied ? purpose->self : 0;
        }
    }
}

void signal_read_gcs(const struct policy *policy, str gcs, str gcd, struct signal_reading *reading)
{
    struct consent_mode modes = {0};
    if (!str_empty(gcs))
        (void)consent_mode_gcs(gcs, &modes); /* what is unreadable says so by type */
    if (!str_empty(gcd))
        (void)consent_mode_gcd(gcd, &modes);
    modes_voice(policy, &modes, str_empty(gcd) ? gcs : gcd, reading);
}

static void modes_value(const struct policy *policy, const struct json *value, struct signal_reading *reading)
{
    struct consent_mode modes = {0};
    if (json_is_string(value)) {
        bool gcs = str_starts(value->text, STR("G"));
        signal_read_gcs(policy, gcs ? value->text : STR_NONE, gcs ? STR_NONE : value->text, reading);
        return;
    }
    if (value->type != JSON_OBJECT) {
        reading->unreadable |= policy->consent_mode;
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        enum consent_mode_type type;
        if (consent_mode_parse(value->members[i].name, &type))
            consent_mode_set(&modes, type, consent_mode_word(json_string(&value->members[i].value)));
    }
    const struct json *gcs = json_get(value, STR("gcs")), *gcd = json_get(value, STR("gcd"));
    if (said(gcs))
        (void)consent_mode_gcs(json_string(gcs), &modes); /* what is unreadable says so by type */
    if (said(gcd))
        (void)consent_mode_gcd(json_string(gcd), &modes);
    modes_voice(policy, &modes, value->raw, reading);
}

/* --- all of them */

static bool gpc_value(struct arena *arena, const struct json *value)
{
    return value->type == JSON_TRUE || gpc_read(json_id_text(arena, value));
}

void signal_read_value(struct arena *arena, const struct policy *policy, enum signal_kind kind, const struct json *value, int64_t at_ms,
                       struct signal_reading *reading)
{
    if (!said(value))
        return;
    switch (kind) {
    case SIGNAL_CATEGORIES: categories_read(policy, value, reading); break;
    case SIGNAL_TCF: tcf_value(arena, policy, value, at_ms, reading); break;
    case SIGNAL_GPP: gpp_value(arena, policy, value, at_ms, reading); break;
    case SIGNAL_GPC: reading->gpc |= gpc_value(arena, value); break;
    case SIGNAL_CONSENT_MODE: modes_value(policy, value, reading); break;
    case SIGNAL_KIND_COUNT: break;
    }
}
