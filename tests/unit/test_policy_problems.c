/* Files that are refused, each with everything that is said about it: file → problems. */
#include "policy_world.h"

#include <stdio.h>

struct refusal {
    const char *file, *problems;
};

static void check_table(const struct refusal *table, size_t count)
{
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        str got = policy_refusal(table[i].file);
        if (str_equal(got, str_of(table[i].problems)))
            continue;
        failures++;
        print_error("%s\n--- got\n%.*s--- wanted\n%s\n", table[i].file, STR_FMT(got), table[i].problems);
    }
    assert_int_equal(failures, 0);
}

/* Purpose members in, problems out: the line is written around them. */
static void check_purposes(const struct refusal *table, size_t count)
{
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        const char *file = arena_printf(&policy_arena,
                                        "purposes:\n  q: { basis: contract, contract: c, categories: email }\n  p: { %s }\n"
                                        "notices: { n: { version: 3, languages: { en: a.md } } }",
                                        table[i].file);
        str got = policy_refusal(file);
        if (str_equal(got, str_of(table[i].problems)))
            continue;
        failures++;
        print_error("%s\n--- got\n%.*s--- wanted\n%s\n", table[i].file, STR_FMT(got), table[i].problems);
    }
    assert_int_equal(failures, 0);
}

static const struct refusal yaml_table[] = {
    {"a: [",
     "3:1: not YAML: did not find expected ',' or ']', while parsing a flow sequence; check indentation (spaces, no tabs), colons, quotes and brackets\n"},
    {"a: b: c", "1:5: not YAML: mapping values are not allowed in this context; check indentation (spaces, no tabs), colons, quotes and brackets\n"},
    {"controller: {name: A\n",
     "3:9: not YAML: did not find expected ',' or '}', while parsing a flow mapping; check indentation (spaces, no tabs), colons, quotes and brackets\n"},
    {"\ttab: 1", "1:1: not YAML: found character that cannot start any token, while scanning for the next token; check indentation (spaces, no tabs), colons, "
                 "quotes and brackets\n"},
    {"a: 1\n---\nb: 2", "2:1: a second document begins here; a policy is one document\n"},
    {"- a\n- b", "3:1: not YAML: did not find expected '-' indicator, while parsing a block collection; check indentation (spaces, no tabs), colons, quotes "
                 "and brackets\n"},
    {"just a text", "2:11: not YAML: mapping values are not allowed in this context; check indentation (spaces, no tabs), colons, quotes and brackets\n"},
    {"? [a, b]\n: c", "1:3: a key must be a plain text\n"},
    {"a: *nothing", "1:4: alias `*nothing` has no finished anchor before it; define `&nothing` first\n"},
    {"a: &a [*a]", "1:8: alias `*a` has no finished anchor before it; define `&a` first\n"},
    {"controller: { name: A, country: HU }\ncontroller: { name: B, country: HU }", "2:1: key `controller` is here twice, first in line 1; keep one\n"},
    {"purposes:\n  p: { basis: contract, contract: c, categories: email, basis: consent }", "2:57: key `basis` is here twice, first in line 2; keep one\n"},
    {"controller: { name: \"a\\u0007b\", country: HU }", "1:21: the text holds a control character; take it out\n"},
    {"categories: { a: \xff"
     " }",
     "1:18: not a text in UTF-8; save the file as UTF-8 without control characters\n"},
    {"a: [[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]", "1:20: nested too deep; a policy needs no more than a few levels\n"},
};
static void what_is_not_yaml_is_refused_with_its_place(void **state)
{
    (void)state;
    check_table(yaml_table, COUNT_OF(yaml_table));
}

static const struct refusal sections_table[] = {
    {"sources: { web: { purposes: [newsleter], informs: privcy } }\npurposes: { newsletter: { basis: contract, contract: c, categories: email } }\nnotices: { "
     "privacy: { version: 1, languages: { en: a.md } } }",
     "1:30: source `web`: unknown purpose `newsleter`: did you mean `newsletter`?\n"
     "1:51: source `web`: unknown notice `privcy`: did you mean `privacy`?\n"},
    {"traits: { traits.: first }", "1:11: trait ``: this is not a trait's name; write as in `traits`, with dots: address.city\n"},
    {"fields: { \"\": email, \"a[\": email, \"a.\": email }",
     "1:11: field ``: the path is empty\n"
     "1:22: field `a[`: this is not a path; write names between dots, `*` for any name and `[*]` for the items of a list\n"
     "1:35: field `a.`: this is not a path; write names between dots, `*` for any name and `[*]` for the items of a list\n"},
    {"purposse: {}", "1:1: unknown key `purposse`: did you mean `purposes`?\n"},
    {"fields: [a]", "1:9: `fields` must be a map of `key: value`\n"},
    {"sources: 7", "1:10: `sources` must be a map of `key: value`\n"},
    {"controller:", "1:12: `controller` is missing: who decides why data is processed: `controller: { name: …, country: HU }`\n"},
    {"purposes: {}", "1:11: `purposes` is missing: why data is processed; without one nothing may be stored\n"},
    {"controller: {}", "1:13: `controller` is missing: who decides why data is processed: `controller: { name: …, country: HU }`\n"},
    {"purposes:\n  p:", "2:5: purpose `p`: `basis` is missing: one of consent, contract, legal_obligation, vital_interest, public_task, legitimate_interest\n"
                        "2:5: purpose `p`: `categories` is missing: the data that this purpose cannot do without, `[email, purchase]`\n"},
    {"controller: { country: HU }", "1:13: section `controller`: `name` is missing: who the controller is, as people know it\n"},
    {"controller: { name: A }", "1:13: section `controller`: `country` is missing: where the controller is established, as HU\n"},
    {"controller: { name: A, country: Hungary, regions: [EU, Europe] }",
     "1:33: section `controller`: `Hungary` is not a country; write two capital letters (ISO 3166-1), as HU\n"
     "1:56: section `controller`: `Europe` is not a region; write a country (HU), a part of one (US-CA), EU or EEA\n"},
    {"controller: { name: [A], country: HU, dpo: }", "1:21: section `controller`: `name` must be a single value, not a list\n"
                                                     "1:44: section `controller`: `dpo` has no value; give it one or take it out\n"},
    {"settings: { gpc_objects_in_eu: maybe, consent_lifetime: P0D, age_of_consent: 99, objection_overriders: [privcy], quiet_zone: ../etc/passwd, quiet_hours: "
     "22 }",
     "1:32: section `settings`: `maybe` must be true or false\n"
     "1:57: section `settings`: a consent must live for some time; write P13M or the like\n"
     "1:78: section `settings`: `99` must be an age from 10 to 21\n"
     "1:105: section `settings`: unknown role `privcy`, it is one of: admin, privacy, marketer, agent, auditor: did you mean `privacy`?\n"
     "1:126: section `settings`: `../etc/passwd` is not a time zone; write an IANA name, as Europe/Budapest\n"
     "1:141: section `settings`: unknown key `quiet_hours`; take it out, docs/policy.md lists the keys\n"},
    {"transfers: { adequate: [GB until tomorrow, England, CH until 2027-01-01] }\ndestinations:\n  a: { kind: x, purpose: p, safeguard: { kind: sccs, "
     "document: a } }\n"
     "  b: { kind: x, purpose: p, safeguard: { document: a } }\n  c: { kind: x, purpose: p, safeguard: { kind: scc } }\n"
     "  d: { kind: x, purpose: p, safeguard: { kind: derogation, document: a } }\n  e: { kind: x, purpose: p, safeguard: { kind: bcr, document: a, until: "
     "never } }",
     "1:25: section `transfers`: `tomorrow` is not a date; write 2026-09-01 or 2026-09-01T08:00:00Z\n"
     "1:44: section `transfers`: `England` is not a country; write two capital letters (ISO 3166-1), as HU\n"
     "3:48: destination `a`: unknown safeguard `sccs`, it is one of: framework, scc, bcr, code, certification, authorised, derogation: did you mean `scc`?\n"
     "4:40: destination `b`: `safeguard` has no `kind`: framework, scc, bcr, code, certification, authorised or derogation\n"
     "5:40: destination `c`: a safeguard is cited: `document: scc/reach.pdf`\n"
     "6:40: destination `d`: a derogation says why it applies (Art. 49(1)): `why: asked for by the person, case by case`\n"
     "7:73: destination `e`: `never` is not a date; write 2026-09-01 or 2026-09-01T08:00:00Z\n"},
    {"settings: { age_of_consent: { AT: 5, Austria: 14, default: old }, unknown_age: guardians, guardian_consent: forever }",
     "1:35: section `settings`: `5` must be an age from 10 to 21\n"
     "1:38: section `settings`: `Austria` is not a region; write a country (HU), a part of one (US-CA), EU or EEA\n"
     "1:60: section `settings`: `old` must be an age from 10 to 21\n"
     "1:80: section `settings`: unknown rule for people of unknown age `guardians`, it is one of: unchecked, guardian: did you mean `guardian`?\n"
     "1:109: section `settings`: unknown rule for a guardian's consent `forever`, it is one of: until_of_age, stands\n"},
    {"settings: { consent_lifetime: 13 months, gpc_objects_in_eu: { a: b } }",
     "1:31: section `settings`: `13 months` is not a duration; write P2Y, P13M, P30D, PT72H or the like\n"
     "1:61: section `settings`: `gpc_objects_in_eu` must be a single value, not a map\n"},
    {"transfers: { adequate: [CH, Japan] }", "1:29: section `transfers`: `Japan` is not a country; write two capital letters (ISO 3166-1), as HU\n"},
    {"signals: { Ads: newsletter }", "1:17: signal `Ads`: unknown purpose `newsletter`; declare it under `purposes` or take it out\n"},
    {"traits: { a: lattest, b: [first] }",
     "1:14: trait `a`: unknown fold rule `lattest`, it is one of: latest, first, most_trusted source, union, max, min: did you mean `latest`?\n"
     "1:26: trait `b`: fold rule must be a single value, not a list\n"},
    {"categories: { none: {}, \"a b\": {}, x: { specal: true }, y: 7 }",
     "1:15: `none` under `categories` is not a name; use at most 64 letters, digits, `_`, `-` and `.`, a letter or digit first\n"
     "1:25: `a b` under `categories` is not a name; use at most 64 letters, digits, `_`, `-` and `.`, a letter or digit first\n"
     "1:41: category `x`: unknown key `specal`: did you mean `special`?\n"
     "1:60: category `y`: this must be a map of `key: value`\n"},
    {"fields: { traits.a: emial, \"a..b\": email, \"a[1]\": email, \"a*b\": email, traits.c: {}, default: none }",
     "1:21: field `traits.a`: unknown category `emial`: did you mean `email`?\n"
     "1:28: field `a..b`: this is not a path; write names between dots, `*` for any name and `[*]` for the items of a list\n"
     "1:43: field `a[1]`: a rule holds for all items of a list; write `[*]`\n"
     "1:58: field `a*b`: `*` stands for a whole name, not for a part of one\n"
     "1:82: field `traits.c`: the field's category must be a single value, not a map\n"
     "1:95: field `default`: `default: none` would take every unnamed field for not personal; name a category, or `refuse`\n"},
    {"fields: { \"a[*]\": email, \"a[]\": phone }", "1:26: field `a[]`: the same path has a rule above\n"},
    {"notices: { n: {} }", "1:15: notice `n`: `version` is missing: a number that goes up with each new text\n"
                           "1:15: notice `n`: `languages` is missing: the texts that people see, `{ hu: notices/n.hu.md }`\n"},
    {"notices: { n: { version: 0, languages: { en: a.md } } }", "1:26: notice `n`: `0` must be a whole number from 1 up\n"},
    {"notices: { n: { version: 2, languages: { en: ../a.md, hu: /etc/passwd, de: c.md, English: a.md } } }",
     "1:46: notice `n`: `../a.md` must be a path below the policy's folder, without `..`\n"
     "1:59: notice `n`: `/etc/passwd` must be a path below the policy's folder, without `..`\n"
     "1:76: notice `n`: the notice's text `c.md` was not sent along; send it in `notices`\n"
     "1:82: notice `n`: `English` is not a language; write hu, en, pt-BR or the like\n"},
    {"notices: { n: { version: 2, renew_older_than: 3, effective: tomorrow, grace: 14, languages: { en: a.md } } }",
     "1:47: notice `n`: `renew_older_than: 3` is above the notice's own version 2, so no consent could ever hold\n"
     "1:61: notice `n`: `tomorrow` is not a date; write 2026-09-01 or 2026-09-01T08:00:00Z\n"
     "1:78: notice `n`: `14` is not a duration; write P2Y, P13M, P30D, PT72H or the like\n"},
    {"notices: { n: { version: 1, languages: [a.md] } }", "1:40: notice `n`: `languages` must be a map of `key: value`\n"},
    {"notices: { n: { version: 1, languages: { en: empty.md } } }",
     "1:46: notice `n`: the notice's text `empty.md` was not sent along; send it in `notices`\n"},
};
static void each_section_says_what_is_wrong_in_it(void **state)
{
    (void)state;
    check_table(sections_table, COUNT_OF(sections_table));
}

static const struct refusal purposes_table[] = {
    {"basis: contract, contract: c, categories: email, supersedes: the old one, special_condition: A9-2-k",
     "3:69: purpose `p`: `supersedes` is the name of the earlier purpose\n"
     "3:101: purpose `p`: `A9-2-k` is not a condition of Art. 9(2); write its letter, a to j (a: explicit consent)\n"},
    {"basis: consnt, categories: email", "3:15: purpose `p`: unknown basis `consnt`, it is one of: consent, contract, legal_obligation, vital_interest, "
                                         "public_task, legitimate_interest: did you mean `consent`?\n"},
    {"categories: email",
     "3:6: purpose `p`: `basis` is missing: one of consent, contract, legal_obligation, vital_interest, public_task, legitimate_interest\n"},
    {"basis: { US: consent }, categories: email", "3:15: purpose `p`: `basis` has no `default`: the basis wherever none of the named regions applies\n"},
    {"basis: contract, contract: { en: terms@2, hu: feltételek@3 }, categories: email",
     "3:35: purpose `p`: the contract has version 2 in one language and 3 in another; the terms have one version\n"},
    {"basis: { default: contract, Texas: consent }, contract: c, categories: email",
     "3:36: purpose `p`: `Texas` is not a region; write a country (HU), a part of one (US-CA), EU or EEA\n"},
    {"basis: consent, categories: email",
     "3:6: purpose `p`: basis `consent` must cite the notice (of `notices`) that people see when they are asked: `notice: newsletter`\n"},
    {"basis: consent, notice: m, categories: email", "3:32: purpose `p`: unknown notice `m`; declare it under `notices` or take it out\n"},
    {"basis: contract, categories: email",
     "3:6: purpose `p`: basis `contract` must cite what the contract is, with the version of its terms: `contract: terms of sale@1`\n"},
    {"basis: legal_obligation, categories: email",
     "3:6: purpose `p`: basis `legal_obligation` must cite the law: `law: \"Act C of 2000 §169\"`\n"
     "3:6: purpose `p`: basis `legal_obligation` must cite the retention that the law orders: `retention: P8Y after collected`\n"},
    {"basis: vital_interest, categories: email", "3:6: purpose `p`: basis `vital_interest` must cite why no other basis serves: `why_no_other_basis: …`\n"},
    {"basis: public_task, categories: email", "3:6: purpose `p`: basis `public_task` must cite the law that lays the task down: `law: \"Act … §…\"`\n"},
    {"basis: legitimate_interest, categories: email",
     "3:6: purpose `p`: basis `legitimate_interest` must cite the interest: `interest: keeping stolen cards out of the shop`\n"
     "3:6: purpose `p`: basis `legitimate_interest` must cite the dated balancing test: `balancing_test: lia/fraud.pdf@2026-02-11`\n"},
    {"basis: { default: contract, HU: public_task }, contract: c, categories: email",
     "3:6: purpose `p`: basis `public_task` must cite the law that lays the task down: `law: \"Act … §…\"`\n"},
    {"basis: legitimate_interest, interest: i, balancing_test: lia.pdf, categories: email",
     "3:65: purpose `p`: a balancing test is cited with its date: `balancing_test: lia/fraud.pdf@2026-02-11`\n"},
    {"basis: legitimate_interest, interest: i, balancing_test: { document: lia.pdf }, categories: email",
     "3:65: purpose `p`: a balancing test has a `document` and the date it is `dated`\n"},
    {"basis: legitimate_interest, interest: i, balancing_test: a@2026-01-01, review: soon, categories: email",
     "3:87: purpose `p`: `soon` is not a date; write 2026-09-01 or 2026-09-01T08:00:00Z\n"},
    {"basis: contract, contract: c, review: P1Y, categories: email",
     "3:46: purpose `p`: a review after `P1Y` counts from the balancing test's date; date the test first\n"},
    {"basis: contract, contract: c", "3:6: purpose `p`: `categories` is missing: the data that this purpose cannot do without, `[email, purchase]`\n"},
    {"basis: contract, contract: c, categories: []",
     "3:6: purpose `p`: `categories` is missing: the data that this purpose cannot do without, `[email, purchase]`\n"},
    {"basis: contract, contract: c, categories: [email, emali]", "3:58: purpose `p`: unknown category `emali`: did you mean `email`?\n"},
    {"basis: contract, contract: c, categories: { a: b }", "3:50: purpose `p`: the list of categories must be a value or a list `[a, b]`, not a map\n"},
    {"basis: contract, contract: c, categories: email, retention: P5Y",
     "3:68: purpose `p`: say what it counts from: `P5Y after collected`, or after last_seen, contract_end, given\n"},
    {"basis: contract, contract: c, categories: email, retention: P5Y before contract_end", "3:68: purpose `p`: write `retention` as `P5Y after collected`\n"},
    {"basis: contract, contract: c, categories: email, retention: P5Y after contractend",
     "3:68: purpose `p`: unknown starting point `contractend`, it is one of: collected, last_seen, contract_end, given: did you mean `contract_end`?\n"},
    {"basis: contract, contract: c, categories: email, retention: five years",
     "3:68: purpose `p`: `five` is not a duration; write P2Y, P13M, P30D, PT72H or the like\n"},
    {"basis: contract, contract: c, categories: email, retention: P0D after collected", "3:68: purpose `p`: `retention` must last for some time\n"},
    {"basis: contract, contract: c, categories: email, retention: P1Y after given",
     "3:68: purpose `p`: retention after `given` needs the basis consent, or it would never begin; count from collected, last_seen or contract_end\n"},
    {"basis: contract, contract: c, categories: email, expires: P1Y",
     "3:66: purpose `p`: `expires` is how long a consent lives, and this purpose has none; say `retention`, or `ends`\n"},
    {"basis: consent, notice: n, categories: email, expires: P1Y after collected", "3:63: purpose `p`: `expires` counts from `given`\n"},
    {"basis: consent, notice: n, notice_min_version: 4, categories: email",
     "3:55: purpose `p`: `notice_min_version: 4` is above version 3 of notice `n`, so no consent could ever hold\n"},
    {"basis: contract, contract: c@2, terms_min_version: 3, categories: email",
     "3:59: purpose `p`: `terms_min_version: 3` is above the terms' own version 2, so no contract could ever hold\n"},
    {"basis: contract, contract: c, notice_min_version: 1, categories: email", "3:58: purpose `p`: `notice_min_version` needs a `notice`\n"},
    {"basis: vital_interest, why_no_other_basis: w, lapses: P4D, categories: email",
     "3:62: purpose `p`: a vital interest lapses after at most 72 hours; write PT72H or less\n"},
    {"basis: contract, contract: c, lapses: PT1H, categories: email", "3:46: purpose `p`: `lapses` belongs to the basis vital_interest\n"},
    {"basis: contract, contract: c, categories: email, special_condition: z",
     "3:76: purpose `p`: `z` is not a condition of Art. 9(2); write its letter, a to j (a: explicit consent)\n"},
    {"basis: contract, contract: c, categories: email, age_threshold: 30, minors: parents, gpc: maybe",
     "3:72: purpose `p`: `30` must be an age from 1 to 21\n"
     "3:84: purpose `p`: unknown rule for minors `parents`, it is one of: unchecked, guardian\n"
     "3:98: purpose `p`: `maybe` must be true or false\n"},
    {"basis: contract, contract: c, categories: email, starts: 2026-02-01, ends: 2026-01-01", "3:83: purpose `p`: the purpose `ends` before it `starts`\n"},
    {"basis: contract, contract: c, categories: email, ends: never", "3:63: purpose `p`: `never` is not a date; write 2026-09-01 or 2026-09-01T08:00:00Z\n"},
    {"basis: contract, contract: c, categories: email, supersedes: p", "3:69: purpose `p`: a purpose cannot supersede itself; give the new one another name\n"},
    {"basis: contract, contract: c, categories: email, compatible_with: [p, r]",
     "3:74: purpose `p`: a purpose is compatible with itself; take it out\n"
     "3:74: purpose `p`: `compatible_with` must cite its assessment (Art. 6(4)): `compatible_assessment: assessments/service.pdf`\n"
     "3:78: purpose `p`: unknown purpose `r`; declare it under `purposes` or take it out\n"},
    {"basis: contract, contract: c, categories: email, compatible_with: q",
     "3:74: purpose `p`: `compatible_with` must cite its assessment (Art. 6(4)): `compatible_assessment: assessments/service.pdf`\n"},
    {"basis: contract, contract: c, categories: email, tcf: [0, 12, x], consent_mode: [ad_user]",
     "3:63: purpose `p`: `0` is not a purpose of the TCF; they are numbered 1 to 11\n"
     "3:66: purpose `p`: `12` is not a purpose of the TCF; they are numbered 1 to 11\n"
     "3:70: purpose `p`: `x` is not a purpose of the TCF; they are numbered 1 to 11\n"
     "3:89: purpose `p`: unknown key of Consent Mode `ad_user`, it is one of: ad_storage, ad_user_data, ad_personalization, analytics_storage, "
     "functionality_storage, personalization_storage, security_storage\n"},
    {"basis: contract, contract: c, categories: email, retnetion: P1Y after collected, colour: red",
     "3:57: purpose `p`: unknown key `retnetion`: did you mean `retention`?\n"
     "3:89: purpose `p`: unknown key `colour`; take it out, docs/policy.md lists the keys\n"},
};
static void a_purpose_cites_what_its_basis_demands(void **state)
{
    (void)state;
    check_purposes(purposes_table, COUNT_OF(purposes_table));
}

static const struct refusal flow_table[] = {
    {"sources: { web: {} }", "1:17: source `web`: `purposes` is missing: what it collects data for; it may collect for nothing else\n"},
    {"sources: { web: { purposes: [p, newsletter], when_denied: hold } }",
     "1:33: source `web`: unknown purpose `newsletter`; declare it under `purposes` or take it out\n"
     "1:59: source `web`: say for how long data is held for a consent: `hold P1D`\n"},
    {"sources: { web: { purposes: p, when_denied: hold P0D, region: Europe, informs: n } }",
     "1:45: source `web`: data is held for some time or not at all: `hold P1D` or `drop`\n"
     "1:63: source `web`: `Europe` is not a region; write a country (HU), a part of one (US-CA), EU or EEA\n"
     "1:80: source `web`: unknown notice `n`; declare it under `notices` or take it out\n"},
    {"sources: { web: { purposes: p, when_denied: drop P1D, key_env: 1KEY, trust: -1, trusted: 7 } }",
     "1:45: source `web`: `drop` takes nothing after it\n"
     "1:64: source `web`: `1KEY` is not the name of an environment variable, as SHOP_WEB_KEY\n"
     "1:77: source `web`: `-1` must be a whole number from 0 up\n"
     "1:90: source `web`: `7` must be true or false\n"},
    {"sources: { a: { purposes: p, key_env: K }, b: { purposes: p, key_env: K } }",
     "1:71: source `b`: source `a` has the same `key_env`; each source has its own key\n"},
    {"sources: { web: { purposes: p, write_key: s3cret } }", "1:43: source `web`: a secret does not belong in a policy, which is shown and kept; name the "
                                                             "environment variable that holds it (`key_env`, `secret_env`)\n"},
    {"sources: { web: { purposes: p, when_denied: hodl P1D } }",
     "1:45: source `web`: unknown answer to a denial `hodl`, it is one of: drop, hold, anonymise: did you mean `hold`?\n"},
    {"destinations: { d: {} }", "1:20: destination `d`: `kind` is missing: how it is reached, as webhook\n"
                                "1:20: destination `d`: `purpose` is missing: what it is sent data for\n"},
    {"destinations: { d: { kind: webhook, purpose: q } }", "1:46: destination `d`: unknown purpose `q`; declare it under `purposes` or take it out\n"},
    {"destinations: { d: { kind: webhook, purpose: p, categries: email, event: X } }",
     "1:49: destination `d`: unknown key `categries`: did you mean `categories`?\n"
     "1:67: destination `d`: unknown key `event`: did you mean `events`?\n"},
    {"destinations: { d: { kind: smtp, purpose: p, password: hunter2, headers: { a: b }, host: } }",
     "1:56: destination `d`: a secret does not belong in a policy, which is shown and kept; name the environment variable that holds it (`key_env`, "
     "`secret_env`)\n"
     "1:74: destination `d`: `headers` must be a single value, not a map\n"
     "1:90: destination `d`: `host` has no value; give it one or take it out\n"},
    {"destinations: { d: { kind: webhook, purpose: p, send: [event, rows], recipient: \"A (processor, HU)\", country: AT } }",
     "1:56: destination `d`: unknown thing to send `event`, it is one of: events, profiles: did you mean `events`?\n"
     "1:63: destination `d`: unknown thing to send `rows`, it is one of: events, profiles\n"
     "1:111: destination `d`: `country: AT` and the recipient's brackets disagree\n"},
    {"identity: { purpose: join, key: {} }", "1:22: section `identity`: unknown purpose `join`; declare it under `purposes` or take it out\n"
                                             "1:28: section `identity`: unknown key `key`: did you mean `keys`?\n"},
    {"identity: { keys: { email: { normalise: mail, unique: true, limit_per_profile: 3 } } }",
     "1:41: identity key `email`: unknown way to normalise `mail`, it is one of: exact, email, e164, lower, trim: did you mean `email`?\n"
     "1:80: identity key `email`: `unique` means one a person; take out one of the two\n"},
    {"identity: { keys: { phone: { default_region: hu, limit_per_profile: 5000, strength: 300, category: fone, from: [\"a[0]\", \"a..b\", ok.path], verified: "
     "x } } }",
     "1:46: identity key `phone`: `hu` is not a country; write two capital letters (ISO 3166-1), as HU\n"
     "1:69: identity key `phone`: a person has at most 1000 identifiers in all; write less\n"
     "1:85: identity key `phone`: strength is a number from 0 to 255; user_id has 200, anonymous_id 10\n"
     "1:100: identity key `phone`: unknown category `fone`; declare it under `categories` or take it out\n"
     "1:113: identity key `phone`: `a[0]` is not a path to one value; write as traits.email\n"
     "1:121: identity key `phone`: `a..b` is not a path to one value; write as traits.email\n"
     "1:149: identity key `phone`: `x` must be true or false\n"},
    {"identity: { keys: { \"a b\": {}, ok: [1] } }",
     "1:21: identity key `a b`: this is not a name; use letters, digits, `_`, `-` and `.`, a letter or digit first\n"
     "1:36: identity key `ok`: this must be a map of `key: value`\n"},
    {"identity: { keys: { k0: , k1: , k2: , k3: , k4: , k5: , k6: , k7: , k8: , k9: , k10: , k11: , k12: , k13: , k14: , k15: , k16: , k17: , k18: , k19: , "
     "k20: , k21: , k22: , k23: , k24: , k25: , k26: , k27: , k28: , k29: , k30: , k31: , k32: , k33: , k34: , k35: , k36: , k37: , k38: , k39: , k40: , k41: "
     ", k42: , k43: , k44: , k45: , k46: , k47: , k48: , k49: , k50: , k51: , k52: , k53: , k54: , k55: , k56: , k57: , k58: , k59: , k60: , k61: , k62: , "
     "k63: , k64: , k65:  } }",
     "1:445: identity key `k62`: more than 64 identity keys, with user_id and anonymous_id; that is the limit\n"},
    {"destinations: { d: { kind: w, purpose: p, \"a b\": c } }", "1:43: destination `d`: `a b` is not a name, or one option too many\n"},
};
static void sources_destinations_and_keys_say_what_is_wrong_in_them(void **state)
{
    (void)state;
    check_table(flow_table, COUNT_OF(flow_table));
}

/* ---- bounds ---- */

static bool refused_with(const char *text, const char *part)
{
    str got = policy_refusal(text);
    bool found = str_find(got, str_of(part)) >= 0;
    if (!found)
        print_error("%.*s--- has no: %s\n", STR_FMT(str_slice(got, 0, 2000)), part);
    return found;
}

static void a_few_aliases_cannot_stand_for_a_billion_values(void **state)
{
    (void)state;
    struct buf bomb;
    buf_init(&bomb, &policy_arena, 1024 * 1024);
    buf_add(&bomb, STR("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"));
    for (int i = 1; i < 10; i++) {
        buf_printf(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&bomb, "%s*a%d", j ? ", " : "", i - 1);
        buf_add(&bomb, STR("]\n"));
    }
    buf_add_char(&bomb, 0);
    assert_true(refused_with(bomb.data, "the file is too large with its aliases written out; use fewer aliases"));
}

static void a_list_that_is_aliased_often_costs_what_it_would_written_out(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, &policy_arena, 8 * 1024 * 1024);
    buf_add(&text, STR("categories: { email: &e { title: E } }\nsources:\n"));
    for (int i = 0; i < 100000; i++)
        buf_printf(&text, "  s%d: *e\n", i);
    buf_add_char(&text, 0);
    assert_true(refused_with(text.data, "too large with its aliases written out"));
}

static void a_file_has_a_greatest_size(void **state)
{
    (void)state;
    char *text = arena_alloc(&policy_arena, LIMIT_POLICY_BYTES + 2);
    memset(text, '#', LIMIT_POLICY_BYTES + 1);
    assert_true(refused_with(text, "the limit is 4194304; shorten it"));
}

static void a_hundred_problems_are_enough(void **state)
{
    (void)state;
    struct buf text;
    policy_problems problems;
    struct policy *policy;
    buf_init(&text, &policy_arena, 8 * 1024 * 1024);
    buf_add(&text, STR("fields:\n"));
    for (int i = 0; i < 4000; i++)
        buf_printf(&text, "  traits.t%d: nothing-like-a-category-%d\n", i, i);
    buf_add_char(&text, 0);
    check_code(policy_try(text.data, &policy, &problems), ERR_POLICY);
    assert_int_equal(problems.count, LIMIT_POLICY_PROBLEMS);
    assert_true(str_ends(policy_problems_text(&policy_arena, "policy.yaml", &problems), STR("policy.yaml: there may be more; mend these first\n")));
}

static void too_many_combinations_of_stars_are_refused(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, &policy_arena, 8 * 1024 * 1024);
    buf_add(&text, STR("fields:\n"));
    for (int i = 0; i < 20; i++) { /* each level has a name and a star: 2^20 ways through */
        buf_add(&text, STR("  \""));
        for (int j = 0; j < 20; j++)
            buf_printf(&text, "%s%s", j ? "." : "", i == j ? "x" : "*");
        buf_add(&text, STR("\": email\n"));
    }
    buf_add_char(&text, 0);
    assert_true(refused_with(text.data, "these rules multiply to more than 65536 combinations"));
}

static void notices_have_a_greatest_size_and_say_something(void **state)
{
    (void)state;
    char *large = arena_alloc(&policy_arena, LIMIT_NOTICE_BYTES + 2);
    memset(large, 'x', LIMIT_NOTICE_BYTES + 1);
    policy_notice_set("large.md", large);
    policy_notice_set("empty.md", " \n");
    policy_notice_set("latin.md", "k\xE9rem");
    assert_true(refused_with("notices: { n: { version: 1, languages: { en: large.md } } }", "`large.md` is longer than 1048576 bytes"));
    assert_true(refused_with("notices: { n: { version: 1, languages: { en: empty.md } } }", "`empty.md` is empty or not UTF-8"));
    assert_true(refused_with("notices: { n: { version: 1, languages: { en: latin.md } } }", "`latin.md` is empty or not UTF-8"));
}

static void notices_are_read_from_the_policys_folder_only(void **state)
{
    (void)state;
    struct policy_input input = {.text = STR("controller: { name: A, country: HU }\npurposes: { p: { basis: contract, contract: c, categories: email } }\n"
                                             "notices: { n: { version: 1, languages: { en: no-such-file.md, hu: . } } }\n"),
                                 .directory = "/tmp"};
    struct policy *policy;
    policy_problems problems;
    check_code(policy_load(&policy_arena, &input, &policy, &problems), ERR_POLICY);
    check_str(policy_problems_text(&policy_arena, "policy.yaml", &problems),
              "policy.yaml:3:46: notice `n`: the notice's text `no-such-file.md` cannot be read; its path counts from the policy's folder\n"
              "policy.yaml:3:67: notice `n`: the notice's text `.` cannot be read; its path counts from the policy's folder\n");
}

static void problems_come_as_lines_that_an_editor_understands(void **state)
{
    (void)state;
    struct policy *policy;
    policy_problems problems;
    const struct err *err = policy_try("sources:\n  web: { purposes: pp }\n  till: { purposes: p, when_denied: dorp }\npurposes:\n  newsletter: "
                                       "{ basis: contract, contract: c, categories: email }",
                                       &policy, &problems);
    check_code(err, ERR_POLICY);
    check_str(str_of(err->text), "the policy is refused for 3 problems; line 2, column 20: source `web`: unknown purpose `pp`; declare it under `purposes` "
                                 "or take it out");
    check_str(policy_problems_text(&policy_arena, "shop/policy.yaml", &problems),
              "shop/policy.yaml:2:20: source `web`: unknown purpose `pp`; declare it under `purposes` or take it out\n"
              "shop/policy.yaml:3:21: source `till`: unknown purpose `p`; declare it under `purposes` or take it out\n"
              "shop/policy.yaml:3:37: source `till`: unknown answer to a denial `dorp`, it is one of: drop, hold, anonymise: did you mean `drop`?\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, policy_world_begin, policy_world_end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_not_yaml_is_refused_with_its_place),
        CASE(each_section_says_what_is_wrong_in_it),
        CASE(a_purpose_cites_what_its_basis_demands),
        CASE(sources_destinations_and_keys_say_what_is_wrong_in_them),
        CASE(a_few_aliases_cannot_stand_for_a_billion_values),
        CASE(a_list_that_is_aliased_often_costs_what_it_would_written_out),
        CASE(a_file_has_a_greatest_size),
        CASE(a_hundred_problems_are_enough),
        CASE(too_many_combinations_of_stars_are_refused),
        CASE(notices_have_a_greatest_size_and_say_something),
        CASE(notices_are_read_from_the_policys_folder_only),
        CASE(problems_come_as_lines_that_an_editor_understands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
