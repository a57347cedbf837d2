/* The threads' own structs: a feed is one source and its consumer, a lane one partition of it, a flight what of a lane is being stored.
 *
 * The states of a lane:
 *
 *              lane_find_position                    records come             flight_make               flight_step: stored
 *   UNPLACED ─────────────────────▶ READING ─────────────────▶ buffered ─────────────▶ in flight ─────────────────────────▶ READING
 *      ▲  └ the store cannot tell: again      │    (paused while too much is)             │
 *      └──────────────────────────────────────┴── gap, or offset out of range ◀───────────┘
 *
 * The states of a flight (feed thread, but for `done`, which the writer sets):
 *
 *   FLIGHT_DEAD ── all dead letters are written ──▶ FLIGHT_READY ── engine_submit ──▶ FLIGHT_SUBMITTED ── done ──▶ over
 *        ▲                                             ▲   └ full, cannot store: again a little later │
 *        └── some messages cannot be used ◀────────────┴──────────────────────────────────────────────┘
 *
 * 1. A lane has one flight at a time: positions are stored in order.
 * 2. A flight that is submitted when its partition is taken away goes on without its lane (`orphans`); what it stores is remembered by position,
 *    so whoever has the partition now skips it.
 * 3. The group's offsets in Kafka are told for those who look at Kafka; where to go on is only ever read from the store.
 */
#ifndef TELOS_RECEIVE_PRIVATE_H
#define TELOS_RECEIVE_PRIVATE_H

#include "base/vec.h"
#include "kafka/kafka.h"
#include "receive/receive.h"

#include <pthread.h>
#include <stdatomic.h>

#define FLIGHT_RECORDS 2500
#define FLIGHT_MESSAGES 5000 /* and one record's more */
#define FLIGHT_BYTES (2 * 1024 * 1024)
#define LANE_BYTES (8 * 1024 * 1024) /* read ahead of one partition */
#define LANE_RECORDS 20000
#define AGAIN_MS 200 /* the engine cannot take it now */
#define TROUBLE_MS SECOND_MS /* Kafka or the store did not answer */
#define STUCK_MS (10 * SECOND_MS)
#define FAILED_TRIES 3 /* a record that fails by itself is a dead letter then */

enum flight_state { FLIGHT_DEAD, FLIGHT_READY, FLIGHT_SUBMITTED };

struct dead { /* something that cannot be taken */
    size_t record;
    enum receive_refusal refusal;
    str value, problem;
    bool written;
};
struct flight {
    struct feed *feed;
    struct arena arena, work_arena; /* work_arena: of one try at storing */
    enum flight_state state;
    rd_kafka_message_t **records;
    size_t record_count;
    VEC(struct collected) messages;
    VEC(int64_t) offsets;
    VEC(size_t) origins; /* of each message: its record */
    VEC(struct dead) dead;
    struct work work;
    struct work_position position;
    VEC(struct position_refusal) refused; /* of `dead`, for the counters of the store */
    size_t dead_pending; /* handed to the producer, not yet answered */
    bool dead_failed;
    int64_t again_ms; /* not before */
    unsigned tries;
    bool alone; /* one record: it failed with others */
    atomic_bool done;
};

struct lane {
    char *topic;
    int32_t partition;
    str key; /* of its position in the store */
    bool placed; /* it is read, from `next` on */
    bool paused, stuck;
    int64_t single_until; /* up to this offset one record a flight, since one of them fails */
    int64_t next; /* the next to come from Kafka; RD_KAFKA_OFFSET_BEGINNING */
    int64_t stored; /* -1: nothing */
    int64_t again_ms; /* not placed: when to look again */
    rd_kafka_message_t **records; /* a ring */
    size_t first, count, room, bytes;
    struct flight *flight;
    struct arena arena;
};

struct feed {
    struct receive *receive;
    struct arena arena, scratch;
    str name, options; /* options: fingerprint */
    flow_options declared;
    uint32_t line, column;
    str group, topics, dead_letter;
    bool latest;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    struct reader *reader;
    rd_kafka_t *consumer, *producer; /* producer: of dead letters; NULL until the first */
    rd_kafka_queue_t *queue; /* the consumer's */
    VEC(struct lane *) lanes;
    VEC(struct flight *) orphans;
    size_t bytes; /* buffered in all lanes */
    bool place; /* lanes want to be placed */
    bool fatal;
    atomic_uint notices; /* on_done that are still to come or under way: the queue must be there for them */
    const char *trouble; /* NULL */
    bool trouble_connection; /* it passes when a broker answers */
    int64_t trouble_ms, told_ms, published_ms, warned_ms;
    struct receive_status status; /* `published` is a copy, under receive->lock */
    struct receive_status published;
};

struct receive {
    struct engine *engine;
    const char *(*environment)(const char *name);
    struct arena arena;
    pthread_t thread;
    pthread_mutex_t lock; /* guards feeds' list, their `published`, and the flags */
    pthread_cond_t changed;
    bool stopping, follow;
    VEC(struct feed *) feeds;
};

/* receive.c */
struct kafka_declared feed_declared(struct arena *arena, const struct feed *feed);

/* feed.c */
void *feed_main(void *context);
void feed_trouble(struct feed *feed, const char *reason);
bool feed_may_warn(struct feed *feed, int64_t now_ms);

/* lane.c */
struct lane *lane_find(struct feed *feed, const char *topic, int32_t partition);
void lane_add(struct feed *feed, const char *topic, int32_t partition);
void lanes_drop(struct feed *feed, const rd_kafka_topic_partition_list_t *list); /* NULL: all */
void lane_push(struct feed *feed, struct lane *lane, rd_kafka_message_t *record);
rd_kafka_message_t *lane_take(struct feed *feed, struct lane *lane);
void lane_forget(struct feed *feed, struct lane *lane); /* its buffer; it is to be placed anew */
void lane_out_of_range(struct feed *feed, struct lane *lane);
void lanes_place(struct feed *feed, int64_t now_ms);
void lane_pressure(struct feed *feed, struct lane *lane);

/* flight.c */
struct flight *flight_make(struct feed *feed, struct lane *lane);
/* `lane` NULL: an orphan. True: it is over and freed. */
bool flight_step(struct feed *feed, struct lane *lane, struct flight *flight, int64_t now_ms);
void flight_free(struct flight *flight);
void dead_producer_poll(struct feed *feed);

/* status.c */
void feed_publish(struct feed *feed, int64_t now_ms);

#endif
