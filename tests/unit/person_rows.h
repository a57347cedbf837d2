/* Persons as a store would keep them, for the little worlds of the core's tests and of the simulation: a working copy with only some parts
 * loaded, what was not loaded put back, marks settled, numbers given. */
#ifndef TELOS_TESTS_PERSON_ROWS_H
#define TELOS_TESTS_PERSON_ROWS_H

#include "model/person.h"
#include "policy/policy.h"

/* A copy to work on, with these parts (PERSON_HEAD always); texts are shared. A run that asks for more leaves no trace in `stored`. */
struct person *person_load(struct arena *arena, const struct person *stored, unsigned parts);
/* Rows of `stored` that were not among the `parts` it was loaded with go to whom it has become. */
void person_unloaded_back(struct arena *arena, struct person *person, const struct person *stored, unsigned parts);
/* The person as it would be stored: rows that are marked gone left out, the others with their marks taken off. */
void person_settle(struct person *person);
struct person *person_now(struct person *person); /* follows merged_into */

/* Numbers that the store gives to new rows. */
struct row_numbers {
    uint64_t event_next, delivery_next, held_next;
};
void person_number(struct person *person, struct row_numbers *numbers);

/* Another version of the policy: purposes keep their bits by name. */
void person_purposes_move(struct person *person, const struct policy *from, const struct policy *to);

#endif
