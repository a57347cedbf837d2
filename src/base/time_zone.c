/* Local time of IANA zones, read from the system's compiled zone files (TZif, RFC 8536). The contract is in time.h.
 *
 * 1. The C library's own zones are not used: they belong to the process, not to a call.
 * 2. A thread remembers the last few zones it read; a zone file is read once, not at each question.
 * 3. A zone's name cannot leave the zone folder.
 */
#include "base/time.h"

#include "base/time_private.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME_BYTES = 64, FILE_BYTES_MAX = 64 * 1024, ZONES_KEPT = 4, TRANSITIONS_MAX = 512, TYPES_MAX = 64 };

/* From POSIX TZ: when summer time begins or ends, as "the w-th weekday of a month" or a day of the year. */
struct change_rule {
    char kind; /* 'M', 'J' (day 1…365, 29 February never counted) or 'n' (day 0…365) */
    int month, week, day;
    int32_t second;
};
struct zone {
    char name[NAME_BYTES];
    bool known;
    uint32_t transitions, types;
    int64_t times[TRANSITIONS_MAX];
    uint8_t type_of[TRANSITIONS_MAX];
    int32_t offsets[TYPES_MAX];
    bool has_rule, has_summer; /* the rule for times after the last transition */
    int32_t standard_offset, summer_offset;
    struct change_rule begin, end;
};
static _Thread_local struct zone thread_zones[ZONES_KEPT];
static _Thread_local unsigned thread_zone_next;

static int64_t big_endian(const uint8_t *p, int bytes)
{
    uint64_t value = p[0] & 0x80 ? UINT64_MAX : 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return (int64_t)value;
}

static bool take_number(const char **p, int *ret_value)
{
    int value = 0, digits = 0;
    for (; **p >= '0' && **p <= '9' && digits < 4; (*p)++, digits++)
        value = value * 10 + (**p - '0');
    *ret_value = value;
    return digits > 0;
}

static bool take_zone_name(const char **p)
{
    const char *from = *p;
    if (**p == '<') {
        while (**p && **p != '>')
            (*p)++;
        return *(*p)++ == '>';
    }
    while ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z'))
        (*p)++;
    return *p > from;
}

/* [+-]hh[:mm[:ss]] */
static bool take_seconds(const char **p, int32_t *ret_seconds)
{
    int sign = 1, part;
    if (**p == '-' || **p == '+')
        sign = *(*p)++ == '-' ? -1 : 1;
    if (!take_number(p, &part))
        return false;
    int32_t seconds = part * 3600;
    for (int unit = 60; unit >= 1 && **p == ':'; unit /= 60) {
        (*p)++;
        if (!take_number(p, &part))
            return false;
        seconds += part * unit;
    }
    *ret_seconds = sign * seconds;
    return true;
}

static bool take_change(const char **p, struct change_rule *ret_rule)
{
    struct change_rule rule = {.kind = 'n', .second = 2 * 3600};
    if (*(*p)++ != ',')
        return false;
    if (**p == 'M') {
        (*p)++;
        rule.kind = 'M';
        if (!take_number(p, &rule.month) || *(*p)++ != '.' || !take_number(p, &rule.week) || *(*p)++ != '.' || !take_number(p, &rule.day))
            return false;
        if (rule.month < 1 || rule.month > 12 || rule.week < 1 || rule.week > 5 || rule.day > 6)
            return false;
    } else {
        if (**p == 'J') {
            (*p)++;
            rule.kind = 'J';
        }
        if (!take_number(p, &rule.day) || rule.day > 365)
            return false;
    }
    if (**p == '/') {
        (*p)++;
        if (!take_seconds(p, &rule.second))
            return false;
    }
    *ret_rule = rule;
    return true;
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": offsets there count westwards. */
static bool zone_read_rule(struct zone *zone, const char *p)
{
    int32_t west;
    if (!take_zone_name(&p) || !take_seconds(&p, &west))
        return false;
    zone->standard_offset = -west;
    zone->has_rule = true;
    if (!*p)
        return true;
    if (!take_zone_name(&p))
        return false;
    zone->summer_offset = zone->standard_offset + 3600;
    if (*p && *p != ',') {
        if (!take_seconds(&p, &west))
            return false;
        zone->summer_offset = -west;
    }
    zone->has_summer = take_change(&p, &zone->begin) && take_change(&p, &zone->end) && !*p;
    return zone->has_summer;
}

/* Second of the year's change, in local seconds since 1970. */
static int64_t change_time(const struct change_rule *rule, int64_t year)
{
    int64_t day = time_days_of(year, 1, 1);
    if (rule->kind == 'M') {
        int64_t first = time_days_of(year, rule->month, 1);
        int weekday = (int)(first + 4 - time_floor_div(first + 4, 7) * 7); /* 0 = Sunday; 1970 began on a Thursday */
        int in_month = (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        while (in_month >= time_month_days(year, rule->month))
            in_month -= 7;
        day = first + in_month;
    } else if (rule->kind == 'J') {
        day += rule->day - 1 + (time_month_days(year, 2) == 29 && rule->day >= 60);
    } else {
        day += rule->day;
    }
    return day * 86400 + rule->second;
}

static int32_t rule_offset(const struct zone *zone, int64_t second)
{
    int64_t year;
    int month, day;
    if (!zone->has_summer)
        return zone->standard_offset;
    time_date_of(time_floor_div(second + zone->standard_offset, 86400), &year, &month, &day);
    int64_t begin = change_time(&zone->begin, year) - zone->standard_offset;
    int64_t end = change_time(&zone->end, year) - zone->summer_offset;
    bool summer = begin < end ? second >= begin && second < end : second >= begin || second < end;
    return summer ? zone->summer_offset : zone->standard_offset;
}

/* The counts of one of a file's two parts, and how long its data is. */
struct part {
    int64_t utc, standard, leaps, times, types, chars;
};

static bool part_read(const uint8_t *head, struct part *ret_part)
{
    if (memcmp(head, "TZif", 4) != 0)
        return false;
    *ret_part = (struct part){.utc = big_endian(head + 20, 4),
                              .standard = big_endian(head + 24, 4),
                              .leaps = big_endian(head + 28, 4),
                              .times = big_endian(head + 32, 4),
                              .types = big_endian(head + 36, 4),
                              .chars = big_endian(head + 40, 4)};
    return ret_part->utc >= 0 && ret_part->standard >= 0 && ret_part->leaps >= 0 && ret_part->times >= 0 && ret_part->types > 0 && ret_part->chars >= 0 &&
           ret_part->times <= TRANSITIONS_MAX && ret_part->types <= TYPES_MAX;
}

static int64_t part_size(const struct part *part, int time_bytes)
{
    return part->times * (time_bytes + 1) + part->types * 6 + part->chars + part->leaps * (time_bytes + 4) + part->standard + part->utc;
}

/* `data` ends in a NUL after `size` bytes. Reads the second part, which has 64-bit times, and the rule after it. */
static bool zone_read(struct zone *zone, uint8_t *data, size_t size)
{
    enum { HEAD = 44 };
    struct part part;
    if (size < HEAD || data[4] < '2' || !part_read(data, &part) || part_size(&part, 4) + 2 * HEAD > (int64_t)size)
        return false;
    size_t at = HEAD + (size_t)part_size(&part, 4);
    if (!part_read(data + at, &part) || (int64_t)at + HEAD + part_size(&part, 8) > (int64_t)size)
        return false;
    const uint8_t *times = data + at + HEAD, *type_of = times + part.times * 8, *types = type_of + part.times;
    zone->transitions = (uint32_t)part.times;
    zone->types = (uint32_t)part.types;
    for (uint32_t i = 0; i < zone->transitions; i++) {
        zone->times[i] = big_endian(times + 8 * i, 8);
        zone->type_of[i] = type_of[i];
        if (type_of[i] >= zone->types)
            return false;
    }
    for (uint32_t i = 0; i < zone->types; i++)
        zone->offsets[i] = (int32_t)big_endian(types + 6 * i, 4);
    char *rule = (char *)data + at + HEAD + part_size(&part, 8);
    if (*rule == '\n') {
        char *end = strchr(rule + 1, '\n');
        if (end && end > rule + 1) {
            *end = 0;
            return zone_read_rule(zone, rule + 1);
        }
    }
    return true;
}

static bool name_is_safe(str name)
{
    if (name.length == 0 || name.length >= NAME_BYTES || name.data[0] == '/' || str_find(name, STR("..")) >= 0)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '+' && c != '/')
            return false;
    }
    return true;
}

static void zone_load(struct zone *zone, str name)
{
    char path[NAME_BYTES + 32];
    static const str folder = {"/usr/share/zoneinfo/", 20};
    memset(zone, 0, sizeof(*zone));
    memcpy(zone->name, name.data, name.length);
    memcpy(path, folder.data, folder.length);
    memcpy(path + folder.length, zone->name, name.length + 1);
    FILE *file = fopen(path, "rbe");
    if (!file)
        return;
    uint8_t *data = malloc(FILE_BYTES_MAX + 1);
    if (data) {
        size_t size = fread(data, 1, FILE_BYTES_MAX, file);
        data[size] = 0;
        zone->known = zone_read(zone, data, size);
        free(data);
    }
    (void)fclose(file); /* only read */
}

static const struct zone *zone_of(str name)
{
    for (int i = 0; i < ZONES_KEPT; i++)
        if (str_equal(str_of(thread_zones[i].name), name))
            return &thread_zones[i];
    struct zone *place = &thread_zones[thread_zone_next++ % ZONES_KEPT];
    zone_load(place, name);
    return place;
}

static int32_t zone_offset(const struct zone *zone, int64_t second)
{
    if (zone->transitions == 0 || second >= zone->times[zone->transitions - 1]) {
        if (zone->has_rule)
            return rule_offset(zone, second);
        return zone->offsets[zone->transitions ? zone->type_of[zone->transitions - 1] : 0];
    }
    uint32_t low = 0, high = zone->transitions; /* the number of transitions at or before `second` */
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (zone->times[middle] <= second)
            low = middle + 1;
        else
            high = middle;
    }
    return zone->offsets[low ? zone->type_of[low - 1] : 0];
}

bool time_local(int64_t time_ms, str zone_name, int *ret_minute, int *ret_weekday)
{
    int64_t second = time_floor_div(time_ms, SECOND_MS);
    if (time_ms == TIME_NONE || time_ms == TIME_FOREVER)
        return false;
    if (!str_equal(zone_name, STR("UTC"))) {
        if (!name_is_safe(zone_name))
            return false;
        const struct zone *zone = zone_of(zone_name);
        if (!zone->known)
            return false;
        second += zone_offset(zone, second);
    }
    int64_t days = time_floor_div(second, 86400);
    *ret_minute = (int)((second - days * 86400) / 60);
    *ret_weekday = (int)(days + 3 - time_floor_div(days + 3, 7) * 7); /* 1970 began on a Thursday */
    return true;
}
