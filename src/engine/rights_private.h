/* What the rest of the engine asks of rights.c. */
#ifndef TELOS_ENGINE_RIGHTS_PRIVATE_H
#define TELOS_ENGINE_RIGHTS_PRIVATE_H

#include "engine/engine_private.h"
#include "engine/rights.h"

/* The join of a work with an act. */
const struct err *rights_join(void *context, struct commit *commit) MUST_CHECK;
/* Recipients' answers are written down; what nobody confirmed in time ends. For the sweeper. */
const struct err *rights_tend(struct engine *engine, struct store_session *session, struct arena *arena, int64_t now_ms) MUST_CHECK;

#endif
