/* The names of the model's enums, each made from its one list. */
#include "model/change.h"
#include "model/decision.h"
#include "model/person.h"
#include "model/reason.h"

static bool name_find(const char *const *names, int count, str text, int *ret_index)
{
    for (int i = 0; i < count; i++)
        if (str_equal(str_of(names[i]), text)) {
            *ret_index = i;
            return true;
        }
    return false;
}

static const struct {
    const char *name, *article, *iri;
} bases[] = {
#define X(code, name, article, iri) {name, article, iri},
    BASES(X)
#undef X
};
const char *basis_name(enum basis basis) { return bases[basis].name; }
const char *basis_article(enum basis basis) { return bases[basis].article; }
const char *basis_iri(enum basis basis) { return bases[basis].iri; }

static const char *const consent_names[] = {
#define X(code, name, dpv) name,
    CONSENT_STATUSES(X)
#undef X
};
static const char *const consent_dpv[] = {
#define X(code, name, dpv) dpv,
    CONSENT_STATUSES(X)
#undef X
};
const char *consent_status_name(enum consent_status status) { return consent_names[status]; }
const char *consent_status_dpv(enum consent_status status) { return consent_dpv[status]; }
bool consent_status_parse(str text, enum consent_status *ret_status)
{
    int index;
    if (!name_find(consent_names, CONSENT_STATUS_COUNT, text, &index))
        return false;
    *ret_status = (enum consent_status)index;
    return true;
}

static const char *const said_by_names[] = {"self", "guardian", "agent", "system"};
const char *said_by_name(enum said_by by) { return said_by_names[by]; }
bool said_by_parse(str text, enum said_by *ret_by)
{
    int index;
    if (!name_find(said_by_names, 4, text, &index))
        return false;
    *ret_by = (enum said_by)index;
    return true;
}

static const char *const event_names[] = {
#define X(code, name) name,
    EVENT_TYPES(X)
#undef X
};
const char *event_type_name(enum event_type type) { return event_names[type]; }
bool event_type_parse(str text, enum event_type *ret_type)
{
    int index;
    if (!name_find(event_names, EVENT_TYPE_COUNT, text, &index))
        return false;
    *ret_type = (enum event_type)index;
    return true;
}

static const char *const outcome_names[] = {
#define X(code, name) name,
    OUTCOMES(X)
#undef X
};
const char *outcome_name(enum outcome outcome) { return outcome_names[outcome]; }

static const char *const delivery_states[] = {"pending", "delivered", "dead", "cancelled"};
static const char *const delivery_kinds[] = {"event", "profile", "recall"};
const char *delivery_state_name(enum delivery_state state) { return delivery_states[state]; }
const char *delivery_kind_name(enum delivery_kind kind) { return delivery_kinds[kind]; }

static const struct {
    const char *name, *text, *remedy;
} reasons[] = {
#define X(code, name, text, remedy) {name, text, remedy},
    REASONS(X)
#undef X
};
const char *reason_name(enum reason reason) { return reasons[reason].name; }
const char *reason_text(enum reason reason) { return reasons[reason].text; }
const char *reason_remedy(enum reason reason) { return reasons[reason].remedy; }
bool reason_parse(str name, enum reason *ret_reason)
{
    for (int i = 0; i < REASON_COUNT; i++)
        if (str_equal(str_of(reasons[i].name), name)) {
            *ret_reason = (enum reason)i;
            return true;
        }
    return false;
}
