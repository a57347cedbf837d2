/* What a policy that loads says: each key of each section, defaults, limits, and what its hash stands for. */
#include "policy_world.h"

#include <stdio.h>
#include <stdlib.h>

static const struct purpose *purpose_of(const char *members)
{
    const char *text = arena_printf(&policy_arena,
                                    "notices: { n: { version: 3, languages: { en: a.md } } }\n"
                                    "purposes: { p: { %s }, q: { basis: contract, contract: terms, categories: email } }",
                                    members);
    return policy_purpose(policy_of(text), STR("p"));
}

static void names_must_be(const struct policy *policy, const struct category_set *set, const char *wanted)
{
    struct buf names;
    buf_init(&names, &policy_arena, 4096);
    for (unsigned slot = 0; slot < policy->categories.count; slot++)
        if (category_in(set, slot))
            buf_printf(&names, "%s%.*s", names.length ? " " : "", STR_FMT(policy->categories.items[slot].name));
    check_str(buf_str(&names), wanted);
}

static str list_text(const void *list)
{
    const VEC(str) *items = list;
    struct buf text;
    buf_init(&text, &policy_arena, 4096);
    vec_each (item, items)
        buf_printf(&text, "%s%.*s", item == items->items ? "" : ", ", STR_FMT(*item));
    return buf_str(&text);
}

/* ---- sections ---- */

static void the_controller_is_read(void **state)
{
    (void)state;
    struct policy *policy = policy_of("controller: { name: Duna Bolt Kft., country: HU, dpo: dpo@a.hu, contact: us@a.hu, "
                                      "address: Vác, regions: [EU, US-CA] }");
    check_str(policy->controller, "Duna Bolt Kft.");
    check_str(policy->country, "HU");
    check_str(policy->dpo, "dpo@a.hu");
    check_str(policy->contact, "us@a.hu");
    check_str(policy->address, "Vác");
    check_str(list_text(&policy->regions), "EU, US-CA");
}

static void what_a_policy_does_not_say_is_strict(void **state)
{
    (void)state;
    struct policy *policy = policy_of("");
    check_str(list_text(&policy->regions), "EEA");
    assert_int_equal(policy->age_of_consent, 16);
    assert_true(policy->gpc_objects_in_eu);
    assert_false(policy->legal_obligation_under_restriction);
    assert_int_equal(policy->objection_overriders.count, 0);
    assert_int_equal(policy->consent_lifetime_default.months, 13);
    check_str(policy->quiet_zone, "Europe/Budapest");
    assert_true(policy->adequate.count > 10);
    assert_int_equal(policy->field_default, SLOT_NONE);
    assert_int_equal(policy->identity_purpose, SLOT_NONE);
    assert_int_equal(policy->version, 0);
}

static void settings_and_transfers_are_read(void **state)
{
    (void)state;
    struct policy *policy = policy_of("settings: { gpc_objects_in_eu: false, legal_obligation_under_restriction: true, objection_overriders: [privacy, admin], "
                                      "consent_lifetime: P6M, age_of_consent: 14, quiet_zone: Europe/Vienna }\ntransfers: { adequate: [CH, JP] }");
    assert_false(policy->gpc_objects_in_eu);
    assert_true(policy->legal_obligation_under_restriction);
    check_str(list_text(&policy->objection_overriders), "privacy, admin");
    assert_int_equal(policy->consent_lifetime_default.months, 6);
    assert_int_equal(policy->age_of_consent, 14);
    check_str(policy->quiet_zone, "Europe/Vienna");
    check_str(list_text(&policy->adequate), "CH, JP");
    assert_int_equal(policy_of("transfers: { adequate: [] }")->adequate.count, 0);
}

static void a_safeguard_is_cited(void **state)
{
    (void)state;
    const struct policy *policy = policy_of(
        "destinations:\n  a: { kind: webhook, purpose: p, country: US, safeguard: { kind: scc, document: scc/a.pdf, dated: 2026-03-01, until: 2028-03-01 } }\n"
        "  b: { kind: webhook, purpose: p, country: US, safeguard: { kind: derogation, why: asked for case by case } }\n"
        "  c: { kind: webhook, purpose: p, country: US, safeguard: clauses of 2021 }");
    const struct destination *a = policy_destination(policy, STR("a")), *b = policy_destination(policy, STR("b")), *c = policy_destination(policy, STR("c"));
    check_str(a->safeguard, "standard contractual clauses (Art. 46(2)(c)): scc/a.pdf, 2026-03-01");
    assert_int_equal(a->safeguard_kind, SAFEGUARD_SCC);
    assert_int_equal(a->safeguard_until_ms, INT64_C(1835481600000));
    check_str(b->safeguard, "derogation (Art. 49): asked for case by case");
    assert_int_equal(c->safeguard_kind, SAFEGUARD_NAMED);
    assert_int_equal(c->safeguard_until_ms, TIME_FOREVER);
}

static void what_a_basis_cites_may_be_said_in_several_languages(void **state)
{
    (void)state;
    const struct purpose *p =
        policy_purpose(policy_of("purposes:\n  p: { basis: contract, contract: { en: terms of sale@4, hu: vásárlási feltételek }, categories: email }\n"
                                 "  q: { basis: public_task, law: { hu: törvény, en: act }, categories: email }"),
                       STR("p"));
    check_str(p->contract, "terms of sale");
    check_str(local_text(&p->contracts, STR("hu"), p->contract), "vásárlási feltételek");
    check_str(local_text(&p->contracts, STR("en"), p->contract), "terms of sale");
    assert_int_equal(p->terms_version, 4);
    check_str(p[1].law, "act");
    check_str(local_text(&p[1].laws, STR("hu"), p[1].law), "törvény");
    check_str(local_text(&p[1].laws, STR("fr"), p[1].law), "act");
    p = purpose_of("basis: { default: legitimate_interest, DE: vital_interest }, interest: { en: i, hu: érdek }, balancing_test: t@2026-01-01, "
                   "why_no_other_basis: { hu: mert }, categories: email");
    check_str(local_text(&p->interests, STR("hu"), p->interest), "érdek");
    check_str(p->why_no_other_basis, "mert");
}

static void adequacy_may_end(void **state)
{
    (void)state;
    const struct policy *policy = policy_of("transfers: { adequate: [CH, GB until 2027-06-27] }");
    check_str(list_text(&policy->adequate), "CH, GB");
    assert_int_equal(policy->adequate_until_ms.items[0], TIME_FOREVER);
    assert_int_equal(policy->adequate_until_ms.items[1], INT64_C(1814054400000));
    policy = policy_of(""); /* the Commission's list */
    for (size_t i = 0; i < policy->adequate.count; i++)
        assert_int_equal(policy->adequate_until_ms.items[i], str_equal(policy->adequate.items[i], STR("GB")) ? INT64_C(1956096000000) : TIME_FOREVER);
}

static unsigned age_in(const struct policy *policy, const char *jurisdiction)
{
    return policy_age_threshold(policy, &policy->purposes.items[0], str_of(jurisdiction));
}

/* Art. 8(1), and the member states' own laws; from Hungary. */
static void a_child_is_one_by_the_law_of_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *places;
        unsigned age;
    } table[] = {{"BE EE FI IS LV MT NO PT SE GB GG IM JE US US-CA", 13},
                 {"AT BG CY IT LT ES KR", 14},
                 {"CZ DK FR GR SI RS", 15},
                 {"HR DE HU IE LI LU NL PL RO SK AD EU EEA JP CA-QC", 16}};
    const struct policy *policy = policy_of("");
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        str rest = str_of(table[i].places), place;
        while (str_split(&rest, ' ', &place))
            if (age_in(policy, str_z(&policy_arena, place)) != table[i].age) {
                print_error("%.*s: %u\n", STR_FMT(place), age_in(policy, str_z(&policy_arena, place)));
                fail();
            }
    }
    assert_int_equal(age_in(policy, ""), 16); /* the controller's country */
    policy = policy_of("controller: { name: A, country: AT }");
    assert_int_equal(age_in(policy, ""), 14);
    assert_int_equal(age_in(policy, "HU"), 16);
}

static void the_policy_may_set_the_age(void **state)
{
    (void)state;
    const struct policy *policy = policy_of("settings: { age_of_consent: 15 }");
    assert_int_equal(age_in(policy, "AT"), 15);
    policy = policy_of("settings: { age_of_consent: { AT: 18, EU: 17, US-CA: 15 } }");
    assert_int_equal(age_in(policy, "AT"), 18);
    assert_int_equal(age_in(policy, "HU"), 17);
    assert_int_equal(age_in(policy, ""), 17);
    assert_int_equal(age_in(policy, "NO"), 13);
    assert_int_equal(age_in(policy, "US-CA"), 15);
    assert_int_equal(age_in(policy, "US-TX"), 13);
    policy = policy_of("settings: { age_of_consent: { default: 15, AT: 14 } }");
    assert_int_equal(age_in(policy, "AT"), 14);
    assert_int_equal(age_in(policy, "NO"), 15);
    policy = policy_of("settings: { age_of_consent: 15 }\npurposes: { p: { basis: contract, contract: c, categories: email, age_threshold: 18 } }");
    assert_int_equal(age_in(policy, "AT"), 18);
}

static void people_of_unknown_age_may_need_a_guardian(void **state)
{
    (void)state;
    const struct policy *policy =
        policy_of("settings: { unknown_age: guardian, guardian_consent: stands }\npurposes:\n  p: { basis: contract, contract: c, categories: email }\n"
                  "  q: { basis: contract, contract: c, categories: email, minors: unchecked }");
    assert_true(policy_purpose(policy, STR("p"))->child_sensitive);
    assert_false(policy_purpose(policy, STR("q"))->child_sensitive);
    assert_true(policy->guardian_consent_stands);
    policy = policy_of("");
    assert_false(policy->purposes.items[0].child_sensitive);
    assert_false(policy->guardian_consent_stands);
}

static void categories_are_declared_or_well_known(void **state)
{
    (void)state;
    struct policy *policy = policy_of("categories:\n  crumbs: { title: Crumbs, dpv: pd:Crumb, identifier: true, special: true }\n  plain:\n"
                                      "fields: { traits.x: health, traits.y: crumbs }");
    const struct category *crumbs = policy_category(policy, STR("crumbs")), *health = policy_category(policy, STR("health"));
    check_str(crumbs->title, "Crumbs");
    check_str(crumbs->dpv, "pd:Crumb");
    assert_true(crumbs->identifier && crumbs->special);
    assert_non_null(policy_category(policy, STR("plain")));
    check_str(health->dpv, "pd:Health");
    assert_true(health->special && !health->identifier);
    assert_null(policy_category(policy, STR("religion"))); /* not used */
    assert_int_equal(policy_category(policy, STR("email"))->covered_by, 1); /* by p */
    assert_int_equal(crumbs->covered_by, 0);
}

static void texts_come_in_several_languages(void **state)
{
    (void)state;
    struct policy *policy =
        policy_of("purposes: { q: { title: { hu: Hírlevél, en: Newsletter, pt-BR: Boletim }, description: { hu: Levelek }, basis: contract, "
                  "contract: c, categories: email }, r: { title: Plain, basis: contract, contract: c, categories: email } }\n"
                  "topics: { offers: { title: { hu: Ajánlatok } }, news: }\n"
                  "sources: { web: { title: { hu: Webbolt, en: Web shop }, purposes: q } }\n"
                  "categories: { email: { title: { hu: E-mail-cím } } }");
    const struct purpose *q = policy_purpose(policy, STR("q")), *r = policy_purpose(policy, STR("r"));
    check_str(q->title, "Newsletter");
    check_str(local_text(&q->titles, STR("hu"), q->title), "Hírlevél");
    check_str(local_text(&q->titles, STR("pt"), q->title), "Boletim");
    check_str(local_text(&q->titles, STR("hu-HU"), q->title), "Hírlevél");
    check_str(local_text(&q->titles, STR("de"), q->title), "Newsletter");
    check_str(q->description, "Levelek");
    check_str(local_text(&r->titles, STR("hu"), r->title), "Plain");
    check_str(policy->topics.items[0].title, "Ajánlatok");
    check_str(policy->topics.items[1].title, "news");
    check_str(policy_source(policy, STR("web"))->title, "Web shop");
    check_str(policy_category(policy, STR("email"))->title, "E-mail-cím");
    check_str(policy_refusal("topics: { offers: { title: { Hungarian: Ajánlatok } } }"),
              "1:30: topic `offers`: `Hungarian` is not a language; write hu, en, pt-BR or the like\n");
}

static void notices_are_read_with_their_texts(void **state)
{
    (void)state;
    struct policy *policy = policy_of("notices: { n: { version: 3, effective: 2026-09-01, renew_older_than: 2, grace: P14D, "
                                      "languages: { en: a.md, hu: b.md } }, m: { version: 1, languages: { pt-BR: a.md } } }");
    const struct notice *n = policy_notice(policy, STR("n")), *m = policy_notice(policy, STR("m"));
    assert_int_equal(n->version, 3);
    assert_int_equal(n->renew_older_than, 2);
    assert_int_equal(n->effective_ms, INT64_C(1788220800000));
    assert_int_equal(n->grace.ms, 14 * DAY_MS);
    assert_int_equal(n->texts.count, 2);
    check_str(n->texts.items[1].language, "hu");
    check_str(n->texts.items[1].path, "b.md");
    check_str(n->texts.items[1].content, "Ajánlatokat küldünk.");
    check_str(str_hex(&policy_arena, n->texts.items[0].sha256, 32), "b16d207aeee81b52716cf5f12025f904b61c38962d102d825c67bb0daf8d45cf");
    assert_int_equal(m->effective_ms, TIME_NONE);
    assert_int_equal(m->slot, 1);
}

/* ---- purposes ---- */

static void a_basis_may_differ_by_jurisdiction(void **state)
{
    (void)state;
    const struct purpose *purpose = purpose_of("basis: { default: consent, US: legitimate_interest, US-CA: contract, EU: public_task, EEA: vital_interest }, "
                                               "notice: n, contract: c, law: l, interest: i, balancing_test: t@2026-01-01, "
                                               "why_no_other_basis: w, categories: email");
    static const struct {
        const char *jurisdiction;
        enum basis basis;
    } table[] = {{"", BASIS_CONSENT},       {"US", BASIS_LEGITIMATE_INTEREST}, {"US-NY", BASIS_LEGITIMATE_INTEREST}, {"US-CA", BASIS_CONTRACT},
                 {"HU", BASIS_PUBLIC_TASK}, {"EU", BASIS_PUBLIC_TASK},         {"NO", BASIS_VITAL_INTEREST},         {"GB", BASIS_CONSENT},
                 {"USA", BASIS_CONSENT}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (purpose_basis(purpose, str_of(table[i].jurisdiction)) != table[i].basis)
            fail_msg("%s: %s", table[i].jurisdiction, basis_name(purpose_basis(purpose, str_of(table[i].jurisdiction))));
}

static void a_consent_lives_for_thirteen_months_unless_something_else_is_said(void **state)
{
    (void)state;
    const struct purpose *purpose = purpose_of("basis: consent, notice: n, categories: email");
    assert_int_equal(purpose->expires.duration.months, 13);
    assert_int_equal(purpose->expires.anchor, ANCHOR_GIVEN);
    purpose = purpose_of("basis: consent, notice: n, categories: email, expires: P2Y after given");
    assert_int_equal(purpose->expires.duration.months, 24);
    purpose = purpose_of("basis: consent, notice: n, categories: email, expires: P30D");
    assert_int_equal(purpose->expires.duration.ms, 30 * DAY_MS);
}

static void retention_counts_from_each_anchor(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum anchor anchor;
    } table[] = {{"collected", ANCHOR_COLLECTED}, {"last_seen", ANCHOR_LAST_SEEN}, {"contract_end", ANCHOR_CONTRACT_END}, {"given", ANCHOR_GIVEN}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const struct purpose *purpose =
            purpose_of(arena_printf(&policy_arena, "basis: consent, notice: n, categories: email, retention: P5Y  after  %s", table[i].text));
        assert_int_equal(purpose->retention.anchor, table[i].anchor);
        assert_int_equal(purpose->retention.duration.months, 60);
    }
    assert_int_equal(purpose_of("basis: contract, contract: c, categories: email")->retention.anchor, ANCHOR_NONE);
}

static void each_basis_cites_what_it_must(void **state)
{
    (void)state;
    const struct purpose *purpose = purpose_of("basis: contract, contract: terms of sale@3, terms_min_version: 2, opened_by: [Order Completed, Signed Up], "
                                               "ended_by: Left, categories: email");
    check_str(purpose->contract, "terms of sale");
    assert_int_equal(purpose->terms_version, 3);
    assert_int_equal(purpose->terms_min_version, 2);
    check_str(list_text(&purpose->opened_by), "Order Completed, Signed Up");
    check_str(list_text(&purpose->ended_by), "Left");
    purpose = purpose_of("basis: contract, contract: terms for a@b.hu, terms_version: 7, categories: email");
    check_str(purpose->contract, "terms for a@b.hu");
    assert_int_equal(purpose->terms_version, 7);
    purpose = purpose_of("basis: legal_obligation, law: Act C, retention: P8Y after collected, categories: email");
    check_str(purpose->law, "Act C");
    purpose = purpose_of("basis: vital_interest, why_no_other_basis: unconscious, lapses: PT24H, categories: email");
    assert_int_equal(purpose->vital_lapse.ms, DAY_MS);
    check_str(purpose->why_no_other_basis, "unconscious");
    assert_int_equal(purpose_of("basis: vital_interest, why_no_other_basis: u, categories: email")->vital_lapse.ms, 3 * DAY_MS);
    purpose = purpose_of("basis: public_task, law: Act D, categories: email");
    check_str(purpose->law, "Act D");
}

static void a_balancing_test_is_dated_and_reviewed(void **state)
{
    (void)state;
    static const char *const spellings[] = {
        "balancing_test: lia/x@y.pdf@2026-02-11, review: P1Y",
        "review: P1Y, balancing_test: lia/x@y.pdf@2026-02-11",
        "balancing_test: lia/x@y.pdf@2026-02-11, review: 2027-02-11",
        "balancing_test: { document: lia/x@y.pdf, dated: 2026-02-11, review: P1Y }",
        "balancing_test: { review: 2027-02-11, dated: 2026-02-11, document: lia/x@y.pdf }",
    };
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        const struct purpose *purpose = purpose_of(arena_printf(&policy_arena, "basis: legitimate_interest, interest: i, categories: email, %s", spellings[i]));
        check_str(purpose->balancing_test, "lia/x@y.pdf");
        assert_int_equal(purpose->assessment_at_ms, INT64_C(1770768000000));
        assert_int_equal(purpose->assessment_review_ms, INT64_C(1802304000000));
    }
    assert_int_equal(purpose_of("basis: legitimate_interest, interest: i, categories: email, balancing_test: t@2026-02-11")->assessment_review_ms, TIME_NONE);
}

static void everything_else_of_a_purpose_is_read(void **state)
{
    (void)state;
    const struct purpose *purpose =
        purpose_of("title: Offers, dpv: dpv:DirectMarketing, basis: consent, notice: n, notice_min_version: 2, categories: [email, health], "
                   "special_condition: 9(2)(a), direct_marketing: true, automated_decision: yes, human_reviewer: Eszter, age_threshold: 14, minors: guardian, "
                   "gpc: objects, storage_only: true, starts: 2026-01-01, ends: 2030-01-01T10:00:00+01:00, supersedes: old-offers, compatible_with: q, "
                   "compatible_assessment: assessment.pdf, tcf: [1, 11], consent_mode: [ad_storage, ad_user_data]");
    check_str(purpose->title, "Offers");
    check_str(purpose->dpv, "dpv:DirectMarketing");
    assert_int_equal(purpose->basis, BASIS_CONSENT);
    assert_int_equal(purpose->notice, 0);
    assert_int_equal(purpose->notice_min_version, 2);
    check_str(purpose->special_condition, "a");
    assert_true(purpose->explicit_consent); /* follows from 9(2)(a) */
    assert_true(purpose->direct_marketing && purpose->automated_decision && purpose->child_sensitive && purpose->gpc_objects && purpose->storage_only);
    check_str(purpose->human_reviewer, "Eszter");
    assert_int_equal(purpose->age_threshold, 14);
    assert_int_equal(purpose->starts_ms, INT64_C(1767225600000));
    assert_int_equal(purpose->ends_ms, INT64_C(1893488400000));
    check_str(purpose->supersedes, "old-offers");
    assert_int_equal(purpose->compatible_with, 2);
    check_str(purpose->compatible_assessment, "assessment.pdf");
    assert_int_equal(purpose->tcf.count, 2);
    assert_int_equal(purpose->tcf.items[1], 11);
    check_str(list_text(&purpose->consent_mode), "ad_storage, ad_user_data");
    assert_int_equal(purpose->self, 1);
    purpose = purpose_of("basis: contract, contract: c, categories: email");
    check_str(purpose->title, "p");
    assert_int_equal(purpose->starts_ms, TIME_NONE);
    assert_int_equal(purpose->ends_ms, TIME_FOREVER);
    assert_int_equal(purpose->notice, SLOT_NONE);
    assert_false(purpose->direct_marketing || purpose->explicit_consent || purpose->gpc_objects);
}

static void signals_name_purposes(void **state)
{
    (void)state;
    struct policy *policy = policy_of("purposes: { a: { basis: contract, contract: c, categories: email }, b: { basis: contract, contract: c, "
                                      "categories: email, direct_marketing: true, gpc: true } }\nsignals: { Advertising: [a, b], \"C 2\": b }");
    assert_int_equal(*(purpose_mask *)map_get(&policy->signal_by_category, STR("Advertising")), 3);
    assert_int_equal(*(purpose_mask *)map_get(&policy->signal_by_category, STR("C 2")), 2);
    check_str(list_text(&policy->purposes.items[1].signals), "Advertising, C 2");
    assert_int_equal(policy->direct_marketing, 2);
    assert_int_equal(policy->gpc, 2);
}

/* ---- sources, destinations ---- */

static void sources_are_read_and_their_keys_resolved(void **state)
{
    (void)state;
    struct policy *policy =
        policy_of("notices: { n: { version: 1, languages: { en: a.md } } }\n"
                  "sources:\n"
                  "  web: { kind: website, title: Web, key_env: KEY_SET, purposes: p, when_denied: hold P1D, region: EU, informs: n, trust: 5 }\n"
                  "  till: { kind: store, key_env: KEY_MISSING, purposes: [p], when_denied: anonymise, jurisdiction: HU, region: EU, trusted: true }\n"
                  "  twin: { key_env: KEY_AGAIN, purposes: p }\n");
    const struct source *web = policy_source(policy, STR("web")), *till = policy_source(policy, STR("till"));
    check_str(web->kind, "website");
    check_str(web->title, "Web");
    check_str(web->key_env, "KEY_SET");
    check_str(web->write_key, "the-key");
    assert_int_equal(web->purposes, 1);
    assert_int_equal(web->when_denied, WHEN_DENIED_HOLD);
    assert_int_equal(web->hold.ms, DAY_MS);
    check_str(web->region, "EU");
    check_str(web->jurisdiction, "EU");
    assert_int_equal(web->informs.count, 1);
    assert_int_equal(web->trust, 5);
    assert_false(web->trusted);
    check_str(till->write_key, ""); /* missing in the environment: no key, but the policy loads */
    assert_int_equal(till->when_denied, WHEN_DENIED_ANONYMISE);
    check_str(till->jurisdiction, "HU");
    assert_true(till->trusted);
    check_str(policy_source(policy, STR("twin"))->write_key, ""); /* one key opens one door */
    assert_int_equal(policy_source(policy, STR("twin"))->when_denied, WHEN_DENIED_DROP);
}

static void destinations_are_read_and_the_rest_are_options(void **state)
{
    (void)state;
    struct policy *policy = policy_of(
        "purposes: { p: { basis: contract, contract: c, categories: [email, phone] } }\n"
        "destinations:\n"
        "  a: { kind: smtp, title: A, purpose: p, channel: email, categories: email, recipient: \"Posta (old) Kft. (processor, HU)\", events: [X, Y], "
        "send: profiles, host: mail.a.hu, port: 25 }\n"
        "  b: { kind: webhook, purpose: p, recipient: Reach Inc., country: US, safeguard: SCC, send: [events, profiles] }\n"
        "  c: { kind: webhook, purpose: p, url: \"http://127.0.0.1/\" }\n"
        "  d: { kind: webhook, purpose: p, recipient: Unknown Ltd. }\n");
    const struct destination *a = policy_destination(policy, STR("a")), *b = policy_destination(policy, STR("b")), *c = policy_destination(policy, STR("c")),
                             *d = policy_destination(policy, STR("d"));
    check_str(a->kind, "smtp");
    check_str(a->channel, "email");
    names_must_be(policy, &a->categories, "email");
    check_str(a->country, "HU");
    check_str(list_text(&a->events), "X, Y");
    assert_true(!a->sends_events && a->sends_profiles);
    check_str(destination_option(a, STR("host"), STR_NONE), "mail.a.hu");
    check_str(destination_option(a, STR("port"), STR_NONE), "25");
    check_str(destination_option(a, STR("user"), STR("nobody")), "nobody");
    check_str(b->country, "US");
    check_str(b->safeguard, "SCC");
    names_must_be(policy, &b->categories, "email phone"); /* the purpose's */
    assert_true(b->sends_events && b->sends_profiles);
    check_str(c->country, "HU"); /* no recipient: the controller's own system */
    assert_true(c->sends_events && !c->sends_profiles);
    check_str(d->country, ""); /* nobody knows */
}

static void a_transfer_needs_a_region_adequacy_or_a_safeguard(void **state)
{
    (void)state;
    struct policy *policy = policy_of("controller: { name: A, country: HU, regions: [EU, US-CA] }");
    static const struct {
        const char *country, *safeguard;
        bool ok;
    } table[] = {{"HU", "", true},    {"AT", "", true},    {"NO", "", true},  {"CH", "", true},    {"GB", "", true}, {"US", "", false},
                 {"US", "SCC", true}, {"US-CA", "", true}, {"CN", "", false}, {"CN", "SCC", true}, {"", "", false},  {"XX", "", false}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (policy_transfer_ok(policy, str_of(table[i].country), str_of(table[i].safeguard)) != table[i].ok)
            fail_msg("%s %s", table[i].country, table[i].safeguard);
}

/* ---- identity, traits ---- */

static void the_usual_keys_are_there_where_a_policy_says_nothing(void **state)
{
    (void)state;
    struct policy *policy = policy_of("");
    static const struct {
        const char *name, *from;
        uint32_t limit;
        bool verified;
        enum normalise normalise;
    } table[] = {
        {"user_id", "userId", 1, true, NORMALISE_TRIM},
        {"email", "traits.email, context.traits.email", 10, true, NORMALISE_EMAIL},
        {"phone", "traits.phone, context.traits.phone", 10, true, NORMALISE_E164},
        {"device_id", "context.device.id", 50, false, NORMALISE_TRIM},
        {"anonymous_id", "anonymousId", 200, false, NORMALISE_TRIM},
    };
    assert_int_equal(policy->keys.count, COUNT_OF(table));
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const struct identity_key *key = &policy->keys.items[i]; /* strongest first */
        check_str(key->name, table[i].name);
        check_str(list_text(&key->from), table[i].from);
        assert_int_equal(key->slot, i);
        assert_int_equal(key->limit_per_profile, table[i].limit);
        assert_int_equal(key->verified, table[i].verified);
        assert_int_equal(key->normalise, table[i].normalise);
        check_str(key->default_region, "HU");
    }
}

static void identity_keys_are_read(void **state)
{
    (void)state;
    struct policy *policy = policy_of("categories: { card: , email: }\n"
                                      "fields: { traits.phone: phone, \"context.device.*\": device }\n"
                                      "identity:\n"
                                      "  purpose: p\n"
                                      "  keys:\n"
                                      "    anonymous_id: { limit_per_profile: 50 }\n"
                                      "    loyalty_id: { normalise: lower, limit_per_profile: 2, verified: false, category: card, blocked: [\"0*\", none] }\n"
                                      "    email: { unique: true }\n"
                                      "    phone: { default_region: AT }\n"
                                      "    device_id:\n"
                                      "    till_card: { strength: 250, from: [$.properties.card, traits.card] }\n");
    const char *order[] = {"till_card", "user_id", "email", "phone", "loyalty_id", "device_id", "anonymous_id"};
    assert_int_equal(policy->keys.count, COUNT_OF(order));
    for (size_t i = 0; i < COUNT_OF(order); i++)
        check_str(policy->keys.items[i].name, order[i]);
    assert_int_equal(policy->identity_purpose, 0);
    const struct identity_key *loyalty = policy_key(policy, STR("loyalty_id"));
    assert_int_equal(loyalty->normalise, NORMALISE_LOWER);
    assert_int_equal(loyalty->limit_per_profile, 2);
    assert_false(loyalty->unique || loyalty->verified);
    check_str(list_text(&loyalty->from), "traits.loyalty_id, context.traits.loyalty_id, traits.loyaltyId, context.traits.loyaltyId");
    check_str(list_text(&loyalty->blocked), "0*, none");
    check_str(policy->categories.items[loyalty->category].name, "card");
    const struct identity_key *email = policy_key(policy, STR("email"));
    assert_true(email->unique && email->limit_per_profile == 1);
    check_str(policy->categories.items[email->category].name, "email"); /* of its own name */
    check_str(policy->categories.items[policy_key(policy, STR("phone"))->category].name, "phone"); /* of the field it is read from */
    check_str(policy->categories.items[policy_key(policy, STR("device_id"))->category].name, "device"); /* of a rule with `*` */
    assert_int_equal(policy_key(policy, STR("user_id"))->category, SLOT_NONE);
    check_str(policy_key(policy, STR("phone"))->default_region, "AT");
    assert_int_equal(policy_key(policy, STR("anonymous_id"))->limit_per_profile, 50);
    check_str(list_text(&policy_key(policy, STR("till_card"))->from), "properties.card, traits.card");
    assert_int_equal(policy_of("identity: { keys: { user_id: { unique: false } } }")->keys.items[0].limit_per_profile, 10);
    assert_int_equal(policy_of("identity: { keys: { user_id: { limit_per_profile: 4 } } }")->keys.items[0].limit_per_profile, 4);
}

static void traits_have_fold_rules(void **state)
{
    (void)state;
    struct policy *policy = policy_of("traits: { a: latest, b: first, c: most_trusted source, d: union, e: max, f: min, address: first, "
                                      "address.city: max, traits.g: most_trusted }");
    static const struct {
        const char *name;
        enum fold_rule rule;
    } table[] = {{"a", FOLD_LATEST},
                 {"b", FOLD_FIRST},
                 {"c", FOLD_MOST_TRUSTED},
                 {"d", FOLD_UNION},
                 {"e", FOLD_MAX},
                 {"f", FOLD_MIN},
                 {"g", FOLD_MOST_TRUSTED},
                 {"unnamed", FOLD_LATEST},
                 {"address", FOLD_FIRST},
                 {"address.zip", FOLD_FIRST},
                 {"address.city", FOLD_MAX},
                 {"address.city.part", FOLD_MAX},
                 {"addresses", FOLD_LATEST},
                 {"", FOLD_LATEST},
                 {"address[0]", FOLD_FIRST}};
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (policy_trait_rule(policy, str_of(table[i].name)) != table[i].rule)
            fail_msg("%s", table[i].name);
}

/* ---- the whole ---- */

static void json_is_a_policy_too(void **state)
{
    (void)state;
    struct policy *policy = policy_of("{\"controller\": {\"name\": \"A\", \"country\": \"HU\"},\n\t\"purposes\": {\"p\": {\"basis\": \"contract\", "
                                      "\"contract\": \"\\u00e1\", \"categories\": [\"email\"]}}}");
    check_str(policy_purpose(policy, STR("p"))->contract, "\xC3\xA1");
}

static void aliases_stand_for_what_they_name(void **state)
{
    (void)state;
    struct policy *policy = policy_of("purposes:\n  a: &a { basis: contract, contract: c, categories: [email, phone] }\n  b: *a\n");
    names_must_be(policy, &policy_purpose(policy, STR("b"))->categories, "email phone");
}

static void the_hash_covers_the_file_and_each_notice(void **state)
{
    (void)state;
    const char *text = "notices: { n: { version: 3, languages: { en: a.md, hu: b.md } } }";
    uint8_t hash[32];
    memcpy(hash, policy_of(text)->sha256, sizeof(hash));
    assert_memory_equal(hash, policy_of(text)->sha256, sizeof(hash));
    assert_memory_not_equal(hash, policy_of("notices: { n: { version: 4, languages: { en: a.md, hu: b.md } } }")->sha256, sizeof(hash));
    policy_notice_set("b.md", "Something else.");
    assert_memory_not_equal(hash, policy_of(text)->sha256, sizeof(hash));
}

static void a_policy_keeps_its_text(void **state)
{
    (void)state;
    char text[] = "# a comment\ncategories: { crumbs: }";
    struct policy *policy = policy_of(text);
    memset(text, 'x', sizeof(text) - 1);
    assert_true(str_starts(policy->text, STR("# a comment\ncategories")));
    assert_non_null(policy_category(policy, STR("crumbs")));
}

static struct buf long_text;
static const char *long_policy(void (*write)(size_t number), size_t count, const char *begin, const char *end)
{
    buf_init(&long_text, &policy_arena, 16 * 1024 * 1024);
    buf_add(&long_text, str_of(begin));
    for (size_t i = 0; i < count; i++)
        write(i);
    buf_add(&long_text, str_of(end));
    buf_add_char(&long_text, 0);
    return long_text.data;
}

static void write_purpose(size_t i) { buf_printf(&long_text, "  p%zu: { basis: contract, contract: c, categories: [c%zu] }\n", i, i); }
static void write_category(size_t i) { buf_printf(&long_text, "  c%zu:\n", i); }
static void write_field(size_t i) { buf_printf(&long_text, "  traits.f%zu: c%zu\n", i, i % 1000); }

static void sixty_four_purposes_fit_and_one_more_does_not(void **state)
{
    (void)state;
    const char *categories = long_policy(write_category, 64, "categories:\n", "purposes:\n");
    struct policy *policy = policy_of(long_policy(write_purpose, 64, categories, ""));
    assert_int_equal(policy->purposes.count, 64);
    const struct purpose *last = policy_purpose(policy, STR("p63"));
    assert_true(last->self == UINT64_C(1) << 63);
    assert_true(policy_category(policy, STR("c63"))->covered_by == last->self);
    categories = long_policy(write_category, 65, "categories:\n", "purposes:\n");
    assert_true(
        str_find(policy_refusal(long_policy(write_purpose, 65, categories, "")), STR("132:3: more than 64 entries under `purposes`; that is the limit")) >= 0);
}

static void a_thousand_categories_and_fields_fit(void **state)
{
    (void)state;
    const char *categories = long_policy(write_category, 1000, "categories:\n", "fields:\n");
    struct policy *policy = policy_of(long_policy(write_field, 4000, categories, ""));
    bool not_personal;
    assert_int_equal(policy->field_rules.count, 4000);
    uint16_t slot = policy_field_category(policy, STR("traits.f3999"), &not_personal);
    check_str(policy->categories.items[slot].name, "c999");
    assert_true(str_starts(policy_refusal(long_policy(write_category, 1025, "categories:\n", "")),
                           STR("1026:3: more than 1024 entries under `categories`; that is the limit")));
    assert_true(str_find(policy_refusal(long_policy(write_field, 4098, categories, "")), STR("`fields` has 4098 rules, the limit is 4096")) >= 0);
    /* 1,024 declared ones leave no room for a well-known one */
    assert_true(str_find(policy_refusal(long_policy(write_category, 1024, "categories:\n", "")), STR("category `email` would be one more than the limit")) >=
                0);
}

static void write_key(size_t i) { buf_printf(&long_text, "    k%zu:\n", i); }

static void sixty_four_identity_keys_fit_with_the_two_that_always_exist(void **state)
{
    (void)state;
    const char *keys = "identity:\n  keys:\n";
    assert_int_equal(policy_of(long_policy(write_key, 62, keys, ""))->keys.count, 64);
    assert_int_equal(policy_of(long_policy(write_key, 62, keys, "    user_id:\n    anonymous_id:\n"))->keys.count, 64);
    assert_true(str_find(policy_refusal(long_policy(write_key, 63, keys, "")), STR("65:5: identity key `k62`: more than 64 identity keys")) >= 0);
}

static str file_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot read %s", path);
    char *text = arena_alloc(&policy_arena, 1024 * 1024);
    size_t size = fread(text, 1, 1024 * 1024 - 1, file);
    (void)fclose(file); /* only read */
    return str_bytes(text, size);
}

static void the_demo_shop_loads_without_a_problem(void **state)
{
    (void)state;
    struct policy_input input = {.text = file_text(SOURCE_ROOT "/demo/policy.yaml"), .directory = SOURCE_ROOT "/demo"};
    struct policy *policy = NULL;
    policy_problems problems;
    check_fine(policy_load(&policy_arena, &input, &policy, &problems));
    policy_changes warnings;
    policy_warnings(&policy_arena, policy, &warnings);
    vec_each (warning, &warnings)
        assert_true(warning->weight < CHANGE_SERIOUS);
    bool used[BASIS_COUNT] = {false};
    vec_each (purpose, &policy->purposes)
        used[purpose->basis] = true;
    for (int i = 0; i < BASIS_COUNT; i++)
        assert_true(used[i]);
    policy_free(policy);
}

/* Sections that an example speaks of without showing them. */
#define DOCS_NOTICES "notices: { newsletter: { version: 3, languages: { en: a.md } }, privacy: { version: 1, languages: { en: a.md } } }\n"
#define DOCS_PURPOSES \
    "purposes:\n  newsletter: { basis: consent, notice: newsletter, categories: [email, behaviour] }\n" \
    "  advertising: { basis: consent, notice: newsletter, categories: [email] }\n" \
    "  statistics: &c { basis: contract, contract: c, categories: [behaviour] }\n  fraud: *c\n  fulfilment: *c\n  bookkeeping: *c\n  recognition: *c\n"

static void every_example_of_the_reference_loads(void **state)
{
    (void)state;
    str text = file_text(SOURCE_ROOT "/docs/policy.md");
    static const char *const notice_paths[] = {"notices/newsletter.hu.md", "notices/newsletter.en.md", "notices/privacy.en.md",
                                               "notices/ads.en.md",        "notices/wellness.en.md",   "notices/offers.en.md"};
    for (size_t i = 0; i < COUNT_OF(notice_paths); i++)
        policy_notice_set(notice_paths[i], "A text.");
    unsigned examples = 0;
    for (ptrdiff_t at; (at = str_find(text, STR("```yaml\n"))) >= 0; examples++) {
        text = str_slice(text, (size_t)at + 8, text.length);
        ptrdiff_t end = str_find(text, STR("```"));
        str block = str_slice(text, 0, (size_t)end);
        text = str_slice(text, (size_t)end + 3, text.length);
        bool notices = str_find(block, STR("notices:\n")) >= 0, purposes = str_find(block, STR("purposes:\n")) >= 0;
        str whole = str_printf(&policy_arena, "%.*s%s%s", STR_FMT(block), notices ? "" : DOCS_NOTICES, purposes || notices ? "" : DOCS_PURPOSES);
        (void)policy_of(str_z(&policy_arena, whole)); /* fails with the problems */
    }
    assert_true(examples >= 15);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, policy_world_begin, policy_world_end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_controller_is_read),
        CASE(what_a_policy_does_not_say_is_strict),
        CASE(settings_and_transfers_are_read),
        CASE(a_safeguard_is_cited),
        CASE(what_a_basis_cites_may_be_said_in_several_languages),
        CASE(adequacy_may_end),
        CASE(a_child_is_one_by_the_law_of_the_place),
        CASE(the_policy_may_set_the_age),
        CASE(people_of_unknown_age_may_need_a_guardian),
        CASE(categories_are_declared_or_well_known),
        CASE(texts_come_in_several_languages),
        CASE(notices_are_read_with_their_texts),
        CASE(a_basis_may_differ_by_jurisdiction),
        CASE(a_consent_lives_for_thirteen_months_unless_something_else_is_said),
        CASE(retention_counts_from_each_anchor),
        CASE(each_basis_cites_what_it_must),
        CASE(a_balancing_test_is_dated_and_reviewed),
        CASE(everything_else_of_a_purpose_is_read),
        CASE(signals_name_purposes),
        CASE(sources_are_read_and_their_keys_resolved),
        CASE(destinations_are_read_and_the_rest_are_options),
        CASE(a_transfer_needs_a_region_adequacy_or_a_safeguard),
        CASE(the_usual_keys_are_there_where_a_policy_says_nothing),
        CASE(identity_keys_are_read),
        CASE(traits_have_fold_rules),
        CASE(json_is_a_policy_too),
        CASE(aliases_stand_for_what_they_name),
        CASE(the_hash_covers_the_file_and_each_notice),
        CASE(a_policy_keeps_its_text),
        CASE(sixty_four_purposes_fit_and_one_more_does_not),
        CASE(a_thousand_categories_and_fields_fit),
        CASE(sixty_four_identity_keys_fit_with_the_two_that_always_exist),
        CASE(the_demo_shop_loads_without_a_problem),
        CASE(every_example_of_the_reference_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
