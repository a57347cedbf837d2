/* /preferences?t=: the page that a person opens from a signed link, and what its forms do.
 *
 *     GET page ─▶ form ─▶ POST /preferences ─▶ commit ─▶ 303 back to the page, which says what was done
 *
 * 1. The ticket is the only key: it is in every form, so that no other site can send one; nothing is kept in a cookie.
 * 2. Every view is a recorded read, "by the person".
 * 3. What a form says is recorded on the identifier that the link was sent to, as verified, under the very version of the notice that was on the page.
 */
#include "server/page.h"
#include "server/rights_private.h"

#define AUDIENCE STR("preferences")
#define EVENTS_SHOWN 10

static str stated_language(struct call *call, const struct person *person)
{
    struct buf out;
    struct jsonw w;
    struct json said;
    buf_init(&out, &call->arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &out);
    preferences_write(&call->arena, &w, person);
    return json_read(&call->arena, buf_str(&out), &said) ? STR_NONE : json_string(json_get(&said, STR("language")));
}

/* Whose link it is. False: the page that says why not is the reply. */
static const struct err *holder_open(struct call *call, str ticket, str lang, unsigned parts, struct link_holder *ret_holder, bool *ret_good)
{
    struct reader *reader;
    *ret_good = false;
    if (!call->policy)
        return err_new(&call->arena, ERR_CONFLICT, "no policy is active yet");
    TRY(call_reader(call, &reader));
    TRY(engine_link_open(reader, &call->arena, call->policy, AUDIENCE, ticket, call->received_ms, parts, ret_holder));
    *ret_good = ret_holder->state == LINK_GOOD;
    if (ret_holder->state == LINK_EXPIRED)
        page_message(call, MHD_HTTP_GONE, page_language_of(call, lang, STR_NONE), TEXT_EXPIRED_TITLE, TEXT_EXPIRED_TEXT);
    else if (!*ret_good)
        page_message(call, MHD_HTTP_FORBIDDEN, page_language_of(call, lang, STR_NONE), TEXT_BAD_TITLE, TEXT_BAD_TEXT);
    return NULL;
}

static const struct {
    const char *name;
    enum page_text text;
    bool wrong;
} notes[] = {{"saved", TEXT_DONE_SAVED, false},           {"given", TEXT_DONE_GIVEN, false},           {"withdrawn", TEXT_DONE_WITHDRAWN, false},
             {"objected", TEXT_DONE_OBJECTED, false},     {"lifted", TEXT_DONE_LIFTED, false},         {"restricted", TEXT_DONE_RESTRICTED, false},
             {"unrestricted", TEXT_DONE_UNRESTRICTED, false}, {"explicit", TEXT_DONE_EXPLICIT, true},  {"changed", TEXT_DONE_CHANGED, true},
             {"confirm", TEXT_DONE_CONFIRM, true},        {"refused", TEXT_DONE_REFUSED, true}};

static void note_write(struct page *page, str done)
{
    for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
        if (!str_equal(done, str_of(notes[i].name)))
            continue;
        html(page, "<p class=\"note");
        if (notes[i].wrong)
            html(page, " wrong\" role=\"alert\">");
        else
            html(page, "\" role=\"status\">");
        page_say(page, notes[i].text);
        html(page, "</p>\n");
    }
}

const struct err *preference_page_get(struct call *call)
{
    struct link_holder holder;
    struct preference_view view = {0};
    struct reader *reader;
    struct event *events = NULL;
    bool good;
    str ticket = call_query(call, "t"), lang = call_query(call, "lang");
    if (str_equal(call_query(call, "done"), STR("erased"))) {
        page_message(call, MHD_HTTP_OK, page_language_of(call, lang, STR_NONE), TEXT_ERASED_TITLE, TEXT_ERASED_TEXT);
        return NULL;
    }
    TRY(holder_open(call, ticket, lang, PERSON_HEAD | PERSON_FACTS | PERSON_HELD | PERSON_OUTBOX, &holder, &good));
    if (!good)
        return NULL;
    TRY(call_reader(call, &reader));
    TRY(engine_events(reader, &call->arena, call->policy, holder.person, 0, EVENTS_SHOWN, &events, &view.event_count));
    call_record(call, holder.person, STR_NONE, "page, by the person");
    view.person = holder.person;
    view.holder = holder.identifier;
    view.expires_ms = holder.expires_ms;
    view.events = events;
    view.standing = gate_standing(&call->arena, call->policy, holder.person, STR_NONE, call->received_ms);
    enum page_language language = page_language_of(call, lang, stated_language(call, holder.person));
    page_begin(call, MHD_HTTP_OK, language, ticket, str_of(page_texts[TEXT_TITLE][language]), "/preferences", &view.page);
    note_write(&view.page, call_query(call, "done"));
    preference_view_write(&view);
    page_end(&view.page);
    return NULL;
}

const struct err *preference_css_get(struct call *call)
{
    reply_text(call, MHD_HTTP_OK, "text/css; charset=utf-8", str_bytes(page_css, page_css_size));
    return NULL;
}

/* ---- what a form does ---- */

struct deed {
    form_pairs form;
    struct link_holder holder;
    const struct standing *standing;
    VEC(struct request) requests;
    const char *done;      /* what the page says afterwards */
    const char *part;      /* where on the page */
    str ticket, lang;
};

static str lang_of(str lang) { return str_equal(lang, STR("hu")) || str_equal(lang, STR("en")) ? lang : STR("en"); }

static const struct err *back(struct call *call, const struct deed *deed)
{
    bool erased = !strcmp(deed->done, "erased");
    const char *address = erased ? arena_printf(&call->arena, "/preferences?done=erased&lang=%.*s", STR_FMT(lang_of(deed->lang)))
                                 : arena_printf(&call->arena, "/preferences?t=%.*s&lang=%.*s&done=%s%s", STR_FMT(deed->ticket), STR_FMT(lang_of(deed->lang)),
                                                deed->done, deed->part ? deed->part : "");
    reply_empty(call, MHD_HTTP_SEE_OTHER);
    reply_header(call, MHD_HTTP_HEADER_LOCATION, address);
    reply_header(call, "Referrer-Policy", "no-referrer");
    reply_header(call, "Cache-Control", "no-store");
    return NULL;
}

static const struct err *back_after(struct call *call)
{
    struct deed *deed = call->state;
    for (size_t i = 0; i < call->work.request_count; i++)
        if (!str_empty(call->work.requests[i].refusal))
            deed->done = "refused";
    return back(call, deed);
}

static struct consent *say(struct call *call, struct deed *deed, enum consent_status status, const struct purpose *purpose)
{
    struct request *request = vec_push(&call->arena, &deed->requests);
    request->kind = REQUEST_STATEMENT;
    request->statement.subject = engine_link_identifier(call->policy, deed->holder.identifier);
    request->statement.record = (struct consent){.purpose = purpose ? purpose->name : STR_NONE, .status = status, .at_ms = call->received_ms,
                                                 .expires_ms = TIME_NONE, .source = STR("api"), .verified = true, .by = SAID_BY_SELF,
                                                 .method = STR("preference centre")};
    return &request->statement.record;
}

static const struct purpose_standing *now_of(const struct deed *deed, const struct purpose *purpose) { return &deed->standing->purposes[purpose->slot]; }

static void say_yes(struct call *call, struct deed *deed, const struct purpose *purpose, bool is_explicit)
{
    if (now_of(deed, purpose)->objection)
        (void)say(call, deed, CONSENT_OBJECTION_LIFTED, purpose);
    bool renewed = now_of(deed, purpose)->record && now_of(deed, purpose)->record->status == CONSENT_GIVEN && now_of(deed, purpose)->reasons;
    struct consent *record = say(call, deed, renewed ? CONSENT_RENEWED : CONSENT_GIVEN, purpose);
    record->explicit_given = is_explicit;
    if (purpose->notice != SLOT_NONE) {
        record->notice = call->policy->notices.items[purpose->notice].name;
        record->notice_version = call->policy->notices.items[purpose->notice].version;
    }
}

static void say_no(struct call *call, struct deed *deed, const struct purpose *purpose)
{
    const struct consent *record = now_of(deed, purpose)->record;
    bool given = record && (record->status == CONSENT_GIVEN || record->status == CONSENT_RENEWED);
    (void)say(call, deed, given ? CONSENT_WITHDRAWN : CONSENT_REFUSED, purpose);
    deed->done = given ? "withdrawn" : "saved";
}

/* The page showed a notice; is it still the one that holds? */
static bool notice_is_current(struct call *call, const struct deed *deed, const struct purpose *purpose)
{
    if (purpose->notice == SLOT_NONE)
        return true;
    const struct notice *notice = &call->policy->notices.items[purpose->notice];
    return str_equal(form_get(&deed->form, "notice"), str_printf(&call->arena, "%.*s@%u", STR_FMT(notice->name), notice->version));
}

static void do_give(struct call *call, struct deed *deed, const struct purpose *purpose)
{
    bool is_explicit = str_equal(form_get(&deed->form, "explicit"), STR("yes"));
    if (!notice_is_current(call, deed, purpose)) {
        deed->done = "changed";
    } else if (purpose->explicit_consent && !is_explicit) {
        deed->done = "explicit";
    } else {
        say_yes(call, deed, purpose, is_explicit);
        deed->done = "given";
    }
}

/* ---- of the whole person ---- */

static bool asks_consent(struct call *call, const struct deed *deed, const struct purpose *purpose)
{
    bool running = (purpose->starts_ms == TIME_NONE || purpose->starts_ms <= call->received_ms) && call->received_ms < purpose->ends_ms;
    return running && now_of(deed, purpose)->basis == BASIS_CONSENT;
}

static void do_all(struct call *call, struct deed *deed, bool yes)
{
    vec_each (purpose, &call->policy->purposes) {
        reason_mask why = now_of(deed, purpose)->reasons;
        if (!asks_consent(call, deed, purpose))
            continue;
        if (!yes)
            say_no(call, deed, purpose);
        else if (why && !purpose->explicit_consent && !(why & REASON_BIT(REASON_CONSENT_GUARDIAN_REQUIRED)))
            say_yes(call, deed, purpose, false);
    }
    deed->done = "saved";
}

static void do_all_yes(struct call *call, struct deed *deed, const struct purpose *purpose) { (void)purpose; do_all(call, deed, true); }
static void do_all_no(struct call *call, struct deed *deed, const struct purpose *purpose) { (void)purpose; do_all(call, deed, false); }

static void do_contact(struct call *call, struct deed *deed, const struct purpose *purpose)
{
    (void)purpose;
    struct request *request = vec_push(&call->arena, &deed->requests);
    request->kind = REQUEST_PREFERENCES;
    request->subject = engine_link_identifier(call->policy, deed->holder.identifier);
    request->value = contact_form_read(&call->arena, call->policy, deed->holder.person, &deed->form);
    deed->done = "saved";
}

static const struct deed_kind {
    const char *name;
    void (*run)(struct call *call, struct deed *deed, const struct purpose *purpose); /* NULL: a right, which becomes a request of its own */
    enum right right;
    bool of_purpose;
    const char *part, *done; /* where on the page, and what it says; `run` says itself */
} deed_kinds[] = {
    {"give", do_give, 0, true, NULL, NULL},
    {"refuse", say_no, 0, true, NULL, NULL},
    {"all_yes", do_all_yes, 0, false, "#choices", NULL},
    {"all_no", do_all_no, 0, false, "#choices", NULL},
    {"contact", do_contact, 0, false, "#contact", NULL},
    {"object", NULL, RIGHT_OBJECTION, true, NULL, "objected"},
    {"lift", NULL, RIGHT_OBJECTION_LIFTED, true, NULL, "lifted"},
    {"restrict", NULL, RIGHT_RESTRICTION, false, "#rights", "restricted"},
    {"unrestrict", NULL, RIGHT_RESTRICTION_LIFTED, false, "#rights", "unrestricted"},
    {"erase", NULL, RIGHT_ERASURE, false, "#rights", "erased"},
    {"access", NULL, RIGHT_ACCESS, false, NULL, NULL},
    {"portability", NULL, RIGHT_PORTABILITY, false, NULL, NULL},
};

static const struct deed_kind *kind_of(const form_pairs *form)
{
    str what = form_get(form, "do");
    for (size_t i = 0; i < sizeof(deed_kinds) / sizeof(*deed_kinds); i++)
        if (str_equal(what, str_of(deed_kinds[i].name)))
            return &deed_kinds[i];
    return NULL;
}

/* A right: it is recorded as a request whose identity the link has confirmed, and done in the same commit. */
static const struct err *right_done(struct call *call)
{
    const struct rights_act *act = call->state;
    struct deed deed = {0};
    TRY(page_form(call, &deed.form));
    const struct deed_kind *kind = kind_of(&deed.form);
    deed.ticket = form_get(&deed.form, "t");
    deed.lang = form_get(&deed.form, "lang");
    deed.part = kind->part;
    deed.done = rights_refused(call, act) ? "refused" : kind->done;
    return back(call, &deed);
}

static const struct err *right_do(struct call *call, struct deed *deed, const struct deed_kind *kind, const struct purpose *purpose)
{
    struct rights_act *act = rights_act_by_person(call, kind->right, deed->holder.person, deed->holder.identifier);
    if (kind->right == RIGHT_ACCESS || kind->right == RIGHT_PORTABILITY)
        return rights_export_begin(call, act, NULL);
    struct message_identifier subject = engine_link_identifier(call->policy, deed->holder.identifier);
    str why = str_slice(form_get(&deed->form, "why"), 0, LIMIT_FIELD_NAME_BYTES);
    act->details.text = str_repair_utf8(&call->arena, why);
    act->purpose = purpose ? purpose->name : STR_NONE;
    TRY(rights_work(call, act, &subject, deed->holder.person));
    return rights_submit(call, act, right_done);
}

const struct err *preference_page_post(struct call *call)
{
    struct deed *deed = arena_new(&call->arena, struct deed);
    bool good;
    TRY(page_form(call, &deed->form));
    const struct deed_kind *kind = kind_of(&deed->form);
    deed->ticket = form_get(&deed->form, "t");
    deed->lang = form_get(&deed->form, "lang");
    deed->done = "refused";
    TRY(holder_open(call, deed->ticket, deed->lang, PERSON_HEAD, &deed->holder, &good));
    if (!good)
        return NULL;
    deed->standing = gate_standing(&call->arena, call->policy, deed->holder.person, STR_NONE, call->received_ms);
    const struct purpose *purpose = policy_purpose(call->policy, form_get(&deed->form, "purpose"));
    if (!kind || (kind->of_purpose && !purpose))
        return back(call, deed);
    deed->part = kind->part;
    if (kind->right == RIGHT_ERASURE && !kind->run && !str_equal(form_get(&deed->form, "confirm"), STR("yes")))
        deed->done = "confirm";
    else if (!kind->run)
        return right_do(call, deed, kind, kind->of_purpose ? purpose : NULL);
    else
        kind->run(call, deed, purpose);
    if (!deed->requests.count)
        return back(call, deed);
    call->state = deed;
    call->work.requests = deed->requests.items;
    call->work.request_count = deed->requests.count;
    call->work.bytes = call->body.length + deed->requests.count * sizeof(struct request);
    return call_commit(call, back_after);
}

/* ---- what the person takes away ---- */

const struct err *preference_receipt_get(struct call *call)
{
    struct link_holder holder;
    struct reader *reader;
    struct uuid id;
    bool good, found = false;
    str json;
    TRY(holder_open(call, call_query(call, "t"), call_query(call, "lang"), PERSON_HEAD, &holder, &good));
    if (!good)
        return NULL;
    const struct consent *wanted = NULL;
    if (uuid_parse(call_query(call, "id"), &id))
        vec_each (record, &holder.person->consents)
            if (uuid_equal(record->id, id))
                wanted = record;
    if (wanted) {
        TRY(call_reader(call, &reader));
        TRY(engine_receipt(reader, &call->arena, call->policy, id, &json, NULL, &found));
    }
    if (!found) { /* of nobody, or of somebody else: no difference */
        page_message(call, MHD_HTTP_NOT_FOUND, page_language_of(call, call_query(call, "lang"), STR_NONE), TEXT_BAD_TITLE, TEXT_BAD_TEXT);
        return NULL;
    }
    call_record(call, holder.person, wanted->purpose, "receipt, by the person");
    reply_text(call, MHD_HTTP_OK, "application/ld+json", json);
    reply_header(call, "Content-Disposition", "attachment; filename=\"receipt.jsonld\"");
    reply_header(call, "Referrer-Policy", "no-referrer");
    reply_header(call, "X-Content-Type-Options", "nosniff");
    return NULL;
}
