// When things are not well: nothing there yet, slow, failing, away, over.
import assert from 'node:assert/strict'
import {axeClean, picture} from '../browser/browser.mjs'
import {Shop} from './shop.mjs'
import {at, done, open, settled} from './visit.mjs'

async function an_empty_server_is_set_up_by_its_one_time_link_and_says_what_to_do(shop, browser) {
  const own = new Shop(shop.program.replace(/\/telos$/, ''))
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
    await page.getByText('No policy is active yet').first().waitFor()
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

async function loading_and_failure_are_shown_as_such(shop, browser) {
  const page = await at(shop, browser)
  let go
  const gate = new Promise(resolve => { go = resolve })
  await page.route('**/v1/denials*', async route => { await gate; await route.fulfill({status: 500, contentType: 'application/problem+json', body: JSON.stringify({type: '/problems/internal', title: 'Something went wrong', status: 500, detail: ''})}) })
  await page.goto(`${shop.url}/#/evidence?tab=denials`)
  await page.getByRole('status').getByText('Loading …').waitFor({state: 'attached'})
  go()
  await page.getByRole('alert').getByText('Something went wrong in the server').waitFor()
  await axeClean(page, 'a failure')
  await picture(page, 'console-failure', false)
  await page.unroute('**/v1/denials*')
  await page.getByRole('button', {name: 'Try again'}).click()
  await page.getByText('Every no, counted').waitFor()
  page.problems = page.problems.filter(one => !/500/.test(one))
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
  an_empty_server_is_set_up_by_its_one_time_link_and_says_what_to_do, loading_and_failure_are_shown_as_such, an_unknown_person_and_an_unknown_page_are_no_errors,
  a_session_that_has_ended_asks_to_sign_in_and_goes_on_where_it_was, an_absent_server_is_said_and_comes_back_by_itself,
]
