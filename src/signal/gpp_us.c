/* The sections of the United States: how each is laid out, in one table; what its values come to. */
#include "signal/gpp.h"
#include "signal/bits_private.h"

enum shape { SHAPE_NATIONAL, SHAPE_CALIFORNIA, SHAPE_STATE, SHAPE_MSPA };
enum second { SECOND_NONE, SECOND_GPC, SECOND_SENSITIVE };

/* id, name, shape, first notice, a further notice (US_FIELD_COUNT: none), kinds of sensitive data, of children, asks for additional data, what
 * follows the dot */
#define NONE US_FIELD_COUNT
#define SECTIONS(X)                                                                                                    \
    X(7, "usnat", SHAPE_NATIONAL, US_SHARING_NOTICE, NONE, 16, 3, false, SECOND_GPC)                                   \
    X(8, "usca", SHAPE_CALIFORNIA, NONE, NONE, 9, 2, false, SECOND_GPC)                                                \
    X(9, "usva", SHAPE_STATE, US_SHARING_NOTICE, NONE, 8, 1, false, SECOND_NONE)                                       \
    X(10, "usco", SHAPE_STATE, US_SHARING_NOTICE, NONE, 7, 1, false, SECOND_GPC)                                       \
    X(11, "usut", SHAPE_STATE, US_SHARING_NOTICE, US_SENSITIVE_DATA_PROCESSING_OPT_OUT_NOTICE, 8, 1, false, SECOND_NONE) \
    X(12, "usct", SHAPE_STATE, US_SHARING_NOTICE, NONE, 8, 3, false, SECOND_GPC)                                       \
    X(13, "usfl", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 8, 3, true, SECOND_NONE)                                    \
    X(14, "usmt", SHAPE_STATE, US_SHARING_NOTICE, NONE, 8, 3, true, SECOND_GPC)                                        \
    X(15, "usor", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 11, 3, true, SECOND_GPC)                                    \
    X(16, "ustx", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 8, 1, true, SECOND_GPC)                                     \
    X(17, "usde", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 9, 5, true, SECOND_GPC)                                     \
    X(18, "usia", SHAPE_STATE, US_PROCESSING_NOTICE, US_SENSITIVE_DATA_OPT_OUT_NOTICE, 8, 1, false, SECOND_GPC)        \
    X(19, "usne", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 8, 1, true, SECOND_GPC)                                     \
    X(20, "usnh", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 8, 3, true, SECOND_GPC)                                     \
    X(21, "usnj", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 10, 5, true, SECOND_GPC)                                    \
    X(22, "ustn", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 8, 1, true, SECOND_GPC)                                     \
    X(23, "usmn", SHAPE_STATE, US_PROCESSING_NOTICE, NONE, 8, 1, true, SECOND_GPC)                                     \
    X(24, "usmd", SHAPE_MSPA, NONE, NONE, 0, 0, true, SECOND_GPC)                                                      \
    X(25, "usin", SHAPE_MSPA, NONE, NONE, 8, 1, true, SECOND_SENSITIVE)                                                \
    X(26, "usky", SHAPE_MSPA, NONE, NONE, 8, 1, true, SECOND_SENSITIVE)                                                \
    X(27, "usri", SHAPE_MSPA, NONE, NONE, 8, 1, true, SECOND_SENSITIVE)

struct layout {
    uint8_t id;
    const char *name;
    enum shape shape;
    enum us_field first, further;
    uint8_t sensitive, child;
    bool additional;
    enum second second;
};
#define X(id, name, shape, first, further, sensitive, child, additional, second)                                       \
    {id, name, shape, first, further, sensitive, child, additional, second},
static const struct layout layouts[] = {SECTIONS(X)};
#undef X
enum { LAYOUT_COUNT = sizeof layouts / sizeof *layouts, VERSION_BITS = 6, GPC_TYPE = 1 };

#define X(code, name) name,
static const char *const field_names[] = {US_FIELDS(X)};
#undef X
const char *us_field_name(enum us_field field) { return field_names[field]; }

static const struct layout *layout_find(unsigned id)
{
    return id >= layouts[0].id && id < (unsigned)layouts[0].id + LAYOUT_COUNT ? &layouts[id - layouts[0].id] : NULL;
}

const char *gpp_section_name(unsigned id)
{
    const struct layout *layout = layout_find(id);
    return layout ? layout->name : id == 2 ? "tcfeuv2" : id == 5 ? "tcfcav1" : id == 6 ? "uspv1" : "";
}

/* --- reading */

struct reading {
    struct bits bits;
    struct us_section *section;
    bool odd; /* a value that is none */
};

static uint8_t value(struct reading *r)
{
    uint8_t value = (uint8_t)bits_read(&r->bits, 2);
    r->odd |= value > US_NO;
    return value;
}

static void field(struct reading *r, enum us_field field)
{
    if (field != US_FIELD_COUNT)
        r->section->fields[field] = value(r);
}

static void sensitive(struct reading *r, unsigned count)
{
    r->section->sensitive_count = (uint8_t)count;
    for (unsigned i = 0; i < count; i++)
        r->section->sensitive[i] = value(r);
}

static void child(struct reading *r, unsigned count)
{
    r->section->child_count = (uint8_t)count;
    for (unsigned i = 0; i < count; i++)
        r->section->child[i] = value(r);
}

static void mspa(struct reading *r)
{
    field(r, US_MSPA_COVERED_TRANSACTION);
    field(r, US_MSPA_OPT_OUT_OPTION_MODE);
    field(r, US_MSPA_SERVICE_PROVIDER_MODE);
}

static void national(struct reading *r, const struct layout *layout)
{
    bool old = r->section->version == 1;
    field(r, layout->first);
    field(r, US_SALE_OPT_OUT_NOTICE);
    field(r, US_SHARING_OPT_OUT_NOTICE);
    field(r, US_TARGETED_ADVERTISING_OPT_OUT_NOTICE);
    field(r, US_SENSITIVE_DATA_PROCESSING_OPT_OUT_NOTICE);
    field(r, US_SENSITIVE_DATA_LIMIT_USE_NOTICE);
    field(r, US_SALE_OPT_OUT);
    field(r, US_SHARING_OPT_OUT);
    field(r, US_TARGETED_ADVERTISING_OPT_OUT);
    sensitive(r, old ? 12 : layout->sensitive);
    child(r, old ? 2 : layout->child);
    field(r, US_PERSONAL_DATA_CONSENTS);
    mspa(r);
}

static void california(struct reading *r, const struct layout *layout)
{
    field(r, US_SALE_OPT_OUT_NOTICE);
    field(r, US_SHARING_OPT_OUT_NOTICE);
    field(r, US_SENSITIVE_DATA_LIMIT_USE_NOTICE);
    field(r, US_SALE_OPT_OUT);
    field(r, US_SHARING_OPT_OUT);
    sensitive(r, layout->sensitive);
    child(r, layout->child);
    field(r, US_PERSONAL_DATA_CONSENTS);
    mspa(r);
}

static void state(struct reading *r, const struct layout *layout)
{
    field(r, layout->first);
    field(r, US_SALE_OPT_OUT_NOTICE);
    field(r, US_TARGETED_ADVERTISING_OPT_OUT_NOTICE);
    field(r, layout->further);
    field(r, US_SALE_OPT_OUT);
    field(r, US_TARGETED_ADVERTISING_OPT_OUT);
    sensitive(r, layout->sensitive);
    child(r, layout->child);
    field(r, layout->additional ? US_ADDITIONAL_DATA_PROCESSING_CONSENT : US_FIELD_COUNT);
    mspa(r);
}

static void mspa_first(struct reading *r, const struct layout *layout)
{
    field(r, US_MSPA_COVERED_TRANSACTION);
    field(r, US_MSPA_MODE);
    field(r, US_PROCESSING_NOTICE);
    field(r, US_SALE_OPT_OUT_NOTICE);
    field(r, US_TARGETED_ADVERTISING_OPT_OUT_NOTICE);
    field(r, US_SALE_OPT_OUT);
    field(r, US_TARGETED_ADVERTISING_OPT_OUT);
    child(r, layout->child);
    field(r, US_ADDITIONAL_DATA_PROCESSING_CONSENT);
}

static enum gpp_fault end_fault(const struct reading *r)
{
    if (r->bits.past)
        return GPP_CUT_SHORT;
    if (r->odd)
        return GPP_VALUE;
    return bits_rest_empty(&r->bits) ? GPP_FINE : GPP_OVERLONG;
}

static enum gpp_fault second_read(struct arena *arena, const struct layout *layout, str text, struct us_section *section)
{
    struct reading r = {.section = section};
    if (layout->second == SECOND_NONE)
        return GPP_OVERLONG;
    if (str_empty(text) || !bits_open(arena, text, &r.bits))
        return GPP_NOT_BASE64;
    if (layout->second == SECOND_SENSITIVE) {
        sensitive(&r, layout->sensitive);
        return end_fault(&r);
    }
    if (bits_read(&r.bits, 2) != GPC_TYPE)
        return GPP_VALUE;
    section->has_gpc = true;
    section->gpc = bits_read(&r.bits, 1);
    return end_fault(&r);
}

/* --- what it comes to */

static void use_note(struct us_section *section, enum us_use use, uint8_t value)
{
    section->out |= value == US_YES ? US_USE_BIT(use) : 0;
    section->in |= value == US_NO ? US_USE_BIT(use) : 0;
    section->mute |= value == US_NOT_APPLICABLE ? US_USE_BIT(use) : 0;
}

static void uses_find(struct us_section *section)
{
    use_note(section, US_SALE, section->fields[US_SALE_OPT_OUT]);
    use_note(section, US_SHARING, section->fields[US_SHARING_OPT_OUT]);
    use_note(section, US_TARGETED_ADVERTISING, section->fields[US_TARGETED_ADVERTISING_OPT_OUT]);
    use_note(section, US_PERSONAL_DATA, section->fields[US_PERSONAL_DATA_CONSENTS]);
    use_note(section, US_PERSONAL_DATA, section->fields[US_ADDITIONAL_DATA_PROCESSING_CONSENT]);
    for (unsigned i = 0; i < section->sensitive_count; i++)
        use_note(section, US_SENSITIVE_DATA, section->sensitive[i]);
    for (unsigned i = 0; i < section->child_count; i++)
        use_note(section, US_KNOWN_CHILD, section->child[i]);
    section->in &= (uint8_t)~section->out; /* of two kinds of sensitive data, the no counts */
}

enum gpp_fault us_section_read(struct arena *arena, unsigned id, str text, struct us_section *ret_section)
{
    const struct layout *layout = layout_find(id);
    struct reading r = {.section = ret_section};
    str rest = text, core;
    memset(ret_section, 0, sizeof *ret_section);
    memset(ret_section->fields, US_ABSENT, sizeof ret_section->fields);
    if (!layout)
        return GPP_UNKNOWN_SECTION;
    if (!str_split(&rest, '.', &core) || str_empty(core) || !bits_open(arena, core, &r.bits))
        return GPP_NOT_BASE64;
    ret_section->version = (uint8_t)bits_read(&r.bits, VERSION_BITS);
    if (ret_section->version != 1 && !(ret_section->version == 2 && layout->shape == SHAPE_NATIONAL))
        return r.bits.past ? GPP_CUT_SHORT : GPP_VERSION;
    switch (layout->shape) {
    case SHAPE_NATIONAL: national(&r, layout); break;
    case SHAPE_CALIFORNIA: california(&r, layout); break;
    case SHAPE_STATE: state(&r, layout); break;
    case SHAPE_MSPA: mspa_first(&r, layout); break;
    }
    enum gpp_fault fault = end_fault(&r);
    str second;
    if (!fault && str_split(&rest, '.', &second))
        fault = str_split(&rest, '.', &core) ? GPP_OVERLONG : second_read(arena, layout, second, ret_section);
    if (!fault)
        uses_find(ret_section);
    return fault;
}

static bool letter(char c) { return c == 'Y' || c == 'N' || c == '-'; }

enum gpp_fault us_privacy_read(str text, struct us_section *ret_section)
{
    memset(ret_section, 0, sizeof *ret_section);
    memset(ret_section->fields, US_ABSENT, sizeof ret_section->fields);
    if (text.length != 4)
        return text.length < 4 ? GPP_CUT_SHORT : GPP_OVERLONG;
    if (text.data[0] != '1')
        return GPP_VERSION;
    if (!letter(text.data[1]) || !letter(text.data[2]) || !letter(text.data[3]))
        return GPP_VALUE;
    ret_section->version = 1;
    ret_section->out = text.data[2] == 'Y' ? US_USE_BIT(US_SALE) | US_USE_BIT(US_SHARING) : 0; /* the law did not yet tell them apart */
    ret_section->in = text.data[2] == 'N' ? US_USE_BIT(US_SALE) : 0;
    return GPP_FINE;
}
