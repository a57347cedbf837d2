/* Looking into stored texts: leaves of event bodies with their paths, and the markers that messages brought. */
#include "sim.h"

#include <stdlib.h>

struct walk {
    struct arena *arena;
    leaf_each each;
    void *context;
};

static str longer(struct arena *arena, str path, str between, str name)
{
    char *text = arena_alloc_raw(arena, path.length + between.length + name.length + 1);
    memcpy(text, path.data, path.length);
    if (between.length)
        memcpy(text + path.length, between.data, between.length);
    if (name.length)
        memcpy(text + path.length + between.length, name.data, name.length);
    return str_bytes(text, path.length + between.length + name.length);
}

static bool value_walk(const struct walk *walk, str path, const struct json *value)
{
    bool sparse = value->type == JSON_OBJECT && json_get(value, STR("[]"));
    if (value->type < JSON_ARRAY)
        return walk->each(walk->context, path, value);
    for (uint32_t i = 0; i < value->count; i++) {
        const struct json *child = value->type == JSON_ARRAY ? &value->items[i] : &value->members[i].value;
        str name = value->type == JSON_ARRAY ? STR_NONE : value->members[i].name, below;
        if (sparse && str_equal(name, STR("[]")))
            continue; /* the array's length */
        if (sparse || value->type == JSON_ARRAY)
            below = longer(walk->arena, path, STR_NONE, STR("[]"));
        else
            below = str_empty(path) ? name : longer(walk->arena, path, STR("."), name);
        if (!value_walk(walk, below, child))
            return false;
    }
    return true;
}

bool body_walk(struct arena *arena, str body, leaf_each each, void *context)
{
    struct json tree;
    struct walk walk = {arena, each, context};
    return !json_read(arena, body, &tree) && value_walk(&walk, STR_NONE, &tree);
}

/* "mk17" in texts, 7000017 as a number. */
uint32_t marker_next(const struct world *world, str text, size_t *at)
{
    while (*at < text.length) {
        const char *start = text.data + *at, *end = text.data + text.length, *c = start;
        bool number = *at == 0 && *c == '7' && text.length == 7;
        uint32_t value = 0;
        if (!number) {
            c = memchr(start, 'm', (size_t)(end - start));
            if (!c)
                break;
            *at = (size_t)(c - text.data) + 1;
            if (c + 2 >= end || c[1] != 'k' || c[2] < '0' || c[2] > '9')
                continue;
            c += 2;
        }
        for (; c < end && *c >= '0' && *c <= '9'; c++)
            value = value * 10 + (uint32_t)(*c - '0');
        *at = (size_t)(c - text.data);
        value -= number ? 7000000 : 0;
        if (value > 0 && value < world->markers.count)
            return value;
    }
    *at = text.length;
    return 0;
}

/* What the value may be collected for now. */
purpose_bits marker_may(struct world *world, const struct verdicts *verdicts, const struct marker *marker, bool late)
{
    const struct spec_source *source = &world->spec.sources[marker->source];
    int category = marker->category == CAT_VARY ? world->spec.vary : marker->category;
    purpose_bits allowed = verdicts->collects | oracle_informable(&world->spec, verdicts, marker->source);
    if (late) /* it was judged before what came out of hold joined the person with another */
        allowed |= verdicts->stores;
    return allowed & source->purposes & ~marker->narrowed & oracle_cover(&world->spec, verdicts, category);
}
