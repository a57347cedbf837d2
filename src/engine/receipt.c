/* Consent receipts: ISO/IEC TS 27560:2023 as JSON-LD in terms of the W3C Data Privacy Vocabulary, signed, with the proof that the record
 * stands in the ledger. One document, in the sections of the standard: header, processing, parties, event; then Telos' evidence.
 *
 * 1. Everything in it comes from the record and from the policy version under which it was made, so it says the same at any time;
 *    only the tree head of its proof grows.
 * 2. `telos:evidence` is a record file of evidence/verify.h: with the public key alone one can check that this record, and no other, was
 *    entered. Its salt opens this one commitment.
 * 3. Of a person whose keys are destroyed there is no receipt: what it would say is gone.
 */
#include "core/apply.h"
#include "engine/engine_private.h"
#include "engine/receipt_private.h"
#include "evidence/receipt.h"

#include <sodium.h>

struct receipt {
    struct arena *arena;
    struct engine *engine;
    const struct policy *policy;
    const struct person *person;
    const struct profile *profile;
    const struct consent *record;
    const struct purpose *purpose; /* NULL: a restriction of the whole person, or a purpose that this policy lacks */
    enum basis basis;
    struct jsonw w;
};

static str urn(const struct receipt *receipt, struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    return str_printf(receipt->arena, "urn:uuid:%.*s", STR_FMT(uuid_text(id, text)));
}

static str controller_iri(const struct receipt *receipt)
{
    return str_printf(receipt->arena, "urn:telos:controller:%.*s", STR_FMT(ledger_origin(receipt->engine->ledger)));
}

static str location(struct arena *arena, str country) { return str_printf(arena, "loc:%.*s", STR_FMT(country)); }

static str period_text(struct arena *arena, struct period period)
{
    static const char *const names[] = {
#define X(code, name) [code] = name,
        ANCHORS(X)
#undef X
    };
    if (period.anchor == ANCHOR_NONE)
        return STR("as long as the purpose lasts");
    return str_printf(arena, "%.*s after %s", STR_FMT(duration_format(arena, period.duration)), names[period.anchor]);
}

/* --- header */

static void header_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    char text[UUID_TEXT_SIZE];
    bool consent = status_is_consent(receipt->record->status, receipt->basis);
    context_write(w);
    str id = uuid_text(receipt->record->id, text);
    jsonw_field(w, "@id", str_printf(receipt->arena, "urn:telos:receipt:%.*s", STR_FMT(id)));
    jsonw_field(w, "@type", consent ? STR("dpv:ConsentReceipt") : STR("dpv:RecordsOfActivities"));
    jsonw_field(w, "dct:conformsTo", STR("dpv-27560:receipt-eu-gdpr"));
    jsonw_field(w, "dct:identifier", str_printf(receipt->arena, "receipt-%.*s", STR_FMT(id)));
    jsonw_field_time(w, "dct:created", receipt->record->known_ms);
}

static void subject_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    char text[UUID_TEXT_SIZE];
    jsonw_key(w, STR("dpv:hasDataSubject"));
    jsonw_object(w);
    jsonw_field(w, "@id", urn(receipt, receipt->profile->id));
    jsonw_field(w, "@type", STR("dpv:DataSubject"));
    jsonw_field(w, "dpv:hasIdentifier", uuid_text(receipt->profile->id, text));
    jsonw_object_end(w);
}

static void notice_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    const struct consent *record = receipt->record;
    const struct notice *notice = str_empty(record->notice) ? NULL : policy_notice(receipt->policy, record->notice);
    bool same = notice && notice->version == record->notice_version; /* of an older version the policy has no text any more */
    jsonw_key(w, STR("dpv:hasNotice"));
    jsonw_object(w);
    jsonw_field(w, "@type", status_is_consent(record->status, receipt->basis) ? STR("dpv:ConsentNotice") : STR("dpv:PrivacyNotice"));
    str name = !str_empty(record->notice) ? record->notice : receipt->purpose ? receipt->purpose->name : STR("privacy");
    jsonw_field(w, "dct:identifier", record->notice_version ? str_printf(receipt->arena, "%.*s@%u", STR_FMT(name), record->notice_version) : name);
    if (record->notice_version)
        jsonw_field(w, "dct:hasVersion", str_printf(receipt->arena, "%u", record->notice_version));
    jsonw_key(w, STR("dct:language"));
    jsonw_array(w);
    if (same && notice->texts.count)
        vec_each (text, &notice->texts)
            jsonw_string(w, text->language);
    else
        jsonw_string(w, STR("und")); /* BCP 47: undetermined */
    jsonw_array_end(w);
    if (same) {
        jsonw_key(w, STR("telos:text"));
        jsonw_array(w);
        vec_each (text, &notice->texts) {
            jsonw_object(w);
            jsonw_field(w, "dct:language", text->language);
            jsonw_field(w, "telos:sha256", str_hex(receipt->arena, text->sha256, sizeof text->sha256));
            jsonw_object_end(w);
        }
        jsonw_array_end(w);
    }
    jsonw_object_end(w);
}

/* --- processing */

static void basis_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    const struct purpose *purpose = receipt->purpose;
    jsonw_key(w, STR("dpv:hasLegalBasis"));
    jsonw_array(w);
    jsonw_string(w, str_of(basis_dpv(receipt->basis)));
    bool explicit_consent = receipt->basis == BASIS_CONSENT && receipt->record->explicit_given;
    jsonw_string(w, explicit_consent ? STR("eu-gdpr:A6-1-a-explicit-consent") : str_of(basis_iri(receipt->basis)));
    if (purpose && !str_empty(purpose->special_condition))
        jsonw_string(w, str_printf(receipt->arena, "eu-gdpr:A9-2-%.*s", STR_FMT(purpose->special_condition)));
    jsonw_array_end(w);
}

static void categories_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    jsonw_key(w, STR("dpv:hasPersonalData"));
    jsonw_array(w);
    for (uint16_t slot = 0; slot < receipt->policy->categories.count; slot++) {
        const struct category *category = &receipt->policy->categories.items[slot];
        if (receipt->purpose && !category_in(&receipt->purpose->categories, slot))
            continue;
        jsonw_object(w);
        jsonw_field(w, "@type", category->special ? STR("dpv:SpecialCategoryPersonalData") : STR("dpv:PersonalData"));
        jsonw_field(w, "dct:identifier", category->name);
        jsonw_field(w, "skos:broader", str_empty(category->dpv) ? STR("dpv:PersonalData") : category->dpv);
        if (!str_empty(category->title))
            jsonw_field(w, "dct:title", category->title);
        jsonw_field(w, "dpv:hasNecessity", STR("dpv:Required"));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void storage_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    jsonw_key(w, STR("dpv:hasStorageCondition"));
    jsonw_array(w);
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:StorageLocation"));
    jsonw_field(w, "dpv:hasLocation", location(receipt->arena, receipt->policy->country));
    jsonw_object_end(w);
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:StorageDuration"));
    jsonw_field(w, "dct:description", receipt->purpose ? period_text(receipt->arena, receipt->purpose->retention)
                                                       : STR("as long as the purposes of the data last"));
    jsonw_object_end(w);
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:StorageDeletion"));
    jsonw_field(w, "dct:description", STR("erased, and its key destroyed, as soon as no purpose is left"));
    jsonw_object_end(w);
    jsonw_array_end(w);
}

static bool sent_to(const struct receipt *receipt, const struct destination *destination)
{
    return receipt->purpose && destination->purpose == receipt->purpose->slot;
}

static str recipient_iri(const struct receipt *receipt, const struct destination *destination)
{
    return str_printf(receipt->arena, "urn:telos:recipient:%.*s", STR_FMT(destination->name));
}

/* It goes to nobody else: then the controller is the recipient. */
static bool stays_here(const struct receipt *receipt)
{
    vec_each (destination, &receipt->policy->destinations)
        if (sent_to(receipt, destination))
            return false;
    return true;
}

static void recipients_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    jsonw_key(w, STR("dpv:hasRecipient"));
    jsonw_array(w);
    vec_each (destination, &receipt->policy->destinations)
        if (sent_to(receipt, destination))
            jsonw_string(w, recipient_iri(receipt, destination));
    if (stays_here(receipt))
        jsonw_string(w, controller_iri(receipt));
    jsonw_array_end(w);
}

static void control_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    jsonw_key(w, STR("dpv:hasConsentControl"));
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:WithdrawConsent"));
    jsonw_field(w, "dct:description", receipt->basis == BASIS_CONSENT
                                          ? STR("in the preference centre of the controller, or by a message to its contact, at any time")
                                          : STR("an objection or the end of the contract: by a message to the controller's contact"));
    str contact = !str_empty(receipt->policy->contact) ? receipt->policy->contact : receipt->policy->dpo;
    if (!str_empty(contact))
        jsonw_field(w, "schema:contactPoint", contact);
    jsonw_object_end(w);
}

static void purpose_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    const struct purpose *purpose = receipt->purpose;
    jsonw_key(w, STR("dpv:hasPurpose"));
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:Purpose"));
    if (purpose) {
        jsonw_field(w, "dct:identifier", purpose->name);
        jsonw_field(w, "dct:title", purpose->title);
        jsonw_field(w, "skos:broader", purpose_dpv(purpose));
        str cited = receipt->basis == BASIS_CONTRACT             ? purpose->contract
                    : receipt->basis == BASIS_LEGITIMATE_INTEREST ? purpose->interest
                                                                  : purpose->law;
        if (!str_empty(cited))
            jsonw_field(w, "dct:description", cited);
    } else {
        jsonw_field(w, "dct:identifier", str_empty(receipt->record->purpose) ? STR("*") : receipt->record->purpose);
        jsonw_field(w, "skos:broader", STR("dpv:Purpose"));
    }
    jsonw_object_end(w);
}

static void process_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    str jurisdiction = !str_empty(receipt->profile->jurisdiction) ? receipt->profile->jurisdiction : receipt->policy->country;
    jsonw_key(w, STR("dpv:hasProcess"));
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:Process"));
    purpose_write(receipt);
    basis_write(receipt);
    categories_write(receipt);
    jsonw_key(w, STR("dpv:hasProcessing"));
    jsonw_array(w);
    jsonw_string(w, STR("dpv:Collect"));
    jsonw_string(w, STR("dpv:Store"));
    if (!receipt->purpose || !receipt->purpose->storage_only)
        jsonw_string(w, STR("dpv:Use"));
    jsonw_array_end(w);
    if (receipt->purpose && receipt->purpose->automated_decision) {
        jsonw_field(w, "dpv:hasAutomationLevel", STR("dpv:FullAutomation"));
        jsonw_field(w, "dpv:hasHumanInvolvement", receipt->purpose->human_reviewer);
    }
    jsonw_key(w, STR("dpv:hasDataSource"));
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:DataSubjectDataSource"));
    jsonw_field(w, "dct:identifier", receipt->record->source);
    jsonw_object_end(w);
    jsonw_field(w, "dpv:hasDataController", controller_iri(receipt));
    storage_write(receipt);
    jsonw_key(w, STR("dpv:hasProcessingCondition"));
    jsonw_object(w);
    jsonw_field(w, "@type", STR("dpv:ProcessingLocation"));
    jsonw_field(w, "dpv:hasLocation", location(receipt->arena, receipt->policy->country));
    jsonw_object_end(w);
    jsonw_field(w, "dpv:hasRule", STR("transfers only to the controller's regions, to adequate countries, or under the safeguard named with the recipient"));
    jsonw_field(w, "dpv:hasJurisdiction", location(receipt->arena, jurisdiction));
    recipients_write(receipt);
    control_write(receipt);
    jsonw_key(w, STR("dpv:hasRight"));
    rights_write(w, receipt->basis, receipt->purpose);
    jsonw_object_end(w);
}

/* --- parties */

static void controller_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    const struct policy *policy = receipt->policy;
    str contact = !str_empty(policy->contact) ? policy->contact : policy->dpo;
    jsonw_object(w);
    jsonw_field(w, "@id", controller_iri(receipt));
    jsonw_key(w, STR("@type"));
    jsonw_array(w);
    jsonw_string(w, STR("dpv:DataController"));
    if (stays_here(receipt))
        jsonw_string(w, STR("dpv:Recipient"));
    jsonw_array_end(w);
    jsonw_field(w, "dpv:hasIdentifier", controller_iri(receipt));
    jsonw_field(w, "dpv:hasName", policy->controller);
    jsonw_field(w, "dpv:hasAddress", !str_empty(policy->address) ? policy->address : policy->country);
    jsonw_field(w, "dpv:hasContact", contact);
    if (!str_empty(policy->dpo)) {
        jsonw_key(w, STR("dpv:hasRepresentative"));
        jsonw_object(w);
        jsonw_field(w, "@type", STR("dpv:DataProtectionOfficer"));
        jsonw_field(w, "dpv:hasContact", policy->dpo);
        jsonw_object_end(w);
    }
    jsonw_object_end(w);
}

static void parties_write(struct receipt *receipt)
{
    struct jsonw *w = &receipt->w;
    jsonw_key(w, STR("dpv:hasEntity"));
    jsonw_array(w);
    controller_write(receipt);
    vec_each (destination, &receipt->policy->destinations) {
        if (!sent_to(receipt, destination))
            continue;
        jsonw_object(w);
        jsonw_field(w, "@id", recipient_iri(receipt, destination));
        jsonw_field(w, "@type", STR("dpv:Recipient"));
        jsonw_field(w, "dpv:hasIdentifier", destination->name);
        jsonw_field(w, "dpv:hasName", !str_empty(destination->recipient) ? destination->recipient : destination->name);
        jsonw_field(w, "dpv:hasAddress", destination->country);
        jsonw_field(w, "dpv:hasContact", !str_empty(receipt->policy->contact) ? receipt->policy->contact : receipt->policy->dpo);
        if (!str_empty(destination->country))
            jsonw_field(w, "dpv:hasLocation", location(receipt->arena, destination->country));
        if (!str_empty(destination->safeguard)) {
            jsonw_key(w, STR("dpv:hasOrganisationalMeasure"));
            jsonw_object(w);
            jsonw_field(w, "@type", STR("dpv:SafeguardForDataTransfer"));
            jsonw_field(w, "dct:description", destination->safeguard);
            jsonw_object_end(w);
        }
        jsonw_object_end(w);
    }
    const struct authority *authority = authority_of(receipt->policy->country);
    if (authority) {
        jsonw_object(w);
        jsonw_field(w, "@id", str_of(authority->url));
        jsonw_field(w, "@type", STR("dpv:DataProtectionAuthority"));
        jsonw_field(w, "dpv:hasIdentifier", str_of(authority->url));
        jsonw_field(w, "dpv:hasName", str_of(authority->name));
        jsonw_field(w, "dpv:hasAddress", str_of(authority->country));
        jsonw_field(w, "schema:url", str_of(authority->url));
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    if (authority)
        jsonw_field(w, "dpv:hasAuthority", str_of(authority->url));
}

/* --- the event, and the evidence */

static void event_write(struct receipt *receipt)
{
    static const char *const by_types[] = {
        [SAID_BY_SELF] = "dpv:DataSubject",
        [SAID_BY_GUARDIAN] = "dpv:GuardianOfDataSubject",
        [SAID_BY_AGENT] = "dpv:Representative",
        [SAID_BY_SYSTEM] = "dpv:DataController",
    };
    struct jsonw *w = &receipt->w;
    const struct consent *record = receipt->record;
    bool consent = status_is_consent(record->status, receipt->basis);
    jsonw_key(w, consent ? STR("dpv:hasConsentStatus") : STR("dpv:hasStatus"));
    jsonw_object(w);
    jsonw_field(w, "@type", str_of(consent_status_dpv(record->status)));
    jsonw_field(w, "telos:status", str_of(consent_status_name(record->status)));
    jsonw_field_time(w, "dpv:isIndicatedAtTime", record->at_ms);
    jsonw_key(w, STR("dpv:hasDuration"));
    jsonw_object(w);
    jsonw_field(w, "@type", record->expires_ms == TIME_FOREVER ? STR("dpv:IndeterminateDuration") : STR("dpv:UntilTimeDuration"));
    if (record->expires_ms != TIME_FOREVER)
        jsonw_field_time(w, "dct:valid", record->expires_ms);
    jsonw_object_end(w);
    jsonw_key(w, STR("dpv:isIndicatedBy"));
    jsonw_object(w);
    jsonw_field(w, "@id", record->by == SAID_BY_SYSTEM ? controller_iri(receipt) : urn(receipt, receipt->profile->id));
    jsonw_field(w, "@type", str_of(by_types[record->by]));
    jsonw_object_end(w);
    if (consent)
        jsonw_field(w, "dpv:hasLegalBasis",
                    record->explicit_given ? STR("dpv:ExplicitlyExpressedConsent") : STR("dpv:ExpressedConsent"));
    jsonw_field(w, "dpv:hasIndicationMethod", record->method);
    if (!str_empty(record->reference))
        jsonw_field(w, "dct:references", record->reference);
    jsonw_object_end(w);
}

static const struct err *evidence_write(struct receipt *receipt, const uint8_t key[32])
{
    struct jsonw *w = &receipt->w;
    const struct consent *record = receipt->record;
    uint8_t salt[32];
    str proof = STR_NONE, entry;
    TRY(ledger_proof(receipt->engine->ledger, receipt->arena, record->ledger_index, &proof));
    TRY(ledger_entry(receipt->engine->ledger, receipt->arena, record->ledger_index, &entry));
    ledger_salt(key, record->ledger_index, LEDGER_PLACE_ALONE, salt);
    jsonw_key(w, STR("telos:evidence"));
    jsonw_object(w);
    jsonw_field(w, "entry", entry);
    jsonw_field(w, "proof", proof);
    jsonw_field(w, "record", consent_record_json(receipt->arena, record, receipt->profile->id));
    jsonw_field(w, "salt", str_base64(receipt->arena, salt, sizeof salt));
    jsonw_object_end(w);
    sodium_memzero(salt, sizeof salt);
    return NULL;
}

static const struct err *document_write(struct receipt *receipt, const uint8_t key[32], str *ret_json)
{
    struct jsonw *w = &receipt->w;
    struct buf buf;
    buf_init(&buf, receipt->arena, 4 * 1024 * 1024);
    jsonw_init(w, &buf);
    jsonw_object(w);
    header_write(receipt);
    jsonw_key(w, STR("dct:references"));
    jsonw_object(w);
    jsonw_field(w, "@id", urn(receipt, receipt->record->id));
    jsonw_field(w, "@type", status_is_consent(receipt->record->status, receipt->basis) ? STR("dpv:ConsentRecord") : STR("dpv:Record"));
    jsonw_field(w, "dct:conformsTo", STR("dpv-27560:record-eu-gdpr"));
    jsonw_key(w, STR("dct:identifier"));
    jsonw_uuid(w, receipt->record->id);
    jsonw_field_time(w, "dct:created", receipt->record->known_ms);
    jsonw_field_int(w, "telos:policyVersion", receipt->policy->version);
    subject_write(receipt);
    notice_write(receipt);
    process_write(receipt);
    parties_write(receipt);
    event_write(receipt);
    jsonw_object_end(w);
    TRY(evidence_write(receipt, key));
    jsonw_object_end(w);
    if (buf.overflow)
        return err_new(receipt->arena, ERR_TOO_LARGE, "the receipt is too long: the policy names too many categories and recipients");
    return receipt_seal(receipt->arena, buf_str(&buf), ledger_key(receipt->engine->ledger), clock_now_ms(), ret_json);
}

const struct err *engine_receipt_of(struct engine *engine, struct arena *arena, const struct policy *policy, const struct person *person,
                                    const struct consent *consent, str *ret_json)
{
    struct receipt receipt = {.arena = arena, .engine = engine, .policy = policy, .person = person, .record = consent};
    receipt.profile = person_profile(person, consent->profile);
    ASSERT(receipt.profile);
    receipt.purpose = policy_purpose(policy, consent->purpose);
    receipt.basis = receipt.purpose ? purpose_basis(receipt.purpose, receipt.profile->jurisdiction) : BASIS_LEGAL_OBLIGATION;
    uint8_t key[32];
    if (vault_key(engine->vault, consent->profile, KEY_EVIDENCE, key) != VAULT_LIVE)
        return err_new(arena, ERR_NOT_FOUND, "the record's key is destroyed; there is no receipt of it any more");
    const struct err *error = document_write(&receipt, key, ret_json);
    sodium_memzero(key, sizeof key);
    return error;
}

const struct err *engine_receipt(struct reader *reader, struct arena *arena, const struct policy *policy, struct uuid consent, str *ret_json,
                                 str *ret_purpose, bool *ret_found)
{
    struct engine *engine = reader->engine;
    struct consent row;
    bool found = false;
    uint8_t key[32];
    *ret_found = false;
    TRY(engine_store(engine)->consent(reader->session, arena, consent, &row, &found));
    if (!found || vault_key(engine->vault, row.profile, KEY_EVIDENCE, key) != VAULT_LIVE)
        return NULL;
    sodium_memzero(key, sizeof key);
    struct policy *past = NULL; /* the record is shown as what it was made under */
    if (policy->activated_ms > row.known_ms)
        TRY(engine_policy_at(engine, reader, arena, row.known_ms, &past));
    struct person *person = NULL;
    const struct err *error = engine_person_by_no(reader, arena, past ? past : policy, row.profile, PERSON_HEAD, &person);
    if (!error && person) {
        vec_each (record, &person->consents) {
            if (!uuid_equal(record->id, consent))
                continue;
            error = engine_receipt_of(engine, arena, past ? past : policy, person, record, ret_json);
            *ret_found = !error;
            if (ret_purpose)
                *ret_purpose = str_copy(arena, record->purpose);
            break;
        }
    }
    policy_free(past);
    return error;
}
