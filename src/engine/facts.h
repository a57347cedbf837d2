/* Fact pages: the facts of one identifier with the same purposes, sealed together, so that a person with many traits costs few rows and few seals.
 *
 * A page in clear: for each fact  name length (2 bytes, little-endian), source length (1), value length (4), observed, received (8 each), then
 * name, source, value.
 *
 * 1. A fact knows its page (fact->page); a page holds facts of one profile, identifier and set of purposes only.
 * 2. A page that a changed fact lay in, or comes to lie in, is sealed anew; one that lost its last fact goes.
 * 3. Page numbers count up within a profile.
 */
#ifndef TELOS_ENGINE_FACTS_H
#define TELOS_ENGINE_FACTS_H

#include "engine/seal_private.h"

#define FACT_PAGE_FACTS_MAX 64
#define FACT_PAGE_BYTES_MAX (16 * 1024) /* but one fact of any length fits */

/* Adds the facts of an opened page to the person. False when it is broken. */
bool facts_unpack(struct arena *arena, struct person *person, const struct fact_page *page, str plain);
/* Once before facts_seal: the pages of all persons of the commit, by profile, for joins and splits move facts but not pages. */
void facts_pages_gather(struct commit *commit);
/* Deals changed facts out to pages, seals those, and marks them; they stand in person->fact_pages then. */
const struct err *facts_seal(struct commit *commit, struct keyring *ring, struct person *person) MUST_CHECK;

#endif
