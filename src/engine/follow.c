/* The walk's place, and where it goes from there. */
#include "engine/follow.h"

bool follow_parse(str text, struct follow_place *ret_place)
{
    str version, from;
    int64_t number = 0, stop = 0;
    *ret_place = (struct follow_place){0};
    if (str_empty(text))
        return true;
    if (!str_split(&text, ':', &version) || !str_split(&text, ':', &from) || !str_to_int64(from, &number) || number < 1 ||
        (!str_empty(text) && (!str_to_int64(text, &stop) || stop < 0)))
        return false;
    *ret_place = (struct follow_place){(uint64_t)number, (uint64_t)stop};
    return true;
}

str follow_text(struct arena *arena, uint32_t version, struct follow_place place)
{
    if (!place.from)
        return STR_NONE;
    return str_printf(arena, "%u:%llu:%llu", version, (unsigned long long)place.from, (unsigned long long)place.stop);
}

static bool last_round(struct follow_place place) { return place.from < place.stop; }

struct follow_place follow_anew(struct follow_place place)
{
    return place.from > 1 ? (struct follow_place){place.from, place.from} : (struct follow_place){1, 0};
}

struct follow_place follow_next(struct follow_place place, size_t count, uint64_t last)
{
    bool ends = last_round(place) && (!count || last + 1 >= place.stop);
    if (ends || (!count && place.stop <= 1))
        return (struct follow_place){0, 0};
    return (struct follow_place){count ? last + 1 : 1, place.stop};
}

bool follow_meets(struct follow_place place, uint64_t number) { return !last_round(place) || number < place.stop; }
