// Random TC strings by the reference encoder, and what the reference decoder reads of any string, in the words of the driver.
import { GVL, PurposeRestriction, RestrictionType, Segment, TCModel, TCString } from '@iabtechlabtcf/core';

const LANGUAGES = ['EN', 'HU', 'DE', 'FR', 'PT-BR', 'ZH'];
const VENDORS = 900;

// A vendor list of our own making: all that the encoder asks of one.
function vendorList(random) {
  const purposes = {}, vendors = {};
  for (let id = 1; id <= 11; id++) purposes[id] = { id, name: `p${id}`, description: '', illustrations: [] };
  for (let id = 1; id <= VENDORS; id++) {
    if (id % 17 === 0) continue;
    const all = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    const interest = [2, 7, 8, 9, 10, 11].filter(() => random.chance(40));
    vendors[id] = {
      id, name: `v${id}`, purposes: all.filter((p) => !interest.includes(p) && random.chance(70)), legIntPurposes: interest,
      flexiblePurposes: [2, 7, 8, 9, 10, 11].filter(() => random.chance(50)), specialPurposes: [1], features: [], specialFeatures: [1, 2],
      urls: [], usesCookies: true, cookieMaxAgeSeconds: 86400, cookieRefresh: false, usesNonCookieAccess: false,
    };
  }
  const special = { 1: { id: 1, name: 's1', description: '' }, 2: { id: 2, name: 's2', description: '' } };
  return { gvlSpecificationVersion: 3, vendorListVersion: 142, tcfPolicyVersion: 5, lastUpdated: '2026-01-01T16:00:00Z', purposes,
    specialPurposes: special, features: special, specialFeatures: special, stacks: {}, dataCategories: {}, vendors };
}

export function makerOf(random) {
  const list = vendorList(random);
  const gvl = new GVL(list);
  return async () => {
    await gvl.readyPromise;
    const model = new TCModel(gvl.clone());
    model.cmpId = 2 + random.below(4000);
    model.cmpVersion = 1 + random.below(4000);
    model.consentScreen = random.below(63);
    model.consentLanguage = random.pick(LANGUAGES);
    model.publisherCountryCode = random.pick(['HU', 'DE', 'AA', 'ZZ', 'FR']);
    model.isServiceSpecific = true;
    model.useNonStandardTexts = random.chance(50);
    model.purposeOneTreatment = random.chance(50);
    const most = random.pick([0, 1, 20, 60, 300, VENDORS]);
    model.specialFeatureOptins.set(random.ids(2));
    model.purposeConsents.set(random.ids(11));
    model.purposeLegitimateInterests.set(random.ids(11));
    model.publisherConsents.set(random.ids(24));
    model.publisherLegitimateInterests.set(random.ids(24));
    model.numCustomPurposes = random.pick([0, 1, 7, 32, 33, 63]);
    model.publisherCustomConsents.set(random.ids(model.numCustomPurposes));
    model.publisherCustomLegitimateInterests.set(random.ids(model.numCustomPurposes));
    model.vendorConsents.set(random.ids(most));
    model.vendorLegitimateInterests.set(random.ids(most));
    model.vendorsDisclosed.set(random.ids(most));
    for (let i = random.below(12); i > 0; i--) {
      const restriction = new PurposeRestriction(2 + random.below(10), random.pick([RestrictionType.NOT_ALLOWED, RestrictionType.REQUIRE_CONSENT, RestrictionType.REQUIRE_LI]));
      for (let j = random.below(8); j >= 0; j--) {
        const from = 1 + random.below(VENDORS);
        for (let id = from; id < from + random.below(5) + 1; id++) {
          try { model.publisherRestrictions.add(id, restriction); } catch { /* the vendor does not use the purpose */ }
        }
      }
    }
    const segments = [Segment.CORE, Segment.VENDORS_DISCLOSED];
    if (random.chance(85)) segments.push(Segment.PUBLISHER_TC);
    if (random.chance(20)) segments.splice(1, 0, ...segments.splice(1).reverse());
    return { text: TCString.encode(model, { segments }), publisher: segments.includes(Segment.PUBLISHER_TC) };
  };
}

const members = (vector) => {
  const out = [];
  vector.forEach((value, id) => value && out.push(id));
  return out;
};

export const idsOf = (ranges) => {
  const out = [];
  for (const range of ranges ? ranges.split(' ') : []) {
    const [first, last] = range.split('-').map(Number);
    for (let id = first; id <= (last ?? first); id++) out.push(id);
  }
  return [...new Set(out)].sort((a, b) => a - b);
};

// What the reference reads, and what the driver said, as the same plain thing.
export function referenceOf(text) {
  const model = TCString.decode(text);
  const restrictions = [];
  for (const restriction of model.publisherRestrictions.getRestrictions())
    restrictions.push(`${restriction.purposeId}:${restriction.restrictionType}:${[...model.publisherRestrictions.getVendors(restriction)].sort((a, b) => a - b)}`);
  return {
    version: model.version, created: model.created?.getTime(), updated: model.lastUpdated?.getTime(), cmpId: model.cmpId, cmpVersion: model.cmpVersion,
    screen: model.consentScreen, language: model.consentLanguage, list: Number(model.vendorListVersion), policy: Number(model.policyVersion),
    specific: model.isServiceSpecific, texts: model.useNonStandardTexts, features: members(model.specialFeatureOptins), consent: members(model.purposeConsents),
    interest: members(model.purposeLegitimateInterests), one: model.purposeOneTreatment, country: model.publisherCountryCode,
    vendorsConsent: members(model.vendorConsents), vendorsInterest: members(model.vendorLegitimateInterests), disclosed: members(model.vendorsDisclosed),
    restrictions: restrictions.sort(), publisherConsent: members(model.publisherConsents), publisherInterest: members(model.publisherLegitimateInterests),
    custom: model.numCustomPurposes, customConsent: members(model.publisherCustomConsents), customInterest: members(model.publisherCustomLegitimateInterests),
  };
}

const TYPES = { prohibited: 0, consent_only: 1, interest_only: 2 };
export function driverOf(said) {
  const publisher = said.publisher ?? { purposes_consent: [], purposes_interest: [], custom_purposes: 0, custom_consent: [], custom_interest: [] };
  const merged = new Map(); // the same purpose and type may come twice
  for (const { purpose, type, vendors } of said.publisher_restrictions) {
    const key = `${purpose}:${TYPES[type]}`;
    merged.set(key, [...(merged.get(key) ?? []), ...idsOf(vendors)]);
  }
  return {
    version: said.version, created: Date.parse(said.created), updated: Date.parse(said.updated), cmpId: said.cmp_id, cmpVersion: said.cmp_version,
    screen: said.consent_screen, language: said.language, list: said.vendor_list_version, policy: said.policy_version, specific: said.service_specific,
    texts: said.non_standard_texts, features: said.special_features, consent: said.purposes_consent, interest: said.purposes_interest,
    one: said.purpose_one_treatment, country: said.publisher_country, vendorsConsent: idsOf(said.vendors_consent), vendorsInterest: idsOf(said.vendors_interest),
    disclosed: idsOf(said.vendors_disclosed), restrictions: [...merged].map(([key, ids]) => `${key}:${[...new Set(ids)].sort((a, b) => a - b)}`).sort(),
    publisherConsent: publisher.purposes_consent, publisherInterest: publisher.purposes_interest, custom: publisher.custom_purposes,
    customConsent: publisher.custom_consent, customInterest: publisher.custom_interest,
  };
}
