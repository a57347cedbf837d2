/* Two policies compared, and what is said of one beforehand: tables of files and the words that come out, worst first. */
#include "policy_world.h"

#include <stdio.h>

static const char *const weights[] = {"info", "notice", "SERIOUS", "REFUSED"};

static str changes_text(const policy_changes *changes)
{
    struct buf text;
    buf_init(&text, &policy_arena, 1024 * 1024);
    vec_each (change, changes)
        buf_printf(&text, "%s %.*s\n", weights[change->weight], STR_FMT(change->text));
    return buf_str(&text);
}

static const struct difference {
    const char *name, *before, *after;
    purpose_mask in_use;
    const char *changes;
} differences[] = {
    {"unchanged",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, ""},
    {"titles in several languages",
     "purposes: { q: { title: { en: Post, hu: Levél }, basis: contract, contract: c, categories: email } }\ntopics: { offers: {}, news: {} }",
     "purposes: { q: { title: { en: Post, hu: Posta, de: Post }, description: Plain words, basis: contract, contract: c, categories: email } }\ntopics: { "
     "offers: {}, sale: {} }",
     0,
     "notice purpose `q`: its title in `hu` changes from `Levél` to `Posta`\n"
     "notice purpose `q`: its title in `de` is now `Post`\n"
     "notice purpose `q`: its description is now `Plain words`\n"
     "notice section `topics`: people can no longer choose the topics `news`\n"
     "info section `topics`: people can now choose the topics `sale`\n"},
    {"basis of a purpose in use",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, notice: n, interest: i, balancing_test: t@2026-01-01, categories: email }, q: { title: Q, "
     "basis: contract, contract: c, categories: email } }",
     1,
     "REFUSED purpose `p`: its basis would change from consent to legitimate_interest while data or consents rest on it; give the new basis to a purpose of "
     "another name that `supersedes: p`, and let this one end (`ends:`)\n"
     "notice purpose `p`: its interest is now `i`\n"
     "notice purpose `p`: its balancing test is now `t`\n"
     "notice purpose `p`: the date of its balancing test is now 2026-01-01\n"},
    {"basis of a purpose that nothing rests on",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: public_task, law: l, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     2,
     "notice purpose `p`: its basis changes from contract to public_task; nothing rests on it yet\n"
     "notice purpose `p`: its contract `c` is taken out\n"
     "notice purpose `p`: its law is now `l`\n"},
    {"basis of one jurisdiction",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, law: l }, q: { title: Q, basis: contract, contract: c, categories: email "
     "} }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: { default: contract, HU: public_task }, contract: c, law: l, categories: email }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1,
     "REFUSED purpose `p`: its basis would change from contract to contract, HU: public_task while data or consents rest on it; give the new basis to a "
     "purpose of another name that `supersedes: p`, and let this one end (`ends:`)\n"},
    {"the same basis said twice",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: { default: contract, HU: contract }, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     1, ""},
    {"purpose taken out, in use",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "SERIOUS purpose `p`: is taken out: what rests on it alone is erased\n"},
    {"purpose taken out, not in use",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { q: { title: Q, basis: contract, contract: c, categories: email } }",
     0, "notice purpose `p`: is taken out; nothing rests on it\n"},
    {"purpose superseded",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legal_obligation, law: l, retention: P8Y after collected, categories: email }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p2: { title: P, supersedes: p, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email }, q: { title: Q, "
     "basis: contract, contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: is taken out: what rests on it alone is erased, although a law orders it to be kept; `p2` supersedes it and begins with nothing of "
     "it\n"
     "info purpose `p2`: is new, on the basis of legitimate_interest; it supersedes `p`\n"},
    {"categories",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: [phone] }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: no longer covers, so that it may neither collect nor use it: `email`\n"
     "notice purpose `p`: now also covers `phone`\n"
     "notice identity key `phone`: its category is now `phone`\n"
     "info category `phone`: is new\n"},
    {"a notice that asks for new consent",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 4, renew_older_than: 3, effective: 2026-12-01, grace: P14D, languages: { en: b.md } }, m: { version: 1, languages: { en: a.md } "
     "} }\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: people who agreed to notice `n` version 2 or older will have to consent again, from 2026-12-15 on\n"
     "notice notice `n`: goes from version 2 to 4\n"
     "notice notice `n`: the day from which it is in force moves from 2026-09-01 to 2026-12-01\n"
     "notice notice `n`: older consents hold for 14 days after that day instead of no time\n"},
    {"a notice that asks for new consent, not in use",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 4, renew_older_than: 3, languages: { en: b.md } }, m: { version: 1, languages: { en: a.md } } }\npurposes: { p: { title: P, "
     "basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     0,
     "notice purpose `p`: people who agreed to notice `n` version 2 or older will have to consent again, at once\n"
     "notice notice `n`: goes from version 2 to 4\n"
     "notice notice `n`: the day from which it is in force, 2026-09-01, is taken out\n"},
    {"a new notice that does not",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 3, renew_older_than: 1, effective: 2026-09-01, languages: { en: b.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "notice notice `n`: goes from version 2 to 3; who agreed to an older one need not consent again\n"},
    {"a text changed under its version, in use",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: b.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1,
     "REFUSED notice `n`: its text in `en` changes under the same version 2, so nobody could say any more what people saw; give the new text `version: 3` "
     "(`renew_older_than` may stay, so that nobody has to consent again)\n"},
    {"a text changed under its version, not in use",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: b.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     0,
     "notice notice `n`: its text in `en` changes under the same version 2, so nobody could say any more what people saw; give the new text `version: 3` "
     "(`renew_older_than` may stay, so that nobody has to consent again)\n"},
    {"a version that goes back",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 1, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "REFUSED notice `n`: its version would go back from 2 to 1; versions only go up, give the text `version: 3`\n"},
    {"languages",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { hu: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1,
     "notice notice `n`: is no longer there in `en`\n"
     "info notice `n`: is now there in `hu`, too\n"},
    {"another notice",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: m, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "SERIOUS purpose `p`: its notice changes from `n` to `m`: everyone who saw the old one will have to consent again\n"},
    {"a purpose demands a newer notice",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email, notice_min_version: 2 }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     1, "SERIOUS purpose `p`: people who agreed to notice `n` version 1 or older will have to consent again, from 2026-09-01 on\n"},
    {"an interest gets a notice",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email }, q: { title: Q, basis: "
     "contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email, notice: n }, q: { title: Q, "
     "basis: contract, contract: c, categories: email } }",
     1, "SERIOUS purpose `p`: it now names notice `n`: whoever has not been shown it has to be informed first\n"},
    {"terms",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c@3, terms_min_version: 2, categories: email }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     1,
     "SERIOUS purpose `p`: people whose contract is under terms older than version 2 must accept the present ones\n"
     "notice purpose `p`: the version of its terms changes from 1 to 3\n"},
    {"contract events",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, opened_by: A, ended_by: Z }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, opened_by: [B, C] }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     1,
     "notice purpose `p`: a contract is no longer opened by `A`\n"
     "notice purpose `p`: a contract is now opened by `B`, `C`\n"
     "notice purpose `p`: a contract is no longer ended by `Z`\n"},
    {"retention shortened",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P5Y after contract_end }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P2Y after contract_end }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: data is kept until 2 years after the contract's end instead of until 5 years after the contract's end: what is older is erased\n"},
    {"retention lengthened",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P5Y after contract_end }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P7Y after contract_end }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1,
     "notice purpose `p`: data is kept until 7 years after the contract's end instead of until 5 years after the contract's end: longer than people were "
     "told\n"},
    {"retention counted from elsewhere",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P5Y after contract_end }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P5Y after collected }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: data is kept until 5 years after it was collected instead of until 5 years after the contract's end: what is past it is erased\n"},
    {"retention begun",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P5Y after collected }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1, "SERIOUS purpose `p`: data is kept until 5 years after it was collected instead of without end: what is older is erased\n"},
    {"retention taken out",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P24M after collected }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "notice purpose `p`: data is kept without end instead of until 2 years after it was collected: longer than people were told\n"},
    {"retention said in other words",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P24M after collected }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, retention: P2Y after collected }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1, ""},
    {"expiry",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email, expires: P2Y after given }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     1,
     "notice purpose `p`: a consent holds until 2 years after it was given instead of until 13 months after it was given; those already given keep their "
     "end\n"},
    {"start and end",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, starts: 2026-02-01, ends: 2027-02-01 }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: its end is now 2027-02-01\n"
     "notice purpose `p`: its start is now 2026-02-01\n"},
    {"conditions come",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email, special_condition: a, direct_marketing: true, gpc: true, automated_decision: "
     "true, human_reviewer: Eszter, age_threshold: 18, minors: guardian, storage_only: true }, q: { title: Q, basis: contract, contract: c, categories: email "
     "} }",
     1,
     "SERIOUS purpose `p`: its condition of Art. 9(2) is now `a`\n"
     "SERIOUS purpose `p`: consents must be explicit: those that were not no longer suffice\n"
     "SERIOUS purpose `p`: is now direct marketing: an objection is absolute\n"
     "SERIOUS purpose `p`: a Global Privacy Control signal now objects to it\n"
     "SERIOUS purpose `p`: now decides automatically with legal effect (Art. 22)\n"
     "SERIOUS purpose `p`: a guardian is needed below 18 instead of 16\n"
     "SERIOUS purpose `p`: people of unknown age now need a guardian\n"
     "SERIOUS purpose `p`: its data is from now on only stored, neither read nor sent\n"
     "notice purpose `p`: its human reviewer is now `Eszter`\n"},
    {"conditions go",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email, special_condition: a, direct_marketing: true, gpc: true, automated_decision: "
     "true, human_reviewer: Eszter, age_threshold: 18, minors: guardian, storage_only: true }, q: { title: Q, basis: contract, contract: c, categories: email "
     "} }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: its condition of Art. 9(2) `a` is taken out\n"
     "SERIOUS purpose `p`: consents need not be explicit any more\n"
     "SERIOUS purpose `p`: is no longer direct marketing: an objection is no longer absolute\n"
     "SERIOUS purpose `p`: a Global Privacy Control signal no longer objects to it\n"
     "SERIOUS purpose `p`: a guardian is needed below 16 instead of 18\n"
     "SERIOUS purpose `p`: people of unknown age no longer need a guardian\n"
     "SERIOUS purpose `p`: its data may be read and sent again\n"
     "notice purpose `p`: no longer decides automatically with legal effect\n"
     "notice purpose `p`: its human reviewer `Eszter` is taken out\n"},
    {"compatible purposes",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email, compatible_with: q, compatible_assessment: a.pdf }, q: { title: Q, basis: "
     "contract, contract: c, categories: email } }",
     1,
     "SERIOUS purpose `p`: may now use what was collected for `q`\n"
     "notice purpose `p`: its assessment of compatibility is now `a.pdf`\n"},
    {"citations",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email, law: x }, q: { title: Q, basis: "
     "contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, interest: j, balancing_test: t@2026-06-01, categories: email, law: y, review: 2027-01-01 }, q: "
     "{ title: Q, basis: contract, contract: c, categories: email } }",
     1,
     "notice purpose `p`: its law changes from `x` to `y`\n"
     "notice purpose `p`: its interest changes from `i` to `j`\n"
     "notice purpose `p`: the date of its balancing test moves from 2026-01-01 to 2026-06-01\n"
     "notice purpose `p`: the review of its balancing test is now 2027-01-01\n"},
    {"signals",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } "
     "}\nsignals: { Ads: p }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email, tcf: 1, consent_mode: ad_storage }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }\nsignals: { Marketing: p }",
     1,
     "notice purpose `p`: is no longer decided by the consent categories `Ads`\n"
     "notice purpose `p`: is now decided by the consent categories `Marketing`\n"
     "notice purpose `p`: now answers to Consent Mode's `ad_storage`\n"
     "notice purpose `p`: its TCF purposes change\n"},
    {"notices come and go", "notices: { a: { version: 1, languages: { en: a.md } } }", "notices: { b: { version: 1, languages: { en: a.md } } }", 1,
     "notice notice `a`: is taken out; what was said under it keeps its text\n"
     "info notice `b`: is new\n"},
    {"older notices are enough again",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email, notice_min_version: 2 }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: consent, notice: n, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "SERIOUS purpose `p`: older versions of notice `n` are enough again: from version 1 instead of 2\n"},
    {"a notice is no longer named",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email, notice: n }, q: { title: Q, "
     "basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email }, q: { title: Q, basis: "
     "contract, contract: c, categories: email } }",
     1, "notice purpose `p`: it no longer names a notice\n"},
    {"a law in other words", "purposes: { p: { title: P, basis: public_task, law: { en: act 1, hu: törvény }, categories: email } }",
     "purposes: { p: { title: P, basis: public_task, law: { en: act 1, hu: 1. törvény }, categories: email } }", 1,
     "notice purpose `p`: its law in `hu` changes from `törvény` to `1. törvény`\n"},
    {"older terms are enough again",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c@3, terms_min_version: 3, categories: email }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c@3, terms_min_version: 2, categories: email }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     1, "notice purpose `p`: terms from version 2 on are enough instead of 3\n"},
    {"a vital interest lapses sooner",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: vital_interest, why_no_other_basis: w, categories: email }, q: { title: Q, basis: contract, contract: c, "
     "categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: vital_interest, why_no_other_basis: w, categories: email, lapses: PT90M }, q: { title: Q, basis: contract, "
     "contract: c, categories: email } }",
     1, "notice purpose `p`: an invoked vital interest lapses after 90 minutes instead of 3 days\n"},
    {"title",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: P, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     "notices: { n: { version: 2, renew_older_than: 1, effective: 2026-09-01, languages: { en: a.md } }, m: { version: 1, languages: { en: a.md } } "
     "}\npurposes: { p: { title: Pe, basis: contract, contract: c, categories: email }, q: { title: Q, basis: contract, contract: c, categories: email } }",
     1, "notice purpose `p`: its title changes from `P` to `Pe`\n"},
    {"sources",
     "notices: { n: { version: 1, languages: { en: a.md } } }\nsources: { a: { purposes: p, when_denied: hold P1D }, b: { purposes: p, trusted: true, informs: "
     "n, trust: 1, region: EU }, c: { purposes: p } }",
     "notices: { n: { version: 1, languages: { en: a.md } } }\nsources: { a: { purposes: p, when_denied: drop, trusted: true, key_env: K }, b: { purposes: p, "
     "jurisdiction: HU }, d: { purposes: p } }",
     1,
     "SERIOUS source `a`: is now trusted: its identifiers count as verified\n"
     "SERIOUS source `a`: is no longer public: a yes by it can lift what was refused on a verified identifier\n"
     "SERIOUS source `c`: is taken out: what it sends is refused from now on\n"
     "notice source `a`: what happens to what is denied changes from `hold for 1 day` to `drop`\n"
     "notice source `a`: the variable with its key is now `K`\n"
     "notice source `b`: is no longer trusted\n"
     "notice source `b`: is now public: whom it names counts as named, not as proven\n"
     "notice source `b`: its people are no longer shown `n`\n"
     "notice source `b`: where its people are changes from `EU` to `HU`\n"
     "notice source `b`: its trust changes from 1 to 0\n"
     "notice source `d`: is new, and collects for `p`\n"
     "info source `b`: its region `EU` is taken out\n"},
    {"destinations",
     "destinations: { a: { kind: webhook, purpose: p, recipient: \"A (processor, HU)\", url: x, events: X }, b: { kind: webhook, purpose: p, recipient: B, "
     "country: US, safeguard: SCC } }",
     "destinations: { a: { kind: webhook, purpose: p, recipient: \"A (processor, US)\", url: y, timeout: 5s, send: profiles, channel: email }, c: { kind: "
     "webhook, purpose: p, recipient: \"C (processor, AT)\" } }",
     1,
     "SERIOUS destination `a`: its recipient changes from `A (processor, HU)` to `A (processor, US)`\n"
     "SERIOUS destination `a`: the country that data goes to changes from `HU` to `US`\n"
     "SERIOUS destination `b`: is taken out: nothing goes to it any more, and recalls that are still owed to it cannot be sent\n"
     "notice destination `a`: its channel is now `email`\n"
     "notice destination `a`: is sent every event, no longer only `X`\n"
     "notice destination `a`: is no longer sent events\n"
     "notice destination `a`: is now sent profiles\n"
     "notice destination `a`: its option `url` changes from `x` to `y`\n"
     "notice destination `a`: its option `timeout` is now `5s`\n"
     "notice destination `c`: is new: C (processor, AT), in AT, is sent for `p` `email`\n"},
    {"destination categories",
     "purposes: { p: { title: P, basis: contract, contract: c, categories: [email, phone] }, q: { title: Q, basis: contract, contract: c, categories: [email, "
     "phone] } }\ndestinations: { a: { kind: x, purpose: p, categories: email, country: US, safeguard: SCC } }",
     "purposes: { p: { title: P, basis: contract, contract: c, categories: [email, phone] }, q: { title: Q, basis: contract, contract: c, categories: [email, "
     "phone] } }\ndestinations: { a: { kind: x, purpose: q, categories: phone, country: US, events: Y } }",
     3,
     "SERIOUS destination `a`: its purpose changes from `p` to `q`\n"
     "SERIOUS destination `a`: the safeguard of the transfer `SCC` is taken out\n"
     "SERIOUS destination `a`: is now also sent `phone`\n"
     "notice destination `a`: is no longer sent `email`\n"
     "notice destination `a`: is no longer sent every event, only `Y`\n"},
    {"categories and fields", "categories: { a: , b: , c: { title: C } }\nfields: { traits.x: a, traits.y: b, traits.z: b, default: a }",
     "categories: { a: { special: true, identifier: true }, b: , d: }\nfields: { traits.x: b, traits.y: none, traits.w: d }", 0,
     "SERIOUS category `a`: is now special (Art. 9): purposes need a condition for it\n"
     "SERIOUS field `traits.y`: moves from `b` to `none`; this holds for what comes in from now on\n"
     "SERIOUS field `default`: fields that are not named change from `a` to `refuse`\n"
     "notice category `a`: now identifies people\n"
     "notice field `traits.x`: moves from `a` to `b`; this holds for what comes in from now on\n"
     "notice field `traits.z`: is no longer named (it was `b`); a wider rule or the default decides\n"
     "info category `c`: is taken out\n"
     "info category `d`: is new\n"
     "info field `traits.w`: is now `d`\n"},
    {"identity", "identity: { keys: { email: { unique: true }, phone: { default_region: AT }, card: { blocked: a } } }",
     "identity: { purpose: p, keys: { email: { limit_per_profile: 3, normalise: lower, verified: false }, phone: { limit_per_profile: 2, strength: 190 }, "
     "device_id: , anonymous_id: { verified: true, from: x } } }",
     0,
     "SERIOUS identity key `email`: is normalised as `lower` instead of `email`: identifiers kept in the old form may not be found any more\n"
     "SERIOUS identity key `email`: a person may have 3 of them instead of 1; more joins are possible from now on\n"
     "SERIOUS identity key `card`: is taken out: nobody can be found or joined by it any more\n"
     "SERIOUS identity key `anonymous_id`: now counts as verified, so a grant on it can override a refusal\n"
     "SERIOUS section `identity`: the purpose of joining is now `p`\n"
     "notice identity key `email`: no longer counts as verified\n"
     "notice identity key `phone`: a person may have 2 of them instead of 10; people who have more keep them, new ones are not joined\n"
     "notice identity key `phone`: the country of numbers that name none changes from `AT` to `HU`\n"
     "notice identity key `anonymous_id`: is no longer read from `anonymousId`\n"
     "notice identity key `anonymous_id`: is now read from `x`\n"
     "notice identity key `device_id`: is new: people may be found and joined by it\n"
     "notice section `identity`: the order of strength changes; what comes in from now on is kept on other identifiers\n"},
    {"traits", "traits: { a: first, b: max, address: union }", "traits: { a: latest, c: min, address.city: union }", 0,
     "notice trait `a`: is folded by `latest` instead of `first`; profiles change with it\n"
     "notice trait `c`: is folded by `min` instead of `latest`; profiles change with it\n"
     "notice trait `b`: is folded by `latest` instead of `max`; profiles change with it\n"
     "notice trait `address`: is folded by `latest` instead of `union`; profiles change with it\n"},
    {"transfers",
     "transfers: { adequate: [CH, GB until 2027-06-27, JP] }\ndestinations: { a: { kind: x, purpose: p, country: US, safeguard: { kind: scc, document: d, "
     "until: 2027-01-01 } } }",
     "transfers: { adequate: [CH, GB until 2031-12-27] }\ndestinations: { a: { kind: x, purpose: p, country: US, safeguard: { kind: scc, document: d, until: "
     "2028-01-01 } } }",
     0,
     "SERIOUS section `transfers`: no longer taken as adequate, so recipients there need a safeguard: `GB until 2027-06-27`, `JP`\n"
     "notice destination `a`: the end of the safeguard moves from 2027-01-01 to 2028-01-01\n"
     "notice section `transfers`: now taken as adequate, so recipients there need no safeguard: `GB until 2031-12-27`\n"},
    {"children", "settings: { age_of_consent: { AT: 14, SE: 15 } }", "settings: { age_of_consent: { AT: 15, default: 16 }, guardian_consent: stands }", 0,
     "SERIOUS section `settings`: that age now holds wherever a person is\n"
     "SERIOUS section `settings`: the age from which a person consents alone is no longer `AT: 14`, `SE: 15`\n"
     "SERIOUS section `settings`: the age from which a person consents alone is now `AT: 15`\n"
     "SERIOUS section `settings`: a guardian's consent now stands when the child comes of age\n"},
    {"controller and settings",
     "controller: { name: A, country: HU, dpo: d, regions: [EU, US-CA] }\nsettings: { gpc_objects_in_eu: false, objection_overriders: privacy }\ntransfers: { "
     "adequate: [CH] }",
     "controller: { name: B, country: AT, contact: c, address: e, regions: EU }\nsettings: { legal_obligation_under_restriction: true, objection_overriders: "
     "admin, consent_lifetime: P6M }\ntransfers: { adequate: [JP] }",
     0,
     "SERIOUS section `controller`: its name changes from `A` to `B`\n"
     "SERIOUS section `controller`: its country changes from `HU` to `AT`\n"
     "SERIOUS section `controller`: recipients there now need adequacy or a safeguard: `US-CA`\n"
     "SERIOUS section `settings`: processing by legal obligation now goes on while a person's data is restricted\n"
     "SERIOUS section `settings`: an objection may now be overridden by `admin`\n"
     "SERIOUS section `settings`: the age from which a person consents alone changes from 16 to 14\n"
     "SERIOUS section `transfers`: no longer taken as adequate, so recipients there need a safeguard: `CH`\n"
     "notice identity key `phone`: the country of numbers that name none changes from `HU` to `AT`\n"
     "notice section `controller`: the data protection officer `d` is taken out\n"
     "notice section `controller`: the contact is now `c`\n"
     "notice section `controller`: the address is now `e`\n"
     "notice section `settings`: a Global Privacy Control signal now counts as an objection in the EU, too\n"
     "notice section `settings`: an objection may no longer be overridden by `privacy`\n"
     "notice section `settings`: a consent for which nothing else is said lives for 6 months instead of 13 months; those already given keep their end\n"
     "notice section `settings`: the time zone of quiet hours changes from `Europe/Budapest` to `Europe/Vienna`\n"
     "notice section `transfers`: now taken as adequate, so recipients there need no safeguard: `JP`\n"},
};

static void each_difference_is_said_in_words_worst_first(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < COUNT_OF(differences); i++) {
        const struct difference *row = &differences[i];
        policy_changes changes;
        policy_diff(&policy_arena, policy_of(row->before), policy_of(row->after), row->in_use, &changes);
        str got = changes_text(&changes);
        if (str_equal(got, str_of(row->changes)))
            continue;
        failures++;
        print_error("## %s\n--- got\n%.*s--- wanted\n%s\n", row->name, STR_FMT(got), row->changes);
    }
    assert_int_equal(failures, 0);
}

static void a_change_names_the_purposes_that_it_is_about(void **state)
{
    (void)state;
    const struct policy *before = policy_of("purposes: { a: { title: A, basis: contract, contract: c, categories: email }, "
                                            "b: { title: B, basis: contract, contract: c, categories: email } }");
    const struct policy *after = policy_of("purposes: { c: { title: C, basis: contract, contract: c, categories: email }, "
                                           "b: { title: Be, basis: contract, contract: c, categories: email } }");
    policy_changes changes;
    policy_diff(&policy_arena, before, after, 1, &changes);
    assert_int_equal(changes.count, 3);
    assert_true(changes.items[0].old_purpose == 0 && changes.items[0].new_purpose == SLOT_NONE);
    assert_true(changes.items[1].old_purpose == 1 && changes.items[1].new_purpose == 1);
    assert_true(changes.items[2].old_purpose == SLOT_NONE && changes.items[2].new_purpose == 0);
}

static void the_first_policy_has_nothing_to_differ_from(void **state)
{
    (void)state;
    policy_changes changes;
    policy_diff(&policy_arena, NULL, policy_of(""), 0, &changes);
    check_str(changes_text(&changes), "info the first policy; purposes: 1, sources: 0, destinations: 0\n");
}

static const struct warned {
    const char *name, *file, *warnings;
} warned[] = {
    {"nothing to say",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } }\n",
     ""},
    {"a controller whom nobody can write to",
     "notices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after collected, basis: contract, contract: c, "
     "opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } }\n",
     "info section `controller`: names neither `dpo` nor `contact`, whom people can write to (Art. 13(1))\n"},
    {"data kept without end",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, basis: contract, "
     "contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } }\n",
     "notice purpose `p`: its data is kept without end (Art. 5(1)(e)); add `retention: P2Y after last_seen` or the like\n"},
    {"kept by the hour, counted by the day",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: PT47H after "
     "last_seen, basis: contract, contract: c, opened_by: A, categories: email }, "
     "q: { title: Q, retention: P2D after last_seen, basis: contract, contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email "
     "}\nsources: { s: { purposes: [p, q] } }\n",
     "notice purpose `p`: when somebody was last seen is known to the day, and its retention counts from that day's start, so it may be over within hours; "
     "write P2D or more, or count from `collected`\n"},
    {"no source, no title, no event",
     "controller: { name: A, country: HU, dpo: d }\npurposes: { p: { basis: contract, contract: c, categories: email, retention: P1Y after collected } "
     "}\nfields: { traits.email: email }",
     "info purpose `p`: no event opens its contract, so each has to be stated through the API; or add `opened_by: [Order Completed]`\n"
     "info purpose `p`: no source collects for it\n"
     "info purpose `p`: has no `title`, which people read in receipts and in the preference centre\n"},
    {"a special category without condition",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: [email, health] } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } "
     "}\n\n#: { traits.h: health }",
     "SERIOUS purpose `p`: special data (Art. 9) without a condition, so the gate denies `health`; name the letter: `special_condition: a`\n"
     "info category `health`: no field is of it; name one under `fields`\n"},
    {"the law of a condition",
     "controller: { name: A, country: HU, dpo: d }\npurposes: { p: { title: P, retention: P1Y after collected, basis: contract, contract: c, opened_by: A, "
     "categories: health, special_condition: h }, "
     "q: { title: Q, retention: P1Y after collected, basis: contract, contract: c, opened_by: A, categories: health, special_condition: c, special_law: a law "
     "} }\nfields: { traits.x: health }\nsources: { s: { purposes: [p, q] } }\n",
     "notice purpose `p`: Art. 9(2)(h) rests on a law; cite it: `special_law: Act XLVII of 1997 §4`\n"
     "info purpose `q`: `special_law` is not used by it\n"},
    {"explicit consent on another basis",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email, special_condition: a } }\nfields: { traits.email: email }\nsources: { s: { "
     "purposes: p } }\n",
     "SERIOUS purpose `p`: `special_condition: a` is explicit consent, which the basis contract never asks for\n"},
    {"an automated decision on interest",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email, notice: n, review: P1Y, automated_decision: true } "
     "}\nfields: { traits.email: email }\nsources: { s: { purposes: p, informs: n } }\n",
     "SERIOUS purpose `p`: an automated decision with legal effect (Art. 22) rests on consent, contract or law only, so the gate denies it\n"},
    {"an automated decision without a human",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email, automated_decision: true } }\nfields: { traits.email: email }\nsources: { s: { "
     "purposes: p } }\n",
     "SERIOUS purpose `p`: an automated decision with legal effect (Art. 22) without `human_reviewer:`, so the gate denies it\n"},
    {"an interest without review and notice",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email } }\nfields: { traits.email: email }\nsources: { s: "
     "{ purposes: p } }\n",
     "notice purpose `p`: its balancing test is never reviewed; add `review: P1Y` or a date\n"
     "notice purpose `p`: names no notice, so nothing shows that people were informed (Art. 13 and 14); add `notice:`\n"},
    {"a notice that nobody shows",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: legitimate_interest, interest: i, balancing_test: t@2026-01-01, categories: email, notice: n, review: P1Y } }\nfields: { traits.email: "
     "email }\nsources: { s: { purposes: p } }\n",
     "notice purpose `p`: no source shows its notice `n`, so people are `not_informed` until that is recorded; add `informs: n` to a source\n"},
    {"compatible with what was consented to",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, compatible_with: q, compatible_assessment: a, basis: contract, contract: c, opened_by: A, categories: email }, q: { title: Q, retention: P1Y "
     "after given, basis: consent, notice: n, categories: email, supersedes: p } }\nfields: { traits.email: email }\nsources: { s: { purposes: [p, q] } }",
     "SERIOUS purpose `p`: what was collected on consent is never used for another purpose, so `compatible_with` does nothing for `q`\n"
     "notice purpose `q`: supersedes `p`, which goes on beside it; give that one `ends:`\n"},
    {"citations of another basis",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email, law: l, interest: i, balancing_test: t@2026-01-01, why_no_other_basis: w, "
     "human_reviewer: h } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } }\n",
     "info purpose `p`: `law` is not used by it\n"
     "info purpose `p`: `interest` is not used by it\n"
     "info purpose `p`: `balancing_test` is not used by it\n"
     "info purpose `p`: `why_no_other_basis` is not used by it\n"
     "info purpose `p`: `human_reviewer` is not used by it\n"},
    {"marketing by law",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: public_task, law: l, categories: email, direct_marketing: true } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } }\n",
     "notice purpose `p`: direct marketing hardly rests on public_task\n"},
    {"sources",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p, key_env: "
     "MISSING, when_denied: hold P60D }, t: { purposes: p, key_env: KEY_SET }, u: { purposes: p, key_env: KEY_AGAIN } }\n",
     "notice source `s`: MISSING is not set, or holds the key of another source, so nobody can send with it; set it, or make a key: `telos token create "
     "--source s`\n"
     "notice source `s`: holds data for 60 days without a basis; hours or days are enough to ask\n"
     "notice source `u`: KEY_AGAIN is not set, or holds the key of another source, so nobody can send with it; set it, or make a key: `telos token create "
     "--source u`\n"},
    {"destinations",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } "
     "}\ndestinations:\n  a: { kind: w, purpose: p, categories: [email, phone], recipient: \"A (processor, US)\", channel: sms }\n  b: { kind: w, purpose: p, "
     "recipient: B, send: [] }\n  c: { kind: w, purpose: p }\nidentity: { keys: { email: } }",
     "SERIOUS destination `a`: US is neither in the controller's region nor adequate, so the gate denies every transfer; name a `safeguard:`\n"
     "SERIOUS destination `a`: nobody can be reached by `sms`: there is no identity key `phone`\n"
     "SERIOUS destination `b`: nobody knows in which country the recipient is, so the gate denies every transfer; write `recipient: \"B (processor, HU)\"`\n"
     "notice destination `a`: purpose `p` does not cover `phone`, so that is never sent\n"
     "notice destination `b`: is sent neither events nor profiles\n"
     "notice category `phone`: no purpose covers it, so whatever is of it is left out\n"
     "info destination `c`: names no recipient, so it is taken for the controller's own system\n"},
    {"a purpose that only stores",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email, storage_only: true } }\nfields: { traits.email: email }\nsources: { s: { "
     "purposes: p } }\ndestinations: { a: { kind: w, purpose: p, recipient: \"A (HU)\" } }",
     "SERIOUS destination `a`: purpose `p` only stores, so nothing is ever sent\n"},
    {"categories and keys",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } "
     "}\ncategories: { a: , b: }\nidentity: { keys: { card: { category: a } } }",
     "SERIOUS identity key `card`: no purpose covers its category `a`, so it names nobody\n"
     "notice category `a`: no purpose covers it, so whatever is of it is left out\n"
     "notice category `b`: no purpose covers it, so whatever is of it is left out\n"},
    {"a zone that nobody knows",
     "controller: { name: A, country: HU, dpo: d }\nnotices: { n: { version: 2, languages: { en: a.md } } }\npurposes: { p: { title: P, retention: P1Y after "
     "collected, basis: contract, contract: c, opened_by: A, categories: email } }\nfields: { traits.email: email }\nsources: { s: { purposes: p } "
     "}\nsettings: { quiet_zone: Europe/Vac }",
     "notice section `settings`: this machine does not know the time zone `Europe/Vac`; is the package tzdata installed?\n"},
};

static void what_will_not_do_what_it_says_is_said(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < COUNT_OF(warned); i++) {
        policy_changes warnings;
        policy_warnings(&policy_arena, policy_of(warned[i].file), &warnings);
        str got = changes_text(&warnings);
        if (str_equal(got, str_of(warned[i].warnings)))
            continue;
        failures++;
        print_error("## %s\n--- got\n%.*s--- wanted\n%s\n", warned[i].name, STR_FMT(got), warned[i].warnings);
    }
    assert_int_equal(failures, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, policy_world_begin, policy_world_end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(each_difference_is_said_in_words_worst_first),
        CASE(a_change_names_the_purposes_that_it_is_about),
        CASE(the_first_policy_has_nothing_to_differ_from),
        CASE(what_will_not_do_what_it_says_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
