/* Saving the rows of profiles: profile, identifiers, consents, merges, preferences, refused joins, fact pages, disclosures. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

static const struct err *row_begin(struct saving *saving, int64_t key, sqlite3_stmt **ret)
{
    TRY(sql_prepare(saving->session, saving->arena, SQL_PERSON_ROW_PUT, ret));
    ASSERT(sqlite3_clear_bindings(*ret) == SQLITE_OK);
    bind_int(*ret, 1, key);
    return NULL;
}

static const struct err *row_end(struct saving *saving, sqlite3_stmt *statement)
{
    return sql_step(saving->session, saving->arena, statement, NULL);
}

static const struct err *run_key(struct saving *saving, enum sql sql, int64_t key)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(saving->session, saving->arena, sql, &statement));
    bind_int(statement, 1, key);
    return sql_step(saving->session, saving->arena, statement, NULL);
}

static const struct err *run_blob_key(struct saving *saving, enum sql sql, const uint8_t bytes[16], int64_t key, bool with_key)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(saving->session, saving->arena, sql, &statement));
    bind_blob(statement, 1, bytes, 16);
    if (with_key)
        bind_int(statement, 2, key);
    return sql_step(saving->session, saving->arena, statement, NULL);
}

/* The first free number of a kind within a profile. */
static const struct err *row_next(struct saving *saving, profile_no profile, enum row_kind kind, uint32_t *ret)
{
    sqlite3_stmt *statement;
    bool row;
    TRY(sql_prepare(saving->session, saving->arena, SQL_PERSON_ROW_LAST, &statement));
    bind_int(statement, 1, row_key(profile, kind, 0));
    bind_int(statement, 2, row_key(profile, kind, ROW_NUMBER_MAX));
    TRY(sql_step(saving->session, saving->arena, statement, &row));
    uint32_t next = row ? row_number(column_int(statement, 0)) + 1 : 0;
    (void)sqlite3_reset(statement); /* it was read without error */
    if (next > ROW_NUMBER_MAX)
        return err_new(saving->arena, ERR_TOO_LARGE, "A profile has more than a million rows of one kind.");
    *ret = next;
    return NULL;
}

/* Walks a kind's rows of a profile until `same` says yes; -1 where none is. */
static const struct err *row_find(struct saving *saving, profile_no profile, enum row_kind kind,
                                  bool (*same)(sqlite3_stmt *statement, const void *wanted), const void *wanted, int64_t *ret_key, uint64_t *ret_e)
{
    sqlite3_stmt *statement;
    *ret_key = -1;
    TRY(sql_prepare(saving->session, saving->arena, SQL_PERSON_ROWS, &statement));
    bind_int(statement, 1, row_key(profile, kind, 0));
    bind_int(statement, 2, row_key(profile, kind, ROW_NUMBER_MAX));
    for (bool row;;) {
        TRY(sql_step(saving->session, saving->arena, statement, &row));
        if (!row)
            return NULL;
        if (same(statement, wanted)) {
            *ret_key = column_int(statement, 0);
            if (ret_e)
                *ret_e = column_number(statement, 5);
            (void)sqlite3_reset(statement); /* it was read without error */
            return NULL;
        }
    }
}

/* --- profiles */

struct profile_old {
    bool found, root, alive;
    struct uuid id;
    int64_t queued_ms; /* its row in `due` */
};

static const struct err *profile_old(struct saving *saving, int64_t key, struct profile_old *ret)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(saving->session, saving->arena, SQL_PROFILE_OLD, &statement));
    bind_int(statement, 1, key);
    TRY(sql_step(saving->session, saving->arena, statement, &ret->found));
    ret->queued_ms = TIME_FOREVER;
    ret->root = ret->alive = false;
    if (!ret->found)
        return NULL;
    column_copy(statement, 0, ret->id.bytes, 16);
    ret->alive = sqlite3_column_type(statement, 2) == SQLITE_NULL;
    ret->root = ret->alive && column_number(statement, 1) == row_profile(key).value;
    ret->queued_ms = column_time(statement, 3, TIME_FOREVER);
    (void)sqlite3_reset(statement); /* it was read without error */
    return NULL;
}

static const struct err *due_change(struct saving *saving, enum sql sql, int64_t due_ms, profile_no profile)
{
    sqlite3_stmt *statement;
    TRY(sql_prepare(saving->session, saving->arena, sql, &statement));
    bind_int(statement, 1, due_ms);
    bind_number(statement, 2, profile.value);
    return sql_step(saving->session, saving->arena, statement, NULL);
}

static const struct err *profile_save(struct saving *saving, const struct profile *row)
{
    int64_t key = row_key(row->number, ROW_PROFILE, 0);
    struct profile_old old = {.queued_ms = TIME_FOREVER};
    ASSERT(row->number.value > 0 && row->number.value <= PROFILE_NO_MAX);
    if (row->change != CHANGE_NEW)
        TRY(profile_old(saving, key, &old));
    bool gone = row->change == CHANGE_GONE, alive = !gone && row->erased_ms == TIME_NONE;
    bool root = alive && profile_no_equal(row->root, row->number);
    saving->totals.profiles += (uint64_t)alive - (uint64_t)old.alive;
    saving->totals.persons += (uint64_t)root - (uint64_t)old.root;
    if (row->number.value >= saving->totals.profile_next)
        saving->totals.profile_next = row->number.value + 1;
    if (old.found && (gone || !uuid_equal(old.id, row->id)))
        TRY(run_blob_key(saving, SQL_PROFILE_ID_DELETE, old.id.bytes, 0, false));
    if (!gone && (!old.found || !uuid_equal(old.id, row->id)))
        TRY(run_blob_key(saving, SQL_PROFILE_ID_PUT, row->id.bytes, (int64_t)row->number.value, true));
    /* A time that moves later stays queued at the earlier one and is moved when that has come (tidy.c): most moves are small and many. */
    int64_t queued_ms = old.queued_ms;
    bool come = old.queued_ms <= saving->session->store->due_now_ms && old.queued_ms != row->due_ms;
    if (old.queued_ms != TIME_FOREVER && (gone || come || row->due_ms < old.queued_ms)) {
        TRY(due_change(saving, SQL_DUE_DELETE, old.queued_ms, row->number));
        queued_ms = TIME_FOREVER;
    }
    if (!gone && row->due_ms < queued_ms) {
        TRY(due_change(saving, SQL_DUE_PUT, row->due_ms, row->number));
        queued_ms = row->due_ms;
    }
    if (gone)
        return run_key(saving, SQL_PERSON_ROW_DELETE, key);
    sqlite3_stmt *s;
    TRY(row_begin(saving, key, &s));
    bind_uuid(s, 2, &row->id);
    bind_number(s, 3, row->root.value);
    bind_int(s, 4, row->created_ms);
    bind_time(s, 5, row->erased_ms, TIME_NONE);
    bind_time(s, 6, row->due_ms, TIME_FOREVER);
    bind_int(s, 7, row->identifier_next);
    bind_name(s, 8, row->jurisdiction);
    bind_bytes(s, 9, row->sealed);
    bind_number(s, 10, row->version + (row->change == CHANGE_SET)); /* optimistic: a reader sees that it changed */
    bind_time(s, 11, queued_ms, TIME_FOREVER);
    return row_end(saving, s);
}

/* --- identifiers and consents */

static const struct err *identifier_forget(struct saving *saving, const struct identifier *row)
{
    saving->totals.identifiers--;
    seen_forget(saving, row->profile, row->number);
    TRY(run_blob_key(saving, SQL_HASH_DELETE, row->hash.bytes, (int64_t)row->profile.value, true));
    return run_key(saving, SQL_PERSON_ROW_DELETE, row_key(row->profile, ROW_IDENTIFIER, row->number));
}

static const struct err *identifier_save(struct saving *saving, const struct identifier *row)
{
    sqlite3_stmt *s;
    if (row->number == 0 || row->number > ROW_NUMBER_MAX)
        return err_new(saving->arena, ERR_TOO_LARGE, "A profile has had more than a million identifiers.");
    if (row->change == CHANGE_NEW) {
        saving->totals.identifiers++;
        TRY(sql_prepare(saving->session, saving->arena, SQL_HASH_PUT, &s));
        bind_blob(s, 1, row->hash.bytes, sizeof row->hash.bytes);
        bind_number(s, 2, row->profile.value);
        bind_int(s, 3, row->number);
        TRY(sql_step(saving->session, saving->arena, s, NULL));
    }
    TRY(row_begin(saving, row_key(row->profile, ROW_IDENTIFIER, row->number), &s));
    bind_text(s, 2, row->type);
    bind_blob(s, 3, row->hash.bytes, sizeof row->hash.bytes);
    bind_bytes(s, 4, row->sealed);
    bind_int(s, 5, purpose_sets_id(saving->save->sets, row->purposes));
    bind_int(s, 6, row->verified);
    bind_int(s, 7, row->first_seen_ms);
    bind_int(s, 8, row->last_seen_ms);
    bind_uuid(s, 9, &row->message);
    return row_end(saving, s);
}

static void consent_count(struct saving *saving, str purpose, int64_t by)
{
    saving->totals.consents += (uint64_t)by;
    vec_each (delta, &saving->consents)
        if (str_equal(delta->purpose, purpose)) {
            delta->count += by;
            return;
        }
    *(struct consent_delta *)vec_push(saving->arena, &saving->consents) = (struct consent_delta){purpose, by};
}

static const struct err *consents_counted(struct saving *saving)
{
    vec_each (delta, &saving->consents) {
        sqlite3_stmt *statement;
        TRY(sql_prepare(saving->session, saving->arena, SQL_CONSENT_PURPOSE_ADD, &statement));
        bind_text(statement, 1, delta->purpose);
        bind_int(statement, 2, delta->count);
        TRY(sql_step(saving->session, saving->arena, statement, NULL));
    }
    return NULL;
}

static const struct err *consent_forget(struct saving *saving, const struct consent *row)
{
    sqlite3_stmt *statement;
    bool found;
    TRY(sql_prepare(saving->session, saving->arena, SQL_CONSENT_ID_GET, &statement));
    bind_uuid(statement, 1, &row->id);
    TRY(sql_step(saving->session, saving->arena, statement, &found));
    if (!found)
        return NULL;
    int64_t key = column_int(statement, 0);
    (void)sqlite3_reset(statement); /* it was read without error */
    TRY(run_blob_key(saving, SQL_CONSENT_ID_DELETE, row->id.bytes, 0, false));
    TRY(run_key(saving, SQL_PERSON_ROW_DELETE, key));
    consent_count(saving, row->purpose, -1);
    return NULL;
}

static const struct err *consent_key(struct saving *saving, const struct consent *row, int64_t *ret_key)
{
    sqlite3_stmt *statement;
    bool found = false;
    if (row->change == CHANGE_SET) {
        TRY(sql_prepare(saving->session, saving->arena, SQL_CONSENT_ID_GET, &statement));
        bind_uuid(statement, 1, &row->id);
        TRY(sql_step(saving->session, saving->arena, statement, &found));
        if (found) {
            *ret_key = column_int(statement, 0);
            (void)sqlite3_reset(statement); /* it was read without error */
            return NULL;
        }
    }
    uint32_t number;
    if (saving->next_key > row_key(row->profile, ROW_CONSENT, 0) && saving->next_key <= row_key(row->profile, ROW_CONSENT, ROW_NUMBER_MAX))
        number = row_number(saving->next_key); /* the one before was this profile's, too */
    else
        TRY(row_next(saving, row->profile, ROW_CONSENT, &number));
    *ret_key = row_key(row->profile, ROW_CONSENT, number);
    saving->next_key = *ret_key + 1;
    TRY(run_blob_key(saving, SQL_CONSENT_ID_PUT, row->id.bytes, *ret_key, true));
    consent_count(saving, row->purpose, 1);
    return NULL;
}

static const struct err *consent_save(struct saving *saving, const struct consent *row)
{
    sqlite3_stmt *s;
    int64_t key;
    if (row->change == CHANGE_GONE)
        return consent_forget(saving, row);
    TRY(consent_key(saving, row, &key));
    TRY(row_begin(saving, key, &s));
    bind_uuid(s, 2, &row->id);
    bind_int(s, 3, row->identifier);
    bind_int(s, 4, row->verified);
    bind_name(s, 5, row->purpose);
    bind_text(s, 6, str_of(consent_status_name(row->status)));
    bind_name(s, 7, row->notice);
    bind_int(s, 8, row->notice_version);
    bind_int(s, 9, row->explicit_given);
    bind_text(s, 10, str_of(said_by_name(row->by)));
    bind_int(s, 11, row->at_ms);
    bind_int(s, 12, row->known_ms);
    bind_time(s, 13, row->expires_ms, TIME_FOREVER);
    bind_name(s, 14, row->source);
    bind_bytes(s, 15, row->sealed);
    bind_time(s, 16, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
    bind_blob(s, 17, row->leaf_hash, 32);
    return row_end(saving, s);
}

/* --- merges */

static bool same_merge(sqlite3_stmt *s, const void *wanted)
{
    struct uuid id;
    column_copy(s, 1, id.bytes, 16);
    return uuid_equal(id, ((const struct merge *)wanted)->id);
}

static bool same_merge_end(sqlite3_stmt *s, const void *wanted)
{
    return column_int(s, 2) == *(const int64_t *)wanted;
}

/* The row under the right side by which the left one is found; it is there while the merge stands. */
static const struct err *merge_end_save(struct saving *saving, const struct merge *row, int64_t key, bool stands)
{
    int64_t end;
    TRY(row_find(saving, row->right, ROW_MERGE_END, same_merge_end, &key, &end, NULL));
    if (!stands)
        return end < 0 ? NULL : run_key(saving, SQL_PERSON_ROW_DELETE, end);
    if (end >= 0)
        return NULL;
    uint32_t number;
    sqlite3_stmt *s;
    TRY(row_next(saving, row->right, ROW_MERGE_END, &number));
    TRY(row_begin(saving, row_key(row->right, ROW_MERGE_END, number), &s));
    bind_number(s, 2, row->left.value);
    bind_int(s, 3, key);
    return row_end(saving, s);
}

static const struct err *merge_save(struct saving *saving, const struct merge *row)
{
    int64_t key = -1;
    sqlite3_stmt *s;
    if (row->change != CHANGE_NEW)
        TRY(row_find(saving, row->left, ROW_MERGE, same_merge, row, &key, NULL));
    if (row->change == CHANGE_GONE) {
        if (key < 0)
            return NULL;
        TRY(merge_end_save(saving, row, key, false));
        return run_key(saving, SQL_PERSON_ROW_DELETE, key);
    }
    if (key < 0) {
        uint32_t number;
        TRY(row_next(saving, row->left, ROW_MERGE, &number));
        key = row_key(row->left, ROW_MERGE, number);
    }
    TRY(row_begin(saving, key, &s));
    bind_uuid(s, 2, &row->id);
    bind_number(s, 3, row->right.value);
    bind_text(s, 4, row->reason);
    bind_blob(s, 5, row->through_left.bytes, 16);
    bind_blob(s, 6, row->through_right.bytes, 16);
    bind_name(s, 7, row->source);
    bind_int(s, 8, row->at_ms);
    bind_time(s, 9, row->undone_ms, TIME_NONE);
    TRY(row_end(saving, s));
    return merge_end_save(saving, row, key, row->undone_ms == TIME_NONE);
}

/* --- the others */

static const struct err *preferences_save(struct saving *saving, const struct preferences *row)
{
    int64_t key = row_key(row->profile, ROW_PREFERENCES, 0);
    sqlite3_stmt *s;
    if (row->change == CHANGE_GONE)
        return run_key(saving, SQL_PERSON_ROW_DELETE, key);
    TRY(row_begin(saving, key, &s));
    bind_int(s, 2, row->at_ms);
    bind_bytes(s, 3, row->sealed);
    return row_end(saving, s);
}

static bool same_refused(sqlite3_stmt *s, const void *wanted)
{
    const struct refused_join *row = wanted;
    return column_number(s, 1) == row->right.value && str_equal(column_borrow(s, 2), row->type) && str_equal(column_borrow(s, 3), row->reason);
}

static const struct err *refused_save(struct saving *saving, const struct refused_join *row)
{
    int64_t key;
    sqlite3_stmt *s;
    TRY(row_find(saving, row->left, ROW_REFUSED, same_refused, row, &key, NULL));
    if (row->change == CHANGE_GONE)
        return key < 0 ? NULL : run_key(saving, SQL_PERSON_ROW_DELETE, key);
    if (key < 0) {
        uint32_t number;
        TRY(row_next(saving, row->left, ROW_REFUSED, &number));
        key = row_key(row->left, ROW_REFUSED, number);
    }
    TRY(row_begin(saving, key, &s));
    bind_number(s, 2, row->right.value);
    bind_text(s, 3, row->type);
    bind_text(s, 4, row->reason);
    bind_number(s, 5, row->count);
    bind_int(s, 6, row->first_ms);
    bind_int(s, 7, row->last_ms);
    return row_end(saving, s);
}

static const struct err *fact_page_save(struct saving *saving, const struct fact_page *row)
{
    int64_t key = row_key(row->profile, ROW_FACT_PAGE, row->number);
    sqlite3_stmt *s;
    bool found;
    if (row->number == 0 || row->number > ROW_NUMBER_MAX)
        return err_new(saving->arena, ERR_TOO_LARGE, "A profile has more than a million pages of facts.");
    if (row->change != CHANGE_NEW) {
        TRY(sql_prepare(saving->session, saving->arena, SQL_FACT_PAGE_OLD, &s));
        bind_int(s, 1, key);
        TRY(sql_step(saving->session, saving->arena, s, &found));
        saving->totals.facts -= found ? column_number(s, 0) : 0;
        (void)sqlite3_reset(s); /* it was read without error */
    }
    if (row->change == CHANGE_GONE)
        return run_key(saving, SQL_PERSON_ROW_DELETE, key);
    saving->totals.facts += row->fact_count;
    TRY(row_begin(saving, key, &s));
    bind_int(s, 2, row->identifier);
    bind_int(s, 3, purpose_sets_id(saving->save->sets, row->purposes));
    bind_int(s, 4, row->key_class);
    bind_int(s, 5, row->fact_count);
    bind_int(s, 6, row->observed_first_ms);
    bind_int(s, 7, row->observed_last_ms);
    bind_bytes(s, 8, row->sealed);
    return row_end(saving, s);
}

static bool same_disclosure(sqlite3_stmt *s, const void *wanted)
{
    const struct disclosure *row = wanted;
    return str_equal(column_borrow(s, 1), row->destination) && str_equal(column_borrow(s, 2), row->purpose);
}

const struct err *save_disclosure(struct saving *saving, const struct disclosure *row, bool add)
{
    int64_t key, first_ms = row->first_ms;
    uint64_t count = 0;
    sqlite3_stmt *s;
    TRY(row_find(saving, row->profile, ROW_DISCLOSURE, same_disclosure, row, &key, &count));
    if (!add && row->change == CHANGE_GONE)
        return key < 0 ? NULL : run_key(saving, SQL_PERSON_ROW_DELETE, key);
    if (key < 0) {
        uint32_t number;
        TRY(row_next(saving, row->profile, ROW_DISCLOSURE, &number));
        key = row_key(row->profile, ROW_DISCLOSURE, number);
    } else if (add) {
        TRY(sql_prepare(saving->session, saving->arena, SQL_PERSON_ROWS, &s));
        bind_int(s, 1, key);
        bind_int(s, 2, key);
        bool found;
        TRY(sql_step(saving->session, saving->arena, s, &found));
        first_ms = found ? column_int(s, 3) : first_ms;
        (void)sqlite3_reset(s); /* it was read without error */
    }
    TRY(row_begin(saving, key, &s));
    bind_text(s, 2, row->destination);
    bind_text(s, 3, row->purpose);
    bind_int(s, 4, first_ms);
    bind_int(s, 5, row->last_ms);
    bind_number(s, 6, add ? count + row->count : row->count);
    return row_end(saving, s);
}

/* --- all of them */

static const struct err *person_save(struct saving *saving, struct person *person)
{
    vec_each (row, &person->profiles)
        if (row->change)
            TRY(profile_save(saving, row));
    vec_each (row, &person->identifiers) {
        bool taken = false;
        if (row->change == CHANGE_SET)
            TRY(seen_take(saving, row, &taken));
        if (!taken && (row->change == CHANGE_NEW || row->change == CHANGE_SET))
            TRY(identifier_save(saving, row));
    }
    TRY(seen_flush(saving));
    vec_each (row, &person->consents)
        if (row->change)
            TRY(consent_save(saving, row));
    vec_each (row, &person->merges)
        if (row->change)
            TRY(merge_save(saving, row));
    vec_each (row, &person->preferences)
        if (row->change)
            TRY(preferences_save(saving, row));
    vec_each (row, &person->refused)
        if (row->change)
            TRY(refused_save(saving, row));
    vec_each (row, &person->fact_pages)
        if (row->change)
            TRY(fact_page_save(saving, row));
    vec_each (row, &person->disclosures)
        if (row->change)
            TRY(save_disclosure(saving, row, false));
    return NULL;
}

const struct err *save_persons(struct saving *saving)
{
    struct batch *batch = saving->save->batch;
    /* first what goes: an identifier may leave one profile and come to another in the same commit */
    vec_each (person, &batch->persons)
        vec_each (row, &(*person)->identifiers)
            if (row->change == CHANGE_GONE)
                TRY(identifier_forget(saving, row));
    vec_each (person, &batch->persons)
        TRY(person_save(saving, *person));
    return consents_counted(saving);
}
