// Each page: on a desk and on a phone, in both lights and languages, in each role.
import assert from 'node:assert/strict'
import {gzipSync} from 'node:zlib'
import {axeClean, noSidewaysScroll, picture} from '../browser/browser.mjs'
import {at, clean, done, open, settled} from './visit.mjs'

const anna = 'who=email:anna.kovacs@example.hu'
export const views = {
  'home': '#/', 'live': '#/live', 'profiles': '#/profiles', 'profile': `#/profiles?${anna}&for=newsletter`, 'profile-consents': `#/profiles?${anna}&for=fulfilment&tab=consents`, 'profile-events': `#/profiles?${anna}&for=newsletter&tab=events`,
  'profile-identity': `#/profiles?${anna}&for=fulfilment&tab=identity`, 'profile-deliveries': `#/profiles?${anna}&for=newsletter&tab=deliveries`, 'profile-history': `#/profiles?${anna}&for=fulfilment&tab=history`,
  'ask': `#/ask?${anna}&purpose=newsletter&channel=email`, 'purposes': '#/purposes', 'flows': '#/purposes?tab=flows', 'policy': '#/purposes?tab=policy', 'versions': '#/purposes?tab=versions', 'purpose': '#/purposes?name=newsletter',
  'consent': '#/consent', 'consent-rates': '#/consent?tab=rates', 'consent-texts': '#/consent?tab=notices', 'rights': '#/rights', 'destinations': '#/destinations', 'evidence': '#/evidence', 'evidence-check': '#/evidence?tab=check',
  'denials': '#/evidence?tab=denials', 'records': '#/records', 'users': '#/access', 'tokens': '#/access?tab=tokens', 'sessions': '#/access?tab=sessions', 'reads': '#/access?tab=reads', 'roles': '#/access?tab=roles', 'tour': '#/tour',
}
const onPhone = new Set(['home', 'profile', 'profile-consents', 'ask', 'purposes', 'policy', 'rights', 'destinations', 'evidence', 'users', 'tour']) // where a phone shows something else than a desk
const mine = { // the pages that a role sees in its menu
  admin: ['Home', 'Live', 'Profiles', 'Ask the gate', 'Purposes', 'Consent', 'Rights', 'Destinations', 'Evidence', 'Records of processing', 'Access', 'Guided tour'],
  privacy: ['Home', 'Live', 'Profiles', 'Ask the gate', 'Purposes', 'Consent', 'Rights', 'Destinations', 'Evidence', 'Records of processing', 'Access'],
  marketer: ['Home', 'Live', 'Profiles', 'Ask the gate', 'Purposes', 'Consent', 'Rights', 'Destinations', 'Evidence', 'Records of processing', 'Access'],
  agent: ['Home', 'Live', 'Profiles', 'Ask the gate', 'Purposes', 'Consent', 'Rights', 'Destinations', 'Evidence', 'Records of processing', 'Access'],
  auditor: ['Home', 'Purposes', 'Consent', 'Rights', 'Destinations', 'Evidence', 'Records of processing', 'Access'],
}

async function each_page_is_whole_and_accessible_on_a_desk(shop, browser) {
  const page = await at(shop, browser)
  for (const [name, hash] of Object.entries(views)) {
    await open(page, shop, hash)
    await noSidewaysScroll(page)
    await axeClean(page, name)
    assert.equal(await page.getByRole('alert').count(), 0, `${name} shows no failure`)
    await clean(page, name)
    await picture(page, `console-${name}`, false)
  }
  await done(page)
}

async function each_page_fits_a_phone_in_the_dark_and_in_Hungarian(shop, browser) {
  const page = await at(shop, browser, 'admin', {viewport: {width: 390, height: 844}, colorScheme: 'dark', locale: 'hu-HU'})
  await page.goto(shop.url + '/')
  await page.evaluate(() => localStorage.setItem('language', 'hu'))
  await page.reload()
  for (const [name, hash] of Object.entries(views)) {
    await open(page, shop, hash)
    assert.equal(await page.locator('html').getAttribute('lang'), 'hu')
    await noSidewaysScroll(page)
    if (onPhone.has(name)) await axeClean(page, `${name} on a phone`)
    await clean(page, `${name} on a phone`)
    if (['home', 'profile', 'ask', 'profile-consents'].includes(name)) await picture(page, `console-phone-${name}`, false)
  }
  await done(page)
}

async function each_role_sees_its_pages_and_is_denied_the_others(shop, browser) {
  for (const [role, wanted] of Object.entries(mine)) {
    const page = await at(shop, browser, role)
    await open(page, shop, '#/')
    const menu = await page.getByRole('navigation', {name: 'Pages'}).getByRole('link').allInnerTexts()
    assert.deepEqual(menu.map(one => one.trim()), wanted, `menu of ${role}`)
    for (const name of ['home', 'live', 'profile', 'ask', 'purposes', 'policy', 'consent', 'rights', 'destinations', 'evidence', 'records', 'tour']) {
      await open(page, shop, views[name].replace('for=newsletter', role === 'agent' ? 'for=service' : 'for=newsletter').replace('purpose=newsletter', role === 'agent' ? 'purpose=service' : 'purpose=newsletter'))
        .catch(() => settled(page)) // a page that is denied has no heading of its own
    }
    page.problems = page.problems.filter(one => !/40[34]/.test(one)) // what is withheld from a person's view is said with 403
    await done(page)
  }
  const page = await at(shop, browser, 'auditor')
  await page.goto(`${shop.url}/${views.profile}`)
  await page.getByText('You may not see this').waitFor()
  await picture(page, 'console-denied', false)
  await done(page)
}

async function what_a_service_agent_sees_of_a_person_fits_one_screen(shop, browser) {
  const page = await at(shop, browser, 'agent')
  const sizes = []
  for (let n = 1; n <= 12; n++)
    for (const purpose of ['service', 'fulfilment']) {
      await open(page, shop, `#/profiles?who=user_id:duna-${String(n).padStart(6, '0')}&for=${purpose}`)
      if (!await page.locator('.one-screen').count()) continue // withheld for this purpose, or nobody
      const high = await page.evaluate(() => document.documentElement.scrollHeight)
      assert.ok(high <= 860, `person ${n} for ${purpose} is ${high} px high on a screen of 860`)
      for (const name of ['What is known', 'What is withheld, and why', 'Statements', 'Wishes', 'Lately']) assert.ok(await page.getByRole('heading', {name}).isVisible(), `${name} is on the screen`)
      sizes.push(high)
      if (sizes.length === 1) {
        await axeClean(page, 'a person on one screen')
        await picture(page, 'console-agent', false)
      }
    }
  assert.ok(sizes.length >= 3, `persons that the agent may see: ${sizes.length}`)
  page.problems = page.problems.filter(one => !/40[34]/.test(one))
  await done(page)
}

async function everything_comes_from_one_place_small_and_under_a_strict_policy(shop, browser) {
  const page = await at(shop, browser)
  const sizes = []
  page.on('response', async reply => { if (reply.status() === 200 && /\.(js|css|svg|html)$|\/$/.test(new URL(reply.url()).pathname)) sizes.push(reply.body().then(body => gzipSync(body).length, () => 0)) })
  const reply = await page.goto(shop.url + '/')
  await page.getByRole('heading', {level: 1}).waitFor()
  await settled(page)
  const policy = reply.headers()['content-security-policy']
  assert.ok(policy, 'the page has a Content-Security-Policy')
  assert.ok(!/unsafe-(inline|eval)/.test(policy), policy)
  for (const rule of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "connect-src 'self'"]) assert.ok(policy.includes(rule), `${rule} in ${policy}`)
  const html = await reply.text()
  assert.ok(!/<style|style=|<script(?![^>]*src=)/.test(html), 'nothing stands inline')
  const sum = (await Promise.all(sizes)).reduce((a, b) => a + b, 0)
  assert.ok(sum < 250_000, `first load: ${sum} bytes packed`)
  await done(page)
}

export const pageCases = [everything_comes_from_one_place_small_and_under_a_strict_policy, each_page_is_whole_and_accessible_on_a_desk, each_page_fits_a_phone_in_the_dark_and_in_Hungarian, each_role_sees_its_pages_and_is_denied_the_others, what_a_service_agent_sees_of_a_person_fits_one_screen]
