/* The destination kind `kafka`: each delivery is one record of one topic, written by an idempotent producer.
 *
 * 1. A delivery is done when all in-sync replicas have it (acks=all). librdkafka sends again by itself within `timeout`, under the same
 *    sequence number, so that a broker that died and came back writes it once. What takes longer is a failed attempt like any other.
 * 2. The key is the person's number: all records of a person are in one partition, in order, recalls too.
 * 3. Headers say what a webhook's headers say: telos-delivery (the same at each attempt), telos-attempt, content-type.
 * 4. What may have left counts as disclosed; what certainly has not, does not.
 * 5. A producer that cannot go on (a fatal error) is replaced once nothing of it is under way.
 *
 * Everything here runs on the sending thread; of librdkafka's own threads only the wake-up comes through.
 */
#include "kafka/kafka.h"
#include "deliver/kind.h"

#include <stdio.h>

struct kafka {
    struct arena *arena;
    char *topic;
    rd_kafka_conf_t *conf; /* what each producer is made of */
    rd_kafka_t *producer; /* NULL: it could not be made, or broke */
    rd_kafka_queue_t *queue;
    struct kind_loop loop;
    size_t under_way;
    const char *trouble; /* the connection's last error since something was delivered; NULL */
};

static struct kafka_declared declared_of(struct arena *arena, const struct destination *destination)
{
    return (struct kafka_declared){.use = KAFKA_SEND, .who = str_printf(arena, "destination `%.*s`", STR_FMT(destination->name)),
                                   .line = destination->line, .column = destination->column, .options = &destination->options};
}

static void kafka_kind_check(struct arena *arena, const struct destination *destination, policy_problems *ret_problems)
{
    struct kafka_declared declared = declared_of(arena, destination);
    kafka_check(arena, &declared, ret_problems);
}

/* ---- the producer ---- */

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    struct kafka *kafka = context;
    struct transfer *transfer = message->_private;
    (void)producer;
    ASSERT(kafka->under_way > 0);
    kafka->under_way--;
    transfer->result = message->err;
    transfer->sent = rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    if (!message->err)
        kafka->trouble = NULL;
    else if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
        transfer->why = kafka->trouble;
    kafka->loop.ended(kafka->loop.context, transfer);
}

/* What is wrong with the connection explains a timeout better than the timeout does. */
static void on_error(rd_kafka_t *producer, int code, const char *words, void *context)
{
    struct kafka *kafka = context;
    (void)producer, (void)words; /* they name addresses */
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && kafka->trouble)
        return; /* the reason came before it */
    kafka->trouble = kafka_reason((rd_kafka_resp_err_t)code);
}

static void on_queued(rd_kafka_t *producer, void *context)
{
    struct kafka *kafka = context;
    (void)producer;
    kafka->loop.wake(kafka->loop.context);
}

static const char *producer_open(struct kafka *kafka)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(kafka->conf);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    kafka->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    if (!kafka->producer) {
        rd_kafka_conf_destroy(conf);
        return "options_invalid";
    }
    return NULL;
}

static void producer_close(struct kafka *kafka)
{
    if (!kafka->producer)
        return;
    if (kafka->queue) {
        rd_kafka_queue_cb_event_enable(kafka->queue, NULL, NULL);
        rd_kafka_queue_destroy(kafka->queue);
        kafka->queue = NULL;
    }
    (void)rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING); /* rows stay pending */
    rd_kafka_destroy(kafka->producer);
    kafka->producer = NULL;
}

static void producer_listen(struct kafka *kafka)
{
    kafka->queue = rd_kafka_queue_get_main(kafka->producer);
    rd_kafka_queue_cb_event_enable(kafka->queue, on_queued, kafka);
}

static const char *kafka_open(struct arena *arena, const struct destination *destination, const char *(*environment)(const char *), void **ret_target)
{
    struct kafka *kafka = arena_new(arena, struct kafka);
    struct kafka_declared declared = declared_of(arena, destination);
    int64_t timeout_ms = KAFKA_TIMEOUT_MS;
    const char *problem = kafka_configure(arena, &declared, KAFKA_SEND, environment, &kafka->conf);
    if (problem)
        return problem;
    (void)kafka_timeout_parse(destination_option(destination, STR("timeout"), STR_NONE), &timeout_ms); /* else the default stays */
    kafka->topic = str_z(arena, destination_option(destination, STR("topic"), STR_NONE));
    char words[256], *timeout = str_z(arena, str_printf(arena, "%lld", (long long)timeout_ms));
    rd_kafka_conf_res_t set = rd_kafka_conf_set(kafka->conf, "message.timeout.ms", timeout, words, sizeof words);
    problem = set == RD_KAFKA_CONF_OK ? producer_open(kafka) : "options_invalid";
    if (problem) {
        rd_kafka_conf_destroy(kafka->conf);
        return problem;
    }
    *ret_target = kafka;
    return NULL;
}

static void kafka_attach(void *target, const struct kind_loop *loop)
{
    struct kafka *kafka = target;
    kafka->loop = *loop;
    producer_listen(kafka);
}

static void kafka_close(void *target)
{
    struct kafka *kafka = target;
    producer_close(kafka);
    rd_kafka_conf_destroy(kafka->conf);
}

static bool kafka_is_signed(const void *target) { return (void)target, false; }

/* ---- an attempt ---- */

static const char *producer_renew(struct kafka *kafka)
{
    if (kafka->under_way)
        return "producer_fatal"; /* theirs come back first */
    producer_close(kafka);
    const char *problem = producer_open(kafka);
    if (!problem)
        producer_listen(kafka);
    return problem;
}

static const char *kafka_begin(void *target, struct transfer *transfer, int64_t now_ms)
{
    struct kafka *kafka = target;
    char id[UUID_TEXT_SIZE], attempt[16], key[24], words[8];
    (void)now_ms;
    bool broken = !kafka->producer || rd_kafka_fatal_error(kafka->producer, words, sizeof words);
    const char *problem = broken ? producer_renew(kafka) : NULL;
    if (problem)
        return problem;
    uuid_text(transfer->delivery->id, id);
    int attempt_length = snprintf(attempt, sizeof attempt, "%u", transfer->attempt);
    int key_length = snprintf(key, sizeof key, "%llu", (unsigned long long)transfer->delivery->profile.value);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        kafka->producer, RD_KAFKA_V_TOPIC(kafka->topic), RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA), RD_KAFKA_V_KEY(key, (size_t)key_length),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)transfer->body.data, transfer->body.length), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADER("telos-delivery", id, (ssize_t)strlen(id)), RD_KAFKA_V_HEADER("telos-attempt", attempt, (ssize_t)attempt_length),
        RD_KAFKA_V_HEADER("content-type", "application/json", -1), RD_KAFKA_V_OPAQUE(transfer), RD_KAFKA_V_END);
    if (code)
        return kafka_reason(code);
    kafka->under_way++;
    return NULL;
}

static void kafka_poll(void *target)
{
    struct kafka *kafka = target;
    if (kafka->producer)
        (void)rd_kafka_poll(kafka->producer, 0); /* how many does not matter: on_report tells each */
}

static void kafka_classify(const struct transfer *transfer, CURLcode code, struct verdict *ret_verdict)
{
    rd_kafka_resp_err_t result = (rd_kafka_resp_err_t)transfer->result;
    (void)code;
    if (!result) {
        verdict_init(ret_verdict, VERDICT_DELIVERED, "");
        return;
    }
    bool refused = result == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || result == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
                   result == RD_KAFKA_RESP_ERR_INVALID_MSG || result == RD_KAFKA_RESP_ERR_INVALID_RECORD;
    verdict_init(ret_verdict, refused ? VERDICT_REFUSED : VERDICT_RETRY, transfer->why ? transfer->why : kafka_reason(result));
    ret_verdict->destination_failed = !refused;
}

const struct kind kind_kafka = {
    .name = "kafka",
    .check = kafka_kind_check,
    .open = kafka_open,
    .close = kafka_close,
    .is_signed = kafka_is_signed,
    .begin = kafka_begin,
    .classify = kafka_classify,
    .attach = kafka_attach,
    .poll = kafka_poll,
};
