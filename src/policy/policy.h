/* The policy: why data is processed, on which basis, what each purpose covers, where data comes from and may go.
 *
 * One `struct policy` is one version, immutable once loaded; everything in it lives in its own arena, so that it is dropped
 * at once. Slots (purpose, category, source, destination, notice, key) are positions in its arrays and mean nothing outside
 * this version: what is stored carries names, through purpose sets (model/purpose_set.h).
 *
 * 1. It is loaded whole or refused whole; each problem has line, column and, where one is near, a suggestion.
 * 2. Exactly one basis a purpose and jurisdiction; the gate never tries another (gate.md §2).
 * 3. Arrays are sorted by nothing: they keep the order of the file. Lookups by name go through maps.
 */
#ifndef TELOS_POLICY_POLICY_H
#define TELOS_POLICY_POLICY_H

#include "base/err.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/time.h"
#include "base/vec.h"
#include "model/purpose.h"
#include "model/signal_kind.h"

struct category_set {
    uint64_t words[LIMIT_CATEGORIES / 64];
};
static inline bool category_in(const struct category_set *set, unsigned slot) { return set->words[slot / 64] >> (slot % 64) & 1; }
static inline void category_add(struct category_set *set, unsigned slot) { set->words[slot / 64] |= UINT64_C(1) << (slot % 64); }

#define SLOT_NONE UINT16_MAX

/* `title: { en: …, hu: … }`. Where a title stands beside its texts it is the English one, else the first, or the only text there is. */
struct local_text {
    str language, text;
};
typedef VEC(struct local_text) local_texts;
/* In a language ("hu", "pt-BR"), or `otherwise`. */
str local_text(const local_texts *texts, str language, str otherwise);

/* The categories (`categories:`). */
struct category {
    str name, title, dpv;
    local_texts titles;
    bool identifier, special; /* special: GDPR Art. 9 */
    purpose_mask covered_by; /* purposes whose categories name it */
};

/* What retention counts from: code, policy spelling. */
#define ANCHORS(X)                                                                                                     \
    X(ANCHOR_NONE, "none")                                                                                             \
    X(ANCHOR_COLLECTED, "collected") /* the datum's own received time */                                               \
    X(ANCHOR_LAST_SEEN, "last_seen") /* the person's newest event, fact or consent */                                  \
    X(ANCHOR_CONTRACT_END, "contract_end") /* the purpose's `ended` record; not running while a contract is open */    \
    X(ANCHOR_GIVEN, "given") /* the consent's `given` or `renewed` */
enum anchor {
#define X(code, name) code,
    ANCHORS(X)
#undef X
};
struct period { /* "P5Y after contract_end" */
    struct duration duration;
    enum anchor anchor; /* ANCHOR_NONE: not limited */
};

struct jurisdiction_basis {
    str jurisdiction; /* ISO 3166-1 or -2: "HU", "US-CA"; or a region named in `controller.regions` */
    enum basis basis;
};

/* The purposes (`purposes:`). */
struct purpose {
    uint16_t slot;
    str name, title, description; /* description: in plain words, for the person; may be empty */
    local_texts titles, descriptions;
    str dpv; /* purpose IRI, e.g. dpv:DirectMarketing; may be empty */
    enum basis basis; /* the default jurisdiction's */
    VEC(struct jurisdiction_basis) bases; /* others than the default's */
    struct category_set categories;
    purpose_mask compatible_with; /* facts collected for these purposes may be used for this one (Art. 6(4)) */
    str compatible_assessment;
    /* what the basis cites */
    uint16_t notice; /* consent (required), others optional: slot, or SLOT_NONE */
    uint32_t notice_min_version; /* 0: the notice's renew_older_than */
    str contract; /* this and the next: what the person may read in their own language, too */
    local_texts contracts, laws, interests, whys;
    uint32_t terms_version, terms_min_version; /* contract: version of its terms (default 1), oldest still accepted */
    str law, interest, balancing_test, why_no_other_basis;
    int64_t assessment_at_ms, assessment_review_ms; /* balancing test: dated, due again; TIME_NONE where not given */
    struct duration vital_lapse; /* default PT72H, never more */
    /* special conditions */
    str special_condition; /* Art. 9(2) letter: "a"…"j"; empty: none */
    str special_law; /* that the letters b, g, h, i and j rest on */
    bool explicit_consent; /* demanded by the policy, or because of 9(2)(a) */
    bool direct_marketing;
    bool automated_decision; str human_reviewer; /* Art. 22 */
    uint8_t age_threshold; /* Art. 8: guardian needed below, wherever the person is; 0: policy_age_threshold */
    bool child_sensitive; /* `minors: guardian`, or the settings say so: the gate asks for age or guardian */
    bool gpc_objects; /* a Global Privacy Control signal is an objection to this purpose */
    bool storage_only; /* may not be read or sent, e.g. legal claims under restriction */
    struct period expires; /* consent: default 13 months after given */
    struct period retention;
    int64_t starts_ms, ends_ms; /* TIME_NONE, TIME_FOREVER */
    str supersedes; /* name of the purpose that this one follows */
    VEC(str) opened_by; /* contract: event names that open one, e.g. "Order Completed" */
    VEC(str) ended_by;
    purpose_mask self; /* 1 << slot */
    VEC(uint16_t) tcf; /* IAB TCF purpose ids */
    uint32_t tcf_purposes; /* the same as a field of a TC string: 24 bits, purpose 1 first */
    uint64_t tcf_custom; /* the publisher's custom purposes: bit id - 1 */
    uint16_t tcf_features; /* special features, as a field of a TC string: 12 bits */
    uint8_t gpp_uses; /* enum us_use: what people in the United States can opt out of (`gpp: [sale, sharing]`) */
    uint8_t consent_modes; /* enum consent_mode_type */
    VEC(str) consent_mode; /* Google Consent Mode v2 keys */
    VEC(str) signals; /* consent category ids of SDKs mapped to it (from `signals:`) */
};

struct notice_text {
    str language, path, content;
    uint8_t sha256[32];
};
/* The notices (`notices:`). */
struct notice {
    uint16_t slot;
    str name;
    uint32_t version;
    int64_t effective_ms;
    uint32_t renew_older_than; /* consents under versions below this are outdated; 0: never */
    struct duration grace; /* after `effective`, older ones still hold */
    VEC(struct notice_text) texts;
};

#define WHEN_DENIED(X) X(WHEN_DENIED_DROP, "drop") X(WHEN_DENIED_HOLD, "hold") X(WHEN_DENIED_ANONYMISE, "anonymise")
enum when_denied {
#define X(code, name) code,
    WHEN_DENIED(X)
#undef X
};

/* The sources (`sources:`). */
/* What a kind of source or destination is told beyond what all have in common: scalars, whose meaning is the kind's. */
struct flow_option {
    str name, value; /* url, secret_env, timeout, brokers, … */
    uint32_t line, column; /* of the value in the file */
};
typedef VEC(struct flow_option) flow_options;
str flow_option(const flow_options *options, str name, str otherwise);

struct source {
    uint16_t slot;
    uint32_t line, column; /* in the file */
    str name, kind, title;
    local_texts titles;
    str key_env; /* name of the environment variable with the write key; empty: made by `telos token create --source` */
    str write_key; /* resolved at load: from key_env, or empty */
    purpose_mask purposes;
    enum when_denied when_denied;
    struct duration hold; /* WHEN_DENIED_HOLD */
    str region, jurisdiction; /* where its people are; empty: the controller's */
    bool trusted; /* server side: its identifiers count as verified */
    bool public; /* its write key lies open, in a page or an app: whom it names is named, not proven */
    VEC(uint16_t) informs; /* notices its people are shown */
    uint8_t signals; /* enum signal_kind: which of its messages' signals count; default: all */
    uint32_t trust; /* rank for `most_trusted source`; higher wins; default 0 */
    flow_options options; /* of kinds that Telos reads from by itself (`kafka`); others have none */
};

/* What permits a transfer to a country that is not adequate (Art. 45, 46, 49): code, policy spelling, in words. */
#define SAFEGUARDS(X)                                                                                                  \
    X(SAFEGUARD_NAMED, "named", "")                                                                                    \
    X(SAFEGUARD_FRAMEWORK, "framework", "recipient certified under an adequacy decision (Art. 45)")                    \
    X(SAFEGUARD_SCC, "scc", "standard contractual clauses (Art. 46(2)(c))")                                            \
    X(SAFEGUARD_BCR, "bcr", "binding corporate rules (Art. 46(2)(b))")                                                 \
    X(SAFEGUARD_CODE, "code", "approved code of conduct (Art. 46(2)(e))")                                              \
    X(SAFEGUARD_CERTIFICATION, "certification", "approved certification (Art. 46(2)(f))")                              \
    X(SAFEGUARD_AUTHORISED, "authorised", "clauses authorised by the supervisory authority (Art. 46(3))")              \
    X(SAFEGUARD_DEROGATION, "derogation", "derogation (Art. 49)")
enum safeguard {
#define X(code, name, words) code,
    SAFEGUARDS(X)
#undef X
        SAFEGUARD_COUNT
};

/* The destinations (`destinations:`). */
struct destination {
    uint16_t slot;
    uint32_t line, column; /* in the file */
    str name, kind, title;
    local_texts titles;
    uint16_t purpose; /* slot */
    str channel; /* empty: no contact */
    struct category_set categories; /* asked for; defaults to the purpose's */
    str recipient, country; /* country from the recipient text "(processor, HU)" or `country:` */
    str safeguard; /* in words, as people read it */
    enum safeguard safeguard_kind; /* SAFEGUARD_NAMED: only the words were given */
    int64_t safeguard_until_ms; /* TIME_FOREVER */
    VEC(str) events; /* event names or types sent; empty: all */
    bool sends_events, sends_profiles; /* `send: [events, profiles]`; default events */
    uint16_t tcf_vendor; /* id in the Global Vendor List: sent only what a TC string lets this vendor have; 0: none */
    flow_options options;
};
str destination_option(const struct destination *destination, str name, str otherwise);

/* What a person may be written to about (`topics:`); the names are those of preferences. */
struct topic {
    str name, title;
    local_texts titles;
};

#define NORMALISERS(X)                                                                                                 \
    X(NORMALISE_EXACT, "exact") X(NORMALISE_EMAIL, "email") X(NORMALISE_E164, "e164") X(NORMALISE_LOWER, "lower")      \
    X(NORMALISE_TRIM, "trim")
enum normalise {
#define X(code, name) code,
    NORMALISERS(X)
#undef X
        NORMALISE_COUNT
};
/* The identity keys (`identity.keys`). `user_id` and `anonymous_id` always exist. Array order is strength: a message's facts
 * are observed on its strongest identifier. */
struct identity_key {
    uint16_t slot;
    str name;
    enum normalise normalise;
    str default_region; /* E.164 numbers without country code */
    bool unique; /* limit_per_profile 1 */
    uint32_t limit_per_profile;
    bool verified; /* default: all but anonymous_id and device_id */
    uint16_t category; /* slot, or SLOT_NONE: the key is covered by every purpose that keeps data of the person */
    uint8_t strength; /* higher is stronger */
    VEC(str) from; /* message paths it is read from */
    VEC(str) blocked; /* values that never identify: "test@example.com", "null"; `*` matches any run */
};

#define FOLD_RULES(X)                                                                                                  \
    X(FOLD_LATEST, "latest") X(FOLD_FIRST, "first") X(FOLD_MOST_TRUSTED, "most_trusted source") X(FOLD_UNION, "union") \
    X(FOLD_MAX, "max") X(FOLD_MIN, "min")
enum fold_rule {
#define X(code, name) code,
    FOLD_RULES(X)
#undef X
        FOLD_RULE_COUNT
};
struct trait_rule { /* `traits:` name → rule */
    str name;
    enum fold_rule rule;
};

/* Exercises of the Data Rights Protocol that an agent may ask for. */
#define AGENT_EXERCISES(X)                                                                                             \
    X(EXERCISE_ACCESS, "access") X(EXERCISE_ACCESS_CATEGORIES, "access:categories") X(EXERCISE_ACCESS_SPECIFIC, "access:specific") \
    X(EXERCISE_DELETION, "deletion") X(EXERCISE_SALE_OPT_OUT, "sale:opt-out") X(EXERCISE_SALE_OPT_IN, "sale:opt-in")
enum agent_exercise {
#define X(code, name) code,
    AGENT_EXERCISES(X)
#undef X
        EXERCISE_COUNT
};
/* Who may exercise rights for persons (`rights.agents`). */
struct rights_agent {
    str name, title;
    uint8_t key[32]; /* Ed25519 */
    uint8_t exercises; /* bits of enum agent_exercise */
};

/* A node of the field trie: `properties.products[*].price`. */
struct field_node {
    str name; /* path part; "*" matches any name, "[]" any item */
    uint16_t category; /* slot of the rule that ends here, or SLOT_NONE */
    bool not_personal; /* rule `none`: kept with whatever else is kept */
    struct field_node *children; /* linked by next */
    struct field_node *next, *any, *item; /* sibling; child "*"; child "[]" */
    bool deep; /* "context.location.*": also what lies deeper */
    uint16_t exact; /* of the rule that ends here: depth << 8 | literal parts; greater is more exact */
    struct field_node **table; /* children by hash where there are many, else NULL */
    uint32_t table_mask;
};

/* A rule of `fields:` as it is written. */
struct field_rule {
    str path;
    uint16_t category; /* slot, or SLOT_NONE with not_personal */
    bool not_personal;
};

/* `settings.age_of_consent: { AT: 14 }` */
struct age_rule {
    str jurisdiction;
    uint8_t age;
};

struct policy {
    struct arena arena;
    uint32_t references; /* engine: guarded by its lock */
    uint32_t version; /* 0 until activated */
    int64_t activated_ms;
    uint8_t sha256[32]; /* of the file's bytes and the notices' */
    str text; /* the file as it was given */

    str controller, country, dpo, contact, address;
    VEC(str) regions; /* "EU", … */
    VEC(str) adequate; /* countries with an adequacy decision (`transfers.adequate`; default: the Commission's list) */
    VEC(int64_t) adequate_until_ms; /* of each; TIME_FOREVER */
    uint8_t age_of_consent; /* Art. 8: where nothing of the person's place is known, the controller's country's; or one age for all */
    bool age_everywhere; /* `settings.age_of_consent` is one age for all; else the place decides: `ages`, then the table of countries */
    VEC(struct age_rule) ages;
    bool unknown_age_needs_guardian; /* where a purpose says nothing under `minors` */
    bool guardian_consent_stands; /* after the child came of age; false: it is asked itself */
    bool gpc_objects_in_eu; /* settings, strict by default (gate.md §3) */
    bool legal_obligation_under_restriction;
    VEC(str) objection_overriders; /* roles that may record an override */
    struct duration consent_lifetime_default; /* 13 months */
    struct duration deliveries_kept, dead_letters_kept; /* rows of the outbox that have ended: 30 days; given up: 90 days */
    str quiet_zone; /* default time zone for quiet hours */

    VEC(struct category) categories;
    VEC(struct purpose) purposes;
    VEC(struct notice) notices;
    VEC(struct source) sources;
    VEC(struct destination) destinations;
    VEC(struct topic) topics;
    VEC(struct identity_key) keys; /* strongest first */
    VEC(struct trait_rule) traits;
    VEC(struct rights_agent) rights_agents;
    str rights_domain; /* by which OpenDSR and the Data Rights Protocol know this controller; empty: they are closed */
    VEC(str) callback_hosts; /* to which status callbacks may go although they are not public, and without TLS */
    str rights_text; /* the agents and hosts in words, for comparing */
    uint16_t identity_purpose; /* slot, or SLOT_NONE: joining needs no purpose of its own, it follows any allowed one */
    VEC(struct field_rule) field_rules;
    struct field_node *fields; /* root of the trie made of them */
    uint16_t field_default; /* slot or SLOT_NONE: unnamed fields are refused */
    bool tcf_core; /* settings: the core of a TC string speaks for the operator's own purposes where it has no publisher's segment */
    purpose_mask direct_marketing, gpc; /* purposes with the property */
    purpose_mask tcf, gpp, consent_mode; /* purposes that such a signal speaks of */
    purpose_mask vendor_purposes; /* with a destination that is a TCF vendor */
    struct map category_by_name, purpose_by_name, notice_by_name, source_by_name, destination_by_name, key_by_name,
        trait_by_name, signal_by_category; /* values: pointers into the arrays; signal: (purpose_mask *) */
};

/* The words of the file. */
const char *anchor_name(enum anchor anchor);
const char *when_denied_name(enum when_denied when_denied);
const char *normalise_name(enum normalise normalise);
const char *fold_rule_name(enum fold_rule rule);
str period_format(struct arena *arena, const struct period *period); /* "P5Y after contract_end"; empty: not limited */

/* Where a file came from: a directory for relative notice paths, and the environment for keys (NULL: getenv). The notices may also
 * be given as texts (from the store or an API call): path → content. */
struct policy_input {
    str text; /* YAML (JSON is YAML too) */
    const char *directory; /* NULL: notices only from `notices` */
    const struct map *notices; /* path → str*; may be NULL */
    const char *(*environment)(const char *name); /* NULL: getenv */
};

struct policy_problem {
    uint32_t line, column;
    str text; /* with what to do */
    str suggestion; /* may be empty */
};

/* Loads a policy whole, or returns ERR_POLICY, with every problem found (at most 100) in `ret_problems` (allocated in `arena`).
 * The policy owns its arena; policy_free ends it. */
typedef VEC(struct policy_problem) policy_problems;
const struct err *policy_load(struct arena *arena, const struct policy_input *input, struct policy **ret_policy,
                              policy_problems *ret_problems) MUST_CHECK;
void policy_free(struct policy *policy);
/* All problems as a text, a line each: "policy.yaml:12:7: purpose `newsleter`: did you mean `newsletter`?" */
str policy_problems_text(struct arena *arena, const char *file, const policy_problems *problems);

const struct purpose *policy_purpose(const struct policy *policy, str name); /* NULL when unknown */
const struct category *policy_category(const struct policy *policy, str name);
const struct notice *policy_notice(const struct policy *policy, str name);
const struct source *policy_source(const struct policy *policy, str name);
const struct destination *policy_destination(const struct policy *policy, str name);
const struct identity_key *policy_key(const struct policy *policy, str name);
enum fold_rule policy_trait_rule(const struct policy *policy, str trait);
/* Basis of a purpose for a person in `jurisdiction` (empty: the default's). "US-CA" falls back to "US", then default. */
enum basis purpose_basis(const struct purpose *purpose, str jurisdiction);
/* Below which age a guardian must consent, for a person in `jurisdiction` (empty: where the controller is). The purpose's own age, then the
 * settings', then the country's (Art. 8(1)); of a region, as EU, the highest that Art. 8 allows. */
unsigned policy_age_threshold(const struct policy *policy, const struct purpose *purpose, str jurisdiction);
bool policy_at_home(const struct policy *policy, str country); /* no third country for this controller */
/* Is the country the controller's region, adequate, or covered by a safeguard? (Art. 44–49) */
bool policy_transfer_ok(const struct policy *policy, str country, str safeguard);
/* The same for a destination at one moment; `ret_until_ms`: when that ends by itself, TIME_FOREVER where it does not. */
bool policy_transfer_at(const struct policy *policy, const struct destination *destination, int64_t at_ms, int64_t *ret_until_ms);

/* Walking the trie beside a message's tree: start at field_walk_start, one step a key or item; then the category. */
struct field_walk {
    const struct field_node *node; /* NULL: no rule deeper */
    uint16_t category; /* of the most exact rule so far that covers what lies below; SLOT_NONE: none */
    bool not_personal;
    uint16_t exact; /* of that rule, as in field_node; 0: none. `fields.default` is not part of the walk */
};
struct field_walk field_walk_start(const struct policy *policy);
struct field_walk field_walk_key(const struct policy *policy, struct field_walk walk, str name);
struct field_walk field_walk_item(const struct policy *policy, struct field_walk walk);
/* True when no rule can differ below this point: the whole subtree has `walk.category`. */
static inline bool field_walk_uniform(struct field_walk walk) { return walk.node == NULL; }
/* Category slot of a path text such as "traits.address.city"; SLOT_NONE when unnamed and no default. */
uint16_t policy_field_category(const struct policy *policy, str path, bool *ret_not_personal);

/* The difference in words, one line a change, worst first. */
enum change_weight { CHANGE_INFO, CHANGE_NOTICE, CHANGE_SERIOUS, CHANGE_REFUSED };
struct policy_change {
    enum change_weight weight;
    str text; /* "purpose `newsletter`: people who agreed to notice 2 or older will have to consent again" */
    uint16_t old_purpose, new_purpose; /* slots concerned, or SLOT_NONE */
};
typedef VEC(struct policy_change) policy_changes;
/* `in_use`: purposes of `old` under which data or consents are stored; changing the basis of one of these is CHANGE_REFUSED. */
void policy_diff(struct arena *arena, const struct policy *old, const struct policy *new_policy, purpose_mask in_use,
                 policy_changes *ret_changes);

/* What loads but will not do what its author may hope, because the gate denies it or the law looks askance: a transfer without
 * safeguard, a special category without condition, a category the purpose does not cover, data kept without end. */
void policy_warnings(struct arena *arena, const struct policy *policy, policy_changes *ret_warnings);

#endif
