/* Which terms of the W3C Data Privacy Vocabulary (DPV 2.3, https://w3id.org/dpv) a category or a purpose may name, so that a misspelt one is noticed
 * before it stands in receipts for years. Only `pd:` categories and `dpv:` purposes are judged; terms of other vocabularies pass. */
#ifndef TELOS_POLICY_DPV_H
#define TELOS_POLICY_DPV_H
#include "base/str.h"

/* "pd:EmailAddress". `ret_near`: the published term that was probably meant; empty where none is near. */
bool dpv_category_known(str term, str *ret_near);
/* "dpv:DirectMarketing". */
bool dpv_purpose_known(str term, str *ret_near);

#endif
