/* A Kafka cluster in memory for tests: librdkafka's own, with real sockets; and what a test does beside Telos: write records, read all of a topic. */
#ifndef TELOS_TESTS_UNIT_KAFKA_WORLD_H
#define TELOS_TESTS_UNIT_KAFKA_WORLD_H

#include "base/arena.h"
#include "base/str.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

struct record {
    int32_t partition;
    int64_t offset;
    str key, value, delivery, attempt, reason; /* the last three: headers */
};

extern rd_kafka_mock_cluster_t *kafka_cluster;
/* With this topic in it. */
void kafka_world_begin(const char *topic, int partitions);
void kafka_world_end(void);
const char *kafka_world_brokers(void);
/* Writes one record and waits until the cluster has it; `value` NULL: a tombstone. `at_ms` 0: now. */
void kafka_world_write(const char *topic, int32_t partition, const char *key, const char *value, size_t value_length, int64_t at_ms);
/* All records of the topic once there are `count` of them, or those that there are when `ms` are over. */
size_t kafka_world_read(struct arena *arena, const char *topic, int partitions, size_t count, int64_t ms, struct record **ret_records);
/* What the group has committed, or -1. */
int64_t kafka_world_committed(const char *group, const char *topic, int32_t partition);

#endif
