/* One destination: what is due, what there is room for, one attempt from the gate to its verdict. See deliver_private.h. */
#include "deliver/deliver_private.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

struct outbound *outbound_find(struct deliver *deliver, str name)
{
    vec_each (each, &deliver->outbounds)
        if (str_equal((*each)->name, name))
            return *each;
    return NULL;
}

struct outbound *outbound_add(struct deliver *deliver, str name)
{
    struct outbound *outbound = calloc(1, sizeof *outbound);
    ASSERT(outbound);
    arena_init(&outbound->arena);
    arena_init(&outbound->target_arena);
    outbound->name = str_copy(&outbound->arena, name);
    outbound->status.oldest_ms = outbound->status.last_success_ms = outbound->status.last_error_ms = TIME_NONE;
    outbound->last_look_ms = TIME_NONE;
    circuit_init(&outbound->circuit);
    for (size_t i = 0; i < LIMIT_DELIVERY_IN_FLIGHT; i++) {
        outbound->attempts[i].outbound = outbound;
        arena_init(&outbound->attempts[i].arena);
    }
    *(struct outbound **)vec_push(&deliver->arena, &deliver->outbounds) = outbound;
    deliver->changed = true;
    return outbound;
}

static void target_close(struct outbound *outbound)
{
    if (outbound->target)
        outbound->kind->close(outbound->target);
    outbound->target = NULL;
    outbound->options = STR_NONE;
    arena_clear(&outbound->target_arena);
}

static void attempt_free(struct outbound *outbound, struct attempt *attempt)
{
    curl_slist_free_all(attempt->transfer.headers);
    CURL *easy = attempt->transfer.easy;
    memset(&attempt->transfer, 0, sizeof attempt->transfer);
    attempt->transfer.easy = easy;
    arena_clear(&attempt->arena);
    attempt->state = ATTEMPT_FREE;
    ASSERT(outbound->active > 0);
    outbound->active--;
}

void outbound_close(struct deliver *deliver, struct outbound *outbound)
{
    for (size_t i = 0; i < LIMIT_DELIVERY_IN_FLIGHT; i++) {
        struct attempt *attempt = &outbound->attempts[i];
        if (attempt->state == ATTEMPT_UNDER_WAY && attempt->transfer.easy)
            (void)curl_multi_remove_handle(deliver->multi, attempt->transfer.easy); /* the row stays pending */
        curl_slist_free_all(attempt->transfer.headers);
        curl_easy_cleanup(attempt->transfer.easy);
        arena_release(&attempt->arena);
    }
    target_close(outbound);
    arena_release(&outbound->target_arena);
    arena_release(&outbound->arena);
    free(outbound);
}

/* All that a target is made from, as one text: when it differs, the target is made anew. */
static str options_text(struct arena *arena, const struct destination *destination)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, LIMIT_POLICY_BYTES);
    jsonw_init(&w, &out);
    jsonw_object(&w);
    jsonw_field(&w, "", destination->kind);
    for (size_t i = 0; i < destination->options.count; i++) {
        jsonw_key(&w, destination->options.items[i].name);
        jsonw_string(&w, destination->options.items[i].value);
    }
    jsonw_object_end(&w);
    return buf_str(&out);
}

static void outbound_open(struct deliver *deliver, struct outbound *outbound, const struct destination *destination)
{
    target_close(outbound);
    outbound->reopen = false;
    outbound->kind = kind_find(destination->kind);
    outbound->kind_name = str_copy(&outbound->arena, destination->kind);
    circuit_init(&outbound->circuit); /* another address, another start */
    outbound->problem = "kind_unsupported";
    if (outbound->kind)
        outbound->problem = outbound->kind->open(&outbound->target_arena, destination, deliver->environment, &outbound->target);
    if (!outbound->problem && outbound->kind->attach)
        outbound->kind->attach(outbound->target, &deliver->loop);
    outbound->options = options_text(&outbound->target_arena, destination);
    outbound->next_look_ms = 0;
    if (outbound->problem) {
        snprintf(outbound->status.last_error, sizeof outbound->status.last_error, "%s", outbound->problem);
        outbound->status.last_error_ms = clock_now_ms();
        log_write(LOG_WARN, "deliver", "destination %.*s sends nothing: %s", STR_FMT(outbound->name), outbound->problem);
    }
}

void outbounds_follow(struct deliver *deliver, const struct policy *policy)
{
    vec_each (each, &deliver->outbounds)
        (*each)->listed = false;
    for (size_t i = 0; policy && i < policy->destinations.count; i++) {
        const struct destination *destination = &policy->destinations.items[i];
        struct outbound *outbound = outbound_find(deliver, destination->name);
        if (!outbound)
            outbound = outbound_add(deliver, destination->name);
        outbound->listed = true;
        if (destination->purpose < policy->purposes.count) {
            str purpose = policy->purposes.items[destination->purpose].name;
            if (!str_equal(purpose, outbound->purpose))
                outbound->purpose = str_copy(&outbound->arena, purpose);
        }
        outbound->reopen = !str_equal(options_text(&deliver->scratch, destination), outbound->options);
        outbound->next_look_ms = 0;
    }
    deliver->changed = true;
}

enum deliver_state outbound_state(const struct outbound *outbound, int64_t now_ms)
{
    if (!outbound->listed)
        return DELIVER_REMOVED;
    if (!outbound->kind)
        return DELIVER_UNSUPPORTED;
    if (!outbound->target)
        return DELIVER_MISCONFIGURED;
    if (outbound->paused)
        return DELIVER_PAUSED;
    if (outbound->circuit.open)
        return outbound->circuit.gone ? DELIVER_GONE : DELIVER_FAILING;
    if (outbound->circuit.hold_ms > now_ms)
        return DELIVER_WAITING;
    return DELIVER_READY;
}

static void retry_remember(struct outbound *outbound, int64_t at_ms)
{
    size_t i = outbound->retry_count;
    if (i == RETRY_TIMES && outbound->retry_ms[i - 1] <= at_ms)
        return;
    if (i == RETRY_TIMES)
        i--;
    else
        outbound->retry_count++;
    for (; i > 0 && outbound->retry_ms[i - 1] > at_ms; i--)
        outbound->retry_ms[i] = outbound->retry_ms[i - 1];
    outbound->retry_ms[i] = at_ms;
}

static void retry_forget_past(struct outbound *outbound, int64_t now_ms)
{
    size_t past = 0;
    while (past < outbound->retry_count && outbound->retry_ms[past] <= now_ms)
        past++;
    if (!past)
        return;
    outbound->retry_count -= past;
    memmove(outbound->retry_ms, outbound->retry_ms + past, outbound->retry_count * sizeof *outbound->retry_ms);
    outbound->next_look_ms = 0;
}

/* The attempt is over; its outcome waits for the next commit. */
static void attempt_done(struct deliver *deliver, struct attempt *attempt, const struct delivery_result *result, bool disclosed)
{
    ASSERT(attempt->state == ATTEMPT_UNDER_WAY);
    attempt->outcome = (struct delivery_outcome){.result = *result, .disclosed = disclosed, .delivery = &attempt->delivery};
    snprintf(attempt->reason, sizeof attempt->reason, "%.*s", STR_FMT(result->reason));
    attempt->outcome.result.reason = str_of(attempt->reason);
    attempt->outbound->bytes -= attempt->transfer.body.length;
    attempt->transfer.body = STR_NONE;
    attempt->state = ATTEMPT_DONE;
    attempt->next_done = deliver->done;
    deliver->done = attempt;
    deliver->done_count++;
}

/* Nothing went out: the gate, or we ourselves, said no. */
static void attempt_withheld(struct deliver *deliver, struct attempt *attempt, enum delivery_state state, str reason, int64_t next_ms,
                             int64_t now_ms)
{
    struct delivery_result result = {
        .number = attempt->delivery.number,
        .state = state,
        .attempts = attempt->delivery.attempts,
        .next_ms = next_ms,
        .done_ms = state == DELIVERY_PENDING ? TIME_NONE : now_ms,
        .reason = reason,
    };
    attempt_done(deliver, attempt, &result, false);
}

static void attempt_failed(struct deliver *deliver, struct attempt *attempt, const char *reason, int64_t now_ms)
{
    struct verdict verdict;
    struct delivery_result result;
    verdict_init(&verdict, VERDICT_RETRY, reason);
    schedule_result(&attempt->delivery, attempt->delivery.attempts + 1, &verdict, now_ms, id_random(&deliver->random), &result);
    attempt_done(deliver, attempt, &result, false);
}

void transfer_end(struct deliver *deliver, struct attempt *attempt, CURLcode code, int64_t now_ms)
{
    struct outbound *outbound = attempt->outbound;
    struct verdict verdict;
    struct delivery_result result;
    curl_off_t uploaded = 0;
    long status = 0;
    ASSERT(attempt->state == ATTEMPT_UNDER_WAY);
    if (!outbound->kind->poll) {
        (void)curl_easy_getinfo(attempt->transfer.easy, CURLINFO_SIZE_UPLOAD_T, &uploaded); /* stays 0 */
        (void)curl_easy_getinfo(attempt->transfer.easy, CURLINFO_RESPONSE_CODE, &status); /* stays 0 */
    }
    outbound->kind->classify(&attempt->transfer, code, &verdict);
    circuit_note(&outbound->circuit, &verdict, attempt->probe, now_ms, id_random(&deliver->random));
    schedule_result(&attempt->delivery, attempt->transfer.attempt, &verdict, now_ms, id_random(&deliver->random), &result);
    /* Whoever got a part of it has it, whatever they answered. A recall discloses nothing new. */
    bool disclosed = attempt->delivery.kind != DELIVERY_RECALL && (uploaded > 0 || status != 0 || attempt->transfer.sent);
    ASSERT(deliver->under_way > 0);
    deliver->under_way--;
    outbound->status.attempts++;
    if (verdict.kind == VERDICT_DELIVERED) {
        outbound->status.last_success_ms = now_ms;
    } else {
        outbound->status.last_error_ms = now_ms;
        snprintf(outbound->status.last_error, sizeof outbound->status.last_error, "%s", verdict.reason);
    }
    attempt_done(deliver, attempt, &result, disclosed);
}

void attempt_settled(struct deliver *deliver, struct attempt *attempt, int64_t now_ms)
{
    struct outbound *outbound = attempt->outbound;
    const struct delivery_result *result = &attempt->outcome.result;
    ASSERT(attempt->state == ATTEMPT_DONE);
    switch (result->state) {
    case DELIVERY_PENDING:
        outbound->status.retries += result->attempts > attempt->delivery.attempts;
        retry_remember(outbound, result->next_ms);
        break;
    case DELIVERY_DELIVERED: outbound->status.delivered++; break;
    case DELIVERY_DEAD: outbound->status.dead++; break;
    case DELIVERY_CANCELLED: outbound->status.cancelled++; break;
    }
    if (result->state == DELIVERY_DEAD && deliver_may_warn(deliver, now_ms)) /* each one is in the outbox and in the counters */
        log_write(LOG_WARN, "deliver", "destination %.*s: a delivery is dead after %u attempts: %s", STR_FMT(outbound->name), result->attempts,
                  attempt->reason);
    attempt_free(outbound, attempt);
    outbound->next_look_ms = now_ms; /* the person's next one may be due */
    deliver->changed = true;
}

static bool is_active(const struct outbound *outbound, const struct delivery *row)
{
    for (size_t i = 0; outbound->active && i < LIMIT_DELIVERY_IN_FLIGHT; i++) {
        const struct attempt *attempt = &outbound->attempts[i];
        if (attempt->state != ATTEMPT_FREE &&
            (attempt->delivery.number == row->number || profile_no_equal(attempt->delivery.profile, row->profile)))
            return true;
    }
    return false;
}

static struct attempt *attempt_take(struct outbound *outbound, const struct delivery *row)
{
    for (size_t i = 0; i < LIMIT_DELIVERY_IN_FLIGHT; i++) {
        struct attempt *attempt = &outbound->attempts[i];
        if (attempt->state != ATTEMPT_FREE)
            continue;
        struct arena *arena = &attempt->arena;
        attempt->state = ATTEMPT_UNDER_WAY;
        attempt->delivery = *row; /* the row's own memory ends with this round */
        attempt->delivery.destination = str_copy(arena, row->destination);
        attempt->delivery.purpose = str_copy(arena, row->purpose);
        attempt->delivery.reason = str_copy(arena, row->reason);
        attempt->delivery.subject = str_copy(arena, row->subject);
        attempt->delivery.sealed = str_copy(arena, row->sealed);
        attempt->transfer.delivery = &attempt->delivery;
        attempt->transfer.attempt = row->attempts + 1;
        attempt->transfer.retry_after_ms = TIME_NONE;
        attempt->probe = false;
        outbound->active++;
        return attempt;
    }
    return NULL;
}

/* The gate, now. False: the attempt is already done, without a request. */
static bool attempt_body(struct deliver *deliver, struct attempt *attempt, int64_t now_ms)
{
    str body = STR_NONE, reason = STR_NONE;
    int64_t allowed_from_ms = TIME_NONE;
    const struct err *error = engine_delivery_body(deliver->reader, &attempt->arena, deliver->policy, &attempt->delivery, &body, &reason,
                                                   &allowed_from_ms);
    if (error) {
        if (deliver_may_warn(deliver, now_ms))
            log_write(LOG_WARN, "deliver", "no body could be made for %.*s: %s", STR_FMT(attempt->outbound->name), error->text);
        if (error->code == ERR_TOO_LARGE && attempt->delivery.kind != DELIVERY_RECALL)
            attempt_withheld(deliver, attempt, DELIVERY_DEAD, STR("too_large"), attempt->delivery.next_ms, now_ms);
        else if (error->code == ERR_UNAVAILABLE || error->code == ERR_IO) /* ours, not the row's: it costs no attempt */
            attempt_withheld(deliver, attempt, DELIVERY_PENDING, STR("store_unavailable"), now_ms + backoff_ms(4, id_random(&deliver->random)), now_ms);
        else
            attempt_failed(deliver, attempt, "body_failed", now_ms);
        return false;
    }
    if (str_empty(body)) {
        if (str_empty(reason))
            reason = str_of(reason_name(REASON_INDETERMINATE));
        if (allowed_from_ms == TIME_NONE)
            attempt_withheld(deliver, attempt, DELIVERY_CANCELLED, reason, attempt->delivery.next_ms, now_ms);
        else
            attempt_withheld(deliver, attempt, DELIVERY_PENDING, reason,
                             allowed_from_ms > now_ms + SECOND_MS ? allowed_from_ms : now_ms + SECOND_MS, now_ms);
        return false;
    }
    if (body.length > LIMIT_DELIVERY_BODY_BYTES && attempt->delivery.kind != DELIVERY_RECALL) {
        attempt_withheld(deliver, attempt, DELIVERY_DEAD, STR("too_large"), attempt->delivery.next_ms, now_ms);
        return false;
    }
    attempt->transfer.body = body;
    attempt->outbound->bytes += body.length;
    return true;
}

/* Sets up the handle that the loop drives. NULL when fine, else a reason code. */
static const char *easy_begin(struct deliver *deliver, struct attempt *attempt, int64_t now_ms)
{
    struct transfer *transfer = &attempt->transfer;
    if (!transfer->easy)
        transfer->easy = curl_easy_init();
    else
        curl_easy_reset(transfer->easy);
    ASSERT(transfer->easy);
    const char *problem = attempt->outbound->kind->begin(attempt->outbound->target, transfer, now_ms);
    bool ok = !problem && curl_easy_setopt(transfer->easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(transfer->easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK && /* stopping waits for no name server */
              curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, attempt) == CURLE_OK &&
              curl_multi_add_handle(deliver->multi, transfer->easy) == CURLM_OK;
    return ok || problem ? problem : "send_failed";
}

void outbounds_poll(struct deliver *deliver)
{
    vec_each (each, &deliver->outbounds) {
        struct outbound *outbound = *each;
        if (outbound->target && outbound->kind->poll)
            outbound->kind->poll(outbound->target);
    }
}

/* True when a request is under way. */
static bool attempt_begin(struct deliver *deliver, struct attempt *attempt, int64_t now_ms)
{
    if (!attempt_body(deliver, attempt, now_ms))
        return false;
    const struct outbound *outbound = attempt->outbound;
    attempt->probe = outbound->circuit.open;
    const char *problem = outbound->kind->poll ? outbound->kind->begin(outbound->target, &attempt->transfer, now_ms) : easy_begin(deliver, attempt, now_ms);
    if (problem) {
        attempt_failed(deliver, attempt, problem, now_ms);
        return false;
    }
    deliver->under_way++;
    return true;
}

/* A destination that the policy no longer names gets nothing more: what waits for it is cancelled. Only recalls are still owed; they stay,
 * in sight, for the case that it comes back. */
static void removed_pump(struct deliver *deliver, struct outbound *outbound, int64_t now_ms)
{
    const size_t max = 64;
    struct delivery *rows = NULL;
    size_t count = 0;
    const struct err *error = engine_outbox(deliver->reader, &deliver->scratch, outbound->name, outbound->cursor, max, &rows, &count);
    if (error) {
        outbound->next_look_ms = now_ms + SECOND_MS;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (outbound->active == LIMIT_DELIVERY_IN_FLIGHT)
            break;
        outbound->cursor = rows[i].number;
        if (rows[i].kind == DELIVERY_RECALL || is_active(outbound, &rows[i]))
            continue;
        attempt_withheld(deliver, attempt_take(outbound, &rows[i]), DELIVERY_CANCELLED, str_of(reason_name(REASON_RECIPIENT_NOT_DECLARED)),
                         rows[i].next_ms, now_ms);
    }
    if (count < max && outbound->active == 0)
        outbound->cursor = 0;
    outbound->next_look_ms = now_ms + (count == max ? 1 : LOOK_MAX_MS);
}

/* Opens anew what changed, and says how many may be begun now. */
static size_t outbound_room(struct deliver *deliver, struct outbound *outbound, int64_t now_ms)
{
    if (outbound->reopen && outbound->active == 0)
        outbound_open(deliver, outbound, policy_destination(deliver->policy, outbound->name));
    bool paused = engine_destination_paused(deliver->engine, outbound->name);
    if (outbound->paused && !paused) /* whoever resumes it wants to see it try */
        circuit_init(&outbound->circuit);
    deliver->changed = deliver->changed || paused != outbound->paused;
    outbound->paused = paused;
    if (outbound->reopen || paused || !outbound->target || outbound->bytes >= LIMIT_DELIVERY_WINDOW_BYTES)
        return 0;
    return circuit_room(&outbound->circuit, now_ms, outbound->active, LIMIT_DELIVERY_IN_FLIGHT);
}

/* Those that this node may try: only they keep their places in `rows`. */
static size_t rows_claim(struct deliver *deliver, struct outbound *outbound, struct delivery *rows, size_t count, size_t room, int64_t now_ms)
{
    bool mine[LIMIT_DELIVERY_IN_FLIGHT];
    size_t wanted = 0, kept = 0;
    for (size_t i = 0; i < count && wanted < room; i++)
        if (!is_active(outbound, &rows[i]))
            rows[wanted++] = rows[i];
    const struct err *error = engine_claim(deliver->engine, &deliver->scratch, rows, wanted, mine);
    if (error) {
        if (deliver_may_warn(deliver, now_ms))
            log_write(LOG_WARN, "deliver", "nothing of %.*s can be claimed: %s", STR_FMT(outbound->name), error->text);
        outbound->next_look_ms = now_ms + SECOND_MS;
        return 0;
    }
    for (size_t i = 0; i < wanted; i++)
        if (mine[i])
            rows[kept++] = rows[i];
    return kept;
}

static void rows_begin(struct deliver *deliver, struct outbound *outbound, struct delivery *rows, size_t count, size_t room, int64_t now_ms)
{
    count = rows_claim(deliver, outbound, rows, count, room, now_ms);
    bool shared = engine_is_shared(deliver->engine), behind = shared && deliver_policy_behind(deliver); /* switched on another node just now */
    for (size_t i = 0; i < count; i++) {
        bool wait = behind || outbound->bytes >= LIMIT_DELIVERY_WINDOW_BYTES;
        if (wait && !shared)
            break;
        struct attempt *attempt = attempt_take(outbound, &rows[i]);
        ASSERT(attempt);
        if (wait) /* the claim is given back */
            attempt_withheld(deliver, attempt, DELIVERY_PENDING, rows[i].reason, now_ms, now_ms);
        else
            (void)attempt_begin(deliver, attempt, now_ms); /* it keeps its slot either way, until the outcome is committed */
        deliver->changed = true;
    }
}

void outbound_pump(struct deliver *deliver, struct outbound *outbound, int64_t now_ms)
{
    retry_forget_past(outbound, now_ms);
    if (now_ms < outbound->next_look_ms && outbound->next_look_ms - now_ms <= LOOK_MAX_MS)
        return;
    outbound->next_look_ms = now_ms + POLL_MS + POLL_EACH_MS * (int64_t)deliver->outbounds.count;
    outbound->last_look_ms = now_ms;
    if (!outbound->listed) {
        removed_pump(deliver, outbound, now_ms);
        return;
    }
    size_t room = outbound_room(deliver, outbound, now_ms);
    if (room == 0) {
        int64_t until_ms = circuit_until_ms(&outbound->circuit, now_ms);
        if (until_ms < outbound->next_look_ms)
            outbound->next_look_ms = until_ms;
        return;
    }
    struct delivery *rows = NULL;
    size_t count = 0, max = outbound->active + room;
    const struct err *error = engine_outbox(deliver->reader, &deliver->scratch, outbound->name, 0, max, &rows, &count);
    if (error) {
        if (deliver_may_warn(deliver, now_ms))
            log_write(LOG_WARN, "deliver", "the outbox of %.*s cannot be read: %s", STR_FMT(outbound->name), error->text);
        outbound->next_look_ms = now_ms + SECOND_MS;
        return;
    }
    rows_begin(deliver, outbound, rows, count, room, now_ms);
}

int64_t outbound_until_ms(const struct outbound *outbound)
{
    int64_t until_ms = outbound->next_look_ms;
    if (outbound->retry_count && outbound->retry_ms[0] < until_ms)
        until_ms = outbound->retry_ms[0];
    return until_ms;
}
