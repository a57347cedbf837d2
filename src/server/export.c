/* GET /v1/rights/{id}/export: the person's copy as a ZIP, streamed.
 *
 *     index.html, en.html, hu.html   to be read and printed            data.json, events.json   the same for machines
 *     csv/…                          the same for spreadsheets         receipts/…               each consent, signed, with its tlog-proof
 *     key.pub, checkpoint, README.txt    `telos verify FOLDER` checks receipts, proofs and checkpoint without us
 *
 * 1. For portability only data.json, events.json and csv/: what rests on consent or contract and was provided by the person (Art. 20).
 * 2. Making it is a step of the request, committed before the first byte leaves; reading it is a recorded read.
 * 3. It lies nowhere: what is read is packed and sent. Events come page by page, so memory does not grow with them.
 * 4. When something fails half way the file lacks its directory, so that nobody takes a part for the whole.
 */
#include "server/export_private.h"

#define OUT_BYTES_MAX (64u * 1024 * 1024)
#define EVENTS_PAGE 500

bool export_takes(const struct export *export, purpose_mask purposes, str source)
{
    return (purposes & export->mask) && (export->access || rights_provided(export->policy, source));
}

void export_flush(struct export *export)
{
    zip_add(export->zip, buf_str(&export->out));
    buf_clear(&export->out);
}

static void fail(struct export *export, const struct err *error)
{
    if (!export->error && error)
        export->error = err_new(export->arena, error->code, "%s", error->text);
}

void export_events(struct export *export, void (*each)(struct export *, const struct event *, const struct event_part *))
{
    uint64_t before = 0;
    for (bool more = true; more && !export->error && !zip_broken(export->zip);) {
        struct event *events = NULL;
        size_t count = 0;
        fail(export, engine_events(export->reader, &export->slice, export->policy, export->person, before, EVENTS_PAGE, &events, &count));
        for (size_t i = 0; i < count; i++) {
            before = events[i].number.value;
            for (unsigned k = 0; k < events[i].part_count; k++)
                if (export_takes(export, events[i].parts[k].purposes, events[i].source) && !str_empty(events[i].parts[k].body))
                    each(export, &events[i], &events[i].parts[k]);
        }
        more = count == EVENTS_PAGE;
        export_flush(export);
        arena_clear(&export->slice);
    }
}

/* ---- JSON ---- */

static void event_json(struct export *export, const struct event *event, const struct event_part *part)
{
    struct jsonw w;
    export->seen |= part->purposes;
    buf_add(&export->out, export->event_count++ ? STR(",\n") : STR("[\n"));
    jsonw_init(&w, &export->out);
    jsonw_object(&w);
    jsonw_key(&w, STR("id"));
    jsonw_uuid(&w, event->id);
    jsonw_field(&w, "type", str_of(event_type_name(event->type)));
    jsonw_field_time(&w, "at", event->at_ms);
    jsonw_field_time(&w, "received_at", event->received_ms);
    jsonw_field(&w, "source", event->source);
    jsonw_key(&w, STR("purposes"));
    write_purposes(&w, export->policy, part->purposes);
    jsonw_key(&w, STR("content"));
    jsonw_raw(&w, part->body);
    jsonw_object_end(&w);
}

static void json_put(struct export *export)
{
    struct jsonw w;
    buf_clear(&export->out);
    jsonw_init(&w, &export->out);
    jsonw_object(&w);
    jsonw_field(&w, "right", str_of(right_name(export->access ? RIGHT_ACCESS : RIGHT_PORTABILITY)));
    jsonw_field_time(&w, "made_at", export->made_ms);
    jsonw_key(&w, STR("request"));
    jsonw_uuid(&w, export->request.row.id);
    write_export_head(export->policy, &w, export->arena, export->person, export->access);
    jsonw_object_end(&w);
    zip_file(export->zip, "data.json", export->made_ms);
    export_flush(export);
    zip_file(export->zip, "events.json", export->made_ms);
    export->event_count = 0;
    export_events(export, event_json);
    zip_add(export->zip, export->event_count ? STR("\n]\n") : STR("[]\n"));
}

/* ---- evidence ---- */

static void receipts_put(struct export *export)
{
    vec_each (record, &export->person->consents) {
        str json = STR_NONE;
        bool found = false;
        char id[UUID_TEXT_SIZE];
        if (export->error || zip_broken(export->zip))
            return;
        const struct err *error = engine_receipt(export->reader, &export->slice, export->policy, record->id, &json, NULL, &found);
        fail(export, error);
        if (!error && found)
            zip_put(export->zip, arena_printf(&export->slice, "receipts/%.*s.json", STR_FMT(uuid_text(record->id, id))), export->made_ms, json);
        arena_clear(&export->slice);
    }
}

static void readme_put(struct export *export)
{
    static const char text[] =
        "This folder is a copy of everything that is kept about you (GDPR Art. 15). Begin with index.html.\n"
        "\n"
        "  en.html, hu.html   to be read and printed\n"
        "  data.json, events.json, csv/   the same for machines and spreadsheets\n"
        "  receipts/          each of your statements, signed, with the proof that it stands in the evidence ledger\n"
        "  key.pub            the public key of the signatures; compare it with the one that the controller publishes\n"
        "  checkpoint         the signed head of the ledger when this copy was made\n"
        "  manifest           all files with their digests, signed (manifest.sig): whether any was changed\n"
        "\n"
        "To check it without trusting anybody: unpack it and run `telos verify FOLDER`, or any tool that knows C2SP tlog-proofs and Ed25519.\n"
        "It holds your personal data: keep it where only you can read it.\n"
        "\n"
        "----\n"
        "\n"
        "Ez a mappa mindannak a másolata, amit Önről őriznek (GDPR 15. cikk). Kezdje az index.html oldallal.\n"
        "\n"
        "  hu.html, en.html   olvasásra és nyomtatásra\n"
        "  data.json, events.json, csv/   ugyanez gépeknek és táblázatkezelőknek\n"
        "  receipts/          minden nyilatkozata, aláírva, annak bizonyítékával, hogy szerepel a bizonyítéknaplóban\n"
        "  key.pub            az aláírások nyilvános kulcsa; vesse össze azzal, amelyet az adatkezelő közzétesz\n"
        "  checkpoint         a napló aláírt állapota a másolat készítésekor\n"
        "  manifest           minden fájl ellenőrző összegével, aláírva (manifest.sig): kiderül, ha bármelyiket megváltoztatták\n"
        "\n"
        "Ellenőrzés, bárkibe vetett bizalom nélkül: csomagolja ki, és futtassa a `telos verify MAPPA` parancsot.\n"
        "Az Ön személyes adatai vannak benne: tartsa olyan helyen, ahol csak Ön olvashatja.\n";
    static const char index[] =
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Your data · Az Ön adatai</title>\n"
        "<style>body{font:18px/1.6 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}</style></head>\n<body><main>\n"
        "<h1>Your data <span lang=\"hu\">· Az Ön adatai</span></h1>\n<ul>\n<li><a href=\"en.html\" hreflang=\"en\">English</a></li>\n"
        "<li><a href=\"hu.html\" hreflang=\"hu\" lang=\"hu\">Magyar</a></li>\n</ul>\n</main></body>\n</html>\n";
    zip_put(export->zip, "README.txt", export->made_ms, STR(text));
    zip_put(export->zip, "index.html", export->made_ms, STR(index));
}

static void evidence_put(struct export *export)
{
    str note = STR_NONE;
    receipts_put(export);
    fail(export, engine_checkpoint(export->server->engine, export->arena, &note));
    zip_put(export->zip, "key.pub", export->made_ms, str_printf(export->arena, "%.*s\n", STR_FMT(engine_verifier_key(export->server->engine))));
    zip_put(export->zip, "checkpoint", export->made_ms, note);
    str list = zip_manifest(export->zip), signature = STR_NONE;
    fail(export, engine_manifest_sign(export->server->engine, export->arena, list, &signature));
    zip_put(export->zip, "manifest", export->made_ms, list);
    zip_put(export->zip, "manifest.sig", export->made_ms, signature);
}

/* ---- the whole, on a thread of its own ---- */

static void export_write(struct export *export)
{
    json_put(export);
    export_csv(export);
    if (!export->access)
        return;
    export_page(export, EXPORT_EN);
    export_page(export, EXPORT_HU);
    readme_put(export);
    evidence_put(export);
}

static void export_run(struct job *job)
{
    struct export *export = job->context;
    struct person *person = NULL;
    export->server = job->server;
    export->arena = &job->arena;
    export->reader = job->reader;
    export->policy = job->policy;
    export->made_ms = clock_now_ms();
    export->access = export->request.row.right == RIGHT_ACCESS;
    arena_init(&export->slice);
    buf_init(&export->out, &job->arena, OUT_BYTES_MAX);
    export->zip = zip_begin(job->flow, LIMIT_RIGHTS_EXPORT_BYTES);
    fail(export, engine_person_by_no(job->reader, &job->arena, job->policy, export->request.row.profile, PERSON_HEAD | PERSON_FACTS | PERSON_HELD | PERSON_OUTBOX,
                                     &person));
    if (person && !export->error) {
        export->person = person;
        export->mask = export->access ? ~(purpose_mask)0 : rights_portable(job->policy, STR_NONE);
        export_write(export);
    }
    bool whole = person && !export->error && !export->out.overflow;
    if (!zip_end(export->zip, whole))
        log_write(LOG_WARN, "server", "an export of a person broke off: %s", export->error ? export->error->text : "the client left, or it is too large");
    arena_release(&export->slice);
}

static const struct err *export_start(struct call *call)
{
    const struct rights_act *act = call->state;
    TRY(rights_refused(call, act));
    struct job *job = job_new(call);
    struct export *export = arena_new(&job->arena, struct export);
    export->request.row = act->ret_row;
    export->request.row.record = export->request.row.sealed = export->request.row.channel = STR_NONE; /* they live in the call */
    job->run = export_run;
    job->context = export;
    engine_record_read(call->server->engine, call->principal.token, act->ret_row.profile, STR_NONE, right_name(act->ret_row.right));
    TRY(job_start(call, job));
    call->reply.type = "application/zip";
    reply_header(call, "Content-Disposition", act->ret_row.right == RIGHT_ACCESS ? "attachment; filename=\"my-data.zip\"" : "attachment; filename=\"my-data-portable.zip\"");
    reply_header(call, "Cache-Control", "no-store");
    reply_header(call, "X-Content-Type-Options", "nosniff");
    return NULL;
}

const struct err *rights_export_begin(struct call *call, struct rights_act *act, const struct rights_case *one)
{
    if (act->right != RIGHT_ACCESS && act->right != RIGHT_PORTABILITY)
        return err_new(&call->arena, ERR_CONFLICT, "the request asks for %s, not for a copy", right_name(act->right));
    if (one && one->row.state != RIGHTS_IN_PROGRESS && one->row.state != RIGHTS_COMPLETED)
        return err_new(&call->arena, ERR_CONFLICT, "the request is %s; a copy is made when the identity is confirmed", rights_state_name(one->row.state));
    rights_step_add(act, RIGHTS_EXPORTED);
    if (!one || one->row.state == RIGHTS_IN_PROGRESS)
        rights_step_add(act, RIGHTS_FULFILLED);
    return rights_submit(call, act, export_start);
}

const struct err *right_export(struct call *call)
{
    struct rights_case one;
    TRY(call_whole_person(call));
    TRY(rights_find(call, &one));
    if (!one.row.profile.value)
        return err_new(&call->arena, ERR_CONFLICT, "nobody is known by the identifier of this request");
    struct rights_act *act = rights_act_new(call, "api");
    act->id = one.row.id;
    act->right = one.row.right;
    return rights_export_begin(call, act, &one);
}
