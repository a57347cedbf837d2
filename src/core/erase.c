/* Erasure (Art. 17): everything of the person but what a law orders kept, or needs for a task that it gives (Art. 17(3)(b)), and the keys with it (P7).
 *
 * 1. Recipients are told first, while it is still known which identifiers they were sent.
 * 2. What is kept rests on legal obligations and public tasks alone, and is only stored; its keys live on until its time is up, then the sweeper
 *    ends them. Where nothing is kept, every key goes at once. An objection that is upheld ends a public task for the person, before and after.
 * 3. The hashes of the identifiers stay, so that the person stays erased whatever a forgotten device goes on sending.
 */
#include "core/core_private.h"

static str erasure_record(struct apply *apply, struct uuid id, purpose_mask kept)
{
    struct buf buf;
    struct jsonw w;
    buf_init(&buf, apply->arena, LIMIT_PURPOSES * LIMIT_NAME_BYTES * 8);
    jsonw_init(&w, &buf);
    jsonw_object(&w); /* keys sorted, so that it is canonical */
    jsonw_field_time(&w, "at", apply->now_ms);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, id);
    jsonw_key(&w, STR("kept"));
    jsonw_array(&w);
    mask_each (slot, kept)
        jsonw_string(&w, apply->policy->purposes.items[slot].name);
    jsonw_array_end(&w);
    jsonw_field(&w, "kind", STR("erasure"));
    jsonw_object_end(&w);
    return buf_str(&buf);
}

static purpose_mask data_purposes(const struct person *person)
{
    purpose_mask all = 0;
    vec_each (fact, &person->facts)
        all |= row_dead(fact) ? 0 : fact->purposes;
    vec_each (event, &person->events)
        for (unsigned i = 0; !row_dead(event) && i < event->part_count; i++)
            all |= event->parts[i].purposes;
    return all;
}

/* What is kept needs the one key that lives on: it may lie under another since a time when more rested on it, or tasks had none of their own. */
static void kept_seal(struct apply *apply, struct person *person)
{
    str jurisdiction = person_jurisdiction(person);
    vec_each (fact, &person->facts)
        if (!row_dead(fact))
            row_touch(fact);
    vec_each (event, &person->events)
        for (unsigned i = 0; !row_dead(event) && i < event->part_count; i++) {
            uint8_t class = part_key_class(apply->policy, event->parts[i].purposes, jurisdiction);
            if (event->parts[i].key_class == class)
                continue;
            event->parts[i].key_class = class;
            row_touch(event);
        }
}

/* Where no data is kept, nobody needs to be named for it. */
static void names_end(struct person *person)
{
    vec_each (identifier, &person->identifiers) {
        if (row_dead(identifier) || (!identifier->purposes && str_empty(identifier->value)))
            continue;
        identifier->purposes = 0;
        identifier->value = identifier->sealed = STR_NONE;
        row_touch(identifier);
    }
}

static void statements_end(struct apply *apply, struct person *person)
{
    const struct standing *standing = standing_of(apply, person, NULL);
    vec_each (record, &person->consents) {
        const struct purpose *purpose = policy_purpose(apply->policy, record->purpose);
        bool kept = purpose && (standing->stores & purpose->self);
        if (!row_dead(record) && !kept)
            row_end(record);
    }
    vec_each (row, &person->preferences)
        if (!row_dead(row))
            row_end(row);
    vec_each (profile, &person->profiles) {
        if (row_dead(profile) || !profile->birth_year)
            continue;
        profile->birth_year = 0;
        row_touch(profile);
    }
    gate_standing_reset(person);
}

void erase_apply(struct apply *apply, struct request *request)
{
    struct known *known = request->subject.key ? index_find(apply, &request->subject.hash) : NULL;
    struct person *person = known ? known->person : person_latest(request->person);
    if (!person || row_dead(person_root(person)) || person_erased(person) || !person_require(apply, person, PERSON_ALL))
        return;
    request->found = true;
    request->person = person;
    outbox_recall_all(apply, person);
    vec_each (profile, &person->profiles) {
        profile->erased_ms = apply->now_ms;
        row_touch(profile);
    }
    gate_standing_reset(person);
    person_enforce(apply, person);
    statements_end(apply, person);
    person_enforce(apply, person); /* what was kept since she was last heard of may have counted from a statement that is gone now */
    purpose_mask kept = data_purposes(person);
    if (kept)
        kept_seal(apply, person);
    else
        names_end(person);
    vec_each (profile, &person->profiles)
        key_end_push(apply, profile->number,
                     kept ? KEY_CLASS_BIT(KEY_CONSENT) | KEY_CLASS_BIT(KEY_CONTRACT) | KEY_CLASS_BIT(KEY_HOLD) : KEY_CLASS_ALL, false);
    request->merge = id_next(apply->batch->ids, apply->now_ms);
    leaf_push(apply, "erasure", PROFILE_NONE, apply->now_ms, erasure_record(apply, request->merge, kept));
    person_drop_if_empty(apply, person);
    if (row_dead(person_root(person)))
        return;
    person_root(person)->due_ms = person_due_work_out(apply, person);
    row_touch(person_root(person));
}

void erased_let_go(struct apply *apply, struct known *known)
{
    struct person *person = known->person;
    ASSERT(person_erased(person));
    row_end(known_identifier(known));
    known->person = NULL;
    person_due(person, apply->now_ms + 1); /* the sweeper sees whether anything is left */
}
