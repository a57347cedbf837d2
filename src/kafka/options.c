/* The options of kind `kafka` and their check. */
#include "kafka/kafka_private.h"

#include <stdarg.h>
#include <stdio.h>

#define TOPIC_BYTES_MAX 249 /* Kafka's own */
#define BOTH (KAFKA_SEND | KAFKA_RECEIVE)

static const struct kafka_option rows[] = {
    {"brokers", SHAPE_BROKERS, BOTH, "bootstrap.servers", NULL},
    {"topic", SHAPE_TOPIC, KAFKA_SEND, NULL, NULL},
    {"topic", SHAPE_TOPICS, KAFKA_RECEIVE, NULL, NULL},
    {"client.id", SHAPE_TEXT, BOTH, "client.id", NULL},
    {"security.protocol", SHAPE_WORD, BOTH, "security.protocol", "plaintext ssl sasl_plaintext sasl_ssl"},
    {"sasl.mechanism", SHAPE_WORD, BOTH, "sasl.mechanism", "PLAIN SCRAM-SHA-256 SCRAM-SHA-512 OAUTHBEARER GSSAPI"},
    {"sasl.username", SHAPE_TEXT, BOTH, "sasl.username", NULL},
    {"sasl.username_env", SHAPE_VARIABLE, BOTH, "sasl.username", NULL},
    {"sasl.password", SHAPE_SECRET, BOTH, NULL, NULL},
    {"sasl.password_env", SHAPE_VARIABLE, BOTH, "sasl.password", NULL},
    {"sasl.password_file", SHAPE_SECRET_FILE, BOTH, "sasl.password", NULL},
    {"sasl.kerberos.service.name", SHAPE_TEXT, BOTH, "sasl.kerberos.service.name", NULL},
    {"sasl.kerberos.principal", SHAPE_TEXT, BOTH, "sasl.kerberos.principal", NULL},
    {"sasl.kerberos.keytab", SHAPE_FILE, BOTH, "sasl.kerberos.keytab", NULL},
    {"sasl.oauthbearer.client.id", SHAPE_TEXT, BOTH, "sasl.oauthbearer.client.id", NULL},
    {"sasl.oauthbearer.client.secret", SHAPE_SECRET, BOTH, NULL, NULL},
    {"sasl.oauthbearer.client.secret_env", SHAPE_VARIABLE, BOTH, "sasl.oauthbearer.client.secret", NULL},
    {"sasl.oauthbearer.client.secret_file", SHAPE_SECRET_FILE, BOTH, "sasl.oauthbearer.client.secret", NULL},
    {"sasl.oauthbearer.scope", SHAPE_TEXT, BOTH, "sasl.oauthbearer.scope", NULL},
    {"sasl.oauthbearer.token.endpoint.url", SHAPE_TEXT, BOTH, "sasl.oauthbearer.token.endpoint.url", NULL},
    {"ssl.ca.location", SHAPE_FILE, BOTH, "ssl.ca.location", NULL},
    {"ssl.certificate.location", SHAPE_FILE, BOTH, "ssl.certificate.location", NULL},
    {"ssl.key.location", SHAPE_FILE, BOTH, "ssl.key.location", NULL},
    {"ssl.key.password", SHAPE_SECRET, BOTH, NULL, NULL},
    {"ssl.key.password_env", SHAPE_VARIABLE, BOTH, "ssl.key.password", NULL},
    {"ssl.key.password_file", SHAPE_SECRET_FILE, BOTH, "ssl.key.password", NULL},
    {"compression", SHAPE_WORD, KAFKA_SEND, "compression.type", "none gzip snappy lz4 zstd"},
    {"timeout", SHAPE_SECONDS, KAFKA_SEND, NULL, NULL},
    {"group", SHAPE_TEXT, KAFKA_RECEIVE, NULL, NULL},
    {"start", SHAPE_WORD, KAFKA_RECEIVE, NULL, "earliest latest"},
    {"dead_letter", SHAPE_TOPIC, KAFKA_RECEIVE, NULL, NULL},
    {"session_timeout", SHAPE_SESSION, KAFKA_RECEIVE, NULL, NULL},
};
#define ROWS (sizeof rows / sizeof *rows)

const struct kafka_option *kafka_options(size_t *ret_count)
{
    *ret_count = ROWS;
    return rows;
}

static const struct kafka_option *row_find(enum kafka_use use, str name)
{
    for (size_t i = 0; i < ROWS; i++)
        if ((rows[i].uses & use) && str_equal(name, str_of(rows[i].name)))
            return &rows[i];
    return NULL;
}

bool kafka_word(const struct kafka_option *row, str value)
{
    str rest = str_of(row->words), word;
    while (str_split(&rest, ' ', &word))
        if (str_equal(word, value))
            return true;
    return false;
}

static bool seconds_parse(str text, int64_t seconds_max, int64_t *ret_ms)
{
    int64_t seconds;
    text = str_trim(text);
    if (str_ends(text, STR("s")))
        text = str_slice(text, 0, text.length - 1);
    if (!str_to_int64(text, &seconds) || seconds < 1 || seconds > seconds_max)
        return false;
    *ret_ms = seconds * SECOND_MS;
    return true;
}

bool kafka_timeout_parse(str text, int64_t *ret_ms) { return seconds_parse(text, LIMIT_DELIVERY_TIMEOUT_S, ret_ms); }
bool kafka_session_parse(str text, int64_t *ret_ms) { return seconds_parse(text, LIMIT_KAFKA_SESSION_S, ret_ms); }

size_t kafka_topics(str text, str ret_topics[KAFKA_RECEIVE_TOPICS])
{
    str part;
    size_t count = 0;
    while (count < KAFKA_RECEIVE_TOPICS && str_split(&text, ',', &part))
        ret_topics[count++] = str_trim(part);
    return count;
}

/* ---- how values look ---- */

static bool topic_fine(str topic)
{
    if (str_empty(topic) || topic.length > TOPIC_BYTES_MAX || str_equal(topic, STR(".")) || str_equal(topic, STR("..")))
        return false;
    for (size_t i = 0; i < topic.length; i++) {
        char c = topic.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false; /* a leading ^ would be a pattern: topics are named */
    }
    return true;
}

static bool topics_fine(str text)
{
    str part, topics[KAFKA_RECEIVE_TOPICS];
    size_t count = 0;
    for (str rest = text; str_split(&rest, ',', &part); count++)
        if (count == KAFKA_RECEIVE_TOPICS || !topic_fine(str_trim(part)))
            return false;
    count = kafka_topics(text, topics);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < i; k++)
            if (str_equal(topics[i], topics[k]))
                return false;
    return count > 0;
}

static bool broker_fine(str broker)
{
    size_t colon = broker.length;
    int64_t port;
    while (colon > 0 && broker.data[colon - 1] != ':')
        colon--;
    if (colon < 2 || !str_to_int64(str_slice(broker, colon, broker.length), &port) || port < 1 || port > 65535)
        return false;
    for (size_t i = 0; i < colon; i++)
        if ((unsigned char)broker.data[i] <= ' ' || broker.data[i] == '/' || broker.data[i] == '@')
            return false;
    return true;
}

static bool brokers_fine(str text)
{
    str part;
    size_t count = 0;
    for (; str_split(&text, ',', &part); count++)
        if (!broker_fine(str_trim(part)))
            return false;
    return count > 0;
}

static bool plain_fine(str text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
            return false;
    return !str_empty(text) && text.length <= 1024;
}

static bool variable_fine(str name)
{
    bool fine = !str_empty(name) && name.length <= LIMIT_NAME_BYTES && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.length && fine; i++) {
        char c = name.data[i];
        fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    }
    return fine;
}

/* ---- the check ---- */

struct check {
    struct arena *arena;
    const struct kafka_declared *declared;
    policy_problems *problems;
};

__attribute__((format(printf, 4, 5))) static void problem(struct check *check, const struct flow_option *option, str suggestion, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments); /* cut is fine */
    va_end(arguments);
    struct policy_problem *problem = vec_push(check->arena, check->problems);
    problem->line = option && option->line ? option->line : check->declared->line;
    problem->column = option && option->line ? option->column : check->declared->column;
    problem->text = str_printf(check->arena, "%.*s: %s", STR_FMT(check->declared->who), text);
    problem->suggestion = suggestion;
}

static const struct flow_option *given(const struct check *check, const char *name)
{
    vec_each (option, check->declared->options)
        if (str_equal(option->name, str_of(name)))
            return option;
    return NULL;
}

static void check_unknown(struct check *check, const struct flow_option *option)
{
    str names[ROWS];
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++)
        if ((rows[i].uses & check->declared->use) && rows[i].shape != SHAPE_SECRET)
            names[count++] = str_of(rows[i].name);
    str near = str_nearest(option->name, names, count);
    if (row_find(check->declared->use == KAFKA_SEND ? KAFKA_RECEIVE : KAFKA_SEND, option->name))
        problem(check, option, STR_NONE, "`%.*s` is an option of kafka %s", STR_FMT(option->name),
                check->declared->use == KAFKA_SEND ? "sources" : "destinations");
    else if (str_empty(near))
        problem(check, option, STR_NONE, "kind `kafka` has no option `%.*s`; docs/kafka.md lists them", STR_FMT(option->name));
    else
        problem(check, option, near, "option `%.*s` is unknown", STR_FMT(option->name));
}

static void check_value(struct check *check, const struct kafka_option *row, const struct flow_option *option)
{
    str value = option->value;
    int64_t ms;
    switch (row->shape) {
    case SHAPE_TEXT:
    case SHAPE_FILE:
    case SHAPE_SECRET_FILE:
        if (!plain_fine(value))
            problem(check, option, STR_NONE, "`%s` is empty, too long, or has control characters", row->name);
        break;
    case SHAPE_WORD:
        if (!kafka_word(row, value))
            problem(check, option, STR_NONE, "`%s` is one of: %s", row->name, row->words);
        break;
    case SHAPE_TOPIC:
        if (!topic_fine(value))
            problem(check, option, STR_NONE, "`%s` is the name of a topic: letters, digits, `.`, `_`, `-`; %d at most", row->name, TOPIC_BYTES_MAX);
        break;
    case SHAPE_TOPICS:
        if (!topics_fine(value))
            problem(check, option, STR_NONE, "`topic` is one name of a topic, or up to %d different ones with commas between them", KAFKA_RECEIVE_TOPICS);
        break;
    case SHAPE_BROKERS:
        if (!brokers_fine(value))
            problem(check, option, STR_NONE, "`brokers` are HOST:PORT with commas between them, as in `kafka-1:9092,kafka-2:9092`");
        break;
    case SHAPE_SECONDS:
        if (!kafka_timeout_parse(value, &ms))
            problem(check, option, STR_NONE, "`timeout` is 1 to %d seconds, as in `timeout: 30s`", LIMIT_DELIVERY_TIMEOUT_S);
        break;
    case SHAPE_SESSION:
        if (!kafka_session_parse(value, &ms))
            problem(check, option, STR_NONE, "`%s` is 1 to %d seconds, as in `%s: 45s`", row->name, LIMIT_KAFKA_SESSION_S, row->name);
        break;
    case SHAPE_VARIABLE:
        if (!variable_fine(value))
            problem(check, option, STR_NONE, "`%s` names an environment variable, as KAFKA_PASSWORD", row->name);
        break;
    case SHAPE_SECRET:
        problem(check, option, STR_NONE,
                "a policy is no place for secrets: name the environment variable in `%s_env`, or the file in `%s_file`", row->name, row->name);
        break;
    }
}

static void check_one_of(struct check *check, const char *a, const char *b)
{
    if (given(check, a) && given(check, b))
        problem(check, given(check, b), STR_NONE, "`%s` and `%s` say the same thing; keep one", a, b);
}

static void need(struct check *check, const char *name, const char *why)
{
    if (!given(check, name))
        problem(check, NULL, STR_NONE, "%s needs `%s`", why, name);
}

static void check_sasl(struct check *check, bool sasl)
{
    const struct flow_option *mechanism = given(check, "sasl.mechanism");
    vec_each (option, check->declared->options)
        if (str_starts(option->name, STR("sasl.")) && row_find(check->declared->use, option->name) && !sasl) {
            problem(check, option, STR_NONE, "`%.*s` has no effect without `security.protocol: sasl_ssl` (or sasl_plaintext)", STR_FMT(option->name));
            return;
        }
    if (!sasl)
        return;
    need(check, "sasl.mechanism", "a protocol with SASL");
    if (!mechanism)
        return;
    if (str_equal(mechanism->value, STR("OAUTHBEARER"))) {
        need(check, "sasl.oauthbearer.client.id", "OAUTHBEARER");
        need(check, "sasl.oauthbearer.token.endpoint.url", "OAUTHBEARER");
        if (!given(check, "sasl.oauthbearer.client.secret_file"))
            need(check, "sasl.oauthbearer.client.secret_env", "OAUTHBEARER");
    } else if (!str_equal(mechanism->value, STR("GSSAPI"))) {
        if (!given(check, "sasl.username_env"))
            need(check, "sasl.username", "a name with password");
        if (!given(check, "sasl.password_file"))
            need(check, "sasl.password_env", "a name with password");
    }
}

static void check_together(struct check *check)
{
    const struct flow_option *protocol = given(check, "security.protocol");
    str word = protocol ? protocol->value : STR_NONE;
    bool tls = str_equal(word, STR("ssl")) || str_equal(word, STR("sasl_ssl"));
    check_one_of(check, "sasl.username", "sasl.username_env");
    check_one_of(check, "sasl.password_env", "sasl.password_file");
    check_one_of(check, "ssl.key.password_env", "ssl.key.password_file");
    check_one_of(check, "sasl.oauthbearer.client.secret_env", "sasl.oauthbearer.client.secret_file");
    check_sasl(check, str_starts(word, STR("sasl_")));
    vec_each (option, check->declared->options)
        if (str_starts(option->name, STR("ssl.")) && row_find(check->declared->use, option->name) && !tls) {
            problem(check, option, STR_NONE, "`%.*s` has no effect without `security.protocol: ssl` (or sasl_ssl)", STR_FMT(option->name));
            break;
        }
    if (given(check, "ssl.certificate.location"))
        need(check, "ssl.key.location", "a certificate of our own");
    const struct flow_option *dead = given(check, "dead_letter"), *topic = given(check, "topic");
    str topics[KAFKA_RECEIVE_TOPICS];
    size_t count = dead && topic ? kafka_topics(topic->value, topics) : 0;
    for (size_t i = 0; i < count; i++)
        if (str_equal(topics[i], dead->value))
            problem(check, dead, STR_NONE, "the dead-letter topic is also read from: what cannot be taken would come again for ever");
}

void kafka_check(struct arena *arena, const struct kafka_declared *declared, policy_problems *ret_problems)
{
    struct check check = {arena, declared, ret_problems};
    vec_each (option, declared->options) {
        const struct kafka_option *row = row_find(declared->use, option->name);
        if (row)
            check_value(&check, row, option);
        else
            check_unknown(&check, option);
    }
    need(&check, "brokers", "kind `kafka`");
    need(&check, "topic", "kind `kafka`");
    check_together(&check);
}
