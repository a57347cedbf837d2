/* A person in plain text, for whoever looks into a failure. */
#include "sim.h"

#include <stdio.h>

static const char *names(const struct world *world, purpose_mask mask)
{
    static char text[512]; /* of the last call */
    purpose_bits bits = bits_of(world, mask);
    int length = 0;
    text[0] = 0;
    for (unsigned i = 0; i < PURPOSES; i++)
        if (bits >> i & 1)
            length += snprintf(text + length, sizeof text - (size_t)length, "%s%s", length ? " " : "", spec_purpose_names[i]);
    return text;
}

static const char *when(int64_t time_ms)
{
    static char texts[4][TIME_TEXT_SIZE]; /* of the last calls */
    static unsigned turn;
    if (time_ms == TIME_NONE || time_ms == TIME_FOREVER)
        return time_ms == TIME_NONE ? "never" : "forever";
    char *text = texts[turn++ % 4];
    (void)time_text(time_ms, text); /* ends with a NUL where it is shorter than the buffer */
    return text;
}

static void rows_dump(const struct world *world, const struct person *person)
{
    vec_each (row, &person->identifiers)
        printf("    %llu/%u %.*s %.*s (%s)%s seen %s\n", (unsigned long long)row->profile.value, row->number, STR_FMT(row->type), STR_FMT(row->value),
               names(world, row->purposes), row->verified ? " verified" : "", when(row->last_seen_ms));
    vec_each (row, &person->consents)
        printf("    %llu/%u %s %.*s at %s known %s until %s%s%s\n", (unsigned long long)row->profile.value, row->identifier,
               consent_status_name(row->status), STR_FMT(row->purpose), when(row->at_ms), when(row->known_ms), when(row->expires_ms),
               row->verified ? " verified" : "", row->explicit_given ? " explicit" : "");
    vec_each (row, &person->facts)
        printf("    %llu/%u fact %.*s=%.*s by %.*s (%s) observed %s received %s\n", (unsigned long long)row->profile.value, row->identifier,
               STR_FMT(row->name), STR_FMT(row->value), STR_FMT(row->source), names(world, row->purposes), when(row->observed_ms),
               when(row->received_ms));
    vec_each (row, &person->events)
        for (unsigned i = 0; i < row->part_count; i++)
            printf("    %llu/%u event %llu by %.*s (%s) at %s: %.*s\n", (unsigned long long)row->profile.value, row->identifier,
                   (unsigned long long)row->number.value, STR_FMT(row->source), names(world, row->parts[i].purposes), when(row->at_ms),
                   STR_FMT(row->parts[i].body));
    vec_each (row, &person->held)
        printf("    held by %.*s until %s\n", STR_FMT(row->source), when(row->expires_ms));
    vec_each (row, &person->deliveries)
        printf("    delivery %s %.*s for %.*s %s\n", delivery_kind_name(row->kind), STR_FMT(row->destination), STR_FMT(row->purpose),
               delivery_state_name(row->state));
}

static bool same_there(struct world *world, struct world *other, const struct person *person)
{
    uint8_t mine[32], yours[32];
    profile_digest(&world->scratch, world->policy, person, mine);
    vec_each (cell, &other->cells) {
        profile_digest(&other->scratch, other->policy, &(*cell)->person, yours);
        if (!memcmp(mine, yours, sizeof mine))
            return true;
    }
    return false;
}

void world_dump(struct world *world, struct world *other, const char *title)
{
    printf("  -- %s, now %s\n", title, when(world->now_ms));
    vec_each (cell, &world->cells) {
        const struct person *person = &(*cell)->person;
        if (other && same_there(world, other, person))
            continue;
        printf("  person %llu, %zu profiles, %zu merges\n", (unsigned long long)person->root.value, person->profiles.count, person->merges.count);
        vec_each (profile, &person->profiles)
            printf("    profile %llu %.*s due %s erased %s born %d\n", (unsigned long long)profile->number.value, STR_FMT(profile->jurisdiction),
                   when(profile->due_ms), when(profile->erased_ms), profile->birth_year);
        rows_dump(world, person);
    }
}
