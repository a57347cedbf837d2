/* Saving the rows of profiles: one statement a kind of row and of change, whatever the number of persons. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#define EACH_CHANGED(field)                                                                                            \
    vec_each (person_, &saving->save->batch->persons)                                                                  \
        vec_each (row, &(*person_)->field)                                                                             \
            if (row->change)

/* --- profiles */

static void profile_put(struct rows *put, const struct profile *row)
{
    put_number(put, row->number.value);
    put_uuid(put, row->id);
    put_number(put, row->root.value);
    put_int(put, row->created_ms);
    put_time(put, row->erased_ms, TIME_NONE);
    put_time(put, row->due_ms, TIME_FOREVER);
    put_int(put, row->identifier_next);
    put_name(put, row->jurisdiction);
    put_blob(put, row->sealed);
    put_number(put, row->version + (row->change == CHANGE_SET)); /* optimistic: a reader sees that it changed */
}

static void profiles_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nunnnnitbn"), gone = rows_make(saving->arena, "n"), check = rows_make(saving->arena, "nn");
    EACH_CHANGED(profiles) {
        ASSERT(row->number.value > 0);
        next_above(&saving->profile_next, row->number.value);
        if (row->change == CHANGE_GONE)
            put_number(&gone, row->number.value);
        else
            profile_put(&put, row);
        if (row->change == CHANGE_SET) {
            put_number(&check, row->number.value);
            put_number(&check, row->version);
        }
    }
    if (check.count) {
        struct params params = params_make(saving->arena);
        param_rows(&params, &check);
        param_number(&params, check.count);
        (void)pipe_add(saving->session, SQL_PROFILE_CHECK, &params);
    }
    pipe_add_rows(saving->session, SQL_PROFILE_PUT, &put);
    pipe_add_rows(saving->session, SQL_PROFILE_DELETE, &gone);
}

/* --- identifiers and consents */

/* First what goes: an identifier may leave one profile and come to another in the same commit. */
static void identifiers_save(struct saving *saving)
{
    struct rows gone = rows_make(saving->arena, "ni"), gone_hash = rows_make(saving->arena, "bn"), put = rows_make(saving->arena, "nitbbionnu"),
                put_hash = rows_make(saving->arena, "bni");
    VEC(const struct identifier *) added = {0};
    VEC(str) keys = {0};
    EACH_CHANGED(identifiers) {
        if (row->change == CHANGE_GONE) {
            put_number(&gone, row->profile.value);
            put_int(&gone, row->number);
            put_bytes(&gone_hash, row->hash.bytes, sizeof row->hash.bytes);
            put_number(&gone_hash, row->profile.value);
            continue;
        }
        if (row->change == CHANGE_NEW) {
            *(const struct identifier **)vec_push(saving->arena, &added) = row;
            *(str *)vec_push(saving->arena, &keys) = str_bytes(row->hash.bytes, sizeof row->hash.bytes);
        }
        put_number(&put, row->profile.value);
        put_int(&put, row->number);
        put_text(&put, row->type);
        put_bytes(&put, row->hash.bytes, sizeof row->hash.bytes);
        put_blob(&put, row->sealed);
        put_int(&put, purpose_sets_id(saving->save->sets, row->purposes));
        put_int(&put, row->verified);
        put_int(&put, row->first_seen_ms);
        put_int(&put, row->last_seen_ms);
        put_uuid(&put, row->message);
    }
    const bool *last = last_of_key(saving->arena, keys.items, keys.count);
    for (size_t i = 0; i < added.count; i++) {
        if (!last[i])
            continue;
        put_value(&put_hash, keys.items[i]);
        put_number(&put_hash, added.items[i]->profile.value);
        put_int(&put_hash, added.items[i]->number);
    }
    pipe_add_rows(saving->session, SQL_HASH_DELETE, &gone_hash);
    pipe_add_rows(saving->session, SQL_IDENTIFIER_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_HASH_PUT, &put_hash);
    pipe_add_rows(saving->session, SQL_IDENTIFIER_PUT, &put);
}

static void consents_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nuiotttiotnnntbnb"), gone = rows_make(saving->arena, "nu");
    EACH_CHANGED(consents) {
        if (row->change == CHANGE_GONE) {
            put_number(&gone, row->profile.value);
            put_uuid(&gone, row->id);
            continue;
        }
        put_number(&put, row->profile.value);
        put_uuid(&put, row->id);
        put_int(&put, row->identifier);
        put_int(&put, row->verified);
        put_name(&put, row->purpose);
        put_text(&put, str_of(consent_status_name(row->status)));
        put_name(&put, row->notice);
        put_int(&put, row->notice_version);
        put_int(&put, row->explicit_given);
        put_text(&put, str_of(said_by_name(row->by)));
        put_int(&put, row->at_ms);
        put_int(&put, row->known_ms);
        put_time(&put, row->expires_ms, TIME_FOREVER);
        put_name(&put, row->source);
        put_blob(&put, row->sealed);
        put_time(&put, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
        put_bytes(&put, row->leaf_hash, sizeof row->leaf_hash);
    }
    pipe_add_rows(saving->session, SQL_CONSENT_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_CONSENT_PUT, &put);
}

/* --- the others */

static void merges_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nuntbbtnn"), gone = rows_make(saving->arena, "nu");
    EACH_CHANGED(merges) {
        if (row->change == CHANGE_GONE) {
            put_number(&gone, row->left.value);
            put_uuid(&gone, row->id);
            continue;
        }
        put_number(&put, row->left.value);
        put_uuid(&put, row->id);
        put_number(&put, row->right.value);
        put_text(&put, row->reason);
        put_bytes(&put, row->through_left.bytes, sizeof row->through_left.bytes);
        put_bytes(&put, row->through_right.bytes, sizeof row->through_right.bytes);
        put_name(&put, row->source);
        put_int(&put, row->at_ms);
        put_time(&put, row->undone_ms, TIME_NONE);
    }
    pipe_add_rows(saving->session, SQL_MERGE_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_MERGE_PUT, &put);
}

static void preferences_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nnb"), gone = rows_make(saving->arena, "n");
    EACH_CHANGED(preferences) {
        if (row->change == CHANGE_GONE) {
            put_number(&gone, row->profile.value);
            continue;
        }
        put_number(&put, row->profile.value);
        put_int(&put, row->at_ms);
        put_blob(&put, row->sealed);
    }
    pipe_add_rows(saving->session, SQL_PREFERENCES_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_PREFERENCES_PUT, &put);
}

static void refused_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nnttnnn"), gone = rows_make(saving->arena, "nntt");
    EACH_CHANGED(refused) {
        struct rows *rows = row->change == CHANGE_GONE ? &gone : &put;
        put_number(rows, row->left.value);
        put_number(rows, row->right.value);
        put_text(rows, row->type);
        put_text(rows, row->reason);
        if (rows == &gone)
            continue;
        put_number(rows, row->count);
        put_int(rows, row->first_ms);
        put_int(rows, row->last_ms);
    }
    pipe_add_rows(saving->session, SQL_REFUSED_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_REFUSED_PUT, &put);
}

static void fact_pages_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "niiisinnb"), gone = rows_make(saving->arena, "ni");
    EACH_CHANGED(fact_pages) {
        struct rows *rows = row->change == CHANGE_GONE ? &gone : &put;
        put_number(rows, row->profile.value);
        put_int(rows, row->number);
        if (rows == &gone)
            continue;
        put_int(rows, row->identifier);
        put_int(rows, purpose_sets_id(saving->save->sets, row->purposes));
        put_int(rows, row->key_class);
        put_int(rows, row->fact_count);
        put_int(rows, row->observed_first_ms);
        put_int(rows, row->observed_last_ms);
        put_blob(rows, row->sealed);
    }
    pipe_add_rows(saving->session, SQL_FACT_PAGE_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_FACT_PAGE_PUT, &put);
}

static void disclosure_put(struct rows *rows, const struct disclosure *row, bool whole)
{
    put_number(rows, row->profile.value);
    put_text(rows, row->destination);
    put_text(rows, row->purpose);
    if (!whole)
        return;
    put_int(rows, row->first_ms);
    put_int(rows, row->last_ms);
    put_number(rows, row->count);
}

static void disclosures_save(struct saving *saving)
{
    struct rows put = rows_make(saving->arena, "nttnnn"), gone = rows_make(saving->arena, "ntt");
    EACH_CHANGED(disclosures)
        disclosure_put(row->change == CHANGE_GONE ? &gone : &put, row, row->change != CHANGE_GONE);
    pipe_add_rows(saving->session, SQL_DISCLOSURE_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_DISCLOSURE_PUT, &put);
}

/* What is added to what is there; of the same disclosure, several in one save are one. */
void queue_disclosures_add(struct saving *saving)
{
    struct rows rows = rows_make(saving->arena, "nttnnn");
    VEC(struct disclosure) sums = {0};
    vec_each (row, &saving->save->disclosures) {
        struct disclosure *sum = NULL;
        vec_each (known, &sums)
            if (profile_no_equal(known->profile, row->profile) && str_equal(known->destination, row->destination) &&
                str_equal(known->purpose, row->purpose))
                sum = known;
        if (!sum) {
            *(struct disclosure *)vec_push(saving->arena, &sums) = *row;
            continue;
        }
        sum->last_ms = row->last_ms;
        sum->count += row->count;
    }
    vec_each (row, &sums)
        disclosure_put(&rows, row, true);
    pipe_add_rows(saving->session, SQL_DISCLOSURE_ADD, &rows);
}

void queue_persons(struct saving *saving)
{
    profiles_save(saving);
    identifiers_save(saving);
    consents_save(saving);
    merges_save(saving);
    preferences_save(saving);
    refused_save(saving);
    fact_pages_save(saving);
    disclosures_save(saving);
}
