/* /rights?t=…&r=…: the page by which a person confirms that a request is theirs, or takes it back. The link went to an identifier that was known
 * before, so whoever opens it is whom the request is about (Art. 12(6)).
 *
 *     GET: what was asked, and two buttons ─▶ POST /rights ─▶ commit ─▶ what happens next
 *
 * 1. Looking is not confirming: mail programs open links. Only the form does.
 * 2. The ticket is the key, the request's id says which one; a request of somebody else, or none, are not told apart.
 * 3. No script; the frame is page.h's, with its languages.
 */
#include "server/page.h"
#include "server/rights_private.h"

#define AUDIENCE STR("rights")

/* code, English, Hungarian */
#define WORDS(X)                                                                                                       \
    X(W_TITLE, "Is this request yours?", "Öntől származik ez a kérelem?")                                              \
    X(W_ABOUT, "Somebody asked us the following for you. If it was you, please confirm it here; then we answer it. If it was not, do nothing or take it back: without your confirmation nothing is done.", "Valaki a következőt kérte tőlünk az Ön nevében. Ha Ön volt, kérjük, itt erősítse meg, és válaszolunk rá. Ha nem, ne tegyen semmit, vagy vonja vissza: megerősítés nélkül semmi sem történik.") \
    X(W_ASKED, "What was asked", "Mit kértek")                                                                         \
    X(W_WHEN, "When", "Mikor")                                                                                         \
    X(W_DUE, "We answer by", "Eddig válaszolunk")                                                                      \
    X(W_CONFIRM, "Yes, it is mine: I confirm it", "Igen, az enyém: megerősítem")                                       \
    X(W_WITHDRAW, "No: take it back", "Nem: vonják vissza")                                                            \
    X(W_THANKS, "Thank you, the request is confirmed", "Köszönjük, a kérelmet megerősítette")                          \
    X(W_THANKS_IS, "We answer it by {0}. You need do nothing more.", "Eddig válaszolunk rá: {0}. Önnek nincs több teendője.") \
    X(W_BACK, "The request was taken back", "A kérelmet visszavonta")                                                  \
    X(W_BACK_IS, "Nothing was done. You may ask again at any time.", "Semmi sem történt. Bármikor újra kérheti.")      \
    X(W_MAIL, "Please look into your mail", "Kérjük, nézze meg a postáját")                                          \
    X(W_MAIL_IS, "To know that the request is yours, we sent a link to an address of yours that we knew before. Open it, and confirm the request there.", "Hogy tudjuk, Öntől származik-e a kérelem, linket küldtünk egy olyan címére, amelyet korábban is ismertünk. Nyissa meg, és ott erősítse meg a kérelmet.") \
    X(W_OVER, "There is nothing to confirm", "Nincs mit megerősíteni")                                                 \
    X(W_OVER_IS, "The request was confirmed already, answered, or taken back.", "A kérelmet már megerősítették, megválaszolták vagy visszavonták.")
enum word {
#define X(code, en, hu) code,
    WORDS(X)
#undef X
};
static const char *const words[][PAGE_LANGUAGES] = {
#define X(code, en, hu) [code] = {[PAGE_EN] = en, [PAGE_HU] = hu},
    WORDS(X)
#undef X
};

static const char *const rights_words[RIGHT_COUNT][PAGE_LANGUAGES] = {
    [RIGHT_ACCESS] = {[PAGE_EN] = "A copy of all data about you (Art. 15)", [PAGE_HU] = "Másolat minden adatról, amit Önről őrzünk (15. cikk)"},
    [RIGHT_PORTABILITY] = {[PAGE_EN] = "The data that you provided, to take along (Art. 20)", [PAGE_HU] = "Az Ön által megadott adatok, hordozható formában (20. cikk)"},
    [RIGHT_RECTIFICATION] = {[PAGE_EN] = "To put wrong data right (Art. 16)", [PAGE_HU] = "Téves adatok helyesbítése (16. cikk)"},
    [RIGHT_ERASURE] = {[PAGE_EN] = "To erase all data about you (Art. 17). This cannot be undone.", [PAGE_HU] = "Minden adat törlése (17. cikk). Nem vonható vissza."},
    [RIGHT_RESTRICTION] = {[PAGE_EN] = "Only to store your data, and not to use it (Art. 18)", [PAGE_HU] = "Az adatok csak tárolása, használat nélkül (18. cikk)"},
    [RIGHT_RESTRICTION_LIFTED] = {[PAGE_EN] = "To use your data again (Art. 18)", [PAGE_HU] = "Az adatok használata ismét (18. cikk)"},
    [RIGHT_OBJECTION] = {[PAGE_EN] = "To stop a use of your data (objection, Art. 21)", [PAGE_HU] = "Egy adathasználat megszüntetése (tiltakozás, 21. cikk)"},
    [RIGHT_OBJECTION_LIFTED] = {[PAGE_EN] = "To take an objection back (Art. 21)", [PAGE_HU] = "Tiltakozás visszavonása (21. cikk)"},
    [RIGHT_WITHDRAWAL] = {[PAGE_EN] = "To take a consent back (Art. 7(3))", [PAGE_HU] = "Hozzájárulás visszavonása (7. cikk (3))"},
    [RIGHT_HUMAN_REVIEW] = {[PAGE_EN] = "That a human being looks at an automated decision (Art. 22(3))", [PAGE_HU] = "Automatizált döntés emberi felülvizsgálata (22. cikk (3))"},
};

static str word(const struct page *page, enum word code) { return str_of(words[code][page->language]); }

/* The request that the link is about, if it is this person's and the link holds; else the page that says so is the reply. */
static const struct err *link_case(struct call *call, str ticket, str id, str lang, struct link_holder *ret_holder, struct rights_case *ret_case, bool *ret_good)
{
    struct reader *reader;
    struct uuid request;
    bool found = false;
    *ret_good = false;
    if (!call->policy)
        return err_new(&call->arena, ERR_CONFLICT, "no policy is active yet");
    TRY(call_reader(call, &reader));
    TRY(engine_link_open(reader, &call->arena, call->policy, AUDIENCE, ticket, call->received_ms, PERSON_HEAD, ret_holder));
    if (ret_holder->state == LINK_EXPIRED) {
        page_message(call, MHD_HTTP_GONE, page_language_of(call, lang, STR_NONE), TEXT_EXPIRED_TITLE, TEXT_EXPIRED_TEXT);
        return NULL;
    }
    if (ret_holder->state == LINK_GOOD && uuid_parse(id, &request))
        TRY(engine_right(reader, &call->arena, request, false, ret_case, &found));
    *ret_good = found && person_profile(ret_holder->person, ret_case->row.profile);
    if (!*ret_good)
        page_message(call, MHD_HTTP_FORBIDDEN, page_language_of(call, lang, STR_NONE), TEXT_BAD_TITLE, TEXT_BAD_TEXT);
    return NULL;
}

static void say_only(struct call *call, enum page_language language, enum word title, str text)
{
    struct page page;
    page_begin(call, MHD_HTTP_OK, language, STR_NONE, str_of(words[title][language]), NULL, &page);
    reply_header(call, "Cache-Control", "no-store");
    html(&page, "<p role=\"status\">");
    page_put(&page, text);
    html(&page, "</p>\n");
    page_end(&page);
}

static void term(struct page *page, enum word name, str value)
{
    html(page, "<dt>");
    page_put(page, word(page, name));
    html(page, "</dt><dd>");
    page_put(page, value);
    html(page, "</dd>\n");
}

static void form(struct page *page, const char *id, const char *deed, enum word label)
{
    html(page, "<form method=\"post\" action=\"/rights\">\n<input type=\"hidden\" name=\"t\"");
    page_attribute(page, "value", page->ticket);
    html(page, "><input type=\"hidden\" name=\"r\"");
    page_attribute(page, "value", str_of(id));
    html(page, "><input type=\"hidden\" name=\"lang\"");
    page_attribute(page, "value", page_language_tag(page->language));
    html(page, "><input type=\"hidden\" name=\"do\"");
    page_attribute(page, "value", str_of(deed));
    html(page, "><button type=\"submit\">");
    page_put(page, word(page, label));
    html(page, "</button>\n</form>\n");
}

const struct err *rights_page_get(struct call *call)
{
    struct link_holder holder;
    struct rights_case one;
    struct page page;
    enum rights_state to;
    char id[UUID_TEXT_SIZE];
    bool good;
    str ticket = call_query(call, "t"), lang = call_query(call, "lang");
    if (str_empty(ticket)) { /* where an agent sends the person to (`user_verification_url`); it says the same whatever `r` is */
        enum page_language language = page_language_of(call, lang, STR_NONE);
        say_only(call, language, W_MAIL, str_of(words[W_MAIL_IS][language]));
        return NULL;
    }
    TRY(link_case(call, ticket, call_query(call, "r"), lang, &holder, &one, &good));
    if (!good)
        return NULL;
    call_record(call, holder.person, STR_NONE, "request, by the person");
    enum page_language language = page_language_of(call, lang, STR_NONE);
    if (!rights_step_allowed(one.row.state, RIGHTS_IDENTITY_CONFIRMED, &to)) {
        say_only(call, language, W_OVER, str_of(words[W_OVER_IS][language]));
        return NULL;
    }
    page_begin(call, MHD_HTTP_OK, language, ticket, str_of(words[W_TITLE][language]), NULL, &page);
    reply_header(call, "Cache-Control", "no-store");
    page_paragraph(&page, word(&page, W_ABOUT));
    html(&page, "<dl>\n");
    term(&page, W_ASKED, str_of(rights_words[one.row.right][language]));
    term(&page, W_WHEN, page_date(&page, one.row.opened_ms));
    term(&page, W_DUE, page_date(&page, one.row.due_ms));
    html(&page, "</dl>\n");
    (void)uuid_text(one.row.id, id);
    form(&page, id, "confirm", W_CONFIRM);
    form(&page, id, "withdraw", W_WITHDRAW);
    page_end(&page);
    return NULL;
}

static const struct err *said(struct call *call)
{
    const struct rights_act *act = call->state;
    enum page_language language = page_language_of(call, act->code, STR_NONE);
    struct page page = {.call = call, .arena = &call->arena, .policy = call->policy, .language = language};
    if (!str_empty(act->ret_refusal) || !act->ret_found)
        say_only(call, language, W_OVER, word(&page, W_OVER_IS));
    else if (act->ret_row.state == RIGHTS_WITHDRAWN)
        say_only(call, language, W_BACK, word(&page, W_BACK_IS));
    else {
        str text = word(&page, W_THANKS_IS), day = page_date(&page, act->ret_row.due_ms);
        ptrdiff_t blank = str_find(text, STR("{0}"));
        say_only(call, language, W_THANKS, str_printf(&call->arena, "%.*s%.*s%.*s", (int)blank, text.data, STR_FMT(day),
                                                      STR_FMT(str_slice(text, (size_t)blank + 3, text.length))));
    }
    return NULL;
}

const struct err *rights_page_post(struct call *call)
{
    struct link_holder holder;
    struct rights_case one;
    form_pairs form;
    bool good;
    TRY(page_form(call, &form));
    TRY(link_case(call, form_get(&form, "t"), form_get(&form, "r"), form_get(&form, "lang"), &holder, &one, &good));
    if (!good)
        return NULL;
    bool confirms = str_equal(form_get(&form, "do"), STR("confirm"));
    if (!confirms && !str_equal(form_get(&form, "do"), STR("withdraw")))
        return err_new(&call->arena, ERR_INVALID, "the form says neither confirm nor withdraw");
    struct rights_act *act = arena_new(&call->arena, struct rights_act);
    act->id = one.row.id;
    act->role = STR("person");
    act->identity = STR("link");
    act->code = str_copy(&call->arena, form_get(&form, "lang")); /* for the page that follows; no refusal is written with these steps */
    rights_step_add(act, confirms ? RIGHTS_IDENTITY_CONFIRMED : RIGHTS_WITHDRAW);
    return rights_submit(call, act, said);
}
