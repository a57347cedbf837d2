/* The whole answer to a question (gate.md §1–3): what the policy says, what the person's records say, what cuts across.
 * The fold of the records is gate_standing.c; whether a contact is welcome is gate_contact.c.
 */
#include "core/core_private.h"

bool gate_purpose_fits(const struct policy *policy, purpose_mask collected, uint16_t purpose)
{
    const struct purpose *asked = &policy->purposes.items[purpose];
    if (collected & asked->self)
        return true;
    mask_each (slot, collected & asked->compatible_with) {
        const struct purpose *other = &policy->purposes.items[slot];
        bool consent = other->basis == BASIS_CONSENT;
        vec_each (basis, &other->bases)
            consent |= basis->basis == BASIS_CONSENT;
        if (!consent)
            return true;
    }
    return false;
}

int64_t retention_collected(const struct purpose *purpose, int64_t received_ms)
{
    return purpose->retention.anchor == ANCHOR_COLLECTED ? time_add(received_ms, purpose->retention.duration) : TIME_FOREVER;
}

int time_year(int64_t time_ms)
{
    char text[TIME_TEXT_SIZE];
    int64_t year = 1970;
    (void)str_to_int64(str_slice(time_text(time_ms, text), 0, 4), &year); /* a time always begins with its year */
    return (int)year;
}

bool jurisdiction_in_eu(str jurisdiction)
{
    static const char members[] = "AT BE BG HR CY CZ DK EE FI FR DE GR EL HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO EU";
    str rest = STR(members), part, country = str_slice(jurisdiction, 0, 2);
    if (jurisdiction.length > 2 && jurisdiction.data[2] != '-')
        return false;
    while (str_split(&rest, ' ', &part))
        if (str_equal_nocase(part, country))
            return true;
    return false;
}

static reason_mask category_reasons(const struct policy *policy, const struct purpose *purpose, const struct standing *standing,
                                    const struct destination *destination, str name)
{
    const struct category *category = policy_category(policy, name);
    if (!category)
        return REASON_BIT(REASON_CATEGORY_NOT_COVERED);
    unsigned slot = (unsigned)(category - policy->categories.items);
    reason_mask reasons = 0;
    if (!category_in(&purpose->categories, slot) || (destination && !category_in(&destination->categories, slot)))
        reasons |= REASON_BIT(REASON_CATEGORY_NOT_COVERED);
    if (category->special)
        reasons |= gate_special_reasons(policy, standing, purpose->slot);
    return reasons;
}

/* How exactly the destination is meant: by its name, its recipient text, or that without its brackets ("Posta Kft." for "Posta Kft. (processor, HU)");
 * 0: not at all. */
static unsigned recipient_meant(const struct destination *destination, str recipient)
{
    str text = destination->recipient;
    if (str_equal(destination->name, recipient))
        return 3;
    if (str_equal(text, recipient))
        return 2;
    return text.length > recipient.length && str_starts(text, recipient) && str_starts(str_slice(text, recipient.length, text.length), STR(" ("));
}

/* The destination that the recipient names; the reasons against it. Where several are meant as exactly, all of them must be fit. */
static reason_mask recipient_reasons(const struct policy *policy, const struct purpose *purpose, str recipient, int64_t at_ms,
                                     const struct destination **ret_destination, struct decision *decision)
{
    unsigned best = 1;
    reason_mask reasons = 0;
    vec_each (destination, &policy->destinations)
        if (destination->purpose == purpose->slot && recipient_meant(destination, recipient) > best)
            best = recipient_meant(destination, recipient);
    vec_each (destination, &policy->destinations) {
        int64_t until_ms;
        if (destination->purpose != purpose->slot || recipient_meant(destination, recipient) != best)
            continue;
        if (!*ret_destination)
            *ret_destination = destination;
        reasons |= policy_transfer_at(policy, destination, at_ms, &until_ms) ? 0 : REASON_BIT(REASON_TRANSFER_WITHOUT_SAFEGUARD);
        decision->valid_until_ms = until_ms < decision->valid_until_ms ? until_ms : decision->valid_until_ms;
    }
    return *ret_destination ? reasons : REASON_BIT(REASON_RECIPIENT_NOT_DECLARED);
}

/* "decoder tcf/1, vendor 755" */
uint16_t vendor_of(str reference)
{
    static const char before[] = ", vendor ";
    ptrdiff_t at = str_find(reference, STR(before));
    int64_t id;
    bool is_number = at >= 0 && str_to_int64(str_slice(reference, (size_t)at + sizeof before - 1, reference.length), &id);
    return is_number && id > 0 && id <= UINT16_MAX ? (uint16_t)id : 0;
}

bool vendor_named(str reference, uint16_t vendor) { return vendor && vendor_of(reference) == vendor; }

/* What permits it; NULL: nothing does. */
static const struct consent *vendor_permission(const struct policy *policy, const struct person *person, str purpose, uint16_t vendor, int64_t at_ms, int64_t known_ms)
{
    const struct consent *permitted[SURENESS_COUNT] = {NULL}, *denied[SURENESS_COUNT] = {NULL}; /* said at least as surely as this */
    for (size_t i = 0; person && i < person->consents.count; i++) {
        const struct consent *record = &person->consents.items[i];
        if (row_dead(record) || !status_is_vendor(record->status) || record->at_ms > at_ms || record->known_ms > known_ms ||
            !str_equal(record->purpose, purpose) || !vendor_named(record->reference, vendor))
            continue;
        const struct consent **newest = record->status == CONSENT_VENDOR_PERMITTED ? permitted : denied;
        for (unsigned sure = 0; sure <= gate_sureness(policy, person, record); sure++)
            if (!newest[sure] || record->at_ms >= newest[sure]->at_ms)
                newest[sure] = record;
    }
    if (!permitted[0] || permitted[0]->expires_ms <= at_ms || (denied[0] && denied[0]->at_ms >= permitted[0]->at_ms))
        return NULL;
    for (unsigned sure = gate_sureness(policy, person, permitted[0]) + 1; sure < SURENESS_COUNT; sure++)
        if (denied[sure] && (!permitted[sure] || permitted[sure]->at_ms <= denied[sure]->at_ms))
            return NULL;
    return permitted[0];
}

bool gate_vendor_permitted(const struct policy *policy, const struct person *person, str purpose, uint16_t vendor, int64_t at_ms, int64_t known_ms)
{
    return vendor_permission(policy, person, purpose, vendor, at_ms, known_ms) != NULL;
}

/* A decision holds no longer than the permission that it rests on. */
static reason_mask vendor_reasons(const struct policy *policy, const struct person *person, const struct purpose *purpose, uint16_t vendor, int64_t at_ms,
                                  int64_t known_ms, struct decision *decision)
{
    const struct consent *permission = vendor_permission(policy, person, purpose->name, vendor, at_ms, known_ms);
    if (!permission)
        return REASON_BIT(REASON_VENDOR_NOT_PERMITTED);
    if (permission->expires_ms < decision->valid_until_ms)
        decision->valid_until_ms = permission->expires_ms;
    return 0;
}

static reason_mask automated_reasons(const struct purpose *purpose, enum basis basis)
{
    if (!purpose->automated_decision)
        return 0;
    bool basis_ok = basis == BASIS_CONSENT || basis == BASIS_CONTRACT || basis == BASIS_LEGAL_OBLIGATION;
    return basis_ok && !str_empty(purpose->human_reviewer) ? 0 : REASON_BIT(REASON_AUTOMATED_DECISION_NOT_PERMITTED);
}

static void evidence_add(struct arena *arena, struct decision *decision, const struct consent *record)
{
    if (record)
        *(struct evidence_item *)vec_push(arena, &decision->evidence) =
            (struct evidence_item){.kind = "consent", .id = record->id, .ledger_index = record->ledger_index};
}

static void decide_categories(struct arena *arena, const struct policy *policy, const struct purpose *purpose,
                              const struct standing *standing, const struct destination *destination, const struct question *question,
                              struct decision *decision)
{
    if (question->categories.count) {
        vec_each (name, &question->categories)
            *(struct category_result *)vec_push(arena, &decision->categories) =
                (struct category_result){*name, category_reasons(policy, purpose, standing, destination, *name)};
        return;
    }
    vec_each (category, &policy->categories) {
        unsigned slot = (unsigned)(category - policy->categories.items);
        if (category_in(&purpose->categories, slot) && (!destination || category_in(&destination->categories, slot)))
            *(struct category_result *)vec_push(arena, &decision->categories) =
                (struct category_result){category->name, category_reasons(policy, purpose, standing, destination, category->name)};
    }
}

/* --- what was known then */

static bool joined_by(const struct merge *merge, int64_t known_ms)
{
    return !row_dead(merge) && merge->at_ms <= known_ms && (merge->undone_ms == TIME_NONE || merge->undone_ms > known_ms);
}

static bool number_in(const profile_no *numbers, size_t count, profile_no number)
{
    for (size_t i = 0; i < count; i++)
        if (profile_no_equal(numbers[i], number))
            return true;
    return false;
}

/* The person as far as it was known to be one at that time: what was said on profiles that joined only later does not count. */
static const struct person *person_as_known(struct arena *arena, const struct person *person, profile_no subject, int64_t known_ms)
{
    if (!person || known_ms == TIME_FOREVER || !subject.value || !person_profile(person, subject) || person->profiles.count < 2)
        return person;
    profile_no *group = arena_array(arena, profile_no, person->profiles.count);
    size_t count = 1;
    group[0] = subject;
    for (bool grew = true; grew;) { /* at most once a profile */
        grew = false;
        vec_each (merge, &person->merges) {
            bool left = number_in(group, count, merge->left), right = number_in(group, count, merge->right);
            profile_no other = left ? merge->right : merge->left;
            if (left == right || !joined_by(merge, known_ms) || !person_profile(person, other)) /* parted since: it is no longer loaded with it */
                continue;
            group[count++] = other;
            grew = true;
        }
    }
    struct person *known = arena_new(arena, struct person);
    *known = *person;
    memset(&known->profiles, 0, sizeof known->profiles);
    memset(&known->consents, 0, sizeof known->consents);
    memset(&known->identifiers, 0, sizeof known->identifiers);
    vec_each (profile, &person->profiles)
        if (number_in(group, count, profile->number))
            *(struct profile *)vec_push(arena, &known->profiles) = *profile;
    vec_each (record, &person->consents)
        if (number_in(group, count, record->profile))
            *(struct consent *)vec_push(arena, &known->consents) = *record;
    vec_each (identifier, &person->identifiers)
        if (number_in(group, count, identifier->profile))
            *(struct identifier *)vec_push(arena, &known->identifiers) = *identifier;
    return known;
}

void gate_decide(struct arena *arena, const struct policy *policy, const struct person *person, const struct question *question,
                 struct decision *ret_decision)
{
    *ret_decision = (struct decision){.policy_version = policy->version, .valid_until_ms = TIME_FOREVER, .allowed_from_ms = TIME_NONE};
    struct decision *decision = ret_decision;
    ((struct evidence_item *)vec_push(arena, &decision->evidence))->kind = "policy";
    int64_t at_ms = question->at_ms == TIME_NONE ? question->now_ms : question->at_ms;
    int64_t known_ms = question->known_ms == TIME_NONE ? TIME_FOREVER : question->known_ms;
    const struct purpose *purpose = policy_purpose(policy, question->purpose);
    person = person_as_known(arena, person, question->subject, known_ms);
    const struct standing *standing = gate_standing_at(arena, policy, person, STR_NONE, at_ms, known_ms);
    if (!purpose) {
        decision->reasons = REASON_BIT(REASON_PURPOSE_UNKNOWN) | (standing->erased ? REASON_BIT(REASON_SUBJECT_ERASED) : 0);
        return;
    }
    const struct purpose_standing *mine = &standing->purposes[purpose->slot];
    decision->basis = mine->basis;
    decision->basis_known = true;
    decision->valid_until_ms = mine->valid_until_ms;
    evidence_add(arena, decision, mine->record);
    evidence_add(arena, decision, mine->objection);
    reason_mask reasons = question->operation == OPERATION_STORE ? mine->store_reasons : mine->reasons;
    const struct destination *destination = NULL;
    if (!str_empty(question->recipient))
        reasons |= recipient_reasons(policy, purpose, question->recipient, at_ms, &destination, decision);
    if (destination && destination->tcf_vendor)
        reasons |= vendor_reasons(policy, person, purpose, destination->tcf_vendor, at_ms, known_ms, decision);
    if (question->operation == OPERATION_USE)
        reasons |= automated_reasons(purpose, mine->basis);
    decision->reasons = reasons;
    if (question->contact || !str_empty(question->channel) || !str_empty(question->topic))
        gate_contact(arena, policy, person, purpose, question, at_ms, decision);
    if (decision->reasons & ~(REASON_BIT(REASON_QUIET_HOURS) | REASON_BIT(REASON_FREQUENCY_CAPPED)))
        decision->allowed_from_ms = TIME_NONE; /* more than waiting is needed */
    decide_categories(arena, policy, purpose, standing, destination, question, decision);
    bool any = !question->categories.count && !decision->categories.count;
    vec_each (category, &decision->categories) {
        any |= category->reasons == 0;
    }
    decision->allow = decision->reasons == 0 && any;
}
