/* The list of options of kind `kafka`, one row each: what it means to librdkafka, how its value looks, who has it. */
#ifndef TELOS_KAFKA_PRIVATE_H
#define TELOS_KAFKA_PRIVATE_H

#include "kafka/kafka.h"

enum kafka_shape {
    SHAPE_TEXT,
    SHAPE_WORD, /* one of `words` */
    SHAPE_FILE, /* a path; looked at when it is opened, not when the policy is checked */
    SHAPE_TOPIC,
    SHAPE_TOPICS,
    SHAPE_BROKERS,
    SHAPE_SECONDS,
    SHAPE_SESSION, /* seconds, too */
    SHAPE_VARIABLE, /* the environment variable that holds the value of `property` */
    SHAPE_SECRET_FILE, /* the file that does */
    SHAPE_SECRET, /* the value itself: refused */
};
struct kafka_option {
    const char *name;
    enum kafka_shape shape;
    unsigned uses;
    const char *property; /* of librdkafka; NULL: Telos' own */
    const char *words; /* SHAPE_WORD: separated by spaces */
};
const struct kafka_option *kafka_options(size_t *ret_count);
/* Is it one of the row's words? */
bool kafka_word(const struct kafka_option *row, str value);

#endif
