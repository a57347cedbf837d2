// usage: node run.mjs DRIVER [COUNT] [SEED]: COUNT random strings of each reference encoder, each field compared; then the same strings cut
// short and with bits turned over, which must never end the driver, and never be believed where the reference reads otherwise.
import { isDeepStrictEqual } from 'node:util';
import { Driver } from './driver.mjs';
import { ORDER, makeGpp, sectionId, tcfReference, usReference } from './gpp.mjs';
import { randomOf } from './random.mjs';
import { driverOf, makerOf, referenceOf } from './tcf.mjs';

const [program, count = '1200', seed = '1'] = process.argv.slice(2);
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const random = randomOf(Number(seed) * 7919);
const driver = new Driver(program);
let passed = 0, failed = 0;

function check(name, problem) {
  if (!problem) passed++;
  else {
    failed++;
    console.log(`FAILED ${name}: ${problem}`);
  }
}

function differences(ours, theirs) {
  const out = [];
  for (const key of Object.keys(theirs))
    if (!isDeepStrictEqual(ours[key], theirs[key])) out.push(`${key}: ${JSON.stringify(ours[key])} is not ${JSON.stringify(theirs[key])}`);
  return out.join('; ');
}

async function compareTcf(texts) {
  let compared = 0, problem = '';
  const make = makerOf(random);
  for (let i = 0; i < Number(count) && !problem; i++) {
    const { text, publisher } = await make();
    const said = await driver.ask(`tcf ${text}`);
    const diff = said.readable ? differences(driverOf(said), referenceOf(text)) : `unreadable: ${said.fault ?? said.died}`;
    problem = diff ? `${text}: ${diff}` : publisher !== (said.publisher !== null) ? `${text}: publisher's segment` : '';
    texts.push(text);
    compared++;
  }
  check(`${compared} TC strings of the reference encoder read alike, field by field`, problem);
}

async function compareGpp(texts) {
  const seen = new Map();
  let compared = 0, problem = '';
  while (!problem && (compared < Number(count) || seen.size < ORDER.length)) {
    const { text, model } = makeGpp(random);
    const said = await driver.ask(`gpp ${text}`);
    const names = ORDER.filter((name) => model.hasSection(name));
    if (!said.readable || !isDeepStrictEqual(said.sections.map((s) => s.id), names.map(sectionId))) problem = `${text}: ${JSON.stringify(said).slice(0, 300)}`;
    for (const [i, name] of names.entries()) {
      if (problem) break;
      const section = said.sections[i];
      seen.set(name, (seen.get(name) ?? 0) + 1);
      if (!section.readable) problem = `${name} in ${text}: ${section.fault} ${section.tcf?.fault ?? ''}`;
      else if (name.startsWith('tcf')) problem = differences(driverOf(section.tcf), tcfReference(model, name)) && `${name} in ${text}: ${differences(driverOf(section.tcf), tcfReference(model, name))}`;
      else if (name === 'uspv1') problem = isDeepStrictEqual(section.us.opted_out, section.value[2] === 'Y' ? ['sale', 'sharing'] : []) ? '' : `uspv1 in ${text}`;
      else {
        const reference = usReference(model, name), ours = { ...section.us };
        delete ours.opted_out;
        delete ours.not_opted_out;
        if (!isDeepStrictEqual(ours, reference) && JSON.stringify(Object.entries(ours).sort()) !== JSON.stringify(Object.entries(reference).sort()))
          problem = `${name} in ${text}: ${JSON.stringify(ours)} is not ${JSON.stringify(reference)}`;
      }
    }
    texts.push(text);
    compared++;
  }
  check(`${compared} GPP strings of the reference encoder read alike, in all ${seen.size} kinds of section`, problem);
}

function spoil(text) {
  const at = random.below(text.length);
  switch (random.below(4)) {
    case 0: return text.slice(0, at);
    case 1: return text.slice(0, at) + random.pick(ALPHABET) + text.slice(at + 1);
    case 2: return text.slice(0, at) + random.pick(ALPHABET + '.~=') + text.slice(at);
    default: return text.slice(0, at) + ALPHABET[(ALPHABET.indexOf(text[at]) ^ (1 << random.below(6))) & 63] + text.slice(at + 1);
  }
}

async function spoilTcf(texts) {
  let believed = 0, problem = '';
  for (const text of texts) {
    if (problem) break;
    const bad = spoil(text);
    const said = await driver.ask(`tcf ${bad}`);
    if (said.died) problem = `the driver ended at ${bad}`;
    if (!said.readable) continue;
    believed++;
    try {
      const diff = differences(driverOf(said), referenceOf(bad));
      problem = diff ? `${bad}: believed, but ${diff}` : '';
    } catch (error) {
      problem = `${bad}: believed, but the reference says ${error.message}`;
    }
  }
  check(`${texts.length} spoiled TC strings: none is believed but as the reference reads it (${believed} are still strings)`, problem);
}

// A string that is cut, wherever, never says more than the whole: fewer bits are set, and of what is mandatory nothing may lack.
async function cutTcf(texts) {
  const grants = (said) => said.readable
    ? [...said.purposes_consent.map((id) => `c${id}`), ...said.purposes_interest.map((id) => `i${id}`), ...(said.publisher?.purposes_consent ?? []).map((id) => `pc${id}`),
      ...(said.publisher?.purposes_interest ?? []).map((id) => `pi${id}`), ...(said.publisher?.custom_consent ?? []).map((id) => `cc${id}`)]
    : [];
  let cuts = 0, problem = '';
  for (const text of texts.slice(0, 60)) {
    const whole = new Set(grants(await driver.ask(`tcf ${text}`)));
    for (let length = 0; length < text.length && !problem; length++, cuts++)
      for (const grant of grants(await driver.ask(`tcf ${text.slice(0, length)}`)))
        if (!whole.has(grant)) problem = `${text.slice(0, length)} grants ${grant}, the whole does not`;
  }
  check(`TC strings cut at each of ${cuts} places grant nothing that the whole does not`, problem);
}

async function spoilGpp(texts) {
  let problem = '';
  for (const text of texts) {
    if (problem) break;
    const said = await driver.ask(`gpp ${spoil(text)}`);
    if (said.died) problem = 'the driver ended';
  }
  for (const text of texts.slice(0, 100))
    for (let length = 0; length < text.length && !problem; length++) {
      const said = await driver.ask(`gpp ${text.slice(0, length)}`);
      if (said.died) problem = 'the driver ended';
      else if (said.readable && text.slice(0, length).split('~').length !== text.split('~').length) problem = `${text.slice(0, length)} is believed without a section`;
    }
  check(`${texts.length} spoiled GPP strings end nothing, and none is believed without a section that its header names`, problem);
}

async function vendors(texts) {
  let asked = 0, problem = '';
  for (const text of texts.slice(0, 400)) {
    const reference = referenceOf(text);
    for (let i = 0; i < 5 && !problem; i++, asked++) {
      const vendor = reference.disclosed.length && random.chance(80) ? random.pick(reference.disclosed) : 1 + random.below(900);
      const purpose = 1 + random.below(11), consent = random.chance(60);
      const forbidden = reference.restrictions.some((restriction) => {
        const [of, type, ids] = restriction.split(':');
        return Number(of) === purpose && Number(type) !== (consent ? 1 : 2) && ids.split(',').map(Number).includes(vendor);
      });
      const may = reference.disclosed.includes(vendor) && !forbidden &&
        (consent ? reference.consent.includes(purpose) && reference.vendorsConsent.includes(vendor) : reference.interest.includes(purpose) && reference.vendorsInterest.includes(vendor));
      const said = await driver.ask(`may ${vendor} ${purpose} ${consent ? 'consent' : 'interest'} ${text}`);
      if (said !== may) problem = `vendor ${vendor}, purpose ${purpose}, ${consent ? 'consent' : 'interest'}: ${said} in ${text}`;
    }
  }
  check(`${asked} questions whether a vendor may are answered as bits, disclosure and restrictions say`, problem);
}

const tcf = [], gpp = [];
await compareTcf(tcf);
await compareGpp(gpp);
await spoilTcf([...tcf, ...tcf, ...tcf]);
await cutTcf(tcf);
await spoilGpp(gpp);
await vendors(tcf);
const { code } = await driver.end();
check('the driver ends well', code === 0 ? '' : `with ${code}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
