/* From what a signal says to what is recorded of it: shared by signal_read.c (messages), signal_request.c (the API) and signal_record.c. */
#ifndef TELOS_CORE_SIGNAL_PRIVATE_H
#define TELOS_CORE_SIGNAL_PRIVATE_H

#include "core/core_private.h"
#include "core/signal.h"

struct wishes {
    struct signal_reading reading;
    purpose_mask opened, ended; /* contract events */
    purpose_mask granted; /* purposes that may be granted by it: all, but for an API token that has not all */
    bool denials_only;
    bool lifts_nothing; /* the message names several people: what the others said against a purpose is not seen here, and a lift would reach it once they are one */
};

struct speaker { /* who says it */
    struct person *person; /* NULL: nobody known yet */
    const struct identifier *identifier;
    const struct standing *standing;
    const struct source *source; /* NULL: the API */
    enum sureness sure; /* that it is who it says */
    int64_t at_ms;
};

/* One record that would change what holds. */
struct planned {
    unsigned slot;
    enum consent_status status;
    str method, raw, reference;
    int64_t expires_ms; /* TIME_NONE: as the purpose says */
    const struct destination *vendor; /* a word about this destination alone */
    struct uuid record; /* once it was made */
};
typedef VEC(struct planned) planned_list;

/* Purposes that it speaks of at all. */
purpose_mask wishes_mention(const struct policy *policy, const struct wishes *wishes);
void wishes_plan(struct apply *apply, const struct speaker *speaker, const struct wishes *wishes, planned_list *ret_planned);
/* A signal knows its own words by the texts of the records; false when they must be opened first: then the batch is applied again. */
bool wishes_ready(struct apply *apply, const struct wishes *wishes, struct person *person);
/* Where a Global Privacy Control counts for this person or source: not in the EU, unless the policy takes it for an objection there, too. */
purpose_mask gpc_purposes(const struct policy *policy, const struct source *source, const struct person *person);
/* Says to the known person what the wishes change for it; returns how many records were made. `message_id` is kept of contract events. */
size_t wishes_record(struct apply *apply, const struct wishes *wishes, const struct speaker *speaker, struct known *known, str message_id,
                     planned_list *ret_planned);

#endif
