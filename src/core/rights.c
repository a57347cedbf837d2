/* Deadlines, steps, and the table of what each right does under each basis. */
#include "core/rights.h"

#include "core/core_private.h"

/* ---- deadlines ---- */

#define MINUTES_A_DAY 1440

/* Of local time, in milliseconds; 0 where the zone is not known. */
static int64_t zone_offset_ms(int64_t time_ms, str zone)
{
    int minute, weekday;
    if (!time_local(time_ms, zone, &minute, &weekday))
        return 0;
    int64_t of_day = time_ms % DAY_MS;
    int utc_minute = (int)((of_day < 0 ? of_day + DAY_MS : of_day) / MINUTE_MS);
    int offset = minute - utc_minute; /* zones lie from 12 hours behind to 14 ahead */
    if (offset <= -MINUTES_A_DAY / 2)
        offset += MINUTES_A_DAY;
    if (offset > 14 * 60)
        offset -= MINUTES_A_DAY;
    return offset * MINUTE_MS;
}

int64_t rights_due(int64_t from_ms, str zone, unsigned months)
{
    int64_t local_ms = from_ms + zone_offset_ms(from_ms, zone);
    int64_t day_ms = local_ms - local_ms % DAY_MS;
    int64_t last_ms = time_add(day_ms, (struct duration){.months = (int32_t)months});
    int weekday = (int)((last_ms / DAY_MS + 3) % 7); /* 1970 began on a Thursday; 0 = Monday */
    if (weekday >= 5)
        last_ms += (7 - weekday) * DAY_MS;
    int64_t end_ms = last_ms + DAY_MS - 1;
    return end_ms - zone_offset_ms(end_ms - zone_offset_ms(end_ms, zone), zone);
}

int64_t rights_days_left(int64_t due_ms, int64_t now_ms)
{
    int64_t left_ms = due_ms - now_ms;
    return left_ms >= 0 ? (left_ms + DAY_MS - 1) / DAY_MS : -((-left_ms + DAY_MS - 1) / DAY_MS);
}

/* ---- steps ---- */

static const struct edge {
    enum rights_state from;
    enum rights_step_kind kind;
    enum rights_state to;
} edges[] = {
    {RIGHTS_RECEIVED, RIGHTS_NOBODY, RIGHTS_NO_MATCH},
    {RIGHTS_RECEIVED, RIGHTS_IDENTITY_ASKED, RIGHTS_VERIFYING},
    {RIGHTS_VERIFYING, RIGHTS_IDENTITY_ASKED, RIGHTS_VERIFYING}, /* another link */
    {RIGHTS_RECEIVED, RIGHTS_IDENTITY_CONFIRMED, RIGHTS_IN_PROGRESS},
    {RIGHTS_VERIFYING, RIGHTS_IDENTITY_CONFIRMED, RIGHTS_IN_PROGRESS},
    {RIGHTS_RECEIVED, RIGHTS_EXTENDED, RIGHTS_RECEIVED},
    {RIGHTS_VERIFYING, RIGHTS_EXTENDED, RIGHTS_VERIFYING},
    {RIGHTS_IN_PROGRESS, RIGHTS_EXTENDED, RIGHTS_IN_PROGRESS},
    {RIGHTS_IN_PROGRESS, RIGHTS_STOPPED, RIGHTS_IN_PROGRESS},
    {RIGHTS_IN_PROGRESS, RIGHTS_EXPORTED, RIGHTS_IN_PROGRESS},
    {RIGHTS_COMPLETED, RIGHTS_EXPORTED, RIGHTS_COMPLETED}, /* fetched again */
    {RIGHTS_IN_PROGRESS, RIGHTS_FULFILLED, RIGHTS_COMPLETED},
    {RIGHTS_IN_PROGRESS, RIGHTS_UPHELD, RIGHTS_COMPLETED},
    {RIGHTS_IN_PROGRESS, RIGHTS_OVERRIDDEN, RIGHTS_COMPLETED},
    {RIGHTS_IN_PROGRESS, RIGHTS_ANSWERED, RIGHTS_IN_PROGRESS},
    {RIGHTS_COMPLETED, RIGHTS_ANSWERED, RIGHTS_COMPLETED},
    {RIGHTS_RECEIVED, RIGHTS_REFUSE, RIGHTS_REFUSED},
    {RIGHTS_VERIFYING, RIGHTS_REFUSE, RIGHTS_REFUSED},
    {RIGHTS_IN_PROGRESS, RIGHTS_REFUSE, RIGHTS_REFUSED},
    {RIGHTS_RECEIVED, RIGHTS_WITHDRAW, RIGHTS_WITHDRAWN},
    {RIGHTS_VERIFYING, RIGHTS_WITHDRAW, RIGHTS_WITHDRAWN},
    {RIGHTS_IN_PROGRESS, RIGHTS_WITHDRAW, RIGHTS_WITHDRAWN},
    {RIGHTS_RECEIVED, RIGHTS_EXPIRE, RIGHTS_EXPIRED},
    {RIGHTS_VERIFYING, RIGHTS_EXPIRE, RIGHTS_EXPIRED},
};

bool rights_step_allowed(enum rights_state from, enum rights_step_kind kind, enum rights_state *ret_to)
{
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
        if (edges[i].from == from && edges[i].kind == kind) {
            *ret_to = edges[i].to;
            return true;
        }
    return false;
}

/* ---- what each right does ---- */

static const struct {
    const char *name, *words;
} effects[] = {
#define X(code, name, words) {name, words},
    RIGHTS_EFFECTS(X)
#undef X
};
const char *rights_effect_name(enum rights_effect effect) { return effects[effect].name; }
const char *rights_effect_words(enum rights_effect effect) { return effects[effect].words; }

/* In the order of enum basis: consent, contract, legal obligation, vital interest, public task, legitimate interest. */
static const enum rights_effect table[RIGHT_COUNT][BASIS_COUNT] = {
    [RIGHT_ACCESS] = {EFFECT_GIVE, EFFECT_GIVE, EFFECT_GIVE, EFFECT_GIVE, EFFECT_GIVE, EFFECT_GIVE},
    [RIGHT_PORTABILITY] = {EFFECT_GIVE, EFFECT_GIVE, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE},
    [RIGHT_RECTIFICATION] = {EFFECT_REPLACE, EFFECT_REPLACE, EFFECT_REPLACE, EFFECT_REPLACE, EFFECT_REPLACE, EFFECT_REPLACE},
    [RIGHT_ERASURE] = {EFFECT_ERASE, EFFECT_ERASE, EFFECT_KEEP, EFFECT_ERASE, EFFECT_KEEP, EFFECT_ERASE},
    [RIGHT_RESTRICTION] = {EFFECT_STORE, EFFECT_STORE, EFFECT_STORE, EFFECT_STORE, EFFECT_STORE, EFFECT_STORE},
    [RIGHT_RESTRICTION_LIFTED] = {EFFECT_RESUME, EFFECT_RESUME, EFFECT_RESUME, EFFECT_RESUME, EFFECT_RESUME, EFFECT_RESUME},
    [RIGHT_OBJECTION] = {EFFECT_STOP, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE, EFFECT_EXAMINE, EFFECT_EXAMINE},
    [RIGHT_OBJECTION_LIFTED] = {EFFECT_RESUME, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE, EFFECT_RESUME, EFFECT_RESUME},
    [RIGHT_WITHDRAWAL] = {EFFECT_ERASE, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE, EFFECT_NONE},
};

enum rights_effect rights_effect(enum right right, enum basis basis, bool direct_marketing, bool automated_decision, bool law_goes_on)
{
    if (right == RIGHT_HUMAN_REVIEW)
        return automated_decision ? EFFECT_REVIEW : EFFECT_NONE;
    if (right == RIGHT_OBJECTION && direct_marketing)
        return EFFECT_STOP; /* Art. 21(2)–(3): absolute, whatever the basis */
    if (right == RIGHT_OBJECTION_LIFTED && direct_marketing)
        return EFFECT_RESUME;
    if (right == RIGHT_RESTRICTION && basis == BASIS_LEGAL_OBLIGATION && law_goes_on)
        return EFFECT_NONE;
    return table[right][basis];
}

enum rights_effect rights_effect_on(enum right right, const struct policy *policy, const struct purpose *purpose, str jurisdiction)
{
    return rights_effect(right, purpose_basis(purpose, jurisdiction), purpose->direct_marketing, purpose->automated_decision,
                         policy->legal_obligation_under_restriction);
}

purpose_mask rights_portable(const struct policy *policy, str jurisdiction)
{
    purpose_mask mask = 0;
    vec_each (purpose, &policy->purposes)
        if (rights_effect_on(RIGHT_PORTABILITY, policy, purpose, jurisdiction) == EFFECT_GIVE)
            mask |= purpose->self;
    return mask;
}

/* Bought lists, bureaus and what others worked out about a person were not provided by that person. */
bool rights_provided(const struct policy *policy, str source)
{
    static const char *const others[] = {"broker", "bureau", "enrichment", "third_party", "derived"};
    const struct source *known = policy_source(policy, source);
    for (size_t i = 0; known && i < sizeof others / sizeof *others; i++)
        if (str_equal(known->kind, str_of(others[i])))
            return false;
    return true;
}

/* ---- what an erasure took and left ---- */

static struct rights_kept *kept_of(struct arena *arena, struct rights_record *record, const struct purpose *purpose, str jurisdiction)
{
    vec_each (kept, &record->kept)
        if (str_equal(kept->purpose, purpose->name))
            return kept;
    struct rights_kept *kept = vec_push(arena, &record->kept);
    *kept = (struct rights_kept){.purpose = purpose->name, .basis = str_of(basis_name(purpose_basis(purpose, jurisdiction))),
                                 .law = str_empty(purpose->law) ? STR("GDPR Art. 17(3)(b)") : purpose->law, .until_ms = TIME_NONE};
    return kept;
}

static void keep(struct arena *arena, const struct policy *policy, const struct standing *standing, purpose_mask purposes, int64_t received_ms,
                 struct rights_record *record)
{
    mask_each (slot, purposes) {
        const struct purpose *purpose = &policy->purposes.items[slot];
        struct rights_kept *kept = kept_of(arena, record, purpose, standing->jurisdiction);
        int64_t until_ms = retention_collected(purpose, received_ms), whole_ms = standing->purposes[slot].keep_until_ms;
        until_ms = whole_ms < until_ms ? whole_ms : until_ms;
        kept->count++;
        kept->until_ms = until_ms > kept->until_ms ? until_ms : kept->until_ms;
    }
}

static void count_facts(struct arena *arena, const struct policy *policy, const struct standing *standing, const struct person *person,
                        struct rights_record *record)
{
    vec_each (fact, &person->facts)
        if (row_dead(fact))
            record->counts.facts++;
        else
            keep(arena, policy, standing, fact->purposes, fact->received_ms, record);
    vec_each (event, &person->events) {
        if (row_dead(event))
            record->counts.events++;
        for (unsigned i = 0; !row_dead(event) && i < event->part_count; i++)
            keep(arena, policy, standing, event->parts[i].purposes, event->received_ms, record);
    }
}

#define count_dead(rows) \
    ({ \
        uint64_t dead_ = 0; \
        vec_each (row_, (rows)) \
            dead_ += row_dead(row_); \
        dead_; \
    })

static void count_all(struct arena *arena, const struct policy *policy, const struct person *person, struct rights_record *record)
{
    int64_t now_ms = TIME_NONE;
    vec_each (profile, &person->profiles)
        now_ms = profile->erased_ms > now_ms ? profile->erased_ms : now_ms;
    const struct standing *standing = gate_standing_at(arena, policy, person, STR_NONE, now_ms, TIME_FOREVER);
    count_facts(arena, policy, standing, person, record);
    record->counted = true;
    record->counts.held_messages = count_dead(&person->held);
    record->counts.statements = count_dead(&person->consents);
    record->counts.preferences = count_dead(&person->preferences);
    vec_each (identifier, &person->identifiers) /* a row that stays keeps the hash, so that the person stays erased */
        record->counts.identifiers += row_dead(identifier) || (identifier->change == CHANGE_SET && str_empty(identifier->value));
    vec_each (delivery, &person->deliveries)
        record->counts.deliveries += delivery->change == CHANGE_SET && delivery->state == DELIVERY_CANCELLED;
}

static void recipients(struct arena *arena, const struct policy *policy, const struct person *person, struct rights_record *record)
{
    vec_each (delivery, &person->deliveries) {
        bool tells = delivery->kind == DELIVERY_RECALL || delivery->kind == DELIVERY_PROFILE;
        bool mine = delivery->change == CHANGE_NEW || (record->counted && delivery->kind == DELIVERY_RECALL);
        if (!tells || !mine || row_dead(delivery) || delivery->state != DELIVERY_PENDING || record->recipients.count >= LIMIT_RIGHTS_RECIPIENTS)
            continue;
        const struct destination *destination = policy_destination(policy, delivery->destination);
        *(struct rights_recipient *)vec_push(arena, &record->recipients) = (struct rights_recipient){
            .destination = delivery->destination, .recipient = destination ? destination->recipient : STR_NONE, .purpose = delivery->purpose,
            .delivery = delivery->id, .state = RECIPIENT_WAITING, .at_ms = TIME_NONE};
    }
}

void rights_outcome(struct arena *arena, const struct policy *policy, const struct person *person, bool counts, struct rights_record *record)
{
    if (counts)
        count_all(arena, policy, person, record);
    recipients(arena, policy, person, record);
}
