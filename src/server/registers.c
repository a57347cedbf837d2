/* The registers of an audit: what was taken and left out (counters), what was denied and why, and who read whose data.
 *
 * 1. Counters and denials name no person: days, sources, fields, purposes, reasons, numbers.
 * 2. The register of reads names people by the UUID of their profile alone, so an auditor may see it; to ask for one person by an identifier takes a
 *    role that may know persons.
 * 3. A page of reads looks at no more than READS_LOOKED_AT rows: where a filter finds little it is short, and `next` goes on.
 */
#include "server/server_private.h"

#include <stdlib.h>

#define READS_DEFAULT 100
#define READS_STEP 1000
#define READS_LOOKED_AT 20000

/* Of the days asked for; without any, of the last thirty. */
static const struct err *counters_of(struct call *call, struct counter **ret_rows, size_t *ret_count)
{
    struct reader *reader;
    int64_t from_ms = call->received_ms - 30 * DAY_MS, to_ms = call->received_ms + DAY_MS;
    TRY(call_query_time(call, "from", &from_ms));
    TRY(call_query_time(call, "to", &to_ms));
    TRY(call_reader(call, &reader));
    return engine_store(call->server->engine)->counters(reader_session(reader), &call->arena, from_ms, to_ms, ret_rows, ret_count);
}

/* GET /v1/counters: what was taken and what was left out, by day, source, field and reason; no person in it. */
const struct err *counters_get(struct call *call)
{
    struct counter *rows;
    struct jsonw w;
    size_t count;
    TRY(counters_of(call, &rows, &count));
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("counters"));
    jsonw_array(&w);
    for (size_t i = 0; i < count; i++) {
        jsonw_object(&w);
        jsonw_field_time(&w, "day", rows[i].day_ms);
        jsonw_field(&w, "source", rows[i].source);
        jsonw_field(&w, "what", rows[i].what);
        jsonw_field(&w, "field", rows[i].field);
        jsonw_field(&w, "reason", rows[i].reason);
        jsonw_field_int(&w, "count", (int64_t)rows[i].count);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- denials ---- */

enum { BY_REASON = 1, BY_DAY = 2, BY_SOURCE = 4, BY_WHAT = 8, BY_FIELD = 16 };
static const struct {
    const char *name;
    unsigned by;
} groupings[] = {{"reason", BY_REASON}, {"day", BY_DAY | BY_REASON}, {"source", BY_SOURCE | BY_WHAT | BY_REASON},
                 {"what", BY_WHAT | BY_REASON}, {"field", BY_FIELD | BY_REASON}, {"all", 31}};

static const struct err *read_grouping(struct call *call, unsigned *ret_by)
{
    str name = call_query(call, "by");
    *ret_by = BY_REASON;
    for (size_t i = 0; i < sizeof(groupings) / sizeof(*groupings); i++)
        if (str_equal(name, str_of(groupings[i].name))) {
            *ret_by = groupings[i].by;
            return NULL;
        }
    return str_empty(name) ? NULL : err_new(&call->arena, ERR_INVALID, "`by` is reason, day, source, what, field or all");
}

static struct counter counter_grouped(const struct counter *row, unsigned by)
{
    struct counter group = {.day_ms = by & BY_DAY ? row->day_ms : 0, .reason = row->reason, .count = row->count};
    group.source = by & BY_SOURCE ? row->source : STR_NONE;
    group.what = by & BY_WHAT ? row->what : STR_NONE;
    group.field = by & BY_FIELD ? row->field : STR_NONE;
    return group;
}

static bool counter_same(const struct counter *a, const struct counter *b)
{
    return a->day_ms == b->day_ms && str_equal(a->reason, b->reason) && str_equal(a->source, b->source) && str_equal(a->what, b->what) &&
           str_equal(a->field, b->field);
}

static int counter_most(const void *a, const void *b)
{
    const struct counter *x = a, *y = b;
    if (x->day_ms != y->day_ms)
        return x->day_ms < y->day_ms ? -1 : 1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return str_compare(x->reason, y->reason);
}

static void write_denial(struct jsonw *w, const struct counter *row, unsigned by)
{
    enum reason reason = REASON_COUNT;
    bool known = reason_parse(row->reason, &reason);
    ASSERT(known);
    jsonw_object(w);
    if (by & BY_DAY)
        jsonw_field_time(w, "day", row->day_ms);
    if (by & BY_WHAT)
        jsonw_field(w, "what", row->what);
    if (by & BY_SOURCE)
        jsonw_field(w, "source", row->source);
    if (by & BY_FIELD)
        jsonw_field(w, "field", row->field);
    jsonw_field(w, "reason", row->reason);
    jsonw_field(w, "text", str_of(reason_text(reason)));
    jsonw_field_int(w, "count", (int64_t)row->count);
    jsonw_object_end(w);
}

/* Rows come by day, source, what and field: equal ones are looked up by their key. */
static size_t denials_group(struct call *call, const struct counter *rows, size_t count, unsigned by, struct counter *groups)
{
    struct map places;
    size_t found = 0;
    map_init(&places, &call->arena);
    for (size_t i = 0; i < count; i++) {
        enum reason reason;
        if (!reason_parse(rows[i].reason, &reason))
            continue; /* counted for something else, as what became of held messages */
        struct counter group = counter_grouped(&rows[i], by);
        str key = str_printf(&call->arena, "%lld\n%.*s\n%.*s\n%.*s\n%.*s", (long long)group.day_ms, STR_FMT(group.source), STR_FMT(group.what),
                             STR_FMT(group.field), STR_FMT(group.reason));
        uintptr_t place = (uintptr_t)map_get(&places, key);
        if (place) {
            ASSERT(counter_same(&groups[place - 1], &group));
            groups[place - 1].count += group.count;
        } else {
            groups[found++] = group;
            map_set(&places, key, (void *)(uintptr_t)found);
        }
    }
    return found;
}

/* GET /v1/denials: every no of the gate (at the door, to questions, to readers, to deliveries), counted by reason, and finer where asked. */
const struct err *denials_get(struct call *call)
{
    struct counter *rows;
    struct jsonw w;
    size_t count;
    unsigned by;
    uint64_t total = 0;
    TRY(read_grouping(call, &by));
    TRY(counters_of(call, &rows, &count));
    struct counter *groups = arena_array(&call->arena, struct counter, count + 1);
    size_t found = denials_group(call, rows, count, by, groups);
    qsort(groups, found, sizeof(*groups), counter_most);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("denials"));
    jsonw_array(&w);
    for (size_t i = 0; i < found; i++) {
        write_denial(&w, &groups[i], by);
        total += groups[i].count;
    }
    jsonw_array_end(&w);
    jsonw_field_int(&w, "total", (int64_t)total);
    jsonw_object_end(&w);
    return NULL;
}

/* ---- reads ---- */

struct reads {
    struct call *call;
    struct reader *reader;
    struct person *person; /* NULL: of everybody */
    struct uuid token;
    bool of_token;
    int64_t from_ms, to_ms;
    struct token_row *tokens;
    size_t token_count;
    struct map profiles; /* number → UUID as text */
    uint64_t before;
};

static const struct err *reads_query(struct reads *reads)
{
    struct call *call = reads->call;
    str subject = call_query(call, "subject"), token = call_query(call, "token"), place = STR_NONE;
    int64_t before = 0;
    reads->from_ms = TIME_NONE;
    reads->to_ms = INT64_MAX;
    TRY(call_query_time(call, "from", &reads->from_ms));
    TRY(call_query_time(call, "to", &reads->to_ms));
    TRY(read_cursor(call, &place));
    if (!str_empty(place) && (!str_to_int64(place, &before) || before < 0))
        return err_new(&call->arena, ERR_INVALID, "`cursor` is not one of this list");
    reads->before = (uint64_t)before;
    reads->of_token = !str_empty(token);
    if (reads->of_token && !str_equal(token, STR("local")) && !uuid_parse(token, &reads->token))
        return err_new(&call->arena, ERR_INVALID, "`token` is the id of a token (GET /v1/tokens), or `local` for the commands of the machine itself");
    if (str_empty(subject))
        return NULL;
    if (call->principal.role != ROLE_ADMIN && call->principal.role != ROLE_PRIVACY)
        return err_new(&call->arena, ERR_FORBIDDEN, "to look a person up takes the role admin or privacy");
    TRY(call_person(call, subject, PERSON_HEAD, &reads->person));
    if (!reads->person)
        return err_new(&call->arena, ERR_NOT_FOUND, "nobody is known by this identifier");
    call_record(call, reads->person, STR_NONE, "reads");
    return NULL;
}

static const struct err *write_reader(struct reads *reads, struct jsonw *w, struct uuid id)
{
    jsonw_key(w, STR("by"));
    jsonw_object(w);
    if (uuid_is_zero(id)) {
        jsonw_field(w, "token", STR("local"));
    } else {
        jsonw_key(w, STR("token"));
        jsonw_uuid(w, id);
        for (size_t i = 0; i < reads->token_count; i++)
            if (memcmp(reads->tokens[i].id.bytes, id.bytes, sizeof(id.bytes)) == 0) {
                jsonw_field(w, "role", reads->tokens[i].role);
                jsonw_field(w, "label", reads->tokens[i].label);
            }
        struct user user;
        if (engine_user(reads->call->server->engine, &reads->call->arena, id, &user)) {
            jsonw_field(w, "role", str_of(role_name(user.role)));
            jsonw_field(w, "label", user.name);
            jsonw_field_bool(w, "user", true);
        }
    }
    jsonw_object_end(w);
    return NULL;
}

static const struct err *write_read(struct reads *reads, struct jsonw *w, const struct read_row *row)
{
    struct call *call = reads->call;
    str number = str_printf(&call->arena, "%llu", (unsigned long long)row->profile.value);
    const char *id = map_get(&reads->profiles, number);
    if (!id) {
        struct profile *profile;
        size_t count;
        TRY(engine_store(call->server->engine)->profiles(reader_session(reads->reader), &call->arena, row->profile.value, 1, &profile, &count));
        char text[UUID_TEXT_SIZE];
        id = count && profile->number.value == row->profile.value ? str_z(&call->arena, uuid_text(profile->id, text)) : "";
        map_set(&reads->profiles, number, (void *)(uintptr_t)id);
    }
    jsonw_object(w);
    jsonw_field_time(w, "at", row->at_ms);
    TRY(write_reader(reads, w, row->token));
    jsonw_key(w, STR("profile"));
    if (*id)
        jsonw_string(w, str_of(id));
    else
        jsonw_null(w); /* erased since */
    jsonw_field(w, "purpose", row->purpose);
    jsonw_field(w, "what", row->what);
    jsonw_key(w, STR("ledger_index"));
    if (row->ledger_index == UINT64_MAX)
        jsonw_null(w);
    else
        jsonw_int(w, (int64_t)row->ledger_index);
    jsonw_object_end(w);
    return NULL;
}

static bool read_wanted(const struct reads *reads, const struct read_row *row)
{
    return row->at_ms < reads->to_ms && (!reads->of_token || memcmp(row->token.bytes, reads->token.bytes, sizeof(row->token.bytes)) == 0);
}

/* `ret_more`: the page ended before the list did. */
static const struct err *write_reads(struct reads *reads, struct jsonw *w, size_t limit, bool *ret_more)
{
    struct call *call = reads->call;
    VEC(profile_no) profiles = {0};
    size_t shown = 0;
    if (reads->person)
        vec_each (profile, &reads->person->profiles)
            *(profile_no *)vec_push(&call->arena, &profiles) = profile->number;
    *ret_more = true;
    for (size_t looked = 0; looked < READS_LOOKED_AT;) {
        struct read_row *rows;
        size_t count;
        TRY(engine_store(call->server->engine)->reads(reader_session(reads->reader), &call->arena, profiles.items, profiles.count, reads->before, READS_STEP,
                                                      &rows, &count));
        for (size_t i = 0; i < count; i++) {
            if (rows[i].at_ms < reads->from_ms) {
                *ret_more = false;
                return NULL;
            }
            if (shown == limit)
                return NULL;
            reads->before = rows[i].number;
            if (!read_wanted(reads, &rows[i]))
                continue;
            TRY(write_read(reads, w, &rows[i]));
            shown++;
        }
        looked += count;
        if (count < READS_STEP) {
            *ret_more = false;
            return NULL;
        }
    }
    return NULL;
}

/* GET /v1/reads: who looked at whose data, when, for which purpose; newest first; by person and by user. */
const struct err *reads_get(struct call *call)
{
    struct reads reads = {.call = call};
    struct jsonw w;
    size_t limit;
    bool more = false;
    TRY(call_limit(call, READS_DEFAULT, &limit));
    TRY(reads_query(&reads));
    TRY(call_reader(call, &reads.reader));
    TRY(engine_store(call->server->engine)->tokens(reader_session(reads.reader), &call->arena, &reads.tokens, &reads.token_count));
    map_init(&reads.profiles, &call->arena);
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("reads"));
    jsonw_array(&w);
    TRY(write_reads(&reads, &w, limit, &more));
    jsonw_array_end(&w);
    if (more)
        write_cursor(&w, &call->arena, arena_printf(&call->arena, "%llu", (unsigned long long)reads.before));
    jsonw_object_end(&w);
    return NULL;
}
