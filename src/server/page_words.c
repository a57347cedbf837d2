/* What people read in the place of names: of sources, purposes, traits, identifiers, events, channels, and ways in which something was said. Titles come from
 * the policy, in the page's language; a name that has none stands as it is. For the preference centre and the export.
 */
#include "server/page.h"

str page_source(const struct page *page, str name)
{
    const struct source *source = policy_source(page->policy, name);
    return source ? page_title_of(page, &source->titles, source->title, source->name) : name;
}

str page_purposes(const struct page *page, purpose_mask mask)
{
    struct buf out;
    buf_init(&out, page->arena, LIMIT_MESSAGE_BYTES);
    vec_each (purpose, &page->policy->purposes)
        if (mask & purpose->self)
            buf_printf(&out, "%s%.*s", out.length ? "; " : "", STR_FMT(page_title_of(page, &purpose->titles, purpose->title, purpose->name)));
    return buf_str(&out);
}

/* "Postal address (address.city)": the category in words, and the trait's own name where it says more. */
str page_fact(const struct page *page, str name)
{
    bool not_personal;
    uint16_t slot = policy_field_category(page->policy, str_printf(page->arena, "traits.%.*s", STR_FMT(name)), &not_personal);
    if (slot == SLOT_NONE)
        return name;
    const struct category *category = &page->policy->categories.items[slot];
    str title = page_title_of(page, &category->titles, category->title, category->name);
    return str_equal(category->name, name) ? title : str_printf(page->arena, "%.*s (%.*s)", STR_FMT(title), STR_FMT(name));
}

str page_identifier(const struct page *page, str type)
{
    const struct identity_key *key = policy_key(page->policy, type);
    const struct category *category = key && key->category != SLOT_NONE ? &page->policy->categories.items[key->category] : policy_category(page->policy, type);
    if (!category)
        return type;
    str title = page_title_of(page, &category->titles, category->title, category->name);
    return str_equal(category->name, type) ? title : str_printf(page->arena, "%.*s (%.*s)", STR_FMT(title), STR_FMT(type));
}

str page_event(const struct page *page, const struct event *event)
{
    static const enum page_text texts[EVENT_TYPE_COUNT] = {[EVENT_IDENTIFY] = TEXT_EVENT_IDENTIFY, [EVENT_PAGE] = TEXT_EVENT_PAGE,
                                                           [EVENT_SCREEN] = TEXT_EVENT_SCREEN,     [EVENT_GROUP] = TEXT_EVENT_GROUP,
                                                           [EVENT_ALIAS] = TEXT_EVENT_ALIAS};
    for (unsigned i = 0; i < event->part_count; i++) {
        struct json body;
        if (str_empty(event->parts[i].body) || json_read(page->arena, event->parts[i].body, &body))
            continue;
        str name = json_string(json_get(&body, event->type == EVENT_TRACK ? STR("event") : STR("name")));
        if (!str_empty(name) && event->type == EVENT_TRACK)
            return name;
        if (!str_empty(name))
            return str_printf(page->arena, "%.*s: %.*s", STR_FMT(page_word(page, texts[event->type])), STR_FMT(name));
    }
    return event->type == EVENT_TRACK ? STR("track") : page_word(page, texts[event->type]);
}

str page_channel(const struct page *page, str name)
{
    static const struct {
        const char *name;
        enum page_text text;
    } known[] = {{"email", TEXT_CHANNEL_EMAIL}, {"sms", TEXT_CHANNEL_SMS},   {"phone", TEXT_CHANNEL_PHONE},
                 {"push", TEXT_CHANNEL_PUSH},   {"post", TEXT_CHANNEL_POST}, {"whatsapp", TEXT_CHANNEL_WHATSAPP}};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_equal(name, str_of(known[i].name)))
            return page_word(page, known[i].text);
    return name;
}


/* How something was said, where Telos itself wrote it; else as the one who recorded it wrote. */
str page_method(const struct page *page, str method)
{
    static const struct {
        const char *name;
        enum page_text text;
    } known[] = {{"preference centre", TEXT_HOW_CENTRE}, {"rights request", TEXT_HOW_RIGHTS}, {"rights request, by the person", TEXT_HOW_RIGHTS_SELF},
                 {"authorised agent", TEXT_HOW_AGENT},   {"objection decided", TEXT_HOW_DECIDED}, {"shown by the source", TEXT_HOW_SHOWN},
                 {"expiry", TEXT_HOW_EXPIRY},            {"signal", TEXT_HOW_BANNER},             {"event", TEXT_HOW_EVENT},
                 {"tcf", TEXT_HOW_TCF},                  {"gpp", TEXT_HOW_GPP},                   {"gpc", TEXT_HOW_GPC},
                 {"consent_mode", TEXT_HOW_CONSENT_MODE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_equal(method, str_of(known[i].name)))
            return page_word(page, known[i].text);
    return method;
}

str page_article(const struct page *page, enum basis basis)
{
    str article = str_of(basis_article(basis)); /* "6(1)(b)" */
    return page->language == PAGE_HU && article.length == 7 ? str_printf(page->arena, "6. cikk (1) %c)", article.data[5])
                                                            : str_printf(page->arena, "Art. %.*s", STR_FMT(article));
}
