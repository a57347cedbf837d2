/* librdkafka's errors in the words of Telos. */
#include "kafka/kafka.h"

const char *kafka_reason(rd_kafka_resp_err_t code)
{
    static const struct {
        rd_kafka_resp_err_t code;
        const char *reason;
    } reasons[] = {
        {RD_KAFKA_RESP_ERR__TRANSPORT, "connect_failed"},
        {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "connect_failed"},
        {RD_KAFKA_RESP_ERR__RESOLVE, "dns_failed"},
        {RD_KAFKA_RESP_ERR__SSL, "tls_failed"},
        {RD_KAFKA_RESP_ERR__AUTHENTICATION, "auth_failed"},
        {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "auth_failed"},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "not_authorised"},
        {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "not_authorised"},
        {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "not_authorised"},
        {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "topic_unknown"},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "topic_unknown"},
        {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "topic_unknown"},
        {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "topic_invalid"},
        {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, "timeout"},
        {RD_KAFKA_RESP_ERR__TIMED_OUT, "timeout"},
        {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, "timeout"},
        {RD_KAFKA_RESP_ERR__QUEUE_FULL, "queue_full"},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "message_too_large"},
        {RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, "message_too_large"},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, "message_refused"},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, "message_refused"},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "too_few_replicas"},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, "too_few_replicas"},
        {RD_KAFKA_RESP_ERR__PURGE_QUEUE, "connection_lost"},
        {RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, "connection_lost"},
        {RD_KAFKA_RESP_ERR__FATAL, "producer_fatal"},
        {RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, "group_left"},
        {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT, "session_timeout_refused"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].code == code)
            return reasons[i].reason;
    return "kafka_failed";
}
