/* The profile: a fold over facts (P6), seen through the gate for one purpose. Pure. */
#ifndef TELOS_CORE_PROFILE_H
#define TELOS_CORE_PROFILE_H

#include "core/gate.h"
#include "base/json.h"

/* One trait of the folded profile. */
struct trait {
    str name, value; /* JSON text */
    const struct fact *fact; /* that won, or the newest of a union */
};
typedef VEC(struct trait) traits;
/* Folds the facts allowed by `allowed` (NULL: all). Order-independent: ties break by observed time, received time, source, value. */
void profile_fold(struct arena *arena, const struct policy *policy, const struct person *person,
                  bool (*allowed)(void *context, const struct fact *fact), void *context, traits *ret_traits);

struct withheld {
    str field;
    reason_mask reasons;
    bool common; /* something of it is of no special category (Art. 9) */
    purpose_mask purposes; /* that what is special of it was collected for */
};
/* What a written view tells beside the person's data: of which purposes it is told that data is kept for them and how they stand, and which fields
 * there are that are not shown. */
enum withheld_told {
    WITHHELD_NONE,
    WITHHELD_OWN, /* but for special categories of purposes that are not told of: the name of a field can be a diagnosis */
    WITHHELD_ALL,
};
struct view_told {
    purpose_mask purposes;
    enum withheld_told withheld;
};
/* The person as one purpose may see it. */
struct profile_view {
    const struct person *person;
    const struct policy *policy;
    uint16_t purpose;
    struct decision decision; /* of the whole person; when denied nothing below is filled */
    struct category_set allowed; /* categories that may be seen */
    purpose_mask stores; /* purposes that data may be kept for at that time: nothing is shown that only waits for the sweeper */
    VEC(const struct identifier *) identifiers;
    traits traits;
    VEC(const struct fact *) facts;
    VEC(struct withheld) withheld;
    int64_t now_ms;
    int64_t valid_until_ms; /* from now_ms until then this view changes only by what is said or collected, never by time; also where it is denied */
};
/* `recipient` and `channel` may be empty; `categories` narrows further (NULL: the purpose's own). */
void profile_view(struct arena *arena, const struct policy *policy, const struct person *person, const struct question *question,
                  const struct category_set *categories, struct profile_view *ret_view);
/* The event as the purpose may see it: the allowed parts merged, fields of other categories taken out. False when nothing is left. `ret_body`: JSON object. */
bool profile_view_event(struct arena *arena, const struct profile_view *view, const struct category_set *categories,
                        const struct event *event, str *ret_body);
/* As view->valid_until_ms, for what the view shows of this event, be it something or nothing. */
int64_t profile_view_event_until(const struct profile_view *view, const struct event *event);
/* What a recipient is told, who has the data for one purpose and nothing else: of that purpose, and not what is withheld. */
struct view_told view_told_recipient(const struct profile_view *view);
/* {"id","purpose","identifiers","traits","facts","consents","preferences","withheld"} without events; the caller adds those: fields only,
 * no braces, so that the caller can go on. No "withheld" for WITHHELD_NONE. */
void profile_view_write(struct jsonw *w, const struct profile_view *view, struct view_told told);
/* How the person wants to be treated, as an object: of several statements about a setting the newest. */
void preferences_write(struct arena *arena, struct jsonw *w, const struct person *person);
/* The digest of everything the person is made of, independent of row numbers, times of learning and order of arrival: the
 * simulator and `telos debug digest` compare it. */
void profile_digest(struct arena *arena, const struct policy *policy, const struct person *person, uint8_t ret_digest[32]);

#endif
