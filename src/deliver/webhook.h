/* The webhook's signature and options, for its own tests. */
#ifndef TELOS_DELIVER_WEBHOOK_H
#define TELOS_DELIVER_WEBHOOK_H

#include "deliver/kind.h"

#define WEBHOOK_SIGNATURE_SIZE 128
/* "t=UNIX_SECONDS,v1=HEX": HMAC-SHA-256 under `secret` over "UNIX_SECONDS.body", so that a copy sent later by someone else is told by
 * its age. */
void webhook_signature(str secret, int64_t now_ms, str body, char ret_value[WEBHOOK_SIGNATURE_SIZE]);
/* "10", "10s" or "PT10S": 1 s to LIMIT_DELIVERY_TIMEOUT_S. */
bool webhook_timeout_parse(str text, int64_t *ret_ms);
/* NULL when the address may be used, else what is wrong with it. */
const char *webhook_url_problem(str url);

#endif
