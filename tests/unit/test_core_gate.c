/* The gate's decisions as a table: what happened to Anna, what is asked, what the answer must be. A line a case.
 *
 * What happened: steps between semicolons, each with its day:
 *     DAY PURPOSE STATUS [notice N] [terms N] [explicit] [guardian] [agent] [said DAY] [on TYPE:VALUE]
 *     DAY restricted [on TYPE:VALUE] · DAY unrestricted · DAY erase · DAY sweep · DAY prefer JSON · DAY SOURCE sends JSON · DAY SOURCE gpc JSON
 *     DAY join TYPE:VALUE · DAY undo (the newest join)
 * What is asked: PURPOSE [of CATEGORY] [to RECIPIENT] [by CHANNEL] [about TOPIC] [storing] [on DAY] [known DAY]
 * The answer: `allow`, or `deny` and every reason; a category's own reasons after its name.
 */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"

#define ANNA "email:anna@example.hu"
#define COOKIE_KNOWN "{\"type\":\"identify\",\"anonymousId\":\"a1\",\"traits\":{\"email\":\"anna@example.hu\",\"colour\":\"red\"}}"
#define COOKIE(word)                                                                                                   \
    "{\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"Segment Consent Preference Updated\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":" word "}}}}"
#define COOKIE_YES COOKIE("true")
#define COOKIE_NO COOKIE("false")
#define IDENTIFY "{\"type\":\"identify\",\"userId\":\"anna\",\"traits\":{\"email\":\"anna@example.hu\"}}"

struct example {
    const char *happened, *asked, *answer;
};

/* --- §1: what the policy says, the same for everyone */
static const struct example policy_says[] = {
    {"", "newsletterr", "deny purpose_unknown"},
    {"", "later", "deny purpose_not_yet_active"},
    {"", "later on 2027-06-01", "allow"},
    {"", "later on 2028-01-01", "deny purpose_ended"},
    {"", "safety", "allow"},
    {"", "safety of purchase", "allow"},
    {"", "safety of health", "deny; health: category_not_covered special_category_without_condition"},
    {"", "safety of purchase of behaviour", "allow; behaviour: category_not_covered"},
    {"", "safety of nonsense", "deny; nonsense: category_not_covered"},
    {"2026-10-01 fulfilment opened", "fulfilment to desk", "allow"},
    {"2026-10-01 fulfilment opened", "fulfilment to Desk Kft. (processor, HU)", "allow"},
    {"2026-10-01 fulfilment opened", "fulfilment to Desk Kft.", "allow"}, /* without its brackets */
    {"2026-10-01 fulfilment opened", "fulfilment to Desk", "deny recipient_not_declared"},
    {"2026-10-01 fulfilment opened", "fulfilment to mailer", "deny recipient_not_declared"},
    {"2026-10-01 fulfilment opened", "fulfilment to somebody", "deny recipient_not_declared"},
    {"2026-10-01 fulfilment opened", "fulfilment to far", "deny transfer_without_safeguard"},
    {"2026-10-01 newsletter given", "newsletter of purchase to mailer", "deny; purchase: category_not_covered"},
    {"", "robot", "deny automated_decision_not_permitted"},
    {"", "robot storing", "allow"},
};

/* --- §2: the basis holds for this person */
static const struct example consent_holds[] = {
    {"", "newsletter", "deny consent_missing"},
    {"2026-10-01 newsletter given", "newsletter", "allow"},
    {"2026-10-01 newsletter given", "newsletter on 2026-09-30", "deny consent_missing"},
    {"2026-10-01 newsletter refused", "newsletter", "deny consent_refused"},
    {"2026-10-01 newsletter given; 2026-10-05 newsletter withdrawn", "newsletter", "deny consent_withdrawn"},
    {"2026-10-01 newsletter given; 2026-10-05 newsletter withdrawn", "newsletter on 2026-10-04", "allow"},
    {"2026-10-01 newsletter given; 2026-10-05 newsletter withdrawn; 2026-10-06 newsletter renewed", "newsletter", "allow"},
    {"2026-10-01 newsletter given", "newsletter on 2028-09-30", "allow"},
    {"2026-10-01 analytics given", "analytics on 2027-09-30", "allow"},
    {"2026-10-01 analytics given", "analytics on 2027-10-01", "deny retention_elapsed"},
    {"2026-10-01 analytics given", "analytics on 2027-11-01", "deny consent_expired retention_elapsed"},
    {"2026-10-01 care given explicit", "care on 2027-10-31", "allow"},
    {"2026-10-01 care given explicit", "care on 2027-11-01", "deny consent_expired"},
    {"2026-10-01 care given explicit; 2027-11-02 sweep", "care on 2027-11-02", "deny consent_expired; health: consent_not_explicit"},
    {"2026-10-01 newsletter given notice 2", "newsletter", "deny consent_outdated_notice"},
    {"2026-09-10 newsletter given notice 2", "newsletter on 2026-09-10", "allow"},
    {"2026-09-10 newsletter given notice 2", "newsletter on 2026-09-15", "deny consent_outdated_notice"},
    {"2026-10-01 newsletter given notice 2; 2026-10-02 newsletter renewed notice 3", "newsletter", "allow"},
    {"2026-10-01 newsletter given notice 2", "newsletter storing", "allow"},
    {"2026-10-01 children given", "children", "deny consent_guardian_required"},
    {"2026-10-01 children given guardian", "children", "allow"},
    {"2026-10-01 care given", "care", "deny consent_not_explicit; health: consent_not_explicit"},
    {"2026-10-01 care given explicit", "care of health", "allow"},
    {"2026-10-01 newsletter given; 2026-10-01 newsletter withdrawn", "newsletter", "deny consent_withdrawn"},
    {"2026-10-01 newsletter withdrawn; 2026-10-01 newsletter given", "newsletter", "deny consent_withdrawn"},
    {"2026-10-01 analytics given; 2026-10-02 analytics objected", "analytics", "deny objected"},
};
/* Art. 8. Born in 2010: of age at 16 when 2026 is over, at 13 when 2023 was. Facts of birth are kept by `children`. */
#define BORN_2010 "2026-10-01 children given guardian; 2026-10-01 web sends {\"type\":\"identify\",\"traits\":{\"email\":\"anna@example.hu\",\"birthdate\":\"2010-05-05\"}}; "
static const struct example children_consent[] = {
    {"2026-10-01 newsletter given", "newsletter", "allow"}, /* of unknown age: the purpose asks nothing */
    {"2026-10-01 children given", "children", "deny consent_guardian_required"},
    {"2026-10-01 children given guardian", "children", "allow"},
    {BORN_2010 "2026-10-02 newsletter given", "newsletter", "deny consent_guardian_required"},
    {BORN_2010 "2026-10-02 newsletter given", "newsletter on 2026-12-31T23:59:59.999Z", "deny consent_guardian_required"},
    {BORN_2010 "2026-10-02 newsletter given", "newsletter on 2027-01-01", "deny consent_own_required"}, /* it was none when it was said */
    {BORN_2010 "2027-01-01 newsletter given", "newsletter", "allow"},
    {BORN_2010 "2027-01-01 newsletter given said 2026-12-31", "newsletter", "deny consent_own_required"},
    {BORN_2010 "2026-10-02 newsletter given guardian", "newsletter", "allow"},
    {BORN_2010 "2026-10-02 newsletter given guardian", "newsletter on 2026-12-31T23:59:59.999Z", "allow"},
    /* the guardian's word ends with childhood; nothing is destroyed, but nothing is used until she says it herself */
    {BORN_2010 "2026-10-02 newsletter given guardian", "newsletter on 2027-01-01", "deny consent_own_required"},
    {BORN_2010 "2026-10-02 newsletter given guardian", "newsletter storing on 2027-01-01", "allow"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2027-01-02 newsletter renewed", "newsletter", "allow"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2027-01-02 newsletter withdrawn", "newsletter", "deny consent_withdrawn"},
    {BORN_2010 "2027-01-02 newsletter given guardian", "newsletter", "allow"}, /* a guardian of somebody of age: not Art. 8 */
    {BORN_2010 "2026-10-02 newsletter refused guardian; 2026-10-03 newsletter given", "newsletter", "deny consent_guardian_required"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2026-10-03 newsletter withdrawn", "newsletter", "deny consent_withdrawn"}, /* she may withdraw herself */
    /* the child's own yes takes nothing away from the guardian's, nor does it bring it back */
    {BORN_2010 "2026-10-02 newsletter given; 2026-10-03 newsletter given guardian", "newsletter", "allow"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2026-10-03 newsletter given", "newsletter", "allow"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2026-10-03 newsletter given; 2026-10-04 newsletter withdrawn guardian", "newsletter",
     "deny consent_withdrawn"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2026-10-03 newsletter withdrawn guardian; 2026-10-04 newsletter given", "newsletter",
     "deny consent_guardian_required"},
    {"2026-10-01 children given guardian; 2026-10-02 children given", "children", "allow"},
    {BORN_2010 "2026-10-02 newsletter given guardian; 2026-10-03 newsletter given", "newsletter on 2027-10-02", "deny consent_own_required"},
    /* other bases ask nobody's consent */
    {BORN_2010 "2026-10-02 fulfilment opened", "fulfilment", "allow"},
};
static const struct example other_bases_hold[] = {
    {"", "fulfilment", "deny contract_missing"},
    {"2026-10-01 fulfilment opened", "fulfilment", "allow"},
    {"2026-10-01 fulfilment opened terms 2", "fulfilment", "deny terms_outdated"},
    {"2026-10-01 fulfilment opened terms 3", "fulfilment", "allow"},
    {"2026-10-01 fulfilment opened; 2026-10-09 fulfilment ended", "fulfilment", "deny contract_ended"},
    {"2026-10-01 fulfilment opened; 2026-10-09 fulfilment ended", "fulfilment storing on 2031-10-08", "allow"},
    {"2026-10-01 fulfilment opened; 2026-10-09 fulfilment ended", "fulfilment storing on 2031-10-09", "deny retention_elapsed"},
    {"2026-10-01 till sends {\"type\":\"track\",\"userId\":\"anna\",\"event\":\"Order Completed\",\"properties\":{\"total\":1}}; 2026-10-01 till sends " IDENTIFY,
     "fulfilment", "allow"},
    {"", "bookkeeping", "allow"},
    {"", "emergency", "deny vital_interest_not_invoked"},
    {"2026-10-01 emergency invoked agent", "emergency", "allow"},
    {"2026-10-01 emergency invoked agent", "emergency on 2026-10-03", "allow"},
    {"2026-10-01 emergency invoked agent", "emergency on 2026-10-04", "deny vital_interest_lapsed"},
    {"2026-10-01 emergency invoked agent; 2026-10-02 emergency ended", "emergency", "deny vital_interest_lapsed"},
    {"2026-10-01 safety objected", "safety", "deny objection_pending"},
    {"2026-10-01 safety objected", "safety storing", "allow"},
    {"2026-10-01 safety objected; 2026-10-08 safety objected agent", "safety", "deny objected"},
    {"2026-10-01 safety objected; 2026-10-08 safety objection_lifted agent", "safety", "allow"},
    {"", "fraud", "deny not_informed"},
    {"2026-10-01 fraud informed", "fraud", "allow"},
    {"2026-10-01 fraud informed", "fraud on 2027-02-11", "deny assessment_overdue"},
    {"2026-10-01 fraud informed; 2026-10-02 fraud objected", "fraud", "deny objection_pending"},
    {"2026-10-01 fraud objected; 2026-10-02 fraud objected agent", "fraud", "deny objected not_informed"},
    {"2026-10-01 newsletter given; 2026-10-02 newsletter objected", "newsletter", "deny objected"},
    {"2026-10-01 newsletter objected; 2026-10-02 newsletter given", "newsletter", "deny objected"},
    {"2026-10-01 newsletter objected; 2026-10-02 newsletter given; 2026-10-03 newsletter objection_lifted", "newsletter", "allow"},
    {"2026-10-01 california gpc {\"type\":\"page\",\"context\":{\"traits\":{\"email\":\"anna@example.hu\"}}}", "sale",
     "deny not_informed opted_out_by_signal"},
};

/* --- §3: what cuts across */
static const struct example cuts_across[] = {
    {"2026-10-01 newsletter given; 2026-10-02 restricted", "newsletter", "deny processing_restricted"},
    {"2026-10-01 newsletter given; 2026-10-02 restricted", "newsletter storing", "allow"},
    {"2026-10-01 newsletter given; 2026-10-02 restricted; 2026-10-03 unrestricted", "newsletter", "allow"},
    {"2026-10-02 restricted", "bookkeeping", "deny processing_restricted"},
    {"", "claims", "deny processing_restricted"},
    {"", "claims storing", "allow"},
    {"2026-10-01 newsletter given; 2026-10-02 erase", "newsletter", "deny consent_missing subject_erased"},
    {"2026-10-01 newsletter given; 2026-10-02 erase", "bookkeeping", "deny subject_erased"},
    {"2026-10-01 newsletter given; 2026-10-02 erase", "nonsense", "deny purpose_unknown subject_erased"},
    {"2026-10-01 newsletter given; 2026-10-02 newsletter withdrawn; 2026-10-03 restricted", "newsletter",
     "deny consent_withdrawn processing_restricted"},
    /* bitemporal: said on the 1st, learned on the 10th */
    {"2026-10-10 newsletter given said 2026-10-01", "newsletter on 2026-10-05", "allow"},
    {"2026-10-10 newsletter given said 2026-10-01", "newsletter on 2026-10-05 known 2026-10-05", "deny consent_missing"},
    {"2026-10-01 newsletter given; 2026-10-10 newsletter withdrawn said 2026-10-03", "newsletter on 2026-10-05", "deny consent_withdrawn"},
    {"2026-10-01 newsletter given; 2026-10-10 newsletter withdrawn said 2026-10-03", "newsletter on 2026-10-05 known 2026-10-06", "allow"},
    {"2026-10-01 newsletter given said 2026-09-30; 2026-10-02 erase", "newsletter on 2026-10-01 known 2026-10-01", "deny consent_missing"},
    /* a statement on a device that anyone may hold does not lift what was said surely */
    {"2026-10-01 web sends " IDENTIFY "; 2026-10-01 newsletter refused", "newsletter", "deny consent_refused"},
};
#define CONTACT "2026-10-01 newsletter given; "
static const struct example welcome[] = {
    {CONTACT "", "newsletter by email", "allow"},
    {CONTACT "", "newsletter by sms", "deny channel_unreachable"},
    {CONTACT "", "newsletter by telegram", "deny channel_unreachable"},
    {CONTACT "2026-10-02 prefer {\"channels\":{\"email\":false}}", "newsletter by email", "deny channel_opted_out"},
    {CONTACT "2026-10-02 prefer {\"channels\":{\"sms\":false}}", "newsletter by email", "allow"},
    {CONTACT "2026-10-02 prefer {\"topics\":{\"bikes\":false}}", "newsletter by email about bikes", "deny topic_opted_out"},
    {CONTACT "2026-10-02 prefer {\"topics\":{\"bikes\":false}}", "newsletter by email about soap", "allow"},
    {CONTACT "2026-10-02 prefer {\"quiet_hours\":{\"from\":\"21:00\",\"to\":\"08:00\",\"zone\":\"Europe/Budapest\"}}",
     "newsletter by email on 2026-10-03T20:00:00Z", "deny quiet_hours until 2026-10-04T06:00:00.000Z"},
    {CONTACT "2026-10-02 prefer {\"quiet_hours\":{\"from\":\"21:00\",\"to\":\"08:00\",\"zone\":\"Europe/Budapest\"}}",
     "newsletter by email on 2026-10-03T10:00:00Z", "allow"},
    {CONTACT "2026-10-02 prefer {\"frequency\":{\"email\":{\"max\":0,\"per\":\"P7D\"}}}", "newsletter by email", "deny frequency_capped"},
    {CONTACT "2026-10-02 prefer {\"frequency\":{\"email\":{\"max\":2,\"per\":\"P7D\"}}}", "newsletter by email", "allow"},
    {"", "newsletter by email", "deny consent_missing channel_unreachable"},
};

/* --- notices: in force from 2026-09-01, with a grace of 14 days; consents under versions below 3 are then outdated */
#define NOTICE "deny consent_outdated_notice"
static const struct example notices[] = {
    {"2026-08-31 newsletter given notice 2", "newsletter on 2026-08-31T23:59:59.999Z", "allow"},
    {"2026-08-31 newsletter given notice 2", "newsletter on 2026-09-01", "allow"},
    {"2026-08-31 newsletter given notice 2", "newsletter on 2026-09-14T23:59:59.999Z", "allow"},
    {"2026-08-31 newsletter given notice 2", "newsletter on 2026-09-15", NOTICE},
    {"2026-08-31 newsletter given notice 2", "newsletter storing on 2026-09-15", "allow"},
    {"2026-08-31 newsletter given notice 3", "newsletter on 2026-09-15", "allow"},
    {"2026-09-10 newsletter given notice 2", "newsletter on 2026-09-14T23:59:59.999Z", "allow"}, /* agreed to the old text within the grace */
    {"2026-09-20 newsletter given notice 2", "newsletter on 2026-09-20", NOTICE},
    {"2026-09-20 newsletter given notice 2; 2026-09-20T00:00:00.001Z newsletter renewed notice 3", "newsletter", "allow"},
    {"2026-08-31 newsletter given notice 2; 2026-09-20 newsletter renewed notice 3", "newsletter on 2026-09-19T23:59:59.999Z", NOTICE},
    {"2026-08-31 newsletter given notice 2; 2026-09-20 newsletter renewed notice 3", "newsletter on 2026-09-20", "allow"},
    /* renewed on the 20th, learned on the 25th */
    {"2026-08-31 newsletter given notice 2; 2026-09-25 newsletter renewed notice 3 said 2026-09-20", "newsletter on 2026-09-21", "allow"},
    {"2026-08-31 newsletter given notice 2; 2026-09-25 newsletter renewed notice 3 said 2026-09-20", "newsletter on 2026-09-21 known 2026-09-24T23:59:59.999Z", NOTICE},
    {"2026-08-31 newsletter given notice 2; 2026-09-25 newsletter renewed notice 3 said 2026-09-20", "newsletter on 2026-09-21 known 2026-09-25", "allow"},
    {"2026-09-20 newsletter given", "newsletter", "allow"}, /* says no version: the present one */
    {"2026-08-31 newsletter given notice 2; 2026-09-20 newsletter withdrawn", "newsletter", "deny consent_withdrawn"},
    {"2026-08-31 newsletter given notice 2; 2026-09-20 newsletter withdrawn; 2026-09-21 newsletter given notice 2", "newsletter", NOTICE},
};

/* --- Art. 9 */
static const struct example special[] = {
    {"", "emergency of health", "deny vital_interest_not_invoked"},
    {"2026-10-01 emergency invoked agent", "emergency of health", "allow"}, /* 9(2)(c) */
    {"2026-10-01 fulfilment opened", "fulfilment of health", "deny; health: category_not_covered special_category_without_condition"},
    {"2026-10-01 newsletter given explicit", "newsletter of health of email", "allow; health: category_not_covered special_category_without_condition"},
    {"2026-10-01 care given", "care of behaviour", "deny consent_not_explicit"}, /* the policy demands it of the purpose */
    {"2026-10-01 care given explicit; 2026-10-02 care renewed", "care of health", "deny consent_not_explicit; health: consent_not_explicit"},
    {"2026-10-01 care given; 2026-10-02 care renewed explicit", "care of health", "allow"},
    {"2026-10-01 care given explicit; 2026-10-02 care withdrawn", "care of health", "deny consent_withdrawn; health: consent_not_explicit"},
    {"2026-10-01 care given explicit; 2026-10-02 restricted", "care of health", "deny processing_restricted"},
    /* a condition of one purpose opens no other */
    {"2026-10-01 care given explicit; 2026-10-01 analytics given", "analytics of health", "deny; health: category_not_covered special_category_without_condition"},
};

/* --- what a hostile reader asks */
static const struct example hostile[] = {
    /* at the same instant the no stands, in whatever order it was learned */
    {"2026-10-01 newsletter given; 2026-10-05 newsletter withdrawn said 2026-10-01", "newsletter", "deny consent_withdrawn"},
    {"2026-10-01 newsletter withdrawn; 2026-10-05 newsletter given said 2026-10-01", "newsletter", "deny consent_withdrawn"},
    {"2026-10-01 newsletter objection_lifted; 2026-10-01 newsletter objected", "newsletter", "deny consent_missing objected"},
    {"2026-10-01 newsletter objected; 2026-10-02 newsletter objection_lifted said 2026-10-01; 2026-10-02 newsletter given", "newsletter", "deny objected"},
    {"2026-10-01 fulfilment ended; 2026-10-01 fulfilment opened", "fulfilment", "deny contract_ended"},
    {"2026-10-01 restricted; 2026-10-01 unrestricted", "safety", "deny processing_restricted"},
    /* back-dated: what was said earlier does not overtake what was said later */
    {"2026-10-03 newsletter withdrawn; 2026-10-05 newsletter given said 2026-10-01", "newsletter", "deny consent_withdrawn"},
    {"2026-10-03 newsletter given; 2026-10-05 newsletter withdrawn said 2026-10-01", "newsletter", "allow"},
    {"2026-10-03 safety objection_lifted agent; 2026-10-05 safety objected said 2026-10-01", "safety", "allow"},
    /* in the future: nothing is known of it yet */
    {"2026-10-01 newsletter given", "newsletter on 2036-01-01", "deny consent_expired retention_elapsed"},
    {"2026-10-01 newsletter given", "newsletter on 1970-01-01", "deny consent_missing"},
    /* the very millisecond */
    {"2026-10-01 newsletter given", "newsletter on 2028-09-30T23:59:59.999Z", "allow"},
    {"2026-10-01 newsletter given", "newsletter on 2028-10-01", "deny consent_expired retention_elapsed"}, /* expiry and retention at once */
    {"2026-10-01 emergency invoked agent", "emergency on 2026-10-03T23:59:59.999Z", "allow"},
    {"2026-10-01 emergency invoked agent", "emergency on 2026-10-04", "deny vital_interest_lapsed"},
    {"2026-10-01 emergency invoked agent; 2026-10-03 emergency invoked agent", "emergency on 2026-10-05T23:59:59.999Z", "allow"}, /* again, for itself */
    {"2026-10-01 emergency invoked agent; 2026-10-01 emergency ended", "emergency", "deny vital_interest_lapsed"},
    {"2026-10-05 emergency invoked agent said 2026-10-01", "emergency", "deny vital_interest_lapsed"}, /* told too late, it counts from when it was */
    {"2026-10-01 fraud informed", "fraud on 2027-02-10T23:59:59.999Z", "allow"},
    /* a restriction holds for every basis but storage, and does not lapse */
    {"2026-10-01 emergency invoked agent; 2026-10-02 restricted", "emergency", "deny processing_restricted"},
    {"2026-10-02 restricted", "bookkeeping storing", "allow"},
    {"2026-10-02 restricted", "bookkeeping on 2033-01-01", "deny processing_restricted"},
    {"2026-10-02 restricted; 2026-10-03 restricted; 2026-10-04 unrestricted", "safety", "allow"},
    /* no grant lifts an objection to direct marketing, nor does an agent's word that it is decided */
    {"2026-10-01 newsletter objected; 2026-10-02 newsletter renewed explicit agent", "newsletter", "deny objected"},
    {"2026-10-01 newsletter objected; 2026-10-02 newsletter objected agent; 2026-10-03 newsletter given", "newsletter", "deny objected"},
    /* no basis stands in for another */
    {"2026-10-01 newsletter withdrawn; 2026-10-02 fulfilment opened; 2026-10-02 fraud informed", "newsletter", "deny consent_withdrawn"},
    {"2026-10-01 fulfilment opened; 2026-10-02 fulfilment ended; 2026-10-03 newsletter given", "fulfilment of email", "deny contract_ended"},
    /* an unverified yes (the cookie of a browser) lifts no verified no, whatever comes between */
    {"2026-10-01 newsletter given; 2026-10-01 web sends " COOKIE_KNOWN "; 2026-10-02 newsletter withdrawn; 2026-10-03 web sends " COOKIE_YES, "newsletter",
     "deny consent_withdrawn"},
    {"2026-10-01 newsletter given; 2026-10-01 web sends " COOKIE_KNOWN "; 2026-10-02 web sends " COOKIE_NO, "newsletter", "deny consent_withdrawn"}, /* its no counts */
    {"2026-10-01 newsletter given; 2026-10-01 web sends " COOKIE_KNOWN "; 2026-10-02 web sends " COOKIE_NO "; 2026-10-03 web sends " COOKIE_YES, "newsletter", "allow"},
    /* erased: nothing is left to be said of it */
    {"2026-10-01 newsletter given; 2026-10-02 erase", "newsletter storing", "deny consent_missing subject_erased"},
    {"2026-10-01 newsletter given; 2026-10-02 erase; 2026-10-03 newsletter given", "newsletter", "allow"}, /* somebody new */
};

/* --- two who turn out to be one, and two again */
#define B "user_id:b"
#define PAGE_SAYS(word) "web sends {\"type\":\"track\",\"anonymousId\":\"a1\",\"event\":\"Segment Consent Preference Updated\",\"context\":{\"consent\":{\"categoryPreferences\":{\"Advertising\":" word "}}}}"
static const struct example joined[] = {
    /* a no of either holds for both, and is the one's own again */
    {"2026-10-01 newsletter given; 2026-10-01 newsletter objected on " B "; 2026-10-02 join " B, "newsletter", "deny objected"},
    {"2026-10-01 newsletter given; 2026-10-01 newsletter objected on " B "; 2026-10-02 join " B "; 2026-10-03 undo", "newsletter", "allow"},
    {"2026-10-01 newsletter given; 2026-10-02 restricted on " B "; 2026-10-03 join " B, "newsletter", "deny processing_restricted"},
    {"2026-10-01 newsletter given; 2026-10-02 restricted on " B "; 2026-10-03 join " B "; 2026-10-04 undo", "newsletter", "allow"},
    {"2026-10-01 newsletter given; 2026-10-02 safety objected on " B "; 2026-10-03 join " B, "safety", "deny objection_pending"},
    {"2026-10-01 newsletter given; 2026-10-02 safety objected on " B "; 2026-10-03 join " B "; 2026-10-04 safety objection_lifted agent", "safety", "allow"},
    /* the person's newer word stands, also where the two turn out to be one only later; the older does not */
    {"2026-10-01 newsletter given; 2026-10-02 safety objected on " B "; 2026-10-03 safety objection_lifted agent; 2026-10-04 join " B, "safety", "allow"},
    {"2026-10-01 newsletter given; 2026-10-02 safety objection_lifted agent; 2026-10-03 safety objected on " B "; 2026-10-04 join " B, "safety", "deny objection_pending"},
    {"2026-10-01 newsletter given; 2026-10-02 safety objected on " B "; 2026-10-03 join " B "; 2026-10-04 safety objection_lifted agent; 2026-10-05 undo", "safety", "allow"},
    /* of grants and refusals the latest stands, wherever it was said; at the same instant the refusal */
    {"2026-10-01 newsletter given on " B "; 2026-10-02 newsletter refused; 2026-10-03 join " B, "newsletter", "deny consent_refused"},
    {"2026-10-01 newsletter refused; 2026-10-02 newsletter given on " B "; 2026-10-03 join " B, "newsletter", "allow"},
    {"2026-10-01 newsletter refused; 2026-10-02 newsletter given on " B "; 2026-10-03 join " B "; 2026-10-04 undo", "newsletter", "deny consent_refused"},
    {"2026-10-01 newsletter given; 2026-10-01 newsletter refused on " B "; 2026-10-03 join " B, "newsletter", "deny consent_refused"},
    /* the yes of a cookie never lifts what was said surely, not by being joined either; its no counts */
    {"2026-10-01 newsletter refused; 2026-10-02 " PAGE_SAYS("true") "; 2026-10-03 join anonymous_id:a1", "newsletter", "deny consent_refused"},
    {"2026-10-01 newsletter refused; 2026-10-02 " PAGE_SAYS("true") "; 2026-10-03 join anonymous_id:a1; 2026-10-04 newsletter given", "newsletter", "allow"},
    {"2026-10-01 newsletter given; 2026-10-02 " PAGE_SAYS("false") "; 2026-10-03 join anonymous_id:a1", "newsletter", "deny consent_refused"},
    {"2026-10-01 newsletter given; 2026-10-02 " PAGE_SAYS("false") "; 2026-10-03 join anonymous_id:a1; 2026-10-04 undo", "newsletter", "allow"},
    /* what the others rest on is the person's, and each side's own again */
    {"2026-10-01 newsletter given; 2026-10-01 fulfilment opened on " B "; 2026-10-02 join " B, "fulfilment", "allow"},
    {"2026-10-01 newsletter given; 2026-10-01 fulfilment opened on " B "; 2026-10-02 join " B "; 2026-10-03 undo", "fulfilment", "deny contract_missing"},
    {"2026-10-01 newsletter given; 2026-10-01 emergency invoked agent on " B "; 2026-10-02 join " B, "emergency", "allow"},
    {"2026-10-01 newsletter given; 2026-10-01 emergency invoked agent on " B "; 2026-10-02 join " B, "emergency on 2026-10-04", "deny vital_interest_lapsed"},
    {"2026-10-01 newsletter given; 2026-10-01 fraud informed on " B "; 2026-10-02 join " B "; 2026-10-03 undo", "fraud", "deny not_informed"},
    /* what was said of the person while it was one stays with the identifier it was said on */
    {"2026-10-01 newsletter given; 2026-10-01 fulfilment opened on " B "; 2026-10-02 join " B "; 2026-10-03 newsletter withdrawn on " B "; 2026-10-04 undo", "newsletter", "allow"},
    {"2026-10-01 newsletter given; 2026-10-01 fulfilment opened on " B "; 2026-10-02 join " B "; 2026-10-03 newsletter withdrawn; 2026-10-04 undo", "newsletter",
     "deny consent_withdrawn"},
    /* of two ages the younger */
    {BORN_2010 "2026-10-02 newsletter given on " B "; 2026-10-03 join " B, "newsletter", "deny consent_guardian_required"},
    {BORN_2010 "2026-10-02 newsletter given on " B "; 2026-10-03 join " B "; 2026-10-04 undo", "newsletter", "deny consent_missing"},
};

/* --- Art. 44 to 49, from Hungary */
#define TRANSFERS                                                                                                      \
    CORE_CONTROLLER CORE_DATA                                                                                          \
        "transfers: { adequate: [CH, GB until 2027-06-27] }\n"                                                         \
        "purposes:\n  orders: { title: T, basis: public_task, law: a law, categories: [email, purchase], retention: P1Y after collected }\n"  \
        "  newsletter: { title: T, basis: consent, notice: newsletter, categories: [email], retention: P1Y after collected }\n"          \
        "destinations:\n"                                                                                              \
        "  home: { kind: webhook, purpose: orders, url: x }\n"                                                         \
        "  norway: { kind: webhook, purpose: orders, recipient: \"A (NO)\", url: x }\n"                                \
        "  swiss: { kind: webhook, purpose: orders, recipient: \"A (CH)\", url: x }\n"                                 \
        "  british: { kind: webhook, purpose: orders, recipient: \"A (GB)\", url: x }\n"                               \
        "  japan: { kind: webhook, purpose: orders, recipient: \"A (JP)\", url: x }\n"                                 \
        "  usa: { kind: webhook, purpose: orders, recipient: \"A (US)\", url: x }\n"                                   \
        "  certified: { kind: webhook, purpose: orders, recipient: \"A (US)\", url: x, safeguard: { kind: framework, document: dpf/a.pdf } }\n" \
        "  clauses: { kind: webhook, purpose: orders, recipient: \"A (CN)\", url: x, safeguard: { kind: scc, document: scc/a.pdf, dated: 2026-03-01, until: 2027-03-01 } }\n" \
        "  rules: { kind: webhook, purpose: orders, recipient: A, url: x, safeguard: { kind: bcr, document: bcr.pdf } }\n"       \
        "  named: { kind: webhook, purpose: orders, recipient: \"A (US)\", url: x, safeguard: clauses of 2021 }\n"     \
        "  nowhere: { kind: webhook, purpose: orders, recipient: A Ltd., url: x }\n"                                   \
        "  both: { kind: webhook, purpose: orders, recipient: \"A (GB)\", url: x, safeguard: { kind: scc, document: a.pdf, until: 2027-01-01 } }\n"
static const struct example transfers[] = {
    {"", "orders to home", "allow"},
    {"", "orders to norway", "allow"},
    {"", "orders to A", "allow"}, /* `rules`: called so without brackets */
    {"", "orders to A (US)", "deny transfer_without_safeguard"}, /* several are called so, and not all may get it */
    {"", "orders to swiss", "allow"},
    {"", "orders to british", "allow"},
    {"", "orders on 2027-06-26T23:59:59.999Z to british", "allow"},
    {"", "orders on 2027-06-27 to british", "deny transfer_without_safeguard"}, /* the decision's own end */
    {"", "orders to japan", "deny transfer_without_safeguard"}, /* this policy does not rely on that decision */
    {"", "orders to usa", "deny transfer_without_safeguard"},
    {"", "orders to certified", "allow"},
    {"", "orders on 2027-02-28T23:59:59.999Z to clauses", "allow"},
    {"", "orders on 2027-03-01 to clauses", "deny transfer_without_safeguard"},
    {"", "orders to rules", "allow"},
    {"", "orders to named", "allow"},
    {"", "orders to nowhere", "deny transfer_without_safeguard"},
    {"", "orders on 2027-03-01 to both", "allow"}, /* the clauses are over, the country is still adequate */
    {"", "orders on 2027-07-01 to both", "deny transfer_without_safeguard"},
    {"", "newsletter to usa", "deny recipient_not_declared consent_missing"},
};

/* --- reading the table */

static bool word(str *rest, str *ret_word)
{
    *rest = str_trim(*rest);
    if (str_empty(*rest))
        return false;
    str before = *rest;
    (void)str_split(rest, ' ', ret_word);
    return before.length > 0;
}

static int64_t day(str text)
{
    int64_t time_ms = 0;
    if (!time_parse(text, &time_ms)) {
        print_error("not a day: %.*s\n", STR_FMT(text));
        fail();
    }
    return time_ms;
}

static void said(struct world *world, str purpose, str status, str rest)
{
    struct consent record = {.by = SAID_BY_SELF};
    str each, subject = STR(ANNA);
    int64_t number;
    while (word(&rest, &each)) {
        str value = STR_NONE;
        if (str_equal(each, STR("explicit")))
            record.explicit_given = true;
        else if (str_equal(each, STR("guardian")))
            record.by = SAID_BY_GUARDIAN;
        else if (str_equal(each, STR("agent")))
            record.by = SAID_BY_AGENT;
        else if (str_equal(each, STR("said"))) {
            assert_true(word(&rest, &value));
            record.at_ms = day(value);
        } else if (str_equal(each, STR("on"))) {
            assert_true(word(&rest, &subject));
        } else {
            assert_true(word(&rest, &value) && str_to_int64(value, &number));
            record.notice_version = (uint32_t)number;
            if (str_equal(each, STR("notice")))
                record.notice = purpose;
        }
    }
    struct arena *arena = &world->arena;
    check_str(world_state(world, str_z(arena, subject), str_z(arena, purpose), str_z(arena, status), &record), "");
}

static void step(struct world *world, str text)
{
    str date, first, second;
    struct arena *arena = &world->arena;
    assert_true(word(&text, &date));
    assert_true(word(&text, &first));
    world->now_ms = day(date);
    world_sweep(world);
    if (str_equal(first, STR("restricted")) || str_equal(first, STR("unrestricted")))
        said(world, STR_NONE, first, text);
    else if (str_equal(first, STR("join")))
        check_str(world_join(world, ANNA, str_z(arena, str_trim(text))), "");
    else if (str_equal(first, STR("undo"))) {
        const struct person *person = world_person(world, ANNA);
        check_str(world_undo(world, person->merges.items[person->merges.count - 1].id), "");
    }
    else if (str_equal(first, STR("erase")))
        assert_true(world_erase(world, ANNA));
    else if (str_equal(first, STR("sweep")))
        world_sweep_all(world);
    else if (str_equal(first, STR("prefer")))
        check_str(world_prefer(world, ANNA, str_z(arena, text)), "");
    else {
        assert_true(word(&text, &second));
        if (str_equal(second, STR("sends")))
            (void)world_send(world, str_z(arena, first), str_z(arena, text));
        else if (str_equal(second, STR("gpc")))
            (void)world_send_gpc(world, str_z(arena, first), str_z(arena, text));
        else
            said(world, first, second, text);
    }
}

static struct question asked(struct world *world, str text)
{
    struct question question = {.at_ms = TIME_NONE, .known_ms = TIME_NONE, .operation = OPERATION_USE};
    str each, value;
    assert_true(word(&text, &question.purpose));
    while (word(&text, &each)) {
        if (str_equal(each, STR("storing"))) {
            question.operation = OPERATION_STORE;
            continue;
        }
        if (str_equal(each, STR("to"))) { /* to the end */
            question.recipient = str_trim(text);
            break;
        }
        assert_true(word(&text, &value));
        if (str_equal(each, STR("of")))
            *(str *)vec_push(&world->arena, &question.categories) = value;
        else if (str_equal(each, STR("by")))
            question.channel = value;
        else if (str_equal(each, STR("about")))
            question.topic = value;
        else if (str_equal(each, STR("on")))
            question.at_ms = day(value);
        else if (str_equal(each, STR("known")))
            question.known_ms = day(value);
        else
            fail();
        if (str_equal(each, STR("of")) && str_starts(str_trim(text), STR("to ")))
            continue;
    }
    question.now_ms = world->now_ms;
    return question;
}

static str answer_of(struct world *world, const struct decision *decision)
{
    struct buf buf;
    buf_init(&buf, &world->arena, 8192);
    buf_add(&buf, decision->allow ? STR("allow") : STR("deny"));
    if (decision->reasons)
        buf_printf(&buf, " %.*s", STR_FMT(world_reasons(world, decision->reasons)));
    if (decision->reasons & REASON_BIT(REASON_QUIET_HOURS))
        buf_printf(&buf, " until %.*s", STR_FMT(time_format(&world->arena, decision->allowed_from_ms)));
    vec_each (category, &decision->categories)
        if (category->reasons)
            buf_printf(&buf, "; %.*s: %.*s", STR_FMT(category->category), STR_FMT(world_reasons(world, category->reasons)));
    return buf_str(&buf);
}

static unsigned check_example(const char *policy, const struct example *example, reason_mask *seen)
{
    struct world world;
    struct decision decision;
    str rest = str_of(example->happened), part;
    world_begin(&world, policy);
    while (!str_empty(rest) && str_split(&rest, ';', &part))
        if (!str_empty(str_trim(part)))
            step(&world, part);
    struct question question = asked(&world, str_of(example->asked));
    gate_decide(&world.arena, world.policy, world_person(&world, ANNA), &question, &decision);
    str got = answer_of(&world, &decision);
    bool right = str_equal(got, str_of(example->answer));
    if (!right)
        print_error("%s | %s\n    wanted %s\n    got    %.*s\n", example->happened, example->asked, example->answer, STR_FMT(got));
    *seen |= decision.reasons;
    vec_each (category, &decision.categories)
        *seen |= category->reasons;
    world_end(&world);
    return right ? 0 : 1;
}

static reason_mask check_table_of(const char *policy, const struct example *examples, size_t count)
{
    reason_mask seen = 0;
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += check_example(policy, &examples[i], &seen);
    assert_int_equal(wrong, 0);
    return seen;
}

static reason_mask check_table(const struct example *examples, size_t count) { return check_table_of(CORE_POLICY, examples, count); }

static void data_leaves_only_where_it_is_safe(void **state)
{
    (void)state;
    (void)check_table_of(TRANSFERS, transfers, COUNT_OF(transfers));
}
static void a_new_notice_asks_again_after_its_grace(void **state)
{
    (void)state;
    (void)check_table(notices, COUNT_OF(notices));
}
static void special_categories_need_a_condition_of_their_own(void **state)
{
    (void)state;
    (void)check_table(special, COUNT_OF(special));
}
static void two_who_are_one_answer_for_both(void **state)
{
    (void)state;
    (void)check_table(joined, COUNT_OF(joined));
}
static void the_answers_to_a_hostile_reader(void **state)
{
    (void)state;
    (void)check_table(hostile, COUNT_OF(hostile));
}
static void the_policy_says_the_same_to_everyone(void **state)
{
    (void)state;
    (void)check_table(policy_says, COUNT_OF(policy_says));
}
static void consent_holds_until_it_falls(void **state)
{
    (void)state;
    (void)check_table(consent_holds, COUNT_OF(consent_holds));
}
static void a_child_consents_through_a_guardian(void **state)
{
    (void)state;
    (void)check_table(children_consent, COUNT_OF(children_consent));
}
static void the_other_bases_hold_until_they_fall(void **state)
{
    (void)state;
    (void)check_table(other_bases_hold, COUNT_OF(other_bases_hold));
}
static void hard_stops_beat_every_basis(void **state)
{
    (void)state;
    (void)check_table(cuts_across, COUNT_OF(cuts_across));
}
static void lawful_is_not_yet_welcome(void **state)
{
    (void)state;
    (void)check_table(welcome, COUNT_OF(welcome));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_policy_says_the_same_to_everyone), cmocka_unit_test(consent_holds_until_it_falls),
        cmocka_unit_test(the_other_bases_hold_until_they_fall), cmocka_unit_test(hard_stops_beat_every_basis),
        cmocka_unit_test(lawful_is_not_yet_welcome), cmocka_unit_test(a_child_consents_through_a_guardian),
        cmocka_unit_test(data_leaves_only_where_it_is_safe),
        cmocka_unit_test(a_new_notice_asks_again_after_its_grace),
        cmocka_unit_test(special_categories_need_a_condition_of_their_own),
        cmocka_unit_test(the_answers_to_a_hostile_reader), cmocka_unit_test(two_who_are_one_answer_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
