/* One partition: where it is read from, and what of it was read ahead. See receive_private.h. */
#include "receive/receive_private.h"

#include "base/log.h"

#include <stdlib.h>

#define QUERY_MS 3000

struct lane *lane_find(struct feed *feed, const char *topic, int32_t partition)
{
    vec_each (each, &feed->lanes)
        if ((*each)->partition == partition && !strcmp((*each)->topic, topic))
            return *each;
    return NULL;
}

void lane_add(struct feed *feed, const char *topic, int32_t partition)
{
    if (lane_find(feed, topic, partition))
        return;
    struct lane *lane = calloc(1, sizeof *lane);
    ASSERT(lane);
    arena_init(&lane->arena);
    lane->topic = str_z(&lane->arena, str_of(topic));
    lane->partition = partition;
    lane->stored = -1;
    lane->key = str_printf(&lane->arena, "kafka/%.*s/%.*s/%s/%d", STR_FMT(feed->name), STR_FMT(feed->group), topic, partition);
    lane->room = 256;
    lane->records = calloc(lane->room, sizeof(*lane->records));
    ASSERT(lane->records);
    *(struct lane **)vec_push(&feed->arena, &feed->lanes) = lane;
    feed->place = true;
}

void lane_push(struct feed *feed, struct lane *lane, rd_kafka_message_t *record)
{
    if (lane->count == lane->room) {
        rd_kafka_message_t **records = calloc(lane->room * 2, sizeof(*records));
        ASSERT(records);
        for (size_t i = 0; i < lane->count; i++)
            records[i] = lane->records[(lane->first + i) % lane->room];
        free(lane->records);
        lane->records = records;
        lane->first = 0;
        lane->room *= 2;
    }
    lane->records[(lane->first + lane->count++) % lane->room] = record;
    lane->next = record->offset + 1;
    lane->bytes += record->len + sizeof *record;
    feed->bytes += record->len + sizeof *record;
    feed->status.records++;
}

rd_kafka_message_t *lane_take(struct feed *feed, struct lane *lane)
{
    if (!lane->count)
        return NULL;
    rd_kafka_message_t *record = lane->records[lane->first];
    lane->first = (lane->first + 1) % lane->room;
    lane->count--;
    lane->bytes -= record->len + sizeof *record;
    feed->bytes -= record->len + sizeof *record;
    return record;
}

void lane_forget(struct feed *feed, struct lane *lane)
{
    for (rd_kafka_message_t *record; (record = lane_take(feed, lane));)
        rd_kafka_message_destroy(record);
    lane->placed = false;
    feed->place = true;
}

static void lane_free(struct feed *feed, struct lane *lane)
{
    lane_forget(feed, lane);
    if (lane->flight && lane->flight->state == FLIGHT_SUBMITTED) /* it goes on without us */
        *(struct flight **)vec_push(&feed->arena, &feed->orphans) = lane->flight;
    else if (lane->flight && lane->flight->dead_pending) { /* nor can these be called back: what they told of is told again by the next owner */
        lane->flight->state = FLIGHT_DEAD;
        *(struct flight **)vec_push(&feed->arena, &feed->orphans) = lane->flight;
    } else if (lane->flight)
        flight_free(lane->flight);
    free(lane->records);
    arena_release(&lane->arena);
    free(lane);
}

void lanes_drop(struct feed *feed, const rd_kafka_topic_partition_list_t *list)
{
    size_t kept = 0;
    for (size_t i = 0; i < feed->lanes.count; i++) {
        struct lane *lane = feed->lanes.items[i];
        bool drop = !list || rd_kafka_topic_partition_list_find((rd_kafka_topic_partition_list_t *)(uintptr_t)list, lane->topic, lane->partition);
        if (drop)
            lane_free(feed, lane);
        else
            feed->lanes.items[kept++] = lane;
    }
    feed->lanes.count = kept;
}

/* ---- where to go on ---- */

/* A queue of which nothing was taken in begins, with `start: latest`, at its end now. That end is stored before anything is read, so that what
 * comes while Telos restarts is not passed over. */
static const char *lane_end(struct feed *feed, struct lane *lane)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(feed->consumer, lane->topic, lane->partition, &low, &high, QUERY_MS);
    if (code)
        return kafka_reason(code);
    struct work_position position = {.key = lane->key, .until = high};
    struct work work = {.arena = &feed->scratch, .source = feed->name, .position = &position};
    const struct err *error = engine_do(feed->receive->engine, &work);
    engine_work_release(feed->receive->engine, &work);
    if (error)
        return "store_unavailable";
    lane->stored = lane->next = high > position.stored ? high : position.stored;
    return NULL;
}

/* NULL when lane->next says where. */
static const char *lane_find_position(struct feed *feed, struct lane *lane)
{
    const struct err *error = engine_position(feed->reader, &feed->scratch, lane->key, &lane->stored);
    if (error)
        return "store_unavailable";
    if (lane->stored >= 0) {
        lane->next = lane->stored;
        return NULL;
    }
    if (feed->latest)
        return lane_end(feed, lane);
    lane->next = RD_KAFKA_OFFSET_BEGINNING;
    return NULL;
}

/* The stored position is not in the log. Its oldest records went before they were read: that is told, counted, and gone on after. Or it ends before
 * what was taken in: another log under an old name, or one that lost its end. To take it from its beginning could store things twice, to wait for its
 * end to grow could leave things out: somebody must decide. */
void lane_out_of_range(struct feed *feed, struct lane *lane)
{
    int64_t low, high, now_ms = clock_now_ms();
    lane_forget(feed, lane);
    lane->again_ms = now_ms + TROUBLE_MS;
    if (lane->flight) /* its end is not stored yet */
        return;
    const struct err *error = engine_position(feed->reader, &feed->scratch, lane->key, &lane->stored);
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(feed->consumer, lane->topic, lane->partition, &low, &high, QUERY_MS);
    if (code || error || lane->stored < 0)
        return;
    lane->stuck = lane->stored > high;
    if (lane->stuck) {
        feed_trouble(feed, "position_beyond_end");
        lane->again_ms = now_ms + STUCK_MS;
        if (feed_may_warn(feed, now_ms))
            log_write(LOG_ERROR, "receive",
                      "source %.*s: partition %d of its topic ends at %lld, but %lld was taken in already: is it another topic of that name? Name another "
                      "`group` to begin anew", STR_FMT(feed->name), lane->partition, (long long)high, (long long)lane->stored);
        return;
    }
    if (lane->stored >= low)
        return;
    struct work_position position = {.key = lane->key, .from = lane->stored, .until = low};
    struct work work = {.arena = &feed->scratch, .source = feed->name, .position = &position};
    error = engine_do(feed->receive->engine, &work);
    engine_work_release(feed->receive->engine, &work);
    if (error)
        return;
    feed->status.lost += (uint64_t)(low - lane->stored);
    log_write(LOG_ERROR, "receive", "source %.*s: partition %d of its topic begins at %lld, so %lld positions were removed before they could be read",
              STR_FMT(feed->name), lane->partition, (long long)low, (long long)(low - lane->stored));
    lane->again_ms = now_ms;
}

void lanes_place(struct feed *feed, int64_t now_ms)
{
    bool any = false, missing = false;
    vec_each (each, &feed->lanes) {
        struct lane *lane = *each;
        if (lane->placed)
            continue;
        if (lane->flight || now_ms < lane->again_ms) { /* what is under way may move the position */
            missing = true;
            continue;
        }
        const char *problem = lane_find_position(feed, lane);
        if (problem) {
            feed_trouble(feed, problem);
            lane->again_ms = now_ms + TROUBLE_MS;
            missing = true;
            continue;
        }
        lane->placed = any = true;
    }
    feed->place = missing;
    if (!any)
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)feed->lanes.count);
    vec_each (each, &feed->lanes)
        if ((*each)->placed) {
            rd_kafka_topic_partition_list_add(list, (*each)->topic, (*each)->partition)->offset = (*each)->next;
            (*each)->paused = false; /* assigning resumes */
        }
    rd_kafka_resp_err_t code = rd_kafka_assign(feed->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        feed_trouble(feed, kafka_reason(code));
}

/* Not more is read than can be kept. */
void lane_pressure(struct feed *feed, struct lane *lane)
{
    bool full = lane->bytes > LANE_BYTES || lane->count > LANE_RECORDS || (lane->count && feed->bytes > LIMIT_KAFKA_BUFFER_BYTES);
    bool low = lane->bytes < LANE_BYTES / 2 && lane->count < LANE_RECORDS / 2 && (!lane->count || feed->bytes < LIMIT_KAFKA_BUFFER_BYTES / 2);
    if (!lane->placed || (lane->paused ? !low : !full))
        return;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, lane->topic, lane->partition);
    rd_kafka_resp_err_t code = lane->paused ? rd_kafka_resume_partitions(feed->consumer, list) : rd_kafka_pause_partitions(feed->consumer, list);
    if (!code && !list->elems[0].err)
        lane->paused = !lane->paused;
    rd_kafka_topic_partition_list_destroy(list);
}
