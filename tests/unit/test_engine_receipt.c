/* Receipts: every field that ISO/IEC TS 27560 and the GDPR want, signed, and with the proof of its leaf. */
#include "engine_world.h"

#include "evidence/entry.h"
#include "evidence/note.h"
#include "evidence/receipt.h"
#include "evidence/seal.h"

static struct json receipt_of(struct world *world, struct uuid id, str *ret_text)
{
    const struct policy *policy = engine_policy(world->engine);
    struct json json;
    str text = STR_NONE;
    bool found = false;
    check_fine(engine_receipt(world->reader, &world->arena, policy, id, &text, NULL, &found));
    assert_true(found);
    check_fine(json_read(&world->arena, text, &json));
    engine_policy_release(world->engine, policy);
    if (ret_text)
        *ret_text = text;
    return json;
}

/* A path of member names separated by '/', for the names have dots and colons in them. "0" takes the first item. */
static const struct json *at(const struct json *json, const char *path)
{
    str rest = str_of(path), name;
    while (json && str_split(&rest, '/', &name))
        json = json->type == JSON_ARRAY ? (json->count ? &json->items[0] : NULL) : json_get(json, name);
    return json;
}

static void a_receipt_has_every_field_that_the_standard_and_the_law_want(void **state)
{
    static const char *const wanted[] = {
        "@context/dpv", "@id", "@type", "dct:conformsTo", "dct:identifier", "dct:created",
        "dct:references/@type", "dct:references/dct:conformsTo", "dct:references/dct:identifier", /* schema version, record id */
        "dct:references/dpv:hasDataSubject/dpv:hasIdentifier", /* PII principal id */
        "dct:references/dpv:hasNotice/dct:identifier", "dct:references/dpv:hasNotice/dct:language/0", /* notice, language */
        "dct:references/dpv:hasProcess/dpv:hasPurpose/dct:identifier", "dct:references/dpv:hasProcess/dpv:hasPurpose/skos:broader",
        "dct:references/dpv:hasProcess/dpv:hasLegalBasis/0", "dct:references/dpv:hasProcess/dpv:hasPersonalData/0/skos:broader",
        "dct:references/dpv:hasProcess/dpv:hasPersonalData/0/dpv:hasNecessity", "dct:references/dpv:hasProcess/dpv:hasProcessing/0",
        "dct:references/dpv:hasProcess/dpv:hasDataSource/@type", "dct:references/dpv:hasProcess/dpv:hasDataController",
        "dct:references/dpv:hasProcess/dpv:hasStorageCondition/0/dpv:hasLocation", "dct:references/dpv:hasProcess/dpv:hasProcessingCondition/dpv:hasLocation",
        "dct:references/dpv:hasProcess/dpv:hasRule", "dct:references/dpv:hasProcess/dpv:hasJurisdiction",
        "dct:references/dpv:hasProcess/dpv:hasRecipient/0", "dct:references/dpv:hasProcess/dpv:hasConsentControl/@type",
        "dct:references/dpv:hasProcess/dpv:hasRight/0", "dct:references/dpv:hasEntity/0/dpv:hasIdentifier",
        "dct:references/dpv:hasEntity/0/dpv:hasName", "dct:references/dpv:hasEntity/0/dpv:hasAddress", "dct:references/dpv:hasEntity/0/dpv:hasContact",
        "dct:references/dpv:hasEntity/0/@type", "dct:references/dpv:hasAuthority",
        "dct:references/dpv:hasConsentStatus/@type", "dct:references/dpv:hasConsentStatus/dpv:isIndicatedAtTime",
        "dct:references/dpv:hasConsentStatus/dpv:hasDuration/dct:valid", "dct:references/dpv:hasConsentStatus/dpv:isIndicatedBy/@id",
        "dct:references/dpv:hasConsentStatus/dpv:hasLegalBasis", "dct:references/dpv:hasConsentStatus/dpv:hasIndicationMethod",
        "telos:evidence/entry", "telos:evidence/proof", "telos:evidence/record", "telos:evidence/salt", "proof/proofValue",
    };
    struct world world = {0};
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct json json = receipt_of(&world, said.id, NULL);
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        if (!at(&json, wanted[i]))
            fail_msg("%s is missing", wanted[i]);
    check_str(json_string(at(&json, "@type")), "dpv:ConsentReceipt");
    check_str(json_string(at(&json, "dct:references/dpv:hasConsentStatus/@type")), "dpv:ConsentGiven");
    check_str(json_string(at(&json, "dct:references/dpv:hasEntity/0/dpv:hasName")), "Test Kft.");
    check_str(json_string(at(&json, "dct:references/dpv:hasAuthority")), "https://www.naih.hu");
    world_end(&world);
}

static void its_signature_holds_and_a_changed_byte_breaks_it(void **state)
{
    struct world world = {0};
    struct note_key key;
    struct receipt_check check = {0};
    str text;
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    (void)receipt_of(&world, said.id, &text);
    check_fine(note_verifier_parse(&world.arena, engine_verifier_key(world.engine), &key));
    check_fine(receipt_verify(&world.arena, text, &key, 1, &check));
    assert_true(check.valid);
    char *changed = str_z(&world.arena, text);
    char *place = strstr(changed, "dpv:ConsentGiven");
    assert_non_null(place);
    memcpy(place + 11, "Gavin", 5);
    check_fine(receipt_verify(&world.arena, str_of(changed), &key, 1, &check));
    assert_false(check.valid);
    world_end(&world);
}

static void its_evidence_checks_with_the_public_key_alone(void **state)
{
    struct world world = {0};
    struct note_key key;
    struct entry entry;
    struct checkpoint head;
    struct hash leaf, made;
    str salt;
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct json json = receipt_of(&world, said.id, NULL);
    check_fine(note_verifier_parse(&world.arena, engine_verifier_key(world.engine), &key));
    str text = json_string(at(&json, "telos:evidence/entry"));
    merkle_leaf(text, &leaf);
    check_fine(tlog_proof_verify(&world.arena, json_string(at(&json, "telos:evidence/proof")), &leaf, &key, 1, &head));
    check_fine(entry_parse(&world.arena, text, &entry));
    assert_true(str_unbase64(&world.arena, json_string(at(&json, "telos:evidence/salt")), &salt));
    assert_int_equal(salt.length, 32);
    commitment((const uint8_t *)salt.data, json_string(at(&json, "telos:evidence/record")), &made);
    assert_true(hash_equal(&made, &entry.hash));
    world_end(&world);
}

static void a_contract_and_an_objection_have_receipts_too(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    struct consent opened = world_state(&world, "user_id:u1", "fulfilment", CONSENT_OPENED);
    struct json json = receipt_of(&world, opened.id, NULL);
    assert_non_null(at(&json, "dct:references/dpv:hasStatus/@type"));
    check_str(json_string(at(&json, "dct:references/dpv:hasProcess/dpv:hasLegalBasis/0")), "dpv:Contract");
    struct consent objected = world_state(&world, "user_id:u1", "statistics", CONSENT_OBJECTED);
    json = receipt_of(&world, objected.id, NULL);
    check_str(json_string(at(&json, "dct:references/dpv:hasStatus/@type")), "dpv:LegitimateInterestObjected");
    assert_null(at(&json, "dct:references/dpv:hasConsentStatus"));
    world_end(&world);
}

static void an_older_record_is_shown_under_the_policy_of_its_day(void **state)
{
    struct world world = {0};
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    char *text = str_z(&world.arena, str_of(world_policy));
    char *title = strstr(text, "title: Offers");
    assert_non_null(title);
    memcpy(title, "title: Sonder", 13);
    assert_int_equal(world_apply(&world, text), 2);
    struct json json = receipt_of(&world, said.id, NULL);
    check_str(json_string(at(&json, "dct:references/dpv:hasProcess/dpv:hasPurpose/dct:title")), "Offers");
    check_str(at(&json, "dct:references/telos:policyVersion")->text, "1");
    world_end(&world);
}

static void of_an_erased_person_there_is_no_receipt(void **state)
{
    struct world world = {0};
    str text;
    bool found = true;
    (void)state;
    world_begin(&world);
    struct consent said = world_state(&world, "user_id:u1", "newsletter", CONSENT_GIVEN);
    struct person *person = world_person(&world, "user_id:u1", PERSON_HEAD);
    const uint8_t all = KEY_CLASS_ALL;
    check_fine(vault_destroy(&world.arena, engine_vault(world.engine), &person->root, &all, 1, clock_now_ms()));
    const struct policy *policy = engine_policy(world.engine);
    check_fine(engine_receipt(world.reader, &world.arena, policy, said.id, &text, NULL, &found));
    assert_false(found);
    check_fine(engine_receipt(world.reader, &world.arena, policy, (struct uuid){{9}}, &text, NULL, &found));
    assert_false(found);
    engine_policy_release(world.engine, policy);
    world_end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_has_every_field_that_the_standard_and_the_law_want),
        cmocka_unit_test(its_signature_holds_and_a_changed_byte_breaks_it),
        cmocka_unit_test(its_evidence_checks_with_the_public_key_alone),
        cmocka_unit_test(a_contract_and_an_objection_have_receipts_too),
        cmocka_unit_test(an_older_record_is_shown_under_the_policy_of_its_day),
        cmocka_unit_test(of_an_erased_person_there_is_no_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
