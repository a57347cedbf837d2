/* The export's page that a person can read: HTML without a script or anything from elsewhere, fit to print and for screen readers.
 *
 * 1. Everything that is text of the person or of the policy is escaped; markup comes from here only.
 * 2. Nothing is left out in silence: where the page shows only the newest events it says how many there are, and where the rest is.
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
    uint64_t events;
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
    put(sheet, "<table>\n<caption>");
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
    put(sheet, "</tbody></table>\n");
}

static void cell(struct sheet *sheet, str text)
{
    put(sheet, "<td>");
    html_text(&sheet->export->out, text);
    put(sheet, "</td>");
}

static void cell_time(struct sheet *sheet, int64_t time_ms)
{
    char text[TIME_TEXT_SIZE];
    put(sheet, "<td>");
    if (time_ms != TIME_NONE && time_ms != TIME_FOREVER) {
        str shown = time_text(time_ms, text);
        buf_printf(&sheet->export->out, "<time datetime=\"%.*s\">%.*s %.*s</time>", STR_FMT(shown), 10, shown.data, 5, shown.data + 11);
    }
    put(sheet, "</td>");
}

static str purpose_title(const struct sheet *sheet, str name)
{
    static const char *const tags[] = {[EXPORT_EN] = "en", [EXPORT_HU] = "hu"};
    const struct purpose *purpose = policy_purpose(sheet->export->policy, name);
    str title = purpose ? local_text(&purpose->titles, str_of(tags[sheet->language]), purpose->title) : STR_NONE;
    return str_empty(title) ? name : title;
}

static void cell_purposes(struct sheet *sheet, purpose_mask mask)
{
    bool first = true;
    put(sheet, "<td>");
    vec_each (purpose, &sheet->export->policy->purposes) {
        if (!(mask & purpose->self))
            continue;
        if (!first)
            put(sheet, ", ");
        html_text(&sheet->export->out, purpose_title(sheet, purpose->name));
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
            buf_add(out, value->members[i].name);
            buf_add(out, STR(": "));
            words_add(out, &value->members[i].value);
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
               "overflow-wrap:anywhere}th{background:#f2f2f2}a{color:#0b4f9e}dt{font-weight:600}@media print{body{margin:0;font-size:11pt}section{break-inside:auto}"
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
    heading(sheet, T_KNOWN_BY, "known-by");
    table_begin(sheet, T_KNOWN_BY, identifiers, 5);
    vec_each (row, &sheet->export->person->identifiers) {
        if (str_empty(row->value))
            continue;
        put(sheet, "<tr>");
        cell(sheet, row->type);
        cell(sheet, row->value);
        cell_time(sheet, row->first_seen_ms);
        cell_time(sheet, row->last_seen_ms);
        cell_purposes(sheet, row->purposes);
        put(sheet, "</tr>\n");
    }
    table_end(sheet);
    put(sheet, "</section>\n");
    heading(sheet, T_FACTS, "facts");
    table_begin(sheet, T_FACTS, facts, 5);
    vec_each (row, &sheet->export->person->facts) {
        put(sheet, "<tr>");
        cell(sheet, row->name);
        cell(sheet, export_words(&sheet->export->slice, row->value));
        cell(sheet, row->source);
        cell_time(sheet, row->observed_ms);
        cell_purposes(sheet, row->purposes);
        put(sheet, "</tr>\n");
    }
    table_end(sheet);
    put(sheet, "</section>\n");
}

static struct page words_of(const struct sheet *sheet)
{
    return (struct page){.arena = &sheet->export->slice, .policy = sheet->export->policy, .language = sheet->language == EXPORT_HU ? PAGE_HU : PAGE_EN};
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
    static const enum text heads[] = {T_PURPOSE, T_BASIS, T_RETENTION};
    struct page page = words_of(sheet);
    purpose_mask mine = concerned(sheet->export);
    heading(sheet, T_PURPOSES, "purposes");
    table_begin(sheet, T_PURPOSES, heads, 3);
    vec_each (purpose, &sheet->export->policy->purposes) {
        if (!(mine & purpose->self))
            continue;
        put(sheet, "<tr>");
        cell(sheet, purpose_title(sheet, purpose->name));
        put(sheet, "<td>");
        html_text(&sheet->export->out, str_of(basis_words[purpose->basis][sheet->language]));
        buf_printf(&sheet->export->out, " (GDPR %s)", basis_article(purpose->basis));
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
        put(sheet, "<tr>");
        cell(sheet, destination ? destination->recipient : row->destination);
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
        put(sheet, "<tr>");
        cell(sheet, purpose_title(sheet, row->purpose));
        cell(sheet, page_said(&page, row->status));
        cell_time(sheet, row->at_ms);
        cell(sheet, row->method);
        str name = uuid_text(row->id, id);
        buf_printf(&sheet->export->out, "<td><a href=\"receipts/%.*s.json\">%.*s</a></td></tr>\n", STR_FMT(name), 8, name.data);
    }
    table_end(sheet);
    put(sheet, "</section>\n");
    heading(sheet, T_PREFERENCES, "preferences");
    bool any = false;
    vec_each (row, &sheet->export->person->preferences) {
        if (str_empty(row->value))
            continue;
        put(sheet, "<p>");
        html_text(&sheet->export->out, export_words(&sheet->export->slice, row->value));
        put(sheet, "</p>\n");
        any = true;
    }
    if (!any) {
        put(sheet, "<p>");
        say(sheet, T_NONE);
        put(sheet, "</p>\n");
    }
    put(sheet, "</section>\n");
}

static void events(struct sheet *sheet)
{
    static const enum text heads[] = {T_OBSERVED, T_TYPE, T_SOURCE, T_PURPOSE, T_VALUE};
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
        for (unsigned k = 0; k < rows[i].part_count; k++) {
            put(sheet, "<tr>");
            cell_time(sheet, rows[i].at_ms);
            cell(sheet, str_of(event_type_name(rows[i].type)));
            cell(sheet, rows[i].source);
            cell_purposes(sheet, rows[i].parts[k].purposes);
            put(sheet, "<td>");
            html_text(&export->out, export_words(&export->slice, rows[i].parts[k].body));
            put(sheet, "</td></tr>\n");
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
    struct sheet sheet = {.export = export, .language = language};
    zip_file(export->zip, language == EXPORT_HU ? "hu.html" : "en.html", export->made_ms);
    buf_clear(&export->out);
    head(&sheet);
    known(&sheet);
    export_flush(export);
    why(&sheet);
    recipients(&sheet);
    said(&sheet);
    export_flush(export);
    events(&sheet);
    rest(&sheet);
    export_flush(export);
    arena_clear(&export->slice);
}
