/* The steps: what people, clients, operators and time do. */
#include "sim.h"

#include <stdlib.h>

static void apply(struct world *world, struct request *request, enum load_mode mode)
{
    world_apply(world, request, 1, mode);
    check_touched(world);
}

static enum load_mode mode_pick(struct random *random) { return (enum load_mode)below(random, 3); }

/* --- messages */

static void message_step(struct world *world, struct random *random)
{
    struct sending sending;
    struct request request;
    message_make(world, random, below(random, PEOPLE), false, &sending);
    trace_add(world, "message from %s%s: %.*s", spec_source_names[sending.source], sending.gpc ? " (Sec-GPC)" : "", STR_FMT(sending.json));
    (void)message_read(world, &sending, &request);
    apply(world, &request, mode_pick(random));
    sending.released = world->late_join;
    check_message(world, &sending, &request);
}

/* Again: known for a duplicate, or so late that it is not. */
static void again_step(struct world *world, struct random *random)
{
    if (!world->sent.count)
        return;
    size_t recent = world->sent.count < 40 ? world->sent.count : 40;
    struct sending sending = world->sent.items[world->sent.count - 1 - below(random, (unsigned)recent)];
    struct request request;
    sending.duplicate = chance(random, 60);
    for (uint32_t i = 0; i < sending.marker_count && !sending.duplicate; i++) {
        struct marker *marker = &world->markers.items[sending.marker_first + i];
        marker->again = true;
        marker->step = world->step;
    }
    trace_add(world, "message m%u again%s", sending.message, sending.duplicate ? ", known as a duplicate" : "");
    (void)message_read(world, &sending, &request);
    apply(world, &request, mode_pick(random));
}

/* --- statements */

static enum consent_status status_pick(struct random *random, enum basis basis)
{
    static const enum consent_status consent[] = {CONSENT_GIVEN, CONSENT_GIVEN, CONSENT_GIVEN, CONSENT_GIVEN, CONSENT_RENEWED, CONSENT_WITHDRAWN,
                                                  CONSENT_WITHDRAWN, CONSENT_REFUSED, CONSENT_OBJECTED, CONSENT_EXPIRED},
                                     contract[] = {CONSENT_OPENED, CONSENT_OPENED, CONSENT_OPENED, CONSENT_ENDED},
                                     interest[] = {CONSENT_INFORMED, CONSENT_INFORMED, CONSENT_OBJECTED, CONSENT_OBJECTION_LIFTED},
                                     vital[] = {CONSENT_INVOKED, CONSENT_INVOKED, CONSENT_ENDED},
                                     task[] = {CONSENT_OBJECTED, CONSENT_OBJECTION_LIFTED};
    if (chance(random, 6))
        return (enum consent_status)below(random, CONSENT_STATUS_COUNT);
    switch (basis) {
    case BASIS_CONSENT: return consent[below(random, COUNT_OF(consent))];
    case BASIS_CONTRACT: return contract[below(random, COUNT_OF(contract))];
    case BASIS_VITAL_INTEREST: return vital[below(random, COUNT_OF(vital))];
    case BASIS_LEGITIMATE_INTEREST: return interest[below(random, COUNT_OF(interest))];
    default: return task[below(random, COUNT_OF(task))];
    }
}

void statement_make(struct world *world, struct random *random, unsigned person, struct spoken *spoken)
{
    static const unsigned keys[] = {KEY_USER, KEY_USER, KEY_USER, KEY_EMAIL, KEY_ANONYMOUS, KEY_PHONE};
    unsigned purpose = below(random, PURPOSES);
    for (int tries = 0; tries < 3 && !world->spec.purposes[purpose].present; tries++)
        purpose = below(random, PURPOSES);
    const struct spec_purpose *spec = &world->spec.purposes[purpose];
    *spoken = (struct spoken){.said = true, .person = person, .key = keys[below(random, COUNT_OF(keys))], .purpose = purpose,
                              .status = status_pick(random, spec->basis), .at_ms = world->now_ms};
    if (chance(random, 20))
        spoken->at_ms -= (int64_t)below(random, 10 * 24) * HOUR_MS;
    else if (chance(random, 3))
        spoken->at_ms += HOUR_MS;
    spoken->explicit_given = chance(random, 60);
    spoken->by = chance(random, 75) ? SAID_BY_SELF : chance(random, 50) ? SAID_BY_GUARDIAN : SAID_BY_AGENT;
    if (spec->notice >= 0 && chance(random, 35))
        spoken->notice = 1 + below(random, world->spec.notices[spec->notice].version);
    if (chance(random, 10))
        spoken->expires_ms = spoken->at_ms + (int64_t)(1 + below(random, 20)) * DAY_MS;
    if (spoken->status == CONSENT_RESTRICTED || spoken->status == CONSENT_UNRESTRICTED)
        spoken->purpose = PURPOSES;
    else if (chance(random, 4)) {
        spoken->purpose = PURPOSES;
        spoken->status = chance(random, 40) ? CONSENT_RESTRICTED : CONSENT_UNRESTRICTED;
    }
}

struct request statement_request(struct world *world, const struct spoken *spoken)
{
    struct request request = {.kind = REQUEST_STATEMENT};
    request.statement.subject = world_identifier(world, spoken->key, person_value(world, spoken->person, spoken->key, 0));
    const struct spec_purpose *purpose = spoken->purpose < PURPOSES ? &world->spec.purposes[spoken->purpose] : NULL;
    request.statement.record = (struct consent){.purpose = purpose ? str_of(spec_purpose_names[spoken->purpose]) : STR_NONE, .status = spoken->status,
                                                .explicit_given = spoken->explicit_given, .by = spoken->by, .at_ms = spoken->at_ms,
                                                .expires_ms = spoken->expires_ms, .source = STR("api"), .method = STR("form")};
    if (spoken->notice && purpose && purpose->notice >= 0) {
        request.statement.record.notice = str_of(spec_notice_names[purpose->notice]);
        request.statement.record.notice_version = spoken->notice;
    }
    return request;
}

static void statement_step(struct world *world, struct random *random)
{
    struct spoken spoken;
    statement_make(world, random, below(random, PEOPLE), &spoken);
    struct request request = statement_request(world, &spoken);
    trace_add(world, "%s of person %u says %s to %s%s%s", spec_key_names[spoken.key], spoken.person, consent_status_name(spoken.status),
              spoken.purpose < PURPOSES ? spec_purpose_names[spoken.purpose] : "everything", spoken.explicit_given ? ", explicitly" : "",
              spoken.at_ms == world->now_ms ? "" : spoken.at_ms < world->now_ms ? ", said earlier" : ", in the future");
    apply(world, &request, mode_pick(random));
    trace_add(world, "    %.*s", STR_FMT(str_empty(request.refusal) ? STR("recorded") : request.refusal));
}

/* --- other requests */

static struct message_identifier somebody(struct world *world, struct random *random)
{
    unsigned key = below(random, KEYS);
    return world_identifier(world, key, person_value(world, below(random, PEOPLE), key, 0));
}

static void preferences_step(struct world *world, struct random *random)
{
    static const char *const values[] = {"{\"channels\":{\"email\":false}}", "{\"channels\":{\"email\":true,\"sms\":true}}", "{\"channels\":{\"sms\":false}}",
                                         "{\"quiet_hours\":{\"from\":\"21:00\",\"to\":\"08:00\"}}", "{\"frequency\":{\"email\":{\"max\":1,\"per\":\"P1D\"}}}",
                                         "{\"channels\":7}"};
    struct request request = {.kind = REQUEST_PREFERENCES, .subject = somebody(world, random), .value = str_of(values[below(random, COUNT_OF(values))])};
    trace_add(world, "%.*s prefers %.*s", STR_FMT(request.subject.value), STR_FMT(request.value));
    apply(world, &request, mode_pick(random));
}

static void join_step(struct world *world, struct random *random)
{
    struct request request = {.kind = REQUEST_JOIN, .subject = somebody(world, random), .other = somebody(world, random)};
    trace_add(world, "join %.*s and %.*s", STR_FMT(request.subject.value), STR_FMT(request.other.value));
    apply(world, &request, mode_pick(random));
    trace_add(world, "    %.*s", STR_FMT(str_empty(request.refusal) ? STR("done") : request.refusal));
}

static void undo_step(struct world *world, struct random *random)
{
    unsigned start = below(random, (unsigned)world->cells.count);
    for (size_t i = 0; i < world->cells.count; i++) {
        struct cell *cell = world->cells.items[(start + i) % world->cells.count];
        unsigned merges = (unsigned)cell->person.merges.count;
        if (!merges)
            continue;
        struct request request = {.kind = REQUEST_UNDO_MERGE, .person = &cell->person, .merge = cell->person.merges.items[below(random, merges)].id};
        trace_add(world, "undo a merge of profile %llu", (unsigned long long)cell->person.root.value);
        apply(world, &request, mode_pick(random));
        trace_add(world, "    %.*s", STR_FMT(str_empty(request.refusal) ? STR("done") : request.refusal));
        return;
    }
}

static void erase_step(struct world *world, struct random *random)
{
    struct request request = {.kind = REQUEST_ERASE, .subject = somebody(world, random)};
    trace_add(world, "erase %.*s", STR_FMT(request.subject.value));
    apply(world, &request, mode_pick(random));
}

/* --- time, policy, reading */

static void time_step(struct world *world, struct random *random)
{
    int64_t by_ms = (int64_t)(1 + below(random, 90)) * MINUTE_MS;
    if (chance(random, 30))
        by_ms = (int64_t)(1 + below(random, 48)) * HOUR_MS;
    if (chance(random, 5))
        by_ms = (int64_t)(1 + below(random, 20)) * DAY_MS;
    world->now_ms += by_ms;
    trace_add(world, "%lld minutes later", (long long)(by_ms / MINUTE_MS));
}

static void sweep_step(struct world *world)
{
    trace_add(world, "sweep");
    world_sweep(world, false);
    check_touched(world);
}

static void policy_step(struct world *world, struct random *random)
{
    world_switch_policy(world, random);
    trace_add(world, "policy version %u", world->policy->version);
    check_everybody(world);
}

static void read_step(struct world *world, struct random *random)
{
    if (world->cells.count)
        read_person(world, random, world->cells.items[below(random, (unsigned)world->cells.count)]);
}

static void step_pick(struct world *world, struct random *random)
{
    unsigned dice = below(random, 1000);
#define UP_TO(limit) else if (dice < (limit))
    if (dice < 400)
        message_step(world, random);
    UP_TO(440) again_step(world, random);
    UP_TO(620) statement_step(world, random);
    UP_TO(640) preferences_step(world, random);
    UP_TO(660) join_step(world, random);
    UP_TO(680) undo_step(world, random);
    UP_TO(688) erase_step(world, random);
    UP_TO(760) time_step(world, random);
    UP_TO(830) sweep_step(world);
    UP_TO(833) policy_step(world, random);
    UP_TO(900) read_step(world, random);
    UP_TO(975) deliver_some(world, random);
    else experiment(world, random);
#undef UP_TO
}

void step_run(struct world *world)
{
    struct random random = random_of(world->seed, ++world->step);
    arena_clear(&world->scratch);
    step_pick(world, &random);
    if (world->cells.count && !world->property) {
        check_decide(world, &random, world->cells.items[below(&random, (unsigned)world->cells.count)]);
        if (world->touched.count)
            read_person(world, &random, world->touched.items[0]);
    }
    if (world->step % 128 == 0 && !world->property)
        check_everybody(world);
}
