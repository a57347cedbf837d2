/* What a receipt says in terms of the W3C Data Privacy Vocabulary: facts in tables (receipt_terms.c). Only for receipt.c. */
#ifndef TELOS_ENGINE_RECEIPT_PRIVATE_H
#define TELOS_ENGINE_RECEIPT_PRIVATE_H

#include "base/json.h"
#include "model/person.h"
#include "policy/policy.h"

/* The supervisory authority of a country of the GDPR's or a like law's territory; NULL where none is known. */
struct authority {
    const char *country, *name, *url;
};
const struct authority *authority_of(str country);

/* "dpv:Consent", … */
const char *basis_dpv(enum basis basis);
/* The rights that go with a basis, as a JSON array of IRIs. */
void rights_write(struct jsonw *w, enum basis basis, const struct purpose *purpose);
/* "dpv:DirectMarketing", …: what the policy says, else what follows from the basis. */
str purpose_dpv(const struct purpose *purpose);
/* The `@context`: prefixes, and which members are IRIs and times. */
void context_write(struct jsonw *w);
/* Is it a statement of consent, as against a ground of another basis? */
bool status_is_consent(enum consent_status status, enum basis basis);

#endif
