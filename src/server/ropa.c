/* GET /v1/ropa: the record of processing activities (GDPR Art. 30(1)), made from the active policy: as JSON, as CSV, and as a page fit to print.
 *
 * One `activity` a purpose. The three forms write the same cells; `cells_of` makes them once, in the policy's words for machines (JSON), and in plain ones
 * for people (CSV, page).
 */
#include "server/page.h"
#include "server/server_private.h"

#define CELLS(X)                                                                                                       \
    X("activity", "Processing activity")                                                                               \
    X("title", "What it is for")                                                                                       \
    X("basis", "Lawful basis")                                                                                         \
    X("cites", "What the basis cites")                                                                                 \
    X("subjects", "Data subjects")                                                                                     \
    X("categories", "Categories of data")                                                                              \
    X("special", "Special categories (Art. 9)")                                                                        \
    X("sources", "Sources")                                                                                            \
    X("recipients", "Recipients")                                                                                      \
    X("transfers", "Transfers to third countries, safeguards")                                                         \
    X("retention", "Time limits for erasure")
enum { CELL_COUNT = 0
#define X(name, title) +1
    CELLS(X)
#undef X
};
static const char *const names[] = {
#define X(name, title) name,
    CELLS(X)
#undef X
};
static const char *const titles[] = {
#define X(name, title) title,
    CELLS(X)
#undef X
};
#define SECURITY                                                                                                       \
    "Encryption at rest by keys per person and retention class, wrapped by a master key outside the store; pseudonymised lookup by keyed hash; "      \
    "access by role and purpose, each read recorded; append-only signed evidence log."

str period_text(struct arena *arena, const struct period *period)
{
    static const char *const anchors[] = {
#define X(code, name) name,
        ANCHORS(X)
#undef X
    };
    if (period->anchor == ANCHOR_NONE)
        return STR_NONE;
    return str_printf(arena, "%.*s after %s", STR_FMT(duration_format(arena, period->duration)), anchors[period->anchor]);
}

/* "5 years after the contract's end" */
static str period_words(struct arena *arena, const struct policy *policy, const struct period *period)
{
    static const char *const since[] = {[ANCHOR_COLLECTED] = "it was collected", [ANCHOR_LAST_SEEN] = "the person was last seen",
                                        [ANCHOR_CONTRACT_END] = "the contract's end", [ANCHOR_GIVEN] = "the consent was given"};
    struct page page = {.arena = arena, .policy = policy, .language = PAGE_EN};
    if (period->anchor == ANCHOR_NONE)
        return STR("as long as the basis holds");
    return str_printf(arena, "%.*s after %s", STR_FMT(page_duration(&page, period->duration)), since[period->anchor]);
}

static void add_part(struct buf *out, str part)
{
    if (str_empty(part))
        return;
    if (out->length)
        buf_add(out, STR("; "));
    buf_add(out, part);
}

static str cites(struct arena *arena, const struct policy *policy, const struct purpose *purpose)
{
    struct buf out;
    buf_init(&out, arena, LIMIT_POLICY_TEXT_BYTES * 8);
    if (purpose->notice != SLOT_NONE) {
        const struct notice *notice = &policy->notices.items[purpose->notice];
        add_part(&out, str_printf(arena, "notice %.*s@%u", STR_FMT(notice->name), notice->version));
    }
    add_part(&out, purpose->contract);
    add_part(&out, purpose->law);
    add_part(&out, purpose->interest);
    add_part(&out, purpose->balancing_test);
    add_part(&out, purpose->why_no_other_basis);
    return buf_str(&out);
}

static str basis_said(struct arena *arena, enum basis basis, bool plain)
{
    char *said = arena_printf(arena, "Art. %s %s", basis_article(basis), basis_name(basis));
    for (char *place = said; plain && (place = strchr(place, '_'));)
        *place = ' ';
    return str_of(said);
}

static str bases(struct arena *arena, const struct purpose *purpose, bool plain)
{
    struct buf out;
    buf_init(&out, arena, LIMIT_POLICY_TEXT_BYTES);
    add_part(&out, basis_said(arena, purpose->basis, plain));
    vec_each (other, &purpose->bases)
        add_part(&out, str_printf(arena, "%.*s: %.*s", STR_FMT(other->jurisdiction), STR_FMT(basis_said(arena, other->basis, plain))));
    return buf_str(&out);
}

static str categories(struct arena *arena, const struct policy *policy, const struct purpose *purpose, bool special_only)
{
    struct buf out;
    buf_init(&out, arena, LIMIT_CATEGORIES * (LIMIT_NAME_BYTES + 2));
    for (unsigned i = 0; i < policy->categories.count; i++)
        if (category_in(&purpose->categories, i) && (!special_only || policy->categories.items[i].special))
            add_part(&out, str_empty(policy->categories.items[i].title) ? policy->categories.items[i].name : policy->categories.items[i].title);
    if (special_only && out.length)
        add_part(&out, str_printf(arena, "condition: Art. 9(2)(%.*s)", STR_FMT(purpose->special_condition)));
    return buf_str(&out);
}

static str transfer_ground(const struct policy *policy, const struct destination *destination)
{
    if (policy_transfer_ok(policy, destination->country, STR_NONE))
        return STR("an adequate country (Art. 45)");
    return str_empty(destination->safeguard) ? STR("no safeguard, so nothing is sent") : destination->safeguard;
}

static str flows(struct arena *arena, const struct policy *policy, const struct purpose *purpose, bool transfers)
{
    struct buf out;
    buf_init(&out, arena, LIMIT_DESTINATIONS * LIMIT_POLICY_TEXT_BYTES);
    vec_each (destination, &policy->destinations) {
        if (destination->purpose != purpose->slot)
            continue;
        if (!transfers)
            add_part(&out, str_empty(destination->recipient) ? destination->name : destination->recipient);
        else if (!str_empty(destination->country) && !policy_at_home(policy, destination->country))
            add_part(&out, str_printf(arena, "%.*s: %.*s", STR_FMT(destination->country), STR_FMT(transfer_ground(policy, destination))));
    }
    return buf_str(&out);
}

static str sources(struct arena *arena, const struct policy *policy, const struct purpose *purpose)
{
    struct buf out;
    buf_init(&out, arena, LIMIT_SOURCES * (LIMIT_NAME_BYTES + 2));
    vec_each (source, &policy->sources)
        if (source->purposes & purpose->self)
            add_part(&out, str_empty(source->title) ? source->name : source->title);
    return buf_str(&out);
}

static void cells_of(struct arena *arena, const struct policy *policy, const struct purpose *purpose, bool plain, str ret_cells[CELL_COUNT])
{
    const str cells[] = {purpose->name,
                         purpose->title,
                         bases(arena, purpose, plain),
                         cites(arena, policy, purpose),
                         STR("customers and visitors"),
                         categories(arena, policy, purpose, false),
                         categories(arena, policy, purpose, true),
                         sources(arena, policy, purpose),
                         flows(arena, policy, purpose, false),
                         flows(arena, policy, purpose, true),
                         plain ? period_words(arena, policy, &purpose->retention) : period_text(arena, &purpose->retention)};
    _Static_assert(sizeof(cells) / sizeof(*cells) == CELL_COUNT, "a cell a column");
    memcpy(ret_cells, cells, sizeof(cells));
}

/* ---- the three forms ---- */

static void reply_as_json(struct call *call, const struct policy *policy)
{
    struct jsonw w;
    str cells[CELL_COUNT];
    reply_json(call, MHD_HTTP_OK, &w);
    jsonw_object(&w);
    jsonw_key(&w, STR("controller"));
    jsonw_object(&w);
    jsonw_field(&w, "name", policy->controller);
    jsonw_field(&w, "country", policy->country);
    jsonw_field(&w, "address", policy->address);
    jsonw_field(&w, "contact", policy->contact);
    jsonw_field(&w, "dpo", policy->dpo);
    jsonw_object_end(&w);
    jsonw_field_int(&w, "policy_version", policy->version);
    jsonw_field_time(&w, "active_since", policy->activated_ms);
    jsonw_field_time(&w, "made_at", call->received_ms);
    jsonw_field(&w, "security", STR(SECURITY));
    jsonw_key(&w, STR("activities"));
    jsonw_array(&w);
    vec_each (purpose, &policy->purposes) {
        cells_of(&call->arena, policy, purpose, false, cells);
        jsonw_object(&w);
        for (size_t i = 0; i < CELL_COUNT; i++)
            jsonw_field(&w, names[i], cells[i]);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    jsonw_object_end(&w);
}

/* RFC 4180; a cell that a spreadsheet would take for a formula is made a text. */
static void csv_cell(struct buf *out, str cell, bool last)
{
    buf_add_char(out, '"');
    if (!str_empty(cell) && strchr("=+-@\t\r", cell.data[0]))
        buf_add_char(out, '\'');
    for (size_t i = 0; i < cell.length; i++) {
        if (cell.data[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, cell.data[i]);
    }
    buf_add(out, last ? STR("\"\r\n") : STR("\","));
}

static void reply_as_csv(struct call *call, const struct policy *policy)
{
    str cells[CELL_COUNT];
    reply_text(call, MHD_HTTP_OK, "text/csv; charset=utf-8", STR_NONE);
    reply_header(call, MHD_HTTP_HEADER_CONTENT_DISPOSITION, "attachment; filename=\"ropa.csv\"");
    for (size_t i = 0; i < CELL_COUNT; i++)
        csv_cell(&call->reply.out, str_of(titles[i]), i + 1 == CELL_COUNT);
    vec_each (purpose, &policy->purposes) {
        cells_of(&call->arena, policy, purpose, true, cells);
        for (size_t i = 0; i < CELL_COUNT; i++)
            csv_cell(&call->reply.out, cells[i], i + 1 == CELL_COUNT);
    }
}

void html_text(struct buf *out, str text)
{
    for (size_t i = 0; i < text.length; i++) {
        switch (text.data[i]) {
        case '<': buf_add(out, STR("&lt;")); break;
        case '>': buf_add(out, STR("&gt;")); break;
        case '&': buf_add(out, STR("&amp;")); break;
        case '"': buf_add(out, STR("&quot;")); break;
        default: buf_add_char(out, text.data[i]);
        }
    }
}

static void html_pair(struct buf *out, const char *name, str value)
{
    buf_printf(out, "<tr><th scope=\"row\">%s</th><td>", name);
    html_text(out, value);
    buf_add(out, STR("</td></tr>\n"));
}

static void reply_as_html(struct call *call, const struct policy *policy)
{
    struct buf *out = &call->reply.out;
    str cells[CELL_COUNT];
    char time[TIME_TEXT_SIZE];
    reply_text(call, MHD_HTTP_OK, "text/html; charset=utf-8", STR_NONE);
    reply_header(call, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    buf_add(out, STR("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Record of processing activities</title>\n"
                     "<meta name=\"viewport\" content=\"width=device-width\">\n<style>body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;"
                     "margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%;margin:0 0 2rem}th,td{border:1px solid #999;"
                     "padding:.3rem .6rem;text-align:left;vertical-align:top}th{width:30%;font-weight:600}section{break-inside:avoid}</style>\n"
                     "<h1>Record of processing activities</h1>\n<table>\n"));
    html_pair(out, "Controller", policy->controller);
    html_pair(out, "Address", str_empty(policy->address) ? policy->country : policy->address);
    html_pair(out, "Contact", policy->contact);
    html_pair(out, "Data protection officer", policy->dpo);
    html_pair(out, "Policy version", str_printf(&call->arena, "%u, active since %.*s", policy->version, STR_FMT(time_text(policy->activated_ms, time))));
    html_pair(out, "Security measures", STR(SECURITY));
    buf_add(out, STR("</table>\n"));
    vec_each (purpose, &policy->purposes) {
        cells_of(&call->arena, policy, purpose, true, cells);
        buf_add(out, STR("<section><h2>"));
        html_text(out, str_empty(purpose->title) ? purpose->name : purpose->title);
        buf_add(out, STR("</h2>\n<table>\n"));
        for (size_t i = 0; i < CELL_COUNT; i++)
            html_pair(out, titles[i], str_empty(cells[i]) ? STR("–") : cells[i]);
        buf_add(out, STR("</table></section>\n"));
    }
    buf_add(out, STR("</html>\n"));
}

static const struct err *reply_as(struct call *call, const struct policy *policy)
{
    str format = call_query(call, "format"), accept = call_header(call, MHD_HTTP_HEADER_ACCEPT);
    if (str_equal(format, STR("csv")) || (str_empty(format) && str_find(accept, STR("text/csv")) >= 0))
        reply_as_csv(call, policy);
    else if (str_equal(format, STR("html")) || (str_empty(format) && str_find(accept, STR("text/html")) >= 0))
        reply_as_html(call, policy);
    else if (str_empty(format) || str_equal(format, STR("json")))
        reply_as_json(call, policy);
    else
        return err_new(&call->arena, ERR_INVALID, "`format` is json, csv or html");
    return NULL;
}

/* `at`: as it was on that day, out of the policy of that day. */
const struct err *ropa_get(struct call *call)
{
    struct reader *reader;
    struct policy *past = NULL;
    int64_t at_ms = TIME_NONE;
    TRY(call_query_time(call, "at", &at_ms));
    if (at_ms == TIME_NONE)
        return reply_as(call, call->policy);
    TRY(call_reader(call, &reader));
    TRY(engine_policy_at(call->server->engine, reader, &call->arena, at_ms, &past));
    if (!past)
        return err_new(&call->arena, ERR_NOT_FOUND, "no policy was active then");
    const struct err *error = reply_as(call, past);
    policy_free(past);
    return error;
}
