/* The webhook's signature and options. */
#include "deliver/webhook.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_signature_is_an_hmac_over_time_and_body(void **state)
{
    (void)state;
    char value[WEBHOOK_SIGNATURE_SIZE];
    /* printf '1795530000.{"id":"1"}' | openssl dgst -sha256 -hmac whsec_test */
    webhook_signature(STR("whsec_test"), INT64_C(1795530000999), STR("{\"id\":\"1\"}"), value);
    assert_string_equal(value, "t=1795530000,v1=23947d81bff3b0d5af871a6b2fe0f53004949ef04fab484e8316dacd6d591f34");
}

static void only_plain_web_addresses_are_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"https://example.com/hook", "http://127.0.0.1:8080/", "https://[::1]:9/x?y=1", "HTTPS://example.com"};
    static const char *const bad[] = {
        "",        "file:///etc/passwd",        "ftp://example.com/",         "gopher://example.com/", "/hook",
        "https:",  "https://u:p@example.com/",  "https://token@example.com/", "https://exa mple.com/", "https://example.com/#a",
        "smtp://", "https://example.com/\r\nX: y", "dict://example.com",      "javascript:alert(1)",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (webhook_url_problem(str_of(good[i])))
            fail_msg("%s: %s", good[i], webhook_url_problem(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!webhook_url_problem(str_of(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void a_timeout_is_one_to_sixty_seconds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* 0: refused */
    } cases[] = {{"10", 10000}, {"10s", 10000}, {"PT10S", 10000}, {"PT1M", 60000}, {"1", 1000},   {"60", 60000}, {"0", 0},
                 {"61", 0},     {"-1", 0},      {"P1M", 0},       {"", 0},         {"soon", 0}, {"1h", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = 0;
        bool taken = webhook_timeout_parse(str_of(cases[i].text), &ms);
        if (taken != (cases[i].ms > 0) || ms != cases[i].ms)
            fail_msg("timeout `%s`: %d, %lld ms", cases[i].text, taken, (long long)ms);
    }
}

static void option(struct arena *arena, struct destination *destination, str name, str value)
{
    *(struct flow_option *)vec_push(arena, &destination->options) = (struct flow_option){.name = name, .value = value};
}

static policy_problems check(struct arena *arena, str kind, str name, str value)
{
    struct policy policy = {0};
    policy_problems problems = {0};
    struct destination *destination = vec_push(arena, &policy.destinations);
    destination->name = STR("desk");
    destination->kind = kind;
    option(arena, destination, STR("url"), STR("https://example.com/"));
    if (!str_empty(name))
        option(arena, destination, name, value);
    deliver_check(arena, &policy, &problems);
    return problems;
}

static void mistaken_options_are_told_with_a_suggestion(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(check(&arena, STR("webhook"), STR_NONE, STR_NONE).count, 0);
    assert_int_equal(check(&arena, STR("webhook"), STR("timeout"), STR("20s")).count, 0);
    assert_int_equal(check(&arena, STR("webhook"), STR("secret_env"), STR("DESK_SECRET")).count, 0);
    policy_problems problems = check(&arena, STR("webhook"), STR("timeuot"), STR("20s"));
    assert_int_equal(problems.count, 1);
    assert_true(str_equal(problems.items[0].suggestion, STR("timeout")));
    problems = check(&arena, STR("webhook"), STR("secret"), STR("hunter2"));
    assert_int_equal(problems.count, 1);
    assert_int_equal(str_find(problems.items[0].text, STR("hunter2")), -1);
    assert_int_equal(check(&arena, STR("webhook"), STR("timeout"), STR("1 year")).count, 1);
    problems = check(&arena, STR("webhok"), STR_NONE, STR_NONE);
    assert_int_equal(problems.count, 1);
    assert_true(str_equal(problems.items[0].suggestion, STR("webhook")));
    assert_int_equal(check(&arena, STR("smtp"), STR_NONE, STR_NONE).count, 0);
    arena_release(&arena);
}

static const char *no_environment(const char *name) { return (void)name, NULL; }
static const char *an_environment(const char *name) { return strcmp(name, "DESK_SECRET") == 0 ? "s3cret" : NULL; }

static void a_named_secret_that_is_missing_stops_the_destination(void **state)
{
    (void)state;
    struct arena arena;
    struct destination destination = {0};
    void *target = NULL;
    arena_init(&arena);
    option(&arena, &destination, STR("url"), STR("https://example.com/"));
    assert_null(kind_webhook.open(&arena, &destination, no_environment, &target));
    assert_false(kind_webhook.is_signed(target));
    option(&arena, &destination, STR("secret_env"), STR("DESK_SECRET"));
    assert_string_equal(kind_webhook.open(&arena, &destination, no_environment, &target), "secret_missing");
    assert_null(kind_webhook.open(&arena, &destination, an_environment, &target));
    assert_true(kind_webhook.is_signed(target));
    kind_webhook.close(target);
    option(&arena, &destination, STR("ca_file"), STR("/nowhere/ca.pem"));
    assert_string_equal(kind_webhook.open(&arena, &destination, an_environment, &target), "ca_file_unreadable");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_is_an_hmac_over_time_and_body),
        cmocka_unit_test(only_plain_web_addresses_are_taken),
        cmocka_unit_test(a_timeout_is_one_to_sixty_seconds),
        cmocka_unit_test(mistaken_options_are_told_with_a_suggestion),
        cmocka_unit_test(a_named_secret_that_is_missing_stops_the_destination),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
