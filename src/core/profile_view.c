/* The person as one purpose may see it: each identifier and fact is asked whether it was collected for this purpose, is of a category that the
 * purpose covers, and is still to be kept. What is not shown is named in `withheld`, with the reasons.
 */
#include "core/core_private.h"

static int64_t question_at(const struct question *question) { return question->at_ms == TIME_NONE ? question->now_ms : question->at_ms; }

static void allowed_fill(struct profile_view *view, const struct category_set *categories)
{
    vec_each (result, &view->decision.categories) {
        const struct category *category = policy_category(view->policy, result->category);
        unsigned slot = category ? (unsigned)(category - view->policy->categories.items) : 0;
        if (category && !result->reasons && (!categories || category_in(categories, slot)))
            category_add(&view->allowed, slot);
    }
}

static reason_mask slot_reasons(const struct profile_view *view, uint16_t slot)
{
    if (slot == SLOT_NONE)
        return REASON_BIT(REASON_FIELD_NOT_DECLARED);
    if (category_in(&view->allowed, slot))
        return 0;
    vec_each (result, &view->decision.categories)
        if (result->reasons && str_equal(result->category, view->policy->categories.items[slot].name))
            return result->reasons;
    return REASON_BIT(REASON_CATEGORY_NOT_COVERED);
}

static reason_mask walk_reasons(const struct profile_view *view, const struct field_walk *walk)
{
    return walk->not_personal ? 0 : slot_reasons(view, walk->category);
}

static reason_mask value_reasons(const struct profile_view *view, const struct json *value, struct field_walk walk)
{
    if (value->type < JSON_ARRAY || !value->count || field_walk_uniform(walk))
        return walk_reasons(view, &walk);
    reason_mask reasons = 0;
    for (uint32_t i = 0; i < value->count; i++)
        reasons |= value->type == JSON_ARRAY
                       ? value_reasons(view, &value->items[i], field_walk_item(view->policy, walk))
                       : value_reasons(view, &value->members[i].value, field_walk_key(view->policy, walk, value->members[i].name));
    return reasons;
}

static bool slot_special(const struct policy *policy, uint16_t slot) { return slot != SLOT_NONE && policy->categories.items[slot].special; }

static bool value_special(const struct policy *policy, const struct json *value, struct field_walk walk)
{
    if (value->type < JSON_ARRAY || !value->count || field_walk_uniform(walk))
        return !walk.not_personal && slot_special(policy, walk.category);
    bool special = false;
    for (uint32_t i = 0; i < value->count; i++)
        special |= value->type == JSON_ARRAY
                       ? value_special(policy, &value->items[i], field_walk_item(policy, walk))
                       : value_special(policy, &value->members[i].value, field_walk_key(policy, walk, value->members[i].name));
    return special;
}

purpose_mask view_keeps(const struct profile_view *view, purpose_mask purposes, int64_t received_ms)
{
    purpose_mask keeps = purposes & view->stores;
    mask_each (slot, keeps)
        if (retention_collected(&view->policy->purposes.items[slot], received_ms) <= view->now_ms)
            keeps &= ~(UINT64_C(1) << slot);
    return keeps;
}

/* When time alone may change what view_keeps gives, or end the view's own purpose. Purposes that are not stored on now come back, or others
 * fall, only at the standing's own time. */
static int64_t data_until(const struct profile_view *view, purpose_mask purposes, int64_t received_ms)
{
    int64_t until_ms = TIME_FOREVER;
    purposes = (purposes & view->stores) | view->policy->purposes.items[view->purpose].self;
    mask_each (slot, purposes) {
        int64_t over_ms = retention_collected(&view->policy->purposes.items[slot], received_ms);
        if (over_ms > view->now_ms && over_ms < until_ms)
            until_ms = over_ms;
    }
    return until_ms;
}

static void valid_until(struct profile_view *view, int64_t until_ms)
{
    if (until_ms < view->valid_until_ms)
        view->valid_until_ms = until_ms;
}

int64_t profile_view_event_until(const struct profile_view *view, const struct event *event)
{
    if (view->purpose == SLOT_NONE)
        return view->valid_until_ms;
    int64_t until_ms = data_until(view, 0, event->received_ms);
    for (unsigned i = 0; i < event->part_count; i++) {
        int64_t part_ms = event->parts[i].purposes ? data_until(view, event->parts[i].purposes, event->received_ms) : TIME_FOREVER;
        until_ms = part_ms < until_ms ? part_ms : until_ms;
    }
    return until_ms;
}

/* Was it collected for this purpose, or for one compatible, and does that still stand? */
static reason_mask purpose_reasons(const struct profile_view *view, purpose_mask purposes, int64_t received_ms)
{
    if (!gate_purpose_fits(view->policy, purposes, view->purpose))
        return REASON_BIT(REASON_FACT_PURPOSE_MISMATCH);
    bool over = retention_collected(&view->policy->purposes.items[view->purpose], received_ms) <= view->now_ms;
    return over || !gate_purpose_fits(view->policy, view_keeps(view, purposes, received_ms), view->purpose) ? REASON_BIT(REASON_RETENTION_ELAPSED) : 0;
}

static reason_mask fact_reasons(struct arena *arena, const struct profile_view *view, struct field_walk traits_walk, const struct fact *fact)
{
    struct field_walk walk = trait_walk(view->policy, traits_walk, fact->name);
    struct json tree;
    reason_mask reasons = 0;
    if (field_walk_uniform(walk) || !str_starts(fact->value, STR("[")))
        reasons = walk_reasons(view, &walk);
    else
        reasons = json_read(arena, fact->value, &tree) ? REASON_BIT(REASON_INDETERMINATE) : value_reasons(view, &tree, walk);
    return reasons | purpose_reasons(view, fact->purposes, fact->received_ms);
}

static bool fact_special(struct arena *arena, const struct profile_view *view, struct field_walk traits_walk, const struct fact *fact)
{
    struct field_walk walk = trait_walk(view->policy, traits_walk, fact->name);
    struct json tree;
    if (field_walk_uniform(walk) || !str_starts(fact->value, STR("[")))
        return !walk.not_personal && slot_special(view->policy, walk.category);
    return json_read(arena, fact->value, &tree) || value_special(view->policy, &tree, walk);
}

static void withhold(struct arena *arena, struct profile_view *view, struct withheld row)
{
    vec_each (withheld, &view->withheld)
        if (str_equal(withheld->field, row.field)) {
            withheld->reasons |= row.reasons;
            withheld->common |= row.common;
            withheld->purposes |= row.purposes;
            return;
        }
    *(struct withheld *)vec_push(arena, &view->withheld) = row;
}

static void identifiers_view(struct arena *arena, struct profile_view *view)
{
    vec_each (identifier, &view->person->identifiers) {
        if (row_dead(identifier) || str_empty(identifier->value))
            continue;
        const struct identity_key *key = policy_key(view->policy, identifier->type);
        reason_mask reasons = !key                         ? REASON_BIT(REASON_FIELD_NOT_DECLARED)
                              : key->category == SLOT_NONE ? 0
                                                           : slot_reasons(view, key->category);
        reasons |= purpose_reasons(view, identifier->purposes, identifier->last_seen_ms + DAY_MS);
        valid_until(view, data_until(view, identifier->purposes, identifier->last_seen_ms + DAY_MS));
        if (reasons)
            withhold(arena, view, (struct withheld){identifier->type, reasons, !key || !slot_special(view->policy, key->category), identifier->purposes});
        else
            *(const struct identifier **)vec_push(arena, &view->identifiers) = identifier;
    }
}

/* The facts shown are in the order of the person's; so one step forward finds the next. */
struct shown {
    const struct profile_view *view;
    size_t next;
};
static bool is_shown(void *context, const struct fact *fact)
{
    struct shown *shown = context;
    if (shown->next == shown->view->facts.count || shown->view->facts.items[shown->next] != fact)
        return false;
    shown->next++;
    return true;
}

void profile_view(struct arena *arena, const struct policy *policy, const struct person *person, const struct question *question,
                  const struct category_set *categories, struct profile_view *ret_view)
{
    *ret_view = (struct profile_view){.person = person, .policy = policy, .purpose = SLOT_NONE, .now_ms = question_at(question)};
    gate_decide(arena, policy, person, question, &ret_view->decision);
    ret_view->valid_until_ms = ret_view->decision.valid_until_ms;
    const struct purpose *purpose = policy_purpose(policy, question->purpose);
    if (purpose)
        ret_view->purpose = purpose->slot;
    if (!ret_view->decision.allow || !purpose || !person)
        return;
    int64_t known_ms = question->known_ms == TIME_NONE ? TIME_FOREVER : question->known_ms;
    const struct standing *standing = gate_standing_at(arena, policy, person, STR_NONE, ret_view->now_ms, known_ms);
    ret_view->stores = standing->stores;
    valid_until(ret_view, standing->valid_until_ms); /* of all purposes: their consents are shown, too */
    allowed_fill(ret_view, categories);
    identifiers_view(arena, ret_view);
    struct field_walk traits_walk = field_walk_key(policy, fields_walk(policy), STR("traits"));
    vec_each (fact, &person->facts) {
        reason_mask reasons = row_dead(fact) ? 1 : fact_reasons(arena, ret_view, traits_walk, fact);
        if (!row_dead(fact))
            valid_until(ret_view, data_until(ret_view, fact->purposes, fact->received_ms));
        if (!reasons)
            *(const struct fact **)vec_push(arena, &ret_view->facts) = fact;
        else if (!row_dead(fact))
            withhold(arena, ret_view, (struct withheld){fact->name, reasons, !fact_special(arena, ret_view, traits_walk, fact), fact->purposes});
    }
    struct shown shown = {ret_view, 0};
    profile_fold(arena, policy, person, is_shown, &shown, &ret_view->traits);
}

/* --- written */

static bool identifier_shown(const struct profile_view *view, const struct identifier *identifier)
{
    vec_each (shown, &view->identifiers)
        if (*shown == identifier)
            return true;
    return false;
}

struct view_told view_told_recipient(const struct profile_view *view)
{
    purpose_mask own = view->purpose == SLOT_NONE ? 0 : view->policy->purposes.items[view->purpose].self;
    return (struct view_told){own, WITHHELD_NONE};
}

static void fact_write(struct jsonw *w, const struct profile_view *view, const struct fact *fact, purpose_mask told)
{
    const struct identifier *on = person_identifier(view->person, fact->profile, fact->identifier);
    jsonw_object(w);
    jsonw_field(w, "name", fact->name);
    jsonw_key(w, STR("value"));
    jsonw_raw(w, fact->value);
    jsonw_field(w, "source", fact->source);
    jsonw_field_time(w, "observed_at", fact->observed_ms);
    jsonw_key(w, STR("purposes"));
    jsonw_array(w);
    mask_each (slot, fact->purposes & told)
        jsonw_string(w, view->policy->purposes.items[slot].name);
    jsonw_array_end(w);
    if (on) {
        bool whole = identifier_shown(view, on);
        jsonw_field(w, "on", whole ? str_printf(w->out->arena, "%.*s:%.*s", STR_FMT(on->type), STR_FMT(on->value)) : on->type);
    }
    jsonw_object_end(w);
}

/* Another purpose's records are shown, but for those that would give away a special category. */
static bool consent_shown(const struct profile_view *view, const struct purpose *purpose)
{
    if (purpose->slot == view->purpose)
        return true;
    vec_each (category, &view->policy->categories)
        if (category->special && category_in(&purpose->categories, (unsigned)(category - view->policy->categories.items)))
            return false;
    return true;
}

static void consents_write(struct jsonw *w, const struct profile_view *view, purpose_mask told)
{
    const struct standing *standing = gate_standing_at(w->out->arena, view->policy, view->person, STR_NONE, view->now_ms, TIME_FOREVER);
    jsonw_object(w);
    vec_each (purpose, &view->policy->purposes) {
        const struct purpose_standing *mine = &standing->purposes[purpose->slot];
        const struct consent *record = mine->objection ? mine->objection : mine->record;
        if (!record || !(told & purpose->self) || !consent_shown(view, purpose))
            continue;
        bool ran_out = mine->reasons & REASON_BIT(REASON_CONSENT_EXPIRED) && record == mine->record;
        jsonw_key(w, purpose->name);
        jsonw_object(w);
        jsonw_field(w, "status", str_of(consent_status_name(ran_out ? CONSENT_EXPIRED : record->status)));
        jsonw_field(w, "basis", str_of(basis_name(mine->basis)));
        jsonw_field_time(w, "at", record->at_ms);
        if (str_empty(record->notice)) {
            jsonw_key(w, STR("notice"));
            jsonw_null(w);
        } else
            jsonw_field(w, "notice", str_printf(w->out->arena, "%.*s@%u", STR_FMT(record->notice), record->notice_version));
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static void lists_write(struct jsonw *w, const struct profile_view *view, purpose_mask told)
{
    jsonw_key(w, STR("identifiers"));
    jsonw_array(w);
    vec_each (identifier, &view->identifiers) {
        jsonw_object(w);
        jsonw_field(w, "type", (*identifier)->type);
        jsonw_field(w, "value", (*identifier)->value);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_key(w, STR("traits"));
    jsonw_object(w);
    vec_each (trait, &view->traits) {
        jsonw_key(w, trait->name);
        jsonw_raw(w, trait->value);
    }
    jsonw_object_end(w);
    jsonw_key(w, STR("facts"));
    jsonw_array(w);
    vec_each (fact, &view->facts)
        fact_write(w, view, *fact, told);
    jsonw_array_end(w);
}

static void withheld_write(struct jsonw *w, const struct profile_view *view, struct view_told told)
{
    jsonw_key(w, STR("withheld"));
    jsonw_array(w);
    vec_each (withheld, &view->withheld) {
        if (told.withheld != WITHHELD_ALL && !withheld->common && !(withheld->purposes & told.purposes))
            continue;
        jsonw_object(w);
        jsonw_field(w, "field", withheld->field);
        jsonw_key(w, STR("reasons"));
        jsonw_array(w);
        mask_each (reason, withheld->reasons)
            jsonw_string(w, str_of(reason_name((enum reason)reason)));
        jsonw_array_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void profile_view_write(struct jsonw *w, const struct profile_view *view, struct view_told told)
{
    jsonw_key(w, STR("id"));
    jsonw_uuid(w, person_root(view->person)->id);
    jsonw_field(w, "purpose", view->purpose == SLOT_NONE ? STR_NONE : view->policy->purposes.items[view->purpose].name);
    lists_write(w, view, told.purposes);
    jsonw_key(w, STR("consents"));
    consents_write(w, view, told.purposes);
    jsonw_key(w, STR("preferences"));
    preferences_write(w->out->arena, w, view->person);
    if (told.withheld != WITHHELD_NONE)
        withheld_write(w, view, told);
}
