/* The section `purposes`: everything of a purpose but its basis (load_basis.c). */
#include "policy/load_private.h"

enum { AGE_MAX = 21 };

static const char *const anchor_words[] = {
#define X(code, name) name,
    ANCHORS(X)
#undef X
};

/* "P5Y after contract_end"; where only one anchor makes sense (`only`), "P5Y" is enough. */
static void period_read(struct loader *loader, const struct node *value, enum anchor only, const char *what, struct period *period)
{
    str text = value->text, amount;
    struct period read = {.anchor = only};
    if (!expect_text(loader, value, what))
        return;
    text = str_trim(text);
    (void)str_split(&text, ' ', &amount); /* there is at least one part */
    if (!parse_duration(loader, value, amount, &read.duration))
        return;
    if (duration_is_zero(read.duration)) {
        problem_at(loader, value, STR_NONE, "%s must last for some time", what);
        return;
    }
    text = str_trim(text);
    if (str_empty(text) && only == ANCHOR_NONE) {
        problem_at(loader, value, STR_NONE, "say what it counts from: `%.*s after collected`, or after last_seen, contract_end, given",
                   STR_FMT(shown(amount)));
        return;
    }
    if (!str_empty(text)) {
        if (!str_starts(text, STR("after "))) {
            problem_at(loader, value, STR_NONE, "write %s as `%.*s after %s`", what, STR_FMT(shown(amount)),
                       anchor_words[only == ANCHOR_NONE ? ANCHOR_COLLECTED : only]);
            return;
        }
        struct node word = *value;
        word.text = str_trim(str_slice(text, sizeof("after ") - 1, text.length));
        int anchor = read_word(loader, &word, "starting point", anchor_words + 1, sizeof(anchor_words) / sizeof(anchor_words[0]) - 1);
        if (anchor < 0)
            return;
        read.anchor = (enum anchor)(anchor + 1);
        if (only != ANCHOR_NONE && read.anchor != only) {
            problem_at(loader, value, STR_NONE, "%s counts from `%s`", what, anchor_words[only]);
            return;
        }
    }
    *period = read;
}

static void read_retention(struct loader *loader, const struct node *value, void *field)
{
    period_read(loader, value, ANCHOR_NONE, "`retention`", field);
}

static void read_expires(struct loader *loader, const struct node *value, void *field)
{
    period_read(loader, value, ANCHOR_GIVEN, "`expires`", field);
}

static void read_lapses(struct loader *loader, const struct node *value, void *field)
{
    struct duration duration = {0, 0};
    if (!expect_text(loader, value, "`lapses`") || !parse_duration(loader, value, value->text, &duration))
        return;
    if (duration.months || duration.ms <= 0 || duration.ms > 72 * HOUR_MS)
        problem_at(loader, value, STR_NONE, "a vital interest lapses after at most 72 hours; write PT72H or less");
    else
        *(struct duration *)field = duration;
}

static void read_notice(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "`notice`"))
        return;
    const struct notice *notice = find_notice(loader, value);
    if (notice)
        *(uint16_t *)field = notice->slot;
}

/* `a`, `9(2)(a)` or `A9-2-a` */
static void read_condition(struct loader *loader, const struct node *value, void *field)
{
    if (!expect_text(loader, value, "`special_condition`"))
        return;
    str text = value->text;
    if (str_starts(text, STR("9(2)(")) && str_ends(text, STR(")")))
        text = str_slice(text, 5, text.length - 1);
    if (str_starts(text, STR("A9-2-")))
        text = str_slice(text, 5, text.length);
    if (text.length == 1 && text.data[0] >= 'a' && text.data[0] <= 'j')
        *(str *)field = str_copy(loader->arena, text);
    else
        problem_at(loader, value, STR_NONE, "`%.*s` is not a condition of Art. 9(2); write its letter, a to j (a: explicit consent)",
                   STR_FMT(shown(value->text)));
}

static void read_threshold(struct loader *loader, const struct node *value, void *field)
{
    int64_t age;
    if (!expect_text(loader, value, "the age"))
        return;
    if (str_to_int64(value->text, &age) && age >= 1 && age <= AGE_MAX)
        *(uint8_t *)field = (uint8_t)age;
    else
        problem_at(loader, value, STR_NONE, "`%.*s` must be an age from 1 to %d", STR_FMT(shown(value->text)), AGE_MAX);
}

static void read_minors(struct loader *loader, const struct node *value, void *field)
{
    static const char *const words[] = {"unchecked", "guardian"};
    int word = read_word(loader, value, "rule for minors", words, 2);
    if (word >= 0)
        *(bool *)field = word == 1;
}

/* `gpc: true` or `gpc: objects` */
static void read_gpc(struct loader *loader, const struct node *value, void *field)
{
    if (value->kind == NODE_SCALAR && (str_equal(value->text, STR("objects")) || str_equal(value->text, STR("objection"))))
        *(bool *)field = true;
    else
        read_flag(loader, value, field);
}

static void read_title(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    read_local(loader, value, &purpose->title, &purpose->titles);
}

static void read_description(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    read_local(loader, value, &purpose->description, &purpose->descriptions);
}

static void read_law(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    read_local(loader, value, &purpose->law, &purpose->laws);
}

static void read_interest(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    read_local(loader, value, &purpose->interest, &purpose->interests);
}

static void read_why(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    read_local(loader, value, &purpose->why_no_other_basis, &purpose->whys);
}

#define AT(member) offsetof(struct purpose, member)
static const struct member members[] = {
    {"title", read_title, 0},
    {"description", read_description, 0},
    {"dpv", read_text, AT(dpv)},
    {"basis", read_basis, 0},
    {"categories", read_categories, AT(categories)},
    {"notice", read_notice, AT(notice)},
    {"notice_min_version", read_count, AT(notice_min_version)},
    {"contract", read_contract, 0},
    {"terms_version", read_count, AT(terms_version)},
    {"terms_min_version", read_count, AT(terms_min_version)},
    {"opened_by", read_texts, AT(opened_by)},
    {"ended_by", read_texts, AT(ended_by)},
    {"law", read_law, 0},
    {"interest", read_interest, 0},
    {"balancing_test", read_balancing_test, 0},
    {"review", read_nothing, 0}, /* after the test, whichever stands first */
    {"why_no_other_basis", read_why, 0},
    {"lapses", read_lapses, AT(vital_lapse)},
    {"special_condition", read_condition, AT(special_condition)},
    {"special_law", read_text, AT(special_law)},
    {"explicit_consent", read_flag, AT(explicit_consent)},
    {"direct_marketing", read_flag, AT(direct_marketing)},
    {"automated_decision", read_flag, AT(automated_decision)},
    {"human_reviewer", read_text, AT(human_reviewer)},
    {"age_threshold", read_threshold, AT(age_threshold)},
    {"minors", read_minors, AT(child_sensitive)},
    {"gpc", read_gpc, AT(gpc_objects)},
    {"storage_only", read_flag, AT(storage_only)},
    {"expires", read_expires, AT(expires)},
    {"retention", read_retention, AT(retention)},
    {"starts", read_time, AT(starts_ms)},
    {"ends", read_time, AT(ends_ms)},
    {"supersedes", read_text, AT(supersedes)},
    {"compatible_with", read_purposes, AT(compatible_with)},
    {"compatible_assessment", read_text, AT(compatible_assessment)},
    {"tcf", read_tcf, 0},
    {"tcf_custom", read_tcf_custom, 0},
    {"tcf_features", read_tcf_features, 0},
    {"gpp", read_gpp_uses, AT(gpp_uses)},
    {"consent_mode", read_modes, 0},
};
#undef AT

static void versions_check(struct loader *loader, const struct node *node, const struct purpose *purpose)
{
    if (purpose->notice != SLOT_NONE) {
        const struct notice *notice = &loader->policy->notices.items[purpose->notice];
        if (notice->version && purpose->notice_min_version > notice->version)
            problem_at(loader, node_get(node, STR("notice_min_version")), STR_NONE,
                       "`notice_min_version: %u` is above version %u of notice `%.*s`, so no consent could ever hold",
                       purpose->notice_min_version, notice->version, STR_FMT(notice->name));
    } else if (purpose->notice_min_version && !node_get(node, STR("notice"))) {
        problem_at(loader, node_get(node, STR("notice_min_version")), STR_NONE, "`notice_min_version` needs a `notice`");
    }
    if (purpose->terms_min_version > purpose->terms_version)
        problem_at(loader, node_get(node, STR("terms_min_version")), STR_NONE,
                   "`terms_min_version: %u` is above the terms' own version %u, so no contract could ever hold", purpose->terms_min_version,
                   purpose->terms_version);
}

static void whole_check(struct loader *loader, const struct node *node, const struct purpose *purpose)
{
    const struct node *categories = node_get(node, STR("categories"));
    if (!categories || (categories->kind == NODE_LIST && !categories->count))
        problem_at(loader, node, STR_NONE, "`categories` is missing: the data that this purpose cannot do without, `[email, purchase]`");
    if (purpose->starts_ms != TIME_NONE && purpose->ends_ms <= purpose->starts_ms)
        problem_at(loader, node_get(node, STR("ends")), STR_NONE, "the purpose `ends` before it `starts`");
    if (str_equal(purpose->supersedes, purpose->name))
        problem_at(loader, node_get(node, STR("supersedes")), STR_NONE, "a purpose cannot supersede itself; give the new one another name");
    else if (!str_empty(purpose->supersedes) && !name_valid(purpose->supersedes))
        problem_at(loader, node_get(node, STR("supersedes")), STR_NONE, "`supersedes` is the name of the earlier purpose");
    if (purpose->compatible_with & purpose->self)
        problem_at(loader, node_get(node, STR("compatible_with")), STR_NONE, "a purpose is compatible with itself; take it out");
    if (purpose->compatible_with && str_empty(purpose->compatible_assessment))
        problem_at(loader, node_get(node, STR("compatible_with")), STR_NONE,
                   "`compatible_with` must cite its assessment (Art. 6(4)): `compatible_assessment: assessments/service.pdf`");
}

static void load_purpose(struct loader *loader, const struct node *node, void *item)
{
    struct purpose *purpose = item;
    purpose->child_sensitive = loader->policy->unknown_age_needs_guardian; /* unless it says itself */
    members_read(loader, node, members, sizeof(members) / sizeof(members[0]), purpose);
    if (node_get(node, STR("review")))
        read_review(loader, node_get(node, STR("review")), purpose);
    if (str_empty(purpose->title))
        purpose->title = purpose->name;
    if (str_equal(purpose->special_condition, STR("a")))
        purpose->explicit_consent = true;
    basis_check(loader, node, purpose);
    versions_check(loader, node, purpose);
    whole_check(loader, node, purpose);
}

void load_purposes(struct loader *loader, const struct node *section)
{
    each_declared(loader, section, "purpose", &loader->policy->purpose_by_name, load_purpose);
}
