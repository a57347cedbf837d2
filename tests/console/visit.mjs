// Being at the console: signed in, at a page, waiting until it is there.
import assert from 'node:assert/strict'
import {password} from './shop.mjs'

const kept = new Map() // server and role → the state of a signed-in browser

export async function signIn(page, shop, name, word = password) {
  await page.goto(shop.url + '/')
  await page.getByRole('textbox', {name: /^(Name|Név)$/}).fill(name)
  await page.getByLabel(/^(Password|Jelszó)$/).fill(word)
  await page.getByRole('button', {name: /^(Sign in|Bejelentkezés)$/}).click()
}

/** A page of that role, signed in; its requests are listed, those to other hosts are a fault. */
export async function at(shop, browser, role = 'admin', options = {}) {
  const page = await browser.page({viewport: {width: 1280, height: 860}, reducedMotion: 'reduce', ...options, ...(kept.has(shop.url + role) ? {storageState: kept.get(shop.url + role)} : {})})
  page.setDefaultTimeout(15000)
  page.foreign = []
  page.on('request', request => { if (!request.url().startsWith(shop.url) && !/^(data|blob):/.test(request.url())) page.foreign.push(request.url()) })
  if (!kept.has(shop.url + role)) {
    await signIn(page, shop, role)
    await page.getByRole('navigation', {name: /^(Pages|Oldalak)$/, includeHidden: true}).waitFor({state: 'attached'})
    kept.set(shop.url + role, {cookies: (await page.context().storageState()).cookies, origins: []})
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

/** What must hold of every view: nothing foreign was asked for, nothing broke the Content Security Policy, nothing was said on the console. */
export async function clean(page, what = 'the page') {
  assert.deepEqual(page.foreign, [], `${what} asks nothing of another host`)
  assert.deepEqual(page.problems, [], `${what} has no error and breaks no rule of its Content Security Policy`)
  const inline = await page.evaluate(() => [...document.querySelectorAll('script:not([src]), style, [onclick], [onload], [onerror], iframe, object, embed')].map(one => one.outerHTML.slice(0, 120)))
  assert.deepEqual(inline, [], `${what} has no inline script or style and no frame`)
}

export async function done(page) {
  await clean(page)
  await page.context().close()
}
