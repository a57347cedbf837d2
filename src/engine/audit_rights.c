/* The audit of rights requests (P4): each step that a request tells of is a leaf of the ledger that says the same, each leaf of that kind has its
 * request, and state and deadline are those of the last step. So neither a step nor its time can be made up, changed or left out.
 */
#include "core/rights.h"
#include "engine/audit_private.h"

#include <stdlib.h>

#define ROWS_AT_ONCE 256

static str at_request(struct audit *audit, struct uuid id)
{
    return str_printf(&audit->slice, "rights request %.*s", STR_FMT(uuid_format(&audit->slice, id)));
}

static bool is_time(const struct json *record, const char *name, int64_t at_ms)
{
    int64_t said_ms;
    return time_parse(json_string(json_get(record, str_of(name))), &said_ms) && said_ms == at_ms;
}

static bool is_text(const struct json *record, const char *name, str text) { return str_equal(json_string(json_get(record, str_of(name))), text); }

static bool is_id(const struct json *record, const char *name, struct uuid id)
{
    struct uuid said = {0};
    const struct json *member = json_get(record, str_of(name));
    return (!member || uuid_parse(json_string(member), &said)) && uuid_equal(said, id);
}

/* What the leaf says of the step that is not as the request tells it; NULL: all is. */
static const char *step_differs(const struct json *leaf, const struct rights_request *row, const struct rights_step *step)
{
    if (!is_id(leaf, "id", row->id))
        return "another request";
    if (!is_text(leaf, "right", str_of(right_name(row->right))))
        return "another right";
    if (!is_text(leaf, "step", str_of(rights_step_name(step->kind))))
        return "another step";
    if (!is_time(leaf, "at", step->at_ms))
        return "another time";
    if (!is_text(leaf, "role", step->role) || !is_id(leaf, "token", step->token))
        return "that somebody else did it";
    return is_text(leaf, "code", step->code) ? NULL : "another reason";
}

static const struct err *leaf_of(struct audit *audit, uint64_t index, struct json *ret_leaf, bool *ret_found)
{
    struct ledger_row row;
    struct entry entry;
    TRY(ledger_row_get(audit->ops, audit->session, &audit->slice, index, &row, ret_found));
    *ret_found = *ret_found && !entry_parse(&audit->slice, row.entry, &entry) && entry.form == ENTRY_CLEAR && str_equal(entry.kind, STR("rights")) &&
                 !json_read(&audit->slice, entry.record, ret_leaf);
    return NULL;
}

static void last_check(struct audit *audit, const struct json *leaf, const struct rights_request *row)
{
    if (!is_text(leaf, "state", str_of(rights_state_name(row->state))))
        audit_report(audit, "P4", at_request(audit, row->id), "it is %s, but its last step in the ledger led elsewhere", rights_state_name(row->state));
    if (!is_time(leaf, "due", row->due_ms))
        audit_report(audit, "P4", at_request(audit, row->id), "its deadline is not the one of its last step in the ledger");
}

static const struct err *request_check(struct audit *audit, const struct rights_request *row)
{
    struct rights_record record;
    if (rights_record_read(&audit->slice, row->record, &record)) {
        audit_report(audit, "P4", at_request(audit, row->id), "its record cannot be read");
        return NULL;
    }
    if (!record.steps.count || record.steps.items[0].at_ms != row->opened_ms)
        audit_report(audit, "P4", at_request(audit, row->id), "it was not opened when its first step says");
    vec_each (step, &record.steps) {
        struct json leaf;
        bool found = false, last = step == &record.steps.items[record.steps.count - 1];
        if (step->ledger_index < audit->ledger_size)
            *(uint64_t *)vec_push(audit->arena, &audit->rights_told) = step->ledger_index;
        TRY(leaf_of(audit, step->ledger_index, &leaf, &found));
        const char *differs = found ? step_differs(&leaf, row, step) : "nothing of it";
        if (differs)
            audit_report(audit, "P4", at_request(audit, row->id), "of its step `%s` ledger entry %llu says %s", rights_step_name(step->kind),
                         (unsigned long long)step->ledger_index, differs);
        else if (last)
            last_check(audit, &leaf, row);
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Steps that stand in the ledger and that no request tells of. */
static void untold_report(struct audit *audit)
{
    size_t told = 0;
    if (audit->rights_told.count)
        qsort(audit->rights_told.items, audit->rights_told.count, sizeof(uint64_t), by_number);
    vec_each (index, &audit->rights_leaves) {
        while (told < audit->rights_told.count && audit->rights_told.items[told] < *index)
            told++;
        if (told == audit->rights_told.count || audit->rights_told.items[told] != *index)
            audit_report(audit, "P4", str_printf(&audit->slice, "ledger entry %llu", (unsigned long long)*index),
                         "it is a step of a rights request, but no request tells of it");
    }
}

const struct err *audit_rights(struct audit *audit)
{
    struct rights_query query = {.state = -1, .watch_ms = TIME_NONE, .max = ROWS_AT_ONCE};
    for (;;) {
        struct rights_request *rows = NULL;
        size_t count = 0;
        TRY(audit->ops->rights(audit->session, &audit->slice, &query, &rows, &count));
        for (size_t i = 0; i < count; i++)
            TRY(request_check(audit, &rows[i]));
        if (count)
            query.before = rows[count - 1].id;
        arena_clear(&audit->slice);
        if (count < ROWS_AT_ONCE)
            break;
    }
    untold_report(audit);
    arena_clear(&audit->slice);
    return NULL;
}
