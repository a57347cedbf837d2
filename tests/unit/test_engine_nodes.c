/* Several nodes on one store in one process: whatever is sent to whichever of them, the result is that of one node, and each knows at once what another
 * has answered. */
#include "engine_world.h"

#include "engine/nodes_private.h"
#include "engine/person_cache.h"
#include "engine/view_cache.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES 3

struct cluster {
    struct world nodes[NODES], home; /* home: the folder of the keys, and the first handle */
    struct store *first;
    struct vault *vault;
};

static void cluster_begin(struct cluster *cluster, bool background)
{
    memset(cluster, 0, sizeof *cluster);
    arena_init(&cluster->home.arena);
    snprintf(cluster->home.data, sizeof cluster->home.data, "/tmp/telos-engine-XXXXXX");
    assert_non_null(mkdtemp(cluster->home.data));
    check_fine(vault_open(&cluster->home.arena, cluster->home.data, NULL, &cluster->vault));
    check_fine(store_memory_open_shared(&cluster->home.arena, NULL, &cluster->first));
    for (int i = 0; i < NODES; i++) {
        struct world *node = &cluster->nodes[i];
        node->vault = cluster->vault;
        node->debug_door = node->background = background;
        node->debug_door = true;
        check_fine(store_memory_open_shared(&cluster->home.arena, cluster->first, &node->store));
        world_begin_empty(node);
    }
    assert_int_equal(world_apply(&cluster->nodes[0], world_policy), 1);
    for (int i = 0; i < NODES; i++)
        check_fine(engine_catch_up(cluster->nodes[i].engine, &cluster->nodes[i].arena));
}

static void cluster_end(struct cluster *cluster)
{
    for (int i = 0; i < NODES; i++)
        world_end(&cluster->nodes[i]);
    cluster->first->ops->close(cluster->first);
    vault_close(cluster->vault);
    world_end(&cluster->home);
}

static void digest(struct world *world, uint8_t ret_digest[32], uint64_t *ret_people)
{
    check_fine(engine_debug_digest(world->reader, &world->arena, ret_digest, ret_people));
}

static void finding(void *context, const struct audit_finding *finding)
{
    (void)context;
    print_error("%s %.*s: %.*s\n", finding->promise, STR_FMT(finding->where), STR_FMT(finding->what));
}

static void audit(struct world *world)
{
    uint64_t violations = 0;
    check_fine(engine_audit(world->engine, world->reader, &world->arena, finding, NULL, NULL, &violations));
    assert_int_equal(violations, 0);
}

static void same_on_all(struct cluster *cluster)
{
    str notes[NODES];
    for (int i = 0; i < NODES; i++) {
        check_fine(engine_catch_up(cluster->nodes[i].engine, &cluster->nodes[i].arena));
        check_fine(engine_checkpoint(cluster->nodes[i].engine, &cluster->nodes[i].arena, &notes[i]));
        assert_true(str_equal(notes[i], notes[0]));
    }
    for (int i = 0; i < NODES; i++)
        audit(&cluster->nodes[i]);
}

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* ---- one after the other, each to another node ---- */

#define STEPS 400
#define USERS 10

static void step(struct world *world, uint64_t *seed, int number)
{
    char text[512], user[64], other[64];
    unsigned kind = next(seed) % 100, who = next(seed) % USERS, device = next(seed) % USERS;
    const char *source = next(seed) % 3 ? "web" : "till";
    snprintf(user, sizeof user, "user_id:u%u", who);
    snprintf(other, sizeof other, "anonymous_id:a%u", device);
    if (kind < 40) {
        snprintf(text, sizeof text, "{'userId':'u%u','event':'Seen','properties':{'colour':'%u','total':%d},'messageId':'t%d'}", who, kind, number,
                 number - (int)(kind % 4 == 0)); /* some are duplicates of the message before */
        (void)world_send(world, EVENT_TRACK, source, text);
    } else if (kind < 60) {
        snprintf(text, sizeof text, "{'anonymousId':'a%u','event':'Seen','properties':{'colour':'%u'},'messageId':'t%d'}", device, kind, number);
        (void)world_send(world, EVENT_TRACK, source, text);
    } else if (kind < 70) {
        snprintf(text, sizeof text, "{'userId':'u%u','anonymousId':'a%u','event':'Order Completed','properties':{'total':1},'messageId':'t%d'}", who,
                 device, number);
        (void)world_send(world, EVENT_TRACK, source, text);
    } else if (kind < 80) {
        snprintf(text, sizeof text, "{'userId':'u%u','traits':{'name':'N%d','hobby':'h%u','email':'u%u@b.hu'},'messageId':'t%d'}", who, number, device,
                 who, number);
        (void)world_send(world, EVENT_IDENTIFY, source, text);
    } else if (kind < 89)
        (void)world_state(world, next(seed) % 2 ? user : other, "newsletter", CONSENT_GIVEN);
    else if (kind < 95)
        (void)world_state(world, user, "newsletter", CONSENT_WITHDRAWN);
    else if (kind < 98)
        (void)world_state(world, user, "fulfilment", CONSENT_OPENED);
    else
        (void)world_state(world, other, "statistics", CONSENT_OBJECTED);
}

static void keys_alike(struct world *to, const struct world *from)
{
    memcpy(to->engine->index_key, from->engine->index_key, 32); /* digests name identifiers by their hashes */
}

static void many_nodes_in_turn_do_what_one_does(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 2; round++) {
        struct cluster *cluster = calloc(1, sizeof *cluster);
        struct world alone = {.debug_door = true};
        uint8_t wanted[32], got[32];
        uint64_t seed = round * 7919, people, others, began_ms = (uint64_t)(clock_now_ms() - HOUR_MS);
        assert_non_null(cluster);
        world_begin(&alone);
        alone.received_ms = (int64_t)began_ms;
        for (int i = 0; i < STEPS; i++) {
            alone.received_ms += 1000;
            step(&alone, &seed, i);
        }
        digest(&alone, wanted, &people);
        cluster_begin(cluster, false);
        seed = round * 7919;
        uint64_t choice = round;
        for (int i = 0; i < NODES; i++)
            keys_alike(&cluster->nodes[i], &alone);
        for (int i = 0; i < STEPS; i++) {
            struct world *node = &cluster->nodes[next(&choice) % NODES];
            node->received_ms = (int64_t)began_ms + (i + 1) * 1000;
            step(node, &seed, i);
        }
        for (int i = 0; i < NODES; i++) {
            digest(&cluster->nodes[i], got, &others);
            assert_int_equal(others, people);
            assert_memory_equal(got, wanted, 32);
        }
        same_on_all(cluster);
        world_end(&alone);
        cluster_end(cluster);
        free(cluster);
    }
}

/* ---- all at once ---- */

#define LIVES 24
#define LIFE_STEPS 10

static void life_at(struct world *world, int64_t began_ms, unsigned who, unsigned number)
{
    world->received_ms = began_ms + (int64_t)(who * (LIFE_STEPS + 1) + number) * 1000;
}

/* A customer, and a visitor whom nobody knows to be the same person yet. */
static void life_begin(struct world *world, int64_t began_ms, unsigned who)
{
    char text[512], user[64];
    life_at(world, began_ms, who, 0);
    snprintf(text, sizeof text, "{'userId':'u%u','event':'Order Completed','properties':{'total':1},'messageId':'o%u'}", who, who);
    (void)world_send(world, EVENT_TRACK, "till", text);
    snprintf(text, sizeof text, "{'anonymousId':'a%u','event':'Seen','properties':{'colour':'red'},'messageId':'a%u'}", who, who);
    (void)world_send(world, EVENT_TRACK, "web", text);
    snprintf(user, sizeof user, "user_id:u%u", who);
    (void)world_state(world, user, "newsletter", CONSENT_GIVEN);
}

/* In whatever order they come, their times say which counts. */
static void life_step(struct world *world, int64_t began_ms, unsigned who, unsigned number)
{
    char text[512];
    life_at(world, began_ms, who, number + 1);
    if (number % 3 == 0) /* joins the two */
        snprintf(text, sizeof text, "{'userId':'u%u','anonymousId':'a%u','event':'Seen','properties':{'colour':'%u'},'messageId':'j%u-%u'}", who, who,
                 number, who, number);
    else if (number % 3 == 1)
        snprintf(text, sizeof text, "{'userId':'u%u','traits':{'name':'N%u','email':'u%u@b.hu'},'messageId':'i%u-%u'}", who, number, who, who, number);
    else
        snprintf(text, sizeof text, "{'userId':'u%u','event':'Seen','properties':{'colour':'%u','total':%u},'messageId':'t%u-%u'}", who, number, who, who,
                 number);
    (void)world_send(world, number % 3 == 1 ? EVENT_IDENTIFY : EVENT_TRACK, number % 3 == 1 ? "till" : "web", text);
}

struct actor {
    struct world *node;
    pthread_barrier_t *barrier;
    int64_t began_ms;
    unsigned place;
    pthread_t thread;
};

/* Each node gets every message of everybody, at the same instant as the others do, but in another order. */
static void *act(void *context)
{
    struct actor *actor = context;
    uint64_t seed = actor->place * 31 + 7;
    for (unsigned who = 0; who < LIVES; who++) {
        unsigned order[LIFE_STEPS];
        for (unsigned i = 0; i < LIFE_STEPS; i++)
            order[i] = i;
        for (unsigned i = LIFE_STEPS - 1; i > 0; i--) {
            unsigned j = next(&seed) % (i + 1), swapped = order[i];
            order[i] = order[j];
            order[j] = swapped;
        }
        if (who % NODES == actor->place)
            life_begin(actor->node, actor->began_ms, who);
        pthread_barrier_wait(actor->barrier);
        for (unsigned i = 0; i < LIFE_STEPS; i++)
            life_step(actor->node, actor->began_ms, who, order[i]);
    }
    return NULL;
}

static void the_same_people_joined_at_once_on_all_nodes_are_one_each(void **state)
{
    (void)state;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    struct world alone = {.debug_door = true};
    int64_t began_ms = clock_now_ms() - HOUR_MS;
    uint8_t wanted[32], got[32];
    uint64_t people, others;
    assert_non_null(cluster);
    world_begin(&alone);
    for (unsigned who = 0; who < LIVES; who++) {
        life_begin(&alone, began_ms, who);
        for (unsigned i = 0; i < LIFE_STEPS; i++)
            life_step(&alone, began_ms, who, i);
    }
    digest(&alone, wanted, &people);
    assert_int_equal(people, LIVES);
    cluster_begin(cluster, false);
    pthread_barrier_t barrier;
    struct actor actors[NODES];
    pthread_barrier_init(&barrier, NULL, NODES);
    for (unsigned i = 0; i < NODES; i++) {
        keys_alike(&cluster->nodes[i], &alone);
        actors[i] = (struct actor){.node = &cluster->nodes[i], .barrier = &barrier, .began_ms = began_ms, .place = i};
        assert_int_equal(pthread_create(&actors[i].thread, NULL, act, &actors[i]), 0);
    }
    for (unsigned i = 0; i < NODES; i++)
        assert_int_equal(pthread_join(actors[i].thread, NULL), 0);
    uint64_t accepted = 0, duplicates = 0, again = 0;
    for (unsigned i = 0; i < NODES; i++) {
        struct engine_metrics metrics;
        engine_metrics(cluster->nodes[i].engine, &metrics);
        duplicates += metrics.outcomes[OUTCOME_DUPLICATE];
        again += metrics.retries;
        for (int outcome = 0; outcome < OUTCOME_COUNT; outcome++)
            accepted += outcome == OUTCOME_DUPLICATE ? 0 : metrics.outcomes[outcome];
        digest(&cluster->nodes[i], got, &others);
        assert_int_equal(others, LIVES);
        assert_memory_equal(got, wanted, 32);
    }
    print_message("accepted %llu, duplicates %llu, worked out again %llu\n", (unsigned long long)accepted, (unsigned long long)duplicates,
                  (unsigned long long)again);
    assert_int_equal(accepted, LIVES * (LIFE_STEPS + 2));
    assert_int_equal(duplicates, (NODES - 1) * LIVES * LIFE_STEPS);
    same_on_all(cluster);
    pthread_barrier_destroy(&barrier);
    world_end(&alone);
    cluster_end(cluster);
    free(cluster);
}


/* ---- what one node answered, the others know ---- */

static void caught_up(struct world *node) { check_fine(engine_catch_up(node->engine, &node->arena)); }

/* What the gate says of the head that lies in memory. */
static bool may(struct world *node, const char *subject, const char *purpose)
{
    struct person *person = NULL;
    struct decision decision = {0};
    caught_up(node);
    const struct policy *policy = engine_policy(node->engine);
    check_fine(engine_person(node->reader, &node->arena, policy, str_of(subject), PERSON_HEAD | ENGINE_GATE_ONLY, &person));
    struct question question = {.purpose = str_of(purpose), .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = clock_now_ms(),
                                .operation = OPERATION_USE};
    gate_decide(&node->arena, policy, person, &question, &decision);
    engine_policy_release(node->engine, policy);
    return decision.allow;
}

/* A text kept for a person, as a reader keeps its view; empty: none is given any more. */
static str kept(struct world *node, const char *subject, const char *keep)
{
    struct view_place place = {.purpose = 1, .variant = 9, .told = ~(purpose_mask)0};
    struct person *person = NULL;
    struct buf buf;
    profile_no root;
    bool found = false;
    caught_up(node);
    const struct policy *policy = engine_policy(node->engine);
    buf_init(&buf, &node->arena, 4096);
    check_fine(engine_view_find(node->engine, &node->arena, policy, str_of(subject), &place, &buf, &root, &found));
    if (!found && keep) {
        check_fine(engine_person(node->reader, &node->arena, policy, str_of(subject), PERSON_HEAD, &person));
        engine_view_keep(node->engine, policy, &place, person, clock_now_ms() - 1, TIME_FOREVER, str_of(keep));
    }
    engine_policy_release(node->engine, policy);
    return found ? buf_str(&buf) : STR_NONE;
}

static void a_withdrawal_on_one_node_is_seen_by_the_next_read_on_another(void **state)
{
    (void)state;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    cluster_begin(cluster, false);
    struct world *a = &cluster->nodes[0], *b = &cluster->nodes[1];
    (void)world_send(a, EVENT_TRACK, "till", "{'userId':'anna','event':'Order Completed','properties':{'total':1},'messageId':'1'}");
    (void)world_state(a, "user_id:anna", "newsletter", CONSENT_GIVEN);
    (void)world_send(b, EVENT_TRACK, "till", "{'userId':'anna','event':'Seen','messageId':'2'}"); /* now b has her head in memory */
    for (int i = 0; i < 20; i++) {
        assert_true(may(b, "user_id:anna", "newsletter"));
        assert_null(kept(b, "user_id:anna", "what it was").data);
        check_str(kept(b, "user_id:anna", NULL), "what it was");
        (void)world_state(a, "user_id:anna", "newsletter", CONSENT_WITHDRAWN);
        assert_false(may(b, "user_id:anna", "newsletter"));
        assert_null(kept(b, "user_id:anna", NULL).data);
        (void)world_state(b, "user_id:anna", "newsletter", CONSENT_GIVEN);
        assert_true(may(a, "user_id:anna", "newsletter"));
    }
    same_on_all(cluster);
    cluster_end(cluster);
    free(cluster);
}

static bool knows(struct world *node, str token)
{
    struct principal principal;
    caught_up(node);
    const struct policy *policy = engine_policy(node->engine);
    bool known = engine_authenticate(node->engine, &node->arena, policy, token, &principal);
    engine_policy_release(node->engine, policy);
    return known;
}

static void tokens_pauses_and_policies_hold_on_all_nodes_at_once(void **state)
{
    (void)state;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    cluster_begin(cluster, false);
    struct world *a = &cluster->nodes[0], *b = &cluster->nodes[1], *c = &cluster->nodes[2];
    struct uuid id;
    str token;
    bool found = false;
    check_fine(engine_token_create(a->engine, &a->arena, ROLE_AGENT, STR("newsletter"), STR("desk"), TIME_FOREVER, &id, &token));
    assert_true(knows(b, token) && knows(c, token));
    check_fine(engine_token_revoke(b->engine, &b->arena, id, &found));
    assert_true(found);
    assert_false(knows(a, token) || knows(c, token));
    check_fine(engine_destination_pause(c->engine, &c->arena, STR("mailer"), true));
    caught_up(a);
    assert_true(engine_destination_paused(a->engine, STR("mailer")));
    check_fine(engine_destination_pause(a->engine, &a->arena, STR("mailer"), false));
    caught_up(c);
    assert_false(engine_destination_paused(c->engine, STR("mailer")));
    const char *policy = arena_printf(&a->arena, "%s\n# again\n", world_policy);
    assert_int_equal(world_apply(b, policy), 2);
    for (int i = 0; i < NODES; i++) {
        caught_up(&cluster->nodes[i]);
        const struct policy *now = engine_policy(cluster->nodes[i].engine);
        assert_int_equal(now->version, 2);
        engine_policy_release(cluster->nodes[i].engine, now);
    }
    assert_int_equal(world_apply(c, world_policy), 3); /* and what comes in between is read anew */
    assert_int_equal(world_send(a, EVENT_TRACK, "till", "{'userId':'bela','event':'Order Completed','properties':{'total':1},'messageId':'b1'}"),
                     OUTCOME_ACCEPTED);
    same_on_all(cluster);
    cluster_end(cluster);
    free(cluster);
}

static void an_erasure_ends_the_keys_for_all_nodes(void **state)
{
    (void)state;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    cluster_begin(cluster, false);
    struct world *a = &cluster->nodes[0], *b = &cluster->nodes[1];
    (void)world_send(a, EVENT_TRACK, "till", "{'userId':'anna','event':'Order Completed','properties':{'total':1},'messageId':'1'}");
    assert_true(may(a, "user_id:anna", "fulfilment"));
    struct person *person = world_person(a, "user_id:anna", PERSON_HEAD);
    profile_no profile = person->root;
    (void)world_send(b, EVENT_TRACK, "till", "{'userId':'anna','event':'Order Completed','properties':{'total':2},'messageId':'2'}");
    struct request request = {.kind = REQUEST_ERASE};
    const struct policy *policy = engine_policy(b->engine);
    check_fine(identity_parse_subject(&b->arena, policy, STR("user_id:anna"), &request.subject));
    struct work work = {.arena = &b->arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(b->engine, &work));
    assert_true(request.found);
    engine_work_release(b->engine, &work);
    engine_policy_release(b->engine, policy);
    uint8_t key[32];
    assert_int_equal(vault_key(cluster->vault, profile, KEY_EVIDENCE, key), VAULT_DESTROYED);
    for (int i = 0; i < NODES; i++) {
        assert_false(may(&cluster->nodes[i], "user_id:anna", "fulfilment"));
        person = world_person(&cluster->nodes[i], "user_id:anna", PERSON_HEAD);
        assert_true(!person || person->profiles.items[0].erased_ms != TIME_NONE);
    }
    same_on_all(cluster);
    cluster_end(cluster);
    free(cluster);
}

static void one_node_at_a_time_sweeps(void **state)
{
    (void)state;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    cluster_begin(cluster, false);
    int holders = 0;
    for (int round = 0; round < 3; round++, holders = 0)
        for (int i = 0; i < NODES; i++) {
            struct world *node = &cluster->nodes[i];
            holders += engine_lease(node->reader, &node->arena, "test");
            assert_int_equal(holders, 1);
        }
    cluster_end(cluster);
    free(cluster);
}

static void what_only_a_newer_telos_writes_into_the_head_stays_there(void **state)
{
    struct arena arena;
    struct node_head head = {.saves = 7, .policy_version = 3}, again;
    (void)state;
    arena_init(&arena);
    str text = node_head_write(&arena, &head), more = STR(",\"of_tomorrow\":{\"a\":[1,\"x\"]},\"later\":9}");
    assert_true(node_head_read(&arena, str_printf(&arena, "%.*s%.*s", (int)text.length - 1, text.data, STR_FMT(more)), &head));
    assert_int_equal(head.saves, 7);
    head.saves++;
    text = node_head_write(&arena, &head);
    assert_true(str_find(text, STR("\"of_tomorrow\":{\"a\":[1,\"x\"]}")) > 0);
    assert_true(node_head_read(&arena, text, &again));
    assert_int_equal(again.saves, 8);
    assert_string_equal(again.rest, head.rest);
    char *long_name = arena_alloc(&arena, 2 * HEAD_REST_MAX + 1);
    memset(long_name, 'x', 2 * HEAD_REST_MAX);
    assert_false(node_head_read(&arena, str_printf(&arena, "%.*s,\"%s\":1}", (int)text.length - 1, text.data, long_name), &again));
    arena_release(&arena);
}

static void a_node_with_other_keys_is_refused(void **state)
{
    (void)state;
    struct cluster *cluster = calloc(1, sizeof *cluster);
    assert_non_null(cluster);
    cluster_begin(cluster, false);
    struct engine_options options = {.data = cluster->home.data};
    struct engine *engine = NULL;
    struct world alone = {0};
    world_begin_empty(&alone); /* makes keys of its own */
    world_close(&alone);
    options.data = alone.data;
    check_fine(store_memory_open_shared(&alone.arena, cluster->first, &options.opened));
    const struct err *error = engine_open(&alone.arena, &options, &engine);
    assert_non_null(error);
    assert_int_equal(error->code, ERR_CONFLICT);
    assert_true(str_find(str_of(error->text), STR("one vault")) > 0);
    world_end(&alone);
    cluster_end(cluster);
    free(cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_nodes_in_turn_do_what_one_does),
        cmocka_unit_test(the_same_people_joined_at_once_on_all_nodes_are_one_each),
        cmocka_unit_test(a_withdrawal_on_one_node_is_seen_by_the_next_read_on_another),
        cmocka_unit_test(tokens_pauses_and_policies_hold_on_all_nodes_at_once),
        cmocka_unit_test(an_erasure_ends_the_keys_for_all_nodes),
        cmocka_unit_test(one_node_at_a_time_sweeps),
        cmocka_unit_test(what_only_a_newer_telos_writes_into_the_head_stays_there),
        cmocka_unit_test(a_node_with_other_keys_is_refused),
    };
    return cmocka_run_group_tests_name("engine_nodes", tests, NULL, NULL);
}
