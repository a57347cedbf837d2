/* The export's page that a person can read: HTML without a script or anything from elsewhere, fit to print and for screen readers.
 *
 * 1. Everything that is text of the person or of the policy is escaped; markup comes from here only.
 * 2. Words, not names: titles of the policy, dates and periods as they are said (page_words.c). Purposes are numbered once, and named by their numbers.
 * 3. Nothing is left out in silence: where the page shows only the newest events it says how many there are, and where the rest is.
 */
#include "server/export_private.h"
#include "server/page.h"

#include <stdio.h>

#define EVENTS_SHOWN 200

/* code, English, Hungarian */
#define TEXTS(X)                                                                                                       \
    X(T_TITLE, "Everything that is kept about you", "Minden, amit Önről őriznek")                                      \
    X(T_INTRO, "This is your copy under Article 15 of the General Data Protection Regulation (GDPR). It was made on", "Ez az Ön másolata az általános adatvédelmi rendelet (GDPR) 15. cikke szerint. Készült:") \
    X(T_CONTROLLER, "Who is responsible (controller)", "Ki a felelős (adatkezelő)")                                    \
    X(T_DPO, "Data protection officer", "Adatvédelmi tisztviselő")                                                     \
    X(T_KNOWN_BY, "What you are known by", "Miről ismerik fel Önt")                                                    \
    X(T_TYPE, "Kind", "Fajta")                                                                                         \
    X(T_VALUE, "Value", "Érték")                                                                                       \
    X(T_FIRST, "First seen", "Először")                                                                                \
    X(T_LAST, "Last seen", "Utoljára")                                                                                 \
    X(T_FACTS, "What is known about you", "Amit Önről tudnak")                                                         \
    X(T_NAME, "What", "Mi")                                                                                            \
    X(T_SOURCE, "Where it came from", "Honnan származik")                                                              \
    X(T_OBSERVED, "When", "Mikor")                                                                                     \
    X(T_PURPOSE, "Why (purpose)", "Miért (cél)")                                                                       \
    X(T_PURPOSES, "Why your data is kept, and for how long", "Miért és meddig őrzik az adatait")                       \
    X(T_OTHERS, "Other purposes, under which nothing of you is kept", "Más célok, amelyekhez semmit sem őriznek Önről")       \
    X(T_BASIS, "Lawful basis", "Jogalap")                                                                              \
    X(T_RETENTION, "Kept until", "Meddig")                                                                             \
    X(T_RECIPIENTS, "Who received data about you", "Ki kapott adatot Önről")                                           \
    X(T_RECIPIENT, "Recipient", "Címzett")                                                                             \
    X(T_TIMES, "Times", "Alkalom")                                                                                     \
    X(T_NUMBER, "No.", "Sorszám")                                                                                      \
    X(T_NUMBERS, "The other tables name these purposes by their numbers.", "A többi táblázat ezekre a célokra a sorszámukkal utal.") \
    X(T_ALL, "Everything", "Minden")                                                                                   \
    X(T_COUNTRY, "outside the EEA:", "az EGT-n kívül:")                                                                 \
    X(T_YES, "yes", "igen")                                                                                            \
    X(T_NO, "no", "nem")                                                                                               \
    X(T_DETAILS, "Details", "Részletek")                                                                               \
    X(T_HAPPENED, "What", "Mi")                                                                                        \
    X(T_NONE, "Nothing.", "Semmi.")                                                                                    \
    X(T_NOBODY, "Nobody.", "Senki.")                                                                                   \
    X(T_SAID, "What you said: consents, refusals, objections", "Amit mondott: hozzájárulások, elutasítások, tiltakozások") \
    X(T_STATUS, "What was said", "Mit mondott")                                                                        \
    X(T_RECEIPT, "Receipt", "Igazolás")                                                                                \
    X(T_HOW, "How", "Hogyan")                                                                                          \
    X(T_PREFERENCES, "How you want to be treated", "Hogyan szeretné, hogy bánjanak Önnel")                             \
    X(T_EVENTS, "What happened", "Ami történt")                                                                        \
    X(T_EVENTS_SOME, "The newest are shown here; all of them are in events.json and csv/events.csv. There are", "Itt a legújabbak láthatók; mind megtalálható az events.json és a csv/events.csv fájlban. Összesen:") \
    X(T_HELD, "Messages that wait, sealed, for your consent, and are destroyed without it:", "Üzenetek, amelyek lezárva az Ön hozzájárulására várnak, és enélkül megsemmisülnek:") \
    X(T_SCORES, "Scores and automated decisions", "Pontszámok és automatizált döntések")                               \
    X(T_NO_SCORES, "No score is kept about you, and no profile is worked out from your data by a model.", "Önről nem tárolnak pontszámot, és adataiból modell nem számol profilt.") \
    X(T_NO_DECISIONS, "No decision is made about you by a machine alone.", "Önről gép egyedül nem hoz döntést.")       \
    X(T_DECISIONS, "For these purposes a machine may decide; you can ask for a human being to look at it (Art. 22(3)):", "Ezeknél a céloknál gép dönthet; kérheti, hogy ember vizsgálja meg (22. cikk (3)):") \
    X(T_READS, "Who looked at your data: csv/reads.csv lists every read, with its time and purpose.", "Ki nézte meg az adatait: a csv/reads.csv minden olvasást felsorol, idejével és céljával.") \
    X(T_RIGHTS, "What you can do", "Amit tehet")                                                                       \
    X(T_RIGHTS_ARE, "You may have wrong data put right (Art. 16), have it erased (Art. 17) or only stored (Art. 18), take it along (Art. 20), object (Art. 21), and take a consent back at any time (Art. 7(3)). It costs nothing. You may complain to the data protection authority of your country.", "Kérheti a téves adat helyesbítését (16. cikk), az adatok törlését (17. cikk) vagy csak tárolását (18. cikk), elviheti őket (20. cikk), tiltakozhat (21. cikk), és hozzájárulását bármikor visszavonhatja (7. cikk (3)). Mindez ingyenes. Panaszt tehet országa adatvédelmi hatóságánál (Magyarországon: NAIH).") \
    X(T_PROOF, "How you can check this", "Hogyan ellenőrizheti")                                                       \
    X(T_PROOF_IS, "Each of your statements has a signed receipt in the folder receipts/, with the proof that it stands in a ledger which nobody can rewrite. Run “telos verify” on this folder; it needs nothing but the public key in key.pub.", "Minden nyilatkozatáról aláírt igazolás van a receipts/ mappában, annak bizonyítékával, hogy egy utólag át nem írható naplóban szerepel. Futtassa a „telos verify” parancsot erre a mappára; ehhez csak a key.pub nyilvános kulcsa kell.")
enum text {
#define X(code, en, hu) code,
    TEXTS(X)
#undef X
};
static const char *const texts[][2] = {
#define X(code, en, hu) {en, hu},
    TEXTS(X)
#undef X
};

static const char *const basis_words[BASIS_COUNT][2] = {
    [BASIS_CONSENT] = {"your consent", "az Ön hozzájárulása"},
    [BASIS_CONTRACT] = {"a contract with you", "az Önnel kötött szerződés"},
    [BASIS_LEGAL_OBLIGATION] = {"a law orders it", "jogszabály írja elő"},
    [BASIS_VITAL_INTEREST] = {"to protect somebody's life", "létfontosságú érdek"},
    [BASIS_PUBLIC_TASK] = {"a task in the public interest", "közérdekű feladat"},
    [BASIS_LEGITIMATE_INTEREST] = {"a legitimate interest", "jogos érdek"},
};

struct sheet {
    struct export *export;
    enum export_language language;
    purpose_mask mine; /* purposes that the page numbers: those that concern the person */
};

#define put(sheet, literal) buf_add(&(sheet)->export->out, STR(literal))

static void say(struct sheet *sheet, enum text text) { html_text(&sheet->export->out, str_of(texts[text][sheet->language])); }

static void heading(struct sheet *sheet, enum text text, const char *id)
{
    buf_printf(&sheet->export->out, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">", id, id);
    say(sheet, text);
    put(sheet, "</h2>\n");
}

static void table_begin(struct sheet *sheet, enum text caption, const enum text *heads, size_t count)
{
    put(sheet, "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\""); /* focusable: who has only a keyboard can scroll it on a narrow screen */
    say(sheet, caption);
    put(sheet, "\"><table>\n<caption>");
    say(sheet, caption);
    put(sheet, "</caption>\n<thead><tr>");
    for (size_t i = 0; i < count; i++) {
        put(sheet, "<th scope=\"col\">");
        say(sheet, heads[i]);
        put(sheet, "</th>");
    }
    put(sheet, "</tr></thead>\n<tbody>\n");
}

static void table_end(struct sheet *sheet)
{
    put(sheet, "</tbody></table></div>\n");
}

static void cell(struct sheet *sheet, str text)
{
    put(sheet, "<td>");
    html_text(&sheet->export->out, text);
    put(sheet, "</td>");
}

static struct page words_of(const struct sheet *sheet)
{
    return (struct page){.arena = &sheet->export->slice, .policy = sheet->export->policy, .language = sheet->language == EXPORT_HU ? PAGE_HU : PAGE_EN};
}

static void time_tag(struct sheet *sheet, int64_t time_ms, bool day)
{
    char text[TIME_TEXT_SIZE];
    struct page page = words_of(sheet);
    put(sheet, "<td>");
    if (time_ms != TIME_NONE && time_ms != TIME_FOREVER) {
        str shown = time_text(time_ms, text);
        buf_printf(&sheet->export->out, "<time datetime=\"%.*s\">", STR_FMT(shown));
        html_text(&sheet->export->out, day ? page_date(&page, time_ms) : page_moment(&page, time_ms));
        put(sheet, "</time>");
    }
    put(sheet, "</td>");
}

static void cell_time(struct sheet *sheet, int64_t time_ms) { time_tag(sheet, time_ms, false); }

static void row_begin(struct sheet *sheet, str text)
{
    put(sheet, "<tr><th scope=\"row\">");
    html_text(&sheet->export->out, text);
    put(sheet, "</th>");
}

static str purpose_title(const struct sheet *sheet, str name)
{
    static const char *const tags[] = {[EXPORT_EN] = "en", [EXPORT_HU] = "hu"};
    const struct purpose *purpose = policy_purpose(sheet->export->policy, name);
    str title = purpose ? local_text(&purpose->titles, str_of(tags[sheet->language]), purpose->title) : STR_NONE;
    return str_empty(title) ? name : title;
}

/* Numbers of the table of purposes, each leading there; whoever listens hears the title. */
static void cell_purposes(struct sheet *sheet, purpose_mask mask)
{
    struct buf *out = &sheet->export->out;
    bool first = true;
    put(sheet, "<td>");
    vec_each (purpose, &sheet->export->policy->purposes) {
        if (!(mask & sheet->mine & purpose->self))
            continue;
        int number = __builtin_popcountll(sheet->mine & (purpose->self - 1)) + 1;
        str title = purpose_title(sheet, purpose->name);
        buf_printf(out, "%s<a href=\"#p%d\" title=\"", first ? "" : ", ", number);
        html_text(out, title);
        buf_printf(out, "\" aria-label=\"%d: ", number);
        html_text(out, title);
        buf_printf(out, "\">%d</a>", number);
        first = false;
    }
    put(sheet, "</td>");
}

enum { WORDS_BYTES_MAX = 64 * 1024 };

static void words_add(struct buf *out, const struct json *value)
{
    switch (value->type) {
    case JSON_STRING: buf_add(out, value->text); break;
    case JSON_ARRAY:
        for (uint32_t i = 0; i < value->count; i++) {
            if (i)
                buf_add(out, STR(", "));
            words_add(out, &value->items[i]);
        }
        break;
    case JSON_OBJECT:
        for (uint32_t i = 0; i < value->count; i++) {
            if (i)
                buf_add(out, STR("; "));
            const struct json *member = &value->members[i].value;
            bool inner = member->type == JSON_OBJECT;
            buf_add(out, value->members[i].name);
            buf_add(out, inner ? STR(" (") : STR(": "));
            words_add(out, member);
            buf_add(out, inner ? STR(")") : STR_NONE);
        }
        break;
    default: buf_add(out, value->raw);
    }
}

str export_words(struct arena *arena, str json)
{
    struct json value;
    struct buf out;
    if (json_read(arena, json, &value))
        return json; /* then it is shown as it is kept */
    buf_init(&out, arena, WORDS_BYTES_MAX + json.length * 2);
    words_add(&out, &value);
    return buf_str(&out);
}

static void head(struct sheet *sheet)
{
    char made[TIME_TEXT_SIZE];
    const struct policy *policy = sheet->export->policy;
    put(sheet, "<!doctype html>\n");
    buf_printf(&sheet->export->out, "<html lang=\"%s\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>",
               sheet->language == EXPORT_HU ? "hu" : "en");
    say(sheet, T_TITLE);
    put(sheet, "</title>\n<style>body{font:17px/1.55 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
               "h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.2rem}table{border-collapse:collapse;width:100%;margin:.5rem 0}"
               "caption{position:absolute;left:-99rem}th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #bbb;"
               "overflow-wrap:break-word;min-width:5rem}th{background:#f2f2f2}th[scope=row]{background:none;font-weight:600;min-width:9rem}.wide{overflow-x:auto}.text{min-width:14rem}time{display:inline-block;min-width:7.5rem}a{color:#0b4f9e}dt{font-weight:600}@media print{body{margin:0;font-size:11pt}.wide{overflow:visible}section{break-inside:auto}"
               "tr{break-inside:avoid}}@media(max-width:40rem){th,td{padding:.3rem}}</style></head>\n<body><main>\n<h1>");
    say(sheet, T_TITLE);
    put(sheet, "</h1>\n<p>");
    say(sheet, T_INTRO);
    str shown = time_text(sheet->export->made_ms, made);
    buf_printf(&sheet->export->out, " <time datetime=\"%.*s\">%.*s</time>.</p>\n<dl><dt>", STR_FMT(shown), 10, shown.data);
    say(sheet, T_CONTROLLER);
    put(sheet, "</dt><dd>");
    html_text(&sheet->export->out, policy->controller);
    if (!str_empty(policy->address)) {
        put(sheet, ", ");
        html_text(&sheet->export->out, policy->address);
    }
    put(sheet, "</dd><dt>");
    say(sheet, T_DPO);
    put(sheet, "</dt><dd>");
    html_text(&sheet->export->out, str_empty(policy->dpo) ? policy->contact : policy->dpo);
    put(sheet, "</dd></dl>\n");
}

static void known(struct sheet *sheet)
{
    static const enum text identifiers[] = {T_TYPE, T_VALUE, T_FIRST, T_LAST, T_PURPOSE}, facts[] = {T_NAME, T_VALUE, T_SOURCE, T_OBSERVED, T_PURPOSE};
    struct page page = words_of(sheet);
    heading(sheet, T_KNOWN_BY, "known-by");
    table_begin(sheet, T_KNOWN_BY, identifiers, 5);
    vec_each (row, &sheet->export->person->identifiers) {
        if (str_empty(row->value))
            continue;
        row_begin(sheet, page_identifier(&page, row->type));
        cell(sheet, row->value);
        time_tag(sheet, row->first_seen_ms, true); /* kept to the day */
        time_tag(sheet, row->last_seen_ms, true);
        cell_purposes(sheet, row->purposes);
        put(sheet, "</tr>\n");
    }
    table_end(sheet);
    put(sheet, "</section>\n");
    heading(sheet, T_FACTS, "facts");
    table_begin(sheet, T_FACTS, facts, 5);
    vec_each (row, &sheet->export->person->facts) {
        row_begin(sheet, page_fact(&page, row->name));
        cell(sheet, export_words(&sheet->export->slice, row->value));
        cell(sheet, page_source(&page, row->source));
        cell_time(sheet, row->observed_ms);
        cell_purposes(sheet, row->purposes);
        put(sheet, "</tr>\n");
    }
    table_end(sheet);
    put(sheet, "</section>\n");
}

/* Purposes under which something of the person is kept, or was said or handed on. */
static purpose_mask concerned(const struct export *export)
{
    purpose_mask mask = export->seen;
    vec_each (row, &export->person->identifiers)
        mask |= row->purposes;
    vec_each (row, &export->person->facts)
        mask |= row->purposes;
    vec_each (purpose, &export->policy->purposes) {
        vec_each (row, &export->person->consents)
            mask |= str_equal(row->purpose, purpose->name) ? purpose->self : 0;
        vec_each (row, &export->person->disclosures)
            mask |= str_equal(row->purpose, purpose->name) ? purpose->self : 0;
    }
    return mask;
}

static void others(struct sheet *sheet, purpose_mask mine)
{
    bool any = false;
    vec_each (purpose, &sheet->export->policy->purposes)
        any |= !(mine & purpose->self);
    if (!any)
        return;
    heading(sheet, T_OTHERS, "others");
    put(sheet, "<ul>\n");
    vec_each (purpose, &sheet->export->policy->purposes) {
        if (mine & purpose->self)
            continue;
        put(sheet, "<li>");
        html_text(&sheet->export->out, purpose_title(sheet, purpose->name));
        put(sheet, "</li>\n");
    }
    put(sheet, "</ul>\n</section>\n");
}

static void why(struct sheet *sheet)
{
    static const enum text heads[] = {T_NUMBER, T_PURPOSE, T_BASIS, T_RETENTION};
    struct page page = words_of(sheet);
    purpose_mask mine = sheet->mine;
    int number = 0;
    heading(sheet, T_PURPOSES, "purposes");
    put(sheet, "<p>");
    say(sheet, T_NUMBERS);
    put(sheet, "</p>\n");
    table_begin(sheet, T_PURPOSES, heads, 4);
    vec_each (purpose, &sheet->export->policy->purposes) {
        if (!(mine & purpose->self))
            continue;
        buf_printf(&sheet->export->out, "<tr id=\"p%d\"><td>%d</td><th scope=\"row\">", number + 1, number + 1);
        number++;
        html_text(&sheet->export->out, purpose_title(sheet, purpose->name));
        put(sheet, "</th><td class=\"text\">");
        html_text(&sheet->export->out, str_of(basis_words[purpose->basis][sheet->language]));
        buf_printf(&sheet->export->out, " (GDPR %.*s)", STR_FMT(page_article(&page, purpose->basis)));
        str cited = page_cited(&page, purpose, purpose->basis);
        if (!str_empty(cited)) {
            put(sheet, ": ");
            html_text(&sheet->export->out, cited);
        }
        put(sheet, "</td>");
        cell(sheet, page_kept(&page, purpose));
        put(sheet, "</tr>\n");
    }
    table_end(sheet);
    put(sheet, "</section>\n");
    others(sheet, mine);
}

/* Whom it went to; of one in a third country also what protects it there (Art. 15(2)). */
static str recipient_words(const struct sheet *sheet, str name, const struct destination *destination)
{
    const struct export *export = sheet->export;
    str recipient = destination && !str_empty(destination->recipient) ? destination->recipient : name;
    if (!destination || str_empty(destination->country) || policy_at_home(export->policy, destination->country))
        return recipient;
    str ground = str_empty(destination->safeguard) ? STR("GDPR Art. 45") : destination->safeguard;
    return str_printf(sheet->export->arena, "%.*s; %s %.*s, %.*s", STR_FMT(recipient), texts[T_COUNTRY][sheet->language], STR_FMT(destination->country), STR_FMT(ground));
}

static void recipients(struct sheet *sheet)
{
    static const enum text heads[] = {T_RECIPIENT, T_PURPOSE, T_FIRST, T_LAST, T_TIMES};
    heading(sheet, T_RECIPIENTS, "recipients");
    if (!sheet->export->person->disclosures.count) {
        put(sheet, "<p>");
        say(sheet, T_NOBODY);
        put(sheet, "</p></section>\n");
        return;
    }
    table_begin(sheet, T_RECIPIENTS, heads, 5);
    vec_each (row, &sheet->export->person->disclosures) {
        const struct destination *destination = policy_destination(sheet->export->policy, row->destination);
        row_begin(sheet, recipient_words(sheet, row->destination, destination));
        cell(sheet, purpose_title(sheet, row->purpose));
        cell_time(sheet, row->first_ms);
        cell_time(sheet, row->last_ms);
        buf_printf(&sheet->export->out, "<td>%llu</td></tr>\n", (unsigned long long)row->count);
    }
    table_end(sheet);
    put(sheet, "</section>\n");
}

static void said(struct sheet *sheet)
{
    static const enum text heads[] = {T_PURPOSE, T_STATUS, T_OBSERVED, T_HOW, T_RECEIPT};
    char id[UUID_TEXT_SIZE];
    struct page page = words_of(sheet);
    heading(sheet, T_SAID, "said");
    table_begin(sheet, T_SAID, heads, 5);
    vec_each (row, &sheet->export->person->consents) {
        row_begin(sheet, str_empty(row->purpose) ? str_of(texts[T_ALL][sheet->language]) : purpose_title(sheet, row->purpose));
        cell(sheet, page_said(&page, row->status));
        cell_time(sheet, row->at_ms);
        cell(sheet, page_method(&page, row->method));
        str name = uuid_text(row->id, id);
        buf_printf(&sheet->export->out, "<td><a href=\"receipts/%.*s.json\">%.*s</a></td></tr>\n", STR_FMT(name), 8, name.data);
    }
    table_end(sheet);
    put(sheet, "</section>\n");
}

static void line(struct sheet *sheet, str what, str value)
{
    put(sheet, "<li>");
    html_text(&sheet->export->out, what);
    put(sheet, ": ");
    html_text(&sheet->export->out, value);
    put(sheet, "</li>\n");
}

static str yes_no(const struct sheet *sheet, const struct json *value)
{
    bool off = value->type == JSON_FALSE || str_equal(json_string(value), STR("off"));
    return str_of(texts[off ? T_NO : T_YES][sheet->language]);
}

static str limit_words(const struct page *page, const struct json *limit)
{
    int64_t max;
    struct duration per;
    if (!json_int(json_get(limit, STR("max")), &max) || !duration_parse(json_string(json_get(limit, STR("per"))), &per))
        return export_words(page->arena, limit->raw);
    return max >= PREFERENCE_UNLIMITED ? page_word(page, TEXT_FREQUENCY_ANY) : str_printf(page->arena, "%lld / %.*s", (long long)max, STR_FMT(page_duration(page, per)));
}

static const struct topic *topic_named(const struct policy *policy, str name)
{
    vec_each (topic, &policy->topics)
        if (str_equal(topic->name, name))
            return topic;
    return NULL;
}

/* One group of the preferences as lines; what has no words of its own as it is kept. */
static void preference_lines(struct sheet *sheet, const struct page *page, str group, const struct json *value)
{
    bool channels = str_equal(group, STR("channels")), topics = str_equal(group, STR("topics")), frequency = str_equal(group, STR("frequency"));
    if (str_equal(group, STR("quiet_hours")))
        line(sheet, page_word(page, TEXT_QUIET), str_printf(page->arena, "%.*s–%.*s (%.*s)", STR_FMT(json_string(json_get(value, STR("from")))),
                                                            STR_FMT(json_string(json_get(value, STR("to")))), STR_FMT(json_string(json_get(value, STR("zone"))))));
    else if (str_equal(group, STR("language")))
        line(sheet, page_word(page, TEXT_WRITE_IN), json_string(value));
    else if (value->type != JSON_OBJECT || !(channels || topics || frequency))
        line(sheet, group, export_words(page->arena, value->raw));
    for (uint32_t i = 0; value->type == JSON_OBJECT && (channels || topics || frequency) && i < value->count; i++) {
        const struct json *one = &value->members[i].value;
        str name = value->members[i].name;
        const struct topic *topic = topics ? topic_named(page->policy, name) : NULL;
        if (frequency)
            line(sheet, page_fill(page, TEXT_FREQUENCY, page_channel(page, name), STR_NONE, STR_NONE), limit_words(page, one));
        else
            line(sheet, topic ? page_title_of(page, &topic->titles, topic->title, topic->name) : channels ? page_channel(page, name) : name, yes_no(sheet, one));
    }
}

static void preferences(struct sheet *sheet)
{
    struct page page = words_of(sheet);
    struct json said;
    struct buf text;
    struct jsonw w;
    buf_init(&text, page.arena, LIMIT_REPLY_BYTES);
    jsonw_init(&w, &text);
    preferences_write(page.arena, &w, sheet->export->person);
    heading(sheet, T_PREFERENCES, "preferences");
    if (json_read(page.arena, buf_str(&text), &said) || said.type != JSON_OBJECT || !said.count) {
        put(sheet, "<p>");
        say(sheet, T_NONE);
        put(sheet, "</p>\n</section>\n");
        return;
    }
    put(sheet, "<ul>\n");
    for (uint32_t i = 0; i < said.count; i++)
        preference_lines(sheet, &page, said.members[i].name, &said.members[i].value);
    put(sheet, "</ul>\n</section>\n");
}

static void events(struct sheet *sheet)
{
    static const enum text heads[] = {T_HAPPENED, T_OBSERVED, T_SOURCE, T_DETAILS, T_PURPOSE};
    struct page page = words_of(sheet);
    struct export *export = sheet->export;
    struct event *rows = NULL;
    size_t count = 0;
    heading(sheet, T_EVENTS, "events");
    put(sheet, "<p>");
    say(sheet, T_EVENTS_SOME);
    buf_printf(&export->out, " %llu.</p>\n", (unsigned long long)export->event_count);
    if (export->person->held.count) {
        put(sheet, "<p>");
        say(sheet, T_HELD);
        buf_printf(&export->out, " %zu.</p>\n", export->person->held.count);
    }
    const struct err *error = engine_events(export->reader, &export->slice, export->policy, export->person, 0, EVENTS_SHOWN, &rows, &count);
    if (error)
        export->error = err_new(export->arena, error->code, "%s", error->text);
    table_begin(sheet, T_EVENTS, heads, 5);
    for (size_t i = 0; i < count && !error; i++)
        for (unsigned k = 0; k < rows[i].part_count; k++) { /* a part has purposes of its own */
            row_begin(sheet, page_event(&page, &rows[i]));
            cell_time(sheet, rows[i].at_ms);
            cell(sheet, page_source(&page, rows[i].source));
            put(sheet, "<td class=\"text\">");
            html_text(&export->out, export_words(&export->slice, rows[i].parts[k].body));
            put(sheet, "</td>");
            cell_purposes(sheet, rows[i].parts[k].purposes);
            put(sheet, "</tr>\n");
        }
    table_end(sheet);
    put(sheet, "</section>\n");
}

static void paragraphs(struct sheet *sheet, enum text title, const char *id, enum text text)
{
    heading(sheet, title, id);
    put(sheet, "<p>");
    say(sheet, text);
    put(sheet, "</p>\n");
}

static void rest(struct sheet *sheet)
{
    bool decides = false;
    vec_each (purpose, &sheet->export->policy->purposes)
        decides |= purpose->automated_decision;
    paragraphs(sheet, T_SCORES, "scores", T_NO_SCORES);
    put(sheet, "<p>");
    say(sheet, decides ? T_DECISIONS : T_NO_DECISIONS);
    put(sheet, "</p>\n");
    if (decides)
        put(sheet, "<ul>\n");
    vec_each (purpose, &sheet->export->policy->purposes) {
        if (!purpose->automated_decision)
            continue;
        put(sheet, "<li>");
        html_text(&sheet->export->out, purpose_title(sheet, purpose->name));
        put(sheet, ": ");
        html_text(&sheet->export->out, purpose->human_reviewer);
        put(sheet, "</li>\n");
    }
    if (decides)
        put(sheet, "</ul>\n");
    put(sheet, "</section>\n");
    paragraphs(sheet, T_RIGHTS, "rights", T_RIGHTS_ARE);
    put(sheet, "</section>\n");
    paragraphs(sheet, T_PROOF, "proof", T_PROOF_IS);
    put(sheet, "<p>");
    say(sheet, T_READS);
    put(sheet, "</p></section>\n</main></body>\n</html>\n");
}

void export_page(struct export *export, enum export_language language)
{
    struct sheet sheet = {.export = export, .language = language, .mine = concerned(export)};
    zip_file(export->zip, language == EXPORT_HU ? "hu.html" : "en.html", export->made_ms);
    buf_clear(&export->out);
    head(&sheet);
    why(&sheet);
    known(&sheet);
    export_flush(export);
    recipients(&sheet);
    said(&sheet);
    preferences(&sheet);
    export_flush(export);
    events(&sheet);
    rest(&sheet);
    export_flush(export);
    arena_clear(&export->slice);
}
