/* What of a partition is being stored: records cut into messages, dead letters written, a work for the engine, its answer. See receive_private.h. */
#include "receive/receive_private.h"

#include "base/log.h"
#include "core/envelope.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- records into messages ---- */

static void dead_add(struct flight *flight, size_t record, enum receive_refusal refusal, str value, str problem)
{
    *(struct dead *)vec_push(&flight->arena, &flight->dead) = (struct dead){.record = record, .refusal = refusal, .value = value, .problem = problem};
}

static int64_t record_time(const rd_kafka_message_t *record)
{
    rd_kafka_timestamp_type_t type;
    int64_t at_ms = rd_kafka_message_timestamp(record, &type);
    return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || at_ms < 0 ? 0 : at_ms;
}

static void message_add(struct flight *flight, size_t record, const struct envelope *envelope, const struct json *defaults, str text)
{
    struct json *body = arena_new(&flight->arena, struct json);
    const char *problem = envelope_message(&flight->arena, text, body);
    int64_t sent_ms;
    if (problem) {
        dead_add(flight, record, text.length > LIMIT_MESSAGE_BYTES ? REFUSAL_TOO_LARGE : REFUSAL_MALFORMED, text, str_of(problem));
        return;
    }
    *(struct collected *)vec_push(&flight->arena, &flight->messages) = (struct collected){
        .body = body,
        .defaults = defaults,
        .text = text,
        .path_type = EVENT_TYPE_COUNT,
        .sent_ms = time_parse(envelope->sent_at, &sent_ms) ? sent_ms : TIME_NONE,
        .queued_ms = record_time(flight->records[record]),
    };
    *(int64_t *)vec_push(&flight->arena, &flight->offsets) = flight->records[record]->offset;
    *(size_t *)vec_push(&flight->arena, &flight->origins) = record;
    flight->work.bytes += text.length + envelope->context.length + sizeof(struct collected);
}

static void record_read(struct flight *flight, size_t at)
{
    const rd_kafka_message_t *record = flight->records[at];
    str text = str_bytes(record->payload, record->len);
    struct envelope envelope;
    struct json *defaults = arena_new(&flight->arena, struct json);
    bool any = false;
    if (!record->payload) {
        dead_add(flight, at, REFUSAL_NO_VALUE, STR_NONE, STR("a record without a value says nothing"));
        return;
    }
    const struct err *error = text.length > LIMIT_BATCH_BYTES ? err_new(&flight->arena, ERR_TOO_LARGE, "the record is over %d bytes", LIMIT_BATCH_BYTES)
                                                              : envelope_read(&flight->arena, text, LIMIT_BATCH_MESSAGES, &envelope);
    if (!error && !envelope.batch && envelope.messages.items[0].length > LIMIT_MESSAGE_BYTES)
        error = err_new(&flight->arena, ERR_TOO_LARGE, "the message is over %d bytes", LIMIT_MESSAGE_BYTES);
    if (!error)
        error = envelope_defaults(&flight->arena, &envelope, defaults, &any);
    if (error) {
        dead_add(flight, at, error->code == ERR_TOO_LARGE ? REFUSAL_TOO_LARGE : REFUSAL_MALFORMED, text, str_of(error->text));
        return;
    }
    for (size_t i = 0; i < envelope.messages.count; i++)
        message_add(flight, at, &envelope, any ? defaults : NULL, envelope.messages.items[i]);
}

static void on_done(struct work *work)
{
    struct flight *flight = work->context;
    struct feed *feed = flight->feed;
    atomic_store(&flight->done, true); /* from here on the flight may be gone… */
    rd_kafka_queue_yield(feed->queue);
    atomic_fetch_sub(&feed->notices, 1); /* …and from here on the feed */
}

static void work_fill(struct flight *flight)
{
    flight->position.offsets = flight->offsets.items;
    flight->work.messages = flight->messages.items;
    flight->work.message_count = flight->messages.count;
    flight->refused.count = 0;
    vec_each (dead, &flight->dead)
        *(struct position_refusal *)vec_push(&flight->arena, &flight->refused) =
            (struct position_refusal){flight->records[dead->record]->offset, receive_refusal_name(dead->refusal)};
    flight->position.refused = flight->refused.items;
    flight->position.refused_count = flight->refused.count;
    flight->state = FLIGHT_READY;
    for (size_t i = 0; i < flight->dead.count && !str_empty(flight->feed->dead_letter); i++)
        if (!flight->dead.items[i].written)
            flight->state = FLIGHT_DEAD;
}

struct flight *flight_make(struct feed *feed, struct lane *lane)
{
    struct flight *flight = calloc(1, sizeof *flight);
    size_t bytes = 0;
    ASSERT(flight);
    arena_init(&flight->arena);
    arena_init(&flight->work_arena);
    flight->feed = feed;
    flight->alone = lane->count && lane->records[lane->first]->offset < lane->single_until;
    flight->records = arena_array(&flight->arena, rd_kafka_message_t *, FLIGHT_RECORDS);
    while (flight->record_count < FLIGHT_RECORDS && bytes < FLIGHT_BYTES && flight->messages.count < FLIGHT_MESSAGES) {
        rd_kafka_message_t *record = lane_take(feed, lane);
        if (!record)
            break;
        flight->records[flight->record_count++] = record;
        bytes += record->len;
        record_read(flight, flight->record_count - 1);
        if (flight->alone)
            break;
    }
    flight->position = (struct work_position){
        .key = str_copy(&flight->arena, lane->key),
        .from = lane->stored >= 0 ? lane->stored : flight->records[0]->offset,
        .until = flight->records[flight->record_count - 1]->offset + 1,
        .strict = !str_empty(feed->dead_letter),
    };
    flight->work.arena = &flight->work_arena;
    flight->work.source = feed->name;
    flight->work.position = &flight->position;
    flight->work.done = on_done;
    flight->work.context = flight;
    work_fill(flight);
    return flight;
}

void flight_free(struct flight *flight)
{
    for (size_t i = 0; i < flight->record_count; i++)
        rd_kafka_message_destroy(flight->records[i]);
    arena_release(&flight->work_arena);
    arena_release(&flight->arena);
    free(flight);
}

/* ---- dead letters ---- */

static void on_dead_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    struct feed *feed = context;
    struct flight *flight = message->_private;
    (void)producer;
    ASSERT(flight->dead_pending > 0);
    flight->dead_pending--;
    if (message->err) {
        flight->dead_failed = true;
        feed_trouble(feed, kafka_reason(message->err));
    } else {
        feed->status.dead_letters++;
    }
}

void dead_producer_poll(struct feed *feed)
{
    if (feed->producer)
        (void)rd_kafka_poll(feed->producer, 0); /* how many does not matter */
}

static bool dead_producer_open(struct feed *feed)
{
    char words[256], broken[8];
    if (feed->producer && rd_kafka_fatal_error(feed->producer, broken, sizeof broken)) {
        rd_kafka_destroy(feed->producer);
        feed->producer = NULL;
    }
    if (feed->producer)
        return true;
    rd_kafka_conf_t *conf;
    struct kafka_declared declared = feed_declared(&feed->scratch, feed);
    const char *problem = kafka_configure(&feed->scratch, &declared, KAFKA_SEND, feed->receive->environment, &conf);
    if (problem) {
        feed_trouble(feed, problem);
        return false;
    }
    rd_kafka_conf_set_opaque(conf, feed);
    rd_kafka_conf_set_dr_msg_cb(conf, on_dead_report);
    feed->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    if (!feed->producer)
        rd_kafka_conf_destroy(conf);
    return feed->producer != NULL;
}

static void header(rd_kafka_headers_t *headers, const char *name, str value)
{
    (void)rd_kafka_header_remove(headers, name); /* one of a letter that died before */
    (void)rd_kafka_header_add(headers, name, -1, value.data ? value.data : "", (ssize_t)value.length); /* fails never: the name is there */
}

static bool dead_write(struct flight *flight, const struct dead *dead)
{
    struct feed *feed = flight->feed;
    const rd_kafka_message_t *record = flight->records[dead->record];
    rd_kafka_headers_t *old = NULL, *headers;
    headers = rd_kafka_message_headers(record, &old) ? rd_kafka_headers_new(8) : rd_kafka_headers_copy(old);
    header(headers, "telos-reason", str_of(receive_refusal_name(dead->refusal)));
    header(headers, "telos-problem", dead->problem);
    header(headers, "telos-source", feed->name);
    header(headers, "telos-topic", str_of(rd_kafka_topic_name(record->rkt)));
    header(headers, "telos-partition", str_printf(&feed->scratch, "%d", record->partition));
    header(headers, "telos-offset", str_printf(&feed->scratch, "%lld", (long long)record->offset));
    const char *topic = str_z(&feed->scratch, feed->dead_letter);
    rd_kafka_resp_err_t code = rd_kafka_producev(
        feed->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(record->key, record->key_len),
        RD_KAFKA_V_VALUE((void *)(uintptr_t)dead->value.data, dead->value.length), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(flight), RD_KAFKA_V_END);
    if (code) { /* else the headers are the producer's */
        rd_kafka_headers_destroy(headers);
        feed_trouble(feed, kafka_reason(code));
        return false;
    }
    flight->dead_pending++;
    return true;
}

/* Writes those that are not written; a failed round is done again whole, so that a letter may come twice, but never not at all. */
static void dead_step(struct flight *flight, int64_t now_ms)
{
    bool all = true;
    if (flight->dead_pending)
        return;
    if (flight->dead_failed)
        vec_each (dead, &flight->dead)
            dead->written = false;
    flight->dead_failed = false;
    if (!dead_producer_open(flight->feed)) {
        flight->again_ms = now_ms + TROUBLE_MS;
        return;
    }
    vec_each (dead, &flight->dead)
        if (!dead->written) {
            dead->written = dead_write(flight, dead);
            all = all && dead->written;
        }
    flight->dead_failed = !all;
    flight->state = FLIGHT_READY; /* once they are answered */
}

static void count_refused(struct flight *flight)
{
    struct feed *feed = flight->feed;
    vec_each (dead, &flight->dead)
        if (flight->records[dead->record]->offset >= flight->position.stored) /* else somebody counted it before */
            feed->status.refused[dead->refusal]++;
    if (flight->dead.count && feed_may_warn(feed, clock_now_ms())) {
        const struct dead *first = &flight->dead.items[0];
        log_write(LOG_WARN, "receive", "source %.*s: %zu records or messages cannot be taken, first at offset %lld of partition %d: %s%s",
                  STR_FMT(feed->name), flight->dead.count, (long long)flight->records[first->record]->offset, flight->records[first->record]->partition,
                  receive_refusal_name(first->refusal), str_empty(feed->dead_letter) ? "; no `dead_letter` is declared, so they are only counted" : "");
    }
}

/* ---- the engine's answer ---- */

/* Takes the messages that cannot be used out of the work, into the dead. */
static void invalid_out(struct flight *flight)
{
    size_t kept = 0;
    for (size_t i = 0; i < flight->messages.count; i++) {
        const struct message_result *result = &flight->work.requests[i].result;
        if (i >= flight->position.skipped && result->outcome == OUTCOME_INVALID) {
            str problem = str_empty(result->problem) ? STR("the message cannot be used") : str_copy(&flight->arena, result->problem);
            dead_add(flight, flight->origins.items[i], REFUSAL_INVALID, flight->messages.items[i].text, problem);
            continue;
        }
        flight->messages.items[kept] = flight->messages.items[i];
        flight->offsets.items[kept] = flight->offsets.items[i];
        flight->origins.items[kept++] = flight->origins.items[i];
    }
    flight->messages.count = flight->offsets.count = flight->origins.count = kept;
    work_fill(flight);
}

/* All of it cannot be stored although storing works: one record alone is a dead letter, several are tried one by one. */
static bool failed_by_itself(struct lane *lane, struct flight *flight, int64_t now_ms)
{
    struct feed *feed = flight->feed;
    if (!flight->alone && flight->record_count > 1) {
        if (lane) {
            lane->single_until = flight->position.until;
            lane_forget(feed, lane);
        }
        return true;
    }
    flight->again_ms = now_ms + AGAIN_MS;
    if (++flight->tries < FAILED_TRIES)
        return false;
    for (size_t i = 0; i < flight->messages.count; i++)
        dead_add(flight, flight->origins.items[i], REFUSAL_FAILED, flight->messages.items[i].text, STR("it cannot be stored"));
    flight->messages.count = flight->offsets.count = flight->origins.count = 0;
    flight->tries = 0;
    work_fill(flight);
    return false;
}

static void stored(struct feed *feed, struct lane *lane, struct flight *flight, int64_t now_ms)
{
    for (size_t i = flight->position.skipped; i < flight->messages.count; i++) {
        const struct message_result *result = &flight->work.requests[i].result;
        if (result->outcome == OUTCOME_INVALID)
            dead_add(flight, flight->origins.items[i], REFUSAL_INVALID, STR_NONE, STR_NONE);
        else
            feed->status.messages++;
    }
    feed->status.skipped += flight->position.skipped;
    feed->status.last_stored_ms = now_ms;
    count_refused(flight);
    if (lane)
        lane->stored = flight->position.until > flight->position.stored ? flight->position.until : flight->position.stored;
}

/* True: it is over. */
static bool answered(struct feed *feed, struct lane *lane, struct flight *flight, int64_t now_ms)
{
    const struct err *error = flight->work.error;
    bool over = false;
    flight->state = FLIGHT_READY;
    atomic_store(&flight->done, false);
    if (!error) {
        stored(feed, lane, flight, now_ms);
        over = true;
    } else if (flight->position.answer == POSITION_GAP && error->code == ERR_CONFLICT) {
        if (lane)
            lane_forget(feed, lane);
        over = true;
    } else if (flight->position.answer == POSITION_INVALID && error->code == ERR_INVALID) {
        flight->position.skipped = 0; /* what was stored before stays in, and is skipped again */
        invalid_out(flight);
    } else if (error->code == ERR_UNAVAILABLE || error->code == ERR_TOO_MANY || error->code == ERR_IO) {
        flight->again_ms = now_ms + AGAIN_MS;
    } else {
        over = failed_by_itself(lane, flight, now_ms);
    }
    engine_work_release(feed->receive->engine, &flight->work);
    return over;
}

static void submit(struct feed *feed, struct flight *flight, int64_t now_ms)
{
    arena_clear(&flight->work_arena); /* of the last try */
    flight->work.received_ms = 0;
    flight->state = FLIGHT_SUBMITTED;
    atomic_fetch_add(&feed->notices, 1);
    const struct err *error = engine_submit(feed->receive->engine, &flight->work);
    if (!error)
        return;
    atomic_fetch_sub(&feed->notices, 1);
    flight->state = FLIGHT_READY; /* full, cannot store, or no policy: all of these pass */
    flight->again_ms = now_ms + AGAIN_MS;
}

bool flight_step(struct feed *feed, struct lane *lane, struct flight *flight, int64_t now_ms)
{
    if (flight->state == FLIGHT_SUBMITTED) {
        if (!atomic_load(&flight->done) || !answered(feed, lane, flight, now_ms))
            return false;
        flight_free(flight);
        return true;
    }
    if (flight->dead_pending)
        return false;
    if (!lane) { /* whoever has the partition now reads it again */
        flight_free(flight);
        return true;
    }
    if (now_ms < flight->again_ms && flight->again_ms - now_ms <= TROUBLE_MS)
        return false;
    if (flight->dead_failed) {
        flight->dead_failed = false;
        vec_each (dead, &flight->dead)
            dead->written = false;
        flight->again_ms = now_ms + TROUBLE_MS;
        flight->state = FLIGHT_DEAD;
    } else if (flight->state == FLIGHT_DEAD) {
        dead_step(flight, now_ms);
    } else if (!atomic_load(&feed->stopping)) {
        submit(feed, flight, now_ms);
    }
    return false;
}
