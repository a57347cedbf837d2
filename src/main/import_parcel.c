/* One batch of an import; the contract is in import_parcel.h. */
#include "main/import_parcel.h"

#include "base/limits.h"

#include <stdlib.h>

enum { REJECT_LINE_BYTES_MAX = 64 * 1024 };

void parcel_init(struct parcel *parcel)
{
    *parcel = (struct parcel){0};
    arena_init(&parcel->keep);
    arena_init(&parcel->scratch);
    /* The last message may end beyond IMPORT_PARCEL_BYTES; a CSV record is known to be too long only when it is
     * written. */
    buf_init(&parcel->body, &parcel->keep, IMPORT_PARCEL_BYTES + LIMIT_IMPORT_RECORD_BYTES * 7);
}

void parcel_release(struct parcel *parcel)
{
    arena_release(&parcel->keep);
    arena_release(&parcel->scratch);
}

static str json_text(struct arena *arena, str text)
{
    struct buf out;
    struct jsonw w;
    buf_init(&out, arena, text.length * 6 + 16);
    jsonw_init(&w, &out);
    jsonw_string(&w, text);
    return buf_str(&out);
}

static void reject(struct parcel *parcel, uint64_t line, enum outcome outcome, str why_json)
{
    *vec_push(&parcel->scratch, &parcel->rejects) = (struct reject){line, outcome_name(outcome), why_json};
}

const struct err *parcel_fill(struct parcel *parcel, struct feed *feed, bool *ret_ended)
{
    struct feed_item item;
    bool found = true;
    arena_clear(&parcel->scratch);
    parcel->rejects = (__typeof__(parcel->rejects)){0};
    parcel->counts = (struct import_counts){0};
    parcel->lines.count = 0;
    parcel->attempts = 0;
    buf_clear(&parcel->body);
    buf_add(&parcel->body, STR("{\"batch\":["));
    while (found && parcel->lines.count < IMPORT_PARCEL_MESSAGES && parcel->body.length < IMPORT_PARCEL_BYTES &&
           parcel->rejects.count < IMPORT_PARCEL_MESSAGES) {
        size_t before = parcel->body.length;
        if (parcel->lines.count)
            buf_add_char(&parcel->body, ',');
        TRY(feed_next(feed, &parcel->body, &item, &found));
        ASSERT(!parcel->body.overflow);
        if (!found || item.why.data)
            parcel->body.length = before;
        if (!found)
            break;
        parcel->counts.read++;
        if (item.why.data) {
            parcel->counts.outcomes[OUTCOME_INVALID]++;
            reject(parcel, item.line, OUTCOME_INVALID, json_text(&parcel->scratch, item.why));
        } else {
            *vec_push(&parcel->keep, &parcel->lines) = item.line;
        }
    }
    buf_add(&parcel->body, STR("]}"));
    parcel->after = feed_place(feed);
    parcel->after_bytes = feed_done_bytes(feed);
    parcel->state = parcel->lines.count ? PARCEL_WAITING : parcel->counts.read ? PARCEL_DONE : PARCEL_EMPTY;
    parcel->at_us = 0;
    *ret_ended = !found;
    return NULL;
}

static bool outcome_parse(str text, enum outcome *ret_outcome)
{
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        if (!str_equal(text, str_of(outcome_name((enum outcome)i))))
            continue;
        *ret_outcome = (enum outcome)i;
        return true;
    }
    return false;
}

/* Why a message was not taken: what the reply says, as JSON. */
static str why_of(struct parcel *parcel, const struct json *message)
{
    const struct json *problem = json_get(message, STR("problem")), *reasons = json_get(message, STR("reasons"));
    const struct json *why = problem && problem->type == JSON_STRING ? problem : reasons && reasons->count ? reasons : NULL;
    struct buf out;
    struct jsonw w;
    if (!why)
        return STR("null");
    buf_init(&out, &parcel->scratch, REJECT_LINE_BYTES_MAX / 2);
    jsonw_init(&w, &out);
    jsonw_value(&w, why);
    return out.overflow ? STR("null") : buf_str(&out);
}

/* A server that was asked without a token tells only what it could not use, and not all of that. */
static uint64_t count_invalid(struct parcel *parcel, const struct json *reply)
{
    const struct json *invalid = json_get(reply, STR("invalid"));
    int64_t all = 0, index;
    for (uint32_t i = 0; invalid && invalid->type == JSON_ARRAY && i < invalid->count; i++)
        if (json_int(json_get(&invalid->items[i], STR("index")), &index) && index >= 0 && (size_t)index < parcel->lines.count)
            reject(parcel, parcel->lines.items[index], OUTCOME_INVALID, why_of(parcel, &invalid->items[i]));
    if (!json_int(json_get(reply, STR("invalid_count")), &all) || all < 0 || (size_t)all > parcel->lines.count)
        return 0;
    parcel->counts.outcomes[OUTCOME_INVALID] += (uint64_t)all;
    return (uint64_t)all;
}

void parcel_answered(struct parcel *parcel, const struct json *reply)
{
    const struct json *counts = json_get(reply, STR("counts")), *messages = json_get(reply, STR("messages"));
    uint64_t told = 0;
    for (int i = 0; i < OUTCOME_COUNT; i++) {
        int64_t count;
        if (!json_int(json_get(counts, str_of(outcome_name((enum outcome)i))), &count) || count < 0)
            continue;
        parcel->counts.outcomes[i] += (uint64_t)count;
        told += (uint64_t)count;
    }
    for (uint32_t i = 0; messages && messages->type == JSON_ARRAY && i < messages->count; i++) {
        const struct json *message = &messages->items[i];
        enum outcome outcome;
        int64_t index = i;
        if (!outcome_parse(json_string(json_get(message, STR("outcome"))), &outcome))
            continue;
        if (counts && !json_int(json_get(message, STR("index")), &index))
            continue;
        if (!counts) {
            parcel->counts.outcomes[outcome]++;
            told++;
        }
        if ((outcome == OUTCOME_INVALID || outcome == OUTCOME_DROPPED) && index >= 0 && (size_t)index < parcel->lines.count)
            reject(parcel, parcel->lines.items[index], outcome, why_of(parcel, message));
    }
    if (!counts && !messages)
        told = count_invalid(parcel, reply);
    if (told < parcel->lines.count) /* a server that tells less: what it does not name it has taken */
        parcel->counts.outcomes[OUTCOME_ACCEPTED] += parcel->lines.count - told;
}

static int by_line(const void *a, const void *b)
{
    const struct reject *left = a, *right = b;
    return left->line < right->line ? -1 : left->line > right->line;
}

const struct err *parcel_retire(struct parcel *parcel, struct arena *arena, const char *file, struct import_state *state)
{
    if (parcel->rejects.count)
        qsort(parcel->rejects.items, parcel->rejects.count, sizeof(*parcel->rejects.items), by_line);
    vec_each (each, &parcel->rejects) {
        struct buf line;
        struct jsonw w;
        buf_init(&line, &parcel->scratch, REJECT_LINE_BYTES_MAX);
        jsonw_init(&w, &line);
        jsonw_object(&w);
        jsonw_field(&w, "file", str_of(file));
        jsonw_field_int(&w, "line", (int64_t)each->line);
        jsonw_field(&w, "outcome", str_of(each->outcome));
        jsonw_key(&w, STR("why"));
        jsonw_raw(&w, each->why);
        jsonw_object_end(&w);
        buf_add_char(&line, '\n');
        TRY(import_state_reject(arena, state, buf_str(&line)));
    }
    state->counts.read += parcel->counts.read;
    for (int i = 0; i < OUTCOME_COUNT; i++)
        state->counts.outcomes[i] += parcel->counts.outcomes[i];
    state->place = parcel->after;
    parcel->state = PARCEL_EMPTY;
    return NULL;
}
