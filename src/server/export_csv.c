/* The export's tables for spreadsheets (RFC 4180: CRLF, quotes doubled, UTF-8). A cell that a spreadsheet would take for a formula begins with an
 * apostrophe. */
#include "server/export_private.h"
#include "server/page.h"

#include <stdio.h>
#include <string.h>

/* "=1+1" and the like; "+36201234567" and "-5" are only numbers. */
static bool formula(str text)
{
    if (!text.length || !strchr("=+-@\t\r", text.data[0]))
        return false;
    size_t digits = 1;
    while (digits < text.length && strchr("0123456789.", text.data[digits]))
        digits++;
    return (text.data[0] != '+' && text.data[0] != '-') || digits == 1 || digits < text.length;
}

static void cell(struct export *export, str text, bool last)
{
    struct buf *out = &export->out;
    buf_add_char(out, '"');
    if (formula(text))
        buf_add_char(out, '\'');
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, text.data[i]);
    }
    buf_add(out, last ? STR("\"\r\n") : STR("\","));
}

static void cell_time(struct export *export, int64_t time_ms, bool last)
{
    char text[TIME_TEXT_SIZE];
    cell(export, time_ms == TIME_NONE || time_ms == TIME_FOREVER ? STR_NONE : time_text(time_ms, text), last);
}

static void cell_number(struct export *export, uint64_t number, bool last)
{
    char digits[24];
    cell(export, str_bytes(digits, (size_t)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number)), last);
}

static void cell_purposes(struct export *export, purpose_mask mask, bool last)
{
    struct buf names;
    buf_init(&names, &export->slice, (size_t)LIMIT_PURPOSES * (LIMIT_NAME_BYTES + 1));
    vec_each (purpose, &export->policy->purposes)
        if (mask & purpose->self) {
            if (names.length)
                buf_add_char(&names, ' ');
            buf_add(&names, purpose->name);
        }
    cell(export, buf_str(&names), last);
}

static void table(struct export *export, const char *name, str head)
{
    zip_file(export->zip, name, export->made_ms);
    buf_clear(&export->out);
    buf_add(&export->out, head);
    buf_add(&export->out, STR("\r\n"));
}

static void table_end(struct export *export)
{
    export_flush(export);
    arena_clear(&export->slice);
}

static void facts(struct export *export)
{
    table(export, "csv/identifiers.csv", STR("type,value,verified,first_seen,last_seen,purposes"));
    vec_each (row, &export->person->identifiers) {
        if (str_empty(row->value) || !(row->purposes & export->mask))
            continue;
        cell(export, row->type, false);
        cell(export, row->value, false);
        cell(export, row->verified ? STR("yes") : STR("no"), false);
        cell_time(export, row->first_seen_ms, false);
        cell_time(export, row->last_seen_ms, false);
        cell_purposes(export, row->purposes, true);
    }
    table_end(export);
    table(export, "csv/facts.csv", STR("name,value,source,observed_at,received_at,purposes"));
    vec_each (row, &export->person->facts) {
        if (!export_takes(export, row->purposes, row->source))
            continue;
        cell(export, row->name, false);
        cell(export, export_words(&export->slice, row->value), false);
        cell(export, row->source, false);
        cell_time(export, row->observed_ms, false);
        cell_time(export, row->received_ms, false);
        cell_purposes(export, row->purposes, true);
    }
    table_end(export);
}

static void event_row(struct export *export, const struct event *event, const struct event_part *part)
{
    cell(export, uuid_format(&export->slice, event->id), false);
    cell(export, str_of(event_type_name(event->type)), false);
    cell_time(export, event->at_ms, false);
    cell(export, event->source, false);
    cell_purposes(export, part->purposes, false);
    cell(export, export_words(&export->slice, part->body), true);
}

static void events(struct export *export)
{
    table(export, "csv/events.csv", STR("id,type,at,source,purposes,content"));
    export_flush(export);
    export_events(export, event_row);
}

static void statements(struct export *export)
{
    table(export, "csv/consents.csv", STR("id,purpose,status,at,known_at,expires,notice,notice_version,by,source,method,reference,ledger_index"));
    vec_each (row, &export->person->consents) {
        cell(export, uuid_format(&export->slice, row->id), false);
        cell(export, row->purpose, false);
        cell(export, str_of(consent_status_name(row->status)), false);
        cell_time(export, row->at_ms, false);
        cell_time(export, row->known_ms, false);
        cell_time(export, row->expires_ms, false);
        cell(export, row->notice, false);
        cell_number(export, row->notice_version, false);
        cell(export, str_of(said_by_name(row->by)), false);
        cell(export, row->source, false);
        cell(export, row->method, false);
        cell(export, row->reference, false);
        cell_number(export, row->ledger_index, true);
    }
    table_end(export);
}

static void why(struct export *export)
{
    struct page page = {.arena = &export->slice, .policy = export->policy, .language = PAGE_EN};
    table(export, "csv/purposes.csv", STR("purpose,title,basis,article,law,interest,retention"));
    vec_each (row, &export->policy->purposes) {
        cell(export, row->name, false);
        cell(export, row->title, false);
        cell(export, str_of(basis_name(row->basis)), false);
        cell(export, str_of(basis_article(row->basis)), false);
        cell(export, row->law, false);
        cell(export, row->interest, false);
        cell(export, page_kept(&page, row), true);
    }
    table_end(export);
    table(export, "csv/recipients.csv", STR("recipient,destination,purpose,country,safeguard,first,last,count"));
    vec_each (row, &export->person->disclosures) {
        const struct destination *destination = policy_destination(export->policy, row->destination);
        cell(export, destination ? destination->recipient : STR_NONE, false);
        cell(export, row->destination, false);
        cell(export, row->purpose, false);
        cell(export, destination ? destination->country : STR_NONE, false);
        cell(export, destination ? destination->safeguard : STR_NONE, false);
        cell_time(export, row->first_ms, false);
        cell_time(export, row->last_ms, false);
        cell_number(export, row->count, true);
    }
    table_end(export);
}

#define READS_PAGE 1000

/* Who looked, when and for what: the token names no person of the staff, but the controller knows whose it is. */
static void reads(struct export *export)
{
    uint64_t before = 0;
    profile_no *numbers = arena_array(export->arena, profile_no, export->person->profiles.count + 1);
    for (size_t i = 0; i < export->person->profiles.count; i++)
        numbers[i] = export->person->profiles.items[i].number;
    table(export, "csv/reads.csv", STR("at,purpose,what,token"));
    for (size_t count = READS_PAGE; count == READS_PAGE && !export->error && !zip_broken(export->zip);) {
        struct read_row *rows = NULL;
        const struct err *error = engine_store(export->server->engine)->reads(reader_session(export->reader), &export->slice, numbers,
                                                                              export->person->profiles.count, before, READS_PAGE, &rows, &count);
        if (error) {
            export->error = err_new(export->arena, error->code, "%s", error->text);
            return;
        }
        for (size_t i = 0; i < count; i++) {
            before = rows[i].number;
            cell_time(export, rows[i].at_ms, false);
            cell(export, rows[i].purpose, false);
            cell(export, rows[i].what, false);
            cell(export, uuid_is_zero(rows[i].token) ? STR_NONE : uuid_format(&export->slice, rows[i].token), true);
        }
        table_end(export);
    }
}

void export_csv(struct export *export)
{
    facts(export);
    events(export);
    if (!export->access)
        return;
    statements(export);
    why(export);
    reads(export);
}
