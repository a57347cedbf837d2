// When things are not well: nothing there yet, slow, failing, away, over.
import assert from 'node:assert/strict'
import path from 'node:path'
import {axeClean, picture} from '../browser/browser.mjs'
import {views} from './pages.mjs'
import {Shop} from './shop.mjs'
import {at, done, open, settled} from './visit.mjs'

async function an_empty_server_is_set_up_by_its_one_time_link_and_says_what_to_do(shop, browser) {
  const own = new Shop(path.dirname(shop.program))
  try {
    await own.start({empty: true})
    for (let i = 0; i < 200 && !own.said.some(line => line.includes('/console/setup#')); i++) await new Promise(resolve => setTimeout(resolve, 50))
    const link = own.said.find(line => line.includes('/console/setup#')).match(/http\S+/)[0]
    const page = await browser.page({viewport: {width: 1280, height: 860}})
    await page.goto(link)
    await page.getByLabel('Name to sign in with').fill('first')
    await page.getByLabel(/^Password/).fill('the first of all')
    await page.getByLabel('The same again').fill('the first of all')
    await axeClean(page, 'the first admin')
    await page.getByRole('button', {name: 'Go on'}).click()
    await page.getByText('Nothing flows yet').first().waitFor()
    await picture(page, 'console-empty', false)
    for (const hash of ['#/live', '#/ask', '#/consent', '#/rights', '#/destinations', '#/evidence', '#/tour']) {
      await page.goto(`${own.url}/${hash}`)
      await page.getByRole('heading', {level: 1}).waitFor()
      await settled(page)
      await axeClean(page, `${hash} of an empty server`)
    }
    await page.context().close()
  } finally {
    own.stop()
  }
}

// What each view asks for first: view → the address. Without it the view cannot be drawn, and must say so.
const asks = {
  'home': '**/v1/counters*', 'profile': '**/v1/profiles/email*', 'profile-consents': '**/v1/consents?*', 'profile-events': '**/v1/profiles/email*', 'profile-identity': '**/v1/identities/*',
  'profile-deliveries': '**/v1/profiles/*/timeline*', 'profile-history': '**/v1/profiles/*/timeline*', 'ask': '**/v1/decide', 'purposes': '**/v1/policy', 'flows': '**/v1/policy', 'versions': '**/v1/policy/versions*',
  'purpose': '**/v1/consents/rates*', 'consent': '**/v1/consents/rates*', 'consent-rates': '**/v1/consents/rates*', 'consent-texts': '**/v1/notices', 'rights': '**/v1/rights?*', 'destinations': '**/v1/destinations',
  'evidence': '**/v1/evidence/checkpoint', 'denials': '**/v1/denials*', 'records': '**/v1/ropa*', 'users': '**/v1/users', 'tokens': '**/v1/tokens', 'sessions': '**/v1/sessions*', 'reads': '**/v1/reads*',
}
// Views that ask for nothing before they are drawn, and where else their states are tested.
const silent = {'live': 'a stream', 'profiles': 'a form', 'policy': 'an editor', 'evidence-check': 'a button', 'roles': 'a table of its own', 'tour': 'a button'}

const problem = (status, type, title) => ({status, contentType: 'application/problem+json', body: JSON.stringify({type: `/problems/${type}`, title, status, detail: ''})})

/** A fresh page at a view whose question is answered by `answer`. The address is another one first, so that the view is opened anew. */
async function answered(page, shop, name, answer) {
  await page.goto('about:blank')
  await page.route(asks[name], answer)
  await page.goto(`${shop.url}/${views[name]}`)
}

/** Each part that failed is asked for again, unless it has come back by itself meanwhile. */
async function comes_back(page, name) {
  const end = Date.now() + 30000
  while (await page.getByRole('alert').count()) {
    if (Date.now() > end) throw new Error(`${name} does not come back`)
    await page.getByRole('button', {name: 'Try again'}).first().click({timeout: 1000}).catch(() => undefined)
    await settled(page)
  }
}

async function each_view_says_that_it_loads_and_what_failed_and_tries_again(shop, browser) {
  assert.deepEqual(Object.keys(views).filter(name => !asks[name] && !silent[name]), [], 'each view has its states tested')
  const page = await at(shop, browser)
  for (const name of Object.keys(asks)) {
    let go
    const gate = new Promise(resolve => { go = resolve })
    await answered(page, shop, name, async route => { await gate; await route.fulfill(problem(500, 'internal', 'Telos failed; the details are in its log')).catch(() => undefined) })
    await page.getByRole('status').getByText('Loading …').first().waitFor({state: 'attached'})
    go()
    const failure = page.getByRole('alert').filter({hasText: 'Something went wrong in the server'}).first()
    await failure.waitFor().catch(() => { throw new Error(`${name} does not say that it failed`) })
    if (name === 'denials' || name === 'purposes') {
      await axeClean(page, `${name} that failed`)
      await picture(page, `console-failure-${name}`, false)
    }
    await page.unroute(asks[name])
    await comes_back(page, name)
    await settled(page)
    await page.getByRole('heading', {level: 1}).first().waitFor()
  }
  page.problems = page.problems.filter(one => !/500/.test(one))
  await done(page)
}

async function each_view_says_what_may_not_be_seen(shop, browser) {
  const page = await at(shop, browser)
  for (const name of Object.keys(asks)) {
    await answered(page, shop, name, route => route.fulfill(problem(403, 'forbidden', 'This key or token may not do that')))
    const denied = page.getByRole('alert').filter({hasText: 'You may not see this'}).first()
    await denied.waitFor().catch(() => { throw new Error(`${name} does not say that it is denied`) })
    await denied.getByText('Your role or your purposes do not allow it.').waitFor()
    assert.equal(await denied.getByRole('button', {name: 'Try again'}).count(), 0, `${name}: asking again would change nothing`)
    if (name === 'rights') await axeClean(page, `${name}, denied`)
    await page.unroute(asks[name])
  }
  page.problems = page.problems.filter(one => !/403/.test(one))
  await done(page)
}

async function each_view_says_that_the_server_is_away(shop, browser) {
  const page = await at(shop, browser)
  for (const name of Object.keys(asks)) {
    await answered(page, shop, name, route => route.abort('connectionrefused'))
    const away = page.getByRole('alert').filter({hasText: 'The server does not answer'}).first()
    await away.waitFor().catch(() => { throw new Error(`${name} does not say that the server is away`) })
    await page.unroute(asks[name])
    await comes_back(page, name)
  }
  page.problems = page.problems.filter(one => !/ERR_CONNECTION_REFUSED|ERR_FAILED/.test(one))
  await done(page)
}

async function each_view_of_a_shop_without_customers_says_that_there_is_nothing_yet_and_what_would_change_it(shop, browser) {
  const says = {
    'home': 'Nothing was denied in this time.', 'live': 'Nothing has arrived since you came', 'profiles': 'Nobody yet.', 'profile': 'Nobody is known by email:anna.kovacs@example.hu', 'consent': 'Nobody is known yet',
    'consent-rates': 'Nobody said anything in this time', 'consent-texts': 'still to renew', 'rights': 'Nobody waits for an answer.', 'destinations': 'No delivery', 'evidence': 'this is the first head that this browser sees',
    'denials': 'Nothing was denied in this time', 'purpose': 'Nobody said anything in this time.', 'reads': 'Nobody read anything', 'tour': 'The cast:',
  }
  const own = new Shop(path.dirname(shop.program))
  try {
    await own.start({people: 0})
    const page = await at(own, browser)
    for (const [name, words] of Object.entries(says)) {
      await open(page, own, views[name])
      await page.getByText(words).first().waitFor().catch(() => { throw new Error(`${name} does not say \`${words}\``) })
      await axeClean(page, `${name} without customers`)
    }
    await open(page, own, '#/')
    await picture(page, 'console-no-customers', false)
    page.problems = page.problems.filter(one => !/404/.test(one))
    await done(page)
  } finally {
    own.stop()
  }
}

async function live_says_when_it_has_no_stream_and_connects_again(shop, browser) {
  const page = await at(shop, browser)
  let go
  const gate = new Promise(resolve => { go = resolve })
  await page.route('**/v1/live*', async route => { await gate; await route.fulfill(problem(500, 'internal', 'Telos failed; the details are in its log')) })
  await page.goto(`${shop.url}/#/live`)
  await page.getByText('connecting …').waitFor()
  go()
  await page.getByText('not connected', {exact: true}).waitFor()
  await axeClean(page, 'Live without a stream')
  await page.unroute('**/v1/live*')
  await page.getByText('connected', {exact: true}).waitFor()
  page.problems = page.problems.filter(one => !/500/.test(one))
  await done(page)
}

async function what_is_done_by_a_button_says_why_it_failed_and_can_be_done_again(shop, browser) {
  const page = await at(shop, browser)
  const internal = problem(500, 'internal', 'Telos failed; the details are in its log')
  await page.route('**/v1/audit/check', route => route.fulfill(internal))
  await open(page, shop, '#/evidence?tab=check')
  await page.getByRole('button', {name: 'Verify now'}).click()
  await page.getByRole('alert').getByText('Telos failed').waitFor()
  await page.unroute('**/v1/audit/check')
  await page.getByRole('button', {name: 'Verify now'}).click()
  await page.getByText('No violation.').waitFor({timeout: 60000})
  await page.route('**/v1/track*', route => route.fulfill(internal))
  await open(page, shop, '#/tour')
  await page.getByRole('button', {name: 'Begin'}).click()
  await page.getByRole('alert').getByText('Telos failed').waitFor()
  await page.unroute('**/v1/track*')
  await page.getByRole('button', {name: 'Begin'}).click()
  await page.getByRole('heading', {name: '1. Data arrives'}).waitFor()
  await page.route('**/v1/policy/check*', route => route.abort('connectionrefused'))
  await open(page, shop, '#/purposes?tab=policy')
  await page.getByRole('textbox', {name: 'The policy’s text'}).click()
  await page.keyboard.press('Control+End')
  await page.keyboard.type('\n# changed')
  await page.getByText('The server does not answer').first().waitFor()
  await page.unroute('**/v1/policy/check*')
  page.problems = page.problems.filter(one => !/500|ERR_CONNECTION_REFUSED|ERR_FAILED/.test(one))
  await done(page)
}

async function in_Hungarian_a_failure_has_no_English_in_it(shop, browser) {
  const page = await at(shop, browser, 'agent', {locale: 'hu-HU'})
  await page.goto(shop.url + '/')
  await page.evaluate(() => localStorage.setItem('language', 'hu'))
  await page.route('**/v1/profiles/email*', route => route.fulfill({status: 403, contentType: 'application/problem+json', body: JSON.stringify({
    type: '/problems/forbidden', title: 'This key or token may not do that', status: 403, detail: 'the gate withholds this person for this purpose; `reasons` says why', reasons: [{code: 'consent_withdrawn', text: 'The person withdrew the consent.'}]})}))
  await page.goto('about:blank')
  await page.goto(`${shop.url}/#/profiles?who=email:anna.kovacs@example.hu&for=service`)
  const card = page.getByRole('alert').first()
  await card.getByText('A kapu erre a célra visszatartja ezt a személyt.').waitFor()
  await card.getByText('A személy visszavonta a hozzájárulást.').waitFor()
  assert.doesNotMatch(await card.innerText(), /the gate|withheld|person|purpose/)
  await picture(page, 'console-withheld', false)
  page.problems = page.problems.filter(one => !/403/.test(one))
  await done(page)
}

async function an_unknown_person_and_an_unknown_page_are_no_errors(shop, browser) {
  const page = await at(shop, browser)
  await page.goto(`${shop.url}/#/profiles?who=email:someone@nowhere.example&for=service`)
  await page.getByText('Nobody is known by email:someone@nowhere.example').waitFor()
  await axeClean(page, 'nobody')
  await page.goto(`${shop.url}/#/nowhere`)
  await page.getByText('There is no such page').waitFor()
  page.problems = page.problems.filter(one => !/404/.test(one))
  await done(page)
}

async function a_session_that_has_ended_asks_to_sign_in_and_goes_on_where_it_was(shop, browser) {
  const page = await at(shop, browser, 'marketer')
  await open(page, shop, '#/consent')
  await page.context().clearCookies()
  await page.getByRole('link', {name: 'Destinations'}).click()
  await page.getByText('Your session has ended').waitFor()
  await axeClean(page, 'an ended session')
  await page.getByLabel('Name', {exact: true}).fill('marketer')
  await page.getByLabel('Password', {exact: true}).fill('correct horse battery')
  await page.getByRole('button', {name: 'Sign in'}).click()
  await page.getByRole('heading', {level: 1, name: 'Destinations'}).waitFor()
  page.problems = page.problems.filter(one => !/401/.test(one))
  await done(page)
}

async function an_absent_server_is_said_and_comes_back_by_itself(shop, browser) {
  const page = await at(shop, browser)
  await open(page, shop, '#/')
  await shop.down()
  await page.getByRole('status').getByText('The server does not answer').waitFor()
  assert.ok(await page.getByText('The flow').first().isVisible(), 'what was there stays')
  await axeClean(page, 'an absent server')
  await picture(page, 'console-offline', false)
  await shop.serve()
  await page.getByRole('status').getByText('The server does not answer').waitFor({state: 'detached'})
  await page.context().close()
}

export const stateCases = [
  an_empty_server_is_set_up_by_its_one_time_link_and_says_what_to_do, each_view_says_that_it_loads_and_what_failed_and_tries_again, each_view_says_what_may_not_be_seen, each_view_says_that_the_server_is_away,
  each_view_of_a_shop_without_customers_says_that_there_is_nothing_yet_and_what_would_change_it, live_says_when_it_has_no_stream_and_connects_again, what_is_done_by_a_button_says_why_it_failed_and_can_be_done_again,
  in_Hungarian_a_failure_has_no_English_in_it, an_unknown_person_and_an_unknown_page_are_no_errors,
  a_session_that_has_ended_asks_to_sign_in_and_goes_on_where_it_was, an_absent_server_is_said_and_comes_back_by_itself,
]
