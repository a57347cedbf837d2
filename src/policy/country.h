/* What the law says of countries: who is in the EU and the EEA, whose data protection the Commission found adequate, from which
 * age a child consents alone (Art. 8), and the time of day there. Tables only; sources stand beside them in country.c. */
#ifndef TELOS_POLICY_COUNTRY_H
#define TELOS_POLICY_COUNTRY_H

#include "base/str.h"

struct country {
    const char *code; /* ISO 3166-1 alpha-2 */
    bool eu, eea;
    bool adequate; /* Art. 45 decision in force for recipients in general */
    uint8_t age_of_consent; /* Art. 8(1), or the like; 0: no special age known, 16 is taken */
    const char *zone; /* IANA zone of its capital */
    const char *adequate_until; /* the decision's own end; NULL: none */
};

const struct country *country_find(str code); /* NULL when nothing is known of it */
extern const struct country countries[];
extern const size_t countries_count;

/* Is the country in the region ("EU", "EEA", or the country itself)? "US-CA" is in "US". */
bool country_in_region(str country, str region);
uint8_t country_age_of_consent(str code); /* "US-CA" as "US"; 16 where nothing else is known, and of regions, as Art. 8(1) says */
str country_zone(str code); /* "UTC" where nothing else is known */

#endif
