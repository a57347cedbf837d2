/* See engine_world.h. */
#include "engine_world.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char world_policy[] =
    "controller: { name: Test Kft., country: HU, regions: [EU] }\n"
    "categories:\n"
    "  email: { identifier: true }\n"
    "  account: { identifier: true }\n"
    "  device: { identifier: true }\n"
    "  name: {}\n"
    "  purchase: {}\n"
    "  behaviour: {}\n"
    "fields:\n"
    "  traits.email: email\n"
    "  traits.name: name\n"
    "  traits.plan: account\n"
    "  properties.total: purchase\n"
    "  properties.order_id: purchase\n"
    "  default: behaviour\n"
    "notices:\n"
    "  newsletter: { version: 1, effective: 2026-01-01, languages: { en: n.md } }\n"
    "purposes:\n"
    "  fulfilment: { title: Deliver, basis: contract, contract: terms, opened_by: [Order Completed], categories: [email, account, name, purchase], "
    "retention: P5Y after contract_end }\n"
    "  newsletter: { title: Offers, basis: consent, notice: newsletter, categories: [email, account, device, name, behaviour, purchase], "
    "direct_marketing: true, expires: P1Y after given }\n"
    "  statistics: { title: Learn, basis: legitimate_interest, interest: learning, balancing_test: lia.pdf@2026-02-11, categories: [behaviour, "
    "account, device], retention: P30D after collected }\n"
    "sources:\n"
    "  web: { kind: website, purposes: [newsletter, fulfilment, statistics], when_denied: hold P1D, region: EU, informs: newsletter }\n"
    "  till: { kind: store, purposes: [fulfilment, newsletter], when_denied: drop, trusted: true }\n"
    "signals:\n"
    "  Newsletter: newsletter\n"
    "destinations:\n"
    "  mailer: { kind: webhook, purpose: newsletter, categories: [email, account, behaviour, name], recipient: \"Posta Kft. (processor, HU)\", "
    "url: \"http://127.0.0.1:1/\" }\n"
    "identity:\n"
    "  keys:\n"
    "    user_id: { category: account, unique: true }\n"
    "    email: { normalise: email, unique: true, category: email, from: [traits.email] }\n"
    "    anonymous_id: { limit_per_profile: 50, category: device }\n";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

void world_open(struct world *world)
{
    struct engine_options options = {.data = world->data, .debug_door = world->debug_door, .background = world->background,
                                     .opened = world->store, .shared_vault = world->vault};
    check_fine(engine_open(&world->arena, &options, &world->engine));
    check_fine(engine_reader(world->engine, &world->reader));
}

void world_close(struct world *world)
{
    engine_reader_close(world->reader);
    engine_close(world->engine);
    world->reader = NULL;
    world->engine = NULL;
}

void world_reopen(struct world *world)
{
    world_close(world);
    world_open(world);
}

void world_begin_empty(struct world *world)
{
    arena_init(&world->arena);
    snprintf(world->data, sizeof world->data, "/tmp/telos-engine-XXXXXX");
    assert_non_null(mkdtemp(world->data));
    world_open(world);
}

void world_begin(struct world *world)
{
    world_begin_empty(world);
    assert_int_equal(world_apply(world, world_policy), 1);
}

void world_end(struct world *world)
{
    if (world->engine)
        world_close(world);
    (void)nftw(world->data, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    arena_release(&world->arena);
}

uint32_t world_apply(struct world *world, const char *text)
{
    struct map notices;
    str notice = STR("We send offers.");
    struct policy_effect effect = {0};
    policy_problems problems = {0};
    uint32_t version = 0;
    map_init(&notices, &world->arena);
    map_set(&notices, STR("n.md"), &notice);
    struct policy_input input = {.text = str_of(text), .notices = &notices};
    const struct err *error = engine_policy_apply(world->engine, &world->arena, &input, (struct uuid){{0}}, &effect, &problems, &version);
    vec_each (problem, &problems)
        print_error("policy:%u:%u: %.*s\n", problem->line, problem->column, STR_FMT(problem->text));
    check_fine(error);
    return version;
}

str world_json(struct world *world, const char *text)
{
    char *copy = str_z(&world->arena, str_of(text));
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    return str_of(copy);
}

static const struct err *send(struct world *world, enum event_type type, const char *source, const char *text, struct work *work)
{
    struct json *body = arena_new(&world->arena, struct json);
    str json = world_json(world, text);
    check_fine(json_read(&world->arena, json, body));
    struct collected *collected = arena_new(&world->arena, struct collected);
    *collected = (struct collected){.body = body, .text = json, .path_type = type, .sent_ms = TIME_NONE};
    *work = (struct work){.arena = &world->arena, .source = str_of(source), .messages = collected, .message_count = 1, .explain = true,
                          .bytes = json.length, .received_ms = world->received_ms};
    return engine_do(world->engine, work);
}

const struct err *world_try(struct world *world, enum event_type type, const char *source, const char *text)
{
    struct work work;
    const struct err *error = send(world, type, source, text, &work);
    engine_work_release(world->engine, &work);
    return error;
}

/* What is said gets a millisecond of its own: of two things at the same instant the gate takes the refusal and the fold one by rule, whichever came last. */
static void next_millisecond(void)
{
    int64_t begun_ms = clock_now_ms();
    while (clock_now_ms() == begun_ms)
        usleep(50);
}

struct message_result world_send_result(struct world *world, enum event_type type, const char *source, const char *text)
{
    struct work work;
    next_millisecond();
    check_fine(send(world, type, source, text, &work));
    struct message_result result = work.requests[0].result;
    result.person = NULL;
    result.decision = str_copy(&world->arena, result.decision);
    engine_work_release(world->engine, &work);
    return result;
}

enum outcome world_send(struct world *world, enum event_type type, const char *source, const char *text)
{
    return world_send_result(world, type, source, text).outcome;
}

struct consent world_state(struct world *world, const char *subject, const char *purpose, enum consent_status status)
{
    const struct policy *policy = engine_policy(world->engine);
    struct request request = {.kind = REQUEST_STATEMENT};
    next_millisecond();
    check_fine(identity_parse_subject(&world->arena, policy, str_of(subject), &request.statement.subject));
    request.statement.record = (struct consent){.purpose = str_of(purpose), .status = status, .by = SAID_BY_SELF,
                                                .at_ms = world->received_ms ? world->received_ms : clock_now_ms(),
                                                .expires_ms = TIME_NONE, .source = STR("api"), .verified = true, .method = STR("test")};
    if (status == CONSENT_GIVEN && strcmp(purpose, "newsletter") == 0) {
        request.statement.record.notice = STR("newsletter");
        request.statement.record.notice_version = 1;
    }
    struct work work = {.arena = &world->arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(world->engine, &work));
    check_str(request.refusal, "");
    assert_non_null(request.statement.ret_record);
    struct consent record = *request.statement.ret_record;
    record.purpose = str_copy(&world->arena, record.purpose);
    record.method = str_copy(&world->arena, record.method);
    engine_work_release(world->engine, &work);
    engine_policy_release(world->engine, policy);
    return record;
}

struct uuid world_right(struct world *world, const char *subject, enum right right, const enum rights_step_kind *steps, size_t step_count)
{
    struct person *person = world_person(world, subject, PERSON_HEAD);
    struct rights_act act = {.right = right, .channel = STR("api"), .role = STR("privacy"), .identity = STR("staff"), .step_count = step_count};
    struct work work = {.arena = &world->arena};
    assert_non_null(person);
    assert_true(step_count <= RIGHTS_ACT_STEPS);
    act.details = (struct rights_details){.subject = str_of(subject), .text = STR("Please look after this"), .reference = STR("2026/117")};
    act.profile = person->root;
    for (size_t i = 0; i < step_count; i++)
        act.steps[i] = steps[i];
    engine_rights_attach(&work, &act);
    check_fine(engine_do(world->engine, &work));
    check_str(act.ret_refusal, "");
    assert_true(act.ret_found);
    engine_work_release(world->engine, &work);
    return act.ret_row.id;
}

struct person *world_person(struct world *world, const char *subject, unsigned parts)
{
    struct person *person = NULL;
    const struct policy *policy = engine_policy(world->engine);
    check_fine(engine_person(world->reader, &world->arena, policy, str_of(subject), parts, &person));
    engine_policy_release(world->engine, policy);
    return person;
}

str world_trait(struct world *world, const char *subject, const char *trait)
{
    struct person *person = world_person(world, subject, PERSON_FACTS);
    traits traits = {0};
    if (!person)
        return STR_NONE;
    const struct policy *policy = engine_policy(world->engine);
    profile_fold(&world->arena, policy, person, NULL, NULL, &traits);
    engine_policy_release(world->engine, policy);
    vec_each (found, &traits)
        if (str_equal(found->name, str_of(trait)))
            return found->value;
    return STR_NONE;
}

size_t world_events(struct world *world, const char *subject)
{
    struct person *person = world_person(world, subject, PERSON_HEAD);
    struct event *events = NULL;
    size_t count = 0;
    if (!person)
        return 0;
    const struct policy *policy = engine_policy(world->engine);
    check_fine(engine_events(world->reader, &world->arena, policy, person, 0, 1000, &events, &count));
    engine_policy_release(world->engine, policy);
    return count;
}
