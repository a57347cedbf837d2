/* One day in a customer's life: what she does on each channel, and what she says about her data. */
#ifndef DEMO_LIFE_H
#define DEMO_LIFE_H

#include "people.h"
#include "send.h"

struct life {
    struct sender *sender;
    const struct customer *customer;
    unsigned day;
    int64_t day_ms; /* midnight UTC */
    struct chance chance;
    uint64_t seed;
    unsigned step; /* numbers the day's messages */
};
void life_day(struct life *life);

#endif
