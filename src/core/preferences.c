/* How a person wants to be treated: channels, topics, frequency, language, quiet hours. A statement replaces the one made on the same
 * profile; of several profiles the newest that says something about a setting stands (gate_contact.c asks them so).
 */
#include "core/core_private.h"

static bool all_members(const struct json *object, bool (*fits)(const struct json *value))
{
    if (object->type != JSON_OBJECT)
        return false;
    for (uint32_t i = 0; i < object->count; i++)
        if (object->members[i].value.type != JSON_NULL && !fits(&object->members[i].value))
            return false;
    return true;
}

static bool fits_switch(const struct json *value)
{
    return value->type == JSON_TRUE || value->type == JSON_FALSE ||
           (value->type == JSON_STRING && (str_equal(value->text, STR("on")) || str_equal(value->text, STR("off"))));
}

static bool fits_frequency(const struct json *value)
{
    int64_t max;
    struct duration per;
    return json_int(json_get(value, STR("max")), &max) && max >= 0 && duration_parse(json_string(json_get(value, STR("per"))), &per) &&
           !duration_is_zero(per) && per.ms >= 0 && per.months >= 0;
}

static bool fits_minute(const struct json *value)
{
    str text = json_string(value);
    int64_t hour, minute;
    return text.length == 5 && text.data[2] == ':' && str_to_int64(str_slice(text, 0, 2), &hour) &&
           str_to_int64(str_slice(text, 3, 5), &minute) && hour >= 0 && hour <= 24 && minute >= 0 && minute < 60;
}

static bool fits_quiet(const struct json *value)
{
    int minute, weekday;
    const struct json *zone = json_get(value, STR("zone"));
    return fits_minute(json_get(value, STR("from"))) && fits_minute(json_get(value, STR("to"))) &&
           (!zone || zone->type == JSON_NULL || (zone->type == JSON_STRING && time_local(0, zone->text, &minute, &weekday)));
}

/* What is wrong with it; empty: nothing. */
static str preferences_wrong(const struct json *tree)
{
    if (tree->type != JSON_OBJECT)
        return STR("preferences are an object");
    for (uint32_t i = 0; i < tree->count; i++) {
        const struct json *value = &tree->members[i].value;
        str name = tree->members[i].name;
        if (value->type == JSON_NULL)
            continue;
        if (str_equal(name, STR("channels")) || str_equal(name, STR("topics"))) {
            if (!all_members(value, fits_switch))
                return STR("`channels` and `topics` say true or false for each name");
        } else if (str_equal(name, STR("frequency"))) {
            if (!all_members(value, fits_frequency))
                return STR("`frequency` says for each channel {\"max\": 2, \"per\": \"P7D\"}");
        } else if (str_equal(name, STR("language"))) {
            if (value->type != JSON_STRING || value->text.length > 35)
                return STR("`language` is a language tag, such as \"hu\"");
        } else if (str_equal(name, STR("quiet_hours"))) {
            if (!fits_quiet(value))
                return STR("`quiet_hours` is {\"from\": \"21:00\", \"to\": \"08:00\", \"zone\": \"Europe/Budapest\"}");
        } else
            return STR("unknown setting; there are channels, topics, frequency, language and quiet_hours");
    }
    return STR_NONE;
}

static struct preferences *row_of(struct apply *apply, struct person *person, profile_no profile)
{
    vec_each (row, &person->preferences)
        if (!row_dead(row) && profile_no_equal(row->profile, profile))
            return row;
    struct preferences *row = vec_push(apply->arena, &person->preferences);
    row->change = CHANGE_NEW;
    row->profile = profile;
    return row;
}

void preferences_apply(struct apply *apply, struct request *request)
{
    struct json tree;
    if (request->value.length > LIMIT_MESSAGE_BYTES || json_read(apply->arena, request->value, &tree)) {
        request->refusal = STR("preferences are a JSON object of at most 32 KB");
        return;
    }
    request->refusal = preferences_wrong(&tree);
    struct known *known = index_find(apply, &request->subject.hash);
    if (known && !person_sweep_if_due(apply, known->person))
        return;
    known = index_find(apply, &request->subject.hash);
    if (known && person_erased(known->person))
        request->refusal = STR("the person was erased");
    if (!str_empty(request->refusal))
        return;
    if (!known) {
        struct person *made = person_make(apply, STR_NONE);
        known = person_attach(apply, made, made->root, &request->subject, true, 0, (struct uuid){0});
    }
    struct person *person = known->person;
    struct preferences *row = row_of(apply, person, known_identifier(known)->profile);
    row->at_ms = apply->now_ms;
    row->value = request->value;
    row->sealed = STR_NONE;
    row_touch(row);
    request->person = person;
    request->found = true;
    outbox_profile(apply, person, standing_of(apply, person, NULL)->holds);
}

/* --- what stands */

static void group_write(struct arena *arena, struct jsonw *w, const struct person *person, str group)
{
    struct map done;
    bool broken = false;
    map_init(&done, arena);
    jsonw_key(w, group);
    jsonw_object(w);
    vec_each (row, &person->preferences) {
        struct json tree;
        if (row_dead(row) || str_empty(row->value) || json_read(arena, row->value, &tree))
            continue;
        const struct json *object = json_get(&tree, group);
        for (uint32_t i = 0; object && object->type == JSON_OBJECT && i < object->count; i++) {
            str name = object->members[i].name;
            const struct json *value = map_get(&done, name) ? NULL : preference_get(arena, person, group, name, &broken);
            if (!value)
                continue;
            map_set(&done, name, w);
            jsonw_key(w, name);
            jsonw_value(w, value);
        }
    }
    jsonw_object_end(w);
}

void preferences_write(struct arena *arena, struct jsonw *w, const struct person *person)
{
    static const char *const whole[] = {"language", "quiet_hours"};
    bool broken = false;
    jsonw_object(w);
    group_write(arena, w, person, STR("channels"));
    group_write(arena, w, person, STR("topics"));
    group_write(arena, w, person, STR("frequency"));
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        const struct json *value = preference_get(arena, person, str_of(whole[i]), STR_NONE, &broken);
        if (!value)
            continue;
        jsonw_key(w, str_of(whole[i]));
        jsonw_value(w, value);
    }
    jsonw_object_end(w);
}
