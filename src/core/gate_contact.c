/* Lawful is not yet welcome: channels, topics, quiet hours, how often, and whether the person can be reached at all (gate.md §3). */
#include "core/core_private.h"

const struct json *preference_get(struct arena *arena, const struct person *person, str group, str name, bool *ret_broken)
{
    const struct json *found = NULL;
    int64_t found_ms = TIME_NONE;
    vec_each (row, &person->preferences) {
        if (row_dead(row) || str_empty(row->value) || (found && row->at_ms < found_ms))
            continue;
        struct json *tree = arena_new(arena, struct json);
        if (json_read(arena, row->value, tree) || tree->type != JSON_OBJECT) {
            *ret_broken = true;
            continue;
        }
        const struct json *value = json_get(tree, group);
        if (value && !str_empty(name))
            value = json_get(value, name);
        if (value && value->type != JSON_NULL) {
            found = value;
            found_ms = row->at_ms;
        }
    }
    return found;
}

static bool minute_parse(str text, int *ret_minute)
{
    int64_t hour, minute;
    if (text.length != 5 || text.data[2] != ':' || !str_to_int64(str_slice(text, 0, 2), &hour) ||
        !str_to_int64(str_slice(text, 3, 5), &minute) || hour < 0 || hour > 24 || minute < 0 || minute > 59)
        return false;
    *ret_minute = (int)(hour * 60 + minute) % 1440;
    return true;
}

static reason_mask quiet_reasons(const struct policy *policy, const struct json *quiet, int64_t at_ms, struct decision *decision)
{
    int from, to, now, weekday;
    str zone = json_string(json_get(quiet, STR("zone")));
    if (str_empty(zone))
        zone = policy->quiet_zone;
    if (str_empty(zone))
        zone = STR("UTC");
    if (!minute_parse(json_string(json_get(quiet, STR("from"))), &from) ||
        !minute_parse(json_string(json_get(quiet, STR("to"))), &to) || !time_local(at_ms, zone, &now, &weekday))
        return REASON_BIT(REASON_INDETERMINATE);
    bool inside = from <= to ? now >= from && now < to : now >= from || now < to;
    int64_t minute_start_ms = at_ms - at_ms % MINUTE_MS;
    if (!inside) {
        int64_t flips_ms = minute_start_ms + ((from - now + 1440) % 1440) * MINUTE_MS;
        if (from != to && flips_ms > at_ms && flips_ms < decision->valid_until_ms)
            decision->valid_until_ms = flips_ms;
        return 0;
    }
    int64_t over_ms = minute_start_ms + ((to - now + 1440) % 1440) * MINUTE_MS;
    if (over_ms > decision->allowed_from_ms)
        decision->allowed_from_ms = over_ms;
    if (over_ms > at_ms && over_ms < decision->valid_until_ms)
        decision->valid_until_ms = over_ms;
    return REASON_BIT(REASON_QUIET_HOURS);
}

static bool on_channel(const struct policy *policy, str destination, str channel)
{
    const struct destination *known = policy_destination(policy, destination);
    return known && str_equal(known->channel, channel);
}

/* How often the person was contacted on the channel since `from_ms`, never too few: a disclosure row knows only its first and last
 * time, so what may lie within counts. */
static uint64_t contacts_since(const struct policy *policy, const struct person *person, str channel, int64_t from_ms, int64_t *ret_last_ms)
{
    uint64_t delivered = 0, disclosed = 0;
    vec_each (row, &person->deliveries)
        if (!row_dead(row) && row->kind != DELIVERY_RECALL && row->state == DELIVERY_DELIVERED && row->done_ms > from_ms &&
            on_channel(policy, row->destination, channel)) {
            delivered++;
            *ret_last_ms = row->done_ms > *ret_last_ms ? row->done_ms : *ret_last_ms;
        }
    vec_each (row, &person->disclosures)
        if (!row_dead(row) && row->last_ms > from_ms && on_channel(policy, row->destination, channel)) {
            disclosed += row->first_ms > from_ms ? row->count : row->count > 1 ? row->count - 1 : 1;
            *ret_last_ms = row->last_ms > *ret_last_ms ? row->last_ms : *ret_last_ms;
        }
    return delivered > disclosed ? delivered : disclosed;
}

static reason_mask frequency_reasons(const struct policy *policy, const struct person *person, const struct json *frequency, str channel,
                                     int64_t at_ms, struct decision *decision)
{
    int64_t max, last_ms = TIME_NONE;
    struct duration per;
    if (!json_int(json_get(frequency, STR("max")), &max) || !duration_parse(json_string(json_get(frequency, STR("per"))), &per))
        return REASON_BIT(REASON_INDETERMINATE);
    int64_t from_ms = at_ms - per.ms - (int64_t)per.months * 31 * DAY_MS;
    uint64_t count = contacts_since(policy, person, channel, from_ms, &last_ms);
    if (max > 0 && count < (uint64_t)max)
        return 0;
    int64_t free_ms = last_ms == TIME_NONE ? TIME_NONE : time_add(last_ms, per);
    if (free_ms > decision->allowed_from_ms)
        decision->allowed_from_ms = free_ms;
    return REASON_BIT(REASON_FREQUENCY_CAPPED);
}

/* The identifier type that reaches people on a channel. */
static str channel_type(str channel)
{
    if (str_equal(channel, STR("sms")) || str_equal(channel, STR("phone")) || str_equal(channel, STR("whatsapp")))
        return STR("phone");
    if (str_equal(channel, STR("push")))
        return STR("device_id");
    return channel; /* "email", or a key's own name */
}

static bool reachable(const struct policy *policy, const struct person *person, const struct purpose *purpose, str channel)
{
    str type = channel_type(channel);
    const struct identity_key *key = policy_key(policy, type);
    if (!key)
        return false;
    if (key->category != SLOT_NONE && !category_in(&purpose->categories, key->category))
        return false;
    vec_each (identifier, &person->identifiers)
        if (!row_dead(identifier) && !str_empty(identifier->value) && str_equal(identifier->type, type) &&
            gate_purpose_fits(policy, identifier->purposes, purpose->slot))
            return true;
    return false;
}

static bool said_no(const struct json *value)
{
    return value && (value->type == JSON_FALSE || (value->type == JSON_STRING && str_equal(value->text, STR("off"))));
}

void gate_contact(struct arena *arena, const struct policy *policy, const struct person *person, const struct purpose *purpose,
                  const struct question *question, int64_t at_ms, struct decision *decision)
{
    str channel = question->channel;
    if (!person) {
        if (!str_empty(channel))
            decision->reasons |= REASON_BIT(REASON_CHANNEL_UNREACHABLE);
        return;
    }
    bool broken = false;
    reason_mask reasons = 0;
    if (!str_empty(channel)) {
        if (said_no(preference_get(arena, person, STR("channels"), channel, &broken)))
            reasons |= REASON_BIT(REASON_CHANNEL_OPTED_OUT);
        const struct json *frequency = preference_get(arena, person, STR("frequency"), channel, &broken);
        if (frequency)
            reasons |= frequency_reasons(policy, person, frequency, channel, at_ms, decision);
        if (!reachable(policy, person, purpose, channel))
            reasons |= REASON_BIT(REASON_CHANNEL_UNREACHABLE);
    }
    if (!str_empty(question->topic) && said_no(preference_get(arena, person, STR("topics"), question->topic, &broken)))
        reasons |= REASON_BIT(REASON_TOPIC_OPTED_OUT);
    const struct json *quiet = preference_get(arena, person, STR("quiet_hours"), STR_NONE, &broken);
    if (quiet)
        reasons |= quiet_reasons(policy, quiet, at_ms, decision);
    if (broken)
        reasons |= REASON_BIT(REASON_INDETERMINATE);
    decision->reasons |= reasons;
}
