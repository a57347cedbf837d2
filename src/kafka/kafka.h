/* What sources and destinations of kind `kafka` share: their options in the policy, and what librdkafka is told by them.
 *
 * 1. The check sees the policy alone: the same answer on every machine. Each problem has the option's line and column.
 * 2. A secret comes from the environment (`…_env`) or from a file (`…_file`); written into the policy it is refused.
 * 3. Only options of the list are passed on: nobody can switch off what the promises rest on (acknowledgements of all replicas,
 *    idempotence, certificates verified with the host's name).
 * 4. librdkafka's own log is closed: it names addresses. What is wrong is told by short fixed words (kafka_reason).
 */
#ifndef TELOS_KAFKA_KAFKA_H
#define TELOS_KAFKA_KAFKA_H

#include "policy/policy.h"

#include <librdkafka/rdkafka.h>

enum kafka_use { KAFKA_SEND = 1, KAFKA_RECEIVE = 2 };

#define KAFKA_TIMEOUT_MS (30 * SECOND_MS)
#define KAFKA_RECEIVE_TOPICS 32 /* in one `topic` of a source */

/* Adds what is wrong. `who`: "source `x`"; its place is where a missing option is told of. */
struct kafka_declared {
    enum kafka_use use;
    str who;
    uint32_t line, column;
    const flow_options *options;
};
void kafka_check(struct arena *arena, const struct kafka_declared *declared, policy_problems *ret_problems);

/* A configuration for `purpose` (a source writes dead letters, too) of what the options say, secrets included; the caller's to use up or to destroy. NULL when fine, else a reason code:
 * "secret_missing", "secret_file_unreadable", "ssl_file_unreadable", "option_unsupported" (this librdkafka was built without it), "options_invalid". */
const char *kafka_configure(struct arena *arena, const struct kafka_declared *declared, enum kafka_use purpose,
                            const char *(*environment)(const char *), rd_kafka_conf_t **ret_conf);
/* Of a destination. */
bool kafka_timeout_parse(str text, int64_t *ret_ms);
/* Of a source: after how much silence a member of the group counts as gone. */
bool kafka_session_parse(str text, int64_t *ret_ms);
/* The topics of a source: "a, b". Returns how many. */
size_t kafka_topics(str text, str ret_topics[KAFKA_RECEIVE_TOPICS]);

/* The fixed word for an error; an unknown one is "kafka_failed". */
const char *kafka_reason(rd_kafka_resp_err_t code);

#endif
