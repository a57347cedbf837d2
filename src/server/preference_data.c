/* The preference centre's view of what is known: identifiers and facts under each purpose they are kept for, what happened last, who received
 * what, and the receipts of all that was said. It shows what is stored, whether it may be used at present or not: it is the person who looks.
 */
#include "server/page.h"

#define ITEMS_SHOWN_MAX 100 /* of one purpose; the rest is counted on the page, and in the download */
#define VALUE_SHOWN_BYTES 400

static void section(struct page *page, const char *id, enum page_text text)
{
    html(page, "<section");
    page_attribute(page, "id", str_of(id));
    page_attribute(page, "aria-labelledby", str_printf(page->arena, "h-%s", id));
    html(page, "><h2");
    page_attribute(page, "id", str_printf(page->arena, "h-%s", id));
    html(page, ">");
    page_say(page, text);
    html(page, "</h2>\n");
}

/* Focusable, so that who has only a keyboard can scroll it sideways on a narrow screen. */
static void table_begin(struct page *page, str caption, const enum page_text *heads, size_t count)
{
    html(page, "<div class=\"scroll\" tabindex=\"0\" role=\"group\"");
    page_attribute(page, "aria-label", caption);
    html(page, "><table><thead><tr>");
    for (size_t i = 0; i < count; i++) {
        html(page, "<th scope=\"col\">");
        page_say(page, heads[i]);
        html(page, "</th>");
    }
    html(page, "</tr></thead><tbody>\n");
}

static void table_end(struct page *page) { html(page, "</tbody></table></div>\n"); }

static void cell(struct page *page, str text)
{
    html(page, "<td>");
    page_put(page, text);
    html(page, "</td>");
}

static str value_words(const struct page *page, str json)
{
    struct json value;
    str text = json;
    if (!json_read(page->arena, json, &value) && value.type == JSON_STRING)
        text = value.text;
    if (text.length <= VALUE_SHOWN_BYTES)
        return text;
    size_t end = VALUE_SHOWN_BYTES;
    while (end > 0 && ((unsigned char)text.data[end] & 0xc0) == 0x80)
        end--;
    return str_printf(page->arena, "%.*s…", (int)end, text.data);
}

static void row(struct page *page, str what, str value, str from, int64_t when_ms)
{
    html(page, "<tr><th scope=\"row\">");
    page_put(page, what);
    html(page, "</th>");
    cell(page, value);
    cell(page, from);
    cell(page, page_date(page, when_ms));
    html(page, "</tr>\n");
}

static size_t count_of(const struct person *person, purpose_mask mask)
{
    size_t count = 0;
    vec_each (identifier, &person->identifiers)
        count += !str_empty(identifier->value) && (identifier->purposes & mask);
    vec_each (fact, &person->facts)
        count += (fact->purposes & mask) != 0;
    return count;
}

static void purpose_data(struct preference_view *view, const struct purpose *purpose, size_t count)
{
    static const enum page_text heads[] = {TEXT_COL_WHAT, TEXT_COL_VALUE, TEXT_COL_FROM, TEXT_COL_WHEN};
    struct page *page = &view->page;
    size_t shown = 0;
    str title = page_title_of(page, &purpose->titles, purpose->title, purpose->name);
    html(page, "<details class=\"data\"><summary>");
    page_put(page, title);
    html(page, " <span class=\"count\">");
    page_put(page, count == 1 ? page_word(page, TEXT_DATA_ITEM) : page_fill(page, TEXT_DATA_ITEMS, str_printf(page->arena, "%zu", count), STR_NONE, STR_NONE));
    html(page, "</span></summary>\n");
    table_begin(page, title, heads, 4);
    vec_each (identifier, &view->person->identifiers)
        if (!str_empty(identifier->value) && (identifier->purposes & purpose->self) && shown++ < ITEMS_SHOWN_MAX)
            row(page, page_identifier(page, identifier->type), identifier->value, STR("–"), identifier->first_seen_ms);
    vec_each (fact, &view->person->facts)
        if ((fact->purposes & purpose->self) && shown++ < ITEMS_SHOWN_MAX)
            row(page, page_fact(page, fact->name), value_words(page, fact->value), page_source(page, fact->source), fact->observed_ms);
    table_end(page);
    if (count > ITEMS_SHOWN_MAX)
        page_paragraph(page, page_fill(page, TEXT_DATA_MORE, str_printf(page->arena, "%zu", count - ITEMS_SHOWN_MAX), STR_NONE, STR_NONE));
    html(page, "</details>\n");
}

/* ---- what happened ---- */

static void events_table(struct preference_view *view)
{
    static const enum page_text heads[] = {TEXT_COL_WHAT, TEXT_COL_WHEN, TEXT_COL_FROM, TEXT_COL_WHY};
    struct page *page = &view->page;
    html(page, "<h3>");
    page_say(page, TEXT_EVENTS);
    html(page, "</h3>\n");
    if (!view->event_count) {
        page_paragraph(page, page_word(page, TEXT_EVENTS_NONE));
        return;
    }
    table_begin(page, page_word(page, TEXT_EVENTS), heads, 4);
    for (size_t i = 0; i < view->event_count; i++) {
        const struct event *event = &view->events[i];
        purpose_mask mask = 0;
        for (unsigned part = 0; part < event->part_count; part++)
            mask |= event->parts[part].purposes;
        html(page, "<tr><th scope=\"row\">");
        page_put(page, page_event(page, event));
        html(page, "</th>");
        cell(page, page_date(page, event->at_ms));
        cell(page, page_source(page, event->source));
        cell(page, page_purposes(page, mask));
        html(page, "</tr>\n");
    }
    table_end(page);
}

void data_section_write(struct preference_view *view)
{
    struct page *page = &view->page;
    section(page, "data", TEXT_NAV_DATA);
    size_t all = count_of(view->person, ~(purpose_mask)0);
    str contact = str_empty(page->policy->contact) ? page->policy->controller : page->policy->contact;
    page_paragraph(page, all ? page_fill(page, TEXT_DATA_ABOUT, contact, STR_NONE, STR_NONE) : page_word(page, TEXT_DATA_NONE));
    vec_each (purpose, &page->policy->purposes) {
        size_t count = count_of(view->person, purpose->self);
        if (count)
            purpose_data(view, purpose, count);
    }
    if (view->person->held.count)
        page_paragraph(page, page_fill(page, TEXT_HELD, str_printf(page->arena, "%zu", view->person->held.count), STR_NONE, STR_NONE));
    events_table(view);
    html(page, "</section>\n");
}

/* ---- who received it ---- */

void recipients_section_write(struct preference_view *view)
{
    static const enum page_text heads[] = {TEXT_COL_WHO, TEXT_COL_WHY, TEXT_COL_WHEN};
    struct page *page = &view->page;
    section(page, "recipients", TEXT_NAV_RECIPIENTS);
    if (!view->person->disclosures.count) {
        page_paragraph(page, page_fill(page, TEXT_RECIPIENTS_NONE, page->policy->controller, STR_NONE, STR_NONE));
        html(page, "</section>\n");
        return;
    }
    page_paragraph(page, page_word(page, TEXT_RECIPIENTS_ABOUT));
    table_begin(page, page_word(page, TEXT_NAV_RECIPIENTS), heads, 3);
    vec_each (sent, &view->person->disclosures) {
        const struct destination *destination = policy_destination(page->policy, sent->destination);
        const struct purpose *purpose = policy_purpose(page->policy, sent->purpose);
        str last = page_date(page, sent->last_ms);
        html(page, "<tr><th scope=\"row\">");
        page_put(page, destination && !str_empty(destination->recipient) ? destination->recipient : sent->destination);
        html(page, "</th>");
        cell(page, purpose ? page_title_of(page, &purpose->titles, purpose->title, purpose->name) : sent->purpose);
        cell(page, sent->count == 1 ? page_fill(page, TEXT_ONCE, last, STR_NONE, STR_NONE)
                                    : page_fill(page, TEXT_TIMES, str_printf(page->arena, "%llu", (unsigned long long)sent->count), last, STR_NONE));
        html(page, "</tr>\n");
    }
    table_end(page);
    html(page, "</section>\n");
}

/* ---- receipts ---- */

static void receipt_row(struct page *page, const struct consent *record)
{
    const struct purpose *purpose = policy_purpose(page->policy, record->purpose);
    str title = purpose ? page_title_of(page, &purpose->titles, purpose->title, purpose->name)
                : str_empty(record->purpose) ? page_word(page, TEXT_EVERYTHING)
                                             : record->purpose;
    html(page, "<tr><th scope=\"row\">");
    page_put(page, title);
    html(page, "</th>");
    cell(page, page_said(page, record->status));
    cell(page, page_date(page, record->at_ms));
    cell(page, str_empty(record->notice) ? STR("–") : str_printf(page->arena, "%.*s@%u", STR_FMT(record->notice), record->notice_version));
    html(page, "<td><a");
    page_attribute(page, "href", str_printf(page->arena, "/preferences/receipt?id=%.*s&t=%.*s", STR_FMT(uuid_format(page->arena, record->id)), STR_FMT(page->ticket)));
    page_attribute(page, "aria-label", page_fill(page, TEXT_RECEIPT_OF, title, page_date(page, record->at_ms), STR_NONE));
    html(page, ">");
    page_say(page, TEXT_RECEIPT);
    html(page, "</a></td></tr>\n");
}

void receipts_section_write(struct preference_view *view)
{
    static const enum page_text heads[] = {TEXT_COL_WHY, TEXT_COL_SAID, TEXT_COL_WHEN, TEXT_COL_TEXT, TEXT_COL_RECEIPT};
    struct page *page = &view->page;
    size_t count = view->person->consents.count;
    section(page, "receipts", TEXT_NAV_RECEIPTS);
    page_paragraph(page, page_word(page, count ? TEXT_RECEIPTS_ABOUT : TEXT_RECEIPTS_NONE));
    if (count) {
        table_begin(page, page_word(page, TEXT_NAV_RECEIPTS), heads, 5);
        for (size_t i = count; i > 0 && count - i < ITEMS_SHOWN_MAX; i--)
            receipt_row(page, &view->person->consents.items[i - 1]);
        table_end(page);
        if (count > ITEMS_SHOWN_MAX)
            page_paragraph(page, page_fill(page, TEXT_DATA_MORE, str_printf(page->arena, "%zu", count - ITEMS_SHOWN_MAX), STR_NONE, STR_NONE));
    }
    html(page, "</section>\n");
}
