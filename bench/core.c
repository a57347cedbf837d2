/* core_apply alone, no store: messages a second on one core, and whether that stays flat from 10^3 to 10^7 people. The working set is made as
 * the engine would load it; making it, and reading the JSON, is not timed (reading has a line of its own). Processor time is counted, not the
 * clock's, for the question is what one core can do. Prints JSON lines; the reference is the aim, a million messages a second.
 *
 * usage: core [seconds for each line [which lines, by a part of their name]]
 */
#include "core/apply.h"
#include "model/key_class.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 1000, TEXTS = 512 };

static const char policy_text[] =
    "controller: { name: Bench Kft., country: HU, dpo: dpo@bench.example, regions: [EU] }\n"
    "categories:\n"
    "  email: { dpv: pd:EmailAddress, identifier: true }\n"
    "  purchase: { dpv: pd:PurchasesAndSpendingHabit }\n"
    "  behaviour: { dpv: pd:Behavioural }\n"
    "  device: { dpv: pd:DeviceBased }\n"
    "  page: { dpv: pd:Behavioural }\n"
    "  search: { dpv: pd:Behavioural }\n"
    "fields:\n"
    "  traits.email: email\n"
    "  properties.products[*]: purchase\n"
    "  properties.total: purchase\n"
    "  context.device.*: device\n"
    "  context.userAgent: device\n"
    "  context.page: page\n"
    "  properties.query: search\n"
    "  default: behaviour\n"
    "notices:\n"
    "  site: { version: 1, effective: 2026-01-01, languages: { en: site.md } }\n"
    "purposes:\n"
    "  service: { title: Run the site, basis: legitimate_interest, interest: running the site, balancing_test: lia/site.pdf@2026-01-01, notice: site, categories: [email, behaviour, page, search, device, purchase], retention: P5Y after collected }\n"
    "  newsletter: { title: Send offers, basis: consent, notice: site, categories: [email, behaviour, page, search, device, purchase], retention: P2Y after last_seen }\n"
    "  research: { title: Learn, basis: consent, notice: site, categories: [behaviour], retention: P1Y after last_seen }\n"
    "  fulfilment: { title: Deliver, basis: contract, contract: terms, opened_by: [Order Completed], categories: [email, purchase], retention: P5Y after contract_end }\n"
    "  bookkeeping: { title: Invoices, basis: legal_obligation, law: a law, categories: [purchase], retention: P8Y after collected }\n"
    "  fraud: { title: Prevent fraud, basis: legitimate_interest, interest: no fraud, balancing_test: lia/fraud.pdf@2026-02-11, notice: site, categories: [device, purchase], retention: P1Y after collected }\n"
    "sources:\n"
    "  web: { kind: website, key_env: NONE_1, purposes: [service, newsletter], when_denied: drop, informs: [site] }\n"
    "  narrow: { kind: website, key_env: NONE_3, purposes: [research, fraud], when_denied: drop, informs: [site] }\n"
    "  shop: { kind: website, key_env: NONE_2, purposes: [service, newsletter, research, fulfilment, bookkeeping, fraud], when_denied: drop, informs: [site] }\n"
    "destinations:\n"
    "  mailer: { kind: webhook, purpose: newsletter, channel: email, recipient: \"Posta Kft. (processor, HU)\", url: \"http://127.0.0.1:1/\", events: [Order Completed] }\n"
    "signals: { Advertising: newsletter }\n";

struct bench {
    struct arena lasting, batch;
    struct policy *policy;
    struct id_source ids;
    int64_t now_ms;
    struct message messages[TEXTS];
    uint64_t people;
};

static void die(const char *what)
{
    fprintf(stderr, "core: %s\n", what);
    exit(1);
}

static struct policy *policy_make(struct arena *arena)
{
    struct map notices;
    struct policy *policy = NULL;
    policy_problems problems = {0};
    str content = STR("What the site does with data.");
    map_init(&notices, arena);
    map_set(&notices, STR("site.md"), &content);
    struct policy_input input = {.text = STR(policy_text), .notices = &notices};
    if (policy_load(arena, &input, &policy, &problems))
        die(str_z(arena, policy_problems_text(arena, "policy", &problems)));
    policy->version = 1;
    return policy;
}

/* A message of the usual size, some 600 bytes. */
static str message_text(struct arena *arena, unsigned number, bool order)
{
    return str_printf(arena,
                      "{\"messageId\":\"ajs-next-%u-0123456789abcdef\",\"timestamp\":\"2026-11-24T16:30:00.123Z\",\"type\":\"track\",\"userId\":\"u\","
                      "\"anonymousId\":\"a\",\"event\":\"%s\",\"properties\":{\"sku\":\"B-%u\",\"name\":\"City bicycle 28\\\"\","
                      "\"category\":\"bicycles\",\"position\":%u,\"list\":\"search results\",\"query\":\"city bicycle\"%s},"
                      "\"context\":{\"library\":{\"name\":\"analytics.js\",\"version\":\"next-1.84.0\"},\"locale\":\"hu-HU\","
                      "\"page\":{\"path\":\"/bicycles\",\"referrer\":\"\",\"search\":\"?q=city\",\"title\":\"Duna Bolt\",\"url\":\"https://dunabolt.example/bicycles?q=city\"},"
                      "\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\"}}",
                      number, order ? "Order Viewed" : "Product Viewed", number, number % 40,
                      order ? ",\"total\":12990,\"products\":[{\"sku\":\"B-1\",\"price\":12990}]" : "");
}

static void message_make(struct bench *bench, struct message *message, const char *source, unsigned number, bool order)
{
    struct json *body = arena_new(&bench->lasting, struct json);
    struct message_result result = {0};
    if (json_read(&bench->lasting, message_text(&bench->lasting, number, order), body))
        die("a message cannot be read");
    *message = (struct message){.source = policy_source(bench->policy, str_of(source)), .received_ms = bench->now_ms, .sent_ms = TIME_NONE};
    if (!core_read_message(&bench->lasting, bench->policy, body, NULL, EVENT_TYPE_COUNT, message, &result))
        die("a message is refused");
}

static identifier_hash hash_make(uint64_t person, unsigned which)
{
    identifier_hash hash;
    uint64_t bits = (person * 2 + which + 1) * UINT64_C(0x9e3779b97f4a7c15);
    bits ^= bits >> 29;
    memcpy(hash.bytes, &bits, sizeof bits);
    bits *= UINT64_C(0xbf58476d1ce4e5b9);
    memcpy(hash.bytes + 8, &bits, sizeof bits);
    return hash;
}

/* Somebody known for a while, who agreed to the newsletter. */
static struct person *person_load(struct bench *bench, uint64_t number)
{
    struct arena *arena = &bench->batch;
    struct person *person = arena_new(arena, struct person);
    int64_t then_ms = bench->now_ms - 100 * DAY_MS, today_ms = bench->now_ms - bench->now_ms % DAY_MS;
    *person = (struct person){.root = {number + 1}, .loaded = PERSON_HEAD | PERSON_HELD};
    struct profile *profile = vec_push(arena, &person->profiles);
    *profile = (struct profile){.number = person->root, .root = person->root, .created_ms = then_ms, .erased_ms = TIME_NONE,
                                .due_ms = bench->now_ms + 300 * DAY_MS, .identifier_next = 3};
    memcpy(profile->id.bytes, &number, sizeof number);
    for (unsigned i = 0; i < 2; i++)
        *(struct identifier *)vec_push(arena, &person->identifiers) =
            (struct identifier){.profile = person->root, .number = i + 1, .type = i ? STR("anonymous_id") : STR("user_id"), .hash = hash_make(number, i),
                                .value = i ? STR("a") : STR("u"), .purposes = 3, .verified = !i, .first_seen_ms = then_ms, .last_seen_ms = today_ms};
    *(struct consent *)vec_push(arena, &person->consents) =
        (struct consent){.profile = person->root, .identifier = 1, .purpose = STR("newsletter"), .status = CONSENT_GIVEN, .verified = true,
                         .notice = STR("site"), .notice_version = 1, .at_ms = then_ms, .known_ms = then_ms, .expires_ms = then_ms + 390 * DAY_MS};
    *(struct consent *)vec_push(arena, &person->consents) =
        (struct consent){.profile = person->root, .identifier = 1, .purpose = STR("service"), .status = CONSENT_INFORMED, .notice = STR("site"),
                         .notice_version = 1, .at_ms = then_ms, .known_ms = then_ms, .expires_ms = TIME_FOREVER};
    *(struct consent *)vec_push(arena, &person->consents) =
        (struct consent){.profile = person->root, .identifier = 1, .purpose = STR("fraud"), .status = CONSENT_INFORMED, .notice = STR("site"),
                         .notice_version = 1, .at_ms = then_ms, .known_ms = then_ms, .expires_ms = TIME_FOREVER};
    return person;
}

static void batch_load(struct bench *bench, struct batch *batch, struct request *requests)
{
    struct arena *arena = &bench->batch;
    struct map known;
    arena_clear(arena);
    map_init(&known, arena);
    *batch = (struct batch){.arena = arena, .policy = bench->policy, .ids = &bench->ids, .now_ms = bench->now_ms, .profile_next = bench->people + 1,
                            .requests = requests, .request_count = BATCH};
    for (unsigned i = 0; i < BATCH; i++) {
        uint64_t number = id_random(&bench->ids) % bench->people, *key = arena_new(arena, uint64_t);
        *key = number;
        struct person *person = map_get(&known, str_bytes(key, sizeof *key));
        if (!person) {
            person = person_load(bench, number);
            map_set(&known, str_bytes(key, sizeof *key), person);
            *(struct person **)vec_push(arena, &batch->persons) = person;
        }
        requests[i] = (struct request){.kind = REQUEST_MESSAGE, .message = bench->messages[id_random(&bench->ids) % TEXTS]};
        struct message *message = &requests[i].message;
        message->id = id_next(&bench->ids, bench->now_ms);
        message->identifiers = arena_array(arena, struct message_identifier, message->identifier_count);
        memcpy(message->identifiers, bench->messages[0].identifiers, message->identifier_count * sizeof *message->identifiers);
        for (unsigned j = 0; j < message->identifier_count; j++)
            message->identifiers[j].hash = hash_make(number, j);
    }
}

static int64_t processor_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now); /* cannot fail for this clock */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void line(const char *name, double ours, double reference, const char *unit)
{
    printf("{\"name\":\"%s\",\"ours\":%.0f,\"reference\":%.0f,\"ratio\":%.3f,\"unit\":\"%s\"}\n", name, ours, reference, ours / reference, unit);
    fflush(stdout);
}

static double apply_run(struct bench *bench, double seconds)
{
    static struct request requests[BATCH];
    struct batch batch;
    int64_t spent_us = 0, done = 0;
    for (unsigned warm = 3; spent_us < (int64_t)(seconds * 1e6); warm -= warm > 0) {
        batch_load(bench, &batch, requests);
        int64_t begun_us = processor_us();
        core_apply(&batch);
        int64_t took_us = processor_us() - begun_us;
        if (batch.more_needed || requests[0].result.outcome > OUTCOME_TRIMMED)
            die("the messages were not taken");
        spent_us += warm ? 0 : took_us;
        done += warm ? 0 : BATCH;
    }
    return (double)done * 1e6 / (double)spent_us;
}

static double read_run(struct bench *bench, double seconds)
{
    struct json bodies[TEXTS];
    int64_t begun_us = processor_us(), done = 0;
    for (unsigned i = 0; i < TEXTS; i++)
        bodies[i] = bench->messages[i].body;
    while (processor_us() - begun_us < (int64_t)(seconds * 1e6)) {
        arena_clear(&bench->batch);
        for (unsigned i = 0; i < TEXTS; i++, done++) {
            struct message message = {.source = bench->messages[0].source, .received_ms = bench->now_ms, .sent_ms = TIME_NONE};
            struct message_result result = {0};
            if (!core_read_message(&bench->batch, bench->policy, &bodies[i], NULL, EVENT_TYPE_COUNT, &message, &result))
                die("a message is refused");
        }
    }
    return (double)done * 1e6 / (double)(processor_us() - begun_us);
}

/* Somebody with ten thousand facts and a thousand events withdraws; all of it rested on that consent. */
static double withdrawal_run(struct bench *bench, double seconds)
{
    int64_t spent_us = 0, done = 0;
    for (unsigned warm = 1; spent_us < (int64_t)(seconds * 1e6); warm = 0, done++) {
        struct request request = {.kind = REQUEST_STATEMENT};
        arena_clear(&bench->batch);
        struct person *person = person_load(bench, 1);
        struct arena *arena = &bench->batch;
        person->loaded = PERSON_ALL;
        for (unsigned i = 0; i < 10000; i++)
            *(struct fact *)vec_push(arena, &person->facts) =
                (struct fact){.profile = person->root, .identifier = 1, .name = str_printf(arena, "trait_%u", i), .value = STR("\"value\""),
                              .source = STR("web"), .observed_ms = bench->now_ms - DAY_MS, .received_ms = bench->now_ms - DAY_MS, .purposes = 2};
        for (unsigned i = 0; i < 1000; i++) {
            struct event *event = vec_push(arena, &person->events);
            *event = (struct event){.number = {i + 1}, .profile = person->root, .identifier = 1, .source = STR("web"), .at_ms = bench->now_ms - DAY_MS,
                                    .received_ms = bench->now_ms - DAY_MS, .policy_version = 1, .part_count = 1};
            event->parts = arena_array(arena, struct event_part, 1);
            event->parts[0] = (struct event_part){.purposes = 2, .key_class = KEY_CONSENT, .body = STR("{\"event\":\"Viewed\"}")};
        }
        request.statement.subject = bench->messages[0].identifiers[0];
        request.statement.subject.hash = hash_make(1, 0);
        request.statement.record = (struct consent){.purpose = STR("newsletter"), .status = CONSENT_WITHDRAWN, .at_ms = bench->now_ms, .source = STR("api")};
        struct batch batch = {.arena = arena, .policy = bench->policy, .ids = &bench->ids, .now_ms = bench->now_ms, .profile_next = 10,
                              .requests = &request, .request_count = 1};
        *(struct person **)vec_push(arena, &batch.persons) = person;
        int64_t begun_us = processor_us();
        core_apply(&batch);
        spent_us += warm ? 0 : processor_us() - begun_us;
        if (batch.more_needed || person->facts.items[9999].change != CHANGE_GONE || person->events.items[999].change != CHANGE_GONE)
            die("the withdrawal had no effect");
    }
    return (double)(done - 1) * 1e6 / (double)spent_us;
}

static bool asked(const char *name, const char *part) { return !part || str_find(str_of(name), str_of(part)) >= 0; }

int main(int count, char **words)
{
    static const char reading[] = "core_read_message", cutting[] = "track cut into parts by six purposes",
                      withdrawing[] = "withdrawal with 10,000 facts and 1,000 events (reference: 50 ms)",
                      trimming[] = "track trimmed: half of its fields left out, counted";
    const char *part = count > 2 ? words[2] : NULL;
    static struct bench bench;
    static const struct {
        uint64_t people;
        const char *name;
    } sizes[] = {{1000, "plain track, 1,000 people"}, {100000, "plain track, 100,000 people"}, {10000000, "plain track, 10,000,000 people"}};
    double seconds = count > 1 ? strtod(words[1], NULL) : 1;
    arena_init(&bench.lasting);
    arena_init(&bench.batch);
    id_source_init(&bench.ids, 42);
    bench.now_ms = INT64_C(1795537800000);
    bench.policy = policy_make(&bench.lasting);
    for (unsigned i = 0; i < TEXTS; i++)
        message_make(&bench, &bench.messages[i], "web", i, false);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bench.people = sizes[i].people;
        if (asked(sizes[i].name, part))
            line(sizes[i].name, apply_run(&bench, seconds), 1e6, "messages/s");
    }
    if (asked(reading, part))
        line(reading, read_run(&bench, seconds), 1e6, "messages/s");
    for (unsigned i = 0; i < TEXTS; i++)
        message_make(&bench, &bench.messages[i], "shop", i, true);
    bench.people = 100000;
    if (asked(cutting, part))
        line(cutting, apply_run(&bench, seconds), 1e6, "messages/s");
    for (unsigned i = 0; i < TEXTS; i++)
        message_make(&bench, &bench.messages[i], "narrow", i, false);
    if (asked(trimming, part))
        line(trimming, apply_run(&bench, seconds), 1e6, "messages/s");
    if (asked(withdrawing, part))
        line(withdrawing, withdrawal_run(&bench, seconds), 20, "withdrawals/s");
    policy_free(bench.policy);
    arena_release(&bench.batch);
    arena_release(&bench.lasting);
    return 0;
}
