// Random GPP strings by the reference encoder, each field of each section as the reference has it.
import { GppModel, Sections } from '@iabgpp/cmpapi';

const ORDER = ['tcfeuv2', 'tcfcav1', 'uspv1', 'usnat', 'usca', 'usva', 'usco', 'usut', 'usct', 'usfl', 'usmt', 'usor', 'ustx', 'usde', 'usia', 'usne',
  'usnh', 'usnj', 'ustn', 'usmn', 'usmd', 'usin', 'usky', 'usri'];
const snake = (name) => name.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
const bools = (random, n) => Array.from({ length: n }, () => random.chance(50));
const positions = (list) => list.flatMap((on, i) => (on ? [i + 1] : []));

function fillUs(model, section, random) {
  const fields = model.getSection(section);
  const all = [fields].flat(Infinity).reduce((whole, part) => ({ ...whole, ...part }), {});
  const sectionFields = Object.keys(all).length ? all : {};
  for (const [name, value] of Object.entries(sectionFields)) {
    if (/Version|GpcSegmentType|SegmentIncluded/.test(name)) continue;
    if (name === 'Gpc') model.setFieldValue(section, name, random.chance(50));
    else if (Array.isArray(value)) model.setFieldValue(section, name, value.map(() => random.below(3)));
    else if (name === 'MspaCoveredTransaction') model.setFieldValue(section, name, 1 + random.below(2));
    else model.setFieldValue(section, name, random.below(3));
  }
  for (const included of ['GpcSegmentIncluded', 'SensitiveDataConsentSegmentIncluded'])
    if (model.hasField(section, included)) model.setFieldValue(section, included, random.chance(70));
}

// A section exists from its first field on.
const FIRST = { usin: 'ProcessingNotice', usky: 'ProcessingNotice', usri: 'ProcessingNotice', usmd: 'ProcessingNotice' };

function fill(model, section, random) {
  if (section === 'uspv1') {
    model.setFieldValue(section, 'Notice', random.pick(['Y', 'N', '-']));
    model.setFieldValue(section, 'OptOutSale', random.pick(['Y', 'N', '-']));
    model.setFieldValue(section, 'LspaCovered', random.pick(['Y', 'N', '-']));
  } else if (section === 'tcfcav1') {
    model.setFieldValue(section, 'CmpId', random.below(4096));
    model.setFieldValue(section, 'PurposesExpressConsent', bools(random, 24));
    model.setFieldValue(section, 'PurposesImpliedConsent', bools(random, 24));
    model.setFieldValue(section, 'SpecialFeatureExpressConsent', bools(random, 12));
    model.setFieldValue(section, 'VendorExpressConsent', random.ids(random.pick([0, 30, 700])));
    model.setFieldValue(section, 'VendorImpliedConsent', random.ids(random.pick([0, 30, 700])));
    model.setFieldValue(section, 'DisclosedVendors', random.ids(random.pick([0, 30, 700])));
    model.setFieldValue(section, 'PubPurposesExpressConsent', bools(random, 24));
    model.setFieldValue(section, 'PubPurposesImpliedConsent', bools(random, 24));
    const custom = random.pick([0, 3, 40]);
    model.setFieldValue(section, 'NumCustomPurposes', custom);
    model.setFieldValue(section, 'CustomPurposesExpressConsent', bools(random, custom));
    model.setFieldValue(section, 'CustomPurposesImpliedConsent', bools(random, custom));
  } else if (section === 'tcfeuv2') {
    model.setFieldValue(section, 'CmpId', random.below(4096));
    model.setFieldValue(section, 'PurposeConsents', bools(random, 24));
    model.setFieldValue(section, 'PurposeLegitimateInterests', bools(random, 24));
    model.setFieldValue(section, 'SpecialFeatureOptins', bools(random, 12));
    model.setFieldValue(section, 'VendorConsents', random.ids(random.pick([0, 30, 700])));
    model.setFieldValue(section, 'VendorLegitimateInterests', random.ids(random.pick([0, 30, 700])));
    model.setFieldValue(section, 'VendorsDisclosed', random.ids(random.pick([1, 30, 700])));
    model.setFieldValue(section, 'PublisherConsents', bools(random, 24));
    model.setFieldValue(section, 'PublisherLegitimateInterests', bools(random, 24));
  } else {
    model.setFieldValue(section, FIRST[section] ?? 'SaleOptOut', 0);
    fillUs(model, section, random);
  }
}

export function makeGpp(random) {
  const model = new GppModel();
  const one = random.pick(ORDER);
  const chosen = ORDER.filter((name) => name === one || random.chance(12));
  for (const section of chosen) fill(model, section, random);
  return { text: model.encode(), model };
}

export const sectionId = (name) => [...Sections.SECTION_ID_NAME_MAP.entries()].find(([, other]) => other === name)[0];

// The fields of the reference that the driver writes, in its words.
export function usReference(model, section) {
  const all = [model.getSection(section)].flat(Infinity).reduce((whole, part) => ({ ...whole, ...part }), {});
  const out = { gpc: null };
  for (const [name, value] of Object.entries(all)) {
    if (/SegmentType|SegmentIncluded/.test(name)) continue;
    if (name === 'Gpc') {
      if (model.getFieldValue(section, 'GpcSegmentIncluded')) out.gpc = value;
    } else if (name === 'SensitiveDataProcessing' && model.hasField(section, 'SensitiveDataConsentSegmentIncluded')) {
      if (model.getFieldValue(section, 'SensitiveDataConsentSegmentIncluded')) out.sensitive_data_processing = value;
    } else if (/^(Mspa)?Version$/.test(name)) out.version = value;
    else if (name === 'KnownChildSensitiveDataConsents') out.known_child_sensitive_data_consents = [value].flat();
    else out[snake(name)] = value;
  }
  return out;
}

export function tcfReference(model, section) {
  const get = (name) => model.getFieldValue(section, name);
  const canada = section === 'tcfcav1';
  return {
    cmpId: get('CmpId'), consent: positions(get(canada ? 'PurposesExpressConsent' : 'PurposeConsents')),
    interest: positions(get(canada ? 'PurposesImpliedConsent' : 'PurposeLegitimateInterests')),
    features: positions(get(canada ? 'SpecialFeatureExpressConsent' : 'SpecialFeatureOptins')),
    vendorsConsent: get(canada ? 'VendorExpressConsent' : 'VendorConsents'), vendorsInterest: get(canada ? 'VendorImpliedConsent' : 'VendorLegitimateInterests'),
    disclosed: get(canada ? 'DisclosedVendors' : 'VendorsDisclosed'), publisherConsent: positions(get(canada ? 'PubPurposesExpressConsent' : 'PublisherConsents')),
    publisherInterest: positions(get(canada ? 'PubPurposesImpliedConsent' : 'PublisherLegitimateInterests')),
    customConsent: positions(get(canada ? 'CustomPurposesExpressConsent' : 'PublisherCustomConsents')),
    customInterest: positions(get(canada ? 'CustomPurposesImpliedConsent' : 'PublisherCustomLegitimateInterests')),
  };
}
export const US_SECTIONS = ORDER.slice(3);
export { ORDER };
