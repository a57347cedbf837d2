/* What others may see of the sending: a copy of each destination's state, made by the sending thread, read under a lock. */
#include "deliver/deliver_private.h"

#include "base/log.h"

#include <stdio.h>

const char *deliver_state_name(enum deliver_state state)
{
    static const char *const names[] = {
#define X(code, name) name,
        DELIVER_STATES(X)
#undef X
    };
    ASSERT((size_t)state < sizeof names / sizeof *names);
    return names[state];
}

static int64_t next_retry_ms(const struct outbound *outbound, enum deliver_state state, int64_t now_ms)
{
    if (state == DELIVER_PAUSED || state == DELIVER_MISCONFIGURED || state == DELIVER_UNSUPPORTED || state == DELIVER_REMOVED)
        return TIME_NONE;
    int64_t circuit_ms = circuit_until_ms(&outbound->circuit, now_ms);
    int64_t retry_ms = outbound->retry_count ? outbound->retry_ms[0] : TIME_NONE;
    if (circuit_ms != TIME_FOREVER)
        return circuit_ms > retry_ms ? circuit_ms : retry_ms;
    return retry_ms;
}

void status_publish(struct deliver *deliver, int64_t now_ms)
{
    pthread_mutex_lock(&deliver->lock);
    struct arena *arena = &deliver->published_arena;
    arena_clear(arena);
    deliver->published = arena_array(arena, struct deliver_status, deliver->outbounds.count + 1);
    deliver->published_count = 0;
    vec_each (each, &deliver->outbounds) {
        const struct outbound *outbound = *each;
        if (!outbound->listed && !outbound->active && !outbound->status.backlog)
            continue; /* removed, and nothing left to say of it */
        struct deliver_status *status = &deliver->published[deliver->published_count++];
        *status = outbound->status;
        status->name = str_copy(arena, outbound->name);
        status->kind = str_copy(arena, outbound->kind_name);
        status->purpose = str_copy(arena, outbound->purpose);
        status->state = outbound_state(outbound, now_ms);
        status->in_flight = (uint32_t)outbound->active;
        status->failures = outbound->circuit.failures;
        status->next_retry_ms = next_retry_ms(outbound, status->state, now_ms);
        status->is_signed = outbound->target && outbound->kind->is_signed(outbound->target);
    }
    deliver->published_ms = now_ms;
    deliver->changed = false;
    pthread_mutex_unlock(&deliver->lock);
}

void status_count(struct deliver *deliver, int64_t now_ms)
{
    if (now_ms < deliver->count_ms)
        return;
    int64_t begun_us = clock_monotonic_us();
    struct destination_count *rows = NULL;
    size_t count = 0;
    const struct store_ops *store = engine_store(deliver->engine);
    const struct err *error = store->destination_counts(reader_session(deliver->reader), &deliver->scratch, &rows, &count);
    int64_t took_ms = (clock_monotonic_us() - begun_us) / 1000;
    deliver->count_ms = now_ms + COUNT_EVERY_MS + took_ms * COUNT_SHARE;
    if (error) {
        if (deliver_may_warn(deliver, now_ms))
            log_write(LOG_WARN, "deliver", "the backlog cannot be counted: %s", error->text);
        return;
    }
    vec_each (each, &deliver->outbounds) {
        (*each)->status.backlog = (*each)->status.kept = (*each)->status.dead_letters = 0;
        (*each)->status.oldest_ms = TIME_NONE;
    }
    for (size_t i = 0; i < count; i++) {
        struct outbound *outbound = outbound_find(deliver, rows[i].destination);
        if (!outbound && rows[i].pending && deliver->policy)
            outbound = outbound_add(deliver, rows[i].destination); /* not listed: its rows are cancelled */
        if (!outbound)
            continue;
        outbound->status.backlog = rows[i].pending;
        outbound->status.kept = rows[i].delivered + rows[i].dead + rows[i].cancelled;
        outbound->status.dead_letters = rows[i].dead;
        outbound->status.oldest_ms = rows[i].oldest_pending_ms;
    }
    deliver->changed = true;
}

void deliver_status(struct deliver *deliver, struct arena *arena, struct deliver_status **ret_items, size_t *ret_count)
{
    pthread_mutex_lock(&deliver->lock);
    struct deliver_status *items = arena_array(arena, struct deliver_status, deliver->published_count + 1);
    for (size_t i = 0; i < deliver->published_count; i++) {
        items[i] = deliver->published[i];
        items[i].name = str_copy(arena, items[i].name);
        items[i].kind = str_copy(arena, items[i].kind);
        items[i].purpose = str_copy(arena, items[i].purpose);
    }
    *ret_items = items;
    *ret_count = deliver->published_count;
    pthread_mutex_unlock(&deliver->lock);
}

void deliver_write_json(struct deliver *deliver, struct jsonw *w)
{
    struct arena arena;
    struct deliver_status *items;
    size_t count;
    arena_init(&arena);
    deliver_status(deliver, &arena, &items, &count);
    jsonw_array(w);
    for (struct deliver_status *item = items; item < items + count; item++) {
        jsonw_object(w);
        jsonw_field(w, "name", item->name);
        jsonw_field(w, "kind", item->kind);
        jsonw_field(w, "purpose", item->purpose);
        jsonw_field(w, "state", str_of(deliver_state_name(item->state)));
        jsonw_field_bool(w, "signed", item->is_signed);
        jsonw_field_int(w, "in_flight", item->in_flight);
        jsonw_field_int(w, "backlog", (int64_t)item->backlog);
        jsonw_field_time(w, "oldest", item->oldest_ms);
        jsonw_field_int(w, "kept", (int64_t)item->kept);
        jsonw_field_int(w, "dead_letters", (int64_t)item->dead_letters);
        jsonw_field_int(w, "attempts", (int64_t)item->attempts);
        jsonw_field_int(w, "delivered", (int64_t)item->delivered);
        jsonw_field_int(w, "retries", (int64_t)item->retries);
        jsonw_field_int(w, "dead", (int64_t)item->dead);
        jsonw_field_int(w, "cancelled", (int64_t)item->cancelled);
        jsonw_field_int(w, "failures_in_a_row", item->failures);
        jsonw_field_time(w, "last_success", item->last_success_ms);
        jsonw_field_time(w, "last_error_at", item->last_error_ms);
        jsonw_key(w, STR("last_error"));
        if (item->last_error[0])
            jsonw_string(w, str_of(item->last_error));
        else
            jsonw_null(w);
        jsonw_field_time(w, "next_retry", item->next_retry_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    arena_release(&arena);
}

static void label_add(struct buf *out, str value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (c == '"' || c == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, c == '\n' ? ' ' : c);
    }
}

struct metric {
    const char *name, *type, *help;
    double (*value)(const struct deliver_status *status, int64_t now_ms);
};
static double value_up(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, s->state == DELIVER_READY; }
static double value_in_flight(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, s->in_flight; }
static double value_backlog(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->backlog; }
static double value_lag(const struct deliver_status *s, int64_t now_ms)
{
    return s->oldest_ms == TIME_NONE || s->oldest_ms > now_ms ? 0 : (double)(now_ms - s->oldest_ms) / 1000;
}
static double value_kept(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->kept; }
static double value_dead_letters(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->dead_letters; }
static double value_attempts(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->attempts; }
static double value_delivered(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->delivered; }
static double value_retries(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->retries; }
static double value_dead(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->dead; }
static double value_cancelled(const struct deliver_status *s, int64_t now_ms) { return (void)now_ms, (double)s->cancelled; }

static const struct metric metrics[] = {
    {"telos_destination_ready", "gauge", "1 while deliveries go out", value_up},
    {"telos_destination_in_flight", "gauge", "deliveries under way", value_in_flight},
    {"telos_destination_backlog", "gauge", "deliveries that wait", value_backlog},
    {"telos_destination_lag_seconds", "gauge", "age of the oldest delivery that waits", value_lag},
    {"telos_destination_kept", "gauge", "deliveries that have ended and are still listed", value_kept},
    {"telos_destination_dead_letters", "gauge", "deliveries given up that can be replayed", value_dead_letters},
    {"telos_destination_attempts", "counter", "requests made", value_attempts},
    {"telos_destination_delivered", "counter", "deliveries taken by the destination", value_delivered},
    {"telos_destination_retries", "counter", "attempts that will be repeated", value_retries},
    {"telos_destination_dead", "counter", "deliveries given up, with a reason", value_dead},
    {"telos_destination_cancelled", "counter", "deliveries that the gate denied", value_cancelled},
};

void deliver_write_metrics(struct deliver *deliver, struct buf *out)
{
    struct arena arena;
    struct deliver_status *items;
    size_t count;
    int64_t now_ms = clock_now_ms();
    arena_init(&arena);
    deliver_status(deliver, &arena, &items, &count);
    for (size_t m = 0; m < sizeof metrics / sizeof *metrics; m++) {
        bool counter = strcmp(metrics[m].type, "counter") == 0;
        buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n", metrics[m].name, metrics[m].type, metrics[m].name, metrics[m].help);
        for (size_t i = 0; i < count; i++) {
            buf_printf(out, "%s%s{destination=\"", metrics[m].name, counter ? "_total" : "");
            label_add(out, items[i].name);
            buf_printf(out, "\"} %.15g\n", metrics[m].value(&items[i], now_ms));
        }
    }
    arena_release(&arena);
}
