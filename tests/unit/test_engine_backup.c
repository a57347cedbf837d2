/* Backups made while serving, and brought back: what was destroyed since stays destroyed. */
#include "engine_world.h"

#include "signal_make.h"

#include "engine/engine_private.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    return remove(path);
}

static void remove_all(const char *path) { (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

struct place {
    char path[64];
};
static struct place place_new(void)
{
    struct place place;
    snprintf(place.path, sizeof place.path, "/tmp/telos-backup-XXXXXX");
    assert_non_null(mkdtemp(place.path));
    return place;
}

static bool exists(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void copy_file(const char *from_folder, const char *to_folder, const char *name)
{
    char from[256], to[256], buffer[65536];
    snprintf(from, sizeof from, "%s/%s", from_folder, name);
    snprintf(to, sizeof to, "%s/%s", to_folder, name);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t got; (got = fread(buffer, 1, sizeof buffer, in)) > 0;)
        assert_int_equal(fwrite(buffer, 1, got, out), got);
    fclose(in);
    fclose(out);
}

static void customers(struct world *world)
{
    for (int i = 1; i <= 3; i++) {
        char subject[32], text[256];
        snprintf(subject, sizeof subject, "user_id:u%d", i);
        world_state(world, subject, "newsletter", CONSENT_GIVEN);
        snprintf(text, sizeof text, "{'userId':'u%d','traits':{'email':'u%d@b.hu','name':'N%d','hobby':'chess'}}", i, i, i);
        assert_int_equal(world_send(world, EVENT_IDENTIFY, "till", text), OUTCOME_ACCEPTED);
        snprintf(text, sizeof text, "{'userId':'u%d','event':'Seen','properties':{'colour':'red'}}", i);
        assert_int_equal(world_send(world, EVENT_TRACK, "till", text), OUTCOME_ACCEPTED);
    }
    world_state(world, "user_id:u3", "fulfilment", CONSENT_OPENED);
}

static void erase(struct world *world, const char *subject)
{
    const struct policy *policy = engine_policy(world->engine);
    struct request request = {.kind = REQUEST_ERASE};
    check_fine(identity_parse_subject(&world->arena, policy, str_of(subject), &request.subject));
    struct work work = {.arena = &world->arena, .requests = &request, .request_count = 1};
    check_fine(engine_do(world->engine, &work));
    assert_true(request.found);
    engine_work_release(world->engine, &work);
    engine_policy_release(world->engine, policy);
}

static void tell(void *context, const struct audit_finding *finding)
{
    (void)context;
    print_error("%s %.*s: %.*s\n", finding->promise, STR_FMT(finding->where), STR_FMT(finding->what));
}

static void all_well(struct world *world)
{
    uint64_t violations = 0;
    check_fine(engine_audit(world->engine, world->reader, &world->arena, tell, NULL, NULL, &violations));
    assert_int_equal(violations, 0);
}

static bool is_erased(struct world *world, const char *subject)
{
    struct person *person = world_person(world, subject, PERSON_ALL);
    if (!person)
        return false;
    assert_int_equal(person->facts.count, 0);
    assert_int_equal(person->events.count, 0);
    vec_each (identifier, &person->identifiers)
        assert_true(str_empty(identifier->value) && str_empty(identifier->sealed));
    return person_profile(person, person->root)->erased_ms != TIME_NONE;
}

/* A world with customers, and a backup of it. */
static char *backed_up(struct world *world, const struct place *backup)
{
    world_begin(world);
    customers(world);
    char *folder = arena_printf(&world->arena, "%s/monday", backup->path);
    check_fine(engine_backup(world->engine, &world->arena, folder, NULL, NULL));
    return folder;
}

/* Restored where it was made. */
static void restore(struct world *world, const char *folder)
{
    world_close(world);
    check_fine(engine_restore(&world->arena, folder, world->data, NULL));
    world_open(world);
}

/* Another machine: the master key is brought along, and what else `names` says. */
static struct world machine_new(const struct world *from, struct place *place, const char *const *names, size_t count)
{
    struct world other = {.data = ""};
    *place = place_new();
    arena_init(&other.arena);
    memcpy(other.data, place->path, sizeof other.data);
    assert_int_equal(mkdir(arena_printf(&other.arena, "%s/keys", place->path), 0700), 0);
    copy_file(from->data, place->path, "keys/master.key");
    for (size_t i = 0; i < count; i++)
        copy_file(from->data, place->path, names[i]);
    return other;
}

/* The backup carried away, to where nothing that is destroyed later reaches it. */
static void carry_away(const char *folder, const struct place *away)
{
    const char *const names[] = {"backup.json", "vault", "telos.db", "verifier.pub"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        copy_file(folder, away->path, names[i]);
    remove_all(folder);
}

static void what_was_backed_up_comes_back(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    assert_true(exists(folder, "backup.json"));
    assert_true(exists(folder, "vault"));
    assert_false(exists(folder, "master.key"));
    assert_false(exists(folder, "keys"));
    check_code(engine_backup(world.engine, &world.arena, folder, NULL, NULL), ERR_CONFLICT); /* never over another one */
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'name':'Later'}}");
    check_str(world_trait(&world, "user_id:u1", "name"), "\"Later\"");
    check_code(engine_restore(&world.arena, folder, world.data, NULL), ERR_CONFLICT); /* in use */
    restore(&world, folder);
    check_str(world_trait(&world, "user_id:u1", "name"), "\"N1\"");
    check_str(world_trait(&world, "email:u2@b.hu", "hobby"), "\"chess\"");
    assert_int_equal(world_events(&world, "user_id:u3"), 2);
    all_well(&world);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','traits':{'name':'Anew'}}");
    check_str(world_trait(&world, "user_id:u1", "name"), "\"Anew\"");
    world_reopen(&world);
    all_well(&world);
    world_end(&world);
    remove_all(backup.path);
}

static void who_was_erased_since_stays_erased(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    erase(&world, "user_id:u1");
    restore(&world, folder);
    assert_true(is_erased(&world, "user_id:u1"));
    check_str(world_trait(&world, "user_id:u2", "name"), "\"N2\"");
    assert_true(world_send(&world, EVENT_TRACK, "till", "{'userId':'u1','event':'Seen','properties':{'colour':'red'}}") == OUTCOME_DROPPED);
    all_well(&world);
    world_end(&world);
    remove_all(backup.path);
}

/* The backup was carried elsewhere before the erasure: its own vault still has the keys, only the tombstones know. */
static void an_unreachable_backup_brings_no_key_back_either(void **state)
{
    struct world world = {0};
    struct place backup = place_new(), away = place_new(), elsewhere;
    const char *const brought[] = {"tombstones.log"};
    (void)state;
    carry_away(backed_up(&world, &backup), &away);
    erase(&world, "user_id:u2");
    world_state(&world, "user_id:u3", "newsletter", CONSENT_WITHDRAWN);

    /* where the tombstones are */
    restore(&world, away.path);
    assert_true(is_erased(&world, "user_id:u2"));
    check_str(world_trait(&world, "user_id:u3", "hobby"), ""); /* its key was renewed when the consent was withdrawn */
    check_str(world_trait(&world, "user_id:u1", "hobby"), "\"chess\"");
    struct vault_mirrors mirrors = vault_mirrors(&world.arena, engine_vault(world.engine));
    vec_each (mirror, &mirrors)
        if (access(mirror->path, F_OK)) /* the backup was taken away: nothing is to be destroyed there any more */
            check_fine(vault_mirror_remove(&world.arena, engine_vault(world.engine), mirror->path));
    all_well(&world);
    world_close(&world);

    /* on another machine, with the master key and the tombstones brought along */
    struct world other = machine_new(&world, &elsewhere, brought, COUNT_OF(brought));
    check_fine(engine_restore(&other.arena, away.path, elsewhere.path, NULL));
    world_open(&other);
    assert_true(is_erased(&other, "user_id:u2"));
    check_str(world_trait(&other, "user_id:u1", "hobby"), "\"chess\"");
    all_well(&other);
    world_end(&other);
    world_open(&world);
    world_end(&world);
    remove_all(backup.path);
    remove_all(away.path);
}

static void a_backup_is_reached_by_what_is_erased_later(void **state)
{
    struct world world = {0};
    struct place backup = place_new(), elsewhere;
    (void)state;
    char *folder = backed_up(&world, &backup);
    erase(&world, "user_id:u1");
    struct world other = machine_new(&world, &elsewhere, NULL, 0);
    folder = str_z(&other.arena, str_of(folder));
    world_end(&world); /* its tombstones are gone with it: only the backup itself can know */
    check_fine(engine_restore(&other.arena, folder, elsewhere.path, NULL));
    world_open(&other);
    assert_true(is_erased(&other, "user_id:u1"));
    check_str(world_trait(&other, "user_id:u2", "name"), "\"N2\"");
    all_well(&other);
    world_end(&other);
    remove_all(backup.path);
}

/* The tombstones that a restore found where the backup was made are its own from then on. */
static void what_one_restore_learned_the_next_one_knows(void **state)
{
    struct world world = {0};
    struct place backup = place_new(), away = place_new(), elsewhere;
    (void)state;
    carry_away(backed_up(&world, &backup), &away);
    erase(&world, "user_id:u2");
    struct place copy = place_new(); /* of the carried backup, which no restore changes */
    const char *const names[] = {"backup.json", "vault", "telos.db", "verifier.pub"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        copy_file(away.path, copy.path, names[i]);
    struct world other = machine_new(&world, &elsewhere, NULL, 0);
    world_close(&world);
    check_fine(engine_restore(&other.arena, away.path, elsewhere.path, NULL)); /* finds them where the backup was made */
    world_open(&world);
    world_end(&world); /* they are gone there */
    check_fine(engine_restore(&other.arena, copy.path, elsewhere.path, NULL));
    world_open(&other);
    assert_true(is_erased(&other, "user_id:u2"));
    world_end(&other);
    remove_all(backup.path);
    remove_all(away.path);
    remove_all(copy.path);
}

/* ---- what was refused since ---- */

static bool is_allowed(struct world *world, const char *subject, const char *purpose)
{
    const struct policy *policy = engine_policy(world->engine);
    struct person *person = world_person(world, subject, PERSON_HEAD);
    struct question question = {.purpose = str_of(purpose), .operation = OPERATION_USE, .at_ms = TIME_NONE, .known_ms = TIME_NONE,
                                .now_ms = clock_now_ms()};
    struct decision decision = {0};
    gate_decide(&world->arena, policy, person, &question, &decision);
    engine_policy_release(world->engine, policy);
    return decision.allow;
}

static size_t said(struct world *world, const char *subject, enum consent_status status)
{
    size_t count = 0;
    struct person *person = world_person(world, subject, PERSON_HEAD);
    assert_non_null(person);
    vec_each (record, &person->consents)
        count += record->status == status;
    return count;
}

static void who_has_withdrawn_since_does_not_consent_again(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    struct consent first = world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    world_state(&world, "user_id:u2", "statistics", CONSENT_OBJECTED);
    world_state(&world, "user_id:u3", "fulfilment", CONSENT_ENDED);
    for (int round = 0; round < 2; round++) { /* restoring it again changes nothing */
        restore(&world, folder);
        assert_false(is_allowed(&world, "user_id:u1", "newsletter"));
        assert_int_equal(said(&world, "user_id:u1", CONSENT_WITHDRAWN), 1);
        struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
        vec_each (record, &person->consents)
            if (record->status == CONSENT_WITHDRAWN)
                assert_int_equal(record->at_ms, first.at_ms); /* when it was said, not when it was said again */
        assert_int_equal(said(&world, "user_id:u2", CONSENT_OBJECTED), 1);
        assert_int_equal(said(&world, "user_id:u3", CONSENT_ENDED), 1);
        assert_true(is_allowed(&world, "user_id:u2", "newsletter"));
        check_str(world_trait(&world, "user_id:u1", "hobby"), "");
        all_well(&world);
    }
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN); /* a later yes stands */
    assert_true(is_allowed(&world, "user_id:u1", "newsletter"));
    world_end(&world);
    remove_all(backup.path);
}

static void consent_string(struct world *world, int64_t day_ms, unsigned vendor)
{
    struct tc_make make = {.day_ms = day_ms, .consent = 1, .own_consent = 1, .vendor = vendor, .disclosed = vendor, .policy_version = 4};
    str text = str_printf(&world->arena, "{'userId':'u1','event':'Seen','properties':{'colour':'red'},'context':{'consent':{'tcf':'%.*s'}}}",
                          STR_FMT(tc_make(&world->arena, &make)));
    (void)world_send(world, EVENT_TRACK, "till", str_z(&world->arena, text));
}

/* One string speaks of both vendors, in one millisecond and for one purpose: neither no may hide the other. */
static void a_vendor_that_was_denied_since_stays_denied(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    int64_t now_ms = clock_now_ms(), today_ms = now_ms - now_ms % DAY_MS;
    (void)state;
    world_begin(&world);
    char *policy = str_z(&world.arena, str_of(world_policy)), *end = strstr(policy, "identity:\n"), *place = strstr(policy, "expires: P1Y after given");
    assert_true(end && place);
    world_apply(&world, arena_printf(&world.arena, "%.*stcf: [1], %.*s"
        "  one: { kind: webhook, purpose: newsletter, tcf_vendor: 755, recipient: \"One (processor, HU)\", url: \"http://127.0.0.1:1/\" }\n"
        "  two: { kind: webhook, purpose: newsletter, tcf_vendor: 800, recipient: \"Two (processor, HU)\", url: \"http://127.0.0.1:1/\" }\n%s",
        (int)(place - policy), policy, (int)(end - place), place, end));
    customers(&world);
    consent_string(&world, today_ms - 3 * DAY_MS, 755);
    consent_string(&world, today_ms - 2 * DAY_MS, 800);
    size_t denied = said(&world, "user_id:u1", CONSENT_VENDOR_DENIED);
    char *folder = arena_printf(&world.arena, "%s/monday", backup.path);
    check_fine(engine_backup(world.engine, &world.arena, folder, NULL, NULL));
    consent_string(&world, today_ms - DAY_MS, 0);
    size_t later = said(&world, "user_id:u1", CONSENT_VENDOR_DENIED);
    assert_true(later > denied);
    for (int round = 0; round < 2; round++) {
        restore(&world, folder);
        assert_int_equal(said(&world, "user_id:u1", CONSENT_VENDOR_DENIED), later);
        all_well(&world);
    }
    world_end(&world);
    remove_all(backup.path);
}

static void what_was_refused_before_the_backup_is_not_said_again(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    world_begin(&world);
    customers(&world);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    char *folder = arena_printf(&world.arena, "%s/monday", backup.path);
    check_fine(engine_backup(world.engine, &world.arena, folder, NULL, NULL));
    restore(&world, folder);
    assert_true(is_allowed(&world, "user_id:u1", "newsletter"));
    assert_int_equal(said(&world, "user_id:u1", CONSENT_WITHDRAWN), 1);
    world_end(&world);
    remove_all(backup.path);
}

/* The identifier on which it was said came only after the backup: the person is known by another one. */
static void a_no_finds_the_person_by_any_identifier(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    world_send(&world, EVENT_IDENTIFY, "till", "{'userId':'u1','anonymousId':'a9','traits':{'name':'N1'}}");
    world_state(&world, "anonymous_id:a9", "newsletter", CONSENT_WITHDRAWN);
    restore(&world, folder);
    assert_false(is_allowed(&world, "user_id:u1", "newsletter"));
    world_end(&world);
    remove_all(backup.path);
}

static void a_log_of_refusals_brought_along_is_heard(void **state)
{
    struct world world = {0};
    struct place backup = place_new(), away = place_new(), elsewhere;
    const char *const brought[] = {"tombstones.log", "refusals.log"};
    (void)state;
    carry_away(backed_up(&world, &backup), &away);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    world_state(&world, "user_id:u2", "newsletter", CONSENT_WITHDRAWN);
    erase(&world, "user_id:u2"); /* whose line does not open any more */
    struct world other = machine_new(&world, &elsewhere, brought, COUNT_OF(brought));
    world_end(&world);
    check_fine(engine_restore(&other.arena, away.path, elsewhere.path, NULL));
    world_open(&other);
    assert_false(is_allowed(&other, "user_id:u1", "newsletter"));
    assert_true(is_erased(&other, "user_id:u2"));
    assert_true(is_allowed(&other, "user_id:u3", "newsletter"));
    all_well(&other);
    world_end(&other);
    remove_all(backup.path);
    remove_all(away.path);
}

static void damaged_lines_cost_only_themselves(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    world_state(&world, "user_id:u1", "newsletter", CONSENT_WITHDRAWN);
    const char *path = arena_printf(&world.arena, "%s/refusals.log", world.data);
    FILE *log = fopen(path, "a");
    assert_non_null(log);
    assert_true(fputs("what is this\ntelos1 00 refusal 1 2026-01-01 AAAA\ntelos1 torn", log) >= 0);
    fclose(log);
    world_reopen(&world); /* cuts off what is torn */
    world_state(&world, "user_id:u2", "newsletter", CONSENT_WITHDRAWN);
    restore(&world, folder);
    assert_false(is_allowed(&world, "user_id:u1", "newsletter"));
    assert_false(is_allowed(&world, "user_id:u2", "newsletter"));
    all_well(&world);
    world_end(&world);
    remove_all(backup.path);
}

static void without_the_master_key_nothing_is_touched(void **state)
{
    struct world world = {0};
    struct place backup = place_new(), elsewhere = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    check_code(engine_restore(&world.arena, folder, elsewhere.path, NULL), ERR_UNAVAILABLE);
    assert_false(exists(elsewhere.path, "telos.db"));
    check_code(engine_restore(&world.arena, elsewhere.path, elsewhere.path, NULL), ERR_NOT_FOUND); /* no backup there */
    struct world other = {0}; /* a vault of its own: another master key */
    world_begin(&other);
    world_send(&other, EVENT_TRACK, "till", "{'userId':'x','event':'Seen'}");
    world_close(&other);
    assert_non_null(engine_restore(&world.arena, folder, other.data, NULL));
    world_open(&other); /* untouched */
    assert_int_equal(engine_batch_last(other.engine), 1);
    world_end(&other);
    world_end(&world);
    remove_all(backup.path);
    remove_all(elsewhere.path);
}

static void an_interrupted_restore_is_not_served(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    (void)state;
    char *folder = backed_up(&world, &backup);
    world_close(&world);
    FILE *mark = fopen(arena_printf(&world.arena, "%s/restore.unfinished", world.data), "w");
    assert_non_null(mark);
    fclose(mark);
    struct engine_options options = {.data = world.data};
    struct engine *engine = NULL;
    check_code(engine_open(&world.arena, &options, &engine), ERR_CONFLICT);
    check_fine(engine_restore(&world.arena, folder, world.data, NULL));
    world_open(&world);
    check_str(world_trait(&world, "user_id:u1", "name"), "\"N1\"");
    world_end(&world);
    remove_all(backup.path);
}

/* Killed at any moment, a restore leaves either what was there before or a directory that is not served until it has been run again. */
static void a_killed_restore_is_run_again(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    unsigned interrupted = 0;
    (void)state;
    char *folder = backed_up(&world, &backup);
    erase(&world, "user_id:u1");
    world_close(&world);
    int64_t began_us = clock_monotonic_us();
    check_fine(engine_restore(&world.arena, folder, world.data, NULL));
    int64_t whole_us = clock_monotonic_us() - began_us;
    for (unsigned round = 0; round < 40; round++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            int64_t us = 1 + whole_us * round / 36; /* the last ones mostly come too late */
            struct itimerval soon = {.it_value = {us / 1000000, us % 1000000}};
            struct arena arena;
            (void)signal(SIGALRM, SIG_DFL);
            (void)setitimer(ITIMER_REAL, &soon, NULL);
            arena_init(&arena);
            _exit(engine_restore(&arena, folder, world.data, NULL) ? 1 : 0);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        interrupted += WIFSIGNALED(status);
        struct engine_options options = {.data = world.data};
        const struct err *refused = engine_open(&world.arena, &options, &world.engine);
        if (refused) {
            assert_int_equal(refused->code, ERR_CONFLICT);
            check_fine(engine_restore(&world.arena, folder, world.data, NULL));
            check_fine(engine_open(&world.arena, &options, &world.engine));
        }
        check_fine(engine_reader(world.engine, &world.reader));
        assert_true(is_erased(&world, "user_id:u1"));
        check_str(world_trait(&world, "user_id:u2", "name"), "\"N2\"");
        if (round % 10 == 0)
            all_well(&world);
        world_close(&world);
    }
    print_message("%u restores were interrupted\n", interrupted);
    world_end(&world);
    remove_all(backup.path);
}

struct traffic {
    struct world *world;
    _Atomic bool stop;
    _Atomic unsigned sent;
};

static void *traffic_main(void *context)
{
    struct traffic *traffic = context;
    struct arena arena;
    arena_init(&arena);
    while (!traffic->stop) {
        struct json body;
        unsigned n = traffic->sent;
        str text = str_printf(&arena, "{\"userId\":\"u%u\",\"event\":\"Seen\",\"properties\":{\"colour\":\"%u\"}}", n % 20, n);
        assert_null(json_read(&arena, text, &body));
        struct collected collected = {.body = &body, .text = text, .path_type = EVENT_TRACK, .sent_ms = TIME_NONE};
        struct work work = {.arena = &arena, .source = STR("web"), .messages = &collected, .message_count = 1, .bytes = text.length};
        assert_null(engine_do(traffic->world->engine, &work));
        engine_work_release(traffic->world->engine, &work);
        arena_clear(&arena);
        traffic->sent = n + 1;
    }
    arena_release(&arena);
    return NULL;
}

static void a_backup_made_under_load_hangs_together(void **state)
{
    struct world world = {.background = true};
    struct place backup = place_new();
    struct traffic traffic = {.world = &world};
    pthread_t thread;
    (void)state;
    world_begin(&world);
    customers(&world);
    assert_int_equal(pthread_create(&thread, NULL, traffic_main, &traffic), 0);
    while (traffic.sent < 50)
        (void)usleep(1000);
    char *folder = arena_printf(&world.arena, "%s/busy", backup.path);
    check_fine(engine_backup(world.engine, &world.arena, folder, NULL, NULL));
    unsigned sent = traffic.sent;
    while (traffic.sent < sent + 50)
        (void)usleep(1000);
    traffic.stop = true;
    pthread_join(thread, NULL);
    world_close(&world);
    check_fine(engine_restore(&world.arena, folder, world.data, NULL));
    world.background = false;
    world_open(&world);
    all_well(&world);
    check_str(world_trait(&world, "user_id:u3", "name"), "\"N3\"");
    world_end(&world);
    remove_all(backup.path);
}

static void count(void *context, uint64_t done, uint64_t all)
{
    assert_true(done <= all);
    ++*(unsigned *)context;
}

static void keys_are_rotated_while_serving(void **state)
{
    struct world world = {0};
    struct place backup = place_new();
    struct vault_status before, after;
    unsigned steps = 0;
    (void)state;
    char *folder = backed_up(&world, &backup);
    str key = str_copy(&world.arena, engine_verifier_key(world.engine));
    check_fine(vault_status(&world.arena, engine_vault(world.engine), &before));
    check_fine(engine_keys_rotate(world.engine, &world.arena, count, &steps));
    check_fine(vault_status(&world.arena, engine_vault(world.engine), &after));
    assert_int_equal(after.generation, before.generation + 1);
    assert_true(steps > 0);
    assert_memory_not_equal(before.master_key_id, after.master_key_id, 8);
    assert_true(str_equal(key, engine_verifier_key(world.engine)));
    check_str(world_trait(&world, "user_id:u1", "name"), "\"N1\"");
    world_reopen(&world);
    check_str(world_trait(&world, "user_id:u1", "name"), "\"N1\"");
    all_well(&world);
    world_close(&world);
    check_fine(engine_restore(&world.arena, folder, world.data, NULL)); /* the backup was brought to the new key */
    world_open(&world);
    check_str(world_trait(&world, "user_id:u2", "name"), "\"N2\"");
    all_well(&world);
    world_end(&world);
    remove_all(backup.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_backed_up_comes_back),
        cmocka_unit_test(who_was_erased_since_stays_erased),
        cmocka_unit_test(an_unreachable_backup_brings_no_key_back_either),
        cmocka_unit_test(a_backup_is_reached_by_what_is_erased_later),
        cmocka_unit_test(what_one_restore_learned_the_next_one_knows),
        cmocka_unit_test(who_has_withdrawn_since_does_not_consent_again),
        cmocka_unit_test(a_vendor_that_was_denied_since_stays_denied),
        cmocka_unit_test(what_was_refused_before_the_backup_is_not_said_again),
        cmocka_unit_test(a_no_finds_the_person_by_any_identifier),
        cmocka_unit_test(a_log_of_refusals_brought_along_is_heard),
        cmocka_unit_test(damaged_lines_cost_only_themselves),
        cmocka_unit_test(without_the_master_key_nothing_is_touched),
        cmocka_unit_test(an_interrupted_restore_is_not_served),
        cmocka_unit_test(a_killed_restore_is_run_again),
        cmocka_unit_test(a_backup_made_under_load_hangs_together),
        cmocka_unit_test(keys_are_rotated_while_serving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
