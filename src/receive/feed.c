/* One source: its consumer, its group, its partitions. See receive_private.h. */
#include "receive/receive_private.h"

#include "base/log.h"

#include <sched.h>
#include <stdio.h>

#define POLL_MAX 4096 /* records in one round */
#define TELL_MS SECOND_MS /* how often the group's offsets are told to Kafka */
#define REOPEN_MS (5 * SECOND_MS)
#define IDLE_MS 100
#define ASK_MS (3 * SECOND_MS)
#define ASK_WAIT_MS 500

void feed_trouble(struct feed *feed, const char *reason)
{
    feed->trouble = reason;
    feed->trouble_connection = false;
    feed->trouble_ms = clock_now_ms();
    feed->status.last_error_ms = feed->trouble_ms;
    snprintf(feed->status.last_error, sizeof feed->status.last_error, "%s", reason);
}

bool feed_may_warn(struct feed *feed, int64_t now_ms)
{
    if (feed->warned_ms != TIME_NONE && now_ms - feed->warned_ms < 10 * SECOND_MS && now_ms >= feed->warned_ms)
        return false;
    feed->warned_ms = now_ms;
    return true;
}

/* ---- the group ---- */

/* For those who look at Kafka; nobody reads it back. */
static void offsets_tell(struct feed *feed)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)feed->lanes.count + 1);
    vec_each (each, &feed->lanes)
        if ((*each)->stored >= 0)
            rd_kafka_topic_partition_list_add(list, (*each)->topic, (*each)->partition)->offset = (*each)->stored;
    if (list->cnt)
        (void)rd_kafka_commit(feed->consumer, list, 1); /* asynchronously; if it fails, the next one tells it */
    rd_kafka_topic_partition_list_destroy(list);
}

static void on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t *list, void *context)
{
    struct feed *feed = context;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        lanes_drop(feed, NULL); /* an eager group gives all at once */
        for (int i = 0; i < list->cnt; i++)
            lane_add(feed, list->elems[i].topic, list->elems[i].partition);
        if (!list->cnt)
            (void)rd_kafka_assign(consumer, list); /* an empty one is an answer, too */
        feed->place = true;
        feed->trouble = NULL;
        return;
    }
    offsets_tell(feed);
    lanes_drop(feed, NULL);
    (void)rd_kafka_assign(consumer, NULL); /* it cannot fail: nothing is asked for */
}

static void on_error(rd_kafka_t *consumer, int code, const char *words, void *context)
{
    struct feed *feed = context;
    (void)consumer, (void)words; /* they name addresses */
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        feed->fatal = true;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && feed->trouble)
        return; /* the reason came before it */
    feed_trouble(feed, kafka_reason((rd_kafka_resp_err_t)code));
    feed->trouble_connection = true;
}

/* Nothing else tells that the brokers are back while nobody writes. */
static void trouble_ask(struct feed *feed, int64_t now_ms)
{
    const struct rd_kafka_metadata *metadata;
    if (!feed->trouble || !feed->trouble_connection || (now_ms >= feed->trouble_ms && now_ms - feed->trouble_ms < ASK_MS))
        return;
    feed->trouble_ms = now_ms;
    if (rd_kafka_metadata(feed->consumer, 0, NULL, &metadata, ASK_WAIT_MS))
        return;
    rd_kafka_metadata_destroy(metadata);
    feed->trouble = NULL;
}

static rd_kafka_topic_partition_list_t *subscription(struct feed *feed)
{
    str topics[KAFKA_RECEIVE_TOPICS];
    size_t count = kafka_topics(feed->topics, topics);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, str_z(&feed->scratch, topics[i]), RD_KAFKA_PARTITION_UA);
    return list;
}

static const char *consumer_open(struct feed *feed)
{
    char words[256];
    rd_kafka_conf_t *conf;
    struct kafka_declared declared = feed_declared(&feed->scratch, feed);
    const char *problem = kafka_configure(&feed->scratch, &declared, KAFKA_RECEIVE, feed->receive->environment, &conf);
    if (problem)
        return problem;
    rd_kafka_conf_set_opaque(conf, feed);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    const char *group = str_z(&feed->scratch, feed->group);
    if (rd_kafka_conf_set(conf, "group.id", group, words, sizeof words) == RD_KAFKA_CONF_OK)
        feed->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
    if (!feed->consumer) {
        rd_kafka_conf_destroy(conf);
        return "options_invalid";
    }
    (void)rd_kafka_poll_set_consumer(feed->consumer); /* one queue for all: it cannot fail for a consumer */
    feed->queue = rd_kafka_queue_get_consumer(feed->consumer);
    rd_kafka_topic_partition_list_t *list = subscription(feed);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(feed->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    feed->fatal = false;
    return code ? kafka_reason(code) : NULL;
}

/* Nothing of it is under way. */
static void consumer_close(struct feed *feed)
{
    if (!feed->consumer)
        return;
    while (atomic_load(&feed->notices)) /* the writer is about to leave on_done */
        sched_yield();
    offsets_tell(feed);
    lanes_drop(feed, NULL);
    (void)rd_kafka_consumer_close(feed->consumer); /* whatever it says, it is closed */
    rd_kafka_queue_destroy(feed->queue);
    rd_kafka_destroy(feed->consumer);
    feed->consumer = NULL;
    feed->queue = NULL;
}

/* ---- rounds ---- */

static void message_error(struct feed *feed, const rd_kafka_message_t *message)
{
    struct lane *lane = message->rkt ? lane_find(feed, rd_kafka_topic_name(message->rkt), message->partition) : NULL;
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        if (lane)
            lane_out_of_range(feed, lane);
        return;
    }
    feed_trouble(feed, kafka_reason(message->err));
    if (feed_may_warn(feed, clock_now_ms()))
        log_write(LOG_WARN, "receive", "source %.*s: %s", STR_FMT(feed->name), kafka_reason(message->err));
}

static void records_poll(struct feed *feed, int wait_ms)
{
    struct lane *lane = NULL;
    for (size_t i = 0; i < POLL_MAX; i++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(feed->consumer, i ? 0 : wait_ms);
        if (!message)
            return;
        if (message->err) {
            message_error(feed, message);
            rd_kafka_message_destroy(message);
            lane = NULL;
            continue;
        }
        const char *topic = rd_kafka_topic_name(message->rkt);
        if (!lane || lane->partition != message->partition || strcmp(lane->topic, topic))
            lane = lane_find(feed, topic, message->partition);
        if (!lane || !lane->placed || message->offset < lane->next) { /* from before the partition was placed anew */
            rd_kafka_message_destroy(message);
            continue;
        }
        feed->trouble = NULL;
        lane->stuck = false;
        lane_push(feed, lane, message);
    }
}

/* Returns how many flights are under way. */
static size_t lanes_step(struct feed *feed, int64_t now_ms, bool stopping)
{
    size_t under_way = 0, kept = 0;
    vec_each (each, &feed->lanes) {
        struct lane *lane = *each;
        if (lane->flight && flight_step(feed, lane, lane->flight, now_ms))
            lane->flight = NULL;
        if (!lane->flight && lane->count && lane->placed && !stopping) {
            lane->flight = flight_make(feed, lane);
            (void)flight_step(feed, lane, lane->flight, now_ms); /* it only begins */
        }
        lane_pressure(feed, lane);
        under_way += lane->flight != NULL && (!stopping || lane->flight->state == FLIGHT_SUBMITTED || lane->flight->dead_pending);
    }
    for (size_t i = 0; i < feed->orphans.count; i++)
        if (!flight_step(feed, NULL, feed->orphans.items[i], now_ms))
            feed->orphans.items[kept++] = feed->orphans.items[i];
    feed->orphans.count = kept;
    return under_way + kept;
}

/* Opens what is not open. False: it is not, now. */
static bool feed_ready(struct feed *feed, int64_t now_ms)
{
    if (feed->consumer && !feed->fatal)
        return true;
    if (feed->consumer && lanes_step(feed, now_ms, true) == 0)
        consumer_close(feed);
    if (feed->consumer || (feed->trouble && now_ms - feed->trouble_ms < REOPEN_MS && now_ms >= feed->trouble_ms))
        return false;
    const char *problem = consumer_open(feed);
    if (!problem)
        return true;
    feed_trouble(feed, problem);
    if (feed_may_warn(feed, now_ms))
        log_write(LOG_WARN, "receive", "source %.*s reads nothing: %s", STR_FMT(feed->name), problem);
    return false;
}

static void feed_round(struct feed *feed, int wait_ms)
{
    int64_t now_ms = clock_now_ms();
    arena_clear(&feed->scratch);
    if (!feed_ready(feed, now_ms)) {
        feed_publish(feed, now_ms);
        struct timespec pause = {.tv_nsec = IDLE_MS * 1000000L};
        (void)nanosleep(&pause, NULL); /* a shorter pause does no harm */
        return;
    }
    records_poll(feed, wait_ms);
    dead_producer_poll(feed);
    trouble_ask(feed, now_ms);
    now_ms = clock_now_ms();
    if (feed->place && !atomic_load(&feed->stopping))
        lanes_place(feed, now_ms);
    if (now_ms - feed->told_ms >= TELL_MS || now_ms < feed->told_ms) {
        feed->told_ms = now_ms;
        offsets_tell(feed);
    }
    feed_publish(feed, now_ms);
}

void *feed_main(void *context)
{
    struct feed *feed = context;
    size_t under_way = 0;
    for (;;) {
        bool stopping = atomic_load(&feed->stopping);
        if (stopping && under_way == 0)
            break;
        feed_round(feed, under_way ? 5 : IDLE_MS);
        if (feed->consumer && !feed->fatal)
            under_way = lanes_step(feed, clock_now_ms(), atomic_load(&feed->stopping));
    }
    consumer_close(feed);
    if (feed->producer)
        rd_kafka_destroy(feed->producer);
    feed->producer = NULL;
    return NULL;
}
