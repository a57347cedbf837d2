/* The certificate of a closed request: what was done, by counts and laws, signed, and with the proof that its step stands in the ledger.
 *
 * 1. It names no person: it is made of the record, which holds nothing personal. Whoever was given it can show it; nobody can learn from it whom it
 *    is about.
 * 2. `telos:evidence` is a record file of evidence/verify.h: with the public key alone one can check that this step, and no other, was entered.
 * 3. It may be made again at any time: the facts are the same, only recipients' answers and the tree head grow.
 */
#include "engine/rights_private.h"
#include "evidence/receipt.h"

static void write_erased(struct jsonw *w, const struct rights_record *record)
{
    rights_counts_write(w, record);
    jsonw_key(w, STR("erasure"));
    jsonw_uuid(w, record->erasure);
}

static void write_recipients(struct jsonw *w, const struct rights_record *record)
{
    jsonw_key(w, STR("recipients"));
    jsonw_array(w);
    vec_each (recipient, &record->recipients) {
        jsonw_object(w);
        jsonw_field(w, "destination", recipient->destination);
        jsonw_field(w, "recipient", recipient->recipient);
        jsonw_field(w, "purpose", recipient->purpose);
        jsonw_field(w, "state", str_of(rights_recipient_state_name(recipient->state)));
        jsonw_field_time(w, "at", recipient->at_ms);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void write_facts(struct jsonw *w, const struct policy *policy, const struct rights_case *one)
{
    const struct rights_refusal *refusal = rights_refusal_find(one->record.code);
    jsonw_field(w, "type", STR("telos:RightsCertificate"));
    jsonw_key(w, STR("request"));
    jsonw_uuid(w, one->row.id);
    jsonw_field(w, "right", str_of(right_name(one->row.right)));
    jsonw_field(w, "article", str_of(right_article(one->row.right)));
    jsonw_field(w, "state", str_of(rights_state_name(one->row.state)));
    jsonw_field_time(w, "received", one->row.opened_ms);
    jsonw_field_time(w, "due", one->row.due_ms);
    jsonw_field_time(w, "closed", one->row.done_ms);
    jsonw_field_bool(w, "extended", one->record.extended);
    jsonw_field(w, "controller", policy->controller);
    jsonw_field(w, "dpo", policy->dpo);
    if (refusal) {
        jsonw_field(w, "refused_because", str_of(refusal->name));
        jsonw_field(w, "law", str_of(refusal->law));
        jsonw_field(w, "dpv:hasJustification", str_of(refusal->dpv));
    }
}

static const struct err *write_evidence(struct engine *engine, struct arena *arena, struct jsonw *w, const struct rights_case *one)
{
    const struct rights_step *last = NULL;
    str proof = STR_NONE, text = STR_NONE;
    struct entry entry;
    vec_each (step, &one->record.steps)
        if (step->at_ms <= one->row.done_ms)
            last = step;
    if (!last)
        return NULL;
    TRY(ledger_proof(engine->ledger, arena, last->ledger_index, &proof));
    TRY(ledger_entry(engine->ledger, arena, last->ledger_index, &text));
    TRY(entry_parse(arena, text, &entry));
    jsonw_key(w, STR("telos:evidence"));
    jsonw_object(w);
    jsonw_field(w, "entry", text);
    jsonw_field(w, "proof", proof);
    jsonw_field(w, "record", entry.record);
    jsonw_object_end(w);
    return NULL;
}

const struct err *engine_rights_certificate(struct reader *reader, struct arena *arena, const struct policy *policy, struct uuid id, str *ret_json,
                                            bool *ret_found)
{
    struct engine *engine = reader->engine;
    struct rights_case one;
    struct buf buf;
    struct jsonw w;
    TRY(engine_right(reader, arena, id, false, &one, ret_found));
    *ret_found = *ret_found && !rights_state_open(one.row.state);
    if (!*ret_found)
        return NULL;
    buf_init(&buf, arena, LIMIT_RIGHTS_RECORD_BYTES);
    jsonw_init(&w, &buf);
    jsonw_object(&w);
    write_facts(&w, policy, &one);
    if (one.record.counted) {
        write_erased(&w, &one.record);
        rights_kept_write(&w, &one.record);
    }
    write_recipients(&w, &one.record);
    TRY(write_evidence(engine, arena, &w, &one));
    jsonw_object_end(&w);
    if (buf.overflow)
        return err_new(arena, ERR_TOO_LARGE, "the certificate is too long: too many recipients were told");
    return receipt_seal(arena, buf_str(&buf), ledger_key(engine->ledger), clock_now_ms(), ret_json);
}
