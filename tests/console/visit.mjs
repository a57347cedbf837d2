// Being at the console: signed in, at a page, waiting until it is there.
import assert from 'node:assert/strict'
import {password} from './shop.mjs'

const kept = new Map() // role → the state of a signed-in browser

export async function signIn(page, shop, name, word = password) {
  await page.goto(shop.url + '/')
  await page.getByLabel('Name', {exact: true}).fill(name)
  await page.getByLabel('Password', {exact: true}).fill(word)
  await page.getByRole('button', {name: 'Sign in'}).click()
}

/** A page of that role, signed in; its requests are listed, those to other hosts are a fault. */
export async function at(shop, browser, role = 'admin', options = {}) {
  const page = await browser.page({viewport: {width: 1280, height: 860}, reducedMotion: 'reduce', ...options, ...(kept.has(role) ? {storageState: kept.get(role)} : {})})
  page.setDefaultTimeout(15000)
  page.foreign = []
  page.on('request', request => { if (!request.url().startsWith(shop.url) && !/^(data|blob):/.test(request.url())) page.foreign.push(request.url()) })
  if (!kept.has(role)) {
    await signIn(page, shop, role)
    await page.getByRole('navigation', {name: 'Pages'}).waitFor({state: 'attached'})
    kept.set(role, {cookies: (await page.context().storageState()).cookies, origins: []})
  }
  return page
}

/** Opens a view and waits until nothing is loading any more. */
export async function open(page, shop, hash) {
  await page.goto(`${shop.url}/${hash}`)
  await page.getByRole('heading', {level: 1}).first().waitFor()
  await settled(page)
}
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('.bones'))
}

export async function done(page) {
  assert.deepEqual(page.foreign, [], 'nothing is asked of another host')
  assert.deepEqual(page.problems, [], 'no error in the page')
  await page.context().close()
}
