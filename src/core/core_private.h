/* What the files of the core share among themselves, and nobody else sees.
 *
 * 1. A row is dead when its change is CHANGE_GONE, or CHANGE_NEVER: made and unmade within the batch; the last step takes those out.
 * 2. Pointers into a person's arrays are good until the next push; the index therefore names rows by position.
 * 3. Whoever changes records, profiles or merges of a person calls gate_standing_reset.
 */
#ifndef TELOS_CORE_PRIVATE_H
#define TELOS_CORE_PRIVATE_H

#include "core/apply.h"
#include "core/gate.h"
#include "core/identity.h"
#include "core/profile.h"
#include "core/signal.h"
#include "model/key_class.h"
#include "policy/cover.h"

#define CHANGE_NEVER ((enum change)(CHANGE_GONE + 1))
#define row_dead(row) ((row)->change >= CHANGE_GONE)
#define row_touch(row) ((void)((row)->change == CHANGE_NONE ? (row)->change = CHANGE_SET : (row)->change))
#define row_end(row) ((void)((row)->change = (row)->change == CHANGE_NEW || (row)->change == CHANGE_NEVER ? CHANGE_NEVER : CHANGE_GONE))
#define mask_each(slot, mask)                                                                                          \
    for (purpose_mask rest_##slot = (mask); rest_##slot; rest_##slot &= rest_##slot - 1)                               \
        for (unsigned slot = (unsigned)__builtin_ctzll(rest_##slot), once_##slot = 1; once_##slot; once_##slot = 0)

/* Where a known identifier lies. */
struct known {
    struct person *person; /* NULL: its row is dead */
    uint32_t position; /* in person->identifiers */
};
struct index_slot {
    identifier_hash hash;
    struct known *known;
};

/* One node of a message while its fields are classified (classify.c), in depth-first order. */
enum { MARK_CONTENT = 1, MARK_RIDE = 2, MARK_HOLE = 4 };
struct mark {
    purpose_mask any, all; /* of the content below */
    uint32_t size; /* marks below, itself included */
    uint8_t flags;
};
struct marks {
    VEC(struct mark) nodes;
};

/* A trait of an identify message on its way to be a fact. */
struct trait_found {
    str name, value;
    purpose_mask purposes;
};

/* A message's fields under the gate: what classify.c finds out. */
struct classified {
    purpose_mask kept; /* union of all kept content */
    purpose_mask wanted; /* purposes that cover something left out, and are denied for now */
    purpose_mask masks[EVENT_PARTS_MAX];
    unsigned mask_count;
    bool ride; /* something rides along */
    bool denied; /* some content was left out */
    bool content; /* there was content at all */
    VEC(struct trait_found) traits;
};

/* A consent record of this batch and who waits for its place: rows move, so pointers are set in the last step. */
struct record_made {
    struct uuid id;
    size_t leaf; /* position in batch->leaves */
    struct statement *statement; /* that it was made for, or NULL */
};

/* What of a message is looked at more than once, found in one pass. */
struct glance {
    const struct json *context;
    const struct json *consent, *management, *purposes, *tcf, *gpp, *gpc; /* in the context; NULL: absent or null */
    str event; /* of a track; the name of a page or screen */
    int born; /* year of birth that its traits say, or those in its context; 0: none */
};
void glance_fill(const struct message *message, struct glance *ret_glance);

/* When what rests on a purpose falls due, for people last seen then. */
struct seen_memo {
    int64_t seen_ms, until_ms;
};

/* Where something that was left out is counted: the same few fields are left out of every message of a source. */
enum { LEFT_OUT_MEMOS = 256 };
struct left_out_memo {
    const struct source *source;
    str field;
    reason_mask reasons;
    uint32_t *places; /* one a reason: position + 1 in batch->counters */
};

/* Whether all rules below a node come to the same purposes, under what is allowed: then the whole subtree is one mark. */
enum { ALIKE_MEMOS = 64 };
struct alike_memo {
    const struct field_node *node;
    purpose_mask allowed, special;
    uint16_t category; /* inherited */
    bool alike;
};

/* The state of one core_apply. */
struct apply {
    struct batch *batch;
    struct arena *arena;
    const struct policy *policy;
    int64_t now_ms, day_ms;
    uint32_t request; /* under way */
    uint32_t decision; /* under way: a request, or past them one that came out of hold */
    struct index_slot *index;
    size_t index_count, index_capacity;
    const struct standing **nobody; /* by source slot: what holds for somebody unknown */
    uint32_t *outcome_counters; /* source slot × outcome: position + 1 */
    struct left_out_memo *left_out_memos; /* by hash; the newest stands */
    int64_t *due_collected; /* by purpose slot: when what is collected today falls due; TIME_NONE: not worked out */
    struct seen_memo *seen_memo; /* by purpose slot */
    struct marks marks;
    struct alike_memo *alike_memos; /* by the node's place; the newest stands */
    struct field_walk root_walk, traits_walk, context_walk, context_traits_walk;
    bool event_rule, name_rule; /* the policy names the field itself */
    bool releasing;
    struct { /* the last message's decision: most are alike but for the event */
        const struct source *source;
        enum outcome outcome;
        purpose_mask purposes;
        reason_mask reasons;
        str head, tail;
    } last_decision;
    purpose_mask *informs; /* by source slot: purposes whose notice its people are shown */
    purpose_mask special_purposes; /* purposes that cover a special category */
    purpose_mask collected_retention; /* purposes whose retention counts from when a datum was collected */
    purpose_mask event_purposes, profile_purposes; /* purposes that some destination is sent events or profiles for */
    VEC(struct record_made) records_made;
    VEC(profile_no) consent_lost; /* profiles that lost data sealed under their consent key */
};

/* One identifier of a message under way. */
struct named {
    const struct message_identifier *id;
    struct known *known; /* NULL: nobody has it */
    purpose_mask purposes; /* why its value is kept; 0: it is not */
    purpose_mask added; /* of these, what it was not kept for before */
    bool lost; /* its join was refused */
};

/* --- index.c: who is known by which identifier */
void index_build(struct apply *apply);
struct known *index_find(const struct apply *apply, const identifier_hash *hash);
void index_add(struct apply *apply, struct person *person, uint32_t position);
/* Points all live identifiers of the person at it again, after its arrays were united or split. */
void index_person(struct apply *apply, struct person *person);
/* Nobody is known by the person's dead identifiers any more. */
void index_forget(struct apply *apply, const struct person *person);
static inline struct identifier *known_identifier(const struct known *known) { return &known->person->identifiers.items[known->position]; }

/* --- person_rows.c: making and marking rows */
struct person *person_latest(struct person *person); /* follows merged_into; NULL-safe */
struct person *person_make(struct apply *apply, str jurisdiction);
/* A new identifier on this profile; the value only if `purposes` is not 0. */
struct known *person_attach(struct apply *apply, struct person *person, profile_no profile, const struct message_identifier *id,
                            bool verified, purpose_mask purposes, struct uuid message);
/* False when a part is not loaded; then the batch will be applied again with it. */
bool person_require(struct apply *apply, struct person *person, unsigned parts);
struct profile *person_root(const struct person *person);
str person_jurisdiction(const struct person *person);
bool person_erased(const struct person *person);
void person_due(struct person *person, int64_t due_ms); /* lowers */
bool person_overdue(const struct person *person, int64_t now_ms);
int64_t person_last_seen(const struct person *person);
struct leaf *leaf_push(struct apply *apply, const char *kind, profile_no profile, int64_t at_ms, str record);
void key_end_push(struct apply *apply, profile_no profile, unsigned class_mask, bool renew);

/* --- gate */
/* Whoever sends with the source's key speaks for whom a key of this kind names. */
static inline bool source_proves(const struct source *source, const struct identity_key *key)
{
    return source->trusted || (key && key->verified && !source->public);
}
const struct standing *standing_of(struct apply *apply, struct person *person, const struct source *source);
/* Purposes whose special condition (Art. 9) holds are in standing->special; the reasons why not, for one purpose. */
reason_mask gate_special_reasons(const struct policy *policy, const struct standing *standing, unsigned slot);
/* Storing it under the purpose is over at this time (retention that counts from when it was collected). */
int64_t retention_collected(const struct purpose *purpose, int64_t received_ms);
bool jurisdiction_in_eu(str jurisdiction);
uint16_t vendor_of(str reference); /* 0: it names none */
bool vendor_named(str reference, uint16_t vendor); /* "decoder tcf/1, vendor 755" */
/* When somebody born in that year consents alone: the birthday counts as had when the year is over. */
int64_t gate_of_age_ms(const struct policy *policy, const struct purpose *purpose, str jurisdiction, int born);
int time_year(int64_t time_ms);
/* The newest statement of a setting over the person's preferences: "channels", "email". NULL: nothing said. `ret_broken`: a
 * preference text could not be read. */
const struct json *preference_get(struct arena *arena, const struct person *person, str group, str name, bool *ret_broken);
void gate_contact(struct arena *arena, const struct policy *policy, const struct person *person, const struct purpose *purpose,
                  const struct question *question, int64_t at_ms, struct decision *decision);

/* What of a datum's purposes still stands at the view's time. */
purpose_mask view_keeps(const struct profile_view *view, purpose_mask purposes, int64_t received_ms);

/* --- phone.c */
/* E.164 of a written phone number; false when it cannot be one. `region`: ISO 3166-1 of numbers without country code. */
bool phone_normalise(struct arena *arena, str text, str region, str *ret_number);

/* --- consent.c, signal_read.c */
/* Adds the record (identifier and person given), its leaf, and resets the standing; false when the person has too many. */
struct consent *consent_push(struct apply *apply, struct person *person, const struct identifier *identifier,
                             const struct consent *record);
/* What follows from changed records: purposes that fell are taken off, held messages that may be kept are released. */
void consent_effects(struct apply *apply, struct person *person, const struct standing *before);
/* Returns the purposes whose signal on the message could not be read. */
purpose_mask signals_apply(struct apply *apply, const struct message *message, const struct glance *glance, struct named *named, size_t named_count);
/* The refusals that the message brings hold for whom it turned out to be about, too, where that is not who heard them first. `anew`: that was
 * somebody erased, who heard nothing; then all that it says is said by the new person. */
void signals_again(struct apply *apply, const struct message *message, const struct glance *glance, struct known *known, bool anew);
/* Purposes that the message itself leaves out (`context.purposes`). */
purpose_mask message_narrows(const struct apply *apply, const struct message *message, const struct glance *glance);
void statement_apply(struct apply *apply, struct request *request);
void signal_request_apply(struct apply *apply, struct request *request); /* signal_request.c */
void informed_record(struct apply *apply, struct person *person, const struct identifier *identifier, const struct message *message,
                     purpose_mask purposes);

/* --- resolve.c, merge.c */
struct resolved {
    struct person *person;
    struct known *known; /* of the strongest kept identifier */
    bool merged;
    bool informed; /* a notice was recorded on the way */
};
size_t named_fill(struct apply *apply, const struct message *message, struct named *ret_named);
/* Whom the message will be about, as far as can be told before anything is kept; NULL: somebody new. */
struct person *resolve_prospect(struct apply *apply, const struct message *message, const struct named *named, size_t count);
/* The person that the strongest identifier belongs to, before anything is kept: attached by its hash alone where need be. */
struct known *resolve_hash_only(struct apply *apply, const struct message *message, struct named *named, size_t count);
struct resolved resolve_message(struct apply *apply, const struct message *message, struct named *named, size_t count);
/* 0 when the two may become one; else the reason. */
/* `source`: that says so; it may inform of `identity.purpose` with the same message. NULL: the API. */
/* `said_one`: the key of two ids that are said to be one person's: its limit stands against shared devices, not against being told. May be NULL. */
reason_mask join_refused(struct apply *apply, const struct person *left, const struct person *right, const struct source *source,
                         const struct identity_key *said_one);
struct person *person_join(struct apply *apply, struct known *left, struct known *right, str reason, str source, int64_t at_ms);
void refused_push(struct apply *apply, struct person *person, profile_no left, profile_no right, str type, reason_mask reasons);
void undo_apply(struct apply *apply, struct request *request);
void join_apply(struct apply *apply, struct request *request);

/* --- classify.c, part.c */
struct gate_view { /* what the fields of a message are judged by */
    const struct source *source;
    const struct standing *standing;
    purpose_mask declared, narrowed, allowed; /* source's; taken out by the message itself; may be collected now */
    purpose_mask unreadable; /* the message's own signal for these could not be read */
    purpose_mask informs; /* the source shows these purposes' notice with the message: that it was not shown before stops nothing */
};
void classify_message(struct apply *apply, const struct message *message, const struct gate_view *view, bool report,
                      struct classified *ret_classified, struct message_result *result);
reason_mask field_reasons(const struct apply *apply, const struct gate_view *view, uint16_t category);
/* Why nothing may be collected for the purpose by this message; 0: it may. */
static inline reason_mask view_reasons(const struct gate_view *view, unsigned slot)
{
    return view->standing->purposes[slot].collect_reasons & ~(view->informs >> slot & 1 ? REASON_BIT(REASON_NOT_INFORMED) : 0);
}
/* The event's parts out of the marks that classify_message left. */
void parts_make(struct apply *apply, const struct message *message, const struct classified *classified, enum event_type type,
                str jurisdiction, struct event *event);
uint8_t part_key_class(const struct policy *policy, purpose_mask purposes, str jurisdiction);
enum top_kind { TOP_CONTENT, TOP_ENVELOPE, TOP_NAME, TOP_CONTEXT, TOP_FACTS };
enum top_kind top_kind(str name, enum event_type type);
enum context_kind { CONTEXT_CONTENT, CONTEXT_ENVELOPE, CONTEXT_TRAITS, CONTEXT_RIDE };
enum context_kind context_kind(str name);

/* --- fact.c */
/* True when `winner` makes `loser` superfluous (same identifier, name, source), whatever came first. */
bool fact_dominates(enum fold_rule rule, const struct fact *winner, const struct fact *loser);
/* -1, 0, 1: by observed time, source, value. */
int fact_order(const struct fact *a, const struct fact *b);
int value_compare(str a, str b); /* numbers as numbers, everything else bytewise */
bool fact_is_null(const struct fact *fact);
/* Returns the purposes of what changed (0: nothing new). `*aged`: a year of birth came out, and its effects with it; true before: it is
 * called again for that reason. */
purpose_mask facts_add(struct apply *apply, struct person *person, const struct identifier *identifier, const struct message *message,
                       const struct classified *classified, struct message_result *result, bool *aged);
/* The year of birth that a message says, youngest first; 0: none. `context` may be NULL. */
int birth_year_glance(const struct message *message, const struct json *context);
/* A message says the year, whether or not that may be kept as a fact: who is a child by it is judged as one before the message's own yes counts
 * (Art. 8). A year that a fact says, and a younger one, stand. With its effects. */
void birth_year_told(struct apply *apply, const struct known *known, int year);
/* The year of birth of each profile, from its facts; true when one changed. Needs the facts. */
bool birth_year_derive(struct apply *apply, struct person *person);
/* When one that no fact says any more must go. */
int64_t birth_year_due(const struct apply *apply, const struct person *person);

/* --- enforce.c */
/* What of `purposes` may be kept on for a datum received then. */
purpose_mask purposes_storable(const struct apply *apply, const struct standing *standing, purpose_mask purposes, int64_t received_ms);
/* Takes off what may no longer be stored, cancels, recalls, drops; needs every part loaded. */
void person_enforce(struct apply *apply, struct person *person);
void held_enforce(struct apply *apply, struct person *person, const struct standing *standing);
void identifiers_enforce(struct apply *apply, struct person *person, const struct standing *standing);
/* The place of a trait ("address.city") under the walk of `traits`. */
struct field_walk trait_walk(const struct policy *policy, struct field_walk traits_walk, str name);
/* Purposes that cover everything in a fact's value, special categories only where their condition holds; all for what is not personal. */
purpose_mask fact_cover(struct arena *arena, const struct policy *policy, struct field_walk traits_walk, const struct fact *fact,
                        const struct standing *standing);
/* A member of `context.traits`: as the trait of that name, unless the policy names it here more exactly. */
struct field_walk context_trait_walk(const struct policy *policy, struct field_walk context_traits_walk, struct field_walk traits_walk, str name);
/* The walk of `fields` with the policy's default put in. */
struct field_walk fields_walk(const struct policy *policy);

/* --- recheck.c: takes fields off purposes that no longer cover them; true when the parts changed */
bool event_recheck(struct apply *apply, struct event *event, const struct standing *standing);

/* --- sweep.c, erase.c */
void person_sweep(struct apply *apply, struct person *person);
/* Sweeps it if its time has come; false when a part for it is missing. */
bool person_sweep_if_due(struct apply *apply, struct person *person);
int64_t person_due_work_out(struct apply *apply, struct person *person);
void person_drop_if_empty(struct apply *apply, struct person *person);
void sweep_apply(struct apply *apply, struct request *request);
void erase_apply(struct apply *apply, struct request *request);
/* An erased person comes anew: the identifier no longer belongs to the erased one, and nobody is known by it. */
void erased_let_go(struct apply *apply, struct known *known);

/* --- outbox.c */
void outbox_event(struct apply *apply, struct person *person, str name, const struct event *event, purpose_mask kept);
void outbox_profile(struct apply *apply, struct person *person, purpose_mask changed);
/* Cancels what is queued for purposes that may no longer be stored for, and recalls what was sent; before identifiers lose their values. */
void outbox_take(struct apply *apply, struct person *person, const struct standing *standing);
void outbox_recall_all(struct apply *apply, struct person *person);
/* The same for one destination that a TC string no longer permits. */
void outbox_take_vendor(struct apply *apply, struct person *person, const struct destination *destination);
/* The same for each vendor that was permitted once and is not any more: by time, or by what somebody said who turned out to be the same person. */
void outbox_take_vendors(struct apply *apply, struct person *person);

/* Recipients that were sent what `changed` covers are sent the profile as it is now (Art. 16, 19). */
void outbox_rectified(struct apply *apply, struct person *person, purpose_mask changed);

/* --- rectify.c */
void rectify_apply(struct apply *apply, struct request *request);

/* --- counter.c */
void counter_add(struct apply *apply, str source, str what, str field, str reason);
void counter_outcome(struct apply *apply, const struct source *source, enum outcome outcome);
void counter_left_out(struct apply *apply, const struct source *source, const struct left_out *left_out);

/* All of the policy. */
static inline purpose_mask policy_purposes(const struct policy *policy)
{
    return policy->purposes.count == LIMIT_PURPOSES ? ~UINT64_C(0) : (UINT64_C(1) << policy->purposes.count) - 1;
}

/* --- message.c, held.c, preferences.c */
void message_apply(struct apply *apply, struct message *message, struct message_result *result);
void held_release(struct apply *apply, struct person *person);
/* False when the person has as many held messages as Telos keeps. */
bool held_push(struct apply *apply, struct person *person, const struct identifier *identifier, const struct message *message);
/* Could it still be released, after what the person said? */
/* Purposes that what the person said does not rule out for good. */
purpose_mask held_hopes(const struct policy *policy, const struct standing *standing, purpose_mask purposes);
/* What waits for a consent that can no longer come goes; `hopes`: purposes that were not ruled out before. */
void held_despair(struct apply *apply, struct person *person, purpose_mask hopes);
bool held_hopeful(const struct apply *apply, const struct standing *standing, const struct held *held);
void preferences_apply(struct apply *apply, struct request *request);
/* The settings that stand, of all the person's profiles: {"channels":…}. */

#endif
