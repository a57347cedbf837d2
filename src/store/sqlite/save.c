/* One save is one transaction; memory follows it only when it is durable. */
#include "store/sqlite/sqlite_private.h"
#include "store/sqlite/statements.h"

#include "model/key_class.h"

static const struct err *step(struct saving *saving, sqlite3_stmt *statement)
{
    return sql_step(saving->session, saving->arena, statement, NULL);
}

static const struct err *prepare(struct saving *saving, enum sql sql, sqlite3_stmt **ret)
{
    return sql_prepare(saving->session, saving->arena, sql, ret);
}

static const struct err *save_row(struct saving *saving, const struct batch_row *row)
{
    sqlite3_stmt *s;
    TRY(prepare(saving, SQL_BATCH_INSERT, &s));
    bind_number(s, 1, row->number);
    bind_int(s, 2, row->at_ms);
    bind_int(s, 3, row->policy_version);
    bind_int(s, 4, row->message_count);
    bind_time(s, 5, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
    bind_bytes(s, 6, row->dedupe);
    bind_bytes(s, 7, row->profiles);
    bind_bytes(s, 8, row->decisions);
    return step(saving, s);
}

static const struct err *save_reads(struct saving *saving)
{
    vec_each (row, &saving->save->reads) {
        sqlite3_stmt *s;
        uint64_t number = saving->totals.read_next++, previous = 0;
        if (row->profile.value)
            previous = chain_push(&saving->session->store->chains, &saving->chains, CHAIN_READS, row->profile.value, number);
        TRY(prepare(saving, SQL_READ_INSERT, &s));
        bind_number(s, 1, number);
        bind_time(s, 2, (int64_t)previous, 0);
        bind_int(s, 3, row->at_ms);
        bind_blob(s, 4, row->token.bytes, uuid_is_zero(row->token) ? 0 : 16);
        bind_number(s, 5, row->profile.value);
        bind_text(s, 6, row->purpose);
        bind_text(s, 7, row->what);
        bind_time(s, 8, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
        TRY(step(saving, s));
    }
    return NULL;
}

static const struct err *save_tokens(struct saving *saving)
{
    vec_each (row, &saving->save->tokens) {
        sqlite3_stmt *s;
        TRY(prepare(saving, SQL_TOKEN_PUT, &s));
        bind_uuid(s, 1, &row->id);
        bind_text(s, 2, row->role);
        bind_text(s, 3, row->purposes);
        bind_text(s, 4, row->label);
        bind_blob(s, 5, row->hash, sizeof row->hash);
        bind_int(s, 6, row->created_ms);
        bind_time(s, 7, row->expires_ms, TIME_FOREVER);
        bind_time(s, 8, row->revoked_ms, TIME_NONE);
        TRY(step(saving, s));
    }
    return NULL;
}

static const struct err *save_users(struct saving *saving)
{
    vec_each (row, &saving->save->users)
        TRY(user_put(saving->session, saving->arena, row));
    vec_each (row, &saving->save->sessions)
        TRY(session_put(saving->session, saving->arena, row));
    vec_each (id, &saving->save->sessions_gone)
        TRY(session_delete(saving->session, saving->arena, *id));
    return NULL;
}

static const struct err *save_policy(struct saving *saving, const struct policy_row *row)
{
    sqlite3_stmt *s;
    TRY(prepare(saving, SQL_POLICY_PUT, &s));
    bind_int(s, 1, row->version);
    bind_int(s, 2, row->activated_ms);
    bind_blob(s, 3, row->sha256, sizeof row->sha256);
    bind_time(s, 4, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
    bind_blob(s, 5, row->by.bytes, uuid_is_zero(row->by) ? 0 : 16);
    bind_text(s, 6, row->text);
    bind_text(s, 7, row->notices);
    return step(saving, s);
}

static const struct err *save_settings(struct saving *saving)
{
    for (size_t i = 0; i < saving->save->setting_count; i++) {
        sqlite3_stmt *s;
        str key = saving->save->settings[i].key, value = saving->save->settings[i].value;
        TRY(prepare(saving, value.data ? SQL_SETTING_PUT : SQL_SETTING_DELETE, &s));
        bind_text(s, 1, key);
        if (value.data)
            ASSERT(sqlite3_bind_blob(s, 2, value.data, (int)value.length, SQLITE_STATIC) == SQLITE_OK); /* an empty value is a value */
        TRY(step(saving, s));
    }
    return NULL;
}

static const struct err *save_counters(struct saving *saving)
{
    vec_each (row, &saving->save->batch->counters) {
        sqlite3_stmt *s;
        TRY(prepare(saving, SQL_COUNTER_ADD, &s));
        bind_int(s, 1, row->day_ms);
        bind_text(s, 2, row->source);
        bind_text(s, 3, row->what);
        bind_text(s, 4, row->field);
        bind_text(s, 5, row->reason);
        bind_number(s, 6, row->count);
        TRY(step(saving, s));
    }
    return NULL;
}

/* With the key that commits them gone, the records behind a profile's leaves say nothing to anyone: the rows follow. */
static const struct err *save_key_ends(struct saving *saving)
{
    vec_each (end, &saving->save->batch->key_ends) {
        sqlite3_stmt *s;
        if (end->renew || !(end->class_mask & KEY_CLASS_BIT(KEY_EVIDENCE)))
            continue;
        TRY(prepare(saving, SQL_LEDGER_FORGET, &s));
        bind_number(s, 1, end->profile.value);
        TRY(step(saving, s));
        TRY(prepare(saving, SQL_RIGHTS_FORGET, &s));
        bind_number(s, 1, end->profile.value);
        TRY(step(saving, s));
    }
    return NULL;
}

/* Sets that the rows of this save name and the file has not yet. Readers must know them as soon as they can see the rows. */
static const struct err *save_sets(struct saving *saving)
{
    struct store_sqlite *store = saving->session->store;
    uint32_t position = (uint32_t)store->sets.count, id;
    str names;
    pthread_mutex_lock(&store->lock);
    while (saving->save->sets && purpose_sets_next(saving->save->sets, &position, &id, &names))
        *(str *)vec_push(&store->arena, &store->sets) = str_copy(&store->arena, names);
    pthread_mutex_unlock(&store->lock);
    for (size_t i = store->sets_saved; i < store->sets.count; i++) {
        sqlite3_stmt *s;
        TRY(prepare(saving, SQL_PURPOSE_SET_INSERT, &s));
        bind_number(s, 1, i + 1);
        bind_text(s, 2, store->sets.items[i]);
        TRY(step(saving, s));
    }
    return NULL;
}

static const struct err *save_journal(struct saving *saving)
{
    const struct journal_totals *totals = &saving->totals;
    const uint64_t values[] = {saving->session->store->journal_number + 1, totals->profiles, totals->persons, totals->identifiers, totals->facts,
                               totals->events, totals->consents, totals->held, totals->pending, totals->profile_next, totals->event_next,
                               totals->outbox_next, totals->held_next, totals->read_next};
    sqlite3_stmt *s;
    TRY(prepare(saving, SQL_JOURNAL_INSERT, &s));
    for (int i = 0; i < (int)(sizeof values / sizeof *values); i++)
        bind_number(s, i + 1, values[i]);
    bind_bytes(s, 15, buf_str(&saving->chains.journal));
    return step(saving, s);
}

static void numbers_raise(struct saving *saving, const struct store_totals *least)
{
#define RAISE(name) saving->totals.name = saving->totals.name < least->name ? least->name : saving->totals.name
    RAISE(profile_next);
    RAISE(event_next);
    RAISE(outbox_next);
    RAISE(held_next);
#undef RAISE
}

static const struct err *save_all(struct saving *saving)
{
    struct save *save = saving->save;
    if (save->batch) {
        TRY(save_persons(saving));
        TRY(save_events(saving));
        TRY(save_held(saving));
        TRY(save_counters(saving));
    }
    TRY(save_outbox(saving));
    if (save->row)
        TRY(save_row(saving, save->row));
    TRY(save_ledger(saving));
    TRY(save_decisions(saving));
    TRY(save_rights(saving));
    if (save->batch)
        TRY(save_key_ends(saving));
    vec_each (disclosure, &save->disclosures)
        TRY(save_disclosure(saving, disclosure, true));
    TRY(save_reads(saving));
    TRY(save_tokens(saving));
    TRY(save_users(saving));
    if (save->policy)
        TRY(save_policy(saving, save->policy));
    TRY(save_settings(saving));
    if (save->numbers)
        numbers_raise(saving, save->numbers);
    TRY(save_sets(saving));
    return save_journal(saving);
}

/* It is durable: what is in memory follows. */
static void save_done(struct saving *saving)
{
    struct store_sqlite *store = saving->session->store;
    store->sets_saved = store->sets.count;
    if (saving->save->sets)
        purpose_sets_saved(saving->save->sets);
    store->totals = saving->totals;
    store->journal_number++;
    chains_apply(&store->chains, &saving->chains, store->journal_number);
}

const struct err *sqlite_save(struct store_session *store_session, struct arena *arena, struct save *save)
{
    struct sqlite_session *session = session_of(store_session);
    struct saving saving = {.session = session, .arena = arena, .save = save, .totals = session->store->totals};
    ASSERT(session->writes);
    chain_changes_init(&saving.chains, arena);
    if (save->sets)
        sets_sync(session->store, save->sets);
    const struct err *err = transaction_begin(session, arena, true);
    if (!err)
        err = save_all(&saving);
    if (!err)
        err = transaction_commit(session, arena);
    if (err) {
        transaction_abandon(session);
        return err;
    }
    save_done(&saving);
    return NULL;
}
