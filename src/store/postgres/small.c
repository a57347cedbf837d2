/* Saving the small tables: rights requests, keys' ends, counters, reads, tokens, the policy, settings. */
#include "store/postgres/postgres_private.h"
#include "store/postgres/statements.h"

#include "model/key_class.h"

static void rights_save(struct saving *saving)
{
    const struct save *save = saving->save;
    struct rows rows = rows_make(saving->arena, "untttnnnntb");
    str *keys = arena_array(saving->arena, str, save->rights.count);
    for (size_t i = 0; i < save->rights.count; i++)
        keys[i] = str_bytes(save->rights.items[i].id.bytes, 16);
    const bool *last = last_of_key(saving->arena, keys, save->rights.count);
    for (size_t i = 0; i < save->rights.count; i++) {
        const struct rights_request *row = &save->rights.items[i];
        if (!last[i])
            continue;
        put_uuid(&rows, row->id);
        put_time(&rows, (int64_t)row->profile.value, 0);
        put_text(&rows, str_of(right_name(row->right)));
        put_text(&rows, str_of(rights_state_name(row->state)));
        put_text(&rows, row->channel);
        put_int(&rows, row->opened_ms);
        put_int(&rows, row->due_ms);
        put_time(&rows, row->done_ms, TIME_NONE);
        put_time(&rows, row->watch_ms, TIME_FOREVER);
        put_text(&rows, row->record);
        put_blob(&rows, row->sealed);
    }
    pipe_add_rows(saving->session, SQL_RIGHTS_PUT, &rows);
}

static void decisions_save(struct saving *saving)
{
    struct rows gone = rows_make(saving->arena, "n"), put = rows_make(saving->arena, "nniib");
    vec_each (profile, &saving->save->decisions_gone)
        put_number(&gone, profile->value);
    vec_each (row, &saving->save->decisions) {
        put_number(&put, row->profile.value);
        put_number(&put, row->batch);
        put_int(&put, row->part);
        put_int(&put, row->count);
        put_blob(&put, row->sealed);
    }
    pipe_add_rows(saving->session, SQL_DECISIONS_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_DECISIONS_PUT, &put);
}

/* With the key that commits them gone, the records behind a profile's leaves say nothing to anyone: the rows follow. */
static void key_ends_save(struct saving *saving)
{
    struct rows rows = rows_make(saving->arena, "n");
    vec_each (end, &saving->save->batch->key_ends)
        if (!end->renew && end->class_mask & KEY_CLASS_BIT(KEY_EVIDENCE))
            put_number(&rows, end->profile.value);
    pipe_add_rows(saving->session, SQL_LEDGER_FORGET, &rows);
    pipe_add_rows(saving->session, SQL_RIGHTS_FORGET, &rows);
}

static void counters_save(struct saving *saving)
{
    struct rows rows = rows_make(saving->arena, "nttttn");
    vec_each (row, &saving->save->batch->counters) {
        put_int(&rows, row->day_ms);
        put_text(&rows, row->source);
        put_text(&rows, row->what);
        put_text(&rows, row->field);
        put_text(&rows, row->reason);
        put_number(&rows, row->count);
    }
    pipe_add_rows(saving->session, SQL_COUNTER_ADD, &rows);
}

static void reads_save(struct saving *saving)
{
    struct rows rows = rows_make(saving->arena, "nnunttn");
    uint64_t number = saving->session->read_next;
    vec_each (row, &saving->save->reads) {
        put_number(&rows, number++);
        put_int(&rows, row->at_ms);
        put_uuid_or_null(&rows, row->token);
        put_number(&rows, row->profile.value);
        put_text(&rows, row->purpose);
        put_text(&rows, row->what);
        put_time(&rows, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
    }
    pipe_add_rows(saving->session, SQL_READ_INSERT, &rows);
}

static void tokens_save(struct saving *saving)
{
    const struct save *save = saving->save;
    struct rows rows = rows_make(saving->arena, "utttbnnn");
    str *keys = arena_array(saving->arena, str, save->tokens.count);
    for (size_t i = 0; i < save->tokens.count; i++)
        keys[i] = str_bytes(save->tokens.items[i].id.bytes, 16);
    const bool *last = last_of_key(saving->arena, keys, save->tokens.count);
    for (size_t i = 0; i < save->tokens.count; i++) {
        const struct token_row *row = &save->tokens.items[i];
        if (!last[i])
            continue;
        put_uuid(&rows, row->id);
        put_text(&rows, row->role);
        put_text(&rows, row->purposes);
        put_text(&rows, row->label);
        put_bytes(&rows, row->hash, sizeof row->hash);
        put_int(&rows, row->created_ms);
        put_time(&rows, row->expires_ms, TIME_FOREVER);
        put_time(&rows, row->revoked_ms, TIME_NONE);
    }
    pipe_add_rows(saving->session, SQL_TOKEN_PUT, &rows);
}

static void policy_save(struct saving *saving, const struct policy_row *row)
{
    struct rows rows = rows_make(saving->arena, "inbnutt");
    put_int(&rows, row->version);
    put_int(&rows, row->activated_ms);
    put_bytes(&rows, row->sha256, sizeof row->sha256);
    put_time(&rows, (int64_t)row->ledger_index, -1); /* UINT64_MAX: none */
    put_uuid_or_null(&rows, row->by);
    put_text(&rows, row->text);
    put_text(&rows, row->notices);
    pipe_add_rows(saving->session, SQL_POLICY_INSERT, &rows);
}

static void settings_save(struct saving *saving)
{
    const struct save *save = saving->save;
    struct rows put = rows_make(saving->arena, "tb"), gone = rows_make(saving->arena, "t");
    str *keys = arena_array(saving->arena, str, save->setting_count);
    for (size_t i = 0; i < save->setting_count; i++)
        keys[i] = save->settings[i].key;
    const bool *last = last_of_key(saving->arena, keys, save->setting_count);
    for (size_t i = 0; i < save->setting_count; i++) {
        if (!last[i])
            continue;
        put_text(save->settings[i].value.data ? &put : &gone, save->settings[i].key);
        if (save->settings[i].value.data)
            put_value(&put, save->settings[i].value);
    }
    pipe_add_rows(saving->session, SQL_SETTING_DELETE, &gone);
    pipe_add_rows(saving->session, SQL_SETTING_PUT, &put);
}

void queue_small(struct saving *saving)
{
    decisions_save(saving);
    rights_save(saving);
    if (saving->save->batch) {
        key_ends_save(saving);
        counters_save(saving);
    }
    reads_save(saving);
    tokens_save(saving);
    users_save(saving);
    if (saving->save->policy)
        policy_save(saving, saving->save->policy);
    settings_save(saving);
}
