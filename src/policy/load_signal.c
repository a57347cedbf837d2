/* What connects purposes, sources and destinations with the signals of the web: `tcf`, `tcf_custom`, `tcf_features`, `gpp`, `consent_mode` of a
 * purpose; `signals` of a source; `tcf_vendor` of a destination; `tcf_own_purposes` of the settings. */
#include "policy/load_private.h"

enum { TCF_PURPOSES_DEFINED = 11, TCF_FIELD_BITS = 24, TCF_CUSTOM_MOST = 63, TCF_FEATURES_DEFINED = 2, TCF_FEATURE_BITS = 12 };

/* A number from 1 to `most`; 0, with a problem, where it is none. */
static unsigned numbered(struct loader *loader, const struct node *item, const char *what, int most)
{
    int64_t id;
    if (str_to_int64(item->text, &id) && id >= 1 && id <= most)
        return (unsigned)id;
    problem_at(loader, item, STR_NONE, "`%.*s` is not a %s of the TCF; they are numbered 1 to %d", STR_FMT(shown(item->text)), what, most);
    return 0;
}

static void push_tcf(struct loader *loader, const struct node *item, void *context)
{
    struct purpose *purpose = context;
    unsigned id = numbered(loader, item, "purpose", TCF_PURPOSES_DEFINED);
    if (!id)
        return;
    *vec_push(loader->arena, &purpose->tcf) = (uint16_t)id;
    purpose->tcf_purposes |= UINT32_C(1) << (TCF_FIELD_BITS - id);
}

void read_tcf(struct loader *loader, const struct node *value, void *purpose) { each_text(loader, value, "`tcf`", push_tcf, purpose); }

static void push_custom(struct loader *loader, const struct node *item, void *context)
{
    unsigned id = numbered(loader, item, "publisher's custom purpose", TCF_CUSTOM_MOST);
    ((struct purpose *)context)->tcf_custom |= id ? UINT64_C(1) << (id - 1) : 0;
}

void read_tcf_custom(struct loader *loader, const struct node *value, void *purpose)
{
    each_text(loader, value, "`tcf_custom`", push_custom, purpose);
}

static void push_feature(struct loader *loader, const struct node *item, void *context)
{
    unsigned id = numbered(loader, item, "special feature", TCF_FEATURES_DEFINED);
    ((struct purpose *)context)->tcf_features |= (uint16_t)(id ? 1u << (TCF_FEATURE_BITS - id) : 0);
}

void read_tcf_features(struct loader *loader, const struct node *value, void *purpose)
{
    each_text(loader, value, "`tcf_features`", push_feature, purpose);
}

static void push_use(struct loader *loader, const struct node *item, void *context)
{
#define X(code, name, what) name,
    static const char *const uses[] = {US_USES(X)};
#undef X
    int use = read_word(loader, item, "use that one can opt out of", uses, US_USE_COUNT);
    if (use >= 0)
        *(uint8_t *)context |= US_USE_BIT(use);
}

void read_gpp_uses(struct loader *loader, const struct node *value, void *field) { each_text(loader, value, "`gpp`", push_use, field); }

static void push_mode(struct loader *loader, const struct node *item, void *context)
{
#define X(code, name) name,
    static const char *const modes[] = {CONSENT_MODES(X)};
#undef X
    struct purpose *purpose = context;
    int mode = read_word(loader, item, "key of Consent Mode", modes, CONSENT_MODE_COUNT);
    if (mode < 0)
        return;
    *(str *)vec_push(loader->arena, &purpose->consent_mode) = str_of(modes[mode]);
    purpose->consent_modes |= (uint8_t)(1u << mode);
}

void read_modes(struct loader *loader, const struct node *value, void *purpose)
{
    each_text(loader, value, "`consent_mode`", push_mode, purpose);
}

static void push_kind(struct loader *loader, const struct node *item, void *context)
{
#define X(code, name, method, decoder) name,
    static const char *const kinds[] = {SIGNAL_KINDS(X)};
#undef X
    int kind = read_word(loader, item, "kind of signal", kinds, SIGNAL_KIND_COUNT);
    if (kind >= 0)
        *(uint8_t *)context |= SIGNAL_KIND_BIT(kind);
}

/* Which signals of its messages count; `[]`: none. */
void read_signal_kinds(struct loader *loader, const struct node *value, void *field)
{
    *(uint8_t *)field = 0; /* instead of the default: all */
    if (value->kind != NODE_LIST || value->count)
        each_text(loader, value, "`signals`", push_kind, field);
}

void read_vendor(struct loader *loader, const struct node *value, void *field)
{
    int64_t id;
    if (!expect_text(loader, value, "`tcf_vendor`"))
        return;
    if (str_to_int64(value->text, &id) && id >= 1 && id <= UINT16_MAX)
        *(uint16_t *)field = (uint16_t)id;
    else
        problem_at(loader, value, STR_NONE, "`%.*s` is not the id of a vendor; write its number in the Global Vendor List, as 755",
                   STR_FMT(shown(value->text)));
}

/* Forwarding is judged by the purposes of the TCF that the destination's purpose names. */
void vendor_check(struct loader *loader, const struct node *node, const struct destination *destination)
{
    if (!destination->tcf_vendor || destination->purpose == SLOT_NONE)
        return;
    struct policy *policy = loader->policy;
    const struct purpose *purpose = &policy->purposes.items[destination->purpose];
    if (!purpose->tcf.count)
        problem_at(loader, node_get(node, STR("tcf_vendor")), STR_NONE,
                   "a vendor is judged by purposes of the TCF; give purpose `%.*s` its `tcf: [1, 3, 4]`, or take `tcf_vendor` out", STR_FMT(purpose->name));
    policy->vendor_purposes |= purpose->self;
}

void read_own_purposes(struct loader *loader, const struct node *value, void *field)
{
    static const char *const words[] = {"publisher", "core"};
    int word = read_word(loader, value, "part of the TC string", words, 2);
    if (word >= 0)
        *(bool *)field = word == 1;
}
