/* Facts: what an identify message says, and which older ones it makes superfluous. The set that is kept does not depend on the order of
 * arrival: a fact goes only when another one of the same identifier, name and source beats it under the trait's rule in every future, for
 * at least the same purposes.
 */
#include "core/core_private.h"


bool fact_is_null(const struct fact *fact) { return str_equal(fact->value, STR("null")); }

int value_compare(str a, str b)
{
    double x, y;
    if (str_to_double(a, &x) && str_to_double(b, &y) && x != y)
        return x < y ? -1 : 1;
    return str_compare(a, b);
}

int fact_order(const struct fact *a, const struct fact *b)
{
    if (a->observed_ms != b->observed_ms)
        return a->observed_ms < b->observed_ms ? -1 : 1;
    int sources = str_compare(a->source, b->source);
    return sources ? sources : str_compare(a->value, b->value);
}

bool fact_dominates(enum fold_rule rule, const struct fact *winner, const struct fact *loser)
{
    if (loser->purposes & ~winner->purposes)
        return false;
    int order = fact_order(winner, loser);
    if (order == 0)
        return winner->purposes != loser->purposes;
    bool winner_null = fact_is_null(winner), loser_null = fact_is_null(loser);
    if (rule == FOLD_FIRST) /* removing does not undo what came first */
        return loser_null ? !winner_null || order > 0 : !winner_null && order < 0;
    if (winner_null)
        return loser->observed_ms <= winner->observed_ms && (!loser_null || order > 0);
    if (loser_null)
        return (rule == FOLD_LATEST || rule == FOLD_MOST_TRUSTED) && winner->observed_ms > loser->observed_ms;
    switch (rule) {
    case FOLD_LATEST: case FOLD_MOST_TRUSTED: return order > 0;
    case FOLD_MAX: return order > 0 && value_compare(winner->value, loser->value) >= 0;
    case FOLD_MIN: return order > 0 && value_compare(winner->value, loser->value) <= 0;
    case FOLD_UNION: return order > 0 && str_equal(winner->value, loser->value);
    default: return false;
    }
}

/* The facts there are of one identifier, name and source: the new one is weighed against these only. */
struct rivals {
    VEC(uint32_t) places; /* in person->facts */
};

/* Puts one fact among its rivals; false when it says nothing new. */
static bool fact_add(struct apply *apply, struct person *person, const struct fact *fact, struct rivals *rivals)
{
    enum fold_rule rule = policy_trait_rule(apply->policy, fact->name);
    vec_each (place, &rivals->places) {
        const struct fact *other = &person->facts.items[*place];
        if (!row_dead(other) && (fact_dominates(rule, other, fact) || (fact_order(other, fact) == 0 && other->purposes == fact->purposes)))
            return false;
    }
    bool repeated = false;
    vec_each (place, &rivals->places) {
        struct fact *other = &person->facts.items[*place];
        if (row_dead(other) || !fact_dominates(rule, fact, other))
            continue;
        if (!repeated && other->purposes == fact->purposes && str_equal(other->value, fact->value)) {
            other->observed_ms = fact->observed_ms;
            other->received_ms = fact->received_ms;
            row_touch(other);
            repeated = true;
        } else
            row_end(other);
    }
    if (repeated)
        return true;
    *(struct fact *)vec_push(apply->arena, &person->facts) = *fact;
    *(uint32_t *)vec_push(apply->arena, &rivals->places) = (uint32_t)(person->facts.count - 1);
    return true;
}

static bool same_speaker(const struct fact *a, const struct fact *b)
{
    return a->identifier == b->identifier && profile_no_equal(a->profile, b->profile) && str_equal(a->source, b->source);
}

/* One walk over the facts, however many traits the message has. */
static struct rivals *rivals_find(struct apply *apply, const struct person *person, const struct fact *like, const struct classified *classified)
{
    size_t count = classified->traits.count;
    struct rivals *rivals = arena_array(apply->arena, struct rivals, count);
    struct map by_name;
    map_init(&by_name, apply->arena);
    if (person->facts.count > 16)
        for (size_t i = 0; i < count; i++)
            map_set(&by_name, classified->traits.items[i].name, &rivals[i]);
    for (uint32_t place = 0; place < person->facts.count; place++) {
        const struct fact *fact = &person->facts.items[place];
        if (row_dead(fact) || !same_speaker(fact, like))
            continue;
        struct rivals *mine = map_get(&by_name, fact->name);
        for (size_t i = 0; person->facts.count <= 16 && i < count && !mine; i++)
            mine = str_equal(classified->traits.items[i].name, fact->name) ? &rivals[i] : NULL;
        if (mine)
            *(uint32_t *)vec_push(apply->arena, &mine->places) = place;
    }
    return rivals;
}

static bool birth_name(str name)
{
    static const char *const names[] = {"birthdate", "birth_date", "birthday", "dateOfBirth", "date_of_birth", "birth_year", "birthYear", "age"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_equal(name, str_of(names[i])))
            return true;
    return false;
}

/* "2015-05-05", "2015. 05. 05.", "05/05/2015", 2015: the year stands first or last. */
static int birth_year_in(str name, str value, int64_t at_ms)
{
    if (value.length >= 2 && value.data[0] == '"')
        value = str_slice(value, 1, value.length - 1);
    int64_t number;
    if (str_equal(name, STR("age")))
        return str_to_int64(value, &number) && number >= 0 && number < 130 ? time_year(at_ms) - (int)number - 1 : 0;
    if (value.length >= 10 && (value.data[4] < '0' || value.data[4] > '9'))
        value = str_slice(value, 0, 4);
    else if (value.length == 10 && (value.data[5] < '0' || value.data[5] > '9'))
        value = str_slice(value, 6, 10);
    return str_to_int64(value, &number) && number > 1890 && number < 2200 ? (int)number : 0;
}

static int birth_year_of(const struct fact *fact) { return birth_year_in(fact->name, fact->value, fact->observed_ms); }

/* Is the latest word about the purpose on this profile a consent whose worth hangs on the person's age? */
static bool consent_by_age(const struct person *person, profile_no profile, const struct purpose *purpose, int64_t of_age_ms)
{
    const struct consent *last = NULL;
    vec_each (record, &person->consents)
        if (!row_dead(record) && profile_no_equal(record->profile, profile) && str_equal(record->purpose, purpose->name) &&
            (!last || record->at_ms >= last->at_ms))
            last = record;
    if (!last || (last->status != CONSENT_GIVEN && last->status != CONSENT_RENEWED))
        return false;
    return last->at_ms < of_age_ms || (purpose->child_sensitive && last->by != SAID_BY_GUARDIAN);
}

/* Until when a year of birth is kept that no fact says any more: it outlives them only as far as Art. 8 needs it. A child stays one until it is
 * of age for every consent of the policy; a yes that was said of a child stays one; and where people of unknown age need a guardian, the year
 * is what a person's own consent rests on. */
static int64_t birth_year_needed(const struct apply *apply, const struct person *person, str jurisdiction, int born)
{
    int64_t until_ms = TIME_NONE;
    vec_each (purpose, &apply->policy->purposes) {
        if (purpose_basis(purpose, jurisdiction) != BASIS_CONSENT)
            continue;
        int64_t of_age_ms = gate_of_age_ms(apply->policy, purpose, jurisdiction, born);
        until_ms = of_age_ms > until_ms ? of_age_ms : until_ms;
        vec_each (profile, &person->profiles)
            if (consent_by_age(person, profile->number, purpose, of_age_ms))
                return TIME_FOREVER;
    }
    return until_ms;
}

static int64_t birth_year_until(const struct apply *apply, const struct person *person, int born)
{
    int64_t until_ms = TIME_NONE;
    vec_each (profile, &person->profiles) { /* by the law of each place, so that a join, which may be undone, takes no year away */
        int64_t mine_ms = person_erased(person) ? TIME_NONE : birth_year_needed(apply, person, profile->jurisdiction, born);
        until_ms = mine_ms > until_ms ? mine_ms : until_ms;
    }
    return until_ms;
}

static int birth_year_said(const struct person *person, profile_no profile)
{
    const struct fact *newest = NULL;
    vec_each (fact, &person->facts)
        if (!row_dead(fact) && profile_no_equal(fact->profile, profile) && birth_name(fact->name) &&
            (!newest || fact_order(fact, newest) > 0) && birth_year_of(fact))
            newest = fact;
    return newest ? birth_year_of(newest) : 0;
}

static int birth_year_among(const struct json *traits, int64_t at_ms)
{
    int year = 0;
    for (uint32_t i = 0; traits && traits->type == JSON_OBJECT && i < traits->count; i++) {
        const struct json_member *member = &traits->members[i];
        if (!birth_name(member->name))
            continue;
        int told = birth_year_in(member->name, member->value.type == JSON_STRING ? json_string(&member->value) : member->value.raw, at_ms);
        year = told > year ? told : year;
    }
    return year;
}

int birth_year_glance(const struct message *message, const struct json *context)
{
    const struct json *own = message->type == EVENT_IDENTIFY ? json_get(&message->body, STR("traits")) : NULL;
    int year = birth_year_among(own, message->at_ms);
    return year || !context ? year : birth_year_among(json_get(context, STR("traits")), message->at_ms);
}

void birth_year_told(struct apply *apply, const struct known *known, int year)
{
    struct person *person = known->person;
    struct profile *profile = person_profile(person, known_identifier(known)->profile);
    if (!profile || row_dead(profile) || profile->birth_year >= year || person_erased(person) || birth_year_until(apply, person, year) <= apply->now_ms)
        return;
    if (!person_require(apply, person, PERSON_FACTS) || birth_year_said(person, profile->number))
        return;
    const struct standing *before = standing_of(apply, person, NULL);
    profile->birth_year = (int16_t)year;
    row_touch(profile);
    gate_standing_reset(person);
    person_due(person, birth_year_until(apply, person, year));
    consent_effects(apply, person, before);
}

int64_t birth_year_due(const struct apply *apply, const struct person *person)
{
    int64_t due_ms = TIME_FOREVER;
    vec_each (profile, &person->profiles) {
        if (row_dead(profile) || !profile->birth_year || birth_year_said(person, profile->number))
            continue;
        int64_t until_ms = birth_year_until(apply, person, profile->birth_year);
        due_ms = until_ms < due_ms ? until_ms : due_ms;
    }
    return due_ms;
}

bool birth_year_derive(struct apply *apply, struct person *person)
{
    bool changed = false, erased = person_erased(person); /* then a law may still keep the fact, but nothing is judged by it */
    vec_each (profile, &person->profiles) {
        int year = erased ? 0 : birth_year_said(person, profile->number);
        if (row_dead(profile) || year == profile->birth_year)
            continue;
        int64_t until_ms = year ? TIME_NONE : birth_year_until(apply, person, profile->birth_year);
        if (until_ms > apply->now_ms) {
            person_due(person, until_ms);
            continue;
        }
        profile->birth_year = (int16_t)year;
        row_touch(profile);
        changed = true;
    }
    if (changed)
        gate_standing_reset(person);
    return changed;
}

/* A year of birth that was kept for a purpose alone which falls by it, has gone with it: it cannot be kept, and what was known before stands. */
static bool birth_undid_itself(const struct person *person, const struct fact *like)
{
    vec_each (fact, &person->facts)
        if (!row_dead(fact) && birth_name(fact->name) && profile_no_equal(fact->profile, like->profile) && fact->identifier == like->identifier &&
            fact->observed_ms == like->observed_ms && fact->received_ms == like->received_ms && str_equal(fact->source, like->source))
            return false;
    return true;
}

static void left_out_note(struct apply *apply, struct message_result *result, str name, enum reason reason)
{
    *(struct left_out *)vec_push(apply->arena, &result->left_out) =
        (struct left_out){str_printf(apply->arena, "traits.%.*s", STR_FMT(name)), REASON_BIT(reason)};
}

purpose_mask facts_add(struct apply *apply, struct person *person, const struct identifier *identifier, const struct message *message,
                       const struct classified *classified, struct message_result *result, bool *aged)
{
    bool again = *aged;
    *aged = false;
    if (!classified->traits.count || !person_require(apply, person, PERSON_FACTS))
        return 0;
    size_t alive = 0;
    vec_each (fact, &person->facts)
        alive += !row_dead(fact);
    purpose_mask changed = 0;
    bool birth = false;
    struct fact fact = {.change = CHANGE_NEW, .profile = identifier->profile, .identifier = identifier->number,
                        .source = message->source->name, .observed_ms = message->at_ms, .received_ms = message->received_ms};
    bool no_birth = again && birth_undid_itself(person, &fact);
    struct rivals *rivals = rivals_find(apply, person, &fact, classified);
    vec_each (found, &classified->traits) {
        if (!found->purposes)
            continue;
        if (no_birth && birth_name(found->name)) {
            left_out_note(apply, result, found->name, REASON_CONSENT_GUARDIAN_REQUIRED);
            continue;
        }
        if (alive >= LIMIT_PROFILE_FACTS) {
            left_out_note(apply, result, found->name, REASON_TOO_MANY_FACTS);
            continue;
        }
        fact.name = found->name;
        fact.value = found->value;
        fact.purposes = found->purposes;
        if (!fact_add(apply, person, &fact, &rivals[found - classified->traits.items]))
            continue;
        alive++;
        changed |= found->purposes;
        birth |= birth_name(found->name);
    }
    if (birth) {
        const struct standing *before = standing_of(apply, person, NULL);
        if (birth_year_derive(apply, person)) {
            consent_effects(apply, person, before);
            *aged = true;
        }
    }
    return changed;
}
