/* See person_rows.h. */
#include "person_rows.h"

#include <string.h>

#define rows_copy(field)                                                                                               \
    do {                                                                                                               \
        to->field.items = arena_alloc_raw(arena, (from->field.count + 2) * sizeof *to->field.items);                   \
        if (from->field.count)                                                                                         \
            memcpy(to->field.items, from->field.items, from->field.count * sizeof *to->field.items);                   \
        to->field.count = from->field.count;                                                                           \
        to->field.capacity = from->field.count + 2;                                                                    \
    } while (0)

struct person *person_load(struct arena *arena, const struct person *from, unsigned parts)
{
    struct person *to = arena_new(arena, struct person);
    *to = (struct person){.root = from->root, .loaded = parts | PERSON_HEAD};
    rows_copy(profiles);
    rows_copy(identifiers);
    rows_copy(consents);
    rows_copy(merges);
    rows_copy(preferences);
    rows_copy(refused);
    if (parts & PERSON_FACTS)
        rows_copy(facts);
    if (parts & PERSON_EVENTS) {
        rows_copy(events);
        vec_each (event, &to->events) {
            struct event_part *copy = arena_alloc_raw(arena, (event->part_count + 1u) * sizeof *copy);
            memcpy(copy, event->parts, event->part_count * sizeof *copy);
            event->parts = copy;
        }
    }
    if (parts & PERSON_HELD)
        rows_copy(held);
    if (parts & PERSON_OUTBOX) {
        rows_copy(deliveries);
        rows_copy(disclosures);
    }
    return to;
}

#define rows_back(field)                                                                                               \
    vec_each (row, &stored->field)                                                                                     \
        *(__typeof__(row))vec_push(arena, &person->field) = *row

void person_unloaded_back(struct arena *arena, struct person *person, const struct person *stored, unsigned parts)
{
    if (!(parts & PERSON_FACTS))
        rows_back(facts);
    if (!(parts & PERSON_EVENTS))
        rows_back(events);
    if (!(parts & PERSON_HELD))
        rows_back(held);
    if (!(parts & PERSON_OUTBOX)) {
        rows_back(deliveries);
        rows_back(disclosures);
    }
}

#define rows_settle(rows)                                                                                              \
    do {                                                                                                               \
        size_t kept_ = 0;                                                                                              \
        vec_each (row_, (rows)) {                                                                                      \
            ASSERT(row_->change <= CHANGE_GONE);                                                                       \
            if (row_->change == CHANGE_GONE)                                                                           \
                continue;                                                                                              \
            row_->change = CHANGE_NONE;                                                                                \
            (rows)->items[kept_++] = *row_;                                                                            \
        }                                                                                                              \
        (rows)->count = kept_;                                                                                         \
    } while (0)

void person_settle(struct person *person)
{
    rows_settle(&person->profiles);
    rows_settle(&person->identifiers);
    rows_settle(&person->consents);
    rows_settle(&person->merges);
    rows_settle(&person->preferences);
    rows_settle(&person->facts);
    rows_settle(&person->events);
    rows_settle(&person->held);
    rows_settle(&person->deliveries);
    rows_settle(&person->disclosures);
    rows_settle(&person->refused);
    person->standing = NULL;
    person->needed = 0;
    person->loaded = PERSON_ALL;
}

struct person *person_now(struct person *person)
{
    while (person->merged_into)
        person = person->merged_into;
    return person;
}

void person_number(struct person *person, struct row_numbers *numbers)
{
    vec_each (event, &person->events)
        if (event->change == CHANGE_NEW)
            event->number.value = numbers->event_next++;
    vec_each (held, &person->held)
        if (held->change == CHANGE_NEW)
            held->number = numbers->held_next++;
    vec_each (delivery, &person->deliveries) {
        if (delivery->change != CHANGE_NEW)
            continue;
        delivery->number = numbers->delivery_next++;
        if (delivery->event_new) {
            ASSERT(delivery->event_new->number.value > 0);
            delivery->event = delivery->event_new->number;
        }
        delivery->event_new = NULL;
    }
}

static purpose_mask mask_moved(const struct policy *from, const struct policy *to, purpose_mask mask)
{
    purpose_mask moved = 0;
    vec_each (purpose, &from->purposes) {
        const struct purpose *same = mask & purpose->self ? policy_purpose(to, purpose->name) : NULL;
        moved |= same ? same->self : 0;
    }
    return moved;
}

void person_purposes_move(struct person *person, const struct policy *from, const struct policy *to)
{
    vec_each (row, &person->identifiers)
        row->purposes = mask_moved(from, to, row->purposes);
    vec_each (row, &person->facts)
        row->purposes = mask_moved(from, to, row->purposes);
    vec_each (row, &person->events)
        for (unsigned i = 0; i < row->part_count; i++)
            row->parts[i].purposes = mask_moved(from, to, row->parts[i].purposes);
}
