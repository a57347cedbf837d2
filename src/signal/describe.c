/* Signals as JSON. The contract is in describe.h. */
#include "signal/describe.h"
#include "base/limits.h"

static void bits_write(struct jsonw *w, const char *name, uint64_t field, unsigned width)
{
    jsonw_key(w, str_of(name));
    jsonw_array(w);
    for (unsigned n = 1; n <= width; n++)
        if (tcf_bit(field, width, n))
            jsonw_int(w, n);
    jsonw_array_end(w);
}

static str vendors_text(struct arena *arena, const struct vendor_set *set)
{
    struct vendor_walk walk = {0};
    unsigned first, last;
    struct buf out;
    buf_init(&out, arena, 16 * LIMIT_SIGNAL_BYTES); /* the most that a bitfield of this size can say */
    while (vendor_next(set, &walk, &first, &last))
        buf_printf(&out, first == last ? "%s%u" : "%s%u-%u", out.length ? " " : "", first, last);
    ASSERT(!out.overflow);
    return buf_str(&out);
}

static void vendors_write(struct jsonw *w, struct arena *arena, const char *name, bool present, const struct vendor_set *set)
{
    jsonw_key(w, str_of(name));
    if (!present) {
        jsonw_null(w);
        return;
    }
    jsonw_string(w, vendors_text(arena, set));
}

static void fault_write(struct jsonw *w, const char *name, const char *text)
{
    jsonw_field_bool(w, "readable", !*name);
    if (!*name)
        return;
    jsonw_field(w, "fault", str_of(name));
    jsonw_field(w, "why", str_of(text));
}

static void restrictions_write(struct jsonw *w, struct arena *arena, const struct tcf *tcf)
{
    static const char *const types[] = {"prohibited", "consent_only", "interest_only"};
    struct restriction_walk walk = {0};
    struct tcf_restriction restriction;
    jsonw_key(w, STR("publisher_restrictions"));
    jsonw_array(w);
    while (tcf_restriction_next(tcf, &walk, &restriction)) {
        jsonw_object(w);
        jsonw_field_int(w, "purpose", restriction.purpose);
        jsonw_field(w, "type", str_of(types[restriction.type]));
        vendors_write(w, arena, "vendors", true, &restriction.vendors);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void publisher_write(struct jsonw *w, const struct tcf *tcf)
{
    jsonw_key(w, STR("publisher"));
    if (!tcf->has_publisher) {
        jsonw_null(w);
        return;
    }
    jsonw_object(w);
    bits_write(w, "purposes_consent", tcf->publisher_consent, TCF_PURPOSES);
    bits_write(w, "purposes_interest", tcf->publisher_interest, TCF_PURPOSES);
    jsonw_field_int(w, "custom_purposes", tcf->custom_count);
    bits_write(w, "custom_consent", tcf->custom_consent, tcf->custom_count);
    bits_write(w, "custom_interest", tcf->custom_interest, tcf->custom_count);
    jsonw_object_end(w);
}

void tcf_write(struct jsonw *w, struct arena *arena, const struct tcf *tcf)
{
    jsonw_object(w);
    fault_write(w, tcf_fault_name(tcf->fault), tcf_fault_text(tcf->fault));
    jsonw_field_int(w, "version", tcf->version);
    jsonw_field_time(w, "created", tcf->created_ms);
    jsonw_field_time(w, "updated", tcf->updated_ms);
    jsonw_field_int(w, "cmp_id", tcf->cmp_id);
    jsonw_field_int(w, "cmp_version", tcf->cmp_version);
    jsonw_field_int(w, "consent_screen", tcf->consent_screen);
    jsonw_field(w, "language", str_of(tcf->language));
    jsonw_field_int(w, "vendor_list_version", tcf->vendor_list_version);
    jsonw_field_int(w, "policy_version", tcf->policy_version);
    jsonw_field_bool(w, "service_specific", tcf->service_specific);
    jsonw_field_bool(w, "non_standard_texts", tcf->non_standard_texts);
    bits_write(w, "special_features", tcf->features, TCF_FEATURES);
    bits_write(w, "purposes_consent", tcf->consent, TCF_PURPOSES);
    bits_write(w, "purposes_interest", tcf->interest, TCF_PURPOSES);
    jsonw_field_bool(w, "purpose_one_treatment", tcf->purpose_one_treatment);
    jsonw_field(w, "publisher_country", str_of(tcf->publisher_country));
    vendors_write(w, arena, "vendors_consent", true, &tcf->vendors_consent);
    vendors_write(w, arena, "vendors_interest", true, &tcf->vendors_interest);
    restrictions_write(w, arena, tcf);
    vendors_write(w, arena, "vendors_disclosed", tcf->has_disclosed, &tcf->disclosed);
    publisher_write(w, tcf);
    jsonw_object_end(w);
}

static void list_write(struct jsonw *w, const char *name, const uint8_t *values, unsigned count)
{
    jsonw_key(w, str_of(name));
    jsonw_array(w);
    for (unsigned i = 0; i < count; i++)
        jsonw_int(w, values[i]);
    jsonw_array_end(w);
}

static void uses_write(struct jsonw *w, const char *name, uint8_t uses)
{
#define X(code, name, what) name,
    static const char *const names[] = {US_USES(X)};
#undef X
    jsonw_key(w, str_of(name));
    jsonw_array(w);
    for (unsigned i = 0; i < US_USE_COUNT; i++)
        if (uses & US_USE_BIT(i))
            jsonw_string(w, str_of(names[i]));
    jsonw_array_end(w);
}

void us_section_write(struct jsonw *w, const struct us_section *us)
{
    jsonw_object(w);
    jsonw_field_int(w, "version", us->version);
    for (unsigned i = 0; i < US_FIELD_COUNT; i++)
        if (us->fields[i] != US_ABSENT)
            jsonw_field_int(w, us_field_name((enum us_field)i), us->fields[i]);
    if (us->sensitive_count)
        list_write(w, "sensitive_data_processing", us->sensitive, us->sensitive_count);
    if (us->child_count)
        list_write(w, "known_child_sensitive_data_consents", us->child, us->child_count);
    jsonw_key(w, STR("gpc"));
    if (us->has_gpc)
        jsonw_bool(w, us->gpc);
    else
        jsonw_null(w);
    uses_write(w, "opted_out", us->out);
    uses_write(w, "not_opted_out", us->in);
    jsonw_object_end(w);
}

void gpp_write(struct jsonw *w, struct arena *arena, const struct gpp *gpp)
{
    jsonw_object(w);
    fault_write(w, gpp_fault_name(gpp->fault), gpp_fault_text(gpp->fault));
    jsonw_key(w, STR("sections"));
    jsonw_array(w);
    for (unsigned i = 0; i < gpp->count; i++) {
        const struct gpp_section *section = &gpp->sections[i];
        jsonw_object(w);
        jsonw_field_int(w, "id", section->id);
        jsonw_field(w, "name", str_of(gpp_section_name(section->id)));
        fault_write(w, gpp_fault_name(section->fault), gpp_fault_text(section->fault));
        jsonw_field(w, "value", section->text);
        if (section->tcf) {
            jsonw_key(w, STR("tcf"));
            tcf_write(w, arena, section->tcf);
        } else if (!section->fault) {
            jsonw_key(w, STR("us"));
            us_section_write(w, section->us);
        }
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

void consent_mode_write(struct jsonw *w, const struct consent_mode *mode)
{
    jsonw_object(w);
    for (unsigned i = 0; i < CONSENT_MODE_COUNT; i++)
        if (mode->states[i] != MODE_UNSET)
            jsonw_field(w, consent_mode_name((enum consent_mode_type)i), str_of(consent_mode_state_name((enum consent_mode_state)mode->states[i])));
    jsonw_object_end(w);
}

bool signal_guess(str text, enum signal_kind *ret_kind)
{
    char first = text.length ? text.data[0] : 0;
    if (str_starts(text, STR("G1")) || (str_starts(text, STR("11")) && text.length > 4))
        *ret_kind = SIGNAL_CONSENT_MODE;
    else if (first == 'D' || (first == '1' && text.length == 4))
        *ret_kind = SIGNAL_GPP;
    else if (first == 'C')
        *ret_kind = SIGNAL_TCF;
    else if (str_equal(text, STR("1")))
        *ret_kind = SIGNAL_GPC;
    else
        return false;
    return true;
}
