/* Statements and what follows from them, in the same commit (gate.md §5). What they amount to is gate_standing.c. */
#include "core/core_private.h"

static str status_text(enum consent_status status) { return str_of(consent_status_name(status)); }

str consent_record_json(struct arena *arena, const struct consent *record, struct uuid profile)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, arena, LIMIT_MESSAGE_BYTES * 4);
    jsonw_init(&w, &buf);
    jsonw_object(&w); /* keys sorted, so that it is canonical */
    jsonw_field_time(&w, "at", record->at_ms);
    jsonw_field(&w, "by", str_of(said_by_name(record->by)));
    jsonw_field_time(&w, "expires", record->expires_ms);
    jsonw_field_bool(&w, "explicit", record->explicit_given);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, record->id);
    jsonw_field_int(&w, "identifier", record->identifier);
    jsonw_field_time(&w, "known", record->known_ms);
    jsonw_field(&w, "method", record->method);
    jsonw_field(&w, "notice", record->notice);
    jsonw_field_int(&w, "notice_version", record->notice_version);
    jsonw_key(&w, STR("profile"));
    jsonw_uuid(&w, profile);
    jsonw_field(&w, "purpose", record->purpose);
    jsonw_field(&w, "reference", record->reference);
    jsonw_field(&w, "signal", record->signal);
    jsonw_field(&w, "source", record->source);
    jsonw_field(&w, "status", status_text(record->status));
    jsonw_field_bool(&w, "verified", record->verified);
    jsonw_object_end(&w);
    return buf_str(&buf);
}

static bool is_grant(enum consent_status status) { return status == CONSENT_GIVEN || status == CONSENT_RENEWED; }

/* The text that was in force when it was said. */
static uint32_t version_then(const struct notice *notice, int64_t at_ms)
{
    bool earlier = notice->effective_ms != TIME_NONE && at_ms < notice->effective_ms;
    return earlier && notice->version > 1 ? notice->version - 1 : notice->version;
}

/* No consent lives longer than the policy lets it, whatever it says itself. */
static int64_t grant_until(const struct policy *policy, const struct purpose *purpose, const struct consent *record)
{
    struct duration lifetime = purpose->expires.anchor != ANCHOR_NONE ? purpose->expires.duration : policy->consent_lifetime_default;
    int64_t longest_ms = duration_is_zero(lifetime) ? TIME_FOREVER : time_add(record->at_ms, lifetime);
    bool said = record->expires_ms != 0 && record->expires_ms != TIME_NONE;
    return said && record->expires_ms < longest_ms ? record->expires_ms : longest_ms;
}

/* What a record leaves open: when it runs out, which notice or terms it means. */
static void record_complete(const struct policy *policy, const struct purpose *purpose, struct consent *record)
{
    if (!purpose) { /* of the whole person */
        record->expires_ms = TIME_FOREVER;
        return;
    }
    if (is_grant(record->status) || record->status == CONSENT_INFORMED) {
        if (str_empty(record->notice) && purpose->notice != SLOT_NONE) {
            record->notice = policy->notices.items[purpose->notice].name;
            record->notice_version = version_then(&policy->notices.items[purpose->notice], record->at_ms);
        }
    }
    if (record->status == CONSENT_OPENED && !record->notice_version)
        record->notice_version = purpose->terms_version ? purpose->terms_version : 1;
    bool open = record->expires_ms == 0 || record->expires_ms == TIME_NONE;
    if (is_grant(record->status))
        record->expires_ms = grant_until(policy, purpose, record);
    else if (open || (record->status != CONSENT_INVOKED && record->status != CONSENT_VENDOR_PERMITTED))
        record->expires_ms = TIME_FOREVER;
}

static void record_due(struct person *person, const struct purpose *purpose, const struct consent *record)
{
    person_due(person, record->expires_ms);
    if (!purpose)
        return;
    if (record->status == CONSENT_INVOKED)
        person_due(person, time_add(record->at_ms, duration_is_zero(purpose->vital_lapse) ? (struct duration){0, 72 * HOUR_MS} : purpose->vital_lapse));
    if ((record->status == CONSENT_ENDED && purpose->retention.anchor == ANCHOR_CONTRACT_END) ||
        (is_grant(record->status) && purpose->retention.anchor == ANCHOR_GIVEN))
        person_due(person, time_add(record->at_ms, purpose->retention.duration));
}

struct consent *consent_push(struct apply *apply, struct person *person, const struct identifier *identifier,
                             const struct consent *record)
{
    size_t alive = 0;
    vec_each (other, &person->consents)
        alive += !row_dead(other);
    if (alive >= LIMIT_PROFILE_CONSENTS)
        return NULL;
    const struct purpose *purpose = policy_purpose(apply->policy, record->purpose);
    struct consent *made = vec_push(apply->arena, &person->consents);
    *made = *record;
    made->change = CHANGE_NEW;
    made->id = id_next(apply->batch->ids, apply->now_ms);
    made->profile = identifier->profile;
    made->identifier = identifier->number;
    made->known_ms = apply->now_ms;
    record_complete(apply->policy, purpose, made);
    gate_standing_reset(person);
    record_due(person, purpose, made);
    struct profile *profile = person_profile(person, identifier->profile);
    ASSERT(profile);
    row_touch(profile);
    vec_each (other, &person->profiles)
        if (other->birth_year) /* may be of no use any more (fact.c) */
            person_due(person, apply->now_ms + 1);
    struct leaf *leaf = leaf_push(apply, "consent", made->profile, made->at_ms, consent_record_json(apply->arena, made, profile->id));
    leaf->consent = made;
    *(struct record_made *)vec_push(apply->arena, &apply->records_made) =
        (struct record_made){.id = made->id, .leaf = apply->batch->leaves.count - 1};
    return made;
}

void consent_effects(struct apply *apply, struct person *person, const struct standing *before)
{
    const struct standing *after = standing_of(apply, person, NULL);
    if ((before->stores & ~after->stores) && person_require(apply, person, PERSON_ALL))
        person_enforce(apply, person);
    held_despair(apply, person, held_hopes(apply->policy, before, policy_purposes(apply->policy)));
    if ((after->collects & ~before->collects) && !apply->releasing && person_require(apply, person, PERSON_HELD))
        held_release(apply, person);
}

/* --- statements by API */

static bool takes_away(enum consent_status status)
{
    return status == CONSENT_REFUSED || status == CONSENT_WITHDRAWN || status == CONSENT_EXPIRED || status == CONSENT_OBJECTED ||
           status == CONSENT_ENDED || status == CONSENT_OPTED_OUT;
}

/* Said by somebody erased, it begins a new relationship. */
static bool begins_anew(enum consent_status status)
{
    return status == CONSENT_GIVEN || status == CONSENT_RENEWED || status == CONSENT_OPENED || status == CONSENT_INVOKED;
}

static bool basis_fits(const struct purpose *purpose, enum basis basis, enum consent_status status)
{
    switch (status) {
    case CONSENT_GIVEN: case CONSENT_RENEWED: case CONSENT_REFUSED: case CONSENT_WITHDRAWN: case CONSENT_EXPIRED:
        return basis == BASIS_CONSENT;
    case CONSENT_OPENED: return basis == BASIS_CONTRACT;
    case CONSENT_ENDED: return basis == BASIS_CONTRACT || basis == BASIS_VITAL_INTEREST || purpose->retention.anchor == ANCHOR_CONTRACT_END;
    case CONSENT_INVOKED: return basis == BASIS_VITAL_INTEREST;
    case CONSENT_OBJECTED: case CONSENT_OBJECTION_LIFTED:
        return purpose->direct_marketing || basis == BASIS_CONSENT || basis == BASIS_PUBLIC_TASK || basis == BASIS_LEGITIMATE_INTEREST ||
               (status == CONSENT_OBJECTION_LIFTED && purpose->gpc_objects);
    default: return true;
    }
}

/* Why the statement cannot be recorded; empty when it can. */
static str statement_refusal(struct apply *apply, const struct statement *statement, const struct person *person)
{
    const struct consent *record = &statement->record;
    bool whole = record->status == CONSENT_RESTRICTED || record->status == CONSENT_UNRESTRICTED;
    if (record->status == CONSENT_VENDOR_PERMITTED)
        return STR("only a TC string permits a vendor");
    if (record->status == CONSENT_VENDOR_DENIED && !vendor_of(record->reference))
        return STR("`vendor_denied` says which vendor of the Global Vendor List it is: a `reference` that ends with `, vendor 755`");
    if (person && person_erased(person))
        return STR("the person was erased");
    if (record->at_ms > apply->now_ms)
        return STR("`at` lies in the future; a statement is recorded once it is said");
    if (whole)
        return str_empty(record->purpose) ? STR_NONE : STR("a restriction is of the whole person; leave out `purpose`");
    const struct purpose *purpose = policy_purpose(apply->policy, record->purpose);
    if (!purpose)
        return STR("the policy has no such purpose");
    enum basis basis = purpose_basis(purpose, person ? person_jurisdiction(person) : STR_NONE);
    if (!basis_fits(purpose, basis, record->status))
        return str_printf(apply->arena, "`%s` does not fit: purpose `%.*s` rests on %s", consent_status_name(record->status),
                          STR_FMT(purpose->name), basis_name(basis));
    const struct notice *notice = policy_notice(apply->policy, record->notice);
    bool agrees = record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED || record->status == CONSENT_INFORMED;
    if (!notice && agrees && !str_empty(record->notice)) /* a no counts whatever it names */
        return str_printf(apply->arena, "the policy has no notice `%.*s`%s%.*s%s", STR_FMT(record->notice),
                          purpose->notice == SLOT_NONE ? "" : "; people are shown `",
                          STR_FMT(purpose->notice == SLOT_NONE ? STR_NONE : apply->policy->notices.items[purpose->notice].name),
                          purpose->notice == SLOT_NONE ? "" : "` for this purpose");
    if (notice && record->notice_version > notice->version)
        return str_printf(apply->arena, "notice `%.*s` has no version %u; the newest is %u", STR_FMT(notice->name), record->notice_version, notice->version);
    if (record->status == CONSENT_OPENED && record->notice_version > purpose->terms_version)
        return str_printf(apply->arena, "`%.*s` has no terms of version %u; the newest are %u", STR_FMT(purpose->name), record->notice_version,
                          purpose->terms_version);
    if (statement->override_objection && purpose->direct_marketing)
        return STR("an objection to direct marketing is absolute; nobody can override it");
    return STR_NONE;
}

/* The identifier that the statement was made on, known from now on: with its value only where the purpose covers it. */
static struct known *statement_subject(struct apply *apply, const struct statement *statement)
{
    struct known *known = index_find(apply, &statement->subject.hash);
    if (known)
        return known;
    struct person *person = person_make(apply, STR_NONE);
    return person_attach(apply, person, person->root, &statement->subject, true, 0, (struct uuid){0});
}

static void statement_value(struct apply *apply, const struct statement *statement, struct known *known)
{
    const struct purpose *purpose = policy_purpose(apply->policy, statement->record.purpose);
    struct identifier *identifier = known_identifier(known);
    const struct identity_key *key = statement->subject.key;
    if (!purpose || !(standing_of(apply, known->person, NULL)->collects & purpose->self) || str_empty(statement->subject.value))
        return;
    if (key->category != SLOT_NONE && !(cover_of(apply->policy, key->category) & purpose->self))
        return;
    if ((identifier->purposes & purpose->self) && !str_empty(identifier->value))
        return;
    identifier->value = statement->subject.value;
    identifier->purposes |= purpose->self;
    if (identifier->last_seen_ms < apply->day_ms)
        identifier->last_seen_ms = apply->day_ms;
    row_touch(identifier);
    gate_standing_reset(known->person); /* being seen moves what counts from there */
    person_due(known->person, retention_collected(purpose, identifier->last_seen_ms + DAY_MS));
    person_due(known->person, standing_of(apply, known->person, NULL)->stores_until_ms);
}

static void vendor_effects(struct apply *apply, struct person *person, const struct consent *record)
{
    vec_each (destination, &apply->policy->destinations)
        if (destination->tcf_vendor && vendor_named(record->reference, destination->tcf_vendor) &&
            str_equal(apply->policy->purposes.items[destination->purpose].name, record->purpose))
            outbox_take_vendor(apply, person, destination);
}

void statement_apply(struct apply *apply, struct request *request)
{
    struct statement *statement = &request->statement;
    struct known *known = index_find(apply, &statement->subject.hash);
    statement->ret_record = NULL;
    statement->ret_person = NULL;
    if (known && !person_sweep_if_due(apply, known->person))
        return;
    known = index_find(apply, &statement->subject.hash); /* whoever had nothing left is gone */
    if (known && person_erased(known->person) && begins_anew(statement->record.status)) {
        request->refusal = statement_refusal(apply, statement, NULL);
        if (!str_empty(request->refusal))
            return;
        erased_let_go(apply, known);
        known = NULL;
    }
    request->refusal = statement_refusal(apply, statement, known ? known->person : NULL);
    if (!str_empty(request->refusal))
        return;
    known = statement_subject(apply, statement);
    struct person *person = known->person;
    const struct standing *before = standing_of(apply, person, NULL);
    struct consent record = statement->record;
    record.verified = !statement->unverified;
    struct consent *made = consent_push(apply, person, known_identifier(known), &record);
    if (!made) {
        request->refusal = STR("the person has as many consent records as Telos keeps");
        return;
    }
    statement->ret_record = made;
    apply->records_made.items[apply->records_made.count - 1].statement = statement;
    statement->ret_person = person;
    request->found = true;
    statement_value(apply, statement, known);
    if (takes_away(record.status) && person_require(apply, person, PERSON_ALL))
        person_enforce(apply, person);
    if (record.status == CONSENT_VENDOR_DENIED && person_require(apply, person, PERSON_OUTBOX)) /* what a restore says again */
        vendor_effects(apply, person, made);
    consent_effects(apply, person, before);
    if (!takes_away(record.status)) {
        const struct purpose *purpose = policy_purpose(apply->policy, record.purpose);
        outbox_profile(apply, person_latest(person), purpose ? purpose->self : 0);
    }
}

void informed_record(struct apply *apply, struct person *person, const struct identifier *identifier, const struct message *message,
                     purpose_mask purposes)
{
    mask_each (slot, purposes) {
        const struct purpose *purpose = &apply->policy->purposes.items[slot];
        struct consent record = {.purpose = purpose->name, .status = CONSENT_INFORMED, .at_ms = message->received_ms, .by = SAID_BY_SYSTEM,
                                 .verified = identifier->verified, .source = message->source->name, .method = STR("shown by the source")};
        (void)consent_push(apply, person, identifier, &record); /* a full history informs nobody anew */
    }
}
