/* Identifiers: one spelling for one identifier, what identifies nobody, and whom a message names. */
#include "unit.h"

#include "core_policy.h"
#include "core_world.h"

static struct world world;

static int set_up(void **state)
{
    (void)state;
    world_begin(&world, CORE_POLICY);
    return 0;
}
static int tear_down(void **state)
{
    (void)state;
    world_end(&world);
    return 0;
}

struct spelling {
    const char *type, *written, *normal; /* normal NULL: invalid; "blocked" in brackets: blocked */
};

static const struct spelling spellings[] = {
    {"email", "Anna@Example.HU", "anna@example.hu"},
    {"email", "  anna@example.hu\t", "anna@example.hu"},
    {"email", "\u200banna@example.hu\ufeff", "anna@example.hu"},
    {"email", "mailto:anna@example.hu", "anna@example.hu"},
    {"email", "\uff21nna@example.hu", "anna@example.hu"}, /* full-width A */
    {"email", "an na@example.hu", NULL},
    {"email", "anna@", NULL},
    {"email", "@example.hu", NULL},
    {"email", "anna", NULL},
    {"email", "anna@example", NULL},
    {"email", "anna@@example.hu", NULL},
    {"email", "anna@example..hu", NULL},
    {"email", "Gy\u00f6rgy@p\u00e9lda.hu", "gy\u00f6rgy@p\u00e9lda.hu"},
    {"email", "gyo\u0308rgy@pe\u0301lda.hu", "gy\u00f6rgy@p\u00e9lda.hu"}, /* decomposed */
    {"phone", "+36 20 123 4567", "+36201234567"},
    {"phone", "06 20 123 4567", "+36201234567"},
    {"phone", "0036201234567", "+36201234567"},
    {"phone", "(06-20) 123-4567", "+36201234567"},
    {"phone", "20/123-4567", "+36201234567"},
    {"phone", "36201234567", "+36201234567"},
    {"phone", "+36 (0) 20 123 4567", "+36201234567"},
    {"phone", "+44 (0)20 7946 0958", "+442079460958"},
    {"phone", "+1 (212) 555-0123", "+12125550123"},
    {"phone", "tel:+36201234567", "+36201234567"},
    {"phone", "112", NULL},
    {"phone", "+0123456789", NULL},
    {"phone", "call me", NULL},
    {"phone", "+36 20 123 4567 ext. 5", NULL},
    {"user_id", "q\ufffd", NULL}, /* bytes that could not be read: another person may have others */
    {"user_id", " 42 ", "42"},
    {"user_id", "null", "(blocked)"},
    {"user_id", "undefined", "(blocked)"},
    {"user_id", "NaN", "(blocked)"},
    {"user_id", "[object Object]", "(blocked)"},
    {"user_id", "00000000-0000-0000-0000-000000000000", "(blocked)"},
    {"user_id", "Anna", "Anna"},
    {"anonymous_id", "kiosk-3", "(blocked)"},
    {"anonymous_id", "KIOSK-3", "(blocked)"},
    {"anonymous_id", "kios-3", "kios-3"},
    {"user_id", "   ", NULL},
    {"user_id", "\u200b\u200b", NULL},
};

static void one_identifier_has_one_spelling(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        const struct spelling *line = &spellings[i];
        str normal = STR_NONE;
        enum reason reason = REASON_COUNT;
        bool valid = identity_normalise(&world.arena, policy_key(world.policy, str_of(line->type)), str_of(line->written), &normal, &reason);
        if (!valid && reason == REASON_IDENTIFIER_BLOCKED)
            normal = STR("(blocked)");
        if (str_equal(normal, str_of(line->normal)) && (valid || !line->normal || reason == REASON_IDENTIFIER_BLOCKED))
            continue;
        print_error("%s <%s>: got <%.*s>, wanted <%s>\n", line->type, line->written, STR_FMT(normal), line->normal ? line->normal : "invalid");
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void normalising_twice_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        const struct identity_key *key = policy_key(world.policy, str_of(spellings[i].type));
        str once, twice;
        enum reason reason;
        if (!identity_normalise(&world.arena, key, str_of(spellings[i].written), &once, &reason))
            continue;
        assert_true(identity_normalise(&world.arena, key, once, &twice, &reason));
        assert_true(str_equal(once, twice));
    }
}

static void subjects_are_type_and_value(void **state)
{
    (void)state;
    struct message_identifier id;
    check_fine(identity_parse_subject(&world.arena, world.policy, STR("email:Anna@Example.hu"), &id));
    check_str(id.value, "anna@example.hu");
    check_code(identity_parse_subject(&world.arena, world.policy, STR("anna@example.hu"), &id), ERR_INVALID);
    check_code(identity_parse_subject(&world.arena, world.policy, STR("mail:anna@example.hu"), &id), ERR_INVALID);
    check_code(identity_parse_subject(&world.arena, world.policy, STR(":x"), &id), ERR_INVALID);
    const struct err *error = identity_parse_subject(&world.arena, world.policy, STR("email:needle"), &id);
    check_code(error, ERR_INVALID);
    assert_true(str_find(str_of(error->text), STR("needle")) < 0); /* an error text names no value */
}

/* "type:value" of each that the message names, strongest first, then what was ignored in brackets. */
static str named_by(const char *json)
{
    struct request request;
    struct buf buf;
    buf_init(&buf, &world.arena, 8192);
    if (!world_message(&world, "web", json, &request))
        return request.result.problem;
    for (size_t i = 0; i < request.message.identifier_count; i++) {
        const struct message_identifier *id = &request.message.identifiers[i];
        buf_printf(&buf, "%s%.*s:%.*s%s", i ? " " : "", STR_FMT(id->key->name), STR_FMT(id->value), id->previous ? "<" : "");
    }
    for (size_t i = 0; i < request.message.ignored_count; i++)
        buf_printf(&buf, " (%.*s %.*s)", STR_FMT(request.message.ignored[i].field),
                   STR_FMT(world_reasons(&world, request.message.ignored[i].reasons)));
    return buf_str(&buf);
}

static void a_message_names_its_people_strongest_first(void **state)
{
    (void)state;
    check_str(named_by("{\"type\":\"page\",\"anonymousId\":\"a1\",\"userId\":42}"), "user_id:42 anonymous_id:a1");
    check_str(named_by("{\"type\":\"identify\",\"anonymousId\":\"a1\",\"traits\":{\"email\":\"A@B.hu\",\"phone\":\"06201234567\"}}"),
              "email:a@b.hu phone:+36201234567 anonymous_id:a1");
    check_str(named_by("{\"type\":\"identify\",\"userId\":\"u\",\"context\":{\"traits\":{\"email\":\"a@b.hu\"},\"device\":{\"id\":\"d1\"}}}"),
              "user_id:u email:a@b.hu device_id:d1");
    check_str(named_by("{\"type\":\"page\",\"userId\":\"u\",\"context\":{\"externalIds\":[{\"id\":\"x@y.hu\",\"type\":\"email\",\"collection\":\"users\"},{\"id\":\"z\",\"type\":\"unheard\"}]}}"),
              "user_id:u email:x@y.hu");
    check_str(named_by("{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"email\":\"a@b.hu\"},\"context\":{\"traits\":{\"email\":\"A@b.hu\"}}}"), "user_id:u email:a@b.hu");
    check_str(named_by("{\"type\":\"identify\",\"userId\":\"u\",\"traits\":{\"email\":\"nonsense\"}}"), "user_id:u (traits.email identifier_invalid)");
    check_str(named_by("{\"type\":\"page\",\"userId\":null,\"anonymousId\":\"\"}"), "nobody is named: `userId` or `anonymousId` is missing");
    check_str(named_by("{\"type\":\"alias\",\"userId\":\"u\",\"previousId\":\"p\"}"), "user_id:u user_id:p< anonymous_id:p<");
    check_str(named_by("{\"type\":\"group\",\"userId\":\"u\",\"groupId\":\"g\",\"traits\":{\"email\":\"info@firm.hu\"}}"), "user_id:u"); /* a firm's address is no person's */
}

/* --- reading messages */

static struct message read_at(const char *json, const char *sent, bool historical)
{
    struct json *body = arena_new(&world.arena, struct json);
    struct message message = {.source = policy_source(world.policy, STR("web")), .received_ms = world.now_ms, .sent_ms = TIME_NONE, .historical = historical};
    struct message_result result = {0};
    check_fine(json_read(&world.arena, str_of(json), body));
    if (sent)
        assert_true(time_parse(str_of(sent), &message.sent_ms));
    assert_true(core_read_message(&world.arena, world.policy, body, NULL, EVENT_TYPE_COUNT, &message, &result));
    return message;
}

static void clocks_that_are_wrong_are_corrected(void **state)
{
    (void)state;
    world_at(&world, "2026-10-01T12:00:00Z");
    struct {
        const char *json, *sent;
        bool historical;
        const char *at;
    } lines[] = {
        {"{\"type\":\"page\",\"userId\":\"u\"}", NULL, false, "2026-10-01T12:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-10-01T11:00:00Z\"}", NULL, false, "2026-10-01T11:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2026-10-01T14:00:00Z\",\"sentAt\":\"2026-10-01T14:00:05Z\"}", NULL, false, "2026-10-01T11:59:55.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"originalTimestamp\":\"2026-10-01T14:00:00Z\"}", "2026-10-01T14:00:05Z", false, "2026-10-01T11:59:55.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2099-01-01T00:00:00Z\"}", NULL, false, "2026-10-01T12:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"1970-01-01T00:00:00Z\",\"sentAt\":\"2026-10-01T12:00:00Z\"}", NULL, false, "1970-01-01T00:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"2020-05-05T00:00:00Z\",\"sentAt\":\"2020-05-05T00:00:01Z\"}", NULL, true, "2020-05-05T00:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":1790848800000}", NULL, false, "2026-10-01T10:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":\"yesterday\"}", NULL, false, "2026-10-01T12:00:00.000Z"},
        {"{\"type\":\"page\",\"userId\":\"u\",\"timestamp\":-5}", NULL, false, "2026-10-01T12:00:00.000Z"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        check_str(time_format(&world.arena, read_at(lines[i].json, lines[i].sent, lines[i].historical).at_ms), lines[i].at);
}

static void a_message_that_means_nothing_is_invalid(void **state)
{
    (void)state;
    static const struct {
        const char *json, *problem;
    } lines[] = {
        {"[]", "a message is a JSON object"},
        {"{\"userId\":\"u\"}", "`type` is missing or none of identify, track, page, screen, group, alias"},
        {"{\"type\":\"buy\",\"userId\":\"u\"}", "`type` is missing or none of identify, track, page, screen, group, alias"},
        {"{\"type\":\"track\",\"userId\":\"u\"}", "`event` is missing"},
        {"{\"type\":\"track\",\"userId\":\"u\",\"event\":\" \"}", "`event` is missing"},
        {"{\"type\":\"group\",\"userId\":\"u\"}", "`groupId` is missing"},
        {"{\"type\":\"alias\",\"userId\":\"u\"}", "`previousId` is missing"},
        {"{\"type\":\"page\"}", "nobody is named: `userId` or `anonymousId` is missing"},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct request request;
        assert_false(world_message(&world, "web", lines[i].json, &request));
        assert_int_equal(request.result.outcome, OUTCOME_INVALID);
        check_str(request.result.problem, lines[i].problem);
    }
}

static void the_batchs_context_lies_under_the_messages(void **state)
{
    (void)state;
    struct json body, defaults;
    struct message message = {.source = policy_source(world.policy, STR("web")), .received_ms = world.now_ms, .sent_ms = TIME_NONE};
    struct message_result result = {0};
    check_fine(json_read(&world.arena, STR("{\"type\":\"page\",\"userId\":\"u\",\"context\":{\"ip\":\"1.2.3.4\"}}"), &body));
    check_fine(json_read(&world.arena, STR("{\"context\":{\"ip\":\"9.9.9.9\",\"app\":{\"name\":\"x\"}},\"integrations\":{\"All\":false},\"batch\":[1]}"), &defaults));
    assert_true(core_read_message(&world.arena, world.policy, &body, &defaults, EVENT_TYPE_COUNT, &message, &result));
    check_str(json_string(json_path(&message.body, STR("context.ip"))), "1.2.3.4");
    check_str(json_string(json_path(&message.body, STR("context.app.name"))), "x");
    assert_non_null(json_path(&message.body, STR("integrations.All")));
    assert_null(json_get(&message.body, STR("batch")));
    struct json again;
    check_fine(json_read(&world.arena, message.text, &again));
}

static void the_paths_type_beats_the_bodys(void **state)
{
    (void)state;
    struct json body;
    struct message message = {.source = policy_source(world.policy, STR("web")), .received_ms = world.now_ms, .sent_ms = TIME_NONE};
    struct message_result result = {0};
    check_fine(json_read(&world.arena, STR("{\"type\":\"track\",\"userId\":\"u\"}"), &body));
    assert_true(core_read_message(&world.arena, world.policy, &body, NULL, EVENT_PAGE, &message, &result));
    assert_int_equal(message.type, EVENT_PAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_identifier_has_one_spelling),
        TEST(normalising_twice_changes_nothing),
        TEST(subjects_are_type_and_value),
        TEST(a_message_names_its_people_strongest_first),
        TEST(clocks_that_are_wrong_are_corrected),
        TEST(a_message_that_means_nothing_is_invalid),
        TEST(the_batchs_context_lies_under_the_messages),
        TEST(the_paths_type_beats_the_bodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
