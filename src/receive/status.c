/* What others may see of the sources that are read: a copy of each one's state, made by its thread, read under the lock. */
#include "receive/receive_private.h"

#define PUBLISH_MS 50

const char *receive_state_name(enum receive_state state)
{
    static const char *const names[] = {
#define X(code, name) name,
        RECEIVE_STATES(X)
#undef X
    };
    ASSERT((size_t)state < RECEIVE_STATE_COUNT);
    return names[state];
}

const char *receive_refusal_name(enum receive_refusal refusal)
{
    static const char *const names[] = {
#define X(code, name) name,
        RECEIVE_REFUSALS(X)
#undef X
    };
    ASSERT((size_t)refusal < REFUSAL_COUNT);
    return names[refusal];
}

/* Records that Kafka has and we have not: as far as the answers to our reads tell. */
static int64_t lag(const struct feed *feed)
{
    int64_t all = 0;
    bool known = false;
    vec_each (each, &feed->lanes) {
        int64_t low = -1, high = -1;
        if ((*each)->next < 0 || rd_kafka_get_watermark_offsets(feed->consumer, (*each)->topic, (*each)->partition, &low, &high) || high < 0)
            continue;
        known = true;
        all += high > (*each)->next ? high - (*each)->next : 0;
        all += (int64_t)(*each)->count;
    }
    return known ? all : -1;
}

void feed_publish(struct feed *feed, int64_t now_ms)
{
    struct receive_status *status = &feed->status;
    bool waiting = false;
    if (now_ms - feed->published_ms < PUBLISH_MS && now_ms >= feed->published_ms)
        return;
    feed->published_ms = now_ms;
    status->partitions = (uint32_t)feed->lanes.count;
    status->paused = status->stuck = 0;
    vec_each (each, &feed->lanes) {
        status->paused += (*each)->paused;
        status->stuck += (*each)->stuck;
        waiting |= (*each)->flight && (*each)->flight->state == FLIGHT_READY && (*each)->flight->again_ms > now_ms;
    }
    status->buffered_bytes = feed->bytes;
    status->lag = feed->consumer ? lag(feed) : -1;
    if (!feed->consumer)
        status->state = feed->trouble ? RECEIVE_MISCONFIGURED : RECEIVE_JOINING;
    else if (status->stuck)
        status->state = RECEIVE_STUCK;
    else if (feed->trouble)
        status->state = RECEIVE_FAILING;
    else
        status->state = waiting ? RECEIVE_WAITING : feed->lanes.count ? RECEIVE_READING : RECEIVE_JOINING;
    pthread_mutex_lock(&feed->receive->lock);
    feed->published = *status;
    pthread_mutex_unlock(&feed->receive->lock);
}

void receive_status(struct receive *receive, struct arena *arena, struct receive_status **ret_items, size_t *ret_count)
{
    pthread_mutex_lock(&receive->lock);
    struct receive_status *items = arena_array(arena, struct receive_status, receive->feeds.count + 1);
    for (size_t i = 0; i < receive->feeds.count; i++) {
        items[i] = receive->feeds.items[i]->published;
        items[i].name = str_copy(arena, items[i].name);
        items[i].group = str_copy(arena, items[i].group);
        items[i].topics = str_copy(arena, items[i].topics);
    }
    *ret_items = items;
    *ret_count = receive->feeds.count;
    pthread_mutex_unlock(&receive->lock);
}

void receive_write_json(struct receive *receive, struct jsonw *w)
{
    struct arena arena;
    struct receive_status *items;
    size_t count;
    arena_init(&arena);
    receive_status(receive, &arena, &items, &count);
    jsonw_array(w);
    for (struct receive_status *item = items; item < items + count; item++) {
        jsonw_object(w);
        jsonw_field(w, "name", item->name);
        jsonw_field(w, "kind", STR("kafka"));
        jsonw_field(w, "state", str_of(receive_state_name(item->state)));
        jsonw_field(w, "topics", item->topics);
        jsonw_field(w, "group", item->group);
        jsonw_field_int(w, "partitions", item->partitions);
        jsonw_field_int(w, "paused_partitions", item->paused);
        jsonw_field_int(w, "stuck_partitions", item->stuck);
        jsonw_field_int(w, "records", (int64_t)item->records);
        jsonw_field_int(w, "messages", (int64_t)item->messages);
        jsonw_field_int(w, "skipped", (int64_t)item->skipped);
        jsonw_key(w, STR("refused"));
        jsonw_object(w);
        for (int i = 0; i < REFUSAL_COUNT; i++)
            jsonw_field_int(w, receive_refusal_name((enum receive_refusal)i), (int64_t)item->refused[i]);
        jsonw_object_end(w);
        jsonw_field_int(w, "dead_letters", (int64_t)item->dead_letters);
        jsonw_field_int(w, "lost", (int64_t)item->lost);
        jsonw_key(w, STR("lag"));
        if (item->lag >= 0)
            jsonw_int(w, item->lag);
        else
            jsonw_null(w);
        jsonw_field_int(w, "buffered_bytes", (int64_t)item->buffered_bytes);
        jsonw_field_time(w, "last_stored", item->last_stored_ms);
        jsonw_field_time(w, "last_error_at", item->last_error_ms);
        jsonw_key(w, STR("last_error"));
        if (item->last_error[0])
            jsonw_string(w, str_of(item->last_error));
        else
            jsonw_null(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    arena_release(&arena);
}

struct metric {
    const char *name, *type, *help;
    double (*value)(const struct receive_status *status);
};
static double value_reading(const struct receive_status *s) { return s->state == RECEIVE_READING; }
static double value_partitions(const struct receive_status *s) { return s->partitions; }
static double value_paused(const struct receive_status *s) { return s->paused; }
static double value_stuck(const struct receive_status *s) { return s->stuck; }
static double value_lag(const struct receive_status *s) { return s->lag > 0 ? (double)s->lag : 0; }
static double value_records(const struct receive_status *s) { return (double)s->records; }
static double value_messages(const struct receive_status *s) { return (double)s->messages; }
static double value_skipped(const struct receive_status *s) { return (double)s->skipped; }
static double value_dead(const struct receive_status *s) { return (double)s->dead_letters; }
static double value_lost(const struct receive_status *s) { return (double)s->lost; }

static const struct metric metrics[] = {
    {"telos_source_reading", "gauge", "1 while records are read", value_reading},
    {"telos_source_partitions", "gauge", "partitions that this Telos reads", value_partitions},
    {"telos_source_partitions_paused", "gauge", "of those: paused, since too much waits", value_paused},
    {"telos_source_partitions_stuck", "gauge", "of those: cannot be read on without a decision", value_stuck},
    {"telos_source_lag_records", "gauge", "records that are not stored yet", value_lag},
    {"telos_source_records", "counter", "records read", value_records},
    {"telos_source_messages", "counter", "messages taken", value_messages},
    {"telos_source_skipped", "counter", "messages read again that were stored before", value_skipped},
    {"telos_source_dead_letters", "counter", "records and messages written to the dead-letter topic", value_dead},
    {"telos_source_lost", "counter", "positions that the topic no longer had", value_lost},
};

static void label_add(struct buf *out, str value)
{
    for (size_t i = 0; i < value.length; i++) { /* a name of the policy: nothing to escape but for caution */
        char c = value.data[i];
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, c == '\n' ? ' ' : c);
    }
}

static void write_refused(struct buf *out, const struct receive_status *items, size_t count)
{
    buf_printf(out, "# TYPE telos_source_refused counter\n# HELP telos_source_refused records and messages that cannot be taken, by reason\n");
    for (size_t i = 0; i < count; i++)
        for (int r = 0; r < REFUSAL_COUNT; r++) {
            buf_printf(out, "telos_source_refused_total{source=\"");
            label_add(out, items[i].name);
            buf_printf(out, "\",reason=\"%s\"} %llu\n", receive_refusal_name((enum receive_refusal)r), (unsigned long long)items[i].refused[r]);
        }
}

void receive_write_metrics(struct receive *receive, struct buf *out)
{
    struct arena arena;
    struct receive_status *items;
    size_t count;
    arena_init(&arena);
    receive_status(receive, &arena, &items, &count);
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics && count; m++) {
        bool counter = strcmp(metrics[m].type, "counter") == 0;
        buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n", metrics[m].name, metrics[m].type, metrics[m].name, metrics[m].help);
        for (size_t i = 0; i < count; i++) {
            buf_printf(out, "%s%s{source=\"", metrics[m].name, counter ? "_total" : "");
            label_add(out, items[i].name);
            buf_printf(out, "\"} %.15g\n", metrics[m].value(&items[i]));
        }
    }
    if (count)
        write_refused(out, items, count);
    arena_release(&arena);
}
