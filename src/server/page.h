/* Pages for persons: HTML by an escaping writer, in the languages of page_texts.h, without a script.
 *
 * 1. Markup comes from literals only (`html`); whatever else stands on a page goes through html_text, which escapes it.
 * 2. A page that a link opens is nobody else's: no-store, no referrer, no frame, nothing from elsewhere, no script.
 * 3. It works without JavaScript, by keyboard and screen reader, on a phone and on paper.
 */
#ifndef TELOS_SERVER_PAGE_H
#define TELOS_SERVER_PAGE_H

#include "server/page_texts.h"
#include "server/server_private.h"

struct page {
    struct call *call;
    struct arena *arena;
    const struct policy *policy; /* may be NULL */
    struct buf *out;
    enum page_language language;
    str ticket; /* the link's own; empty on pages without one */
};

/* Only a literal: `html(page, "<p>")`. */
#define html(page, literal) buf_add((page)->out, STR("" literal))

str page_language_tag(enum page_language language); /* "hu" */
/* `?lang=`, else `stated` (the person's own preference; may be empty), else Accept-Language, else English. */
enum page_language page_language_of(struct call *call, str asked, str stated);
static inline str page_word(const struct page *page, enum page_text text) { return str_of(page_texts[text][page->language]); }
/* The text with its blanks {0}, {1}, {2} filled in; not escaped yet. */
str page_fill(const struct page *page, enum page_text text, str zero, str one, str two);
void page_say(struct page *page, enum page_text text); /* escaped */
void page_put(struct page *page, str text); /* escaped */
/* ` name="value"`, escaped; the name is a literal. */
#define page_attribute(page, name, value)                                                                              \
    do {                                                                                                               \
        html(page, " " name "=\"");                                                                                    \
        page_put(page, value);                                                                                         \
        html(page, "\"");                                                                                              \
    } while (0)
#define page_paragraph(page, text) /* a text of the table, whole */                                                    \
    do {                                                                                                               \
        html(page, "<p>");                                                                                             \
        page_put(page, text);                                                                                          \
        html(page, "</p>\n");                                                                                          \
    } while (0)

/* In words of the language, in the policy's time zone: "12 March 2026". */
str page_date(const struct page *page, int64_t time_ms);
str page_duration(const struct page *page, struct duration duration); /* "2 years" */
str page_kept(const struct page *page, const struct purpose *purpose); /* how long, as a sentence */
str page_said(const struct page *page, enum consent_status status); /* "took consent back" */
str page_source(const struct page *page, str name); /* what stands for names on a page: page_words.c */
str page_purposes(const struct page *page, purpose_mask mask);
str page_fact(const struct page *page, str name); /* "Postal address (address.city)" */
str page_identifier(const struct page *page, str type);
str page_event(const struct page *page, const struct event *event);
str page_channel(const struct page *page, str name);
#define PREFERENCE_UNLIMITED 1000000 /* as often as this says: no limit */
str page_method(const struct page *page, str method);
str page_article(const struct page *page, enum basis basis); /* "Art. 6(1)(b)" */
str page_moment(const struct page *page, int64_t time_ms); /* "12 March 2026, 09:30" */
str page_title_of(const struct page *page, const local_texts *titles, str title, str name);
str page_cited(const struct page *page, const struct purpose *purpose, enum basis basis); /* what the basis cites: contract, law, interest, why no other; none for a consent */

/* Begins the reply: head, heading, language switch (`path` with the ticket, NULL: none), up to the open <main>. */
void page_begin(struct call *call, unsigned status, enum page_language language, str ticket, str title, const char *path, struct page *ret_page);
void page_end(struct page *page);
/* A page that only says something. */
void page_message(struct call *call, unsigned status, enum page_language language, enum page_text title, enum page_text text);
/* What a failure looks like to a person. */
void page_problem(struct call *call, const struct err *error);

/* The fields of a form's body (application/x-www-form-urlencoded). */
typedef VEC(struct pair) form_pairs;
const struct err *page_form(struct call *call, form_pairs *ret_pairs) MUST_CHECK;
str form_get(const form_pairs *pairs, const char *name); /* STR_NONE where absent */

extern const unsigned char page_css[]; /* console/preferences/page.css */
extern const unsigned page_css_size;

/* preference_view.c: all that stands in <main>. */
struct preference_view {
    struct page page;
    struct person *person;
    const struct identifier *holder;
    const struct standing *standing;
    const struct event *events;
    size_t event_count;
    int64_t expires_ms;
};
void preference_view_write(struct preference_view *view);
/* A form that says `what` (NULL: its buttons do), about a purpose and a notice (may be NULL), with the ticket in it. */
void preference_form_begin(struct page *page, const char *what, const struct purpose *purpose, const struct notice *notice);
/* preference_contact.c: channels, topics, frequency, quiet hours and language: the form, and what it says. */
void contact_form_write(struct preference_view *view);
str contact_form_read(struct arena *arena, const struct policy *policy, const struct person *person, const form_pairs *form);
/* preference_data.c: what is known, who received it, receipts. */
void data_section_write(struct preference_view *view);
void recipients_section_write(struct preference_view *view);
void receipts_section_write(struct preference_view *view);

#endif
