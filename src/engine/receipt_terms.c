/* Tables behind the receipt: authorities, bases, rights, prefixes. */
#include "engine/receipt_private.h"

#include <stdio.h>

static const struct authority authorities[] = {
    {"AT", "Österreichische Datenschutzbehörde", "https://www.dsb.gv.at"},
    {"BE", "Autorité de protection des données / Gegevensbeschermingsautoriteit", "https://www.dataprotectionauthority.be"},
    {"BG", "Commission for Personal Data Protection", "https://www.cpdp.bg"},
    {"CH", "Eidgenössischer Datenschutz- und Öffentlichkeitsbeauftragter", "https://www.edoeb.admin.ch"},
    {"CY", "Office of the Commissioner for Personal Data Protection", "https://www.dataprotection.gov.cy"},
    {"CZ", "Úřad pro ochranu osobních údajů", "https://uoou.gov.cz"},
    {"DE", "Bundesbeauftragte für den Datenschutz und die Informationsfreiheit, or the authority of the Land", "https://www.bfdi.bund.de"},
    {"DK", "Datatilsynet", "https://www.datatilsynet.dk"},
    {"EE", "Andmekaitse Inspektsioon", "https://www.aki.ee"},
    {"ES", "Agencia Española de Protección de Datos", "https://www.aepd.es"},
    {"FI", "Tietosuojavaltuutetun toimisto", "https://tietosuoja.fi"},
    {"FR", "Commission nationale de l'informatique et des libertés", "https://www.cnil.fr"},
    {"GB", "Information Commissioner's Office", "https://ico.org.uk"},
    {"GR", "Hellenic Data Protection Authority", "https://www.dpa.gr"},
    {"HR", "Agencija za zaštitu osobnih podataka", "https://azop.hr"},
    {"HU", "Nemzeti Adatvédelmi és Információszabadság Hatóság", "https://www.naih.hu"},
    {"IE", "Data Protection Commission", "https://www.dataprotection.ie"},
    {"IS", "Persónuvernd", "https://www.personuvernd.is"},
    {"IT", "Garante per la protezione dei dati personali", "https://www.garanteprivacy.it"},
    {"LI", "Datenschutzstelle", "https://www.datenschutzstelle.li"},
    {"LT", "Valstybinė duomenų apsaugos inspekcija", "https://vdai.lrv.lt"},
    {"LU", "Commission nationale pour la protection des données", "https://cnpd.public.lu"},
    {"LV", "Datu valsts inspekcija", "https://www.dvi.gov.lv"},
    {"MT", "Information and Data Protection Commissioner", "https://idpc.org.mt"},
    {"NL", "Autoriteit Persoonsgegevens", "https://autoriteitpersoonsgegevens.nl"},
    {"NO", "Datatilsynet", "https://www.datatilsynet.no"},
    {"PL", "Urząd Ochrony Danych Osobowych", "https://uodo.gov.pl"},
    {"PT", "Comissão Nacional de Proteção de Dados", "https://www.cnpd.pt"},
    {"RO", "Autoritatea Națională de Supraveghere a Prelucrării Datelor cu Caracter Personal", "https://www.dataprotection.ro"},
    {"SE", "Integritetsskyddsmyndigheten", "https://www.imy.se"},
    {"SI", "Informacijski pooblaščenec", "https://www.ip-rs.si"},
    {"SK", "Úrad na ochranu osobných údajov", "https://dataprotection.gov.sk"},
};

const struct authority *authority_of(str country)
{
    for (size_t i = 0; i < sizeof authorities / sizeof *authorities; i++)
        if (str_equal_nocase(str_of(authorities[i].country), country))
            return &authorities[i];
    return NULL;
}

static const char *const basis_terms[BASIS_COUNT] = {
    [BASIS_CONSENT] = "dpv:Consent",
    [BASIS_CONTRACT] = "dpv:Contract",
    [BASIS_LEGAL_OBLIGATION] = "dpv:LegalObligation",
    [BASIS_VITAL_INTEREST] = "dpv:VitalInterest",
    [BASIS_PUBLIC_TASK] = "dpv:PublicInterest",
    [BASIS_LEGITIMATE_INTEREST] = "dpv:LegitimateInterest",
};
const char *basis_dpv(enum basis basis) { return basis_terms[basis]; }

static const char *const basis_rights[BASIS_COUNT] = {
    [BASIS_CONSENT] = "A7-3 A14 A17 A20 A22",
    [BASIS_CONTRACT] = "A14 A17 A20 A22",
    [BASIS_LEGAL_OBLIGATION] = "",
    [BASIS_VITAL_INTEREST] = "A14 A17 A22",
    [BASIS_PUBLIC_TASK] = "A14 A21 A22",
    [BASIS_LEGITIMATE_INTEREST] = "A14 A17 A21 A22",
};

static void rights_add(struct jsonw *w, str names)
{
    str name;
    while (str_split(&names, ' ', &name)) {
        char iri[32];
        if (str_empty(name))
            continue;
        int length = snprintf(iri, sizeof iri, "eu-gdpr:%.*s", STR_FMT(name));
        jsonw_string(w, str_bytes(iri, (size_t)length));
    }
}

void rights_write(struct jsonw *w, enum basis basis, const struct purpose *purpose)
{
    jsonw_array(w);
    rights_add(w, STR("A13 A15 A16 A18 A77"));
    rights_add(w, str_of(basis_rights[basis]));
    if (purpose && purpose->direct_marketing && basis != BASIS_PUBLIC_TASK && basis != BASIS_LEGITIMATE_INTEREST)
        rights_add(w, STR("A21")); /* direct marketing may be objected to whatever it rests on */
    jsonw_array_end(w);
}

str purpose_dpv(const struct purpose *purpose)
{
    if (!str_empty(purpose->dpv))
        return purpose->dpv;
    if (purpose->direct_marketing)
        return STR("dpv:DirectMarketing");
    switch (purpose->basis) {
    case BASIS_CONTRACT: return STR("dpv:FulfilmentOfContractualObligation");
    case BASIS_LEGAL_OBLIGATION: return STR("dpv:LegalCompliance");
    case BASIS_PUBLIC_TASK: return STR("dpv:PublicBenefit");
    default: return STR("dpv:Purpose");
    }
}

static const struct {
    const char *prefix, *iri;
} prefixes[] = {
    {"dpv", "https://w3id.org/dpv#"},
    {"pd", "https://w3id.org/dpv/pd#"},
    {"loc", "https://w3id.org/dpv/loc#"},
    {"eu-gdpr", "https://w3id.org/dpv/legal/eu/gdpr#"},
    {"dpv-27560", "https://w3id.org/dpv/schema/dpv-27560#"},
    {"dct", "http://purl.org/dc/terms/"},
    {"skos", "http://www.w3.org/2004/02/skos/core#"},
    {"schema", "https://schema.org/"},
    {"xsd", "http://www.w3.org/2001/XMLSchema#"},
    {"telos", "urn:telos:ns#"},
};
static const char *const iri_members[] = {
    "dct:conformsTo", "dpv:hasLegalBasis", "dpv:hasRight", "dpv:hasProcessing", "dpv:hasDataController", "dpv:hasRecipient",
    "dpv:hasJurisdiction", "dpv:hasLocation", "dpv:hasAuthority", "dpv:hasNecessity", "dpv:isIndicatedBy", "dpv:hasConsentStatus",
    "dpv:hasStatus", "dpv:hasAutomationLevel", "skos:broader", "schema:url",
};
static const char *const time_members[] = {"dct:created", "dct:valid", "dpv:isIndicatedAtTime"};

static void coerced(struct jsonw *w, const char *const *names, size_t count, const char *type)
{
    for (size_t i = 0; i < count; i++) {
        jsonw_key(w, str_of(names[i]));
        jsonw_object(w);
        jsonw_field(w, "@type", str_of(type));
        jsonw_object_end(w);
    }
}

void context_write(struct jsonw *w)
{
    jsonw_key(w, STR("@context"));
    jsonw_object(w);
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        jsonw_field(w, prefixes[i].prefix, str_of(prefixes[i].iri));
    coerced(w, iri_members, sizeof iri_members / sizeof *iri_members, "@id");
    coerced(w, time_members, sizeof time_members / sizeof *time_members, "xsd:dateTime");
    /* the signature and the ledger's evidence are no statements about the world: JSON-LD processors leave them as they are */
    coerced(w, (const char *const[]){"telos:evidence"}, 1, "@json");
    jsonw_key(w, STR("proof"));
    jsonw_object(w);
    jsonw_field(w, "@id", STR("telos:signature"));
    jsonw_field(w, "@type", STR("@json"));
    jsonw_object_end(w);
    jsonw_object_end(w);
}

bool status_is_consent(enum consent_status status, enum basis basis)
{
    switch (status) {
    case CONSENT_GIVEN: case CONSENT_RENEWED: case CONSENT_REFUSED: case CONSENT_WITHDRAWN: case CONSENT_EXPIRED: return true;
    case CONSENT_OPTED_OUT: return basis == BASIS_CONSENT;
    default: return false;
    }
}
