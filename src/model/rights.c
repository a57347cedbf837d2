/* Names of what rights.h lists, each made from its one list. */
#include "model/rights.h"

static const struct {
    const char *name, *article, *what;
} rights[] = {
#define X(code, name, article, what) {name, article, what},
    RIGHTS(X)
#undef X
};
const char *right_name(enum right right) { return rights[right].name; }
const char *right_article(enum right right) { return rights[right].article; }
const char *right_what(enum right right) { return rights[right].what; }
bool right_parse(str text, enum right *ret_right)
{
    for (unsigned i = 0; i < RIGHT_COUNT; i++)
        if (str_equal(text, str_of(rights[i].name))) {
            *ret_right = (enum right)i;
            return true;
        }
    return false;
}

static const struct {
    const char *name;
    bool open;
} states[] = {
#define X(code, name, open) {name, open},
    RIGHTS_STATES(X)
#undef X
};
const char *rights_state_name(enum rights_state state) { return states[state].name; }
bool rights_state_open(enum rights_state state) { return states[state].open; }
bool rights_state_parse(str text, enum rights_state *ret_state)
{
    for (unsigned i = 0; i < RIGHTS_STATE_COUNT; i++)
        if (str_equal(text, str_of(states[i].name))) {
            *ret_state = (enum rights_state)i;
            return true;
        }
    return false;
}

static const char *const steps[] = {
#define X(code, name) name,
    RIGHTS_STEPS(X)
#undef X
};
const char *rights_step_name(enum rights_step_kind kind) { return steps[kind]; }

static const char *const recipient_states[] = {
#define X(code, name) name,
    RIGHTS_RECIPIENT_STATES(X)
#undef X
};
const char *rights_recipient_state_name(enum rights_recipient_state state) { return recipient_states[state]; }

static const struct rights_refusal refusals[] = {
#define X(name, dpv, law) {name, dpv, law},
    RIGHTS_REFUSALS(X)
#undef X
};
const struct rights_refusal *rights_refusals(size_t *ret_count)
{
    *ret_count = sizeof refusals / sizeof *refusals;
    return refusals;
}
const struct rights_refusal *rights_refusal_find(str name)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (str_equal(name, str_of(refusals[i].name)))
            return &refusals[i];
    return NULL;
}
