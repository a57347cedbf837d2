/* Backoff, Retry-After, the fate of a row and the circuit of a destination; see schedule.h. No clock, no I/O. */
#include "deliver/schedule.h"

#include <stdio.h>

int64_t backoff_ceiling_ms(uint32_t attempts)
{
    ASSERT(attempts > 0);
    const int64_t cap_ms = LIMIT_DELIVERY_RETRY_S * SECOND_MS;
    if (attempts > 32)
        return cap_ms;
    int64_t ceiling_ms = SECOND_MS << (attempts - 1);
    return ceiling_ms < cap_ms ? ceiling_ms : cap_ms;
}

int64_t backoff_ms(uint32_t attempts, uint64_t random)
{
    return 1 + (int64_t)(random % (uint64_t)backoff_ceiling_ms(attempts));
}

bool retry_after_parse(str value, int64_t now_ms, int64_t *ret_delay_ms)
{
    const int64_t cap_ms = LIMIT_DELIVERY_RETRY_AFTER_S * SECOND_MS;
    value = str_trim(value);
    if (str_empty(value) || value.length > 64)
        return false;
    bool digits = true;
    for (size_t i = 0; i < value.length; i++)
        digits = digits && value.data[i] >= '0' && value.data[i] <= '9';
    if (digits) {
        int64_t seconds;
        /* More digits than a number holds is a long time all the same. */
        bool fits = str_to_int64(value, &seconds) && seconds < LIMIT_DELIVERY_RETRY_AFTER_S;
        *ret_delay_ms = fits ? seconds * SECOND_MS : cap_ms;
        return true;
    }
    char text[65];
    memcpy(text, value.data, value.length);
    text[value.length] = 0;
    time_t at = curl_getdate(text, NULL); /* all three date forms of RFC 9110 §5.6.7 */
    if (at == (time_t)-1)
        return false;
    int64_t delay_ms = (int64_t)at * SECOND_MS - now_ms;
    *ret_delay_ms = delay_ms < 0 ? 0 : delay_ms > cap_ms ? cap_ms : delay_ms;
    return true;
}

void schedule_result(const struct delivery *delivery, uint32_t attempts, const struct verdict *verdict, int64_t now_ms, uint64_t random,
                     struct delivery_result *ret_result)
{
    ASSERT(attempts > 0);
    *ret_result = (struct delivery_result){
        .number = delivery->number,
        .attempts = attempts,
        .next_ms = delivery->next_ms,
        .done_ms = TIME_NONE,
        .reason = str_of(verdict->reason),
    };
    bool recall = delivery->kind == DELIVERY_RECALL; /* owed until it is confirmed */
    if (verdict->kind == VERDICT_DELIVERED) {
        ret_result->state = DELIVERY_DELIVERED;
        ret_result->done_ms = now_ms;
        return;
    }
    if (!recall && (verdict->kind == VERDICT_REFUSED || attempts >= LIMIT_DELIVERY_ATTEMPTS)) {
        ret_result->state = DELIVERY_DEAD;
        ret_result->done_ms = now_ms;
        return;
    }
    int64_t delay_ms = backoff_ms(attempts, random);
    if (verdict->retry_after_ms != TIME_NONE && verdict->retry_after_ms > delay_ms)
        delay_ms = verdict->retry_after_ms;
    ret_result->state = DELIVERY_PENDING;
    ret_result->next_ms = now_ms + delay_ms;
}

void circuit_init(struct circuit *circuit) { *circuit = (struct circuit){.probe_ms = TIME_NONE, .hold_ms = TIME_NONE}; }

static void circuit_wait(struct circuit *circuit, int64_t now_ms, uint64_t random)
{
    int64_t ceiling_ms = backoff_ceiling_ms(circuit->level + 1);
    if (!circuit->gone && ceiling_ms > CIRCUIT_PROBE_MAX_MS)
        ceiling_ms = CIRCUIT_PROBE_MAX_MS;
    /* Half of it is fixed: a probe at once would be no wait. */
    circuit->probe_ms = now_ms + ceiling_ms / 2 + (int64_t)(random % (uint64_t)(ceiling_ms / 2 + 1));
}

void circuit_note(struct circuit *circuit, const struct verdict *verdict, bool probe, int64_t now_ms, uint64_t random)
{
    if (verdict->hold && verdict->retry_after_ms != TIME_NONE && now_ms + verdict->retry_after_ms > circuit->hold_ms)
        circuit->hold_ms = now_ms + verdict->retry_after_ms;
    if (!verdict->destination_failed && !verdict->gone) {
        /* It answers. What was sent before it fell ill may still come in well; only a probe's answer counts then. */
        if (!circuit->open || probe) {
            circuit->open = circuit->gone = false;
            circuit->failures = circuit->level = 0;
        }
        return;
    }
    circuit->failures++;
    if (circuit->open && !probe)
        return; /* sent before it opened: says nothing new */
    if (circuit->open) {
        circuit->level++;
        circuit->gone = verdict->gone;
        circuit_wait(circuit, now_ms, random);
    } else if (verdict->gone || circuit->failures >= CIRCUIT_FAILURES) {
        circuit->open = true;
        circuit->gone = verdict->gone;
        circuit->level = 0;
        circuit_wait(circuit, now_ms, random);
    }
}

size_t circuit_room(const struct circuit *circuit, int64_t now_ms, size_t active, size_t limit)
{
    if (circuit->hold_ms != TIME_NONE && now_ms < circuit->hold_ms)
        return 0;
    if (circuit->open)
        return active == 0 && now_ms >= circuit->probe_ms ? 1 : 0;
    return active < limit ? limit - active : 0;
}

int64_t circuit_until_ms(const struct circuit *circuit, int64_t now_ms)
{
    int64_t until_ms = TIME_NONE;
    if (circuit->open)
        until_ms = circuit->probe_ms;
    if (circuit->hold_ms > until_ms)
        until_ms = circuit->hold_ms;
    return until_ms == TIME_NONE || until_ms <= now_ms ? TIME_FOREVER : until_ms;
}
