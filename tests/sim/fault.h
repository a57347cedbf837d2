/* Planted faults: so that it is known that the simulation finds what it looks for. */
#ifndef TELOS_TESTS_SIM_FAULT_H
#define TELOS_TESTS_SIM_FAULT_H

#include "sim.h"

struct fault {
    const char *name;
    enum property_code property; /* that finds it */
    const char *what;
};
extern const struct fault faults[];
extern const size_t fault_count;

/* On a person before it is stored; `before`: what was loaded. */
void fault_plant(struct world *world, struct person *person, const struct person *const *before, size_t count);
void fault_before_store(struct world *world);

#endif
