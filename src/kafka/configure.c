/* The options made into a configuration of librdkafka. Secrets are read here, and wiped here: librdkafka keeps a copy of its own. */
#include "kafka/kafka_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <unistd.h>

#define SECRET_BYTES_MAX 8192

struct configuring {
    rd_kafka_conf_t *conf;
    const char *(*environment)(const char *);
    char name[512], value[SECRET_BYTES_MAX + 1];
};

static const char *set(struct configuring *c, const char *property, const char *value)
{
    char words[512];
    switch (rd_kafka_conf_set(c->conf, property, value, words, sizeof words)) {
    case RD_KAFKA_CONF_OK: return NULL;
    case RD_KAFKA_CONF_UNKNOWN: return "option_unsupported";
    default: return strstr(words, "not supported") || strstr(words, "not built") ? "option_unsupported" : "options_invalid";
    }
}

static bool text_z(str text, char *ret, size_t size)
{
    if (text.length >= size || memchr(text.data, 0, text.length))
        return false;
    memcpy(ret, text.data, text.length);
    ret[text.length] = 0;
    return true;
}

/* The file without the line's end. */
static const char *file_secret(struct configuring *c, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return "secret_file_unreadable";
    size_t length = 0;
    ssize_t got;
    while (length < SECRET_BYTES_MAX && ((got = read(fd, c->value + length, SECRET_BYTES_MAX - length)) > 0 || (got < 0 && errno == EINTR)))
        length += got > 0 ? (size_t)got : 0;
    close(fd);
    while (length > 0 && (c->value[length - 1] == '\n' || c->value[length - 1] == '\r'))
        length--;
    c->value[length] = 0;
    return length ? NULL : "secret_missing";
}

static const char *apply(struct configuring *c, const struct kafka_option *row, str given)
{
    const char *problem = NULL;
    switch (row->shape) {
    case SHAPE_VARIABLE: {
        const char *found = text_z(given, c->name, sizeof c->name) ? c->environment(c->name) : NULL;
        return found && *found ? set(c, row->property, found) : "secret_missing";
    }
    case SHAPE_SECRET_FILE:
        problem = text_z(given, c->name, sizeof c->name) ? file_secret(c, c->name) : "secret_file_unreadable";
        return problem ? problem : set(c, row->property, c->value);
    case SHAPE_FILE:
        if (!text_z(given, c->value, sizeof c->value) || access(c->value, R_OK) != 0)
            return "ssl_file_unreadable";
        return set(c, row->property, c->value);
    default:
        return text_z(given, c->value, sizeof c->value) ? set(c, row->property, c->value) : "options_invalid";
    }
}

static const char *common(struct configuring *c, enum kafka_use use)
{
    static const char *const both[][2] = {{"client.id", "telos"}, {"socket.keepalive.enable", "true"}};
    static const char *const send[][2] = {{"enable.idempotence", "true"}, {"message.max.bytes", "4194304"}, {"linger.ms", "0"}};
    static const char *const receive[][2] = {{"enable.auto.commit", "false"}, {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
                                             {"isolation.level", "read_committed"}, {"queued.max.messages.kbytes", "16384"},
                                             {"allow.auto.create.topics", "false"}, {"check.crcs", "true"},
                                             {"partition.assignment.strategy", "roundrobin"}}; /* even over several topics */
    const char *problem = NULL;
    for (size_t i = 0; i < sizeof both / sizeof *both && !problem; i++)
        problem = set(c, both[i][0], both[i][1]);
    for (size_t i = 0; use == KAFKA_SEND && i < sizeof send / sizeof *send && !problem; i++)
        problem = set(c, send[i][0], send[i][1]);
    for (size_t i = 0; use == KAFKA_RECEIVE && i < sizeof receive / sizeof *receive && !problem; i++)
        problem = set(c, receive[i][0], receive[i][1]);
    return problem;
}

/* A heartbeat each third of it: two may be lost. */
static const char *session(struct configuring *c, const struct kafka_declared *declared)
{
    int64_t ms;
    if (!kafka_session_parse(flow_option(declared->options, STR("session_timeout"), STR_NONE), &ms))
        return NULL; /* not said: librdkafka's own */
    (void)snprintf(c->value, sizeof c->value, "%lld", (long long)ms); /* it fits */
    const char *problem = set(c, "session.timeout.ms", c->value);
    (void)snprintf(c->value, sizeof c->value, "%lld", (long long)(ms / 3)); /* it fits */
    return problem ? problem : set(c, "heartbeat.interval.ms", c->value);
}

const char *kafka_configure(struct arena *arena, const struct kafka_declared *declared, enum kafka_use purpose,
                            const char *(*environment)(const char *), rd_kafka_conf_t **ret_conf)
{
    struct configuring c = {.conf = rd_kafka_conf_new(), .environment = environment};
    policy_problems problems = {0};
    size_t count;
    const struct kafka_option *rows = kafka_options(&count);
    kafka_check(arena, declared, &problems);
    const char *problem = problems.count ? "options_invalid" : common(&c, purpose);
    rd_kafka_conf_set_log_cb(c.conf, NULL); /* it would name addresses */
    vec_each (option, declared->options)
        for (size_t i = 0; i < count && !problem; i++)
            if ((rows[i].uses & declared->use) && rows[i].property && str_equal(option->name, str_of(rows[i].name)))
                problem = apply(&c, &rows[i], option->value);
    if (!problem && str_equal(flow_option(declared->options, STR("sasl.mechanism"), STR_NONE), STR("OAUTHBEARER")))
        problem = set(&c, "sasl.oauthbearer.method", "oidc");
    if (!problem && purpose == KAFKA_RECEIVE)
        problem = session(&c, declared);
    OPENSSL_cleanse(c.value, sizeof c.value);
    if (problem) {
        rd_kafka_conf_destroy(c.conf);
        return problem;
    }
    *ret_conf = c.conf;
    return NULL;
}
