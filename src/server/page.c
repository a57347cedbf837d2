#include "server/page.h"

#define FORM_PAIRS_MAX 512

const char *const page_texts[PAGE_TEXTS][PAGE_LANGUAGES] = {
#define X(code, english, hungarian) {english, hungarian},
    PAGE_TEXT_LIST(X)
#undef X
};
static const char *const tags[PAGE_LANGUAGES] = {"en", "hu"};

str page_language_tag(enum page_language language) { return str_of(tags[language]); }

static bool language_parse(str text, enum page_language *ret_language)
{
    for (int i = 0; i < PAGE_LANGUAGES; i++)
        if (text.length >= 2 && str_equal_nocase(str_slice(text, 0, 2), str_of(tags[i])) && (text.length == 2 || text.data[2] == '-')) {
            *ret_language = (enum page_language)i;
            return true;
        }
    return false;
}

/* The first of Accept-Language that there is; browsers send them in order. */
enum page_language page_language_of(struct call *call, str asked, str stated)
{
    enum page_language language;
    str rest = call_header(call, MHD_HTTP_HEADER_ACCEPT_LANGUAGE), part;
    if (language_parse(asked, &language) || language_parse(stated, &language))
        return language;
    while (!str_empty(rest) && str_split(&rest, ',', &part)) {
        str tag = str_trim(part), weight;
        (void)str_split(&tag, ';', &weight); /* what stands before the weight comes back in `weight` */
        if (language_parse(str_trim(weight), &language))
            return language;
    }
    return PAGE_EN;
}

str page_fill(const struct page *page, enum page_text text, str zero, str one, str two)
{
    const str blanks[] = {zero, one, two};
    str pattern = page_word(page, text);
    struct buf out;
    buf_init(&out, page->arena, LIMIT_REPLY_BYTES);
    for (size_t i = 0; i < pattern.length; i++) {
        bool blank = pattern.data[i] == '{' && i + 2 < pattern.length && pattern.data[i + 2] == '}' && pattern.data[i + 1] >= '0' && pattern.data[i + 1] <= '2';
        if (blank) {
            buf_add(&out, blanks[pattern.data[i + 1] - '0']);
            i += 2;
            if (out.length && out.data[out.length - 1] == '.' && i + 1 < pattern.length && pattern.data[i + 1] == '.')
                i++; /* a Hungarian date ends with one already */
        } else {
            buf_add_char(&out, pattern.data[i]);
        }
    }
    return buf_str(&out);
}

void page_put(struct page *page, str text) { html_text(page->out, text); }
void page_say(struct page *page, enum page_text text) { html_text(page->out, page_word(page, text)); }

/* ---- times ---- */

static int64_t to_local(const struct page *page, int64_t time_ms)
{
    int minute, weekday;
    if (!page->policy || !time_local(time_ms, page->policy->quiet_zone, &minute, &weekday))
        return time_ms;
    int utc = (int)(time_ms / MINUTE_MS % (24 * 60)), shift = minute - utc;
    shift += shift > 14 * 60 ? -24 * 60 : shift < -12 * 60 ? 24 * 60 : 0;
    return time_ms + shift * MINUTE_MS;
}

str page_date(const struct page *page, int64_t time_ms)
{
    static const char *const months[PAGE_LANGUAGES][12] = {
        {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
        {"január", "február", "március", "április", "május", "június", "július", "augusztus", "szeptember", "október", "november", "december"}};
    char text[TIME_TEXT_SIZE];
    if (time_ms == TIME_NONE || time_ms == TIME_FOREVER)
        return STR("–");
    str iso = time_text(to_local(page, time_ms), text);
    int64_t year, month, day;
    if (!str_to_int64(str_slice(iso, 0, 4), &year) || !str_to_int64(str_slice(iso, 5, 7), &month) || !str_to_int64(str_slice(iso, 8, 10), &day))
        return STR("–");
    const char *name = months[page->language][month - 1];
    return page->language == PAGE_HU ? str_printf(page->arena, "%d. %s %d.", (int)year, name, (int)day)
                                     : str_printf(page->arena, "%d %s %d", (int)day, name, (int)year);
}

str page_moment(const struct page *page, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE];
    if (time_ms == TIME_NONE || time_ms == TIME_FOREVER)
        return STR("–");
    str iso = time_text(to_local(page, time_ms), text);
    str day = page_date(page, time_ms);
    return str_printf(page->arena, page->language == PAGE_HU ? "%.*s %.*s" : "%.*s, %.*s", STR_FMT(day), STR_FMT(str_slice(iso, 11, 16)));
}

static str counted(const struct page *page, int64_t count, enum page_text one, enum page_text many)
{
    return count == 1 ? page_word(page, one) : page_fill(page, many, str_printf(page->arena, "%lld", (long long)count), STR_NONE, STR_NONE);
}

str page_duration(const struct page *page, struct duration duration)
{
    if (duration.months && duration.months % 12 == 0 && !duration.ms)
        return counted(page, duration.months / 12, TEXT_YEAR, TEXT_YEARS);
    if (duration.months && !duration.ms)
        return counted(page, duration.months, TEXT_MONTH, TEXT_MONTHS);
    int64_t days = duration.ms / DAY_MS + (int64_t)duration.months * 30;
    return duration.ms % DAY_MS == 0 || days > 3 ? counted(page, days, TEXT_DAY, TEXT_DAYS) : counted(page, duration.ms / HOUR_MS, TEXT_HOURS, TEXT_HOURS);
}

str page_kept(const struct page *page, const struct purpose *purpose)
{
    static const enum page_text texts[] = {[ANCHOR_NONE] = TEXT_KEPT_UNLIMITED, [ANCHOR_COLLECTED] = TEXT_KEPT_COLLECTED,
                                           [ANCHOR_LAST_SEEN] = TEXT_KEPT_LAST_SEEN, [ANCHOR_CONTRACT_END] = TEXT_KEPT_CONTRACT_END,
                                           [ANCHOR_GIVEN] = TEXT_KEPT_GIVEN};
    return page_fill(page, texts[purpose->retention.anchor], page_duration(page, purpose->retention.duration), STR_NONE, STR_NONE);
}

str page_said(const struct page *page, enum consent_status status)
{
    static const enum page_text texts[CONSENT_STATUS_COUNT] = {
        [CONSENT_GIVEN] = TEXT_SAID_GIVEN,           [CONSENT_REFUSED] = TEXT_SAID_REFUSED,   [CONSENT_WITHDRAWN] = TEXT_SAID_WITHDRAWN,
        [CONSENT_RENEWED] = TEXT_SAID_RENEWED,       [CONSENT_EXPIRED] = TEXT_SAID_EXPIRED,   [CONSENT_OBJECTED] = TEXT_SAID_OBJECTED,
        [CONSENT_OBJECTION_LIFTED] = TEXT_SAID_OBJECTION_LIFTED, [CONSENT_OPENED] = TEXT_SAID_OPENED, [CONSENT_ENDED] = TEXT_SAID_ENDED,
        [CONSENT_INVOKED] = TEXT_SAID_INVOKED,       [CONSENT_INFORMED] = TEXT_SAID_INFORMED, [CONSENT_OPTED_OUT] = TEXT_SAID_OPTED_OUT,
        [CONSENT_RESTRICTED] = TEXT_SAID_RESTRICTED, [CONSENT_UNRESTRICTED] = TEXT_SAID_UNRESTRICTED,
        [CONSENT_VENDOR_PERMITTED] = TEXT_SAID_GIVEN, [CONSENT_VENDOR_DENIED] = TEXT_SAID_REFUSED};
    return page_word(page, texts[status]);
}

str page_title_of(const struct page *page, const local_texts *titles, str title, str name)
{
    str text = local_text(titles, page_language_tag(page->language), title);
    return str_empty(text) ? name : text;
}

str page_cited(const struct page *page, const struct purpose *purpose, enum basis basis)
{
    str tag = page_language_tag(page->language);
    switch (basis) {
    case BASIS_CONTRACT: return local_text(&purpose->contracts, tag, purpose->contract);
    case BASIS_LEGAL_OBLIGATION: case BASIS_PUBLIC_TASK: return local_text(&purpose->laws, tag, purpose->law);
    case BASIS_VITAL_INTEREST: return local_text(&purpose->whys, tag, purpose->why_no_other_basis);
    case BASIS_LEGITIMATE_INTEREST: return local_text(&purpose->interests, tag, purpose->interest);
    default: return STR_NONE;
    }
}

/* ---- the frame ---- */

static void headers(struct call *call)
{
    reply_header(call, "Content-Security-Policy",
                 "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'");
    reply_header(call, "Referrer-Policy", "no-referrer");
    reply_header(call, "X-Content-Type-Options", "nosniff");
    reply_header(call, "X-Robots-Tag", "noindex, nofollow");
    reply_header(call, "Vary", "Accept-Language");
}

static void language_switch(struct page *page, const char *path)
{
    html(page, "<nav class=\"languages\"");
    page_attribute(page, "aria-label", page_word(page, TEXT_LANGUAGE));
    html(page, ">");
    for (int i = 0; i < PAGE_LANGUAGES; i++) {
        enum page_language other = (enum page_language)i;
        str address = str_printf(page->arena, "%s?t=%.*s&lang=%s", path, STR_FMT(page->ticket), tags[i]);
        html(page, "<a");
        page_attribute(page, "href", address);
        page_attribute(page, "lang", page_language_tag(other));
        page_attribute(page, "hreflang", page_language_tag(other));
        if (other == page->language)
            html(page, " aria-current=\"true\"");
        html(page, ">");
        page_put(page, str_of(page_texts[TEXT_LANG_NAME][other]));
        html(page, "</a>\n");
    }
    html(page, "</nav>");
}

void page_begin(struct call *call, unsigned status, enum page_language language, str ticket, str title, const char *path, struct page *ret_page)
{
    struct page *page = ret_page;
    *page = (struct page){.call = call, .arena = &call->arena, .policy = call->policy, .language = language, .ticket = ticket};
    reply_text(call, status, "text/html; charset=utf-8", STR_NONE);
    page->out = &call->reply.out;
    headers(call);
    html(page, "<!doctype html>\n<html");
    page_attribute(page, "lang", page_language_tag(language));
    html(page, ">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<title>");
    page_put(page, title);
    if (call->policy) {
        html(page, " – ");
        page_put(page, call->policy->controller);
    }
    html(page, "</title>\n<link rel=\"stylesheet\" href=\"/preferences.css\">\n<link rel=\"icon\" href=\"data:,\">\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">");
    page_say(page, TEXT_SKIP);
    html(page, "</a>\n<header><div class=\"wide\"><p class=\"controller\">");
    page_put(page, call->policy ? call->policy->controller : STR("Telos"));
    html(page, "</p>");
    if (path)
        language_switch(page, path);
    html(page, "</div></header>\n<main id=\"main\" class=\"wide\" tabindex=\"-1\">\n<h1>");
    page_put(page, title);
    html(page, "</h1>\n");
}

void page_end(struct page *page)
{
    const struct policy *policy = page->policy;
    html(page, "</main>\n<footer><div class=\"wide\">\n");
    if (policy) {
        html(page, "<p>");
        page_say(page, TEXT_CONTROLLER);
        html(page, ": ");
        page_put(page, policy->controller);
        const str rest[] = {policy->address, policy->contact};
        for (size_t i = 0; i < 2; i++) {
            if (str_empty(rest[i]))
                continue;
            html(page, " · ");
            page_put(page, rest[i]);
        }
        if (!str_empty(policy->dpo)) {
            html(page, "<br>");
            page_say(page, TEXT_DPO);
            html(page, ": ");
            page_put(page, policy->dpo);
        }
        html(page, "</p>\n");
    }
    page_paragraph(page, page_word(page, TEXT_COMPLAIN));
    html(page, "</div></footer>\n</body>\n</html>\n");
}

void page_message(struct call *call, unsigned status, enum page_language language, enum page_text title, enum page_text text)
{
    struct page page;
    page_begin(call, status, language, STR_NONE, str_of(page_texts[title][language]), NULL, &page);
    page_paragraph(&page, page_word(&page, text));
    page_end(&page);
}

void page_problem(struct call *call, const struct err *error)
{
    enum page_language language = page_language_of(call, call_query(call, "lang"), STR_NONE);
    page_message(call, (unsigned)err_status(error->code), language, TEXT_WRONG_TITLE, TEXT_WRONG_TEXT);
    if (err_retry_helps(error->code))
        reply_header(call, MHD_HTTP_HEADER_RETRY_AFTER, "5");
}

/* ---- forms ---- */

const struct err *page_form(struct call *call, form_pairs *ret_pairs)
{
    str rest = buf_str(&call->body), part;
    *ret_pairs = (form_pairs){0};
    while (!str_empty(rest) && str_split(&rest, '&', &part)) {
        str name = part, value = STR("");
        ptrdiff_t equals = str_find_char(part, '=');
        if (str_empty(part))
            continue;
        if (ret_pairs->count == FORM_PAIRS_MAX)
            return err_new(&call->arena, ERR_INVALID, "the form has more than %d fields", FORM_PAIRS_MAX);
        if (equals >= 0) {
            name = str_slice(part, 0, (size_t)equals);
            value = str_slice(part, (size_t)equals + 1, part.length);
        }
        struct pair *pair = vec_push(&call->arena, ret_pairs);
        *pair = (struct pair){percent_decode(&call->arena, name, true), percent_decode(&call->arena, value, true)};
        if (!str_valid_utf8(pair->name) || !str_valid_utf8(pair->value))
            return err_new(&call->arena, ERR_MALFORMED, "the form is no UTF-8");
    }
    return NULL;
}

str form_get(const form_pairs *pairs, const char *name)
{
    str wanted = str_of(name);
    vec_each (pair, pairs)
        if (str_equal(pair->name, wanted))
            return pair->value;
    return STR_NONE;
}
