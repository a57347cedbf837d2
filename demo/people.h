/* Who the customers are: made from the seed and their number alone, so that the same seed is always the same town. */
#ifndef DEMO_PEOPLE_H
#define DEMO_PEOPLE_H

#include "base/str.h"

/* A small random source of its own (splitmix64): nothing of the product's. */
struct chance {
    uint64_t state;
};
struct chance chance_of(uint64_t seed, uint64_t a, uint64_t b);
uint64_t chance_next(struct chance *chance);
unsigned chance_below(struct chance *chance, unsigned bound);
bool chance_percent(struct chance *chance, unsigned percent);

/* How a customer thinks of her data. */
enum temper {
    TEMPER_OPEN, /* agrees to all */
    TEMPER_PICKY, /* the newsletter yes, advertising no */
    TEMPER_LATE, /* decides after some days: what came before waits, held */
    TEMPER_WITHDRAWS, /* agrees, and changes her mind on a later day */
    TEMPER_REFUSES,
    TEMPER_OBJECTS, /* to what rests on a legitimate interest */
    TEMPER_SIGNALS, /* her browser sends Global Privacy Control */
    TEMPER_CHILD, /* fourteen years old */
};

struct customer {
    unsigned number;
    bool hungarian, has_phone, has_card, scale, app;
    enum temper temper;
    unsigned devices; /* browsers */
    unsigned joined_day, decides_day, changes_day, birth_year;
    char name[64], email[96], phone[24], city[32], zip[8], street[64], user_id[24], card[24], app_device[24];
};
void customer_make(uint64_t seed, unsigned number, unsigned days, struct customer *ret_customer);
/* "anon-17-0": the browser's own id. */
void customer_browser(const struct customer *customer, unsigned device, char ret_id[32]);

#endif
