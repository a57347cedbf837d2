/* The way of one message through the core (gate.md §4): signals → gate → resolve → gate again, if the person turned out to be another →
 * event, facts, outbox; or dropped, held, anonymised.
 *
 * 1. Until the gate has allowed something, nobody is made or joined for the message's sake, but for what it says itself (its signals).
 * 2. What is left out leaves nothing behind but counters.
 */
#include "core/core_private.h"

struct course { /* one message under way */
    struct apply *apply;
    const struct message *message;
    struct message_result *result;
    struct glance glance;
    struct named named[LIMIT_MESSAGE_IDENTIFIERS];
    size_t count;
    struct gate_view view;
    purpose_mask informable; /* the source shows these purposes' notice with the message itself */
    struct classified classified;
};

/* --- judging */

static void view_fill(struct course *c, struct person *person)
{
    struct gate_view *view = &c->view;
    view->source = c->message->source;
    view->standing = standing_of(c->apply, person, view->source);
    view->declared = view->source->purposes;
    c->informable = 0;
    view->informs = c->apply->informs[view->source->slot];
    mask_each (slot, view->informs & ~view->standing->collects)
        if (!view_reasons(view, slot))
            c->informable |= UINT64_C(1) << slot;
    view->allowed = view->declared & ~view->narrowed & ~view->unreadable & (view->standing->collects | c->informable);
}

/* Classifies the fields; false when nothing of the message may be kept. */
static bool judge(struct course *c)
{
    struct classified *fields = &c->classified;
    c->result->left_out.count = 0;
    classify_message(c->apply, c->message, &c->view, true, fields, c->result);
    if (!fields->content) {
        fields->kept = c->view.allowed;
        fields->wanted = c->view.declared & ~c->view.narrowed & ~c->view.allowed;
    }
    bool any = false;
    for (size_t i = 0; i < c->count; i++) {
        uint16_t category = c->named[i].id->key->category;
        c->named[i].purposes = category == SLOT_NONE ? fields->kept : fields->kept & cover_of(c->apply->policy, category);
        any |= c->named[i].purposes != 0;
    }
    return any;
}

/* --- not kept */

static reason_mask denial_reasons(const struct course *c)
{
    const struct gate_view *view = &c->view;
    reason_mask reasons = 0;
    mask_each (slot, view->declared & ~view->allowed) {
        purpose_mask bit = UINT64_C(1) << slot;
        if (view->narrowed & bit)
            reasons |= REASON_BIT(REASON_PURPOSE_NARROWED);
        else
            reasons |= view_reasons(view, slot);
        if (view->unreadable & bit)
            reasons |= REASON_BIT(REASON_INDETERMINATE);
    }
    if (!c->count || c->classified.kept)
        reasons |= REASON_BIT(REASON_NO_IDENTIFIER);
    vec_each (left_out, &c->result->left_out)
        reasons |= left_out->reasons;
    return reasons;
}

/* A message that only says a choice has been heard with that. */
static bool only_signal(const struct course *c)
{
    return c->message->type == EVENT_TRACK && str_equal(c->glance.event, STR("Segment Consent Preference Updated"));
}

static enum outcome hold(struct course *c)
{
    struct known *known = resolve_hash_only(c->apply, c->message, c->named, c->count);
    struct person *person = known->person;
    if (person_erased(person)) { /* its strongest name is somebody's who is to stay erased: nothing of that person waits */
        c->result->reasons |= REASON_BIT(REASON_SUBJECT_ERASED);
        return OUTCOME_DROPPED;
    }
    if (!person_require(c->apply, person, PERSON_HELD))
        return OUTCOME_HELD; /* it will be applied again */
    if (!held_push(c->apply, person, known_identifier(known), c->message)) {
        c->result->reasons |= REASON_BIT(REASON_HOLD_FULL);
        return OUTCOME_DROPPED;
    }
    c->result->person = person;
    c->result->profile_no = known_identifier(known)->profile;
    return OUTCOME_HELD;
}

/* Counted as: its type, and its name where the policy itself knows the name. */
static void anonymise(struct course *c)
{
    const struct policy *policy = c->apply->policy;
    str event = c->message->type == EVENT_TRACK ? c->glance.event : STR_NONE, known = STR_NONE;
    vec_each (destination, &policy->destinations)
        vec_each (name, &destination->events)
            known = str_equal(*name, event) ? *name : known;
    mask_each (slot, c->message->source->purposes) {
        vec_each (name, &policy->purposes.items[slot].opened_by)
            known = str_equal(*name, event) ? *name : known;
        vec_each (name, &policy->purposes.items[slot].ended_by)
            known = str_equal(*name, event) ? *name : known;
    }
    counter_add(c->apply, c->message->source->name, STR("event"), str_empty(known) ? str_of(event_type_name(c->message->type)) : known, STR_NONE);
}

static void denied(struct course *c)
{
    struct message_result *result = c->result;
    const struct source *source = c->message->source;
    result->reasons = denial_reasons(c);
    if (c->message->released) {
        result->outcome = OUTCOME_HELD;
        return;
    }
    result->outcome = OUTCOME_DROPPED;
    if (only_signal(c)) {
        result->outcome = OUTCOME_ACCEPTED;
        result->left_out.count = 0;
        result->reasons = 0;
        return;
    }
    purpose_mask hopes = held_hopes(c->apply->policy, c->view.standing, c->classified.wanted & ~c->view.unreadable);
    if (source->when_denied == WHEN_DENIED_HOLD && c->count && hopes)
        result->outcome = hold(c);
    else if (source->when_denied == WHEN_DENIED_ANONYMISE) {
        result->outcome = OUTCOME_ANONYMISED;
        anonymise(c);
    }
}

/* --- kept */

static void due_note(struct course *c, struct person *person, purpose_mask kept)
{
    struct apply *apply = c->apply;
    int64_t received_ms = c->message->received_ms < apply->now_ms ? c->message->received_ms : apply->now_ms;
    int64_t due_ms = standing_of(apply, person, NULL)->stores_until_ms;
    mask_each (slot, kept & apply->collected_retention) {
        const struct purpose *purpose = &apply->policy->purposes.items[slot];
        if (apply->due_collected[slot] == TIME_NONE)
            apply->due_collected[slot] = retention_collected(purpose, apply->day_ms);
        int64_t until_ms = received_ms >= apply->day_ms ? apply->due_collected[slot] : retention_collected(purpose, received_ms);
        due_ms = until_ms < due_ms ? until_ms : due_ms;
    }
    person_due(person, due_ms);
}

static struct event *event_store(struct course *c, struct person *person, const struct identifier *identifier)
{
    struct apply *apply = c->apply;
    const struct message *message = c->message;
    struct event *event = vec_push(apply->arena, &person->events);
    *event = (struct event){.change = CHANGE_NEW, .id = message->id, .profile = identifier->profile, .identifier = identifier->number,
                            .type = message->type, .source = message->source->name, .at_ms = message->at_ms,
                            .received_ms = message->received_ms, .policy_version = apply->policy->version, .batch_index = apply->decision};
    parts_make(apply, message, &c->classified, message->type, c->view.standing->jurisdiction, event);
    return event;
}

static purpose_mask identity_purpose(const struct policy *policy)
{
    return policy->identity_purpose == SLOT_NONE ? 0 : UINT64_C(1) << policy->identity_purpose;
}

/* What a law orders to be kept of somebody erased is kept of somebody new: the old keys are gone. True when somebody left. */
static bool erased_leave(struct course *c)
{
    bool left = false;
    for (size_t i = 0; i < c->count; i++)
        if (c->named[i].known && c->named[i].purposes && person_erased(c->named[i].known->person)) {
            erased_let_go(c->apply, c->named[i].known);
            c->named[i].known = NULL;
            left = true;
        }
    return left;
}

/* Whom it turned out to be about, may be allowed less, or more: identifiers are kept for what the rest is kept for. */
static void named_settle(struct course *c, const struct person *person)
{
    for (size_t i = 0; i < c->count; i++) {
        struct named *named = &c->named[i];
        if (!named->known || !named->known->person)
            continue;
        struct identifier *identifier = known_identifier(named->known);
        purpose_mask more = named->known->person == person && identifier->purposes ? named->purposes : 0;
        purpose_mask purposes = (identifier->purposes & ~(named->added & ~named->purposes)) | more;
        if (purposes == identifier->purposes)
            continue;
        if ((purposes & ~identifier->purposes) && identifier->last_seen_ms < c->apply->day_ms) { /* what it is kept for from now on counts from today */
            identifier->last_seen_ms = c->apply->day_ms;
            gate_standing_reset(named->known->person);
        }
        identifier->purposes = purposes;
        if (!purposes)
            identifier->value = identifier->sealed = STR_NONE;
        row_touch(identifier);
    }
}

#define row_on(row, of) (!row_dead(row) && (row)->identifier == (of)->number && profile_no_equal((row)->profile, (of)->profile))

/* Was something said on the identifier, or is something waiting on it? */
static bool needed(const struct person *person, const struct identifier *identifier)
{
    vec_each (record, &person->consents)
        if (row_on(record, identifier))
            return true;
    vec_each (held, &person->held)
        if (row_on(held, identifier))
            return true;
    return false;
}

/* Nothing of the message is kept after all: nobody is known by what it alone brought, unless something was said on it. */
static void named_forget(struct course *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct known *known = c->named[i].known;
        struct identifier *identifier = known && known->person ? known_identifier(known) : NULL;
        if (!identifier || identifier->change != CHANGE_NEW || !uuid_equal(identifier->message, c->message->id) || identifier->purposes ||
            needed(known->person, identifier))
            continue;
        row_end(identifier);
        known->person = NULL;
        c->named[i].known = NULL;
    }
}

/* Judges again, of whom it turned out to be about; false when nothing may be kept after all. */
static bool judge_again(struct course *c, struct person *person)
{
    bool any = judge(c);
    named_settle(c, person);
    identifiers_enforce(c->apply, person, c->view.standing);
    if (any)
        return true;
    denied(c);
    if (c->message->released || c->result->outcome != OUTCOME_HELD) /* what is held waits for whom it was judged by */
        named_forget(c);
    person_drop_if_empty(c->apply, person);
    return false;
}

static void kept(struct course *c, struct resolved resolved)
{
    struct apply *apply = c->apply;
    struct classified *fields = &c->classified;
    struct message_result *result = c->result;
    const struct standing *before = c->view.standing;
    purpose_mask informed = c->informable & (fields->kept | identity_purpose(apply->policy));
    if (informed)
        informed_record(apply, resolved.person, known_identifier(resolved.known), c->message, informed);
    bool aged = false;
    purpose_mask changed = facts_add(apply, resolved.person, known_identifier(resolved.known), c->message, fields, result, &aged);
    struct person *person = person_latest(resolved.person); /* an age may have come out, and held messages with it */
    if (aged) { /* what is kept, and told, is what is allowed with it */
        view_fill(c, person);
        if (!judge_again(c, person))
            return;
        changed |= facts_add(apply, person, known_identifier(resolved.known), c->message, fields, result, &aged);
        changed &= fields->kept;
    }
    struct event *event = event_store(c, person, known_identifier(resolved.known));
    outbox_event(apply, person, c->glance.event, event, fields->kept);
    result->purposes = fields->kept;
    due_note(c, person, fields->kept);
    result->outcome = fields->denied || result->left_out.count ? OUTCOME_TRIMMED : OUTCOME_ACCEPTED;
    if (informed)
        consent_effects(apply, person, before);
    else if (resolved.informed)
        held_release(apply, person);
    person = person_latest(person);
    if (changed || resolved.merged)
        outbox_profile(apply, person, changed ? changed : fields->kept);
    result->person = person;
    result->profile_no = known_identifier(resolved.known)->profile;
}

static void keep(struct course *c)
{
    bool anew = erased_leave(c);
    const struct person *heard = c->named[0].known ? c->named[0].known->person : NULL; /* what the message says of itself */
    struct resolved resolved = resolve_message(c->apply, c->message, c->named, c->count);
    purpose_mask allowed = c->view.allowed;
    const struct standing *judged_by = c->view.standing;
    if (!c->message->released && (resolved.merged || heard != resolved.person)) {
        signals_again(c->apply, c->message, &c->glance, resolved.known, anew);
        resolved.person = resolved.known->person;
    }
    if (c->glance.born) {
        birth_year_told(c->apply, resolved.known, c->glance.born);
        resolved.person = resolved.known->person;
    }
    view_fill(c, resolved.person);
    if ((c->view.allowed == allowed && c->view.standing->special == judged_by->special) || judge_again(c, resolved.person))
        kept(c, resolved);
}

/* --- what is said about it */

/* The decision but for the event's id, which stands between head and tail. */
static void decision_prepare(struct course *c)
{
    struct apply *apply = c->apply;
    const struct message_result *result = c->result;
    struct buf head, tail;
    struct jsonw w;
    buf_init(&head, apply->arena, 256);
    buf_init(&tail, apply->arena, (size_t)LIMIT_PURPOSES * LIMIT_NAME_BYTES * 8 + REASON_COUNT * 64 + 4096);
    jsonw_init(&w, &head);
    jsonw_object(&w); /* keys sorted, so that it is canonical */
    jsonw_field_time(&w, "at", apply->now_ms);
    jsonw_key(&w, STR("event"));
    buf_add_char(&head, '"');
    jsonw_init(&w, &tail);
    buf_add_char(&tail, '"');
    w.comma = true;
    jsonw_field(&w, "outcome", str_of(outcome_name(result->outcome)));
    jsonw_field_int(&w, "policy", apply->policy->version);
    jsonw_key(&w, STR("purposes"));
    jsonw_array(&w);
    mask_each (slot, result->purposes)
        jsonw_string(&w, apply->policy->purposes.items[slot].name);
    jsonw_array_end(&w);
    jsonw_key(&w, STR("reasons"));
    jsonw_array(&w);
    mask_each (reason, result->reasons)
        jsonw_string(&w, str_of(reason_name((enum reason)reason)));
    jsonw_array_end(&w);
    jsonw_field(&w, "source", c->message->source->name);
    jsonw_object_end(&w);
    ASSERT(!head.overflow && !tail.overflow);
    apply->last_decision.source = c->message->source;
    apply->last_decision.outcome = result->outcome;
    apply->last_decision.purposes = result->purposes;
    apply->last_decision.reasons = result->reasons;
    apply->last_decision.head = buf_str(&head);
    apply->last_decision.tail = buf_str(&tail);
}

static str decision_json(struct course *c)
{
    struct apply *apply = c->apply;
    const struct message_result *result = c->result;
    if (apply->last_decision.source != c->message->source || apply->last_decision.outcome != result->outcome ||
        apply->last_decision.purposes != result->purposes || apply->last_decision.reasons != result->reasons)
        decision_prepare(c);
    str head = apply->last_decision.head, tail = apply->last_decision.tail;
    char *text = arena_alloc_raw(apply->arena, head.length + UUID_TEXT_SIZE + tail.length);
    memcpy(text, head.data, head.length);
    (void)uuid_text(c->message->id, text + head.length);
    memcpy(text + head.length + UUID_TEXT_SIZE - 1, tail.data, tail.length);
    return (str){text, head.length + UUID_TEXT_SIZE - 1 + tail.length};
}

/* The time stands at the head of each text, and is of one length. */
static void decision_retime(struct arena *arena, str *decision, str at)
{
    static const char before[] = "{\"at\":\"";
    char *text = arena_alloc_raw(arena, decision->length + 1);
    if (str_empty(*decision))
        return;
    ASSERT(str_starts(*decision, STR(before)) && decision->length > sizeof before + at.length && decision->data[sizeof before - 1 + at.length] == '"');
    memcpy(text, decision->data, decision->length);
    memcpy(text + sizeof before - 1, at.data, at.length);
    decision->data = text;
}

void core_decided_at(struct batch *batch, int64_t at_ms)
{
    str at = time_format(batch->arena, at_ms);
    for (size_t i = 0; i < batch->request_count; i++)
        if (batch->requests[i].kind == REQUEST_MESSAGE)
            decision_retime(batch->arena, &batch->requests[i].result.decision, at);
    vec_each (released, &batch->released)
        decision_retime(batch->arena, &released->decision, at);
}

static void account(struct course *c)
{
    struct message_result *result = c->result;
    const struct message *message = c->message;
    if (result->person) {
        const struct profile *profile = person_profile(result->person, result->profile_no);
        ASSERT(profile);
        result->profile = profile->id;
    }
    if (!(message->released && result->outcome == OUTCOME_HELD)) {
        vec_each (left_out, &result->left_out)
            counter_left_out(c->apply, message->source, left_out);
        if (!message->released)
            counter_outcome(c->apply, message->source, result->outcome);
    }
    result->decision = decision_json(c);
}

static void ignored_note(struct course *c)
{
    for (size_t i = 0; i < c->message->ignored_count; i++)
        *(struct left_out *)vec_push(c->apply->arena, &c->result->left_out) = c->message->ignored[i];
}

/* Whom it names; false when somebody's time has come and a part for sweeping is missing. */
static bool named_ready(struct course *c)
{
    bool swept = false;
    c->count = named_fill(c->apply, c->message, c->named);
    for (size_t i = 0; i < c->count; i++) {
        const struct known *known = c->named[i].known;
        if (!known || !known->person || !person_overdue(known->person, c->apply->now_ms)) /* NULL: it went with the one before */
            continue;
        if (!person_sweep_if_due(c->apply, c->named[i].known->person))
            return false;
        swept = true;
    }
    if (swept) /* whoever had nothing left is gone */
        c->count = named_fill(c->apply, c->message, c->named);
    return true;
}

static void born_note(struct course *c)
{
    const struct known *known = c->count ? c->named[0].known : NULL;
    if (c->glance.born && known && known->person)
        birth_year_told(c->apply, known, c->glance.born);
}

void message_apply(struct apply *apply, struct message *message, struct message_result *result)
{
    struct course c; /* filled step by step: it is large, and each message passes here */
    c.apply = apply;
    c.message = message;
    c.result = result;
    c.view.unreadable = 0;
    if (uuid_is_zero(message->id))
        message->id = id_next(apply->batch->ids, apply->now_ms);
    if (!named_ready(&c))
        return; /* it will be applied again */
    glance_fill(message, &c.glance);
    if (!message->released) {
        size_t leaves = apply->batch->leaves.count;
        born_note(&c); /* before its own yes counts… */
        c.view.unreadable = signals_apply(apply, message, &c.glance, c.named, c.count);
        born_note(&c); /* …and where it made somebody known */
        if (apply->batch->leaves.count != leaves) { /* what they let out of hold may have brought identifiers, and joined people */
            c.count = named_fill(apply, message, c.named);
            if (c.named[0].known)
                signals_again(apply, message, &c.glance, c.named[0].known, false);
        }
    }
    c.view.narrowed = message_narrows(apply, message, &c.glance);
    view_fill(&c, resolve_prospect(apply, message, c.named, c.count));
    if (judge(&c))
        keep(&c);
    else
        denied(&c);
    ignored_note(&c);
    if (message->ignored_count && result->outcome == OUTCOME_ACCEPTED)
        result->outcome = OUTCOME_TRIMMED;
    account(&c);
}
