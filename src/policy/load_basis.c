/* The lawful basis of a purpose, and what each of the six must cite (gate.md §2). */
#include "policy/load_private.h"

static bool basis_word(struct loader *loader, const struct node *node, enum basis *ret_basis)
{
    const char *words[BASIS_COUNT];
    for (int i = 0; i < BASIS_COUNT; i++)
        words[i] = basis_name((enum basis)i);
    int word = read_word(loader, node, "basis", words, BASIS_COUNT);
    if (word >= 0)
        *ret_basis = (enum basis)word;
    return word >= 0;
}

/* `basis: consent`, or `basis: { default: consent, US-CA: legitimate_interest }` */
void read_basis(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    if (value->kind != NODE_MAP) {
        (void)basis_word(loader, value, &purpose->basis); /* reports */
        return;
    }
    if (value->count > LIMIT_POLICY_LIST) {
        problem_at(loader, value, STR_NONE, "`basis` has %u entries, the limit is %d", value->count, (int)LIMIT_POLICY_LIST);
        return;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        const struct entry *entry = &value->entries[i];
        struct jurisdiction_basis other = {0};
        if (str_equal(entry->key.text, STR("default"))) {
            (void)basis_word(loader, &entry->value, &purpose->basis); /* reports */
            continue;
        }
        read_jurisdiction(loader, &entry->key, &other.jurisdiction);
        if (basis_word(loader, &entry->value, &other.basis) && !str_empty(other.jurisdiction))
            *(struct jurisdiction_basis *)vec_push(loader->arena, &purpose->bases) = other;
    }
    if (!node_get(value, STR("default")))
        problem_at(loader, value, STR_NONE, "`basis` has no `default`: the basis wherever none of the named regions applies");
}

/* Cuts "terms of sale@3" at its last `@`; the part behind it is empty where there is none. */
static str cut_at(str text, str *ret_behind)
{
    size_t at = text.length;
    while (at > 0 && text.data[at - 1] != '@')
        at--;
    *ret_behind = at ? str_slice(text, at, text.length) : STR_NONE;
    return at ? str_slice(text, 0, at - 1) : text;
}

/* The title of the terms; their version, where one stands behind it. */
static str terms_read(str text, uint32_t *version)
{
    str behind, title = cut_at(text, &behind);
    int64_t number;
    if (str_empty(behind) || !str_to_int64(behind, &number) || number < 1 || number > 1000000000)
        return str_trim(text);
    *version = (uint32_t)number;
    return str_trim(title);
}

/* `contract: terms of sale` or `contract: terms of sale@3`; in several languages all name the one version. */
void read_contract(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    uint32_t said = 0;
    str text = STR_NONE;
    read_local(loader, value, &text, &purpose->contracts);
    purpose->contract = terms_read(text, &said);
    vec_each (one, &purpose->contracts) {
        uint32_t version = 0;
        one->text = terms_read(one->text, &version);
        if (version && said && version != said)
            problem_at(loader, value, STR_NONE, "the contract has version %u in one language and %u in another; the terms have one version", said, version);
        said = version ? version : said;
    }
    if (said)
        purpose->terms_version = said;
}

static void read_dated(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    str text = STR_NONE, behind;
    read_text(loader, value, &text);
    str document = cut_at(text, &behind);
    if (str_empty(text))
        return;
    if (str_empty(str_trim(document)) || str_empty(behind) || !time_parse(behind, &purpose->assessment_at_ms)) {
        problem_at(loader, value, STR_NONE, "a balancing test is cited with its date: `balancing_test: lia/fraud.pdf@2026-02-11`");
        return;
    }
    purpose->balancing_test = str_trim(document);
}

/* `review: 2027-02-11`, or `review: P1Y` counted from the test's date. */
void read_review(struct loader *loader, const struct node *value, void *field)
{
    struct purpose *purpose = field;
    struct duration duration = {0, 0};
    if (!expect_text(loader, value, "the review"))
        return;
    if (value->text.length && value->text.data[0] == 'P') {
        if (parse_duration(loader, value, value->text, &duration) && purpose->assessment_at_ms != TIME_NONE)
            purpose->assessment_review_ms = time_add(purpose->assessment_at_ms, duration);
        else if (purpose->assessment_at_ms == TIME_NONE)
            problem_at(loader, value, STR_NONE, "a review after `%.*s` counts from the balancing test's date; date the test first",
                       STR_FMT(shown(value->text)));
    } else {
        (void)parse_time(loader, value, &purpose->assessment_review_ms); /* reports */
    }
}

/* `PATH@DATE`, or `{ document: PATH, dated: DATE, review: DATE or DURATION }` */
void read_balancing_test(struct loader *loader, const struct node *value, void *field)
{
    static const struct member members[] = {
        {"document", read_text, offsetof(struct purpose, balancing_test)},
        {"dated", read_time, offsetof(struct purpose, assessment_at_ms)},
        {"review", read_nothing, 0}, /* below, when the date is known */
    };
    struct purpose *purpose = field;
    if (value->kind != NODE_MAP) {
        read_dated(loader, value, purpose);
        return;
    }
    members_read(loader, value, members, sizeof(members) / sizeof(members[0]), purpose);
    if (str_empty(purpose->balancing_test) || purpose->assessment_at_ms == TIME_NONE)
        problem_at(loader, value, STR_NONE, "a balancing test has a `document` and the date it is `dated`");
    if (node_get(value, STR("review")))
        read_review(loader, node_get(value, STR("review")), purpose);
}

/* ---- what each basis must cite ---- */

static bool uses(const struct purpose *purpose, enum basis basis)
{
    vec_each (other, &purpose->bases)
        if (other->basis == basis)
            return true;
    return purpose->basis == basis;
}

static void must_cite(struct loader *loader, const struct node *node, enum basis basis, const char *key, const char *what, const char *example)
{
    if (!node_get(node, str_of(key))) /* otherwise its own problem was reported */
        problem_at(loader, node, STR_NONE, "basis `%s` must cite %s: `%s: %s`", basis_name(basis), what, key, example);
}

static void check_consent(struct loader *loader, const struct node *node, struct purpose *purpose)
{
    if (purpose->notice == SLOT_NONE)
        must_cite(loader, node, BASIS_CONSENT, "notice", "the notice (of `notices`) that people see when they are asked", "newsletter");
    if (purpose->expires.anchor == ANCHOR_NONE)
        purpose->expires = (struct period){loader->policy->consent_lifetime_default, ANCHOR_GIVEN};
}

static void check_cited(struct loader *loader, const struct node *node, const struct purpose *purpose)
{
    if (uses(purpose, BASIS_CONTRACT) && str_empty(purpose->contract))
        must_cite(loader, node, BASIS_CONTRACT, "contract", "what the contract is, with the version of its terms", "terms of sale@1");
    if (uses(purpose, BASIS_LEGAL_OBLIGATION)) {
        if (str_empty(purpose->law))
            must_cite(loader, node, BASIS_LEGAL_OBLIGATION, "law", "the law", "\"Act C of 2000 §169\"");
        if (purpose->retention.anchor == ANCHOR_NONE)
            must_cite(loader, node, BASIS_LEGAL_OBLIGATION, "retention", "the retention that the law orders", "P8Y after collected");
    }
    if (uses(purpose, BASIS_VITAL_INTEREST) && str_empty(purpose->why_no_other_basis))
        must_cite(loader, node, BASIS_VITAL_INTEREST, "why_no_other_basis", "why no other basis serves", "…");
    if (uses(purpose, BASIS_PUBLIC_TASK) && str_empty(purpose->law))
        must_cite(loader, node, BASIS_PUBLIC_TASK, "law", "the law that lays the task down", "\"Act … §…\"");
    if (uses(purpose, BASIS_LEGITIMATE_INTEREST)) {
        if (str_empty(purpose->interest))
            must_cite(loader, node, BASIS_LEGITIMATE_INTEREST, "interest", "the interest", "keeping stolen cards out of the shop");
        if (str_empty(purpose->balancing_test))
            must_cite(loader, node, BASIS_LEGITIMATE_INTEREST, "balancing_test", "the dated balancing test", "lia/fraud.pdf@2026-02-11");
    }
}

/* Periods that could never begin, or begin for another basis. */
static void check_periods(struct loader *loader, const struct node *node, const struct purpose *purpose)
{
    const struct node *expires = node_get(node, STR("expires")), *lapses = node_get(node, STR("lapses"));
    if (expires && !uses(purpose, BASIS_CONSENT))
        problem_at(loader, expires, STR_NONE, "`expires` is how long a consent lives, and this purpose has none; say `retention`, or `ends`");
    if (lapses && !uses(purpose, BASIS_VITAL_INTEREST))
        problem_at(loader, lapses, STR_NONE, "`lapses` belongs to the basis vital_interest");
    if (purpose->retention.anchor == ANCHOR_GIVEN && !uses(purpose, BASIS_CONSENT))
        problem_at(loader, node_get(node, STR("retention")), STR_NONE,
                   "retention after `given` needs the basis consent, or it would never begin; count from collected, last_seen or contract_end");
}

void basis_check(struct loader *loader, const struct node *node, struct purpose *purpose)
{
    if (purpose->basis == BASIS_COUNT) {
        if (!node_get(node, STR("basis")))
            problem_at(loader, node, STR_NONE,
                       "`basis` is missing: one of consent, contract, legal_obligation, vital_interest, public_task, legitimate_interest");
        return;
    }
    if (uses(purpose, BASIS_CONSENT))
        check_consent(loader, node, purpose);
    check_cited(loader, node, purpose);
    check_periods(loader, node, purpose);
}
