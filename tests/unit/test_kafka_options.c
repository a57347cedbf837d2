/* The options of kind `kafka`: what is refused, with its place, and what reaches librdkafka. */
#include "policy_world.h"

#include "kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct refusal {
    const char *options, *problems; /* in one line behind kind */
};

static const char *checked(enum kafka_use use, const char *options)
{
    char *file = arena_printf(&policy_arena, use == KAFKA_SEND ? "destinations:\n  d: { purpose: p, kind: kafka, %s }\n" : "sources:\n  d: { purposes: p, kind: kafka, %s }\n", options);
    struct policy *policy = policy_of(file);
    struct kafka_declared declared = {.use = use, .who = STR("`d`")};
    policy_problems problems = {0};
    if (use == KAFKA_SEND) {
        const struct destination *destination = policy_destination(policy, STR("d"));
        declared.options = &destination->options;
        declared.line = destination->line;
        declared.column = destination->column;
    } else {
        const struct source *source = policy_source(policy, STR("d"));
        declared.options = &source->options;
        declared.line = source->line;
        declared.column = source->column;
    }
    kafka_check(&policy_arena, &declared, &problems);
    return str_z(&policy_arena, policy_problems_text(&policy_arena, "f", &problems));
}

static void check_table(enum kafka_use use, const struct refusal *table, size_t count)
{
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        const char *got = checked(use, table[i].options);
        if (str_equal(str_of(got), str_of(table[i].problems)))
            continue;
        failures++;
        print_error("%s\n--- got\n%s--- wanted\n%s\n", table[i].options, got, table[i].problems);
    }
    assert_int_equal(failures, 0);
}

static void options_of_a_destination_are_refused_where_they_stand(void **state)
{
    (void)state;
    static const struct refusal table[] = {
        {"brokers: 'a:9092', topic: t", ""},
        {"brokers: 'a:9092, [::1]:9093', topic: t.x-1_, compression: zstd, timeout: 60s, client.id: telos-1", ""},
        {"topic: t", "f:2:6: `d`: kind `kafka` needs `brokers`\n"},
        {"brokers: 'a:9092'", "f:2:6: `d`: kind `kafka` needs `topic`\n"},
        {"brokers: a, topic: t", "f:2:33: `d`: `brokers` are HOST:PORT with commas between them, as in `kafka-1:9092,kafka-2:9092`\n"},
        {"brokers: 'http://a:1', topic: t", "f:2:33: `d`: `brokers` are HOST:PORT with commas between them, as in `kafka-1:9092,kafka-2:9092`\n"},
        {"brokers: 'a:1', topic: '^.*'", "f:2:49: `d`: `topic` is the name of a topic: letters, digits, `.`, `_`, `-`; 249 at most\n"},
        {"brokers: 'a:1', topic: t, compresion: lz4", "f:2:59: `d`: option `compresion` is unknown: did you mean `compression`?\n"},
        {"brokers: 'a:1', topic: t, acks: 0", "f:2:59: `d`: kind `kafka` has no option `acks`; docs/kafka.md lists them\n"},
        {"brokers: 'a:1', topic: t, group: g", "f:2:59: `d`: `group` is an option of kafka sources\n"},
        {"brokers: 'a:1', topic: t, compression: rar", "f:2:59: `d`: `compression` is one of: none gzip snappy lz4 zstd\n"},
        {"brokers: 'a:1', topic: t, timeout: 2h", "f:2:59: `d`: `timeout` is 1 to 60 seconds, as in `timeout: 30s`\n"},
        {"brokers: 'a:1', topic: t, sasl.password: hunter2",
         "f:2:59: `d`: a policy is no place for secrets: name the environment variable in `sasl.password_env`, or the file in `sasl.password_file`\n"
         "f:2:59: `d`: `sasl.password` has no effect without `security.protocol: sasl_ssl` (or sasl_plaintext)\n"},
        {"brokers: 'a:1', topic: t, sasl.password_env: 'not a name', security.protocol: sasl_ssl, sasl.mechanism: PLAIN, sasl.username: u",
         "f:2:59: `d`: `sasl.password_env` names an environment variable, as KAFKA_PASSWORD\n"},
        {"brokers: 'a:1', topic: t, security.protocol: sasl_ssl", "f:2:6: `d`: a protocol with SASL needs `sasl.mechanism`\n"},
        {"brokers: 'a:1', topic: t, security.protocol: sasl_ssl, sasl.mechanism: SCRAM-SHA-512",
         "f:2:6: `d`: a name with password needs `sasl.username`\nf:2:6: `d`: a name with password needs `sasl.password_env`\n"},
        {"brokers: 'a:1', topic: t, security.protocol: sasl_ssl, sasl.mechanism: OAUTHBEARER",
         "f:2:6: `d`: OAUTHBEARER needs `sasl.oauthbearer.client.id`\nf:2:6: `d`: OAUTHBEARER needs `sasl.oauthbearer.token.endpoint.url`\n"
         "f:2:6: `d`: OAUTHBEARER needs `sasl.oauthbearer.client.secret_env`\n"},
        {"brokers: 'a:1', topic: t, ssl.ca.location: /ca.pem", "f:2:59: `d`: `ssl.ca.location` has no effect without `security.protocol: ssl` (or sasl_ssl)\n"},
        {"brokers: 'a:1', topic: t, security.protocol: ssl, ssl.certificate.location: /c.pem", "f:2:6: `d`: a certificate of our own needs `ssl.key.location`\n"},
    };
    check_table(KAFKA_SEND, table, COUNT_OF(table));
}

static void options_of_a_source_are_refused_where_they_stand(void **state)
{
    (void)state;
    static const struct refusal table[] = {
        {"brokers: 'a:9092', topic: 'shop, web', group: telos-eu, start: latest, dead_letter: shop.dead, session_timeout: 10s", ""},
        {"brokers: 'a:1', topic: shop, session_timeout: 10m", "f:2:63: `d`: `session_timeout` is 1 to 300 seconds, as in `session_timeout: 45s`\n"},
        {"brokers: 'a:1', topic: 'shop,,web'", "f:2:50: `d`: `topic` is one name of a topic, or up to 32 different ones with commas between them\n"},
        {"brokers: 'a:1', topic: 'shop, shop'", "f:2:50: `d`: `topic` is one name of a topic, or up to 32 different ones with commas between them\n"},
        {"brokers: 'a:1', topic: shop, start: now", "f:2:63: `d`: `start` is one of: earliest latest\n"},
        {"brokers: 'a:1', topic: shop, compression: lz4", "f:2:63: `d`: `compression` is an option of kafka destinations\n"},
        {"brokers: 'a:1', topic: 'shop, dead', dead_letter: dead",
         "f:2:71: `d`: the dead-letter topic is also read from: what cannot be taken would come again for ever\n"},
    };
    check_table(KAFKA_RECEIVE, table, COUNT_OF(table));
}

static void only_sources_of_this_kind_have_options(void **state)
{
    (void)state;
    check_str(policy_refusal("sources: { s: { kind: server, purposes: p, topic: t } }\n"), "1:44: source `s`: unknown key `topic`; take it out, docs/policy.md lists the keys\n");
}

/* ---- what librdkafka is told ---- */

static const char *environment(const char *name) { return !strcmp(name, "KAFKA_PASSWORD") ? "s3cret" : NULL; }

static const char *property(rd_kafka_conf_t *conf, const char *name)
{
    static char value[512];
    size_t size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    return value;
}

static const char *configured(const char *options, rd_kafka_conf_t **ret_conf)
{
    struct policy *policy = policy_of(arena_printf(&policy_arena, "destinations: { d: { purpose: p, kind: kafka, brokers: 'a:1', topic: t, %s } }\n", options));
    struct kafka_declared declared = {.use = KAFKA_SEND, .who = STR("`d`"), .options = &policy_destination(policy, STR("d"))->options};
    return kafka_configure(&policy_arena, &declared, KAFKA_SEND, environment, ret_conf);
}

static void secrets_come_from_the_environment_or_a_file(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf;
    char path[] = "/tmp/telos-kafka-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, "from the file\n", 14) == 14);
    close(fd);
    const char *login = "security.protocol: sasl_ssl, sasl.mechanism: SCRAM-SHA-256, sasl.username: telos";
    assert_null(configured(arena_printf(&policy_arena, "%s, sasl.password_env: KAFKA_PASSWORD", login), &conf));
    assert_string_equal(property(conf, "sasl.password"), "s3cret");
    assert_string_equal(property(conf, "sasl.mechanism"), "SCRAM-SHA-256");
    assert_string_equal(property(conf, "security.protocol"), "sasl_ssl");
    rd_kafka_conf_destroy(conf);
    assert_null(configured(arena_printf(&policy_arena, "%s, sasl.password_file: %s", login, path), &conf));
    assert_string_equal(property(conf, "sasl.password"), "from the file");
    rd_kafka_conf_destroy(conf);
    assert_string_equal(configured(arena_printf(&policy_arena, "%s, sasl.password_env: OTHER", login), &conf), "secret_missing");
    assert_string_equal(configured(arena_printf(&policy_arena, "%s, sasl.password_file: /none", login), &conf), "secret_file_unreadable");
    assert_string_equal(configured("security.protocol: ssl, ssl.ca.location: /none", &conf), "ssl_file_unreadable");
    unlink(path);
}

static void a_session_beats_three_times_before_it_ends(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf;
    struct policy *policy = policy_of("sources: { s: { purposes: p, kind: kafka, brokers: 'a:1', topic: t, session_timeout: 9s } }\n");
    struct kafka_declared declared = {.use = KAFKA_RECEIVE, .who = STR("`s`"), .options = &policy_source(policy, STR("s"))->options};
    assert_null(kafka_configure(&policy_arena, &declared, KAFKA_RECEIVE, environment, &conf));
    assert_string_equal(property(conf, "session.timeout.ms"), "9000");
    assert_string_equal(property(conf, "heartbeat.interval.ms"), "3000");
    assert_string_equal(property(conf, "enable.auto.commit"), "false");
    rd_kafka_conf_destroy(conf);
    assert_null(kafka_configure(&policy_arena, &declared, KAFKA_SEND, environment, &conf)); /* the writer of dead letters has none */
    rd_kafka_conf_destroy(conf);
}

static void what_the_promises_rest_on_is_set_whatever_the_policy_says(void **state)
{
    (void)state;
    rd_kafka_conf_t *conf;
    assert_null(configured("compression: lz4", &conf));
    assert_string_equal(property(conf, "enable.idempotence"), "true");
    assert_string_equal(property(conf, "compression.type"), "lz4");
    assert_string_equal(property(conf, "enable.ssl.certificate.verification"), "true");
    assert_string_equal(property(conf, "ssl.endpoint.identification.algorithm"), "https");
    rd_kafka_conf_destroy(conf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_a_destination_are_refused_where_they_stand),
        cmocka_unit_test(options_of_a_source_are_refused_where_they_stand),
        cmocka_unit_test(only_sources_of_this_kind_have_options),
        cmocka_unit_test(secrets_come_from_the_environment_or_a_file),
        cmocka_unit_test(a_session_beats_three_times_before_it_ends),
        cmocka_unit_test(what_the_promises_rest_on_is_set_whatever_the_policy_says),
    };
    return cmocka_run_group_tests(tests, policy_world_begin, policy_world_end);
}
