/* See kafka_world.h. */
#include "kafka_world.h"

#include "base/err.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

rd_kafka_mock_cluster_t *kafka_cluster;
static rd_kafka_t *owner;

#define MUST(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char words[256];
    if (rd_kafka_conf_set(conf, name, value, words, sizeof words) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s: %s\n", name, words);
        abort();
    }
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *group)
{
    char words[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (kafka_cluster)
        set(conf, "bootstrap.servers", kafka_world_brokers());
    if (type == RD_KAFKA_CONSUMER) {
        set(conf, "group.id", group);
        set(conf, "auto.offset.reset", "earliest");
    }
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *made = rd_kafka_new(type, conf, words, sizeof words);
    MUST(made);
    return made;
}

void kafka_world_begin(const char *topic, int partitions)
{
    owner = client(RD_KAFKA_PRODUCER, NULL);
    kafka_cluster = rd_kafka_mock_cluster_new(owner, 1);
    MUST(kafka_cluster);
    MUST(!rd_kafka_mock_topic_create(kafka_cluster, topic, partitions, 1));
}

void kafka_world_end(void)
{
    rd_kafka_mock_cluster_destroy(kafka_cluster);
    kafka_cluster = NULL;
    rd_kafka_destroy(owner);
}

const char *kafka_world_brokers(void) { return rd_kafka_mock_cluster_bootstraps(kafka_cluster); }

void kafka_world_write(const char *topic, int32_t partition, const char *key, const char *value, size_t value_length, int64_t at_ms)
{
    rd_kafka_t *producer = client(RD_KAFKA_PRODUCER, NULL);
    MUST(!rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
                            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? value_length : 0), RD_KAFKA_V_TIMESTAMP(at_ms),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
    MUST(!rd_kafka_flush(producer, 30000));
    rd_kafka_destroy(producer);
}

static str header(struct arena *arena, const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (rd_kafka_message_headers(message, &headers) || rd_kafka_header_get_last(headers, name, &value, &size))
        return STR_NONE;
    return str_copy(arena, str_bytes(value, size));
}

size_t kafka_world_read(struct arena *arena, const char *topic, int partitions, size_t count, int64_t ms, struct record **ret_records)
{
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, "the-test-itself");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    struct record *records = arena_array(arena, struct record, count + 1024);
    size_t got = 0;
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    MUST(!rd_kafka_assign(consumer, list));
    rd_kafka_topic_partition_list_destroy(list);
    int64_t until_ms = clock_now_ms() + ms;
    while (got < count && clock_now_ms() < until_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer, 100);
        if (message && !message->err)
            records[got++] = (struct record){message->partition,
                                             message->offset,
                                             str_copy(arena, str_bytes(message->key, message->key_len)),
                                             str_copy(arena, str_bytes(message->payload, message->len)),
                                             header(arena, message, "telos-delivery"),
                                             header(arena, message, "telos-attempt"),
                                             header(arena, message, "telos-reason")};
        if (message)
            rd_kafka_message_destroy(message);
    }
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    *ret_records = records;
    return got;
}

int64_t kafka_world_committed(const char *group, const char *topic, int32_t partition)
{
    rd_kafka_t *consumer = client(RD_KAFKA_CONSUMER, group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    MUST(!rd_kafka_committed(consumer, list, 20000));
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    return offset < 0 ? -1 : offset;
}
