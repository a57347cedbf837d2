/* Views of people in memory are what making them anew would give: after each kind of change, by the passing of time, and while others write. */
#include "engine_world.h"

#include "engine/engine_private.h"
#include "engine/view_cache.h"
#include "engine/view_words.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define STEPS 500
#define USERS 10

static uint32_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

/* ---- a reader as the server is one ---- */

struct reading {
    struct engine *engine;
    struct reader *reader;
    struct arena *arena;
    bool kept; /* the last text came from memory */
};

/* The text, and until when it holds; "nobody" and "denied" are not kept. */
static str made(struct reading *reading, const struct policy *policy, const char *subject, const struct purpose *purpose, int64_t now_ms,
                const struct view_place *place)
{
    struct person *person = NULL;
    struct profile_view view;
    struct buf buf;
    struct jsonw w;
    check_fine(engine_person(reading->reader, reading->arena, policy, str_of(subject), PERSON_HEAD | PERSON_FACTS, &person));
    if (!person)
        return STR("nobody");
    struct question question = {.purpose = purpose->name, .at_ms = TIME_NONE, .known_ms = TIME_NONE, .now_ms = now_ms, .operation = OPERATION_USE};
    profile_view(reading->arena, policy, person, &question, NULL, &view);
    if (!view.decision.allow)
        return STR("denied");
    buf_init(&buf, reading->arena, 1 << 20);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    profile_view_write(&w, &view, (struct view_told){~(purpose_mask)0, WITHHELD_ALL});
    struct event *events;
    size_t count;
    check_fine(engine_events(reading->reader, reading->arena, policy, person, 0, 20, &events, &count));
    jsonw_key(&w, STR("events"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++) {
        str body;
        int64_t until_ms = profile_view_event_until(&view, &events[i]);
        view.valid_until_ms = until_ms < view.valid_until_ms ? until_ms : view.valid_until_ms;
        if (profile_view_event(reading->arena, &view, NULL, &events[i], &body))
            jsonw_raw(&w, body);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    if (place)
        engine_view_keep(reading->engine, policy, place, person, now_ms, view.valid_until_ms, buf_str(&buf));
    return buf_str(&buf);
}

static str seen(struct reading *reading, const char *subject, const char *purpose_name)
{
    const struct policy *policy = engine_policy(reading->engine);
    const struct purpose *purpose = policy_purpose(policy, str_of(purpose_name));
    struct view_place place;
    struct buf buf;
    profile_no root;
    assert_non_null(purpose);
    place = (struct view_place){.purpose = purpose->slot, .variant = 20, .told = ~(purpose_mask)0};
    buf_init(&buf, reading->arena, 1 << 20);
    check_fine(engine_view_find(reading->engine, reading->arena, policy, str_of(subject), &place, &buf, &root, &reading->kept));
    str text = reading->kept ? buf_str(&buf) : made(reading, policy, subject, purpose, clock_now_ms(), &place);
    engine_policy_release(reading->engine, policy);
    return text;
}

static str anew(struct reading *reading, const char *subject, const char *purpose_name)
{
    const struct policy *policy = engine_policy(reading->engine);
    str text = made(reading, policy, subject, policy_purpose(policy, str_of(purpose_name)), clock_now_ms(), NULL);
    engine_policy_release(reading->engine, policy);
    return text;
}

/* ---- each kind of change ---- */

static struct world world;
static struct reading reading;

static void begin(void)
{
    world = (struct world){0};
    world_begin(&world);
    reading = (struct reading){world.engine, world.reader, &world.arena, false};
}

/* From now on memory has it. */
static str remembered(const char *subject, const char *purpose)
{
    str first = seen(&reading, subject, purpose), second = seen(&reading, subject, purpose);
    assert_true(reading.kept);
    assert_true(str_equal(first, second));
    return second;
}

/* The next read is made anew, and is another one. */
static str changed(str before, const char *subject, const char *purpose)
{
    str after = seen(&reading, subject, purpose);
    assert_false(reading.kept);
    assert_false(str_equal(before, after));
    assert_true(str_equal(after, anew(&reading, subject, purpose)));
    return after;
}

static void anna_and_bela(void)
{
    world_state(&world, "user_id:anna", "newsletter", CONSENT_GIVEN);
    world_state(&world, "anonymous_id:bela", "newsletter", CONSENT_GIVEN);
    assert_int_equal(world_send(&world, EVENT_IDENTIFY, "web", "{'userId':'anna','traits':{'name':'Anna','email':'anna@b.hu'}}"), OUTCOME_ACCEPTED);
    assert_int_equal(world_send(&world, EVENT_IDENTIFY, "web", "{'anonymousId':'bela','traits':{'name':'Bela'}}"), OUTCOME_ACCEPTED);
}

static struct request *ask(enum request_kind kind, const char *subject, const char *other)
{
    const struct policy *policy = engine_policy(world.engine);
    struct request *request = arena_new(&world.arena, struct request);
    request->kind = kind;
    check_fine(identity_parse_subject(&world.arena, policy, str_of(subject), &request->subject));
    if (other)
        check_fine(identity_parse_subject(&world.arena, policy, str_of(other), &request->other));
    engine_policy_release(world.engine, policy);
    return request;
}

static void done(struct request *request)
{
    struct work work = {.arena = &world.arena, .requests = request, .request_count = 1};
    check_fine(engine_do(world.engine, &work));
    check_str(request->refusal, "");
    engine_work_release(world.engine, &work);
}

static void the_next_read_sees_every_change(void **state)
{
    (void)state;
    begin();
    anna_and_bela();
    str bela = remembered("anonymous_id:bela", "newsletter");
    str text = remembered("user_id:anna", "newsletter");
    assert_true(str_find(text, STR("Anna")) >= 0);
    (void)world_send(&world, EVENT_IDENTIFY, "web", "{'userId':'anna','traits':{'name':'Anna Maria'}}");
    text = changed(text, "user_id:anna", "newsletter");
    assert_true(str_find(text, STR("Anna Maria")) >= 0);

    text = remembered("email:anna@b.hu", "newsletter"); /* by another identifier of hers */
    (void)world_send(&world, EVENT_TRACK, "web", "{'userId':'anna','event':'Looked'}");
    text = changed(text, "email:anna@b.hu", "newsletter");
    assert_true(str_find(text, STR("Looked")) >= 0);

    text = remembered("user_id:anna", "newsletter");
    struct request *request = ask(REQUEST_PREFERENCES, "user_id:anna", NULL);
    request->value = world_json(&world, "{'channels':{'email':false}}");
    done(request);
    text = changed(text, "user_id:anna", "newsletter");

    text = remembered("user_id:anna", "newsletter");
    request = ask(REQUEST_JOIN, "user_id:anna", "anonymous_id:bela");
    done(request);
    struct uuid merge = request->merge;
    text = changed(text, "user_id:anna", "newsletter");
    str both = changed(bela, "anonymous_id:bela", "newsletter");
    assert_true(str_find(both, STR("Anna Maria")) >= 0 && str_find(both, STR("bela")) >= 0);

    text = remembered("user_id:anna", "newsletter");
    both = remembered("anonymous_id:bela", "newsletter");
    request = ask(REQUEST_UNDO_MERGE, "user_id:anna", NULL);
    request->merge = merge;
    done(request);
    text = changed(text, "user_id:anna", "newsletter");
    assert_true(str_find(text, STR("bela")) < 0);
    both = changed(both, "anonymous_id:bela", "newsletter");
    assert_true(str_find(both, STR("anna")) < 0);

    text = remembered("user_id:anna", "newsletter");
    world_state(&world, "user_id:anna", "", CONSENT_RESTRICTED);
    check_str(changed(text, "user_id:anna", "newsletter"), "denied");
    world_state(&world, "user_id:anna", "", CONSENT_UNRESTRICTED);
    text = remembered("user_id:anna", "newsletter");
    world_state(&world, "user_id:anna", "newsletter", CONSENT_OBJECTED);
    check_str(changed(text, "user_id:anna", "newsletter"), "denied");

    both = remembered("anonymous_id:bela", "newsletter");
    world_state(&world, "anonymous_id:bela", "newsletter", CONSENT_WITHDRAWN);
    check_str(changed(both, "anonymous_id:bela", "newsletter"), "denied");
    world_end(&world);
}

static void an_erased_person_is_gone_from_memory(void **state)
{
    (void)state;
    begin();
    anna_and_bela();
    (void)remembered("user_id:anna", "newsletter");
    (void)remembered("email:anna@b.hu", "newsletter");
    size_t views = view_cache_count(world.engine->view_cache);
    done(ask(REQUEST_ERASE, "user_id:anna", NULL));
    assert_int_equal(view_cache_count(world.engine->view_cache), views - 2);
    str text = seen(&reading, "user_id:anna", "newsletter");
    assert_false(reading.kept);
    assert_true(str_find(text, STR("Anna")) < 0);
    world_end(&world);
}

static const char *without_name(void) /* of the policy: newsletter does not cover the name any more */
{
    const char *from = "categories: [email, account, device, name, behaviour, purchase], ";
    const char *at = strstr(world_policy, from);
    return arena_printf(&world.arena, "%.*scategories: [email, account, device, behaviour, purchase], %s", (int)(at - world_policy), world_policy,
                        at + strlen(from));
}

static void a_policy_switch_is_seen_at_once(void **state)
{
    (void)state;
    begin();
    anna_and_bela();
    str text = remembered("user_id:anna", "newsletter");
    world_apply(&world, without_name());
    text = changed(text, "user_id:anna", "newsletter");
    assert_true(str_find(text, STR("\"Anna\"")) < 0);
    world_end(&world);
}

static void a_rotation_of_keys_and_a_restart_change_nothing(void **state)
{
    (void)state;
    begin();
    anna_and_bela();
    str text = remembered("user_id:anna", "newsletter");
    check_fine(engine_keys_rotate(world.engine, &world.arena, NULL, NULL));
    assert_true(str_equal(seen(&reading, "user_id:anna", "newsletter"), text));
    assert_true(str_equal(anew(&reading, "user_id:anna", "newsletter"), text));
    world_reopen(&world);
    reading = (struct reading){world.engine, world.reader, &world.arena, false};
    assert_true(str_equal(seen(&reading, "user_id:anna", "newsletter"), text));
    assert_false(reading.kept); /* memory only */
    world_end(&world);
}

static void time_alone_ends_a_view(void **state)
{
    (void)state;
    begin();
    world.received_ms = clock_now_ms() - 365 * DAY_MS + 1500; /* `newsletter` expires a year after it was given: soon */
    world_state(&world, "user_id:anna", "newsletter", CONSENT_GIVEN);
    world.received_ms = 0;
    (void)world_send(&world, EVENT_IDENTIFY, "web", "{'userId':'anna','traits':{'name':'Anna'}}");
    str text = remembered("user_id:anna", "newsletter");
    assert_true(str_find(text, STR("Anna")) >= 0);
    for (int i = 0; i < 400 && !str_equal(text, STR("denied")); i++) {
        text = seen(&reading, "user_id:anna", "newsletter");
        str now = anew(&reading, "user_id:anna", "newsletter");
        if (str_equal(text, STR("denied")))
            check_str(now, "denied");
        usleep(10000);
    }
    check_str(text, "denied");
    world_end(&world);
}

static void random_lives_are_read_as_they_are(void **state)
{
    (void)state;
    static const char *const purposes[] = {"newsletter", "fulfilment", "statistics"};
    size_t kept = 0;
    begin();
    uint64_t seed = 4711;
    for (int i = 0; i < STEPS; i++) {
        unsigned who = next(&seed) % USERS, device = next(&seed) % USERS, kind = next(&seed) % 100;
        const char *user = arena_printf(&world.arena, "user_id:u%u", who), *other = arena_printf(&world.arena, "anonymous_id:a%u", device);
        if (kind < 25)
            (void)world_send(&world, EVENT_TRACK, "web", arena_printf(&world.arena, "{'userId':'u%u','event':'Seen','properties':{'total':%d}}", who, i));
        else if (kind < 45)
            (void)world_send(&world, EVENT_IDENTIFY, "web",
                             arena_printf(&world.arena, "{'userId':'u%u','traits':{'name':'N%d','email':'u%u@b.hu'}}", who, i, who));
        else if (kind < 55)
            (void)world_send(&world, EVENT_TRACK, "till", arena_printf(&world.arena, "{'userId':'u%u','anonymousId':'a%u','event':'Order Completed'}", who, device));
        else if (kind < 75)
            (void)world_state(&world, next(&seed) % 2 ? user : other, "newsletter", CONSENT_GIVEN);
        else if (kind < 82)
            (void)world_state(&world, user, "newsletter", CONSENT_WITHDRAWN);
        else if (kind < 88)
            (void)world_state(&world, other, "statistics", CONSENT_OBJECTED);
        else if (kind < 94)
            (void)world_state(&world, user, "fulfilment", CONSENT_OPENED);
        else if (kind < 97)
            (void)world_state(&world, user, "", next(&seed) % 2 ? CONSENT_RESTRICTED : CONSENT_UNRESTRICTED);
        else { /* nothing can be said of who was erased */
            const char *gone = arena_printf(&world.arena, "user_id:gone%d", i);
            (void)world_state(&world, gone, "newsletter", CONSENT_GIVEN);
            (void)world_send(&world, EVENT_IDENTIFY, "web", arena_printf(&world.arena, "{'userId':'gone%d','traits':{'name':'N%d'}}", i, i));
            (void)remembered(gone, "newsletter");
            done(ask(REQUEST_ERASE, gone, NULL));
            str text = seen(&reading, gone, "newsletter");
            assert_false(reading.kept);
            assert_true(str_find(text, STR("N")) < 0);
        }
        for (int reads = 0; reads < 12; reads++) {
            const char *subject = arena_printf(&world.arena, "%s%u", next(&seed) % 2 ? "user_id:u" : "anonymous_id:a", next(&seed) % USERS);
            const char *purpose = purposes[next(&seed) % 3];
            str text = seen(&reading, subject, purpose);
            kept += reading.kept;
            if (reading.kept)
                assert_true(str_equal(text, anew(&reading, subject, purpose)));
        }
    }
    assert_true(kept > 500);
    world_end(&world);
}

/* ---- many readers, one writer ---- */

#define READERS 3
#define WRITES 300

struct race {
    _Atomic int written; /* the number that the last answered write carried */
    _Atomic bool over;
    _Atomic size_t kept;
};

static void *race_read(void *context)
{
    struct race *race = context;
    struct arena arena;
    struct reading mine = {.engine = world.engine, .arena = &arena};
    arena_init(&arena);
    check_fine(engine_reader(world.engine, &mine.reader));
    while (!race->over) {
        int least = race->written;
        str text = seen(&mine, "user_id:anna", "newsletter");
        race->kept += mine.kept;
        ptrdiff_t at = str_find(text, STR("\"value\":\"N"));
        assert_true(at >= 0);
        str rest = str_slice(text, (size_t)at + 10, text.length);
        int64_t number;
        assert_true(str_to_int64(str_slice(rest, 0, (size_t)str_find_char(rest, '"')), &number));
        assert_true(number >= least); /* what was answered before the read began is in it */
        arena_clear(&arena);
    }
    engine_reader_close(mine.reader);
    arena_release(&arena);
    return NULL;
}

static void nobody_reads_less_than_was_answered_before(void **state)
{
    (void)state;
    struct race race = {0};
    pthread_t readers[READERS];
    begin();
    world_state(&world, "user_id:anna", "newsletter", CONSENT_GIVEN);
    (void)world_send(&world, EVENT_IDENTIFY, "web", "{'userId':'anna','traits':{'name':'N0'}}");
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, race_read, &race), 0);
    for (int i = 1; i <= WRITES; i++) {
        (void)world_send(&world, EVENT_IDENTIFY, "web", arena_printf(&world.arena, "{'userId':'anna','traits':{'name':'N%d'}}", i));
        race.written = i;
        if (i % 10 == 0)
            usleep(2000);
    }
    race.over = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_true(race.kept > 0);
    world_end(&world);
}

/* ---- the cache alone ---- */

static struct view_key key_of(uint64_t number)
{
    struct view_key key = {.purpose = (uint16_t)(number % 3), .variant = 20};
    uint64_t seed = number;
    for (int i = 0; i < 16; i++)
        key.hash.bytes[i] = (uint8_t)next(&seed);
    return key;
}

/* Half of it is alike in all, half of it in none. */
static str text_of(struct arena *arena, uint64_t number)
{
    uint64_t seed = number * 77;
    uint8_t noise[300];
    size_t length = 100 + number % 200;
    for (size_t i = 0; i < length; i++)
        noise[i] = (uint8_t)next(&seed);
    return str_printf(arena,
                      "{\"id\":\"%016llx\",\"traits\":{\"name\":\"Person %llu\",\"city\":\"Budapest\"},\"events\":[{\"type\":\"track\",\"event\":\"Product "
                      "Viewed\",\"currency\":\"HUF\",\"category\":\"City bikes\"},{\"type\":\"identify\",\"source\":\"site\",\"noise\":\"%.*s\"}]}",
                      (unsigned long long)(number * 0x9E3779B97F4A7C15u), (unsigned long long)number, STR_FMT(str_hex(arena, noise, length)));
}

static bool has(struct view_cache *cache, struct arena *arena, uint64_t number, int64_t now_ms)
{
    struct view_key key = key_of(number);
    struct view_made found;
    struct buf buf;
    buf_init(&buf, arena, 1 << 20);
    if (!view_cache_get(cache, 1, &key, now_ms, &buf, &found))
        return false;
    assert_int_equal(found.root.value, number);
    assert_true(str_equal(buf_str(&buf), text_of(arena, number)));
    return true;
}

static void put(struct view_cache *cache, struct arena *arena, uint64_t number)
{
    struct view_key key = key_of(number);
    struct view_made is = {.root = {number}, .from_ms = 1000, .until_ms = 2000};
    view_cache_put(cache, 1, &key, view_cache_mark(cache, &key.hash), &is, text_of(arena, number));
}

static void the_cache_gives_back_what_it_got_and_is_bounded(void **state)
{
    (void)state;
    enum { PEOPLE = 50000, BYTES = 64 * 272 * 1024 };
    struct arena arena;
    arena_init(&arena);
    struct view_cache *cache = view_cache_new(BYTES);
    view_cache_clear(cache, 1);
    for (uint64_t number = 1; number <= PEOPLE; number++) {
        put(cache, &arena, number);
        assert_true(has(cache, &arena, number, 1500));
        if (number % 7 == 0) {
            struct person person = {0};
            *(struct identifier *)vec_push(&arena, &person.identifiers) = (struct identifier){.hash = key_of(number).hash};
            view_cache_forget(cache, &person);
            assert_false(has(cache, &arena, number, 1500));
        }
        if (number % 5 == 0)
            put(cache, &arena, number - 3); /* again */
        arena_clear(&arena);
    }
    size_t kept = 0;
    for (uint64_t number = 1; number <= PEOPLE; number++) {
        kept += has(cache, &arena, number, 1999);
        arena_clear(&arena);
    }
    assert_int_equal(kept, view_cache_count(cache));
    assert_true(kept > PEOPLE / 4 && kept < PEOPLE * 6 / 7); /* more than would fit unpacked, and the oldest went */
    assert_false(has(cache, &arena, PEOPLE, 999)); /* before it was made */
    assert_true(has(cache, &arena, PEOPLE, 1000));
    assert_false(has(cache, &arena, PEOPLE, 2000)); /* and when its time is over: it is gone */
    assert_false(has(cache, &arena, PEOPLE, 1000));
    view_cache_clear(cache, 2);
    assert_int_equal(view_cache_count(cache), 0);
    view_cache_free(cache);
    arena_release(&arena);
}

static void who_read_before_a_change_cannot_keep_it_after(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct view_cache *cache = view_cache_new(64 * 1024 * 1024);
    view_cache_clear(cache, 1);
    struct view_key key = key_of(9);
    struct view_made is = {.root = {9}, .from_ms = 1000, .until_ms = 2000};
    struct person person = {0};
    *(struct identifier *)vec_push(&arena, &person.identifiers) = (struct identifier){.hash = key.hash, .change = CHANGE_GONE};
    uint32_t mark = view_cache_mark(cache, &key.hash);
    view_cache_forget(cache, &person);
    view_cache_put(cache, 1, &key, mark, &is, text_of(&arena, 9));
    assert_false(has(cache, &arena, 9, 1500));
    mark = view_cache_mark(cache, &key.hash);
    view_cache_clear(cache, 1);
    view_cache_put(cache, 1, &key, mark, &is, text_of(&arena, 9));
    assert_false(has(cache, &arena, 9, 1500));
    view_cache_put(cache, 2, &key, view_cache_mark(cache, &key.hash), &is, text_of(&arena, 9)); /* of another policy */
    assert_int_equal(view_cache_count(cache), 0);
    view_cache_free(cache);
    arena_release(&arena);
}

static void a_text_is_for_those_who_are_told_the_same(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct view_cache *cache = view_cache_new(64 * 1024 * 1024);
    view_cache_clear(cache, 1);
    struct view_made is = {.root = {9}, .from_ms = 1000, .until_ms = 2000};
    struct buf buf;
    for (uint64_t told = 0; told < 8; told++) {
        struct view_key key = key_of(9);
        key.told = told << 61;
        buf_init(&buf, &arena, 1000);
        assert_false(view_cache_get(cache, 1, &key, 1500, &buf, &is));
        view_cache_put(cache, 1, &key, view_cache_mark(cache, &key.hash), &is, str_printf(&arena, "for %u", (unsigned)told));
    }
    for (uint64_t told = 8; told-- > 0;) {
        struct view_key key = key_of(9);
        key.told = told << 61;
        buf_init(&buf, &arena, 1000);
        assert_true(view_cache_get(cache, 1, &key, 1500, &buf, &is));
        check_str(buf_str(&buf), arena_printf(&arena, "for %u", (unsigned)told));
    }
    view_cache_free(cache);
    arena_release(&arena);
}

static void words_name_nobody_and_pack_what_is_alike(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    str samples[WORDS_SAMPLES_MAX];
    for (size_t i = 0; i < WORDS_SAMPLES_MAX; i++)
        samples[i] = str_printf(&arena, "{\"id\":\"id%zux\",\"name\":\"Person%zuY\",\"email\":\"mail%zuz@example.com\",\"plan\":\"%s\",\"about\":\"\\\"%zuw\\\"\"}", i, i, i,
                                i % 2 ? "gold" : "silver", i);
    struct view_words *words = view_words_learn(&arena, samples, WORDS_SAMPLES_MAX);
    str text = view_words_text(words);
    assert_true(str_find(text, STR("\"email\":\"@example.com\"")) >= 0);
    for (size_t i = 0; i < WORDS_SAMPLES_MAX; i++) {
        char packed[4096], unpacked[4096];
        assert_true(str_find(text, str_printf(&arena, "Person%zuY", i)) < 0);
        assert_true(str_find(text, str_printf(&arena, "mail%zuz", i)) < 0);
        size_t with = view_pack(words, samples[i], packed, sizeof packed), without = view_pack(NULL, samples[i], unpacked, sizeof unpacked);
        assert_true(with && with < without && with < samples[i].length / 2);
        assert_true(view_unpack(words, str_bytes(packed, with), unpacked, samples[i].length));
        assert_memory_equal(unpacked, samples[i].data, samples[i].length);
        assert_false(view_unpack(words, str_bytes(packed, with), unpacked, samples[i].length - 1));
        assert_int_equal(view_pack(words, samples[i], packed, 4), 0);
    }
    view_words_free(words);
    words = view_words_learn(&arena, samples, 0);
    assert_int_equal(view_words_text(words).length, 0);
    view_words_free(words);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_read_sees_every_change),
        cmocka_unit_test(an_erased_person_is_gone_from_memory),
        cmocka_unit_test(a_policy_switch_is_seen_at_once),
        cmocka_unit_test(a_rotation_of_keys_and_a_restart_change_nothing),
        cmocka_unit_test(time_alone_ends_a_view),
        cmocka_unit_test(random_lives_are_read_as_they_are),
        cmocka_unit_test(nobody_reads_less_than_was_answered_before),
        cmocka_unit_test(the_cache_gives_back_what_it_got_and_is_bounded),
        cmocka_unit_test(who_read_before_a_change_cannot_keep_it_after),
        cmocka_unit_test(a_text_is_for_those_who_are_told_the_same),
        cmocka_unit_test(words_name_nobody_and_pack_what_is_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
