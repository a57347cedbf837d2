/* Consent signals through the core: what strings on messages and by request change for a person, and what they do not. */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"
#include "signal_make.h"

static struct world world;

#define SIGNAL_POLICY                                                                                                  \
    CORE_CONTROLLER CORE_DATA                                                                                          \
        "purposes:\n"                                                                                                  \
        "  ads:     { title: T, basis: consent, notice: privacy, categories: [behaviour], tcf: [1, 3, 4], consent_mode: [ad_user_data, ad_personalization], retention: P1Y after collected }\n" \
        "  stats:   { title: T, basis: consent, notice: privacy, categories: [behaviour], tcf: [9], tcf_custom: [2], consent_mode: analytics_storage, retention: P1Y after collected }\n" \
        "  measure: { title: T, basis: legitimate_interest, interest: knowing, balancing_test: lia.pdf@2026-02-11, categories: [behaviour], tcf: [7], retention: P1Y after collected }\n" \
        "  sell:    { title: T, basis: legitimate_interest, interest: money, balancing_test: lia.pdf@2026-02-11, categories: [behaviour], gpp: [sale, sharing], gpc: true, retention: P1Y after collected }\n" \
        "sources:\n"                                                                                                   \
        "  web:  { kind: website, key_env: NONE_1, purposes: [ads, stats, measure], when_denied: drop }\n"             \
        "  us:   { kind: website, key_env: NONE_2, purposes: [sell], when_denied: drop, jurisdiction: US-CA }\n"       \
        "  deaf: { kind: website, key_env: NONE_3, purposes: [ads, sell], when_denied: drop, signals: [gpc] }\n"       \
        "destinations:\n"                                                                                              \
        "  reach: { kind: webhook, purpose: ads, tcf_vendor: 755, recipient: \"Reach Kft. (processor, HU)\", url: \"http://127.0.0.1:1/\" }\n" \
        "signals: { Advertising: ads }\n"                                                                              \
        "identity:\n  keys:\n    email: { normalise: email, category: email }\n"

#define ANNA "user_id:anna"
#define DAY_2026_09_01 INT64_C(1788220800000)
#define ADS (TCF_BIT(1) | TCF_BIT(3) | TCF_BIT(4))

static int set_up(void **state)
{
    (void)state;
    world_begin(&world, SIGNAL_POLICY);
    world_at(&world, "2026-09-10T10:00:00Z");
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

static const char *tc(const struct tc_make *make) { return str_z(&world.arena, tc_make(&world.arena, make)); }

/* A page with this in its `context.consent`. */
static struct message_result *page_as(const char *source, const char *who, const char *consent)
{
    world_later(&world, "PT1M");
    return world_send(&world, source, arena_printf(&world.arena, "{\"type\":\"page\",%s,\"properties\":{\"page\":\"/\"},\"context\":{\"consent\":{%s}}}", who, consent));
}
static struct message_result *page(const char *consent) { return page_as("web", "\"userId\":\"anna\",\"anonymousId\":\"hers\"", consent); }
static struct message_result *page_tcf(const struct tc_make *make) { return page(arena_printf(&world.arena, "\"tcf\":\"%s\"", tc(make))); }

static size_t records(const char *subject)
{
    const struct person *person = world_person(&world, subject);
    return person ? person->consents.count : 0;
}

static str newest_of(const char *subject, const char *purpose, bool vendor)
{
    const struct person *person = world_person(&world, subject);
    const struct consent *found = NULL;
    for (size_t i = 0; person && i < person->consents.count; i++)
        if (str_equal(person->consents.items[i].purpose, str_of(purpose)) && status_is_vendor(person->consents.items[i].status) == vendor)
            found = &person->consents.items[i];
    return found ? str_printf(&world.arena, "%s %.*s", consent_status_name(found->status), STR_FMT(found->method)) : STR("nothing");
}

/* "status method" of the newest record about the purpose. */
static str newest(const char *subject, const char *purpose) { return newest_of(subject, purpose, false); }

static str decided(const char *subject, const char *purpose, const char *recipient)
{
    struct question question = {.purpose = str_of(purpose), .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms,
                                .recipient = str_of(recipient)};
    struct decision decision;
    gate_decide(&world.arena, world.policy, world_person(&world, subject), &question, &decision);
    return decision.allow ? STR("allow") : world_reasons(&world, decision.reasons);
}

static int64_t decided_until_ms(const char *subject, const char *purpose, const char *recipient)
{
    struct question question = {.purpose = str_of(purpose), .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = world.now_ms,
                                .recipient = str_of(recipient)};
    struct decision decision;
    gate_decide(&world.arena, world.policy, world_person(&world, subject), &question, &decision);
    assert_true(decision.allow);
    return decision.valid_until_ms;
}

static struct tc_make ads_make(void)
{
    return (struct tc_make){.day_ms = DAY_2026_09_01, .consent = ADS, .own_consent = ADS, .own_interest = TCF_BIT(7), .custom_count = 3, .vendor = 755,
                            .disclosed = 755};
}

/* --- TCF */

static void the_publishers_segment_speaks_for_the_operators_own_purposes(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    const struct message_result *result = page_tcf(&make);
    check_str(world_purposes(&world, result->purposes), "ads measure");
    check_str(newest(ANNA, "ads"), "given tcf");
    check_str(newest(ANNA, "stats"), "refused tcf");
    const struct person *person = world_person(&world, ANNA);
    check_str(person->consents.items[0].signal, tc(&make));
    check_str(person->consents.items[0].reference, "decoder tcf/1");
    assert_int_equal(person->consents.items[0].expires_ms, time_add(DAY_2026_09_01, (struct duration){.months = 13})); /* as the choice, not as the message */
}

static void without_the_publishers_segment_nothing_is_said(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    make.no_publisher = true;
    const struct message_result *result = page_tcf(&make);
    check_str(world_purposes(&world, result->purposes), "");
    check_str(newest(ANNA, "measure"), "nothing");
    assert_true(result->reasons & REASON_BIT(REASON_INDETERMINATE));
}

static void each_purpose_of_a_list_must_be_agreed_to(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    make.own_consent = TCF_BIT(1) | TCF_BIT(3);
    (void)page_tcf(&make);
    check_str(newest(ANNA, "ads"), "refused tcf");
    make = ads_make();
    make.own_consent |= TCF_BIT(9);
    make.custom_consent = 1; /* custom purpose 1, not 2 */
    (void)page_as("web", "\"userId\":\"bela\"", arena_printf(&world.arena, "\"tcString\":\"%s\"", tc(&make)));
    check_str(newest("user_id:bela", "stats"), "refused tcf");
    make.custom_consent = 2;
    (void)page_as("web", "\"userId\":\"bela\"", arena_printf(&world.arena, "\"tcf\":{\"tcString\":\"%s\",\"gdprApplies\":true}", tc(&make)));
    check_str(newest("user_id:bela", "stats"), "given tcf");
}

static void a_repeated_string_is_no_new_statement(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_tcf(&make);
    size_t before = records(ANNA);
    (void)page_tcf(&make);
    (void)page_tcf(&make);
    assert_int_equal(records(ANNA), before);
    check_str(world_state(&world, ANNA, "ads", "withdrawn", NULL), "");
    (void)page_tcf(&make); /* a device that still holds the old yes */
    check_str(decided(ANNA, "ads", ""), "consent_withdrawn");
    make.day_ms = DAY_2026_09_01 + 9 * DAY_MS; /* the same day: it may be older than the withdrawal */
    (void)page_tcf(&make);
    check_str(decided(ANNA, "ads", ""), "consent_withdrawn");
    world_later(&world, "P3D");
    make.day_ms = DAY_2026_09_01 + 12 * DAY_MS; /* chosen since */
    (void)page_tcf(&make);
    check_str(decided(ANNA, "ads", ""), "allow");
}

static void a_no_in_a_string_withdraws(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_tcf(&make);
    make.own_consent = 0;
    (void)page_tcf(&make);
    check_str(newest(ANNA, "ads"), "withdrawn tcf");
    make.own_consent = ADS; /* the same device says yes again */
    (void)page_tcf(&make);
    check_str(newest(ANNA, "ads"), "given tcf");
}

static void what_cannot_be_believed_stops_the_message_and_changes_nothing(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_tcf(&make);
    size_t before = records(ANNA);
    struct tc_make bad[] = {make, make, make, make};
    bad[0].global = true;
    bad[1].policy_version = 3;
    bad[2].day_ms = DAY_2026_09_01 + 30 * DAY_MS; /* made in the future */
    bad[3].no_disclosed = true;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_str(world_purposes(&world, page_tcf(&bad[i])->purposes), "");
    static const char *const broken[] = {"\"tcf\":\"\"", "\"tcf\":7", "\"tcf\":{}", "\"tcf\":\"CPX\"",
                                         "\"tcf\":{\"tcString\":\"CPX\",\"eventStatus\":\"cmpuishown\"}"};
    for (size_t i = 0; i < COUNT_OF(broken); i++)
        check_str(world_purposes(&world, page(broken[i])->purposes), "");
    assert_int_equal(records(ANNA), before);
    check_str(world_purposes(&world, page("\"tcf\":{\"tcString\":\"CPX\",\"gdprApplies\":false}")->purposes), "ads measure"); /* it says nothing */
}

static void a_string_runs_out_after_as_long_as_a_consent_lives(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    make.day_ms = DAY_2026_09_01 - 400 * DAY_MS;
    check_str(world_purposes(&world, page_tcf(&make)->purposes), "measure");
    check_str(newest(ANNA, "ads"), "nothing");
}

static void an_interest_that_is_not_transparent_counts_as_objected_to(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    make.own_interest = 0;
    (void)page_tcf(&make);
    check_str(newest(ANNA, "measure"), "objected tcf");
    make.own_interest = TCF_BIT(7);
    (void)page_tcf(&make);
    check_str(newest(ANNA, "measure"), "objection_lifted tcf");
    check_str(decided(ANNA, "measure", ""), "allow");
    check_str(world_state(&world, ANNA, "measure", "objected", NULL), "");
    (void)page_tcf(&make); /* what a person said elsewhere no string takes back */
    assert_true(world_person(&world, ANNA) && str_starts(decided(ANNA, "measure", ""), STR("objection_pending")));
}

static void of_two_signals_the_no_counts(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page(arena_printf(&world.arena, "\"tcf\":\"%s\",\"categoryPreferences\":{\"Advertising\":false}", tc(&make)));
    check_str(newest(ANNA, "ads"), "refused signal");
    (void)page_as("web", "\"userId\":\"bela\"", arena_printf(&world.arena, "\"tcf\":\"CPX\",\"categoryPreferences\":{\"Advertising\":true}"));
    check_str(newest("user_id:bela", "ads"), "nothing");
}

/* --- vendors */

static void a_vendor_is_sent_only_what_a_string_lets_it_have(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    check_str(world_state(&world, ANNA, "ads", "given", NULL), "");
    check_str(decided(ANNA, "ads", "reach"), "vendor_not_permitted"); /* no string was ever seen */
    make.disclosed = 8;
    (void)page_tcf(&make);
    check_str(decided(ANNA, "ads", "reach"), "vendor_not_permitted");
    make.disclosed = 755;
    (void)page_tcf(&make);
    check_str(decided(ANNA, "ads", "reach"), "allow");
    check_str(newest_of(ANNA, "ads", true), "vendor_permitted tcf");
    size_t before = records(ANNA);
    (void)page_tcf(&make);
    assert_int_equal(records(ANNA), before);
    make.restrict_purpose = 3; /* the publisher forbids it since */
    make.restrict_vendor = 755;
    (void)page_tcf(&make);
    check_str(decided(ANNA, "ads", "reach"), "vendor_not_permitted");
    check_str(decided(ANNA, "ads", ""), "allow"); /* it is about that vendor alone */
    world_later(&world, "P2Y");
    check_str(decided(ANNA, "ads", "reach"), "consent_expired vendor_not_permitted");
}

static void a_decision_about_a_vendor_ends_with_what_permits_it(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_tcf(&make);
    int64_t permitted_until_ms = decided_until_ms(ANNA, "ads", "reach");
    world_later(&world, "P1M");
    check_str(world_state(&world, ANNA, "ads", "renewed", NULL), "");
    assert_true(decided_until_ms(ANNA, "ads", "") > permitted_until_ms); /* the consent lives on */
    assert_int_equal(decided_until_ms(ANNA, "ads", "reach"), permitted_until_ms);
    world.now_ms = permitted_until_ms - 1;
    check_str(decided(ANNA, "ads", "reach"), "allow");
    world.now_ms = permitted_until_ms;
    check_str(decided(ANNA, "ads", "reach"), "vendor_not_permitted");
    check_str(decided(ANNA, "ads", ""), "allow");
}

static size_t deliveries(const char *subject, enum delivery_kind kind, enum delivery_state state)
{
    size_t count = 0;
    vec_each (delivery, &world_person(&world, subject)->deliveries)
        count += delivery->kind == kind && delivery->state == state;
    return count;
}

static void what_waits_for_a_vendor_is_cancelled_when_it_may_no_longer(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_tcf(&make);
    assert_int_equal(deliveries(ANNA, DELIVERY_EVENT, DELIVERY_PENDING), 1);
    struct person *person = world_person(&world, ANNA);
    person->deliveries.items[0].attempts = 1; /* an answer got lost */
    make.vendor = 0;
    (void)page_tcf(&make);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1);
    assert_int_equal(deliveries(ANNA, DELIVERY_EVENT, DELIVERY_CANCELLED), 1);
}

static void sent_to_reach(void)
{
    struct person *person = world_person(&world, ANNA);
    *(struct disclosure *)vec_push(&world.arena, &person->disclosures) =
        (struct disclosure){.profile = person->root, .destination = STR("reach"), .purpose = STR("ads"), .first_ms = world.now_ms, .last_ms = world.now_ms, .count = 1};
    vec_each (delivery, &person->deliveries)
        delivery->state = DELIVERY_DELIVERED;
}

/* The string's permission runs out 13 months after its day, though the consent itself was renewed by other means. */
static void what_a_vendor_was_sent_is_called_back_when_its_permission_runs_out(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_tcf(&make);
    sent_to_reach();
    world_later(&world, "P300D");
    check_str(world_state(&world, ANNA, "ads", "renewed", NULL), "");
    world_sweep_all(&world); /* which works out anew when to look again */
    world_at(&world, "2027-10-01T00:00:00Z");
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 0);
    world_sweep(&world);
    check_str(decided(ANNA, "ads", ""), "allow");
    check_str(decided(ANNA, "ads", "reach"), "vendor_not_permitted");
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1);
    world_sweep_all(&world);
    assert_int_equal(deliveries(ANNA, DELIVERY_RECALL, DELIVERY_PENDING), 1); /* once */
}

static void who_joins_somebody_that_forbade_a_vendor_is_called_back_from_it_too(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    const char *other = "\"anonymousId\":\"laptop\"";
    (void)page_tcf(&make);
    sent_to_reach();
    (void)page_as("web", other, arena_printf(&world.arena, "\"tcf\":\"%s\"", tc(&make)));
    make.vendor = 0;
    (void)page_as("web", other, arena_printf(&world.arena, "\"tcf\":\"%s\"", tc(&make)));
    check_str(world_join(&world, ANNA, "anonymous_id:laptop"), "");
    check_str(decided(ANNA, "ads", "reach"), "vendor_not_permitted");
    size_t recalls = 0;
    vec_each (delivery, &world_person(&world, ANNA)->deliveries)
        recalls += delivery->kind == DELIVERY_RECALL && delivery->state == DELIVERY_PENDING;
    assert_int_equal(recalls, 1);
}

/* --- the United States */

#define CALIFORNIA_OUT "\"gpp\":\"DBABBg~BQUAAABA\""
#define CALIFORNIA_IN "\"gpp\":\"DBABBg~BQoAAABA\""
#define CALIFORNIA_GPC "\"gpp\":{\"gppString\":\"DBABBg~BQoAAABA.YA\"}"

static void an_opt_out_of_a_sale_counts_and_travels_through_the_identity_graph(void **state)
{
    (void)state;
    check_str(world_purposes(&world, page_as("us", "\"anonymousId\":\"phone\"", "\"x\":1")->purposes), "sell");
    (void)page_as("us", "\"anonymousId\":\"laptop\"", CALIFORNIA_OUT);
    check_str(newest("anonymous_id:laptop", "sell"), "opted_out gpp");
    check_str(world_purposes(&world, page_as("us", "\"anonymousId\":\"laptop\"", "\"x\":1")->purposes), "");
    check_str(decided("anonymous_id:phone", "sell", ""), "allow");
    check_str(world_join(&world, "anonymous_id:phone", "anonymous_id:laptop"), "");
    check_str(decided("anonymous_id:phone", "sell", ""), "opted_out_by_signal");
    assert_int_equal(world_alive_events(world_person(&world, "anonymous_id:phone")), 0);
}

static void only_the_signal_that_opted_out_takes_it_back(void **state)
{
    (void)state;
    (void)page_as("us", "\"anonymousId\":\"a\"", CALIFORNIA_OUT);
    (void)page_as("us", "\"anonymousId\":\"a\"", CALIFORNIA_IN);
    check_str(newest("anonymous_id:a", "sell"), "objection_lifted gpp");
    check_str(decided("anonymous_id:a", "sell", ""), "allow");
    (void)page_as("us", "\"anonymousId\":\"a\"", CALIFORNIA_OUT);
    world_later(&world, "PT1M");
    (void)world_send_gpc(&world, "us", "{\"type\":\"page\",\"anonymousId\":\"a\",\"properties\":{\"page\":\"/\"}}");
    check_str(newest("anonymous_id:a", "sell"), "opted_out gpc"); /* a word of its own */
    (void)page_as("us", "\"anonymousId\":\"a\"", CALIFORNIA_IN);
    check_str(decided("anonymous_id:a", "sell", ""), "opted_out_by_signal");
}

/* Each device speaks for itself until the person does. */
static void what_gpp_took_back_on_one_device_does_not_take_back_what_another_said_when_they_turn_out_to_be_one(void **state)
{
    (void)state;
    (void)page_as("us", "\"anonymousId\":\"laptop\"", CALIFORNIA_OUT);
    world_later(&world, "PT1M");
    (void)page_as("us", "\"anonymousId\":\"phone\"", CALIFORNIA_OUT);
    world_later(&world, "PT1M");
    (void)page_as("us", "\"anonymousId\":\"phone\"", CALIFORNIA_IN);
    check_str(decided("anonymous_id:phone", "sell", ""), "allow");
    check_str(world_join(&world, "anonymous_id:phone", "anonymous_id:laptop"), "");
    check_str(decided("anonymous_id:phone", "sell", ""), "opted_out_by_signal");
    world_later(&world, "PT1M");
    (void)page_as("us", "\"anonymousId\":\"laptop\"", CALIFORNIA_IN); /* now nothing else stands */
    check_str(decided("anonymous_id:phone", "sell", ""), "allow");
}

static void a_message_that_names_two_people_takes_back_nothing(void **state)
{
    (void)state;
    const char *both = "\"userId\":\"u\",\"anonymousId\":\"b\"";
    (void)page_as("us", "\"anonymousId\":\"b\"", CALIFORNIA_OUT);
    world_later(&world, "PT1M");
    (void)page_as("us", "\"userId\":\"u\"", CALIFORNIA_OUT);
    world_later(&world, "PT1M");
    (void)page_as("us", both, CALIFORNIA_IN); /* the account's own word alone is looked at; the browser's would go with it */
    check_str(decided("user_id:u", "sell", ""), "opted_out_by_signal");
    (void)page_as("us", both, CALIFORNIA_IN);
    check_str(decided("user_id:u", "sell", ""), "opted_out_by_signal"); /* they are one now, and the browser's word is another's */
    check_str(decided("anonymous_id:b", "sell", ""), "opted_out_by_signal");
}

static void gpc_within_gpp_counts_and_an_unreadable_section_stops(void **state)
{
    (void)state;
    (void)page_as("us", "\"anonymousId\":\"a\"", CALIFORNIA_GPC);
    check_str(newest("anonymous_id:a", "sell"), "opted_out gpp");
    check_str(world_purposes(&world, page_as("us", "\"anonymousId\":\"b\"", "\"gpp\":\"DBABBg~B_UAAABA\"")->purposes), "");
    check_str(newest("anonymous_id:b", "sell"), "nothing");
    check_str(world_purposes(&world, page_as("us", "\"anonymousId\":\"c\"", "\"uspString\":\"1YYN\"")->purposes), "");
    check_str(newest("anonymous_id:c", "sell"), "opted_out gpp");
    check_str(world_purposes(&world, page_as("us", "\"anonymousId\":\"d\"", "\"uspString\":\"1YNN\"")->purposes), "sell");
    check_str(world_purposes(&world, page_as("us", "\"anonymousId\":\"e\"", "\"gpc\":true")->purposes), "");
    check_str(newest("anonymous_id:e", "sell"), "opted_out gpc");
}

/* --- Consent Mode, sources */

static void consent_mode_needs_each_of_its_keys(void **state)
{
    (void)state;
    (void)page("\"consentMode\":{\"ad_user_data\":\"granted\"}");
    check_str(newest(ANNA, "ads"), "nothing");
    (void)page("\"gcs\":\"G111\",\"gcd\":\"11p1r1r1r5\"");
    check_str(newest(ANNA, "ads"), "given consent_mode");
    check_str(newest(ANNA, "stats"), "given consent_mode");
    size_t before = records(ANNA);
    check_str(world_purposes(&world, page("\"gcd\":\"11p1p1p1p5\"")->purposes), "measure"); /* not chosen yet: denied, no refusal */
    assert_int_equal(records(ANNA), before);
    (void)page("\"consentMode\":{\"ad_user_data\":\"denied\",\"ad_personalization\":\"granted\"}");
    check_str(newest(ANNA, "ads"), "withdrawn consent_mode");
}

static void a_source_hears_only_what_the_policy_lets_it_hear(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    (void)page_as("deaf", "\"userId\":\"anna\"", arena_printf(&world.arena, "\"tcf\":\"%s\"", tc(&make)));
    check_str(newest(ANNA, "ads"), "nothing");
}

/* --- by request */

static struct request *ask(const char *subject, enum signal_kind kind, const char *json)
{
    struct request *request = arena_new(&world.arena, struct request);
    world_later(&world, "PT1M");
    *request = (struct request){.kind = REQUEST_SIGNAL, .subject = world_identifier(&world, subject), .value = str_of(json)};
    request->signal = (struct signal_ask){.kind = kind, .at_ms = world.now_ms};
    return request;
}

static str answered(struct request *request)
{
    struct buf out;
    world_apply(&world, request, 1);
    buf_init(&out, &world.arena, 65536);
    vec_each (said, &request->signal.said)
        buf_printf(&out, "%s%.*s %s%s%s", out.length ? ", " : "", STR_FMT(said->purpose), said->says, said->status == CONSENT_STATUS_COUNT ? "" : " ",
                   said->status == CONSENT_STATUS_COUNT ? "" : consent_status_name(said->status));
    return str_empty(request->refusal) ? buf_str(&out) : request->refusal;
}

static void a_request_says_what_became_of_each_purpose(void **state)
{
    (void)state;
    struct tc_make make = ads_make();
    const char *json = arena_printf(&world.arena, "\"%s\"", tc(&make));
    check_str(answered(ask(ANNA, SIGNAL_TCF, json)), "ads yes given, ads yes vendor_permitted, stats no refused, measure yes");
    check_str(answered(ask(ANNA, SIGNAL_TCF, json)), "ads yes, stats no, measure yes");
    check_str(world_state(&world, ANNA, "ads", "withdrawn", NULL), "");
    check_str(answered(ask(ANNA, SIGNAL_CATEGORIES, "{\"Advertising\":true}")), "ads yes");
    struct request *fresh = ask(ANNA, SIGNAL_CATEGORIES, "{\"Advertising\":true}");
    fresh->signal.fresh = true;
    check_str(answered(fresh), "ads yes given");
    check_str(answered(ask(ANNA, SIGNAL_TCF, "\"CPX\"")), "ads unreadable, stats unreadable, measure unreadable");
    struct request *narrow = ask("user_id:bela", SIGNAL_CATEGORIES, "{\"Advertising\":true}");
    const str none = STR("stats");
    narrow->signal.granted = &none;
    narrow->signal.granted_count = 1;
    check_str(answered(narrow), "ads yes");
    check_str(answered(ask("user_id:bela", SIGNAL_GPP, "\"DBABBg~BQUAAABA\"")), "sell opted_out opted_out");
    struct request *deaf = ask(ANNA, SIGNAL_TCF, json);
    deaf->signal.source = STR("deaf");
    check_str(answered(deaf), "the policy's `signals` of this source do not name this kind");
    assert_true(world_erase(&world, ANNA));
    check_str(answered(ask(ANNA, SIGNAL_TCF, json)), "the person was erased");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(the_publishers_segment_speaks_for_the_operators_own_purposes),
        CASE(without_the_publishers_segment_nothing_is_said),
        CASE(each_purpose_of_a_list_must_be_agreed_to),
        CASE(a_repeated_string_is_no_new_statement),
        CASE(a_no_in_a_string_withdraws),
        CASE(what_cannot_be_believed_stops_the_message_and_changes_nothing),
        CASE(a_string_runs_out_after_as_long_as_a_consent_lives),
        CASE(an_interest_that_is_not_transparent_counts_as_objected_to),
        CASE(of_two_signals_the_no_counts),
        CASE(a_vendor_is_sent_only_what_a_string_lets_it_have),
        CASE(a_decision_about_a_vendor_ends_with_what_permits_it),
        CASE(what_waits_for_a_vendor_is_cancelled_when_it_may_no_longer),
        CASE(what_a_vendor_was_sent_is_called_back_when_its_permission_runs_out),
        CASE(who_joins_somebody_that_forbade_a_vendor_is_called_back_from_it_too),
        CASE(an_opt_out_of_a_sale_counts_and_travels_through_the_identity_graph),
        CASE(only_the_signal_that_opted_out_takes_it_back),
        CASE(what_gpp_took_back_on_one_device_does_not_take_back_what_another_said_when_they_turn_out_to_be_one),
        CASE(a_message_that_names_two_people_takes_back_nothing),
        CASE(gpc_within_gpp_counts_and_an_unreadable_section_stops),
        CASE(consent_mode_needs_each_of_its_keys),
        CASE(a_source_hears_only_what_the_policy_lets_it_hear),
        CASE(a_request_says_what_became_of_each_purpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
