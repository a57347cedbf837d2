/* A signal as JSON: what it says field by field, and to which purposes of a policy. Nobody is asked, nothing is recorded. */
#include "core/signal.h"
#include "signal/describe.h"

static void write_gpp_text(struct jsonw *w, struct arena *arena, str text)
{
    struct us_section us;
    struct gpp gpp;
    if (text.length == 4 && text.data[0] == '1' && !us_privacy_read(text, &us)) {
        us_section_write(w, &us);
        return;
    }
    (void)gpp_read(arena, text, &gpp); /* the fault is written */
    gpp_write(w, arena, &gpp);
}

static void write_modes(struct jsonw *w, const struct json *value)
{
    struct consent_mode modes = {0};
    if (json_is_string(value)) {
        (void)(str_starts(value->text, STR("G")) ? consent_mode_gcs : consent_mode_gcd)(value->text, &modes);
        consent_mode_write(w, &modes);
        return;
    }
    for (uint32_t i = 0; value->type == JSON_OBJECT && i < value->count; i++) {
        const struct json_member *member = &value->members[i];
        enum consent_mode_type type;
        if (consent_mode_parse(member->name, &type))
            consent_mode_set(&modes, type, consent_mode_word(json_string(&member->value)));
        else if (str_equal(member->name, STR("gcs")))
            (void)consent_mode_gcs(json_string(&member->value), &modes); /* what is unreadable says so by type */
        else if (str_equal(member->name, STR("gcd")))
            (void)consent_mode_gcd(json_string(&member->value), &modes);
    }
    consent_mode_write(w, &modes);
}

/* The string within, where the value is the object that a CMP hands out. */
static str inner_text(const struct json *value, const char *first, const char *second)
{
    if (value->type != JSON_OBJECT)
        return json_string(value);
    str text = json_string(json_get(value, str_of(first)));
    return str_empty(text) ? json_string(json_get(value, str_of(second))) : text;
}

static void write_decoded(struct jsonw *w, struct arena *arena, enum signal_kind kind, const struct json *value)
{
    struct tcf tcf;
    switch (kind) {
    case SIGNAL_TCF:
        (void)tcf_read(arena, inner_text(value, "tcString", "consentString"), &tcf); /* the fault is written */
        tcf_write(w, arena, &tcf);
        return;
    case SIGNAL_GPP: write_gpp_text(w, arena, inner_text(value, "gppString", "gpp")); return;
    case SIGNAL_CONSENT_MODE: write_modes(w, value); return;
    default: jsonw_value(w, value); return;
    }
}

static str word_of(const struct signal_reading *reading, enum signal_ground ground, purpose_mask bit)
{
    return signal_no(reading, ground) & bit     ? STR("no")
           : reading->unreadable & bit          ? STR("unreadable")
           : signal_yes(reading, ground) & bit  ? STR("yes")
                                                : STR("nothing");
}

static void write_mapping(struct jsonw *w, const struct policy *policy, const struct signal_reading *reading)
{
    purpose_mask out = reading->out | (reading->gpc || reading->gpp_gpc ? policy->gpc : 0), any = out | reading->back | reading->unreadable;
    for (unsigned ground = 0; ground < GROUND_COUNT; ground++)
        any |= signal_yes(reading, (enum signal_ground)ground) | signal_no(reading, (enum signal_ground)ground);
    jsonw_key(w, STR("purposes"));
    jsonw_array(w);
    vec_each (purpose, &policy->purposes) {
        if (!(any & purpose->self))
            continue;
        jsonw_object(w);
        jsonw_field(w, "purpose", purpose->name);
        jsonw_field(w, "on_consent", word_of(reading, GROUND_CONSENT, purpose->self));
        jsonw_field(w, "on_interest", word_of(reading, GROUND_INTEREST, purpose->self));
        jsonw_field_bool(w, "opted_out", out & purpose->self);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("vendors"));
    jsonw_array(w);
    vec_each (word, &reading->vendors) {
        const struct destination *destination = &policy->destinations.items[word->destination];
        jsonw_object(w);
        jsonw_field(w, "destination", destination->name);
        jsonw_field_int(w, "vendor", destination->tcf_vendor);
        jsonw_field_bool(w, "on_consent", word->may[GROUND_CONSENT]);
        jsonw_field_bool(w, "on_interest", word->may[GROUND_INTEREST]);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void signal_show(struct jsonw *w, struct arena *arena, const struct policy *policy, enum signal_kind kind, const struct json *value, int64_t at_ms)
{
    jsonw_object(w);
    jsonw_field(w, "kind", str_of(signal_kind_name(kind)));
    jsonw_field(w, "decoder", str_of(signal_kind_decoder(kind)));
    jsonw_key(w, STR("decoded"));
    write_decoded(w, arena, kind, value);
    if (policy) {
        struct signal_reading reading = {0};
        signal_read_value(arena, policy, kind, value, at_ms, &reading);
        write_mapping(w, policy, &reading);
    }
    jsonw_object_end(w);
}
