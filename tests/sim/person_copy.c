/* Persons as the store would keep them: deep copies in an arena of their own; a working copy for a batch with only some parts loaded. */
#include "sim.h"

#include <stdlib.h>

#define rows_copy(field)                                                                                               \
    do {                                                                                                               \
        to->field.items = arena_alloc_raw(arena, (from->field.count + 2) * sizeof *to->field.items);                   \
        if (from->field.count)                                                                                         \
            memcpy(to->field.items, from->field.items, from->field.count * sizeof *to->field.items);                   \
        to->field.count = from->field.count;                                                                           \
        to->field.capacity = from->field.count + 2;                                                                    \
    } while (0)

static void rows_all(struct arena *arena, struct person *to, const struct person *from, unsigned parts)
{
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
}

struct person *person_load(struct arena *arena, const struct person *stored, unsigned parts)
{
    struct person *person = arena_new(arena, struct person);
    *person = (struct person){.root = stored->root, .loaded = parts};
    rows_all(arena, person, stored, parts);
    return person;
}

static void own(struct arena *arena, str *text) { *text = str_copy(arena, *text); }

static void texts_own(struct arena *a, struct person *person)
{
    vec_each (row, &person->profiles)
        own(a, &row->jurisdiction);
    vec_each (row, &person->identifiers) {
        own(a, &row->type);
        own(a, &row->value);
    }
    vec_each (row, &person->consents) {
        own(a, &row->purpose);
        own(a, &row->notice);
        own(a, &row->source);
        own(a, &row->method);
        own(a, &row->reference);
        own(a, &row->signal);
    }
    vec_each (row, &person->merges) {
        own(a, &row->reason);
        own(a, &row->source);
    }
    vec_each (row, &person->preferences)
        own(a, &row->value);
    vec_each (row, &person->facts) {
        own(a, &row->name);
        own(a, &row->value);
        own(a, &row->source);
    }
    vec_each (row, &person->events) {
        own(a, &row->source);
        for (unsigned i = 0; i < row->part_count; i++)
            own(a, &row->parts[i].body);
    }
    vec_each (row, &person->held) {
        own(a, &row->source);
        own(a, &row->message);
    }
    vec_each (row, &person->deliveries) {
        own(a, &row->destination);
        own(a, &row->purpose);
        own(a, &row->reason);
        own(a, &row->subject);
    }
    vec_each (row, &person->disclosures) {
        own(a, &row->destination);
        own(a, &row->purpose);
    }
    vec_each (row, &person->refused) {
        own(a, &row->type);
        own(a, &row->reason);
    }
}

struct cell *cell_new(const struct person *person)
{
    struct cell *cell = malloc(sizeof *cell);
    if (!cell)
        abort();
    arena_init(&cell->arena);
    cell->fresh = false;
    cell->person = (struct person){.root = person->root, .loaded = PERSON_ALL};
    rows_all(&cell->arena, &cell->person, person, PERSON_ALL);
    texts_own(&cell->arena, &cell->person);
    return cell;
}

void cell_free(struct cell *cell)
{
    arena_release(&cell->arena);
    free(cell);
}

#define rows_settle(rows)                                                                                              \
    do {                                                                                                               \
        size_t kept_ = 0;                                                                                              \
        vec_each (row_, (rows)) {                                                                                      \
            if (row_->change >= CHANGE_GONE)                                                                           \
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
}
