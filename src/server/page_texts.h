/* Every text of the pages for persons, in each language: code, English, Hungarian. {0}, {1} and {2} are filled in; a text has the same blanks in
 * every language (tests/unit/test_server_page.c sees to that).
 */
#ifndef TELOS_SERVER_PAGE_TEXTS_H
#define TELOS_SERVER_PAGE_TEXTS_H

enum page_language { PAGE_EN, PAGE_HU, PAGE_LANGUAGES };

/* clang-format off */
#define PAGE_TEXT_LIST(X) \
    X(TEXT_LANG_NAME, "English", "Magyar") \
    X(TEXT_TITLE, "Your data and your choices", "Az Ön adatai és döntései") \
    X(TEXT_SKIP, "Skip to the content", "Ugrás a tartalomra") \
    X(TEXT_LANGUAGE, "Language", "Nyelv") \
    X(TEXT_INTRO, "Here you see what {0} knows about you and why, and you decide what may be done with it.", "Itt láthatja, mit tud Önről cégünk ({0}) és miért, és eldöntheti, mi történhet vele.") \
    X(TEXT_HOLDER, "This page belongs to {0}. Its link works until {1}. Please do not pass it on.", "Ez az oldal a következőhöz tartozik: {0}. A hivatkozás eddig él: {1}. Kérjük, ne adja tovább.") \
    X(TEXT_CONTENTS, "On this page", "Ezen az oldalon") \
    X(TEXT_NAV_CHOICES, "Your choices", "Döntései") \
    X(TEXT_NAV_INTERESTS, "What you may object to", "Ami ellen tiltakozhat") \
    X(TEXT_NAV_NEEDED, "What cannot be switched off", "Ami nem kapcsolható ki") \
    X(TEXT_NAV_CONTACT, "How we may reach you", "Hogyan kereshetjük") \
    X(TEXT_NAV_DATA, "What we know about you", "Amit Önről tudunk") \
    X(TEXT_NAV_RECIPIENTS, "Who received it", "Ki kapta meg") \
    X(TEXT_NAV_RECEIPTS, "Your receipts", "Igazolásai") \
    X(TEXT_NAV_RIGHTS, "Your rights", "Jogai") \
    X(TEXT_CHOICES_ABOUT, "We do these things only if you agree. Yes and no are one click each, at any time. Whatever you choose, what you ordered is delivered.", "Ezeket csak akkor tesszük, ha hozzájárul. Az igen és a nem egyaránt egy kattintás, bármikor. Bárhogyan dönt, amit megrendelt, megkapja.") \
    X(TEXT_CHOICES_NONE, "There is nothing here that would need your consent.", "Itt nincs olyan, amihez a hozzájárulása kellene.") \
    X(TEXT_ALL_YES, "Yes to all of these", "Igen mindegyikre") \
    X(TEXT_ALL_NO, "No to all of these", "Nem mindegyikre") \
    X(TEXT_ALL_NOTE, "“Yes to all” leaves out what needs your separate, explicit consent.", "Az „Igen mindegyikre” nem terjed ki arra, amihez külön, kifejezett hozzájárulás kell.") \
    X(TEXT_YES, "Yes, I agree", "Igen, hozzájárulok") \
    X(TEXT_NO, "No, I do not agree", "Nem járulok hozzá") \
    X(TEXT_CHOSEN, "chosen", "ezt választotta") \
    X(TEXT_BASIS_CONSENT, "We do this only with your consent (GDPR Art. 6(1)(a)). You may take it back at any time, as easily as you gave it; that does not undo what was done before.", "Ezt csak a hozzájárulásával tesszük (GDPR 6. cikk (1) a)). Bármikor visszavonhatja, ugyanolyan egyszerűen, ahogy megadta; ez a korábbiakat nem teszi jogellenessé.") \
    X(TEXT_BASIS_EXPLICIT, "This is especially sensitive data (GDPR Art. 9), so your yes must be explicit.", "Ezek különösen érzékeny adatok (GDPR 9. cikk), ezért kifejezett igen szükséges.") \
    X(TEXT_EXPLICIT_BOX, "I explicitly agree that this sensitive data is used for: {0}", "Kifejezetten hozzájárulok, hogy ezeket az érzékeny adatokat erre használják: {0}") \
    X(TEXT_STATE_GIVEN, "You agreed on {0}.", "Hozzájárult ekkor: {0}.") \
    X(TEXT_STATE_UNTIL, "It holds until {0}, unless you take it back earlier.", "Eddig érvényes: {0}, hacsak előbb vissza nem vonja.") \
    X(TEXT_STATE_VERSION, "You agreed to version {0} of the text.", "A szöveg {0}. változatához járult hozzá.") \
    X(TEXT_STATE_REFUSED, "You said no on {0}. We do not do this.", "Nemet mondott ekkor: {0}. Ezt nem tesszük.") \
    X(TEXT_STATE_WITHDRAWN, "You took your consent back on {0}. We have stopped.", "Visszavonta a hozzájárulását ekkor: {0}. Abbahagytuk.") \
    X(TEXT_STATE_EXPIRED, "Your consent has run out. We have stopped; you may agree again.", "A hozzájárulása lejárt. Abbahagytuk; újra hozzájárulhat.") \
    X(TEXT_STATE_MISSING, "You have not decided yet. We do not do this.", "Még nem döntött. Ezt nem tesszük.") \
    X(TEXT_STATE_OUTDATED, "The text has changed since you agreed. Please read it and decide again; until then we do not do this.", "A szöveg megváltozott, mióta hozzájárult. Kérjük, olvassa el és döntsön újra; addig ezt nem tesszük.") \
    X(TEXT_STATE_GUARDIAN, "The law asks for a parent or guardian here. Please ask them to write to us; you can always say no yourself.", "Itt a törvény szülő vagy gyám hozzájárulását kéri. Kérje meg, hogy írjon nekünk; nemet Ön is bármikor mondhat.") \
    X(TEXT_STATE_OWN, "Your guardian agreed for you. You are of age now: please decide yourself.", "Gyámja járult hozzá Ön helyett. Most már nagykorú: kérjük, döntsön maga.") \
    X(TEXT_STATE_NOT_EXPLICIT, "Your yes was not explicit, so it does not count here. Please decide again.", "Az igenje nem volt kifejezett, ezért itt nem számít. Kérjük, döntsön újra.") \
    X(TEXT_STATE_OBJECTED, "You objected on {0}. We have stopped.", "Tiltakozott ekkor: {0}. Abbahagytuk.") \
    X(TEXT_STATE_SIGNAL, "Your browser or device told us on {0} that you do not want this. We have stopped.", "A böngészője vagy eszköze jelezte ekkor: {0}, hogy ezt nem szeretné. Abbahagytuk.") \
    X(TEXT_STATE_PENDING, "You objected on {0}. We have stopped using the data while we examine your objection.", "Tiltakozott ekkor: {0}. Amíg megvizsgáljuk, nem használjuk az adatokat.") \
    X(TEXT_STATE_RUNNING, "We do this at present.", "Jelenleg ezt tesszük.") \
    X(TEXT_STATE_NOT_RUNNING, "We do not do this at present.", "Jelenleg ezt nem tesszük.") \
    X(TEXT_STATE_RESTRICTED, "You asked us to only store your data, so we do not do this at present.", "Azt kérte, hogy csak tároljuk az adatait, ezért ezt jelenleg nem tesszük.") \
    X(TEXT_READ_TEXT, "Read what you agree to ({0}, version {1})", "Olvassa el, amihez hozzájárul ({0}, {1}. változat)") \
    X(TEXT_READ_NOTICE, "Read the information ({0}, version {1})", "Olvassa el a tájékoztatót ({0}, {1}. változat)") \
    X(TEXT_MORE, "Which data, how long, and who receives it", "Mely adatok, meddig, és ki kapja meg") \
    X(TEXT_MORE_DATA, "Data", "Adatok") \
    X(TEXT_MORE_KEPT, "Kept", "Megőrzés") \
    X(TEXT_MORE_RECIPIENTS, "Recipients", "Címzettek") \
    X(TEXT_MORE_SOURCES, "Where it comes from", "Honnan származik") \
    X(TEXT_MORE_NONE, "nobody outside {0}", "cégünkön ({0}) kívül senki") \
    X(TEXT_KEPT_UNLIMITED, "as long as the basis for it lasts", "amíg a jogalapja fennáll") \
    X(TEXT_KEPT_COLLECTED, "{0} after it was collected", "a gyűjtéstől {0}") \
    X(TEXT_KEPT_LAST_SEEN, "{0} after we last heard from you", "az utolsó kapcsolattól {0}") \
    X(TEXT_KEPT_CONTRACT_END, "{0} after the contract ends", "a szerződés végétől {0}") \
    X(TEXT_KEPT_GIVEN, "{0} after you agreed", "a hozzájárulástól {0}") \
    X(TEXT_YEARS, "{0} years", "{0} év") \
    X(TEXT_YEAR, "1 year", "1 év") \
    X(TEXT_MONTHS, "{0} months", "{0} hónap") \
    X(TEXT_MONTH, "1 month", "1 hónap") \
    X(TEXT_DAYS, "{0} days", "{0} nap") \
    X(TEXT_DAY, "1 day", "1 nap") \
    X(TEXT_HOURS, "{0} hours", "{0} óra") \
    X(TEXT_INTERESTS_ABOUT, "We do these things without asking first, because we or the public have an interest in them. You may object.", "Ezeket előzetes kérdés nélkül tesszük, mert nekünk vagy a köznek érdeke fűződik hozzájuk. Tiltakozhat ellenük.") \
    X(TEXT_INTERESTS_NONE, "There is nothing of this kind.", "Ilyen nincs.") \
    X(TEXT_BASIS_INTEREST, "Our interest: {0} (legitimate interest, GDPR Art. 6(1)(f)). We weighed it against yours on {1}.", "Érdekünk: {0} (jogos érdek, GDPR 6. cikk (1) f)). Az Ön érdekeivel ekkor vetettük össze: {1}.") \
    X(TEXT_BASIS_TASK, "A task in the public interest: {0} (GDPR Art. 6(1)(e)).", "Közérdekű feladat: {0} (GDPR 6. cikk (1) e)).") \
    X(TEXT_OBJECT_MARKETING, "This is direct marketing. If you object we stop at once, without asking why.", "Ez közvetlen üzletszerzés. Ha tiltakozik, azonnal abbahagyjuk, és nem kérdezzük, miért.") \
    X(TEXT_OBJECT_OTHER, "If you object, we stop using the data until we have examined your objection.", "Ha tiltakozik, nem használjuk az adatokat, amíg a tiltakozást meg nem vizsgáltuk.") \
    X(TEXT_OBJECT_WHY, "Why (only if you wish)", "Miért (csak ha szeretné)") \
    X(TEXT_OBJECT, "I object", "Tiltakozom") \
    X(TEXT_OBJECT_BACK, "I take my objection back", "Visszavonom a tiltakozásomat") \
    X(TEXT_NEEDED_ABOUT, "These rest on a contract with you or on a law, so there is no switch. You can still see everything and ask for a copy.", "Ezek a szerződésünkön vagy jogszabályon alapulnak, ezért nincs kapcsolójuk. Mindent láthat, és másolatot kérhet.") \
    X(TEXT_BASIS_CONTRACT, "We need it for our contract with you: {0} (GDPR Art. 6(1)(b)).", "Az Önnel kötött szerződéshez kell: {0} (GDPR 6. cikk (1) b)).") \
    X(TEXT_BASIS_LAW, "The law orders it: {0} (GDPR Art. 6(1)(c)). Neither you nor we can switch it off.", "Jogszabály írja elő: {0} (GDPR 6. cikk (1) c)). Sem Ön, sem mi nem kapcsolhatjuk ki.") \
    X(TEXT_BASIS_VITAL, "Only when someone's life or health is at stake (GDPR Art. 6(1)(d)): {0}.", "Csak ha valakinek az élete vagy egészsége forog kockán (GDPR 6. cikk (1) d)): {0}.") \
    X(TEXT_CONTRACT_OPEN, "There has been a contract since {0}.", "Szerződés áll fenn ekkortól: {0}.") \
    X(TEXT_CONTRACT_ENDED, "The contract ended on {0}.", "A szerződés véget ért: {0}.") \
    X(TEXT_CONTRACT_NONE, "There is no contract at present.", "Jelenleg nincs szerződés.") \
    X(TEXT_CONTACT_ABOUT, "Here you say how and how often we may write to you. It holds for everything you agreed to above.", "Itt megmondhatja, hogyan és milyen gyakran írhatunk. Mindenre érvényes, amihez fent hozzájárult.") \
    X(TEXT_CHANNELS, "We may reach you by", "Így kereshetjük") \
    X(TEXT_CHANNEL_EMAIL, "E-mail", "E-mail") \
    X(TEXT_CHANNEL_SMS, "Text message (SMS)", "SMS") \
    X(TEXT_CHANNEL_PHONE, "Phone call", "Telefon") \
    X(TEXT_CHANNEL_PUSH, "Messages in the app", "Üzenet az appban") \
    X(TEXT_CHANNEL_POST, "Letter", "Postai levél") \
    X(TEXT_CHANNEL_WHATSAPP, "WhatsApp", "WhatsApp") \
    X(TEXT_FREQUENCY, "How often at most ({0})", "Legfeljebb milyen gyakran ({0})") \
    X(TEXT_FREQUENCY_ANY, "no limit", "nincs korlát") \
    X(TEXT_FREQUENCY_DAY, "once a day", "naponta egyszer") \
    X(TEXT_FREQUENCY_WEEK, "once a week", "hetente egyszer") \
    X(TEXT_FREQUENCY_WEEK2, "twice a week", "hetente kétszer") \
    X(TEXT_FREQUENCY_MONTH, "once a month", "havonta egyszer") \
    X(TEXT_FREQUENCY_KEEP, "as you said before", "ahogy korábban megadta") \
    X(TEXT_TOPICS, "I am interested in", "Ez érdekel") \
    X(TEXT_QUIET, "Quiet hours, when we do not write to you", "Csendes órák, amikor nem írunk") \
    X(TEXT_QUIET_ON, "Keep quiet hours", "Legyenek csendes órák") \
    X(TEXT_QUIET_FROM, "from", "ettől") \
    X(TEXT_QUIET_TO, "to", "eddig") \
    X(TEXT_WRITE_IN, "Write to me in", "Ezen a nyelven írjanak") \
    X(TEXT_SAVE, "Save", "Mentés") \
    X(TEXT_DATA_ABOUT, "Everything is listed under the reason we keep it for. Data kept for several reasons is listed under each. If something is wrong, write to {0}.", "Minden az alatt szerepel, amiért őrizzük. Ami több okból kell, mindegyik alatt szerepel. Ha valami hibás, írjon ide: {0}.") \
    X(TEXT_DATA_NONE, "We keep no data about you beyond the record of your choices.", "A döntéseinek nyilvántartásán kívül nem őrzünk Önről adatot.") \
    X(TEXT_DATA_ITEMS, "{0} items", "{0} adat") \
    X(TEXT_DATA_ITEM, "1 item", "1 adat") \
    X(TEXT_DATA_MORE, "{0} more are in your download.", "További {0} a letölthető másolatban található.") \
    X(TEXT_DATA_HIDDEN, "kept only as an unreadable code", "csak olvashatatlan kódként őrizzük") \
    X(TEXT_COL_WHAT, "What", "Mi") \
    X(TEXT_COL_VALUE, "Value", "Érték") \
    X(TEXT_COL_FROM, "From", "Forrás") \
    X(TEXT_COL_WHEN, "When", "Mikor") \
    X(TEXT_COL_WHY, "Why", "Miért") \
    X(TEXT_COL_WHO, "Who", "Ki") \
    X(TEXT_COL_SAID, "What you said", "Mit mondott") \
    X(TEXT_COL_TEXT, "Text", "Szöveg") \
    X(TEXT_COL_RECEIPT, "Receipt", "Igazolás") \
    X(TEXT_EVENTS, "What happened last", "Legutóbbi események") \
    X(TEXT_EVENTS_NONE, "Nothing is recorded.", "Nincs feljegyzés.") \
    X(TEXT_EVENT_IDENTIFY, "you told us who you are", "megadta, kicsoda") \
    X(TEXT_EVENT_PAGE, "you looked at a page", "megnézett egy oldalt") \
    X(TEXT_EVENT_SCREEN, "you looked at a screen of the app", "megnézett egy képernyőt az appban") \
    X(TEXT_EVENT_GROUP, "you belong to a group", "csoporthoz tartozik") \
    X(TEXT_EVENT_ALIAS, "two of your accounts were joined", "két fiókját összekapcsoltuk") \
    X(TEXT_HELD, "{0} messages wait, sealed, for your consent; without it they are destroyed.", "{0} üzenet lezárva vár a hozzájárulására; anélkül megsemmisül.") \
    X(TEXT_RECIPIENTS_ABOUT, "These received data about you from us.", "Ők kaptak tőlünk adatot Önről.") \
    X(TEXT_RECIPIENTS_NONE, "Nobody outside {0} received data about you.", "Cégünkön ({0}) kívül senki sem kapott adatot Önről.") \
    X(TEXT_TIMES, "{0} times, last on {1}", "{0} alkalommal, utoljára: {1}") \
    X(TEXT_ONCE, "once, on {0}", "egyszer: {0}") \
    X(TEXT_RECEIPTS_ABOUT, "Each thing you said has a signed receipt, so that you can prove it. The program “telos verify” and our public key check it.", "Minden nyilatkozatáról aláírt igazolás készül, amellyel bizonyíthatja. A „telos verify” programmal és nyilvános kulcsunkkal ellenőrizhető.") \
    X(TEXT_RECEIPTS_NONE, "You have not said anything yet.", "Még nem nyilatkozott.") \
    X(TEXT_RECEIPT, "Download", "Letöltés") \
    X(TEXT_RECEIPT_OF, "Download the receipt of {0}, {1}", "Letöltés: {0}, {1}") \
    X(TEXT_SAID_GIVEN, "agreed", "hozzájárult") \
    X(TEXT_SAID_REFUSED, "said no", "nemet mondott") \
    X(TEXT_SAID_WITHDRAWN, "took consent back", "visszavonta") \
    X(TEXT_SAID_RENEWED, "agreed again", "újra hozzájárult") \
    X(TEXT_SAID_EXPIRED, "consent ran out", "lejárt") \
    X(TEXT_SAID_OBJECTED, "objected", "tiltakozott") \
    X(TEXT_SAID_OBJECTION_LIFTED, "took the objection back", "visszavonta a tiltakozást") \
    X(TEXT_SAID_OPENED, "contract begun", "szerződés kezdete") \
    X(TEXT_SAID_ENDED, "contract ended", "szerződés vége") \
    X(TEXT_SAID_INVOKED, "emergency", "vészhelyzet") \
    X(TEXT_SAID_INFORMED, "was informed", "tájékoztatást kapott") \
    X(TEXT_SAID_OPTED_OUT, "opted out by a signal", "jelzéssel kilépett") \
    X(TEXT_SAID_RESTRICTED, "asked to only store", "csak tárolást kért") \
    X(TEXT_SAID_UNRESTRICTED, "allowed use again", "újra engedte a használatot") \
    X(TEXT_EVERYTHING, "everything", "minden") \
    X(TEXT_RIGHTS_ABOUT, "These are your rights under the GDPR. Using them costs nothing.", "Ezek a GDPR szerinti jogai. Gyakorlásuk ingyenes.") \
    X(TEXT_DOWNLOAD, "Download my data", "Adataim letöltése") \
    X(TEXT_DOWNLOAD_ABOUT, "Everything we hold about you, in a file (access, Art. 15).", "Minden, amit Önről őrzünk, egy fájlban (hozzáférés, 15. cikk).") \
    X(TEXT_TAKE, "Take my data along", "Adataim elvitele") \
    X(TEXT_TAKE_ABOUT, "What you gave us yourself, in a form that other services can read (portability, Art. 20).", "Amit Ön adott meg, más szolgáltatások által olvasható formában (hordozhatóság, 20. cikk).") \
    X(TEXT_RESTRICT, "Only store my data", "Csak tárolják az adataimat") \
    X(TEXT_RESTRICT_ABOUT, "We then keep your data but do not use it, until you allow it again (restriction, Art. 18).", "Ekkor megőrizzük, de nem használjuk az adatait, amíg újra meg nem engedi (korlátozás, 18. cikk).") \
    X(TEXT_UNRESTRICT, "Use my data again", "Újra használhatják az adataimat") \
    X(TEXT_UNRESTRICT_ABOUT, "Since {0} we only store your data.", "Ekkortól csak tároljuk az adatait: {0}.") \
    X(TEXT_ERASE, "Erase me", "Töröljenek") \
    X(TEXT_ERASE_ABOUT, "We erase everything about you and tell everyone who received it (erasure, Art. 17). This cannot be undone, and this link stops working.", "Mindent törlünk Önről, és szólunk mindenkinek, aki megkapta (törlés, 17. cikk). Nem vonható vissza, és ez a hivatkozás sem működik többé.") \
    X(TEXT_ERASE_STAYS, "What a law orders us to keep stays, locked, until its time is up: {0}.", "Amit jogszabály őriztet velünk, zárolva marad, amíg letelik az ideje: {0}.") \
    X(TEXT_ERASE_OPEN, "Show how", "Megmutatom") \
    X(TEXT_ERASE_BOX, "I want everything about me to be erased.", "Azt kérem, hogy minden adatomat töröljék.") \
    X(TEXT_ERASE_BUTTON, "Erase everything about me", "Minden adatom törlése") \
    X(TEXT_RECTIFY, "Correct my data", "Adataim helyesbítése") \
    X(TEXT_RECTIFY_ABOUT, "If something is wrong or missing, write to {0}; we correct it within a month (Art. 16).", "Ha valami hibás vagy hiányzik, írjon ide: {0}; egy hónapon belül javítjuk (16. cikk).") \
    X(TEXT_COMPLAIN, "You may also complain to the data protection authority of the country where you live or work.", "Panaszt tehet a lakóhelye vagy munkahelye szerinti adatvédelmi hatóságnál is.") \
    X(TEXT_CONTROLLER, "Who is responsible", "Ki a felelős") \
    X(TEXT_DPO, "Data protection officer", "Adatvédelmi tisztviselő") \
    X(TEXT_DONE_SAVED, "Saved. Your choice holds from now on.", "Elmentettük. A döntése mostantól érvényes.") \
    X(TEXT_DONE_GIVEN, "You agreed. You can take it back here at any time.", "Hozzájárult. Itt bármikor visszavonhatja.") \
    X(TEXT_DONE_WITHDRAWN, "You took your consent back. What we kept because of it alone is already erased.", "Visszavonta a hozzájárulását. Amit csak emiatt őriztünk, már töröltük.") \
    X(TEXT_DONE_OBJECTED, "You objected. We have stopped.", "Tiltakozott. Abbahagytuk.") \
    X(TEXT_DONE_LIFTED, "You took your objection back.", "Visszavonta a tiltakozását.") \
    X(TEXT_DONE_RESTRICTED, "From now on we only store your data.", "Mostantól csak tároljuk az adatait.") \
    X(TEXT_DONE_UNRESTRICTED, "We may use your data again.", "Újra használhatjuk az adatait.") \
    X(TEXT_DONE_EXPLICIT, "Please tick the box first: this needs your explicit consent. Nothing was changed.", "Kérjük, előbb jelölje be a négyzetet: ehhez kifejezett hozzájárulás kell. Semmi sem változott.") \
    X(TEXT_DONE_CHANGED, "The text changed while you were reading. Please read it again and decide. Nothing was changed.", "A szöveg megváltozott, miközben olvasta. Kérjük, olvassa el újra, és döntsön. Semmi sem változott.") \
    X(TEXT_DONE_CONFIRM, "Please tick the box to confirm that everything is to be erased. Nothing was changed.", "Kérjük, jelölje be a négyzetet, hogy valóban mindent töröljünk. Semmi sem változott.") \
    X(TEXT_DONE_REFUSED, "This could not be recorded. Please check what you entered, or write to us.", "Ezt nem tudtuk rögzíteni. Kérjük, ellenőrizze, amit megadott, vagy írjon nekünk.") \
    X(TEXT_ERASED_TITLE, "You have been erased", "Töröltük az adatait") \
    X(TEXT_ERASED_TEXT, "Everything about you was erased, and whoever received it will be told. What a law orders us to keep stays locked until its time is up. This link no longer works.", "Minden adatát töröltük, és szólunk mindenkinek, aki megkapta. Amit jogszabály őriztet velünk, zárolva marad, amíg letelik az ideje. Ez a hivatkozás már nem működik.") \
    X(TEXT_BAD_TITLE, "This link does not work", "Ez a hivatkozás nem működik") \
    X(TEXT_BAD_TEXT, "It is incomplete, was changed, or belongs to someone whose data was erased. Please ask for a new link.", "Hiányos, megváltoztatták, vagy olyasvalakié, akinek az adatait törölték. Kérjen új hivatkozást.") \
    X(TEXT_EXPIRED_TITLE, "This link has expired", "Ez a hivatkozás lejárt") \
    X(TEXT_EXPIRED_TEXT, "For your protection links work only for some days. Please ask for a new one.", "Az Ön védelmében a hivatkozások csak néhány napig élnek. Kérjen újat.") \
    X(TEXT_WRONG_TITLE, "Something went wrong", "Valami nem sikerült") \
    X(TEXT_HOW_CENTRE, "on the page “Your data and choices”", "az „Az Ön adatai és döntései” oldalon") \
    X(TEXT_HOW_RIGHTS, "a rights request, by our staff", "jogérvényesítési kérelem, munkatársunk rögzítette") \
    X(TEXT_HOW_RIGHTS_SELF, "a rights request of your own", "az Ön kérelme") \
    X(TEXT_HOW_AGENT, "by an agent whom you authorised", "az Ön meghatalmazottja útján") \
    X(TEXT_HOW_DECIDED, "our decision about your objection", "döntésünk a tiltakozásáról") \
    X(TEXT_HOW_SHOWN, "the notice was shown to you", "megjelent Önnek a tájékoztató") \
    X(TEXT_HOW_EXPIRY, "its time was up", "lejárt az ideje") \
    X(TEXT_HOW_BANNER, "in the consent window of a site or app", "a weboldal vagy az app hozzájárulási ablakában") \
    X(TEXT_HOW_EVENT, "by what you did, such as an order", "azzal, amit tett, például megrendeléssel") \
    X(TEXT_HOW_TCF, "in the consent window for advertising (IAB TCF)", "a hirdetések hozzájárulási ablakában (IAB TCF)") \
    X(TEXT_HOW_GPP, "by your privacy choices on a site (IAB GPP)", "egy weboldal adatvédelmi beállításaival (IAB GPP)") \
    X(TEXT_HOW_GPC, "by your browser (Global Privacy Control)", "a böngészője jelzésével (Global Privacy Control)") \
    X(TEXT_HOW_CONSENT_MODE, "in the consent window of a site (Google Consent Mode)", "egy weboldal hozzájárulási ablakában (Google Consent Mode)") \
    X(TEXT_WRONG_TEXT, "Nothing was changed. Please try again in a moment.", "Semmi sem változott. Próbálja újra egy kicsit később.")
/* clang-format on */

enum page_text {
#define X(code, english, hungarian) code,
    PAGE_TEXT_LIST(X)
#undef X
        PAGE_TEXTS
};
extern const char *const page_texts[PAGE_TEXTS][PAGE_LANGUAGES];

#endif
