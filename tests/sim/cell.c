/* Persons as the store keeps them: deep copies, each in an arena of its own. */
#include "sim.h"

#include <stdlib.h>

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
    cell->person = *person_load(&cell->arena, person, PERSON_ALL);
    texts_own(&cell->arena, &cell->person);
    return cell;
}

void cell_free(struct cell *cell)
{
    arena_release(&cell->arena);
    free(cell);
}
