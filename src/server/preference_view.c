/* The preference centre's content: what may be decided, by what it rests on; then what is known, received and proven (preference_data.c).
 *
 * Yes and no are equal in size, place and steps. A purpose stands in one section, by its basis for this person's jurisdiction.
 */
#include "server/page.h"

static str title_of(const struct page *page, const struct purpose *purpose) { return page_title_of(page, &purpose->titles, purpose->title, purpose->name); }

static const struct purpose_standing *standing_of(const struct preference_view *view, const struct purpose *purpose)
{
    return &view->standing->purposes[purpose->slot];
}

static bool is_running(const struct purpose *purpose, int64_t now_ms)
{
    return (purpose->starts_ms == TIME_NONE || purpose->starts_ms <= now_ms) && now_ms < purpose->ends_ms;
}

/* ---- forms ---- */

void preference_form_begin(struct page *page, const char *what, const struct purpose *purpose, const struct notice *notice)
{
    html(page, "<form method=\"post\" action=\"/preferences\"><input type=\"hidden\" name=\"t\"");
    page_attribute(page, "value", page->ticket);
    html(page, "><input type=\"hidden\" name=\"lang\"");
    page_attribute(page, "value", page_language_tag(page->language));
    html(page, ">");
    if (what) {
        html(page, "<input type=\"hidden\" name=\"do\"");
        page_attribute(page, "value", str_of(what));
        html(page, ">");
    }
    if (purpose) {
        html(page, "<input type=\"hidden\" name=\"purpose\"");
        page_attribute(page, "value", purpose->name);
        html(page, ">");
    }
    if (notice) {
        html(page, "<input type=\"hidden\" name=\"notice\"");
        page_attribute(page, "value", str_printf(page->arena, "%.*s@%u", STR_FMT(notice->name), notice->version));
        html(page, ">");
    }
}

/* `subject` tells a screen reader what the button is about, where several have the same words. */
static void button(struct page *page, const char *what, enum page_text text, bool chosen, str subject)
{
    html(page, "<button name=\"do\"");
    page_attribute(page, "value", str_of(what));
    if (chosen)
        html(page, " class=\"chosen\"");
    html(page, ">");
    page_say(page, text);
    if (!str_empty(subject)) {
        html(page, "<span class=\"hidden\">: ");
        page_put(page, subject);
        html(page, "</span>");
    }
    if (chosen) {
        html(page, "<span class=\"hidden\"> (");
        page_say(page, TEXT_CHOSEN);
        html(page, ")</span>");
    }
    html(page, "</button>\n");
}

/* ---- a purpose's card ---- */

static const struct notice *notice_of(const struct page *page, const struct purpose *purpose)
{
    return purpose->notice == SLOT_NONE ? NULL : &page->policy->notices.items[purpose->notice];
}

static const struct notice_text *notice_text_of(const struct page *page, const struct notice *notice)
{
    str wanted = page_language_tag(page->language);
    vec_each (text, &notice->texts)
        if (str_starts(text->language, wanted))
            return text;
    return notice->texts.count ? &notice->texts.items[0] : NULL;
}

/* The text as it is written: `#` begins a heading, an empty line a paragraph. */
static void notice_body(struct page *page, str content)
{
    str line;
    bool open = false;
    while (str_split(&content, '\n', &line)) {
        str text = str_trim(line);
        bool heading = str_starts(text, STR("#"));
        if (open && (str_empty(text) || heading))
            html(page, "</p>\n");
        open = open && !str_empty(text) && !heading;
        if (str_empty(text))
            continue;
        while (heading && str_starts(text, STR("#")))
            text = str_slice(text, 1, text.length);
        if (heading)
            html(page, "<p class=\"head\">");
        else if (!open)
            html(page, "<p>");
        else
            html(page, "\n");
        page_put(page, str_trim(text));
        if (heading)
            html(page, "</p>\n");
        else
            open = true;
    }
    if (open)
        html(page, "</p>\n");
}

static void notice_details(struct page *page, const struct notice *notice, enum page_text label)
{
    const struct notice_text *text = notice ? notice_text_of(page, notice) : NULL;
    if (!text)
        return;
    html(page, "<details class=\"notice\"><summary>");
    page_put(page, page_fill(page, label, notice->name, str_printf(page->arena, "%u", notice->version), STR_NONE));
    html(page, "</summary><blockquote");
    page_attribute(page, "lang", text->language);
    html(page, ">");
    notice_body(page, text->content);
    html(page, "</blockquote></details>\n");
}

static void list_item(struct page *page, bool *first, str text)
{
    if (!*first)
        html(page, ", ");
    *first = false;
    page_put(page, text);
}

static void categories_list(struct page *page, const struct purpose *purpose)
{
    bool first = true;
    for (size_t slot = 0; slot < page->policy->categories.count; slot++) {
        const struct category *category = &page->policy->categories.items[slot];
        if (category_in(&purpose->categories, (unsigned)slot))
            list_item(page, &first, page_title_of(page, &category->titles, category->title, category->name));
    }
}

static void recipients_list(struct page *page, const struct purpose *purpose)
{
    bool first = true;
    vec_each (destination, &page->policy->destinations)
        if (destination->purpose == purpose->slot)
            list_item(page, &first, str_empty(destination->recipient) ? destination->name : destination->recipient);
    if (first)
        page_put(page, page_fill(page, TEXT_MORE_NONE, page->policy->controller, STR_NONE, STR_NONE));
}

static void sources_list(struct page *page, const struct purpose *purpose)
{
    bool first = true;
    vec_each (source, &page->policy->sources)
        if (source->purposes & purpose->self)
            list_item(page, &first, page_title_of(page, &source->titles, source->title, source->name));
    if (first)
        html(page, "–");
}

static void more_details(struct page *page, const struct purpose *purpose)
{
    html(page, "<details><summary>");
    page_say(page, TEXT_MORE);
    html(page, "</summary><dl><dt>");
    page_say(page, TEXT_MORE_DATA);
    html(page, "</dt><dd>");
    categories_list(page, purpose);
    html(page, "</dd><dt>");
    page_say(page, TEXT_MORE_SOURCES);
    html(page, "</dt><dd>");
    sources_list(page, purpose);
    html(page, "</dd><dt>");
    page_say(page, TEXT_MORE_KEPT);
    html(page, "</dt><dd>");
    page_put(page, page_kept(page, purpose));
    html(page, "</dd><dt>");
    page_say(page, TEXT_MORE_RECIPIENTS);
    html(page, "</dt><dd>");
    recipients_list(page, purpose);
    html(page, "</dd></dl></details>\n");
}

static void card_begin(struct page *page, const struct purpose *purpose)
{
    html(page, "<article class=\"card\"");
    page_attribute(page, "id", str_printf(page->arena, "p-%.*s", STR_FMT(purpose->name)));
    html(page, "><h3>");
    page_put(page, title_of(page, purpose));
    html(page, "</h3>\n");
    str about = local_text(&purpose->descriptions, page_language_tag(page->language), purpose->description);
    if (!str_empty(about))
        page_paragraph(page, about);
}

#define HAS(mask, reason) ((mask) & REASON_BIT(reason))

static void state_line(struct page *page, const char *kind, str text)
{
    html(page, "<p class=\"state\"><span");
    page_attribute(page, "class", str_of(kind));
    html(page, ">");
    page_put(page, text);
    html(page, "</span>");
}

static str dated(const struct page *page, enum page_text text, const struct consent *record)
{
    return page_fill(page, text, record ? page_date(page, record->at_ms) : STR("–"), STR_NONE, STR_NONE);
}

static str objection_words(const struct page *page, const struct purpose_standing *now)
{
    bool signal = now->objection->status == CONSENT_OPTED_OUT;
    return dated(page, HAS(now->reasons, REASON_OBJECTION_PENDING) ? TEXT_STATE_PENDING : signal ? TEXT_STATE_SIGNAL : TEXT_STATE_OBJECTED, now->objection);
}

/* ---- consent ---- */

/* What stands against it, the plainest first. */
static str consent_words(const struct page *page, const struct purpose_standing *now)
{
    reason_mask why = now->reasons;
    if (now->objection)
        return objection_words(page, now);
    if (HAS(why, REASON_CONSENT_WITHDRAWN))
        return dated(page, TEXT_STATE_WITHDRAWN, now->record);
    if (HAS(why, REASON_CONSENT_REFUSED) || HAS(why, REASON_OBJECTED))
        return dated(page, TEXT_STATE_REFUSED, now->record);
    static const struct {
        enum reason reason;
        enum page_text text;
    } words[] = {{REASON_CONSENT_MISSING, TEXT_STATE_MISSING},           {REASON_CONSENT_EXPIRED, TEXT_STATE_EXPIRED},
                 {REASON_CONSENT_GUARDIAN_REQUIRED, TEXT_STATE_GUARDIAN}, {REASON_CONSENT_OWN_REQUIRED, TEXT_STATE_OWN},
                 {REASON_CONSENT_OUTDATED_NOTICE, TEXT_STATE_OUTDATED},   {REASON_CONSENT_NOT_EXPLICIT, TEXT_STATE_NOT_EXPLICIT},
                 {REASON_PROCESSING_RESTRICTED, TEXT_STATE_RESTRICTED}};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (HAS(why, words[i].reason))
            return page_word(page, words[i].text);
    return page_word(page, TEXT_STATE_NOT_RUNNING);
}

static bool is_granted(const struct purpose_standing *now)
{
    return now->record && !now->objection && (now->record->status == CONSENT_GIVEN || now->record->status == CONSENT_RENEWED);
}

static void consent_state(struct page *page, const struct purpose_standing *now)
{
    if (now->reasons) {
        bool undecided = HAS(now->reasons, REASON_CONSENT_MISSING) || is_granted(now);
        state_line(page, undecided ? "badge ask" : "badge off", consent_words(page, now));
    } else {
        ASSERT(now->record); /* nothing stands against it: somebody said yes */
        state_line(page, "badge on", dated(page, TEXT_STATE_GIVEN, now->record));
        html(page, " ");
        if (now->record->notice_version) {
            page_put(page, page_fill(page, TEXT_STATE_VERSION, str_printf(page->arena, "%u", now->record->notice_version), STR_NONE, STR_NONE));
            html(page, " ");
        }
        if (now->record->expires_ms != TIME_FOREVER)
            page_put(page, page_fill(page, TEXT_STATE_UNTIL, page_date(page, now->record->expires_ms), STR_NONE, STR_NONE));
    }
    html(page, "</p>\n");
}

static void consent_card(struct preference_view *view, const struct purpose *purpose)
{
    struct page *page = &view->page;
    const struct purpose_standing *now = standing_of(view, purpose);
    const struct notice *notice = notice_of(page, purpose);
    str title = title_of(page, purpose);
    bool guardian = HAS(now->reasons, REASON_CONSENT_GUARDIAN_REQUIRED) != 0;
    bool said_no = now->objection || (now->record && !is_granted(now) && !HAS(now->reasons, REASON_CONSENT_EXPIRED));
    card_begin(page, purpose);
    consent_state(page, now);
    page_paragraph(page, page_word(page, TEXT_BASIS_CONSENT));
    notice_details(page, notice, TEXT_READ_TEXT);
    more_details(page, purpose);
    preference_form_begin(page, NULL, purpose, notice);
    if (purpose->explicit_consent && !guardian) {
        page_paragraph(page, page_word(page, TEXT_BASIS_EXPLICIT));
        html(page, "<p><label class=\"box\"><input type=\"checkbox\" name=\"explicit\" value=\"yes\"> <span>");
        page_put(page, page_fill(page, TEXT_EXPLICIT_BOX, title, STR_NONE, STR_NONE));
        html(page, "</span></label></p>\n");
    }
    html(page, "<p class=\"buttons\">");
    if (!guardian)
        button(page, "give", TEXT_YES, !now->reasons, title);
    button(page, "refuse", TEXT_NO, said_no, title);
    html(page, "</p></form></article>\n");
}

static enum basis basis_of(const struct preference_view *view, const struct purpose *purpose) { return standing_of(view, purpose)->basis; }

static void choices_section(struct preference_view *view)
{
    struct page *page = &view->page;
    size_t count = 0;
    bool explicit_one = false;
    vec_each (purpose, &page->policy->purposes) {
        count += basis_of(view, purpose) == BASIS_CONSENT && is_running(purpose, page->call->received_ms);
        explicit_one |= basis_of(view, purpose) == BASIS_CONSENT && purpose->explicit_consent;
    }
    html(page, "<section id=\"choices\" aria-labelledby=\"h-choices\"><h2 id=\"h-choices\">");
    page_say(page, TEXT_NAV_CHOICES);
    html(page, "</h2>\n");
    page_paragraph(page, page_word(page, count ? TEXT_CHOICES_ABOUT : TEXT_CHOICES_NONE));
    vec_each (purpose, &page->policy->purposes)
        if (basis_of(view, purpose) == BASIS_CONSENT && is_running(purpose, page->call->received_ms))
            consent_card(view, purpose);
    if (count > 1) {
        preference_form_begin(page, NULL, NULL, NULL);
        html(page, "<p class=\"buttons\">");
        button(page, "all_yes", TEXT_ALL_YES, false, STR_NONE);
        button(page, "all_no", TEXT_ALL_NO, false, STR_NONE);
        html(page, "</p></form>\n");
        if (explicit_one) {
            html(page, "<p class=\"small\">");
            page_say(page, TEXT_ALL_NOTE);
            html(page, "</p>\n");
        }
    }
    html(page, "</section>\n");
}

/* ---- what may be objected to ---- */

static void running_state(struct page *page, const struct purpose_standing *now)
{
    if (now->objection)
        state_line(page, "badge off", objection_words(page, now));
    else if (HAS(now->reasons, REASON_PROCESSING_RESTRICTED))
        state_line(page, "badge off", page_word(page, TEXT_STATE_RESTRICTED));
    else
        state_line(page, now->reasons ? "badge off" : "badge on", page_word(page, now->reasons ? TEXT_STATE_NOT_RUNNING : TEXT_STATE_RUNNING));
    html(page, "</p>\n");
}

static void interest_card(struct preference_view *view, const struct purpose *purpose)
{
    struct page *page = &view->page;
    const struct purpose_standing *now = standing_of(view, purpose);
    str title = title_of(page, purpose);
    card_begin(page, purpose);
    running_state(page, now);
    if (now->basis == BASIS_PUBLIC_TASK)
        page_paragraph(page, page_fill(page, TEXT_BASIS_TASK, page_cited(page, purpose, now->basis), STR_NONE, STR_NONE));
    else
        page_paragraph(page, page_fill(page, TEXT_BASIS_INTEREST, page_cited(page, purpose, now->basis), page_date(page, purpose->assessment_at_ms), STR_NONE));
    notice_details(page, notice_of(page, purpose), TEXT_READ_NOTICE);
    more_details(page, purpose);
    preference_form_begin(page, NULL, purpose, NULL);
    if (!now->objection) {
        page_paragraph(page, page_word(page, purpose->direct_marketing ? TEXT_OBJECT_MARKETING : TEXT_OBJECT_OTHER));
        if (!purpose->direct_marketing) {
            html(page, "<p><label>");
            page_say(page, TEXT_OBJECT_WHY);
            html(page, "<input type=\"text\" name=\"why\" maxlength=\"400\" autocomplete=\"off\"></label></p>\n");
        }
    }
    html(page, "<p class=\"buttons\">");
    if (now->objection)
        button(page, "lift", TEXT_OBJECT_BACK, false, title);
    else
        button(page, "object", TEXT_OBJECT, false, title);
    html(page, "</p></form></article>\n");
}

static void interests_section(struct preference_view *view)
{
    struct page *page = &view->page;
    size_t count = 0;
    html(page, "<section id=\"interests\" aria-labelledby=\"h-interests\"><h2 id=\"h-interests\">");
    page_say(page, TEXT_NAV_INTERESTS);
    html(page, "</h2>\n");
    vec_each (purpose, &page->policy->purposes) {
        enum basis basis = basis_of(view, purpose);
        if ((basis != BASIS_LEGITIMATE_INTEREST && basis != BASIS_PUBLIC_TASK) || !is_running(purpose, page->call->received_ms))
            continue;
        if (!count++)
            page_paragraph(page, page_word(page, TEXT_INTERESTS_ABOUT));
        interest_card(view, purpose);
    }
    if (!count)
        page_paragraph(page, page_word(page, TEXT_INTERESTS_NONE));
    html(page, "</section>\n");
}

/* ---- what has no switch ---- */

static void contract_state(struct page *page, const struct purpose_standing *now)
{
    if (!now->record)
        state_line(page, "badge off", page_word(page, TEXT_CONTRACT_NONE));
    else
        state_line(page, now->reasons ? "badge off" : "badge on",
                   dated(page, now->record->status == CONSENT_ENDED ? TEXT_CONTRACT_ENDED : TEXT_CONTRACT_OPEN, now->record));
    html(page, "</p>\n");
}

static void needed_card(struct preference_view *view, const struct purpose *purpose)
{
    struct page *page = &view->page;
    const struct purpose_standing *now = standing_of(view, purpose);
    card_begin(page, purpose);
    if (now->basis == BASIS_CONTRACT) {
        contract_state(page, now);
        page_paragraph(page, page_fill(page, TEXT_BASIS_CONTRACT, page_cited(page, purpose, now->basis), STR_NONE, STR_NONE));
    } else if (now->basis == BASIS_LEGAL_OBLIGATION) {
        page_paragraph(page, page_fill(page, TEXT_BASIS_LAW, page_cited(page, purpose, now->basis), STR_NONE, STR_NONE));
    } else {
        page_paragraph(page, page_fill(page, TEXT_BASIS_VITAL, page_cited(page, purpose, now->basis), STR_NONE, STR_NONE));
    }
    notice_details(page, notice_of(page, purpose), TEXT_READ_NOTICE);
    more_details(page, purpose);
    html(page, "</article>\n");
}

static void needed_section(struct preference_view *view)
{
    struct page *page = &view->page;
    html(page, "<section id=\"needed\" aria-labelledby=\"h-needed\"><h2 id=\"h-needed\">");
    page_say(page, TEXT_NAV_NEEDED);
    html(page, "</h2>\n");
    page_paragraph(page, page_word(page, TEXT_NEEDED_ABOUT));
    vec_each (purpose, &page->policy->purposes) {
        enum basis basis = basis_of(view, purpose);
        if ((basis == BASIS_CONTRACT || basis == BASIS_LEGAL_OBLIGATION || basis == BASIS_VITAL_INTEREST) && is_running(purpose, page->call->received_ms))
            needed_card(view, purpose);
    }
    html(page, "</section>\n");
}

/* ---- rights ---- */

static void right_form(struct page *page, const char *what, enum page_text label, str about)
{
    html(page, "<div class=\"right\"><p>");
    page_put(page, about);
    html(page, "</p>");
    preference_form_begin(page, NULL, NULL, NULL);
    html(page, "<p class=\"buttons\">");
    button(page, what, label, false, STR_NONE);
    html(page, "</p></form></div>\n");
}

static void erase_block(struct preference_view *view)
{
    struct page *page = &view->page;
    struct buf stays;
    buf_init(&stays, page->arena, LIMIT_MESSAGE_BYTES);
    vec_each (purpose, &page->policy->purposes)
        if (basis_outlives_erasure(basis_of(view, purpose)))
            buf_printf(&stays, "%s%.*s (%.*s)", stays.length ? "; " : "", STR_FMT(title_of(page, purpose)),
                       STR_FMT(page_cited(page, purpose, basis_of(view, purpose))));
    html(page, "<div class=\"right\"><h3>");
    page_say(page, TEXT_ERASE);
    html(page, "</h3><p>");
    page_say(page, TEXT_ERASE_ABOUT);
    html(page, "</p>\n");
    if (stays.length)
        page_paragraph(page, page_fill(page, TEXT_ERASE_STAYS, buf_str(&stays), STR_NONE, STR_NONE));
    preference_form_begin(page, NULL, NULL, NULL);
    html(page, "<p><label class=\"box\"><input type=\"checkbox\" name=\"confirm\" value=\"yes\" required> <span>");
    page_say(page, TEXT_ERASE_BOX);
    html(page, "</span></label></p><p class=\"buttons\">");
    button(page, "erase", TEXT_ERASE_BUTTON, false, STR_NONE);
    html(page, "</p></form></div>\n");
}

static void rights_section(struct preference_view *view)
{
    struct page *page = &view->page;
    const struct consent *restriction = NULL;
    vec_each (record, &view->person->consents)
        if (record->status == CONSENT_RESTRICTED && (!restriction || record->at_ms >= restriction->at_ms))
            restriction = record;
    html(page, "<section id=\"rights\" aria-labelledby=\"h-rights\"><h2 id=\"h-rights\">");
    page_say(page, TEXT_NAV_RIGHTS);
    html(page, "</h2>\n");
    page_paragraph(page, page_word(page, TEXT_RIGHTS_ABOUT));
    bool restricted = view->standing->restricted;
    right_form(page, "access", TEXT_DOWNLOAD, page_word(page, TEXT_DOWNLOAD_ABOUT));
    right_form(page, "portability", TEXT_TAKE, page_word(page, TEXT_TAKE_ABOUT));
    right_form(page, restricted ? "unrestrict" : "restrict", restricted ? TEXT_UNRESTRICT : TEXT_RESTRICT,
               restricted ? dated(page, TEXT_UNRESTRICT_ABOUT, restriction) : page_word(page, TEXT_RESTRICT_ABOUT));
    html(page, "<div class=\"right\"><p>");
    str contact = str_empty(page->policy->contact) ? page->policy->controller : page->policy->contact;
    page_put(page, page_fill(page, TEXT_RECTIFY_ABOUT, contact, STR_NONE, STR_NONE));
    html(page, "</p></div>\n");
    erase_block(view);
    html(page, "</section>\n");
}

/* ---- the whole ---- */

static void contents(struct page *page)
{
    static const struct {
        const char *to;
        enum page_text text;
    } parts[] = {{"#choices", TEXT_NAV_CHOICES}, {"#interests", TEXT_NAV_INTERESTS}, {"#needed", TEXT_NAV_NEEDED},     {"#contact", TEXT_NAV_CONTACT},
                 {"#data", TEXT_NAV_DATA},       {"#recipients", TEXT_NAV_RECIPIENTS}, {"#receipts", TEXT_NAV_RECEIPTS}, {"#rights", TEXT_NAV_RIGHTS}};
    html(page, "<nav class=\"contents\"");
    page_attribute(page, "aria-label", page_word(page, TEXT_CONTENTS));
    html(page, "><ul>");
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        html(page, "<li><a");
        page_attribute(page, "href", str_of(parts[i].to));
        html(page, ">");
        page_say(page, parts[i].text);
        html(page, "</a></li>");
    }
    html(page, "</ul></nav>\n");
}

/* Enough to know it again, too little for whoever looks over the shoulder. */
static str masked(struct arena *arena, str value)
{
    size_t first = 1;
    ptrdiff_t at = str_find_char(value, '@');
    while (first < value.length && ((unsigned char)value.data[first] & 0xc0) == 0x80)
        first++;
    if (at > 0)
        return str_printf(arena, "%.*s•••%.*s", (int)first, value.data, STR_FMT(str_slice(value, (size_t)at, value.length)));
    if (value.length < 6)
        return STR("•••");
    size_t last = value.length - 2;
    while (last > 0 && ((unsigned char)value.data[last] & 0xc0) == 0x80)
        last--;
    return str_printf(arena, "%.*s•••%.*s", (int)first, value.data, STR_FMT(str_slice(value, last, value.length)));
}

void preference_view_write(struct preference_view *view)
{
    struct page *page = &view->page;
    html(page, "<p class=\"lead\">");
    page_put(page, page_fill(page, TEXT_INTRO, page->policy->controller, STR_NONE, STR_NONE));
    html(page, "</p>\n<p class=\"small\">");
    str known = view->holder->value;
    vec_each (identifier, &view->person->identifiers)
        if (str_find_char(known, '@') < 0 && str_find_char(identifier->value, '@') > 0)
            known = identifier->value; /* an address says more to a person than a number does */
    str whose = str_empty(known) ? STR("•••") : masked(page->arena, known);
    page_put(page, page_fill(page, TEXT_HOLDER, whose, page_date(page, view->expires_ms), STR_NONE));
    html(page, "</p>\n");
    contents(page);
    choices_section(view);
    interests_section(view);
    needed_section(view);
    contact_form_write(view);
    data_section_write(view);
    recipients_section_write(view);
    receipts_section_write(view);
    rights_section(view);
}
